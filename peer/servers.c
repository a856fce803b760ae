/* SPDX-License-Identifier: MIT */
/* peer: the set of servers: its config and memory, and what its owners read of it. */
#include "peer/servers_state.h"

#include "base/crypto.h"

#define ALIGN _Alignof(max_align_t)
#define RELAY_PLACES 4u
#define FORMER 3u          /* the last of them */
#define CODE_NO_ANSWER 701 /* W3C webrtc-pc, RTCPeerConnectionIceErrorEvent */

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t text_bytes(const tulle_ice_server *server)
{
	size_t n = tulle_text_of(server->url).len + 1;
	return n + tulle_text_of(server->username).len + tulle_text_of(server->password).len;
}

static tulle_turn_config turn_config(
	const tulle_ice_options *ice, const tulle_ice_server *server, bool tcp, tulle_random random)
{
	return (tulle_turn_config){.username = tulle_text_of(server->username),
		.password = tulle_text_of(server->password),
		.transport = tcp ? TULLE_TURN_STREAM : TULLE_TURN_UDP,
		.both = true,
		.loopback = ice->loopback,
		.random = random,
		.peers_max = PEER_SERVER_PLACES};
}

static bool fill_nothing(void *user, uint8_t *dst, size_t len)
{
	(void)user, (void)dst, (void)len;
	return false;
}

static const char *judge_server(const tulle_ice_options *ice, const tulle_ice_server *server)
{
	static const tulle_random stand_in = {fill_nothing, NULL};
	tulle_turn_uri uri;
	if (server->url == NULL ||
		tulle_turn_read_uri(tulle_text_of(server->url), &uri) != TULLE_TURN_URI_OK)
		return "a server's URL is none of RFC 7064 or RFC 7065";
	if (!uri.relay)
		return NULL;
	tulle_turn_config c = turn_config(ice, server, uri.tcp, stand_in);
	if (tulle_turn_memory_bytes(&c) == 0)
		return "a TURN server needs a username and a password of 1 to 508 bytes";
	return NULL;
}

tulle_err tulle_peer_servers_judge(const tulle_ice_options *ice, const char **why)
{
	*why = NULL;
	if (ice->server_count > PEER_SERVERS_MAX)
		*why = "more than 8 STUN and TURN servers";
	for (size_t i = 0; *why == NULL && i < ice->server_count; i++)
		*why = judge_server(ice, &ice->servers[i]);
	return *why == NULL ? TULLE_OK : TULLE_ERR_ARGUMENT;
}

size_t tulle_peer_servers_memory_bytes(const tulle_ice_options *ice, tulle_random random)
{
	const char *why;
	size_t n = aligned(sizeof(tulle_peer_servers));
	if (ice->server_count == 0 || tulle_peer_servers_judge(ice, &why) != TULLE_OK)
		return 0;
	for (size_t i = 0; i < ice->server_count; i++) {
		const tulle_ice_server *server = &ice->servers[i];
		tulle_turn_uri uri;
		(void)tulle_turn_read_uri(tulle_text_of(server->url), &uri);
		n += aligned(text_bytes(server));
		tulle_turn_config c = turn_config(ice, server, uri.tcp, random);
		if (uri.relay)
			n += aligned(tulle_turn_memory_bytes(&c));
	}
	return n;
}

static char *copy_text(char *to, const char *from, tulle_text *out)
{
	*out = (tulle_text){to, tulle_text_of(from).len};
	if (out->len != 0)
		memcpy(to, from, out->len);
	return to + out->len;
}

/* Gives the bytes of the block that it takes. */
static size_t init_server(
	tulle_peer_servers *s, peer_server *v, const tulle_ice_options *ice, size_t i, uint8_t *at)
{
	const tulle_ice_server *server = &ice->servers[i];
	tulle_text url;
	v->url = (char *)at;
	char *end = copy_text(v->url, server->url, &url);
	*end++ = 0;
	end = copy_text(end, server->username, &v->username);
	(void)copy_text(end, server->password, &v->password);
	(void)tulle_turn_read_uri(url, &v->uri);
	v->due = TULLE_TIME_NEVER;
	v->rest = PEER_SERVER_REST_US;
	size_t n = aligned(text_bytes(server));
	if (!v->uri.relay)
		return n;
	tulle_turn_config c = turn_config(ice, server, v->uri.tcp, s->random);
	v->memory = at + n;
	v->memory_bytes = tulle_turn_memory_bytes(&c);
	return n + aligned(v->memory_bytes);
}

