/* SPDX-License-Identifier: MIT */
/* host: ICE-TCP over 127.0.0.1: peers that hear of no other's UDP; one port for all; strangers in
 * the lobby. Nothing here asserts how long something takes. */
#include <tulle/host.h>
#include <tulle/onramp.h>
#include <tulle/stun.h>

#include "host/stream.h"
#include "tests/unit/describe.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 8, SIZE = 300000 };

static tulle_host *host;
static tulle_peer *ends[PAIRS][2];
static size_t got[PAIRS][2], done;
static char passive[PAIRS][256];

/* Candidates of streams alone. */
static size_t strip(char *dst, tulle_text sdp)
{
	size_t n = 0;
	for (size_t at = 0; at < sdp.len;) {
		const char *line = sdp.ptr + at, *end = memchr(line, '\n', sdp.len - at);
		size_t len = end != NULL ? (size_t)(end - line) + 1 : sdp.len - at;
		bool candidate = len > 12 && memcmp(line, "a=candidate:", 12) == 0;
		if (!candidate || memmem(line, len, "tcptype", 7) != NULL) {
			memcpy(dst + n, line, len);
			n += len;
		}
		at += len;
	}
	return n;
}

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	static const char data[SIZE];
	size_t k = (uintptr_t)user / 2, i = (uintptr_t)user % 2;
	if (ends[k][1 - i] == NULL)
		return;
	if (e->kind == TULLE_PEER_NEGOTIATION_NEEDED) {
		describe_ends(self, ends[k][1 - i], strip);
	} else if (e->kind == TULLE_PEER_ICE_CANDIDATE) {
		tulle_text c = e->u.candidate.candidate;
		if (memmem(c.ptr, c.len, "passive", 7) != NULL && c.len < sizeof passive[k])
			memcpy(passive[k], c.ptr, c.len);
		if (c.len == 0 || memmem(c.ptr, c.len, "tcptype", 7) != NULL)
			(void)tulle_peer_add_candidate(ends[k][1 - i], &e->u.candidate);
	} else if (e->kind == TULLE_PEER_OPEN) {
		ck_assert_int_eq(
			tulle_channel_send_bytes(self, e->channel, data, sizeof data), TULLE_OK);
	} else if (e->kind == TULLE_PEER_MESSAGE) {
		got[k][i] += e->u.message.data.len;
		done += got[k][i] == SIZE;
	}
}

static void make_pair(size_t k)
{
	tulle_channel c;
	for (size_t i = 0; i < 2; i++) {
		tulle_peer_config config = {.listener = on_event,
			.user = (void *)(uintptr_t)(2 * k + i),
			.message_bytes_max = SIZE,
			.ice = {.loopback = true, .tcp = true}};
		ck_assert_int_eq(tulle_peer_create(host, &config, &ends[k][i]), TULLE_OK);
	}
	ck_assert_int_eq(tulle_channel_create(ends[k][0], "chat", NULL, &c), TULLE_OK);
}

/* RFC6544:7, ICE-127: real sockets under both ends */
START_TEST(peers_talk_over_streams_of_one_port)
{
	static const tulle_host_options two[] = {{0}, {.bind4 = "127.0.0.1", .bind6 = "::1"}};
	tulle_peer_setup setup;
	ck_assert_int_eq(tulle_host_create(&two[_i], &host), TULLE_OK);
	for (size_t k = 0; k < PAIRS; k++)
		make_pair(k);
	while (done < 2 * PAIRS)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	for (size_t k = 0; k < PAIRS; k++) {
		const char *port = strstr(passive[k], " typ ");
		ck_assert_ptr_nonnull(port);
		for (size_t i = 0; i < 2; i++) {
			tulle_peer_read_setup(ends[k][i], &setup);
			ck_assert(setup.tcp);
			ck_assert_uint_eq(tulle_peer_drops(ends[k][i], TULLE_DROP_ICE_STREAM), 0);
		}
	}
	ck_assert_uint_ne(host->tcp_port[0], 0);
	/* one that goes takes its streams along; the others' stay */
	tulle_peer_destroy(ends[0][0]);
	ends[0][0] = NULL;
	while (tulle_peer_ice(ends[0][1]) == TULLE_ICE_COMPLETED)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_int_eq(tulle_peer_ice(ends[1][0]), TULLE_ICE_COMPLETED);
	tulle_host_destroy(host);
}
END_TEST

