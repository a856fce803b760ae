/* SPDX-License-Identifier: MIT */
/* sctp: the rules of sending and receiving data, of the timeout and of the window of congestion:
 * RFC9260:6, 7. */
#include "tests/unit/sctp_states.h"

static pair p;

#define BE (SCTP_FLAG_B | SCTP_FLAG_E)
#define CHUNK (SCTP_DATA_HEADER_BYTES + 1100u)

/* Before the config changes. */
static void stop(void)
{
	if (p.pool != NULL)
		pair_close(&p);
	p.pool = NULL;
}

static void start(void)
{
	stop();
	p.config.streams_max = 100;
	pair_open(&p, 400);
	memset(p.end[0].events, 0, sizeof p.end[0].events);
	memset(p.end[1].events, 0, sizeof p.end[1].events);
	p.end[0].got_len = p.end[1].got_len = 0;
	pair_connect(&p);
	pair_settle(&p);
}

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.cc = TULLE_SCTP_NEWRENO;
	start();
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_sctp_sack_chunk caught_sack(int from)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_sack_chunk sack;
	ck_assert_uint_ge(pair_catch(&p, from), 1);
	ck_assert(pair_find(&p.end[from], SCTP_SACK, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_sack(chunk.value, &sack), TULLE_TAKEN);
	return sack;
}

/* Messages of one packet each; the number of packets that went out. */
static unsigned send_many(unsigned n)
{
	static uint8_t bytes[1100];
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(
			tulle_sctp_send(end0(), p.now, 0, 51, bytes, sizeof bytes, NULL), TULLE_OK);
	return pair_catch(&p, 0);
}

static void give_sack(uint32_t cumulative, unsigned a, unsigned b)
{
	tulle_sctp_gap gap = {(uint16_t)a, (uint16_t)b};
	pair_sack(&p, cumulative, 900000, &gap, a != 0);
}

/* -- receiving -- */

/* SCTP-074 RFC9260:6.2: as many gap blocks as the packet holds, the lowest first */
START_TEST(a_sack_names_as_many_gaps_as_fit)
{
	for (uint16_t packet = 508; packet <= 1172; packet = (uint16_t)(packet + 83)) {
		stop();
		p.config.packet_bytes_max = packet;
		start();
		for (uint32_t i = 0; i < 250; i++)
			ck_assert_int_eq(pair_data(&p, 1, 1 + 2 * i, 1, 0, BE | SCTP_FLAG_U, "x"),
				TULLE_TAKEN);
		tulle_sctp_sack_chunk sack = caught_sack(1);
		ck_assert_uint_eq(sack.gap_count, tulle_min(250, (packet - 12u - 16u) / 4));
		ck_assert_uint_le(p.end[1].packet_len[0], packet);
		for (unsigned i = 0; i < sack.gap_count; i++)
			ck_assert_uint_eq(tulle_sctp_read_gap(&sack, i).start, 2 + 2 * i);
	}
}
END_TEST

/* SCTP-080 RFC9260:6.6: at once, whatever is missing before it and whatever number it has */
START_TEST(unordered_messages_wait_for_nothing)
{
	pair_data(&p, 1, 3, 1, 7, BE, "ordered");
	pair_data(&p, 1, 5, 1, 9, BE | SCTP_FLAG_U, "one,");
	pair_data(&p, 1, 7, 1, 9, BE | SCTP_FLAG_U, "two,");
	pair_data(&p, 1, 10, 1, 0, SCTP_FLAG_E | SCTP_FLAG_U, "three");
	pair_data(&p, 1, 9, 1, 0, SCTP_FLAG_B | SCTP_FLAG_U, "and ");
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 17);
	ck_assert_mem_eq(p.end[1].got, "one,two,and three", 17);
	ck_assert(p.end[1].last.unordered);
}
END_TEST

/* SCTP-075 RFC9260:6.2 B-D: what is held closes the window, what is given out opens it, and the
 * sender is told without asking */
