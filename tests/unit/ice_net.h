/* SPDX-License-Identifier: MIT */
/* Two ICE agents back to back in virtual time, each in a block of exactly its memory_bytes between
 * guard bytes; a network that delays, loses and doubles by seed. No clock, no socket. */
#ifndef TESTS_ICE_NET_H
#define TESTS_ICE_NET_H
#include <tulle/ice.h>
#include <tulle/stun.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64
#ifndef PATHS
#define PATHS 4
#endif
#define QUEUE 512

typedef struct {
	tulle_ice *ice;
	uint8_t *block;
	size_t bytes;
	tulle_ice_config config;
	uint64_t seed;
	bool no_random, no_memory;
	size_t lent, lent_max; /* bytes of tables that it has now, and had */
	uint32_t ids[PATHS];
	tulle_addr addrs[PATHS];
	size_t path_count;
	char candidates[PATHS][TULLE_ICE_CANDIDATE_BYTES];
	size_t candidate_lens[PATHS], candidate_count;
	bool gathered, late_paths;
	tulle_ice_state states[64];
	size_t state_count;
	tulle_ice_event selected; /* the last */
	size_t selected_count, opaque_count;
	uint8_t opaque[256];
	size_t opaque_len;
	tulle_addr nat; /* family not 0: what its packets come from */
	size_t sent, sent_bytes;
} End;

typedef struct {
	tulle_time at;
	size_t order, len, to, path;
	tulle_addr from;
	uint8_t data[1300];
} Packet;

typedef struct {
	End end[2];
	Packet *queue[QUEUE];
	size_t count, order;
	tulle_time now, delay, jitter;
	unsigned loss_percent, double_percent;
	uint64_t seed;
	bool cut;
	/* sees each packet that leaves; false: it is lost */
	bool (*watch)(void *user, size_t from, const tulle_datagram *d, const uint8_t *data);
	void *user;
} Net;

static inline uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1dull;
}

static inline bool end_random(void *user, uint8_t *dst, size_t len)
{
	End *e = user;
	for (size_t i = 0; i < len && !e->no_random; i++)
		dst[i] = (uint8_t)(next_random(&e->seed) >> 32);
	return !e->no_random;
}

/* Tables lie between guard bytes too; what comes back holds nothing. */
static inline void *end_alloc(void *user, size_t n)
{
	End *e = user;
	uint8_t *p = e->no_memory ? NULL : malloc(n + 2 * GUARD);
	if (p == NULL)
		return NULL;
	memset(p, 0xa5, n + 2 * GUARD);
	e->lent += n;
	e->lent_max = e->lent > e->lent_max ? e->lent : e->lent_max;
	return p + GUARD;
}

/* Each assertion of Check writes: one for all bytes. */
static inline bool is_all(const uint8_t *bytes, size_t n, uint8_t value)
{
	size_t i = 0;
	while (i < n && bytes[i] == value)
		i++;
	return i == n;
}

static inline void end_free(void *user, void *p, size_t n)
{
	End *e = user;
	uint8_t *block = (uint8_t *)p - GUARD;
	ck_assert(is_all(block, GUARD, 0xa5) && is_all(block + GUARD + n, GUARD, 0xa5));
	ck_assert(is_all(block + GUARD, n, 0)); /* wiped */
	e->lent -= n;
	free(block);
}

static inline tulle_addr addr_of(const char *ip, uint16_t port)
{
	tulle_addr a;
	ck_assert_msg(tulle_addr_read_ip(tulle_text_of(ip), &a), "%s", ip);
	a.port = port;
	return a;
}

static inline void guard_end(const End *e)
{
	ck_assert(is_all(e->block, GUARD, 0xa5));
	ck_assert(is_all(e->block + GUARD + e->bytes, GUARD, 0xa5));
	tulle_ice_check(e->ice);
}

/* lends: its tables grow in memory of the allocator; else they lie in its block. */
static inline void end_init(End *e, const tulle_ice_config *config, uint64_t seed, bool lends)
{
	e->config = *config;
	e->seed = seed * 2654435761u + 1;
	e->config.random = (tulle_random){.fill = end_random, .user = e};
	if (lends)
		e->config.allocator =
			(tulle_allocator){.alloc = end_alloc, .free = end_free, .user = e};
	e->bytes = tulle_ice_memory_bytes(&e->config);
	ck_assert_uint_gt(e->bytes, 0);
	ck_assert_uint_le(e->bytes, TULLE_ICE_MEMORY_BYTES_MAX);
	e->block = malloc(e->bytes + 2 * GUARD);
	memset(e->block, 0xa5, e->bytes + 2 * GUARD);
	e->ice = tulle_ice_init(e->block + GUARD, e->bytes, &e->config, 0);
	ck_assert_ptr_nonnull(e->ice);
	guard_end(e);
}

