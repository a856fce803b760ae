/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of FORWARD-TSN. */
#include "sctp/wire/forward.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

#define SKIP_BYTES 4u

TULLE_UNTRUSTED(dtls, "one chunk", sctp_packet)
tulle_drop tulle_sctp_read_forward(const tulle_sctp_chunk *chunk, tulle_sctp_forward_chunk *forward)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	forward->cumulative = tulle_rd_u32(&r);
	forward->count = tulle_rd_left(&r) / SKIP_BYTES;
	forward->skips = tulle_rd_bytes(&r, forward->count * SKIP_BYTES);
	return tulle_rd_finish(&r) ? TULLE_TAKEN : TULLE_DROP_MALFORMED;
}

tulle_sctp_skip tulle_sctp_read_skip(const tulle_sctp_forward_chunk *forward, size_t i)
{
	const uint8_t *p = forward->skips.ptr + SKIP_BYTES * i;
	return (tulle_sctp_skip){
		.stream = (uint16_t)(p[0] << 8 | p[1]), .mid = (uint32_t)(p[2] << 8 | p[3])};
}

void tulle_sctp_write_forward_chunk(
	tulle_wr *w, uint32_t cumulative, const tulle_sctp_skip *skips, size_t count)
{
	size_t at = tulle_sctp_chunk_start(w, SCTP_FORWARD_TSN, 0);
	tulle_wr_u32(w, cumulative);
	for (size_t i = 0; i < count; i++) {
		tulle_wr_u16(w, skips[i].stream);
		tulle_wr_u16(w, (uint16_t)skips[i].mid);
	}
	tulle_sctp_chunk_end(w, at);
}
