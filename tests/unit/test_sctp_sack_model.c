/* SPDX-License-Identifier: MIT */
/* sctp: a sender of ours and a receiver played at random. First it behaves legally but awkwardly,
 * on a path that loses and delays; then well, and all that is reliable must arrive. The number of
 * a loop's turn is the seed; TULLE_SEED and TULLE_SEEDS choose others (support/seeds.h). */
#include "sctp/wire/forward.h"
#include "tests/support/seeds.h"
#include "tests/unit/sctp_pair.h"

#include <stdarg.h>
#include <stdio.h>

#define ITEMS 400u
#define TSNS 40000u
#define STREAMS 6u /* the upper half is partially reliable */
#define RELIABLE 3u
#define TURN_PACKETS_MAX 1200u
#define SECOND 1000000
#define PATIENCE (60 * SECOND) /* some timeouts that have backed off */

typedef struct {
	tulle_time at;
	size_t len;
	bool to_us, used;
	uint8_t bytes[PAIR_PACKET_BYTES];
} item;

typedef struct {
	pair p;
	uint64_t r;
	unsigned seed;
	item wire[ITEMS];
	/* the receiver */
	uint32_t first, cumulative, top;
	uint8_t got[TSNS];
	uint32_t sum[TSNS]; /* of what each TSN stands for; 0: not sent */
	uint32_t duplicates[8], duplicate_count;
	size_t window;
	tulle_time delay, silent_until, window_until;
	unsigned loss, sack_loss, later, every, unacked_packets, blocks_max, refuse;
	bool good, lies;
	/* the user */
	bool open[STREAMS], low_owed[STREAMS], writable_owed, closed;
	tulle_sctp_event end;
	size_t low[STREAMS];
	uint32_t given[STREAMS], cut[STREAMS];
	uint64_t failures_at; /* timeouts when it was heard last */
	uint64_t heartbeats;
	unsigned steps, turns;
	tulle_time turns_from;
	tulle_pool_account hog;
	void *hogged[64];
	unsigned hogs;
} model;

static model m;

static void complain(const char *what, const char *format, ...)
{
	char text[200];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	ck_abort_msg("seed %u, step %u, %lld us: not (%s): %s", m.seed, m.steps,
		(long long)(m.p.now - 5000000), what, text);
}

#define MUST(condition, ...) ((condition) ? (void)0 : complain(#condition, __VA_ARGS__))

static unsigned rnd(unsigned below)
{
	m.r = m.r * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((m.r >> 33) % below);
}

static bool one_in(unsigned n)
{
	return rnd(n) == 0;
}

static tulle_sctp *us(void)
{
	return m.p.end[0].sctp;
}

/* What Association.Max.Retrans may have counted: RFC9260:8.1. */
static uint64_t failures(void)
{
	const tulle_sctp_stats *s = &us()->stats;
	return s->timeouts + s->window_probes + m.heartbeats;
}

/* -- the wire -- */

static void put(bool to_us, tulle_time in_us, const uint8_t *bytes, size_t len)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		item *t = &m.wire[i];
		if (t->used)
			continue;
		t->used = true;
		t->to_us = to_us;
		t->at = m.p.now + in_us;
		t->len = len;
		memcpy(t->bytes, bytes, len);
		return;
	}
}

static item *next_item(void)
{
	item *first = NULL;
	for (unsigned i = 0; i < ITEMS; i++)
		if (m.wire[i].used && (first == NULL || m.wire[i].at < first->at))
			first = &m.wire[i];
	return first;
}

static tulle_time trip(void)
{
	if (m.good)
		return m.delay;
	return m.delay + (one_in(4) ? (tulle_time)rnd((unsigned)m.delay + 1) : 0);
}

static size_t pack(uint8_t *dst, const void *chunks, size_t len)
{
	tulle_sctp_header header = {5000, 5000, pair_tag(&m.p, 0)};
	tulle_sctp_packet w;
	tulle_sctp_packet_start(&w, TULLE_CPU_PLAIN, dst, PAIR_PACKET_BYTES, &header);
	tulle_wr_bytes(&w.w, chunks, len);
	return tulle_sctp_packet_end(&w);
}

