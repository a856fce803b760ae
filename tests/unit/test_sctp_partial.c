/* SPDX-License-Identifier: MIT */
/* sctp: what is given up: who may, when, as what it counts, and how the peer is told: RFC 3758. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/forward.h"

static pair p;

#define OUT (&p.end[0].sctp->out)
#define WINDOW 90000

static const tulle_sctp_send_options once = {
	.first = true, .last = true, .has_retransmissions = true};

static void use_newreno(size_t cwnd)
{
	tulle_sctp_cc *cc = &p.end[0].sctp->cc;
	cc->way = &tulle_sctp_cc_newreno;
	cc->way->init(cc, 1);
	cc->cwnd = cwnd;
}

static void begin(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.heartbeat_us = -1;
	pair_open(&p, 400);
}

static void setup(void)
{
	begin();
	pair_connect(&p);
	use_newreno(60000);
}

static void teardown(void)
{
	pair_close(&p);
}

static void send(uint16_t stream, size_t len, const tulle_sctp_send_options *options)
{
	static const uint8_t bytes[8000];
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, stream, 51, bytes, len, options), TULLE_OK);
}

static void give_sack(uint32_t cumulative, unsigned a, unsigned b)
{
	tulle_sctp_gap gap = {(uint16_t)a, (uint16_t)b};
	pair_sack(&p, cumulative, WINDOW, &gap, a != 0);
}

static unsigned count(uint8_t type)
{
	tulle_sctp_chunk chunk;
	unsigned n = 0;
	while (pair_find(&p.end[0], type, n, &chunk))
		n++;
	return n;
}

/* The FORWARD-TSN among what was caught. */
static tulle_sctp_forward_chunk caught_forward(void)
{
	tulle_sctp_chunk chunk;
	static tulle_sctp_forward_chunk f;
	ck_assert(pair_find(&p.end[0], SCTP_FORWARD_TSN, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_forward(&chunk, &f), TULLE_TAKEN);
	return f;
}

/* Nothing arrives until T3 is over twice: the probe's turn, then all is lost. */
static void lose_all(void)
{
	uint64_t before = p.end[0].sctp->stats.timeouts;
	while (p.end[0].sctp->stats.timeouts == before) {
		pair_catch(&p, 0);
		pair_expire(&p, 0);
	}
	pair_catch(&p, 0);
}

/* -- who may -- */

static bool offers(int from, uint8_t type)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_init_chunk init;
	pair_catch(&p, from);
	ck_assert(pair_find(&p.end[from], type, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &init), TULLE_TAKEN);
	pair_give(&p, 1 - from, p.end[from].packet[0], p.end[from].packet_len[0]);
	return init.forward_tsn;
}

/* SCTP-127 RFC3758:3.3, SCTP-142 RFC3758:3.3.2 */
START_TEST(a_peer_without_it_is_sent_all_and_answers_a_forward_tsn_with_an_error)
{
	tulle_sctp_chunk chunk;
	begin();
	p.end[1].sctp->config.no_partial = true;
	tulle_sctp_connect(p.end[0].sctp, p.now);
	ck_assert(offers(0, SCTP_INIT));
	ck_assert(!offers(1, SCTP_INIT_ACK));
	pair_settle(&p);
	use_newreno(60000);
	send(1, 10, &once);
	for (int i = 0; i < 3; i++) {
		lose_all();
		ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 0);
	}
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 10);
	uint32_t cumulative = p.end[1].sctp->in.cumulative;
	for (int to = 0; to < 2; to++) { /* neither the one that has it nor the one that lacks it */
		uint8_t buf[16];
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_sctp_write_forward_chunk(
			&w, false, p.end[to].sctp->in.cumulative + 1, NULL, 0);
		ck_assert_int_eq(pair_inject(&p, to, pair_tag(&p, to), buf, w.len),
			TULLE_DROP_SCTP_UNKNOWN_CHUNK);
		pair_catch(&p, to);
		ck_assert(pair_find(&p.end[to], SCTP_ERROR, 0, &chunk));
		ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_UNKNOWN_CHUNK);
		ck_assert_uint_eq(chunk.value.ptr[4], SCTP_FORWARD_TSN);
	}
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, cumulative);
	teardown();
}
END_TEST

/* -- giving up -- */

