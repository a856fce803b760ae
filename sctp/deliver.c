/* SPDX-License-Identifier: MIT */
/* sctp: events. Marks are bits and intrusive lists on what they concern, so none is ever lost.
 * Invariant: the parts of one message are given out without another message's between. */
#include "sctp/association.h"

/* -- messages -- */

void tulle_sctp_remove_message(sctp_in_list *list, sctp_in_piece *message)
{
	*(message->prev != NULL ? &message->prev->next : &list->head) = message->next;
	*(message->next != NULL ? &message->next->prev : &list->tail) = message->prev;
	message->next = message->prev = NULL;
	message->listed = message->ordered = false;
}

/* Of the messages that may go, the one that was sent first. */
static sctp_in_piece *pop_message(sctp_stream *s)
{
	sctp_in_piece *message = s->old.head;
	if (message != NULL) {
		tulle_sctp_remove_message(&s->old, message);
		return message;
	}
	message = s->passed.head;
	if (message != NULL) {
		tulle_sctp_remove_message(&s->passed, message);
		return message;
	}
	sctp_in_piece *ordered = s->ordered.head, *unordered = s->unordered.head;
	if (ordered != NULL && ordered->mid != s->in_mid)
		ordered = NULL;
	if (ordered != NULL &&
		(unordered == NULL || tulle_serial_lt32(ordered->tsn, unordered->tsn))) {
		tulle_sctp_remove_message(&s->ordered, ordered);
		s->in_mid++;
		return ordered;
	}
	tulle_sctp_remove_message(&s->unordered, unordered);
	return unordered;
}

static sctp_stream *pop_stream(sctp_inbound *in)
{
	sctp_stream *s = in->deliver_first;
	if (s == NULL)
		return NULL;
	in->deliver_first = s->deliver_next;
	if (in->deliver_first == NULL)
		in->deliver_last = NULL;
	s->deliver = false;
	s->deliver_next = NULL;
	return s;
}

/* Others wait for the end of a message that goes out in parts, and it for room: what a reader holds
 * up, and gives free too late, must leave some. */
static bool can_be_ended(const tulle_sctp *sctp)
{
	if (sctp->interleaves || tulle_sctp_has_room_for_next(sctp))
		return true;
	for (const sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		if ((s->paused || s->ended_in) && s->in_pieces != 0)
			return false;
	return true;
}

/* The front message goes out in parts when the user wants it so, or memory leaves no other way. */
static bool may_begin_front(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	if (!in->front_open || in->front == NULL || sctp->ended)
		return false;
	const sctp_stream *s = in->front_stream;
	if (s->paused || s->ended_in || s->old.head != NULL)
		return false;
	if ((in->front_flags & SCTP_FLAG_U) == 0 && in->front_mid != s->in_mid)
		return false;
	return (sctp->config.streamed || tulle_sctp_is_low(sctp)) && can_be_ended(sctp);
}

static void begin_front(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	in->giving_front = in->giving_first = true;
	in->giving_stream = in->front_stream;
	if ((in->front_flags & SCTP_FLAG_U) == 0)
		in->giving_stream->in_mid++;
	tulle_sctp_offer_stream(
		sctp, in->giving_stream); /* the one after it may be whole already */
	sctp->stats.partial_messages++;
}

static bool begin_message(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	sctp_stream *s;
	while ((s = pop_stream(in)) != NULL) {
		if (!tulle_sctp_has_turn(s))
			continue;
		in->giving = pop_message(s);
		in->giving_stream = s;
		in->giving_first = true;
		tulle_sctp_offer_stream(sctp, s);
		return true;
	}
	sctp_stream *partial = tulle_sctp_find_partial(sctp);
	if (partial != NULL)
		tulle_sctp_take_front(sctp, partial);
	if (!may_begin_front(sctp))
		return false;
	begin_front(sctp);
	return true;
}

static void end_message(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	sctp_stream *s = in->giving_stream;
	in->giving_stream = NULL;
	if (s->ended_in && s->old.head == NULL)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_RESET_IN);
}

static bool poll_message(tulle_sctp *sctp, tulle_sctp_event *event)
{
	sctp_inbound *in = &sctp->in;
	if (in->giving_stream == NULL && !begin_message(sctp))
		return false;
	if (in->giving_stream->paused)
		return false;
	if (in->giving_cut) {
		*event = (tulle_sctp_event){.kind = TULLE_SCTP_MESSAGE, .last = true};
		event->stream = in->giving_stream->id;
		in->giving_cut = false;
		end_message(sctp);
		return true;
	}
	sctp_in_piece **from = in->giving_front ? &in->front : &in->giving;
	sctp_in_piece *piece = *from;
	bool gap = sctp->interleaves && in->giving_front && piece != NULL &&
		   piece->fsn != in->give_fsn;
	if (piece == NULL || gap) /* the next part has not come */
		return false;
	*from = piece->chain;
	if (in->giving_front && in->front == NULL)
		in->front_tail = NULL;
	*event = (tulle_sctp_event){.kind = TULLE_SCTP_MESSAGE, .stream = piece->owner->id};
	if (in->giving_first)
		in->giving_ppid = piece->ppid;
	event->ppid = in->giving_ppid;
	event->data = (const uint8_t *)(piece + 1);
	event->len = piece->len;
	event->unordered = (piece->flags & SCTP_FLAG_U) != 0;
	event->ok = true;
	event->first = in->giving_first;
	event->last = piece->chain == NULL && (piece->flags & SCTP_FLAG_E) != 0;
	in->giving_first = false;
	in->given = piece;
	if (piece->chain == NULL || piece->chain->fsn != piece->fsn) {
		in->give_fsn++;
		in->front_count -= in->giving_front;
	}
	if (!event->last)
		return true;
	if (in->giving_front) { /* I-DATA: DATA's front was closed when its last chunk came */
		in->giving_front = in->front_open = false;
		sctp->stats.messages_in++;
	}
	end_message(sctp);
	return true;
}

