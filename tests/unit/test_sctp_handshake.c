/* SPDX-License-Identifier: MIT */
/* sctp: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK: what they say, what they may not say, how often
 * they are sent: RFC9260:5.1. */
#include "tests/unit/sctp_states.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
}

static void teardown(void)
{
	pair_close(&p);
}

#define S(state) TULLE_SCTP_STATE_##state
#define BE (SCTP_FLAG_B | SCTP_FLAG_E)

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static tulle_sctp_chunk said(int from, uint8_t type)
{
	tulle_sctp_chunk chunk = {0};
	hand_expect(&p, from, type);
	ck_assert(pair_find(&p.end[from], type, 0, &chunk));
	return chunk;
}

static void ck_closed(int end, tulle_sctp_closed why, uint16_t cause)
{
	pair_events(&p, end);
	ck_assert_int_eq(p.end[end].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[end].last.why, why);
	ck_assert_uint_eq(p.end[end].last.cause, cause);
}

/* The cookie that end 0 makes for an INIT, as a COOKIE ECHO. */
static size_t get_cookie_echo(const hand_init *init, uint8_t *dst)
{
	tulle_sctp_init_chunk ack;
	ck_assert_int_eq(hand_give_init(&p, 0, init), TULLE_TAKEN);
	ck_assert_int_eq(tulle_sctp_read_init(said(0, SCTP_INIT_ACK).value, &ack), TULLE_TAKEN);
	tulle_wr w = tulle_wr_make(dst, 512);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
	tulle_wr_bytes(&w, ack.cookie.ptr, ack.cookie.len);
	tulle_sctp_chunk_end(&w, at);
	return w.len;
}

static void open_by_hand(const hand_init *init)
{
	uint8_t echo[512];
	size_t n = get_cookie_echo(init, echo);
	ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0), echo, n), TULLE_TAKEN);
	(void)said(0, SCTP_COOKIE_ACK);
	ck_assert_uint_eq(hand_tag_said(&p, 0, 0), init->tag);
}

/* SCTP-028 RFC9260:5.1.1: of what the peer takes and what we have, the lesser */
START_TEST(streams_are_the_lesser_of_both_sides)
{
	static const uint16_t mis[] = {1, 10, 99, 100, 101, 65535};
	for (size_t i = 0; i < 6; i++) {
		hand_state(&p, S(CLOSED));
		hand_init init = hand_default(SCTP_INIT);
		init.in = mis[i];
		init.out = (uint16_t)(mis[i] / 2 + 1);
		open_by_hand(&init);
		uint16_t want = (uint16_t)tulle_min(mis[i], 100);
		tulle_sctp_stats stats;
		tulle_sctp_read_stats(end0(), &stats);
		ck_assert_uint_eq(stats.streams_out, want);
		ck_assert_uint_eq(stats.streams_in, tulle_min(init.out, 100));
		ck_assert_int_eq(
			tulle_sctp_send(end0(), p.now, want, 51, "x", 1, NULL), TULLE_ERR_ARGUMENT);
		want--;
		ck_assert_int_eq(tulle_sctp_send(end0(), p.now, want, 51, "x", 1, NULL), TULLE_OK);
	}
}
END_TEST

/* SCTP-069 RFC9260:3.3.2: both begin with the initial TSN; RFC9260:5.1: the first DATA is
 * acknowledged at once */
START_TEST(the_first_tsn_is_the_initial_one)
{
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	init.tsn = 0xffffffff;
	open_by_hand(&init);
	ck_assert_uint_eq(end0()->in.cumulative, 0xfffffffe);
	ck_assert_int_eq(pair_data(&p, 0, 0, 1, 0, BE, "x"), TULLE_TAKEN);
	tulle_sctp_sack_chunk sack;
	ck_assert_int_eq(tulle_sctp_read_sack(said(0, SCTP_SACK).value, &sack), TULLE_TAKEN);
	ck_assert_uint_eq(sack.cumulative, 0xffffffff);
	ck_assert_int_eq(pair_data(&p, 0, 0, 1, 1, BE, "y"), TULLE_TAKEN);
	ck_assert_uint_eq(pair_catch(&p, 0), 0); /* the second one may wait */
	tulle_sctp_send(end0(), p.now, 1, 51, "x", 1, NULL);
	tulle_sctp_data_chunk data;
	tulle_sctp_chunk chunk = said(0, SCTP_DATA);
	ck_assert(tulle_sctp_read_data(&chunk, &data));
	ck_assert_uint_eq(data.tsn, end0()->identity.local_tsn);
	ck_assert_uint_eq(hand_tag_said(&p, 0, 0), init.tag);
}
END_TEST

