/* SPDX-License-Identifier: MIT */
/* sctp: partial reliability: RFC 3758. A message is given up as a whole, what is not cut of it too.
 * Its TSNs stay as ABANDONED, without payload, until the peer's cumulative TSN has passed them.
 * Invariant: all TSNs up to advanced_tsn and above acked_tsn are ABANDONED. */
#include "sctp/association.h"
#include "sctp/wire/forward.h"

bool tulle_sctp_is_over(const tulle_sctp *sctp, const sctp_out_piece *piece)
{
	return sctp->partial && tulle_time_due(piece->expires_us, sctp->now);
}

bool tulle_sctp_is_spent(const tulle_sctp *sctp, const sctp_tsn *t)
{
	const sctp_out_piece *piece = t->piece;
	return sctp->partial && ((piece->tries != 0 && t->transmissions >= piece->tries) ||
					tulle_sctp_is_over(sctp, piece));
}

/* The host's commands come between two calls that know the time, and know that of the call before.
 * From a call that knows it on nothing is undated, so that no piece is freed that is. */
void tulle_sctp_date(sctp_outbound *out, tulle_time on)
{
	while (out->undated != NULL) {
		sctp_out_piece *piece = out->undated;
		sctp_stream *s = piece->stream;
		out->undated = piece->undated;
		piece->expires_us = tulle_time_add(piece->expires_us, on);
		if (s->part_undated)
			s->part_expires = tulle_time_add(s->part_expires, on);
		s->part_undated = false;
	}
}

/* -- giving up -- */

typedef struct {
	sctp_stream *stream;
	uint32_t mid;
	bool unordered;
} message_key;

static bool is_of(const message_key *key, const sctp_tsn *t)
{
	return t->state != SCTP_TSN_ABANDONED && t->piece->stream == key->stream &&
	       t->piece->mid == key->mid && t->piece->unordered == key->unordered;
}

static void give_up(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t)
{
	const sctp_out_piece *piece = t->piece;
	t->delivered =
		(uint64_t)piece->stream->id << 48 | (uint64_t)piece->unordered << 32 | piece->mid;
	tulle_sctp_mark_abandoned(sctp, tsn);
	tulle_sctp_free_acked(sctp, t);
	t->piece = NULL;
	if (sctp->out.i_tsn == tsn)
		sctp->out.i_watched = false;
}

/* The first TSN of the message that is still known. */
static uint32_t find_first(const tulle_sctp *sctp, const message_key *key, uint32_t tsn)
{
	uint32_t first = tsn;
	for (; tsn != sctp->out.acked_tsn; tsn--) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (!is_of(key, t))
			continue;
		first = tsn;
		if (t->flags & SCTP_FLAG_B)
			break;
	}
	return first;
}

/* A TSN that is never sent, so that the FORWARD-TSN goes beyond all that the peer may have by now:
 * it may wait for the rest of the message already. */
static bool add_end(tulle_sctp *sctp, const message_key *key)
{
	sctp_outbound *o = &sctp->out;
	if (o->next_tsn - o->acked_tsn > tulle_sctp_ring_span(&o->ring))
		return false;
	sctp_tsn *t = tulle_sctp_ring_add(&o->ring, o->next_tsn);
	if (t == NULL)
		return false;
	t->state = SCTP_TSN_ABANDONED;
	t->delivered = (uint64_t)key->stream->id << 48 | (uint64_t)key->unordered << 32 | key->mid;
	o->next_tsn++;
	if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX))
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
	return true;
}

/* Is all of the message cut? Its chunks are between here and the newest. */
static bool has_end(const tulle_sctp *sctp, const message_key *key, uint32_t tsn)
{
	for (; tsn != sctp->out.next_tsn; tsn++) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (is_of(key, t) && (t->flags & SCTP_FLAG_E) != 0)
			return true;
	}
	return false;
}

/* RFC3758:3.5 A: all of the message's chunks, also those that the peer has. False: no room for the
 * record of its end. */
bool tulle_sctp_abandon(tulle_sctp *sctp, uint32_t tsn)
{
	const sctp_tsn *of = tulle_sctp_tsn_at(sctp, tsn);
	message_key key = {of->piece->stream, of->piece->mid, of->piece->unordered};
	uint32_t end = sctp->out.next_tsn;
	bool whole = has_end(sctp, &key, tsn);
	if (!whole && !add_end(sctp, &key))
		return false;
	sctp->stats.abandoned++;
	for (tsn = find_first(sctp, &key, tsn); tsn != end; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (!is_of(&key, t))
			continue;
		bool last = (t->flags & SCTP_FLAG_E) != 0;
		give_up(sctp, tsn, t);
		if (last)
			break;
	}
	if (!whole)
		tulle_sctp_end_dropped(sctp, key.stream, true);
	tulle_sctp_forward_progress(sctp);
	tulle_sctp_look_for_room(sctp);
	return true;
}

