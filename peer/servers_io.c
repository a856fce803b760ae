/* SPDX-License-Identifier: MIT */
/* peer: how servers meet the world: names, streams and datagrams of theirs among those of their
 * owner. */
#include "peer/servers_state.h"

/* -- in -------------------------------------------------------------------------------------------
 */

static void path_up(tulle_peer_servers *s, const tulle_in *in)
{
	if (s->path_count == PEER_PATHS_MAX)
		return;
	s->paths[s->path_count].id = in->id;
	s->paths[s->path_count].mtu = in->mtu;
	s->paths[s->path_count++].local = in->local;
	tulle_peer_servers_ask_all(s);
	tulle_peer_servers_roam(s, 0);
}

static void path_down(tulle_peer_servers *s, uint32_t id)
{
	for (uint8_t i = 0; i < s->path_count; i++)
		if (s->paths[i].id == id)
			s->paths[i--] = s->paths[--s->path_count];
	if (s->path_count != 0)
		tulle_peer_servers_roam(s, id);
	tulle_peer_servers_forget_path(s, id);
}

static void server_due(tulle_peer_servers *s, peer_server *v)
{
	if (tulle_time_due(v->due, s->now)) {
		v->due = TULLE_TIME_NEVER;
		switch (v->state) {
		case SERVER_RESTING:
			tulle_peer_servers_wake(s, v);
			break;
		case SERVER_CONNECTING:
			tulle_peer_servers_leave_stream(v, true);
			tulle_peer_servers_lost(s, v, "the server cannot be reached");
			break;
		case SERVER_RESOLVING:
			v->resolve_due = false;
			tulle_peer_servers_addressed(s, v);
			break;
		case SERVER_ASKING:
			tulle_peer_servers_try_next(s, v);
			break;
		case SERVER_IDLE:
		case SERVER_READY:
		case SERVER_FAILED:
		case SERVER_CLOSED:
			break;
		}
	}
	tulle_peer_servers_relay_due(s, v);
}

static void handle_time(tulle_peer_servers *s)
{
	if (tulle_time_due(s->next_ask, s->now))
		tulle_peer_servers_ask_all(s);
	for (uint8_t i = 0; i < s->server_count && !s->closed; i++)
		server_due(s, &s->servers[i]);
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		server_question *q = &s->questions[i];
		if (!q->used)
			continue;
		if (tulle_time_due(tulle_turn_reflexive_poll_timeout(q->client), s->now))
			tulle_turn_reflexive_handle_timeout(q->client, s->now);
		tulle_peer_servers_hear(s, q);
	}
	if (tulle_time_due(s->give_up, s->now))
		for (uint8_t i = 0; i < s->server_count; i++)
			s->servers[i].answered = true;
}

static peer_server *server_at(const tulle_peer_servers *s, const tulle_addr *from)
{
	tulle_addr a = tulle_addr_unmap(from);
	for (uint8_t i = 0; i < s->server_count; i++) {
		const peer_server *v = &s->servers[i];
		if (v->turn != NULL && !v->uri.tcp && tulle_addr_is(&v->addr, &a))
			return (peer_server *)(uintptr_t)v;
	}
	return NULL;
}

static server_question *question_of(const tulle_peer_servers *s, const tulle_in *in)
{
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		const server_question *q = &s->questions[i];
		if (q->used && in->data.len != 0 && in->data.ptr[0] <= 3 &&
			tulle_turn_reflexive_owns(q->client, in->data.ptr, in->data.len))
			return (server_question *)(uintptr_t)q;
	}
	return NULL;
}

bool tulle_peer_servers_owns(const tulle_peer_servers *s, const tulle_in *in)
{
	return in->kind == TULLE_IN_DATAGRAM &&
	       (server_at(s, &in->remote) != NULL || question_of(s, in) != NULL);
}

static void give_out(tulle_peer_servers *s, peer_server *v, const tulle_turn_data *d)
{
	unsigned six = d->peer.family == 6;
	s->has_inner = d->data.ptr != NULL && v->state == SERVER_READY;
	if (!s->has_inner)
		return;
	s->inner = (tulle_in){.kind = TULLE_IN_DATAGRAM,
		.id = tulle_peer_servers_path(s, v, six),
		.remote = d->peer,
		.data = d->data};
	(void)tulle_turn_relayed(v->turn, six ? 6 : 4, &s->inner.local);
	tulle_peer_servers_note(s, v, &d->peer, true);
}

