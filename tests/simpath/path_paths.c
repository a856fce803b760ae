/* SPDX-License-Identifier: MIT */
/* simpath: what one flow gets of a path alone, ours and TCP's; a long fat one; a thin slow one. */
#include "tests/simpath/path_suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 1000000

typedef struct {
	const char *key;
	double mbit, rtt_ms;
	size_t queue_packets;
	unsigned loss_ppm;
	int from, seconds;
	size_t window_mib;
	double least_percent, least_mib; /* of the ceiling of our own headers; 0: no bar */
	bool has_tcp, no_timeouts;
} path;

static const path paths[] = {
	{"sim_loss0", 100, 50, 1000, 0, 3, 10, 4, 95, 0, true, true},
	{"sim_loss0_queue200", 100, 50, 200, 0, 3, 10, 4, 90, 0, true, false},
	{"sim_loss1", 100, 50, 1000, 10000, 3, 10, 4, 0, 8, true, false},
	{"sim_loss5", 100, 50, 1000, 50000, 3, 10, 4, 0, 4, true, false},
	{"sim_1g_200ms", 1000, 200, 20000, 0, 9, 10, 96, 80, 0, false, false},
	{"sim_300k_600ms", 0.3, 600, 100, 0, 10, 90, 4, 0, 0, false, true},
};
#define PATHS (sizeof paths / sizeof *paths)

static const path_way *const ways[] = {&path_way_tulle, &path_way_cubic, &path_way_newreno};
#define WAYS (sizeof ways / sizeof *ways)

static path_plan plan_of(const path *x, const path_way *way)
{
	path_plan p = path_plan_default;
	p.link.bytes_per_s = (uint64_t)(x->mbit * 125000);
	p.link.delay_us = (tulle_time)(x->rtt_ms * 500);
	p.link.queue_packets_max = x->queue_packets;
	p.link.loss_ppm = x->loss_ppm;
	p.link.jitter_us = 100;
	p.seconds_us = x->seconds * SECONDS;
	p.from_us = x->from * SECONDS;
	p.window_bytes = x->window_mib << 20;
	p.flows[0].way = way;
	return p;
}

static void judge(path_suite *s, const path *x, size_t way, const path_result *r)
{
	char key[96];
	double got[PATH_SEEDS_MAX], queue[PATH_SEEDS_MAX], ceiling = 0;
	uint64_t timeouts = 0, spurious = 0;
	for (unsigned i = 0; i < s->seeds; i++) {
		got[i] = r[i].flows[0].mib_per_s;
		queue[i] = r[i].queue_ms_mean;
		ceiling = r[i].flows[0].ceiling_mib_per_s;
		timeouts += r[i].flows[0].timeouts_all;
		spurious += r[i].flows[0].spurious;
		if (r[i].wrong != NULL) {
			printf("%s, seed %u: %s\n", x->key, i + 1, r[i].wrong);
			s->missed++;
		}
	}
	double least = x->least_percent != 0 ? ceiling * x->least_percent / 100
		       : x->least_mib != 0   ? x->least_mib
					     : NAN;
	int n = snprintf(key, sizeof key, "%s_%s", x->key, ways[way]->name);
	path_row(s, key, "MiB/s", path_median(got, s->seeds), way == 0 ? least : NAN, NAN);
	if (way != 0)
		return;
	snprintf(key + n, sizeof key - (size_t)n, "_ceiling");
	path_row(s, key, "MiB/s", ceiling, NAN, NAN);
	snprintf(key + n, sizeof key - (size_t)n, "_queue");
	path_row(s, key, "ms", path_median(queue, s->seeds), NAN, NAN);
	snprintf(key + n, sizeof key - (size_t)n, "_timeouts");
	path_row(s, key, "all seeds", (double)timeouts, NAN, x->no_timeouts ? 0 : NAN);
	snprintf(key + n, sizeof key - (size_t)n, "_spurious");
	path_row(s, key, "all seeds", (double)spurious, NAN, NAN);
}

void path_suite_paths(path_suite *s)
{
	path_plan plans[PATHS * WAYS];
	path_result *r = calloc(PATHS * WAYS * s->seeds, sizeof *r);
	size_t n = 0;
	for (size_t i = 0; i < PATHS; i++)
		for (size_t k = 0; k < (paths[i].has_tcp ? WAYS : 1); k++)
			plans[n++] = plan_of(&paths[i], ways[k]);
	path_run_all(s, plans, n, r);
	n = 0;
	for (size_t i = 0; i < PATHS; i++)
		for (size_t k = 0; k < (paths[i].has_tcp ? WAYS : 1); k++)
			judge(s, &paths[i], k, r + n++ * s->seeds);
	free(r);
}
