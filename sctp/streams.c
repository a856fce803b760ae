/* SPDX-License-Identifier: MIT */
/* sctp: records of streams in use: a few in the struct, then slots of pool blocks. They are found
 * by buckets, each of them a tree by the bits of the id that the bucket does not say, so that one
 * is at most 11 steps away whichever ids a peer names. Invariant: a record exists while anything of
 * its stream is not as at the start.
 */
#include "sctp/association.h"

/* Where the record is, or would be. */
static sctp_stream **place(const tulle_sctp *sctp, uint16_t id)
{
	sctp_stream *const *first = &sctp->streams.buckets[id % TULLE_SCTP_STREAM_BUCKETS];
	sctp_stream **at = (sctp_stream **)(uintptr_t)first;
	unsigned bits = id / TULLE_SCTP_STREAM_BUCKETS;
	for (; *at != NULL && (*at)->id != id; bits >>= 1)
		at = &(*at)->child[bits & 1];
	return at;
}

sctp_stream *tulle_sctp_find_stream(const tulle_sctp *sctp, uint16_t id)
{
	return *place(sctp, id);
}

static sctp_stream *take_inline(tulle_sctp *sctp)
{
	for (unsigned i = 0; i < TULLE_SCTP_INLINE_STREAMS; i++)
		if (!sctp->streams.inlined[i].inline_slot)
			return &sctp->streams.inlined[i];
	return NULL;
}

#define SLAB_HEAD_BYTES 16u

/* One slab may come of the reserve: records live long, and the reserve is for moving data. */
static bool take_slab(tulle_sctp *sctp)
{
	sctp_streams *t = &sctp->streams;
	size_t before = sctp->in_account.reserve_free;
	uint8_t *slab = tulle_pool_take(&sctp->in_account, t->slab_reserve == 0);
	if (slab == NULL)
		return false;
	t->slab_reserve += sctp->in_account.reserve_free < before;
	memcpy(slab, &t->slabs, sizeof t->slabs);
	t->slabs = slab;
	size_t n =
		(tulle_pool_block_bytes(sctp->config.pool) - SLAB_HEAD_BYTES) / sizeof(sctp_stream);
	for (size_t i = 0; i < n; i++) {
		sctp_stream *s = (sctp_stream *)(void *)(slab + SLAB_HEAD_BYTES) + i;
		s->next = t->free;
		t->free = s;
	}
	return true;
}

static void give_slabs(tulle_sctp *sctp)
{
	sctp_streams *t = &sctp->streams;
	while (t->slabs != NULL) {
		void *slab = t->slabs;
		memcpy(&t->slabs, slab, sizeof t->slabs);
		tulle_pool_give(&sctp->in_account, slab);
	}
	t->free = NULL;
	t->slab_reserve = 0;
}

sctp_stream *tulle_sctp_add_stream(tulle_sctp *sctp, uint16_t id)
{
	sctp_streams *t = &sctp->streams;
	sctp_stream *s = tulle_sctp_find_stream(sctp, id);
	if (s != NULL)
		return s;
	bool inlined = true;
	s = take_inline(sctp);
	if (s == NULL) {
		inlined = false;
		if (t->free == NULL && !take_slab(sctp))
			return NULL;
		s = t->free;
		t->free = s->next;
		t->count++;
	}
	memset(s, 0, sizeof *s);
	s->id = id;
	s->inline_slot = inlined;
	s->prev = t->last;
	*(t->last != NULL ? &t->last->next : &t->first) = s;
	t->last = s;
	*place(sctp, id) = s;
	return s;
}

static bool is_used(const sctp_stream *s)
{
	return s->out_head != NULL || s->unacked != 0 || s->in_pieces != 0 || s->low != 0 ||
	       s->old.head != NULL || s->passed.head != NULL || s->ordered.head != NULL ||
	       s->unordered.head != NULL || s->out_ssn != 0 || s->out_umid != 0 ||
	       s->forming[0].head != NULL || s->forming[1].head != NULL || s->in_mid != 0 ||
	       s->marks != 0 || s->reset != SCTP_RESET_NONE || s->ready || s->deliver ||
	       s->marked || s->part_open || s->part_dropped || s->paused || s->ended_in ||
	       s->deferred || s->has_skipped;
}

/* A leaf below it takes its place. */
static void leave_tree(tulle_sctp *sctp, sctp_stream *stream)
{
	sctp_stream **at = place(sctp, stream->id), **leaf = at;
	while ((*leaf)->child[0] != NULL || (*leaf)->child[1] != NULL)
		leaf = &(*leaf)->child[(*leaf)->child[0] == NULL];
	sctp_stream *in_its_place = *leaf;
	*leaf = NULL;
	if (in_its_place == stream)
		return;
	in_its_place->child[0] = stream->child[0];
	in_its_place->child[1] = stream->child[1];
	*at = in_its_place;
}

static void remove_stream(tulle_sctp *sctp, sctp_stream *stream)
{
	sctp_streams *t = &sctp->streams;
	leave_tree(sctp, stream);
	*(stream->prev != NULL ? &stream->prev->next : &t->first) = stream->next;
	*(stream->next != NULL ? &stream->next->prev : &t->last) = stream->prev;
	if (stream->inline_slot) {
		stream->inline_slot = false;
		return;
	}
	stream->next = t->free;
	t->free = stream;
	if (--t->count == 0)
		give_slabs(sctp);
}

void tulle_sctp_leave_stream(tulle_sctp *sctp, sctp_stream *stream)
{
	/* all that came of its message may have been given out: the rest is still to come */
	bool is_read = (sctp->in.front_open && sctp->in.front_stream == stream) ||
		       sctp->in.giving_stream == stream;
	if (!is_used(stream) && !is_read)
		remove_stream(sctp, stream);
}

void tulle_sctp_leave_streams(tulle_sctp *sctp)
{
	for (sctp_stream *s = sctp->streams.first, *next; s != NULL; s = next) {
		next = s->next; /* with the last of the slabs' records these go: it is inline */
		tulle_sctp_leave_stream(sctp, s);
	}
}

static void unmark(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_streams *t = &sctp->streams;
	*(s->mark_prev != NULL ? &s->mark_prev->mark_next : &t->mark_first) = s->mark_next;
	*(s->mark_next != NULL ? &s->mark_next->mark_prev : &t->mark_last) = s->mark_prev;
	s->mark_next = s->mark_prev = NULL;
	s->marked = false;
}

void tulle_sctp_mark_stream(tulle_sctp *sctp, sctp_stream *stream, uint8_t mark)
{
	sctp_streams *t = &sctp->streams;
	stream->marks |= mark;
	if (stream->marks != 0 && !stream->marked) {
		stream->mark_prev = t->mark_last;
		stream->mark_next = NULL;
		*(t->mark_last != NULL ? &t->mark_last->mark_next : &t->mark_first) = stream;
		t->mark_last = stream;
		stream->marked = true;
	}
}

void tulle_sctp_unmark_stream(tulle_sctp *sctp, sctp_stream *stream, uint8_t mark)
{
	stream->marks = (uint8_t)(stream->marks & ~mark);
	if (stream->marks == 0 && stream->marked)
		unmark(sctp, stream);
}

/* After outbound and inbound were cleared: nothing points to a record any more. */
void tulle_sctp_clear_streams(tulle_sctp *sctp)
{
	give_slabs(sctp);
	memset(&sctp->streams, 0, sizeof sctp->streams);
}
