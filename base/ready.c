/* SPDX-License-Identifier: MIT */
/* base: the list of who is ready and the heap of deadlines. Invariant: a parent is never later. */
#include "base/ready.h"

#include "base/panic.h"

void tulle_ready_remove(tulle_ready *list, tulle_ready_node *node)
{
	tulle_ready_node *before = NULL;
	if (list == NULL || !node->linked)
		return;
	for (tulle_ready_node *n = list->first; n != node; n = n->next)
		before = n;
	*(before != NULL ? &before->next : &list->first) = node->next;
	if (list->last == node)
		list->last = before;
	node->linked = false;
}

static void put(tulle_heap *heap, size_t place, tulle_heap_node *node)
{
	heap->nodes[place] = node;
	node->place = place;
}

static void sift_up(tulle_heap *heap, tulle_heap_node *node)
{
	size_t i = node->place;
	for (; i > 1 && heap->nodes[i / 2]->at > node->at; i /= 2)
		put(heap, i, heap->nodes[i / 2]);
	put(heap, i, node);
}

static void sift_down(tulle_heap *heap, tulle_heap_node *node)
{
	size_t i = node->place;
	while (2 * i <= heap->count) {
		size_t child = 2 * i;
		if (child < heap->count && heap->nodes[child + 1]->at < heap->nodes[child]->at)
			child++;
		if (heap->nodes[child]->at >= node->at)
			break;
		put(heap, i, heap->nodes[child]);
		i = child;
	}
	put(heap, i, node);
}

static void take_out(tulle_heap *heap, tulle_heap_node *node)
{
	tulle_heap_node *last = heap->nodes[heap->count--];
	size_t place = node->place;
	node->place = 0;
	if (last == node)
		return;
	put(heap, place, last);
	sift_up(heap, last);
	sift_down(heap, last);
}

void tulle_heap_set(tulle_heap *heap, tulle_heap_node *node, tulle_time at)
{
	if (node->place == 0 && at == TULLE_TIME_NEVER)
		return;
	node->at = at;
	if (at == TULLE_TIME_NEVER) {
		take_out(heap, node);
		return;
	}
	if (node->place == 0) {
		TULLE_CHECK(heap->count < heap->cap);
		put(heap, ++heap->count, node);
	}
	sift_up(heap, node);
	sift_down(heap, node);
}

void tulle_heap_check(const tulle_heap *heap)
{
	for (size_t i = 1; i <= heap->count; i++) {
		TULLE_CHECK(heap->nodes[i]->place == i);
		TULLE_CHECK(i == 1 || heap->nodes[i / 2]->at <= heap->nodes[i]->at);
	}
}
