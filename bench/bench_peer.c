/* SPDX-License-Identifier: MIT */
/* bench: one end of a measured connection. Two such processes (or one and its like of another
 * library) speak lines on stdin and stdout: `sdp TYPE HEX`, `candidate MID HEX`, `result KEY
 * VALUE...`. The receiver owns the window: it says "mark" and "end" in the channel, and at each the
 * sender looks at its own clock of CPU. Roles: send BYTES SECONDS [WARM_UP], recv BYTES SECONDS
 * [WARM_UP], ping COUNT, echo, open COUNT, idle PAIRS. */
#include <tulle/host.h>

#include "host/host.h"
#include "peer/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_S 0.7
#define MESSAGE_MAX 65536
#define BUFFERED_MAX (1u << 20) /* the same for all peers, as is LOW */
#define BUFFERED_LOW (256u << 10)
#define PING_WARM_UP 300

static struct {
	const char *role;
	size_t bytes, count, done;
	double seconds, warm_up_us;
	bool offers, over, marked;
	tulle_host *host;
	tulle_peer *peer;
	tulle_channel channel;
	uint64_t sequence, expected, received, wrong;
	double start_us, start_cpu_us, sent_us;
	uint32_t pattern_sum;
	double *samples;
} b;
static uint32_t message[MESSAGE_MAX / 4];

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
	fprintf(stderr, "bench_peer %s: %s: %s\n", b.role, what,
		b.peer != NULL ? tulle_peer_why(b.peer) : "");
	exit(1);
}

/* -- the work in the channel: words 0 and 1 are the number of the message, the rest a pattern -- */

static uint32_t sum_words(const uint8_t *data, size_t len)
{
	uint32_t sum = 0, word;
	for (size_t i = 8; i + 4 <= len; i += 4) {
		memcpy(&word, data + i, 4);
		sum += word;
	}
	return sum;
}

static void make_pattern(void)
{
	uint32_t x = 1;
	for (size_t i = 2; i < MESSAGE_MAX / 4; i++) {
		x = x * 1664525u + 1013904223u;
		message[i] = x;
	}
	b.pattern_sum = sum_words((const uint8_t *)message, b.bytes);
}

static void send_more(void)
{
	while (!b.over && tulle_channel_buffered(b.peer, b.channel) < BUFFERED_MAX) {
		message[0] = (uint32_t)b.sequence;
		tulle_err err =
			tulle_channel_send_bytes(b.peer, b.channel, message, b.bytes);
		if (err == TULLE_WOULD_BLOCK)
			return;
		if (err != TULLE_OK)
			fail("send");
		b.sequence++;
	}
}

static void print_stats(void)
{
	tulle_sctp_stats s;
	tulle_peer_read_stats(b.peer, &s);
	printf("result retransmissions %llu socket_drops %llu packets_out %llu packets_in %llu "
	       "timeouts %llu no_room %llu zero_windows %llu srtt_us %lld\n",
		(unsigned long long)s.retransmissions, (unsigned long long)b.host->socket_drops,
		(unsigned long long)s.packets_out, (unsigned long long)s.packets_in,
		(unsigned long long)s.timeouts, (unsigned long long)s.no_room,
		(unsigned long long)s.zero_windows, (long long)s.srtt_us);
}

static void take_mark(tulle_bytes text)
{
	if (text.len == 4) {
		b.start_cpu_us = cpu_us();
		return;
	}
	printf("result cpu_us %.0f\n", cpu_us() - b.start_cpu_us);
	print_stats();
	b.over = true;
}

static void end_window(double now)
{
	printf("result cpu_us %.0f us %.0f bytes %llu wrong %llu\n", cpu_us() - b.start_cpu_us,
		now - b.start_us, (unsigned long long)b.received, (unsigned long long)b.wrong);
	print_stats();
	tulle_channel_send_text(b.peer, b.channel, "end", 3);
	b.done = 1;
}

static void take_data(tulle_bytes data)
{
	uint32_t number;
	if (b.done)
		return;
	memcpy(&number, data.ptr, 4);
	if (data.len != b.bytes || number != (uint32_t)b.expected ||
		sum_words(data.ptr, data.len) != b.pattern_sum)
		b.wrong++;
	b.expected++;
	b.received += data.len;
	if (b.expected % 64 != 0 && b.bytes < 16384)
		return; /* the clock is looked at now and then */
	double now = now_us();
	if (b.start_us == 0)
		b.start_us = now;
	if (!b.marked && now - b.start_us > b.warm_up_us) {
		b.marked = true;
		b.received = 0;
		b.start_us = now;
		b.start_cpu_us = cpu_us();
		tulle_channel_send_text(b.peer, b.channel, "mark", 4);
	} else if (b.marked && now - b.start_us > b.seconds * 1e6) {
		end_window(now);
	}
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, c = *(const double *)y;
	return (a > c) - (a < c);
}

static void print_percentiles(const char *name, double *samples, size_t n)
{
	qsort(samples, n, sizeof *samples, by_value);
	printf("result %s_p50 %.1f %s_p99 %.1f\n", name, samples[n / 2], name,
		samples[(n * 99 - 1) / 100]);
}

