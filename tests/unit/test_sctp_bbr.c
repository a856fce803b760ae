/* SPDX-License-Identifier: MIT */
/* sctp: BBR on a path of one queue, in virtual time, and what it makes of single rounds. */
#include "tests/unit/sctp_pair.h"

#include "sctp/cc_bbr.h"

static pair p;

#define MTU 1160u
#define LINK_PACKETS 8192u
#define RATE 1250000.0 /* bytes/s */
#define DELAY_US 25000

/* -- the path -- */

typedef struct {
	uint8_t bytes[1200];
	size_t len;
	tulle_time at; /* it arrives */
} link_packet;

typedef struct {
	link_packet packet[LINK_PACKETS];
	unsigned first, count;
	double free_at; /* of the sender's end, us */
	double rate;    /* bytes/s; 0: no limit */
	unsigned queue; /* packets */
	unsigned loss;  /* of a thousand */
	uint32_t random;
	unsigned peak; /* packets queued */
} path_link;

static path_link links[2];
static uint64_t received;

static void push(path_link *l, const uint8_t *bytes, size_t len)
{
	double wait = l->free_at > (double)p.now ? l->free_at - (double)p.now : 0;
	unsigned queued = (unsigned)(wait * l->rate / 1e6 / 1172);
	l->random = l->random * 1664525u + 1013904223u;
	l->peak = queued > l->peak ? queued : l->peak;
	if ((l->queue != 0 && queued >= l->queue) || (l->random >> 8) % 1000 < l->loss)
		return;
	ck_assert_uint_lt(l->count, LINK_PACKETS);
	link_packet *to = &l->packet[(l->first + l->count++) % LINK_PACKETS];
	memcpy(to->bytes, bytes, len);
	to->len = len;
	l->free_at = (double)p.now + wait + (l->rate > 0 ? (double)len * 1e6 / l->rate : 0);
	to->at = (tulle_time)l->free_at + DELAY_US;
}

static void poll_all(void)
{
	static uint8_t message[16000];
	uint8_t buf[1200];
	tulle_datagram out;
	tulle_sctp_event event;
	while (tulle_sctp_send(p.end[0].sctp, p.now, 1, 51, message, sizeof message, NULL) ==
		TULLE_OK)
		continue;
	for (int i = 0; i < 2; i++) {
		while (tulle_sctp_poll_event(p.end[i].sctp, &event))
			received += event.kind == TULLE_SCTP_MESSAGE ? event.len : 0;
		while (tulle_sctp_poll_datagram(p.end[i].sctp, p.now, buf, sizeof buf, &out))
			push(&links[i], buf, out.len);
	}
}

/* So many virtual seconds with all that the sender can send; gives the bytes a second received. */
static double run(double seconds)
{
	tulle_time from = p.now, until = from + (tulle_time)(seconds * 1e6);
	received = 0;
	links[0].peak = 0;
	while (p.now < until) {
		poll_all();
		tulle_time next = until;
		for (int i = 0; i < 2; i++) {
			next = tulle_time_min(next, tulle_sctp_poll_timeout(p.end[i].sctp));
			if (links[i].count != 0)
				next = tulle_time_min(next, links[i].packet[links[i].first].at);
		}
		p.now = tulle_time_max(next, p.now);
		for (int i = 0; i < 2; i++) {
			path_link *l = &links[i];
			for (; l->count != 0 && l->packet[l->first].at <= p.now; l->count--) {
				const link_packet *at = &l->packet[l->first];
				tulle_sctp_handle_datagram(
					p.end[1 - i].sctp, p.now, at->bytes, at->len);
				l->first = (l->first + 1) % LINK_PACKETS;
			}
			tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
		}
	}
	pair_check(&p);
	return (double)received / seconds;
}

static void begin(tulle_sctp_control way, unsigned queue, unsigned loss)
{
	memset(&p, 0, sizeof p);
	memset(links, 0, sizeof links);
	p.config.cc = way;
	pair_open(&p, 4000);
	pair_connect(&p);
	links[0].rate = RATE;
	links[0].queue = queue;
	links[0].loss = loss;
	links[0].random = 1;
}

