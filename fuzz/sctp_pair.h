/* SPDX-License-Identifier: MIT */
/* fuzz: what the two users of sctp_pair know of each other's messages, and the judge. */
#ifndef TULLE_FUZZ_SCTP_PAIR_H
#define TULLE_FUZZ_SCTP_PAIR_H
#include "base/panic.h"
#include "sctp/association.h"

#include <string.h>

#define MESSAGES 512
/* Their records have room in every association: the next one wants a block of the pool, which may
 * be full of what the other end has queued. */
#define STREAMS 7

typedef struct {
	size_t len, got;
	bool unordered, partial, whole, delivered; /* partial: it may be given up, or a restart took
						      it */
} message;

/* What one end sent; the other judges by it. The payload protocol identifier names a message. */
typedef struct {
	message sent[MESSAGES];
	uint16_t stream_of[MESSAGES];
	unsigned count, open[STREAMS]; /* open: the message whose parts are given; 0: none */
	int coming;                    /* the one whose parts come in; -1: none */
	uint64_t restarts;             /* of the other, that the end has seen */
} side;

static inline uint8_t byte_of(unsigned number, size_t at)
{
	return (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

/* An ordered message: those before it on its stream have come, or may be given up. */
static inline void judge_order(const side *s, unsigned number, uint16_t stream)
{
	for (unsigned i = 1; i < number; i++)
		TULLE_CHECK(s->stream_of[i] != stream || s->sent[i].unordered ||
			    s->sent[i].delivered || s->sent[i].partial);
	for (unsigned i = number + 1; i <= s->count; i++)
		TULLE_CHECK(
			s->stream_of[i] != stream || s->sent[i].unordered || !s->sent[i].delivered);
}

/* The message whose parts were coming was given up: no more of it. */
static inline void judge_blank(side *s, const tulle_sctp_event *e)
{
	TULLE_CHECK(s->coming > 0 && s->stream_of[s->coming] == e->stream);
	TULLE_CHECK(!e->first && e->last && e->len == 0);
	message *m = &s->sent[s->coming];
	TULLE_CHECK(m->partial && !m->delivered);
	m->delivered = true;
	s->coming = -1;
}

/* A MESSAGE event at the other end. */
static inline void judge_part(side *s, const tulle_sctp_event *e)
{
	unsigned number = e->ppid;
	if (!e->ok) {
		judge_blank(s, e);
		return;
	}
	TULLE_CHECK(number >= 1 && number <= s->count && s->stream_of[number] == e->stream);
	message *m = &s->sent[number];
	TULLE_CHECK(!m->delivered && m->unordered == e->unordered);
	TULLE_CHECK(e->first == (s->coming != (int)number) && (e->first || m->got != 0));
	TULLE_CHECK(!e->first || s->coming < 0);
	if (e->first && !m->unordered)
		judge_order(s, number, e->stream);
	s->coming = (int)number;
	TULLE_CHECK(e->len <= m->len - m->got);
	for (size_t i = 0; i < e->len; i++)
		TULLE_CHECK(e->data[i] == byte_of(number, m->got + i));
	m->got += e->len;
	if (!e->last)
		return;
	TULLE_CHECK(m->whole && m->got == m->len);
	m->delivered = true;
	s->coming = -1;
}

/* What i sent so far may be lost: one of the ends began anew. A message that is open has no end. */
static inline void forgive(side *s)
{
	for (unsigned k = 1; k <= s->count; k++)
		s->sent[k].partial = true;
	memset(s->open, 0, sizeof s->open);
}
#endif
