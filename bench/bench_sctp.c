/* SPDX-License-Identifier: MIT */
/* bench: CPU of a bare association, both ends, beside libusrsctp's; and instructions a packet over
 * a long path of our own for callgrind (which collects inside measured_window only).
 * usage: bench_sctp tulle|usrsctp BYTES SECONDS | bench_sctp window BYTES PACKETS */
#include "base/pool.h"
#include "host/host.h"
#include "sctp/sctp.h"

#include "bench/sctp_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BLOCK_BYTES 2048u
#define BATCH 32 /* packets of one end before the other has its turn */
#define ANSWER 2 /* as libusrsctp answers: RFC9260:6.2 */
#define WARM_UP_US 500000
#define RATE 125000000u /* bytes/s of the long path */

static sctp_memory m;

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
	fprintf(stderr, "bench_sctp: %s\n", what);
	exit(1);
}

static uint32_t sum_words(const uint8_t *data, size_t len)
{
	uint32_t sum = 0, word;
	for (size_t i = 0; i + 4 <= len; i += 4) {
		memcpy(&word, data + i, 4);
		sum += word;
	}
	return sum;
}

void sctp_memory_take(sctp_memory *x, const uint8_t *data, size_t len, bool last)
{
	uint32_t number = x->expected;
	if (x->at == 0 && len >= 4)
		memcpy(&number, data, 4);
	x->sum += sum_words(data, len) - (x->at == 0 ? number : 0);
	x->at += len;
	x->wrong += len % 4 != 0 || number != x->expected;
	x->received += len;
	if (!last)
		return;
	x->wrong += x->at != x->bytes || x->sum != x->pattern_sum;
	x->at = x->sum = 0;
	x->expected++;
}

static void make_pattern(size_t bytes)
{
	uint32_t x = 1;
	m.bytes = bytes;
	for (size_t i = 1; i < bytes / 4; i++)
		m.message[i] = x = x * 1664525u + 1013904223u;
	m.pattern_sum = sum_words((const uint8_t *)m.message + 4, bytes - 4);
}

/* -- ours -- */

static tulle_sctp *end[2];

static bool fill(void *user, uint8_t *dst, size_t len)
{
	static uint64_t x = 1;
	(void)user;
	for (size_t i = 0; i < len; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		dst[i] = (uint8_t)(x >> 56);
	}
	return true;
}

static void open_ends(size_t buffer_bytes, size_t send_bytes, tulle_time now)
{
	for (int i = 0; i < 2; i++) {
		size_t blocks = 2 * buffer_bytes / BLOCK_BYTES;
		size_t n = tulle_pool_memory_bytes(BLOCK_BYTES, blocks);
		tulle_pool *pool = tulle_pool_init(malloc(n), n, BLOCK_BYTES, blocks);
		tulle_sctp_config c = {.packet_bytes_max = SCTP_MTU,
			.send_bytes_max = send_bytes,
			.receive_bytes_max = buffer_bytes,
			.pool = pool,
			.cpu = (uint8_t)tulle_host_cpu(),
			.random = {fill, NULL}};
		c.reserve_blocks = tulle_sctp_reserve_blocks_min(&c);
		n = tulle_sctp_memory_bytes(&c);
		end[i] = tulle_sctp_init(malloc(n), n, &c, now);
		if (end[i] == NULL)
			fail("init");
	}
	if (tulle_sctp_connect(end[0], now) != TULLE_OK)
		fail("connect");
}

static void take_events(int i)
{
	tulle_sctp_event e;
	while (tulle_sctp_poll_event(end[i], &e)) {
		if (e.kind == TULLE_SCTP_MESSAGE)
			sctp_memory_take(&m, e.data, e.len, e.last);
		if (e.kind == TULLE_SCTP_CLOSED)
			fail("an association ended");
	}
}

static void send_more(tulle_time now)
{
	for (;;) {
		m.message[0] = m.sent;
		tulle_err err = tulle_sctp_send(end[0], now, 0, m.sent, m.message, m.bytes, NULL);
		if (err == TULLE_WOULD_BLOCK)
			return;
		if (err != TULLE_OK)
			fail("send");
		m.sent++;
	}
}

/* One end's packets to the other, which answers as a host's loop lets it. */
static bool pass(int from, tulle_time now)
{
	static uint8_t packet[2][SCTP_MTU];
	tulle_datagram d;
	int n = 0;
	while (n < BATCH && tulle_sctp_poll_datagram(end[from], now, packet[from], SCTP_MTU, &d)) {
		tulle_sctp_handle_datagram(end[1 - from], now, packet[from], d.len);
		m.packets++;
		take_events(1 - from);
		if (from == 0 && ++n % ANSWER == 0)
			pass(1, now);
	}
	return n != 0;
}

static bool turn(double at_us)
{
	tulle_time now = (tulle_time)at_us;
	for (int i = 0; i < 2; i++)
		if (tulle_sctp_poll_timeout(end[i]) <= now)
			tulle_sctp_handle_timeout(end[i], now);
	take_events(0);
	send_more(now);
	bool moved = pass(0, now);
	pass(1, now);
	take_events(0);
	if (moved)
		return true;
	tulle_time a = tulle_sctp_poll_timeout(end[0]), b = tulle_sctp_poll_timeout(end[1]);
	tulle_time wait = (a < b ? a : b) - now;
	wait = wait > 1000 ? 1000 : wait;
	if (wait > 0)
		nanosleep(&(struct timespec){0, wait * 1000}, NULL);
	return true;
}

/* -- CPU -- */

