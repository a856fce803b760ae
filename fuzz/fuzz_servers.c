/* SPDX-License-Identifier: MIT */
/* fuzz: the STUN and TURN servers of an owner (peer/servers*.c), by UDP and streams, whose servers
 * know the password and abuse it: names that resolve to anything, answers of any code, streams that
 * open, stall, end and bring pieces, paths that come and go, data of relays both ways, time. The
 * invariants hold after each entry, and polling comes to rest. */
#include "peer/servers.h"

#include <tulle/stun.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "fuzz/draw.h"

#include <stdlib.h>
#include <string.h>

#define WAITING 8
#define POLLS_MAX 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	uint8_t id[TULLE_STUN_ID_BYTES];
	uint16_t method;
	uint32_t stream; /* 0: over UDP */
	tulle_addr server;
} Request;

typedef struct {
	tulle_peer_servers *s;
	tulle_time now;
	tulle_rd in;
	uint64_t seed;
	Request waiting[WAITING]; /* the last that went out */
	size_t sent;
	uint32_t names[4], streams[4]; /* that were asked for last */
	size_t name_count, stream_count;
	uint8_t key[16];
} Fuzz;

static bool random_fill(void *user, uint8_t *dst, size_t len)
{
	Fuzz *f = user;
	fuzz_draw(&f->seed, dst, len);
	return (f->seed >> 40 & 127) != 0 || f->now == 0;
}

/* What it relayed is taken, and read to its last byte, before anything else. */
static void give(Fuzz *f, tulle_in in)
{
	tulle_in inner;
	uint8_t *exact = malloc(in.data.len != 0 ? in.data.len : 1);
	if (in.data.len != 0)
		memcpy(exact, in.data.ptr, in.data.len);
	in.data.ptr = exact;
	bool owns = tulle_peer_servers_owns(f->s, &in);
	bool theirs = tulle_peer_servers_handle(f->s, f->now, &in);
	TULLE_CHECK(!owns || theirs);
	while (theirs && tulle_peer_servers_next(f->s, &inner)) {
		TULLE_CHECK(
			inner.kind == TULLE_IN_DATAGRAM && tulle_peer_servers_is_relay(inner.id));
		if (inner.data.len != 0) {
			volatile uint8_t end = inner.data.ptr[inner.data.len - 1];
			(void)end;
		}
	}
	free(exact);
}

static void note_request(Fuzz *f, const tulle_out *out, uint32_t stream)
{
	tulle_stun_message m;
	if (tulle_stun_read(out->data.ptr, out->data.len, &m) != TULLE_TAKEN ||
		m.kind != TULLE_STUN_REQUEST)
		return;
	Request *r = &f->waiting[f->sent++ % WAITING];
	*r = (Request){.method = m.method, .stream = stream, .server = out->remote};
	memcpy(r->id, m.id, sizeof m.id);
}

static void take_out(Fuzz *f, const tulle_out *out)
{
	switch (out->kind) {
	case TULLE_OUT_DATAGRAM:
		note_request(f, out, 0);
		break;
	case TULLE_OUT_STREAM_BYTES:
		note_request(f, out, out->id);
		break;
	case TULLE_OUT_STREAM_CONNECT:
		f->streams[f->stream_count++ % 4] = out->id;
		break;
	case TULLE_OUT_RESOLVE:
		f->names[f->name_count++ % 4] = out->id;
		break;
	case TULLE_OUT_STREAM_ROOM:
	case TULLE_OUT_STREAM_END:
	case TULLE_OUT_PUBLISH:
		break;
	}
}

/* What falls due by what was just done is done in the next turn; a third would be a loop. */
static void drain(Fuzz *f)
{
	static uint8_t scratch[4096];
	tulle_out out;
	for (int turn = 0; turn < 2; turn++) {
		unsigned n = 0;
		give(f, (tulle_in){.kind = TULLE_IN_TIME});
		while (tulle_peer_servers_poll(f->s, f->now, scratch, sizeof scratch, &out)) {
			TULLE_CHECK(n++ < POLLS_MAX);
			take_out(f, &out);
		}
	}
	TULLE_CHECK(tulle_peer_servers_poll_timeout(f->s) > f->now);
}

static void give_raw(Fuzz *f)
{
	tulle_addr from = fuzz_global_addr(tulle_rd_u8(&f->in));
	uint8_t path = tulle_rd_u8(&f->in);
	tulle_bytes raw = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
	give(f, (tulle_in){.kind = TULLE_IN_DATAGRAM, .id = path & 3, .remote = from, .data = raw});
}

