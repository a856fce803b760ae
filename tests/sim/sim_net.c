/* SPDX-License-Identifier: MIT */
/* sim: the network: a heap of datagrams on their way, ordered by arrival, then by sending. */
#include "tests/sim/sim_net.h"

#include <stdlib.h>
#include <string.h>

struct sim_flight {
	tulle_time at;
	uint64_t order;
	int to;
	uint16_t len;
	uint8_t *data;
};

void sim_net_init(sim_net *net, const sim_link *link, sim_prng *prng)
{
	*net = (sim_net){.prng = prng};
	for (int i = 0; i < SIM_PORTS; i++) {
		net->pipes[i].link = *link;
		net->pipes[i].tokens = (uint64_t)link->police_bytes_max * 1000000;
		net->ports[i].pipe = i;
	}
}

void sim_net_free(sim_net *net)
{
	for (size_t i = 0; i < net->count; i++)
		free(net->heap[i].data);
	free(net->heap);
	for (int i = 0; i < SIM_PORTS; i++)
		free(net->pipes[i].queue);
}

static bool before(const struct sim_flight *a, const struct sim_flight *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(sim_net *net, struct sim_flight f)
{
	if (net->count == net->cap) {
		net->cap = net->cap ? 2 * net->cap : 256;
		net->heap = realloc(net->heap, net->cap * sizeof *net->heap);
	}
	size_t i = net->count++;
	while (i > 0 && before(&f, &net->heap[(i - 1) / 2])) {
		net->heap[i] = net->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	net->heap[i] = f;
}

static struct sim_flight pop(sim_net *net)
{
	struct sim_flight top = net->heap[0], f = net->heap[--net->count];
	size_t i = 0;
	for (;;) {
		size_t k = 2 * i + 1;
		if (k >= net->count)
			break;
		if (k + 1 < net->count && before(&net->heap[k + 1], &net->heap[k]))
			k++;
		if (!before(&net->heap[k], &f))
			break;
		net->heap[i] = net->heap[k];
		i = k;
	}
	net->heap[i] = f;
	return top;
}

static void fly(sim_net *net, const sim_link *link, struct sim_flight f, const uint8_t *data)
{
	f.order = net->order++;
	f.data = malloc(f.len);
	memcpy(f.data, data, f.len);
	if (sim_chance(net->prng, link->corrupt_ppm)) {
		net->corrupted++;
		f.data[sim_below(net->prng, f.len)] ^= (uint8_t)(1u << sim_below(net->prng, 8));
	}
	push(net, f);
}

/* -- what a pipe does to one datagram -- */

static void drain(sim_pipe *p, tulle_time now)
{
	while (p->head != p->tail && p->queue[p->head & (p->cap - 1)].leaves <= now)
		p->queue_bytes -= p->queue[p->head++ & (p->cap - 1)].bytes;
}

static void enqueue(sim_pipe *p, sim_queued q)
{
	if (p->tail - p->head == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		sim_queued *ring = malloc(cap * sizeof *ring);
		for (size_t i = p->head; i != p->tail; i++)
			ring[i & (cap - 1)] = p->queue[i & (p->cap - 1)];
		free(p->queue);
		p->queue = ring;
		p->cap = cap;
	}
	p->queue[p->tail++ & (p->cap - 1)] = q;
	p->queue_bytes += q.bytes;
}

static bool has_room(const sim_pipe *p, tulle_time now, size_t bytes)
{
	const sim_link *l = &p->link;
	if (l->queue_us_max != 0 && p->busy_until - now > l->queue_us_max)
		return false;
	if (l->queue_packets_max != 0 && p->tail - p->head >= l->queue_packets_max)
		return false;
	return l->queue_bytes_max == 0 || p->queue_bytes + bytes <= l->queue_bytes_max;
}

static bool conforms(sim_pipe *p, tulle_time now, size_t bytes)
{
	if (p->link.police_bytes_per_s == 0)
		return true;
	uint64_t full = (uint64_t)p->link.police_bytes_max * 1000000;
	p->tokens += (uint64_t)(now - p->filled) * p->link.police_bytes_per_s;
	p->filled = now;
	if (p->tokens > full)
		p->tokens = full;
	if (p->tokens < (uint64_t)bytes * 1000000)
		return false;
	p->tokens -= (uint64_t)bytes * 1000000;
	return true;
}

/* When it is through the link; NEVER: the queue is full. */
static tulle_time through(sim_pipe *p, tulle_time now, size_t bytes)
{
	if (p->link.bytes_per_s == 0)
		return now;
	drain(p, now);
	if (!has_room(p, now, bytes))
		return TULLE_TIME_NEVER;
	tulle_time start = p->busy_until > now ? p->busy_until : now;
	p->rest = start > now ? p->rest : 0; /* a fast link sends several in a microsecond */
	uint64_t work = (uint64_t)bytes * 1000000 + p->rest;
	p->busy_until = start + (tulle_time)(work / p->link.bytes_per_s);
	p->rest = work % p->link.bytes_per_s;
	enqueue(p, (sim_queued){p->busy_until, bytes});
	uint64_t waited = (uint64_t)(start - now), waiting = p->tail - p->head;
	p->waited_us += waited;
	p->waited_us_top = waited > p->waited_us_top ? waited : p->waited_us_top;
	p->queue_packets_top = waiting > p->queue_packets_top ? waiting : p->queue_packets_top;
	return p->busy_until;
}

static bool is_lost(sim_net *net, sim_pipe *p, tulle_time now)
{
	const sim_link *l = &p->link;
	if (now >= l->down_from && now < l->down_until) {
		net->cut++;
		return true;
	}
	bool lost = false;
	if (l->burst_begin_ppm != 0) {
		bool was = p->in_burst &&
			   (l->burst_us_max == 0 || now - p->burst_since < l->burst_us_max);
		unsigned turn = was ? l->burst_end_ppm : l->burst_begin_ppm;
		p->in_burst = sim_chance(net->prng, turn) ? !was : was;
		if (p->in_burst && !was) {
			net->bursts++;
			p->burst_since = now;
		}
		lost = p->in_burst && sim_chance(net->prng, l->burst_loss_ppm);
	}
	return lost || sim_chance(net->prng, l->loss_ppm);
}

/* FIELD: pointer or uninitialised bytes on the wire. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define LOOK_AT(data, len) __msan_check_mem_is_initialized(data, len)
#endif
#endif
#ifndef LOOK_AT
#define LOOK_AT(data, len) ((void)0)
#endif

void sim_net_change(sim_net *net, tulle_time at, int pipe, const sim_link *link)
{
	if (net->change_count == SIM_CHANGES)
		abort();
	size_t i = net->change_count++;
	net->changes[i].at = at;
	net->changes[i].pipe = pipe;
	net->changes[i].link = *link;
}

static void apply_changes(sim_net *net, tulle_time now)
{
	while (net->change_done < net->change_count && net->changes[net->change_done].at <= now) {
		size_t i = net->change_done++;
		net->pipes[net->changes[i].pipe].link = net->changes[i].link;
	}
}

/* Why it will not arrive, or NULL and when it is through. */
static const char *pass(
	sim_net *net, sim_pipe *p, tulle_time *at, sim_fate fate, size_t bytes, bool may_cut)
{
	tulle_time now = *at;
	p->offered++;
	if (p->link.mtu != 0 && bytes > p->link.mtu && !may_cut) {
		p->too_big++;
		net->too_big++;
		return "too big";
	}
	if (fate == SIM_DROP || is_lost(net, p, now)) {
		p->lost++;
		net->lost++;
		return "lost";
	}
	if (!conforms(p, now, bytes)) {
		p->policed++;
		net->policed++;
		return "policed";
	}
	*at = through(p, now, bytes);
	if (*at == TULLE_TIME_NEVER) {
		p->overflowed++;
		net->overflowed++;
		return "overflowed";
	}
	p->passed++;
	p->passed_bytes += bytes;
	return NULL;
}

static tulle_time arrival(sim_net *net, sim_pipe *p, tulle_time at)
{
	at += p->link.delay_us;
	if (p->link.jitter_us != 0)
		at += (tulle_time)sim_below(net->prng, (uint64_t)p->link.jitter_us);
	if (p->link.in_order && at < p->last_arrival)
		at = p->last_arrival;
	p->last_arrival = at;
	return at;
}

static void send(sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len,
	size_t wire_bytes, bool may_cut)
{
	LOOK_AT(data, len);
	apply_changes(net, now);
	sim_pipe *p = &net->pipes[net->ports[from].pipe];
	sim_fate fate = net->judge != NULL ? net->judge(net->user, net->sent, from) : SIM_PASS;
	net->sent++;
	tulle_time at = now;
	const char *why = pass(net, p, &at, fate, wire_bytes, may_cut);
	if (net->tap != NULL)
		net->tap(net->tap_user, now, from, to, data, len, why);
	if (why != NULL)
		return;
	at = arrival(net, p, at);
	if (fate == SIM_LATE || sim_chance(net->prng, p->link.reorder_ppm)) {
		net->late++;
		at += p->link.reorder_us;
	}
	struct sim_flight f = {.at = at, .to = to, .len = (uint16_t)len};
	fly(net, &p->link, f, data);
	if (fate == SIM_DOUBLE || sim_chance(net->prng, p->link.duplicate_ppm)) {
		net->doubled++;
		f.at++;
		fly(net, &p->link, f, data);
	}
}

void sim_net_send_as(sim_net *net, tulle_time now, int from, int to, const uint8_t *data,
	size_t len, size_t wire_bytes)
{
	send(net, now, from, to, data, len, wire_bytes, false);
}

void sim_net_send(sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len)
{
	send(net, now, from, to, data, len, len + net->ports[from].overhead_bytes, false);
}

void sim_net_send_cut(
	sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len)
{
	send(net, now, from, to, data, len, len + net->ports[from].overhead_bytes, true);
}

size_t sim_net_queue(sim_net *net, tulle_time now, int pipe)
{
	drain(&net->pipes[pipe], now);
	return net->pipes[pipe].tail - net->pipes[pipe].head;
}

tulle_time sim_net_next(const sim_net *net)
{
	return net->count != 0 ? net->heap[0].at : TULLE_TIME_NEVER;
}

bool sim_net_take(sim_net *net, tulle_time now, int *to, uint8_t *dst, size_t *len)
{
	if (net->count == 0 || net->heap[0].at > now)
		return false;
	struct sim_flight f = pop(net);
	*to = f.to;
	*len = f.len;
	memcpy(dst, f.data, f.len);
	free(f.data);
	return true;
}
