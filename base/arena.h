/* SPDX-License-Identifier: MIT */
/* base: an allocator in a block of the caller's, for roots that have no malloc beneath them. First
 * fit with joining of neighbours: few and large pieces. Invariant: pieces lie end to end and fill
 * the block. */
#ifndef TULLE_BASE_ARENA_H
#define TULLE_BASE_ARENA_H
#include <tulle/base.h>

typedef struct tulle_arena tulle_arena;

/* memory is aligned to max_align_t. NULL: too small. */
tulle_arena *tulle_arena_init(void *memory, size_t bytes);
/* alloc gives memory aligned to max_align_t or NULL; free takes what alloc gave. */
tulle_allocator tulle_arena_allocator(tulle_arena *arena);
size_t tulle_arena_used(const tulle_arena *arena); /* bytes, heads of pieces included */
void tulle_arena_check(const tulle_arena *arena);
#endif
