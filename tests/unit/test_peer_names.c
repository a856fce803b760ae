/* SPDX-License-Identifier: MIT */
/* peer: candidates with names of the link in the place of addresses: theirs are asked for, ours
 * hide. */
#include "tests/support/couple.h"
#include "tests/unit/describe.h"

#include "base/text.h"
#include "peer/state.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((tulle_time)1000000)
#define NAME "0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local"

static couple c;
static tulle_channel chat;
static tulle_peer *a(void)
{
	return c.end[0].peer;
}

/* What an end said, without its candidates and their end. */
static size_t without_candidates(char *dst, tulle_text sdp)
{
	size_t n = 0;
	while (sdp.len != 0) {
		tulle_text line = tulle_text_split(&sdp, '\n');
		if (tulle_text_starts(line, TULLE_TEXT("a=candidate:")) ||
			tulle_text_starts(line, TULLE_TEXT("a=end-of-candidates")))
			continue;
		memcpy(dst + n, line.ptr, line.len);
		n += line.len;
		dst[n++] = '\n';
	}
	return n;
}

static tulle_err add(const char *host, const char *rest)
{
	char text[1200];
	tulle_candidate candidate = {0};
	snprintf(text, sizeof text, "candidate:1 1 %s typ host%s", host, rest);
	candidate.candidate = tulle_text_of(text);
	return tulle_peer_add_candidate(a(), &candidate);
}

static tulle_err add_end(void)
{
	tulle_candidate end = {.candidate = {"", 0}};
	return tulle_peer_add_candidate(a(), &end);
}

static void open_couple(const tulle_peer_config *config)
{
	static const tulle_peer_config defaults;
	c = (couple){.by_hand = true, .seed = 5, .name_us = 20000};
	config = config != NULL ? config : &defaults;
	couple_open(&c, config, config);
	memcpy(c.names[0].text, NAME, sizeof c.names[0].text);
	c.names[0].addr = (tulle_addr){.family = 4, .ip = {10, 0, 0, 2}};
	c.name_count = 1;
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	describe_ends(a(), c.end[1].peer, without_candidates);
}

static bool is_connected(const couple *k)
{
	return k->end[0].connection == TULLE_CONNECTION_CONNECTED;
}

static uint32_t dropped(tulle_drop reason)
{
	return (uint32_t)tulle_peer_drops(a(), reason);
}

/* ICE-110; b is told no candidate, so that a's checks to the resolved address alone connect. The
 * end of candidates waits for the name. */
START_TEST(a_name_is_resolved_and_connects)
{
	open_couple(NULL);
	ck_assert_int_eq(add("udp 2122260223 " NAME " 5000", ""), TULLE_OK);
	ck_assert_int_eq(add_end(), TULLE_OK);
	ck_assert(!couple_run(&c, is_connected, 19999));
	ck_assert_uint_eq(c.asked, 1);
	ck_assert_uint_eq(c.datagrams, 0);
	ck_assert(couple_run(&c, is_connected, 5 * SECOND));
	ck_assert_uint_eq(c.asked, 1);
	couple_close(&c);
}
END_TEST

/* ICE-022, ICE-113: what is not asked for */
START_TEST(only_useful_names_are_asked_for)
{
	static const struct {
		const char *head;
		const char *tail;
		tulle_drop drop;
	} rows[] = {
		{"udp 1 printer.local 5000", "", TULLE_DROP_ICE_UNSUPPORTED},
		{"udp 1 example.org 5000", "", TULLE_DROP_ICE_UNSUPPORTED},
		{"udp 1 0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.a.local 5000", "",
			TULLE_DROP_ICE_UNSUPPORTED},
		{"tcp 1 " NAME " 9", " tcptype active", TULLE_DROP_ICE_UNSUPPORTED},
		{"udp 1 " NAME " 5000", " x", TULLE_TAKEN},
	};
	open_couple(NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t before = dropped(rows[i].drop);
		ck_assert_int_eq(add(rows[i].head, rows[i].tail), TULLE_OK);
		if (rows[i].drop != TULLE_TAKEN)
			ck_assert_uint_eq(dropped(rows[i].drop), before + 1);
	}
	(void)couple_run(&c, NULL, 1000);
	ck_assert_uint_eq(c.asked, 1);
	couple_close(&c);
	const tulle_peer_config relayed = {.ice = {.relay_only = true}}; /* draft 3.2.1 */
	open_couple(&relayed);
	ck_assert_int_eq(add("udp 1 " NAME " 5000", ""), TULLE_OK);
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_FILTERED), 1);
	(void)couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.asked, 0);
	couple_close(&c);
}
END_TEST

