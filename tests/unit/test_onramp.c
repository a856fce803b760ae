/* SPDX-License-Identifier: MIT */
/* onramp: P's server against clients of our own WebSocket engine and against hostile bytes. */
#include "base/text.h"
#include "onramp/onramp.h"
#include "signal/signal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define CLIENTS 8

static void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user;
	(void)n;
	free(p);
}

static uint64_t random_state;

static bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(random_state >> 56);
	}
	return true;
}

static const tulle_allocator allocator = {take, give, NULL};

/* A world: the onramp, and clients whose stream ids are their index. */
static struct {
	tulle_onramp *onramp;
	tulle_time now;
	struct {
		tulle_signal_ws *ws;
		size_t window; /* bytes that we may deliver to the onramp */
		bool ended, deaf, raw;
		char story[4096];
		uint8_t text[65536]; /* raw: what came */
		size_t text_len;
	} c[CLIENTS];
} w;

static void start(tulle_onramp_options options)
{
	memset(&w, 0, sizeof w);
	random_state = 1;
	options.allocator = allocator;
	size_t n = tulle_onramp_memory_bytes(&options);
	ck_assert_uint_ne(n, 0);
	w.onramp = tulle_onramp_init(malloc(n), n, &options, (tulle_random){fill, NULL}, 0);
	ck_assert_ptr_nonnull(w.onramp);
}

static void stop(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (w.c[i].ws != NULL) {
			tulle_signal_ws_wipe(w.c[i].ws);
			free(w.c[i].ws);
		}
	tulle_onramp_wipe(w.onramp);
	free(w.onramp);
}

static void handle(tulle_in in)
{
	tulle_onramp_handle(w.onramp, w.now, &in);
	tulle_onramp_check(w.onramp);
}

static void tell(size_t i, const tulle_signal_ws_event *e)
{
	char *at = w.c[i].story + strlen(w.c[i].story);
	size_t room = sizeof w.c[i].story - strlen(w.c[i].story);
	if (e->kind == TULLE_SIGNAL_WS_OPEN)
		snprintf(at, room, "open;");
	else if (e->kind == TULLE_SIGNAL_WS_MESSAGE)
		snprintf(at, room, "%.*s;", (int)e->data.len, (const char *)e->data.ptr);
	else if (e->kind == TULLE_SIGNAL_WS_CLOSE)
		snprintf(at, room, "close %u %u;", e->close.code, e->close.http_status);
}

static void hear(size_t i, tulle_bytes data)
{
	tulle_signal_ws_event e;
	if (w.c[i].raw) {
		ck_assert_uint_le(w.c[i].text_len + data.len, sizeof w.c[i].text - 1);
		memcpy(w.c[i].text + w.c[i].text_len, data.ptr, data.len);
		w.c[i].text_len += data.len;
		return;
	}
	while (data.len != 0) {
		size_t n = tulle_signal_ws_handle_bytes(w.c[i].ws, w.now, data.ptr, data.len);
		data = (tulle_bytes){data.ptr + n, data.len - n};
		while (tulle_signal_ws_poll_event(w.c[i].ws, &e))
			tell(i, &e);
	}
}

/* What the onramp says is carried out; false: it was silent. */
static bool carry_out(void)
{
	static uint8_t scratch[65536];
	tulle_out out;
	bool any = false;
	while (tulle_onramp_poll(w.onramp, w.now, scratch, sizeof scratch, &out)) {
		size_t i = out.id;
		any = true;
		tulle_onramp_check(w.onramp);
		if (i >= CLIENTS)
			continue;
		ck_assert(!w.c[i].ended);
		if (out.kind == TULLE_OUT_STREAM_ROOM)
			w.c[i].window += out.bytes;
		if (out.kind == TULLE_OUT_STREAM_BYTES) {
			hear(i, out.data);
			if (!w.c[i].deaf)
				handle((tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = out.id, .bytes = (uint32_t)out.data.len});
		}
		if (out.kind == TULLE_OUT_STREAM_END) {
			w.c[i].ended = true;
			if (w.c[i].ws != NULL)
				tulle_signal_ws_handle_end(w.c[i].ws, w.now);
		}
	}
	ck_assert(tulle_onramp_poll_timeout(w.onramp) > w.now);
	return any;
}

