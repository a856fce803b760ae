/* SPDX-License-Identifier: MIT */
/* signal: the life of a WebSocket connection: closing, time, queues, handshakes that fail. */
#include "tests/unit/ws_help.h"

START_TEST(a_config_out_of_range_is_refused_and_the_constant_suffices)
{
	tulle_signal_ws_config c = config_of(false);
	size_t n = tulle_signal_ws_memory_bytes(&c);
	_Alignas(max_align_t) uint8_t block[TULLE_SIGNAL_WS_MEMORY_BYTES];
	ck_assert_uint_le(n, sizeof block);
	ck_assert_ptr_null(tulle_signal_ws_init(block, n - 1, &c, 0));
	tulle_signal_ws_config bad[6] = {c, c, c, c, c, c};
	bad[0].authority.len = 0;
	bad[1].random.fill = NULL;
	bad[2].allocator.alloc = NULL;
	bad[3].send_bytes_max = 100;
	bad[4].message_bytes_max = SIZE_MAX;
	bad[5].ping_us = -1;
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(tulle_signal_ws_memory_bytes(&bad[i]), 0);
	c.target = TULLE_TEXT("/a\r\nX: y"); /* WS-019 */
	ck_assert_ptr_null(tulle_signal_ws_init(block, sizeof block, &c, 0));
	ck_assert_uint_eq(held_bytes, 0);
}
END_TEST

/* WS-075 WS-076 WS-077 */
START_TEST(close_codes_are_those_of_the_table)
{
	tulle_signal_ws_config s = config_of(true);
	for (unsigned code = 0; code < 65536; code += code < 5010 ? 1 : 997) {
		bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
			    (code >= 3000 && code <= 4999);
		ck_assert(tulle_signal_is_close_code((uint16_t)code) == good);
		if (code > 1020 && code % 250 != 0)
			continue;
		uint8_t frame[32], body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
		char want[32];
		tulle_signal_ws *ws = open_server(&s);
		size_t n = client_frame(frame, 0x88, body, 2);
		feed(ws, 0, frame, n, n);
		snprintf(want, sizeof want, good ? "close %u clean;" : "close 1002 local;", code);
		ck_assert_str_eq(story, want);
		n = drain(ws, 0, wire, sizeof wire);
		ck_assert_uint_ge(n, 4);
		ck_assert_uint_eq((unsigned)(wire[2] << 8 | wire[3]), good ? code : 1002);
		ck_assert(tulle_signal_ws_wants_end(ws));
		end(ws);
		ws = open_server(&s);
		ck_assert_int_eq(tulle_signal_ws_close(ws, 0, (uint16_t)code, TULLE_TEXT("")),
			good || code == 0 ? TULLE_OK : TULLE_ERR_ARGUMENT);
		end(ws);
	}
}
END_TEST

/* WS-082 */
START_TEST(two_closes_at_once_end_clean)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	pump(client, server, 0, 65536);
	story[0] = '\0';
	(void)tulle_signal_ws_close(client, 0, 1000, TULLE_TEXT(""));
	(void)tulle_signal_ws_close(server, 0, 1001, TULLE_TEXT(""));
	uint8_t a[64], b[64];
	size_t n = drain(client, 0, a, sizeof a), k = drain(server, 0, b, sizeof b);
	feed(server, 0, a, n, 1);
	feed(client, 0, b, k, 1);
	ck_assert_str_eq(story, "close 1000 clean local;close 1001 clean local;");
	ck_assert_uint_eq(drain(client, 0, a, sizeof a), 0);
	ck_assert(tulle_signal_ws_wants_end(server));
	tulle_signal_ws_wipe(client);
	free(client);
	end(server);
}
END_TEST

