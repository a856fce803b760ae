/* SPDX-License-Identifier: MIT */
/* ice: the remote's candidates, as signaled (RFC8838:11) or learnt (RFC8445:7.3.1.3). Invariant: no
 * two have one address, and what the filter refuses never becomes one. */
#include "ice/agent.h"
#include "ice/ice.h"

#include "base/panic.h"

/* An address as candidates and pairs know it: no mapped form, no scope (the path has it). */
tulle_addr tulle_ice_normal_addr(const tulle_addr *addr)
{
	tulle_addr a = tulle_addr_unmap(addr);
	a.scope = 0;
	return a;
}

/* RFC8445:19 and practice: where no check shall ever go, whoever asks for it. */
bool tulle_ice_is_allowed(const tulle_ice *ice, const tulle_addr *remote)
{
	tulle_addr_class class = tulle_addr_classify(remote);
	if (remote->port == 0 || class == TULLE_ADDR_MULTICAST || class == TULLE_ADDR_UNSPECIFIED)
		return false;
	if (ice->config.candidate_filter != NULL)
		return ice->config.candidate_filter(ice->config.filter_user, remote);
	return class != TULLE_ADDR_RESERVED &&
	       (class != TULLE_ADDR_LOOPBACK || ice->config.loopback);
}

/* No further than the last one: most agents have few, and each datagram asks. */
uint8_t tulle_ice_find_remote(const tulle_ice *ice, uint8_t tcp, const tulle_addr *addr)
{
	unsigned left = (unsigned)ice->signaled + ice->learnt;
	for (uint8_t i = 0; i < ice->remote_slots && left != 0; i++) {
		const ice_remote *r = &ice->remotes[i];
		if (r->used && !r->next && r->tcp == tcp && tulle_addr_is(&r->addr, addr))
			return i;
		left -= r->used;
	}
	return ICE_NONE;
}

static uint8_t find_next(const tulle_ice *ice, uint8_t tcp, const tulle_addr *addr)
{
	for (uint8_t i = 0; i < ice->remote_slots; i++)
		if (ice->remotes[i].used && ice->remotes[i].next && ice->remotes[i].tcp == tcp &&
			tulle_addr_is(&ice->remotes[i].addr, addr))
			return i;
	return ICE_NONE;
}

static uint8_t free_remote(tulle_ice *ice)
{
	uint8_t slots = ice->remote_slots;
	for (uint8_t i = 0; i < slots; i++)
		if (!ice->remotes[i].used)
			return i;
	return tulle_ice_grow(ice, ICE_TABLE_REMOTES) ? slots : ICE_NONE;
}

static void remove_remote(tulle_ice *ice, uint8_t slot)
{
	ice_remote *r = &ice->remotes[slot];
	if (r->type == TULLE_ICE_PRFLX)
		ice->learnt--;
	else
		ice->signaled--;
	r->used = false;
}

/* Only pairs that nobody waits for; of a generation that ends, all but the one with data. */
static bool is_dispensable(const tulle_ice *ice, uint8_t slot, bool ends)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used || p->remote != slot)
			continue;
		if (i == ice->data || (!ends && (p->valid || p->heard || p->trigger != 0 ||
							p->state == ICE_IN_PROGRESS)))
			return false;
	}
	return true;
}

static void dispense(tulle_ice *ice, uint8_t slot)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].remote == slot)
			ice->pairs[i].used = false;
	remove_remote(ice, slot);
	ice->drops[TULLE_DROP_LIMIT]++;
}

/* Those of the generation that ends are below all of the next. */
static uint64_t rank(uint32_t priority, bool next)
{
	return (uint64_t)next << 32 | priority;
}

/* A slot for a candidate. When there are too many the lowest is refused, be it the new one or one
 * that nothing has come of. */
