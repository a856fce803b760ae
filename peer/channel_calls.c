/* SPDX-License-Identifier: MIT */
/* peer: RTCDataChannel's calls. */
#include "peer/state.h"

#include "base/serial.h"
#include "base/text.h"

#include <string.h>

static const uint16_t priorities[] = {0, 128, 256, 512, 1024}; /* RFC8831:6.4 */

static tulle_err judge_init(
	tulle_peer *p, tulle_text label, tulle_text protocol, const tulle_channel_init *i)
{
	if (p->closed)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the connection is closed");
	if (i->has_max_retransmits && i->has_max_packet_lifetime)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT,
			"max_retransmits and max_packet_lifetime exclude each other");
	if (i->negotiated && i->id >= p->config.channels_max)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "the id is out of range");
	if (i->negotiated && p->sctp_open && i->id >= tulle_peer_channels_max(p))
		return tulle_peer_fail(p, TULLE_ERR_LIMIT, "the remote has not so many streams");
	if ((unsigned)i->priority > TULLE_PRIORITY_HIGH)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "no such priority");
	if (!tulle_text_is_utf8(label.ptr, label.len) ||
		!tulle_text_is_utf8(protocol.ptr, protocol.len))
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "label and protocol are UTF-8");
	if (label.len > UINT16_MAX || protocol.len > UINT16_MAX)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "label or protocol is too long");
	if (i->negotiated && tulle_peer_table_by_stream(p, i->id) != NULL)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the id is in use");
	return TULLE_OK;
}

/* Its texts and, as soon as one can be chosen, its id. */
static bool give_name(tulle_peer *p, peer_channel *c, tulle_text label, tulle_text protocol,
	const tulle_channel_init *i)
{
	uint16_t stream = i->id;
	if (!tulle_peer_text_make(p, &c->text, label.len, protocol.len))
		return false;
	tulle_peer_text_put(p, &c->text, false, 0, label.ptr, label.len);
	tulle_peer_text_put(p, &c->text, true, 0, protocol.ptr, protocol.len);
	if (!i->negotiated && p->setup == TULLE_SETUP_NONE)
		return true;
	if (!i->negotiated && !tulle_peer_find_stream(p, &stream))
		return false;
	return tulle_peer_table_set_stream(p, c, stream);
}

tulle_err tulle_channel_create(
	tulle_peer *p, const char *label, const tulle_channel_init *init, tulle_channel *out)
{
	static const tulle_channel_init none;
	const tulle_channel_init *i = init != NULL ? init : &none;
	tulle_text l = tulle_text_of(label), pr = tulle_text_of(i->protocol);
	tulle_err err = judge_init(p, l, pr, i);
	if (err != TULLE_OK)
		return err;
	peer_channel *c = tulle_peer_table_add(p);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_LIMIT, "no more channels");
	c->user = i->user;
	c->unordered = i->unordered;
	c->negotiated = i->negotiated;
	c->has_max_retransmits = i->has_max_retransmits;
	c->has_max_lifetime = i->has_max_packet_lifetime;
	c->max_retransmits = i->max_retransmits;
	c->max_lifetime_ms = i->max_packet_lifetime_ms;
	c->priority = i->priority != 0 ? priorities[i->priority] : 256;
	c->state = TULLE_CHANNEL_CONNECTING;
	if (!give_name(p, c, l, pr, i)) {
		tulle_peer_table_remove(p, c);
		return tulle_peer_fail(p, TULLE_ERR_LIMIT, "no more ids, or no block in the pool");
	}
	if (out != NULL)
		*out = c->handle;
	if (!p->data_negotiated && !p->offered)
		p->negotiation_needed = true;
	tulle_peer_channel_assign(p, c);
	tulle_peer_mark(p);
	return TULLE_OK;
}

