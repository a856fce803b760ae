/* SPDX-License-Identifier: MIT */
/* simpath: what flows get of a path and of each other; virtual time only. usage: see below */
#include "tests/simpath/path_suite.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"simpath [--flows tulle,tulle@5,...] kinds, each with its start in seconds: tulle,\n"
	"  tulle-cubic, tulle-newreno, and TCP's cubic, newreno; --cc bbr|cubic|newreno: of tulle\n"
	"  the path, the same both ways:\n"
	"  --rate 100M --rtt 50 (ms) --queue 1000 (packets) --queue-bytes N --loss 1 (%)\n"
	"  --jitter MS (nobody overtakes) --mtu N (IP bytes) --burst BEGIN%,END%,LOSS% (200 ms)\n"
	"  --police 100M,BUCKET_KB\n"
	"  in mid-run: --rate-at S,100M --rtt-at S,MS --mtu-at S,N --down S,S\n"
	"  --probe N (IP bytes): tulle looks for packets so large by RFC 8899\n"
	"  the run: --seconds 10 --from 3 --seed N --window BYTES --message BYTES --trace FILE\n"
	"simpath --suite fairness|paths [--seeds 10] [--jobs 2] [--json FILE]\n";

static double number(const char *text, const char **end)
{
	char *stop;
	double v = strtod(text, &stop);
	const char *unit = "kMG", *u = *stop != 0 ? strchr(unit, *stop) : NULL;
	for (long i = u != NULL ? u - unit + 1 : 0; i > 0; i--)
		v *= 1000;
	stop += u != NULL;
	*end = *stop == ',' || *stop == '@' ? stop + 1 : stop;
	return v;
}

/* Up to three numbers with commas between. */
static void numbers(const char *text, double v[3])
{
	v[0] = v[1] = v[2] = 0;
	for (int i = 0; i < 3 && *text != 0; i++)
		v[i] = number(text, &text);
}

static const path_way *ways[] = {&path_way_tulle, &path_way_tulle_cubic, &path_way_tulle_newreno,
	&path_way_cubic, &path_way_newreno};

static bool parse_flows(path_plan *plan, const char *text)
{
	plan->flow_count = 0;
	while (*text != 0) {
		size_t n = strcspn(text, "@,");
		const path_way *way = NULL;
		for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
			if (strlen(ways[i]->name) == n && strncmp(text, ways[i]->name, n) == 0)
				way = ways[i];
		if (way == NULL || plan->flow_count == PATH_FLOWS)
			return false;
		path_flow_plan *f = &plan->flows[plan->flow_count++];
		*f = (path_flow_plan){.way = way};
		text += n;
		if (*text == '@')
			f->start = (tulle_time)(number(text + 1, &text) * 1e6);
		else if (*text == ',')
			text++;
	}
	return plan->flow_count != 0;
}

static unsigned ppm(double percent)
{
	return (unsigned)(percent * 10000);
}

static bool parse_link(sim_link *l, const char *name, const double v[3])
{
	if (strcmp(name, "--rate") == 0)
		l->bytes_per_s = (uint64_t)(v[0] / 8);
	else if (strcmp(name, "--rtt") == 0)
		l->delay_us = (tulle_time)(v[0] * 500);
	else if (strcmp(name, "--queue") == 0)
		l->queue_packets_max = (size_t)v[0];
	else if (strcmp(name, "--queue-bytes") == 0)
		l->queue_bytes_max = (size_t)v[0];
	else if (strcmp(name, "--loss") == 0)
		l->loss_ppm = ppm(v[0]);
	else if (strcmp(name, "--jitter") == 0)
		l->jitter_us = (tulle_time)(v[0] * 1000);
	else if (strcmp(name, "--mtu") == 0)
		l->mtu = (size_t)v[0];
	else if (strcmp(name, "--burst") == 0) {
		l->burst_begin_ppm = ppm(v[0]);
		l->burst_end_ppm = ppm(v[1]);
		l->burst_loss_ppm = ppm(v[2]);
		l->burst_us_max = 200000;
	} else if (strcmp(name, "--police") == 0) {
		l->police_bytes_per_s = (uint64_t)(v[0] / 8);
		l->police_bytes_max = (size_t)(v[1] * 1000);
	} else if (strcmp(name, "--down") == 0) {
		l->down_from = PATH_START + (tulle_time)(v[0] * 1e6);
		l->down_until = PATH_START + (tulle_time)(v[1] * 1e6);
	} else {
		return false;
	}
	return true;
}

/* A change in mid-run starts from what the path is by then: options come in order of time. */
static bool parse_event(path_plan *plan, const char *name, const double v[3])
{
	char plain[32] = {0};
	size_t n = strlen(name);
	if (n < 4 || n >= sizeof plain || strcmp(name + n - 3, "-at") != 0 ||
		plan->event_count == PATH_EVENTS)
		return false;
	memcpy(plain, name, n - 3);
	sim_link link =
		plan->event_count != 0 ? plan->events[plan->event_count - 1].link : plan->link;
	const double value[3] = {v[1], v[2], 0};
	if (!parse_link(&link, plain, value))
		return false;
	plan->events[plan->event_count].at = (tulle_time)(v[0] * 1e6);
	plan->events[plan->event_count++].link = link;
	return true;
}

