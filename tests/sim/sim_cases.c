/* SPDX-License-Identifier: MIT */
/* sim: the cases of two and more SCTP ends. Each is a function of its seed. */
#include "tests/sim/sim_sctp.h"

#include <string.h>

uint64_t sim_bulk_bytes = (uint64_t)8 << 20;
uint32_t sim_check_steps = 1;

static const sim_link clean = {.delay_us = 10000};
static const sim_link lossy = {.delay_us = 5000,
	.jitter_us = 500,
	.loss_ppm = 50000,
	.reorder_ppm = 50000,
	.reorder_us = 3000,
	.duplicate_ppm = 20000};

static void two_ends(sim_world *w, uint64_t seed, const sim_link *link)
{
	sim_world_init(w, seed, link);
	for (int i = 0; i < 2; i++) {
		sim_world_pool(w, i, 2048);
		sim_world_end(w, i, 1 - i);
	}
}

static void plan(sim_end *e, unsigned streams, uint64_t messages, size_t bytes)
{
	e->streams = streams;
	e->messages_per_stream = messages;
	e->message_bytes = bytes;
}

static void finish(sim_world *w, sim_counts *counts)
{
	sim_world_run(w);
	sim_world_count(w, counts);
}

/* -- handshake: each of the first 12 packets lost, doubled, late; one or both connect -- */

typedef struct {
	uint64_t nth;
	sim_fate fate;
} one_fate;

static sim_fate judge_one(void *user, uint64_t nth, int from)
{
	const one_fate *f = user;
	(void)from;
	return nth == f->nth ? f->fate : SIM_PASS;
}

static void run_handshake(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_verdict verdict = {0};
	for (unsigned i = 0; i < 12 * 3 * 2 && !verdict.failed; i++) {
		one_fate fate = {i % 12, (sim_fate)(SIM_DROP + i / 12 % 3)};
		sim_link link = clean;
		link.reorder_us = 15000;
		two_ends(w, seed * 1000 + i, &link);
		w->net.judge = judge_one;
		w->net.user = &fate;
		for (int k = 0; k < 2; k++) {
			plan(&w->ends[k], 2, 3, 3000);
			w->ends[k].check_each = true;
		}
		tulle_sctp_connect(w->ends[0].sctp, w->now);
		if (i >= 36) /* both at once, as browsers do */
			tulle_sctp_connect(w->ends[1].sctp, w->now);
		w->limit = w->now + 30 * 1000000;
		finish(w, counts);
		for (int k = 0; k < 2; k++)
			if (w->ends[k].connects != 1 || w->ends[k].restarted)
				sim_fail(&w->verdict, "packet %u: connected %u times", i % 12,
					(unsigned)w->ends[k].connects);
		verdict = w->verdict;
		if (i + 1 < 12 * 3 * 2 && !verdict.failed)
			sim_world_free(w);
	}
}

/* -- bulk -- */

static void run_bulk(sim_world *w, uint64_t seed, sim_counts *counts)
{
	two_ends(w, seed, &lossy);
	plan(&w->ends[0], 1, sim_bulk_bytes / 65536, 65536);
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	tulle_sctp_connect(w->ends[1].sctp, w->now);
	w->limit = (tulle_time)24 * 3600 * 1000000;
	finish(w, counts);
}

/* The other kinds of traffic: many streams, any size, both ways, a narrow link, corrupted bits. */
static void run_streams(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = lossy;
	link.bytes_per_s = 2000000;
	link.queue_us_max = 50000;
	link.corrupt_ppm = 5000;
	two_ends(w, seed, &link);
	for (int k = 0; k < 2; k++) {
		plan(&w->ends[k], 40, 30, seed % 2 ? 300 : 9000);
		w->ends[k].random_sizes = w->ends[k].check_each = true;
		w->ends[k].unordered = seed % 3 == 2;
	}
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	finish(w, counts);
}

/* What may be lost: messages with a lifetime or a bound of retransmissions, over a network that
 * loses a tenth. Nothing comes twice, out of order or changed; each stream's last message, which
 * may not be lost, arrives. FIELD: FORWARD-TSN in the middle of a message. */
static bool all_ends_seen(void *world)
{
	const sim_world *w = world;
	for (int i = 0; i < w->count; i++) {
		const sim_end *e = &w->ends[i], *other = &w->ends[e->other];
		for (unsigned s = 0; s < other->streams; s++)
			if (other->unordered ? e->at[s].last_seen == 0
					     : e->at[s].expected != other->messages_per_stream)
				return false;
	}
	return true;
}

