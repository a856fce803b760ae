/* SPDX-License-Identifier: MIT */
/* mesh: listeners: order, what they may do (everything), what they miss (nothing). */
#include "mesh/mesh.h"
#include "tests/support/world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define A world_roots[0]
#define B world_roots[1]

static tulle_node a_ramp, b_ramp, ab, ba;
static char announced[64];
static int counts[16];

static void count(tulle *t, const tulle_event *e, void *user)
{
	(void)t, (void)e;
	++*(int *)user;
}

static void keep_announced(tulle *t, const tulle_event *e, void *user)
{
	(void)t, (void)user;
	snprintf(announced, sizeof announced, "%.*s", (int)e->u.message.text.len,
		e->u.message.text.ptr);
}

static void keep_incoming(tulle *t, const tulle_event *e, void *user)
{
	(void)t, (void)user;
	if (e->u.connection.incoming)
		ba = e->u.connection.peer;
}

static void setup(void)
{
	static const tulle_options plain = {0};
	world_begin(3, NULL);
	memset(counts, 0, sizeof counts);
	(void)world_add(&plain);
	(void)world_add(&plain);
	ck_assert_int_eq(tulle_connect(A, TULLE_ROOT, WORLD_URL, NULL, &a_ramp), TULLE_OK);
	ck_assert_int_eq(tulle_on(A, a_ramp, TULLE_EVENT_MESSAGE, keep_announced, NULL), TULLE_OK);
	ck_assert_int_eq(
		tulle_on(B, TULLE_ROOT, TULLE_EVENT_CONNECTION, keep_incoming, NULL), TULLE_OK);
	(void)world_run(NULL, 500000);
	ck_assert_int_eq(tulle_connect(B, TULLE_ROOT, WORLD_URL, NULL, &b_ramp), TULLE_OK);
	(void)world_run(NULL, 500000);
}

static void teardown(void)
{
	world_end();
}

static void pair(void)
{
	ck_assert_int_eq(tulle_connect(A, a_ramp, announced, NULL, &ab), TULLE_OK);
	(void)world_run(NULL, 500000);
	ck_assert(tulle_is_open(A, ab) && tulle_is_open(B, ba));
}

static void listen_in_connection(tulle *t, const tulle_event *e, void *user)
{
	tulle_node n = e->u.connection.peer;
	(void)user;
	ck_assert_int_eq(tulle_on(t, n, TULLE_EVENT_OPEN, count, &counts[0]), TULLE_OK);
	ck_assert_int_eq(tulle_on(t, n, TULLE_EVENT_MESSAGE, count, &counts[1]), TULLE_OK);
	ck_assert_int_eq(tulle_on(t, n, TULLE_EVENT_CLOSE, count, &counts[2]), TULLE_OK);
}

START_TEST(a_listener_set_in_connection_misses_nothing)
{
	(void)tulle_on(B, b_ramp, TULLE_EVENT_CONNECTION, listen_in_connection, NULL);
	pair();
	ck_assert_int_eq(tulle_send_text(A, ab, "x", 1), TULLE_OK);
	(void)tulle_finish(A, ab);
	(void)world_run(NULL, 2000000);
	ck_assert_int_eq(counts[0], 1);
	ck_assert_int_eq(counts[1], 1);
	ck_assert_int_eq(counts[2], 1);
}
END_TEST

START_TEST(off_takes_listeners_off_and_any_node_hears_those_to_come)
{
	(void)tulle_on(B, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, count, &counts[0]);
	(void)tulle_on(B, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, count, &counts[1]);
	pair();
	(void)tulle_send_text(A, ab, "1", 1);
	(void)world_run(NULL, 300000);
	tulle_off(B, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, count, &counts[0]);
	(void)tulle_send_text(A, ab, "2", 1);
	(void)world_run(NULL, 300000);
	ck_assert_int_eq(counts[0], 1);
	ck_assert_int_eq(counts[1], 2);
	tulle_off(B, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, NULL, NULL);
	(void)tulle_send_text(A, ab, "3", 1);
	(void)world_run(NULL, 300000);
	ck_assert_int_eq(counts[1], 2);
	ck_assert_int_eq(tulle_on(B, ba, TULLE_EVENT_OPEN, NULL, NULL), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_on(B, 77, TULLE_EVENT_OPEN, count, NULL), TULLE_ERR_GONE);
}
END_TEST

static void echo(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	ck_assert_int_eq(tulle_send_bytes(t, e->node, e->u.bytes.ptr, e->u.bytes.len), TULLE_OK);
}

