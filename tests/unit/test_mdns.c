/* SPDX-License-Identifier: MIT */
/* mdns: names of others: what is asked when, which answers count. */
#include "mdns_kit.h"

/* ICE-118 is the host's; ICE-119: the id is 0. The first query asks for unicast answers, the later
 * ones do not. */
START_TEST(a_name_is_asked_for_on_each_link_and_family)
{
	Node n;
	uint8_t buf[256];
	node_init(&n);
	node_link(&n, 4, "198.51.100.1", 24);
	node_ask(&n, NAME);
	node_drain(&n);
	tulle_wr w = put_head(buf, sizeof buf, 0, 2, 0, 0);
	w.buf[0] = w.buf[1] = 0;
	put_question(&w, NAME, A, TOP | IN);
	put_question(&w, NAME, AAAA, TOP | IN);
	ck_assert_uint_eq(n.sent_count, 3);
	const struct {
		uint32_t link;
		const char *local, *group;
	} want[] = {{3, "192.0.2.1", "224.0.0.251"}, {3, "fe80::1", "ff02::fb"},
		{4, "198.51.100.1", "224.0.0.251"}};
	for (size_t i = 0; i < 3; i++) {
		tulle_addr local = addr_of(want[i].local, 5353),
			   group = addr_of(want[i].group, 5353);
		group.scope = group.family == 6 ? 3 : 0;
		sent_is(&n.sent[i], &w);
		ck_assert_uint_eq(n.sent[i].path.id, want[i].link);
		ck_assert(tulle_addr_is(&n.sent[i].path.local, &local));
		ck_assert(tulle_addr_is(&n.sent[i].path.remote, &group));
	}
	node_wait(&n, SECOND);
	ck_assert_uint_eq(n.sent_count, 6);
	w = put_head(buf, sizeof buf, 0, 2, 0, 0);
	w.buf[0] = w.buf[1] = 0;
	put_question(&w, NAME, A, IN);
	put_question(&w, NAME, AAAA, IN);
	sent_is(&n.sent[3], &w);
	node_free(&n);
}
END_TEST

