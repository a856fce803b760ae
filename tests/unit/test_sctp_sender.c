/* SPDX-License-Identifier: MIT */
/* sctp: what a sender meets that lasts: small windows, long messages, paths that change. */
#include "tests/unit/sctp_pair.h"

static pair p;
static uint8_t bytes[40000];

static void begin(tulle_sctp_control cc)
{
	memset(&p, 0, sizeof p);
	p.config.packet_bytes_max = 1160;
	p.config.heartbeat_us = -1;
	p.config.cc = cc;
	p.config.send_bytes_max = 65536;
	pair_open(&p, 400);
	pair_connect(&p);
}

static void setup(void)
{
	begin(TULLE_SCTP_NEWRENO);
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_err send(uint16_t stream, size_t len, const tulle_sctp_send_options *options)
{
	return tulle_sctp_send(end0(), p.now, stream, 51, bytes, len, options);
}

static void give_sack(
	uint32_t cumulative, uint32_t window, const tulle_sctp_gap *gaps, size_t count)
{
	pair_sack(&p, cumulative, window, gaps, count);
}

static unsigned catch_all(void)
{
	end0()->cc.pacing = 0;
	return pair_catch(&p, 0);
}

static void measure(void)
{
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(send(1, 10, NULL), TULLE_OK);
		(void)catch_all();
		p.now += 40000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	}
}

/* RFC9260:6.1 A: a window smaller than the next chunk is no room, as one of zero is: asking for it
 * is no error while the peer answers. */
START_TEST(a_window_that_takes_no_chunk_is_asked_for_ever)
{
	measure();
	give_sack(end0()->out.acked_tsn, 500, NULL, 0);
	ck_assert_int_eq(send(1, 1000, NULL), TULLE_OK);
	size_t cwnd = end0()->cc.cwnd;
	for (int i = 0; i < 40; i++) {
		(void)catch_all();
		ck_assert_uint_eq(end0()->ended, 0);
		pair_expire(&p, 0);
		ck_assert_uint_eq(end0()->ended, 0);
		(void)catch_all();
		give_sack(end0()->out.acked_tsn, 500, NULL, 0);
	}
	ck_assert_uint_eq(end0()->errors, 0);
	ck_assert_uint_eq(end0()->stats.timeouts, 0);
	ck_assert_uint_eq(end0()->cc.cwnd, cwnd);
	give_sack(end0()->out.acked_tsn, 9000, NULL, 0);
	ck_assert_uint_eq(catch_all(), 1);
}
END_TEST

/* A reset waits for a message that is given up before it was sent: nothing else will be polled. */
START_TEST(a_reset_goes_when_the_last_message_expires)
{
	static const tulle_sctp_send_options brief = {
		.first = true, .last = true, .has_lifetime = true};
	tulle_sctp_chunk chunk;
	ck_assert_int_eq(send(1, 10, &brief), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_reset_stream(end0(), p.now, 1), TULLE_OK);
	p.now += 10;
	(void)catch_all();
	ck_assert(pair_find(&p.end[0], SCTP_RE_CONFIG, 0, &chunk));
}
END_TEST

/* What is refused for an open message's sake is not called for again and again without a pause. */
START_TEST(who_waits_behind_an_open_message_looks_again_in_a_while)
{
	static const tulle_sctp_send_options first = {.first = true};
	ck_assert_int_eq(send(1, 100, &first), TULLE_OK);
	pair_settle(&p);
	while (send(2, 1000, NULL) == TULLE_OK)
		continue;
	pair_settle(&p);
	unsigned woken = 0;
	for (int i = 0; i < 100; i++) {
		for (void *w; (w = tulle_pool_next_waiter(p.pool)) != NULL;)
			tulle_sctp_handle_room(w, p.now);
		unsigned before = p.end[0].events[TULLE_SCTP_WRITABLE];
		pair_settle(&p);
		if (p.end[0].events[TULLE_SCTP_WRITABLE] == before)
			break;
		woken++;
		ck_assert_int_eq(send(2, 1000, NULL), TULLE_WOULD_BLOCK);
	}
	ck_assert_uint_le(woken, 1);
}
END_TEST

/* A message in parts has no end that is known: what its stream owes the others is bounded. */
START_TEST(what_a_stream_owes_is_bounded)
{
	static const tulle_sctp_send_options first = {.first = true}, more = {0};
	ck_assert_int_eq(send(1, 1000, &first), TULLE_OK);
	pair_settle(&p);
	sctp_stream *s = tulle_sctp_find_stream(end0(), 1);
	s->deficit = 500 - TULLE_SCTP_DEBT_BYTES_MAX;
	ck_assert_int_eq(send(1, 1000, &more), TULLE_OK);
	pair_settle(&p);
	ck_assert_int_eq(s->deficit, -TULLE_SCTP_DEBT_BYTES_MAX);
}
END_TEST

/* RFC8261:6.1: what arrives of the former path says nothing of this one's rate, nor makes it grow.
 */
START_TEST(the_former_paths_rate_is_forgotten)
{
	static const tulle_sctp_control ways[] = {
		TULLE_SCTP_NEWRENO, TULLE_SCTP_CUBIC, TULLE_SCTP_BBR};
	for (size_t i = 0; i < 3; i++) {
		pair_close(&p);
		begin(ways[i]);
		measure();
		end0()->cc.cwnd = 60000;
		ck_assert_int_eq(send(1, 40000, NULL), TULLE_OK);
		(void)catch_all();
		ck_assert_uint_gt(end0()->out.flight, 30000);
		p.now += 1000;
		tulle_sctp_set_path(end0(), p.now, 0);
		size_t fresh = end0()->cc.cwnd;
		p.now += 1000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
		ck_assert_uint_eq(end0()->out.flight, 0);
		ck_assert_uint_le(end0()->cc.cwnd, tulle_max(fresh, 4 * end0()->cc.mtu));
		ck_assert_uint_eq(end0()->cc.pacing, 0);
	}
}
END_TEST

