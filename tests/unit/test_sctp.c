/* SPDX-License-Identifier: MIT */
/* sctp: the handshake, tags, cookies, memory and commands of an association. */
#include "tests/unit/sctp_pair.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
}

static void teardown(void)
{
	if (p.pool != NULL)
		pair_close(&p);
}

static void connected(void)
{
	pair_open(&p, 200);
	pair_connect(&p);
}

static size_t make_init(uint8_t *dst, uint32_t tag, uint32_t window, uint16_t out, uint16_t in)
{
	tulle_sctp_init_chunk init = {.tag = tag, .window = window, .tsn = 77, .re_config = true};
	init.streams_out = out;
	init.streams_in = in;
	tulle_wr w = tulle_wr_make(dst, 64);
	tulle_sctp_write_init_chunk(&w, SCTP_INIT, &init);
	return w.len;
}

/* SCTP-023 RFC9260:5.1, SCTP-053 RFC8261:6.1 */
START_TEST(an_init_goes_with_tag_0_and_a_random_tag_of_its_own)
{
	pair_open(&p, 20);
	tulle_sctp_connect(p.end[0].sctp, p.now);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	tulle_sctp_chunk chunk;
	tulle_sctp_init_chunk init;
	ck_assert(pair_find(&p.end[0], SCTP_INIT, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &init), TULLE_TAKEN);
	ck_assert_mem_eq(p.end[0].packet[0] + 4, "\0\0\0\0", 4);
	ck_assert_uint_ne(init.tag, 0);
	ck_assert(init.re_config && init.forward_tsn && !init.zero_checksum);
	ck_assert_uint_ge(init.window, 1500);
	ck_assert_uint_eq(init.streams_in, 100);
}
END_TEST

/* SCTP-024 RFC9260:5.3.1 */
START_TEST(without_randomness_connect_fails_and_nothing_is_sent)
{
	pair_open(&p, 20);
	p.no_random = true;
	ck_assert_int_eq(tulle_sctp_connect(p.end[0].sctp, p.now), TULLE_ERR_SYSTEM);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	uint8_t chunk[64];
	size_t n = make_init(chunk, 5, 9000, 1, 1);
	ck_assert_int_eq(pair_inject(&p, 1, 0, chunk, n), TULLE_DROP_ENGINE_FAILED);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	p.no_random = false;
	pair_connect(&p);
}
END_TEST

/* SCTP-041 RFC9260:5.1: nine INITs, the time between them doubled up to RTO.Max */
START_TEST(an_init_without_answer_is_sent_nine_times)
{
	pair_open(&p, 20);
	tulle_sctp_connect(p.end[0].sctp, p.now);
	unsigned inits = 0;
	tulle_time last = p.now, gap = 0;
	while (tulle_sctp_poll_timeout(p.end[0].sctp) != TULLE_TIME_NEVER) {
		inits += pair_catch(&p, 0);
		pair_expire(&p, 0);
		ck_assert(p.now - last == 10000000 || p.now - last > gap);
		gap = p.now - last;
		last = p.now;
	}
	pair_events(&p, 0);
	ck_assert_uint_eq(inits, 9);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
	ck_assert_int_eq(tulle_sctp_connect(p.end[0].sctp, p.now), TULLE_ERR_STATE);
}
END_TEST

/* SCTP-045, SCTP-046 RFC9260:5.2.1 */
START_TEST(both_connect_at_once_and_the_tags_stay)
{
	pair_open(&p, 20);
	tulle_sctp_connect(p.end[0].sctp, p.now);
	tulle_sctp_connect(p.end[1].sctp, p.now);
	uint32_t tag = pair_tag(&p, 0);
	pair_catch(&p, 0);
	pair_catch(&p, 1);
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	tulle_sctp_chunk chunk;
	ck_assert(pair_find(&p.end[0], SCTP_INIT_ACK, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, 4);
	ck_assert_uint_eq(tulle_rd_u32(&r), tag);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_CONNECTED], 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CONNECTED], 1);
	ck_assert_uint_eq(pair_tag(&p, 0), tag);
}
END_TEST

