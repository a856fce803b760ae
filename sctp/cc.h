/* SPDX-License-Identifier: MIT */
/* sctp: congestion control behind a table of functions, so that others can stand beside NewReno.
 * RFC9260:7. Invariant: cwnd is one packet's payload at least. */
#ifndef TULLE_SCTP_CC_H
#define TULLE_SCTP_CC_H
#include <tulle/base.h>

typedef struct {
	tulle_time now, rtt_us;      /* rtt 0: no sample */
	size_t acked, flight_before; /* bytes newly acknowledged; in flight before */
	bool cumulative_moved, in_recovery;
} tulle_sctp_cc_ack;

typedef struct tulle_sctp_cc {
	const struct tulle_sctp_cc_way *way;
	size_t cwnd, ssthresh, partial, mtu; /* mtu: PMDCS, the largest chunk */
} tulle_sctp_cc;

typedef struct tulle_sctp_cc_way {
	const char *name;
	void (*init)(tulle_sctp_cc *cc);
	void (*on_ack)(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
	void (*on_loss)(tulle_sctp_cc *cc); /* entering fast recovery */
	void (*on_timeout)(tulle_sctp_cc *cc);
	void (*on_idle)(tulle_sctp_cc *cc); /* an RTO without data */
} tulle_sctp_cc_way;

extern const tulle_sctp_cc_way tulle_sctp_cc_newreno;
#endif
