/* SPDX-License-Identifier: MIT */
/* ice: the checklist's rules, pair by pair: priorities, states, room, nomination, consent. */
#include "ice_hand.h"

#define SECOND ((tulle_time)1000000)

static size_t count_pairs(const Net *n)
{
	tulle_ice_pair_stats p;
	size_t i = 0;
	while (tulle_ice_read_pair(n->end[0].ice, i, &p))
		i++;
	return i;
}

static bool find_pair(const Net *n, uint16_t port, tulle_ice_pair_stats *p)
{
	for (size_t i = 0; tulle_ice_read_pair(n->end[0].ice, i, p); i++)
		if (p->path.remote.port == port)
			return true;
	return false;
}

static tulle_ice_pair_stats pair_with(const Net *n, uint16_t port)
{
	tulle_ice_pair_stats p;
	ck_assert_msg(find_pair(n, port, &p), "no pair with %u", port);
	return p;
}

static tulle_drop add_line(Net *n, int foundation, unsigned priority, unsigned port)
{
	char line[96];
	snprintf(line, sizeof line, "candidate:%d 1 udp %u 127.0.0.1 %u typ host", foundation,
		priority, port);
	tulle_drop drop = tulle_ice_add_remote(n->end[0].ice, n->now, tulle_text_of(line));
	guard_end(&n->end[0]);
	return drop;
}

/* ICE-026, ICE-027, ICE-028 RFC8445:7.3.1.1: our number is neither 0 nor the largest */
START_TEST(the_larger_number_controls)
{
	static const struct {
		bool we_control;
		uint64_t theirs;
		tulle_drop drop;
		bool then;
	} cases[] = {{true, 0, TULLE_DROP_ICE_ROLE, true}, {true, UINT64_MAX, TULLE_TAKEN, false},
		{false, 0, TULLE_TAKEN, true}, {false, UINT64_MAX, TULLE_DROP_ICE_ROLE, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Net n;
		alone(&n, cases[i].we_control ? &controlling : &controlled);
		const Check c = {
			.role = cases[i].we_control ? 1 : 2, .tie_breaker = cases[i].theirs};
		ck_assert_int_eq(send_check_from(&n, &c, "127.0.0.1", 6001), cases[i].drop);
		ck_assert(tulle_ice_is_controlling(n.end[0].ice) == cases[i].then);
		net_wipe(&n);
	}
}
END_TEST

/* ICE-030, ICE-034 RFC8445:6.1.2.3: 2^32 MIN(G,D) + 2 MAX(G,D) + (G > D) */
START_TEST(the_priority_of_a_pair_is_of_both_ends_and_the_role)
{
	const uint64_t ours = 126u << 24 | 0x3ffe << 8 | 255;
	for (int i = 0; i < 2; i++) {
		Net n;
		alone(&n, i == 0 ? &controlling : &controlled);
		ck_assert_int_eq(add_line(&n, 1, 1000, 6001), TULLE_TAKEN);
		ck_assert_int_eq(add_line(&n, 2, 2147483647, 6002), TULLE_TAKEN);
		ck_assert(pair_with(&n, 6001).priority == (1000ull << 32) + 2 * ours + (i == 0));
		ck_assert(pair_with(&n, 6002).priority ==
			  (ours << 32) + 2 * 2147483647ull + (i != 0));
		const Check turn = {.role = i == 0 ? 1 : 2, .tie_breaker = i == 0 ? UINT64_MAX : 0};
		ck_assert_int_eq(send_check_from(&n, &turn, "127.0.0.1", 6003), TULLE_TAKEN);
		ck_assert(pair_with(&n, 6001).priority == (1000ull << 32) + 2 * ours + (i != 0));
		net_wipe(&n);
	}
}
END_TEST

/* ICE-037, ICE-038, ICE-041 RFC8445:6.1.2.6, 6.1.4.2, 7.2.5.3.3, RFC8838:12 */
START_TEST(one_pair_of_a_foundation_is_checked_until_it_works)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	alone(&n, &controlled);
	ck_assert_int_eq(add_line(&n, 1, 3000, 6001), TULLE_TAKEN);
	ck_assert_int_eq(add_line(&n, 1, 4000, 6002), TULLE_TAKEN);
	ck_assert_int_eq(add_line(&n, 2, 1000, 6003), TULLE_TAKEN);
	ck_assert_int_eq(pair_with(&n, 6001).state, TULLE_ICE_PAIR_WAITING);
	ck_assert_int_eq(pair_with(&n, 6002).state, TULLE_ICE_PAIR_FROZEN);
	ck_assert_int_eq(pair_with(&n, 6003).state, TULLE_ICE_PAIR_WAITING);
	/* a triggered one goes first, then the highest that waits */
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6003), TULLE_TAKEN);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	ck_assert_int_eq(m.kind, TULLE_STUN_SUCCESS);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	ck_assert_uint_eq(d.path.remote.port, 6003);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	ck_assert_uint_eq(d.path.remote.port, 6001);
	ck_assert_uint_eq(next_out(&n, buf, &m, &d), 0);
	ck_assert_int_eq(pair_with(&n, 6001).state, TULLE_ICE_PAIR_IN_PROGRESS);
	tulle_addr from = addr_of("127.0.0.1", 6001);
	ck_assert_int_eq(pair_with(&n, 6002).state, TULLE_ICE_PAIR_FROZEN);
	/* the answer to 6001's check is lost; its next one is answered */
	n.now = 1100000;
	tulle_ice_handle_timeout(n.end[0].ice, n.now);
	while (next_out(&n, buf, &m, &d) != 0)
		if (d.path.remote.port == 6001) {
			size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
			ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
			break;
		}
	ck_assert(pair_with(&n, 6001).valid);
	ck_assert_int_eq(pair_with(&n, 6002).state, TULLE_ICE_PAIR_WAITING);
	net_wipe(&n);
}
END_TEST