static tulle_drop hand(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len);
	memcpy(exact, bytes, len);
	tulle_drop drop = tulle_sctp_handle_datagram(us(), m.p.now, exact, len);
	free(exact);
	tulle_sctp_check(us());
	return drop;
}

static void say(tulle_time in_us, const void *chunks, size_t len)
{
	uint8_t bytes[PAIR_PACKET_BYTES];
	size_t n = pack(bytes, chunks, len);
	if (!m.good && (rnd(100) < m.sack_loss || m.p.now < m.silent_until))
		return;
	put(true, in_us + trip(), bytes, n);
	if (!m.good && one_in(12))
		put(true, in_us + trip(), bytes, n);
}

/* -- the receiver -- */

static uint32_t place(uint32_t tsn)
{
	MUST(tsn - m.first < TSNS, "too many TSNs for the model");
	return tsn - m.first;
}

static bool has(uint32_t tsn)
{
	return tulle_serial_le32(tsn, m.cumulative) || m.got[place(tsn)];
}

static void pass(void)
{
	while (m.got[place(m.cumulative + 1)])
		m.cumulative++;
	if (tulle_serial_lt32(m.top, m.cumulative))
		m.top = m.cumulative;
}

static size_t find_gaps(tulle_sctp_gap *gaps, size_t max)
{
	size_t n = 0;
	for (uint32_t tsn = m.cumulative + 2; tulle_serial_le32(tsn, m.top); tsn++) {
		uint32_t at = tsn - m.cumulative;
		if (!m.got[place(tsn)] || at > 65000)
			continue;
		if (n != 0 && gaps[n - 1].end + 1u == at) {
			gaps[n - 1].end = (uint16_t)at;
			continue;
		}
		if (n == max)
			break;
		gaps[n++] = (tulle_sctp_gap){(uint16_t)at, (uint16_t)at};
	}
	return n;
}

static void say_sack(tulle_time in_us)
{
	static tulle_sctp_gap gaps[300];
	uint8_t chunk[PAIR_PACKET_BYTES - 12];
	tulle_wr w = tulle_wr_make(chunk, sizeof chunk);
	size_t n = find_gaps(gaps, m.good ? 300 : m.blocks_max);
	if (!m.good && one_in(20)) /* named next time: it may renege */
		n = rnd((unsigned)n + 1);
	if (!m.good && one_in(20) && m.duplicate_count < 8)
		m.duplicates[m.duplicate_count++] = m.cumulative - rnd(5) + rnd(9);
	tulle_sctp_write_sack(
		&w, m.cumulative, (uint32_t)m.window, gaps, n, m.duplicates, m.duplicate_count);
	m.duplicate_count = m.unacked_packets = 0;
	say(in_us, chunk, w.len);
}

static void take_data(const tulle_sctp_chunk *chunk)
{
	tulle_sctp_data_chunk d;
	MUST(tulle_sctp_read_data(chunk, &d), " ");
	if (!m.good && m.window < d.data.len && rnd(100) < m.refuse)
		return;
	if (has(d.tsn)) {
		if (m.duplicate_count < 8 && (m.good || !one_in(3)))
			m.duplicates[m.duplicate_count++] = d.tsn;
		return;
	}
	m.got[place(d.tsn)] = 1;
	if (tulle_serial_lt32(m.top, d.tsn))
		m.top = d.tsn;
	pass();
}

static void take_forward(const tulle_sctp_chunk *chunk)
{
	tulle_sctp_forward_chunk f;
	MUST(tulle_sctp_read_forward(chunk, &f) == TULLE_TAKEN, " ");
	if (tulle_serial_le32(f.cumulative, m.cumulative))
		return;
	MUST(tulle_serial_lt32(f.cumulative, us()->out.next_tsn), " ");
	while (m.cumulative != f.cumulative)
		m.got[place(++m.cumulative)] = 1;
	pass();
}

