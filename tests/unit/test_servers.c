/* SPDX-License-Identifier: MIT */
/* The set of STUN and TURN servers of an owner against servers in virtual time. */
#include "peer/servers.h"
#include "peer/limits.h"
#include "tests/unit/servers_kit.h"

#include <stdio.h>

#define QUEUE_MAX 64

static world_relay servers[2];
static tulle_peer_servers *s;
static uint8_t *block;
static tulle_time now;
static Packet queue[QUEUE_MAX];
static size_t queued;
static tulle_out asked, connected, ended; /* the last RESOLVE, STREAM_CONNECT, STREAM_END; kind 0: none */
static char asked_name[64], connected_name[64];
static bool open_streams;
static size_t granted, chunk;
static tulle_in got[8];
static uint8_t got_data[8][2048];
static size_t got_count;
static Packet peer_got; /* the last that a relay sent to someone else */
static unsigned peer_count;

static const tulle_random random_source = {draw, NULL};

static bool moved; /* to another network */

static tulle_addr us(void)
{
	return addr_of(moved ? "192.0.2.77" : "192.0.2.1", 4000);
}

static tulle_addr over_stream(void)
{
	return addr_of("192.0.2.1", 4001);
}

static void emit(void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	tulle_addr a = us(), b = over_stream();
	Packet *p = &peer_got;
	(void)user;
	if (tulle_addr_is(to, &a) || tulle_addr_is(to, &b)) {
		ck_assert_uint_lt(queued, QUEUE_MAX);
		p = &queue[queued++];
	} else {
		peer_count++;
	}
	*p = make_packet(from, to, data, len);
}

static void take_inner(void)
{
	tulle_in in;
	while (tulle_peer_servers_next(s, &in)) {
		ck_assert_uint_lt(got_count, 8);
		memcpy(got_data[got_count], in.data.ptr, in.data.len);
		got[got_count] = in;
		got[got_count++].data.ptr = NULL;
	}
}

static void give(const tulle_in *in)
{
	if (tulle_peer_servers_handle(s, now, in))
		take_inner();
	tulle_peer_servers_check(s);
}

static void give_bytes(const uint8_t *data, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = chunk != 0 && len - at > chunk ? chunk : len - at;
		uint8_t *exact = malloc(n);
		memcpy(exact, data + at, n);
		give(&(tulle_in){.kind = TULLE_IN_STREAM_BYTES, .id = connected.id, .data = {exact, n}});
		free(exact);
	}
}

static void keep(const tulle_out *out)
{
	tulle_out *to = out->kind == TULLE_OUT_RESOLVE          ? &asked
			: out->kind == TULLE_OUT_STREAM_CONNECT ? &connected
								: &ended;
	char *name = to == &asked ? asked_name : connected_name;
	*to = *out;
	snprintf(name, 64, "%.*s", (int)out->name.len, out->name.ptr);
}

static void send_out(const tulle_out *out)
{
	tulle_addr from = out->kind == TULLE_OUT_STREAM_BYTES ? over_stream() : us();
	tulle_addr to = out->kind == TULLE_OUT_STREAM_BYTES ? servers[0].address : out->remote;
	uint8_t copy[2048];
	memcpy(copy, out->data.ptr, out->data.len);
	for (size_t i = 0; i < 2; i++)
		if (servers[i].address.family != 0 &&
			relay_take(&servers[i], &from, &to, copy, out->data.len))
			return;
}

static void deliver(void)
{
	while (queued != 0) {
		Packet p = queue[0];
		memmove(queue, queue + 1, --queued * sizeof *queue);
		if (p.to.port == 4001) {
			give_bytes(p.data, p.len);
			continue;
		}
		uint8_t *exact = malloc(p.len);
		memcpy(exact, p.data, p.len);
		give(&(tulle_in){.kind = TULLE_IN_DATAGRAM,
			.id = 1,
			.local = p.to,
			.remote = p.from,
			.data = {exact, p.len}});
		free(exact);
	}
}

/* All that is due now. */
static void pump(void)
{
	uint8_t scratch[2048];
	tulle_out out;
	give(&(tulle_in){.kind = TULLE_IN_TIME});
	for (unsigned i = 0; tulle_peer_servers_poll(s, now, scratch, sizeof scratch, &out); i++) {
		ck_assert_uint_lt(i, 300);
		if (out.kind == TULLE_OUT_DATAGRAM || out.kind == TULLE_OUT_STREAM_BYTES)
			send_out(&out);
		else if (out.kind == TULLE_OUT_STREAM_ROOM)
			granted += out.bytes;
		else
			keep(&out);
		if (out.kind == TULLE_OUT_STREAM_CONNECT && open_streams) {
			give(&(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = out.id});
			give(&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = out.id, .bytes = 65536});
		}
		deliver();
	}
	ck_assert_int_gt(tulle_peer_servers_poll_timeout(s), now);
}

