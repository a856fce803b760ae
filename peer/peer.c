/* SPDX-License-Identifier: MIT */
/* peer: one connection in the caller's block: SDP, ICE, DTLS and SCTP side by side, no allocation
 * but OpenSSL's. Invariant: engines lie one behind the other after the peer, each in exactly its
 * bytes. */
#include "peer/state.h"

#include "base/crypto.h"
#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"

#include <string.h>

#define ALIGN _Alignof(max_align_t)

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static tulle_peer_config with_defaults(const tulle_peer_config *config)
{
	tulle_peer_config c = config != NULL ? *config : (tulle_peer_config){0};
	c.channels_max = c.channels_max != 0 ? c.channels_max : PEER_CHANNELS_MAX;
	c.send_bytes_max = c.send_bytes_max != 0 ? c.send_bytes_max : PEER_SEND_BYTES;
	c.receive_bytes_max = c.receive_bytes_max != 0 ? c.receive_bytes_max : PEER_RECEIVE_BYTES;
	c.message_bytes_max = c.message_bytes_max != 0 ? c.message_bytes_max : PEER_MESSAGE_BYTES;
	c.datagram_bytes_max = c.datagram_bytes_max != 0 ? c.datagram_bytes_max : PEER_MTU_MAX;
	return c;
}

static tulle_ice_config ice_config(const tulle_peer_config *c, const tulle_peer_env *env)
{
	return (tulle_ice_config){.loopback = c->ice.loopback,
		.relay_only = c->ice.relay_only,
		.lite = c->ice.lite,
		.tcp = c->ice.tcp,
		.opaque = !c->no_sped,
		.random = env->random,
		.allocator = env->allocator,
		.candidate_filter = c->candidate_filter,
		.filter_user = c->filter_user};
}

static tulle_dtls_config dtls_config(
	const tulle_peer_config *c, const tulle_peer_env *env, tulle_certificate *certificate)
{
	return (tulle_dtls_config){.certificate = certificate,
		.mtu = PEER_MTU,
		.data_mtu = c->datagram_bytes_max,
		.plain = env->plain,
		.plain_bytes = env->plain_bytes};
}

static tulle_sctp_config sctp_config(const tulle_peer_config *c, const tulle_peer_env *env)
{
	tulle_sctp_config s = {.packet_bytes_max = (PEER_MTU - PEER_RECORD_OVERHEAD) / 4 * 4,
		.probe_bytes_max =
			(uint16_t)((c->datagram_bytes_max - PEER_RECORD_OVERHEAD) / 4 * 4),
		.streams_max = c->channels_max,
		.send_bytes_max = c->send_bytes_max,
		.receive_bytes_max = c->receive_bytes_max,
		.message_bytes_max = c->streamed_messages ? 0 : c->message_bytes_max,
		.streamed = c->streamed_messages,
		.cpu = (uint8_t)env->cpu,
		.zero_checksum = true, /* DTLS checks: RFC9653:3 */
		.pool = env->pool,
		.random = env->random};
	s.reserve_blocks = tulle_sctp_reserve_blocks_min(&s);
	return s;
}

typedef struct {
	size_t ice, dtls, sctp, streams, servers, assembly, all; /* offsets */
} layout;

static bool lay_out(const tulle_peer_config *c, const tulle_peer_env *env, layout *l)
{
	static char stand_in;                     /* only asked whether it is there */
	if (c->datagram_bytes_max > PEER_MTU_MAX) /* DTLS judges the least */
		return false;
	tulle_ice_config ice = ice_config(c, env);
	tulle_dtls_config dtls = dtls_config(c, env, (tulle_certificate *)(void *)&stand_in);
	tulle_sctp_config sctp = sctp_config(c, env);
	size_t i = tulle_ice_memory_bytes(&ice), d = tulle_dtls_memory_bytes(&dtls);
	size_t s = tulle_sctp_memory_bytes(&sctp);
	if (i == 0 || d == 0 || s == 0)
		return false;
	l->ice = aligned(sizeof(tulle_peer));
	l->dtls = l->ice + aligned(i);
	l->sctp = l->dtls + aligned(d);
	l->streams = l->sctp + aligned(s);
	l->servers = l->streams + (c->ice.tcp ? aligned(sizeof(peer_streams)) : 0);
	l->assembly = l->servers;
	if (env->servers == NULL && c->ice.server_count != 0) {
		size_t v = tulle_peer_servers_memory_bytes(&c->ice, env->random);
		if (v == 0)
			return false;
		l->assembly += aligned(v);
	}
	bool own = env->assembly == NULL && !c->streamed_messages;
	l->all = tulle_sat_add(l->assembly, own ? aligned(c->message_bytes_max) : 0);
	return l->all != SIZE_MAX;
}

