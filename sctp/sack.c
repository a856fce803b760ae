/* SPDX-License-Identifier: MIT */
/* sctp: what an acknowledgement changes: RFC9260:6.2.1, 7.2.4.
 * Invariant: the work of a SACK is bound to its blocks and to what it newly acknowledges; only a
 * peer that reneges costs a walk over the window. */
#include "sctp/association.h"

typedef struct {
	tulle_sctp_cc_ack ack;
	tulle_time newest_sent;        /* of chunks sent once: the round trip's sample */
	tulle_time newest_again;       /* of those sent again */
	bool any, moved, newest_asked; /* newest_asked: it had the I bit */
} ack_sum;

/* What it says of the path's rate and size: nothing, where it took the former one (RFC8261:6.1). */
static void note_path(tulle_sctp *sctp, ack_sum *sum, const sctp_tsn *t)
{
	if (tulle_sctp_is_former(sctp, t))
		return;
	sum->ack.acked += tulle_sctp_tsn_bytes(sctp, t);
	tulle_sctp_rate_acked(sctp, t, &sum->ack);
	tulle_sctp_path_acked(&sctp->path, t->packet_16);
}

static void note(tulle_sctp *sctp, ack_sum *sum, uint32_t tsn, sctp_tsn *t, bool cumulative)
{
	if (t->state != SCTP_TSN_ACKED && t->state != SCTP_TSN_ABANDONED) {
		sum->any = true;
		if (t->transmissions == 1 && !t->timer_only && t->sent_us >= sum->newest_sent) {
			sum->newest_sent = t->sent_us;
			sum->newest_asked = (t->flags & SCTP_FLAG_I) != 0;
		}
		if (t->transmissions > 1)
			sum->newest_again = tulle_time_max(sum->newest_again, t->sent_us);
		note_path(sctp, sum, t);
		tulle_sctp_rack_note(sctp, tsn, t);
		if (sctp->out.i_watched && sctp->out.i_tsn == tsn)
			tulle_sctp_take_prompt(sctp, sctp->now - t->sent_us);
	}
	if (cumulative || t->state != SCTP_TSN_ABANDONED)
		tulle_sctp_acknowledge(sctp, tsn, t, cumulative);
}

static void take_cumulative(tulle_sctp *sctp, uint32_t cumulative, ack_sum *sum)
{
	sctp_outbound *o = &sctp->out;
	sum->moved = o->acked_tsn != cumulative;
	while (o->acked_tsn != cumulative) {
		uint32_t tsn = o->acked_tsn + 1;
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		o->acked_tsn = tsn;
		note(sctp, sum, tsn, t, true);
	}
}

/* One block, first..last: jumps over runs that are known (next of an acknowledged TSN names a TSN
 * up to which all are), so that a block that is repeated costs a step or two. */
static void take_block(tulle_sctp *sctp, uint32_t first, uint32_t last, ack_sum *sum)
{
	uint32_t tsn = first;
	while (tulle_serial_le32(tsn, last)) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->state == SCTP_TSN_ACKED) {
			uint32_t end = t->next;
			if (tulle_serial_lt32(end, last))
				t->next = last;
			tsn = end + 1;
			continue;
		}
		note(sctp, sum, tsn, t, false);
		if (t->state == SCTP_TSN_ACKED)
			t->next = last;
		tsn++;
	}
}

/* RFC9260:6.2.1 D iii: a block that was named is named no more. Beyond the last block nothing is
 * known: a SACK has no room for all (with no block at all it says so of everything). */
static void take_back(tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack, uint32_t top)
{
	sctp_outbound *o = &sctp->out;
	size_t i = 0;
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		uint32_t offset = tsn - sack->cumulative;
		if (sack->gap_count != 0 && tulle_serial_lt32(top, tsn))
			break;
		while (i < sack->gap_count && tulle_sctp_read_gap(sack, i).end < offset)
			i++;
		bool named = i < sack->gap_count && tulle_sctp_read_gap(sack, i).start <= offset;
		if (t->state != SCTP_TSN_ACKED)
			continue;
		t->next = tsn; /* runs are known anew */
		if (!named)
			tulle_sctp_take_ack_back(sctp, tsn, t);
	}
	if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX)) /* RFC9260:6.3.2 R4 */
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}

/* Acknowledged TSNs that the SACK should have named: as many as it named, or it was overtaken. */
static void take_gaps(
	tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack, uint32_t top, ack_sum *sum)
{
	uint32_t named = 0;
	for (size_t i = 0; i < sack->gap_count; i++) {
		tulle_sctp_gap gap = tulle_sctp_read_gap(sack, i);
		named += (uint32_t)(gap.end - gap.start) + 1;
		take_block(sctp, sack->cumulative + gap.start, sack->cumulative + gap.end, sum);
	}
	if (named < sctp->out.gap_acked)
		take_back(sctp, sack, top);
}

/* RFC9260:6.3.1 C5: not where an older one was sent again since: the SACK that first told of this
 * one may be lost, and how long it took to ask again is no round trip. Nor how long the silence was
 * that T3 met with; nor is one of another path. */
static void sample_rtt(tulle_sctp *sctp, ack_sum *sum, bool has_gaps)
{
	sctp_rack *r = &sctp->out.rack;
	if (sum->newest_sent == 0 || sum->newest_sent < sum->newest_again ||
		sum->newest_sent < sctp->path_since || sum->newest_sent < sctp->out.timeout_at)
		return;
	sum->ack.rtt_us = tulle_time_max(sctp->now - sum->newest_sent, 1);
	if (r->min_rtt_us == 0 || sum->ack.rtt_us < r->min_rtt_us)
		r->min_rtt_us = sum->ack.rtt_us;
	/* RFC9260:6.2: a lone packet may wait for a second one before it is answered */
	sum->ack.rtt_may_be_delayed =
		!sum->newest_asked && !has_gaps && sum->ack.acked <= sctp->cc.mtu;
	tulle_sctp_rto_sample(sctp, sum->ack.rtt_us);
}

