/* SPDX-License-Identifier: MIT */
/* turn: the long-term credential mechanism (RFC 8489 9.2) towards friendly and hostile servers. */
#include "turn_server.h"

static const tulle_turn_config plain = {0}, stream = {.transport = TULLE_TURN_STREAM};
static const uint8_t md5_alone[] = {0, 1, 0, 0}, sha256_alone[] = {0, 2, 0, 0};
static const uint8_t md5_first[] = {0, 1, 0, 0, 0, 2, 0, 0},
		     sha256_first[] = {0, 2, 0, 0, 0, 1, 0, 0};
static const uint8_t odd_first[] = {0x7f, 1, 0, 3, 1, 2, 3, 9, 0, 2, 0, 0};
static const uint8_t odd_alone[] = {0x7f, 1, 0, 3, 1, 2, 3, 9};

/* A nonce whose 24 bits are these: RFC8489:9.2 */
static void set_features(Server *s, uint32_t features, const char *tail)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char four[5] = {0};
	for (int i = 0; i < 4; i++)
		four[i] = digits[features >> (18 - 6 * i) & 63];
	snprintf(s->nonce, sizeof s->nonce, "obMatJos2%s%s", four, tail);
}

static void set_algorithms(Server *s, const uint8_t *list, size_t len, uint32_t features)
{
	s->algorithms = list;
	s->algorithms_len = len;
	set_features(s, features, "x1");
}

