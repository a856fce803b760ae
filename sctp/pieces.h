/* SPDX-License-Identifier: MIT */
/* sctp: payload in the blocks of a pool: what is to be sent, what has come.
 * Invariant: a block lives as long as a piece in it. */
#ifndef TULLE_SCTP_PIECES_H
#define TULLE_SCTP_PIECES_H
#include <tulle/base.h>

typedef struct sctp_stream sctp_stream;

/* A block of payload that pieces share; given back when the last piece in it is freed. */
typedef struct {
	uint32_t used, refs;
} sctp_block;
#define SCTP_BLOCK_HEAD_BYTES 16u

/* Part of a message to send, payload behind it in the same block. */
typedef struct sctp_out_piece {
	struct sctp_out_piece *next;    /* of the same stream */
	struct sctp_out_piece *undated; /* the next one in out.undated */
	sctp_stream *stream;
	sctp_block *block;
	tulle_time expires_us; /* NEVER: no lifetime. RFC3758:3.5 */
	uint32_t ppid;
	uint32_t mid; /* its low half is the SSN */
	uint16_t len, sent, acked;
	uint16_t tries;              /* times it may be sent, 0: as often as it takes */
	bool first, last, unordered; /* of the message */
	bool uncounted;              /* by buffered */
} sctp_out_piece;

/* Received payload, a chunk or a part of one, behind it in the same block. */
typedef struct sctp_in_piece {
	struct sctp_in_piece *chain;       /* the rest of the message, in order */
	struct sctp_in_piece *next, *prev; /* heads of messages: the stream's list */
	sctp_block *block;
	struct sctp_in_piece *tail; /* I-DATA, of a message's head: the last piece of its chain */
	uint32_t tsn, mate; /* mate: DATA: other end of the run of fragments, right at both ends; */
			    /* I-DATA, of a head: how many fragments came */
	sctp_stream *owner;
	uint32_t ppid, fsn;
	uint32_t mid;   /* of DATA the SSN, counted on beyond 16 bits */
	uint32_t bytes; /* I-DATA, of a head: of the message so far */
	uint16_t len;
	uint8_t flags; /* the chunk's B, E, U */
	bool done;     /* of a whole message */
	bool listed;   /* head of a message in a list of its stream */
	bool ordered;  /* and this is the list of those that come in order */
} sctp_in_piece;

typedef struct {
	sctp_in_piece *head, *tail;
} sctp_in_list;
#endif
