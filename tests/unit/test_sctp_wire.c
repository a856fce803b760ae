/* SPDX-License-Identifier: MIT */
/* sctp/wire: every parser at every length, and back again. */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/reset.h"

static uint8_t *exact(const void *data, size_t len)
{
	uint8_t *p = malloc(len != 0 ? len : 1);
	memcpy(p, data, len);
	return p;
}

static tulle_drop read_exact(const uint8_t *data, size_t len)
{
	tulle_sctp_header header;
	tulle_rd chunks;
	uint8_t *p = exact(data, len);
	tulle_drop drop = tulle_sctp_read_packet(TULLE_CPU_PLAIN, p, len, false, &header, &chunks);
	free(p);
	return drop;
}

static size_t make_packet(uint8_t *dst, size_t cap, const void *chunks, size_t len)
{
	tulle_sctp_header header = {5000, 5000, 1};
	tulle_sctp_packet p;
	tulle_sctp_packet_start(&p, TULLE_CPU_PLAIN, dst, cap, &header);
	tulle_wr_bytes(&p.w, chunks, len);
	return tulle_sctp_packet_end(&p);
}

/* SCTP-001 RFC9260:3; SCTP-009 RFC9260:6.8 */
START_TEST(short_and_damaged_packets_are_dropped_by_name)
{
	uint8_t buf[64];
	size_t n = make_packet(buf, sizeof buf, "\x0b\0\0\4", 4);
	ck_assert_int_eq(read_exact(buf, n), TULLE_TAKEN);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(read_exact(buf, i), TULLE_DROP_SCTP_SHORT);
	for (size_t bit = 0; bit < n * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(read_exact(buf, n), TULLE_DROP_SCTP_CHECKSUM);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

/* SCTP-008 RFC9260:A: the checksum stands least significant byte first */
START_TEST(the_checksum_has_the_byte_order_of_the_appendix)
{
	static const uint8_t packet[16] = {
		0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 11, 0, 0, 4};
	uint32_t crc = tulle_crc32c(TULLE_CPU_PLAIN, 0, packet, 16);
	uint8_t buf[16];
	ck_assert_uint_eq(make_packet(buf, sizeof buf, "\x0b\0\0\4", 4), 16);
	ck_assert_uint_eq(buf[8], crc & 255);
	ck_assert_uint_eq(buf[11], crc >> 24);
}
END_TEST

/* SCTP-002, SCTP-003, SCTP-004, SCTP-005 RFC9260:3.2; usrsctp #570, CVE-2021-3655 */
START_TEST(a_chunk_of_length_below_4_or_past_the_packet_ends_the_walk)
{
	uint8_t buf[64];
	for (unsigned len = 0; len < 20; len++) {
		uint8_t chunk[12] = {5, 0, 0, (uint8_t)len, 1, 2, 3, 4};
		size_t n = make_packet(buf, sizeof buf, chunk, 8);
		bool good = len >= 4 && len <= 8;
		if (len == 4) /* 1 2 3 4 is the next chunk's head, and too long */
			good = false;
		ck_assert_msg((read_exact(buf, n) == TULLE_TAKEN) == good, "length %u", len);
	}
	/* padding that is missing at the very end */
	ck_assert_int_eq(
		read_exact(buf, make_packet(buf, sizeof buf, "\x05\0\0\5A", 5)), TULLE_TAKEN);
}
END_TEST

static const uint8_t snap_sample[] = {0x01, 0x00, 0x00, 0x1e, 0x89, 0x6c, 0xdd, 0x1d, 0x00, 0x50,
	0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xe0, 0x79, 0x65, 0x1d, 0xc0, 0x00, 0x00, 0x04, 0x80,
	0x08, 0x00, 0x06, 0x82, 0xc0};

/* SCTP-193, SCTP-054 */
START_TEST(the_init_of_the_snap_draft_is_read)
{
	tulle_sctp_init_chunk init;
	ck_assert_int_eq(
		tulle_sctp_read_init((tulle_bytes){snap_sample + 4, 26}, &init), TULLE_TAKEN);
	ck_assert_uint_eq(init.tag, 0x896cdd1d);
	ck_assert_uint_eq(init.window, 0x500000);
	ck_assert_uint_eq(init.streams_out, 65535);
	ck_assert_uint_eq(init.streams_in, 65535);
	ck_assert_uint_eq(init.tsn, 0xe079651d);
	ck_assert(init.forward_tsn && init.re_config && !init.i_data && !init.has_cookie);
}
END_TEST

/* CVE-2019-20503: two readings of the last parameter. SCTP-018 RFC9260:3.2.1 */
START_TEST(a_truncated_final_init_parameter_is_refused)
{
	tulle_sctp_init_chunk init;
	for (size_t n = 0; n <= 26; n++) {
		uint8_t *p = exact(snap_sample + 4, n);
		tulle_drop drop = tulle_sctp_read_init((tulle_bytes){p, n}, &init);
		bool whole = n == 16 || n == 20 || n == 26;
		ck_assert_int_eq(drop, whole    ? TULLE_TAKEN
				       : n < 16 ? TULLE_DROP_MALFORMED
						: TULLE_DROP_SCTP_PARAMETER);
		free(p);
	}
}
END_TEST

/* CVE-2026-7164: parameters in parameters in parameters */
START_TEST(a_nesting_bomb_is_one_parameter)
{
	static uint8_t value[16 + 4000];
	memset(value, 1, 16);
	for (size_t at = 16; at + 4 <= sizeof value; at += 4) {
		size_t left = sizeof value - at;
		value[at] = 0;
		value[at + 1] = SCTP_P_UNRECOGNIZED;
		value[at + 2] = (uint8_t)(left >> 8);
		value[at + 3] = (uint8_t)left;
	}
	tulle_sctp_init_chunk init;
	ck_assert_int_eq(
		tulle_sctp_read_init((tulle_bytes){value, sizeof value}, &init), TULLE_TAKEN);
	for (size_t at = 16; at + 4 <= sizeof value; at += 4) /* and side by side: too many */
		memcpy(value + at, "\x80\x55\0\4", 4);
	ck_assert_int_eq(
		tulle_sctp_read_init((tulle_bytes){value, sizeof value}, &init), TULLE_DROP_LIMIT);
}
END_TEST

/* SCTP-016 RFC9260:3.2.1: stop, stop and report, skip, skip and report */
START_TEST(unknown_init_parameters_follow_their_high_bits)
{
	static const struct {
		uint16_t type;
		bool goes_on, reports;
	} cases[] = {{0x0055, false, false}, {0x4055, false, true}, {0x8055, true, false},
		{0xc055, true, true}};
	for (size_t i = 0; i < 4; i++) {
		uint8_t value[24] = {0, 0, 0, 1};
		tulle_wr w = tulle_wr_make(value + 16, 8);
		tulle_wr_u16(&w, cases[i].type);
		tulle_wr_u16(&w, 4);
		tulle_wr_u16(&w, SCTP_P_FORWARD_TSN);
		tulle_wr_u16(&w, 4);
		tulle_sctp_init_chunk init;
		ck_assert_int_eq(
			tulle_sctp_read_init((tulle_bytes){value, 24}, &init), TULLE_TAKEN);
		ck_assert(init.forward_tsn == cases[i].goes_on);
		ck_assert((init.unknown_len != 0) == cases[i].reports);
	}
}
END_TEST

START_TEST(an_init_comes_back_as_it_was_written)
{
	uint8_t buf[256], cookie[60];
	memset(cookie, 9, sizeof cookie);
	for (unsigned bits = 0; bits < 32; bits++) {
		tulle_sctp_init_chunk a = {.tag = 7, .window = 8, .tsn = 9}, b;
		a.streams_out = 10;
		a.streams_in = 11;
		a.forward_tsn = bits & 1;
		a.re_config = bits & 2;
		a.i_data = bits & 4;
		a.zero_checksum = bits & 8;
		a.has_cookie = bits & 16;
		a.cookie = (tulle_bytes){cookie, a.has_cookie ? sizeof cookie : 0};
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_sctp_write_init_chunk(&w, SCTP_INIT_ACK, &a);
		tulle_rd r = tulle_rd_make(buf, w.len);
		tulle_sctp_chunk chunk;
		ck_assert(tulle_sctp_read_chunk(&r, &chunk) && tulle_rd_finish(&r));
		ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &b), TULLE_TAKEN);
		ck_assert(a.forward_tsn == b.forward_tsn && a.re_config == b.re_config);
		ck_assert(a.i_data == b.i_data && a.zero_checksum == b.zero_checksum);
		ck_assert_uint_eq(b.cookie.len, a.cookie.len);
		ck_assert_uint_eq(b.tsn, 9);
	}
}
END_TEST

