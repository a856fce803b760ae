/* SPDX-License-Identifier: MIT */
/* base: reading and writing wire bytes. A read past the end gives 0, moves to the end and stays
 * bad, so a loop `while (tulle_rd_left(&r))` always stops; one verdict at the end decides. */
#ifndef TULLE_BASE_BYTES_H
#define TULLE_BASE_BYTES_H
#include <string.h>
#include <tulle/base.h>

typedef struct {
	const uint8_t *pos, *end;
	bool bad;
} tulle_rd;

static inline tulle_rd tulle_rd_make(const void *data, size_t len)
{
	static const uint8_t none[1];
	const uint8_t *p = data != NULL ? data : none;
	return (tulle_rd){p, p + (data != NULL ? len : 0), false};
}

static inline size_t tulle_rd_left(const tulle_rd *r)
{
	return (size_t)(r->end - r->pos);
}

/* The next n bytes, borrowed from the input; {pos, 0} and bad when there are fewer. */
static inline tulle_bytes tulle_rd_bytes(tulle_rd *r, size_t n)
{
	if (tulle_rd_left(r) < n) {
		r->pos = r->end;
		r->bad = true;
		return (tulle_bytes){r->end, 0};
	}
	tulle_bytes b = {r->pos, n};
	r->pos += n;
	return b;
}

static inline uint8_t tulle_rd_u8(tulle_rd *r)
{
	tulle_bytes b = tulle_rd_bytes(r, 1);
	return b.len != 0 ? b.ptr[0] : 0;
}

static inline uint16_t tulle_rd_u16(tulle_rd *r)
{
	tulle_bytes b = tulle_rd_bytes(r, 2);
	return b.len != 0 ? (uint16_t)(b.ptr[0] << 8 | b.ptr[1]) : 0;
}

static inline uint32_t tulle_rd_u24(tulle_rd *r)
{
	tulle_bytes b = tulle_rd_bytes(r, 3);
	return b.len != 0 ? (uint32_t)b.ptr[0] << 16 | (uint32_t)b.ptr[1] << 8 | b.ptr[2] : 0;
}

static inline uint32_t tulle_rd_u32(tulle_rd *r)
{
	tulle_bytes b = tulle_rd_bytes(r, 4);
	if (b.len == 0)
		return 0;
	return (uint32_t)b.ptr[0] << 24 | (uint32_t)b.ptr[1] << 16 | (uint32_t)b.ptr[2] << 8 |
	       b.ptr[3];
}

static inline uint64_t tulle_rd_u64(tulle_rd *r)
{
	tulle_bytes b = tulle_rd_bytes(r, 8);
	uint64_t v = 0;
	for (size_t i = 0; i < b.len; i++)
		v = v << 8 | b.ptr[i];
	return v;
}

static inline void tulle_rd_skip(tulle_rd *r, size_t n)
{
	(void)tulle_rd_bytes(r, n);
}

/* A reader of just the next n bytes; bad, like its parent, when there are fewer. */
static inline tulle_rd tulle_rd_sub(tulle_rd *r, size_t n)
{
	tulle_bytes b = tulle_rd_bytes(r, n);
	return (tulle_rd){b.ptr, b.ptr + b.len, r->bad};
}

/* The verdict: no over-read, and all consumed. */
static inline bool tulle_rd_finish(const tulle_rd *r)
{
	return !r->bad && r->pos == r->end;
}

typedef struct {
	uint8_t *buf;
	size_t len, cap;
	bool bad;
} tulle_wr;

static inline tulle_wr tulle_wr_make(void *buf, size_t cap)
{
	return (tulle_wr){buf, 0, cap, false};
}

/* Room for n bytes that the caller fills; NULL and bad when there is none. */
static inline uint8_t *tulle_wr_room(tulle_wr *w, size_t n)
{
	if (w->bad || w->cap - w->len < n) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->buf + w->len;
	w->len += n;
	return p;
}

static inline void tulle_wr_bytes(tulle_wr *w, const void *data, size_t n)
{
	uint8_t *p = tulle_wr_room(w, n);
	if (p != NULL && n != 0)
		memcpy(p, data, n);
}

static inline void tulle_wr_zero(tulle_wr *w, size_t n)
{
	uint8_t *p = tulle_wr_room(w, n);
	if (p != NULL && n != 0)
		memset(p, 0, n);
}

static inline void tulle_wr_u8(tulle_wr *w, uint8_t v)
{
	tulle_wr_bytes(w, &v, 1);
}

static inline void tulle_wr_u16(tulle_wr *w, uint16_t v)
{
	tulle_wr_bytes(w, (const uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static inline void tulle_wr_u24(tulle_wr *w, uint32_t v)
{
	tulle_wr_bytes(w, (const uint8_t[]){(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, 3);
}

static inline void tulle_wr_u32(tulle_wr *w, uint32_t v)
{
	tulle_wr_u16(w, (uint16_t)(v >> 16));
	tulle_wr_u16(w, (uint16_t)v);
}

static inline void tulle_wr_u64(tulle_wr *w, uint64_t v)
{
	tulle_wr_u32(w, (uint32_t)(v >> 32));
	tulle_wr_u32(w, (uint32_t)v);
}

static inline void tulle_wr_text(tulle_wr *w, tulle_text t)
{
	tulle_wr_bytes(w, t.ptr, t.len);
}

static inline void tulle_wr_cstr(tulle_wr *w, const char *s)
{
	tulle_wr_bytes(w, s, strlen(s));
}

/* Zeros for a length field; gives its offset for tulle_wr_patch_u16. */
static inline size_t tulle_wr_reserve(tulle_wr *w, size_t n)
{
	size_t at = w->len;
	tulle_wr_zero(w, n);
	return at;
}

static inline void tulle_wr_patch_u16(tulle_wr *w, size_t at, uint16_t v)
{
	if (w->bad || at + 2 > w->len)
		return;
	w->buf[at] = (uint8_t)(v >> 8);
	w->buf[at + 1] = (uint8_t)v;
}

/* The verdict: everything fitted. */
static inline bool tulle_wr_finish(const tulle_wr *w)
{
	return !w->bad;
}
#endif
