/* SPDX-License-Identifier: MIT */
/* sim: a network of directed links in virtual time: delay, jitter, rate with a drop-tail queue,
 * loss, duplication, reordering, corruption. It knows datagrams and numbers of ends, no protocol.
 */
#ifndef TULLE_SIM_NET_H
#define TULLE_SIM_NET_H
#include "tests/sim/sim_clock.h"

#define SIM_DATAGRAM_MAX 2048u

typedef struct {
	tulle_time delay_us, jitter_us;
	uint64_t bytes_per_s;    /* 0: no limit */
	tulle_time queue_us_max; /* drop-tail: longest wait for the link */
	unsigned loss_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm;
	tulle_time reorder_us; /* how much later a reordered one comes */
} sim_link;

typedef enum { SIM_PASS, SIM_DROP, SIM_DOUBLE, SIM_LATE } sim_fate;

typedef struct sim_net sim_net;

struct sim_net {
	sim_link link;
	sim_prng *prng;
	tulle_time busy_until[16]; /* of the link from each end */
	/* The fate of the nth datagram of all, when a case wants to decide it itself. */
	sim_fate (*judge)(void *user, uint64_t nth, int from);
	void *user;
	uint64_t sent, lost, doubled, late, corrupted, overflowed;
	struct sim_flight *heap;
	size_t count, cap;
	uint64_t order;
};

void sim_net_init(sim_net *net, const sim_link *link, sim_prng *prng);
void sim_net_free(sim_net *net);
void sim_net_send(sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len);
tulle_time sim_net_next(const sim_net *net); /* when the next one arrives */
/* One that has arrived by now into dst; false: none. */
bool sim_net_take(sim_net *net, tulle_time now, int *to, uint8_t *dst, size_t *len);
#endif
