/* SPDX-License-Identifier: MIT */
/* fuzz: a TURN client against a server that knows the password and abuses it: raw bytes, answers
 * with right integrity and any code, data, streams in pieces, commands, time; the Binding client;
 * URIs. The invariants hold after each entry. */
#include <tulle/stun.h>
#include <tulle/turn.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "fuzz/draw.h"

#include <stdlib.h>
#include <string.h>

#define REALM "r"
#define WAITING 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	tulle_turn *turn;
	tulle_turn_config config;
	tulle_path path;
	tulle_time now;
	tulle_rd in;
	uint64_t seed;
	struct {
		uint8_t id[TULLE_STUN_ID_BYTES];
		uint16_t method;
	} waiting[WAITING]; /* the last requests that it sent */
	size_t sent;
	uint8_t key[16], key256[32];
} Fuzz;

static bool random_fill(void *user, uint8_t *dst, size_t len)
{
	Fuzz *f = user;
	fuzz_draw(&f->seed, dst, len);
	return (f->seed >> 40 & 127) != 0 || f->now == 0;
}

static void give(Fuzz *f, const uint8_t *data, size_t len)
{
	tulle_turn_data d = {0};
	tulle_drop drop;
	uint8_t *exact = malloc(len != 0 ? len : 1);
	if (len != 0)
		memcpy(exact, data, len);
	if (f->config.transport == TULLE_TURN_UDP) {
		(void)tulle_turn_handle_datagram(f->turn, f->now, &f->path.remote, exact, len, &d);
	} else {
		for (size_t used = 0; used < len;) {
			size_t n = tulle_turn_handle_stream(
				f->turn, f->now, exact + used, len - used, &d, &drop);
			TULLE_CHECK(n != 0 && n <= len - used);
			used += n;
		}
	}
	if (d.data.ptr != NULL && d.data.len != 0) {
		volatile uint8_t end = d.data.ptr[d.data.len - 1];
		(void)end;
	}
	free(exact);
}

static void give_raw(Fuzz *f)
{
	tulle_bytes raw = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
	give(f, raw.ptr, raw.len);
}

static void write_success(Fuzz *f, tulle_stun_writer *w, uint8_t flags)
{
	tulle_addr a = fuzz_global_addr(flags & 4 ? 0x81 : 1);
	tulle_addr b = fuzz_global_addr(flags & 8 ? 1 : 0x81);
	tulle_stun_write_address(w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a);
	if (flags & 16)
		tulle_stun_write_address(w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &b);
	tulle_stun_write_address(w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
	tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME, (uint32_t)tulle_rd_u8(&f->in) * 16);
}

static void write_error(Fuzz *f, tulle_stun_writer *w, unsigned code)
{
	static const uint8_t algorithms[] = {0, 2, 0, 0, 0, 1, 0, 0};
	uint8_t flags = tulle_rd_u8(&f->in);
	tulle_addr to = fuzz_global_addr(flags);
	tulle_stun_write_error(w, code, (tulle_text){"x", 1});
	if (flags & 1)
		tulle_stun_write_text(w, TULLE_STUN_A_REALM, (tulle_text){REALM, 1});
	if (flags & 2)
		tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_NONCE), "obMatJos2wAAAn",
			(flags & 4) ? 14 : 3);
	if (flags & 8)
		tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_PASSWORD_ALGORITHMS),
			algorithms, flags & 16 ? 8 : 4);
	if (code == 300)
		tulle_stun_write_address(w, TULLE_STUN_A_ALTERNATE_SERVER, &to);
}

static void give_answer(Fuzz *f)
{
	static const uint16_t codes[] = {
		401, 438, 300, 400, 403, 437, 441, 486, 500, 508, 420, 699};
	uint8_t buf[512], flags = tulle_rd_u8(&f->in), which = tulle_rd_u8(&f->in);
	size_t back = which % WAITING;
	if (back >= f->sent)
		return;
	size_t i = (f->sent - 1 - back) % WAITING;
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, f->waiting[i].method,
		flags & 1 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, f->waiting[i].id);
	if (flags & 1)
		write_error(f, &w, codes[(which >> 3) % 12]);
	else
		write_success(f, &w, flags);
	if (flags & 2)
		tulle_stun_write_integrity(&w, (tulle_bytes){f->key, 16});
	if (flags & 32)
		tulle_stun_write_integrity_sha256(&w, (tulle_bytes){f->key256, 32});
	give(f, buf, tulle_stun_write_finish(&w));
}