/* SCTP-025, SCTP-026, SCTP-027 RFC9260:3.3.2 */
START_TEST(an_init_of_no_streams_or_no_window_is_aborted_and_changes_nothing)
{
	static const struct {
		uint32_t tag, window;
		uint16_t out, in;
		bool answered;
	} cases[] = {{5, 9000, 0, 1, true}, {5, 9000, 1, 0, true}, {5, 1499, 1, 1, true},
		{5, 0, 1, 1, true}, {0, 9000, 1, 1, false}};
	connected();
	for (size_t i = 0; i < 5; i++) {
		uint8_t chunk[64];
		size_t n =
			make_init(chunk, cases[i].tag, cases[i].window, cases[i].out, cases[i].in);
		ck_assert_int_ne(pair_inject(&p, 1, 0, chunk, n), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 1), cases[i].answered);
		tulle_sctp_chunk abort;
		ck_assert(pair_find(&p.end[1], SCTP_ABORT, 0, &abort) == cases[i].answered);
	}
	ck_assert_int_eq(tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_ESTABLISHED);
	tulle_sctp_send(p.end[0].sctp, p.now, 1, 51, "still", 5, NULL);
	pair_settle(&p);
	ck_assert_mem_eq(p.end[1].got, "still", 5);
}
END_TEST

/* SCTP-056, SCTP-057, SCTP-058, SCTP-059 RFC9260:8.5; CVE-2021-3772 */
START_TEST(wrong_tag_packets_of_every_type_change_no_state)
{
	connected();
	for (unsigned type = 0; type < 256; type++)
		for (unsigned k = 0; k < 2; k++) {
			uint8_t chunk[24] = {(uint8_t)type, 0, 0, 24};
			uint32_t tag = k == 0 ? 0 : pair_tag(&p, 1) ^ 1;
			if (type == SCTP_INIT && k == 0)
				continue;
			ck_assert_int_ne(pair_inject(&p, 1, tag, chunk, sizeof chunk), TULLE_TAKEN);
			ck_assert_uint_eq(pair_catch(&p, 1), 0);
			ck_assert_int_eq(
				tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_ESTABLISHED);
		}
	/* T bit: only with the tag that we send with */
	uint8_t abort[4] = {SCTP_ABORT, SCTP_FLAG_T, 0, 4};
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), abort, 4), TULLE_DROP_SCTP_TAG);
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 0), abort, 4), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_int_eq(p.end[1].last.why, TULLE_SCTP_ABORT_REMOTE);
}
END_TEST

/* CVE-2020-6831: in the state where most is looked at; the association may end, nothing may break
 */
START_TEST(every_chunk_at_every_length_in_exact_buffers)
{
	for (unsigned type = 0; type < 256; type++)
		for (unsigned value = 0; value < 40; value++) {
			if (type == 0 || p.end[0].sctp == NULL ||
				tulle_sctp_state_now(p.end[1].sctp) !=
					TULLE_SCTP_STATE_ESTABLISHED) {
				if (p.pool != NULL)
					pair_close(&p);
				setup();
				connected();
			}
			uint8_t chunk[64] = {(uint8_t)type, 3, 0, (uint8_t)(4 + value)};
			for (unsigned i = 4; i < 48; i++)
				chunk[i] = (uint8_t)(i * 37);
			if (value >= 8 && type == SCTP_HEARTBEAT)
				memcpy(chunk + 4, "\0\1\0\10", 4);
			for (unsigned sent = value < 4 ? 4 : value; sent <= 4 + value; sent++)
				(void)pair_inject(&p, 1, pair_tag(&p, 1), chunk, sent);
			(void)pair_catch(&p, 1);
			pair_events(&p, 1);
		}
}
END_TEST

