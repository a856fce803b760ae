/* SPDX-License-Identifier: MIT */
/* simpath: the bars: what a default association must get of a path and leave to others. */
#ifndef TULLE_SIMPATH_SUITE_H
#define TULLE_SIMPATH_SUITE_H
#include "tests/simpath/path.h"

#define PATH_SEEDS_MAX 16

typedef struct {
	FILE *json; /* NULL: none */
	unsigned jobs, seeds;
	unsigned missed, rows;
} path_suite;

/* Each plan with each seed: results[plan * seeds + seed]. */
void path_run_all(const path_suite *suite, const path_plan *plans, size_t count, path_result *r);
double path_median(double *values, size_t count); /* sorts them */
/* One line of the table and a member of the JSON object. at_least and at_most: of the first name;
 * NAN: no bar. */
void path_row(path_suite *suite, const char *key, const char *unit, double value, double at_least,
	double at_most);

void path_suite_fairness(path_suite *suite);
void path_suite_paths(path_suite *suite);

extern const path_plan path_plan_default;
#endif