/* -- INIT -- */

/* SCTP-052 RFC9260:5.1.2 B, 3.3.10.5: with the parameter as it came */
START_TEST(a_host_name_is_refused)
{
	static const uint8_t name[] = {0, 11, 0, 9, 'h', 'o', 's', 't', 0, 0, 0, 0};
	static const uint8_t cause[] = {0, 5, 0, 13, 0, 11, 0, 9, 'h', 'o', 's', 't', 0};
	for (tulle_sctp_state state = S(CLOSED); state <= S(ESTABLISHED); state++) {
		hand_state(&p, state);
		hand_init init = hand_default(SCTP_INIT);
		init.extra = name;
		init.extra_len = sizeof name;
		ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_DROP_SCTP_PARAMETER);
		tulle_sctp_chunk abort = said(0, SCTP_ABORT);
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), init.tag);
		ck_assert_uint_eq(abort.flags, 0);
		ck_assert_uint_ge(abort.value.len, sizeof cause);
		ck_assert_mem_eq(abort.value.ptr, cause, sizeof cause);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
	}
	static uint8_t too_long[400] = {0, 11, 1, 144, 'h'};
	hand_init init = hand_default(SCTP_INIT);
	init.extra = too_long;
	init.extra_len = sizeof too_long;
	ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_DROP_SCTP_PARAMETER);
	ck_assert_uint_eq(said(0, SCTP_ABORT).value.len, 4);
}
END_TEST

/* SCTP-053 RFC8261:6.1: addresses are read over, and what stands behind them counts */
START_TEST(addresses_in_an_init_mean_nothing)
{
	static const uint8_t extra[] = {0, 5, 0, 8, 10, 0, 0, 1, 0, 6, 0, 20, 1, 2, 3, 4, 5, 6, 7,
		8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 12, 0, 8, 0, 5, 0, 6, 0, 9, 0, 8, 0, 0, 1, 0, 0x80, 8,
		0, 5, SCTP_RE_CONFIG, 0, 0, 0};
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	init.extra = extra;
	init.extra_len = sizeof extra;
	open_by_hand(&init);
	ck_assert(end0()->re_config); /* SCTP-054 RFC6525:5.1.1 */
	hand_state(&p, S(CLOSED));
	init.extra_len -= 8;
	open_by_hand(&init);
	ck_assert(!end0()->re_config);
}
END_TEST

/* SCTP-016 RFC9260:3.2.2: an INIT's go into the INIT ACK, an INIT ACK's into an ERROR behind the
 * COOKIE ECHO */
START_TEST(unknown_parameters_are_reported_where_they_belong)
{
	static const uint8_t in_init[] = {0xc0, 0x55, 0, 6, 'a', 'b', 0, 0};
	static const uint8_t in_ack[] = {
		0, 7, 0, 8, 'c', 'o', 'o', 'k', 0x40, 0x55, 0, 8, 1, 2, 3, 4};
	static const uint8_t param[] = {0, 8, 0, 10, 0xc0, 0x55, 0, 6, 'a', 'b'};
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	init.extra = in_init;
	init.extra_len = sizeof in_init;
	hand_give_init(&p, 0, &init);
	tulle_sctp_chunk chunk = said(0, SCTP_INIT_ACK);
	bool found = false;
	for (size_t i = 16; i + sizeof param <= chunk.value.len; i += 4)
		found = found || memcmp(chunk.value.ptr + i, param, sizeof param) == 0;
	ck_assert(found);
	hand_state(&p, S(COOKIE_WAIT));
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = in_ack;
	ack.extra_len = sizeof in_ack;
	ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
	chunk = said(0, SCTP_ERROR);
	ck_assert_mem_eq(chunk.value.ptr, "\0\10\0\14\100\125\0\10\1\2\3\4", 12);
	ck_assert_uint_eq(p.end[0].packet[0][12], SCTP_COOKIE_ECHO); /* the first of the packet */
}
END_TEST

/* SCTP-016 RFC9260:3.3.3: one Unrecognized Parameter for each that is to be reported, in order; in
 * an ERROR RFC9260:3.3.10.8 they stand in one cause */
