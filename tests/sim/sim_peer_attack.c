/* SPDX-License-Identifier: MIT */
/* sim: a stranger who overhears all, sends from any address, and knows no password. What is not
 * authentic changes nothing: both peers live the same lives, to the microsecond, as without him.
 * What he repeats is authentic; then he gets no data, moves no path and gains no bytes. */
#include "tests/sim/sim_peer.h"
#include "tests/sim/sim_peer_draws.h"

#include "base/addr.h"
#include "peer/peer.h"

#include <string.h>

#define OVERHEARD 32
#define LONGEST 1500
#define STRIKES_MAX 1200

typedef struct {
	tulle_addr from, to;
	size_t len;
	uint8_t data[LONGEST];
} packet;

static homes world;
static struct {
	sim_prng prng;
	bool repeats;
	packet heard[OVERHEARD];
	size_t count;
	unsigned strikes;
	uint64_t bytes; /* from addresses of his own */
} stranger;

static bool is_server(const homes *h, const tulle_addr *a)
{
	return tulle_addr_is(a, &h->stun.address) || tulle_addr_is(a, &h->turn.address);
}

static void overhear(homes *h, const tulle_addr *from, const tulle_addr *to, tulle_bytes data)
{
	if (is_server(h, to) || data.len > LONGEST || data.len < 20)
		return;
	packet *p = &stranger.heard[stranger.count++ % OVERHEARD];
	*p = (packet){.from = *from, .to = *to, .len = data.len};
	memcpy(p->data, data.ptr, data.len);
}

static bool is_stun(const packet *p)
{
	return p->data[0] <= 1;
}

/* Another password's integrity: a byte of it is another, and the fingerprint is not there to tell.
 */
static void forge(packet *p)
{
	p->len -= 8;
	p->data[3] = (uint8_t)(p->data[3] - 8);
	p->data[p->len - 1 - sim_below(&stranger.prng, 20)] ^= 0x40;
}

/* To a check that he saw, without integrity: a success, or an error 487. */
static void answer(packet *p)
{
	static const uint8_t mapped[] = {0x01, 0x01, 0, 12, 0x21, 0x12, 0xa4, 0x42};
	static const uint8_t success[] = {0, 0x20, 0, 8, 0, 1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
	static const uint8_t conflict[] = {0, 9, 0, 4, 0, 0, 4, 87};
	bool yes = sim_chance(&stranger.prng, 500000);
	tulle_addr to = p->from;
	p->from = p->to;
	p->to = to;
	memcpy(p->data, mapped, sizeof mapped);
	p->data[1] = yes ? 0x01 : 0x11;
	p->data[3] = yes ? sizeof success : sizeof conflict;
	memcpy(p->data + 20, yes ? success : conflict, p->data[3]);
	p->len = 20 + (size_t)p->data[3];
}

/* Of records only later ones: at any read OpenSSL takes its handshake timer for expired 15 ms
 * early. */
static void spoil(const homes *h, packet *p)
{
	bool established = h->host[0].open_at != 0 && h->host[1].open_at != 0;
	uint64_t how = sim_below(&stranger.prng, 4);
	if (is_stun(p) && how == 0 && p->len > 60 && p->data[3] >= 8) {
		forge(p);
	} else if (is_stun(p) && how == 1) {
		p->len = 20;
		p->data[0] = p->data[2] = p->data[3] = 0;
		p->data[1] = 1;
	} else if (is_stun(p) && how == 2 && p->data[1] == 1) {
		answer(p);
	} else if (p->data[0] == 23 && established) { /* application data of DTLS */
		p->data[p->len - 1] ^= 1;
	} else {
		(void)sim_fill(
			&stranger.prng, p->data, p->len = 1 + sim_below(&stranger.prng, 200));
		p->data[0] |= 0x80; /* no more than this needs to be known: RFC7983:7 */
	}
}

static tulle_time strike(homes *h)
{
	tulle_time next = h->now + 1 + (tulle_time)sim_below(&stranger.prng, MS(20));
	if (stranger.count == 0)
		return next;
	size_t n = stranger.count < OVERHEARD ? stranger.count : OVERHEARD;
	packet p = stranger.heard[sim_below(&stranger.prng, n)];
	if (!stranger.repeats || sim_chance(&stranger.prng, 500000))
		spoil(h, &p);
	if (sim_chance(&stranger.prng, 500000)) {
		uint8_t host = (uint8_t)(1 + sim_below(&stranger.prng, 3));
		p.from = homes_addr(
			192, 0, 2, host, (uint16_t)(2000 + sim_below(&stranger.prng, 8)));
		stranger.bytes += p.len;
	}
	homes_inject(h, &p.from, &p.to, p.data, p.len);
	return ++stranger.strikes < STRIKES_MAX ? next : TULLE_TIME_NEVER;
}

/* Twenty seconds of two lives: connecting, talk, silence, talk. */
static void live(const sim_pairing *p, uint64_t seed, bool attacked, sim_verdict *verdict)
{
	homes_open(&world, &p->config, seed, verdict);
	if (attacked) {
		world.tap = overhear;
		world.disturb = strike;
		world.disturb_at = world.now;
	}
	homes_call(&world);
	for (int i = 0; i < 2; i++)
		homes_say(&world, i, 20);
	(void)homes_run(&world, NULL, SECONDS(12));
	for (int i = 0; i < 2; i++)
		homes_say(&world, i, 20);
	(void)homes_run(&world, NULL, SECONDS(8));
	if (!sim_have_both_said(&world))
		sim_fail(verdict, "%u and %u of 40 messages came", world.host[0].got,
			world.host[1].got);
	for (int i = 0; i < 2; i++)
		if (world.host[i].interrupted != 0 ||
			world.host[i].connection != TULLE_CONNECTION_CONNECTED)
			sim_fail(verdict,
				"host %d is not connected any more, or was not for a while", i);
}

void sim_run_nat_attack(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	sim_prng prng;
	sim_pairing p;
	sim_seed(&prng, seed * 7 + 10);
	sim_draw_pairing(&p, seed, &prng, counts);
	p.config.link = (sim_link){.delay_us = p.config.link.delay_us};
	memset(&stranger, 0, sizeof stranger);
	sim_seed(&stranger.prng, seed * 7 + 11);
	stranger.repeats = seed % 2 == 0;
	live(&p, seed, false, verdict);
	uint64_t story = world.story;
	bool direct = homes_is_direct(&world);
	homes_close(&world);
	live(&p, seed, true, verdict);
	if (!stranger.repeats && world.story != story)
		sim_fail(verdict, "what a stranger sent has changed something");
	if (homes_is_direct(&world) != direct)
		sim_fail(verdict, "another path is in use than without the stranger");
	if (world.to_stranger_bytes > 3 * stranger.bytes)
		sim_fail(verdict, "%llu bytes to who sent %llu",
			(unsigned long long)world.to_stranger_bytes,
			(unsigned long long)stranger.bytes);
	counts->nat_strikes += stranger.strikes;
	for (int i = 0; i < 2; i++)
		counts->nat_refusals +=
			tulle_peer_drops(world.host[i].peer, TULLE_DROP_STUN_INTEGRITY) +
			tulle_peer_drops(world.host[i].peer, TULLE_DROP_STUN_NO_INTEGRITY);
	homes_close(&world);
}
