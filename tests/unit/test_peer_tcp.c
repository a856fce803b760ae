/* SPDX-License-Identifier: MIT */
/* peer: ICE-TCP: connections that go over streams alone, streams that are full, break, are not
 * needed, and strangers' streams. */
#include "peer_tcp_kit.h"

#include <stdio.h>

#define SECOND ((tulle_time)1000000)

static const char large[200000];

static bool is_open(void)
{
	return tulle_peer_connection(w.peer[0]) == TULLE_CONNECTION_CONNECTED &&
	       tulle_peer_connection(w.peer[1]) == TULLE_CONNECTION_CONNECTED;
}

static bool is_over_tcp(int i)
{
	tulle_peer_setup s;
	tulle_peer_read_setup(w.peer[i], &s);
	return s.tcp;
}

static void send_large(void)
{
	ck_assert_int_eq(
		tulle_channel_send_bytes(w.peer[0], w.channel, large, sizeof large), TULLE_OK);
}

/* End 1 listens, and nobody reads any more. */
static void fill_a_stream_of(size_t room)
{
	w.listens[1] = w.no_udp = true;
	w.room = room;
	begin();
	describe();
	run(SECOND);
	ck_assert(is_open());
	w.stuck = true;
	send_large();
}

/* RFC6544:7, RFC6544:10, ICE-127: either end may be the one that listens. */
START_TEST(peers_connect_and_talk_without_udp)
{
	w.listens[_i] = w.no_udp = true;
	begin();
	describe();
	run(2 * SECOND);
	ck_assert(is_open());
	ck_assert(is_over_tcp(0) && is_over_tcp(1));
	ck_assert_uint_eq(w.opened, 1);
	ck_assert(tulle_addr_is_ip(
		&w.last.local, &(tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(2 - _i)}}));
	ck_assert_uint_eq(w.last.local.port, 0);
	ck_assert_ptr_nonnull(strstr(w.candidates[_i], "10.0.0."));
	ck_assert_ptr_nonnull(strstr(w.candidates[_i], "7000 typ host tcptype passive"));
	ck_assert_ptr_nonnull(strstr(w.candidates[1 - _i], " 9 typ host tcptype active"));
	ck_assert_ptr_null(strstr(w.candidates[1 - _i], "passive"));
	for (int k = 0; k < 5; k++)
		send_large();
	run(2 * SECOND);
	ck_assert_uint_eq(w.bytes[1], 5 * sizeof large);
	run(60 * SECOND); /* ICE-131: consent too */
	ck_assert(is_open());
	ck_assert_uint_eq(w.opened, 1);
	/* what close() has to say still goes */
	tulle_peer_close(w.peer[0]);
	run(SECOND);
	ck_assert_int_eq(tulle_peer_connection(w.peer[1]), TULLE_CONNECTION_CLOSED);
	ck_assert_uint_eq(w.abrupt, 0);
	ck_assert_uint_eq(w.asked, 1); /* and nobody calls who is gone */
	ck_assert_uint_eq(w.ended, 1);
	end();
}
END_TEST

/* RFC6544:8: UDP is preferred, and the stream goes */
START_TEST(udp_is_preferred_where_it_passes)
{
	w.listens[1] = true;
	begin();
	describe();
	run(SECOND);
	ck_assert(is_open());
	ck_assert(!is_over_tcp(0) && !is_over_tcp(1));
	run(10 * SECOND);
	ck_assert_uint_eq(w.ended, w.opened);
	ck_assert(is_open());
	/* UDP is shut in mid-life: the stream comes (again) */
	w.no_udp = true;
	run(20 * SECOND);
	ck_assert(is_over_tcp(0) && is_over_tcp(1));
	send_large();
	run(10 * SECOND);
	ck_assert_uint_eq(w.bytes[1], sizeof large);
	end();
}
END_TEST

