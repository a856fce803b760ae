/* SPDX-License-Identifier: MIT */
/* sctp: ending in order: SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE in each state, T2 and T5:
 * RFC9260:9.2. */
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
#define BE (SCTP_FLAG_B | SCTP_FLAG_E)

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_sctp_state now0(void)
{
	return tulle_sctp_state_now(end0());
}

static uint32_t acked(void)
{
	return end0()->out.acked_tsn;
}

static uint32_t last_sent(void)
{
	return end0()->out.next_tsn - 1;
}

static void ck_closed(int end, tulle_sctp_closed why)
{
	pair_events(&p, end);
	ck_assert_int_eq(p.end[end].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[end].last.why, why);
}

/* SCTP-118 RFC9260:9.2: in each state, once and again */
START_TEST(our_shutdown_in_each_state)
{
	static const tulle_sctp_state next[STATES] = {S(CLOSED), S(CLOSED), S(CLOSED),
		S(SHUTDOWN_SENT), S(SHUTDOWN_PENDING), S(SHUTDOWN_SENT), S(SHUTDOWN_RECEIVED),
		S(SHUTDOWN_ACK_SENT)};
	for (tulle_sctp_state state = S(CLOSED); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		ck_assert_int_eq(tulle_sctp_shutdown(end0(), p.now), TULLE_OK);
		ck_assert_int_eq(now0(), next[state]);
		ck_assert_int_eq(
			tulle_sctp_send(end0(), p.now, 0, 51, "x", 1, NULL), TULLE_ERR_STATE);
		if (state < S(ESTABLISHED))
			ck_closed(0, TULLE_SCTP_SHUTDOWN);
		ck_assert_uint_eq(
			pair_catch(&p, 0), state == S(ESTABLISHED) || state == S(COOKIE_ECHOED));
	}
}
END_TEST

/* SCTP-118: SHUTDOWN goes out when all is acknowledged, with the last TSN that came in order */
START_TEST(a_shutdown_waits_for_what_is_out)
{
	hand_state(&p, S(SHUTDOWN_PENDING));
	pair_data(&p, 0, 0, 1, 0, BE, "x");
	pair_data(&p, 0, 1, 1, 2, BE, "behind a hole");
	pair_catch(&p, 0);
	ck_assert_int_eq(hand_sack(&p, 0, acked()), TULLE_TAKEN);
	ck_assert_int_eq(now0(), S(SHUTDOWN_PENDING));
	uint32_t cumulative = end0()->in.cumulative;
	ck_assert_int_eq(hand_sack(&p, 0, last_sent()), TULLE_TAKEN);
	ck_assert_int_eq(now0(), S(SHUTDOWN_SENT));
	tulle_sctp_chunk chunk;
	hand_expect(&p, 0, SCTP_SHUTDOWN);
	ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
	ck_assert_uint_eq(tulle_rd_u32(&r), cumulative);
	ck_assert_int_eq(end0()->timers[SCTP_T_SHUTDOWN], p.now + end0()->rto);
}
END_TEST

/* RFC9260:9.2: the peer's SHUTDOWN in each state */
START_TEST(a_shutdown_of_the_peer_in_each_state)
{
	static const tulle_sctp_state next[STATES] = {S(CLOSED), S(COOKIE_WAIT), S(COOKIE_ECHOED),
		S(SHUTDOWN_ACK_SENT), S(SHUTDOWN_RECEIVED), S(SHUTDOWN_ACK_SENT),
		S(SHUTDOWN_RECEIVED), S(SHUTDOWN_ACK_SENT)};
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		tulle_drop drop = hand_shutdown(&p, 0, acked());
		ck_assert_int_eq(drop, state < S(ESTABLISHED) ? TULLE_DROP_STATE : TULLE_TAKEN);
		ck_assert_int_eq(now0(), next[state]);
		tulle_sctp_chunk chunk;
		pair_catch(&p, 0);
		ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN_ACK, 0, &chunk) ==
			  (next[state] == S(SHUTDOWN_ACK_SENT)));
		ck_assert(!pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
	}
	hand_state(&p, S(ESTABLISHED)); /* crossing one that has not gone out yet */
	tulle_sctp_shutdown(end0(), p.now);
	ck_assert_int_eq(hand_shutdown(&p, 0, acked()), TULLE_TAKEN);
	tulle_sctp_chunk chunk;
	hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
	ck_assert(!pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
}
END_TEST