START_TEST(the_window_closes_and_opens_with_what_is_held)
{
	static char text[1001];
	memset(text, 'x', 1000);
	stop();
	p.config.receive_bytes_max = 65536;
	start();
	tulle_sctp_pause(p.end[1].sctp, p.now, 1, true);
	uint32_t last = p.end[1].sctp->in.window_told > 0 ? 65536 : 0;
	uint16_t ssn = 0;
	for (; ssn < 200; ssn++) {
		if (pair_data(&p, 1, 0, 1, ssn, BE | SCTP_FLAG_I, text) != TULLE_TAKEN)
			break;
		uint32_t window = caught_sack(1).window;
		ck_assert_uint_le(window, last);
		ck_assert(window == 0 || window >= 1172 - 12 - 16); /* no silly window */
		last = window;
	}
	ck_assert_uint_eq(last, 0);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	/* SCTP-076: what is dropped is told at once, without the I bit too */
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, ssn, BE, text), TULLE_DROP_NO_ROOM);
	ck_assert_uint_eq(caught_sack(1).cumulative, p.end[1].sctp->in.cumulative);
	tulle_sctp_pause(p.end[1].sctp, p.now, 1, false);
	unsigned updates = 0;
	tulle_sctp_event event;
	while (tulle_sctp_poll_event(p.end[1].sctp, &event)) {
		unsigned n = pair_catch(&p, 1);
		updates += n;
		tulle_sctp_chunk chunk;
		tulle_sctp_sack_chunk sack;
		if (n == 0)
			continue;
		ck_assert(pair_find(&p.end[1], SCTP_SACK, 0, &chunk));
		tulle_sctp_read_sack(chunk.value, &sack);
		ck_assert_uint_gt(sack.window, last); /* no silly windows, and never back */
		last = sack.window;
	}
	ck_assert(updates >= 1 && updates <= 6);
	ck_assert_uint_ge(last, 16384); /* the next one would come at twice that */
}
END_TEST

/* SCTP-076 RFC9260:6.2: with little room the next in order is taken, a higher one is not, and
 * the SACK does not name it */
START_TEST(a_full_receiver_drops_what_comes_early)
{
	static char text[1001];
	memset(text, 'x', 1000);
	stop();
	p.config.receive_bytes_max = 16384;
	start();
	tulle_sctp_pause(p.end[1].sctp, p.now, 1, true);
	uint32_t ahead = 1;
	while (pair_data(&p, 1, ahead, 1, (uint16_t)ahead, BE, text) == TULLE_TAKEN)
		ahead++;
	ck_assert_uint_lt(ahead, 30);
	ck_assert_int_eq(pair_data(&p, 1, ahead, 1, (uint16_t)ahead, BE, text), TULLE_DROP_NO_ROOM);
	tulle_sctp_sack_chunk sack = caught_sack(1);
	ck_assert_uint_lt(sack.window, 8192);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, sack.gap_count - 1u).end, ahead);
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, BE, text), TULLE_TAKEN);
	ck_assert_uint_eq(p.end[1].sctp->in.ranges.count, 0); /* what was named is kept */
}
END_TEST

/* SCTP-085 RFC9260:6.9, practice: a message above the limit ends the association, in whatever
 * order its fragments come */
START_TEST(a_message_above_the_limit_is_refused)
{
	stop();
	p.config.message_bytes_max = 10;
	for (unsigned i = 0; i < 6; i++) {
		start();
		bool over = i & 1, backwards = i >= 2, early = i >= 4;
		uint32_t at = early ? 1 : 0;
		const char *rest = over ? "6789ab" : "6789a";
		if (backwards) {
			pair_data(&p, 1, at + 1, 1, 0, SCTP_FLAG_E, rest);
			pair_data(&p, 1, at, 1, 0, SCTP_FLAG_B, "12345");
		} else {
			pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_B, "12345");
			pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_E, rest);
		}
		ck_assert(p.end[1].sctp->ended == over);
		pair_catch(&p, 1);
		if (!over)
			continue;
		tulle_sctp_chunk chunk;
		ck_assert(pair_find(&p.end[1], SCTP_ABORT, 0, &chunk));
		ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_RESOURCE);
	}
}
END_TEST

/* -- the timeout -- */

