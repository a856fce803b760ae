/* SPDX-License-Identifier: MIT */
/* base: bytes, text, addresses, pools, checksums, names. */
#include "base/addr.h"
#include "base/crc32c.h"
#include "base/crypto.h"
#include "base/hints.h"
#include "base/pool.h"
#include "base/ready.h"
#include "base/serial.h"
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_over_read_gives_zero_and_stays_bad)
{
	const uint8_t data[] = {1, 2, 3, 4, 5};
	for (size_t n = 0; n <= sizeof data; n++) {
		tulle_rd r = tulle_rd_make(data, n);
		uint32_t v = tulle_rd_u32(&r);
		ck_assert_uint_eq(v, n >= 4 ? 0x01020304u : 0);
		ck_assert(r.bad == (n < 4));
		ck_assert_uint_eq(tulle_rd_left(&r), n >= 4 ? n - 4 : 0);
		(void)tulle_rd_u8(&r);
		ck_assert(tulle_rd_finish(&r) == (n == 5));
		ck_assert_uint_eq(tulle_rd_u16(&r), 0);
		ck_assert(!tulle_rd_finish(&r));
	}
}
END_TEST

START_TEST(a_child_reader_is_bad_when_its_parent_is_short)
{
	const uint8_t data[] = {1, 2, 3};
	tulle_rd r = tulle_rd_make(data, 3), child = tulle_rd_sub(&r, 2);
	ck_assert_uint_eq(tulle_rd_u16(&child), 0x0102);
	ck_assert(tulle_rd_finish(&child));
	child = tulle_rd_sub(&r, 2);
	ck_assert(child.bad && r.bad);
	ck_assert_uint_eq(tulle_rd_left(&child), 0);
}
END_TEST

START_TEST(a_writer_that_is_full_stays_bad_and_writes_nothing_more)
{
	uint8_t buf[8];
	memset(buf, 0xee, sizeof buf);
	tulle_wr w = tulle_wr_make(buf, 6);
	size_t at = tulle_wr_reserve(&w, 2);
	tulle_wr_u24(&w, 0xabcdef);
	tulle_wr_u16(&w, 1);
	tulle_wr_u8(&w, 1);
	tulle_wr_patch_u16(&w, at, 7);
	ck_assert(!tulle_wr_finish(&w));
	ck_assert_mem_eq(buf, "\0\0\xab\xcd\xef\xee\xee\xee", 8);
}
END_TEST

START_TEST(serial_numbers_wrap)
{
	ck_assert(tulle_serial_lt32(0xfffffffe, 1));
	ck_assert(!tulle_serial_lt32(1, 0xfffffffe));
	ck_assert(!tulle_serial_lt32(5, 5));
	ck_assert(tulle_serial_lt16(0xffff, 0));
	ck_assert(tulle_time_add(TULLE_TIME_NEVER, 1) == TULLE_TIME_NEVER);
	ck_assert(tulle_time_add(TULLE_TIME_NEVER - 1, 5) == TULLE_TIME_NEVER);
	ck_assert_uint_eq(tulle_sat_mul(SIZE_MAX / 2, 3), SIZE_MAX);
}
END_TEST

static const struct {
	const char *text, *written;
	tulle_addr_class class;
} addresses[] = {
	{"127.0.0.1", "127.0.0.1", TULLE_ADDR_LOOPBACK},
	{"10.1.2.3", "10.1.2.3", TULLE_ADDR_PRIVATE},
	{"172.31.0.1", "172.31.0.1", TULLE_ADDR_PRIVATE},
	{"172.32.0.1", "172.32.0.1", TULLE_ADDR_GLOBAL},
	{"169.254.169.254", "169.254.169.254", TULLE_ADDR_LINK_LOCAL},
	{"224.0.0.251", "224.0.0.251", TULLE_ADDR_MULTICAST},
	{"255.255.255.255", "255.255.255.255", TULLE_ADDR_MULTICAST},
	{"0.0.0.0", "0.0.0.0", TULLE_ADDR_UNSPECIFIED},
	{"8.8.8.8", "8.8.8.8", TULLE_ADDR_GLOBAL},
	{"::", "::", TULLE_ADDR_UNSPECIFIED},
	{"::1", "::1", TULLE_ADDR_LOOPBACK},
	{"::ffff:127.0.0.1", "::ffff:127.0.0.1", TULLE_ADDR_LOOPBACK},
	{"::127.0.0.1", "::7f00:1", TULLE_ADDR_RESERVED},
	{"fe80::1", "fe80::1", TULLE_ADDR_LINK_LOCAL},
	{"fd77::1", "fd77::1", TULLE_ADDR_PRIVATE},
	{"ff02::fb", "ff02::fb", TULLE_ADDR_MULTICAST},
	{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", TULLE_ADDR_GLOBAL},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", TULLE_ADDR_GLOBAL},
	{"1:0:0:2:0:0:0:3", "1:0:0:2::3", TULLE_ADDR_GLOBAL},
};