/* SCTP-073, SCTP-103 RFC9260:3.3.4 */
START_TEST(gap_blocks_must_be_sorted_and_disjoint_from_2_on)
{
	static const struct {
		uint16_t a, b, c, d;
		tulle_drop drop;
	} cases[] = {{2, 2, 4, 9, TULLE_TAKEN}, {2, 3, 4, 9, TULLE_TAKEN},
		{1, 2, 4, 9, TULLE_DROP_SCTP_SACK}, {0, 0, 4, 9, TULLE_DROP_SCTP_SACK},
		{3, 2, 4, 9, TULLE_DROP_SCTP_SACK}, {2, 5, 4, 9, TULLE_DROP_SCTP_SACK},
		{6, 9, 2, 3, TULLE_DROP_SCTP_SACK}, {2, 65535, 4, 9, TULLE_DROP_SCTP_SACK},
		{2, 3, 9, 8, TULLE_DROP_SCTP_SACK}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tulle_sctp_gap gaps[2] = {{cases[i].a, cases[i].b}, {cases[i].c, cases[i].d}};
		uint32_t duplicates[2] = {5, 6};
		uint8_t buf[64];
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_sctp_write_sack(&w, 100, 200, gaps, 2, duplicates, 2);
		ck_assert_uint_eq(w.len, 16 + 16);
		for (size_t n = 0; n <= w.len - 4; n++) {
			tulle_sctp_sack_chunk sack;
			uint8_t *p = exact(buf + 4, n);
			tulle_drop drop = tulle_sctp_read_sack((tulle_bytes){p, n}, &sack);
			ck_assert_int_eq(
				drop, n == w.len - 4 ? cases[i].drop : TULLE_DROP_MALFORMED);
			free(p);
		}
	}
}
END_TEST