TULLE_UNTRUSTED(anyone, "one datagram; 8 servers, 16 questions", servers)
static bool handle_datagram(tulle_peer_servers *s, const tulle_in *in)
{
	server_question *q = question_of(s, in);
	peer_server *v = server_at(s, &in->remote);
	tulle_turn_data d = {0};
	if (v != NULL)
		tulle_peer_servers_heard(s, v);
	if (q != NULL) {
		(void)tulle_turn_reflexive_handle_datagram(
			q->client, s->now, &in->remote, in->data.ptr, in->data.len);
		tulle_peer_servers_hear(s, q);
		return true;
	}
	if (v == NULL)
		return false;
	(void)tulle_turn_handle_datagram(
		v->turn, s->now, &in->remote, in->data.ptr, in->data.len, &d);
	if (v->state == SERVER_ASKING)
		v->path = in->id; /* the kernel has chosen it */
	tulle_peer_servers_hear_turn(s, v);
	give_out(s, v, &d);
	return true;
}

/* A stream's bytes one message at a time: the rest waits for next. */
TULLE_UNTRUSTED(anyone, "one message", servers)
static void feed(tulle_peer_servers *s)
{
	while (s->rest.len != 0 && !s->has_inner) {
		peer_server *v = s->rest_of;
		tulle_turn_data d = {0};
		tulle_drop drop;
		if (v->turn == NULL || !v->open)
			break;
		size_t used = tulle_turn_handle_stream(
			v->turn, s->now, s->rest.ptr, s->rest.len, &d, &drop);
		s->rest.ptr += used;
		s->rest.len -= used;
		tulle_peer_servers_hear_turn(s, v);
		give_out(s, v, &d);
	}
	if (!s->has_inner)
		s->rest.len = 0;
}

bool tulle_peer_servers_next(tulle_peer_servers *s, tulle_in *inner)
{
	if (!s->has_inner)
		feed(s);
	if (!s->has_inner)
		return false;
	*inner = s->inner;
	s->has_inner = false;
	return true;
}

static void stream_opened(tulle_peer_servers *s, peer_server *v, const tulle_in *in)
{
	if (in->why != TULLE_OK) {
		bool untrusted = in->why == TULLE_ERR_STATE; /* io.h */
		tulle_peer_servers_lost(s, v,
			untrusted ? "the server's certificate is not trusted"
				  : "the server cannot be reached");
		return;
	}
	v->open = v->room_due = true;
	v->due = TULLE_TIME_NEVER; /* from here on the client has its own */
	tulle_peer_servers_allocate(s, v);
}

static void handle_stream(tulle_peer_servers *s, const tulle_in *in)
{
	peer_server *v = NULL;
	for (uint8_t i = 0; i < s->server_count; i++)
		if (s->servers[i].stream == in->id)
			v = &s->servers[i];
	if (v == NULL || s->closed)
		return;
	switch ((int)in->kind) {
	case TULLE_IN_STREAM_OPEN:
		tulle_peer_servers_heard(s, v);
		stream_opened(s, v, in);
		break;
	case TULLE_IN_STREAM_ROOM:
		v->room = tulle_sat_add(v->room, in->bytes);
		break;
	case TULLE_IN_STREAM_BYTES:
		v->delivered += (uint32_t)in->data.len;
		tulle_peer_servers_heard(s, v);
		v->room_due = v->delivered >= PEER_SERVER_STREAM_ROOM / 2;
		s->rest = in->data;
		s->rest_of = v;
		feed(s);
		break;
	case TULLE_IN_STREAM_END:
		v->open = false;
		if (v->turn != NULL)
			tulle_turn_stream_ended(v->turn, s->now);
		v->stream = 0;
		tulle_peer_servers_hear_turn(s, v);
		break;
	default:
		break;
	}
}

static bool handle(tulle_peer_servers *s, const tulle_in *in)
{
	bool ours = tulle_peer_servers_is_relay(in->id) && (in->id >> 31) == 0;
	switch (in->kind) {
	case TULLE_IN_TIME:
		handle_time(s);
		return false;
	case TULLE_IN_PATH_UP:
		path_up(s, in);
		return false;
	case TULLE_IN_PATHS_KNOWN:
		s->paths_known = true;
		tulle_peer_servers_ask_all(s);
		return false;
	case TULLE_IN_PATH_DOWN:
		path_down(s, in->id);
		return false;
	case TULLE_IN_DATAGRAM:
		return handle_datagram(s, in);
	case TULLE_IN_RESOLVED:
		if (ours)
			tulle_peer_servers_resolved(s, in);
		return ours;
	case TULLE_IN_STREAM_OPEN:
	case TULLE_IN_STREAM_BYTES:
	case TULLE_IN_STREAM_ROOM:
	case TULLE_IN_STREAM_END:
		if (ours)
			handle_stream(s, in);
		return ours;
	case TULLE_IN_TOO_BIG:
	case TULLE_IN_STREAM_ACCEPTED:
	case TULLE_IN_WALL_CLOCK:
		break;
	}
	return false;
}

