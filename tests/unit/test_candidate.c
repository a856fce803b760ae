/* SPDX-License-Identifier: MIT */
/* ice: the candidate grammar of RFC 8839 5.1: what browsers send, what is refused, what we write.
 */
#include <tulle/ice.h>

#include "base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tulle_drop read_text(const char *text, size_t len, tulle_ice_candidate *out)
{
	static char *last;
	free(last);
	last = malloc(len != 0 ? len : 1);
	memcpy(last, text, len);
	return tulle_ice_read_candidate((tulle_text){last, len}, out);
}

static bool is(tulle_text t, const char *s)
{
	return tulle_text_is(t, tulle_text_of(s));
}

#define CHROMIUM                                                                                   \
	"candidate:3452999915 1 udp 2122194687 192.0.2.2 51032 typ host generation 0 ufrag 8Udt "  \
	"network-id 1"
#define FIREFOX                                                                                    \
	"candidate:1 1 UDP 2122252543 be5679a3-acb1-4f0b-a334-a0814dd9f4b5.local 45932 typ host"
#define FIREFOX_TCP                                                                                \
	"candidate:2 1 TCP 2105458943 3ab32d28-8a1e-4166-8c5d-eb11f1bb11a2.local 9 typ host "      \
	"tcptype active"

/* ICE-019, ICE-021, SDP-039, SDP-041 */
START_TEST(what_browsers_send_is_read)
{
	tulle_ice_candidate c;
	ck_assert_int_eq(read_text(CHROMIUM, strlen(CHROMIUM), &c), TULLE_TAKEN);
	ck_assert(is(c.foundation, "3452999915") && c.component == 1 && c.is_udp && c.is_address);
	ck_assert(c.priority == 2122194687 && c.addr.family == 4 && c.addr.port == 51032);
	ck_assert(c.type == TULLE_ICE_HOST && is(c.ufrag, "8Udt") && !c.has_related);
	ck_assert_int_eq(read_text(FIREFOX, strlen(FIREFOX), &c), TULLE_TAKEN);
	ck_assert(c.is_udp && !c.is_address && c.addr.port == 45932 && is(c.transport, "UDP"));
	ck_assert_int_eq(read_text(FIREFOX_TCP, strlen(FIREFOX_TCP), &c), TULLE_TAKEN);
	ck_assert(!c.is_udp && is(c.tcptype, "active"));
	static const char *const prefixes[] = {"", "candidate:", "a=candidate:"};
	for (size_t i = 0; i < 3; i++) {
		char text[128];
		snprintf(text, sizeof text,
			"%s1 1 udp 1 2001:db8::1 9 typ srflx raddr 10.0.0.1 rport 8\r\n",
			prefixes[i]);
		ck_assert_int_eq(read_text(text, strlen(text), &c), TULLE_TAKEN);
		ck_assert(c.type == TULLE_ICE_SRFLX && c.has_related && c.related.port == 8);
		ck_assert(c.related.family == 4 && c.addr.family == 6);
	}
}
END_TEST

