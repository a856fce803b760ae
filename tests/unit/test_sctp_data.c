/* SPDX-License-Identifier: MIT */
/* sctp: DATA, SACK, reassembly, stream reset and the pool's rules. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/reset.h"

static pair p;

#define BE (SCTP_FLAG_B | SCTP_FLAG_E)
#define U SCTP_FLAG_U

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

static tulle_sctp_sack_chunk caught_sack(int from)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_sack_chunk sack;
	ck_assert_uint_ge(pair_catch(&p, from), 1);
	ck_assert(pair_find(&p.end[from], SCTP_SACK, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_sack(chunk.value, &sack), TULLE_TAKEN);
	return sack;
}

static void ck_aborted(int end, uint16_t cause)
{
	tulle_sctp_chunk chunk;
	ck_assert_uint_eq(pair_catch(&p, end), 1);
	ck_assert(pair_find(&p.end[end], SCTP_ABORT, 0, &chunk));
	ck_assert_uint_eq(chunk.value.ptr[1], cause);
	pair_events(&p, end);
	ck_assert_int_eq(p.end[end].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[end].last.why, TULLE_SCTP_ABORT_LOCAL);
	ck_assert_uint_eq(p.end[end].last.cause, cause);
}

/* SCTP-065 RFC9260:6.2 */
START_TEST(data_without_a_byte_is_aborted_with_its_tsn)
{
	ck_assert_int_eq(pair_data(&p, 1, 0, 0, 0, BE, ""), TULLE_DROP_SCTP_CHUNK);
	ck_aborted(1, SCTP_C_NO_USER_DATA);
}
END_TEST

/* SCTP-066 RFC9260:3.3.1 */
START_TEST(data_shorter_than_its_header_is_a_violation)
{
	uint8_t chunk[16] = {0, 3, 0, 15};
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, 16), TULLE_DROP_MALFORMED);
	ck_aborted(1, SCTP_C_VIOLATION);
}
END_TEST

/* SCTP-067 RFC9260:6.5 */
START_TEST(a_stream_that_is_none_is_acknowledged_and_reported)
{
	tulle_sctp_chunk error;
	ck_assert_int_eq(pair_data(&p, 1, 0, 100, 0, BE, "x"), TULLE_DROP_SCTP_STREAM);
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, BE, "y"), TULLE_TAKEN);
	uint32_t due = p.end[1].sctp->in.cumulative;
	ck_assert_uint_eq(caught_sack(1).cumulative, due);
	ck_assert(pair_find(&p.end[1], SCTP_ERROR, 0, &error));
	ck_assert_mem_eq(error.value.ptr, "\0\1\0\10\0\144\0\0", 8);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 1);
}
END_TEST

/* SCTP-068 RFC9260:6.2, SCTP-070 RFC9260:6.7, SCTP-073 RFC9260:3.3.4, SCTP-079 RFC9260:6.6 */
START_TEST(gaps_and_duplicates_are_told_and_each_message_comes_once)
{
	ck_assert_int_eq(pair_data(&p, 1, 2, 1, 1, BE, "C"), TULLE_TAKEN);
	tulle_sctp_sack_chunk sack = caught_sack(1);
	ck_assert_uint_eq(sack.gap_count, 1);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, 0).start, 3);
	ck_assert_uint_eq(tulle_sctp_read_gap(&sack, 0).end, 3);
	ck_assert_int_eq(pair_data(&p, 1, 2, 1, 1, BE, "C"), TULLE_DROP_SCTP_DUPLICATE);
	sack = caught_sack(1);
	ck_assert_uint_eq(sack.duplicate_count, 1);
	/* another stream is not held up by the hole */
	ck_assert_int_eq(pair_data(&p, 1, 4, 2, 0, BE, "other"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 6, 1, 9, BE | U, "loose"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "otherloose", 10);
	ck_assert_int_eq(pair_data(&p, 1, 1, 1, 0, BE, "B"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got + 10, "BC", 2);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, BE, "A"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 13);
}
END_TEST