static uint8_t find_room(tulle_ice *ice, uint32_t priority, bool next)
{
	uint8_t lowest = ICE_NONE;
	uint64_t least = rank(priority, next);
	if (ice->signaled < ice->config.remote_candidates_max) {
		lowest = free_remote(ice);
		if (lowest != ICE_NONE)
			return lowest;
	}
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		const ice_remote *r = &ice->remotes[i];
		if (!r->used || r->type == TULLE_ICE_PRFLX || (r->next && !next) ||
			rank(r->priority, r->next) >= least ||
			!is_dispensable(ice, i, next && !r->next))
			continue;
		lowest = i;
		least = rank(r->priority, r->next);
	}
	if (lowest != ICE_NONE)
		dispense(ice, lowest);
	return lowest;
}

/* Equality is all that we want of a text; 0 is for none. */
uint32_t tulle_ice_hash_text(tulle_text t)
{
	uint32_t h = tulle_crypto_crc32((tulle_bytes){(const uint8_t *)t.ptr, t.len});
	return h != 0 ? h : 1;
}

#define SIGNALED 0x80000000u /* in a foundation: learnt ones have none */

/* Whether two are equal is all that a foundation tells. */
static uint32_t remote_foundation(tulle_text text)
{
	return tulle_ice_hash_text(text) | SIGNALED;
}

static bool is_of_next(const tulle_ice *ice, tulle_text ufrag)
{
	return ice->has_remote && (ice->restarting || ice->expecting) && ufrag.len != 0 &&
	       !tulle_text_is(ufrag, tulle_ice_remote_ufrag(ice));
}

tulle_text tulle_ice_remote_ufrag(const tulle_ice *ice)
{
	return (tulle_text){ice->keys.ufrag, ice->keys.ufrag_len};
}

bool tulle_ice_is_past(const tulle_ice *ice, tulle_text ufrag)
{
	return ice->has_remote && ufrag.len != 0 && !is_of_next(ice, ufrag) &&
	       !tulle_text_is(ufrag, tulle_ice_remote_ufrag(ice));
}

/* RFC8838:13: of the description with this ufrag. Before we know the remote's it may turn out to be
 * of one that was taken back. */
static tulle_drop take_end(tulle_ice *ice, tulle_text ufrag)
{
	uint32_t whose = ufrag.len != 0 ? tulle_ice_hash_text(ufrag) : 0;
	if (tulle_ice_is_past(ice, ufrag))
		return TULLE_DROP_ICE_GENERATION;
	if (!ice->has_remote || is_of_next(ice, ufrag))
		ice->next_ended = whose;
	if (!is_of_next(ice, ufrag))
		ice->remote_ended = true;
	return TULLE_TAKEN;
}

/* RFC8838:14: nothing of this generation comes behind the end */
static bool has_ended(const tulle_ice *ice, tulle_text ufrag)
{
	bool named = ufrag.len != 0 && ice->next_ended == tulle_ice_hash_text(ufrag);
	if (is_of_next(ice, ufrag))
		return named;
	return ice->remote_ended &&
	       (ice->has_remote || ufrag.len == 0 || ice->next_ended == 0 || named);
}

/* RFC6544:6.2: their streams come or they do not, a pair with a passive one of ours would be
 * pruned; so is none of a kind that we have not. */
static bool is_passed_over(const tulle_ice_candidate *c)
{
	return c->tcp == TULLE_ICE_TCP_ACTIVE || c->tcp == TULLE_ICE_TCP_SO;
}

static tulle_drop judge(const tulle_ice *ice, const tulle_ice_candidate *c, const tulle_addr *addr)
{
	/* RFC8839:5.1; RFC6544:4.5: TCP needs a tcptype. What is peer-reflexive is learnt from
	 * checks alone: RFC8445:7.3.1.3 */
	if (c->type == 0 || c->type == TULLE_ICE_PRFLX || (!c->is_address && !is_passed_over(c)) ||
		(!c->is_udp && (c->tcp == 0 || !ice->config.tcp)))
		return TULLE_DROP_ICE_UNSUPPORTED;
	if (has_ended(ice, c->ufrag) || tulle_ice_is_past(ice, c->ufrag))
		return TULLE_DROP_ICE_GENERATION;
	if (is_passed_over(c) || tulle_ice_is_allowed(ice, addr))
		return TULLE_TAKEN;
	return TULLE_DROP_ICE_FILTERED;
}

