/* SPDX-License-Identifier: MIT */
/* mesh and onramp when memory runs out: each allocation of a scene fails in turn, once and for
 * good. Nothing breaks, nothing leaks (world_end counts), and who is refused hears of it. */
#include "tests/unit/mesh_kit.h"

/* Two roots join, connect, talk and part; no step must succeed. */
static void play(void)
{
	tulle_node a = TULLE_NO_NODE, n = TULLE_NO_NODE, peers[8];
	(void)tulle_connect(world_roots[0], TULLE_ROOT, WORLD_URL, NULL, &a);
	kit_settle();
	(void)tulle_connect(world_roots[1], TULLE_ROOT, WORLD_URL, NULL, NULL);
	kit_settle();
	const heard *h = kit_find(0, TULLE_EVENT_MESSAGE, 0, 0);
	if (h != NULL)
		(void)tulle_connect(world_roots[0], a, h->text,
			&(tulle_connect_options){.offer_data = "1"}, &n);
	kit_settle();
	for (int i = 0; i < 2; i++) {
		size_t count = tulle_peers(world_roots[i], peers, 8);
		for (size_t k = 0; k < count; k++)
			(void)tulle_send_text(world_roots[i], peers[k], "hello", 5);
	}
	kit_settle();
	(void)tulle_close(world_roots[0], TULLE_ROOT);
	kit_settle();
}

static size_t run(size_t k, bool all)
{
	kit_begin(9, (world_config){0});
	(void)world_add(NULL);
	(void)world_add(NULL);
	(void)world_fail_at(k, all);
	play();
	size_t asked = world_fail_at(0, false);
	world_end();
	return asked;
}

START_TEST(every_allocation_of_a_scene_may_fail)
{
	size_t n = run(0, false);
	ck_assert_uint_gt(n, 10);
	for (size_t k = 1; k <= n; k++)
		(void)run(k, _i == 1);
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
