/* SPDX-License-Identifier: MIT */
/* sctp: ABORT, ERROR and their causes, tags, packets out of the blue, and how many answers a flood
 * gets: RFC9260:3.3.7, 3.3.10, 8.4, 8.5. */
#include "tests/unit/sctp_states.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	hand_state(&p, TULLE_SCTP_STATE_ESTABLISHED);
}

static void teardown(void)
{
	pair_close(&p);
}

#define S(state) TULLE_SCTP_STATE_##state
#define BE (SCTP_FLAG_B | SCTP_FLAG_E)

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_drop give(uint32_t tag, const void *chunks, size_t len)
{
	return pair_inject(&p, 0, tag, chunks, len);
}

static uint32_t own(void)
{
	return end0()->identity.local_tag;
}

/* -- ports -- */

/* SCTP-006, SCTP-007 RFC9260:3.1: another port is another association, port 0 is none */
START_TEST(packets_of_other_ports_are_dropped)
{
	static const uint16_t ports[][2] = {
		{0, 5000}, {5000, 0}, {0, 0}, {5001, 5000}, {5000, 5001}, {4999, 4999}};
	static const uint8_t chunks[] = {SCTP_ABORT, 0, 0, 4};
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		uint8_t buf[64];
		tulle_sctp_header header = {ports[i][0], ports[i][1], own()};
		tulle_sctp_packet w;
		tulle_sctp_packet_start(&w, TULLE_CPU_PLAIN, buf, sizeof buf, &header);
		tulle_wr_bytes(&w.w, chunks, sizeof chunks);
		size_t n = tulle_sctp_packet_end(&w);
		ck_assert_int_eq(pair_give(&p, 0, buf, n), TULLE_DROP_SCTP_PORT);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(ESTABLISHED));
}
END_TEST

/* -- ABORT -- */

/* SCTP-058 RFC9260:8.5.1 B: own tag without T, the peer's with it, wherever the chunk stands */
START_TEST(an_abort_is_taken_by_its_tag_and_t_bit)
{
	for (unsigned i = 0; i < 16; i++) {
		bool theirs = i & 1, t = i & 2, behind = i & 4, other = i & 8;
		hand_state(&p, S(ESTABLISHED));
		uint8_t chunks[8] = {SCTP_PAD, 0, 0, 4, SCTP_ABORT, t ? SCTP_FLAG_T : 0, 0, 4};
		uint32_t tag = theirs ? end0()->identity.remote_tag : own();
		(void)give(other ? tag ^ 1 : tag, behind ? chunks : chunks + 4, behind ? 8 : 4);
		/* behind another chunk the packet's tag must be ours anyway: 8.5 */
		bool want = !other && theirs == t && !(behind && theirs);
		ck_assert_msg(end0()->ended == want, "case %u", i);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
}
END_TEST

/* RFC9260:3.3.7: broken inside, an ABORT is nothing; what stands behind one is not looked at */
START_TEST(a_broken_abort_is_dropped_with_what_follows)
{
	static const uint8_t broken[][24] = {
		{SCTP_ABORT, SCTP_FLAG_T, 0, 8, 0, 12, 0, 3, SCTP_ABORT, SCTP_FLAG_T, 0, 4},
		{SCTP_ABORT, SCTP_FLAG_T, 0, 8, 0, 12, 0, 5, SCTP_ABORT, SCTP_FLAG_T, 0, 4},
		{SCTP_ABORT, SCTP_FLAG_T, 0, 7, 0, 12, 0, 0, SCTP_ABORT, SCTP_FLAG_T, 0, 4},
		{SCTP_ABORT, SCTP_FLAG_T, 0, 8, 0, 12, 0, 8, SCTP_SHUTDOWN, 0, 0, 8, 0, 0, 0, 0}};
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(give(end0()->identity.remote_tag, broken[i], i < 3 ? 12 : 16),
			TULLE_DROP_MALFORMED);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), S(ESTABLISHED));
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
}
END_TEST

