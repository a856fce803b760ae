/* SPDX-License-Identifier: MIT */
/* sctp: I-DATA and I-FORWARD-TSN, and which stream has how much of the path: RFC 8260. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/forward.h"

static pair p;

#define B SCTP_FLAG_B
#define E SCTP_FLAG_E
#define U SCTP_FLAG_U
#define IN (&p.end[1].sctp->in)

static void begin(bool first, bool second)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	p.interleaves = true;
	pair_open(&p, 2000);
	p.end[0].sctp->config.interleaving = first;
	p.end[1].sctp->config.interleaving = second;
	pair_connect(&p);
}

static void setup(void)
{
	begin(true, true);
}

static void teardown(void)
{
	pair_close(&p);
}

static void open_window(void)
{
	tulle_sctp_cc *cc = &p.end[0].sctp->cc;
	cc->way = &tulle_sctp_cc_newreno;
	cc->way->init(cc, 1);
	cc->cwnd = 1000000;
}

/* A fragment to end 1, its TSN counted from the one that is due. */
static tulle_drop give(uint32_t ahead, uint16_t stream, uint32_t mid, uint32_t fsn, uint8_t flags,
	const char *text)
{
	tulle_sctp_data_chunk d = {.stream = stream, .mid = mid, .fsn = fsn, .flags = flags};
	return pair_i_data(&p, 1, ahead, &d, text);
}

static tulle_drop forward(int to, bool interleaved, uint32_t ahead, tulle_sctp_skip skip)
{
	uint8_t buf[32];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_forward_chunk(
		&w, interleaved, p.end[to].sctp->in.cumulative + ahead, &skip, 1);
	return pair_inject(&p, to, pair_tag(&p, to), buf, w.len);
}

static void ck_violation(int end)
{
	tulle_sctp_chunk chunk;
	ck_assert(p.end[end].sctp->ended);
	pair_catch(&p, end);
	ck_assert(pair_find(&p.end[end], SCTP_ABORT, 0, &chunk));
	ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_VIOLATION);
}

static void ck_got(const char *text)
{
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].got_len, strlen(text));
	ck_assert_mem_eq(p.end[1].got, text, strlen(text));
}

static void send(uint16_t stream, size_t len, bool unordered, uint16_t priority)
{
	static uint8_t bytes[130000];
	tulle_sctp_send_options options = {.first = true, .last = true};
	options.unordered = unordered;
	options.priority = priority;
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, stream, 51, bytes, len, &options), TULLE_OK);
}

static bool sent(unsigned nth, tulle_sctp_data_chunk *d)
{
	tulle_sctp_chunk chunk;
	return pair_find(&p.end[0], SCTP_I_DATA, nth, &chunk) && tulle_sctp_read_data(&chunk, d);
}

/* -- agreeing -- */

/* SCTP-159 RFC8260:2.2.1, SCTP-160 RFC8260:2.2.3 */
START_TEST(both_offer_it_or_nobody_uses_it_and_the_other_kind_is_a_violation)
{
	tulle_sctp_chunk chunk;
	for (int i = 0; i < 4; i++) {
		bool agreed = i == 3;
		begin((i & 1) != 0, (i & 2) != 0);
		send(1, 10, false, 0);
		pair_catch(&p, 0);
		ck_assert_int_eq(pair_find(&p.end[0], SCTP_I_DATA, 0, &chunk), agreed);
		ck_assert_int_eq(pair_find(&p.end[0], SCTP_DATA, 0, &chunk), !agreed);
		if (agreed)
			pair_data(&p, 1, 0, 1, 0, B | E, "x");
		else
			give(0, 1, 0, 0, B | E, "x");
		ck_violation(1);
		teardown();
	}
}
END_TEST

