/* SPDX-License-Identifier: MIT */
/* mesh: attempts, glare and order as P-PROTOCOL.md has them, against relays and originals that this
 * test plays itself: a root, two WebSocket servers, and raw peers that only make descriptions. */
#include "mesh/limits.h"
#include "mesh/mesh.h"
#include "peer/peer.h"
#include "signal/signal.h"
#include "tests/support/clock.h"
#include "tests/support/world.h"
#include "tests/unit/mesh_kit.h"

#include <stdlib.h>

typedef struct {
	tulle_signal_ws *ws;
	void *block;
	uint32_t stream;
	tulle_node node;
	char said[64][20000]; /* what the root said, oldest first */
	size_t count;
} relay;

static relay relays[2];
static tulle *root;
static tulle_time now;
static heard events[256];
static size_t event_count;
static char said_ufrag[32]; /* of the last description that the test made */
static size_t checks[2];    /* that went to ports from 1001 on */

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

static void listen_to_root(void)
{
	const tulle_event *e;
	while ((e = tulle_next_event(root)) != NULL) {
		heard *h = &events[event_count++ % 256];
		*h = (heard){.kind = e->kind, .node = e->node};
		if (e->kind == TULLE_EVENT_CONNECTION)
			h->peer = e->u.connection.peer;
		if (e->kind == TULLE_EVENT_CLOSE)
			h->closed = e->u.closed;
	}
}

static relay *relay_of(uint32_t stream)
{
	return relays[0].stream == stream ? &relays[0] : &relays[1];
}

static void hear(relay *r)
{
	tulle_signal_ws_event e;
	while (tulle_signal_ws_poll_event(r->ws, &e)) {
		if (e.kind == TULLE_SIGNAL_WS_REQUEST)
			ck_assert_int_eq(
				tulle_signal_ws_accept(r->ws, now, (tulle_text){"p", 1}), TULLE_OK);
		if (e.kind == TULLE_SIGNAL_WS_MESSAGE)
			snprintf(r->said[r->count++ % 64], sizeof r->said[0], "%.*s",
				(int)e.data.len, (const char *)e.data.ptr);
	}
}

static void to_relay(const tulle_out *out)
{
	relay *r = relay_of(out->id);
	size_t at = 0;
	while (at < out->data.len) {
		at += tulle_signal_ws_handle_bytes(
			r->ws, now, out->data.ptr + at, out->data.len - at);
		hear(r);
	}
	hear(r);
}

static bool from_relay(relay *r)
{
	uint8_t buf[4096];
	if (r->ws == NULL)
		return false;
	size_t n = tulle_signal_ws_poll_bytes(r->ws, now, buf, sizeof buf);
	if (n != 0)
		tulle_handle(root, now,
			&(tulle_in){
				.kind = TULLE_IN_STREAM_BYTES, .id = r->stream, .data = {buf, n}});
	return n != 0;
}

static void open_stream(const tulle_out *out)
{
	relay *r = relays[0].ws == NULL ? &relays[0] : &relays[1];
	const tulle_signal_ws_config c = {.server = true, .allocator = {take, give, NULL}};
	size_t bytes = tulle_signal_ws_memory_bytes(&c);
	r->block = malloc(bytes);
	r->ws = tulle_signal_ws_init(r->block, bytes, &c, now);
	r->stream = out->id;
	tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_STREAM_OPEN, .id = out->id});
	tulle_handle(root, now,
		&(tulle_in){.kind = TULLE_IN_STREAM_ROOM, .id = out->id, .bytes = 1 << 20});
}

/* Until nothing moves; datagrams go nowhere. */
static void pump(void)
{
	static uint8_t scratch[65536];
	tulle_out out;
	for (bool moved = true; moved;) {
		moved = from_relay(&relays[0]);
		moved = from_relay(&relays[1]) || moved;
		listen_to_root();
		while (tulle_poll(root, now, scratch, sizeof scratch, &out)) {
			moved = moved || out.kind != TULLE_OUT_STREAM_ROOM;
			if (out.kind == TULLE_OUT_DATAGRAM && out.remote.port - 1001u < 2)
				checks[out.remote.port - 1001u]++;
			if (out.kind == TULLE_OUT_STREAM_CONNECT)
				open_stream(&out);
			if (out.kind == TULLE_OUT_STREAM_BYTES)
				to_relay(&out);
		}
		tulle_mesh_check(root);
	}
}