/* SCTP-124 RFC9260:9.1: all that was to be sent is given up, the user is told by what cause */
START_TEST(an_abort_ends_all_that_was_to_be_sent)
{
	static const uint8_t abort[] = {
		SCTP_ABORT, 0, 0, 16, 0, 12, 0, 7, 'b', 'y', 'e', 0, 0, 13, 0, 4};
	static uint8_t bytes[60000];
	tulle_sctp_send(end0(), p.now, 1, 51, bytes, sizeof bytes, NULL);
	tulle_sctp_reset_stream(end0(), p.now, 2);
	pair_catch(&p, 0);
	pair_data(&p, 0, 0, 3, 0, BE, "it was whole");
	ck_assert_int_eq(give(own(), abort, sizeof abort), TULLE_TAKEN);
	ck_assert_uint_eq(tulle_sctp_unacked_total(end0()), 0);
	ck_assert_uint_eq(tulle_sctp_buffered_total(end0()), 0);
	ck_assert(tulle_sctp_poll_timeout(end0()) == TULLE_TIME_NEVER);
	ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 1, 51, "x", 1, NULL), TULLE_ERR_STATE);
	pair_events(&p, 0);
	ck_assert_mem_eq(p.end[0].got, "it was whole", 12);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_ABORT_REMOTE);
	ck_assert_uint_eq(p.end[0].last.cause, SCTP_C_USER);
	ck_assert_uint_eq(tulle_pool_free(p.pool), tulle_pool_blocks(p.pool));
}
END_TEST

/* SCTP-123 RFC9260:9.1, 3.3.7: alone in its packet, with the peer's tag and our user's reason,
 * which the peer's user gets */
START_TEST(our_abort_goes_alone_and_says_why)
{
	static const char reason[] =
		"0123456789012345678901234567890123456789012345678901234567890123"
		"0123456789012345678901234567890123456789012345678901234567890123"
		"too long";
	for (size_t len = 0; len <= sizeof reason - 1; len += 17) {
		hand_state(&p, S(ESTABLISHED));
		tulle_sctp_send(end0(), p.now, 1, 51, "data", 4, NULL);
		static const uint8_t beat[] = {SCTP_HEARTBEAT, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4};
		give(own(), beat, sizeof beat);
		ck_assert_int_eq(
			tulle_sctp_abort(end0(), p.now, 0, (tulle_text){reason, len}), TULLE_OK);
		ck_assert_uint_eq(pair_catch(&p, 0), 1);
		tulle_sctp_chunk chunk;
		ck_assert(pair_find(&p.end[0], SCTP_ABORT, 0, &chunk));
		ck_assert_uint_eq(chunk.flags, 0);
		ck_assert_uint_eq(p.end[0].packet_len[0], 12 + tulle_sctp_padded(chunk.whole.len));
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), end0()->identity.remote_tag);
		tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
		tulle_sctp_parameter cause;
		ck_assert(tulle_sctp_read_parameter(&r, &cause) && tulle_rd_finish(&r));
		ck_assert_uint_eq(cause.type, SCTP_C_USER);
		ck_assert_uint_eq(cause.value.len, tulle_min(len, 128));
		if (len != 0)
			ck_assert_mem_eq(cause.value.ptr, reason, cause.value.len);
		pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
		tulle_sctp_event event = {0};
		while (tulle_sctp_poll_event(p.end[1].sctp, &event))
			p.end[1].last = event;
		ck_assert_uint_eq(event.len, tulle_min(len, 128));
		if (len != 0)
			ck_assert_mem_eq(event.data, reason, event.len);
		for (int i = 0; i < 2; i++) {
			ck_assert(p.end[i].sctp->ended);
			pair_events(&p, i);
			ck_assert_int_eq(p.end[i].last.why,
				i == 0 ? TULLE_SCTP_ABORT_LOCAL : TULLE_SCTP_ABORT_REMOTE);
		}
		ck_assert_uint_eq(pair_catch(&p, 0) + pair_catch(&p, 1), 0);
	}
}
END_TEST

