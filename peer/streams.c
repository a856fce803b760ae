/* SPDX-License-Identifier: MIT */
/* peer: streams of ICE-TCP (RFC 6544): ICE says which are wanted, the host opens and accepts them,
 * packets go over them in the frames of RFC 4571. To the rest of the peer a stream is a path.
 * Invariant: one stream a path and remote address; what has not shown an authentic message is
 * bounded in number, bytes and time. */
#include "peer/state.h"

#include "base/addr.h"
#include "base/panic.h"
#include "base/serial.h"

#include <string.h>

#define ACTIVE UINT32_C(0x10000000) /* in the id of a path; without it: passive */

static peer_stream *find(const tulle_peer *p, uint32_t id)
{
	for (size_t i = 0; p->streams != NULL && id != 0 && i < PEER_STREAMS_MAX; i++)
		if (p->streams->list[i].id == id)
			return &p->streams->list[i];
	return NULL;
}

static peer_stream *find_path(const tulle_peer *p, uint32_t id, const tulle_addr *remote)
{
	for (size_t i = 0; p->streams != NULL && i < PEER_STREAMS_MAX; i++) {
		peer_stream *s = &p->streams->list[i];
		if (s->id != 0 && s->path.id == id && tulle_addr_is(&s->path.remote, remote))
			return s;
	}
	return NULL;
}

/* -- candidates ----------------------------------------------------------------------------------
 */

void tulle_peer_add_tcp_paths(tulle_peer *p, const peer_path *path, tulle_text name)
{
	if (p->streams == NULL)
		return;
	(void)tulle_ice_add_hidden_tcp_path(p->ice, p->now, PEER_STREAM_ID | ACTIVE | path->id,
		TULLE_ICE_TCP_ACTIVE, path->local, name);
	if (path->tcp_port == 0)
		return;
	tulle_addr local = path->local;
	local.port = path->tcp_port;
	(void)tulle_ice_add_hidden_tcp_path(
		p->ice, p->now, PEER_STREAM_ID | path->id, TULLE_ICE_TCP_PASSIVE, local, name);
}

/* -- coming and going ----------------------------------------------------------------------------
 */

static void free_stream(peer_stream *s)
{
	s->id = 0;
}

/* It is ours to end: the host hears of it in the next poll. */
static void end_stream(tulle_peer *p, peer_stream *s, tulle_drop why)
{
	peer_streams *t = p->streams;
	tulle_path path = s->path;
	tulle_peer_count(p, why);
	TULLE_CHECK(t->ended_count < PEER_STREAMS_ENDED);
	t->ended[t->ended_count++] = s->id;
	free_stream(s);
	tulle_ice_stream_ended(p->ice, p->now, &path);
	tulle_peer_mark(p);
}

/* One more that has shown nothing yet: the oldest of too many makes room, so that who floods us
 * shuts nobody out for longer than a check takes. */
static void bound_unproven(tulle_peer *p)
{
	peer_stream *oldest = NULL;
	size_t count = 0;
	for (size_t i = 0; i < PEER_STREAMS_MAX; i++) {
		peer_stream *s = &p->streams->list[i];
		if (s->id == 0 || !s->accepted || s->proven)
			continue;
		count++;
		if (oldest == NULL || s->until < oldest->until)
			oldest = s;
	}
	if (count >= PEER_STREAMS_UNPROVEN)
		end_stream(p, oldest, TULLE_DROP_LIMIT);
}

/* NULL: they are too many. Each end makes room for one that is new, and both wait for a poll. */
static peer_stream *add(tulle_peer *p, uint32_t id, const tulle_path *path)
{
	peer_streams *t = p->streams;
	for (size_t i = 0; i < PEER_STREAMS_MAX; i++) {
		peer_stream *s = &t->list[i];
		if (s->id != 0 || t->ended_count > PEER_STREAMS_ENDED - PEER_STREAMS_MAX)
			continue;
		*s = (peer_stream){.id = id, .path = *path, .until = TULLE_TIME_NEVER};
		tulle_ice_frames_init(&s->frames, t->packets[i], PEER_STREAM_PACKET);
		return s;
	}
	tulle_peer_count(p, TULLE_DROP_LIMIT);
	return NULL;
}