/* Some of it is on the wire. */
static bool drop_begun(tulle_sctp *sctp, sctp_stream *s)
{
	const sctp_outbound *o = &sctp->out;
	bool unordered = s->out_head->unordered;
	message_key key = {s, unordered ? s->out_umid : s->out_ssn, unordered};
	if (tulle_serial_lt32(o->acked_tsn, s->out_tsn) &&
		is_of(&key, tulle_sctp_tsn_at(sctp, s->out_tsn)))
		return tulle_sctp_abandon(sctp, s->out_tsn);
	if (!add_end(sctp, &key))
		return false;
	sctp->stats.abandoned++;
	tulle_sctp_end_dropped(sctp, s, true);
	tulle_sctp_forward_progress(sctp);
	tulle_sctp_look_for_room(sctp);
	return true;
}

void tulle_sctp_drop_expired(tulle_sctp *sctp)
{
	sctp_stream *s;
	while ((s = tulle_sctp_next_stream(sctp)) != NULL && s->out_head != NULL &&
		tulle_sctp_is_over(sctp, s->out_head)) {
		bool begun = !s->out_head->first || s->out_head->sent != 0;
		if (begun) {
			if (!drop_begun(sctp, s))
				return;
			continue;
		}
		sctp->stats.abandoned++;
		tulle_sctp_begin_message(sctp, s);
		tulle_sctp_end_dropped(sctp, s, false);
		tulle_sctp_look_for_room(sctp);
		tulle_sctp_shutdown_progress(sctp); /* no SACK will come of it */
	}
}

/* -- telling -- */

/* RFC3758:3.5 C: moves the point on; a FORWARD-TSN at once, then the same once a round trip while
 * it lasts (F2). What is new may not be held back for so long (F3). */
void tulle_sctp_forward_progress(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	if (tulle_serial_lt32(o->advanced_tsn, o->acked_tsn))
		o->advanced_tsn = o->acked_tsn;
	while (o->advanced_tsn + 1 != o->next_tsn &&
		tulle_sctp_tsn_at(sctp, o->advanced_tsn + 1)->state == SCTP_TSN_ABANDONED)
		o->advanced_tsn++;
	if (o->advanced_tsn == o->acked_tsn) {
		tulle_sctp_stop_timer(sctp, SCTP_T_FORWARD);
		sctp->due &= ~(uint32_t)SCTP_DUE_FORWARD;
		return;
	}
	tulle_time trip = sctp->srtt != 0 ? sctp->srtt : sctp->rto;
	tulle_time wait = tulle_time_max(trip, TULLE_SCTP_FORWARD_WAIT_US);
	if (o->forward_tsn != o->advanced_tsn)
		wait = tulle_time_min(wait, TULLE_SCTP_FORWARD_WAIT_US_MAX);
	if (o->forward_at != 0 && sctp->now - o->forward_at < wait)
		tulle_sctp_set_timer(sctp, SCTP_T_FORWARD, o->forward_at + wait - sctp->now);
	else
		sctp->due |= SCTP_DUE_FORWARD;
}

typedef struct {
	tulle_sctp_skip at[TULLE_SCTP_FORWARD_STREAMS_MAX];
	size_t count;
} skip_list;

static bool add_skip(skip_list *list, uint64_t key, bool interleaved)
{
	uint16_t stream = (uint16_t)(key >> 48);
	bool unordered = (key >> 32 & 1) != 0;
	if (unordered && !interleaved) /* DATA has no number for it: the TSN alone says it */
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (list->at[i].stream == stream && list->at[i].unordered == unordered) {
			list->at[i].mid = (uint32_t)key;
			return true;
		}
	if (list->count == TULLE_SCTP_FORWARD_STREAMS_MAX)
		return false;
	list->at[list->count++] =
		(tulle_sctp_skip){.stream = stream, .unordered = unordered, .mid = (uint32_t)key};
	return true;
}

void tulle_sctp_write_forward(tulle_sctp *sctp, tulle_wr *w)
{
	sctp_outbound *o = &sctp->out;
	skip_list list = {.count = 0};
	uint32_t to = o->acked_tsn;
	sctp->due &= ~(uint32_t)SCTP_DUE_FORWARD;
	/* what has no room goes with the next one */
	while (to != o->advanced_tsn &&
		add_skip(&list, tulle_sctp_tsn_at(sctp, to + 1)->delivered, sctp->interleaves))
		to++;
	if (to == o->acked_tsn)
		return;
	sctp->stats.forwards_out++;
	tulle_sctp_write_forward_chunk(w, sctp->interleaves, to, list.at, list.count);
	o->forward_tsn = to;
	o->forward_at = sctp->now;
	tulle_sctp_forward_progress(sctp); /* when the next one is due */
}