void tulle_sctp_free_given(tulle_sctp *sctp)
{
	sctp_in_piece *piece = sctp->in.given;
	if (piece == NULL)
		return;
	sctp_stream *s = piece->owner;
	sctp->in.given = NULL;
	tulle_sctp_free_piece(sctp, piece);
	tulle_sctp_leave_stream(sctp, s);
	tulle_sctp_window_moved(sctp);
}

tulle_err tulle_sctp_pause(tulle_sctp *sctp, tulle_time now, uint16_t stream, bool paused)
{
	tulle_sctp_clock(sctp, now);
	if (stream >= sctp->config.streams_max)
		return TULLE_ERR_ARGUMENT;
	sctp_stream *s = tulle_sctp_add_stream(sctp, stream);
	if (s == NULL)
		return TULLE_ERR_LIMIT;
	s->paused = paused;
	tulle_sctp_offer_stream(sctp, s);
	tulle_sctp_leave_stream(sctp, s);
	return TULLE_OK;
}

/* RFC6525:5.2.2: the next SSN is 0; what came before goes out first, then the event. */
void tulle_sctp_reset_in(tulle_sctp *sctp, sctp_stream *s)
{
	while (s->passed.head != NULL || s->ordered.head != NULL || s->unordered.head != NULL) {
		sctp_in_list *list = s->passed.head != NULL    ? &s->passed
				     : s->ordered.head != NULL ? &s->ordered
							       : &s->unordered;
		sctp_in_piece *message = list->head;
		tulle_sctp_remove_message(list, message);
		tulle_sctp_append_message(&s->old, message);
	}
	s->in_mid = 0; /* RFC8260:2.3.2 too */
	s->has_skipped = false;
	tulle_sctp_clear_forming(sctp, s);
	s->ended_in = true;
	if (s->old.head == NULL && sctp->in.giving_stream != s)
		tulle_sctp_mark_stream(sctp, s, SCTP_MARK_RESET_IN);
	tulle_sctp_offer_stream(sctp, s);
}

/* -- all events -- */

static bool poll_stream(tulle_sctp *sctp, tulle_sctp_event *event)
{
	sctp_stream *s = sctp->streams.mark_first;
	if (s == NULL)
		return false;
	uint8_t mark = (uint8_t)(s->marks & -s->marks); /* one bit an event */
	*event = (tulle_sctp_event){.stream = s->id, .ok = true};
	switch (mark) {
	case SCTP_MARK_LOW:
		event->kind = TULLE_SCTP_BUFFERED_LOW;
		break;
	case SCTP_MARK_RESET_IN:
		event->kind = TULLE_SCTP_STREAM_RESET_IN;
		s->ended_in = false;
		break;
	default:
		event->kind = TULLE_SCTP_STREAM_RESET_OUT;
		event->ok = mark == SCTP_MARK_RESET_DONE;
		break;
	}
	tulle_sctp_unmark_stream(sctp, s, mark);
	tulle_sctp_offer_stream(sctp, s);
	tulle_sctp_leave_stream(sctp, s);
	return true;
}

static bool take_mark(bool *mark, tulle_sctp_event *event, tulle_sctp_event_kind kind)
{
	if (!*mark)
		return false;
	*mark = false;
	*event = (tulle_sctp_event){.kind = kind};
	return true;
}

static bool poll_any(tulle_sctp *sctp, tulle_sctp_event *event)
{
	if (take_mark(&sctp->restarted_mark, event, TULLE_SCTP_RESTARTED) ||
		take_mark(&sctp->connected_mark, event, TULLE_SCTP_CONNECTED) ||
		poll_message(sctp, event) || poll_stream(sctp, event) ||
		take_mark(&sctp->writable_mark, event, TULLE_SCTP_WRITABLE))
		return true;
	if (!take_mark(&sctp->closed_mark, event, TULLE_SCTP_CLOSED))
		return false;
	event->why = sctp->why;
	event->cause = sctp->cause;
	if (sctp->why == TULLE_SCTP_ABORT_REMOTE) {
		event->data = sctp->causes.bytes;
		event->len = sctp->causes.len;
	}
	sctp->closed_given = true;
	return true;
}

bool tulle_sctp_poll_event(tulle_sctp *sctp, tulle_sctp_event *event)
{
	static const uint8_t nothing[1];
	tulle_sctp_free_given(sctp);
	if (sctp->closed_given || !poll_any(sctp, event))
		return false;
	if (event->data == NULL) /* memcpy of no bytes wants a pointer too */
		event->data = nothing;
	return true;
}