/* Without a place it is not even kept in mind; the host is told so. */
static void refuse(tulle_peer *p, uint32_t id, tulle_drop why)
{
	peer_streams *t = p->streams;
	tulle_peer_count(p, why);
	if (t->ended_count < PEER_STREAMS_ENDED - PEER_STREAMS_MAX)
		t->ended[t->ended_count++] = id;
}

/* Ids are the owner's for all its peers; those of names, which are others, count on with them. */
static uint32_t next_id(tulle_peer *p)
{
	uint32_t *serial = p->env.name_serial != NULL ? p->env.name_serial : &p->name_serial;
	*serial = *serial % (PEER_STREAM_ID - 1) + 1;
	return PEER_STREAM_ID | *serial;
}

static void open_stream(tulle_peer *p, const tulle_path *path)
{
	peer_stream *s = add(p, next_id(p), path);
	if (s != NULL)
		s->connect_due = true;
	else
		tulle_ice_stream_ended(p->ice, p->now, path);
}

/* What ICE wants. RFC6544:7.1: one that is open to there already serves. True: there was something.
 */
bool tulle_peer_streams_want(tulle_peer *p)
{
	tulle_path path;
	bool any = false;
	if (p->streams == NULL || p->closed || p->ended != TULLE_PEER_ENDED_NOT)
		return false;
	while (tulle_ice_poll_stream(p->ice, &path)) {
		const peer_stream *s = find_path(p, path.id, &path.remote);
		any = true;
		if (s == NULL)
			open_stream(p, &path);
		else if (s->open)
			tulle_ice_stream_opened(p->ice, p->now, &path);
	}
	return any;
}

static const peer_path *path_at(const tulle_peer *p, const tulle_addr *local)
{
	tulle_addr a = tulle_addr_unmap(local);
	for (uint8_t i = 0; i < p->path_count; i++)
		if (p->paths[i].tcp_port != 0 && tulle_addr_is_ip(&p->paths[i].local, &a))
			return &p->paths[i];
	return NULL;
}

/* -- packets -------------------------------------------------------------------------------------
 */

/* What the host may be told now. */
static uint32_t room_of(const peer_stream *s)
{
	return s->granted + s->delivered - s->allowed;
}

static void give_room(peer_stream *s, uint32_t most)
{
	s->room_due = true;
	s->granted = most;
}

/* What an unproven stream may say: whom we called may answer with an error, who calls us begins
 * with an authentic check: RFC6544:7.1, 7.2. */
static void judge(tulle_peer *p, peer_stream *s, bool stun, tulle_drop drop)
{
	if (tulle_ice_is_validated(p->ice, &s->path)) {
		s->proven = true;
		s->until = TULLE_TIME_NEVER;
		give_room(s, PEER_STREAM_ROOM);
		return;
	}
	bool good = stun && (!s->accepted || drop == TULLE_TAKEN || drop == TULLE_DROP_ICE_ROLE ||
				    drop == TULLE_DROP_LIMIT);
	if (!good || ++s->packets >= PEER_STREAM_PROOF_PACKETS)
		end_stream(p, s, TULLE_DROP_ICE_STREAM);
}

TULLE_UNTRUSTED(anyone, "one packet", streams)
static void give_packet(tulle_peer *p, peer_stream *s, tulle_bytes packet)
{
	const tulle_in in = {.kind = TULLE_IN_DATAGRAM,
		.id = s->path.id,
		.local = s->path.local,
		.remote = s->path.remote,
		.data = packet};
	tulle_drop drop = tulle_peer_handle_datagram(p, &in);
	tulle_peer_count(p, drop);
	if (!s->proven)
		judge(p, s, packet.len != 0 && packet.ptr[0] <= 3, drop);
	tulle_peer_advance(p);
}