START_TEST(addresses_are_read_classified_and_written)
{
	char buf[TULLE_ADDR_TEXT_MAX];
	tulle_addr a;
	ck_assert(tulle_addr_read_ip(tulle_text_of(addresses[_i].text), &a));
	ck_assert_int_eq(tulle_addr_classify(&a), addresses[_i].class);
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_addr_write_ip(&w, &a);
	ck_assert(tulle_wr_finish(&w));
	ck_assert(tulle_text_is((tulle_text){buf, w.len}, tulle_text_of(addresses[_i].written)));
}
END_TEST

START_TEST(ill_formed_addresses_are_refused)
{
	static const char *const bad[] = {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
		"1.2.3.4 ", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"12345::", "g::", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0",
		"[::1]", "1:2:3:4:5:6:7::8:9", ":1::", "::1:"};
	tulle_addr a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!tulle_addr_read_ip(tulle_text_of(bad[i]), &a), "%s", bad[i]);
}
END_TEST

START_TEST(numbers_and_hex_refuse_what_is_not_theirs)
{
	uint64_t v = 7;
	uint8_t b[2];
	ck_assert(tulle_text_u64(TULLE_TEXT("18446744073709551615"), UINT64_MAX, &v));
	ck_assert(v == UINT64_MAX);
	ck_assert(!tulle_text_u64(TULLE_TEXT("18446744073709551616"), UINT64_MAX, &v));
	ck_assert(!tulle_text_u64(TULLE_TEXT("-1"), 10, &v));
	ck_assert(!tulle_text_u64(TULLE_TEXT(""), 10, &v));
	ck_assert(!tulle_text_u64(TULLE_TEXT("11"), 10, &v));
	ck_assert(tulle_text_unhex(TULLE_TEXT("aB:01"), true, b, 2));
	ck_assert_mem_eq(b, "\xab\x01", 2);
	ck_assert(!tulle_text_unhex(TULLE_TEXT("aB-01"), true, b, 2));
	ck_assert(!tulle_text_unhex(TULLE_TEXT("aB:0"), true, b, 2));
	ck_assert(!tulle_text_unhex(TULLE_TEXT("aB:01:"), true, b, 2));
}
END_TEST

START_TEST(utf8_is_judged_whole_and_in_pieces)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {{"", true}, {"aé€😀", true}, {"\xc0\x80", false}, {"\xe0\x80\x80", false},
		{"\xed\xa0\x80", false}, {"\xf4\x90\x80\x80", false}, {"\xf5\x80\x80\x80", false},
		{"\x80", false}, {"\xc3", false}, {"\xef\xbf\xbf", true},
		{"\xf0\x8f\xbf\xbf", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i].text);
		ck_assert_msg(tulle_text_is_utf8(cases[i].text, n) == cases[i].good, "%zu", i);
		uint32_t state = 0;
		bool good = true;
		for (size_t k = 0; k < n; k++)
			good = good &&
			       tulle_text_utf8_more(&state, (const uint8_t *)cases[i].text + k, 1);
		ck_assert((good && state == 0) == cases[i].good);
	}
}
END_TEST

START_TEST(base64_pads)
{
	static const char *const cases[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
	for (size_t i = 0; i < 5; i++) {
		char buf[16];
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_wr_base64(&w, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
		ck_assert(tulle_text_is((tulle_text){buf, w.len}, tulle_text_of(cases[i][1])));
	}
}
END_TEST

/* SCTP-010 RFC9260:A */
START_TEST(crc32c_gives_the_published_values)
{
	uint8_t zero[32] = {0}, ones[32];
	memset(ones, 0xff, 32);
	for (int cpu = TULLE_CPU_PLAIN; cpu <= TULLE_CPU_CRC32C; cpu++) {
		ck_assert_uint_eq(tulle_crc32c((tulle_cpu)cpu, 0, zero, 32), 0x8A9136AA);
		ck_assert_uint_eq(tulle_crc32c((tulle_cpu)cpu, 0, ones, 32), 0x62A8AB43);
		ck_assert_uint_eq(tulle_crc32c((tulle_cpu)cpu, 0, "123456789", 9), 0xE3069283);
	}
}
END_TEST

static uint32_t crc_by_bits(const uint8_t *p, size_t n)
{
	uint32_t c = 0xffffffff;
	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0x82F63B78 : 0);
	}
	return ~c;
}

