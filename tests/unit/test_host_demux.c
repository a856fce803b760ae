/* SPDX-License-Identifier: MIT */
/* host: whose a datagram is among members that share a port: by a hint, else by asking each, as
 * long as that is allowed. */
#include "base/bytes.h"
#include "host/host.h"
#include "peer/limits.h"

#include <tulle/stun.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 500
#define ALL_US (MEMBERS * 1000000 / PEER_MUX_ASKS_PER_S) /* what asking each costs */

typedef struct {
	tulle_host_member member;
	uint16_t port; /* of the remote that it takes datagrams from */
	char names[2][8];
	uint32_t drawn;
	uint8_t id[TULLE_STUN_ID_BYTES]; /* of the request that it sent last */
	bool deaf;
} taker;

static tulle_host *host;
static tulle_host_port port;
static taker *takers;
static size_t asked;
static tulle_time now;

static bool owns(const void *self, const tulle_in *in)
{
	const taker *t = self;
	tulle_text ufrag;
	asked++;
	if (t->deaf)
		return false;
	if (in->data.ptr[0] > 3)
		return in->remote.port == t->port;
	if (!tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag))
		return memcmp(in->data.ptr + 8, t->id, sizeof t->id) == 0;
	return (ufrag.len == 8 && memcmp(ufrag.ptr, t->names[0], 8) == 0) ||
	       (ufrag.len == 8 && memcmp(ufrag.ptr, t->names[1], 8) == 0);
}

static size_t give_names(const void *self, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX])
{
	const taker *t = self;
	size_t n = 0;
	if (*seen == t->drawn)
		return 0;
	*seen = t->drawn;
	for (int i = 0; i < 2; i++)
		if (t->names[i][0] != 0)
			ufrags[n++] = (tulle_text){t->names[i], 8};
	return n;
}

static tulle_bytes give_asked(const void *self)
{
	const taker *t = self;
	return (tulle_bytes){t->id, sizeof t->id};
}

static const tulle_host_kind kind = {.owns = owns, .names = give_names, .asked = give_asked};
static const tulle_host_kind many = {.owns = owns};

static void join(uint16_t i, const tulle_host_kind *as)
{
	taker *t = &takers[i];
	char name[12];
	t->port = (uint16_t)(1000 + i);
	snprintf(name, sizeof name, "name%04u", i);
	memcpy(t->names[0], name, 8);
	t->drawn = 1;
	memset(t->id, 0xee, sizeof t->id);
	t->member = (tulle_host_member){.kind = as, .self = t, .port = &port, .host = host};
	t->member.next = host->members;
	tulle_host_join_demux(host, &t->member);
	tulle_host_grow_hints(host);
	host->members = &t->member;
	host->member_count++;
	tulle_host_watch_names(&t->member);
}

static void setup(void)
{
	host = calloc(1, sizeof *host);
	takers = calloc(MEMBERS + 1, sizeof *takers);
	port = (tulle_host_port){.host = host};
	now = 0;
	for (uint16_t i = 0; i < MEMBERS; i++)
		join(i, &kind);
}

static void teardown(void)
{
	free(host->mux_memory);
	free(host);
	free(takers);
}

static const tulle_host_member *find_in(const tulle_in *in)
{
	asked = 0;
	return tulle_host_find_member(&port, in, now);
}

static tulle_in make_in(uint16_t from, const uint8_t *data, size_t len)
{
	tulle_in in = {.kind = TULLE_IN_DATAGRAM, .data = {data, len}};
	in.remote = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = from};
	return in;
}

static const uint8_t record[] = {23, 0xfe, 0xfd};

static const tulle_host_member *find(uint16_t from)
{
	tulle_in in = make_in(from, record, sizeof record);
	now += ALL_US; /* time enough to ask each */
	return find_in(&in);
}

static size_t make_stun(uint8_t *buf, size_t cap, const char *name, uint32_t number)
{
	uint8_t id[TULLE_STUN_ID_BYTES] = {7};
	char user[16];
	memcpy(id + 1, &number, sizeof number);
	tulle_stun_writer w = tulle_stun_write_begin(buf, cap, TULLE_STUN_BINDING,
		name != NULL ? TULLE_STUN_REQUEST : TULLE_STUN_SUCCESS, id);
	snprintf(user, sizeof user, "%s:them", name != NULL ? name : "");
	if (name != NULL)
		tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME, (tulle_text){user, strlen(user)});
	return tulle_stun_write_finish(&w);
}

/* name NULL: an answer to the request with this number */
static const tulle_host_member *find_stun(uint16_t from, const char *name, uint32_t number)
{
	uint8_t buf[100];
	tulle_in in = make_in(from, buf, make_stun(buf, sizeof buf, name, number));
	return find_in(&in);
}

