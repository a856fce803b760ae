/* SPDX-License-Identifier: MIT */
/* sctp: whose turn it is, and how a message is cut into chunks: RFC9260:6.1, 6.9.
 * Invariant: between the fragments of a message no other message takes a TSN. */
#include "sctp/association.h"

sctp_stream *tulle_sctp_next_stream(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->current != NULL)
		return o->current->out_head != NULL ? o->current : NULL;
	return o->ready_last != NULL ? o->ready_last->ready_next : NULL;
}

/* The stream's turn: out of the ring into current, at the start of a message. */
void tulle_sctp_begin_message(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_outbound *o = &sctp->out;
	if (o->current == s)
		return;
	if (o->ready_last == s)
		o->ready_last = NULL;
	else
		o->ready_last->ready_next = s->ready_next;
	s->ready_next = NULL;
	o->current = s;
}

static void end_message(tulle_sctp *sctp, sctp_stream *s, bool unordered)
{
	sctp->out.current = NULL;
	s->ready = false;
	if (unordered)
		s->out_umid++;
	else
		s->out_ssn++;
	sctp->stats.messages_out++;
	if (s->out_head != NULL)
		tulle_sctp_make_ready(sctp, s);
}

/* buffered falls by n. */
static void fell(tulle_sctp *sctp, sctp_stream *s, size_t n)
{
	bool above = s->buffered > s->low;
	s->buffered -= n;
	sctp->out.buffered -= n;
	if (above && s->buffered <= s->low)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_LOW);
}

void tulle_sctp_end_dropped(tulle_sctp *sctp, sctp_stream *s, bool numbered)
{
	bool unordered = s->part_unordered, above = s->buffered > s->low;
	if (s->out_head != NULL)
		unordered = s->out_head->unordered;
	tulle_sctp_drop_rest(sctp, s);
	if (above && s->buffered <= s->low)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_LOW);
	sctp->stats.messages_out -= !numbered;
	end_message(sctp, s, unordered || !numbered);
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
	(void)sctp;
	const sctp_out_piece *piece = t->piece;
	tulle_sctp_data_chunk chunk = {.tsn = tsn, .ppid = piece->ppid, .flags = t->flags};
	chunk.stream = piece->stream->id;
	chunk.ssn = piece->unordered ? 0 : (uint16_t)piece->mid;
	tulle_sctp_write_data_header(&p->w, &chunk, t->len);
	copy_pieces(p, piece, t->offset, t->len);
	tulle_wr_zero(&p->w, tulle_sctp_padded(t->len) - t->len);
}

/* Moves the stream's queue on by n bytes, which the TSN t now stands for. */
void tulle_sctp_cut(tulle_sctp *sctp, sctp_stream *s, size_t n, sctp_tsn *t)
{
	size_t left = n;
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
		if (piece->sent < piece->len)
			continue;
		last = piece->last;
		s->out_head = piece->next;
		if (s->out_head == NULL)
			s->out_tail = NULL;
	}
	if (last) {
		t->flags |= SCTP_FLAG_E;
		end_message(sctp, s, unordered);
	}
	fell(sctp, s, n);
}
