/* SPDX-License-Identifier: MIT */
/* A TURN server by script, in virtual time: it challenges, checks credentials, answers as its knobs
 * say, and writes down what it was asked. Its client lies in a block of exactly its memory_bytes.
 */
#ifndef TESTS_TURN_SERVER_H
#define TESTS_TURN_SERVER_H
#include <tulle/stun.h>
#include <tulle/turn.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define GUARD 64
#define ASKED_MAX 256
#define TOLD_MAX 128

typedef struct {
	tulle_time at;
	uint16_t method, number, realm_len, nonce_len;
	uint8_t id[TULLE_STUN_ID_BYTES], raw[TULLE_TURN_DATAGRAM_BYTES];
	size_t len;
	uint32_t lifetime, family, more_family, transport, algorithm;
	bool has_lifetime, has_username, has_userhash, integrity, integrity256, right, software;
	size_t peers;
	tulle_addr peer, to;
	tulle_stun_kind kind;
} Asked;

typedef struct {
	tulle_turn *turn;
	uint8_t *block;
	size_t bytes;
	tulle_turn_config config;
	tulle_path path;
	tulle_time now;
	uint64_t seed;
	bool no_random;
	/* knobs */
	bool open;     /* asks for no credentials */
	bool mute;     /* answers nothing */
	bool forge;    /* answers with a wrong key */
	bool bare;     /* answers without integrity */
	bool unknown;  /* answers hold an attribute that must be understood and is not */
	bool stale;    /* 438 for ever */
	bool no_realm; /* in 438 */
	unsigned lose; /* so many requests from now on */
	uint16_t refuse_method, refuse_code, refuse_times; /* times 0: always */
	tulle_addr refuse_peer;                            /* family 0: all */
	const char *realm, *password;
	char nonce[1024];
	const uint8_t *algorithms;
	size_t algorithms_len;
	uint32_t lifetime;
	tulle_addr relayed[2], mapped, alternate[2];
	const char *domain;
	uint16_t missing;
	bool no_relayed, no_mapped, no_lifetime;
	size_t chunk; /* streams: so many bytes at a time; 0: whole */
	/* what was seen */
	Asked *asked; /* ASKED_MAX */
	size_t asked_count, asked_bytes, allocations;
	tulle_turn_event told[TOLD_MAX];
	size_t told_count;
	tulle_turn_data got;
	uint8_t got_bytes[2048];
	size_t got_count;
	tulle_drop drop; /* of the last message */
} Server;

static inline tulle_addr addr_of(const char *ip, uint16_t port)
{
	tulle_addr a;
	ck_assert_msg(tulle_addr_read_ip(tulle_text_of(ip), &a), "%s", ip);
	a.port = port;
	return a;
}

static inline bool server_random(void *user, uint8_t *dst, size_t len)
{
	Server *s = user;
	for (size_t i = 0; i < len; i++) {
		s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(s->seed >> 56);
	}
	return !s->no_random;
}

static inline void server_init(Server *s, const tulle_turn_config *config)
{
	memset(s, 0, sizeof *s);
	s->asked = calloc(ASKED_MAX, sizeof *s->asked);
	s->config = *config;
	s->config.random = (tulle_random){server_random, s};
	if (config->username.ptr == NULL) {
		s->config.username = TULLE_TEXT("ann");
		s->config.password = TULLE_TEXT("secret");
	}
	s->password = "secret";
	s->realm = "example.org";
	strcpy(s->nonce, "n1");
	s->lifetime = 600;
	s->relayed[0] = addr_of("198.51.100.7", 50000);
	s->relayed[1] = addr_of("2001:db8::7", 50006);
	s->mapped = addr_of("203.0.113.9", 40000);
	s->path = (tulle_path){.id = 3,
		.local = addr_of("192.0.2.1", 4000),
		.remote = addr_of("198.51.100.1", 3478)};
	s->bytes = tulle_turn_memory_bytes(&s->config);
	ck_assert_uint_ne(s->bytes, 0);
	s->block = malloc(s->bytes + GUARD);
	memset(s->block, 0xa5, s->bytes + GUARD);
	s->turn = tulle_turn_init(s->block, s->bytes, &s->config, 0);
	ck_assert_ptr_nonnull(s->turn);
}

static inline void server_wipe(Server *s)
{
	tulle_turn_check(s->turn);
	tulle_turn_wipe(s->turn);
	for (size_t i = 0; i < s->bytes; i++)
		ck_assert_uint_eq(s->block[i], 0);
	for (size_t i = 0; i < GUARD; i++)
		ck_assert_uint_eq(s->block[s->bytes + i], 0xa5);
	free(s->block);
	free(s->asked);
}

