/* SPDX-License-Identifier: MIT */
/* sctp: path MTU discovery: RFC 8899 with the PAD chunk of RFC 4820. A packet that is larger than
 * what the path takes vanishes, but where it may be cut. */
#include "tests/unit/sctp_states.h"

#define BASE 1160u
#define MOST 1432u
#define LEAST 508u
#define SECOND 1000000

static pair p;
static size_t largest, cut; /* of packets that were no probes; how many may be cut */
static size_t received;     /* bytes of messages */

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.packet_bytes_max = BASE;
	p.config.probe_bytes_max = MOST;
	p.config.heartbeat_us = -1;
	p.config.cc = TULLE_SCTP_NEWRENO;
	pair_open(&p, 800);
}

static void teardown(void)
{
	pair_close(&p);
}

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

static const sctp_path *path(void)
{
	return &end0()->path;
}

static tulle_sctp_stats stats(void)
{
	tulle_sctp_stats s;
	tulle_sctp_read_stats(end0(), &s);
	return s;
}

static bool passes(unsigned k, size_t takes)
{
	const pair_end *e = &p.end[0];
	if (!e->packet_out[k].df_probe)
		largest = tulle_max(largest, e->packet_len[k]);
	cut += e->packet_out[k].may_fragment;
	return e->packet_len[k] <= takes || e->packet_out[k].may_fragment;
}

/* Both talk; of end 0's packets those that the path takes arrive. */
static void talk(size_t takes)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (int i = 0; i < 2; i++) {
			pair_catch(&p, i);
			for (unsigned k = 0; k < p.end[i].packets; k++, moved = true)
				if (i == 1 || passes(k, takes))
					(void)pair_give(&p, 1 - i, p.end[i].packet[k],
						p.end[i].packet_len[k]);
			pair_events(&p, 1 - i);
		}
		received += p.end[1].got_len;
		p.end[1].got_len = 0;
	}
}

/* Time goes on over a path that takes so much. */
static void pass_time(size_t takes, tulle_time us)
{
	tulle_time until = p.now + us;
	talk(takes);
	for (;;) {
		tulle_time t0 = tulle_sctp_poll_timeout(p.end[0].sctp);
		tulle_time t1 = tulle_sctp_poll_timeout(p.end[1].sctp);
		tulle_time t = tulle_time_min(t0, t1);
		if (t > until)
			break;
		p.now = tulle_time_max(p.now, t);
		for (int i = 0; i < 2; i++)
			tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
		talk(takes);
	}
	p.now = until;
	for (int i = 0; i < 2; i++)
		tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
}

/* Up, with a probe of the base size on its way. */
static void connect_only(void)
{
	tulle_sctp_connect(end0(), p.now);
	for (int i = 0; i < 4; i++) {
		int from = i % 2;
		pair_catch(&p, from);
		for (unsigned k = 0; k < p.end[from].packets; k++)
			if (from == 1 || !p.end[0].packet_out[k].df_probe)
				(void)pair_give(&p, 1 - from, p.end[from].packet[k],
					p.end[from].packet_len[k]);
	}
	(void)pair_catch(&p, 0); /* its first probe is lost */
	ck_assert_int_eq(tulle_sctp_state_now(end0()), TULLE_SCTP_STATE_ESTABLISHED);
	ck_assert_int_eq(path()->state, SCTP_PATH_BASE);
}

static void send_bytes(size_t len)
{
	static uint8_t bytes[65536];
	ck_assert_int_eq(tulle_sctp_send(end0(), p.now, 0, 51, bytes, len, NULL), TULLE_OK);
}

/* The one packet that end 0 has to say is a probe of this size; its HEARTBEAT in *chunk. */
static void expect_probe(size_t size, tulle_sctp_chunk *chunk)
{
	tulle_sctp_chunk pad;
	ck_assert_uint_eq(pair_catch(&p, 0), 1);
	ck_assert_uint_eq(p.end[0].packet_len[0], size);
	ck_assert(p.end[0].packet_out[0].df_probe && !p.end[0].packet_out[0].may_fragment);
	ck_assert(pair_find(&p.end[0], SCTP_HEARTBEAT, 0, chunk));
	ck_assert(pair_find(&p.end[0], SCTP_PAD, 0, &pad));
	ck_assert_uint_eq(
		SCTP_HEADER_BYTES + tulle_sctp_padded(chunk->whole.len) + pad.whole.len, size);
}

