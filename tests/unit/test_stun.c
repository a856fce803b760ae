/* SPDX-License-Identifier: MIT */
/* stun: messages, authentication, transactions; the vectors of RFC 5769 and RFC 8489 B.1. */
#include <tulle/stun.h>

#include "base/crypto.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/stun-vectors/"
#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

typedef struct {
	uint8_t *data;
	size_t len;
} File;

static File load(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, VECTORS "%s", name);
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	uint8_t buf[2048];
	size_t n = fread(buf, 1, sizeof buf, f);
	fclose(f);
	uint8_t *data = malloc(n);
	memcpy(data, buf, n);
	return (File){data, n};
}

static tulle_bytes key_of(const char *s)
{
	return (tulle_bytes){(const uint8_t *)s, strlen(s)};
}

static tulle_text text_of(const char *s)
{
	return (tulle_text){s, strlen(s)};
}

static bool is_value(const tulle_stun_message *m, tulle_stun_attribute a, const char *want)
{
	return m->value[a].len == strlen(want) && memcmp(m->value[a].ptr, want, strlen(want)) == 0;
}

/* STUN-008, STUN-057, STUN-062, STUN-064, STUN-065, STUN-069 RFC5769:2.1 */
START_TEST(the_request_of_rfc_5769_is_read_and_verified)
{
	File f = load("5769-2.1-request.bin");
	tulle_stun_message m;
	ck_assert_int_eq(tulle_stun_read(f.data, f.len, &m), TULLE_TAKEN);
	ck_assert(m.kind == TULLE_STUN_REQUEST && m.method == TULLE_STUN_BINDING);
	ck_assert(is_value(&m, TULLE_STUN_A_USERNAME, "evtj:h6vY"));
	ck_assert(is_value(&m, TULLE_STUN_A_SOFTWARE, "STUN test client"));
	ck_assert_uint_eq(tulle_stun_u32(&m, TULLE_STUN_A_PRIORITY), 0x6e0001ff);
	ck_assert_uint_eq(tulle_stun_u64(&m, TULLE_STUN_A_ICE_CONTROLLED), 0x932ff9b151263b36);
	ck_assert(tulle_stun_is_fingerprint_right(&m));
	ck_assert(tulle_stun_is_authentic(&m, key_of(PASSWORD)));
	ck_assert(!tulle_stun_is_authentic(&m, key_of("VOkJxbRl1RmTxUk/WvJxBT")));
	ck_assert(!tulle_stun_is_authentic_sha256(&m, key_of(PASSWORD)));
	free(f.data);
}
END_TEST

/* STUN-035, STUN-036, STUN-037, STUN-062 RFC5769:2.2, RFC5769:2.3 */
START_TEST(the_responses_of_rfc_5769_give_their_addresses)
{
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11,
		0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
	File f[2] = {load("5769-2.2-response-ipv4.bin"), load("5769-2.3-response-ipv6.bin")};
	tulle_addr a[2];
	for (int i = 0; i < 2; i++) {
		tulle_stun_message m;
		ck_assert_int_eq(tulle_stun_read(f[i].data, f[i].len, &m), TULLE_TAKEN);
		ck_assert(m.kind == TULLE_STUN_SUCCESS);
		ck_assert(tulle_stun_is_fingerprint_right(&m));
		ck_assert(tulle_stun_is_authentic(&m, key_of(PASSWORD)));
		ck_assert(tulle_stun_address(&m, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a[i]));
		ck_assert(!tulle_stun_address(&m, TULLE_STUN_A_MAPPED_ADDRESS, &a[i]));
		free(f[i].data);
	}
	ck_assert(a[0].family == 4 && a[0].port == 32853);
	ck_assert_mem_eq(a[0].ip, "\xc0\x00\x02\x01", 4);
	ck_assert(a[1].family == 6 && a[1].port == 32853);
	ck_assert_mem_eq(a[1].ip, six, 16);
}
END_TEST

#define KATAKANA "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"

/* STUN-067, STUN-070 RFC5769:2.4 */
START_TEST(the_long_term_request_of_rfc_5769_is_verified)
{
	File f = load("5769-2.4-request-longterm.bin");
	tulle_stun_message m;
	uint8_t key[16];
	ck_assert_int_eq(tulle_stun_read(f.data, f.len, &m), TULLE_TAKEN);
	ck_assert(is_value(&m, TULLE_STUN_A_USERNAME, KATAKANA));
	ck_assert(is_value(&m, TULLE_STUN_A_REALM, "example.org"));
	ck_assert(tulle_stun_key_md5(
		text_of(KATAKANA), text_of("example.org"), text_of("TheMatrIX"), key));
	ck_assert(tulle_stun_is_authentic(&m, (tulle_bytes){key, 16}));
	free(f.data);
}
END_TEST