/* SCTP-089 RFC9260:16, SCTP-090 RFC9260:6.3.1 */
START_TEST(the_timeout_follows_the_round_trip)
{
	static const tulle_time rtts[] = {100000, 100000, 180000, 20000, 50000, 1};
	tulle_sctp *s = end0();
	tulle_sctp_rto_init(s);
	ck_assert_int_eq(s->rto, 1000000); /* RTO.Initial */
	tulle_time srtt = 0, rttvar = 0;
	for (size_t i = 0; i < sizeof rtts / sizeof *rtts; i++) {
		tulle_sctp_rto_sample(s, rtts[i]);
		tulle_time off = srtt > rtts[i] ? srtt - rtts[i] : rtts[i] - srtt;
		rttvar = i == 0 ? rtts[0] / 2 : rttvar + (off - rttvar) / 4;
		srtt = i == 0 ? rtts[0] : srtt + (rtts[i] - srtt) / 8;
		ck_assert_int_eq(s->srtt, srtt);
		ck_assert_int_eq(s->rttvar, rttvar);
		ck_assert_int_eq(
			s->rto, srtt + tulle_time_max(4 * rttvar, 1000) + TULLE_SCTP_ACK_DELAY_US);
	}
	for (int i = 0; i < 200; i++)
		tulle_sctp_rto_sample(s, 1000);
	ck_assert_int_eq(s->rto, s->srtt + 1000 + TULLE_SCTP_ACK_DELAY_US); /* granularity */
	tulle_time rto = s->rto;
	tulle_sctp_rto_back_off(s);
	ck_assert_int_eq(s->rto, 2 * rto); /* RFC9260:6.3.3 E2 */
	for (int i = 0; i < 20; i++)
		tulle_sctp_rto_back_off(s);
	ck_assert_int_eq(s->rto, 10000000); /* RTO.Max of ours */
	stop();
	p.config.rto_us_initial = 3000000;
	p.config.rto_us_min = 2000000;
	p.config.rto_us_max = 60000000;
	start();
	s = end0();
	tulle_sctp_rto_init(s);
	ck_assert_int_eq(s->rto, 3000000);
	tulle_sctp_rto_sample(s, 1000);
	ck_assert_int_eq(s->rto, 2000000);
	for (int i = 0; i < 20; i++)
		tulle_sctp_rto_back_off(s);
	ck_assert_int_eq(s->rto, 60000000);
}
END_TEST

/* SCTP-091 RFC9260:6.3.1 C5: what was sent twice says nothing of the round trip */
START_TEST(a_retransmission_is_no_measurement)
{
	send_many(2);
	uint32_t acked = end0()->out.acked_tsn;
	p.now += 30000;
	give_sack(acked + 1, 0, 0);
	tulle_time srtt = end0()->srtt, rttvar = end0()->rttvar;
	pair_expire(&p, 0); /* the probe */
	pair_expire(&p, 0);
	ck_assert_uint_ge(pair_catch(&p, 0), 1);
	p.now += 70000;
	give_sack(acked + 2, 0, 0);
	ck_assert_int_eq(end0()->srtt, srtt);
	ck_assert_int_eq(end0()->rttvar, rttvar);
	send_many(1);
	p.now += 70000;
	give_sack(acked + 3, 0, 0);
	ck_assert_int_ne(end0()->srtt, srtt);
	ck_assert_int_lt(end0()->rto, 1000000); /* and the backoff is over: C3 */
}
END_TEST

/* SCTP-092 RFC9260:6.3.2: started by the first chunk, not moved by the next, started anew when the
 * earliest is acknowledged, stopped when nothing is out */
START_TEST(the_timer_is_of_the_earliest_chunk)
{
	const tulle_time *t3 = &end0()->timers[SCTP_T_RTX];
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_RTX));
	send_many(1);
	tulle_time first = p.now + end0()->rto;
	ck_assert_int_eq(*t3, first); /* R1 */
	p.now += 10000;
	send_many(2);
	ck_assert_int_eq(*t3, first);
	p.now += 10000;
	give_sack(end0()->out.acked_tsn, 0, 0);
	ck_assert_int_eq(*t3, first); /* nothing new */
	give_sack(end0()->out.acked_tsn + 1, 0, 0);
	ck_assert_int_eq(*t3, p.now + end0()->rto); /* R3 */
	give_sack(end0()->out.acked_tsn + 2, 0, 0);
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_RTX)); /* R2 */
}
END_TEST

/* -- the window of congestion, by the RFC's own way -- */