static void see_end(void *world, int end, const tulle_sctp_event *event)
{
	sim_world *w = world;
	sim_end *e = &w->ends[end];
	const sim_end *sender = &w->ends[e->other];
	if (event->kind == TULLE_SCTP_MESSAGE && event->last && event->ok &&
		event->ppid + 1 == sender->messages_per_stream)
		e->at[event->stream % SIM_STREAMS].last_seen++;
}

static void run_partial(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = lossy;
	link.loss_ppm = 100000;
	link.bytes_per_s = 500000;
	link.queue_us_max = 100000;
	sim_world_init(w, seed, &link);
	w->config.streamed = seed % 4 == 3;
	if (seed % 3 == 2)
		w->config.receive_bytes_max = w->config.send_bytes_max = 64 << 10;
	for (int k = 0; k < 2; k++) {
		sim_world_pool(w, k, 400);
		sim_world_end(w, k, 1 - k);
		plan(&w->ends[k], 1 + (unsigned)(seed % 9), 60, seed % 2 ? 900 : 6000);
		w->ends[k].random_sizes = w->ends[k].check_each = w->ends[k].partial = true;
		w->ends[k].unordered = seed % 5 == 4;
	}
	w->is_done = all_ends_seen;
	w->on_event = see_end;
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	finish(w, counts);
}

/* Messages larger than all memory, in parts both ways. */
static void run_huge(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = lossy;
	link.loss_ppm = 10000;
	sim_world_init(w, seed, &link);
	w->config.streamed = seed % 2 == 0;
	w->config.interleaving = false; /* two at once would have to fit */
	w->config.receive_bytes_max = w->config.send_bytes_max = 64 << 10;
	for (int i = 0; i < 2; i++) {
		sim_world_pool(w, i, 40);
		sim_world_end(w, i, 1 - i);
		plan(&w->ends[i], 2, 2, 400000);
		w->ends[i].part_bytes = 7000;
		w->ends[i].check_each = true;
	}
	tulle_sctp_connect(w->ends[1].sctp, w->now);
	finish(w, counts);
}

/* -- memory: six ends over two small pools; the reserve must keep each one moving -- */

static void run_pool(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = lossy;
	link.loss_ppm = 20000;
	sim_world_init(w, seed, &link);
	w->config.interleaving = false; /* begun messages would have to fit together */
	sim_world_pool(w, 0, 4 + seed % 40);
	sim_world_pool(w, 1, 4 + seed % 23);
	for (int i = 2; i < 6; i++)
		sim_world_share(w, i, i % 2);
	for (int i = 0; i < 6; i++) {
		sim_world_end(w, i, i ^ 1);
		plan(&w->ends[i], 3, 20, 5000);
		w->ends[i].check_each = true;
		tulle_sctp_connect(w->ends[i].sctp, w->now);
	}
	finish(w, counts);
}

/* -- a reader that pauses: the window closes, nothing is lost, it goes on -- */

static void pause_all(sim_world *w, bool paused)
{
	for (uint16_t s = 0; s < 2; s++) {
		w->ends[1].at[s].paused = paused;
		tulle_sctp_pause(w->ends[1].sctp, w->now, s, paused);
	}
}

static bool window_is_shut(void *world)
{
	sim_world *w = world;
	tulle_sctp_stats s;
	tulle_sctp_read_stats(w->ends[0].sctp, &s);
	return s.window_probes > 2;
}

static void run_pause(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_world_init(w, seed, &clean);
	w->config.receive_bytes_max = 64 << 10;
	for (int i = 0; i < 2; i++) {
		sim_world_pool(w, i, 2048);
		sim_world_end(w, i, 1 - i);
	}
	plan(&w->ends[0], 2, 100, 4000);
	pause_all(w, true);
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	w->is_done = window_is_shut;
	sim_world_run(w);
	if (w->ends[1].delivered != 0)
		sim_fail(&w->verdict, "a paused stream gave bytes");
	pause_all(w, false);
	w->is_done = sim_all_delivered;
	finish(w, counts);
}

/* -- stream reset under loss: the stream begins anew, nothing of before is lost -- */