/* ICE-112: at 0, 1, 3 and 7 s; given up at 10 s. */
START_TEST(silence_is_asked_into_four_times)
{
	static const tulle_time at[] = {0, 1, 3, 7};
	Node n;
	node_init_bare(&n);
	node_link(&n, 3, "192.0.2.1", 24);
	tulle_time start = n.now;
	uint32_t id = node_ask(&n, NAME);
	node_wait(&n, 10 * SECOND - 1);
	ck_assert_uint_eq(n.sent_count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(n.sent[i].at, start + at[i] * SECOND);
	ck_assert_uint_eq(n.told, 0);
	node_wait(&n, 1);
	ck_assert_uint_eq(n.told, 1);
	ck_assert(n.event.id == id && n.event.result == TULLE_MDNS_FAILED);
	node_wait(&n, 100 * SECOND);
	ck_assert(n.told == 1 && n.sent_count == 4);
	node_free(&n);
}
END_TEST

START_TEST(an_answer_ends_the_asking)
{
	static const struct {
		const char *ip;
		uint32_t scope;
	} rows[] = {{"192.0.2.7", 0}, {"10.1.2.3", 0}, {"2001:db8::7", 0}, {"fe80::7", 3}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		node_init(&n);
		tulle_addr want = addr_of(rows[i].ip, 0);
		want.scope = rows[i].scope;
		uint32_t id = node_ask(&n, NAME);
		node_drain(&n);
		ck_assert_int_eq(give_answer(&n, NAME, rows[i].ip), TULLE_TAKEN);
		node_drain(&n);
		ck_assert_uint_eq(n.told, 1);
		ck_assert(n.event.id == id && n.event.result == TULLE_MDNS_RESOLVED);
		ck_assert(tulle_addr_is(&n.event.addr, &want));
		ck_assert_int_eq(tulle_mdns_poll_timeout(n.mdns), TULLE_TIME_NEVER);
		ck_assert_int_eq(give_answer(&n, NAME, rows[i].ip), TULLE_DROP_MDNS_NAME);
		node_free(&n);
	}
}
END_TEST

/* ICE-120: with and without the cache-flush bit; the letters' case says nothing; behind other
 * records; by a pointer; as an additional record. */
START_TEST(an_answer_may_look_many_ways)
{
	for (unsigned way = 0; way < 5; way++) {
		Node n;
		uint8_t buf[512];
		node_init(&n);
		node_ask(&n, NAME);
		tulle_wr w = put_head(buf, sizeof buf, way == 4 ? 0x8000 : 0x8400, way == 3,
			way == 2   ? 2
			: way == 4 ? 0
				   : 1,
			way == 4);
		if (way == 1) {
			put_address(&w, "0F1E2D3C-4B5A-4978-8A6B-1C2D3E4F5A6B.LOCAL", "192.0.2.7",
				IN, 1);
		} else if (way == 3) {
			put_question(&w, NAME, A, IN);
			tulle_wr_u16(&w, 0xc000 | 12);
			tulle_wr_bytes(&w, (const uint8_t[]){0, 1, 0, 1, 0, 0, 0, 9, 0, 4}, 10);
			tulle_wr_bytes(&w, (const uint8_t[]){192, 0, 2, 7}, 4);
		} else {
			if (way == 2) { /* a record of a kind that we do not know */
				put_question(&w, "a.b.example", 16, IN);
				tulle_wr_u32(&w, 1);
				tulle_wr_u16(&w, 3);
				tulle_wr_u24(&w, 0x026162);
			}
			put_address(&w, NAME, "192.0.2.7", way == 0 ? TOP | IN : IN, 120);
		}
		ck_assert_int_eq(give(&n, &w), TULLE_TAKEN);
		node_drain(&n);
		ck_assert_uint_eq(n.told, 1);
		ck_assert_uint_eq(n.event.result, TULLE_MDNS_RESOLVED);
		node_free(&n);
	}
}
END_TEST

/* ICE-111; the same address twice is one. */
START_TEST(several_addresses_are_none)
{
	static const struct {
		const char *first, *second;
		tulle_mdns_result want;
	} rows[] = {{"192.0.2.7", "192.0.2.8", TULLE_MDNS_SEVERAL},
		{"192.0.2.7", "2001:db8::7", TULLE_MDNS_SEVERAL},
		{"192.0.2.7", "192.0.2.7", TULLE_MDNS_RESOLVED}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		uint8_t buf[512];
		node_init(&n);
		node_ask(&n, NAME);
		tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 2, 0);
		put_address(&w, NAME, rows[i].first, TOP | IN, 120);
		put_address(&w, NAME, rows[i].second, TOP | IN, 120);
		ck_assert_int_eq(give(&n, &w), TULLE_TAKEN);
		node_drain(&n);
		ck_assert_uint_eq(n.told, 1);
		ck_assert_uint_eq(n.event.result, rows[i].want);
		node_free(&n);
	}
}
END_TEST

/* ICE-113, ICE-110: no printer is asked for, and nothing that is not of one label. */
START_TEST(only_uuids_are_asked_for)
{
	static const char *const bad[] = {"", ".local", "printer.local",
		"0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b", "0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.",
		"0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.localx",
		"0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.lokal",
		"0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local.",
		"a.f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local",
		"0f1e2d3c-4b5a-1978-8a6b-1c2d3e4f5a6b.local", /* version 1 */
		"0f1e2d3c-4b5a-4978-ca6b-1c2d3e4f5a6b.local", /* another variant */
		"0f1e2d3c-4b5a-4978-7a6b-1c2d3e4f5a6b.local",
		"0f1e2d3g-4b5a-4978-8a6b-1c2d3e4f5a6b.local",
		"0f1e2d3c04b5a-4978-8a6b-1c2d3e4f5a6b.local",
		"0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b-local"};
	Node n;
	node_init(&n);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t id = 0;
		ck_assert(!tulle_mdns_is_name(tulle_text_of(bad[i])));
		ck_assert_int_eq(tulle_mdns_resolve(n.mdns, n.now, tulle_text_of(bad[i]), &id),
			TULLE_ERR_ARGUMENT);
		ck_assert_uint_eq(id, 0);
	}
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 0);
	ck_assert(tulle_mdns_is_name(TULLE_TEXT(NAME)));
	ck_assert(tulle_mdns_is_name(TULLE_TEXT("0F1E2D3C-4B5A-4978-BA6B-1C2D3E4F5A6B.Local")));
	node_free(&n);
}
END_TEST