/* SCTP-077 practice */
START_TEST(a_tsn_far_beyond_the_window_is_dropped)
{
	uint32_t span = tulle_sctp_ring_span(&p.end[1].sctp->in.ring);
	ck_assert_int_eq(pair_data(&p, 1, span, 0, 0, BE, "x"), TULLE_DROP_SCTP_TSN);
	ck_assert_int_eq(pair_data(&p, 1, 0x40000000, 0, 0, BE, "x"), TULLE_DROP_SCTP_TSN);
	ck_assert_int_eq(pair_data(&p, 1, span - 1, 0, 0, BE | U, "x"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0xf0000000, 0, 0, BE, "x"), TULLE_DROP_SCTP_DUPLICATE);
}
END_TEST

/* SCTP-071, SCTP-072 RFC9260:6.2; SCTP-081 */
START_TEST(sacks_come_for_every_second_packet_and_late_for_one)
{
	for (uint16_t i = 0; i < 8; i++)
		pair_data(&p, 1, 0, 0, i, BE, "x");
	ck_assert_uint_eq(pair_catch(&p, 1), 4); /* the early packets: one by one */
	pair_events(&p, 1);
	pair_data(&p, 1, 0, 0, 8, BE, "x");
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	tulle_time t = tulle_sctp_poll_timeout(p.end[1].sctp);
	ck_assert(t - p.now <= 200000);
	pair_expire(&p, 1);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	pair_data(&p, 1, 0, 0, 9, BE | SCTP_FLAG_I, "x");
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	for (uint16_t i = 10; i < 90; i++) {
		pair_data(&p, 1, 0, 0, i, BE, "x");
		if (i == 80)
			pair_catch(&p, 1);
	}
	ck_assert_uint_eq(pair_catch(&p, 1), 1); /* later: one a poll */
}
END_TEST

/* SCTP-083 RFC9260:6.9, SCTP-086 */
START_TEST(fragments_in_every_order_make_the_message)
{
	static const uint8_t orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static const char *const text[3] = {"be", "gin-mid", "dle-end"};
	static const uint8_t flags[3] = {SCTP_FLAG_B, 0, SCTP_FLAG_E};
	for (uint16_t i = 0; i < 12; i++) {
		uint32_t base = p.end[1].sctp->in.cumulative;
		uint8_t u = i >= 6 ? U : 0;
		p.end[1].got_len = 0;
		for (int k = 0; k < 3; k++) {
			unsigned n = orders[i % 6][k];
			uint32_t ahead = base + n - p.end[1].sctp->in.cumulative;
			ck_assert_int_eq(
				pair_data(&p, 1, ahead, 7, u != 0 ? 5 : i, flags[n] | u, text[n]),
				TULLE_TAKEN);
			pair_events(&p, 1);
			ck_assert_uint_eq(p.end[1].got_len, k == 2 ? 16 : 0);
		}
		ck_assert_mem_eq(p.end[1].got, "begin-middle-end", 16);
		ck_assert(p.end[1].last.last);
	}
}
END_TEST

