/* SPDX-License-Identifier: MIT */
/* fuzz: one WebSocket connection, either role. The input is a program of steps, two bytes each:
 * what to do and how much; bytes for the connection follow their step. */
#include "base/panic.h"
#include "signal/websocket.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t held;

static void *take(void *user, size_t n)
{
	(void)user;
	held += n;
	TULLE_CHECK(held <= 1 << 20);
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user;
	held -= n;
	free(p);
}

static bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	memset(dst, 7, len);
	return true;
}

static const char request[] =
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Version: 13\r\n\r\n";

typedef struct {
	tulle_signal_ws *ws;
	tulle_time now;
	bool closed, opened;
} run;

static void events(run *r)
{
	tulle_signal_ws_event e;
	while (tulle_signal_ws_poll_event(r->ws, &e)) {
		TULLE_CHECK(!r->closed);
		if (e.kind == TULLE_SIGNAL_WS_REQUEST && e.request->upgrade)
			(void)tulle_signal_ws_accept(r->ws, r->now,
				tulle_signal_pick_protocol(e.request, TULLE_TEXT("p")));
		else if (e.kind == TULLE_SIGNAL_WS_REQUEST)
			(void)tulle_signal_ws_respond(r->ws, r->now, 404, TULLE_TEXT("text/plain"),
				(tulle_bytes){(const uint8_t *)"no", 2}, false);
		if (e.kind == TULLE_SIGNAL_WS_MESSAGE) {
			TULLE_CHECK(tulle_text_is_utf8(e.data.ptr, e.data.len));
			(void)tulle_signal_ws_send(r->ws, r->now, true, e.data.ptr, e.data.len);
		}
		r->opened = r->opened || e.kind == TULLE_SIGNAL_WS_OPEN;
		TULLE_CHECK(e.kind != TULLE_SIGNAL_WS_BYTES || r->opened);
		r->closed = e.kind == TULLE_SIGNAL_WS_CLOSE;
		tulle_signal_ws_check(r->ws);
	}
}

static void feed(run *r, const uint8_t *data, size_t len)
{
	for (int stuck = 0; len != 0 && stuck < 2;) {
		uint8_t *copy = malloc(len);
		memcpy(copy, data, len);
		size_t n = tulle_signal_ws_handle_bytes(r->ws, r->now, copy, len);
		free(copy);
		TULLE_CHECK(n <= len);
		stuck = n != 0 ? 0 : stuck + 1;
		data += n;
		len -= n;
		tulle_signal_ws_check(r->ws);
		events(r);
	}
}

static void drain(run *r, size_t cap)
{
	static uint8_t out[256];
	for (int i = 0; i < 100000 && tulle_signal_ws_poll_bytes(r->ws, r->now, out, cap) != 0; i++)
		tulle_signal_ws_check(r->ws);
	events(r);
}

static void step(run *r, uint8_t what, uint8_t much, tulle_rd *rd)
{
	static const char text[300] = "hello";
	switch (what % 7) {
	case 0:
	case 1: {
		tulle_bytes b =
			tulle_rd_bytes(rd, much < tulle_rd_left(rd) ? much : tulle_rd_left(rd));
		feed(r, b.ptr, b.len);
		break;
	}
	case 2:
		(void)tulle_signal_ws_send(r->ws, r->now, (much & 1) != 0, text, much);
		break;
	case 3:
		drain(r, 1 + much);
		break;
	case 4:
		r->now += (tulle_time)much * 100000;
		tulle_signal_ws_handle_timeout(r->ws, r->now);
		events(r);
		drain(r, 256);
		TULLE_CHECK(tulle_signal_ws_poll_timeout(r->ws) > r->now);
		break;
	case 5:
		(void)tulle_signal_ws_close(
			r->ws, r->now, (uint16_t)(much * 20), TULLE_TEXT("bye"));
		break;
	default:
		if (much > 250)
			tulle_signal_ws_handle_end(r->ws, r->now);
		events(r);
		break;
	}
	tulle_signal_ws_check(r->ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_rd rd = tulle_rd_make(data, len);
	uint8_t flags = tulle_rd_u8(&rd);
	tulle_signal_ws_config c = {.server = (flags & 1) != 0,
		.authority = TULLE_TEXT("h"),
		.target = TULLE_TEXT("/"),
		.protocol = TULLE_TEXT("p"),
		.frame_bytes_max = 1000,
		.message_bytes_max = 3000,
		.fragments_max = 20,
		.send_bytes_max = 16384,
		.random = {fill, NULL},
		.allocator = {take, give, NULL}};
	size_t n = tulle_signal_ws_memory_bytes(&c);
	void *memory = malloc(n);
	run r = {.ws = tulle_signal_ws_init(memory, n, &c, 0)};
	TULLE_CHECK(r.ws != NULL);
	if (c.server && (flags & 2) != 0)
		feed(&r, (const uint8_t *)request, sizeof request - 1);
	if (!c.server && (flags & 2) != 0) {
		char answer[256],
			key[24] = "BwcHBwcHBwcHBwcHBwcHBw=="; /* what fill gives, in base64 */
		tulle_wr w = tulle_wr_make(answer, sizeof answer);
		tulle_signal_write_accept(&w, (tulle_text){key, 24}, TULLE_TEXT("p"));
		feed(&r, (const uint8_t *)answer, w.len);
		TULLE_CHECK(r.opened);
	}
	while (tulle_rd_left(&rd) != 0) {
		uint8_t what = tulle_rd_u8(&rd), much = tulle_rd_u8(&rd);
		step(&r, what, much, &rd);
	}
	tulle_signal_ws_wipe(r.ws);
	free(memory);
	TULLE_CHECK(held == 0);
	return 0;
}