/* RFC8838:11: what we learnt from a check may be signaled later: it then gets its real type. */
static void merge(tulle_ice *ice, uint8_t slot, const tulle_ice_candidate *c, bool hidden)
{
	ice_remote *r = &ice->remotes[slot];
	if (r->type != TULLE_ICE_PRFLX)
		return;
	r->type = c->type;
	r->hidden = hidden;
	r->priority = c->priority;
	r->foundation = remote_foundation(c->foundation);
	ice->learnt--;
	ice->signaled++;
	tulle_ice_sort_pairs(ice);
	tulle_ice_reconsider(ice);
}

static tulle_drop take_candidate(tulle_ice *ice, const tulle_ice_candidate *c, bool hidden)
{
	tulle_addr addr = tulle_ice_normal_addr(&c->addr);
	bool next = is_of_next(ice, c->ufrag);
	tulle_drop drop = judge(ice, c, &addr);
	if (drop != TULLE_TAKEN || is_passed_over(c))
		return drop;
	uint8_t tcp = (uint8_t)c->tcp;
	uint8_t slot = next ? find_next(ice, tcp, &addr) : tulle_ice_find_remote(ice, tcp, &addr);
	if (slot != ICE_NONE) { /* RFC8838:11: duplicates are ignored */
		/* The one that came before may be of an offer that lost to ours. */
		if (next)
			ice->remotes[slot].ufrag = tulle_ice_hash_text(c->ufrag);
		merge(ice, slot, c, hidden);
		return TULLE_TAKEN;
	}
	slot = find_room(ice, c->priority, next);
	if (slot == ICE_NONE)
		return TULLE_DROP_LIMIT;
	ice->remotes[slot] = (ice_remote){.addr = addr,
		.priority = c->priority,
		.foundation = remote_foundation(c->foundation),
		.ufrag = c->ufrag.len != 0 ? tulle_ice_hash_text(c->ufrag) : 0,
		.type = c->type,
		.tcp = tcp,
		.used = true,
		.hidden = hidden,
		.next = next};
	ice->signaled++;
	if (next)
		return TULLE_TAKEN;
	ice->last_activity = ice->now;
	return tulle_ice_pair_remote(ice, slot) ? TULLE_TAKEN : TULLE_DROP_LIMIT;
}

bool tulle_ice_is_end(tulle_text text)
{
	return text.len == 0 || tulle_text_is(text, TULLE_TEXT("end-of-candidates")) ||
	       tulle_text_is(text, TULLE_TEXT("a=end-of-candidates"));
}

TULLE_UNTRUSTED(anyone, "1024 bytes; 64 candidates, 100 pairs", candidate)
tulle_drop tulle_ice_add_remote_of(
	tulle_ice *ice, tulle_time now, tulle_text text, tulle_text ufrag)
{
	tulle_ice_candidate c;
	tulle_drop drop = TULLE_TAKEN;
	ice->now = tulle_time_max(ice->now, now);
	if (tulle_ice_is_end(text)) {
		drop = take_end(ice, ufrag);
	} else {
		drop = tulle_ice_read_candidate(text, &c);
		if (drop == TULLE_TAKEN && c.ufrag.len == 0)
			c.ufrag = ufrag;
		if (drop == TULLE_TAKEN && c.component == 1)
			drop = take_candidate(ice, &c, false);
	}
	ice->drops[drop]++;
	tulle_ice_update_state(ice);
	return drop;
}

