/* SPDX-License-Identifier: MIT */
/* Tests: roots and an onramp in virtual time, in one process, from one seed: a network of datagrams
 * with delay and loss, and streams between roots and the onramp. No clock, no socket. */
#ifndef TULLE_TESTS_WORLD_H
#define TULLE_TESTS_WORLD_H
#include "tests/support/relay.h"

#include <tulle/mesh.h>
#include <tulle/onramp.h>

#define WORLD_ROOTS_MAX 16
#define WORLD_URL "ws://192.0.2.1:20500/"

typedef struct {
	tulle_time delay_us;               /* of a datagram, one way */
	unsigned loss, duplicate, reorder; /* of 1000 datagrams */
	bool (*eat)(
		int from, const tulle_out *); /* a datagram that is lost on purpose; NULL: none */
	void (*heard)(int root, const tulle_event *); /* events of polled roots */
	world_relay *servers; /* STUN and TURN servers; emit is the world's */
	size_t server_count;
} world_config;

extern tulle_time world_now;
extern tulle *world_roots[WORLD_ROOTS_MAX];
extern uint64_t world_datagrams, world_lost; /* counted since world_begin */

void world_begin(uint32_t seed, const world_config *config);
/* Ends all; fails when a root leaves memory behind. */
void world_end(void);
/* A root with an address of its own, 10.0.0.<number>; options NULL: polled, loopback off. */
int world_add(const tulle_options *options);
/* The same in a block of the caller's, by tulle_init. */
int world_add_bare(void *memory, size_t bytes, const tulle_options *options);
/* The root is killed without a word. */
void world_kill(int root);
void world_stop_onramp(void);
/* Runs until done says so; false: nothing is left to happen, or `us` have passed. done NULL: until
 * then. */
bool world_run(bool (*done)(void), tulle_time us);
/* The k-th allocation from now on fails, and with `all` every later one; 0: none. Gives how many there
 * were since the last call. */
size_t world_fail_at(size_t k, bool all);
/* The bytes that a root holds from the allocator. */
size_t world_memory(int root);
bool world_random(void *user, uint8_t *dst, size_t len);
uint32_t world_dice(uint32_t below);
#endif
