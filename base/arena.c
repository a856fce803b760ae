/* SPDX-License-Identifier: MIT */
/* base: an allocator in a block. Each piece has a head that says its size and its neighbour's
 * before it. */
#include "base/arena.h"

#include "base/panic.h"

typedef struct {
	size_t bytes,
		before; /* of this piece and of the one before it, heads included; before 0: none */
	bool taken;
} head;

#define ALIGN _Alignof(max_align_t)
#define ROUND(n) (((n) + ALIGN - 1) / ALIGN * ALIGN)
#define HEAD ROUND(sizeof(head))

struct tulle_arena {
	uint8_t *first, *end;
	size_t used;
};

static head *head_at(uint8_t *p)
{
	return (head *)(void *)p;
}

tulle_arena *tulle_arena_init(void *memory, size_t bytes)
{
	size_t own = ROUND(sizeof(tulle_arena));
	bytes = bytes / ALIGN * ALIGN;
	if (memory == NULL || bytes < own + HEAD + ALIGN)
		return NULL;
	tulle_arena *a = memory;
	a->first = (uint8_t *)memory + own;
	a->end = (uint8_t *)memory + bytes;
	a->used = 0;
	*head_at(a->first) = (head){.bytes = bytes - own};
	return a;
}

static void set_before_of_next(tulle_arena *a, uint8_t *p)
{
	uint8_t *next = p + head_at(p)->bytes;
	if (next < a->end)
		head_at(next)->before = head_at(p)->bytes;
}

static void *take(void *user, size_t n)
{
	tulle_arena *a = user;
	if (n == 0 || n > (size_t)(a->end - a->first))
		return NULL;
	size_t need = HEAD + ROUND(n);
	for (uint8_t *p = a->first; p < a->end; p += head_at(p)->bytes) {
		head *h = head_at(p);
		if (h->taken || h->bytes < need)
			continue;
		if (h->bytes - need >= HEAD + ALIGN) {
			*head_at(p + need) = (head){.bytes = h->bytes - need, .before = need};
			set_before_of_next(a, p + need);
			h->bytes = need;
		}
		h->taken = true;
		a->used += h->bytes;
		return p + HEAD;
	}
	return NULL;
}

/* Joins a free piece with the free one behind it. */
static void join(tulle_arena *a, uint8_t *p)
{
	uint8_t *next = p + head_at(p)->bytes;
	if (next >= a->end || head_at(next)->taken)
		return;
	head_at(p)->bytes += head_at(next)->bytes;
	set_before_of_next(a, p);
}

static void give(void *user, void *memory, size_t n)
{
	tulle_arena *a = user;
	uint8_t *p = (uint8_t *)memory - HEAD;
	head *h = head_at(p);
	TULLE_CHECK(h->taken && h->bytes >= HEAD + n);
	h->taken = false;
	a->used -= h->bytes;
	join(a, p);
	if (h->before != 0 && !head_at(p - h->before)->taken)
		join(a, p - h->before);
}

tulle_allocator tulle_arena_allocator(tulle_arena *arena)
{
	return (tulle_allocator){.alloc = take, .free = give, .user = arena};
}

size_t tulle_arena_used(const tulle_arena *arena)
{
	return arena->used;
}

void tulle_arena_check(const tulle_arena *a)
{
	size_t used = 0, before = 0;
	bool was_free = false;
	for (uint8_t *p = a->first; p < a->end; p += head_at(p)->bytes) {
		const head *h = head_at(p);
		TULLE_CHECK(h->before == before && h->bytes >= HEAD + ALIGN);
		TULLE_CHECK(h->taken || !was_free);
		used += h->taken ? h->bytes : 0;
		was_free = !h->taken;
		before = h->bytes;
	}
	TULLE_CHECK(used == a->used);
}
