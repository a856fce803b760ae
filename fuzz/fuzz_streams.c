/* SPDX-License-Identifier: MIT */
/* fuzz: a peer's streams of ICE-TCP against a host and a remote that do what they like: streams
 * that come, open, break and say anything, checks with right and wrong integrity in frames cut
 * anywhere, candidates, paths, time. The invariants hold after each entry; no more is written than
 * there is room for, and no more is read than was asked for. */
#include "peer/state.h"

#include "base/bytes.h"
#include "base/panic.h"
#include "base/serial.h"
#include "fuzz/draw.h"

#include <tulle/stun.h>

#include <stdlib.h>
#include <string.h>

#define THEIR_PWD "theirpasswordtheirpassword"
#define ANSWER                                                                                     \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"                  \
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"                 \
	"a=ice-ufrag:them\r\na=ice-pwd:" THEIR_PWD "\r\na=fingerprint:sha-256 "                    \
	"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"                                         \
	"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n"                                      \
	"a=setup:active\r\na=mid:0\r\na=sctp-port:5000\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { STREAMS = 24 };

static struct {
	tulle_peer *peer;
	tulle_time now;
	tulle_rd in;
	uint64_t seed;
	struct {
		uint32_t id; /* 0: free */
		bool open;
		size_t may, room; /* bytes that it was asked for, that it was given */
	} streams[STREAMS];
	uint32_t serial;
	uint8_t last[20]; /* the header of the last request on a stream */
	bool has_last;
} f;

static tulle_certificate *certificate;

static bool draw(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	fuzz_draw(&f.seed, dst, len);
	return true;
}

static void give(const tulle_in *in)
{
	tulle_peer_handle(f.peer, f.now, in);
	tulle_peer_check(f.peer);
}

static int find(uint32_t id)
{
	for (int i = 0; i < STREAMS; i++)
		if (f.streams[i].id == id)
			return i;
	return -1;
}

static void take_out(const tulle_out *out)
{
	int i = find(out->id);
	switch ((int)out->kind) {
	case TULLE_OUT_STREAM_CONNECT:
		TULLE_CHECK(i < 0);
		i = find(0);
		if (i >= 0)
			f.streams[i].id = out->id;
		break;
	case TULLE_OUT_STREAM_BYTES:
		TULLE_CHECK(i >= 0 && out->data.len <= f.streams[i].room);
		f.streams[i].room -= out->data.len;
		for (size_t at = 0, n; at != out->data.len; at += n) { /* whole frames */
			TULLE_CHECK(out->data.len - at >= 3);
			n = 2 + ((size_t)out->data.ptr[at] << 8 | out->data.ptr[at + 1]);
			TULLE_CHECK(n > 2 && n <= out->data.len - at);
		}
		if (out->data.len >= 22 && out->data.ptr[2] == 0) {
			memcpy(f.last, out->data.ptr + 2, sizeof f.last);
			f.has_last = true;
		}
		break;
	case TULLE_OUT_STREAM_ROOM:
		TULLE_CHECK(i >= 0 && out->bytes != 0);
		f.streams[i].may += out->bytes;
		TULLE_CHECK(f.streams[i].may <= PEER_STREAM_ROOM);
		break;
	case TULLE_OUT_STREAM_END:
		if (i >= 0)
			memset(&f.streams[i], 0, sizeof f.streams[i]);
		break;
	default:
		break;
	}
}

static void pump(void)
{
	static uint8_t scratch[4096];
	tulle_out out;
	while (tulle_peer_next_event(f.peer) != NULL)
		continue;
	for (int i = 0; tulle_peer_poll(f.peer, f.now, scratch, sizeof scratch, &out); i++) {
		TULLE_CHECK(i < 1000);
		take_out(&out);
		tulle_peer_check(f.peer);
	}
	TULLE_CHECK(tulle_peer_poll_timeout(f.peer) > f.now);
}