tulle_peer_servers *tulle_peer_servers_init(void *memory, size_t bytes,
	const tulle_ice_options *ice, tulle_random random, tulle_time now)
{
	size_t need = tulle_peer_servers_memory_bytes(ice, random);
	if (need == 0 || memory == NULL || bytes < need || (uintptr_t)memory % ALIGN != 0)
		return NULL;
	memset(memory, 0, need);
	tulle_peer_servers *s = memory;
	uint8_t *at = (uint8_t *)memory + aligned(sizeof *s);
	s->bytes = need;
	s->random = random;
	s->now = now;
	s->relay_only = ice->relay_only;
	s->loopback = ice->loopback;
	s->version = 1;
	s->give_up = s->next_ask = TULLE_TIME_NEVER;
	s->burst = PEER_SERVER_BURST;
	for (size_t i = 0; i < ice->server_count; i++)
		at += init_server(s, &s->servers[i], ice, i, at);
	s->server_count = (uint8_t)ice->server_count;
	return s;
}

void tulle_peer_servers_wipe(tulle_peer_servers *s)
{
	if (s != NULL)
		tulle_crypto_wipe(s, s->bytes);
}

uint8_t tulle_peer_servers_number(const tulle_peer_servers *s, const peer_server *v)
{
	return (uint8_t)(v - s->servers);
}

void tulle_peer_servers_changed(tulle_peer_servers *s)
{
	s->version++;
}

/* What gathering waited for is over, this way or that. */
void tulle_peer_servers_fault(
	tulle_peer_servers *s, peer_server *v, unsigned code, const char *text)
{
	v->answered = true;
	v->error = (tulle_peer_servers_error){.serial = ++s->error_serial,
		.url = v->url,
		.server = v->addr,
		.code = (uint16_t)(code != 0 ? code : CODE_NO_ANSWER),
		.text = text};
	tulle_peer_servers_changed(s);
}

/* Servers whose candidates a config without them would throw away are not asked. */
static bool is_wanted(const tulle_peer_servers *s, const peer_server *v)
{
	return v->uri.relay || !s->relay_only;
}

void tulle_peer_servers_begin(tulle_peer_servers *s, tulle_time now)
{
	unsigned relays = 0;
	s->now = tulle_time_max(s->now, now);
	if (s->begun || s->closed)
		return;
	s->begun = true;
	s->give_up = tulle_time_add(s->now, PEER_SERVER_GATHER_US);
	for (uint8_t i = 0; i < s->server_count; i++) {
		peer_server *v = &s->servers[i];
		v->answered =
			!is_wanted(s, v) || (v->uri.relay && relays++ >= PEER_SERVER_RELAYS_MAX);
		if (!v->answered)
			tulle_peer_servers_start(s, v);
	}
	tulle_peer_servers_changed(s);
}

void tulle_peer_servers_close(tulle_peer_servers *s, tulle_time now)
{
	s->now = tulle_time_max(s->now, now);
	if (s->closed)
		return;
	s->closed = true;
	for (uint8_t i = 0; i < s->server_count; i++) {
		peer_server *v = &s->servers[i];
		if (v->turn != NULL)
			tulle_turn_close(v->turn, s->now);
		v->state = SERVER_CLOSED;
		v->due = TULLE_TIME_NEVER;
		v->resolve_due = v->connect_due = false;
	}
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++)
		s->questions[i].used = false;
	tulle_peer_servers_changed(s);
}

uint32_t tulle_peer_servers_version(const tulle_peer_servers *s)
{
	return s->version;
}

bool tulle_peer_servers_is_done(const tulle_peer_servers *s)
{
	return s->done;
}

/* By another question of this path, or an allocation: a server that says something else than before
 * takes nothing from the others. */
static bool is_seen(const tulle_peer_servers *s, uint32_t path, const tulle_addr *mapped)
{
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		const server_question *q = &s->questions[i];
		if (q->used && q->path == path && tulle_addr_is(&q->mapped, mapped))
			return true;
	}
	for (uint8_t i = 0; i < s->server_count; i++) {
		const peer_server *v = &s->servers[i];
		if (v->state == SERVER_READY && v->uri.relay && !v->uri.tcp && v->path == path &&
			tulle_addr_is(&v->mapped, mapped))
			return true;
	}
	return false;
}