TULLE_UNTRUSTED(anyone, "what was granted; 4096 bytes before an authentic message", streams)
static void take_bytes(tulle_peer *p, peer_stream *s, tulle_bytes data)
{
	uint32_t id = s->id;
	tulle_drop drop = TULLE_TAKEN;
	s->delivered += (uint32_t)data.len;
	if (s->proven && room_of(s) >= s->granted / 2)
		s->room_due = true;
	while (data.len != 0 && s->id == id && drop == TULLE_TAKEN) {
		tulle_bytes packet;
		size_t used = tulle_ice_frames_read(&s->frames, data.ptr, data.len, &packet, &drop);
		data.ptr += used;
		data.len -= used;
		if (packet.ptr != NULL)
			give_packet(p, s, packet);
	}
	if (drop != TULLE_TAKEN) /* longer than any of ours: the rest makes no sense */
		end_stream(p, s, TULLE_DROP_ICE_STREAM);
}

/* Whose it is was judged by its first packet, which comes with it. */
TULLE_UNTRUSTED(anyone, "one packet; 4 streams without an authentic one", streams)
static void take_stream(tulle_peer *p, const tulle_in *in)
{
	const peer_path *at = path_at(p, &in->local);
	if (p->streams == NULL)
		return;
	if (at == NULL || find(p, in->id) != NULL) {
		refuse(p, in->id, TULLE_DROP_UNKNOWN_PATH);
		return;
	}
	tulle_path path = {.id = PEER_STREAM_ID | at->id,
		.local = at->local,
		.remote = tulle_addr_unmap(&in->remote)};
	path.local.port = at->tcp_port;
	peer_stream *former = find_path(p, path.id, &path.remote);
	if (former != NULL) /* the remote has left it, or its port would not be free */
		end_stream(p, former, TULLE_TAKEN);
	bound_unproven(p);
	peer_stream *s = add(p, in->id, &path);
	if (s == NULL) {
		refuse(p, in->id, TULLE_TAKEN);
		return;
	}
	s->accepted = s->open = true;
	s->room = in->bytes;
	s->until = tulle_time_add(p->now, PEER_STREAM_PROOF_US);
	give_room(s, PEER_STREAM_PROOF_BYTES);
	if (in->data.len != 0)
		give_packet(p, s, in->data);
}

static void opened(tulle_peer *p, peer_stream *s, const tulle_in *in)
{
	s->room = tulle_sat_add(s->room, in->bytes);
	if (s->open || s->room == 0)
		return;
	s->open = true;
	give_room(s, PEER_STREAM_PROOF_BYTES);
	tulle_ice_stream_opened(p->ice, p->now, &s->path);
}

static void lose(tulle_peer *p, peer_stream *s)
{
	tulle_path path = s->path;
	free_stream(s);
	tulle_ice_stream_ended(p->ice, p->now, &path);
}

void tulle_peer_streams_handle(tulle_peer *p, const tulle_in *in)
{
	peer_stream *s = find(p, in->id);
	if (in->kind == TULLE_IN_STREAM_ACCEPTED)
		take_stream(p, in);
	else if (s == NULL)
		return;
	else if (in->kind == TULLE_IN_STREAM_BYTES)
		take_bytes(p, s, in->data);
	else if (in->kind == TULLE_IN_STREAM_ROOM)
		opened(p, s, in);
	else if (in->kind == TULLE_IN_STREAM_END || in->why != TULLE_OK)
		lose(p, s);
}

bool tulle_peer_owns_stream(const tulle_peer *p, uint32_t id)
{
	return find(p, id) != NULL;
}

/* -- out -----------------------------------------------------------------------------------------
 */

/* For packets of data and the frames of all but the first. */
size_t tulle_peer_streams_room(const tulle_peer *p, const tulle_path *path)
{
	const peer_stream *s = find_path(p, path->id, &path->remote);
	size_t kept = TULLE_ICE_FRAME_HEADROOM + PEER_STREAM_RESERVE;
	return s != NULL && s->room > kept ? s->room - kept : 0;
}

/* SCTP waits while there is no room. What does not wait is lost as in a network, but a handshake
 * leaves room for checks and answers, whose loss nobody makes good: RFC6544:7.1. */
