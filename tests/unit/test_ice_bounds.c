/* SPDX-License-Identifier: MIT */
/* ice: the filter, generations, limits, our candidates and credentials, many agents on one port. */
#include "ice_hand.h"

#include "ice/ice.h"

static bool no_nine(void *user, const tulle_addr *remote)
{
	(void)user;
	return remote->ip[0] != 9;
}

/* FIELD: relay reaches loopback through mapped addresses; ICE-022, SDP-040 */
START_TEST(addresses_that_no_check_may_go_to_are_refused)
{
	static const struct {
		const char *ip;
		unsigned port;
		tulle_drop drop;
	} cases[] = {{"192.0.2.1", 5, TULLE_TAKEN}, {"192.0.2.1", 0, TULLE_DROP_ICE_FILTERED},
		{"127.0.0.1", 5, TULLE_DROP_ICE_FILTERED}, {"::1", 5, TULLE_DROP_ICE_FILTERED},
		{"::ffff:127.0.0.1", 5, TULLE_DROP_ICE_FILTERED},
		{"::ffff:7f00:1", 5, TULLE_DROP_ICE_FILTERED},
		{"224.0.0.251", 5, TULLE_DROP_ICE_FILTERED},
		{"ff02::fb", 5, TULLE_DROP_ICE_FILTERED},
		{"255.255.255.255", 5, TULLE_DROP_ICE_FILTERED},
		{"0.0.0.0", 5, TULLE_DROP_ICE_FILTERED}, {"::", 5, TULLE_DROP_ICE_FILTERED},
		{"::127.0.0.1", 5, TULLE_DROP_ICE_FILTERED},
		{"fe80::1%eth0", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"[::1]", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"example.org", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"5ea562cf-4149-4152-832d-c00acb6f05e3.local", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"192.0.2.1", 65536, TULLE_DROP_ICE_CANDIDATE}};
	Net n;
	tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(add(&n, cases[i].ip, cases[i].port, "") == cases[i].drop, "%s",
			cases[i].ip);
	net_wipe(&n);
	c.candidate_filter = no_nine;
	net_init(&n, &c, &c);
	ck_assert_int_eq(add(&n, "9.9.9.9", 5, ""), TULLE_DROP_ICE_FILTERED);
	ck_assert_int_eq(add(&n, "127.0.0.1", 5, ""), TULLE_TAKEN); /* its own judgement */
	ck_assert_int_eq(add(&n, "224.0.0.1", 5, ""), TULLE_DROP_ICE_FILTERED);
	net_wipe(&n);
	/* checks from such an address are not answered either */
	alone(&n, &controlled);
	n.end[0].config.loopback = false;
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "224.0.0.1", 6001),
		TULLE_DROP_ICE_FILTERED);
	net_wipe(&n);
}
END_TEST

/* Nobody can tell what only a check teaches: no slot, no pair, and what was learnt stays so. */
START_TEST(a_peer_reflexive_candidate_is_not_taken_from_signaling)
{
	Net n;
	tulle_text prflx = TULLE_TEXT("candidate:1 1 udp 1 127.0.0.1 6001 typ prflx");
	alone(&n, &controlled);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			tulle_ice_add_remote(n.end[0].ice, 0, prflx), TULLE_DROP_ICE_UNSUPPORTED);
		guard_end(&n.end[0]);
		if (i == 0) /* the same address from a check */
			ck_assert_int_eq(
				send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001),
				TULLE_TAKEN);
	}
	tulle_ice_pair_stats pair;
	ck_assert(tulle_ice_read_pair(n.end[0].ice, 0, &pair));
	ck_assert_int_eq(pair.remote_type, TULLE_ICE_PRFLX);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert(tulle_ice_read_pair(n.end[0].ice, 0, &pair));
	ck_assert_int_eq(pair.remote_type, TULLE_ICE_HOST);
	net_wipe(&n);
}
END_TEST