/* STUN-094, STUN-096, STUN-098 RFC8489:9.2.5; RFC8656:6 wants SHA-256 when both are offered */
START_TEST(the_best_algorithm_that_is_offered_is_used)
{
	static const struct {
		const uint8_t *list;
		size_t len;
		uint32_t want;
	} rows[] = {
		{md5_alone, sizeof md5_alone, 1},
		{sha256_alone, sizeof sha256_alone, 2},
		{sha256_first, sizeof sha256_first, 2},
		{md5_first, sizeof md5_first, 2},
		{odd_first, sizeof odd_first, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Server s;
		server_init(&s, &plain);
		set_algorithms(&s, rows[i].list, rows[i].len, TULLE_STUN_FEATURE_ALGORITHMS);
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		const Asked *a = last_asked(&s);
		ck_assert_uint_eq(a->algorithm, rows[i].want << 16);
		ck_assert(a->right && a->integrity256 && !a->integrity && a->has_username);
		tulle_stun_message m;
		ck_assert_int_eq(tulle_stun_read(a->raw, a->len, &m), TULLE_TAKEN);
		tulle_bytes echo = m.value[TULLE_STUN_A_PASSWORD_ALGORITHMS];
		ck_assert_uint_eq(echo.len, rows[i].len);
		ck_assert_mem_eq(echo.ptr, rows[i].list, echo.len);
		run_for(&s, 541 * SECOND);
		ck_assert(last_asked(&s)->method == TULLE_STUN_REFRESH &&
			  last_asked(&s)->integrity256 && !last_asked(&s)->integrity);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-093, STUN-095, STUN-096: no second request goes out */
START_TEST(a_challenge_that_was_bid_down_or_broken_is_not_answered)
{
	static const uint8_t cut[] = {0, 2, 0, 9, 1, 2, 3, 4}, half[] = {0, 2, 0, 0, 0, 1};
	static const uint8_t sized[] = {0, 2, 0, 4, 1, 2, 3, 4}; /* SHA-256 has no parameters */
	static const struct {
		const uint8_t *list;
		size_t len;
		tulle_turn_failure failure;
	} rows[] = {
		{NULL, 0, TULLE_TURN_FAILURE_BID_DOWN},
		{odd_alone, sizeof odd_alone, TULLE_TURN_FAILURE_ALGORITHM},
		{cut, sizeof cut, TULLE_TURN_FAILURE_ALGORITHM},
		{half, sizeof half, TULLE_TURN_FAILURE_ALGORITHM},
		{sized, sizeof sized, TULLE_TURN_FAILURE_ALGORITHM},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Server s;
		server_init(&s, &plain);
		set_algorithms(&s, rows[i].list, rows[i].len, TULLE_STUN_FEATURE_ALGORITHMS);
		start(&s);
		check_failed(&s, rows[i].failure, 401);
		ck_assert_uint_eq(s.asked_count, 1);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-098 RFC8489:9.2.5: who offered algorithms once does not come without them later */
START_TEST(a_stale_nonce_does_not_lead_back_to_md5)
{
	for (int bit = 0; bit < 2; bit++) {
		Server s;
		server_init(&s, &plain);
		set_algorithms(
			&s, sha256_first, sizeof sha256_first, TULLE_STUN_FEATURE_ALGORITHMS);
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		s.algorithms = NULL;
		set_features(&s, bit != 0 ? TULLE_STUN_FEATURE_ALGORITHMS : 0, "x2");
		run_for(&s, 541 * SECOND);
		check_failed(&s, TULLE_TURN_FAILURE_BID_DOWN, 438);
		server_wipe(&s);
	}
}
END_TEST

/* RFC8489:9.2.5: a success that speaks of algorithms without naming them is ignored */
START_TEST(an_answer_that_was_bid_down_is_ignored)
{
	uint8_t buf[256], key[32];
	Server s;
	server_init(&s, &plain);
	start(&s);
	s.mute = true;
	run_for(&s, 540 * SECOND);
	const Asked *a = last_asked(&s);
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_REFRESH, TULLE_STUN_SUCCESS, a->id);
	set_features(&s, TULLE_STUN_FEATURE_ALGORITHMS, "x");
	tulle_stun_write_text(&w, TULLE_STUN_A_NONCE, tulle_text_of(s.nonce));
	tulle_stun_write_u32(&w, TULLE_STUN_A_LIFETIME, 600);
	tulle_stun_write_integrity(&w, server_key(&s, 0, key));
	give(&s, buf, tulle_stun_write_finish(&w));
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_BID_DOWN);
	run_for(&s, 60 * SECOND);
	check_failed(&s, TULLE_TURN_FAILURE_TIMEOUT, 0);
	server_wipe(&s);
}
END_TEST

/* STUN-092, STUN-097 RFC8489:9.2.5 */
START_TEST(the_name_is_hashed_when_the_server_asks_for_it)
{
	for (int sha256 = 0; sha256 < 2; sha256++) {
		uint8_t want[32];
		Server s;
		server_init(&s, &plain);
		set_features(&s, TULLE_STUN_FEATURE_ANONYMITY, "x");
		if (sha256 != 0)
			set_algorithms(&s, sha256_alone, sizeof sha256_alone,
				TULLE_STUN_FEATURE_ANONYMITY | TULLE_STUN_FEATURE_ALGORITHMS);
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		const Asked *a = last_asked(&s);
		ck_assert(a->has_userhash && !a->has_username);
		tulle_stun_message m;
		ck_assert_int_eq(tulle_stun_read(a->raw, a->len, &m), TULLE_TAKEN);
		ck_assert(tulle_stun_userhash(s.config.username, tulle_text_of(s.realm), want));
		ck_assert_mem_eq(m.value[TULLE_STUN_A_USERHASH].ptr, want, 32);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-089 */
START_TEST(wrong_credentials_are_shown_once)
{
	Server s;
	server_init(&s, &plain);
	s.password = "other";
	start(&s);
	check_failed(&s, TULLE_TURN_FAILURE_UNAUTHORIZED, 401);
	ck_assert_uint_eq(s.asked_count, 2);
	ck_assert_int_eq(last_told(&s)->u.failed.retry_at, TULLE_TIME_NEVER);
	server_wipe(&s);
}
END_TEST

/* STUN-090, STUN-012, ICE-144: on each request, with the nonce's own realm or without one */
START_TEST(a_stale_nonce_is_replaced)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	for (int what = 0; what < 6; what++) {
		Server s;
		server_ready(&s, &plain);
		s.no_realm = what % 2 != 0;
		strcpy(s.nonce, "n2");
		if (what / 2 == 0)
			run_for(&s, 540 * SECOND);
		else if (what / 2 == 1)
			ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
		else
			ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
		pump(&s);
		const Asked *a = last_asked(&s) - 1, *b = last_asked(&s);
		ck_assert(a->method == b->method || what / 2 == 2);
		ck_assert(b->right && memcmp(a->id, b->id, sizeof a->id) != 0);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		if (what / 2 != 0)
			ck_assert_int_eq(peer_of(&s, &peer),
				what / 2 == 1 ? TULLE_TURN_PEER_PERMITTED : TULLE_TURN_PEER_BOUND);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-011: what waits with the old nonce is not sent again with the new one under its old id */
START_TEST(a_new_nonce_renews_all_requests_on_their_way)
{
	const tulle_addr peers[] = {addr_of("192.0.2.50", 5000), addr_of("192.0.2.51", 5000)};
	Server s;
	server_ready(&s, &plain);
	strcpy(s.nonce, "n2");
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peers[0]), TULLE_OK);
	s.lose = 1; /* the first peer's request */
	pump(&s);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peers[1]), TULLE_OK);
	pump(&s);
	/* the second's was refused, and both were sent anew: no timer */
	ck_assert_uint_eq(s.asked_count, 4);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(peer_of(&s, &peers[i]), TULLE_TURN_PEER_PERMITTED);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = i + 1; j < 4; j++)
			ck_assert(memcmp(s.asked[i].id, s.asked[j].id, 12) != 0);
	server_wipe(&s);
}
END_TEST

/* STUN-090 */
START_TEST(a_nonce_that_is_always_stale_ends_it)
{
	Server s;
	server_init(&s, &plain);
	s.stale = true;
	start(&s);
	check_failed(&s, TULLE_TURN_FAILURE_STALE_NONCE, 438);
	ck_assert_uint_eq(s.asked_count, 5); /* one without, one, and three again */
	server_wipe(&s);

	server_ready(&s, &plain);
	s.stale = true;
	for (uint16_t i = 0; i < 16; i++) {
		const tulle_addr peer = {
			.family = 4, .ip = {192, 0, 2, (uint8_t)(10 + i)}, .port = 5000};
		ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
	}
	pump(&s);
	check_failed(&s, TULLE_TURN_FAILURE_STALE_NONCE, 438);
	ck_assert_uint_le(s.asked_count, 4 * 33);
	server_wipe(&s);
}
END_TEST

/* STUN-102, STUN-103: no realm, no nonce, an empty nonce; too long for any legal one */
START_TEST(a_challenge_needs_a_realm_and_a_nonce_of_legal_length)
{
	char text[1024];
	memset(text, 'r', sizeof text);
	for (int what = 0; what < 6; what++) {
		uint8_t buf[2048];
		const size_t realm = what == 1 ? 509 : what == 2 ? 763 : what == 5 ? 508 : 11;
		const size_t nonce = what == 0 ? 0 : what == 3 ? 509 : what == 5 ? 508 : 8;
		Server s;
		server_init(&s, &plain);
		s.mute = true;
		start(&s);
		tulle_stun_writer w = tulle_stun_write_begin(
			buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_ERROR, last_asked(&s)->id);
		tulle_stun_write_error(&w, 401, TULLE_TEXT("who?"));
		if (what != 4)
			tulle_stun_write_text(&w, TULLE_STUN_A_REALM, (tulle_text){text, realm});
		tulle_stun_write_text(&w, TULLE_STUN_A_NONCE, (tulle_text){text, nonce});
		give(&s, buf, tulle_stun_write_finish(&w));
		pump(&s);
		if (what == 5) { /* the longest there is fits */
			ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
			ck_assert(last_asked(&s)->realm_len == 508 &&
				  last_asked(&s)->nonce_len == 508);
		} else {
			check_failed(&s, TULLE_TURN_FAILURE_CHALLENGE, 401);
			ck_assert_uint_eq(s.asked_count, 1);
		}
		server_wipe(&s);
	}
}
END_TEST

/* With the longest of everything a request has no room in 1500 bytes: that is said, not cut. */
START_TEST(a_request_that_has_no_room_fails_by_name)
{
	char name[508], realm[501], nonce[509];
	memset(name, 'u', sizeof name);
	memset(realm, 'r', sizeof realm - 1);
	memset(nonce, 'n', sizeof nonce - 1);
	realm[500] = nonce[508] = '\0';
	Server s;
	server_init(&s, &(tulle_turn_config){
				.username = {name, sizeof name}, .password = TULLE_TEXT("secret")});
	s.realm = realm;
	strcpy(s.nonce, nonce);
	start(&s);
	check_failed(&s, TULLE_TURN_FAILURE_TOO_LARGE, 0);
	server_wipe(&s);
}
END_TEST

/* STUN-083, STUN-100, ICE-013: over UDP they are not seen, and the end has another name */
START_TEST(forged_answers_over_udp_are_as_if_never_received)
{
	for (int bare = 0; bare < 2; bare++) {
		Server s;
		server_init(&s, &plain);
		s.forge = bare == 0;
		s.bare = bare != 0;
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
		ck_assert_int_eq(
			s.drop, bare ? TULLE_DROP_STUN_NO_INTEGRITY : TULLE_DROP_STUN_INTEGRITY);
		run_for(&s, 40 * SECOND);
		check_failed(&s, TULLE_TURN_FAILURE_INTEGRITY, 0);
		ck_assert_uint_eq(s.asked_count, 8);
		server_wipe(&s);

		server_init(&s, &plain);
		s.forge = bare == 0;
		s.bare = bare != 0;
		start(&s);
		s.forge = s.bare = false;
		run_for(&s, SECOND);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-084 */
START_TEST(a_forged_answer_over_a_stream_ends_it_at_once)
{
	for (int bare = 0; bare < 2; bare++) {
		Server s;
		server_init(&s, &stream);
		s.forge = bare == 0;
		s.bare = bare != 0;
		start(&s);
		check_failed(&s, TULLE_TURN_FAILURE_INTEGRITY, 0);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-099: over both; the other errors likewise, and what was discarded is the hint */
START_TEST(errors_without_integrity_are_discarded)
{
	static const uint16_t codes[] = {400, 437, 486, 300};
	for (size_t i = 0; i < 4; i++) {
		Server s;
		server_init(&s, &plain);
		s.refuse_method = TULLE_STUN_ALLOCATE;
		s.refuse_code = codes[i];
		s.alternate[0] = addr_of("198.51.100.2", 3478);
		s.bare = true;
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
		ck_assert_int_eq(s.drop, TULLE_DROP_STUN_NO_INTEGRITY);
		run_for(&s, 40 * SECOND);
		/* STUN-110: so a 300 is not followed */
		check_failed(&s,
			codes[i] == 400 ? TULLE_TURN_FAILURE_TIMEOUT : TULLE_TURN_FAILURE_INTEGRITY,
			codes[i]);
		server_wipe(&s);
	}
	Server s;
	server_init(&s, &stream);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 400;
	s.bare = true;
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
	run_for(&s, 40 * SECOND);
	check_failed(&s, TULLE_TURN_FAILURE_TIMEOUT, 400);
	server_wipe(&s);
}
END_TEST

/* STUN-076, STUN-098: SHA-256 was asked for: neither SHA-1 nor half a hash will do */
START_TEST(an_answer_of_a_weaker_kind_is_discarded)
{
	for (int what = 0; what < 2; what++) {
		uint8_t buf[256], key[32], full[32];
		Server s;
		server_init(&s, &plain);
		set_algorithms(
			&s, sha256_alone, sizeof sha256_alone, TULLE_STUN_FEATURE_ALGORITHMS);
		start(&s);
		s.mute = true;
		run_for(&s, 540 * SECOND);
		tulle_bytes k = server_key(&s, 2 << 16, key);
		tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_REFRESH,
			TULLE_STUN_SUCCESS, last_asked(&s)->id);
		tulle_stun_write_u32(&w, TULLE_STUN_A_LIFETIME, 600);
		if (what == 0) {
			tulle_stun_write_integrity(&w, k);
		} else { /* right for its length, but cut to half */
			tulle_stun_writer part = w;
			part.buf[2] = 0;
			part.buf[3] = (uint8_t)(part.len + 4 + 16 - TULLE_STUN_HEADER_BYTES);
			ck_assert(tulle_crypto_hmac_sha256(
				k, (tulle_bytes){part.buf, part.len}, full));
			tulle_stun_write_bytes(&w,
				tulle_stun_type(TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256), full, 16);
		}
		give(&s, buf, tulle_stun_write_finish(&w));
		ck_assert_int_eq(s.drop, TULLE_DROP_STUN_INTEGRITY);
		server_wipe(&s);
	}
}
END_TEST

/* RFC8489:9.2.2: quotes and trailing NULs are no part of the key */
START_TEST(a_quoted_realm_enters_the_key_without_its_quotes)
{
	uint8_t buf[256], key[16];
	tulle_stun_message m;
	Server s;
	server_init(&s, &plain);
	s.mute = true;
	start(&s);
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_ERROR, last_asked(&s)->id);
	tulle_stun_write_error(&w, 401, TULLE_TEXT("who?"));
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_REALM), "\"r.org\"\0", 8);
	tulle_stun_write_text(&w, TULLE_STUN_A_NONCE, TULLE_TEXT("n"));
	give(&s, buf, tulle_stun_write_finish(&w));
	pump(&s);
	const Asked *a = last_asked(&s);
	ck_assert_uint_eq(a->realm_len, 8); /* the attribute goes back as it came */
	ck_assert(tulle_stun_key_md5(
		TULLE_TEXT("ann"), TULLE_TEXT("r.org"), TULLE_TEXT("secret"), key));
	ck_assert_int_eq(tulle_stun_read(a->raw, a->len, &m), TULLE_TAKEN);
	ck_assert(tulle_stun_is_authentic(&m, (tulle_bytes){key, 16}));
	server_wipe(&s);
}
END_TEST

/* STUN-025, STUN-026 */
START_TEST(an_answer_with_an_unknown_required_attribute_fails_the_request)
{
	for (int error = 0; error < 2; error++) {
		Server s;
		server_init(&s, &plain);
		start(&s);
		s.unknown = true;
		if (error != 0) {
			s.refuse_method = TULLE_STUN_REFRESH;
			s.refuse_code = 508;
		}
		run_for(&s, 540 * SECOND);
		ck_assert_int_eq(s.drop, TULLE_DROP_STUN_UNKNOWN_REQUIRED);
		check_failed(&s, TULLE_TURN_FAILURE_UNKNOWN_ATTRIBUTE, error ? 508 : 0);
		server_wipe(&s);
	}
}
END_TEST

/* STUN-106: the words of an error go nowhere, be they long or ill-formed */
START_TEST(reasons_are_not_looked_at)
{
	uint8_t buf[1024], key[32], value[4 + 763] = {0, 0, 4, 86};
	memset(value + 4, 0xff, sizeof value - 4);
	Server s;
	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 500; /* so that one with credentials is on its way */
	start(&s);
	s.mute = true;
	run_for(&s, SECOND);
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_ERROR, last_asked(&s)->id);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_ERROR_CODE), value, sizeof value);
	tulle_stun_write_integrity(&w, server_key(&s, 0, key));
	give(&s, buf, tulle_stun_write_finish(&w));
	drain_events(&s);
	check_failed(&s, TULLE_TURN_FAILURE_QUOTA, 486);
	server_wipe(&s);
}
END_TEST