/* ICE-020, SDP-039, SDP-040 */
START_TEST(what_is_not_of_the_grammar_is_refused)
{
	static const char *const bad[] = {"", " ", "candidate:", "candidate:1",
		"candidate: 1 udp 1 10.0.0.1 5 typ host", "1 0 udp 1 10.0.0.1 5 typ host",
		"1 257 udp 1 10.0.0.1 5 typ host", "1 1 udp 0 10.0.0.1 5 typ host",
		"1 1 udp 2147483648 10.0.0.1 5 typ host", "1 1 udp -1 10.0.0.1 5 typ host",
		"1 1 udp 99999999999999999999 10.0.0.1 5 typ host",
		"1 1 udp 1 10.0.0.1 65536 typ host", "1 1 udp 1 10.0.0.1 x typ host",
		"1 1 udp 1 10.0.0.1 5 host", "1 1 udp 1 10.0.0.1 5 type host",
		"1 1 udp 1 10.0.0.1 5 typ", "1  1 udp 1 10.0.0.1 5 typ host",
		"1 1  1 10.0.0.1 5 typ host", "1 1 udp 1  5 typ host",
		"1! 1 udp 1 10.0.0.1 5 typ host",
		"123456789012345678901234567890123 1 udp 1 10.0.0.1 5 typ host",
		"1 1 udp 1 10.0.0.1 5 typ srflx raddr 10.0.0.1 rport 65536",
		"1 1 udp 1 10.0.0.1 5 typ srflx raddr", "1 1 udp 1 10.0.0.1 5 typ host  x",
		"1 1 udp 1 10.0.0.1 5 typ host\rx y", "1 1 udp 1 10.0.\t0.1 5 typ host"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tulle_ice_candidate c;
		ck_assert_msg(read_text(bad[i], strlen(bad[i]), &c) == TULLE_DROP_ICE_CANDIDATE,
			"%s", bad[i]);
	}
}
END_TEST

START_TEST(every_truncation_is_read_within_its_bounds)
{
	static const char *const texts[] = {CHROMIUM, FIREFOX, FIREFOX_TCP,
		"a=candidate:1 1 udp 1 ::1 9 typ relay raddr :: rport 9 tcptype so ufrag x"};
	for (size_t i = 0; i < 4; i++)
		for (size_t n = 0; n <= strlen(texts[i]); n++) {
			tulle_ice_candidate c;
			tulle_drop drop = read_text(texts[i], n, &c);
			ck_assert(drop == TULLE_TAKEN || drop == TULLE_DROP_ICE_CANDIDATE);
		}
}
END_TEST

START_TEST(a_line_of_more_than_1024_bytes_is_refused)
{
	char text[1026];
	tulle_ice_candidate c;
	const char *head = "1 1 udp 1 10.0.0.1 5 typ host x ";
	memset(text, 'y', sizeof text);
	memcpy(text, head, strlen(head));
	ck_assert_int_eq(read_text(text, 1024, &c), TULLE_TAKEN);
	ck_assert_int_eq(read_text(text, 1025, &c), TULLE_DROP_ICE_CANDIDATE);
}
END_TEST

/* ICE-011 */
START_TEST(what_is_written_reads_back)
{
	static const char *const texts[] = {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
		"candidate:a+/9 256 udp 1 2001:db8::1 65535 typ srflx raddr 0.0.0.0 rport 9",
		"candidate:1 1 TCP 2147483647 x.local 9 typ host tcptype active",
		"candidate:7 1 udp 5 1.2.3.4 1 typ relay raddr :: rport 0",
		"candidate:7 1 udp 5 1.2.3.4 1 typ prflx generation 0 ufrag abcd"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		tulle_ice_candidate c;
		char out[TULLE_ICE_CANDIDATE_BYTES];
		size_t want = strlen(texts[i]);
		ck_assert_int_eq(read_text(texts[i], want, &c), TULLE_TAKEN);
		for (size_t cap = 0; cap <= sizeof out; cap++) {
			char *exact = malloc(cap != 0 ? cap : 1);
			size_t n = tulle_ice_write_candidate(&c, exact, cap);
			ck_assert_uint_eq(n, cap >= want ? want : 0);
			if (n != 0)
				ck_assert_mem_eq(exact, texts[i], n);
			free(exact);
		}
	}
}
END_TEST

Suite *suite_candidate(void)
{
	Suite *s = suite_create("candidate");
	TCase *t = tcase_create("candidate");
	tcase_add_test(t, what_browsers_send_is_read);
	tcase_add_test(t, what_is_not_of_the_grammar_is_refused);
	tcase_add_test(t, every_truncation_is_read_within_its_bounds);
	tcase_add_test(t, a_line_of_more_than_1024_bytes_is_refused);
	tcase_add_test(t, what_is_written_reads_back);
	suite_add_tcase(s, t);
	return s;
}
