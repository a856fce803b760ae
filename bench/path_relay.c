/* SPDX-License-Identifier: MIT */
/* bench: lab/tunem.c's link for where no TUN can be had: a UDP relay of delay, loss,
 * rate and a drop-tail queue, each way. Port i stands for end i towards the other end, which is
 * known by the first datagram it sends. The rate charges IP bytes. On SIGTERM it prints what came.
 * usage: path_relay DELAY_MS LOSS_PERCENT RATE_MBIT QUEUE_PACKETS SEED */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 16384u
#define DATAGRAM_MAX 2048u
#define IP_UDP 28
#define RECEIVE_BYTES (4 << 20)

typedef struct {
	uint64_t sent_ns, due_ns;
	size_t len;
	uint8_t data[DATAGRAM_MAX];
} slot;

/* From end i to the other. */
typedef struct {
	slot *slots;
	unsigned head, tail, serialised;
	uint64_t busy_ns;
	unsigned long in, lost, overflow;
	size_t largest;
} direction;

static struct {
	int fd[2];
	struct sockaddr_in end[2];
	direction ways[2];
	uint64_t delay_ns, random;
	double loss, bytes_per_ns;
	unsigned queue;
} relay;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double dice(void)
{
	relay.random = relay.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(relay.random >> 33) / 2147483648.0;
}

static void enqueue(direction *d, const uint8_t *data, size_t len)
{
	uint64_t now = now_ns();
	d->in++;
	d->largest = len + IP_UDP > d->largest ? len + IP_UDP : d->largest;
	if (dice() < relay.loss) {
		d->lost++;
		return;
	}
	while (d->serialised != d->tail && d->slots[d->serialised % SLOTS].sent_ns <= now)
		d->serialised++;
	if (d->tail - d->serialised >= relay.queue || d->tail - d->head == SLOTS) {
		d->overflow++;
		return;
	}
	slot *s = &d->slots[d->tail++ % SLOTS];
	d->busy_ns = d->busy_ns > now ? d->busy_ns : now;
	d->busy_ns += (uint64_t)((double)(len + IP_UDP) / relay.bytes_per_ns);
	s->sent_ns = d->busy_ns;
	s->due_ns = d->busy_ns + relay.delay_ns;
	s->len = len;
	memcpy(s->data, data, len);
}

static void take(int from)
{
	uint8_t data[DATAGRAM_MAX];
	for (int n = 0; n < 64; n++) {
		struct sockaddr_in source;
		socklen_t size = sizeof source;
		ssize_t len = recvfrom(relay.fd[1 - from], data, sizeof data, MSG_DONTWAIT,
			(struct sockaddr *)&source, &size);
		if (len < 0)
			return;
		relay.end[from] = source;
		enqueue(&relay.ways[from], data, (size_t)len);
	}
}

/* What is due goes out; when the next is. */
static uint64_t deliver(int from, uint64_t next)
{
	direction *d = &relay.ways[from];
	const struct sockaddr_in *to = &relay.end[1 - from];
	uint64_t now = now_ns();
	while (d->head != d->tail && d->slots[d->head % SLOTS].due_ns <= now) {
		slot *s = &d->slots[d->head++ % SLOTS];
		if (to->sin_port != 0 && sendto(relay.fd[from], s->data, s->len, 0,
						 (const struct sockaddr *)to, sizeof *to) < 0)
			d->overflow++;
	}
	if (d->head != d->tail && d->slots[d->head % SLOTS].due_ns < next)
		next = d->slots[d->head % SLOTS].due_ns;
	return next;
}

static unsigned open_port(int i)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof name;
	int bytes = RECEIVE_BYTES;
	relay.fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (relay.fd[i] < 0 || bind(relay.fd[i], (struct sockaddr *)&name, len) != 0 ||
		getsockname(relay.fd[i], (struct sockaddr *)&name, &len) != 0) {
		perror("path_relay");
		exit(1);
	}
	setsockopt(relay.fd[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	return ntohs(name.sin_port);
}

static void run(void)
{
	while (!stopped) {
		uint64_t next = now_ns() + 100000000u, now;
		for (int i = 0; i < 2; i++)
			next = deliver(i, next);
		struct pollfd p[2] = {{relay.fd[0], POLLIN, 0}, {relay.fd[1], POLLIN, 0}};
		now = now_ns();
		struct timespec wait = {0, next > now ? (long)(next - now) : 0};
		if (ppoll(p, 2, &wait, NULL) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents != 0)
				take(1 - i);
	}
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: path_relay DELAY_MS LOSS_PERCENT RATE_MBIT QUEUE SEED\n");
		return 2;
	}
	relay.delay_ns = (uint64_t)(strtod(argv[1], NULL) * 1e6);
	relay.loss = strtod(argv[2], NULL) / 100;
	relay.bytes_per_ns = strtod(argv[3], NULL) / 8000;
	relay.queue = (unsigned)strtoul(argv[4], NULL, 10);
	relay.random = strtoull(argv[5], NULL, 10) * 2654435761u;
	for (int i = 0; i < 2; i++)
		if ((relay.ways[i].slots = calloc(SLOTS, sizeof(slot))) == NULL)
			return 1;
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGTERM, on_signal);
	unsigned first = open_port(0);
	fprintf(stderr, "relay ready %u %u\n", first, open_port(1));
	run();
	for (int i = 0; i < 2; i++) {
		const direction *d = &relay.ways[i];
		fprintf(stderr, "direction %d: in=%lu lost=%lu overflow=%lu largest=%zu\n", i,
			d->in, d->lost, d->overflow, d->largest);
	}
	return 0;
}
