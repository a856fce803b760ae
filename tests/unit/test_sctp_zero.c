/* SPDX-License-Identifier: MIT */
/* sctp: packets without a checksum, where DTLS stands below: RFC 9653. */
#include "tests/unit/sctp_pair.h"

static pair p;

static void begin(bool first, bool second)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	p.end[0].sctp->config.zero_checksum = first;
	p.end[1].sctp->config.zero_checksum = second;
}

static void teardown(void)
{
	pair_close(&p);
}

static uint32_t checksum(const uint8_t *packet)
{
	return (uint32_t)packet[8] | (uint32_t)packet[9] << 8 | (uint32_t)packet[10] << 16 |
	       (uint32_t)packet[11] << 24;
}

static bool is_right(const uint8_t *packet, size_t len)
{
	return checksum(packet) == tulle_sctp_packet_checksum(TULLE_CPU_PLAIN, packet, len);
}

/* What an end sends now, which must be one packet, is given on as it is. */
static void ck_handed_on(int from, uint8_t type, bool summed)
{
	tulle_sctp_chunk chunk;
	pair_end *e = &p.end[from];
	ck_assert_uint_eq(pair_catch(&p, from), 1);
	ck_assert(pair_find(e, type, 0, &chunk));
	if (summed)
		ck_assert(is_right(e->packet[0], e->packet_len[0]));
	else
		ck_assert_uint_eq(checksum(e->packet[0]), 0);
	ck_assert_int_eq(pair_give(&p, 1 - from, e->packet[0], e->packet_len[0]), TULLE_TAKEN);
}

static unsigned offers(const pair_end *e, uint8_t type, tulle_bytes *value)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_parameter parameter;
	unsigned n = 0;
	ck_assert(pair_find(e, type, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
	tulle_rd_skip(&r, 16);
	while (tulle_sctp_read_parameter(&r, &parameter))
		if (parameter.type == SCTP_P_ZERO_CHECKSUM) {
			*value = parameter.whole;
			n++;
		}
	return n;
}

static void send(int from)
{
	ck_assert_int_eq(
		tulle_sctp_send(p.end[from].sctp, p.now, 1, 51, "text", 4, NULL), TULLE_OK);
}

/* SCTP-169 RFC9653:4, SCTP-173 RFC9653:5.2: the handshake has its checksums, what follows not */
START_TEST(it_is_offered_once_each_way_and_used_when_the_handshake_is_over)
{
	static const uint8_t parameter[8] = {0x80, 1, 0, 8, 0, 0, 0, 1};
	tulle_bytes value;
	begin(true, true);
	tulle_sctp_connect(p.end[0].sctp, p.now);
	send(0); /* goes with the COOKIE ECHO */
	ck_handed_on(0, SCTP_INIT, true);
	ck_assert_uint_eq(offers(&p.end[0], SCTP_INIT, &value), 1);
	ck_assert_uint_eq(value.len, 8);
	ck_assert_mem_eq(value.ptr, parameter, 8);
	ck_handed_on(1, SCTP_INIT_ACK, true);
	ck_assert_uint_eq(offers(&p.end[1], SCTP_INIT_ACK, &value), 1);
	ck_assert_mem_eq(value.ptr, parameter, 8);
	ck_handed_on(0, SCTP_COOKIE_ECHO, true);
	ck_handed_on(1, SCTP_COOKIE_ACK, false);
	if (p.end[0].sctp->out.next_tsn == p.end[0].sctp->identity.local_tsn)
		ck_handed_on(0, SCTP_DATA, false);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[1].got_len, 4);
	teardown();
}
END_TEST

/* SCTP-170 RFC9653:5.2, SCTP-174 RFC9653:5: what an end sends follows what the other one said */
START_TEST(only_a_peer_that_offered_it_gets_packets_without_a_checksum)
{
	tulle_bytes value;
	for (int i = 0; i < 4; i++) {
		bool first = (i & 1) != 0, second = (i & 2) != 0;
		begin(first, second);
		tulle_sctp_connect(p.end[0].sctp, p.now);
		pair_catch(&p, 0);
		ck_assert_uint_eq(offers(&p.end[0], SCTP_INIT, &value), first);
		pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
		pair_catch(&p, 1);
		ck_assert_uint_eq(offers(&p.end[1], SCTP_INIT_ACK, &value), second);
		pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
		pair_settle(&p);
		for (int from = 0; from < 2; from++) {
			send(from);
			ck_handed_on(from, SCTP_DATA, !(first && second));
		}
		teardown();
	}
}
END_TEST

