/* SPDX-License-Identifier: MIT */
/* peer: signaling as W3C webrtc-pc has it, set-up, ends: two peers in virtual time, each in exactly
 * its bytes. */
#include "tests/support/couple.h"

#include "base/addr.h"
#include "base/text.h"
#include "peer/state.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((tulle_time)1000000)
#define SDP_MAX 8192

static couple c;
static tulle_channel chat;
static char offer_text[SDP_MAX], answer_text[SDP_MAX];
static size_t offer_len, answer_len;

static tulle_peer *a(void)
{
	return c.end[0].peer;
}

static tulle_peer *b(void)
{
	return c.end[1].peer;
}

static void copy_text(tulle_text from, char *dst, size_t *len)
{
	ck_assert_uint_lt(from.len, SDP_MAX);
	memcpy(dst, from.ptr, from.len);
	*len = from.len;
}

/* An offer and an answer of somebody else. */
static void take_texts(void)
{
	couple d = {.by_hand = true, .seed = 99};
	tulle_text sdp;
	couple_open(&d, NULL, NULL);
	ck_assert_int_eq(
		tulle_peer_set_local(d.end[0].peer, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_local(d.end[0].peer, true, &sdp), TULLE_SDP_OFFER);
	copy_text(sdp, offer_text, &offer_len);
	ck_assert_int_eq(
		tulle_peer_set_remote(d.end[1].peer, TULLE_SDP_OFFER, offer_text, offer_len),
		TULLE_OK);
	ck_assert_int_eq(
		tulle_peer_set_local(d.end[1].peer, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_local(d.end[1].peer, false, &sdp), TULLE_SDP_ANSWER);
	copy_text(sdp, answer_text, &answer_len);
	couple_close(&d);
}

static tulle_err set_local(tulle_sdp_type type)
{
	static char text[SDP_MAX];
	size_t len = 0;
	tulle_err err = TULLE_OK;
	if (type == TULLE_SDP_ROLLBACK || type == TULLE_SDP_IMPLICIT)
		return tulle_peer_set_local(a(), type, NULL, 0);
	if (type == TULLE_SDP_OFFER)
		err = tulle_peer_create_offer(a(), false, text, sizeof text, &len);
	else
		err = tulle_peer_create_answer(a(), text, sizeof text, &len);
	return err != TULLE_OK ? err : tulle_peer_set_local(a(), type, text, len);
}

static tulle_err set_remote(tulle_sdp_type type)
{
	if (type == TULLE_SDP_ROLLBACK)
		return tulle_peer_set_remote(a(), type, NULL, 0);
	return type == TULLE_SDP_OFFER ? tulle_peer_set_remote(a(), type, offer_text, offer_len)
				       : tulle_peer_set_remote(a(), type, answer_text, answer_len);
}

static void reach(tulle_signaling_state state)
{
	tulle_err err = TULLE_OK;
	if (state == TULLE_SIGNALING_HAVE_LOCAL_OFFER ||
		state == TULLE_SIGNALING_HAVE_REMOTE_PRANSWER)
		err = set_local(TULLE_SDP_OFFER);
	if (state == TULLE_SIGNALING_HAVE_REMOTE_OFFER ||
		state == TULLE_SIGNALING_HAVE_LOCAL_PRANSWER)
		err = set_remote(TULLE_SDP_OFFER);
	ck_assert_int_eq(err, TULLE_OK);
	if (state == TULLE_SIGNALING_HAVE_LOCAL_PRANSWER)
		err = set_local(TULLE_SDP_PRANSWER);
	if (state == TULLE_SIGNALING_HAVE_REMOTE_PRANSWER)
		err = set_remote(TULLE_SDP_PRANSWER);
	ck_assert_int_eq(err, TULLE_OK);
	if (state == TULLE_SIGNALING_CLOSED)
		tulle_peer_close(a());
	ck_assert_int_eq(tulle_peer_signaling(a()), state);
}

#define NO (-1)
#define ST TULLE_SIGNALING_STABLE
#define LO TULLE_SIGNALING_HAVE_LOCAL_OFFER
#define RO TULLE_SIGNALING_HAVE_REMOTE_OFFER
#define LP TULLE_SIGNALING_HAVE_LOCAL_PRANSWER
#define RP TULLE_SIGNALING_HAVE_REMOTE_PRANSWER

/* Where each call leads from each state; NO: refused, and nothing changes. Columns: offer,
 * pranswer, answer, rollback; then the implicit form of the local ones. */
static const int after_local[6][5] = {
	[ST] = {LO, NO, NO, NO, LO},
	[LO] = {LO, NO, NO, ST, LO},
	[RO] = {NO, LP, ST, NO, ST},
	[LP] = {NO, LP, ST, NO, ST},
	[RP] = {NO, NO, NO, NO, NO},
	[TULLE_SIGNALING_CLOSED] = {NO, NO, NO, NO, NO},
};
static const int after_remote[6][4] = {
	[ST] = {RO, NO, NO, NO},
	[LO] = {RO, RP, ST, NO},
	[RO] = {RO, NO, NO, ST},
	[LP] = {NO, NO, NO, NO},
	[RP] = {NO, RP, ST, NO},
	[TULLE_SIGNALING_CLOSED] = {NO, NO, NO, NO},
};

static void judge_step(int from, int type, bool local)
{
	int want = local ? after_local[from][type - 1] : after_remote[from][type - 1];
	c = (couple){.by_hand = true, .seed = 5};
	couple_open(&c, NULL, NULL);
	reach((tulle_signaling_state)from);
	tulle_err err = local ? set_local((tulle_sdp_type)type) : set_remote((tulle_sdp_type)type);
	int now = (int)tulle_peer_signaling(a());
	ck_assert_msg((err == TULLE_OK) == (want != NO) && now == (want == NO ? from : want),
		"%s type %d in state %d: %s, now in state %d", local ? "local" : "remote", type,
		from, tulle_err_name(err), now);
	if (want == NO && type == TULLE_SDP_ROLLBACK)
		ck_assert_int_eq(err, TULLE_ERR_STATE);
	couple_close(&c);
}

START_TEST(each_description_leads_where_w3c_says)
{
	take_texts();
	for (int from = ST; from <= TULLE_SIGNALING_CLOSED; from++) {
		for (int type = TULLE_SDP_OFFER; type <= TULLE_SDP_IMPLICIT; type++)
			judge_step(from, type, true);
		for (int type = TULLE_SDP_OFFER; type <= TULLE_SDP_ROLLBACK; type++)
			judge_step(from, type, false);
	}
}
END_TEST

START_TEST(a_description_that_was_not_created_is_refused)
{
	char text[SDP_MAX];
	size_t len;
	take_texts();
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_OFFER, offer_text, offer_len),
		TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_peer_create_offer(a(), false, text, 10, &len), TULLE_ERR_TOO_SMALL);
	ck_assert_uint_gt(len, 100);
	ck_assert_int_eq(tulle_peer_create_offer(a(), false, text, sizeof text, &len), TULLE_OK);
	text[len - 3] ^= 1;
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_OFFER, text, len), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_peer_signaling(a()), TULLE_SIGNALING_STABLE);
	couple_close(&c);
}
END_TEST