static bool carry_in(size_t i)
{
	static uint8_t data[65536];
	size_t cap = w.c[i].window < sizeof data ? w.c[i].window : sizeof data;
	if (w.c[i].ws == NULL || w.c[i].ended || cap == 0)
		return false;
	size_t n = tulle_signal_ws_poll_bytes(w.c[i].ws, w.now, data, cap);
	w.c[i].window -= n;
	if (n != 0)
		handle((tulle_in){.kind = TULLE_IN_STREAM_BYTES, .id = (uint32_t)i, .data = {data, n}});
	return n != 0;
}

static void settle(void)
{
	for (bool any = true; any;) {
		any = carry_out();
		for (size_t i = 0; i < CLIENTS; i++)
			any = carry_in(i) || any;
	}
}

static void accept_stream(size_t i, uint32_t room)
{
	handle((tulle_in){.kind = TULLE_IN_STREAM_ACCEPTED,
		.id = (uint32_t)i,
		.remote = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1000}});
	handle((tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = (uint32_t)i, .bytes = room});
}

static void join_as(size_t i, const char *protocol)
{
	tulle_signal_ws_config c = {.authority = TULLE_TEXT("127.0.0.1:20500"),
		.target = TULLE_TEXT("/any/path?x"),
		.protocol = tulle_text_of(protocol),
		.random = {fill, NULL},
		.allocator = allocator,
		.message_bytes_max = 4 << 20,
		.send_bytes_max = 8 << 20,
		.frame_bytes_max = 4 << 20};
	size_t n = tulle_signal_ws_memory_bytes(&c);
	w.c[i].ws = tulle_signal_ws_init(malloc(n), n, &c, w.now);
	accept_stream(i, 1 << 20);
	settle();
}

static void say(size_t i, const char *text)
{
	w.c[i].story[0] = '\0';
	ck_assert_int_eq(
		tulle_signal_ws_send(w.c[i].ws, w.now, true, text, strlen(text)), TULLE_OK);
}

/* The address in the first announcement that i heard. */
static const char *heard(size_t i)
{
	static char address[CLIENTS][37];
	const char *at = strstr(w.c[i].story, "[0,\"");
	ck_assert_ptr_nonnull(at);
	memcpy(address[i], at + 4, 36);
	return address[i];
}

static tulle_onramp_stats stats(void)
{
	tulle_onramp_stats s;
	tulle_onramp_read_stats(w.onramp, &s);
	return s;
}

START_TEST(newcomers_and_others_hear_of_each_other)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	ck_assert_str_eq(w.c[0].story, "open;");
	join_as(1, "p");
	const char *of_zero = heard(1), *of_one = heard(0);
	ck_assert(strcmp(of_zero, of_one) != 0);
	ck_assert(of_one[14] == '4' && strchr("89ab", of_one[19]) != NULL && of_one[8] == '-');
	join_as(2, "p");
	ck_assert_uint_eq(strlen(w.c[2].story), 5 + 2 * 43);
	ck_assert_ptr_nonnull(strstr(w.c[2].story, of_zero));
	ck_assert_ptr_nonnull(strstr(w.c[2].story, of_one));
	ck_assert_uint_eq(stats().clients, 3);
	stop();
}
END_TEST

START_TEST(a_relay_forwards_inner_untouched_and_names_the_sender)
{
	char text[512], want[512];
	start((tulle_onramp_options){0});
	join_as(0, "p");
	join_as(1, "p");
	const char *zero = heard(1), *one = heard(0);
	w.c[1].story[0] = '\0';
	snprintf(text, sizeof text, " [6 , \"%s\" , [3,{\"b\":1.0e+2 ,\"a\":\"\\u0041\"},null,9] , 7]", one);
	say(0, text);
	settle();
	snprintf(want, sizeof want, "[7,\"%s\",[3,{\"b\":1.0e+2 ,\"a\":\"\\u0041\"},null,9]];", zero);
	ck_assert_str_eq(w.c[1].story, want);
	ck_assert_str_eq(w.c[0].story, "");
	ck_assert_uint_eq(stats().relayed, 1);
	stop();
}
END_TEST

