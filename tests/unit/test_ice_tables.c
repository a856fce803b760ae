/* SPDX-License-Identifier: MIT */
/* ice: tables that grow while checks go on and go back when all is concluded. Both ends have an
 * allocator here. */
#define PATHS 10
#include "ice_hand.h"

#include "ice/ice.h"

#define CHECKING_MAX (32 * 1024)
#define IDLE_MAX (6 * 1024)
#define FREED_US 3000000 /* RFC8445:8.3.1 */

static size_t held(const Net *n, size_t i)
{
	size_t bytes = tulle_ice_held_bytes(n->end[i].ice);
	ck_assert_uint_eq(bytes, n->end[i].bytes + n->end[i].lent);
	return bytes;
}

/* Addresses of two ends that all reach each other, each in a subnet of its own. */
static void make(Net *n, size_t paths)
{
	char ip[32];
	net_init(n, &controlling, &controlled);
	for (size_t i = 0; i < 2; i++) {
		tulle_ice_wipe(n->end[i].ice);
		free(n->end[i].block);
		end_init(&n->end[i], i == 0 ? &controlling : &controlled, 11 * (i + 1), true);
		for (size_t k = 0; k < paths; k++) {
			snprintf(ip, sizeof ip, "127.%zu.%zu.1", i, k);
			end_path(n, &n->end[i], ip, (uint16_t)(5000 + k));
		}
	}
	n->delay = 20000;
	gather(n);
}

static void introduce(Net *n)
{
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
}

static size_t count_pairs(const Net *n, size_t i)
{
	tulle_ice_pair_stats pair;
	size_t count = 0;
	while (tulle_ice_read_pair(n->end[i].ice, count, &pair))
		count++;
	return count;
}

/* ICE-073 RFC8445:8.3 */
START_TEST(ten_candidates_on_each_side_hold_little_when_all_is_concluded)
{
	Net n;
	make(&n, PATHS);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_lt(held(&n, i), IDLE_MAX);
	introduce(&n);
	for (size_t i = 0; i < 2; i++)
		ck_assert_uint_eq(count_pairs(&n, i), PATHS * PATHS);
	run(&n, FREED_US + 30000); /* since the selection */
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(state_of(&n, i), TULLE_ICE_COMPLETED);
		ck_assert_uint_gt(held(&n, i), IDLE_MAX); /* what is on its way may still come */
		ck_assert_uint_lt(n.end[i].bytes + n.end[i].lent_max, CHECKING_MAX);
	}
	run(&n, 2 * FREED_US);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_lt(held(&n, i), IDLE_MAX);
		ck_assert_uint_gt(count_pairs(&n, i), 1);
	}
	size_t selected = n.end[0].selected_count;
	run(&n, 120 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
	ck_assert_uint_eq(n.end[0].selected_count, selected);
	net_wipe(&n);
}
END_TEST

/* Only 127.0.9.1 and 127.1.9.1 reach each other. */
static bool only_the_last(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	(void)user;
	(void)from;
	(void)data;
	return d->path.local.ip[2] == PATHS - 1 && d->path.remote.ip[2] == PATHS - 1;
}

/* RFC8445:8.3 */
START_TEST(what_was_pruned_is_checked_again_when_nothing_else_works)
{
	for (int lost = 0; lost < 2; lost++) {
		Net n;
		tulle_path p;
		make(&n, PATHS);
		introduce(&n);
		run(&n, 2 * FREED_US);
		ck_assert_uint_lt(held(&n, 0), IDLE_MAX);
		n.watch = only_the_last;
		for (size_t k = 0; lost != 0 && k < PATHS - 1; k++)
			tulle_ice_remove_path(n.end[0].ice, n.now, n.end[0].ids[k]);
		run(&n, 60 * 1000000);
		for (size_t i = 0; i < 2; i++) {
			ck_assert(tulle_ice_path(n.end[i].ice, &p));
			ck_assert_uint_eq(p.remote.ip[2], PATHS - 1);
			ck_assert_int_eq(state_of(&n, i), TULLE_ICE_COMPLETED);
			ck_assert_uint_lt(held(&n, i), IDLE_MAX);
		}
		net_wipe(&n);
	}
}
END_TEST

