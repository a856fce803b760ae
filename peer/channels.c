/* SPDX-License-Identifier: MIT */
/* peer: what happens to channels from below: ids, DCEP, opening, closing (RFC 8831, 8832). */
#include "peer/state.h"

#include "base/text.h"

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

static bool is_client(const tulle_peer *p)
{
	return p->setup == TULLE_SETUP_ACTIVE;
}

/* RFC8832:6: the DTLS client takes even ids, the server odd ones; the lowest that is free. */
static bool find_stream(tulle_peer *p, uint16_t *out)
{
	uint32_t parity = is_client(p) ? 0 : 1, id = p->channels.next_stream;
	if (id % 2 != parity)
		id++;
	for (; id < p->config.channels_max; id += 2)
		if (tulle_peer_table_by_stream(p, (uint16_t)id) == NULL) {
			p->channels.next_stream = id + 2;
			*out = (uint16_t)id;
			return true;
		}
	return false;
}

static void drop_channel(tulle_peer *p, peer_channel *c, uint8_t say)
{
	c->state = TULLE_CHANNEL_CLOSED;
	c->due_open = c->due_ack = c->due_reset = false;
	if (say != 0)
		tulle_peer_say(p, c, say);
	else
		tulle_peer_table_remove(p, c);
}

static void assign(tulle_peer *p, peer_channel *c)
{
	uint16_t stream;
	if (c->has_stream || p->setup == TULLE_SETUP_NONE)
		return;
	if (!find_stream(p, &stream) || !tulle_peer_table_set_stream(p, c, stream))
		drop_channel(p, c, SAY_ERROR | SAY_CLOSE);
}

/* The association is up: what was made before opens, in the order in which it was made. */
static void open_channel(tulle_peer *p, peer_channel *c)
{
	if (!c->has_stream || c->state != TULLE_CHANNEL_CONNECTING)
		return;
	c->state = TULLE_CHANNEL_OPEN;
	c->acked = c->negotiated;
	if (c->paused)
		(void)tulle_sctp_pause(p->sctp, p->now, c->stream, true);
	c->due_open = !c->negotiated;
	if (c->due_open)
		tulle_peer_channel_due(p, c);
	tulle_peer_say(p, c, SAY_OPEN);
}

void tulle_peer_channels_assign(tulle_peer *p)
{
	for (uint32_t i = 0; i < p->channels.high; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c != NULL)
			assign(p, c);
		if (c != NULL && p->sctp_open)
			open_channel(p, c);
	}
}

void tulle_peer_channels_open(tulle_peer *p)
{
	tulle_peer_channels_assign(p);
}

void tulle_peer_channels_end(tulle_peer *p, bool say, bool failed)
{
	for (uint32_t i = 0, n = p->channels.high; i < n; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c != NULL && (c->state != TULLE_CHANNEL_CLOSED || !say))
			drop_channel(p, c, !say ? 0 : failed ? SAY_ERROR | SAY_CLOSE : SAY_CLOSE);
	}
}

static tulle_err send_dcep(tulle_peer *p, const peer_channel *c, dcep_type type)
{
	dcep_message m = {.type = type,
		.unordered = c->unordered,
		.has_max_retransmits = c->has_max_retransmits,
		.has_max_lifetime = c->has_max_lifetime,
		.priority = c->priority,
		.reliability = c->has_max_retransmits ? c->max_retransmits : c->max_lifetime_ms};
	tulle_peer_table_text(c, &m.label, &m.protocol);
	size_t n = tulle_peer_write_dcep(&m, p->env.plain, p->env.plain_bytes);
	if (n == 0)
		return TULLE_ERR_TOO_LARGE;
	return tulle_sctp_send(p->sctp, p->now, c->stream, PPID_DCEP, p->env.plain, n, NULL);
}

/* What a channel waits with; false: SCTP has no room now. */
static bool do_due(tulle_peer *p, peer_channel *c)
{
	if (c->due_open && send_dcep(p, c, DCEP_OPEN) == TULLE_WOULD_BLOCK)
		return false;
	c->due_open = false;
	if (c->due_ack && send_dcep(p, c, DCEP_ACK) == TULLE_WOULD_BLOCK)
		return false;
	c->due_ack = false;
	if (c->due_reset) {
		tulle_err err = tulle_sctp_reset_stream(p->sctp, p->now, c->stream);
		if (err == TULLE_WOULD_BLOCK)
			return false;
		if (err != TULLE_OK)
			c->reset_out = true;
	}
	c->due_reset = false;
	return true;
}