/* Places: the questions' addresses, the former ones, and four of each relay. */
static bool question_candidate(
	const tulle_peer_servers *s, const server_question *q, bool former, tulle_ice_local *out)
{
	const tulle_addr *a = former ? &q->former : &q->mapped;
	*out = (tulle_ice_local){
		.type = TULLE_ICE_SRFLX, .id = q->path, .addr = *a, .server = q->server};
	return q->used && a->family != 0 && !(former && is_seen(s, q->path, a));
}

/* Bytes that the link to the server leaves: RFC8656:11.1 as long as no channel is bound. */
static uint32_t relay_mtu(const tulle_peer_servers *s, const peer_server *v)
{
	uint32_t mtu = 1500;
	for (uint8_t i = 0; i < s->path_count; i++)
		if (s->paths[i].id == v->path && s->paths[i].mtu != 0)
			mtu = s->paths[i].mtu;
	return v->uri.tcp || mtu <= 1280 ? mtu : mtu - PEER_SERVERS_HEADROOM;
}

static bool relay_candidate(
	const tulle_peer_servers *s, const peer_server *v, unsigned place, tulle_ice_local *out)
{
	if (v->state != SERVER_READY || !v->uri.relay)
		return false;
	*out = (tulle_ice_local){.type = TULLE_ICE_SRFLX,
		.id = v->path,
		.addr = v->mapped,
		.server = tulle_peer_servers_number(s, v)};
	if (place == 2) /* RFC8445:5.1.1.2: an Allocate answer brings one as well */
		return v->mapped.family != 0 && v->path != 0 && !v->uri.tcp;
	if (place == FORMER) {
		out->id = v->former_path;
		out->addr = v->former;
		return v->former.family != 0 && !v->uri.tcp &&
		       !is_seen(s, v->former_path, &v->former);
	}
	out->type = TULLE_ICE_RELAY;
	out->id = tulle_peer_servers_path(s, v, place);
	out->related = v->mapped;
	out->over = v->uri.tls   ? TULLE_ICE_OVER_TLS
		    : v->uri.tcp ? TULLE_ICE_OVER_TCP
				 : TULLE_ICE_OVER_UDP;
	out->mtu = relay_mtu(s, v);
	return tulle_turn_relayed(v->turn, place == 1 ? 6 : 4, &out->addr);
}

bool tulle_peer_servers_candidate(
	const tulle_peer_servers *s, uint32_t *cursor, tulle_ice_local *out, bool *gone)
{
	const uint32_t asked = 2 * PEER_SERVER_QUESTIONS_MAX;
	while (*cursor < asked + RELAY_PLACES * s->server_count) {
		uint32_t i = (*cursor)++, k = i - asked;
		bool relay = i >= asked;
		*gone = relay ? k % RELAY_PLACES == FORMER : i % 2 == 0;
		if (relay ? relay_candidate(s, &s->servers[k / RELAY_PLACES], k % RELAY_PLACES, out)
			  : question_candidate(s, &s->questions[i / 2], *gone, out))
			return true;
	}
	return false;
}

bool tulle_peer_servers_failed(
	const tulle_peer_servers *s, uint32_t after, tulle_peer_servers_error *out)
{
	const tulle_peer_servers_error *first = NULL;
	for (uint8_t i = 0; i < s->server_count; i++) {
		const tulle_peer_servers_error *e = &s->servers[i].error;
		if (e->serial > after && (first == NULL || e->serial < first->serial))
			first = e;
	}
	if (first != NULL)
		*out = *first;
	return first != NULL;
}

void tulle_peer_servers_check(const tulle_peer_servers *s)
{
	for (uint8_t i = 0; i < s->server_count; i++) {
		const peer_server *v = &s->servers[i];
		TULLE_CHECK(v->turn == NULL || v->memory != NULL);
		TULLE_CHECK(v->state != SERVER_READY || !v->uri.relay || v->turn != NULL);
		TULLE_CHECK(!v->open || v->stream != 0);
		TULLE_CHECK(v->address_at <= v->address_count);
		if (v->turn != NULL)
			tulle_turn_check(v->turn);
	}
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++)
		if (s->questions[i].used)
			tulle_turn_reflexive_check(s->questions[i].client);
	TULLE_CHECK(s->begun || s->closed || s->error_serial == 0);
}
