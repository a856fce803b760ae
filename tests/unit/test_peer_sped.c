/* SPDX-License-Identifier: MIT */
/* peer: SPED, DTLS on ICE's checks (draft-hancke-webrtc-sped and its newest rules). */
#include "tests/support/couple.h"

#include "base/crypto.h"
#include "base/text.h"
#include "peer/state.h"

#include <tulle/stun.h>

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((tulle_time)1000000)
#define ONE_WAY ((tulle_time)25000)
#define RTT (2 * ONE_WAY)
#define SDP_MAX 8192

static couple c;
static char text[SDP_MAX];

/* What went over the wire. */
static struct {
	unsigned embedded, empty, acks, too_long, too_many, bare; /* of STUN messages */
	unsigned hellos, doubles;
	uint32_t seen[64]; /* DTLS datagrams that went by themselves, by CRC-32 */
	unsigned count;
	size_t largest;
} wire;

static void look_at_stun(const uint8_t *data, size_t len)
{
	tulle_stun_message m;
	ck_assert_int_eq(tulle_stun_read(data, len, &m), TULLE_TAKEN);
	tulle_bytes dtls = m.value[TULLE_STUN_A_DTLS_IN_STUN];
	tulle_bytes ack = m.value[TULLE_STUN_A_DTLS_IN_STUN_ACK];
	wire.embedded += dtls.len != 0;
	wire.empty += dtls.ptr != NULL && dtls.len == 0;
	wire.acks += ack.ptr != NULL;
	wire.bare += dtls.ptr == NULL && ack.ptr == NULL;
	wire.too_long += dtls.len > PEER_SPED_MTU;
	wire.too_many += ack.len > 16 || ack.len % 4 != 0;
	wire.hellos += dtls.len > 13 && dtls.ptr[0] == 22 && dtls.ptr[13] == 1;
	wire.largest = len > wire.largest ? len : wire.largest;
}

static bool look(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)k;
	(void)from;
	if (data[0] <= 3)
		look_at_stun(data, len);
	if (data[0] != 22) /* handshake */
		return false;
	uint32_t crc = tulle_crypto_crc32((tulle_bytes){data, len});
	for (unsigned i = 0; i < wire.count; i++)
		wire.doubles += wire.seen[i] == crc;
	if (wire.count < 64)
		wire.seen[wire.count++] = crc;
	return false;
}

static tulle_peer *peer(int end)
{
	return c.end[end].peer;
}

static void open_couple(bool off0, bool off1)
{
	tulle_peer_config a = {.no_sped = off0}, b = {.no_sped = off1};
	memset(&wire, 0, sizeof wire);
	c.delay_us = ONE_WAY;
	c.eat = c.eat != NULL ? c.eat : look;
	couple_open(&c, &a, &b);
	tulle_channel channel;
	ck_assert_int_eq(tulle_channel_create(peer(0), "x", NULL, &channel), TULLE_OK);
}

static bool offerer_is_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] != 0;
}

static bool both_are_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] != 0 && k->end[1].events[TULLE_PEER_OPEN] != 0;
}

static tulle_time time_to_open(bool off0, bool off1)
{
	c = (couple){.seed = 11};
	open_couple(off0, off1);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	tulle_time from = c.now;
	ck_assert(couple_run(&c, offerer_is_open, 60 * SECOND));
	return c.now - from;
}

/* STUN-120 to STUN-123: the bar: with SNAP two round trips from the answer to an open channel */
START_TEST(a_channel_is_open_after_two_round_trips)
{
	tulle_time took = time_to_open(false, false);
	ck_assert_msg(took <= 2 * RTT, "%d us", (int)took);
	ck_assert_uint_gt(wire.embedded, 0);
	ck_assert_uint_eq(wire.empty + wire.too_long + wire.too_many, 0);
	ck_assert_uint_le(wire.largest, TULLE_ICE_DATAGRAM_BYTES);
	ck_assert(couple_run(&c, both_are_open, SECOND));
	ck_assert_uint_eq(wire.doubles, 0); /* no timer fired on the way */
	couple_close(&c);
}
END_TEST