/* SCTP-164 RFC8260:2.3.1 */
START_TEST(the_forward_tsn_of_the_other_kind_is_a_violation)
{
	tulle_sctp_skip skip = {.stream = 1};
	for (int i = 0; i < 2; i++) {
		begin(true, i != 0);
		ck_assert_int_eq(forward(1, i == 0, 1, skip), TULLE_DROP_SCTP_CHUNK);
		ck_violation(1);
		teardown();
	}
}
END_TEST

/* -- numbers -- */

/* SCTP-161 RFC8260:2.1 */
START_TEST(messages_and_fragments_are_numbered_and_only_the_first_has_the_ppid)
{
	tulle_sctp_data_chunk d;
	open_window();
	send(1, 3000, false, 0);
	send(1, 10, true, 0);
	send(1, 10, false, 0);
	send(1, 10, true, 0);
	send(2, 10, true, 0);
	unsigned ordered = 0, unordered = 0, fsn = 0;
	pair_catch(&p, 0);
	for (unsigned n = 0; sent(n, &d); n++) {
		bool loose = (d.flags & U) != 0;
		ck_assert_uint_eq(d.mid, d.stream == 2 ? 0 : loose ? unordered : ordered);
		ck_assert_uint_eq(d.fsn, d.stream == 2 ? 0 : fsn);
		ck_assert_uint_eq(d.ppid, (d.flags & B) != 0 ? 51 : 0);
		if (d.stream == 1)
			fsn = (d.flags & E) != 0 ? 0 : d.fsn + 1;
		if (d.stream == 1 && (d.flags & E) != 0)
			*(loose ? &unordered : &ordered) += 1;
	}
	ck_assert_uint_eq(ordered, 2);
	ck_assert_uint_eq(unordered, 2);
}
END_TEST

/* SCTP-161: 32 bits of them, which wrap */
START_TEST(message_numbers_go_beyond_16_bits_and_wrap)
{
	static const uint32_t from[] = {0xfffe, 0xfffffffe};
	for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
		if (from[i] > 0x7fffffff) /* it is far */
			forward(1, true, 1, (tulle_sctp_skip){.stream = 1, .mid = 0x7ffffffe});
		forward(1, true, 1, (tulle_sctp_skip){.stream = 1, .mid = from[i] - 1});
		p.end[1].got_len = 0;
		give(0, 1, from[i] + 2, 0, B | E, "c");
		give(0, 1, from[i] + 1, 0, B | E, "b");
		ck_got("");
		give(0, 1, from[i], 0, B | E, "a");
		ck_got("abc");
		teardown();
		setup();
	}
}
END_TEST

/* SCTP-161: ours too; without I-DATA they are SSNs, which wrap at 16 */
START_TEST(a_stream_takes_more_messages_than_16_bits_count)
{
	for (int i = 0; i < 2; i++) {
		begin(i == 0, true);
		for (unsigned n = 0; n < 65600; n++) {
			send(1, 1, false, 0);
			if (n % 100 != 99)
				continue;
			while (tulle_sctp_unacked_total(p.end[0].sctp) != 0) {
				pair_settle(&p);
				p.now += 1000;
				tulle_sctp_handle_timeout(p.end[0].sctp, p.now);
				tulle_sctp_handle_timeout(p.end[1].sctp, p.now);
			}
		}
		pair_settle(&p);
		ck_assert_uint_eq(p.end[1].got_len, 65600);
		teardown();
	}
}
END_TEST

/* SCTP-165 RFC8260:2.3.2 */
START_TEST(a_reset_sets_the_numbers_to_zero_on_both_ends)
{
	tulle_sctp_data_chunk d;
	for (int i = 0; i < 2; i++) {
		send(1, 2000, false, 0);
		send(1, 2000, true, 0);
		ck_assert_uint_ne(pair_catch(&p, 0), 0);
		ck_assert(sent(0, &d));
		ck_assert_uint_eq(d.mid, 0);
		for (unsigned k = 0; k < p.end[0].packets; k++)
			pair_give(&p, 1, p.end[0].packet[k], p.end[0].packet_len[k]);
		pair_settle(&p);
		while (p.end[1].got_len < 4000u * (unsigned)(i + 1)) {
			pair_expire(&p, 0);
			pair_settle(&p);
		}
		ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 1), TULLE_OK);
		pair_settle(&p);
		ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], (unsigned)i + 1);
	}
}
END_TEST

