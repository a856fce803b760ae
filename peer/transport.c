/* SPDX-License-Identifier: MIT */
/* peer: datagrams in and out: RFC 7983 tells them apart, ICE says from where and whereto, DTLS
 * seals, SCTP speaks. Packets of one path and length that follow each other leave as one run. */
#include "peer/state.h"

#include "base/addr.h"
#include "base/panic.h"
#include "base/serial.h"

#include <string.h>

static void set_now(tulle_peer *p, tulle_time now)
{
	p->now = tulle_time_max(p->now, now);
}

void tulle_peer_end(tulle_peer *p, tulle_peer_ended why)
{
	if (p->ended != TULLE_PEER_ENDED_NOT)
		return;
	p->ended = why;
	p->sctp_open = false;
	tulle_peer_mark(p);
	tulle_peer_channels_end(
		p, true, why != TULLE_PEER_ENDED_REMOTE && why != TULLE_PEER_ENDED_LOCAL);
}

static void dtls_closed(tulle_peer *p, const tulle_dtls_event *e)
{
	p->dtls_open = p->sctp_open = false;
	p->tls_alert = e->alert;
	switch (e->why) {
	case TULLE_DTLS_CLOSED_LOCAL:
		tulle_peer_end(p, TULLE_PEER_ENDED_LOCAL);
		break;
	case TULLE_DTLS_CLOSED_REMOTE:
		tulle_peer_end(p, TULLE_PEER_ENDED_REMOTE);
		break;
	case TULLE_DTLS_CLOSED_UNTRUSTED:
		tulle_peer_end(p, TULLE_PEER_ENDED_UNTRUSTED);
		break;
	case TULLE_DTLS_CLOSED_FAILED:
	case TULLE_DTLS_CLOSED_TIMEOUT:
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
		break;
	}
}

static void pump_dtls(tulle_peer *p)
{
	tulle_dtls_event e;
	while (tulle_dtls_poll_event(p->dtls, &e)) {
		switch (e.kind) {
		case TULLE_DTLS_EVENT_CONNECTED:
			p->dtls_open = true;
			tulle_sctp_set_ice_rtt(p->sctp, tulle_ice_rtt(p->ice));
			if (tulle_peer_snap_connect(p) != TULLE_OK)
				tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
			break;
		case TULLE_DTLS_EVENT_DATA:
			tulle_peer_count(p, tulle_sctp_handle_datagram(
						    p->sctp, p->now, e.data.ptr, e.data.len));
			break;
		case TULLE_DTLS_EVENT_CLOSED:
			dtls_closed(p, &e);
			break;
		}
	}
}

/* Datagrams above UDP that the path's own interface takes. */
static size_t datagram_max(const tulle_peer *p, const tulle_path *path)
{
	size_t headers = path->remote.family == 6 ? 48 : 28;
	bool relayed = tulle_peer_servers_is_relay(path->id);
	const peer_path *paths = relayed ? p->relays : p->paths;
	for (uint8_t i = 0; i < (relayed ? p->relay_count : p->path_count); i++)
		if (paths[i].id == path->id && paths[i].mtu > headers)
			return tulle_min(paths[i].mtu - headers, p->config.datagram_bytes_max);
	return p->config.datagram_bytes_max;
}

/* RFC8261:6.1: SCTP is told of another path, and what its first link takes. */
static void watch_path(tulle_peer *p)
{
	tulle_path path;
	if (!tulle_ice_path(p->ice, &path))
		return;
	if (path.id == p->path.id && tulle_addr_is(&path.local, &p->path.local) &&
		tulle_addr_is(&path.remote, &p->path.remote))
		return;
	p->path = path;
	if (p->servers != NULL && tulle_peer_servers_is_relay(path.id))
		tulle_peer_servers_bind(p->servers, p->now, path.id, &path.remote);
	size_t most = datagram_max(p, &path);
	tulle_sctp_set_path(
		p->sctp, p->now, most > PEER_RECORD_OVERHEAD ? most - PEER_RECORD_OVERHEAD : 1);
	tulle_sctp_set_ice_rtt(p->sctp, tulle_ice_rtt(p->ice));
}

