/* SPDX-License-Identifier: MIT */
/* sim: peers behind NATs: the world around them. */
#include "tests/sim/sim_peer_homes.h"

#include "base/addr.h"
#include "base/panic.h"
#include "peer/peer.h"
#include "tests/support/clock.h"
#include "tests/support/couple.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_ROOM 1048576u
#define LAN_US 300
#define INTERFACE_MTU 1500
#define HEADERS 28 /* IPv4, UDP */
#define TURN_PORT 3478
#define PACKET_MAX 8192u

/* What goes through the simulated network: by its port goes who sent it. */
enum { DATAGRAM, LAN, UP_OPEN, UP, UP_END, DOWN_OPEN, DOWN, OFFER, ANSWER, CANDIDATE };
enum {
	HOST_PORT = 0,
	SERVER_PORT = 2,
	UP_PORT = 3,
	DOWN_PORT = 5,
	SIGNAL_PORT = 7,
	NEAR_PORT = 9,
	STRANGE_PORT = 10
};

typedef struct {
	uint8_t kind;
	uint8_t host;
	uint16_t stream;
	tulle_addr from, to;
} head;

tulle_addr homes_addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (tulle_addr){.family = 4, .ip = {a, b, c, d}, .port = port};
}

static void stir(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ bytes[i]) * UINT64_C(0x100000001b3);
}

/* Without the holes of the structures. */
static void note(homes *h, const head *about, const uint8_t *data, size_t len)
{
	const tulle_addr *ends[] = {&about->from, &about->to};
	stir(&h->trace, &h->now, sizeof h->now);
	stir(&h->trace, &about->kind, sizeof about->kind);
	for (size_t i = 0; i < 2; i++) {
		stir(&h->trace, ends[i]->ip, sizeof ends[i]->ip);
		stir(&h->trace, &ends[i]->port, sizeof ends[i]->port);
	}
	stir(&h->trace, data, len);
}

static void carry(homes *h, int port, const head *about, const uint8_t *data, size_t len)
{
	uint8_t packet[PACKET_MAX];
	TULLE_CHECK(sizeof *about + len <= sizeof packet);
	memcpy(packet, about, sizeof *about);
	if (len != 0)
		memcpy(packet + sizeof *about, data, len);
	note(h, about, data, len);
	sim_net_send_as(&h->net, h->now, port, 0, packet, sizeof *about + len, len + HEADERS);
}

static head head_of(int kind, int host)
{
	head about;
	memset(&about, 0, sizeof about);
	about.kind = (uint8_t)kind;
	about.host = (uint8_t)host;
	return about;
}

static void send_datagram(
	homes *h, int port, const tulle_addr *from, const tulle_addr *to, tulle_bytes data)
{
	head about = head_of(DATAGRAM, 0);
	about.from = *from;
	about.to = *to;
	if (h->tap != NULL && port != STRANGE_PORT)
		h->tap(h, from, to, data);
	carry(h, port, &about, data.ptr, data.len);
}

void homes_inject(
	homes *h, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	send_datagram(h, STRANGE_PORT, from, to, (tulle_bytes){data, len});
}

/* -- peers -- */

/* The invariants; they take longer than what they watch. */
static void check(homes *h, int i)
{
	if (++h->entries % 8 == 0)
		tulle_peer_check(h->host[i].peer);
}

static void give(homes *h, int i, const tulle_in *in)
{
	tulle_peer_handle(h->host[i].peer, h->now, in);
	check(h, i);
}

static void give_datagram(homes *h, int i, const tulle_addr *from, tulle_bytes data)
{
	give(h, i,
		&(tulle_in){.kind = TULLE_IN_DATAGRAM,
			.id = 1,
			.local = h->host[i].local,
			.remote = *from,
			.data = data});
}

/* -- servers -- */