static size_t write_check(uint8_t *buf, size_t cap, uint8_t flags)
{
	uint8_t name[16], id[12] = {flags, tulle_rd_u8(&f.in)};
	tulle_text ufrag, pwd;
	tulle_ice_credentials(f.peer->ice, &ufrag, &pwd);
	tulle_wr n = tulle_wr_make(name, sizeof name);
	tulle_wr_text(&n, ufrag);
	tulle_wr_cstr(&n, ":them");
	tulle_stun_writer w =
		tulle_stun_write_begin(buf, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_USERNAME), name, n.len);
	tulle_stun_write_u64(&w,
		flags & 1 ? TULLE_STUN_A_ICE_CONTROLLING : TULLE_STUN_A_ICE_CONTROLLED,
		flags & 2 ? UINT64_MAX : 0);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1000);
	if (flags & 4)
		tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	if (flags & 8)
		pwd.len--; /* a wrong one */
	tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd.ptr, pwd.len});
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

static size_t write_answer(uint8_t *buf, size_t cap, uint8_t flags)
{
	const tulle_addr mapped = {.family = 4, .ip = {10, 0, 0, 1}, .port = 40000};
	tulle_stun_writer w = tulle_stun_write_begin(buf, cap, TULLE_STUN_BINDING,
		flags & 2 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, f.last + 8);
	if (flags & 2)
		tulle_stun_write_error(&w, flags & 4 ? 487 : 400, (tulle_text){"x", 1});
	else
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &mapped);
	tulle_stun_write_integrity(&w,
		(tulle_bytes){(const uint8_t *)THEIR_PWD, sizeof THEIR_PWD - 1 - (flags >> 3 & 1)});
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

/* A packet: a check, an answer, or what the input says. */
static size_t write_packet(uint8_t *buf, size_t cap)
{
	uint8_t what = tulle_rd_u8(&f.in);
	if (what < 0x60)
		return write_check(buf, cap, what);
	if (what < 0xa0 && f.has_last)
		return write_answer(buf, cap, what);
	tulle_bytes raw = tulle_rd_bytes(&f.in, what & 0x1f);
	if (raw.len != 0)
		memcpy(buf, raw.ptr, raw.len);
	return raw.len;
}

static void come(void)
{
	uint8_t buf[256], arg = tulle_rd_u8(&f.in);
	int i = find(0);
	size_t n = arg & 1 ? write_packet(buf, sizeof buf) : 0;
	if (i < 0)
		return;
	uint8_t *exact = malloc(n != 0 ? n : 1);
	memcpy(exact, buf, n);
	f.streams[i].id = UINT32_C(0x80000000) | ++f.serial;
	f.streams[i].open = true;
	f.streams[i].room = arg & 2 ? 0 : arg & 4 ? 100 : 65536;
	give(&(tulle_in){.kind = TULLE_IN_STREAM_ACCEPTED,
		.id = f.streams[i].id,
		.local = {.family = 4,
			.ip = {10, 0, 0, (uint8_t)(1 + (arg >> 6 & 1))},
			.port = 7000},
		.remote = {.family = 4,
			.ip = {10, 0, 0, 9},
			.port = (uint16_t)(40000 + (arg >> 3 & 7))},
		.bytes = (uint32_t)f.streams[i].room,
		.data = {exact, n}});
	free(exact);
}

/* Bytes on one of the streams: a frame, or what the input says; in two pieces. */
static void say(int i)
{
	uint8_t buf[512] = {0};
	size_t n = write_packet(buf + 2, sizeof buf - 2) + 2, cut = tulle_rd_u8(&f.in);
	buf[1] = (uint8_t)(n - 2);
	if (cut & 0x80) /* no frame */
		memmove(buf, buf + 2, n -= 2);
	n = tulle_min(n, f.streams[i].may);
	cut = tulle_min(cut & 0x7f, n);
	const size_t pieces[2][2] = {{0, cut}, {cut, n - cut}};
	for (int k = 0; k < 2 && f.streams[i].open; k++) {
		size_t part = pieces[k][1];
		uint8_t *exact = malloc(part != 0 ? part : 1);
		memcpy(exact, buf + pieces[k][0], part);
		f.streams[i].may -= part;
		give(&(tulle_in){.kind = TULLE_IN_STREAM_BYTES,
			.id = f.streams[i].id,
			.data = {exact, part}});
		free(exact);
	}
}

