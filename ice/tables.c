/* SPDX-License-Identifier: MIT */
/* ice: the agent's tables. Each has its home in the agent's block: with an allocator of a few
 * slots, without one of all that there may be. What needs more is taken from the allocator, twice
 * as much each time, and goes back when all is concluded (RFC8445:8.3). Invariant: a table that is
 * not at home has more slots than its home. */
#include "ice/agent.h"

#include "base/panic.h"

#define ALIGN 16u

typedef struct {
	void *items;
	uint8_t slots;
} table;

static const uint8_t item_bytes[ICE_TABLES] = {[ICE_TABLE_PAIRS] = sizeof(ice_pair),
	[ICE_TABLE_LOCALS] = sizeof(ice_local),
	[ICE_TABLE_REMOTES] = sizeof(ice_remote),
	[ICE_TABLE_ANSWERS] = sizeof(ice_answer),
	[ICE_TABLE_EARLY] = sizeof(ice_early)};

static uint8_t least(unsigned a, unsigned b)
{
	return (uint8_t)(a < b ? a : b);
}

static uint8_t most_slots(const tulle_ice_config *c, ice_table t)
{
	const uint8_t most[ICE_TABLES] = {[ICE_TABLE_PAIRS] = (uint8_t)c->pairs_max,
		[ICE_TABLE_LOCALS] = (uint8_t)c->local_candidates_max,
		[ICE_TABLE_REMOTES] = (uint8_t)(c->remote_candidates_max + ICE_PRFLX_MAX),
		[ICE_TABLE_ANSWERS] = ICE_ANSWERS_MAX,
		[ICE_TABLE_EARLY] = ICE_EARLY_MAX};
	return most[t];
}

static uint8_t home_slots(const tulle_ice_config *c, ice_table t)
{
	static const uint8_t few[ICE_TABLES] = {[ICE_TABLE_PAIRS] = ICE_HOME_PAIRS,
		[ICE_TABLE_LOCALS] = ICE_HOME_LOCALS,
		[ICE_TABLE_REMOTES] = ICE_HOME_REMOTES,
		[ICE_TABLE_ANSWERS] = ICE_HOME_ANSWERS,
		[ICE_TABLE_EARLY] = ICE_HOME_EARLY};
	uint8_t most = most_slots(c, t);
	return c->allocator.alloc != NULL ? least(few[t], most) : most;
}

/* Where the table's home begins in the block; ICE_TABLES: where the last one ends. */
static size_t home_at(const tulle_ice_config *c, unsigned t)
{
	size_t at = sizeof(tulle_ice);
	for (unsigned i = 0; i < t; i++)
		at = (at + ALIGN - 1) / ALIGN * ALIGN +
		     (size_t)item_bytes[i] * home_slots(c, (ice_table)i);
	return (at + ALIGN - 1) / ALIGN * ALIGN;
}

size_t tulle_ice_block_bytes(const tulle_ice_config *config)
{
	return home_at(config, ICE_TABLES);
}

static void *home(tulle_ice *ice, ice_table t)
{
	return (uint8_t *)(void *)ice + home_at(&ice->config, t);
}

static table get(const tulle_ice *ice, ice_table t)
{
	switch (t) {
	case ICE_TABLE_PAIRS:
		return (table){ice->pairs, ice->pair_slots};
	case ICE_TABLE_LOCALS:
		return (table){ice->locals, ice->local_slots};
	case ICE_TABLE_REMOTES:
		return (table){ice->remotes, ice->remote_slots};
	case ICE_TABLE_ANSWERS:
		return (table){ice->answers, ice->answer_slots};
	case ICE_TABLE_EARLY:
	case ICE_TABLES:
		break;
	}
	return (table){ice->early, ice->early_slots};
}

static void set(tulle_ice *ice, ice_table t, table to)
{
	switch (t) {
	case ICE_TABLE_PAIRS:
		ice->pairs = to.items;
		ice->pair_slots = to.slots;
		break;
	case ICE_TABLE_LOCALS:
		ice->locals = to.items;
		ice->local_slots = to.slots;
		break;
	case ICE_TABLE_REMOTES:
		ice->remotes = to.items;
		ice->remote_slots = to.slots;
		break;
	case ICE_TABLE_ANSWERS:
		ice->answers = to.items;
		ice->answer_slots = to.slots;
		break;
	case ICE_TABLE_EARLY:
	case ICE_TABLES:
		ice->early = to.items;
		ice->early_slots = to.slots;
		break;
	}
}

