/* SPDX-License-Identifier: MIT */
/* ice: our candidates: of the paths that the host has, and what servers bring (RFC8445:5.1).
 * Invariant: no two bases have one path, no two local candidates one local preference. */
#include "ice/agent.h"
#include "ice/ice.h"

#include "base/panic.h"

/* RFC8445:5.1.2.2; a relay's by the way to its server. */
#define TYPE_HOST 126u
#define TYPE_SRFLX 100u
#define TYPE_RELAY 2u
#define TYPE_HOST_TCP 90u /* RFC6544:4.2: below all of UDP that has no relay */

bool tulle_ice_is_base(const tulle_ice *ice, uint8_t local)
{
	return ice->locals[local].used && ice->locals[local].type != TULLE_ICE_SRFLX;
}

uint8_t tulle_ice_find_local(const tulle_ice *ice, uint32_t id)
{
	for (uint8_t i = 0; i < ice->local_slots; i++)
		if (tulle_ice_is_base(ice, i) && ice->locals[i].id == id)
			return i;
	return ICE_NONE;
}

static uint8_t free_local(tulle_ice *ice)
{
	uint8_t slots = ice->local_slots;
	for (uint8_t i = 0; i < slots; i++)
		if (!ice->locals[i].used)
			return i;
	return tulle_ice_grow(ice, ICE_TABLE_LOCALS) ? slots : ICE_NONE;
}

static unsigned count_paths(const tulle_ice *ice, bool tcp)
{
	unsigned n = 0;
	for (uint8_t i = 0; i < ice->local_slots; i++)
		n += ice->locals[i].used && ice->locals[i].type == TULLE_ICE_HOST &&
		     (ice->locals[i].tcp != 0) == tcp;
	return n;
}

static bool has_preference(const tulle_ice *ice, unsigned preference)
{
	for (uint8_t i = 0; i < ice->local_slots; i++)
		if (ice->locals[i].used && ice->locals[i].preference == preference)
			return true;
	return false;
}

/* RFC8421:4: families take turns, IPv6 first; RFC8445:5.1.2.1: no two are equal. Addresses that
 * reach less far come behind. So does a relay, because what the remote learns from our checks has
 * the preference alone (RFC8445:7.1.1). */
static uint16_t choose_preference(const tulle_ice *ice, const ice_local *l)
{
	tulle_addr_class class = tulle_addr_classify(&l->addr);
	unsigned best = class == TULLE_ADDR_LOOPBACK     ? 0x3fff
			: l->type == TULLE_ICE_RELAY     ? 0x5fff
			: class == TULLE_ADDR_LINK_LOCAL ? 0x7fff
							 : 0xffff;
	if (l->tcp != 0) /* RFC6544:4.2: 2^13 x 6 or 4, and the rest */
		best = (l->tcp == TULLE_ICE_TCP_ACTIVE ? 6u : 4u) << 13 | best >> 3;
	if (l->addr.family == 4)
		best--;
	while (has_preference(ice, best)) /* at most ICE_LOCAL_MAX times */
		best -= 2;
	return (uint16_t)best;
}

/* A relay is its own base, the base of the others has the path. */
static const tulle_addr *base_of(const tulle_ice *ice, const ice_local *l)
{
	if (l->type != TULLE_ICE_SRFLX)
		return &l->addr;
	return &ice->locals[tulle_ice_find_local(ice, l->id)].addr;
}

/* RFC8445:5.1.1.3: one foundation for one type, base address (whatever its port), transport, server
 * and way to it. */
static uint32_t choose_foundation(tulle_ice *ice, const ice_local *l)
{
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		const ice_local *o = &ice->locals[i];
		if (o->used && o->type == l->type && o->server == l->server && o->over == l->over &&
			(o->tcp != 0) == (l->tcp != 0) &&
			tulle_addr_is_ip(base_of(ice, o), base_of(ice, l)))
			return o->foundation;
	}
	return ++ice->next_foundation;
}

static bool is_usable(const tulle_addr *addr)
{
	tulle_addr_class class = tulle_addr_classify(addr);
	return tulle_addr_ip_bytes(addr) != 0 && addr->port != 0 && class != TULLE_ADDR_MULTICAST &&
	       class != TULLE_ADDR_UNSPECIFIED;
}

/* RFC8445:5.1.1.1: loopback must not be a candidate (our tests ask for it), nor the forms of IPv6
 * that are no more; relay_only has neither host nor server-reflexive ones. */
