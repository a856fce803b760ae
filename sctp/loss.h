/* SPDX-License-Identifier: MIT */
/* sctp: what is kept to tell the rate of delivery, what is lost, and what was not: for the
 * association's outbound half. */
#ifndef TULLE_SCTP_LOSS_H
#define TULLE_SCTP_LOSS_H
#include "sctp/limits.h"

#include <tulle/base.h>

/* The delivery rate: rate.c. */
typedef struct {
	uint64_t delivered, lost; /* bytes of chunks in all */
	uint64_t limited_until;   /* delivered up to here is a limited sample; 0: none */
	tulle_time delivered_us, first_us;
} sctp_rate;

/* Loss detection: rack.c. */
typedef struct {
	tulle_time sent_us, rtt_us; /* of the newest sending that arrived: RFC8985:5.2 */
	tulle_time min_rtt_us;
	uint32_t tsn, fack;   /* that one's; the highest TSN that arrived */
	uint32_t top;         /* the highest that the last SACK tells of */
	uint32_t reo_mult;    /* of the reordering window: RFC8985:6.2 step 4 */
	uint32_t reo_persist; /* recoveries until it falls back */
	uint32_t reo_round_tsn;
	bool reordering, has_sent;
} sctp_rack;

/* Retransmissions of this recovery, for the duplicate reports that take it back: undo.c. */
typedef struct {
	uint32_t tsn[TULLE_SCTP_UNDO_MAX];
	uint16_t count;
	bool possible;
} sctp_undo;
#endif
