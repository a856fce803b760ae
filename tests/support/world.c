/* SPDX-License-Identifier: MIT */
/* Tests: roots and an onramp in virtual time. */
#include "tests/support/world.h"

#include "base/addr.h"
#include "base/panic.h"
#include "mesh/mesh.h"
#include "mesh/state.h"
#include "onramp/onramp.h"
#include "tests/support/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 64
#define FLIGHT_MAX 65536
#define ROOM (256u << 10)

typedef struct {
	tulle_time at;
	uint64_t order;
	int to;
	tulle_addr local, remote; /* of the receiver */
	size_t len;
	uint8_t *data;
} packet;

typedef struct {
	uint8_t *data;
	size_t len, cap, room; /* waiting; what the receiver still takes */
	bool end, end_said;
} pipe_end;

typedef struct {
	bool used;
	int root;
	uint32_t id, onramp_id;
	pipe_end to_onramp, to_root;
} stream;

tulle_time world_now;
tulle *world_roots[WORLD_ROOTS_MAX];
uint64_t world_datagrams, world_lost;
size_t world_published, world_asked;
static struct {
	char text[42];
	tulle_addr addr;
} names[64];
typedef struct {
	tulle_time at;
	int root;
	tulle_in in;
} question;
static question questions[64];
static size_t question_count;
static world_config config;
static uint64_t dice_state, order;
static packet *flight[FLIGHT_MAX];
static size_t flight_count, held;
static stream streams[STREAMS_MAX];
static tulle_onramp *onramp;
static void *onramp_block;
static int root_count;
static uint32_t onramp_serial;

static void emit(void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len);

static uint32_t dice(void)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(dice_state >> 33);
}

uint32_t world_dice(uint32_t below)
{
	return dice() % below;
}

bool world_random(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)(dice() >> 7);
	return true;
}

static size_t asked, fail_at;
static bool fail_all;

size_t world_fail_at(size_t k, bool all)
{
	size_t before = asked;
	asked = 0;
	fail_at = k;
	fail_all = all;
	return before;
}

static void *take(void *user, size_t n)
{
	(void)user;
	asked++;
	if (fail_at != 0 && (asked == fail_at || (fail_all && asked > fail_at)))
		return NULL;
	held += n;
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user;
	held -= n;
	free(p);
}

static const tulle_allocator counted = {take, give, NULL};

static tulle_addr address_of(int root)
{
	return (tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(root + 1)}, .port = 5000};
}

void world_begin(uint32_t seed, const world_config *c)
{
	static const world_config plain = {.delay_us = 10000};
	config = c != NULL ? *c : plain;
	for (size_t i = 0; i < config.server_count; i++)
		config.servers[i].emit = emit;
	dice_state = seed;
	world_now = 1000000;
	clock_set(world_now);
	root_count = 0;
	held = flight_count = 0;
	order = world_datagrams = world_lost = 0;
	world_published = world_asked = question_count = 0;
	memset(streams, 0, sizeof streams);
	memset(world_roots, 0, sizeof world_roots);
	const tulle_onramp_options o = {.allocator = counted};
	size_t bytes = tulle_onramp_memory_bytes(&o);
	onramp_block = malloc(bytes);
	onramp = tulle_onramp_init(
		onramp_block, bytes, &o, (tulle_random){world_random, NULL}, world_now);
	TULLE_CHECK(onramp != NULL);
}

static void tell(int i)
{
	tulle_in in = {.kind = TULLE_IN_WALL_CLOCK, .unix_s = 1767225600};
	tulle_handle(world_roots[i], world_now, &in);
	in = (tulle_in){.kind = TULLE_IN_PATH_UP, .id = 1, .local = address_of(i), .mtu = 1500};
	tulle_handle(world_roots[i], world_now, &in);
	in = (tulle_in){.kind = TULLE_IN_PATHS_KNOWN};
	tulle_handle(world_roots[i], world_now, &in);
}

int world_add(const tulle_options *options)
{
	static const tulle_options polled = {.polled = true};
	tulle_options o = options != NULL ? *options : polled;
	tulle_mesh_env env = {.random = {world_random, NULL}};
	int i = root_count++;
	o.allocator = counted;
	world_roots[i] = tulle_mesh_create(&o, &env, world_now);
	TULLE_CHECK(world_roots[i] != NULL);
	tell(i);
	return i;
}

int world_add_bare(void *memory, size_t bytes, const tulle_options *options)
{
	int i = root_count++;
	world_roots[i] =
		tulle_init(memory, bytes, options, (tulle_random){world_random, NULL}, world_now);
	TULLE_CHECK(world_roots[i] != NULL);
	tell(i);
	return i;
}

