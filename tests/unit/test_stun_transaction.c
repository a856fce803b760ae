/* SPDX-License-Identifier: MIT */
/* stun: the clock of a client transaction (RFC 8489 6.2.1), and nonce cookies. */
#include <tulle/stun.h>

#include "base/crypto.h"
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* STUN-040, STUN-049 RFC8489:6.2.1 */
START_TEST(a_transaction_sends_seven_times_and_ends)
{
	static const tulle_time at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	const tulle_random random = {.fill = tulle_crypto_random};
	tulle_stun_transaction t;
	const tulle_time start = 1000000;
	ck_assert(tulle_stun_transaction_start(&t, start, TULLE_STUN_RTO_US, &random));
	for (size_t i = 0; i < 7; i++) {
		tulle_time at = start + at_ms[i] * 1000;
		ck_assert_int_eq(t.due, at);
		ck_assert(!tulle_stun_transaction_is_due(&t, at - 1));
		ck_assert(tulle_stun_transaction_is_due(&t, at));
		ck_assert(!tulle_stun_transaction_is_over(&t, at));
		tulle_stun_transaction_sent(&t, at);
		/* STUN-042: Karn */
		ck_assert_int_eq(tulle_stun_transaction_rtt(&t, at + 70), i == 0 ? 70 : 0);
	}
	ck_assert(!tulle_stun_transaction_is_due(&t, TULLE_TIME_NEVER));
	ck_assert(!tulle_stun_transaction_is_over(&t, start + 39500 * 1000 - 1));
	ck_assert(tulle_stun_transaction_is_over(&t, start + 39500 * 1000));
}
END_TEST

/* STUN-045 RFC8489:6.2.2: a stream repeats by itself */
START_TEST(over_a_stream_a_transaction_sends_once_and_ends_after_ti)
{
	const tulle_random random = {.fill = tulle_crypto_random};
	tulle_stun_transaction t;
	ck_assert(tulle_stun_transaction_start(&t, 1000, TULLE_STUN_RTO_US, &random));
	ck_assert(tulle_stun_transaction_is_due(&t, 1000));
	tulle_stun_transaction_sent_once(&t, 1000);
	ck_assert(!tulle_stun_transaction_is_due(&t, TULLE_TIME_NEVER));
	ck_assert(!tulle_stun_transaction_is_over(&t, 1000 + 39500 * 1000 - 1));
	ck_assert(tulle_stun_transaction_is_over(&t, 1000 + 39500 * 1000));
}
END_TEST

static bool refuse(void *user, uint8_t *dst, size_t len)
{
	(void)user, (void)dst, (void)len;
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, 12);
}

/* STUN-010 RFC8489:5 */
START_TEST(transaction_ids_differ_and_need_randomness)
{
	enum { N = 10000 };
	const tulle_random good = {.fill = tulle_crypto_random}, none = {.fill = refuse};
	uint8_t(*ids)[12] = malloc((size_t)N * 12);
	tulle_stun_transaction t;
	for (size_t i = 0; i < N; i++) {
		ck_assert(tulle_stun_transaction_start(&t, 0, TULLE_STUN_RTO_US, &good));
		memcpy(ids[i], t.id, 12);
	}
	qsort(ids, N, 12, compare_ids);
	for (size_t i = 1; i < N; i++)
		ck_assert(memcmp(ids[i - 1], ids[i], 12) != 0);
	free(ids);
	ck_assert(!tulle_stun_transaction_start(&t, 0, TULLE_STUN_RTO_US, &none));
}
END_TEST

/* STUN-013 RFC8489:6.3.3 */
START_TEST(only_its_own_id_answers_a_transaction)
{
	const tulle_random random = {.fill = tulle_crypto_random};
	tulle_stun_transaction t;
	tulle_stun_message m = {0};
	ck_assert(tulle_stun_transaction_start(&t, 0, TULLE_STUN_RTO_US, &random));
	memcpy(m.id, t.id, 12);
	ck_assert(!tulle_stun_transaction_is(&t, &m)); /* nothing was sent yet */
	tulle_stun_transaction_sent(&t, 0);
	ck_assert(tulle_stun_transaction_is(&t, &m));
	m.id[11] ^= 1;
	ck_assert(!tulle_stun_transaction_is(&t, &m));
}
END_TEST

/* STUN-092 RFC8489:9.2 */
START_TEST(the_features_of_a_nonce_are_read)
{
	uint32_t bits = 0;
	ck_assert(tulle_stun_nonce_features(tulle_text_of("obMatJos2wAAA//499k954d6"), &bits));
	ck_assert_uint_eq(bits, TULLE_STUN_FEATURE_ALGORITHMS | TULLE_STUN_FEATURE_ANONYMITY);
	ck_assert(tulle_stun_nonce_features(tulle_text_of("obMatJos2AAAB"), &bits));
	ck_assert_uint_eq(bits, 1);
	ck_assert(!tulle_stun_nonce_features(tulle_text_of("obMatJos2AAA"), &bits));
	ck_assert(!tulle_stun_nonce_features(tulle_text_of("obMatJos2A=AA"), &bits));
	ck_assert(!tulle_stun_nonce_features(tulle_text_of("obMatJos1AAAA"), &bits));
}
END_TEST

Suite *suite_stun_transaction(void)
{
	Suite *s = suite_create("stun_transaction");
	TCase *t = tcase_create("stun_transaction");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_transaction_sends_seven_times_and_ends);
	tcase_add_test(t, over_a_stream_a_transaction_sends_once_and_ends_after_ti);
	tcase_add_test(t, transaction_ids_differ_and_need_randomness);
	tcase_add_test(t, only_its_own_id_answers_a_transaction);
	tcase_add_test(t, the_features_of_a_nonce_are_read);
	suite_add_tcase(s, t);
	return s;
}