/* RFC9260:9.1: of the peer's reason 128 bytes are kept */
START_TEST(a_long_reason_is_cut)
{
	uint8_t value[404] = {0, 12, 1, 148};
	for (size_t i = 4; i < sizeof value; i++)
		value[i] = (uint8_t)i;
	ck_assert_int_eq(hand_give(&p, 0, SCTP_ABORT, 0, sizeof value, value), TULLE_TAKEN);
	tulle_sctp_event event = {0};
	while (tulle_sctp_poll_event(end0(), &event))
		continue;
	ck_assert_int_eq(event.kind, TULLE_SCTP_CLOSED);
	ck_assert_uint_eq(event.len, 128);
	ck_assert_mem_eq(event.data, value + 4, 128);
}
END_TEST

/* RFC9260:9.1: not even to what broke the protocol before it */
START_TEST(a_packet_with_an_abort_gets_no_abort)
{
	uint8_t chunks[20] = {SCTP_DATA, 3, 0, 16}; /* no user data */
	uint32_t tsn = end0()->in.cumulative + 1;
	for (unsigned i = 0; i < 4; i++)
		chunks[4 + i] = (uint8_t)(tsn >> (24 - 8 * i));
	memcpy(chunks + 16, "\6\0\0\4", 4);
	(void)give(own(), chunks, sizeof chunks);
	ck_assert(end0()->ended);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	hand_state(&p, S(ESTABLISHED));
	(void)give(own(), chunks, 16);
	hand_expect(&p, 0, SCTP_ABORT);
}
END_TEST

/* -- ERROR -- */

/* SCTP-125 RFC9260:3.3.10: whatever cause an ERROR has, in each state, the association stays */
START_TEST(an_error_is_no_end)
{
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++)
		for (uint8_t cause = 0; cause <= 14; cause++) {
			if (state == S(COOKIE_ECHOED) && cause == SCTP_C_STALE_COOKIE)
				continue;
			uint8_t error[] = {SCTP_ERROR, 0xff, 0, 16, 0, cause, 0, 8, 1, 2, 3, 4, 0,
				cause, 0, 4};
			hand_state(&p, state);
			ck_assert_int_eq(give(own(), error, sizeof error), TULLE_TAKEN);
			error[7] = 3;
			ck_assert_int_eq(give(own(), error, sizeof error), TULLE_DROP_MALFORMED);
			ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
		}
}
END_TEST

/* SCTP-020 RFC9260:3.2: flags that mean nothing change nothing */
START_TEST(reserved_flags_are_ignored_and_sent_as_zero)
{
	static const uint8_t beat[] = {SCTP_HEARTBEAT, 0xff, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4};
	tulle_sctp_chunk chunk;
	ck_assert_int_eq(give(own(), beat, sizeof beat), TULLE_TAKEN);
	hand_expect(&p, 0, SCTP_HEARTBEAT_ACK);
	ck_assert(pair_find(&p.end[0], SCTP_HEARTBEAT_ACK, 0, &chunk));
	ck_assert_uint_eq(chunk.flags, 0);
	ck_assert_int_eq(pair_data(&p, 0, 0, 1, 0, BE | 0xf0, "x"), TULLE_TAKEN);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].got_len, 1);
	uint8_t shutdown[] = {SCTP_SHUTDOWN, 0xff, 0, 8, 0, 0, 0, 0};
	uint32_t acked = end0()->out.acked_tsn;
	for (unsigned i = 0; i < 4; i++)
		shutdown[4 + i] = (uint8_t)(acked >> (24 - 8 * i));
	ck_assert_int_eq(give(own(), shutdown, sizeof shutdown), TULLE_TAKEN);
	hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
	for (unsigned i = 0; i < p.end[0].packets; i++) {
		tulle_sctp_header header;
		tulle_rd r;
		ck_assert_int_eq(tulle_sctp_read_packet(TULLE_CPU_PLAIN, p.end[0].packet[i],
					 p.end[0].packet_len[i], false, &header, &r),
			TULLE_TAKEN);
		while (tulle_sctp_read_chunk(&r, &chunk))
			ck_assert_uint_eq(chunk.flags, 0);
	}
	/* of SHUTDOWN COMPLETE all but T */
	static const uint8_t complete[] = {SCTP_SHUTDOWN_COMPLETE, 0xfe, 0, 4};
	ck_assert_int_eq(give(own(), complete, sizeof complete), TULLE_TAKEN);
	ck_assert(end0()->ended);
}
END_TEST