/* -- putting together -- */

/* SCTP-162, SCTP-163 RFC8260:2.2: by stream, order, MID and FSN, whatever the TSNs are */
START_TEST(fragments_of_many_messages_find_theirs_in_any_order)
{
	static const struct {
		uint16_t stream;
		uint32_t mid, fsn;
		uint8_t flags;
		const char *text;
	} all[] = {
		{1, 0, 0, B, "a"},
		{2, 0, 0, B, "d"},
		{1, 0, 1, 0, "b"},
		{1, 0, 0, B | U, "g"},
		{2, 0, 1, E, "e"},
		{1, 1, 0, B, "i"},
		{1, 0, 2, E, "c"},
		{1, 0, 1, E | U, "h"},
		{1, 1, 1, E, "j"},
	};
	enum { N = sizeof all / sizeof *all };
	static const unsigned steps[] = {1, 2, 4, 5, 7, 8}; /* each has no factor of N */
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		uint32_t base = IN->cumulative;
		unsigned seen[128] = {0};
		char order[16] = "";
		for (unsigned k = 0, n = 0; k < N; k++, n = (n + steps[i]) % N)
			ck_assert_int_eq(give(base + n - IN->cumulative, all[n].stream, all[n].mid,
						 all[n].fsn, all[n].flags, all[n].text),
				TULLE_TAKEN);
		pair_events(&p, 1);
		ck_assert_uint_eq(p.end[1].got_len, N);
		memcpy(order, p.end[1].got, N);
		for (unsigned k = 0; k < N; k++)
			seen[(unsigned char)order[k]]++;
		ck_assert_ptr_nonnull(strstr(order, "abc"));
		ck_assert_ptr_nonnull(strstr(order, "de"));
		ck_assert_ptr_nonnull(strstr(order, "gh"));
		ck_assert_ptr_nonnull(strstr(order, "ij"));
		ck_assert(strstr(order, "abc") < strstr(order, "ij"));
		ck_assert_uint_eq(IN->cumulative, base + N);
		ck_assert_uint_eq(IN->forming, 0);
		teardown();
		setup();
	}
}
END_TEST

/* SCTP-166 RFC8260:2.1, 2.2.3 */
START_TEST(fragments_that_cannot_be_are_violations)
{
	static const struct {
		uint32_t fsn[3];
		uint8_t flags[3];
	} cases[] = {
		{{0}, {0}},                /* number 0 that is no first */
		{{0, 0}, {B, B}},          /* two firsts */
		{{0, 2, 2}, {B, 0, 0}},    /* a number twice */
		{{0, 2, 3}, {B, E, 0}},    /* after the last */
		{{0, 3, 2}, {B, 0, E}},    /* a last before the last */
		{{0, 2, 4}, {B, E, E}},    /* two lasts */
		{{0, 0xffffffff}, {B, 0}}, /* before the first */
		{{0xffffffff, 0}, {0, B}}, /* the same the other way round */
		{{0xffffffff, 5, 0}, {0, 0, B}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (unsigned loose = 0; loose < 2; loose++) {
			begin(true, true);
			for (unsigned k = 0; k < 3 && !p.end[1].sctp->ended; k++) {
				if (k != 0 && (cases[i].fsn[k] | cases[i].flags[k]) == 0)
					break;
				uint8_t flags = (uint8_t)(cases[i].flags[k] | (loose ? U : 0));
				give(0, 1, 0, cases[i].fsn[k], flags, "text");
			}
			ck_assert_msg(p.end[1].sctp->ended, "case %zu", i);
			ck_violation(1);
			teardown();
		}
}
END_TEST

/* SCTP-166: messages that are begun and never ended stay within the bounds of memory */
START_TEST(begun_messages_hold_no_more_than_the_window)
{
	static char text[1001];
	memset(text, 'x', sizeof text - 1);
	for (uint32_t mid = 0; mid < 2000 && !p.end[1].sctp->ended; mid++)
		give(0, (uint16_t)(mid % 100), 1 + mid / 100, 0, B, text);
	ck_assert_uint_le(IN->blocks, IN->blocks_max);
	pair_catch(&p, 1);
	ck_assert(p.end[1].sctp->ended);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].last.cause, SCTP_C_RESOURCE);
}
END_TEST