/* ICE-036, ICE-086, ICE-087 RFC8838:12: what comes later is put in by its priority; when all places
 * are taken the lowest that nobody waits for goes */
START_TEST(a_full_checklist_keeps_the_highest)
{
	Net n;
	tulle_ice_pair_stats p;
	tulle_ice_config config = controlled;
	config.pairs_max = 3;
	alone(&n, &config);
	for (unsigned i = 1; i <= 3; i++)
		ck_assert_int_eq(add_line(&n, (int)i, 1000 * i, 6000 + i), TULLE_TAKEN);
	ck_assert_int_eq(add_line(&n, 4, 500, 6004), TULLE_DROP_LIMIT);
	ck_assert(!find_pair(&n, 6004, &p));
	ck_assert_int_eq(add_line(&n, 5, 9000, 6005), TULLE_TAKEN);
	ck_assert(find_pair(&n, 6005, &p) && !find_pair(&n, 6001, &p));
	ck_assert_uint_eq(count_pairs(&n), 3);
	drain(&n, 0); /* all are in progress now: none may go */
	ck_assert_int_eq(add_line(&n, 6, 9500, 6006), TULLE_DROP_LIMIT);
	ck_assert(find_pair(&n, 6002, &p) && p.state == TULLE_ICE_PAIR_IN_PROGRESS);
	net_wipe(&n);
	/* a new address of ours */
	alone(&n, &controlled);
	n.end[0].late_paths = true;
	ck_assert_int_eq(add_line(&n, 1, 1000, 6001), TULLE_TAKEN);
	end_path(&n, &n.end[0], "127.0.0.2", 5002);
	ck_assert_uint_eq(count_pairs(&n), 2);
	net_wipe(&n);
}
END_TEST

/* ICE-050, ICE-051, ICE-070, ICE-072 RFC8445:7.2.5.3, 8.1.2, 12 */
START_TEST(a_nominated_pair_ends_the_search)
{
	Net n;
	tulle_path p;
	alone(&n, &controlling);
	ck_assert_int_eq(add_line(&n, 1, 9000, 6001), TULLE_TAKEN);
	ck_assert_int_eq(add_line(&n, 1, 8000, 6002), TULLE_TAKEN);
	ck_assert_int_eq(add_line(&n, 1, 7000, 6003), TULLE_TAKEN);
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_addr from = addr_of("127.0.0.1", 6001);
	for (int i = 0; i < 2; i++) {
		do
			ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		while (d.path.remote.port != 6001);
		ck_assert(tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE) == (i == 1));
		ck_assert(pair_with(&n, 6001).valid == (i == 1));
		size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
		ck_assert(pair_with(&n, 6001).valid);
		ck_assert(pair_with(&n, 6001).nominated == (i == 1));
	}
	drain(&n, 0);
	n.end[0].sent = 0;
	run(&n, 3 * SECOND); /* no check any more, and consent is not due */
	ck_assert_uint_eq(n.end[0].sent, 0);
	/* data goes there alone, and is taken from where the remote was heard */
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.1", 6002), TULLE_TAKEN);
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
	p.remote.port = 6002;
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &p));
	p.remote.port = 6003;
	ck_assert(!tulle_ice_is_validated(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* ICE-098, ICE-099 RFC7675:5.1: only the right answer from the right place is consent; without it
 * these credentials are of no more use */
START_TEST(consent_is_the_remotes_own_answer)
{
	static const char *const pwds[] = {NULL, "wrongwrongwrongwrongwrong", THEIR_PWD, THEIR_PWD};
	for (int i = 0; i < 4; i++) {
		Net n;
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_path p;
		alone(&n, &controlled);
		ck_assert_int_eq(add_line(&n, 1, 9000, 6001), TULLE_TAKEN);
		tulle_addr from = addr_of("127.0.0.1", 6001), other = addr_of("127.0.0.1", 6009);
		answer_all(&n, "127.0.0.1", 6001);
		for (n.now = SECOND; n.now < 45 * SECOND; n.now += SECOND / 2) {
			tulle_ice_handle_timeout(n.end[0].ice, n.now);
			while (next_out(&n, buf, &m, &d) != 0) {
				size_t len =
					answer_check(&n, &m, &from, pwds[i], answer, sizeof answer);
				(void)deliver(&n, 0, 0, i == 2 ? &other : &from, answer, len);
			}
		}
		ck_assert(tulle_ice_path(n.end[0].ice, &p) == (i == 3));
		ck_assert((state_of(&n, 0) == TULLE_ICE_FAILED) == (i != 3));
		if (i == 3) {
			net_wipe(&n);
			continue;
		}
		ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("them"),
					 TULLE_TEXT(THEIR_PWD), false),
			TULLE_OK);
		ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .nominate = true},
					 "127.0.0.1", 6001),
			TULLE_DROP_STATE);
		ck_assert_int_eq(add_line(&n, 2, 9000, 6002), TULLE_TAKEN);
		ck_assert_uint_eq(next_out(&n, buf, &m, &d), 0);
		ck_assert(!tulle_ice_path(n.end[0].ice, &p));
		net_wipe(&n);
	}
}
END_TEST