static void turn(int i, uint8_t arg)
{
	tulle_in in = {.kind = TULLE_IN_STREAM_ROOM, .id = f.streams[i].id, .bytes = arg * 64u};
	if (!f.streams[i].open && (arg & 1)) {
		in.kind = TULLE_IN_STREAM_OPEN;
		f.streams[i].open = (arg & 2) == 0;
		in.why = f.streams[i].open ? TULLE_OK : TULLE_ERR_SYSTEM;
	} else if (f.streams[i].open && (arg & 1)) {
		in.kind = TULLE_IN_STREAM_END;
		f.streams[i].open = false;
	} else if (f.streams[i].open) {
		f.streams[i].room += in.bytes;
	} else {
		return;
	}
	if (!f.streams[i].open)
		memset(&f.streams[i], 0, sizeof f.streams[i]);
	give(&in);
}

static void add_candidate(uint8_t arg)
{
	char text[] = "candidate:1 1 tcp 1000 10.0.0.9 5000 typ host tcptype passive";
	text[10] = text[35] = (char)('0' + (arg & 7));
	const tulle_candidate c = {.candidate = {text, sizeof text - 1}, .mid = {"0", 1}};
	(void)tulle_peer_add_candidate(f.peer, &c);
}

static void path(uint8_t arg)
{
	give(&(tulle_in){.kind = arg & 1 ? TULLE_IN_PATH_UP : TULLE_IN_PATH_DOWN,
		.id = 1 + (arg >> 1 & 1),
		.local = {.family = 4,
			.ip = {10, 0, 0, (uint8_t)(1 + (arg >> 1 & 1))},
			.port = 5000},
		.tcp_port = arg & 4 ? 7000 : 0});
}

static void step(void)
{
	static const tulle_time jumps[] = {1000, 50000, 500000, 5000000, 31000000};
	uint8_t op = tulle_rd_u8(&f.in), arg;
	int i = op >> 3 & 15;
	switch (op & 7) {
	case 0:
		come();
		break;
	case 1:
	case 2:
		if (f.streams[i].open)
			say(i);
		break;
	case 3:
	case 4:
		if (f.streams[i].id != 0)
			turn(i, tulle_rd_u8(&f.in));
		break;
	case 5:
		add_candidate(tulle_rd_u8(&f.in));
		break;
	case 6:
		f.now += jumps[tulle_rd_u8(&f.in) % 5];
		give(&(tulle_in){.kind = TULLE_IN_TIME});
		break;
	default:
		arg = tulle_rd_u8(&f.in);
		if ((arg & 0xf0) == 0xf0)
			tulle_peer_close(f.peer);
		else if ((arg & 0xf0) == 0xe0)
			(void)tulle_peer_set_remote(
				f.peer, TULLE_SDP_ANSWER, ANSWER, sizeof ANSWER - 1);
		else
			path(arg);
		break;
	}
	pump();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	memset(&f, 0, sizeof f);
	f.in = tulle_rd_make(data, len);
	f.seed = 1;
	if (certificate == NULL)
		TULLE_CHECK(tulle_certificate_create(0, &certificate) == TULLE_OK);
	uint8_t flags = tulle_rd_u8(&f.in);
	const tulle_peer_config config = {.ice = {.tcp = true},
		.certificate = certificate,
		.send_bytes_max = 65536,
		.receive_bytes_max = 65536,
		.message_bytes_max = 4096,
		.no_sped = flags & 1};
	size_t bytes = tulle_peer_memory_bytes(&config);
	void *block = malloc(bytes);
	tulle_channel c;
	f.peer = tulle_peer_init(block, bytes, &config, (tulle_random){draw, NULL}, 0);
	TULLE_CHECK(f.peer != NULL);
	path(5);
	give(&(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	(void)tulle_channel_create(f.peer, "x", NULL, &c);
	(void)tulle_peer_set_local(f.peer, TULLE_SDP_IMPLICIT, NULL, 0);
	if (flags & 2)
		(void)tulle_peer_set_remote(f.peer, TULLE_SDP_ANSWER, ANSWER, sizeof ANSWER - 1);
	pump();
	while (tulle_rd_left(&f.in) != 0)
		step();
	tulle_peer_wipe(f.peer);
	free(block);
	return 0;
}
