/* SPDX-License-Identifier: MIT */
/* ice: what NATs do to checks: addresses that nobody signaled, NATs that map each check anew,
 * answers that are lost or late, relays that are known for relays too late. Each was found by
 * build/sim nat. */
#include "ice_hand.h"

#include "ice/ice.h"

/* Requests to a port, now; the first one's id. */
static unsigned requests_to(Net *n, uint16_t port, uint8_t id[TULLE_STUN_ID_BYTES])
{
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	unsigned count = 0;
	while (next_out(n, buf, &m, &d) != 0)
		if (m.kind == TULLE_STUN_REQUEST && d.path.remote.port == port && count++ == 0)
			memcpy(id, m.id, TULLE_STUN_ID_BYTES);
	return count;
}

static void wait_until(Net *n, tulle_time t)
{
	n->now = t;
	tulle_ice_handle_timeout(n->end[0].ice, n->now);
}

/* RFC8445:7.3.1.4: the remote has our answer, says no more, and waits for our check. */
START_TEST(a_new_port_of_a_signaled_address_is_checked_for_as_long_as_any)
{
	Net n;
	uint8_t id[TULLE_STUN_ID_BYTES];
	unsigned sent = 0;
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6002), TULLE_TAKEN);
	for (; n.now < 39 * 1000000; wait_until(&n, n.now + 100000))
		sent += requests_to(&n, 6002, id);
	ck_assert_uint_eq(sent, 7);
	net_wipe(&n);
}
END_TEST

/* FIELD: reflection. SPED fills what may go only as far as plain checks still have room. */
START_TEST(sped_leaves_room_for_a_check)
{
	Net n;
	tulle_ice_config config = controlled;
	static const uint8_t flight[170] = {22};
	uint8_t id[TULLE_STUN_ID_BYTES];
	config.opaque = true;
	alone(&n, &config);
	ck_assert_int_eq(tulle_ice_set_opaque(n.end[0].ice, (tulle_bytes){flight, sizeof flight},
				 (tulle_bytes){NULL, 0}),
		TULLE_OK);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.9", 6001), TULLE_TAKEN);
	ck_assert_uint_eq(requests_to(&n, 6001, id), 1);
	wait_until(&n, 500000);
	ck_assert_uint_eq(requests_to(&n, 6001, id), 1);
	net_wipe(&n);
}
END_TEST

/* Two NATs of RFC4787:4.1 that map for each address and port, and let all in: each check comes from
 * a new port and is answered from another one. It must have an end, and be no storm until then. */
START_TEST(two_nats_that_map_each_check_anew_are_left)
{
	Net n;
	uint8_t id[TULLE_STUN_ID_BYTES], buf[200];
	unsigned sent = 0;
	alone(&n, &controlled);
	for (uint16_t i = 0; i < 1000; i++) {
		tulle_addr elsewhere = addr_of("127.0.0.9", (uint16_t)(30000 + i));
		tulle_stun_message m = {0};
		(void)send_check_from(&n, &(Check){.role = 1, .id = (uint8_t)i}, "127.0.0.9",
			(uint16_t)(7000 + i));
		if (requests_to(&n, (uint16_t)(7000 + i), id) != 0) {
			sent++;
			memcpy(m.id, id, sizeof id);
			size_t len = answer_check(&n, &m, &elsewhere, THEIR_PWD, buf, sizeof buf);
			ck_assert_int_eq(
				deliver(&n, 0, 0, &elsewhere, buf, len), TULLE_DROP_ICE_SOURCE);
		}
		wait_until(&n, n.now + 20000);
	}
	ck_assert_uint_ge(sent, 16 + 4);
	ck_assert_uint_le(sent, 16 + 20 / 5 + 1);
	wait_until(&n, n.now + 40 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	net_wipe(&n);
}
END_TEST

/* RFC8445:7.3.1.4: however many checks of theirs come before the answer to ours. */
START_TEST(checks_that_cross_do_not_lose_the_answer)
{
	Net n;
	uint8_t id[TULLE_STUN_ID_BYTES], again[TULLE_STUN_ID_BYTES], buf[200];
	tulle_path p;
	tulle_stun_message m = {0};
	tulle_addr from = addr_of("127.0.0.1", 6001);
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_uint_eq(requests_to(&n, 6001, id), 1);
	for (uint8_t i = 0; i < 5; i++) {
		n.now += 1000;
		ck_assert_int_eq(
			send_check_from(&n, &(Check){.role = 1, .id = i}, "127.0.0.1", 6001),
			TULLE_TAKEN);
		ck_assert_uint_eq(requests_to(&n, 6001, again), 1);
		ck_assert_mem_eq(again, id, sizeof id);
	}
	memcpy(m.id, id, sizeof id);
	size_t len = answer_check(&n, &m, &from, THEIR_PWD, buf, sizeof buf);
	n.now += 1000;
	ck_assert_int_eq(deliver(&n, 0, 0, &from, buf, len), TULLE_TAKEN);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	ck_assert_int_eq(
		tulle_ice_rtt(n.end[0].ice), 0); /* Karn: to which of them? RFC8489:6.2.1 */
	net_wipe(&n);
}
END_TEST

/* What the agent asks now, of whom and whether it nominates; false: nothing. */
typedef struct {
	uint16_t port;
	bool nominates;
	uint8_t id[TULLE_STUN_ID_BYTES];
} Question;

static bool next_question(Net *n, Question *q)
{
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	while (next_out(n, buf, &m, &d) != 0)
		if (m.kind == TULLE_STUN_REQUEST) {
			*q = (Question){.port = d.path.remote.port,
				.nominates = tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE)};
			memcpy(q->id, m.id, sizeof q->id);
			return true;
		}
	return false;
}