static void free_packet(size_t i)
{
	free(flight[i]->data);
	free(flight[i]);
	flight[i] = flight[--flight_count];
}

static void free_stream(stream *s)
{
	free(s->to_onramp.data);
	free(s->to_root.data);
	memset(s, 0, sizeof *s);
}

static void end_streams_of(int root)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		stream *s = &streams[i];
		if (!s->used || (root >= 0 && s->root != root))
			continue;
		if (root >= 0)
			s->to_onramp.end = true; /* the onramp hears that its client is gone */
		else
			s->to_root.end = true;
		if (root >= 0)
			s->root = -1;
	}
}

void world_kill(int root)
{
	tulle_wipe(world_roots[root]);
	world_roots[root] = NULL;
	end_streams_of(root);
}

void world_stop_onramp(void)
{
	tulle_onramp_wipe(onramp);
	free(onramp_block);
	onramp = NULL;
	end_streams_of(-1);
}

void world_end(void)
{
	for (int i = 0; i < root_count; i++) {
		/* Whose a datagram is was found without asking each link. */
		TULLE_CHECK(world_roots[i] == NULL || world_roots[i]->mux.asked_until == 0);
		tulle_wipe(world_roots[i]);
	}
	if (onramp != NULL)
		world_stop_onramp();
	while (flight_count != 0)
		free_packet(0);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		free_stream(&streams[i]);
	TULLE_CHECK(held == 0);
}

size_t world_memory(int root)
{
	return tulle_mesh_memory_used(world_roots[root]);
}

/* -- datagrams ------------------------------------------------------------------------------------
 */

static void fly(int to, const tulle_addr *from, const tulle_addr *dest, const uint8_t *data, size_t len)
{
	TULLE_CHECK(flight_count < FLIGHT_MAX);
	packet *p = calloc(1, sizeof *p);
	p->to = to;
	p->order = ++order;
	p->local = *dest;
	p->remote = *from;
	p->len = len;
	p->data = malloc(len);
	memcpy(p->data, data, len);
	p->at = world_now + config.delay_us;
	if (dice() % 1000 < config.reorder)
		p->at += config.delay_us / 2 + dice() % 20000;
	flight[flight_count++] = p;
}

/* Who has this address: a root, or as -1 - i a server; WORLD_ROOTS_MAX: nobody. */
static int who_has(const tulle_addr *a)
{
	for (size_t i = 0; i < config.server_count; i++)
		if (tulle_addr_is_ip(&config.servers[i].address, a))
			return -1 - (int)i;
	int to = a->ip[3] - 1;
	return a->ip[0] == 10 && to >= 0 && to < root_count ? to : WORLD_ROOTS_MAX;
}

static void post(const tulle_addr *from, const tulle_addr *dest, const uint8_t *data, size_t len)
{
	int to = who_has(dest);
	if (to == WORLD_ROOTS_MAX)
		return;
	if (dice() % 1000 < config.loss) {
		world_lost++;
		return;
	}
	fly(to, from, dest, data, len);
	if (dice() % 1000 < config.duplicate)
		fly(to, from, dest, data, len);
}

static void emit(void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	(void)user;
	post(from, to, data, len);
}

static void send_datagram(int from, const tulle_out *out)
{
	tulle_addr local = out->local.family != 0 ? out->local : address_of(from);
	if (who_has(&out->remote) == WORLD_ROOTS_MAX)
		return;
	for (size_t at = 0; at < out->data.len; at += out->segment) {
		tulle_out one = *out;
		size_t left = out->data.len - at;
		one.data = (tulle_bytes){
			out->data.ptr + at, left < out->segment ? left : out->segment};
		world_datagrams++;
		if (config.eat != NULL && config.eat(from, &one))
			world_lost++;
		else
			post(&local, &out->remote, one.data.ptr, one.data.len);
	}
}

/* -- streams
 * --------------------------------------------------------------------------------------- */

static stream *find_stream(int root, uint32_t id)
{
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (streams[i].used && (root >= 0 ? streams[i].root == root && streams[i].id == id
						  : streams[i].onramp_id == id))
			return &streams[i];
	return NULL;
}

static void give_onramp(const tulle_in *in)
{
	if (onramp == NULL)
		return;
	tulle_onramp_handle(onramp, world_now, in);
	tulle_onramp_check(onramp);
}

