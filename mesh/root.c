/* SPDX-License-Identifier: MIT */
/* mesh: a root: its memory, certificate, clock. All that it holds comes from one allocator and is
 * counted. */
#include "mesh/state.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/panic.h"

#include <string.h>

tulle_err tulle_mesh_fail(tulle *t, tulle_err err, const char *why)
{
	tulle_wr w = tulle_wr_make(t->why, sizeof t->why - 1);
	tulle_wr_cstr(&w, why);
	t->why[tulle_wr_finish(&w) ? w.len : 0] = 0;
	return err;
}

const char *tulle_why(const tulle *t)
{
	return t->why;
}

void *tulle_mesh_alloc(tulle *t, size_t bytes)
{
	if (bytes > t->used_max - t->used)
		return NULL;
	void *p = t->allocator.alloc(t->allocator.user, bytes);
	if (p != NULL)
		t->used += bytes;
	return p;
}

void tulle_mesh_free(tulle *t, void *p, size_t bytes)
{
	if (p == NULL)
		return;
	TULLE_CHECK(t->used >= bytes);
	t->used -= bytes;
	t->allocator.free(t->allocator.user, p, bytes);
}

static void *counted_alloc(void *user, size_t n)
{
	return tulle_mesh_alloc(user, n);
}

static void counted_free(void *user, void *p, size_t n)
{
	tulle_mesh_free(user, p, n);
}

void tulle_mesh_count(tulle *t, tulle_drop drop)
{
	if (drop <= TULLE_TAKEN || drop >= TULLE_DROP_COUNT)
		return;
	t->drops[drop]++;
	tulle_mesh_log(t, TULLE_LOG_DEBUG, NULL, "dropped", tulle_drop_name(drop));
}

void tulle_mesh_mark(tulle *t)
{
	tulle_ready_mark(t->env.ready, &t->ready);
}

static tulle_options with_defaults(const tulle_options *options)
{
	tulle_options o = options != NULL ? *options : (tulle_options){0};
#define DEFAULT(field, value) o.field = o.field != 0 ? o.field : (value)
	DEFAULT(connect_timeout_ms, MESH_CONNECT_MS);
	DEFAULT(offer_timeout_ms, MESH_OFFER_MS);
	DEFAULT(nodes_max, MESH_NODES);
	DEFAULT(attempts_max, MESH_ATTEMPTS);
	DEFAULT(relay_bytes_per_s_per_node, MESH_RELAY_BYTES_PER_S);
	DEFAULT(send_bytes_max, MESH_SEND_BYTES);
	DEFAULT(low_water, MESH_LOW_WATER);
	DEFAULT(message_bytes_max, MESH_MESSAGE_BYTES);
	DEFAULT(memory_bytes_max, MESH_MEMORY_BYTES);
#undef DEFAULT
	if (o.low_water > o.send_bytes_max)
		o.low_water = o.send_bytes_max / 2;
	return o;
}

static bool is_good(const tulle_options *o)
{
	const char *why;
	return tulle_peer_servers_judge(&o->ice, &why) == TULLE_OK &&
	       o->nodes_max <= MESH_NODES_MAX && o->memory_bytes_max >= MESH_MEMORY_BYTES_MIN &&
	       o->message_bytes_max <= o->memory_bytes_max / 4 &&
	       o->send_bytes_max <= o->memory_bytes_max;
}

size_t tulle_memory_bytes(const tulle_options *options)
{
	tulle_options o = with_defaults(options);
	return is_good(&o) ? o.memory_bytes_max : 0;
}

static bool make_pool(tulle *t)
{
	size_t blocks = t->options.memory_bytes_max / 2 / MESH_POOL_BLOCK_BYTES;
	size_t bytes = tulle_pool_memory_bytes(MESH_POOL_BLOCK_BYTES, blocks);
	void *memory = bytes != 0 ? tulle_mesh_alloc(t, bytes) : NULL;
	if (memory == NULL)
		return false;
	t->pool = tulle_pool_init(memory, bytes, MESH_POOL_BLOCK_BYTES, blocks);
	return true;
}

/* The envelope of a message takes at most as much again when every byte must be escaped; what is
 * longer is refused before it is copied. */