static void answer_question(Net *n, const Question *q, const char *ip)
{
	uint8_t buf[200];
	tulle_stun_message m = {0};
	tulle_addr from = addr_of(ip, q->port);
	memcpy(m.id, q->id, sizeof q->id);
	size_t len = answer_check(n, &m, &n->end[0].addrs[0], THEIR_PWD, buf, sizeof buf);
	ck_assert_int_eq(deliver(n, 0, 0, &from, buf, len), TULLE_TAKEN);
}

/* RFC8838:11: a relay's check may come before its candidate does. Then there is something better.
 */
START_TEST(what_turns_out_to_be_a_relay_is_left_for_a_direct_pair)
{
	Net n;
	Question direct, relay, more;
	tulle_path p;
	alone(&n, &controlling);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert(next_question(&n, &direct) && direct.port == 6001);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.2", 7001), TULLE_TAKEN);
	ck_assert(next_question(&n, &relay) && relay.port == 7001);
	answer_question(&n, &relay, "127.0.0.2");
	ck_assert(next_question(&n, &relay) && relay.port == 7001 && relay.nominates);
	answer_question(
		&n, &direct, "127.0.0.1"); /* valid, while the other one is being nominated */
	answer_question(&n, &relay, "127.0.0.2");
	ck_assert(!next_question(&n, &more));
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 7001);
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, n.now,
				 TULLE_TEXT("candidate:9 1 udp 16777215 127.0.0.2 7001 typ relay")),
		TULLE_TAKEN);
	ck_assert(next_question(&n, &more) && more.port == 6001 && more.nominates);
	answer_question(&n, &more, "127.0.0.1");
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
	net_wipe(&n);
}
END_TEST

/* Of two relays whose candidates come late the second is nominated in the place of the first, and
 * meanwhile a direct pair works. */
START_TEST(a_direct_pair_is_not_forgotten_behind_two_relays)
{
	Net n;
	Question first, second, direct;
	alone(&n, &controlling);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.2", 7001), TULLE_TAKEN);
	ck_assert(next_question(&n, &first) && first.port == 7001);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.2", 7002), TULLE_TAKEN);
	ck_assert(next_question(&n, &second) && second.port == 7002);
	answer_question(&n, &first, "127.0.0.2");
	answer_question(&n, &second, "127.0.0.2");
	ck_assert(next_question(&n, &first) && first.port == 7001 && first.nominates);
	answer_question(&n, &first, "127.0.0.2");
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, n.now,
				 TULLE_TEXT("candidate:9 1 udp 16777215 127.0.0.2 7001 typ relay")),
		TULLE_TAKEN);
	ck_assert(next_question(&n, &second) && second.port == 7002 && second.nominates);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert(next_question(&n, &direct) && direct.port == 6001);
	answer_question(&n, &direct, "127.0.0.1");
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, n.now,
				 TULLE_TEXT("candidate:9 1 udp 16777214 127.0.0.2 7002 typ relay")),
		TULLE_TAKEN);
	ck_assert(!next_question(&n, &direct));
	answer_question(&n, &second, "127.0.0.2");
	ck_assert(next_question(&n, &direct) && direct.port == 6001 && direct.nominates);
	net_wipe(&n);
}
END_TEST

