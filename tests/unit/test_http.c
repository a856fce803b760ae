/* SPDX-License-Identifier: MIT */
/* signal: HTTP heads: requests judged, responses written, nothing injected. */
#include "signal/http.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

/* WS-021 to WS-025, WS-029, WS-034 */
static const struct {
	const char *head;
	uint16_t status;
	bool upgrade;
} requests[] = {
	{GET "\r\n", 0, false},
	{GET UPGRADE KEY VERSION "\r\n", 0, true},
	{"\r\n" GET UPGRADE KEY VERSION "\r\n", 0, true},
	{"GET /x HTTP/1.1\r\nHOST:h\r\nuPGRADE: h2c , WebSocket\r\nconnection: keep-alive\r\n"
	 "connection: upgrade\r\nsec-websocket-key:  dGhlIHNhbXBsZSBub25jZQ==\t\r\n"
	 "sec-websocket-version:13\r\n\r\n",
		0, true},
	{"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 0, false},
	{GET "Content-Length: 0\r\n\r\n", 0, false},
	{GET UPGRADE VERSION "\r\n", 400, false},
	{GET UPGRADE KEY KEY VERSION "\r\n", 400, false},
	{GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" VERSION "\r\n", 400, false},
	{GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" VERSION "\r\n", 400, false},
	{GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==\r\n" VERSION "\r\n", 400, false},
	{GET UPGRADE KEY "\r\n", 426, false},
	{GET UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426, false},
	{GET UPGRADE KEY VERSION VERSION "\r\n", 426, false},
	{GET "Upgrade: websocket\r\n" KEY VERSION "\r\n", 400, false},
	{GET UPGRADE KEY VERSION "Content-Length: 5\r\n\r\n", 400, false},
	{GET UPGRADE KEY VERSION "Transfer-Encoding: chunked\r\n\r\n", 400, false},
	{"HEAD / HTTP/1.1\r\nHost: h\r\n" UPGRADE KEY VERSION "\r\n", 400, false},
	{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 0, false},
	{"POST / HTTP/1.1\r\nHost: h\r\n" UPGRADE KEY VERSION "\r\n", 405, false},
	{"GET / HTTP/1.0\r\nHost: h\r\n" UPGRADE KEY VERSION "\r\n", 505, false},
	{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, false},
	{"GET / HTTP/1.1\r\n\r\n", 400, false},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, false},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, false},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, false},
	{"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, false},
	{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, false},
	{"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 505, false},
	{"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400, false},
	{"G\xc3\xa9T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, false},
	{GET " folded: x\r\n\r\n", 400, false},
	{GET "a: b\r\n folded\r\n\r\n", 400, false},
	{GET "a : b\r\n\r\n", 400, false},
	{GET ": b\r\n\r\n", 400, false},
	{GET "a\r\n\r\n", 400, false},
	{GET "a: \x01\r\n\r\n", 400, false},
	{GET "a: b\nc: d\r\n\r\n", 400, false},
	{GET "a: b\rc: d\r\n\r\n", 400, false},
	{GET "Origin: a\r\nOrigin: b\r\n\r\n", 400, false},
	{"GET / HTTP/1.1\nHost: h\n\n", 400, false},
};

START_TEST(requests_are_judged)
{
	size_t n = strlen(requests[_i].head);
	tulle_signal_request r;
	for (size_t k = 0; k <= n; k++) { /* every truncation is refused */
		char *copy = malloc(k != 0 ? k : 1);
		memcpy(copy, requests[_i].head, k);
		tulle_drop drop = tulle_signal_read_request((tulle_text){copy, k}, &r);
		ck_assert((drop == TULLE_TAKEN) == (r.status == 0));
		ck_assert(k == n || r.status != 0);
		ck_assert_ptr_nonnull(r.why);
		free(copy);
	}
	(void)tulle_signal_read_request((tulle_text){requests[_i].head, n}, &r);
	ck_assert_msg(r.status == requests[_i].status, "%s: %u", requests[_i].head, r.status);
	ck_assert(r.upgrade == requests[_i].upgrade);
}
END_TEST

/* WS-030 FIELD: too many headers */
START_TEST(lines_and_their_number_are_bounded)
{
	char *head = malloc(20000);
	tulle_signal_request r;
	for (int lines = 98; lines <= 101; lines++) {
		size_t n = (size_t)sprintf(head, GET);
		for (int i = 1; i < lines; i++)
			n += (size_t)sprintf(head + n, "a: b\r\n");
		n += (size_t)sprintf(head + n, "\r\n");
		(void)tulle_signal_read_request((tulle_text){head, n}, &r);
		ck_assert_uint_eq(r.status, lines <= 100 ? 0 : 431);
	}
	size_t n = (size_t)sprintf(head, "GET /");
	memset(head + n, 'a', 8192);
	n = 8192 - 9;
	n += (size_t)sprintf(head + n, " HTTP/1.1\r\nHost: h\r\n\r\n");
	(void)tulle_signal_read_request((tulle_text){head, n}, &r);
	ck_assert_uint_eq(r.status, 0);
	n = (size_t)sprintf(head, "GET /");
	memset(head + n, 'a', 8200);
	n = 8193 - 9;
	n += (size_t)sprintf(head + n, " HTTP/1.1\r\nHost: h\r\n\r\n");
	(void)tulle_signal_read_request((tulle_text){head, n}, &r);
	ck_assert_uint_eq(r.status, 414);
	free(head);
}
END_TEST

START_TEST(the_end_of_a_head_is_found_whatever_the_pieces)
{
	static const char text[] = "a\r\n\r\r\n\n\r\n\r\nrest";
	for (size_t step = 1; step < sizeof text; step++) {
		size_t seen = 0, end = 0;
		for (size_t n = step; n < sizeof text + step && end == 0; n += step)
			end = tulle_signal_find_head_end(
				(const uint8_t *)text, n < sizeof text ? n : sizeof text, &seen);
		ck_assert_uint_eq(end, 11);
	}
}
END_TEST

START_TEST(a_subprotocol_is_picked_without_case_from_any_line)
{
	tulle_signal_request r;
	static const char head[] =
		GET UPGRADE KEY VERSION "Sec-WebSocket-Protocol: chat, pp\r\nX: "
					"p\r\nsec-websocket-protocol: ,x , P\r\n\r\n";
	ck_assert_int_eq(tulle_signal_read_request(TULLE_TEXT(head), &r), TULLE_TAKEN);
	ck_assert(tulle_text_is(tulle_signal_pick_protocol(&r, TULLE_TEXT("p")), TULLE_TEXT("P")));
	ck_assert_uint_eq(tulle_signal_pick_protocol(&r, TULLE_TEXT("q")).len, 0);
}
END_TEST

/* WS-019 */
START_TEST(nothing_can_be_injected)
{
	static const char *const bad[] = {"a b", "a\r\nX: y", "a\n", "\xc3\xa9", "a\t"};
	char buf[1024];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int field = 0; field < 4; field++) {
			tulle_signal_upgrade u = {TULLE_TEXT("h"), TULLE_TEXT("/"), TULLE_TEXT("p"),
				TULLE_TEXT("http://h"), "dGhlIHNhbXBsZSBub25jZQ=="};
			*(field == 0         ? &u.authority
				: field == 1 ? &u.target
				: field == 2 ? &u.protocol
					     : &u.origin) = tulle_text_of(bad[i]);
			tulle_wr w = tulle_wr_make(buf, sizeof buf);
			tulle_signal_write_request(&w, &u);
			ck_assert(!tulle_wr_finish(&w));
		}
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_answer(&w, 200, TULLE_TEXT("text/html\r\n\r\n"), 1);
	ck_assert(!tulle_wr_finish(&w));
	w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_answer(&w, 101, TULLE_TEXT("text/html"), 1);
	ck_assert(!tulle_wr_finish(&w));
}
END_TEST

/* WS-001 WS-003 */
START_TEST(what_the_client_writes_the_server_takes)
{
	char buf[1024];
	const tulle_signal_upgrade u = {TULLE_TEXT("[::1]:8080"), TULLE_TEXT("/a?b"),
		TULLE_TEXT("p"), TULLE_TEXT("http://h"), "dGhlIHNhbXBsZSBub25jZQ=="};
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_request(&w, &u);
	ck_assert(tulle_wr_finish(&w));
	tulle_signal_request r;
	ck_assert_int_eq(tulle_signal_read_request((tulle_text){buf, w.len}, &r), TULLE_TAKEN);
	ck_assert(r.upgrade && tulle_text_is(r.host, u.authority) &&
		  tulle_text_is(r.target, u.target));
	ck_assert(tulle_text_is(r.origin, u.origin));
	size_t n = w.len;
	for (size_t cap = 0; cap < n; cap++) {
		w = tulle_wr_make(buf, cap);
		tulle_signal_write_request(&w, &u);
		ck_assert(!tulle_wr_finish(&w));
	}
}
END_TEST

Suite *suite_http(void)
{
	Suite *suite = suite_create("http");
	TCase *t = tcase_create("http");
	tcase_add_loop_test(t, requests_are_judged, 0, (int)(sizeof requests / sizeof *requests));
	tcase_add_test(t, lines_and_their_number_are_bounded);
	tcase_add_test(t, the_end_of_a_head_is_found_whatever_the_pieces);
	tcase_add_test(t, a_subprotocol_is_picked_without_case_from_any_line);
	tcase_add_test(t, nothing_can_be_injected);
	tcase_add_test(t, what_the_client_writes_the_server_takes);
	suite_add_tcase(suite, t);
	return suite;
}