/* SCTP-166: whole messages that wait for the end of one that goes out in parts: that end finds no
 * room */
START_TEST(whole_messages_behind_a_begun_one_hold_no_more_than_the_window)
{
	static char text[1001];
	memset(text, 'x', sizeof text - 1);
	p.end[1].sctp->config.streamed = true;
	give(0, 1, 0, 0, B, "first");
	ck_got("first");
	for (uint32_t mid = 0; mid < 5000 && !p.end[1].sctp->ended; mid++)
		give(0, 2, mid, 0, B | E, text);
	ck_assert_uint_eq(IN->forming, 0);
	ck_assert(p.end[1].sctp->ended);
	ck_got("first");
	ck_assert_uint_eq(p.end[1].last.cause, SCTP_C_RESOURCE);
}
END_TEST

/* RFC9260:7.2.1, RFC8260:2.1: what is outstanding is counted with the header that it has */
START_TEST(a_chunk_in_flight_counts_its_longer_header)
{
	static const uint8_t bytes[100];
	open_window();
	ck_assert_int_eq(tulle_sctp_send(p.end[0].sctp, p.now, 1, 51, bytes, 100, NULL), TULLE_OK);
	pair_catch(&p, 0);
	ck_assert_uint_eq(p.end[0].sctp->out.flight_chunks, SCTP_I_DATA_HEADER_BYTES + 100);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].sctp->out.flight_chunks, 0);
	ck_assert_uint_eq(p.end[0].sctp->out.rate.delivered, SCTP_I_DATA_HEADER_BYTES + 100);
}
END_TEST

/* -- given up -- */

/* RFC8260:2.3.1: by order and MID; what comes late of it is thrown away, and is no violation */
START_TEST(a_forward_tsn_takes_messages_away_by_their_numbers)
{
	uint32_t base = IN->cumulative;
	give(1, 1, 0, 1, 0, "lost");      /* its first is missing */
	give(3, 1, 0, 0, B | U, "loose"); /* the one between is reliable and late */
	give(4, 1, 1, 0, B | E, "next");
	ck_got("");
	ck_assert_int_eq(forward(1, true, 2, (tulle_sctp_skip){.stream = 1}), TULLE_TAKEN);
	ck_got("next");
	ck_assert_uint_eq(IN->cumulative, base + 2);
	ck_assert_uint_eq(IN->forming, 1);
	ck_assert_int_eq(give(3, 1, 0, 2, E, "late"), TULLE_TAKEN);
	ck_assert(!p.end[1].sctp->ended);
	tulle_sctp_skip loose = {.stream = 1, .unordered = true};
	ck_assert_int_eq(forward(1, true, 3, loose), TULLE_TAKEN);
	ck_assert_uint_eq(IN->forming, 0);
	ck_assert_uint_eq(IN->cumulative, base + 6);
	give(0, 1, 2, 0, B | E, "end");
	ck_got("nextend");
	ck_assert_uint_eq(IN->blocks, 0);
}
END_TEST