/* SCTP-128 RFC3758:3.5, SCTP-141 RFC3758:4.1: the lifetime begins with send and ends in time */
START_TEST(what_is_too_old_before_it_was_sent_takes_no_tsn)
{
	const tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_send_options brief = {
		.first = true, .last = true, .has_lifetime = true, .lifetime_us = 5000};
	uint32_t next = s->out.next_tsn;
	send(1, 10, &brief);
	p.now += 4999;
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(s->out.next_tsn, next + 1);
	give_sack(next, 0, 0);
	send(1, 3000, &brief);
	p.now += 3000;
	send(1, 11, &brief);
	p.now += 2000;
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(s->stats.abandoned, 1);
	ck_assert_uint_eq(s->out.next_tsn, next + 2); /* the second one's alone */
	ck_assert_uint_eq(s->out.buffered, 0);
	ck_assert_uint_eq(s->out.unacked, 11);
	ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 0);
	tulle_sctp_chunk chunk;
	tulle_sctp_data_chunk d;
	ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk) && tulle_sctp_read_data(&chunk, &d));
	ck_assert_uint_eq(d.mid, 1); /* nor an SSN */
	ck_assert_uint_eq(d.data.len, 11);
}
END_TEST

/* A caller that only knows the time of the call before says so: the lifetime begins with the next
 * that knows better, for all parts of the message, and ends in time as well. */
START_TEST(a_late_lifetime_begins_when_the_time_is_known)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_send_options late = {.first = true,
		.last = true,
		.has_lifetime = true,
		.lifetime_us = 5000,
		.late = true};
	tulle_sctp_send_options part = late, rest = late;
	part.last = rest.first = false;
	send(1, 10, &late);
	send(1, 10, &late);
	send(2, 10, &part);
	send(2, 10, &rest);
	send(3, 10, &part);
	p.now += 50000;
	tulle_sctp_handle_timeout(s, p.now);
	send(3, 10, &rest);
	send(4, 10, &late);
	tulle_sctp_handle_timeout(s, p.now);
	for (uint16_t i = 1; i <= 4; i++)
		for (const sctp_out_piece *o = tulle_sctp_find_stream(s, i)->out_head; o != NULL;
			o = o->next)
			ck_assert_int_eq(o->expires_us, p.now + 5000);
	p.now += 5000;
	pair_catch(&p, 0);
	ck_assert_uint_eq(s->stats.abandoned, 5);
	/* what is dropped while its time is not known leaves nothing behind */
	send(5, 10, &late);
	late.lifetime_us = 0;
	send(6, 10, &late);
	tulle_sctp_abort(s, p.now, 0, (tulle_text){NULL, 0});
	tulle_sctp_check(s);
	tulle_sctp_handle_timeout(s, p.now + 1);
}
END_TEST

/* SCTP-141: a message that was sent in time is not sent again later */
START_TEST(what_is_too_old_is_not_sent_again)
{
	tulle_sctp_send_options brief = {
		.first = true, .last = true, .has_lifetime = true, .lifetime_us = 100000};
	send(1, 10, &brief);
	lose_all();
	ck_assert_uint_eq(count(SCTP_DATA), 0);
	ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 1);
	ck_assert_uint_eq(p.end[0].sctp->stats.abandoned, 1);
	ck_assert_uint_eq(p.end[0].sctp->stats.retransmissions, 0);
}
END_TEST

/* SCTP-140 RFC7496:3.1: the probe counts, and a message that may be sent once is no probe */
START_TEST(a_message_is_sent_again_as_often_as_it_may_and_no_more)
{
	static const uint16_t most[] = {0, 1, 2, 5};
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		tulle_sctp_send_options options = once;
		unsigned sent = 0;
		options.retransmissions_max = most[i];
		send(1, 10, &options);
		pair_catch(&p, 0);
		for (sent = count(SCTP_DATA); OUT->unacked != 0; sent += count(SCTP_DATA)) {
			pair_expire(&p, 0);
			pair_catch(&p, 0);
		}
		ck_assert_uint_eq(sent, 1u + most[i]);
		ck_assert_uint_eq(p.end[0].sctp->stats.abandoned, i + 1);
		give_sack(OUT->advanced_tsn, 0, 0);
	}
}
END_TEST

