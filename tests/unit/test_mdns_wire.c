/* SPDX-License-Identifier: MIT */
/* mdns: messages that are none: loops, counts, lengths, every truncation. */
#include "mdns_kit.h"

/* An answer for a name that is asked for, behind a record whose name is these bytes. */
static tulle_drop give_named(Node *n, const uint8_t *name, size_t len)
{
	static uint8_t buf[2048];
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 2, 0);
	tulle_wr_bytes(&w, name, len);
	tulle_wr_u16(&w, 16);
	tulle_wr_u16(&w, IN);
	tulle_wr_u32(&w, 1);
	tulle_wr_u16(&w, 0);
	put_address(&w, NAME, "192.0.2.7", IN, 120);
	return give(n, &w);
}

/* ICE-116 */
START_TEST(pointers_lead_back)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
		tulle_drop want;
	} rows[] = {
		{{0}, 1, TULLE_TAKEN},
		{{0xc0, 12}, 2, TULLE_DROP_MALFORMED},         /* to itself */
		{{1, 'a', 0xc0, 12}, 4, TULLE_DROP_MALFORMED}, /* to the label before it */
		{{1, 0, 0xc0, 13}, 4, TULLE_DROP_MALFORMED},   /* into it */
		{{0xc0, 14}, 2, TULLE_DROP_MALFORMED},         /* ahead */
		{{0xff, 0xff}, 2, TULLE_DROP_MALFORMED},
		{{0xc0, 0}, 2, TULLE_DROP_MALFORMED}, /* into the header */
		{{0xc0, 11}, 2, TULLE_DROP_MALFORMED},
		{{0x40, 0}, 2, TULLE_DROP_MALFORMED}, /* reserved */
		{{0x80, 0}, 2, TULLE_DROP_MALFORMED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		node_init(&n);
		node_ask(&n, NAME);
		ck_assert_int_eq(give_named(&n, rows[i].bytes, rows[i].len), rows[i].want);
		node_drain(&n);
		ck_assert_uint_eq(n.told, rows[i].want == TULLE_TAKEN);
		node_free(&n);
	}
}
END_TEST

/* A chain of pointers, each to the one before; then two that point at each other. */
START_TEST(chains_of_pointers_end)
{
	for (unsigned jumps = 15; jumps <= 18; jumps++) {
		Node n;
		uint8_t buf[512];
		node_init(&n);
		tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 1, 1);
		tulle_wr_u8(&w, 0); /* 12: the root */
		tulle_wr_u16(&w, 16);
		tulle_wr_u16(&w, IN);
		tulle_wr_u32(&w, 1);
		tulle_wr_u16(&w, (uint16_t)(2 * (jumps - 1)));
		size_t at = 12;
		for (unsigned i = 1; i < jumps; i++) {
			size_t here = w.len;
			tulle_wr_u16(&w, (uint16_t)(0xc000 | at));
			at = here;
		}
		tulle_wr_u16(&w, (uint16_t)(0xc000 | at));
		tulle_wr_bytes(&w, (const uint8_t[]){0, 16, 0, 1, 0, 0, 0, 1, 0, 0}, 10);
		ck_assert_int_eq(
			give(&n, &w), jumps <= 16 ? TULLE_DROP_MDNS_NAME : TULLE_DROP_MALFORMED);
		node_free(&n);
	}
	Node n;
	uint8_t buf[64];
	node_init(&n);
	tulle_wr w = put_head(buf, sizeof buf, 0, 2, 0, 0);
	tulle_wr_bytes(&w, (const uint8_t[]){0xc0, 18, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1}, 12);
	ck_assert_int_eq(give(&n, &w), TULLE_DROP_MALFORMED);
	node_free(&n);
}
END_TEST

/* ICE-116: 255 bytes, the lengths and the end included */
START_TEST(long_names_are_no_names)
{
	for (size_t last = 61; last <= 62; last++) {
		Node n;
		uint8_t name[300];
		tulle_wr w = tulle_wr_make(name, sizeof name);
		for (unsigned i = 0; i < 4; i++) {
			size_t bytes = i == 3 ? last : 63;
			tulle_wr_u8(&w, (uint8_t)bytes);
			memset(tulle_wr_room(&w, bytes), 'x', bytes);
		}
		tulle_wr_u8(&w, 0);
		node_init(&n);
		node_ask(&n, NAME);
		ck_assert_int_eq(give_named(&n, name, w.len),
			last == 61 ? TULLE_TAKEN : TULLE_DROP_MALFORMED);
		node_free(&n);
	}
}
END_TEST

