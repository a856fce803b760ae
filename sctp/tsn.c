/* SPDX-License-Identifier: MIT */
/* sctp: TSNs on their way: states, the list of lost ones, the T3-rtx timer: RFC9260:6.3.
 * Invariant: flight is the payload of TSNs in state FLIGHT; the list holds exactly those LOST. */
#include "sctp/association.h"

sctp_tsn *tulle_sctp_tsn_at(const tulle_sctp *sctp, uint32_t tsn)
{
	sctp_tsn *t = tulle_sctp_ring_at(&sctp->out.ring, tsn);
	TULLE_CHECK(t != NULL && t->state != 0);
	return t;
}

static void leave_flight(tulle_sctp *sctp, const sctp_tsn *t)
{
	sctp->out.flight -= t->len;
	sctp->out.flight_chunks -= SCTP_DATA_HEADER_BYTES + tulle_sctp_padded(t->len);
}

void tulle_sctp_mark_lost(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_outbound *o = &sctp->out;
	sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	leave_flight(sctp, t);
	o->peer_window += t->len; /* RFC9260:6.2.1 C */
	t->state = SCTP_TSN_LOST;
	t->lost_prev = o->lost_last;
	if (o->lost_count != 0)
		tulle_sctp_tsn_at(sctp, o->lost_last)->lost_next = tsn;
	else
		o->lost_first = tsn;
	o->lost_last = tsn;
	o->lost_count++;
}

/* Back to FLIGHT as to its state; the caller says what becomes of it. */
void tulle_sctp_unmark_lost(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_outbound *o = &sctp->out;
	sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	TULLE_CHECK(t->state == SCTP_TSN_LOST && o->lost_count > 0);
	if (o->lost_first == tsn)
		o->lost_first = t->lost_next;
	else
		tulle_sctp_tsn_at(sctp, t->lost_prev)->lost_next = t->lost_next;
	if (o->lost_last == tsn)
		o->lost_last = t->lost_prev;
	else
		tulle_sctp_tsn_at(sctp, t->lost_next)->lost_prev = t->lost_prev;
	o->lost_count--;
	t->state = SCTP_TSN_FLIGHT;
}

/* The peer has it. Cumulative: for good; else it is kept until then (RFC9260:6.2.1: it may renege).
 */
void tulle_sctp_acknowledge(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t, bool cumulative)
{
	sctp_outbound *o = &sctp->out;
	if (t->state == SCTP_TSN_FLIGHT)
		leave_flight(sctp, t);
	else if (t->state == SCTP_TSN_LOST)
		tulle_sctp_unmark_lost(sctp, tsn);
	else
		o->gap_acked--;
	if (o->rtt_running && o->rtt_tsn == tsn) {
		o->rtt_running = false;
		if (t->transmissions == 1)
			tulle_sctp_rto_sample(sctp, sctp->now - t->sent_us);
	}
	if (cumulative) {
		tulle_sctp_free_acked(sctp, t);
		tulle_sctp_ring_remove(&o->ring, tsn);
		return;
	}
	t->state = SCTP_TSN_ACKED;
	o->gap_acked++;
}

/* RFC9260:6.3.3 E1-E3 */
void tulle_sctp_rtx_timeout(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	sctp->stats.timeouts++;
	if (!tulle_sctp_count_error(sctp))
		return;
	tulle_sctp_rto_back_off(sctp);
	sctp->cc.way->on_timeout(&sctp->cc);
	o->in_recovery = o->fast_free = o->rtt_running = false;
	o->one_packet = true;
	o->no_packet = false;
	o->lost_count = 0; /* the list is made anew, in order */
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->state == SCTP_TSN_LOST) { /* never counted twice */
			t->state = SCTP_TSN_FLIGHT;
			o->flight += t->len;
			o->flight_chunks += SCTP_DATA_HEADER_BYTES + tulle_sctp_padded(t->len);
			o->peer_window -= tulle_min(o->peer_window, t->len);
		}
		if (t->state == SCTP_TSN_FLIGHT)
			tulle_sctp_mark_lost(sctp, tsn);
	}
	o->scan_tsn = o->next_tsn; /* what was sent until now only the timer may call lost again */
	o->high[0] = o->high[1] = o->high[2] = o->next_tsn - 1;
	if (o->lost_count != 0)
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}