/* ICE-082, ICE-089, ICE-092, ICE-094, SDP-101 RFC8838:11, RFC8838:14 */
START_TEST(candidates_of_another_generation_are_ignored)
{
	Net n;
	net_init(&n, &controlled, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	ck_assert_int_eq(add(&n, "127.0.0.1", 1, " ufrag them"), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 2, " generation 0 ufrag old0"), TULLE_TAKEN);
	ck_assert_int_eq(tulle_ice_set_remote(
				 n.end[0].ice, 0, TULLE_TEXT("them"), TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	guard_end(&n.end[0]);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, TULLE_DROP_ICE_GENERATION), 1);
	ck_assert_int_eq(add(&n, "127.0.0.1", 3, " ufrag old0"), TULLE_DROP_ICE_GENERATION);
	ck_assert_int_eq(add(&n, "127.0.0.1", 4, " ufrag them network-cost 999"), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 4, " ufrag them"), TULLE_TAKEN); /* a duplicate */
	n.now = 1;
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 2); /* ports 1 and 4 */
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, 0, TULLE_TEXT("a=end-of-candidates")),
		TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 5, ""), TULLE_DROP_ICE_GENERATION);
	net_wipe(&n);
}
END_TEST

/* Of two descriptions that stood there before the credentials only the one counts that has them;
 * behind them an end that names another is none. */
START_TEST(the_end_of_another_generation_ends_nothing)
{
	static const struct {
		const char *ends[2];
		tulle_drop more; /* what becomes of the remote's candidates */
	} rows[] = {{{"old0", NULL}, TULLE_TAKEN}, {{"them", NULL}, TULLE_DROP_ICE_GENERATION},
		{{"old0", "them"}, TULLE_DROP_ICE_GENERATION},
		{{"", NULL}, TULLE_DROP_ICE_GENERATION}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Net n;
		net_init(&n, &controlled, &controlled);
		tulle_ice *ice = n.end[0].ice;
		for (size_t k = 0; k < 2 && rows[i].ends[k] != NULL; k++)
			ck_assert_int_eq(tulle_ice_add_remote_of(ice, 0, TULLE_TEXT(""),
						 tulle_text_of(rows[i].ends[k])),
				TULLE_TAKEN);
		ck_assert_int_eq(add(&n, "127.0.0.1", 1, " ufrag them"), rows[i].more);
		ck_assert_int_eq(add(&n, "127.0.0.1", 2, ""), TULLE_DROP_ICE_GENERATION);
		ck_assert_int_eq(tulle_ice_set_remote(
					 ice, 0, TULLE_TEXT("them"), TULLE_TEXT(THEIR_PWD), false),
			TULLE_OK);
		ck_assert_int_eq(
			tulle_ice_add_remote_of(ice, 0, TULLE_TEXT(""), TULLE_TEXT("old0")),
			TULLE_DROP_ICE_GENERATION);
		ck_assert_int_eq(add(&n, "127.0.0.1", 3, ""), rows[i].more);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-023, ICE-036, ICE-066, ICE-162 */
START_TEST(a_thousand_candidates_make_64_and_a_hundred_pairs)
{
	Net n;
	alone(&n, &controlled);
	n.end[0].late_paths = true;
	for (unsigned i = 0; i < 1000; i++) {
		tulle_drop drop = add(&n, "127.0.0.1", 1 + i, "");
		ck_assert_int_eq(drop, i < 64 ? TULLE_TAKEN : TULLE_DROP_LIMIT);
		guard_end(&n.end[0]);
	}
	end_path(&n, &n.end[0], "127.0.0.2", 5002);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, TULLE_DROP_LIMIT), 936 + 28);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .id = (uint8_t)i},
					 "127.0.0.1", (uint16_t)(20000 + i)),
			i < 16 ? TULLE_TAKEN : TULLE_DROP_LIMIT); /* nobody polls the answers */
	tulle_addr more = addr_of("127.0.0.3", 5);
	for (uint32_t i = 0; i < 20; i++) {
		more.port++;
		ck_assert_int_eq(tulle_ice_add_path(n.end[0].ice, 0, 1000 + i, more, 0),
			i < 14 ? TULLE_OK : TULLE_ERR_LIMIT);
		guard_end(&n.end[0]);
	}
	net_wipe(&n);
}
END_TEST

