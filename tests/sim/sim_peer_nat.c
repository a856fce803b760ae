/* SPDX-License-Identifier: MIT */
/* sim: peers behind NATs of every kind: they connect whenever they can, without a relay whenever
 * that can be, and else both say so. What can be is sim_nat_can_meet's to say, not the agents'.
 * Then NATs that forget, move, or have both hosts behind them. */
#include "tests/sim/sim_peer.h"
#include "tests/sim/sim_peer_draws.h"

#include "base/addr.h"
#include "peer/peer.h"

static homes world;

/* Both, one or nobody knows the TURN server. */
static void draw_servers(sim_pairing *p, sim_prng *prng)
{
	uint64_t r = sim_below(prng, 10);
	p->config.side[0].no_relay = r >= 7 || r == 5;
	p->config.side[1].no_relay = r >= 7 || r == 6;
	p->config.no_stun = r == 4;
}

static void connect_or_fail(
	const sim_pairing *p, bool meet, uint64_t seed, sim_verdict *verdict, sim_counts *counts)
{
	homes_open(&world, &p->config, seed, verdict);
	homes_call(&world);
	if (meet || sim_can_relay(p))
		sim_judge_connected(&world, meet, counts);
	else
		sim_judge_failed(&world, counts);
}

/* ICE-165: each pairing, and now and then a fifth of the packets lost. */
void sim_run_nat(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	sim_prng prng;
	sim_pairing p;
	sim_counts again = {0};
	sim_seed(&prng, seed * 7 + 5);
	sim_draw_pairing(&p, seed, &prng, counts);
	draw_servers(&p, &prng);
	if (seed % 16 == 9)
		p.config.link.loss_ppm = 200000;
	connect_or_fail(&p, sim_can_meet(&p), seed, verdict, counts);
	uint64_t trace = world.trace;
	homes_close(&world);
	if (seed % 32 != 1)
		return;
	connect_or_fail(&p, sim_can_meet(&p), seed, verdict, &again);
	if (world.trace != trace)
		sim_fail(verdict, "the same seed is not the same run");
	homes_close(&world);
}

/* -- both behind one NAT, in one network or in two that its box keeps apart -- */

void sim_run_nat_hairpin(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	sim_prng prng;
	sim_pairing p;
	sim_counts no_pairing = {0};
	sim_seed(&prng, seed * 7 + 6);
	sim_draw_pairing(&p, 0, &prng, &no_pairing);
	draw_servers(&p, &prng);
	sim_draw_nat(&prng, 1 + (size_t)(seed % 9), &p.kind[0]);
	p.config.together = true;
	p.config.lan = seed % 4 == 0;
	p.config.side[0].nat = p.config.side[1].nat = &p.kind[0];
	p.config.side[0].inside.ip[2] = 0;
	p.config.side[1].inside.ip[2] = !p.config.lan;
	p.config.side[0].inside.ip[3] = 2;
	p.config.side[1].inside.ip[3] = 3;
	bool turns = p.kind[0].hairpin && sim_can_meet(&p);
	connect_or_fail(&p, p.config.lan || turns, seed, verdict, counts);
	counts->nat_hairpins += turns && !p.config.lan;
	homes_close(&world);
}

/* -- minutes of silence, and boxes that forget after half of one -- */

static void draw_lasting(sim_pairing *p, uint64_t seed, uint64_t salt, sim_counts *counts)
{
	sim_prng prng;
	sim_seed(&prng, seed * 7 + salt);
	sim_draw_pairing(p, seed, &prng, counts);
	p->config.link.loss_ppm = 0; /* two losses in a row would be an interruption */
}

void sim_run_nat_timeout(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	sim_pairing p;
	draw_lasting(&p, seed, 7, counts);
	for (int i = 0; i < 2; i++)
		p.kind[i].timeout_us = SECONDS(30 + seed % 30);
	homes_open(&world, &p.config, seed, verdict);
	homes_call(&world);
	sim_judge_connected(&world, sim_can_meet(&p), counts);
	tulle_time from = world.now;
	(void)homes_run(&world, NULL,
		SECONDS(seed % 16 == 0 ? 900 : 100)); /* longer than an allocation lasts */
	if (world.now - from < SECONDS(100) || !sim_say_both(&world, SECONDS(1)))
		sim_fail(verdict, "silent after %d s of idleness",
			(int)((world.now - from) / 1000000));
	for (int i = 0; i < 2; i++)
		if (world.host[i].interrupted != 0 || world.host[i].offers > 1)
			sim_fail(verdict, "host %d was interrupted", i);
	for (int i = 0; i < 2; i++)
		counts->nat_expired += world.nat[i].expired;
	homes_close(&world);
}

/* -- a box that is switched off and on in the midst of a transfer, perhaps with another address --
 */

#define BULK_MESSAGES 60
#define BULK_BYTES 4000

static sim_prng moves;
static unsigned reboots; /* none where no host stands behind a box */

static tulle_time reboot(homes *h)
{
	int i = (int)sim_below(&moves, 2);
	tulle_addr other = homes_addr(203, 0, 113, (uint8_t)(20 + i), 0);
	if (h->host[i].nat == NULL)
		i = 1 - i;
	if (h->host[i].nat != NULL) {
		sim_nat_reboot(h->host[i].nat, sim_chance(&moves, 500000) ? &other : NULL);
		homes_break_streams(h, i);
		reboots++;
	}
	return TULLE_TIME_NEVER;
}

static bool is_half_said(const homes *h)
{
	return h->host[1].got >= BULK_MESSAGES / 4;
}

void sim_run_nat_rebind(sim_verdict *verdict, uint64_t seed, sim_counts *counts)
{
	sim_pairing p;
	draw_lasting(&p, seed, 8, counts);
	p.config.link.bytes_per_s = 40000;
	sim_seed(&moves, seed * 7 + 9);
	homes_open(&world, &p.config, seed, verdict);
	world.restarts = true;
	world.message_bytes = BULK_BYTES;
	homes_call(&world);
	for (int i = 0; i < 2; i++)
		homes_say(&world, i, BULK_MESSAGES);
	if (!homes_run(&world, is_half_said, SECONDS(60)))
		sim_fail(verdict, "no transfer before anything happened");
	reboots = 0;
	world.disturb = reboot;
	world.disturb_at = world.now + (tulle_time)sim_below(&moves, MS(500));
	if (!homes_run(&world, sim_have_both_said, SECONDS(90)))
		sim_fail(verdict, "%u and %u of %u messages came, states %d and %d",
			world.host[0].got, world.host[1].got, BULK_MESSAGES,
			(int)world.host[0].connection, (int)world.host[1].connection);
	if (reboots == 0 && (world.host[0].nat != NULL || world.host[1].nat != NULL))
		sim_fail(verdict, "no box was switched off");
	counts->nat_rebinds += reboots;
	counts->nat_restarts += world.host[0].offers + world.host[1].offers > 1;
	homes_close(&world);
}