START_TEST(counts_are_bounded)
{
	static const struct {
		uint16_t questions, answers, additional;
		tulle_drop want;
	} rows[] = {{65535, 65535, 65535, TULLE_DROP_LIMIT}, {65535, 0, 0, TULLE_DROP_LIMIT},
		{0, 65535, 0, TULLE_DROP_LIMIT}, {0, 0, 129, TULLE_DROP_LIMIT},
		{128, 0, 0, TULLE_DROP_MALFORMED}, {2, 0, 0, TULLE_DROP_MALFORMED},
		{1, 1, 0, TULLE_DROP_MALFORMED}, {0, 0, 0, TULLE_DROP_MALFORMED},
		{1, 0, 0, TULLE_TAKEN}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Node n;
		uint8_t buf[128];
		tulle_text name;
		tulle_addr a = addr_of("192.0.2.1", 0);
		node_init(&n);
		ck_assert_int_eq(tulle_mdns_publish(n.mdns, n.now, &a, &name), TULLE_OK);
		char text[TULLE_MDNS_TEXT_BYTES + 1] = {0};
		memcpy(text, name.ptr, name.len);
		tulle_wr w = put_head(
			buf, sizeof buf, 0, rows[i].questions, rows[i].answers, rows[i].additional);
		put_question(&w, text, A, IN);
		ck_assert_int_eq(give(&n, &w), rows[i].want);
		node_free(&n);
	}
}
END_TEST

START_TEST(too_long_messages_are_not_read)
{
	static uint8_t buf[9001];
	Node n;
	node_init(&n);
	node_ask(&n, NAME);
	for (size_t len = 9000; len <= 9001; len++) {
		tulle_wr w = put_head(buf, sizeof buf, 0x8400, 0, 2, 0);
		put_address(&w, NAME, "192.0.2.7", IN, 120);
		tulle_wr_bytes(&w, (const uint8_t[]){0, 0, 16, 0, 1, 0, 0, 0, 1}, 9);
		tulle_wr_u16(&w, (uint16_t)(len - w.len - 2));
		tulle_wr_zero(&w, len - w.len);
		ck_assert_int_eq(give(&n, &w), len == 9000 ? TULLE_TAKEN : TULLE_DROP_LIMIT);
	}
	node_free(&n);
}
END_TEST

/* RFC6762:18.3, RFC6762:18.11 */
START_TEST(other_kinds_of_messages_are_dropped)
{
	static const uint16_t flags[] = {0x8401, 0x840f, 0x8c00, 0xfc00, 0xa400};
	Node n;
	uint8_t buf[256];
	node_init(&n);
	node_ask(&n, NAME);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		tulle_wr w = put_head(buf, sizeof buf, flags[i], 0, 1, 0);
		put_address(&w, NAME, "192.0.2.7", IN, 120);
		ck_assert_int_eq(give(&n, &w), TULLE_DROP_MDNS_KIND);
	}
	node_free(&n);
}
END_TEST

/* No part of a message is believed before all of it is read. */
START_TEST(every_truncation_is_malformed)
{
	Node n;
	uint8_t buf[512];
	node_init(&n);
	node_ask(&n, NAME);
	node_drain(&n);
	tulle_wr w = put_head(buf, sizeof buf, 0x8400, 1, 2, 0);
	put_question(&w, "x.example", A, IN);
	put_address(&w, NAME, "192.0.2.7", TOP | IN, 120);
	put_address(&w, OTHER, "2001:db8::1", TOP | IN, 120);
	for (size_t len = 0; len < w.len; len++) {
		ck_assert_int_eq(
			give_at(&n, 3, "192.0.2.9", 5353, NULL, buf, len), TULLE_DROP_MALFORMED);
		node_drain(&n);
	}
	tulle_wr_u8(&w, 0); /* and one byte too many */
	ck_assert_int_eq(give(&n, &w), TULLE_DROP_MALFORMED);
	node_drain(&n);
	ck_assert_uint_eq(n.told, 0);
	ck_assert_int_eq(give_at(&n, 3, "192.0.2.9", 5353, NULL, buf, w.len - 1), TULLE_TAKEN);
	node_drain(&n);
	ck_assert_uint_eq(n.told, 1);
	node_free(&n);
}
END_TEST

Suite *suite_mdns_wire(void)
{
	Suite *s = suite_create("mdns_wire");
	TCase *c = tcase_create("hostile");
	tcase_add_test(c, pointers_lead_back);
	tcase_add_test(c, chains_of_pointers_end);
	tcase_add_test(c, long_names_are_no_names);
	tcase_add_test(c, counts_are_bounded);
	tcase_add_test(c, too_long_messages_are_not_read);
	tcase_add_test(c, other_kinds_of_messages_are_dropped);
	tcase_add_test(c, every_truncation_is_malformed);
	suite_add_tcase(s, c);
	return s;
}
