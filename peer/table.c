/* SPDX-License-Identifier: MIT */
/* peer: channels by slot and by stream. Both maps are two levels of pool blocks over leaves, so
 * that finding is three loads and 65535 channels need no array in advance; the first four channels
 * need no block. Invariant: a channel with has_stream is what the stream map names for its stream,
 * and no other. */
#include "peer/state.h"

#include "base/panic.h"

#include <string.h>

static size_t block_bytes(const tulle_peer *p)
{
	return tulle_pool_block_bytes(p->env.pool);
}

static size_t fan_out(const tulle_peer *p)
{
	return block_bytes(p) / sizeof(void *);
}

static size_t channels_per_block(const tulle_peer *p)
{
	size_t n = block_bytes(p) / sizeof(peer_channel);
	return n < CHANNELS_PER_BLOCK_MAX ? n : CHANNELS_PER_BLOCK_MAX;
}

static size_t streams_per_block(const tulle_peer *p)
{
	return block_bytes(p) / sizeof(uint16_t);
}

static void *take_zeroed(tulle_peer *p)
{
	void *block = tulle_pool_take(&p->account, false);
	if (block != NULL)
		memset(block, 0, block_bytes(p));
	return block;
}

/* The leaf number `leaf` of a two-level tree; made when missing and make; NULL: none. */
static void *leaf_of(tulle_peer *p, void ***root, size_t leaf, bool make)
{
	if (*root == NULL && (!make || (*root = take_zeroed(p)) == NULL))
		return NULL;
	void **branch = *root + leaf / fan_out(p);
	if (*branch == NULL && (!make || (*branch = take_zeroed(p)) == NULL))
		return NULL;
	void **twig = (void **)*branch + leaf % fan_out(p);
	if (*twig == NULL && make)
		*twig = take_zeroed(p);
	return *twig;
}

static void free_tree(tulle_peer *p, void ***root)
{
	for (size_t i = 0; *root != NULL && i < fan_out(p); i++) {
		void **branch = (*root)[i];
		for (size_t k = 0; branch != NULL && k < fan_out(p); k++)
			if (branch[k] != NULL)
				tulle_pool_give(&p->account, branch[k]);
		if (branch != NULL)
			tulle_pool_give(&p->account, branch);
	}
	if (*root != NULL)
		tulle_pool_give(&p->account, *root);
	*root = NULL;
}

static peer_channel *place_of(const tulle_peer *p, uint32_t slot, bool make)
{
	tulle_peer *mutable = (tulle_peer *)(uintptr_t)p; /* changes nothing unless make */
	if (slot < PEER_CHANNELS_INLINE)
		return &mutable->channels.first[slot];
	size_t n = slot - PEER_CHANNELS_INLINE;
	peer_channel *leaf =
		leaf_of(mutable, &mutable->channels.slots, n / channels_per_block(p), make);
	return leaf != NULL ? leaf + n % channels_per_block(p) : NULL;
}

peer_channel *tulle_peer_table_at(const tulle_peer *p, uint32_t slot)
{
	peer_channel *c = slot < p->channels.high ? place_of(p, slot, false) : NULL;
	return c != NULL && c->handle != 0 ? c : NULL;
}

peer_channel *tulle_peer_table_find(const tulle_peer *p, tulle_channel handle)
{
	peer_channel *c = tulle_peer_table_at(p, (uint32_t)(handle & ((1u << SLOT_BITS) - 1)));
	bool is_gone = c != NULL && c->holds && c->say == 0; /* its CLOSE was said */
	return c != NULL && c->handle == handle && !is_gone ? c : NULL;
}

peer_channel *tulle_peer_table_add(tulle_peer *p)
{
	peer_channels *t = &p->channels;
	uint32_t slot = t->free_slot;
	if (t->count >= p->config.channels_max)
		return NULL;
	while (slot < t->high && tulle_peer_table_at(p, slot) != NULL)
		slot++;
	peer_channel *c = place_of(p, slot, true);
	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof *c);
	c->handle = ++t->serial << SLOT_BITS | slot;
	t->free_slot = slot + 1;
	t->high = slot >= t->high ? slot + 1 : t->high;
	t->count++;
	return c;
}

static uint16_t *stream_cell(const tulle_peer *p, uint16_t stream, bool make)
{
	tulle_peer *mutable = (tulle_peer *)(uintptr_t)p;
	uint16_t *leaf =
		leaf_of(mutable, &mutable->channels.streams, stream / streams_per_block(p), make);
	return leaf != NULL ? leaf + stream % streams_per_block(p) : NULL;
}

peer_channel *tulle_peer_table_by_stream(const tulle_peer *p, uint16_t stream)
{
	for (uint32_t i = 0; i < PEER_CHANNELS_INLINE && i < p->channels.high; i++) {
		const peer_channel *c = &p->channels.first[i];
		if (c->handle != 0 && c->has_stream && c->stream == stream)
			return place_of(p, i, false);
	}
	const uint16_t *cell = stream_cell(p, stream, false);
	return cell != NULL && *cell != 0 ? tulle_peer_table_at(p, *cell) : NULL;
}

