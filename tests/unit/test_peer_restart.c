/* SPDX-License-Identifier: MIT */
/* peer: ICE restart through offer and answer: data goes on, the way back, what is refused. */
#include "channels_help.h"

#define SDP_MAX 4096
#define MESSAGES 400

typedef struct {
	char sdp[SDP_MAX];
	size_t len;
} text;

static size_t heard;
static bool in_order;
static unsigned gathering[2][3];

static void watch(couple *k, int end, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_GATHERING_STATE)
		gathering[end][e->u.state]++;
	if (e->kind != TULLE_PEER_MESSAGE || end != 1)
		return;
	uint32_t number;
	ck_assert_uint_ge(e->u.message.data.len, sizeof number);
	memcpy(&number, e->u.message.data.ptr, sizeof number);
	in_order = in_order && number == heard;
	heard++;
	(void)k;
}

static void copy(tulle_text from, text *to)
{
	ck_assert_uint_lt(from.len, SDP_MAX);
	memcpy(to->sdp, from.ptr, from.len);
	to->len = from.len;
}

static text local_of(const tulle_peer *p, bool pending)
{
	text t = {.len = 0};
	tulle_text sdp;
	if (tulle_peer_local(p, pending, &sdp) != 0)
		copy(sdp, &t);
	return t;
}

/* The value of a=ice-ufrag or a=ice-pwd, in place. */
static char *value_of(text *t, const char *name)
{
	char *at = memmem(t->sdp, t->len, name, strlen(name));
	ck_assert_ptr_nonnull(at);
	return at + strlen(name);
}

static bool same_names(text a_text, text b_text)
{
	bool ufrag = memcmp(value_of(&a_text, "a=ice-ufrag:"), value_of(&b_text, "a=ice-ufrag:"),
			     8) == 0;
	bool pwd =
		memcmp(value_of(&a_text, "a=ice-pwd:"), value_of(&b_text, "a=ice-pwd:"), 24) == 0;
	ck_assert(ufrag == pwd);
	return ufrag;
}

static void open_and_watch(void)
{
	heard = 0;
	in_order = true;
	memset(gathering, 0, sizeof gathering);
	open_pair(NULL, NULL);
	c.on_event = watch;
}

static bool all_heard(const couple *k)
{
	(void)k;
	return heard == MESSAGES;
}

/* DC-090 W3C, RFC8445:9: restarts of either side in the middle of a transfer; nothing is lost */
START_TEST(data_and_channels_go_on_through_restarts)
{
	for (int lossy = 0; lossy < 2; lossy++) {
		static uint8_t message[20000];
		uint32_t sent = 0;
		open_and_watch();
		c.delay_us = 15000;
		c.loss = lossy != 0 ? 30 : 0;
		text before = local_of(a(), false);
		while (sent < MESSAGES) {
			memcpy(message, &sent, sizeof sent);
			if (tulle_channel_send_bytes(a(), chat, message, sizeof message) ==
				TULLE_OK)
				sent++;
			if (sent % 40 == 20)
				ck_assert_int_eq(
					tulle_peer_restart_ice(sent % 80 == 20 ? a() : b()),
					TULLE_OK);
			couple_run(&c, NULL, SECOND / 50);
		}
		ck_assert(couple_run(&c, all_heard, 300 * SECOND));
		ck_assert(in_order);
		ck_assert(!same_names(before, local_of(a(), false)));
		settle();
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(c.end[i].connection, TULLE_CONNECTION_CONNECTED);
			ck_assert_uint_eq(c.end[i].events[TULLE_PEER_CLOSE], 0);
			ck_assert_uint_ge(gathering[i][TULLE_GATHERING_GATHERING], 10);
			ck_assert_uint_eq(gathering[i][TULLE_GATHERING_GATHERING],
				gathering[i][TULLE_GATHERING_COMPLETE]);
		}
		ck_assert_uint_eq(stats_of(a()).restarts + stats_of(b()).restarts, 0);
		couple_close(&c);
	}
}
END_TEST

static text create_offer(tulle_peer *p, bool restart)
{
	text t = {.len = 0};
	ck_assert_int_eq(
		tulle_peer_create_offer(p, restart, t.sdp, sizeof t.sdp, &t.len), TULLE_OK);
	return t;
}

static tulle_err set_remote(tulle_peer *p, tulle_sdp_type type, const text *t)
{
	return tulle_peer_set_remote(p, type, t->sdp, t->len);
}