void tulle_peer_channels_due(tulle_peer *p)
{
	peer_channels *t = &p->channels;
	while (p->sctp_open && t->due_first != NULL) {
		peer_channel *c = t->due_first;
		if (!do_due(p, c))
			return;
		t->due_first = c->next_due;
		if (t->due_first == NULL)
			t->due_last = NULL;
		c->due_linked = false;
	}
}

void tulle_peer_channels_writable(tulle_peer *p)
{
	tulle_peer_channels_due(p);
	for (uint32_t i = 0; i < p->channels.high; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c == NULL || !c->wants_low)
			continue;
		c->wants_low = false;
		tulle_peer_say(p, c, SAY_LOW);
	}
}

void tulle_peer_channel_low(tulle_peer *p, uint16_t stream)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c != NULL && c->state == TULLE_CHANNEL_OPEN && c->has_sent)
		tulle_peer_say(p, c, SAY_LOW);
}

static void finish_close(tulle_peer *p, peer_channel *c)
{
	if (c->reset_out && c->reset_in && c->state != TULLE_CHANNEL_CLOSED)
		drop_channel(p, c, SAY_CLOSE);
}

/* RFC8831:6.7: the peer reset its direction, so we reset ours. */
void tulle_peer_channel_reset_in(tulle_peer *p, uint16_t stream)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c == NULL)
		return;
	c->reset_in = true;
	if (c->state == TULLE_CHANNEL_OPEN || c->state == TULLE_CHANNEL_CONNECTING) {
		c->state = TULLE_CHANNEL_CLOSING;
		c->due_reset = true;
		tulle_peer_say(p, c, SAY_CLOSING);
		tulle_peer_channel_due(p, c);
		tulle_peer_channels_due(p);
	}
	finish_close(p, c);
}

void tulle_peer_channel_reset_out(tulle_peer *p, uint16_t stream, bool ok)
{
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (c == NULL)
		return;
	c->reset_out = true;
	c->reset_in = c->reset_in || !ok; /* refused: nothing more will come of it */
	finish_close(p, c);
}

static tulle_drop accept_open(tulle_peer *p, uint16_t stream, const dcep_message *m)
{
	bool theirs = (stream % 2 == 0) != is_client(p);
	if (!theirs)
		return TULLE_DROP_DCEP; /* RFC8832:6 */
	peer_channel *c = tulle_peer_table_add(p);
	if (c == NULL)
		return TULLE_DROP_CHANNEL_LIMIT;
	c->by_remote = c->acked = true;
	c->unordered = m->unordered;
	c->has_max_retransmits = m->has_max_retransmits;
	c->has_max_lifetime = m->has_max_lifetime;
	uint16_t bound = m->reliability > UINT16_MAX ? UINT16_MAX : (uint16_t)m->reliability;
	c->max_retransmits = m->has_max_retransmits ? bound : 0;
	c->max_lifetime_ms = m->has_max_lifetime ? bound : 0;
	c->priority = m->priority;
	if (!tulle_peer_table_set_text(p, c, m->label, m->protocol) ||
		!tulle_peer_table_set_stream(p, c, stream)) {
		tulle_peer_table_remove(p, c);
		return TULLE_DROP_CHANNEL_LIMIT;
	}
	c->state = TULLE_CHANNEL_OPEN;
	c->due_ack = true;
	tulle_peer_channel_due(p, c);
	tulle_peer_say(p, c, SAY_CHANNEL | SAY_OPEN);
	tulle_peer_channels_due(p);
	return TULLE_TAKEN;
}

tulle_drop tulle_peer_channel_dcep(
	tulle_peer *p, uint16_t stream, const uint8_t *data, size_t len, bool unordered)
{
	dcep_message m;
	tulle_drop drop = tulle_peer_read_dcep(data, len, &m);
	peer_channel *c = tulle_peer_table_by_stream(p, stream);
	if (drop != TULLE_TAKEN) {
		if (c == NULL && data[0] == DCEP_OPEN) /* RFC8832:6: no ACK, a reset */
			(void)tulle_sctp_reset_stream(p->sctp, p->now, stream);
		return drop;
	}
	if (m.type == DCEP_ACK) {
		if (c == NULL || c->by_remote || c->negotiated)
			return TULLE_DROP_DCEP;
		c->acked = true;
		return TULLE_TAKEN;
	}
	if (c != NULL || unordered) /* RFC8832:6: in use, or not sent in order */
		return TULLE_DROP_DCEP;
	drop = accept_open(p, stream, &m);
	if (drop == TULLE_DROP_CHANNEL_LIMIT || drop == TULLE_DROP_DCEP)
		(void)tulle_sctp_reset_stream(p->sctp, p->now, stream); /* refused: RFC8831:6.7 */
	return drop;
}