/* SCTP-022 RFC9260:12.2.4.1: ten a second of ERRORs and answers together; our own end is not
 * among them */
START_TEST(a_flood_of_unknown_chunks_gets_few_errors)
{
	static const uint8_t unknown[] = {0xff, 0, 0, 4};
	tulle_sctp_chunk chunk;
	for (int second = 0; second < 2; second++) {
		unsigned errors = 0;
		for (int i = 0; i < 200; i++) {
			(void)give(own(), unknown, sizeof unknown);
			errors += pair_catch(&p, 0);
		}
		ck_assert_uint_eq(errors, 10);
		p.now += 1000000;
	}
	for (int i = 0; i < 20; i++) {
		(void)give(own(), unknown, sizeof unknown);
		pair_catch(&p, 0);
	}
	pair_data(&p, 0, 0, 1, 0, 0, "a middle without a first");
	hand_expect(&p, 0, SCTP_ABORT);
	ck_assert(pair_find(&p.end[0], SCTP_ABORT, 0, &chunk));
	ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_VIOLATION);
}
END_TEST

/* RFC9260:3.3.10.6: the chunk as it came, cut where there is no room for it */
START_TEST(an_unknown_chunk_is_reported_as_it_came)
{
	for (size_t len = 4; len < 400; len += 31) {
		uint8_t unknown[400];
		for (size_t i = 0; i < sizeof unknown; i++)
			unknown[i] = (uint8_t)i;
		unknown[0] = 0xff;
		unknown[2] = (uint8_t)(len >> 8);
		unknown[3] = (uint8_t)len;
		tulle_sctp_chunk chunk;
		p.now += 1000000;
		ck_assert_int_eq(give(own(), unknown, tulle_sctp_padded(len)),
			TULLE_DROP_SCTP_UNKNOWN_CHUNK);
		ck_assert_uint_eq(pair_catch(&p, 0), 1);
		ck_assert(pair_find(&p.end[0], SCTP_ERROR, 0, &chunk));
		ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_UNKNOWN_CHUNK);
		ck_assert_uint_ge(chunk.value.len, 4 + tulle_min(len, 128));
		ck_assert_mem_eq(chunk.value.ptr + 4, unknown, tulle_min(len, 128));
	}
}
END_TEST

/* SCTP-021 RFC9260:6.10: everything at once, DATA behind it */
START_TEST(control_chunks_stand_before_data)
{
	static const uint8_t chunks[] = {
		SCTP_HEARTBEAT, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4, 0xff, 0, 0, 4};
	tulle_sctp_send(end0(), p.now, 1, 51, "data", 4, NULL);
	tulle_sctp_reset_stream(end0(), p.now, 2);
	pair_data(&p, 0, 1, 1, 1, BE, "a hole");
	(void)give(own(), chunks, sizeof chunks);
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	tulle_sctp_header header;
	tulle_rd r;
	tulle_sctp_chunk chunk;
	unsigned seen[256] = {0};
	tulle_sctp_read_packet(
		TULLE_CPU_PLAIN, p.end[0].packet[0], p.end[0].packet_len[0], false, &header, &r);
	while (tulle_sctp_read_chunk(&r, &chunk)) {
		ck_assert(chunk.type == SCTP_DATA || seen[SCTP_DATA] == 0);
		seen[chunk.type]++;
	}
	ck_assert(seen[SCTP_DATA] && seen[SCTP_SACK] && seen[SCTP_HEARTBEAT_ACK] &&
		  seen[SCTP_ERROR] && seen[SCTP_RE_CONFIG]);
}
END_TEST