static tulle_drop answer(size_t len, const void *value)
{
	return hand_give(&p, 0, SCTP_HEARTBEAT_ACK, 0, len, value);
}

/* Through a probe of the base size to one of what it hopes for. */
static void to_search(void)
{
	tulle_sctp_chunk chunk;
	connect_only();
	pair_expire(&p, 0);
	expect_probe(BASE, &chunk);
	ck_assert_int_eq(answer(chunk.value.len, chunk.value.ptr), TULLE_TAKEN);
	ck_assert_int_eq(path()->state, SCTP_PATH_SEARCHING);
}

/* SCTP-181, SCTP-183, SCTP-191 RFC8899:6.2.1.2: HEARTBEAT and PAD, to the byte, whole or not at all
 */
START_TEST(a_probe_is_a_heartbeat_and_padding_of_exactly_its_size)
{
	tulle_sctp_chunk chunk;
	to_search();
	expect_probe(MOST, &chunk);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	ck_assert_int_eq(answer(chunk.value.len, chunk.value.ptr), TULLE_TAKEN);
	ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
	ck_assert_uint_eq(stats().path_probes, 3);
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_PATH)); /* there is no more to find */
}
END_TEST

/* SCTP-182 RFC8899:3: not larger than what was shown to pass, while larger ones are tried */
START_TEST(packets_are_no_larger_than_what_is_known_to_pass)
{
	connect_only();
	for (size_t takes = 1200; takes < MOST; takes += 37) {
		tulle_sctp_set_path(end0(), p.now, 0);
		largest = 0;
		for (int i = 0; i < 30; i++) {
			send_bytes(20000);
			pass_time(takes, SECOND);
			ck_assert_uint_le(largest, takes);
			ck_assert_uint_eq(cut, 0);
		}
		ck_assert_uint_gt(largest + 16, takes);
		ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
		ck_assert_uint_eq(stats().packet_bytes, largest);
	}
	send_bytes(5000);
	talk(MOST);
	pair_events(&p, 1);
	ck_assert_uint_eq(end0()->out.unacked, 0);
}
END_TEST

/* SCTP-184 RFC8899:5.1.2, 5.3.2: three of one size, then one between; few in all */
START_TEST(a_size_fails_after_three_probes_and_the_search_goes_on_below)
{
	size_t sizes[64];
	unsigned count = 0;
	tulle_sctp_chunk chunk;
	to_search();
	while (path()->state == SCTP_PATH_SEARCHING) {
		size_t size = path()->probed;
		expect_probe(size, &chunk);
		ck_assert_uint_lt(count, 64);
		sizes[count++] = size;
		pair_expire(&p, 0);
	}
	for (unsigned i = 0; i < 9; i++)
		ck_assert_uint_eq(sizes[i], i < 3 ? MOST : i < 6 ? 1296 : 1228);
	ck_assert_uint_eq(count % 3, 0);
	ck_assert_uint_le(count, 18);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	ck_assert_uint_le(sizes[count - 1], BASE + 16);
}
END_TEST

/* SCTP-185 RFC8899:5.1.1: never below a second, nor below what an answer takes; later a larger size
 * is looked for again, where data goes out */