static void ask(uint16_t i, uint32_t number)
{
	uint8_t buf[100];
	(void)make_stun(buf, sizeof buf, NULL, number);
	memcpy(takers[i].id, buf + 8, sizeof takers[i].id);
	tulle_host_watch_asked(&takers[i].member);
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

/* DTLS-088: who is gone gets a close_notify in answer to his */
START_TEST(an_alert_is_for_who_is_known_by_its_source)
{
	static const uint8_t alert[] = {21, 0xfe, 0xfd};
	tulle_in in = make_in(1007, alert, sizeof alert);
	now += ALL_US;
	ck_assert_ptr_null(find_in(&in));
	ck_assert_uint_eq(asked, 0);
	ck_assert_ptr_eq(find(1007), &takers[7].member);
	ck_assert_ptr_eq(find_in(&in), &takers[7].member);
}
END_TEST

START_TEST(a_port_of_one_member_asks_nobody)
{
	port.sole = &takers[3].member;
	ck_assert_ptr_eq(find(1), &takers[3].member);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* FIELD: STUN floods: bounded work, counted. What a stranger sends is asked of each only so often,
 * and members go on being found meanwhile. */
START_TEST(strangers_cost_no_more_than_is_allowed_and_keep_nobody_out)
{
	size_t cost = 0;
	char name[16];
	ask(3, 77);
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "none%04u", i);
		ck_assert_ptr_null(find_stun(9, name, i));
		cost += asked;
		ck_assert_ptr_null(find_stun(9, NULL, 1000 + i));
		cost += asked;
		tulle_in in = make_in((uint16_t)(2000 + i), record, sizeof record);
		ck_assert_ptr_null(find_in(&in));
		cost += asked;
	}
	ck_assert_uint_gt(cost, 0);
	ck_assert_uint_le(cost, PEER_MUX_ASKS_PER_S); /* those of one second, at this instant */
	ck_assert_uint_ge(host->mux.unasked, 3 * 3000 - PEER_MUX_ASKS_PER_S / MEMBERS);
	for (uint16_t i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof name, "name%04u", i);
		ck_assert_ptr_eq(find_stun(9, name, i), &takers[i].member);
		ck_assert_uint_eq(asked, 1);
	}
	ck_assert_ptr_eq(find_stun(9, NULL, 77), &takers[3].member);
	ck_assert_uint_eq(asked, 1);
	now += 1000000; /* later each may be asked again */
	tulle_in in = make_in(1005, record, sizeof record);
	ck_assert_ptr_eq(find_in(&in), &takers[5].member);
	ck_assert_uint_gt(asked, 1);
}
END_TEST

START_TEST(an_address_is_known_once_a_member_says_that_it_is_proven)
{
	uint8_t buf[100];
	tulle_in check = make_in(1006, buf, make_stun(buf, sizeof buf, "name0006", 1));
	tulle_in other = make_in(1999, buf, check.data.len), data = make_in(1006, record, 3);
	tulle_host_watch_proof(&takers[6].member, &check);
	tulle_host_watch_proof(&takers[6].member, &other); /* an address that it does not own */
	ck_assert_ptr_eq(find_in(&data), &takers[6].member);
	ck_assert_uint_eq(asked, 1);
	size_t cursor = 0;
	tulle_in strange = make_in(1999, record, 3);
	ck_assert_ptr_null(tulle_peer_mux_next(
		&host->mux, &strange, tulle_peer_mux_read(&host->mux, &strange), &cursor));
	/* and answers whose id is forgotten come from there too */
	ask(6, 5);
	tulle_hints_forget(&host->mux.ids, &takers[6].member);
	ck_assert_ptr_eq(find_stun(1006, NULL, 5), &takers[6].member);
	ck_assert_uint_eq(asked, 1);
}
END_TEST

START_TEST(names_that_were_drawn_replace_those_before)
{
	memcpy(takers[4].names[1], "newname4", 8);
	takers[4].drawn++;
	tulle_host_watch_names(&takers[4].member);
	ck_assert_ptr_eq(find_stun(9, "newname4", 1), &takers[4].member);
	ck_assert_uint_eq(asked, 1);
	ck_assert_ptr_eq(find_stun(9, "name0004", 1), &takers[4].member);
	ck_assert_uint_eq(asked, 1);
	memset(takers[4].names[0], 0, 8);
	takers[4].drawn++;
	tulle_host_watch_names(&takers[4].member);
	(void)find_stun(9, "name0004", 1);
	ck_assert_uint_eq(asked, MEMBERS); /* no hint is left */
	tulle_host_leave_demux(host, &takers[4].member);
	takers[4].deaf = true;
	(void)find_stun(9, "newname4", 1);
	ck_assert_uint_eq(asked, MEMBERS);
}
END_TEST

START_TEST(who_has_many_peers_is_always_asked)
{
	join(MEMBERS, &many);
	now += ALL_US;
	for (int i = 0; i < 3000; i++)
		(void)find_stun(9, "stranger", 1);
	tulle_in in = make_in(1000 + MEMBERS, record, sizeof record);
	ck_assert_ptr_eq(find_in(&in), &takers[MEMBERS].member);
	ck_assert_uint_eq(asked, 1);
	tulle_host_leave_demux(host, &takers[MEMBERS].member);
	ck_assert_ptr_null(find_in(&in));
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
	tcase_add_test(t, an_alert_is_for_who_is_known_by_its_source);
	tcase_add_test(t, a_port_of_one_member_asks_nobody);
	tcase_add_test(t, strangers_cost_no_more_than_is_allowed_and_keep_nobody_out);
	tcase_add_test(t, an_address_is_known_once_a_member_says_that_it_is_proven);
	tcase_add_test(t, names_that_were_drawn_replace_those_before);
	tcase_add_test(t, who_has_many_peers_is_always_asked);
	suite_add_tcase(suite, t);
	return suite;
}