/* However slow the former path was: what this one carries is not held back for it. */
START_TEST(the_former_paths_pace_is_forgotten)
{
	measure();
	end0()->cc.pacing = 400;
	ck_assert_int_eq(send(1, 1000, NULL), TULLE_OK);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	p.now += 1000;
	tulle_sctp_set_path(end0(), p.now, 0);
	ck_assert_int_eq(send(1, 10, NULL), TULLE_OK);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	p.now += 40000;
	give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	ck_assert_uint_gt(end0()->cc.pacing, 10000);
	ck_assert_int_eq(send(1, 10, NULL), TULLE_OK);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
}
END_TEST

/* The window of the peer holds us back also where a bit of it is left. */
START_TEST(a_window_too_small_for_a_chunk_limits_the_rate)
{
	measure();
	end0()->cc.cwnd = 60000;
	give_sack(end0()->out.acked_tsn, 3000, NULL, 0);
	end0()->out.rate.limited_until = 0;
	ck_assert_int_eq(send(1, 40000, NULL), TULLE_OK);
	ck_assert_uint_eq(catch_all(), 2);
	ck_assert_uint_gt(end0()->out.peer_window, 0);
	ck_assert_uint_ne(end0()->out.rate.limited_until, 0);
}
END_TEST

/* RFC9260:6.3.3 E2, E3: what T3 sent again is waited for, and for longer. */
START_TEST(after_a_timeout_comes_no_probe)
{
	measure();
	ck_assert_int_eq(send(1, 1000, NULL), TULLE_OK);
	(void)catch_all();
	tulle_sctp_mark_lost(end0(), end0()->out.acked_tsn + 1);
	end0()->out.no_packet = true;
	pair_expire(&p, 0);
	ck_assert_uint_eq(end0()->stats.timeouts, 1);
	tulle_time rto = end0()->rto;
	ck_assert_uint_eq(catch_all(), 1);
	pair_expire(&p, 0);
	ck_assert_uint_eq(end0()->stats.loss_probes, 0);
	ck_assert_uint_eq(end0()->stats.timeouts, 2);
	ck_assert_int_eq(end0()->rto, 2 * rto);
}
END_TEST

/* A SACK of many blocks leaves little room: no fragment is as small as that. */
START_TEST(behind_a_long_sack_goes_no_small_fragment)
{
	tulle_sctp_chunk chunk;
	measure();
	for (uint32_t i = 0; i < 278; i++)
		pair_data(&p, 0, 1 + 2 * i, 9, 0, SCTP_FLAG_U | SCTP_FLAG_B | SCTP_FLAG_E, "x");
	ck_assert_int_eq(send(1, 3000, NULL), TULLE_OK);
	ck_assert_uint_gt(catch_all(), 1);
	ck_assert(pair_find(&p.end[0], SCTP_SACK, 0, &chunk));
	ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk));
	ck_assert_uint_ge(chunk.whole.len, SCTP_DATA_HEADER_BYTES + TULLE_SCTP_FRAGMENT_BYTES_MIN);
}
END_TEST

/* Refused for want of room of its own, which comes back while others hold the pool. */
START_TEST(who_waited_for_its_own_room_waits_for_the_pool)
{
	static void *held[400];
	tulle_pool_account others;
	size_t n = 0;
	tulle_pool_open(&others, p.pool, NULL, 0, &others);
	while (send(1, 1000, NULL) == TULLE_OK)
		continue;
	ck_assert_int_eq(send(1, 30000, NULL), TULLE_WOULD_BLOCK);
	while ((held[n] = tulle_pool_take(&others, false)) != NULL)
		n++;
	while (end0()->out.unacked != 0) {
		(void)catch_all();
		p.now += 1000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	}
	while (n > 0)
		tulle_pool_give(&others, held[--n]);
	for (void *w; (w = tulle_pool_next_waiter(p.pool)) != NULL;)
		tulle_sctp_handle_room(w, p.now);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_WRITABLE], 1);
	tulle_pool_close(&others);
}
END_TEST

Suite *suite_sctp_sender(void)
{
	Suite *s = suite_create("sctp_sender");
	TCase *t = tcase_create("sender");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_window_that_takes_no_chunk_is_asked_for_ever);
	tcase_add_test(t, a_reset_goes_when_the_last_message_expires);
	tcase_add_test(t, who_waits_behind_an_open_message_looks_again_in_a_while);
	tcase_add_test(t, who_waited_for_its_own_room_waits_for_the_pool);
	tcase_add_test(t, what_a_stream_owes_is_bounded);
	tcase_add_test(t, the_former_paths_rate_is_forgotten);
	tcase_add_test(t, the_former_paths_pace_is_forgotten);
	tcase_add_test(t, a_window_too_small_for_a_chunk_limits_the_rate);
	tcase_add_test(t, after_a_timeout_comes_no_probe);
	tcase_add_test(t, behind_a_long_sack_goes_no_small_fragment);
	suite_add_tcase(s, t);
	return s;
}
