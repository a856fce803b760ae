/* SPDX-License-Identifier: MIT */
/* sctp: two whole associations against a model. From a seed both users and the network between them
 * are drawn: it loses, doubles, delays and reorders; they send whole messages and parts, ordered or
 * not, of some weight, reliable or not, reset streams and use them anew, pause streams, look seldom
 * for events, change the path, have small pools or one in common; in some runs one end is begun
 * anew. The oracle asks of each event:
 *  - a message begins at most once, at the other end, on its own stream, with its own U bit, bears
 *    its own bytes and its whole length, and no other's parts come between its own;
 *  - only one that need not be reliable may break off;
 *  - ordered ones come in order, and what they pass over need not have been reliable;
 *  - a message lies between the STREAM_RESET_INs that it was sent between; after RESTARTED none of
 *    before comes, and the end that was begun anew never gets one.
 * Then the network is good: all that is reliable comes, every reset is told once at both ends,
 * nothing is buffered or unacknowledged, all blocks are free, and both close in order. At all times
 * a deadline that was handled is over. A failure names the seed: TULLE_SEED=n runs that one alone,
 * TULLE_SEEDS=n so many. */
#include "tests/sim/sim_net.h"
#include "tests/support/seeds.h"
#include "tests/unit/sctp_pair.h"

#include <stdio.h>

enum { MESSAGES = 3000, STREAMS = 5, NOBODY = -1, SPINS = 2000, PART_MAX = 400 };

typedef struct {
	uint16_t stream;
	uint32_t len, epoch, life; /* resets of the stream, restarts so far */
	bool unordered, partial, whole, told;
} pm_message;

/* One direction of a stream: its sender's side, then its receiver's. */
typedef struct {
	int open; /* the message whose parts are being sent */
	tulle_sctp_send_options options;
	uint32_t epoch, resets_done;
	uint32_t told_epoch;
	int told;  /* the last ordered message */
	bool used; /* something reliable was sent since the last reset */
} pm_stream;

typedef struct {
	tulle_sctp *sctp;
	void *memory;
	tulle_pool *pool;
	pm_message messages[MESSAGES]; /* that it sent */
	unsigned count;
	pm_stream streams[STREAMS]; /* of what it sends */
	int telling;                /* of the other's messages, that it is in the middle of */
	uint32_t told_len, life;    /* life: RESTARTEDs told */
	bool connected, closed, paused[STREAMS];
	tulle_sctp_closed why;
} pm_end;

static struct {
	unsigned long seed;
	sim_prng prng;
	sim_net net;
	tulle_time now;
	tulle_sctp_config config;
	size_t block_bytes, blocks;
	void *pool_memory[2];
	pm_end ends[2];
	uint32_t life, laziness;
	bool restarting, closing, shared, i_data;
	unsigned spins;
} m;

#define ASK(condition) ck_assert_msg(condition, "seed %lu: %s", m.seed, #condition)

static uint32_t draw(uint32_t below)
{
	return (uint32_t)(sim_next(&m.prng) % below);
}

static uint8_t byte_of(unsigned message, size_t at)
{
	return (uint8_t)(message * 31 + at * 13 + (at >> 8));
}

/* -- the oracle ------------------------------------------------------------------------------- */

/* What lies between this ordered message and the one told before need not have been reliable. */
static void ask_order(pm_end *from, int at)
{
	const pm_message *g = &from->messages[at];
	pm_stream *s = &from->streams[g->stream];
	ASK(at > s->told);
	for (int i = s->told + 1; i < at; i++) {
		const pm_message *o = &from->messages[i];
		ASK(o->stream != g->stream || o->unordered || o->epoch != g->epoch ||
			o->life != g->life || o->partial);
	}
	s->told = at;
}

