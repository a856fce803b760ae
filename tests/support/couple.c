/* SPDX-License-Identifier: MIT */
/* Tests: two peers in virtual time. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method is what a replay needs */
#include "tests/support/couple.h"

#include "base/addr.h"
#include "base/panic.h"
#include "tests/support/clock.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static uint64_t step(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

bool couple_random(void *user, uint8_t *dst, size_t len)
{
	couple *c = user;
	for (size_t i = 0; i < len && !c->no_random; i++)
		dst[i] = (uint8_t)(step(&c->seed) >> 7);
	return !c->no_random;
}

uint32_t couple_dice(couple *c, uint32_t below)
{
	return (uint32_t)step(&c->seed) % below;
}

static uint64_t openssl_seed;

static int fill_openssl(unsigned char *dst, int len)
{
	for (int i = 0; i < len; i++)
		dst[i] = (unsigned char)(step(&openssl_seed) >> 7);
	return 1;
}

static int openssl_is_seeded(void)
{
	return 1;
}

void couple_seed_openssl(uint64_t seed)
{
	static const RAND_METHOD method = {
		.bytes = fill_openssl, .pseudorand = fill_openssl, .status = openssl_is_seeded};
	openssl_seed = seed;
	(void)RAND_set_rand_method(&method);
}

static tulle_addr address_of(int end, uint32_t path)
{
	return (tulle_addr){
		.family = 4, .ip = {10, 0, (uint8_t)(path - 1), (uint8_t)(end + 1)}, .port = 5000};
}

static void check_end(const couple_end *e)
{
	if (e->peer == NULL)
		return;
	tulle_peer_check(e->peer);
	for (size_t i = 0; i < COUPLE_GUARD; i++)
		TULLE_CHECK(e->memory[e->bytes + i] == 0xa5);
}

static void hand_in(couple *c, int end, const tulle_in *in)
{
	if (c->end[end].peer == NULL)
		return;
	tulle_peer_handle(c->end[end].peer, c->now, in);
	check_end(&c->end[end]);
}

void couple_path(couple *c, int end, uint32_t path, bool up)
{
	TULLE_CHECK(path > 0 && path < 32);
	const tulle_in in = {.kind = up ? TULLE_IN_PATH_UP : TULLE_IN_PATH_DOWN,
		.id = path,
		.local = address_of(end, path),
		.mtu = c->interface_mtu != 0 ? c->interface_mtu : 1500};
	uint32_t bit = UINT32_C(1) << path;
	c->up[end] = up ? c->up[end] | bit : c->up[end] & ~bit;
	hand_in(c, end, &in);
}

static void open_end(couple *c, int i, const tulle_peer_config *config)
{
	couple_end *e = &c->end[i];
	e->bytes = tulle_peer_memory_bytes(config);
	e->memory = malloc(e->bytes + COUPLE_GUARD);
	TULLE_CHECK(e->memory != NULL && e->bytes != 0);
	memset(e->memory + e->bytes, 0xa5, COUPLE_GUARD);
	e->peer = tulle_peer_init(
		e->memory, e->bytes, config, (tulle_random){couple_random, c}, c->now);
	TULLE_CHECK(e->peer != NULL);
	couple_path(c, i, 1, true);
	const tulle_in in = {.kind = TULLE_IN_PATHS_KNOWN};
	hand_in(c, i, &in);
}

void couple_open(couple *c, const tulle_peer_config *a, const tulle_peer_config *b)
{
	if (c->delay_us == 0)
		c->delay_us = 5000;
	c->now = 1000000;
	clock_set(c->now);
	open_end(c, 0, a);
	open_end(c, 1, b);
}

void couple_wipe(couple *c, int end)
{
	couple_end *e = &c->end[end];
	check_end(e);
	if (e->peer != NULL)
		tulle_peer_wipe(e->peer);
	free(e->memory);
	e->peer = NULL;
	e->memory = NULL;
}

void couple_close(couple *c)
{
	for (int i = 0; i < 2; i++) {
		couple_wipe(c, i);
		free(c->end[i].message);
	}
	for (size_t i = 0; i < c->count; i++)
		free(c->flight[i].data);
	free(c->flight);
	*c = (couple){.seed = c->seed};
}

/* -- network -- */

static void fly(couple *c, const couple_packet *head, const uint8_t *data, tulle_time later)
{
	if (c->count == c->cap) {
		c->cap = c->cap != 0 ? 2 * c->cap : 64;
		c->flight = realloc(c->flight, c->cap * sizeof *c->flight);
		TULLE_CHECK(c->flight != NULL);
	}
	couple_packet p = *head;
	p.at = c->now + c->delay_us + later;
	p.order = c->order++;
	p.data = malloc(p.len);
	TULLE_CHECK(p.data != NULL);
	memcpy(p.data, data, p.len);
	size_t i = c->count++; /* a heap: by time, then by order */
	for (size_t up; i > 0; i = up) {
		up = (i - 1) / 2;
		if (c->flight[up].at <= p.at)
			break;
		c->flight[i] = c->flight[up];
	}
	c->flight[i] = p;
}