/* RFC6544:4.1: off unless asked for */
START_TEST(without_the_option_there_are_no_streams)
{
	const tulle_peer_config config = {0};
	const tulle_candidate passive = {
		.candidate = TULLE_TEXT("candidate:1 1 tcp 1 10.0.0.2 7000 typ host tcptype "
					"passive"),
		.mid = TULLE_TEXT("0")};
	w.no_udp = true;
	w.listens[1] = true;
	begin();
	tulle_peer_wipe(w.peer[0]);
	free(w.block[0]);
	make_end(0, &config);
	describe();
	(void)tulle_peer_add_candidate(w.peer[0], &passive);
	run(SECOND);
	ck_assert_uint_eq(w.asked, 0);
	ck_assert_ptr_null(strstr(w.candidates[0], "tcp"));
	ck_assert_uint_gt(tulle_peer_drops(w.peer[0], TULLE_DROP_ICE_UNSUPPORTED), 0);
	end();
}
END_TEST

/* Data waits for room and nothing of it is lost; checks have room of their own. */
START_TEST(a_full_stream_holds_data_back)
{
	fill_a_stream_of(16384);
	run(12 * SECOND);
	ck_assert_int_eq(tulle_peer_ice(w.peer[0]), TULLE_ICE_COMPLETED);
	ck_assert_uint_gt(w.pipes[0].to[1].credit, 2048);
	w.stuck = false;
	give_credit(&w.pipes[0], 0);
	run(SECOND);
	ck_assert_uint_eq(w.bytes[1], sizeof large);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[0], TULLE_DROP_ICE_STREAM_FULL), 0);
	end();
}
END_TEST

/* What may not wait is dropped by name: a flight of DTLS, when the stream takes too little. */
START_TEST(a_flight_that_finds_no_room_is_dropped)
{
	w.listens[1] = w.no_udp = true;
	w.room = 2600;
	begin();
	describe();
	run(SECOND);
	ck_assert(!is_open());
	ck_assert_uint_gt(tulle_peer_drops(w.peer[0], TULLE_DROP_ICE_STREAM_FULL) +
				  tulle_peer_drops(w.peer[1], TULLE_DROP_ICE_STREAM_FULL),
		0);
	end();
}
END_TEST

/* One that never moves again is a path that is lost: RFC7675:5.1. */
START_TEST(a_stream_that_is_stuck_for_good_is_lost)
{
	fill_a_stream_of(8192);
	run(300 * SECOND);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(tulle_peer_ice(w.peer[i]), TULLE_ICE_FAILED);
	end();
}
END_TEST

/* ICE-130 RFC6544:11.1: the connection and its channels outlive their stream. */
START_TEST(a_stream_that_breaks_is_opened_again_and_loses_nothing)
{
	w.listens[_i] = w.no_udp = true;
	begin();
	describe();
	run(SECOND);
	for (int k = 0; k < 3; k++) {
		send_large();
		for (int turns = 0; turns < 20; turns++) {
			drain(0);
			drain(1);
			(void)move_all();
		}
		for (size_t i = 0; i < PIPES; i++)
			for (int side = 0; side < 2; side++)
				if (w.pipes[i].used)
					end_pipe(&w.pipes[i], side, true);
		run(5 * SECOND);
		ck_assert_uint_eq(w.bytes[1], (size_t)(k + 1) * sizeof large);
	}
	ck_assert_uint_eq(w.opened, 4);
	ck_assert(is_open());
	end();
}
END_TEST

/* RFC6544:7.1 */
START_TEST(a_connection_that_is_refused_fails_in_time)
{
	w.listens[1] = w.no_udp = w.refuse = true;
	begin();
	describe();
	run(45 * SECOND);
	ck_assert_uint_eq(w.asked, 1);
	ck_assert_int_eq(tulle_peer_connection(w.peer[0]), TULLE_CONNECTION_FAILED);
	end();
}
END_TEST

START_TEST(an_interface_that_goes_takes_its_streams_along)
{
	w.listens[1] = w.no_udp = true;
	begin();
	describe();
	run(SECOND);
	ck_assert(is_open());
	give(1, &(tulle_in){.kind = TULLE_IN_PATH_DOWN, .id = 1});
	drain(1);
	ck_assert_uint_eq(w.ended, 1);
	ck_assert_int_eq(tulle_peer_ice(w.peer[1]), TULLE_ICE_DISCONNECTED);
	end();
}
END_TEST

