/* SPDX-License-Identifier: MIT */
/* peer: allocations: one a TURN server, on the first of its addresses that answers; what peers send
 * on their paths, and what waits for a permission. */
#include "peer/servers_state.h"

#define GENERATION_SHIFT 5 /* below it: server and family */

uint32_t tulle_peer_servers_path(const tulle_peer_servers *s, const peer_server *v, unsigned six)
{
	return PEER_SERVERS_ID | v->generation << GENERATION_SHIFT |
	       (uint32_t)tulle_peer_servers_number(s, v) << 1 | six;
}

peer_server *tulle_peer_servers_of(tulle_peer_servers *s, uint32_t path)
{
	uint32_t number = (path >> 1) % (1u << (GENERATION_SHIFT - 1));
	if (!tulle_peer_servers_is_relay(path) || number >= s->server_count)
		return NULL;
	peer_server *v = &s->servers[number];
	bool is_it = path == tulle_peer_servers_path(s, v, path & 1u);
	return is_it && v->uri.relay && v->state == SERVER_READY ? v : NULL;
}

void tulle_peer_servers_leave_stream(peer_server *v, bool tell)
{
	if (v->stream != 0 && tell && !v->connect_due) {
		v->ended = v->stream;
		v->end_due = true;
	}
	v->connect_due = v->room_due = v->open = false;
	v->stream = 0;
	v->room = v->delivered = 0;
}

static void drop_turn(peer_server *v)
{
	if (v->turn != NULL)
		tulle_turn_wipe(v->turn);
	v->turn = NULL;
	memset(v->peers, 0, sizeof v->peers);
}

static bool make_turn(tulle_peer_servers *s, peer_server *v)
{
	const tulle_turn_config c = {.username = v->username,
		.password = v->password,
		.transport = v->uri.tcp ? TULLE_TURN_STREAM : TULLE_TURN_UDP,
		.both = true,
		.loopback = s->loopback,
		.random = s->random,
		.peers_max = PEER_SERVER_PLACES};
	drop_turn(v);
	v->turn = tulle_turn_init(v->memory, v->memory_bytes, &c, s->now);
	return v->turn != NULL;
}

/* Those that are asked or ready. */
static unsigned count_relays(const tulle_peer_servers *s)
{
	unsigned n = 0;
	for (uint8_t i = 0; i < s->server_count; i++) {
		server_state state = s->servers[i].state;
		n += s->servers[i].uri.relay && state >= SERVER_RESOLVING && state <= SERVER_READY;
	}
	return n;
}

/* One that stood by takes the place of a relay that failed. */
static void wake_spare(tulle_peer_servers *s)
{
	for (uint8_t i = 0; i < s->server_count; i++) {
		peer_server *v = &s->servers[i];
		if (v->uri.relay && v->state == SERVER_IDLE) {
			tulle_peer_servers_start(s, v);
			return;
		}
	}
}

void tulle_peer_servers_rest(tulle_peer_servers *s, peer_server *v, tulle_time until)
{
	bool at_once = v->roamed && tulle_time_due(until, s->now);
	v->state = until == TULLE_TIME_NEVER ? SERVER_FAILED : SERVER_RESTING;
	v->due = v->barred = until;
	v->roamed = false;
	if (at_once) { /* what was lost is our former address */
		tulle_peer_servers_wake(s, v);
		return;
	}
	if (until != TULLE_TIME_NEVER) {
		v->due = tulle_time_max(until, tulle_time_add(s->now, v->rest));
		v->rest = tulle_time_min(v->rest * 2, PEER_SERVER_REST_US_MAX);
	}
	if (v->uri.relay)
		wake_spare(s);
}

void tulle_peer_servers_wake(tulle_peer_servers *s, peer_server *v)
{
	if (!v->uri.is_address)
		v->address_count = v->address_at = 0; /* its meaning may be another now */
	if (v->uri.relay && count_relays(s) >= PEER_SERVER_RELAYS_MAX)
		v->state = SERVER_IDLE;
	else
		tulle_peer_servers_start(s, v);
}

void tulle_peer_servers_allocate(tulle_peer_servers *s, peer_server *v)
{
	tulle_path to = {.id = tulle_peer_servers_number(s, v), .remote = v->addr};
	v->state = SERVER_ASKING;
	if (tulle_turn_allocate(v->turn, s->now, &to) == TULLE_OK)
		return;
	tulle_peer_servers_fault(s, v, 0, "no randomness, or no address to ask");
	tulle_peer_servers_rest(s, v, s->now);
}

