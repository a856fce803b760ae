/* SPDX-License-Identifier: MIT */
/* sctp: chunks to messages, messages to their streams: RFC9260:6.5, 6.6, 6.9.
 * Fragments of a message have consecutive TSNs. Above the cumulative TSN a run of fragments knows
 * its two ends (mate), so that a chunk joins in O(1); at it, the front message grows in order.
 * Invariant: a stream's ordered list is sorted by SSN without doubles, none before in_ssn. */
#include "sctp/association.h"

static bool broken(tulle_sctp *sctp)
{
	tulle_sctp_break(sctp, SCTP_C_VIOLATION, NULL, 0);
	return false;
}

bool tulle_sctp_too_long(tulle_sctp *sctp, size_t bytes)
{
	if (sctp->config.message_bytes_max == 0 || bytes <= sctp->config.message_bytes_max)
		return false;
	tulle_sctp_break(sctp, SCTP_C_RESOURCE, NULL, 0);
	return true;
}

/* -- streams -- */

bool tulle_sctp_has_turn(const sctp_stream *s)
{
	if (s->paused)
		return false;
	if (s->old.head != NULL)
		return true;
	if (s->ended_in) /* the event comes between before and after */
		return false;
	return s->passed.head != NULL || s->unordered.head != NULL ||
	       (s->ordered.head != NULL && s->ordered.head->mid == s->in_mid);
}

void tulle_sctp_offer_stream(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_inbound *in = &sctp->in;
	if (s->deliver || !tulle_sctp_has_turn(s))
		return;
	s->deliver = true;
	s->deliver_next = NULL;
	*(in->deliver_last != NULL ? &in->deliver_last->deliver_next : &in->deliver_first) = s;
	in->deliver_last = s;
}

void tulle_sctp_append_message(sctp_in_list *list, sctp_in_piece *message)
{
	message->listed = true;
	message->ordered = false;
	message->next = NULL;
	message->prev = list->tail;
	*(list->tail != NULL ? &list->tail->next : &list->head) = message;
	list->tail = message;
}

void tulle_sctp_insert_message(sctp_in_list *list, sctp_in_piece *at, sctp_in_piece *message)
{
	message->listed = true;
	message->prev = at;
	message->next = at != NULL ? at->next : list->head;
	*(at != NULL ? &at->next : &list->head) = message;
	*(message->next != NULL ? &message->next->prev : &list->tail) = message;
}

/* The message at this TSN, when it waits in the same list: not one that was passed over, or is of
 * before a reset, though its TSN is above the cumulative one. */
static sctp_in_piece *in_same_list(
	const tulle_sctp *sctp, const sctp_in_piece *message, uint32_t tsn)
{
	sctp_in_piece *near = sctp->interleaves ? NULL : tulle_sctp_early_at(sctp, tsn);
	return near != NULL && near->ordered && near->owner == message->owner ? near : NULL;
}

/* Before our place; NULL: it is the first. Looked for from both ends of the list and from both
 * sides of our TSNs at once: of n messages the nearest of these is at most sqrt(n) steps away, in
 * whatever order they come. */
static sctp_in_piece *find_place(
	const tulle_sctp *sctp, const sctp_in_piece *message, uint32_t last)
{
	const sctp_in_list *list = &message->owner->ordered;
	sctp_in_piece *high = list->tail, *low = list->head, *near;
	for (uint32_t k = 1; high != NULL && tulle_serial_lt32(message->mid, high->mid); k++) {
		if (tulle_serial_lt32(message->mid, low->mid))
			return low->prev;
		near = in_same_list(sctp, message, message->tsn - k);
		if (near != NULL)
			return near;
		near = in_same_list(sctp, message, last + k);
		if (near != NULL)
			return near->prev;
		high = high->prev;
		low = low->next;
	}
	return high;
}

static bool is_before(const tulle_sctp *sctp, const sctp_in_piece *a, const sctp_in_piece *b)
{
	return tulle_serial_lt32(a->mid, b->mid) &&
	       (sctp->interleaves || tulle_serial_lt32(a->tsn, b->tsn));
}

/* A stream's SSNs go up as its TSNs do: RFC9260:6.6. */
static bool insert_ordered(tulle_sctp *sctp, sctp_in_piece *message, uint32_t last)
{
	sctp_stream *s = message->owner;
	if (tulle_serial_lt32(message->mid, s->in_mid))
		return broken(sctp);
	sctp_in_piece *at = find_place(sctp, message, last);
	const sctp_in_piece *next = at != NULL ? at->next : s->ordered.head;
	if ((at != NULL && !is_before(sctp, at, message)) ||
		(next != NULL && !is_before(sctp, message, next)))
		return broken(sctp);
	tulle_sctp_insert_message(&s->ordered, at, message);
	message->ordered = true;
	return true;
}

