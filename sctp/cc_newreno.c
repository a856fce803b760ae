/* SPDX-License-Identifier: MIT */
/* sctp: slow start, congestion avoidance, halving: RFC9260:7.2. */
#include "sctp/cc.h"

#include "base/serial.h"

static void init(tulle_sctp_cc *cc, uint32_t seed)
{
	(void)seed;
	tulle_sctp_cc_start(cc);
}

static void on_ack(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	bool full = tulle_sctp_cc_is_full(cc, ack);
	if (ack->in_recovery) {
		tulle_sctp_cc_recover(cc, ack);
	} else if (tulle_sctp_cc_slow_start(cc, ack)) {
		cc->partial += ack->acked; /* RFC9260:7.2.2 */
		if (cc->partial >= cc->cwnd && full) {
			cc->partial -= cc->cwnd;
			cc->cwnd += cc->mtu;
		} else if (cc->partial >= cc->cwnd) {
			cc->partial = cc->cwnd;
		}
	}
	tulle_sctp_cc_pace(cc, ack->srtt_us);
}

static void halve(tulle_sctp_cc *cc)
{
	cc->undo_cwnd = cc->cwnd;
	cc->undo_ssthresh = cc->ssthresh;
	cc->ssthresh = tulle_max(cc->cwnd / 2, 4 * cc->mtu); /* RFC9260:7.2.3 */
	cc->partial = 0;
}

static void on_loss(tulle_sctp_cc *cc, tulle_time now, size_t flight)
{
	(void)now;
	halve(cc);
	tulle_sctp_cc_begin_recovery(cc, tulle_max(flight, cc->ssthresh));
}

static void on_timeout(tulle_sctp_cc *cc, tulle_time now)
{
	(void)now;
	halve(cc);
	cc->cwnd = cc->mtu;
}

static void on_undo(tulle_sctp_cc *cc)
{
	cc->cwnd = tulle_max(cc->cwnd, cc->undo_cwnd);
	cc->ssthresh = tulle_max(cc->ssthresh, cc->undo_ssthresh);
}

static void on_idle(tulle_sctp_cc *cc, tulle_time now, unsigned idle)
{
	(void)now;
	tulle_sctp_cc_rest(cc, idle);
}

const tulle_sctp_cc_way tulle_sctp_cc_newreno = {
	"newreno", init, on_ack, on_loss, on_timeout, on_undo, on_idle};
