/* SPDX-License-Identifier: MIT */
/* fuzz: DCEP messages; what is read is written again to the same bytes' meaning. */
#include "base/panic.h"
#include "base/text.h"
#include "peer/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t again[140000];
	dcep_message m, n;
	if (tulle_peer_read_dcep(data, len, &m) != TULLE_TAKEN)
		return 0;
	size_t written = tulle_peer_write_dcep(&m, again, sizeof again);
	TULLE_CHECK(written == len);
	TULLE_CHECK(tulle_peer_read_dcep(again, written, &n) == TULLE_TAKEN);
	TULLE_CHECK(n.type == m.type && n.unordered == m.unordered && n.priority == m.priority);
	TULLE_CHECK(n.reliability == m.reliability && tulle_text_is(n.label, m.label));
	TULLE_CHECK(tulle_text_is(n.protocol, m.protocol));
	return 0;
}
