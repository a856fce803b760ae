/* SPDX-License-Identifier: MIT */
/* sim: `sim SEEDS` runs every case with each seed, `sim --seed N [CASE [--pcapng FILE]]` one seed
 * again, its SCTP packets into a capture file. It says what the seeds reached; a kind of event that
 * never came fails a run of all cases. */
#include "tests/sim/sim_peer.h"
#include "tests/sim/sim_sctp.h"

#include "tests/support/pcapng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void run_peers(uint64_t first, uint64_t seeds, const char *only, sim_counts *counts)
{
	for (size_t c = 0; c < sim_peer_case_count; c++)
		for (uint64_t seed = first; seed < first + seeds; seed++) {
			sim_verdict verdict = {0};
			if (only != NULL && strcmp(only, sim_peer_cases[c].name) != 0)
				continue;
			sim_peer_cases[c].run(&verdict, seed, counts);
			judge_one(sim_peer_cases[c].name, seed, &verdict);
		}
}

static void run_table(const sim_case *cases, size_t count, uint64_t first, uint64_t seeds,
	const char *only, sim_counts *counts)
{
	for (size_t c = 0; c < count; c++)
		for (uint64_t seed = first; seed < first + seeds; seed++)
			if (only == NULL || strcmp(only, cases[c].name) == 0)
				run_one(&cases[c], seed, counts);
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
	bool built = sim_peer_case_count != 0 || strncmp(name, "peer_", 5) != 0;
	if (!all || !built)
		return;
	if (count != 0) {
		passed++;
		return;
	}
	failed++;
	printf("no seed reached: %s\n", name);
}

int main(int argc, char **argv)
{
	uint64_t first = 1, seeds = 20;
	const char *only = NULL;
	if (argc >= 3 && strcmp(argv[1], "--seed") == 0) {
		first = strtoull(argv[2], NULL, 10);
		seeds = 1;
		only = argc > 3 ? argv[3] : NULL;
		if (argc > 5 && strcmp(argv[4], "--pcapng") == 0)
			open_capture(argv[5]);
	} else if (argc >= 2) {
		seeds = strtoull(argv[1], NULL, 10);
		only = argc > 2 ? argv[2] : NULL;
	}
	/* the whole 64 MiB where the run is long anyway, and when one seed is looked at */
	if (seeds >= 100 || getenv("SIM_BULK_FULL") != NULL)
		sim_bulk_bytes = (uint64_t)64 << 20;
	sim_counts counts = {0};
	run_table(sim_sctp_cases, sim_sctp_case_count, first, seeds, only, &counts);
	run_table(sim_path_cases, sim_path_case_count, first, seeds, only, &counts);
	run_peers(first, seeds, only, &counts);
	if (sim_capture != NULL)
		fclose(sim_capture);
	printf("%llu seeds, %zu cases, bulk of %llu MiB; they reached:\n",
		(unsigned long long)seeds,
		sim_sctp_case_count + sim_path_case_count + sim_peer_case_count,
		(unsigned long long)(sim_bulk_bytes >> 20));
#define SIM_KIND_JUDGE(name) judge_kind(#name, counts.name, only == NULL && seeds >= 5);
	SIM_KINDS(SIM_KIND_JUDGE)
#undef SIM_KIND_JUDGE
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