/* ICE-112: the connection fails as if the candidate had never been; without any answer too. */
START_TEST(a_name_that_nobody_has_is_no_candidate)
{
	for (unsigned silent = 0; silent < 2; silent++) {
		open_couple(NULL);
		c.name_us = silent != 0 ? TULLE_TIME_NEVER : 20000;
		c.name_count = 0;
		ck_assert_int_eq(add("udp 1 " NAME " 5000", ""), TULLE_OK);
		ck_assert_int_eq(add_end(), TULLE_OK);
		(void)couple_run(&c, NULL, SECOND);
		if (silent == 0) { /* the end came behind it: RFC8838:14 */
			ck_assert_int_eq(add("udp 1 10.0.0.2 5000", ""), TULLE_OK);
			ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 1);
		}
		(void)couple_run(&c, NULL, 13 * SECOND);
		if (silent != 0)
			ck_assert_int_ne(c.end[0].connection, TULLE_CONNECTION_FAILED);
		(void)couple_run(&c, NULL, 60 * SECOND);
		ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_FAILED);
		ck_assert_uint_eq(c.datagrams, 0);
		couple_close(&c);
	}
}
END_TEST

/* RFC8838:18: a restart is done while the end of the former generation waits for a name that nobody
 * has: what the new one tells is taken, though the old one said that it was all. */
START_TEST(an_end_that_waits_ends_its_own_generation_alone)
{
	for (int named = 0; named < 2; named++) {
		char ufrag[TULLE_ICE_UFRAG_BYTES];
		tulle_text theirs, pwd;
		open_couple(NULL);
		c.name_us = TULLE_TIME_NEVER;
		tulle_ice_credentials(c.end[1].peer->ice, &theirs, &pwd);
		memcpy(ufrag, theirs.ptr, sizeof ufrag);
		tulle_candidate end = {.candidate = {"", 0}};
		if (named != 0)
			end.username_fragment = (tulle_text){ufrag, sizeof ufrag};
		ck_assert_int_eq(add("udp 1 " NAME " 5000", ""), TULLE_OK);
		ck_assert_int_eq(tulle_peer_add_candidate(a(), &end), TULLE_OK);
		ck_assert_int_eq(tulle_peer_restart_ice(a()), TULLE_OK);
		describe_ends(a(), c.end[1].peer, without_candidates);
		(void)couple_run(&c, NULL, 16 * SECOND);
		ck_assert_int_eq(add("udp 1 10.0.0.2 5000", ""), TULLE_OK);
		ck_assert(couple_run(&c, is_connected, 5 * SECOND));
		ck_assert_int_eq(tulle_peer_add_candidate(a(), &end), TULLE_OK);
		ck_assert_int_eq(add("udp 1 10.0.0.3 5000", ""), TULLE_OK);
		/* the end of what is no more, or the candidate behind the end of all */
		ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 1);
		couple_close(&c);
	}
}
END_TEST

START_TEST(names_that_wait_are_bounded)
{
	char head[] = "udp 1 " NAME " 5000", long_one[400], extension[32];
	tulle_text ufrag, pwd;
	open_couple(NULL);
	c.name_us = TULLE_TIME_NEVER;
	tulle_ice_credentials(c.end[1].peer->ice, &ufrag, &pwd);
	snprintf(extension, sizeof extension, " ufrag %.*s", (int)ufrag.len, ufrag.ptr);
	const tulle_candidate told = {
		.candidate = TULLE_TEXT("candidate:1 1 udp 1 " NAME " 5000 typ host"),
		.username_fragment = ufrag};
	ck_assert_int_eq(add(head, extension), TULLE_OK); /* said in two ways */
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &told), TULLE_OK);
	for (unsigned i = 1; i < 8; i++) {
		head[6] = (char)('0' + i);
		ck_assert_int_eq(add(head, ""), TULLE_OK);
		ck_assert_int_eq(add(head, ""), TULLE_OK); /* the same again */
	}
	ck_assert_uint_eq(dropped(TULLE_DROP_LIMIT), 0);
	head[6] = '9';
	ck_assert_int_eq(add(head, ""), TULLE_OK);
	ck_assert_uint_eq(dropped(TULLE_DROP_LIMIT), 1);
	(void)couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.asked, 8);
	(void)couple_run(&c, NULL, 15 * SECOND); /* all are given up */
	memset(long_one, 'x', sizeof long_one - 1);
	memcpy(long_one, " long ", 6);
	long_one[sizeof long_one - 1] = 0;
	ck_assert_int_eq(add(head, long_one), TULLE_OK);
	ck_assert_uint_eq(dropped(TULLE_DROP_LIMIT), 2);
	c.question_count = 0;
	for (unsigned i = 0; i < 16; i++) { /* those of what a restart ended make room */
		head[6] = (char)('0' + i % 8);
		if (i == 8) {
			ck_assert_int_eq(tulle_peer_restart_ice(a()), TULLE_OK);
			describe_ends(a(), c.end[1].peer, without_candidates);
		}
		ck_assert_int_eq(add(head, ""), TULLE_OK);
		(void)couple_run(&c, NULL, SECOND / 10);
		ck_assert_uint_eq(c.asked, 9 + i);
	}
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 8);
	couple_close(&c);
}
END_TEST