static size_t catch_cookie_echo(uint8_t *dst)
{
	tulle_sctp_connect(p.end[0].sctp, p.now);
	pair_catch(&p, 0);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_catch(&p, 1);
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	pair_catch(&p, 0);
	tulle_sctp_chunk chunk;
	ck_assert(pair_find(&p.end[0], SCTP_COOKIE_ECHO, 0, &chunk));
	memcpy(dst, chunk.whole.ptr, chunk.whole.len);
	return chunk.whole.len;
}

/* SCTP-031, SCTP-032 RFC9260:5.1.5; CVE-2026-53224 */
START_TEST(a_cookie_with_one_changed_bit_opens_nothing)
{
	uint8_t echo[256];
	pair_open(&p, 20);
	size_t n = catch_cookie_echo(echo);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_CLOSED);
	ck_assert_uint_eq(p.end[1].sctp->identity.remote_tag, 0);
	uint32_t tag = pair_tag(&p, 1);
	for (size_t bit = 32; bit < n * 8; bit++) {
		echo[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(pair_inject(&p, 1, tag, echo, n), TULLE_DROP_SCTP_COOKIE);
		echo[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_int_eq(pair_inject(&p, 1, tag ^ 1, echo, n), TULLE_DROP_SCTP_TAG);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	ck_assert_int_eq(pair_inject(&p, 1, tag, echo, n), TULLE_TAKEN);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_ESTABLISHED);
}
END_TEST

/* SCTP-040, SCTP-048 RFC9260:5.2.4 D; CVE-2013-2206, CVE-2014-0101 */
START_TEST(a_cookie_that_comes_again_is_acknowledged_again_in_each_state)
{
	uint8_t echo[256];
	pair_open(&p, 20);
	size_t n = catch_cookie_echo(echo);
	tulle_sctp_chunk ack;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), echo, n), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 1), 1);
		ck_assert(pair_find(&p.end[1], SCTP_COOKIE_ACK, 0, &ack));
		pair_events(&p, 1);
	}
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CONNECTED], 1);
	tulle_sctp_shutdown(p.end[1].sctp, p.now);
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), echo, n), TULLE_TAKEN);
	tulle_sctp_abort(p.end[1].sctp, p.now, 0, (tulle_text){NULL, 0});
	pair_catch(&p, 1);
	ck_assert_int_ne(pair_inject(&p, 1, pair_tag(&p, 1), echo, n), TULLE_TAKEN);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[1].sctp), TULLE_SCTP_STATE_CLOSED);
}
END_TEST

/* SCTP-033 RFC9260:5.1.5, SCTP-055 RFC9260:5.2.6 */
START_TEST(a_stale_cookie_is_told_and_the_peer_asks_again)
{
	uint8_t echo[256];
	pair_open(&p, 20);
	size_t n = catch_cookie_echo(echo);
	p.now += 60000001;
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), echo, n), TULLE_DROP_SCTP_COOKIE);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	tulle_sctp_chunk error;
	ck_assert(pair_find(&p.end[1], SCTP_ERROR, 0, &error));
	ck_assert_mem_eq(error.value.ptr, "\0\3\0\10\0\0\0\1", 8);
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[0].sctp), TULLE_SCTP_STATE_COOKIE_WAIT);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CONNECTED], 1);
}
END_TEST