static void send_ping(void)
{
	b.sent_us = now_us();
	if (tulle_channel_send_bytes(b.peer, b.channel, message, 64) != TULLE_OK)
		fail("ping");
}

static void take_pong(void)
{
	if (b.done >= PING_WARM_UP)
		b.samples[b.done - PING_WARM_UP] = now_us() - b.sent_us;
	if (++b.done < b.count + PING_WARM_UP) {
		send_ping();
		return;
	}
	print_percentiles("rtt_us", b.samples, b.count);
	b.over = true;
}

static void take_message(const tulle_peer_event *e)
{
	if (b.role[0] == 'e')
		tulle_channel_send_bytes(b.peer, e->channel, e->u.message.data.ptr,
			e->u.message.data.len);
	else if (b.role[0] == 'p')
		take_pong();
	else if (e->u.message.is_text)
		take_mark(e->u.message.data);
	else
		take_data(e->u.message.data);
}

/* -- signaling -- */

static void print_hex(tulle_text text)
{
	for (size_t i = 0; i < text.len; i++)
		printf("%02x", (uint8_t)text.ptr[i]);
	printf("\n");
	fflush(stdout);
}

static void describe(tulle_sdp_type type)
{
	tulle_text sdp = {0};
	if (tulle_peer_set_local(b.peer, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK ||
		tulle_peer_local(b.peer, type == TULLE_SDP_OFFER, &sdp) != type)
		fail("set_local");
	printf("sdp %s ", type == TULLE_SDP_OFFER ? "offer" : "answer");
	print_hex(sdp);
}

static void take_line(char *line)
{
	char word[32], second[64], *hex = strrchr(line, ' ');
	static char text[16384];
	size_t n = 0;
	if (sscanf(line, "%31s %63s", word, second) != 2 || hex == NULL)
		return;
	for (hex++; hex[2 * n] != 0 && hex[2 * n + 1] != 0 && n < sizeof text; n++) {
		char pair[3] = {hex[2 * n], hex[2 * n + 1], 0};
		text[n] = (char)strtoul(pair, NULL, 16);
	}
	if (strcmp(word, "candidate") == 0) {
		tulle_candidate c = {.candidate = {text, n}, .mid = {"0", 1}};
		tulle_peer_add_candidate(b.peer, &c);
		return;
	}
	bool offer = strcmp(second, "offer") == 0;
	if (tulle_peer_set_remote(
		    b.peer, offer ? TULLE_SDP_OFFER : TULLE_SDP_ANSWER, text, n) != TULLE_OK)
		fail("set_remote");
	if (offer)
		describe(TULLE_SDP_ANSWER);
}

static bool read_lines(void)
{
	static char lines[32768];
	static size_t len;
	ssize_t n = read(0, lines + len, sizeof lines - len - 1);
	if (n == 0)
		return false;
	if (n < 0)
		return errno == EAGAIN;
	len += (size_t)n;
	lines[len] = 0;
	for (char *end; (end = strchr(lines, '\n')) != NULL;) {
		*end = 0;
		take_line(lines);
		len -= (size_t)(end + 1 - lines);
		memmove(lines, end + 1, len + 1);
	}
	return true;
}

static void on_open(const tulle_peer_event *e)
{
	b.channel = e->channel;
	tulle_channel_set_low(b.peer, b.channel, BUFFERED_LOW);
	if (b.role[0] == 's')
		send_more();
	else if (b.role[0] == 'p')
		send_ping();
}

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	(void)self, (void)user;
	switch ((int)e->kind) {
	case TULLE_PEER_NEGOTIATION_NEEDED:
		if (b.offers)
			describe(TULLE_SDP_OFFER);
		break;
	case TULLE_PEER_ICE_CANDIDATE:
		printf("candidate 0 ");
		print_hex(e->u.candidate.candidate);
		break;
	case TULLE_PEER_OPEN:
		on_open(e);
		break;
	case TULLE_PEER_BUFFERED_LOW:
		if (b.role[0] == 's')
			send_more();
		break;
	case TULLE_PEER_MESSAGE:
		take_message(e);
		break;
	case TULLE_PEER_CLOSE:
		b.over = true;
		break;
	default:
		break;
	}
}

static int run_end(void)
{
	/* the others do not look for larger datagrams */
	tulle_peer_config config = {.listener = on_event, .datagram_bytes_max = 1200};
	b.offers = b.role[0] == 's' || b.role[0] == 'p';
	b.samples = calloc(b.count + 1, sizeof *b.samples);
	make_pattern();
	fcntl(0, F_SETFL, O_NONBLOCK);
	if (b.samples == NULL || tulle_host_create(NULL, &b.host) != TULLE_OK ||
		tulle_peer_create(b.host, &config, &b.peer) != TULLE_OK)
		fail("create");
	if (b.offers)
		tulle_channel_create(b.peer, "bench", NULL, &b.channel);
	while (tulle_peer_connection(b.peer) != TULLE_CONNECTION_CONNECTED && read_lines())
		if (tulle_host_step(b.host, 1) != TULLE_OK)
			fail("step");
	while (!b.over && tulle_host_step(b.host, -1) == TULLE_OK)
		continue;
	if (b.offers) /* so that the other end hears it */
		tulle_peer_close(b.peer);
	tulle_host_step(b.host, 0);
	fflush(stdout);
	tulle_host_destroy(b.host);
	free(b.samples);
	return 0;
}