/* SCTP-084, SCTP-087 RFC9260:6.9 */
START_TEST(fragments_that_cannot_be_are_violations)
{
	static const struct {
		uint32_t a_ahead, b_ahead;
		uint16_t stream, ssn;
		uint8_t a, b;
	} cases[] = {
		{0, 0, 1, 0, 0, 0},                     /* a middle without a first */
		{0, 0, 1, 0, SCTP_FLAG_E, 0},           /* a last without a first */
		{0, 0, 1, 0, SCTP_FLAG_B, SCTP_FLAG_B}, /* two firsts */
		{0, 0, 2, 0, SCTP_FLAG_B, 0},           /* another stream */
		{0, 0, 1, 1, SCTP_FLAG_B, 0},           /* another SSN */
		{0, 0, 1, 0, SCTP_FLAG_B, U},           /* another order */
		{3, 4, 2, 0, SCTP_FLAG_B, 0},           /* the same above a gap */
		{3, 4, 1, 0, SCTP_FLAG_B, BE},
		{4, 3, 1, 0, SCTP_FLAG_E, BE},
		{4, 3, 1, 7, SCTP_FLAG_E, SCTP_FLAG_B},
		{0, 0, 1, 0, BE, BE}, /* the same SSN twice */
		{3, 4, 1, 0, BE, BE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (i != 0) {
			teardown();
			setup();
		}
		p.end[1].sctp->partial = false; /* no message may break off */
		pair_data(&p, 1, cases[i].a_ahead, 1, 0, cases[i].a, "aaaa");
		pair_data(
			&p, 1, cases[i].b_ahead, cases[i].stream, cases[i].ssn, cases[i].b, "bbbb");
		ck_assert_msg(p.end[1].sctp->ended, "case %zu", i);
		pair_catch(&p, 1);
		pair_events(&p, 1);
		ck_assert_uint_eq(p.end[1].last.cause, SCTP_C_VIOLATION);
	}
}
END_TEST

/* DESIGN:memory 5 */
START_TEST(an_ordered_message_that_can_never_be_delivered_is_a_violation)
{
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 1, BE, "second"), TULLE_DROP_SCTP_CHUNK);
	ck_aborted(1, SCTP_C_VIOLATION);
}
END_TEST

/* SCTP-078 RFC9260:1.6 */
START_TEST(ssns_and_tsns_wrap)
{
	p.end[1].sctp->in.cumulative = 0xfffffff0;
	for (uint32_t i = 0; i < 70000; i++) {
		ck_assert_int_eq(tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_ESTABLISHED);
		uint8_t buf[20];
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_sctp_data_chunk d = {.stream = 1, .mid = (uint16_t)i, .flags = BE};
		d.tsn = 0xfffffff1 + i;
		tulle_sctp_write_data_header(&w, &d, 1);
		tulle_wr_u32(&w, 0);
		tulle_sctp_chunk chunk = {.flags = BE, .value = {buf + 4, 13}};
		ck_assert_int_eq(tulle_sctp_take_data(p.end[1].sctp, &chunk), TULLE_TAKEN);
		tulle_sctp_event event;
		ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event));
	}
	ck_assert_uint_eq(p.end[1].sctp->in.cumulative, 0xfffffff0 + 70000);
}
END_TEST

/* SCTP-144, SCTP-146, SCTP-149, SCTP-150, SCTP-151, SCTP-152 RFC6525:5 */
START_TEST(a_reset_waits_for_its_data_and_is_answered_the_same_twice)
{
	tulle_sctp_send(p.end[0].sctp, p.now, 4, 51, "before", 6, NULL);
	ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 4), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 4), TULLE_ERR_STATE);
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, 4, 51, "x", 1, NULL), TULLE_ERR_STATE);
	tulle_sctp_chunk chunk;
	pair_catch(&p, 0);
	ck_assert(!pair_find(&p.end[0], SCTP_RE_CONFIG, 0, &chunk));
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	tulle_sctp_pause(p.end[1].sctp, p.now, 4, true);
	pair_catch(&p, 1); /* at once: the I bit asked for it */
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	pair_catch(&p, 0);
	ck_assert(pair_find(&p.end[0], SCTP_RE_CONFIG, 0, &chunk));
	for (int i = 0; i < 2; i++) {
		pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
		ck_assert_uint_eq(chunk.value.ptr[11], SCTP_R_PERFORMED);
	}
	pair_events(&p, 1);
	ck_assert_uint_eq(
		p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0); /* data is still inside */
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	tulle_sctp_send(p.end[0].sctp, p.now, 4, 51, "after", 5, NULL);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 0);
	tulle_sctp_pause(p.end[1].sctp, p.now, 4, false);
	tulle_sctp_event event;
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event) && event.len == 6);
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event));
	ck_assert_int_eq(event.kind, TULLE_SCTP_STREAM_RESET_IN);
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event) && event.len == 5);
}
END_TEST

