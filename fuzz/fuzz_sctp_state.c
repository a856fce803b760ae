/* SPDX-License-Identifier: MIT */
/* fuzz: an association in a state that the first byte chooses, then what the input says: packets
 * with checksum and tag repaired and TSNs near what is due, calls of the API, expiring timers, a
 * peer that is a real association. tulle_sctp_check after each. Criterion: no panic, no crash, no
 * busy loop. */
#include "base/crc32c.h"
#include "base/panic.h"
#include "base/pool.h"
#include "fuzz/draw.h"
#include "sctp/association.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

typedef struct {
	tulle_sctp *end[2];
	void *memory[2], *pool_memory;
	tulle_pool *pool;
	tulle_time now;
	uint64_t random;
	size_t takes; /* the path: larger packets vanish, but those that may be cut */
} world;

static bool fill(void *user, uint8_t *dst, size_t len)
{
	world *w = user;
	fuzz_draw(&w->random, dst, len);
	return true;
}

static void make(world *w, int i, bool streamed, bool small, bool searches)
{
	tulle_sctp_config c = {.pool = w->pool, .random = {fill, w}, .streams_max = 300};
	c.streamed = streamed;
	c.packet_bytes_max = small ? 508 : 0;
	c.probe_bytes_max = searches ? 1432 : 0;
	c.send_bytes_max = c.receive_bytes_max = 32768;
	c.message_bytes_max = small ? 20000 : 0;
	c.reserve_blocks = tulle_sctp_reserve_blocks_min(&c);
	size_t n = tulle_sctp_memory_bytes(&c);
	w->memory[i] = malloc(n);
	w->end[i] = tulle_sctp_init(w->memory[i], n, &c, w->now);
	TULLE_CHECK(w->end[i] != NULL);
}

static void check(const world *w)
{
	tulle_sctp_check(w->end[0]);
	tulle_sctp_check(w->end[1]);
}

static void events(world *w, int i)
{
	tulle_sctp_event event;
	unsigned sum = 0;
	while (tulle_sctp_poll_event(w->end[i], &event))
		for (size_t k = 0; k < event.len; k++)
			sum += event.data[k];
	(void)sum;
}

/* What i has to say; the other hears it unless it is lost. */
static void drain(world *w, int i, bool lose)
{
	uint8_t packet[1500];
	tulle_datagram out;
	for (int n = 0; tulle_sctp_poll_datagram(w->end[i], w->now, packet, sizeof packet, &out);
		n++) {
		TULLE_CHECK(n < 10000);
		if (lose || (out.len > w->takes && !out.may_fragment))
			continue;
		uint8_t *exact = malloc(out.len);
		memcpy(exact, packet, out.len);
		(void)tulle_sctp_handle_datagram(w->end[1 - i], w->now, exact, out.len);
		free(exact);
	}
}

static void settle(world *w, bool lose)
{
	for (int k = 0; k < 4; k++) {
		drain(w, 0, lose);
		drain(w, 1, lose);
	}
}

static void expire(world *w, int i)
{
	tulle_time t = tulle_sctp_poll_timeout(w->end[i]);
	if (t == TULLE_TIME_NEVER)
		return;
	w->now = t > w->now ? t : w->now;
	tulle_sctp_handle_timeout(w->end[i], w->now);
	drain(w, i, false);
	TULLE_CHECK(tulle_sctp_poll_timeout(w->end[i]) > w->now);
}

/* Makes the numbers of a hostile chunk plausible, or nothing of it would be looked at. */
static void repair_numbers(const world *w, uint8_t *chunk, size_t len)
{
	const tulle_sctp *s = w->end[0];
	uint32_t base;
	if (len < 8)
		return;
	if (chunk[0] == SCTP_HEARTBEAT_ACK && len >= 20) /* a probe's nonce, and its size or not */
		memcpy(chunk + 8, s->path.nonce, sizeof s->path.nonce);
	if (chunk[0] == SCTP_DATA)
		base = s->in.cumulative;
	else if (chunk[0] == SCTP_SACK || chunk[0] == SCTP_SHUTDOWN)
		base = s->out.acked_tsn;
	else
		return;
	base += chunk[7];
	for (unsigned i = 0; i < 4; i++)
		chunk[4 + i] = (uint8_t)(base >> (24 - 8 * i));
}