/* The path's rate and least round trip, and no standing queue: a round trip holds 53 packets. */
START_TEST(it_finds_the_rate_and_the_round_trip_and_leaves_the_queue_empty)
{
	const tulle_sctp *s;
	tulle_sctp_stats stats;
	begin(TULLE_SCTP_BBR, 1000, 0);
	s = p.end[0].sctp;
	run(2);
	double rate = run(4);
	double found = (double)tulle_sctp_bbr_bw_max(&s->cc.u.bbr);
	ck_assert_msg(rate > 0.93 * RATE, "%.0f bytes/s arrive", rate);
	ck_assert_msg(found > 0.93 * RATE && found < 1.05 * RATE, "%.0f bytes/s found", found);
	ck_assert_int_ge(s->cc.u.bbr.min_rtt, 2 * DELAY_US);
	ck_assert_int_le(s->cc.u.bbr.min_rtt, 2 * DELAY_US + 2000);
	ck_assert_uint_le(links[0].peak, 40);
	ck_assert_int_le(s->srtt, 2 * DELAY_US * 5 / 4);
	tulle_sctp_read_stats(s, &stats);
	ck_assert_uint_eq(stats.retransmissions, 0);
	ck_assert_uint_gt(s->cc.pacing, (uint64_t)(0.85 * RATE));
	ck_assert_uint_lt(s->cc.pacing, (uint64_t)(1.35 * RATE));
	pair_close(&p);
}
END_TEST

/* A path that changes: the estimate follows down and up again. */
START_TEST(it_follows_a_path_that_becomes_slower_and_faster)
{
	begin(TULLE_SCTP_BBR, 1000, 0);
	run(3);
	links[0].rate = RATE / 2;
	run(8);
	double rate = run(3);
	ck_assert_msg(rate > 0.9 * RATE / 2, "%.0f bytes/s arrive of half", rate);
	ck_assert_uint_le(links[0].peak, 60);
	links[0].rate = RATE;
	run(12);
	rate = run(3);
	ck_assert_msg(rate > 0.88 * RATE, "%.0f bytes/s arrive again", rate);
	pair_close(&p);
}
END_TEST

/* Loss alone is no congestion; to Reno it is. */
START_TEST(loss_at_random_costs_little_more_than_itself)
{
	static const struct {
		unsigned loss;
		double least;
	} cases[] = {{10, 0.85}, {50, 0.6}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(TULLE_SCTP_BBR, 1000, cases[i].loss);
		run(3);
		double rate = run(6);
		ck_assert_msg(rate > cases[i].least * RATE, "%.0f bytes/s at %u of 1000", rate,
			cases[i].loss);
		pair_close(&p);
	}
	begin(TULLE_SCTP_NEWRENO, 1000, 10);
	run(3);
	double reno = run(6);
	ck_assert_msg(reno < 0.5 * RATE && reno > 0.1 * RATE, "%.0f bytes/s of Reno", reno);
	pair_close(&p);
}
END_TEST

/* One packet lost of the first few is chance and not a policer: the start goes on. */
START_TEST(loss_among_the_first_packets_does_not_end_the_start)
{
	for (uint32_t seed = 1; seed <= 24; seed++) {
		begin(TULLE_SCTP_BBR, 1000, 50);
		links[0].random = seed * 7919;
		run(3);
		double rate = run(3);
		ck_assert_msg(rate > 0.5 * RATE, "%.0f bytes/s, seed %u", rate, seed);
		pair_close(&p);
	}
}
END_TEST

/* A queue much smaller than a round trip holds: neither lost rate nor steady loss. */
START_TEST(a_small_queue_is_enough)
{
	tulle_sctp_stats before, after;
	begin(TULLE_SCTP_BBR, 20, 0);
	run(3);
	tulle_sctp_read_stats(p.end[0].sctp, &before);
	double rate = run(6);
	tulle_sctp_read_stats(p.end[0].sctp, &after);
	ck_assert_msg(rate > 0.85 * RATE, "%.0f bytes/s arrive", rate);
	uint64_t again = after.retransmissions - before.retransmissions;
	ck_assert_uint_le(again * 100, 3 * (after.packets_out - before.packets_out));
	pair_close(&p);
}
END_TEST

/* -- single rounds -- */

static tulle_sctp_cc cc;
static tulle_time now;
static uint64_t delivered;

#define BW 1250000u

static tulle_sctp_bbr *cruise(void)
{
	tulle_sctp_bbr *b = &cc.u.bbr;
	cc = (tulle_sctp_cc){.way = &tulle_sctp_cc_bbr, .mtu = MTU};
	cc.way->init(&cc, 1);
	now = 10000000;
	delivered = 0;
	b->state = TULLE_SCTP_BBR_CRUISE;
	b->full = true;
	b->bw_max[0] = b->bw_max[1] = BW;
	b->min_rtt = 50000;
	b->low_at = b->phase_at = now;
	b->probe_wait = 3000000;
	b->phase_rounds = 5;
	cc.cwnd = 100 * MTU;
	return b;
}

