/* SPDX-License-Identifier: MIT */
/* ice: the candidates that servers bring: how they are told, paired, used and taken away. */
#include "ice_hand.h"

#include "ice/ice.h"

#define RELAY_ID 7000u

static tulle_ice_local reflexive(uint32_t id, const char *ip, uint16_t port, uint8_t server)
{
	return (tulle_ice_local){
		.type = TULLE_ICE_SRFLX, .id = id, .addr = addr_of(ip, port), .server = server};
}

static tulle_ice_local relayed(uint32_t id, const char *ip, uint16_t port, uint8_t server)
{
	return (tulle_ice_local){.type = TULLE_ICE_RELAY,
		.id = id,
		.addr = addr_of(ip, port),
		.related = addr_of("203.0.113.5", 777),
		.server = server,
		.mtu = 1400};
}

static tulle_err add_local(End *e, tulle_ice_local c)
{
	tulle_err err = tulle_ice_add_candidate(e->ice, 0, &c);
	guard_end(e);
	return err;
}

/* A relay that the net knows as one more address of this end. */
static void end_relay(End *e, const char *ip, uint16_t port)
{
	size_t i = e->path_count++;
	e->ids[i] = RELAY_ID + (uint32_t)i;
	e->addrs[i] = addr_of(ip, port);
	ck_assert_int_eq(add_local(e, relayed(e->ids[i], ip, port, 1)), TULLE_OK);
}

static void assert_told(End *e, const char *const *texts, size_t count)
{
	char buf[TULLE_ICE_CANDIDATE_BYTES];
	tulle_ice_event event;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(texts[i]);
		ck_assert(tulle_ice_poll_event(e->ice, &event));
		ck_assert_int_eq(event.kind, TULLE_ICE_EVENT_LOCAL_CANDIDATE);
		ck_assert_msg(event.u.candidate.len > len &&
				      memcmp(event.u.candidate.ptr, texts[i], len) == 0,
			"%.*s", (int)event.u.candidate.len, event.u.candidate.ptr);
		size_t n = tulle_ice_write_local(e->ice, i, buf, sizeof buf);
		ck_assert(n == len && memcmp(buf, texts[i], n) == 0);
	}
	ck_assert_uint_eq(tulle_ice_write_local(e->ice, count, buf, sizeof buf), 0);
	while (tulle_ice_poll_event(e->ice, &event))
		ck_assert_int_ne(event.kind, TULLE_ICE_EVENT_LOCAL_CANDIDATE);
}