/* What kills the original, and what it ignores. */
static const struct {
	const char *text;
	tulle_drop drop;
} hostile[] = {
	{"null", TULLE_DROP_P_SYNTAX},
	{"", TULLE_DROP_JSON_SYNTAX},
	{"not json", TULLE_DROP_JSON_SYNTAX},
	{"[6]", TULLE_DROP_P_SYNTAX},
	{"[6,\"x\"]", TULLE_DROP_P_SYNTAX},
	{"[]", TULLE_DROP_P_SYNTAX},
	{"{}", TULLE_DROP_P_SYNTAX},
	{"6", TULLE_DROP_P_SYNTAX},
	{"[\"6\",\"x\",1]", TULLE_DROP_P_SYNTAX},
	{"[6.0,\"x\",1]", TULLE_DROP_P_SYNTAX},
	{"[6,\"__proto__\",[3]]", TULLE_DROP_P_RELAY_UNKNOWN},
	{"[6,\"constructor\",[3]]", TULLE_DROP_P_RELAY_UNKNOWN},
	{"[6,\"ffffffff-ffff-4fff-8fff-ffffffffffff\",1]", TULLE_DROP_P_RELAY_UNKNOWN},
	{"[6,null,1]", TULLE_DROP_P_ADDRESS},
	{"[6,\"\",1]", TULLE_DROP_P_ADDRESS},
	{"[6,\"\\u0000\",1]", TULLE_DROP_P_ADDRESS},
	{"[6,\"\\ud800\",1]", TULLE_DROP_P_ADDRESS},
	{"[6,{\"toString\":1},1]", TULLE_DROP_P_ADDRESS},
	{"[7,\"x\",1]", TULLE_DROP_P_TYPE},
	{"[0,1]", TULLE_DROP_P_TYPE},
	{"[8,1]", TULLE_DROP_P_TYPE},
};

START_TEST(hostile_messages_are_counted_and_harm_nobody)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	join_as(1, "p");
	const char *one = heard(0);
	w.c[1].story[0] = '\0';
	say(0, hostile[_i].text);
	settle();
	ck_assert_uint_eq(tulle_onramp_drops(w.onramp, hostile[_i].drop), 1);
	ck_assert_str_eq(w.c[0].story, "");
	ck_assert_str_eq(w.c[1].story, "");
	char text[128];
	snprintf(text, sizeof text, "[6,\"%s\",1]", one);
	say(0, text);
	settle();
	ck_assert_ptr_nonnull(strstr(w.c[1].story, ",1];"));
	stop();
}
END_TEST

START_TEST(binary_is_ignored_and_counted)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	(void)tulle_signal_ws_send(w.c[0].ws, 0, false, "[6]", 3);
	settle();
	ck_assert_uint_eq(tulle_onramp_drops(w.onramp, TULLE_DROP_P_BINARY), 1);
	ck_assert_str_eq(w.c[0].story, "open;");
	stop();
}
END_TEST

START_TEST(another_subprotocol_is_refused_and_case_is_none)
{
	start((tulle_onramp_options){0});
	join_as(0, "");
	ck_assert_str_eq(w.c[0].story, "close 1006 400;");
	join_as(1, "q");
	ck_assert_str_eq(w.c[1].story, "close 1006 400;");
	join_as(2, "P");
	ck_assert_str_eq(w.c[2].story, "open;");
	ck_assert(w.c[0].ended && w.c[1].ended && !w.c[2].ended);
	ck_assert_uint_eq(stats().streams, 1);
	ck_assert_uint_eq(stats().clients, 1);
	stop();
}
END_TEST

