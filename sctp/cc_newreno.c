/* SPDX-License-Identifier: MIT */
/* sctp: slow start, congestion avoidance, halving: RFC9260:7.2. */
#include "sctp/cc.h"

#include "base/serial.h"

#define INITIAL_BYTES 4404u /* RFC9260:7.2.1, IPv4 */

static void init(tulle_sctp_cc *cc)
{
	cc->cwnd = tulle_min(4 * cc->mtu, tulle_max(2 * cc->mtu, INITIAL_BYTES));
	cc->ssthresh = SIZE_MAX / 4;
	cc->partial = 0;
}

static void on_ack(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	/* within a packet of the window is full use: the next one would not have fitted */
	bool full = ack->flight_before + cc->mtu > cc->cwnd;
	if (!ack->cumulative_moved || ack->in_recovery)
		return;
	if (cc->cwnd <= cc->ssthresh) { /* RFC9260:7.2.1 */
		if (full)
			cc->cwnd += tulle_min(ack->acked, cc->mtu);
		return;
	}
	cc->partial += ack->acked; /* RFC9260:7.2.2 */
	if (cc->partial >= cc->cwnd && full) {
		cc->partial -= cc->cwnd;
		cc->cwnd += cc->mtu;
	} else if (cc->partial >= cc->cwnd) {
		cc->partial = cc->cwnd;
	}
}

static void halve(tulle_sctp_cc *cc)
{
	cc->ssthresh = tulle_max(cc->cwnd / 2, 4 * cc->mtu); /* RFC9260:7.2.3 */
	cc->partial = 0;
}

static void on_loss(tulle_sctp_cc *cc)
{
	halve(cc);
	cc->cwnd = cc->ssthresh; /* RFC9260:7.2.4 */
}

static void on_timeout(tulle_sctp_cc *cc)
{
	halve(cc);
	cc->cwnd = cc->mtu;
}

static void on_idle(tulle_sctp_cc *cc)
{
	cc->cwnd = tulle_max(cc->cwnd / 2, 4 * cc->mtu); /* RFC9260:7.2.1 */
}

const tulle_sctp_cc_way tulle_sctp_cc_newreno = {
	"newreno", init, on_ack, on_loss, on_timeout, on_idle};