/* WS-078 WS-079 WS-087 */
START_TEST(a_close_waits_for_what_was_taken_and_not_for_ever)
{
	tulle_signal_ws_config s = config_of(true);
	tulle_signal_ws *ws = open_server(&s);
	uint8_t frame[64];
	(void)tulle_signal_ws_send(ws, 0, true, "first", 5);
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, TULLE_TEXT("x")), TULLE_OK);
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, TULLE_TEXT("x")), TULLE_ERR_STATE);
	ck_assert_uint_eq(drain(ws, 0, wire, sizeof wire), 7 + 5);
	ck_assert_mem_eq(wire,
		"\x81\x05"
		"first\x88\x03\x03\xe8x",
		12);
	size_t n = client_frame(frame, 0x81, "late", 4);
	feed(ws, 0, frame, n, 1);
	ck_assert_str_eq(story, "");
	ck_assert_uint_le(tulle_signal_ws_held(ws), 2 * 1024);
	ck_assert_int_eq(tulle_signal_ws_poll_timeout(ws), 2 * SECOND);
	tulle_signal_ws_handle_timeout(ws, 2 * SECOND);
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(ws, &e));
	ck_assert_uint_eq(e.close.code, 1000);
	ck_assert(!e.close.clean && e.close.local);
	ck_assert(tulle_signal_ws_wants_end(ws));
	ck_assert(tulle_signal_ws_poll_timeout(ws) == TULLE_TIME_NEVER);
	end(ws);
}
END_TEST

/* WS-083 WS-125 */
START_TEST(a_stream_that_ends_without_a_close_frame_is_1006)
{
	tulle_signal_ws_config s = config_of(true);
	tulle_signal_ws *ws = open_server(&s);
	uint8_t frame[64];
	size_t n = client_frame(frame, 0x01, "part", 4);
	feed(ws, 0, frame, n, n);
	tulle_signal_ws_handle_end(ws, 1);
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(ws, &e));
	ck_assert_int_eq(e.kind, TULLE_SIGNAL_WS_CLOSE);
	ck_assert_uint_eq(e.close.code, 1006);
	ck_assert(!e.close.clean && !e.close.local);
	ck_assert(!tulle_signal_ws_poll_event(ws, &e));
	ck_assert_uint_le(tulle_signal_ws_held(ws), 2 * 1024);
	end(ws);
}
END_TEST

/* WS-069 WS-015 */
START_TEST(silence_is_noticed_and_time_never_spins)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	pump(client, server, 0, 65536);
	ck_assert_int_eq(tulle_signal_ws_poll_timeout(server), 20 * SECOND);
	for (tulle_time t = 20 * SECOND; t < 200 * SECOND; t += 20 * SECOND) {
		tulle_signal_ws_handle_timeout(server, t);
		tulle_signal_ws_handle_timeout(client, t);
		pump(server, client, t, 3);
		ck_assert_int_eq(tulle_signal_ws_poll_timeout(server), t + 20 * SECOND);
	}
	tulle_signal_ws_handle_timeout(server, 200 * SECOND);
	ck_assert_uint_eq(drain(server, 200 * SECOND, wire, sizeof wire), 6);
	ck_assert_int_eq(tulle_signal_ws_poll_timeout(server), 210 * SECOND);
	uint8_t frame[64];
	size_t n = client_frame(frame, 0x8a, "fake", 4); /* no pong of ours */
	feed(server, 201 * SECOND, frame, n, n);
	story[0] = '\0';
	tulle_signal_ws_handle_timeout(server, 210 * SECOND);
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(server, &e));
	ck_assert(e.kind == TULLE_SIGNAL_WS_CLOSE && e.close.code == 1006 && e.close.local);
	ck_assert(tulle_signal_ws_poll_timeout(server) == TULLE_TIME_NEVER);
	ck_assert(tulle_signal_ws_wants_end(server));
	tulle_signal_ws_wipe(server);
	free(server);
	server = make(&s);
	feed(server, 0, request, 20, 20);
	tulle_signal_ws_handle_timeout(server, 10 * SECOND);
	ck_assert(tulle_signal_ws_poll_event(server, &e) && e.kind == TULLE_SIGNAL_WS_CLOSE);
	tulle_signal_ws_wipe(client);
	free(client);
	end(server);
}
END_TEST