/* SPED begins DTLS before there is a path to say goodbye on. */
START_TEST(who_closes_without_a_path_leaves_no_stream)
{
	w.listens[1] = w.no_udp = true;
	begin();
	describe();
	drain(0);
	drain(1);
	drain(0);
	ck_assert_uint_eq(w.opened, 1);
	tulle_peer_close(w.peer[0]);
	drain(0);
	ck_assert_uint_eq(w.ended, 1);
	end();
}
END_TEST

/* -- strangers -- */

static tulle_text value_of(tulle_text sdp, const char *name)
{
	const char *at = strstr(sdp.ptr, name) + strlen(name);
	return (tulle_text){at, strcspn(at, "\r\n")};
}

/* A check for end 1's ufrag; its password right or wrong. */
static size_t write_check(uint8_t *dst, size_t cap, bool authentic)
{
	tulle_text sdp;
	static uint8_t serial;
	char name[32], text[8192];
	uint8_t id[12] = {++serial};
	ck_assert_int_ne(tulle_peer_local(w.peer[1], false, &sdp), 0);
	memcpy(text, sdp.ptr, sdp.len);
	text[sdp.len] = '\0';
	tulle_text ufrag = value_of((tulle_text){text, sdp.len}, "a=ice-ufrag:");
	tulle_text pwd = value_of((tulle_text){text, sdp.len}, "a=ice-pwd:");
	snprintf(name, sizeof name, "%.*s:them", (int)ufrag.len, ufrag.ptr);
	tulle_stun_writer o =
		tulle_stun_write_begin(dst, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	tulle_stun_write_text(&o, TULLE_STUN_A_USERNAME, tulle_text_of(name));
	tulle_stun_write_u64(&o, TULLE_STUN_A_ICE_CONTROLLING, 1);
	tulle_stun_write_u32(&o, TULLE_STUN_A_PRIORITY, 1000);
	tulle_stun_write_integrity(&o, authentic ? (tulle_bytes){(const uint8_t *)pwd.ptr, pwd.len}
						 : (tulle_bytes){(const uint8_t *)"x", 1});
	tulle_stun_write_fingerprint(&o);
	return tulle_stun_write_finish(&o);
}

static void knock(uint32_t id, const uint8_t *data, size_t len)
{
	const tulle_in in = {.kind = TULLE_IN_STREAM_ACCEPTED,
		.id = UINT32_C(0xc0000000) | id,
		.local = address_of(1, PORT),
		.remote = address_of(5, (uint16_t)(20000 + id)),
		.bytes = 65536,
		.data = {data, len}};
	give(1, &in);
}

static void say(uint32_t id, const void *data, size_t len)
{
	give(1, &(tulle_in){.kind = TULLE_IN_STREAM_BYTES,
			.id = UINT32_C(0xc0000000) | id,
			.data = {data, len}});
}

/* ICE-128, ICE-129 [SEC] RFC6544:7.2 */
START_TEST(what_does_not_begin_with_an_authentic_check_is_ended)
{
	uint8_t check[256], framed[260];
	w.listens[1] = w.no_udp = true;
	begin();
	w.tells[1] = false; /* end 0 does not come */
	describe();
	run(10000);
	size_t before = w.ended;
	size_t n = write_check(check, sizeof check, false);
	knock(1, check, n);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 1);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_STUN_INTEGRITY), 1);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_ICE_STREAM), 1);
	knock(2, (const uint8_t *)"GET / HTTP/1.1\r\n", 16);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 2);
	/* DTLS, but nobody has shown who it is from */
	knock(3, (const uint8_t *)"\x16\xfe\xff\0\0", 5);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 3);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_ICE_NOT_VALIDATED), 1);
	/* a frame that is longer than any of ours */
	knock(4, NULL, 0);
	say(4, "\xff\xff", 2);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 4);
	/* the right one, in the stream; then garbage is only dropped: its sender is known */
	n = write_check(check, sizeof check, true);
	framed[0] = 0;
	framed[1] = (uint8_t)n;
	memcpy(framed + 2, check, n);
	knock(5, NULL, 0);
	say(5, framed, n + 2);
	say(5, "\0\0\0\1x", 5);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 4);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_UNKNOWN_PROTOCOL), 2);
	/* an oversize frame ends it all the same, ICE-128 */
	say(5, "\x08\x01", 2);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 5);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_ICE_STREAM), 5);
	end();
}
END_TEST

