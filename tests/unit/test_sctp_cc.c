/* SPDX-License-Identifier: MIT */
/* sctp: NewReno, CUBIC, HyStart++, PRR, the timeout and the pace; BBR has test_sctp_bbr.c. */
#include "tests/unit/sctp_pair.h"

#include <math.h>

static pair p;
static tulle_sctp_cc cc;

#define MTU 1160u
#define OUT (&p.end[0].sctp->out)

static void make(const tulle_sctp_cc_way *way, size_t packets)
{
	cc = (tulle_sctp_cc){.way = way, .mtu = MTU};
	way->init(&cc, 1);
	cc.cwnd = packets * MTU;
}

/* A SACK of so many bytes over a window that was full. */
static void ack(tulle_time now, size_t bytes)
{
	tulle_sctp_cc_ack a = {.now = now, .srtt_us = 50000, .acked = bytes};
	a.flight_before = cc.cwnd;
	a.flight = cc.cwnd - bytes;
	a.cumulative_moved = true;
	cc.way->on_ack(&cc, &a);
}

/* -- NewReno -- */

/* SCTP-096 RFC9260:7.2.2 */
START_TEST(the_window_grows_by_a_packet_for_each_window_that_was_full)
{
	make(&tulle_sctp_cc_newreno, 10);
	cc.ssthresh = cc.cwnd;
	for (int i = 0; i < 9; i++)
		ack(0, MTU);
	ck_assert_uint_eq(cc.cwnd, 10 * MTU);
	ack(0, MTU);
	ck_assert_uint_eq(cc.cwnd, 11 * MTU);
	tulle_sctp_cc_ack half = {.srtt_us = 50000, .acked = 5 * MTU, .flight_before = 5 * MTU};
	for (int i = 0; i < 9; i++)
		cc.way->on_ack(&cc, &half);
	ck_assert_uint_eq(cc.cwnd, 11 * MTU); /* it was not full */
	ack(0, MTU);
	ack(0, MTU);
	ck_assert_uint_eq(cc.cwnd, 12 * MTU); /* and no more than one window of it counts */
}
END_TEST

/* SCTP-097 RFC9260:7.2.1 */
START_TEST(rest_halves_the_window_down_to_four_packets)
{
	static const tulle_sctp_cc_way *const ways[] = {
		&tulle_sctp_cc_newreno, &tulle_sctp_cc_cubic};
	for (int i = 0; i < 2; i++) {
		make(ways[i], 40);
		cc.way->on_idle(&cc, 0, 1);
		ck_assert_uint_eq(cc.cwnd, 20 * MTU);
		cc.way->on_idle(&cc, 0, 2);
		ck_assert_uint_eq(cc.cwnd, 5 * MTU);
		ck_assert_uint_eq(cc.ssthresh, 20 * MTU); /* as far as slow start leads again */
		cc.way->on_idle(&cc, 0, 9);
		ck_assert_uint_eq(cc.cwnd, 4 * MTU);
		make(ways[i], 2);
		cc.ssthresh = 7 * MTU;
		cc.way->on_idle(&cc, 0, 1);
		ck_assert_uint_eq(cc.cwnd, 2 * MTU);
		ck_assert_uint_eq(cc.ssthresh, 7 * MTU); /* nothing was adjusted */
	}
}
END_TEST

/* RFC9260:7.2.3, RFC9438:4.6: half, or 0.7 of it */
START_TEST(loss_and_timeout_lower_the_threshold)
{
	static const struct {
		const tulle_sctp_cc_way *way;
		size_t left;
	} cases[] = {{&tulle_sctp_cc_newreno, 20 * MTU}, {&tulle_sctp_cc_cubic, 28 * MTU}};
	for (int i = 0; i < 2; i++) {
		make(cases[i].way, 40);
		cc.way->on_loss(&cc, 0, 39 * MTU);
		ck_assert_uint_eq(cc.ssthresh, cases[i].left);
		cc.way->on_undo(&cc);
		ck_assert_uint_eq(cc.cwnd, 40 * MTU);
		ck_assert_uint_gt(cc.ssthresh, 40 * MTU);
		cc.way->on_timeout(&cc, 0);
		ck_assert_uint_eq(cc.ssthresh, cases[i].left);
		ck_assert_uint_eq(cc.cwnd, MTU);
		cc.way->on_timeout(&cc, 0);
		ck_assert_uint_eq(cc.ssthresh, 4 * MTU);
	}
}
END_TEST

/* RFC6937:3.1: of 20 packets one is lost; while they are acknowledged one by one the new window is
 * sent evenly, and none of it is left to a burst at the end. */
