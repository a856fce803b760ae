/* SPDX-License-Identifier: MIT */
/* signal: P's messages, those of browsers and those of nobody. */
#include "signal/pmessage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tulle_drop read_exact(const char *text, size_t n, tulle_signal_p *out)
{
	char *copy = malloc(n != 0 ? n : 1);
	memcpy(copy, text, n);
	tulle_drop drop = tulle_signal_read_p((tulle_text){copy, n}, out);
	free(copy);
	return drop;
}

/* From transcripts of Chromium and Firefox, shortened. */
static const char *const real[] = {
	"[0,\"71a255e8-7246-4709-80a0-495c718f114a\"]",
	"[0,{\"a\":1,\"b\":[true,null,\"\xc3\xa9\xf0\x9f\x98\x80\"]}]",
	"[6,\"71a255e8-7246-4709-80a0-495c718f114a\",[3,{\"sdp\":\"v=0\\r\\no=- 1 2 IN IP4 "
	"127.0.0.1\\r\\n\","
	"\"type\":\"offer\"},{\"secret\":\"x\"}]]",
	"[7,\"71a255e8-7246-4709-80a0-495c718f114a\",[4,{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"
	"]]",
	"[7,\"71a255e8-7246-4709-80a0-495c718f114a\",[5,{\"candidate\":\"\",\"sdpMLineIndex\":0,"
	"\"sdpMid\":\"0\",\"usernameFragment\":\"0dfdcfb5\"}]]",
};

START_TEST(what_browsers_send_is_taken_and_every_truncation_dropped)
{
	tulle_signal_p p;
	size_t n = strlen(real[_i]);
	ck_assert_int_eq(tulle_signal_read_p(tulle_text_of(real[_i]), &p), TULLE_TAKEN);
	ck_assert_int_eq((int)p.kind, real[_i][1] - '0');
	if (p.kind != TULLE_SIGNAL_P_DIRECT) {
		tulle_signal_p_inner inner;
		ck_assert_uint_eq(p.address_bytes, 36);
		ck_assert_int_eq(tulle_signal_read_p_inner(p.json, &inner), TULLE_TAKEN);
	}
	for (size_t k = 0; k < n; k++)
		ck_assert_int_eq(read_exact(real[_i], k, &p), TULLE_DROP_JSON_SYNTAX);
}
END_TEST

START_TEST(an_address_has_1_to_255_bytes_and_no_nul)
{
	char text[1100], address[260];
	tulle_signal_p p;
	memset(address, 'a', sizeof address);
	for (size_t n = 253; n <= 257; n++) {
		snprintf(text, sizeof text, "[6,\"%.*s\",0]", (int)n, address);
		ck_assert_int_eq(read_exact(text, strlen(text), &p),
			n <= 255 ? TULLE_TAKEN : TULLE_DROP_P_ADDRESS);
	}
	ck_assert_int_eq(read_exact("[6,\"a\\u0000b\",0]", 16, &p), TULLE_DROP_P_ADDRESS);
	ck_assert_int_eq(read_exact("[7,\"\\ud83d\\ude00\",0]", 20, &p), TULLE_TAKEN);
	ck_assert_uint_eq(p.address_bytes, 4);
	ck_assert_mem_eq(p.address, "\xf0\x9f\x98\x80", 4);
}
END_TEST

static const struct {
	const char *json;
	tulle_drop drop;
	bool tulle;
	const char *data;
} inners[] = {
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"}]", TULLE_TAKEN, false, "null"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"},null]", TULLE_TAKEN, false, "null"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"}, 1.0 ]", TULLE_TAKEN, false, "1.0"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"},[1],{\"tulle\":1}]", TULLE_TAKEN, true, "[1]"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"},{\"tulle\":1}]", TULLE_TAKEN, false,
		"{\"tulle\":1}"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"},1,{\"tulle\":2}]", TULLE_TAKEN, false, "1"},
	{"[3,{\"type\":\"offer\",\"sdp\":\"x\"},1,\"tulle\",9]", TULLE_TAKEN, false, "1"},
	{"[3,{\"type\":\"answer\",\"sdp\":\"x\"},1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,{\"sdp\":\"x\"},1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,{\"type\":\"offer\"},1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,{\"type\":\"offer\",\"sdp\":null},1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,{\"type\":\"offer\",\"sdp\":7},1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,\"x\"]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"null", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[4,{\"type\":\"answer\",\"sdp\":\"x\"}]", TULLE_TAKEN, false, ""},
	{"[4,{\"type\":\"answer\",\"sdp\":\"x\"},{\"tulle\":1}]", TULLE_TAKEN, true, ""},
	{"[4,{\"type\":\"answer\",\"sdp\":\"x\"},1,{\"tulle\":1}]", TULLE_TAKEN, false, ""},
	{"[5,{\"candidate\":\"\"}]", TULLE_TAKEN, false, ""},
	{"[5,{\"candidate\":\"c\",\"sdpMid\":null,\"sdpMLineIndex\":null}]", TULLE_TAKEN, false,
		""},
	{"[5,{\"candidate\":null}]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[5,{}]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[5,null]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[5,{\"candidate\":\"c\",\"sdpMLineIndex\":-1}]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[5,{\"candidate\":\"c\",\"sdpMid\":0}]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[2,1]", TULLE_DROP_P_TYPE, false, NULL},
	{"[999,1]", TULLE_DROP_P_SYNTAX, false, NULL},
	{"[3,", TULLE_DROP_JSON_SYNTAX, false, NULL},
};

