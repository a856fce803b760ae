/* SPDX-License-Identifier: MIT */
/* peer: SNAP, the SCTP INIT in the description (draft-hancke-tsvwg-snap-00). */
#include "tests/support/couple.h"

#include "base/text.h"
#include "peer/state.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((tulle_time)1000000)
#define SDP_MAX 8192

static couple c;
static char text[SDP_MAX];
static size_t text_len;

static tulle_peer *peer(int end)
{
	return c.end[end].peer;
}

static void keep(tulle_text sdp)
{
	ck_assert_uint_lt(sdp.len, SDP_MAX);
	memcpy(text, sdp.ptr, sdp.len);
	text[text_len = sdp.len] = 0;
}

static void describe(int end, bool pending)
{
	tulle_text sdp;
	ck_assert_int_ne((int)tulle_peer_local(peer(end), pending, &sdp), 0);
	keep(sdp);
}

static void offer(int end)
{
	size_t len;
	ck_assert_int_eq(
		tulle_peer_create_offer(peer(end), false, text, sizeof text, &len), TULLE_OK);
	text[text_len = len] = 0;
}

/* The value of a=sctp-init in text; "": none. */
static const char *init_of(void)
{
	static char value[2][512];
	static int turn;
	const char *at = strstr(text, "a=sctp-init:");
	char *out = value[turn++ % 2];
	out[0] = 0;
	if (at != NULL)
		sscanf(at, "a=sctp-init:%511[^\r]", out);
	return out;
}

static bool is_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] + k->end[1].events[TULLE_PEER_CHANNEL] == 2;
}

static void open_couple(bool off0, bool off1)
{
	tulle_peer_config a = {.no_snap = off0, .no_sped = true}, b = {.no_snap = off1};
	c = (couple){.seed = 11, .delay_us = 100000};
	couple_open(&c, &a, &b);
	tulle_channel channel;
	ck_assert_int_eq(tulle_channel_create(peer(0), "x", NULL, &channel), TULLE_OK);
}

/* Microseconds from the descriptions to a channel that is open at both ends. */
static tulle_time time_to_open(bool off0, bool off1)
{
	open_couple(off0, off1);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	tulle_time from = c.now;
	ck_assert(couple_run(&c, is_open, 60 * SECOND));
	tulle_time took = c.now - from;
	couple_close(&c);
	return took;
}

/* SCTP-192, SCTP-196 */
START_TEST(both_descriptions_with_an_init_save_two_round_trips)
{
	tulle_time plain = time_to_open(true, true), snap = time_to_open(false, false);
	ck_assert_msg(plain - snap >= 4 * 100000 - 1000, "%d and %d ms", (int)(plain / 1000),
		(int)(snap / 1000));
}
END_TEST

/* SCTP-197 */
START_TEST(an_init_on_one_side_alone_changes_nothing)
{
	tulle_time plain = time_to_open(true, true);
	ck_assert_int_eq(time_to_open(true, false), plain);
	ck_assert_int_eq(time_to_open(false, true), plain);
}
END_TEST

/* SCTP-192 */
START_TEST(an_answer_has_an_init_when_its_offer_has)
{
	static const struct {
		bool off0, off1, offer, answer;
	} cases[] = {{false, false, true, true}, {true, false, false, false},
		{false, true, true, false}, {true, true, false, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_couple(cases[i].off0, cases[i].off1);
		offer(0);
		ck_assert_int_eq(*init_of() != 0, cases[i].offer);
		ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
		describe(1, false);
		ck_assert_int_eq(*init_of() != 0, cases[i].answer);
		couple_close(&c);
	}
}
END_TEST

/* SCTP-198 */
START_TEST(later_descriptions_say_the_same_init)
{
	char first[512];
	open_couple(false, false);
	offer(0);
	strcpy(first, init_of());
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	ck_assert(couple_run(&c, is_open, 60 * SECOND));
	couple_run(&c, NULL, SECOND);
	offer(0);
	ck_assert_str_eq(init_of(), first);
	describe(1, false);
	strcpy(first, init_of());
	offer(1);
	ck_assert_str_eq(init_of(), first);
	ck_assert_int_eq(couple_describe(&c, 1), TULLE_OK); /* nothing breaks, data goes on */
	ck_assert_int_eq(tulle_channel_send_text(peer(0), c.end[0].channel, "after", 5), TULLE_OK);
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[1].message_len, 5);
	couple_close(&c);
}
END_TEST

/* SCTP-198: of an association that runs */
START_TEST(an_init_that_comes_late_or_changes_is_an_error)
{
	for (int snap = 0; snap < 2; snap++) {
		open_couple(snap == 0, false);
		ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
		ck_assert(couple_run(&c, is_open, 60 * SECOND));
		couple other = {.by_hand = true, .seed = 77};
		couple_open(&other, NULL, NULL);
		size_t len;
		ck_assert_int_eq(
			tulle_peer_create_offer(other.end[0].peer, false, text, sizeof text, &len),
			TULLE_OK);
		ck_assert_int_eq(tulle_peer_set_remote(peer(1), TULLE_SDP_OFFER, text, len),
			TULLE_ERR_SYNTAX);
		ck_assert_ptr_nonnull(strstr(tulle_peer_why(peer(1)), "sctp-init"));
		couple_close(&other);
		couple_close(&c);
	}
}
END_TEST

