/* SPDX-License-Identifier: MIT */
/* signal: WebSocket connections of both roles: RFC6455's examples, every split, hostile frames. */
#include "signal/frame.h"
#include "signal/websocket.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static size_t held_bytes, alloc_fail_after = SIZE_MAX;

static void *count_alloc(void *user, size_t n)
{
	(void)user;
	if (alloc_fail_after == 0)
		return NULL;
	alloc_fail_after -= alloc_fail_after != SIZE_MAX;
	held_bytes += n;
	return malloc(n);
}

static void count_free(void *user, void *p, size_t n)
{
	(void)user;
	held_bytes -= n;
	free(p);
}

static bool random_broken;
static uint32_t random_state;

static bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 1664525 + 1013904223;
		dst[i] = (uint8_t)(random_state >> 24);
	}
	return !random_broken;
}

static tulle_signal_ws_config config_of(bool server)
{
	tulle_signal_ws_config c = {.server = server,
		.authority = TULLE_TEXT("server.example.com"),
		.target = TULLE_TEXT("/chat"),
		.protocol = TULLE_TEXT("p"),
		.random = {fill, NULL},
		.allocator = {count_alloc, count_free, NULL}};
	return c;
}

static tulle_signal_ws *make(const tulle_signal_ws_config *c)
{
	size_t n = tulle_signal_ws_memory_bytes(c);
	void *memory = malloc(n);
	ck_assert_uint_ne(n, 0);
	tulle_signal_ws *ws = tulle_signal_ws_init(memory, n, c, 0);
	if (ws == NULL)
		free(memory);
	return ws;
}

static void end(tulle_signal_ws *ws)
{
	tulle_signal_ws_wipe(ws);
	free(ws);
	ck_assert_uint_eq(held_bytes, 0);
}

/* What happened, as text: "open", "text 5 Hello", "close 1000 clean". */
static char story[65536];

static void tell(const tulle_signal_ws_event *e)
{
	char *at = story + strlen(story);
	size_t room = sizeof story - strlen(story);
	int shown = (int)(e->data.len < 40 ? e->data.len : 40);
	switch (e->kind) {
	case TULLE_SIGNAL_WS_REQUEST:
		snprintf(at, room, "request %u;", e->request->status);
		break;
	case TULLE_SIGNAL_WS_OPEN:
		snprintf(at, room, "open;");
		break;
	case TULLE_SIGNAL_WS_MESSAGE:
		snprintf(at, room, "text %zu %.*s;", e->data.len, shown, (const char *)e->data.ptr);
		break;
	case TULLE_SIGNAL_WS_BYTES:
		snprintf(at, room, "bytes %zu;", e->data.len);
		break;
	case TULLE_SIGNAL_WS_WRITABLE:
		snprintf(at, room, "writable;");
		break;
	case TULLE_SIGNAL_WS_CLOSE:
		snprintf(at, room, "close %u%s%s;", e->close.code, e->close.clean ? " clean" : "",
			e->close.local ? " local" : "");
		break;
	}
}

/* Feeds in pieces of `step` bytes, tells all events, accepts requests. */
static void feed(tulle_signal_ws *ws, tulle_time now, const void *data, size_t len, size_t step)
{
	const uint8_t *p = data;
	tulle_signal_ws_event e;
	while (len != 0) {
		size_t n = len < step ? len : step;
		uint8_t *copy = malloc(n);
		memcpy(copy, p, n);
		size_t used = tulle_signal_ws_handle_bytes(ws, now, copy, n);
		free(copy);
		ck_assert_uint_le(used, n);
		tulle_signal_ws_check(ws);
		bool any = false;
		while (tulle_signal_ws_poll_event(ws, &e)) {
			any = true;
			tell(&e);
			if (e.kind == TULLE_SIGNAL_WS_REQUEST && e.request->upgrade)
				ck_assert_int_eq(tulle_signal_ws_accept(ws, now,
							 tulle_signal_pick_protocol(
								 e.request, TULLE_TEXT("p"))),
					TULLE_OK);
			tulle_signal_ws_check(ws);
		}
		ck_assert(used != 0 || any);
		p += used;
		len -= used;
	}
}

