/* SPDX-License-Identifier: MIT */
/* sctp: which TSNs are lost, by time: RFC 8985 applied to TSNs. One that was sent before another
 * that arrived, by more than the reordering window, is lost. Invariant: the walk begins with the
 * oldest sending and ends at the first that is not yet due, so that each step calls one lost. */
#include "sctp/association.h"

#define PERSIST_RECOVERIES 16u /* RFC8985:6.2 step 4 */
#define SKIPPED_MAX 64u        /* such as reneging leaves behind, passed over in one walk */

/* RFC8985:6.2: by time, and by TSN within a burst */
static bool is_before(tulle_time sent_us, uint32_t tsn, const sctp_rack *r)
{
	return sent_us < r->sent_us || (sent_us == r->sent_us && tulle_serial_lt32(tsn, r->tsn));
}

/* A chunk arrived: RFC8985:6.2 steps 1 to 3. */
void tulle_sctp_rack_note(tulle_sctp *sctp, uint32_t tsn, const sctp_tsn *t)
{
	sctp_rack *r = &sctp->out.rack;
	tulle_time rtt = sctp->now - t->sent_us;
	if (tulle_serial_lt32(r->fack, tsn))
		r->fack = tsn;
	else if (t->transmissions == 1)
		r->reordering = r->reordering || tsn != r->fack;
	/* a retransmission that is answered sooner than any round trip: the first one arrived */
	if (t->transmissions > 1 && rtt < r->min_rtt_us)
		return;
	if (r->has_sent && is_before(t->sent_us, tsn, r))
		return;
	r->has_sent = true;
	r->sent_us = t->sent_us;
	r->tsn = tsn;
	r->rtt_us = rtt;
}

/* RFC8985:6.2 step 4 */
static tulle_time window(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	const sctp_rack *r = &o->rack;
	if (!r->reordering && (o->in_recovery || o->gap_acked >= 3))
		return 0;
	tulle_time w = r->min_rtt_us / 4 * (tulle_time)(r->reo_mult + 1);
	return tulle_time_min(w, sctp->srtt);
}

void tulle_sctp_rack_duplicates(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	sctp_rack *r = &o->rack;
	if (tulle_serial_lt32(o->acked_tsn, r->reo_round_tsn))
		return; /* once a round trip */
	r->reo_round_tsn = o->next_tsn;
	r->reordering = true;
	if (r->reo_mult < 15)
		r->reo_mult++;
	r->reo_persist = PERSIST_RECOVERIES;
}

static void calm_down(sctp_rack *r)
{
	if (r->reo_persist > 0 && --r->reo_persist == 0)
		r->reo_mult = 0;
}

static void lose(tulle_sctp *sctp, uint32_t tsn)
{
	sctp->stats.fast_retransmits++;
	if (tulle_sctp_is_former(sctp, tulle_sctp_tsn_at(sctp, tsn))) {
		tulle_sctp_set_aside(sctp, tsn); /* RFC8261:6.1: this path begins anew */
		return;
	}
	tulle_sctp_path_lost(sctp, tsn);
	tulle_sctp_mark_lost(sctp, tsn);
	if (sctp->out.i_watched && sctp->out.i_tsn == tsn)
		sctp->out.i_watched = false;
	if (!sctp->out.in_recovery)
		calm_down(&sctp->out.rack);
	tulle_sctp_enter_recovery(sctp);
}

/* RFC8985:6.2 step 5 */
void tulle_sctp_rack_detect(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	const sctp_rack *r = &o->rack;
	tulle_time wait = 0, reo = window(sctp);
	unsigned passed = 0;
	uint32_t tsn = o->in_flight.first, left = o->in_flight.count;
	for (; r->has_sent && left > 0; left--) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		uint32_t next = t->next;
		if (!is_before(t->sent_us, tsn, r))
			break;
		/* beyond what a SACK named it is unknown, not lost; what is sent again is behind it
		 */
		if (t->timer_only || tulle_serial_lt32(r->top, tsn)) {
			if (++passed > SKIPPED_MAX)
				break;
		} else {
			tulle_time due = t->sent_us + r->rtt_us + reo - sctp->now;
			if (due > 0) {
				wait = due;
				break;
			}
			lose(sctp, tsn);
		}
		tsn = next;
	}
	if (wait > 0)
		tulle_sctp_set_timer(sctp, SCTP_T_RACK, wait);
	else
		tulle_sctp_stop_timer(sctp, SCTP_T_RACK);
}
