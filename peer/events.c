/* SPDX-License-Identifier: MIT */
/* peer: what the user hears, one event at a time. State events say the state that is now; channels
 * have marks; messages are pulled out of SCTP only when everything before them was said. */
#include "peer/state.h"

#include "base/text.h"

#include <string.h>

static const tulle_peer_event *set_event(tulle_peer *p, tulle_peer_event_kind kind)
{
	p->event = (tulle_peer_event){.kind = kind};
	return &p->event;
}

static const tulle_peer_event *set_state_event(tulle_peer *p, tulle_peer_event_kind kind, int state)
{
	p->event = (tulle_peer_event){.kind = kind, .u.state = state};
	return &p->event;
}

static const tulle_peer_event *next_state(tulle_peer *p)
{
	if (p->negotiation_needed && !p->closed && p->signaling == TULLE_SIGNALING_STABLE) {
		p->negotiation_needed = false;
		return set_event(p, TULLE_PEER_NEGOTIATION_NEEDED);
	}
	if (p->signaling_said != tulle_peer_signaling(p)) {
		p->signaling_said = tulle_peer_signaling(p);
		return set_state_event(p, TULLE_PEER_SIGNALING_STATE, (int)p->signaling_said);
	}
	if (p->gathering_said != tulle_peer_gathering(p)) {
		p->gathering_said = tulle_peer_gathering(p);
		return set_state_event(p, TULLE_PEER_GATHERING_STATE, (int)p->gathering_said);
	}
	if (p->ice_said != tulle_peer_ice(p)) {
		p->ice_said = tulle_peer_ice(p);
		return set_state_event(p, TULLE_PEER_ICE_STATE, (int)p->ice_said);
	}
	if (p->connection_said != tulle_peer_connection(p)) {
		p->connection_said = tulle_peer_connection(p);
		return set_state_event(p, TULLE_PEER_CONNECTION_STATE, (int)p->connection_said);
	}
	return NULL;
}

/* W3C: said before the candidates that it finds. */
static const tulle_peer_event *begin_gathering(tulle_peer *p)
{
	if (p->gathering_said == TULLE_GATHERING_GATHERING ||
		tulle_peer_gathering(p) != TULLE_GATHERING_GATHERING)
		return NULL;
	p->gathering_said = TULLE_GATHERING_GATHERING;
	return set_state_event(p, TULLE_PEER_GATHERING_STATE, (int)p->gathering_said);
}

static const tulle_peer_event *say_candidate(tulle_peer *p, tulle_text candidate)
{
	set_event(p, TULLE_PEER_ICE_CANDIDATE);
	tulle_candidate *c = &p->event.u.candidate;
	tulle_text pwd;
	c->candidate = candidate;
	c->mid = (tulle_text){p->mid, p->mid_len};
	c->mline_index = 0;
	tulle_ice_credentials(p->ice, &c->username_fragment, &pwd);
	return &p->event;
}

static const tulle_peer_event *next_candidate(tulle_peer *p)
{
	tulle_ice_event e;
	while (tulle_ice_poll_event(p->ice, &e)) {
		if (e.kind == TULLE_ICE_EVENT_LOCAL_CANDIDATE)
			return say_candidate(p, e.u.candidate);
		if (e.kind == TULLE_ICE_EVENT_GATHERING_DONE) {
			p->gathered = true;
			return say_candidate(p, (tulle_text){"", 0});
		}
	}
	return NULL;
}

static const tulle_peer_event *channel_event(
	tulle_peer *p, const peer_channel *c, tulle_peer_event_kind kind)
{
	set_event(p, kind);
	p->event.channel = c->handle;
	p->event.channel_user = c->user;
	return &p->event;
}

static tulle_error_detail detail_of(const tulle_peer *p)
{
	if (p->ended == TULLE_PEER_ENDED_UNTRUSTED)
		return TULLE_DETAIL_FINGERPRINT_FAILURE;
	if (p->ended == TULLE_PEER_ENDED_NO_PATH)
		return TULLE_DETAIL_DATA_CHANNEL_FAILURE;
	return p->dtls_open ? TULLE_DETAIL_SCTP_FAILURE : TULLE_DETAIL_DTLS_FAILURE;
}

