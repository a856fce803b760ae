/* SPDX-License-Identifier: MIT */
/* mdns: our own names: drawn, announced, answered for, taken back. */
#include "mdns_kit.h"

/* The same name, as a C string for the messages by hand. */
static char text[TULLE_MDNS_TEXT_BYTES + 1];

static tulle_text publish(Node *n, const char *ip)
{
	tulle_addr a = addr_of(ip, 4000);
	tulle_text name = {0};
	ck_assert_int_eq(tulle_mdns_publish(n->mdns, n->now, &a, &name), TULLE_OK);
	ck_assert_uint_eq(name.len, TULLE_MDNS_TEXT_BYTES);
	memcpy(text, name.ptr, name.len);
	return name;
}

/* One that is known to the group for so long that nothing is pending; what was sent is forgotten.
 */
static void publish_and_wait(Node *n, const char *ip, tulle_time us)
{
	publish(n, ip);
	node_wait(n, us);
	n->sent_count = 0;
}

static tulle_drop ask_from(Node *n, const char *from, uint16_t port, const char *to, uint16_t type,
	unsigned class, uint16_t flags)
{
	uint8_t buf[128];
	tulle_wr w = put_head(buf, sizeof buf, flags, 1, 0, 0);
	put_question(&w, text, type, class);
	tulle_drop drop = give_at(n, 3, from, port, to, buf, w.len);
	node_drain(n);
	return drop;
}

static tulle_drop ask(Node *n, uint16_t type, unsigned class)
{
	return ask_from(n, "192.0.2.9", TULLE_MDNS_PORT, NULL, type, class, 0);
}

static void sent_address(const Sent *s, const char *ip, unsigned class, uint32_t ttl)
{
	uint8_t buf[256];
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
	w.buf[0] = w.buf[1] = 0;
	put_address(&w, text, ip, class, ttl);
	sent_is(s, &w);
}

static void sent_absence(const Sent *s, uint8_t window_bytes, uint8_t byte, uint8_t bits)
{
	uint8_t buf[256];
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 0);
	w.buf[0] = w.buf[1] = 0;
	put_question(&w, text, NSEC, TOP | IN);
	tulle_wr_u32(&w, 120);
	tulle_wr_u16(&w, (uint16_t)(44 + 2 + window_bytes));
	put_name(&w, text);
	tulle_wr_u8(&w, 0);
	tulle_wr_u8(&w, window_bytes);
	tulle_wr_zero(&w, window_bytes);
	w.buf[w.len - window_bytes + byte] = bits;
	sent_is(s, &w);
}

static bool is_to(const Sent *s, const char *ip, uint16_t port)
{
	tulle_addr want = addr_of(ip, port);
	want.scope = s->path.remote.scope;
	return tulle_addr_is(&s->path.remote, &want);
}

/* ICE-106: a UUID of version 4, another one for each address and each time */
START_TEST(names_are_drawn)
{
	Node n;
	char first[TULLE_MDNS_TEXT_BYTES + 1] = {0};
	tulle_addr a = addr_of("192.0.2.1", 0);
	tulle_text name;
	node_init(&n);
	for (unsigned i = 0; i < 64; i++) {
		ck_assert(tulle_mdns_is_name(publish(&n, i % 2 == 0 ? "192.0.2.1" : "fe80::1")));
		ck_assert_str_ne(text, first);
		memcpy(first, text, sizeof first);
	}
	ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_ERR_LIMIT);
	node_free(&n);
	node_init(&n);
	n.no_random = true;
	ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_ERR_SYSTEM);
	n.no_random = false;
	n.same_random = true;
	ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_OK);
	ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_ERR_SYSTEM);
	static const char *const bad[] = {
		"127.0.0.1", "::1", "0.0.0.0", "224.0.0.251", "ff02::fb", "::ffff:10.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		a = addr_of(bad[i], 0);
		ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_ERR_ARGUMENT);
	}
	node_free(&n);
}
END_TEST