/* SCTP-096 RFC9260:7.2.2: a packet more for each window that was full and is acknowledged */
START_TEST(congestion_avoidance_grows_by_a_packet_a_window)
{
	tulle_sctp_cc *cc = &end0()->cc;
	cc->cwnd = 8 * CHUNK;
	cc->ssthresh = cc->cwnd;
	cc->pacing = 0;
	send_many(40);
	ck_assert_uint_eq(p.end[0].packets, 8);
	size_t cwnd = cc->cwnd;
	for (unsigned i = 1; i < 8; i++) {
		give_sack(end0()->out.acked_tsn + 1, 0, 0);
		ck_assert_uint_eq(cc->cwnd, cwnd);
		cc->pacing = 0;
		ck_assert_uint_eq(pair_catch(&p, 0), 1);
	}
	give_sack(end0()->out.acked_tsn + 1, 0, 0);
	ck_assert_uint_eq(cc->cwnd, cwnd + cc->mtu);
	/* and not at all when it was not full */
	start();
	cc = &end0()->cc;
	cc->cwnd = cc->ssthresh = 8 * CHUNK;
	for (unsigned i = 0; i < 30; i++) {
		send_many(2);
		cc->pacing = 0;
		give_sack(end0()->out.next_tsn - 1, 0, 0);
	}
	ck_assert_uint_eq(cc->cwnd, 8 * CHUNK);
}
END_TEST

/* SCTP-097 RFC9260:7.2.1: an idle path forgets, half an RTO's worth at a time, down to 4 packets */
START_TEST(an_idle_path_forgets_its_window)
{
	tulle_sctp_cc *cc = &end0()->cc;
	send_many(1);
	give_sack(end0()->out.next_tsn - 1, 0, 0);
	static const unsigned rtos[] = {0, 1, 2, 3, 9};
	for (size_t i = 0; i < sizeof rtos / sizeof *rtos; i++) {
		cc->cwnd = 40 * cc->mtu;
		cc->pacing = 0;
		p.now += end0()->rto * rtos[i] + end0()->rto / 2;
		send_many(1);
		ck_assert_uint_eq(cc->cwnd, tulle_max(40 * cc->mtu >> rtos[i], 4 * cc->mtu));
		give_sack(end0()->out.next_tsn - 1, 0, 0);
	}
}
END_TEST

/* SCTP-100 RFC9260:7.2.4: one reduction a recovery, no growth within, and it ends at its point */
START_TEST(a_recovery_takes_its_half_once)
{
	tulle_sctp_cc *cc = &end0()->cc;
	cc->cwnd = 20 * CHUNK;
	send_many(20);
	uint32_t acked = end0()->out.acked_tsn;
	p.now += 40000;
	give_sack(acked, 2, 5);
	ck_assert(end0()->out.in_recovery);
	ck_assert_uint_eq(end0()->out.recovery_exit, acked + 20);
	size_t ssthresh = cc->ssthresh;
	ck_assert_uint_eq(ssthresh, 10 * CHUNK);
	for (unsigned end = 6; end <= 16; end++) {
		cc->pacing = 0;
		pair_catch(&p, 0);
		p.now += 100;
		give_sack(acked, 2, end);
		ck_assert_uint_le(cc->cwnd, 20 * CHUNK);
	}
	ck_assert_uint_eq(end0()->out.lost.count, 0); /* it went out again */
	p.now += 50000;
	give_sack(acked + 16, 2, 3); /* another hole, of the same window, and its last one */
	ck_assert_uint_eq(end0()->stats.fast_retransmits, 3);
	ck_assert_uint_eq(cc->ssthresh, ssthresh);
	ck_assert_uint_le(cc->cwnd, 20 * CHUNK);
	give_sack(acked + 19, 0, 0);
	ck_assert(end0()->out.in_recovery);
	give_sack(acked + 20, 0, 0);
	ck_assert(!end0()->out.in_recovery);
}
END_TEST

/* SCTP-107 RFC9260:6.1 B: the window may be passed by less than one packet, and by one only */
START_TEST(the_window_is_passed_by_part_of_one_packet)
{
	for (size_t over = 0; over < 3; over++) {
		start();
		tulle_sctp_cc *cc = &end0()->cc;
		cc->cwnd = 5 * CHUNK + over - 1;
		cc->pacing = 0;
		ck_assert_uint_eq(send_many(20), over == 2 ? 6 : 5);
		ck_assert_uint_le(end0()->out.flight_chunks, cc->cwnd + cc->mtu - 1);
	}
}
END_TEST