static void reach(tulle_peer_servers *s, peer_server *v)
{
	tulle_peer_servers_leave_stream(v, true);
	if (!v->uri.tcp) {
		tulle_peer_servers_allocate(s, v);
		return;
	}
	v->state = SERVER_CONNECTING;
	v->stream = PEER_SERVERS_ID | ++s->stream_serial;
	v->connect_due = true;
	v->due = tulle_time_min(v->due, tulle_time_add(s->now, PEER_SERVER_CONNECT_US));
}

static bool has_path(const tulle_peer_servers *s, uint8_t family)
{
	for (uint8_t i = 0; i < s->path_count; i++)
		if (s->paths[i].local.family == family)
			return true;
	return !s->paths_known;
}

static bool find_next(const tulle_peer_servers *s, const peer_server *v, uint8_t *at)
{
	while (*at < v->address_count && !has_path(s, v->addresses[*at].family))
		++*at;
	return *at < v->address_count;
}

static bool has_others(const tulle_peer_servers *s, const peer_server *v)
{
	unsigned usable = 0;
	for (uint8_t i = 0; find_next(s, v, &i); i++)
		usable++;
	return usable > 1;
}

/* The next address that is worth a try; after a first round there is a second. */
static bool has_next(const tulle_peer_servers *s, peer_server *v)
{
	if (v->first_round && v->address_at != 0 && !find_next(s, v, &v->address_at)) {
		v->first_round = false;
		v->address_at = has_others(s, v) ? 0 : v->address_at;
	}
	return find_next(s, v, &v->address_at);
}

/* Somebody is there. */
static void answers(tulle_peer_servers *s, peer_server *v)
{
	uint8_t after = v->address_at;
	if (!v->first_round || (v->state != SERVER_ASKING && v->state != SERVER_CONNECTING))
		return;
	v->first_round = false;
	v->due = find_next(s, v, &after) ? tulle_time_add(s->now, PEER_SERVER_HURRY_US)
					 : TULLE_TIME_NEVER;
}

/* RFC8656:3.9, RFC8305 in small: an address that says nothing in a moment is left for the next one;
 * when none did, each gets more. */
void tulle_peer_servers_try_next(tulle_peer_servers *s, peer_server *v)
{
	if (!has_next(s, v)) {
		if (!v->answered)
			tulle_peer_servers_fault(s, v, 0, "no address of ours reaches it");
		tulle_peer_servers_rest(s, v, s->now);
		return;
	}
	v->addr = v->addresses[v->address_at++];
	v->redirected = false;
	v->domain_len = 0;
	uint8_t after = v->address_at;
	v->due = TULLE_TIME_NEVER;
	if (v->first_round && has_others(s, v))
		v->due = tulle_time_add(s->now, PEER_SERVER_MOMENT_US);
	else if (find_next(s, v, &after))
		v->due = tulle_time_add(s->now, PEER_SERVER_HURRY_US);
	if (make_turn(s, v))
		reach(s, v);
}

/* What it relayed is over: its paths are no longer listed. */
static void relay_gone(tulle_peer_servers *s, peer_server *v)
{
	v->state = SERVER_RESTING;
	tulle_peer_servers_changed(s);
}

void tulle_peer_servers_lost(tulle_peer_servers *s, peer_server *v, const char *why)
{
	bool was_ready = v->state == SERVER_READY;
	tulle_peer_servers_leave_stream(v, false);
	if (was_ready)
		relay_gone(s, v);
	if (!was_ready && has_next(s, v)) {
		tulle_peer_servers_try_next(s, v);
		return;
	}
	tulle_peer_servers_fault(s, v, 0, why);
	tulle_peer_servers_rest(s, v, s->now);
}

static void take_mapped(peer_server *v, const tulle_addr *mapped)
{
	if (v->seen_path != v->path || !tulle_addr_is(&v->mapped, mapped)) {
		v->former = v->mapped;
		v->former_path = v->seen_path;
	}
	v->mapped = *mapped;
	v->seen_path = v->path;
}

static void ready(tulle_peer_servers *s, peer_server *v, const tulle_turn_event *e)
{
	v->state = SERVER_READY;
	v->answered = true;
	v->due = TULLE_TIME_NEVER;
	v->rest = PEER_SERVER_REST_US;
	tulle_peer_servers_heard(s, v);
	v->generation = ++s->generation % (1u << 24);
	take_mapped(v, &e->u.ready.mapped);
	tulle_peer_servers_changed(s);
}