/* WS-124 WS-126 */
START_TEST(a_full_queue_says_so_and_later_that_there_is_room)
{
	tulle_signal_ws_config s = config_of(true);
	s.send_bytes_max = 16384;
	tulle_signal_ws *ws = open_server(&s);
	static uint8_t data[20000];
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, false, data, 16384), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, false, data, 9996), TULLE_OK);
	ck_assert_uint_eq(tulle_signal_ws_buffered(ws), 10000);
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, false, data, 9996), TULLE_WOULD_BLOCK);
	ck_assert_uint_eq(tulle_signal_ws_buffered(ws), 10000);
	tulle_signal_ws_event e;
	size_t polled = 0;
	while (!tulle_signal_ws_poll_event(ws, &e)) {
		size_t n = tulle_signal_ws_poll_bytes(ws, 0, wire, 100);
		ck_assert_uint_ne(n, 0);
		polled += n;
	}
	ck_assert_int_eq(e.kind, TULLE_SIGNAL_WS_WRITABLE);
	ck_assert_uint_eq(polled, 3700);
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, false, data, 9996), TULLE_OK);
	ck_assert_uint_eq(drain(ws, 0, wire, sizeof wire), 16300);
	ck_assert_uint_le(tulle_signal_ws_held(ws), 2 * 1024);
	end(ws);
}
END_TEST

START_TEST(a_pong_enters_only_between_frames)
{
	tulle_signal_ws_config s = config_of(true);
	tulle_signal_ws *ws = open_server(&s);
	static uint8_t data[40000];
	uint8_t frame[64];
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, false, data, sizeof data), TULLE_OK);
	ck_assert_uint_eq(tulle_signal_ws_poll_bytes(ws, 0, wire, 10), 10);
	size_t n = client_frame(frame, 0x89, "now", 3);
	feed(ws, 0, frame, n, n);
	n = 10 + drain(ws, 0, wire + 10, sizeof wire - 10);
	ck_assert_uint_eq(n, 40000 + 3 * 4 + 5);
	ck_assert_mem_eq(wire + 16384 + 4, "\x8a\x03now", 5);
	ck_assert_uint_eq(wire[0], 0x02);
	ck_assert_uint_eq(wire[16384 + 4 + 5], 0x00);
	ck_assert_uint_eq(wire[2 * (16384 + 4) + 5], 0x80);
	end(ws);
}
END_TEST

START_TEST(a_payload_lives_while_it_is_echoed)
{
	tulle_signal_ws_config s = config_of(true);
	tulle_signal_ws *ws = open_server(&s);
	uint8_t frame[64];
	size_t n = client_frame(frame, 0x81, "echo me", 7);
	ck_assert_uint_eq(tulle_signal_ws_handle_bytes(ws, 0, frame, n), n);
	ck_assert_uint_eq(
		tulle_signal_ws_handle_bytes(ws, 0, frame, n), 0); /* unread holds it back */
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(ws, &e));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
			tulle_signal_ws_send(ws, 0, true, e.data.ptr, e.data.len), TULLE_OK);
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, TULLE_TEXT("")), TULLE_OK);
	ck_assert_mem_eq(e.data.ptr, "echo me", 7);
	end(ws);
}
END_TEST

START_TEST(texts_and_reasons_of_ours_are_validated)
{
	tulle_signal_ws_config s = config_of(true); /* WS-099 */
	tulle_signal_ws *ws = open_server(&s);
	char reason[124];
	memset(reason, 'r', sizeof reason);
	ck_assert_int_eq(tulle_signal_ws_send(ws, 0, true, "\xff", 1), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(
		tulle_signal_ws_close(ws, 0, 1000, (tulle_text){reason, 124}), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_signal_ws_close(ws, 0, 1000, TULLE_TEXT("\xff")), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, (tulle_text){reason, 123}), TULLE_OK);
	ck_assert_uint_eq(drain(ws, 0, wire, sizeof wire), 127);
	end(ws);
}
END_TEST