static void hostile(world *w, const uint8_t *body, size_t len, uint8_t how)
{
	static uint8_t packet[600];
	tulle_sctp_header header = {5000, 5000, w->end[0]->identity.local_tag};
	if (how & 1)
		header.tag = w->end[0]->identity.remote_tag;
	if (how & 2)
		header.tag = 0;
	tulle_sctp_packet p;
	tulle_sctp_packet_start(&p, TULLE_CPU_PLAIN, packet, sizeof packet, &header);
	tulle_wr_bytes(&p.w, body, len);
	for (size_t at = SCTP_HEADER_BYTES; !(how & 4) && at + 4 <= p.w.len;) {
		size_t n = (size_t)(packet[at + 2] << 8 | packet[at + 3]);
		if (n < 4 || n > p.w.len - at)
			break;
		repair_numbers(w, packet + at, n);
		at += tulle_sctp_padded(n);
	}
	size_t n = tulle_sctp_packet_end(&p);
	uint8_t *exact = malloc(n);
	memcpy(exact, packet, n);
	(void)tulle_sctp_handle_datagram(w->end[0], w->now, exact, n);
	free(exact);
}

static void call(world *w, uint8_t what, uint8_t a, uint8_t b)
{
	static const uint8_t bytes[8192];
	tulle_sctp *s = w->end[a & 1];
	uint16_t stream = (uint16_t)(a >> 1 & 7);
	tulle_sctp_send_options o = {.first = b & 1, .last = b & 2, .unordered = b & 4};
	switch (what % 10) {
	case 0:
		(void)tulle_sctp_send(s, w->now, stream, 51, bytes, (size_t)b * 32, NULL);
		break;
	case 1:
		(void)tulle_sctp_send(s, w->now, stream, 53, bytes, (size_t)b * 4, &o);
		break;
	case 2:
		(void)tulle_sctp_reset_stream(s, w->now, stream);
		break;
	case 3:
		(void)tulle_sctp_pause(s, w->now, stream, b & 1);
		break;
	case 4:
		(void)tulle_sctp_set_low(s, stream, b);
		break;
	case 5:
		if (b & 1)
			tulle_sctp_set_path(s, w->now, (size_t)b * 8);
		tulle_sctp_handle_room(s, w->now);
		break;
	case 6:
		expire(w, a & 1);
		break;
	case 7:
		if (b == 77)
			(void)tulle_sctp_shutdown(s, w->now);
		break;
	case 8:
		if (b == 78)
			(void)tulle_sctp_abort(s, w->now, b, (tulle_text){"x", 1});
		break;
	default:
		(void)tulle_sctp_connect(s, w->now);
		break;
	}
}

static void play(world *w, tulle_rd r)
{
	while (tulle_rd_left(&r) >= 4) {
		uint8_t op = tulle_rd_u8(&r), a = tulle_rd_u8(&r), b = tulle_rd_u8(&r);
		w->now += (tulle_time)(op >> 4) * 1000;
		if (op & 1)
			call(w, a, b, tulle_rd_u8(&r));
		else if (op & 2)
			settle(w, (op & 4) != 0);
		else {
			size_t n = tulle_min(b, tulle_rd_left(&r));
			hostile(w, tulle_rd_bytes(&r, n).ptr, n, a);
			drain(w, 0, (a & 8) != 0);
		}
		check(w);
		if (op & 8) {
			events(w, 0);
			events(w, 1);
			check(w);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2 || len > 4096)
		return 0;
	world w = {.now = 1000000, .random = data[0], .takes = data[0] & 128 ? 900 : 2048};
	size_t n = tulle_pool_memory_bytes(1024, 1 + data[1] / 4u);
	w.pool_memory = malloc(n);
	w.pool = tulle_pool_init(w.pool_memory, n, 1024, 1 + data[1] / 4u);
	make(&w, 0, data[0] & 1, data[0] & 8, data[0] & 64);
	make(&w, 1, data[0] & 2, false, data[0] & 64);
	if (data[0] & 4) {
		(void)tulle_sctp_connect(w.end[0], w.now);
		if (data[0] & 16)
			(void)tulle_sctp_connect(w.end[1], w.now);
	}
	if (data[0] & 32)
		settle(&w, false);
	play(&w, tulle_rd_make(data + 2, len - 2));
	for (int i = 0; i < 2; i++) {
		tulle_sctp_wipe(w.end[i]);
		free(w.memory[i]);
	}
	TULLE_CHECK(tulle_pool_free(w.pool) == tulle_pool_blocks(w.pool));
	free(w.pool_memory);
	return 0;
}