/* ICE-117 */
START_TEST(an_answer_comes_from_the_link)
{
	static const struct {
		const char *from, *to;
		uint16_t port;
		uint32_t link;
		tulle_drop want;
	} rows[] = {
		{"192.0.2.9", NULL, 5353, 3, TULLE_TAKEN},
		{"192.0.2.9", "192.0.2.1", 5353, 3, TULLE_TAKEN},
		{"198.51.100.9", NULL, 5353, 3, TULLE_TAKEN}, /* two nets on one link */
		{"fe80::9", "fe80::1", 5353, 3, TULLE_TAKEN},
		{"198.51.100.9", "192.0.2.1", 5353, 3, TULLE_DROP_MDNS_SOURCE},
		{"2001:db8::9", "fe80::1", 5353, 3, TULLE_DROP_MDNS_SOURCE},
		{"192.0.2.9", NULL, 5354, 3, TULLE_DROP_MDNS_SOURCE},
		{"192.0.2.9", "192.0.2.1", 53, 3, TULLE_DROP_MDNS_SOURCE},
		{"192.0.2.9", NULL, 5353, 4, TULLE_DROP_UNKNOWN_PATH},
		{"192.0.2.9", NULL, 5353, 0, TULLE_DROP_UNKNOWN_PATH},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		uint8_t buf[256];
		node_init(&n);
		node_ask(&n, NAME);
		tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
		put_address(&w, NAME, "192.0.2.7", TOP | IN, 120);
		ck_assert_int_eq(give_at(&n, rows[i].link, rows[i].from, rows[i].port, rows[i].to,
					 buf, w.len),
			rows[i].want);
		node_drain(&n);
		ck_assert_uint_eq(n.told, rows[i].want == TULLE_TAKEN);
		ck_assert_uint_eq(tulle_mdns_drops(n.mdns, rows[i].want), 1);
		node_free(&n);
	}
}
END_TEST

START_TEST(addresses_that_no_candidate_has_are_no_answer)
{
	static const char *const bad[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"::1", "::", "ff02::1", "::ffff:10.0.0.1", "240.0.0.1"};
	Node n;
	node_init(&n);
	node_ask(&n, NAME);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(give_answer(&n, NAME, bad[i]), TULLE_DROP_MDNS_ADDRESS);
	uint8_t buf[256]; /* an A record of sixteen bytes */
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
	put_question(&w, NAME, A, IN);
	tulle_wr_u32(&w, 120);
	tulle_wr_u16(&w, 16);
	tulle_wr_zero(&w, 16);
	ck_assert_int_eq(give(&n, &w), TULLE_DROP_MDNS_ADDRESS);
	node_drain(&n);
	ck_assert_uint_eq(n.told, 0);
	ck_assert_int_eq(give_answer(&n, NAME, "192.0.2.7"), TULLE_TAKEN);
	node_free(&n);
}
END_TEST

START_TEST(what_was_not_asked_for_changes_nothing)
{
	static const struct {
		const char *name;
		unsigned class;
		uint32_t ttl;
	} rows[] = {{OTHER, IN, 120}, {"printer.local", IN, 120}, {NAME, 3, 120},
		{NAME, IN, 0} /* a farewell */};
	Node n;
	uint8_t buf[256];
	node_init(&n);
	node_ask(&n, NAME);
	node_drain(&n);
	tulle_time due = tulle_mdns_poll_timeout(n.mdns);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
		put_address(&w, rows[i].name, "192.0.2.7", rows[i].class, rows[i].ttl);
		ck_assert_int_eq(give(&n, &w), TULLE_DROP_MDNS_NAME);
	}
	for (unsigned i = 0; i < 10000; i++) /* a flood */
		ck_assert_int_eq(give_answer(&n, OTHER, "192.0.2.7"), TULLE_DROP_MDNS_NAME);
	node_drain(&n);
	ck_assert_uint_eq(n.told, 0);
	ck_assert_int_eq(tulle_mdns_poll_timeout(n.mdns), due);
	ck_assert_uint_eq(tulle_mdns_drops(n.mdns, TULLE_DROP_MDNS_NAME), 10004);
	node_free(&n);
}
END_TEST

