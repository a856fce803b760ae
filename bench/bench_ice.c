/* SPDX-License-Identifier: MIT */
/* bench: what an ICE agent holds, and what it costs to find the owner of a packet among many agents
 * behind one port. No network, virtual time but for the measured lookups. Prints lines KEY VALUE.
 */
#include <tulle/ice.h>

#include "base/bytes.h"
#include "base/serial.h"
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGENTS 10000
#define CANDIDATES 10
#define ROUNDS 20
#define CHECK_BYTES 160

/* What one agent holds: its block, and what its tables take and give back. */
typedef struct {
	size_t bytes, bytes_max;
} holding;

typedef struct {
	tulle_host_member member;
	tulle_ice *ice;
	holding held;
	tulle_addr remote;
	uint8_t check[CHECK_BYTES]; /* one of the remote's */
	size_t check_len;
} agent;

static uint64_t seed = 88172645463325252u;
static tulle_time now = 1000000;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1du;
}

static bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)(next_random() >> 32);
	return true;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_ice: %s\n", what);
	exit(1);
}

static void *lend(void *user, size_t n)
{
	holding *h = user;
	h->bytes += n;
	h->bytes_max = h->bytes > h->bytes_max ? h->bytes : h->bytes_max;
	return malloc(n);
}

static void take_back(void *user, void *p, size_t n)
{
	((holding *)user)->bytes -= n;
	free(p);
}

static tulle_ice *make(bool controlling, holding *h)
{
	const tulle_ice_config config = {.controlling = controlling,
		.random = {.fill = fill},
		.allocator = {lend, take_back, h}};
	size_t bytes = tulle_ice_memory_bytes(&config);
	tulle_ice *ice = tulle_ice_init(lend(h, bytes), bytes, &config, now);
	if (ice == NULL)
		fail("no agent");
	return ice;
}

static void destroy(tulle_ice *ice)
{
	tulle_ice_wipe(ice);
	free(ice);
}

static tulle_addr address(unsigned a, unsigned b, unsigned c, uint16_t port)
{
	return (tulle_addr){
		.family = 4, .ip = {10, (uint8_t)a, (uint8_t)b, (uint8_t)c}, .port = port};
}

static void tell_candidates(tulle_ice *from, tulle_ice *to)
{
	tulle_ice_event e;
	while (tulle_ice_poll_event(from, &e))
		if (e.kind == TULLE_ICE_EVENT_LOCAL_CANDIDATE &&
			tulle_ice_add_remote(to, now, e.u.candidate) != TULLE_TAKEN)
			fail("a candidate is refused");
	(void)tulle_ice_add_remote(to, now, (tulle_text){"", 0});
}

/* Each knows the other; nothing was sent yet. */
static void introduce(tulle_ice *a, tulle_ice *b)
{
	tulle_text ufrag, pwd;
	tulle_ice_paths_known(a, now);
	tulle_ice_paths_known(b, now);
	tulle_ice_credentials(a, &ufrag, &pwd);
	(void)tulle_ice_set_remote(b, now, ufrag, pwd, false);
	tulle_ice_credentials(b, &ufrag, &pwd);
	(void)tulle_ice_set_remote(a, now, ufrag, pwd, false);
	tell_candidates(a, b);
	tell_candidates(b, a);
}

/* What one has to send reaches the other, whose path has the same id. keep: its last check. */
static bool carry(tulle_ice *from, tulle_ice *to, agent *keep)
{
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_text ufrag;
	bool any = false;
	tulle_ice_handle_timeout(from, now);
	for (; tulle_ice_poll_datagram(from, now, buf, sizeof buf, &d); any = true) {
		uint32_t id = d.path.remote.ip[3]; /* paths are named so */
		tulle_path path = {.id = id, .local = d.path.remote, .remote = d.path.local};
		(void)tulle_ice_handle_datagram(to, now, &path, buf, d.len);
		if (keep != NULL && d.len <= CHECK_BYTES &&
			tulle_ice_read_ufrag(buf, d.len, &ufrag)) {
			memcpy(keep->check, buf, d.len);
			keep->check_len = d.len;
		}
	}
	return any;
}

static void connect_pair(tulle_ice *a, tulle_ice *b, agent *keep)
{
	for (int i = 0; i < 10000; i++) {
		bool any = carry(a, b, NULL);
		any = carry(b, a, keep) || any;
		if (any)
			continue;
		if (tulle_ice_get_state(a) == TULLE_ICE_COMPLETED &&
			tulle_ice_get_state(b) == TULLE_ICE_COMPLETED)
			return;
		tulle_time at = tulle_ice_poll_timeout(a), other = tulle_ice_poll_timeout(b);
		at = other < at ? other : at;
		now = at > now ? at : now + 1;
	}
	fail("no connection");
}

/* Of both roles the larger: the most that was held at once on the way, and what is left ten seconds
 * later. */
