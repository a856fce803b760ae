/* SPDX-License-Identifier: MIT */
/* turn: the long-term credential mechanism: RFC8489:9.2. Invariant: a challenge is taken whole or
 * not at all, and once a server offered algorithms nothing weaker is taken from it. */
#include "turn/engine.h"

#define ALGORITHM_MD5 1 /* RFC8489:18.5 */
#define ALGORITHM_SHA256 2

static tulle_text text_of(const tulle_stun_message *m, tulle_stun_attribute a)
{
	return (tulle_text){(const char *)m->value[a].ptr, m->value[a].len};
}

/* RFC8489:9.2.5: the nonce speaks of algorithms that the message does not have. */
TULLE_UNTRUSTED(anyone, "13 bytes", turn)
bool tulle_turn_is_bid_down(const tulle_stun_message *m)
{
	uint32_t features;
	return tulle_stun_has(m, TULLE_STUN_A_NONCE) &&
	       tulle_stun_nonce_features(text_of(m, TULLE_STUN_A_NONCE), &features) &&
	       (features & TULLE_STUN_FEATURE_ALGORITHMS) != 0 &&
	       !tulle_stun_has(m, TULLE_STUN_A_PASSWORD_ALGORITHMS);
}

/* RFC8489:14.11; 0: none that we know, or malformed. The first that we know would do for
 * RFC8489:9.2.5, but RFC8656:6 asks for SHA-256 wherever it is offered. */
static uint16_t choose_algorithm(tulle_bytes list)
{
	tulle_rd r = tulle_rd_make(list.ptr, list.len);
	uint16_t best = 0;
	while (tulle_rd_left(&r) != 0) {
		uint16_t number = tulle_rd_u16(&r), len = tulle_rd_u16(&r);
		tulle_rd_skip(&r, len);
		tulle_rd_skip(&r, (4 - len % 4u) % 4u);
		/* RFC8489:18.5.1: neither of the two has parameters */
		if (len == 0 && number <= ALGORITHM_SHA256 && number > best)
			best = number;
	}
	return tulle_rd_finish(&r) ? best : 0;
}

/* RFC8489:9.2.2: as it enters the key, without quotes and trailing NULs */
static tulle_text bare_realm(tulle_text realm)
{
	while (realm.len != 0 && realm.ptr[realm.len - 1] == '\0')
		realm.len--;
	if (realm.len >= 2 && realm.ptr[0] == '"' && realm.ptr[realm.len - 1] == '"') {
		realm.ptr++;
		realm.len -= 2;
	}
	return realm;
}

static bool derive(const tulle_turn *turn, turn_challenge *c)
{
	tulle_text realm = bare_realm((tulle_text){c->realm, c->realm_len});
	const tulle_turn_config *config = &turn->config;
	bool sha256 = c->algorithm == ALGORITHM_SHA256;
	c->key_bytes = sha256 ? 32 : 16;
	if (c->userhash && !tulle_stun_userhash(config->username, realm, c->name_hash))
		return false;
	return sha256 ? tulle_stun_key_sha256(config->username, realm, config->password, c->key)
		      : tulle_stun_key_md5(config->username, realm, config->password, c->key);
}

static tulle_turn_failure read_algorithms(
	const tulle_turn *turn, const tulle_stun_message *m, turn_challenge *c)
{
	tulle_bytes list = m->value[TULLE_STUN_A_PASSWORD_ALGORITHMS];
	c->algorithm = ALGORITHM_MD5;
	c->has_algorithms = list.ptr != NULL;
	if (tulle_turn_is_bid_down(m))
		return TULLE_TURN_FAILURE_BID_DOWN;
	/* RFC8489:9.2.5: SHA-256 only from then on; a 438 does not lead back. */
	if (!c->has_algorithms)
		return turn->challenge.has_algorithms ? TULLE_TURN_FAILURE_BID_DOWN
						      : TULLE_TURN_FAILURE_NONE;
	if (list.len > sizeof c->algorithms)
		return TULLE_TURN_FAILURE_ALGORITHM;
	memcpy(c->algorithms, list.ptr, list.len);
	c->algorithms_len = (uint16_t)list.len;
	c->algorithm = choose_algorithm(list);
	return c->algorithm != 0 ? TULLE_TURN_FAILURE_NONE : TULLE_TURN_FAILURE_ALGORITHM;
}

