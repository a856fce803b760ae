/* SPDX-License-Identifier: MIT */
/* sim: cases of what a path does to an association: bursts of loss, a partition, a change of rate
 * and delay, a policer. Each is a function of its seed; all data must come, and in time. */
#include "tests/sim/sim_sctp.h"

#define SECONDS 1000000
#define MTU_OVERHEAD 65u /* IP, UDP, DTLS */

/* 20 Mbit/s, 20 ms, two such delays of queue. */
static const sim_link narrow = {.delay_us = 10000,
	.jitter_us = 300,
	.in_order = true,
	.bytes_per_s = 2500000,
	.queue_packets_max = 80};

static void two_ends(sim_world *w, uint64_t seed, const sim_link *link)
{
	sim_world_init(w, seed, link);
	for (int i = 0; i < 2; i++) {
		sim_world_pool(w, i, 4096);
		sim_world_end(w, i, 1 - i);
		w->net.ports[i].overhead_bytes = MTU_OVERHEAD;
	}
}

/* MiB from end 0 to end 1, a tenth of it back; all there within so many seconds. */
static void transfer(sim_world *w, unsigned mib, unsigned seconds, sim_counts *counts)
{
	w->ends[0].streams = 4;
	w->ends[0].message_bytes = 20000;
	w->ends[0].messages_per_stream = mib * 1048576u / 4 / 20000;
	w->ends[1].streams = 2;
	w->ends[1].message_bytes = 2000;
	w->ends[1].messages_per_stream = mib * 1048576u / 2 / 2000 / 10;
	w->limit = w->now + (tulle_time)seconds * SECONDS;
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	sim_world_run(w);
	sim_world_count(w, counts);
}

static void run_burst(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = narrow;
	link.burst_begin_ppm = 2000;
	link.burst_end_ppm = 50000 + (unsigned)(seed % 4) * 50000; /* bursts of 20 to 5 */
	link.burst_us_max = 200000;
	link.burst_loss_ppm = seed % 2 ? 1000000 : 700000;
	two_ends(w, seed, &link);
	transfer(w, 4, 30, counts);
}

/* Nothing passes for half a second to eight; then it goes on, before a second RTO of the most. */
static void run_partition(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = narrow;
	link.down_from = 1500000;
	link.down_until = link.down_from + (tulle_time)(1 + seed % 16) * 500000;
	two_ends(w, seed, &link);
	transfer(w, 4, 30, counts);
	if (w->now < link.down_until)
		sim_fail(&w->verdict, "all was there before the partition ended");
}

/* To another network and back: a tenth of the rate and ten times the delay, then more than ever. */
static void run_path_change(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link slow = narrow, fast = narrow;
	slow.bytes_per_s = 250000;
	slow.delay_us = 100000;
	fast.bytes_per_s = 12500000;
	fast.delay_us = 2000;
	two_ends(w, seed, &narrow);
	for (int pipe = 0; pipe < 2; pipe++)
		sim_net_change(&w->net, 1500000 + (tulle_time)(seed % 7) * 50000, pipe, &slow);
	for (int pipe = 0; pipe < 2; pipe++)
		sim_net_change(&w->net, 4500000, pipe, &fast);
	transfer(w, 6, 60, counts);
}

/* A bucket without a queue: what is too fast is lost, and must not be most. */
static void run_policer(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = {.delay_us = 10000,
		.jitter_us = 300,
		.in_order = true,
		.bytes_per_s = 12500000,
		.police_bytes_per_s = 1250000,
		.police_bytes_max = 20000 + seed % 5 * 20000};
	two_ends(w, seed, &link);
	transfer(w, 8, 120, counts);
	const sim_pipe *p = &w->net.pipes[0];
	if (p->policed * 4 > p->offered)
		sim_fail(&w->verdict, "%llu of %llu packets went to a policer",
			(unsigned long long)p->policed, (unsigned long long)p->offered);
}

/* -- path MTU: RFC 8899 -- */

#define BASE_BYTES 1160u
#define MOST_BYTES 1432u

/* 8 Mbit/s: slow enough for a search to end before the transfer does */
static sim_link slow_of(size_t mtu)
{
	sim_link link = narrow;
	link.bytes_per_s = 1000000;
	link.mtu = mtu;
	return link;
}

static void searching_ends(sim_world *w, uint64_t seed, const sim_link *link)
{
	two_ends(w, seed, link);
	w->config.packet_bytes_max = BASE_BYTES;
	w->config.probe_bytes_max = MOST_BYTES;
	for (int i = 0; i < 2; i++)
		sim_world_renew(w, i);
}

/* The first so many ends know what the path takes, but for what is not searched for. */
static void judge_size(sim_world *w, int ends, size_t mtu)
{
	size_t takes = mtu - MTU_OVERHEAD < MOST_BYTES ? mtu - MTU_OVERHEAD : MOST_BYTES;
	for (int i = 0; i < ends; i++) {
		tulle_sctp_stats s;
		tulle_sctp_read_stats(w->ends[i].sctp, &s);
		if (s.packet_bytes > takes || s.packet_bytes + 12 < takes)
			sim_fail(&w->verdict, "packets of %zu bytes where %zu pass", s.packet_bytes,
				takes);
	}
}

/* Larger than what it begins with: the size is raised. */
static void run_mtu_raise(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = slow_of(1240 + seed % 14 * 20);
	link.loss_ppm = seed % 3 == 0 ? 10000 : 0;
	searching_ends(w, seed, &link);
	transfer(w, 30, 60, counts);
	judge_size(w, 2, link.mtu);
}

/* It shrinks in mid-transfer: what has its number goes cut, what has none in smaller packets. */
static void run_mtu_shrink(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = slow_of(1500), small = slow_of(1240 + seed % 13 * 20);
	searching_ends(w, seed, &link);
	for (int pipe = 0; pipe < 2; pipe++)
		sim_net_change(&w->net, 3000000 + (tulle_time)(seed % 7) * 50000, pipe, &small);
	transfer(w, 40, 80, counts);
	judge_size(w, 2, small.mtu);
	if (w->net.too_big > 1000)
		sim_fail(&w->verdict, "%llu were too big", (unsigned long long)w->net.too_big);
}

/* Not even what it begins with passes, from the beginning or later: the least size there is. */
static void run_mtu_error(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link small = slow_of(600 + seed % 6 * 100);
	sim_link link = slow_of(seed % 2 ? 1500 : small.mtu);
	searching_ends(w, seed, &link);
	for (int pipe = 0; pipe < 2; pipe++)
		sim_net_change(&w->net, 3000000, pipe, &small);
	transfer(w, 12, 40, counts);
	judge_size(w, 1, 508 + MTU_OVERHEAD); /* the other end may have been done before */
}

const sim_case sim_path_cases[] = {
	{"mtu_raise", run_mtu_raise},
	{"mtu_shrink", run_mtu_shrink},
	{"mtu_error", run_mtu_error},
	{"burst", run_burst},
	{"partition", run_partition},
	{"path_change", run_path_change},
	{"policer", run_policer},
};
const size_t sim_path_case_count = sizeof sim_path_cases / sizeof *sim_path_cases;
