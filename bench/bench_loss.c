/* SPDX-License-Identifier: MIT */
/* bench: 64 MiB between two peers over real sockets through a relay of ours on 127.0.0.1 that loses
 * 5 %, holds 5 % back behind later ones and doubles 2 % of the datagrams, both ways; all must come
 * whole and in order. usage: bench_loss [MIB] */
#include <tulle/host.h>

#include "peer/peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PART 65536u
#define HELD_MAX 64
#define HOLD_US 400

/* -- the relay: port i stands for end i towards the other end -- */

typedef struct {
	double at;
	int from;
	size_t len;
	uint8_t data[2048];
} held_packet;

static struct {
	int fd[2];
	uint16_t port[2];            /* the relay's */
	_Atomic uint16_t end_port[2]; /* the ends' own; 0: not yet known */
	_Atomic bool over;
	uint64_t random, datagrams, lost, late, doubled;
	held_packet held[HELD_MAX];
	size_t count;
} relay;

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static unsigned dice(void)
{
	relay.random = relay.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(relay.random >> 33) % 1000;
}

/* What came from an end leaves by the port that stands for that end. */
static void pass(int from, const uint8_t *data, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(relay.end_port[1 - from]),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (to.sin_port != 0)
		(void)sendto(relay.fd[from], data, len, 0, (struct sockaddr *)&to, sizeof to);
}

static void take_packet(int from, const uint8_t *data, size_t len)
{
	unsigned d = dice();
	relay.datagrams++;
	if (d < 50) {
		relay.lost++;
		return;
	}
	if (d < 100 && relay.count < HELD_MAX) {
		held_packet *h = &relay.held[relay.count++];
		h->at = now_us() + HOLD_US * (dice() + 1) / 1000.0;
		h->from = from;
		h->len = len;
		memcpy(h->data, data, len);
		relay.late++;
		return;
	}
	pass(from, data, len);
	if (d >= 980) {
		pass(from, data, len);
		relay.doubled++;
	}
}

static void release_held(void)
{
	double now = now_us();
	for (size_t i = 0; i < relay.count;) {
		if (relay.held[i].at > now) {
			i++;
			continue;
		}
		pass(relay.held[i].from, relay.held[i].data, relay.held[i].len);
		relay.held[i] = relay.held[--relay.count];
	}
}

static void *run_relay(void *unused)
{
	static uint8_t data[2048];
	struct pollfd p[2] = {{relay.fd[0], POLLIN, 0}, {relay.fd[1], POLLIN, 0}};
	while (!relay.over) {
		(void)poll(p, 2, relay.count != 0 ? 1 : 100);
		for (int i = 0; i < 2; i++)
			for (int n = 0; n < 16; n++) {
				ssize_t len = recv(relay.fd[i], data, sizeof data, MSG_DONTWAIT);
				if (len <= 0)
					break;
				take_packet(1 - i, data, (size_t)len);
			}
		release_held();
	}
	return unused;
}

static bool open_relay(void)
{
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in name = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof name;
		relay.fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (relay.fd[i] < 0 || bind(relay.fd[i], (struct sockaddr *)&name, len) != 0 ||
			getsockname(relay.fd[i], (struct sockaddr *)&name, &len) != 0)
			return false;
		relay.port[i] = ntohs(name.sin_port);
	}
	return true;
}

/* -- the ends -- */

static struct {
	tulle_peer *end[2];
	tulle_channel channel;
	uint64_t messages, sent, got, wrong;
	bool failed;
} b;
static uint8_t message[PART];

static uint8_t byte_at(uint64_t number, size_t at)
{
	return (uint8_t)((number * 31 + at * 7 + (at >> 8)) >> 1);
}

static void send_more(void)
{
	while (b.sent < b.messages) {
		for (size_t i = 0; i < PART; i++)
			message[i] = byte_at(b.sent, i);
		tulle_err err = tulle_channel_send_bytes(b.end[0], b.channel, message, PART);
		if (err == TULLE_WOULD_BLOCK)
			return;
		b.failed |= err != TULLE_OK;
		if (err != TULLE_OK)
			return;
		b.sent++;
	}
}

static void take_message(tulle_bytes data)
{
	size_t i = 0;
	while (data.len == PART && i < PART && data.ptr[i] == byte_at(b.got, i))
		i++;
	b.wrong += i != PART;
	b.got++;
}

