/* SPDX-License-Identifier: MIT */
/* ice: single checks made by hand against one agent: what is answered, what changes, what may not;
 * the bounds; the filter; and the lookups for many agents on one port. */
#include "ice_hand.h"

/* ICE-031, ICE-032, ICE-057, ICE-058, STUN-015, STUN-023, STUN-052, STUN-053, STUN-059,
 * STUN-078, STUN-079, STUN-080, STUN-081 */
static const struct {
	Check check;
	tulle_drop drop;
	unsigned code; /* 1: success; 0: no answer */
} requests[] = {
	{{.role = 1}, TULLE_TAKEN, 1},
	{{.role = 1, .sha256 = true}, TULLE_TAKEN, 1},
	{{.role = 1, .username = ""}, TULLE_DROP_STUN_NO_INTEGRITY, 400},
	{{.role = 1, .pwd = ""}, TULLE_DROP_STUN_NO_INTEGRITY, 400},
	{{.role = 1, .username = "someone:them"}, TULLE_DROP_STUN_USERNAME, 401},
	{{.role = 1, .username = "x"}, TULLE_DROP_STUN_USERNAME, 401},
	{{.role = 1, .pwd = THEIR_PWD}, TULLE_DROP_STUN_INTEGRITY, 401},
	{{.role = 1, .pwd = THEIR_PWD, .sha256 = true}, TULLE_DROP_STUN_INTEGRITY, 401},
	{{.role = 1, .unknown = true}, TULLE_DROP_STUN_UNKNOWN_REQUIRED, 420},
	{{.role = 0}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 3}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 1, .no_priority = true}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 2, .tie_breaker = UINT64_MAX}, TULLE_DROP_ICE_ROLE, 487},
	{{.role = 1, .bad_fingerprint = true}, TULLE_DROP_STUN_FINGERPRINT, 0},
	{{.role = 1, .method = TULLE_STUN_ALLOCATE}, TULLE_DROP_STUN_METHOD, 0},
	{{.role = 1, .kind = TULLE_STUN_INDICATION}, TULLE_TAKEN, 0},
	{{.kind = TULLE_STUN_INDICATION, .unknown = true}, TULLE_DROP_STUN_UNKNOWN_REQUIRED, 0},
	{{.kind = TULLE_STUN_SUCCESS}, TULLE_DROP_STUN_TRANSACTION, 0},
	{{.kind = TULLE_STUN_ERROR}, TULLE_DROP_STUN_TRANSACTION, 0},
};

START_TEST(a_request_is_judged_whole)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_text ufrag, pwd;
	alone(&n, &controlled);
	ck_assert_int_eq(
		send_check_from(&n, &requests[_i].check, "127.0.0.1", 6001), requests[_i].drop);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, requests[_i].drop), 1);
	size_t len = next_out(&n, buf, &m, &d);
	ck_assert(requests[_i].code == 0 ? len == 0 : len != 0);
	if (len != 0) {
		unsigned code = m.kind == TULLE_STUN_SUCCESS ? 1 : tulle_stun_error(&m, NULL);
		bool authentic = requests[_i].drop != TULLE_DROP_STUN_NO_INTEGRITY &&
				 requests[_i].drop != TULLE_DROP_STUN_USERNAME &&
				 requests[_i].drop != TULLE_DROP_STUN_INTEGRITY;
		tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
		tulle_bytes key = {(const uint8_t *)pwd.ptr, pwd.len};
		ck_assert_uint_eq(code, requests[_i].code);
		ck_assert(d.path.remote.port == 6001 && d.path.id == n.end[0].ids[0]);
		ck_assert(tulle_stun_is_fingerprint_right(&m));
		ck_assert(tulle_stun_is_authentic(&m, key) ==
			  (authentic && !requests[_i].check.sha256));
		ck_assert(tulle_stun_is_authentic_sha256(&m, key) ==
			  (authentic && requests[_i].check.sha256));
	}
	if (requests[_i].code == 420)
		ck_assert_mem_eq(m.value[TULLE_STUN_A_UNKNOWN_ATTRIBUTES].ptr, "\x7a\xbc", 2);
	/* only what was accepted makes a check of ours, a pair, a validated path */
	tulle_path p = {.id = n.end[0].ids[0], .remote = addr_of("127.0.0.1", 6001)};
	bool accepted = requests[_i].code == 1;
	ck_assert((next_out(&n, buf, &m, &d) != 0) == accepted);
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &p) == accepted);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* FIELD: unauthenticated packets move the path (rtpengine CVE-2025-53399) */
START_TEST(only_authenticated_checks_move_the_path)
{
	Net n;
	tulle_path before, after;
	alone(&n, &controlled);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .nominate = true}, "127.0.0.1", 6001),
		TULLE_TAKEN);
	answer_all(&n, "127.0.0.1", 6001);
	ck_assert(tulle_ice_path(n.end[0].ice, &before));
	ck_assert(before.remote.port == 6001 && n.end[0].selected.u.selected.nominated);
	uint64_t seed = 99;
	for (int i = 0; i < 3000; i++) {
		Check c = {.role = 1,
			.nominate = true,
			.id = (uint8_t)i,
			.pwd = i % 2 != 0 ? "wrongwrongwrongwrongwrong" : "",
			.kind = (tulle_stun_kind)(i % 4)};
		(void)send_check_from(&n, &c, "127.0.0.1", (uint16_t)(7000 + i % 50));
		uint8_t junk[64];
		tulle_addr from = addr_of("127.0.0.1", 7001);
		for (size_t k = 0; k < sizeof junk; k++)
			junk[k] = (uint8_t)next_random(&seed);
		ck_assert_int_ne(deliver(&n, 0, 0, &from, junk, sizeof junk), TULLE_TAKEN);
		drain(&n, 0);
	}
	ck_assert(tulle_ice_path(n.end[0].ice, &after));
	ck_assert(memcmp(&before, &after, sizeof before) == 0);
	/* an authenticated nomination moves it, once that path answers and when it is better; 6002
	 * has the same priority: what works stays */
	ck_assert_int_eq(add(&n, "127.0.0.1", 6003, ""), TULLE_TAKEN);
	for (uint16_t port = 6002; port <= 6003; port++) {
		ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .nominate = true, .id = 9},
					 "127.0.0.1", port),
			TULLE_TAKEN);
		ck_assert(tulle_ice_path(n.end[0].ice, &after) && after.remote.port == 6001);
		answer_all(&n, "127.0.0.1", port);
		ck_assert(tulle_ice_path(n.end[0].ice, &after));
		ck_assert_uint_eq(after.remote.port, port == 6002 ? 6001 : 6003);
	}
	net_wipe(&n);
}
END_TEST

