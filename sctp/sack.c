/* SPDX-License-Identifier: MIT */
/* sctp: what an acknowledgement changes: RFC9260:6.2.1, 7.2.4.
 * Invariant: the work of a SACK is bound to its blocks and to what it newly acknowledges; only a
 * peer that reneges costs a walk over the window. */
#include "sctp/association.h"

typedef struct {
	size_t bytes, flight_before;
	uint32_t top_new; /* the highest newly acknowledged TSN */
	bool any, moved, oldest;
} ack_sum;

static void note(tulle_sctp *sctp, ack_sum *sum, uint32_t tsn, sctp_tsn *t, bool cumulative)
{
	if (t->state != SCTP_TSN_ACKED) {
		sum->bytes += SCTP_DATA_HEADER_BYTES + tulle_sctp_padded(t->len);
		if (!sum->any || tulle_serial_lt32(sum->top_new, tsn))
			sum->top_new = tsn;
		sum->any = true;
	}
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
	if (tulle_serial_lt32(o->scan_tsn, o->acked_tsn + 1))
		o->scan_tsn = o->acked_tsn + 1;
}

/* One block, first..last: jumps over runs that are known (lost_next of an acknowledged TSN names a
 * TSN up to which all are), so that a block that is repeated costs a step or two. */
static void take_block(tulle_sctp *sctp, uint32_t first, uint32_t last, ack_sum *sum)
{
	uint32_t tsn = first;
	while (tulle_serial_le32(tsn, last)) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->state == SCTP_TSN_ACKED) {
			uint32_t end = t->lost_next;
			if (tulle_serial_lt32(end, last))
				t->lost_next = last;
			tsn = end + 1;
			continue;
		}
		note(sctp, sum, tsn, t, false);
		t->lost_next = last;
		tsn++;
	}
}

/* RFC9260:6.2.1 D iii: the peer gave up what a block named; it is in flight again. */
static void take_back(tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack)
{
	sctp_outbound *o = &sctp->out;
	size_t i = 0;
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		uint32_t offset = tsn - sack->cumulative;
		while (i < sack->gap_count && tulle_sctp_read_gap(sack, i).end < offset)
			i++;
		bool named = i < sack->gap_count && tulle_sctp_read_gap(sack, i).start <= offset;
		if (t->state != SCTP_TSN_ACKED)
			continue;
		t->lost_next = tsn;
		if (named)
			continue;
		t->state = SCTP_TSN_FLIGHT;
		o->gap_acked--;
		o->flight += t->len;
		o->flight_chunks += SCTP_DATA_HEADER_BYTES + tulle_sctp_padded(t->len);
		sctp->stats.reneged++;
		if (t->transmissions == 1 && tulle_serial_lt32(tsn, o->scan_tsn))
			o->scan_tsn = tsn;
	}
	if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX)) /* RFC9260:6.3.2 R4 */
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}

static void take_gaps(tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack, ack_sum *sum)
{
	uint32_t named = 0;
	for (size_t i = 0; i < sack->gap_count; i++) {
		tulle_sctp_gap gap = tulle_sctp_read_gap(sack, i);
		named += (uint32_t)(gap.end - gap.start) + 1;
		take_block(sctp, sack->cumulative + gap.start, sack->cumulative + gap.end, sum);
	}
	if (named < sctp->out.gap_acked)
		take_back(sctp, sack);
}

/* A TSN has three miss indications when three SACKs newly acknowledged something above it (the HTNA
 * rule of RFC9260:7.2.4), which is: when it is below the third highest of these SACKs' tops. */
static void note_top(sctp_outbound *o, uint32_t top)
{
	for (unsigned i = 0; i < 3; i++)
		if (tulle_serial_lt32(o->high[i], top)) {
			uint32_t passed = o->high[i];
			o->high[i] = top;
			top = passed;
		}
}

static void enter_recovery(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	if (o->in_recovery)
		return;
	o->in_recovery = o->fast_free = true;
	o->recovery_exit = o->next_tsn - 1;
	sctp->cc.way->on_loss(&sctp->cc);
}

static void look_for_losses(tulle_sctp *sctp, const ack_sum *sum, uint32_t top)
{
	sctp_outbound *o = &sctp->out;
	if (o->in_recovery && sum->moved)
		note_top(o, top); /* RFC9260:7.2.4: then all that a SACK lacks is counted */
	else if (sum->any)
		note_top(o, sum->top_new);
	while (tulle_serial_lt32(o->scan_tsn, o->high[2])) {
		uint32_t tsn = o->scan_tsn++;
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		/* RFC9260:7.2.4: fast retransmission only once */
		if (t->state != SCTP_TSN_FLIGHT || t->transmissions != 1)
			continue;
		tulle_sctp_mark_lost(sctp, tsn);
		sctp->stats.fast_retransmits++;
		enter_recovery(sctp);
	}
}

static void after_ack(tulle_sctp *sctp, const ack_sum *sum)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_cc_ack ack = {.now = sctp->now, .acked = sum->bytes};
	ack.flight_before = sum->flight_before;
	ack.cumulative_moved = sum->moved;
	o->one_packet = o->no_packet = false;
	if (o->in_recovery && tulle_serial_le32(o->recovery_exit, o->acked_tsn))
		o->in_recovery = false;
	ack.in_recovery = o->in_recovery;
	if (sum->any) {
		sctp->errors = 0; /* RFC9260:8.1 */
		sctp->acked_lately = true;
		sctp->cc.way->on_ack(&sctp->cc, &ack);
	}
	if (o->acked_tsn + 1 == o->next_tsn)
		tulle_sctp_stop_timer(sctp, SCTP_T_RTX); /* RFC9260:6.3.2 R2 */
	else if (sum->moved)
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto); /* R3 */
}

static void take_window(tulle_sctp *sctp, uint32_t window)
{
	sctp_outbound *o = &sctp->out;
	if (window == 0 && o->peer_window_told != 0)
		sctp->stats.zero_windows++;
	if (window == 0)
		sctp->errors = 0; /* RFC9260:6.1 A: it answers, so it lives */
	o->peer_window_told = window;
	o->peer_window = window > o->flight ? window - o->flight : 0; /* RFC9260:6.2.1 D ii */
}

static bool was_never_sent(const tulle_sctp *sctp, uint32_t tsn)
{
	return !tulle_serial_lt32(tsn, sctp->out.next_tsn);
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
	ack_sum sum = {.flight_before = o->flight_chunks};
	take_cumulative(sctp, sack.cumulative, &sum);
	take_gaps(sctp, &sack, &sum);
	look_for_losses(sctp, &sum, top);
	after_ack(sctp, &sum);
	take_window(sctp, sack.window);
	tulle_sctp_shutdown_progress(sctp);
	return TULLE_TAKEN;
}

/* RFC9260:9.2: the cumulative TSN of a SHUTDOWN counts as a SACK's. */
void tulle_sctp_take_cumulative(tulle_sctp *sctp, uint32_t tsn)
{
	if (tulle_serial_lt32(tsn, sctp->out.acked_tsn) || was_never_sent(sctp, tsn))
		return;
	ack_sum sum = {.flight_before = sctp->out.flight_chunks};
	take_cumulative(sctp, tsn, &sum);
	after_ack(sctp, &sum);
}