static bool make_tables(tulle *t)
{
	size_t nodes = t->options.nodes_max;
	t->slot_count = nodes;
	t->hash_count = nodes;
	t->slots = tulle_mesh_alloc(t, nodes * sizeof *t->slots);
	t->hashes = tulle_mesh_alloc(t, nodes * sizeof *t->hashes);
	t->link_heap.cap = 2 * nodes + 16;
	t->node_heap.cap = nodes;
	t->link_heap.nodes = tulle_mesh_alloc(t, (t->link_heap.cap + 1) * sizeof(void *));
	t->node_heap.nodes = tulle_mesh_alloc(t, (t->node_heap.cap + 1) * sizeof(void *));
	t->scratch_bytes = t->options.message_bytes_max + MESH_SIGNAL_BYTES_MAX;
	t->scratch = tulle_mesh_alloc(t, t->scratch_bytes);
	t->decoded = tulle_mesh_alloc(t, t->scratch_bytes);
	t->signal_text = tulle_mesh_alloc(t, 3 * MESH_SIGNAL_BYTES_MAX);
	t->assembly.bytes_max = t->options.message_bytes_max;
	t->assembly.bytes = tulle_mesh_alloc(t, t->assembly.bytes_max);
	t->mux_memory = tulle_mesh_alloc(t, tulle_peer_mux_bytes(nodes));
	if (t->mux_memory != NULL)
		tulle_peer_mux_init(&t->mux, t->mux_memory, nodes);
	if (t->mux_memory == NULL || t->slots == NULL || t->hashes == NULL ||
		t->link_heap.nodes == NULL || t->node_heap.nodes == NULL || t->scratch == NULL ||
		t->decoded == NULL || t->assembly.bytes == NULL || t->signal_text == NULL)
		return false;
	t->sdp_text = t->signal_text + MESH_SIGNAL_BYTES_MAX;
	t->offer_text = t->sdp_text + MESH_SIGNAL_BYTES_MAX;
	memset(t->slots, 0, nodes * sizeof *t->slots);
	memset(t->hashes, 0, nodes * sizeof *t->hashes);
	return true;
}

static void free_tables(tulle *t)
{
	size_t nodes = t->options.nodes_max;
	tulle_mesh_free(t, t->slots, nodes * sizeof *t->slots);
	tulle_mesh_free(t, t->hashes, nodes * sizeof *t->hashes);
	tulle_mesh_free(t, t->link_heap.nodes, (t->link_heap.cap + 1) * sizeof(void *));
	tulle_mesh_free(t, t->node_heap.nodes, (t->node_heap.cap + 1) * sizeof(void *));
	tulle_mesh_free(t, t->mux_memory, tulle_peer_mux_bytes(nodes));
	tulle_mesh_free(t, t->scratch, t->scratch_bytes);
	tulle_mesh_free(t, t->decoded, t->scratch_bytes);
	tulle_mesh_free(t, t->signal_text, 3 * MESH_SIGNAL_BYTES_MAX);
	tulle_mesh_free(t, t->assembly.bytes, t->assembly.bytes_max);
	if (t->pool != NULL)
		tulle_mesh_free(t, t->pool,
			tulle_pool_memory_bytes(MESH_POOL_BLOCK_BYTES, tulle_pool_blocks(t->pool)));
}

/* One set for all links: they have one port, and a server one allocation for it. */
static bool make_servers(tulle *t, tulle_random random)
{
	tulle_ice_options ice = t->options.ice;
	t->options.ice.servers = NULL; /* the caller's; what nodes inherit has none */
	t->options.ice.server_count = 0;
	if (ice.server_count == 0)
		return true;
	t->servers_bytes = tulle_peer_servers_memory_bytes(&ice, random);
	void *memory = t->servers_bytes != 0 ? tulle_mesh_alloc(t, t->servers_bytes) : NULL;
	if (memory == NULL)
		return false;
	t->servers = tulle_peer_servers_init(memory, t->servers_bytes, &ice, random, t->now);
	return t->servers != NULL;
}

static void mark_root(void *user)
{
	tulle_mesh_mark(user);
}

static tulle *make(tulle_allocator allocator, const tulle_options *o, const tulle_mesh_env *env,
	tulle_time now)
{
	tulle *t = allocator.alloc(allocator.user, sizeof *t);
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof *t);
	t->options = *o;
	t->env = *env;
	t->allocator = allocator;
	t->used = sizeof *t;
	t->used_max = o->memory_bytes_max;
	t->now = now;
	t->ready.owner = env->owner;
	t->peers = (tulle_ready){.wake = mark_root, .user = t};
	t->options.certificate = NULL;
	if (o->certificate != NULL)
		t->certificate = tulle_certificate_take(o->certificate);
	uint8_t seed[4];
	if (!make_pool(t) || !make_tables(t) || !make_servers(t, env->random) ||
		!env->random.fill(env->random.user, seed, 4)) {
		tulle_wipe(t);
		return NULL;
	}
	memcpy(&t->mux.seed, seed, 4);
	t->peer_env = (tulle_peer_env){.pool = t->pool,
		.random = env->random,
		.cpu = env->cpu,
		.ready = &t->peers,
		.plain = t->plain,
		.plain_bytes = sizeof t->plain,
		.assembly = &t->assembly,
		.servers = t->servers,
		.name_serial = &t->name_serial,
		.hiding = &t->hiding,
		.allocator = {.alloc = counted_alloc, .free = counted_free, .user = t}};
	return t;
}