static size_t drain(tulle_signal_ws *ws, tulle_time now, uint8_t *dst, size_t cap)
{
	size_t n = 0, k;
	while ((k = tulle_signal_ws_poll_bytes(ws, now, dst + n, cap - n)) != 0)
		n += k;
	tulle_signal_ws_check(ws);
	return n;
}

static uint8_t wire[4 << 20];

/* Both ends talk until both are silent. */
static void pump(tulle_signal_ws *a, tulle_signal_ws *b, tulle_time now, size_t step)
{
	for (;;) {
		size_t n = drain(a, now, wire, sizeof wire);
		feed(b, now, wire, n, step);
		size_t k = drain(b, now, wire, sizeof wire);
		feed(a, now, wire, k, step);
		if (n == 0 && k == 0)
			return;
	}
}

static const char request[] = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"
			      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Version: 13\r\n\r\n";

/* A server that is open; what it sent for that is thrown away. */
static tulle_signal_ws *open_server(const tulle_signal_ws_config *c)
{
	tulle_signal_ws *ws = make(c);
	feed(ws, 0, request, sizeof request - 1, sizeof request);
	ck_assert_uint_ne(drain(ws, 0, wire, sizeof wire), 0);
	ck_assert(tulle_signal_ws_is_open(ws));
	story[0] = '\0';
	return ws;
}

/* A frame as a client sends it. */
static size_t client_frame(uint8_t *dst, uint8_t first, const void *data, size_t len)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	tulle_wr w = tulle_wr_make(dst, len + 14);
	tulle_signal_frame f = {(first & 0x80) != 0, true, first & 15, {0}, len};
	memcpy(f.mask, mask, 4);
	tulle_signal_write_frame(&w, &f);
	uint8_t *p = tulle_wr_room(&w, len);
	if (len != 0)
		memcpy(p, data, len);
	tulle_signal_mask(p, len, mask, 0);
	dst[0] |= first & 0x70;
	return w.len;
}

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
		ck_assert_ptr_nonnull(strstr(
			(char *)wire, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
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
		ck_assert_int_eq(tulle_signal_ws_close(server, 0, 1001, TULLE_TEXT("bye")), TULLE_OK);
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
	static const size_t sizes[] = {0, 1, 125, 126, 127, 128, 16383, 16384, 16385, 65535, 65536, 1048576};
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
	static const uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
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
	{"WS-072", {{0x88, "\x03\xe8" "bye", 5}, {0x89, "", 0}}, "close 1000 clean;"},
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
		ck_assert_msg(strcmp(story, sequences[_i].story) == 0, "%s: %s", sequences[_i].name, story);
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
		{"\x82\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14, 1009}, /* 65537 */
		{"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002},
		{"\x82\x01x", 3, 1002}, /* not masked */
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
	ck_assert_mem_eq(wire, "\x81\x05" "first\x88\x03\x03\xe8x", 12);
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
	ck_assert_uint_eq(tulle_signal_ws_handle_bytes(ws, 0, frame, n), 0); /* unread holds it back */
	tulle_signal_ws_event e;
	ck_assert(tulle_signal_ws_poll_event(ws, &e));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(tulle_signal_ws_send(ws, 0, true, e.data.ptr, e.data.len), TULLE_OK);
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
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, (tulle_text){reason, 124}), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_signal_ws_close(ws, 0, 1000, TULLE_TEXT("\xff")), TULLE_ERR_ARGUMENT);
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
		snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (char *)wire), wire, answers[_i].to,
			at + strlen(answers[_i].change));
		story[0] = '\0';
		feed(client, 0, changed, strlen(changed), step);
		ck_assert_msg((strcmp(story, "open;") == 0) == (answers[_i].status == 0), "%d %s", _i, story);
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
			ck_assert(err == TULLE_OK || err == TULLE_ERR_MEMORY || err == TULLE_ERR_STATE);
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