/* STUN-004, STUN-068, STUN-071, STUN-097 RFC8489:B.1 */
START_TEST(the_defective_vector_is_refused_and_the_corrected_one_verified)
{
	File f = load("8489-B.1-request-sha256.bin");
	tulle_stun_message m;
	uint8_t key[32], hash[32];
	ck_assert_int_eq(tulle_stun_read(f.data, f.len, &m), TULLE_DROP_STUN_LENGTH);
	free(f.data);
	f = load("8489-B.1-corrected.bin");
	ck_assert_int_eq(tulle_stun_read(f.data, f.len, &m), TULLE_TAKEN);
	ck_assert(tulle_stun_key_sha256(
		text_of(KATAKANA), text_of("example.org"), text_of("TheMatrIX"), key));
	ck_assert(tulle_stun_is_authentic_sha256(&m, (tulle_bytes){key, 32}));
	ck_assert(!tulle_stun_is_authentic(&m, (tulle_bytes){key, 32}));
	ck_assert(tulle_stun_userhash(text_of(KATAKANA), text_of("example.org"), hash));
	ck_assert_mem_eq(m.value[TULLE_STUN_A_USERHASH].ptr, hash, 32);
	free(f.data);
}
END_TEST

static const char *const all[] = {"5769-2.1-request.bin", "5769-2.2-response-ipv4.bin",
	"5769-2.3-response-ipv6.bin", "5769-2.4-request-longterm.bin", "8489-B.1-corrected.bin"};

/* STUN-001, STUN-004 RFC8489:5: also with the length field made to fit, so that attributes are
 * cut. */
START_TEST(every_truncation_is_refused_or_ends_between_attributes)
{
	File f = load(all[_i]);
	for (size_t n = 0; n < f.len; n++) {
		tulle_stun_message m;
		uint8_t *cut = malloc(n != 0 ? n : 1);
		memcpy(cut, f.data, n);
		tulle_drop drop = tulle_stun_read(n != 0 ? cut : NULL, n, &m);
		ck_assert_int_eq(drop, n < 20 ? TULLE_DROP_STUN_COOKIE : TULLE_DROP_STUN_LENGTH);
		if (n >= 20) {
			cut[2] = (uint8_t)((n - 20) >> 8);
			cut[3] = (uint8_t)(n - 20);
			drop = tulle_stun_read(cut, n, &m);
			ck_assert((n % 4 == 0) || drop == TULLE_DROP_STUN_LENGTH);
			if (drop == TULLE_TAKEN) {
				ck_assert(!tulle_stun_is_fingerprint_right(&m));
				(void)tulle_stun_is_authentic(&m, key_of(PASSWORD));
				(void)tulle_stun_is_authentic_sha256(&m, key_of(PASSWORD));
			}
		}
		free(cut);
	}
	free(f.data);
}
END_TEST