static void measure_bytes(void)
{
	holding h[2] = {{0}};
	tulle_ice *a = make(true, &h[0]), *b = make(false, &h[1]);
	for (unsigned i = 1; i <= CANDIDATES; i++) {
		(void)tulle_ice_add_path(a, now, i, address(0, 0, i, 5000), 1500);
		(void)tulle_ice_add_path(b, now, i, address(0, 1, i, 5000), 1500);
	}
	introduce(a, b);
	connect_pair(a, b, NULL);
	tulle_time end = now + 10000000;
	while (now < end) {
		if (carry(a, b, NULL) || carry(b, a, NULL))
			continue;
		tulle_time at = tulle_ice_poll_timeout(a), other = tulle_ice_poll_timeout(b);
		now = tulle_time_min(tulle_time_min(at, other), end);
	}
	if (h[0].bytes != tulle_ice_held_bytes(a) || h[1].bytes != tulle_ice_held_bytes(b))
		fail("an agent does not know what it holds");
	size_t larger = h[0].bytes_max > h[1].bytes_max ? 0 : 1;
	printf("ice_bytes_checking %zu\n", h[larger].bytes_max);
	larger = h[0].bytes > h[1].bytes ? 0 : 1;
	printf("ice_bytes_idle %zu\n", h[larger].bytes);
	destroy(a);
	destroy(b);
}

/* As a peer's: peer/transport.c, tulle_peer_owns. */
static bool owns(const void *self, const tulle_in *in)
{
	const agent *a = self;
	tulle_path path = {.id = in->id, .local = in->local, .remote = in->remote};
	tulle_text ufrag;
	if (in->data.ptr[0] > 3)
		return tulle_ice_is_validated(a->ice, &path);
	if (tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag))
		return tulle_ice_owns(a->ice, ufrag);
	return tulle_ice_owns_answer(a->ice, in->data.ptr, in->data.len);
}

static size_t names(const void *self, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX])
{
	return tulle_ice_names(((const agent *)self)->ice, seen, ufrags);
}

static const tulle_host_kind kind = {.owns = owns, .names = names};

static void join(tulle_host *host, tulle_host_port *port, agent *a, unsigned i)
{
	holding h = {0};
	a->member = (tulle_host_member){
		.kind = &kind, .self = a, .host = host, .port = port, .next = host->members};
	a->remote = address(1 + i / 65536, i / 256 % 256, 2, (uint16_t)(1024 + i % 256));
	a->ice = make(true, &a->held);
	tulle_ice *b = make(false, &h);
	(void)tulle_ice_add_path(a->ice, now, 1, address(0, 0, 1, 5000), 1500);
	(void)tulle_ice_add_path(b, now, 2, a->remote, 1500);
	introduce(a->ice, b);
	connect_pair(a->ice, b, a);
	destroy(b);
	tulle_host_grow_hints(host);
	host->members = &a->member;
	host->member_count++;
	tulle_host_watch_names(&a->member);
	tulle_in in = {.kind = TULLE_IN_DATAGRAM,
		.id = 1,
		.remote = a->remote,
		.data = {a->check, a->check_len}};
	tulle_host_watch_proof(&a->member, &in);
}

static double clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void look_up(const tulle_host_port *port, agent *const *order, bool check)
{
	static const uint8_t record[100] = {23, 0xfe, 0xfd};
	for (size_t i = 0; i < AGENTS; i++) {
		const agent *a = order[i];
		tulle_in in = {.kind = TULLE_IN_DATAGRAM,
			.id = 1,
			.remote = a->remote,
			.data = {record, sizeof record}};
		if (check)
			in.data = (tulle_bytes){a->check, a->check_len};
		if (tulle_host_find_member(port, &in, now) != &a->member)
			fail("not the owner");
	}
}

/* Each round has the packets in the same shuffled order: no two in a row are one agent's, none of
 * what they touch is in a near cache. The best round counts: others share the machine. */
static double measure_demux(const tulle_host_port *port, agent *const *order, bool check)
{
	double best = 1e12;
	look_up(port, order, check); /* learns */
	for (int i = 0; i < ROUNDS; i++) {
		double start = clock_ns();
		look_up(port, order, check);
		double ns = (clock_ns() - start) / AGENTS;
		best = ns < best ? ns : best;
	}
	return best;
}

int main(void)
{
	static agent *order[AGENTS];
	tulle_host *host = calloc(1, sizeof *host);
	agent *agents = calloc(AGENTS, sizeof *agents);
	tulle_host_port port = {.host = host};
	if (host == NULL || agents == NULL)
		fail("no memory");
	measure_bytes();
	for (unsigned i = 0; i < AGENTS; i++) {
		join(host, &port, &agents[i], i);
		size_t other = next_random() % (i + 1);
		order[i] = order[other];
		order[other] = &agents[i];
	}
	printf("demux_check_ns %.0f\n", measure_demux(&port, order, true));
	printf("demux_ns %.0f\n", measure_demux(&port, order, false));
	for (size_t i = 0; i < AGENTS; i++)
		destroy(agents[i].ice);
	free(agents);
	free(host->mux_memory);
	free(host);
	return 0;
}