START_TEST(a_truncated_remote_description_changes_nothing)
{
	take_texts();
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	for (size_t n = 0; n < offer_len; n++) {
		char *exact = malloc(n + 1);
		memcpy(exact, offer_text, n);
		tulle_err err = tulle_peer_set_remote(a(), TULLE_SDP_OFFER, exact, n);
		free(exact);
		if (err == TULLE_OK) /* the end is cut off at a line that may be missing */
			ck_assert_int_eq(
				tulle_peer_set_remote(a(), TULLE_SDP_ROLLBACK, NULL, 0), TULLE_OK);
		ck_assert_int_eq(tulle_peer_signaling(a()), TULLE_SIGNALING_STABLE);
	}
	couple_close(&c);
}
END_TEST

START_TEST(a_candidate_before_the_description_is_an_error_of_state)
{
	static const char text[] = "candidate:1 1 udp 2130706431 10.0.0.9 9000 typ host";
	tulle_candidate candidate = {.candidate = {text, sizeof text - 1}};
	take_texts();
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &candidate), TULLE_ERR_STATE);
	ck_assert_int_eq(set_remote(TULLE_SDP_OFFER), TULLE_OK);
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &candidate), TULLE_OK);
	candidate.candidate.len = 11;
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &candidate), TULLE_ERR_SYNTAX);
	candidate.candidate.len = 0; /* the end of a generation */
	ck_assert_int_eq(tulle_peer_add_candidate(a(), &candidate), TULLE_OK);
	couple_close(&c);
}
END_TEST

/* -- set-up -- */

static bool both_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] != 0 && k->end[1].events[TULLE_PEER_OPEN] != 0;
}

static void connect_two(void)
{
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
}