static void connect_stream(int root, const tulle_out *out)
{
	bool there =
		onramp != NULL && out->name.len == 9 && memcmp(out->name.ptr, "192.0.2.1", 9) == 0;
	tulle_in in = {.kind = TULLE_IN_STREAM_OPEN, .id = out->id};
	in.why = there ? TULLE_OK : TULLE_ERR_SYSTEM;
	stream *s = streams;
	while (there && s->used)
		s++;
	if (there) {
		*s = (stream){.used = true, .root = root, .id = out->id};
		s->onramp_id = UINT32_C(0x80000000) | ++onramp_serial;
		tulle_in accepted = {.kind = TULLE_IN_STREAM_ACCEPTED, .id = s->onramp_id};
		accepted.remote = address_of(root);
		give_onramp(&accepted);
		give_onramp(&(tulle_in){
			.kind = TULLE_IN_STREAM_ROOM, .id = s->onramp_id, .bytes = ROOM});
	}
	tulle_handle(world_roots[root], world_now, &in);
	if (there)
		tulle_handle(world_roots[root], world_now,
			&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = out->id, .bytes = ROOM});
}

static void publish(const tulle_out *out)
{
	TULLE_CHECK(world_published < sizeof names / sizeof *names);
	TULLE_CHECK(out->name.len == sizeof names[0].text);
	memcpy(names[world_published].text, out->name.ptr, out->name.len);
	names[world_published++].addr = out->local;
}

static void ask(int root, const tulle_out *out)
{
	question *q = &questions[question_count++];
	TULLE_CHECK(question_count <= sizeof questions / sizeof *questions && out->mdns);
	*q = (question){.at = world_now + config.delay_us, .root = root};
	q->in = (tulle_in){.kind = TULLE_IN_RESOLVED, .id = out->id, .why = TULLE_ERR_SYSTEM};
	world_asked++;
	for (size_t i = 0; i < world_published; i++)
		if (out->name.len == sizeof names[i].text &&
			memcmp(out->name.ptr, names[i].text, out->name.len) == 0) {
			q->in.why = TULLE_OK;
			q->in.addrs = &names[i].addr;
			q->in.addr_count = 1;
		}
}

static void answer_due(void)
{
	for (size_t i = 0; i < question_count; i++) {
		question q = questions[i];
		if (q.at > world_now)
			continue;
		questions[i--] = questions[--question_count];
		if (world_roots[q.root] != NULL)
			tulle_handle(world_roots[q.root], world_now, &q.in);
	}
}

static void stream_out(int root, const tulle_out *out)
{
	stream *s = find_stream(root, out->id);
	if (out->kind == TULLE_OUT_STREAM_CONNECT) {
		connect_stream(root, out);
		return;
	}
	if (s == NULL)
		return;
	pipe_end *mine = root >= 0 ? &s->to_onramp : &s->to_root;
	pipe_end *other = root >= 0 ? &s->to_root : &s->to_onramp;
	if (out->kind == TULLE_OUT_STREAM_ROOM)
		other->room += out->bytes;
	if (out->kind == TULLE_OUT_STREAM_END)
		mine->end = true;
	if (out->kind != TULLE_OUT_STREAM_BYTES)
		return;
	if (mine->cap - mine->len < out->data.len) {
		mine->cap = (mine->len + out->data.len) * 2;
		mine->data = realloc(mine->data, mine->cap);
	}
	memcpy(mine->data + mine->len, out->data.ptr, out->data.len);
	mine->len += out->data.len;
}

static void hand_over(stream *s, bool to_root, const tulle_in *in)
{
	if (!to_root)
		give_onramp(in);
	else if (s->root >= 0 && world_roots[s->root] != NULL)
		tulle_handle(world_roots[s->root], world_now, in);
}

/* What waits and fits the receiver's room; true: something moved. */
static bool move(stream *s, bool to_root)
{
	pipe_end *p = to_root ? &s->to_root : &s->to_onramp;
	uint32_t id = to_root ? s->id : s->onramp_id, sender = to_root ? s->onramp_id : s->id;
	size_t n = p->len < p->room ? p->len : p->room;
	if (n != 0) {
		tulle_in in = {.kind = TULLE_IN_STREAM_BYTES, .id = id, .data = {p->data, n}};
		hand_over(s, to_root, &in);
		p->room -= n;
		p->len -= n;
		memmove(p->data, p->data + n, p->len);
		in = (tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = sender, .bytes = (uint32_t)n};
		hand_over(s, !to_root, &in);
		return true;
	}
	if (!p->end || p->end_said || p->len != 0)
		return false;
	p->end_said = true;
	hand_over(s, to_root, &(tulle_in){.kind = TULLE_IN_STREAM_END, .id = id});
	return true;
}