static tulle_err find_open(tulle_peer *p, tulle_channel handle, peer_channel **out)
{
	*out = tulle_peer_table_find(p, handle);
	if (*out == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	if ((*out)->state != TULLE_CHANNEL_OPEN)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the channel is not open");
	return TULLE_OK;
}

/* A channel that may take data now: open, and its words of DCEP have gone before. RFC8832:6 */
static tulle_err find_ready(tulle_peer *p, tulle_channel handle, peer_channel **out)
{
	tulle_err err = find_open(p, handle, out);
	if (err != TULLE_OK)
		return err;
	peer_channel *c = *out;
	if (c->due_open || c->due_ack)
		tulle_peer_channels_due(p);
	if (c->state != TULLE_CHANNEL_OPEN)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the channel is not open");
	if (!c->due_open && !c->due_ack)
		return TULLE_OK;
	tulle_peer_channel_want(p, c);
	return tulle_peer_fail(p, TULLE_WOULD_BLOCK, "the send buffer is full");
}

static tulle_sctp_send_options options_of(const peer_channel *c)
{
	return (tulle_sctp_send_options){.first = true,
		.last = true,
		.unordered = c->unordered && c->acked, /* RFC8832:6 */
		.has_retransmissions = c->has_max_retransmits,
		.retransmissions_max = (uint16_t)tulle_min(c->max_retransmits, UINT16_MAX),
		.has_lifetime = c->has_max_lifetime,
		.lifetime_us = (tulle_time)c->max_lifetime_ms * 1000,
		.late = true,
		.priority = c->priority};
}

static tulle_err send_data(tulle_peer *p, peer_channel *c, bool text, const void *data, size_t len,
	const tulle_sctp_send_options *o)
{
	static const uint8_t zero[1];
	bool empty = len == 0 && o->first && o->last;
	uint32_t ppid = text ? (empty ? PPID_STRING_EMPTY : PPID_STRING)
			     : (empty ? PPID_BINARY_EMPTY : PPID_BINARY);
	/* RFC8831:6.6: an empty message carries one zero byte under a PPID of its own. */
	tulle_sctp_send_options options = *o;
	options.uncounted = empty;
	tulle_err err = tulle_sctp_send(
		p->sctp, p->now, c->stream, ppid, empty ? zero : data, empty ? 1 : len, &options);
	if (err == TULLE_OK)
		tulle_peer_mark(p);
	if (err == TULLE_WOULD_BLOCK) {
		tulle_peer_channel_want(p, c);
		return tulle_peer_fail(p, err, "the send buffer is full");
	}
	return err == TULLE_OK ? err : tulle_peer_fail(p, err, "SCTP refused the message");
}

static tulle_err send_whole(
	tulle_peer *p, tulle_channel handle, bool text, const void *data, size_t len)
{
	peer_channel *c;
	tulle_err err = find_ready(p, handle, &c);
	if (err != TULLE_OK)
		return err;
	if (c->in_parts)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "a message is being sent in parts");
	if (len > tulle_peer_send_max(p))
		return tulle_peer_fail(
			p, TULLE_ERR_TOO_LARGE, "larger than the peer's max-message-size");
	tulle_sctp_send_options o = options_of(c);
	return send_data(p, c, text, data, len, &o);
}

tulle_err tulle_channel_send_text(tulle_peer *p, tulle_channel handle, const char *utf8, size_t len)
{
	if (!tulle_text_is_utf8(utf8, len))
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX, "the text is not UTF-8");
	return send_whole(p, handle, true, utf8, len);
}

tulle_err tulle_channel_send_bytes(
	tulle_peer *p, tulle_channel handle, const void *data, size_t len)
{
	return send_whole(p, handle, false, data, len);
}

static tulle_err judge_part(tulle_peer *p, const peer_channel *c, bool text, size_t len, bool last)
{
	uint64_t most = p->remote_message_max != 0 ? p->remote_message_max : UINT64_MAX;
	uint64_t left = most - (c->in_parts ? c->parts_bytes : 0);
	if (c->in_parts && c->parts_text != text)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the message began as the other kind");
	if (len == 0 && (c->in_parts || !last)) /* SCTP has no empty part: RFC9260:3.3.1 */
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "a part has at least one byte");
	if (len > left || (len == left && !last)) /* the last part needs a byte as well */
		return tulle_peer_fail(
			p, TULLE_ERR_TOO_LARGE, "larger than the peer's max-message-size");
	return TULLE_OK;
}

tulle_err tulle_channel_send_part(tulle_peer *p, tulle_channel handle, bool text, const void *data,
	size_t len, size_t *taken, bool last)
{
	peer_channel *c;
	size_t n = tulle_min(len, tulle_max(p->config.send_bytes_max / 4, 1));
	*taken = 0;
	tulle_err err = find_ready(p, handle, &c);
	if (err == TULLE_OK)
		err = judge_part(p, c, text, len, last);
	if (err != TULLE_OK)
		return err;
	tulle_sctp_send_options o = options_of(c);
	o.first = !c->in_parts;
	o.last = last && n == len;
	uint32_t utf8 = o.first ? 0 : c->utf8;
	if (text && (!tulle_text_utf8_more(&utf8, data, n) || (o.last && utf8 != 0)))
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX, "the text is not UTF-8");
	err = send_data(p, c, text, data, n, &o);
	if (err != TULLE_OK)
		return err;
	*taken = n;
	c->utf8 = utf8;
	c->parts_bytes = (o.first ? 0 : c->parts_bytes) + n;
	c->parts_text = text;
	c->in_parts = !o.last;
	return TULLE_OK;
}

