/* SPDX-License-Identifier: MIT */
/* sctp: what SACKs and timers say of chunks on their way: loss, probes, T3, windows. */
#include "tests/unit/sctp_pair.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	pair_connect(&p);
	pair_settle(&p);
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

static tulle_drop give_sack(uint32_t cumulative, unsigned a, unsigned b, uint32_t window)
{
	uint8_t buf[64];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_gap gap = {(uint16_t)a, (uint16_t)b};
	tulle_sctp_write_sack(&w, cumulative, window, &gap, a != 0, NULL, 0);
	return pair_inject(&p, 0, pair_tag(&p, 0), buf, w.len);
}

/* SCTP-101, SCTP-102, SCTP-103 RFC9260:6.2.1 */
START_TEST(a_sack_of_what_was_never_sent_or_is_old_changes_nothing)
{
	send_many(3);
	const sctp_outbound *o = &p.end[0].sctp->out;
	uint32_t acked = o->acked_tsn;
	size_t flight = o->flight;
	ck_assert_int_eq(give_sack(acked - 1, 0, 0, 9), TULLE_DROP_SCTP_SACK);
	ck_assert_int_eq(give_sack(acked + 4, 0, 0, 9), TULLE_DROP_SCTP_SACK);
	ck_assert_int_eq(give_sack(acked + 0x80000000u, 0, 0, 9), TULLE_DROP_SCTP_SACK);
	ck_assert_int_eq(give_sack(acked, 2, 4, 9), TULLE_DROP_SCTP_SACK);
	ck_assert_int_eq(give_sack(acked, 1, 2, 9), TULLE_DROP_SCTP_SACK);
	ck_assert_uint_eq(o->flight, flight);
	ck_assert_uint_eq(o->acked_tsn, acked);
	ck_assert_uint_eq(o->peer_window_told, p.end[0].sctp->identity.remote_window);
}
END_TEST

/* SCTP-104 RFC9260:6.2.1 */
START_TEST(what_the_peer_takes_back_is_in_flight_again)
{
	send_many(3);
	const sctp_outbound *o = &p.end[0].sctp->out;
	uint32_t acked = o->acked_tsn;
	size_t flight = o->flight;
	p.now += 40000; /* the reordering window is 10 ms then: nothing is called lost */
	ck_assert_int_eq(give_sack(acked, 2, 3, 90000), TULLE_TAKEN);
	ck_assert_uint_eq(o->flight, flight - 2200);
	ck_assert_int_eq(give_sack(acked, 3, 3, 90000), TULLE_TAKEN);
	ck_assert_uint_eq(o->flight, flight - 1100);
	ck_assert_int_eq(give_sack(acked, 0, 0, 90000), TULLE_TAKEN);
	ck_assert_uint_eq(o->flight, flight);
	ck_assert_uint_eq(tulle_sctp_unacked_total(p.end[0].sctp), 3300);
	ck_assert_int_eq(give_sack(acked, 1, 1, 90000), TULLE_DROP_SCTP_SACK);
	ck_assert_int_eq(give_sack(acked + 3, 0, 0, 90000), TULLE_TAKEN);
	ck_assert_uint_eq(tulle_sctp_unacked_total(p.end[0].sctp), 0);
}
END_TEST

static void use_newreno(void)
{
	tulle_sctp_cc *cc = &p.end[0].sctp->cc;
	cc->way = &tulle_sctp_cc_newreno;
	cc->way->init(cc, 1);
}

