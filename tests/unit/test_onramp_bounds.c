/* SPDX-License-Identifier: MIT */
/* onramp: pages, and what bounds a client, a source and all together. */
#include "tests/unit/onramp_help.h"

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
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "405 Method Not Allowed",
		NULL},
	{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", NULL},
	{"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "505 HTTP", NULL},
	{"\x16\x03\x01\x02\r\n\r\n", "400 Bad Request", NULL},
};

START_TEST(pages_come_from_memory_and_errors_have_their_status)
{
	start((tulle_onramp_options){.files = files, .file_count = 3});
	const char *text = ask(0, pages[_i].request);
	ck_assert_msg(strncmp(text, "HTTP/1.1 ", 9) == 0, "%s", text);
	ck_assert_msg(
		strncmp(text + 9, pages[_i].status, strlen(pages[_i].status)) == 0, "%s", text);
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
	static const char head[] =
		"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
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
		ck_assert_int_eq(
			tulle_signal_ws_send(w.c[0].ws, w.now, true, text, 60000), TULLE_OK);
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

Suite *suite_onramp_bounds(void)
{
	Suite *suite = suite_create("onramp_bounds");
	TCase *t = tcase_create("onramp_bounds");
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