/* SCTP-140: more often than a record counts is fewer, never without end */
START_TEST(the_most_retransmissions_end_too)
{
	tulle_sctp_send_options options = once;
	options.retransmissions_max = 60000;
	send(1, 10, &options);
	pair_catch(&p, 0);
	for (int i = 0; i < 600 && OUT->unacked != 0; i++) {
		p.end[0].sctp->errors = 0;
		pair_expire(&p, 0);
		pair_catch(&p, 0);
	}
	ck_assert_uint_eq(OUT->unacked, 0);
}
END_TEST

/* SCTP-129 RFC3758:3.5 A3 */
START_TEST(a_message_is_given_up_whole_the_part_that_was_never_sent_too)
{
	const tulle_sctp *s = p.end[0].sctp;
	uint32_t acked = OUT->acked_tsn;
	use_newreno(3000);
	send(1, 8000, &once);
	pair_catch(&p, 0);
	ck_assert_uint_eq(count(SCTP_DATA), 3);
	ck_assert_uint_gt(OUT->buffered, 0);
	/* the last one arrives, and is given up with the rest */
	pair_give(&p, 1, p.end[0].packet[2], p.end[0].packet_len[2]);
	give_sack(acked, 3, 3);
	lose_all();
	ck_assert_uint_eq(s->stats.abandoned, 1);
	ck_assert_uint_eq(OUT->buffered, 0);
	ck_assert_uint_eq(OUT->unacked, 0);
	ck_assert_uint_eq(OUT->gap_acked, 0);
	ck_assert_uint_eq(count(SCTP_DATA), 0);
	tulle_sctp_forward_chunk f = caught_forward();
	ck_assert_uint_eq(f.cumulative, acked + 4); /* one that was never sent: its end */
	for (unsigned i = 0; i < p.end[0].packets; i++)
		pair_give(&p, 1, p.end[0].packet[i], p.end[0].packet_len[i]);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].sctp->in.blocks, 0);
	send(1, 20, NULL);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 20);
}
END_TEST

/* SCTP-130 RFC3758:3.5 A2, F5: no longer outstanding, no growth; the loss counts as one */
START_TEST(what_is_given_up_leaves_the_flight_and_lets_no_window_grow)
{
	const tulle_sctp_cc *cc = &p.end[0].sctp->cc;
	uint32_t acked = OUT->acked_tsn;
	use_newreno(20000);
	send(1, 1100, &once);
	for (int i = 0; i < 4; i++)
		send(2, 1100, NULL);
	pair_catch(&p, 0);
	p.now += 40000;
	give_sack(acked, 2, 4);
	pair_catch(&p, 0);
	ck_assert_uint_eq(p.end[0].sctp->stats.abandoned, 1);
	ck_assert_uint_eq(cc->ssthresh, 10000);
	ck_assert_uint_eq(OUT->flight, 1100);
	give_sack(acked + 5, 0, 0);
	ck_assert_uint_eq(OUT->flight, 0);
	use_newreno(4404);
	send(1, 4000, &once);
	pair_catch(&p, 0);
	lose_all();
	ck_assert_uint_eq(OUT->flight, 0);
	size_t cwnd = cc->cwnd, partial = cc->partial;
	send(2, 1100, NULL); /* fills it */
	pair_catch(&p, 0);
	give_sack(OUT->advanced_tsn, 0, 0);
	ck_assert_uint_eq(OUT->acked_tsn + 2, OUT->next_tsn);
	ck_assert_uint_eq(cc->cwnd, cwnd);
	ck_assert_uint_eq(cc->partial, partial);
}
END_TEST

/* -- telling -- */

/* SCTP-133 RFC3758:3.5 C1, C2: up to the first that is not given up, and not over one that has
 * only been seen; then a SACK takes the point on */