static size_t checks_to(unsigned port)
{
	return checks[port - 1001];
}

static void say(int i, const char *text, size_t len)
{
	ck_assert_int_eq(tulle_signal_ws_send(relays[i].ws, now, true, text, len), TULLE_OK);
	pump();
}

#define SAY(i, text) say(i, text, sizeof(text) - 1)

static void setup(void)
{
	const tulle_options o = {.polled = true, .allocator = {take, give, NULL}};
	const tulle_mesh_env env = {.random = {world_random, NULL}};
	now = 1000000;
	clock_set(now);
	memset(relays, 0, sizeof relays);
	event_count = 0;
	memset(checks, 0, sizeof checks);
	root = tulle_mesh_create(&o, &env, now);
	tulle_in in = {.kind = TULLE_IN_PATH_UP, .id = 1, .mtu = 1500};
	in.local = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = 5000};
	tulle_handle(root, now, &in);
	tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	const char *const urls[] = {"ws://192.0.2.1/", "ws://192.0.2.2/"};
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			tulle_connect(root, TULLE_ROOT, urls[i], NULL, &relays[i].node), TULLE_OK);
		pump();
		ck_assert(tulle_is_open(root, relays[i].node));
	}
}

static void teardown(void)
{
	tulle_wipe(root);
	for (int i = 0; i < 2; i++) {
		tulle_signal_ws_wipe(relays[i].ws);
		free(relays[i].block);
	}
}

/* A raw peer's offer, or its answer to `offer`; the fingerprint's first byte set to `lead` when >=
 * 0. */
static size_t describe(char *dst, size_t cap, const char *offer, int lead)
{
	const tulle_peer_config config = {.send_bytes_max = 65536, .receive_bytes_max = 65536};
	size_t bytes = tulle_peer_memory_bytes(&config), len = 0;
	void *block = malloc(bytes);
	tulle_peer *p =
		tulle_peer_init(block, bytes, &config, (tulle_random){world_random, NULL}, now);
	ck_assert_ptr_nonnull(p);
	(void)tulle_channel_create(p, "p", NULL, NULL);
	if (offer == NULL) {
		ck_assert_int_eq(tulle_peer_create_offer(p, false, dst, cap, &len), TULLE_OK);
	} else {
		ck_assert_int_eq(
			tulle_peer_set_remote(p, TULLE_SDP_OFFER, offer, strlen(offer)), TULLE_OK);
		ck_assert_int_eq(tulle_peer_create_answer(p, dst, cap, &len), TULLE_OK);
	}
	tulle_peer_wipe(p);
	free(block);
	ck_assert_int_eq(
		sscanf(strstr(dst, "a=ice-ufrag:"), "a=ice-ufrag:%31[^\r]", said_ufrag), 1);
	char *f = strstr(dst, "sha-256 ");
	if (lead >= 0)
		memcpy(f + 8, lead == 0 ? "00" : "FF", 2);
	return len;
}

static void say_offer(int i, const char *from, bool is_tulle, int lead)
{
	char sdp[8000], inner[12000], text[14000];
	size_t len = describe(sdp, sizeof sdp, NULL, lead);
	tulle_wr a = tulle_wr_make(inner, sizeof inner), b = tulle_wr_make(text, sizeof text);
	tulle_signal_write_p_offer(&a, (tulle_text){sdp, len}, (tulle_text){"null", 4}, is_tulle);
	tulle_signal_write_p_relay(&b, TULLE_SIGNAL_P_RELAYED, (tulle_text){from, strlen(from)},
		(tulle_text){inner, a.len});
	say(i, text, b.len);
}

/* The inner message of this kind that the root asked relay i to pass last; false: none. */
static bool asked(int i, tulle_signal_p_inner_kind kind, tulle_signal_p_inner *inner)
{
	static tulle_signal_p p;
	for (size_t k = relays[i].count; k > 0; k--) {
		const char *text = relays[i].said[(k - 1) % 64];
		if (tulle_signal_read_p((tulle_text){text, strlen(text)}, &p) != TULLE_TAKEN ||
			p.kind != TULLE_SIGNAL_P_RELAY)
			continue;
		if (tulle_signal_read_p_inner(p.json, inner) == TULLE_TAKEN && inner->kind == kind)
			return true;
	}
	return false;
}