/* SCTP-019 RFC9260:6.10: INIT, INIT ACK and SHUTDOWN COMPLETE with company, before or behind */
START_TEST(what_must_be_alone_is_dropped_in_company)
{
	static const struct {
		tulle_sctp_state state;
		uint8_t type;
	} cases[] = {{S(ESTABLISHED), SCTP_INIT}, {S(COOKIE_WAIT), SCTP_INIT_ACK},
		{S(SHUTDOWN_ACK_SENT), SCTP_SHUTDOWN_COMPLETE}};
	for (unsigned i = 0; i < 6; i++) {
		static const uint8_t cookie[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
		uint8_t chunks[256] = {SCTP_PAD, 0, 0, 4};
		hand_state(&p, cases[i / 2].state);
		hand_init init = hand_default(cases[i / 2].type);
		init.extra = cookie;
		init.extra_len = sizeof cookie;
		size_t n = hand_write_init(chunks + 4, &init);
		if (init.type == SCTP_SHUTDOWN_COMPLETE) {
			n = 4;
			chunks[7] = 4;
		}
		memcpy(chunks + 4 + n, chunks, 4);
		bool behind = i & 1;
		uint32_t tag = init.type == SCTP_INIT && !behind ? 0 : own();
		(void)give(tag, behind ? chunks : chunks + 4, n + 4);
		ck_assert_uint_eq(end0()->stats.drops[TULLE_DROP_SCTP_BUNDLE], 1);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), cases[i / 2].state);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
}
END_TEST

/* -- out of the blue -- */

/* SCTP-060 RFC9260:8.5.1 E, 9.2: of an association that we have not; ours goes on being set up */
START_TEST(a_shutdown_ack_while_we_set_up_is_out_of_the_blue)
{
	static const uint8_t ack[] = {SCTP_SHUTDOWN_ACK, 0, 0, 4};
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(COOKIE_ECHOED); state++) {
		hand_state(&p, state);
		tulle_time t1 = end0()->timers[SCTP_T_INIT];
		for (uint32_t k = 0; k < 2; k++) {
			uint32_t tag = k == 0 ? own() : 0x01020304;
			ck_assert_int_eq(give(tag, ack, sizeof ack), TULLE_DROP_SCTP_OUT_OF_BLUE);
			tulle_sctp_chunk chunk;
			hand_expect(&p, 0, SCTP_SHUTDOWN_COMPLETE);
			ck_assert(pair_find(&p.end[0], SCTP_SHUTDOWN_COMPLETE, 0, &chunk));
			ck_assert_uint_eq(chunk.flags, SCTP_FLAG_T);
			ck_assert_uint_eq(hand_tag_said(&p, 0, 0), tag);
		}
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
		ck_assert_int_eq(end0()->timers[SCTP_T_INIT], t1);
	}
}
END_TEST