START_TEST(each_unknown_parameter_is_reported)
{
	static const uint8_t many[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k', 0xc0, 0x55, 0, 5, 'a', 0, 0,
		0, 0x80, 0x55, 0, 4, 0xc0, 0x56, 0, 4, 0x40, 0x57, 0, 4, 0xc0, 0x58, 0, 4};
	static const uint8_t reports[] = {0, 8, 0, 9, 0xc0, 0x55, 0, 5, 'a', 0, 0, 0, 0, 8, 0, 8,
		0xc0, 0x56, 0, 4, 0, 8, 0, 8, 0x40, 0x57, 0, 4}; /* that one says stop */
	static const uint8_t cause[] = {
		0, 8, 0, 20, 0xc0, 0x55, 0, 5, 'a', 0, 0, 0, 0xc0, 0x56, 0, 4, 0x40, 0x57, 0, 4};
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	init.extra = many + 8;
	init.extra_len = sizeof many - 8;
	hand_give_init(&p, 0, &init);
	tulle_sctp_chunk chunk = said(0, SCTP_INIT_ACK);
	bool found = false;
	for (size_t i = 16; i + sizeof reports <= chunk.value.len; i += 4)
		found = found || memcmp(chunk.value.ptr + i, reports, sizeof reports) == 0;
	ck_assert(found);
	hand_state(&p, S(COOKIE_WAIT));
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = many;
	ack.extra_len = sizeof many;
	ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
	chunk = said(0, SCTP_ERROR);
	ck_assert_uint_eq(chunk.value.len, sizeof cause);
	ck_assert_mem_eq(chunk.value.ptr, cause, sizeof cause);
}
END_TEST

/* SCTP-037: however many they are, the INIT ACK fits the smallest packet, and holds whole ones */
START_TEST(the_reports_are_bound)
{
	uint8_t extra[60 * 8];
	for (size_t i = 0; i < sizeof extra; i += 8)
		memcpy(extra + i, "\300\125\0\10abcd", 8);
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	init.extra = extra;
	init.extra_len = sizeof extra;
	hand_give_init(&p, 0, &init);
	tulle_sctp_chunk chunk = said(0, SCTP_INIT_ACK);
	ck_assert_uint_le(p.end[0].packet_len[0], TULLE_SCTP_PACKET_BYTES_MIN);
	tulle_rd r = tulle_rd_make(chunk.value.ptr + 16, chunk.value.len - 16);
	tulle_sctp_parameter param;
	unsigned count = 0;
	while (tulle_sctp_read_parameter(&r, &param))
		count += param.type == SCTP_P_UNRECOGNIZED && param.whole.len == 12;
	ck_assert(tulle_rd_finish(&r));
	ck_assert_uint_eq(count, TULLE_SCTP_UNKNOWN_BYTES_MAX / 12);
	hand_state(&p, S(COOKIE_WAIT));
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = extra;
	memcpy(extra, "\0\7\0\10", 4);
	ack.extra_len = sizeof extra;
	ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
	ck_assert_uint_eq(said(0, SCTP_ERROR).value.len, 4 + TULLE_SCTP_ERROR_BYTES_MAX);
}
END_TEST

/* SCTP-037 RFC9260:12.2.4.1: the answer to an INIT is little more than the INIT */
START_TEST(an_init_is_answered_by_few_bytes)
{
	uint8_t extra[1000] = {0xc0, 0x55, 3, 0xe8};
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	hand_give_init(&p, 0, &init);
	(void)said(0, SCTP_INIT_ACK);
	ck_assert_uint_le(p.end[0].packet_len[0], 32 + 128);
	init.extra = extra;
	init.extra_len = sizeof extra;
	hand_give_init(&p, 0, &init);
	(void)said(0, SCTP_INIT_ACK);
	ck_assert_uint_le(p.end[0].packet_len[0], 32 + 128);
}
END_TEST

/* -- INIT ACK -- */

