/* SPDX-License-Identifier: MIT */
/* ice: the checklist: RFC8445:6.1.2, RFC8838:12. Invariant: one pair for each pair of slots, its
 * priority that of its candidates and our role. */
#include "ice/agent.h"

/* The local end with its scope, which also serves a remote link-local address. */
tulle_path tulle_ice_path_to(const tulle_ice *ice, uint8_t local, const tulle_addr *remote)
{
	const ice_local *l = &ice->locals[local];
	tulle_path path = {.id = l->id, .local = l->addr, .remote = *remote};
	if (tulle_addr_classify(remote) == TULLE_ADDR_LINK_LOCAL)
		path.remote.scope = l->addr.scope;
	return path;
}

tulle_path tulle_ice_pair_path(const tulle_ice *ice, const ice_pair *p)
{
	return tulle_ice_path_to(ice, p->local, &ice->remotes[p->remote].addr);
}

/* RFC8445:6.1.2.3: 2^32 x MIN(G,D) + 2 x MAX(G,D) + (G > D), G of the controlling side */
uint64_t tulle_ice_pair_priority(const tulle_ice *ice, const ice_pair *p)
{
	uint64_t ours = ice->locals[p->local].priority, theirs = ice->remotes[p->remote].priority;
	uint64_t g = ice->controlling ? ours : theirs, d = ice->controlling ? theirs : ours;
	return ((g < d ? g : d) << 32) + 2 * (g < d ? d : g) + (g > d ? 1 : 0);
}

void tulle_ice_sort_pairs(tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used)
			ice->pairs[i].priority = tulle_ice_pair_priority(ice, &ice->pairs[i]);
}

uint8_t tulle_ice_find_pair(const tulle_ice *ice, uint8_t local, uint8_t remote)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].local == local &&
			ice->pairs[i].remote == remote)
			return i;
	return ICE_NONE;
}

static bool is_like(const tulle_ice *ice, const ice_pair *a, const ice_pair *b)
{
	return ice->locals[a->local].foundation == ice->locals[b->local].foundation &&
	       ice->remotes[a->remote].foundation == ice->remotes[b->remote].foundation;
}

static bool has_like(const tulle_ice *ice, const ice_pair *p, ice_pair_state a, ice_pair_state b)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *q = &ice->pairs[i];
		if (q->used && q != p && (q->state == a || q->state == b) && is_like(ice, p, q))
			return true;
	}
	return false;
}

/* RFC8838:12: Waiting when the foundation is new or has succeeded, else Frozen. */
static ice_pair_state first_state(const tulle_ice *ice, const ice_pair *p)
{
	if (has_like(ice, p, ICE_SUCCEEDED, ICE_SUCCEEDED))
		return ICE_WAITING;
	return has_like(ice, p, ICE_WAITING, ICE_IN_PROGRESS) ? ICE_FROZEN : ICE_WAITING;
}

/* RFC8445:6.1.2.5, RFC8838:12: when full, the lowest that nobody waits for makes room. */
static uint8_t find_room(tulle_ice *ice, uint64_t priority)
{
	uint8_t lowest = ICE_NONE;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used)
			return i;
		if (p->valid || p->trigger != 0 || p->state == ICE_IN_PROGRESS ||
			p->priority >= priority)
			continue;
		if (lowest == ICE_NONE || p->priority < ice->pairs[lowest].priority)
			lowest = i;
	}
	uint8_t slots = ice->pair_slots;
	return tulle_ice_grow(ice, ICE_TABLE_PAIRS) ? slots : lowest;
}

uint8_t tulle_ice_add_pair(tulle_ice *ice, uint8_t local, uint8_t remote)
{
	ice_pair p = {.local = local, .remote = remote, .used = true};
	p.priority = tulle_ice_pair_priority(ice, &p);
	uint8_t slot = find_room(ice, p.priority);
	if (slot == ICE_NONE)
		return ICE_NONE;
	ice->pairs[slot].used = false;
	p.state = first_state(ice, &p);
	ice->pairs[slot] = p;
	return slot;
}

static bool has_class(const tulle_addr *a, tulle_addr_class class)
{
	return tulle_addr_classify(a) == class;
}

/* RFC8445:6.1.2.2: one family; a link-local IPv6 address only with another. A loopback address
 * reaches nothing but another, so no check is wasted on the mix. */
static bool is_pairable(const tulle_addr *a, const tulle_addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == 6 &&
		has_class(a, TULLE_ADDR_LINK_LOCAL) != has_class(b, TULLE_ADDR_LINK_LOCAL))
		return false;
	return has_class(a, TULLE_ADDR_LOOPBACK) == has_class(b, TULLE_ADDR_LOOPBACK);
}

static bool pair_up(tulle_ice *ice, uint8_t local, uint8_t remote)
{
	const ice_remote *r = &ice->remotes[remote];
	if (ice->config.lite) /* RFC8445:6.1.2: it has no checklist */
		return true;
	if (ice->pruned && !tulle_ice_is_better(ice, local, r->type))
		return true;
	if (r->hidden && ice->locals[local].type == TULLE_ICE_RELAY)
		return true; /* mdns-ice draft, 3.3.2: its server would hear the address */
	if (r->tcp != tulle_ice_other_end(ice, local)) /* RFC6544:6.2 */
		return true;
	/* RFC8445:7.3.1.3: a learnt candidate is paired only with where it was learnt. */
	if (!is_pairable(&ice->locals[local].addr, &r->addr) || r->type == TULLE_ICE_PRFLX ||
		tulle_ice_find_pair(ice, local, remote) != ICE_NONE)
		return true;
	if (tulle_ice_add_pair(ice, local, remote) != ICE_NONE)
		return true;
	ice->drops[TULLE_DROP_LIMIT]++;
	return false;
}

