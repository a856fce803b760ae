/* SPDX-License-Identifier: MIT */
/* sim: a world of SCTP ends over one network: drives them by the engine's contract and judges each
 * byte, the deadline rule, the memory promise and stalls. */
#include "tests/sim/sim_sctp.h"

#include "tests/support/pcapng.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 2048u
#define GUARD_BYTES 64u
#define STALL_US 45000000 /* the longest RTO, and what its doubling up to there may take */
#define OPEN_BYTES 2048u  /* a window that one packet fits */

FILE *sim_capture;

static void capture(void *user, tulle_time now, int from, int to, const uint8_t *data, size_t len,
	const char *fate)
{
	(void)user;
	pcapng_packet(sim_capture, now, from, to, data, len, fate);
}

void sim_world_init(sim_world *w, uint64_t seed, const sim_link *link)
{
	memset(w, 0, sizeof *w);
	sim_seed(&w->prng, seed);
	sim_net_init(&w->net, link, &w->prng);
	w->net.tap = sim_capture != NULL ? capture : NULL;
	w->now = 1000000;
	w->limit = (tulle_time)3600 * 1000000;
	w->is_done = sim_all_delivered;
	w->config.random = (tulle_random){sim_fill, &w->prng};
	w->config.interleaving = seed % 2 != 0;
	w->config.cpu = 1;
	w->config.streams_max = 1024;
	if (seed % 3 == 0) { /* RFC 8899 on paths of any MTU */
		w->config.packet_bytes_max = 1160;
		w->config.probe_bytes_max = 1432;
	}
}

void sim_world_pool(sim_world *w, int to, size_t blocks)
{
	size_t n = tulle_pool_memory_bytes(BLOCK_BYTES, blocks);
	w->pool_memory[to] = malloc(n);
	w->pool[to] = tulle_pool_init(w->pool_memory[to], n, BLOCK_BYTES, blocks);
}

void sim_world_share(sim_world *w, int to, int from)
{
	w->pool[to] = w->pool[from];
}

static void make_end(sim_world *w, int end)
{
	sim_end *e = &w->ends[end];
	tulle_sctp_config config = w->config;
	config.pool = w->pool[end];
	config.reserve_blocks = tulle_sctp_reserve_blocks_min(&config);
	e->memory_bytes = tulle_sctp_memory_bytes(&config);
	e->memory = malloc(e->memory_bytes + GUARD_BYTES);
	memset((uint8_t *)e->memory + e->memory_bytes, 0xa5, GUARD_BYTES);
	e->sctp = tulle_sctp_init(e->memory, e->memory_bytes, &config, w->now);
	e->reading_stream = -1;
	e->moved = w->now;
	if (e->sctp == NULL)
		sim_fail(&w->verdict, "init refused its config");
}

void sim_world_end(sim_world *w, int end, int other)
{
	memset(&w->ends[end], 0, sizeof w->ends[end]);
	w->ends[end].other = other;
	make_end(w, end);
	if (end >= w->count)
		w->count = end + 1;
}

void sim_world_renew(sim_world *w, int end)
{
	int other = w->ends[end].other;
	tulle_sctp_wipe(w->ends[end].sctp);
	free(w->ends[end].memory);
	sim_world_end(w, end, other);
}

static void check_memory(sim_world *w, sim_end *e)
{
	tulle_sctp_stats stats;
	for (size_t i = 0; i < GUARD_BYTES; i++)
		if (((uint8_t *)e->memory)[e->memory_bytes + i] != 0xa5)
			sim_fail(&w->verdict, "wrote behind its memory");
	tulle_sctp_read_stats(e->sctp, &stats);
	const tulle_sctp_config *c = &w->config;
	size_t send = c->send_bytes_max != 0 ? c->send_bytes_max : (size_t)4 << 20;
	size_t receive = c->receive_bytes_max != 0 ? c->receive_bytes_max : (size_t)4 << 20;
	if (stats.blocks_out * BLOCK_BYTES > send + send / 16 + 8 * BLOCK_BYTES)
		sim_fail(&w->verdict, "holds %zu send blocks", stats.blocks_out);
	if (stats.blocks_in * BLOCK_BYTES > receive)
		sim_fail(&w->verdict, "holds %zu receive blocks", stats.blocks_in);
}

/* -- receiving -- */

static size_t size_of(const sim_end *sender, unsigned stream, uint64_t message)
{
	if (!sender->random_sizes)
		return sender->message_bytes;
	uint64_t h = (stream * 2654435761u + message * 40503u) * 0x9e3779b97f4a7c15u;
	return 1 + (size_t)(h >> 33) % sender->message_bytes;
}

