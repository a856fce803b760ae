/* SPDX-License-Identifier: MIT */
/* base: a pool of equal blocks that many connections share, and each one's account with it.
 * An account owns `reserve` blocks that nobody else can take, so its progress never depends on
 * others. Invariant: free + held by accounts == all blocks of the pool; reserve blocks never enter
 * the pool. */
#ifndef TULLE_BASE_POOL_H
#define TULLE_BASE_POOL_H
#include <tulle/base.h>

typedef struct tulle_pool tulle_pool;

/* 0: block_bytes or blocks out of range (64..65536 in multiples of 16; 1..2^24). */
size_t tulle_pool_memory_bytes(size_t block_bytes, size_t blocks);
tulle_pool *tulle_pool_init(void *memory, size_t memory_bytes, size_t block_bytes, size_t blocks);
/* A pool of no blocks in TULLE_POOL_EMPTY_BYTES: what asks for sizes can be asked with it. */
#define TULLE_POOL_EMPTY_BYTES 128
tulle_pool *tulle_pool_init_empty(void *memory, size_t block_bytes);
size_t tulle_pool_block_bytes(const tulle_pool *pool);
size_t tulle_pool_blocks(const tulle_pool *pool);
size_t tulle_pool_free(const tulle_pool *pool);
void tulle_pool_check(const tulle_pool *pool);

typedef struct tulle_pool_account {
	tulle_pool *pool;
	uint8_t *reserve;                    /* the account's own memory: reserve_blocks blocks */
	void *reserve_list;                  /* the free ones of it */
	size_t reserve_blocks, reserve_free; /* blocks */
	size_t held;                         /* of the pool */
	void *owner;                         /* whom next_waiter names */
	struct tulle_pool_account *next, *prev;
	bool linked;
} tulle_pool_account;

/* `reserve`: reserve_blocks x block_bytes of the caller's memory, aligned to max_align_t. */
void tulle_pool_open(tulle_pool_account *account, tulle_pool *pool, void *reserve,
	size_t reserve_blocks, void *owner);
/* Every block must have been given back. */
void tulle_pool_close(tulle_pool_account *account);
/* A block from the pool; when that is empty and use_reserve, one of the reserve; NULL: none. */
void *tulle_pool_take(tulle_pool_account *account, bool use_reserve);
/* One of the reserve alone, though the pool may have some; NULL: none. */
void *tulle_pool_take_reserve(tulle_pool_account *account);
void tulle_pool_give(tulle_pool_account *account, void *block);
/* Blocks that this account may hope for now: its reserve and a fair share of the free pool. */
size_t tulle_pool_share(const tulle_pool_account *account);

/* Back-pressure: a refused account waits; while blocks are free next_waiter hands the owners out,
 * oldest first, each once; one that is refused again waits again, at the end. */
void tulle_pool_wait(tulle_pool_account *account);
void *tulle_pool_next_waiter(tulle_pool *pool);
#endif
