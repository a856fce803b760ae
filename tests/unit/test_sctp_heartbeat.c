/* SPDX-License-Identifier: MIT */
/* sctp: HEARTBEAT both ways, and a path that answers no more: RFC9260:8.1, 8.3. */
#include "tests/unit/sctp_states.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
}

static void teardown(void)
{
	pair_close(&p);
}

#define S(state) TULLE_SCTP_STATE_##state

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_drop beat(size_t len, const void *value)
{
	return hand_give(&p, 0, SCTP_HEARTBEAT, 0, len, value);
}

static tulle_sctp_chunk said(int from, uint8_t type)
{
	tulle_sctp_chunk chunk = {0};
	hand_expect(&p, from, type);
	ck_assert(pair_find(&p.end[from], type, 0, &chunk));
	return chunk;
}

/* RFC9260:8.3: answered from COOKIE-ECHOED on, there behind the COOKIE ECHO (5.1 C) */
START_TEST(a_heartbeat_in_each_state)
{
	static const uint8_t info[] = {0, 1, 0, 8, 1, 2, 3, 4};
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		ck_assert_int_eq(beat(sizeof info, info),
			state == S(COOKIE_WAIT) ? TULLE_DROP_STATE : TULLE_TAKEN);
		if (state == S(COOKIE_WAIT)) {
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
			continue;
		}
		ck_assert_mem_eq(said(0, SCTP_HEARTBEAT_ACK).value.ptr, info, sizeof info);
		if (state == S(COOKIE_ECHOED))
			ck_assert_uint_eq(p.end[0].packet[0][12], SCTP_COOKIE_ECHO);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
	}
}
END_TEST

/* RFC9260:5.1 C: no room beside the COOKIE ECHO, so not before the association is up */
START_TEST(no_packet_goes_without_the_cookie_echo)
{
	static const uint8_t info[] = {0, 1, 0, 8, 1, 2, 3, 4};
	uint8_t extra[404] = {0, 7, 1, 148};
	p.config.packet_bytes_max = 508;
	pair_open(&p, 100);
	tulle_sctp_connect(end0(), p.now);
	pair_catch(&p, 0);
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = extra;
	ack.extra_len = sizeof extra;
	ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
	(void)said(0, SCTP_COOKIE_ECHO);
	ck_assert_int_eq(beat(sizeof info, info), TULLE_TAKEN);
	tulle_sctp_chunk chunk;
	(void)said(0, SCTP_COOKIE_ECHO);
	ck_assert(!pair_find(&p.end[0], SCTP_HEARTBEAT_ACK, 0, &chunk));
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(hand_give(&p, 0, SCTP_COOKIE_ACK, 0, 0, NULL), TULLE_TAKEN);
	(void)said(0, SCTP_HEARTBEAT_ACK);
}
END_TEST

/* SCTP-113 RFC9260:8.3: all of the value comes back, other parameters too; SCTP-115: never more */
START_TEST(a_heartbeat_comes_back_whole_or_not_at_all)
{
	uint8_t value[300] = {0, 1, 0, 0};
	hand_state(&p, S(ESTABLISHED));
	for (size_t len = 0; len <= 300; len++) {
		bool good = len >= 4;
		value[2] = (uint8_t)(len >> 8);
		value[3] = (uint8_t)len;
		tulle_drop drop = beat(len, value);
		if (!good || len > 256) {
			ck_assert_int_eq(drop, good ? TULLE_DROP_LIMIT : TULLE_DROP_MALFORMED);
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
			continue;
		}
		tulle_sctp_chunk ack = said(0, SCTP_HEARTBEAT_ACK);
		ck_assert_uint_eq(ack.value.len, len);
		ck_assert_mem_eq(ack.value.ptr, value, len);
	}
	static const uint8_t two[] = {0, 1, 0, 5, 9, 0, 0, 0, 0x80, 9, 0, 6, 7, 7};
	ck_assert_int_eq(beat(sizeof two, two), TULLE_TAKEN);
	tulle_sctp_chunk ack = said(0, SCTP_HEARTBEAT_ACK);
	ck_assert_uint_eq(ack.value.len, sizeof two);
	ck_assert_mem_eq(ack.value.ptr, two, sizeof two);
	static const uint8_t bad[][12] = {{0, 1, 0, 3, 9}, {0, 1, 0, 13, 9}, {0, 2, 0, 12, 9},
		{0, 1, 0, 8, 9, 9, 9, 9, 0, 9, 0, 3}, {0, 1, 0, 8, 9, 9, 9, 9, 0, 9, 0, 5},
		{0, 1, 0, 10, 9}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad - 1; i++)
		ck_assert_int_eq(beat(12, bad[i]), TULLE_DROP_MALFORMED);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
}
END_TEST