static void ask_begin(pm_end *to, pm_end *from, const tulle_sctp_event *e)
{
	ASK(to->telling == NOBODY);
	ASK(e->ppid < from->count);
	to->telling = (int)e->ppid;
	to->told_len = 0;
	pm_message *g = &from->messages[e->ppid];
	ASK(!g->told);
	g->told = true;
	ASK(g->stream == e->stream);
	ASK(g->unordered == e->unordered);
	ASK(g->life == to->life);
	ASK(g->epoch == from->streams[g->stream].told_epoch);
	if (!g->unordered)
		ask_order(from, to->telling);
}

static void ask_message(pm_end *to, pm_end *from, const tulle_sctp_event *e)
{
	ASK(!to->paused[e->stream]);
	if (!e->ok) {
		ASK(to->telling != NOBODY);
		ASK(from->messages[to->telling].partial);
		to->telling = NOBODY;
		return;
	}
	if (e->first)
		ask_begin(to, from, e);
	ASK(to->telling == (int)e->ppid);
	const pm_message *g = &from->messages[to->telling];
	ASK(g->stream == e->stream);
	bool same = true;
	for (size_t i = 0; i < e->len; i++)
		same = same && e->data[i] == byte_of(e->ppid, to->told_len + i);
	ASK(same);
	to->told_len += (uint32_t)e->len;
	if (!e->last)
		return;
	ASK(g->whole);
	ASK(to->told_len == g->len);
	to->telling = NOBODY;
}

/* The streams of what an end sends begin again. */
static void renew_streams(pm_end *from)
{
	for (int i = 0; i < STREAMS; i++)
		from->streams[i] = (pm_stream){.open = NOBODY, .told = (int)from->count - 1};
}

static void ask_event(int at, const tulle_sctp_event *e)
{
	pm_end *to = &m.ends[at], *from = &m.ends[1 - at];
	ASK(!to->closed);
	if (e->kind == TULLE_SCTP_CONNECTED) {
		ASK(!to->connected);
		to->connected = true;
	} else if (e->kind == TULLE_SCTP_MESSAGE) {
		ask_message(to, from, e);
	} else if (e->kind == TULLE_SCTP_STREAM_RESET_IN) {
		ASK(e->stream < STREAMS);
		from->streams[e->stream].told_epoch++;
		from->streams[e->stream].told = -1;
	} else if (e->kind == TULLE_SCTP_STREAM_RESET_OUT) {
		ASK(e->ok || m.restarting || m.closing);
		to->streams[e->stream].resets_done += e->ok;
	} else if (e->kind == TULLE_SCTP_RESTARTED) {
		ASK(m.restarting);
		to->life++;
		to->telling = NOBODY;
		renew_streams(to);
		renew_streams(from);
	} else if (e->kind == TULLE_SCTP_CLOSED) {
		to->closed = true;
		to->why = e->why;
	}
}

static void look(int at, unsigned events)
{
	tulle_sctp_event event;
	while (events-- > 0 && tulle_sctp_poll_event(m.ends[at].sctp, &event))
		ask_event(at, &event);
	tulle_sctp_check(m.ends[at].sctp);
}

/* -- the world -------------------------------------------------------------------------------- */

static void drain(void)
{
	uint8_t packet[PAIR_PACKET_BYTES];
	tulle_datagram out;
	for (int i = 0; i < 2; i++) {
		void *owner;
		while ((owner = tulle_pool_next_waiter(m.ends[i].pool)) != NULL)
			tulle_sctp_handle_room(owner, m.now);
		while (tulle_sctp_poll_datagram(
			m.ends[i].sctp, m.now, packet, sizeof packet, &out)) {
			ASK(m.spins++ < SPINS);
			sim_net_send(&m.net, m.now, i, 1 - i, packet, out.len);
		}
		tulle_sctp_check(m.ends[i].sctp);
	}
}

static void arrive(void)
{
	uint8_t packet[SIM_DATAGRAM_MAX];
	size_t len;
	int to;
	while (sim_net_take(&m.net, m.now, &to, packet, &len)) {
		uint8_t *exact = malloc(len != 0 ? len : 1);
		memcpy(exact, packet, len);
		(void)tulle_sctp_handle_datagram(m.ends[to].sctp, m.now, exact, len);
		free(exact);
		drain();
	}
}