static inline void end_events(End *e)
{
	tulle_ice_event event;
	while (tulle_ice_poll_event(e->ice, &event)) {
		switch (event.kind) {
		case TULLE_ICE_EVENT_LOCAL_CANDIDATE:
			ck_assert(!e->gathered || e->late_paths);
			if (e->candidate_count == PATHS)
				break;
			memcpy(e->candidates[e->candidate_count], event.u.candidate.ptr,
				event.u.candidate.len);
			e->candidate_lens[e->candidate_count++] = event.u.candidate.len;
			break;
		case TULLE_ICE_EVENT_GATHERING_DONE:
			e->gathered = true;
			break;
		case TULLE_ICE_EVENT_STATE:
			e->states[e->state_count++ % 64] = event.u.state;
			break;
		case TULLE_ICE_EVENT_SELECTED:
			e->selected = event;
			e->selected_count++;
			break;
		}
		guard_end(e);
	}
}

static inline void end_path(Net *n, End *e, const char *ip, uint16_t port)
{
	size_t i = e->path_count++;
	e->ids[i] = (uint32_t)(100 + i);
	e->addrs[i] = addr_of(ip, port);
	ck_assert_int_eq(
		tulle_ice_add_path(e->ice, n->now, e->ids[i], e->addrs[i], 1500), TULLE_OK);
	guard_end(e);
}

static inline void net_init(Net *n, const tulle_ice_config *a, const tulle_ice_config *b)
{
	memset(n, 0, sizeof *n);
	n->seed = 88172645463325252ull;
	end_init(&n->end[0], a, 11, true);
	end_init(&n->end[1], b, 22, false);
}

static inline void net_wipe(Net *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->queue[i]);
	for (size_t i = 0; i < 2; i++) {
		guard_end(&n->end[i]);
		tulle_ice_wipe(n->end[i].ice);
		ck_assert_uint_eq(n->end[i].lent, 0);
		for (size_t k = 0; k < n->end[i].bytes; k++)
			ck_assert_uint_eq(n->end[i].block[GUARD + k], 0);
		free(n->end[i].block);
	}
}

/* b's credentials to a */
static inline void tell_remote(Net *n, size_t a)
{
	tulle_text ufrag, pwd;
	tulle_ice_credentials(n->end[1 - a].ice, &ufrag, &pwd);
	ck_assert_int_eq(tulle_ice_set_remote(n->end[a].ice, n->now, ufrag, pwd, false), TULLE_OK);
	guard_end(&n->end[a]);
}

/* b's candidates to a */
static inline void tell_candidates(Net *n, size_t a, bool end)
{
	const End *b = &n->end[1 - a];
	for (size_t i = 0; i < b->candidate_count; i++)
		ck_assert_int_eq(tulle_ice_add_remote(n->end[a].ice, n->now,
					 (tulle_text){b->candidates[i], b->candidate_lens[i]}),
			TULLE_TAKEN);
	if (end)
		ck_assert_int_eq(
			tulle_ice_add_remote(n->end[a].ice, n->now, TULLE_TEXT("")), TULLE_TAKEN);
	guard_end(&n->end[a]);
}

static inline void gather(Net *n)
{
	for (size_t i = 0; i < 2; i++) {
		tulle_ice_paths_known(n->end[i].ice, n->now);
		end_events(&n->end[i]);
		ck_assert(n->end[i].gathered);
	}
}

static inline void enqueue(
	Net *n, size_t to, size_t path, tulle_addr from, const uint8_t *data, size_t len)
{
	ck_assert_uint_lt(n->count, QUEUE);
	Packet *p = malloc(sizeof *p);
	p->at = n->now + n->delay +
		(n->jitter != 0 ? (tulle_time)(next_random(&n->seed) % (uint64_t)n->jitter) : 0);
	p->order = n->order++;
	p->to = to;
	p->path = path;
	p->from = from;
	p->len = len;
	memcpy(p->data, data, len);
	n->queue[n->count++] = p;
}

static inline bool chance(Net *n, unsigned percent)
{
	return next_random(&n->seed) % 100 < percent;
}