/* SCTP-061, SCTP-062, SCTP-063, SCTP-064 RFC9260:8.4, SCTP-022 */
START_TEST(out_of_the_blue_packets_get_the_answers_of_8_4_and_few_of_them)
{
	static const struct {
		uint8_t type, answer;
	} cases[] = {{SCTP_ABORT, 0}, {SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE},
		{SCTP_SHUTDOWN_COMPLETE, 0}, {SCTP_COOKIE_ACK, 0}, {SCTP_ERROR, SCTP_ABORT},
		{SCTP_DATA, SCTP_ABORT}, {SCTP_SACK, SCTP_ABORT}, {SCTP_HEARTBEAT, SCTP_ABORT}};
	pair_open(&p, 20);
	for (size_t i = 0; i < 8; i++) {
		uint8_t chunk[4] = {cases[i].type, 0, 0, 4};
		ck_assert_int_eq(
			pair_inject(&p, 0, 0x01020304, chunk, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
		ck_assert_uint_eq(pair_catch(&p, 0), cases[i].answer != 0);
		tulle_sctp_chunk answer;
		if (cases[i].answer == 0)
			continue;
		ck_assert(pair_find(&p.end[0], cases[i].answer, 0, &answer));
		ck_assert_uint_eq(answer.flags, SCTP_FLAG_T);
		ck_assert_mem_eq(p.end[0].packet[0] + 4, "\1\2\3\4", 4);
	}
	unsigned answers = 0;
	for (int i = 0; i < 100; i++) {
		uint8_t chunk[4] = {SCTP_DATA, 0, 0, 4};
		pair_inject(&p, 0, 1, chunk, 4);
		answers += pair_catch(&p, 0);
	}
	ck_assert_uint_le(answers, 10);
}
END_TEST

/* SCTP-049 RFC9260:5.2.4 A; SCTP-047 RFC9260:5.2.2 */
START_TEST(a_peer_that_forgot_everything_restarts_the_association)
{
	connected();
	tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "lost with the old one", 21, NULL);
	tulle_sctp_wipe(p.end[0].sctp);
	p.end[0].sctp = tulle_sctp_init(p.end[0].memory, p.end[0].bytes, &p.config, p.now);
	tulle_sctp_connect(p.end[0].sctp, p.now);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_RESTARTED], 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CONNECTED], 1);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_CONNECTED], 2);
	tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "new", 3, NULL);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].got_len, 3);
}
END_TEST

/* SCTP-195, SCTP-196 */
START_TEST(snap_starts_both_ends_without_a_packet)
{
	uint8_t init[2][64];
	size_t len[2];
	pair_open(&p, 20);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(tulle_sctp_write_init(p.end[i].sctp, p.now, init[i], 3, &len[i]),
			TULLE_ERR_TOO_SMALL);
		ck_assert_int_eq(tulle_sctp_write_init(p.end[i].sctp, p.now, init[i], 64, &len[i]),
			TULLE_OK);
		ck_assert(tulle_sctp_poll_timeout(p.end[i].sctp) == TULLE_TIME_NEVER);
	}
	for (int i = 0; i < 2; i++) {
		tulle_bytes own = {init[i], len[i]}, other = {init[1 - i], len[1 - i]};
		ck_assert_int_eq(tulle_sctp_start_from(p.end[i].sctp, p.now, own,
					 (tulle_bytes){other.ptr, other.len - 1}),
			TULLE_ERR_SYNTAX);
		ck_assert_int_eq(tulle_sctp_start_from(p.end[i].sctp, p.now, own, other), TULLE_OK);
	}
	tulle_sctp_send(p.end[1].sctp, p.now, 0, 51, "hi", 2, NULL);
	pair_settle(&p);
	ck_assert_mem_eq(p.end[0].got, "hi", 2);
}
END_TEST

START_TEST(memory_is_what_memory_bytes_says_and_within_the_public_bound)
{
	connected();
	ck_assert_uint_le(
		p.end[0].bytes - p.config.reserve_blocks * PAIR_BLOCK, TULLE_SCTP_MEMORY_BYTES_MAX);
	tulle_sctp_config c = p.config;
	c.reserve_blocks--;
	ck_assert_uint_eq(tulle_sctp_memory_bytes(&c), 0);
	c = p.config;
	c.packet_bytes_max = 507;
	ck_assert_uint_eq(tulle_sctp_memory_bytes(&c), 0);
	ck_assert_ptr_null(tulle_sctp_init(p.end[0].memory, p.end[0].bytes - 1, &p.config, p.now));
	/* idle, it holds nothing of the pool */
	ck_assert_uint_eq(tulle_pool_free(p.pool), tulle_pool_blocks(p.pool));
}
END_TEST