static void answer_heartbeat(const tulle_sctp_chunk *chunk)
{
	uint8_t answer[600];
	tulle_wr w = tulle_wr_make(answer, sizeof answer);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_HEARTBEAT_ACK, 0);
	tulle_wr_bytes(&w, chunk->value.ptr, chunk->value.len);
	tulle_sctp_chunk_end(&w, at);
	say(0, answer, w.len);
}

static void acknowledge(bool asked)
{
	m.unacked_packets++;
	if (m.good || asked || m.unacked_packets >= m.every)
		say_sack(m.good || !one_in(8) ? 0 : rnd(250000));
	else if (rnd(100) < m.later)
		say_sack(rnd(200000));
}

static void receive(const uint8_t *bytes, size_t len)
{
	tulle_sctp_header header;
	tulle_sctp_chunk chunk;
	tulle_rd r;
	bool data = false, asked = false;
	MUST(tulle_sctp_read_packet(TULLE_CPU_PLAIN, bytes, len, true, &header, &r) == TULLE_TAKEN,
		" ");
	while (tulle_sctp_read_chunk(&r, &chunk)) {
		if (chunk.type == SCTP_DATA || chunk.type == SCTP_I_DATA) {
			take_data(&chunk);
			data = true;
			asked = asked || (chunk.flags & SCTP_FLAG_I) != 0;
		} else if (chunk.type == SCTP_FORWARD_TSN || chunk.type == SCTP_I_FORWARD_TSN) {
			take_forward(&chunk);
			data = asked = true;
		} else if (chunk.type == SCTP_HEARTBEAT) {
			answer_heartbeat(&chunk);
		}
	}
	if (data)
		acknowledge(asked && !one_in(4));
}

/* RFC9260:6.2: what was named in gap blocks only may be thrown away. */
static void renege(void)
{
	for (uint32_t tsn = m.cumulative + 1; tulle_serial_le32(tsn, m.top); tsn++)
		if (!one_in(3))
			m.got[place(tsn)] = 0;
}

/* -- what goes out -- */

static uint8_t pattern(uint16_t stream, uint32_t at)
{
	return (uint8_t)(at * 2654435761u >> 24 ^ stream * 37u);
}

static uint32_t sum_of(const tulle_sctp_data_chunk *d)
{
	uint32_t sum = 2166136261u ^ d->stream ^ d->mid << 16 ^ d->fsn << 8;
	sum ^= (uint32_t)(d->flags & ~SCTP_FLAG_I) << 28;
	for (size_t i = 0; i < d->data.len; i++)
		sum = (sum ^ d->data.ptr[i]) * 16777619u;
	return sum | 1;
}

/* What a TSN stands for never changes, and what is new of a stream goes on where it stood. */
static void see_data(const tulle_sctp_data_chunk *d)
{
	uint32_t *sum = &m.sum[place(d->tsn)];
	MUST(*sum == 0 || *sum == sum_of(d), "TSN %u", d->tsn);
	if (*sum == 0 && d->stream < RELIABLE)
		for (size_t i = 0; i < d->data.len; i++)
			MUST(d->data.ptr[i] == pattern(d->stream, m.cut[d->stream]++), " ");
	*sum = sum_of(d);
}

typedef struct {
	size_t chunks, payload, heartbeats, controls;
} said;

static said see(const uint8_t *bytes, size_t len)
{
	tulle_sctp_header header;
	tulle_sctp_chunk chunk;
	tulle_rd r;
	said s = {0};
	MUST(tulle_sctp_read_packet(TULLE_CPU_PLAIN, bytes, len, true, &header, &r) == TULLE_TAKEN,
		" ");
	while (tulle_sctp_read_chunk(&r, &chunk)) {
		tulle_sctp_data_chunk d;
		if (chunk.type != SCTP_DATA && chunk.type != SCTP_I_DATA) {
			s.heartbeats += chunk.type == SCTP_HEARTBEAT;
			continue;
		}
		MUST(tulle_sctp_read_data(&chunk, &d), " ");
		see_data(&d);
		s.chunks++;
		s.payload += d.data.len;
	}
	return s;
}

