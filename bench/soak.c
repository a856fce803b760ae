/* SPDX-License-Identifier: MIT */
/* soak N: N connections, one after the other, between two peers on one host over real sockets: each
 * opens a channel, passes a message and is destroyed. What is compared: the bytes that the program
 * holds from malloc (glibc's mallinfo2: ours and OpenSSL's together) after the first tenth and at
 * the end, which must be the same but for a slack that does not grow with N; and the resident set
 * likewise. */
#include <tulle/host.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HELD_SLACK 65536    /* bytes, whatever N is: 6.5 a connection at 10,000 */
#define RSS_SLACK_KIB 2048  /* pages that malloc has not given back */
#define WARM_UP_MIN 500     /* until OpenSSL holds what it keeps for good */
#define STEPS_MAX 20000     /* of one connection */

typedef struct {
	tulle_peer *end[2];
	tulle_channel channel;
	unsigned opened, passed;
} pair;

static tulle_certificate *certificate;

static size_t held(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static long rss_kib(void)
{
	long all = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void describe(tulle_peer *self, tulle_peer *other)
{
	tulle_text sdp;
	if (tulle_peer_set_local(self, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		return;
	tulle_peer_local(self, true, &sdp);
	if (tulle_peer_set_remote(other, TULLE_SDP_OFFER, sdp.ptr, sdp.len) != TULLE_OK ||
		tulle_peer_set_local(other, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		return;
	tulle_peer_local(other, false, &sdp);
	(void)tulle_peer_set_remote(self, TULLE_SDP_ANSWER, sdp.ptr, sdp.len);
}

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	pair *p = user;
	tulle_peer *other = p->end[self == p->end[0]];
	if (e->kind == TULLE_PEER_NEGOTIATION_NEEDED)
		describe(self, other);
	else if (e->kind == TULLE_PEER_ICE_CANDIDATE)
		(void)tulle_peer_add_candidate(other, &e->u.candidate);
	else if (e->kind == TULLE_PEER_OPEN) {
		p->opened++;
		(void)tulle_channel_send_text(self, e->channel, "hello", 5);
	} else if (e->kind == TULLE_PEER_MESSAGE)
		p->passed += e->u.message.data.len == 5;
}

/* Every third pair with a certificate of its own, every second one closed before it is destroyed.
 */
static bool run_pair(tulle_host *host, unsigned long n)
{
	pair p = {0};
	tulle_peer_config config = {.listener = on_event,
		.user = &p,
		.ice.loopback = true,
		.certificate = n % 3 == 0 ? NULL : certificate};
	bool good = tulle_peer_create(host, &config, &p.end[0]) == TULLE_OK &&
		    tulle_peer_create(host, &config, &p.end[1]) == TULLE_OK &&
		    tulle_channel_create(p.end[0], "soak", NULL, &p.channel) == TULLE_OK;
	for (int i = 0; good && p.passed < 2 && i < STEPS_MAX; i++)
		good = tulle_host_step(host, 1000) == TULLE_OK;
	good = good && p.passed == 2 && p.opened == 2;
	if (n % 2 == 0 && p.end[0] != NULL) {
		tulle_peer_close(p.end[0]);
		good = tulle_host_step(host, 0) == TULLE_OK && good;
	}
	tulle_peer_destroy(p.end[0]);
	tulle_peer_destroy(p.end[1]);
	return good;
}

static unsigned judge(const char *what, double before, double after, double slack)
{
	bool good = after <= before + slack;
	printf("soak: %s: %.0f after the warm-up, %.0f at the end (allowed: %.0f more)%s\n", what,
		before, after, slack, good ? "" : ": GROWN");
	return good;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	unsigned long warm = n / 10 > WARM_UP_MIN ? n / 10 : WARM_UP_MIN;
	unsigned long passed = 0, failed = 0;
	size_t held_before = 0;
	long rss_before = 0;
	tulle_host *host;
	if (tulle_host_create(NULL, &host) != TULLE_OK ||
		tulle_certificate_make(&certificate) != TULLE_OK)
		return 1;
	clock_t start = clock();
	for (unsigned long i = 0; i < warm + n; i++) {
		if (i == warm) {
			held_before = held();
			rss_before = rss_kib();
		}
		bool good = run_pair(host, i);
		passed += good;
		failed += !good;
		if (!good)
			printf("soak: connection %lu did not pass its message\n", i);
		if ((i + 1) % 2000 == 0)
			printf("soak: %lu connections, %zu bytes held, %ld KiB resident\n", i + 1,
				held(), rss_kib());
	}
	double cpu = (double)(clock() - start) / CLOCKS_PER_SEC;
	printf("soak: %lu connects and closes after %lu to warm up, %.2f ms of CPU each\n", n, warm,
		cpu * 1000 / (double)(warm + n));
	bool same = judge("bytes held from malloc", (double)held_before, (double)held(), HELD_SLACK);
	bool resident = judge("resident KiB", (double)rss_before, (double)rss_kib(), RSS_SLACK_KIB);
	passed += (unsigned)same + (unsigned)resident;
	failed += (unsigned)!same + (unsigned)!resident;
	tulle_host_destroy(host);
	tulle_certificate_drop(certificate);
	printf("%lu passed, %lu failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