/* SCTP-029 RFC9260:3.3.10.2, SCTP-025, SCTP-026, SCTP-027 RFC9260:3.3.3, SCTP-052 RFC9260:5.1.2 */
START_TEST(an_init_ack_that_cannot_be_ends_the_attempt)
{
	static const uint8_t cookie[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
	static const uint8_t named[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k', 0, 11, 0, 5, 0, 0, 0, 0};
	static const uint8_t none[] = {0, 7, 0, 4};
	static const struct {
		uint32_t tag, window;
		uint16_t out, in;
		const void *extra;
		size_t extra_len;
		uint16_t cause;
		bool ends;
	} cases[] = {{0, 9000, 1, 1, cookie, 8, SCTP_C_MANDATORY, true},
		{5, 9000, 0, 1, cookie, 8, SCTP_C_MANDATORY, true},
		{5, 9000, 1, 0, cookie, 8, SCTP_C_MANDATORY, true},
		{5, 1499, 1, 1, cookie, 8, SCTP_C_MANDATORY, false},
		{5, 9000, 1, 1, NULL, 0, SCTP_C_MISSING, true},
		{5, 9000, 1, 1, none, 4, SCTP_C_MISSING, true},
		{5, 9000, 1, 1, named, 16, SCTP_C_ADDRESS, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hand_state(&p, S(COOKIE_WAIT));
		sctp_identity before = end0()->identity;
		hand_init ack = hand_default(SCTP_INIT_ACK);
		ack.tag = cases[i].tag;
		ack.window = cases[i].window;
		ack.out = cases[i].out;
		ack.in = cases[i].in;
		ack.extra = cases[i].extra;
		ack.extra_len = cases[i].extra_len;
		ck_assert_int_ne(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
		tulle_sctp_chunk abort = said(0, SCTP_ABORT);
		ck_assert_uint_eq(abort.flags, cases[i].tag == 0 ? SCTP_FLAG_T : 0);
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0),
			cases[i].tag == 0 ? before.local_tag : cases[i].tag);
		ck_assert_uint_eq(abort.value.ptr[1], cases[i].cause);
		if (cases[i].cause == SCTP_C_MISSING)
			ck_assert_mem_eq(abort.value.ptr, "\0\2\0\12\0\0\0\1\0\7", 10);
		if (cases[i].ends) {
			ck_closed(0, TULLE_SCTP_ABORT_LOCAL, cases[i].cause);
			continue;
		}
		ck_assert_mem_eq(&before, &end0()->identity, sizeof before);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), S(COOKIE_WAIT));
	}
}
END_TEST

/* A cookie that fits no packet of ours cannot be echoed. */
START_TEST(a_cookie_must_fit_the_packet_that_echoes_it)
{
	static const struct {
		uint16_t packet;
		size_t cookie;
		bool good;
	} cases[] = {{508, 492, true}, {508, 493, false}, {509, 493, false}, {512, 496, true},
		{0, 960, true}, {0, 961, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t extra[1000] = {0, 7, (uint8_t)((cases[i].cookie + 4) >> 8),
			(uint8_t)(cases[i].cookie + 4)};
		for (size_t k = 4; k < cases[i].cookie + 4; k++)
			extra[k] = (uint8_t)(k * 7);
		if (p.pool != NULL)
			pair_close(&p);
		memset(&p, 0, sizeof p);
		p.config.packet_bytes_max = cases[i].packet;
		pair_open(&p, 100);
		tulle_sctp_connect(end0(), p.now);
		pair_catch(&p, 0);
		hand_init ack = hand_default(SCTP_INIT_ACK);
		ack.extra = extra;
		ack.extra_len = tulle_sctp_padded(cases[i].cookie + 4);
		ck_assert((hand_give_init(&p, 0, &ack) == TULLE_TAKEN) == cases[i].good);
		if (!cases[i].good) {
			ck_assert_uint_eq(said(0, SCTP_ABORT).value.ptr[1], SCTP_C_RESOURCE);
			continue;
		}
		/* SCTP-038 RFC9260:5.1 D: byte for byte, to the peer's tag */
		tulle_sctp_chunk echo = said(0, SCTP_COOKIE_ECHO);
		ck_assert_uint_eq(echo.value.len, cases[i].cookie);
		ck_assert_mem_eq(echo.value.ptr, extra + 4, cases[i].cookie);
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), ack.tag);
	}
}
END_TEST

/* SCTP-030 RFC9260:8.5 */
START_TEST(an_init_ack_to_another_tag_is_dropped)
{
	static const uint8_t cookie[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
	hand_state(&p, S(COOKIE_WAIT));
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = cookie;
	ack.extra_len = sizeof cookie;
	uint8_t chunk[256];
	size_t n = hand_write_init(chunk, &ack);
	for (unsigned bit = 0; bit < 32; bit++)
		ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0) ^ 1u << bit, chunk, n),
			TULLE_DROP_SCTP_TAG);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(COOKIE_WAIT));
	ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0), chunk, n), TULLE_TAKEN);
}
END_TEST

/* -- cookies -- */

