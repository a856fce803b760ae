/* SPDX-License-Identifier: MIT */
/* fuzz: record and handshake headers, before OpenSSL sees them. The first byte is the guard's state. */
#include "base/panic.h"
#include "dtls/limits.h"
#include "dtls/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	dtls_guard guard = {.server = (data[0] & 1) != 0,
		.open = (data[0] & 2) != 0,
		.next_sequence = data[0] >> 2};
	dtls_guard before = guard;
	tulle_drop drop = tulle_dtls_read_datagram(&guard, data + 1, len - 1);
	TULLE_CHECK(drop >= TULLE_TAKEN && drop < TULLE_DROP_COUNT);
	bool moved = guard.next_sequence != before.next_sequence || guard.early != before.early;
	TULLE_CHECK(drop == TULLE_TAKEN || !moved);
	TULLE_CHECK(guard.next_sequence <= before.next_sequence +
			(DTLS_HANDSHAKE_AHEAD_MAX + 1) * DTLS_RECORDS_PER_DATAGRAM_MAX *
				(uint32_t)(len / 12 + 1));
	return 0;
}