/* RFC9260:6.1 A, B: within the windows, but for one probe. */
static void judge(const sctp_outbound *before, size_t cwnd, uint64_t abandoned, said s)
{
	if (s.chunks == 0 || before->probe_due || us()->stats.abandoned != abandoned)
		return;
	MUST(!before->no_packet, " ");
	MUST(before->flight_chunks == 0 || before->flight_chunks < cwnd, " ");
	MUST(s.payload <= before->peer_window || (before->flight == 0 && s.chunks == 1),
		"%zu chunks of %zu", s.chunks, s.payload);
}

static void drain(void)
{
	uint8_t bytes[PAIR_PACKET_BYTES];
	tulle_datagram out;
	unsigned n = 0;
	for (;;) {
		sctp_outbound before = us()->out;
		size_t cwnd = us()->cc.cwnd;
		uint64_t abandoned = us()->stats.abandoned;
		if (!tulle_sctp_poll_datagram(us(), m.p.now, bytes, sizeof bytes, &out))
			break;
		tulle_sctp_check(us());
		MUST(++n < TURN_PACKETS_MAX, "it spins");
		said s = see(bytes, out.len);
		m.heartbeats += s.heartbeats != 0 && !out.df_probe;
		judge(&before, cwnd, abandoned, s);
		if (m.good || (rnd(100) >= m.loss && m.p.now >= m.silent_until))
			put(false, trip(), bytes, out.len);
	}
	tulle_sctp_check(us());
}

/* -- the user -- */

static void take_events(void)
{
	tulle_sctp_event event;
	while (tulle_sctp_poll_event(us(), &event)) {
		if (event.kind == TULLE_SCTP_WRITABLE)
			m.writable_owed = false;
		if (event.kind == TULLE_SCTP_BUFFERED_LOW)
			m.low_owed[event.stream] = false;
		if (event.kind == TULLE_SCTP_CLOSED) {
			m.closed = true;
			m.end = event;
		}
	}
	tulle_sctp_check(us());
}

static tulle_err give(uint16_t stream, size_t len, const tulle_sctp_send_options *options)
{
	static uint8_t bytes[70000];
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(stream, m.given[stream] + (uint32_t)i);
	tulle_err err = tulle_sctp_send(us(), m.p.now, stream, 51, bytes, len, options);
	tulle_sctp_check(us());
	if (err == TULLE_WOULD_BLOCK)
		m.writable_owed = true;
	if (err != TULLE_OK)
		return err;
	m.given[stream] += (uint32_t)len;
	if (tulle_sctp_buffered(us(), stream) > m.low[stream])
		m.low_owed[stream] = true;
	m.open[stream] = !options->last;
	return err;
}

static void send_some(void)
{
	uint16_t stream = (uint16_t)rnd(STREAMS);
	size_t len = 1 + (one_in(6) ? rnd(12000) : one_in(2) ? rnd(2000) : rnd(60));
	tulle_sctp_send_options o = {.first = !m.open[stream], .last = !one_in(8)};
	o.unordered = one_in(3);
	if (stream >= RELIABLE) {
		o.has_lifetime = one_in(2);
		o.lifetime_us = one_in(3) ? rnd(2000) : rnd(2000000);
		o.has_retransmissions = !o.has_lifetime || one_in(4);
		o.retransmissions_max = (uint16_t)rnd(4);
		o.late = one_in(4);
	}
	o.priority = (uint16_t)(one_in(3) ? 1 + rnd(2000) : 0);
	tulle_err err = give(stream, len, &o);
	MUST(m.closed || us()->ended || err == TULLE_OK || err == TULLE_WOULD_BLOCK ||
			err == TULLE_ERR_TOO_LARGE,
		"%d", err);
}

static void wake(void)
{
	for (void *w; (w = tulle_pool_next_waiter(m.p.pool)) != NULL;)
		if (w == us())
			tulle_sctp_handle_room(us(), m.p.now);
	tulle_sctp_check(us());
}

