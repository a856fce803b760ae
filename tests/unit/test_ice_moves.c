/* SPDX-License-Identifier: MIT */
/* ice: the move to a better pair, and from a path that is lost to another, without a restart. */
#include "ice_hand.h"

#define RELAY_ID 7000u
#define SECOND ((tulle_time)1000000)

static void end_relay(End *e, const char *ip)
{
	size_t i = e->path_count++;
	e->ids[i] = RELAY_ID + (uint32_t)i;
	e->addrs[i] = addr_of(ip, 7000);
	const tulle_ice_local c = {
		.type = TULLE_ICE_RELAY, .id = e->ids[i], .addr = e->addrs[i], .mtu = 1400};
	ck_assert_int_eq(tulle_ice_add_candidate(e->ice, 0, &c), TULLE_OK);
}

static void exchange(Net *n)
{
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
}

typedef struct {
	const Net *net;
	tulle_time direct_from; /* what has no relay passes from here on */
	size_t checks, nominations; /* nominations: each of another pair than the one before */
	tulle_path nominated;
	uint16_t barred; /* a port that no packet passes; 0: none */
} Rule;

static bool pass(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	Rule *r = user;
	tulle_stun_message m;
	(void)from;
	ck_assert_int_eq(tulle_stun_read(data, d->len, &m), TULLE_TAKEN);
	r->checks += m.kind == TULLE_STUN_REQUEST;
	if (m.kind == TULLE_STUN_REQUEST && tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE)) {
		r->nominations += !tulle_addr_is(&d->path.local, &r->nominated.local) ||
				  !tulle_addr_is(&d->path.remote, &r->nominated.remote);
		r->nominated = d->path;
	}
	if (d->path.local.port == r->barred || d->path.remote.port == r->barred)
		return false;
	return r->net->now >= r->direct_from || d->path.local.port == 7000 ||
	       d->path.remote.port == 7000;
}

static bool is_direct(const Net *n, size_t i)
{
	tulle_path p;
	ck_assert(tulle_ice_path(n->end[i].ice, &p));
	return p.local.port != 7000 && p.remote.port != 7000;
}

/* ICE-075 RFC8445:8.1.1: a relay carries data first; when the direct way opens both go there. To
 * the letter of RFC 8445 they stay. */
START_TEST(a_direct_pair_is_nominated_after_a_relayed_one)
{
	/* opened: before the nomination of the relay is answered, just after it, later */
	static const tulle_time opened[] = {30000, 90000, 3000000};
	for (int k = 0; k < 6; k++) {
		Net n;
		Rule rule = {.net = &n, .direct_from = opened[k / 2]};
		tulle_ice_config a = {.controlling = true, .no_renomination = k % 2 != 0};
		const tulle_ice_config b = {0};
		net_init(&n, &a, &b);
		n.watch = pass;
		n.user = &rule;
		n.delay = 20000;
		end_path(&n, &n.end[0], "10.0.0.1", 5000);
		end_path(&n, &n.end[1], "10.0.1.1", 5000);
		end_relay(&n.end[1], "198.51.100.10");
		gather(&n);
		exchange(&n);
		run(&n, 200000);
		ck_assert(is_open(&n));
		run(&n, 10 * SECOND);
		ck_assert(is_direct(&n, 0) == !a.no_renomination);
		ck_assert(is_direct(&n, 1) == !a.no_renomination);
		ck_assert_uint_eq(rule.nominations, a.no_renomination ? 1 : 2);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		/* and there it stays: nothing but consent from here on */
		rule.checks = 0;
		run(&n, 110 * SECOND);
		ck_assert(a.no_renomination || rule.checks <= 52);
		net_wipe(&n);
	}
}
END_TEST

/* The direct pair works while the relay's nomination is on its way: it is next, without a check. */
START_TEST(a_direct_pair_that_comes_between_is_not_forgotten)
{
	Net n;
	Rule rule = {.net = &n};
	const tulle_ice_config a = {.controlling = true}, b = {0};
	net_init(&n, &a, &b);
	n.watch = pass;
	n.user = &rule;
	n.delay = 20000;
	end_path(&n, &n.end[0], "10.0.0.1", 5000);
	end_relay(&n.end[1], "198.51.100.10");
	end_path(&n, &n.end[1], "10.0.1.1", 5000);
	gather(&n);
	for (size_t i = 0; i < 2; i++)
		tell_remote(&n, i);
	n.end[1].candidate_count = 1;
	tell_candidates(&n, 0, false);
	run(&n, 15000);
	n.end[1].candidate_count = 2;
	tell_candidates(&n, 0, true);
	run(&n, 79999);
	ck_assert(!is_direct(&n, 0));
	ck_assert_uint_eq(rule.nominations, 1);
	run(&n, 80000);
	ck_assert_uint_eq(rule.nominations, 2);
	run(&n, 120000);
	ck_assert(is_direct(&n, 0) && is_direct(&n, 1));
	net_wipe(&n);
}
END_TEST

