/* SPDX-License-Identifier: MIT */
/* signal: bytes from the caller's allocator, growing by doubling within a bound. */
#include "signal/ws.h"

#define KEEP_BYTES 1024 /* a buffer up to this size is kept when it is empty */

static void give_back(tulle_signal_ws *ws, tulle_signal_buffer *b)
{
	const tulle_allocator *a = &ws->config.allocator;
	if (b->p != NULL)
		a->free(a->user, b->p, b->cap);
	*b = (tulle_signal_buffer){0};
}

static bool grow(tulle_signal_ws *ws, tulle_signal_buffer *b, size_t need, size_t max)
{
	const tulle_allocator *a = &ws->config.allocator;
	size_t used = b->end - b->start, cap = tulle_max(b->cap, 256);
	while (cap < need)
		cap = tulle_sat_mul(cap, 2);
	cap = tulle_max(tulle_min(cap, max), need);
	uint8_t *p = a->alloc(a->user, cap);
	if (p == NULL)
		return false;
	if (used != 0)
		memcpy(p, b->p + b->start, used);
	give_back(ws, b);
	*b = (tulle_signal_buffer){p, cap, 0, used};
	return true;
}

uint8_t *tulle_signal_buffer_room(tulle_signal_ws *ws, tulle_signal_buffer *b, size_t n, size_t max)
{
	size_t used = b->end - b->start;
	if (n > max || used > max - n)
		return NULL;
	if (b->cap - b->end < n) {
		/* moving is paid by the bytes polled before it: at least as many */
		bool move = b->cap - used >= n && b->start >= used;
		if (move && used != 0)
			memmove(b->p, b->p + b->start, used);
		if (move)
			*b = (tulle_signal_buffer){b->p, b->cap, 0, used};
		else if (!grow(ws, b, used + n, max))
			return NULL;
	}
	return b->p != NULL ? b->p + b->end : NULL;
}

void tulle_signal_buffer_clear(tulle_signal_ws *ws, tulle_signal_buffer *b, bool whole)
{
	b->start = b->end = 0;
	if (whole || b->cap > KEEP_BYTES)
		give_back(ws, b);
}