static void take_message(sim_world *w, int end, const tulle_sctp_event *event)
{
	sim_end *e = &w->ends[end];
	const sim_end *sender = &w->ends[e->other];
	if (event->stream >= SIM_STREAMS) {
		sim_fail(&w->verdict, "message on stream %u", event->stream);
		return;
	}
	sim_stream *s = &e->at[event->stream];
	if (s->paused)
		sim_fail(&w->verdict, "message on a paused stream");
	if (event->first != (e->reading_stream < 0) ||
		(e->reading_stream >= 0 && e->reading_stream != event->stream))
		sim_fail(&w->verdict, "parts of messages between each other");
	e->reading_stream = event->last ? -1 : event->stream;
	if (sender->partial && !event->ok) { /* it broke off */
		s->part = 0;
		return;
	}
	if (sender->partial && !sender->unordered && event->first) {
		if (event->ppid < s->expected)
			sim_fail(&w->verdict, "stream %u: message %u after %u", event->stream,
				event->ppid, (unsigned)s->expected - 1);
		s->expected = event->ppid;
	}
	uint64_t message = sender->unordered ? event->ppid : s->expected;
	if (!sender->unordered && event->ppid != (uint32_t)message)
		sim_fail(&w->verdict, "stream %u: message %u where %u was due", event->stream,
			event->ppid, (unsigned)message);
	if (!sim_are_bytes(event->stream, message, s->part, event->data, event->len))
		sim_fail(&w->verdict, "stream %u: wrong bytes in message %u", event->stream,
			(unsigned)message);
	s->part += event->len;
	e->delivered += event->len;
	if (!event->last)
		return;
	if (s->part != size_of(sender, event->stream, message))
		sim_fail(&w->verdict, "stream %u: message of %u bytes", event->stream,
			(unsigned)s->part);
	s->part = 0;
	s->expected++;
	e->delivered_messages++;
}

static void take_event(sim_world *w, int end, const tulle_sctp_event *event)
{
	sim_end *e = &w->ends[end];
	if (e->closed)
		sim_fail(&w->verdict, "an event after CLOSED");
	switch (event->kind) {
	case TULLE_SCTP_CONNECTED:
		e->connected = true;
		e->connects++;
		break;
	case TULLE_SCTP_MESSAGE:
		take_message(w, end, event);
		break;
	case TULLE_SCTP_WRITABLE:
		e->blocked = false;
		e->writables++;
		break;
	case TULLE_SCTP_STREAM_RESET_IN:
		e->at[event->stream % SIM_STREAMS].reset_seen = true;
		break;
	case TULLE_SCTP_STREAM_RESET_OUT:
		e->at[event->stream % SIM_STREAMS].reset_done = event->ok;
		break;
	case TULLE_SCTP_RESTARTED:
		e->restarted = true;
		break;
	case TULLE_SCTP_CLOSED:
		e->closed = true;
		e->why = event->why;
		break;
	case TULLE_SCTP_BUFFERED_LOW:
		break;
	}
	if (w->on_event != NULL)
		w->on_event(w, end, event);
}

/* -- sending -- */

static bool send_one(sim_world *w, sim_end *e, unsigned stream)
{
	static uint8_t buf[(size_t)1 << 21];
	sim_stream *s = &e->at[stream];
	size_t size = size_of(e, stream, s->sent), n = size - s->part_sent;
	if (e->part_bytes != 0 && n > e->part_bytes)
		n = e->part_bytes;
	tulle_sctp_send_options options = {.unordered = e->unordered};
	options.first = s->part_sent == 0;
	options.last = s->part_sent + n == size;
	if (e->partial && s->sent + 1 < e->messages_per_stream) {
		options.has_retransmissions = s->sent % 3 != 0;
		options.retransmissions_max = (uint16_t)(s->sent % 4);
		options.has_lifetime = s->sent % 3 != 1;
		options.lifetime_us = (tulle_time)(10000 + s->sent * 7919 % 150000);
	}
	sim_write_bytes(stream, s->sent, s->part_sent, buf, n);
	tulle_err err = tulle_sctp_send(
		e->sctp, w->now, (uint16_t)stream, (uint32_t)s->sent, buf, n, &options);
	if (err == TULLE_WOULD_BLOCK) {
		e->blocked = true;
		return false;
	}
	if (err != TULLE_OK) {
		sim_fail(&w->verdict, "send says %s", tulle_err_name(err));
		return false;
	}
	s->part_sent += n;
	if (options.last) {
		s->part_sent = 0;
		s->sent++;
	}
	return options.last;
}