static void compare(tulle *t, const tulle_event *e, void *user)
{
	(void)t;
	ck_assert_uint_eq(e->u.bytes.len, 100000);
	for (size_t i = 0; i < e->u.bytes.len; i++)
		ck_assert_uint_eq(e->u.bytes.ptr[i], (uint8_t)(i * 7));
	++*(int *)user;
}

START_TEST(echoing_a_payload_from_its_own_event_is_legal)
{
	static uint8_t data[100000];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	pair();
	(void)tulle_on(B, ba, TULLE_EVENT_BYTES, echo, NULL);
	(void)tulle_on(A, ab, TULLE_EVENT_BYTES, compare, &counts[0]);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_send_bytes(A, ab, data, sizeof data), TULLE_OK);
	(void)world_run(NULL, 5000000);
	ck_assert_int_eq(counts[0], 5);
}
END_TEST

static void close_self(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	tulle_node n = e->kind == TULLE_EVENT_CONNECTION || e->kind == TULLE_EVENT_DISCONNECTION
			       ? e->u.connection.peer
			       : e->node;
	tulle_err err = tulle_close(t, n);
	ck_assert(err == TULLE_OK || err == TULLE_ERR_GONE);
	counts[5]++;
}

static const tulle_event_kind kinds[] = {TULLE_EVENT_CONNECTION, TULLE_EVENT_OPEN,
	TULLE_EVENT_MESSAGE, TULLE_EVENT_BYTES, TULLE_EVENT_DISCONNECTION, TULLE_EVENT_CLOSE};

/* Whatever the kind of event, its node may be closed in its listener, once all is said. */
START_TEST(close_is_legal_in_every_kind_of_listener)
{
	tulle_event_kind kind = kinds[_i];
	bool of_root = kind == TULLE_EVENT_CONNECTION || kind == TULLE_EVENT_DISCONNECTION;
	(void)tulle_on(A, TULLE_ANY_NODE, TULLE_EVENT_CLOSE, count, &counts[0]);
	(void)tulle_on(A, of_root ? TULLE_ROOT : TULLE_ANY_NODE, kind, close_self, NULL);
	(void)tulle_connect(A, a_ramp, announced, NULL, &ab);
	(void)world_run(NULL, 500000);
	if (tulle_is_open(B, ba)) {
		(void)tulle_send_text(B, ba, "x", 1);
		(void)tulle_send_bytes(B, ba, "x", 1);
		(void)world_run(NULL, 500000);
		(void)tulle_close(B, ba);
		(void)world_run(NULL, 500000);
	}
	ck_assert_int_ge(counts[5], 1);
	ck_assert_int_ge(counts[0], 1);
	ck_assert(tulle_find(A, announced) == TULLE_NO_NODE);
}
END_TEST

static void connect_again(tulle *t, const tulle_event *e, void *user)
{
	(void)e, (void)user;
	if (counts[6]++ < 3)
		ck_assert_int_eq(tulle_connect(t, a_ramp, announced, NULL, &ab), TULLE_OK);
}

START_TEST(connecting_again_in_close_is_legal)
{
	pair();
	(void)tulle_on(A, TULLE_ANY_NODE, TULLE_EVENT_CLOSE, connect_again, NULL);
	for (int i = 0; i < 3; i++) {
		(void)tulle_close(A, ab);
		(void)world_run(NULL, 1000000);
		ck_assert_int_eq(counts[6], i + 1);
		ck_assert(tulle_is_open(A, ab));
	}
}
END_TEST

static void connect_more(tulle *t, const tulle_event *e, void *user)
{
	char address[16];
	(void)user;
	snprintf(address, sizeof address, "no-%d", counts[7]++);
	tulle_node via = e->node == TULLE_ROOT ? a_ramp : e->node;
	if (tulle_is_open(t, via) && counts[7] < 20)
		ck_assert_int_eq(tulle_connect(t, via, address, NULL, NULL), TULLE_OK);
}

START_TEST(connect_is_legal_in_every_kind_of_listener)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		(void)tulle_on(A, TULLE_ANY_NODE, kinds[i], connect_more, NULL);
		(void)tulle_on(A, TULLE_ROOT, kinds[i], connect_more, NULL);
	}
	pair();
	(void)tulle_send_text(B, ba, "x", 1);
	(void)tulle_send_bytes(B, ba, "x", 1);
	(void)world_run(NULL, 500000);
	(void)tulle_close(B, ba);
	(void)world_run(NULL, 40000000);
	ck_assert_int_ge(counts[7], 6);
	ck_assert_uint_eq(tulle_peers(A, NULL, 0), 1); /* none of them was answered */
}
END_TEST

