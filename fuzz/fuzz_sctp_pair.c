/* SPDX-License-Identifier: MIT */
/* fuzz: two associations that talk over a network in the input's hands: it drops, delays, doubles,
 * reorders and corrupts packets, cuts the path, calls the API of both ends, begins an end anew,
 * moves time on; where the first byte allows it, corrupt packets get a right checksum and chunks of
 * any kind are put in with the right tag. Pools are small and may be shared. tulle_sctp_check after
 * each entry. The byte judge: a message comes once, as it was sent, ordered ones in order, or its
 * parts end with a blank where it may be given up; and when the network is good again, all that was
 * accepted comes, unless an end closed. With forged packets only the checks count. */
#include "fuzz/sctp_pair.h"

#include "base/crc32c.h"
#include "base/pool.h"
#include "fuzz/draw.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PACKETS 128

typedef struct {
	tulle_time at;
	size_t len;
	uint8_t *data;
	int to;
} packet;

typedef struct {
	tulle_sctp *end[2];
	void *memory[2], *pool_memory[2];
	tulle_pool *pool[2];
	side side[2];
	packet flight[PACKETS];
	unsigned count;
	tulle_time now, cut_until, delay;
	uint64_t random;
	uint8_t loss; /* bits: of the next eight packets */
	const uint8_t *how;
	bool forging, judged, closed;
} world;

static bool fill(void *user, uint8_t *dst, size_t len)
{
	world *w = user;
	fuzz_draw(&w->random, dst, len);
	return true;
}

static void check(const world *w)
{
	tulle_sctp_check(w->end[0]);
	tulle_sctp_check(w->end[1]);
}

static void see_restarts(world *w)
{
	for (int i = 0; i < 2; i++) {
		side *s = &w->side[i];
		if (s->restarts == w->end[i]->stats.restarts)
			continue;
		s->restarts = w->end[i]->stats.restarts;
		forgive(s);
		w->side[1 - i].coming = -1;
	}
}

static void events(world *w, int i)
{
	tulle_sctp_event event;
	while (tulle_sctp_poll_event(w->end[i], &event)) {
		if (event.kind == TULLE_SCTP_MESSAGE && w->judged)
			judge_part(&w->side[1 - i], &event);
		if (event.kind == TULLE_SCTP_CLOSED)
			w->closed = true;
		check(w);
	}
}

/* -- the network -- */

static void send_packet(world *w, int to, const uint8_t *data, size_t len)
{
	bool lost = (w->loss & 1) != 0 || w->now < w->cut_until || w->count == PACKETS;
	w->loss >>= 1;
	if (lost)
		return;
	packet *p = &w->flight[w->count++];
	*p = (packet){w->now + w->delay, len, malloc(len), to};
	memcpy(p->data, data, len);
}

/* The order of those that are due at once is that of the list. */
static bool arrive(world *w)
{
	unsigned first = 0;
	for (unsigned i = 1; i < w->count; i++)
		first = w->flight[i].at < w->flight[first].at ? i : first;
	if (w->count == 0 || w->flight[first].at > w->now)
		return false;
	packet p = w->flight[first];
	memmove(&w->flight[first], &w->flight[first + 1], (--w->count - first) * sizeof *w->flight);
	(void)tulle_sctp_handle_datagram(w->end[p.to], w->now, p.data, p.len);
	free(p.data);
	see_restarts(w);
	check(w);
	return true;
}

static void drain(world *w, int i)
{
	uint8_t bytes[1200];
	tulle_datagram out;
	unsigned n = 0;
	while (tulle_sctp_poll_datagram(w->end[i], w->now, bytes, sizeof bytes, &out)) {
		TULLE_CHECK(++n < 10000);
		send_packet(w, 1 - i, bytes, out.len);
	}
	check(w);
	TULLE_CHECK(tulle_sctp_poll_timeout(w->end[i]) > w->now);
}

static void wake(world *w)
{
	tulle_sctp *owner;
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < 4 && (owner = tulle_pool_next_waiter(w->pool[i])) != NULL; n++)
			tulle_sctp_handle_room(owner, w->now);
	check(w);
}

