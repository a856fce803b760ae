/* SPDX-License-Identifier: MIT */
/* sctp: stream reset, RFC 6525: what the peer asks, of every type, repeated and broken. */
#include "tests/unit/sctp_reset_kit.h"

/* SCTP-147 RFC6525:4.1, 5.2.2 E3: no number listed is all of them; SCTP-149 */
START_TEST(a_request_without_streams_means_all)
{
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "a");
	pair_data(&p, 1, 0, 9, 0, SCTP_FLAG_B | SCTP_FLAG_E, "b");
	pair_catch(&p, 1);
	pair_events(&p, 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, due_number(1), seen(1), NULL, 0), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 2);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "A"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0, 9, 0, SCTP_FLAG_B | SCTP_FLAG_E, "B"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "abAB", 4);
}
END_TEST

/* SCTP-148 RFC6525:5.2.2 E2, SCTP-149: data that is missing comes before the reset */
START_TEST(a_request_that_overtook_its_data_waits_for_it)
{
	uint16_t id = 3;
	uint32_t last = seen(1) + 2, number = due_number(1);
	pair_data(&p, 1, 1, 3, 1, SCTP_FLAG_B | SCTP_FLAG_E, "second,");
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_IN_PROGRESS);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "first,");
	pair_catch(&p, 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_PERFORMED);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_mem_eq(p.end[1].got, "first,second,anew", 17);
}
END_TEST

/* SCTP-148 RFC6525:5.2.2 E2, E5: no second request is needed: some peers never send one. What would
 * come behind the reset is not taken before. */
START_TEST(a_reset_that_waited_is_done_and_answered_when_its_data_came)
{
	uint16_t id = 3;
	uint32_t number = due_number(1), last = seen(1) + 1;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_IN_PROGRESS);
	ck_assert_int_eq(pair_data(&p, 1, 1, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew"),
		TULLE_DROP_SCTP_RESET);
	ck_assert_int_eq(pair_data(&p, 1, 1, 4, 0, SCTP_FLAG_B | SCTP_FLAG_E, "4,"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "old,");
	tulle_sctp_reset_parameter q = said(1, 0);
	ck_assert_uint_eq(q.sequence, number);
	ck_assert_uint_eq(q.result, SCTP_R_PERFORMED);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_mem_eq(p.end[1].got, "4,old,anew", 10);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_PERFORMED);
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 1);
}
END_TEST

/* A FORWARD-TSN moves the point as well: RFC3758:3.6 */
START_TEST(a_reset_that_waits_for_what_is_given_up_is_done)
{
	uint16_t id = 3;
	uint8_t chunk[8] = {SCTP_FORWARD_TSN, 0, 0, 8};
	uint32_t last = seen(1) + 3;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, due_number(1), last, &id, 1), SCTP_R_IN_PROGRESS);
	for (int i = 0; i < 4; i++)
		chunk[4 + i] = (uint8_t)(last >> (24 - 8 * i));
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, sizeof chunk), TULLE_TAKEN);
	ck_assert_uint_eq(said(1, 0).result, SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
}
END_TEST

/* dcSCTP of before 2024 gives a request that is in progress a new number: it is the same reset,
 * while it waits and when it is done by then. */
START_TEST(a_reset_that_waits_may_be_asked_for_under_a_new_number)
{
	uint16_t id = 3, other = 5;
	uint32_t number = due_number(1), last = seen(1) + 1;
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, number + i, last, &id, 1), SCTP_R_IN_PROGRESS);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "old,");
	ck_assert_uint_eq(said(1, 0).sequence, number + 3);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew");
	pair_catch(&p, 1);
	pair_events(&p, 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 4, last, &id, 1), SCTP_R_PERFORMED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 4, last, &id, 1), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	/* another one is another one, and the same one later */
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 5, last, &other, 1), SCTP_R_PERFORMED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 6, last, &id, 1), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 3);
}
END_TEST