/* The client waits for a path, the server only for role and fingerprint. */
static void start_dtls(tulle_peer *p)
{
	tulle_path path;
	bool has_path = tulle_ice_path(p->ice, &path);
	if (has_path && p->sped.on) {
		if (!p->dtls_open)
			tulle_dtls_set_rtt(p->dtls, tulle_ice_rtt(p->ice));
		tulle_dtls_hold(p->dtls, p->now, false);
	}
	if (p->dtls_started || !p->transport_set || (!has_path && !p->sped.on))
		return;
	p->dtls_started = true;
	tulle_dtls_set_rtt(p->dtls, tulle_ice_rtt(p->ice));
	tulle_dtls_role role =
		p->setup == TULLE_SETUP_ACTIVE ? TULLE_DTLS_CLIENT : TULLE_DTLS_SERVER;
	if (tulle_dtls_start(p->dtls, p->now, role, p->fingerprints, p->fingerprint_count) !=
		TULLE_OK)
		tulle_peer_end(p, TULLE_PEER_ENDED_PROTOCOL);
}

void tulle_peer_advance(tulle_peer *p)
{
	if (p->closed)
		return;
	tulle_peer_take_servers(p);
	watch_path(p);
	start_dtls(p);
	pump_dtls(p);
	tulle_ice_state ice = tulle_ice_get_state(p->ice);
	if (ice == TULLE_ICE_CONNECTED || ice == TULLE_ICE_COMPLETED)
		p->was_connected = true;
	tulle_peer_watch_paths(p, ice);
	if (ice == TULLE_ICE_FAILED && !p->restarting && !p->remote_restarts)
		tulle_peer_end(
			p, p->was_connected ? TULLE_PEER_ENDED_LOST : TULLE_PEER_ENDED_NO_PATH);
	tulle_peer_channels_due(p);
}

TULLE_UNTRUSTED(anyone, "one datagram", ice_agent)
tulle_drop tulle_peer_handle_datagram(tulle_peer *p, const tulle_in *in)
{
	tulle_path path = {.id = in->id, .local = in->local, .remote = in->remote};
	if (in->data.len == 0)
		return TULLE_DROP_MALFORMED;
	uint8_t first = in->data.ptr[0]; /* RFC7983:7 */
	if (first <= 3) {
		tulle_drop drop = tulle_ice_handle_datagram(
			p->ice, p->now, &path, in->data.ptr, in->data.len);
		start_dtls(p); /* with the path's timers, if this made one */
		tulle_peer_sped_handle(p, drop);
		return drop;
	}
	if (first < 20 || first > 63)
		return TULLE_DROP_UNKNOWN_PROTOCOL;
	if (!tulle_ice_is_validated(p->ice, &path))
		return TULLE_DROP_ICE_NOT_VALIDATED;
	tulle_peer_sped_heard(p, in->data);
	return tulle_dtls_handle_datagram(p->dtls, p->now, in->data.ptr, in->data.len);
}

static void path_up(tulle_peer *p, const tulle_in *in)
{
	if (p->path_count >= PEER_PATHS_MAX)
		return;
	p->paths[p->path_count++] = (peer_path){in->id, in->mtu, in->local, in->tcp_port};
	if (p->gathering_begun)
		tulle_peer_add_path(p, &p->paths[p->path_count - 1]);
}

static void path_down(tulle_peer *p, uint32_t id)
{
	for (uint8_t i = 0; i < p->path_count; i++)
		if (p->paths[i].id == id)
			p->paths[i--] = p->paths[--p->path_count];
	if (p->gathering_begun)
		tulle_ice_remove_path(p->ice, p->now, id);
	tulle_peer_streams_leave(p, id);
	tulle_peer_forget_name(p, id);
}

static void handle_time(tulle_peer *p)
{
	if (tulle_time_due(tulle_ice_poll_timeout(p->ice), p->now))
		tulle_ice_handle_timeout(p->ice, p->now);
	if (tulle_time_due(tulle_dtls_poll_timeout(p->dtls), p->now))
		tulle_dtls_handle_timeout(p->dtls, p->now);
	if (tulle_time_due(tulle_sctp_poll_timeout(p->sctp), p->now))
		tulle_sctp_handle_timeout(p->sctp, p->now);
	tulle_peer_channels_late(p);
	tulle_peer_names_late(p);
	tulle_peer_streams_due(p);
}