/* SCTP-098, SCTP-099 RFC9260:7.2.4, SCTP-108 RFC9260:6.1, RFC8985:6.2 */
START_TEST(the_third_chunk_over_a_hole_sends_it_again_once)
{
	use_newreno();
	p.end[0].sctp->cc.cwnd = 20000;
	send_many(8);
	const sctp_outbound *o = &p.end[0].sctp->out;
	uint32_t acked = o->acked_tsn;
	p.now += 40000;
	for (unsigned end = 2; end <= 3; end++)
		give_sack(acked, 2, end, 90000);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	give_sack(acked, 2, 4, 90000);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	tulle_sctp_chunk chunk;
	tulle_sctp_data_chunk d;
	ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk));
	ck_assert(tulle_sctp_read_data(&chunk, &d));
	ck_assert_uint_eq(d.tsn, acked + 1);
	ck_assert_uint_eq(d.flags & SCTP_FLAG_I, SCTP_FLAG_I); /* RFC7053:5.1 */
	ck_assert(o->in_recovery);
	ck_assert_uint_eq(p.end[0].sctp->cc.ssthresh, 10000);
	for (unsigned end = 5; end <= 8; end++)
		give_sack(acked, 2, end, 90000);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	give_sack(acked + 8, 0, 0, 90000);
	ck_assert(!o->in_recovery);
	ck_assert(tulle_sctp_poll_timeout(p.end[0].sctp) > p.now + 1000000); /* T3 has stopped */
}
END_TEST

/* RFC8985:6.2: fewer than three above it, so the hole waits for a quarter of the round trip */
START_TEST(a_hole_is_lost_when_the_reordering_window_is_over)
{
	send_many(2);
	uint32_t acked = p.end[0].sctp->out.acked_tsn;
	p.now += 40000;
	give_sack(acked, 2, 2, 90000);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(tulle_sctp_poll_timeout(p.end[0].sctp),
		p.now + tulle_time_min(10000, p.end[0].sctp->srtt));
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(p.end[0].sctp->stats.fast_retransmits, 1);
}
END_TEST

/* Beyond the last block nothing is known: a SACK has no room for all of them. */
START_TEST(a_tsn_beyond_the_last_block_is_not_lost)
{
	p.end[0].sctp->cc.cwnd = 20000;
	send_many(8);
	uint32_t acked = p.end[0].sctp->out.acked_tsn;
	p.now += 40000;
	give_sack(acked, 2, 5, 90000);
	p.now += 40000;
	tulle_sctp_handle_timeout(p.end[0].sctp, p.now);
	ck_assert_uint_eq(p.end[0].sctp->stats.fast_retransmits, 1); /* TSN 1 alone */
	ck_assert_uint_eq(p.end[0].sctp->out.in_flight.count, 3);
}
END_TEST

/* SCTP-116 RFC8985:7: the timer's first expiry sends the newest again and calls nothing lost */
START_TEST(a_probe_goes_out_before_the_timeout)
{
	send_many(3);
	const sctp_outbound *o = &p.end[0].sctp->out;
	size_t cwnd = p.end[0].sctp->cc.cwnd, flight = o->flight;
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	tulle_sctp_chunk chunk;
	tulle_sctp_data_chunk d;
	ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk));
	ck_assert(tulle_sctp_read_data(&chunk, &d));
	ck_assert_uint_eq(d.tsn, o->next_tsn - 1);
	ck_assert_uint_eq(p.end[0].sctp->cc.cwnd, cwnd);
	ck_assert_uint_eq(o->flight, flight);
	ck_assert_uint_eq(p.end[0].sctp->stats.timeouts, 0);
	ck_assert_uint_eq(p.end[0].sctp->errors, 0);
}
END_TEST

/* What is reported twice was sent twice for nothing: the recovery is taken back, once. */
START_TEST(duplicates_of_all_retransmissions_undo_the_recovery)
{
	use_newreno();
	p.end[0].sctp->cc.cwnd = 20000;
	send_many(8);
	const tulle_sctp *s = p.end[0].sctp;
	uint32_t acked = s->out.acked_tsn, twice = acked + 1;
	p.now += 40000;
	give_sack(acked, 2, 5, 90000);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert(s->out.in_recovery);
	uint8_t buf[64];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	uint32_t other[2] = {acked - 5, acked + 2};
	tulle_sctp_write_sack(&w, acked + 5, 90000, NULL, 0, other, 2);
	pair_inject(&p, 0, pair_tag(&p, 0), buf, w.len);
	ck_assert_uint_eq(s->stats.undos, 0); /* not what we sent again */
	for (int i = 0; i < 2; i++) {
		w = tulle_wr_make(buf, sizeof buf);
		tulle_sctp_write_sack(&w, acked + 5, 90000, NULL, 0, &twice, 1);
		pair_inject(&p, 0, pair_tag(&p, 0), buf, w.len);
		ck_assert_uint_eq(s->stats.undos, 1);
		ck_assert_uint_eq(s->stats.spurious, 1);
	}
	ck_assert(!s->out.in_recovery);
	ck_assert_uint_ge(s->cc.cwnd, 20000);
}
END_TEST