bool tulle_peer_streams_wrap(tulle_peer *p, uint8_t *at, tulle_out *out)
{
	peer_stream *s = find_path(p, out->id, &out->remote);
	size_t len = out->data.len;
	size_t reserve = out->data.ptr[0] > 3 ? PEER_STREAM_RESERVE : 0; /* RFC7983:7 */
	if (s == NULL || !s->open) {
		tulle_peer_count(p, TULLE_DROP_UNKNOWN_PATH);
		return false;
	}
	if (s->room < len + TULLE_ICE_FRAME_HEADROOM + reserve ||
		!tulle_ice_frame_write(at - TULLE_ICE_FRAME_HEADROOM, out->segment)) {
		tulle_peer_count(p, TULLE_DROP_ICE_STREAM_FULL);
		return false;
	}
	s->room -= len + TULLE_ICE_FRAME_HEADROOM;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_BYTES,
		.id = s->id,
		.data = {at - TULLE_ICE_FRAME_HEADROOM, len + TULLE_ICE_FRAME_HEADROOM}};
	return true;
}

static bool poll_stream(peer_stream *s, tulle_out *out)
{
	if (s->connect_due) {
		s->connect_due = false;
		*out = (tulle_out){.kind = TULLE_OUT_STREAM_CONNECT,
			.id = s->id,
			.local = s->path.local,
			.remote = s->path.remote,
			.port = s->path.remote.port};
		return true;
	}
	if (!s->room_due || !s->open)
		return false;
	s->room_due = false;
	uint32_t more = room_of(s);
	s->allowed += more;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_ROOM, .id = s->id, .bytes = more};
	return more != 0;
}

bool tulle_peer_streams_poll(tulle_peer *p, tulle_out *out)
{
	peer_streams *t = p->streams;
	if (t == NULL)
		return false;
	if (t->ended_count != 0) {
		*out = (tulle_out){.kind = TULLE_OUT_STREAM_END,
			.id = t->ended[--t->ended_count],
			.abrupt = !p->closed};
		return true;
	}
	for (size_t i = 0; i < PEER_STREAMS_MAX; i++)
		if (t->list[i].id != 0 && poll_stream(&t->list[i], out))
			return true;
	return false;
}

/* -- time ----------------------------------------------------------------------------------------
 */

/* Those that showed nothing, and those of which ICE wants nothing any more: RFC6544:11.1. */
void tulle_peer_streams_due(tulle_peer *p)
{
	for (size_t i = 0; p->streams != NULL && i < PEER_STREAMS_MAX; i++) {
		peer_stream *s = &p->streams->list[i];
		if (s->id == 0)
			continue;
		if (tulle_time_due(s->until, p->now))
			end_stream(p, s, TULLE_DROP_ICE_STREAM);
		else if ((!s->accepted || s->proven) && !tulle_ice_keeps_stream(p->ice, &s->path))
			end_stream(p, s, TULLE_TAKEN);
	}
}

tulle_time tulle_peer_streams_timeout(const tulle_peer *p)
{
	tulle_time due = TULLE_TIME_NEVER;
	for (size_t i = 0; p->streams != NULL && i < PEER_STREAMS_MAX; i++)
		if (p->streams->list[i].id != 0)
			due = tulle_time_min(due, p->streams->list[i].until);
	return due;
}

/* Path 0: all, the peer closes. */
void tulle_peer_streams_leave(tulle_peer *p, uint32_t path)
{
	for (size_t i = 0; p->streams != NULL && i < PEER_STREAMS_MAX; i++) {
		peer_stream *s = &p->streams->list[i];
		if (s->id != 0 && (path == 0 || (s->path.id & ~ACTIVE) == (PEER_STREAM_ID | path)))
			end_stream(p, s, TULLE_TAKEN);
	}
	for (uint32_t k = 0; p->streams != NULL && path != 0 && k <= ACTIVE; k += ACTIVE)
		tulle_ice_remove_path(p->ice, p->now, PEER_STREAM_ID | k | path);
}

void tulle_peer_streams_check(const tulle_peer *p)
{
	for (size_t i = 0; p->streams != NULL && i < PEER_STREAMS_MAX; i++) {
		const peer_stream *s = &p->streams->list[i];
		if (s->id == 0)
			continue;
		TULLE_CHECK(find(p, s->id) == s);
		TULLE_CHECK(find_path(p, s->path.id, &s->path.remote) == s);
		TULLE_CHECK(
			!s->accepted || (s->open && (s->proven || s->until != TULLE_TIME_NEVER)));
	}
}