static void take_in(tulle_peer *p, const tulle_in *in)
{
	switch ((int)in->kind) {
	case TULLE_IN_TIME:
		handle_time(p);
		break;
	case TULLE_IN_PATH_UP:
		path_up(p, in);
		break;
	case TULLE_IN_PATHS_KNOWN:
		p->paths_known = true;
		tulle_peer_tell_gathered(p);
		break;
	case TULLE_IN_PATH_DOWN:
		path_down(p, in->id);
		break;
	case TULLE_IN_DATAGRAM:
		tulle_peer_count(p, tulle_peer_handle_datagram(p, in));
		break;
	case TULLE_IN_RESOLVED:
		tulle_peer_name_resolved(p, in);
		break;
	case TULLE_IN_STREAM_OPEN:
	case TULLE_IN_STREAM_ACCEPTED:
	case TULLE_IN_STREAM_BYTES:
	case TULLE_IN_STREAM_ROOM:
	case TULLE_IN_STREAM_END:
		tulle_peer_streams_handle(p, in);
		break;
	default: /* the wall clock it does not need */
		break;
	}
}

void tulle_peer_handle(tulle_peer *p, tulle_time now, const tulle_in *in)
{
	tulle_in inner;
	set_now(p, now);
	if (p->closed && in->kind != TULLE_IN_TIME)
		return;
	if (p->own_servers == NULL || !tulle_peer_servers_handle(p->own_servers, p->now, in)) {
		take_in(p, in);
	} else {
		while (tulle_peer_servers_next(p->own_servers, &inner))
			take_in(p, &inner);
	}
	tulle_peer_advance(p);
}

void tulle_peer_handle_room(tulle_peer *p, tulle_time now)
{
	set_now(p, now);
	tulle_sctp_handle_room(p->sctp, p->now);
	tulle_peer_mark(p);
}

bool tulle_peer_owns(const tulle_peer *p, const tulle_in *in)
{
	tulle_path path = {.id = in->id, .local = in->local, .remote = in->remote};
	tulle_text ufrag;
	if (in->kind == TULLE_IN_STREAM_ACCEPTED)
		return p->streams != NULL && !p->closed &&
		       tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag) &&
		       tulle_ice_owns(p->ice, ufrag);
	if (in->kind >= TULLE_IN_STREAM_OPEN && in->kind <= TULLE_IN_STREAM_END)
		return tulle_peer_owns_stream(p, in->id);
	if (in->kind != TULLE_IN_DATAGRAM || in->data.len == 0)
		return false;
	if (p->own_servers != NULL && tulle_peer_servers_owns(p->own_servers, in))
		return true;
	if (in->data.ptr[0] > 3)
		return tulle_ice_is_validated(p->ice, &path);
	if (tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag))
		return tulle_ice_owns(p->ice, ufrag);
	return tulle_ice_owns_answer(p->ice, in->data.ptr, in->data.len);
}

size_t tulle_peer_names(const tulle_peer *p, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX])
{
	return tulle_ice_names(p->ice, seen, ufrags);
}

tulle_bytes tulle_peer_asked(const tulle_peer *p)
{
	return (tulle_bytes){p->asked, p->has_asked ? sizeof p->asked : 0};
}

/* What goes out as STUN, of ICE or to a server: RFC8489:5 */
static void note_request(tulle_peer *p, const uint8_t *data, size_t len)
{
	p->has_asked =
		len >= TULLE_STUN_HEADER_BYTES && (data[0] & 0xc1) == 0 && (data[1] & 0x10) == 0;
	if (p->has_asked)
		memcpy(p->asked, data + 8, sizeof p->asked);
}

/* close(): SCTP's ABORT, then close_notify, then silence. */
static bool poll_close(tulle_peer *p)
{
	if (!p->closed || p->close_sent)
		return false;
	p->close_sent = true;
	return tulle_dtls_close(p->dtls, p->now) == TULLE_OK;
}

/* RFC7675:5.2: what is over neither asks for consent nor gives it. */
static bool has_checks(const tulle_peer *p)
{
	return p->ended == TULLE_PEER_ENDED_NOT;
}

/* It is closed, and has said so, or has nowhere to say it. */
static bool is_silent(const tulle_peer *p)
{
	tulle_path path;
	return p->close_sent || (p->closed && (!p->dtls_started || !tulle_ice_path(p->ice, &path)));
}