/* SCTP-092, SCTP-093 RFC9260:6.3.3, SCTP-111 RFC9260:8.1 */
START_TEST(the_timer_doubles_sends_one_packet_and_gives_up_after_ten)
{
	p.end[0].sctp->cc.cwnd = 20000;
	send_many(8);
	unsigned timeouts = 0;
	tulle_sctp_stop_timer(p.end[0].sctp, SCTP_T_HEARTBEAT);
	pair_expire(&p, 0); /* the probe */
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	for (; tulle_sctp_poll_timeout(p.end[0].sctp) != TULLE_TIME_NEVER; timeouts++) {
		tulle_time rto = p.end[0].sctp->rto;
		pair_expire(&p, 0);
		unsigned sent = pair_catch(&p, 0);
		ck_assert_msg(p.end[0].sctp->ended || sent == 1, "%u packets at timeout %u", sent,
			timeouts);
		ck_assert_uint_eq(p.end[0].sctp->cc.cwnd, p.end[0].sctp->cc.mtu);
		ck_assert(p.end[0].sctp->ended ||
			  p.end[0].sctp->rto == tulle_time_min(2 * rto, 10000000));
	}
	ck_assert_uint_eq(timeouts, 11);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
}
END_TEST

/* RFC9260:6.3.3 E3: each timeout sends the earliest, for a peer without room takes no other */
START_TEST(each_timeout_sends_the_earliest)
{
	p.end[0].sctp->cc.cwnd = 20000;
	send_many(6);
	pair_expire(&p, 0); /* the probe */
	pair_catch(&p, 0);
	for (int i = 0; i < 4; i++) {
		tulle_sctp_chunk chunk;
		tulle_sctp_data_chunk d;
		pair_expire(&p, 0);
		ck_assert_uint_eq(pair_catch(&p, 0), 1);
		ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk));
		ck_assert(tulle_sctp_read_data(&chunk, &d));
		ck_assert_uint_eq(d.tsn, p.end[0].sctp->out.acked_tsn + 1);
	}
}
END_TEST

/* The RTO allows for a SACK kept back by 200 ms until eight answers to the I bit came at once; one
 * that comes late brings the 200 ms back. RFC7053 */
START_TEST(the_timeout_learns_whether_the_peer_answers_at_once)
{
	const tulle_sctp *s = p.end[0].sctp;
	for (unsigned i = 0; i < 9; i++) {
		send_many(1);
		p.now += 20000;
		give_sack(s->out.next_tsn - 1, 0, 0, 90000);
		tulle_time slack = s->rto - s->srtt - tulle_time_max(4 * s->rttvar, 1000);
		ck_assert_int_eq(slack, i + 1 < 8 + (s->out.i_prompt < 8) ? 200000 : 25000);
	}
	ck_assert_uint_eq(s->out.i_prompt, 8);
	send_many(1);
	p.now += 400000;
	give_sack(s->out.next_tsn - 1, 0, 0, 90000);
	ck_assert_uint_eq(s->out.i_prompt, 0);
	ck_assert_int_ge(s->rto, s->srtt + 200000);
}
END_TEST