static inline void drain_events(Server *s)
{
	tulle_turn_event e;
	while (tulle_turn_poll_event(s->turn, &e)) {
		ck_assert_uint_lt(s->told_count, TOLD_MAX);
		s->told[s->told_count++] = e;
	}
}

static inline void take_data(Server *s, const tulle_turn_data *d)
{
	if (d->data.ptr == NULL)
		return;
	s->got = *d;
	s->got_count++;
	ck_assert_uint_le(d->data.len, sizeof s->got_bytes);
	memcpy(s->got_bytes, d->data.ptr, d->data.len);
}

/* Each piece in memory of exactly its length, so that the sanitizer sees a read past the end. */
static inline void give_stream(Server *s, const uint8_t *data, size_t len)
{
	size_t step = s->chunk != 0 ? s->chunk : len;
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		uint8_t *exact = malloc(n);
		memcpy(exact, data + at, n);
		for (size_t used = 0; used < n;) {
			tulle_turn_data d;
			tulle_drop drop;
			size_t took = tulle_turn_handle_stream(
				s->turn, s->now, exact + used, n - used, &d, &drop);
			ck_assert(took > 0 && took <= n - used);
			used += took;
			s->drop = drop != TULLE_TAKEN ? drop : s->drop;
			take_data(s, &d);
			tulle_turn_check(s->turn);
		}
		free(exact);
	}
}

static inline void give_from(Server *s, const tulle_addr *from, const uint8_t *data, size_t len)
{
	s->drop = TULLE_TAKEN;
	if (s->config.transport == TULLE_TURN_STREAM) {
		give_stream(s, data, len);
		return;
	}
	tulle_turn_data d;
	uint8_t *exact = malloc(len != 0 ? len : 1);
	memcpy(exact, data, len);
	s->drop = tulle_turn_handle_datagram(s->turn, s->now, from, exact, len, &d);
	take_data(s, &d);
	tulle_turn_check(s->turn);
	free(exact);
}

static inline void give(Server *s, const uint8_t *data, size_t len)
{
	give_from(s, &s->path.remote, data, len);
}

/* The key of the algorithm that the client named, or MD5. */
static inline tulle_bytes server_key(const Server *s, uint32_t algorithm, uint8_t key[32])
{
	tulle_text user = s->config.username, realm = tulle_text_of(s->realm),
		   password = tulle_text_of(s->password);
	if (algorithm >> 16 == 2) {
		ck_assert(tulle_stun_key_sha256(user, realm, password, key));
		return (tulle_bytes){key, 32};
	}
	ck_assert(tulle_stun_key_md5(user, realm, password, key));
	return (tulle_bytes){key, 16};
}

static inline void write_challenge(Server *s, tulle_stun_writer *w, unsigned code)
{
	tulle_stun_write_error(w, code, TULLE_TEXT("who?"));
	if (!(code == 438 && s->no_realm))
		tulle_stun_write_text(w, TULLE_STUN_A_REALM, tulle_text_of(s->realm));
	tulle_stun_write_text(w, TULLE_STUN_A_NONCE, tulle_text_of(s->nonce));
	if (s->algorithms != NULL)
		tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_PASSWORD_ALGORITHMS),
			s->algorithms, s->algorithms_len);
}

static inline void write_success(Server *s, tulle_stun_writer *w, const Asked *a)
{
	if (a->method == TULLE_STUN_ALLOCATE) {
		s->allocations++;
		for (size_t i = 0; i < 2; i++)
			if (!s->no_relayed && s->relayed[i].family != 0 &&
				(a->more_family != 0 || (a->family != 0) == (i == 1)))
				tulle_stun_write_address(
					w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &s->relayed[i]);
		if (!s->no_mapped)
			tulle_stun_write_address(w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &s->mapped);
		if (s->missing != 0) {
			uint8_t v[4] = {
				2, 0, (uint8_t)(s->missing / 100), (uint8_t)(s->missing % 100)};
			tulle_stun_write_bytes(
				w, tulle_stun_type(TULLE_STUN_A_ADDRESS_ERROR_CODE), v, 4);
		}
	}
	if ((a->method == TULLE_STUN_ALLOCATE || a->method == TULLE_STUN_REFRESH) &&
		!s->no_lifetime)
		tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME,
			a->has_lifetime && a->lifetime == 0 ? 0 : s->lifetime);
}

static inline bool is_refused(Server *s, const Asked *a)
{
	if (s->refuse_code == 0 || s->refuse_method != a->method)
		return false;
	if (s->refuse_peer.family != 0 && !tulle_addr_is_ip(&s->refuse_peer, &a->peer))
		return false;
	if (s->refuse_times != 0 && --s->refuse_times == 0)
		s->refuse_code = 0, s->refuse_times = 0;
	return true;
}

