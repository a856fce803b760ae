/* SPDX-License-Identifier: MIT */
/* peer: what happens to channels from below: ids, opening, closing (RFC 8831).
 * Invariant: a channel that waits with a word of DCEP or a reset is in the due list, or SCTP is
 * resetting its stream and says when that is over. */
#include "peer/state.h"

#include "base/serial.h"

#include <string.h>

void tulle_peer_channel_due(tulle_peer *p, peer_channel *c)
{
	peer_channels *t = &p->channels;
	if (c->due_linked)
		return;
	c->due_linked = true;
	c->next_due = NULL;
	*(t->due_last != NULL ? &t->due_last->next_due : &t->due_first) = c;
	t->due_last = c;
	tulle_peer_mark(p);
}

static void drop_channel(tulle_peer *p, peer_channel *c, uint8_t say)
{
	c->state = TULLE_CHANNEL_CLOSED;
	tulle_peer_table_late(p, c, false);
	c->due_open = c->due_ack = c->due_reset = false;
	if (say != 0)
		tulle_peer_say(p, c, say);
	else
		tulle_peer_table_remove(p, c);
}

static void drop_failed(tulle_peer *p, peer_channel *c, peer_failed why)
{
	c->error = (uint8_t)why;
	drop_channel(p, c, SAY_ERROR | SAY_CLOSE);
}

/* The association is up: what was made before opens, in the order in which it was made. */
static void open_channel(tulle_peer *p, peer_channel *c)
{
	if (!c->has_stream || c->state != TULLE_CHANNEL_CONNECTING)
		return;
	if (c->stream >= tulle_peer_channels_max(p)) { /* W3C: the remote has fewer streams */
		drop_failed(p, c, PEER_FAILED_NO_ID);
		return;
	}
	c->state = TULLE_CHANNEL_OPEN;
	c->acked = c->negotiated;
	if (c->paused)
		(void)tulle_sctp_pause(p->sctp, p->now, c->stream, true);
	if (c->low != 0)
		(void)tulle_sctp_set_low(p->sctp, c->stream, c->low);
	c->due_open = !c->negotiated;
	if (c->due_open)
		tulle_peer_channel_due(p, c);
	tulle_peer_say(p, c, SAY_OPEN);
}

void tulle_peer_channel_assign(tulle_peer *p, peer_channel *c)
{
	uint16_t stream;
	if (!c->has_stream && p->setup != TULLE_SETUP_NONE &&
		c->state == TULLE_CHANNEL_CONNECTING &&
		(!tulle_peer_find_stream(p, &stream) || !tulle_peer_table_set_stream(p, c, stream)))
		drop_failed(p, c, PEER_FAILED_NO_ID);
	if (p->sctp_open)
		open_channel(p, c);
}

void tulle_peer_channels_assign(tulle_peer *p)
{
	for (uint32_t i = 0; i < p->channels.high; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c != NULL)
			tulle_peer_channel_assign(p, c);
	}
}

void tulle_peer_channels_end(tulle_peer *p, bool say, bool failed)
{
	for (uint32_t i = 0, n = p->channels.high; i < n; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c != NULL && (c->state != TULLE_CHANNEL_CLOSED || !say))
			drop_channel(p, c, !say ? 0 : failed ? SAY_ERROR | SAY_CLOSE : SAY_CLOSE);
	}
}

/* Half a message would hold up the other streams for ever. Who reset its own direction of the
 * channel hears no message of it any more, and who broke its rules has no claim: it ends here. */
static tulle_err end_parts(tulle_peer *p, peer_channel *c)
{
	static const uint8_t end[1] = {' '}; /* as good in a text as in bytes */
	tulle_sctp_send_options o = {.last = true, .uncounted = true};
	tulle_err err = c->in_parts ? tulle_sctp_send(p->sctp, p->now, c->stream, PPID_BINARY, end,
					      sizeof end, &o)
				    : TULLE_OK;
	if (err == TULLE_OK)
		c->in_parts = false;
	return err;
}

static tulle_err next_due(tulle_peer *p, peer_channel *c)
{
	tulle_err err = TULLE_OK;
	if (c->due_open && (err = tulle_peer_send_open(p, c)) == TULLE_OK)
		c->due_open = false;
	if (err == TULLE_OK && c->due_ack && (err = tulle_peer_send_ack(p, c)) == TULLE_OK)
		c->due_ack = false;
	if (err == TULLE_OK && c->due_reset && (err = end_parts(p, c)) == TULLE_OK &&
		(err = tulle_sctp_reset_stream(p->sctp, p->now, c->stream)) == TULLE_OK)
		c->due_reset = false;
	return err;
}

void tulle_peer_channels_due(tulle_peer *p)
{
	peer_channels *t = &p->channels;
	while (p->sctp_open && t->due_first != NULL) {
		peer_channel *c = t->due_first;
		tulle_err err = next_due(p, c);
		if (err == TULLE_WOULD_BLOCK || err == TULLE_ERR_LIMIT)
			return; /* SCTP has no room now */
		t->due_first = c->next_due;
		if (t->due_first == NULL)
			t->due_last = NULL;
		c->due_linked = false;
		/* STATE: the stream is being reset, of before this channel; then it goes on */
		if (err != TULLE_OK && err != TULLE_ERR_STATE)
			drop_failed(p, c, PEER_FAILED_NO_ID);
	}
}