/* To what is due next, by us_max at most; events are looked at by those who look. */
static void pass_time(tulle_time us_max, bool eager)
{
	tulle_time next = sim_net_next(&m.net), until = m.now + us_max;
	for (int i = 0; i < 2; i++) {
		tulle_time t = tulle_sctp_poll_timeout(m.ends[i].sctp);
		next = t < next ? t : next;
	}
	next = next < until ? next : until;
	if (next > m.now) {
		m.now = next;
		m.spins = 0;
	}
	ASK(m.spins++ < SPINS);
	arrive();
	for (int i = 0; i < 2; i++)
		if (tulle_sctp_poll_timeout(m.ends[i].sctp) <= m.now)
			tulle_sctp_handle_timeout(m.ends[i].sctp, m.now);
	drain();
	for (int i = 0; i < 2 && eager; i++)
		look(i, 10000);
	drain();
	for (int i = 0; i < 2; i++)
		ASK(tulle_sctp_poll_timeout(m.ends[i].sctp) > m.now);
}

/* -- the users -------------------------------------------------------------------------------- */

static void draw_options(tulle_sctp_send_options *o)
{
	*o = (tulle_sctp_send_options){.first = true, .last = true};
	o->unordered = draw(3) == 0;
	o->priority = draw(3) == 0 ? (uint16_t)(1 + draw(1024)) : 0;
	o->late = draw(8) == 0;
	if (draw(3) != 0)
		return;
	o->has_lifetime = draw(2) != 0;
	o->lifetime_us = draw(2) != 0 ? draw(5000) : draw(400000);
	o->has_retransmissions = !o->has_lifetime || draw(4) == 0;
	o->retransmissions_max = (uint16_t)draw(3);
}

/* len bytes more of the message; false: not taken. */
static bool send_part(
	pm_end *e, uint16_t stream, unsigned at, uint32_t len, const tulle_sctp_send_options *o)
{
	static uint8_t bytes[16384];
	pm_message *g = &e->messages[at];
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = byte_of(at, g->len + i);
	tulle_err err = tulle_sctp_send(e->sctp, m.now, stream, at, bytes, len, o);
	ASK(err == TULLE_OK || err == TULLE_WOULD_BLOCK || err == TULLE_ERR_TOO_LARGE ||
		err == TULLE_ERR_STATE);
	if (err != TULLE_OK)
		return false;
	g->len += len;
	g->whole = o->last;
	return true;
}

static void send_more(pm_end *e, uint16_t stream, bool last)
{
	pm_stream *s = &e->streams[stream];
	s->options.first = false;
	s->options.last = last;
	if (send_part(e, stream, (unsigned)s->open, 1 + draw(last ? 100 : PART_MAX), &s->options) &&
		last)
		s->open = NOBODY;
}

static void send_some(pm_end *e)
{
	uint16_t stream = (uint16_t)draw(STREAMS);
	pm_stream *s = &e->streams[stream];
	if (s->open != NOBODY) {
		send_more(e, stream, draw(3) == 0);
		return;
	}
	if (e->count == MESSAGES)
		return;
	pm_message *g = &e->messages[e->count];
	tulle_sctp_send_options o;
	draw_options(&o);
	*g = (pm_message){.stream = stream, .epoch = s->epoch, .life = m.life};
	g->unordered = o.unordered;
	g->partial = o.has_lifetime || o.has_retransmissions;
	o.last = draw(6) != 0;
	uint32_t len = !o.last ? 1 + draw(PART_MAX) : 1 + draw(draw(4) != 0 ? 200 : 6000);
	if (!send_part(e, stream, e->count, len, &o))
		return;
	s->options = o;
	s->used = s->used || !g->partial;
	s->open = o.last ? NOBODY : (int)e->count;
	e->count++;
}

/* Two resets without anything between are one to the other user. */
static void reset_some(pm_end *e)
{
	uint16_t stream = (uint16_t)draw(STREAMS);
	pm_stream *s = &e->streams[stream];
	if (s->open != NOBODY || !s->used)
		return;
	if (tulle_sctp_reset_stream(e->sctp, m.now, stream) == TULLE_OK) {
		s->used = false;
		s->epoch++;
	}
}