/* Cells hold the slot itself: slots 0..3 are found without. */
bool tulle_peer_table_set_stream(tulle_peer *p, peer_channel *c, uint16_t stream)
{
	uint32_t slot = (uint32_t)(c->handle & ((1u << SLOT_BITS) - 1));
	if (slot >= PEER_CHANNELS_INLINE) {
		uint16_t *cell = stream_cell(p, stream, true);
		if (cell == NULL)
			return false;
		*cell = (uint16_t)slot;
	}
	c->stream = stream;
	c->has_stream = true;
	return true;
}

static void unlink_from(peer_channel **first, peer_channel **last, peer_channel *c, bool due)
{
	peer_channel *before = NULL, *n = *first;
	while (n != c) {
		before = n;
		n = due ? n->next_due : n->next_said;
	}
	peer_channel *after = due ? c->next_due : c->next_said;
	if (before == NULL)
		*first = after;
	else if (due)
		before->next_due = after;
	else
		before->next_said = after;
	if (*last == c)
		*last = before;
}

static void unlink_wanting(peer_channels *t, peer_channel *c)
{
	peer_channel **at = &t->wanting;
	while (*at != c)
		at = &(*at)->next_wanting;
	*at = c->next_wanting;
}

static void unlink_late(peer_channels *t, peer_channel *c)
{
	*(c->prev_late != NULL ? &c->prev_late->next_late : &t->late_first) = c->next_late;
	*(c->next_late != NULL ? &c->next_late->prev_late : &t->late_last) = c->prev_late;
	c->next_late = c->prev_late = NULL;
	c->late_linked = false;
}

void tulle_peer_table_late(tulle_peer *p, peer_channel *c, bool late)
{
	peer_channels *t = &p->channels;
	if (!late && c->late_linked)
		unlink_late(t, c);
	if (!late || c->late_linked)
		return;
	c->late_linked = true;
	c->prev_late = t->late_last;
	*(t->late_last != NULL ? &t->late_last->next_late : &t->late_first) = c;
	t->late_last = c;
}

void tulle_peer_table_leave_stream(tulle_peer *p, peer_channel *c)
{
	peer_channels *t = &p->channels;
	uint32_t slot = (uint32_t)(c->handle & ((1u << SLOT_BITS) - 1));
	if (!c->has_stream)
		return;
	if (slot >= PEER_CHANNELS_INLINE)
		*stream_cell(p, c->stream, false) = 0;
	if (c->stream < t->next_stream && !t->ids_once)
		t->next_stream = c->stream;
	c->has_stream = false;
}

void tulle_peer_table_remove(tulle_peer *p, peer_channel *c)
{
	peer_channels *t = &p->channels;
	uint32_t slot = (uint32_t)(c->handle & ((1u << SLOT_BITS) - 1));
	if (c->said_linked)
		unlink_from(&t->said_first, &t->said_last, c, false);
	if (c->due_linked)
		unlink_from(&t->due_first, &t->due_last, c, true);
	if (c->wants_low)
		unlink_wanting(t, c);
	if (c->late_linked)
		unlink_late(t, c);
	tulle_peer_table_leave_stream(p, c);
	tulle_peer_text_free(p, &c->text);
	memset(c, 0, sizeof *c);
	t->free_slot = slot < t->free_slot ? slot : t->free_slot;
	if (--t->count != 0)
		return;
	free_tree(p, &t->slots);
	free_tree(p, &t->streams);
	t->high = t->free_slot = 0;
}

void tulle_peer_say(tulle_peer *p, peer_channel *c, uint8_t what)
{
	peer_channels *t = &p->channels;
	c->say |= what;
	tulle_peer_mark(p);
	if (c->said_linked)
		return;
	c->said_linked = true;
	c->next_said = NULL;
	*(t->said_last != NULL ? &t->said_last->next_said : &t->said_first) = c;
	t->said_last = c;
}

void tulle_peer_table_wipe(tulle_peer *p)
{
	tulle_peer_text_free(p, &p->channels.opening.text);
	for (uint32_t i = 0; i < p->channels.high && p->channels.count != 0; i++) {
		peer_channel *c = tulle_peer_table_at(p, i);
		if (c != NULL)
			tulle_peer_table_remove(p, c);
	}
}

void tulle_peer_table_check(const tulle_peer *p)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->channels.high; i++) {
		const peer_channel *c = tulle_peer_table_at(p, i);
		if (c == NULL)
			continue;
		count++;
		TULLE_CHECK(!c->has_stream || tulle_peer_table_by_stream(p, c->stream) == c);
		TULLE_CHECK((c->say != 0) <= c->said_linked);
		TULLE_CHECK(!c->late_linked || (c->reset_out && !c->reset_in && !c->holds));
	}
	TULLE_CHECK(count == p->channels.count);
	for (const peer_channel *c = p->channels.wanting; c != NULL; c = c->next_wanting)
		TULLE_CHECK(c->handle != 0 && c->wants_low);
}