static bool parse_cc(path_plan *plan, const char *text)
{
	static const char *const names[] = {"bbr", "cubic", "newreno"}; /* tulle_sctp_control */
	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			plan->cc = i;
			return true;
		}
	return false;
}

static bool parse_run(path_plan *plan, const char *name, const char *text, const double v[3])
{
	if (strcmp(name, "--flows") == 0)
		return parse_flows(plan, text);
	if (strcmp(name, "--trace") == 0)
		return (plan->trace = fopen(text, "w")) != NULL;
	if (strcmp(name, "--cc") == 0)
		return parse_cc(plan, text);
	if (strcmp(name, "--seconds") == 0)
		plan->seconds_us = (tulle_time)(v[0] * 1e6);
	else if (strcmp(name, "--from") == 0)
		plan->from_us = (tulle_time)(v[0] * 1e6);
	else if (strcmp(name, "--seed") == 0)
		plan->seed = (uint64_t)v[0];
	else if (strcmp(name, "--window") == 0)
		plan->window_bytes = (size_t)v[0];
	else if (strcmp(name, "--probe") == 0)
		plan->probe_bytes = (size_t)v[0];
	else if (strcmp(name, "--message") == 0)
		plan->message_bytes = (size_t)v[0];
	else
		return false;
	return true;
}

static bool parse(path_plan *plan, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		double v[3];
		if (i + 1 == argc)
			return false;
		numbers(argv[i + 1], v);
		if (!parse_link(&plan->link, argv[i], v) && !parse_event(plan, argv[i], v) &&
			!parse_run(plan, argv[i], argv[i + 1], v))
			return false;
	}
	return plan->from_us < plan->seconds_us;
}

static void print(const path_plan *plan, const path_result *r)
{
	printf("ends of a tulle flow: %zu bytes of send and of receive buffer, messages of %zu\n",
		plan->window_bytes, plan->message_bytes);
	printf("%-12s %8s %10s %8s %10s %10s %9s %9s\n", "flow", "start s", "MiB/s", "ceiling",
		"of it", "retrans", "spurious", "timeouts");
	for (size_t i = 0; i < plan->flow_count; i++) {
		const path_flow_result *f = &r->flows[i];
		printf("%-12s %8.1f %10.3f %8.2f %9.1f%% %10llu %9llu %9llu\n",
			plan->flows[i].way->name, (double)plan->flows[i].start / 1e6, f->mib_per_s,
			f->ceiling_mib_per_s,
			f->ceiling_mib_per_s > 0 ? 100 * f->mib_per_s / f->ceiling_mib_per_s : 0.0,
			(unsigned long long)f->retransmissions, (unsigned long long)f->spurious,
			(unsigned long long)f->timeouts);
	}
	printf("lost %.2f %%, overflowed %.2f %%, policed %.2f %%; queue mean %.1f ms (%.0f "
	       "packets), top %.1f ms (%llu)\n",
		r->loss_percent, r->overflow_percent, r->police_percent, r->queue_ms_mean,
		r->queue_packets_mean, r->queue_ms_max, (unsigned long long)r->queue_packets_max);
	if (r->wrong != NULL)
		printf("WRONG: %s\n", r->wrong);
}

const path_plan path_plan_default = {.link = {.delay_us = 25000,
					     .in_order = true,
					     .bytes_per_s = 12500000,
					     .queue_packets_max = 1000},
	.seconds_us = 10000000,
	.from_us = 3000000,
	.seed = 1,
	.window_bytes = (size_t)4 << 20, /* the engine's default */
	.message_bytes = 65536,
	.flows = {{.way = &path_way_tulle}},
	.flow_count = 1};

static int run_suite(int argc, char **argv)
{
	path_suite s = {.jobs = 2, .seeds = 10};
	bool fairness = strcmp(argv[2], "fairness") == 0;
	for (int i = 3; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seeds") == 0)
			s.seeds = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--jobs") == 0)
			s.jobs = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--json") == 0)
			s.json = fopen(argv[i + 1], "w");
	}
	if ((!fairness && strcmp(argv[2], "paths") != 0) || s.seeds < 1 ||
		s.seeds > PATH_SEEDS_MAX || s.jobs < 1) {
		fputs(usage, stderr);
		return 2;
	}
	if (s.json != NULL)
		fputs("{\n", s.json);
	(fairness ? path_suite_fairness : path_suite_paths)(&s);
	if (s.json != NULL) {
		fputs("\n}\n", s.json);
		fclose(s.json);
	}
	printf("%u rows, %u missed\n", s.rows, s.missed);
	return s.missed != 0;
}

int main(int argc, char **argv)
{
	path_plan plan = path_plan_default;
	path_result result;
	if (argc >= 3 && strcmp(argv[1], "--suite") == 0)
		return run_suite(argc, argv);
	if (!parse(&plan, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	path_run(&plan, &result);
	print(&plan, &result);
	if (plan.trace != NULL)
		fclose(plan.trace);
	return result.wrong != NULL;
}
