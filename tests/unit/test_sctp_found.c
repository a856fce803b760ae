/* SPDX-License-Identifier: MIT */
/* sctp: what fuzzing a pair of associations found. */
#include "tests/unit/sctp_pair.h"

/* The first part is in the user's hands and given back, the next one has not come: nothing of the
 * stream is held, yet the association stands in the middle of its message. */
START_TEST(a_stream_whose_message_is_given_in_parts_keeps_its_record)
{
	static pair p = {.config = {.streamed = true}};
	pair_open(&p, 64);
	pair_connect(&p);
	ck_assert_int_eq(
		pair_data(&p, 1, 0, 2, 0, SCTP_FLAG_B | SCTP_FLAG_U, "first"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 5);
	ck_assert_ptr_nonnull(tulle_sctp_find_stream(p.end[1].sctp, 2));
	ck_assert_int_eq(pair_data(&p, 1, 0, 2, 0, SCTP_FLAG_E | SCTP_FLAG_U, "last"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "firstlast", 9);
	ck_assert_ptr_null(tulle_sctp_find_stream(p.end[1].sctp, 2));
	pair_close(&p);
}
END_TEST

/* DESIGN's memory rule 4: low is when a full chunk finds no room, be the blocks as small as they
 * may be; then the front message goes out in parts, and the window opens again. */
START_TEST(memory_is_low_when_a_full_chunk_does_not_fit)
{
	static uint8_t memory[1 << 16];
	static pair p;
	tulle_pool_account other;
	void *taken[7];
	tulle_sctp_config config = {.random = {pair_random, &p}};
	config.pool = tulle_pool_init(memory, sizeof memory, 1024, 8);
	config.reserve_blocks = tulle_sctp_reserve_blocks_min(&config);
	size_t n = tulle_sctp_memory_bytes(&config);
	void *at = malloc(n);
	tulle_sctp *sctp = tulle_sctp_init(at, n, &config, 1);
	tulle_pool_open(&other, config.pool, NULL, 0, NULL);
	for (int i = 0; i < 7; i++) {
		ck_assert(!tulle_sctp_is_low(sctp));
		taken[i] = tulle_pool_take(&other, false);
	}
	ck_assert(tulle_sctp_is_low(sctp)); /* one of 1024 bytes is left */
	for (int i = 0; i < 7; i++)
		tulle_pool_give(&other, taken[i]);
	tulle_pool_close(&other);
	tulle_sctp_wipe(sctp);
	free(at);
}
END_TEST

/* RFC9260:6.2: when only what is next may still come, the window holds one chunk: of two the second
 * could find no room, and each further one would wait for a timer. That it opens is told. */
START_TEST(a_low_window_promises_one_chunk)
{
	static pair p = {.config = {.receive_bytes_max = 16384}, .block_bytes = 1024};
	static char text[1001];
	memset(text, 'x', sizeof text - 1);
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[1].sctp;
	size_t packet = s->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES;
	uint8_t flags = SCTP_FLAG_B | SCTP_FLAG_E;
	for (uint16_t n = 0; n < 400; n++) { /* blocks were seen to hold little */
		tulle_sctp_pause(s, p.now, 2, n % 40 != 39);
		ck_assert_int_eq(pair_data(&p, 1, 0, 2, n, flags, "x"), TULLE_TAKEN);
		pair_settle(&p);
	}
	ck_assert_uint_lt(s->in.block_bytes, 600);
	ck_assert_uint_ge(tulle_sctp_window(s), packet);
	tulle_sctp_pause(s, p.now, 1, true);
	unsigned low = 0;
	for (uint16_t n = 0; tulle_sctp_window(s) != 0; n++) {
		low += tulle_sctp_is_low(s);
		ck_assert(!tulle_sctp_is_low(s) || tulle_sctp_window(s) == packet);
		ck_assert_int_eq(pair_data(&p, 1, 0, 1, n, flags, text), TULLE_TAKEN);
		pair_catch(&p, 1);
	}
	ck_assert_uint_ge(low, 1);
	tulle_sctp_handle_timeout(s, p.now += 1000000);
	pair_catch(&p, 1);
	ck_assert_uint_eq(s->in.window_told, 0);
	tulle_sctp_event event;
	tulle_sctp_pause(s, p.now, 1, false);
	while (s->in.window_told == 0 && tulle_sctp_poll_event(s, &event))
		pair_catch(&p, 1);
	ck_assert_uint_eq(s->in.window_told, packet);
	pair_events(&p, 1);
	p.end[1].got_len = 0;
	pair_close(&p);
}
END_TEST

/* RFC9260:3.3.4: as many gap blocks as the packet holds, the lowest first; however many there are
 */
START_TEST(a_sack_names_as_many_gaps_as_the_packet_holds)
{
	static pair p = {.config = {.receive_bytes_max = 1 << 20}, .block_bytes = 4096};
	pair_open(&p, 400);
	pair_connect(&p);
	for (uint16_t n = 0; n < 400; n++)
		(void)pair_data(&p, 1, 1 + 2u * n, 1, n, SCTP_FLAG_B | SCTP_FLAG_E, "x");
	ck_assert_uint_eq(p.end[1].sctp->in.ranges.count, 400);
	ck_assert_uint_ge(pair_catch(&p, 1), 1);
	tulle_sctp_chunk chunk;
	tulle_sctp_sack_chunk sack;
	ck_assert(pair_find(&p.end[1], SCTP_SACK, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_sack(chunk.value, &sack), TULLE_TAKEN);
	ck_assert_uint_eq(sack.gap_count, (1172 - SCTP_HEADER_BYTES - 16) / 4);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, 0).start, 2);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, 285).end, 2 + 2 * 285);
	pair_close(&p);
}
END_TEST