/* SCTP-034 RFC9260:5.1.5 3: of other ports, or to another tag */
START_TEST(a_cookie_of_other_ports_or_tags_is_dropped)
{
	uint8_t echo[512];
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	size_t n = get_cookie_echo(&init, echo);
	sctp_cookie cookie;
	tulle_bytes bytes = {echo + 4, n - 4};
	uint16_t *ports[] = {&end0()->config.local_port, &end0()->config.remote_port};
	for (unsigned i = 0; i < 2; i++) {
		++*ports[i];
		ck_assert_int_eq(
			tulle_sctp_take_cookie(end0(), bytes, &cookie), TULLE_DROP_SCTP_COOKIE);
		--*ports[i];
	}
	ck_assert_int_eq(tulle_sctp_take_cookie(end0(), bytes, &cookie), TULLE_TAKEN);
	for (unsigned bit = 0; bit < 32; bit++)
		ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0) ^ 1u << bit, echo, n),
			TULLE_DROP_SCTP_TAG);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(CLOSED));
}
END_TEST

/* SCTP-035 RFC9260:5.1.3: keys change each minute, and the one before stays good */
START_TEST(the_key_of_cookies_changes_and_the_last_one_stays_good)
{
	uint8_t first[512], second[512];
	uint8_t keys[2][32];
	hand_init init = hand_default(SCTP_INIT);
	for (int turns = 1; turns <= 2; turns++) {
		hand_state(&p, S(CLOSED));
		get_cookie_echo(&init, first);
		memcpy(keys, end0()->cookie_keys, sizeof keys);
		p.now += TULLE_SCTP_COOKIE_LIFE_US - 1;
		size_t n = get_cookie_echo(&init, first);
		ck_assert_mem_eq(keys, end0()->cookie_keys, sizeof keys);
		for (int i = 0; i < turns; i++) {
			p.now += i == 0 ? 1 : TULLE_SCTP_COOKIE_LIFE_US;
			get_cookie_echo(&init, second);
		}
		ck_assert_mem_ne(keys[0], end0()->cookie_keys[0], 32);
		tulle_drop drop = pair_inject(&p, 0, pair_tag(&p, 0), first, n);
		ck_assert_int_eq(drop, turns == 1 ? TULLE_TAKEN : TULLE_DROP_SCTP_COOKIE);
		ck_assert_uint_eq(pair_catch(&p, 0), turns == 1); /* not even called stale */
	}
}
END_TEST

/* SCTP-039 RFC9260:6.10, 8.4: a COOKIE ECHO that is not the first of its packet */
START_TEST(a_cookie_echo_stands_first_or_not_at_all)
{
	uint8_t packet[600] = {SCTP_PAD, 0, 0, 4};
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	size_t n = get_cookie_echo(&init, packet + 4);
	ck_assert_int_eq(
		pair_inject(&p, 0, pair_tag(&p, 0), packet, n + 4), TULLE_DROP_SCTP_OUT_OF_BLUE);
	(void)said(0, SCTP_ABORT);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(CLOSED));
	hand_state(&p, S(COOKIE_WAIT));
	n = get_cookie_echo(&init, packet + 4);
	ck_assert_int_eq(
		pair_inject(&p, 0, pair_tag(&p, 0), packet, n + 4), TULLE_DROP_SCTP_BUNDLE);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(COOKIE_WAIT));
}
END_TEST

static size_t add_data(uint8_t *dst, uint32_t tsn)
{
	tulle_wr w = tulle_wr_make(dst, 64);
	tulle_sctp_data_chunk d = {.ppid = 51, .stream = 1, .flags = BE, .tsn = tsn};
	tulle_sctp_write_data_header(&w, &d, 4);
	tulle_wr_cstr(&w, "data");
	return w.len;
}

/* SCTP-040 RFC9260:5.1.5 5-7: opens, and the DATA behind it is taken and acknowledged at once, the
 * COOKIE ACK first; behind a cookie that is refused it is not */