static void run_for(tulle_time us_)
{
	tulle_time end = now + us_;
	pump();
	while (tulle_peer_servers_poll_timeout(s) <= end) {
		now = tulle_peer_servers_poll_timeout(s);
		pump();
	}
	now = end;
	pump();
}

static void begin_with(const tulle_ice_server *list, size_t count, bool relay_only)
{
	const tulle_ice_options ice = {.servers = list, .server_count = count, .relay_only = relay_only};
	size_t bytes = tulle_peer_servers_memory_bytes(&ice, random_source);
	ck_assert_uint_ne(bytes, 0);
	memset(servers, 0, sizeof servers);
	for (int i = 0; i < 2; i++) {
		servers[i].emit = emit;
		servers[i].password = "secret";
	}
	servers[0].address = addr_of("198.51.100.1", 3478);
	servers[1].address = addr_of("198.51.100.2", 3478);
	servers[0].mapped = addr_of("203.0.113.9", 40000);
	queued = got_count = granted = chunk = 0;
	peer_count = 0;
	asked = connected = ended = (tulle_out){0};
	asked_name[0] = connected_name[0] = 0;
	now = SECOND;
	seed = 7;
	block = malloc(bytes);
	s = tulle_peer_servers_init(block, bytes, &ice, random_source, now);
	ck_assert_ptr_nonnull(s);
	give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 1, .local = us(), .mtu = 1500});
	give(&(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	pump();
	ck_assert_uint_eq(servers[0].bindings + servers[0].allocates, 0); /* nobody gathers yet */
	tulle_peer_servers_begin(s, now);
	pump();
}

static void begin(const char *url)
{
	open_streams = true;
	const tulle_ice_server one = {url, "ann", "secret"};
	begin_with(&one, 1, false);
}

static void end(void)
{
	tulle_peer_servers_check(s);
	tulle_peer_servers_wipe(s);
	free(block);
	s = NULL;
}

static unsigned list(tulle_ice_type type, tulle_ice_local *last)
{
	uint32_t cursor = 0;
	unsigned n = 0;
	tulle_ice_local c;
	bool gone;
	while (tulle_peer_servers_candidate(s, &cursor, &c, &gone))
		if (!gone && c.type == type) {
			n++;
			*last = c;
		}
	return n;
}

static uint32_t relay_path(void)
{
	tulle_ice_local c = {0};
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	return c.id;
}

static void check_error(unsigned code, const char *text)
{
	tulle_peer_servers_error e = {0};
	ck_assert(tulle_peer_servers_failed(s, 0, &e));
	ck_assert_uint_eq(e.code, code);
	ck_assert_str_eq(e.text, text);
	ck_assert(!tulle_peer_servers_failed(s, e.serial, &e));
}

/* What a peer gives on the relay's path; true: it goes out at once. */
static bool say(uint32_t path, const tulle_addr *to, const char *text)
{
	uint8_t scratch[1024];
	tulle_out out = {.kind = TULLE_OUT_DATAGRAM, .id = path, .remote = *to};
	memcpy(scratch + PEER_SERVERS_HEADROOM, text, strlen(text));
	out.data = (tulle_bytes){scratch + PEER_SERVERS_HEADROOM, strlen(text)};
	if (!tulle_peer_servers_wrap(s, now, &out))
		return false;
	send_out(&out);
	return true;
}

static void peer_says(const tulle_addr *from, const tulle_addr *relayed, const char *text)
{
	ck_assert(relay_take(&servers[0], from, relayed, (const uint8_t *)text, strlen(text)));
	deliver();
}

/* STUN-116: a request without attributes, an answer with an address */
START_TEST(a_stun_server_shows_each_path_its_reflexive_address)
{
	tulle_ice_local c = {0};
	begin("stun:198.51.100.1");
	ck_assert_uint_eq(list(TULLE_ICE_SRFLX, &c), 1);
	tulle_addr mapped = servers[0].mapped;
	ck_assert(c.id == 1 && tulle_addr_is(&c.addr, &mapped));
	ck_assert(tulle_peer_servers_is_done(s));
	give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 2, .local = addr_of("192.0.2.2", 4000)});
	pump();
	ck_assert_uint_eq(servers[0].bindings, 2);
	/* The NAT has changed: the former one is told as gone. */
	servers[0].mapped.port = 40001;
	uint32_t version = tulle_peer_servers_version(s), cursor = 0, gone_count = 0;
	run_for(20 * SECOND);
	ck_assert_uint_ne(tulle_peer_servers_version(s), version);
	bool gone;
	while (tulle_peer_servers_candidate(s, &cursor, &c, &gone))
		gone_count += gone && tulle_addr_is(&c.addr, &mapped);
	ck_assert_uint_ge(gone_count, 1);
	give(&(tulle_in){.kind = TULLE_IN_PATH_DOWN, .id = 1});
	give(&(tulle_in){.kind = TULLE_IN_PATH_DOWN, .id = 2});
	ck_assert_uint_eq(list(TULLE_ICE_SRFLX, &c), 0);
	end();
}
END_TEST

