/* SPDX-License-Identifier: MIT */
/* sctp: TSNs on their way: states, lists, the T3-rtx timer: RFC9260:6.3.
 * Invariant: flight is the payload of TSNs in state FLIGHT, which are those of the list in_flight,
 * in the order of their sending; the list lost holds exactly those LOST. */
#include "sctp/association.h"

sctp_tsn *tulle_sctp_tsn_at(const tulle_sctp *sctp, uint32_t tsn)
{
	sctp_tsn *t = tulle_sctp_ring_at(&sctp->out.ring, tsn);
	TULLE_CHECK(t != NULL && t->state != 0);
	return t;
}

static void append(tulle_sctp *sctp, sctp_tsn_list *list, uint32_t tsn, sctp_tsn *t)
{
	t->prev = list->last;
	if (list->count != 0)
		tulle_sctp_tsn_at(sctp, list->last)->next = tsn;
	else
		list->first = tsn;
	list->last = tsn;
	list->count++;
}

static void unlink(tulle_sctp *sctp, sctp_tsn_list *list, uint32_t tsn, const sctp_tsn *t)
{
	TULLE_CHECK(list->count > 0);
	if (list->first == tsn)
		list->first = t->next;
	else
		tulle_sctp_tsn_at(sctp, t->prev)->next = t->next;
	if (list->last == tsn)
		list->last = t->prev;
	else
		tulle_sctp_tsn_at(sctp, t->next)->prev = t->prev;
	list->count--;
}

size_t tulle_sctp_tsn_bytes(const tulle_sctp *sctp, const sctp_tsn *t)
{
	return (sctp->interleaves ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES) +
	       tulle_sctp_padded(t->len);
}

static void enter_flight(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t)
{
	sctp_outbound *o = &sctp->out;
	t->state = SCTP_TSN_FLIGHT;
	append(sctp, &o->in_flight, tsn, t);
	o->flight += t->len;
	o->flight_chunks += tulle_sctp_tsn_bytes(sctp, t);
}

static void leave_flight(tulle_sctp *sctp, uint32_t tsn, const sctp_tsn *t)
{
	unlink(sctp, &sctp->out.in_flight, tsn, t);
	sctp->out.flight -= t->len;
	sctp->out.flight_chunks -= tulle_sctp_tsn_bytes(sctp, t);
}

/* It is sent now, for the first time or again. */
void tulle_sctp_put_in_flight(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_rate_sent(sctp, t);
	enter_flight(sctp, tsn, t);
	t->sent_us = sctp->now;
	t->timer_only = o->window_due = false;
	if (t->transmissions < 255)
		t->transmissions++;
	t->in_flight_k = (uint16_t)tulle_min(o->flight_chunks >> 10, UINT16_MAX);
	o->peer_window -= tulle_min(o->peer_window, t->len);
	if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX)) /* RFC9260:6.3.2 R1 */
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}

void tulle_sctp_mark_lost(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_outbound *o = &sctp->out;
	sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	leave_flight(sctp, tsn, t);
	o->peer_window += t->len; /* RFC9260:6.2.1 C */
	o->newly_lost += tulle_sctp_tsn_bytes(sctp, t);
	o->rate.lost += tulle_sctp_tsn_bytes(sctp, t);
	t->state = SCTP_TSN_LOST;
	append(sctp, &o->lost, tsn, t);
}

/* It goes again, but nobody shall conclude anything from that: it was refused, it is asked for, or
 * it was sent on another path. */
void tulle_sctp_set_aside(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_mark_lost(sctp, tsn);
	o->newly_lost -= tulle_sctp_tsn_bytes(sctp, tulle_sctp_tsn_at(sctp, tsn));
	o->rate.lost -= tulle_sctp_tsn_bytes(sctp, tulle_sctp_tsn_at(sctp, tsn));
}

void tulle_sctp_unmark_lost(tulle_sctp *sctp, uint32_t tsn)
{
	const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	TULLE_CHECK(t->state == SCTP_TSN_LOST);
	unlink(sctp, &sctp->out.lost, tsn, t);
}

/* RFC3758:3.5 A3: it is given up, so it is as if acknowledged to flight and window. */
void tulle_sctp_mark_abandoned(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	if (t->state == SCTP_TSN_FLIGHT)
		leave_flight(sctp, tsn, t);
	else if (t->state == SCTP_TSN_LOST)
		tulle_sctp_unmark_lost(sctp, tsn);
	else if (t->state == SCTP_TSN_ACKED)
		sctp->out.gap_acked--;
	t->state = SCTP_TSN_ABANDONED;
}

/* It is in flight again, but only the timer may send it: the SACK may have been overtaken. */
void tulle_sctp_take_ack_back(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t)
{
	sctp->out.gap_acked--;
	sctp->stats.reneged++;
	enter_flight(sctp, tsn, t);
	t->timer_only = true;
}

/* The peer has it. Cumulative: for good; else it is kept until then (RFC9260:6.2.1: it may renege).
 */