Suite *suite_turn_auth(void)
{
	Suite *s = suite_create("turn_auth");
	TCase *t = tcase_create("turn_auth");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_best_algorithm_that_is_offered_is_used);
	tcase_add_test(t, a_challenge_that_was_bid_down_or_broken_is_not_answered);
	tcase_add_test(t, a_stale_nonce_does_not_lead_back_to_md5);
	tcase_add_test(t, an_answer_that_was_bid_down_is_ignored);
	tcase_add_test(t, the_name_is_hashed_when_the_server_asks_for_it);
	tcase_add_test(t, wrong_credentials_are_shown_once);
	tcase_add_test(t, a_stale_nonce_is_replaced);
	tcase_add_test(t, a_new_nonce_renews_all_requests_on_their_way);
	tcase_add_test(t, a_nonce_that_is_always_stale_ends_it);
	tcase_add_test(t, a_challenge_needs_a_realm_and_a_nonce_of_legal_length);
	tcase_add_test(t, a_request_that_has_no_room_fails_by_name);
	tcase_add_test(t, forged_answers_over_udp_are_as_if_never_received);
	tcase_add_test(t, a_forged_answer_over_a_stream_ends_it_at_once);
	tcase_add_test(t, errors_without_integrity_are_discarded);
	tcase_add_test(t, an_answer_of_a_weaker_kind_is_discarded);
	tcase_add_test(t, a_quoted_realm_enters_the_key_without_its_quotes);
	tcase_add_test(t, reasons_are_not_looked_at);
	tcase_add_test(t, an_answer_with_an_unknown_required_attribute_fails_the_request);
	suite_add_tcase(s, t);
	return s;
}