/* ICE-107: twice, a second apart, without probing, to both groups */
START_TEST(a_name_is_announced_on_its_link_alone)
{
	Node n;
	node_init(&n);
	node_link(&n, 4, "198.51.100.1", 24);
	tulle_time start = n.now;
	publish(&n, "192.0.2.1");
	node_wait(&n, 100 * SECOND);
	ck_assert_uint_eq(n.sent_count, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(n.sent[i].at, start + (tulle_time)(i / 2) * SECOND);
		ck_assert_uint_eq(n.sent[i].path.id, 3);
		ck_assert(is_to(&n.sent[i], i % 2 == 0 ? "224.0.0.251" : "ff02::fb", 5353));
		sent_address(&n.sent[i], "192.0.2.1", TOP | IN, 120);
	}
	node_free(&n);
}
END_TEST

/* ICE-107; RFC6762:6.1: what a name does not have is said too */
START_TEST(questions_are_answered)
{
	static const struct {
		const char *ip;
		uint16_t type;
		bool address;
	} rows[] = {{"192.0.2.1", A, true}, {"192.0.2.1", ANY, true}, {"192.0.2.1", AAAA, false},
		{"192.0.2.1", 65, false}, {"fe80::1", AAAA, true}, {"fe80::1", A, false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		node_init(&n);
		publish_and_wait(&n, rows[i].ip, 60 * SECOND);
		ck_assert_int_eq(ask(&n, rows[i].type, IN), TULLE_TAKEN);
		ck_assert_uint_eq(n.sent_count, 1);
		ck_assert(is_to(&n.sent[0], "224.0.0.251", 5353)); /* asked by IPv4 alone */
		ck_assert_int_eq(n.sent[0].at, n.now);
		if (rows[i].address)
			sent_address(&n.sent[0], rows[i].ip, TOP | IN, 120);
		else if (rows[i].ip[0] == '1')
			sent_absence(&n.sent[0], 1, 0, 0x40);
		else
			sent_absence(&n.sent[0], 4, 3, 0x08);
		node_free(&n);
	}
}
END_TEST

START_TEST(other_names_and_links_are_not_answered_for)
{
	Node n;
	uint8_t buf[128];
	node_init(&n);
	node_link(&n, 4, "198.51.100.1", 24);
	publish_and_wait(&n, "192.0.2.1", 60 * SECOND);
	tulle_wr w = put_head(buf, sizeof buf, 0, 1, 0, 0);
	put_question(&w, text, A, IN);
	ck_assert_int_eq(give_at(&n, 4, "198.51.100.9", 5353, NULL, buf, w.len),
		TULLE_DROP_MDNS_NAME); /* [SEC] one link's addresses are not told on another */
	ck_assert_int_eq(ask(&n, A, 3), TULLE_DROP_MDNS_NAME);
	text[0] = text[0] == '0' ? '1' : '0';
	ck_assert_int_eq(ask(&n, A, IN), TULLE_DROP_MDNS_NAME);
	w = put_head(buf, sizeof buf, 0, 1, 0, 0);
	put_question(&w, "_services._dns-sd._udp.local", ANY, IN);
	ck_assert_int_eq(give(&n, &w), TULLE_DROP_MDNS_NAME);
	node_wait(&n, SECOND);
	ck_assert_uint_eq(n.sent_count, 0);
	node_free(&n);
}
END_TEST

/* RFC6762:5.4, RFC6762:5.5, RFC6762:6.7 */
START_TEST(who_wants_it_alone_gets_it_alone)
{
	static const struct {
		const char *from, *to;
		uint16_t port;
		unsigned class;
		tulle_time since;
		tulle_drop want;
		bool group;
	} rows[] = {
		{"192.0.2.9", NULL, 5353, TOP | IN, 5 * SECOND, TULLE_TAKEN, false},
		/* the group has not heard it for a quarter of its time to live */
		{"192.0.2.9", NULL, 5353, TOP | IN, 31 * SECOND, TULLE_TAKEN, true},
		{"192.0.2.9", "192.0.2.1", 5353, IN, 31 * SECOND, TULLE_TAKEN, false},
		{"192.0.2.9", NULL, 40000, IN, 31 * SECOND, TULLE_TAKEN, false},
		{"fe80::9", "fe80::1", 40000, IN, 31 * SECOND, TULLE_TAKEN, false},
		/* [SEC] a forged source beyond the link gets nothing from us */
		{"198.51.100.9", NULL, 5353, TOP | IN, 5 * SECOND, TULLE_TAKEN, true},
		{"198.51.100.9", "192.0.2.1", 5353, IN, 5 * SECOND, TULLE_DROP_MDNS_SOURCE, false},
		{"198.51.100.9", NULL, 40000, IN, 5 * SECOND, TULLE_DROP_MDNS_SOURCE, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		uint8_t buf[256];
		node_init(&n);
		publish_and_wait(&n, "192.0.2.1", rows[i].since);
		ck_assert_int_eq(
			ask_from(&n, rows[i].from, rows[i].port, rows[i].to, A, rows[i].class, 0),
			rows[i].want);
		ck_assert_uint_eq(n.sent_count, rows[i].want == TULLE_TAKEN);
		if (rows[i].want != TULLE_TAKEN) {
			node_free(&n);
			continue;
		}
		const char *to = rows[i].group ? "224.0.0.251" : rows[i].from;
		ck_assert(is_to(&n.sent[0], to, rows[i].port));
		ck_assert_uint_eq(n.sent[0].path.id, 3);
		if (rows[i].port == 5353) {
			sent_address(&n.sent[0], "192.0.2.1", TOP | IN, 120);
		} else { /* a resolver that knows only the unicast DNS */
			tulle_wr w = put_head(buf, sizeof buf, 0x8400, 1, 1, 0);
			put_question(&w, text, A, IN);
			put_address(&w, text, "192.0.2.1", IN, 10);
			sent_is(&n.sent[0], &w);
		}
		node_free(&n);
	}
}
END_TEST

START_TEST(two_questions_of_one_asker_have_one_answer)
{
	Node n;
	uint8_t buf[256];
	node_init(&n);
	publish_and_wait(&n, "192.0.2.1", 5 * SECOND);
	tulle_wr w = put_head(buf, sizeof buf, 0, 2, 0, 0);
	put_question(&w, text, A, TOP | IN);
	put_question(&w, text, AAAA, TOP | IN);
	ck_assert_int_eq(give(&n, &w), TULLE_TAKEN);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 1);
	ck_assert(is_to(&n.sent[0], "192.0.2.9", 5353));
	ck_assert_uint_eq(head(&n.sent[0], 3), 2);
	ck_assert_int_eq(give_at(&n, 3, "192.0.2.9", 40000, NULL, buf, w.len), TULLE_TAKEN);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 3); /* each with its question; AAAA: nothing in it */
	ck_assert(head(&n.sent[1], 2) == 1 && head(&n.sent[2], 2) == 1);
	ck_assert_uint_eq(head(&n.sent[1], 3) + head(&n.sent[2], 3), 1);
	node_free(&n);
}
END_TEST