/* RFC8260:2.3.1: what has come wholly is not taken away, also when it waits for its reader */
START_TEST(a_forward_tsn_leaves_a_message_that_is_being_read)
{
	tulle_sctp_event event;
	p.end[1].sctp->config.streamed = true;
	give(0, 1, 0, 0, B, "abc");
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event));
	give(0, 1, 0, 1, 0, "def");
	give(0, 1, 0, 2, E, "ghi");
	ck_assert_int_eq(
		forward(1, true, 1, (tulle_sctp_skip){.stream = 1, .mid = 1}), TULLE_TAKEN);
	give(0, 1, 2, 0, B | E, "next");
	ck_got("defghinext");
	ck_assert(p.end[1].last.ok);
}
END_TEST

/* RFC8260:2.3.2: the numbers begin anew, while the last message of before is being read */
START_TEST(a_number_of_after_a_reset_is_another_message)
{
	tulle_sctp_event event;
	p.end[1].sctp->config.streamed = true;
	give(0, 1, 0, 0, B, "abc");
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event));
	give(0, 1, 0, 1, E, "def");
	tulle_sctp_reset_in(p.end[1].sctp, tulle_sctp_find_stream(p.end[1].sctp, 1));
	ck_assert_int_eq(give(0, 1, 0, 0, B, "new"), TULLE_TAKEN);
	ck_assert_int_eq(give(0, 1, 0, 1, E, "er"), TULLE_TAKEN);
	ck_got("defnewer");
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
}
END_TEST