size_t tulle_peer_memory_bytes_in(const tulle_peer_config *config, const tulle_peer_env *env)
{
	tulle_peer_config c = with_defaults(config);
	layout l;
	return env != NULL && env->pool != NULL && lay_out(&c, env, &l) ? l.all : 0;
}

static bool make_engines(tulle_peer *p, const layout *l, tulle_time now)
{
	uint8_t *base = p->memory;
	tulle_ice_config ice = ice_config(&p->config, &p->env);
	tulle_dtls_config dtls = dtls_config(&p->config, &p->env, p->certificate);
	tulle_sctp_config sctp = sctp_config(&p->config, &p->env);
	sctp.owner = p;
	p->ice = tulle_ice_init(base + l->ice, l->dtls - l->ice, &ice, now);
	if (p->ice != NULL)
		p->dtls = tulle_dtls_init(base + l->dtls, l->sctp - l->dtls, &dtls, now);
	if (p->dtls != NULL)
		p->sctp = tulle_sctp_init(base + l->sctp, l->streams - l->sctp, &sctp, now);
	if (l->servers > l->streams) {
		p->streams = (void *)(base + l->streams);
		memset(p->streams, 0, offsetof(peer_streams, packets));
	}
	if (l->assembly > l->servers)
		p->own_servers = tulle_peer_servers_init(base + l->servers,
			l->assembly - l->servers, &p->config.ice, p->env.random, now);
	p->hiding = p->env.hiding != NULL ? p->env.hiding : &p->own_hiding;
	p->servers = p->env.servers != NULL ? p->env.servers : p->own_servers;
	p->config.ice.servers = NULL; /* the caller's, and copied */
	p->config.ice.server_count = 0;
	if (l->all > l->assembly)
		p->own_assembly = base + l->assembly;
	return p->sctp != NULL;
}

static bool make_certificate(tulle_peer *p)
{
	if (p->config.certificate != NULL)
		p->certificate = tulle_certificate_take(p->config.certificate);
	else if (tulle_certificate_create(0, &p->certificate) != TULLE_OK)
		return false;
	return true;
}

tulle_peer *tulle_peer_init_in(void *memory, size_t bytes, const tulle_peer_config *config,
	const tulle_peer_env *env, tulle_time now)
{
	tulle_peer_config c = with_defaults(config);
	layout l;
	if (memory == NULL || !lay_out(&c, env, &l) || bytes < l.all)
		return NULL;
	tulle_peer *p = memory;
	memset(p, 0,
		offsetof(tulle_peer,
			why)); /* the texts behind it are written before they are read */
	p->why[0] = 0;
	p->memory = memory;
	p->config = c;
	p->env = *env;
	p->listener = c.listener;
	p->user = c.user;
	p->now = now;
	p->ready.owner = p;
	p->signaling = p->signaling_said = TULLE_SIGNALING_STABLE;
	p->remote_message_max = PEER_REMOTE_MESSAGE_BYTES;
	tulle_pool_open(&p->account, env->pool, NULL, 0, p);
	uint8_t id[8];
	if (env->random.fill(env->random.user, id, sizeof id) && make_certificate(p) &&
		make_engines(p, &l, now)) {
		memcpy(&p->session_id, id, sizeof id);
		p->session_id >>= 1; /* RFC9429:5.2.1: 63 bits */
		p->mid[0] = '0';
		p->mid_len = 1;
		return p;
	}
	tulle_peer_wipe(p);
	return NULL;
}