START_TEST(the_point_moves_over_what_is_given_up_and_no_further)
{
	uint32_t acked = OUT->acked_tsn;
	for (int i = 0; i < 5; i++)
		send(1, 1100, i == 0 || i == 3 ? &once : NULL);
	pair_catch(&p, 0);
	p.now += 40000;
	give_sack(acked, 2, 2); /* 1 missing, 2 here, 3 to 5 not known */
	lose_all();             /* 1 and 4 are given up, 3 goes again */
	ck_assert_uint_eq(p.end[0].sctp->stats.abandoned, 2);
	ck_assert_uint_eq(OUT->advanced_tsn, acked + 1);
	ck_assert_uint_eq(caught_forward().cumulative, acked + 1);
	give_sack(acked + 2, 0, 0);
	ck_assert_uint_eq(OUT->advanced_tsn, acked + 2);
	give_sack(acked + 3, 0, 0);
	ck_assert_uint_eq(OUT->advanced_tsn, acked + 4);
	pair_catch(&p, 0);
	give_sack(acked + 5, 0, 0);
	ck_assert_uint_eq(OUT->advanced_tsn, acked + 5);
}
END_TEST

/* SCTP-131 RFC3758:3.5 A5, SCTP-134 RFC3758:3.5 C3, C5: at once, with T3 beside it, then once a
 * round trip; with T3 in any case; until a SACK passes it */
START_TEST(a_forward_tsn_is_repeated_until_the_peer_has_passed_it)
{
	const tulle_sctp *s = p.end[0].sctp;
	send(1, 10, &once);
	lose_all();
	ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 1);
	ck_assert(tulle_sctp_is_timing(s, SCTP_T_RTX));
	unsigned told = 1;
	for (int i = 0; i < 4; i++) {
		give_sack(OUT->acked_tsn, 0, 0); /* the peer has not heard of it */
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
		pair_expire(&p, 0);
		pair_catch(&p, 0);
		told += count(SCTP_FORWARD_TSN);
	}
	ck_assert_uint_eq(told, 5);
	p.end[0].sctp->timers[SCTP_T_FORWARD] = TULLE_TIME_NEVER;
	pair_expire(&p, 0);
	ck_assert_uint_eq(s->stats.timeouts, 2);
	pair_catch(&p, 0);
	ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 1);
	give_sack(OUT->advanced_tsn, 0, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(tulle_sctp_poll_timeout(s), TULLE_TIME_NEVER);
}
END_TEST

/* RFC6525:5.1.2: usrsctp puts off what is asked before it passed the point, and then waits for DATA
 */
START_TEST(a_reset_waits_until_the_peer_has_passed_what_was_given_up)
{
	send(1, 10, &once);
	ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 1), TULLE_OK);
	lose_all();
	ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 1);
	ck_assert_uint_eq(count(SCTP_RE_CONFIG), 0);
	give_sack(OUT->advanced_tsn, 0, 0);
	pair_catch(&p, 0);
	ck_assert_uint_eq(count(SCTP_RE_CONFIG), 1);
}
END_TEST

/* RFC9260:9.2: else a message that broke off has no end there, and what is behind it no turn */
START_TEST(a_shutdown_waits_until_the_peer_has_passed_what_was_given_up)
{
	uint32_t acked = OUT->acked_tsn;
	tulle_sctp_chunk chunk;
	send(1, 100, &once);
	lose_all();
	ck_assert_uint_eq(tulle_sctp_unacked_total(p.end[0].sctp), 0);
	ck_assert_int_eq(tulle_sctp_shutdown(p.end[0].sctp, p.now), TULLE_OK);
	pair_catch(&p, 0);
	ck_assert(!pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
	give_sack(acked + 1, 0, 0);
	pair_catch(&p, 0);
	ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN, 0, &chunk));
}
END_TEST

/* SCTP-132 RFC3758:3.5 F2: the same again once a round trip, however long that is */
START_TEST(a_forward_tsn_is_repeated_once_a_round_trip)
{
	tulle_sctp *s = p.end[0].sctp;
	s->srtt = 600000;
	s->rto = 5000000;
	send(1, 10, &once);
	pair_catch(&p, 0);
	ck_assert(tulle_sctp_abandon(s, OUT->next_tsn - 1));
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	for (int i = 1; i <= 3; i++) {
		tulle_time since = p.now;
		while (pair_catch(&p, 0) == 0)
			pair_expire(&p, 0);
		ck_assert_uint_eq(count(SCTP_FORWARD_TSN), 1);
		ck_assert_int_eq(p.now - since, 600000);
	}
}
END_TEST