/* SCTP-119 RFC9260:9.2: what is out is sent again until it is acknowledged, then SHUTDOWN ACK */
START_TEST(who_was_asked_to_end_first_delivers_what_is_out)
{
	hand_state(&p, S(SHUTDOWN_RECEIVED));
	ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 0, 51, "x", 1, NULL), TULLE_ERR_STATE);
	for (int i = 0; i < 3; i++) {
		pair_expire(&p, 0);
		hand_expect(&p, 0, SCTP_DATA);
		ck_assert_int_eq(hand_shutdown(&p, 0, acked()), TULLE_TAKEN);
		ck_assert_int_eq(now0(), S(SHUTDOWN_RECEIVED));
	}
	ck_assert_int_eq(hand_sack(&p, 0, last_sent()), TULLE_TAKEN);
	ck_assert_int_eq(now0(), S(SHUTDOWN_ACK_SENT));
	hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
}
END_TEST

/* SCTP-120 RFC9260:9.2: the SHUTDOWN's cumulative TSN acknowledges; one never sent is refused */
START_TEST(a_shutdown_acknowledges)
{
	for (int early = 0; early < 2; early++) {
		hand_state(&p, early ? S(SHUTDOWN_PENDING) : S(SHUTDOWN_RECEIVED));
		tulle_sctp_state before = now0();
		ck_assert_uint_eq(tulle_sctp_unacked_total(end0()), 1);
		ck_assert_int_eq(hand_shutdown(&p, 0, last_sent() + 1), TULLE_DROP_SCTP_SACK);
		ck_assert_int_eq(
			hand_shutdown(&p, 0, last_sent() + 0x7fffffff), TULLE_DROP_SCTP_SACK);
		ck_assert_int_eq(
			hand_give(&p, 0, SCTP_SHUTDOWN, 0, 3, "abc"), TULLE_DROP_MALFORMED);
		ck_assert_int_eq(
			hand_give(&p, 0, SCTP_SHUTDOWN, 0, 5, "abcde"), TULLE_DROP_MALFORMED);
		ck_assert_int_eq(now0(), before);
		ck_assert_int_eq(hand_shutdown(&p, 0, acked() - 1), TULLE_TAKEN); /* an old one */
		ck_assert_uint_eq(tulle_sctp_unacked_total(end0()), 1);
		ck_assert_int_eq(now0(), S(SHUTDOWN_RECEIVED));
		ck_assert_int_eq(hand_shutdown(&p, 0, last_sent()), TULLE_TAKEN);
		ck_assert_uint_eq(tulle_sctp_unacked_total(end0()), 0);
		ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_RTX));
		ck_assert_int_eq(now0(), S(SHUTDOWN_ACK_SENT));
	}
}
END_TEST

/* RFC9260:9.2: SHUTDOWN ACK ends what has sent SHUTDOWN or SHUTDOWN ACK, and nothing else */
START_TEST(a_shutdown_ack_in_each_state)
{
	for (tulle_sctp_state state = S(ESTABLISHED); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		uint32_t tag = end0()->identity.remote_tag;
		tulle_drop drop = hand_give(&p, 0, SCTP_SHUTDOWN_ACK, 0, 0, NULL);
		bool ends = state == S(SHUTDOWN_SENT) || state == S(SHUTDOWN_ACK_SENT);
		ck_assert_int_eq(drop, ends ? TULLE_TAKEN : TULLE_DROP_STATE);
		if (!ends) {
			ck_assert_int_eq(now0(), state);
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
			continue;
		}
		tulle_sctp_chunk chunk;
		hand_expect(&p, 0, SCTP_SHUTDOWN_COMPLETE);
		ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN_COMPLETE, 0, &chunk));
		ck_assert_uint_eq(chunk.flags, 0); /* 8.5.1 C: there is a TCB */
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), tag);
		ck_assert(tulle_sctp_poll_timeout(end0()) == TULLE_TIME_NEVER);
		ck_closed(0, TULLE_SCTP_SHUTDOWN);
	}
}
END_TEST

/* SCTP-059 RFC9260:8.5.1 C, 9.2 */
START_TEST(a_shutdown_complete_in_each_state_by_tag_and_t_bit)
{
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++)
		for (unsigned i = 0; i < 8; i++) {
			bool theirs = i & 1, t = i & 2, other = i & 4;
			hand_state(&p, state);
			uint8_t chunk[4] = {SCTP_SHUTDOWN_COMPLETE, t ? SCTP_FLAG_T : 0, 0, 4};
			uint32_t tag = theirs ? end0()->identity.remote_tag : pair_tag(&p, 0);
			(void)pair_inject(&p, 0, other ? tag ^ 1 : tag, chunk, 4);
			bool ends = state == S(SHUTDOWN_ACK_SENT) && theirs == t && !other;
			ck_assert_int_eq(now0(), ends ? S(CLOSED) : state);
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
			if (ends)
				ck_closed(0, TULLE_SCTP_SHUTDOWN);
		}
}
END_TEST