static bool is_wanted(const tulle_ice *ice, const tulle_addr *addr, tulle_ice_type type)
{
	tulle_addr_class class = tulle_addr_classify(addr);
	return (!ice->config.relay_only || type == TULLE_ICE_RELAY) &&
	       class != TULLE_ADDR_RESERVED &&
	       (class != TULLE_ADDR_LOOPBACK || ice->config.loopback);
}

static tulle_err add_local(tulle_ice *ice, const ice_local *local)
{
	static const uint8_t types[] = {[TULLE_ICE_HOST] = TYPE_HOST,
		[TULLE_ICE_SRFLX] = TYPE_SRFLX,
		[TULLE_ICE_RELAY] = TYPE_RELAY};
	uint8_t slot = free_local(ice);
	if (slot == ICE_NONE)
		return TULLE_ERR_LIMIT;
	ice_local l = *local;
	l.foundation = choose_foundation(ice, &l);
	l.preference = choose_preference(ice, &l);
	unsigned type = l.tcp != 0 ? TYPE_HOST_TCP : (unsigned)types[l.type] - l.over;
	/* RFC8445:5.1.2.1, component 1 */
	l.priority = (uint32_t)type << 24 | (uint32_t)l.preference << 8 | 255u;
	l.serial = ice->next_serial++;
	l.used = l.untold = true;
	ice->locals[slot] = l;
	ice->last_activity = ice->now;
	if (l.type != TULLE_ICE_SRFLX) /* RFC8445:6.1.2.4: its base is paired already */
		tulle_ice_pair_local(ice, slot);
	tulle_ice_update_state(ice);
	return TULLE_OK;
}

static tulle_err add_host(tulle_ice *ice, const ice_local *l)
{
	if (!is_usable(&l->addr))
		return TULLE_ERR_ARGUMENT;
	if (tulle_ice_find_local(ice, l->id) != ICE_NONE)
		return TULLE_ERR_STATE;
	if (!is_wanted(ice, &l->addr, TULLE_ICE_HOST) || (l->tcp != 0 && !ice->config.tcp))
		return TULLE_OK;
	/* RFC6544:4.4: a lite agent opens nothing */
	if (l->tcp == TULLE_ICE_TCP_ACTIVE && ice->config.lite)
		return TULLE_OK;
	if (count_paths(ice, l->tcp != 0) == (l->tcp != 0 ? ICE_TCP_PATHS_MAX : ICE_PATHS_MAX))
		return TULLE_ERR_LIMIT;
	return add_local(ice, l);
}

tulle_err tulle_ice_add_path(
	tulle_ice *ice, tulle_time now, uint32_t id, tulle_addr local, uint32_t mtu)
{
	return tulle_ice_add_hidden_path(ice, now, id, local, mtu, (tulle_text){NULL, 0});
}

tulle_err tulle_ice_add_hidden_path(tulle_ice *ice, tulle_time now, uint32_t id, tulle_addr local,
	uint32_t mtu, tulle_text name)
{
	ice->now = tulle_time_max(ice->now, now);
	return add_host(ice,
		&(ice_local){
			.addr = local, .id = id, .mtu = mtu, .type = TULLE_ICE_HOST, .name = name});
}

tulle_err tulle_ice_add_tcp_path(
	tulle_ice *ice, tulle_time now, uint32_t id, tulle_ice_tcp tcp, tulle_addr local)
{
	return tulle_ice_add_hidden_tcp_path(ice, now, id, tcp, local, (tulle_text){NULL, 0});
}

tulle_err tulle_ice_add_hidden_tcp_path(tulle_ice *ice, tulle_time now, uint32_t id,
	tulle_ice_tcp tcp, tulle_addr local, tulle_text name)
{
	ice->now = tulle_time_max(ice->now, now);
	if (tcp != TULLE_ICE_TCP_ACTIVE && tcp != TULLE_ICE_TCP_PASSIVE)
		return TULLE_ERR_ARGUMENT;
	if (tcp == TULLE_ICE_TCP_ACTIVE) /* a place holder: RFC6544:4.1 */
		local.port = 9;
	return add_host(ice, &(ice_local){.addr = local,
				     .id = id,
				     .type = TULLE_ICE_HOST,
				     .tcp = (uint8_t)tcp,
				     .name = name});
}

/* RFC8445:5.1.3: same address and base. What is a host's address is no NAT's either; but one that
 * is hidden has not been told: mdns-ice draft, 3.1.2. */