static void hog(void)
{
	void *b;
	for (unsigned n = rnd(64); n > 0 && m.hogs < 64; n--)
		if ((b = tulle_pool_take(&m.hog, false)) != NULL)
			m.hogged[m.hogs++] = b;
}

static void unhog(void)
{
	while (m.hogs > 0)
		tulle_pool_give(&m.hog, m.hogged[--m.hogs]);
}

/* -- what is awkward -- */

static void lie(void)
{
	static const uint8_t short_sack[] = {3, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0};
	tulle_sctp_gap gaps[2] = {{2, 5}, {4, 9}};
	uint32_t next = us()->out.next_tsn, acked = us()->out.acked_tsn;
	uint8_t chunk[100], bytes[PAIR_PACKET_BYTES];
	tulle_wr w = tulle_wr_make(chunk, sizeof chunk);
	size_t unacked = tulle_sctp_unacked_total(us()), n;
	tulle_drop want = TULLE_DROP_SCTP_SACK;
	switch (rnd(5)) {
	case 0:
		tulle_sctp_write_sack(&w, next + rnd(1000), 9000, NULL, 0, NULL, 0);
		break;
	case 1:
		tulle_sctp_write_sack(&w, acked, 9000, gaps, 2, NULL, 0);
		break;
	case 2:
		gaps[0] = (tulle_sctp_gap){2, (uint16_t)(next - acked + rnd(50))};
		tulle_sctp_write_sack(&w, acked, 9000, gaps, gaps[0].end < 2 ? 0 : 1, NULL, 0);
		if (gaps[0].end < 2)
			return;
		break;
	case 3:
		tulle_sctp_write_sack(&w, acked - 1 - rnd(1000), 9000, NULL, 0, NULL, 0);
		break;
	default:
		tulle_wr_bytes(&w, short_sack, sizeof short_sack);
		want = TULLE_DROP_MALFORMED;
	}
	n = pack(bytes, chunk, w.len);
	tulle_drop drop = hand(bytes, n);
	MUST(drop == want, "%d", drop);
	MUST(tulle_sctp_unacked_total(us()) == unacked && us()->out.acked_tsn == acked, " ");
}

static void chatter(void)
{
	static const uint8_t error[] = {9, 0, 0, 8, 0, 6, 0, 4};
	static const uint8_t heartbeat[] = {4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4};
	if (one_in(3))
		say(0, error, sizeof error);
	else if (one_in(2))
		say(0, heartbeat, sizeof heartbeat);
	else if (!m.p.interleaves)
		pair_data(&m.p, 0, rnd(4), 9, 0, SCTP_FLAG_U | SCTP_FLAG_B | SCTP_FLAG_E, "x");
}

static void move_window(void)
{
	static const size_t sizes[] = {0, 0, 1, 300, 900, 1500, 5000, 30000, 100000, 1u << 20};
	m.window = sizes[rnd(sizeof sizes / sizeof *sizes)];
	if (!one_in(4))
		say_sack(0);
}

static void change_path(void)
{
	m.delay = (tulle_time[]){200, 5000, 20000, 60000, 300000}[rnd(5)];
	if (one_in(2))
		return;
	tulle_sctp_set_path(us(), m.p.now, one_in(2) ? 0 : 600 + rnd(800));
	m.failures_at = failures();
	tulle_sctp_check(us());
	if (one_in(3))
		tulle_sctp_set_ice_rtt(us(), m.delay * 2);
}

static void change_manners(void)
{
	m.loss = one_in(2) ? 0 : rnd(40);
	m.sack_loss = one_in(2) ? 0 : rnd(60);
	m.later = rnd(100);
	m.every = 1 + rnd(4);
	m.refuse = one_in(2) ? 100 : rnd(100);
	m.blocks_max = one_in(3) ? 300 : rnd(20);
}

static void fall_silent(void)
{
	tulle_time most = one_in(8) ? 120 * SECOND : 3 * us()->rto;
	m.silent_until = m.p.now + (tulle_time)rnd((unsigned)most);
}