void tulle_peer_wipe(tulle_peer *p)
{
	if (p == NULL)
		return;
	tulle_ready_remove(p->env.ready, &p->ready);
	tulle_peer_release_assembly(p);
	tulle_peer_table_wipe(p);
	tulle_peer_servers_wipe(p->own_servers);
	if (p->sctp != NULL)
		tulle_sctp_wipe(p->sctp);
	if (p->dtls != NULL)
		tulle_dtls_wipe(p->dtls);
	if (p->ice != NULL)
		tulle_ice_wipe(p->ice);
	tulle_certificate_drop(p->certificate);
	tulle_pool_close(&p->account);
	tulle_crypto_wipe(p, offsetof(tulle_peer, why));
}

/* A peer that brings its own pool and scratch: they lie before it in the block. */
static size_t own_pool_blocks(const tulle_peer_config *c)
{
	return (c->send_bytes_max + c->receive_bytes_max) / PEER_OWN_POOL_BLOCK_BYTES + 16;
}

size_t tulle_peer_memory_bytes(const tulle_peer_config *config)
{
	_Alignas(max_align_t) uint8_t none[TULLE_POOL_EMPTY_BYTES];
	tulle_peer_config c = with_defaults(config);
	tulle_peer_env env = {.pool = tulle_pool_init_empty(none, PEER_OWN_POOL_BLOCK_BYTES),
		.random = {tulle_crypto_random, NULL},
		.plain = none,
		.plain_bytes = PEER_PLAIN_BYTES};
	size_t pool = tulle_pool_memory_bytes(PEER_OWN_POOL_BLOCK_BYTES, own_pool_blocks(&c));
	size_t rest = tulle_peer_memory_bytes_in(config, &env);
	return pool == 0 || rest == 0 ? 0 : aligned(pool) + PEER_PLAIN_BYTES + rest;
}

tulle_peer *tulle_peer_init(void *memory, size_t bytes, const tulle_peer_config *config,
	tulle_random random, tulle_time now)
{
	tulle_peer_config c = with_defaults(config);
	size_t need = tulle_peer_memory_bytes(config), blocks = own_pool_blocks(&c);
	if (memory == NULL || need == 0 || bytes < need || random.fill == NULL)
		return NULL;
	size_t pool = aligned(tulle_pool_memory_bytes(PEER_OWN_POOL_BLOCK_BYTES, blocks));
	uint8_t *at = memory;
	tulle_peer_env env = {
		.random = random, .plain = at + pool, .plain_bytes = PEER_PLAIN_BYTES};
	env.pool = tulle_pool_init(memory, pool, PEER_OWN_POOL_BLOCK_BYTES, blocks);
	size_t before = pool + PEER_PLAIN_BYTES;
	return tulle_peer_init_in(at + before, bytes - before, config, &env, now);
}

void tulle_peer_set_owner(tulle_peer *p, void *owner)
{
	p->ready.owner = owner;
}

void *tulle_peer_owner(const tulle_peer *p)
{
	return p->ready.owner;
}

tulle_err tulle_peer_fail(tulle_peer *p, tulle_err err, const char *why)
{
	tulle_wr w = tulle_wr_make(p->why, sizeof p->why - 1);
	tulle_wr_cstr(&w, why);
	p->why[tulle_wr_finish(&w) ? w.len : 0] = 0;
	return err;
}

const char *tulle_peer_why(const tulle_peer *p)
{
	return p->why;
}

void tulle_peer_mark(tulle_peer *p)
{
	tulle_ready_mark(p->env.ready, &p->ready);
}

void tulle_peer_count(tulle_peer *p, tulle_drop drop)
{
	if (drop > TULLE_TAKEN && drop < TULLE_DROP_COUNT)
		p->drops[drop]++;
}

uint64_t tulle_peer_drops(const tulle_peer *p, tulle_drop drop)
{
	return drop > TULLE_TAKEN && drop < TULLE_DROP_COUNT ? p->drops[drop] : 0;
}

tulle_err tulle_peer_set_listener(tulle_peer *p, tulle_peer_listener listener, void *user)
{
	p->listener = listener;
	p->user = user;
	tulle_peer_mark(p);
	return TULLE_OK;
}

tulle_signaling_state tulle_peer_signaling(const tulle_peer *p)
{
	return p->closed ? TULLE_SIGNALING_CLOSED : p->signaling;
}

tulle_gathering_state tulle_peer_gathering(const tulle_peer *p)
{
	if (!p->gathering_begun)
		return TULLE_GATHERING_NEW;
	return p->gathered ? TULLE_GATHERING_COMPLETE : TULLE_GATHERING_GATHERING;
}

