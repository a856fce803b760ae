/* SPDX-License-Identifier: MIT */
/* host: the loop over 127.0.0.1: peers and roots on it, what listeners may do, waking and stopping
 * from elsewhere. Nothing here asserts how long something takes. */
#include <tulle/host.h>

#include "host/host.h"
#include "tests/unit/describe.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static tulle_host *host;
static tulle_peer *ends[2];
static tulle_channel chat;
static unsigned heard[2][TULLE_PEER_ICE_CANDIDATE_ERROR + 1];
static char text[2][64];
static void (*and_then)(int end, const tulle_peer_event *e); /* what a test does in a listener */

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	int i = *(int *)user;
	ck_assert_ptr_eq(self, ends[i]);
	heard[i][e->kind]++;
	if (e->kind == TULLE_PEER_NEGOTIATION_NEEDED)
		describe_ends(self, ends[1 - i], NULL);
	else if (e->kind == TULLE_PEER_ICE_CANDIDATE && ends[1 - i] != NULL)
		(void)tulle_peer_add_candidate(ends[1 - i], &e->u.candidate);
	else if (e->kind == TULLE_PEER_OPEN)
		ck_assert_int_eq(tulle_channel_send_text(self, e->channel, "hello", 5), TULLE_OK);
	else if (e->kind == TULLE_PEER_MESSAGE) {
		ck_assert_uint_lt(e->u.message.data.len, sizeof text[i]);
		memcpy(text[i], e->u.message.data.ptr, e->u.message.data.len);
	}
	if (and_then != NULL)
		and_then(i, e);
}

static void make_peers(const tulle_host_options *options)
{
	static int numbers[2] = {0, 1};
	memset(heard, 0, sizeof heard);
	memset(text, 0, sizeof text);
	ck_assert_int_eq(tulle_host_create(options, &host), TULLE_OK);
	for (int i = 0; i < 2; i++) {
		tulle_peer_config config = {
			.listener = on_event, .user = &numbers[i], .ice.loopback = true};
		ck_assert_int_eq(tulle_peer_create(host, &config, &ends[i]), TULLE_OK);
	}
	ck_assert_int_eq(tulle_channel_create(ends[0], "chat", NULL, &chat), TULLE_OK);
}

static bool both_heard(tulle_peer_event_kind kind)
{
	return heard[0][kind] != 0 && heard[1][kind] != 0;
}

static void step_until(tulle_peer_event_kind kind)
{
	while (!both_heard(kind))
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
}

START_TEST(two_peers_on_one_host_say_hello)
{
	make_peers(NULL);
	step_until(TULLE_PEER_MESSAGE);
	ck_assert_str_eq(text[0], "hello");
	ck_assert_str_eq(text[1], "hello");
	tulle_host_destroy(host);
}
END_TEST

START_TEST(the_same_without_udp_segment_and_bound_to_an_address)
{
	static const tulle_host_options options = {.no_offload = true, .bind4 = "127.0.0.1"};
	make_peers(&options);
	step_until(TULLE_PEER_MESSAGE);
	ck_assert_str_eq(text[1], "hello");
	tulle_host_destroy(host);
}
END_TEST

/* -- destroy in a listener -- */

static void destroy_other(int i, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_MESSAGE && ends[1 - i] != NULL && ends[i] != NULL) {
		tulle_peer *other = ends[1 - i];
		ends[1 - i] = NULL;
		tulle_peer_destroy(other);
	}
}

static void destroy_self(int i, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_MESSAGE) {
		tulle_peer_destroy(ends[i]);
		tulle_peer_destroy(ends[i]); /* once more does nothing */
	}
}

static void destroy_host(int i, const tulle_peer_event *e)
{
	(void)i;
	if (e->kind == TULLE_PEER_OPEN)
		tulle_host_destroy(host);
}

START_TEST(a_peer_destroyed_in_a_listener_says_no_more)
{
	void (*ways[])(int, const tulle_peer_event *) = {destroy_other, destroy_self};
	for (size_t w = 0; w < 2; w++) {
		and_then = ways[w];
		make_peers(NULL);
		while (heard[0][TULLE_PEER_MESSAGE] + heard[1][TULLE_PEER_MESSAGE] == 0)
			ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
		for (int n = 0; n < 5; n++)
			ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
		ck_assert_uint_le(heard[0][TULLE_PEER_MESSAGE], 1);
		ck_assert_uint_le(heard[1][TULLE_PEER_MESSAGE], 1);
		tulle_host_destroy(host);
	}
}
END_TEST

