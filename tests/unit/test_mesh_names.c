/* SPDX-License-Identifier: MIT */
/* mesh: roots whose addresses hide behind names of the link: one name an address for all links of a
 * root, and each link hears of what it asked for. */
#include "mesh_kit.h"

/* To the n-th that it was told of. */
static tulle_node begin(int root, int n)
{
	tulle *t = world_roots[root];
	tulle_node peer;
	ck_assert_int_eq(
		tulle_connect(t, tulle_find(t, WORLD_URL), kit_announced(root, n), NULL, &peer),
		TULLE_OK);
	return peer;
}

static bool spoken_to[256];

/* Nobody is heard by root 0 whom it has not spoken to: what it resolves alone connects. */
static bool eat(int from, const tulle_out *out)
{
	if (from == 0)
		spoken_to[out->remote.ip[3]] = true;
	return from != 0 && out->remote.ip[3] == 1 && !spoken_to[out->local.ip[3]];
}

START_TEST(roots_that_hide_connect_by_names)
{
	const tulle_options hiding = {.ice = {.hide_addresses = true}};
	tulle_node ab, ac, bc;
	memset(spoken_to, 0, sizeof spoken_to);
	kit_begin(7, (world_config){.eat = eat});
	for (int i = 0; i < 3; i++) {
		world_add(&hiding);
		kit_join(i);
	}
	kit_settle();
	ab = begin(0, 0);
	ac = begin(0, 1); /* both ask at one time */
	kit_settle();
	ck_assert(tulle_is_open(world_roots[0], ab) && tulle_is_open(world_roots[0], ac));
	ck_assert(world_published == 3 && world_asked == 4);
	bc = begin(1, 1);
	kit_settle();
	ck_assert(tulle_is_open(world_roots[1], bc));
	ck_assert(world_published == 3 && world_asked == 6);
	world_end();
}
END_TEST

Suite *suite_mesh_names(void)
{
	Suite *s = suite_create("mesh_names");
	TCase *t = tcase_create("mesh_names");
	tcase_add_test(t, roots_that_hide_connect_by_names);
	suite_add_tcase(s, t);
	return s;
}