static bool is_before(const couple_packet *a, const couple_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static couple_packet land(couple *c)
{
	couple_packet first = c->flight[0], last = c->flight[--c->count];
	size_t i = 0;
	for (size_t down; (down = 2 * i + 1) < c->count; i = down) {
		if (down + 1 < c->count && is_before(&c->flight[down + 1], &c->flight[down]))
			down++;
		if (!is_before(&c->flight[down], &last))
			break;
		c->flight[i] = c->flight[down];
	}
	c->flight[i] = last;
	return first;
}

/* false: nothing leads there. */
static bool route(const couple *c, int from, const tulle_out *out, couple_packet *head)
{
	*head = (couple_packet){.to = 1 - from, .path = 1, .from = address_of(from, 1)};
	if (!c->routed)
		return true;
	head->path = out->remote.ip[2] + 1u;
	head->from = address_of(from, out->id);
	tulle_addr to = head->path < 32 ? address_of(1 - from, head->path) : head->from;
	return (c->up[from] >> out->id & 1) != 0 && tulle_addr_is(&to, &out->remote);
}

static void send_one(couple *c, int from, const tulle_out *out, const uint8_t *data, size_t len)
{
	couple_packet head;
	if (!route(c, from, out, &head))
		return;
	head.len = len;
	c->datagrams++;
	if ((c->loss != 0 && couple_dice(c, 1000) < c->loss) ||
		(c->eat != NULL && c->eat(c, from, data, len))) {
		c->lost++;
		return;
	}
	bool late = c->reorder != 0 && couple_dice(c, 1000) < c->reorder;
	fly(c, &head, data, late ? 1000 + couple_dice(c, 3000) : 0);
	c->late += late;
	if (c->doubled != 0 && couple_dice(c, 1000) < c->doubled) {
		fly(c, &head, data, couple_dice(c, 2000));
		c->doubles++;
	}
}

/* -- events -- */

tulle_err couple_describe(couple *c, int from)
{
	tulle_peer *a = c->end[from].peer, *b = c->end[1 - from].peer;
	tulle_text sdp;
	tulle_err err = tulle_peer_set_local(a, TULLE_SDP_IMPLICIT, NULL, 0);
	if (err != TULLE_OK)
		return err;
	tulle_peer_local(a, true, &sdp);
	if ((err = tulle_peer_set_remote(b, TULLE_SDP_OFFER, sdp.ptr, sdp.len)) != TULLE_OK ||
		(err = tulle_peer_set_local(b, TULLE_SDP_IMPLICIT, NULL, 0)) != TULLE_OK)
		return err;
	tulle_peer_local(b, false, &sdp);
	return tulle_peer_set_remote(a, TULLE_SDP_ANSWER, sdp.ptr, sdp.len);
}

static void keep_message(couple_end *e, const tulle_peer_event *event)
{
	tulle_bytes data = event->u.message.data;
	size_t at = event->u.message.first ? 0 : e->message_len;
	if (at + data.len > e->message_cap) {
		e->message_cap = at + data.len;
		e->message = realloc(e->message, e->message_cap);
		TULLE_CHECK(e->message != NULL);
	}
	if (data.len != 0)
		memcpy(e->message + at, data.ptr, data.len);
	e->message_len = at + data.len;
	e->is_text = event->u.message.is_text;
	e->first = event->u.message.first;
	e->last = event->u.message.last;
}

static void hear(couple *c, int i, const tulle_peer_event *event)
{
	couple_end *e = &c->end[i];
	e->events[event->kind]++;
	if (event->channel != 0)
		e->channel = event->channel;
	if (event->kind == TULLE_PEER_MESSAGE)
		keep_message(e, event);
	if (event->kind == TULLE_PEER_ERROR)
		e->error = event->u.error.code;
	if (event->kind == TULLE_PEER_CONNECTION_STATE)
		e->connection = (tulle_connection_state)event->u.state;
	if (event->kind == TULLE_PEER_NEGOTIATION_NEEDED && !c->by_hand)
		TULLE_CHECK(couple_describe(c, i) == TULLE_OK);
	if (event->kind == TULLE_PEER_ICE_CANDIDATE && !c->by_hand && c->end[1 - i].peer != NULL)
		(void)tulle_peer_add_candidate(c->end[1 - i].peer, &event->u.candidate);
	if (c->on_event != NULL)
		c->on_event(c, i, event);
}

/* -- names of the link: what one publishes the other resolves -- */

static void ask(couple *c, int end, const tulle_out *out)
{
	couple_question q = {
		.at = c->name_us == TULLE_TIME_NEVER ? c->name_us : c->now + c->name_us,
		.end = end,
		.id = out->id};
	TULLE_CHECK(out->mdns && out->id != 0 && out->name.len == sizeof c->names[0].text);
	for (size_t i = 0; i < c->name_count; i++)
		if (memcmp(c->names[i].text, out->name.ptr, out->name.len) == 0) {
			q.known = true;
			q.addr = c->names[i].addr;
			q.addr.port = 0;
		}
	c->asked++;
	TULLE_CHECK(c->question_count < sizeof c->questions / sizeof *c->questions);
	c->questions[c->question_count++] = q;
}

static bool is_name(couple *c, int end, const tulle_out *out)
{
	if (out->kind == TULLE_OUT_RESOLVE) {
		ask(c, end, out);
		return true;
	}
	if (out->kind != TULLE_OUT_PUBLISH)
		return false;
	TULLE_CHECK(c->name_count < sizeof c->names / sizeof *c->names);
	couple_name *n = &c->names[c->name_count++];
	TULLE_CHECK(out->name.len == sizeof n->text);
	memcpy(n->text, out->name.ptr, sizeof n->text);
	n->addr = out->local;
	return true;
}

static void answer_due(couple *c)
{
	for (size_t i = 0; i < c->question_count; i++) {
		couple_question q = c->questions[i];
		if (q.at > c->now)
			continue;
		c->questions[i--] = c->questions[--c->question_count];
		tulle_in in = {.kind = TULLE_IN_RESOLVED,
			.id = q.id,
			.why = q.known ? TULLE_OK : TULLE_ERR_SYSTEM,
			.addrs = &q.addr,
			.addr_count = q.known};
		hand_in(c, q.end, &in);
	}
}

/* true: something happened. */
static bool drain(couple *c, int i)
{
	static uint8_t scratch[65536];
	const tulle_peer_event *event;
	tulle_out out;
	bool moved = false;
	while (c->end[i].peer != NULL && (event = tulle_peer_next_event(c->end[i].peer)) != NULL) {
		hear(c, i, event);
		moved = true;
	}
	check_end(&c->end[i]);
	while (c->end[i].peer != NULL &&
		tulle_peer_poll(c->end[i].peer, c->now, scratch, sizeof scratch, &out)) {
		if (is_name(c, i, &out)) {
			moved = true;
			continue;
		}
		TULLE_CHECK(out.kind == TULLE_OUT_DATAGRAM && out.data.len != 0);
		bool alone = out.df_probe || out.may_fragment;
		TULLE_CHECK(!alone || out.segment == out.data.len);
		c->cut += out.may_fragment;
		moved = true;
		if (c->takes != 0 && out.segment > c->takes && !out.may_fragment)
			continue;
		for (size_t at = 0; at < out.data.len; at += out.segment)
			send_one(c, i, &out, out.data.ptr + at,
				out.data.len - at < out.segment ? out.data.len - at : out.segment);
	}
	check_end(&c->end[i]);
	return moved;
}

static tulle_time next_time(const couple *c)
{
	tulle_time next = c->count != 0 ? c->flight[0].at : TULLE_TIME_NEVER;
	for (size_t i = 0; i < c->question_count; i++)
		next = c->questions[i].at < next ? c->questions[i].at : next;
	for (int i = 0; i < 2; i++)
		if (c->end[i].peer != NULL) {
			tulle_time t = tulle_peer_poll_timeout(c->end[i].peer);
			TULLE_CHECK(t > c->now); /* drained: no busy loop */
			next = t < next ? t : next;
		}
	return next;
}

static void arrive(couple *c)
{
	for (int n = 0; n < 8 && c->count != 0 && c->flight[0].at <= c->now; n++) {
		couple_packet p = land(c);
		tulle_in in = {.kind = TULLE_IN_DATAGRAM,
			.id = p.path,
			.local = address_of(p.to, p.path),
			.remote = p.from,
			.data = {p.data, p.len}};
		if ((c->up[p.to] >> p.path & 1) != 0)
			hand_in(c, p.to, &in);
		free(p.data);
	}
}

bool couple_run(couple *c, bool (*done)(const couple *c), tulle_time us)
{
	const tulle_in time = {.kind = TULLE_IN_TIME};
	tulle_time limit = c->now + us;
	for (;; c->turns++) {
		for (bool moved = true; moved;) {
			moved = drain(c, 0);
			moved = drain(c, 1) || moved;
		}
		if (done != NULL && done(c))
			return true;
		if (c->count == 0 || c->flight[0].at > c->now) {
			tulle_time next = next_time(c);
			if (next > limit || next == TULLE_TIME_NEVER) {
				c->now = next == TULLE_TIME_NEVER ? c->now : limit;
				return false;
			}
			c->now = next;
			clock_set(c->now);
		}
		arrive(c);
		answer_due(c);
		for (int i = 0; i < 2; i++)
			if (c->end[i].peer != NULL &&
				tulle_peer_poll_timeout(c->end[i].peer) <= c->now)
				hand_in(c, i, &time);
	}
}