static void off_self(tulle *t, const tulle_event *e, void *user)
{
	counts[8]++;
	tulle_off(t, e->node, e->kind, off_self, user);
	ck_assert_int_eq(tulle_on(t, e->node, e->kind, count, &counts[9]), TULLE_OK);
}

START_TEST(a_listener_may_take_itself_off_and_set_another_that_hears_the_next)
{
	pair();
	(void)tulle_on(B, ba, TULLE_EVENT_MESSAGE, off_self, NULL);
	for (int i = 0; i < 3; i++)
		(void)tulle_send_text(A, ab, "x", 1);
	(void)world_run(NULL, 500000);
	ck_assert_int_eq(counts[8], 1);
	ck_assert_int_eq(counts[9], 2);
}
END_TEST

static void close_root(tulle *t, const tulle_event *e, void *user)
{
	(void)e, (void)user;
	ck_assert_int_eq(tulle_close(t, TULLE_ROOT), TULLE_OK);
	ck_assert_uint_eq(tulle_peers(t, NULL, 0), 0);
}

START_TEST(closing_the_root_closes_all_and_leaves_nothing)
{
	pair();
	(void)tulle_on(A, TULLE_ANY_NODE, TULLE_EVENT_CLOSE, count, &counts[0]);
	(void)tulle_on(A, ab, TULLE_EVENT_MESSAGE, close_root, NULL);
	(void)tulle_send_text(B, ba, "x", 1);
	(void)world_run(NULL, 5000000);
	ck_assert_int_eq(counts[0], 2);
	ck_assert_int_eq(tulle_is_open(B, ba), false);
}
END_TEST

START_TEST(listeners_of_a_node_go_with_it)
{
	size_t first = 0;
	(void)tulle_on(A, TULLE_ROOT, TULLE_EVENT_CONNECTION, listen_in_connection, NULL);
	for (int i = 0; i < 10; i++) {
		pair();
		(void)tulle_close(A, ab);
		(void)world_run(NULL, 1000000);
		if (i == 2)
			first = world_memory(0);
	}
	ck_assert_uint_eq(world_memory(0), first);
}
END_TEST

static void silence(tulle *t, const tulle_event *e, void *user)
{
	(void)e, (void)user;
	tulle_mesh_silence(t); /* what tulle_destroy does first */
	counts[10]++;
}

START_TEST(after_destroy_in_a_listener_nothing_more_is_heard)
{
	pair();
	(void)tulle_on(B, ba, TULLE_EVENT_MESSAGE, silence, NULL);
	(void)tulle_on(B, ba, TULLE_EVENT_MESSAGE, count, &counts[11]);
	(void)tulle_on(B, TULLE_ANY_NODE, TULLE_EVENT_CLOSE, count, &counts[11]);
	(void)tulle_send_text(A, ab, "x", 1);
	(void)tulle_send_text(A, ab, "y", 1);
	(void)world_run(NULL, 300000);
	ck_assert_int_eq(counts[10], 1);
	ck_assert_int_eq(counts[11], 0);
}
END_TEST

START_TEST(unheard_events_are_gone_and_polled_ones_wait)
{
	pair();
	(void)tulle_send_text(A, ab, "x", 1);
	(void)world_run(NULL, 300000);
	(void)tulle_on(B, ba, TULLE_EVENT_MESSAGE, count, &counts[0]);
	(void)world_run(NULL, 300000);
	ck_assert_int_eq(counts[0], 0);
}
END_TEST

Suite *suite_listeners(void)
{
	Suite *suite = suite_create("listeners");
	TCase *t = tcase_create("listeners");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_listener_set_in_connection_misses_nothing);
	tcase_add_test(t, off_takes_listeners_off_and_any_node_hears_those_to_come);
	tcase_add_test(t, echoing_a_payload_from_its_own_event_is_legal);
	tcase_add_loop_test(t, close_is_legal_in_every_kind_of_listener, 0,
		(int)(sizeof kinds / sizeof *kinds));
	tcase_add_test(t, connecting_again_in_close_is_legal);
	tcase_add_test(t, connect_is_legal_in_every_kind_of_listener);
	tcase_add_test(t, a_listener_may_take_itself_off_and_set_another_that_hears_the_next);
	tcase_add_test(t, listeners_of_a_node_go_with_it);
	tcase_add_test(t, closing_the_root_closes_all_and_leaves_nothing);
	tcase_add_test(t, after_destroy_in_a_listener_nothing_more_is_heard);
	tcase_add_test(t, unheard_events_are_gone_and_polled_ones_wait);
	suite_add_tcase(suite, t);
	return suite;
}