/* STUN-063: whatever bit is flipped */
START_TEST(a_flipped_bit_is_noticed)
{
	File f = load("5769-2.1-request.bin");
	for (size_t bit = 0; bit < f.len * 8; bit++) {
		tulle_stun_message m;
		f.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (tulle_stun_read(f.data, f.len, &m) == TULLE_TAKEN)
			ck_assert(!tulle_stun_is_fingerprint_right(&m));
		f.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(f.data);
}
END_TEST

/* FIELD: unchecked lengths, misaligned reads: 0..20 bytes at offsets 0..7 under UBSan */
START_TEST(short_packets_at_any_alignment_are_refused)
{
	static const uint8_t head[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
	for (size_t offset = 0; offset < 8; offset++)
		for (size_t n = 0; n <= 20; n++) {
			uint8_t *block = malloc(offset + n + 1);
			memcpy(block + offset, head, n);
			uint8_t *exact = malloc(offset + n != 0 ? offset + n : 1);
			memcpy(exact, block, offset + n);
			tulle_stun_message m;
			tulle_drop drop = tulle_stun_read(exact + offset, n, &m);
			ck_assert_int_eq(drop, n == 20 ? TULLE_TAKEN : TULLE_DROP_STUN_COOKIE);
			ck_assert_uint_eq(tulle_stun_frame(exact + offset, n), n == 20 ? 20 : 0);
			free(block);
			free(exact);
		}
}
END_TEST

/* STUN-002, STUN-003, STUN-005, STUN-006, STUN-007 RFC8489:5 */
START_TEST(the_header_is_checked_whole)
{
	static const struct {
		size_t at;
		uint8_t value;
		tulle_drop drop;
	} cases[] = {{0, 0x40, TULLE_DROP_STUN_COOKIE}, {0, 0x80, TULLE_DROP_STUN_COOKIE},
		{3, 2, TULLE_DROP_STUN_LENGTH}, {3, 0, TULLE_DROP_STUN_LENGTH},
		{3, 8, TULLE_DROP_STUN_LENGTH}, {4, 0x20, TULLE_DROP_STUN_COOKIE},
		{7, 0x43, TULLE_DROP_STUN_COOKIE}, {3, 4, TULLE_TAKEN}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t data[24] = {0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, [20] = 0x80, [21] = 0x77};
		tulle_stun_message m;
		data[cases[i].at] = cases[i].value;
		ck_assert_int_eq(tulle_stun_read(data, sizeof data, &m), cases[i].drop);
	}
}
END_TEST

/* STUN-009 RFC8489:5 */
START_TEST(every_method_and_class_comes_back)
{
	static const uint8_t id[12] = {1};
	for (unsigned method = 0; method <= 0xfff; method++)
		for (unsigned kind = 0; kind < 4; kind++) {
			uint8_t buf[20];
			tulle_stun_message m;
			tulle_stun_writer w = tulle_stun_write_begin(
				buf, sizeof buf, (uint16_t)method, (tulle_stun_kind)kind, id);
			ck_assert_uint_eq(tulle_stun_write_finish(&w), 20);
			ck_assert_uint_eq(buf[0] & 0xc0, 0);
			ck_assert_int_eq(tulle_stun_read(buf, 20, &m), TULLE_TAKEN);
			ck_assert(m.method == method && m.kind == (tulle_stun_kind)kind);
		}
	ck_assert_uint_eq(tulle_stun_message_type(1, TULLE_STUN_ERROR), 0x0111);
	ck_assert_uint_eq(tulle_stun_message_type(1, TULLE_STUN_INDICATION), 0x0011);
	ck_assert_uint_eq(tulle_stun_message_type(1, TULLE_STUN_SUCCESS), 0x0101);
}
END_TEST

static tulle_stun_writer begin(uint8_t *buf, size_t cap)
{
	return tulle_stun_write_begin(
		buf, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, (const uint8_t *)"abcdefghijkl");
}

/* STUN-017, STUN-018, STUN-021 RFC8489:14 */
START_TEST(padding_is_zero_when_sent_and_anything_when_read)
{
	for (size_t n = 0; n < 9; n++) {
		uint8_t buf[64];
		memset(buf, 0xee, sizeof buf);
		tulle_stun_message m;
		tulle_stun_writer w = begin(buf, sizeof buf);
		tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_USERNAME), "12345678", n);
		tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
		size_t len = tulle_stun_write_finish(&w), padded = (n + 3) / 4 * 4;
		ck_assert_uint_eq(len, 20 + 4 + padded + 4);
		for (size_t i = n; i < padded; i++) {
			ck_assert_uint_eq(buf[24 + i], 0);
			buf[24 + i] = 0xff;
		}
		ck_assert_int_eq(tulle_stun_read(buf, len, &m), TULLE_TAKEN);
		ck_assert_uint_eq(m.value[TULLE_STUN_A_USERNAME].len, n);
		ck_assert(tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE));
	}
}
END_TEST

