/* SPDX-License-Identifier: MIT */
/* fuzz: sdp. What is read is walked and answered; the answer reads, with as many sections. */
#include <tulle/sdp.h>

#include "base/panic.h"
#include "base/text.h"

#include <tulle/sctp.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_inside(tulle_text t, const uint8_t *data, size_t len)
{
	const uint8_t *p = (const uint8_t *)t.ptr;
	return t.len == 0 || (p >= data && p + t.len <= data + len);
}

static void answer(const tulle_sdp *offer)
{
	tulle_sdp_fingerprint f = {.hash = 256};
	tulle_sdp_local local = {.session_id = 1,
		.ufrag = {"abcd", 4},
		.pwd = {"abcdefghijklmnopqrstuv", 22},
		.fingerprints = &f,
		.fingerprint_count = 1,
		.setup = TULLE_SETUP_ACTIVE,
		.max_message_size = 262144};
	tulle_sdp back;
	size_t n, cap = offer->input.len * 8 + 4096;
	char *text = malloc(cap);
	tulle_err err = tulle_sdp_write_answer(&local, offer, text, cap, &n);
	TULLE_CHECK(err == TULLE_OK || err == TULLE_ERR_ARGUMENT);
	if (err == TULLE_OK) {
		tulle_err read = tulle_sdp_read((tulle_text){text, n}, &back);
		TULLE_CHECK(read == TULLE_OK);
		TULLE_CHECK(back.section_count == offer->section_count);
		TULLE_CHECK(back.data_index == offer->data_index);
		TULLE_CHECK(back.bundled == offer->bundled);
	}
	free(text);
}

static void read_init(tulle_text text)
{
	uint8_t *init = malloc(256);
	size_t n;
	if (tulle_text_base64(text, init, 256, &n))
		(void)tulle_sctp_is_init((tulle_bytes){init, n});
	free(init);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_sdp sdp;
	tulle_sdp_section section;
	tulle_text candidate;
	size_t cursor = 0, sections = 0, candidates = 0;
	if (tulle_sdp_read((tulle_text){(const char *)data, len}, &sdp) != TULLE_OK)
		return 0;
	while (tulle_sdp_next_section(&sdp, &cursor, &section))
		sections++;
	TULLE_CHECK(sections == sdp.section_count);
	read_init(sdp.sctp_init);
	cursor = 0;
	while (tulle_sdp_next_candidate(&sdp, &cursor, &candidate)) {
		TULLE_CHECK(is_inside(candidate, data, len));
		candidates++;
	}
	TULLE_CHECK(candidates <= sdp.candidate_count);
	TULLE_CHECK(is_inside(sdp.ufrag, data, len) && is_inside(sdp.pwd, data, len));
	TULLE_CHECK(is_inside(sdp.data.mid, data, len) && is_inside(sdp.session_id, data, len));
	if (sdp.data_index >= 0)
		answer(&sdp);
	return 0;
}