/* The same packet, with a checksum of this kind. */
static tulle_drop give(int to, uint32_t tag, uint8_t type, int kind)
{
	uint8_t buf[64];
	tulle_sctp_header header = {5000, 5000, tag};
	tulle_sctp_packet w;
	tulle_sctp_packet_start(&w, TULLE_CPU_PLAIN, buf, sizeof buf, &header);
	size_t at = tulle_sctp_chunk_start(&w.w, type, 0);
	tulle_wr_zero(&w.w, type == SCTP_HEARTBEAT ? 8 : 16);
	tulle_sctp_chunk_end(&w.w, at);
	size_t n = tulle_sctp_packet_end(&w);
	if (type == SCTP_HEARTBEAT)
		buf[17] = 1, buf[19] = 8;
	uint32_t right = tulle_sctp_packet_checksum(TULLE_CPU_PLAIN, buf, n);
	uint32_t sum = kind == 0 ? 0 : kind == 1 ? right : right ^ 0x00010000;
	for (int i = 0; i < 4; i++)
		buf[8 + i] = (uint8_t)(sum >> 8 * i);
	return pair_give(&p, to, buf, n);
}

/* SCTP-171, SCTP-172 RFC9653:5.3 */
START_TEST(zero_is_taken_where_it_was_offered_and_the_right_one_everywhere)
{
	for (int i = 0; i < 4; i++) {
		begin((i & 1) != 0, (i & 2) != 0);
		pair_connect(&p);
		for (int to = 0; to < 2; to++) {
			bool offered = p.end[to].sctp->config.zero_checksum;
			uint32_t tag = pair_tag(&p, to);
			uint64_t taken = p.end[to].sctp->stats.packets_in;
			ck_assert_int_eq(give(to, tag, SCTP_HEARTBEAT, 0),
				offered ? TULLE_TAKEN : TULLE_DROP_SCTP_CHECKSUM);
			ck_assert_int_eq(give(to, tag, SCTP_HEARTBEAT, 1), TULLE_TAKEN);
			ck_assert_int_eq(
				give(to, tag, SCTP_HEARTBEAT, 2), TULLE_DROP_SCTP_CHECKSUM);
			ck_assert_uint_eq(
				p.end[to].sctp->stats.packets_in - taken, offered ? 2 : 1);
		}
		teardown();
	}
}
END_TEST

/* SCTP-173 RFC9653:5.2, 5.3: of these a right one is asked for, whatever was offered */
START_TEST(an_init_or_a_cookie_without_a_checksum_is_dropped)
{
	begin(true, true);
	pair_connect(&p);
	ck_assert_int_eq(give(1, 0, SCTP_INIT, 0), TULLE_DROP_SCTP_CHECKSUM);
	ck_assert_int_ne(give(1, 0, SCTP_INIT, 1), TULLE_DROP_SCTP_CHECKSUM);
	uint32_t tag = pair_tag(&p, 1);
	ck_assert_int_eq(give(1, tag, SCTP_COOKIE_ECHO, 0), TULLE_DROP_SCTP_CHECKSUM);
	ck_assert_int_ne(give(1, tag, SCTP_COOKIE_ECHO, 1), TULLE_DROP_SCTP_CHECKSUM);
	teardown();
}
END_TEST

/* SCTP-173 RFC9653:5.2: who sent it may not know us at all */
START_TEST(an_answer_out_of_the_blue_has_its_checksum)
{
	tulle_sctp_chunk chunk;
	begin(true, true);
	ck_assert_int_eq(give(1, 77, SCTP_HEARTBEAT, 1), TULLE_DROP_SCTP_OUT_OF_BLUE);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	ck_assert(pair_find(&p.end[1], SCTP_ABORT, 0, &chunk));
	ck_assert(is_right(p.end[1].packet[0], p.end[1].packet_len[0]));
	teardown();
}
END_TEST

