/* SPDX-License-Identifier: MIT */
/* simpath: the window law of a TCP flow, apart from its loss recovery. Windows are segments. */
#ifndef TULLE_SIMPATH_TCP_H
#define TULLE_SIMPATH_TCP_H
#include "tests/simpath/path.h"

typedef struct path_tcp_law path_tcp_law;

typedef struct {
	const path_tcp_law *law;
	double cwnd, ssthresh;
	tulle_time rtt_min_us, srtt_us;
	/* CUBIC: RFC9438:4.1 */
	double w_max, w_est, k, cwnd_start;
	tulle_time epoch; /* 0: none under way */
	/* HyStart, as RFC9438:4.10 asks and Linux does it: by round */
	uint32_t round_end;
	tulle_time round_start, last_ack, rtt_round_us;
	unsigned samples;
} path_tcp_window;

typedef struct {
	tulle_time now, rtt_us; /* rtt 0: no sample */
	uint32_t una, next;     /* segment numbers after this ACK */
	unsigned acked;         /* segments, SACKed ones too */
} path_tcp_ack;

struct path_tcp_law {
	const char *name;
	void (*on_ack)(path_tcp_window *w, const path_tcp_ack *ack); /* not in recovery */
	double (*ssthresh)(path_tcp_window *w);                      /* a loss */
};

extern const path_tcp_law path_tcp_law_cubic, path_tcp_law_newreno;
void path_tcp_window_init(path_tcp_window *w, const path_tcp_law *law);
#endif