START_TEST(an_end_without_it_sees_nothing_of_it)
{
	for (int i = 0; i < 2; i++) {
		tulle_time took = time_to_open(i == 0, i != 0);
		ck_assert_msg(took <= 4 * RTT, "%d us", (int)took);
		ck_assert_uint_eq(wire.embedded + wire.empty + wire.acks, 0);
		ck_assert_uint_eq(wire.doubles, 0);
		couple_close(&c);
	}
}
END_TEST

START_TEST(it_ends_with_the_handshake)
{
	(void)time_to_open(false, false);
	couple_run(&c, NULL, 15 * SECOND); /* each end asked for consent */
	memset(&wire, 0, sizeof wire);
	couple_run(&c, NULL, 15 * SECOND);
	ck_assert_uint_gt(wire.bare, 4);
	ck_assert_uint_eq(wire.embedded + wire.acks, 0);
	ck_assert(!peer(0)->sped.on && !peer(1)->sped.on);
	couple_close(&c);
}
END_TEST

static tulle_text describe(int end, bool pending)
{
	tulle_text sdp;
	ck_assert_int_ne((int)tulle_peer_local(peer(end), pending, &sdp), 0);
	ck_assert_uint_lt(sdp.len, SDP_MAX);
	memcpy(text, sdp.ptr, sdp.len);
	text[sdp.len] = 0;
	return (tulle_text){text, sdp.len};
}

