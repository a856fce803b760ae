/* SPDX-License-Identifier: MIT */
/* signal: WebSocket connections of both roles: RFC6455's examples, every split, hostile frames. */
#include "tests/unit/ws_help.h"

/* WS-005 WS-028 WS-032 RFC6455:1.3 */
START_TEST(the_example_handshake_of_the_rfc)
{
	tulle_signal_ws_config c = config_of(true);
	for (size_t step = 1; step <= sizeof request; step += step < 8 ? 1 : 37) {
		tulle_signal_ws *ws = make(&c);
		story[0] = '\0';
		feed(ws, 0, request, sizeof request - 1, step);
		ck_assert_str_eq(story, "request 0;open;");
		size_t n = drain(ws, 0, wire, sizeof wire);
		wire[n] = 0;
		ck_assert_ptr_nonnull(strstr((char *)wire,
			"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
		ck_assert_ptr_nonnull(strstr((char *)wire, "\r\nSec-WebSocket-Protocol: p\r\n"));
		end(ws);
	}
}
END_TEST

/* WS-001 WS-002 WS-003 WS-016 WS-017 WS-033 WS-043 WS-045 */
START_TEST(two_ends_meet_whatever_the_pieces)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	for (size_t step = 1; step < 600; step = step * 2 + 1) {
		tulle_signal_ws *client = make(&c), *server = make(&s);
		story[0] = '\0';
		pump(client, server, 0, step);
		ck_assert_str_eq(story, "request 0;open;open;");
		story[0] = '\0';
		ck_assert_int_eq(tulle_signal_ws_send(client, 0, true, "Hello", 5), TULLE_OK);
		ck_assert_int_eq(tulle_signal_ws_send(client, 0, false, "", 0), TULLE_OK);
		ck_assert_int_eq(tulle_signal_ws_send(client, 0, true, NULL, 0), TULLE_OK);
		pump(client, server, 0, step);
		ck_assert_str_eq(story, "text 5 Hello;bytes 0;text 0 ;");
		story[0] = '\0';
		ck_assert_int_eq(
			tulle_signal_ws_close(server, 0, 1001, TULLE_TEXT("bye")), TULLE_OK);
		ck_assert_int_eq(tulle_signal_ws_send(server, 0, true, "x", 1), TULLE_ERR_STATE);
		pump(server, client, 0, step);
		ck_assert_str_eq(story, "close 1001 clean;close 1001 clean local;");
		ck_assert(tulle_signal_ws_wants_end(server));
		ck_assert(!tulle_signal_ws_wants_end(client)); /* WS-084 */
		tulle_signal_ws_handle_timeout(client, 2 * SECOND);
		ck_assert(tulle_signal_ws_wants_end(client));
		tulle_signal_ws_wipe(client);
		free(client);
		end(server);
	}
}
END_TEST

/* WS-042 WS-050 WS-062 */
START_TEST(sizes_around_each_length_form_round_trip)
{
	static const size_t sizes[] = {
		0, 1, 125, 126, 127, 128, 16383, 16384, 16385, 65535, 65536, 1048576};
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	uint8_t *data = malloc(1048576);
	for (size_t i = 0; i < 1048576; i++)
		data[i] = (uint8_t)(i * 7);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	pump(client, server, 0, 65536);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		tulle_signal_ws *from = i % 2 ? client : server, *to = i % 2 ? server : client;
		ck_assert_int_eq(tulle_signal_ws_send(from, 0, false, data, sizes[i]), TULLE_OK);
		size_t n = drain(from, 0, wire, sizeof wire), used = 0;
		tulle_signal_ws_event e = {0};
		while (used < n)
			used += tulle_signal_ws_handle_bytes(
				to, 0, wire + used, n - used < 1000 ? n - used : 1000);
		ck_assert(tulle_signal_ws_poll_event(to, &e));
		ck_assert_int_eq(e.kind, TULLE_SIGNAL_WS_BYTES);
		ck_assert_uint_eq(e.data.len, sizes[i]);
		ck_assert(sizes[i] == 0 || memcmp(e.data.ptr, data, sizes[i]) == 0);
		ck_assert(!tulle_signal_ws_poll_event(to, &e));
	}
	free(data);
	tulle_signal_ws_wipe(client);
	free(client);
	end(server);
}
END_TEST