tulle_ice_state tulle_peer_ice(const tulle_peer *p)
{
	return p->closed ? TULLE_ICE_CLOSED : tulle_ice_get_state(p->ice);
}

/* The table of W3C webrtc-pc's RTCPeerConnectionState, for one transport. */
tulle_connection_state tulle_peer_connection(const tulle_peer *p)
{
	tulle_ice_state ice = tulle_ice_get_state(p->ice);
	if (p->closed || p->ended == TULLE_PEER_ENDED_REMOTE || p->ended == TULLE_PEER_ENDED_LOCAL)
		return TULLE_CONNECTION_CLOSED;
	if (p->ended != TULLE_PEER_ENDED_NOT || ice == TULLE_ICE_FAILED)
		return TULLE_CONNECTION_FAILED;
	if (ice == TULLE_ICE_DISCONNECTED)
		return TULLE_CONNECTION_DISCONNECTED;
	if (ice == TULLE_ICE_NEW)
		return TULLE_CONNECTION_NEW;
	return p->dtls_open && ice != TULLE_ICE_CHECKING ? TULLE_CONNECTION_CONNECTED
							 : TULLE_CONNECTION_CONNECTING;
}

tulle_peer_ended tulle_peer_why_ended(const tulle_peer *p)
{
	return p->ended;
}

void tulle_peer_read_stats(const tulle_peer *p, tulle_sctp_stats *stats)
{
	tulle_sctp_read_stats(p->sctp, stats);
}

size_t tulle_peer_fingerprint(const tulle_peer *p, bool remote, uint8_t sha256[32])
{
	tulle_dtls_fingerprint own;
	if (remote)
		return tulle_dtls_peer_fingerprint(p->dtls, sha256) ? 32 : 0;
	tulle_certificate_fingerprint(p->certificate, &own);
	memcpy(sha256, own.bytes, 32);
	return 32;
}

size_t tulle_peer_send_max(const tulle_peer *p)
{
	/* RFC8841:6: 0 is any size */
	uint64_t remote = p->remote_message_max != 0 ? p->remote_message_max : UINT64_MAX;
	return remote < p->config.send_bytes_max ? (size_t)remote : p->config.send_bytes_max;
}

void tulle_peer_read_setup(const tulle_peer *p, tulle_peer_setup *s)
{
	*s = (tulle_peer_setup){.snap = p->sctp_open && p->snap.theirs_len != 0,
		.sped = p->sped.agreed,
		.sped_in = p->sped.in,
		.sped_out = p->sped.out,
		.rtt_us = tulle_ice_rtt(p->ice)};
	tulle_ice_pair_stats pair;
	for (size_t i = 0; tulle_ice_read_pair(p->ice, i, &pair); i++)
		if (pair.data) {
			s->local_type = pair.local_type;
			s->remote_type = pair.remote_type;
			s->tcp = pair.tcp;
		}
}

static void blank(tulle_addr *a)
{
	*a = (tulle_addr){.family = a->family, .port = a->port};
}

bool tulle_peer_read_pair(const tulle_peer *p, size_t index, tulle_ice_pair_stats *out)
{
	if (!tulle_ice_read_pair(p->ice, index, out))
		return false;
	if (out->local_hidden)
		blank(&out->path.local);
	if (out->remote_hidden)
		blank(&out->path.remote);
	return true;
}

uint16_t tulle_peer_channels_max(const tulle_peer *p)
{
	tulle_sctp_stats s;
	if (!p->sctp_open)
		return 0;
	tulle_sctp_read_stats(p->sctp, &s);
	return s.streams_in < s.streams_out ? s.streams_in : s.streams_out;
}

void tulle_peer_check(const tulle_peer *p)
{
	tulle_ice_check(p->ice);
	tulle_dtls_check(p->dtls);
	tulle_sctp_check(p->sctp);
	tulle_peer_table_check(p);
	if (p->own_servers != NULL)
		tulle_peer_servers_check(p->own_servers);
	tulle_peer_streams_check(p);
	TULLE_CHECK(!p->sctp_open || p->dtls_open);
	TULLE_CHECK(p->assembled <= p->config.message_bytes_max);
}