/* SCTP-011 */
START_TEST(crc32c_ways_agree_at_every_length_and_alignment)
{
	static uint8_t data[4104], copy[4104];
	srand(1);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)rand();
	for (size_t n = 0; n <= 4096; n += n < 70 ? 1 : 61)
		for (size_t at = 0; at < 8; at++) {
			uint32_t want = crc_by_bits(data + at, n);
			ck_assert_uint_eq(tulle_crc32c(TULLE_CPU_PLAIN, 0, data + at, n), want);
			ck_assert_uint_eq(tulle_crc32c(TULLE_CPU_CRC32C, 0, data + at, n), want);
			uint32_t half = tulle_crc32c(TULLE_CPU_PLAIN, 0, data + at, n / 3);
			half = tulle_crc32c_copy(
				TULLE_CPU_CRC32C, half, copy, data + at + n / 3, n - n / 3);
			ck_assert_uint_eq(half, want);
			ck_assert_mem_eq(copy, data + at + n / 3, n - n / 3);
		}
}
END_TEST

START_TEST(a_reserve_belongs_to_its_account_alone)
{
	size_t bytes = tulle_pool_memory_bytes(128, 4);
	tulle_pool *pool = tulle_pool_init(malloc(bytes), bytes, 128, 4);
	tulle_pool_account a, b;
	_Alignas(max_align_t) uint8_t reserve_a[256], reserve_b[256];
	tulle_pool_open(&a, pool, reserve_a, 2, &a);
	tulle_pool_open(&b, pool, reserve_b, 2, &b);
	void *taken[8];
	size_t n = 0;
	while ((taken[n] = tulle_pool_take(&a, true)) != NULL)
		n++;
	ck_assert_uint_eq(n, 6);
	ck_assert_uint_eq(tulle_pool_share(&b), 2);
	ck_assert_ptr_null(tulle_pool_take(&b, false));
	void *mine = tulle_pool_take(&b, true);
	ck_assert_ptr_nonnull(mine);
	tulle_pool_wait(&b);
	tulle_pool_wait(&b);
	tulle_pool_give(&a, taken[5]); /* of the reserve: frees nothing for b */
	ck_assert_ptr_null(tulle_pool_next_waiter(pool));
	tulle_pool_give(&a, taken[0]);
	ck_assert_ptr_eq(tulle_pool_next_waiter(pool), &b);
	ck_assert_ptr_null(tulle_pool_next_waiter(pool));
	tulle_pool_check(pool);
	for (size_t i = 1; i < 5; i++)
		tulle_pool_give(&a, taken[i]);
	tulle_pool_give(&b, mine);
	ck_assert_uint_eq(tulle_pool_free(pool), 4);
	tulle_pool_close(&a);
	tulle_pool_close(&b);
	tulle_pool_check(pool);
	free(pool);
}
END_TEST

START_TEST(waiters_come_out_oldest_first_and_closing_takes_them_out)
{
	size_t bytes = tulle_pool_memory_bytes(64, 1);
	tulle_pool *pool = tulle_pool_init(malloc(bytes), bytes, 64, 1);
	tulle_pool_account w[3];
	for (int i = 0; i < 3; i++) {
		tulle_pool_open(&w[i], pool, NULL, 0, &w[i]);
		tulle_pool_wait(&w[i]);
	}
	tulle_pool_close(&w[1]);
	ck_assert_ptr_eq(tulle_pool_next_waiter(pool), &w[0]);
	ck_assert_ptr_eq(tulle_pool_next_waiter(pool), &w[2]);
	ck_assert_ptr_null(tulle_pool_next_waiter(pool));
	ck_assert_uint_eq(tulle_pool_memory_bytes(63, 1), 0);
	ck_assert_uint_eq(tulle_pool_memory_bytes(64, 0), 0);
	ck_assert_ptr_null(tulle_pool_init(pool, bytes - 1, 64, 1));
	free(pool);
}
END_TEST