static void tell_cc(tulle_sctp *sctp, ack_sum *sum)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_cc_ack *ack = &sum->ack;
	if (o->in_recovery && tulle_serial_le32(o->recovery_exit, o->acked_tsn))
		o->in_recovery = false;
	tulle_sctp_rate_finish(sctp, ack);
	ack->now = sctp->now;
	ack->srtt_us = sctp->srtt;
	ack->lost = o->newly_lost;
	o->newly_lost = 0;
	ack->flight = o->flight_chunks;
	ack->cumulative_moved = sum->moved;
	ack->in_recovery = o->in_recovery;
	sctp->cc.way->on_ack(&sctp->cc, ack);
}

/* RFC9260:6.3.2 R3: only what moves the earliest restarts T3; here nobody else sends that again,
 * however much else arrives. */
static bool waits_for_t3(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->acked_tsn + 1 == o->next_tsn || !tulle_sctp_is_timing(sctp, SCTP_T_RTX))
		return false;
	const sctp_tsn *t = tulle_sctp_tsn_at(sctp, o->acked_tsn + 1);
	return t->state == SCTP_TSN_FLIGHT && t->timer_only;
}

static void after_ack(tulle_sctp *sctp, ack_sum *sum, bool has_gaps)
{
	sctp_outbound *o = &sctp->out;
	o->one_packet = o->no_packet = false;
	if (sum->any || sum->moved) { /* RFC9260:8.1; what was given up counts as acknowledged */
		if (sctp->errors != 0)
			tulle_sctp_path_answers(sctp);
		sctp->errors = 0;
	}
	if (sum->any) {
		sctp->acked_lately = true;
		o->probed = o->probed && !sum->moved; /* RFC8985:7.2 */
		sample_rtt(sctp, sum, has_gaps);
		tulle_sctp_rack_detect(sctp);
		tell_cc(sctp, sum);
	}
	bool news = sum->moved || (sum->any && !waits_for_t3(sctp));
	if (news || o->acked_tsn + 1 == o->next_tsn)
		tulle_sctp_rtx_arm(sctp); /* RFC9260:6.3.2 R2, R3 */
	tulle_sctp_forward_progress(sctp);
	tulle_sctp_reset_begin(sctp);
}

static void take_window(tulle_sctp *sctp, uint32_t window, bool any)
{
	sctp_outbound *o = &sctp->out;
	bool was_shut = tulle_sctp_is_shut(sctp);
	if (window == 0 && o->peer_window_told != 0)
		sctp->stats.zero_windows++;
	o->peer_window_told = window;
	bool shut = tulle_sctp_is_shut(sctp);
	/* the chunk that asked for it was refused: it waits for no timer */
	if (was_shut && !shut && !any && o->in_flight.count == 1)
		tulle_sctp_set_aside(sctp, o->in_flight.first);
	if (shut)
		sctp->errors = 0; /* RFC9260:6.1 A: it answers, so it lives */
	o->window_due = o->window_due && shut;
	o->peer_window = window > o->flight ? window - o->flight : 0; /* RFC9260:6.2.1 D ii */
}

static bool was_never_sent(const tulle_sctp *sctp, uint32_t tsn)
{
	return !tulle_serial_lt32(tsn, sctp->out.next_tsn);
}

/* Peers name the lowest blocks, up to a number of their own: above a full list nothing is known. */
static bool tells_all(const tulle_sctp_sack_chunk *sack)
{
	return sack->gap_count < TULLE_SCTP_GAPS_SURE;
}

TULLE_UNTRUSTED(dtls, "gap blocks, and TSNs newly acknowledged", sctp_state)
tulle_drop tulle_sctp_take_sack(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_sack_chunk sack;
	tulle_drop drop = tulle_sctp_read_sack(chunk->value, &sack);
	if (drop != TULLE_TAKEN)
		return drop;
	/* RFC9260:6.2.1 D i: an old one */
	if (tulle_serial_lt32(sack.cumulative, o->acked_tsn))
		return TULLE_DROP_SCTP_SACK;
	uint32_t top = sack.cumulative;
	if (sack.gap_count != 0)
		top += tulle_sctp_read_gap(&sack, sack.gap_count - 1u).end;
	if (was_never_sent(sctp, sack.cumulative) || was_never_sent(sctp, top))
		return TULLE_DROP_SCTP_SACK;
	sctp->stats.sacks_in++;
	ack_sum sum = {.ack = {.flight_before = o->flight_chunks}};
	o->rack.top = tells_all(&sack) ? o->next_tsn - 1 : top;
	tulle_sctp_undo_duplicates(sctp, &sack);
	take_cumulative(sctp, sack.cumulative, &sum);
	take_gaps(sctp, &sack, top, &sum);
	after_ack(sctp, &sum, sack.gap_count != 0);
	take_window(sctp, sack.window, sum.any);
	tulle_sctp_shutdown_progress(sctp);
	return TULLE_TAKEN;
}

/* RFC9260:9.2: the cumulative TSN of a SHUTDOWN counts as a SACK's. */
void tulle_sctp_take_cumulative(tulle_sctp *sctp, uint32_t tsn)
{
	if (tulle_serial_lt32(tsn, sctp->out.acked_tsn) || was_never_sent(sctp, tsn))
		return;
	ack_sum sum = {.ack = {.flight_before = sctp->out.flight_chunks}};
	take_cumulative(sctp, tsn, &sum);
	after_ack(sctp, &sum, false);
}
