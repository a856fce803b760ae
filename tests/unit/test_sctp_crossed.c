/* SPDX-License-Identifier: MIT */
/* sctp: what comes in of one feature while another is under way. */
#include "tests/unit/sctp_states.h"

#include "sctp/wire/forward.h"
#include "sctp/wire/reset.h"

static pair p;

#define B SCTP_FLAG_B
#define E SCTP_FLAG_E
#define U SCTP_FLAG_U

static tulle_sctp *end1(void)
{
	return p.end[1].sctp;
}

static void begin(bool interleaves, bool streamed, size_t message_max)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.config.streamed = streamed;
	p.config.message_bytes_max = message_max;
	p.interleaves = interleaves;
	pair_open(&p, 400);
	pair_connect(&p);
}

/* A fragment of I-DATA to end 1, its TSN counted from the one that is due. */
static tulle_drop give(uint32_t ahead, uint16_t stream, uint32_t mid, uint32_t fsn, uint8_t flags,
	const char *text)
{
	tulle_sctp_data_chunk d = {.stream = stream, .mid = mid, .fsn = fsn, .flags = flags};
	return pair_i_data(&p, 1, ahead, &d, text);
}

static tulle_drop forward(uint32_t ahead, const tulle_sctp_skip *skips, size_t n)
{
	uint8_t buf[600];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_forward_chunk(
		&w, end1()->interleaves, end1()->in.cumulative + ahead, skips, n);
	return pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
}

static void ck_got(const char *text)
{
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, strlen(text));
	ck_assert_mem_eq(p.end[1].got, text, strlen(text));
}

/* RFC9260:3.3.1: of unordered DATA the receiver MUST ignore the SSN. */
START_TEST(the_ssn_of_unordered_data_is_ignored)
{
	for (uint32_t ahead = 0; ahead < 2; ahead++) {
		begin(false, false, 0);
		ck_assert_int_eq(pair_data(&p, 1, ahead, 3, 7, B | U, "one"), TULLE_TAKEN);
		ck_assert_int_eq(pair_data(&p, 1, 2 * ahead, 3, 9, E | U, "two"), TULLE_TAKEN);
		if (ahead != 0)
			ck_assert_int_eq(pair_data(&p, 1, 0, 4, 0, B | E, "."), TULLE_TAKEN);
		ck_assert(!end1()->ended);
		ck_got(ahead != 0 ? "onetwo." : "onetwo");
		pair_close(&p);
	}
}
END_TEST

/* ... and it says nothing in whose half of the numbers it would be. */
START_TEST(an_unordered_message_stands_beside_the_middle_of_the_ssns)
{
	begin(false, false, 0);
	sctp_stream *s = tulle_sctp_add_stream(end1(), 3);
	s->in_mid = 32768;
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 32768, B | E, "a"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, B | U, "b"), TULLE_TAKEN);
	ck_got("a");
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, E | U, "c"), TULLE_TAKEN);
	ck_got("abc");
	pair_close(&p);
}
END_TEST

/* RFC8260:2.3.1: a stream is named once for its ordered messages and once for the others. */
START_TEST(a_forward_skips_both_kinds_of_a_stream_of_which_nothing_came)
{
	static const tulle_sctp_skip skips[] = {
		{.stream = 5, .unordered = true, .mid = 1}, {.stream = 5, .mid = 4}};
	begin(true, false, 0);
	ck_assert_int_eq(forward(3, skips, 2), TULLE_TAKEN);
	ck_assert_int_eq(give(0, 5, 5, 0, B | E, "fifth"), TULLE_TAKEN);
	ck_got("fifth");
	pair_close(&p);
}
END_TEST

/* ... and what of an unordered one comes later, behind the TSN that was named, is of no message;
 * its number is another message's after a reset, or far away. */
START_TEST(what_is_left_of_an_unordered_message_that_was_given_up_is_not_kept)
{
	static const tulle_sctp_skip skip = {.stream = 5, .unordered = true, .mid = 7};
	begin(true, false, 0);
	uint32_t blocks = end1()->in.blocks;
	ck_assert_int_eq(give(0, 5, 7, 0, B | U, "be"), TULLE_TAKEN);
	ck_assert_int_eq(give(1, 5, 7, 2, U, "l"), TULLE_TAKEN);
	ck_assert_int_eq(forward(1, &skip, 1), TULLE_TAKEN);
	ck_assert_int_eq(give(0, 5, 7, 3, U, "ft"), TULLE_TAKEN);
	ck_assert_uint_eq(end1()->in.forming, 0);
	ck_assert_uint_eq(end1()->in.blocks, blocks);
	ck_assert_int_eq(give(0, 5, 8, 0, B | E | U, "eighth"), TULLE_TAKEN);
	ck_got("eighth");
	ck_assert_int_eq(give(0, 5, 7 + 65536, 0, B | E | U, ", far"), TULLE_TAKEN);
	ck_assert_int_eq(give(0, 5, 6, 0, B | E | U, " and round"), TULLE_TAKEN);
	ck_got("eighth, far and round");
	pair_close(&p);
}
END_TEST

