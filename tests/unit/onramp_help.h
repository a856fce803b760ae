/* SPDX-License-Identifier: MIT */
/* Tests of the onramp: a world of clients of our own WebSocket engine. */
#ifndef TULLE_TESTS_ONRAMP_HELP_H
#define TULLE_TESTS_ONRAMP_HELP_H
#include "base/text.h"
#include "onramp/onramp.h"
#include "signal/signal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define CLIENTS 8

static inline void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static inline void give(void *user, void *p, size_t n)
{
	(void)user;
	(void)n;
	free(p);
}

static uint64_t random_state;

static inline bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		dst[i] = (uint8_t)(random_state >> 56);
	}
	return true;
}

static const tulle_allocator allocator = {take, give, NULL};

/* A world: the onramp, and clients whose stream ids are their index. */
static struct {
	tulle_onramp *onramp;
	tulle_time now;
	struct {
		tulle_signal_ws *ws;
		size_t window; /* bytes that we may deliver to the onramp */
		bool ended, deaf, raw;
		char story[4096];
		uint8_t text[65536]; /* raw: what came */
		size_t text_len;
	} c[CLIENTS];
} w;

static inline void start(tulle_onramp_options options)
{
	memset(&w, 0, sizeof w);
	random_state = 1;
	options.allocator = allocator;
	size_t n = tulle_onramp_memory_bytes(&options);
	ck_assert_uint_ne(n, 0);
	w.onramp = tulle_onramp_init(malloc(n), n, &options, (tulle_random){fill, NULL}, 0);
	ck_assert_ptr_nonnull(w.onramp);
}

static inline void stop(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (w.c[i].ws != NULL) {
			tulle_signal_ws_wipe(w.c[i].ws);
			free(w.c[i].ws);
		}
	tulle_onramp_wipe(w.onramp);
	free(w.onramp);
}

static inline void handle(tulle_in in)
{
	tulle_onramp_handle(w.onramp, w.now, &in);
	tulle_onramp_check(w.onramp);
}

static inline void tell(size_t i, const tulle_signal_ws_event *e)
{
	char *at = w.c[i].story + strlen(w.c[i].story);
	size_t room = sizeof w.c[i].story - strlen(w.c[i].story);
	if (e->kind == TULLE_SIGNAL_WS_OPEN)
		snprintf(at, room, "open;");
	else if (e->kind == TULLE_SIGNAL_WS_MESSAGE)
		snprintf(at, room, "%.*s;", (int)e->data.len, (const char *)e->data.ptr);
	else if (e->kind == TULLE_SIGNAL_WS_CLOSE)
		snprintf(at, room, "close %u %u;", e->close.code, e->close.http_status);
}

static inline void hear(size_t i, tulle_bytes data)
{
	tulle_signal_ws_event e;
	if (w.c[i].raw) {
		ck_assert_uint_le(w.c[i].text_len + data.len, sizeof w.c[i].text - 1);
		memcpy(w.c[i].text + w.c[i].text_len, data.ptr, data.len);
		w.c[i].text_len += data.len;
		return;
	}
	while (data.len != 0) {
		size_t n = tulle_signal_ws_handle_bytes(w.c[i].ws, w.now, data.ptr, data.len);
		data = (tulle_bytes){data.ptr + n, data.len - n};
		while (tulle_signal_ws_poll_event(w.c[i].ws, &e))
			tell(i, &e);
	}
}

/* What the onramp says is carried out; false: it was silent. */
static inline bool carry_out(void)
{
	static uint8_t scratch[65536];
	tulle_out out;
	bool any = false;
	while (tulle_onramp_poll(w.onramp, w.now, scratch, sizeof scratch, &out)) {
		size_t i = out.id;
		any = true;
		tulle_onramp_check(w.onramp);
		if (i >= CLIENTS)
			continue;
		ck_assert(!w.c[i].ended);
		if (out.kind == TULLE_OUT_STREAM_ROOM)
			w.c[i].window += out.bytes;
		if (out.kind == TULLE_OUT_STREAM_BYTES) {
			hear(i, out.data);
			if (!w.c[i].deaf)
				handle((tulle_in){.kind = TULLE_IN_STREAM_ROOM,
					.id = out.id,
					.bytes = (uint32_t)out.data.len});
		}
		if (out.kind == TULLE_OUT_STREAM_END) {
			w.c[i].ended = true;
			if (w.c[i].ws != NULL)
				tulle_signal_ws_handle_end(w.c[i].ws, w.now);
		}
	}
	ck_assert(tulle_onramp_poll_timeout(w.onramp) > w.now);
	return any;
}

static inline bool carry_in(size_t i)
{
	static uint8_t data[65536];
	size_t cap = w.c[i].window < sizeof data ? w.c[i].window : sizeof data;
	if (w.c[i].ws == NULL || w.c[i].ended || cap == 0)
		return false;
	size_t n = tulle_signal_ws_poll_bytes(w.c[i].ws, w.now, data, cap);
	w.c[i].window -= n;
	if (n != 0)
		handle((tulle_in){
			.kind = TULLE_IN_STREAM_BYTES, .id = (uint32_t)i, .data = {data, n}});
	return n != 0;
}

static inline void settle(void)
{
	for (bool any = true; any;) {
		any = carry_out();
		for (size_t i = 0; i < CLIENTS; i++)
			any = carry_in(i) || any;
	}
}

static inline void accept_stream(size_t i, uint32_t room)
{
	handle((tulle_in){.kind = TULLE_IN_STREAM_ACCEPTED,
		.id = (uint32_t)i,
		.remote = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1000}});
	handle((tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = (uint32_t)i, .bytes = room});
}

static inline void join_as(size_t i, const char *protocol)
{
	tulle_signal_ws_config c = {.authority = TULLE_TEXT("127.0.0.1:20500"),
		.target = TULLE_TEXT("/any/path?x"),
		.protocol = tulle_text_of(protocol),
		.random = {fill, NULL},
		.allocator = allocator,
		.message_bytes_max = 4 << 20,
		.send_bytes_max = 8 << 20,
		.frame_bytes_max = 4 << 20};
	size_t n = tulle_signal_ws_memory_bytes(&c);
	w.c[i].ws = tulle_signal_ws_init(malloc(n), n, &c, w.now);
	accept_stream(i, 1 << 20);
	settle();
}

static inline void say(size_t i, const char *text)
{
	w.c[i].story[0] = '\0';
	ck_assert_int_eq(
		tulle_signal_ws_send(w.c[i].ws, w.now, true, text, strlen(text)), TULLE_OK);
}

/* The address in the first announcement that i heard. */
static inline const char *heard(size_t i)
{
	static char address[CLIENTS][37];
	const char *at = strstr(w.c[i].story, "[0,\"");
	ck_assert_ptr_nonnull(at);
	memcpy(address[i], at + 4, 36);
	return address[i];
}

static inline tulle_onramp_stats stats(void)
{
	tulle_onramp_stats s;
	tulle_onramp_read_stats(w.onramp, &s);
	return s;
}
#endif
