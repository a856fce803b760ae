/* SPDX-License-Identifier: MIT */
/* simpath: what two flows get of one bottleneck: 60 s, starts 5 s apart in both orders, the last
 * 40 s, medians over the seeds. Shares are of the link's ceiling, so an idle link helps nobody. */
#include "tests/simpath/path_suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 1000000
#define RTT_US 50000

typedef struct {
	const char *name;
	const path_way *first, *second;   /* the second starts 5 s later; NULL: none */
	double first_least, second_least; /* percent of the ceiling */
} mix;

static const mix mixes[] = {
	{"tulle", &path_way_tulle, NULL, NAN, NAN},
	{"cubic", &path_way_cubic, NULL, NAN, NAN},
	{"cubic+cubic", &path_way_cubic, &path_way_cubic, NAN, NAN},
	{"tulle+tulle", &path_way_tulle, &path_way_tulle, 20, 20},
	{"tulle+cubic", &path_way_tulle, &path_way_cubic, 20, 30},
	{"cubic+tulle", &path_way_cubic, &path_way_tulle, 30, 20},
	{"tulle+newreno", &path_way_tulle, &path_way_newreno, 20, 25},
	{"newreno+tulle", &path_way_newreno, &path_way_tulle, 25, 20},
};
#define MIXES (sizeof mixes / sizeof *mixes)

static const unsigned mbits[] = {100, 20};
static const double queues[] = {0.5, 1, 2}; /* bandwidth-delay products */
#define CELLS (2 * 3 * MIXES)

static path_plan plan_of(unsigned mbit, double queue, const mix *m)
{
	path_plan p = path_plan_default;
	p.link.bytes_per_s = mbit * UINT64_C(125000);
	p.link.delay_us = RTT_US / 2;
	p.link.jitter_us = 200; /* no two seeds meet in step */
	p.link.queue_packets_max = 0;
	p.link.queue_bytes_max = (size_t)(queue * (double)p.link.bytes_per_s * RTT_US / SECONDS);
	p.seconds_us = 60 * SECONDS;
	p.from_us = 20 * SECONDS;
	p.flows[0] = (path_flow_plan){m->first, 0};
	p.flows[1] = (path_flow_plan){m->second, 5 * SECONDS};
	p.flow_count = m->second != NULL ? 2 : 1;
	return p;
}

static double median_share(const path_suite *s, const path_result *r, size_t flow)
{
	double v[PATH_SEEDS_MAX];
	for (unsigned i = 0; i < s->seeds; i++)
		v[i] = 100 * r[i].flows[flow].mib_per_s / r[i].flows[flow].ceiling_mib_per_s;
	return path_median(v, s->seeds);
}

static double median_larger(const path_suite *s, const path_result *r)
{
	double v[PATH_SEEDS_MAX];
	for (unsigned i = 0; i < s->seeds; i++) {
		double a = r[i].flows[0].mib_per_s, b = r[i].flows[1].mib_per_s;
		v[i] = 100 * (a > b ? a : b) / (a + b > 0 ? a + b : 1);
	}
	return path_median(v, s->seeds);
}

static double median_queue(const path_suite *s, const path_result *r)
{
	double v[PATH_SEEDS_MAX];
	for (unsigned i = 0; i < s->seeds; i++)
		v[i] = r[i].queue_ms_mean;
	return path_median(v, s->seeds);
}

static void say_wrong(path_suite *s, const char *where, const path_result *r)
{
	for (unsigned i = 0; i < s->seeds; i++)
		if (r[i].wrong != NULL) {
			printf("%s, seed %u: %s\n", where, i + 1, r[i].wrong);
			s->missed++;
		}
}

/* The queue of a mix is held against that of CUBIC flows of the same number. */
static void judge_cell(path_suite *s, unsigned mbit, double queue, const path_result *cell)
{
	char key[96];
	for (size_t m = 0; m < MIXES; m++) {
		const mix *x = &mixes[m];
		const path_result *r = cell + m * s->seeds;
		int n = snprintf(key, sizeof key, "fair_%um_%gbdp_%s", mbit, queue, x->name);
		size_t rest = sizeof key - (size_t)n;
		say_wrong(s, key, r);
		double alone = median_queue(s, cell + 1 * s->seeds);
		double both = median_queue(s, cell + 2 * s->seeds);
		bool ours_only = strncmp(x->name, "tulle+tulle", strlen(x->name)) == 0;
		double most = !ours_only ? NAN : x->second == NULL ? alone : both;
		snprintf(key + n, rest, "_%s", x->first->name);
		path_row(s, key, "percent", median_share(s, r, 0), x->first_least, NAN);
		if (x->second != NULL && x->second != x->first) {
			snprintf(key + n, rest, "_%s", x->second->name);
			path_row(s, key, "percent", median_share(s, r, 1), x->second_least, NAN);
		} else if (x->second != NULL) {
			snprintf(key + n, rest, "_larger");
			path_row(s, key, "percent", median_larger(s, r), NAN, ours_only ? 60 : NAN);
		}
		snprintf(key + n, rest, "_queue");
		path_row(s, key, "ms", median_queue(s, r), NAN, most);
	}
}

/* -- a policer without a queue: a faster line, a bucket of 100 Mbit/s -- */

static void policer(path_suite *s)
{
	static const unsigned bucket_kb[] = {64, 625};
	path_plan plans[2];
	path_result *r = calloc(2 * s->seeds, sizeof *r);
	for (int i = 0; i < 2; i++) {
		path_plan p = path_plan_default;
		p.link = (sim_link){.delay_us = RTT_US / 2,
			.in_order = true,
			.jitter_us = 200,
			.bytes_per_s = 125000000,
			.police_bytes_per_s = 12500000,
			.police_bytes_max = bucket_kb[i] * 1000};
		p.seconds_us = 30 * SECONDS;
		p.from_us = 3 * SECONDS;
		plans[i] = p;
	}
	path_run_all(s, plans, 2, r);
	for (size_t i = 0; i < 2; i++) {
		char key[64];
		double lost[PATH_SEEDS_MAX];
		for (unsigned k = 0; k < s->seeds; k++)
			lost[k] = r[i * s->seeds + k].police_percent;
		snprintf(key, sizeof key, "policer_%uk_loss", bucket_kb[i]);
		say_wrong(s, key, r + i * s->seeds);
		path_row(s, key, "percent", path_median(lost, s->seeds), NAN, 10);
		snprintf(key, sizeof key, "policer_%uk_goodput", bucket_kb[i]);
		path_row(s, key, "percent", median_share(s, r + i * s->seeds, 0), NAN, NAN);
	}
	free(r);
}

void path_suite_fairness(path_suite *s)
{
	path_plan plans[CELLS];
	path_result *r = calloc(CELLS * s->seeds, sizeof *r);
	size_t n = 0;
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 3; k++)
			for (size_t m = 0; m < MIXES; m++)
				plans[n++] = plan_of(mbits[i], queues[k], &mixes[m]);
	path_run_all(s, plans, n, r);
	for (size_t i = 0; i < 6; i++)
		judge_cell(s, mbits[i / 3], queues[i % 3], r + i * MIXES * s->seeds);
	policer(s);
	free(r);
}