/* SCTP-164 RFC8260:2.3.1: ours names the unordered ones too */
START_TEST(our_forward_tsn_is_of_the_kind_that_was_agreed_on)
{
	static const uint8_t bytes[10];
	tulle_sctp_send_options once = {.first = true, .last = true, .has_retransmissions = true};
	tulle_sctp_chunk chunk;
	tulle_sctp_forward_chunk f;
	for (int i = 0; i < 3; i++) {
		once.unordered = i == 1;
		tulle_sctp_send(p.end[0].sctp, p.now, 3, 51, bytes, 10, &once);
	}
	while (p.end[0].sctp->stats.timeouts == 0) {
		pair_catch(&p, 0);
		pair_expire(&p, 0);
	}
	pair_catch(&p, 0);
	ck_assert(!pair_find(&p.end[0], SCTP_FORWARD_TSN, 0, &chunk));
	ck_assert(pair_find(&p.end[0], SCTP_I_FORWARD_TSN, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_forward(&chunk, &f), TULLE_TAKEN);
	ck_assert_uint_eq(f.count, 2);
	for (size_t i = 0; i < 2; i++) {
		tulle_sctp_skip skip = tulle_sctp_read_skip(&f, i);
		ck_assert_uint_eq(skip.stream, 3);
		ck_assert_uint_eq(skip.mid, skip.unordered ? 0 : 1);
	}
	ck_assert(tulle_sctp_read_skip(&f, 0).unordered != tulle_sctp_read_skip(&f, 1).unordered);
}
END_TEST

/* -- whose turn it is -- */

static void measure(unsigned packets, uint64_t *bytes)
{
	tulle_datagram out;
	uint8_t buf[1200];
	for (unsigned i = 0; i < packets; i++) {
		tulle_sctp_header header;
		tulle_sctp_chunk chunk;
		tulle_sctp_data_chunk d;
		tulle_rd r;
		ck_assert(tulle_sctp_poll_datagram(p.end[0].sctp, p.now, buf, 1200, &out));
		tulle_sctp_read_packet(TULLE_CPU_PLAIN, buf, out.len, true, &header, &r);
		while (tulle_sctp_read_chunk(&r, &chunk))
			if (tulle_sctp_read_data(&chunk, &d))
				bytes[d.stream] += d.data.len;
	}
}

/* SCTP-167 RFC8260:3.6, SCTP-168 RFC8831:6.4: by bytes, whatever the messages are like */
START_TEST(streams_share_by_their_weights_within_5_percent)
{
	static const struct {
		uint16_t priority[4];
		size_t len[4];
	} cases[] = {
		{{128, 256, 512, 1024}, {120000, 120000, 120000, 120000}},
		{{128, 256, 512, 1024}, {20000, 700, 1172, 3000}},
		{{1024, 512, 256, 128}, {300, 120000, 5000, 1500}},
		{{256, 256, 256, 256}, {60000, 1100, 600, 30000}},
		{{0, 256, 1024, 1024}, {5000, 5000, 5000, 5000}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t bytes[4] = {0}, all = 0;
		unsigned weights = 0;
		begin(true, true);
		open_window();
		for (uint16_t s = 0; s < 4; s++) {
			unsigned priority = cases[i].priority[s];
			weights += priority != 0 ? priority : 256;
			for (size_t left = 260000; left >= cases[i].len[s]; left -= cases[i].len[s])
				send(s, cases[i].len[s], false, cases[i].priority[s]);
		}
		measure(400, bytes);
		for (unsigned s = 0; s < 4; s++)
			all += bytes[s];
		for (unsigned s = 0; s < 4; s++) {
			uint64_t priority = cases[i].priority[s] != 0 ? cases[i].priority[s] : 256;
			uint64_t due = all * priority / weights;
			ck_assert_msg(bytes[s] * 100 >= due * 95 && bytes[s] * 100 <= due * 105,
				"case %zu stream %u: %llu of %llu", i, s,
				(unsigned long long)bytes[s], (unsigned long long)due);
		}
		teardown();
	}
}
END_TEST

/* SCTP-162 RFC8260:1: a small message does not wait for the end of a large one */
START_TEST(a_small_message_goes_between_the_fragments_of_a_large_one)
{
	uint64_t bytes[2] = {0};
	open_window();
	send(0, 100000, false, 0);
	measure(10, bytes);
	send(1, 50, false, 0);
	measure(3, bytes);
	ck_assert_uint_eq(bytes[1], 50);
	ck_assert_uint_gt(tulle_sctp_buffered(p.end[0].sctp, 0), 80000);
}
END_TEST

Suite *suite_sctp_interleave(void)
{
	Suite *s = suite_create("sctp_interleave");
	TCase *t = tcase_create("agreeing");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, both_offer_it_or_nobody_uses_it_and_the_other_kind_is_a_violation);
	tcase_add_test(t, the_forward_tsn_of_the_other_kind_is_a_violation);
	tcase_add_test(t, fragments_that_cannot_be_are_violations);
	tcase_add_test(t, a_stream_takes_more_messages_than_16_bits_count);
	tcase_add_test(t, streams_share_by_their_weights_within_5_percent);
	suite_add_tcase(s, t);
	t = tcase_create("interleave");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, messages_and_fragments_are_numbered_and_only_the_first_has_the_ppid);
	tcase_add_test(t, message_numbers_go_beyond_16_bits_and_wrap);
	tcase_add_test(t, a_reset_sets_the_numbers_to_zero_on_both_ends);
	tcase_add_test(t, fragments_of_many_messages_find_theirs_in_any_order);
	tcase_add_test(t, begun_messages_hold_no_more_than_the_window);
	tcase_add_test(t, whole_messages_behind_a_begun_one_hold_no_more_than_the_window);
	tcase_add_test(t, a_chunk_in_flight_counts_its_longer_header);
	tcase_add_test(t, a_forward_tsn_takes_messages_away_by_their_numbers);
	tcase_add_test(t, a_forward_tsn_leaves_a_message_that_is_being_read);
	tcase_add_test(t, a_number_of_after_a_reset_is_another_message);
	tcase_add_test(t, our_forward_tsn_is_of_the_kind_that_was_agreed_on);
	tcase_add_test(t, a_small_message_goes_between_the_fragments_of_a_large_one);
	suite_add_tcase(s, t);
	return s;
}