static const tulle_peer_event *channel_error(tulle_peer *p, const peer_channel *c)
{
	static const struct {
		tulle_err code;
		const char *text;
	} why[PEER_FAILED_KINDS] = {
		[PEER_FAILED_CONNECTION] = {TULLE_ERR_SYSTEM,
			"the channel failed with its connection"},
		[PEER_FAILED_REFUSED] = {TULLE_ERR_STATE, "the remote refused the channel"},
		[PEER_FAILED_NO_ID] = {TULLE_ERR_LIMIT, "there is no stream for the channel"},
		[PEER_FAILED_RULES] = {TULLE_ERR_SYNTAX, "the remote broke the channel's rules"},
		[PEER_FAILED_RESET] = {TULLE_ERR_STATE, "the remote resets no stream"},
	};
	channel_event(p, c, TULLE_PEER_ERROR);
	p->event.u.error.code = why[c->error].code;
	p->event.u.error.text = tulle_text_of(why[c->error].text);
	p->event.u.error.detail = TULLE_DETAIL_DATA_CHANNEL_FAILURE;
	if (c->error != PEER_FAILED_CONNECTION)
		return &p->event;
	p->event.u.error.detail = detail_of(p);
	p->event.u.error.sctp_cause = p->sctp_cause;
	p->event.u.error.tls_alert = p->tls_alert;
	return &p->event;
}

static const tulle_peer_event *next_of_channel(tulle_peer *p, peer_channel *c)
{
	static const struct {
		uint8_t say;
		tulle_peer_event_kind kind;
	} order[] = {{SAY_CHANNEL, TULLE_PEER_CHANNEL}, {SAY_OPEN, TULLE_PEER_OPEN},
		{SAY_LOW, TULLE_PEER_BUFFERED_LOW}, {SAY_CLOSING, TULLE_PEER_CLOSING}};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if ((c->say & order[i].say) != 0) {
			c->say = (uint8_t)(c->say & ~order[i].say);
			return channel_event(p, c, order[i].kind);
		}
	if ((c->say & SAY_ERROR) != 0) {
		c->say = (uint8_t)(c->say & ~SAY_ERROR);
		return channel_error(p, c);
	}
	if ((c->say & SAY_CLOSE) == 0)
		return NULL;
	channel_event(p, c, TULLE_PEER_CLOSE);
	c->say = 0;
	if (c->holds)
		tulle_peer_text_free(p, &c->text);
	else
		tulle_peer_table_remove(p, c);
	return &p->event;
}

static const tulle_peer_event *next_said(tulle_peer *p)
{
	peer_channels *t = &p->channels;
	while (t->said_first != NULL) {
		peer_channel *c = t->said_first;
		const tulle_peer_event *e = next_of_channel(p, c);
		if (e != NULL)
			return e;
		t->said_first = c->next_said;
		if (t->said_first == NULL)
			t->said_last = NULL;
		c->said_linked = false;
	}
	return NULL;
}

static bool take_assembly(tulle_peer *p)
{
	tulle_peer_assembly *shared = p->env.assembly;
	size_t need = p->config.message_bytes_max;
	p->assembled = 0;
	if (p->assembly != NULL)
		return true;
	if (p->own_assembly != NULL) {
		p->assembly = p->own_assembly;
	} else if (shared != NULL && !shared->busy && shared->bytes_max >= need) {
		shared->busy = p->assembly_shared = true;
		p->assembly = shared->bytes;
	} else if (p->env.allocator.alloc != NULL) {
		p->assembly = p->env.allocator.alloc(p->env.allocator.user, need);
	}
	return p->assembly != NULL;
}

