/* SPDX-License-Identifier: MIT */
/* fuzz: P's messages. A relay message is relayed as a server does, and says the same afterwards. */
#include "base/panic.h"
#include "signal/pmessage.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void inner(tulle_text json)
{
	tulle_signal_p_inner in;
	if (tulle_signal_read_p_inner(json, &in) != TULLE_TAKEN)
		return;
	TULLE_CHECK(in.kind != TULLE_SIGNAL_P_OFFER || tulle_json_check(in.offer_data));
	TULLE_CHECK(in.kind == TULLE_SIGNAL_P_CANDIDATE
			    ? tulle_json_kind_of(in.candidate) == TULLE_JSON_STRING
			    : tulle_json_kind_of(in.sdp) == TULLE_JSON_STRING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_text text = {(const char *)data, len};
	tulle_signal_p p, again;
	inner(text);
	if (tulle_signal_read_p(text, &p) != TULLE_TAKEN)
		return 0;
	TULLE_CHECK(tulle_json_check(p.json));
	if (p.kind == TULLE_SIGNAL_P_DIRECT)
		return 0;
	inner(p.json);
	size_t cap = len + 6 * 255 + 16;
	char *buf = malloc(cap);
	tulle_wr w = tulle_wr_make(buf, cap);
	tulle_text address = {p.address, p.address_bytes};
	tulle_signal_write_p_relay(&w, p.kind, address, p.json);
	TULLE_CHECK(tulle_wr_finish(&w));
	TULLE_CHECK(tulle_signal_read_p((tulle_text){buf, w.len}, &again) == TULLE_TAKEN);
	TULLE_CHECK(tulle_text_is(again.json, p.json) && again.address_bytes == p.address_bytes);
	TULLE_CHECK(memcmp(again.address, p.address, p.address_bytes) == 0);
	free(buf);
	return 0;
}
