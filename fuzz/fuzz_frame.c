/* SPDX-License-Identifier: MIT */
/* fuzz: RFC 4571 framing: however a stream is cut, the same packets come out of it. */
#include "ice/frame.h"

#include "base/bytes.h"
#include "base/panic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	uint64_t sum;
	size_t packets, bytes;
	bool broken;
} Seen;

static Seen read_stream(tulle_bytes stream, size_t cap, tulle_bytes cuts)
{
	Seen seen = {0};
	tulle_ice_frames f;
	uint8_t *buf = malloc(cap);
	tulle_ice_frames_init(&f, buf, cap);
	for (size_t at = 0, i = 0; at < stream.len; i++) {
		size_t left = stream.len - at;
		size_t n = cuts.len != 0 ? 1 + (size_t)cuts.ptr[i % cuts.len] : left;
		n = n < left ? n : left;
		uint8_t *exact = malloc(n);
		memcpy(exact, stream.ptr + at, n);
		for (size_t used = 0; used < n;) {
			tulle_bytes packet;
			tulle_drop drop;
			size_t k =
				tulle_ice_frames_read(&f, exact + used, n - used, &packet, &drop);
			TULLE_CHECK(k != 0 && k <= n - used && packet.len <= cap);
			TULLE_CHECK((packet.ptr == NULL) == (packet.len == 0));
			used += k;
			for (size_t p = 0; p < packet.len; p++)
				seen.sum = seen.sum * 31 + packet.ptr[p] + 1;
			seen.packets += packet.len != 0;
			seen.bytes += packet.len;
			seen.broken = seen.broken || drop != TULLE_TAKEN;
		}
		free(exact);
		at += n;
	}
	free(buf);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_rd in = tulle_rd_make(data, len);
	size_t cap = 1 + (size_t)tulle_rd_u8(&in);
	tulle_bytes cuts = tulle_rd_bytes(&in, tulle_rd_u8(&in) & 15);
	tulle_bytes stream = tulle_rd_bytes(&in, tulle_rd_left(&in));
	Seen whole = read_stream(stream, cap, (tulle_bytes){NULL, 0}),
	     cut = read_stream(stream, cap, cuts);
	TULLE_CHECK(whole.packets == cut.packets && whole.bytes == cut.bytes);
	TULLE_CHECK(whole.sum == cut.sum && whole.broken == cut.broken);
	return 0;
}
