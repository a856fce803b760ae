/* SPDX-License-Identifier: MIT */
/* fuzz: names by multicast DNS against a link full of liars: raw bytes, messages about the names
 * that are asked for and answered for, commands, links that come and go, time. What it sends reads
 * as a message; the invariants hold after each entry. */
#include <tulle/mdns.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "fuzz/draw.h"

#include <stdlib.h>
#include <string.h>

#define NAMES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	tulle_mdns *mdns;
	tulle_time now;
	tulle_rd in;
	uint64_t seed;
	char names[NAMES][TULLE_MDNS_TEXT_BYTES]; /* asked for, and ours */
	uint32_t ids[NAMES];
} Fuzz;

static bool random_fill(void *user, uint8_t *dst, size_t len)
{
	Fuzz *f = user;
	fuzz_draw(&f->seed, dst, len);
	return (f->seed >> 40 & 127) != 0;
}

static tulle_addr small_addr(uint8_t n)
{
	tulle_addr a = {.family = n & 0x80 ? 6 : 4};
	a.ip[0] = n & 0x40 ? 127 : 0x20; /* loopback of IPv4 */
	a.ip[a.family == 4 ? 3 : 15] = n >> 3 & 7;
	return a;
}

static tulle_path small_path(Fuzz *f)
{
	uint8_t n = tulle_rd_u8(&f->in);
	tulle_path p = {.id = n & 3, .local = small_addr(n), .remote = small_addr(n)};
	if ((n & 4) != 0)
		p.local.ip[0] = p.local.family == 4 ? 224 : 0xff;
	p.remote.port = (n & 0x20) != 0 ? 5353 : 4000;
	return p;
}

static void give(Fuzz *f, const uint8_t *data, size_t len)
{
	tulle_path path = small_path(f);
	uint8_t *exact = malloc(len != 0 ? len : 1);
	if (len != 0)
		memcpy(exact, data, len);
	tulle_drop drop = tulle_mdns_handle_datagram(f->mdns, f->now, &path, exact, len);
	TULLE_CHECK(tulle_mdns_drops(f->mdns, drop) != 0);
	free(exact);
}

static void put_name(Fuzz *f, tulle_wr *w)
{
	const char *name = f->names[tulle_rd_u8(&f->in) % NAMES];
	tulle_wr_u8(w, 36);
	tulle_wr_bytes(w, name, 36);
	tulle_wr_u8(w, 5);
	tulle_wr_cstr(w, "local");
	tulle_wr_u8(w, 0);
}

/* A message about names that mean something, its records of any kind. */
static void give_message(Fuzz *f)
{
	uint8_t buf[1024], counts = tulle_rd_u8(&f->in);
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_wr_u16(&w, counts);
	tulle_wr_u16(&w, tulle_rd_u16(&f->in) & 0x8600);
	tulle_wr_u16(&w, counts & 3);
	tulle_wr_u16(&w, counts >> 2 & 3);
	tulle_wr_u32(&w, counts >> 4 & 3);
	for (unsigned i = 0; i < (counts & 3u); i++) {
		put_name(f, &w);
		tulle_wr_u16(&w, tulle_rd_u8(&f->in));
		tulle_wr_u16(&w, tulle_rd_u16(&f->in) & 0x8001);
	}
	for (unsigned i = 0; i < (counts >> 2 & 3u) + (counts >> 4 & 3u); i++) {
		tulle_addr a = small_addr(tulle_rd_u8(&f->in));
		put_name(f, &w);
		tulle_wr_u16(&w, a.family == 4 ? 1 : 28);
		tulle_wr_u16(&w, tulle_rd_u16(&f->in) & 0x8001);
		tulle_wr_u32(&w, tulle_rd_u8(&f->in));
		tulle_wr_u16(&w, a.family == 4 ? 4 : 16);
		tulle_wr_bytes(&w, a.ip, a.family == 4 ? 4 : 16);
	}
	give(f, buf, w.len);
}

static void publish(Fuzz *f)
{
	tulle_addr a = small_addr(tulle_rd_u8(&f->in));
	tulle_text name;
	if (tulle_mdns_publish(f->mdns, f->now, &a, &name) != TULLE_OK)
		return;
	TULLE_CHECK(tulle_mdns_is_name(name));
	memcpy(f->names[tulle_rd_u8(&f->in) % NAMES], name.ptr, name.len);
}

static void resolve(Fuzz *f)
{
	uint8_t n = tulle_rd_u8(&f->in) % NAMES;
	tulle_bytes raw = {NULL, 0};
	tulle_text name = {f->names[n], TULLE_MDNS_TEXT_BYTES};
	if (n == 0) {
		raw = tulle_rd_bytes(&f->in, tulle_rd_u8(&f->in));
		name = (tulle_text){(const char *)raw.ptr, raw.len};
	}
	tulle_err err = tulle_mdns_resolve(f->mdns, f->now, name, &f->ids[n]);
	TULLE_CHECK((err == TULLE_ERR_ARGUMENT) == !tulle_mdns_is_name(name));
}

