/* SPDX-License-Identifier: MIT */
/* simpath: a tulle flow: two bare associations, the receiver's driven after each datagram as a host
 * does whose socket gives one at a time. All that differs from the defaults is the size of the
 * buffers, which the run prints. */
#include "base/pool.h"
#include "base/serial.h"
#include "sctp/sctp.h"
#include "tests/simpath/path.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 2048u
#define PACKET_BYTES_MAX 1500u

typedef struct {
	tulle_sctp *sctp;
	void *memory, *pool_memory;
	tulle_pool *pool;
} end_state;

typedef struct {
	end_state end[2];
	uint8_t *message;
	uint32_t sent, got; /* numbers of messages, as PPIDs: order is judged */
	bool blocked, reading;
	size_t largest, header; /* SCTP packet with user data; what of it is header */
} tulle_state;

static const char *open_end(path_flow *flow, end_state *e, tulle_sctp_control cc)
{
	path_world *w = flow->world;
	size_t blocks = 2 * w->plan->window_bytes / BLOCK_BYTES;
	size_t n = tulle_pool_memory_bytes(BLOCK_BYTES, blocks);
	e->pool_memory = malloc(n);
	e->pool = tulle_pool_init(e->pool_memory, n, BLOCK_BYTES, blocks);
	tulle_sctp_config config = {.pool = e->pool,
		.cpu = 1,
		.cc = cc,
		.random = {sim_fill, &w->prng},
		.send_bytes_max = w->plan->window_bytes,
		.receive_bytes_max = w->plan->window_bytes};
	if (w->plan->probe_bytes > PATH_TULLE_OVERHEAD)
		config.probe_bytes_max = (uint16_t)tulle_min(
			w->plan->probe_bytes - PATH_TULLE_OVERHEAD, PACKET_BYTES_MAX);
	config.reserve_blocks = tulle_sctp_reserve_blocks_min(&config);
	n = tulle_sctp_memory_bytes(&config);
	e->memory = malloc(n);
	e->sctp = tulle_sctp_init(e->memory, n, &config, w->now);
	if (e->sctp == NULL)
		return "init refused its config";
	tulle_sctp_set_ice_rtt(e->sctp, 2 * w->plan->link.delay_us);
	return NULL;
}

static void take_event(path_flow *flow, tulle_state *s, const tulle_sctp_event *event)
{
	switch (event->kind) {
	case TULLE_SCTP_MESSAGE:
		if (event->ppid != s->got || event->first == s->reading)
			flow->wrong = "a message out of order";
		flow->delivered += event->len;
		s->reading = !event->last;
		s->got += event->last;
		break;
	case TULLE_SCTP_WRITABLE:
		s->blocked = false;
		break;
	case TULLE_SCTP_CLOSED:
		flow->wrong = "an association that ended";
		break;
	case TULLE_SCTP_RESTARTED:
		flow->wrong = "an association that began anew";
		break;
	case TULLE_SCTP_CONNECTED:
	case TULLE_SCTP_BUFFERED_LOW:
	case TULLE_SCTP_STREAM_RESET_IN:
	case TULLE_SCTP_STREAM_RESET_OUT:
		break;
	}
}

static void send_more(path_flow *flow, tulle_state *s)
{
	while (!s->blocked && flow->wrong == NULL) {
		tulle_err err = tulle_sctp_send(s->end[0].sctp, flow->world->now, 0, s->sent,
			s->message, flow->world->plan->message_bytes, NULL);
		s->blocked = err == TULLE_WOULD_BLOCK;
		s->sent += err == TULLE_OK;
		if (err != TULLE_OK && err != TULLE_WOULD_BLOCK)
			flow->wrong = "send refused";
	}
}

/* The ceiling of our own headers is that of the largest packet. RFC9260:3.3.1, RFC8260:2.1 */
static void note_packet(tulle_state *s, const uint8_t *packet, size_t len)
{
	if (len <= s->largest || len < 32 || (packet[12] != 0 && packet[12] != 64))
		return;
	s->largest = len;
	s->header = packet[12] == 0 ? 12 + 16 : 12 + 20;
}

