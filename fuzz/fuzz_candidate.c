/* SPDX-License-Identifier: MIT */
/* fuzz: the candidate grammar. What is read is written, and what was written reads back equal. */
#include <tulle/ice.h>

#include "base/panic.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[2048];
	tulle_ice_candidate c, back;
	if (tulle_ice_read_candidate((tulle_text){(const char *)data, len}, &c) != TULLE_TAKEN ||
		c.type == 0)
		return 0;
	size_t n = tulle_ice_write_candidate(&c, text, sizeof text);
	TULLE_CHECK(n != 0);
	if (n > 1024) /* a generation was added to what was as long as may be */
		return 0;
	TULLE_CHECK(tulle_ice_read_candidate((tulle_text){text, n}, &back) == TULLE_TAKEN);
	TULLE_CHECK(back.component == c.component && back.priority == c.priority);
	TULLE_CHECK(
		back.type == c.type && back.is_udp == c.is_udp && back.addr.port == c.addr.port);
	TULLE_CHECK(back.is_address == c.is_address && tulle_text_is(back.ufrag, c.ufrag));
	TULLE_CHECK(tulle_text_is(back.foundation, c.foundation));
	TULLE_CHECK(tulle_text_is(back.tcptype, c.tcptype));
	return 0;
}
