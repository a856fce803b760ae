/* SPDX-License-Identifier: MIT */
/* sctp: requests to reset streams, ours and the peer's, and their answers: RFC 6525. */
#ifndef TULLE_SCTP_RESETS_H
#define TULLE_SCTP_RESETS_H
#include "sctp/sctp.h"
#include "sctp/wire/packet.h"

typedef struct sctp_stream sctp_stream;

typedef struct {
	uint32_t sequence, result;
} sctp_reset_answer;

typedef struct {
	uint32_t sequence, last_tsn; /* ours: of the request under way */
	uint32_t peer_sequence;      /* the next one that we expect */
	uint32_t done[2];            /* how the two before it ended, by number & 1 */
	/* requests that wait for data: "deferred reset processing" of RFC6525:5.2.2 E2 */
	uint32_t deferred;           /* streams that wait so */
	struct sctp_stream *waiting; /* these */
	tulle_time all_at;           /* a request that named none was looked at */
	uint32_t deferred_next;      /* the TSN that the first of them waits for, or all of them */
	uint32_t all_tsn;            /* of one that named no stream */
	uint32_t put_off_tsn, put_off_sum; /* what the last one said */
	bool all_deferred;
	bool put_off[2];              /* by number & 1: was told to wait */
	sctp_reset_answer answers[2]; /* those that are due, in one chunk: RFC6525:5.2.1 */
	sctp_stream *first, *last;    /* QUEUED and SENT streams */
	uint16_t sent_count;
	uint8_t done_count, answer_count;
	bool busy, written; /* written: what the request names stays as it is */
	bool in_progress;   /* the peer said so: its silence is no error then */
} sctp_resets;

tulle_drop tulle_sctp_take_re_config(tulle_sctp *, const tulle_sctp_chunk *);
void tulle_sctp_reset_ready(tulle_sctp *sctp, sctp_stream *stream); /* all of it is acknowledged */
void tulle_sctp_reset_begin(tulle_sctp *sctp);        /* those that are ready, if it is time */
void tulle_sctp_reset_end(tulle_sctp *sctp, bool ok); /* our request is answered */
void tulle_sctp_write_re_config(tulle_sctp *sctp, tulle_wr *w);
void tulle_sctp_resets_begin(tulle_sctp *sctp);
void tulle_sctp_resets_clear(tulle_sctp *sctp);
void tulle_sctp_resets_forget(tulle_sctp *sctp); /* all that the peer asked for */
void tulle_sctp_reset_timeout(tulle_sctp *sctp);
/* Data of a stream behind its reset, while that waits. */
bool tulle_sctp_is_held_back(const tulle_sctp *sctp, uint16_t stream, uint32_t tsn);
void tulle_sctp_reset_deferred(tulle_sctp *sctp); /* the cumulative TSN has moved */
#endif