/* A whole message, up to the TSN last, finds its place in its stream. */
bool tulle_sctp_add_message(tulle_sctp *sctp, sctp_in_piece *message, uint32_t last)
{
	sctp_stream *s = message->owner;
	sctp->stats.messages_in++;
	if (message->flags & SCTP_FLAG_U) /* RFC9260:6.6 */
		tulle_sctp_append_message(&s->unordered, message);
	else if (!insert_ordered(sctp, message, last))
		return false;
	tulle_sctp_offer_stream(sctp, s);
	return true;
}

/* Memory rule 5: all before an ordered message has come, so its SSN is the next one, or never can
 * be. The messages before it in the list are at lower TSNs and were judged when these passed. */
static bool is_next_of_stream(const sctp_in_piece *message)
{
	if (message->flags & SCTP_FLAG_U)
		return true;
	uint32_t before = message->prev != NULL ? message->prev->mid : message->owner->in_mid - 1;
	return before + 1 == message->mid;
}

/* -- the front -- */

static bool is_same_message(const sctp_inbound *in, const sctp_in_piece *piece)
{
	return in->front_stream == piece->owner && in->front_mid == piece->mid &&
	       ((in->front_flags ^ piece->flags) & SCTP_FLAG_U) == 0;
}

static sctp_in_piece *chunk_end(sctp_in_piece *piece)
{
	while (piece->chain != NULL && piece->chain->tsn == piece->tsn)
		piece = piece->chain;
	return piece;
}

static size_t chunk_bytes(const sctp_in_piece *piece)
{
	size_t n = piece->len;
	for (const sctp_in_piece *p = piece->chain; p != NULL && p->tsn == piece->tsn; p = p->chain)
		n += p->len;
	return n;
}

static bool close_front(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	sctp_in_piece *message = in->front;
	in->front_open = false;
	in->front = in->front_tail = NULL;
	if (in->giving_front) { /* some of it is out: the rest follows */
		in->giving_front = false;
		in->giving = message;
		sctp->stats.messages_in++;
		return true;
	}
	message->done = true;
	if (!tulle_sctp_add_message(sctp, message, in->cumulative)) {
		in->front = message; /* where clearing finds it */
		return false;
	}
	return is_next_of_stream(message) || broken(sctp);
}

static bool grow_front(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp_inbound *in = &sctp->in;
	if (!in->front_open) {
		in->front_bytes = 0;
		in->front_stream = piece->owner;
		in->front_mid = piece->mid;
		in->front_flags = piece->flags;
	}
	in->front_open = true;
	in->front_bytes += chunk_bytes(piece);
	*(in->front != NULL ? &in->front_tail->chain : &in->front) = piece;
	in->front_tail = chunk_end(piece);
	if (tulle_sctp_too_long(sctp, in->front_bytes))
		return false;
	return (piece->flags & SCTP_FLAG_E) == 0 || close_front(sctp);
}

void tulle_sctp_cut_front(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	if (!in->front_open)
		return;
	in->front_open = false;
	if (in->giving_front) { /* some of it is out: its end is that it has none */
		in->giving_front = false;
		in->giving_cut = true;
	}
	tulle_sctp_free_chain(sctp, in->front);
	in->front = in->front_tail = NULL;
}

/* What is whole up to mid goes out, what is not never comes: RFC3758:3.6. */
void tulle_sctp_skip_ordered(tulle_sctp *sctp, sctp_stream *s, uint32_t mid)
{
	if (tulle_serial_lt32(mid, s->in_mid))
		return;
	while (s->ordered.head != NULL && !tulle_serial_lt32(mid, s->ordered.head->mid)) {
		sctp_in_piece *message = s->ordered.head;
		s->ordered.head = message->next;
		*(message->next != NULL ? &message->next->prev : &s->ordered.tail) = NULL;
		tulle_sctp_append_message(&s->passed, message);
	}
	s->in_mid = mid + 1;
	tulle_sctp_offer_stream(sctp, s);
}

/* A fragment whose beginning a FORWARD-TSN took away. */
static bool is_left_over(const sctp_inbound *in, const sctp_in_piece *piece)
{
	return in->skipping && !in->front_open && (piece->flags & SCTP_FLAG_B) == 0;
}