/* SCTP-175 RFC9653:4, 8: as if it were not there */
START_TEST(another_method_or_length_is_no_offer_and_no_error)
{
	static const struct {
		uint8_t len, bytes[12];
		bool offer;
	} cases[] = {
		{8, {0x80, 1, 0, 8, 0, 0, 0, 1}, true},
		{8, {0x80, 1, 0, 8, 0, 0, 0, 0}, false},
		{8, {0x80, 1, 0, 8, 0, 0, 0, 2}, false},
		{8, {0x80, 1, 0, 8, 1, 0, 0, 1}, false},
		{4, {0x80, 1, 0, 4}, false},
		{12, {0x80, 1, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1}, false},
		{8, {0x80, 1, 0, 7, 0, 0, 1}, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t buf[64];
		tulle_bytes value;
		begin(true, true);
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		size_t at = tulle_sctp_chunk_start(&w, SCTP_INIT, 0);
		tulle_wr_u32(&w, 1234); /* tag, window, streams, TSN */
		tulle_wr_u32(&w, 100000);
		tulle_wr_u32(&w, 0x00100010);
		tulle_wr_u32(&w, 77);
		tulle_wr_bytes(&w, cases[i].bytes, cases[i].len);
		tulle_sctp_chunk_end(&w, at);
		ck_assert_int_eq(pair_inject(&p, 1, 0, buf, w.len), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 1), 1);
		/* ours stands in the answer all the same: SCTP-174 */
		ck_assert_uint_eq(offers(&p.end[1], SCTP_INIT_ACK, &value), 1);
		tulle_sctp_chunk ack;
		tulle_sctp_init_chunk init;
		ck_assert(pair_find(&p.end[1], SCTP_INIT_ACK, 0, &ack));
		ck_assert_int_eq(tulle_sctp_read_init(ack.value, &init), TULLE_TAKEN);
		ck_assert_uint_eq(init.unknown_len, 0);
		uint8_t echo[200];
		w = tulle_wr_make(echo, sizeof echo);
		at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
		tulle_wr_bytes(&w, init.cookie.ptr, init.cookie.len);
		tulle_sctp_chunk_end(&w, at);
		ck_assert_int_eq(pair_inject(&p, 1, init.tag, echo, w.len), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 1), 1);
		ck_assert_uint_eq(checksum(p.end[1].packet[0]) == 0, cases[i].offer);
		teardown();
	}
}
END_TEST

/* SCTP-176 RFC9653:3, 6: nothing but the one who knows what is below switches it on */
START_TEST(who_does_not_say_that_dtls_is_below_neither_offers_nor_takes_nor_sends_it)
{
	tulle_bytes value;
	memset(&p, 0, sizeof p);
	pair_open(&p, 400);
	p.end[1].sctp->config.zero_checksum = true;
	tulle_sctp_connect(p.end[0].sctp, p.now);
	ck_handed_on(0, SCTP_INIT, true);
	ck_assert_uint_eq(offers(&p.end[0], SCTP_INIT, &value), 0);
	pair_settle(&p);
	send(0);
	ck_handed_on(0, SCTP_DATA, true);
	ck_assert_int_eq(give(0, pair_tag(&p, 0), SCTP_HEARTBEAT, 0), TULLE_DROP_SCTP_CHECKSUM);
	teardown();
}
END_TEST

Suite *suite_sctp_zero(void)
{
	Suite *s = suite_create("sctp_zero");
	TCase *t = tcase_create("zero");
	tcase_add_test(t, it_is_offered_once_each_way_and_used_when_the_handshake_is_over);
	tcase_add_test(t, only_a_peer_that_offered_it_gets_packets_without_a_checksum);
	tcase_add_test(t, zero_is_taken_where_it_was_offered_and_the_right_one_everywhere);
	tcase_add_test(t, an_init_or_a_cookie_without_a_checksum_is_dropped);
	tcase_add_test(t, an_answer_out_of_the_blue_has_its_checksum);
	tcase_add_test(t, another_method_or_length_is_no_offer_and_no_error);
	tcase_add_test(
		t, who_does_not_say_that_dtls_is_below_neither_offers_nor_takes_nor_sends_it);
	suite_add_tcase(s, t);
	return s;
}