static bool move_streams(void)
{
	bool moved = false;
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		stream *s = &streams[i];
		if (!s->used)
			continue;
		moved = move(s, false) || moved;
		moved = move(s, true) || moved;
		if (s->to_onramp.end_said || s->to_root.end_said) {
			s->to_root.end = s->to_onramp.end = true;
			moved = move(s, false) || moved;
			moved = move(s, true) || moved;
			free_stream(s);
		}
	}
	return moved;
}

/* -- the turn
 * -------------------------------------------------------------------------------------- */

static bool hear_events(int i)
{
	const tulle_event *e;
	bool moved = false;
	while (config.heard != NULL && world_roots[i] != NULL &&
		(e = tulle_next_event(world_roots[i])) != NULL) {
		config.heard(i, e);
		moved = true;
	}
	return moved;
}

static bool drain_root(int i)
{
	static uint8_t scratch[65536];
	tulle_out out;
	bool moved = hear_events(i);
	if (world_roots[i] == NULL)
		return moved;
	tulle_dispatch(world_roots[i]);
	while (tulle_poll(world_roots[i], world_now, scratch, sizeof scratch, &out)) {
		moved = true;
		if (out.kind == TULLE_OUT_DATAGRAM)
			send_datagram(i, &out);
		else if (out.kind == TULLE_OUT_PUBLISH)
			publish(&out);
		else if (out.kind == TULLE_OUT_RESOLVE)
			ask(i, &out);
		else
			stream_out(i, &out);
	}
	tulle_mesh_check(world_roots[i]);
	return hear_events(i) || moved; /* a poll without output may bring an event: room */
}

static bool drain_onramp(void)
{
	static uint8_t scratch[65536];
	tulle_out out;
	bool moved = false;
	while (onramp != NULL &&
		tulle_onramp_poll(onramp, world_now, scratch, sizeof scratch, &out)) {
		stream_out(-1, &out);
		moved = true;
	}
	return moved;
}

static void drain(void)
{
	for (bool moved = true; moved;) {
		moved = drain_onramp();
		for (int i = 0; i < root_count; i++)
			moved = (world_roots[i] != NULL && drain_root(i)) || moved;
		moved = move_streams() || moved;
	}
}

static tulle_time next_time(void)
{
	tulle_time next = TULLE_TIME_NEVER;
	for (size_t i = 0; i < flight_count; i++)
		if (flight[i]->at < next)
			next = flight[i]->at;
	for (size_t i = 0; i < question_count; i++)
		if (questions[i].at < next)
			next = questions[i].at;
	for (int i = 0; i < root_count; i++)
		if (world_roots[i] != NULL && tulle_poll_timeout(world_roots[i]) < next)
			next = tulle_poll_timeout(world_roots[i]);
	if (onramp != NULL && tulle_onramp_poll_timeout(onramp) < next)
		next = tulle_onramp_poll_timeout(onramp);
	return next;
}

static size_t first_due(void)
{
	size_t best = flight_count;
	for (size_t i = 0; i < flight_count; i++) {
		if (flight[i]->at > world_now)
			continue;
		if (best == flight_count || flight[i]->at < flight[best]->at ||
			(flight[i]->at == flight[best]->at &&
				flight[i]->order < flight[best]->order))
			best = i;
	}
	return best;
}

static void deliver_due(void)
{
	size_t i;
	while ((i = first_due()) < flight_count) {
		packet *p = flight[i];
		tulle_in in = {.kind = TULLE_IN_DATAGRAM,
			.id = 1,
			.local = p->local,
			.remote = p->remote,
			.data = {p->data, p->len}};
		if (p->to < 0)
			(void)relay_take(&config.servers[-1 - p->to], &p->remote, &p->local, p->data, p->len);
		else if (world_roots[p->to] != NULL)
			tulle_handle(world_roots[p->to], world_now, &in);
		free_packet(i);
	}
	answer_due();
	const tulle_in time = {.kind = TULLE_IN_TIME};
	for (int k = 0; k < root_count; k++)
		if (world_roots[k] != NULL)
			tulle_handle(world_roots[k], world_now, &time);
	give_onramp(&time);
}

bool world_run(bool (*done)(void), tulle_time us)
{
	tulle_time end = world_now + us;
	deliver_due();
	for (;;) {
		drain();
		if (done != NULL && done())
			return true;
		tulle_time next = next_time();
		TULLE_CHECK(config.heard == NULL || next > world_now || next == TULLE_TIME_NEVER);
		if (next > end) {
			world_now = end;
			clock_set(world_now);
			return false;
		}
		world_now = next > world_now ? next : world_now;
		clock_set(world_now);
		deliver_due();
	}
}
