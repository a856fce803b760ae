/* SPDX-License-Identifier: MIT */
/* sim: a NAT of RFC 4787: how it maps, whom it lets in, which ports it takes, how long it
 * remembers, and whether its own hosts reach each other by its outer address. It knows addresses
 * and time. */
#ifndef TULLE_SIM_NAT_H
#define TULLE_SIM_NAT_H
#include "tests/sim/sim_clock.h"

/* One mapping for all remotes, one for each address, one for each address and port (RFC4787:4.1);
 * in come packets of anyone, of addresses that were sent to, of addresses and ports (RFC4787:5). */
typedef enum { SIM_NAT_ANY, SIM_NAT_ADDRESS, SIM_NAT_PORT, SIM_NAT_RULES } sim_nat_rule;

/* The inner port when it is free, else the next one; one after the other, so that who sees two
 * knows the third; at random. RFC4787:4.2 */
typedef enum { SIM_NAT_PRESERVES, SIM_NAT_COUNTS, SIM_NAT_DRAWS, SIM_NAT_PORTS } sim_nat_ports;

typedef struct {
	sim_nat_rule mapping, filtering;
	sim_nat_ports ports;
	bool hairpin;          /* RFC4787:6, with the outer address as source */
	bool blocked;          /* no UDP passes */
	tulle_time timeout_us; /* of a mapping and of a filter's entry, since the last packet out */
} sim_nat_kind;

typedef struct {
	tulle_addr inside, remote; /* remote: for what of it the mapping was made */
	uint16_t port;
	tulle_time until;
} sim_nat_mapping;

/* Who may come in to a port, as the filter has it. */
typedef struct {
	uint16_t port;
	tulle_addr remote;
	tulle_time until;
} sim_nat_hole;

typedef struct {
	sim_nat_kind kind;
	tulle_addr address; /* the outer one; port 0 */
	sim_prng prng;
	uint16_t next_port;
	sim_nat_mapping *mappings;
	sim_nat_hole *holes;
	size_t mapping_count, mapping_cap, hole_count, hole_cap;
	uint64_t made, expired, filtered, hairpinned;
} sim_nat;

void sim_nat_init(sim_nat *nat, const sim_nat_kind *kind, const tulle_addr *address, uint64_t seed);
void sim_nat_free(sim_nat *nat);
/* From inside to a remote: the source that the remote sees; false: it does not pass. */
bool sim_nat_out(sim_nat *nat, tulle_time now, const tulle_addr *inside, const tulle_addr *remote,
	tulle_addr *outside);
/* From a remote to an address of its own: whose it is; false: it does not pass. */
bool sim_nat_in(sim_nat *nat, tulle_time now, const tulle_addr *remote, const tulle_addr *outside,
	tulle_addr *inside);
/* It was switched off and on: no mapping is left; with another outer address unless NULL. */
void sim_nat_reboot(sim_nat *nat, const tulle_addr *address);
/* Whether two hosts with a NAT of these kinds each (NULL: none), who know of each other what one
 * server saw, can reach each other without a relay: RFC 5128, for all kinds of RFC 4787. */
bool sim_nat_can_meet(const sim_nat_kind *a, const sim_nat_kind *b);
#endif