void tulle_peer_release_assembly(tulle_peer *p)
{
	if (p->assembly_shared)
		p->env.assembly->busy = false;
	else if (p->assembly != NULL && p->assembly != p->own_assembly)
		p->env.allocator.free(
			p->env.allocator.user, p->assembly, p->config.message_bytes_max);
	p->assembly = NULL;
	p->assembly_shared = p->assembly_done = false;
	p->assembled = 0;
}

/* Adds a part; true: the message is whole in p->assembly. Without memory for it the connection
 * ends: what was acknowledged cannot be given up in silence. */
static bool assemble(tulle_peer *p, const tulle_sctp_event *e)
{
	if (e->first && !take_assembly(p)) {
		tulle_peer_count(p, TULLE_DROP_NO_ROOM);
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
	}
	if (p->assembly == NULL)
		return false;
	if (e->len > p->config.message_bytes_max - p->assembled) {
		tulle_peer_count(p, TULLE_DROP_CHANNEL_TOO_LARGE);
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
		return false;
	}
	memcpy(p->assembly + p->assembled, e->data, e->len);
	p->assembled += e->len;
	p->assembly_done = e->last;
	return e->last;
}

/* W3C: what comes once the channel is no longer open is discarded. */
static tulle_drop judge_message(const tulle_sctp_event *e, const peer_channel *c)
{
	if (c == NULL || c->state != TULLE_CHANNEL_OPEN)
		return TULLE_DROP_CHANNEL_UNKNOWN;
	if (e->unordered && !c->unordered && !c->negotiated)
		return TULLE_DROP_CHANNEL_ORDER;
	if (e->ppid != PPID_STRING && e->ppid != PPID_STRING_EMPTY && e->ppid != PPID_BINARY &&
		e->ppid != PPID_BINARY_EMPTY)
		return TULLE_DROP_CHANNEL_PPID;
	return TULLE_TAKEN;
}

/* Text in parts is judged as it comes; what was given out cannot be taken back, so the channel
 * goes. */
static tulle_drop judge_text(tulle_peer *p, const tulle_sctp_event *e, tulle_bytes data)
{
	if (e->first)
		p->text_state = 0;
	if (tulle_text_utf8_more(&p->text_state, data.ptr, data.len) &&
		(!e->last || p->text_state == 0))
		return TULLE_TAKEN;
	return TULLE_DROP_CHANNEL_UTF8;
}

/* RFC8832:6, RFC8831:6.6: what the rules do not allow closes the channel. */
static void take_wrong(tulle_peer *p, const tulle_sctp_event *e, peer_channel *c, tulle_drop drop)
{
	tulle_peer_count(p, drop);
	if (c == NULL)
		tulle_peer_refuse_stream(p, e->stream);
	else if (drop == TULLE_DROP_CHANNEL_ORDER || drop == TULLE_DROP_CHANNEL_UTF8)
		tulle_peer_channel_fail(p, c, PEER_FAILED_RULES);
}

/* The sender gave up a message of which parts came: RFC3758:3.6. */
static const tulle_peer_event *say_broken(tulle_peer *p, const tulle_sctp_event *e)
{
	peer_channel *c = tulle_peer_table_by_stream(p, e->stream);
	if (!p->config.streamed_messages) {
		tulle_peer_release_assembly(p);
		return NULL;
	}
	if (c == NULL || c->state != TULLE_CHANNEL_OPEN)
		return NULL;
	channel_event(p, c, TULLE_PEER_MESSAGE);
	p->event.u.message.last = p->event.u.message.broken = true;
	p->event.u.message.data = (tulle_bytes){e->data, 0}; /* never NULL */
	return &p->event;
}