static void drive(path_flow *flow, int which)
{
	tulle_state *s = flow->state;
	path_world *w = flow->world;
	tulle_sctp *sctp = s->end[which].sctp;
	uint8_t packet[PACKET_BYTES_MAX];
	tulle_datagram datagram;
	tulle_sctp_event event;
	bool moved = true;
	while (moved && flow->wrong == NULL) {
		moved = false;
		while (tulle_sctp_poll_event(sctp, &event))
			take_event(flow, s, &event);
		if (which == 0)
			send_more(flow, s);
		while (tulle_sctp_poll_datagram(sctp, w->now, packet, sizeof packet, &datagram)) {
			if (which == 0)
				note_packet(s, packet, datagram.len);
			if (datagram.may_fragment)
				sim_net_send_cut(&w->net, w->now, flow->port + which,
					flow->port + 1 - which, packet, datagram.len);
			else
				path_send(flow, flow->port + which, packet, datagram.len, 0);
			moved = true;
		}
	}
}

static void *open_with(path_flow *flow, tulle_sctp_control cc)
{
	tulle_state *s = calloc(1, sizeof *s);
	flow->state = s;
	s->message = calloc(1, flow->world->plan->message_bytes);
	for (int i = 0; i < 2; i++) {
		flow->world->net.ports[flow->port + i].overhead_bytes = PATH_TULLE_OVERHEAD;
		const char *wrong = open_end(flow, &s->end[i], cc);
		if (wrong != NULL) {
			flow->wrong = wrong;
			return s;
		}
	}
	tulle_sctp_connect(s->end[0].sctp, flow->world->now);
	drive(flow, 0);
	return s;
}

static void *open_flow(path_flow *flow)
{
	return open_with(flow, (tulle_sctp_control)flow->world->plan->cc);
}

static void *open_cubic(path_flow *flow)
{
	return open_with(flow, TULLE_SCTP_CUBIC);
}

static void *open_newreno(path_flow *flow)
{
	return open_with(flow, TULLE_SCTP_NEWRENO);
}

static void handle(path_flow *flow, int port, const uint8_t *data, size_t len)
{
	tulle_state *s = flow->state;
	int which = port - flow->port;
	tulle_sctp_handle_datagram(s->end[which].sctp, flow->world->now, data, len);
	drive(flow, which);
}

static void timeout(path_flow *flow)
{
	tulle_state *s = flow->state;
	for (int i = 0; i < 2; i++) {
		tulle_sctp *sctp = s->end[i].sctp;
		if (tulle_sctp_poll_timeout(sctp) > flow->world->now)
			continue;
		tulle_sctp_handle_timeout(sctp, flow->world->now);
		drive(flow, i);
	}
}

static tulle_time next(const path_flow *flow)
{
	const tulle_state *s = flow->state;
	if (s->end[0].sctp == NULL || s->end[1].sctp == NULL)
		return TULLE_TIME_NEVER;
	tulle_time a = tulle_sctp_poll_timeout(s->end[0].sctp);
	tulle_time b = tulle_sctp_poll_timeout(s->end[1].sctp);
	return a < b ? a : b;
}

static void read_sample(const path_flow *flow, path_sample *sample)
{
	const tulle_state *s = flow->state;
	tulle_sctp_stats sender, receiver;
	if (s->end[0].sctp == NULL || s->end[1].sctp == NULL)
		return;
	tulle_sctp_read_stats(s->end[0].sctp, &sender);
	tulle_sctp_read_stats(s->end[1].sctp, &receiver);
	sample->cwnd = sender.cwnd;
	sample->flight = sender.flight;
	sample->srtt_us = sender.srtt_us;
	sample->retransmissions = sender.retransmissions;
	sample->spurious = receiver.duplicates;
	sample->timeouts = sender.timeouts;
	if (s->largest == 0)
		return;
	sample->wire_bytes = s->largest + PATH_TULLE_OVERHEAD;
	sample->payload_bytes = s->largest - s->header;
}

static void close_flow(path_flow *flow)
{
	tulle_state *s = flow->state;
	for (int i = 0; i < 2; i++) {
		if (s->end[i].sctp != NULL)
			tulle_sctp_wipe(s->end[i].sctp);
		free(s->end[i].memory);
		free(s->end[i].pool_memory);
	}
	free(s->message);
	free(s);
	flow->state = NULL;
}

const path_way path_way_tulle = {
	"tulle", open_flow, handle, timeout, next, read_sample, close_flow};
const path_way path_way_tulle_cubic = {
	"tulle-cubic", open_cubic, handle, timeout, next, read_sample, close_flow};
const path_way path_way_tulle_newreno = {
	"tulle-newreno", open_newreno, handle, timeout, next, read_sample, close_flow};
