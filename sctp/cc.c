/* SPDX-License-Identifier: MIT */
/* sctp: what NewReno and CUBIC share: the initial window, HyStart++ (RFC 9406), proportional rate
 * reduction (RFC 6937), pacing. */
#include "sctp/cc.h"

#include "base/serial.h"

#define INITIAL_BYTES 4404u        /* RFC9260:7.2.1, IPv4 */
#define RTT_SAMPLES 8u             /* RFC9406:4.3 N_RTT_SAMPLE */
#define RTT_THRESHOLD_MIN_US 4000  /* MIN_RTT_THRESH */
#define RTT_THRESHOLD_MAX_US 16000 /* MAX_RTT_THRESH */
#define GROWTH_DIVISOR 4u          /* CSS_GROWTH_DIVISOR */
#define SLOW_ROUNDS 5u             /* CSS_ROUNDS */

void tulle_sctp_cc_start(tulle_sctp_cc *cc)
{
	cc->cwnd = tulle_min(4 * cc->mtu, tulle_max(2 * cc->mtu, INITIAL_BYTES));
	cc->ssthresh = SIZE_MAX / 4;
	cc->partial = 0;
	cc->pacing = 0;
	cc->hystart = (tulle_sctp_hystart){0};
	cc->prr = (tulle_sctp_prr){0};
}

bool tulle_sctp_cc_is_full(const tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	return ack->flight_before + cc->mtu > cc->cwnd;
}

/* -- HyStart++ -- */

static void hystart_round(tulle_sctp_hystart *h, const tulle_sctp_cc_ack *ack)
{
	if (ack->prior_delivered < h->round_end)
		return;
	h->round_end = ack->delivered;
	h->last_min = h->now_min;
	h->now_min = 0;
	h->samples = 0;
	if (h->slow && ++h->rounds >= SLOW_ROUNDS) /* RFC9406:4.2 */
		h->done = true;
}

static void hystart_sample(tulle_sctp_hystart *h, tulle_time rtt)
{
	if (rtt == 0)
		return;
	if (h->now_min == 0 || rtt < h->now_min)
		h->now_min = rtt;
	h->samples++;
	if (h->samples < RTT_SAMPLES || h->last_min == 0)
		return;
	if (h->slow) {
		if (h->now_min < h->base_min) { /* the queue was none: back to slow start */
			h->slow = false;
			h->rounds = 0;
		}
		return;
	}
	tulle_time rise = tulle_time_min(
		tulle_time_max(h->last_min / 8, RTT_THRESHOLD_MIN_US), RTT_THRESHOLD_MAX_US);
	if (h->now_min >= h->last_min + rise) {
		h->slow = true;
		h->base_min = h->now_min;
		h->rounds = 0;
	}
}

bool tulle_sctp_cc_slow_start(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_hystart *h = &cc->hystart;
	if (cc->cwnd >= cc->ssthresh)
		return true;
	hystart_round(h, ack);
	hystart_sample(h, ack->rtt_us);
	if (h->done) {
		cc->ssthresh = cc->cwnd;
		return true;
	}
	if (!tulle_sctp_cc_is_full(cc, ack))
		return false;
	/* RFC9260:7.2.1 says one packet a SACK; with pacing no burst can come of more (RFC9406:4.2)
	 */
	size_t more = h->slow ? ack->acked / GROWTH_DIVISOR : ack->acked;
	cc->cwnd = tulle_min(cc->cwnd + more, tulle_max(cc->ssthresh, cc->cwnd));
	return false;
}

/* -- recovery -- */

void tulle_sctp_cc_begin_recovery(tulle_sctp_cc *cc, size_t flight)
{
	cc->prr = (tulle_sctp_prr){.flight_at = tulle_max(flight, cc->mtu)};
}

/* RFC6937:3.1; what went out is what the flight grew by besides what was delivered. */
void tulle_sctp_cc_recover(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_prr *p = &cc->prr;
	size_t send;
	p->delivered += ack->acked;
	p->out = p->delivered + ack->flight > p->flight_at
			 ? p->delivered + ack->flight - p->flight_at
			 : 0;
	if (ack->flight > cc->ssthresh) {
		size_t due = (size_t)((uint64_t)p->delivered * cc->ssthresh / p->flight_at);
		send = due > p->out ? due - p->out : 0;
	} else { /* slow start reduction bound */
		size_t limit = ack->acked + cc->mtu;
		send = tulle_min(cc->ssthresh - ack->flight, limit);
	}
	if (p->delivered == ack->acked) /* the first one goes at once: RFC9260:7.2.4 */
		send = tulle_max(send, cc->mtu);
	cc->cwnd = tulle_max(ack->flight + send, cc->mtu);
}

void tulle_sctp_cc_pace(tulle_sctp_cc *cc, tulle_time srtt)
{
	if (srtt <= 0)
		return;
	/* twice the window a round trip while it doubles, a fifth more later, so that the window,
	 * not the pace, decides */
	uint64_t per_s = (uint64_t)cc->cwnd * 1000000u / (uint64_t)srtt;
	cc->pacing = cc->cwnd < cc->ssthresh / 2 ? 2 * per_s : per_s + per_s / 5;
}

/* RFC9260:7.2.1: where the window stood is where slow start may lead to again. */
void tulle_sctp_cc_rest(tulle_sctp_cc *cc, unsigned idle)
{
	size_t least = 4 * cc->mtu;
	if (idle > 0 && cc->cwnd > least)
		cc->ssthresh = cc->cwnd;
	for (; idle > 0 && cc->cwnd > least; idle--)
		cc->cwnd = tulle_max(cc->cwnd / 2, least);
}
