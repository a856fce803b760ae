/* SPDX-License-Identifier: MIT */
/* fuzz: an ICE agent against a peer that knows the passwords and abuses them: raw bytes, checks and
 * answers with right integrity, candidates, paths, time. The invariants hold after each entry. */
#include <tulle/ice.h>
#include <tulle/stun.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "fuzz/draw.h"

#include <stdlib.h>
#include <string.h>

#define THEIR_PWD "theirpasswordtheirpassword"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	tulle_ice *ice;
	tulle_time now;
	tulle_rd in;
	uint64_t seed, requests;
	uint8_t last[TULLE_ICE_DATAGRAM_BYTES]; /* the last request that it sent */
	tulle_path last_path;
	tulle_path wanted; /* the last stream that it asked for */
	unsigned names;    /* which of the remote's are told */
	bool has_last;
} Fuzz;

static bool random_fill(void *user, uint8_t *dst, size_t len)
{
	Fuzz *f = user;
	fuzz_draw(&f->seed, dst, len);
	return (f->seed >> 40 & 63) != 0 || f->now == 0;
}

static tulle_addr small_addr(uint8_t n)
{
	tulle_addr a = {.family = n & 0x80 ? 6 : 4, .port = (uint16_t)(5000 + (n & 7))};
	a.ip[0] = a.family == 4 ? 127 : 0;
	a.ip[a.family == 4 ? 3 : 15] = (uint8_t)(n & 0x40 ? 2 : 1);
	return a;
}

static tulle_path read_path(Fuzz *f)
{
	tulle_path p = {.id = tulle_rd_u8(&f->in) & 3u};
	p.remote = small_addr(tulle_rd_u8(&f->in));
	return p;
}

static void give(Fuzz *f, const tulle_path *path, const uint8_t *data, size_t len)
{
	tulle_text ufrag;
	uint8_t *exact = malloc(len != 0 ? len : 1);
	if (len != 0)
		memcpy(exact, data, len);
	(void)tulle_ice_read_ufrag(exact, len, &ufrag);
	(void)tulle_ice_owns_answer(f->ice, exact, len);
	(void)tulle_ice_handle_datagram(f->ice, f->now, path, exact, len);
	(void)tulle_ice_is_validated(f->ice, path);
	free(exact);
}

static void give_raw(Fuzz *f)
{
	tulle_path path = read_path(f);
	tulle_bytes raw = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
	give(f, &path, raw.ptr, raw.len);
}

static void give_check(Fuzz *f)
{
	uint8_t buf[256], name[16], flags = tulle_rd_u8(&f->in);
	uint8_t id[12] = {tulle_rd_u8(&f->in)};
	tulle_text ufrag, pwd;
	tulle_path path = read_path(f);
	tulle_ice_credentials(f->ice, &ufrag, &pwd);
	tulle_wr n = tulle_wr_make(name, sizeof name);
	tulle_wr_text(&n, ufrag);
	tulle_wr_cstr(&n, ":them");
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_USERNAME), name, n.len);
	tulle_stun_write_u64(&w,
		flags & 1 ? TULLE_STUN_A_ICE_CONTROLLING : TULLE_STUN_A_ICE_CONTROLLED,
		flags & 2 ? UINT64_MAX : 0);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, (uint32_t)flags << 23);
	if (flags & 4)
		tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	if (flags & 8)
		tulle_stun_write_bytes(&w, 0xc070, THEIR_PWD, flags >> 4);
	tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd.ptr, pwd.len});
	tulle_stun_write_fingerprint(&w);
	give(f, &path, buf, tulle_stun_write_finish(&w));
}

static void give_answer(Fuzz *f)
{
	uint8_t buf[256], flags = tulle_rd_u8(&f->in);
	tulle_path path = flags & 1 ? read_path(f) : f->last_path;
	if (!f->has_last)
		return;
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_BINDING,
		flags & 2 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, f->last + 8);
	if (flags & 2)
		tulle_stun_write_error(&w, flags & 4 ? 487 : 400, (tulle_text){"x", 1});
	else if ((flags & 4) == 0)
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &path.remote);
	char pwd[] = THEIR_PWD;
	pwd[0] = (char)('a' + (f->names + (flags >> 3 & 1)) % 26); /* or a wrong one */
	tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd, sizeof pwd - 1});
	tulle_stun_write_fingerprint(&w);
	give(f, &path, buf, tulle_stun_write_finish(&w));
}

static void drain(Fuzz *f)
{
	tulle_ice_pair_stats pair;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_ice_event event;
	tulle_ice_handle_timeout(f->ice, f->now);
	while (tulle_ice_poll_datagram(f->ice, f->now, buf, sizeof buf, &d)) {
		tulle_stun_message m;
		TULLE_CHECK(tulle_stun_read(buf, d.len, &m) == TULLE_TAKEN);
		TULLE_CHECK(tulle_stun_is_fingerprint_right(&m));
		if (m.kind != TULLE_STUN_REQUEST)
			continue;
		memcpy(f->last, buf, sizeof f->last);
		f->last_path = d.path;
		f->has_last = true;
	}
	while (tulle_ice_poll_event(f->ice, &event))
		;
	while (tulle_ice_poll_stream(f->ice, &f->wanted))
		TULLE_CHECK(f->wanted.local.port == 0 && f->wanted.remote.port != 0);
	TULLE_CHECK(tulle_ice_poll_timeout(f->ice) > f->now);
	for (size_t i = 0; tulle_ice_read_pair(f->ice, i, &pair); i++)
		TULLE_CHECK(!pair.data || pair.valid);
}

