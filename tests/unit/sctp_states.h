/* SPDX-License-Identifier: MIT */
/* End 0 of a pair in each state of RFC9260:4, and chunks made by hand to give it there. What end 0
 * said on the way is caught and lost. */
#ifndef TULLE_TEST_SCTP_STATES_H
#define TULLE_TEST_SCTP_STATES_H
#include "tests/unit/sctp_pair.h"

#define STATES 8

/* INIT or INIT ACK; extra: parameters, as they are. */
typedef struct {
	uint8_t type;
	uint32_t tag, window, tsn;
	uint16_t out, in;
	const void *extra;
	size_t extra_len;
} hand_init;

static inline size_t hand_write_init(uint8_t *dst, const hand_init *init)
{
	tulle_wr w = tulle_wr_make(dst, 2048);
	size_t at = tulle_sctp_chunk_start(&w, init->type, 0);
	tulle_wr_u32(&w, init->tag);
	tulle_wr_u32(&w, init->window);
	tulle_wr_u16(&w, init->out);
	tulle_wr_u16(&w, init->in);
	tulle_wr_u32(&w, init->tsn);
	tulle_wr_bytes(&w, init->extra, init->extra_len);
	tulle_sctp_chunk_end(&w, at);
	ck_assert(tulle_wr_finish(&w));
	return w.len;
}

static inline hand_init hand_default(uint8_t type)
{
	return (hand_init){
		.type = type, .tag = 0x11223344, .window = 90000, .tsn = 77, .out = 50, .in = 50};
}

static inline tulle_drop hand_give_init(pair *p, int to, const hand_init *init)
{
	uint8_t chunk[2048];
	size_t n = hand_write_init(chunk, init);
	return pair_inject(p, to, init->type == SCTP_INIT ? 0 : pair_tag(p, to), chunk, n);
}

static inline tulle_drop hand_give(
	pair *p, int to, uint8_t type, uint8_t flags, size_t value_len, const void *value)
{
	uint8_t chunk[1200];
	tulle_wr w = tulle_wr_make(chunk, sizeof chunk);
	size_t at = tulle_sctp_chunk_start(&w, type, flags);
	tulle_wr_bytes(&w, value, value_len);
	tulle_sctp_chunk_end(&w, at);
	return pair_inject(p, to, pair_tag(p, to), chunk, w.len);
}

static inline tulle_drop hand_shutdown(pair *p, int to, uint32_t cumulative)
{
	uint8_t v[4] = {(uint8_t)(cumulative >> 24), (uint8_t)(cumulative >> 16),
		(uint8_t)(cumulative >> 8), (uint8_t)cumulative};
	return hand_give(p, to, SCTP_SHUTDOWN, 0, 4, v);
}

static inline tulle_drop hand_sack(pair *p, int to, uint32_t cumulative)
{
	uint8_t sack[32];
	tulle_wr w = tulle_wr_make(sack, sizeof sack);
	tulle_sctp_write_sack(&w, cumulative, 90000, NULL, 0, NULL, 0);
	return pair_inject(p, to, pair_tag(p, to), sack, w.len);
}

/* One packet that is one chunk of this type, and nothing after it. */
static inline void hand_expect(pair *p, int from, uint8_t type)
{
	tulle_sctp_chunk chunk;
	ck_assert_uint_eq(pair_catch(p, from), 1);
	ck_assert_msg(pair_find(&p->end[from], type, 0, &chunk), "no chunk of type %u", type);
}

/* The packet's tag. */
static inline uint32_t hand_tag_said(const pair *p, int from, unsigned nth)
{
	tulle_rd r = tulle_rd_make(p->end[from].packet[nth] + 4, 4);
	return tulle_rd_u32(&r);
}

static inline void hand_begin(pair *p, tulle_sctp_state state)
{
	tulle_sctp *s = p->end[0].sctp;
	if (state == TULLE_SCTP_STATE_CLOSED)
		return;
	if (state == TULLE_SCTP_STATE_COOKIE_WAIT || state == TULLE_SCTP_STATE_COOKIE_ECHOED) {
		tulle_sctp_connect(s, p->now);
		pair_catch(p, 0);
		if (state == TULLE_SCTP_STATE_COOKIE_WAIT)
			return;
		pair_give(p, 1, p->end[0].packet[0], p->end[0].packet_len[0]);
		pair_catch(p, 1);
		pair_give(p, 0, p->end[1].packet[0], p->end[1].packet_len[0]);
		pair_catch(p, 0);
		return;
	}
	pair_connect(p);
	pair_settle(p);
	bool out = state == TULLE_SCTP_STATE_SHUTDOWN_PENDING ||
		   state == TULLE_SCTP_STATE_SHUTDOWN_RECEIVED;
	if (out)
		tulle_sctp_send(s, p->now, 0, 51, "x", 1, NULL);
	pair_catch(p, 0);
	if (state == TULLE_SCTP_STATE_SHUTDOWN_PENDING || state == TULLE_SCTP_STATE_SHUTDOWN_SENT)
		tulle_sctp_shutdown(s, p->now);
	if (state >= TULLE_SCTP_STATE_SHUTDOWN_RECEIVED)
		ck_assert_int_eq(hand_shutdown(p, 0, s->out.acked_tsn), TULLE_TAKEN);
	pair_catch(p, 0);
}

/* A fresh pair, end 0 in the state. The one before is closed. */
static inline void hand_state(pair *p, tulle_sctp_state state)
{
	if (p->pool != NULL)
		pair_close(p);
	memset(p, 0, sizeof *p);
	p->config.streams_max = 100;
	pair_open(p, 400);
	hand_begin(p, state);
	ck_assert_int_eq(tulle_sctp_state_now(p->end[0].sctp), state);
}
#endif