static void say_answer(int i, const char *from, int asked_by)
{
	char offer[8000], sdp[8000], inner_text[12000], text[14000];
	tulle_signal_p_inner inner;
	size_t len = 0;
	ck_assert(asked(asked_by, TULLE_SIGNAL_P_OFFER, &inner));
	ck_assert_int_eq(tulle_json_decode(inner.sdp, offer, sizeof offer - 1, &len), TULLE_OK);
	offer[len] = 0;
	len = describe(sdp, sizeof sdp, offer, -1);
	tulle_wr a = tulle_wr_make(inner_text, sizeof inner_text),
		 b = tulle_wr_make(text, sizeof text);
	tulle_signal_write_p_answer(&a, (tulle_text){sdp, len}, false);
	tulle_signal_write_p_relay(&b, TULLE_SIGNAL_P_RELAYED, (tulle_text){from, strlen(from)},
		(tulle_text){inner_text, a.len});
	say(i, text, b.len);
}

/* A candidate with that port, of the attempt whose description from x had this ufrag. */
static void say_candidate(int i, unsigned port, const char *ufrag)
{
	char text[512];
	int n = snprintf(text, sizeof text,
		"[7,\"x\",[5,{\"candidate\":\"candidate:1 1 udp 1 10.0.0.9 %u typ host\","
		"\"sdpMid\":\"0\",\"usernameFragment\":\"%s\"}]]",
		port, ufrag);
	say(i, text, (size_t)n);
}

static tulle_node connect_x(int i)
{
	tulle_node n;
	ck_assert_int_eq(tulle_connect(root, relays[i].node, "x", NULL, &n), TULLE_OK);
	pump();
	return n;
}

static size_t drops(tulle_drop drop)
{
	return (size_t)tulle_drops(root, drop);
}

START_TEST(our_offer_names_us_and_no_addresses_until_the_answer)
{
	tulle_signal_p_inner inner;
	(void)connect_x(0);
	ck_assert(asked(0, TULLE_SIGNAL_P_OFFER, &inner));
	ck_assert(inner.tulle);
	ck_assert_ptr_null(strstr(relays[0].said[0], "candidate:"));
	ck_assert(!asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
	say_answer(0, "x", 0);
	ck_assert(asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
}
END_TEST

START_TEST(an_answer_counts_only_from_the_relay_of_the_attempt)
{
	tulle_signal_p_inner inner;
	(void)connect_x(0);
	say_answer(1, "x", 0);
	ck_assert_uint_eq(drops(TULLE_DROP_P_OTHER_RELAY), 1);
	ck_assert(!asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
	say_answer(0, "y", 0);
	ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 1);
	say_answer(0, "x", 0);
	ck_assert(asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
	say_answer(0, "x", 0); /* twice */
	ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 2);
}
END_TEST

START_TEST(a_candidate_counts_only_from_the_relay_of_the_attempt)
{
	static const char text[] = "[7,\"x\",[5,{\"candidate\":\"candidate:1 1 udp 1 10.0.0.9 9 "
				   "typ host\",\"sdpMid\":\"0\"}]]";
	SAY(0, text);
	ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 1);
	(void)connect_x(0);
	SAY(0, text); /* before the answer */
	ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 2);
	say_answer(0, "x", 0);
	SAY(1, text);
	ck_assert_uint_eq(drops(TULLE_DROP_P_OTHER_RELAY), 1);
	SAY(0, text);
	ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 2);
}
END_TEST

/* Its offer before its answer: it is answered. Whether its map holds its own attempt or ours does
 * not show yet, so both stay until one opens. */
START_TEST(against_an_original_its_earlier_offer_is_answered)
{
	tulle_signal_p_inner inner;
	tulle_node n = connect_x(0);
	say_offer(0, "x", false, -1);
	ck_assert(asked(0, TULLE_SIGNAL_P_ANSWER, &inner));
	ck_assert(tulle_find(root, "x") == n);
	ck_assert_uint_eq(tulle_peers(root, NULL, 0), 3);
}
END_TEST