/* TCP: candidates of both sides, streams that open and end. */
static void give_stream(Fuzz *f)
{
	uint8_t arg = tulle_rd_u8(&f->in);
	tulle_path path = arg & 0x10 ? read_path(f) : f->wanted;
	char text[] = "candidate:1 1 tcp 1000 127.0.0.1 5000 typ host tcptype passive";
	switch (arg & 3) {
	case 0:
		(void)tulle_ice_add_tcp_path(f->ice, f->now, arg >> 2 & 3u,
			arg & 0x20 ? TULLE_ICE_TCP_ACTIVE : TULLE_ICE_TCP_PASSIVE,
			small_addr(tulle_rd_u8(&f->in)));
		break;
	case 1:
		text[10] = text[36] = (char)('0' + (arg >> 2 & 7));
		text[31] = arg & 0x40 ? '2' : '1';
		(void)tulle_ice_add_remote(f->ice, f->now, (tulle_text){text, sizeof text - 1});
		break;
	case 2:
		tulle_ice_stream_opened(f->ice, f->now, &path);
		break;
	default:
		tulle_ice_stream_ended(f->ice, f->now, &path);
		break;
	}
	(void)tulle_ice_keeps_stream(f->ice, &path);
}

static void give_local(Fuzz *f)
{
	uint8_t arg = tulle_rd_u8(&f->in);
	const tulle_ice_local c = {.type = arg & 0x80 ? TULLE_ICE_RELAY : TULLE_ICE_SRFLX,
		.id = arg & 3u,
		.addr = small_addr(tulle_rd_u8(&f->in)),
		.server = arg >> 6 & 1,
		.over = (tulle_ice_over)(arg >> 2 & 3),
		.mtu = arg * 8u};
	if (arg & 0x20)
		tulle_ice_remove_candidate(f->ice, f->now, c.id, &c.addr);
	else
		(void)tulle_ice_add_candidate(f->ice, f->now, &c);
}

/* Each eighth request fails. */
static void *table_alloc(void *user, size_t n)
{
	Fuzz *f = user;
	return ++f->requests % 8 != 0 ? malloc(n) : NULL;
}

static void table_free(void *user, void *p, size_t n)
{
	(void)user;
	(void)n;
	free(p);
}

/* The remote's names change with each restart that is answered. */
static void give_remote(Fuzz *f, bool lite, bool others)
{
	char pwd[] = THEIR_PWD, ufrag[] = "them";
	pwd[0] = ufrag[0] = (char)('a' + (f->names + (others ? 1 : 0)) % 26);
	if (tulle_ice_set_remote(f->ice, f->now, (tulle_text){ufrag, 4},
		    (tulle_text){pwd, sizeof pwd - 1}, lite) == TULLE_OK &&
		others)
		f->names++;
}

static void restart(Fuzz *f, uint8_t arg)
{
	if (arg & 1)
		tulle_ice_rollback(f->ice, f->now);
	else
		(void)tulle_ice_restart(f->ice, f->now);
}

static void step(Fuzz *f)
{
	static const tulle_time jumps[] = {0, 1000, 50000, 500000, 5000000, 31000000};
	uint8_t op = tulle_rd_u8(&f->in), arg;
	tulle_bytes text;
	switch (op % 13) {
	case 0:
		give_raw(f);
		break;
	case 1:
	case 2:
		give_check(f);
		break;
	case 3:
		give_answer(f);
		break;
	case 4:
		text = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
		(void)tulle_ice_add_remote(
			f->ice, f->now, (tulle_text){(const char *)text.ptr, text.len});
		break;
	case 5:
		give_remote(f, (op & 0x80) != 0, (op & 0x40) != 0);
		break;
	case 6:
		arg = tulle_rd_u8(&f->in);
		(void)tulle_ice_add_path(
			f->ice, f->now, arg & 3u, small_addr(tulle_rd_u8(&f->in)), arg * 8u);
		break;
	case 7:
		tulle_ice_remove_path(f->ice, f->now, tulle_rd_u8(&f->in) & 3u);
		break;
	case 8:
		f->now += jumps[tulle_rd_u8(&f->in) % 6];
		tulle_ice_paths_known(f->ice, f->now);
		break;
	case 9:
		drain(f);
		break;
	case 11:
		give_stream(f);
		break;
	case 10:
		restart(f, tulle_rd_u8(&f->in));
		break;
	default:
		give_local(f);
		break;
	}
	tulle_ice_check(f->ice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	Fuzz f = {.in = tulle_rd_make(data, len), .seed = 1};
	uint8_t flags = tulle_rd_u8(&f.in);
	tulle_ice_config config = {.controlling = flags & 1,
		.loopback = true,
		.opaque = flags & 2,
		.lite = flags & 16,
		.tcp = flags & 64,
		.no_renomination = flags & 32,
		.random = {random_fill, &f},
		.pairs_max = flags & 4 ? 3 : 0,
		.remote_candidates_max = flags & 8 ? 2 : 0};
	if (flags & 64)
		config.allocator = (tulle_allocator){table_alloc, table_free, &f};
	size_t bytes = tulle_ice_memory_bytes(&config);
	void *block = malloc(bytes);
	f.ice = tulle_ice_init(block, bytes, &config, 0);
	TULLE_CHECK(f.ice != NULL);
	while (tulle_rd_left(&f.in) != 0)
		step(&f);
	drain(&f);
	tulle_ice_check(f.ice);
	tulle_ice_wipe(f.ice);
	free(block);
	return 0;
}