/* W3C: createOffer({iceRestart: true}) binds to nothing; a rollback gives the former back */
START_TEST(a_restart_offer_changes_nothing_before_its_answer)
{
	open_and_watch();
	c.by_hand = true;
	text was = local_of(a(), false), plain = create_offer(a(), false);
	text offer = create_offer(a(), true);
	ck_assert(same_names(was, plain) && !same_names(was, offer));
	ck_assert_ptr_nonnull(
		memmem(offer.sdp, offer.len, "a=ice-options:trickle ice2\r\n",
			28)); /* ICE-077, ICE-083 RFC8445:10 */
	ck_assert(same_names(was, local_of(a(), false)));
	/* either may be set */
	ck_assert_int_eq(
		tulle_peer_set_local(a(), TULLE_SDP_OFFER, plain.sdp, plain.len), TULLE_OK);
	ck_assert(same_names(was, local_of(a(), true)));
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_ROLLBACK, NULL, 0), TULLE_OK);
	offer = create_offer(a(), true);
	ck_assert_int_eq(
		tulle_peer_set_local(a(), TULLE_SDP_OFFER, offer.sdp, offer.len), TULLE_OK);
	ck_assert(same_names(offer, local_of(a(), true)));
	ck_assert(same_names(was, local_of(a(), false)));
	ck_assert_int_eq(tulle_peer_gathering(a()), TULLE_GATHERING_GATHERING);
	ck_assert_int_eq(set_remote(b(), TULLE_SDP_OFFER, &offer), TULLE_OK);
	couple_run(&c, NULL, 40 * SECOND); /* consent goes on */
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_CONNECTED);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_ROLLBACK, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_remote(b(), TULLE_SDP_ROLLBACK, NULL, 0), TULLE_OK);
	ck_assert(same_names(was, create_offer(a(), false)));
	ck_assert_int_eq(tulle_peer_gathering(a()), TULLE_GATHERING_COMPLETE);
	couple_run(&c, NULL, 40 * SECOND);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_CONNECTED);
	ck_assert_int_eq(c.end[1].connection, TULLE_CONNECTION_CONNECTED);
	/* a second one has other names than the one that was rolled back */
	ck_assert(!same_names(offer, create_offer(a(), true)));
	couple_close(&c);
}
END_TEST

static void trade(tulle_peer *from, tulle_peer *to, const text *offer)
{
	text answer = {.len = 0};
	ck_assert_int_eq(set_remote(to, TULLE_SDP_OFFER, offer), TULLE_OK);
	ck_assert_int_eq(
		tulle_peer_create_answer(to, answer.sdp, sizeof answer.sdp, &answer.len), TULLE_OK);
	ck_assert_int_eq(
		tulle_peer_set_local(to, TULLE_SDP_ANSWER, answer.sdp, answer.len), TULLE_OK);
	ck_assert(same_names(answer, local_of(to, false)));
	ck_assert_int_eq(set_remote(from, TULLE_SDP_ANSWER, &answer), TULLE_OK);
}

/* RFC8839:4.4.1.1: both sides restart at once; one offer gives way, one restart serves both */
START_TEST(restarts_that_cross_are_one)
{
	open_and_watch();
	c.by_hand = true;
	ck_assert_int_eq(tulle_peer_restart_ice(a()), TULLE_OK);
	ck_assert_int_eq(tulle_peer_restart_ice(b()), TULLE_OK);
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], 2);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_NEGOTIATION_NEEDED], 1);
	text was = local_of(b(), false);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	text offer = local_of(a(), true), other = local_of(b(), true);
	ck_assert(!same_names(was, other));
	trade(a(), b(), &offer);
	ck_assert(!same_names(was, local_of(b(), false)));
	couple_run(&c, NULL, 60 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], 2);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_NEGOTIATION_NEEDED], 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(c.end[i].connection, TULLE_CONNECTION_CONNECTED);
	/* an offer that comes in between and does not restart leaves ours wanted */
	ck_assert_int_eq(tulle_peer_restart_ice(b()), TULLE_OK);
	couple_run(&c, NULL, SECOND);
	offer = create_offer(a(), false);
	ck_assert_int_eq(
		tulle_peer_set_local(a(), TULLE_SDP_OFFER, offer.sdp, offer.len), TULLE_OK);
	was = local_of(b(), false);
	trade(a(), b(), &offer);
	ck_assert(same_names(was, local_of(b(), false)));
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_NEGOTIATION_NEEDED], 3);
	ck_assert(!same_names(was, create_offer(b(), false)));
	couple_close(&c);
}
END_TEST

