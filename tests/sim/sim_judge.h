/* SPDX-License-Identifier: MIT */
/* sim: judges and counts. The byte judge: what one end sends on a stream is a function of the
 * stream, the message's number and the place, so that the other end knows each byte. */
#ifndef TULLE_SIM_JUDGE_H
#define TULLE_SIM_JUDGE_H
#include "tests/sim/sim_clock.h"

/* Remembers the first failure of a case. */
typedef struct {
	bool failed;
	char text[160];
} sim_verdict;

void sim_fail(sim_verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

void sim_write_bytes(uint32_t stream, uint64_t message, uint64_t at, uint8_t *dst, size_t len);
bool sim_are_bytes(uint32_t stream, uint64_t message, uint64_t at, const uint8_t *data, size_t len);

/* A public host, one whose NAT blocks UDP, or one of three ways to map and three to filter. */
#define SIM_NAT_SIDES 11
#define SIM_NAT_PAIRINGS (SIM_NAT_SIDES * SIM_NAT_SIDES)

/* What the seeds of a run reached; a kind that stayed at 0 fails the run. */
#define SIM_KINDS(X)                                                                               \
	X(packets)                                                                                 \
	X(bytes_delivered)                                                                         \
	X(retransmissions)                                                                         \
	X(fast_retransmits)                                                                        \
	X(timeouts)                                                                                \
	X(collisions)                                                                              \
	X(duplicates)                                                                              \
	X(zero_windows) X(window_probes) X(no_room) X(pool_waits) X(writables) X(partial_messages) \
		X(abandoned) X(path_probes) X(black_holes) X(forwards) X(resets_in) X(resets_out)  \
			X(restarts) X(shutdowns) X(aborts) X(corrupted) X(bursts) X(cut_off) X(    \
				overflowed) X(policed) X(path_changes) X(loss_probes) X(spurious)  \
				X(undos) X(peer_setups) X(peer_bytes) X(peer_retransmissions)      \
					X(peer_lost) X(peer_doubled) X(peer_late) X(nat_direct)    \
						X(nat_relayed) X(nat_failed) X(nat_hairpins)       \
							X(nat_expired) X(nat_rebinds)              \
								X(nat_restarts) X(nat_strikes)     \
									X(nat_refusals)

typedef struct {
#define SIM_KIND_FIELD(name) uint64_t name;
	SIM_KINDS(SIM_KIND_FIELD)
#undef SIM_KIND_FIELD
	uint64_t nat_pairings[SIM_NAT_PAIRINGS]; /* how often two kinds of NATs met */
} sim_counts;
#endif