/* ICE-012, STUN-048: RFC8445:14.2 */
START_TEST(questions_are_paced)
{
	const tulle_ice_server two[] = {{"stun:198.51.100.1", NULL, NULL}, {"stun:198.51.100.2", NULL, NULL}};
	begin_with(two, 2, false);
	for (uint8_t i = 2; i < 5; i++) {
		char ip[] = "192.0.2.0";
		ip[8] = (char)('0' + i);
		give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = i, .local = addr_of(ip, 4000)});
		pump();
	}
	ck_assert_uint_eq(servers[0].bindings + servers[1].bindings, PEER_SERVER_BURST);
	for (unsigned i = 0; i < 4; i++) {
		run_for(50000);
		ck_assert_uint_eq(servers[0].bindings + servers[1].bindings, PEER_SERVER_BURST + i + 1);
	}
	end();
}
END_TEST

/* ICE-015: RFC8445:5.1.1.2 */
START_TEST(a_path_of_another_family_asks_nobody)
{
	begin("stun:[2001:db8::1]");
	check_error(701, "no address of ours reaches it");
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

START_TEST(a_turn_server_brings_a_relay_and_what_it_saw_of_us)
{
	tulle_ice_local c = {0};
	begin("turn:198.51.100.1");
	tulle_addr relayed = addr_of("198.51.100.1", 50000), mapped = servers[0].mapped;
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert(tulle_peer_servers_is_relay(c.id) && tulle_addr_is(&c.addr, &relayed));
	ck_assert(tulle_addr_is(&c.related, &mapped) && c.over == TULLE_ICE_OVER_UDP);
	ck_assert_uint_eq(c.mtu, 1500 - 48);
	ck_assert_uint_eq(list(TULLE_ICE_SRFLX, &c), 1); /* RFC8445:5.1.1.2 */
	ck_assert(c.id == 1 && tulle_addr_is(&c.addr, &mapped));
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

/* ICE-047: RFC8445:7.2.1 */
START_TEST(a_check_waits_for_its_permission_and_is_not_lost)
{
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	uint32_t path = relay_path();
	ck_assert(!say(path, &peer, "check")); /* held: RFC8656:11.1 */
	ck_assert_uint_eq(peer_count, 0);
	pump();
	ck_assert_uint_eq(servers[0].permits, 1);
	ck_assert_uint_eq(peer_count, 1);
	ck_assert(peer_got.len == 5 && memcmp(peer_got.data, "check", 5) == 0);
	ck_assert(tulle_addr_is(&peer_got.to, &peer) && peer_got.from.port == 50000);
	ck_assert(say(path, &peer, "next"));
	ck_assert_uint_eq(servers[0].indications, 2);
	tulle_peer_servers_bind(s, now, path, &peer);
	pump();
	ck_assert(say(path, &peer, "channel"));
	ck_assert_uint_eq(servers[0].channel_data, 1);
	ck_assert(peer_got.len == 7 && memcmp(peer_got.data, "channel", 7) == 0);
	ck_assert(!say(path + 2, &peer, "no such relay"));
	end();
}
END_TEST

/* ICE-013, ICE-067: what comes of a relay has its peer's address */
START_TEST(what_a_relay_brings_comes_in_on_its_own_path)
{
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000), relayed = addr_of("198.51.100.1", 50000);
	tulle_addr stranger = addr_of("203.0.113.66", 6000);
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	peer_says(&stranger, &relayed, "spoof");
	ck_assert_uint_eq(got_count, 0);
	peer_says(&peer, &relayed, "hello");
	ck_assert_uint_eq(got_count, 1);
	ck_assert(got[0].id == relay_path() && tulle_addr_is(&got[0].remote, &peer));
	ck_assert(tulle_addr_is(&got[0].local, &relayed));
	ck_assert(got[0].data.len == 5 && memcmp(got_data[0], "hello", 5) == 0);
	/* From another address than the server's the same bytes are nobody's here. */
	const tulle_in in = {.kind = TULLE_IN_DATAGRAM, .id = 1, .remote = peer, .data = {(const uint8_t *)"\1\0", 2}};
	ck_assert(!tulle_peer_servers_owns(s, &in) && !tulle_peer_servers_handle(s, now, &in));
	end();
}
END_TEST

START_TEST(over_tcp_messages_come_in_any_pieces)
{
	tulle_ice_local c = {0};
	for (chunk = 0; chunk < 2;) {
		size_t piece = chunk;
		begin("turn:198.51.100.1?transport=tcp");
		ck_assert_int_eq(connected.kind, TULLE_OUT_STREAM_CONNECT);
		ck_assert(!connected.tls && connected.port == 3478);
		ck_assert_uint_eq(granted, PEER_SERVER_STREAM_ROOM);
		ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
		ck_assert_int_eq(c.over, TULLE_ICE_OVER_TCP);
		ck_assert_uint_eq(list(TULLE_ICE_SRFLX, &c), 0); /* of a stream: no use to UDP */
		tulle_addr peer = addr_of("203.0.113.50", 6000), relayed = addr_of("198.51.100.1", 50000);
		tulle_peer_servers_permit(s, now, &peer);
		pump();
		chunk = piece;
		/* Two at once: both come out of one input. */
		Packet both = {0};
		for (int i = 0; i < 2; i++) {
			ck_assert(relay_take(&servers[0], &peer, &relayed, (const uint8_t *)"hello", 5));
			memcpy(both.data + both.len, queue[0].data, queue[0].len);
			both.len += queue[0].len;
			queued = 0;
		}
		give_bytes(both.data, both.len);
		ck_assert_uint_eq(got_count, 2);
		ck_assert(got[1].data.len == 5 && memcmp(got_data[1], "hello", 5) == 0);
		ck_assert(say(relay_path(), &peer, "back"));
		ck_assert(peer_got.len == 4);
		end();
		chunk = piece + 1;
	}
}
END_TEST

START_TEST(an_open_stream_has_the_time_of_a_transaction)
{
	begin("turn:198.51.100.1?transport=tcp");
	end();
	open_streams = false;
	const tulle_ice_server one = {"turn:198.51.100.1?transport=tcp", "ann", "secret"};
	begin_with(&one, 1, false);
	servers[0].mute = true;
	give(&(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = connected.id});
	give(&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = connected.id, .bytes = 65536});
	run_for(30 * SECOND);
	ck_assert(!tulle_peer_servers_is_done(s));
	run_for(10 * SECOND);
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

START_TEST(from_loopback_only_loopback_is_asked)
{
	begin("stun:198.51.100.1");
	give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 2, .local = addr_of("127.0.0.1", 4000)});
	pump();
	ck_assert_uint_eq(servers[0].bindings, 1);
	end();
}
END_TEST