void tulle_ice_pair_local(tulle_ice *ice, uint8_t local)
{
	for (uint8_t i = 0; ice->has_remote && i < ice->remote_slots; i++)
		if (ice->remotes[i].used && !ice->remotes[i].next)
			(void)pair_up(ice, local, i);
}

bool tulle_ice_pair_remote(tulle_ice *ice, uint8_t remote)
{
	bool ok = true;
	for (uint8_t i = 0; ice->has_remote && i < ice->local_slots; i++)
		if (tulle_ice_is_base(ice, i))
			ok = pair_up(ice, i, remote) && ok;
	return ok;
}

/* What was concluded is not any more: all that may be checked is a pair again. */
void tulle_ice_restore_pairs(tulle_ice *ice)
{
	ice->pruned = false;
	for (uint8_t i = 0; i < ice->remote_slots; i++)
		if (ice->remotes[i].used && !ice->remotes[i].next)
			(void)tulle_ice_pair_remote(ice, i);
}

/* RFC8445:7.2.5.3.3 */
void tulle_ice_unfreeze(tulle_ice *ice, const ice_pair *like)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		ice_pair *p = &ice->pairs[i];
		if (p->used && p->state == ICE_FROZEN && is_like(ice, p, like))
			p->state = ICE_WAITING;
	}
}

/* What a packet has to put up with there: a relay, or a stream that holds it back when one before
 * it is lost. */
static int burden_of(const tulle_ice *ice, uint8_t local, tulle_ice_type remote)
{
	bool relayed = ice->locals[local].type == TULLE_ICE_RELAY || remote == TULLE_ICE_RELAY;
	return relayed ? 2 : ice->locals[local].tcp != 0 ? 1 : 0;
}

/* Without a relay, or without a stream, while the nominated pair has one: worth another nomination.
 */
bool tulle_ice_is_better(const tulle_ice *ice, uint8_t local, tulle_ice_type remote)
{
	if (ice->selected == ICE_NONE || ice->config.no_renomination)
		return false;
	const ice_pair *now = &ice->pairs[ice->selected];
	return burden_of(ice, local, remote) <
	       burden_of(ice, now->local, ice->remotes[now->remote].type);
}

bool tulle_ice_is_promising(const tulle_ice *ice, const ice_pair *p)
{
	return tulle_ice_is_better(ice, p->local, ice->remotes[p->remote].type);
}

/* RFC8445:6.1.4.2: the highest Waiting; none: the highest Frozen that no like one holds back. */
uint8_t tulle_ice_next_ordinary(const tulle_ice *ice)
{
	uint8_t waiting = ICE_NONE, frozen = ICE_NONE;
	bool concluded = ice->selected != ICE_NONE && !tulle_ice_is_silent(ice, &ice->consent);
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used || p->trigger != 0)
			continue;
		/* RFC8445:8.1.2: concluded */
		if ((concluded && !tulle_ice_is_promising(ice, p)) || !tulle_ice_may_open(ice, p))
			continue;
		if (p->state == ICE_WAITING &&
			(waiting == ICE_NONE || p->priority > ice->pairs[waiting].priority))
			waiting = i;
		if (p->state == ICE_FROZEN &&
			(frozen == ICE_NONE || p->priority > ice->pairs[frozen].priority) &&
			!has_like(ice, p, ICE_WAITING, ICE_IN_PROGRESS))
			frozen = i;
	}
	return waiting != ICE_NONE ? waiting : frozen;
}

bool tulle_ice_has_active_pair(const tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].state != ICE_SUCCEEDED &&
			ice->pairs[i].state != ICE_FAILED)
			return true;
	return false;
}

bool tulle_ice_read_pair(const tulle_ice *ice, size_t index, tulle_ice_pair_stats *out)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used || index-- != 0)
			continue;
		*out = (tulle_ice_pair_stats){.state = p->state,
			.valid = p->valid,
			.nominated = p->nominated,
			.heard = p->heard,
			.data = i == ice->data,
			.priority = p->priority,
			.rtt = p->rtt,
			.checks_sent = p->sent,
			.checks_answered = p->answers,
			.timed_out = p->timed_out,
			.refused = (tulle_drop)p->refused,
			.code = p->code,
			.local_type = (tulle_ice_type)ice->locals[p->local].type,
			.remote_type = ice->remotes[p->remote].type,
			.local_hidden = ice->locals[p->local].name.len != 0,
			.remote_hidden = ice->remotes[p->remote].hidden ||
					 ice->remotes[p->remote].type == TULLE_ICE_PRFLX,
			.tcp = ice->locals[p->local].tcp != 0,
			.path = tulle_ice_pair_path(ice, p)};
		return true;
	}
	return false;
}
