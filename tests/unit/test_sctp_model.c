/* SPDX-License-Identifier: MIT */
/* sctp: the receiving side against a model. A sender that keeps to the RFCs is drawn from a seed:
 * whole and cut messages, ordered or not, in DATA or I-DATA, on a path that loses, doubles and
 * reorders; it gives messages up (FORWARD-TSN), resets streams (RE-CONFIG) and uses them anew,
 * while the user pauses streams, seldom takes events, and others hold the pool. The oracle asks of
 * each event:
 *  - a message begins at most once, is told with its own stream and U bit, bears its own bytes, has
 *    its whole length, and no other's parts come between its own;
 *  - only one that the sender gave up may break off;
 *  - ordered ones come in order, and what they pass over was given up;
 *  - a message lies between the STREAM_RESET_INs that it was sent between.
 * At the end, when nothing is lost any more: every TSN is taken, every reset performed, told once,
 * and every message that was not given up has come. A failure names the seed: TULLE_SEED=n runs
 * that one alone, TULLE_SEEDS=n runs so many. */
#include "sctp/wire/forward.h"
#include "sctp/wire/reset.h"
#include "tests/support/seeds.h"
#include "tests/unit/sctp_pair.h"

#include <stdio.h>

enum { CHUNKS = 3000, MESSAGES = 2000, STREAMS = 6, AHEAD = 40, TAKEN = 60, NOBODY = -1 };

typedef struct {
	unsigned message;
	uint32_t fsn;
	uint16_t offset, len;
	uint8_t flags;
} model_chunk;

typedef struct {
	uint16_t stream, len;
	uint32_t mid, epoch; /* of the stream; resets of it so far */
	bool unordered, given_up, whole, told;
} model_message;

typedef struct {
	uint32_t mid[2], epoch; /* the next, by U */
	int open;               /* the message that is being cut */
	uint32_t fsn;
	uint16_t offset;
	bool resetting;
	uint32_t sequence, last_tsn; /* of the reset */
	uint32_t told_epoch;
	int64_t told_mid; /* of the last ordered message told */
} model_stream;

static pair p;
static struct {
	unsigned long seed;
	uint64_t random;
	bool i_data, tight;
	model_chunk chunks[CHUNKS];
	model_message messages[MESSAGES];
	model_stream streams[STREAMS];
	unsigned chunk_count, message_count;
	uint32_t first_tsn, sequence;
	int resetting; /* the stream whose reset is under way */
	int telling;   /* the message in the middle of which the receiver is */
	uint32_t told_len;
	tulle_pool_account others;
	void *taken[TAKEN];
	unsigned taken_count;
	uint32_t loss, laziness; /* tenths; between looks at the events */
} m;

#define ASK(condition) ck_assert_msg(condition, "seed %lu: %s", m.seed, #condition)

static uint32_t draw(uint32_t below)
{
	m.random = m.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m.random >> 33) % below;
}

static tulle_sctp *receiver(void)
{
	return p.end[1].sctp;
}

/* Chunks that the receiver has all of. */
static unsigned passed(void)
{
	return receiver()->in.cumulative - m.first_tsn + 1;
}

/* A message begins with its number. */
static uint8_t byte_of(unsigned message, unsigned at)
{
	if (at < 2)
		return (uint8_t)(at == 0 ? message >> 8 : message);
	return (uint8_t)(message * 7 + at * 13);
}

/* -- the oracle ------------------------------------------------------------------------------- */

/* What lies between this ordered message and the one told before was given up. */
static void ask_order(const model_message *g)
{
	model_stream *s = &m.streams[g->stream];
	ASK((int64_t)g->mid > s->told_mid);
	for (unsigned i = 0; i < m.message_count; i++) {
		const model_message *o = &m.messages[i];
		bool between = o->stream == g->stream && !o->unordered && o->epoch == g->epoch &&
			       (int64_t)o->mid > s->told_mid && o->mid < g->mid;
		ASK(!between || o->given_up);
	}
	s->told_mid = g->mid;
}

static void ask_begin(const tulle_sctp_event *e)
{
	ASK(m.telling == NOBODY);
	ASK(e->len >= 2);
	m.telling = e->data[0] << 8 | e->data[1];
	m.told_len = 0;
	ASK(m.telling < (int)m.message_count);
	model_message *g = &m.messages[m.telling];
	ASK(!g->told);
	g->told = true;
	ASK(g->stream == e->stream);
	ASK(g->unordered == e->unordered);
	ASK(g->epoch == m.streams[g->stream].told_epoch);
	if (!g->unordered)
		ask_order(g);
}