START_TEST(a_full_stream_loses_datagrams_and_no_more)
{
	begin("turn:198.51.100.1?transport=tcp");
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	uint32_t path = relay_path();
	char text[900];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	unsigned sent = 0;
	while (say(path, &peer, text))
		ck_assert_uint_lt(sent++, 100);
	ck_assert_uint_gt(sent, 60);
	ck_assert_int_gt(tulle_peer_servers_poll_timeout(s), now);
	give(&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = connected.id, .bytes = 65536});
	ck_assert(say(path, &peer, text));
	end();
}
END_TEST

/* ICE-156: the name that the certificate must have (tests/unit/test_streams.c) */
START_TEST(turns_asks_for_tls_and_the_name)
{
	begin("turns:relay.example.org:443");
	ck_assert_str_eq(asked_name, "relay.example.org");
	ck_assert_int_eq(connected.kind, 0);
	const tulle_addr found[] = {addr_of("2001:db8::1", 0), addr_of("198.51.100.1", 0)};
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .addrs = found, .addr_count = 2});
	pump();
	/* No path of ours is of IPv6. */
	ck_assert(connected.tls && connected.port == 443 && connected.remote.family == 4);
	ck_assert_str_eq(connected_name, "relay.example.org");
	tulle_ice_local c = {0};
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert_int_eq(c.over, TULLE_ICE_OVER_TLS);
	end();
}
END_TEST

START_TEST(a_name_that_does_not_resolve_is_said_and_asked_again)
{
	begin("turn:relay.example.org");
	ck_assert(!tulle_peer_servers_is_done(s));
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .why = TULLE_ERR_SYSTEM});
	pump();
	check_error(701, "the name does not resolve");
	ck_assert(tulle_peer_servers_is_done(s));
	asked.kind = 0;
	run_for(16 * SECOND);
	ck_assert_int_eq(asked.kind, TULLE_OUT_RESOLVE);
	run_for(11 * SECOND); /* no answer at all */
	asked.kind = 0;
	run_for(20 * SECOND);
	ck_assert_int_eq(asked.kind, 0); /* it rests longer at each time */
	run_for(15 * SECOND);
	ck_assert_int_eq(asked.kind, TULLE_OUT_RESOLVE);
	end();
}
END_TEST

