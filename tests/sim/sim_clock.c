/* SPDX-License-Identifier: MIT */
/* sim: splitmix64. */
#include "tests/sim/sim_clock.h"

void sim_seed(sim_prng *prng, uint64_t seed)
{
	prng->state = seed * 0x9e3779b97f4a7c15u + 1;
}

uint64_t sim_next(sim_prng *prng)
{
	uint64_t z = prng->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t sim_below(sim_prng *prng, uint64_t n)
{
	return n == 0 ? 0 : sim_next(prng) % n;
}

bool sim_chance(sim_prng *prng, unsigned per_million)
{
	return per_million != 0 && sim_below(prng, 1000000) < per_million;
}

bool sim_fill(void *prng, uint8_t *dst, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)sim_next(prng);
	return true;
}