static homes_stream *stream_of(homes *h, const tulle_addr *client)
{
	for (size_t i = 0; i < HOMES_STREAMS; i++)
		if (h->streams[i].used && tulle_addr_is(&h->streams[i].client, client))
			return &h->streams[i];
	return NULL;
}

static void emit(
	void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	homes *h = user;
	if (to->scope == 0) {
		send_datagram(h, SERVER_PORT, from, to, (tulle_bytes){data, len});
		return;
	}
	const homes_stream *s = stream_of(h, to);
	if (s == NULL || s->closed)
		return;
	head about = head_of(DOWN, s->host);
	about.stream = (uint16_t)(s - h->streams);
	carry(h, DOWN_PORT + s->host, &about, data, len);
}

/* RFC8656:12.5: over a stream ChannelData too ends at a multiple of four. */
static size_t message_bytes(const uint8_t *data, size_t len)
{
	size_t n = len < 4 ? 0 : (size_t)(data[2] << 8 | data[3]);
	if (len < 4)
		return 0;
	return data[0] < 64 ? n + 20 : (n + 4 + 3) / 4 * 4;
}

static void take_up(homes *h, homes_stream *s, tulle_bytes data)
{
	TULLE_CHECK(s->up_len + data.len <= sizeof s->up);
	memcpy(s->up + s->up_len, data.ptr, data.len);
	s->up_len += data.len;
	for (size_t n; (n = message_bytes(s->up, s->up_len)) != 0 && n <= s->up_len;) {
		uint8_t whole[sizeof s->up];
		memcpy(whole, s->up, n);
		s->up_len -= n;
		memmove(s->up, s->up + n, s->up_len);
		(void)relay_take(&h->turn, &s->client, &h->turn.address, whole, n);
	}
}

static void give_down(homes *h, homes_stream *s)
{
	size_t n = s->down_len < s->credit ? s->down_len : s->credit;
	if (n == 0 || s->closed)
		return;
	uint8_t now[sizeof s->down];
	memcpy(now, s->down, n);
	s->down_len -= n;
	s->credit -= n;
	memmove(s->down, s->down + n, s->down_len);
	give(h, s->host, &(tulle_in){.kind = TULLE_IN_STREAM_BYTES, .id = s->id, .data = {now, n}});
}

static void take_down(homes *h, homes_stream *s, tulle_bytes data)
{
	TULLE_CHECK(s->down_len + data.len <= sizeof s->down);
	memcpy(s->down + s->down_len, data.ptr, data.len);
	s->down_len += data.len;
	give_down(h, s);
}

static void stream_event(homes *h, const head *about, tulle_bytes data)
{
	homes_stream *s = &h->streams[about->stream];
	head back = head_of(DOWN_OPEN, s->host);
	back.stream = about->stream;
	switch (about->kind) {
	case UP_OPEN:
		carry(h, DOWN_PORT + s->host, &back, NULL, 0);
		break;
	case UP:
		take_up(h, s, data);
		break;
	case UP_END:
		s->used = false;
		break;
	case DOWN_OPEN:
		if (s->closed)
			break;
		give(h, s->host, &(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = s->id});
		give(h, s->host,
			&(tulle_in){
				.kind = TULLE_IN_STREAM_ROOM, .id = s->id, .bytes = STREAM_ROOM});
		break;
	default:
		if (s->used && !s->closed)
			take_down(h, s, data);
	}
}

static void open_stream(homes *h, int i, const tulle_out *out)
{
	size_t k = 0;
	while (k < HOMES_STREAMS && h->streams[k].used)
		k++;
	TULLE_CHECK(k < HOMES_STREAMS && out->remote.family != 0);
	homes_stream *s = &h->streams[k];
	s->used = true;
	s->open = s->closed = false;
	s->up_len = s->down_len = s->credit = 0;
	s->host = i;
	s->id = out->id;
	s->client = h->host[i].nat != NULL ? h->host[i].nat->address : h->host[i].local;
	s->client.port = h->next_client++;
	s->client.scope = 1;
	head about = head_of(UP_OPEN, i);
	about.stream = (uint16_t)k;
	carry(h, UP_PORT + i, &about, NULL, 0);
}