static void disturb(void)
{
	unsigned what = rnd(1000);
	if (what < 300)
		send_some();
	else if (what < 330)
		move_window();
	else if (what < 345)
		renege();
	else if (what < 353)
		change_path();
	else if (what < 370)
		change_manners();
	else if (what < 390)
		chatter();
	else if (what < 400)
		m.p.no_random = one_in(3);
	else if (what < 403)
		fall_silent();
	else if (what < 410)
		m.p.now += rnd(one_in(5) ? 1000000 : 3000);
	else if (what < 416)
		hog();
	else if (what < 424)
		unhog();
	else if (what < 440 && m.lies)
		lie();
	else if (what < 450)
		say_sack(0);
}

/* -- a step -- */

static void judge_end(void)
{
	MUST(m.end.why == TULLE_SCTP_LOST, "why %d, cause %u", m.end.why, m.end.cause);
	MUST(!m.good, "lost while all is well");
	/* one that was sent before it was heard may be unanswered since */
	uint64_t counted = failures() + (m.heartbeats != 0);
	MUST(counted > m.failures_at + us()->config.retransmissions_max, "%llu failures",
		(unsigned long long)(counted - m.failures_at));
}

static bool waits_for_user(void)
{
	const sctp_outbound *o = &us()->out;
	return o->current != NULL && o->current->out_head == NULL;
}

static void judge_timers(void)
{
	const sctp_outbound *o = &us()->out;
	tulle_time at = tulle_sctp_poll_timeout(us());
	MUST(at > us()->now, "timer %lld us ago", (long long)(us()->now - at));
	if (us()->ended)
		return;
	bool out = o->acked_tsn + 1 != o->next_tsn;
	if (out || (o->buffered != 0 && !waits_for_user())) {
		tulle_time first =
			tulle_time_min(us()->timers[SCTP_T_RTX], us()->timers[SCTP_T_PACE]);
		MUST(first != TULLE_TIME_NEVER, "nothing waits for %zu bytes", o->unacked);
		MUST(first <= us()->now + us()->config.rto_us_max, "waits for %lld us",
			(long long)(first - us()->now));
	}
}

static void count_turn(void)
{
	if (m.p.now - m.turns_from > SECOND) {
		m.turns_from = m.p.now;
		m.turns = 0;
	}
	MUST(++m.turns < 6000, "it spins");
}

/* RFC9260:8.1, 6.1 A: it lives. */
static void hear(const item *t)
{
	const sctp_outbound *o = &us()->out;
	uint32_t acked = o->acked_tsn, out = o->in_flight.count + o->lost.count;
	(void)hand(t->bytes, t->len);
	bool news = o->acked_tsn != acked || o->in_flight.count + o->lost.count < out;
	if (news || us()->errors == 0)
		m.failures_at = failures();
}

static void deliver(void)
{
	for (item *t; (t = next_item()) != NULL && t->at <= m.p.now;) {
		t->used = false;
		if (!t->to_us) {
			receive(t->bytes, t->len);
			continue;
		}
		hear(t);
		if (one_in(2))
			drain();
	}
}

/* To the next thing that happens. */
static void step(void)
{
	item *t = next_item();
	tulle_time at = tulle_sctp_poll_timeout(us());
	m.steps++;
	if (t != NULL)
		at = tulle_time_min(at, t->at);
	if (at == TULLE_TIME_NEVER || at > m.p.now + 30 * SECOND)
		at = m.p.now + (m.good ? SECOND : 10000);
	if (!m.good && one_in(6)) /* and often before that */
		at = tulle_time_min(at, m.p.now + (tulle_time)rnd(5000));
	m.p.now = tulle_time_max(m.p.now, at);
	deliver();
	tulle_sctp_handle_timeout(us(), m.p.now);
	tulle_sctp_check(us());
	drain();
	take_events();
	wake();
	drain();
	judge_timers();
	count_turn();
}

