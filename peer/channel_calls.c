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
	if ((unsigned)i->priority > TULLE_PRIORITY_HIGH)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "no such priority");
	if (!tulle_text_is_utf8(label.ptr, label.len) ||
		!tulle_text_is_utf8(protocol.ptr, protocol.len))
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "label and protocol are UTF-8");
	size_t room = tulle_min(
		tulle_pool_block_bytes(p->env.pool), p->env.plain_bytes - DCEP_OPEN_HEAD_BYTES);
	if (label.len + protocol.len >= room)
		return tulle_peer_fail(p, TULLE_ERR_TOO_LARGE, "label and protocol are too long");
	if (i->negotiated && tulle_peer_table_by_stream(p, i->id) != NULL)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the id is in use");
	return TULLE_OK;
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
	if (!tulle_peer_table_set_text(p, c, l, pr) ||
		(i->negotiated && !tulle_peer_table_set_stream(p, c, i->id))) {
		tulle_peer_table_remove(p, c);
		return tulle_peer_fail(p, TULLE_ERR_LIMIT, "the pool has no block for the channel");
	}
	if (out != NULL)
		*out = c->handle;
	if (!p->data_negotiated && !p->offered)
		p->negotiation_needed = true;
	if (p->setup != TULLE_SETUP_NONE)
		tulle_peer_channels_assign(p);
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

static tulle_err send_data(tulle_peer *p, peer_channel *c, bool text, const void *data, size_t len,
	bool first, bool last)
{
	static const uint8_t zero[1];
	bool empty = len == 0 && first && last;
	uint32_t ppid = text ? (empty ? PPID_STRING_EMPTY : PPID_STRING)
			     : (empty ? PPID_BINARY_EMPTY : PPID_BINARY);
	tulle_sctp_send_options o = {.first = first,
		.last = last,
		.unordered = c->unordered && c->acked, /* RFC8832:6 */
		.priority = c->priority};
	o.has_retransmissions = c->has_max_retransmits;
	o.retransmissions_max = c->max_retransmits;
	o.has_lifetime = c->has_max_lifetime;
	o.lifetime_us = (tulle_time)c->max_lifetime_ms * 1000;
	/* RFC8831:6.6: an empty message carries one zero byte under a PPID of its own. */
	tulle_err err = tulle_sctp_send(
		p->sctp, p->now, c->stream, ppid, empty ? zero : data, empty ? 1 : len, &o);
	if (err == TULLE_OK) {
		c->has_sent = true;
		tulle_peer_mark(p);
	}
	if (err == TULLE_WOULD_BLOCK) {
		c->wants_low = true;
		return tulle_peer_fail(p, err, "the send buffer is full");
	}
	return err == TULLE_OK ? err : tulle_peer_fail(p, err, "SCTP refused the message");
}

static tulle_err send_whole(
	tulle_peer *p, tulle_channel handle, bool text, const void *data, size_t len)
{
	peer_channel *c;
	tulle_err err = find_open(p, handle, &c);
	if (err != TULLE_OK)
		return err;
	if (c->in_parts)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "a message is being sent in parts");
	if (len > tulle_peer_send_max(p))
		return tulle_peer_fail(
			p, TULLE_ERR_TOO_LARGE, "larger than the peer's max-message-size");
	if (c->due_open)
		tulle_peer_channels_due(p);
	if (c->due_open) { /* its OPEN goes first: RFC8832:6 */
		c->wants_low = true;
		return tulle_peer_fail(p, TULLE_WOULD_BLOCK, "the send buffer is full");
	}
	return send_data(p, c, text, data, len, true, true);
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

tulle_err tulle_channel_send_part(tulle_peer *p, tulle_channel handle, bool text, const void *data,
	size_t len, size_t *taken, bool last)
{
	peer_channel *c;
	size_t n = len, step = p->config.send_bytes_max / 4;
	*taken = 0;
	tulle_err err = find_open(p, handle, &c);
	if (err != TULLE_OK)
		return err;
	if (c->in_parts && c->parts_text != text)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the message began as the other kind");
	if (len == 0 && c->in_parts)
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "a later part has at least one byte");
	n = n > step ? step : n;
	err = send_data(p, c, text, data, n, !c->in_parts, last && n == len);
	if (err != TULLE_OK)
		return err;
	*taken = n;
	c->parts_text = text;
	c->in_parts = !(last && n == len);
	return TULLE_OK;
}

tulle_err tulle_channel_close(tulle_peer *p, tulle_channel handle)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	if (c->state == TULLE_CHANNEL_CLOSING || c->state == TULLE_CHANNEL_CLOSED)
		return TULLE_OK;
	if (c->state == TULLE_CHANNEL_CONNECTING) { /* nobody knows of it yet */
		c->state = TULLE_CHANNEL_CLOSED;
		tulle_peer_say(p, c, SAY_CLOSE);
		return TULLE_OK;
	}
	if (c->in_parts) /* half a message cannot be delivered, nor taken back */
		return tulle_peer_fail(p, TULLE_ERR_STATE, "a message is being sent in parts");
	c->state = TULLE_CHANNEL_CLOSING;
	c->due_reset = true;
	tulle_peer_channel_due(p, c); /* done at the next poll, by a clock that is right */
	return TULLE_OK;
}

tulle_err tulle_channel_pause(tulle_peer *p, tulle_channel handle, bool paused)
{
	peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return tulle_peer_fail(p, TULLE_ERR_GONE, "the channel is gone");
	c->paused = paused;
	tulle_peer_mark(p);
	if (p->sctp == NULL || !c->has_stream || !p->sctp_open)
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

tulle_err tulle_channel_set_low(tulle_peer *p, tulle_channel handle, size_t bytes)
{
	peer_channel *c;
	tulle_err err = find_open(p, handle, &c);
	return err != TULLE_OK ? err : tulle_sctp_set_low(p->sctp, c->stream, bytes);
}

tulle_channel_state tulle_channel_state_of(const tulle_peer *p, tulle_channel handle)
{
	const peer_channel *c = tulle_peer_table_find(p, handle);
	return c != NULL ? (tulle_channel_state)c->state : TULLE_CHANNEL_CLOSED;
}

tulle_err tulle_channel_describe(
	const tulle_peer *p, tulle_channel handle, tulle_text *label, tulle_channel_init *init)
{
	tulle_text protocol;
	const peer_channel *c = tulle_peer_table_find(p, handle);
	if (c == NULL)
		return TULLE_ERR_GONE;
	tulle_peer_table_text(c, label, &protocol);
	if (init == NULL)
		return TULLE_OK;
	*init = (tulle_channel_init){.unordered = c->unordered,
		.negotiated = c->negotiated,
		.has_max_retransmits = c->has_max_retransmits,
		.has_max_packet_lifetime = c->has_max_lifetime,
		.id = c->has_stream ? c->stream : UINT16_MAX,
		.max_retransmits = c->max_retransmits,
		.max_packet_lifetime_ms = c->max_lifetime_ms,
		.protocol = protocol.ptr,
		.user = c->user};
	init->priority = c->priority <= 128   ? TULLE_PRIORITY_VERY_LOW
			 : c->priority <= 256 ? TULLE_PRIORITY_LOW
			 : c->priority <= 512 ? TULLE_PRIORITY_MEDIUM
					      : TULLE_PRIORITY_HIGH;
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