/* WS-006 to WS-011, WS-018: what a server may not answer */
static const struct {
	const char *change, *to;
	unsigned status;
} answers[] = {
	{"", "", 0},
	{"101 Switching Protocols", "101", 0},
	{"Upgrade: websocket", "upgrade:\tWebSocket  ", 0},
	{"Connection: Upgrade", "Connection: keep-alive, upgrade", 0},
	{"HTTP/1.1 101", "HTTP/1.1 401", 401},
	{"HTTP/1.1 101", "HTTP/1.1 302", 302},
	{"HTTP/1.1 101", "HTTP/1.1 200", 200},
	{"HTTP/1.1 101", "HTTP/1.0 101", 1},
	{"HTTP/1.1 101", "HTTP/1.1 1011", 1},
	{"Upgrade: websocket\r\n", "", 1},
	{"Upgrade: websocket", "Upgrade: websockets", 1},
	{"Connection: Upgrade\r\n", "", 1},
	{"Connection: Upgrade", "Connection: close", 1},
	{"Accept: ", "Accept: x", 1},
	{"Sec-WebSocket-Accept", "Sec-WebSocket-Accepted", 1},
	{"\r\n\r\n", "\r\nSec-WebSocket-Accept: x\r\n\r\n", 1},
	{"Protocol: p", "Protocol: q", 1},
	{"Sec-WebSocket-Protocol: p\r\n", "", 1},
	{"\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1},
	{"\r\n\r\n", "\r\n folded\r\n\r\n", 1},
	{"\r\n\r\n", "\r\nbad header\r\n\r\n", 1},
};

START_TEST(a_client_judges_the_answer)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	for (size_t step = 1; step < 400; step += 101) {
		tulle_signal_ws *client = make(&c), *server = make(&s);
		size_t n = drain(client, 0, wire, sizeof wire);
		feed(server, 0, wire, n, n);
		n = drain(server, 0, wire, sizeof wire);
		wire[n] = 0;
		char changed[1024], *at = strstr((char *)wire, answers[_i].change);
		ck_assert_ptr_nonnull(at);
		snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (char *)wire), wire,
			answers[_i].to, at + strlen(answers[_i].change));
		story[0] = '\0';
		feed(client, 0, changed, strlen(changed), step);
		ck_assert_msg((strcmp(story, "open;") == 0) == (answers[_i].status == 0), "%d %s",
			_i, story);
		ck_assert(answers[_i].status == 0 || tulle_signal_ws_wants_end(client));
		tulle_signal_ws_wipe(server);
		free(server);
		end(client);
	}
}
END_TEST

START_TEST(a_refusal_names_its_status)
{
	tulle_signal_ws_config c = config_of(false);
	static const char answer[] = "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno\n";
	tulle_signal_ws *ws = make(&c);
	tulle_signal_ws_event e;
	(void)tulle_signal_ws_handle_bytes(ws, 0, (const uint8_t *)answer, sizeof answer - 1);
	ck_assert(tulle_signal_ws_poll_event(ws, &e));
	ck_assert_int_eq(e.kind, TULLE_SIGNAL_WS_CLOSE);
	ck_assert_uint_eq(e.close.http_status, 503);
	ck_assert_int_eq(e.close.why, TULLE_DROP_HTTP_SYNTAX);
	end(ws);
}
END_TEST