static uint32_t reset_result(uint32_t sequence, uint32_t last_tsn, uint16_t stream)
{
	uint8_t buf[64];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_RE_CONFIG, 0);
	tulle_sctp_reset_parameter r = {.type = SCTP_P_RESET_OUT, .sequence = sequence};
	r.last_tsn = last_tsn;
	tulle_sctp_write_reset(&w, &r, &stream, 1);
	tulle_sctp_chunk_end(&w, at);
	pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
	tulle_sctp_chunk chunk;
	ck_assert_uint_ge(pair_catch(&p, 1), 1);
	ck_assert(pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
	return chunk.value.ptr[11];
}

/* SCTP-148, SCTP-151, SCTP-152 RFC6525:5.2 */
START_TEST(reset_requests_are_judged_by_number_stream_and_tsn)
{
	uint32_t next = p.end[1].sctp->resets.peer_sequence, seen = p.end[1].sctp->in.cumulative;
	ck_assert_uint_eq(reset_result(next + 1, seen, 1), SCTP_R_BAD_SEQUENCE);
	ck_assert_uint_eq(reset_result(next, seen + 1, 1), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(reset_result(next, seen, 1), SCTP_R_PERFORMED);
	ck_assert_uint_eq(reset_result(next, seen, 1), SCTP_R_PERFORMED);
	ck_assert_uint_eq(reset_result(next + 1, seen, 100), SCTP_R_WRONG_STREAM);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
}
END_TEST

/* DESIGN:memory 3, 4: with the pool empty only what is next comes in, and it goes out in parts */
START_TEST(with_only_the_reserve_left_what_is_next_still_comes)
{
	tulle_pool_account hog;
	void *held[401];
	size_t n = 0;
	tulle_pool_open(&hog, p.pool, NULL, 0, NULL);
	while ((held[n] = tulle_pool_take(&hog, false)) != NULL)
		n++;
	ck_assert_int_eq(pair_data(&p, 1, 1, 1, 0, BE | U, "early"), TULLE_DROP_NO_ROOM);
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_B, "part one,"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 9);
	ck_assert(p.end[1].last.first && !p.end[1].last.last);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, 0, "more,"), TULLE_TAKEN);
		pair_events(&p, 1);
	}
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_E, "end"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert(!p.end[1].last.first && p.end[1].last.last);
	ck_assert_uint_eq(p.end[1].got_len, 512);
	/* and the waiter is told when there is room again */
	while (n > 0)
		tulle_pool_give(&hog, held[--n]);
	void *owner = tulle_pool_next_waiter(p.pool);
	ck_assert_ptr_eq(owner, p.end[1].sctp);
	tulle_sctp_handle_room(owner, p.now);
	tulle_pool_close(&hog);
}
END_TEST

/* RFC7053 aside, RFC9260:6.1: streams take turns at message bounds */
START_TEST(streams_take_turns)
{
	static uint8_t bytes[1100];
	p.end[0].sctp->cc.cwnd = 100000;
	for (uint16_t s = 0; s < 3; s++)
		for (int i = 0; i < 3; i++)
			tulle_sctp_send(p.end[0].sctp, p.now, s, 51, bytes, sizeof bytes, NULL);
	ck_assert_uint_eq(pair_catch(&p, 0), 9);
	for (unsigned i = 0; i < 9; i++) {
		tulle_sctp_chunk chunk;
		tulle_sctp_data_chunk d;
		ck_assert(pair_find(&p.end[0], SCTP_DATA, i, &chunk) &&
			  tulle_sctp_read_data(&chunk, &d));
		ck_assert_uint_eq(d.stream, i % 3);
		ck_assert_uint_eq(d.mid, i / 3);
	}
}
END_TEST

