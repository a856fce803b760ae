/* SPDX-License-Identifier: MIT */
/* sim: a network of directed pipes in virtual time. A pipe is a bottleneck that all ends who send
 * into it share: rate, drop-tail queue, policer, delay, jitter, loss at random and in bursts,
 * duplication, reordering, corruption, path MTU, partition; and it may change in mid-run. It knows
 * datagrams and numbers of ends, no protocol. */
#ifndef TULLE_SIM_NET_H
#define TULLE_SIM_NET_H
#include "tests/sim/sim_clock.h"

#define SIM_DATAGRAM_MAX 2048u
#define SIM_PORTS 16
#define SIM_CHANGES 8

/* Zero: not there, no bound. Bytes are those on the wire: the datagram and its port's overhead. */
typedef struct {
	tulle_time delay_us, jitter_us;
	bool in_order; /* jitter overtakes nobody */
	uint64_t bytes_per_s;
	tulle_time queue_us_max;                   /* drop-tail: longest wait for the link */
	size_t queue_packets_max, queue_bytes_max; /* with the one that is being sent */
	uint64_t police_bytes_per_s; /* a token bucket without a queue, before the link */
	size_t police_bytes_max;
	size_t mtu; /* larger ones vanish */
	unsigned loss_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm;
	tulle_time reorder_us; /* how much later a reordered one comes */
	/* Gilbert-Elliott: each datagram may begin or end a burst; in one, so many are lost */
	unsigned burst_begin_ppm, burst_end_ppm, burst_loss_ppm;
	tulle_time burst_us_max; /* and time ends one too: rare datagrams would make it last */
	tulle_time down_from, down_until; /* partition */
} sim_link;

typedef enum { SIM_PASS, SIM_DROP, SIM_DOUBLE, SIM_LATE } sim_fate;

typedef struct {
	tulle_time leaves;
	size_t bytes;
} sim_queued;

typedef struct {
	sim_link link;
	tulle_time busy_until, last_arrival, filled; /* filled: the bucket, last */
	uint64_t rest;                               /* of the division that gave busy_until */
	uint64_t tokens;                             /* bytes x 10^6 */
	bool in_burst;
	tulle_time burst_since;
	sim_queued *queue; /* a ring of cap, a power of two */
	size_t cap, head, tail, queue_bytes;
	/* counts; waited_us: of all that passed, so mean wait and, over time, mean queue follow */
	uint64_t offered, passed, passed_bytes, lost, overflowed, policed, too_big;
	uint64_t waited_us, queue_packets_top, waited_us_top;
} sim_pipe;

typedef struct sim_net sim_net;

struct sim_net {
	sim_prng *prng;
	sim_pipe pipes[SIM_PORTS];
	struct {
		int pipe;                /* into which its end sends: its own */
		unsigned overhead_bytes; /* IP, UDP, DTLS */
	} ports[SIM_PORTS];
	struct {
		tulle_time at;
		int pipe;
		sim_link link;
	} changes[SIM_CHANGES];
	size_t change_count, change_done;
	/* The fate of the nth datagram of all, when a case wants to decide it itself. */
	sim_fate (*judge)(void *user, uint64_t nth, int from);
	void *user;
	/* Sees each datagram as it is sent; fate NULL: it will arrive. */
	void (*tap)(void *user, tulle_time now, int from, int to, const uint8_t *data, size_t len,
		const char *fate);
	void *tap_user;
	/* lost: cut ones too, which a partition took */
	uint64_t sent, lost, cut, doubled, late, corrupted, overflowed, policed, too_big, bursts;
	struct sim_flight *heap;
	size_t count, cap;
	uint64_t order;
};

/* Every end has a pipe of its own, all with this link. */
void sim_net_init(sim_net *net, const sim_link *link, sim_prng *prng);
void sim_net_free(sim_net *net);
/* From `at` on the pipe has this link; what waits in its queue leaves as it was promised. Called
 * in order of time. */
void sim_net_change(sim_net *net, tulle_time at, int pipe, const sim_link *link);
void sim_net_send(sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len);
/* One that may be cut on its way: no MTU stops it. */
void sim_net_send_cut(
	sim_net *net, tulle_time now, int from, int to, const uint8_t *data, size_t len);
/* One that takes wire_bytes of the link whatever its content. */
void sim_net_send_as(sim_net *net, tulle_time now, int from, int to, const uint8_t *data,
	size_t len, size_t wire_bytes);
size_t sim_net_queue(sim_net *net, tulle_time now, int pipe); /* datagrams that wait */
tulle_time sim_net_next(const sim_net *net);                  /* when the next one arrives */
/* One that has arrived by now into dst; false: none. */
bool sim_net_take(sim_net *net, tulle_time now, int *to, uint8_t *dst, size_t *len);
#endif