static int listen_anywhere(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* A server's port is what it says, or nothing is made. */
START_TEST(the_port_is_the_one_that_was_asked_for)
{
	tulle_host_options options = {0};
	tulle_peer_config config = {.ice = {.loopback = true, .tcp = true}};
	tulle_peer *peer;
	int taken = listen_anywhere(&options.tcp_port);
	ck_assert_int_eq(tulle_host_create(&options, &host), TULLE_OK);
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_ERR_SYSTEM);
	config.ice.tcp = false;
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_OK);
	close(taken);
	config.ice.tcp = true;
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_OK);
	ck_assert_uint_eq(host->tcp_port[0], options.tcp_port);
	tulle_host_destroy(host);
}
END_TEST

/* -- a mesh -- */

static unsigned hellos;

static void on_announced(tulle *root, const tulle_event *e, void *user)
{
	char address[TULLE_ADDRESS_MAX + 1];
	(void)user;
	if (tulle_via(root, e->node) == TULLE_ROOT &&
		strncmp(tulle_address(root, e->node).ptr, "ws", 2) == 0) {
		snprintf(address, sizeof address, "%.*s", (int)e->u.message.text.len,
			e->u.message.text.ptr);
		(void)tulle_connect(root, e->node, address, NULL, NULL);
	} else {
		hellos++;
	}
}

static void on_open(tulle *root, const tulle_event *e, void *user)
{
	(void)user;
	if (tulle_via(root, e->node) != TULLE_ROOT)
		ck_assert_int_eq(tulle_send_text(root, e->node, "hello", 5), TULLE_OK);
}

/* No UDP comes in any more. */
static void deafen(void)
{
	for (tulle_host_port *p = host->ports; p != NULL; p = p->next)
		for (size_t i = 0; i < 2; i++)
			if (p->udp[i].fd >= 0)
				tulle_host_watch_remove(host, &p->udp[i].watch);
}

static size_t count_links(void)
{
	size_t n = 0;
	for (const stream *s = host->streams->first; s != NULL; s = s->next)
		n += s->local.family != 0; /* who opened one */
	return n;
}

/* The links of a root have one port and one set of ids: a check says whose a stream is. */
START_TEST(nodes_of_a_mesh_meet_over_streams)
{
	const tulle_options options = {.ice = {.loopback = true, .tcp = true}};
	const tulle_onramp_options serving = {0};
	tulle_onramp *onramp;
	tulle_addr bound;
	char url[64];
	tulle *root;
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	ck_assert_int_eq(tulle_onramp_create(host, &serving, &onramp), TULLE_OK);
	ck_assert_int_eq(tulle_onramp_listen(onramp, "127.0.0.1:0", &bound), TULLE_OK);
	snprintf(url, sizeof url, "ws://127.0.0.1:%u/", bound.port);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(tulle_create_on(host, &options, &root), TULLE_OK);
		ck_assert_int_eq(
			tulle_on(root, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, on_announced, NULL),
			TULLE_OK);
		ck_assert_int_eq(
			tulle_on(root, TULLE_ANY_NODE, TULLE_EVENT_OPEN, on_open, NULL), TULLE_OK);
		ck_assert_int_eq(tulle_connect(root, TULLE_ROOT, url, NULL, NULL), TULLE_OK);
	}
	deafen();
	while (hellos < 6)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_uint_ge(count_links(), 3);
	tulle_host_destroy(host);
}
END_TEST

/* -- a member that takes every stream, and opens one to itself -- */

static struct {
	tulle_host_member member;
	tulle_out out[2];
	size_t out_count, room;
	tulle_in accepted;
	bool opened, roomy; /* roomy: it was given more than ACCEPTED said */
} m;

static void m_handle(void *self, tulle_time now, const tulle_in *in)
{
	(void)self, (void)now;
	bool theirs = (in->id >> 31) != 0;
	if (in->kind == TULLE_IN_STREAM_ACCEPTED) {
		ck_assert_uint_eq(in->data.len, 3);
		ck_assert_int_eq(memcmp(in->data.ptr, "abc", 3), 0);
		m.accepted = *in;
	} else if (in->kind == TULLE_IN_STREAM_ROOM && theirs) {
		m.roomy = true;
	} else if (in->kind == TULLE_IN_STREAM_ROOM && !m.opened) {
		m.opened = true;
		m.out[m.out_count++] = (tulle_out){.kind = TULLE_OUT_STREAM_BYTES,
			.id = 9,
			.data = {(const uint8_t *)"\0\3abcrest", 9}};
	}
}

