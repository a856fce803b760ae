/* SPDX-License-Identifier: MIT */
/* base: a pool of equal blocks. Free blocks are linked through their first bytes. */
#include "base/pool.h"

#include "base/panic.h"
#include "base/serial.h"

#include <string.h>

struct tulle_pool {
	size_t block_bytes, blocks, free, accounts;
	size_t fresh; /* never handed out: their pages are untouched */
	uint8_t *memory;
	void *list;
	tulle_pool_account *first, *last; /* waiting, oldest first */
};

#define HEAD_BYTES ((sizeof(tulle_pool) + 63) / 64 * 64)

size_t tulle_pool_memory_bytes(size_t block_bytes, size_t blocks)
{
	if (block_bytes < 64 || block_bytes > 65536 || block_bytes % 16 != 0)
		return 0;
	if (blocks < 1 || blocks > (size_t)1 << 24)
		return 0;
	size_t bytes = tulle_sat_mul(block_bytes, blocks);
	return bytes > SIZE_MAX - HEAD_BYTES ? 0 : bytes + HEAD_BYTES;
}

static void push(void **list, void *block)
{
	memcpy(block, list, sizeof *list);
	*list = block;
}

static void *pop(void **list)
{
	void *block = *list;
	if (block != NULL)
		memcpy(list, block, sizeof *list);
	return block;
}

tulle_pool *tulle_pool_init(void *memory, size_t memory_bytes, size_t block_bytes, size_t blocks)
{
	size_t need = tulle_pool_memory_bytes(block_bytes, blocks);
	if (need == 0 || memory == NULL || memory_bytes < need)
		return NULL;
	tulle_pool *pool = memory;
	*pool = (tulle_pool){.block_bytes = block_bytes, .blocks = blocks};
	pool->memory = (uint8_t *)memory + HEAD_BYTES;
	pool->free = pool->fresh = blocks;
	return pool;
}

tulle_pool *tulle_pool_init_empty(void *memory, size_t block_bytes)
{
	_Static_assert(sizeof(tulle_pool) <= TULLE_POOL_EMPTY_BYTES, "the public bound");
	tulle_pool *pool = memory;
	*pool = (tulle_pool){.block_bytes = block_bytes};
	return pool;
}

size_t tulle_pool_block_bytes(const tulle_pool *pool)
{
	return pool->block_bytes;
}

size_t tulle_pool_blocks(const tulle_pool *pool)
{
	return pool->blocks;
}

size_t tulle_pool_free(const tulle_pool *pool)
{
	return pool->free;
}

void tulle_pool_check(const tulle_pool *pool)
{
	size_t listed = 0;
	for (void *b = pool->list; b != NULL; memcpy(&b, b, sizeof(void *)))
		TULLE_CHECK(++listed <= pool->blocks);
	TULLE_CHECK(listed + pool->fresh == pool->free);
	TULLE_CHECK(pool->free <= pool->blocks);
}

void tulle_pool_open(tulle_pool_account *account, tulle_pool *pool, void *reserve,
	size_t reserve_blocks, void *owner)
{
	*account = (tulle_pool_account){.pool = pool, .reserve = reserve, .owner = owner};
	account->reserve_blocks = account->reserve_free = reserve_blocks;
	for (size_t i = reserve_blocks; i > 0; i--)
		push(&account->reserve_list, account->reserve + (i - 1) * pool->block_bytes);
	pool->accounts++;
}

static void unlink_waiter(tulle_pool_account *account)
{
	tulle_pool *pool = account->pool;
	if (!account->linked)
		return;
	*(account->prev != NULL ? &account->prev->next : &pool->first) = account->next;
	*(account->next != NULL ? &account->next->prev : &pool->last) = account->prev;
	account->next = account->prev = NULL;
	account->linked = false;
}

void tulle_pool_close(tulle_pool_account *account)
{
	TULLE_CHECK(account->held == 0 && account->reserve_free == account->reserve_blocks);
	unlink_waiter(account);
	account->pool->accounts--;
}

void *tulle_pool_take_reserve(tulle_pool_account *account)
{
	void *block = pop(&account->reserve_list);
	if (block != NULL)
		account->reserve_free--;
	return block;
}

void *tulle_pool_take(tulle_pool_account *account, bool use_reserve)
{
	tulle_pool *pool = account->pool;
	void *block = pop(&pool->list);
	if (block == NULL && pool->fresh > 0)
		block = pool->memory + (pool->blocks - pool->fresh--) * pool->block_bytes;
	if (block != NULL) {
		pool->free--;
		account->held++;
		return block;
	}
	return use_reserve ? tulle_pool_take_reserve(account) : NULL;
}

static bool is_reserve(const tulle_pool_account *account, const void *block)
{
	uintptr_t base = (uintptr_t)account->reserve, at = (uintptr_t)block;
	return at >= base && at - base < account->reserve_blocks * account->pool->block_bytes;
}

void tulle_pool_give(tulle_pool_account *account, void *block)
{
	if (is_reserve(account, block)) {
		TULLE_CHECK(account->reserve_free < account->reserve_blocks);
		push(&account->reserve_list, block);
		account->reserve_free++;
		return;
	}
	TULLE_CHECK(account->held > 0);
	account->held--;
	account->pool->free++;
	push(&account->pool->list, block);
}

size_t tulle_pool_share(const tulle_pool_account *account)
{
	const tulle_pool *pool = account->pool;
	return account->reserve_free + pool->free / (pool->accounts != 0 ? pool->accounts : 1);
}

void tulle_pool_wait(tulle_pool_account *account)
{
	tulle_pool *pool = account->pool;
	if (account->linked)
		return;
	account->prev = pool->last;
	account->next = NULL;
	*(pool->last != NULL ? &pool->last->next : &pool->first) = account;
	pool->last = account;
	account->linked = true;
}

void *tulle_pool_next_waiter(tulle_pool *pool)
{
	tulle_pool_account *account = pool->first;
	if (account == NULL || pool->free == 0)
		return NULL;
	unlink_waiter(account);
	return account->owner;
}