static void write_success(Fuzz *f, tulle_stun_writer *w, uint8_t flags)
{
	tulle_addr a = fuzz_global_addr(flags & 4 ? 0x81 : 1);
	tulle_stun_write_address(w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a);
	a.port = (uint16_t)(a.port + (flags >> 5));
	tulle_stun_write_address(w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
	tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME, (uint32_t)tulle_rd_u8(&f->in) * 16);
}

static void write_error(Fuzz *f, tulle_stun_writer *w, unsigned code)
{
	tulle_addr to = fuzz_global_addr(tulle_rd_u8(&f->in));
	tulle_stun_write_error(w, code, (tulle_text){"x", 1});
	tulle_stun_write_text(w, TULLE_STUN_A_REALM, (tulle_text){"r", 1});
	tulle_stun_write_text(w, TULLE_STUN_A_NONCE, (tulle_text){"n", 1});
	if (code == 300)
		tulle_stun_write_address(w, TULLE_STUN_A_ALTERNATE_SERVER, &to);
}

static void give_as(Fuzz *f, const Request *r, const uint8_t *data, size_t len)
{
	give(f, (tulle_in){.kind = r->stream != 0 ? TULLE_IN_STREAM_BYTES : TULLE_IN_DATAGRAM,
			.id = r->stream != 0 ? r->stream : 1,
			.remote = r->server,
			.data = {data, len}});
}

static const Request *pick(const Fuzz *f, uint8_t n)
{
	size_t back = n % WAITING;
	return back < f->sent ? &f->waiting[(f->sent - 1 - back) % WAITING] : NULL;
}

static void give_answer(Fuzz *f)
{
	static const uint16_t codes[] = {401, 438, 300, 400, 403, 437, 441, 486, 500, 508};
	uint8_t buf[512], flags = tulle_rd_u8(&f->in), which = tulle_rd_u8(&f->in);
	const Request *r = pick(f, which);
	if (r == NULL)
		return;
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, r->method,
		flags & 1 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, r->id);
	if (flags & 1)
		write_error(f, &w, codes[(which >> 3) % 10]);
	else
		write_success(f, &w, flags);
	if (flags & 2)
		tulle_stun_write_integrity(&w, (tulle_bytes){f->key, 16});
	size_t len = tulle_stun_write_finish(&w);
	size_t cut = flags & 8 && r->stream != 0 ? len / 2 : 0;
	if (cut != 0)
		give_as(f, r, buf, cut);
	give_as(f, r, buf + cut, len - cut);
}

static void give_relayed(Fuzz *f)
{
	static const uint8_t id[TULLE_STUN_ID_BYTES] = {7};
	uint8_t buf[512], flags = tulle_rd_u8(&f->in);
	tulle_addr peer = fuzz_global_addr(tulle_rd_u8(&f->in));
	const Request *r = pick(f, flags >> 3);
	tulle_wr c = tulle_wr_make(buf, sizeof buf);
	if (r == NULL)
		return;
	if (flags & 1) {
		tulle_wr_u16(&c, (uint16_t)(0x4000 + (flags >> 4)));
		tulle_wr_u16(&c, flags & 15);
		tulle_wr_zero(&c, 16);
		give_as(f, r, buf, 4 + ((size_t)(flags & 15) + 3) / 4 * 4);
		return;
	}
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_DATA, TULLE_STUN_INDICATION, id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_PEER_ADDRESS, &peer);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DATA), id, flags >> 5);
	give_as(f, r, buf, tulle_stun_write_finish(&w));
}

static void give_name(Fuzz *f)
{
	uint8_t flags = tulle_rd_u8(&f->in);
	tulle_addr addrs[4];
	for (uint8_t i = 0; i < 4; i++)
		addrs[i] = fuzz_global_addr((uint8_t)(tulle_rd_u8(&f->in)));
	if (f->name_count != 0)
		give(f, (tulle_in){.kind = TULLE_IN_RESOLVED,
				.id = f->names[flags % 4],
				.addrs = addrs,
				.addr_count = flags >> 2 & 3,
				.why = flags & 0x80 ? TULLE_ERR_SYSTEM : TULLE_OK});
}

static void give_stream(Fuzz *f)
{
	static const tulle_in_kind kinds[] = {TULLE_IN_STREAM_OPEN, TULLE_IN_STREAM_ROOM,
		TULLE_IN_STREAM_BYTES, TULLE_IN_STREAM_END};
	uint8_t flags = tulle_rd_u8(&f->in);
	tulle_in in = {.kind = kinds[flags >> 2 & 3], .id = f->streams[flags % 4]};
	if (f->stream_count == 0)
		return;
	if (in.kind == TULLE_IN_STREAM_ROOM)
		in.bytes = 16u * (flags & 0xf0);
	if (in.kind == TULLE_IN_STREAM_BYTES)
		in.data = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
	give(f, in);
}