static void ask_part(const tulle_sctp_event *e)
{
	ASK(m.telling != NOBODY);
	ASK(m.messages[m.telling].stream == e->stream);
	bool same = true;
	for (unsigned i = 0; i < e->len; i++)
		same = same && e->data[i] == byte_of((unsigned)m.telling, m.told_len + i);
	ASK(same);
	m.told_len += (uint32_t)e->len;
	if (!e->last)
		return;
	ASK(m.told_len == m.messages[m.telling].len);
	m.telling = NOBODY;
}

static void ask_event(const tulle_sctp_event *e)
{
	ASK(e->kind != TULLE_SCTP_CLOSED);
	if (e->kind == TULLE_SCTP_STREAM_RESET_IN) {
		m.streams[e->stream].told_epoch++;
		m.streams[e->stream].told_mid = -1;
	}
	if (e->kind != TULLE_SCTP_MESSAGE)
		return;
	if (!e->ok) {
		ASK(m.telling != NOBODY);
		ASK(m.messages[m.telling].given_up);
		m.telling = NOBODY;
		return;
	}
	if (e->first)
		ask_begin(e);
	ask_part(e);
}

static void look(unsigned events)
{
	tulle_sctp_event event;
	while (events-- > 0 && tulle_sctp_poll_event(receiver(), &event))
		ask_event(&event);
	tulle_sctp_check(receiver());
}

/* -- the sender ------------------------------------------------------------------------------- */

/* The next fragment of the stream's message takes a TSN. */
static void cut(uint16_t stream)
{
	model_stream *s = &m.streams[stream];
	if (s->open == NOBODY || m.chunk_count >= CHUNKS)
		return;
	model_message *g = &m.messages[s->open];
	uint16_t left = (uint16_t)(g->len - s->offset), n = left;
	if (left > 4 && draw(3) != 0)
		n = (uint16_t)(4 + draw(left - 4u));
	n = n > 1100 ? 1100 : n;
	model_chunk *c = &m.chunks[m.chunk_count++];
	*c = (model_chunk){(unsigned)s->open, s->fsn++, s->offset, n, 0};
	c->flags = (uint8_t)((g->unordered ? SCTP_FLAG_U : 0) | (s->offset == 0 ? SCTP_FLAG_B : 0) |
			     (n == left ? SCTP_FLAG_E : 0));
	s->offset = (uint16_t)(s->offset + n);
	if (n == left) {
		g->whole = true;
		s->open = NOBODY;
	}
}

/* RFC9260:6.9: of a message in DATA the TSNs follow each other; RFC8260 lets others between. */
static void send_some(void)
{
	uint16_t stream = (uint16_t)draw(STREAMS);
	model_stream *s = &m.streams[stream];
	if (m.message_count >= MESSAGES || m.chunk_count + 8 >= CHUNKS || s->resetting ||
		(int)(m.chunk_count - passed()) > AHEAD)
		return;
	if (s->open == NOBODY) {
		model_message *g = &m.messages[m.message_count];
		*g = (model_message){.stream = stream, .epoch = s->epoch};
		g->unordered = draw(3) == 0;
		g->len = (uint16_t)(4 + (draw(3) != 0 ? draw(60) : draw(3000)));
		g->mid = s->mid[g->unordered]++;
		s->open = (int)m.message_count++;
		s->fsn = s->offset = 0;
	}
	do
		cut(stream);
	while (!m.i_data && s->open != NOBODY && m.chunk_count < CHUNKS);
}

static void arrive(unsigned at)
{
	const model_chunk *c = &m.chunks[at];
	const model_message *g = &m.messages[c->message];
	if (g->given_up) /* RFC3758:3.5 A3: not sent again */
		return;
	uint8_t buf[1300];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_data_chunk d = {.tsn = m.first_tsn + at, .stream = g->stream, .fsn = c->fsn};
	d.mid = m.i_data ? g->mid : g->unordered ? 0 : (uint16_t)g->mid;
	d.flags = c->flags;
	d.interleaved = m.i_data;
	d.ppid = m.i_data && c->fsn != 0 ? c->fsn : 51;
	tulle_sctp_write_data_header(&w, &d, c->len);
	for (unsigned i = 0; i < c->len; i++)
		tulle_wr_u8(&w, byte_of(c->message, c->offset + i));
	tulle_wr_zero(&w, tulle_sctp_padded(w.len) - w.len);
	(void)pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
}

