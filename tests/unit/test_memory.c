/* SPDX-License-Identifier: MIT */
/* mesh and onramp when memory runs out: each allocation of a scene fails in turn, once and for
 * good. Nothing breaks, nothing leaks (world_end counts), and who is refused hears of it or does
 * without: then all happens that happens with memory. */
#include "tests/unit/mesh_kit.h"

static bool refused; /* a call said so */

static void judge(tulle_err err)
{
	refused |= err != TULLE_OK;
}

/* Two roots join, connect, talk and part; no step must succeed. */
static void play(void)
{
	tulle_node a = TULLE_NO_NODE, n = TULLE_NO_NODE, peers[8];
	judge(tulle_connect(world_roots[0], TULLE_ROOT, WORLD_URL, NULL, &a));
	kit_settle();
	judge(tulle_connect(world_roots[1], TULLE_ROOT, WORLD_URL, NULL, NULL));
	kit_settle();
	const heard *h = kit_find(0, TULLE_EVENT_MESSAGE, 0, 0);
	if (h != NULL)
		judge(tulle_connect(world_roots[0], a, h->text,
			&(tulle_connect_options){.offer_data = "1"}, &n));
	kit_settle();
	for (int i = 0; i < 2; i++) {
		size_t count = tulle_peers(world_roots[i], peers, 8);
		for (size_t k = 0; k < count; k++)
			judge(tulle_send_text(world_roots[i], peers[k], "hello", 5));
	}
	kit_settle();
	judge(tulle_close(world_roots[0], TULLE_ROOT));
	kit_settle();
}

/* An error, or a node that nobody closed. */
static bool was_raised(void)
{
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < kit_count[i]; k++) {
			const heard *h = &kit_log[i][k];
			if (h->kind == TULLE_EVENT_ERROR ||
				(h->kind == TULLE_EVENT_CLOSE && h->closed != TULLE_CLOSED_LOCAL &&
					h->closed != TULLE_CLOSED_REMOTE))
				return true;
		}
	return false;
}

/* How many allocations it asked for. */
static size_t run(size_t k, bool all)
{
	kit_begin(9, (world_config){0});
	(void)world_add(NULL);
	(void)world_add(NULL);
	(void)world_fail_at(k, all);
	refused = false;
	play();
	size_t asked = world_fail_at(0, false);
	world_end();
	return asked;
}

static heard whole[2][KIT_HEARD_MAX];
static size_t whole_count[2];

static bool was_whole(void)
{
	for (int i = 0; i < 2; i++) {
		if (kit_count[i] != whole_count[i])
			return false;
		for (size_t k = 0; k < kit_count[i]; k++)
			if (kit_log[i][k].kind != whole[i][k].kind ||
				kit_log[i][k].closed != whole[i][k].closed)
				return false;
	}
	return true;
}

START_TEST(every_allocation_of_a_scene_may_fail)
{
	unsigned told = 0;
	size_t n = run(0, false);
	ck_assert_uint_gt(n, 10);
	ck_assert(!refused && !was_raised());
	memcpy(whole, kit_log, sizeof whole);
	memcpy(whole_count, kit_count, sizeof whole_count);
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_OPEN, 0), 2);
	for (size_t k = 1; k <= n; k++) {
		(void)run(k, _i == 1);
		ck_assert_msg(refused || was_raised() || was_whole(), "allocation %zu", k);
		told += refused || was_raised();
	}
	ck_assert_uint_gt(told, n / 2);
}
END_TEST

Suite *suite_memory(void)
{
	Suite *suite = suite_create("memory");
	TCase *t = tcase_create("memory");
	tcase_set_timeout(t, 240);
	tcase_add_loop_test(t, every_allocation_of_a_scene_may_fail, 0, 2);
	suite_add_tcase(suite, t);
	return suite;
}
