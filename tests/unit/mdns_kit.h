/* SPDX-License-Identifier: MIT */
/* One engine in virtual time, what it sends written down; messages by hand. The engine lies in a
 * block of exactly its memory_bytes. */
#ifndef TESTS_MDNS_KIT_H
#define TESTS_MDNS_KIT_H
#include <tulle/mdns.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define SENT_MAX 512
#define NAME "0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local"
#define OTHER "ffffffff-4b5a-4978-8a6b-1c2d3e4f5a6b.local"

enum { A = 1, AAAA = 28, NSEC = 47, ANY = 255, IN = 1, TOP = 0x8000 };

typedef struct {
	uint8_t raw[TULLE_MDNS_DATAGRAM_BYTES];
	size_t len;
	tulle_path path;
	tulle_time at;
} Sent;

typedef struct {
	tulle_mdns *mdns;
	uint8_t *block;
	tulle_mdns_config config;
	tulle_time now;
	uint64_t seed;
	bool no_random, same_random;
	Sent *sent; /* SENT_MAX */
	size_t sent_count, told;
	tulle_mdns_event event;
} Node;

static inline bool node_random(void *user, uint8_t *dst, size_t len)
{
	Node *n = user;
	for (size_t i = 0; i < len; i++) {
		n->seed =
			n->same_random ? 7 : n->seed * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(n->seed >> 56);
	}
	return !n->no_random;
}

static inline tulle_addr addr_of(const char *ip, uint16_t port)
{
	tulle_addr a;
	ck_assert(tulle_addr_read_ip(tulle_text_of(ip), &a));
	a.port = port;
	return a;
}

static inline void node_link(Node *n, uint32_t id, const char *ip, uint8_t prefix)
{
	tulle_addr a = addr_of(ip, 0);
	ck_assert_int_eq(tulle_mdns_add_link(n->mdns, n->now, id, &a, prefix), TULLE_OK);
}

/* Without a link. */
static inline void node_init_bare(Node *n)
{
	memset(n, 0, sizeof *n);
	n->now = SECOND;
	n->seed = 5;
	n->sent = calloc(SENT_MAX, sizeof *n->sent);
	n->config.random = (tulle_random){node_random, n};
	size_t bytes = tulle_mdns_memory_bytes(&n->config);
	ck_assert_uint_ne(bytes, 0);
	n->block = malloc(bytes);
	n->mdns = tulle_mdns_init(n->block, bytes, &n->config, n->now);
	ck_assert_ptr_nonnull(n->mdns);
}

/* Link 3 is 192.0.2.1/24 and fe80::1/64. */
static inline void node_init(Node *n)
{
	node_init_bare(n);
	node_link(n, 3, "192.0.2.1", 24);
	node_link(n, 3, "fe80::1", 64);
}

static inline void node_free(Node *n)
{
	size_t bytes = tulle_mdns_memory_bytes(&n->config);
	tulle_mdns_wipe(n->mdns);
	for (size_t i = 0; i < bytes; i++)
		ck_assert_uint_eq(n->block[i], 0);
	free(n->block);
	free(n->sent);
}

static inline void node_drain(Node *n)
{
	Sent *s = &n->sent[n->sent_count];
	tulle_datagram d;
	tulle_mdns_handle_timeout(n->mdns, n->now);
	while (tulle_mdns_poll_datagram(n->mdns, n->now, s->raw, sizeof s->raw, &d)) {
		ck_assert(d.len >= 12 && d.len <= sizeof s->raw);
		s->len = d.len;
		s->path = d.path;
		s->at = n->now;
		ck_assert_uint_lt(++n->sent_count, SENT_MAX);
		s++;
		tulle_mdns_check(n->mdns);
	}
	while (tulle_mdns_poll_event(n->mdns, &n->event))
		n->told++;
	tulle_mdns_check(n->mdns);
	ck_assert_int_gt(tulle_mdns_poll_timeout(n->mdns), n->now);
}