/* STUN-117, FIELD: reflection before validation (Californium CVE-2022-2576): 3 x at most, for ever
 */
START_TEST(an_address_that_never_answers_gets_at_most_three_times_what_it_sent)
{
	Net n;
	size_t in = 0;
	alone(&n, &controlled);
	uint8_t buf[600];
	for (int i = 0; i < 5; i++) {
		Check c = {.role = 1, .nominate = true, .id = (uint8_t)i};
		in += make_check(&n.end[0], &c, buf, sizeof buf);
		ck_assert_int_eq(send_check_from(&n, &c, "127.0.0.9", 6001), TULLE_TAKEN);
		run(&n, n.now + 20 * 1000000);
		ck_assert_uint_le(n.end[0].sent_bytes, 3 * in);
		if (state_of(&n, 0) == TULLE_ICE_FAILED)
			break;
	}
	net_wipe(&n);
	/* errors to strangers likewise: the smallest request gets the smallest answer */
	alone(&n, &controlled);
	const uint8_t empty[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
	tulle_addr from = addr_of("127.0.0.9", 1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(deliver(&n, 0, 0, &from, empty, sizeof empty),
			TULLE_DROP_STUN_NO_INTEGRITY);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 4);
	ck_assert_uint_le(n.end[0].sent_bytes, 4 * 3 * sizeof empty);
	net_wipe(&n);
}
END_TEST

/* ICE-048, ICE-055, STUN-014, STUN-083 */
START_TEST(an_answer_counts_only_with_its_password_and_from_where_we_asked)
{
	for (int i = 0; i < 5; i++) {
		Net n;
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_path p;
		alone(&n, &controlled);
		tulle_addr from = addr_of("127.0.0.1", i == 2 ? 6002 : 6001), mapped = from;
		ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, 0,
					 TULLE_TEXT("candidate:1 1 udp 1 127.0.0.1 6001 typ host")),
			TULLE_TAKEN);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		ck_assert(tulle_stun_has(&m, TULLE_STUN_A_ICE_CONTROLLED));
		ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE)); /* ICE-045 */
		/* ICE-044 */
		ck_assert_uint_eq(tulle_stun_u32(&m, TULLE_STUN_A_PRIORITY) >> 24, 110);
		tulle_bytes name = m.value[TULLE_STUN_A_USERNAME];
		ck_assert(name.len > 5 && memcmp(name.ptr, "them:", 5) == 0);
		static const char *const pwds[] = {
			NULL, "wrongwrongwrongwrongwrong", THEIR_PWD, THEIR_PWD, THEIR_PWD};
		static const tulle_drop drops[] = {TULLE_DROP_STUN_NO_INTEGRITY,
			TULLE_DROP_STUN_INTEGRITY, TULLE_DROP_ICE_SOURCE,
			TULLE_DROP_STUN_TRANSACTION, TULLE_TAKEN};
		size_t len = answer_check(&n, &m, &mapped, pwds[i], answer, sizeof answer);
		ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len));
		if (i == 3)
			len = answer_check(&n, &(tulle_stun_message){.id = {1}}, &mapped, pwds[i],
				answer, sizeof answer);
		ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len) == (i != 3));
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), drops[i]);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) == (i == 4));
		net_wipe(&n);
	}
}
END_TEST