START_TEST(too_large_a_message_ends_its_sender_alone)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	join_as(1, "p");
	char *big = malloc(1048577);
	memset(big, ' ', 1048577);
	w.c[0].story[0] = w.c[1].story[0] = '\0';
	ck_assert_int_eq(tulle_signal_ws_send(w.c[0].ws, 0, true, big, 1048576), TULLE_OK);
	for (int i = 0; i < 20; i++, w.now += SECOND / 4) {
		handle((tulle_in){.kind = TULLE_IN_TIME});
		settle();
	}
	ck_assert_str_eq(w.c[0].story, "");
	ck_assert_uint_eq(tulle_onramp_drops(w.onramp, TULLE_DROP_JSON_SYNTAX), 1);
	ck_assert_int_eq(tulle_signal_ws_send(w.c[0].ws, w.now, true, big, 1048577), TULLE_OK);
	for (int i = 0; i < 20; i++, w.now += SECOND / 4) {
		handle((tulle_in){.kind = TULLE_IN_TIME});
		settle();
	}
	ck_assert_str_eq(w.c[0].story, "close 1009 0;");
	ck_assert_str_eq(w.c[1].story, "");
	ck_assert_uint_eq(tulle_onramp_drops(w.onramp, TULLE_DROP_WEBSOCKET_TOO_LARGE), 1);
	free(big);
	stop();
}
END_TEST

START_TEST(a_slow_reader_is_let_go_and_others_lose_nothing)
{
	start((tulle_onramp_options){.queue_bytes_max = 65536});
	join_as(0, "p");
	join_as(1, "p");
	join_as(2, "p");
	const char *one = heard(0);
	w.c[1].deaf = true; /* 1 MiB of room is left, then none */
	char *text = malloc(20000);
	memset(text, '5', 20000);
	text[snprintf(text, 64, "[6,\"%s\",\"", one)] = '5';
	memcpy(text + 19998, "\"]", 2);
	w.c[2].story[0] = '\0';
	for (int i = 0; i < 60; i++, w.now += SECOND / 10) {
		(void)tulle_signal_ws_send(w.c[0].ws, w.now, true, text, 20000);
		handle((tulle_in){.kind = TULLE_IN_TIME});
		settle();
	}
	ck_assert_uint_eq(stats().slow, 1);
	ck_assert_uint_eq(stats().clients, 2);
	join_as(3, "p");
	ck_assert_uint_eq(strlen(w.c[3].story), 5 + 2 * 43);
	ck_assert_uint_eq(strlen(w.c[2].story), 43);
	w.now += 3 * SECOND; /* it never takes the close frame either */
	handle((tulle_in){.kind = TULLE_IN_TIME});
	settle();
	ck_assert(w.c[1].ended);
	ck_assert_uint_eq(stats().streams, 3);
	free(text);
	stop();
}
END_TEST

START_TEST(who_is_silent_for_30_seconds_is_gone_and_is_not_announced)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	w.c[0].raw = true; /* hears, and answers nothing any more */
	w.now = 20 * SECOND;
	handle((tulle_in){.kind = TULLE_IN_TIME});
	settle();
	ck_assert_uint_eq(w.c[0].text_len, 6);
	ck_assert_uint_eq(w.c[0].text[0], 0x89);
	w.now = 30 * SECOND;
	handle((tulle_in){.kind = TULLE_IN_TIME});
	settle();
	ck_assert(w.c[0].ended);
	join_as(1, "p");
	ck_assert_str_eq(w.c[1].story, "open;");
	stop();
}
END_TEST

static const char *ask(size_t i, const char *text)
{
	w.c[i].raw = true;
	w.c[i].text_len = 0;
	w.c[i].ended = false;
	accept_stream(i, 1 << 20);
	settle();
	handle((tulle_in){.kind = TULLE_IN_STREAM_BYTES,
		.id = (uint32_t)i,
		.data = {(const uint8_t *)text, strlen(text)}});
	settle();
	w.c[i].text[w.c[i].text_len] = '\0';
	return (const char *)w.c[i].text;
}