/* ... and one that finds no room makes no records either. */
START_TEST(a_forward_without_room_leaves_nothing_behind)
{
	static tulle_sctp_skip skips[100];
	tulle_pool_account other;
	void *taken[400 + 1]; /* all, and the NULL */
	begin(false, false, 0);
	tulle_pool_open(&other, p.pool, NULL, 0, NULL);
	unsigned n = 0;
	while ((taken[n] = tulle_pool_take(&other, false)) != NULL)
		n++;
	for (uint16_t i = 0; i < 100; i++)
		skips[i] = (tulle_sctp_skip){.stream = i};
	ck_assert_int_eq(forward(1, skips, 100), TULLE_DROP_NO_ROOM);
	ck_assert_ptr_null(end1()->streams.first);
	while (n-- > 0)
		tulle_pool_give(&other, taken[n]);
	tulle_pool_close(&other);
	pair_close(&p);
}
END_TEST

/* RFC8260:2.3.1: with I-DATA only where both know I-FORWARD-TSN, or what is given up would stay */
START_TEST(partial_reliability_is_agreed_with_i_data_or_not_at_all)
{
	for (unsigned i = 0; i < 8; i++) {
		bool offered = (i & 4) != 0;
		uint8_t list[] = {0x80, 8, 0, 7, SCTP_RE_CONFIG, SCTP_I_DATA, SCTP_I_FORWARD_TSN, 0,
			0xc0, 0, 0, 4};
		list[5] = (i & 1) != 0 ? SCTP_I_DATA : SCTP_RE_CONFIG;
		list[6] = (i & 2) != 0 ? SCTP_I_FORWARD_TSN : SCTP_RE_CONFIG;
		memset(&p, 0, sizeof p);
		p.interleaves = offered;
		pair_open(&p, 400);
		hand_init init = hand_default(SCTP_INIT);
		init.extra = list;
		init.extra_len = sizeof list;
		ck_assert_int_eq(hand_give_init(&p, 1, &init), TULLE_TAKEN);
		tulle_sctp_chunk chunk;
		tulle_sctp_init_chunk ack;
		hand_expect(&p, 1, SCTP_INIT_ACK);
		ck_assert(pair_find(&p.end[1], SCTP_INIT_ACK, 0, &chunk));
		ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &ack), TULLE_TAKEN);
		ck_assert_int_eq(
			hand_give(&p, 1, SCTP_COOKIE_ECHO, 0, ack.cookie.len, ack.cookie.ptr),
			TULLE_TAKEN);
		ck_assert(end1()->interleaves == (offered && (i & 1) != 0));
		ck_assert(end1()->partial == (!end1()->interleaves || (i & 2) != 0));
		pair_close(&p);
	}
}
END_TEST

/* What breaks the rules is no part of the message that is being given out. */
START_TEST(what_ends_the_association_is_not_given_out)
{
	for (unsigned way = 0; way < 2; way++) {
		begin(false, true, 0);
		end1()->partial = false;
		ck_assert_int_eq(pair_data(&p, 1, 0, 2, 0, B, "mine"), TULLE_TAKEN);
		if (way == 0)
			ck_got("mine");
		pair_data(&p, 1, 0, 9, 0, B | E, "foreign");
		ck_assert(end1()->ended);
		pair_events(&p, 1);
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CLOSED], 1);
		ck_got(way == 0 ? "mine" : "");
		pair_close(&p);
	}
}
END_TEST

/* A message that is too long ends the association; it is not given out as well. */
START_TEST(no_message_is_longer_than_the_bound_however_it_comes)
{
	for (unsigned way = 0; way < 4; way++) {
		begin(way >= 2, false, 8);
		uint32_t ahead = way & 1;
		if (way < 2)
			pair_data(&p, 1, ahead, 2, 0, B | E | U, "123456789");
		else
			give(ahead, 2, 0, 0, B | E | U, "123456789");
		ck_assert(end1()->ended);
		ck_assert_uint_eq(end1()->cause, SCTP_C_RESOURCE);
		ck_got("");
		pair_close(&p);
	}
}
END_TEST