/* The offer in text with another value. */
static tulle_err set_with(const char *value)
{
	char with[SDP_MAX];
	const char *at = strstr(text, "a=sctp-init:");
	const char *rest = strstr(at, "\r\n");
	int n = snprintf(
		with, sizeof with, "%.*sa=sctp-init:%s%s", (int)(at - text), text, value, rest);
	return tulle_peer_set_remote(peer(1), TULLE_SDP_OFFER, with, (size_t)n);
}

/* SCTP-197: who repeats unknown attributes of the offer in the answer has not understood them */
START_TEST(our_own_init_in_an_answer_is_none)
{
	static char answer[SDP_MAX];
	tulle_peer_config without = {.no_snap = true};
	c = (couple){.by_hand = true, .seed = 11};
	couple_open(&c, NULL, &without);
	ck_assert_int_eq(tulle_peer_set_local(peer(0), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	describe(0, true);
	ck_assert_int_eq(tulle_peer_set_remote(peer(1), TULLE_SDP_OFFER, text, text_len), TULLE_OK);
	const char *init = init_of();
	ck_assert_int_eq(tulle_peer_set_local(peer(1), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	describe(1, false);
	int n = snprintf(answer, sizeof answer, "%sa=sctp-init:%s\r\n", text, init);
	for (int i = 0; i < 2; i++) { /* a second time it is no news either */
		ck_assert_int_eq(
			tulle_peer_set_remote(peer(0), TULLE_SDP_ANSWER, answer, (size_t)n),
			TULLE_OK);
		ck_assert_uint_eq(peer(0)->snap.theirs_len, 0);
		ck_assert_int_eq(
			tulle_peer_set_local(peer(0), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	}
	couple_close(&c);
}
END_TEST

/* SCTP-193, SCTP-194; SDP-060 */
START_TEST(what_is_no_init_in_base64_is_an_error)
{
	static const char *const bad[] = {"AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoL", /* not whole */
		"AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABo!A",      /* not of the alphabet */
		"AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgA",          /* cut off within a parameter */
		"AQAAHgAAAAAAUAAA/////+B5ZR3AAAAEgAgABoLA",      /* tag 0 */
		"AQAAHols3R0AUAAAAAD//+B5ZR3AAAAEgAgABoLA",      /* no streams */
		"AgAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA",      /* an INIT ACK */
		"AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLAAAAAA", /* something behind it */
		"A===", "====", "AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoL="};
	open_couple(false, false);
	offer(0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(set_with(bad[i]) == TULLE_ERR_SYNTAX, "%s", bad[i]);
		ck_assert_int_eq((int)tulle_peer_signaling(peer(1)), TULLE_SIGNALING_STABLE);
	}
	ck_assert_int_eq(set_with("AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA"), TULLE_OK);
	couple_close(&c);
	open_couple(false, true); /* who does not use it does not look at it */
	offer(0);
	ck_assert_int_eq(set_with(bad[0]), TULLE_OK);
	couple_close(&c);
}
END_TEST

/* RFC4648:4, RFC4648:10 */
START_TEST(base64_is_read_strictly)
{
	static const struct {
		const char *text;
		int len; /* -1: refused */
	} cases[] = {{"", 0}, {"Zg==", 1}, {"Zm8=", 2}, {"Zm9v", 3}, {"Zm9vYg==", 4},
		{"Zm9vYmE=", 5}, {"Zm9vYmFy", 6}, {"Zg=", -1}, {"Zg", -1}, {"Zg==Zg==", -1},
		{"Zh==", -1}, {"Zm9=", -1}, {"Z===", -1}, {"====", -1}, {"Zm 9", -1}, {"Zm9-", -1},
		{"Zm9vYmFyYg==", -1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t out[6];
		size_t len = 99;
		bool ok = tulle_text_base64(
			(tulle_text){cases[i].text, strlen(cases[i].text)}, out, sizeof out, &len);
		ck_assert_msg(ok == (cases[i].len >= 0), "%s", cases[i].text);
		ck_assert(!ok || ((int)len == cases[i].len && memcmp(out, "foobar", len) == 0));
	}
}
END_TEST

Suite *suite_peer_snap(void);
Suite *suite_peer_snap(void)
{
	Suite *s = suite_create("peer_snap");
	TCase *t = tcase_create("snap");
	tcase_add_test(t, both_descriptions_with_an_init_save_two_round_trips);
	tcase_add_test(t, an_init_on_one_side_alone_changes_nothing);
	tcase_add_test(t, an_answer_has_an_init_when_its_offer_has);
	tcase_add_test(t, later_descriptions_say_the_same_init);
	tcase_add_test(t, an_init_that_comes_late_or_changes_is_an_error);
	tcase_add_test(t, our_own_init_in_an_answer_is_none);
	tcase_add_test(t, what_is_no_init_in_base64_is_an_error);
	tcase_add_test(t, base64_is_read_strictly);
	suite_add_tcase(s, t);
	return s;
}