/* A new network while data goes over a relay: paired, found by its checks, used. */
START_TEST(a_path_that_comes_later_replaces_a_relay)
{
	Net n;
	Rule rule = {.net = &n, .barred = 5000, .direct_from = 0};
	const tulle_ice_config a = {.controlling = true}, b = {0};
	net_init(&n, &a, &b);
	n.watch = pass;
	n.user = &rule;
	n.delay = 5000;
	n.end[0].late_paths = true;
	end_path(&n, &n.end[0], "10.0.0.1", 5000);
	end_path(&n, &n.end[1], "10.0.1.1", 5001);
	end_relay(&n.end[0], "198.51.100.9");
	gather(&n);
	exchange(&n);
	run(&n, 5 * SECOND);
	ck_assert(!is_direct(&n, 0) && !is_direct(&n, 1));
	end_path(&n, &n.end[0], "10.0.0.3", 5003);
	drain(&n, 0);
	run(&n, n.now + SECOND);
	ck_assert(is_direct(&n, 0) && is_direct(&n, 1));
	net_wipe(&n);
}
END_TEST

/* ICE-164 RFC8445:12.1: either side loses its address and gets another. The other one hears it
 * from a check, asks whether the old pair lives, and goes along, all within three seconds. */
START_TEST(an_address_that_is_replaced_takes_the_data_along)
{
	for (size_t k = 0; k < 6; k++) {
		Net n;
		tulle_path p;
		size_t mover = k % 2;
		connect_net(&n);
		n.delay = 20000;
		run(&n, (tulle_time)(10 + k) * SECOND);
		ck_assert(is_open(&n));
		End *e = &n.end[mover];
		e->late_paths = true;
		tulle_ice_remove_path(e->ice, n.now, 100);
		guard_end(e);
		ck_assert(!tulle_ice_path(e->ice, &p));
		run(&n, n.now);
		ck_assert_int_eq(state_of(&n, mover), TULLE_ICE_DISCONNECTED);
		e->path_count = 0;
		end_path(&n, e, "127.0.0.7", 6000);
		tulle_time gone = n.now;
		run(&n, gone + 100000);
		ck_assert(tulle_ice_path(e->ice, &p)); /* the mover itself is there at once */
		ck_assert_int_eq(state_of(&n, mover), TULLE_ICE_COMPLETED - (mover == 1));
		run(&n, gone + 3 * SECOND);
		ck_assert(tulle_ice_path(n.end[1 - mover].ice, &p));
		ck_assert_uint_eq(p.remote.port, 6000);
		run(&n, gone + 60 * SECOND);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-164 RFC7675:5.1: either side has a second path that worked at the start, and nobody has asked
 * it since. When the first goes away, soon or late, the data goes there. */
START_TEST(what_worked_once_is_checked_when_it_is_all_that_is_left)
{
	static const tulle_time gone[] = {5, 20, 24, 29, 31, 100, 1000};
	for (size_t k = 0; k < 2 * sizeof gone / sizeof *gone; k++) {
		Net n;
		tulle_path p, q;
		size_t mover = k % 2;
		net_init(&n, &controlling, &controlled);
		n.delay = 20000;
		end_path(&n, &n.end[mover], "127.0.0.1", 5001);
		end_path(&n, &n.end[mover], "127.0.0.3", 5003);
		end_path(&n, &n.end[1 - mover], "127.0.0.1", 5002);
		gather(&n);
		exchange(&n);
		run(&n, gone[k / 2] * SECOND);
		const End *e = &n.end[mover];
		tulle_ice_pair_stats s;
		ck_assert(tulle_ice_read_pair(e->ice, 0, &s) && s.valid);
		ck_assert(tulle_ice_read_pair(e->ice, 1, &s) && s.valid);
		ck_assert(tulle_ice_path(e->ice, &p));
		tulle_ice_remove_path(e->ice, n.now, p.id);
		guard_end(e);
		ck_assert(tulle_ice_path(e->ice, &q) == (gone[k / 2] < 23));
		tulle_time since = n.now;
		run(&n, since + 50000);
		ck_assert(tulle_ice_path(e->ice, &q) && q.id != p.id);
		run(&n, since + 3 * SECOND);
		ck_assert(tulle_ice_path(n.end[1 - mover].ice, &q));
		ck_assert_msg(q.remote.port != p.local.port, "%u", (unsigned)k);
		run(&n, since + 60 * SECOND);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		net_wipe(&n);
	}
}
END_TEST

/* RFC7675:5.1: consent that is about to run out is asked for before data goes there. */
START_TEST(a_nomination_of_what_was_long_silent_waits_for_an_answer)
{
	for (int k = 0; k < 2; k++) {
		Net n;
		tulle_path p;
		Check nomination = {.role = 1, .nominate = true};
		alone(&n, &controlled);
		ck_assert_int_eq(add(&n, "127.0.0.1", 6002, ""), TULLE_TAKEN);
		answer_all(&n, "127.0.0.1", 6002);
		ck_assert_int_eq(send_check_from(&n, &nomination, "127.0.0.1", 6001), TULLE_TAKEN);
		answer_all(&n, "127.0.0.1", 6001);
		for (; n.now < (k == 0 ? 20 : 25) * SECOND; n.now += SECOND)
			answer_all(&n, "127.0.0.1", 6001);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
		nomination.id = 1;
		ck_assert_int_eq(send_check_from(&n, &nomination, "127.0.0.1", 6002), TULLE_TAKEN);
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		ck_assert_uint_eq(p.remote.port, k == 0 ? 6002 : 6001);
		answer_all(&n, "127.0.0.1", 6002);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6002);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-065 RFC8838:11: a check from a relay comes before its candidate: for so long it ranks above
 * what was nominated after it, and no longer. */
START_TEST(what_turns_out_to_be_a_relay_gives_way_to_what_was_nominated)
{
	for (int k = 0; k < 2; k++) {
		Net n;
		tulle_path p;
		Check check = {.role = 1, .nominate = true};
		alone(&n, &controlled);
		ck_assert_int_eq(
			tulle_ice_add_remote(n.end[0].ice, 0,
				TULLE_TEXT(
					"candidate:1 1 udp 1694498815 127.0.0.1 6002 typ srflx")),
			TULLE_TAKEN);
		ck_assert_int_eq(send_check_from(&n, &check, "127.0.0.1", 6001), TULLE_TAKEN);
		answer_all(&n, "127.0.0.1", 6001);
		check.nominate = k == 0;
		ck_assert_int_eq(send_check_from(&n, &check, "127.0.0.1", 6002), TULLE_TAKEN);
		n.now = SECOND;
		answer_all(&n, "127.0.0.1", 6002);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
		ck_assert_int_eq(
			tulle_ice_add_remote(n.end[0].ice, n.now,
				TULLE_TEXT("candidate:2 1 udp 16777215 127.0.0.1 6001 typ relay")),
			TULLE_TAKEN);
		guard_end(&n.end[0]);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
		answer_all(&n, "127.0.0.1", 6002);
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		ck_assert_uint_eq(p.remote.port, k == 0 ? 6002 : 6001);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-066: an address that changes again and again is followed; what is behind is forgotten */
START_TEST(a_remote_may_move_a_hundred_times)
{
	Net n;
	tulle_path p;
	connect_net(&n);
	n.delay = 10000;
	run(&n, SECOND);
	for (unsigned i = 0; i < 100; i++) {
		n.end[1].nat = addr_of("127.0.0.5", (uint16_t)(10000 + i));
		run(&n, n.now + 15 * SECOND);
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		ck_assert_msg(p.remote.port == 10000 + i, "%u: %u", i, p.remote.port);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	}
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_moves(void)
{
	Suite *s = suite_create("ice_moves");
	TCase *t = tcase_create("ice_moves");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_direct_pair_is_nominated_after_a_relayed_one);
	tcase_add_test(t, a_direct_pair_that_comes_between_is_not_forgotten);
	tcase_add_test(t, a_path_that_comes_later_replaces_a_relay);
	tcase_add_test(t, an_address_that_is_replaced_takes_the_data_along);
	tcase_add_test(t, what_worked_once_is_checked_when_it_is_all_that_is_left);
	tcase_add_test(t, a_nomination_of_what_was_long_silent_waits_for_an_answer);
	tcase_add_test(t, what_turns_out_to_be_a_relay_gives_way_to_what_was_nominated);
	tcase_add_test(t, a_remote_may_move_a_hundred_times);
	suite_add_tcase(s, t);
	return s;
}