/* Browsers make offers and answers at their own pace: after its answer too both stay. */
START_TEST(against_an_original_its_later_offer_is_answered_too)
{
	tulle_signal_p_inner inner;
	tulle_node n = connect_x(0);
	say_answer(0, "x", 0);
	ck_assert(asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
	say_offer(0, "x", false, -1);
	ck_assert(asked(0, TULLE_SIGNAL_P_ANSWER, &inner));
	ck_assert(tulle_find(root, "x") == n);
	ck_assert_uint_eq(drops(TULLE_DROP_P_GLARE), 0);
}
END_TEST

/* The page of an original forgets us when both open. The one that it does not know cannot check. */
START_TEST(against_an_original_ours_waits_for_its_own)
{
	(void)connect_x(0);
	say_answer(0, "x", 0);
	char ours[32], theirs[32];
	memcpy(ours, said_ufrag, sizeof ours);
	say_offer(_i, "x", false, -1);
	memcpy(theirs, said_ufrag, sizeof theirs);
	say_candidate(0, 1001, ours);
	say_candidate(_i, 1002, theirs);
	ck_assert_uint_eq(checks_to(1001), 0);
	ck_assert_uint_ne(checks_to(1002), 0);
	for (tulle_time end = now + MESH_GLARE_US; now <= end; now += MESH_GLARE_US / 10) {
		ck_assert_uint_eq(checks_to(1001), 0);
		tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_TIME});
		pump();
	}
	ck_assert_uint_ne(checks_to(1001), 0);
}
END_TEST

/* No rival, no wait. */
START_TEST(against_an_original_without_a_rival_ours_does_not_wait)
{
	(void)connect_x(0);
	say_answer(0, "x", 0);
	say_candidate(0, 1001, said_ufrag);
	ck_assert_uint_ne(checks_to(1001), 0);
}
END_TEST

START_TEST(over_different_relays_both_attempts_are_kept)
{
	tulle_signal_p_inner inner;
	(void)connect_x(0);
	say_offer(1, "x", false, -1);
	ck_assert(asked(1, TULLE_SIGNAL_P_ANSWER, &inner));
	ck_assert_uint_eq(drops(TULLE_DROP_P_GLARE), 0);
	say_answer(0, "x", 0); /* ours still stands */
	ck_assert(asked(0, TULLE_SIGNAL_P_CANDIDATE, &inner));
	ck_assert_uint_eq(tulle_peers(root, NULL, 0), 3);
}
END_TEST

/* Between tulle nodes the greater fingerprint wins, whichever relay and whichever order. */
START_TEST(between_tulle_nodes_the_greater_offer_wins)
{
	tulle_signal_p_inner inner;
	int lead = _i % 2, through = _i / 2;
	(void)connect_x(0);
	say_offer(through, "x", true, lead);
	ck_assert(asked(through, TULLE_SIGNAL_P_ANSWER, &inner) == (lead == 1));
	ck_assert_uint_eq(drops(TULLE_DROP_P_GLARE), lead == 1 ? 0 : 1);
	if (lead == 1) {
		ck_assert(inner.tulle);
		say_answer(0, "x", 0);
		ck_assert_uint_eq(drops(TULLE_DROP_P_NO_ATTEMPT), 1);
	}
}
END_TEST

/* Who offers again over the same relay has given up the first. */
START_TEST(a_second_offer_of_an_incoming_attempt_takes_its_place)
{
	size_t before = 0, used = 0;
	for (int i = 0; i < 5; i++) {
		say_offer(0, "x", false, -1);
		ck_assert_uint_eq(tulle_peers(root, NULL, 0), 3);
		ck_assert_uint_gt(relays[0].count, before);
		before = relays[0].count;
		if (i == 0)
			used = tulle_mesh_memory_used(root);
	}
	ck_assert_uint_eq(tulle_mesh_memory_used(root), used);
}
END_TEST

