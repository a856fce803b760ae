/* SPDX-License-Identifier: MIT */
/* sctp: messages that are sent in parts, without I-DATA: what they do to others and to the end. */
#include "tests/unit/sctp_pair.h"

static pair p;
static uint8_t bytes[65536];

static void begin(size_t blocks)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.send_bytes_max = 32768;
	pair_open(&p, blocks);
	pair_connect(&p);
}

static void setup(void)
{
	begin(400);
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_err part(uint16_t stream, size_t len, bool first, bool last)
{
	tulle_sctp_send_options o = {.first = first, .last = last};
	return tulle_sctp_send(p.end[0].sctp, p.now, stream, 51, bytes, len, &o);
}

static unsigned fill(uint16_t stream, size_t len)
{
	unsigned n = 0;
	while (part(stream, len, true, true) == TULLE_OK)
		n++;
	return n;
}

/* RFC9260:6.9 keeps the fragments of a message together, so what is queued beside an open one that
 * is on its way must leave room for its end. */
START_TEST(an_open_message_finds_room_for_its_end)
{
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	pair_settle(&p);
	unsigned n = fill(2, 1000);
	ck_assert_uint_ge(n, 10);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_MESSAGE], 0);
	ck_assert_int_eq(part(1, 16000, false, false), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(part(1, 16000, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].sctp->stats.messages_in, 1 + n);
	ck_assert_uint_eq(p.end[1].got_len, 32100 + n * 1000);
	ck_assert_uint_ge(p.end[0].events[TULLE_SCTP_WRITABLE], 1);
	ck_assert_uint_eq(p.end[0].sctp->out.open, 0);
}
END_TEST

/* Two open ones: the second leaves room to the first. */
START_TEST(an_open_message_leaves_room_for_another_one)
{
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(part(2, 100, true, false), TULLE_OK);
	while (part(2, 1000, false, false) == TULLE_OK) {
	}
	ck_assert_int_eq(part(1, 16000, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(part(2, 16000, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].sctp->stats.messages_in, 2);
}
END_TEST

/* What was queued before may be more than half: then a message waits to be opened. */
START_TEST(a_message_is_opened_when_half_of_the_room_is_free)
{
	ck_assert_uint_ge(fill(2, 1000), 20);
	ck_assert_int_eq(part(1, 100, true, false), TULLE_WOULD_BLOCK);
	pair_settle(&p);
	p.end[1].got_len = 0;
	ck_assert_uint_ge(p.end[0].events[TULLE_SCTP_WRITABLE], 1);
	ck_assert_int_eq(part(1, 30000, true, false), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(part(1, 30000, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].sctp->out.unacked, 0);
}
END_TEST

/* The pool is empty and only the reserve is left: half of it is the open message's. */
START_TEST(half_of_the_reserve_is_left_to_an_open_message)
{
	void *taken[400];
	unsigned n = 0;
	tulle_pool_account other;
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	pair_settle(&p);
	tulle_pool_open(&other, p.pool, NULL, 0, NULL);
	while ((taken[n] = tulle_pool_take(&other, false)) != NULL)
		n++;
	ck_assert_uint_ge(fill(2, 1000), 1);
	ck_assert_int_eq(part(1, 2 * 1172, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_ge(p.end[1].sctp->stats.messages_in, 2);
	while (n > 0)
		tulle_pool_give(&other, taken[--n]);
	tulle_pool_close(&other);
}
END_TEST

/* RFC9260:9.2: nothing is taken after shutdown, so that an open message could never be ended */
START_TEST(shutdown_is_refused_while_a_message_is_open)
{
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	ck_assert_int_eq(part(2, 100, true, true), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_shutdown(p.end[0].sctp, p.now), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(part(1, 100, false, true), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_shutdown(p.end[0].sctp, p.now), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 300);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_SHUTDOWN);
	ck_assert_int_eq(p.end[1].last.why, TULLE_SCTP_SHUTDOWN);
}
END_TEST

/* RFC9260:9.2: the SHUTDOWN ACK waits for what was begun; nothing new begins */
START_TEST(a_message_that_is_open_when_the_peer_shuts_down_is_ended)
{
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	ck_assert_int_eq(part(2, 100, true, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(tulle_sctp_shutdown(p.end[1].sctp, p.now), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[0].sctp), TULLE_SCTP_STATE_SHUTDOWN_RECEIVED);
	ck_assert_int_eq(part(3, 100, true, true), TULLE_ERR_STATE);
	ck_assert_int_eq(part(1, 100, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 300);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_SHUTDOWN);
	ck_assert_int_eq(p.end[1].last.why, TULLE_SCTP_SHUTDOWN);
}
END_TEST

/* With all acknowledged and nothing behind it too. */
START_TEST(the_answer_to_shutdown_waits_for_the_end_of_a_message)
{
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(tulle_sctp_shutdown(p.end[1].sctp, p.now), TULLE_OK);
	pair_settle(&p);
	ck_assert(!p.end[0].sctp->ended);
	ck_assert_int_eq(part(1, 100, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 200);
	ck_assert(p.end[0].sctp->ended);
}
END_TEST

/* What is uncounted is sent like all else, but is no news to who watches the buffer. */
START_TEST(uncounted_bytes_are_not_of_the_buffer)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_send_options ours = {.first = true, .last = true, .uncounted = true};
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 1, 50, bytes, 100, &ours), TULLE_OK);
	ck_assert_uint_eq(tulle_sctp_buffered(s, 1), 0);
	ck_assert_uint_eq(tulle_sctp_unacked(s, 1), 100);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 100);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_BUFFERED_LOW], 0);
	ck_assert_int_eq(part(1, 10, true, true), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 1, 50, bytes, 100, &ours), TULLE_OK);
	ck_assert_uint_eq(tulle_sctp_buffered(s, 1), 10);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 210);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_BUFFERED_LOW], 1);
}
END_TEST

/* Nor may what follows on the stream whose turn it is: an open message may be next. */
START_TEST(the_stream_whose_turn_it_is_leaves_room_to_an_open_message)
{
	ck_assert_int_eq(part(2, 8000, true, true), TULLE_OK);
	ck_assert_uint_gt(pair_catch(&p, 0), 0);
	ck_assert_ptr_nonnull(p.end[0].sctp->out.current);
	ck_assert_int_eq(part(1, 100, true, false), TULLE_OK);
	unsigned n = fill(2, 1000);
	for (unsigned i = 0; i < p.end[0].packets; i++)
		pair_give(&p, 1, p.end[0].packet[i], p.end[0].packet_len[i]);
	pair_settle(&p);
	ck_assert_int_eq(part(1, 16000, false, true), TULLE_OK);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 24100 + n * 1000);
}
END_TEST

Suite *suite_sctp_parts(void)
{
	Suite *s = suite_create("sctp_parts");
	TCase *t = tcase_create("parts");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_open_message_finds_room_for_its_end);
	tcase_add_test(t, the_stream_whose_turn_it_is_leaves_room_to_an_open_message);
	tcase_add_test(t, an_open_message_leaves_room_for_another_one);
	tcase_add_test(t, a_message_is_opened_when_half_of_the_room_is_free);
	tcase_add_test(t, half_of_the_reserve_is_left_to_an_open_message);
	tcase_add_test(t, shutdown_is_refused_while_a_message_is_open);
	tcase_add_test(t, a_message_that_is_open_when_the_peer_shuts_down_is_ended);
	tcase_add_test(t, the_answer_to_shutdown_waits_for_the_end_of_a_message);
	tcase_add_test(t, uncounted_bytes_are_not_of_the_buffer);
	suite_add_tcase(s, t);
	return s;
}