static void give_data(Fuzz *f)
{
	static const uint8_t id[TULLE_STUN_ID_BYTES] = {7};
	uint8_t buf[512], flags = tulle_rd_u8(&f->in);
	tulle_addr peer = fuzz_global_addr(tulle_rd_u8(&f->in));
	tulle_wr c = tulle_wr_make(buf, sizeof buf);
	if (flags & 1) {
		tulle_wr_u16(&c, (uint16_t)(0x4000 + (flags >> 4)));
		tulle_wr_u16(&c, flags & 15);
		tulle_wr_zero(&c, 16);
		give(f, buf, 4 + (size_t)(flags & 14));
		return;
	}
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_DATA, TULLE_STUN_INDICATION, id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_PEER_ADDRESS, &peer);
	if (flags & 2)
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DATA), id, flags >> 5);
	if (flags & 4)
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_ICMP), id, 8);
	give(f, buf, tulle_stun_write_finish(&w));
}

static void send_data(Fuzz *f)
{
	uint8_t buf[TULLE_TURN_HEADROOM + 256 + TULLE_TURN_TAILROOM];
	tulle_addr peer = fuzz_global_addr(tulle_rd_u8(&f->in));
	size_t len = tulle_rd_u8(&f->in);
	tulle_bytes out;
	memset(buf, 0, sizeof buf);
	if (tulle_turn_wrap(f->turn, f->now, &peer, buf + TULLE_TURN_HEADROOM, len, &out) !=
		TULLE_OK)
		return;
	TULLE_CHECK(out.ptr >= buf && out.ptr + out.len <= buf + TULLE_TURN_HEADROOM + len + 3);
	tulle_stun_message m;
	TULLE_CHECK(out.ptr[0] == 0x40 || tulle_stun_read(out.ptr, out.len, &m) == TULLE_TAKEN);
}

