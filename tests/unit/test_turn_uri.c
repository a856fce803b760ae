/* SPDX-License-Identifier: MIT */
/* turn: URIs of servers: RFC 7064, RFC 7065. */
#include <tulle/turn.h>

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static tulle_turn_uri_fault read_exactly(const char *text, tulle_turn_uri *u)
{
	size_t n = strlen(text);
	char *exact = malloc(n != 0 ? n : 1);
	memcpy(exact, text, n);
	tulle_turn_uri_fault fault = tulle_turn_read_uri((tulle_text){exact, n}, u);
	if (fault == TULLE_TURN_URI_OK && u->host.ptr != NULL)
		u->host.ptr = text + (u->host.ptr - exact);
	free(exact);
	return fault;
}

/* STUN-112, STUN-113, ICE-157 */
START_TEST(uris_of_both_kinds_are_read)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool relay, tls, tcp;
		uint8_t family;
	} rows[] = {
		{"stun:example.org", "example.org", 3478, false, false, false, 0},
		{"stun:example.org:", "example.org", 3478, false, false, false, 0},
		{"STUNS:example.org", "example.org", 5349, false, true, true, 0},
		{"stun:192.0.2.1:19302", "192.0.2.1", 19302, false, false, false, 4},
		{"turn:a-b.c", "a-b.c", 3478, true, false, false, 0},
		{"turn:a.b:1?transport=udp", "a.b", 1, true, false, false, 0},
		{"turn:a.b?transport=TCP", "a.b", 3478, true, false, true, 0},
		{"turns:a.b", "a.b", 5349, true, true, true, 0},
		{"turns:a.b:443?transport=tcp", "a.b", 443, true, true, true, 0},
		{"turn:[2001:db8::1]", "2001:db8::1", 3478, true, false, false, 6},
		{"turns:[::1]:65535?transport=tcp", "::1", 65535, true, true, true, 6},
		{"turn:999.1.1.1", "999.1.1.1", 3478, true, false, false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		tulle_turn_uri u;
		ck_assert_msg(
			read_exactly(rows[i].text, &u) == TULLE_TURN_URI_OK, "%s", rows[i].text);
		ck_assert(tulle_text_is(u.host, tulle_text_of(rows[i].host)));
		ck_assert(u.relay == rows[i].relay && u.tls == rows[i].tls && u.tcp == rows[i].tcp);
		ck_assert_uint_eq(u.port, rows[i].port);
		ck_assert(u.is_address == (rows[i].family != 0));
		ck_assert(!u.is_address ||
			  (u.addr.family == rows[i].family && u.addr.port == u.port));
	}
}
END_TEST

/* STUN-112, STUN-113 */
START_TEST(faults_of_uris_have_names)
{
	static const struct {
		const char *text, *fault;
	} rows[] = {
		{"", "scheme"},
		{"turn", "scheme"},
		{"example.org:3478", "scheme"},
		{"http:example.org", "scheme"},
		{"turnss:a", "scheme"},
		{" turn:a", "scheme"},
		{"turn:", "host"},
		{"turn:?transport=udp", "host"},
		{"turn::3478", "host"},
		{"turn://a", "host"},
		{"turn:a b", "host"},
		{"turn:a%41", "host"},
		{"turn:user@a", "host"},
		{"turn:[::1", "host"},
		{"turn:[::1]x", "host"},
		{"turn:[127.0.0.1]", "host"},
		{"turn:[]", "host"},
		{"turn:[fe80::1%eth0]", "host"},
		{"turn:::1", "host"},
		{"turn:a:0", "port"},
		{"turn:a:65536", "port"},
		{"turn:a:80x", "port"},
		{"turn:a:-1", "port"},
		{"turn:a:1:2", "port"},
		{"turn:a:99999999999999999999", "port"},
		{"stun:a?transport=udp", "query"},
		{"stun:a?", "query"},
		{"turn:a?", "query"},
		{"turn:a?transport", "query"},
		{"turn:a?x=y", "query"},
		{"turn:a?transport=", "transport"},
		{"turn:a?transport=sctp", "transport"},
		{"turn:a?transport=udp&x", "transport"},
		{"turns:a?transport=udp", "unsupported"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		tulle_turn_uri u;
		ck_assert_msg(strcmp(tulle_turn_uri_fault_name(read_exactly(rows[i].text, &u)),
				      rows[i].fault) == 0,
			"%s: %s", rows[i].text,
			tulle_turn_uri_fault_name(read_exactly(rows[i].text, &u)));
	}
	ck_assert_str_eq(tulle_turn_uri_fault_name(TULLE_TURN_URI_OK), "ok");
	ck_assert_str_eq(tulle_turn_uri_fault_name((tulle_turn_uri_fault)77), "unknown");
}
END_TEST

START_TEST(hosts_and_uris_have_a_length)
{
	tulle_turn_uri u;
	char text[1024] = "turn:";
	memset(text + 5, 'a', 255);
	ck_assert_int_eq(read_exactly(text, &u), TULLE_TURN_URI_OK);
	text[260] = 'a';
	ck_assert_int_eq(read_exactly(text, &u), TULLE_TURN_URI_HOST);
	memset(text + 5, 'a', 600);
	ck_assert_int_eq(read_exactly(text, &u), TULLE_TURN_URI_HOST);
}
END_TEST

Suite *suite_turn_uri(void)
{
	Suite *s = suite_create("turn_uri");
	TCase *t = tcase_create("turn_uri");
	tcase_add_test(t, uris_of_both_kinds_are_read);
	tcase_add_test(t, faults_of_uris_have_names);
	tcase_add_test(t, hosts_and_uris_have_a_length);
	suite_add_tcase(s, t);
	return s;
}