/* WS-046 WS-047 WS-053 */
START_TEST(a_client_masks_each_frame_with_a_fresh_key)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	pump(client, server, 0, 65536);
	(void)tulle_signal_ws_send(client, 0, true, "same", 4);
	(void)tulle_signal_ws_send(client, 0, true, "same", 4);
	size_t n = drain(client, 0, wire, sizeof wire);
	ck_assert_uint_eq(n, 20);
	ck_assert_uint_eq(wire[1], 0x84);
	ck_assert(memcmp(wire + 2, wire + 12, 4) != 0);
	random_broken = true;
	ck_assert_int_eq(tulle_signal_ws_send(client, 0, true, "x", 1), TULLE_ERR_SYSTEM);
	ck_assert_uint_eq(drain(client, 0, wire, sizeof wire), 0);
	ck_assert_ptr_null(make(&c));
	(void)tulle_signal_ws_close(client, 0, 1000, TULLE_TEXT(""));
	ck_assert_uint_eq(drain(client, 0, wire, sizeof wire), 0);
	random_broken = false;
	ck_assert(tulle_signal_ws_wants_end(client));
	tulle_signal_ws_wipe(client);
	free(client);
	end(server);
}
END_TEST

/* WS-051 WS-052 RFC6455:5.7 */
START_TEST(masking_in_wide_words_equals_masking_by_bytes)
{
	static const uint8_t hello[] = {
		0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d}, data[80], want[80];
	for (size_t phase = 0; phase < 4; phase++)
		for (size_t at = 0; at < 8; at++)
			for (size_t n = 0; n <= 64; n++) {
				for (size_t i = 0; i < 80; i++)
					data[i] = want[i] = (uint8_t)(i * 3);
				for (size_t i = 0; i < n; i++)
					want[at + i] ^= mask[(phase + i) & 3];
				tulle_signal_mask(data + at, n, mask, phase);
				ck_assert_mem_eq(data, want, 80);
			}
	tulle_signal_ws_config s = config_of(true);
	for (size_t step = 1; step <= sizeof hello; step++) {
		tulle_signal_ws *ws = open_server(&s);
		feed(ws, 0, hello, sizeof hello, step);
		ck_assert_str_eq(story, "text 5 Hello;");
		end(ws);
	}
}
END_TEST