static void pause(pm_end *e, uint16_t stream, bool paused)
{
	if (tulle_sctp_pause(e->sctp, m.now, stream, paused) == TULLE_OK)
		e->paused[stream] = paused;
}

static void step(void)
{
	int at = (int)draw(2);
	pm_end *e = &m.ends[at];
	uint32_t what = draw(20);
	if (what < 8)
		send_some(e);
	else if (what == 8)
		reset_some(e);
	else if (what == 9 && draw(4) == 0)
		pause(e, (uint16_t)draw(STREAMS), draw(2) != 0);
	else if (what == 9 && draw(4) == 0)
		(void)tulle_sctp_set_low(e->sctp, (uint16_t)draw(STREAMS), draw(3000));
	else if (what == 10 && draw(10) == 0)
		tulle_sctp_set_path(e->sctp, m.now, draw(2) != 0 ? 0 : 600 + draw(600));
	else if (what < 13 && draw(m.laziness) == 0)
		look(at, 1 + draw(8));
	drain();
	if (what >= 13)
		pass_time(1 + draw(draw(8) != 0 ? 3000 : 200000), false);
}

/* -- the run ---------------------------------------------------------------------------------- */

static void make_end(int at)
{
	pm_end *e = &m.ends[at];
	m.config.pool = e->pool;
	m.config.interleaving = m.i_data && draw(8) != 0;
	m.config.no_partial = draw(8) == 0;
	m.config.streamed = draw(2) != 0;
	m.config.reserve_blocks = tulle_sctp_reserve_blocks_min(&m.config);
	size_t bytes = tulle_sctp_memory_bytes(&m.config);
	e->memory = malloc(bytes);
	e->sctp = tulle_sctp_init(e->memory, bytes, &m.config, m.now);
	ck_assert_ptr_nonnull(e->sctp);
	e->telling = NOBODY;
	e->connected = e->closed = false;
	memset(e->paused, 0, sizeof e->paused);
}

static void make_pool(int at)
{
	size_t n = tulle_pool_memory_bytes(m.block_bytes, m.blocks);
	m.pool_memory[at] = malloc(n);
	m.ends[at].pool = tulle_pool_init(m.pool_memory[at], n, m.block_bytes, m.blocks);
}

static void draw_config(void)
{
	tulle_sctp_config *c = &m.config;
	c->random = (tulle_random){sim_fill, &m.prng};
	c->streams_max = STREAMS;
	m.i_data = draw(3) == 0;
	c->cc = (tulle_sctp_control)draw(3);
	c->probe_bytes_max = draw(3) == 0 ? 1400 : 0;
	c->retransmissions_max = c->init_retransmissions_max = 200;
	bool tight = !m.i_data && draw(2) != 0; /* I-DATA is not for small pools */
	c->send_bytes_max = tight ? 32768 : 0;
	c->receive_bytes_max = tight ? 16384 : 0;
	m.block_bytes = draw(2) != 0 ? 1024 : 2048;
	m.blocks = tight ? 8 + draw(40) : 4000;
}

static void run_until_connected(void)
{
	tulle_time limit = m.now + (tulle_time)600 * 1000000;
	while (!m.ends[0].connected || !m.ends[1].connected) {
		pass_time(1000000, true);
		ASK(m.now < limit);
	}
}

