/* SPDX-License-Identifier: MIT */
/* sctp: every bound of the room; docs/LIMITS.md is made of it. */
#ifndef TULLE_SCTP_LIMITS_H
#define TULLE_SCTP_LIMITS_H

#define TULLE_SCTP_BLOCK_BYTES_MIN 1024u     /* of the shared pool: a cookie fits one block */
#define TULLE_SCTP_PACKET_BYTES_MIN 508u     /* the smallest packet_bytes_max */
#define TULLE_SCTP_PACKET_BYTES_LIMIT 16384u /* the largest packet sent: one DTLS record */
#define TULLE_SCTP_COOKIE_BYTES_MAX 960u     /* of a peer's cookie, held in one block */
#define TULLE_SCTP_COOKIE_LIFE_US 60000000   /* Valid.Cookie.Life: RFC9260:16 */
#define TULLE_SCTP_UNKNOWN_BYTES_MAX 320u   /* of unrecognized parameters reported in an INIT ACK */
#define TULLE_SCTP_ERROR_BYTES_MAX 128u     /* of causes in an ERROR or ABORT of ours */
#define TULLE_SCTP_HEARTBEAT_BYTES_MAX 256u /* of a peer's heartbeat information that is echoed */
#define TULLE_SCTP_WINDOW_BYTES_MIN 1500u   /* the least a_rwnd of an INIT: RFC9260:3.3.2 */
#define TULLE_SCTP_GAPS_MAX 300u            /* gap blocks in a SACK of ours, lowest first */
#define TULLE_SCTP_GAPS_SURE 16u            /* fewer are all there are: dcSCTP names 20 */
#define TULLE_SCTP_DUPLICATES_MAX 16u       /* duplicate TSNs named in a SACK */
#define TULLE_SCTP_OWED_SACKS_MAX 8u        /* SACKs owed for packets handled between two polls */
#define TULLE_SCTP_EARLY_PACKETS 64u        /* packets that get a SACK for every second one */
#define TULLE_SCTP_SACK_DELAY_US 25000 /* delayed SACK, at most; else a quarter of a round trip */
#define TULLE_SCTP_WINDOW_BYTES_START 524288u /* the receive window begins here and grows */
#define TULLE_SCTP_WINDOW_SPAN_US                                                                  \
	100000                        /* half of it within so long, or 2 round trips: it grows     \
				       */
#define TULLE_SCTP_INLINE_STREAMS 4u  /* stream records that cost no pool block */
#define TULLE_SCTP_STREAM_BUCKETS 64u /* of the hash table of streams */
#define TULLE_SCTP_RESET_WAITING_MAX 1024u /* streams whose reset by the peer waits for data */
#define TULLE_SCTP_RESET_ALL_US 1000000    /* between two looks at all of so many: RFC6525:4.1 */
#define TULLE_SCTP_RESET_STREAMS_MAX 32u   /* streams in one outgoing reset request of ours */
#define TULLE_SCTP_ROOM_RETRY_US 10000     /* a waiter for more blocks than are free looks again */
#define TULLE_SCTP_ERRORS_PER_SECOND 10u   /* ERROR, ABORT of stateless answers: RFC9260:12.2.4.1 */
#define TULLE_SCTP_FRAGMENT_BYTES_MIN 128u /* the rest of a packet takes no smaller fragment */
#define TULLE_SCTP_SCAN_PARAMETERS_MAX 64u /* parameters looked at in one INIT */
#define TULLE_SCTP_WEIGHT 256u     /* of a stream that has none: priority low of RFC8831:6.4 */
#define TULLE_SCTP_WEIGHT_MIN 32u  /* less counts as this */
#define TULLE_SCTP_TURN_BYTES 512u /* of a turn of weight 128, and in proportion */
#define TULLE_SCTP_DEBT_BYTES_MAX (1 << 24)   /* what a stream owes the others after its turn */
#define TULLE_SCTP_FORWARD_STREAMS_MAX 24u    /* streams in a FORWARD-TSN of ours */
#define TULLE_SCTP_FORWARD_WAIT_US 10000      /* between two of ours, at least */
#define TULLE_SCTP_FORWARD_WAIT_US_MAX 200000 /* and at most, with news: RFC3758:3.5 F3 */
#define TULLE_SCTP_RECEIVE_SHARE 4u           /* send leaves a pool's fourth to what comes in */
#define TULLE_SCTP_UNDO_MAX                                                                        \
	64u /* retransmissions of one recovery that duplicates can take back                       \
	     */
#define TULLE_SCTP_ACK_DELAY_US 200000 /* how long a peer may delay its SACK: RFC9260:6.2 */
#define TULLE_SCTP_ACK_DELAY_PROMPT_US                                                             \
	25000                            /* of one that was seen to answer the I bit at once       \
					  */
#define TULLE_SCTP_PROMPT_ANSWERS 8u     /* in a row, and it was seen */
#define TULLE_SCTP_PATH_PROBES 3u        /* of one size; then it does not pass: RFC8899:5.1.2 */
#define TULLE_SCTP_PATH_PROBE_US 1000000 /* how long a probe may take, at least: RFC8899:5.1.1 */
#define TULLE_SCTP_PATH_PROBE_US_MAX 60000000 /* between two of the base size that do not pass */
#define TULLE_SCTP_PATH_RAISE_US 600000000    /* then a larger size may pass: RFC8899:5.1.1 */
#define TULLE_SCTP_PATH_GAIN_BYTES 8u         /* less is not searched for */
#define TULLE_SCTP_PATH_HOLE_SIGNS 3u         /* that full packets vanish: pmtu.c */
#define TULLE_SCTP_PACE_BURST_US 1000         /* what may go out at once, by the pace */
#define TULLE_SCTP_PACE_LATE_US 2000          /* a host that polls late may catch up by so much */
#endif