static void give_gaps(pair *p, const tulle_sctp_gap *gaps, size_t count)
{
	uint8_t buf[128];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_sack(&w, p->end[0].sctp->out.acked_tsn, 65536, gaps, count, NULL, 0);
	pair_inject(p, 0, pair_tag(p, 0), buf, w.len);
}

static void send_one(pair *p)
{
	static const uint8_t byte[1];
	ck_assert_int_eq(tulle_sctp_send(p->end[0].sctp, p->now, 1, 51, byte, 1, NULL), TULLE_OK);
	pair_catch(p, 0);
}

/* RFC8985:7.2: only what moves the cumulative TSN starts anew with a probe. Else a peer that lacks
 * many and says so of each one alone got them one a timeout. */
START_TEST(after_a_probe_that_closed_no_hole_comes_t3)
{
	static pair p;
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[0].sctp;
	for (int i = 0; i < 4; i++)
		send_one(&p);
	for (uint32_t n = 1; n < 4; n++) /* RACK must leave them alone */
		tulle_sctp_tsn_at(s, s->out.acked_tsn + n)->timer_only = true;
	pair_expire(&p, 0);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(s->stats.loss_probes, 1);
	give_gaps(&p, &(tulle_sctp_gap){4, 4}, 1);
	pair_expire(&p, 0);
	ck_assert_uint_eq(s->stats.loss_probes, 1);
	ck_assert_uint_eq(s->stats.timeouts, 1);
	pair_catch(&p, 0);
	tulle_sctp_chunk chunk;
	for (unsigned n = 0; n < 3; n++)
		ck_assert(pair_find(&p.end[0], SCTP_DATA, n, &chunk));
	pair_settle(&p);
	pair_close(&p);
}
END_TEST

/* RFC8985:6.2 step 5: a short list of blocks leaves nothing out: what was sent before the one that
 * arrived now, and is not named, is lost, above the last block too. Else it filled the window for
 * ever, and what was lost below it went one a timeout. */
START_TEST(a_short_list_of_gaps_tells_of_all)
{
	static pair p;
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[0].sctp;
	p.now += 1000;
	for (int i = 0; i < 8; i++)
		send_one(&p);
	p.now += 10000;
	tulle_sctp_gap gaps[] = {{2, 2}, {4, 6}};
	give_gaps(&p, gaps, 2);
	pair_catch(&p, 0);
	ck_assert_uint_eq(s->stats.retransmissions, 2); /* the first and the third */
	p.now += 20000;
	give_gaps(&p, &(tulle_sctp_gap){2, 6}, 1);
	pair_catch(&p, 0);
	ck_assert_uint_eq(s->stats.retransmissions, 5); /* the first, and the last two */
	pair_close(&p);
}
END_TEST

/* A peer names as many as it has room for: those above are not known, and hide nothing behind them
 */
START_TEST(above_a_full_list_of_gaps_nothing_is_known)
{
	static pair p;
	tulle_sctp_gap gaps[TULLE_SCTP_GAPS_SURE + 1];
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[0].sctp;
	p.now += 1000;
	for (int i = 0; i < 34; i++)
		send_one(&p);
	p.now += 10000;
	send_one(&p);
	send_one(&p);
	p.now += 10000;
	for (uint16_t i = 0; i < 17; i++)
		gaps[i] = (tulle_sctp_gap){(uint16_t)(2 + 2 * i), (uint16_t)(2 + 2 * i)};
	give_gaps(&p, gaps, 17);
	pair_catch(&p, 0);
	ck_assert_uint_eq(s->stats.retransmissions, 17);
	p.now += 20000;
	gaps[1].start = gaps[0].start; /* the third arrived */
	give_gaps(&p, gaps + 1, 16);
	pair_catch(&p, 0);
	ck_assert_uint_eq(s->stats.retransmissions, 18); /* the first */
	pair_close(&p);
}
END_TEST

/* RFC8985:7.2: where some are lost already, and wait for a window that others fill, no probe goes
 * out: all that is out is lost, and goes again. */
