/* SPDX-License-Identifier: MIT */
/* Tests of WebSockets: connections that tell what happened as text, and frames as a client sends
 * them. */
#ifndef TULLE_TESTS_WS_HELP_H
#define TULLE_TESTS_WS_HELP_H
#include "signal/frame.h"
#include "signal/websocket.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static size_t held_bytes, alloc_fail_after = SIZE_MAX;

static inline void *count_alloc(void *user, size_t n)
{
	(void)user;
	if (alloc_fail_after == 0)
		return NULL;
	alloc_fail_after -= alloc_fail_after != SIZE_MAX;
	held_bytes += n;
	return malloc(n);
}

static inline void count_free(void *user, void *p, size_t n)
{
	(void)user;
	held_bytes -= n;
	free(p);
}

static bool random_broken;
static uint32_t random_state;

static inline bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 1664525 + 1013904223;
		dst[i] = (uint8_t)(random_state >> 24);
	}
	return !random_broken;
}

static inline tulle_signal_ws_config config_of(bool server)
{
	tulle_signal_ws_config c = {.server = server,
		.authority = TULLE_TEXT("server.example.com"),
		.target = TULLE_TEXT("/chat"),
		.protocol = TULLE_TEXT("p"),
		.random = {fill, NULL},
		.allocator = {count_alloc, count_free, NULL}};
	return c;
}

static inline tulle_signal_ws *make(const tulle_signal_ws_config *c)
{
	size_t n = tulle_signal_ws_memory_bytes(c);
	void *memory = malloc(n);
	ck_assert_uint_ne(n, 0);
	tulle_signal_ws *ws = tulle_signal_ws_init(memory, n, c, 0);
	if (ws == NULL)
		free(memory);
	return ws;
}

static inline void end(tulle_signal_ws *ws)
{
	tulle_signal_ws_wipe(ws);
	free(ws);
	ck_assert_uint_eq(held_bytes, 0);
}

/* What happened, as text: "open", "text 5 Hello", "close 1000 clean". */
static char story[65536];

static inline void tell(const tulle_signal_ws_event *e)
{
	char *at = story + strlen(story);
	size_t room = sizeof story - strlen(story);
	int shown = (int)(e->data.len < 40 ? e->data.len : 40);
	switch (e->kind) {
	case TULLE_SIGNAL_WS_REQUEST:
		snprintf(at, room, "request %u;", e->request->status);
		break;
	case TULLE_SIGNAL_WS_OPEN:
		snprintf(at, room, "open;");
		break;
	case TULLE_SIGNAL_WS_MESSAGE:
		snprintf(at, room, "text %zu %.*s;", e->data.len, shown, (const char *)e->data.ptr);
		break;
	case TULLE_SIGNAL_WS_BYTES:
		snprintf(at, room, "bytes %zu;", e->data.len);
		break;
	case TULLE_SIGNAL_WS_WRITABLE:
		snprintf(at, room, "writable;");
		break;
	case TULLE_SIGNAL_WS_CLOSE:
		snprintf(at, room, "close %u%s%s;", e->close.code, e->close.clean ? " clean" : "",
			e->close.local ? " local" : "");
		break;
	}
}

/* Feeds in pieces of `step` bytes, tells all events, accepts requests. */
static inline void feed(
	tulle_signal_ws *ws, tulle_time now, const void *data, size_t len, size_t step)
{
	const uint8_t *p = data;
	tulle_signal_ws_event e;
	while (len != 0) {
		size_t n = len < step ? len : step;
		uint8_t *copy = malloc(n);
		memcpy(copy, p, n);
		size_t used = tulle_signal_ws_handle_bytes(ws, now, copy, n);
		free(copy);
		ck_assert_uint_le(used, n);
		tulle_signal_ws_check(ws);
		bool any = false;
		while (tulle_signal_ws_poll_event(ws, &e)) {
			any = true;
			tell(&e);
			if (e.kind == TULLE_SIGNAL_WS_REQUEST && e.request->upgrade)
				ck_assert_int_eq(tulle_signal_ws_accept(ws, now,
							 tulle_signal_pick_protocol(
								 e.request, TULLE_TEXT("p"))),
					TULLE_OK);
			tulle_signal_ws_check(ws);
		}
		ck_assert(used != 0 || any);
		p += used;
		len -= used;
	}
}

static inline size_t drain(tulle_signal_ws *ws, tulle_time now, uint8_t *dst, size_t cap)
{
	size_t n = 0, k;
	while ((k = tulle_signal_ws_poll_bytes(ws, now, dst + n, cap - n)) != 0)
		n += k;
	tulle_signal_ws_check(ws);
	return n;
}

static uint8_t wire[4 << 20];

/* Both ends talk until both are silent. */
static inline void pump(tulle_signal_ws *a, tulle_signal_ws *b, tulle_time now, size_t step)
{
	for (;;) {
		size_t n = drain(a, now, wire, sizeof wire);
		feed(b, now, wire, n, step);
		size_t k = drain(b, now, wire, sizeof wire);
		feed(a, now, wire, k, step);
		if (n == 0 && k == 0)
			return;
	}
}

static const char request[] = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"
			      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Version: 13\r\n\r\n";

/* A server that is open; what it sent for that is thrown away. */
static inline tulle_signal_ws *open_server(const tulle_signal_ws_config *c)
{
	tulle_signal_ws *ws = make(c);
	feed(ws, 0, request, sizeof request - 1, sizeof request);
	ck_assert_uint_ne(drain(ws, 0, wire, sizeof wire), 0);
	ck_assert(tulle_signal_ws_is_open(ws));
	story[0] = '\0';
	return ws;
}

/* A frame as a client sends it. */
static inline size_t client_frame(uint8_t *dst, uint8_t first, const void *data, size_t len)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	tulle_wr w = tulle_wr_make(dst, len + 14);
	tulle_signal_frame f = {(first & 0x80) != 0, true, first & 15, {0}, len};
	memcpy(f.mask, mask, 4);
	tulle_signal_write_frame(&w, &f);
	uint8_t *p = tulle_wr_room(&w, len);
	if (len != 0)
		memcpy(p, data, len);
	tulle_signal_mask(p, len, mask, 0);
	dst[0] |= first & 0x70;
	return w.len;
}
#endif
