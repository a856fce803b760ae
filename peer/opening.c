/* SPDX-License-Identifier: MIT */
/* peer: a channel is opened by DCEP (RFC 8832), from either side. An OPEN is at most 131082 bytes,
 * so it goes out, and comes in, in parts. */
#include "peer/state.h"

#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"

#include <string.h>

static bool is_ours(const tulle_peer *p, uint16_t stream)
{
	/* RFC8832:6: the DTLS client takes even ids, the server odd ones */
	return (stream % 2 == 0) == (p->setup == TULLE_SETUP_ACTIVE);
}

/* The lowest of our ids that is free. */
bool tulle_peer_find_stream(tulle_peer *p, uint16_t *out)
{
	uint32_t id = p->channels.next_stream;
	uint32_t most = p->sctp_open ? tulle_peer_channels_max(p) : p->config.channels_max;
	if (!is_ours(p, (uint16_t)id))
		id++;
	for (; id < most; id += 2)
		if (tulle_peer_table_by_stream(p, (uint16_t)id) == NULL) {
			p->channels.next_stream = id + 2;
			*out = (uint16_t)id;
			return true;
		}
	return false;
}

/* -- ours -- */

static dcep_message open_of(const peer_channel *c)
{
	dcep_message m = {.type = DCEP_OPEN,
		.unordered = c->unordered,
		.has_max_retransmits = c->has_max_retransmits,
		.has_max_lifetime = c->has_max_lifetime,
		.priority = c->priority,
		.reliability = c->has_max_retransmits ? c->max_retransmits : c->max_lifetime_ms};
	m.label.len = c->text.label_len;
	m.protocol.len = c->text.protocol_len;
	return m;
}

/* The bytes of an OPEN from `at` on, into dst; how many of them. */
static size_t copy_open(
	const tulle_peer *p, const peer_channel *c, size_t at, uint8_t *dst, size_t cap)
{
	size_t ends[2] = {DCEP_OPEN_HEAD_BYTES + (size_t)c->text.label_len, 0}, n = 0;
	ends[1] = ends[0] + c->text.protocol_len;
	if (at == 0) {
		dcep_message m = open_of(c);
		tulle_peer_write_dcep_head(&m, dst);
		n = DCEP_OPEN_HEAD_BYTES;
	}
	for (int i = 0; i < 2; i++)
		while (at + n < ends[i] && n < cap) {
			size_t from = at + n - (i == 0 ? DCEP_OPEN_HEAD_BYTES : ends[0]);
			tulle_bytes b = tulle_peer_text_at(
				p, &c->text, i == 1, from, tulle_min(ends[i] - at - n, cap - n));
			memcpy(dst + n, b.ptr, b.len);
			n += b.len;
		}
	return n;
}

/* WOULD_BLOCK: called again it goes on where it stopped. */
tulle_err tulle_peer_send_open(tulle_peer *p, peer_channel *c)
{
	size_t all = DCEP_OPEN_HEAD_BYTES + (size_t)c->text.label_len + c->text.protocol_len;
	tulle_err err = TULLE_OK;
	while (err == TULLE_OK && c->open_sent < all) {
		size_t n = copy_open(p, c, c->open_sent, p->env.plain, p->env.plain_bytes);
		tulle_sctp_send_options o = {.first = c->open_sent == 0,
			.last = c->open_sent + n == all,
			.uncounted = true}; /* W3C: bufferedAmount is of the user's messages */
		err = tulle_sctp_send(p->sctp, p->now, c->stream, PPID_DCEP, p->env.plain, n, &o);
		if (err == TULLE_OK)
			c->open_sent += (uint32_t)n;
	}
	return err;
}

tulle_err tulle_peer_send_ack(tulle_peer *p, const peer_channel *c)
{
	static const uint8_t ack[] = {DCEP_ACK};
	static const tulle_sctp_send_options o = {.first = true, .last = true, .uncounted = true};
	return tulle_sctp_send(p->sctp, p->now, c->stream, PPID_DCEP, ack, sizeof ack, &o);
}

/* -- the remote's -- */

/* The text is the channel's afterwards. */
static tulle_drop accept_open(
	tulle_peer *p, uint16_t stream, const dcep_message *m, peer_text *text)
{
	if (is_ours(p, stream))
		return TULLE_DROP_DCEP;           /* RFC8832:6 */
	if (stream >= tulle_peer_channels_max(p)) /* we could neither answer nor close it */
		return TULLE_DROP_CHANNEL_LIMIT;
	peer_channel *c = tulle_peer_table_add(p);
	if (c == NULL)
		return TULLE_DROP_CHANNEL_LIMIT;
	if (!tulle_peer_table_set_stream(p, c, stream)) {
		tulle_peer_table_remove(p, c);
		return TULLE_DROP_CHANNEL_LIMIT;
	}
	c->by_remote = c->acked = true;
	c->unordered = m->unordered;
	c->has_max_retransmits = m->has_max_retransmits;
	c->has_max_lifetime = m->has_max_lifetime;
	c->max_retransmits = m->has_max_retransmits ? m->reliability : 0;
	c->max_lifetime_ms = m->has_max_lifetime ? m->reliability : 0;
	c->priority = m->priority;
	c->text = *text;
	*text = (peer_text){0};
	c->state = TULLE_CHANNEL_OPEN;
	c->due_ack = true;
	tulle_peer_channel_due(p, c);
	tulle_peer_say(p, c, SAY_CHANNEL | SAY_OPEN);
	tulle_peer_channels_due(p);
	return TULLE_TAKEN;
}

