/* SPDX-License-Identifier: MIT */
/* Two SCTP associations in exactly their memory with guard bytes around, a wire between them that a
 * test can cut, and packets made by hand. tulle_sctp_check runs after each entry. */
#ifndef TULLE_TEST_SCTP_PAIR_H
#define TULLE_TEST_SCTP_PAIR_H
#include "base/pool.h"
#include "sctp/association.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PAIR_BLOCK 2048u
#define PAIR_GUARD 64u
#define PAIR_PACKETS 64
#define PAIR_PACKET_BYTES 1500

typedef struct {
	uint8_t *memory;
	size_t bytes;
	tulle_sctp *sctp;
	tulle_sctp_event last; /* the last event of each kind, by count */
	unsigned events[9];
	uint8_t got[70000]; /* the bytes of messages, one after the other */
	size_t got_len;
	uint8_t packet[PAIR_PACKETS][PAIR_PACKET_BYTES]; /* what it said last, when caught */
	size_t packet_len[PAIR_PACKETS];
	tulle_datagram packet_out[PAIR_PACKETS];
	unsigned packets;
} pair_end;

typedef struct {
	pair_end end[2];
	uint8_t *pool_memory;
	tulle_pool *pool;
	tulle_time now;
	uint64_t random;
	bool no_random;
	bool interleaves;   /* I-DATA is offered: RFC 8260 */
	size_t block_bytes; /* of the pool (PAIR_BLOCK) */
	tulle_sctp_config config;
} pair;

static inline bool pair_random(void *user, uint8_t *dst, size_t len)
{
	pair *p = user;
	for (size_t i = 0; i < len && !p->no_random; i++) {
		p->random = p->random * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(p->random >> 56);
	}
	return !p->no_random;
}

static inline void pair_check(const pair *p)
{
	for (int i = 0; i < 2; i++) {
		const pair_end *e = &p->end[i];
		tulle_sctp_check(e->sctp);
		size_t k = 0; /* each assertion writes: one for all bytes */
		while (k < PAIR_GUARD && e->memory[e->bytes + k] == 0xa5)
			k++;
		ck_assert_uint_eq(k, PAIR_GUARD);
	}
}

static inline void pair_open(pair *p, size_t blocks)
{
	p->now = 5000000;
	p->random += 7;
	size_t each = p->block_bytes != 0 ? p->block_bytes : PAIR_BLOCK;
	size_t n = tulle_pool_memory_bytes(each, blocks);
	p->pool_memory = malloc(n);
	p->pool = tulle_pool_init(p->pool_memory, n, each, blocks);
	p->config.interleaving = p->interleaves;
	p->config.pool = p->pool;
	p->config.random = (tulle_random){pair_random, p};
	p->config.reserve_blocks = tulle_sctp_reserve_blocks_min(&p->config);
	for (int i = 0; i < 2; i++) {
		pair_end *e = &p->end[i];
		e->bytes = tulle_sctp_memory_bytes(&p->config);
		e->memory = malloc(e->bytes + PAIR_GUARD);
		memset(e->memory, 0xa5, e->bytes + PAIR_GUARD);
		e->sctp = tulle_sctp_init(e->memory, e->bytes, &p->config, p->now);
		ck_assert_ptr_nonnull(e->sctp);
	}
}

static inline void pair_close(pair *p)
{
	for (int i = 0; i < 2; i++) {
		pair_check(p);
		tulle_sctp_wipe(p->end[i].sctp);
		tulle_sctp_init(p->end[i].memory, p->end[i].bytes, &p->config, p->now);
	}
	ck_assert_uint_eq(tulle_pool_free(p->pool), tulle_pool_blocks(p->pool));
	for (int i = 0; i < 2; i++)
		free(p->end[i].memory);
	free(p->pool_memory);
}

/* Into a buffer of exactly its size, so that a read past it is seen. */
static inline tulle_drop pair_give(pair *p, int to, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len != 0 ? len : 1);
	memcpy(exact, data, len);
	tulle_drop drop = tulle_sctp_handle_datagram(p->end[to].sctp, p->now, exact, len);
	free(exact);
	pair_check(p);
	return drop;
}

/* What one end has to say, into its packets[]; not handed on. */
static inline unsigned pair_catch(pair *p, int from)
{
	pair_end *e = &p->end[from];
	e->packets = 0;
	while (e->packets < PAIR_PACKETS &&
		tulle_sctp_poll_datagram(e->sctp, p->now, e->packet[e->packets], PAIR_PACKET_BYTES,
			&e->packet_out[e->packets])) {
		e->packet_len[e->packets] = e->packet_out[e->packets].len;
		e->packets++;
	}
	pair_check(p);
	return e->packets;
}

