/* SPDX-License-Identifier: MIT */
/* fuzz: stun. Whatever is read is asked everything, and what it says of itself is written again. */
#include <tulle/stun.h>

#include "base/panic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(const tulle_stun_message *m)
{
	static const uint8_t key[] = "VOkJxbRl1RmTxUk/WvJxBt";
	tulle_addr addr;
	tulle_text reason;
	uint32_t features;
	for (int a = 0; a < TULLE_STUN_A_COUNT; a++) {
		tulle_stun_attribute attribute = (tulle_stun_attribute)a;
		tulle_bytes v = m->value[a];
		TULLE_CHECK(v.ptr == NULL ||
			    (v.ptr >= m->raw.ptr + 24 && v.ptr + v.len <= m->raw.ptr + m->raw.len));
		(void)tulle_stun_u32(m, attribute);
		(void)tulle_stun_u64(m, attribute);
		(void)tulle_stun_address(m, attribute, &addr);
	}
	(void)tulle_stun_error(m, &reason);
	(void)tulle_stun_is_fingerprint_right(m);
	(void)tulle_stun_is_authentic(m, (tulle_bytes){key, sizeof key - 1});
	(void)tulle_stun_is_authentic_sha256(m, (tulle_bytes){key, sizeof key - 1});
	tulle_bytes nonce = m->value[TULLE_STUN_A_NONCE];
	(void)tulle_stun_nonce_features(
		(tulle_text){(const char *)nonce.ptr, nonce.len}, &features);
}

/* What the table knows is written and must read back as it was. */
static void write_again(const tulle_stun_message *m)
{
	size_t cap = m->raw.len + 8, n;
	uint8_t *buf = malloc(cap);
	tulle_stun_message back;
	tulle_stun_writer w = tulle_stun_write_begin(buf, cap, m->method, m->kind, m->id);
	for (int a = 0; a < TULLE_STUN_A_COUNT; a++)
		if (m->value[a].ptr != NULL && a != TULLE_STUN_A_FINGERPRINT &&
			a != TULLE_STUN_A_MESSAGE_INTEGRITY &&
			a != TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256)
			tulle_stun_write_bytes(&w, tulle_stun_type((tulle_stun_attribute)a),
				m->value[a].ptr, m->value[a].len);
	tulle_stun_write_fingerprint(&w);
	n = tulle_stun_write_finish(&w);
	TULLE_CHECK(n != 0 && tulle_stun_read(buf, n, &back) == TULLE_TAKEN);
	TULLE_CHECK(back.method == m->method && back.kind == m->kind);
	TULLE_CHECK(tulle_stun_is_fingerprint_right(&back));
	for (int a = 0; a < TULLE_STUN_A_COUNT; a++)
		if (back.value[a].ptr != NULL && a != TULLE_STUN_A_FINGERPRINT)
			TULLE_CHECK(
				back.value[a].len == m->value[a].len &&
				memcmp(back.value[a].ptr, m->value[a].ptr, back.value[a].len) == 0);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_stun_message m;
	(void)tulle_stun_frame(data, len);
	if (tulle_stun_read(data, len, &m) != TULLE_TAKEN)
		return 0;
	TULLE_CHECK(tulle_stun_frame(data, len) == len);
	ask(&m);
	if (len <= 65000)
		write_again(&m);
	return 0;
}