static inline void write_refusal(Server *s, tulle_stun_writer *w, unsigned code)
{
	tulle_stun_write_error(w, code, TULLE_TEXT("no"));
	for (size_t i = 0; i < 2; i++)
		if (code == 300 && s->alternate[i].family != 0)
			tulle_stun_write_address(
				w, TULLE_STUN_A_ALTERNATE_SERVER, &s->alternate[i]);
	if (s->domain != NULL)
		tulle_stun_write_text(w, TULLE_STUN_A_ALTERNATE_DOMAIN, tulle_text_of(s->domain));
}

static inline void finish_answer(Server *s, tulle_stun_writer *w, const Asked *a, bool signs)
{
	uint8_t key[32];
	tulle_bytes k = server_key(s, a->algorithm, key);
	if (s->forge)
		key[0] ^= 1;
	if (s->unknown)
		tulle_stun_write_bytes(w, 0x7abc, "?", 1);
	if (signs && !s->bare && a->integrity256)
		tulle_stun_write_integrity_sha256(w, k);
	else if (signs && !s->bare)
		tulle_stun_write_integrity(w, k);
	size_t n = tulle_stun_write_finish(w);
	ck_assert_uint_ne(n, 0);
	give(s, w->buf, n);
}

static inline void server_answer(Server *s, Asked *a, bool nonce_is_right)
{
	uint8_t buf[2048];
	bool has = a->integrity || a->integrity256, refused;
	const uint16_t code = s->refuse_code;
	tulle_stun_kind kind = TULLE_STUN_SUCCESS;
	unsigned challenge = s->open ? 0 : !has || !a->right ? 401 : 0;
	if (challenge == 0 && has && (s->stale || !nonce_is_right))
		challenge = 438;
	refused = challenge == 0 && is_refused(s, a);
	if (challenge != 0 || refused)
		kind = TULLE_STUN_ERROR;
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, a->method, kind, a->id);
	if (challenge != 0)
		write_challenge(s, &w, challenge);
	else if (refused)
		write_refusal(s, &w, code);
	else
		write_success(s, &w, a);
	finish_answer(s, &w, a, challenge == 0 && has);
}

static inline void note_request(Server *s, Asked *a, const tulle_stun_message *m)
{
	uint8_t key[32];
	a->lifetime = tulle_stun_u32(m, TULLE_STUN_A_LIFETIME);
	a->has_lifetime = tulle_stun_has(m, TULLE_STUN_A_LIFETIME);
	a->family = tulle_stun_u32(m, TULLE_STUN_A_REQUESTED_ADDRESS_FAMILY);
	a->more_family = tulle_stun_u32(m, TULLE_STUN_A_ADDITIONAL_ADDRESS_FAMILY);
	a->transport = tulle_stun_u32(m, TULLE_STUN_A_REQUESTED_TRANSPORT);
	a->number = (uint16_t)(tulle_stun_u32(m, TULLE_STUN_A_CHANNEL_NUMBER) >> 16);
	a->algorithm = tulle_stun_u32(m, TULLE_STUN_A_PASSWORD_ALGORITHM);
	a->has_username = tulle_stun_has(m, TULLE_STUN_A_USERNAME);
	a->has_userhash = tulle_stun_has(m, TULLE_STUN_A_USERHASH);
	a->integrity = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY);
	a->integrity256 = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256);
	a->software = tulle_stun_has(m, TULLE_STUN_A_SOFTWARE);
	a->realm_len = (uint16_t)m->value[TULLE_STUN_A_REALM].len;
	a->nonce_len = (uint16_t)m->value[TULLE_STUN_A_NONCE].len;
	while (tulle_stun_address_nth(
		m, TULLE_STUN_A_XOR_PEER_ADDRESS, a->peers, a->peers == 0 ? &a->peer : &a->to))
		a->peers++;
	tulle_bytes k = server_key(s, a->algorithm, key);
	a->right = a->integrity256 ? tulle_stun_is_authentic_sha256(m, k)
				   : tulle_stun_is_authentic(m, k);
}

static inline void server_take(Server *s, const uint8_t *data, size_t len, const tulle_addr *to)
{
	tulle_stun_message m;
	ck_assert_uint_lt(s->asked_count, ASKED_MAX);
	Asked *a = &s->asked[s->asked_count++];
	s->asked_bytes += len;
	ck_assert_int_eq(tulle_stun_read(data, len, &m), TULLE_TAKEN);
	ck_assert_uint_eq(m.unknown_count, 0);
	*a = (Asked){.at = s->now, .method = m.method, .kind = m.kind, .len = len};
	memcpy(a->id, m.id, sizeof a->id);
	memcpy(a->raw, data, len);
	note_request(s, a, &m);
	a->to = *to;
	if (m.kind != TULLE_STUN_REQUEST || s->mute || (s->lose != 0 && s->lose-- != 0))
		return;
	tulle_text nonce = {(const char *)m.value[TULLE_STUN_A_NONCE].ptr, a->nonce_len};
	server_answer(s, a, tulle_text_is(nonce, tulle_text_of(s->nonce)));
}

