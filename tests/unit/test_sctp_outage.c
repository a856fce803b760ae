/* SPDX-License-Identifier: MIT */
/* sctp: silence, and what comes after it: late answers, another path, windows that open again. */
#include "tests/unit/sctp_states.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.packet_bytes_max = 1160;
	p.config.heartbeat_us = -1;
	p.config.cc = TULLE_SCTP_NEWRENO;
	pair_open(&p, 400);
	pair_connect(&p);
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static void send_bytes(int from, size_t len)
{
	static const uint8_t bytes[20000];
	ck_assert_int_eq(
		tulle_sctp_send(p.end[from].sctp, p.now, 1, 51, bytes, len, NULL), TULLE_OK);
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

/* A round trip of 40 ms is known. */
static void measure(void)
{
	for (int i = 0; i < 20; i++) {
		send_bytes(0, 10);
		(void)catch_all();
		p.now += 40000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	}
	ck_assert_int_le(end0()->srtt, 41000);
}

/* Nobody answers, for so many timeouts. */
static void be_silent(uint64_t timeouts)
{
	uint64_t until = end0()->stats.timeouts + timeouts;
	while (end0()->stats.timeouts < until) {
		pair_expire(&p, 0);
		(void)catch_all();
	}
}

/* RFC9260:6.3.1 C5: the SACKs of an outage were lost: what arrived before it was sent once, and is
 * acknowledged after it. That took no eight seconds. */
START_TEST(an_outage_is_no_round_trip)
{
	for (int other_path = 0; other_path < 2; other_path++) {
		measure();
		tulle_time srtt = end0()->srtt;
		send_bytes(0, 4000);
		ck_assert_uint_eq(catch_all(), 4);
		be_silent(4);
		if (other_path) {
			tulle_sctp_set_path(end0(), p.now, 0);
			tulle_sctp_set_ice_rtt(end0(), 40000);
			(void)catch_all();
			srtt = 0;
		}
		p.now += 40000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
		ck_assert_int_eq(end0()->srtt, srtt);
		ck_assert_int_eq(end0()->out.rack.min_rtt_us, other_path ? 0 : 40000);
		measure();
	}
}
END_TEST

/* RFC8261:6.1: what the former path was silent about goes at once, and costs this one no window. */
START_TEST(another_path_asks_at_once)
{
	measure();
	send_bytes(0, 4000);
	ck_assert_uint_eq(catch_all(), 4);
	be_silent(3);
	send_bytes(0, 10);
	ck_assert_uint_eq(catch_all(), 0); /* one packet a timeout */
	tulle_sctp_set_path(end0(), p.now, 0);
	size_t fresh = end0()->cc.cwnd, ssthresh = end0()->cc.ssthresh;
	ck_assert_uint_eq(catch_all(), 4);
	ck_assert_uint_eq(end0()->out.lost.count, 0);
	p.now += 40000;
	give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	ck_assert_uint_ge(end0()->cc.cwnd, fresh);
	ck_assert_uint_eq(end0()->cc.ssthresh, ssthresh);
}
END_TEST

/* Where the former path still answered, what is there may come in; if not, that too is none of this
 * path's losses, by RACK or by T3. */
START_TEST(losses_of_the_former_path_cost_no_window)
{
	for (int by_timer = 0; by_timer < 2; by_timer++) {
		measure();
		send_bytes(0, 4000);
		ck_assert_uint_eq(catch_all(), 4);
		p.now += 20000;
		tulle_sctp_set_path(end0(), p.now, 0);
		tulle_sctp_set_ice_rtt(end0(), 40000);
		size_t fresh = end0()->cc.cwnd, ssthresh = end0()->cc.ssthresh;
		tulle_time rto = end0()->rto;
		ck_assert_uint_eq(catch_all(), 0);
		if (by_timer) {
			tulle_sctp_mark_lost(end0(), end0()->out.acked_tsn + 1);
			end0()->out.one_packet = end0()->out.no_packet = true;
			be_silent(1);
			ck_assert_int_eq(end0()->rto, rto);
		} else {
			send_bytes(0, 10);
			ck_assert_uint_eq(catch_all(), 1);
			p.now += 40000;
			give_sack(end0()->out.acked_tsn, 90000, &(tulle_sctp_gap){5, 5}, 1);
			ck_assert_uint_eq(end0()->out.lost.count, 4);
			ck_assert(!end0()->out.in_recovery);
		}
		ck_assert_uint_ge(end0()->cc.cwnd, fresh);
		ck_assert_uint_eq(end0()->cc.ssthresh, ssthresh);
		(void)catch_all();
		p.now += 40000;
		give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	}
}
END_TEST

/* RFC8261:6.1: handshakes, resets and the end wait no longer than data */
START_TEST(another_path_hastens_whatever_is_asked)
{
	static const struct {
		tulle_sctp_state state;
		sctp_timer timer;
	} cases[] = {{TULLE_SCTP_STATE_COOKIE_WAIT, SCTP_T_INIT},
		{TULLE_SCTP_STATE_COOKIE_ECHOED, SCTP_T_INIT},
		{TULLE_SCTP_STATE_ESTABLISHED, SCTP_T_RESET},
		{TULLE_SCTP_STATE_SHUTDOWN_SENT, SCTP_T_SHUTDOWN}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hand_state(&p, cases[i].state);
		if (cases[i].timer == SCTP_T_RESET) {
			send_bytes(0, 10);
			pair_settle(&p);
			ck_assert_int_eq(tulle_sctp_reset_stream(end0(), p.now, 1), TULLE_OK);
			(void)catch_all();
		}
		while (end0()->rto < 8000000) {
			ck_assert(tulle_sctp_is_timing(end0(), cases[i].timer));
			p.now = end0()->timers[cases[i].timer];
			tulle_sctp_handle_timeout(end0(), p.now);
			(void)catch_all();
		}
		ck_assert_int_ge(end0()->timers[cases[i].timer] - p.now, 8000000);
		tulle_sctp_set_path(end0(), p.now, 0);
		tulle_sctp_set_ice_rtt(end0(), 20000);
		ck_assert_int_eq(end0()->timers[cases[i].timer] - p.now, 90000);
	}
}
END_TEST

/* RFC8985:7.3: a SACK is due too, and leaves no room behind it for the chunk that probes */
START_TEST(a_probe_that_has_no_room_goes_in_the_next_packet)
{
	tulle_sctp_chunk chunk;
	measure();
	send_bytes(0, 1160 - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES);
	ck_assert_uint_eq(catch_all(), 1);
	ck_assert_uint_eq(p.end[0].packet_len[0], 1160);
	pair_data(&p, 0, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "x");
	tulle_sctp_stop_timer(end0(), SCTP_T_SACK);
	end0()->due = 0;
	pair_expire(&p, 0);
	ck_assert_uint_eq(end0()->stats.loss_probes, 1);
	ck_assert_uint_eq(catch_all(), 2);
	ck_assert(pair_find(&p.end[0], SCTP_SACK, 0, &chunk));
	ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk));
	ck_assert_uint_eq(end0()->stats.timeouts, 0);
}
END_TEST