void tulle_sctp_acknowledge(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t, bool cumulative)
{
	sctp_outbound *o = &sctp->out;
	if (t->state == SCTP_TSN_FLIGHT)
		leave_flight(sctp, tsn, t);
	else if (t->state == SCTP_TSN_LOST)
		tulle_sctp_unmark_lost(sctp, tsn);
	else if (t->state == SCTP_TSN_ACKED)
		o->gap_acked--;
	if (cumulative) {
		if (t->state != SCTP_TSN_ABANDONED)
			tulle_sctp_free_acked(sctp, t);
		tulle_sctp_ring_remove(&o->ring, tsn);
		return;
	}
	t->state = SCTP_TSN_ACKED;
	o->gap_acked++;
}

void tulle_sctp_rtx_arm(tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->acked_tsn + 1 == o->next_tsn) /* RFC9260:6.3.2 R2 */
		tulle_sctp_stop_timer(sctp, SCTP_T_RTX);
	else
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}

void tulle_sctp_enter_recovery(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	if (o->in_recovery)
		return;
	o->in_recovery = true;
	o->recovery_exit = o->next_tsn - 1;
	tulle_sctp_undo_begin(sctp);
	sctp->cc.way->on_loss(&sctp->cc, sctp->now, o->flight_chunks);
}

static void lose_all(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	/* Not even the first one that is missing: the peer gave up what it had named. */
	if (tulle_sctp_tsn_at(sctp, o->acked_tsn + 1)->state == SCTP_TSN_ACKED)
		for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
			sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
			if (t->state == SCTP_TSN_ACKED)
				tulle_sctp_take_ack_back(sctp, tsn, t);
		}
	while (o->in_flight.count != 0)
		tulle_sctp_mark_lost(sctp, o->in_flight.first);
	/* RFC9260:6.3.3 E3: the earliest first. A peer without room takes only what is next. */
	o->lost = (sctp_tsn_list){0};
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->state == SCTP_TSN_LOST)
			append(sctp, &o->lost, tsn, t);
	}
}

/* Another path: what the former one was silent about goes again at once; while it answered, what is
 * out there may still come in. The controller of this one hears of neither. */
void tulle_sctp_renew_flight(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out; /* RFC9260:7.2.5.2 */
	o->in_recovery = o->undo.possible = false;
	o->one_packet = o->no_packet = o->probe_due = false;
	o->rack.min_rtt_us = o->pace_at = 0;
	if (sctp->errors != 0 && o->acked_tsn + 1 != o->next_tsn)
		lose_all(sctp);
	o->newly_lost = 0;
}

/* Nothing was sent since the path changed. */
static bool is_of_former_path(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	return o->in_flight.count != 0 &&
	       tulle_sctp_is_former(sctp, tulle_sctp_tsn_at(sctp, o->in_flight.last));
}

/* RFC9260:6.1 A: no room is also less than the chunk needs that is out there. */
bool tulle_sctp_is_shut(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	const sctp_tsn_list *out = o->lost.count != 0 ? &o->lost : &o->in_flight;
	return o->peer_window_told == 0 ||
	       (out->count != 0 && o->peer_window_told < tulle_sctp_tsn_at(sctp, out->first)->len);
}

/* A peer without a window is asked with one chunk: no sign of congestion. RFC9260:6.1 A */
static bool is_window_probe(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	return o->in_flight.count + o->lost.count <= 1 && tulle_sctp_is_shut(sctp);
}

/* RFC8985:7.2: not where some are known to be lost: then it is T3 that shows what else is. */
static bool may_probe(const sctp_outbound *o)
{
	return !o->probed && o->in_flight.count != 0 && o->lost.count == 0;
}

/* RFC9260:6.3.3. The first time a probe goes out, and nothing is called lost: RFC8985:7.3. */
void tulle_sctp_rtx_timeout(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	bool window_probe = is_window_probe(sctp), former = is_of_former_path(sctp);
	if (o->acked_tsn + 1 == o->next_tsn) { /* it ran for that alone */
		o->window_due = true;
		return;
	}
	if (!window_probe && may_probe(o)) {
		o->probed = o->probe_due = true;
		sctp->stats.loss_probes++;
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
		return;
	}
	if (window_probe)
		sctp->stats.window_probes++;
	else
		sctp->stats.timeouts++;
	if (!tulle_sctp_count_error(sctp))
		return;
	if (!former)
		tulle_sctp_rto_back_off(sctp);
	if (!window_probe && !former && o->in_flight.count != 0) {
		tulle_sctp_undo_begin(sctp);
		sctp->cc.way->on_timeout(&sctp->cc, sctp->now);
	}
	if (o->advanced_tsn != o->acked_tsn) /* RFC3758:3.5 F3 */
		sctp->due |= SCTP_DUE_FORWARD;
	o->in_recovery = false;
	if (!window_probe && !former)
		tulle_sctp_path_silent(sctp);
	o->probed = o->probed || !window_probe; /* RFC9260:6.3.3 E2: no probe for what T3 sent */
	o->probe_due = o->i_watched = false;
	o->one_packet = o->window_due = true;
	o->no_packet = false;
	o->timeout_at = sctp->now;
	lose_all(sctp);
	if (former)
		o->newly_lost = 0;
	tulle_sctp_stop_timer(sctp, SCTP_T_RACK);
	tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}