/* ICE-003, ICE-004, ICE-006, ICE-007, ICE-008 */
START_TEST(local_candidates_have_distinct_priorities_and_foundations_by_address)
{
	static const struct {
		const char *ip;
		uint16_t port;
		const char *text; /* without the ufrag */
	} cases[] = {
		{"2001:db8::1", 5000, "candidate:1 1 udp 2130706431 2001:db8::1 5000 typ host"},
		{"192.0.2.1", 5000, "candidate:2 1 udp 2130706175 192.0.2.1 5000 typ host"},
		{"2001:db8::2", 5000, "candidate:3 1 udp 2130705919 2001:db8::2 5000 typ host"},
		{"192.0.2.1", 5001, "candidate:2 1 udp 2130705663 192.0.2.1 5001 typ host"},
	};
	Net n;
	const tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	End *e = &n.end[0];
	for (size_t i = 0; i < 4; i++)
		end_path(&n, e, cases[i].ip, cases[i].port);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 900, addr_of("127.0.0.1", 5), 0), TULLE_OK);
	ck_assert_int_eq(
		tulle_ice_add_path(e->ice, 0, 100, addr_of("192.0.2.3", 5), 0), TULLE_ERR_STATE);
	ck_assert_int_eq(
		tulle_ice_add_path(e->ice, 0, 901, addr_of("192.0.2.3", 0), 0), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_ice_add_path(e->ice, 0, 901, addr_of("0.0.0.0", 5), 0), TULLE_ERR_ARGUMENT);
	tulle_ice_paths_known(e->ice, 0);
	end_events(e);
	ck_assert_uint_eq(e->candidate_count, 4);
	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(cases[i].text);
		ck_assert_msg(e->candidate_lens[i] > len &&
				      memcmp(e->candidates[i], cases[i].text, len) == 0,
			"%.*s", (int)e->candidate_lens[i], e->candidates[i]);
	}
	net_wipe(&n);
	/* SDP-105: relay only: nothing of ours is said or used */
	const tulle_ice_config relay = {.relay_only = true};
	net_init(&n, &relay, &relay);
	end_path(&n, &n.end[0], "192.0.2.1", 5000);
	gather(&n);
	ck_assert_uint_eq(n.end[0].candidate_count, 0);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1}, "192.0.2.7", 5), TULLE_DROP_UNKNOWN_PATH);
	net_wipe(&n);
}
END_TEST

/* ICE-001 RFC8445:5.1.1.1: of each address that others may reach; a link-local one is told without
 * its scope */
START_TEST(host_candidates_are_of_usable_addresses_alone)
{
	static const struct {
		const char *ip;
		bool candidate, on_loopback; /* where the config has no loopback, and where it has */
	} cases[] = {{"192.0.2.1", true, true}, {"10.0.0.1", true, true},
		{"169.254.7.7", true, true}, {"2001:db8::1", true, true}, {"fd00::1", true, true},
		{"fe80::1", true, true}, {"127.0.0.1", false, true}, {"::1", false, true},
		{"::ffff:127.0.0.1", false, true}, {"::192.0.2.1", false, false},
		{"fec0::1", false, false}, {"feff::1", false, false}};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		Net n;
		const tulle_ice_config c = {.loopback = i % 2 != 0};
		tulle_addr a = addr_of(cases[i / 2].ip, 5000);
		a.scope = strncmp(cases[i / 2].ip, "fe80", 4) == 0 ? 3 : 0;
		bool expected = c.loopback ? cases[i / 2].on_loopback : cases[i / 2].candidate;
		net_init(&n, &c, &c);
		End *e = &n.end[0];
		ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 100, a, 0), TULLE_OK);
		tulle_ice_paths_known(e->ice, 0);
		end_events(e);
		ck_assert(e->gathered);
		ck_assert_msg(e->candidate_count == expected, "%s", cases[i / 2].ip);
		if (expected)
			ck_assert_ptr_null(memchr(e->candidates[0], '%', e->candidate_lens[0]));
		net_wipe(&n);
	}
}
END_TEST