START_TEST(inner_messages_are_judged)
{
	tulle_signal_p_inner p;
	ck_assert_int_eq(
		tulle_signal_read_p_inner(tulle_text_of(inners[_i].json), &p), inners[_i].drop);
	if (inners[_i].drop != TULLE_TAKEN)
		return;
	ck_assert(p.tulle == inners[_i].tulle);
	ck_assert(tulle_text_is(p.offer_data, tulle_text_of(inners[_i].data)));
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	char inner[512], whole[1024], back[256];
	tulle_signal_p p;
	tulle_signal_p_inner in;
	size_t n;
	tulle_wr w = tulle_wr_make(inner, sizeof inner);
	tulle_signal_write_p_offer(&w, TULLE_TEXT("v=0\r\n\"\\"), TULLE_TEXT("[1.50]"), true);
	tulle_wr all = tulle_wr_make(whole, sizeof whole);
	tulle_signal_write_p_relay(
		&all, TULLE_SIGNAL_P_RELAY, TULLE_TEXT("a\"b"), (tulle_text){inner, w.len});
	ck_assert(tulle_wr_finish(&w) && tulle_wr_finish(&all));
	ck_assert_int_eq(tulle_signal_read_p((tulle_text){whole, all.len}, &p), TULLE_TAKEN);
	ck_assert(tulle_text_is((tulle_text){p.address, p.address_bytes}, TULLE_TEXT("a\"b")));
	ck_assert(tulle_text_is(p.json, (tulle_text){inner, w.len}));
	ck_assert_int_eq(tulle_signal_read_p_inner(p.json, &in), TULLE_TAKEN);
	ck_assert(in.tulle && tulle_text_is(in.offer_data, TULLE_TEXT("[1.50]")));
	ck_assert_int_eq(tulle_json_decode(in.sdp, back, sizeof back, &n), TULLE_OK);
	ck_assert(tulle_text_is((tulle_text){back, n}, TULLE_TEXT("v=0\r\n\"\\")));
	w = tulle_wr_make(inner, sizeof inner);
	tulle_signal_write_p_candidate(
		&w, TULLE_TEXT(""), TULLE_TEXT("0"), 0, (tulle_text){NULL, 0});
	ck_assert(tulle_text_is((tulle_text){inner, w.len},
		TULLE_TEXT("[5,{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}]")));
	w = tulle_wr_make(inner, sizeof inner);
	tulle_signal_write_p_answer(&w, TULLE_TEXT("x"), false);
	ck_assert(tulle_text_is(
		(tulle_text){inner, w.len}, TULLE_TEXT("[4,{\"type\":\"answer\",\"sdp\":\"x\"}]")));
	w = tulle_wr_make(inner, sizeof inner);
	tulle_signal_write_p_offer(&w, TULLE_TEXT("x"), (tulle_text){NULL, 0}, false);
	ck_assert(tulle_text_is((tulle_text){inner, w.len},
		TULLE_TEXT("[3,{\"type\":\"offer\",\"sdp\":\"x\"},null]")));
	w = tulle_wr_make(inner, sizeof inner);
	tulle_signal_write_p_direct(&w, TULLE_TEXT("null"));
	ck_assert(tulle_text_is((tulle_text){inner, w.len}, TULLE_TEXT("[0,null]")));
}
END_TEST

Suite *suite_pmessage(void)
{
	Suite *suite = suite_create("pmessage");
	TCase *t = tcase_create("pmessage");
	tcase_add_loop_test(t, what_browsers_send_is_taken_and_every_truncation_dropped, 0,
		(int)(sizeof real / sizeof *real));
	tcase_add_test(t, an_address_has_1_to_255_bytes_and_no_nul);
	tcase_add_loop_test(t, inner_messages_are_judged, 0, (int)(sizeof inners / sizeof *inners));
	tcase_add_test(t, what_is_written_is_read_back);
	suite_add_tcase(suite, t);
	return suite;
}