START_TEST(small_messages_share_a_packet_and_a_block)
{
	for (int i = 0; i < 20; i++)
		tulle_sctp_send(p.end[0].sctp, p.now, (uint16_t)(i % 4), 51, "small", 5, NULL);
	tulle_sctp_stats stats;
	tulle_sctp_read_stats(p.end[0].sctp, &stats);
	ck_assert_uint_eq(stats.blocks_out, 1);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
}
END_TEST

/* SCTP-012, SCTP-013, SCTP-014, SCTP-015, SCTP-017 RFC9260:3.2 */
START_TEST(unknown_chunks_follow_their_high_bits)
{
	static const struct {
		uint8_t type;
		bool goes_on, reports;
	} cases[] = {
		{0x3f, false, false}, {0x7f, false, true}, {0xbf, true, false}, {0xff, true, true}};
	for (unsigned i = 0; i < 4; i++) {
		uint8_t chunks[16] = {
			11, 0, 0, 4, cases[i].type, 0, 0, 4, SCTP_HEARTBEAT, 0, 0, 8, 0, 1, 0, 4};
		pair_inject(&p, 1, pair_tag(&p, 1), chunks, 16);
		tulle_sctp_chunk chunk;
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_HEARTBEAT_ACK, 0, &chunk) == cases[i].goes_on);
		ck_assert(pair_find(&p.end[1], SCTP_ERROR, 0, &chunk) == cases[i].reports);
	}
	ck_assert_uint_eq(p.end[1].sctp->stats.drops[TULLE_DROP_SCTP_UNKNOWN_CHUNK], 4);
}
END_TEST

START_TEST(a_message_behind_one_given_in_parts_is_given_too)
{
	p.end[1].sctp->config.streamed = true;
	ck_assert_int_eq(pair_data(&p, 1, 2, 1, 1, BE, "next"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_B, "first,"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 6);
	ck_assert_int_eq(pair_data(&p, 1, 0, 1, 0, SCTP_FLAG_E, "last,"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, 15);
	ck_assert_mem_eq(p.end[1].got, "first,last,next", 15);
}
END_TEST

Suite *suite_sctp_data(void);
Suite *suite_sctp_data(void)
{
	Suite *s = suite_create("sctp_data");
	TCase *t = tcase_create("data");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, data_without_a_byte_is_aborted_with_its_tsn);
	tcase_add_test(t, data_shorter_than_its_header_is_a_violation);
	tcase_add_test(t, a_stream_that_is_none_is_acknowledged_and_reported);
	tcase_add_test(t, gaps_and_duplicates_are_told_and_each_message_comes_once);
	tcase_add_test(t, a_tsn_far_beyond_the_window_is_dropped);
	tcase_add_test(t, sacks_come_for_every_second_packet_and_late_for_one);
	tcase_add_test(t, fragments_in_every_order_make_the_message);
	tcase_add_test(t, fragments_that_cannot_be_are_violations);
	tcase_add_test(t, an_ordered_message_that_can_never_be_delivered_is_a_violation);
	tcase_add_test(t, ssns_and_tsns_wrap);
	tcase_add_test(t, a_reset_waits_for_its_data_and_is_answered_the_same_twice);
	tcase_add_test(t, reset_requests_are_judged_by_number_stream_and_tsn);
	tcase_add_test(t, with_only_the_reserve_left_what_is_next_still_comes);
	tcase_add_test(t, streams_take_turns);
	tcase_add_test(t, small_messages_share_a_packet_and_a_block);
	tcase_add_test(t, unknown_chunks_follow_their_high_bits);
	tcase_add_test(t, a_message_behind_one_given_in_parts_is_given_too);
	suite_add_tcase(s, t);
	return s;
}