START_TEST(a_host_destroyed_in_a_listener_is_gone_when_the_step_returns)
{
	tulle_err err;
	and_then = destroy_host;
	make_peers(NULL);
	while ((err = tulle_host_step(host, -1)) == TULLE_OK)
		continue;
	ck_assert_int_eq(err, TULLE_ERR_GONE);
}
END_TEST

static unsigned states_refused;

static void step_again(int i, const tulle_peer_event *e)
{
	(void)i, (void)e;
	states_refused += tulle_host_step(host, 0) == TULLE_ERR_STATE;
	states_refused += tulle_host_run(host) == TULLE_ERR_STATE;
}

START_TEST(step_and_run_in_a_listener_are_errors_of_state)
{
	and_then = step_again;
	states_refused = 0;
	make_peers(NULL);
	step_until(TULLE_PEER_MESSAGE);
	unsigned events = 0;
	for (int k = 0; k <= TULLE_PEER_ERROR; k++)
		events += heard[0][k] + heard[1][k];
	ck_assert_uint_eq(states_refused, 2 * events);
	tulle_host_destroy(host);
}
END_TEST

/* -- waking and stopping -- */

static void *stop_from_thread(void *unused)
{
	tulle_host_stop(host);
	return unused;
}

START_TEST(stop_from_a_thread_ends_run)
{
	pthread_t thread;
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_from_thread, NULL), 0);
		ck_assert_int_eq(tulle_host_run(host), TULLE_OK);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	tulle_host_destroy(host);
}
END_TEST

static void stop_from_handler(int signal)
{
	(void)signal;
	tulle_host_stop(host);
}

START_TEST(stop_from_a_signal_handler_ends_run)
{
	struct sigaction action = {.sa_handler = stop_from_handler};
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ualarm(2000, 0); /* before run or within: both must end it */
	ck_assert_int_eq(tulle_host_run(host), TULLE_OK);
	raise(SIGALRM);
	ck_assert_int_eq(tulle_host_run(host), TULLE_OK);
	tulle_host_destroy(host);
}
END_TEST

START_TEST(wake_ends_the_wait_of_one_step)
{
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	tulle_host_wake(host);
	tulle_host_wake(host); /* two before a step are one */
	ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_int_eq(tulle_host_timeout_ms(host), -1);
	tulle_host_destroy(host);
}
END_TEST

/* -- in somebody else's loop -- */

START_TEST(the_descriptor_is_readable_whenever_a_step_is_due)
{
	make_peers(NULL);
	struct pollfd p = {.fd = tulle_host_fd(host), .events = POLLIN};
	ck_assert_int_ge(p.fd, 0);
	while (!both_heard(TULLE_PEER_MESSAGE)) { /* never a step that poll did not ask for */
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	}
	/* a command outside of a step is output that is due */
	memset(heard, 0, sizeof heard);
	while (poll(&p, 1, 0) == 1)
		ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(ends[0], chat, "again", 5), TULLE_OK);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	while (heard[1][TULLE_PEER_MESSAGE] == 0) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	}
	ck_assert_str_eq(text[1], "again");
	tulle_fd_wish wish = {0};
	ck_assert_uint_eq(tulle_host_fds(host, &wish, 1), 1);
	ck_assert_int_eq(wish.fd, p.fd);
	ck_assert(wish.read && !wish.write);
	tulle_host_destroy(host);
}
END_TEST

/* -- fragments -- */

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void judge_fragments(const tulle_host_udp *udp, bool allowed)
{
	if (udp->family == 4)
		ck_assert_int_eq(option(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER),
			allowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE);
	else
		ck_assert_int_eq(option(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER),
			allowed ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE);
}