/* A round of 50 packets in one SACK, then the first one of the next round, which ends it. */
static void round_of(tulle_time rtt, unsigned lost, uint64_t rate)
{
	for (int i = 0; i < 2; i++) {
		tulle_sctp_cc_ack a = {.rtt_us = rtt, .srtt_us = rtt, .acked = 50 * MTU};
		a.now = now += 50000;
		a.prior_delivered = i == 0 ? 0 : delivered;
		delivered += a.acked;
		a.delivered = delivered;
		a.lost = i == 0 ? lost * MTU : 0;
		a.flight_before = a.sample_flight = 60 * MTU;
		a.flight = 50 * MTU;
		a.sample_us = i == 0 ? 60000 : 0;
		a.sample_bytes = (size_t)(rate * 60000 / 1000000);
		if (i == 0)
			cc.u.bbr.round_end = UINT64_MAX; /* not yet */
		else
			cc.u.bbr.round_end = 0;
		cc.way->on_ack(&cc, &a);
	}
}

/* Loss under a queue: three quarters, or what arrived if that is more; once in two rounds. */
START_TEST(it_gives_way_to_loss_with_a_queue)
{
	const tulle_sctp_bbr *b = cruise();
	round_of(80000, 1, 0);
	ck_assert_uint_eq(b->bw_lo, BW / 100 * 75);
	ck_assert_uint_eq(b->inflight_lo, 60 * MTU / 100 * 75 + 60 * MTU % 100 * 75 / 100);
	ck_assert_uint_le(cc.pacing, BW / 100 * 75);
	ck_assert_uint_le(cc.cwnd, 45 * MTU);
	uint64_t lo = b->bw_lo;
	round_of(80000, 1, 0);
	ck_assert_uint_eq(b->bw_lo, lo);
	round_of(80000, 1, 0);
	ck_assert_uint_lt(b->bw_lo, lo);
	b = cruise();
	round_of(80000, 1, 1100000);
	ck_assert_uint_eq(b->bw_lo, 1100000);
}
END_TEST

/* Loss without one: down by the part that is lost, once a cycle; below 2 %, or of what was sent
 * before this phase, nothing. */
START_TEST(it_trims_to_what_arrives_where_loss_makes_no_queue)
{
	tulle_sctp_bbr *b = cruise();
	round_of(50000, 1, 1100000);
	ck_assert_uint_eq(b->bw_lo, UINT64_MAX);
	round_of(50000, 5, 1100000); /* of 105 */
	uint64_t trimmed = b->bw_lo;
	ck_assert_uint_eq(trimmed, BW / 1024 * (1024 * 100 / 105));
	ck_assert_uint_eq(b->inflight_lo, SIZE_MAX);
	round_of(50000, 5, 900000);
	ck_assert_uint_eq(b->bw_lo, trimmed);
	b = cruise();
	b->phase_rounds = 0;
	round_of(50000, 5, 1100000);
	ck_assert_uint_eq(b->bw_lo, UINT64_MAX);
}
END_TEST

/* What a policer lets through is far below what a bucket let us see: a moment's queue is no reason
 * to forget the bound, and no one's who shares the path. */
START_TEST(a_bound_that_a_policer_set_outlives_a_moments_queue)
{
	const tulle_sctp_bbr *b = cruise();
	round_of(50000, 200, 300000); /* of 300 */
	uint64_t trimmed = b->bw_lo;
	ck_assert_uint_le(trimmed, BW / 2);
	for (int i = 0; i < 6; i++)
		round_of(i < 3 ? 70000 : 50000, 0, 300000);
	ck_assert_uint_eq(b->bw_lo, trimmed);
	ck_assert_uint_eq(b->contested, 0);
}
END_TEST

/* A queue that grows while we ease off is filled by somebody who does not: we hold our own. One
 * that only stays is not. */
START_TEST(it_holds_its_own_where_the_queue_grows_all_the_same)
{
	for (int grows = 0; grows < 2; grows++) {
		const tulle_sctp_bbr *b = cruise();
		tulle_time rtt = 70000;
		bool contested = false;
		for (int i = 0; i < 12; i++, rtt += grows ? 2000 : 0) {
			round_of(rtt, 0, 1250000);
			contested |= b->contested > 0;
		}
		ck_assert_int_eq(contested, grows);
	}
}
END_TEST

/* What others keep in the queue may hold our own flight up for ever: the next probe does not wait.
 */
START_TEST(a_phase_of_draining_ends_with_the_next_probe)
{
	tulle_sctp_bbr *b = cruise();
	b->bw_max[0] = b->bw_max[1] = BW / 2;
	b->state = TULLE_SCTP_BBR_DOWN;
	b->probe_wait = 300000;
	round_of(50000, 0, BW / 2);
	ck_assert_uint_eq(b->state, TULLE_SCTP_BBR_DOWN);
	for (int i = 0; i < 3; i++)
		round_of(50000, 0, BW / 2);
	ck_assert_uint_ne(b->state, TULLE_SCTP_BBR_DOWN);
	ck_assert_uint_ne(b->state, TULLE_SCTP_BBR_CRUISE);
}
END_TEST