static void stream_out(homes *h, int i, const tulle_out *out)
{
	size_t k = 0;
	if (out->kind == TULLE_OUT_STREAM_CONNECT) {
		open_stream(h, i, out);
		return;
	}
	while (k < HOMES_STREAMS &&
		!(h->streams[k].used && h->streams[k].host == i && h->streams[k].id == out->id))
		k++;
	if (k == HOMES_STREAMS)
		return;
	homes_stream *s = &h->streams[k];
	head about = head_of(out->kind == TULLE_OUT_STREAM_END ? UP_END : UP, i);
	about.stream = (uint16_t)k;
	if (out->kind == TULLE_OUT_STREAM_ROOM) {
		s->credit += out->bytes;
		give_down(h, s);
		return;
	}
	s->closed = out->kind == TULLE_OUT_STREAM_END;
	carry(h, UP_PORT + i, &about, out->data.ptr, out->data.len);
	if (!s->closed)
		give(h, i,
			&(tulle_in){.kind = TULLE_IN_STREAM_ROOM,
				.id = s->id,
				.bytes = (uint32_t)out->data.len});
}

void homes_break_streams(homes *h, int host)
{
	for (size_t i = 0; i < HOMES_STREAMS; i++) {
		homes_stream *s = &h->streams[i];
		if (!s->used || s->closed || s->host != host)
			continue;
		s->closed = true;
		give(h, host,
			&(tulle_in){
				.kind = TULLE_IN_STREAM_END, .id = s->id, .why = TULLE_ERR_SYSTEM});
		head about = head_of(UP_END, host);
		about.stream = (uint16_t)i;
		carry(h, UP_PORT + host, &about, NULL, 0);
	}
}

/* -- from host to host -- */

static bool is_inside(const tulle_addr *a)
{
	return tulle_addr_classify(a) == TULLE_ADDR_PRIVATE;
}

/* Its own network: an address may be a host's there, be it its own. */
static void send_near(
	homes *h, int i, const tulle_addr *from, const tulle_addr *to, tulle_bytes data)
{
	head about = head_of(LAN, 0);
	about.from = *from;
	about.to = *to;
	for (int k = 0; k < 2; k++) {
		bool same = k == i || (h->config.together && h->config.lan);
		if (!same || !tulle_addr_is(&h->host[k].local, to))
			continue;
		about.host = (uint8_t)k;
		carry(h, NEAR_PORT, &about, data.ptr, data.len);
		return;
	}
}

static void leave(homes *h, int i, const tulle_out *out, tulle_bytes data)
{
	homes_host *host = &h->host[i];
	const tulle_addr *to = &out->remote;
	tulle_addr from = host->local;
	if (data.len + HEADERS > INTERFACE_MTU && !out->may_fragment)
		return; /* a probe that was too long */
	if (host->nat == NULL) {
		send_datagram(h, HOST_PORT + i, &from, to, data);
		return;
	}
	if (is_inside(to) && to->ip[1] == from.ip[1] && to->ip[2] == from.ip[2]) {
		send_near(h, i, &from, to, data);
		return;
	}
	if (!sim_nat_out(host->nat, h->now, &host->local, to, &from))
		return;
	if (!tulle_addr_is_ip(to, &host->nat->address)) {
		send_datagram(h, HOST_PORT + i, &from, to, data);
		return;
	}
	tulle_addr inside;
	if (!host->nat->kind.hairpin || !sim_nat_in(host->nat, h->now, &from, to, &inside))
		return;
	host->nat->hairpinned++;
	head about = head_of(LAN, 0);
	about.from = from;
	about.host = (uint8_t)!tulle_addr_is(&inside, &h->host[0].local);
	if (h->tap != NULL)
		h->tap(h, &from, to, data);
	carry(h, NEAR_PORT, &about, data.ptr, data.len);
}

