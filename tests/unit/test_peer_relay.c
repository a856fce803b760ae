/* SPDX-License-Identifier: MIT */
/* peer: two standalone peers that tell relayed addresses alone, each with a TURN server of its config, in
 * virtual time over real DTLS. No trickle: the descriptions have the candidates. */
#include "peer/peer.h"
#include "tests/support/clock.h"
#include "tests/unit/servers_kit.h"

enum { QUEUE = 256 };

static tulle_peer *ends[2];
static void *blocks[2];
static world_relay server;
static Packet queue[QUEUE];
static size_t first, count;
static tulle_time now;
static unsigned heard[2][TULLE_PEER_ICE_CANDIDATE_ERROR + 1];
static tulle_peer_event failure;
static char text[2][64], candidates[2][1024];
static size_t direct; /* datagrams from one end to the other */

static tulle_addr address_of(int end)
{
	return (tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(end + 1)}, .port = 5000};
}

static void push(void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	(void)user;
	ck_assert_uint_lt(count, QUEUE);
	queue[(first + count++) % QUEUE] = make_packet(from, to, data, len);
}

static void give(int end, const tulle_in *in)
{
	tulle_peer_handle(ends[end], now, in);
	tulle_peer_check(ends[end]);
}

static void make(int i, const tulle_ice_server *list)
{
	const tulle_peer_config config = {.ice = {.servers = list, .server_count = 1, .relay_only = true}};
	size_t bytes = tulle_peer_memory_bytes(&config);
	ck_assert_uint_ne(bytes, 0);
	blocks[i] = malloc(bytes);
	ends[i] = tulle_peer_init(blocks[i], bytes, &config, (tulle_random){draw, NULL}, now);
	ck_assert_ptr_nonnull(ends[i]);
	give(i, &(tulle_in){.kind = TULLE_IN_PATH_UP, .id = 1, .local = address_of(i), .mtu = 1500});
	give(i, &(tulle_in){.kind = TULLE_IN_PATHS_KNOWN});
}

static void begin(const char *password)
{
	const tulle_ice_server one = {"turn:10.0.0.200", "ann", password};
	memset(heard, 0, sizeof heard);
	memset(text, 0, sizeof text);
	memset(candidates, 0, sizeof candidates);
	server = (world_relay){.password = "secret", .emit = push};
	server.address = (tulle_addr){.family = 4, .ip = {10, 0, 0, 200}, .port = 3478};
	first = count = direct = 0;
	now = 1000000;
	seed = 3;
	clock_set(now);
	make(0, &one);
	make(1, &one);
}

static void end(void)
{
	for (int i = 0; i < 2; i++) {
		tulle_peer_wipe(ends[i]);
		free(blocks[i]);
	}
}

static void hear(int i)
{
	const tulle_peer_event *e;
	while ((e = tulle_peer_next_event(ends[i])) != NULL) {
		heard[i][e->kind]++;
		if (e->kind == TULLE_PEER_ICE_CANDIDATE && e->u.candidate.candidate.len != 0)
			strncat(candidates[i], e->u.candidate.candidate.ptr, e->u.candidate.candidate.len);
		if (e->kind == TULLE_PEER_MESSAGE) {
			size_t n = e->u.message.data.len;
			memcpy(text[i], e->u.message.data.ptr, n < 63 ? n : 63);
		}
		if (e->kind == TULLE_PEER_ICE_CANDIDATE_ERROR)
			failure = *e;
	}
}

static void drain(int i)
{
	static uint8_t scratch[65536];
	tulle_out out;
	hear(i);
	while (tulle_peer_poll(ends[i], now, scratch, sizeof scratch, &out)) {
		tulle_addr from = out.local.family != 0 ? out.local : address_of(i);
		direct += out.remote.ip[3] < 200;
		ck_assert_int_eq(out.kind, TULLE_OUT_DATAGRAM);
		ck_assert_uint_eq(out.segment, out.data.len); /* no runs over a relay */
		push(NULL, &from, &out.remote, out.data.ptr, out.data.len);
	}
	hear(i);
}

static void deliver(void)
{
	Packet p = queue[first++ % QUEUE];
	count--;
	first %= QUEUE;
	if (relay_take(&server, &p.from, &p.to, p.data, p.len) || p.to.ip[3] == 200)
		return; /* also to a relay that is given up */
	give(p.to.ip[3] - 1, &(tulle_in){.kind = TULLE_IN_DATAGRAM,
				     .id = 1,
				     .local = p.to,
				     .remote = p.from,
				     .data = {p.data, p.len}});
}

static void run(tulle_time us)
{
	tulle_time until = now + us;
	for (;;) {
		drain(0);
		drain(1);
		if (count != 0) {
			deliver();
			continue;
		}
		tulle_time a = tulle_peer_poll_timeout(ends[0]), b = tulle_peer_poll_timeout(ends[1]);
		tulle_time next = a < b ? a : b;
		if (next > until)
			break;
		now = next > now ? next : now;
		clock_set(now);
		give(0, &(tulle_in){.kind = TULLE_IN_TIME});
		give(1, &(tulle_in){.kind = TULLE_IN_TIME});
	}
	now = until;
	clock_set(now);
}