START_TEST(recovery_sends_in_proportion_to_what_arrives)
{
	static const tulle_sctp_cc_way *const ways[] = {
		&tulle_sctp_cc_newreno, &tulle_sctp_cc_cubic};
	static const unsigned kept[] = {10, 14};
	for (int i = 0; i < 2; i++) {
		make(ways[i], 20);
		size_t flight = 19 * MTU;
		unsigned sent = 0;
		cc.way->on_loss(&cc, 0, flight);
		for (unsigned n = 1; n <= 19; n++) {
			tulle_sctp_cc_ack a = {
				.now = n, .srtt_us = 50000, .acked = MTU, .in_recovery = true};
			a.flight_before = flight;
			a.flight = flight -= MTU;
			cc.way->on_ack(&cc, &a);
			unsigned now = 0;
			for (; flight < cc.cwnd; flight += MTU, now++)
				sent++;
			ck_assert_uint_le(now, 2);
			ck_assert_uint_le(sent, n * kept[i] / 19 + 2);
			ck_assert_uint_ge(sent + 2, n * kept[i] / 19);
		}
		ck_assert_uint_le(flight, (kept[i] + 1) * MTU);
		ck_assert_uint_ge(flight, (kept[i] - 1) * MTU);
	}
}
END_TEST

/* -- CUBIC -- */

/* SCTP-117 RFC9438:4.2: W(t) = 0.4 (t - K)^3 + W_max, K = cbrt((W_max - cwnd) / 0.4) */
START_TEST(cubic_grows_along_its_curve)
{
	static const unsigned windows[] = {1000, 3000, 10000};
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		double w_max = windows[i], start = 0.7 * w_max, k = cbrt((w_max - start) / 0.4);
		make(&tulle_sctp_cc_cubic, windows[i]);
		cc.way->on_loss(&cc, 1, cc.cwnd);
		cc.cwnd = cc.ssthresh;
		tulle_time from = 1000000, now = from;
		for (; now < from + (tulle_time)(k * 1.5e6); now += 50000)
			for (size_t acked = 0, window = cc.cwnd; acked < window; acked += MTU) {
				ack(now + (tulle_time)(50000 * acked / window), MTU);
				double t = 0.05 + 1e-6 * (double)(now - from) +
					   0.05 * (double)acked / (double)window;
				double due = 0.4 * pow(t - k, 3) + w_max;
				double have = (double)cc.cwnd / MTU;
				/* it aims a round trip ahead and follows by steps */
				ck_assert_msg(have > due * 0.97 - 1 && have < due * 1.01 + 1,
					"w_max %u at %.2f s: %.1f packets, not %.1f", windows[i], t,
					have, due);
			}
		ck_assert_uint_gt(cc.cwnd, windows[i] * MTU);
	}
}
END_TEST

/* RFC9438:4.3: where Reno would be faster it is as fast */
START_TEST(cubic_is_no_slower_than_reno_on_a_short_path)
{
	make(&tulle_sctp_cc_cubic, 20);
	cc.way->on_loss(&cc, 1, cc.cwnd);
	cc.cwnd = cc.ssthresh;
	for (tulle_time now = 1000; now < 61000; now += 1000) /* a round trip of 1 ms */
		for (size_t acked = 0, window = cc.cwnd; acked < window; acked += MTU)
			ack(now, MTU);
	double rounds_to_max = 6 / (9.0 / 17), due = 20 + 60 - rounds_to_max;
	ck_assert_uint_gt(cc.cwnd, (size_t)(due * 0.9) * MTU);
	ck_assert_uint_lt(cc.cwnd, (size_t)(due * 1.1) * MTU);
}
END_TEST

/* RFC9438:4.7: who loses before it was back leaves room to others */
START_TEST(cubic_converges_fast)
{
	make(&tulle_sctp_cc_cubic, 100);
	cc.way->on_loss(&cc, 1, cc.cwnd);
	ck_assert_uint_eq(cc.u.cubic.w_max, 100 * MTU);
	cc.cwnd = 80 * MTU;
	cc.way->on_loss(&cc, 1, cc.cwnd);
	ck_assert_uint_eq(cc.u.cubic.w_max, 68 * MTU); /* (1 + 0.7) / 2 of it */
}
END_TEST

/* -- HyStart++ -- */

/* Rounds of slow start over a path whose round trips rise from some round on; gives the round that
 * slow start ended in, 0: it did not. */
static unsigned hystart(tulle_time rise, unsigned from, unsigned until, size_t *packets)
{
	uint64_t delivered = 0;
	make(&tulle_sctp_cc_newreno, 10);
	for (unsigned round = 1; round <= 12; round++) {
		uint64_t sent_at = delivered;
		for (size_t acked = 0, window = cc.cwnd; acked < window; acked += MTU) {
			tulle_sctp_cc_ack a = {.srtt_us = 50000, .acked = MTU, .rtt_us = 50000};
			if (round >= from && round < until)
				a.rtt_us += rise;
			a.flight_before = cc.cwnd;
			a.prior_delivered = sent_at;
			a.delivered = delivered += MTU;
			cc.way->on_ack(&cc, &a);
		}
		*packets = cc.cwnd / MTU;
		if (cc.ssthresh < SIZE_MAX / 4)
			return round;
	}
	return 0;
}

