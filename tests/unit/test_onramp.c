/* SPDX-License-Identifier: MIT */
/* onramp: P's server against clients of our own WebSocket engine and against hostile bytes. */
#include "tests/unit/onramp_help.h"

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
	snprintf(text, sizeof text,
		" [6 , \"%s\" , [3,{\"b\":1.0e+2 ,\"a\":\"\\u0041\"},null,9] , 7]", one);
	say(0, text);
	settle();
	snprintf(want, sizeof want, "[7,\"%s\",[3,{\"b\":1.0e+2 ,\"a\":\"\\u0041\"},null,9]];",
		zero);
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
	suite_add_tcase(suite, t);
	return suite;
}