static void failed(tulle_peer_servers *s, peer_server *v, const tulle_turn_event *e)
{
	tulle_turn_failure why = e->u.failed.failure;
	bool was_ready = v->state == SERVER_READY;
	if (was_ready)
		relay_gone(s, v);
	tulle_peer_servers_leave_stream(v, true);
	if (!was_ready && why == TULLE_TURN_FAILURE_TIMEOUT && has_next(s, v)) {
		tulle_peer_servers_try_next(s, v);
		return;
	}
	tulle_peer_servers_fault(s, v, e->u.failed.code, tulle_turn_failure_name(why));
	tulle_peer_servers_rest(s, v, e->u.failed.retry_at);
}

/* RFC8489:10: the certificate is that of the domain, or still the first server's. */
static void redirected(tulle_peer_servers *s, peer_server *v, const tulle_turn_event *e)
{
	v->addr = e->u.alternate.server;
	v->redirected = true;
	v->domain_len = (uint8_t)tulle_min(e->u.alternate.domain.len, sizeof v->domain);
	if (v->domain_len != 0)
		memcpy(v->domain, e->u.alternate.domain.ptr, v->domain_len);
	v->due = TULLE_TIME_NEVER;
	reach(s, v);
}

void tulle_peer_servers_hear_turn(tulle_peer_servers *s, peer_server *v)
{
	tulle_turn_event e;
	while (v->turn != NULL && !s->closed && tulle_turn_poll_event(v->turn, &e)) {
		switch (e.kind) {
		case TULLE_TURN_EVENT_READY:
			ready(s, v, &e);
			break;
		case TULLE_TURN_EVENT_FAILED:
			failed(s, v, &e);
			break;
		case TULLE_TURN_EVENT_ALTERNATE:
			redirected(s, v, &e);
			break;
		case TULLE_TURN_EVENT_PEER: /* unhold looks at the state itself */
		case TULLE_TURN_EVENT_ICMP: /* ICE's consent and SCTP's probes find it out */
		case TULLE_TURN_EVENT_CLOSED:
			break;
		}
	}
}

void tulle_peer_servers_heard(tulle_peer_servers *s, peer_server *v)
{
	answers(s, v);
	v->silent = TULLE_TIME_NEVER;
	v->probed = TULLE_TIME_NEVER;
}

tulle_time tulle_peer_servers_silence(const peer_server *v)
{
	if (v->state != SERVER_READY || !v->uri.relay)
		return TULLE_TIME_NEVER;
	return v->probed != TULLE_TIME_NEVER ? tulle_time_add(v->probed, PEER_SERVER_SILENT_US)
					     : tulle_time_add(v->silent, PEER_SERVER_SILENCE_US);
}

/* A server that died would only be missed at its next refresh; consent would be gone before. */
static void watch_silence(tulle_peer_servers *s, peer_server *v)
{
	if (!tulle_time_due(tulle_peer_servers_silence(v), s->now))
		return;
	if (v->probed == TULLE_TIME_NEVER) {
		v->probed = s->now; /* a clock that jumped leaves it its time to answer */
		tulle_turn_refresh(v->turn, s->now);
		return;
	}
	relay_gone(s, v);
	tulle_peer_servers_leave_stream(v, true);
	tulle_peer_servers_fault(s, v, 0, "the server has fallen silent");
	tulle_peer_servers_rest(s, v, s->now);
}

/* RFC8656:7.4 is kept: who was told to wait waits. */
void tulle_peer_servers_roam(tulle_peer_servers *s, uint32_t gone)
{
	for (uint8_t i = 0; i < s->server_count; i++) {
		peer_server *v = &s->servers[i];
		if (gone == 0) {
			v->rest = PEER_SERVER_REST_US;
			if (v->state == SERVER_RESTING)
				v->due = tulle_time_max(v->barred, s->now);
		}
		if (v->state != SERVER_READY || !v->uri.relay ||
			(gone != 0 && gone != v->path && !v->uri.tcp))
			continue;
		v->roamed = true;
		v->probed = tulle_time_min(v->probed, s->now);
		tulle_turn_refresh(v->turn, s->now);
	}
}