/* DC-063: asked for once, with the first channel */
START_TEST(the_first_channel_asks_for_negotiation_once)
{
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], 0);
	ck_assert_int_eq(tulle_channel_create(a(), "one", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "two", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	ck_assert_int_eq(tulle_channel_create(a(), "three", NULL, &chat), TULLE_OK);
	couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_NEGOTIATION_NEEDED], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_NEGOTIATION_NEEDED], 0);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 3);
	couple_close(&c);
}
END_TEST

START_TEST(two_peers_connect_and_know_each_other_by_fingerprint)
{
	uint8_t own[32], seen[32];
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_uint_eq(tulle_peer_fingerprint(a(), true, seen), 0);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(tulle_peer_fingerprint(c.end[i].peer, false, own), 32);
		ck_assert_uint_eq(tulle_peer_fingerprint(c.end[1 - i].peer, true, seen), 32);
		ck_assert_mem_eq(own, seen, 32);
		ck_assert_int_eq(tulle_peer_connection(c.end[i].peer), TULLE_CONNECTION_CONNECTED);
		ck_assert_int_eq(c.end[i].connection, TULLE_CONNECTION_CONNECTED);
		ck_assert_int_eq(tulle_peer_gathering(c.end[i].peer), TULLE_GATHERING_COMPLETE);
	}
	couple_close(&c);
}
END_TEST

START_TEST(candidates_may_come_long_after_the_descriptions)
{
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	couple_run(&c, NULL, 2 * SECOND);
	static const char text[] = "candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host";
	ck_assert_int_eq(tulle_peer_add_candidate(
				 a(), &(tulle_candidate){.candidate = {text, sizeof text - 1}}),
		TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	couple_close(&c);
}
END_TEST

/* ICE-091 RFC8838:16: for who cannot take candidates later: once gathering is over the descriptions
 * have them all, and their end. */
START_TEST(gathered_descriptions_need_no_trickle)
{
	c = (couple){.by_hand = true, .seed = 9};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	for (int i = 0; i < 2; i++) {
		static char text[SDP_MAX];
		tulle_text sdp;
		tulle_peer *p = c.end[i].peer;
		ck_assert_int_eq(tulle_peer_set_local(p, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
		couple_run(&c, NULL, 0);
		ck_assert_int_eq(tulle_peer_gathering(p), TULLE_GATHERING_COMPLETE);
		ck_assert_int_ne((int)tulle_peer_local(p, i == 0, &sdp), 0);
		memset(text, 0, sizeof text);
		memcpy(text, sdp.ptr, sdp.len);
		ck_assert_ptr_nonnull(strstr(text, "\r\na=candidate:1 1 udp "));
		ck_assert_ptr_nonnull(strstr(text, "\r\na=end-of-candidates\r\n"));
		ck_assert_int_eq(
			tulle_peer_set_remote(c.end[1 - i].peer,
				i == 0 ? TULLE_SDP_OFFER : TULLE_SDP_ANSWER, text, strlen(text)),
			TULLE_OK);
	}
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	couple_close(&c);
}
END_TEST

/* A machine of many addresses: each is listed, or the description is not the end of them. */
START_TEST(a_description_ends_the_candidates_only_with_all_of_them)
{
	static char text[SDP_MAX];
	tulle_ice_local relay = {.type = TULLE_ICE_RELAY, .id = 1000, .server = 1};
	unsigned told = 0, listed = 0;
	tulle_text sdp;
	c = (couple){.by_hand = true, .seed = 9};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	for (uint8_t i = 0; i < 15; i++) {
		tulle_in in = {.kind = TULLE_IN_PATH_UP, .id = 50u + i, .mtu = 1500};
		ck_assert(tulle_addr_read_ip(
			TULLE_TEXT("2001:db8:1111:2222:3333:4444:5555:6666"), &in.local));
		in.local.ip[15] = i;
		in.local.port = 50000;
		tulle_peer_handle(a(), c.now, &in);
		relay.addr = relay.related = in.local;
	}
	for (; relay.id < 1000 + 8; relay.id++) {
		relay.addr.port++;
		ck_assert_int_eq(tulle_ice_add_candidate(a()->ice, c.now, &relay), TULLE_OK);
	}
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	couple_run(&c, NULL, 0);
	ck_assert_int_eq(tulle_peer_gathering(a()), TULLE_GATHERING_COMPLETE);
	ck_assert_int_ne((int)tulle_peer_local(a(), true, &sdp), 0);
	memset(text, 0, sizeof text);
	memcpy(text, sdp.ptr, sdp.len);
	for (const char *at = text; (at = strstr(at, "\r\na=candidate:")) != NULL; at++)
		listed++;
	for (char line[TULLE_ICE_CANDIDATE_BYTES];
		tulle_ice_write_local(a()->ice, told, line, sizeof line);)
		told++;
	ck_assert_uint_eq(told, 24);
	ck_assert((strstr(text, "\r\na=end-of-candidates\r\n") != NULL) == (listed == told));
	couple_close(&c);
}
END_TEST

/* One hexadecimal digit of the fingerprint is another one. */
static void forge_fingerprint(char *text)
{
	char *at = strstr(text, "a=fingerprint:sha-256 ");
	ck_assert_ptr_nonnull(at);
	at += strlen("a=fingerprint:sha-256 ");
	*at = *at == 'A' ? 'B' : 'A';
}

static void connect_forged(bool offer)
{
	static char text[SDP_MAX];
	tulle_text sdp;
	c = (couple){.by_hand = true, .seed = 3};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	tulle_peer_local(a(), true, &sdp);
	memset(text, 0, sizeof text);
	memcpy(text, sdp.ptr, sdp.len);
	if (offer)
		forge_fingerprint(text);
	ck_assert_int_eq(tulle_peer_set_remote(b(), TULLE_SDP_OFFER, text, strlen(text)), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	tulle_peer_local(b(), false, &sdp);
	memset(text, 0, sizeof text);
	memcpy(text, sdp.ptr, sdp.len);
	if (!offer)
		forge_fingerprint(text);
	ck_assert_int_eq(
		tulle_peer_set_remote(a(), TULLE_SDP_ANSWER, text, strlen(text)), TULLE_OK);
	static const char candidate[] = "candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host";
	ck_assert_int_eq(
		tulle_peer_add_candidate(
			a(), &(tulle_candidate){.candidate = {candidate, sizeof candidate - 1}}),
		TULLE_OK);
	couple_run(&c, NULL, 60 * SECOND);
}

START_TEST(a_wrong_fingerprint_ends_the_connection_before_any_data_in_both_roles)
{
	for (int offer = 0; offer < 2; offer++) {
		connect_forged(offer != 0);
		int judge = offer ? 1 : 0; /* who was told the wrong one */
		ck_assert_int_eq(
			tulle_peer_why_ended(c.end[judge].peer), TULLE_PEER_ENDED_UNTRUSTED);
		ck_assert_int_eq(tulle_peer_connection(c.end[judge].peer), TULLE_CONNECTION_FAILED);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_OPEN], 0);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_OPEN], 0);
		couple_close(&c);
	}
}
END_TEST