static tulle_turn_failure read_challenge(
	const tulle_turn *turn, const tulle_stun_message *m, turn_challenge *c)
{
	tulle_text realm = text_of(m, TULLE_STUN_A_REALM), nonce = text_of(m, TULLE_STUN_A_NONCE);
	uint32_t features = 0;
	if (realm.ptr == NULL &&
		turn->challenge.known) /* servers of RFC 5389 leave it out of 438 */
		realm = (tulle_text){turn->challenge.realm, turn->challenge.realm_len};
	/* STUN-102: no legal value is longer than its room. */
	if (realm.ptr == NULL || realm.len > sizeof c->realm || nonce.len == 0 ||
		nonce.len > sizeof c->nonce)
		return TULLE_TURN_FAILURE_CHALLENGE;
	memcpy(c->realm, realm.ptr, realm.len);
	memcpy(c->nonce, nonce.ptr, nonce.len);
	c->realm_len = (uint16_t)realm.len;
	c->nonce_len = (uint16_t)nonce.len;
	c->known = true;
	c->userhash = tulle_stun_nonce_features(nonce, &features) &&
		      (features & TULLE_STUN_FEATURE_ANONYMITY) != 0;
	tulle_turn_failure failure = read_algorithms(turn, m, c);
	if (failure != TULLE_TURN_FAILURE_NONE)
		return failure;
	return derive(turn, c) ? TULLE_TURN_FAILURE_NONE : TULLE_TURN_FAILURE_TOO_LARGE;
}

/* Realm and nonce of a 401 or 438. */
TULLE_UNTRUSTED(anyone, "two texts of 508 bytes, three hashes", turn)
tulle_turn_failure tulle_turn_take_challenge(tulle_turn *turn, const tulle_stun_message *m)
{
	turn_challenge fresh = {0};
	tulle_turn_failure failure = read_challenge(turn, m, &fresh);
	if (failure == TULLE_TURN_FAILURE_NONE)
		turn->challenge = fresh;
	tulle_crypto_wipe(&fresh, sizeof fresh);
	return failure;
}

/* RFC8489:9.2.3.2, RFC8489:9.2.5 */
void tulle_turn_write_credentials(const tulle_turn *turn, tulle_stun_writer *w)
{
	const turn_challenge *c = &turn->challenge;
	tulle_bytes key = {c->key, c->key_bytes};
	if (c->userhash)
		tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_USERHASH), c->name_hash,
			sizeof c->name_hash);
	else
		tulle_stun_write_text(w, TULLE_STUN_A_USERNAME, turn->config.username);
	tulle_stun_write_text(w, TULLE_STUN_A_REALM, (tulle_text){c->realm, c->realm_len});
	tulle_stun_write_text(w, TULLE_STUN_A_NONCE, (tulle_text){c->nonce, c->nonce_len});
	if (!c->has_algorithms) {
		tulle_stun_write_integrity(w, key);
		return;
	}
	tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_PASSWORD_ALGORITHMS), c->algorithms,
		c->algorithms_len);
	/* The number, and no parameters: RFC8489:14.12 */
	tulle_stun_write_u32(w, TULLE_STUN_A_PASSWORD_ALGORITHM, (uint32_t)c->algorithm << 16);
	tulle_stun_write_integrity_sha256(w, key);
}

/* The integrity attribute of the kind that the request had, and the whole of it: RFC8489:14.6. */
TULLE_UNTRUSTED(anyone, "one HMAC over at most 1500 bytes", turn)
bool tulle_turn_is_authentic(const tulle_turn *turn, const tulle_stun_message *m)
{
	tulle_bytes key = {turn->challenge.key, turn->challenge.key_bytes};
	if (!turn->challenge.has_algorithms)
		return tulle_stun_is_authentic(m, key);
	return m->value[TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256].len == 32 &&
	       tulle_stun_is_authentic_sha256(m, key);
}
