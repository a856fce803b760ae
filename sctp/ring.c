/* SPDX-License-Identifier: MIT */
/* sctp: slots by TSN in two levels of pool blocks. */
#include "sctp/ring.h"

#include "base/panic.h"

#include <string.h>

#define TSNS_MAX 65536u /* a SACK names no more: RFC9260:3.3.4 */

static uint32_t floor_power(size_t n)
{
	uint32_t p = 1;
	while (p <= n / 2)
		p *= 2;
	return p;
}

static uint32_t shift_of(uint32_t power)
{
	uint32_t shift = 0;
	while ((uint32_t)1 << shift < power)
		shift++;
	return shift;
}

void tulle_sctp_ring_init(
	tulle_sctp_ring *ring, tulle_pool_account *account, uint32_t slot_bytes, bool reserve_use)
{
	size_t block = tulle_pool_block_bytes(account->pool);
	*ring = (tulle_sctp_ring){.account = account, .slot_bytes = slot_bytes};
	ring->leaf_slots = floor_power(block / slot_bytes);
	ring->directory_leaves = floor_power(block / sizeof(tulle_sctp_leaf));
	ring->leaf_count = ring->directory_leaves * TULLE_SCTP_DIRECTORIES;
	while (ring->leaf_count * ring->leaf_slots > TSNS_MAX)
		ring->leaf_count /= 2;
	if (ring->directory_leaves > ring->leaf_count)
		ring->directory_leaves = ring->leaf_count;
	ring->leaf_shift = shift_of(ring->leaf_slots);
	ring->directory_shift = shift_of(ring->directory_leaves);
	ring->reserve_use = reserve_use;
}

uint32_t tulle_sctp_ring_span(const tulle_sctp_ring *ring)
{
	return (ring->leaf_count - 1) *
	       ring->leaf_slots; /* one leaf less: windows are not aligned */
}

static uint32_t leaf_number(const tulle_sctp_ring *ring, uint32_t tsn)
{
	return tsn >> ring->leaf_shift & (ring->leaf_count - 1);
}

static tulle_sctp_directory *directory_of(tulle_sctp_ring *ring, uint32_t tsn)
{
	return &ring->directories[leaf_number(ring, tsn) >> ring->directory_shift];
}

/* NULL: its directory is not there. */
static tulle_sctp_leaf *leaf_of(const tulle_sctp_ring *ring, uint32_t tsn)
{
	uint32_t n = leaf_number(ring, tsn);
	tulle_sctp_leaf *leaves = ring->directories[n >> ring->directory_shift].leaves;
	return leaves != NULL ? &leaves[n & (ring->directory_leaves - 1)] : NULL;
}

static uint8_t *slot_of(const tulle_sctp_ring *ring, const tulle_sctp_leaf *leaf, uint32_t tsn)
{
	return leaf->slots + (size_t)(tsn & (ring->leaf_slots - 1)) * ring->slot_bytes;
}

static tulle_sctp_leaf *leaf_ensure(tulle_sctp_ring *ring, uint32_t tsn)
{
	tulle_sctp_directory *d = directory_of(ring, tsn);
	if (d->leaves == NULL) {
		d->leaves = tulle_pool_take(ring->account, ring->reserve_use);
		if (d->leaves == NULL)
			return NULL;
		memset(d->leaves, 0, ring->directory_leaves * sizeof(tulle_sctp_leaf));
	}
	tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	if (leaf->slots == NULL) {
		leaf->slots = tulle_pool_take(ring->account, ring->reserve_use);
		if (leaf->slots == NULL)
			return NULL;
		memset(leaf->slots, 0, (size_t)ring->leaf_slots * ring->slot_bytes);
		ring->leaves_held++;
		d->held++;
	}
	return leaf;
}

static void give_directory(tulle_sctp_ring *ring, tulle_sctp_directory *d)
{
	if (d->held == 0 && d->leaves != NULL) {
		tulle_pool_give(ring->account, d->leaves);
		d->leaves = NULL;
	}
}

void *tulle_sctp_ring_add(tulle_sctp_ring *ring, uint32_t tsn)
{
	tulle_sctp_leaf *leaf = leaf_ensure(ring, tsn);
	if (leaf == NULL) {
		give_directory(ring, directory_of(ring, tsn));
		return NULL;
	}
	leaf->live++;
	TULLE_CHECK(leaf->live <= ring->leaf_slots);
	return slot_of(ring, leaf, tsn);
}

void *tulle_sctp_ring_at(const tulle_sctp_ring *ring, uint32_t tsn)
{
	const tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	return leaf == NULL || leaf->slots == NULL ? NULL : slot_of(ring, leaf, tsn);
}

void tulle_sctp_ring_remove(tulle_sctp_ring *ring, uint32_t tsn)
{
	tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	TULLE_CHECK(leaf != NULL && leaf->slots != NULL && leaf->live > 0);
	memset(slot_of(ring, leaf, tsn), 0, ring->slot_bytes);
	if (--leaf->live > 0)
		return;
	tulle_pool_give(ring->account, leaf->slots);
	leaf->slots = NULL;
	ring->leaves_held--;
	tulle_sctp_directory *d = directory_of(ring, tsn);
	d->held--;
	give_directory(ring, d);
}
