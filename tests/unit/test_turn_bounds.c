/* SPDX-License-Identifier: MIT */
/* turn: hostile servers, strangers, and the bounds of memory and work. */
#include "turn_server.h"

static const tulle_turn_config plain = {0};

START_TEST(memory_is_what_the_config_says)
{
	tulle_turn_config c = {.username = TULLE_TEXT("u"),
		.password = TULLE_TEXT("p"),
		.random = {tulle_crypto_random, NULL},
		.peers_max = 64};
	ck_assert_uint_le(tulle_turn_memory_bytes(&c), TULLE_TURN_MEMORY_BYTES_MAX);
	size_t udp = tulle_turn_memory_bytes(&c);
	c.transport = TULLE_TURN_STREAM;
	c.stream_bytes = 65560;
	ck_assert_uint_eq(tulle_turn_memory_bytes(&c), udp + 65560);
	ck_assert_uint_gt(tulle_turn_memory_bytes(&c), 0);
	max_align_t *block = malloc(udp + 65560 + 16);
	ck_assert_ptr_null(tulle_turn_init(block, udp, &c, 0));
	ck_assert_ptr_null(tulle_turn_init((uint8_t *)block + 1, udp + 65560, &c, 0));
	free(block);
}
END_TEST

START_TEST(configs_out_of_range_are_refused)
{
	static char long_text[509];
	const tulle_turn_config good = {.username = TULLE_TEXT("u"),
		.password = TULLE_TEXT("p"),
		.random = {tulle_crypto_random, NULL}};
	ck_assert_uint_ne(tulle_turn_memory_bytes(&good), 0);
	for (int i = 0; i < 12; i++) {
		tulle_turn_config c = good;
		switch (i) {
		case 0:
			c.username.len = 0;
			break;
		case 1:
			c.username = (tulle_text){long_text, 509}; /* STUN-103 */
			break;
		case 2:
			c.password.len = 0;
			break;
		case 3:
			c.password = (tulle_text){long_text, 509};
			break;
		case 4:
			c.random.fill = NULL;
			break;
		case 5:
			c.peers_max = 65;
			break;
		case 6:
			c.stream_bytes = 1499;
			break;
		case 7:
			c.stream_bytes = 65561;
			break;
		case 8:
			c.rto_us = -1;
			break;
		case 9:
			c.rto_us = TULLE_STUN_TI_US + 1;
			break;
		case 10:
			c.ipv6 = c.both = true;
			break;
		default:
			c.transport = (tulle_turn_transport)7;
			break;
		}
		ck_assert_msg(tulle_turn_memory_bytes(&c) == 0, "%d", i);
	}
}
END_TEST

/* STUN-104: nothing is left of them; the credentials are the engine's own copy */
START_TEST(credentials_are_copied_and_wiped)
{
	char name[] = "ann", password[] = "secret";
	Server s;
	server_init(&s, &(tulle_turn_config){.username = {name, 3}, .password = {password, 6}});
	memset(password, 'x', 6);
	memset(name, 'x', 3);
	s.config.username = TULLE_TEXT("ann");
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s); /* looks at each byte */
}
END_TEST

/* STUN-014, ICE-013, ICE-152 */
START_TEST(only_the_server_is_listened_to)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	uint8_t buf[256];
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	size_t n = make_indication(buf, sizeof buf, &peer, "x", 1);
	tulle_addr other = s.path.remote;
	other.port++;
	give_from(&s, &other, buf, n);
	ck_assert_int_eq(s.drop, TULLE_DROP_UNKNOWN_PATH);
	other = s.path.remote;
	other.ip[3] ^= 1;
	give_from(&s, &other, buf, n);
	ck_assert_int_eq(s.drop, TULLE_DROP_UNKNOWN_PATH);
	give_from(&s, &peer, (const uint8_t *)"\x40\x00\x00\x01x", 5);
	ck_assert_int_eq(s.drop, TULLE_DROP_UNKNOWN_PATH);
	ck_assert_uint_eq(s.got_count, 0);
	/* as a socket of both families names it */
	other = (tulle_addr){.family = 6, .port = s.path.remote.port};
	other.ip[10] = other.ip[11] = 0xff;
	memcpy(other.ip + 12, s.path.remote.ip, 4);
	give_from(&s, &other, buf, n);
	ck_assert_int_eq(s.drop, TULLE_TAKEN);
	ck_assert_uint_eq(s.got_count, 1);
	server_wipe(&s);
}
END_TEST