static void run_to(world *w, tulle_time until)
{
	for (int n = 0; n < 2000; n++) {
		for (int i = 0; i < 2; i++) {
			if (tulle_sctp_poll_timeout(w->end[i]) <= w->now)
				tulle_sctp_handle_timeout(w->end[i], w->now);
			drain(w, i);
		}
		while (arrive(w)) {
		}
		for (int i = 0; i < 2; i++)
			drain(w, i);
		tulle_time next = TULLE_TIME_NEVER;
		for (int i = 0; i < 2; i++)
			next = tulle_time_min(next, tulle_sctp_poll_timeout(w->end[i]));
		for (unsigned i = 0; i < w->count; i++)
			next = tulle_time_min(next, w->flight[i].at);
		if (next > until)
			break;
		w->now = tulle_time_max(w->now, next);
	}
	w->now = tulle_time_max(w->now, until);
}

static void repair_checksum(packet *p)
{
	uint32_t crc = tulle_sctp_packet_checksum(TULLE_CPU_PLAIN, p->data, p->len);
	for (unsigned i = 0; i < 4; i++)
		p->data[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* RFC9653: what its sender left to the layer below; whatever was changed in it. */
static bool is_unsummed(const packet *p)
{
	unsigned zeros = 0;
	for (unsigned i = 0; i < 4; i++)
		zeros += p->data[8 + i] == 0;
	return zeros >= 3;
}

static void drop_packet(world *w, packet *p)
{
	free(p->data);
	memmove(p, p + 1, (size_t)(&w->flight[w->count--] - p - 1) * sizeof *p);
}

static void disturb(world *w, uint8_t how, uint8_t which, uint8_t much)
{
	if (w->count == 0)
		return;
	packet *p = &w->flight[which % w->count];
	switch (how % 4) {
	case 0:
		drop_packet(w, p);
		break;
	case 1:
		p->at += (tulle_time)much * 2000;
		break;
	case 2:
		if (w->count < PACKETS) {
			packet *twin = &w->flight[w->count++];
			*twin = *p;
			twin->data = malloc(p->len);
			memcpy(twin->data, p->data, p->len);
			twin->at += (tulle_time)much * 500;
		}
		break;
	default:
		p->data[(size_t)much * 5 % p->len] ^= (uint8_t)(1 + how / 4);
		if (w->forging && (which & 0x80) != 0) {
			repair_checksum(p);
			w->judged = false;
		} else if (is_unsummed(p)) { /* DTLS would have seen it */
			drop_packet(w, p);
		}
		break;
	}
}

/* Makes the numbers of a forged chunk plausible, or nothing of it would be looked at. */
static void repair_numbers(const tulle_sctp *s, uint8_t *chunk, size_t len)
{
	static const uint8_t of_theirs[] = {SCTP_DATA, 64, 192, 194}; /* I-DATA, FORWARD-TSN */
	uint32_t base = s->out.acked_tsn;
	if (len < 8)
		return;
	for (size_t i = 0; i < sizeof of_theirs; i++)
		if (chunk[0] == of_theirs[i])
			base = s->in.cumulative;
	if (chunk[0] == SCTP_INIT || chunk[0] == SCTP_INIT_ACK)
		return;
	base += chunk[7];
	for (unsigned i = 0; i < 4; i++)
		chunk[4 + i] = (uint8_t)(base >> (24 - 8 * i));
}

static void forge(world *w, uint8_t how, const uint8_t *body, size_t len)
{
	static uint8_t bytes[600];
	int to = how & 1;
	tulle_sctp_header header = {5000, 5000, w->end[to]->identity.local_tag};
	if (how & 2)
		header.tag = how & 4 ? 0 : w->end[to]->identity.remote_tag;
	tulle_sctp_packet p;
	tulle_sctp_packet_start(&p, TULLE_CPU_PLAIN, bytes, sizeof bytes, &header);
	tulle_wr_bytes(&p.w, body, len);
	for (size_t at = SCTP_HEADER_BYTES; !(how & 8) && at + 4 <= p.w.len;) {
		size_t n = (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
		if (n < 4 || n > p.w.len - at)
			break;
		repair_numbers(w->end[to], bytes + at, n);
		at += tulle_sctp_padded(n);
	}
	size_t n = tulle_sctp_packet_end(&p);
	w->judged = false;
	send_packet(w, to, bytes, n);
}

/* -- the users -- */

static void send_message(world *w, int i, uint8_t how, size_t len)
{
	static uint8_t bytes[70000];
	side *s = &w->side[i];
	uint16_t stream = how % STREAMS;
	unsigned number = s->open[stream];
	bool first = number == 0, last = (how & 8) == 0;
	if (first && s->count + 1 >= MESSAGES)
		return;
	number = first ? s->count + 1 : number;
	message m = first ? (message){.unordered = (how & 16) != 0, .partial = (how & 32) != 0}
			  : s->sent[number];
	tulle_sctp_send_options o = {.first = first, .last = last, .unordered = m.unordered};
	o.has_retransmissions = m.partial && (how & 64) != 0;
	o.has_lifetime = m.partial && !o.has_retransmissions;
	o.lifetime_us = 30000;
	o.retransmissions_max = how >> 7;
	o.priority = (uint16_t)(128u << (how >> 6));
	for (size_t k = 0; k < len; k++)
		bytes[k] = byte_of(number, m.len + k);
	if (tulle_sctp_send(w->end[i], w->now, stream, number, bytes, len, &o) != TULLE_OK)
		return;
	m.len += len;
	m.whole = last;
	s->count = first ? number : s->count;
	s->sent[number] = m;
	s->stream_of[number] = stream;
	s->open[stream] = last ? 0 : number;
}

static void make(world *w, int i)
{
	const uint8_t *how = w->how;
	tulle_sctp_config c = {.pool = w->pool[i], .random = {fill, w}, .streams_max = 300};
	c.streamed = (how[0] >> i & 1) != 0;
	c.packet_bytes_max = how[0] & 4 ? 508 : 0;
	c.send_bytes_max = 65536;
	c.receive_bytes_max = 32768;
	c.cc = (tulle_sctp_control)(how[2] % 3);
	unsigned more = how[2] / 3u;
	c.zero_checksum = (more >> i & 1) != 0;
	c.interleaving = (more >> (2 + i) & 1) != 0;
	c.no_partial = (more >> (4 + i) & 1) != 0;
	c.reserve_blocks = tulle_sctp_reserve_blocks_min(&c);
	size_t n = tulle_sctp_memory_bytes(&c);
	w->memory[i] = malloc(n);
	w->end[i] = tulle_sctp_init(w->memory[i], n, &c, w->now);
	TULLE_CHECK(w->end[i] != NULL);
}

/* As when a page is loaded again: the other learns it from the INIT. RFC9260:5.2 */
static void restart(world *w, int i)
{
	tulle_sctp_wipe(w->end[i]);
	free(w->memory[i]);
	make(w, i);
	w->side[i].restarts = 0;
	forgive(&w->side[i]);
	side *s = &w->side[1 - i]; /* what came may come again: nobody knows that it did */
	for (unsigned k = 1; k <= s->count; k++) {
		s->sent[k].partial = true;
		s->sent[k].delivered = false;
		s->sent[k].got = 0;
	}
	s->coming = -1;
	(void)tulle_sctp_connect(w->end[i], w->now);
}

static void call(world *w, uint8_t what, uint8_t a, uint8_t b)
{
	int i = a & 1;
	tulle_sctp *s = w->end[i];
	uint16_t stream = (uint16_t)(a >> 1) % STREAMS;
	switch (what % 7) {
	case 0:
		(void)tulle_sctp_reset_stream(s, w->now, stream);
		break;
	case 1:
		(void)tulle_sctp_pause(s, w->now, stream, (b & 1) != 0);
		break;
	case 2:
		(void)tulle_sctp_set_low(s, stream, (size_t)b * 64);
		break;
	case 3:
		(void)tulle_sctp_connect(s, w->now);
		break;
	case 4:
		if (b == 77)
			(void)tulle_sctp_shutdown(s, w->now);
		if (b == 78)
			(void)tulle_sctp_abort(s, w->now, b, (tulle_text){"x", 1});
		break;
	case 5:
		wake(w);
		break;
	default:
		if ((b & 7) == 7)
			restart(w, i);
		break;
	}
}

static void play(world *w, tulle_rd r)
{
	while (tulle_rd_left(&r) >= 3) {
		uint8_t op = tulle_rd_u8(&r), a = tulle_rd_u8(&r), b = tulle_rd_u8(&r);
		switch (op % 8) {
		case 0:
		case 1:
			send_message(w, op >> 3 & 1, a, op % 8 == 0 ? 1u + b : 1u + b * b);
			break;
		case 2:
			disturb(w, op / 8, a, b);
			break;
		case 3:
			w->loss = a;
			w->cut_until = w->now + (b > 250 ? (tulle_time)(b - 250) * 700000 : 0);
			break;
		case 4:
			run_to(w, w->now + (tulle_time)b * (op & 8 ? 100 : 5000));
			break;
		case 5:
			call(w, op / 8, a, b);
			break;
		case 6:
			events(w, a & 1);
			break;
		default:
			if (w->forging) {
				size_t n = tulle_min(b, tulle_rd_left(&r));
				forge(w, a, tulle_rd_bytes(&r, n).ptr, n);
			}
			break;
		}
		drain(w, 0);
		drain(w, 1);
	}
}

/* -- the end -- */

static bool is_all_there(const world *w)
{
	for (int i = 0; i < 2; i++)
		for (unsigned k = 1; k <= w->side[i].count; k++) {
			const message *m = &w->side[i].sent[k];
			if (!m->delivered && !m->partial)
				return false;
		}
	return true;
}

/* Grows with each step of either end. */
static uint64_t steps(const world *w)
{
	uint64_t n = 0;
	for (int i = 0; i < 2; i++)
		n += w->end[i]->stats.data_in + w->end[i]->stats.messages_in +
		     (uint32_t)(w->end[i]->out.acked_tsn - w->end[i]->identity.local_tsn);
	return n;
}

/* The network is good and the users read: what was accepted must come, be it a chunk each time that
 * a timer of 10 s (RTO.Max) runs out, where only the reserve is left. */
static void finish(world *w)
{
	w->loss = 0;
	w->cut_until = 0;
	(void)tulle_sctp_connect(w->end[0], w->now);
	for (int i = 0; i < 2; i++)
		for (uint16_t s = 0; s < STREAMS; s++)
			(void)tulle_sctp_pause(w->end[i], w->now, s, false);
	uint64_t before = steps(w);
	for (int n = 0, still = 0; still < 300 && n < 20000 && !w->closed; n++, still++) {
		for (int i = 0; i < 2; i++)
			for (unsigned s = 0; s < STREAMS; s++)
				if (w->side[i].open[s] != 0) /* its last part */
					send_message(w, i, (uint8_t)s, 1);
		run_to(w, w->now + 200000);
		events(w, 0);
		events(w, 1);
		wake(w);
		if (is_all_there(w))
			return;
		if (steps(w) != before)
			still = 0;
		before = steps(w);
	}
	TULLE_CHECK(w->closed || !w->judged); /* it stalls */
}

static void make_pools(world *w)
{
	const uint8_t *how = w->how;
	size_t blocks = 1 + how[1] / 2u, n = tulle_pool_memory_bytes(1024, blocks);
	for (int i = 0; i < 2; i++) {
		if (i == 1 && (how[0] & 8) != 0) {
			w->pool[1] = w->pool[0];
			continue;
		}
		w->pool_memory[i] = malloc(n);
		w->pool[i] = tulle_pool_init(w->pool_memory[i], n, 1024, blocks);
	}
}

static void unmake(world *w)
{
	for (int i = 0; i < 2; i++) {
		tulle_sctp_wipe(w->end[i]);
		free(w->memory[i]);
	}
	for (int i = 0; i < 2; i++) {
		TULLE_CHECK(tulle_pool_free(w->pool[i]) == tulle_pool_blocks(w->pool[i]));
	}
	for (int i = 0; i < 2; i++)
		free(w->pool_memory[i]);
	for (unsigned i = 0; i < w->count; i++)
		free(w->flight[i].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static world w;
	if (len < 4 || len > 4096)
		return 0;
	w = (world){.now = 1000000, .random = data[3], .judged = true, .delay = 5000};
	w.forging = (data[0] & 16) != 0;
	w.how = data;
	w.side[0].coming = w.side[1].coming = -1;
	make_pools(&w);
	make(&w, 0);
	make(&w, 1);
	if (data[0] & 32)
		(void)tulle_sctp_connect(w.end[1], w.now);
	if (data[0] & 64) {
		(void)tulle_sctp_connect(w.end[0], w.now);
		run_to(&w, w.now + 100000);
	}
	play(&w, tulle_rd_make(data + 4, len - 4));
	finish(&w);
	unmake(&w);
	return 0;
}