/* SCTP-105, SCTP-106 RFC9260:6.1 A */
START_TEST(a_shut_window_gets_single_probes_and_the_association_stays)
{
	const sctp_outbound *o = &p.end[0].sctp->out;
	send_many(1);
	uint32_t acked = o->acked_tsn;
	give_sack(acked + 1, 0, 0, 0);
	send_many(5);
	ck_assert_uint_eq(p.end[0].packets, 0); /* the first one after an RTO: it may open before */
	tulle_time since = p.now, rto = p.end[0].sctp->rto;
	pair_expire(&p, 0);
	ck_assert_int_eq(p.now, since + rto);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(o->flight, 1100);
	for (int i = 0; i < 30; i++) {
		pair_expire(&p, 0);
		ck_assert_uint_le(pair_catch(&p, 0), 1);
		give_sack(acked + 1, 0, 0, 0); /* it answers: no reason to give up */
	}
	ck_assert_int_eq(tulle_sctp_state_now(p.end[0].sctp), TULLE_SCTP_STATE_ESTABLISHED);
	give_sack(acked + 2, 0, 0, 90000);
	ck_assert_uint_ge(pair_catch(&p, 0), 1);
}
END_TEST

/* RFC9260:6.1 A: after T3 a peer that has room for one only takes the rest when it says so; what
 * closes a hole it takes at once */
START_TEST(what_is_lost_waits_for_a_window_unless_it_closes_a_hole)
{
	for (int hole = 0; hole < 2; hole++) {
		uint32_t acked = p.end[0].sctp->out.acked_tsn;
		send_many(3);
		pair_expire(&p, 0); /* the probe */
		pair_catch(&p, 0);
		pair_expire(&p, 0);
		ck_assert_uint_eq(pair_catch(&p, 0), 1);
		ck_assert_int_eq(give_sack(acked + 1, hole ? 2 : 0, hole ? 2 : 0, 0), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 0), hole ? 1 : 0);
		ck_assert_int_eq(
			give_sack(acked + 2 * (uint32_t)hole + 1, 0, 0, 90000), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 0), hole ? 0 : 2);
		ck_assert_int_eq(give_sack(acked + 3, 0, 0, 90000), TULLE_TAKEN);
	}
}
END_TEST

/* SCTP-094 RFC9260:7.2.1; by more than one packet a SACK: see sctp/cc.c */
START_TEST(slow_start_grows_by_what_is_acknowledged_when_the_window_is_full)
{
	use_newreno();
	const tulle_sctp_cc *cc = &p.end[0].sctp->cc;
	ck_assert_uint_eq(cc->cwnd, 4404);
	uint32_t acked = p.end[0].sctp->out.acked_tsn;
	send_many(1);
	give_sack(acked + 1, 0, 0, 90000);
	ck_assert_uint_eq(cc->cwnd, 4404); /* it was not full */
	send_many(8);
	ck_assert_uint_eq(p.end[0].packets, 4);
	give_sack(acked + 3, 0, 0, 90000);
	ck_assert_uint_eq(cc->cwnd, 4404 + 2 * (SCTP_DATA_HEADER_BYTES + 1100));
}
END_TEST

Suite *suite_sctp_loss(void);
Suite *suite_sctp_loss(void)
{
	Suite *s = suite_create("sctp_loss");
	TCase *t = tcase_create("data");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_sack_of_what_was_never_sent_or_is_old_changes_nothing);
	tcase_add_test(t, what_the_peer_takes_back_is_in_flight_again);
	tcase_add_test(t, the_third_chunk_over_a_hole_sends_it_again_once);
	tcase_add_test(t, a_hole_is_lost_when_the_reordering_window_is_over);
	tcase_add_test(t, a_tsn_beyond_the_last_block_is_not_lost);
	tcase_add_test(t, a_probe_goes_out_before_the_timeout);
	tcase_add_test(t, duplicates_of_all_retransmissions_undo_the_recovery);
	tcase_add_test(t, each_timeout_sends_the_earliest);
	tcase_add_test(t, the_timeout_learns_whether_the_peer_answers_at_once);
	tcase_add_test(t, the_timer_doubles_sends_one_packet_and_gives_up_after_ten);
	tcase_add_test(t, a_shut_window_gets_single_probes_and_the_association_stays);
	tcase_add_test(t, what_is_lost_waits_for_a_window_unless_it_closes_a_hole);
	tcase_add_test(t, slow_start_grows_by_what_is_acknowledged_when_the_window_is_full);
	suite_add_tcase(s, t);
	return s;
}