static void start(unsigned long seed)
{
	memset(&m, 0, sizeof m);
	m.seed = seed;
	sim_seed(&m.prng, seed);
	m.now = 5000000;
	draw_config();
	sim_link link = {.delay_us = 1 + draw(60000), .jitter_us = 1 + draw(20000)};
	link.loss_ppm = draw(3) != 0 ? draw(200000) : 0;
	link.duplicate_ppm = draw(2) != 0 ? draw(200000) : 0;
	link.reorder_ppm = draw(2) != 0 ? draw(200000) : 0;
	link.reorder_us = 1 + draw(100000);
	if (draw(4) == 0) {
		link.down_from = m.now + draw(3000000);
		link.down_until = link.down_from + draw(4000000);
	}
	link.burst_begin_ppm = draw(4) == 0 ? draw(50000) : 0;
	link.burst_end_ppm = 1 + draw(300000);
	link.burst_loss_ppm = draw(1000000);
	link.burst_us_max = 2000000;
	sim_net_init(&m.net, &link, &m.prng);
	m.shared = draw(3) == 0;
	for (int i = 0; i < 2; i++) {
		if (i == 1 && m.shared)
			m.ends[1].pool = m.ends[0].pool;
		else
			make_pool(i);
		renew_streams(&m.ends[i]);
		make_end(i);
	}
	m.laziness = 1 + draw(20);
	ASK(tulle_sctp_connect(m.ends[0].sctp, m.now) == TULLE_OK);
	if (draw(3) == 0)
		ASK(tulle_sctp_connect(m.ends[1].sctp, m.now) == TULLE_OK);
	drain();
	for (unsigned early = draw(3) == 0 ? draw(20) : 0; early > 0; early--)
		send_some(&m.ends[draw(2)]);
	drain();
	run_until_connected();
}

/* One end forgets all and begins anew; nobody sends until both know. */
static void restart(int at)
{
	pm_end *e = &m.ends[at], *other = &m.ends[1 - at];
	for (uint16_t s = 0; s < STREAMS; s++)
		pause(other, s, false);
	look(1 - at, 100000);
	drain();
	m.restarting = true;
	m.life++;
	tulle_sctp_wipe(e->sctp);
	free(e->memory);
	make_end(at);
	e->life = m.life;
	ASK(tulle_sctp_connect(e->sctp, m.now) == TULLE_OK);
	drain();
	run_until_connected();
	tulle_time limit = m.now + (tulle_time)600 * 1000000;
	while (other->life != m.life) {
		pass_time(1000000, true);
		ASK(m.now < limit);
	}
	m.restarting = false;
}

static bool are_messages_told(const pm_end *e)
{
	for (unsigned k = 0; k < e->count; k++) {
		const pm_message *g = &e->messages[k];
		if (g->life == m.life && !g->partial && !g->told)
			return false;
	}
	return true;
}

static bool is_all_told(void)
{
	for (int i = 0; i < 2; i++) {
		const pm_end *e = &m.ends[i];
		if (tulle_sctp_unacked_total(e->sctp) != 0 || !are_messages_told(e))
			return false;
		for (int s = 0; s < STREAMS; s++)
			if (e->streams[s].resets_done != e->streams[s].epoch ||
				e->streams[s].told_epoch != e->streams[s].epoch)
				return false;
	}
	return true;
}

static void say_lost(void)
{
	for (int i = 0; i < 2; i++) {
		const pm_end *e = &m.ends[i];
		fprintf(stderr, "end %d: unacked %zu\n", i, tulle_sctp_unacked_total(e->sctp));
		for (unsigned k = 0; k < e->count; k++) {
			const pm_message *g = &e->messages[k];
			if (g->life == m.life && !g->partial && !g->told)
				fprintf(stderr, " message %u of stream %u is not told\n", k,
					g->stream);
		}
		for (int s = 0; s < STREAMS; s++)
			if (e->streams[s].resets_done != e->streams[s].epoch ||
				e->streams[s].told_epoch != e->streams[s].epoch)
				fprintf(stderr, " stream %d: resets %u, done %u, told %u\n", s,
					e->streams[s].epoch, e->streams[s].resets_done,
					e->streams[s].told_epoch);
	}
}