/* RFC8832:6: whatever is wrong with an OPEN, its channel is closed and no ACK is sent. */
static tulle_drop take_open(tulle_peer *p, const tulle_sctp_event *e, tulle_drop drop)
{
	peer_opening *o = &p->channels.opening;
	peer_channel *c = tulle_peer_table_by_stream(p, e->stream);
	if (c != NULL && (c->holds || (c->reset_in && !c->due_reset))) {
		/* it knows that our direction is reset; we wait for a word that was lost, or for
		 * one that it never says */
		tulle_peer_channel_leave(p, c);
		c = NULL;
	}
	if (drop == TULLE_TAKEN && (c != NULL || e->unordered))
		drop = TULLE_DROP_DCEP;
	if (drop == TULLE_TAKEN)
		drop = accept_open(p, e->stream, &o->message, &o->text);
	tulle_peer_text_free(p, &o->text);
	if (drop == TULLE_TAKEN)
		return drop;
	if (c != NULL)
		tulle_peer_channel_fail(p, c, PEER_FAILED_RULES);
	else
		tulle_peer_refuse_stream(p, e->stream);
	return drop;
}

static tulle_drop take_ack(tulle_peer *p, uint16_t stream)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c == NULL || c->by_remote || c->negotiated)
		return TULLE_DROP_DCEP;
	c->acked = true;
	return TULLE_TAKEN;
}

/* One of the two texts, from `at` on: copied and judged. How much of data it took. */
static size_t take_text(
	tulle_peer *p, peer_opening *o, bool protocol, const uint8_t *data, size_t len)
{
	size_t start = DCEP_OPEN_HEAD_BYTES + (protocol ? o->message.label.len : 0);
	size_t all = protocol ? o->message.protocol.len : o->message.label.len;
	size_t at = o->got - start, n = tulle_min(len, all - at);
	tulle_peer_text_put(p, &o->text, protocol, at, data, n);
	if (!tulle_text_utf8_more(&o->utf8, data, n) || (at + n == all && o->utf8 != 0))
		o->drop = TULLE_DROP_DCEP; /* RFC8832:5.1: both are UTF-8 */
	o->got += n;
	return n;
}

static void take_head(tulle_peer *p, peer_opening *o)
{
	dcep_message *m = &o->message;
	if (!tulle_peer_read_dcep_head(o->head, m))
		o->drop = TULLE_DROP_DCEP;
	else if (!tulle_peer_text_make(p, &o->text, m->label.len, m->protocol.len))
		o->drop = TULLE_DROP_CHANNEL_LIMIT;
}

static void take_part(tulle_peer *p, peer_opening *o, const uint8_t *data, size_t len)
{
	size_t head =
		tulle_min(DCEP_OPEN_HEAD_BYTES - tulle_min(o->got, DCEP_OPEN_HEAD_BYTES), len);
	memcpy(o->head + tulle_min(o->got, DCEP_OPEN_HEAD_BYTES), data, head);
	o->got += head;
	if (head != 0 && o->got == DCEP_OPEN_HEAD_BYTES)
		take_head(p, o);
	if (o->got < DCEP_OPEN_HEAD_BYTES || o->drop != TULLE_TAKEN)
		return;
	size_t label_end = DCEP_OPEN_HEAD_BYTES + o->message.label.len, n = head;
	if (o->got < label_end)
		n += take_text(p, o, false, data + n, len - n);
	if (o->got >= label_end && o->drop == TULLE_TAKEN)
		n += take_text(p, o, true, data + n, len - n);
	if (n < len)
		o->drop = TULLE_DROP_DCEP; /* longer than it says */
}

TULLE_UNTRUSTED(dtls, "one part of a message; its texts are bounded by 131070 bytes", dcep)
tulle_drop tulle_peer_take_dcep(tulle_peer *p, const tulle_sctp_event *e)
{
	peer_opening *o = &p->channels.opening;
	if (e->first) {
		tulle_peer_text_free(p, &o->text);
		*o = (peer_opening){.drop = TULLE_TAKEN};
	}
	if (e->first && e->last && e->len == 1 && e->data[0] == DCEP_ACK)
		return take_ack(p, e->stream);
	if (o->drop == TULLE_TAKEN)
		take_part(p, o, e->data, e->len);
	if (!e->last)
		return TULLE_TAKEN;
	if (o->got == 0 || o->head[0] != DCEP_OPEN)
		return TULLE_DROP_DCEP; /* not one of RFC8832:8.2.1 */
	size_t texts = (size_t)o->text.label_len + o->text.protocol_len;
	if (o->drop == TULLE_TAKEN && o->got != DCEP_OPEN_HEAD_BYTES + texts)
		o->drop = TULLE_DROP_DCEP;
	return take_open(p, e, o->drop);
}