/* SCTP-121 RFC9260:9.2: T2 doubles and sends again, ten times, then the peer is lost */
START_TEST(t2_sends_again_until_the_peer_is_lost)
{
	static const struct {
		tulle_sctp_state state;
		uint8_t type;
	} cases[] = {{S(SHUTDOWN_SENT), SCTP_SHUTDOWN}, {S(SHUTDOWN_ACK_SENT), SCTP_SHUTDOWN_ACK}};
	for (size_t i = 0; i < 2; i++) {
		hand_state(&p, cases[i].state);
		tulle_time rto = end0()->rto, last = p.now;
		unsigned sent = 0;
		for (;;) {
			tulle_sctp_stop_timer(end0(), SCTP_T_GUARD); /* that is another test */
			pair_expire(&p, 0);
			ck_assert_int_eq(p.now - last, rto);
			if (end0()->ended)
				break;
			hand_expect(&p, 0, cases[i].type);
			sent++;
			rto = tulle_time_min(2 * rto, 10000000);
			last = p.now;
		}
		ck_assert_uint_eq(sent, 10);
		ck_closed(0, TULLE_SCTP_LOST);
	}
}
END_TEST

/* SCTP-082 RFC9260:9.2: each packet of DATA is answered at once by SACK and SHUTDOWN, T2 begins
 * anew and nothing is held against a peer that still sends */
START_TEST(data_in_shutdown_sent_is_answered_at_once)
{
	hand_state(&p, S(SHUTDOWN_SENT));
	for (uint16_t i = 0; i < 6; i++) {
		pair_expire(&p, 0); /* T2: the SHUTDOWN again, with what has come since */
		tulle_sctp_chunk chunk;
		hand_expect(&p, 0, SCTP_SHUTDOWN);
		ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
		tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
		ck_assert_uint_eq(tulle_rd_u32(&r), end0()->in.cumulative);
		ck_assert_uint_eq(end0()->errors, 1);
		p.now += 1000;
		ck_assert_int_eq(pair_data(&p, 0, 0, 1, i, BE, "x"), TULLE_TAKEN);
		ck_assert_uint_eq(end0()->errors, 0);
		ck_assert_int_eq(end0()->timers[SCTP_T_SHUTDOWN], p.now + end0()->rto);
		hand_expect(&p, 0, SCTP_SHUTDOWN);
		ck_assert(pair_find(&p.end[0], SCTP_SACK, 0, &chunk));
		pair_events(&p, 0);
	}
	ck_assert_uint_eq(p.end[0].got_len, 6);
}
END_TEST

/* RFC9260:9.2: what is not DATA brings no SHUTDOWN, so it puts none off: the one before was lost */
START_TEST(talk_in_shutdown_sent_puts_no_shutdown_off)
{
	hand_state(&p, S(SHUTDOWN_SENT));
	tulle_time due = end0()->timers[SCTP_T_SHUTDOWN];
	static const uint8_t heartbeat[] = {0, 1, 0, 8, 1, 2, 3, 4};
	for (p.now += 1000; p.now < due; p.now += end0()->rto / 3) {
		ck_assert_int_eq(hand_give(&p, 0, SCTP_HEARTBEAT, 0, 8, heartbeat), TULLE_TAKEN);
		hand_expect(&p, 0, SCTP_HEARTBEAT_ACK);
	}
	ck_assert_int_eq(end0()->timers[SCTP_T_SHUTDOWN], due);
	pair_expire(&p, 0);
	hand_expect(&p, 0, SCTP_SHUTDOWN);
}
END_TEST

/* SCTP-121 RFC9260:9.2: T5, five times RTO.Max from the first SHUTDOWN, ends with an ABORT */
START_TEST(t5_ends_a_shutdown_that_goes_on_for_ever)
{
	hand_state(&p, S(SHUTDOWN_SENT));
	tulle_time begin = p.now;
	for (uint16_t i = 0; !end0()->ended; i++) {
		p.now += 500000;
		tulle_sctp_handle_timeout(end0(), p.now);
		if (!end0()->ended)
			pair_data(&p, 0, 0, 1, i, BE, "x");
		pair_events(&p, 0);
		if (!end0()->ended)
			pair_catch(&p, 0);
	}
	ck_assert_int_eq(p.now - begin, 5 * 10000000);
	hand_expect(&p, 0, SCTP_ABORT);
	ck_closed(0, TULLE_SCTP_ABORT_LOCAL);
}
END_TEST