/* Most often one of the next three that are due, so that holes fill; now and then any. */
static void arrive_some(void)
{
	unsigned due = m.chunk_count - passed();
	if (due == 0)
		return;
	unsigned at = passed() + draw(draw(3) != 0 && due > 3 ? 3 : due);
	if (draw(10) > m.loss)
		arrive(at);
}

static void give_up(void)
{
	if (!receiver()->partial || passed() >= m.chunk_count)
		return;
	unsigned at = passed() + draw(m.chunk_count - passed());
	model_message *g = &m.messages[m.chunks[at].message];
	g->given_up = g->given_up || g->whole;
}

/* RFC3758:3.5, RFC8260:2.3.1: past all that was given up, the last number of each stream. */
static void forward(void)
{
	uint8_t buf[400];
	tulle_sctp_skip skips[2 * STREAMS];
	unsigned to = passed(), count = 0;
	for (; to < m.chunk_count && m.messages[m.chunks[to].message].given_up; to++) {
		if (to > passed() && draw(20) == 0) /* in the middle of a message too */
			break;
		const model_message *g = &m.messages[m.chunks[to].message];
		if (g->unordered && !m.i_data)
			continue;
		unsigned i = 0;
		while (i < count &&
			(skips[i].stream != g->stream || skips[i].unordered != g->unordered))
			i++;
		count += i == count;
		skips[i] = (tulle_sctp_skip){.stream = g->stream, .unordered = g->unordered};
		skips[i].mid = m.i_data ? g->mid : (uint16_t)g->mid;
	}
	if (to == passed())
		return;
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_forward_chunk(&w, m.i_data, m.first_tsn + to - 1, skips, count);
	(void)pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
}

/* RFC6525:5.1.2: all that was sent on the stream is acknowledged. */
static bool may_reset(uint16_t stream)
{
	const model_stream *s = &m.streams[stream];
	if (s->open != NOBODY || s->mid[0] + s->mid[1] == 0)
		return false;
	for (unsigned i = passed(); i < m.chunk_count; i++)
		if (m.messages[m.chunks[i].message].stream == stream)
			return false;
	return true;
}

/* A response to the request that is under way; one that is performed ends the epoch. */
static void take_responses(const tulle_sctp_chunk *chunk)
{
	tulle_sctp_parameter raw;
	tulle_sctp_reset_parameter reset;
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	while (m.resetting != NOBODY && tulle_sctp_read_parameter(&r, &raw) &&
		tulle_sctp_read_reset(&raw, &reset)) {
		model_stream *s = &m.streams[m.resetting];
		if (reset.sequence != s->sequence || reset.result != SCTP_R_PERFORMED)
			continue;
		s->resetting = false;
		s->epoch++;
		s->mid[0] = s->mid[1] = 0;
		m.resetting = NOBODY;
	}
}

/* Asks, or asks again. */
static void ask_reset(void)
{
	uint16_t id = (uint16_t)(m.resetting != NOBODY ? m.resetting : (int)draw(STREAMS));
	model_stream *s = &m.streams[id];
	if (m.resetting == NOBODY) {
		if (!may_reset(id))
			return;
		s->resetting = true;
		s->last_tsn = m.first_tsn + m.chunk_count - 1;
		s->sequence = m.sequence++;
		m.resetting = id;
	}
	uint8_t buf[100];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_RE_CONFIG, 0);
	tulle_sctp_reset_parameter out = {.type = SCTP_P_RESET_OUT, .sequence = s->sequence};
	out.last_tsn = s->last_tsn;
	tulle_sctp_write_reset(&w, &out, &id, 1);
	tulle_sctp_chunk_end(&w, at);
	(void)pair_inject(&p, 1, pair_tag(&p, 1), buf, w.len);
	pair_catch(&p, 1);
	tulle_sctp_chunk chunk;
	if (pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk))
		take_responses(&chunk);
}

/* -- the run ---------------------------------------------------------------------------------- */

/* Others take blocks of the pool, and give them back. */
static void squeeze(void)
{
	p.now += draw(3000);
	if (!m.tight)
		return;
	if (m.taken_count < TAKEN && draw(2) != 0) {
		void *block = tulle_pool_take(&m.others, false);
		if (block != NULL)
			m.taken[m.taken_count++] = block;
	} else if (m.taken_count > 0) {
		tulle_pool_give(&m.others, m.taken[--m.taken_count]);
	}
}

