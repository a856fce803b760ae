/* SPDX-License-Identifier: MIT */
/* sctp: a FORWARD-TSN comes in: RFC3758:3.6. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/forward.h"

static pair p;

#define BE (SCTP_FLAG_B | SCTP_FLAG_E)

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	pair_connect(&p);
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_drop forward(uint32_t ahead, const tulle_sctp_skip *skips, size_t n)
{
	uint8_t buf[600];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_forward_chunk(&w, false, p.end[1].sctp->in.cumulative + ahead, skips, n);
	return pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
}

static tulle_sctp_sack_chunk answer(void)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_sack_chunk sack;
	pair_catch(&p, 1);
	ck_assert(pair_find(&p.end[1], SCTP_SACK, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_sack(chunk.value, &sack), TULLE_TAKEN);
	return sack;
}

/* SCTP-136 RFC3758:3.6, with the queue of its example */
START_TEST(a_forward_tsn_moves_on_over_what_is_here_and_lets_go_what_waited)
{
	static const tulle_sctp_skip skip = {.stream = 1, .mid = 0};
	pair_data(&p, 1, 1, 1, 1, BE, "B"); /* 104 */
	pair_data(&p, 1, 2, 1, 2, BE, "C"); /* 105 */
	pair_data(&p, 1, 4, 1, 4, BE, "E"); /* 107 */
	pair_data(&p, 1, 6, 1, 6, BE, "G"); /* 109 */
	uint32_t from = p.end[1].sctp->in.cumulative;
	pair_catch(&p, 1);
	ck_assert_int_eq(forward(1, &skip, 1), TULLE_TAKEN);
	tulle_sctp_sack_chunk sack = answer();
	ck_assert_uint_eq(sack.cumulative, from + 3);
	ck_assert_uint_eq(sack.gap_count, 2);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, 0).start, 2);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "BC", 3);
	/* the highest number of the stream: what is whole below it goes out, in order */
	ck_assert_int_eq(forward(3, &(tulle_sctp_skip){.stream = 1, .mid = 5}, 1), TULLE_TAKEN);
	ck_assert_uint_eq(answer().gap_count, 0);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "BCEG", 5);
	/* one that was skipped and comes late is a duplicate */
	ck_assert_int_eq(pair_data(&p, 1, 0u - 5, 1, 0, BE, "A"), TULLE_DROP_SCTP_DUPLICATE);
	sack = answer();
	ck_assert_uint_eq(sack.duplicate_count, 1);
}
END_TEST

/* SCTP-136: fragments up to the point go, those beyond it that were of the same message too */
START_TEST(a_message_that_lacks_a_part_below_the_point_is_thrown_away)
{
	static const tulle_sctp_skip skip = {.stream = 1, .mid = 0};
	static const uint32_t points[] = {1, 2, 3, 4};
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		if (i != 0) {
			teardown();
			setup();
		}
		uint32_t base = p.end[1].sctp->in.cumulative;
		pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_B, "be");
		pair_data(&p, 1, 1, 1, 0, 0, "mid"); /* the one between never comes */
		pair_data(&p, 1, 2, 1, 0, SCTP_FLAG_E, "end");
		pair_data(&p, 1, 3, 1, 1, BE, "next");
		uint32_t due = base + 1 + points[i] - p.end[1].sctp->in.cumulative;
		ck_assert_int_eq(forward(due, &skip, 1), TULLE_TAKEN);
		if (points[i] < 4)
			forward(base + 5 - p.end[1].sctp->in.cumulative, &skip, 1);
		pair_events(&p, 1);
		ck_assert_mem_eq(p.end[1].got, "next", 5);
		ck_assert_uint_eq(p.end[1].sctp->in.blocks, 0);
		ck_assert(!p.end[1].sctp->ended);
	}
}
END_TEST

