/* SPDX-License-Identifier: MIT */
/* simpath: runs of a suite on several cores; medians; rows. */
#include "tests/simpath/path_suite.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	_Atomic size_t turn;
	path_result results[];
} shared;

static void work(const path_suite *suite, const path_plan *plans, size_t count, shared *s)
{
	for (;;) {
		size_t i = atomic_fetch_add(&s->turn, 1);
		if (i >= count * suite->seeds)
			return;
		path_plan plan = plans[i / suite->seeds];
		plan.seed = 1 + i % suite->seeds;
		path_run(&plan, &s->results[i]);
	}
}

void path_run_all(const path_suite *suite, const path_plan *plans, size_t count, path_result *r)
{
	size_t n = count * suite->seeds, bytes = sizeof(shared) + n * sizeof *r;
	shared *s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		abort();
	for (size_t i = 0; i < n; i++)
		s->results[i].wrong = "a run that did not end";
	fflush(NULL);
	for (unsigned k = 0; k < suite->jobs; k++)
		if (fork() == 0) {
			work(suite, plans, count, s);
			_exit(0);
		}
	while (wait(NULL) > 0)
		continue;
	memcpy(r, s->results, n * sizeof *r);
	munmap(s, bytes);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double path_median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, by_value);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void path_row(path_suite *suite, const char *key, const char *unit, double value, double at_least,
	double at_most)
{
	bool misses = value < at_least || value > at_most;
	printf("%-46s %9.3f %-11s", key, value, unit);
	if (!isnan(at_least))
		printf(" at least %.3f", at_least);
	if (!isnan(at_most))
		printf(" at most %.3f", at_most);
	printf("%s\n", misses ? "  MISSED" : "");
	suite->missed += misses;
	if (suite->json != NULL)
		fprintf(suite->json, "%s\t\"%s\": {\"unit\": \"%s\", \"tulle\": %.4f}",
			suite->rows != 0 ? ",\n" : "", key, unit, value);
	suite->rows++;
}