/* ICE-115: sixteen at a time, and no more than twenty a second */
START_TEST(questions_are_bounded)
{
	Node n;
	char name[] = NAME;
	uint32_t id;
	node_init_bare(&n);
	node_link(&n, 3, "192.0.2.1", 24);
	tulle_time start = n.now;
	for (unsigned i = 0; i < 16; i++) {
		name[0] = "0123456789abcdef"[i];
		node_ask(&n, name);
	}
	ck_assert_int_eq(tulle_mdns_resolve(n.mdns, n.now, TULLE_TEXT(NAME), &id), TULLE_ERR_LIMIT);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 2); /* packed: twelve and four */
	ck_assert(head(&n.sent[0], 2) == 24 && head(&n.sent[1], 2) == 8);
	size_t asked = 0;
	node_wait(&n, 9 * SECOND);
	for (size_t i = 0; i < n.sent_count; i++)
		asked += head(&n.sent[i], 2) / 2u;
	ck_assert_uint_eq(asked, 64);
	for (size_t i = 0; i < n.sent_count; i++) { /* a bucket of 16 that fills at 20 a second */
		size_t until = 0;
		for (size_t k = 0; k <= i; k++)
			until += head(&n.sent[k], 2) / 2u;
		ck_assert_uint_le(until, 16 + (size_t)((n.sent[i].at - start) / 50000));
	}
	/* those who ask and cancel all the time are slowed down too */
	n.sent_count = 0;
	for (uint32_t k = 1; k < 2000; k++)
		tulle_mdns_cancel(n.mdns, k);
	for (unsigned i = 0; i < 200; i++) {
		tulle_mdns_cancel(n.mdns, node_ask(&n, NAME));
		node_ask(&n, OTHER);
		node_drain(&n);
		for (uint32_t k = 1; k < 2000; k++)
			tulle_mdns_cancel(n.mdns, k);
	}
	ck_assert_uint_le(n.sent_count, 17);
	node_free(&n);
}
END_TEST

START_TEST(cancelled_questions_are_silent)
{
	Node n;
	node_init(&n);
	uint32_t first = node_ask(&n, NAME), second = node_ask(&n, NAME);
	ck_assert_uint_ne(first, second);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 2); /* one name, two families: asked for once */
	ck_assert_uint_eq(head(&n.sent[0], 2), 2);
	tulle_mdns_cancel(n.mdns, first);
	tulle_mdns_cancel(n.mdns, 0);
	ck_assert_int_eq(give_answer(&n, NAME, "192.0.2.7"), TULLE_TAKEN);
	node_drain(&n);
	ck_assert(n.told == 1 && n.event.id == second);
	uint32_t third = node_ask(&n, NAME);
	ck_assert_int_eq(give_answer(&n, NAME, "192.0.2.7"), TULLE_TAKEN);
	tulle_mdns_cancel(n.mdns, third); /* answered, but not told yet */
	node_drain(&n);
	ck_assert_uint_eq(n.told, 1);
	ck_assert_int_eq(tulle_mdns_poll_timeout(n.mdns), TULLE_TIME_NEVER);
	node_free(&n);
}
END_TEST