/* A whole message, or a part of one in streamed mode; NULL: not yet, or dropped by name. */
static const tulle_peer_event *say_message(tulle_peer *p, const tulle_sctp_event *e)
{
	bool text = e->ppid == PPID_STRING || e->ppid == PPID_STRING_EMPTY;
	bool empty = e->ppid == PPID_STRING_EMPTY || e->ppid == PPID_BINARY_EMPTY;
	bool parts = p->config.streamed_messages;
	tulle_sctp_event whole = *e;
	if (!parts && !(e->first && e->last)) {
		if (!assemble(p, e))
			return NULL;
		whole.data = p->assembly;
		whole.len = p->assembled;
		whole.first = true;
	}
	tulle_bytes data = {whole.data, empty ? 0 : whole.len}; /* RFC8831:6.6 */
	peer_channel *c = tulle_peer_table_by_stream(p, e->stream);
	tulle_drop drop = judge_message(e, c);
	if (drop == TULLE_TAKEN && text)
		drop = judge_text(p, &whole, data);
	if (drop != TULLE_TAKEN) {
		take_wrong(p, e, c, drop);
		return NULL;
	}
	c->acked = true; /* RFC8832:6: any message will do */
	channel_event(p, c, TULLE_PEER_MESSAGE);
	p->event.u.message.data = data;
	p->event.u.message.is_text = text;
	p->event.u.message.first = whole.first;
	p->event.u.message.last = whole.last;
	return &p->event;
}

#define SCTP_CAUSE_USER 12 /* RFC9260:3.3.10.12: how close() is heard */

static void sctp_closed(tulle_peer *p, const tulle_sctp_event *e)
{
	p->sctp_open = false;
	p->sctp_cause = e->cause;
	if (e->why == TULLE_SCTP_LOST)
		tulle_peer_end(p, TULLE_PEER_ENDED_LOST);
	else if (e->why == TULLE_SCTP_ABORT_LOCAL ||
		 (e->why == TULLE_SCTP_ABORT_REMOTE && e->cause != 0 &&
			 e->cause != SCTP_CAUSE_USER))
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
	else
		tulle_peer_end(p, TULLE_PEER_ENDED_REMOTE);
}

static const tulle_peer_event *take_sctp(tulle_peer *p, const tulle_sctp_event *e)
{
	switch (e->kind) {
	case TULLE_SCTP_CONNECTED:
		p->sctp_open = true;
		tulle_peer_channels_assign(p);
		tulle_peer_channels_due(p);
		break;
	case TULLE_SCTP_MESSAGE:
		if (!e->ok)
			return say_broken(p, e);
		if (e->ppid != PPID_DCEP)
			return say_message(p, e);
		tulle_peer_count(p, tulle_peer_take_dcep(p, e));
		break;
	case TULLE_SCTP_WRITABLE:
		tulle_peer_channels_writable(p);
		break;
	case TULLE_SCTP_BUFFERED_LOW:
		tulle_peer_channel_low(p, e->stream);
		break;
	case TULLE_SCTP_STREAM_RESET_IN:
		tulle_peer_channel_reset_in(p, e->stream);
		break;
	case TULLE_SCTP_STREAM_RESET_OUT:
		tulle_peer_channel_reset_out(p, e->stream, e->ok);
		break;
	case TULLE_SCTP_RESTARTED: /* no browser restarts inside one DTLS connection */
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
		break;
	case TULLE_SCTP_CLOSED:
		sctp_closed(p, e);
		break;
	}
	return NULL;
}

const tulle_peer_event *tulle_peer_next_event(tulle_peer *p)
{
	const tulle_peer_event *event;
	tulle_sctp_event e;
	if (p->closed)
		return NULL; /* W3C: close() is followed by no event */
	if (p->assembly_done)
		tulle_peer_release_assembly(p);
	for (;;) {
		if ((event = tulle_peer_server_failed(p)) != NULL ||
			(event = begin_gathering(p)) != NULL ||
			(event = next_candidate(p)) != NULL || (event = next_state(p)) != NULL ||
			(event = next_said(p)) != NULL)
			break;
		if (!tulle_sctp_poll_event(p->sctp, &e))
			return NULL;
		event = take_sctp(p, &e);
		tulle_peer_mark(p); /* reading may have opened the window */
		if (event != NULL)
			break;
	}
	return event;
}

void tulle_peer_dispatch(tulle_peer *p)
{
	const tulle_peer_event *event;
	while (p->listener != NULL && (event = tulle_peer_next_event(p)) != NULL)
		p->listener(p, event, p->user);
}