/* ICE-159: RFC8656:3.9 */
START_TEST(an_address_without_an_answer_is_left_for_the_next)
{
	tulle_ice_local c = {0};
	begin("turn:relay.example.org");
	servers[0].mute = true;
	const tulle_addr found[] = {addr_of("198.51.100.1", 0), addr_of("198.51.100.2", 0)};
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .addrs = found, .addr_count = 2});
	run_for(240000);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	run_for(20000);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert(tulle_addr_is_ip(&c.addr, &servers[1].address));
	tulle_peer_servers_error e;
	ck_assert(!tulle_peer_servers_failed(s, 0, &e));
	end();
	/* None says anything in a moment: then each has its time. */
	begin("turn:relay.example.org");
	servers[0].mute = servers[1].mute = true;
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .addrs = found, .addr_count = 2});
	run_for(700000);
	servers[0].mute = false;
	run_for(400000);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert(tulle_addr_is_ip(&c.addr, &servers[0].address));
	end();
	begin("turn:relay.example.org");
	servers[0].mute = servers[1].mute = true;
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .addrs = found, .addr_count = 2});
	run_for(3400000);
	servers[1].mute = false;
	run_for(200000);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert(tulle_addr_is_ip(&c.addr, &servers[1].address));
	end();
}
END_TEST

/* ICE-016: RFC8445:5.1.1 */
START_TEST(a_server_in_silence_holds_gathering_up_for_one_transaction)
{
	const tulle_ice_server two[] = {{"stun:198.51.100.9", NULL, NULL}, {"turn:198.51.100.1", "ann", "secret"}};
	tulle_ice_local c = {0};
	begin_with(two, 2, false);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1); /* trickles meanwhile */
	run_for(39 * SECOND);
	ck_assert(!tulle_peer_servers_is_done(s));
	run_for(SECOND);
	ck_assert(tulle_peer_servers_is_done(s));
	check_error(701, "timeout");
	end();
}
END_TEST

START_TEST(wrong_credentials_are_said_and_not_tried_again)
{
	tulle_ice_local c = {0};
	const tulle_ice_server one = {"turn:198.51.100.1", "ann", "wrong"};
	begin_with(&one, 1, false);
	check_error(401, "unauthorized");
	ck_assert(tulle_peer_servers_is_done(s));
	unsigned before = servers[0].allocates;
	run_for(600 * SECOND);
	ck_assert_uint_eq(servers[0].allocates, before);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	end();
}
END_TEST

START_TEST(after_a_quota_one_that_stands_by_takes_over)
{
	tulle_ice_server five[5];
	tulle_ice_local c = {0};
	for (size_t i = 0; i < 4; i++)
		five[i] = (tulle_ice_server){"turn:198.51.100.1?transport=tcp", "ann", "secret"};
	five[4] = (tulle_ice_server){"turn:198.51.100.2", "ann", "secret"};
	open_streams = false;
	begin_with(five, 5, false);
	ck_assert_uint_eq(servers[1].allocates, 0); /* the fifth */
	servers[0].refuse = 486;
	give(&(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = connected.id});
	give(&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = connected.id, .bytes = 65536});
	pump();
	check_error(486, "quota");
	ck_assert_uint_eq(servers[1].allocates, 1);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert_int_eq(ended.kind, TULLE_OUT_STREAM_END);
	/* The first may come again after its minute, but there are four now. */
	run_for(70 * SECOND);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	end();
}
END_TEST

START_TEST(a_stream_that_is_not_connected_is_a_candidate_error)
{
	open_streams = false;
	const tulle_ice_server one = {"turns:198.51.100.1", "ann", "secret"};
	begin_with(&one, 1, false);
	give(&(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = connected.id, .why = TULLE_ERR_STATE});
	ck_assert(tulle_peer_servers_is_done(s));
	check_error(701, "the server's certificate is not trusted");
	end();
}
END_TEST

START_TEST(a_300_leads_to_the_other_server)
{
	tulle_ice_local c = {0};
	begin("turn:relay.example.org");
	servers[0].alternate = servers[1].address;
	const tulle_addr found = servers[0].address;
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .addrs = &found, .addr_count = 1});
	pump();
	ck_assert_uint_eq(servers[0].allocates, 1);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	ck_assert(tulle_addr_is_ip(&c.addr, &servers[1].address));
	end();
}
END_TEST

