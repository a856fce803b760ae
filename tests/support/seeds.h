/* SPDX-License-Identifier: MIT */
/* Which seeds a model runs: so many as usual; TULLE_SEED=n: that one alone; TULLE_SEEDS=n: so many,
 * from that one or from the first on. */
#ifndef TULLE_TESTS_SEEDS_H
#define TULLE_TESTS_SEEDS_H
#include <stdlib.h>

typedef struct {
	int first, end; /* end: the first that is not run */
	double patience_s;
} seeds;

static inline seeds seeds_to_run(int usual)
{
	const char *one = getenv("TULLE_SEED"), *many = getenv("TULLE_SEEDS");
	int first = one != NULL ? atoi(one) : 1;
	int count = many != NULL ? atoi(many) : one != NULL ? 1 : usual;
	return (seeds){first, first + count, many != NULL ? 3600 : 120};
}
#endif