void tulle_peer_servers_relay_due(tulle_peer_servers *s, peer_server *v)
{
	if (v->turn != NULL && tulle_time_due(tulle_turn_poll_timeout(v->turn), s->now))
		tulle_turn_handle_timeout(v->turn, s->now);
	tulle_peer_servers_hear_turn(s, v);
	watch_silence(s, v);
	if (v->state == SERVER_READY)
		tulle_peer_servers_forget_idle(s, v);
}

/* -- data -----------------------------------------------------------------------------------------
 */

static void hold(tulle_peer_servers *s, const tulle_out *out)
{
	server_held *h = &s->held[0];
	if (out->data.len > sizeof h->data)
		return;
	for (size_t i = 0; h->path != 0 && i < PEER_SERVER_HELD_MAX; i++)
		if (s->held[i].path == 0 || s->held[i].order < h->order)
			h = &s->held[i];
	*h = (server_held){.path = out->id,
		.remote = out->remote,
		.order = ++s->held_order,
		.len = out->data.len};
	memcpy(h->data, out->data.ptr, h->len);
}

static bool send(peer_server *v, tulle_bytes data, tulle_out *out)
{
	tulle_out to = {.kind = v->uri.tcp ? TULLE_OUT_STREAM_BYTES : TULLE_OUT_DATAGRAM,
		.data = data,
		.df_probe = out->df_probe,
		.may_fragment = out->may_fragment};
	if (v->uri.tcp && (!v->open || v->room < data.len))
		return false; /* a full stream loses datagrams, as a full link does */
	if (v->uri.tcp) {
		v->room -= data.len;
		to.id = v->stream;
	} else {
		to.remote = v->addr;
		to.segment = (uint16_t)data.len;
	}
	*out = to;
	return true;
}

/* A permission is an IP address's (RFC8656:9), and a place is taken for one that has none: behind
 * one that has, a stranger may forge any port and be answered that he is not known. */
static tulle_err put_in(tulle_peer_servers *s, peer_server *v, const tulle_addr *to,
	tulle_bytes from, tulle_bytes *out)
{
	/* It lies in the scratch that poll was given, which is the caller's to write. */
	uint8_t *data = (uint8_t *)(uintptr_t)from.ptr;
	tulle_err err = tulle_turn_wrap(v->turn, s->now, to, data, from.len, out);
	if (err == TULLE_OK)
		return err;
	tulle_peer_servers_need(s, v, to);
	return tulle_turn_wrap(v->turn, s->now, to, data, from.len, out);
}

bool tulle_peer_servers_wrap(tulle_peer_servers *s, tulle_time now, tulle_out *out)
{
	peer_server *v = tulle_peer_servers_of(s, out->id);
	tulle_addr to = tulle_addr_unmap(&out->remote);
	tulle_bytes data;
	s->now = tulle_time_max(s->now, now);
	if (v == NULL || out->data.len > UINT16_MAX)
		return false;
	tulle_err err = put_in(s, v, &to, out->data, &data);
	tulle_peer_servers_note(s, v, &to, false);
	if (err == TULLE_WOULD_BLOCK)
		hold(s, out);
	if (err != TULLE_OK || !send(v, data, out))
		return false;
	v->silent = tulle_time_min(v->silent, s->now);
	return true;
}

static tulle_turn_peer_state state_of(tulle_peer_servers *s, const server_held *h)
{
	const peer_server *v = tulle_peer_servers_of(s, h->path);
	tulle_addr to = tulle_addr_unmap(&h->remote);
	return v != NULL ? tulle_turn_peer(v->turn, &to) : TULLE_TURN_PEER_NONE;
}

/* The first of those whose permission has come. Who was refused is dropped, and who has given his
 * place to another: he would only drive out one who waits as well. */
bool tulle_peer_servers_unhold(
	tulle_peer_servers *s, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	for (size_t i = 0; i < PEER_SERVER_HELD_MAX; i++) {
		server_held *h = &s->held[i];
		tulle_turn_peer_state state = state_of(s, h);
		if (h->path == 0 || bytes < h->len + PEER_SERVERS_ROOM ||
			state == TULLE_TURN_PEER_ASKED)
			continue;
		memcpy(scratch + PEER_SERVERS_HEADROOM, h->data, h->len);
		*out = (tulle_out){.kind = TULLE_OUT_DATAGRAM,
			.id = h->path,
			.remote = h->remote,
			.data = {scratch + PEER_SERVERS_HEADROOM, h->len}};
		h->path = 0;
		if (state != TULLE_TURN_PEER_NONE && tulle_peer_servers_wrap(s, s->now, out))
			return true;
	}
	return false;
}