START_TEST(a_lost_relay_is_no_longer_listed_and_comes_again_by_another_path)
{
	tulle_ice_local c = {0};
	begin("turn:198.51.100.1");
	uint32_t path = relay_path(), version = tulle_peer_servers_version(s);
	relay_restart(&servers[0]);
	servers[0].refuse = 508;
	run_for(600 * SECOND); /* the refresh finds out: 437 */
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	ck_assert_uint_ne(tulle_peer_servers_version(s), version);
	servers[0].refuse = 0;
	run_for(400 * SECOND);
	ck_assert_uint_ne(relay_path(), path);
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	ck_assert(!say(path, &peer, "to the former"));
	pump();
	ck_assert_uint_eq(peer_count, 0);
	end();
}
END_TEST

START_TEST(a_server_that_falls_silent_is_left_within_seconds)
{
	tulle_ice_local c = {0};
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	/* The peer is silent, the server is not: it is asked, and stays. */
	ck_assert(say(relay_path(), &peer, "anybody?"));
	run_for(20 * SECOND);
	ck_assert_uint_eq(servers[0].refreshes, 1);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	servers[0].mute = true;
	ck_assert(say(relay_path(), &peer, "anybody?"));
	run_for(7 * SECOND);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	run_for(SECOND);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	check_error(701, "the server has fallen silent");
	end();
	/* A machine that slept asks before it believes that. */
	begin("turn:198.51.100.1");
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	ck_assert(say(relay_path(), &peer, "anybody?"));
	now += 60 * SECOND;
	give(&(tulle_in){.kind = TULLE_IN_TIME});
	give(&(tulle_in){.kind = TULLE_IN_TIME});
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	run_for(7 * SECOND);
	ck_assert_uint_eq(servers[0].refreshes, 1);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	end();
}
END_TEST

START_TEST(a_stream_that_ends_takes_its_relay_with_it)
{
	tulle_ice_local c = {0};
	begin("turn:198.51.100.1?transport=tcp");
	uint32_t path = relay_path(), stream = connected.id;
	relay_restart(&servers[0]);
	give(&(tulle_in){.kind = TULLE_IN_STREAM_END, .id = stream});
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	check_error(701, "stream");
	run_for(16 * SECOND);
	ck_assert_uint_ne(connected.id, stream);
	ck_assert_uint_ne(relay_path(), path);
	/* What still comes for the former stream is nobody's. */
	give(&(tulle_in){.kind = TULLE_IN_STREAM_END, .id = stream});
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 1);
	end();
}
END_TEST

START_TEST(a_permission_that_nobody_uses_is_given_up)
{
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	tulle_peer_servers_permit(s, now, &peer);
	tulle_peer_servers_permit(s, now, &peer);
	run_for(600 * SECOND);
	ck_assert_uint_eq(servers[0].permits, 1); /* not kept up: RFC8656:9 */
	tulle_peer_servers_permit(s, now, &peer);
	pump();
	for (unsigned i = 0; i < 5; i++) { /* what is used stays */
		ck_assert(say(relay_path(), &peer, "still here"));
		run_for(60 * SECOND);
	}
	unsigned before = servers[0].permits;
	run_for(600 * SECOND);
	/* More than there is room for: those unused for longest go. */
	for (unsigned i = 0; i < 3 * PEER_SERVER_PEERS; i++) {
		peer.ip[3] = (uint8_t)i;
		tulle_peer_servers_permit(s, now, &peer);
		pump();
		now += 2 * PEER_SERVER_PLACE_US / PEER_SERVER_PEERS;
	}
	ck_assert_uint_eq(servers[0].permits, before + 3 * PEER_SERVER_PEERS);
	ck_assert(say(relay_path(), &peer, "the last one"));
	end();
}
END_TEST

/* RFC8656:12: what rests is the number of a channel, not the place of a permission. */
START_TEST(channels_that_rest_keep_nobody_out)
{
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000);
	for (unsigned i = 1; i <= 40; i++) {
		peer.ip[3] = (uint8_t)i;
		tulle_peer_servers_bind(s, now, relay_path(), &peer);
		pump();
		ck_assert_uint_eq(servers[0].permits, i);
		ck_assert(say(relay_path(), &peer, "in a channel or not"));
		run_for(20 * SECOND);
	}
	ck_assert_uint_eq(servers[0].binds, PEER_SERVER_CHANNELS);
	run_for(15 * 60 * SECOND);
	tulle_peer_servers_bind(s, now, relay_path(), &peer);
	pump();
	ck_assert_uint_eq(servers[0].binds, PEER_SERVER_CHANNELS + 1);
	end();
}
END_TEST

