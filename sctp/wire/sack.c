/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of SACK. */
#include "sctp/wire/sack.h"

#include "base/panic.h"
#include "base/serial.h"
#include "sctp/wire/types.h"

#define SACK_BYTES 16u

tulle_sctp_gap tulle_sctp_read_gap(const tulle_sctp_sack_chunk *sack, size_t i)
{
	const uint8_t *p = sack->gaps.ptr + 4 * i;
	return (tulle_sctp_gap){(uint16_t)(p[0] << 8 | p[1]), (uint16_t)(p[2] << 8 | p[3])};
}

uint32_t tulle_sctp_read_duplicate(const tulle_sctp_sack_chunk *sack, size_t i)
{
	const uint8_t *p = sack->duplicates.ptr + 4 * i;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

TULLE_UNTRUSTED(dtls, "65535 gap blocks, all inside the chunk", sctp_packet)
tulle_drop tulle_sctp_read_sack(tulle_bytes value, tulle_sctp_sack_chunk *sack)
{
	tulle_rd r = tulle_rd_make(value.ptr, value.len);
	sack->cumulative = tulle_rd_u32(&r);
	sack->window = tulle_rd_u32(&r);
	sack->gap_count = tulle_rd_u16(&r);
	sack->duplicate_count = tulle_rd_u16(&r);
	sack->gaps = tulle_rd_bytes(&r, (size_t)4 * sack->gap_count);
	sack->duplicates = tulle_rd_bytes(&r, (size_t)4 * sack->duplicate_count);
	if (!tulle_rd_finish(&r))
		return TULLE_DROP_MALFORMED;
	unsigned last = 0; /* RFC9260:3.3.4 offset 1 is the TSN that the cumulative one waits for */
	for (size_t i = 0; i < sack->gap_count; i++) {
		tulle_sctp_gap gap = tulle_sctp_read_gap(sack, i);
		if (gap.start < last + 2 || gap.end < gap.start) {
			/* blocks that touch are sloppy, not wrong */
			if (i == 0 || gap.start != last + 1 || gap.end < gap.start)
				return TULLE_DROP_SCTP_SACK;
		}
		last = gap.end;
	}
	return TULLE_TAKEN;
}

void tulle_sctp_write_sack(tulle_wr *w, uint32_t cumulative, uint32_t window,
	const tulle_sctp_gap *gaps, size_t gap_count, const uint32_t *duplicates,
	size_t duplicate_count)
{
	size_t room = w->cap - w->len;
	room = room > SACK_BYTES ? (room - SACK_BYTES) / 4 : 0;
	gap_count = tulle_min(gap_count, room);
	duplicate_count = tulle_min(duplicate_count, room - gap_count);
	size_t at = tulle_sctp_chunk_start(w, SCTP_SACK, 0);
	tulle_wr_u32(w, cumulative);
	tulle_wr_u32(w, window);
	tulle_wr_u16(w, (uint16_t)gap_count);
	tulle_wr_u16(w, (uint16_t)duplicate_count);
	for (size_t i = 0; i < gap_count; i++) {
		tulle_wr_u16(w, gaps[i].start);
		tulle_wr_u16(w, gaps[i].end);
	}
	for (size_t i = 0; i < duplicate_count; i++)
		tulle_wr_u32(w, duplicates[i]);
	tulle_sctp_chunk_end(w, at);
}
