/* SPDX-License-Identifier: MIT */
/* sim: NATs. */
#include "tests/sim/sim_nat.h"

#include "base/addr.h"

#include <stdlib.h>
#include <string.h>

#define PORT_FIRST 1024u

void sim_nat_init(sim_nat *nat, const sim_nat_kind *kind, const tulle_addr *address, uint64_t seed)
{
	*nat = (sim_nat){.kind = *kind, .address = *address};
	sim_seed(&nat->prng, seed);
	nat->next_port = (uint16_t)(PORT_FIRST + sim_below(&nat->prng, 60000));
}

void sim_nat_free(sim_nat *nat)
{
	free(nat->mappings);
	free(nat->holes);
	*nat = (sim_nat){0};
}

void sim_nat_reboot(sim_nat *nat, const tulle_addr *address)
{
	nat->mapping_count = nat->hole_count = 0;
	nat->next_port = (uint16_t)(PORT_FIRST + sim_below(&nat->prng, 60000));
	if (address != NULL)
		nat->address = *address;
}

static void expire(sim_nat *nat, tulle_time now)
{
	for (size_t i = 0; i < nat->mapping_count; i++)
		if (nat->mappings[i].until <= now) {
			nat->mappings[i--] = nat->mappings[--nat->mapping_count];
			nat->expired++;
		}
	for (size_t i = 0; i < nat->hole_count; i++)
		if (nat->holes[i].until <= now)
			nat->holes[i--] = nat->holes[--nat->hole_count];
}

static bool fits(sim_nat_rule rule, const tulle_addr *a, const tulle_addr *b)
{
	return rule == SIM_NAT_ANY || (rule == SIM_NAT_ADDRESS && tulle_addr_is_ip(a, b)) ||
	       tulle_addr_is(a, b);
}

static sim_nat_mapping *by_port(sim_nat *nat, uint16_t port)
{
	for (size_t i = 0; i < nat->mapping_count; i++)
		if (nat->mappings[i].port == port)
			return &nat->mappings[i];
	return NULL;
}

/* RFC4787:4.2.2 REQ-3: two hosts never share one. */
static uint16_t choose_port(sim_nat *nat, const tulle_addr *inside)
{
	uint16_t port = inside->port;
	if (nat->kind.ports == SIM_NAT_COUNTS)
		port = nat->next_port;
	do {
		if (nat->kind.ports == SIM_NAT_DRAWS)
			port = (uint16_t)sim_below(&nat->prng, 65536);
		else if (by_port(nat, port) != NULL)
			port++;
	} while (port < PORT_FIRST || by_port(nat, port) != NULL);
	nat->next_port = (uint16_t)(port + 1);
	return port;
}

static sim_nat_mapping *map(sim_nat *nat, const tulle_addr *inside, const tulle_addr *remote)
{
	for (size_t i = 0; i < nat->mapping_count; i++)
		if (tulle_addr_is(&nat->mappings[i].inside, inside) &&
			fits(nat->kind.mapping, &nat->mappings[i].remote, remote))
			return &nat->mappings[i];
	if (nat->mapping_count == nat->mapping_cap) {
		nat->mapping_cap = nat->mapping_cap ? 2 * nat->mapping_cap : 16;
		nat->mappings = realloc(nat->mappings, nat->mapping_cap * sizeof *nat->mappings);
	}
	sim_nat_mapping m = {.inside = *inside, .remote = *remote};
	m.port = choose_port(nat, inside);
	nat->made++;
	nat->mappings[nat->mapping_count] = m;
	return &nat->mappings[nat->mapping_count++];
}

static void punch(sim_nat *nat, uint16_t port, const tulle_addr *remote, tulle_time until)
{
	for (size_t i = 0; i < nat->hole_count; i++)
		if (nat->holes[i].port == port && tulle_addr_is(&nat->holes[i].remote, remote)) {
			nat->holes[i].until = until;
			return;
		}
	if (nat->hole_count == nat->hole_cap) {
		nat->hole_cap = nat->hole_cap ? 2 * nat->hole_cap : 32;
		nat->holes = realloc(nat->holes, nat->hole_cap * sizeof *nat->holes);
	}
	nat->holes[nat->hole_count++] = (sim_nat_hole){port, *remote, until};
}

bool sim_nat_out(sim_nat *nat, tulle_time now, const tulle_addr *inside, const tulle_addr *remote,
	tulle_addr *outside)
{
	if (nat->kind.blocked)
		return false;
	expire(nat, now);
	sim_nat_mapping *m = map(nat, inside, remote);
	m->until = now + nat->kind.timeout_us;
	punch(nat, m->port, remote, m->until);
	*outside = nat->address;
	outside->port = m->port;
	return true;
}

bool sim_nat_in(sim_nat *nat, tulle_time now, const tulle_addr *remote, const tulle_addr *outside,
	tulle_addr *inside)
{
	expire(nat, now);
	const sim_nat_mapping *m = by_port(nat, outside->port);
	bool open = m != NULL && nat->kind.filtering == SIM_NAT_ANY;
	for (size_t i = 0; m != NULL && !open && i < nat->hole_count; i++)
		open = nat->holes[i].port == m->port &&
		       fits(nat->kind.filtering, &nat->holes[i].remote, remote);
	if (!open) {
		nat->filtered++;
		return false;
	}
	*inside = m->inside;
	return true;
}

/* Who maps alike for all is found where the server saw it. */
static bool is_steady(const sim_nat_kind *k)
{
	return k == NULL || k->mapping == SIM_NAT_ANY;
}

static sim_nat_rule filter_of(const sim_nat_kind *k)
{
	return k == NULL ? SIM_NAT_ANY : k->filtering;
}

/* Neither is where the server saw it. b lets a in where it was for the server's sake alone, and
 * answers from elsewhere; a lets that in by the address. Then one of the two must stay where it is
 * while the other has moved once more. */
static bool moving_can_meet(const sim_nat_kind *a, const sim_nat_kind *b)
{
	return b->filtering == SIM_NAT_ANY && a->filtering != SIM_NAT_PORT &&
	       (a->mapping == SIM_NAT_ADDRESS || b->mapping == SIM_NAT_ADDRESS);
}

bool sim_nat_can_meet(const sim_nat_kind *a, const sim_nat_kind *b)
{
	if ((a != NULL && a->blocked) || (b != NULL && b->blocked))
		return false;
	if (is_steady(a) && is_steady(b))
		return true;
	/* Whoever moves comes from a port that the other has not sent to. */
	if (is_steady(a))
		return filter_of(a) != SIM_NAT_PORT;
	if (is_steady(b))
		return filter_of(b) != SIM_NAT_PORT;
	return moving_can_meet(a, b) || moving_can_meet(b, a);
}
