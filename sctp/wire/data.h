/* SPDX-License-Identifier: MIT */
/* sctp/wire: DATA (RFC9260:3.3.1). I-DATA (RFC8260:2.1) will stand here too. */
#ifndef TULLE_SCTP_WIRE_DATA_H
#define TULLE_SCTP_WIRE_DATA_H
#include "sctp/wire/packet.h"

#define SCTP_DATA_HEADER_BYTES 16u

typedef struct {
	uint32_t tsn, ppid;
	uint16_t stream, ssn;
	uint8_t flags; /* SCTP_FLAG_B, E, U, I */
	tulle_bytes data;
} tulle_sctp_data_chunk;

/* False: shorter than its header. An empty payload is read; the caller answers it. */
bool tulle_sctp_read_data(const tulle_sctp_chunk *chunk, tulle_sctp_data_chunk *data);
/* The header for len bytes, which the caller copies and pads. */
void tulle_sctp_write_data_header(tulle_wr *w, const tulle_sctp_data_chunk *data, size_t len);
#endif
