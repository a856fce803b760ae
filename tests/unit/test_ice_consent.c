/* SPDX-License-Identifier: MIT */
/* ice: consent, failure, paths that go away, and randomness that fails. */
#include "ice_hand.h"

/* ICE-096, ICE-100, ICE-104 RFC7675:5.1 */
START_TEST(silence_disconnects_and_after_30_seconds_nothing_is_sent)
{
	Net n;
	tulle_path p;
	connect_net(&n);
	run(&n, 1000000);
	n.cut = true;
	run(&n, 14 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_DISCONNECTED);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	n.cut = false; /* it comes back */
	run(&n, 20 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	n.cut = true;
	run(&n, 60 * 1000000);
	for (size_t i = 0; i < 2; i++) {
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
		tulle_datagram d;
		ck_assert_int_eq(state_of(&n, i), TULLE_ICE_FAILED);
		ck_assert(!tulle_ice_path(n.end[i].ice, &p));
		ck_assert(tulle_ice_poll_timeout(n.end[i].ice) == TULLE_TIME_NEVER);
		ck_assert(!tulle_ice_poll_datagram(n.end[i].ice, n.now, buf, sizeof buf, &d));
	}
	net_wipe(&n);
}
END_TEST

START_TEST(a_clock_that_jumps_over_30_seconds_ends_consent_at_once)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_datagram d;
	connect_net(&n);
	run(&n, 1000000);
	ck_assert(!tulle_ice_poll_datagram(n.end[0].ice, 32 * 1000000, buf, sizeof buf, &d));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	net_wipe(&n);
}
END_TEST

/* RFC8863:4, ICE-042: not before 39.5 s, for the remote's checks may yet come; and not later when
 * it never tells the end of its candidates */
START_TEST(failure_is_patient)
{
	for (int pairs = 0; pairs < 2; pairs++) {
		Net n;
		net_init(&n, &controlling, &controlled);
		end_path(&n, &n.end[0], "127.0.0.1", 5001);
		end_path(&n, &n.end[1], "127.0.0.1", 5002);
		gather(&n);
		tell_remote(&n, 0);
		if (pairs != 0)
			tell_candidates(&n, 0, true);
		n.cut = true;
		run(&n, 39400000);
		ck_assert_int_ne(state_of(&n, 0), TULLE_ICE_FAILED);
		run(&n, 80 * 1000000);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-164: the path in use goes away; another valid pair takes over, else nothing */
START_TEST(a_path_that_goes_away_hands_over)
{
	Net n;
	tulle_path p;
	net_init(&n, &controlling, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	end_path(&n, &n.end[0], "127.0.0.3", 5003);
	end_path(&n, &n.end[1], "127.0.0.1", 5002);
	gather(&n);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(&n, i);
		tell_candidates(&n, i, true);
	}
	run(&n, 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	tulle_ice_remove_path(n.end[0].ice, n.now, p.id);
	guard_end(&n.end[0]);
	end_events(&n.end[0]);
	uint32_t gone = p.id;
	bool has = tulle_ice_path(n.end[0].ice, &p);
	ck_assert(!has || p.id != gone);
	ck_assert(has || state_of(&n, 0) == TULLE_ICE_DISCONNECTED);
	run(&n, 3000000);
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.id != gone);
	tulle_ice_remove_path(n.end[0].ice, n.now, p.id);
	run(&n, 3500000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_DISCONNECTED);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* Checks on another pair, one authentic one again and again, make us ask the
 * pair with data whether it lives, but not at their pace. */
START_TEST(doubt_asks_twice_at_most)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	alone(&n, &controlled);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .nominate = true}, "127.0.0.1", 6001),
		TULLE_TAKEN);
	answer_all(&n, "127.0.0.1", 6001);
	unsigned asked = 0;
	for (n.now = 3000000; n.now < 3990000; n.now += 10000) {
		ck_assert_int_eq(
			send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6002), TULLE_TAKEN);
		while (next_out(&n, buf, &m, &d) != 0)
			asked += m.kind == TULLE_STUN_REQUEST && d.path.remote.port == 6001;
		ck_assert_uint_eq(asked, n.now < 3500000 ? 1 : 2);
	}
	net_wipe(&n);
}
END_TEST

static tulle_drop forbid(Net *n, const tulle_stun_message *check, const char *pwd)
{
	uint8_t buf[200];
	tulle_addr from = addr_of("127.0.0.1", 6001);
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_ERROR, check->id);
	tulle_stun_write_error(&w, 403, TULLE_TEXT("Forbidden"));
	tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd, strlen(pwd)});
	tulle_stun_write_fingerprint(&w);
	return deliver(n, 0, 0, &from, buf, tulle_stun_write_finish(&w));
}

static void begin_restart(Net *n)
{
	ck_assert_int_eq(tulle_ice_restart(n->end[0].ice, n->now), TULLE_OK);
	n->end[0].gathered = false;
	end_events(&n->end[0]);
	ck_assert_int_eq(tulle_ice_set_remote(n->end[0].ice, n->now, TULLE_TEXT("next"),
				 TULLE_TEXT("another" THEIR_PWD), false),
		TULLE_OK);
}