START_TEST(send_says_too_large_at_once_and_writable_follows_would_block)
{
	static uint8_t big[70000];
	p.config.send_bytes_max = 65536;
	connected();
	ck_assert_int_eq(tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, big, 65537, NULL),
		TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, big, 0, NULL), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, 100, 51, big, 1, NULL), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, big, 65536, NULL), TULLE_OK);
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, big, 65536, NULL), TULLE_WOULD_BLOCK);
	ck_assert_uint_eq(tulle_sctp_buffered(p.end[0].sctp, 0), 65536);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_WRITABLE], 1);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_BUFFERED_LOW], 1);
	ck_assert_uint_eq(p.end[1].got_len, 65536);
}
END_TEST

START_TEST(a_payload_may_be_echoed_from_its_own_event)
{
	connected();
	tulle_sctp_send(p.end[0].sctp, p.now, 2, 51, "echo this", 9, NULL);
	pair_catch(&p, 0);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	tulle_sctp_event event;
	ck_assert(tulle_sctp_poll_event(p.end[1].sctp, &event));
	ck_assert_int_eq(event.kind, TULLE_SCTP_MESSAGE);
	ck_assert_int_eq(tulle_sctp_send(p.end[1].sctp, p.now, event.stream, event.ppid, event.data,
				 event.len, NULL),
		TULLE_OK);
	ck_assert_mem_eq(event.data, "echo this", 9);
	pair_settle(&p);
	ck_assert_mem_eq(p.end[0].got, "echo this", 9);
}
END_TEST

/* SCTP-118, SCTP-119, SCTP-122 RFC9260:9.2 */
START_TEST(shutdown_sends_what_is_queued_and_refuses_more)
{
	connected();
	tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, "last words", 10, NULL);
	tulle_sctp_shutdown(p.end[0].sctp, p.now);
	ck_assert_int_eq(
		tulle_sctp_send(p.end[0].sctp, p.now, 0, 51, "x", 1, NULL), TULLE_ERR_STATE);
	pair_settle(&p);
	if (p.end[0].events[TULLE_SCTP_CLOSED] == 0) { /* the last SACK was delayed */
		pair_expire(&p, 1);
		pair_settle(&p);
	}
	ck_assert_mem_eq(p.end[1].got, "last words", 10);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(p.end[i].last.kind, TULLE_SCTP_CLOSED);
		ck_assert_int_eq(p.end[i].last.why, TULLE_SCTP_SHUTDOWN);
	}
}
END_TEST

/* SCTP-113, SCTP-115 RFC9260:8.3 */
START_TEST(a_heartbeat_is_echoed_as_it_came_and_only_our_own_nonce_counts)
{
	static const uint8_t beat[] = {4, 0, 0, 15, 0, 1, 0, 11, 1, 2, 3, 4, 5, 6, 7, 0};
	static const uint8_t bad[] = {4, 0, 0, 16, 0, 1, 0, 200, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t forged[] = {5, 0, 0, 16, 0, 1, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8};
	connected();
	tulle_sctp_chunk chunk;
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), beat, 16), TULLE_TAKEN);
	pair_catch(&p, 1);
	ck_assert(pair_find(&p.end[1], SCTP_HEARTBEAT_ACK, 0, &chunk));
	ck_assert_uint_eq(chunk.value.len, 11);
	ck_assert_mem_eq(chunk.value.ptr, beat + 4, 11);
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), bad, 16), TULLE_DROP_MALFORMED);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	pair_expire(&p, 1);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), forged, 16), TULLE_DROP_STATE);
	ck_assert(p.end[1].sctp->heartbeat_sent);
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	pair_settle(&p);
	ck_assert(!p.end[1].sctp->heartbeat_sent);
}
END_TEST

