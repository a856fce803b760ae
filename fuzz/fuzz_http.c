/* SPDX-License-Identifier: MIT */
/* fuzz: HTTP heads, as a request and as an answer. What may be upgraded is accepted by our own
 * client. */
#include "base/panic.h"
#include "signal/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void request(tulle_text head)
{
	tulle_signal_request r;
	tulle_drop drop = tulle_signal_read_request(head, &r);
	char key[24], buf[512];
	uint16_t status;
	const char *why;
	TULLE_CHECK((drop == TULLE_TAKEN) == (r.status == 0) && r.why != NULL);
	if (drop != TULLE_TAKEN)
		return;
	tulle_text protocol = tulle_signal_pick_protocol(&r, TULLE_TEXT("p"));
	TULLE_CHECK(protocol.len <= 1);
	if (!r.upgrade)
		return;
	memcpy(key, r.key.ptr, 24);
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_accept(&w, r.key, protocol);
	TULLE_CHECK(tulle_wr_finish(&w));
	TULLE_CHECK(tulle_signal_read_response(
			    (tulle_text){buf, w.len}, key, protocol, &status, &why) == TULLE_TAKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_text head = {(const char *)data, len};
	uint16_t status;
	const char *why;
	size_t seen = 0, end = tulle_signal_find_head_end(data, len, &seen);
	TULLE_CHECK(end <= len);
	request(head);
	if (end != 0)
		request((tulle_text){head.ptr, end});
	(void)tulle_signal_read_response(
		head, "dGhlIHNhbXBsZSBub25jZQ==", TULLE_TEXT("p"), &status, &why);
	return 0;
}
