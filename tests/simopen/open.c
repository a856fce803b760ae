/* SPDX-License-Identifier: MIT */
/* How long a channel takes to open, in virtual time: round trips of 50 ms from the answer's arrival
 * to the offerer's open channel without loss, and milliseconds at 10 % loss over many seeds.
 * usage: simopen [--seeds N] [--json FILE]; exit 1: a bar is missed. */
#include "tests/support/couple.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_WAY ((tulle_time)25000)
#define RTT (2 * ONE_WAY)
#define SECOND ((tulle_time)1000000)
#define SEEDS_MAX 100000

static bool is_open(const couple *c)
{
	return c->end[0].events[TULLE_PEER_OPEN] != 0;
}

/* Microseconds, -1: never. */
static tulle_time time_to_open(bool fewer, uint64_t seed, unsigned loss)
{
	static couple c;
	tulle_peer_config config = {.no_sped = !fewer, .no_snap = !fewer};
	tulle_channel channel;
	c = (couple){.seed = seed, .loss = loss, .delay_us = ONE_WAY};
	couple_seed_openssl(seed);
	couple_open(&c, &config, &config);
	bool ok = tulle_channel_create(c.end[0].peer, "x", NULL, &channel) == TULLE_OK &&
		  couple_describe(&c, 0) == TULLE_OK;
	tulle_time from = c.now;
	ok = ok && couple_run(&c, is_open, 60 * SECOND);
	tulle_time took = ok ? c.now - from : -1;
	couple_close(&c);
	return took;
}

static int compare(const void *a, const void *b)
{
	tulle_time x = *(const tulle_time *)a, y = *(const tulle_time *)b;
	return (x > y) - (x < y);
}

/* The 99th percentile in milliseconds; -1: more of them were not open after a minute. */
static double p99_of(bool fewer, size_t seeds)
{
	tulle_time *took = malloc(seeds * sizeof *took);
	if (took == NULL)
		abort();
	for (size_t i = 0; i < seeds; i++) {
		took[i] = time_to_open(fewer, i + 1, 100);
		if (took[i] < 0)
			took[i] = TULLE_TIME_NEVER;
	}
	qsort(took, seeds, sizeof *took, compare);
	tulle_time p99 = took[seeds * 99 / 100];
	free(took);
	return p99 == TULLE_TIME_NEVER ? -1 : (double)p99 / 1000;
}

static unsigned missed;

static void row(FILE *json, const char *key, const char *unit, double value, double most)
{
	bool ok = value >= 0 && value <= most;
	printf("%-28s %10.2f %s   at most %.2f%s\n", key, value, unit, most, ok ? "" : "   MISSED");
	missed += !ok;
	if (json != NULL)
		fprintf(json, "%s\t\"%s\": {\"unit\": \"%s\", \"tulle\": %.3f}",
			ftell(json) > 2 ? ",\n" : "", key, unit, value);
}

static size_t seeds_of(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	return *end == '\0' && n >= 100 && n <= SEEDS_MAX ? n : 0;
}

int main(int argc, char **argv)
{
	size_t seeds = 3000;
	const char *file = NULL;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seeds") == 0)
			seeds = seeds_of(argv[i + 1]);
		if (strcmp(argv[i], "--json") == 0)
			file = argv[i + 1];
	}
	FILE *json = file != NULL ? fopen(file, "w") : NULL;
	if (seeds == 0 || argc % 2 == 0 || (file != NULL && json == NULL)) {
		fputs("usage: simopen [--seeds 100..100000] [--json FILE]\n", stderr);
		return 2;
	}
	if (json != NULL)
		fputs("{\n", json);
	row(json, "open_rtt_plain", "round_trips", (double)time_to_open(false, 1, 0) / RTT, 5);
	row(json, "open_rtt_sped_snap", "round_trips", (double)time_to_open(true, 1, 0) / RTT, 2);
	row(json, "open_loss10_plain_p99", "ms", p99_of(false, seeds), 60000);
	row(json, "open_loss10_p99", "ms", p99_of(true, seeds), 1500);
	if (json != NULL) {
		fputs("\n}\n", json);
		fclose(json);
	}
	printf("4 rows, %u missed\n", missed);
	return missed != 0;
}