/* SCTP-112 RFC9260:8.3: HB.interval and a round trip, half of that more or less, when idle */
START_TEST(an_idle_path_is_asked_each_interval)
{
	tulle_time least = TULLE_TIME_NEVER, most = 0;
	hand_state(&p, S(ESTABLISHED));
	for (int i = 0; i < 60; i++) {
		tulle_time from = p.now, rto = end0()->rto;
		tulle_sctp_heartbeat_arm(end0());
		pair_expire(&p, 0);
		tulle_time off = p.now - from - 30000000;
		ck_assert(off >= rto / 2 && off <= rto + rto / 2);
		least = tulle_time_min(least, off * 100 / rto);
		most = tulle_time_max(most, off * 100 / rto);
		(void)said(0, SCTP_HEARTBEAT);
		pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
		(void)said(1, SCTP_HEARTBEAT_ACK);
		ck_assert_int_eq(
			pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]), TULLE_TAKEN);
		ck_assert_uint_eq(end0()->errors, 0);
	}
	ck_assert(least < 70 && most > 130); /* there is jitter */
	tulle_sctp_send(end0(), p.now, 0, 51, "x", 1, NULL);
	pair_settle(&p);
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 0); /* data was acknowledged: it was not idle */
}
END_TEST

/* SCTP-114, SCTP-111 RFC9260:8.1, 8.3: no answer counts and backs off, in the end it is lost */
START_TEST(heartbeats_without_answer_end_the_association)
{
	hand_state(&p, S(ESTABLISHED));
	tulle_time rto = end0()->rto;
	for (unsigned i = 0; i <= 10; i++) {
		pair_expire(&p, 0);
		ck_assert_uint_eq(end0()->errors, i);
		ck_assert_int_eq(end0()->rto, rto);
		(void)said(0, SCTP_HEARTBEAT);
		rto = tulle_time_min(2 * rto, 10000000);
	}
	pair_expire(&p, 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
}
END_TEST

/* SCTP-113 RFC9260:8.3, 5.4: a nonce of 64 bits, another one each time, good once */
START_TEST(an_answer_counts_once_and_to_the_last_question)
{
	uint8_t old[64] = {0};
	size_t old_len = 0;
	hand_state(&p, S(ESTABLISHED));
	for (int i = 0; i < 3; i++) {
		pair_expire(&p, 0);
		tulle_sctp_chunk chunk = said(0, SCTP_HEARTBEAT);
		ck_assert_uint_ge(chunk.value.len, 4 + 8);
		ck_assert(i == 0 || memcmp(old, chunk.value.ptr, chunk.value.len) != 0);
		if (i != 0)
			ck_assert_int_eq(hand_give(&p, 0, SCTP_HEARTBEAT_ACK, 0, old_len, old),
				TULLE_DROP_STATE);
		ck_assert_uint_eq(end0()->errors, (unsigned)i);
		old_len = chunk.value.len;
		memcpy(old, chunk.value.ptr, old_len);
	}
	p.now += 30000;
	tulle_sctp_rto_init(end0());
	ck_assert_int_eq(hand_give(&p, 0, SCTP_HEARTBEAT_ACK, 0, old_len, old), TULLE_TAKEN);
	ck_assert_uint_eq(end0()->errors, 0);
	ck_assert_int_eq(end0()->srtt, 30000);
	ck_assert_int_eq(hand_give(&p, 0, SCTP_HEARTBEAT_ACK, 0, old_len, old), TULLE_DROP_STATE);
}
END_TEST

/* RFC9260:8.3: none after SHUTDOWN or SHUTDOWN ACK was sent */
START_TEST(no_heartbeat_once_the_end_has_begun)
{
	for (tulle_sctp_state state = S(SHUTDOWN_SENT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		tulle_sctp_chunk chunk;
		if (state == S(SHUTDOWN_RECEIVED))
			continue;
		hand_state(&p, state);
		for (int i = 0; i < 4; i++) {
			ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_HEARTBEAT));
			pair_expire(&p, 0);
			pair_catch(&p, 0);
			ck_assert(!pair_find(&p.end[0], SCTP_HEARTBEAT, 0, &chunk));
		}
	}
	hand_state(&p, S(SHUTDOWN_PENDING)); /* its data keeps T3 going: that is no idle path */
	ck_assert(tulle_sctp_is_timing(end0(), SCTP_T_HEARTBEAT));
}
END_TEST

START_TEST(heartbeats_can_be_off_or_without_randomness)
{
	p.config.heartbeat_us = -1;
	pair_open(&p, 100);
	pair_connect(&p);
	ck_assert(tulle_sctp_poll_timeout(end0()) == TULLE_TIME_NEVER);
	hand_state(&p, S(ESTABLISHED));
	p.no_random = true;
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 0); /* none is better than one that can be guessed */
	p.no_random = false;
	pair_expire(&p, 0);
	(void)said(0, SCTP_HEARTBEAT);
	ck_assert_uint_eq(end0()->errors, 0);
}
END_TEST

Suite *suite_sctp_heartbeat(void);
Suite *suite_sctp_heartbeat(void)
{
	Suite *s = suite_create("sctp_heartbeat");
	TCase *t = tcase_create("heartbeat");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_heartbeat_in_each_state);
	tcase_add_test(t, no_packet_goes_without_the_cookie_echo);
	tcase_add_test(t, a_heartbeat_comes_back_whole_or_not_at_all);
	tcase_add_test(t, an_idle_path_is_asked_each_interval);
	tcase_add_test(t, heartbeats_without_answer_end_the_association);
	tcase_add_test(t, an_answer_counts_once_and_to_the_last_question);
	tcase_add_test(t, no_heartbeat_once_the_end_has_begun);
	tcase_add_test(t, heartbeats_can_be_off_or_without_randomness);
	suite_add_tcase(s, t);
	return s;
}
