/* SPDX-License-Identifier: MIT */
/* simpath: one run: the loop of virtual time, the trace, what is read at the window's ends. */
#include "tests/simpath/path.h"

#include <stdlib.h>
#include <string.h>

#define TICK_US 50000
#define MIB 1048576.0

void path_send(path_flow *flow, int port, const uint8_t *data, size_t len, size_t wire_bytes)
{
	path_world *w = flow->world;
	int other = port == flow->port ? port + 1 : flow->port;
	if (wire_bytes == 0)
		wire_bytes = len + w->net.ports[port].overhead_bytes;
	sim_net_send_as(&w->net, w->now, port, other, data, len, wire_bytes);
}

static void open_world(path_world *w, const path_plan *plan)
{
	w->plan = plan;
	w->now = PATH_START;
	sim_seed(&w->prng, plan->seed);
	sim_net_init(&w->net, &plan->link, &w->prng);
	for (int port = 0; port < SIM_PORTS; port++)
		w->net.ports[port].pipe = port & 1;
	for (size_t i = 0; i < plan->event_count; i++)
		for (int pipe = 0; pipe < 2; pipe++)
			sim_net_change(&w->net, PATH_START + plan->events[i].at, pipe,
				&plan->events[i].link);
	for (size_t i = 0; i < plan->flow_count; i++)
		w->flows[i] =
			(path_flow){.way = plan->flows[i].way, .world = w, .port = (int)(2 * i)};
}

static tulle_time next_of(const path_world *w, size_t i)
{
	const path_flow *f = &w->flows[i];
	return f->state != NULL ? f->way->next(f) : PATH_START + w->plan->flows[i].start;
}

static void step_flow(path_world *w, size_t i)
{
	path_flow *f = &w->flows[i];
	if (next_of(w, i) > w->now)
		return;
	if (f->state == NULL)
		f->state = f->way->open(f);
	else
		f->way->timeout(f);
	if (f->wrong == NULL && f->way->next(f) <= w->now)
		f->wrong = "a deadline that does not move";
}

/* Up to `until`; what is due then is not done yet. */
static void run_until(path_world *w, tulle_time until)
{
	uint8_t data[SIM_DATAGRAM_MAX];
	size_t len;
	int to;
	for (;;) {
		tulle_time next = sim_net_next(&w->net);
		for (size_t i = 0; i < w->plan->flow_count; i++) {
			tulle_time t = next_of(w, i);
			next = t < next ? t : next;
			if (w->flows[i].wrong != NULL)
				return;
		}
		if (next >= until)
			break;
		w->now = next > w->now ? next : w->now;
		while (sim_net_take(&w->net, w->now, &to, data, &len)) {
			path_flow *f = &w->flows[to / 2];
			f->way->handle(f, to, data, len);
		}
		for (size_t i = 0; i < w->plan->flow_count; i++)
			step_flow(w, i);
	}
	w->now = until;
}

static void trace(path_world *w, FILE *out)
{
	for (size_t i = 0; i < w->plan->flow_count; i++) {
		path_flow *f = &w->flows[i];
		path_sample s = {0};
		if (f->state == NULL)
			continue;
		f->way->read(f, &s);
		fprintf(out, "%.3f,%zu,%s,%zu,%zu,%.3f,%zu,%.3f,%llu,%llu,%llu\n",
			(double)(w->now - PATH_START) / 1e6, i, f->way->name, s.cwnd, s.flight,
			(double)s.srtt_us / 1e3, sim_net_queue(&w->net, w->now, 0),
			(double)(f->delivered - f->delivered_tick) / MIB / (TICK_US / 1e6),
			(unsigned long long)s.retransmissions, (unsigned long long)s.spurious,
			(unsigned long long)s.timeouts);
		f->delivered_tick = f->delivered;
	}
}

static void run_and_trace(path_world *w, tulle_time until)
{
	if (w->plan->trace != NULL)
		for (tulle_time t = w->now + TICK_US; t <= until; t += TICK_US) {
			run_until(w, t);
			trace(w, w->plan->trace);
		}
	run_until(w, until);
}

/* -- the window -- */

static void begin_window(path_world *w, sim_pipe *before)
{
	*before = w->net.pipes[0];
	w->net.pipes[0].queue_packets_top = w->net.pipes[0].waited_us_top = 0;
	for (size_t i = 0; i < w->plan->flow_count; i++) {
		path_flow *f = &w->flows[i];
		f->delivered_from = f->delivered;
		if (f->state != NULL)
			f->way->read(f, &f->sample_from);
	}
}

static void read_flow(path_world *w, const path_flow *f, double window_s, path_flow_result *r)
{
	path_sample s = {0};
	if (f->state == NULL)
		return;
	f->way->read(f, &s);
	r->mib_per_s = (double)(f->delivered - f->delivered_from) / MIB / window_s;
	r->wire_bytes = s.wire_bytes;
	r->payload_bytes = s.payload_bytes;
	if (s.wire_bytes != 0)
		r->ceiling_mib_per_s = (double)w->net.pipes[0].link.bytes_per_s / MIB *
				       (double)s.payload_bytes / (double)s.wire_bytes;
	r->retransmissions = s.retransmissions - f->sample_from.retransmissions;
	r->spurious = s.spurious - f->sample_from.spurious;
	r->timeouts = s.timeouts - f->sample_from.timeouts;
	r->timeouts_all = s.timeouts;
}

static void end_window(path_world *w, const sim_pipe *before, path_result *r)
{
	const sim_pipe *p = &w->net.pipes[0];
	double window_us = (double)(w->plan->seconds_us - w->plan->from_us);
	double offered = (double)(p->offered - before->offered);
	double passed = (double)(p->passed - before->passed);
	double waited = (double)(p->waited_us - before->waited_us);
	offered = offered > 0 ? offered : 1;
	r->loss_percent = 100 * (double)(p->lost - before->lost) / offered;
	r->overflow_percent = 100 * (double)(p->overflowed - before->overflowed) / offered;
	r->police_percent = 100 * (double)(p->policed - before->policed) / offered;
	r->queue_ms_mean = passed > 0 ? waited / passed / 1e3 : 0;
	r->queue_packets_mean = waited / window_us;
	r->queue_ms_max = (double)p->waited_us_top / 1e3;
	r->queue_packets_max = p->queue_packets_top;
	for (size_t i = 0; i < w->plan->flow_count; i++) {
		read_flow(w, &w->flows[i], window_us / 1e6, &r->flows[i]);
		if (w->flows[i].wrong != NULL)
			r->wrong = w->flows[i].wrong;
	}
}

void path_run(const path_plan *plan, path_result *result)
{
	path_world *w = calloc(1, sizeof *w);
	sim_pipe before;
	*result = (path_result){0};
	open_world(w, plan);
	if (plan->trace != NULL)
		fprintf(plan->trace, "s,flow,kind,cwnd,flight,srtt_ms,queue,mib_per_s,"
				     "retransmissions,spurious,timeouts\n");
	run_and_trace(w, PATH_START + plan->from_us);
	begin_window(w, &before);
	run_and_trace(w, PATH_START + plan->seconds_us);
	end_window(w, &before, result);
	for (size_t i = 0; i < plan->flow_count; i++)
		if (w->flows[i].state != NULL)
			w->flows[i].way->close(&w->flows[i]);
	sim_net_free(&w->net);
	free(w);
}
