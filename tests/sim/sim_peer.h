/* SPDX-License-Identifier: MIT */
/* sim: whole peers (SDP, ICE, OpenSSL's DTLS, SCTP) in virtual time over a network that loses,
 * doubles and reorders. */
#ifndef TULLE_SIM_PEER_H
#define TULLE_SIM_PEER_H
#include "tests/sim/sim_judge.h"

typedef struct {
	const char *name;
	void (*run)(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
} sim_peer_case;
extern const sim_peer_case sim_peer_cases[];
extern const size_t sim_peer_case_count;
/* sim_peer_nat.c: behind NATs. */
void sim_run_nat(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
void sim_run_nat_hairpin(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
void sim_run_nat_timeout(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
void sim_run_nat_rebind(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
void sim_run_nat_attack(sim_verdict *verdict, uint64_t seed, sim_counts *counts);
/* How much a seed of the bulk case carries. */
extern uint64_t sim_peer_bulk_bytes;
#endif
