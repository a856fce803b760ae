/* SPDX-License-Identifier: MIT */
/* sim: ends that are SCTP associations, each with a plan of what to send; a world of them. */
#ifndef TULLE_SIM_SCTP_H
#define TULLE_SIM_SCTP_H
#include "base/pool.h"
#include "sctp/sctp.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_net.h"

#include <stdio.h>

#define SIM_STREAMS 64
#define SIM_ENDS 8

typedef struct {
	uint64_t sent, expected; /* messages: sent by us; received from the other end */
	uint64_t part;           /* bytes received of the message under way */
	uint64_t last_seen;      /* times the last message came */
	uint64_t part_sent;      /* bytes sent of it, when we send in parts */
	bool reset_asked, reset_done, reset_seen, paused;
} sim_stream;

typedef struct {
	tulle_sctp *sctp;
	void *memory;
	size_t memory_bytes;
	int other;
	/* plan */
	unsigned streams;
	uint64_t messages_per_stream;
	size_t message_bytes, part_bytes; /* part_bytes 0: whole messages */
	bool unordered, random_sizes, check_each;
	bool partial; /* all but each stream's last message may be given up: RFC 3758 */
	/* state */
	sim_stream at[SIM_STREAMS];
	unsigned turn; /* the stream that sends next */
	bool connected, closed, blocked, restarted;
	tulle_sctp_closed why;
	uint64_t delivered, delivered_messages, writables, connects;
	int reading_stream; /* in the middle of a message of it; -1 */
	tulle_time moved;   /* when what it sends last moved, or could not: judge_stalls */
	uint64_t moved_mark;
} sim_end;

typedef struct {
	sim_prng prng;
	sim_net net;
	sim_verdict verdict;
	sim_end ends[SIM_ENDS];
	int count;
	tulle_time now, limit;
	tulle_pool *pool[SIM_ENDS]; /* of each end; several may be the same */
	void *pool_memory[SIM_ENDS];
	tulle_sctp_config config;
	void (*on_event)(void *world, int end, const tulle_sctp_event *event);
	bool (*is_done)(void *world);
	uint64_t steps;
	tulle_time looked; /* for stalls */
} sim_world;

void sim_world_init(sim_world *w, uint64_t seed, const sim_link *link);
/* Gives end `to` a pool of its own; or the pool of another end. */
void sim_world_pool(sim_world *w, int to, size_t blocks);
void sim_world_share(sim_world *w, int to, int from);
void sim_world_end(sim_world *w, int end, int other);
void sim_world_renew(sim_world *w, int end); /* forgets everything: a peer that starts anew */
/* Runs until is_done or a verdict or the limit (a failure). */
void sim_world_run(sim_world *w);
bool sim_all_delivered(void *world);
void sim_world_count(const sim_world *w, sim_counts *counts);
void sim_world_free(sim_world *w);

typedef struct {
	const char *name;
	void (*run)(sim_world *w, uint64_t seed, sim_counts *counts);
} sim_case;
extern const sim_case sim_sctp_cases[];
extern const size_t sim_sctp_case_count;
extern const sim_case sim_path_cases[];
extern const size_t sim_path_case_count;
/* Where the packets of every world go, a pcapng file; NULL: nowhere. */
extern FILE *sim_capture;
/* How much a seed of the bulk case carries. */
extern uint64_t sim_bulk_bytes;
/* Of the ends whose invariants are checked at each step, every so many steps. */
extern uint32_t sim_check_steps;
#endif