tulle_err tulle_channel_close(tulle_peer *p, tulle_channel handle)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	if (c->state == TULLE_CHANNEL_CLOSING || c->state == TULLE_CHANNEL_CLOSED)
		return TULLE_OK;
	if (c->in_parts) /* half a message cannot be delivered, nor taken back */
		return tulle_peer_fail(p, TULLE_ERR_STATE, "a message is being sent in parts");
	c->say = (uint8_t)(c->say & ~(SAY_OPEN | SAY_LOW)); /* W3C: no open after close() */
	if (c->state == TULLE_CHANNEL_CONNECTING) {         /* nobody knows of it yet */
		c->state = TULLE_CHANNEL_CLOSED;
		tulle_peer_say(p, c, SAY_CLOSE);
		return TULLE_OK;
	}
	c->state = TULLE_CHANNEL_CLOSING;
	if (c->paused) { /* what is held would hold up the remote's reset behind it */
		c->paused = false;
		(void)tulle_sctp_pause(p->sctp, p->now, c->stream, false);
	}
	c->due_reset = true;
	tulle_peer_channel_due(p, c); /* done at the next poll, by a clock that is right */
	return TULLE_OK;
}

tulle_err tulle_channel_pause(tulle_peer *p, tulle_channel handle, bool paused)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	if (c->state == TULLE_CHANNEL_CLOSING || c->state == TULLE_CHANNEL_CLOSED)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the channel is closing");
	c->paused = paused;
	tulle_peer_mark(p);
	if (c->state != TULLE_CHANNEL_OPEN)
		return TULLE_OK;
	return tulle_sctp_pause(p->sctp, p->now, c->stream, paused);
}

size_t tulle_channel_buffered(const tulle_peer *p, tulle_channel handle)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	return c != NULL && c->has_stream && p->sctp != NULL
		       ? tulle_sctp_buffered(p->sctp, c->stream)
		       : 0;
}

size_t tulle_peer_unacked(const tulle_peer *p, tulle_channel handle)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	return c != NULL && c->has_stream && p->sctp != NULL
		       ? tulle_sctp_unacked(p->sctp, c->stream)
		       : 0;
}

/* W3C: the threshold may be set at any time. */
tulle_err tulle_channel_set_low(tulle_peer *p, tulle_channel handle, size_t bytes)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	c->low = bytes;
	return c->state == TULLE_CHANNEL_OPEN ? tulle_sctp_set_low(p->sctp, c->stream, bytes)
					      : TULLE_OK;
}

tulle_channel_state tulle_channel_state_of(const tulle_peer *p, tulle_channel handle)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	return c != NULL ? (tulle_channel_state)c->state : TULLE_CHANNEL_CLOSED;
}

tulle_err tulle_channel_describe(
	const tulle_peer *p, tulle_channel handle, tulle_text *label, tulle_channel_init *init)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return TULLE_ERR_GONE;
	tulle_bytes l = tulle_peer_text_at(p, &c->text, false, 0, c->text.label_len);
	*label = (tulle_text){(const char *)l.ptr, l.len};
	if (init == NULL)
		return TULLE_OK;
	*init = (tulle_channel_init){.unordered = c->unordered,
		.negotiated = c->negotiated,
		.has_max_retransmits = c->has_max_retransmits,
		.has_max_packet_lifetime = c->has_max_lifetime,
		.id = c->has_stream ? c->stream : UINT16_MAX,
		.max_retransmits = c->max_retransmits,
		.max_packet_lifetime_ms = c->max_lifetime_ms,
		.protocol =
			(const char *)tulle_peer_text_at(p, &c->text, true, 0, c->text.protocol_len)
				.ptr,
		.user = c->user};
	init->priority = c->priority <= 128   ? TULLE_PRIORITY_VERY_LOW
			 : c->priority <= 256 ? TULLE_PRIORITY_LOW
			 : c->priority <= 512 ? TULLE_PRIORITY_MEDIUM
					      : TULLE_PRIORITY_HIGH;
	return TULLE_OK;
}

tulle_err tulle_channel_text(const tulle_peer *p, tulle_channel handle, bool protocol, char *dst,
	size_t cap, size_t *len)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return TULLE_ERR_GONE;
	*len = protocol ? c->text.protocol_len : c->text.label_len;
	if (*len > cap)
		return TULLE_ERR_TOO_SMALL;
	for (size_t at = 0; at < *len;) {
		tulle_bytes b = tulle_peer_text_at(p, &c->text, protocol, at, *len - at);
		memcpy(dst + at, b.ptr, b.len);
		at += b.len;
	}
	if (*len < cap)
		dst[*len] = 0;
	return TULLE_OK;
}

tulle_err tulle_channel_set_user(tulle_peer *p, tulle_channel handle, void *user)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	c->user = user;
	return TULLE_OK;
}
