/* SPDX-License-Identifier: MIT */
/* base: hints. A key has two sets and is learnt in the emptier one, so that at half load next to no
 * set overflows; where both are full the oldest of the first makes room. */
#include "base/hints.h"

#include "base/bytes.h"
#include "base/serial.h"

static size_t sets_for(size_t owners)
{
	size_t sets = 1;
	while (sets < owners)
		sets *= 2;
	return sets;
}

size_t tulle_hints_bytes(size_t owners)
{
	return sets_for(owners) * TULLE_HINT_WAYS * sizeof(tulle_hint);
}

void tulle_hints_init(tulle_hints *h, void *memory, size_t owners)
{
	h->hints = memory;
	h->sets = sets_for(owners);
	memset(memory, 0, tulle_hints_bytes(owners));
}

/* The second is another than the first, unless there is only one. */
static tulle_hint *set_of(const tulle_hints *h, uint32_t key, bool second)
{
	uint32_t at = second ? key ^ ((key ^ key >> 15) * UINT32_C(0x9e3779b1) >> 7 | 1) : key;
	return &h->hints[(at & (h->sets - 1)) * TULLE_HINT_WAYS];
}

/* A set is filled from its start, so the first free hint ends it. */
static size_t count(const tulle_hint *set)
{
	size_t n = 0;
	while (n < TULLE_HINT_WAYS && set[n].owner != NULL)
		n++;
	return n;
}

void *tulle_hints_next(const tulle_hints *h, uint32_t key, size_t *cursor)
{
	size_t end = tulle_min(h->sets, 2) * TULLE_HINT_WAYS;
	while (*cursor < end) {
		size_t i = (*cursor)++;
		const tulle_hint *hint = &set_of(h, key, i >= TULLE_HINT_WAYS)[i % TULLE_HINT_WAYS];
		if (hint->owner != NULL && hint->key == key)
			return hint->owner;
	}
	return NULL;
}

void tulle_hints_learn(tulle_hints *h, uint32_t key, void *owner)
{
	size_t cursor = 0;
	if (h->sets == 0)
		return;
	for (void *known; (known = tulle_hints_next(h, key, &cursor)) != NULL;)
		if (known == owner)
			return;
	tulle_hint *set = set_of(h, key, false), *other = set_of(h, key, true);
	size_t n = count(set), m = count(other);
	if (m < n) {
		set = other;
		n = m;
	}
	if (n == TULLE_HINT_WAYS)
		memmove(set, set + 1, --n * sizeof *set);
	set[n] = (tulle_hint){.owner = owner, .key = key};
}

/* key NULL: any */
static void sift(tulle_hint *set, const void *owner, const uint32_t *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < TULLE_HINT_WAYS; i++)
		if (set[i].owner != owner || (key != NULL && set[i].key != *key))
			set[kept++] = set[i];
	while (kept < TULLE_HINT_WAYS)
		set[kept++] = (tulle_hint){0};
}

void tulle_hints_drop(tulle_hints *h, uint32_t key, const void *owner)
{
	if (h->sets == 0)
		return;
	sift(set_of(h, key, false), owner, &key);
	sift(set_of(h, key, true), owner, &key);
}

void tulle_hints_forget(tulle_hints *h, const void *owner)
{
	for (size_t s = 0; s < h->sets; s++)
		sift(&h->hints[s * TULLE_HINT_WAYS], owner, NULL);
}

void tulle_hints_copy(tulle_hints *h, const tulle_hints *from)
{
	for (size_t i = 0; i < from->sets * TULLE_HINT_WAYS; i++)
		if (from->hints[i].owner != NULL)
			tulle_hints_learn(h, from->hints[i].key, from->hints[i].owner);
}