/* RFC8838:14: the end overtakes none of as many names as may wait; nor do ends of others. */
START_TEST(the_end_waits_behind_all_names)
{
	char head[] = "udp 1 " NAME " 5000";
	open_couple(NULL);
	for (unsigned i = 1; i <= 8; i++) {
		memcpy(c.names[i - 1].text, NAME, sizeof c.names[0].text);
		c.names[i - 1].text[0] = head[6] = (char)('0' + i);
		c.names[i - 1].addr =
			(tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(10 + i)}};
		ck_assert_int_eq(add(head, ""), TULLE_OK);
	}
	c.name_count = 8;
	ck_assert_int_eq(add_end(), TULLE_OK);
	ck_assert_int_eq(add_end(), TULLE_OK); /* the same again */
	for (unsigned i = 0; i < 2; i++) {
		tulle_candidate end = {.candidate = {"", 0}, .username_fragment = {"xyz", i + 1}};
		ck_assert_int_eq(tulle_peer_add_candidate(a(), &end), TULLE_OK);
		ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), i + 1);
	}
	(void)couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.asked, 8);
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 2);
	ck_assert_int_eq(add("udp 1 10.0.0.2 5000", ""), TULLE_OK); /* and now it has come */
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 3);
	couple_close(&c);
}
END_TEST

/* Answers to nothing that was asked, of several addresses, and of another generation. */
START_TEST(answers_are_judged)
{
	const tulle_addr addrs[] = {{.family = 4, .ip = {10, 0, 0, 2}},
		{.family = 4, .ip = {10, 0, 0, 3}}, {.family = 4, .ip = {127, 0, 0, 1}}};
	tulle_in in = {.kind = TULLE_IN_RESOLVED, .id = 1, .addrs = addrs, .addr_count = 1};
	open_couple(NULL);
	c.name_us = TULLE_TIME_NEVER;
	ck_assert_int_eq(add("udp 1 " NAME " 5000", ""), TULLE_OK);
	tulle_peer_handle(a(), c.now, &in); /* before it was asked */
	(void)couple_run(&c, NULL, 1000);
	in.id = c.questions[0].id + 1;
	tulle_peer_handle(a(), c.now, &in);
	in.id = c.questions[0].id;
	in.addr_count = 2; /* ICE-111 */
	tulle_peer_handle(a(), c.now, &in);
	(void)couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.datagrams, 0);
	ck_assert_int_eq(add("udp 1 " NAME " 5001", ""), TULLE_OK);
	(void)couple_run(&c, NULL, 1000);
	in.id = c.questions[1].id;
	in.addr_count = 1;
	in.addrs = &addrs[2]; /* [SEC] a name that leads to ourselves */
	tulle_peer_handle(a(), c.now, &in);
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_FILTERED), 1);
	ck_assert_int_eq(add("udp 1 " NAME " 5002", " ufrag other"), TULLE_OK);
	(void)couple_run(&c, NULL, 1000);
	in.id = c.questions[2].id;
	in.addrs = addrs;
	tulle_peer_handle(a(), c.now, &in);
	ck_assert_uint_eq(dropped(TULLE_DROP_ICE_GENERATION), 1);
	(void)couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.datagrams, 0);
	couple_close(&c);
}
END_TEST

/* -- ours -- */

static char told[2048];

static void note_candidate(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (e->kind != TULLE_PEER_ICE_CANDIDATE || end != 0)
		return;
	size_t n = strlen(told);
	ck_assert_uint_lt(n + e->u.candidate.candidate.len + 2, sizeof told);
	memcpy(told + n, e->u.candidate.candidate.ptr, e->u.candidate.candidate.len);
	memcpy(told + n + e->u.candidate.candidate.len, "\n", 2);
}

