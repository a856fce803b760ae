/* SPDX-License-Identifier: MIT */
/* simpath: flows of several kinds over one bottleneck in virtual time. A flow is a bulk sender that
 * never runs dry and a receiver that reads at once; flow i sends from port 2i to port 2i + 1, all
 * senders share pipe 0, all receivers answer through pipe 1. A run is a function of its plan. */
#ifndef TULLE_SIMPATH_PATH_H
#define TULLE_SIMPATH_PATH_H
#include "tests/sim/sim_net.h"

#include <stdio.h>

#define PATH_FLOWS 8
#define PATH_EVENTS 4
#define PATH_START 1000000 /* where virtual time begins */

/* What a datagram of ours costs beside SCTP: IPv4 20, UDP 8, DTLS 1.2 with AES-GCM 37. */
#define PATH_TULLE_OVERHEAD 65u

typedef struct path_world path_world;
typedef struct path_flow path_flow;

typedef struct {
	size_t cwnd, flight; /* bytes */
	tulle_time srtt_us;
	uint64_t retransmissions, spurious, timeouts;
	size_t wire_bytes, payload_bytes; /* of the largest packet */
} path_sample;

typedef struct {
	const char *name;
	void *(*open)(path_flow *flow);
	void (*handle)(path_flow *flow, int port, const uint8_t *data, size_t len);
	void (*timeout)(path_flow *flow);
	tulle_time (*next)(const path_flow *flow);
	void (*read)(const path_flow *flow, path_sample *sample);
	void (*close)(path_flow *flow);
} path_way;

extern const path_way path_way_tulle, path_way_cubic, path_way_newreno;
extern const path_way path_way_tulle_cubic, path_way_tulle_newreno;

struct path_flow {
	const path_way *way;
	path_world *world;
	int port;
	const char *wrong; /* what a flow may not do; ends the run */
	uint64_t delivered, delivered_from, delivered_tick;
	path_sample sample_from;
	void *state;
};

typedef struct {
	const path_way *way;
	tulle_time start;
} path_flow_plan;

typedef struct {
	sim_link link; /* of both directions */
	tulle_time seconds_us, from_us;
	uint64_t seed;
	size_t window_bytes;  /* of a tulle end's buffers, each way */
	size_t message_bytes; /* of its messages */
	int cc;               /* a tulle_sctp_control, of flows of kind tulle */
	size_t probe_bytes;   /* IP bytes up to which tulle looks for larger packets; 0: none */
	path_flow_plan flows[PATH_FLOWS];
	size_t flow_count;
	struct {
		tulle_time at;
		sim_link link;
	} events[PATH_EVENTS];
	size_t event_count;
	FILE *trace;
} path_plan;

typedef struct {
	double mib_per_s, ceiling_mib_per_s;
	uint64_t retransmissions, spurious, timeouts; /* of the window */
	uint64_t timeouts_all;                        /* of the whole run */
	size_t wire_bytes, payload_bytes;
} path_flow_result;

typedef struct {
	path_flow_result flows[PATH_FLOWS];
	double loss_percent, overflow_percent, police_percent; /* of what entered pipe 0 */
	double queue_ms_mean, queue_ms_max, queue_packets_mean;
	uint64_t queue_packets_max;
	const char *wrong;
} path_result;

struct path_world {
	sim_prng prng;
	sim_net net;
	tulle_time now;
	const path_plan *plan;
	path_flow flows[PATH_FLOWS];
};

/* A datagram of a flow's end; wire_bytes 0: its length and the port's overhead. */
void path_send(path_flow *flow, int port, const uint8_t *data, size_t len, size_t wire_bytes);
void path_run(const path_plan *plan, path_result *result);
#endif