/* SCTP-191 RFC8899:3: DF is set but for what may be cut */
START_TEST(a_socket_forbids_fragments_unless_told)
{
	for (int i = 0; i < 2; i++) {
		tulle_host_udp udp = {.family = i == 0 ? 4 : 6};
		udp.fd = socket(i == 0 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
		if (udp.fd < 0)
			continue; /* a machine without the family */
		tulle_host_set_options(&udp, false);
		judge_fragments(&udp, false);
		tulle_host_set_fragments(&udp, true);
		judge_fragments(&udp, true);
		tulle_host_set_fragments(&udp, false);
		judge_fragments(&udp, false);
		close(udp.fd);
	}
}
END_TEST

/* Behind a relay's header a datagram does not begin where its room does. */
START_TEST(datagrams_lie_anywhere_in_their_room)
{
	int to = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof name;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(to, (struct sockaddr *)&name, sizeof name), 0);
	ck_assert_int_eq(getsockname(to, (struct sockaddr *)&name, &len), 0);
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	tulle_host_member member = {.host = host};
	ck_assert_int_eq(tulle_host_open_port(host, &member), TULLE_OK);
	tulle_out out = {.kind = TULLE_OUT_DATAGRAM, .segment = 40};
	out.remote = (tulle_addr){.family = 4, .ip = {127, 0, 0, 1}, .port = ntohs(name.sin_port)};
	for (size_t i = 0; i < 6; i++) {
		size_t bytes;
		uint8_t *room = tulle_host_batch_room(host, &bytes);
		room += i % 2 == 0 ? 48 : 0;
		memset(room, (int)i, 40);
		out.data = (tulle_bytes){room, 40};
		tulle_host_batch_add(host, &member, &out);
	}
	tulle_host_batch_flush(host);
	for (uint8_t i = 0; i < 6; i++) {
		uint8_t got[40], want[40];
		memset(want, i, sizeof want);
		ck_assert_int_eq(recv(to, got, sizeof got, 0), 40);
		ck_assert_mem_eq(got, want, sizeof want);
	}
	tulle_host_close_port(&member);
	tulle_host_destroy(host);
	close(to);
}
END_TEST

/* SCTP-191: datagrams of both kinds leave in their order, and DF is set again behind them */
START_TEST(datagrams_that_may_be_cut_go_between_others)
{
	static const bool may_cut[] = {false, true, true, false, true, false};
	const size_t count = sizeof may_cut / sizeof *may_cut;
	int to = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof name;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(to, (struct sockaddr *)&name, sizeof name), 0);
	ck_assert_int_eq(getsockname(to, (struct sockaddr *)&name, &len), 0);
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	tulle_host_member member = {.host = host};
	ck_assert_int_eq(tulle_host_open_port(host, &member), TULLE_OK);
	tulle_out out = {.kind = TULLE_OUT_DATAGRAM, .segment = 1};
	out.local = (tulle_addr){.family = 4, .ip = {127, 0, 0, 1}};
	out.remote = out.local;
	out.remote.port = ntohs(name.sin_port);
	for (size_t i = 0; i < count; i++) {
		size_t bytes;
		uint8_t *room = tulle_host_batch_room(host, &bytes);
		*room = (uint8_t)i;
		out.data = (tulle_bytes){room, 1};
		out.may_fragment = may_cut[i];
		tulle_host_batch_add(host, &member, &out);
	}
	tulle_host_batch_flush(host);
	for (size_t i = 0; i < count; i++) {
		uint8_t byte;
		ck_assert_int_eq(recv(to, &byte, 1, 0), 1);
		ck_assert_uint_eq(byte, i);
	}
	judge_fragments(&member.port->udp[0], false);
	tulle_host_close_port(&member);
	tulle_host_destroy(host);
	close(to);
}
END_TEST

/* -- roots -- */

static unsigned wakes[2];

static void on_wake(tulle *root, const tulle_event *e, void *user)
{
	(void)root, (void)e;
	++*(unsigned *)user;
}

static char said[200];

static void note_line(void *user, const tulle_log_line *line)
{
	(void)user;
	memcpy(said, line->text.ptr, line->text.len);
	said[line->text.len] = 0;
}

static char failed_url[80];
static unsigned failed_code;

static void on_failure(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	(void)self, (void)user;
	if (e->kind != TULLE_PEER_ICE_CANDIDATE_ERROR)
		return;
	failed_code = e->u.candidate_error.code;
	memcpy(failed_url, e->u.candidate_error.url.ptr, e->u.candidate_error.url.len);
}