/* aiortc takes "In progress" for done and goes on with the next: each waits for its own data. */
START_TEST(resets_that_wait_each_wait_for_their_own_data)
{
	uint16_t a = 3, b = 5;
	uint32_t number = due_number(1), last = seen(1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last + 1, &a, 1), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 1, last + 3, &b, 1), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number + 2, last + 4, NULL, 0), SCTP_R_IN_PROGRESS);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "3,");
	pair_catch(&p, 1);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_uint_eq(p.end[1].last.stream, 3);
	ck_assert_int_eq(pair_data(&p, 1, 1, 5, 1, SCTP_FLAG_B | SCTP_FLAG_E, "5,"), TULLE_TAKEN);
	ck_assert_int_eq(
		pair_data(&p, 1, 3, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "x"), TULLE_DROP_SCTP_RESET);
	pair_data(&p, 1, 0, 5, 0, SCTP_FLAG_B | SCTP_FLAG_E, "5,");
	pair_catch(&p, 1);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 2);
	ck_assert_uint_eq(p.end[1].last.stream, 5);
	pair_data(&p, 1, 0, 7, 0, SCTP_FLAG_B | SCTP_FLAG_E, "7,");
	ck_assert_uint_eq(said(1, 0).sequence, number + 2);
	pair_events(&p, 1);
	ck_assert_uint_ge(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 3); /* 7 is of all */
	pair_data(&p, 1, 0, 7, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew");
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "3,5,5,7,anew", 12);
}
END_TEST

/* RFC9260:5.2.4.1: with the association goes what waited in it */
START_TEST(a_reset_that_waits_ends_with_its_association)
{
	uint16_t id = 3;
	ck_assert_uint_eq(
		ask(SCTP_P_RESET_OUT, due_number(1), seen(1) + 1, &id, 1), SCTP_R_IN_PROGRESS);
	tulle_sctp_abort(p.end[1].sctp, p.now, 0, (tulle_text){NULL, 0});
	tulle_sctp_check(p.end[1].sctp);
	ck_assert_uint_eq(p.end[1].sctp->resets.deferred, 0);
}
END_TEST

/* SCTP-150 RFC6525:5.2.1: each type of request, twice, with the same answer and one effect */
START_TEST(the_same_number_again_gets_the_same_answer)
{
	static const uint16_t types[] = {
		SCTP_P_RESET_OUT, SCTP_P_RESET_IN, SCTP_P_RESET_TSN, SCTP_P_ADD_OUT, SCTP_P_ADD_IN};
	uint16_t id = 3;
	tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "x", 1, NULL);
	pair_settle(&p);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t number = due_number(1), first = 0;
		size_t streams = types[i] == SCTP_P_RESET_OUT || types[i] == SCTP_P_RESET_IN;
		for (int again = 0; again < 3; again++) {
			uint32_t result = ask(types[i], number, seen(1), &id, streams);
			ck_assert(again == 0 || result == first);
			first = result;
			ck_assert_uint_eq(due_number(1), number + 1);
			pair_events(&p, 1);
			/* SCTP-156 RFC6525:5.2.5, 5.2.6 */
			ck_assert_uint_eq(result, i == 0 ? SCTP_R_PERFORMED : SCTP_R_DENIED);
			ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
			/* what was asked in between has not changed what it would be now */
			tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "x", 1, NULL);
			pair_settle(&p);
		}
	}
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 1);
}
END_TEST

/* SCTP-151 RFC6525:5.2.1 */
START_TEST(a_number_out_of_order_is_a_bad_one)
{
	uint16_t id = 3;
	uint32_t n = due_number(1);
	uint32_t bad[] = {n + 1, n + 2, n - 1, n - 2, n + 0x80000000u, n - 1000};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, bad[i], seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	ck_assert_uint_eq(due_number(1), n);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, n + i, seen(1), &id, 1), SCTP_R_PERFORMED);
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, n - 1, seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	}
	/* the first one is too long ago: nobody asks that late */
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, n, seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 3);
}
END_TEST

/* SCTP-152 RFC6525:5.2.2: one that is out of range, and none of the others is reset */
START_TEST(a_stream_out_of_range_spoils_the_whole_request)
{
	uint16_t ids[3] = {3, 65535, 4};
	p.end[1].sctp->identity.remote_streams_out = 50; /* what the peer announced */
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t wrong[] = {65535, 100, 50};
		ids[1] = wrong[i];
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, due_number(1), seen(1), ids, 3), SCTP_R_WRONG_STREAM);
		ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, ids, i < 2 ? 3 : 0),
			i < 2 ? SCTP_R_WRONG_STREAM : SCTP_R_NOTHING);
	}
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
	ids[1] = 49;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, due_number(1), seen(1), ids, 3), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 3);
}
END_TEST