/* ICE-003, ICE-005, ICE-006, ICE-008, ICE-009, ICE-010, ICE-011, ICE-088 RFC8445:5.1.1.3 */
START_TEST(what_servers_bring_is_told_by_its_rank)
{
	static const char *const told[] = {
		"candidate:1 1 udp 2130706431 2001:db8::1 5000 typ host",
		"candidate:2 1 udp 2130706175 192.168.0.2 5000 typ host",
		/* of one base and server; of another server */
		"candidate:3 1 udp 1694498047 198.51.100.1 6000 typ srflx raddr 192.168.0.2 rport "
		"5000",
		"candidate:4 1 udp 1694497535 198.51.100.1 6001 typ srflx raddr 192.168.0.2 rport "
		"5000",
		"candidate:3 1 udp 1694497023 198.51.100.1 6002 typ srflx raddr 192.168.0.2 rport "
		"5000",
		/* UDP, TLS, and the same over TCP */
		"candidate:5 1 udp 39845631 198.51.100.9 7000 typ relay raddr 203.0.113.5 rport "
		"777",
		"candidate:6 1 udp 6290687 198.51.100.9 7001 typ relay raddr 203.0.113.5 rport 777",
		"candidate:7 1 udp 23067391 198.51.100.9 7002 typ relay raddr 0.0.0.0 rport 9",
		"candidate:8 1 udp 39845887 2001:db8::9 7003 typ relay raddr 203.0.113.5 rport 777",
	};
	Net n;
	const tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	End *e = &n.end[0];
	end_path(&n, e, "2001:db8::1", 5000);
	end_path(&n, e, "192.168.0.2", 5000);
	ck_assert_int_eq(add_local(e, reflexive(101, "198.51.100.1", 6000, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "198.51.100.1", 6000, 2)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "192.168.0.2", 5000, 2)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "198.51.100.1", 6001, 2)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "198.51.100.1", 6002, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "127.0.0.1", 6003, 1)), TULLE_OK);
	tulle_ice_local tls = relayed(RELAY_ID + 1, "198.51.100.9", 7001, 1);
	tls.over = TULLE_ICE_OVER_TLS;
	tulle_ice_local tcp = relayed(RELAY_ID + 2, "198.51.100.9", 7002, 1);
	tcp.over = TULLE_ICE_OVER_TCP;
	tcp.related.family = 0;
	ck_assert_int_eq(add_local(e, relayed(RELAY_ID, "198.51.100.9", 7000, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, tls), TULLE_OK);
	ck_assert_int_eq(add_local(e, tcp), TULLE_OK);
	ck_assert_int_eq(
		add_local(e, relayed(RELAY_ID + 3, "::ffff:127.0.0.1", 7003, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, relayed(RELAY_ID + 3, "2001:db8::9", 7003, 1)), TULLE_OK);
	assert_told(e, told, sizeof told / sizeof *told);
	net_wipe(&n);
}
END_TEST

START_TEST(what_is_no_candidate_is_refused)
{
	Net n;
	const tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	End *e = &n.end[0];
	end_path(&n, e, "192.168.0.2", 5000);
	const tulle_ice_local host = {
		.type = TULLE_ICE_HOST, .id = 100, .addr = addr_of("198.51.100.1", 1)};
	tulle_ice_local over = relayed(RELAY_ID, "198.51.100.9", 7000, 1);
	over.over = (tulle_ice_over)3;
	ck_assert_int_eq(add_local(e, host), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add_local(e, over), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add_local(e, reflexive(100, "198.51.100.1", 0, 1)), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add_local(e, reflexive(100, "0.0.0.0", 6, 1)), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add_local(e, relayed(RELAY_ID, "224.0.0.1", 6, 1)), TULLE_ERR_ARGUMENT);
	/* ICE-015 */
	ck_assert_int_eq(add_local(e, reflexive(100, "2001:db8::1", 6, 1)), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add_local(e, reflexive(999, "198.51.100.1", 6, 1)), TULLE_ERR_STATE);
	ck_assert_int_eq(add_local(e, relayed(100, "198.51.100.9", 6, 1)), TULLE_ERR_STATE);
	ck_assert_int_eq(add_local(e, relayed(RELAY_ID, "198.51.100.9", 6, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(RELAY_ID, "198.51.100.1", 6, 1)), TULLE_ERR_STATE);
	for (uint16_t i = 0; i < 30; i++) /* 24 with the path and the relay */
		ck_assert_int_eq(
			add_local(e, reflexive(100, "198.51.100.1", (uint16_t)(100 + i), 1)),
			i < 22 ? TULLE_OK : TULLE_ERR_LIMIT);
	net_wipe(&n);
}
END_TEST

/* ICE-035 RFC8445:6.1.2.4: the base alone is checked from */
START_TEST(a_reflexive_candidate_makes_no_pair)
{
	Net n;
	alone(&n, &controlled);
	End *e = &n.end[0];
	e->late_paths = true;
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_int_eq(add_local(e, reflexive(100, "127.0.0.9", 6000, 1)), TULLE_OK);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6002, ""), TULLE_TAKEN);
	n.now = 1;
	drain(&n, 0);
	ck_assert_uint_eq(e->sent, 2);
	/* and a check to its path is the base's */
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	/* the NAT has changed it: it is told no more */
	char buf[TULLE_ICE_CANDIDATE_BYTES];
	tulle_addr gone = addr_of("127.0.0.9", 6000), other = addr_of("127.0.0.9", 6001);
	tulle_ice_remove_candidate(e->ice, 1, 100, &other);
	tulle_ice_remove_candidate(e->ice, 1, 101, &gone);
	ck_assert_uint_ne(tulle_ice_write_local(e->ice, 1, buf, sizeof buf), 0);
	tulle_ice_remove_candidate(e->ice, 1, 100, &gone);
	guard_end(e);
	ck_assert_uint_eq(tulle_ice_write_local(e->ice, 1, buf, sizeof buf), 0);
	ck_assert_uint_ne(tulle_ice_write_local(e->ice, 0, buf, sizeof buf), 0);
	/* with its path it goes too */
	ck_assert_int_eq(add_local(e, reflexive(100, "127.0.0.9", 6000, 1)), TULLE_OK);
	tulle_ice_remove_path(e->ice, 1, 100);
	guard_end(e);
	ck_assert_uint_eq(tulle_ice_write_local(e->ice, 0, buf, sizeof buf), 0);
	net_wipe(&n);
}
END_TEST