static void give_path(Fuzz *f)
{
	uint8_t flags = tulle_rd_u8(&f->in);
	tulle_in in = {.kind = flags & 4 ? TULLE_IN_PATH_DOWN : TULLE_IN_PATH_UP,
		.id = 1 + (flags & 1u),
		.mtu = 1500,
		.local = fuzz_global_addr(flags & 2 ? 0x85 : 5)};
	in.local.ip[0] = 10;
	give(f, in);
}

/* A datagram of ours by a relay: what comes of it lies within the room that it was given. */
static void send_relayed(Fuzz *f)
{
	uint8_t buf[PEER_SERVERS_ROOM + 256], flags = tulle_rd_u8(&f->in);
	size_t len = tulle_rd_u8(&f->in);
	tulle_ice_local c;
	uint32_t cursor = 0, path = PEER_SERVERS_ID | (flags & 7);
	bool gone;
	tulle_addr peer = fuzz_global_addr(tulle_rd_u8(&f->in));
	while (tulle_peer_servers_candidate(f->s, &cursor, &c, &gone))
		if (c.type == TULLE_ICE_RELAY)
			path = c.id;
	memset(buf, 0, sizeof buf);
	tulle_out out = {.kind = TULLE_OUT_DATAGRAM,
		.id = path,
		.remote = peer,
		.data = {buf + PEER_SERVERS_HEADROOM, len},
		.segment = (uint16_t)len};
	if (flags & 0x40)
		tulle_peer_servers_permit(f->s, f->now, &peer);
	if (flags & 0x20)
		tulle_peer_servers_bind(f->s, f->now, path, &peer);
	if (tulle_peer_servers_wrap(f->s, f->now, &out)) {
		TULLE_CHECK(out.data.ptr >= buf && out.data.ptr + out.data.len <= buf + sizeof buf);
		TULLE_CHECK(!tulle_peer_servers_is_relay(out.id) || out.kind != TULLE_OUT_DATAGRAM);
	}
}

static void look_around(Fuzz *f)
{
	tulle_peer_servers_error e;
	uint32_t after = 0;
	while (tulle_peer_servers_failed(f->s, after, &e)) {
		TULLE_CHECK(e.serial > after && e.url != NULL && e.text != NULL);
		after = e.serial;
	}
	(void)tulle_peer_servers_is_done(f->s);
}

static void step(Fuzz *f)
{
	static const tulle_time jumps[] = {0, 50000, 500000, 5000000, 40000000, 241000000};
	uint8_t op = tulle_rd_u8(&f->in);
	void (*const steps[])(Fuzz *) = {give_raw, give_answer, give_answer, give_answer,
		give_relayed, give_name, give_stream, give_path, send_relayed, look_around};
	if (op % 16 < 10)
		steps[op % 16](f);
	else if (op == 255)
		tulle_peer_servers_close(f->s, f->now);
	else
		f->now += jumps[op % 16 - 10];
	tulle_peer_servers_check(f->s);
	drain(f);
	tulle_peer_servers_check(f->s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const urls[] = {"stun:32.0.0.1:5001", "stun:a.example",
		"turn:32.0.0.2:5002", "turn:b.example?transport=tcp", "turns:c.example",
		"turn:[2000::1]:5001", "stuns:d.example", "turn:b.example"};
	Fuzz f = {.in = tulle_rd_make(data, len), .seed = 1};
	uint8_t which = tulle_rd_u8(&f.in), flags = tulle_rd_u8(&f.in);
	tulle_ice_server servers[8];
	tulle_ice_options ice = {.servers = servers, .relay_only = (flags & 1) != 0};
	for (size_t i = 0; i < 8 && ice.server_count < 4; i++)
		if (which >> i & 1)
			servers[ice.server_count++] = (tulle_ice_server){urls[i], "u", "p"};
	tulle_random random = {random_fill, &f};
	size_t bytes = tulle_peer_servers_memory_bytes(&ice, random);
	if (bytes == 0)
		return 0;
	void *block = malloc(bytes);
	TULLE_CHECK(tulle_stun_key_md5(
		(tulle_text){"u", 1}, (tulle_text){"r", 1}, (tulle_text){"p", 1}, f.key));
	f.s = tulle_peer_servers_init(block, bytes, &ice, random, 0);
	TULLE_CHECK(f.s != NULL);
	give_path(&f);
	tulle_peer_servers_begin(f.s, 0);
	drain(&f);
	while (tulle_rd_left(&f.in) != 0)
		step(&f);
	tulle_peer_servers_close(f.s, f.now);
	drain(&f);
	tulle_peer_servers_wipe(f.s);
	free(block);
	return 0;
}