START_TEST(deadlines_come_out_in_order_and_can_move)
{
	tulle_heap_node nodes[64] = {0}, *slots[65];
	tulle_heap heap = {slots, 0, 64};
	srand(7);
	for (int round = 0; round < 2000; round++) {
		tulle_heap_node *n = &nodes[rand() % 64];
		tulle_heap_set(&heap, n, rand() % 5 == 0 ? TULLE_TIME_NEVER : rand() % 1000);
		tulle_heap_check(&heap);
	}
	tulle_time before = -1;
	for (tulle_heap_node *n; (n = tulle_heap_first(&heap)) != NULL;) {
		ck_assert_int_ge(n->at, before);
		before = n->at;
		tulle_heap_set(&heap, n, TULLE_TIME_NEVER);
		ck_assert_uint_eq(n->place, 0);
	}
	ck_assert_int_gt(before, 0);
}
END_TEST

static void count_wake(void *user)
{
	++*(int *)user;
}

START_TEST(the_ready_list_names_each_owner_once_and_wakes_when_it_fills)
{
	int wakes = 0;
	tulle_ready list = {.wake = count_wake, .user = &wakes};
	tulle_ready_node n[3] = {{.owner = &n[0]}, {.owner = &n[1]}, {.owner = &n[2]}};
	for (int i = 0; i < 6; i++)
		tulle_ready_mark(&list, &n[i % 3]);
	ck_assert_int_eq(wakes, 1);
	tulle_ready_remove(&list, &n[2]);
	tulle_ready_remove(&list, &n[2]);
	ck_assert_ptr_eq(tulle_ready_take(&list), &n[0]);
	tulle_ready_mark(&list, &n[0]);
	ck_assert_ptr_eq(tulle_ready_take(&list), &n[1]);
	ck_assert_ptr_eq(tulle_ready_take(&list), &n[0]);
	ck_assert_ptr_null(tulle_ready_take(&list));
	tulle_ready_mark(&list, &n[2]);
	ck_assert_int_eq(wakes, 2);
	ck_assert_ptr_eq(tulle_ready_take(&list), &n[2]);
}
END_TEST

START_TEST(names_are_stable_and_every_reason_has_a_clause)
{
	ck_assert_str_eq(tulle_err_name(TULLE_WOULD_BLOCK), "would_block");
	ck_assert_str_eq(tulle_err_name(TULLE_ERR_SYSTEM), "system");
	ck_assert_str_eq(tulle_drop_name(TULLE_DROP_SCTP_CHECKSUM), "sctp_checksum");
	ck_assert_str_eq(tulle_drop_clause(TULLE_DROP_SCTP_CHECKSUM), "RFC9260:6.8");
	ck_assert_str_eq(tulle_drop_name((tulle_drop)-1), "unknown");
	for (int i = 1; i < TULLE_DROP_COUNT; i++) {
		ck_assert_ptr_nonnull(strchr(tulle_drop_clause((tulle_drop)i), ':'));
		for (int k = 1; k < i; k++)
			ck_assert_str_ne(
				tulle_drop_name((tulle_drop)i), tulle_drop_name((tulle_drop)k));
	}
}
END_TEST

START_TEST(hashes_give_the_published_values)
{
	uint8_t out[32], want[32];
	tulle_bytes abc = {(const uint8_t *)"abc", 3};
	ck_assert(tulle_crypto_sha1(abc, out));
	ck_assert(tulle_text_unhex(
		TULLE_TEXT("a9993e364706816aba3e25717850c26c9cd0d89d"), false, want, 20));
	ck_assert_mem_eq(out, want, 20);
	ck_assert(tulle_crypto_md5(abc, out));
	ck_assert(
		tulle_text_unhex(TULLE_TEXT("900150983cd24fb0d6963f7d28e17f72"), false, want, 16));
	ck_assert_mem_eq(out, want, 16);
	ck_assert_uint_eq(
		tulle_crypto_crc32((tulle_bytes){(const uint8_t *)"123456789", 9}), 0xCBF43926);
	tulle_bytes key = {(const uint8_t *)"Jefe", 4},
		    data = {(const uint8_t *)"what do ya want for nothing?", 28};
	ck_assert(tulle_crypto_hmac_sha1(key, data, out)); /* RFC 2202, case 2 */
	ck_assert(tulle_text_unhex(
		TULLE_TEXT("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"), false, want, 20));
	ck_assert_mem_eq(out, want, 20);
}
END_TEST

static size_t times_named(const tulle_hints *h, uint32_t key, const void *owner)
{
	size_t n = 0, cursor = 0;
	for (const void *o; (o = tulle_hints_next(h, key, &cursor)) != NULL;)
		n += o == owner;
	return n;
}