/* -- pairs in one process: time to open, and what an idle connection holds -- */

typedef struct {
	tulle_peer *end[2];
	tulle_channel channel;
	int opened;
} pair;

static void on_pair(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	pair *p = user;
	tulle_peer *other = p->end[self == p->end[0]];
	tulle_text sdp;
	if (e->kind == TULLE_PEER_ICE_CANDIDATE)
		(void)tulle_peer_add_candidate(other, &e->u.candidate);
	if (e->kind == TULLE_PEER_OPEN)
		p->opened++;
	if (e->kind != TULLE_PEER_NEGOTIATION_NEEDED)
		return;
	if (tulle_peer_set_local(self, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		fail("offer");
	tulle_peer_local(self, true, &sdp);
	if (tulle_peer_set_remote(other, TULLE_SDP_OFFER, sdp.ptr, sdp.len) != TULLE_OK ||
		tulle_peer_set_local(other, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		fail("answer");
	tulle_peer_local(other, false, &sdp);
	if (tulle_peer_set_remote(self, TULLE_SDP_ANSWER, sdp.ptr, sdp.len) != TULLE_OK)
		fail("set_remote");
}

static void open_pair(pair *p)
{
	tulle_peer_config config = {
		.listener = on_pair, .user = p, .datagram_bytes_max = 1200};
	if (tulle_peer_create(b.host, &config, &p->end[0]) != TULLE_OK ||
		tulle_peer_create(b.host, &config, &p->end[1]) != TULLE_OK)
		fail("create");
	tulle_channel_create(p->end[0], "bench", NULL, &p->channel);
	while (p->opened < 2)
		if (tulle_host_step(b.host, -1) != TULLE_OK)
			fail("step");
}

static int run_open(void)
{
	b.samples = calloc(b.count + 1, sizeof *b.samples);
	double cpu = cpu_us();
	if (b.samples == NULL || tulle_host_create(NULL, &b.host) != TULLE_OK)
		fail("create");
	for (size_t i = 0; i < b.count; i++) {
		pair p = {0};
		double start = now_us();
		open_pair(&p);
		b.samples[i] = (now_us() - start) / 1000;
		tulle_peer_destroy(p.end[0]);
		tulle_peer_destroy(p.end[1]);
	}
	printf("result cpu_ms_a_pair %.3f\n", (cpu_us() - cpu) / 1000 / (double)b.count);
	print_percentiles("setup_ms", b.samples, b.count);
	tulle_host_destroy(b.host);
	free(b.samples);
	return 0;
}

static long rss_kib(void)
{
	long pages = 0, all = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%ld %ld", &all, &pages) != 2)
		fail("statm");
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int run_idle(void)
{
	pair *pairs = calloc(b.count + 5, sizeof *pairs);
	if (pairs == NULL || tulle_host_create(NULL, &b.host) != TULLE_OK)
		fail("create");
	for (size_t i = 0; i < 5; i++)
		open_pair(&pairs[i]);
	long before = rss_kib();
	for (size_t i = 5; i < b.count + 5; i++)
		open_pair(&pairs[i]);
	for (double until = now_us() + 1e6; now_us() < until;)
		tulle_host_step(b.host, 100);
	printf("result idle_kib %.1f\n", (double)(rss_kib() - before) / (double)b.count / 2);
	double cpu = cpu_us();
	for (double until = now_us() + 2e6; now_us() < until;)
		tulle_host_step(b.host, 100);
	printf("result idle_cpu_percent %.2f\n", (cpu_us() - cpu) / 2e6 * 100);
	tulle_host_destroy(b.host);
	free(pairs);
	return 0;
}

int main(int argc, char **argv)
{
	b.role = argc > 1 ? argv[1] : "";
	b.bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	b.count = b.bytes;
	b.seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
	b.warm_up_us = 1e6 * (argc > 4 ? strtod(argv[4], NULL) : WARM_UP_S);
	if (b.bytes == 0 && strcmp(b.role, "echo") != 0) {
		fprintf(stderr, "bench_peer: send|recv|ping|echo|open|idle N [SECONDS]\n");
		return 2;
	}
	if (strcmp(b.role, "open") == 0)
		return run_open();
	if (strcmp(b.role, "idle") == 0)
		return run_idle();
	if (b.role[0] == 's' || b.role[0] == 'r')
		b.count = 0;
	if ((b.role[0] == 's' || b.role[0] == 'r') && (b.bytes < 12 || b.bytes > MESSAGE_MAX))
		fail("12 to 65536 bytes a message");
	return run_end();
}
