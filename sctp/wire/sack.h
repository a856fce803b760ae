/* SPDX-License-Identifier: MIT */
/* sctp/wire: SACK: RFC9260:3.3.4. */
#ifndef TULLE_SCTP_WIRE_SACK_H
#define TULLE_SCTP_WIRE_SACK_H
#include "sctp/wire/packet.h"

typedef struct {
	uint16_t start, end; /* offsets from the cumulative TSN */
} tulle_sctp_gap;

typedef struct {
	uint32_t cumulative, window;
	uint16_t gap_count, duplicate_count;
	tulle_bytes gaps, duplicates; /* on the wire */
} tulle_sctp_sack_chunk;

/* MALFORMED: counts and length disagree. SCTP_SACK: gaps not sorted, disjoint, from 2 on. */
tulle_drop tulle_sctp_read_sack(tulle_bytes value, tulle_sctp_sack_chunk *sack);
tulle_sctp_gap tulle_sctp_read_gap(const tulle_sctp_sack_chunk *sack, size_t i);
uint32_t tulle_sctp_read_duplicate(const tulle_sctp_sack_chunk *sack, size_t i);
/* Up to the counts into w; fewer gaps when there is no room. */
void tulle_sctp_write_sack(tulle_wr *w, uint32_t cumulative, uint32_t window,
	const tulle_sctp_gap *gaps, size_t gap_count, const uint32_t *duplicates,
	size_t duplicate_count);
#endif