/* RFC8839:4.4.1.1.1, 4.4.2, ICE-081: half a restart, one that was not offered, one not taken */
START_TEST(a_restart_is_of_both_credentials_and_of_both_sides)
{
	open_and_watch();
	c.by_hand = true;
	text plain = create_offer(b(), false), half = plain;
	value_of(&half, "a=ice-ufrag:")[0] ^= 1;
	ck_assert_int_eq(set_remote(a(), TULLE_SDP_OFFER, &half), TULLE_ERR_SYNTAX);
	half = plain;
	value_of(&half, "a=ice-pwd:")[0] ^= 1;
	ck_assert_int_eq(set_remote(a(), TULLE_SDP_OFFER, &half), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(tulle_peer_signaling(a()), TULLE_SIGNALING_STABLE);

	ck_assert_int_eq(
		tulle_peer_set_local(b(), TULLE_SDP_OFFER, plain.sdp, plain.len), TULLE_OK);
	ck_assert_int_eq(set_remote(a(), TULLE_SDP_OFFER, &plain), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	text answer = local_of(a(), false), strange = answer;
	value_of(&strange, "a=ice-ufrag:")[0] ^= 1;
	value_of(&strange, "a=ice-pwd:")[0] ^= 1;
	ck_assert_int_eq(set_remote(b(), TULLE_SDP_ANSWER, &strange), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(set_remote(b(), TULLE_SDP_ANSWER, &answer), TULLE_OK);

	text was = local_of(b(), false), offer = create_offer(b(), true);
	ck_assert_int_eq(
		tulle_peer_set_local(b(), TULLE_SDP_OFFER, offer.sdp, offer.len), TULLE_OK);
	ck_assert_int_eq(set_remote(b(), TULLE_SDP_ANSWER, &answer), TULLE_OK);
	ck_assert(same_names(was, local_of(b(), false)));
	ck_assert_int_eq(tulle_peer_gathering(b()), TULLE_GATHERING_COMPLETE);
	couple_run(&c, NULL, 60 * SECOND);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(c.end[i].connection, TULLE_CONNECTION_CONNECTED);
	couple_close(&c);

	/* W3C: before there is anything to restart it does nothing */
	c = (couple){.by_hand = true, .seed = 5};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_peer_restart_ice(a()), TULLE_OK);
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], 0);
	couple_close(&c);
}
END_TEST

static bool eat_all(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)k;
	(void)from;
	(void)data;
	(void)len;
	return true;
}

/* The network is away for longer than consent lasts; an offer is out, so that it is not the end. */
START_TEST(a_restart_that_was_offered_revives_what_lost_its_consent)
{
	open_and_watch();
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "\0\0\0\0", 4), TULLE_OK);
	settle();
	c.by_hand = true;
	c.eat = eat_all;
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "\1\0\0\0", 4), TULLE_OK);
	text offer = create_offer(a(), true);
	ck_assert_int_eq(
		tulle_peer_set_local(a(), TULLE_SDP_OFFER, offer.sdp, offer.len), TULLE_OK);
	ck_assert_int_eq(set_remote(b(), TULLE_SDP_OFFER, &offer), TULLE_OK);
	couple_run(&c, NULL, 25 * SECOND);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_FAILED);
	c.eat = NULL;
	c.by_hand = false;
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	text answer = local_of(b(), false);
	ck_assert_int_eq(set_remote(a(), TULLE_SDP_ANSWER, &answer), TULLE_OK);
	couple_run(&c, NULL, 60 * SECOND);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_CONNECTED);
	ck_assert_int_eq(c.end[1].connection, TULLE_CONNECTION_CONNECTED);
	ck_assert_uint_eq(heard, 2);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 0);
	couple_close(&c);
}
END_TEST

static void move_path(tulle_in_kind kind)
{
	const tulle_in in = {.kind = kind,
		.id = 1,
		.mtu = 1500,
		.local = {.family = 4, .ip = {10, 0, 0, 1}, .port = 5000}};
	tulle_peer_handle(a(), c.now, &in);
}

/* ICE-164: the only path goes away: an offer is asked for, once, and the association goes on over
 * the path that comes, with the restart and without it. */