static bool m_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	(void)self, (void)now, (void)scratch, (void)bytes;
	if (m.out_count == 0)
		return false;
	*out = m.out[--m.out_count];
	return true;
}

static tulle_time m_poll_timeout(const void *self)
{
	(void)self;
	return TULLE_TIME_NEVER;
}

static bool m_owns(const void *self, const tulle_in *in)
{
	(void)self;
	return in->kind == TULLE_IN_STREAM_ACCEPTED || in->id == m.accepted.id;
}

static void m_nothing(void *self)
{
	(void)self;
}

/* RFC6544:7.1: from the address of the candidate; what comes behind the first frame is left alone
 */
START_TEST(a_stream_comes_from_the_address_that_was_asked_for)
{
	static const tulle_host_kind kind = {.handle = m_handle,
		.poll = m_poll,
		.poll_timeout = m_poll_timeout,
		.owns = m_owns,
		.dispatch = m_nothing,
		.destroy = m_nothing};
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	m.member = (tulle_host_member){.kind = &kind, .self = &m, .tcp = true};
	ck_assert_int_eq(tulle_host_add(host, &m.member), TULLE_OK);
	m.out[m.out_count++] = (tulle_out){.kind = TULLE_OUT_STREAM_CONNECT,
		.id = 9,
		.local = {.family = 4, .ip = {127, 0, 0, 2}},
		.remote = {.family = 4, .ip = {127, 0, 0, 1}, .port = host->tcp_port[0]},
		.port = host->tcp_port[0]};
	tulle_ready_mark(&host->ready, &m.member.ready);
	while (m.accepted.id == 0)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_uint_eq(m.accepted.remote.ip[3], 2);
	ck_assert_uint_eq(m.accepted.local.ip[3], 1);
	ck_assert_uint_eq(m.accepted.local.port, host->tcp_port[0]);
	ck_assert_uint_eq(m.accepted.bytes, HOST_STREAM_OUT_BYTES);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	ck_assert(!m.roomy);
	tulle_host_destroy(host);
}
END_TEST

/* -- strangers -- */

static tulle_peer *alone(void)
{
	const tulle_peer_config config = {.ice = {.loopback = true, .tcp = true}};
	tulle_peer *peer;
	tulle_channel c;
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(peer, "chat", NULL, &c), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(peer, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	return peer;
}

static int knock(const void *data, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(host->tcp_port[0])};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
	return fd;
}

static void step_until_drops(tulle_drop why, uint64_t count)
{
	while (host->streams->lobby_drops[why] < count)
		ck_assert_int_eq(tulle_host_step(host, 100), TULLE_OK);
	ck_assert_uint_eq(host->streams->lobby_drops[why], count);
}

/* ICE-128, ICE-129 [SEC]: what is no check for one of us, or not in one frame */
START_TEST(strangers_are_turned_out)
{
	static const struct {
		const char *data;
		size_t len;
		tulle_drop why;
	} cases[] = {{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, TULLE_DROP_ICE_STREAM},
		{"\0\0", 2, TULLE_DROP_ICE_STREAM}, {"\x05\x01", 2, TULLE_DROP_ICE_STREAM},
		{"\0\4abcd", 6, TULLE_DROP_STUN_USERNAME},
		/* a check for somebody else */
		{"\0\x24\0\1\0\x10\x21\x12\xa4\x42"
		 "0123456789ab\0\6\0\11ufragxxx:\0\0\0",
			38, TULLE_DROP_STUN_USERNAME}};
	uint64_t expected[TULLE_DROP_COUNT] = {0};
	char byte;
	(void)alone();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd = knock(cases[i].data, cases[i].len);
		step_until_drops(cases[i].why, ++expected[cases[i].why]);
		ck_assert_int_le(recv(fd, &byte, 1, 0), 0); /* and nothing was said */
		close(fd);
	}
	/* one that goes in the middle */
	close(knock("\0\x24\0\1\0", 5));
	step_until_drops(TULLE_DROP_ICE_STREAM, ++expected[TULLE_DROP_ICE_STREAM]);
	ck_assert_uint_eq(host->streams->guest_count, 0);
	ck_assert_ptr_null(host->streams->first);
	tulle_host_destroy(host);
}
END_TEST

/* A thread that asks for a name may get the descriptor that is given up to turn somebody away:
 * there is another as soon as one is free, or the next shortage would keep the loop awake for
 * nothing. */
