/* SPDX-License-Identifier: MIT */
/* nat: two TURN clients on one real server, each through a socket of its own: they allocate, send
 * each other data in indications and on channels, and close. usage: turnpair ADDRESS PORT udp|tcp
 * USER PASSWORD [v6] [expect=FAILURE|refused=CODE|reflexive] v6: relayed addresses of IPv6 expect:
 * the first allocation (second with `second:`) fails so refused: the peer's permission is refused
 * with this code      reflexive: a Binding request alone Ends with 0 when all came as it should. */
#include <tulle/turn.h>

#include "base/addr.h"
#include "base/crypto.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 40, LONGEST = 1200 };

typedef struct {
	tulle_turn *turn;
	int fd;
	tulle_addr relayed;
	unsigned got, sent;
	bool ready, closed, failed, bound, permitted;
	tulle_turn_event failure, peer;
} Client;

static tulle_addr server;
static bool tcp, six;
static Client clients[2];

static tulle_time now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (tulle_time)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void stop(const char *why)
{
	printf("FAILED: %s\n", why);
	exit(1);
}

static socklen_t to_sockaddr(const tulle_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == 4) {
		struct sockaddr_in *in = (void *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (void *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

static int open_socket(void)
{
	struct sockaddr_storage to;
	socklen_t n = to_sockaddr(&server, &to);
	int fd = socket(to.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	/* Connected, a datagram socket takes from the server alone. */
	if (fd < 0 || connect(fd, (void *)&to, n) != 0)
		stop("connect");
	return fd;
}

static void put(const Client *c, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(c->fd, data + at, len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			stop("send");
		at += n > 0 ? (size_t)n : 0;
	}
}

/* Message i is 4 bytes of i and then a pattern; its length goes through all that padding knows. */
static size_t length_of(unsigned i)
{
	return 4 + i * 37 % (LONGEST - 4);
}

static void take(Client *c, const tulle_turn_data *d)
{
	if (d->data.ptr == NULL)
		return;
	const Client *other = &clients[c == clients];
	if (!tulle_addr_is(&d->peer, &other->relayed))
		stop("data from a stranger");
	if (d->data.len != length_of(c->got) || d->data.ptr[3] != c->got)
		stop("another message than the next one");
	for (size_t i = 4; i < d->data.len; i++)
		if (d->data.ptr[i] != (uint8_t)(i * 7 + c->got))
			stop("a message with other bytes");
	c->got++;
}

static void receive(Client *c)
{
	static uint8_t buf[65536];
	tulle_turn_data d;
	tulle_drop drop = TULLE_TAKEN;
	ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
	if (n < 0)
		return;
	if (tcp && n == 0)
		tulle_turn_stream_ended(c->turn, now_us());
	for (size_t used = 0; used < (size_t)n;) {
		size_t left = (size_t)n - used;
		if (tcp)
			used += tulle_turn_handle_stream(
				c->turn, now_us(), buf + used, left, &d, &drop);
		else
			drop = tulle_turn_handle_datagram(
				c->turn, now_us(), &server, buf, left, &d),
			used = (size_t)n;
		if (drop != TULLE_TAKEN)
			printf("dropped: %s\n", tulle_drop_name(drop));
		take(c, &d);
	}
}

static void hear(Client *c)
{
	tulle_turn_event e;
	while (tulle_turn_poll_event(c->turn, &e)) {
		if (e.kind == TULLE_TURN_EVENT_READY) {
			c->ready = true;
			c->relayed = e.u.ready.relayed[six];
		} else if (e.kind == TULLE_TURN_EVENT_PEER) {
			c->peer = e;
			c->permitted = e.u.peer.state >= TULLE_TURN_PEER_PERMITTED;
			c->bound = e.u.peer.state == TULLE_TURN_PEER_BOUND;
		} else if (e.kind == TULLE_TURN_EVENT_FAILED) {
			c->failed = true;
			c->failure = e;
		}
		c->closed = c->closed || e.kind == TULLE_TURN_EVENT_CLOSED;
	}
}

/* One turn of the loop over the clients that there are. */
static void turn_once(size_t count)
{
	uint8_t buf[TULLE_TURN_DATAGRAM_BYTES];
	struct pollfd fds[2];
	tulle_datagram d;
	tulle_time wake = now_us() + 100000;
	for (size_t i = 0; i < count; i++) {
		Client *c = &clients[i];
		tulle_turn_handle_timeout(c->turn, now_us());
		while (tulle_turn_poll_datagram(c->turn, now_us(), buf, sizeof buf, &d))
			put(c, buf, d.len);
		hear(c);
		tulle_turn_check(c->turn);
		tulle_time t = tulle_turn_poll_timeout(c->turn);
		wake = t < wake ? t : wake;
		fds[i] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	}
	tulle_time left = wake - now_us();
	(void)poll(fds, (nfds_t)count, left > 0 ? (int)(left / 1000 + 1) : 0);
	for (size_t i = 0; i < count; i++)
		receive(&clients[i]);
	for (size_t i = 0; i < count; i++)
		hear(&clients[i]);
}

#define WAIT(condition, count, what)                                                               \
	for (tulle_time end = now_us() + 10000000; !(condition);) {                                \
		if (now_us() > end || clients[0].failed || clients[1].failed)                      \
			stop(what);                                                                \
		turn_once(count);                                                                  \
	}

static void client_start(Client *c, const char *user, const char *password)
{
	const tulle_turn_config config = {.username = tulle_text_of(user),
		.password = tulle_text_of(password),
		.transport = tcp ? TULLE_TURN_STREAM : TULLE_TURN_UDP,
		.ipv6 = six,
		.loopback = true,
		.random = {tulle_crypto_random, NULL}};
	size_t bytes = tulle_turn_memory_bytes(&config);
	c->turn = tulle_turn_init(malloc(bytes), bytes, &config, now_us());
	c->fd = open_socket();
	if (c->turn == NULL ||
		tulle_turn_allocate(c->turn, now_us(), &(tulle_path){.remote = server}) != TULLE_OK)
		stop("allocate");
}

static void say(Client *c, const tulle_addr *to)
{
	static uint8_t buf[TULLE_TURN_HEADROOM + LONGEST + TULLE_TURN_TAILROOM];
	uint8_t *data = buf + TULLE_TURN_HEADROOM;
	size_t len = length_of(c->sent);
	tulle_bytes out;
	memset(data, 0, 4);
	data[3] = (uint8_t)c->sent;
	for (size_t i = 4; i < len; i++)
		data[i] = (uint8_t)(i * 7 + c->sent);
	if (tulle_turn_wrap(c->turn, now_us(), to, data, len, &out) != TULLE_OK)
		stop("wrap");
	put(c, out.ptr, out.len);
	c->sent++;
}

/* Both ways, one after the other, up to so many. */
static void talk(unsigned upto)
{
	Client *a = &clients[0], *b = &clients[1];
	while (a->sent < upto) {
		say(a, &b->relayed);
		WAIT(b->got == a->sent, 2, "a message did not arrive")
		say(b, &a->relayed);
		WAIT(a->got == b->sent, 2, "a message did not come back")
	}
}

static int expect_failure(const char *name, const char *user, const char *password)
{
	bool second = strncmp(name, "second:", 7) == 0;
	Client *c = &clients[second];
	for (size_t i = 0; i <= (size_t)second; i++) {
		client_start(&clients[i], user, password);
		tulle_time end = now_us() + 10000000;
		while (!clients[i].ready && !clients[i].failed && now_us() < end)
			turn_once(i + 1);
	}
	if (!c->failed)
		stop("it did not fail");
	const char *got = tulle_turn_failure_name(c->failure.u.failed.failure);
	printf("%s, code %u\n", got, c->failure.u.failed.code);
	return strcmp(got, name + (second ? 7 : 0)) != 0;
}

static int expect_refusal(unsigned code)
{
	Client *a = &clients[0];
	WAIT(a->peer.kind != 0, 1, "no answer to a permission")
	printf("refused with %u\n", a->peer.u.peer.code);
	return a->peer.u.peer.state != TULLE_TURN_PEER_REFUSED || a->peer.u.peer.code != code;
}

static int ask_reflexive(void)
{
	static max_align_t block[TULLE_TURN_REFLEXIVE_BYTES / sizeof(max_align_t)];
	const tulle_turn_reflexive_config config = {.random = {tulle_crypto_random, NULL}};
	uint8_t buf[512];
	tulle_datagram d;
	tulle_turn_reflexive_event e;
	int fd = open_socket();
	tulle_turn_reflexive *r = tulle_turn_reflexive_init(
		block, sizeof block, &config, &(tulle_path){.remote = server}, now_us());
	for (tulle_time end = now_us() + 5000000; r != NULL && now_us() < end;) {
		tulle_turn_reflexive_handle_timeout(r, now_us());
		while (tulle_turn_reflexive_poll_datagram(r, now_us(), buf, sizeof buf, &d))
			if (send(fd, buf, d.len, 0) < 0)
				stop("send");
		(void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 100);
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n >= 0)
			(void)tulle_turn_reflexive_handle_datagram(
				r, now_us(), &server, buf, (size_t)n);
		if (!tulle_turn_reflexive_poll_event(r, &e))
			continue;
		struct sockaddr_in us;
		socklen_t len = sizeof us;
		if (getsockname(fd, (void *)&us, &len) != 0 || e.mapped.port != ntohs(us.sin_port))
			stop("another port than the socket's");
		printf("mapped to port %u\n", e.mapped.port);
		return 0;
	}
	stop("no mapped address");
}

int main(int argc, char **argv)
{
	const char *special = NULL;
	if (argc < 6 || !tulle_addr_read_ip(tulle_text_of(argv[1]), &server))
		stop("usage: turnpair ADDRESS PORT udp|tcp USER PASSWORD [v6] [SPECIAL]");
	server.port = (uint16_t)strtoul(argv[2], NULL, 10);
	tcp = strcmp(argv[3], "tcp") == 0;
	for (int i = 6; i < argc; i++) {
		six = six || strcmp(argv[i], "v6") == 0;
		special = strcmp(argv[i], "v6") != 0 ? argv[i] : special;
	}
	if (special != NULL && strcmp(special, "reflexive") == 0)
		return ask_reflexive();
	if (special != NULL && strncmp(special, "expect=", 7) == 0)
		return expect_failure(special + 7, argv[4], argv[5]);
	Client *a = &clients[0], *b = &clients[1];
	tulle_time begun = now_us();
	client_start(a, argv[4], argv[5]);
	client_start(b, argv[4], argv[5]);
	WAIT(a->ready && b->ready, 2, "no allocation")
	printf("both allocated after %d us; ", (int)(now_us() - begun));
	if (tulle_turn_permit(a->turn, now_us(), &b->relayed) != TULLE_OK ||
		tulle_turn_permit(b->turn, now_us(), &a->relayed) != TULLE_OK)
		stop("permit");
	if (special != NULL && strncmp(special, "refused=", 8) == 0)
		return expect_refusal((unsigned)strtoul(special + 8, NULL, 10));
	WAIT(a->permitted && b->permitted, 2, "no permission")
	talk(MESSAGES / 2);
	if (tulle_turn_bind(a->turn, now_us(), &b->relayed) != TULLE_OK ||
		tulle_turn_bind(b->turn, now_us(), &a->relayed) != TULLE_OK)
		stop("bind");
	WAIT(a->bound && b->bound, 2, "no channel")
	if (tulle_turn_overhead(a->turn, &b->relayed) != 4)
		stop("a channel that is not used");
	talk(MESSAGES);
	tulle_turn_close(a->turn, now_us());
	tulle_turn_close(b->turn, now_us());
	WAIT(a->closed && b->closed, 2, "no end")
	printf("%d messages each way, half in indications, half on channels\n", MESSAGES);
	return 0;
}