/* SCTP-153 RFC6525:5.2.3: our direction is our user's; what is at 0 or on the way needs nothing */
START_TEST(a_wish_for_our_direction_is_answered_by_how_it_stands)
{
	tulle_sctp *s = p.end[1].sctp;
	uint16_t id[2] = {3, 4};
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	tulle_sctp_send(s, p.now, 4, 51, "x", 1, NULL);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, NULL, 0), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 1), SCTP_R_NOTHING);
	tulle_sctp_send(s, p.now, 2, 51, "x", 1, NULL);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	tulle_sctp_reset_stream(s, p.now, 4); /* its data is still out */
	uint16_t mixed[3] = {4, 2, 4};
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, mixed, 3), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_IN_PROGRESS);
	acknowledge_all(1);
	uint32_t ours = said(1, 0).sequence;
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	ck_assert_int_eq(answer_to(1, ours, SCTP_R_PERFORMED), TULLE_TAKEN);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	pair_events(&p, 1);
	ck_assert(p.end[1].last.ok);
}
END_TEST

/* -- two parameters -- */

/* SCTP-158 RFC6525:3.1: every pair of types, and three */
START_TEST(two_parameters_only_as_the_rfc_allows)
{
	for (uint16_t a = SCTP_P_RESET_OUT; a <= SCTP_P_ADD_IN; a++)
		for (uint16_t b = SCTP_P_RESET_OUT; b <= SCTP_P_ADD_IN; b++) {
			bool good = (a == 13 && b == 14) || (a == 14 && b == 13) ||
				    (a == 17 && b == 18) || (a == 18 && b == 17) ||
				    (a == 16 && b == 13) || (a == 13 && b == 16) ||
				    (a == 16 && b == 16);
			uint32_t number = due_number(1);
			tulle_sctp_chunk chunk;
			uint16_t id = 5;
			request r;
			begin(&r);
			add(&r, a, a == 16 ? 0 : number, seen(1), &id, a < 15);
			add(&r, b, a == 16 ? number : number + 1, seen(1), &id, b < 15);
			tulle_drop drop = give(&r, 1);
			pair_catch(&p, 1);
			bool violation = pair_find(&p.end[1], SCTP_ERROR, 0, &chunk);
			ck_assert_msg(violation == !good, "%u %u: %d", a, b, drop);
			if (violation) {
				ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_VIOLATION);
				ck_assert(!pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
				ck_assert_uint_eq(due_number(1), number);
			}
			pair_events(&p, 1);
			p.now += 1000000; /* errors are few a second */
		}
	request r;
	begin(&r);
	for (uint32_t i = 0; i < 3; i++)
		add(&r, SCTP_P_RESPONSE, i, 0, NULL, 0);
	ck_assert_int_eq(give(&r, 1), TULLE_DROP_SCTP_RESET);
}
END_TEST

/* RFC6525:5.2.1: both answers in one chunk, and again so */
START_TEST(two_requests_of_one_chunk_get_two_answers_in_one)
{
	uint16_t id = 5;
	uint32_t number = due_number(1);
	tulle_sctp_send(p.end[1].sctp, p.now, 5, 51, "x", 1, NULL);
	pair_settle(&p);
	for (int again = 0; again < 2; again++) {
		request r;
		tulle_sctp_chunk chunk;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number, seen(1), &id, 1);
		add(&r, SCTP_P_RESET_IN, number + 1, 0, &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
		tulle_sctp_reset_parameter out = said(1, 0), in = said(1, 1);
		ck_assert_uint_eq(out.sequence, number);
		ck_assert_uint_eq(out.result, SCTP_R_PERFORMED);
		ck_assert_uint_eq(in.sequence, number + 1);
		ck_assert_uint_eq(in.result, SCTP_R_DENIED);
		ck_assert(pair_find(&p.end[1], SCTP_SACK, 0, &chunk));
	}
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
}
END_TEST