/* RFC9406:4.2, 4.3: an eighth of 50 ms is 6.25 ms */
START_TEST(slow_start_ends_when_the_round_trip_rises)
{
	size_t packets;
	ck_assert_uint_eq(hystart(0, 0, 0, &packets), 0);
	ck_assert_uint_gt(packets, 20000);
	ck_assert_uint_eq(hystart(6000, 4, 99, &packets), 0);
	/* seen in round 4, then five rounds of a quarter of the growth */
	ck_assert_uint_eq(hystart(7000, 4, 99, &packets), 9);
	ck_assert_uint_lt(packets, 80 * 5);
	/* it was somebody else's: back to doubling */
	ck_assert_uint_eq(hystart(7000, 4, 6, &packets), 0);
	ck_assert_uint_gt(packets, 5000);
}
END_TEST

/* -- in an association -- */

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.cc = TULLE_SCTP_NEWRENO;
	p.config.heartbeat_us = -1;
	pair_open(&p, 2000);
	pair_connect(&p);
}

static void teardown(void)
{
	pair_close(&p);
}

static void send_many(unsigned n)
{
	static uint8_t bytes[1100]; /* one a packet */
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(
			tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, bytes, sizeof bytes, NULL),
			TULLE_OK);
	pair_catch(&p, 0);
}

static void give_sack(uint32_t cumulative, unsigned a, unsigned b)
{
	tulle_sctp_gap gap = {(uint16_t)a, (uint16_t)b};
	pair_sack(&p, cumulative, 400000, &gap, a != 0);
}

/* SCTP-089 RFC9260:16, as the header says; SCTP-090 RFC9260:6.3.1 */
START_TEST(the_timeout_follows_the_round_trips)
{
	tulle_sctp *s = p.end[0].sctp;
	ck_assert_int_eq(s->config.rto_us_initial, 1000000);
	ck_assert_int_eq(s->config.rto_us_min, 1000);
	ck_assert_int_eq(s->config.rto_us_max, 10000000);
	tulle_sctp_rto_init(s);
	ck_assert_int_eq(s->rto, 1000000);
	tulle_sctp_rto_sample(s, 80000);
	ck_assert_int_eq(s->srtt, 80000);
	ck_assert_int_eq(s->rttvar, 40000);
	ck_assert_int_eq(s->rto, 80000 + 160000 + TULLE_SCTP_ACK_DELAY_US);
	tulle_sctp_rto_sample(s, 160000);
	ck_assert_int_eq(s->rttvar, 50000); /* 3/4 of 40 ms and 1/4 of 80 ms */
	ck_assert_int_eq(s->srtt, 90000);
	for (int i = 0; i < 200; i++)
		tulle_sctp_rto_sample(s, 90000);
	ck_assert_int_ge(s->rto, s->srtt + 1000 + TULLE_SCTP_ACK_DELAY_US); /* the clock's grain */
	ck_assert_int_le(s->rto, s->srtt + 2000 + TULLE_SCTP_ACK_DELAY_US);
	tulle_sctp_rto_sample(s, 50000000);
	ck_assert_int_eq(s->rto, 10000000);
	s->config.rto_us_min = 3000000;
	tulle_sctp_rto_init(s);
	ck_assert_int_eq(s->rto, 3000000);
}
END_TEST

/* SCTP-091 RFC9260:6.3.1 C5: Karn's rule */
START_TEST(what_was_sent_twice_measures_nothing)
{
	const tulle_sctp *s = p.end[0].sctp;
	send_many(1);
	p.now += 30000;
	give_sack(OUT->next_tsn - 1, 0, 0);
	tulle_time srtt = s->srtt;
	send_many(1);
	pair_expire(&p, 0); /* the probe: the same chunk again */
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	p.now += 700000;
	give_sack(OUT->next_tsn - 1, 0, 0);
	ck_assert_int_eq(s->srtt, srtt);
	send_many(1);
	p.now += 38000;
	give_sack(OUT->next_tsn - 1, 0, 0);
	ck_assert_int_ne(s->srtt, srtt);
}
END_TEST