/* What kills the original, and more; the relay stays open and every text is counted. */
START_TEST(hostile_texts_are_counted_drops)
{
	static const struct {
		const char *text;
		tulle_drop drop;
	} cases[] = {
		{"null", TULLE_DROP_P_SYNTAX},
		{"{}", TULLE_DROP_P_SYNTAX},
		{"[]", TULLE_DROP_P_SYNTAX},
		{"[6]", TULLE_DROP_P_SYNTAX},
		{"[0]", TULLE_DROP_P_SYNTAX},
		{"[9,1]", TULLE_DROP_P_TYPE},
		{"not json", TULLE_DROP_JSON_SYNTAX},
		{"[7,\"\",[3]]", TULLE_DROP_P_ADDRESS},
		{"[7,5,[3]]", TULLE_DROP_P_ADDRESS},
		{"[7,\"a\\u0000b\",[4,{}]]", TULLE_DROP_P_ADDRESS},
		{"[7,\"x\",[3]]", TULLE_DROP_P_SYNTAX},
		{"[7,\"x\",[8,{}]]", TULLE_DROP_P_TYPE},
		{"[7,\"x\",null]", TULLE_DROP_P_SYNTAX},
		{"[7,\"x\",[3,{\"sdp\":\"\",\"type\":\"offer\"},null]]", TULLE_DROP_SDP_SYNTAX},
		{"[7,\"x\",[3,{\"sdp\":\"v=0\\r\\n\",\"type\":\"offer\"},null]]",
			TULLE_DROP_SDP_SYNTAX},
		{"[6,\"__proto__\",[3]]", TULLE_DROP_P_RELAY_UNKNOWN},
		{"[6,\"x\",[0,1]]", TULLE_DROP_P_RELAY_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t before = drops(cases[i].drop);
		say(0, cases[i].text, strlen(cases[i].text));
		ck_assert_msg(drops(cases[i].drop) == before + 1, "%s: %s", cases[i].text,
			tulle_drop_name(cases[i].drop));
	}
	ck_assert(tulle_is_open(root, relays[0].node));
	ck_assert_uint_eq(tulle_peers(root, NULL, 0), 2);
}
END_TEST

/* -- the channel rule, against a raw peer --------------------------------------------------------
 */

static tulle_peer *raw;
static void *raw_block;
static tulle_channel raw_channel; /* the root's, as the raw peer sees it */

static void begin_raw(void)
{
	const tulle_peer_config config = {.send_bytes_max = 65536, .receive_bytes_max = 65536};
	size_t bytes = tulle_peer_memory_bytes(&config);
	raw_block = malloc(bytes);
	raw = tulle_peer_init(raw_block, bytes, &config, (tulle_random){world_random, NULL}, now);
	tulle_in in = {.kind = TULLE_IN_PATH_UP, .id = 1, .mtu = 1500};
	in.local = (tulle_addr){.family = 4, .ip = {10, 0, 0, 2}, .port = 5000};
	tulle_peer_handle(raw, now, &in);
	tulle_peer_handle(raw, now, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
	raw_channel = 0;
}

/* Answers the root's offer over relay 0, with candidates in the answer. */
static void answer_with_raw(void)
{
	char offer[8000], inner_text[12000], text[14000];
	tulle_signal_p_inner inner;
	tulle_text sdp;
	size_t len = 0;
	ck_assert(asked(0, TULLE_SIGNAL_P_OFFER, &inner));
	ck_assert_int_eq(tulle_json_decode(inner.sdp, offer, sizeof offer, &len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_remote(raw, TULLE_SDP_OFFER, offer, len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(raw, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert_int_eq(tulle_peer_local(raw, false, &sdp), TULLE_SDP_ANSWER);
	tulle_wr a = tulle_wr_make(inner_text, sizeof inner_text),
		 b = tulle_wr_make(text, sizeof text);
	tulle_signal_write_p_answer(&a, sdp, false);
	tulle_signal_write_p_relay(
		&b, TULLE_SIGNAL_P_RELAYED, (tulle_text){"x", 1}, (tulle_text){inner_text, a.len});
	say(0, text, b.len);
}

static void cross(const tulle_out *out, bool to_raw)
{
	for (size_t at = 0; at < out->data.len; at += out->segment) {
		size_t left = out->data.len - at;
		tulle_in in = {.kind = TULLE_IN_DATAGRAM,
			.id = 1,
			.local = out->remote,
			.remote = out->local,
			.data = {out->data.ptr + at, left < out->segment ? left : out->segment}};
		if (to_raw)
			tulle_peer_handle(raw, now, &in);
		else
			tulle_handle(root, now, &in);
	}
}

static void run_both(void)
{
	static uint8_t scratch[65536];
	const tulle_peer_event *e;
	tulle_out out;
	for (int i = 0; i < 200; i++) {
		while ((e = tulle_peer_next_event(raw)) != NULL)
			if (e->kind == TULLE_PEER_CHANNEL)
				raw_channel = e->channel;
		while (tulle_peer_poll(raw, now, scratch, sizeof scratch, &out))
			cross(&out, false);
		listen_to_root();
		while (tulle_poll(root, now, scratch, sizeof scratch, &out))
			if (out.kind == TULLE_OUT_DATAGRAM)
				cross(&out, true);
		now += 5000;
		clock_set(now);
		tulle_handle(root, now, &(tulle_in){.kind = TULLE_IN_TIME});
		tulle_peer_handle(raw, now, &(tulle_in){.kind = TULLE_IN_TIME});
	}
}

static size_t events_of(tulle_event_kind kind, tulle_node node)
{
	size_t n = 0;
	for (size_t i = 0; i < event_count && i < 256; i++)
		n += events[i].kind == kind && events[i].node == node;
	return n;
}

/* P opens when the other side's channel is announced; what came on ours before waits for that. */
START_TEST(nothing_is_delivered_before_the_others_channel_is_announced)
{
	const tulle_channel_init p = {.protocol = "p"};
	begin_raw();
	tulle_node n = connect_x(0);
	answer_with_raw();
	run_both();
	ck_assert(raw_channel != 0);
	ck_assert(!tulle_is_open(root, n));
	ck_assert_int_eq(tulle_channel_send_text(raw, raw_channel, "[0,1]", 5), TULLE_OK);
	run_both();
	ck_assert_uint_eq(events_of(TULLE_EVENT_MESSAGE, n), 0);
	ck_assert_int_eq(tulle_channel_create(raw, "p", &p, NULL), TULLE_OK);
	run_both();
	ck_assert(tulle_is_open(root, n));
	ck_assert_uint_eq(events_of(TULLE_EVENT_OPEN, n), 1);
	ck_assert_uint_eq(events_of(TULLE_EVENT_MESSAGE, n), 1);
	ck_assert_int_eq(events[event_count - 1].kind, TULLE_EVENT_MESSAGE);
	tulle_peer_wipe(raw);
	free(raw_block);
}
END_TEST

/* -- relays of ours
 * ---------------------------------------------------------------------------------- */

static void relay_through(const tulle_options *options, tulle_drop drop)
{
	tulle_node ab, ba, bc, cb, ac;
	char of_c[64];
	kit_begin(5, (world_config){0});
	(void)world_add(NULL);
	(void)world_add(options);
	(void)world_add(NULL);
	kit_pair(0, 1, &ab, &ba);
	kit_pair(1, 2, &bc, &cb);
	snprintf(of_c, sizeof of_c, "%.*s", (int)tulle_address(world_roots[1], bc).len,
		tulle_address(world_roots[1], bc).ptr);
	ck_assert_int_eq(tulle_connect(world_roots[0], ab, of_c, NULL, &ac), TULLE_OK);
	kit_settle();
	ck_assert(!tulle_is_open(world_roots[0], ac));
	ck_assert_uint_ge((size_t)tulle_drops(world_roots[1], drop), 1);
	ck_assert(tulle_is_open(world_roots[1], ba) && tulle_is_open(world_roots[1], bc));
	world_end();
}

START_TEST(relay_off_introduces_nobody)
{
	relay_through(&(tulle_options){.polled = true, .relay_off = true}, TULLE_DROP_P_RELAY_OFF);
}
END_TEST

START_TEST(a_relay_spends_a_budget)
{
	relay_through(&(tulle_options){.polled = true, .relay_bytes_per_s_per_node = 50},
		TULLE_DROP_P_RELAY_BUDGET);
}
END_TEST

Suite *suite_attempts(void)
{
	Suite *suite = suite_create("attempts");
	TCase *t = tcase_create("attempts"), *r = tcase_create("relays");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, our_offer_names_us_and_no_addresses_until_the_answer);
	tcase_add_test(t, an_answer_counts_only_from_the_relay_of_the_attempt);
	tcase_add_test(t, a_candidate_counts_only_from_the_relay_of_the_attempt);
	tcase_add_test(t, against_an_original_its_earlier_offer_is_answered);
	tcase_add_test(t, against_an_original_its_later_offer_is_answered_too);
	tcase_add_loop_test(t, against_an_original_ours_waits_for_its_own, 0, 2);
	tcase_add_test(t, against_an_original_without_a_rival_ours_does_not_wait);
	tcase_add_test(t, over_different_relays_both_attempts_are_kept);
	tcase_add_loop_test(t, between_tulle_nodes_the_greater_offer_wins, 0, 4);
	tcase_add_test(t, a_second_offer_of_an_incoming_attempt_takes_its_place);
	tcase_add_test(t, hostile_texts_are_counted_drops);
	tcase_add_test(t, nothing_is_delivered_before_the_others_channel_is_announced);
	tcase_add_test(r, relay_off_introduces_nobody);
	tcase_add_test(r, a_relay_spends_a_budget);
	suite_add_tcase(suite, t);
	suite_add_tcase(suite, r);
	return suite;
}
