/* SPDX-License-Identifier: MIT */
/* sim: a seeded generator of numbers; it serves as tulle_random too, so a seed replays a run byte
 * for byte. */
#ifndef TULLE_SIM_CLOCK_H
#define TULLE_SIM_CLOCK_H
#include <tulle/base.h>

typedef struct {
	uint64_t state;
} sim_prng;

void sim_seed(sim_prng *prng, uint64_t seed);
uint64_t sim_next(sim_prng *prng);
uint64_t sim_below(sim_prng *prng, uint64_t n); /* 0..n-1 */
bool sim_chance(sim_prng *prng, unsigned per_million);
bool sim_fill(void *prng, uint8_t *dst, size_t len); /* tulle_random.fill */
#endif