/* -- being told -- */

/* The chunks between that are here: what is whole stays, the rest goes. */
static void drop_early(tulle_sctp *sctp, uint32_t to)
{
	sctp_inbound *in = &sctp->in;
	while (in->ranges.count != 0 && tulle_serial_le32(in->ranges.at[0].first, to)) {
		tulle_sctp_range *r = &in->ranges.at[0];
		uint32_t end = tulle_serial_lt32(to, r->last) ? to : r->last;
		for (uint32_t tsn = r->first; tsn != end + 1; tsn++) {
			sctp_in_piece *piece = tulle_sctp_early_at(sctp, tsn);
			if (piece == NULL)
				continue;
			bool done = piece->done;
			tulle_sctp_ring_remove(&in->ring, tsn);
			if (!done)
				tulle_sctp_free_chain(sctp, piece);
		}
		if (end == r->last) {
			tulle_sctp_ranges_remove_first(&in->ranges);
			continue;
		}
		tulle_sctp_mend_run(sctp, end + 1);
		r->first = end + 1;
		return;
	}
}

/* Records that nothing keeps go. Only after the last skip: a stream is named once for its ordered
 * messages and once for the others (RFC8260:2.3.1), and finds its record both times. */
static void leave_streams(tulle_sctp *sctp, const tulle_sctp_forward_chunk *f)
{
	for (size_t i = 0; i < f->count; i++) {
		sctp_stream *s = tulle_sctp_find_stream(sctp, tulle_sctp_read_skip(f, i).stream);
		if (s != NULL)
			tulle_sctp_leave_stream(sctp, s);
	}
}

static bool have_streams(tulle_sctp *sctp, const tulle_sctp_forward_chunk *f)
{
	for (size_t i = 0; i < f->count; i++) {
		uint16_t id = tulle_sctp_read_skip(f, i).stream;
		if (id < sctp->config.streams_max && tulle_sctp_add_stream(sctp, id) == NULL) {
			leave_streams(sctp, f);
			return false;
		}
	}
	return true;
}

static void skip_stream(tulle_sctp *sctp, sctp_stream *s, const tulle_sctp_skip *skip)
{
	uint32_t mid = skip->mid;
	if (sctp->interleaves)
		tulle_sctp_skip_forming(sctp, s, skip->unordered, mid);
	else
		mid = tulle_sctp_extend(s->in_mid, mid);
	if (!skip->unordered)
		tulle_sctp_skip_ordered(sctp, s, mid);
}

/* RFC3758:3.6 */
static bool forward(tulle_sctp *sctp, const tulle_sctp_forward_chunk *f)
{
	sctp_inbound *in = &sctp->in;
	if (!sctp->interleaves)
		tulle_sctp_cut_front(sctp);
	drop_early(sctp, f->cumulative);
	in->cumulative = f->cumulative;
	in->skipping = true;
	for (size_t i = 0; i < f->count; i++) {
		tulle_sctp_skip skip = tulle_sctp_read_skip(f, i);
		sctp_stream *s = tulle_sctp_find_stream(sctp, skip.stream);
		if (s != NULL)
			skip_stream(sctp, s, &skip);
	}
	leave_streams(sctp, f);
	return tulle_sctp_pass_ranges(sctp);
}

TULLE_UNTRUSTED(dtls, "streams of one chunk, and the TSNs that it lets pass", sctp_state)
tulle_drop tulle_sctp_take_forward(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	sctp_inbound *in = &sctp->in;
	tulle_sctp_forward_chunk f;
	tulle_drop drop = tulle_sctp_read_forward(chunk, &f);
	if (drop != TULLE_TAKEN)
		return drop;
	if (f.interleaved != sctp->interleaves) { /* RFC8260:2.3.1 */
		tulle_sctp_break(sctp, SCTP_C_VIOLATION, NULL, 0);
		return TULLE_DROP_SCTP_CHUNK;
	}
	sctp->due |= SCTP_DUE_SACK; /* RFC3758:3.6: also when it is old, ours may have been lost */
	if (!tulle_serial_lt32(in->cumulative, f.cumulative))
		return TULLE_DROP_SCTP_DUPLICATE;
	if (f.cumulative - in->cumulative > tulle_sctp_ring_span(&in->ring))
		return TULLE_DROP_SCTP_TSN;
	if (!have_streams(sctp, &f))
		return TULLE_DROP_NO_ROOM;
	sctp->stats.forwards_in++;
	return forward(sctp, &f) ? TULLE_TAKEN : TULLE_DROP_SCTP_CHUNK;
}