static void describe(void)
{
	tulle_text sdp;
	ck_assert_int_eq(tulle_peer_local(ends[0], true, &sdp), TULLE_SDP_OFFER);
	ck_assert_int_eq(tulle_peer_set_remote(ends[1], TULLE_SDP_OFFER, sdp.ptr, sdp.len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(ends[1], TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	run(100000);
	ck_assert_int_eq(tulle_peer_local(ends[1], false, &sdp), TULLE_SDP_ANSWER);
	ck_assert_int_eq(tulle_peer_set_remote(ends[0], TULLE_SDP_ANSWER, sdp.ptr, sdp.len), TULLE_OK);
}

START_TEST(peers_that_tell_relays_alone_connect_and_talk)
{
	tulle_channel c;
	tulle_peer_setup setup;
	begin("secret");
	tulle_peer_read_setup(ends[0], &setup);
	ck_assert_int_eq(setup.local_type, 0);
	ck_assert_int_eq(tulle_channel_create(ends[0], "chat", NULL, &c), TULLE_OK);
	ck_assert_uint_eq(server.allocates, 0);
	ck_assert_int_eq(tulle_peer_set_local(ends[0], TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	run(100000);
	ck_assert_int_eq(tulle_peer_gathering(ends[0]), TULLE_GATHERING_COMPLETE);
	ck_assert_ptr_nonnull(strstr(candidates[0], "10.0.0.200 50000 typ relay"));
	ck_assert_ptr_null(strstr(candidates[0], "10.0.0.1")); /* RFC8839:5.1: not as related either */
	describe();
	run(3000000);
	ck_assert_int_eq(tulle_peer_connection(ends[0]), TULLE_CONNECTION_CONNECTED);
	tulle_peer_read_setup(ends[0], &setup);
	ck_assert_int_eq(setup.local_type, TULLE_ICE_RELAY);
	ck_assert_int_eq(setup.remote_type, TULLE_ICE_RELAY);
	ck_assert_int_eq(tulle_channel_send_text(ends[0], c, "over a relay", 12), TULLE_OK);
	run(500000);
	ck_assert_str_eq(text[1], "over a relay");
	static const char large[20000];
	ck_assert_int_eq(tulle_channel_send_bytes(ends[0], c, large, sizeof large), TULLE_OK);
	run(500000);
	ck_assert_uint_eq(heard[1][TULLE_PEER_MESSAGE], 2);
	ck_assert_uint_eq(direct, 0);
	ck_assert_uint_gt(server.channel_data, 0);
	ck_assert_uint_eq(heard[0][TULLE_PEER_ICE_CANDIDATE_ERROR], 0);
	/* close(): ABORT and close_notify still go by the relay, then it is given up. */
	tulle_peer_close(ends[0]);
	run(500000);
	ck_assert_int_eq(tulle_peer_connection(ends[1]), TULLE_CONNECTION_CLOSED);
	ck_assert_uint_eq(server.deletes, 1);
	end();
}
END_TEST

/* SPED begins DTLS before there is a path to say goodbye on. */
START_TEST(who_closes_without_a_path_gives_the_relay_up)
{
	begin("secret");
	ck_assert_int_eq(tulle_peer_set_local(ends[0], TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	run(100000);
	describe();
	drain(0);
	tulle_peer_close(ends[0]);
	run(500000);
	ck_assert_uint_eq(server.deletes, 1);
	end();
}
END_TEST

START_TEST(a_server_that_refuses_is_an_event_and_ends_gathering)
{
	begin("wrong");
	ck_assert_int_eq(tulle_peer_set_local(ends[0], TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	run(100000);
	ck_assert_uint_eq(heard[0][TULLE_PEER_ICE_CANDIDATE_ERROR], 1);
	ck_assert_uint_eq(failure.u.candidate_error.code, 401);
	ck_assert_int_eq(tulle_peer_gathering(ends[0]), TULLE_GATHERING_COMPLETE);
	ck_assert_str_eq(candidates[0], "");
	end();
}
END_TEST

START_TEST(no_peer_is_made_with_a_server_that_is_none)
{
	const tulle_ice_server wrong = {"turn:", "ann", "secret"};
	const tulle_peer_config config = {.ice = {.servers = &wrong, .server_count = 1}};
	ck_assert_uint_eq(tulle_peer_memory_bytes(&config), 0);
}
END_TEST

Suite *suite_peer_relay(void)
{
	Suite *s = suite_create("peer_relay");
	TCase *t = tcase_create("peer_relay");
	tcase_add_test(t, peers_that_tell_relays_alone_connect_and_talk);
	tcase_add_test(t, who_closes_without_a_path_gives_the_relay_up);
	tcase_add_test(t, a_server_that_refuses_is_an_event_and_ends_gathering);
	tcase_add_test(t, no_peer_is_made_with_a_server_that_is_none);
	suite_add_tcase(s, t);
	return s;
}
