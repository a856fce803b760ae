/* SPDX-License-Identifier: MIT */
/* sctp/wire: DATA (RFC9260:3.3.1) and I-DATA (RFC8260:2.1). */
#ifndef TULLE_SCTP_WIRE_DATA_H
#define TULLE_SCTP_WIRE_DATA_H
#include "sctp/wire/packet.h"

#define SCTP_DATA_HEADER_BYTES 16u
#define SCTP_I_DATA_HEADER_BYTES 20u

typedef struct {
	uint32_t tsn, ppid;
	uint16_t stream;
	uint32_t mid;     /* of DATA the SSN */
	uint32_t fsn;     /* of I-DATA; the first fragment has 0 and the PPID */
	bool interleaved; /* I-DATA */
	uint8_t flags;    /* SCTP_FLAG_B, E, U, I */
	tulle_bytes data;
} tulle_sctp_data_chunk;

/* False: shorter than its header. An empty payload is read; the caller answers it. */
bool tulle_sctp_read_data(const tulle_sctp_chunk *chunk, tulle_sctp_data_chunk *data);
/* The header for len bytes, which the caller copies and pads. */
void tulle_sctp_write_data_header(tulle_wr *w, const tulle_sctp_data_chunk *data, size_t len);
#endif