static void begin(unsigned seed)
{
	memset(&m, 0, sizeof m);
	m.seed = seed;
	m.r = seed * 0x9e3779b97f4a7c15u + 12345;
	m.p.random = seed;
	m.p.interleaves = one_in(2);
	m.p.config.cc = (tulle_sctp_control)rnd(3);
	m.p.config.packet_bytes_max = (uint16_t)(one_in(3) ? 600 + rnd(600) : 1172);
	m.p.config.probe_bytes_max = one_in(3) ? 1460 : 0;
	m.p.config.heartbeat_us = one_in(2) ? -1 : SECOND + (tulle_time)rnd(5000000);
	m.p.config.send_bytes_max = 12000 + rnd(one_in(2) ? 20000 : 200000);
	m.lies = one_in(3);
	pair_open(&m.p, one_in(3) ? 24 + rnd(60) : 300);
	tulle_pool_open(&m.hog, m.p.pool, NULL, 0, &m);
	pair_connect(&m.p);
	m.first = us()->out.next_tsn;
	m.cumulative = m.top = m.first - 1;
	m.window = 100000;
	m.delay = 20000;
	change_manners();
	for (uint16_t s = 0; s < STREAMS; s++) {
		m.low[s] = one_in(2) ? 0 : rnd(5000);
		tulle_sctp_set_low(us(), s, m.low[s]);
	}
}

static bool end_parts(void)
{
	static const tulle_sctp_send_options last = {.last = true};
	bool open = false;
	for (uint16_t s = 0; s < STREAMS; s++)
		if (m.open[s] && give(s, 50, &last) != TULLE_OK)
			open = true;
	return !open;
}

static void behave(void)
{
	m.good = true;
	m.p.no_random = false;
	m.window = 1u << 20;
	m.delay = 20000;
	m.silent_until = 0;
	unhog();
	say_sack(0);
}

static void judge_rest(void)
{
	const sctp_outbound *o = &us()->out;
	MUST(o->unacked == 0 && o->buffered == 0 && o->acked_tsn + 1 == o->next_tsn,
		"%zu unacked, %zu buffered", o->unacked, o->buffered);
	MUST(o->blocks == 0, " ");
	MUST(!m.writable_owed, "%zu blocks wanted", o->wanted);
	for (unsigned s = 0; s < STREAMS; s++) {
		MUST(!m.low_owed[s], "stream %u", s);
		MUST(s >= RELIABLE || m.cut[s] == m.given[s], "stream %u", s);
	}
}

static bool is_at_rest(void)
{
	const sctp_outbound *o = &us()->out;
	return end_parts() && o->unacked == 0 && o->acked_tsn + 1 == o->next_tsn;
}

static void run(unsigned seed, unsigned steps)
{
	begin(seed);
	while (!m.closed && m.steps < steps) {
		disturb();
		step();
	}
	if (m.closed) {
		judge_end();
		unhog();
		return;
	}
	behave();
	tulle_time from = m.p.now;
	while (!m.closed && !is_at_rest()) {
		step();
		MUST(m.p.now - from < PATIENCE, "%zu unacked, %zu buffered, %u lost, %u on the way",
			us()->out.unacked, us()->out.buffered, us()->out.lost.count,
			us()->out.in_flight.count);
	}
	MUST(!m.closed, "why %d", m.end.why);
	for (int i = 0; i < 20; i++)
		step();
	judge_rest();
}

START_TEST(whoever_receives_awkwardly_gets_all_in_the_end)
{
	run((unsigned)_i, 600);
	tulle_pool_close(&m.hog);
	pair_close(&m.p);
}
END_TEST

Suite *suite_sctp_sack_model(void)
{
	Suite *s = suite_create("sctp_sack_model");
	TCase *t = tcase_create("model");
	seeds run = seeds_to_run(60);
	tcase_set_timeout(t, run.patience_s);
	tcase_add_loop_test(t, whoever_receives_awkwardly_gets_all_in_the_end, run.first, run.end);
	suite_add_tcase(s, t);
	return s;
}