/* The second one is not judged before the first one has an end. */
START_TEST(behind_a_request_in_progress_the_other_waits_too)
{
	uint16_t id = 5;
	uint32_t number = due_number(1), last = seen(1) + 1;
	for (int turn = 0; turn < 2; turn++) {
		request r;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number, last, &id, 1);
		add(&r, SCTP_P_RESET_IN, number + 1, 0, &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
		ck_assert_uint_eq(
			said(1, 0).result, turn == 0 ? SCTP_R_IN_PROGRESS : SCTP_R_PERFORMED);
		ck_assert_uint_eq(
			said(1, 1).result, turn == 0 ? SCTP_R_IN_PROGRESS : SCTP_R_NOTHING);
		pair_data(&p, 1, 0, 5, 0, SCTP_FLAG_B | SCTP_FLAG_E, "x");
		pair_catch(&p, 1);
		pair_events(&p, 1);
	}
}
END_TEST

/* RFC6525:3.1 9: an answer and a request in one chunk; RFC8831:6.7 */
START_TEST(both_directions_are_reset_by_crossing_requests)
{
	uint16_t id = 5;
	for (int i = 0; i < 2; i++) {
		tulle_sctp_send(p.end[i].sctp, p.now, 5, 51, "x", 1, NULL);
		pair_settle(&p);
	}
	tulle_sctp_reset_stream(p.end[1].sctp, p.now, 5);
	uint32_t ours = said(1, 0).sequence;
	request r;
	begin(&r);
	add(&r, SCTP_P_RESPONSE, ours, SCTP_R_PERFORMED, NULL, 0);
	add(&r, SCTP_P_RESET_OUT, due_number(1), seen(1), &id, 1);
	ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
	ck_assert_uint_eq(said(1, 0).result, SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	ck_assert_ptr_null(tulle_sctp_find_stream(p.end[1].sctp, 5));
}
END_TEST

/* DC-051: through both ends, many at once, with packets lost, and the ids are good again */
START_TEST(ids_are_used_again_and_again)
{
	static const char *const text[] = {"one", "two", "three"};
	for (unsigned round = 0; round < 3; round++) {
		for (uint16_t id = 0; id < 60; id++)
			for (int i = 0; i < 2; i++)
				ck_assert_int_eq(tulle_sctp_send(p.end[i].sctp, p.now, id, 51,
							 text[round], 3, NULL),
					TULLE_OK);
		pair_settle(&p);
		for (uint16_t id = 0; id < 60; id++)
			for (int i = 0; i < 2; i++)
				ck_assert_int_eq(tulle_sctp_reset_stream(p.end[i].sctp, p.now, id),
					TULLE_OK);
		for (unsigned turn = 0; turn < 12; turn++) {
			if (turn % 3 == round) /* all that is said now is lost */
				for (int i = 0; i < 2; i++)
					pair_catch(&p, i);
			pair_settle(&p);
			p.now += 500000;
			for (int i = 0; i < 2; i++)
				tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
		}
		pair_settle(&p);
		for (int i = 0; i < 2; i++) {
			pair_end *e = &p.end[i];
			ck_assert_uint_eq(e->got_len, 180 * (round + 1));
			ck_assert_uint_eq(e->events[TULLE_SCTP_STREAM_RESET_IN], 60 * (round + 1));
			ck_assert_uint_eq(e->events[TULLE_SCTP_STREAM_RESET_OUT], 60 * (round + 1));
			ck_assert_uint_eq(e->sctp->streams.count, 0);
		}
	}
}
END_TEST

/* -- what is broken -- */

/* SCTP-157 RFC6525:4: a chunk of every length, cut anywhere, changes nothing */
START_TEST(a_request_cut_short_is_dropped)
{
	uint16_t id[2] = {5, 6};
	uint32_t number = due_number(1);
	request r;
	begin(&r);
	add(&r, SCTP_P_RESET_OUT, number, seen(1), id, 2);
	for (size_t n = 4; n < r.w.len; n++) {
		uint8_t chunk[64] = {0};
		memcpy(chunk, r.bytes, n);
		chunk[3] = (uint8_t)n;
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, (n + 3) & ~3u),
			TULLE_DROP_MALFORMED);
		if (n < 8)
			continue;
		chunk[7] = (uint8_t)(n - 4); /* and with a length that fits */
		bool whole = n >= 20 && n % 2 == 0;
		if (whole)
			continue;
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, (n + 3) & ~3u),
			TULLE_DROP_SCTP_RESET);
	}
	add(&r, SCTP_P_RESET_IN, number + 1, 0, id, 2);
	r.w.len -= 4; /* the second one is cut */
	ck_assert_int_eq(give(&r, 1), TULLE_DROP_MALFORMED);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	ck_assert_uint_eq(due_number(1), number);
}
END_TEST