/* ICE-048 RFC8445:7.2.5.2.1: it must come back to the address that asked */
START_TEST(an_answer_on_another_path_than_the_check_fails_the_pair)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], text[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_path p;
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	n.end[0].late_paths = true;
	end_path(&n, &n.end[0], "127.0.0.2", 5002);
	tulle_addr from = addr_of("127.0.0.1", 6001);
	size_t len = answer_check(&n, &m, &from, THEIR_PWD, text, sizeof text);
	ck_assert_int_eq(deliver(&n, 0, 1, &from, text, len), TULLE_DROP_ICE_SOURCE);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* ICE-062, ICE-064: Chromium's first check has USE-CANDIDATE; a controlling side ignores it */
START_TEST(aggressive_nomination_is_taken_by_who_is_controlled)
{
	for (int i = 0; i < 2; i++) {
		Net n;
		alone(&n, i == 0 ? &controlled : &controlling);
		ck_assert_int_eq(
			send_check_from(&n, &(Check){.role = i == 0 ? 1 : 2, .nominate = true},
				"127.0.0.1", 6001),
			TULLE_TAKEN);
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_addr from = addr_of("127.0.0.1", 6001);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0); /* the answer */
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0); /* the triggered check */
		size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
		ck_assert(n.end[0].selected.u.selected.nominated == (i == 0));
		bool more = next_out(&n, buf, &m, &d) != 0;
		ck_assert(more == (i == 1)); /* our own nomination: ICE-069 */
		if (more)
			ck_assert(tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE));
		net_wipe(&n);
	}
}
END_TEST

/* ICE-166: what nobody answered holds 14,600 bytes of SPED at most; beyond that checks go plain */
START_TEST(embedded_bytes_without_an_answer_are_bounded)
{
	static const uint8_t flight[900] = {22};
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	size_t embedded = 0, checks = 0;
	tulle_ice_config config = controlling;
	config.opaque = true;
	alone(&n, &config);
	ck_assert_int_eq(tulle_ice_set_opaque(n.end[0].ice, (tulle_bytes){flight, sizeof flight},
				 (tulle_bytes){NULL, 0}),
		TULLE_OK);
	for (unsigned i = 0; i < 30; i++)
		ck_assert_int_eq(add(&n, "127.0.0.1", 6001 + i, ""), TULLE_TAKEN);
	for (; n.now < 1400000; n.now += 50000)
		while (next_out(&n, buf, &m, &d) != 0) {
			bool first = d.path.remote.port - 6001u == checks;
			checks += first;
			if (first)
				embedded += m.value[TULLE_STUN_A_DTLS_IN_STUN].len;
		}
	ck_assert_uint_eq(checks, 30);
	ck_assert_uint_eq(embedded, 14600 / 904 * 900);
	net_wipe(&n);
}
END_TEST

#define SMALL_MTU 600

/* The answer to a check, then our own check, on a path of SMALL_MTU: their lengths, and which has
 * SPED's bytes. */
static void answer_and_check(const char *ip, size_t dtls_len, size_t len[2], bool has[2])
{
	static const uint8_t flight[SMALL_MTU] = {22};
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_ice_config config = controlling;
	config.opaque = true;
	net_init(&n, &config, &config);
	End *e = &n.end[0];
	e->ids[0] = 100;
	e->addrs[0] = addr_of(ip, 5001);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 100, e->addrs[0], SMALL_MTU), TULLE_OK);
	tulle_ice_paths_known(e->ice, 0);
	ck_assert_int_eq(
		tulle_ice_set_remote(e->ice, 0, TULLE_TEXT("them"), TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	const tulle_bytes dtls = {dtls_len != 0 ? flight : NULL, dtls_len};
	ck_assert_int_eq(tulle_ice_set_opaque(e->ice, dtls, (tulle_bytes){NULL, 0}), TULLE_OK);
	ck_assert_int_eq(add(&n, ip, 6001, ""), TULLE_TAKEN);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, ip, 6001), TULLE_TAKEN);
	for (int i = 0; i < 2; i++) {
		len[i] = next_out(&n, buf, &m, &d);
		ck_assert_int_eq(m.kind, i == 0 ? TULLE_STUN_SUCCESS : TULLE_STUN_REQUEST);
		has[i] = tulle_stun_has(&m, TULLE_STUN_A_DTLS_IN_STUN);
		ck_assert(tulle_ice_opaque_sent(e->ice) == has[i]);
	}
	net_wipe(&n);
}

