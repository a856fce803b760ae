/* SPDX-License-Identifier: MIT */
/* mesh without an operating system: all in the caller's block; the arena under it. And many peers
 * on one port of one host. */
#include "base/arena.h"
#include "host/host.h"
#include "tests/unit/describe.h"
#include "tests/unit/mesh_kit.h"

#include <stdlib.h>
#include <tulle/host.h>
#include <unistd.h>

#define GUARD 64

/* The block of examples/ex_bare.c. */
START_TEST(a_root_lives_in_the_block_of_the_example)
{
	const size_t bytes = 512 * 1024;
	const tulle_options o = {.polled = true,
		.nodes_max = 2,
		.send_bytes_max = 8192,
		.message_bytes_max = 4096,
		.memory_bytes_max = bytes};
	ck_assert_uint_eq(tulle_memory_bytes(&o), bytes);
	uint8_t *block = malloc(bytes + 2 * GUARD);
	memset(block, 0xa5, bytes + 2 * GUARD);
	tulle_node ab, ba;
	kit_begin(11, (world_config){0});
	ck_assert_int_eq(world_add_bare(block + GUARD, bytes, &o), 0);
	(void)world_add(NULL);
	for (int i = 0; i < 5; i++) {
		kit_pair(0, 1, &ab, &ba);
		ck_assert_uint_eq(tulle_send_max(world_roots[0], ab), 4096);
		ck_assert_int_eq(tulle_send_text(world_roots[0], ab, "out", 3), TULLE_OK);
		ck_assert_int_eq(tulle_send_text(world_roots[1], ba, "in", 2), TULLE_OK);
		kit_settle();
		ck_assert_str_eq(kit_find(1, TULLE_EVENT_MESSAGE, ba, 0)->text, "out");
		ck_assert_str_eq(kit_find(0, TULLE_EVENT_MESSAGE, ab, 0)->text, "in");
		ck_assert_int_eq(tulle_close(world_roots[0], ab), TULLE_OK);
		kit_settle();
	}
	world_end();
	for (size_t i = 0; i < GUARD; i++)
		ck_assert(block[i] == 0xa5 && block[GUARD + bytes + i] == 0xa5);
	free(block);
}
END_TEST

START_TEST(a_block_that_is_too_small_is_refused_not_overrun)
{
	_Alignas(max_align_t) static uint8_t small[80 * 1024];
	const tulle_options o = {.memory_bytes_max = sizeof small,
		.message_bytes_max = 4096,
		.send_bytes_max = 4096,
		.nodes_max = 2};
	ck_assert_ptr_null(
		tulle_init(small, sizeof small - 1, &o, (tulle_random){world_random, NULL}, 0));
	ck_assert_ptr_null(
		tulle_init(small, sizeof small, &o, (tulle_random){world_random, NULL}, 0));
	ck_assert_ptr_null(
		tulle_init(small, sizeof small, NULL, (tulle_random){world_random, NULL}, 0));
}
END_TEST

START_TEST(an_arena_gives_takes_back_and_joins)
{
	_Alignas(max_align_t) static uint8_t block[65536];
	void *kept[256] = {0};
	size_t sizes[256];
	tulle_arena *arena = tulle_arena_init(block, sizeof block);
	tulle_allocator a = tulle_arena_allocator(arena);
	srand(5);
	for (int i = 0; i < 20000; i++) {
		int k = rand() % 256;
		if (kept[k] != NULL) {
			for (size_t n = 0; n < sizes[k]; n++)
				ck_assert_uint_eq(((uint8_t *)kept[k])[n], (uint8_t)k);
			a.free(a.user, kept[k], sizes[k]);
			kept[k] = NULL;
		} else {
			sizes[k] = (size_t)rand() % 900 + 1;
			kept[k] = a.alloc(a.user, sizes[k]);
			if (kept[k] != NULL)
				memset(kept[k], k, sizes[k]);
		}
		if (i % 50 == 0)
			tulle_arena_check(arena);
	}
	for (int k = 0; k < 256; k++)
		if (kept[k] != NULL)
			a.free(a.user, kept[k], sizes[k]);
	tulle_arena_check(arena);
	ck_assert_uint_eq(tulle_arena_used(arena), 0);
	ck_assert_ptr_nonnull(a.alloc(a.user, 60000)); /* whole again */
	ck_assert_ptr_null(a.alloc(a.user, 60000));
	ck_assert_ptr_null(a.alloc(a.user, 0));
}
END_TEST

/* -- many peers on one port
 * ------------------------------------------------------------------------- */

static tulle_peer *left[8], *right[8];
static int opened, messages;

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	tulle_peer *other = *(tulle_peer **)user;
	switch ((int)e->kind) {
	case TULLE_PEER_NEGOTIATION_NEEDED:
		describe_ends(self, other, NULL);
		break;
	case TULLE_PEER_ICE_CANDIDATE:
		(void)tulle_peer_add_candidate(other, &e->u.candidate);
		break;
	case TULLE_PEER_OPEN:
		opened++;
		(void)tulle_channel_send_text(self, e->channel, "hello", 5);
		break;
	case TULLE_PEER_MESSAGE:
		messages++;
		break;
	}
}

/* A host on one port that was free, and its first peer. */
static tulle_host *shared_host(const tulle_peer_config *config, tulle_peer **first)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 20000);
	for (;; port++) {
		tulle_host *h;
		ck_assert_int_eq(
			tulle_host_create(&(tulle_host_options){.port_min = port}, &h), TULLE_OK);
		if (tulle_peer_create(h, config, first) == TULLE_OK)
			return h;
		tulle_host_destroy(h);
	}
}

START_TEST(eight_peers_share_one_port)
{
	tulle_host *server = NULL, *client;
	ck_assert_int_eq(tulle_host_create(NULL, &client), TULLE_OK);
	for (int i = 0; i < 8; i++) {
		tulle_peer_config c = {.listener = on_event, .ice.loopback = true};
		c.user = &right[i];
		if (i == 0)
			server = shared_host(&c, &left[0]);
		else
			ck_assert_int_eq(tulle_peer_create(server, &c, &left[i]), TULLE_OK);
		c.user = &left[i];
		ck_assert_int_eq(tulle_peer_create(client, &c, &right[i]), TULLE_OK);
		ck_assert_int_eq(tulle_channel_create(right[i], "x", NULL, NULL), TULLE_OK);
	}
	for (int i = 0; i < 20000 && messages < 16; i++) {
		ck_assert_int_eq(tulle_host_step(client, 1), TULLE_OK);
		ck_assert_int_eq(tulle_host_step(server, 1), TULLE_OK);
	}
	ck_assert_int_eq(opened, 16);
	ck_assert_int_eq(messages, 16);
	ck_assert(server->mux.asked_until == 0); /* nobody had to be asked: a stranger may be */
	tulle_host_destroy(server);
	tulle_host_destroy(client);
}
END_TEST

Suite *suite_embed(void)
{
	Suite *suite = suite_create("embed");
	TCase *t = tcase_create("embed");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_root_lives_in_the_block_of_the_example);
	tcase_add_test(t, a_block_that_is_too_small_is_refused_not_overrun);
	tcase_add_test(t, an_arena_gives_takes_back_and_joins);
	tcase_add_test(t, eight_peers_share_one_port);
	suite_add_tcase(suite, t);
	return suite;
}