static bool eat_all(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)k, (void)from, (void)data, (void)len;
	return true;
}

START_TEST(a_path_that_is_none_fails_and_says_so)
{
	c = (couple){.eat = eat_all};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	couple_run(&c, NULL, 120 * SECOND);
	ck_assert_int_eq(c.end[0].connection, TULLE_CONNECTION_FAILED);
	ck_assert_int_eq(tulle_peer_why_ended(a()), TULLE_PEER_ENDED_NO_PATH);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 1); /* of the channel */
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

START_TEST(a_path_that_breaks_ends_channels_with_an_error)
{
	c = (couple){0};
	connect_two();
	c.eat = eat_all;
	couple_run(&c, NULL, 120 * SECOND);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(tulle_peer_why_ended(c.end[i].peer), TULLE_PEER_ENDED_LOST);
		ck_assert_uint_eq(c.end[i].events[TULLE_PEER_ERROR], 1); /* DC-040 */
		ck_assert_uint_eq(c.end[i].events[TULLE_PEER_CLOSE], 1); /* DC-053 */
	}
	couple_close(&c);
}
END_TEST

static unsigned said_after, alerts;

static bool count_of_other(couple *k, int from, const uint8_t *data, size_t len)
{
	bool is_alert = len != 0 && data[0] == 21;
	bool after = from == 1 && k->end[1].connection == TULLE_CONNECTION_CLOSED;
	said_after += after && !is_alert;
	alerts += after && is_alert;
	return false;
}

/* ICE-102 RFC7675:5.2: who is told that it is over says nothing any more, no data and no checks,
 * but a close_notify in answer, DTLS-088 RFC5246:7.2.1 */
START_TEST(after_a_close_nothing_is_sent)
{
	c = (couple){.eat = count_of_other};
	connect_two();
	said_after = alerts = 0;
	ck_assert_int_eq(
		tulle_channel_send_bytes(b(), c.end[1].channel, "on its way", 10), TULLE_OK);
	tulle_peer_close(a());
	couple_run(&c, NULL, 60 * SECOND);
	ck_assert_int_eq(c.end[1].connection, TULLE_CONNECTION_CLOSED);
	ck_assert_uint_eq(said_after, 0);
	ck_assert_uint_eq(alerts, 1);
	couple_close(&c);
}
END_TEST

