/* SPDX-License-Identifier: MIT */
/* sim: what the cases of peers behind NATs draw from their seed, and what they ask of both ends. */
#ifndef TULLE_SIM_PEER_DRAWS_H
#define TULLE_SIM_PEER_DRAWS_H
#include "tests/sim/sim_peer_homes.h"

#define SECONDS(n) ((tulle_time)(n)*1000000)
#define MS(n) ((tulle_time)(n)*1000)

typedef struct {
	sim_nat_kind kind[2];
	homes_config config;
} sim_pairing;

/* Kind 0: no NAT, 1 to 9: three ways to map, three to filter, 10: no UDP passes. */
#define SIM_NAT_BLOCKED 10
/* Two kinds, the same for the same seed, all of them in turn; with addresses, link and signaling.
 */
void sim_draw_pairing(sim_pairing *p, uint64_t seed, sim_prng *prng, sim_counts *counts);
void sim_draw_nat(sim_prng *prng, size_t kind, sim_nat_kind *nat);
/* Without a relay; over one, when both know the server or one and the other gets there. */
bool sim_can_meet(const sim_pairing *p);
bool sim_can_relay(const sim_pairing *p);

/* Each host sends one more message, and gets what is due to it within so long. */
bool sim_say_both(homes *h, tulle_time us);
bool sim_have_both_said(const homes *h);
/* They connect, over a relay just when they cannot meet, and talk. */
void sim_judge_connected(homes *h, bool meet, sim_counts *counts);
/* Both say that there is no way. */
void sim_judge_failed(homes *h, sim_counts *counts);
#endif
