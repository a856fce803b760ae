/* SPDX-License-Identifier: MIT */
/* sim: pairs of hosts behind NATs, drawn and judged. */
#include "tests/sim/sim_peer_draws.h"

#include "peer/peer.h"

#include <string.h>

void sim_draw_nat(sim_prng *prng, size_t kind, sim_nat_kind *nat)
{
	*nat = (sim_nat_kind){.blocked = kind == SIM_NAT_BLOCKED};
	nat->ports = (sim_nat_ports)sim_below(prng, SIM_NAT_PORTS);
	nat->hairpin = sim_chance(prng, 500000);
	nat->timeout_us = SECONDS(30 + sim_below(prng, 270));
	if (kind >= 1 && kind < SIM_NAT_BLOCKED) {
		nat->mapping = (sim_nat_rule)((kind - 1) / SIM_NAT_RULES);
		nat->filtering = (sim_nat_rule)((kind - 1) % SIM_NAT_RULES);
	}
}

static sim_link draw_link(sim_prng *prng)
{
	static const unsigned loss[] = {0, 10000, 20000, 50000};
	tulle_time delay = MS(2) + (tulle_time)sim_below(prng, MS(80));
	sim_link link = {.delay_us = delay, .reorder_us = 2 * delay};
	link.jitter_us = (tulle_time)sim_below(prng, (uint64_t)delay);
	link.in_order = sim_chance(prng, 500000);
	link.loss_ppm = loss[sim_below(prng, 4)];
	link.duplicate_ppm = sim_chance(prng, 300000) ? 20000 : 0;
	link.reorder_ppm = sim_chance(prng, 300000) ? 50000 : 0;
	return link;
}

/* Often the same address at both ends, as with boxes out of one factory. */
static tulle_addr draw_inside(sim_prng *prng)
{
	uint8_t network = (uint8_t)sim_below(prng, 2), host = (uint8_t)(2 + sim_below(prng, 2));
	return homes_addr(192, 168, network, host, (uint16_t)(5000 + sim_below(prng, 2)));
}

void sim_draw_pairing(sim_pairing *p, uint64_t seed, sim_prng *prng, sim_counts *counts)
{
	size_t which = (size_t)(seed * 37 % SIM_NAT_PAIRINGS);
	const size_t kinds[] = {which % SIM_NAT_SIDES, which / SIM_NAT_SIDES};
	counts->nat_pairings[which]++;
	memset(p, 0, sizeof *p);
	for (size_t i = 0; i < 2; i++) {
		homes_side *side = &p->config.side[i];
		sim_draw_nat(prng, kinds[i], &p->kind[i]);
		side->nat = kinds[i] != 0 ? &p->kind[i] : NULL;
		side->inside = draw_inside(prng);
		side->tcp_relay = kinds[i] == SIM_NAT_BLOCKED || sim_chance(prng, 200000);
	}
	p->config.link = draw_link(prng);
	p->config.signal_us = (tulle_time)sim_below(prng, MS(1000));
}

bool sim_can_meet(const sim_pairing *p)
{
	return sim_nat_can_meet(p->config.side[0].nat, p->config.side[1].nat);
}

static bool passes(const homes_side *s)
{
	return s->nat == NULL || !s->nat->blocked;
}

static bool relays(const homes_side *a, const homes_side *b)
{
	return !a->no_relay && (passes(b) || !b->no_relay);
}

bool sim_can_relay(const sim_pairing *p)
{
	const homes_side *s = p->config.side;
	return relays(&s[0], &s[1]) || relays(&s[1], &s[0]);
}

bool sim_have_both_said(const homes *h)
{
	return h->host[0].got == h->host[1].want && h->host[1].got == h->host[0].want;
}

bool sim_say_both(homes *h, tulle_time us)
{
	for (int i = 0; i < 2; i++)
		homes_say(h, i, 1);
	return homes_run(h, sim_have_both_said, us);
}

/* A relay's check may come before its candidate does, and its type is not known until then. */
static bool is_relayed(const homes *h)
{
	return !homes_is_direct(h);
}

void sim_judge_connected(homes *h, bool meet, sim_counts *counts)
{
	/* where a fifth is lost a relayed packet arrives two times in five */
	int patience = h->config.link.loss_ppm > 100000 ? 90 : 30;
	if (!sim_say_both(h, SECONDS(patience))) {
		sim_fail(h->verdict,
			"not connected in time: %u and %u messages, states %d and %d",
			h->host[0].got, h->host[1].got, (int)h->host[0].connection,
			(int)h->host[1].connection);
		return;
	}
	if (meet && !homes_run(h, homes_is_direct, SECONDS(40)))
		sim_fail(h->verdict, "still over a relay, and none is needed");
	if (!meet && !homes_run(h, is_relayed, SECONDS(5)))
		sim_fail(h->verdict, "no relay in use, and these NATs cannot be crossed");
	if (!sim_say_both(h, SECONDS(30)))
		sim_fail(h->verdict, "no messages over the path that was chosen");
	counts->nat_direct += meet;
	counts->nat_relayed += !meet;
}

static bool have_both_failed(const homes *h)
{
	return h->host[0].failed_at != 0 && h->host[1].failed_at != 0;
}

/* RFC8863:4, 39.5 s; but a check takes 79 times its RTO, which is a second with 20 pairs
 * (RFC8445:14.3), and 16 addresses may be learnt from checks that lead nowhere. */
void sim_judge_failed(homes *h, sim_counts *counts)
{
	if (!homes_run(h, have_both_failed, SECONDS(90)))
		sim_fail(h->verdict, "not FAILED: states %d and %d", (int)h->host[0].connection,
			(int)h->host[1].connection);
	for (int i = 0; i < 2; i++) {
		if (h->host[i].connected)
			sim_fail(h->verdict, "connected where nothing can pass");
		if (tulle_peer_why_ended(h->host[i].peer) != TULLE_PEER_ENDED_NO_PATH)
			sim_fail(h->verdict, "host %d ended for another reason: %d", i,
				(int)tulle_peer_why_ended(h->host[i].peer));
	}
	counts->nat_failed++;
}