static tulle_drop ask_reset(uint32_t ago, uint32_t ahead, const uint16_t *streams, size_t n)
{
	uint8_t buf[160];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_RE_CONFIG, 0);
	tulle_sctp_reset_parameter ask = {.type = SCTP_P_RESET_OUT};
	ask.sequence = end1()->resets.peer_sequence - ago;
	ask.last_tsn = end1()->in.cumulative + ahead;
	tulle_sctp_write_reset(&w, &ask, streams, n);
	tulle_sctp_chunk_end(&w, at);
	return pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
}

static uint32_t result_said(void)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_parameter raw;
	tulle_sctp_reset_parameter reset;
	pair_catch(&p, 1);
	ck_assert(pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
	ck_assert(tulle_sctp_read_parameter(&r, &raw) && tulle_sctp_read_reset(&raw, &reset));
	return reset.result;
}

/* A stream that serves a second time, and ends, before our user has heard of its first end: each
 * end is heard, behind what was sent before it. */
START_TEST(each_end_of_a_stream_is_heard)
{
	static const uint16_t stream = 7;
	for (unsigned way = 0; way < 3; way++) { /* it is named, all are, its data is not here */
		begin(false, false, 0);
		tulle_sctp_event event;
		pair_data(&p, 1, 0, 7, 0, B | E, "one");
		ck_assert_int_eq(ask_reset(0, 0, &stream, 1), TULLE_TAKEN);
		ck_assert_uint_eq(result_said(), SCTP_R_PERFORMED);
		pair_data(&p, 1, 0, 7, 0, B | E, "two");
		ck_assert_int_eq(ask_reset(0, way == 2, &stream, way != 1), TULLE_TAKEN);
		ck_assert_uint_eq(result_said(), SCTP_R_IN_PROGRESS);
		if (way == 2)
			pair_data(&p, 1, 0, 8, 0, B | E, ".");
		ck_assert(tulle_sctp_poll_event(end1(), &event) && event.len == 3);
		while (tulle_sctp_poll_event(end1(), &event) && event.stream == 8)
			continue;
		ck_assert_int_eq(event.kind, TULLE_SCTP_STREAM_RESET_IN);
		ck_assert_int_eq(ask_reset(1, 0, &stream, way != 1), TULLE_TAKEN);
		ck_assert_uint_eq(result_said(), SCTP_R_PERFORMED);
		ck_got("two");
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
		pair_close(&p);
	}
}
END_TEST

static void give_cookie(uint32_t by)
{
	uint8_t cookie[SCTP_COOKIE_BYTES];
	sctp_reply reply = {.identity = end1()->identity};
	reply.local_tie = reply.identity.local_tag;
	reply.remote_tie = reply.identity.remote_tag;
	reply.identity.local_tag += by;
	reply.identity.remote_tag++;
	reply.identity.remote_tsn += 1000000;
	ck_assert(tulle_sctp_make_cookie(end1(), &reply, cookie));
	uint8_t buf[160];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
	tulle_wr_bytes(&w, cookie, sizeof cookie);
	tulle_sctp_chunk_end(&w, at);
	ck_assert_int_eq(pair_inject(&p, 1, reply.identity.local_tag, buf, w.len), TULLE_TAKEN);
}

/* RFC9260:5.2.4 B: a peer that begins anew before anything came has numbers of its own. */
START_TEST(a_reset_that_waits_is_not_the_next_peers)
{
	for (unsigned way = 0; way < 2; way++) {
		tulle_sctp_chunk chunk;
		begin(false, false, 0);
		ck_assert_int_eq(ask_reset(0, 5, (uint16_t[]){7}, way), TULLE_TAKEN);
		ck_assert(end1()->resets.deferred == way && end1()->resets.all_deferred != way);
		give_cookie(0);
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_RESTARTED], 0);
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_COOKIE_ACK, 0, &chunk));
		ck_assert(!pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
		ck_assert_int_eq(pair_data(&p, 1, 0, 7, 0, B | E, "new"), TULLE_TAKEN);
		ck_got("new");
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
		pair_close(&p);
	}
}
END_TEST

/* A record, and its share of the pool, is there while anything is not as at the start. */
START_TEST(a_restart_keeps_no_record_of_streams)
{
	begin(false, false, 0);
	for (uint16_t id = 0; id < 60; id++)
		pair_data(&p, 1, 0, id, 0, B | E, "x");
	pair_settle(&p);
	ck_assert_uint_ne(end1()->streams.count, 0);
	ck_assert_int_eq(tulle_sctp_pause(end1(), p.now, 9, true), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_reset_stream(end1(), p.now, 10), TULLE_OK);
	give_cookie(2);
	ck_assert_ptr_nonnull(tulle_sctp_find_stream(end1(), 9));
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	ck_assert_int_eq(tulle_sctp_pause(end1(), p.now, 9, false), TULLE_OK);
	ck_assert_ptr_null(end1()->streams.first);
	ck_assert_uint_eq(tulle_pool_free(p.pool), tulle_pool_blocks(p.pool));
	pair_close(&p);
}
END_TEST