/* STUN-126: SPED's bytes go as far as the path's mtu, to the byte; beyond it the message is plain */
START_TEST(embedded_bytes_keep_within_the_mtu)
{
	static const struct {
		const char *ip;
		size_t most; /* above IP and UDP */
	} families[] = {{"127.0.0.1", SMALL_MTU - 28}, {"::1", SMALL_MTU - 48}};
	for (size_t i = 0; i < 2; i++) {
		size_t plain[2], len[2], carried[2] = {0, 0};
		bool has[2];
		answer_and_check(families[i].ip, 0, plain, has);
		ck_assert(!has[0] && !has[1]);
		for (size_t n = 360; n < 520; n++) {
			answer_and_check(families[i].ip, n, len, has);
			for (size_t k = 0; k < 2; k++) {
				size_t full = plain[k] + 4 + (n + 3) / 4 * 4;
				ck_assert(has[k] == (full <= families[i].most));
				ck_assert_uint_eq(len[k], has[k] ? full : plain[k]);
				carried[k] += has[k];
			}
		}
		for (size_t k = 0; k < 2; k++)
			ck_assert(carried[k] > 0 && carried[k] < 160);
	}
}
END_TEST


START_TEST(who_waits_checks_back_and_nothing_else)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	alone(&n, &controlling);
	tulle_ice_wait(n.end[0].ice, 3000000);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_uint_eq(next_out(&n, buf, &m, &d), 0);
	ck_assert_int_eq(tulle_ice_poll_timeout(n.end[0].ice), 3000000);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.1", 6002), TULLE_TAKEN);
	while (next_out(&n, buf, &m, &d) != 0)
		ck_assert_uint_eq(d.path.remote.port, 6002);
	ck_assert(m.kind == TULLE_STUN_REQUEST);
	n.now = 3000000;
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	while (d.path.remote.port != 6001)
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	net_wipe(&n);
}
END_TEST

/* ICE-063: the check that a triggered one replaced is answered late */
START_TEST(a_late_answer_to_a_cancelled_check_counts)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_path p;
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	tulle_addr from = addr_of("127.0.0.1", 6001);
	size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	drain(&n, 0);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len));
	ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* ICE-096 RFC7675:8: who has recorded an answer must not keep consent with it. To a check that was
 * cancelled, to a consent check, to one of the former generation during a restart. */
START_TEST(an_answer_serves_once)
{
	for (int i = 0; i < 3; i++) {
		Net n;
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_path p;
		alone(&n, &controlled);
		tulle_addr from = addr_of("127.0.0.1", 6001);
		ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
		if (i == 0)
			ck_assert_int_eq(
				send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001),
				TULLE_TAKEN);
		drain(&n, 0);
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
		if (i == 2) {
			ck_assert_int_eq(tulle_ice_restart(n.end[0].ice, n.now), TULLE_OK);
			n.end[0].gathered = false;
			end_events(&n.end[0]);
			ck_assert_int_eq(
				tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("next"),
					TULLE_TEXT("another" THEIR_PWD), false),
				TULLE_OK);
		}
		n.now = 6 * 1000000;
		if (i != 0) {
			ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
			len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
			ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
		}
		ck_assert(tulle_ice_path(n.end[0].ice, &p));
		for (tulle_time ends = (i != 0 ? 36 : 30) * 1000000; n.now < 40 * 1000000;
			n.now += 5 * 1000000) {
			tulle_ice_handle_timeout(n.end[0].ice, n.now);
			ck_assert(tulle_ice_path(n.end[0].ice, &p) == (n.now < ends));
			(void)deliver(&n, 0, 0, &from, answer, len);
			drain(&n, 0);
		}
		net_wipe(&n);
	}
}
END_TEST

Suite *suite_ice_checks(void)
{
	Suite *s = suite_create("ice_checks");
	TCase *t = tcase_create("ice_checks");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
		t, a_request_is_judged_whole, 0, (int)(sizeof requests / sizeof *requests));
	tcase_add_test(t, only_authenticated_checks_move_the_path);
	tcase_add_test(t, an_address_that_never_answers_gets_at_most_three_times_what_it_sent);
	tcase_add_test(t, an_answer_counts_only_with_its_password_and_from_where_we_asked);
	tcase_add_test(t, an_answer_on_another_path_than_the_check_fails_the_pair);
	tcase_add_test(t, aggressive_nomination_is_taken_by_who_is_controlled);
	tcase_add_test(t, embedded_bytes_without_an_answer_are_bounded);
	tcase_add_test(t, embedded_bytes_keep_within_the_mtu);
	tcase_add_test(t, who_waits_checks_back_and_nothing_else);
	tcase_add_test(t, a_late_answer_to_a_cancelled_check_counts);
	tcase_add_test(t, an_answer_serves_once);
	suite_add_tcase(s, t);
	return s;
}
