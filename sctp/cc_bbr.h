/* SPDX-License-Identifier: MIT */
/* sctp: BBR's numbers and what its two files share. */
#ifndef TULLE_SCTP_CC_BBR_H
#define TULLE_SCTP_CC_BBR_H
#include "sctp/cc.h"

#define BBR_RTT_LEAST_US 1000     /* round trips below it count as so long */
#define BBR_FULL_ROUNDS 3u        /* without growth: the pipe is full */
#define BBR_PROBE_WAIT_US 1000000 /* between probes for bandwidth, and how much more at most */
#define BBR_PROBE_SPREAD_US 1000000u
#define BBR_RENO_ROUNDS_MAX 63u     /* rounds between probes at most, to share with Reno */
#define BBR_UP_ROUNDS_MAX 4u        /* a probe that finds nothing ends */
#define BBR_MIN_RTT_LIFE_US 5000000 /* the least round trip is looked for again after it */
#define BBR_PROBE_RTT_US 200000     /* how long the queue is kept drained then */
#define BBR_LOSS_PERCENT 2u         /* of a round: below it nothing is made of loss */
#define BBR_POLICED_PACKETS 6u      /* lost in a round: fewer are no policer, but chance */
#define BBR_BETA_PERCENT 75u        /* what a bound keeps */
#define BBR_QUEUE_DIVISOR 16        /* a round trip above the least by this part is a queue */
#define BBR_YIELD_ROUNDS 2u         /* between one giving way and the next */
#define BBR_EASE_DIVISOR 180        /* of the rate, for each quarter of log2(packets queued) */
#define BBR_EASE_ROUND 2u           /* of a phase: the queue before may be our own probe's */
#define BBR_EASE_PERCENT 85u        /* of the rate is kept: below it somebody fills the queue */
#define BBR_GROWN_DIVISOR 10       /* of the least round trip: the queue grew though we eased off */
#define BBR_CONTESTED_CYCLES 12u   /* until we look again whether somebody does */
#define BBR_OVERFLOW_CYCLES 8u     /* so long an overflow is remembered */
#define BBR_START_LOSS_PERCENT 5u  /* of a round: more is someone's start */
#define BBR_REGAIN_PACKETS 2u      /* a round trip, each round without a queue */
#define BBR_LEAP_DIVISOR 8         /* of the least round trip, from one round to the next */
#define BBR_TRIMS_MAX 3u           /* in a cycle */
#define BBR_TRIM_ROUND 4u          /* of a phase: what is lost before was sent in another one */
#define BBR_TRIM_AGAIN_PERCENT 10u /* of a round is lost: the second and the third */
#define BBR_HEADROOM_PERCENT 85u   /* of inflight_hi is used while cruising */

uint64_t tulle_sctp_bbr_bw_max(const tulle_sctp_bbr *b);
size_t tulle_sctp_bbr_bdp(const tulle_sctp_bbr *b);
void tulle_sctp_bbr_begin_down(tulle_sctp_cc *cc, tulle_time now);

/* cc_bbr_bounds.c */
/* Does a round trip stand above the path's least by more than samples differ? */
bool tulle_sctp_bbr_is_queue(const tulle_sctp_bbr *b, tulle_time rtt);
void tulle_sctp_bbr_take_losses(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
size_t tulle_sctp_bbr_bound(const tulle_sctp_cc *cc); /* of cwnd, by what was learnt */
size_t tulle_sctp_bbr_headroom(const tulle_sctp_cc *cc);
size_t tulle_sctp_bbr_probe_rtt_cwnd(const tulle_sctp_cc *cc);
#endif