/* RFC9260:5.1.1: after that no stream is used that the peer does not have. */
START_TEST(what_waits_for_a_stream_that_the_peer_has_not_is_not_sent)
{
	static const tulle_sctp_send_options begun = {
		.first = true, .has_lifetime = true, .lifetime_us = 5, .late = true};
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	end1()->config.streams_max = 10;
	tulle_sctp *s = p.end[0].sctp;
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 10, 51, "no", 2, NULL), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 9, 51, "yes", 3, NULL), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 12, 51, "no", 2, &begun), TULLE_OK);
	ck_assert_int_eq(tulle_sctp_reset_stream(s, p.now, 10), TULLE_OK);
	pair_connect(&p);
	ck_got("yes");
	ck_assert_uint_eq(end1()->stats.drops[TULLE_DROP_SCTP_STREAM], 1); /* the reset */
	ck_assert_uint_eq(tulle_sctp_unacked_total(s), 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	ck_assert_int_eq(tulle_sctp_shutdown(s, p.now), TULLE_OK); /* no message is open */
	pair_close(&p);
}
END_TEST

/* A message begins to go out in parts while a reader that waits holds all the room; when he goes on
 * he must not wait for its end, which waits for his room. */
START_TEST(a_reader_that_goes_on_does_not_wait_for_what_waits_for_him)
{
	static char text[1001];
	memset(text, 'x', sizeof text - 1);
	for (unsigned way = 0; way < 2; way++) { /* by the bound, by the pool */
		pair_end *e = &p.end[1];
		memset(&p, 0, sizeof p);
		p.config.streams_max = 100;
		p.config.streamed = true;
		p.config.receive_bytes_max = way == 0 ? 16384 : 0;
		pair_open(&p, way == 0 ? 64 : 8);
		pair_connect(&p);
		uint16_t ssn = 0;
		ck_assert_int_eq(tulle_sctp_pause(end1(), p.now, 1, true), TULLE_OK);
		while (tulle_sctp_window(end1()) != 0) /* the next one makes the rest full */
			(void)pair_data(&p, 1, 0, 1, ssn++, B | E, text);
		(void)pair_data(&p, 1, 0, 2, 0, B, "begun");
		while (pair_data(&p, 1, 0, 2, 0, 0, ".") == TULLE_TAKEN)
			continue;
		pair_events(&p, 1);
		ck_assert_int_eq(tulle_sctp_pause(end1(), p.now, 1, false), TULLE_OK);
		pair_events(&p, 1);
		ck_assert_int_eq(pair_data(&p, 1, 0, 2, 0, E, text), TULLE_TAKEN);
		pair_events(&p, 1);
		ck_assert(e->last.kind == TULLE_SCTP_MESSAGE && e->last.last);
		ck_assert_uint_ge(e->got_len, 1000u * ssn);
		pair_close(&p);
	}
}
END_TEST

Suite *suite_sctp_crossed(void);
Suite *suite_sctp_crossed(void)
{
	Suite *s = suite_create("sctp_crossed");
	TCase *t = tcase_create("crossed");
	tcase_add_test(t, the_ssn_of_unordered_data_is_ignored);
	tcase_add_test(t, an_unordered_message_stands_beside_the_middle_of_the_ssns);
	tcase_add_test(t, a_forward_skips_both_kinds_of_a_stream_of_which_nothing_came);
	tcase_add_test(t, what_is_left_of_an_unordered_message_that_was_given_up_is_not_kept);
	tcase_add_test(t, a_forward_without_room_leaves_nothing_behind);
	tcase_add_test(t, partial_reliability_is_agreed_with_i_data_or_not_at_all);
	tcase_add_test(t, what_ends_the_association_is_not_given_out);
	tcase_add_test(t, no_message_is_longer_than_the_bound_however_it_comes);
	tcase_add_test(t, each_end_of_a_stream_is_heard);
	tcase_add_test(t, a_reset_that_waits_is_not_the_next_peers);
	tcase_add_test(t, a_restart_keeps_no_record_of_streams);
	tcase_add_test(t, what_waits_for_a_stream_that_the_peer_has_not_is_not_sent);
	tcase_add_test(t, a_reader_that_goes_on_does_not_wait_for_what_waits_for_him);
	suite_add_tcase(s, t);
	return s;
}