/* STUN-022, STUN-023, STUN-027, STUN-028 RFC8489:14, RFC8489:14.13 */
START_TEST(unknown_and_doubled_attributes_are_told_apart)
{
	uint8_t buf[256];
	tulle_stun_message m;
	tulle_stun_writer w = begin(buf, sizeof buf);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 2);
	tulle_stun_write_bytes(&w, 0x7ffe, "xyz", 3);
	tulle_stun_write_bytes(&w, 0x7ffe, "xyz", 3);
	tulle_stun_write_bytes(&w, 0x0030, NULL, 0);
	tulle_stun_write_bytes(&w, 0x8fff, "optional", 8);
	ck_assert_int_eq(tulle_stun_read(buf, tulle_stun_write_finish(&w), &m), TULLE_TAKEN);
	ck_assert_uint_eq(tulle_stun_u32(&m, TULLE_STUN_A_PRIORITY), 1);
	ck_assert_uint_eq(m.unknown_count, 2);
	ck_assert(m.unknown[0] == 0x7ffe && m.unknown[1] == 0x0030);
	tulle_stun_writer answer = begin(buf, sizeof buf);
	const uint16_t types[] = {0x7ffe, 0x0030, 0x0031};
	tulle_stun_write_unknown(&answer, types, 3);
	ck_assert_uint_eq(tulle_stun_write_finish(&answer), 20 + 4 + 8);
	ck_assert_mem_eq(buf + 20, "\0\x0a\0\x06\x7f\xfe\0\x30\0\x31\0\0", 12);
}
END_TEST

/* STUN-019, STUN-020 RFC8489:14: the last attribute's length, from -8 to +8 around what fits */
START_TEST(an_attribute_that_runs_over_is_refused)
{
	uint8_t data[40] = {0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42, [20] = 0, [21] = 6, [22] = 0};
	for (unsigned len = 0; len < 64; len++) {
		tulle_stun_message m;
		data[23] = (uint8_t)len;
		tulle_drop drop = tulle_stun_read(data, sizeof data, &m);
		ck_assert_int_eq(drop == TULLE_TAKEN, len <= 16);
		if (len > 16)
			ck_assert_int_eq(drop, TULLE_DROP_STUN_ATTRIBUTE);
	}
}
END_TEST

/* STUN-029 */
START_TEST(more_than_64_attributes_are_refused)
{
	for (unsigned n = 64; n <= 65; n++) {
		uint8_t buf[512];
		tulle_stun_message m;
		tulle_stun_writer w = begin(buf, sizeof buf);
		for (unsigned i = 0; i < n; i++)
			tulle_stun_write_bytes(&w, 0x8fff, NULL, 0);
		ck_assert_int_eq(tulle_stun_read(buf, tulle_stun_write_finish(&w), &m),
			n == 64 ? TULLE_TAKEN : TULLE_DROP_LIMIT);
	}
}
END_TEST

/* STUN-030, STUN-031, STUN-032, STUN-058 RFC8489:14.5, 14.6, 14.7 */
START_TEST(what_stands_behind_integrity_is_not_believed)
{
	uint8_t buf[512];
	tulle_stun_message m;
	tulle_stun_writer w = begin(buf, sizeof buf);
	tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME, text_of("a:b"));
	tulle_stun_write_integrity(&w, key_of("k"));
	tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	tulle_stun_write_bytes(&w, 0x7ffe, NULL, 0);
	tulle_stun_write_integrity_sha256(&w, key_of("k"));
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 9);
	tulle_stun_write_fingerprint(&w);
	size_t n = tulle_stun_write_finish(&w);
	ck_assert_int_eq(tulle_stun_read(buf, n, &m), TULLE_TAKEN);
	ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE));
	ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_PRIORITY));
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert(tulle_stun_is_authentic(&m, key_of("k")));
	ck_assert(tulle_stun_is_authentic_sha256(&m, key_of("k")));
	ck_assert(tulle_stun_is_fingerprint_right(&m));
	tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	ck_assert_int_eq(
		tulle_stun_read(buf, tulle_stun_write_finish(&w), &m), TULLE_DROP_STUN_FINGERPRINT);
}
END_TEST