static tulle_err restart(Net *n)
{
	tulle_text ufrag, pwd;
	tulle_err err = tulle_ice_restart(n->end[0].ice, n->now);
	if (err != TULLE_OK)
		return err;
	tulle_ice_expect_restart(n->end[1].ice);
	ck_assert_int_eq(tulle_ice_restart(n->end[1].ice, n->now), TULLE_OK);
	for (size_t i = 0; i < 2; i++) {
		n->end[i].late_paths = true;
		n->end[i].candidate_count = 0;
		end_events(&n->end[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		tulle_ice_credentials(n->end[i].ice, &ufrag, &pwd);
		for (size_t k = 0; k < n->end[i].candidate_count; k++)
			ck_assert_int_eq(tulle_ice_add_remote(n->end[1 - i].ice, n->now,
						 (tulle_text){n->end[i].candidates[k],
							 n->end[i].candidate_lens[k]}),
				TULLE_TAKEN);
	}
	tell_remote(n, 0);
	tell_remote(n, 1);
	return TULLE_OK;
}

/* RFC8445:9 */
START_TEST(a_restart_without_memory_changes_nothing)
{
	Net n;
	tulle_text before, after, pwd;
	tulle_path p;
	make(&n, PATHS);
	introduce(&n);
	run(&n, 2 * FREED_US);
	tulle_ice_credentials(n.end[0].ice, &before, &pwd);
	n.end[0].no_memory = true;
	ck_assert_int_eq(restart(&n), TULLE_ERR_MEMORY);
	tulle_ice_credentials(n.end[0].ice, &after, &pwd);
	ck_assert(tulle_text_is(before, after));
	run(&n, 60 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	n.end[0].no_memory = false;
	ck_assert_int_eq(restart(&n), TULLE_OK);
	ck_assert_uint_eq(count_pairs(&n, 0), PATHS * PATHS);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	run(&n, 61 * 1000000);
	for (size_t i = 0; i < 2; i++) {
		ck_assert(tulle_ice_path(n.end[i].ice, &p));
		ck_assert(n.end[i].selected.u.selected.nominated);
	}
	run(&n, 70 * 1000000);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_lt(held(&n, i), IDLE_MAX);
		ck_assert_uint_lt(n.end[i].bytes + n.end[i].lent_max, CHECKING_MAX);
	}
	net_wipe(&n);
}
END_TEST

/* ICE-036 */
START_TEST(without_memory_what_does_not_fit_is_refused_by_name)
{
	Net n;
	make(&n, PATHS);
	n.end[0].no_memory = n.end[1].no_memory = true;
	for (size_t i = 0; i < 2; i++) {
		const End *b = &n.end[1 - i];
		tell_remote(&n, i);
		for (size_t k = 0; k < b->candidate_count; k++)
			(void)tulle_ice_add_remote(n.end[i].ice, n.now,
				(tulle_text){b->candidates[k], b->candidate_lens[k]});
		(void)tulle_ice_add_remote(n.end[i].ice, n.now, TULLE_TEXT(""));
		ck_assert_uint_gt(tulle_ice_drops(n.end[i].ice, TULLE_DROP_LIMIT), 0);
		ck_assert_uint_eq(n.end[i].lent, 0);
	}
	run(&n, FREED_US);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
	net_wipe(&n);
}
END_TEST

/* FIELD: what anybody may send takes no memory */
START_TEST(a_stranger_makes_no_table_grow)
{
	Net n;
	alone(&n, &controlled);
	for (int i = 0; i < 100; i++)
		(void)send_check_from(&n, &(Check){.role = 1, .pwd = "not the password of it.."},
			"127.0.0.1", (uint16_t)(7000 + i));
	ck_assert_uint_eq(n.end[0].lent_max, 0);
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_tables(void)
{
	Suite *suite = suite_create("ice_tables");
	TCase *t = tcase_create("ice_tables");
	tcase_add_test(t, ten_candidates_on_each_side_hold_little_when_all_is_concluded);
	tcase_add_test(t, what_was_pruned_is_checked_again_when_nothing_else_works);
	tcase_add_test(t, a_restart_without_memory_changes_nothing);
	tcase_add_test(t, without_memory_what_does_not_fit_is_refused_by_name);
	tcase_add_test(t, a_stranger_makes_no_table_grow);
	suite_add_tcase(suite, t);
	return suite;
}