/* WS-030 WS-014 */
START_TEST(an_endless_head_ends_at_16_kib)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	char *junk = malloc(20000);
	memset(junk, 'x', 20000);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	story[0] = '\0';
	feed(client, 0, junk, 20000, 777);
	ck_assert_str_eq(story, "close 1006 local;");
	story[0] = '\0';
	ck_assert_uint_eq(tulle_signal_ws_handle_bytes(server, 0, (uint8_t *)junk, 20000), 16384);
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(server, &e));
	ck_assert_uint_eq(e.request->status, 431);
	ck_assert_int_eq(tulle_signal_ws_respond(server, 0, 431, TULLE_TEXT("text/plain"),
				 (tulle_bytes){(const uint8_t *)"no", 2}, false),
		TULLE_OK);
	size_t n = drain(server, 0, wire, sizeof wire);
	ck_assert_mem_eq(wire, "HTTP/1.1 431 ", 13);
	ck_assert_mem_eq(wire + n - 2, "no", 2);
	ck_assert(tulle_signal_ws_wants_end(server));
	ck_assert(tulle_signal_ws_poll_event(server, &e) && e.kind == TULLE_SIGNAL_WS_CLOSE);
	free(junk);
	tulle_signal_ws_wipe(client);
	free(client);
	end(server);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	for (size_t fail = 0; fail < 12; fail++) {
		alloc_fail_after = fail;
		tulle_signal_ws *server = make(&s);
		tulle_signal_ws *client = make(&c);
		tulle_signal_ws_event e;
		if (client != NULL) {
			size_t n = drain(client, 0, wire, sizeof wire), used = 0;
			used = tulle_signal_ws_handle_bytes(server, 0, wire, n);
			ck_assert_uint_eq(used, n);
			while (tulle_signal_ws_poll_event(server, &e))
				if (e.kind == TULLE_SIGNAL_WS_REQUEST && e.request->upgrade)
					(void)tulle_signal_ws_accept(server, 0, TULLE_TEXT("p"));
			n = drain(server, 0, wire, sizeof wire);
			(void)tulle_signal_ws_handle_bytes(client, 0, wire, n);
			while (tulle_signal_ws_poll_event(client, &e))
				continue;
			static uint8_t data[5000];
			tulle_err err = tulle_signal_ws_send(client, 0, false, data, sizeof data);
			ck_assert(err == TULLE_OK || err == TULLE_ERR_MEMORY ||
				  err == TULLE_ERR_STATE);
			n = drain(client, 0, wire, sizeof wire);
			(void)tulle_signal_ws_handle_bytes(server, 0, wire, n);
			while (tulle_signal_ws_poll_event(server, &e))
				continue;
			tulle_signal_ws_check(client);
			tulle_signal_ws_check(server);
			tulle_signal_ws_wipe(client);
			free(client);
		}
		alloc_fail_after = SIZE_MAX;
		end(server);
	}
}
END_TEST

Suite *suite_websocket_life(void)
{
	Suite *suite = suite_create("websocket_life");
	TCase *t = tcase_create("websocket_life");
	tcase_add_test(t, a_config_out_of_range_is_refused_and_the_constant_suffices);
	tcase_add_test(t, close_codes_are_those_of_the_table);
	tcase_add_test(t, two_closes_at_once_end_clean);
	tcase_add_test(t, a_close_waits_for_what_was_taken_and_not_for_ever);
	tcase_add_test(t, a_stream_that_ends_without_a_close_frame_is_1006);
	tcase_add_test(t, silence_is_noticed_and_time_never_spins);
	tcase_add_test(t, a_full_queue_says_so_and_later_that_there_is_room);
	tcase_add_test(t, a_pong_enters_only_between_frames);
	tcase_add_test(t, a_payload_lives_while_it_is_echoed);
	tcase_add_test(t, texts_and_reasons_of_ours_are_validated);
	tcase_add_loop_test(
		t, a_client_judges_the_answer, 0, (int)(sizeof answers / sizeof *answers));
	tcase_add_test(t, a_refusal_names_its_status);
	tcase_add_test(t, an_endless_head_ends_at_16_kib);
	tcase_add_test(t, every_allocation_may_fail);
	suite_add_tcase(suite, t);
	return suite;
}