START_TEST(nobody_gives_way_to_who_gets_no_permission)
{
	begin("turn:198.51.100.1");
	tulle_addr peer = addr_of("203.0.113.50", 6000), nobody = addr_of("224.0.0.1", 6000);
	for (unsigned i = 0; i < PEER_SERVER_PEERS; i++) {
		peer.ip[3] = (uint8_t)i;
		tulle_peer_servers_bind(s, now, relay_path(), &peer);
		pump();
	}
	tulle_peer_servers_permit(s, now, &nobody);
	peer.ip[3] = 0;
	ck_assert(say(relay_path(), &peer, "still here"));
	ck_assert_uint_eq(servers[0].permits, PEER_SERVER_PEERS);
	/* One more takes the place of whom nothing was heard for longest. */
	now += 1000;
	peer.ip[3] = 200;
	tulle_peer_servers_bind(s, now, relay_path(), &peer);
	pump();
	ck_assert_uint_eq(servers[0].permits, PEER_SERVER_PEERS + 1);
	end();
}
END_TEST

static void move(void)
{
	moved = true;
	give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 2, .local = us(), .mtu = 1500});
	pump();
}

/* The server knows our former address: 437. */
START_TEST(another_network_brings_another_relay_at_once)
{
	for (int down = 0; down < 2; down++) {
		begin("turn:198.51.100.1");
		uint32_t path = relay_path();
		if (down != 0) { /* its route is the former one's until that goes */
			give(&(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 2, .local = us(), .mtu = 1500});
			pump();
			ck_assert_uint_eq(servers[0].refreshes, 1);
			ck_assert_uint_eq(relay_path(), path);
			moved = true;
			give(&(tulle_in){.kind = TULLE_IN_PATH_DOWN, .id = 1});
			pump();
		} else {
			move();
		}
		ck_assert_uint_eq(servers[0].allocates, 2);
		ck_assert_uint_ne(relay_path(), path);
		/* Once; a server that only says so is left alone for a while. */
		relay_restart(&servers[0]);
		run_for(600 * SECOND);
		ck_assert_uint_eq(servers[0].allocates, 3);
		moved = false;
		end();
	}
}
END_TEST

START_TEST(a_relay_in_a_stream_is_asked_for_in_another_network)
{
	tulle_ice_local c = {0};
	begin("turn:198.51.100.1?transport=tcp");
	uint32_t stream = connected.id;
	servers[0].mute = true;
	move();
	run_for(5 * SECOND);
	ck_assert_uint_ne(connected.id, stream);
	ck_assert_uint_eq(list(TULLE_ICE_RELAY, &c), 0);
	moved = false;
	end();
}
END_TEST

/* Who waits because there was no network does not wait when there is one. */
START_TEST(another_network_wakes_servers_that_rest)
{
	begin("stun:stun.example.org");
	for (unsigned i = 0; i < 5; i++) {
		give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .why = TULLE_ERR_SYSTEM});
		asked.kind = 0;
		run_for(i < 4 ? 300 * SECOND : 20 * SECOND);
	}
	ck_assert_int_eq(asked.kind, 0);
	move();
	ck_assert_int_eq(asked.kind, TULLE_OUT_RESOLVE);
	give(&(tulle_in){.kind = TULLE_IN_RESOLVED, .id = asked.id, .why = TULLE_ERR_SYSTEM});
	asked.kind = 0;
	run_for(14 * SECOND);
	ck_assert_int_eq(asked.kind, 0);
	run_for(2 * SECOND);
	ck_assert_int_eq(asked.kind, TULLE_OUT_RESOLVE);
	moved = false;
	end();
	/* RFC8656:7.4 */
	const tulle_ice_server one = {"turn:198.51.100.1?transport=tcp", "ann", "secret"};
	open_streams = false;
	begin_with(&one, 1, false);
	servers[0].refuse = 486;
	give(&(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = connected.id});
	give(&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = connected.id, .bytes = 65536});
	pump();
	connected.kind = 0;
	move();
	run_for(59 * SECOND);
	ck_assert_int_eq(connected.kind, 0);
	run_for(2 * SECOND);
	ck_assert_int_eq(connected.kind, TULLE_OUT_STREAM_CONNECT);
	moved = false;
	end();
}
END_TEST

START_TEST(relay_only_asks_no_stun_server)
{
	const tulle_ice_server two[] = {{"stun:198.51.100.1", NULL, NULL}, {"turn:198.51.100.1", "ann", "secret"}};
	begin_with(two, 2, true);
	ck_assert_uint_eq(servers[0].bindings, 0);
	ck_assert_uint_eq(servers[0].allocates, 1);
	ck_assert(tulle_peer_servers_is_done(s));
	end();
}
END_TEST