/* ICE-115, RFC6762:6: a record goes to a group once a second */
START_TEST(a_flood_of_questions_has_few_answers)
{
	Node n;
	node_init(&n);
	publish_and_wait(&n, "192.0.2.1", 60 * SECOND);
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_int_eq(ask(&n, A, IN), TULLE_TAKEN);
		node_wait(&n, 10000);
	}
	ck_assert_uint_eq(n.sent_count, 11);
	for (size_t i = 1; i < n.sent_count; i++)
		ck_assert_int_eq(n.sent[i].at - n.sent[i - 1].at, SECOND);
	n.sent_count = 0;
	size_t refused = 0;
	for (unsigned i = 0; i < 1000; i++) { /* unicast: fifty a second after sixteen */
		tulle_drop drop = ask(&n, A, TOP | IN);
		ck_assert(drop == TULLE_TAKEN || drop == TULLE_DROP_LIMIT);
		refused += drop == TULLE_DROP_LIMIT;
		node_wait(&n, 2000);
	}
	ck_assert_uint_eq(n.sent_count + refused, 1000);
	ck_assert_uint_le(n.sent_count, 16 + 100 + 2);
	node_free(&n);
}
END_TEST

/* RFC6762:7.1 */
START_TEST(known_answers_are_not_given_again)
{
	static const struct {
		const char *ip;
		uint32_t ttl;
		unsigned class;
		bool known;
	} rows[] = {{"192.0.2.1", 120, IN, true}, {"192.0.2.1", 60, TOP | IN, true},
		{"192.0.2.1", 59, IN, false}, {"192.0.2.2", 120, IN, false},
		{"192.0.2.1", 120, 3, false}, {"2001:db8::1", 120, IN, false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		uint8_t buf[256];
		node_init(&n);
		publish_and_wait(&n, "192.0.2.1", 60 * SECOND);
		tulle_wr w = put_head(buf, sizeof buf, 0, 1, 1, 0);
		put_question(&w, text, A, IN);
		put_address(&w, text, rows[i].ip, rows[i].class, rows[i].ttl);
		ck_assert_int_eq(give(&n, &w), TULLE_TAKEN);
		node_wait(&n, SECOND);
		ck_assert_uint_eq(n.sent_count, !rows[i].known);
		node_free(&n);
	}
}
END_TEST

/* RFC6762:7.2 */
START_TEST(a_truncated_query_is_answered_later)
{
	for (unsigned known = 0; known < 2; known++) {
		Node n;
		uint8_t buf[256];
		node_init(&n);
		publish_and_wait(&n, "192.0.2.1", 60 * SECOND);
		tulle_time start = n.now;
		ck_assert_int_eq(ask_from(&n, "192.0.2.9", 5353, NULL, A, IN, 0x0200), TULLE_TAKEN);
		ck_assert_uint_eq(n.sent_count, 0);
		node_wait(&n, 100000);
		if (known != 0) {
			tulle_wr w = put_head(buf, sizeof buf, 0, 0, 1, 0);
			put_address(&w, text, "192.0.2.1", IN, 100);
			ck_assert_int_eq(give(&n, &w), TULLE_TAKEN);
		}
		node_wait(&n, SECOND);
		ck_assert_uint_eq(n.sent_count, known == 0);
		if (known == 0)
			ck_assert(n.sent[0].at >= start + 400000 && n.sent[0].at < start + 500000);
		node_free(&n);
	}
}
END_TEST

/* ICE-121: to those who have heard of it */
START_TEST(a_name_says_farewell)
{
	Node n;
	node_init(&n);
	tulle_text name = publish(&n, "192.0.2.1");
	node_wait(&n, SECOND / 2);
	ck_assert_uint_eq(n.sent_count, 2);
	ck_assert_int_eq(ask(&n, A, TOP | IN), TULLE_TAKEN);
	ck_assert_uint_eq(n.sent_count, 3);
	uint8_t buf[128];
	tulle_wr w = put_head(buf, sizeof buf, 0, 1, 0, 0);
	put_question(&w, text, A, TOP | IN);
	ck_assert_int_eq(give(&n, &w), TULLE_TAKEN); /* an answer that nobody has polled yet */
	tulle_mdns_unpublish(n.mdns, n.now, name);
	tulle_mdns_unpublish(n.mdns, n.now, TULLE_TEXT(OTHER));
	tulle_mdns_unpublish(n.mdns, n.now, TULLE_TEXT("printer.local"));
	ck_assert_int_eq(give(&n, &w), TULLE_DROP_MDNS_NAME);
	node_drain(&n);
	ck_assert_uint_eq(n.sent_count, 5);
	sent_address(&n.sent[3], "192.0.2.1", TOP | IN, 0);
	sent_address(&n.sent[4], "192.0.2.1", TOP | IN, 0);
	ck_assert_int_eq(tulle_mdns_poll_timeout(n.mdns), TULLE_TIME_NEVER);
	tulle_mdns_unpublish(n.mdns, n.now, publish(&n, "192.0.2.1")); /* never announced */
	node_wait(&n, 10 * SECOND);
	ck_assert_uint_eq(n.sent_count, 5);
	for (unsigned i = 0; i < 1000; i++) { /* no place is lost */
		name = publish(&n, "192.0.2.1");
		n.sent_count = 0;
		node_drain(&n);
		tulle_mdns_unpublish(n.mdns, n.now, name);
		node_wait(&n, 1);
	}
	node_free(&n);
}
END_TEST

/* The application has the name though no link does: draft 3.1.1. */
START_TEST(a_name_waits_for_its_link)
{
	Node n;
	node_init_bare(&n);
	tulle_text name = publish(&n, "192.0.2.1");
	node_wait(&n, SECOND);
	node_link(&n, 4, "198.51.100.1", 24);
	node_wait(&n, SECOND);
	ck_assert_uint_eq(n.sent_count, 0);
	node_link(&n, 3, "192.0.2.1", 24);
	node_wait(&n, SECOND);
	ck_assert_uint_eq(n.sent_count, 2);
	ck_assert_int_eq(ask(&n, A, IN), TULLE_TAKEN); /* it may go in a second */
	ck_assert_uint_eq(n.sent_count, 2);
	tulle_mdns_remove_link(n.mdns, n.now, 3);
	node_wait(&n, 10 * SECOND);
	ck_assert_uint_eq(n.sent_count, 2);
	ck_assert_int_eq(ask(&n, A, IN), TULLE_DROP_UNKNOWN_PATH);
	node_link(&n, 3, "192.0.2.1", 24);
	node_wait(&n, 10 * SECOND);
	ck_assert_uint_eq(n.sent_count, 4);
	tulle_mdns_unpublish(n.mdns, n.now, name);
	tulle_mdns_remove_link(n.mdns, n.now, 3); /* before its farewell is sent */
	node_wait(&n, 10 * SECOND);
	ck_assert_uint_eq(n.sent_count, 4);
	node_free(&n);
}
END_TEST

START_TEST(many_announcements_share_messages)
{
	Node n;
	size_t records = 0;
	node_init_bare(&n);
	node_link(&n, 3, "192.0.2.1", 24);
	for (unsigned i = 0; i < 64; i++)
		publish(&n, "192.0.2.1");
	node_drain(&n);
	for (size_t i = 0; i < n.sent_count; i++)
		records += head(&n.sent[i], 3);
	ck_assert_uint_eq(records, 64);
	ck_assert_uint_eq(n.sent_count, 4); /* 21 in one */
	node_free(&n);
}
END_TEST

/* The other engine's way through the wire: what one writes another reads. */
START_TEST(one_engine_resolves_the_names_of_another)
{
	static const char *const ips[] = {"192.0.2.1", "fe80::1"};
	for (size_t k = 0; k < 2; k++) {
		Node us, them;
		node_init(&us);
		node_init_bare(&them);
		node_link(&them, 3, "192.0.2.2", 24);
		node_link(&them, 3, "fe80::2", 64);
		publish_and_wait(&us, ips[k], 60 * SECOND);
		them.now = us.now;
		uint32_t id = node_ask(&them, text);
		node_drain(&them);
		for (size_t i = 0; i < them.sent_count; i++)
			ck_assert_int_eq(give_at(&us, 3,
						 them.sent[i].path.remote.family == 4 ? "192.0.2.2"
										      : "fe80::2",
						 5353, NULL, them.sent[i].raw, them.sent[i].len),
				TULLE_TAKEN);
		node_drain(&us);
		ck_assert_uint_ge(us.sent_count, 1);
		(void)give_at(&them, 3,
			us.sent[0].path.remote.family == 4 ? "192.0.2.1" : "fe80::1", 5353, NULL,
			us.sent[0].raw, us.sent[0].len);
		node_drain(&them);
		ck_assert_uint_eq(them.told, 1);
		ck_assert(them.event.id == id && them.event.result == TULLE_MDNS_RESOLVED);
		tulle_addr want = addr_of(ips[k], 0);
		want.scope = k == 1 ? 3 : 0;
		ck_assert(tulle_addr_is(&them.event.addr, &want));
		node_free(&us);
		node_free(&them);
	}
}
END_TEST

Suite *suite_mdns_names(void)
{
	Suite *s = suite_create("mdns_names");
	TCase *c = tcase_create("answer");
	tcase_add_test(c, names_are_drawn);
	tcase_add_test(c, a_name_is_announced_on_its_link_alone);
	tcase_add_test(c, questions_are_answered);
	tcase_add_test(c, other_names_and_links_are_not_answered_for);
	tcase_add_test(c, who_wants_it_alone_gets_it_alone);
	tcase_add_test(c, two_questions_of_one_asker_have_one_answer);
	tcase_add_test(c, a_flood_of_questions_has_few_answers);
	tcase_add_test(c, known_answers_are_not_given_again);
	tcase_add_test(c, a_truncated_query_is_answered_later);
	tcase_add_test(c, a_name_says_farewell);
	tcase_add_test(c, a_name_waits_for_its_link);
	tcase_add_test(c, many_announcements_share_messages);
	tcase_add_test(c, one_engine_resolves_the_names_of_another);
	suite_add_tcase(s, c);
	return s;
}