static void send_all(sim_world *w, sim_end *e)
{
	unsigned idle = 0;
	while (!e->blocked && !e->closed && idle < e->streams && !w->verdict.failed) {
		unsigned stream = e->turn;
		if (e->at[stream].sent >= e->messages_per_stream) {
			idle++;
			e->turn = (e->turn + 1) % e->streams;
			continue;
		}
		idle = 0;
		if (send_one(w, e, stream)) /* parts of a message follow each other */
			e->turn = (e->turn + 1) % e->streams;
	}
}

/* -- driving -- */

static bool drive_once(sim_world *w, int end)
{
	sim_end *e = &w->ends[end];
	tulle_sctp_event event;
	uint8_t packet[SIM_DATAGRAM_MAX];
	tulle_datagram datagram;
	bool moved = false;
	while (!w->verdict.failed && tulle_sctp_poll_event(e->sctp, &event)) {
		take_event(w, end, &event);
		moved = true;
	}
	send_all(w, e);
	while (tulle_sctp_poll_datagram(e->sctp, w->now, packet, sizeof packet, &datagram)) {
		if (datagram.may_fragment)
			sim_net_send_cut(&w->net, w->now, end, e->other, packet, datagram.len);
		else
			sim_net_send(&w->net, w->now, end, e->other, packet, datagram.len);
		moved = true;
	}
	return moved;
}

static void drive(sim_world *w, int end)
{
	sim_end *e = &w->ends[end];
	for (int i = 0; drive_once(w, end); i++)
		if (i > 100000)
			sim_fail(&w->verdict, "end %d never rests", end);
	if (tulle_sctp_poll_timeout(e->sctp) <= w->now) {
		tulle_sctp_handle_timeout(e->sctp, w->now);
		while (drive_once(w, end))
			continue;
		if (tulle_sctp_poll_timeout(e->sctp) <= w->now)
			sim_fail(&w->verdict, "end %d: a deadline that does not move", end);
	}
	if (++w->steps % (e->check_each ? sim_check_steps : 1021) == 0) {
		tulle_sctp_check(e->sctp);
		check_memory(w, e);
	}
}

static void serve_waiters(sim_world *w)
{
	for (int p = 0; p < w->count; p++)
		for (int i = 0; i < w->count; i++) {
			tulle_sctp *owner = tulle_pool_next_waiter(w->pool[p]);
			if (owner == NULL)
				break;
			tulle_sctp_handle_room(owner, w->now);
			for (int k = 0; k < w->count; k++)
				if (w->ends[k].sctp == owner)
					drive(w, k);
		}
}

static void deliver(sim_world *w)
{
	uint8_t data[SIM_DATAGRAM_MAX];
	size_t len;
	int to, last = -1, run = 0;
	while (sim_net_take(&w->net, w->now, &to, data, &len)) {
		if (last >= 0 && (to != last || run == 8)) {
			drive(w, last);
			run = 0;
		}
		uint8_t *exact = malloc(len); /* its end is the heap's: ASan sees an over-read */
		memcpy(exact, data, len);
		(void)tulle_sctp_handle_datagram(w->ends[to].sctp, w->now, exact, len);
		free(exact);
		last = to;
		run++;
	}
	if (last >= 0)
		drive(w, last);
}

/* -- what must not stand still: accepted data while the peer's window is open -- */

static bool may_rest(const sim_world *w, int end)
{
	const sim_end *e = &w->ends[end];
	const sim_link *link = &w->net.pipes[w->net.ports[end].pipe].link;
	tulle_sctp_stats s;
	tulle_sctp_read_stats(e->sctp, &s);
	return e->closed || w->ends[e->other].closed || s.peer_window < OPEN_BYTES ||
	       tulle_sctp_state_now(e->sctp) != TULLE_SCTP_STATE_ESTABLISHED ||
	       tulle_sctp_unacked_total(e->sctp) == 0 || w->now < link->down_until;
}

static void judge_stalls(sim_world *w)
{
	if (w->now - w->looked < 1000000)
		return;
	w->looked = w->now;
	for (int i = 0; i < w->count; i++) {
		sim_end *e = &w->ends[i];
		tulle_sctp_stats other;
		tulle_sctp_read_stats(w->ends[e->other].sctp, &other);
		uint64_t mark = (other.data_in << 24) + tulle_sctp_unacked_total(e->sctp);
		if (mark != e->moved_mark || may_rest(w, i))
			e->moved = w->now;
		e->moved_mark = mark;
		if (w->now - e->moved > STALL_US)
			sim_fail(&w->verdict, "end %d stands still, its peer's window is open", i);
	}
}