/* The other end learns the relay's port in the place of ours. */
static void tell_candidate(int self, tulle_text text)
{
	char foundation[64], protocol[16], address[64], line[256];
	unsigned component, priority, port;
	char copy[256] = {0};
	if (text.len == 0 || text.len >= sizeof copy)
		return;
	memcpy(copy, text.ptr, text.len);
	if (sscanf(copy, "candidate:%63s %u %15s %u %63s %u", foundation, &component, protocol,
		    &priority, address, &port) != 6 ||
		strcmp(address, "127.0.0.1") != 0)
		return;
	relay.end_port[self] = (uint16_t)port;
	int len = snprintf(line, sizeof line, "candidate:%s 1 udp %u 127.0.0.1 %u typ host",
		foundation, priority, relay.port[self]);
	tulle_candidate c = {.candidate = {line, (size_t)len}, .mid = {"0", 1}};
	(void)tulle_peer_add_candidate(b.end[1 - self], &c);
}

static size_t without_candidates(tulle_text sdp, char *dst)
{
	size_t n = 0;
	for (size_t at = 0; at < sdp.len;) {
		const char *line = sdp.ptr + at, *end = memchr(line, '\n', sdp.len - at);
		size_t len = end != NULL ? (size_t)(end - line) + 1 : sdp.len - at;
		if (strncmp(line, "a=candidate", 11) != 0 && strncmp(line, "a=end-of", 8) != 0) {
			memcpy(dst + n, line, len);
			n += len;
		}
		at += len;
	}
	return n;
}

static void describe(void)
{
	char text[8192];
	tulle_text sdp;
	b.failed |= tulle_peer_set_local(b.end[0], TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK;
	tulle_peer_local(b.end[0], true, &sdp);
	size_t n = without_candidates(sdp, text);
	b.failed |= tulle_peer_set_remote(b.end[1], TULLE_SDP_OFFER, text, n) != TULLE_OK;
	b.failed |= tulle_peer_set_local(b.end[1], TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK;
	tulle_peer_local(b.end[1], false, &sdp);
	n = without_candidates(sdp, text);
	b.failed |= tulle_peer_set_remote(b.end[0], TULLE_SDP_ANSWER, text, n) != TULLE_OK;
}

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	int i = self == b.end[1];
	(void)user;
	if (e->kind == TULLE_PEER_NEGOTIATION_NEEDED)
		describe();
	else if (e->kind == TULLE_PEER_ICE_CANDIDATE)
		tell_candidate(i, e->u.candidate.candidate);
	else if (e->kind == TULLE_PEER_OPEN || e->kind == TULLE_PEER_BUFFERED_LOW) {
		if (i == 0)
			send_more();
	} else if (e->kind == TULLE_PEER_MESSAGE)
		take_message(e->u.message.data);
	else if (e->kind == TULLE_PEER_CLOSE || e->kind == TULLE_PEER_ERROR)
		b.failed = true;
}

int main(int argc, char **argv)
{
	tulle_host *host;
	pthread_t thread;
	tulle_peer_config config = {
		.listener = on_event, .ice.loopback = true, .datagram_bytes_max = 1200};
	unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
	b.messages = (uint64_t)mib * 1048576 / PART;
	relay.random = 20261123;
	if (!open_relay() || tulle_host_create(NULL, &host) != TULLE_OK ||
		tulle_peer_create(host, &config, &b.end[0]) != TULLE_OK ||
		tulle_peer_create(host, &config, &b.end[1]) != TULLE_OK ||
		pthread_create(&thread, NULL, run_relay, NULL) != 0)
		return 1;
	double start = now_us();
	tulle_channel_create(b.end[0], "loss", NULL, &b.channel);
	while (!b.failed && b.got < b.messages && now_us() - start < 300e6)
		b.failed |= tulle_host_step(host, 1000) != TULLE_OK;
	relay.over = true;
	pthread_join(thread, NULL);
	bool good = !b.failed && b.got == b.messages && b.wrong == 0;
	printf("loss: %llu of %llu messages of 64 KiB in order in %.1f s; the relay lost %llu, held "
	       "back %llu, doubled %llu of %llu datagrams\n",
		(unsigned long long)(b.got - b.wrong), (unsigned long long)b.messages,
		(now_us() - start) / 1e6, (unsigned long long)relay.lost,
		(unsigned long long)relay.late, (unsigned long long)relay.doubled,
		(unsigned long long)relay.datagrams);
	tulle_sctp_stats st;
	tulle_peer_read_stats(b.end[0], &st);
	printf("loss: %llu retransmissions, %llu of them fast, %llu timeouts\n",
		(unsigned long long)st.retransmissions, (unsigned long long)st.fast_retransmits,
		(unsigned long long)st.timeouts);
	printf("%d passed, %d failed\n", good, !good);
	tulle_host_destroy(host);
	return good ? 0 : 1;
}