START_TEST(a_path_that_is_lost_asks_for_a_restart)
{
	for (int restarts = 0; restarts < 2; restarts++) {
		open_and_watch();
		c.by_hand = restarts == 0;
		unsigned asked = c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED];
		text was = local_of(a(), false);
		move_path(TULLE_IN_PATH_DOWN);
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "\0\0\0\0", 4), TULLE_OK);
		couple_run(&c, NULL, 2 * SECOND);
		ck_assert_int_eq(c.end[0].connection, restarts != 0
							      ? TULLE_CONNECTION_CONNECTING
							      : TULLE_CONNECTION_DISCONNECTED);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], asked + 1);
		ck_assert_uint_eq(heard, 0);
		move_path(TULLE_IN_PATH_UP);
		couple_run(&c, NULL, 30 * SECOND);
		ck_assert_uint_eq(heard, 1);
		ck_assert(same_names(was, local_of(a(), false)) == (restarts == 0));
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(c.end[i].connection, TULLE_CONNECTION_CONNECTED);
			ck_assert_uint_eq(c.end[i].events[TULLE_PEER_CLOSE], 0);
		}
		couple_close(&c);
	}
}
END_TEST

/* ICE-089: a second network while the first goes on: the remote learns of it by a restart, for
 * which is asked once. */
START_TEST(a_path_that_comes_late_asks_for_a_restart)
{
	open_and_watch();
	c.by_hand = true;
	unsigned asked = c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED];
	unsigned told = c.end[0].events[TULLE_PEER_ICE_CANDIDATE];
	const tulle_in in = {.kind = TULLE_IN_PATH_UP,
		.id = 7,
		.mtu = 1500,
		.local = {.family = 4, .ip = {10, 0, 0, 7}, .port = 5007}};
	tulle_peer_handle(a(), c.now, &in);
	couple_run(&c, NULL, 2 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], asked + 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ICE_CANDIDATE], told);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_CONNECTED);
	couple_close(&c);
}
END_TEST

/* ICE-093 RFC9429:4.1.19: trickled behind a restart offer, with and without its name, before the
 * answer: it belongs to the generation of the offer */
START_TEST(candidates_behind_a_restart_offer_are_of_its_generation)
{
	static const char line[] = "candidate:7 1 udp 2130706431 192.0.2.77 4000 typ host";
	open_and_watch();
	c.by_hand = true;
	text offer = create_offer(b(), true);
	char *name = value_of(&offer, "a=ice-ufrag:");
	tulle_candidate nameless = {.candidate = {line, sizeof line - 1}, .mline_index = 0};
	tulle_candidate named = nameless, end = {.mline_index = 0};
	named.username_fragment = (tulle_text){name, 8};
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &named), TULLE_OK); /* not expected */
	ck_assert_uint_eq(tulle_peer_drops(a(), TULLE_DROP_ICE_GENERATION), 1);
	ck_assert_int_eq(
		tulle_peer_set_local(b(), TULLE_SDP_OFFER, offer.sdp, offer.len), TULLE_OK);
	ck_assert_int_eq(set_remote(a(), TULLE_SDP_OFFER, &offer), TULLE_OK);
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &nameless), TULLE_OK);
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &named), TULLE_OK);
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &end), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_uint_eq(tulle_peer_drops(a(), TULLE_DROP_ICE_GENERATION), 1);
	/* it came before the end of its generation, which is the end of it */
	nameless.candidate = (tulle_text){"candidate:8 1 udp 99 192.0.2.78 4000 typ host", 45};
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &nameless), TULLE_OK);
	ck_assert_uint_eq(tulle_peer_drops(a(), TULLE_DROP_ICE_GENERATION), 2);
	couple_close(&c);
}
END_TEST

Suite *suite_peer_restart(void)
{
	Suite *s = suite_create("peer_restart");
	TCase *t = tcase_create("peer_restart");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, data_and_channels_go_on_through_restarts);
	tcase_add_test(t, a_restart_offer_changes_nothing_before_its_answer);
	tcase_add_test(t, restarts_that_cross_are_one);
	tcase_add_test(t, a_restart_is_of_both_credentials_and_of_both_sides);
	tcase_add_test(t, a_restart_that_was_offered_revives_what_lost_its_consent);
	tcase_add_test(t, candidates_behind_a_restart_offer_are_of_its_generation);
	tcase_add_test(t, a_path_that_is_lost_asks_for_a_restart);
	tcase_add_test(t, a_path_that_comes_late_asks_for_a_restart);
	suite_add_tcase(s, t);
	return s;
}