START_TEST(a_spare_descriptor_comes_back)
{
	(void)alone();
	close(host->streams->spare_fd);
	host->streams->spare_fd = -1;
	int fd = knock("\0\0", 2);
	step_until_drops(TULLE_DROP_ICE_STREAM, 1);
	ck_assert_int_ge(host->streams->spare_fd, 0);
	close(fd);
	tulle_host_destroy(host);
}
END_TEST

/* ICE-129 [SEC]: a flood of half-open ones is bounded in number and time */
START_TEST(the_lobby_is_bounded)
{
	int fds[100];
	(void)alone();
	for (size_t i = 0; i < 100; i++) {
		fds[i] = knock("\0\x40", i % 3);
		ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	}
	step_until_drops(TULLE_DROP_LIMIT, 100 - HOST_LOBBY_MAX);
	ck_assert_uint_eq(host->streams->guest_count, HOST_LOBBY_MAX);
	tulle_host_lobby_expire(host->streams, tulle_host_now());
	ck_assert_uint_eq(host->streams->guest_count, HOST_LOBBY_MAX);
	tulle_host_lobby_expire(host->streams, tulle_host_now() + HOST_LOBBY_US);
	ck_assert_uint_eq(host->streams->guest_count, 0);
	ck_assert_uint_eq(host->streams->lobby_drops[TULLE_DROP_ICE_STREAM], HOST_LOBBY_MAX);
	for (size_t i = 0; i < 100; i++)
		close(fds[i]);
	/* and some that stay until the host goes */
	fds[0] = knock("\0\x40", 2);
	while (host->streams->guest_count == 0)
		ck_assert_int_eq(tulle_host_step(host, 100), TULLE_OK);
	tulle_host_destroy(host);
	close(fds[0]);
}
END_TEST

/* A check that names the peer's ufrag, in its frame, and knows no password. */
static size_t write_check(uint8_t *frame, size_t cap, tulle_peer *peer)
{
	const uint8_t id[12] = {1};
	char name[64];
	tulle_text sdp;
	(void)tulle_peer_local(peer, true, &sdp);
	const char *ufrag = (const char *)memmem(sdp.ptr, sdp.len, "a=ice-ufrag:", 12) + 12;
	snprintf(name, sizeof name, "%.*s:them", (int)strcspn(ufrag, "\r"), ufrag);
	tulle_stun_writer o = tulle_stun_write_begin(
		frame + 2, cap - 2, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	tulle_stun_write_text(&o, TULLE_STUN_A_USERNAME, (tulle_text){name, strlen(name)});
	size_t n = tulle_stun_write_finish(&o);
	frame[0] = (uint8_t)(n >> 8);
	frame[1] = (uint8_t)n;
	return n + 2;
}

/* [SEC] More checks in one turn than a peer can refuse one by one: no stream is left to nobody. */
START_TEST(streams_that_a_peer_does_not_take_end)
{
	int fds[HOST_LOBBY_MAX];
	uint8_t frame[256];
	size_t n = write_check(frame, sizeof frame, alone());
	for (size_t i = 0; i < HOST_LOBBY_MAX; i++)
		fds[i] = knock(frame, n - 1);
	while (host->streams->guest_count < HOST_LOBBY_MAX)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	for (size_t i = 0; i < HOST_LOBBY_MAX; i++)
		ck_assert_int_eq(send(fds[i], frame + n - 1, 1, MSG_NOSIGNAL), 1);
	while (host->streams->guest_count != 0)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	ck_assert_uint_eq(host->streams->accepted, HOST_LOBBY_MAX);
	ck_assert_ptr_null(host->streams->first);
	for (size_t i = 0; i < HOST_LOBBY_MAX; i++)
		close(fds[i]);
	tulle_host_destroy(host);
}
END_TEST

Suite *suite_host_tcp(void)
{
	Suite *s = suite_create("host_tcp");
	TCase *t = tcase_create("host_tcp");
	tcase_add_loop_test(t, peers_talk_over_streams_of_one_port, 0, 2);
	tcase_add_test(t, the_port_is_the_one_that_was_asked_for);
	tcase_add_test(t, nodes_of_a_mesh_meet_over_streams);
	tcase_add_test(t, a_stream_comes_from_the_address_that_was_asked_for);
	tcase_add_test(t, strangers_are_turned_out);
	tcase_add_test(t, a_spare_descriptor_comes_back);
	tcase_add_test(t, the_lobby_is_bounded);
	tcase_add_test(t, streams_that_a_peer_does_not_take_end);
	suite_add_tcase(s, t);
	return s;
}
