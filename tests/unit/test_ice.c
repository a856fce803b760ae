/* SPDX-License-Identifier: MIT */
/* ice: two agents in virtual time: how they connect, keep consent and end. */
#include "ice_net.h"

/* ICE-071, ICE-101: no timer stands between two near ends. */
START_TEST(two_near_agents_connect_without_waiting_for_any_timer)
{
	Net n;
	connect_net(&n);
	run(&n, 0);
	for (size_t i = 0; i < 2; i++) {
		tulle_path p;
		ck_assert_int_eq(state_of(&n, i), TULLE_ICE_COMPLETED);
		ck_assert(tulle_ice_path(n.end[i].ice, &p));
		ck_assert(p.id == n.end[i].ids[0] && p.remote.port == n.end[1 - i].addrs[0].port);
		ck_assert(tulle_ice_is_validated(n.end[i].ice, &p));
		ck_assert(n.end[i].selected.u.selected.nominated);
		ck_assert_uint_eq(n.end[i].selected.u.selected.mtu, 1500);
		ck_assert_uint_le(n.end[i].sent, 6);
	}
	ck_assert(tulle_ice_is_controlling(n.end[0].ice));
	ck_assert(!tulle_ice_is_controlling(n.end[1].ice));
	net_wipe(&n);
}
END_TEST

Suite *suite_ice(void)
{
	Suite *s = suite_create("ice");
	TCase *t = tcase_create("ice");
	tcase_add_test(t, two_near_agents_connect_without_waiting_for_any_timer);
	suite_add_tcase(s, t);
	return s;
}
