/* SPDX-License-Identifier: MIT */
/* sctp/wire: INIT and INIT ACK: RFC9260:3.3.2, 3.3.3; RFC6525:3.2; RFC8260:2.2.1; RFC9653:4. */
#ifndef TULLE_SCTP_WIRE_INIT_H
#define TULLE_SCTP_WIRE_INIT_H
#include "sctp/limits.h"
#include "sctp/wire/packet.h"

typedef struct {
	uint32_t tag, window, tsn;
	uint16_t streams_out, streams_in;
	bool forward_tsn, re_config, i_data, zero_checksum, host_name, has_cookie;
	bool i_forward_tsn; /* read; written when i_data and forward_tsn are */
	bool no_pad;        /* it is like one that falls at a chunk that it does not know */
	tulle_bytes cookie; /* INIT ACK */
	/* RFC9260:3.2.2: parameters to report, one behind the other, those that fit with a header
	 * each */
	uint8_t unknown[TULLE_SCTP_UNKNOWN_BYTES_MAX];
	uint16_t unknown_len, unknown_count;
} tulle_sctp_init_chunk;

/* MALFORMED: too short, or a parameter's frame is broken. */
tulle_drop tulle_sctp_read_init(tulle_bytes value, tulle_sctp_init_chunk *init);
/* The whole chunk. Announces what init says; each unknown one in an Unrecognized Parameter. */
void tulle_sctp_write_init_chunk(tulle_wr *w, uint8_t type, const tulle_sctp_init_chunk *init);
#endif