tulle *tulle_mesh_create(const tulle_options *options, const tulle_mesh_env *env, tulle_time now)
{
	tulle_options o = with_defaults(options);
	if (!is_good(&o) || o.allocator.alloc == NULL || env->random.fill == NULL)
		return NULL;
	return make(o.allocator, &o, env, now);
}

tulle *tulle_init(void *memory, size_t bytes, const tulle_options *options, tulle_random random,
	tulle_time now)
{
	tulle_options o = with_defaults(options);
	if (memory == NULL || !is_good(&o) || bytes < o.memory_bytes_max || random.fill == NULL)
		return NULL;
	tulle_arena *arena = tulle_arena_init(memory, o.memory_bytes_max);
	if (arena == NULL)
		return NULL;
	tulle_mesh_env env = {.random = random};
	return make(tulle_arena_allocator(arena), &o, &env, now);
}

static void free_listeners(tulle *t)
{
	while (t->listeners != NULL) {
		mesh_listener *l = t->listeners;
		t->listeners = l->next;
		tulle_mesh_free(t, l, sizeof *l);
	}
}

void tulle_wipe(tulle *t)
{
	if (t == NULL)
		return;
	tulle_ready_remove(t->env.ready, &t->ready);
	tulle_mesh_bury(t);
	while (t->first != NULL)
		tulle_mesh_free_node(t, t->first);
	while (t->links != NULL)
		tulle_mesh_free_link(t, t->links);
	tulle_mesh_free_offers(t, TULLE_NO_NODE);
	free_listeners(t);
	tulle_certificate_drop(t->certificate);
	tulle_peer_servers_wipe(t->servers);
	tulle_mesh_free(t, t->servers, t->servers_bytes);
	free_tables(t);
	TULLE_CHECK(t->used == sizeof *t);
	tulle_allocator allocator = t->allocator;
	tulle_crypto_wipe(t, sizeof *t);
	allocator.free(allocator.user, t, sizeof *t);
}

void *tulle_mesh_owner(const tulle *t)
{
	return t->env.owner;
}

void tulle_mesh_wake(tulle *t)
{
	t->woken = true;
	tulle_mesh_mark(t);
}

bool tulle_mesh_farewell(tulle *t)
{
	if (t->servers != NULL)
		tulle_peer_servers_close(t->servers, t->now);
	return t->servers != NULL;
}

void tulle_mesh_silence(tulle *t)
{
	t->silenced = true;
}

size_t tulle_mesh_memory_used(const tulle *t)
{
	return t->used;
}

uint64_t tulle_drops(const tulle *t, tulle_drop drop)
{
	if (drop <= TULLE_TAKEN || drop >= TULLE_DROP_COUNT)
		return 0;
	uint64_t n = t->drops[drop];
	for (const mesh_link *l = t->links; l != NULL; l = l->next)
		n += tulle_peer_drops(l->peer, drop);
	return n;
}

const char *tulle_closed_name(tulle_closed closed)
{
	static const char *const names[] = {"open", "local", "remote", "no_answer", "no_path",
		"untrusted", "protocol", "lost", "glare", "limit"};
	return (unsigned)closed < sizeof names / sizeof *names ? names[closed] : "unknown";
}

void tulle_mesh_check(const tulle *t)
{
	size_t nodes = 0;
	for (const mesh_node *n = t->first; n != NULL; n = n->next) {
		nodes++;
		TULLE_CHECK(tulle_mesh_node(t, n->id) == n);
		TULLE_CHECK((n->say != 0) <= n->said_linked);
	}
	TULLE_CHECK(nodes == t->node_count && nodes <= t->options.nodes_max);
	TULLE_CHECK(t->used <= t->used_max);
	for (const mesh_link *l = t->links; l != NULL; l = l->next)
		tulle_peer_check(l->peer);
	if (t->servers != NULL)
		tulle_peer_servers_check(t->servers);
	tulle_heap_check(&t->link_heap);
	tulle_heap_check(&t->node_heap);
	tulle_pool_check(t->pool);
}
