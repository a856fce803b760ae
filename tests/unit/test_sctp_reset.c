/* SPDX-License-Identifier: MIT */
/* sctp: stream reset, RFC 6525: what we ask, lost, put off and refused. */
#include "tests/unit/sctp_reset_kit.h"

/* SCTP-145 RFC6525:4.1: numbers begin with the initial TSN and go up by one */
START_TEST(our_requests_are_numbered_from_the_initial_tsn)
{
	uint32_t first = p.end[0].sctp->identity.local_tsn;
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 7), TULLE_OK);
		tulle_sctp_reset_parameter q = said(0, 0);
		ck_assert_uint_eq(q.type, SCTP_P_RESET_OUT);
		ck_assert_uint_eq(q.sequence, first + i);
		ck_assert_uint_eq(q.response_sequence, p.end[1].sctp->resets.sequence - 1);
		ck_assert_uint_eq(q.last_tsn, p.end[0].sctp->out.next_tsn - 1); /* SCTP-146 */
		answer_to(0, q.sequence, SCTP_R_PERFORMED);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], i + 1);
		ck_assert(p.end[0].last.ok);
	}
}
END_TEST

/* The user that has not looked for STREAM_RESET_OUT yet cannot make one event of two. */
START_TEST(a_stream_is_used_anew_once_its_end_was_told)
{
	tulle_sctp *s = p.end[0].sctp;
	for (uint32_t ends = 1; ends <= 2; ends++) {
		ck_assert_int_eq(tulle_sctp_send(s, p.now, 7, 51, "x", 1, NULL), TULLE_OK);
		pair_catch(&p, 0);
		acknowledge_all(0);
		ck_assert_int_eq(tulle_sctp_reset_stream(s, p.now, 7), TULLE_OK);
		uint32_t result = ends == 1 ? SCTP_R_PERFORMED : SCTP_R_DENIED;
		ck_assert_int_eq(answer_to(0, said(0, 0).sequence, result), TULLE_TAKEN);
		ck_assert_int_eq(tulle_sctp_send(s, p.now, 7, 51, "x", 1, NULL), TULLE_ERR_STATE);
		ck_assert_int_eq(tulle_sctp_reset_stream(s, p.now, 7), TULLE_ERR_STATE);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], ends);
	}
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 7, 51, "x", 1, NULL), TULLE_OK);
}
END_TEST

/* SCTP-144 RFC6525:5.1.1: one at a time, of at most 32 streams, and each stream in one of them */
START_TEST(many_streams_go_in_few_requests_one_after_the_other)
{
	bool named[100] = {false};
	static const unsigned sizes[] = {32, 32, 6};
	for (uint16_t i = 0; i < 70; i++)
		ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, i), TULLE_OK);
	for (unsigned k = 0; k < 3; k++) {
		tulle_sctp_reset_parameter q = said(0, 0);
		ck_assert_uint_eq(q.streams.len, 2 * sizes[k]);
		ck_assert_uint_eq(pair_catch(&p, 0), 0); /* the next one waits */
		for (size_t i = 0; i < sizes[k]; i++) {
			uint16_t id = tulle_sctp_read_reset_stream(&q, i);
			ck_assert(!named[id]);
			named[id] = true;
		}
		ck_assert_int_eq(answer_to(0, q.sequence, SCTP_R_PERFORMED), TULLE_TAKEN);
	}
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 70);
	for (uint16_t i = 80; i < 85; i++)
		tulle_sctp_reset_stream(p.end[0].sctp, p.now, i);
	ck_assert_uint_eq(said(0, 0).streams.len, 10);
	p.end[0].sctp->streams_out = 90; /* what the peer takes */
	ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 90), TULLE_ERR_ARGUMENT);
}
END_TEST

/* RFC6525:5.1.1: what is sent again is the same chunk, whatever was asked since */
START_TEST(a_request_on_the_wire_takes_no_more_streams)
{
	tulle_sctp_reset_stream(p.end[0].sctp, p.now, 1);
	uint32_t tsn = said(0, 0).last_tsn;
	tulle_sctp_reset_stream(p.end[0].sctp, p.now, 2);
	tulle_sctp_send(p.end[0].sctp, p.now, 3, 51, "other", 5, NULL);
	pair_catch(&p, 0);
	acknowledge_all(0);
	pair_expire(&p, 0);
	tulle_sctp_reset_parameter q = said(0, 0);
	ck_assert_uint_eq(q.streams.len, 2);
	ck_assert_uint_eq(tulle_sctp_read_reset_stream(&q, 0), 1);
	ck_assert_uint_eq(q.last_tsn, tsn);
}
END_TEST

