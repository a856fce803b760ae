/* SPDX-License-Identifier: MIT */
/* tests: the capture file of the simulator is one that a reader of pcapng takes. */
#include "tests/support/pcapng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t bytes;

static uint32_t get32(size_t at)
{
	uint32_t v;
	ck_assert_uint_le(at + 4, bytes);
	memcpy(&v, text + at, 4);
	return v;
}

static uint16_t get16(size_t at)
{
	return (uint16_t)(get32(at & ~(size_t)3) >> (at % 4 * 8));
}

/* A block's length stands at both of its ends. */
static size_t take_block(size_t at, uint32_t type)
{
	uint32_t len = get32(at + 4);
	ck_assert_uint_eq(get32(at), type);
	ck_assert_uint_eq(len % 4, 0);
	ck_assert_uint_ge(len, 12);
	ck_assert_uint_eq(get32(at + len - 4), len);
	return at + len;
}

static void check_packet(size_t at, size_t len, int from, int to)
{
	const uint8_t *ip = (const uint8_t *)text + at + 28;
	uint32_t sum = 0;
	ck_assert_uint_eq(get32(at + 20), len + 20);
	ck_assert_uint_eq(get32(at + 24), len + 20);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);
	ck_assert_uint_eq(ip[0], 0x45);
	ck_assert_uint_eq((unsigned)ip[2] << 8 | ip[3], len + 20);
	ck_assert_uint_eq(ip[9], 132);
	ck_assert_int_eq(ip[15], from + 1);
	ck_assert_int_eq(ip[19], to + 1);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(ip[20 + i], (uint8_t)(i * 7 + len));
}

START_TEST(is_read_back)
{
	static const char *const comments[] = {NULL, "lost", "overflowed", "four"};
	uint8_t data[64];
	FILE *out = open_memstream(&text, &bytes);
	pcapng_begin(out);
	for (size_t len = 12; len < 40; len++) {
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)(i * 7 + len);
		pcapng_packet(out, ((tulle_time)5 << 32) + (tulle_time)len, (int)len % 3, 3, data,
			len, comments[len % 4]);
	}
	fclose(out);
	size_t at = take_block(0, 0x0a0d0d0a);
	ck_assert_uint_eq(get32(8), 0x1a2b3c4d);
	ck_assert_uint_eq(get16(at + 8), 101); /* the link type */
	at = take_block(at, 1);
	for (size_t len = 12; len < 40; len++) {
		size_t option = at + 28 + (20 + len + 3) / 4 * 4;
		ck_assert_uint_eq(get32(at + 8), 0);
		ck_assert_uint_eq(get32(at + 12), 5);
		ck_assert_uint_eq(get32(at + 16), len);
		check_packet(at, len, (int)len % 3, 3);
		const char *comment = comments[len % 4];
		if (comment != NULL) {
			ck_assert_uint_eq(get16(option), 1);
			ck_assert_uint_eq(get16(option + 2), strlen(comment));
			ck_assert_mem_eq(text + option + 4, comment, strlen(comment));
			option += 4 + (strlen(comment) + 3) / 4 * 4 + 4;
		}
		size_t end = take_block(at, 6);
		ck_assert_uint_eq(end, option + 4);
		at = end;
	}
	ck_assert_uint_eq(at, bytes);
	free(text);
}
END_TEST

Suite *suite_pcapng(void)
{
	Suite *suite = suite_create("pcapng");
	TCase *tc = tcase_create("pcapng");
	tcase_add_test(tc, is_read_back);
	suite_add_tcase(suite, tc);
	return suite;
}