/* SCTP-061, SCTP-062, SCTP-063, SCTP-064 RFC9260:8.4: a packet "contains" what stands anywhere */
START_TEST(out_of_the_blue_each_chunk_of_the_packet_counts)
{
	static const struct {
		uint8_t chunks[16];
		size_t len;
		uint8_t answer;
	} cases[] = {
		{{SCTP_SACK, 0, 0, 4, SCTP_ABORT, 0, 0, 4}, 8, 0},
		{{SCTP_SHUTDOWN_ACK, 0, 0, 4, SCTP_ABORT, 0, 0, 4}, 8, 0},
		{{SCTP_SACK, 0, 0, 4, SCTP_SHUTDOWN_ACK, 0, 0, 4}, 8, SCTP_SHUTDOWN_COMPLETE},
		{{SCTP_COOKIE_ACK, 0, 0, 4, SCTP_SHUTDOWN_ACK, 0, 0, 4}, 8, SCTP_SHUTDOWN_COMPLETE},
		{{SCTP_SACK, 0, 0, 4, SCTP_SHUTDOWN_COMPLETE, 0, 0, 4}, 8, 0},
		{{SCTP_SACK, 0, 0, 4, SCTP_COOKIE_ACK, 0, 0, 4}, 8, 0},
		{{SCTP_ERROR, 0, 0, 12, 0, 3, 0, 8, 0, 0, 0, 1}, 12, 0},
		{{SCTP_ERROR, 0, 0, 16, 0, 8, 0, 4, 0, 3, 0, 8, 0, 0, 0, 1}, 16, 0},
		{{SCTP_ERROR, 0, 0, 12, 0, 1, 0, 8, 0, 3, 0, 0}, 12, SCTP_ABORT},
		{{SCTP_ERROR, 0, 0, 8, 0, 3, 0, 3}, 8, SCTP_ABORT},
		{{SCTP_SACK, 0, 0, 4}, 4, SCTP_ABORT},
		{{0xff, 0, 0, 4}, 4, SCTP_ABORT},
	};
	hand_state(&p, S(CLOSED));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		p.now += 1000000;
		ck_assert_int_eq(give(0x01020304, cases[i].chunks, cases[i].len),
			TULLE_DROP_SCTP_OUT_OF_BLUE);
		if (cases[i].answer == 0)
			ck_assert_msg(pair_catch(&p, 0) == 0, "case %zu", i);
		else
			hand_expect(&p, 0, cases[i].answer);
	}
}
END_TEST

/* SCTP-064 RFC9260:8.4: an association that has ended knows nobody */
START_TEST(after_its_end_all_is_out_of_the_blue)
{
	uint32_t tag = own();
	tulle_sctp_abort(end0(), p.now, 0, (tulle_text){NULL, 0});
	hand_expect(&p, 0, SCTP_ABORT);
	static const uint8_t sack[] = {SCTP_SACK, 0, 0, 4}, echo[] = {SCTP_COOKIE_ECHO, 0, 0, 4};
	ck_assert_int_eq(give(tag, sack, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	hand_expect(&p, 0, SCTP_ABORT);
	ck_assert_int_eq(give(tag, echo, 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	hand_expect(&p, 0, SCTP_ABORT);
	hand_init init = hand_default(SCTP_INIT);
	ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_DROP_CLOSED);
	tulle_sctp_chunk chunk;
	hand_expect(&p, 0, SCTP_ABORT);
	ck_assert(pair_find(&p.end[0], SCTP_ABORT, 0, &chunk));
	ck_assert_uint_eq(chunk.flags, 0); /* 3: to the INIT's own tag */
	ck_assert_uint_eq(hand_tag_said(&p, 0, 0), init.tag);
}
END_TEST

Suite *suite_sctp_errors(void);
Suite *suite_sctp_errors(void)
{
	Suite *s = suite_create("sctp_errors");
	TCase *t = tcase_create("errors");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, packets_of_other_ports_are_dropped);
	tcase_add_test(t, an_abort_is_taken_by_its_tag_and_t_bit);
	tcase_add_test(t, a_broken_abort_is_dropped_with_what_follows);
	tcase_add_test(t, an_abort_ends_all_that_was_to_be_sent);
	tcase_add_test(t, our_abort_goes_alone_and_says_why);
	tcase_add_test(t, a_long_reason_is_cut);
	tcase_add_test(t, a_packet_with_an_abort_gets_no_abort);
	tcase_add_test(t, an_error_is_no_end);
	tcase_add_test(t, reserved_flags_are_ignored_and_sent_as_zero);
	tcase_add_test(t, a_flood_of_unknown_chunks_gets_few_errors);
	tcase_add_test(t, an_unknown_chunk_is_reported_as_it_came);
	tcase_add_test(t, control_chunks_stand_before_data);
	tcase_add_test(t, what_must_be_alone_is_dropped_in_company);
	tcase_add_test(t, a_shutdown_ack_while_we_set_up_is_out_of_the_blue);
	tcase_add_test(t, out_of_the_blue_each_chunk_of_the_packet_counts);
	tcase_add_test(t, after_its_end_all_is_out_of_the_blue);
	suite_add_tcase(s, t);
	return s;
}