void tulle_ice_make_tables(tulle_ice *ice)
{
	for (unsigned t = 0; t < ICE_TABLES; t++)
		set(ice, (ice_table)t,
			(table){home(ice, (ice_table)t), home_slots(&ice->config, (ice_table)t)});
	ice->release_at = TULLE_TIME_NEVER;
}

/* Nothing of it stays behind: ids of checks are secrets until they are answered. */
static void give(tulle_ice *ice, ice_table t, table of)
{
	size_t bytes = (size_t)item_bytes[t] * of.slots;
	tulle_crypto_wipe(of.items, bytes);
	if (of.items != home(ice, t))
		ice->config.allocator.free(ice->config.allocator.user, of.items, bytes);
}

/* What waits to be sent stands in a ring, which begins anew. */
static void copy(tulle_ice *ice, ice_table t, table to, table from)
{
	if (t != ICE_TABLE_ANSWERS) {
		memcpy(to.items, from.items, (size_t)item_bytes[t] * least(to.slots, from.slots));
		return;
	}
	ice_answer *answers = to.items;
	for (unsigned i = 0; i < ice->answer_count; i++)
		answers[i] = ice->answers[(ice->answer_first + i) % from.slots];
	ice->answer_first = 0;
}

/* What is in use lies in the slots that stay. */
static bool resize(tulle_ice *ice, ice_table t, uint8_t slots)
{
	table old = get(ice, t), new = {home(ice, t), slots};
	size_t bytes = (size_t)item_bytes[t] * slots;
	if (slots == old.slots)
		return true;
	if (slots > home_slots(&ice->config, t))
		new.items = ice->config.allocator.alloc(ice->config.allocator.user, bytes);
	if (new.items == NULL)
		return false;
	memset(new.items, 0, bytes);
	copy(ice, t, new, old);
	give(ice, t, old);
	set(ice, t, new);
	return true;
}

/* The step of the table that has room for so many. */
static uint8_t step_for(const tulle_ice *ice, ice_table t, size_t count)
{
	uint8_t slots = home_slots(&ice->config, t), most = most_slots(&ice->config, t);
	while (slots < count && slots < most)
		slots = least(slots * 2u, most);
	return slots;
}

static bool grow_to(tulle_ice *ice, ice_table t, uint8_t slots)
{
	if (!resize(ice, t, slots))
		return false;
	ice->release_at = ice->now + ICE_LEAVE_US;
	return true;
}

bool tulle_ice_grow(tulle_ice *ice, ice_table t)
{
	uint8_t now = get(ice, t).slots, most = most_slots(&ice->config, t);
	return now < most && grow_to(ice, t, least(now * 2u, most));
}

/* RFC8445:9: what the former one needed the next generation will need, beside it. */
bool tulle_ice_grow_for_restart(tulle_ice *ice)
{
	size_t bases = 0, remotes = (size_t)ice->signaled + ice->learnt;
	for (uint8_t i = 0; i < ice->local_slots; i++)
		bases += tulle_ice_is_base(ice, i);
	uint8_t pairs = step_for(ice, ICE_TABLE_PAIRS, bases * ice->signaled);
	uint8_t both = step_for(ice, ICE_TABLE_REMOTES, remotes + ice->signaled);
	return (pairs <= ice->pair_slots || grow_to(ice, ICE_TABLE_PAIRS, pairs)) &&
	       (both <= ice->remote_slots || grow_to(ice, ICE_TABLE_REMOTES, both));
}

void tulle_ice_free_tables(tulle_ice *ice)
{
	for (unsigned t = 0; t < ICE_TABLES; t++)
		give(ice, (ice_table)t, get(ice, (ice_table)t));
}

size_t tulle_ice_held_bytes(const tulle_ice *ice)
{
	size_t bytes = tulle_ice_block_bytes(&ice->config);
	for (unsigned t = 0; t < ICE_TABLES; t++) {
		uint8_t slots = get(ice, (ice_table)t).slots;
		if (slots > home_slots(&ice->config, (ice_table)t))
			bytes += (size_t)item_bytes[t] * slots;
	}
	return bytes;
}

