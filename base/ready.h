/* SPDX-License-Identifier: MIT */
/* base: who has something to do: an intrusive list that an owner drains, and a heap of deadlines.
 * A command marks its object here; the owner polls it at the next turn. */
#ifndef TULLE_BASE_READY_H
#define TULLE_BASE_READY_H
#include <tulle/base.h>

typedef struct tulle_ready_node {
	struct tulle_ready_node *next;
	void *owner;
	bool linked;
} tulle_ready_node;

/* wake is a leaf (it may not call tulle back): called when the list stops being empty; may be NULL.
 */
typedef struct {
	tulle_ready_node *first, *last;
	void (*wake)(void *user);
	void *user;
} tulle_ready;

static inline void tulle_ready_mark(tulle_ready *list, tulle_ready_node *node)
{
	if (list == NULL || node->linked)
		return;
	bool was_empty = list->first == NULL;
	node->linked = true;
	node->next = NULL;
	*(was_empty ? &list->first : &list->last->next) = node;
	list->last = node;
	if (was_empty && list->wake != NULL)
		list->wake(list->user);
}

static inline void *tulle_ready_take(tulle_ready *list)
{
	tulle_ready_node *node = list->first;
	if (node == NULL)
		return NULL;
	list->first = node->next;
	if (list->first == NULL)
		list->last = NULL;
	node->linked = false;
	return node->owner;
}

void tulle_ready_remove(tulle_ready *list, tulle_ready_node *node);

/* A binary heap of deadlines over an array of the caller's; a node knows its place, 0: not in. */
typedef struct {
	tulle_time at;
	size_t place;
	void *owner;
} tulle_heap_node;

typedef struct {
	tulle_heap_node **nodes; /* nodes[1..count] */
	size_t count, cap;       /* cap: how many nodes may be in, the array has one more */
} tulle_heap;

/* Puts a node in, or moves it; NEVER takes it out. The heap must have room for it. */
void tulle_heap_set(tulle_heap *heap, tulle_heap_node *node, tulle_time at);
/* The earliest; NULL: none. */
static inline tulle_heap_node *tulle_heap_first(const tulle_heap *heap)
{
	return heap->count != 0 ? heap->nodes[1] : NULL;
}
void tulle_heap_check(const tulle_heap *heap);
#endif