/* Nothing is paused then, or a window might stay closed. */
static void end_what_is_open(void)
{
	tulle_time limit = m.now + (tulle_time)600 * 1000000;
	for (int i = 0; i < 2; i++)
		for (uint16_t s = 0; s < STREAMS; s++)
			pause(&m.ends[i], s, false);
	for (bool open = true; open;) {
		open = false;
		for (int i = 0; i < 2; i++)
			for (uint16_t s = 0; s < STREAMS; s++) {
				if (m.ends[i].streams[s].open != NOBODY)
					send_more(&m.ends[i], s, true);
				open = open || m.ends[i].streams[s].open != NOBODY;
			}
		drain();
		pass_time(100000, true);
		ck_assert_msg(m.now < limit, "seed %lu: a last part finds no room", m.seed);
	}
}

/* The network is good. */
static void finish(void)
{
	sim_link good = {.delay_us = 10000};
	for (int i = 0; i < 2; i++)
		sim_net_change(&m.net, m.now, i, &good);
	end_what_is_open();
	tulle_time limit = m.now + (tulle_time)600 * 1000000;
	while (!is_all_told() && m.now < limit)
		pass_time(1000000, true);
	if (!is_all_told())
		say_lost();
	ASK(is_all_told());
	for (int i = 0; i < 30; i++)
		pass_time(1000000, true);
	ASK(is_all_told());
}

static void ask_all(void)
{
	for (int i = 0; i < 2; i++) {
		tulle_sctp_stats stats;
		tulle_sctp_read_stats(m.ends[i].sctp, &stats);
		ASK(!m.ends[i].closed);
		ASK(m.ends[i].telling == NOBODY);
		ASK(tulle_sctp_buffered_total(m.ends[i].sctp) == 0);
		ASK(stats.flight == 0);
		ASK(stats.blocks_out == 0);
		ASK(stats.blocks_in == 0);
		for (uint16_t s = 0; s < STREAMS; s++) {
			ASK(tulle_sctp_buffered(m.ends[i].sctp, s) == 0);
			ASK(tulle_sctp_unacked(m.ends[i].sctp, s) == 0);
		}
	}
}

static void close_all(void)
{
	uint32_t who = draw(3);
	m.closing = true;
	sim_link good = {.delay_us = 10000}; /* T5 is 50 s: not for ever */
	for (int i = 0; i < 2; i++)
		sim_net_change(&m.net, m.now + 5000000, i, &good);
	for (uint32_t i = 0; i < 2; i++)
		if (who == i || who == 2)
			ASK(tulle_sctp_shutdown(m.ends[i].sctp, m.now) == TULLE_OK);
	drain();
	tulle_time limit = m.now + (tulle_time)600 * 1000000;
	while (!m.ends[0].closed || !m.ends[1].closed) {
		pass_time(1000000, true);
		ASK(m.now < limit);
	}
	for (int i = 0; i < 2; i++) {
		ASK(m.ends[i].why == TULLE_SCTP_SHUTDOWN);
		ASK(are_messages_told(&m.ends[i]));
		tulle_sctp_wipe(m.ends[i].sctp);
		free(m.ends[i].memory);
	}
	for (int i = 0; i < 2; i++)
		ASK(tulle_pool_free(m.ends[i].pool) == m.blocks);
	for (int i = 0; i < 2; i++)
		free(m.pool_memory[i]);
	sim_net_free(&m.net);
}

START_TEST(what_one_user_sends_is_what_the_other_is_told)
{
	seeds run = seeds_to_run(60);
	for (int seed = run.first; seed < run.end; seed++) {
		start((unsigned long)seed);
		unsigned steps = 200 + draw(1500);
		unsigned anew = draw(4) == 0 ? draw(steps) : steps + 1;
		while (steps-- > 0) {
			step();
			if (steps == anew)
				restart((int)draw(2));
		}
		if (draw(3) != 0) {
			finish();
			ask_all();
		} else {
			end_what_is_open();
		}
		close_all();
	}
}
END_TEST

Suite *suite_sctp_model_pair(void);
Suite *suite_sctp_model_pair(void)
{
	Suite *s = suite_create("sctp_model_pair");
	TCase *t = tcase_create("pair");
	tcase_set_timeout(t, seeds_to_run(0).patience_s);
	tcase_add_test(t, what_one_user_sends_is_what_the_other_is_told);
	suite_add_tcase(s, t);
	return s;
}
