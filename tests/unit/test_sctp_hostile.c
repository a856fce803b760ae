/* SPDX-License-Identifier: MIT */
/* sctp: a remote that wants us to work: thousands of streams, resets of all of them, orders that
 * contradict each other. Each is bound by what it sends. */
#include "tests/unit/sctp_reset_kit.h"

static void setup_wide(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 65535;
	pair_open(&p, 2000);
	pair_connect(&p);
	pair_settle(&p);
}

static tulle_sctp *end1(void)
{
	return p.end[1].sctp;
}

/* Ids of one bucket, and ids of all: each record is found, and no other. */
START_TEST(records_are_found_whatever_their_ids)
{
	for (unsigned step = 1; step <= 64; step *= 64) {
		uint32_t x = 7;
		bool there[1000] = {false};
		unsigned count = 0;
		for (unsigned turn = 0; turn < 6000; turn++) {
			x = x * 1664525 + 1013904223;
			unsigned i = x >> 16 & 1023;
			if (i >= 1000)
				continue;
			sctp_stream *s = tulle_sctp_find_stream(end1(), (uint16_t)(i * step));
			ck_assert((s != NULL) == there[i]);
			if (there[i])
				tulle_sctp_leave_stream(end1(), s);
			else
				s = tulle_sctp_add_stream(end1(), (uint16_t)(i * step));
			ck_assert(there[i] || s->id == i * step);
			there[i] = !there[i];
			count += there[i] ? 1u : -1u;
			if (turn % 500 == 0)
				tulle_sctp_check(end1());
		}
		unsigned found = 0;
		for (unsigned i = 0; i < 1000; i++) {
			sctp_stream *s = tulle_sctp_find_stream(end1(), (uint16_t)(i * step));
			ck_assert((s != NULL) == there[i]);
			found += s != NULL;
			if (s != NULL)
				tulle_sctp_leave_stream(end1(), s);
		}
		ck_assert_uint_eq(found, count);
		ck_assert_ptr_null(end1()->streams.first);
	}
}
END_TEST

/* RFC6525:5.2.2 E2: no more wait than a peer asks for that has one request under way at a time */
START_TEST(resets_that_wait_are_bounded)
{
	static uint16_t ids[400];
	uint32_t results[4];
	for (unsigned turn = 0; turn < 4; turn++) {
		for (unsigned i = 0; i < 400; i++)
			ids[i] = (uint16_t)(turn * 400 + i);
		results[turn] = ask(SCTP_P_RESET_OUT, due_number(1), seen(1) + 5, ids, 400);
		ck_assert_uint_eq(results[turn], SCTP_R_IN_PROGRESS);
		ck_assert_uint_le(end1()->resets.deferred, TULLE_SCTP_RESET_WAITING_MAX);
	}
	ck_assert_uint_eq(end1()->resets.deferred, 800);
	ck_assert_ptr_null(tulle_sctp_find_stream(end1(), 1500));
	for (uint32_t n = 0; n < 5; n++)
		pair_data(&p, 1, 0, 1, (uint16_t)n, SCTP_FLAG_B | SCTP_FLAG_E, "x");
	ck_assert_uint_eq(end1()->resets.deferred, 0);
	ck_assert_ptr_null(end1()->resets.waiting);
	pair_settle(&p);
}
END_TEST

/* RFC6525:4.1: a request that names none looks at all of them: once a second where they are many */
START_TEST(all_streams_are_looked_at_once_a_second)
{
	static const uint16_t types[] = {SCTP_P_RESET_OUT, SCTP_P_RESET_IN};
	for (unsigned i = 0; i < 2; i++) {
		end1()->resets.all_at = 0;
		uint32_t first = ask(types[i], due_number(1), seen(1), NULL, 0);
		ck_assert_uint_ne(first, SCTP_R_IN_PROGRESS);
		ck_assert_uint_ne(ask(types[i], due_number(1), seen(1), NULL, 0),
			SCTP_R_IN_PROGRESS); /* these are few */
		for (uint16_t id = 0; id < TULLE_SCTP_RESET_WAITING_MAX + 100; id++)
			ck_assert_ptr_nonnull(tulle_sctp_add_stream(end1(), id));
		ck_assert_uint_ne(
			ask(types[i], due_number(1), seen(1), NULL, 0), SCTP_R_IN_PROGRESS);
		p.now += TULLE_SCTP_RESET_ALL_US / 2;
		ck_assert_uint_eq(
			ask(types[i], due_number(1), seen(1), NULL, 0), SCTP_R_IN_PROGRESS);
		p.now += TULLE_SCTP_RESET_ALL_US;
		ck_assert_uint_ne(
			ask(types[i], due_number(1), seen(1), NULL, 0), SCTP_R_IN_PROGRESS);
		pair_settle(&p);
		for (uint16_t id = 0; id < TULLE_SCTP_RESET_WAITING_MAX + 100; id++) {
			sctp_stream *s = tulle_sctp_find_stream(end1(), id);
			if (s != NULL)
				tulle_sctp_leave_stream(end1(), s);
		}
	}
}
END_TEST