START_TEST(hints_name_all_who_share_a_key_and_none_who_was_forgotten)
{
	static const char owners[16];
	tulle_hints h = {0}, larger;
	tulle_hints_learn(
		&h, 7, (void *)(uintptr_t)&owners[0]); /* without memory nothing is learnt */
	ck_assert_uint_eq(times_named(&h, 7, &owners[0]), 0);
	tulle_hints_forget(&h, &owners[0]);
	tulle_hints_init(&h, malloc(tulle_hints_bytes(16)), 16);
	for (size_t i = 0; i < 8; i++)
		tulle_hints_learn(&h, 7, (void *)(uintptr_t)&owners[i]);
	tulle_hints_learn(&h, 7, (void *)(uintptr_t)&owners[0]);
	for (size_t i = 0; i < 8; i++)
		ck_assert_uint_eq(times_named(&h, 7, &owners[i]), 1);
	ck_assert_uint_eq(times_named(&h, 7 + 16, &owners[0]), 0);
	tulle_hints_forget(&h, &owners[2]);
	ck_assert_uint_eq(times_named(&h, 7, &owners[2]), 0);
	ck_assert_uint_eq(times_named(&h, 7, &owners[3]), 1);
	for (size_t i = 8; i < 16; i++) /* the oldest make room */
		tulle_hints_learn(&h, 7, (void *)(uintptr_t)&owners[i]);
	ck_assert_uint_eq(times_named(&h, 7, &owners[15]), 1);
	tulle_hints_init(&larger, malloc(tulle_hints_bytes(64)), 64);
	tulle_hints_copy(&larger, &h);
	for (size_t i = 0; i < 16; i++)
		ck_assert_uint_eq(
			times_named(&larger, 7, &owners[i]), times_named(&h, 7, &owners[i]));
	free(larger.hints);
	free(h.hints);
}
END_TEST

/* Full as a port with two keys of each owner makes it, hardly any is lost. */
START_TEST(hints_for_many_owners_are_kept)
{
	enum { OWNERS = 16384 };
	static char owners[OWNERS];
	tulle_hints h;
	size_t lost = 0;
	tulle_hints_init(&h, malloc(tulle_hints_bytes(OWNERS)), OWNERS);
	for (uint32_t i = 0; i < 2 * OWNERS; i++) {
		tulle_addr a = {.family = 4, .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		a.port = (uint16_t)(i >> 3);
		tulle_hints_learn(&h, tulle_addr_hash(&a, 99), &owners[i / 2]);
	}
	for (uint32_t i = 0; i < 2 * OWNERS; i++) {
		tulle_addr a = {.family = 4, .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		a.port = (uint16_t)(i >> 3);
		lost += times_named(&h, tulle_addr_hash(&a, 99), &owners[i / 2]) != 1;
	}
	ck_assert_uint_lt(lost, OWNERS / 200);
	free(h.hints);
}
END_TEST

Suite *suite_base(void)
{
	Suite *suite = suite_create("base");
	TCase *t = tcase_create("base");
	tcase_add_test(t, an_over_read_gives_zero_and_stays_bad);
	tcase_add_test(t, a_child_reader_is_bad_when_its_parent_is_short);
	tcase_add_test(t, a_writer_that_is_full_stays_bad_and_writes_nothing_more);
	tcase_add_test(t, serial_numbers_wrap);
	tcase_add_loop_test(t, addresses_are_read_classified_and_written, 0,
		(int)(sizeof addresses / sizeof *addresses));
	tcase_add_test(t, ill_formed_addresses_are_refused);
	tcase_add_test(t, numbers_and_hex_refuse_what_is_not_theirs);
	tcase_add_test(t, utf8_is_judged_whole_and_in_pieces);
	tcase_add_test(t, base64_pads);
	tcase_add_test(t, crc32c_gives_the_published_values);
	tcase_add_test(t, crc32c_ways_agree_at_every_length_and_alignment);
	tcase_add_test(t, a_reserve_belongs_to_its_account_alone);
	tcase_add_test(t, waiters_come_out_oldest_first_and_closing_takes_them_out);
	tcase_add_test(t, deadlines_come_out_in_order_and_can_move);
	tcase_add_test(t, the_ready_list_names_each_owner_once_and_wakes_when_it_fills);
	tcase_add_test(t, hints_name_all_who_share_a_key_and_none_who_was_forgotten);
	tcase_add_test(t, hints_for_many_owners_are_kept);
	tcase_add_test(t, names_are_stable_and_every_reason_has_a_clause);
	tcase_add_test(t, hashes_give_the_published_values);
	suite_add_tcase(suite, t);
	return suite;
}
