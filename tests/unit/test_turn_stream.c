/* SPDX-License-Identifier: MIT */
/* turn: over a stream: framing in any pieces, and what no stream of a server's looks like. */
#include "turn_server.h"

static const tulle_turn_config stream = {.transport = TULLE_TURN_STREAM};

/* STUN-045, STUN-047, ICE-155: RFC8656:12.5: pieces of every size give the same messages */
START_TEST(a_stream_in_any_pieces_gives_the_same_messages)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	for (size_t chunk = 0; chunk < 130; chunk++) {
		uint8_t bytes[512];
		size_t len = 0;
		Server s;
		server_init(&s, &stream);
		s.chunk = chunk;
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		bind_peer(&s, &peer);
		/* several in one piece, with lengths that need padding and that do not */
		for (size_t n = 0; n < 6; n++) {
			len += make_channel(bytes + len, 0x4000, "abcdef", n);
			while (len % 4 != 0)
				bytes[len++] = 0xff;
			len += make_indication(bytes + len, sizeof bytes - len, &peer, "xyz", 3);
		}
		give(&s, bytes, len);
		ck_assert_int_eq(s.drop, TULLE_TAKEN);
		ck_assert_uint_eq(s.got_count, 12);
		ck_assert_mem_eq(s.got_bytes, "xyz", 3);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-150 RFC8656:12.5 */
START_TEST(channel_data_is_padded_over_a_stream)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &stream);
	bind_peer(&s, &peer);
	for (size_t n = 0; n < 9; n++) {
		uint8_t buf[TULLE_TURN_HEADROOM + 16];
		tulle_bytes out;
		memset(buf, 0xee, sizeof buf);
		ck_assert_int_eq(
			tulle_turn_wrap(s.turn, s.now, &peer, buf + TULLE_TURN_HEADROOM, n, &out),
			TULLE_OK);
		ck_assert_uint_eq(out.len, 4 + (n + 3) / 4 * 4);
		ck_assert_uint_eq(out.ptr[3], n);
		for (size_t i = 4 + n; i < out.len; i++)
			ck_assert_uint_eq(out.ptr[i], 0);
		ck_assert_uint_eq(out.ptr[out.len], 0xee);
	}
	server_wipe(&s);
}
END_TEST

/* STUN-045 RFC8489:6.2.2: one send, 39.5 seconds */
START_TEST(a_stream_repeats_nothing)
{
	Server s;
	server_init(&s, &stream);
	s.mute = true;
	start(&s);
	run_for(&s, 39500 * 1000 - 1);
	ck_assert_uint_eq(s.asked_count, 1);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
	run_for(&s, 1);
	check_failed(&s, TULLE_TURN_FAILURE_TIMEOUT, 0);
	ck_assert_uint_eq(s.asked_count, 1);
	server_wipe(&s);

	/* and needs no keepalive of ours */
	server_ready(&s, &stream);
	run_for(&s, 100 * SECOND);
	ck_assert_uint_eq(s.asked_count, 0);
	server_wipe(&s);
}
END_TEST

/* STUN-046: answers in another order than the requests */
START_TEST(answers_may_come_in_any_order)
{
	Server s;
	server_ready(&s, &stream);
	s.mute = true;
	for (uint8_t i = 0; i < 4; i++) {
		const tulle_addr p = {.family = 4, .ip = {192, 0, 2, i}, .port = 5000};
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &p), TULLE_OK);
	}
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 4);
	for (uint8_t i = 4; i-- > 0;) {
		const tulle_addr p = {.family = 4, .ip = {192, 0, 2, i}, .port = 5000};
		server_answer(&s, &s.asked[i], true);
		ck_assert_int_eq(s.drop, TULLE_TAKEN);
		ck_assert_int_eq(peer_of(&s, &p), TULLE_TURN_PEER_PERMITTED);
	}
	server_wipe(&s);
}
END_TEST