/* A queue without loss is shared: it eases off by little, and comes back when it is gone. */
START_TEST(it_eases_off_under_a_queue_and_comes_back)
{
	const tulle_sctp_bbr *b = cruise();
	round_of(80000, 0, 1250000);
	uint64_t eased = b->bw_lo;
	ck_assert_uint_lt(eased, BW);
	ck_assert_uint_gt(eased, BW / 100 * 85);
	round_of(50000, 0, 1250000);
	ck_assert_uint_gt(b->bw_lo, eased);
	ck_assert_uint_eq(b->inflight_lo, SIZE_MAX);
}
END_TEST

/* A timeout leaves a packet; it is taken back when it was for nothing. */
START_TEST(a_timeout_leaves_one_packet_and_undo_all)
{
	tulle_sctp_bbr *b = cruise();
	cc.way->on_timeout(&cc, now);
	ck_assert_uint_eq(cc.cwnd, MTU);
	b->bw_lo = 1000;
	b->inflight_lo = b->inflight_hi = 5 * MTU;
	cc.way->on_undo(&cc);
	ck_assert_uint_eq(cc.cwnd, 100 * MTU);
	ck_assert_uint_eq(b->inflight_hi, SIZE_MAX);
	ck_assert_uint_eq(b->inflight_lo, SIZE_MAX);
	ck_assert_uint_eq(b->bw_lo, UINT64_MAX);
}
END_TEST

/* A flow of some bytes now and then, whose bandwidth is next to nothing, loses one while it probes:
 * the bound that it learns can be raised again. */
START_TEST(a_bound_learnt_of_next_to_nothing_can_be_raised)
{
	for (int start = 0; start < 2; start++) {
		cc = (tulle_sctp_cc){.way = &tulle_sctp_cc_bbr, .mtu = 1148};
		cc.way->init(&cc, 1);
		tulle_sctp_bbr *b = &cc.u.bbr;
		tulle_sctp_cc_ack a = {.rtt_us = 1000, .srtt_us = 1000, .acked = 20};
		a.now = 1000000;
		a.delivered = 20;
		a.sample_us = 200000;
		a.sample_bytes = 20;
		a.sample_limited = a.limited = true;
		cc.way->on_ack(&cc, &a);
		b->state = start ? TULLE_SCTP_BBR_STARTUP : TULLE_SCTP_BBR_UP;
		b->full = !start;
		a.rtt_us = 100000;
		for (int i = 0; i < 4; i++) {
			a.now += 100000;
			a.lost = 20;
			a.prior_delivered = a.delivered;
			a.delivered += 20;
			cc.way->on_ack(&cc, &a);
		}
		ck_assert_uint_ne(b->inflight_hi, SIZE_MAX);
		b->state = TULLE_SCTP_BBR_UP;
		a.lost = 0;
		a.limited = a.sample_limited = false;
		a.acked = a.flight_before = 1148;
		a.now += 1000;
		a.prior_delivered = 0;
		cc.way->on_ack(&cc, &a);
		ck_assert_uint_ge(b->inflight_hi, 4 * cc.mtu);
	}
}
END_TEST

Suite *suite_sctp_bbr(void)
{
	Suite *s = suite_create("sctp_bbr");
	TCase *t = tcase_create("path");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, it_finds_the_rate_and_the_round_trip_and_leaves_the_queue_empty);
	tcase_add_test(t, it_follows_a_path_that_becomes_slower_and_faster);
	tcase_add_test(t, loss_at_random_costs_little_more_than_itself);
	tcase_add_test(t, loss_among_the_first_packets_does_not_end_the_start);
	tcase_add_test(t, a_small_queue_is_enough);
	suite_add_tcase(s, t);
	t = tcase_create("rounds");
	tcase_add_test(t, it_gives_way_to_loss_with_a_queue);
	tcase_add_test(t, it_trims_to_what_arrives_where_loss_makes_no_queue);
	tcase_add_test(t, a_bound_that_a_policer_set_outlives_a_moments_queue);
	tcase_add_test(t, it_eases_off_under_a_queue_and_comes_back);
	tcase_add_test(t, it_holds_its_own_where_the_queue_grows_all_the_same);
	tcase_add_test(t, a_phase_of_draining_ends_with_the_next_probe);
	tcase_add_test(t, a_timeout_leaves_one_packet_and_undo_all);
	tcase_add_test(t, a_bound_learnt_of_next_to_nothing_can_be_raised);
	suite_add_tcase(s, t);
	return s;
}
