/* SPDX-License-Identifier: MIT */
/* ice: the lite side (RFC8445:2.5), and what the agent tells of its pairs. */
#include "ice_hand.h"

#define SECOND ((tulle_time)1000000)

static const tulle_ice_config lite = {.loopback = true, .lite = true, .controlling = true};

static bool no_requests_of_one(
	void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	tulle_stun_message m;
	(void)user;
	ck_assert_int_eq(tulle_stun_read(data, d->len, &m), TULLE_TAKEN);
	ck_assert(from == 0 || m.kind != TULLE_STUN_REQUEST);
	return true;
}

static tulle_err tell(Net *n, size_t to, bool is_lite)
{
	tulle_text ufrag, pwd;
	tulle_ice_credentials(n->end[1 - to].ice, &ufrag, &pwd);
	tulle_err err = tulle_ice_set_remote(n->end[to].ice, n->now, ufrag, pwd, is_lite);
	guard_end(&n->end[to]);
	return err;
}

/* ICE-024, ICE-068, ICE-076: whoever offered, the full side controls, checks and nominates */
START_TEST(a_full_agent_connects_with_a_lite_one)
{
	for (int i = 0; i < 2; i++) {
		Net n;
		tulle_path p;
		net_init(&n, i == 0 ? &controlling : &controlled, &lite);
		n.watch = no_requests_of_one;
		n.delay = 10000;
		end_path(&n, &n.end[0], "127.0.0.1", 5001);
		end_path(&n, &n.end[1], "127.0.0.1", 5002);
		gather(&n);
		ck_assert(!tulle_ice_is_controlling(n.end[1].ice));
		ck_assert_int_eq(tell(&n, 1, true), TULLE_ERR_ARGUMENT);
		ck_assert_int_eq(tell(&n, 1, false), TULLE_OK);
		ck_assert_int_eq(tell(&n, 0, true), TULLE_OK);
		ck_assert(tulle_ice_is_controlling(n.end[0].ice));
		tell_candidates(&n, 0, true);
		tell_candidates(&n, 1, true);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_NEW);
		run(&n, 15000);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_CHECKING);
		run(&n, 100 * SECOND);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		ck_assert(tulle_ice_path(n.end[1].ice, &p) && p.remote.port == 5001);
		ck_assert(tulle_ice_is_validated(n.end[1].ice, &p));
		/* the full side moves: the lite one goes where it is told */
		n.end[0].nat = addr_of("127.0.0.5", 9999);
		run(&n, n.now + SECOND);
		n.end[0].late_paths = true;
		tulle_ice_remove_path(n.end[0].ice, n.now, 100);
		n.end[0].path_count = 0;
		end_path(&n, &n.end[0], "127.0.0.6", 5006);
		run(&n, n.now + SECOND);
		ck_assert(tulle_ice_path(n.end[1].ice, &p) && p.remote.port == 9999);
		n.cut = true;
		run(&n, n.now + 50 * SECOND);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_FAILED);
		ck_assert(!tulle_ice_path(n.end[1].ice, &p));
		net_wipe(&n);
	}
}
END_TEST

/* RFC8445:6.1.1: a full side that takes itself for controlled is told, whatever its number */
START_TEST(a_lite_agent_never_controls)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	for (uint64_t number = 0; number < 2; number++) {
		alone(&n, &lite);
		ck_assert_int_eq(tulle_ice_set_role(n.end[0].ice, true), TULLE_ERR_STATE);
		ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2, .tie_breaker = 0 - number},
					 "127.0.0.1", 6001),
			TULLE_DROP_ICE_ROLE);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		ck_assert_uint_eq(tulle_stun_error(&m, NULL), 487);
		ck_assert_uint_eq(next_out(&n, buf, &m, &d), 0);
		ck_assert(!tulle_ice_is_controlling(n.end[0].ice));
		net_wipe(&n);
	}
}
END_TEST

static tulle_ice_pair_stats pair_with(const Net *n, uint16_t port)
{
	tulle_ice_pair_stats p;
	for (size_t i = 0; tulle_ice_read_pair(n->end[0].ice, i, &p); i++)
		if (p.path.remote.port == port)
			return p;
	ck_abort_msg("no pair with %u", port);
	return p;
}

static size_t write_refusal(
	const tulle_stun_message *check, unsigned code, uint8_t *buf, size_t cap)
{
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, cap, TULLE_STUN_BINDING, TULLE_STUN_ERROR, check->id);
	tulle_stun_write_error(&w, (uint16_t)code, TULLE_TEXT("no"));
	tulle_stun_write_integrity(
		&w, (tulle_bytes){(const uint8_t *)THEIR_PWD, sizeof THEIR_PWD - 1});
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