static inline void pair_events(pair *p, int i)
{
	pair_end *e = &p->end[i];
	tulle_sctp_event event;
	while (tulle_sctp_poll_event(e->sctp, &event)) {
		if (event.kind == TULLE_SCTP_MESSAGE) {
			ck_assert(e->got_len + event.len <= sizeof e->got);
			memcpy(e->got + e->got_len, event.data, event.len);
			e->got_len += event.len;
		}
		ck_assert_ptr_nonnull(event.data);
		e->last = event;
		e->last.data = NULL;
		e->events[event.kind]++;
	}
	pair_check(p);
}

/* Both talk until nobody has anything to say. */
static inline void pair_settle(pair *p)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (int i = 0; i < 2; i++) {
			pair_catch(p, i);
			for (unsigned k = 0; k < p->end[i].packets; k++, moved = true)
				pair_give(p, 1 - i, p->end[i].packet[k], p->end[i].packet_len[k]);
			pair_events(p, 1 - i);
		}
	}
	for (int i = 0; i < 2; i++)
		pair_events(p, i);
}

static inline void pair_connect(pair *p)
{
	ck_assert_int_eq(tulle_sctp_connect(p->end[0].sctp, p->now), TULLE_OK);
	pair_settle(p);
	ck_assert_uint_eq(p->end[0].events[TULLE_SCTP_CONNECTED], 1);
	ck_assert_uint_eq(p->end[1].events[TULLE_SCTP_CONNECTED], 1);
}

/* To the next deadline of an end, which it handles. */
static inline void pair_expire(pair *p, int i)
{
	tulle_time t = tulle_sctp_poll_timeout(p->end[i].sctp);
	ck_assert(t != TULLE_TIME_NEVER);
	p->now = t > p->now ? t : p->now;
	tulle_sctp_handle_timeout(p->end[i].sctp, p->now);
	pair_check(p);
}

/* A packet of chunks as they are, checksum right, with this tag. */
static inline tulle_drop pair_inject(pair *p, int to, uint32_t tag, const void *chunks, size_t len)
{
	uint8_t buf[4096];
	tulle_sctp_header header = {5000, 5000, tag};
	tulle_sctp_packet w;
	tulle_sctp_packet_start(&w, TULLE_CPU_PLAIN, buf, sizeof buf, &header);
	tulle_wr_bytes(&w.w, chunks, len);
	size_t n = tulle_sctp_packet_end(&w);
	ck_assert_uint_ne(n, 0);
	return pair_give(p, to, buf, n);
}

static inline uint32_t pair_tag(const pair *p, int of)
{
	return p->end[of].sctp->identity.local_tag;
}

/* DATA to `to`, its TSN counted from the one that is due. */
static inline tulle_drop pair_data(pair *p, int to, uint32_t ahead, uint16_t stream, uint16_t ssn,
	uint8_t flags, const char *text)
{
	uint8_t buf[1200];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_data_chunk d = {.ppid = 51, .stream = stream, .mid = ssn, .flags = flags};
	d.tsn = p->end[to].sctp->in.cumulative + 1 + ahead;
	tulle_sctp_write_data_header(&w, &d, strlen(text));
	tulle_wr_cstr(&w, text);
	tulle_wr_zero(&w, tulle_sctp_padded(w.len) - w.len);
	return pair_inject(p, to, pair_tag(p, to), buf, w.len);
}

/* A fragment of I-DATA, likewise. */
static inline tulle_drop pair_i_data(
	pair *p, int to, uint32_t ahead, const tulle_sctp_data_chunk *fragment, const char *text)
{
	uint8_t buf[1200];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_data_chunk d = *fragment;
	d.interleaved = true;
	d.tsn = p->end[to].sctp->in.cumulative + 1 + ahead;
	d.ppid = d.fsn == 0 ? 51 : d.fsn; /* they share a field */
	tulle_sctp_write_data_header(&w, &d, strlen(text));
	tulle_wr_cstr(&w, text);
	tulle_wr_zero(&w, tulle_sctp_padded(w.len) - w.len);
	return pair_inject(p, to, pair_tag(p, to), buf, w.len);
}

/* A SACK to end 0. */
static inline void pair_sack(
	pair *p, uint32_t cumulative, uint32_t window, const tulle_sctp_gap *gaps, size_t count)
{
	uint8_t buf[64];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_sack(&w, cumulative, window, gaps, count, NULL, 0);
	ck_assert_int_eq(pair_inject(p, 0, pair_tag(p, 0), buf, w.len), TULLE_TAKEN);
}

/* The nth chunk of this type in the packets caught; false: none. */
static inline bool pair_find(const pair_end *e, uint8_t type, unsigned nth, tulle_sctp_chunk *chunk)
{
	for (unsigned i = 0; i < e->packets; i++) {
		tulle_sctp_header header;
		tulle_rd r;
		ck_assert_int_eq(tulle_sctp_read_packet(TULLE_CPU_PLAIN, e->packet[i],
					 e->packet_len[i], true, &header, &r),
			TULLE_TAKEN);
		while (tulle_sctp_read_chunk(&r, chunk))
			if (chunk->type == type && nth-- == 0)
				return true;
	}
	return false;
}
#endif
