/* SPDX-License-Identifier: MIT */
/* What the suites of stream reset share: a pair that is up, and RE-CONFIG chunks made by hand. */
#ifndef TULLE_TEST_SCTP_RESET_KIT_H
#define TULLE_TEST_SCTP_RESET_KIT_H
#include "sctp/wire/reset.h"
#include "tests/unit/sctp_pair.h"

static pair p;

static inline void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	pair_connect(&p);
	pair_settle(&p);
}

static inline void teardown(void)
{
	pair_close(&p);
}

typedef struct {
	uint8_t bytes[1024];
	tulle_wr w;
	size_t at;
} request;

static inline void begin(request *r)
{
	r->w = tulle_wr_make(r->bytes, sizeof r->bytes);
	r->at = tulle_sctp_chunk_start(&r->w, SCTP_RE_CONFIG, 0);
}

/* The parameters of RFC6525:4 as they stand there, not by the code that is tested. */
static inline void add(request *r, uint16_t type, uint32_t sequence, uint32_t last_tsn,
	const uint16_t *streams, size_t count)
{
	size_t at = tulle_sctp_parameter_start(&r->w, type);
	tulle_wr_u32(&r->w, sequence);
	if (type == SCTP_P_RESET_OUT) {
		tulle_wr_u32(&r->w, 0);
		tulle_wr_u32(&r->w, last_tsn);
	}
	if (type == SCTP_P_RESPONSE)
		tulle_wr_u32(&r->w, last_tsn); /* the result stands there */
	if (type == SCTP_P_ADD_OUT || type == SCTP_P_ADD_IN)
		tulle_wr_u32(&r->w, 5u << 16);
	for (size_t i = 0; i < count; i++)
		tulle_wr_u16(&r->w, streams[i]);
	tulle_sctp_parameter_end(&r->w, at);
}

static inline tulle_drop give(request *r, int to)
{
	tulle_sctp_chunk_end(&r->w, r->at);
	return pair_inject(&p, to, pair_tag(&p, to), r->bytes, r->w.len);
}

static inline uint32_t due_number(int end)
{
	return p.end[end].sctp->resets.peer_sequence;
}

static inline uint32_t seen(int end)
{
	return p.end[end].sctp->in.cumulative;
}

/* The nth parameter of what an end says next. */
static inline tulle_sctp_reset_parameter said(int from, unsigned nth)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_parameter raw;
	tulle_sctp_reset_parameter reset;
	if (nth == 0)
		ck_assert_uint_eq(pair_catch(&p, from), 1);
	ck_assert(pair_find(&p.end[from], SCTP_RE_CONFIG, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
	for (unsigned i = 0; i <= nth; i++)
		ck_assert(tulle_sctp_read_parameter(&r, &raw));
	ck_assert(tulle_sctp_read_reset(&raw, &reset));
	return reset;
}

/* One request of this type to end 1; its result. */
static inline uint32_t ask(
	uint16_t type, uint32_t sequence, uint32_t last_tsn, const uint16_t *streams, size_t count)
{
	request r;
	begin(&r);
	add(&r, type, sequence, last_tsn, streams, count);
	(void)give(&r, 1);
	tulle_sctp_reset_parameter answer = said(1, 0);
	ck_assert_uint_eq(answer.type, SCTP_P_RESPONSE);
	ck_assert_uint_eq(answer.sequence, sequence);
	return answer.result;
}

static inline tulle_drop answer_to(int to, uint32_t sequence, uint32_t result)
{
	request r;
	begin(&r);
	add(&r, SCTP_P_RESPONSE, sequence, result, NULL, 0);
	return give(&r, to);
}

static inline void acknowledge_all(int of)
{
	uint8_t sack[32];
	tulle_wr w = tulle_wr_make(sack, sizeof sack);
	tulle_sctp_write_sack(&w, p.end[of].sctp->out.next_tsn - 1, 90000, NULL, 0, NULL, 0);
	ck_assert_int_eq(pair_inject(&p, of, pair_tag(&p, of), sack, w.len), TULLE_TAKEN);
}
#endif