/* SCTP-122 RFC9260:9.2: both at once, with each packet lost once */
START_TEST(both_shut_down_at_once)
{
	for (unsigned lost = 0; lost < 8; lost++) {
		unsigned count = 0;
		hand_state(&p, S(ESTABLISHED));
		for (int i = 0; i < 2; i++)
			tulle_sctp_shutdown(p.end[i].sctp, p.now);
		for (int turn = 0; turn < 40; turn++) {
			for (int i = 0; i < 2; i++)
				pair_catch(&p, i);
			for (int i = 0; i < 2; i++)
				for (unsigned k = 0; k < p.end[i].packets; k++)
					if (count++ != lost)
						pair_give(&p, 1 - i, p.end[i].packet[k],
							p.end[i].packet_len[k]);
			if (turn % 4 != 3)
				continue;
			p.now += 1000000;
			for (int i = 0; i < 2; i++)
				tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
		}
		for (int i = 0; i < 2; i++)
			ck_closed(i, TULLE_SCTP_SHUTDOWN);
	}
}
END_TEST

/* RFC9260:9.2, 8.4 5: the SHUTDOWN COMPLETE is lost, and its sender knows nothing any more */
START_TEST(a_lost_shutdown_complete_is_made_good_out_of_the_blue)
{
	hand_state(&p, S(SHUTDOWN_ACK_SENT));
	pair_expire(&p, 0);
	hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
	tulle_sctp_abort(p.end[1].sctp, p.now, 0, (tulle_text){NULL, 0});
	pair_catch(&p, 1); /* lost too */
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	hand_expect(&p, 1, SCTP_SHUTDOWN_COMPLETE);
	ck_assert_int_eq(pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]), TULLE_TAKEN);
	ck_closed(0, TULLE_SCTP_SHUTDOWN);
}
END_TEST

/* RFC9260:9.2: nor does a packet that the end overtook make an abort of it */
START_TEST(what_the_end_overtook_is_no_abort)
{
	hand_state(&p, S(SHUTDOWN_ACK_SENT));
	tulle_sctp *s = p.end[0].sctp;
	pair_expire(&p, 0);
	hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
	uint32_t tag = pair_tag(&p, 0);
	static const uint8_t late[] = {SCTP_SACK, 0, 0, 4};
	uint8_t complete[] = {SCTP_SHUTDOWN_COMPLETE, 0, 0, 4};
	ck_assert_int_eq(pair_inject(&p, 0, tag, complete, 4), TULLE_TAKEN);
	ck_closed(0, TULLE_SCTP_SHUTDOWN);
	ck_assert_int_eq(pair_inject(&p, 0, tag, late, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(pair_inject(&p, 0, tag + 1, late, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	hand_expect(&p, 0, SCTP_ABORT); /* of somebody else */
	static const uint8_t ack[] = {SCTP_SHUTDOWN_ACK, 0, 0, 4};
	ck_assert_int_eq(pair_inject(&p, 0, tag, ack, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	hand_expect(&p, 0, SCTP_SHUTDOWN_COMPLETE);
	ck_assert_int_eq(tulle_sctp_state_now(s), S(CLOSED));
}
END_TEST

Suite *suite_sctp_shutdown(void);
Suite *suite_sctp_shutdown(void)
{
	Suite *s = suite_create("sctp_shutdown");
	TCase *t = tcase_create("shutdown");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, our_shutdown_in_each_state);
	tcase_add_test(t, a_shutdown_waits_for_what_is_out);
	tcase_add_test(t, a_shutdown_of_the_peer_in_each_state);
	tcase_add_test(t, who_was_asked_to_end_first_delivers_what_is_out);
	tcase_add_test(t, a_shutdown_acknowledges);
	tcase_add_test(t, a_shutdown_ack_in_each_state);
	tcase_add_test(t, a_shutdown_complete_in_each_state_by_tag_and_t_bit);
	tcase_add_test(t, t2_sends_again_until_the_peer_is_lost);
	tcase_add_test(t, data_in_shutdown_sent_is_answered_at_once);
	tcase_add_test(t, talk_in_shutdown_sent_puts_no_shutdown_off);
	tcase_add_test(t, t5_ends_a_shutdown_that_goes_on_for_ever);
	tcase_add_test(t, both_shut_down_at_once);
	tcase_add_test(t, a_lost_shutdown_complete_is_made_good_out_of_the_blue);
	tcase_add_test(t, what_the_end_overtook_is_no_abort);
	suite_add_tcase(s, t);
	return s;
}
