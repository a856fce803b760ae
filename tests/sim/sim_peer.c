/* SPDX-License-Identifier: MIT */
/* sim: cases of whole peers. 5 % of the datagrams are lost, 5 % come late, 2 % twice, from the
 * first STUN check on. Each is a function of its seed, OpenSSL's randomness included. */
#include "tests/sim/sim_peer.h"

#include "tests/support/couple.h"

#include <stdlib.h>
#include <string.h>

#define PART 65536u
#define SECONDS(n) ((tulle_time)(n)*1000000)

uint64_t sim_peer_bulk_bytes = (uint64_t)2 << 20;

/* Of the case under way; a couple hands no pointer of ours to its listener. */
static struct {
	sim_verdict *verdict;
	uint64_t messages, sent, got;
	unsigned hellos, writables;
	bool pausing;
	uint8_t *message;
} now;

static void open_lossy(couple *c, uint64_t seed, sim_verdict *verdict)
{
	*c = (couple){.seed = seed, .loss = 50, .reorder = 50, .doubled = 20};
	couple_seed_openssl(seed * 977);
	uint8_t *message = now.message;
	memset(&now, 0, sizeof now);
	now.verdict = verdict;
	now.message = message;
	couple_open(c, NULL, NULL);
}

static void close_and_count(couple *c, sim_counts *counts)
{
	for (int i = 0; i < 2; i++) {
		tulle_sctp_stats s;
		tulle_peer_read_stats(c->end[i].peer, &s);
		counts->peer_retransmissions += s.retransmissions;
		counts->peer_bytes += s.data_in;
	}
	counts->peer_lost += c->lost;
	counts->peer_doubled += c->doubles;
	counts->peer_late += c->late;
	couple_close(c);
}

/* -- set-up: one or both ends make a channel; a message passes each way -- */

static void say_hello(couple *c, int end, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_OPEN &&
		tulle_channel_send_text(c->end[end].peer, e->channel, "hello", 5) != TULLE_OK)
		sim_fail(now.verdict, "a channel that is open takes nothing");
	if (e->kind == TULLE_PEER_MESSAGE)
		now.hellos++;
	if (e->kind == TULLE_PEER_CLOSE || e->kind == TULLE_PEER_ERROR)
		sim_fail(now.verdict, "closed while it was set up");
}

static bool has_said_hello(const couple *c)
{
	(void)c;
	return now.hellos == 4 || now.verdict->failed;
}

static void run_setup(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	couple c;
	open_lossy(&c, seed, verdict);
	c.on_event = say_hello;
	tulle_channel chat;
	tulle_channel_create(c.end[0].peer, "one", NULL, &chat);
	tulle_channel_create(c.end[0].peer, "two", &(tulle_channel_init){.unordered = true}, &chat);
	if (!couple_run(&c, has_said_hello, SECONDS(60)))
		sim_fail(verdict, "no set-up within 60 s: %u of 4 messages, states %d and %d",
			now.hellos, (int)c.end[0].connection, (int)c.end[1].connection);
	counts->peer_setups++;
	close_and_count(&c, counts);
}

/* -- bulk: one ordered channel, messages of 64 KiB, judged byte by byte -- */

static void send_more(couple *c)
{
	while (now.sent < now.messages) {
		sim_write_bytes(1, now.sent, 0, now.message, PART);
		tulle_err err = tulle_channel_send_bytes(
			c->end[0].peer, c->end[0].channel, now.message, PART);
		if (err == TULLE_WOULD_BLOCK)
			return;
		if (err != TULLE_OK) {
			sim_fail(now.verdict, "send says %s", tulle_err_name(err));
			return;
		}
		now.sent++;
	}
}

static void judge_bulk(couple *c, int end, const tulle_peer_event *e)
{
	if (end == 0 && (e->kind == TULLE_PEER_OPEN || e->kind == TULLE_PEER_BUFFERED_LOW))
		send_more(c);
	if (e->kind == TULLE_PEER_CLOSE || e->kind == TULLE_PEER_ERROR)
		sim_fail(now.verdict, "closed in the middle");
	if (e->kind != TULLE_PEER_MESSAGE)
		return;
	tulle_bytes data = e->u.message.data;
	if (end != 1 || data.len != PART || !sim_are_bytes(1, now.got, 0, data.ptr, PART))
		sim_fail(now.verdict, "message %llu is not what was sent",
			(unsigned long long)now.got);
	now.got++;
}

static bool is_all_there(const couple *c)
{
	(void)c;
	return now.got == now.messages || now.verdict->failed;
}

static void run_bulk(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	couple c;
	tulle_channel chat;
	now.message = malloc(PART);
	open_lossy(&c, seed, verdict);
	c.on_event = judge_bulk;
	now.messages = sim_peer_bulk_bytes / PART;
	tulle_channel_create(c.end[0].peer, "bulk", NULL, &chat);
	if (!couple_run(&c, is_all_there, SECONDS(24 * 3600)))
		sim_fail(verdict, "%llu of %llu messages came", (unsigned long long)now.got,
			(unsigned long long)now.messages);
	close_and_count(&c, counts);
	free(now.message);
	now.message = NULL;
}

const sim_peer_case sim_peer_cases[] = {
	{"peer_setup", run_setup},
	{"peer_bulk", run_bulk},
	{"nat", sim_run_nat},
	{"nat_hairpin", sim_run_nat_hairpin},
	{"nat_timeout", sim_run_nat_timeout},
	{"nat_rebind", sim_run_nat_rebind},
	{"nat_attack", sim_run_nat_attack},
};
const size_t sim_peer_case_count = sizeof sim_peer_cases / sizeof *sim_peer_cases;