/* DC-093 */
START_TEST(close_is_heard_at_once_by_the_other_side_and_gives_no_event_here)
{
	c = (couple){0};
	connect_two();
	unsigned before[COUPLE_KINDS];
	memcpy(before, c.end[0].events, sizeof before);
	tulle_time started = c.now;
	tulle_peer_close(a());
	ck_assert_int_eq(tulle_peer_signaling(a()), TULLE_SIGNALING_CLOSED);
	couple_run(&c, NULL, SECOND);
	ck_assert_mem_eq(before, c.end[0].events, sizeof before);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_int_eq(tulle_peer_why_ended(b()), TULLE_PEER_ENDED_REMOTE);
	ck_assert_int_eq(c.end[1].connection, TULLE_CONNECTION_CLOSED);
	ck_assert_int_le(c.now - started, SECOND);
	/* DC-054 */
	ck_assert_int_eq(tulle_channel_create(a(), "late", NULL, &chat), TULLE_ERR_STATE);
	couple_close(&c);
}
END_TEST

START_TEST(without_randomness_nothing_is_made)
{
	c = (couple){.no_random = true};
	size_t bytes = tulle_peer_memory_bytes(NULL);
	void *memory = malloc(bytes);
	ck_assert_ptr_null(
		tulle_peer_init(memory, bytes, NULL, (tulle_random){couple_random, &c}, SECOND));
	c.no_random = false;
	ck_assert_ptr_null(tulle_peer_init(
		memory, bytes - 1, NULL, (tulle_random){couple_random, &c}, SECOND));
	free(memory);
}
END_TEST

START_TEST(an_offer_is_taken_back_when_the_other_side_offers_too)
{
	tulle_text sdp;
	tulle_channel other;
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "a", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(b(), "b", NULL, &other), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	tulle_peer_local(a(), true, &sdp);
	ck_assert_int_eq(tulle_peer_set_remote(b(), TULLE_SDP_OFFER, sdp.ptr, sdp.len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_local(b(), true, &sdp), 0); /* ours is no longer pending */
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_local(b(), false, &sdp), TULLE_SDP_ANSWER);
	ck_assert_int_eq(tulle_peer_set_remote(a(), TULLE_SDP_ANSWER, sdp.ptr, sdp.len), TULLE_OK);
	static const char candidate[] = "candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host";
	tulle_peer_add_candidate(
		a(), &(tulle_candidate){.candidate = {candidate, sizeof candidate - 1}});
	couple_run(&c, NULL, 5 * SECOND);
	for (int i = 0; i < 2; i++) { /* each has its own and the other's */
		ck_assert_uint_eq(c.end[i].events[TULLE_PEER_OPEN], 2);
		ck_assert_uint_eq(c.end[i].events[TULLE_PEER_CHANNEL], 1);
	}
	couple_close(&c);
}
END_TEST

Suite *suite_peer(void)
{
	Suite *s = suite_create("peer");
	TCase *t = tcase_create("peer");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, each_description_leads_where_w3c_says);
	tcase_add_test(t, a_description_that_was_not_created_is_refused);
	tcase_add_test(t, a_truncated_remote_description_changes_nothing);
	tcase_add_test(t, a_candidate_before_the_description_is_an_error_of_state);
	tcase_add_test(t, the_first_channel_asks_for_negotiation_once);
	tcase_add_test(t, two_peers_connect_and_know_each_other_by_fingerprint);
	tcase_add_test(t, gathered_descriptions_need_no_trickle);
	tcase_add_test(t, a_description_ends_the_candidates_only_with_all_of_them);
	tcase_add_test(t, candidates_may_come_long_after_the_descriptions);
	tcase_add_test(t, a_wrong_fingerprint_ends_the_connection_before_any_data_in_both_roles);
	tcase_add_test(t, a_path_that_is_none_fails_and_says_so);
	tcase_add_test(t, a_path_that_breaks_ends_channels_with_an_error);
	tcase_add_test(t, after_a_close_nothing_is_sent);
	tcase_add_test(t, close_is_heard_at_once_by_the_other_side_and_gives_no_event_here);
	tcase_add_test(t, without_randomness_nothing_is_made);
	tcase_add_test(t, an_offer_is_taken_back_when_the_other_side_offers_too);
	suite_add_tcase(s, t);
	return s;
}