/* RFC7675:5.2: an authentic 403 ends consent at once; the pair stays silent whatever comes there,
 * another takes over. Alone, with another pair, and during a restart. */
START_TEST(consent_is_revoked_by_who_gave_it)
{
	for (int k = 0; k < 3; k++) {
		Net n;
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_path p;
		Check check = {.role = 1, .nominate = true};
		alone(&n, &controlled);
		ck_assert_int_eq(send_check_from(&n, &check, "127.0.0.1", 6001), TULLE_TAKEN);
		answer_all(&n, "127.0.0.1", 6001);
		if (k == 1) {
			ck_assert_int_eq(
				send_check_from(&n, &check, "127.0.0.1", 6002), TULLE_TAKEN);
			answer_all(&n, "127.0.0.1", 6002);
		}
		if (k == 2)
			begin_restart(&n);
		n.now = 6000000;
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
		ck_assert_int_eq(
			forbid(&n, &m, "wrongwrongwrongwrongwrong"), TULLE_DROP_STUN_INTEGRITY);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
		ck_assert_int_eq(forbid(&n, &m, THEIR_PWD), TULLE_TAKEN);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) == (k == 1));
		ck_assert(k != 1 || p.remote.port == 6002);
		ck_assert_int_eq(
			state_of(&n, 0), k == 1 ? TULLE_ICE_CONNECTED : TULLE_ICE_DISCONNECTED);
		check.id = 1;
		if (k != 2)
			ck_assert_int_eq(
				send_check_from(&n, &check, "127.0.0.1", 6001), TULLE_TAKEN);
		for (; n.now < 30 * 1000000; n.now += 1000000)
			while (next_out(&n, buf, &m, &d) != 0)
				ck_assert(
					m.kind != TULLE_STUN_REQUEST || d.path.remote.port != 6001);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-105: randomness that fails sends nothing, breaks nothing and is asked again */
START_TEST(without_randomness_nothing_is_sent)
{
	Net n;
	End e = {.no_random = true};
	e.config = controlling;
	e.config.random = (tulle_random){.fill = end_random, .user = &e};
	e.bytes = tulle_ice_memory_bytes(&e.config);
	void *block = malloc(e.bytes);
	ck_assert_ptr_null(tulle_ice_init(block, e.bytes, &e.config, 0));
	free(block);
	connect_net(&n);
	n.end[0].no_random = n.end[1].no_random = true;
	run(&n, 300000);
	ck_assert_uint_eq(n.end[0].sent + n.end[1].sent, 0);
	n.end[0].no_random = n.end[1].no_random = false;
	run(&n, 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	n.end[0].no_random = true;
	run(&n, 60000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	net_wipe(&n);
}
END_TEST

START_TEST(the_block_and_the_config_are_checked)
{
	End e = {0};
	tulle_ice_config c = controlling;
	ck_assert_uint_eq(tulle_ice_memory_bytes(&c), 0); /* no random */
	c.random = (tulle_random){.fill = end_random, .user = &e};
	size_t n = tulle_ice_memory_bytes(&c);
	uint8_t *block = malloc(n + 1);
	e.seed = 5;
	ck_assert_ptr_null(tulle_ice_init(block, n - 1, &c, 0));
	ck_assert_ptr_null(tulle_ice_init(block + 1, n, &c, 0));
	ck_assert_ptr_nonnull(tulle_ice_init(block, n, &c, 0));
	free(block);
	c.opaque = true;
	ck_assert_uint_le(tulle_ice_memory_bytes(&c), TULLE_ICE_MEMORY_BYTES_MAX);
	c.pairs_max = 101;
	ck_assert_uint_eq(tulle_ice_memory_bytes(&c), 0);
	c.pairs_max = 4;
	c.remote_candidates_max = 65;
	ck_assert_uint_eq(tulle_ice_memory_bytes(&c), 0);
	c.remote_candidates_max = 4;
	c.local_candidates_max = 2;
	ck_assert_uint_lt(tulle_ice_memory_bytes(&c), 6600);
}
END_TEST

Suite *suite_ice_consent(void)
{
	Suite *s = suite_create("ice_consent");
	TCase *t = tcase_create("ice_consent");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, silence_disconnects_and_after_30_seconds_nothing_is_sent);
	tcase_add_test(t, a_clock_that_jumps_over_30_seconds_ends_consent_at_once);
	tcase_add_test(t, failure_is_patient);
	tcase_add_test(t, a_path_that_goes_away_hands_over);
	tcase_add_test(t, doubt_asks_twice_at_most);
	tcase_add_test(t, consent_is_revoked_by_who_gave_it);
	tcase_add_test(t, without_randomness_nothing_is_sent);
	tcase_add_test(t, the_block_and_the_config_are_checked);
	suite_add_tcase(s, t);
	return s;
}