tulle_drop tulle_ice_add_resolved(
	tulle_ice *ice, tulle_time now, tulle_text text, tulle_text ufrag, const tulle_addr *addr)
{
	tulle_ice_candidate c;
	ice->now = tulle_time_max(ice->now, now);
	tulle_drop drop = tulle_ice_read_candidate(text, &c);
	if (drop == TULLE_TAKEN && c.component == 1) {
		uint16_t port = c.addr.port;
		c.addr = *addr;
		c.addr.port = port;
		c.is_address = true;
		c.ufrag = c.ufrag.len != 0 ? c.ufrag : ufrag;
		drop = take_candidate(ice, &c, true);
	}
	ice->drops[drop]++;
	tulle_ice_update_state(ice);
	return drop;
}

tulle_drop tulle_ice_add_remote(tulle_ice *ice, tulle_time now, tulle_text text)
{
	return tulle_ice_add_remote_of(ice, now, text, (tulle_text){"", 0});
}

/* next: those of the next generation; else all of this one, and the next is this one. */
void tulle_ice_drop_remotes(tulle_ice *ice, bool next)
{
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		ice_remote *r = &ice->remotes[i];
		if (r->used && r->next == next)
			remove_remote(ice, i);
		r->next = false;
	}
}

/* Those that came before we knew the remote's ufrag: RFC8838:11. */
void tulle_ice_drop_other_generations(tulle_ice *ice)
{
	uint32_t now = tulle_ice_hash_text(tulle_ice_remote_ufrag(ice));
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		const ice_remote *r = &ice->remotes[i];
		if (!r->used || r->ufrag == 0 || r->ufrag == now)
			continue;
		remove_remote(ice, i);
		ice->drops[TULLE_DROP_ICE_GENERATION]++;
	}
}

/* The remote has moved on from it, and it never worked or does not any more. Now and then at most:
 * two NATs that map each check anew and let all in would play the game for ever. */
static void forget_learnt(tulle_ice *ice)
{
	if (ice->now < ice->next_forget)
		return;
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		bool waits = false;
		if (!ice->remotes[i].used || ice->remotes[i].type != TULLE_ICE_PRFLX)
			continue;
		for (uint8_t k = 0; k < ice->pair_slots; k++) {
			const ice_pair *p = &ice->pairs[k];
			waits = waits || (p->used && p->remote == i &&
						 (k == ice->data || p->trigger != 0 ||
							 p->state == ICE_IN_PROGRESS));
		}
		if (!waits) {
			dispense(ice, i);
			ice->next_forget = ice->now + ICE_FORGET_US;
			return;
		}
	}
}

/* Those that were learnt, of which no pair is left. */
void tulle_ice_forget_unpaired(tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		bool paired = false;
		for (uint8_t k = 0; k < ice->pair_slots; k++)
			paired = paired || (ice->pairs[k].used && ice->pairs[k].remote == i);
		if (ice->remotes[i].used && ice->remotes[i].type == TULLE_ICE_PRFLX && !paired)
			remove_remote(ice, i);
	}
}

/* RFC8445:7.3.1.3: type peer-reflexive, the request's priority, a foundation of its own. */
uint8_t tulle_ice_learn_remote(
	tulle_ice *ice, uint8_t tcp, const tulle_addr *addr, uint32_t priority)
{
	if (ice->learnt == ICE_PRFLX_MAX)
		forget_learnt(ice);
	uint8_t slot = free_remote(ice);
	if (slot == ICE_NONE || ice->learnt == ICE_PRFLX_MAX)
		return ICE_NONE;
	ice->remotes[slot] = (ice_remote){.addr = *addr,
		.priority = priority,
		.foundation = ++ice->next_learnt & ~SIGNALED,
		.type = TULLE_ICE_PRFLX,
		.tcp = tcp,
		.used = true};
	ice->learnt++;
	return slot;
}

/* What was learnt may hide behind a name that is still asked for: mdns-ice draft, 3.3.2. */
bool tulle_ice_next_remote(const tulle_ice *ice, size_t *cursor, tulle_addr *out)
{
	while (*cursor < ice->remote_slots) {
		const ice_remote *r = &ice->remotes[(*cursor)++];
		if (!r->used || r->hidden || r->type == TULLE_ICE_PRFLX || r->tcp != 0)
			continue;
		*out = r->addr;
		return true;
	}
	return false;
}