/* A port that nobody listens on, on a socket that stays bound so that nobody will. */
START_TEST(servers_are_reached_by_the_host_or_it_is_said)
{
	char url[80];
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(url, sizeof url, "turns:127.0.0.1:%u", ntohs(in.sin_port));
	const tulle_ice_server wrong = {"http://x", NULL, NULL}, right = {url, "ann", "secret"};
	tulle_peer_config config = {.listener = on_failure,
		.ice = {.servers = &wrong, .server_count = 1, .loopback = true},
		.log = {.write = note_line, .level = TULLE_LOG_ERROR}};
	const tulle_options o = {.ice = config.ice, .log = config.log};
	tulle *root;
	tulle_peer *peer;
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_ERR_ARGUMENT);
	ck_assert_str_eq(said, "a server's URL is none of RFC 7064 or RFC 7065");
	said[0] = 0;
	ck_assert_int_eq(tulle_create_on(host, &o, &root), TULLE_ERR_ARGUMENT);
	ck_assert_str_eq(said, "a server's URL is none of RFC 7064 or RFC 7065");
	config.ice.servers = &right;
	ck_assert_int_eq(tulle_peer_create(host, &config, &peer), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(peer, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	while (failed_code == 0)
		ck_assert_int_eq(tulle_host_step(host, -1), TULLE_OK);
	ck_assert_uint_eq(failed_code, 701);
	ck_assert_str_eq(failed_url, url);
	tulle_host_destroy(host);
	close(fd);
}
END_TEST

START_TEST(two_roots_stand_on_one_host_and_one_may_go)
{
	tulle *roots[2];
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(tulle_create_on(host, NULL, &roots[i]), TULLE_OK);
		ck_assert_ptr_eq(tulle_host_of(roots[i]), host);
		ck_assert_int_eq(
			tulle_on(roots[i], TULLE_ROOT, TULLE_EVENT_WAKE, on_wake, &wakes[i]),
			TULLE_OK);
	}
	tulle_wake(roots[0]);
	while (wakes[0] == 0)
		ck_assert_int_eq(tulle_step(roots[1], -1), TULLE_OK);
	tulle_destroy(roots[0]);
	tulle_wake(roots[1]);
	unsigned before = wakes[1], gone = wakes[0];
	while (wakes[1] == before)
		ck_assert_int_eq(tulle_step(roots[1], -1), TULLE_OK);
	ck_assert_uint_eq(wakes[0], gone);
	tulle_host_destroy(host);
}
END_TEST

static void destroy_root(tulle *root, const tulle_event *e, void *user)
{
	(void)e;
	++*(unsigned *)user;
	tulle_destroy(root);
}

START_TEST(a_root_destroyed_in_its_listener_is_gone_when_the_step_returns)
{
	tulle *root;
	tulle_err err;
	ck_assert_int_eq(tulle_create(NULL, &root), TULLE_OK);
	ck_assert_int_eq(
		tulle_on(root, TULLE_ROOT, TULLE_EVENT_WAKE, destroy_root, &wakes[0]), TULLE_OK);
	tulle_wake(root);
	while ((err = tulle_step(root, -1)) == TULLE_OK)
		continue;
	ck_assert_int_eq(err, TULLE_ERR_GONE);
	ck_assert_uint_eq(wakes[0], 1);
}
END_TEST

/* A member that keeps what it hears of paths. */
static struct {
	tulle_in_kind kind;
	uint32_t id, mtu;
	uint8_t last; /* of the address */
} paths_heard[16];
static size_t paths_count;

static void hear_path(void *self, tulle_time now, const tulle_in *in)
{
	(void)self;
	(void)now;
	if (in->kind != TULLE_IN_PATH_UP && in->kind != TULLE_IN_PATH_DOWN)
		return;
	ck_assert_uint_lt(paths_count, 16);
	paths_heard[paths_count].kind = in->kind;
	paths_heard[paths_count].id = in->id;
	paths_heard[paths_count].mtu = in->mtu;
	paths_heard[paths_count].last = in->local.ip[3];
	ck_assert(in->kind == TULLE_IN_PATH_DOWN || in->local.port != 0);
	paths_count++;
}