/* A cookie is as long as the peer makes it; the path's size is the path's. */
START_TEST(a_cookie_may_be_longer_than_the_path_takes)
{
	pair_close(&p);
	memset(&p, 0, sizeof p);
	p.config.probe_bytes_max = 1432;
	pair_open(&p, 100);
	tulle_sctp_connect(end0(), p.now);
	(void)catch_all();
	uint8_t extra[TULLE_SCTP_COOKIE_BYTES_MAX + 4] = {
		0, 7, (sizeof extra) >> 8, sizeof extra & 255};
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = extra;
	ack.extra_len = sizeof extra;
	tulle_sctp_chunk echo;
	tulle_sctp_set_path(end0(), p.now, TULLE_SCTP_PACKET_BYTES_MIN);
	ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
	hand_expect(&p, 0, SCTP_COOKIE_ECHO);
	ck_assert(pair_find(&p.end[0], SCTP_COOKIE_ECHO, 0, &echo));
	ck_assert_uint_eq(echo.value.len, TULLE_SCTP_COOKIE_BYTES_MAX);
	ck_assert(p.end[0].packet_out[0].may_fragment);
}
END_TEST

/* RFC9260:9.2: nothing is outstanding any more, and nobody will acknowledge what never went out */
START_TEST(it_ends_when_the_last_message_expires)
{
	static const tulle_sctp_send_options brief = {
		.first = true, .last = true, .has_lifetime = true};
	ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 1, 51, "x", 1, &brief), TULLE_OK);
	tulle_sctp_shutdown(end0(), p.now);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), TULLE_SCTP_STATE_SHUTDOWN_PENDING);
	p.now += 10;
	hand_expect(&p, 0, SCTP_SHUTDOWN);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), TULLE_SCTP_STATE_SHUTDOWN_SENT);
}
END_TEST

/* RFC9260:6.3.2 R3, 6.2.1 D iii: what the peer gave up again is sent again, though others arrive */
START_TEST(what_was_reneged_is_sent_while_others_arrive)
{
	measure();
	for (int i = 0; i < 3; i++)
		send_bytes(0, 10);
	(void)catch_all();
	uint32_t lacks = end0()->out.acked_tsn + 2;
	tulle_sctp_gap gap = {2, 2};
	give_sack(lacks - 2, 90000, &(tulle_sctp_gap){2, 3}, 1);
	give_sack(lacks - 1, 90000, &gap, 1);
	ck_assert_uint_eq(end0()->stats.reneged, 1);
	tulle_time until = p.now + 4 * end0()->rto;
	while (p.now < until) {
		send_bytes(0, 10);
		(void)catch_all();
		p.now += end0()->rto / 4;
		tulle_sctp_handle_timeout(end0(), p.now);
		gap.end = (uint16_t)(end0()->out.next_tsn - lacks);
		give_sack(lacks - 1, 90000, &gap, 1);
	}
	ck_assert_uint_gt(end0()->stats.timeouts, 0);
	ck_assert_uint_gt(tulle_sctp_tsn_at(end0(), lacks)->transmissions, 1);
}
END_TEST