/* SCTP-109 RFC9260:6.1 D: bursts are bound: by the first window, then by the pace */
START_TEST(a_burst_is_bound_by_the_pace)
{
	ck_assert_uint_eq(send_many(30), 4);
	tulle_sctp_cc *cc = &end0()->cc;
	p.now += 50000;
	give_sack(end0()->out.acked_tsn + 4, 0, 0);
	cc->cwnd = 100 * CHUNK;
	cc->pacing = 1000000; /* a packet each 1.1 ms */
	ck_assert_uint_le(pair_catch(&p, 0), 4);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_gt(tulle_sctp_poll_timeout(end0()), p.now);
		pair_expire(&p, 0);
		ck_assert_uint_le(pair_catch(&p, 0), 2);
	}
}
END_TEST

/* SCTP-110 RFC9260:6.1: never 2^16 messages of one stream in flight, nor 2^31 TSNs */
START_TEST(the_span_of_tsns_in_flight_is_bound)
{
	ck_assert_uint_lt(tulle_sctp_ring_span(&end0()->out.ring), 65536);
	tulle_sctp_cc *cc = &end0()->cc;
	cc->cwnd = (size_t)1 << 30;
	end0()->out.peer_window = (size_t)1 << 30;
	end0()->out.ring.leaf_count = 2; /* a small one, so that its bound is met */
	uint32_t span = tulle_sctp_ring_span(&end0()->out.ring), acked = end0()->out.acked_tsn;
	for (uint32_t i = 0; i < span + 50; i++)
		ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 0, 51, "x", 1, NULL), TULLE_OK);
	for (int i = 0; i < 20; i++) {
		cc->pacing = 0;
		pair_catch(&p, 0);
	}
	ck_assert_uint_eq(end0()->out.next_tsn - acked - 1, span);
	give_sack(acked + 10, 0, 0);
	cc->pacing = 0;
	pair_catch(&p, 0);
	ck_assert_uint_eq(end0()->out.next_tsn - acked - 1, span + 10);
}
END_TEST

/* SCTP-117 RFC9406:4.2: slow start ends when the round trip grows, before anything is lost */
START_TEST(slow_start_ends_when_a_queue_builds_up)
{
	for (int grows = 0; grows < 2; grows++) {
		tulle_sctp_cc cc = {.mtu = 1160};
		tulle_sctp_cc_start(&cc);
		uint64_t delivered = 0;
		bool over = false;
		tulle_time rtt = 50000;
		for (unsigned round = 0; round < 10 && !over; round++) {
			uint64_t sent_at = delivered;
			for (unsigned i = 0; i < 10 && !over; i++) {
				tulle_sctp_cc_ack ack = {.rtt_us = rtt, .acked = cc.cwnd / 10};
				ack.flight_before = cc.cwnd;
				delivered += ack.acked;
				ack.delivered = delivered;
				ack.prior_delivered = sent_at;
				over = tulle_sctp_cc_slow_start(&cc, &ack);
			}
			rtt += grows ? 8000 : 0;
		}
		ck_assert(over == grows);
		ck_assert(over == (cc.ssthresh == cc.cwnd));
	}
}
END_TEST

Suite *suite_sctp_rules(void);
Suite *suite_sctp_rules(void)
{
	Suite *s = suite_create("sctp_rules");
	TCase *t = tcase_create("rules");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_sack_names_as_many_gaps_as_fit);
	tcase_add_test(t, unordered_messages_wait_for_nothing);
	tcase_add_test(t, the_window_closes_and_opens_with_what_is_held);
	tcase_add_test(t, a_full_receiver_drops_what_comes_early);
	tcase_add_test(t, a_message_above_the_limit_is_refused);
	tcase_add_test(t, the_timeout_follows_the_round_trip);
	tcase_add_test(t, a_retransmission_is_no_measurement);
	tcase_add_test(t, the_timer_is_of_the_earliest_chunk);
	tcase_add_test(t, congestion_avoidance_grows_by_a_packet_a_window);
	tcase_add_test(t, an_idle_path_forgets_its_window);
	tcase_add_test(t, a_recovery_takes_its_half_once);
	tcase_add_test(t, the_window_is_passed_by_part_of_one_packet);
	tcase_add_test(t, a_burst_is_bound_by_the_pace);
	tcase_add_test(t, the_span_of_tsns_in_flight_is_bound);
	tcase_add_test(t, slow_start_ends_when_a_queue_builds_up);
	suite_add_tcase(s, t);
	return s;
}