/* STUN-013, STUN-015, STUN-016, STUN-105 */
START_TEST(answers_to_nothing_change_nothing)
{
	uint8_t buf[256];
	uint8_t id[12] = {1, 2, 3};
	Server s;
	server_init(&s, &plain);
	s.mute = true;
	start(&s);
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_SUCCESS, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_TRANSACTION);
	memcpy(id, last_asked(&s)->id, 12);
	w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_REFRESH, TULLE_STUN_SUCCESS, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_METHOD);
	w = tulle_stun_write_begin(buf, sizeof buf, 0x00f, TULLE_STUN_ERROR, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_METHOD);
	w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_ERROR, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_ATTRIBUTE);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_ERROR_CODE), "\0\0\7\0", 4);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_ATTRIBUTE);
	give_channel(&s, 0x4000, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_DROP_STATE);
	give_indication(&s, &s.mapped, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_DROP_STATE);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
	ck_assert_uint_eq(s.told_count, 0);
	s.mute = false;
	run_for(&s, SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

/* Every truncation of a success, an error, an indication and a ChannelData: dropped, unchanged. */
START_TEST(truncations_are_dropped)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	uint8_t buf[256], key[32];
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	s.mute = true;
	run_to(&s, 540 * SECOND);
	const Asked *refresh = NULL;
	for (size_t i = 0; i < s.asked_count; i++)
		if (s.asked[i].method == TULLE_STUN_REFRESH)
			refresh = &s.asked[i];
	ck_assert_ptr_nonnull(refresh);
	for (int what = 0; what < 4; what++) {
		size_t len;
		tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_REFRESH,
			what == 0 ? TULLE_STUN_SUCCESS : TULLE_STUN_ERROR, refresh->id);
		if (what == 0)
			tulle_stun_write_u32(&w, TULLE_STUN_A_LIFETIME, 600);
		else
			tulle_stun_write_error(&w, 437, TULLE_TEXT("x"));
		tulle_stun_write_integrity(&w, server_key(&s, 0, key));
		len = tulle_stun_write_finish(&w);
		if (what == 2)
			len = make_indication(buf, sizeof buf, &peer, "hello", 5);
		if (what == 3)
			len = make_channel(buf, 0x4000, "hello", 5);
		for (size_t cut = 0; cut < len; cut++) {
			give(&s, buf, cut);
			ck_assert_int_ne(s.drop, TULLE_TAKEN);
			ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		}
		ck_assert_int_eq(tulle_turn_drops(s.turn, TULLE_DROP_MALFORMED), what == 3 ? 8 : 0);
	}
	ck_assert_uint_eq(s.got_count, 0);
	server_wipe(&s);
}
END_TEST

/* STUN-109: 300 for ever, to new servers each time, back and forth, to nowhere */
START_TEST(redirections_have_an_end)
{
	Server s;
	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 300;
	size_t followed = 0;
	for (uint8_t i = 0; i < 20; i++) {
		s.alternate[0] = (tulle_addr){.family = 4, .ip = {198, 51, 100, i}, .port = 3478};
		s.alternate[0].ip[3] = (uint8_t)(100 + i);
		start(&s);
		if (state_of(&s) != TULLE_TURN_REDIRECTED)
			break;
		followed++;
		s.path.remote = s.alternate[0];
	}
	ck_assert_uint_eq(followed, 3);
	check_failed(&s, TULLE_TURN_FAILURE_ALTERNATE, 300);
	ck_assert_int_eq(last_told(&s)->u.failed.retry_at, TULLE_TIME_NEVER);
	ck_assert_uint_eq(s.asked_count, 8);
	server_wipe(&s);

	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 300;
	const tulle_addr home = s.path.remote;
	s.alternate[0] = addr_of("198.51.100.2", 3478);
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_REDIRECTED);
	s.path.remote = s.alternate[0];
	s.alternate[0] = home;
	start(&s);
	check_failed(&s, TULLE_TURN_FAILURE_ALTERNATE, 300);
	server_wipe(&s);
}
END_TEST

