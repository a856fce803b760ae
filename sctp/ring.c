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

void tulle_sctp_ring_init(
	tulle_sctp_ring *ring, tulle_pool_account *account, uint32_t slot_bytes, bool reserve_use)
{
	size_t block = tulle_pool_block_bytes(account->pool);
	*ring = (tulle_sctp_ring){.account = account, .slot_bytes = slot_bytes};
	ring->leaf_slots = floor_power(block / slot_bytes);
	ring->leaf_count = floor_power(block / sizeof(tulle_sctp_leaf));
	while (ring->leaf_count * ring->leaf_slots > TSNS_MAX)
		ring->leaf_count /= 2;
	while ((uint32_t)1 << ring->leaf_shift < ring->leaf_slots)
		ring->leaf_shift++;
	ring->reserve_use = reserve_use;
}

uint32_t tulle_sctp_ring_span(const tulle_sctp_ring *ring)
{
	return (ring->leaf_count - 1) *
	       ring->leaf_slots; /* one leaf less: windows are not aligned */
}

static tulle_sctp_leaf *leaf_of(const tulle_sctp_ring *ring, uint32_t tsn)
{
	return &ring->directory[tsn >> ring->leaf_shift & (ring->leaf_count - 1)];
}

static uint8_t *slot_of(const tulle_sctp_ring *ring, const tulle_sctp_leaf *leaf, uint32_t tsn)
{
	return leaf->slots + (size_t)(tsn & (ring->leaf_slots - 1)) * ring->slot_bytes;
}

static tulle_sctp_leaf *leaf_ensure(tulle_sctp_ring *ring, uint32_t tsn)
{
	if (ring->directory == NULL) {
		ring->directory = tulle_pool_take(ring->account, ring->reserve_use);
		if (ring->directory == NULL)
			return NULL;
		memset(ring->directory, 0, ring->leaf_count * sizeof(tulle_sctp_leaf));
	}
	tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	if (leaf->slots == NULL) {
		leaf->slots = tulle_pool_take(ring->account, ring->reserve_use);
		if (leaf->slots == NULL)
			return NULL;
		memset(leaf->slots, 0, (size_t)ring->leaf_slots * ring->slot_bytes);
		ring->leaves_held++;
	}
	return leaf;
}

static void give_directory(tulle_sctp_ring *ring)
{
	if (ring->leaves_held == 0 && ring->directory != NULL) {
		tulle_pool_give(ring->account, ring->directory);
		ring->directory = NULL;
	}
}

void *tulle_sctp_ring_add(tulle_sctp_ring *ring, uint32_t tsn)
{
	tulle_sctp_leaf *leaf = leaf_ensure(ring, tsn);
	if (leaf == NULL) {
		give_directory(ring);
		return NULL;
	}
	leaf->live++;
	TULLE_CHECK(leaf->live <= ring->leaf_slots);
	return slot_of(ring, leaf, tsn);
}

void *tulle_sctp_ring_at(const tulle_sctp_ring *ring, uint32_t tsn)
{
	if (ring->directory == NULL)
		return NULL;
	const tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	return leaf->slots == NULL ? NULL : slot_of(ring, leaf, tsn);
}

void tulle_sctp_ring_remove(tulle_sctp_ring *ring, uint32_t tsn)
{
	tulle_sctp_leaf *leaf = leaf_of(ring, tsn);
	TULLE_CHECK(leaf->slots != NULL && leaf->live > 0);
	memset(slot_of(ring, leaf, tsn), 0, ring->slot_bytes);
	if (--leaf->live > 0)
		return;
	tulle_pool_give(ring->account, leaf->slots);
	leaf->slots = NULL;
	ring->leaves_held--;
	give_directory(ring);
}
