/* SPDX-License-Identifier: MIT */
/* The set of servers while what it knows changes: paths that go in mid-question, servers that see
 * different addresses of us, and more remote addresses than a relay lets through. */
#include "peer/limits.h"
#include "peer/servers.h"
#include "tests/unit/servers_kit.h"

#define QUEUE_MAX 64

static world_relay servers[2];
static tulle_peer_servers *s;
static uint8_t *block;
static tulle_time now;
static Packet queue[QUEUE_MAX];
static size_t queued;
static unsigned to_peers; /* datagrams that a relay sent on */
static uint32_t deaf;     /* the path from which nothing arrives; 0: none */

static const tulle_random random_source = {draw, NULL};

static tulle_addr us(uint32_t path)
{
	return addr_of(path == 1 ? "192.0.2.1" : "192.0.2.2", 4000);
}

static void emit(
	void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	tulle_addr a = us(1), b = us(2);
	(void)user;
	if (!tulle_addr_is(to, &a) && !tulle_addr_is(to, &b)) {
		to_peers++;
		return;
	}
	ck_assert_uint_lt(queued, QUEUE_MAX);
	queue[queued++] = make_packet(from, to, data, len);
}

static void give(const tulle_in *in)
{
	tulle_in inner;
	if (tulle_peer_servers_handle(s, now, in))
		while (tulle_peer_servers_next(s, &inner))
			continue;
	tulle_peer_servers_check(s);
}

static void send_out(const tulle_out *out)
{
	tulle_addr from = out->local.family != 0 ? out->local : us(1), gone = us(deaf);
	if (deaf != 0 && tulle_addr_is(&from, &gone))
		return;
	for (size_t i = 0; i < 2; i++)
		if (relay_take(&servers[i], &from, &out->remote, out->data.ptr, out->data.len))
			return;
}

static void deliver(void)
{
	tulle_addr first = us(1);
	while (queued != 0) {
		Packet p = queue[0];
		memmove(queue, queue + 1, --queued * sizeof *queue);
		give(&(tulle_in){.kind = TULLE_IN_DATAGRAM,
			.id = tulle_addr_is(&p.to, &first) ? 1 : 2,
			.local = p.to,
			.remote = p.from,
			.data = {p.data, p.len}});
	}
}

static void pump(void)
{
	uint8_t scratch[2048];
	tulle_out out;
	give(&(tulle_in){.kind = TULLE_IN_TIME});
	for (unsigned i = 0; tulle_peer_servers_poll(s, now, scratch, sizeof scratch, &out); i++) {
		ck_assert_uint_lt(i, 300);
		const tulle_addr nobody = addr_of("198.51.100.99", 3478);
		if (out.kind == TULLE_OUT_DATAGRAM)
			send_out(&out);
		else if (out.kind == TULLE_OUT_RESOLVE)
			give(&(tulle_in){.kind = TULLE_IN_RESOLVED,
				.id = out.id,
				.addrs = &nobody,
				.addr_count = 1});
		deliver();
	}
	ck_assert_int_gt(tulle_peer_servers_poll_timeout(s), now);
}

static void run_for(tulle_time us_)
{
	tulle_time end = now + us_;
	pump();
	while (tulle_peer_servers_poll_timeout(s) <= end) {
		now = tulle_peer_servers_poll_timeout(s);
		pump();
	}
	now = end;
	pump();
}

