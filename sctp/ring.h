/* SPDX-License-Identifier: MIT */
/* sctp: slots by TSN over a moving window, in pool blocks that are taken as TSNs come and given
 * back as they go. Invariant: no TSN held means no block held; looking one up is O(1). */
#ifndef TULLE_SCTP_RING_H
#define TULLE_SCTP_RING_H
#include "base/pool.h"

typedef struct {
	uint8_t *slots; /* a block of them */
	uint32_t live;  /* slots in use */
} tulle_sctp_leaf;

/* Directories are blocks of leaves; a window lies in one or in two that follow each other, a wide
 * one in more. */
#define TULLE_SCTP_DIRECTORIES 16u
typedef struct {
	tulle_sctp_leaf *leaves;
	uint32_t held; /* leaves that have a block */
} tulle_sctp_directory;

typedef struct {
	tulle_sctp_directory directories[TULLE_SCTP_DIRECTORIES];
	uint32_t leaf_slots, leaf_count, directory_leaves; /* powers of two; count: of all */
	uint32_t leaf_shift, directory_shift, slot_bytes, leaves_held;
	bool reserve_use; /* may take blocks of the reserve */
	tulle_pool_account *account;
} tulle_sctp_ring;

void tulle_sctp_ring_init(
	tulle_sctp_ring *ring, tulle_pool_account *account, uint32_t slot_bytes, bool reserve_use);
/* The span of TSNs that fit at once. */
uint32_t tulle_sctp_ring_span(const tulle_sctp_ring *ring);
/* A zeroed slot, NULL: no block. The TSN is not held yet. */
void *tulle_sctp_ring_add(tulle_sctp_ring *ring, uint32_t tsn);
/* NULL when the TSN's leaf is not held; a slot that was not added is zero. */
void *tulle_sctp_ring_at(const tulle_sctp_ring *ring, uint32_t tsn);
void tulle_sctp_ring_remove(tulle_sctp_ring *ring, uint32_t tsn);
#endif