bool tulle_peer_servers_handle(tulle_peer_servers *s, tulle_time now, const tulle_in *in)
{
	s->now = tulle_time_max(s->now, now);
	s->has_inner = false;
	s->rest.len = 0;
	bool mine = handle(s, in);
	bool done = s->begun;
	for (uint8_t i = 0; i < s->server_count; i++)
		done = done && s->servers[i].answered;
	if (done && !s->done) {
		s->done = true;
		s->give_up = TULLE_TIME_NEVER;
		tulle_peer_servers_changed(s);
	}
	return mine;
}

/* -- out ------------------------------------------------------------------------------------------
 */

static bool take(bool *flag)
{
	bool was = *flag;
	*flag = false;
	return was;
}

static tulle_text name_of(const peer_server *v)
{
	return v->domain_len != 0 ? (tulle_text){v->domain, v->domain_len} : v->uri.host;
}

static bool poll_stream(peer_server *v, tulle_out *out)
{
	if (take(&v->end_due)) {
		*out = (tulle_out){.kind = TULLE_OUT_STREAM_END, .id = v->ended, .abrupt = true};
		return true;
	}
	if (take(&v->connect_due)) {
		*out = (tulle_out){.kind = TULLE_OUT_STREAM_CONNECT,
			.id = v->stream,
			.name = name_of(v),
			.remote = v->addr,
			.port = v->addr.port,
			.tls = v->uri.tls};
		return true;
	}
	if (!v->open || !take(&v->room_due))
		return false;
	uint32_t more = v->delivered != 0 ? v->delivered : PEER_SERVER_STREAM_ROOM;
	v->delivered = 0;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_ROOM, .id = v->stream, .bytes = more};
	return true;
}

static bool can_speak(const peer_server *v)
{
	return v->turn != NULL &&
	       (!v->uri.tcp || (v->open && v->room >= TULLE_TURN_DATAGRAM_BYTES));
}

static bool poll_turn(
	tulle_peer_servers *s, peer_server *v, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	tulle_datagram d;
	if (!can_speak(v) || !tulle_turn_poll_datagram(v->turn, s->now, scratch, bytes, &d))
		return false;
	*out = (tulle_out){.kind = TULLE_OUT_DATAGRAM,
		.remote = d.path.remote,
		.data = {scratch, d.len},
		.segment = (uint16_t)d.len};
	if (v->uri.tcp) {
		v->room -= d.len;
		*out = (tulle_out){
			.kind = TULLE_OUT_STREAM_BYTES, .id = v->stream, .data = {scratch, d.len}};
	}
	return true;
}

static bool poll_server(
	tulle_peer_servers *s, peer_server *v, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	if (take(&v->resolve_due)) {
		*out = (tulle_out){.kind = TULLE_OUT_RESOLVE,
			.id = PEER_SERVERS_ID | tulle_peer_servers_number(s, v),
			.name = v->uri.host,
			.port = v->uri.port};
		return true;
	}
	return poll_stream(v, out) || poll_turn(s, v, scratch, bytes, out);
}

bool tulle_peer_servers_poll(
	tulle_peer_servers *s, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	s->now = tulle_time_max(s->now, now);
	for (uint8_t i = 0; i < s->server_count; i++)
		if (poll_server(s, &s->servers[i], scratch, bytes, out))
			return true;
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		server_question *q = &s->questions[i];
		tulle_datagram d;
		if (!q->used ||
			!tulle_turn_reflexive_poll_datagram(q->client, s->now, scratch, bytes, &d))
			continue;
		*out = (tulle_out){.kind = TULLE_OUT_DATAGRAM,
			.id = d.path.id,
			.local = d.path.local,
			.remote = d.path.remote,
			.data = {scratch, d.len},
			.segment = (uint16_t)d.len};
		return true;
	}
	return tulle_peer_servers_unhold(s, scratch, bytes, out);
}

static tulle_time server_timeout(const peer_server *v)
{
	tulle_time t = tulle_time_min(v->due, tulle_peer_servers_silence(v));
	if (can_speak(v))
		t = tulle_time_min(t, tulle_turn_poll_timeout(v->turn));
	for (size_t i = 0; v->state == SERVER_READY && i < PEER_SERVER_PEERS; i++)
		if (v->peers[i].addr.family != 0)
			t = tulle_time_min(
				t, tulle_time_add(v->peers[i].used, PEER_SERVER_IDLE_US));
	return t;
}

tulle_time tulle_peer_servers_poll_timeout(const tulle_peer_servers *s)
{
	tulle_time t = tulle_time_min(s->give_up, s->next_ask);
	for (uint8_t i = 0; i < s->server_count; i++)
		t = tulle_time_min(t, server_timeout(&s->servers[i]));
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++)
		if (s->questions[i].used)
			t = tulle_time_min(
				t, tulle_turn_reflexive_poll_timeout(s->questions[i].client));
	return s->closed ? TULLE_TIME_NEVER : t;
}
