/* SPDX-License-Identifier: MIT */
/* sim: `sim SEEDS [CASE]` runs every case with each seed, as many at once as there are processors;
 * CASE may be `nat*`: all whose names begin so. `sim --seed N [CASE [--pcapng FILE]]` one seed
 * again, its SCTP packets into a capture file. It says what the seeds reached; a kind of event that
 * never came fails a run of all cases. */
#include "tests/sim/sim_peer.h"
#include "tests/sim/sim_sctp.h"

#include "tests/support/pcapng.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define BULK_FULL ((uint64_t)64 << 20)
/* Of a long run these move all of it and check each step, the others an eighth and a seventh: an
 * odd number, since ends step by turns. */
#define FULL_SEEDS 100
#define CHECK_STEPS 7

typedef struct {
	sim_counts counts;
	uint64_t passed, failed;
} result;

static unsigned passed, failed;

static void judge_one(const char *name, uint64_t seed, const sim_verdict *verdict)
{
	if (!verdict->failed) {
		passed++;
		return;
	}
	failed++;
	printf("%s, seed %llu: %s\n  again: build/sim --seed %llu %s\n", name,
		(unsigned long long)seed, verdict->text, (unsigned long long)seed, name);
}

static void run_one(const sim_case *c, uint64_t seed, sim_counts *counts)
{
	static sim_world w;
	c->run(&w, seed, counts);
	sim_world_free(&w);
	judge_one(c->name, seed, &w.verdict);
}

static void run_peer(const sim_peer_case *c, uint64_t seed, sim_counts *counts)
{
	sim_verdict verdict = {0};
	c->run(&verdict, seed, counts);
	judge_one(c->name, seed, &verdict);
}

/* only: a case's name, or the beginning of several with a star behind it; NULL: all. */
static bool is_chosen(const char *name, const char *only)
{
	size_t n = only != NULL ? strlen(only) : 0;
	if (n != 0 && only[n - 1] == '*')
		return strncmp(name, only, n - 1) == 0;
	return only == NULL || strcmp(name, only) == 0;
}

static void run_seed(uint64_t seed, const char *only, sim_counts *counts)
{
	for (size_t c = 0; c < sim_sctp_case_count; c++)
		if (is_chosen(sim_sctp_cases[c].name, only))
			run_one(&sim_sctp_cases[c], seed, counts);
	for (size_t c = 0; c < sim_path_case_count; c++)
		if (is_chosen(sim_path_cases[c].name, only))
			run_one(&sim_path_cases[c], seed, counts);
	for (size_t c = 0; c < sim_peer_case_count; c++)
		if (is_chosen(sim_peer_cases[c].name, only))
			run_peer(&sim_peer_cases[c], seed, counts);
}

/* The next seed that nobody has, in a process of its own; the result comes through the pipe. */
static void work(int to, _Atomic uint64_t *next, uint64_t seeds, const char *only)
{
	result r = {0};
	for (uint64_t seed; (seed = atomic_fetch_add(next, 1)) <= seeds;) {
		if (seeds >= FULL_SEEDS) {
			sim_bulk_bytes = seed <= FULL_SEEDS ? BULK_FULL : BULK_FULL / 8;
			sim_check_steps = seed <= FULL_SEEDS ? 1 : CHECK_STEPS;
		}
		run_seed(seed, only, &r.counts);
	}
	r.passed = passed;
	r.failed = failed;
	fflush(stdout);
	_exit(write(to, &r, sizeof r) == (ssize_t)sizeof r ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void add(sim_counts *to, const sim_counts *more)
{
#define SIM_KIND_ADD(name) to->name += more->name;
	SIM_KINDS(SIM_KIND_ADD)
#undef SIM_KIND_ADD
	for (size_t i = 0; i < SIM_NAT_PAIRINGS; i++)
		to->nat_pairings[i] += more->nat_pairings[i];
}

static void run_all(uint64_t seeds, const char *only, sim_counts *counts)
{
	int from[WORKERS_MAX], ends[2];
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	int workers = n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (int)n;
	_Atomic uint64_t *next =
		mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED) {
		perror("sim");
		exit(EXIT_FAILURE);
	}
	atomic_init(next, 1);
	fflush(stdout);
	for (int i = 0; i < workers; i++) {
		pid_t pid = pipe(ends) == 0 ? fork() : -1;
		if (pid < 0) {
			perror("sim");
			exit(EXIT_FAILURE);
		}
		if (pid == 0)
			work(ends[1], next, seeds, only);
		close(ends[1]);
		from[i] = ends[0];
	}
	for (int i = 0; i < workers; i++) {
		result r = {0};
		if (read(from[i], &r, sizeof r) != (ssize_t)sizeof r) {
			failed++;
			printf("worker %d of %d ended without a result\n", i + 1, workers);
		}
		add(counts, &r.counts);
		passed += (unsigned)r.passed;
		failed += (unsigned)r.failed;
		close(from[i]);
	}
	while (wait(NULL) > 0)
		continue;
}

static void open_capture(const char *path)
{
	sim_capture = fopen(path, "wb");
	if (sim_capture == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	pcapng_begin(sim_capture);
}

static void judge_kind(const char *name, uint64_t count, bool all)
{
	printf("  %-18s %llu\n", name, (unsigned long long)count);
	bool of_peers = strncmp(name, "peer_", 5) == 0 || strncmp(name, "nat_", 4) == 0;
	bool built = sim_peer_case_count != 0 || !of_peers;
	if (!all || !built)
		return;
	if (count != 0) {
		passed++;
		return;
	}
	failed++;
	printf("no seed reached: %s\n", name);
}

static void tell_pairings(const sim_counts *counts)
{
	unsigned reached = 0;
	for (size_t i = 0; i < SIM_NAT_PAIRINGS; i++)
		reached += counts->nat_pairings[i] != 0;
	printf("  %-18s %u of %u\n", "nat_pairings", reached, SIM_NAT_PAIRINGS);
}

int main(int argc, char **argv)
{
	uint64_t seeds = 20;
	const char *only = NULL;
	sim_counts counts = {0};
	if (getenv("SIM_BULK_FULL") != NULL)
		sim_bulk_bytes = BULK_FULL;
	if (argc >= 3 && strcmp(argv[1], "--seed") == 0) {
		only = argc > 3 ? argv[3] : NULL;
		if (argc > 5 && strcmp(argv[4], "--pcapng") == 0)
			open_capture(argv[5]);
		seeds = 1;
		run_seed(strtoull(argv[2], NULL, 10), only, &counts);
	} else {
		seeds = argc >= 2 ? strtoull(argv[1], NULL, 10) : seeds;
		only = argc > 2 ? argv[2] : NULL;
		run_all(seeds, only, &counts);
	}
	if (sim_capture != NULL)
		fclose(sim_capture);
	printf("%llu seeds, %zu cases; they reached:\n", (unsigned long long)seeds,
		sim_sctp_case_count + sim_path_case_count + sim_peer_case_count);
#define SIM_KIND_JUDGE(name) judge_kind(#name, counts.name, only == NULL && seeds >= 5);
	SIM_KINDS(SIM_KIND_JUDGE)
#undef SIM_KIND_JUDGE
	tell_pairings(&counts);
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