bool tulle_sctp_pass_cumulative(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp_inbound *in = &sctp->in;
	if (sctp->interleaves) /* what a message is does not depend on TSNs: RFC8260:2.2.3 */
		return true;
	if (piece != NULL && !piece->done && is_left_over(in, piece)) {
		tulle_sctp_free_chain(sctp, piece);
		return true;
	}
	in->skipping = false;
	bool begins = piece == NULL || piece->done || (piece->flags & SCTP_FLAG_B) != 0;
	if (begins && in->front_open && sctp->partial) { /* the FORWARD-TSN for it is late */
		sctp_stream *s = in->front_stream;
		bool ordered = (in->front_flags & SCTP_FLAG_U) == 0;
		uint32_t mid = in->front_mid;
		tulle_sctp_cut_front(sctp);
		if (ordered)
			tulle_sctp_skip_ordered(sctp, s, mid);
	}
	if (piece == NULL || piece->done) {
		if (in->front_open) /* RFC9260:6.9: a message's TSNs follow each other */
			return broken(sctp);
		bool judged = piece != NULL && piece->listed;
		return !judged || is_next_of_stream(piece) || broken(sctp);
	}
	bool first = (piece->flags & SCTP_FLAG_B) != 0;
	if (first == in->front_open || (in->front_open && !is_same_message(in, piece))) {
		tulle_sctp_free_chain(sctp, piece); /* no part of what is being given out */
		return broken(sctp);
	}
	return grow_front(sctp, piece);
}

/* -- above the front -- */

/* A message may break off when its sender may give it up; a FORWARD-TSN will follow: RFC3758:3.5.
 */
static bool may_follow(
	const tulle_sctp *sctp, const sctp_in_piece *left, const sctp_in_piece *right)
{
	bool ends = (left->flags & SCTP_FLAG_E) != 0, begins = (right->flags & SCTP_FLAG_B) != 0;
	if (ends || begins)
		return begins && (ends || sctp->partial);
	return left->owner == right->owner && left->mid == right->mid &&
	       ((left->flags ^ right->flags) & SCTP_FLAG_U) == 0;
}

static size_t run_bytes(const tulle_sctp *sctp, uint32_t first, uint32_t last)
{
	size_t bytes = 0;
	for (uint32_t tsn = first; tsn != last + 1; tsn++)
		bytes += chunk_bytes(tulle_sctp_early_at(sctp, tsn));
	return bytes;
}

static bool make_message(tulle_sctp *sctp, uint32_t first, uint32_t last)
{
	if (tulle_sctp_too_long(sctp, run_bytes(sctp, first, last)))
		return false;
	sctp_in_piece *head = tulle_sctp_early_at(sctp, first);
	for (uint32_t tsn = first;; tsn++) {
		sctp_in_piece *piece = tulle_sctp_early_at(sctp, tsn);
		piece->done = true;
		if (tsn == last)
			break;
		chunk_end(piece)->chain = tulle_sctp_early_at(sctp, tsn + 1);
	}
	if (!tulle_sctp_add_message(sctp, head, last)) {
		for (sctp_in_piece *p = head; p != NULL;
			p = p->chain) /* clearing finds it in the ring */
			p->done = false;
		for (uint32_t tsn = first; tsn != last; tsn++)
			chunk_end(tulle_sctp_early_at(sctp, tsn))->chain = NULL;
		return false;
	}
	return true;
}

void tulle_sctp_mend_run(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_in_piece *first = tulle_sctp_early_at(sctp, tsn), *next;
	if (first == NULL || first->done || (first->flags & SCTP_FLAG_B) != 0)
		return;
	uint32_t last = tsn;
	for (next = first; (next->flags & SCTP_FLAG_E) == 0; last++) {
		next = tulle_sctp_early_at(sctp, last + 1);
		if (next == NULL || next->done || (next->flags & SCTP_FLAG_B) != 0)
			break;
	}
	first->mate = last;
	tulle_sctp_early_at(sctp, last)->mate = tsn;
}

bool tulle_sctp_join_early(tulle_sctp *sctp, sctp_in_piece *piece)
{
	uint32_t tsn = piece->tsn, first = tsn, last = tsn;
	sctp_in_piece *left = tulle_sctp_early_at(sctp, tsn - 1);
	sctp_in_piece *right = tulle_sctp_early_at(sctp, tsn + 1);
	if ((left != NULL && !may_follow(sctp, left, piece)) ||
		(right != NULL && !may_follow(sctp, piece, right)))
		return broken(sctp);
	if (left != NULL && (left->flags & SCTP_FLAG_E) == 0 && (piece->flags & SCTP_FLAG_B) == 0)
		first = left->mate;
	if (right != NULL && (right->flags & SCTP_FLAG_B) == 0)
		last = right->mate;
	sctp_in_piece *head = tulle_sctp_early_at(sctp, first);
	sctp_in_piece *tail = tulle_sctp_early_at(sctp, last);
	head->mate = last;
	tail->mate = first;
	if ((head->flags & SCTP_FLAG_B) == 0 || (tail->flags & SCTP_FLAG_E) == 0)
		return true;
	return make_message(sctp, first, last);
}