/* ICE-129 [SEC]: in number and time; who is right gets through all the same */
START_TEST(half_open_streams_are_bounded)
{
	uint8_t check[256];
	w.listens[1] = w.no_udp = true;
	begin();
	w.tells[1] = false;
	describe();
	run(10000);
	for (uint32_t i = 1; i <= 100; i++) {
		knock(i, NULL, 0);
		drain(1);
	}
	ck_assert_uint_eq(w.ended, 96);
	ck_assert_uint_eq(tulle_peer_drops(w.peer[1], TULLE_DROP_LIMIT), 96);
	size_t n = write_check(check, sizeof check, true);
	knock(101, check, n);
	drain(1);
	for (uint32_t i = 102; i <= 110; i++) {
		knock(i, NULL, 0);
		drain(1);
	}
	run(5 * SECOND);
	ck_assert_uint_eq(w.ended, 109); /* all but the one */
	ck_assert_uint_gt(tulle_peer_drops(w.peer[1], TULLE_DROP_ICE_STREAM), 0);
	/* more authentic ones than there is room for */
	for (uint32_t i = 200; i < 230; i++) {
		n = write_check(check, sizeof check, true);
		knock(i, check, n);
		drain(1);
	}
	ck_assert_uint_gt(w.ended, 109 + 10);
	/* none that was not there before, and no address that is not ours */
	tulle_in in = {
		.kind = TULLE_IN_STREAM_ACCEPTED, .id = 0xd0000000u, .local = address_of(3, PORT)};
	size_t before = w.ended;
	give(1, &in);
	drain(1);
	ck_assert_uint_eq(w.ended, before + 1);
	say(999, "xyz", 3);
	end();
}
END_TEST

/* ICE-129 [SEC]: bytes */
START_TEST(a_silent_stream_is_given_little_room)
{
	tulle_out out;
	static uint8_t scratch[65536];
	w.listens[1] = w.no_udp = true;
	begin();
	w.tells[1] = false;
	describe();
	run(10000);
	knock(1, NULL, 0);
	size_t granted = 0;
	for (int i = 0; i < 8; i++) {
		while (tulle_peer_poll(w.peer[1], w.now, scratch, sizeof scratch, &out))
			granted += out.kind == TULLE_OUT_STREAM_ROOM ? out.bytes : 0;
		say(1, large, 400); /* empty packets: RFC4571:2 */
	}
	ck_assert_uint_eq(granted, 4096);
	end();
}
END_TEST

Suite *suite_peer_tcp(void)
{
	Suite *s = suite_create("peer_tcp");
	TCase *t = tcase_create("peer_tcp");
	tcase_add_loop_test(t, peers_connect_and_talk_without_udp, 0, 2);
	tcase_add_test(t, udp_is_preferred_where_it_passes);
	tcase_add_test(t, without_the_option_there_are_no_streams);
	tcase_add_test(t, a_full_stream_holds_data_back);
	tcase_add_test(t, a_flight_that_finds_no_room_is_dropped);
	tcase_add_test(t, a_stream_that_is_stuck_for_good_is_lost);
	tcase_add_loop_test(t, a_stream_that_breaks_is_opened_again_and_loses_nothing, 0, 2);
	tcase_add_test(t, a_connection_that_is_refused_fails_in_time);
	tcase_add_test(t, an_interface_that_goes_takes_its_streams_along);
	tcase_add_test(t, who_closes_without_a_path_leaves_no_stream);
	tcase_add_test(t, what_does_not_begin_with_an_authentic_check_is_ended);
	tcase_add_test(t, half_open_streams_are_bounded);
	tcase_add_test(t, a_silent_stream_is_given_little_room);
	suite_add_tcase(s, t);
	return s;
}
