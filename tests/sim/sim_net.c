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
	*net = (sim_net){.link = *link, .prng = prng};
}

void sim_net_free(sim_net *net)
{
	for (size_t i = 0; i < net->count; i++)
		free(net->heap[i].data);
	free(net->heap);
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

static void fly(sim_net *net, tulle_time at, int to, const uint8_t *data, size_t len)
{
	struct sim_flight f = {.at = at, .order = net->order++, .to = to, .len = (uint16_t)len};
	f.data = malloc(len);
	memcpy(f.data, data, len);
	if (sim_chance(net->prng, net->link.corrupt_ppm)) {
		net->corrupted++;
		f.data[sim_below(net->prng, len)] ^= (uint8_t)(1u << sim_below(net->prng, 8));
	}
	push(net, f);
}

/* When it is through the link; NEVER: the queue is full. */
static tulle_time through(sim_net *net, tulle_time now, int from, size_t len)
{
	if (net->link.bytes_per_s == 0)
		return now;
	tulle_time *busy = &net->busy_until[from & 15];
	tulle_time start = *busy > now ? *busy : now;
	if (net->link.queue_us_max != 0 && start - now > net->link.queue_us_max)
		return TULLE_TIME_NEVER;
	*busy = start + (tulle_time)(len * 1000000 / net->link.bytes_per_s);
	return *busy;
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

void sim_net_send(sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len)
{
	LOOK_AT(data, len);
	sim_fate fate = net->judge != NULL ? net->judge(net->user, net->sent, from) : SIM_PASS;
	net->sent++;
	if (fate == SIM_DROP || sim_chance(net->prng, net->link.loss_ppm)) {
		net->lost++;
		return;
	}
	tulle_time at = through(net, now, from, len);
	if (at == TULLE_TIME_NEVER) {
		net->overflowed++;
		return;
	}
	at += net->link.delay_us;
	if (net->link.jitter_us != 0)
		at += (tulle_time)sim_below(net->prng, (uint64_t)net->link.jitter_us);
	if (fate == SIM_LATE || sim_chance(net->prng, net->link.reorder_ppm)) {
		net->late++;
		at += net->link.reorder_us;
	}
	fly(net, at, to, data, len);
	if (fate == SIM_DOUBLE || sim_chance(net->prng, net->link.duplicate_ppm)) {
		net->doubled++;
		fly(net, at + 1, to, data, len);
	}
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