/* RFC9260:6.6: of one stream the later TSN has the later SSN */
START_TEST(an_order_that_contradicts_itself_ends_it)
{
	for (unsigned between = 0; between < 2; between++) {
		uint8_t whole = SCTP_FLAG_B | SCTP_FLAG_E;
		ck_assert_int_eq(pair_data(&p, 1, 3, 4, 10, whole, "b"), TULLE_TAKEN);
		ck_assert_int_eq(pair_data(&p, 1, 9, 4, 20, whole, "d"), TULLE_TAKEN);
		if (between)
			pair_data(&p, 1, 6, 4, 21, whole, "c");
		else
			pair_data(&p, 1, 12, 4, 15, whole, "c");
		tulle_sctp_chunk chunk;
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_ABORT, 0, &chunk));
		teardown();
		setup_wide();
	}
}
END_TEST

/* What was passed over, or is of before a reset, though its TSN is to come, is no neighbour. */
START_TEST(what_a_forward_or_a_reset_left_behind_is_in_no_order)
{
	static const uint16_t stream = 4;
	uint8_t whole = SCTP_FLAG_B | SCTP_FLAG_E;
	for (unsigned way = 0; way < 2; way++) {
		ck_assert_int_eq(pair_data(&p, 1, 5, stream, 1, whole, "a"), TULLE_TAKEN);
		if (way == 0) {
			uint32_t next = seen(1) + 1;
			const uint8_t forward[] = {SCTP_FORWARD_TSN, 0, 0, 12,
				(uint8_t)(next >> 24), (uint8_t)(next >> 16), (uint8_t)(next >> 8),
				(uint8_t)next, 0, stream, 0, 5};
			pair_inject(&p, 1, pair_tag(&p, 1), forward, sizeof forward);
		} else {
			(void)ask(SCTP_P_RESET_OUT, due_number(1), seen(1), &stream, 1);
		}
		/* "a" is four TSNs ahead now, or five; the third one lands beside it */
		pair_data(&p, 1, 2, stream, 6, whole, "b");
		pair_data(&p, 1, 9, stream, 8, whole, "d");
		pair_data(&p, 1, 5 + way, stream, 7, whole, "c");
		sctp_stream *s = tulle_sctp_find_stream(end1(), stream);
		ck_assert_ptr_eq(s->ordered.head->next->next, s->ordered.tail);
		ck_assert_ptr_null(s->ordered.tail->next);
		pair_events(&p, 1);
		teardown(); /* all of it is found, and given back */
		setup_wide();
	}
}
END_TEST

/* In whatever order they come, two streams side by side: all in order. */
START_TEST(messages_find_their_places_from_all_sides)
{
	enum { MESSAGES = 256 };
	for (unsigned way = 0; way < 3; way++) {
		static const uint32_t strides[] = {1, MESSAGES - 1, 101};
		for (uint32_t n = 0; n < MESSAGES; n++) {
			uint32_t at = n * strides[way] % MESSAGES;
			char text[2] = {(char)('a' + at / 2 % 26), 0};
			ck_assert_int_eq(
				pair_data(&p, 1, 1 + at, (uint16_t)(4 + at % 2), (uint16_t)(at / 2),
					SCTP_FLAG_B | SCTP_FLAG_E, text),
				TULLE_TAKEN);
		}
		ck_assert_uint_eq(p.end[1].got_len, 0);
		pair_data(&p, 1, 0, 9, 0, SCTP_FLAG_B | SCTP_FLAG_E, "!");
		pair_events(&p, 1);
		ck_assert_uint_eq(p.end[1].got_len, MESSAGES + 1);
		const sctp_stream *s = tulle_sctp_find_stream(end1(), 4);
		ck_assert_uint_eq(s->in_mid, MESSAGES / 2);
		teardown();
		setup_wide();
	}
}
END_TEST

Suite *suite_sctp_hostile(void);
Suite *suite_sctp_hostile(void)
{
	Suite *s = suite_create("sctp_hostile");
	TCase *t = tcase_create("hostile");
	tcase_add_checked_fixture(t, setup_wide, teardown);
	tcase_add_test(t, records_are_found_whatever_their_ids);
	tcase_add_test(t, resets_that_wait_are_bounded);
	tcase_add_test(t, all_streams_are_looked_at_once_a_second);
	tcase_add_test(t, an_order_that_contradicts_itself_ends_it);
	tcase_add_test(t, what_a_forward_or_a_reset_left_behind_is_in_no_order);
	tcase_add_test(t, messages_find_their_places_from_all_sides);
	suite_add_tcase(s, t);
	return s;
}