/* STUN-033, STUN-034, STUN-060, STUN-073, STUN-074, STUN-075, STUN-102, STUN-103 RFC8489:14 */
START_TEST(values_of_illegal_length_are_refused)
{
	static const struct {
		tulle_stun_attribute a;
		uint16_t len;
		tulle_drop drop;
	} cases[] = {{TULLE_STUN_A_XOR_MAPPED_ADDRESS, 12, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MAPPED_ADDRESS, 7, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY, 16, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY, 24, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256, 12, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256, 18, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256, 36, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256, 16, TULLE_TAKEN},
		{TULLE_STUN_A_FINGERPRINT, 8, TULLE_DROP_STUN_FINGERPRINT},
		{TULLE_STUN_A_USERNAME, 508, TULLE_TAKEN},
		{TULLE_STUN_A_USERNAME, 509, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_NONCE, 764, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_REALM, 764, TULLE_DROP_STUN_ATTRIBUTE},
		{TULLE_STUN_A_SOFTWARE, 764, TULLE_TAKEN}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const uint8_t zeros[1024];
		uint8_t buf[1100];
		tulle_stun_message m;
		tulle_stun_writer w = begin(buf, sizeof buf);
		tulle_stun_write_bytes(&w, tulle_stun_type(cases[i].a), zeros, cases[i].len);
		ck_assert_int_eq(
			tulle_stun_read(buf, tulle_stun_write_finish(&w), &m), cases[i].drop);
		/* STUN-107: an optional one that is too long is as if it were not there */
		if (cases[i].a == TULLE_STUN_A_SOFTWARE)
			ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_SOFTWARE));
	}
}
END_TEST

/* STUN-035, STUN-039 RFC8489:14.1, RFC8489:14.2 */
START_TEST(addresses_come_back)
{
	static const tulle_stun_attribute kinds[] = {TULLE_STUN_A_MAPPED_ADDRESS,
		TULLE_STUN_A_XOR_MAPPED_ADDRESS, TULLE_STUN_A_XOR_PEER_ADDRESS,
		TULLE_STUN_A_XOR_RELAYED_ADDRESS, TULLE_STUN_A_ALTERNATE_SERVER};
	for (size_t i = 0; i < 10; i++) {
		uint8_t buf[64];
		tulle_stun_message m;
		tulle_addr a = {.family = i % 2 != 0 ? 6 : 4, .port = 65535, .ip = {1, 2, 3, 4}}, b;
		if (a.family == 6)
			a.ip[15] = 9;
		tulle_stun_writer w = begin(buf, sizeof buf);
		tulle_stun_write_address(&w, kinds[i / 2], &a);
		buf[24] = 0x77;
		size_t n = tulle_stun_write_finish(&w);
		ck_assert_int_eq(tulle_stun_read(buf, n, &m), TULLE_TAKEN);
		ck_assert(tulle_stun_address(&m, kinds[i / 2], &b));
		ck_assert(b.family == a.family && b.port == a.port);
		ck_assert_mem_eq(a.ip, b.ip, 16);
		buf[25] ^= 3; /* the other family's number with this length */
		ck_assert_int_eq(tulle_stun_read(buf, n, &m), TULLE_TAKEN);
		ck_assert(!tulle_stun_address(&m, kinds[i / 2], &b));
		buf[25] = 7;
		ck_assert(!tulle_stun_address(&m, kinds[i / 2], &b));
	}
}
END_TEST

/* RFC8656:7.2: two relayed addresses; what integrity does not cover is not counted */
START_TEST(addresses_that_stand_several_times_are_counted)
{
	static const uint8_t id[12] = {1, 2, 3};
	uint8_t buf[256];
	tulle_addr got, a[3];
	tulle_stun_message m;
	for (uint8_t i = 0; i < 3; i++)
		a[i] = (tulle_addr){.family = i == 1 ? 6 : 4, .ip = {9, i}, .port = 77};
	for (int signs = 0; signs < 3; signs++) {
		tulle_stun_writer w = tulle_stun_write_begin(
			buf, sizeof buf, TULLE_STUN_ALLOCATE, TULLE_STUN_SUCCESS, id);
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a[0]);
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a[2]);
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a[1]);
		if (signs == 1)
			tulle_stun_write_integrity(&w, (tulle_bytes){id, 12});
		else if (signs == 2)
			tulle_stun_write_integrity_sha256(&w, (tulle_bytes){id, 12});
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a[2]);
		ck_assert_int_eq(tulle_stun_read(buf, w.len, &m), TULLE_TAKEN);
		for (size_t n = 0; n < 4; n++) {
			bool has = tulle_stun_address_nth(
				&m, TULLE_STUN_A_XOR_RELAYED_ADDRESS, n, &got);
			ck_assert(has == (n < (signs == 0 ? 3u : 2u)));
			ck_assert(!has || (got.family == a[n].family && got.port == 77 &&
						  memcmp(got.ip, a[n].ip, 16) == 0));
		}
		ck_assert(!tulle_stun_address_nth(&m, TULLE_STUN_A_ALTERNATE_SERVER, 0, &got));
	}
}
END_TEST

