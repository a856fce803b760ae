/* SPDX-License-Identifier: MIT */
/* sctp/wire: FORWARD-TSN (RFC3758:3.2) and I-FORWARD-TSN (RFC8260:2.3.1). */
#ifndef TULLE_SCTP_WIRE_FORWARD_H
#define TULLE_SCTP_WIRE_FORWARD_H
#include "sctp/wire/packet.h"

typedef struct {
	uint16_t stream;
	bool unordered;
	uint32_t mid; /* the last message that is skipped; of a FORWARD-TSN 16 bits */
} tulle_sctp_skip;

typedef struct {
	uint32_t cumulative;
	tulle_bytes skips; /* on the wire */
	size_t count;
	bool interleaved; /* I-FORWARD-TSN */
} tulle_sctp_forward_chunk;

/* MALFORMED: its length fits no number of streams. */
tulle_drop tulle_sctp_read_forward(
	const tulle_sctp_chunk *chunk, tulle_sctp_forward_chunk *forward);
tulle_sctp_skip tulle_sctp_read_skip(const tulle_sctp_forward_chunk *forward, size_t i);
void tulle_sctp_write_forward_chunk(tulle_wr *w, bool interleaved, uint32_t cumulative,
	const tulle_sctp_skip *skips, size_t count);
#endif