/* ICE-017, ICE-018, SDP-037 */
START_TEST(credentials_are_random_and_checked)
{
	Net n;
	tulle_text ufrag, pwd, other, other_pwd;
	char long_text[300];
	memset(long_text, 'x', sizeof long_text);
	net_init(&n, &controlled, &controlled);
	tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
	tulle_ice_credentials(n.end[1].ice, &other, &other_pwd);
	ck_assert(ufrag.len >= 4 && pwd.len >= 22);
	ck_assert(!tulle_text_is(ufrag, other) && !tulle_text_is(pwd, other_pwd));
	const tulle_text good = {long_text, 256};
	const tulle_text bad[] = {{long_text, 3}, {long_text, 257}, TULLE_TEXT("ab:d"),
		TULLE_TEXT("ab d"), TULLE_TEXT("ab-d")};
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, bad[i], good, false),
			TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_ice_set_remote(n.end[0].ice, 0, good, (tulle_text){long_text, 21}, false),
		TULLE_ERR_ARGUMENT);
	ck_assert(!tulle_ice_has_remote(n.end[0].ice));
	ck_assert_int_eq(tulle_ice_set_role(n.end[0].ice, false), TULLE_OK);
	/* ICE-024: against a lite end we control */
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, good, good, true), TULLE_OK);
	ck_assert(tulle_ice_is_controlling(n.end[0].ice));
	ck_assert_int_eq(tulle_ice_set_role(n.end[0].ice, false), TULLE_ERR_STATE);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, good, good, true), TULLE_OK);
	ck_assert_int_eq(
		tulle_ice_set_remote(n.end[0].ice, 0, other, other_pwd, false), TULLE_ERR_STATE);
	/* the longest username still makes a check that fits */
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 1);
	net_wipe(&n);
}
END_TEST

/* For many peers on one port: cheap, and safe for any bytes */
START_TEST(a_check_is_found_its_agent_by_the_ufrag)
{
	Net n;
	uint8_t buf[600];
	tulle_text ufrag, mine, pwd;
	alone(&n, &controlled);
	tulle_ice_credentials(n.end[0].ice, &mine, &pwd);
	size_t len = make_check(&n.end[0], &(Check){.role = 1}, buf, sizeof buf);
	ck_assert(tulle_ice_read_ufrag(buf, len, &ufrag));
	ck_assert(tulle_text_is(ufrag, mine) && tulle_ice_owns(n.end[0].ice, ufrag));
	ck_assert(!tulle_ice_owns(n.end[1].ice, ufrag));
	ck_assert(!tulle_ice_owns_answer(n.end[0].ice, buf, len));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut != 0 ? cut : 1);
		memcpy(exact, buf, cut);
		ck_assert(!tulle_ice_read_ufrag(exact, cut, &ufrag));
		ck_assert(!tulle_ice_owns_answer(n.end[0].ice, exact, cut));
		tulle_addr from = addr_of("127.0.0.1", 6001);
		ck_assert_int_ne(deliver(&n, 0, 0, &from, exact, cut), TULLE_TAKEN);
		free(exact);
	}
	len = make_check(&n.end[0], &(Check){.username = "nocolon"}, buf, sizeof buf);
	ck_assert(!tulle_ice_read_ufrag(buf, len, &ufrag));
	len = make_check(&n.end[0], &(Check){.kind = TULLE_STUN_INDICATION}, buf, sizeof buf);
	ck_assert(!tulle_ice_read_ufrag(buf, len, &ufrag));
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_bounds(void)
{
	Suite *s = suite_create("ice_bounds");
	TCase *t = tcase_create("ice_bounds");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, addresses_that_no_check_may_go_to_are_refused);
	tcase_add_test(t, a_peer_reflexive_candidate_is_not_taken_from_signaling);
	tcase_add_test(t, candidates_of_another_generation_are_ignored);
	tcase_add_test(t, the_end_of_another_generation_ends_nothing);
	tcase_add_test(t, a_thousand_candidates_make_64_and_a_hundred_pairs);
	tcase_add_test(t, local_candidates_have_distinct_priorities_and_foundations_by_address);
	tcase_add_test(t, host_candidates_are_of_usable_addresses_alone);
	tcase_add_test(t, credentials_are_random_and_checked);
	tcase_add_test(t, a_check_is_found_its_agent_by_the_ufrag);
	suite_add_tcase(s, t);
	return s;
}
