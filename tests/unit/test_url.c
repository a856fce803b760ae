/* SPDX-License-Identifier: MIT */
/* signal: URLs. */
#include "signal/url.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tulle_err read_exact(const char *text, size_t n, tulle_signal_url *out)
{
	char *copy = malloc(n != 0 ? n : 1);
	memcpy(copy, text, n);
	tulle_err err = tulle_signal_read_url((tulle_text){copy, n}, out);
	free(copy);
	return err;
}

/* WS-001 WS-002 RFC6455:3: as read, and what Host, request line and normal form say of it. */
static const struct {
	const char *url, *authority, *target, *normal;
	uint16_t port;
	uint8_t family;
} good[] = {
	{"ws://example.com", "example.com", "/", "ws://example.com/", 80, 0},
	{"ws://example.com:80/a?b=c", "example.com", "/a?b=c", "ws://example.com/a?b=c", 80, 0},
	{"wss://example.com", "example.com", "/", "wss://example.com/", 443, 0},
	{"wss://example.com:80/", "example.com:80", "/", "wss://example.com:80/", 80, 0},
	{"WS://Example.COM:443/%7Ep", "Example.COM:443", "/%7Ep", "ws://Example.COM:443/%7Ep", 443,
		0},
	{"ws://127.0.0.1:20500/", "127.0.0.1:20500", "/", "ws://127.0.0.1:20500/", 20500, 4},
	{"ws://[::1]:0080/x", "[::1]", "/x", "ws://[::1]/x", 80, 6},
	{"ws://[2001:db8::1]:65535?q", "[2001:db8::1]:65535", "/?q", "ws://[2001:db8::1]:65535/?q",
		65535, 6},
	{"ws://h:/", "h", "/", "ws://h/", 80, 0},
	{"http://h/i.html#top", "h", "/i.html", "http://h/i.html", 80, 0},
	{"https://h", "h", "/", "https://h/", 443, 0},
	{"ws://a.b-c_d~e/;p=1,2/:@!$&'()*+?a?b/c", "a.b-c_d~e", "/;p=1,2/:@!$&'()*+?a?b/c",
		"ws://a.b-c_d~e/;p=1,2/:@!$&'()*+?a?b/c", 80, 0},
	{"ws://1.2.3.4.example/", "1.2.3.4.example", "/", "ws://1.2.3.4.example/", 80, 0},
};

START_TEST(urls_are_read_and_written)
{
	tulle_signal_url url;
	char buf[256];
	ck_assert_int_eq(tulle_signal_read_url(tulle_text_of(good[_i].url), &url), TULLE_OK);
	ck_assert_uint_eq(url.port, good[_i].port);
	ck_assert_uint_eq(url.addr.family, good[_i].family);
	ck_assert(url.addr.family == 0 || url.addr.port == url.port);
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_authority(&w, &url);
	ck_assert(tulle_text_is((tulle_text){buf, w.len}, tulle_text_of(good[_i].authority)));
	w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_target(&w, &url);
	ck_assert(tulle_text_is((tulle_text){buf, w.len}, tulle_text_of(good[_i].target)));
	w = tulle_wr_make(buf, sizeof buf);
	tulle_signal_write_url(&w, &url);
	ck_assert(tulle_text_is((tulle_text){buf, w.len}, tulle_text_of(good[_i].normal)));
	for (size_t n = 0; n <= strlen(good[_i].url); n++)
		(void)read_exact(good[_i].url, n, &url);
}
END_TEST

/* WS-019 WS-020 */
START_TEST(what_is_not_such_a_url_is_refused)
{
	static const char *const bad[] = {"", "ws:", "ws:/h", "ws://", "ws:///", "ws://?",
		"ftp://h/", "h", "//h", "ws//h", " ws://h", "ws://h ", "ws://h/ x", "ws://u@h/",
		"ws://u:p@h/", "ws://h/#", "ws://h#f", "ws://h/a\r\nb", "ws://h\r\n/",
		"ws://h/\x7f", "ws://h/\xc3\xa9", "ws://h/%", "ws://h/%4", "ws://h/%zz",
		"ws://h:x/", "ws://h:-1/", "ws://h:65536/", "ws://h:0/", "ws://h:000080/",
		"ws://h:1:2/", "ws://[::1/", "ws://[::1]x/", "ws://[]/", "ws://[1.2.3.4]/",
		"ws://[::1%25eth0]/", "ws://[v1.x]/", "ws://::1/", "ws://h%41/", "ws://1.2.3/",
		"ws://256.1.1.1/", "ws://0x7f.1/", "ws://127.1/", "ws://2130706433/",
		"ws://1.2.3.4./", "ws://h/a\"b", "ws://h/<", "ws://h/\\", "ws://h/[",
		"http://h/#\r"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tulle_signal_url url = {.port = 7};
		ck_assert_msg(
			read_exact(bad[i], strlen(bad[i]), &url) == TULLE_ERR_SYNTAX, "%s", bad[i]);
		ck_assert_uint_eq(url.port, 7);
	}
	tulle_signal_url url;
	ck_assert_int_eq(read_exact("ws://h/\0", 8, &url), TULLE_ERR_SYNTAX);
}
END_TEST

START_TEST(lengths_are_bounded)
{
	char text[TULLE_SIGNAL_URL_MAX + 2] = "ws://h/";
	tulle_signal_url url;
	memset(text + 7, 'a', sizeof text - 7);
	ck_assert_int_eq(read_exact(text, TULLE_SIGNAL_URL_MAX, &url), TULLE_OK);
	ck_assert_int_eq(read_exact(text, TULLE_SIGNAL_URL_MAX + 1, &url), TULLE_ERR_TOO_LARGE);
	text[6] = 'a';
	ck_assert_int_eq(read_exact(text, 5 + 255, &url), TULLE_OK);
	ck_assert_int_eq(read_exact(text, 5 + 256, &url), TULLE_ERR_SYNTAX);
}
END_TEST

Suite *suite_url(void)
{
	Suite *suite = suite_create("url");
	TCase *t = tcase_create("url");
	tcase_add_loop_test(t, urls_are_read_and_written, 0, (int)(sizeof good / sizeof *good));
	tcase_add_test(t, what_is_not_such_a_url_is_refused);
	tcase_add_test(t, lengths_are_bounded);
	suite_add_tcase(suite, t);
	return suite;
}