START_TEST(where_some_are_lost_the_timer_is_t3)
{
	static pair p;
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[0].sctp;
	for (int i = 0; i < 8; i++)
		send_one(&p);
	tulle_sctp_mark_lost(s, s->out.acked_tsn + 1);
	pair_expire(&p, 0);
	ck_assert_uint_eq(s->stats.loss_probes, 0);
	ck_assert_uint_eq(s->stats.timeouts, 1);
	ck_assert_uint_eq(s->out.in_flight.count, 0);
	pair_close(&p);
}
END_TEST

/* RFC8261:6.1: the timeouts of the path before are not those of this one */
START_TEST(on_another_path_it_asks_soon)
{
	static pair p;
	pair_open(&p, 64);
	pair_connect(&p);
	tulle_sctp *s = p.end[0].sctp;
	send_one(&p);
	while (s->rto < 8000000) {
		pair_expire(&p, 0);
		pair_catch(&p, 0);
	}
	ck_assert_uint_gt(s->errors, 0);
	uint64_t timeouts = s->stats.timeouts;
	tulle_sctp_set_path(s, p.now, 0);
	ck_assert_uint_eq(s->errors, 0);
	ck_assert_int_eq(s->rto, s->config.rto_us_initial);
	ck_assert_int_eq(s->timers[SCTP_T_RTX], p.now + s->rto);
	tulle_sctp_set_ice_rtt(s, 20000);
	ck_assert_int_eq(s->rto, 90000);
	ck_assert_int_eq(s->timers[SCTP_T_RTX], p.now + s->rto);
	tulle_sctp_set_ice_rtt(s, 200000);
	ck_assert_int_eq(s->timers[SCTP_T_RTX], p.now + 90000); /* never later */
	s->rto = 60000;
	tulle_sctp_set_path(s, p.now, 0);
	ck_assert_int_eq(s->rto, 60000); /* nor does it wait longer than before */
	tulle_sctp_set_ice_rtt(s, 20000);
	ck_assert_uint_eq(s->stats.timeouts, timeouts);
	pair_settle(&p);
	ck_assert_uint_eq(s->out.unacked, 0);
	pair_close(&p);
}
END_TEST

/* RFC9260:5.2.4.1: a reset that waited behind unread messages does not hold up the new ones */
START_TEST(a_restart_forgets_a_reset_that_was_not_told)
{
	static pair p;
	for (int unread = 0; unread < 2; unread++) {
		p = (pair){0};
		pair_open(&p, 64);
		pair_connect(&p);
		tulle_sctp *s = p.end[1].sctp;
		uint8_t flags = SCTP_FLAG_B | SCTP_FLAG_E;
		tulle_sctp_pause(s, p.now, 2, true);
		if (unread)
			pair_data(&p, 1, 0, 2, 0, flags, "old");
		tulle_sctp_reset_in(s, tulle_sctp_find_stream(s, 2));
		tulle_sctp_pause(s, p.now, 2, false);
		tulle_sctp_wipe(p.end[0].sctp);
		p.end[0].sctp = tulle_sctp_init(p.end[0].memory, p.end[0].bytes, &p.config, p.now);
		ck_assert_int_eq(tulle_sctp_connect(p.end[0].sctp, p.now), TULLE_OK);
		tulle_sctp_send(p.end[0].sctp, p.now, 2, 51, "new", 3, NULL);
		for (int i = 0; i < 4; i++)
			for (int end = 0; end < 2; end++) {
				pair_catch(&p, end);
				for (unsigned k = 0; k < p.end[end].packets; k++)
					pair_give(&p, 1 - end, p.end[end].packet[k],
						p.end[end].packet_len[k]);
			}
		pair_settle(&p);
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_RESTARTED], 1);
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
		ck_assert_uint_eq(p.end[1].got_len, 3);
		ck_assert_mem_eq(p.end[1].got, "new", 3);
		pair_close(&p);
	}
}
END_TEST

Suite *suite_sctp_found(void)
{
	Suite *s = suite_create("sctp_found");
	TCase *t = tcase_create("found");
	tcase_add_test(t, a_stream_whose_message_is_given_in_parts_keeps_its_record);
	tcase_add_test(t, memory_is_low_when_a_full_chunk_does_not_fit);
	tcase_add_test(t, a_low_window_promises_one_chunk);
	tcase_add_test(t, a_sack_names_as_many_gaps_as_the_packet_holds);
	tcase_add_test(t, after_a_probe_that_closed_no_hole_comes_t3);
	tcase_add_test(t, a_short_list_of_gaps_tells_of_all);
	tcase_add_test(t, above_a_full_list_of_gaps_nothing_is_known);
	tcase_add_test(t, where_some_are_lost_the_timer_is_t3);
	tcase_add_test(t, on_another_path_it_asks_soon);
	tcase_add_test(t, a_restart_forgets_a_reset_that_was_not_told);
	suite_add_tcase(s, t);
	return s;
}
