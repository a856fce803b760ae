/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of FORWARD-TSN and I-FORWARD-TSN. */
#include "sctp/wire/forward.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

#define SKIP_BYTES 4u
#define I_SKIP_BYTES 8u

TULLE_UNTRUSTED(dtls, "one chunk", sctp_packet)
tulle_drop tulle_sctp_read_forward(const tulle_sctp_chunk *chunk, tulle_sctp_forward_chunk *forward)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	forward->interleaved = chunk->type == SCTP_I_FORWARD_TSN;
	size_t each = forward->interleaved ? I_SKIP_BYTES : SKIP_BYTES;
	forward->cumulative = tulle_rd_u32(&r);
	forward->count = tulle_rd_left(&r) / each;
	forward->skips = tulle_rd_bytes(&r, forward->count * each);
	return tulle_rd_finish(&r) ? TULLE_TAKEN : TULLE_DROP_MALFORMED;
}

tulle_sctp_skip tulle_sctp_read_skip(const tulle_sctp_forward_chunk *forward, size_t i)
{
	size_t each = forward->interleaved ? I_SKIP_BYTES : SKIP_BYTES;
	tulle_rd r = tulle_rd_make(forward->skips.ptr + each * i, each);
	tulle_sctp_skip skip = {.stream = tulle_rd_u16(&r)};
	uint16_t word = tulle_rd_u16(&r);
	skip.unordered = forward->interleaved && (word & 1) != 0;
	skip.mid = forward->interleaved ? tulle_rd_u32(&r) : word;
	return skip;
}

void tulle_sctp_write_forward_chunk(tulle_wr *w, bool interleaved, uint32_t cumulative,
	const tulle_sctp_skip *skips, size_t count)
{
	size_t at =
		tulle_sctp_chunk_start(w, interleaved ? SCTP_I_FORWARD_TSN : SCTP_FORWARD_TSN, 0);
	tulle_wr_u32(w, cumulative);
	for (size_t i = 0; i < count; i++) {
		tulle_wr_u16(w, skips[i].stream);
		tulle_wr_u16(w, interleaved ? skips[i].unordered : (uint16_t)skips[i].mid);
		if (interleaved)
			tulle_wr_u32(w, skips[i].mid);
	}
	tulle_sctp_chunk_end(w, at);
}