/* Answers that nobody fetched give way to newer ones. */
START_TEST(many_requests_between_two_polls_get_the_last_answer)
{
	uint16_t id = 5;
	uint32_t number = due_number(1);
	for (uint32_t i = 0; i < 5; i++) {
		request r;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number + i, seen(1), &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
	}
	ck_assert_uint_eq(said(1, 0).sequence, number + 4);
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 5);
}
END_TEST

/* RFC6525:4, RFC9260:3.2.1 */
START_TEST(unknown_parameters_follow_their_high_bits)
{
	static const struct {
		uint16_t type;
		bool goes_on, reports;
	} cases[] = {{0x0055, false, false}, {0x4055, false, true}, {0x8055, true, false},
		{0xc055, true, true}};
	for (unsigned i = 0; i < 4; i++) {
		tulle_sctp_chunk chunk;
		uint16_t id = 5;
		request r;
		begin(&r);
		add(&r, cases[i].type, 0, 0, NULL, 0);
		add(&r, SCTP_P_RESET_OUT, due_number(1), seen(1), &id, 1);
		give(&r, 1);
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk) == cases[i].goes_on);
		ck_assert(pair_find(&p.end[1], SCTP_ERROR, 0, &chunk) == cases[i].reports);
		if (cases[i].reports)
			ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_UNKNOWN_PARAMETERS);
	}
}
END_TEST

/* With no block for a record the request waits: its event is not lost. */
START_TEST(a_reset_that_finds_no_memory_waits)
{
	uint16_t ids[90];
	void *held[401];
	size_t n = 0;
	tulle_pool_account hog;
	uint32_t number = due_number(1);
	for (uint16_t i = 0; i < 90; i++)
		ids[i] = i;
	tulle_pool_open(&hog, p.pool, NULL, 0, NULL);
	while ((held[n] = tulle_pool_take(&hog, false)) != NULL)
		n++;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, seen(1), ids, 90), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(p.end[1].sctp->streams.count, 0);
	while (n > 0)
		tulle_pool_give(&hog, held[--n]);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, seen(1), ids, 90), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 90);
	tulle_pool_close(&hog);
}
END_TEST

Suite *suite_sctp_reset_peer(void);
Suite *suite_sctp_reset_peer(void)
{
	Suite *s = suite_create("sctp_reset_peer");
	TCase *t = tcase_create("reset");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_request_without_streams_means_all);
	tcase_add_test(t, a_request_that_overtook_its_data_waits_for_it);
	tcase_add_test(t, a_reset_that_waited_is_done_and_answered_when_its_data_came);
	tcase_add_test(t, a_reset_that_waits_for_what_is_given_up_is_done);
	tcase_add_test(t, a_reset_that_waits_may_be_asked_for_under_a_new_number);
	tcase_add_test(t, resets_that_wait_each_wait_for_their_own_data);
	tcase_add_test(t, a_reset_that_waits_ends_with_its_association);
	tcase_add_test(t, the_same_number_again_gets_the_same_answer);
	tcase_add_test(t, a_number_out_of_order_is_a_bad_one);
	tcase_add_test(t, a_stream_out_of_range_spoils_the_whole_request);
	tcase_add_test(t, a_wish_for_our_direction_is_answered_by_how_it_stands);
	tcase_add_test(t, two_parameters_only_as_the_rfc_allows);
	tcase_add_test(t, two_requests_of_one_chunk_get_two_answers_in_one);
	tcase_add_test(t, behind_a_request_in_progress_the_other_waits_too);
	tcase_add_test(t, both_directions_are_reset_by_crossing_requests);
	tcase_add_test(t, ids_are_used_again_and_again);
	tcase_add_test(t, a_request_cut_short_is_dropped);
	tcase_add_test(t, many_requests_between_two_polls_get_the_last_answer);
	tcase_add_test(t, unknown_parameters_follow_their_high_bits);
	tcase_add_test(t, a_reset_that_finds_no_memory_waits);
	suite_add_tcase(s, t);
	return s;
}