static void drain(Fuzz *f)
{
	uint8_t buf[TULLE_MDNS_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_mdns_event e;
	tulle_mdns_handle_timeout(f->mdns, f->now);
	while (tulle_mdns_poll_datagram(f->mdns, f->now, buf, sizeof buf, &d)) {
		TULLE_CHECK(d.len > 12 && d.len <= sizeof buf && d.path.id != 0);
		tulle_path back = d.path; /* from nowhere, but read as a message */
		back.id = 99;
		TULLE_CHECK(tulle_mdns_handle_datagram(f->mdns, f->now, &back, buf, d.len) ==
			    TULLE_DROP_UNKNOWN_PATH);
		back.id = d.path.id; /* and by ourselves, as a socket loops it back */
		back.local = d.path.remote;
		back.remote = d.path.local;
		tulle_drop drop = tulle_mdns_handle_datagram(f->mdns, f->now, &back, buf, d.len);
		TULLE_CHECK(drop != TULLE_DROP_MALFORMED && drop != TULLE_DROP_MDNS_KIND);
	}
	while (tulle_mdns_poll_event(f->mdns, &e))
		TULLE_CHECK(e.id != 0 && (e.result == TULLE_MDNS_RESOLVED) == (e.addr.family != 0));
}

static void step(Fuzz *f)
{
	tulle_addr a;
	tulle_bytes raw;
	switch (tulle_rd_u8(&f->in) % 10) {
	case 0:
		raw = tulle_rd_bytes(&f->in, tulle_rd_u16(&f->in) & 0x3ff);
		give(f, raw.ptr, raw.len);
		break;
	case 1:
	case 2:
		give_message(f);
		break;
	case 3:
		publish(f);
		break;
	case 4:
		tulle_mdns_unpublish(f->mdns, f->now,
			(tulle_text){f->names[tulle_rd_u8(&f->in) % NAMES], TULLE_MDNS_TEXT_BYTES});
		break;
	case 5:
		resolve(f);
		break;
	case 6:
		tulle_mdns_cancel(f->mdns, f->ids[tulle_rd_u8(&f->in) % NAMES]);
		break;
	case 7:
		a = small_addr(tulle_rd_u8(&f->in));
		(void)tulle_mdns_add_link(
			f->mdns, f->now, tulle_rd_u8(&f->in) & 31, &a, tulle_rd_u8(&f->in));
		break;
	case 8:
		tulle_mdns_remove_link(f->mdns, f->now, tulle_rd_u8(&f->in) & 31);
		break;
	default:
		f->now += (tulle_time)tulle_rd_u16(&f->in) << (tulle_rd_u8(&f->in) % 12);
		drain(f);
		TULLE_CHECK(tulle_mdns_poll_timeout(f->mdns) > f->now);
		break;
	}
}

/* Flags, then a datagram's worth of raw bytes when they say so, else steps. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_Alignas(max_align_t) static uint8_t block[TULLE_MDNS_MEMORY_BYTES_MAX];
	Fuzz f = {.in = tulle_rd_make(data, len), .seed = 1};
	uint8_t flags = tulle_rd_u8(&f.in);
	tulle_mdns_config c = {.random = {random_fill, &f}, .loopback = (flags & 1) != 0};
	f.mdns = tulle_mdns_init(block, sizeof block, &c, 0);
	TULLE_CHECK(f.mdns != NULL);
	for (unsigned i = 0; i < NAMES; i++) {
		memcpy(f.names[i], "00000000-0000-4000-8000-000000000000.local",
			TULLE_MDNS_TEXT_BYTES);
		f.names[i][0] = (char)('0' + i);
		if ((flags & 2) != 0)
			(void)tulle_mdns_resolve(f.mdns, 0,
				(tulle_text){f.names[i], TULLE_MDNS_TEXT_BYTES}, &f.ids[i]);
	}
	tulle_addr a = small_addr(8);
	TULLE_CHECK(tulle_mdns_add_link(f.mdns, 0, 1, &a, 24) == TULLE_OK);
	if ((flags & 4) != 0) {
		tulle_bytes raw = tulle_rd_bytes(&f.in, tulle_rd_left(&f.in));
		tulle_path path = {.id = 1, .local = a, .remote = a};
		path.local.ip[0] = 224;
		path.remote.port = 5353;
		(void)tulle_mdns_handle_datagram(f.mdns, 0, &path, raw.ptr, raw.len);
		tulle_mdns_check(f.mdns);
	}
	while (tulle_rd_left(&f.in) != 0) {
		step(&f);
		tulle_mdns_check(f.mdns);
	}
	drain(&f);
	tulle_mdns_wipe(f.mdns);
	return 0;
}
