/* SPDX-License-Identifier: MIT */
/* Checks and answers made by hand against one agent, right or wrong as the test wants. */
#ifndef TESTS_ICE_HAND_H
#define TESTS_ICE_HAND_H
#include "ice_net.h"

#define THEIR_PWD "theirpasswordtheirpassword"

typedef struct {
	const char *username; /* NULL: the right one; "": none */
	const char *pwd;      /* NULL: the right one; "": no integrity */
	int role;             /* 0: none, 1: controlling, 2: controlled, 3: both */
	uint64_t tie_breaker;
	bool nominate, no_priority, sha256, unknown, bad_fingerprint;
	uint16_t method;
	tulle_stun_kind kind;
	uint8_t id;
} Check;

static inline size_t make_check(const End *e, const Check *c, uint8_t *buf, size_t cap)
{
	uint8_t id[12] = {c->id, 7};
	char name[64];
	tulle_text ufrag, pwd;
	tulle_ice_credentials(e->ice, &ufrag, &pwd);
	snprintf(name, sizeof name, "%.*s:them", (int)ufrag.len, ufrag.ptr);
	if (c->pwd != NULL)
		pwd = tulle_text_of(c->pwd);
	tulle_bytes key = {(const uint8_t *)pwd.ptr, pwd.len};
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, cap, c->method != 0 ? c->method : TULLE_STUN_BINDING, c->kind, id);
	if (c->username == NULL || c->username[0] != '\0')
		tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME,
			tulle_text_of(c->username != NULL ? c->username : name));
	if (c->role & 1)
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLING, c->tie_breaker);
	if (c->role & 2)
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLED, c->tie_breaker);
	if (c->nominate)
		tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	if (!c->no_priority)
		tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1862270975);
	if (c->unknown)
		tulle_stun_write_bytes(&w, 0x7abc, "x", 1);
	if (pwd.len != 0 && c->sha256)
		tulle_stun_write_integrity_sha256(&w, key);
	else if (pwd.len != 0)
		tulle_stun_write_integrity(&w, key);
	tulle_stun_write_fingerprint(&w);
	size_t n = tulle_stun_write_finish(&w);
	if (c->bad_fingerprint)
		buf[n - 1] ^= 1;
	return n;
}

/* One agent that knows its remote's credentials and nothing else. */
static inline void alone(Net *n, const tulle_ice_config *config)
{
	net_init(n, config, config);
	end_path(n, &n->end[0], "127.0.0.1", 5001);
	tulle_ice_paths_known(n->end[0].ice, 0);
	end_events(&n->end[0]);
	ck_assert_int_eq(tulle_ice_set_remote(n->end[0].ice, 0, TULLE_TEXT("them"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
}

static inline tulle_drop send_check_from(Net *n, const Check *c, const char *ip, uint16_t port)
{
	uint8_t buf[600];
	tulle_addr from = addr_of(ip, port);
	size_t len = make_check(&n->end[0], c, buf, sizeof buf);
	return deliver(n, 0, 0, &from, buf, len);
}

/* What the agent says now; 0: nothing. */
static inline size_t next_out(Net *n, uint8_t *buf, tulle_stun_message *m, tulle_datagram *d)
{
	if (!tulle_ice_poll_datagram(n->end[0].ice, n->now, buf, TULLE_ICE_DATAGRAM_BYTES, d))
		return 0;
	guard_end(&n->end[0]);
	ck_assert_int_eq(tulle_stun_read(buf, d->len, m), TULLE_TAKEN);
	return d->len;
}

static inline size_t answer_check(const Net *n, const tulle_stun_message *check,
	const tulle_addr *mapped, const char *pwd, uint8_t *buf, size_t cap)
{
	(void)n;
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, cap, TULLE_STUN_BINDING, TULLE_STUN_SUCCESS, check->id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, mapped);
	if (pwd != NULL)
		tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd, strlen(pwd)});
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

/* Until the agent's first request, which is answered; gives the request's id's first byte */
static inline void answer_all(Net *n, const char *ip, uint16_t port)
{
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_addr from = addr_of(ip, port);
	while (next_out(n, buf, &m, &d) != 0)
		if (m.kind == TULLE_STUN_REQUEST && d.path.remote.port == port) {
			size_t len = answer_check(
				n, &m, &n->end[0].addrs[0], THEIR_PWD, answer, sizeof answer);
			ck_assert_int_eq(deliver(n, 0, 0, &from, answer, len), TULLE_TAKEN);
		}
}

static inline tulle_drop add(Net *n, const char *ip, unsigned port, const char *more)
{
	char text[256];
	int len = snprintf(text, sizeof text, "candidate:%u 1 udp 2130706431 %s %u typ host%s",
		port, ip, port, more);
	return tulle_ice_add_remote(n->end[0].ice, n->now, (tulle_text){text, (size_t)len});
}
#endif