static bool is_under_way(const tulle_ice *ice, const ice_pair *p)
{
	return p->trigger != 0 || p->state == ICE_IN_PROGRESS || p->nominate ||
	       p->remote_nominates ||
	       (p->state < ICE_IN_PROGRESS && tulle_ice_is_promising(ice, p));
}

/* Nothing is on its way any more, nor asked or answered. */
static bool is_quiet(const tulle_ice *ice)
{
	if (!tulle_ice_is_settled(ice) || ice->restarting || ice->expecting ||
		tulle_ice_former_carries(ice) || ice->answer_count != 0 || ice->early_count != 0)
		return false;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && is_under_way(ice, &ice->pairs[i]))
			return false;
	return true;
}

tulle_time tulle_ice_release_timeout(const tulle_ice *ice)
{
	return ice->release_at != TULLE_TIME_NEVER && is_quiet(ice) ? ice->release_at
								    : TULLE_TIME_NEVER;
}

/* Of those from `from` on that work or were heard of the best; ICE_NONE: there is none. */
static uint8_t find_worthy(const tulle_ice *ice, uint8_t from)
{
	uint8_t best = ICE_NONE;
	for (uint8_t i = from; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used || (!p->valid && !p->heard))
			continue;
		const ice_pair *b = &ice->pairs[best == ICE_NONE ? i : best];
		if (best == ICE_NONE || p->valid > b->valid ||
			(p->valid == b->valid && p->priority > b->priority))
			best = i;
	}
	return best;
}

static void swap_pairs(tulle_ice *ice, uint8_t a, uint8_t b)
{
	ice_pair p = ice->pairs[a];
	ice->pairs[a] = ice->pairs[b];
	ice->pairs[b] = p;
}

/* The pair that carries data, and the best others: what is gone can be made again of the
 * candidates. */
static void prune_pairs(tulle_ice *ice)
{
	uint8_t kept = 1, most = home_slots(&ice->config, ICE_TABLE_PAIRS), worthy;
	if (ice->pair_slots == most)
		return;
	swap_pairs(ice, 0, ice->data);
	ice->data = ice->selected = 0;
	for (; kept < most && (worthy = find_worthy(ice, kept)) != ICE_NONE; kept++)
		swap_pairs(ice, kept, worthy);
	for (uint8_t i = kept; i < ice->pair_slots; i++)
		ice->pairs[i] = (ice_pair){0};
	ice->pruned = true;
	(void)resize(ice, ICE_TABLE_PAIRS, most);
}

/* Who was signaled is not signaled again; who was learnt from checks is learnt again. */
static void prune_remotes(tulle_ice *ice)
{
	uint8_t kept = 0;
	tulle_ice_forget_unpaired(ice);
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		if (!ice->remotes[i].used)
			continue;
		if (i != kept) {
			ice->remotes[kept] = ice->remotes[i];
			ice->remotes[i] = (ice_remote){0};
		}
		for (uint8_t k = 0; k < ice->pair_slots; k++)
			if (ice->pairs[k].used && ice->pairs[k].remote == i)
				ice->pairs[k].remote = kept;
		kept++;
	}
	uint8_t slots = step_for(ice, ICE_TABLE_REMOTES, kept);
	if (slots < ice->remote_slots)
		(void)resize(ice, ICE_TABLE_REMOTES, slots);
}

void tulle_ice_release_tables(tulle_ice *ice)
{
	if (!tulle_time_due(tulle_ice_release_timeout(ice), ice->now))
		return;
	ice->release_at = TULLE_TIME_NEVER;
	prune_pairs(ice);
	prune_remotes(ice);
	(void)resize(ice, ICE_TABLE_ANSWERS, home_slots(&ice->config, ICE_TABLE_ANSWERS));
	(void)resize(ice, ICE_TABLE_EARLY, home_slots(&ice->config, ICE_TABLE_EARLY));
}

void tulle_ice_check_tables(const tulle_ice *ice)
{
	for (unsigned t = 0; t < ICE_TABLES; t++) {
		uint8_t slots = get(ice, (ice_table)t).slots;
		TULLE_CHECK(slots >= home_slots(&ice->config, (ice_table)t));
		TULLE_CHECK(slots <= most_slots(&ice->config, (ice_table)t));
	}
	TULLE_CHECK(!ice->pruned || ice->selected != ICE_NONE);
}
