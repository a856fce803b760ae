/* SPDX-License-Identifier: MIT */
/* bench: what this machine gives at best: copy, CRC32c, one DTLS 1.2 record a packet, UDP with
 * UDP_SEGMENT and UDP_GRO between two processes; no SCTP, no ICE, no windows but a count that the
 * receiver sends back. And the round trip of 64 B over bare UDP. usage: limit SECONDS | limit ping N
 */
#include "base/crc32c.h"
#include "dtls/dtls.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"

#define PACKET 1116 /* user bytes that SCTP carries in one packet of 1200 */
#define RUN 48
#define WINDOW 500u /* packets on the way at most: 208 KiB of socket buffer hold as many */
#define WARM_UP_US 500000
#define PINGS_WARM_UP 300

static tulle_dtls *dtls;
static tulle_cpu cpu;
static uint8_t plain[2048], wire[65536], *message;
static struct sockaddr_in other;
static int fd;

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(struct sockaddr_in *name)
{
	int size = HOST_SOCKET_BYTES, on = 1, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *name;
	*name = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (s < 0 || bind(s, (struct sockaddr *)name, len) != 0 ||
		getsockname(s, (struct sockaddr *)name, &len) != 0)
		fail("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(s, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
	return s;
}

/* -- DTLS -- */

static tulle_dtls *make_end(tulle_dtls_role role, tulle_certificate *own, tulle_certificate *peer)
{
	tulle_dtls_fingerprint f;
	tulle_dtls_config config = {.certificate = own, .plain = plain, .plain_bytes = sizeof plain};
	size_t bytes = tulle_dtls_memory_bytes(&config);
	tulle_dtls *d = tulle_dtls_init(malloc(bytes), bytes, &config, 0);
	tulle_certificate_fingerprint(peer, &f);
	if (d == NULL || tulle_dtls_start(d, 0, role, &f, 1) != TULLE_OK)
		fail("dtls");
	return d;
}

/* Both ends shake hands in memory before the processes part; each keeps its own. */
static void shake(tulle_dtls *ends[2])
{
	tulle_certificate *c[2];
	tulle_datagram d;
	tulle_dtls_event e;
	int connected = 0;
	for (int i = 0; i < 2; i++)
		if (tulle_certificate_create(0, &c[i]) != TULLE_OK)
			fail("certificate");
	ends[0] = make_end(TULLE_DTLS_CLIENT, c[0], c[1]);
	ends[1] = make_end(TULLE_DTLS_SERVER, c[1], c[0]);
	for (int turns = 0; connected < 2 && turns < 100; turns++)
		for (int i = 0; i < 2; i++) {
			while (tulle_dtls_poll_datagram(ends[i], 0, wire, sizeof wire, &d))
				tulle_dtls_handle_datagram(ends[1 - i], 0, wire, d.len);
			while (tulle_dtls_poll_event(ends[i], &e))
				connected += e.kind == TULLE_DTLS_EVENT_CONNECTED;
		}
	if (connected < 2)
		fail("handshake");
}

/* -- bulk -- */

static size_t seal_packet(uint8_t *dst, size_t room, size_t at)
{
	size_t n = 0;
	memcpy(plain + 28, message + at, PACKET);
	uint32_t crc = tulle_crc32c(cpu, 0, plain, 28 + PACKET);
	memcpy(plain + 8, &crc, 4);
	if (tulle_dtls_seal(dtls, 0, plain, 28 + PACKET, dst, room, &n) != TULLE_OK)
		fail("seal");
	memset(plain + 8, 0, 4);
	return n;
}

static void send_run(size_t *at)
{
	size_t len = 0, one = 0;
	for (int i = 0; i < RUN; i++) {
		one = seal_packet(wire + len, sizeof wire - len, *at);
		len += one;
		*at = (*at + PACKET) % ((1u << 20) - PACKET);
	}
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(2)] = {0};
	struct iovec iov = {wire, len};
	struct msghdr h = {.msg_name = &other,
		.msg_namelen = sizeof other,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	uint16_t segment = (uint16_t)one;
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(2);
	memcpy(CMSG_DATA(c), &segment, 2);
	if (sendmsg(fd, &h, 0) < 0)
		fail("sendmsg");
}

/* The receiver answers with how many packets it has; -1: over. */
static double run_sender(void)
{
	size_t at = 0;
	uint32_t sent = 0;
	int64_t got = 0;
	double start = 0;
	while (got >= 0) {
		int64_t said = 0;
		while ((uint32_t)(sent - (uint32_t)got) + RUN <= WINDOW) {
			send_run(&at);
			sent += RUN;
		}
		struct pollfd p = {fd, POLLIN, 0};
		if (poll(&p, 1, 3000) <= 0 || recv(fd, &said, sizeof said, 0) != sizeof said)
			fail("nothing came back");
		if (said == -2)
			start = cpu_us(); /* the window opens */
		else
			got = said;
	}
	return cpu_us() - start;
}

static size_t take_run(size_t len, size_t segment, uint32_t *packets, uint32_t *wrong)
{
	size_t bytes = 0;
	for (size_t at = 0; at < len; at += segment) {
		tulle_dtls_event e;
		size_t n = len - at < segment ? len - at : segment;
		tulle_dtls_handle_datagram(dtls, 0, wire + at, n);
		while (tulle_dtls_poll_event(dtls, &e)) {
			uint32_t crc;
			memcpy(&crc, e.data.ptr + 8, 4);
			memset(plain + 8, 0, 4);
			*wrong += crc != tulle_crc32c(cpu, 0, plain, e.data.len);
			memcpy(message + (bytes & 0xfffff), plain + 28, PACKET);
			bytes += PACKET;
			++*packets;
		}
	}
	return bytes;
}

static void say(int64_t what)
{
	(void)sendto(fd, &what, sizeof what, 0, (struct sockaddr *)&other, sizeof other);
}

static size_t receive(size_t *segment)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {wire, sizeof wire};
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &h, 0);
	if (n <= 0)
		fail("recvmsg");
	*segment = (size_t)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_type == UDP_GRO) {
			int value;
			memcpy(&value, CMSG_DATA(c), sizeof value);
			*segment = (size_t)value;
		}
	return (size_t)n;
}