/* SDP-105 RFC8839:5.1: nothing of ours is told, related addresses included, nor checked from */
START_TEST(relay_only_tells_and_uses_relays_alone)
{
	static const char *const told[] = {
		"candidate:1 1 udp 39845631 198.51.100.9 7000 typ relay raddr 0.0.0.0 rport 9",
		"candidate:2 1 udp 39845887 2001:db8::9 7000 typ relay raddr :: rport 9"};
	Net n;
	tulle_path p;
	const tulle_ice_config a = {.controlling = true, .relay_only = true}, b = {0};
	net_init(&n, &a, &b);
	End *e = &n.end[0];
	end_path(&n, e, "192.0.2.1", 5000);
	ck_assert_int_eq(add_local(e, reflexive(100, "198.51.100.1", 6000, 1)), TULLE_OK);
	end_relay(e, "198.51.100.9", 7000);
	end_relay(e, "2001:db8::9", 7000);
	assert_told(e, told, 2);
	e->candidate_count = 1;
	e->candidate_lens[0] = strlen(told[0]);
	memcpy(e->candidates[0], told[0], e->candidate_lens[0]);
	end_path(&n, &n.end[1], "192.0.2.2", 5002);
	gather(&n);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(&n, i);
		tell_candidates(&n, i, true);
	}
	run(&n, 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert(tulle_ice_path(e->ice, &p) && p.id == RELAY_ID + 1);
	ck_assert_uint_eq(e->selected.u.selected.mtu, 1400);
	ck_assert(tulle_ice_path(n.end[1].ice, &p) && p.remote.port == 7000);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 2}, "192.0.2.7", 5), TULLE_DROP_UNKNOWN_PATH);
	net_wipe(&n);
}
END_TEST

static bool relays_pass(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	const bool *all = user;
	(void)from;
	(void)data;
	return *all || d->path.local.port == 7000 || d->path.remote.port == 7000;
}

/* ICE-005, ICE-046, ICE-164: a relay is used when nothing else works, and only then; when it is
 * taken away another takes over */
START_TEST(a_relay_carries_what_nothing_else_does)
{
	for (int i = 0; i < 2; i++) {
		Net n;
		tulle_path p;
		bool all = i != 0;
		const tulle_ice_config a = {.controlling = true}, b = {0};
		net_init(&n, &a, &b);
		n.watch = relays_pass;
		n.user = &all;
		n.delay = 1000;
		end_path(&n, &n.end[0], "10.0.0.1", 5000);
		end_path(&n, &n.end[1], "10.0.1.1", 5000);
		end_relay(&n.end[0], "198.51.100.9", 7000);
		end_relay(&n.end[1], "198.51.100.10", 7000);
		gather(&n);
		for (size_t k = 0; k < 2; k++) {
			tell_remote(&n, k);
			tell_candidates(&n, k, true);
		}
		run(&n, 2000000);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		ck_assert((p.id < RELAY_ID && p.remote.port == 5000) == all);
		if (all) {
			net_wipe(&n);
			continue;
		}
		tulle_ice_remove_path(n.end[0].ice, n.now, RELAY_ID + 1);
		run(&n, 4000000);
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		ck_assert(p.id == 100 && p.remote.port == 7000);
		net_wipe(&n);
	}
}
END_TEST

/* An answer that waits for a path that goes away is not sent from another that gets its place. */
START_TEST(an_answer_leaves_by_its_own_path_or_not_at_all)
{
	Net n;
	alone(&n, &controlled);
	n.end[0].late_paths = true;
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	tulle_ice_remove_path(n.end[0].ice, 0, 100);
	end_path(&n, &n.end[0], "127.0.0.2", 5002);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 0);
	net_wipe(&n);
}
END_TEST

/* ICE-108: the base of what servers saw is not told either; and a server-reflexive address that is
 * the hidden one's is told, for nobody knows it yet (mdns-ice draft, 3.1.2). */
START_TEST(what_hides_is_told_by_name)
{
	static const char *const told[] = {
		"candidate:1 1 udp 2130706175 0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local 5000 typ "
		"host",
		"candidate:2 1 udp 1694498047 198.51.100.1 6000 typ srflx raddr 0.0.0.0 rport 9",
		"candidate:2 1 udp 1694497535 192.168.0.2 5000 typ srflx raddr 0.0.0.0 rport 9",
	};
	Net n;
	const tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	End *e = &n.end[0];
	ck_assert_int_eq(tulle_ice_add_hidden_path(e->ice, 0, 101, addr_of("192.168.0.2", 5000),
				 1500, TULLE_TEXT("0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local")),
		TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "198.51.100.1", 6000, 1)), TULLE_OK);
	ck_assert_int_eq(add_local(e, reflexive(101, "192.168.0.2", 5000, 1)), TULLE_OK);
	assert_told(e, told, sizeof told / sizeof *told);
	net_wipe(&n);
}
END_TEST