/* SCTP-157 RFC6525:4 */
START_TEST(reset_parameters_have_their_exact_length)
{
	uint8_t buf[64] = {0};
	uint16_t streams[3] = {1, 2, 65535};
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_reset_parameter p = {.type = SCTP_P_RESET_OUT, .sequence = 1, .last_tsn = 3};
	tulle_sctp_write_reset(&w, &p, streams, 3);
	for (uint16_t type = 12; type < 20; type++)
		for (size_t n = 0; n <= 20; n++) {
			uint8_t *value = exact(buf + 4, n);
			tulle_sctp_parameter raw = {type, {value, n}, {value, n}};
			tulle_sctp_reset_parameter read;
			bool good = tulle_sctp_read_reset(&raw, &read);
			bool want = (type == 13 && n >= 12 && n % 2 == 0) ||
				    (type == 14 && n >= 4 && n % 2 == 0) ||
				    (type == 15 && n == 4) || (type == 16 && (n == 8 || n == 16)) ||
				    ((type == 17 || type == 18) && n == 8);
			ck_assert_msg(good == want, "type %u length %zu", type, n);
			if (good && type == 13 && n == 18)
				ck_assert_uint_eq(tulle_sctp_read_reset_stream(&read, 2), 65535);
			free(value);
		}
}
END_TEST

Suite *suite_sctp_wire(void);
Suite *suite_sctp_wire(void)
{
	Suite *s = suite_create("sctp_wire");
	TCase *t = tcase_create("wire");
	tcase_add_test(t, short_and_damaged_packets_are_dropped_by_name);
	tcase_add_test(t, the_checksum_has_the_byte_order_of_the_appendix);
	tcase_add_test(t, a_chunk_of_length_below_4_or_past_the_packet_ends_the_walk);
	tcase_add_test(t, the_init_of_the_snap_draft_is_read);
	tcase_add_test(t, a_truncated_final_init_parameter_is_refused);
	tcase_add_test(t, a_nesting_bomb_is_one_parameter);
	tcase_add_test(t, unknown_init_parameters_follow_their_high_bits);
	tcase_add_test(t, an_init_comes_back_as_it_was_written);
	tcase_add_test(t, gap_blocks_must_be_sorted_and_disjoint_from_2_on);
	tcase_add_test(t, reset_parameters_have_their_exact_length);
	suite_add_tcase(s, t);
	return s;
}