static bool is_redundant(const tulle_ice *ice, uint32_t id, const tulle_addr *addr)
{
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		const ice_local *o = &ice->locals[i];
		if (o->used && o->tcp == 0 && tulle_addr_is(&o->addr, addr) &&
			((o->type == TULLE_ICE_HOST && o->name.len == 0) ||
				(o->type == TULLE_ICE_SRFLX && o->id == id)))
			return true;
	}
	return false;
}

static tulle_err add_reflexive(tulle_ice *ice, const tulle_ice_local *c)
{
	tulle_addr addr = tulle_ice_normal_addr(&c->addr);
	uint8_t base = tulle_ice_find_local(ice, c->id);
	if (!is_wanted(ice, &addr, TULLE_ICE_SRFLX))
		return TULLE_OK;
	if (base == ICE_NONE || ice->locals[base].type != TULLE_ICE_HOST ||
		ice->locals[base].tcp != 0)
		return TULLE_ERR_STATE;
	if (ice->locals[base].addr.family != addr.family)
		return TULLE_ERR_ARGUMENT;
	if (is_redundant(ice, c->id, &addr))
		return TULLE_OK;
	bool hidden = ice->locals[base].name.len != 0;
	return add_local(ice, &(ice_local){.addr = addr,
				      .related = hidden ? (tulle_addr){0} : ice->locals[base].addr,
				      .id = c->id,
				      .type = TULLE_ICE_SRFLX,
				      .server = c->server});
}

static tulle_err add_relayed(tulle_ice *ice, const tulle_ice_local *c)
{
	tulle_addr addr = tulle_ice_normal_addr(&c->addr);
	if (tulle_ice_find_local(ice, c->id) != ICE_NONE)
		return TULLE_ERR_STATE;
	if (!is_wanted(ice, &addr, TULLE_ICE_RELAY))
		return TULLE_OK;
	return add_local(ice, &(ice_local){.addr = addr,
				      .related = tulle_ice_normal_addr(&c->related),
				      .id = c->id,
				      .mtu = c->mtu,
				      .type = TULLE_ICE_RELAY,
				      .server = c->server,
				      .over = (uint8_t)c->over});
}

tulle_err tulle_ice_add_candidate(tulle_ice *ice, tulle_time now, const tulle_ice_local *c)
{
	ice->now = tulle_time_max(ice->now, now);
	if (!is_usable(&c->addr) || (unsigned)c->over > TULLE_ICE_OVER_TLS)
		return TULLE_ERR_ARGUMENT;
	if (c->type == TULLE_ICE_SRFLX)
		return add_reflexive(ice, c);
	return c->type == TULLE_ICE_RELAY ? add_relayed(ice, c) : TULLE_ERR_ARGUMENT;
}

void tulle_ice_remove_candidate(tulle_ice *ice, tulle_time now, uint32_t id, const tulle_addr *addr)
{
	tulle_addr normal = tulle_ice_normal_addr(addr);
	ice->now = tulle_time_max(ice->now, now);
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		ice_local *l = &ice->locals[i];
		if (l->used && l->type == TULLE_ICE_SRFLX && l->id == id &&
			tulle_addr_is(&l->addr, &normal))
			l->used = false;
	}
	tulle_ice_update_state(ice);
}

void tulle_ice_paths_known(tulle_ice *ice, tulle_time now)
{
	ice->now = tulle_time_max(ice->now, now);
	if (!ice->paths_known)
		ice->tell_gathered = true;
	ice->paths_known = true;
	tulle_ice_update_state(ice);
}

void tulle_ice_remove_path(tulle_ice *ice, tulle_time now, uint32_t id)
{
	uint8_t slot = tulle_ice_find_local(ice, id);
	ice->now = tulle_time_max(ice->now, now);
	if (slot == ICE_NONE)
		return;
	for (uint8_t i = 0; i < ice->local_slots; i++)
		if (ice->locals[i].id == id) /* itself, and what servers saw of it */
			ice->locals[i].used = false;
	tulle_ice_forget_answers(ice, slot);
	bool carried = tulle_ice_former_carries(ice) && ice->former.local == slot;
	if (ice->former.local == slot)
		tulle_ice_forget_former(ice);
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].local == slot)
			ice->pairs[i].used = false;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->data == i && !ice->pairs[i].used)
			tulle_ice_pair_gone(ice, i);
	if (carried) {
		ice->lost = true;
		tulle_ice_take_over(ice, ICE_NONE);
	}
	ice->last_activity = ice->now;
	tulle_ice_update_state(ice);
}
