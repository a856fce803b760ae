/* SPDX-License-Identifier: MIT */
/* fuzz: what engines draw, by a seed, and addresses that meet again. */
#ifndef TULLE_FUZZ_DRAW_H
#define TULLE_FUZZ_DRAW_H
#include <tulle/base.h>

static inline void fuzz_draw(uint64_t *seed, uint8_t *dst, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(*seed >> 56);
	}
}

/* Sixteen addresses that anybody may have, of eight ports. */
static inline tulle_addr fuzz_global_addr(uint8_t n)
{
	tulle_addr a = {.family = n & 0x80 ? 6 : 4, .port = (uint16_t)(5000 + (n & 7))};
	a.ip[0] = 0x20;
	a.ip[a.family == 4 ? 3 : 15] = n >> 3 & 7;
	return a;
}
#endif