static bool resets_are_done(void *world)
{
	sim_world *w = world;
	for (unsigned s = 0; s < w->ends[0].streams; s++) {
		sim_stream *a = &w->ends[0].at[s];
		if (!a->reset_asked && a->sent == w->ends[0].messages_per_stream) {
			a->reset_asked = true;
			if (tulle_sctp_reset_stream(w->ends[0].sctp, w->now, (uint16_t)s) !=
				TULLE_OK)
				sim_fail(&w->verdict, "reset_stream refused");
		}
		if (!a->reset_done || !w->ends[1].at[s].reset_seen)
			return false;
	}
	return true;
}

static void judge_reset(void *world, int end, const tulle_sctp_event *event)
{
	sim_world *w = world;
	if (event->kind == TULLE_SCTP_STREAM_RESET_IN &&
		w->ends[end].at[event->stream].expected != w->ends[0].messages_per_stream)
		sim_fail(&w->verdict, "reset came before data");
}

static void run_reset(sim_world *w, uint64_t seed, sim_counts *counts)
{
	two_ends(w, seed, &lossy);
	w->on_event = judge_reset;
	w->is_done = resets_are_done;
	plan(&w->ends[0], 20, 5, 2000);
	w->ends[0].check_each = w->ends[1].check_each = true;
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	sim_world_run(w);
	memset(w->ends[0].at, 0, sizeof w->ends[0].at);
	memset(w->ends[1].at, 0, sizeof w->ends[1].at);
	w->ends[1].delivered_messages = 0;
	sim_world_run(w); /* each stream once more, from SSN 0 */
	w->is_done = sim_all_delivered;
	finish(w, counts);
}

/* -- ends -- */

static bool both_closed(void *world)
{
	sim_world *w = world;
	return w->ends[0].closed && w->ends[1].closed;
}

static bool connected_and_fed(void *world)
{
	sim_world *w = world;
	return w->ends[0].connected && w->ends[0].at[0].sent == w->ends[0].messages_per_stream;
}

static void run_shutdown(sim_world *w, uint64_t seed, sim_counts *counts)
{
	two_ends(w, seed, &lossy);
	plan(&w->ends[0], 1, 20, 3000);
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	w->is_done = connected_and_fed;
	sim_world_run(w);
	tulle_sctp_shutdown(w->ends[0].sctp, w->now);
	if (seed % 2)
		tulle_sctp_shutdown(w->ends[1].sctp, w->now);
	w->is_done = both_closed;
	w->limit = w->now + 400 * 1000000LL;
	finish(w, counts);
	if (seed % 2 == 0 && w->ends[1].delivered_messages != 20)
		sim_fail(&w->verdict, "shutdown lost messages");
}

static void run_abort(sim_world *w, uint64_t seed, sim_counts *counts)
{
	two_ends(w, seed, &clean);
	plan(&w->ends[0], 1, 20, 3000);
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	w->is_done = connected_and_fed;
	sim_world_run(w);
	tulle_sctp_abort(w->ends[0].sctp, w->now, 0, (tulle_text){"enough", 6});
	w->is_done = both_closed;
	finish(w, counts);
	if (w->ends[0].why != TULLE_SCTP_ABORT_LOCAL || w->ends[1].why != TULLE_SCTP_ABORT_REMOTE)
		sim_fail(&w->verdict, "abort says %d and %d", w->ends[0].why, w->ends[1].why);
}

/* The peer forgets everything and connects again: RFC9260:5.2.4 A. */
static bool came_again(void *world)
{
	sim_world *w = world;
	return w->ends[1].restarted && sim_all_delivered(world);
}

static void run_restart(sim_world *w, uint64_t seed, sim_counts *counts)
{
	sim_link link = lossy;
	link.loss_ppm = 30000;
	two_ends(w, seed, &link);
	plan(&w->ends[0], 1, 20, 3000);
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	sim_world_run(w);
	sim_world_renew(w, 0);
	plan(&w->ends[0], 1, 20, 3000);
	memset(w->ends[1].at, 0, sizeof w->ends[1].at);
	w->ends[1].delivered_messages = 0;
	w->ends[1].reading_stream = -1;
	tulle_sctp_connect(w->ends[0].sctp, w->now);
	w->is_done = came_again;
	finish(w, counts);
}

const sim_case sim_sctp_cases[] = {
	{"handshake", run_handshake},
	{"bulk", run_bulk},
	{"streams", run_streams},
	{"partial", run_partial},
	{"huge", run_huge},
	{"pool", run_pool},
	{"pause", run_pause},
	{"reset", run_reset},
	{"shutdown", run_shutdown},
	{"abort", run_abort},
	{"restart", run_restart},
};
const size_t sim_sctp_case_count = sizeof sim_sctp_cases / sizeof *sim_sctp_cases;
