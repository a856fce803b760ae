/* SPDX-License-Identifier: MIT */
/* peer: the messages of the Data Channel Establishment Protocol (RFC 8832). Reader and writer. */
#ifndef TULLE_PEER_DCEP_H
#define TULLE_PEER_DCEP_H
#include "base/bytes.h"

/* Payload protocol identifiers: RFC8831:8 */
enum {
	PPID_DCEP = 50,
	PPID_STRING = 51,
	PPID_BINARY = 53,
	PPID_STRING_EMPTY = 56,
	PPID_BINARY_EMPTY = 57,
};

typedef enum { DCEP_ACK = 2, DCEP_OPEN = 3 } dcep_type;

typedef struct {
	dcep_type type;
	bool unordered, has_max_retransmits, has_max_lifetime; /* of OPEN, as all below */
	uint16_t priority;
	uint32_t reliability; /* retransmissions or milliseconds */
	tulle_text label, protocol;
} dcep_message;

#define DCEP_OPEN_HEAD_BYTES 12

/* TAKEN, or DCEP: not one of RFC8832:5. Spans point into data. */
tulle_drop tulle_peer_read_dcep(const uint8_t *data, size_t len, dcep_message *out);
/* The twelve bytes before the texts of an OPEN, whose lengths come out with ptr NULL; false: they
 * are no head of one. */
bool tulle_peer_read_dcep_head(const uint8_t head[DCEP_OPEN_HEAD_BYTES], dcep_message *out);
/* 12 bytes: without the texts. */
void tulle_peer_write_dcep_head(const dcep_message *message, uint8_t dst[DCEP_OPEN_HEAD_BYTES]);
/* 0: does not fit. */
size_t tulle_peer_write_dcep(const dcep_message *message, uint8_t *dst, size_t cap);
#endif