static const tulle_onramp_file files[] = {
	{{"/index.html", 11}, {"text/html; charset=utf-8", 24}, {(const uint8_t *)"<p>hi", 5}},
	{{"/a b/index.html", 15}, {"text/html", 9}, {(const uint8_t *)"ab", 2}},
	{{"/tulle.js", 9}, {"text/javascript", 15}, {(const uint8_t *)"//", 2}},
};

static const struct {
	const char *request, *status, *body;
} pages[] = {
	{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "<p>hi"},
	{"GET /?q=/ HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "<p>hi"},
	{"GET /index.html HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200 OK", "<p>hi"},
	{"GET /%74ulle.js HTTP/1.1\r\nhost:x\r\n\r\n", "200 OK", "//"},
	{"GET /a%20b/ HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "ab"},
	{"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", ""},
	{"GET /tulle.j HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL},
	{"GET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL},
	{"GET /tulle.js%00 HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL},
	{"GET /tulle.js% HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL},
	{"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL},
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "405 Method Not Allowed", NULL},
	{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", NULL},
	{"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "505 HTTP", NULL},
	{"\x16\x03\x01\x02\r\n\r\n", "400 Bad Request", NULL},
};

START_TEST(pages_come_from_memory_and_errors_have_their_status)
{
	start((tulle_onramp_options){.files = files, .file_count = 3});
	const char *text = ask(0, pages[_i].request);
	ck_assert_msg(strncmp(text, "HTTP/1.1 ", 9) == 0, "%s", text);
	ck_assert_msg(strncmp(text + 9, pages[_i].status, strlen(pages[_i].status)) == 0, "%s", text);
	const char *body = strstr(text, "\r\n\r\n") + 4;
	if (pages[_i].body != NULL)
		ck_assert_str_eq(body, pages[_i].body);
	else
		ck_assert_uint_ne(strlen(body), 0);
	ck_assert_ptr_nonnull(strstr(text, "\r\nConnection: close\r\n"));
	ck_assert(w.c[0].ended);
	ck_assert_uint_eq(stats().streams, 0);
	stop();
}
END_TEST

/* WS-026 WS-027 */
START_TEST(origins_are_held_to_the_list_when_there_is_one)
{
	static const tulle_text origins[] = {{"http://127.0.0.1:20500", 22}};
	static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
				   "Sec-WebSocket-Protocol: x, P\r\n";
	char text[512];
	start((tulle_onramp_options){.origins = origins, .origin_count = 1});
	snprintf(text, sizeof text, "%sOrigin: http://evil.example\r\n\r\n", head);
	ck_assert_ptr_nonnull(strstr(ask(0, text), " 403 "));
	snprintf(text, sizeof text, "%sOrigin: http://127.0.0.1:20500\r\n\r\n", head);
	ck_assert_ptr_nonnull(strstr(ask(1, text), " 101 "));
	snprintf(text, sizeof text, "%s\r\n", head);
	const char *got = ask(2, text);
	ck_assert_ptr_nonnull(strstr(got, " 101 "));
	ck_assert_ptr_nonnull(strstr(got, "\r\nSec-WebSocket-Protocol: P\r\n"));
	stop();
}
END_TEST

/* WS-031 */
START_TEST(streams_are_bounded_in_all_and_by_source)
{
	start((tulle_onramp_options){.clients_max = 4, .handshakes_per_source_max = 2});
	accept_stream(0, 10);
	accept_stream(1, 10);
	accept_stream(2, 10);
	settle();
	ck_assert(w.c[2].ended && !w.c[1].ended);
	w.now = 10 * SECOND; /* who says nothing makes room */
	handle((tulle_in){.kind = TULLE_IN_TIME});
	settle();
	ck_assert(w.c[0].ended && w.c[1].ended);
	for (size_t i = 3; i < 7; i++)
		join_as(i, "p");
	ck_assert_uint_eq(stats().clients, 4);
	w.c[0].ended = false;
	accept_stream(0, 10);
	settle();
	ck_assert(w.c[0].ended);
	ck_assert_uint_eq(stats().turned_away, 2);
	stop();
}
END_TEST

START_TEST(a_flood_waits_outside_and_time_lets_it_in)
{
	start((tulle_onramp_options){.bytes_per_s = 100000});
	join_as(0, "p");
	char *text = malloc(60000);
	memset(text, ' ', 60000);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(tulle_signal_ws_send(w.c[0].ws, w.now, true, text, 60000), TULLE_OK);
	settle();
	uint64_t first = stats().messages;
	ck_assert_uint_ge(first, 15);
	ck_assert_uint_le(first, 18); /* the burst: 1 MiB */
	tulle_time last = w.now;
	for (int i = 0; i < 1000 && stats().messages < 40; i++) {
		w.now = tulle_onramp_poll_timeout(w.onramp);
		ck_assert(w.now > last);
		last = w.now;
		handle((tulle_in){.kind = TULLE_IN_TIME});
		settle();
	}
	ck_assert_uint_eq(stats().messages, 40);
	ck_assert(w.now > 11 * SECOND && w.now < 16 * SECOND);
	free(text);
	stop();
}
END_TEST

START_TEST(finish_tells_all_and_takes_nobody)
{
	start((tulle_onramp_options){0});
	join_as(0, "p");
	join_as(1, "p");
	w.c[0].story[0] = w.c[1].story[0] = '\0';
	tulle_onramp_finish(w.onramp);
	settle();
	ck_assert_str_eq(w.c[0].story, "close 1001 0;");
	ck_assert(w.c[0].ended && w.c[1].ended);
	accept_stream(2, 10);
	settle();
	ck_assert(w.c[2].ended);
	ck_assert_uint_eq(stats().streams, 0);
	stop();
}
END_TEST

START_TEST(memory_is_bounded_for_all_together)
{
	start((tulle_onramp_options){.memory_bytes_max = 1 << 20, .clients_max = 64});
	for (size_t i = 0; i < CLIENTS; i++)
		join_as(i, "p");
	char *big = malloc(900000);
	memset(big, ' ', 900000);
	for (size_t i = 0; i < 3; i++)
		(void)tulle_signal_ws_send(w.c[i].ws, w.now, true, big, 900000);
	settle();
	ck_assert_uint_le(stats().memory_bytes, 1 << 20);
	ck_assert_uint_ge(tulle_onramp_drops(w.onramp, TULLE_DROP_NO_ROOM), 1);
	free(big);
	stop();
	tulle_onramp_options o = {.allocator = allocator, .memory_bytes_max = 100};
	size_t n = tulle_onramp_memory_bytes(&o);
	void *memory = malloc(n);
	ck_assert_ptr_null(tulle_onramp_init(memory, n, &o, (tulle_random){fill, NULL}, 0));
	free(memory);
}
END_TEST

Suite *suite_onramp(void)
{
	Suite *suite = suite_create("onramp");
	TCase *t = tcase_create("onramp");
	tcase_add_test(t, newcomers_and_others_hear_of_each_other);
	tcase_add_test(t, a_relay_forwards_inner_untouched_and_names_the_sender);
	tcase_add_loop_test(t, hostile_messages_are_counted_and_harm_nobody, 0,
		(int)(sizeof hostile / sizeof *hostile));
	tcase_add_test(t, binary_is_ignored_and_counted);
	tcase_add_test(t, another_subprotocol_is_refused_and_case_is_none);
	tcase_add_test(t, too_large_a_message_ends_its_sender_alone);
	tcase_add_test(t, a_slow_reader_is_let_go_and_others_lose_nothing);
	tcase_add_test(t, who_is_silent_for_30_seconds_is_gone_and_is_not_announced);
	tcase_add_loop_test(t, pages_come_from_memory_and_errors_have_their_status, 0,
		(int)(sizeof pages / sizeof *pages));
	tcase_add_test(t, origins_are_held_to_the_list_when_there_is_one);
	tcase_add_test(t, streams_are_bounded_in_all_and_by_source);
	tcase_add_test(t, a_flood_waits_outside_and_time_lets_it_in);
	tcase_add_test(t, finish_tells_all_and_takes_nobody);
	tcase_add_test(t, memory_is_bounded_for_all_together);
	suite_add_tcase(suite, t);
	return suite;
}
