/* SPDX-License-Identifier: MIT */
/* sctp: whose turn it is, and how a message is cut into chunks: RFC9260:6.1, 6.9.
 * Invariant: without I-DATA no other message takes a TSN between the fragments of one. */
#include "sctp/association.h"

sctp_stream *tulle_sctp_next_stream(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->current != NULL)
		return o->current->out_head != NULL ? o->current : NULL;
	if (o->ready_last == NULL)
		return NULL;
	sctp_stream *s = o->ready_last->ready_next;
	while (s->out_head == NULL && s != o->ready_last) /* its messages were given up */
		s = s->ready_next;
	return s->out_head != NULL ? s : NULL;
}

static void leave_ring(sctp_outbound *o) /* the first */
{
	sctp_stream *s = o->ready_last->ready_next;
	if (o->ready_last == s)
		o->ready_last = NULL;
	else
		o->ready_last->ready_next = s->ready_next;
	s->ready_next = NULL;
}

static int32_t turn_of(const sctp_stream *s)
{
	return (int32_t)(TULLE_SCTP_TURN_BYTES * s->weight / 128);
}

/* Deficit round robin: each turn brings a stream bytes in proportion to its weight; who took more
 * than it had (a whole message, where messages cannot be mixed) pays with its next turns. */
void tulle_sctp_pick_stream(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	while (o->current == NULL && o->ready_last != NULL) {
		sctp_stream *s = o->ready_last->ready_next;
		if (s->out_head == NULL) {
			leave_ring(o);
			s->ready = false;
			s->deficit = 0;
			tulle_sctp_leave_stream(sctp, s);
			continue;
		}
		if (s->deficit > 0)
			return;
		bool alone = s == o->ready_last;
		s->deficit = alone ? turn_of(s) : s->deficit + turn_of(s);
		if (s->deficit > 0)
			return;
		o->ready_last = s; /* goes round */
	}
}

void tulle_sctp_begin_message(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_outbound *o = &sctp->out;
	if (o->current == s)
		return;
	while (o->ready_last->ready_next != s) { /* only those that have nothing stand before it */
		o->ready_last->ready_next->ready = false;
		leave_ring(o);
	}
	leave_ring(o);
	o->current = s;
}

/* Back into the ring: to its head while its turn lasts, else to its end. */
static void pass_turn(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_outbound *o = &sctp->out;
	o->current = NULL;
	s->ready = false;
	if (s->out_head == NULL)
		return;
	sctp_stream *last = o->ready_last;
	tulle_sctp_make_ready(sctp, s);
	if (s->deficit > 0 && last != NULL)
		o->ready_last = last; /* then it is the first */
}

static void end_message(tulle_sctp *sctp, sctp_stream *s, bool unordered)
{
	if (unordered)
		s->out_umid++;
	else
		s->out_ssn++;
	s->out_fsn = 0;
	sctp->stats.messages_out++;
	if (sctp->out.current == s)
		pass_turn(sctp, s);
}

/* buffered falls by n, of which some do not count. */
static void fell(tulle_sctp *sctp, sctp_stream *s, size_t n, size_t uncounted)
{
	bool above = tulle_sctp_counted(s) > s->low;
	s->buffered -= n;
	s->uncounted -= uncounted;
	sctp->out.buffered -= n;
	if (above && tulle_sctp_counted(s) <= s->low)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_LOW);
}

void tulle_sctp_end_dropped(tulle_sctp *sctp, sctp_stream *s, bool numbered)
{
	bool unordered = s->part_unordered, above = tulle_sctp_counted(s) > s->low;
	if (s->out_head != NULL)
		unordered = s->out_head->unordered;
	tulle_sctp_drop_rest(sctp, s);
	if (above && tulle_sctp_counted(s) <= s->low)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_LOW);
	if (numbered)
		end_message(sctp, s, unordered);
	else if (sctp->out.current == s)
		pass_turn(sctp, s);
	tulle_sctp_reset_wanted(sctp, s);
}

/* How much of the front message is at hand, up to max; *last: all of it is. */
size_t tulle_sctp_at_hand(const sctp_stream *s, size_t max, bool *last)
{
	size_t n = 0;
	*last = false;
	for (const sctp_out_piece *p = s->out_head; p != NULL && n <= max; p = p->next) {
		n += (size_t)p->len - p->sent;
		if (p->last) {
			*last = n <= max;
			break;
		}
	}
	return tulle_min(n, max);
}

/* Copies a TSN's payload out of its pieces. */
static void copy_pieces(
	tulle_sctp_packet *p, const sctp_out_piece *piece, size_t offset, size_t len)
{
	while (len > 0) {
		size_t n = tulle_min(len, piece->len - offset);
		tulle_sctp_packet_copy(p, (const uint8_t *)(piece + 1) + offset, n);
		len -= n;
		offset = 0;
		piece = piece->next;
	}
}

void tulle_sctp_write_chunk(tulle_sctp *sctp, tulle_sctp_packet *p, uint32_t tsn, const sctp_tsn *t)
{
	const sctp_out_piece *piece = t->piece;
	tulle_sctp_data_chunk chunk = {.tsn = tsn, .ppid = piece->ppid, .flags = t->flags};
	chunk.stream = piece->stream->id;
	chunk.interleaved = sctp->interleaves;
	chunk.fsn = t->fsn;
	chunk.mid = piece->mid;
	if (!sctp->interleaves && piece->unordered) /* RFC9260:3.3.1 */
		chunk.mid = 0;
	tulle_sctp_write_data_header(&p->w, &chunk, t->len);
	copy_pieces(p, piece, t->offset, t->len);
	tulle_wr_zero(&p->w, tulle_sctp_padded(t->len) - t->len);
}

/* Moves the stream's queue on by n bytes, which the TSN t now stands for. */
void tulle_sctp_cut(tulle_sctp *sctp, sctp_stream *s, size_t n, sctp_tsn *t)
{
	size_t left = n, uncounted = 0;
	bool unordered = s->out_head->unordered, last = false;
	t->piece = s->out_head;
	t->offset = s->out_head->sent;
	t->len = (uint16_t)n;
	t->flags = (uint8_t)((t->offset == 0 && s->out_head->first ? SCTP_FLAG_B : 0) |
			     (unordered ? SCTP_FLAG_U : 0));
	while (left > 0) {
		sctp_out_piece *piece = s->out_head;
		size_t take = tulle_min(left, (size_t)piece->len - piece->sent);
		piece->mid = unordered ? s->out_umid : s->out_ssn;
		piece->sent = (uint16_t)(piece->sent + take);
		left -= take;
		uncounted += piece->uncounted ? take : 0;
		if (piece->sent < piece->len)
			continue;
		last = piece->last;
		s->out_head = piece->next;
		if (s->out_head == NULL)
			s->out_tail = NULL;
	}
	t->fsn = s->out_fsn++;
	s->deficit -= (int32_t)tulle_min(n, (size_t)(s->deficit + TULLE_SCTP_DEBT_BYTES_MAX));
	if (last) {
		t->flags |= SCTP_FLAG_E;
		s->out_ends--;
		end_message(sctp, s, unordered);
	} else if (sctp->interleaves && (s->deficit <= 0 || s->out_head == NULL)) {
		pass_turn(sctp, s); /* RFC8260:2.2 */
	}
	fell(sctp, s, n, uncounted);
}