START_TEST(links_come_and_go)
{
	Node n;
	tulle_addr a = addr_of("192.0.2.1", 0), none = {0};
	node_init_bare(&n);
	node_ask(&n, NAME);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 0);
	ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 0, &a, 24), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 1, &a, 33), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 1, &none, 0), TULLE_ERR_ARGUMENT);
	for (uint32_t i = 1; i <= 16; i++)
		node_link(&n, i, "192.0.2.1", 24);
	node_link(&n, 16, "192.0.2.1", 24); /* known: nothing */
	ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 17, &a, 24), TULLE_ERR_LIMIT);
	for (uint8_t i = 2; i <= 8; i++) {
		a.ip[3] = i;
		ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 16, &a, 24), TULLE_OK);
	}
	a.ip[3] = 9;
	ck_assert_int_eq(tulle_mdns_add_link(n.mdns, n.now, 16, &a, 24), TULLE_ERR_LIMIT);
	node_wait(&n, SECOND);
	ck_assert_uint_eq(n.sent_count, 16);
	n.now += 2 * SECOND; /* due, and not yet polled */
	tulle_mdns_handle_timeout(n.mdns, n.now);
	for (uint32_t i = 2; i <= 16; i++)
		tulle_mdns_remove_link(n.mdns, n.now, i);
	tulle_mdns_remove_link(n.mdns, n.now, 99);
	tulle_mdns_remove_link(n.mdns, n.now, 0);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 17);
	ck_assert_uint_eq(n.sent[16].path.id, 1);
	node_free(&n);
}
END_TEST

START_TEST(memory_and_config_are_looked_at)
{
	_Alignas(max_align_t) static uint8_t block[TULLE_MDNS_MEMORY_BYTES_MAX + 16];
	Node n = {.seed = 1};
	tulle_mdns_config c = {0};
	ck_assert_uint_eq(tulle_mdns_memory_bytes(&c), 0);
	c.random = (tulle_random){node_random, &n};
	size_t need = tulle_mdns_memory_bytes(&c);
	ck_assert(need != 0 && need <= TULLE_MDNS_MEMORY_BYTES_MAX);
	ck_assert_ptr_null(tulle_mdns_init(block, need - 1, &c, 0));
	ck_assert_ptr_null(tulle_mdns_init(block + 1, need, &c, 0));
	c.questions_max = 17;
	ck_assert_uint_eq(tulle_mdns_memory_bytes(&c), 0);
	c.questions_max = 1;
	c.names_max = 65;
	ck_assert_uint_eq(tulle_mdns_memory_bytes(&c), 0);
	c.names_max = 1;
	ck_assert_uint_lt(tulle_mdns_memory_bytes(&c), need);
	tulle_mdns *m = tulle_mdns_init(block, sizeof block, &c, 0);
	ck_assert_ptr_nonnull(m);
	uint32_t id;
	tulle_text name;
	tulle_addr a = addr_of("192.0.2.1", 0);
	ck_assert_int_eq(tulle_mdns_resolve(m, 0, TULLE_TEXT(NAME), &id), TULLE_OK);
	ck_assert_int_eq(tulle_mdns_resolve(m, 0, TULLE_TEXT(NAME), &id), TULLE_ERR_LIMIT);
	ck_assert_int_eq(tulle_mdns_publish(m, 0, &a, &name), TULLE_OK);
	ck_assert_int_eq(tulle_mdns_publish(m, 0, &a, &name), TULLE_ERR_LIMIT);
	uint8_t small[TULLE_MDNS_DATAGRAM_BYTES - 1];
	tulle_datagram d;
	ck_assert_int_eq(tulle_mdns_add_link(m, 0, 1, &a, 24), TULLE_OK);
	ck_assert(!tulle_mdns_poll_datagram(m, 0, small, sizeof small, &d));
}
END_TEST

Suite *suite_mdns(void)
{
	Suite *s = suite_create("mdns");
	TCase *c = tcase_create("resolve");
	tcase_add_test(c, a_name_is_asked_for_on_each_link_and_family);
	tcase_add_test(c, silence_is_asked_into_four_times);
	tcase_add_test(c, an_answer_ends_the_asking);
	tcase_add_test(c, an_answer_may_look_many_ways);
	tcase_add_test(c, several_addresses_are_none);
	tcase_add_test(c, only_uuids_are_asked_for);
	tcase_add_test(c, an_answer_comes_from_the_link);
	tcase_add_test(c, addresses_that_no_candidate_has_are_no_answer);
	tcase_add_test(c, what_was_not_asked_for_changes_nothing);
	tcase_add_test(c, questions_are_bounded);
	tcase_add_test(c, cancelled_questions_are_silent);
	tcase_add_test(c, links_come_and_go);
	tcase_add_test(c, memory_and_config_are_looked_at);
	suite_add_tcase(s, c);
	return s;
}