static void begin_with(const tulle_ice_server *list, size_t count, uint32_t paths)
{
	const tulle_ice_options ice = {.servers = list, .server_count = count};
	size_t bytes = tulle_peer_servers_memory_bytes(&ice, random_source);
	memset(servers, 0, sizeof servers);
	for (int i = 0; i < 2; i++) {
		servers[i].emit = emit;
		servers[i].password = "secret";
		servers[i].mapped = addr_of("203.0.113.9", 40000);
	}
	servers[0].address = addr_of("198.51.100.1", 3478);
	servers[1].address = addr_of("198.51.100.2", 3478);
	queued = to_peers = 0;
	now = SECOND;
	seed = 7;
	block = malloc(bytes);
	s = tulle_peer_servers_init(block, bytes, &ice, random_source, now);
	ck_assert_ptr_nonnull(s);
	for (uint32_t i = 1; i <= paths; i++)
		give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = i, .local = us(i), .mtu = 1500});
	give(&(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	tulle_peer_servers_begin(s, now);
	pump();
}

static void begin(const char *first, const char *second, uint32_t paths)
{
	const tulle_ice_server list[] = {{first, "ann", "secret"}, {second, "ann", "secret"}};
	begin_with(list, second != NULL ? 2 : 1, paths);
}

static void end(void)
{
	tulle_peer_servers_wipe(s);
	free(block);
	s = NULL;
	deaf = 0;
}

static bool is_listed(const tulle_addr *addr, bool as_gone)
{
	uint32_t cursor = 0;
	tulle_ice_local c;
	bool gone;
	while (tulle_peer_servers_candidate(s, &cursor, &c, &gone))
		if (gone == as_gone && tulle_addr_is(&c.addr, addr))
			return true;
	return false;
}

/* RFC8838:8: nobody waits for what was asked over a path that is no more. */
START_TEST(a_path_that_goes_holds_gathering_up_no_longer)
{
	deaf = 2;
	begin("stun:198.51.100.1", NULL, 2);
	run_for(SECOND);
	ck_assert(!tulle_peer_servers_is_done(s));
	give(&(tulle_in){.kind = TULLE_IN_PATH_DOWN, .id = 2});
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

/* One server that says another address than before takes nothing from what the others say. */
START_TEST(what_another_server_still_sees_is_not_gone)
{
	begin("stun:198.51.100.1", "stun:198.51.100.2", 1);
	tulle_addr seen = servers[0].mapped, other = addr_of("203.0.113.66", 6666);
	ck_assert(is_listed(&seen, false));
	servers[1].mapped = other;
	run_for(16 * SECOND);
	ck_assert(is_listed(&other, false) && is_listed(&seen, false));
	ck_assert(!is_listed(&seen, true));
	servers[0].mapped = other; /* it was the NAT after all */
	run_for(16 * SECOND);
	ck_assert(!is_listed(&seen, false) && is_listed(&seen, true));
	end();
}
END_TEST

/* What a peer gives on the relay's path; true: it goes out at once. */
static bool say(const tulle_addr *to)
{
	uint8_t scratch[PEER_SERVERS_HEADROOM + 64] = {0};
	uint32_t cursor = 0;
	tulle_ice_local c = {0};
	bool gone;
	while (tulle_peer_servers_candidate(s, &cursor, &c, &gone) && c.type != TULLE_ICE_RELAY)
		continue;
	tulle_out out = {.kind = TULLE_OUT_DATAGRAM,
		.id = c.id,
		.remote = *to,
		.data = {scratch + PEER_SERVERS_HEADROOM, 16}};
	if (!tulle_peer_servers_wrap(s, now, &out))
		return false;
	send_out(&out);
	return true;
}

static void hear(const tulle_addr *from)
{
	tulle_addr relayed = servers[0].address;
	relayed.port = 50000;
	ck_assert(relay_take(&servers[0], from, &relayed, (const uint8_t *)"hello", 5));
	deliver();
}

static void permit_many(uint8_t net, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		tulle_addr peer = addr_of("203.0.113.50", 6000);
		peer.ip[1] = net;
		peer.ip[3] = (uint8_t)i;
		tulle_peer_servers_permit(s, now, &peer);
	}
}

/* A remote of more candidates than there are places: its candidates are told again with each that
 * it adds, but no server is asked for all of them again. */
START_TEST(many_candidates_cost_the_server_no_more_than_once_each)
{
	begin("turn:198.51.100.1", NULL, 1);
	for (unsigned i = 0; i < 50; i++) {
		permit_many(0, 64);
		pump();
		now += 10000;
	}
	ck_assert_uint_le(servers[0].permits, 64);
	end();
}
END_TEST

/* What a relay carries gives way neither to what was only named nor to checks without an answer. */
START_TEST(who_was_heard_gives_way_last)
{
	begin("turn:198.51.100.1", NULL, 1);
	tulle_addr peer = addr_of("192.0.2.200", 6000);
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	hear(&peer);
	now += 6 * SECOND;
	permit_many(1, 64);
	pump();
	ck_assert(say(&peer));
	for (unsigned i = 0; i < 64; i++) {
		tulle_addr other = addr_of("203.2.113.50", 6000);
		other.ip[3] = (uint8_t)i;
		now += 50000;
		(void)say(&other);
		pump();
	}
	ck_assert(say(&peer));
	end();
}
END_TEST

/* Behind one address that a relay lets through anybody may have any port, or forge it: what is said
 * to him there costs nobody else his place. */
START_TEST(other_ports_of_one_address_take_no_places)
{
	begin("turn:198.51.100.1", NULL, 1);
	tulle_addr peer = addr_of("192.0.2.200", 6000), stranger = addr_of("192.0.2.200", 0);
	for (unsigned i = 0; i < PEER_SERVER_PEERS; i++) {
		peer.ip[3] = (uint8_t)(100 + i);
		tulle_peer_servers_permit(s, now, &peer);
		pump();
		hear(&peer);
	}
	stranger.ip[3] = 100;
	for (uint16_t port = 7000; port < 7100; port++) {
		stranger.port = port;
		now += 1000;
		for (unsigned k = 0; k < 2; k++) {
			hear(&stranger);
			ck_assert(say(&stranger)); /* 401 */
		}
		pump();
	}
	for (unsigned i = 0; i < PEER_SERVER_PEERS; i++) {
		peer.ip[3] = (uint8_t)(100 + i);
		ck_assert(say(&peer));
	}
	ck_assert_uint_eq(servers[0].permits, PEER_SERVER_PEERS);
	end();
}
END_TEST

/* More at one moment than there are places for: what waited without a place any more is lost, and
 * does not drive out who drove it out, for ever. */
START_TEST(who_is_driven_out_does_not_come_back_by_itself)
{
	begin("turn:198.51.100.1", NULL, 1);
	for (unsigned i = 0; i < PEER_SERVER_PEERS + PEER_SERVER_HELD_MAX; i++) {
		tulle_addr peer = addr_of("203.0.113.50", 6000);
		peer.ip[3] = (uint8_t)i;
		ck_assert(!say(&peer));
	}
	pump();
	ck_assert_uint_le(servers[0].permits, PEER_SERVER_PEERS + PEER_SERVER_HELD_MAX);
	end();
}
END_TEST

/* An allocation that comes again may have been asked for through another mapping: the former
 * address is gone then, or they would fill a peer's list of candidates one by one. */
START_TEST(what_an_allocation_saw_is_gone_when_the_next_sees_another)
{
	begin("turn:198.51.100.1", NULL, 1);
	tulle_addr first = servers[0].mapped, second = addr_of("203.0.113.9", 40001);
	ck_assert(is_listed(&first, false));
	servers[0].mapped = second;
	relay_restart(&servers[0]);
	run_for(700 * SECOND);
	ck_assert(is_listed(&second, false) && !is_listed(&second, true));
	ck_assert(is_listed(&first, true) && !is_listed(&first, false));
	end();
}
END_TEST

/* Four are asked at a time, and each takes the place of one that failed: the invariants hold. */
START_TEST(dead_servers_stand_by_in_turn)
{
	tulle_ice_server list[PEER_SERVERS_MAX];
	for (size_t i = 0; i < PEER_SERVERS_MAX; i++)
		list[i] = (tulle_ice_server){"turn:relay.example.org", "ann", "secret"};
	begin_with(list, PEER_SERVERS_MAX, 1);
	run_for(300 * SECOND);
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

Suite *suite_servers_moves(void)
{
	Suite *suite = suite_create("servers_moves");
	TCase *c = tcase_create("servers_moves");
	tcase_add_test(c, a_path_that_goes_holds_gathering_up_no_longer);
	tcase_add_test(c, what_another_server_still_sees_is_not_gone);
	tcase_add_test(c, many_candidates_cost_the_server_no_more_than_once_each);
	tcase_add_test(c, who_was_heard_gives_way_last);
	tcase_add_test(c, other_ports_of_one_address_take_no_places);
	tcase_add_test(c, who_is_driven_out_does_not_come_back_by_itself);
	tcase_add_test(c, dead_servers_stand_by_in_turn);
	tcase_add_test(c, what_an_allocation_saw_is_gone_when_the_next_sees_another);
	suite_add_tcase(suite, c);
	return suite;
}