static bool poll_engines(tulle_peer *p, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	tulle_datagram d;
	tulle_path path;
	if (bytes < TULLE_ICE_DATAGRAM_BYTES)
		return false;
	tulle_peer_sped_offer(p);
	if (has_checks(p) && tulle_ice_poll_datagram(p->ice, p->now, scratch, bytes, &d)) {
		tulle_peer_sped_sent(p);
		note_request(p, scratch, d.len);
		tulle_peer_set_out(out, &d.path, scratch, d.len);
		return true;
	}
	if (!tulle_ice_path(p->ice, &path))
		return false;
	if (tulle_dtls_poll_datagram(p->dtls, p->now, scratch, bytes, &d)) {
		tulle_peer_set_out(out, &path, scratch, d.len);
		return true;
	}
	if (tulle_peer_poll_sctp(p, &path, scratch, bytes, out))
		return true;
	if (!poll_close(p) || !tulle_dtls_poll_datagram(p->dtls, p->now, scratch, bytes, &d))
		return false;
	tulle_peer_set_out(out, &path, scratch, d.len);
	return true;
}

/* Behind room for a relay's header, or a frame's. One that the relay does not take is lost, or held
 * by it; what a stream does not take is lost. */
static bool poll_wrapped(tulle_peer *p, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	uint8_t *at = scratch + PEER_SERVERS_HEADROOM;
	if (p->servers == NULL && p->streams == NULL)
		return poll_engines(p, scratch, bytes, out);
	while (bytes >= PEER_SERVERS_ROOM && poll_engines(p, at, bytes - PEER_SERVERS_ROOM, out)) {
		if (tulle_peer_is_stream(out->id)) {
			if (tulle_peer_streams_wrap(p, at, out))
				return true;
		} else if (!tulle_peer_servers_is_relay(out->id) ||
			   tulle_peer_servers_wrap(p->servers, p->now, out)) {
			return true;
		}
	}
	return false;
}

/* Its own servers'. */
static bool poll_servers(tulle_peer *p, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	if (!tulle_peer_servers_poll(p->own_servers, p->now, scratch, bytes, out))
		return false;
	if (out->kind == TULLE_OUT_DATAGRAM)
		note_request(p, out->data.ptr, out->data.len);
	return true;
}

/* What ICE wants streams for comes out of it once they are there. */
static bool poll_self(tulle_peer *p, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	do
		if (tulle_peer_streams_poll(p, out) || tulle_peer_poll_name(p, out) ||
			poll_wrapped(p, scratch, bytes, out))
			return true;
	while (tulle_peer_streams_want(p));
	if (!is_silent(p))
		return false;
	tulle_peer_streams_leave(p, 0);
	return tulle_peer_streams_poll(p, out);
}

bool tulle_peer_poll(tulle_peer *p, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	tulle_peer_servers *own = p->own_servers;
	set_now(p, now);
	tulle_peer_advance(p);
	p->has_asked = false;
	if (own != NULL && poll_servers(p, scratch, bytes, out))
		return true;
	if (poll_self(p, scratch, bytes, out))
		return true;
	if (own == NULL)
		return false;
	if (is_silent(p))
		tulle_peer_servers_close(own, p->now);
	return poll_servers(p, scratch, bytes, out);
}

tulle_time tulle_peer_poll_timeout(const tulle_peer *p)
{
	if (p->closed)
		return TULLE_TIME_NEVER;
	tulle_time t = has_checks(p) ? tulle_ice_poll_timeout(p->ice) : TULLE_TIME_NEVER;
	t = tulle_time_min(t, tulle_dtls_poll_timeout(p->dtls));
	t = tulle_time_min(t, tulle_peer_names_timeout(p));
	t = tulle_time_min(t, tulle_peer_streams_timeout(p));
	if (p->channels.late_first != NULL)
		t = tulle_time_min(t, p->channels.late_first->late_at);
	if (p->own_servers != NULL)
		t = tulle_time_min(t, tulle_peer_servers_poll_timeout(p->own_servers));
	return tulle_time_min(t, tulle_sctp_poll_timeout(p->sctp));
}

void tulle_peer_close(tulle_peer *p)
{
	if (p->closed)
		return;
	tulle_peer_channels_end(p, false, false);
	if (p->sctp_open)
		(void)tulle_sctp_abort(p->sctp, p->now, 12,
			(tulle_text){"Close called", 12}); /* as browsers say it */
	if (p->ended == TULLE_PEER_ENDED_NOT)
		p->ended = TULLE_PEER_ENDED_LOCAL;
	p->closed = true;
	p->sctp_open = false;
	tulle_peer_mark(p);
}