static bool say_nothing(void *self, tulle_time now, uint8_t *dst, size_t cap, tulle_out *out)
{
	(void)self, (void)now, (void)dst, (void)cap, (void)out;
	return false;
}

static tulle_time never(const void *self)
{
	(void)self;
	return TULLE_TIME_NEVER;
}

static bool own_all(const void *self, const tulle_in *in)
{
	(void)self, (void)in;
	return true;
}

static void do_nothing(void *self)
{
	(void)self;
}

static void see_interfaces(const uint8_t *last, size_t count)
{
	tulle_host_interface list[8];
	for (size_t i = 0; i < count; i++)
		list[i] = (tulle_host_interface){.id = 99,
			.addr = {.family = 4, .ip = {198, 51, 100, last[i]}},
			.mtu = 1400};
	paths_count = 0;
	tulle_host_set_interfaces(host, list, count);
}

/* New ones are told before those that went; what stays keeps its id, and no id comes twice. */
START_TEST(interfaces_that_come_and_go_are_paths_that_do)
{
	static const tulle_host_kind kind = {.handle = hear_path,
		.poll = say_nothing,
		.poll_timeout = never,
		.owns = own_all,
		.dispatch = do_nothing,
		.destroy = do_nothing};
	static tulle_host_member member;
	member = (tulle_host_member){.kind = &kind};
	ck_assert_int_eq(tulle_host_create(NULL, &host), TULLE_OK);
	see_interfaces((const uint8_t[]){1, 2, 2}, 3);
	ck_assert_int_eq(tulle_host_add(host, &member), TULLE_OK);
	ck_assert_uint_eq(paths_count, 2); /* one address twice is one path */
	uint32_t first = paths_heard[0].id, second = paths_heard[1].id;
	ck_assert(first != second && paths_heard[1].last == 2 && paths_heard[1].mtu == 1400);
	see_interfaces((const uint8_t[]){2, 1}, 2);
	ck_assert_uint_eq(paths_count, 0);
	see_interfaces((const uint8_t[]){3, 2}, 2);
	ck_assert_uint_eq(paths_count, 2);
	ck_assert(paths_heard[0].kind == TULLE_IN_PATH_UP && paths_heard[0].last == 3);
	ck_assert(paths_heard[1].kind == TULLE_IN_PATH_DOWN && paths_heard[1].id == first);
	uint32_t third = paths_heard[0].id;
	see_interfaces((const uint8_t[]){1, 2}, 2);
	ck_assert_uint_eq(paths_count, 2);
	ck_assert(paths_heard[0].last == 1 && paths_heard[0].id > third);
	ck_assert(paths_heard[1].kind == TULLE_IN_PATH_DOWN && paths_heard[1].id == third);
	tulle_host_destroy(host);
}
END_TEST

Suite *suite_host(void)
{
	Suite *s = suite_create("host");
	TCase *t = tcase_create("host");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, two_peers_on_one_host_say_hello);
	tcase_add_test(t, the_same_without_udp_segment_and_bound_to_an_address);
	tcase_add_test(t, a_peer_destroyed_in_a_listener_says_no_more);
	tcase_add_test(t, a_host_destroyed_in_a_listener_is_gone_when_the_step_returns);
	tcase_add_test(t, step_and_run_in_a_listener_are_errors_of_state);
	tcase_add_test(t, stop_from_a_thread_ends_run);
	tcase_add_test(t, stop_from_a_signal_handler_ends_run);
	tcase_add_test(t, wake_ends_the_wait_of_one_step);
	tcase_add_test(t, the_descriptor_is_readable_whenever_a_step_is_due);
	tcase_add_test(t, a_socket_forbids_fragments_unless_told);
	tcase_add_test(t, datagrams_that_may_be_cut_go_between_others);
	tcase_add_test(t, datagrams_lie_anywhere_in_their_room);
	tcase_add_test(t, two_roots_stand_on_one_host_and_one_may_go);
	tcase_add_test(t, servers_are_reached_by_the_host_or_it_is_said);
	tcase_add_test(t, a_root_destroyed_in_its_listener_is_gone_when_the_step_returns);
	tcase_add_test(t, interfaces_that_come_and_go_are_paths_that_do);
	suite_add_tcase(s, t);
	return s;
}