/* Who is controlled leaves the nominated pair for a second's silence; it must not stay away. */
START_TEST(the_nominated_pair_is_taken_again_when_the_remote_is_still_there)
{
	Net n;
	Question first, second, more;
	tulle_path p;
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6002, ""), TULLE_TAKEN);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .nominate = true}, "127.0.0.1", 6001),
		TULLE_TAKEN);
	ck_assert(next_question(&n, &first) && first.port == 6001);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6002), TULLE_TAKEN);
	ck_assert(next_question(&n, &second) && second.port == 6002);
	answer_question(&n, &first, "127.0.0.1");
	n.now = 10000;
	answer_question(&n, &second, "127.0.0.1");
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
	n.now = 2 * 1000000;
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .id = 2}, "127.0.0.1", 6002), TULLE_TAKEN);
	ck_assert(next_question(&n, &more) && more.port == 6001); /* is it still there? */
	wait_until(&n, n.now + 1000001);
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6002);
	while (next_question(&n, &more))
		continue;
	n.now += 500000;
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1, .id = 3}, "127.0.0.1", 6001), TULLE_TAKEN);
	ck_assert(next_question(&n, &more) && more.port == 6001);
	answer_question(&n, &more, "127.0.0.1");
	ck_assert(tulle_ice_path(n.end[0].ice, &p) && p.remote.port == 6001);
	net_wipe(&n);
}
END_TEST

/* W3C's perfect negotiation: candidates behind an offer that lost to ours are added all the same,
 * and those behind the answer count, from the same addresses. RFC8838:14 */
START_TEST(candidates_of_an_offer_that_lost_do_not_end_those_of_the_answer)
{
	Net n;
	Question q;
	static const char lost[] =
		"candidate:1 1 udp 2130706431 127.0.0.1 6001 typ host ufrag lost";
	static const char next[] =
		"candidate:1 1 udp 2130706431 127.0.0.1 6001 typ host ufrag next";
	alone(&n, &controlling);
	ck_assert_int_eq(tulle_ice_restart(n.end[0].ice, n.now), TULLE_OK);
	ck_assert_int_eq(
		tulle_ice_add_remote(n.end[0].ice, n.now, tulle_text_of(lost)), TULLE_TAKEN);
	ck_assert_int_eq(
		tulle_ice_add_remote_of(n.end[0].ice, n.now, TULLE_TEXT(""), TULLE_TEXT("lost")),
		TULLE_TAKEN);
	ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, n.now, tulle_text_of(lost)),
		TULLE_DROP_ICE_GENERATION);
	ck_assert_int_eq(
		tulle_ice_add_remote(n.end[0].ice, n.now, tulle_text_of(next)), TULLE_TAKEN);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("next"),
				 TULLE_TEXT("anotherpasswordanotherpass"), false),
		TULLE_OK);
	ck_assert(next_question(&n, &q) && q.port == 6001);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6002, " ufrag next"), TULLE_TAKEN);
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_nats(void)
{
	Suite *s = suite_create("ice_nats");
	TCase *t = tcase_create("ice_nats");
	tcase_add_test(t, a_new_port_of_a_signaled_address_is_checked_for_as_long_as_any);
	tcase_add_test(t, sped_leaves_room_for_a_check);
	tcase_add_test(t, two_nats_that_map_each_check_anew_are_left);
	tcase_add_test(t, checks_that_cross_do_not_lose_the_answer);
	tcase_add_test(t, what_turns_out_to_be_a_relay_is_left_for_a_direct_pair);
	tcase_add_test(t, a_direct_pair_is_not_forgotten_behind_two_relays);
	tcase_add_test(t, the_nominated_pair_is_taken_again_when_the_remote_is_still_there);
	tcase_add_test(t, candidates_of_an_offer_that_lost_do_not_end_those_of_the_answer);
	suite_add_tcase(s, t);
	return s;
}