START_TEST(close_deletes_the_allocation)
{
	begin("turn:198.51.100.1");
	tulle_peer_servers_close(s, now);
	pump();
	ck_assert_uint_eq(servers[0].deletes, 1);
	ck_assert_int_eq(tulle_peer_servers_poll_timeout(s), TULLE_TIME_NEVER);
	end();
}
END_TEST

START_TEST(configs_are_judged_with_a_reason)
{
	static const struct {
		const char *url, *user, *why;
	} cases[] = {{"http://example.org", "a", "a server's URL is none of RFC 7064 or RFC 7065"},
		{NULL, "a", "a server's URL is none of RFC 7064 or RFC 7065"},
		{"turn:example.org?transport=sctp", "a", "a server's URL is none of RFC 7064 or RFC 7065"},
		{"turn:example.org", NULL, "a TURN server needs a username and a password of 1 to 508 bytes"},
		{"stun:example.org", NULL, NULL}, {"turns:example.org", "a", NULL}};
	const char *why;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const tulle_ice_server server = {cases[i].url, cases[i].user, "p"};
		const tulle_ice_options ice = {.servers = &server, .server_count = 1};
		tulle_err err = tulle_peer_servers_judge(&ice, &why);
		ck_assert_int_eq(err, cases[i].why != NULL ? TULLE_ERR_ARGUMENT : TULLE_OK);
		if (cases[i].why != NULL)
			ck_assert_str_eq(why, cases[i].why);
		ck_assert_int_eq(tulle_peer_servers_memory_bytes(&ice, random_source) == 0, err != TULLE_OK);
	}
	tulle_ice_server many[PEER_SERVERS_MAX + 1];
	for (size_t i = 0; i < PEER_SERVERS_MAX + 1; i++)
		many[i] = (tulle_ice_server){"stun:example.org", NULL, NULL};
	const tulle_ice_options ice = {.servers = many, .server_count = PEER_SERVERS_MAX + 1};
	ck_assert_int_eq(tulle_peer_servers_judge(&ice, &why), TULLE_ERR_ARGUMENT);
}
END_TEST

Suite *suite_servers(void)
{
	Suite *suite = suite_create("servers");
	TCase *c = tcase_create("servers");
	tcase_add_test(c, a_stun_server_shows_each_path_its_reflexive_address);
	tcase_add_test(c, questions_are_paced);
	tcase_add_test(c, a_path_of_another_family_asks_nobody);
	tcase_add_test(c, a_turn_server_brings_a_relay_and_what_it_saw_of_us);
	tcase_add_test(c, a_check_waits_for_its_permission_and_is_not_lost);
	tcase_add_test(c, what_a_relay_brings_comes_in_on_its_own_path);
	tcase_add_test(c, over_tcp_messages_come_in_any_pieces);
	tcase_add_test(c, an_open_stream_has_the_time_of_a_transaction);
	tcase_add_test(c, from_loopback_only_loopback_is_asked);
	tcase_add_test(c, a_full_stream_loses_datagrams_and_no_more);
	tcase_add_test(c, turns_asks_for_tls_and_the_name);
	tcase_add_test(c, a_name_that_does_not_resolve_is_said_and_asked_again);
	tcase_add_test(c, an_address_without_an_answer_is_left_for_the_next);
	tcase_add_test(c, a_server_in_silence_holds_gathering_up_for_one_transaction);
	tcase_add_test(c, wrong_credentials_are_said_and_not_tried_again);
	tcase_add_test(c, after_a_quota_one_that_stands_by_takes_over);
	tcase_add_test(c, a_stream_that_is_not_connected_is_a_candidate_error);
	tcase_add_test(c, a_300_leads_to_the_other_server);
	tcase_add_test(c, a_lost_relay_is_no_longer_listed_and_comes_again_by_another_path);
	tcase_add_test(c, a_server_that_falls_silent_is_left_within_seconds);
	tcase_add_test(c, a_stream_that_ends_takes_its_relay_with_it);
	tcase_add_test(c, a_permission_that_nobody_uses_is_given_up);
	tcase_add_test(c, channels_that_rest_keep_nobody_out);
	tcase_add_test(c, nobody_gives_way_to_who_gets_no_permission);
	tcase_add_test(c, another_network_brings_another_relay_at_once);
	tcase_add_test(c, a_relay_in_a_stream_is_asked_for_in_another_network);
	tcase_add_test(c, another_network_wakes_servers_that_rest);
	tcase_add_test(c, relay_only_asks_no_stun_server);
	tcase_add_test(c, close_deletes_the_allocation);
	tcase_add_test(c, configs_are_judged_with_a_reason);
	suite_add_tcase(suite, c);
	return suite;
}