/* RFC3758:3.6: a message of which parts were given out is said to have no end */
START_TEST(a_message_half_given_out_ends_with_a_blank)
{
	teardown();
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.streamed = true;
	pair_open(&p, 400);
	pair_connect(&p);
	pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_B, "half");
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 4);
	ck_assert(p.end[1].last.ok && !p.end[1].last.last);
	ck_assert_int_eq(forward(1, &(tulle_sctp_skip){.stream = 1, .mid = 0}, 1), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert(!p.end[1].last.ok && p.end[1].last.last);
	ck_assert_uint_eq(p.end[1].last.len, 0);
	pair_data(&p, 1, 0, 1, 1, BE, "whole");
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 9);
}
END_TEST

/* SCTP-137 RFC3758:3.6 */
START_TEST(an_old_forward_tsn_is_answered_and_changes_nothing)
{
	static const uint32_t back[] = {0, 1, 1000, 0x7fffffff};
	pair_data(&p, 1, 0, 1, 0, BE, "A");
	pair_catch(&p, 1);
	uint32_t cumulative = p.end[1].sctp->in.cumulative;
	for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
		ck_assert_int_eq(
			forward(0u - back[i], &(tulle_sctp_skip){.stream = 1, .mid = 9}, 1),
			TULLE_DROP_SCTP_DUPLICATE);
		ck_assert_uint_eq(answer().cumulative, cumulative);
	}
	pair_data(&p, 1, 0, 1, 1, BE, "B"); /* the SSN was not skipped either */
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "AB", 3);
}
END_TEST

/* SCTP-138 RFC3758:3.6 */
START_TEST(a_forward_tsn_beyond_all_that_could_be_sent_changes_nothing)
{
	uint32_t span = tulle_sctp_ring_span(&p.end[1].sctp->in.ring);
	uint32_t cumulative = p.end[1].sctp->in.cumulative;
	static const tulle_sctp_skip skip = {.stream = 1, .mid = 9};
	ck_assert_int_eq(forward(span + 1, &skip, 1), TULLE_DROP_SCTP_TSN);
	ck_assert_int_eq(forward(0x40000000, &skip, 1), TULLE_DROP_SCTP_TSN);
	ck_assert_int_eq(forward(0x7fffffff, &skip, 1), TULLE_DROP_SCTP_TSN);
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, cumulative);
	ck_assert_ptr_null(tulle_sctp_find_stream(p.end[1].sctp, 1));
	ck_assert_int_eq(forward(span, &skip, 1), TULLE_TAKEN);
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, cumulative + span);
}
END_TEST

/* SCTP-139 RFC3758:3.2 */
START_TEST(a_forward_tsn_of_no_length_or_stream_is_read_no_further_than_it_goes)
{
	uint8_t buf[32] = {SCTP_FORWARD_TSN};
	uint32_t cumulative = p.end[1].sctp->in.cumulative;
	for (uint8_t len = 4; len < 24; len++) {
		if (len >= 8 && len % 4 == 0)
			continue;
		buf[3] = len;
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), buf, (len + 3u) & ~3u),
			TULLE_DROP_MALFORMED);
	}
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, cumulative);
	tulle_sctp_skip skips[] = {{.stream = 100}, {.stream = 65535}, {.stream = 2, .mid = 4}};
	ck_assert_int_eq(forward(2, skips, 3), TULLE_TAKEN);
	pair_data(&p, 1, 0, 2, 5, BE, "next");
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 4);
	ck_assert_ptr_null(tulle_sctp_find_stream(p.end[1].sctp, 100));
}
END_TEST

Suite *suite_sctp_forward(void)
{
	Suite *s = suite_create("sctp_forward");
	TCase *t = tcase_create("forward");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_forward_tsn_moves_on_over_what_is_here_and_lets_go_what_waited);
	tcase_add_test(t, a_message_that_lacks_a_part_below_the_point_is_thrown_away);
	tcase_add_test(t, a_message_half_given_out_ends_with_a_blank);
	tcase_add_test(t, an_old_forward_tsn_is_answered_and_changes_nothing);
	tcase_add_test(t, a_forward_tsn_beyond_all_that_could_be_sent_changes_nothing);
	tcase_add_test(t, a_forward_tsn_of_no_length_or_stream_is_read_no_further_than_it_goes);
	suite_add_tcase(s, t);
	return s;
}