/* SCTP-132 RFC3758:3.5 F3: on a slow path too, where a round trip is longer than what F3 allows */
START_TEST(a_forward_tsn_is_not_held_back_for_long)
{
	p.end[0].sctp->srtt = 2000000;
	for (uint64_t told = 0; told < 3; told++) {
		send(1, 10, &once);
		pair_catch(&p, 0);
		ck_assert(tulle_sctp_abandon(p.end[0].sctp, OUT->next_tsn - 1));
		tulle_time since = p.now;
		while (pair_catch(&p, 0) == 0)
			pair_expire(&p, 0);
		ck_assert_int_le(p.now - since, 200000);
		ck_assert_uint_eq(caught_forward().cumulative, OUT->next_tsn - 1);
	}
}
END_TEST

/* SCTP-135 RFC3758:3.2, 3.5 C4 */
START_TEST(each_stream_is_named_once_with_its_last_message_and_unordered_ones_are_not)
{
	tulle_sctp_send_options loose = once;
	loose.unordered = true;
	send(3, 10, &once);
	send(9, 10, &once);
	send(5, 10, &loose);
	send(3, 10, &once);
	send(3, 10, &loose);
	lose_all();
	tulle_sctp_forward_chunk f = caught_forward();
	ck_assert_uint_eq(f.cumulative, OUT->next_tsn - 1);
	ck_assert_uint_eq(f.count, 2);
	for (size_t i = 0; i < 2; i++) {
		tulle_sctp_skip skip = tulle_sctp_read_skip(&f, i);
		ck_assert(skip.stream == 3 || skip.stream == 9);
		ck_assert_uint_eq(skip.mid, skip.stream == 3 ? 1 : 0);
	}
}
END_TEST

/* SCTP-135 RFC3758:3.5 C4: what does not fit is told next, not forgotten */
START_TEST(more_streams_than_one_chunk_names_come_in_the_next_one)
{
	for (uint16_t i = 0; i < 40; i++)
		send(i, 10, &once);
	lose_all();
	tulle_sctp_forward_chunk f = caught_forward();
	ck_assert_uint_eq(f.count, TULLE_SCTP_FORWARD_STREAMS_MAX);
	ck_assert(tulle_serial_lt32(f.cumulative, OUT->advanced_tsn));
	for (unsigned k = 0; k < p.end[0].packets; k++)
		pair_give(&p, 1, p.end[0].packet[k], p.end[0].packet_len[k]);
	pair_settle(&p);
	ck_assert_uint_eq(OUT->acked_tsn, f.cumulative);
	pair_expire(&p, 0);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, OUT->next_tsn - 1);
	for (uint16_t i = 0; i < 40; i++)
		send(i, 1, NULL);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 40);
}
END_TEST

Suite *suite_sctp_partial(void)
{
	Suite *s = suite_create("sctp_partial");
	TCase *t = tcase_create("who");
	tcase_add_test(t, a_peer_without_it_is_sent_all_and_answers_a_forward_tsn_with_an_error);
	suite_add_tcase(s, t);
	t = tcase_create("partial");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_too_old_before_it_was_sent_takes_no_tsn);
	tcase_add_test(t, a_late_lifetime_begins_when_the_time_is_known);
	tcase_add_test(t, what_is_too_old_is_not_sent_again);
	tcase_add_test(t, a_message_is_sent_again_as_often_as_it_may_and_no_more);
	tcase_add_test(t, the_most_retransmissions_end_too);
	tcase_add_test(t, a_message_is_given_up_whole_the_part_that_was_never_sent_too);
	tcase_add_test(t, what_is_given_up_leaves_the_flight_and_lets_no_window_grow);
	tcase_add_test(t, the_point_moves_over_what_is_given_up_and_no_further);
	tcase_add_test(t, a_forward_tsn_is_repeated_until_the_peer_has_passed_it);
	tcase_add_test(t, a_reset_waits_until_the_peer_has_passed_what_was_given_up);
	tcase_add_test(t, a_shutdown_waits_until_the_peer_has_passed_what_was_given_up);
	tcase_add_test(t, a_forward_tsn_is_repeated_once_a_round_trip);
	tcase_add_test(t, a_forward_tsn_is_not_held_back_for_long);
	tcase_add_test(
		t, each_stream_is_named_once_with_its_last_message_and_unordered_ones_are_not);
	tcase_add_test(t, more_streams_than_one_chunk_names_come_in_the_next_one);
	suite_add_tcase(s, t);
	return s;
}