static void step(void)
{
	uint32_t what = draw(14);
	if (what < 3)
		send_some();
	else if (what < 7)
		arrive_some();
	else if (what == 7 && m.chunk_count > 0 && draw(3) == 0)
		arrive(draw(m.chunk_count)); /* once more, or long before its turn */
	else if (what == 8 && draw(4) == 0)
		give_up();
	else if (what == 9)
		forward();
	else if (what == 10 && (m.resetting != NOBODY || draw(3) == 0))
		ask_reset();
	else if (what == 11 && draw(m.laziness) == 0)
		look(1 + draw(6));
	else if (what == 12 && draw(8) == 0)
		(void)tulle_sctp_pause(receiver(), p.now, (uint16_t)draw(STREAMS), draw(2) != 0);
	else if (what == 13)
		squeeze();
}

static void start(unsigned long seed)
{
	memset(&p, 0, sizeof p);
	memset(&m, 0, sizeof m);
	m.seed = seed;
	m.random = p.random = seed * 1234567891u;
	m.resetting = m.telling = NOBODY;
	p.config.streams_max = STREAMS + 2;
	p.config.streamed = draw(2) != 0;
	p.interleaves = m.i_data = draw(2) != 0;
	p.block_bytes = draw(2) != 0 ? 1024 : 2048;
	m.tight = !m.i_data && draw(2) != 0; /* I-DATA is not for small pools */
	p.config.receive_bytes_max = m.tight ? 16384 : 0;
	pair_open(&p, m.tight ? 8 + draw(30) : 1500);
	tulle_pool_open(&m.others, p.pool, NULL, 0, NULL);
	pair_connect(&p);
	if (draw(4) == 0)
		receiver()->partial = false;
	if (draw(2) != 0)
		receiver()->in.cumulative = 0xffffffe0u; /* the numbers wrap */
	m.first_tsn = receiver()->in.cumulative + 1;
	m.sequence = receiver()->resets.peer_sequence;
	for (int i = 0; i < STREAMS; i++)
		m.streams[i] = (model_stream){.open = NOBODY, .told_mid = -1};
	m.laziness = 1 + draw(12);
	m.loss = 1 + draw(6);
}

/* The path is good, the pool is free, nothing is paused. */
static void finish(void)
{
	for (uint16_t s = 0; s < STREAMS; s++) {
		while (m.streams[s].open != NOBODY && m.chunk_count < CHUNKS)
			cut(s);
		(void)tulle_sctp_pause(receiver(), p.now, s, false);
	}
	while (m.taken_count > 0)
		tulle_pool_give(&m.others, m.taken[--m.taken_count]);
	for (unsigned turn = 0; turn < 20000; turn++) {
		if (passed() == m.chunk_count && m.resetting == NOBODY)
			break;
		if (passed() < m.chunk_count) {
			if (m.messages[m.chunks[passed()].message].given_up)
				forward();
			else
				arrive(passed());
		}
		look(50);
		if (m.resetting != NOBODY)
			ask_reset();
	}
	look(100000);
}

static void ask_all(void)
{
	ck_assert_msg(passed() == m.chunk_count, "seed %lu: stands at TSN %u of %u", m.seed,
		passed(), m.chunk_count);
	ASK(m.resetting == NOBODY);
	ASK(m.telling == NOBODY);
	for (unsigned i = 0; i < m.message_count; i++) {
		const model_message *g = &m.messages[i];
		ck_assert_msg(g->told || g->given_up || !g->whole,
			"seed %lu: message %u of stream %u is lost", m.seed, i, g->stream);
	}
	for (int s = 0; s < STREAMS; s++)
		ASK(m.streams[s].told_epoch == m.streams[s].epoch);
	tulle_pool_close(&m.others);
	pair_close(&p);
}

START_TEST(what_comes_is_what_a_legal_sender_sent)
{
	seeds run = seeds_to_run(300);
	for (int seed = run.first; seed < run.end; seed++) {
		start((unsigned long)seed);
		unsigned steps = 200 + draw(1500);
		while (steps-- > 0)
			step();
		finish();
		ask_all();
	}
}
END_TEST

Suite *suite_sctp_model(void);
Suite *suite_sctp_model(void)
{
	Suite *s = suite_create("sctp_model");
	TCase *t = tcase_create("model");
	tcase_set_timeout(t, seeds_to_run(0).patience_s);
	tcase_add_test(t, what_comes_is_what_a_legal_sender_sent);
	suite_add_tcase(s, t);
	return s;
}