/* SCTP-155 RFC6525:5.1.1: RTO, doubled, and the association is lost in the end */
START_TEST(an_unanswered_request_backs_off_and_counts)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_stop_timer(s, SCTP_T_HEARTBEAT);
	tulle_sctp_reset_stream(s, p.now, 1);
	uint32_t sequence = said(0, 0).sequence;
	tulle_time rto = s->rto, sent = p.now;
	for (uint32_t i = 1; i <= 10; i++) {
		pair_expire(&p, 0);
		ck_assert_int_eq(p.now - sent, rto);
		sent = p.now;
		ck_assert_uint_eq(said(0, 0).sequence, sequence);
		ck_assert_uint_eq(s->errors, i);
		ck_assert_int_eq(s->rto, tulle_time_min(2 * rto, 10000000));
		rto = s->rto;
	}
	pair_expire(&p, 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
}
END_TEST

/* SCTP-154 RFC6525:5.2.7 H2: asked again under the same number, and no error counted */
START_TEST(in_progress_means_asking_again_later)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_stop_timer(s, SCTP_T_HEARTBEAT);
	tulle_sctp_reset_stream(s, p.now, 1);
	uint32_t sequence = said(0, 0).sequence;
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(answer_to(0, sequence, SCTP_R_IN_PROGRESS), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
		pair_expire(&p, 0);
		ck_assert_uint_eq(said(0, 0).sequence, sequence);
		ck_assert_uint_eq(s->errors, 0);
	}
	pair_expire(&p, 0); /* no answer at all to this one: that counts */
	ck_assert_uint_eq(s->errors, 1);
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 1, 51, "x", 1, NULL), TULLE_ERR_STATE); /* A1 */
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_IN_PROGRESS), TULLE_TAKEN);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_NOTHING), TULLE_TAKEN);
	pair_events(&p, 0);
	ck_assert(p.end[0].last.ok);
	tulle_sctp_reset_stream(s, p.now, 1); /* and the next one counts from the start */
	ck_assert_uint_eq(said(0, 0).sequence, sequence + 1);
	pair_expire(&p, 0);
	ck_assert_uint_eq(s->errors, 1);
}
END_TEST

/* RFC6525:5.2.7 H3: refused in whatever way, the stream stays as it was */
START_TEST(a_refused_request_leaves_the_stream_as_it_was)
{
	static const uint32_t results[] = {SCTP_R_DENIED, SCTP_R_WRONG_STREAM,
		SCTP_R_IN_PROGRESS_ALREADY, SCTP_R_BAD_SEQUENCE, 7, UINT32_MAX};
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_send(s, p.now, 1, 51, "0", 1, NULL);
	pair_settle(&p);
	for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
		tulle_sctp_reset_stream(s, p.now, 1);
		ck_assert_int_eq(answer_to(0, said(0, 0).sequence, results[i]), TULLE_TAKEN);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], i + 1);
		ck_assert(!p.end[0].last.ok);
	}
	tulle_sctp_send(s, p.now, 1, 51, "1", 1, NULL);
	pair_settle(&p);
	ck_assert_mem_eq(p.end[1].got, "01", 2); /* SSN 1, not 0 */
}
END_TEST

START_TEST(answers_to_what_we_did_not_ask_are_dropped)
{
	tulle_sctp *s = p.end[0].sctp;
	uint32_t sequence = s->resets.sequence;
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	tulle_sctp_reset_stream(s, p.now, 1);
	/* guessed before it was sent */
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	ck_assert_uint_eq(said(0, 0).sequence, sequence);
	ck_assert_int_eq(answer_to(0, sequence + 1, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_TAKEN);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
}
END_TEST

/* SCTP-143 RFC6525:5.1.1: to a peer that does not list 0x82 nothing is sent */
START_TEST(without_the_extension_a_reset_fails_at_once)
{
	static const uint8_t in[] = {SCTP_RE_CONFIG, 0, 0, 12, 0, 15, 0, 8, 0, 0, 0, 1};
	tulle_sctp *s = p.end[0].sctp;
	s->re_config = false;
	ck_assert_int_eq(tulle_sctp_reset_stream(s, p.now, 1), TULLE_OK);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_STREAM_RESET_OUT);
	ck_assert(!p.end[0].last.ok);
	ck_assert_int_eq(
		pair_inject(&p, 0, pair_tag(&p, 0), in, sizeof in), TULLE_DROP_SCTP_UNKNOWN_CHUNK);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
}
END_TEST

Suite *suite_sctp_reset(void);
Suite *suite_sctp_reset(void)
{
	Suite *s = suite_create("sctp_reset");
	TCase *t = tcase_create("reset");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, our_requests_are_numbered_from_the_initial_tsn);
	tcase_add_test(t, a_stream_is_used_anew_once_its_end_was_told);
	tcase_add_test(t, many_streams_go_in_few_requests_one_after_the_other);
	tcase_add_test(t, a_request_on_the_wire_takes_no_more_streams);
	tcase_add_test(t, an_unanswered_request_backs_off_and_counts);
	tcase_add_test(t, in_progress_means_asking_again_later);
	tcase_add_test(t, a_refused_request_leaves_the_stream_as_it_was);
	tcase_add_test(t, answers_to_what_we_did_not_ask_are_dropped);
	tcase_add_test(t, without_the_extension_a_reset_fails_at_once);
	suite_add_tcase(s, t);
	return s;
}
