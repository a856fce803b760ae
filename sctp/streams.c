/* SPDX-License-Identifier: MIT */
/* sctp: records of streams in use: a hash table whose entries are a few in the struct, then slots
 * of pool blocks. Invariant: a record exists while anything of its stream is not as at the start.
 */
#include "sctp/association.h"

static sctp_stream **bucket(const tulle_sctp *sctp, uint16_t id)
{
	sctp_stream *const *b = &sctp->streams.buckets[id % TULLE_SCTP_STREAM_BUCKETS];
	return (sctp_stream **)(uintptr_t)b;
}

sctp_stream *tulle_sctp_find_stream(const tulle_sctp *sctp, uint16_t id)
{
	sctp_stream *s = *bucket(sctp, id);
	while (s != NULL && s->id != id)
		s = s->hash_next;
	return s;
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
		s->hash_next = t->free;
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
		t->free = s->hash_next;
		t->count++;
	}
	memset(s, 0, sizeof *s);
	s->id = id;
	s->inline_slot = inlined;
	s->hash_next = *bucket(sctp, id);
	*bucket(sctp, id) = s;
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
	       s->deferred;
}

static void remove_stream(tulle_sctp *sctp, sctp_stream *stream)
{
	sctp_streams *t = &sctp->streams;
	sctp_stream **at = bucket(sctp, stream->id);
	while (*at != stream)
		at = &(*at)->hash_next;
	*at = stream->hash_next;
	if (stream->inline_slot) {
		stream->inline_slot = false;
		return;
	}
	stream->hash_next = t->free;
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