/* One client frame sequence each, as hex of first byte and payload, and the story it must give. */
static const struct {
	const char *name;
	struct {
		int first; /* 0: the end */
		const char *data;
		int len;
	} frames[5];
	const char *story;
} sequences[] = {
	{"WS-035 rsv1", {{0xc1, "x", 1}}, "close 1002 local;"},
	{"WS-035 rsv3", {{0x91, "x", 1}}, "close 1002 local;"},
	{"WS-036 opcode 3", {{0x83, "", 0}}, "close 1002 local;"},
	{"WS-036 opcode 7", {{0x87, "", 0}}, "close 1002 local;"},
	{"WS-036 opcode b", {{0x8b, "", 0}}, "close 1002 local;"},
	{"WS-036 opcode f", {{0x8f, "", 0}}, "close 1002 local;"},
	{"WS-054", {{0x01, "Hel", 3}, {0x80, "lo", 2}}, "text 5 Hello;"},
	{"WS-055", {{0x80, "lo", 2}}, "close 1002 local;"},
	{"WS-055", {{0x01, "a", 1}, {0x80, "b", 1}, {0x80, "c", 1}}, "text 2 ab;close 1002 local;"},
	{"WS-056", {{0x01, "a", 1}, {0x81, "b", 1}}, "close 1002 local;"},
	{"WS-057", {{0x01, "a", 1}, {0x89, "ping", 4}, {0x80, "b", 1}}, "text 2 ab;"},
	{"WS-058", {{0x09, "a", 1}}, "close 1002 local;"},
	{"WS-061", {{0x01, "", 0}, {0x100, "", 0}, {0x100, "a", 1}, {0x80, "", 0}}, "text 1 a;"},
	{"WS-067", {{0x8a, "what", 4}, {0x81, "a", 1}}, "text 1 a;"},
	{"WS-070", {{0x88, "", 0}, {0x81, "late", 4}}, "close 1005 clean;"},
	{"WS-071", {{0x88, "\x03", 1}}, "close 1002 local;"},
	{"WS-072",
		{{0x88,
			 "\x03\xe8"
			 "bye",
			 5},
			{0x89, "", 0}},
		"close 1000 clean;"},
	{"WS-074", {{0x88, "\x03\xe8\xff", 3}}, "close 1007 local;"},
	{"WS-088", {{0x81, "a\xff", 2}}, "close 1007 local;"},
	{"WS-089", {{0x81, "\xc0\xaf", 2}}, "close 1007 local;"},
	{"WS-090", {{0x81, "\xed\xa0\x80", 3}}, "close 1007 local;"},
	{"WS-091", {{0x81, "\xf4\x90\x80\x80", 4}}, "close 1007 local;"},
	{"WS-092", {{0x81, "\xef\xbf\xbf", 3}}, "text 3 \xef\xbf\xbf;"},
	{"WS-093", {{0x01, "\xc3", 1}, {0x80, "\xa9", 1}}, "text 2 \xc3\xa9;"},
	{"WS-094", {{0x01, "\xc3", 1}, {0x80, "", 0}}, "close 1007 local;"},
	{"WS-095", {{0x01, "\xff", 1}}, "close 1007 local;"},
	{"WS-096", {{0x82, "\xff\xff", 2}}, "bytes 2;"},
};

START_TEST(each_sequence_of_frames_gives_its_story_at_every_split)
{
	tulle_signal_ws_config s = config_of(true);
	uint8_t data[256];
	size_t len = 0;
	for (size_t i = 0; i < 5 && sequences[_i].frames[i].first != 0; i++)
		len += client_frame(data + len, (uint8_t)sequences[_i].frames[i].first,
			sequences[_i].frames[i].data, (size_t)sequences[_i].frames[i].len);
	for (size_t step = 1; step <= len; step++) {
		tulle_signal_ws *ws = open_server(&s);
		feed(ws, 0, data, len, step);
		ck_assert_msg(strcmp(story, sequences[_i].story) == 0, "%s: %s", sequences[_i].name,
			story);
		end(ws);
	}
}
END_TEST