/* STUN-038, STUN-050, STUN-051: the same request has the same answer, back to where it came from */
START_TEST(a_request_that_comes_twice_is_answered_alike)
{
	Net n;
	uint8_t first[TULLE_ICE_DATAGRAM_BYTES], second[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_addr mapped, from = addr_of("127.0.0.1", 6001);
	alone(&n, &controlled);
	const Check c = {.role = 1, .id = 7};
	ck_assert_int_eq(send_check_from(&n, &c, "127.0.0.1", 6001), TULLE_TAKEN);
	size_t len = next_out(&n, first, &m, &d);
	ck_assert(tulle_stun_address(&m, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &mapped));
	ck_assert(tulle_addr_is(&mapped, &from) && tulle_addr_is(&d.path.remote, &from));
	ck_assert(tulle_addr_is(&d.path.local, &n.end[0].addrs[0]));
	ck_assert_int_eq(send_check_from(&n, &c, "127.0.0.1", 6001), TULLE_TAKEN);
	ck_assert_uint_eq(next_out(&n, second, &m, &d), len);
	ck_assert_mem_eq(first, second, len);
	net_wipe(&n);
}
END_TEST

/* STUN-077, STUN-123: of two integrities the stronger decides; what is not authentic tells nothing
 */
START_TEST(the_stronger_integrity_decides)
{
	for (int i = 0; i < 4; i++) {
		Net n;
		uint8_t buf[400], id[12] = {9};
		char name[64];
		tulle_text ufrag, pwd;
		tulle_ice_config config = controlled;
		config.opaque = true;
		alone(&n, &config);
		tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
		snprintf(name, sizeof name, "%.*s:them", (int)ufrag.len, ufrag.ptr);
		const tulle_bytes right = {(const uint8_t *)pwd.ptr, pwd.len},
				  wrong = {(const uint8_t *)THEIR_PWD, 26};
		tulle_stun_writer w = tulle_stun_write_begin(
			buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
		tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME, tulle_text_of(name));
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLING, 1);
		tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1);
		tulle_stun_write_bytes(&w, 0xc070, "hello", 5);
		tulle_stun_write_integrity(&w, (i & 1) != 0 ? right : wrong);
		tulle_stun_write_integrity_sha256(&w, (i & 2) != 0 ? right : wrong);
		tulle_stun_write_fingerprint(&w);
		tulle_addr from = addr_of("127.0.0.1", 6001);
		size_t len = tulle_stun_write_finish(&w);
		ck_assert_int_eq(deliver(&n, 0, 0, &from, buf, len),
			(i & 2) != 0 ? TULLE_TAKEN : TULLE_DROP_STUN_INTEGRITY);
		ck_assert_uint_eq(n.end[0].opaque_count, (i & 2) != 0);
		net_wipe(&n);
	}
}
END_TEST

Suite *suite_ice_pairs(void)
{
	Suite *s = suite_create("ice_pairs");
	TCase *t = tcase_create("ice_pairs");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_larger_number_controls);
	tcase_add_test(t, the_priority_of_a_pair_is_of_both_ends_and_the_role);
	tcase_add_test(t, one_pair_of_a_foundation_is_checked_until_it_works);
	tcase_add_test(t, a_full_checklist_keeps_the_highest);
	tcase_add_test(t, a_nominated_pair_ends_the_search);
	tcase_add_test(t, consent_is_the_remotes_own_answer);
	tcase_add_test(t, a_request_that_comes_twice_is_answered_alike);
	tcase_add_test(t, the_stronger_integrity_decides);
	suite_add_tcase(s, t);
	return s;
}
