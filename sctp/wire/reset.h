/* SPDX-License-Identifier: MIT */
/* sctp/wire: the parameters of RE-CONFIG: RFC6525:4. */
#ifndef TULLE_SCTP_WIRE_RESET_H
#define TULLE_SCTP_WIRE_RESET_H
#include "sctp/wire/packet.h"

typedef struct {
	uint16_t type; /* SCTP_P_RESET_OUT ... SCTP_P_ADD_IN */
	uint32_t sequence, response_sequence, last_tsn, result;
	tulle_bytes streams; /* on the wire, two bytes each; empty: all */
} tulle_sctp_reset_parameter;

/* False: length does not fit the type, or a type that RFC 6525 does not know. */
bool tulle_sctp_read_reset(const tulle_sctp_parameter *p, tulle_sctp_reset_parameter *reset);
uint16_t tulle_sctp_read_reset_stream(const tulle_sctp_reset_parameter *reset, size_t i);
/* One parameter of type RESET_OUT or RESPONSE. */
void tulle_sctp_write_reset(tulle_wr *w, const tulle_sctp_reset_parameter *reset,
	const uint16_t *streams, size_t count);
#endif