/* ICE-106, ICE-108, ICE-109: no address of ours in candidates and descriptions; two that hide
 * connect through what they publish. */
static bool is_blank(const tulle_addr *addr)
{
	const tulle_addr none = {0};
	return memcmp(addr->ip, none.ip, sizeof none.ip) == 0;
}

/* Both ends' pairs: which addresses the stats show. */
static void look_at_pairs(bool local, bool remote)
{
	for (int end = 0; end < 2; end++) {
		tulle_ice_pair_stats pair;
		size_t n = 0;
		for (; tulle_peer_read_pair(c.end[end].peer, n, &pair); n++) {
			ck_assert(is_blank(&pair.path.local) == !local);
			ck_assert(is_blank(&pair.path.remote) == !remote);
			ck_assert_uint_eq(pair.path.local.port, 5000);
			ck_assert_uint_eq(pair.path.remote.family, 4);
			ck_assert_int_eq(pair.state, TULLE_ICE_PAIR_SUCCEEDED);
		}
		ck_assert_uint_gt(n, 0);
	}
}

/* W3C webrtc-stats: what the application was not told the stats do not tell it. */
START_TEST(pairs_show_the_addresses_that_were_told)
{
	const tulle_peer_config plain = {0};
	c = (couple){.seed = 6};
	couple_open(&c, &plain, &plain);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, is_connected, 5 * SECOND));
	look_at_pairs(true, true);
	couple_close(&c);
	/* The answerer is told of no candidate: it learns where the offerer is from its checks. */
	c = (couple){.seed = 7, .by_hand = true};
	couple_open(&c, &plain, &plain);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	describe_ends(a(), c.end[1].peer, without_candidates);
	ck_assert_int_eq(add("udp 1 10.0.0.2 5000", ""), TULLE_OK);
	ck_assert(couple_run(&c, is_connected, 5 * SECOND));
	tulle_ice_pair_stats pair;
	ck_assert(tulle_peer_read_pair(c.end[1].peer, 0, &pair));
	ck_assert_int_eq(pair.remote_type, TULLE_ICE_PRFLX);
	ck_assert(is_blank(&pair.path.remote) && !is_blank(&pair.path.local));
	couple_close(&c);
}
END_TEST

START_TEST(hidden_addresses_are_told_to_the_link_alone)
{
	const tulle_peer_config hiding = {.ice = {.hide_addresses = true}};
	char sdp[8192];
	tulle_text text;
	memset(told, 0, sizeof told);
	c = (couple){.seed = 5, .name_us = 20000, .on_event = note_candidate};
	couple_open(&c, &hiding, &hiding);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, is_connected, 5 * SECOND));
	ck_assert(c.name_count == 2 && c.asked == 2);
	ck_assert_ptr_nonnull(strstr(told, ".local 5000 typ host"));
	ck_assert_ptr_null(strstr(told, "10.0.0."));
	tulle_peer_local(a(), false, &text);
	memcpy(sdp, text.ptr, text.len);
	sdp[text.len] = 0;
	ck_assert_ptr_nonnull(strstr(sdp, ".local 5000 typ host"));
	ck_assert_ptr_nonnull(strstr(sdp, "\r\nc=IN IP4 0.0.0.0\r\n"));
	ck_assert_ptr_nonnull(strstr(sdp, "m=application 9 "));
	ck_assert_ptr_null(strstr(sdp, "10.0.0."));
	look_at_pairs(false, false);
	couple_close(&c);
}
END_TEST

Suite *suite_peer_names(void)
{
	Suite *s = suite_create("peer_names");
	TCase *t = tcase_create("theirs");
	tcase_add_test(t, a_name_is_resolved_and_connects);
	tcase_add_test(t, only_useful_names_are_asked_for);
	tcase_add_test(t, a_name_that_nobody_has_is_no_candidate);
	tcase_add_test(t, an_end_that_waits_ends_its_own_generation_alone);
	tcase_add_test(t, names_that_wait_are_bounded);
	tcase_add_test(t, the_end_waits_behind_all_names);
	tcase_add_test(t, answers_are_judged);
	suite_add_tcase(s, t);
	t = tcase_create("ours");
	tcase_add_test(t, hidden_addresses_are_told_to_the_link_alone);
	tcase_add_test(t, pairs_show_the_addresses_that_were_told);
	suite_add_tcase(s, t);
	return s;
}