void tulle_peer_channel_want(tulle_peer *p, peer_channel *c)
{
	if (c->wants_low)
		return;
	c->wants_low = true;
	c->next_wanting = p->channels.wanting;
	p->channels.wanting = c;
}

void tulle_peer_channels_writable(tulle_peer *p)
{
	tulle_peer_channels_due(p);
	while (p->channels.wanting != NULL) {
		peer_channel *c = p->channels.wanting;
		p->channels.wanting = c->next_wanting;
		c->wants_low = false;
		if (c->state == TULLE_CHANNEL_OPEN)
			tulle_peer_say(p, c, SAY_LOW);
	}
}

void tulle_peer_channel_low(tulle_peer *p, uint16_t stream)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c != NULL && c->state == TULLE_CHANNEL_OPEN)
		tulle_peer_say(p, c, SAY_LOW);
}

static void leave_sctp(tulle_peer *p, const peer_channel *c)
{
	if (c->paused)
		(void)tulle_sctp_pause(p->sctp, p->now, c->stream, false);
	if (c->low != 0)
		(void)tulle_sctp_set_low(p->sctp, c->stream, 0);
}

static uint8_t last_words(const peer_channel *c)
{
	return c->error != 0 ? SAY_ERROR | SAY_CLOSE : SAY_CLOSE;
}

/* Both directions are reset: the id may serve again, so nothing of this use may stay in SCTP. */
void tulle_peer_channel_leave(tulle_peer *p, peer_channel *c)
{
	bool held = c->holds;
	leave_sctp(p, c);
	tulle_peer_table_leave_stream(p, c);
	c->holds = false;
	if (!held)
		drop_channel(p, c, last_words(c));
	else if (c->say == 0) /* else its CLOSE is still to be said */
		tulle_peer_table_remove(p, c);
}

/* RFC8831:6.7 makes the remote reset its direction, but werift does not where it has sent nothing.
 * Our user need not wait for ever. The stream stays taken until the reset comes. */
void tulle_peer_channels_late(tulle_peer *p)
{
	peer_channel *c;
	while ((c = p->channels.late_first) != NULL && tulle_time_due(c->late_at, p->now)) {
		leave_sctp(p, c);
		c->paused = false;
		c->low = 0;
		c->holds = true;
		drop_channel(p, c, last_words(c));
	}
}

static void finish_close(tulle_peer *p, peer_channel *c)
{
	if (!c->reset_out || (c->state == TULLE_CHANNEL_CLOSED && !c->holds))
		return;
	if (c->reset_in) {
		tulle_peer_channel_leave(p, c);
	} else if (!c->holds) {
		c->late_at = tulle_time_add(p->now, PEER_CLOSE_WAIT_US);
		tulle_peer_table_late(p, c, true);
	}
}

/* The underlying transport closes the channel: W3C's closing procedure without a call of close. */
static void begin_close(tulle_peer *p, peer_channel *c, peer_failed why)
{
	c->state = TULLE_CHANNEL_CLOSING;
	c->error = (uint8_t)why;
	c->due_reset = true;
	tulle_peer_say(p, c, SAY_CLOSING);
	tulle_peer_channel_due(p, c);
	tulle_peer_channels_due(p);
}

void tulle_peer_channel_fail(tulle_peer *p, peer_channel *c, peer_failed why)
{
	if (c->state == TULLE_CHANNEL_OPEN || c->state == TULLE_CHANNEL_CONNECTING)
		begin_close(p, c, why);
}

void tulle_peer_refuse_stream(tulle_peer *p, uint16_t stream)
{
	if (!p->channels.ids_once)
		(void)tulle_sctp_reset_stream(p->sctp, p->now, stream);
}

/* RFC8831:6.7: the peer reset its direction, so we reset ours. RFC8832:6: before its ACK that is
 * how it refuses the channel. */
void tulle_peer_channel_reset_in(tulle_peer *p, uint16_t stream)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c == NULL)
		return;
	c->reset_in = true;
	if (c->state == TULLE_CHANNEL_OPEN || c->state == TULLE_CHANNEL_CONNECTING)
		begin_close(p, c, c->acked ? PEER_FAILED_CONNECTION : PEER_FAILED_REFUSED);
	finish_close(p, c);
}

void tulle_peer_channel_reset_out(tulle_peer *p, uint16_t stream, bool ok)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (!ok && tulle_sctp_state_now(p->sctp) == TULLE_SCTP_STATE_CLOSED)
		return; /* for its association ended: that is heard next, and why */
	if (!ok)
		p->channels.ids_once = true; /* RFC6525:5.2.7: nothing more will come of it */
	if (c == NULL)
		return;
	if (c->due_open || c->due_ack || c->due_reset || c->state != TULLE_CHANNEL_CLOSING) {
		tulle_peer_channel_due(p, c); /* of before this channel: now it is its turn */
		return;
	}
	c->reset_out = true;
	c->reset_in = c->reset_in || !ok;
	if (!ok && c->error == PEER_FAILED_CONNECTION)
		c->error = PEER_FAILED_RESET;
	finish_close(p, c);
}