/* STUN-105 RFC8489:14.8 */
START_TEST(error_codes_are_300_to_699)
{
	uint8_t buf[64];
	tulle_stun_message m;
	tulle_text reason;
	tulle_stun_writer w = begin(buf, sizeof buf);
	tulle_stun_write_error(&w, 487, text_of("Role Conflict"));
	ck_assert_int_eq(tulle_stun_read(buf, tulle_stun_write_finish(&w), &m), TULLE_TAKEN);
	ck_assert_uint_eq(tulle_stun_error(&m, &reason), 487);
	ck_assert(reason.len == 13 && memcmp(reason.ptr, "Role Conflict", 13) == 0);
	for (unsigned hundreds = 0; hundreds < 8; hundreds++) {
		buf[26] = (uint8_t)(0xf8 | hundreds);
		ck_assert_uint_eq(tulle_stun_error(&m, NULL),
			hundreds >= 3 && hundreds <= 6 ? hundreds * 100 + 87 : 0);
	}
	buf[26] = 4;
	buf[27] = 100;
	ck_assert_uint_eq(tulle_stun_error(&m, NULL), 0);
}
END_TEST

START_TEST(a_full_buffer_sticks_at_every_size)
{
	uint8_t whole[256];
	for (size_t cap = 0; cap <= 140; cap++) {
		uint8_t *buf = malloc(cap != 0 ? cap : 1);
		tulle_stun_writer w = begin(buf, cap);
		tulle_addr a = {.family = 6, .port = 1};
		tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME, text_of("user"));
		tulle_stun_write_error(&w, 400, text_of("x"));
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
		tulle_stun_write_integrity(&w, key_of("key"));
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLED, 5);
		tulle_stun_write_fingerprint(&w);
		size_t n = tulle_stun_write_finish(&w), want = 20 + 8 + 12 + 24 + 24 + 12 + 8;
		ck_assert_uint_eq(n, cap >= want ? want : 0);
		if (cap == want)
			memcpy(whole, buf, n);
		if (cap > want)
			ck_assert_mem_eq(whole, buf, n);
		free(buf);
	}
}
END_TEST

START_TEST(a_stream_is_framed_by_the_length_field)
{
	uint8_t buf[64];
	tulle_stun_writer w = begin(buf, sizeof buf);
	tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1);
	for (size_t n = 0; n < 28; n++)
		ck_assert_uint_eq(tulle_stun_frame(buf, n), n < 20 ? 0 : 28);
	buf[3] = 7;
	ck_assert_uint_eq(tulle_stun_frame(buf, 28), SIZE_MAX);
	buf[0] = 0x40;
	ck_assert_uint_eq(tulle_stun_frame(buf, 28), SIZE_MAX);
}
END_TEST

Suite *suite_stun(void)
{
	Suite *s = suite_create("stun");
	TCase *t = tcase_create("stun");
	tcase_add_test(t, the_request_of_rfc_5769_is_read_and_verified);
	tcase_add_test(t, the_responses_of_rfc_5769_give_their_addresses);
	tcase_add_test(t, the_long_term_request_of_rfc_5769_is_verified);
	tcase_add_test(t, the_defective_vector_is_refused_and_the_corrected_one_verified);
	tcase_add_loop_test(t, every_truncation_is_refused_or_ends_between_attributes, 0, 5);
	tcase_add_test(t, a_flipped_bit_is_noticed);
	tcase_add_test(t, short_packets_at_any_alignment_are_refused);
	tcase_add_test(t, the_header_is_checked_whole);
	tcase_add_test(t, every_method_and_class_comes_back);
	tcase_add_test(t, padding_is_zero_when_sent_and_anything_when_read);
	tcase_add_test(t, unknown_and_doubled_attributes_are_told_apart);
	tcase_add_test(t, an_attribute_that_runs_over_is_refused);
	tcase_add_test(t, more_than_64_attributes_are_refused);
	tcase_add_test(t, what_stands_behind_integrity_is_not_believed);
	tcase_add_test(t, values_of_illegal_length_are_refused);
	tcase_add_test(t, addresses_come_back);
	tcase_add_test(t, addresses_that_stand_several_times_are_counted);
	tcase_add_test(t, error_codes_are_300_to_699);
	tcase_add_test(t, a_full_buffer_sticks_at_every_size);
	tcase_add_test(t, a_stream_is_framed_by_the_length_field);
	suite_add_tcase(s, t);
	return s;
}
