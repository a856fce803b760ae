/* SPDX-License-Identifier: MIT */
/* host: whose a datagram is among members that share a port: by a hint, else by asking each. */
#include "host/host.h"

#include <check.h>
#include <stdlib.h>

#define MEMBERS 500

typedef struct {
	tulle_host_member member;
	uint16_t port; /* of the remote that it takes datagrams from */
	bool deaf;
} taker;

static tulle_host *host;
static tulle_host_port port;
static taker *takers;
static size_t asked;

static bool owns(const void *self, const tulle_in *in)
{
	const taker *t = self;
	asked++;
	return !t->deaf && in->remote.port == t->port;
}

static const tulle_host_kind kind = {.owns = owns};

static void setup(void)
{
	host = calloc(1, sizeof *host);
	takers = calloc(MEMBERS, sizeof *takers);
	port = (tulle_host_port){.host = host};
	for (uint16_t i = 0; i < MEMBERS; i++) {
		takers[i].port = (uint16_t)(1000 + i);
		takers[i].member =
			(tulle_host_member){.kind = &kind, .self = &takers[i], .port = &port};
		takers[i].member.next = host->members;
		host->members = &takers[i].member;
		tulle_host_grow_hints(host);
		host->member_count++;
	}
}

static void teardown(void)
{
	free(host->hints.hints);
	free(host);
	free(takers);
}

static const tulle_host_member *find(uint16_t from)
{
	static const uint8_t record[] = {23, 0xfe, 0xfd};
	tulle_in in = {.kind = TULLE_IN_DATAGRAM, .data = {record, sizeof record}};
	in.remote = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = from};
	asked = 0;
	return tulle_host_find_member(&port, &in);
}

START_TEST(who_was_found_once_is_the_only_one_asked)
{
	for (uint16_t i = 0; i < MEMBERS; i++)
		ck_assert_ptr_eq(find((uint16_t)(1000 + i)), &takers[i].member);
	for (uint16_t i = 0; i < MEMBERS; i++) {
		ck_assert_ptr_eq(find((uint16_t)(1000 + i)), &takers[i].member);
		ck_assert_uint_eq(asked, 1);
	}
	ck_assert_ptr_null(find(999));
}
END_TEST

START_TEST(a_hint_that_is_stale_misleads_nobody)
{
	(void)find(1007);
	takers[7].deaf = true;
	ck_assert_ptr_null(find(1007));
	takers[9].port = 1007;
	ck_assert_ptr_eq(find(1007), &takers[9].member);
	ck_assert_ptr_eq(find(1007), &takers[9].member);
	ck_assert_uint_eq(asked, 2);
	takers[9].member.gone = true;
	takers[8].port = 1007;
	ck_assert_ptr_eq(find(1007), &takers[8].member);
	takers[8].member.port = NULL; /* of another port */
	ck_assert_ptr_null(find(1007));
}
END_TEST

START_TEST(a_port_of_one_member_asks_nobody)
{
	port.sole = &takers[3].member;
	ck_assert_ptr_eq(find(1), &takers[3].member);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

Suite *suite_host_demux(void)
{
	Suite *suite = suite_create("host_demux");
	TCase *t = tcase_create("host_demux");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, who_was_found_once_is_the_only_one_asked);
	tcase_add_test(t, a_hint_that_is_stale_misleads_nobody);
	tcase_add_test(t, a_port_of_one_member_asks_nobody);
	suite_add_tcase(suite, t);
	return suite;
}
