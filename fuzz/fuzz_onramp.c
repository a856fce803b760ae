/* SPDX-License-Identifier: MIT */
/* fuzz: the onramp with several clients. The input is a program of steps: who, what, how much;
 * clients may begin open, and their bytes may be wrapped into a masked frame, so that messages are
 * reached. */
#include "base/panic.h"
#include "base/text.h"
#include "onramp/onramp.h"
#include "signal/frame.h"

#include <stdlib.h>

#define CLIENTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user;
	(void)n;
	free(p);
}

static bool fill(void *user, uint8_t *dst, size_t len)
{
	uint32_t *state = user;
	for (size_t i = 0; i < len; i++) {
		*state = *state * 1664525 + 1013904223;
		dst[i] = (uint8_t)(*state >> 24);
	}
	return true;
}

static const char request[] =
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Protocol: p\r\nSec-WebSocket-Version: 13\r\n\r\n";

static struct {
	tulle_onramp *onramp;
	tulle_time now;
	bool alive[CLIENTS];
	size_t window[CLIENTS];
	char address[CLIENTS][36]; /* of the client that joined before, as it was announced */
} w;

static void handle(tulle_in in)
{
	tulle_onramp_handle(w.onramp, w.now, &in);
	tulle_onramp_check(w.onramp);
}

static void drain(void)
{
	static uint8_t scratch[4096];
	tulle_out out;
	for (int i = 0; tulle_onramp_poll(w.onramp, w.now, scratch, sizeof scratch, &out); i++) {
		TULLE_CHECK(i < 100000 && out.id < CLIENTS && w.alive[out.id]);
		tulle_onramp_check(w.onramp);
		if (out.kind == TULLE_OUT_STREAM_ROOM)
			w.window[out.id] += out.bytes;
		if (out.kind == TULLE_OUT_STREAM_END)
			w.alive[out.id] = false;
		if (out.kind == TULLE_OUT_STREAM_BYTES && out.data.len >= 44 &&
			memcmp(out.data.ptr, "\x81\x2a[0,\"", 6) == 0)
			memcpy(w.address[out.id], out.data.ptr + 6, 36);
	}
	TULLE_CHECK(tulle_onramp_poll_timeout(w.onramp) > w.now);
}

static void deliver(uint32_t who, const void *data, size_t len)
{
	if (!w.alive[who] || len > w.window[who])
		return;
	w.window[who] -= len;
	uint8_t *copy = malloc(len != 0 ? len : 1);
	if (len != 0)
		memcpy(copy, data, len);
	handle((tulle_in){.kind = TULLE_IN_STREAM_BYTES, .id = who, .data = {copy, len}});
	free(copy);
}

static void say(uint32_t who, bool relay, tulle_bytes b)
{
	uint8_t frame[1024];
	tulle_wr wr = tulle_wr_make(frame, sizeof frame);
	tulle_signal_frame f = {
		.fin = true, .masked = true, .op = 1, .len = b.len + (relay ? 44 : 0)};
	tulle_signal_write_frame(&wr, &f);
	if (relay) {
		tulle_wr_cstr(&wr, "[6,\"");
		tulle_wr_bytes(&wr, w.address[who], 36);
		tulle_wr_cstr(&wr, "\",");
		tulle_wr_bytes(&wr, b.ptr, b.len);
		tulle_wr_u8(&wr, ']');
		tulle_wr_u8(&wr, ' ');
	} else {
		tulle_wr_bytes(&wr, b.ptr, b.len);
	}
	TULLE_CHECK(tulle_wr_finish(&wr));
	deliver(who, frame, wr.len);
}

static void step(uint32_t who, uint8_t what, uint8_t much, tulle_rd *rd)
{
	tulle_bytes b = {NULL, 0};
	if (what % 9 < 3)
		b = tulle_rd_bytes(rd, much < tulle_rd_left(rd) ? much : tulle_rd_left(rd));
	switch (what % 9) {
	case 0:
		deliver(who, b.ptr, b.len);
		break;
	case 1:
		say(who, false, b);
		break;
	case 2:
		say(who, true, b);
		break;
	case 3:
		if (!w.alive[who]) {
			w.alive[who] = true;
			w.window[who] = 0;
			handle((tulle_in){.kind = TULLE_IN_STREAM_ACCEPTED, .id = who});
			drain();
		}
		break;
	case 4:
		handle((tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = who, .bytes = much * 100u});
		break;
	case 5:
		w.now += (tulle_time)much * 100000;
		handle((tulle_in){.kind = TULLE_IN_TIME});
		break;
	case 6:
		handle((tulle_in){.kind = TULLE_IN_STREAM_END, .id = who});
		w.alive[who] = false;
		break;
	case 7:
		deliver(who, request, sizeof request - 1);
		break;
	default:
		if (much > 250)
			tulle_onramp_finish(w.onramp);
		break;
	}
	drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const tulle_onramp_file file = {
		{"/index.html", 11}, {"text/html", 9}, {(const uint8_t *)"hello", 5}};
	uint32_t seed = 1;
	tulle_onramp_options o = {.files = &file,
		.file_count = 1,
		.clients_max = 3,
		.queue_bytes_max = 16384,
		.frame_bytes_max = 600,
		.message_bytes_max = 1000,
		.bytes_per_s = 10000,
		.allocator = {take, give, NULL}};
	size_t n = tulle_onramp_memory_bytes(&o);
	void *memory = malloc(n);
	memset(&w, 0, sizeof w);
	w.onramp = tulle_onramp_init(memory, n, &o, (tulle_random){fill, &seed}, 0);
	TULLE_CHECK(w.onramp != NULL);
	tulle_rd rd = tulle_rd_make(data, len);
	while (tulle_rd_left(&rd) != 0) {
		uint8_t who = tulle_rd_u8(&rd), what = tulle_rd_u8(&rd), much = tulle_rd_u8(&rd);
		step(who % CLIENTS, what, much, &rd);
	}
	tulle_onramp_wipe(w.onramp);
	free(memory);
	return 0;
}
