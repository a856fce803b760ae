/* SPDX-License-Identifier: MIT */
/* sctp: what comes in of one feature while another is under way. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/forward.h"
#include "sctp/wire/reset.h"

static pair p;

#define B SCTP_FLAG_B
#define E SCTP_FLAG_E
#define U SCTP_FLAG_U

static tulle_sctp *end1(void)
{
	return p.end[1].sctp;
}

static void begin(bool interleaves, bool streamed, size_t message_max)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.streamed = streamed;
	p.config.message_bytes_max = message_max;
	p.interleaves = interleaves;
	pair_open(&p, 400);
	pair_connect(&p);
}

static void ck_got(const char *text)
{
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, strlen(text));
	ck_assert_mem_eq(p.end[1].got, text, strlen(text));
}

/* RFC9260:3.3.1: of unordered DATA the receiver MUST ignore the SSN. */
START_TEST(the_ssn_of_unordered_data_is_ignored)
{
	for (uint32_t ahead = 0; ahead < 2; ahead++) {
		begin(false, false, 0);
		ck_assert_int_eq(pair_data(&p, 1, ahead, 3, 7, B | U, "one"), TULLE_TAKEN);
		ck_assert_int_eq(pair_data(&p, 1, 2 * ahead, 3, 9, E | U, "two"), TULLE_TAKEN);
		if (ahead != 0)
			ck_assert_int_eq(pair_data(&p, 1, 0, 4, 0, B | E, "."), TULLE_TAKEN);
		ck_assert(!end1()->ended);
		ck_got(ahead != 0 ? "onetwo." : "onetwo");
		pair_close(&p);
	}
}
END_TEST

/* ... and it says nothing in whose half of the numbers it would be. */
START_TEST(an_unordered_message_stands_beside_the_middle_of_the_ssns)
{
	begin(false, false, 0);
	sctp_stream *s = tulle_sctp_add_stream(end1(), 3);
	s->in_mid = 32768;
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 32768, B | E, "a"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, B | U, "b"), TULLE_TAKEN);
	ck_got("a");
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, E | U, "c"), TULLE_TAKEN);
	ck_got("abc");
	pair_close(&p);
}
END_TEST

Suite *suite_sctp_crossed(void);
Suite *suite_sctp_crossed(void)
{
	Suite *s = suite_create("sctp_crossed");
	TCase *t = tcase_create("crossed");
	tcase_add_test(t, the_ssn_of_unordered_data_is_ignored);
	tcase_add_test(t, an_unordered_message_stands_beside_the_middle_of_the_ssns);
	suite_add_tcase(s, t);
	return s;
}