/* ICE-053, ICE-054: what each pair did, and why it failed */
START_TEST(each_pair_tells_why_it_works_or_does_not)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_ice_pair_stats p;
	alone(&n, &controlled);
	ck_assert(!tulle_ice_read_pair(n.end[0].ice, 0, &p));
	for (unsigned port = 6001; port <= 6004; port++)
		ck_assert_int_eq(add(&n, "127.0.0.1", port, ""), TULLE_TAKEN);
	ck_assert_int_eq(pair_with(&n, 6001).state, TULLE_ICE_PAIR_WAITING);
	while (next_out(&n, buf, &m, &d) != 0) {
		tulle_addr from = d.path.remote;
		size_t len = 0;
		tulle_drop drop = TULLE_TAKEN;
		if (from.port == 6001)
			len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
		if (from.port == 6002)
			len = write_refusal(&m, 400, answer, sizeof answer);
		if (from.port == 6003) {
			len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
			from.port = 7000;
			drop = TULLE_DROP_ICE_SOURCE;
		}
		n.now += 30000;
		if (len != 0)
			ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), drop);
	}
	p = pair_with(&n, 6001);
	ck_assert(p.state == TULLE_ICE_PAIR_SUCCEEDED && p.valid && p.data && !p.nominated);
	ck_assert(p.checks_sent == 1 && p.checks_answered == 1 && p.rtt == 30000);
	ck_assert(p.local_type == TULLE_ICE_HOST && p.remote_type == TULLE_ICE_HOST);
	ck_assert(p.path.id == 100 && !p.heard && p.code == 0 && !p.timed_out);
	p = pair_with(&n, 6002);
	ck_assert(p.state == TULLE_ICE_PAIR_FAILED && p.code == 400 && p.refused == TULLE_TAKEN);
	p = pair_with(&n, 6003);
	ck_assert(p.state == TULLE_ICE_PAIR_FAILED && p.refused == TULLE_DROP_ICE_SOURCE);
	ck_assert_int_eq(pair_with(&n, 6004).state, TULLE_ICE_PAIR_IN_PROGRESS);
	run(&n, 29 * SECOND); /* the end that is valid has its consent until then */
	p = pair_with(&n, 6004);
	ck_assert_uint_eq(p.checks_sent, 6);
	ck_assert_uint_ge(pair_with(&n, 6001).checks_sent, 4); /* consent */
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .id = 2}, "127.0.0.1", 6009), TULLE_TAKEN);
	p = pair_with(&n, 6009);
	ck_assert(p.remote_type == TULLE_ICE_PRFLX && p.heard);
	net_wipe(&n);
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6004, ""), TULLE_TAKEN);
	n.cut = true;
	run(&n, 39600000);
	p = pair_with(&n, 6004);
	ck_assert(p.state == TULLE_ICE_PAIR_FAILED && p.timed_out && p.checks_sent == 7);
	net_wipe(&n);
}
END_TEST

/* The lowest is refused by name: a better one takes the place of one that nothing has come of. */
START_TEST(the_lowest_candidate_makes_room)
{
	Net n;
	char line[96];
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	alone(&n, &controlled);
	for (int i = 0; i < 64; i++) {
		snprintf(line, sizeof line, "candidate:%d 1 udp %d 127.0.0.1 %d typ host", i,
			1000 + i, 6000 + i);
		ck_assert_int_eq(
			tulle_ice_add_remote(n.end[0].ice, 0, tulle_text_of(line)), TULLE_TAKEN);
	}
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, 0,
				 TULLE_TEXT("candidate:x 1 udp 999 127.0.0.1 7000 typ host")),
		TULLE_DROP_LIMIT);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, TULLE_DROP_LIMIT), 1);
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, 0,
				 TULLE_TEXT("candidate:y 1 udp 2000 127.0.0.1 7001 typ host")),
		TULLE_TAKEN);
	guard_end(&n.end[0]);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, TULLE_DROP_LIMIT), 2);
	tulle_ice_pair_stats p;
	for (size_t i = 0; tulle_ice_read_pair(n.end[0].ice, i, &p); i++)
		ck_assert_uint_ne(p.path.remote.port, 6000);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	ck_assert_uint_eq(d.path.remote.port, 7001); /* the best is the first */
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_lite(void)
{
	Suite *s = suite_create("ice_lite");
	TCase *t = tcase_create("ice_lite");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_full_agent_connects_with_a_lite_one);
	tcase_add_test(t, a_lite_agent_never_controls);
	tcase_add_test(t, each_pair_tells_why_it_works_or_does_not);
	tcase_add_test(t, the_lowest_candidate_makes_room);
	suite_add_tcase(s, t);
	return s;
}