START_TEST(the_timers_are_those_of_the_rfc)
{
	tulle_time rtos[] = {200000, SECOND, 4 * SECOND};
	to_search();
	for (unsigned i = 0; i < 3; i++) {
		(void)pair_catch(&p, 0);
		end0()->rto = rtos[i];
		pair_expire(&p, 0);
		tulle_time sent = p.now;
		(void)pair_catch(&p, 0);
		pair_expire(&p, 0);
		ck_assert_int_eq(p.now - sent, tulle_time_max(rtos[i], SECOND));
	}
	pass_time(BASE, 60 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
	uint64_t probes = stats().path_probes;
	tulle_time raise = end0()->timers[SCTP_T_PATH];
	ck_assert(raise > p.now + 500 * SECOND && raise <= p.now + 600 * SECOND);
	p.now = raise;
	tulle_sctp_handle_timeout(end0(), p.now); /* nothing was sent all the time */
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	send_bytes(100);
	pass_time(MOST, 599 * SECOND);
	ck_assert_uint_eq(stats().path_probes, probes);
	pass_time(MOST, 2 * SECOND);
	ck_assert_uint_eq(stats().path_probes, probes + 1);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

/* SCTP-186 RFC8899:6.2.3.3: what was found is not asked for again and again */
START_TEST(a_size_that_was_found_is_not_confirmed)
{
	connect_only();
	pass_time(1400, 30 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
	uint64_t probes = stats().path_probes;
	for (int i = 0; i < 10; i++) {
		send_bytes(30000);
		pass_time(1400, 50 * SECOND);
	}
	ck_assert_uint_eq(stats().path_probes, probes);
	ck_assert_uint_gt(stats().packet_bytes + 8, 1392);
}
END_TEST

/* SCTP-183 RFC8899:3: a lost probe is no congestion and no failure of the path; a window in bytes
 * does not grow with the size */
START_TEST(probes_leave_windows_and_error_counts_alone)
{
	tulle_sctp_chunk chunk;
	to_search();
	size_t cwnd = end0()->cc.cwnd, ssthresh = end0()->cc.ssthresh;
	tulle_time rto = end0()->rto;
	ck_assert_uint_eq(end0()->cc.mtu, BASE - SCTP_HEADER_BYTES);
	expect_probe(MOST, &chunk);
	pair_expire(&p, 0);
	expect_probe(MOST, &chunk);
	ck_assert_uint_eq(end0()->errors, 0);
	ck_assert_int_eq(end0()->rto, rto);
	end0()->cc.cwnd = cwnd = 1200; /* less than a packet of the size to come */
	ck_assert_int_eq(answer(chunk.value.len, chunk.value.ptr), TULLE_TAKEN);
	ck_assert_uint_eq(end0()->cc.mtu, MOST - SCTP_HEADER_BYTES);
	ck_assert_uint_eq(end0()->cc.cwnd, cwnd);
	ck_assert_uint_eq(end0()->cc.ssthresh, ssthresh);
	send_bytes(MOST);
	ck_assert_uint_eq(pair_catch(&p, 0), 1); /* and yet it sends */
	ck_assert_uint_eq(p.end[0].packet_len[0], MOST);
}
END_TEST

/* RFC8899:4.1, RFC9260:8.3 [SEC]: what answers no probe that is on its way changes nothing */
START_TEST(a_forged_answer_raises_no_size)
{
	uint8_t value[64];
	tulle_sctp_chunk chunk;
	connect_only();
	pair_expire(&p, 0);
	expect_probe(BASE, &chunk);
	size_t len = chunk.value.len;
	ck_assert_uint_eq(len, 4 + 12);
	memcpy(value, chunk.value.ptr, len);
	for (size_t i = 4; i < len; i++) { /* each byte of nonce and size */
		value[i] ^= 1;
		ck_assert_int_eq(answer(len, value), TULLE_DROP_STATE);
		value[i] ^= 1;
	}
	for (size_t n = 4; n < len; n++) {
		value[3] = (uint8_t)n;
		ck_assert_int_eq(answer(n, value), TULLE_DROP_STATE);
	}
	value[3] = (uint8_t)(len + 1);
	ck_assert_int_eq(answer(len + 1, value), TULLE_DROP_STATE);
	value[3] = (uint8_t)len;
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	ck_assert_int_eq(path()->state, SCTP_PATH_BASE);
	ck_assert_int_eq(answer(len, value), TULLE_TAKEN);
	ck_assert_int_eq(answer(len, value), TULLE_DROP_STATE); /* once */
	value[14] = MOST >> 8;                                  /* its nonce, another size */
	value[15] = MOST & 255;
	ck_assert_int_eq(answer(len, value), TULLE_DROP_STATE);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
}
END_TEST

/* An answer to any of the three counts, however late. */
START_TEST(a_late_answer_counts)
{
	uint8_t value[16];
	tulle_sctp_chunk chunk;
	to_search();
	expect_probe(MOST, &chunk);
	memcpy(value, chunk.value.ptr, sizeof value);
	pair_expire(&p, 0);
	expect_probe(MOST, &chunk);
	ck_assert_int_eq(answer(sizeof value, value), TULLE_TAKEN);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

/* Both ends up, packets of the largest size. */
static void to_most(void)
{
	connect_only();
	pass_time(MOST, 3 * SECOND);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
	largest = cut = 0;
}

/* SCTP-187 RFC8899:4.3, RFC9260:6.9: nothing arrives at all; what has its number goes alone and may
 * be cut, what has none in packets of the base size; then the search is for the new path */
START_TEST(a_black_hole_is_left_by_the_timer)
{
	to_most();
	send_bytes(60000);
	ck_assert_uint_gt(pair_catch(&p, 0), 1); /* these vanish */
	while (path()->state == SCTP_PATH_COMPLETE) {
		pair_expire(&p, 0);
		ck_assert_uint_le(stats().timeouts, 2);
		if (path()->state == SCTP_PATH_COMPLETE)
			(void)pair_catch(&p, 0);
	}
	ck_assert_uint_eq(stats().black_holes, 1);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	received = 0;
	pass_time(1300, 60 * SECOND);
	ck_assert_uint_eq(end0()->out.unacked, 0);
	ck_assert_uint_eq(received, 60000);
	ck_assert_uint_ge(cut, 2);
	ck_assert_uint_eq(largest, MOST); /* those that were cut */
	ck_assert_uint_eq(stats().black_holes, 1);
	cut = largest = 0;
	send_bytes(60000);
	pass_time(1300, 10 * SECOND);
	ck_assert_uint_eq(cut, 0);
	ck_assert_uint_gt(largest + 16, 1300);
	ck_assert_uint_le(largest, 1300);
}
END_TEST

/* SCTP-187: small packets pass, and their SACKs tell of the large ones, again and again */
START_TEST(a_black_hole_is_seen_beside_small_packets)
{
	to_most();
	for (int i = 0; i < 200 && stats().black_holes == 0; i++) {
		if (i % 10 == 0)
			send_bytes(1400);
		send_bytes(100);
		end0()->cc.cwnd = 100000; /* not for T3 to see it */
		pass_time(1200, 30000);
	}
	ck_assert_uint_eq(stats().black_holes, 1);
	ck_assert_uint_eq(stats().timeouts, 0);
	pass_time(1200, 30 * SECOND);
	ck_assert_uint_eq(end0()->out.unacked, 0);
	ck_assert_uint_gt(stats().packet_bytes + 16, 1200);
	ck_assert_uint_le(stats().packet_bytes, 1200);
}
END_TEST

/* RFC8899:4.3: a burst of loss, and a timeout, are none; full packets that arrive clear it */
START_TEST(loss_alone_is_no_black_hole)
{
	to_most();
	for (int i = 0; i < 12; i++) {
		send_bytes(20000);
		(void)pair_catch(&p, 0); /* lost */
		pair_expire(&p, 0);      /* the probe before T3 */
		(void)pair_catch(&p, 0);
		while (stats().timeouts == (uint64_t)i)
			pair_expire(&p, 0);
		pass_time(MOST, 5 * SECOND);
		ck_assert_uint_eq(end0()->out.unacked, 0);
	}
	ck_assert_uint_eq(stats().black_holes, 0);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
	ck_assert_uint_eq(cut, 0);
}
END_TEST

/* Of twelve packets or more that end 0 has to say the last ones arrive; the SACKs come back. */
static void deliver_last(unsigned count)
{
	end0()->cc.cwnd = 100000;
	end0()->cc.pacing = 0;
	end0()->out.last_sent = p.now; /* the window is not to decay */
	unsigned n = pair_catch(&p, 0);
	ck_assert_uint_ge(n, 12);
	for (unsigned k = n - count; k < n; k++)
		(void)pair_give(&p, 1, p.end[0].packet[k], p.end[0].packet_len[k]);
	pair_events(&p, 1);
	p.end[1].got_len = 0;
	p.now += 50000;
	pair_catch(&p, 1);
	for (unsigned k = 0; k < p.end[1].packets; k++)
		(void)pair_give(&p, 0, p.end[1].packet[k], p.end[1].packet_len[k]);
}

/* RFC8899:4.3: many retransmissions lost at once are one sign, however many */
START_TEST(a_burst_that_takes_retransmissions_is_no_black_hole)
{
	to_most();
	for (int i = 0; i < 5; i++) {
		send_bytes(24000);
		deliver_last(4);
		deliver_last(1);
		pass_time(MOST, 5 * SECOND);
		ck_assert_uint_eq(end0()->out.unacked, 0);
	}
	ck_assert_uint_gt(stats().retransmissions, 60);
	ck_assert_uint_eq(stats().black_holes, 0);
}
END_TEST

/* RFC8899:5.2 BASE: it was none: two answers, and the size is what it was */
START_TEST(a_false_alarm_costs_two_probes)
{
	to_most();
	send_bytes(20000);
	while (stats().black_holes == 0) {
		(void)pair_catch(&p, 0);
		pair_expire(&p, 0);
	}
	uint64_t probes = stats().path_probes;
	talk(MOST);
	ck_assert_uint_eq(stats().path_probes, probes + 2);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
	ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
	tulle_sctp_set_path(end0(), p.now, 0); /* and so where larger ones are known to fail */
	pass_time(1350, 30 * SECOND);
	size_t found = stats().packet_bytes;
	send_bytes(20000);
	while (stats().black_holes == 1) {
		(void)pair_catch(&p, 0);
		pair_expire(&p, 0);
	}
	probes = stats().path_probes;
	talk(1350);
	ck_assert_uint_eq(stats().path_probes, probes + 2);
	ck_assert_uint_eq(stats().packet_bytes, found);
	ck_assert_int_eq(path()->state, SCTP_PATH_COMPLETE);
}
END_TEST

/* SCTP-184: while nothing is answered, what is no larger than the least size neither, no size fails
 */
START_TEST(a_size_does_not_fail_while_the_path_is_silent)
{
	to_search();
	send_bytes(100);
	pass_time(0, 15 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_SEARCHING);
	ck_assert_uint_eq(path()->probed, MOST);
	pass_time(MOST, 10 * SECOND);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

/* SCTP-184 RFC8899:5.2 ERROR: the least size, the base asked for ever more rarely, until it passes
 */
START_TEST(a_path_below_the_base_size_gets_the_least)
{
	connect_only();
	pass_time(900, 3 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_ERROR);
	ck_assert(path()->answered); /* the least size */
	ck_assert_uint_eq(stats().packet_bytes, LEAST);
	send_bytes(30000);
	largest = 0;
	pass_time(900, 10 * SECOND);
	ck_assert_uint_eq(end0()->out.unacked, 0);
	ck_assert_uint_eq(largest, LEAST);
	tulle_time before = 0;
	for (int i = 0; i < 12; i++) {
		tulle_time wait = end0()->timers[SCTP_T_PATH] - p.now;
		ck_assert(wait <= 60 * SECOND && (wait >= before || wait >= 59 * SECOND));
		uint64_t probes = stats().path_probes;
		pass_time(900, wait);
		talk(900);
		ck_assert_uint_eq(stats().path_probes, probes + 1);
		before = wait;
	}
	pass_time(BASE, 61 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_SEARCHING);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
}
END_TEST

/* A peer that answers no probe at all, of the least size neither, is no small path. */
START_TEST(a_peer_that_answers_no_probe_gets_the_base_size)
{
	connect_only();
	for (int i = 0; i < 20; i++) {
		pair_catch(&p, 0);
		for (unsigned k = 0; k < p.end[0].packets; k++)
			if (!p.end[0].packet_out[k].df_probe)
				(void)pair_give(&p, 1, p.end[0].packet[k], p.end[0].packet_len[k]);
		pair_events(&p, 1);
		pair_catch(&p, 1);
		for (unsigned k = 0; k < p.end[1].packets; k++)
			(void)pair_give(&p, 0, p.end[1].packet[k], p.end[1].packet_len[k]);
		p.now += SECOND;
		for (int e = 0; e < 2; e++)
			tulle_sctp_handle_timeout(p.end[e].sctp, p.now);
	}
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	ck_assert_uint_eq(stats().path_probes, 6); /* three of the base, three of the least */
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_PATH));
}
END_TEST

/* werift ends at an unknown chunk, and lists its extensions so: no PAD goes there, by either way up
 */
START_TEST(one_that_would_fall_at_padding_gets_none)
{
	static const uint8_t lists[][8] = {{0x80, 8, 0, 6, SCTP_FORWARD_TSN, SCTP_RE_CONFIG},
		{0x80, 8, 0, 6, SCTP_RE_CONFIG, SCTP_FORWARD_TSN}};
	for (unsigned i = 0; i < 4; i++) {
		bool first = i / 2 == 0;
		if (p.pool != NULL)
			pair_close(&p);
		setup();
		hand_init init = hand_default(first ? SCTP_INIT : SCTP_INIT_ACK);
		uint8_t extra[16] = {0, 7, 0, 8, 1, 2, 3, 4};
		memcpy(extra + (first ? 0 : 8), lists[i % 2], 8);
		init.extra = extra;
		init.extra_len = first ? 6 : 14;
		tulle_sctp_chunk chunk;
		if (first) {
			ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_TAKEN);
			ck_assert_uint_eq(pair_catch(&p, 0), 1);
			ck_assert(pair_find(&p.end[0], SCTP_INIT_ACK, 0, &chunk));
			tulle_sctp_init_chunk ack;
			ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &ack), TULLE_TAKEN);
			uint8_t cookie[256];
			tulle_wr w = tulle_wr_make(cookie, sizeof cookie);
			size_t at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
			tulle_wr_bytes(&w, ack.cookie.ptr, ack.cookie.len);
			tulle_sctp_chunk_end(&w, at);
			ck_assert_int_eq(pair_inject(&p, 0, ack.tag, cookie, w.len), TULLE_TAKEN);
		} else {
			tulle_sctp_connect(end0(), p.now);
			(void)pair_catch(&p, 0);
			ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_TAKEN);
			(void)pair_catch(&p, 0);
			ck_assert_int_eq(
				hand_give(&p, 0, SCTP_COOKIE_ACK, 0, 0, NULL), TULLE_TAKEN);
		}
		ck_assert_int_eq(tulle_sctp_state_now(end0()), TULLE_SCTP_STATE_ESTABLISHED);
		(void)pair_catch(&p, 0);
		ck_assert_uint_eq(stats().path_probes, i % 2);
		tulle_sctp_set_path(end0(), p.now, 0);
		(void)pair_catch(&p, 0);
		ck_assert_uint_eq(stats().path_probes, 2 * (i % 2));
	}
}
END_TEST