static void run_receiver(double seconds, double *us, double *bytes, uint32_t *wrong)
{
	double start = now_us(), warm = start + WARM_UP_US, cpu_start = 0;
	uint32_t packets = 0;
	size_t segment;
	*bytes = 0;
	for (;;) {
		size_t n = receive(&segment);
		*bytes += (double)take_run(n, segment, &packets, wrong);
		say((int64_t)packets);
		double now = now_us();
		if (cpu_start <= 0 && now > warm) {
			*bytes = 0;
			start = now;
			cpu_start = cpu_us();
			say(-2);
		} else if (cpu_start > 0 && now - start > seconds * 1e6) {
			say(-1);
			*us = now - start;
			printf("result cpu_recv_us %.0f\n", cpu_us() - cpu_start);
			return;
		}
	}
}

static int run_bulk(double seconds)
{
	struct sockaddr_in names[2];
	int fds[2] = {open_socket(&names[0]), open_socket(&names[1])};
	tulle_dtls *ends[2];
	double us, bytes;
	uint32_t wrong = 0;
	shake(ends);
	message = calloc(1, 1u << 21);
	pid_t child = fork();
	int i = child == 0;
	fd = fds[i];
	other = names[1 - i];
	dtls = ends[i];
	if (child == 0) {
		printf("result cpu_send_us %.0f\n", run_sender());
		fflush(stdout);
		_exit(0);
	}
	run_receiver(seconds, &us, &bytes, &wrong);
	printf("result us %.0f bytes %.0f wrong %u\n", us, bytes, wrong);
	waitpid(child, NULL, 0);
	return 0;
}

/* -- ping -- */

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static void echo(void)
{
	uint8_t data[64];
	for (;;)
		if (recv(fd, data, sizeof data, 0) > 0)
			(void)sendto(fd, data, sizeof data, 0, (struct sockaddr *)&other,
				sizeof other);
}

static int run_ping(size_t count)
{
	struct sockaddr_in names[2];
	int fds[2] = {open_socket(&names[0]), open_socket(&names[1])};
	double *samples = calloc(count + PINGS_WARM_UP, sizeof *samples);
	pid_t child = fork();
	int i = child == 0;
	uint8_t data[64] = {0};
	fd = fds[i];
	other = names[1 - i];
	if (child == 0)
		echo();
	for (size_t n = 0; samples != NULL && n < count + PINGS_WARM_UP; n++) {
		double sent = now_us();
		(void)sendto(fd, data, sizeof data, 0, (struct sockaddr *)&other, sizeof other);
		if (recv(fd, data, sizeof data, 0) != sizeof data)
			fail("recv");
		samples[n] = now_us() - sent;
	}
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	qsort(samples + PINGS_WARM_UP, count, sizeof *samples, by_value);
	printf("result rtt_us_p50 %.1f rtt_us_p99 %.1f\n", samples[PINGS_WARM_UP + count / 2],
		samples[PINGS_WARM_UP + (count * 99 - 1) / 100]);
	free(samples);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "limit: SECONDS | ping N\n");
		return 2;
	}
	cpu = tulle_host_cpu();
	if (strcmp(argv[1], "ping") == 0)
		return run_ping(argc > 2 ? strtoul(argv[2], NULL, 10) : 1000);
	return run_bulk(strtod(argv[1], NULL));
}