static tulle_time next_time(const sim_world *w)
{
	tulle_time next = sim_net_next(&w->net);
	for (int i = 0; i < w->count; i++) {
		tulle_time t = tulle_sctp_poll_timeout(w->ends[i].sctp);
		next = t < next ? t : next;
	}
	return next;
}

void sim_world_run(sim_world *w)
{
	for (int i = 0; i < w->count; i++)
		drive(w, i);
	while (!w->verdict.failed && !w->is_done(w)) {
		tulle_time next = next_time(w);
		if (next > w->limit) {
			sim_fail(&w->verdict,
				"stalled at %lld ms: end 0 got %llu messages, end 1 %llu; closed "
				"%d %d",
				(long long)(w->now / 1000),
				(unsigned long long)w->ends[0].delivered_messages,
				(unsigned long long)w->ends[1].delivered_messages,
				w->ends[0].closed ? (int)w->ends[0].why : 0,
				w->ends[1].closed ? (int)w->ends[1].why : 0);
			break;
		}
		w->now = next > w->now ? next : w->now;
		deliver(w);
		for (int i = 0; i < w->count; i++)
			if (tulle_sctp_poll_timeout(w->ends[i].sctp) <= w->now) {
				tulle_sctp_handle_timeout(w->ends[i].sctp, w->now);
				drive(w, i);
			}
		serve_waiters(w);
		judge_stalls(w);
	}
	for (int i = 0; i < w->count && !w->verdict.failed; i++) {
		tulle_sctp_check(w->ends[i].sctp);
		check_memory(w, &w->ends[i]);
	}
}

bool sim_all_delivered(void *world)
{
	const sim_world *w = world;
	for (int i = 0; i < w->count; i++) {
		const sim_end *e = &w->ends[i], *other = &w->ends[e->other];
		if (e->delivered_messages != other->streams * other->messages_per_stream)
			return false;
	}
	return true;
}

void sim_world_count(const sim_world *w, sim_counts *counts)
{
	counts->packets += w->net.sent;
	counts->corrupted += w->net.corrupted;
	counts->bursts += w->net.bursts;
	counts->cut_off += w->net.cut;
	counts->overflowed += w->net.overflowed;
	counts->policed += w->net.policed;
	counts->path_changes += w->net.change_done;
	for (int i = 0; i < w->count; i++) {
		tulle_sctp_stats s;
		tulle_sctp_read_stats(w->ends[i].sctp, &s);
		counts->bytes_delivered += w->ends[i].delivered;
		counts->writables += w->ends[i].writables;
		counts->shutdowns += w->ends[i].closed && w->ends[i].why == TULLE_SCTP_SHUTDOWN;
		counts->aborts += w->ends[i].closed && w->ends[i].why == TULLE_SCTP_ABORT_REMOTE;
		counts->retransmissions += s.retransmissions;
		counts->fast_retransmits += s.fast_retransmits;
		counts->timeouts += s.timeouts;
		counts->loss_probes += s.loss_probes;
		counts->spurious += s.spurious;
		counts->undos += s.undos;
		counts->collisions += s.collisions;
		counts->duplicates += s.duplicates;
		counts->zero_windows += s.zero_windows;
		counts->window_probes += s.window_probes;
		counts->no_room += s.no_room;
		counts->pool_waits += s.pool_waits;
		counts->partial_messages += s.partial_messages;
		counts->abandoned += s.abandoned;
		counts->path_probes += s.path_probes;
		counts->black_holes += s.black_holes;
		counts->forwards += s.forwards_in;
		counts->resets_in += s.resets_in;
		counts->resets_out += s.resets_out;
		counts->restarts += s.restarts;
	}
}

void sim_world_free(sim_world *w)
{
	for (int i = 0; i < w->count; i++) {
		tulle_sctp_wipe(w->ends[i].sctp);
		free(w->ends[i].memory);
	}
	for (int i = 0; i < SIM_ENDS; i++) {
		if (w->pool_memory[i] != NULL &&
			tulle_pool_free(w->pool[i]) != tulle_pool_blocks(w->pool[i]))
			sim_fail(&w->verdict, "blocks of a pool did not come back");
		free(w->pool_memory[i]);
	}
	sim_net_free(&w->net);
}