/* SCTP-100 RFC9260:7.2.4 */
START_TEST(a_recovery_reduces_once_and_lets_nothing_grow)
{
	const tulle_sctp_cc *c = &p.end[0].sctp->cc;
	uint32_t acked = OUT->acked_tsn;
	p.end[0].sctp->cc.cwnd = 30000;
	send_many(20);
	p.now += 40000;
	give_sack(acked, 2, 4);
	ck_assert(OUT->in_recovery);
	ck_assert_uint_eq(c->ssthresh, 15000);
	pair_catch(&p, 0);
	ck_assert_uint_eq(p.end[0].sctp->stats.retransmissions, 1); /* whatever the window is */
	p.now += 40000;
	give_sack(acked + 5, 2, 6); /* another hole of the same flight */
	/* and all behind it: the retransmission went after them, and overtook them */
	ck_assert_uint_eq(p.end[0].sctp->stats.fast_retransmits, 2 + 9);
	ck_assert(OUT->in_recovery);
	ck_assert_uint_eq(c->ssthresh, 15000);
	/* what arrived, and one: RFC6937:3 */
	ck_assert_uint_le(c->cwnd, OUT->flight_chunks + (7 + 1) * c->mtu);
	give_sack(acked + 19, 0, 0);
	ck_assert(OUT->in_recovery);
	ck_assert_uint_le(c->cwnd, 15000);
	give_sack(acked + 20, 0, 0);
	ck_assert(!OUT->in_recovery);
}
END_TEST

/* SCTP-107 RFC9260:6.1 B */
START_TEST(the_window_is_exceeded_by_less_than_a_packet)
{
	for (size_t cwnd = 2000; cwnd < 12000; cwnd += 777) {
		p.end[0].sctp->cc.cwnd = cwnd;
		p.end[0].sctp->cc.pacing = 0;
		send_many(15);
		ck_assert_uint_ge(OUT->flight_chunks, cwnd);
		ck_assert_uint_lt(OUT->flight_chunks, cwnd + p.end[0].sctp->cc.mtu);
		teardown();
		setup();
	}
}
END_TEST

/* SCTP-109 RFC9260:6.1 D: what keeps us from bursts is the pace: a millisecond of it at once */
START_TEST(packets_leave_at_the_pace_and_not_in_bursts)
{
	tulle_sctp *s = p.end[0].sctp;
	s->cc.cwnd = 300000;
	s->cc.pacing = 2000000; /* two packets a ms */
	tulle_time from = p.now;
	size_t bytes = 0;
	send_many(250);
	for (unsigned i = 0; i < 100; i++) {
		/* the first time what it was late by besides */
		ck_assert_uint_le(p.end[0].packets, i == 0 ? 7 : 3);
		bytes += 1100 * p.end[0].packets;
		pair_expire(&p, 0);
		pair_catch(&p, 0);
	}
	double rate = (double)bytes / ((double)(p.now - from) / 1e6);
	ck_assert_msg(rate > 1.8e6 && rate < 2.1e6, "%.0f bytes/s", rate);
}
END_TEST

/* SCTP-116 RFC8985:7: the tail is asked for before T3, with nothing called lost */
START_TEST(a_lost_tail_costs_a_probe_and_no_timeout)
{
	const tulle_sctp *s = p.end[0].sctp;
	send_many(3);
	size_t cwnd = s->cc.cwnd;
	p.now += 20000;
	give_sack(OUT->acked_tsn + 2, 0, 0);
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(s->stats.loss_probes, 1);
	give_sack(OUT->acked_tsn + 1, 0, 0);
	ck_assert_uint_eq(s->stats.timeouts, 0);
	ck_assert(!OUT->in_recovery);
	ck_assert_uint_ge(s->cc.cwnd, cwnd);
	ck_assert_int_eq(tulle_sctp_poll_timeout(s), TULLE_TIME_NEVER);
}
END_TEST

Suite *suite_sctp_cc(void)
{
	Suite *s = suite_create("sctp_cc");
	TCase *t = tcase_create("windows");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, the_window_grows_by_a_packet_for_each_window_that_was_full);
	tcase_add_test(t, rest_halves_the_window_down_to_four_packets);
	tcase_add_test(t, loss_and_timeout_lower_the_threshold);
	tcase_add_test(t, recovery_sends_in_proportion_to_what_arrives);
	tcase_add_test(t, cubic_grows_along_its_curve);
	tcase_add_test(t, cubic_is_no_slower_than_reno_on_a_short_path);
	tcase_add_test(t, cubic_converges_fast);
	tcase_add_test(t, slow_start_ends_when_the_round_trip_rises);
	suite_add_tcase(s, t);
	t = tcase_create("association");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_timeout_follows_the_round_trips);
	tcase_add_test(t, what_was_sent_twice_measures_nothing);
	tcase_add_test(t, a_recovery_reduces_once_and_lets_nothing_grow);
	tcase_add_test(t, the_window_is_exceeded_by_less_than_a_packet);
	tcase_add_test(t, packets_leave_at_the_pace_and_not_in_bursts);
	tcase_add_test(t, a_lost_tail_costs_a_probe_and_no_timeout);
	suite_add_tcase(s, t);
	return s;
}
