/* SPDX-License-Identifier: MIT */
/* sctp: I-DATA: messages by stream, order and MID, fragments by FSN: RFC 8260. A message that is
 * not whole waits in its stream's list, sorted by MID; its head knows the last piece, how many
 * fragments came and of how many bytes. Invariant: a chain is sorted by FSN without doubles. */
#include "sctp/association.h"

static bool broken(tulle_sctp *sctp, sctp_in_piece *piece)
{
	tulle_sctp_free_chain(sctp, piece);
	tulle_sctp_break(sctp, SCTP_C_VIOLATION, NULL, 0);
	return false;
}

static bool is_unordered(const sctp_in_piece *piece)
{
	return (piece->flags & SCTP_FLAG_U) != 0;
}

/* A chunk that is larger than a block is several pieces. */
static sctp_in_piece *chunk_end(sctp_in_piece *piece)
{
	while (piece->chain != NULL && piece->chain->fsn == piece->fsn)
		piece = piece->chain;
	return piece;
}

static size_t chunk_bytes(const sctp_in_piece *piece)
{
	size_t n = 0;
	for (const sctp_in_piece *p = piece; p != NULL && p->fsn == piece->fsn; p = p->chain)
		n += p->len;
	return n;
}

/* The message, or the one before its place; looked for from the end that is nearer. */
static sctp_in_piece *find_message(const sctp_in_list *list, uint32_t mid)
{
	sctp_in_piece *at = list->tail;
	if (at == NULL || tulle_serial_le32(at->mid, mid))
		return at;
	if (at->mid - mid <= mid - list->head->mid) {
		while (at != NULL && tulle_serial_lt32(mid, at->mid))
			at = at->prev;
		return at;
	}
	at = list->head;
	if (tulle_serial_lt32(mid, at->mid))
		return NULL;
	while (at->next != NULL && tulle_serial_le32(at->next->mid, mid))
		at = at->next;
	return at;
}

/* Puts a chunk into a chain that begins at *head and ends at *tail; false: it cannot be there. */
static bool link_chunk(sctp_in_piece **head, sctp_in_piece **tail, sctp_in_piece *piece)
{
	sctp_in_piece **at = head, *end = chunk_end(piece), *before = NULL;
	if (*tail != NULL && tulle_serial_lt32((*tail)->fsn, piece->fsn)) {
		/* RFC8260:2.2.3: nothing follows the last or stands before the first */
		if (((*tail)->flags & SCTP_FLAG_E) || (piece->flags & SCTP_FLAG_B))
			return false;
		(*tail)->chain = piece;
		*tail = end;
		return true;
	}
	if (*tail == NULL) {
		*head = piece;
		*tail = end;
		return true;
	}
	if (piece->flags & SCTP_FLAG_E)
		return false;
	while (*at != NULL && tulle_serial_lt32((*at)->fsn, piece->fsn)) {
		before = chunk_end(*at);
		at = &before->chain;
	}
	if (*at != NULL && (*at)->fsn == piece->fsn)
		return false;
	const sctp_in_piece *later = before != NULL ? piece : *head;
	if (later->flags & SCTP_FLAG_B)
		return false;
	end->chain = *at;
	*at = piece;
	if (end->chain == NULL)
		*tail = end;
	return true;
}

static bool is_whole(const sctp_in_piece *head)
{
	return (head->flags & SCTP_FLAG_B) != 0 && (head->tail->flags & SCTP_FLAG_E) != 0 &&
	       head->tail->fsn + 1 == head->mate;
}

static bool begin(tulle_sctp *sctp, sctp_in_list *list, sctp_in_piece *at, sctp_in_piece *piece)
{
	piece->tail = chunk_end(piece);
	piece->mate = 1;
	piece->bytes = (uint32_t)chunk_bytes(piece);
	tulle_sctp_insert_message(list, at, piece);
	sctp->in.forming++;
	return !tulle_sctp_too_long(sctp, piece->bytes);
}

static bool add_to(tulle_sctp *sctp, sctp_in_list *list, sctp_in_piece *head, sctp_in_piece *piece)
{
	sctp_in_piece *first = head, *tail = head->tail;
	uint32_t count = head->mate + 1, bytes = head->bytes + (uint32_t)chunk_bytes(piece);
	if (!link_chunk(&first, &tail, piece))
		return broken(sctp, piece);
	if (first != head) { /* an earlier one: it stands for the message now */
		sctp_in_piece *before = head->prev;
		tulle_sctp_remove_message(list, head);
		tulle_sctp_insert_message(list, before, first);
	}
	first->tail = tail;
	first->mate = count;
	first->bytes = bytes;
	return !tulle_sctp_too_long(sctp, bytes);
}

static bool finish(tulle_sctp *sctp, sctp_in_list *list, sctp_in_piece *head)
{
	tulle_sctp_remove_message(list, head);
	sctp->in.forming--;
	head->done = true;
	if (tulle_sctp_add_message(sctp, head, head->tsn))
		return true;
	tulle_sctp_insert_message(list, NULL, head); /* where clearing finds it */
	sctp->in.forming++;
	return false;
}

