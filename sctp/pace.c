/* SPDX-License-Identifier: MIT */
/* sctp: pacing: each packet moves the time of the next one on by what it takes at the pace. A burst
 * of a millisecond goes out at once, so that a host is woken a thousand times a second at most. */
#include "sctp/association.h"

bool tulle_sctp_pace_is_due(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (sctp->cc.pacing == 0)
		return true;
	tulle_time ahead = o->pace_burst ? TULLE_SCTP_PACE_BURST_US : 0;
	return o->pace_at <= sctp->now + ahead;
}

void tulle_sctp_pace_sent(tulle_sctp *sctp, size_t bytes)
{
	sctp_outbound *o = &sctp->out;
	if (sctp->cc.pacing == 0)
		return;
	o->pace_burst = true;
	o->pace_at = tulle_time_max(o->pace_at, sctp->now - TULLE_SCTP_PACE_LATE_US);
	o->pace_ns += (uint64_t)bytes * 1000000000u / sctp->cc.pacing;
	o->pace_at += (tulle_time)(o->pace_ns / 1000);
	o->pace_ns %= 1000;
}

/* Nothing more goes out now: only for the pace, or for lack of anything? */
void tulle_sctp_pace_wait(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	o->pace_burst = false;
	if (sctp->cc.pacing != 0 && o->pace_at > sctp->now && tulle_sctp_wants_to_send(sctp))
		sctp->timers[SCTP_T_PACE] = o->pace_at;
	else
		tulle_sctp_stop_timer(sctp, SCTP_T_PACE);
}