/* WS-037 WS-038 WS-039 WS-040 WS-041 WS-048 FIELD: WebSocket frame length overflow */
START_TEST(lengths_are_judged_before_any_payload)
{
	static const struct {
		const char *head;
		size_t len;
		unsigned code;
	} heads[] = {
		{"\x82\xfe\x00\x7d\0\0\0\0", 8, 1002},
		{"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, 1002},
		{"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002},
		{"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, 1002},
		{"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, 1009},
		{"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0", 14, 1009},
		{"\x82\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14, 1009},                /* 65537 */
		{"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002}, {"\x82\x01x", 3, 1002}, /* not masked */
	};
	tulle_signal_ws_config s = config_of(true);
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char want[32];
		snprintf(want, sizeof want, "close %u local;", heads[i].code);
		tulle_signal_ws *ws = open_server(&s);
		feed(ws, 0, heads[i].head, heads[i].len, 3);
		ck_assert_msg(strcmp(story, want) == 0, "%zu: %s", i, story);
		ck_assert_uint_le(tulle_signal_ws_held(ws), 2 * 1024);
		size_t n = drain(ws, 0, wire, sizeof wire); /* WS-085 */
		ck_assert_uint_ge(n, 4);
		ck_assert_uint_eq(wire[0], 0x88);
		ck_assert_uint_eq((unsigned)(wire[2] << 8 | wire[3]), heads[i].code);
		ck_assert(tulle_signal_ws_wants_end(ws));
		end(ws);
	}
	/* 65536 is taken */
	tulle_signal_ws *ws = open_server(&s);
	feed(ws, 0, "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0", 14, 14);
	ck_assert_str_eq(story, "");
	ck_assert_uint_le(tulle_signal_ws_held(ws), 2 * 1024);
	end(ws);
}
END_TEST

/* WS-059 WS-060 FIELD: endless fragments */
START_TEST(fragments_are_capped_in_sum_and_in_number)
{
	tulle_signal_ws_config s = config_of(true);
	static uint8_t frame[65536 + 14], part[65536];
	tulle_signal_ws *ws = open_server(&s);
	size_t n = client_frame(frame, 0x02, part, 65536);
	feed(ws, 0, frame, n, 4096);
	for (int i = 1; i < 16; i++) {
		n = client_frame(frame, 0x00, part, 65536);
		feed(ws, 0, frame, n, 4096);
	}
	ck_assert_str_eq(story, "");
	ck_assert_uint_le(tulle_signal_ws_held(ws), 1048576 + 1024);
	n = client_frame(frame, 0x80, part, 1);
	feed(ws, 0, frame, n, 4096);
	ck_assert_str_eq(story, "close 1009 local;");
	end(ws);
	ws = open_server(&s);
	n = client_frame(frame, 0x01, "", 0);
	feed(ws, 0, frame, n, 64);
	n = client_frame(frame, 0x00, "", 0);
	for (int i = 0; i < 1023; i++)
		feed(ws, 0, frame, n, 64);
	ck_assert_str_eq(story, "");
	feed(ws, 0, frame, n, 64);
	ck_assert_str_eq(story, "close 1009 local;");
	end(ws);
}
END_TEST

/* WS-049 */
START_TEST(a_client_refuses_masked_frames)
{
	tulle_signal_ws_config c = config_of(false), s = config_of(true);
	tulle_signal_ws *client = make(&c), *server = make(&s);
	pump(client, server, 0, 65536);
	story[0] = '\0';
	size_t n = client_frame(wire, 0x81, "x", 1);
	feed(client, 0, wire, n, n);
	ck_assert_str_eq(story, "close 1002 local;");
	tulle_signal_ws_wipe(server);
	free(server);
	end(client);
}
END_TEST

/* WS-065 WS-066 WS-068 */
START_TEST(pings_are_answered_with_the_latest_and_never_pile_up)
{
	tulle_signal_ws_config s = config_of(true);
	tulle_signal_ws *ws = open_server(&s);
	uint8_t frame[256];
	for (int i = 0; i < 1000; i++) {
		size_t n = client_frame(frame, 0x89, i == 999 ? "last" : "some", 4);
		feed(ws, 0, frame, n, n);
	}
	ck_assert_uint_eq(drain(ws, 0, wire, sizeof wire), 6);
	ck_assert_mem_eq(wire, "\x8a\x04last", 6);
	char big[125];
	memset(big, 'x', sizeof big);
	size_t n = client_frame(frame, 0x89, big, 125);
	feed(ws, 0, frame, n, n);
	ck_assert_uint_eq(drain(ws, 0, wire, sizeof wire), 127);
	ck_assert_mem_eq(wire + 2, big, 125);
	end(ws);
}
END_TEST

Suite *suite_websocket(void)
{
	Suite *suite = suite_create("websocket");
	TCase *t = tcase_create("websocket");
	tcase_add_test(t, the_example_handshake_of_the_rfc);
	tcase_add_test(t, two_ends_meet_whatever_the_pieces);
	tcase_add_test(t, sizes_around_each_length_form_round_trip);
	tcase_add_test(t, a_client_masks_each_frame_with_a_fresh_key);
	tcase_add_test(t, masking_in_wide_words_equals_masking_by_bytes);
	tcase_add_loop_test(t, each_sequence_of_frames_gives_its_story_at_every_split, 0,
		(int)(sizeof sequences / sizeof *sequences));
	tcase_add_test(t, lengths_are_judged_before_any_payload);
	tcase_add_test(t, fragments_are_capped_in_sum_and_in_number);
	tcase_add_test(t, a_client_refuses_masked_frames);
	tcase_add_test(t, pings_are_answered_with_the_latest_and_never_pile_up);
	suite_add_tcase(suite, t);
	return suite;
}
