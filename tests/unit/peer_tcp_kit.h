/* SPDX-License-Identifier: MIT */
/* Tests: two peers that have ICE-TCP, in virtual time over real DTLS: their streams are pipes whose
 * bytes come in pieces by a seed, their datagrams come or do not. The host's part is played here:
 * it reads the first frame of what it accepts and gives room as it is asked to. */
#ifndef TESTS_PEER_TCP_KIT_H
#define TESTS_PEER_TCP_KIT_H
#include "peer/peer.h"
#include "tests/support/clock.h"
#include "tests/unit/describe.h"

#include "base/addr.h"
#include "base/bytes.h"
#include "base/text.h"

#include <tulle/stun.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { PIPES = 8, PIPE_BYTES = 1 << 21, QUEUE = 512, PORT = 7000 };

typedef struct {
	uint8_t *data;
	size_t len;    /* written and not yet delivered */
	size_t may;    /* that its reader asked for */
	size_t credit; /* that its writer was given */
} Flow;

typedef struct {
	bool used, accepted, ended[2]; /* ended: that end is done with it */
	uint32_t id[2];                /* [0]: of who opened it */
	int opener;
	Flow to[2]; /* by who reads */
} Pipe;

typedef struct {
	int to;
	tulle_addr from, at;
	size_t len;
	uint8_t data[1600];
} Packet;

static struct {
	tulle_peer *peer[2];
	void *block[2];
	bool tells[2];   /* what its candidates are the other hears */
	bool listens[2]; /* its paths have a port for streams */
	bool no_udp;     /* datagrams vanish */
	bool refuse;     /* streams do not open */
	size_t room;     /* what a writer is given at a time */
	bool stuck;      /* and nothing more */
	tulle_time now;
	uint64_t seed;
	Pipe pipes[PIPES];
	Packet queue[QUEUE];
	size_t first, count, opened, ended, abrupt, asked;
	uint32_t serial;
	unsigned heard[2][TULLE_PEER_ICE_CANDIDATE_ERROR + 1];
	size_t bytes[2];
	tulle_channel channel;
	char candidates[2][2048];
	tulle_out last; /* the last request for a stream */
} w;

static inline bool draw(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		w.seed = w.seed * UINT64_C(6364136223846793005) + 1;
		dst[i] = (uint8_t)(w.seed >> 56);
	}
	return true;
}

static inline tulle_addr address_of(int end, uint16_t port)
{
	return (tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(end + 1)}, .port = port};
}

static inline void give(int end, const tulle_in *in)
{
	if (w.peer[end] == NULL)
		return;
	tulle_peer_handle(w.peer[end], w.now, in);
	tulle_peer_check(w.peer[end]);
}