static void arrive(homes *h, const head *about, tulle_bytes data)
{
	tulle_addr inside = about->to;
	if (relay_take(&h->stun, &about->from, &about->to, data.ptr, data.len) ||
		relay_take(&h->turn, &about->from, &about->to, data.ptr, data.len))
		return;
	for (int i = 0; i < 2; i++)
		if (h->host[i].nat != NULL &&
			tulle_addr_is_ip(&h->host[i].nat->address, &about->to)) {
			if (!sim_nat_in(h->host[i].nat, h->now, &about->from, &about->to, &inside))
				return;
			break;
		}
	for (int i = 0; i < 2; i++)
		if (tulle_addr_is(&h->host[i].local, &inside) &&
			(h->host[i].nat == NULL ||
				tulle_addr_is_ip(&h->host[i].nat->address, &about->to))) {
			give_datagram(h, i, &about->from, data);
			return;
		}
	if (about->to.ip[0] == 192 && about->to.ip[1] == 0) /* strangers live in 192.0.2.0/24 */
		h->to_stranger_bytes += data.len;
}

/* -- signaling: in order, a text with a zero behind each part -- */

static void offer(homes *h, int i)
{
	tulle_text sdp;
	head about = head_of(OFFER, 1 - i);
	if (tulle_peer_signaling(h->host[i].peer) != TULLE_SIGNALING_STABLE)
		return;
	if (tulle_peer_set_local(h->host[i].peer, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK) {
		sim_fail(h->verdict, "no offer: %s", tulle_peer_why(h->host[i].peer));
		return;
	}
	h->host[i].offers++;
	tulle_peer_local(h->host[i].peer, true, &sdp);
	carry(h, SIGNAL_PORT + i, &about, (const uint8_t *)sdp.ptr, sdp.len);
}

/* W3C's perfect negotiation; host 1 is the polite one. */
static void take_offer(homes *h, int i, tulle_bytes data)
{
	tulle_peer *p = h->host[i].peer;
	head about = head_of(ANSWER, 1 - i);
	tulle_text sdp;
	if (i == 0 && tulle_peer_signaling(p) != TULLE_SIGNALING_STABLE)
		return;
	if (tulle_peer_set_remote(p, TULLE_SDP_OFFER, (const char *)data.ptr, data.len) !=
			TULLE_OK ||
		tulle_peer_set_local(p, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK) {
		sim_fail(h->verdict, "no answer: %s", tulle_peer_why(p));
		return;
	}
	tulle_peer_local(p, false, &sdp);
	carry(h, SIGNAL_PORT + i, &about, (const uint8_t *)sdp.ptr, sdp.len);
}

static void take_answer(homes *h, int i, tulle_bytes data)
{
	tulle_peer *p = h->host[i].peer;
	if (tulle_peer_signaling(p) != TULLE_SIGNALING_HAVE_LOCAL_OFFER)
		return; /* it has rolled back meanwhile */
	if (tulle_peer_set_remote(p, TULLE_SDP_ANSWER, (const char *)data.ptr, data.len) !=
		TULLE_OK)
		sim_fail(h->verdict, "an answer is refused: %s", tulle_peer_why(p));
}

static size_t put_part(uint8_t *dst, tulle_text t)
{
	memcpy(dst, t.ptr, t.len);
	dst[t.len] = 0;
	return t.len + 1;
}

static void tell_candidate(homes *h, int i, const tulle_candidate *c)
{
	uint8_t text[1024];
	head about = head_of(CANDIDATE, 1 - i);
	TULLE_CHECK(c->candidate.len + c->mid.len + c->username_fragment.len + 3 <= sizeof text);
	size_t n = put_part(text, c->candidate);
	n += put_part(text + n, c->mid);
	n += put_part(text + n, c->username_fragment);
	carry(h, SIGNAL_PORT + i, &about, text, n);
}

static void take_candidate(homes *h, int i, tulle_bytes data)
{
	tulle_candidate c = {.mline_index = -1};
	tulle_text *parts[] = {&c.candidate, &c.mid, &c.username_fragment};
	const char *at = (const char *)data.ptr;
	for (size_t k = 0; k < 3; k++) {
		*parts[k] = (tulle_text){at, strlen(at)};
		at += parts[k]->len + 1;
	}
	(void)tulle_peer_add_candidate(h->host[i].peer, &c); /* of an offer that lost, perhaps */
}

/* -- what the peers tell -- */

static void say_more(homes *h, int i)
{
	homes_host *host = &h->host[i];
	static uint8_t message[65536];
	while (host->channel != 0 && host->sent < host->want) {
		sim_write_bytes((uint32_t)i, host->sent, 0, message, h->message_bytes);
		tulle_err err = tulle_channel_send_bytes(
			host->peer, host->channel, message, h->message_bytes);
		if (err == TULLE_WOULD_BLOCK)
			return;
		if (err != TULLE_OK) {
			sim_fail(h->verdict, "host %d cannot send: %s", i, tulle_err_name(err));
			return;
		}
		host->sent++;
	}
}

void homes_say(homes *h, int i, uint32_t messages)
{
	h->host[i].want += messages;
	if (h->host[i].open_at != 0)
		say_more(h, i);
}

static void take_message(homes *h, int i, tulle_bytes data)
{
	homes_host *host = &h->host[i];
	if (data.len != h->message_bytes ||
		!sim_are_bytes((uint32_t)(1 - i), host->got, 0, data.ptr, data.len))
		sim_fail(h->verdict, "host %d: message %u is not what was sent", i, host->got);
	host->got++;
	host->got_bytes += data.len;
}

static void take_connection(homes *h, int i, tulle_connection_state state)
{
	homes_host *host = &h->host[i];
	host->connection = state;
	host->connected = host->connected || state == TULLE_CONNECTION_CONNECTED;
	if (state == TULLE_CONNECTION_FAILED && host->failed_at == 0)
		host->failed_at = h->now;
	if (state != TULLE_CONNECTION_DISCONNECTED)
		return;
	host->interrupted++;
	if (h->restarts)
		(void)tulle_peer_restart_ice(host->peer);
}

static void hear(homes *h, int i, const tulle_peer_event *e)
{
	homes_host *host = &h->host[i];
	uint64_t what[] = {(uint64_t)h->now, (uint64_t)i, e->kind, e->channel,
		e->kind == TULLE_PEER_MESSAGE ? e->u.message.data.len : 0};
	if (e->kind != TULLE_PEER_ICE_CANDIDATE && e->kind != TULLE_PEER_ICE_CANDIDATE_ERROR)
		stir(&h->story, what, sizeof what);
	switch ((int)e->kind) {
	case TULLE_PEER_NEGOTIATION_NEEDED:
		offer(h, i);
		break;
	case TULLE_PEER_ICE_CANDIDATE:
		tell_candidate(h, i, &e->u.candidate);
		break;
	case TULLE_PEER_CONNECTION_STATE:
		take_connection(h, i, (tulle_connection_state)e->u.state);
		break;
	case TULLE_PEER_OPEN:
		host->open_at = h->now;
		host->channel = e->channel;
		say_more(h, i);
		break;
	case TULLE_PEER_BUFFERED_LOW:
		say_more(h, i);
		break;
	case TULLE_PEER_MESSAGE:
		take_message(h, i, e->u.message.data);
		break;
	case TULLE_PEER_CLOSE:
		if (host->connected)
			sim_fail(h->verdict, "host %d: the channel closed: %s", i,
				tulle_peer_why(host->peer));
		break;
	default:
		break;
	}
}

static bool drain(homes *h, int i)
{
	static uint8_t scratch[65536];
	const tulle_peer_event *event;
	tulle_out out;
	bool moved = false;
	while ((event = tulle_peer_next_event(h->host[i].peer)) != NULL) {
		hear(h, i, event);
		moved = true;
	}
	while (tulle_peer_poll(h->host[i].peer, h->now, scratch, sizeof scratch, &out)) {
		moved = true;
		if (out.kind != TULLE_OUT_DATAGRAM) {
			stream_out(h, i, &out);
			continue;
		}
		for (size_t at = 0; at < out.data.len; at += out.segment) {
			size_t left = out.data.len - at;
			leave(h, i, &out,
				(tulle_bytes){out.data.ptr + at,
					left < out.segment ? left : out.segment});
		}
	}
	check(h, i);
	return moved;
}

/* -- time -- */

static void deliver(homes *h, const uint8_t *packet, size_t len)
{
	head about;
	memcpy(&about, packet, sizeof about);
	tulle_bytes data = {packet + sizeof about, len - sizeof about};
	switch (about.kind) {
	case DATAGRAM:
		arrive(h, &about, data);
		break;
	case LAN:
		give_datagram(h, about.host, &about.from, data);
		break;
	case OFFER:
		take_offer(h, about.host, data);
		break;
	case ANSWER:
		take_answer(h, about.host, data);
		break;
	case CANDIDATE:
		take_candidate(h, about.host, data);
		break;
	default:
		stream_event(h, &about, data);
	}
}

static tulle_time next_time(const homes *h)
{
	tulle_time next = sim_net_next(&h->net);
	if (h->disturb != NULL && h->disturb_at < next)
		next = h->disturb_at;
	for (int i = 0; i < 2; i++) {
		tulle_time t = tulle_peer_poll_timeout(h->host[i].peer);
		TULLE_CHECK(t > h->now); /* drained: no busy loop */
		next = t < next ? t : next;
	}
	return next;
}

static void step(homes *h)
{
	static uint8_t packet[PACKET_MAX];
	const tulle_in time = {.kind = TULLE_IN_TIME};
	size_t len;
	int to;
	if (h->disturb != NULL && h->disturb_at <= h->now)
		h->disturb_at = h->disturb(h);
	for (int n = 0; n < 8 && sim_net_take(&h->net, h->now, &to, packet, &len); n++)
		deliver(h, packet, len);
	for (int i = 0; i < 2; i++)
		if (tulle_peer_poll_timeout(h->host[i].peer) <= h->now)
			give(h, i, &time);
}

bool homes_run(homes *h, bool (*done)(const homes *h), tulle_time us)
{
	tulle_time limit = h->now + us;
	for (;;) {
		for (bool moved = true; moved;) {
			moved = drain(h, 0);
			moved = drain(h, 1) || moved;
		}
		if (h->verdict->failed || (done != NULL && done(h)))
			return !h->verdict->failed;
		if (sim_net_next(&h->net) > h->now) {
			tulle_time next = next_time(h);
			if (next > limit) {
				h->now = limit;
				return false;
			}
			h->now = next;
			clock_set(h->now);
		}
		step(h);
	}
}

/* -- life -- */

static void open_host(homes *h, int i)
{
	const homes_side *side = &h->config.side[i];
	const tulle_ice_server all[] = {{"stun:198.51.100.1", NULL, NULL},
		{"turn:198.51.100.2", "ann", "secret"},
		{"turn:198.51.100.2:443?transport=tcp", "ann", "secret"}};
	tulle_peer_config config = {
		.send_bytes_max = 262144, .receive_bytes_max = 262144, .message_bytes_max = 65536};
	config.ice.servers = all + h->config.no_stun;
	config.ice.server_count = (side->no_relay           ? 1
					  : side->tcp_relay ? 3
							    : 2) -
				  (size_t)h->config.no_stun;
	homes_host *host = &h->host[i];
	size_t bytes = tulle_peer_memory_bytes(&config);
	host->memory = malloc(bytes);
	TULLE_CHECK(bytes != 0 && host->memory != NULL);
	host->peer = tulle_peer_init(
		host->memory, bytes, &config, (tulle_random){sim_fill, &h->draws}, h->now);
	TULLE_CHECK(host->peer != NULL);
	give(h, i,
		&(tulle_in){.kind = TULLE_IN_PATH_UP,
			.id = 1,
			.local = host->local,
			.mtu = INTERFACE_MTU});
	give(h, i, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
}

static void settle(homes *h, int i, uint64_t seed)
{
	const homes_side *side = &h->config.side[i];
	homes_host *host = &h->host[i];
	tulle_addr outer = homes_addr(203, 0, 113, (uint8_t)(10 + i), 0);
	if (h->config.together && i == 1) {
		host->nat = h->host[0].nat;
		host->local = side->inside;
		return;
	}
	host->local = outer;
	host->local.port = (uint16_t)(1024 + sim_below(&h->chance, 60000));
	if (side->nat == NULL)
		return;
	sim_nat_init(&h->nat[i], side->nat, &outer, seed * 2 + (uint64_t)i);
	host->nat = &h->nat[i];
	host->local = side->inside;
}

void homes_open(homes *h, const homes_config *config, uint64_t seed, sim_verdict *verdict)
{
	const sim_link near = {.delay_us = LAN_US};
	const sim_link wire = {.delay_us = config->link.delay_us, .in_order = true};
	const sim_link signal = {
		.delay_us = config->signal_us, .jitter_us = config->signal_us, .in_order = true};
	memset(h, 0, sizeof *h);
	h->config = *config;
	h->verdict = verdict;
	h->now = 1000000;
	h->message_bytes = 1000;
	h->next_client = 40000;
	sim_seed(&h->draws, seed * 3 + 1);
	sim_seed(&h->chance, seed * 3 + 2);
	couple_seed_openssl(seed * 977);
	clock_set(h->now);
	sim_net_init(&h->net, &config->link, &h->chance);
	for (int i = 0; i < 2; i++) {
		h->net.pipes[UP_PORT + i].link = h->net.pipes[DOWN_PORT + i].link = wire;
		h->net.pipes[SIGNAL_PORT + i].link = signal;
	}
	h->net.pipes[SERVER_PORT].link.loss_ppm =
		0; /* so that the way over a relay loses as much */
	h->net.pipes[NEAR_PORT].link = near;
	h->net.pipes[STRANGE_PORT].link = (sim_link){.delay_us = config->link.delay_us};
	h->stun = (world_relay){.password = "", .emit = emit, .user = h, .clock = &h->now};
	h->stun.address = homes_addr(198, 51, 100, 1, TURN_PORT);
	h->turn = (world_relay){.password = "secret", .emit = emit, .user = h, .clock = &h->now};
	h->turn.address = homes_addr(198, 51, 100, 2, TURN_PORT);
	for (int i = 0; i < 2; i++)
		settle(h, i, seed);
	for (int i = 0; i < 2; i++)
		open_host(h, i);
}

void homes_call(homes *h)
{
	tulle_channel channel;
	if (tulle_channel_create(h->host[0].peer, "x", NULL, &channel) != TULLE_OK)
		sim_fail(h->verdict, "no channel");
}

void homes_close(homes *h)
{
	for (int i = 0; i < 2; i++) {
		tulle_peer_wipe(h->host[i].peer);
		free(h->host[i].memory);
		sim_nat_free(&h->nat[i]);
	}
	sim_net_free(&h->net);
}

bool homes_is_direct(const homes *h)
{
	for (int i = 0; i < 2; i++) {
		tulle_peer_setup setup;
		tulle_peer_read_setup(h->host[i].peer, &setup);
		if (setup.local_type == TULLE_ICE_RELAY || setup.remote_type == TULLE_ICE_RELAY)
			return false;
	}
	return true;
}