/* All that is due now. */
static inline void pump(Server *s)
{
	uint8_t buf[TULLE_TURN_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_turn_handle_timeout(s->turn, s->now);
	for (unsigned i = 0; tulle_turn_poll_datagram(s->turn, s->now, buf, sizeof buf, &d); i++) {
		ck_assert_uint_lt(i, 200);
		ck_assert(
			d.path.id == s->path.id && tulle_addr_is(&d.path.remote, &s->path.remote));
		server_take(s, buf, d.len, &d.path.remote);
		tulle_turn_check(s->turn);
		drain_events(s);
	}
	drain_events(s);
	ck_assert_int_gt(tulle_turn_poll_timeout(s->turn), s->now);
}

static inline void run_to(Server *s, tulle_time end)
{
	pump(s);
	while (tulle_turn_poll_timeout(s->turn) <= end) {
		s->now = tulle_turn_poll_timeout(s->turn);
		pump(s);
	}
	s->now = end;
	pump(s);
}

static inline void run_for(Server *s, tulle_time us)
{
	run_to(s, s->now + us);
}

static inline void start(Server *s)
{
	ck_assert_int_eq(tulle_turn_allocate(s->turn, s->now, &s->path), TULLE_OK);
	pump(s);
}

static inline tulle_turn_state state_of(const Server *s)
{
	return tulle_turn_get_state(s->turn);
}

static inline void server_ready(Server *s, const tulle_turn_config *config)
{
	server_init(s, config);
	start(s);
	ck_assert_int_eq(state_of(s), TULLE_TURN_READY);
	s->asked_count = s->told_count = 0;
}

static inline const Asked *last_asked(const Server *s)
{
	ck_assert_uint_ne(s->asked_count, 0);
	return &s->asked[s->asked_count - 1];
}

static inline const tulle_turn_event *last_told(const Server *s)
{
	ck_assert_uint_ne(s->told_count, 0);
	return &s->told[s->told_count - 1];
}

/* FAILED for this reason, and its event says so. */
static inline void check_failed(const Server *s, tulle_turn_failure failure, uint16_t code)
{
	const tulle_turn_event *e = last_told(s);
	ck_assert_int_eq(state_of(s), TULLE_TURN_FAILED);
	ck_assert_int_eq(e->kind, TULLE_TURN_EVENT_FAILED);
	ck_assert_msg(e->u.failed.failure == failure, "%s, not %s",
		tulle_turn_failure_name(e->u.failed.failure), tulle_turn_failure_name(failure));
	ck_assert_uint_eq(e->u.failed.code, code);
}

static inline tulle_turn_peer_state peer_of(const Server *s, const tulle_addr *peer)
{
	return tulle_turn_peer(s->turn, peer);
}

static inline void bind_peer(Server *s, const tulle_addr *peer)
{
	ck_assert_int_eq(tulle_turn_bind(s->turn, s->now, peer), TULLE_OK);
	pump(s);
	ck_assert_int_eq(peer_of(s, peer), TULLE_TURN_PEER_BOUND);
}

/* What a Data indication of these looks like; data NULL: without. */
static inline size_t make_indication(
	uint8_t *buf, size_t cap, const tulle_addr *peer, const void *data, size_t len)
{
	static const uint8_t id[TULLE_STUN_ID_BYTES] = {9};
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, cap, TULLE_STUN_DATA, TULLE_STUN_INDICATION, id);
	if (peer != NULL)
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_PEER_ADDRESS, peer);
	if (data != NULL)
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DATA), data, len);
	return tulle_stun_write_finish(&w);
}

static inline void give_indication(Server *s, const tulle_addr *peer, const void *data, size_t len)
{
	uint8_t buf[2048];
	size_t n = make_indication(buf, sizeof buf, peer, data, len);
	ck_assert_uint_ne(n, 0);
	give(s, buf, n);
}

static inline size_t make_channel(uint8_t *buf, uint16_t number, const void *data, size_t len)
{
	tulle_wr w = tulle_wr_make(buf, len + 8);
	tulle_wr_u16(&w, number);
	tulle_wr_u16(&w, (uint16_t)len);
	tulle_wr_bytes(&w, data, len);
	return w.len;
}

static inline void give_channel(Server *s, uint16_t number, const void *data, size_t len)
{
	uint8_t buf[2048];
	size_t n = make_channel(buf, number, data, len);
	if (s->config.transport == TULLE_TURN_STREAM)
		while (n % 4 != 0)
			buf[n++] = 0;
	give(s, buf, n);
}
#endif