static inline void node_wait(Node *n, tulle_time us)
{
	tulle_time end = n->now + us;
	node_drain(n);
	while (tulle_mdns_poll_timeout(n->mdns) <= end) {
		n->now = tulle_mdns_poll_timeout(n->mdns);
		node_drain(n);
	}
	n->now = end;
	node_drain(n);
}

static inline uint32_t node_ask(Node *n, const char *name)
{
	uint32_t id = 0;
	ck_assert_int_eq(tulle_mdns_resolve(n->mdns, n->now, tulle_text_of(name), &id), TULLE_OK);
	ck_assert_uint_ne(id, 0);
	return id;
}

/* Messages by hand. */
static inline void put_name(tulle_wr *w, const char *text)
{
	for (tulle_text rest = tulle_text_of(text); rest.len != 0;) {
		tulle_text label = tulle_text_split(&rest, '.');
		tulle_wr_u8(w, (uint8_t)label.len);
		tulle_wr_text(w, label);
	}
	tulle_wr_u8(w, 0);
}

static inline tulle_wr put_head(uint8_t *dst, size_t cap, uint16_t flags, unsigned questions,
	unsigned answers, unsigned additional)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_wr_u16(&w, 77);
	tulle_wr_u16(&w, flags);
	tulle_wr_u16(&w, (uint16_t)questions);
	tulle_wr_u16(&w, (uint16_t)answers);
	tulle_wr_u16(&w, 0);
	tulle_wr_u16(&w, (uint16_t)additional);
	return w;
}

static inline void put_question(tulle_wr *w, const char *name, uint16_t type, unsigned class)
{
	put_name(w, name);
	tulle_wr_u16(w, type);
	tulle_wr_u16(w, (uint16_t) class);
}

static inline void put_address(
	tulle_wr *w, const char *name, const char *ip, unsigned class, uint32_t ttl)
{
	tulle_addr a = addr_of(ip, 0);
	put_question(w, name, a.family == 4 ? A : AAAA, class);
	tulle_wr_u32(w, ttl);
	tulle_wr_u16(w, (uint16_t)tulle_addr_ip_bytes(&a));
	tulle_wr_bytes(w, a.ip, tulle_addr_ip_bytes(&a));
}

/* to NULL: the group */
static inline tulle_drop give_at(Node *n, uint32_t link, const char *from, uint16_t port,
	const char *to, const uint8_t *data, size_t len)
{
	tulle_path path = {.id = link, .remote = addr_of(from, port)};
	const char *group = path.remote.family == 4 ? "224.0.0.251" : "ff02::fb";
	path.local = addr_of(to != NULL ? to : group, TULLE_MDNS_PORT);
	uint8_t *exact = malloc(len != 0 ? len : 1); /* the sanitizer sees a read past the end */
	if (len != 0)
		memcpy(exact, data, len);
	tulle_drop drop = tulle_mdns_handle_datagram(n->mdns, n->now, &path, exact, len);
	free(exact);
	tulle_mdns_check(n->mdns);
	return drop;
}

static inline tulle_drop give(Node *n, const tulle_wr *w)
{
	ck_assert(tulle_wr_finish(w));
	return give_at(n, 3, "192.0.2.9", TULLE_MDNS_PORT, NULL, w->buf, w->len);
}

/* name has this address: in a response of its own */
static inline tulle_drop give_answer(Node *n, const char *name, const char *ip)
{
	uint8_t buf[256];
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
	put_address(&w, name, ip, TOP | IN, 120);
	return give(n, &w);
}

/* The numbers at the head of a message that was sent. */
static inline uint16_t head(const Sent *s, size_t word)
{
	return (uint16_t)(s->raw[2 * word] << 8 | s->raw[2 * word + 1]);
}

/* Both are the whole message. */
static inline void sent_is(const Sent *s, const tulle_wr *want)
{
	ck_assert(tulle_wr_finish(want));
	ck_assert_uint_eq(s->len, want->len);
	ck_assert_mem_eq(s->raw, want->buf, s->len);
}
#endif