/* SCTP-057 RFC9260:8.5.1 A, SCTP-019 RFC9260:6.10 */
START_TEST(an_init_with_a_tag_or_with_company_is_dropped)
{
	uint8_t chunk[128];
	pair_open(&p, 20);
	size_t n = make_init(chunk, 5, 9000, 1, 1);
	ck_assert_int_eq(pair_inject(&p, 1, 5, chunk, n), TULLE_DROP_SCTP_TAG);
	memcpy(chunk + n, "\x0b\0\0\4", 4);
	ck_assert_int_eq(pair_inject(&p, 1, 0, chunk, n + 4), TULLE_DROP_SCTP_BUNDLE);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	ck_assert_int_eq(pair_inject(&p, 1, 0, chunk, n), TULLE_TAKEN);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
}
END_TEST

/* SCTP-048 RFC9260:5.2.4 D: in COOKIE-ECHOED the peer's COOKIE ECHO is enough */
START_TEST(a_cookie_echo_with_both_tags_opens_who_waits_for_a_cookie_ack)
{
	pair_open(&p, 20);
	for (int i = 0; i < 2; i++) {
		tulle_sctp_connect(p.end[i].sctp, p.now);
		pair_catch(&p, i);
	}
	for (int round = 0; round < 2; round++) { /* INITs, then INIT ACKs cross */
		for (int i = 0; i < 2; i++)
			pair_give(&p, 1 - i, p.end[i].packet[0], p.end[i].packet_len[0]);
		for (int i = 0; i < 2; i++)
			ck_assert_uint_eq(pair_catch(&p, i), 1);
	}
	ck_assert_int_eq(tulle_sctp_state_now(p.end[0].sctp), TULLE_SCTP_STATE_COOKIE_ECHOED);
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	ck_assert_int_eq(tulle_sctp_state_now(p.end[0].sctp), TULLE_SCTP_STATE_ESTABLISHED);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_CONNECTED], 1);
}
END_TEST

Suite *suite_sctp(void);
Suite *suite_sctp(void)
{
	Suite *s = suite_create("sctp");
	TCase *t = tcase_create("association");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_init_goes_with_tag_0_and_a_random_tag_of_its_own);
	tcase_add_test(t, without_randomness_connect_fails_and_nothing_is_sent);
	tcase_add_test(t, an_init_without_answer_is_sent_nine_times);
	tcase_add_test(t, both_connect_at_once_and_the_tags_stay);
	tcase_add_test(t, an_init_of_no_streams_or_no_window_is_aborted_and_changes_nothing);
	tcase_add_test(t, wrong_tag_packets_of_every_type_change_no_state);
	tcase_add_test(t, every_chunk_at_every_length_in_exact_buffers);
	tcase_add_test(t, a_cookie_with_one_changed_bit_opens_nothing);
	tcase_add_test(t, a_cookie_that_comes_again_is_acknowledged_again_in_each_state);
	tcase_add_test(t, a_stale_cookie_is_told_and_the_peer_asks_again);
	tcase_add_test(t, out_of_the_blue_packets_get_the_answers_of_8_4_and_few_of_them);
	tcase_add_test(t, a_peer_that_forgot_everything_restarts_the_association);
	tcase_add_test(t, snap_starts_both_ends_without_a_packet);
	tcase_add_test(t, memory_is_what_memory_bytes_says_and_within_the_public_bound);
	tcase_add_test(t, send_says_too_large_at_once_and_writable_follows_would_block);
	tcase_add_test(t, a_payload_may_be_echoed_from_its_own_event);
	tcase_add_test(t, shutdown_sends_what_is_queued_and_refuses_more);
	tcase_add_test(t, a_heartbeat_is_echoed_as_it_came_and_only_our_own_nonce_counts);
	tcase_add_test(t, an_init_with_a_tag_or_with_company_is_dropped);
	tcase_add_test(t, a_cookie_echo_with_both_tags_opens_who_waits_for_a_cookie_ack);
	suite_add_tcase(s, t);
	return s;
}