START_TEST(redirections_to_nowhere_are_not_followed)
{
	static const struct {
		const char *ip;
		uint16_t port;
	} rows[] = {{"0.0.0.0", 3478}, {"224.0.0.1", 3478}, {"127.0.0.1", 3478},
		{"198.51.100.2", 0}, {"2001:db8::1", 3478}, {"198.51.100.1", 3478}};
	for (size_t i = 0; i <= sizeof rows / sizeof *rows; i++) {
		Server s;
		server_init(&s, &plain);
		s.refuse_method = TULLE_STUN_ALLOCATE;
		s.refuse_code = 300;
		if (i < sizeof rows / sizeof *rows)
			s.alternate[0] = addr_of(rows[i].ip, rows[i].port);
		start(&s);
		check_failed(&s, TULLE_TURN_FAILURE_ALTERNATE, 300);
		server_wipe(&s);
	}
}
END_TEST

/* Answers change, times jump: what goes out is bounded by the timers, not by what comes in. */
START_TEST(a_flood_of_answers_draws_nothing)
{
	uint8_t buf[2048];
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	s.asked_count = s.told_count = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t id[12] = {(uint8_t)i, (uint8_t)(i >> 8)};
		tulle_stun_writer w = tulle_stun_write_begin(
			buf, sizeof buf, (uint16_t)(i % 16), (tulle_stun_kind)(i % 4), id);
		tulle_stun_write_error(&w, 300 + i % 400, TULLE_TEXT("flood"));
		give(&s, buf, w.len);
	}
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 0);
	ck_assert_uint_eq(s.told_count, 0);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

/* In a poll or an answer it ends the allocation by name; in a command nothing happens. */
START_TEST(without_randomness_nothing_is_sent)
{
	Server s;
	server_init(&s, &plain);
	s.no_random = true;
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 0, &s.path), TULLE_ERR_SYSTEM);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_NEW);
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 0);
	s.no_random = false;
	s.mute = true;
	start(&s);
	s.no_random = true;
	server_answer(&s, &s.asked[0], false);
	drain_events(&s);
	check_failed(&s, TULLE_TURN_FAILURE_RANDOM, 0);
	s.no_random = s.mute = false;
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	s.no_random = true;
	run_for(&s, 540 * SECOND); /* keepalives wait for better times, a refresh does not */
	check_failed(&s, TULLE_TURN_FAILURE_RANDOM, 0);
	server_wipe(&s);
}
END_TEST

START_TEST(a_small_buffer_gets_nothing_and_loses_nothing)
{
	uint8_t buf[TULLE_TURN_DATAGRAM_BYTES];
	tulle_datagram d;
	Server s;
	server_init(&s, &plain);
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 0, &s.path), TULLE_OK);
	ck_assert(!tulle_turn_poll_datagram(s.turn, 0, buf, sizeof buf - 1, &d));
	ck_assert(tulle_turn_poll_datagram(s.turn, 0, buf, sizeof buf, &d));
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 0, &s.path), TULLE_ERR_STATE);
	server_wipe(&s);
	server_init(&s, &plain);
	s.path.remote.port = 0;
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 0, &s.path), TULLE_ERR_ARGUMENT);
	s.path.remote = (tulle_addr){.port = 5};
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 0, &s.path), TULLE_ERR_ARGUMENT);
	server_wipe(&s);
}
END_TEST

START_TEST(time_does_not_go_back)
{
	Server s;
	server_ready(&s, &plain);
	run_for(&s, 100 * SECOND);
	tulle_turn_handle_timeout(s.turn, 0);
	ck_assert_int_gt(tulle_turn_poll_timeout(s.turn), 100 * SECOND);
	run_for(&s, 500 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

Suite *suite_turn_bounds(void)
{
	Suite *s = suite_create("turn_bounds");
	TCase *t = tcase_create("turn_bounds");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, memory_is_what_the_config_says);
	tcase_add_test(t, configs_out_of_range_are_refused);
	tcase_add_test(t, credentials_are_copied_and_wiped);
	tcase_add_test(t, only_the_server_is_listened_to);
	tcase_add_test(t, answers_to_nothing_change_nothing);
	tcase_add_test(t, truncations_are_dropped);
	tcase_add_test(t, redirections_have_an_end);
	tcase_add_test(t, redirections_to_nowhere_are_not_followed);
	tcase_add_test(t, a_flood_of_answers_draws_nothing);
	tcase_add_test(t, without_randomness_nothing_is_sent);
	tcase_add_test(t, a_small_buffer_gets_nothing_and_loses_nothing);
	tcase_add_test(t, time_does_not_go_back);
	suite_add_tcase(s, t);
	return s;
}
