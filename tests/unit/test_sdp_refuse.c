/* SPDX-License-Identifier: MIT */
/* sdp: what is refused and where, what is strange but legal, and the limits. */
#include "sdp_help.h"

/* SDP-028, SDP-029 RFC8841:5.2, RFC8841:6 */
START_TEST(sizes_and_ports_have_their_bounds)
{
	static const struct {
		const char *line;
		tulle_err err;
		uint64_t size;
		unsigned port;
	} cases[] = {{"a=sctp-port:5000\r\n", TULLE_OK, 65536, 5000},
		{"a=sctp-port:0\r\n", TULLE_OK, 65536, 0},
		{"a=sctp-port:65535\r\na=sctp-port:1\r\n", TULLE_OK, 65536, 65535},
		{"a=sctp-port:65536\r\n", TULLE_ERR_SYNTAX, 0, 0},
		{"a=sctp-port:-1\r\n", TULLE_ERR_SYNTAX, 0, 0},
		{"a=sctp-port:05000\r\n", TULLE_ERR_SYNTAX, 0, 0},
		{"a=sctp-port:0x10\r\n", TULLE_ERR_SYNTAX, 0, 0},
		{"a=sctp-port:\r\n", TULLE_ERR_SYNTAX, 0, 0}, {"", TULLE_ERR_SYNTAX, 0, 0},
		{"a=sctp-port:1\r\na=max-message-size:0\r\n", TULLE_OK, 0, 1},
		{"a=sctp-port:1\r\na=max-message-size:18446744073709551615\r\n", TULLE_OK,
			UINT64_MAX, 1},
		{"a=sctp-port:1\r\na=max-message-size:18446744073709551616\r\n", TULLE_ERR_SYNTAX,
			0, 0},
		{"a=sctp-port:1\r\na=max-message-size:+5\r\n", TULLE_ERR_SYNTAX, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		tulle_sdp sdp;
		snprintf(text, sizeof text, SESSION MEDIA "%s", cases[i].line);
		ck_assert_msg(read_text(text, &sdp) == cases[i].err, "%s", cases[i].line);
		if (cases[i].err == TULLE_OK)
			ck_assert(sdp.sctp_port == cases[i].port &&
				  sdp.max_message_size == cases[i].size);
	}
}
END_TEST

/* SDP-001 to SDP-011, SDP-014, SDP-017, SDP-037, SDP-056, SDP-062, SDP-063, SDP-091 */
START_TEST(what_is_not_a_description_is_refused_with_its_line)
{
	static const struct {
		const char *text;
		uint32_t line;
	} cases[] = {{"", 0}, {"v=0", 1}, {"v=1\r\n", 1}, {"\r\n" GOOD, 1}, {" v=0\r\n", 1},
		{"v=0\r\ns=-\r\n"
		 "o=- 1 2 IN IP4 1\r\nt=0 0\r\n",
			3},
		{"v=0\r\no=- 1 2 IN IP4\r\n", 2}, {"v=0\r\no=- x 2 IN IP4 h\r\n", 2},
		{"v=0\r\no=- 18446744073709551616 2 IN IP4 h\r\n", 2},
		{"v=0\r\no=- 1 2 IN IP5 h\r\n", 2}, {"v=0\r\no=- 1 2 IN IP4 h x\r\n", 2},
		{"v=0\r\no=- 1 2 IN IP4 h\r\ns=\r\n", 3}, {SESSION "v=0\r\n", 5},
		{SESSION "x=y\r\n", 5}, {SESSION "a =y\r\n", 5}, {SESSION "a=\r\n", 5},
		{SESSION "a=x\ry\r\n", 5}, {SESSION "c=IN IP4\r\n", 5}, {SESSION "b=AS:x\r\n", 5},
		{SESSION "b=AS:18446744073709551616\r\n", 5},
		{SESSION "m=application 65536 UDP/DTLS/SCTP webrtc-datachannel\r\n", 5},
		{SESSION "m=application  9 UDP/DTLS/SCTP webrtc-datachannel\r\n", 5},
		{SESSION "m=application 9 UDP/DTLS/SCTP \r\n", 5},
		{SESSION "m=audio 9 RTP/AVP\r\n", 5}, {SESSION "m=audio 9/x RTP/AVP 0\r\n", 5},
		{GOOD "t=0 0\r\n", 8}, {GOOD "a=ice-ufrag:abc\r\n", 8},
		{GOOD "a=ice-ufrag:ab:d\r\n", 8}, {GOOD "a=ice-pwd:abcdefghijklmnopqrstu\r\n", 8},
		{GOOD "a=setup:maybe\r\n", 8}, {GOOD "a=fingerprint:sha-256 C8:B0\r\n", 8},
		{GOOD "a=mid:a b\r\n", 8},
		{GOOD "a=mid:0\r\nm=audio 0 RTP/AVP 0\r\na=mid:0\r\n", 10},
		{SESSION "a=group:BUNDLE 7\r\n" MEDIA "a=sctp-port:1\r\na=mid:0\r\n", 9},
		{GOOD "\r\na=mid:0\r\n", 8}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tulle_sdp sdp;
		ck_assert_msg(
			read_text(cases[i].text, &sdp) == TULLE_ERR_SYNTAX, "%s", cases[i].text);
		ck_assert_msg(sdp.line == cases[i].line, "%s: line %u", cases[i].text, sdp.line);
	}
	tulle_sdp sdp;
	static const char zero[] = GOOD "a=x\0y\r\n";
	ck_assert_int_eq(read_exactly((tulle_text){zero, sizeof zero - 1}, &sdp), TULLE_ERR_SYNTAX);
}
END_TEST

/* SDP-007, SDP-012, SDP-018, SDP-020, SDP-035, SDP-043, SDP-044, SDP-058, SDP-059, SDP-075 */
START_TEST(what_is_strange_but_legal_is_read)
{
	tulle_sdp sdp;
	ck_assert_int_eq(read_text(SESSION, &sdp), TULLE_OK);
	ck_assert(sdp.data_index == -1 && sdp.section_count == 0);
	ck_assert_int_eq(read_text("v=0\no=\xff 01 2 IN IP6 ::1\ns= \ni=x\nu=x\ne=x\np=x\n"
				   "c=IN IP6 ::\nb=X-YZ:128\nt=0 0\nr=604800 3600 0\nt=1 2\nz=1 2\n"
				   "k=prompt\na=ice-lite\na=crypto:1 x\na=identity:abc\n\n\n",
				 &sdp),
		TULLE_OK);
	ck_assert(sdp.lite);
	ck_assert_int_eq(
		read_text(GOOD "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\na=ICE-UFRAG:x\r\n"
			       "a=ice-lite\r\na=fingerprint:md5 00\r\na=setup:passive\r\n"
			       "a=setup:active\r\na=remote-candidates:1 192.0.2.1 5\r\na=x:y:z\r\n",
			&sdp),
		TULLE_OK);
	ck_assert(is(sdp.ufrag, "abcd") && !sdp.lite && sdp.fingerprint_count == 0);
	ck_assert(sdp.setup == TULLE_SETUP_PASSIVE);
	ck_assert_int_eq(read_text(SESSION "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
					   "a=bundle-only\r\na=sctp-port:1\r\n",
				 &sdp),
		TULLE_OK);
	ck_assert(!sdp.data.rejected);
	ck_assert_int_eq(
		read_text(SESSION "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n", &sdp),
		TULLE_OK);
	ck_assert(sdp.data.rejected && sdp.data_index == 0);
}
END_TEST

/* SDP-055: those of the section replace those of the session; four are kept */
START_TEST(fingerprints_of_the_section_go_before_those_of_the_session)
{
	char text[2048], line[256];
	tulle_sdp sdp;
	char hex[96] = "";
	for (int i = 0; i < 32; i++)
		strcat(hex, i == 0 ? "ab" : ":AB");
	snprintf(line, sizeof line, "a=fingerprint:SHA-256 %s\r\n", hex);
	snprintf(text, sizeof text, SESSION "%s" MEDIA "a=sctp-port:1\r\n", line);
	ck_assert_int_eq(read_text(text, &sdp), TULLE_OK);
	ck_assert(sdp.fingerprint_count == 1 && sdp.fingerprints[0].bytes[31] == 0xab);
	snprintf(text, sizeof text, SESSION "%s%s" MEDIA "a=sctp-port:1\r\n%s", line, line, line);
	ck_assert_int_eq(read_text(text, &sdp), TULLE_OK);
	ck_assert_uint_eq(sdp.fingerprint_count, 1);
	snprintf(text, sizeof text, GOOD "%s%s%s%s%s", line, line, line, line, line);
	ck_assert_int_eq(read_text(text, &sdp), TULLE_OK);
	ck_assert_uint_eq(sdp.fingerprint_count, TULLE_SDP_FINGERPRINTS_MAX);
}
END_TEST

static char *repeat(const char *head, const char *part, size_t times, size_t *len)
{
	size_t h = strlen(head), p = strlen(part);
	char *text = malloc(h + p * times + 1);
	memcpy(text, head, h);
	for (size_t i = 0; i < times; i++)
		memcpy(text + h + i * p, part, p);
	*len = h + p * times;
	text[*len] = '\0';
	return text;
}

/* SDP-015 */
START_TEST(the_limits_hold)
{
	static const struct {
		const char *head, *part;
		size_t good, bad;
	} cases[] = {{GOOD, "a=candidate:x\r\n", 100, 101},
		{SESSION, "m=audio 9 RTP/AVP 0\r\n", 32, 33}, {SESSION, "a=x\r\n", 1996, 1997},
		{SESSION "a=", "x", 8190, 8191},
		{SESSION "a=group:BUNDLE", "\r\na=group:BUNDLE", 3, 4},
		{GOOD, "a=xxxxxx\r\n", 100, 26300}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len;
		tulle_sdp sdp;
		char *text = repeat(cases[i].head, cases[i].part, cases[i].good, &len);
		ck_assert_msg(read_exactly((tulle_text){text, len}, &sdp) == TULLE_OK, "%zu", i);
		free(text);
		text = repeat(cases[i].head, cases[i].part, cases[i].bad, &len);
		ck_assert_msg(
			read_exactly((tulle_text){text, len}, &sdp) == TULLE_ERR_LIMIT, "%zu", i);
		free(text);
	}
}
END_TEST

Suite *suite_sdp_refuse(void)
{
	Suite *s = suite_create("sdp_refuse");
	TCase *t = tcase_create("sdp_refuse");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, sizes_and_ports_have_their_bounds);
	tcase_add_test(t, what_is_not_a_description_is_refused_with_its_line);
	tcase_add_test(t, what_is_strange_but_legal_is_read);
	tcase_add_test(t, fingerprints_of_the_section_go_before_those_of_the_session);
	tcase_add_test(t, the_limits_hold);
	suite_add_tcase(s, t);
	return s;
}