static int run_cpu(bool ours, double seconds)
{
	double start = now_us(), cpu = 0, from = 0, now;
	uint64_t before = 0, packets = 0;
	if (ours)
		open_ends(SCTP_BUFFER_BYTES, SCTP_BUFFER_BYTES, (tulle_time)start);
	else if (!sctp_usr_open(&m))
		fail("usrsctp does not open");
	while ((now = now_us()) - start < WARM_UP_US + seconds * 1e6) {
		if (from == 0 && now - start > WARM_UP_US) {
			from = now;
			cpu = cpu_us();
			before = m.received;
			packets = m.packets;
		}
		if (!(ours ? turn(now) : sctp_usr_turn(&m, now)))
			fail("stopped");
	}
	printf("result bytes %llu cpu_us %.0f us %.0f packets %llu wrong %llu\n",
		(unsigned long long)(m.received - before), cpu_us() - cpu, now - from,
		(unsigned long long)(m.packets - packets), (unsigned long long)m.wrong);
	if (ours) {
		tulle_sctp_stats s;
		tulle_sctp_read_stats(end[0], &s);
		printf("result retransmissions %llu timeouts %llu\n",
			(unsigned long long)s.retransmissions, (unsigned long long)s.timeouts);
	} else {
		sctp_usr_close();
	}
	return 0;
}

/* -- instructions: virtual time, 1 Gbit/s, a round trip that `window` bytes fill -- */

typedef struct {
	tulle_time at;
	uint16_t len;
	uint8_t data[SCTP_MTU];
} flying;

static struct {
	flying *ring;
	size_t cap, head, tail;
	double busy;
} way[2];
static tulle_time virtual_now = 1000000, one_way;

static void launch(int from)
{
	tulle_datagram d;
	for (;;) {
		if (way[from].tail - way[from].head == way[from].cap)
			return;
		flying *f = &way[from].ring[way[from].tail % way[from].cap];
		if (!tulle_sctp_poll_datagram(end[from], virtual_now, f->data, SCTP_MTU, &d))
			return;
		if (way[from].busy < (double)virtual_now)
			way[from].busy = (double)virtual_now;
		way[from].busy += (double)d.len * 1e6 / RATE;
		f->at = (tulle_time)way[from].busy + one_way;
		f->len = (uint16_t)d.len;
		way[from].tail++;
	}
}

static void step(void)
{
	tulle_time next = TULLE_TIME_NEVER;
	for (int i = 0; i < 2; i++) {
		tulle_time t = tulle_sctp_poll_timeout(end[i]);
		next = t < next ? t : next;
		if (way[i].head != way[i].tail && way[i].ring[way[i].head % way[i].cap].at < next)
			next = way[i].ring[way[i].head % way[i].cap].at;
	}
	virtual_now = next > virtual_now ? next : virtual_now;
	for (int i = 0; i < 2; i++) {
		if (tulle_sctp_poll_timeout(end[i]) <= virtual_now)
			tulle_sctp_handle_timeout(end[i], virtual_now);
		while (way[1 - i].head != way[1 - i].tail) {
			flying *f = &way[1 - i].ring[way[1 - i].head % way[1 - i].cap];
			if (f->at > virtual_now)
				break;
			tulle_sctp_handle_datagram(end[i], virtual_now, f->data, f->len);
			way[1 - i].head++;
		}
		take_events(i);
	}
	send_more(virtual_now);
	launch(0);
	launch(1);
}

__attribute__((noinline)) void measured_window(uint64_t until);
__attribute__((noinline)) void measured_window(uint64_t until)
{
	tulle_sctp_stats s;
	do {
		for (int i = 0; i < 64; i++)
			step();
		tulle_sctp_read_stats(end[0], &s);
	} while (s.packets_out < until);
}

static int run_window(size_t window, uint64_t packets)
{
	tulle_sctp_stats s;
	one_way = (tulle_time)(window * UINT64_C(1000000) / RATE / 2);
	make_pattern(4096);
	open_ends(4 * window + (1u << 20), window + window / 4, virtual_now); /* blocks, not full */
	for (int i = 0; i < 2; i++) {
		way[i].cap = 4 * window / SCTP_MTU + 4096;
		way[i].ring = malloc(way[i].cap * sizeof *way[i].ring);
	}
	do { /* until the path is full */
		step();
		tulle_sctp_read_stats(end[0], &s);
	} while (s.flight < window * 4 / 5 && virtual_now < (tulle_time)60 * 1000000);
	uint64_t before = s.packets_out;
	measured_window(before + packets);
	tulle_sctp_read_stats(end[0], &s);
	printf("result packets %llu flight %zu rtt_us %lld wrong %llu\n",
		(unsigned long long)(s.packets_out - before), s.flight, (long long)s.srtt_us,
		(unsigned long long)m.wrong);
	return 0;
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	double number = argc > 3 ? strtod(argv[3], NULL) : 2;
	bool ours = argc > 1 && strcmp(argv[1], "tulle") == 0;
	if (argc > 1 && strcmp(argv[1], "window") == 0 && bytes >= 65536)
		return run_window(bytes, (uint64_t)number);
	if (argc < 3 || bytes < 8 || bytes > SCTP_MESSAGE_MAX || bytes % 4 != 0 ||
		(!ours && strcmp(argv[1], "usrsctp") != 0)) {
		fprintf(stderr, "bench_sctp: tulle|usrsctp BYTES SECONDS | window BYTES PACKETS\n");
		return 2;
	}
	make_pattern(bytes);
	return run_cpu(ours, number);
}
