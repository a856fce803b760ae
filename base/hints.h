/* SPDX-License-Identifier: MIT */
/* base: whom a key was last found to belong to, of many owners. Hints only: an owner that is named
 * is asked whether it is so, and when none says yes all are asked, which teaches the next hint.
 * Invariant: no owner is named that was forgotten. */
#ifndef TULLE_BASE_HINTS_H
#define TULLE_BASE_HINTS_H
#include <tulle/base.h>

#define TULLE_HINT_WAYS 4 /* hints of a set: a cache line of 64 bytes, when the memory lies so */

typedef struct {
	void *owner; /* NULL: free */
	uint32_t key;
} tulle_hint;

typedef struct {
	tulle_hint *hints; /* sets x TULLE_HINT_WAYS */
	size_t sets;       /* a power of two; 0: nothing is learnt */
} tulle_hints;

/* Room for about two keys of each owner. */
size_t tulle_hints_bytes(size_t owners);
void tulle_hints_init(tulle_hints *h, void *memory, size_t owners);
/* The next owner that the key may belong to; *cursor: 0 at first. NULL: no more. */
void *tulle_hints_next(const tulle_hints *h, uint32_t key, size_t *cursor);
void tulle_hints_learn(tulle_hints *h, uint32_t key, void *owner);
void tulle_hints_drop(tulle_hints *h, uint32_t key, const void *owner); /* this one */
/* Looks at all hints. */
void tulle_hints_forget(tulle_hints *h, const void *owner);
/* All that `from` knows: for a table that grows. */
void tulle_hints_copy(tulle_hints *h, const tulle_hints *from);
#endif