/* RFC8899:5.2: silence is not a small path for long: the first answer asks again */
START_TEST(a_partition_is_not_taken_for_a_small_path)
{
	to_most();
	if (_i == 1) /* nor where no probe of this path was answered yet */
		tulle_sctp_set_path(end0(), p.now, 0);
	send_bytes(20000);
	pass_time(0, 40 * SECOND);
	ck_assert_int_eq(path()->state, SCTP_PATH_ERROR);
	while (end0()->out.unacked != 0) {
		pair_expire(&p, 0);
		talk(MOST);
	}
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

/* SCTP-188 RFC8261:6.1, RFC9260:7.2.5.2 */
START_TEST(another_path_is_searched_anew_with_a_fresh_window)
{
	to_most();
	size_t start = tulle_min(4 * (BASE - 12), tulle_max(2 * (BASE - 12), 4404));
	for (int i = 0; i < 20; i++) {
		send_bytes(60000);
		pass_time(MOST, 1000);
	}
	send_bytes(30000);
	(void)pair_catch(&p, 0);
	ck_assert_uint_gt(end0()->cc.cwnd, 2 * start);
	tulle_sctp_set_path(end0(), p.now, 1375);
	tulle_sctp_check(end0());
	ck_assert_uint_eq(end0()->cc.cwnd, start);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	ck_assert_int_eq(path()->state, SCTP_PATH_BASE);
	pass_time(MOST, 10 * SECOND);
	ck_assert_uint_eq(end0()->out.unacked, 0);
	ck_assert_uint_eq(stats().packet_bytes, 1372); /* its first link takes no more */
	tulle_sctp_set_path(end0(), p.now, 800);
	ck_assert_uint_eq(stats().packet_bytes, 800);
	tulle_sctp_set_path(end0(), p.now, 10);
	ck_assert_uint_eq(stats().packet_bytes, LEAST);
	tulle_sctp_set_path(end0(), p.now, 0);
	pass_time(MOST, 3 * SECOND);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

/* SCTP-189 RFC4820:3: of any length and flags, what stands behind it counts */
START_TEST(padding_is_passed_over)
{
	for (tulle_sctp_state state = TULLE_SCTP_STATE_COOKIE_WAIT;
		state <= TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT; state++) {
		hand_state(&p, state);
		for (size_t len = 0; len < 1000; len += 99) {
			uint8_t value[1000];
			memset(value, 0xa5, sizeof value);
			ck_assert_int_eq(
				hand_give(&p, 0, SCTP_PAD, (uint8_t)len, len, value), TULLE_TAKEN);
			ck_assert_uint_eq(pair_catch(&p, 0), 0);
		}
	}
	hand_state(&p, TULLE_SCTP_STATE_ESTABLISHED);
	static const uint8_t two[] = {
		SCTP_PAD, 9, 0, 7, 1, 2, 3, 0, SCTP_HEARTBEAT, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4};
	ck_assert_int_eq(pair_inject(&p, 0, pair_tag(&p, 0), two, sizeof two), TULLE_TAKEN);
	hand_expect(&p, 0, SCTP_HEARTBEAT_ACK);
}
END_TEST

/* RFC9260:8.3: no HEARTBEAT once the end has begun; a peer that begins anew is searched anew */
START_TEST(probes_end_with_the_association_and_begin_with_it)
{
	to_search();
	uint64_t probes = stats().path_probes;
	tulle_sctp_shutdown(end0(), p.now);
	ck_assert_int_eq(tulle_sctp_state_now(end0()), TULLE_SCTP_STATE_SHUTDOWN_SENT);
	hand_expect(&p, 0, SCTP_SHUTDOWN);
	ck_assert(!p.end[0].packet_out[0].df_probe);
	p.now = end0()->timers[SCTP_T_PATH];
	tulle_sctp_handle_timeout(end0(), p.now);
	ck_assert_int_eq(path()->state, SCTP_PATH_DISABLED);
	ck_assert_uint_eq(stats().path_probes, probes);
}
END_TEST

START_TEST(a_peer_that_begins_anew_is_searched_anew)
{
	to_most();
	tulle_sctp_wipe(p.end[1].sctp);
	p.end[1].sctp = tulle_sctp_init(p.end[1].memory, p.end[1].bytes, &p.config, p.now);
	ck_assert_int_eq(tulle_sctp_connect(p.end[1].sctp, p.now), TULLE_OK);
	pass_time(BASE, SECOND / 2);
	ck_assert_uint_eq(stats().restarts, 1);
	ck_assert_uint_eq(stats().packet_bytes, BASE);
	pass_time(MOST, 3 * SECOND);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

START_TEST(without_randomness_no_probe_goes_out)
{
	connect_only();
	p.no_random = true;
	tulle_sctp_set_path(end0(), p.now, 0);
	for (int i = 0; i < 4; i++) {
		(void)pair_catch(&p, 0);
		ck_assert_uint_eq(stats().path_probes, 1);
		pair_expire(&p, 0);
	}
	p.no_random = false;
	pass_time(MOST, 3 * SECOND);
	ck_assert_uint_eq(stats().packet_bytes, MOST);
}
END_TEST

static void expire_and_lose(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		pair_expire(&p, 0);
		(void)pair_catch(&p, 0);
	}
}

/* Nor is the size that passes asked for instead, in the middle of a search. */
START_TEST(a_search_that_lacks_randomness_goes_on_where_it_stood)
{
	to_search();
	size_t size = stats().packet_bytes;
	p.no_random = true;
	expire_and_lose(4);
	p.no_random = false;
	expire_and_lose(12);
	ck_assert_uint_eq(stats().packet_bytes, size);
	ck_assert_uint_gt(path()->failed, size);
}
END_TEST

/* Off: no probes, no black holes, all packets as the config says. */
START_TEST(the_config_says_how_far_or_not_at_all)
{
	static const struct {
		uint16_t packet, probe;
		bool good;
	} cases[] = {{1160, 1160, true}, {1160, 1159, false}, {1160, 16384, true},
		{1160, 16385, false}, {508, 509, true}, {1163, 1431, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tulle_sctp_config c = p.config;
		c.packet_bytes_max = cases[i].packet;
		c.probe_bytes_max = cases[i].probe;
		ck_assert_int_eq(tulle_sctp_reserve_blocks_min(&c) != 0, cases[i].good);
	}
	hand_state(&p, TULLE_SCTP_STATE_ESTABLISHED);
	for (int i = 0; i < 4; i++) {
		send_bytes(20000);
		(void)pair_catch(&p, 0);
		pair_expire(&p, 0);
	}
	pass_time(1172, 5 * SECOND);
	ck_assert_uint_eq(end0()->out.unacked, 0);
	ck_assert_uint_eq(stats().path_probes + stats().black_holes, 0);
	ck_assert_int_eq(path()->state, SCTP_PATH_DISABLED);
}
END_TEST

Suite *suite_sctp_pmtu(void);
Suite *suite_sctp_pmtu(void)
{
	Suite *s = suite_create("sctp_pmtu");
	TCase *t = tcase_create("pmtu");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_probe_is_a_heartbeat_and_padding_of_exactly_its_size);
	tcase_add_test(t, packets_are_no_larger_than_what_is_known_to_pass);
	tcase_add_test(t, a_size_fails_after_three_probes_and_the_search_goes_on_below);
	tcase_add_test(t, the_timers_are_those_of_the_rfc);
	tcase_add_test(t, a_size_that_was_found_is_not_confirmed);
	tcase_add_test(t, probes_leave_windows_and_error_counts_alone);
	tcase_add_test(t, a_forged_answer_raises_no_size);
	tcase_add_test(t, a_late_answer_counts);
	tcase_add_test(t, a_black_hole_is_left_by_the_timer);
	tcase_add_test(t, a_black_hole_is_seen_beside_small_packets);
	tcase_add_test(t, loss_alone_is_no_black_hole);
	tcase_add_test(t, a_burst_that_takes_retransmissions_is_no_black_hole);
	tcase_add_test(t, a_false_alarm_costs_two_probes);
	tcase_add_test(t, a_size_does_not_fail_while_the_path_is_silent);
	tcase_add_test(t, a_path_below_the_base_size_gets_the_least);
	tcase_add_test(t, a_peer_that_answers_no_probe_gets_the_base_size);
	tcase_add_test(t, one_that_would_fall_at_padding_gets_none);
	tcase_add_loop_test(t, a_partition_is_not_taken_for_a_small_path, 0, 2);
	tcase_add_test(t, another_path_is_searched_anew_with_a_fresh_window);
	tcase_add_test(t, padding_is_passed_over);
	tcase_add_test(t, probes_end_with_the_association_and_begin_with_it);
	tcase_add_test(t, a_peer_that_begins_anew_is_searched_anew);
	tcase_add_test(t, without_randomness_no_probe_goes_out);
	tcase_add_test(t, a_search_that_lacks_randomness_goes_on_where_it_stood);
	tcase_add_test(t, the_config_says_how_far_or_not_at_all);
	suite_add_tcase(s, t);
	return s;
}