static inline void route(Net *n, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	End *to = &n->end[1 - from], *me = &n->end[from];
	me->sent++;
	me->sent_bytes += d->len;
	if ((n->watch != NULL && !n->watch(n->user, from, d, data)) || n->cut ||
		chance(n, n->loss_percent))
		return;
	tulle_addr source = me->nat.family != 0 ? me->nat : d->path.local;
	for (size_t i = 0; i < to->path_count; i++) {
		const tulle_addr *a = to->nat.family != 0 ? &to->nat : &to->addrs[i];
		if (!tulle_addr_is_ip(a, &d->path.remote) || a->port != d->path.remote.port)
			continue;
		enqueue(n, 1 - from, i, source, data, d->len);
		if (chance(n, n->double_percent))
			enqueue(n, 1 - from, i, source, data, d->len);
		return;
	}
}

static inline void drain(Net *n, size_t i)
{
	End *e = &n->end[i];
	tulle_datagram d;
	uint8_t *buf = malloc(TULLE_ICE_DATAGRAM_BYTES);
	for (size_t k = 0;
		tulle_ice_poll_datagram(e->ice, n->now, buf, TULLE_ICE_DATAGRAM_BYTES, &d); k++) {
		ck_assert_uint_lt(k, 1000);
		guard_end(e);
		route(n, i, &d, buf);
	}
	free(buf);
	guard_end(e);
	end_events(e);
}

static inline tulle_drop deliver(
	Net *n, size_t to, size_t path, const tulle_addr *from, const uint8_t *data, size_t len)
{
	End *e = &n->end[to];
	uint8_t *exact = malloc(len != 0 ? len : 1);
	memcpy(exact, data, len);
	tulle_path p = {.id = e->ids[path], .local = e->addrs[path], .remote = *from};
	tulle_drop drop = tulle_ice_handle_datagram(e->ice, n->now, &p, exact, len);
	tulle_bytes dtls, ack;
	if (tulle_ice_opaque(e->ice, &dtls, &ack)) {
		e->opaque_count++;
		e->opaque_len = dtls.len;
		if (dtls.len != 0)
			memcpy(e->opaque, dtls.ptr, dtls.len);
	}
	free(exact);
	guard_end(e);
	end_events(e);
	return drop;
}

static inline void settle(Net *n)
{
	for (size_t i = 0; i < 2; i++) {
		tulle_ice_handle_timeout(n->end[i].ice, n->now);
		drain(n, i);
		/* the contract: no busy loop */
		ck_assert(tulle_ice_poll_timeout(n->end[i].ice) > n->now);
	}
}

static inline size_t next_packet(const Net *n)
{
	size_t best = n->count;
	for (size_t i = 0; i < n->count; i++)
		if (best == n->count || n->queue[i]->at < n->queue[best]->at ||
			(n->queue[i]->at == n->queue[best]->at &&
				n->queue[i]->order < n->queue[best]->order))
			best = i;
	return best;
}

/* Runs until `until` or, with it, until nothing is on the way any more at this instant. */
static inline void run(Net *n, tulle_time until)
{
	for (size_t steps = 0; steps < 200000; steps++) {
		settle(n);
		size_t i = next_packet(n);
		tulle_time next = tulle_ice_poll_timeout(n->end[0].ice);
		if (tulle_ice_poll_timeout(n->end[1].ice) < next)
			next = tulle_ice_poll_timeout(n->end[1].ice);
		if (i < n->count && n->queue[i]->at <= next)
			next = n->queue[i]->at;
		if (next > until) {
			n->now = until;
			settle(n);
			return;
		}
		n->now = next;
		if (i < n->count && n->queue[i]->at == next) {
			Packet *p = n->queue[i];
			n->queue[i] = n->queue[--n->count];
			(void)deliver(n, p->to, p->path, &p->from, p->data, p->len);
			free(p);
		}
	}
	ck_abort_msg("no end in sight");
}

static inline bool is_open(const Net *n)
{
	tulle_path p;
	return tulle_ice_path(n->end[0].ice, &p) && tulle_ice_path(n->end[1].ice, &p);
}

static inline tulle_ice_state state_of(const Net *n, size_t i)
{
	return tulle_ice_get_state(n->end[i].ice);
}

static const tulle_ice_config controlling = {.controlling = true, .loopback = true};
static const tulle_ice_config controlled = {.loopback = true};

/* Both on loopback, everything told. */
static inline void connect_net(Net *n)
{
	net_init(n, &controlling, &controlled);
	end_path(n, &n->end[0], "127.0.0.1", 5001);
	end_path(n, &n->end[1], "127.0.0.1", 5002);
	gather(n);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
}
#endif