static void answer_to(const char *options)
{
	char offer[SDP_MAX];
	c = (couple){.by_hand = true, .seed = 12};
	open_couple(false, false);
	ck_assert_int_eq(tulle_peer_set_local(peer(0), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	describe(0, true);
	ck_assert_ptr_nonnull(strstr(text, "a=ice-options:trickle ice2 sped\r\n"));
	const char *at = strstr(text, "a=ice-options:"), *end = strstr(at, "\r\n");
	int n = snprintf(offer, sizeof offer, "%.*sa=ice-options:%s%s", (int)(at - text), text,
		options, end);
	ck_assert_int_eq(
		tulle_peer_set_remote(peer(1), TULLE_SDP_OFFER, offer, (size_t)n), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(peer(1), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	describe(1, false);
}

START_TEST(an_answer_has_the_tokens_that_were_offered_and_is_passive)
{
	static const struct {
		const char *offer, *answer;
		bool passive;
	} rows[] = {{"trickle", "trickle ice2", false}, {"trickle sped", "trickle ice2 sped", true},
		{"ice2 trickle googspedv1", "trickle ice2 googspedv1", true},
		{"trickle sped googspedv1", "trickle ice2 sped googspedv1", true},
		{"trickle spedx", "trickle ice2", false}, {"speds", "trickle ice2", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[64];
		answer_to(rows[i].offer);
		snprintf(line, sizeof line, "a=ice-options:%s\r\n", rows[i].answer);
		ck_assert_msg(strstr(text, line) != NULL, "%s: %s", rows[i].offer, text);
		ck_assert_ptr_nonnull(
			strstr(text, rows[i].passive ? "a=setup:passive" : "a=setup:active"));
		couple_close(&c);
	}
}
END_TEST

/* Losses cost no more than the timers of ICE and DTLS say. */
START_TEST(it_survives_loss_doubling_and_reordering)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		c = (couple){.seed = seed, .loss = 200, .doubled = 100, .reorder = 200};
		open_couple(false, false);
		ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
		ck_assert_msg(couple_run(&c, both_are_open, 60 * SECOND), "seed %d", (int)seed);
		ck_assert_uint_eq(wire.empty + wire.too_long + wire.too_many, 0);
		couple_close(&c);
	}
}
END_TEST

static bool eat_dtls_alone(couple *k, int from, const uint8_t *data, size_t len)
{
	look(k, from, data, len);
	return data[0] >= 20 && data[0] <= 63 && k->end[0].events[TULLE_PEER_OPEN] == 0;
}

/* Whatever goes by itself is lost: the handshake comes through on checks alone. */
START_TEST(the_whole_handshake_may_ride_on_checks)
{
	c = (couple){.seed = 3, .eat = eat_dtls_alone};
	open_couple(false, false);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	ck_assert(couple_run(&c, offerer_is_open, 60 * SECOND));
	couple_close(&c);
}
END_TEST

static bool eat_stun_answers(couple *k, int from, const uint8_t *data, size_t len)
{
	look(k, from, data, len);
	return data[0] == 1 && k->now < 3 * SECOND;
}

/* ICE-167 RFC8445:12: before a check is answered nothing but checks goes out, and no timer of DTLS runs. */
START_TEST(no_dtls_goes_by_itself_before_there_is_a_path)
{
	c = (couple){.seed = 4, .eat = eat_stun_answers};
	open_couple(false, false);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	while (c.now < 2 * SECOND)
		couple_run(&c, NULL, 100000);
	ck_assert_uint_eq(wire.count, 0);
	ck_assert_uint_gt(wire.embedded, 0);
	ck_assert(couple_run(&c, both_are_open, 60 * SECOND));
	ck_assert_uint_gt(wire.count, 0); /* with one, flights go directly */
	couple_close(&c);
}
END_TEST

/* A check for the first end that nobody but this test made. pwd NULL: the right one. */
static void say_check(uint8_t id, const char *wrong_pwd, tulle_bytes dtls, tulle_bytes ack)
{
	uint8_t check[1400], ids[12] = {id};
	char user[64];
	tulle_text ufrag, pwd;
	tulle_ice_credentials(peer(0)->ice, &ufrag, &pwd);
	if (wrong_pwd != NULL)
		pwd = tulle_text_of(wrong_pwd);
	int user_len = snprintf(user, sizeof user, "%.*s:them", (int)ufrag.len, ufrag.ptr);
	tulle_stun_writer w = tulle_stun_write_begin(
		check, sizeof check, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, ids);
	tulle_stun_write_bytes(
		&w, tulle_stun_type(TULLE_STUN_A_USERNAME), user, (size_t)user_len);
	tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLED, 7);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 99);
	if (dtls.ptr != NULL)
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DTLS_IN_STUN), dtls.ptr,
			dtls.len);
	if (ack.ptr != NULL)
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DTLS_IN_STUN_ACK),
			ack.ptr, ack.len);
	tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd.ptr, pwd.len});
	tulle_stun_write_fingerprint(&w);
	tulle_in in = {.kind = TULLE_IN_DATAGRAM,
		.id = peer(0)->paths[0].id,
		.local = peer(0)->paths[0].local,
		.remote = peer(0)->paths[0].local,
		.data = {check, tulle_stun_write_finish(&w)}};
	in.remote.port ^= 1;
	uint8_t scratch[1500];
	tulle_out out;
	tulle_peer_handle(peer(0), c.now, &in);
	while (tulle_peer_poll(peer(0), c.now, scratch, sizeof scratch, &out))
		; /* its answers: 16 may wait */
}