/* RFC9260:6.1 A: the chunk that asked for a window was refused; then the window opens */
START_TEST(what_asked_for_a_window_goes_when_it_opens)
{
	measure();
	give_sack(end0()->out.acked_tsn, 0, NULL, 0);
	send_bytes(0, 10);
	ck_assert_uint_eq(catch_all(), 0);
	for (int i = 0; i < 5; i++) {
		pair_expire(&p, 0);
		(void)catch_all();
		give_sack(end0()->out.acked_tsn, 0, NULL, 0);
	}
	ck_assert_uint_eq(end0()->out.in_flight.count, 1);
	ck_assert_int_gt(end0()->timers[SCTP_T_RTX] - p.now, 1000000);
	give_sack(end0()->out.acked_tsn, 9000, NULL, 0);
	ck_assert_uint_eq(catch_all(), 1);
}
END_TEST

/* RFC8261:6.1: tries on the former path are none of this one, and its timeouts are short again:
 * what had doubled for seconds would be over within a tenth of one. */
START_TEST(the_handshake_has_all_its_tries_on_another_path)
{
	static const tulle_sctp_state states[] = {
		TULLE_SCTP_STATE_COOKIE_WAIT, TULLE_SCTP_STATE_COOKIE_ECHOED};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		hand_state(&p, states[i]);
		for (int path = 0; path < 3; path++) {
			for (int n = 0; n < 8; n++) {
				ck_assert(!end0()->ended);
				pair_expire(&p, 0);
				(void)catch_all();
			}
			tulle_sctp_set_path(end0(), p.now, 0);
			tulle_sctp_set_ice_rtt(end0(), 1000);
		}
		ck_assert(!end0()->ended);
		for (int n = 0; n < 9; n++)
			pair_expire(&p, 0);
		ck_assert(end0()->ended);
	}
}
END_TEST

/* RFC9260:8.1, RFC6525:5.1.1: data and a reset that both wait for one peer: its silence is borne as
 * long as with data alone. */
START_TEST(a_silence_is_counted_once)
{
	tulle_time lasts[2];
	for (int resets = 0; resets < 2; resets++) {
		if (resets != 0) {
			teardown();
			setup();
		}
		measure();
		if (resets != 0)
			ck_assert_int_eq(tulle_sctp_reset_stream(end0(), p.now, 1), TULLE_OK);
		ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 2, 51, "data", 4, NULL), TULLE_OK);
		tulle_time began = p.now;
		(void)catch_all();
		while (!end0()->ended) {
			pair_expire(&p, 0);
			(void)catch_all();
		}
		lasts[resets] = p.now - began;
	}
	ck_assert_int_ge(lasts[1], lasts[0]);
}
END_TEST

/* RFC9260:6.3.1 C5: nor where the first SACK after it leaves out what was sent again. */
START_TEST(an_outage_is_no_round_trip_where_a_hole_is_left)
{
	static const tulle_sctp_gap gap = {2, 2};
	measure();
	tulle_time rtt = end0()->srtt;
	send_bytes(0, 3000);
	ck_assert_uint_eq(catch_all(), 3);
	be_silent(5);
	give_sack(end0()->out.acked_tsn, 90000, &gap, 1);
	ck_assert_uint_eq(end0()->out.gap_acked, 1);
	ck_assert_int_eq(end0()->srtt, rtt);
	(void)catch_all();
	be_silent(1);
	p.now += 40000;
	give_sack(end0()->out.next_tsn - 1, 90000, NULL, 0);
	measure();
}
END_TEST

Suite *suite_sctp_outage(void)
{
	Suite *s = suite_create("sctp_outage");
	TCase *t = tcase_create("outage");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_outage_is_no_round_trip);
	tcase_add_test(t, an_outage_is_no_round_trip_where_a_hole_is_left);
	tcase_add_test(t, another_path_asks_at_once);
	tcase_add_test(t, losses_of_the_former_path_cost_no_window);
	tcase_add_test(t, another_path_hastens_whatever_is_asked);
	tcase_add_test(t, the_handshake_has_all_its_tries_on_another_path);
	tcase_add_test(t, a_silence_is_counted_once);
	tcase_add_test(t, a_probe_that_has_no_room_goes_in_the_next_packet);
	tcase_add_test(t, a_cookie_may_be_longer_than_the_path_takes);
	tcase_add_test(t, it_ends_when_the_last_message_expires);
	tcase_add_test(t, what_was_reneged_is_sent_while_others_arrive);
	tcase_add_test(t, what_asked_for_a_window_goes_when_it_opens);
	suite_add_tcase(s, t);
	return s;
}