static void drain(Fuzz *f)
{
	uint8_t buf[TULLE_TURN_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_turn_event event;
	tulle_turn_handle_timeout(f->turn, f->now);
	for (unsigned n = 0; tulle_turn_poll_datagram(f->turn, f->now, buf, sizeof buf, &d); n++) {
		tulle_stun_message m;
		TULLE_CHECK(n < 200);
		TULLE_CHECK(tulle_stun_read(buf, d.len, &m) == TULLE_TAKEN);
		if (m.kind != TULLE_STUN_REQUEST)
			continue;
		memcpy(f->waiting[f->sent % WAITING].id, m.id, sizeof m.id);
		f->waiting[f->sent++ % WAITING].method = m.method;
	}
	while (tulle_turn_poll_event(f->turn, &event))
		if (event.kind == TULLE_TURN_EVENT_ALTERNATE)
			f->path.remote = event.u.alternate.server;
	TULLE_CHECK(tulle_turn_poll_timeout(f->turn) > f->now);
}

static void command(Fuzz *f)
{
	uint8_t op = tulle_rd_u8(&f->in);
	tulle_addr peer = fuzz_global_addr(tulle_rd_u8(&f->in));
	switch (op % 6) {
	case 0:
		(void)tulle_turn_allocate(f->turn, f->now, &f->path);
		break;
	case 1:
		(void)tulle_turn_permit(f->turn, f->now, &peer);
		break;
	case 2:
		(void)tulle_turn_bind(f->turn, f->now, &peer);
		break;
	case 3:
		tulle_turn_forget(f->turn, f->now, &peer);
		break;
	case 4:
		if (op & 0x80)
			tulle_turn_stream_ended(f->turn, f->now);
		break;
	default:
		if (op & 0x80)
			tulle_turn_close(f->turn, f->now);
		break;
	}
}

static void step(Fuzz *f)
{
	static const tulle_time jumps[] = {0, 1000, 500000, 5000000, 40000000, 241000000};
	tulle_turn_uri uri;
	tulle_bytes text;
	switch (tulle_rd_u8(&f->in) % 9) {
	case 0:
		give_raw(f);
		break;
	case 1:
	case 2:
		drain(f);
		tulle_turn_check(f->turn);
		give_answer(f);
		break;
	case 3:
		give_data(f);
		break;
	case 4:
		send_data(f);
		break;
	case 5:
		command(f);
		break;
	case 6:
		f->now += jumps[tulle_rd_u8(&f->in) % 6];
		break;
	case 7:
		text = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
		(void)tulle_turn_read_uri((tulle_text){(const char *)text.ptr, text.len}, &uri);
		break;
	default:
		drain(f);
		break;
	}
	tulle_turn_check(f->turn);
}

/* The Binding client: raw bytes, or the id of its last request put into them; time. */
static void fuzz_reflexive(Fuzz *f)
{
	const tulle_turn_reflexive_config config = {.random = {random_fill, f}};
	size_t bytes = tulle_turn_reflexive_memory_bytes(&config);
	void *block = malloc(bytes);
	uint8_t buf[256], id[TULLE_STUN_ID_BYTES] = {0};
	tulle_datagram d;
	tulle_turn_reflexive_event event;
	tulle_turn_reflexive *r = tulle_turn_reflexive_init(block, bytes, &config, &f->path, 0);
	TULLE_CHECK(r != NULL);
	while (tulle_rd_left(&f->in) != 0) {
		uint8_t op = tulle_rd_u8(&f->in);
		tulle_bytes raw = tulle_rd_bytes(&f->in, op & 127u);
		f->now += op & 0x80 ? 1000000 * (int64_t)(op & 31) : 0;
		if (raw.len != 0)
			memcpy(buf, raw.ptr, raw.len);
		if (raw.len >= TULLE_STUN_HEADER_BYTES && (op & 0x80) == 0)
			memcpy(buf + 8, id, sizeof id);
		(void)tulle_turn_reflexive_handle_datagram(
			r, f->now, &f->path.remote, buf, raw.len);
		tulle_turn_reflexive_handle_timeout(r, f->now);
		while (tulle_turn_reflexive_poll_datagram(r, f->now, buf, sizeof buf, &d))
			memcpy(id, buf + 8, sizeof id);
		(void)tulle_turn_reflexive_poll_event(r, &event);
		tulle_turn_reflexive_check(r);
		TULLE_CHECK(tulle_turn_reflexive_poll_timeout(r) > f->now);
	}
	tulle_turn_reflexive_wipe(r);
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	Fuzz f = {.in = tulle_rd_make(data, len), .seed = 1};
	uint8_t flags = tulle_rd_u8(&f.in);
	f.config = (tulle_turn_config){.username = {"u", 1},
		.password = {"p", 1},
		.transport = flags & 1 ? TULLE_TURN_STREAM : TULLE_TURN_UDP,
		.ipv6 = (flags & 6) == 2,
		.both = (flags & 6) == 4,
		.random = {random_fill, &f},
		.peers_max = flags & 8 ? 2 : 0,
		.stream_bytes = TULLE_TURN_DATAGRAM_BYTES};
	f.path.remote = fuzz_global_addr(0x39);
	if (flags & 0x80) {
		fuzz_reflexive(&f);
		return 0;
	}
	TULLE_CHECK(tulle_stun_key_md5(
		(tulle_text){"u", 1}, (tulle_text){REALM, 1}, (tulle_text){"p", 1}, f.key));
	TULLE_CHECK(tulle_stun_key_sha256(
		(tulle_text){"u", 1}, (tulle_text){REALM, 1}, (tulle_text){"p", 1}, f.key256));
	size_t bytes = tulle_turn_memory_bytes(&f.config);
	void *block = malloc(bytes);
	f.turn = tulle_turn_init(block, bytes, &f.config, 0);
	TULLE_CHECK(f.turn != NULL);
	(void)tulle_turn_allocate(f.turn, 0, &f.path);
	while (tulle_rd_left(&f.in) != 0)
		step(&f);
	drain(&f);
	tulle_turn_check(f.turn);
	tulle_turn_wipe(f.turn);
	free(block);
	return 0;
}