static inline void make_end(int i, const tulle_peer_config *config)
{
	size_t bytes = tulle_peer_memory_bytes(config);
	ck_assert_uint_ne(bytes, 0);
	w.block[i] = malloc(bytes);
	w.peer[i] = tulle_peer_init(w.block[i], bytes, config, (tulle_random){draw, NULL}, w.now);
	ck_assert_ptr_nonnull(w.peer[i]);
	give(i, &(tulle_in){.kind = TULLE_IN_PATH_UP,
			.id = 1,
			.local = address_of(i, 5000),
			.mtu = 1500,
			.tcp_port = w.listens[i] ? PORT : 0});
	give(i, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
}

/* Before: what is not zero of listens, no_udp, room. */
static inline void begin(void)
{
	const tulle_peer_config config = {.ice = {.tcp = true}};
	w.now = 1000000;
	w.seed = 3;
	w.tells[0] = w.tells[1] = true;
	w.room = w.room != 0 ? w.room : 1 << 18;
	clock_set(w.now);
	make_end(0, &config);
	make_end(1, &config);
}

static inline void end(void)
{
	for (int i = 0; i < 2; i++) {
		tulle_peer_wipe(w.peer[i]);
		free(w.block[i]);
	}
	for (size_t i = 0; i < PIPES; i++)
		for (int k = 0; k < 2; k++)
			free(w.pipes[i].to[k].data);
	memset(&w, 0, sizeof w);
}

static inline void hear(int i)
{
	const tulle_peer_event *e;
	while ((e = tulle_peer_next_event(w.peer[i])) != NULL) {
		w.heard[i][e->kind]++;
		if (e->kind == TULLE_PEER_MESSAGE)
			w.bytes[i] += e->u.message.data.len;
		if (e->kind != TULLE_PEER_ICE_CANDIDATE)
			continue;
		strncat(w.candidates[i], e->u.candidate.candidate.ptr,
			e->u.candidate.candidate.len);
		strcat(w.candidates[i], "\n");
		if (w.tells[i])
			(void)tulle_peer_add_candidate(w.peer[1 - i], &e->u.candidate);
	}
}

/* side 0: who opened it */
static inline int end_of(const Pipe *p, int side)
{
	return side == 0 ? p->opener : 1 - p->opener;
}

static inline Pipe *find_pipe(int end, uint32_t id, int *side)
{
	for (size_t i = 0; i < PIPES; i++)
		for (*side = 0; *side < 2; ++*side)
			if (w.pipes[i].used && !w.pipes[i].ended[*side] &&
				w.pipes[i].id[*side] == id && end_of(&w.pipes[i], *side) == end)
				return &w.pipes[i];
	return NULL;
}

static inline void give_credit(Pipe *p, int side)
{
	Flow *f = &p->to[1 - side];
	size_t more = w.room > f->len + f->credit ? w.room - f->len - f->credit : 0;
	if (w.stuck || more == 0 || more < w.room / 2)
		return;
	f->credit += more;
	give(end_of(p, side),
		&(tulle_in){
			.kind = TULLE_IN_STREAM_ROOM, .id = p->id[side], .bytes = (uint32_t)more});
}

static inline void open_pipe(int end, const tulle_out *out)
{
	size_t i = 0;
	w.last = *out;
	w.asked++;
	if (w.refuse || out->remote.port != PORT || !w.listens[1 - end]) {
		give(end, &(tulle_in){.kind = TULLE_IN_STREAM_OPEN,
				  .id = out->id,
				  .why = TULLE_ERR_SYSTEM});
		return;
	}
	while (i < PIPES - 1 && w.pipes[i].used)
		i++;
	ck_assert(!w.pipes[i].used);
	Pipe *p = &w.pipes[i];
	for (int k = 0; k < 2; k++)
		p->to[k].data = p->to[k].data != NULL ? p->to[k].data : malloc(PIPE_BYTES);
	*p = (Pipe){.used = true,
		.opener = end,
		.id = {out->id, UINT32_C(0x80000000) | ++w.serial},
		.to = {{.data = p->to[0].data}, {.data = p->to[1].data}}};
	w.opened++;
	give(end, &(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = out->id});
	give_credit(p, 0);
}

static inline void end_pipe(Pipe *p, int side, bool told)
{
	p->ended[side] = true;
	if (told)
		give(end_of(p, side), &(tulle_in){.kind = TULLE_IN_STREAM_END, .id = p->id[side]});
	p->used = !(p->ended[0] && p->ended[1]);
}

static inline void take_stream_out(int end, const tulle_out *out)
{
	int side;
	Pipe *p = find_pipe(end, out->id, &side);
	if (out->kind == TULLE_OUT_STREAM_CONNECT) {
		open_pipe(end, out);
		return;
	}
	w.ended += out->kind == TULLE_OUT_STREAM_END;
	w.abrupt += out->kind == TULLE_OUT_STREAM_END && out->abrupt;
	if (p == NULL)
		return;
	Flow *f = &p->to[1 - side];
	if (out->kind == TULLE_OUT_STREAM_END) {
		end_pipe(p, side, false);
	} else if (out->kind == TULLE_OUT_STREAM_ROOM) {
		p->to[side].may += out->bytes;
	} else {
		ck_assert_uint_le(out->data.len, f->credit); /* never more than there is room for */
		ck_assert_uint_le(f->len + out->data.len, PIPE_BYTES);
		memcpy(f->data + f->len, out->data.ptr, out->data.len);
		f->len += out->data.len;
		f->credit -= out->data.len;
	}
}

static inline void push(int end, const tulle_out *out)
{
	for (size_t at = 0; at < out->data.len && !w.no_udp; at += out->segment) {
		size_t n = out->data.len - at < out->segment ? out->data.len - at : out->segment;
		ck_assert_uint_lt(w.count, QUEUE);
		Packet *p = &w.queue[(w.first + w.count++) % QUEUE];
		*p = (Packet){.to = 1 - end, .from = out->local, .at = out->remote, .len = n};
		memcpy(p->data, out->data.ptr + at, n);
	}
}

static inline void drain(int i)
{
	static uint8_t scratch[65536];
	tulle_out out;
	hear(i);
	while (tulle_peer_poll(w.peer[i], w.now, scratch, sizeof scratch, &out)) {
		tulle_peer_check(w.peer[i]);
		if (out.kind == TULLE_OUT_DATAGRAM)
			push(i, &out);
		else
			take_stream_out(i, &out);
		hear(i);
	}
}

static inline bool deliver_packet(void)
{
	if (w.count == 0)
		return false;
	Packet p = w.queue[w.first];
	w.first = (w.first + 1) % QUEUE;
	w.count--;
	give(p.to, &(tulle_in){.kind = TULLE_IN_DATAGRAM,
			   .id = 1,
			   .local = p.at,
			   .remote = p.from,
			   .data = {p.data, p.len}});
	return true;
}

static inline void consume(Flow *f, size_t n)
{
	memmove(f->data, f->data + n, f->len - n);
	f->len -= n;
}

/* What comes first says whose it is. */
static inline bool accept_pipe(Pipe *p)
{
	Flow *f = &p->to[1];
	int end = end_of(p, 1);
	if (p->accepted || f->len < 2 || f->len < 2u + (size_t)(f->data[0] << 8 | f->data[1]))
		return false;
	size_t n = (size_t)(f->data[0] << 8 | f->data[1]);
	tulle_in in = {.kind = TULLE_IN_STREAM_ACCEPTED,
		.id = p->id[1],
		.local = address_of(end, PORT),
		.remote = address_of(p->opener, (uint16_t)(40000 + (p->id[0] & 0xfff))),
		.bytes = (uint32_t)w.room,
		.data = {f->data + 2, n}};
	if (!tulle_peer_owns(w.peer[end], &in)) {
		end_pipe(p, 1, false);
		return true;
	}
	p->accepted = true;
	p->to[0].credit = w.room;
	give(end, &in);
	consume(f, n + 2);
	return true;
}

/* A piece of what is on the way. */
static inline bool move_pipe(Pipe *p, int side)
{
	Flow *f = &p->to[side];
	uint8_t dice[2];
	if (p->ended[side] || (side == 1 && !p->accepted))
		return false;
	if (f->len == 0 && p->ended[1 - side]) {
		end_pipe(p, side, true);
		return true;
	}
	size_t n = f->len < f->may ? f->len : f->may;
	if (n == 0)
		return false;
	(void)draw(NULL, dice, 2);
	size_t piece = 1 + (size_t)(dice[0] << 8 | dice[1]) % (dice[0] & 1 ? 40 : 3000);
	n = n < piece ? n : piece;
	uint8_t *exact = malloc(n);
	memcpy(exact, f->data, n);
	consume(f, n);
	f->may -= n;
	give(end_of(p, side),
		&(tulle_in){.kind = TULLE_IN_STREAM_BYTES, .id = p->id[side], .data = {exact, n}});
	free(exact);
	if (!p->ended[1 - side] && p->used)
		give_credit(p, 1 - side);
	return true;
}

static inline bool move_all(void)
{
	bool moved = deliver_packet();
	for (size_t i = 0; i < PIPES; i++) {
		Pipe *p = &w.pipes[i];
		if (p->used)
			moved = accept_pipe(p) || moved;
		for (int side = 0; side < 2; side++)
			if (p->used)
				moved = move_pipe(p, side) || moved;
	}
	return moved;
}

static inline void run(tulle_time us)
{
	tulle_time until = w.now + us;
	for (;;) {
		drain(0);
		drain(1);
		if (move_all())
			continue;
		tulle_time a = tulle_peer_poll_timeout(w.peer[0]);
		tulle_time b = tulle_peer_poll_timeout(w.peer[1]), next = a < b ? a : b;
		if (next > until)
			break;
		w.now = next > w.now ? next : w.now;
		clock_set(w.now);
		give(0, &(tulle_in){.kind = TULLE_IN_TIME});
		give(1, &(tulle_in){.kind = TULLE_IN_TIME});
	}
	w.now = until;
	clock_set(w.now);
}

/* End 0 offers a channel; end 1 answers. */
static inline void describe(void)
{
	ck_assert_int_eq(tulle_channel_create(w.peer[0], "chat", NULL, &w.channel), TULLE_OK);
	describe_ends(w.peer[0], w.peer[1], NULL);
}
#endif