/* ICE-114: a check may come before the name that it hides behind is resolved: what it teaches is
 * told to servers when it is signaled in the clear, and not before (mdns-ice draft, 3.3.2). */
START_TEST(what_a_check_teaches_is_no_server_s_business)
{
	Net n;
	tulle_addr remote;
	size_t cursor = 0;
	alone(&n, &controlled);
	End *e = &n.end[0];
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	ck_assert(!tulle_ice_next_remote(e->ice, &cursor, &remote));
	ck_assert_int_eq(tulle_ice_add_remote(e->ice, 0,
				 TULLE_TEXT("candidate:1 1 udp 1 127.0.0.1 6001 typ host")),
		TULLE_TAKEN);
	cursor = 0;
	ck_assert(tulle_ice_next_remote(e->ice, &cursor, &remote));
	ck_assert_uint_eq(remote.port, 6001);
	net_wipe(&n);
}
END_TEST

/* ICE-114, ICE-110: checks go from the host's base alone, and no server is told; a candidate in the
 * clear has both. The name's port and generation are the candidate's. */
START_TEST(a_name_s_address_is_no_server_s_business)
{
	for (unsigned clear = 0; clear < 2; clear++) {
		Net n;
		tulle_addr addr = addr_of("10.1.2.3", 0), remote;
		size_t cursor = 0, relayed_checks = 0, host_checks = 0;
		const char *text = "candidate:1 1 udp 1 x.local 6001 typ host";
		alone(&n, &(tulle_ice_config){.controlling = true});
		End *e = &n.end[0];
		end_path(&n, e, "192.168.0.2", 5000);
		ck_assert_int_eq(
			add_local(e, relayed(RELAY_ID, "198.51.100.9", 7000, 1)), TULLE_OK);
		ck_assert_int_eq(tulle_ice_add_resolved(e->ice, 0,
					 TULLE_TEXT("candidate:1 1 udp 1 x.local 6001 typ host"),
					 TULLE_TEXT("others"), &addr),
			TULLE_DROP_ICE_GENERATION);
		if (clear != 0)
			text = "candidate:1 1 udp 1 10.1.2.3 6001 typ host";
		ck_assert_int_eq(clear != 0 ? tulle_ice_add_remote(e->ice, 0, tulle_text_of(text))
					    : tulle_ice_add_resolved(e->ice, 0, tulle_text_of(text),
						      TULLE_TEXT("them"), &addr),
			TULLE_TAKEN);
		ck_assert(tulle_ice_next_remote(e->ice, &cursor, &remote) == (clear != 0));
		for (; n.now < 500000; n.now += 10000) {
			uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
			tulle_datagram d;
			tulle_ice_handle_timeout(e->ice, n.now);
			while (tulle_ice_poll_datagram(e->ice, n.now, buf, sizeof buf, &d)) {
				ck_assert_uint_eq(d.path.remote.port, 6001);
				relayed_checks += d.path.id == RELAY_ID;
				host_checks += d.path.id == e->ids[e->path_count - 1];
			}
		}
		ck_assert_uint_ne(host_checks, 0);
		ck_assert((relayed_checks != 0) == (clear != 0));
		net_wipe(&n);
	}
}
END_TEST

Suite *suite_ice_servers(void)
{
	Suite *s = suite_create("ice_servers");
	TCase *t = tcase_create("ice_servers");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_servers_bring_is_told_by_its_rank);
	tcase_add_test(t, what_is_no_candidate_is_refused);
	tcase_add_test(t, a_reflexive_candidate_makes_no_pair);
	tcase_add_test(t, relay_only_tells_and_uses_relays_alone);
	tcase_add_test(t, a_relay_carries_what_nothing_else_does);
	tcase_add_test(t, an_answer_leaves_by_its_own_path_or_not_at_all);
	tcase_add_test(t, what_hides_is_told_by_name);
	tcase_add_test(t, what_a_check_teaches_is_no_server_s_business);
	tcase_add_test(t, a_name_s_address_is_no_server_s_business);
	suite_add_tcase(s, t);
	return s;
}