static void begin_by_hand(void)
{
	c = (couple){.by_hand = true, .seed = 5};
	open_couple(false, false);
	ck_assert_int_eq(tulle_peer_set_local(peer(0), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
}

/* The offerer takes what comes in authentic checks before the answer, within the bound of what DTLS
 * holds; a stranger's attributes feed nothing. */
START_TEST(what_comes_before_the_answer_is_held_within_a_bound)
{
	begin_by_hand();
	for (int i = 0; i < 40; i++) {
		uint8_t dtls[600] = {22, 0xfe, 0xff, (uint8_t)i};
		say_check((uint8_t)i, i == 0 ? "not the password at all" : NULL,
			(tulle_bytes){dtls, sizeof dtls}, (tulle_bytes){NULL, 0});
		ck_assert_uint_eq(tulle_peer_drops(peer(0), TULLE_DROP_STUN_INTEGRITY), 1);
		ck_assert_int_eq((int)peer(0)->sped.in, i);
	}
	/* 39 came, DTLS holds 4096 bytes */
	ck_assert_uint_eq(tulle_peer_drops(peer(0), TULLE_DROP_DTLS_HELD), 39 - 4096 / 600);
	couple_close(&c);
}
END_TEST

/* STUN-122: what is no DTLS is not given to it, nor the same twice */
START_TEST(what_is_no_dtls_feeds_nothing)
{
	static const struct {
		uint8_t first;
		bool good;
	} rows[] = {{0, false}, {3, false}, {19, false}, {20, true}, {63, true}, {64, false},
		{128, false}, {255, false}};
	begin_by_hand();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t dtls[50] = {rows[i].first, 0xfe, 0xfd};
		unsigned before = peer(0)->sped.in;
		for (unsigned k = 0; k < 2; k++)
			say_check((uint8_t)(2 * i + k), NULL, (tulle_bytes){dtls, sizeof dtls},
				(tulle_bytes){NULL, 0});
		ck_assert_uint_eq(peer(0)->sped.in, before + rows[i].good);
	}
	couple_close(&c);
}
END_TEST

/* STUN-124, STUN-125: CRC-32 of the value without its padding, four at most, the newest; a list that
 * is not one of fours is no list. */
START_TEST(acknowledgements_are_a_list_of_crc32)
{
	begin_by_hand();
	for (uint8_t i = 0; i < 6; i++) {
		uint8_t dtls[601] = {22, 0xfe, 0xfd, i}; /* three bytes of padding follow */
		say_check(i, NULL, (tulle_bytes){dtls, sizeof dtls}, (tulle_bytes){NULL, 0});
		ck_assert_uint_eq(peer(0)->sped.ack_count, i < 4 ? i + 1 : 4);
		ck_assert_uint_eq(peer(0)->sped.acks[i % 4],
			tulle_crypto_crc32((tulle_bytes){dtls, sizeof dtls}));
	}
	couple_close(&c);
	c = (couple){.seed = 6, .eat = eat_stun_answers};
	open_couple(false, false);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
	couple_run(&c, NULL, 1000);
	tulle_bytes hello;
	uint32_t number;
	int client = peer(0)->setup == TULLE_SETUP_ACTIVE ? 0 : 1;
	ck_assert_int_eq(client, 0);
	ck_assert(tulle_dtls_flight(peer(0)->dtls, 0, &hello, &number));
	uint32_t crc = tulle_crypto_crc32(hello);
	const uint8_t ack[5] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
		(uint8_t)crc};
	for (uint8_t extra = 1; extra < 2; extra--) { /* with a fifth byte, then without */
		say_check(extra, NULL, (tulle_bytes){NULL, 0}, (tulle_bytes){ack, 4u + extra});
		ck_assert_uint_eq(peer(0)->sped.acked & 1, !extra);
	}
	couple_close(&c);
}
END_TEST

Suite *suite_peer_sped(void);
Suite *suite_peer_sped(void)
{
	Suite *s = suite_create("peer_sped");
	TCase *t = tcase_create("sped");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_channel_is_open_after_two_round_trips);
	tcase_add_test(t, an_end_without_it_sees_nothing_of_it);
	tcase_add_test(t, it_ends_with_the_handshake);
	tcase_add_test(t, an_answer_has_the_tokens_that_were_offered_and_is_passive);
	tcase_add_test(t, it_survives_loss_doubling_and_reordering);
	tcase_add_test(t, the_whole_handshake_may_ride_on_checks);
	tcase_add_test(t, no_dtls_goes_by_itself_before_there_is_a_path);
	tcase_add_test(t, what_comes_before_the_answer_is_held_within_a_bound);
	tcase_add_test(t, what_is_no_dtls_feeds_nothing);
	tcase_add_test(t, acknowledgements_are_a_list_of_crc32);
	suite_add_tcase(s, t);
	return s;
}