START_TEST(data_may_come_with_the_cookie)
{
	for (int good = 0; good < 2; good++) {
		uint8_t packet[600];
		hand_state(&p, S(CLOSED));
		hand_init init = hand_default(SCTP_INIT);
		size_t n = get_cookie_echo(&init, packet);
		packet[40] ^= !good;
		n += add_data(packet + n, init.tsn);
		ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0), packet, n),
			good ? TULLE_TAKEN : TULLE_DROP_SCTP_COOKIE);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].got_len, good ? 4 : 0);
		if (!good) {
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
			continue;
		}
		(void)said(0, SCTP_SACK);
		ck_assert_uint_eq(p.end[0].packet[0][12], SCTP_COOKIE_ACK);
		/* nor does a COOKIE ECHO let in what has a wrong tag: RFC9260:8.5 */
		packet[40] ^= 1;
		(void)add_data(packet + n - 20, init.tsn + 1);
		ck_assert_int_eq(
			pair_inject(&p, 0, pair_tag(&p, 0) ^ 1, packet, n), TULLE_DROP_SCTP_COOKIE);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].got_len, 4);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), S(ESTABLISHED));
		ck_assert_uint_eq(end0()->in.cumulative, init.tsn);
	}
}
END_TEST

/* SCTP-088 RFC9260:5.1 C: what is queued goes out when the association is up */
START_TEST(no_data_goes_out_before_the_association_is_up)
{
	tulle_sctp_chunk chunk;
	p.config.streams_max = 100;
	pair_open(&p, 100);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			tulle_sctp_send(p.end[i].sctp, p.now, 1, 51, "early", 5, NULL), TULLE_OK);
	tulle_sctp_connect(end0(), p.now);
	for (int turn = 0; turn < 4; turn++) {
		int i = turn % 2;
		ck_assert_uint_eq(pair_catch(&p, i), 1);
		bool up = tulle_sctp_state_now(p.end[i].sctp) == S(ESTABLISHED);
		ck_assert(pair_find(&p.end[i], SCTP_DATA, 0, &chunk) == up);
		ck_assert(up == (turn == 3));
		pair_give(&p, 1 - i, p.end[i].packet[0], p.end[i].packet_len[0]);
	}
	pair_settle(&p);
	for (int i = 0; i < 2; i++)
		ck_assert_mem_eq(p.end[i].got, "early", 5);
}
END_TEST

/* SCTP-042 RFC9260:5.1.4: the COOKIE ECHO nine times, the time doubled, then it is lost */
START_TEST(a_cookie_echo_without_answer_is_sent_nine_times)
{
	hand_state(&p, S(COOKIE_WAIT));
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_catch(&p, 1);
	for (int i = 0; i < 3; i++) { /* T1-init's count is another one */
		pair_expire(&p, 0);
		pair_catch(&p, 0);
	}
	p.now += 100000;
	pair_give(&p, 0, p.end[1].packet[0], p.end[1].packet_len[0]);
	unsigned echoes = 0;
	tulle_time rto = end0()->rto, last = p.now;
	while (tulle_sctp_poll_timeout(end0()) != TULLE_TIME_NEVER) {
		(void)said(0, SCTP_COOKIE_ECHO);
		echoes++;
		pair_expire(&p, 0);
		ck_assert_int_eq(p.now - last, rto);
		rto = tulle_time_min(2 * rto, 10000000);
		last = p.now;
	}
	ck_assert_uint_eq(echoes, 9);
	ck_closed(0, TULLE_SCTP_LOST, 0);
}
END_TEST

Suite *suite_sctp_handshake(void);
Suite *suite_sctp_handshake(void)
{
	Suite *s = suite_create("sctp_handshake");
	TCase *t = tcase_create("handshake");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, streams_are_the_lesser_of_both_sides);
	tcase_add_test(t, the_first_tsn_is_the_initial_one);
	tcase_add_test(t, a_host_name_is_refused);
	tcase_add_test(t, addresses_in_an_init_mean_nothing);
	tcase_add_test(t, unknown_parameters_are_reported_where_they_belong);
	tcase_add_test(t, each_unknown_parameter_is_reported);
	tcase_add_test(t, the_reports_are_bound);
	tcase_add_test(t, an_init_is_answered_by_few_bytes);
	tcase_add_test(t, an_init_ack_that_cannot_be_ends_the_attempt);
	tcase_add_test(t, a_cookie_must_fit_the_packet_that_echoes_it);
	tcase_add_test(t, an_init_ack_to_another_tag_is_dropped);
	tcase_add_test(t, a_cookie_of_other_ports_or_tags_is_dropped);
	tcase_add_test(t, the_key_of_cookies_changes_and_the_last_one_stays_good);
	tcase_add_test(t, a_cookie_echo_stands_first_or_not_at_all);
	tcase_add_test(t, data_may_come_with_the_cookie);
	tcase_add_test(t, no_data_goes_out_before_the_association_is_up);
	tcase_add_test(t, a_cookie_echo_without_answer_is_sent_nine_times);
	suite_add_tcase(s, t);
	return s;
}
