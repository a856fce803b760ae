/* SPDX-License-Identifier: MIT */
/* fuzz: a root between two hostile relays. The input is a list of steps, each a byte of what to do,
 * a 16-bit length and a text: said by a relay, sent as a datagram, or time that passes. */
#include "base/bytes.h"
#include "base/panic.h"
#include "mesh/mesh.h"
#include "signal/signal.h"

#include <stdlib.h>
#include <tulle/dtls.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	tulle_signal_ws *ws;
	uint32_t stream;
	_Alignas(max_align_t) uint8_t block[16384];
} relay;

static relay relays[2];
static tulle *root;
static tulle_time now;
static uint64_t dice;
static tulle_certificate *certificate;

static bool fill(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		dice = dice * UINT64_C(6364136223846793005) + 1;
		dst[i] = (uint8_t)(dice >> 40);
	}
	return true;
}

static void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user, (void)n;
	free(p);
}

static void hear(relay *r)
{
	tulle_signal_ws_event e;
	while (tulle_signal_ws_poll_event(r->ws, &e))
		if (e.kind == TULLE_SIGNAL_WS_REQUEST)
			(void)tulle_signal_ws_accept(r->ws, now, (tulle_text){"p", 1});
}

static void connect_relay(const tulle_out *out)
{
	relay *r = relays[0].ws == NULL ? &relays[0] : &relays[1];
	const tulle_signal_ws_config c = {.server = true, .allocator = {take, give, NULL}};
	if (r->ws != NULL)
		return;
	r->ws = tulle_signal_ws_init(r->block, sizeof r->block, &c, now);
	TULLE_CHECK(r->ws != NULL);
	r->stream = out->id;
	tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = out->id});
	tulle_handle(root, now,
		&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = out->id, .bytes = 1 << 20});
}

/* A name has an address, or two, or nobody has it. */
static void answer(const tulle_out *out)
{
	const tulle_addr addrs[2] = {
		{.family = 4, .ip = {10, 0, 0, 9}}, {.family = 6, .ip = {0x20, 1}}};
	uint8_t chance;
	TULLE_CHECK(out->mdns && out->name.len == 42 && fill(NULL, &chance, 1));
	tulle_in in = {.kind = TULLE_IN_RESOLVED,
		.id = out->id,
		.why = (chance & 3) == 3 ? TULLE_ERR_SYSTEM : TULLE_OK,
		.addrs = addrs,
		.addr_count = (chance & 3) == 3   ? 0
			      : (chance & 3) == 2 ? 2
						  : 1};
	tulle_handle(root, now, &in);
}

static void take_out(const tulle_out *out)
{
	if (out->kind == TULLE_OUT_RESOLVE)
		answer(out);
	if (out->kind == TULLE_OUT_STREAM_CONNECT)
		connect_relay(out);
	for (int i = 0; i < 2 && out->kind == TULLE_OUT_STREAM_BYTES; i++) {
		relay *r = &relays[i];
		if (r->ws == NULL || r->stream != out->id)
			continue;
		for (size_t at = 0, n = 1; at < out->data.len && n != 0; at += n) {
			n = tulle_signal_ws_handle_bytes(
				r->ws, now, out->data.ptr + at, out->data.len - at);
			hear(r);
		}
		tulle_handle(root, now,
			&(tulle_in){.kind = TULLE_IN_STREAM_ROOM,
				.id = out->id,
				.bytes = (uint32_t)out->data.len});
		hear(r);
	}
}

static bool feed(relay *r)
{
	uint8_t buf[4096];
	size_t n = r->ws != NULL ? tulle_signal_ws_poll_bytes(r->ws, now, buf, sizeof buf) : 0;
	if (n != 0)
		tulle_handle(root, now,
			&(tulle_in){
				.kind = TULLE_IN_STREAM_BYTES, .id = r->stream, .data = {buf, n}});
	return n != 0;
}

static void pump(void)
{
	static uint8_t scratch[65536];
	tulle_out out;
	for (bool moved = true; moved;) {
		moved = feed(&relays[0]);
		moved = feed(&relays[1]) || moved;
		while (tulle_next_event(root) != NULL)
			continue;
		while (tulle_poll(root, now, scratch, sizeof scratch, &out)) {
			moved = moved || out.kind == TULLE_OUT_STREAM_BYTES;
			take_out(&out);
		}
		tulle_mesh_check(root);
	}
}

static void begin(bool hide)
{
	const tulle_options o = {.polled = true,
		.certificate = certificate,
		.attempts_max = 6,
		.ice = {.hide_addresses = hide},
		.memory_bytes_max = 8 << 20,
		.allocator = {take, give, NULL}};
	const tulle_mesh_env env = {.random = {fill, NULL}};
	dice = now = 1000000;
	relays[0].ws = relays[1].ws = NULL;
	root = tulle_mesh_create(&o, &env, now);
	TULLE_CHECK(root != NULL);
	tulle_in in = {.kind = TULLE_IN_PATH_UP, .id = 1, .mtu = 1500};
	in.local = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = 5000};
	tulle_handle(root, now, &in);
	tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	(void)tulle_connect(root, TULLE_ROOT, "ws://192.0.2.1/", NULL, NULL);
	pump();
	(void)tulle_connect(root, TULLE_ROOT, "ws://192.0.2.2/", NULL, NULL);
	pump();
	(void)tulle_connect(root, tulle_find(root, "ws://192.0.2.1/"), "x", NULL, NULL);
	pump();
}

static void step(uint8_t what, tulle_bytes text)
{
	relay *r = &relays[what & 1];
	tulle_in in = {.kind = TULLE_IN_DATAGRAM, .id = 1, .data = text};
	in.local = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = 5000};
	in.remote = (tulle_addr){.family = 4, .ip = {10, 0, 0, 9}, .port = 9};
	switch (what >> 1 & 3) {
	case 0:
	case 1:
		(void)tulle_signal_ws_send(r->ws, now, true, text.ptr, text.len);
		break;
	case 2:
		tulle_handle(root, now, &in);
		break;
	case 3:
		now += (tulle_time)text.len * 100000 + 1;
		tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_TIME});
		break;
	}
	pump();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_rd r = tulle_rd_make(data, len);
	if (certificate == NULL)
		TULLE_CHECK(tulle_certificate_create(0, &certificate) == TULLE_OK);
	begin((len & 1) != 0);
	for (int i = 0; i < 24 && tulle_rd_left(&r) >= 3; i++) {
		uint8_t what = tulle_rd_u8(&r);
		size_t n = tulle_rd_u16(&r);
		n = n < tulle_rd_left(&r) ? n : tulle_rd_left(&r);
		step(what, tulle_rd_bytes(&r, n));
	}
	tulle_wipe(root);
	for (int i = 0; i < 2; i++)
		if (relays[i].ws != NULL)
			tulle_signal_ws_wipe(relays[i].ws);
	return 0;
}