/* A message longer than the buffer is passed over, not the end of the stream. */
START_TEST(a_message_longer_than_the_buffer_is_skipped)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	static const size_t chunks[] = {0, 1, 7, 1000};
	uint8_t *bytes = malloc(70000);
	for (size_t i = 0; i < 4; i++)
		for (size_t stun = 0; stun < 2; stun++) {
			static const uint8_t big[60000];
			Server s;
			server_init(&s, &stream);
			start(&s);
			bind_peer(&s, &peer);
			s.chunk = chunks[i];
			size_t len = stun != 0 ? make_indication(bytes, 70000, &peer, big, 60000)
					       : make_channel(bytes, 0x4000, big, 60000);
			size_t whole = len;
			len += make_channel(bytes + len, 0x4000, "next", 4);
			if (chunks[i] == 0) { /* all of it at hand: no buffer is needed */
				give(&s, bytes + whole, len - whole);
				ck_assert_uint_eq(s.got_count, 1);
			} else {
				give(&s, bytes, len);
				ck_assert_int_eq(s.drop, TULLE_DROP_LIMIT);
				ck_assert_uint_eq(s.got_count, 1);
				ck_assert_mem_eq(s.got_bytes, "next", 4);
				ck_assert_uint_eq(tulle_turn_drops(s.turn, TULLE_DROP_LIMIT), 1);
			}
			ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
			server_wipe(&s);
		}
	free(bytes);
}
END_TEST

/* Out of step there is no way back: the stream has to be opened anew. */
START_TEST(bytes_that_are_no_message_end_it)
{
	static const uint8_t bad[][20] = {
		{0x50, 0, 0, 0},                      /* a reserved channel */
		{0x80, 0},                            /* RTP */
		{0x16, 3, 1},                         /* TLS in TLS */
		{1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43}, /* no cookie */
		{1, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42}, /* a length that is not of fours */
		"SSH-2.0-a server of",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (size_t chunk = 0; chunk < 2; chunk++) {
			Server s;
			server_ready(&s, &stream);
			s.chunk = chunk;
			give(&s, bad[i], sizeof bad[i]);
			drain_events(&s);
			check_failed(&s, TULLE_TURN_FAILURE_STREAM, 0);
			ck_assert_uint_eq(tulle_turn_drops(s.turn, TULLE_DROP_TURN_STREAM), 1);
			s.chunk = 0;
			start(&s);
			ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
			server_wipe(&s);
		}
}
END_TEST

/* Half a message of the old stream is not the start of the new one's. */
START_TEST(a_stream_that_ends_fails_the_allocation)
{
	Server s;
	server_ready(&s, &stream);
	give(&s, (const uint8_t *)"\x40\x00\x00\x09half", 8);
	tulle_turn_stream_ended(s.turn, s.now);
	drain_events(&s);
	check_failed(&s, TULLE_TURN_FAILURE_STREAM, 0);
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	s.mute = true;
	tulle_turn_close(s.turn, s.now);
	pump(&s);
	tulle_turn_stream_ended(s.turn, s.now);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSED);
	server_wipe(&s);
}
END_TEST

/* An event that no longer holds is not told. */
START_TEST(an_allocation_that_is_gone_already_is_not_told_as_ready)
{
	static const uint8_t no_message[] = {0xff};
	Server s;
	server_init(&s, &stream);
	s.mute = true;
	start(&s);
	s.mute = false;
	s.open = true;
	server_answer(&s, &s.asked[0], true);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	give(&s, no_message, 1);
	drain_events(&s);
	ck_assert_uint_eq(s.told_count, 1);
	check_failed(&s, TULLE_TURN_FAILURE_STREAM, 0);
	server_wipe(&s);
}
END_TEST

START_TEST(each_transport_has_its_own_door)
{
	static const tulle_turn_config plain = {0};
	uint8_t byte = 1;
	tulle_turn_data d;
	tulle_drop drop;
	Server s;
	server_ready(&s, &plain);
	ck_assert_uint_eq(tulle_turn_handle_stream(s.turn, s.now, &byte, 1, &d, &drop), 1);
	ck_assert_int_eq(drop, TULLE_DROP_STATE);
	server_wipe(&s);
	server_ready(&s, &stream);
	ck_assert_int_eq(tulle_turn_handle_datagram(s.turn, s.now, &s.path.remote, &byte, 1, &d),
		TULLE_DROP_STATE);
	server_wipe(&s);
}
END_TEST

Suite *suite_turn_stream(void)
{
	Suite *s = suite_create("turn_stream");
	TCase *t = tcase_create("turn_stream");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_stream_in_any_pieces_gives_the_same_messages);
	tcase_add_test(t, channel_data_is_padded_over_a_stream);
	tcase_add_test(t, a_stream_repeats_nothing);
	tcase_add_test(t, answers_may_come_in_any_order);
	tcase_add_test(t, a_message_longer_than_the_buffer_is_skipped);
	tcase_add_test(t, bytes_that_are_no_message_end_it);
	tcase_add_test(t, a_stream_that_ends_fails_the_allocation);
	tcase_add_test(t, an_allocation_that_is_gone_already_is_not_told_as_ready);
	tcase_add_test(t, each_transport_has_its_own_door);
	suite_add_tcase(s, t);
	return s;
}