/* The message that is being given out in parts. */
static bool join_front(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp_inbound *in = &sctp->in;
	if (tulle_serial_lt32(piece->fsn, in->give_fsn) ||
		!link_chunk(&in->front, &in->front_tail, piece))
		return broken(sctp, piece);
	in->front_bytes += chunk_bytes(piece);
	in->front_count++;
	return !tulle_sctp_too_long(sctp, in->front_bytes);
}

/* All of the front is here, it only waits for its reader: no more comes for it, and what has its
 * number now is another message, of after a reset. */
static bool is_front_whole(const sctp_inbound *in)
{
	return in->front_tail != NULL && (in->front_tail->flags & SCTP_FLAG_E) != 0 &&
	       in->front_tail->fsn + 1 - in->give_fsn == in->front_count;
}

static bool is_front(const sctp_inbound *in, const sctp_in_piece *piece)
{
	return in->front_open && !is_front_whole(in) && in->front_stream == piece->owner &&
	       in->front_mid == piece->mid && ((in->front_flags ^ piece->flags) & SCTP_FLAG_U) == 0;
}

/* Of a message that an I-FORWARD-TSN took away, overtaken by it: what it named may go on behind the
 * TSN that it named, but within a window's TSNs. */
static bool is_left_over(sctp_stream *s, const sctp_in_piece *piece)
{
	if (!is_unordered(piece))
		return tulle_serial_lt32(piece->mid, s->in_mid);
	if (s->has_skipped && piece->mid - s->skipped <= INT32_MAX &&
		piece->mid - s->skipped > UINT16_MAX)
		s->has_skipped = false;
	return s->has_skipped && tulle_serial_le32(piece->mid, s->skipped);
}

bool tulle_sctp_join_message(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp_stream *s = piece->owner;
	sctp_in_list *list = &s->forming[is_unordered(piece)];
	bool first = (piece->flags & SCTP_FLAG_B) != 0;
	if (first != (piece->fsn == 0)) /* RFC8260:2.1: the first has number 0, and it alone */
		return broken(sctp, piece);
	if (is_front(&sctp->in, piece))
		return join_front(sctp, piece);
	if (is_left_over(s, piece)) {
		if (!sctp->partial)
			return broken(sctp, piece);
		tulle_sctp_free_chain(sctp, piece);
		tulle_sctp_leave_stream(sctp, s);
		return true;
	}
	sctp_in_piece *at = find_message(list, piece->mid);
	bool known = at != NULL && at->mid == piece->mid;
	if (known ? !add_to(sctp, list, at, piece) : !begin(sctp, list, at, piece))
		return false;
	at = find_message(list, piece->mid);
	return !is_whole(at) || finish(sctp, list, at);
}

/* -- in parts -- */

static bool may_begin(const sctp_stream *s, bool unordered)
{
	const sctp_in_piece *head = s->forming[unordered].head;
	return head != NULL && (head->flags & SCTP_FLAG_B) != 0 &&
	       (unordered || head->mid == s->in_mid);
}

/* Looks at all streams: only where parts are wanted, or only the reserve is left. */
sctp_stream *tulle_sctp_find_partial(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	if (!sctp->interleaves || in->forming == 0 || in->front_open || sctp->ended ||
		!(sctp->config.streamed || tulle_sctp_is_low(sctp)))
		return NULL;
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		if (!s->paused && !s->ended_in && s->old.head == NULL &&
			(may_begin(s, false) || may_begin(s, true)))
			return s;
	return NULL;
}

void tulle_sctp_take_front(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_inbound *in = &sctp->in;
	bool unordered = !may_begin(s, false);
	sctp_in_piece *head = s->forming[unordered].head;
	tulle_sctp_remove_message(&s->forming[unordered], head);
	in->forming--;
	in->front = head;
	in->front_tail = head->tail;
	in->front_bytes = head->bytes;
	in->front_count = head->mate;
	in->front_stream = s;
	in->front_mid = head->mid;
	in->front_flags = head->flags;
	in->front_open = true;
	in->give_fsn = 0;
}

/* -- gone -- */

void tulle_sctp_skip_forming(tulle_sctp *sctp, sctp_stream *s, bool unordered, uint32_t mid)
{
	sctp_inbound *in = &sctp->in;
	sctp_in_list *list = &s->forming[unordered];
	bool front = in->front_open && !is_front_whole(in) && in->front_stream == s &&
		     ((in->front_flags & SCTP_FLAG_U) != 0) == unordered;
	if (front && tulle_serial_le32(in->front_mid, mid))
		tulle_sctp_cut_front(sctp);
	if (unordered && (!s->has_skipped || tulle_serial_lt32(s->skipped, mid)))
		s->skipped = mid;
	s->has_skipped = s->has_skipped || unordered;
	while (list->head != NULL && tulle_serial_le32(list->head->mid, mid)) {
		sctp_in_piece *head = list->head;
		tulle_sctp_remove_message(list, head);
		in->forming--;
		tulle_sctp_free_chain(sctp, head);
	}
}

void tulle_sctp_clear_forming(tulle_sctp *sctp, sctp_stream *s)
{
	for (unsigned u = 0; u < 2; u++)
		while (s->forming[u].head != NULL) {
			sctp_in_piece *head = s->forming[u].head;
			tulle_sctp_remove_message(&s->forming[u], head);
			sctp->in.forming--;
			tulle_sctp_free_chain(sctp, head);
		}
}
