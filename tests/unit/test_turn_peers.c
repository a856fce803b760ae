/* SPDX-License-Identifier: MIT */
/* turn: permissions, channels, and data to and from peers. */
#include "turn_server.h"

static const tulle_turn_config plain = {0}, ipv6 = {.ipv6 = true}, both = {.both = true};

/* Wraps text for a peer; what is sent is out. */
static tulle_err wrap(
	Server *s, const tulle_addr *peer, uint8_t *buf, const char *text, tulle_bytes *out)
{
	memset(buf, 0xee, TULLE_TURN_HEADROOM);
	strcpy((char *)buf + TULLE_TURN_HEADROOM, text);
	tulle_err err = tulle_turn_wrap(
		s->turn, s->now, peer, buf + TULLE_TURN_HEADROOM, strlen(text), out);
	tulle_turn_check(s->turn);
	return err;
}

/* ICE-145, ICE-147: RFC8656:9: one for an IP address; each address has its own request */
START_TEST(a_permission_is_for_an_ip_address)
{
	const tulle_addr a = addr_of("192.0.2.50", 5000), b = addr_of("192.0.2.50", 5001),
			 c = addr_of("192.0.2.51", 5000);
	Server s;
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_OK);
	ck_assert_int_eq(peer_of(&s, &a), TULLE_TURN_PEER_ASKED);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &b), TULLE_OK);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_OK);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &c), TULLE_OK);
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert(s.asked[i].method == TULLE_STUN_CREATE_PERMISSION &&
			  s.asked[i].peers == 1 && s.asked[i].right);
	ck_assert(tulle_addr_is_ip(&s.asked[0].peer, &a) && tulle_addr_is_ip(&s.asked[1].peer, &c));
	ck_assert(s.asked[0].peer.port == 0 && s.asked[1].peer.port == 0);
	ck_assert_uint_eq(s.told_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(s.told[i].kind, TULLE_TURN_EVENT_PEER);
		ck_assert_int_eq(s.told[i].u.peer.state, TULLE_TURN_PEER_PERMITTED);
	}
	/* known already: nothing to tell */
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_OK);
	pump(&s);
	ck_assert_uint_eq(s.told_count, 3);
	/* who comes later hears of it too */
	const tulle_addr d = addr_of("192.0.2.50", 5002);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &d), TULLE_OK);
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 2);
	ck_assert(tulle_addr_is(&last_told(&s)->u.peer.addr, &d));
	server_wipe(&s);
}
END_TEST

/* ICE-145 RFC8656:9 */
START_TEST(permissions_are_refreshed_every_four_minutes)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
	size_t seen = 0;
	run_for(&s, 13 * MINUTE);
	for (size_t i = 0; i < s.asked_count; i++)
		if (s.asked[i].method == TULLE_STUN_CREATE_PERMISSION)
			ck_assert_int_eq(s.asked[i].at, (tulle_time)seen++ * 4 * MINUTE);
	ck_assert_uint_eq(seen, 4);
	ck_assert_uint_eq(s.told_count, 1);
	tulle_turn_forget(s.turn, s.now, &peer);
	s.asked_count = 0;
	run_for(&s, 10 * MINUTE);
	for (size_t i = 0; i < s.asked_count; i++)
		ck_assert_int_ne(s.asked[i].method, TULLE_STUN_CREATE_PERMISSION);
	server_wipe(&s);
}
END_TEST

/* A permission that is not renewed holds until its time is over, and is asked for all the while. */
START_TEST(a_permission_without_answers_runs_out)
{
	uint8_t buf[128];
	tulle_bytes out;
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
	pump(&s);
	s.mute = true;
	run_to(&s, 5 * MINUTE - 1);
	ck_assert_int_eq(wrap(&s, &peer, buf, "x", &out), TULLE_OK);
	run_for(&s, 1);
	ck_assert_int_eq(wrap(&s, &peer, buf, "x", &out), TULLE_WOULD_BLOCK);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_ASKED);
	run_for(&s, 40 * SECOND);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_REFUSED);
	ck_assert(last_told(&s)->u.peer.state == TULLE_TURN_PEER_REFUSED &&
		  last_told(&s)->u.peer.code == 0);
	ck_assert_int_eq(wrap(&s, &peer, buf, "x", &out), TULLE_ERR_GONE);
	/* forgotten, it may be asked for again */
	s.mute = false;
	tulle_turn_forget(s.turn, s.now, &peer);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
	pump(&s);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_PERMITTED);
	server_wipe(&s);
}
END_TEST

/* What holds still is not given up for a moment of the server's trouble (RFC8656:8, 9, 12: it has
 * its time), and it is asked now and then, not without a pause (RFC8489:6.3.4). */
START_TEST(a_server_in_trouble_takes_nothing_that_holds_still)
{
	static const struct {
		uint16_t method, code, times;
	} rows[] = {{TULLE_STUN_CREATE_PERMISSION, 500, 6}, {TULLE_STUN_CREATE_PERMISSION, 508, 2},
		{TULLE_STUN_REFRESH, 500, 6}, {TULLE_STUN_REFRESH, 508, 2}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const tulle_addr peer = addr_of("192.0.2.50", 5000);
		Server s;
		size_t asked = 0;
		server_ready(&s, &plain);
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
		run_for(&s, 3 * MINUTE);
		s.refuse_method = rows[i].method;
		s.refuse_code = rows[i].code;
		s.refuse_times = rows[i].times;
		s.asked_count = 0;
		for (tulle_time at = 0; at < 7 * MINUTE; at += 5 * SECOND) {
			run_for(&s, 5 * SECOND);
			ck_assert_int_eq(tulle_turn_get_state(s.turn), TULLE_TURN_READY);
			ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_PERMITTED);
		}
		for (size_t k = 0; k < s.asked_count; k++)
			asked += s.asked[k].method == rows[i].method;
		ck_assert_uint_le(asked, rows[i].times + 3u);
		ck_assert_uint_eq(s.refuse_times, 0);
		/* For ever is another thing. */
		s.refuse_method = rows[i].method;
		s.refuse_code = rows[i].code;
		s.asked_count = 0;
		run_for(&s, 11 * MINUTE);
		ck_assert_int_ne(peer_of(&s, &peer), TULLE_TURN_PEER_PERMITTED);
		ck_assert_uint_lt(s.asked_count, 80); /* 44 are keepalives */
		server_wipe(&s);
	}
}
END_TEST

/* ICE-146, ICE-138 RFC8656:10.2: the one peer, not the others and not the allocation */
START_TEST(a_forbidden_peer_is_refused_alone)
{
	static const uint16_t codes[] = {403, 443, 508, 486};
	const tulle_addr a = addr_of("192.0.2.50", 5000), b = addr_of("192.0.2.51", 5000);
	for (size_t i = 0; i < 4; i++) {
		Server s;
		uint8_t buf[128];
		tulle_bytes out;
		server_ready(&s, &plain);
		s.refuse_method = TULLE_STUN_CREATE_PERMISSION;
		s.refuse_code = codes[i];
		s.refuse_peer = a;
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_OK);
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &b), TULLE_OK);
		ck_assert_int_eq(wrap(&s, &a, buf, "x", &out), TULLE_WOULD_BLOCK);
		pump(&s);
		ck_assert_int_eq(peer_of(&s, &a), TULLE_TURN_PEER_REFUSED);
		ck_assert_int_eq(peer_of(&s, &b), TULLE_TURN_PEER_PERMITTED);
		ck_assert_int_eq(s.told[0].u.peer.state, TULLE_TURN_PEER_REFUSED);
		ck_assert_uint_eq(s.told[0].u.peer.code, codes[i]);
		ck_assert_int_eq(wrap(&s, &a, buf, "x", &out), TULLE_ERR_GONE);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		/* RFC8656:10.2: not asked again */
		s.asked_count = 0;
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_OK);
		run_for(&s, MINUTE);
		for (size_t j = 0; j < s.asked_count; j++)
			ck_assert_int_ne(s.asked[j].method, TULLE_STUN_CREATE_PERMISSION);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-160 */
START_TEST(addresses_that_no_relay_should_reach_are_never_asked_for)
{
	static const char *const bad[] = {"127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "::1", "::", "ff02::1", "::ffff:127.0.0.1"};
	Server s;
	server_ready(&s, &both);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const tulle_addr a = addr_of(bad[i], 5000);
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &a), TULLE_ERR_ARGUMENT);
		ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &a), TULLE_ERR_ARGUMENT);
	}
	const tulle_addr none = {.port = 5000}, portless = addr_of("192.0.2.50", 0);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &none), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &portless), TULLE_ERR_ARGUMENT);
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 0);
	server_wipe(&s);
	server_ready(&s, &plain);
	const tulle_addr six = addr_of("2001:db8::50", 5000);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &six), TULLE_ERR_ARGUMENT);
	server_wipe(&s);
}
END_TEST

/* ICE-154 RFC8656:11.1: what a Send indication is, byte by byte */
START_TEST(data_goes_in_an_indication_until_a_channel_is_bound)
{
	static const char *const texts[] = {"", "1", "12", "123", "1234", "hello"};
	const tulle_addr peers[] = {addr_of("192.0.2.50", 5000), addr_of("2001:db8::50", 5000)};
	for (size_t i = 0; i < 12; i++) {
		uint8_t buf[TULLE_TURN_HEADROOM + 16];
		const char *text = texts[i / 2];
		const tulle_addr *peer = &peers[i % 2];
		tulle_bytes out;
		tulle_stun_message m;
		tulle_addr to;
		Server s;
		server_ready(&s, i % 2 != 0 ? &ipv6 : &plain);
		ck_assert_int_eq(wrap(&s, peer, buf, text, &out), TULLE_ERR_GONE);
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, peer), TULLE_OK);
		ck_assert_int_eq(wrap(&s, peer, buf, text, &out), TULLE_WOULD_BLOCK);
		pump(&s);
		const size_t header = i % 2 != 0 ? 48 : 36;
		ck_assert_uint_eq(tulle_turn_overhead(s.turn, peer), header);
		memset(buf, 0xee, sizeof buf);
		ck_assert_int_eq(wrap(&s, peer, buf, text, &out), TULLE_OK);
		ck_assert_ptr_eq(out.ptr, buf + TULLE_TURN_HEADROOM - header);
		ck_assert_uint_eq(out.len, header + (strlen(text) + 3) / 4 * 4);
		ck_assert_int_eq(tulle_stun_read(out.ptr, out.len, &m), TULLE_TAKEN);
		ck_assert(m.method == TULLE_STUN_SEND && m.kind == TULLE_STUN_INDICATION);
		ck_assert(tulle_stun_address(&m, TULLE_STUN_A_XOR_PEER_ADDRESS, &to));
		ck_assert(tulle_addr_is(&to, peer));
		ck_assert_uint_eq(m.value[TULLE_STUN_A_DATA].len, strlen(text));
		ck_assert_mem_eq(m.value[TULLE_STUN_A_DATA].ptr, text, strlen(text));
		ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_DONT_FRAGMENT));
		server_wipe(&s);
	}
}
END_TEST

/* ICE-158, ICE-148 RFC8656:12.4 */
START_TEST(a_bound_channel_takes_four_bytes)
{
	uint8_t buf[128];
	tulle_bytes out;
	const tulle_addr peer = addr_of("192.0.2.50", 5000), port = addr_of("192.0.2.50", 5001);
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	const Asked *a = last_asked(&s);
	ck_assert(a->method == TULLE_STUN_CHANNEL_BIND && a->number == 0x4000 && a->right);
	ck_assert(tulle_addr_is(&a->peer, &peer));
	ck_assert_uint_eq(tulle_turn_overhead(s.turn, &peer), 4);
	ck_assert_int_eq(wrap(&s, &peer, buf, "hello", &out), TULLE_OK);
	ck_assert_uint_eq(out.len, 9);
	ck_assert_mem_eq(out.ptr, "\x40\x00\x00\x05hello", 9);
	/* the same address with another port has no channel, but the permission */
	ck_assert_int_eq(wrap(&s, &port, buf, "hello", &out), TULLE_OK);
	ck_assert_uint_eq(out.len, 36 + 8);
	server_wipe(&s);
}
END_TEST

START_TEST(data_that_is_too_large_is_refused)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	uint8_t *buf = calloc(1, 70000);
	tulle_bytes out;
	Server s;
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
	pump(&s);
	ck_assert_int_eq(
		tulle_turn_wrap(s.turn, s.now, &peer, buf + 48, 65001, &out), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_turn_wrap(s.turn, s.now, &peer, buf + 48, 65000, &out), TULLE_OK);
	ck_assert_uint_eq(out.len, 65036);
	tulle_stun_message m;
	ck_assert_int_eq(tulle_stun_read(out.ptr, out.len, &m), TULLE_TAKEN);
	free(buf);
	server_wipe(&s);
}
END_TEST

/* ICE-149 RFC8656:12: rebound before its ten minutes are over; one permits as well as the other */
START_TEST(channels_are_rebound_and_renew_the_permission)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	size_t binds = 0, permissions = 0;
	run_to(&s, 25 * MINUTE);
	for (size_t i = 0; i < s.asked_count; i++) {
		const Asked *a = &s.asked[i];
		if (a->method == TULLE_STUN_CHANNEL_BIND) {
			ck_assert_int_eq(a->at, (tulle_time)binds++ * 9 * MINUTE);
			ck_assert_uint_eq(a->number, 0x4000);
		}
		permissions += a->method == TULLE_STUN_CREATE_PERMISSION;
	}
	ck_assert_uint_eq(binds, 3);
	/* at 0, 4, 8, then 9 counts: 13, 17, then 18 counts: 22 */
	ck_assert_uint_eq(permissions, 6);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_BOUND);
	server_wipe(&s);

	/* a permission's request that never arrives is the channel's to make good */
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
	s.lose = 1;
	pump(&s);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_BOUND);
	run_for(&s, MINUTE);
	for (size_t i = 2; i < s.asked_count; i++)
		ck_assert_int_ne(s.asked[i].method, TULLE_STUN_CREATE_PERMISSION);
	server_wipe(&s);
}
END_TEST

/* RFC8656:12: a binding that is not renewed is not used past its end: indications again */
START_TEST(a_channel_that_is_not_rebound_gives_way_to_indications)
{
	uint8_t buf[128];
	tulle_bytes out;
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	s.refuse_method = TULLE_STUN_CHANNEL_BIND;
	s.refuse_code = 508;
	run_to(&s, 540 * SECOND - 1);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_BOUND);
	run_for(&s, 1);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_PERMITTED);
	ck_assert(last_told(&s)->u.peer.state == TULLE_TURN_PEER_PERMITTED &&
		  last_told(&s)->u.peer.code == 508);
	ck_assert_int_eq(wrap(&s, &peer, buf, "hello", &out), TULLE_OK);
	ck_assert_uint_eq(out.len, 44);
	server_wipe(&s);

	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	s.lifetime = 3600;
	run_to(&s, 539 * SECOND); /* the allocation's own refresh comes a second later */
	s.mute = true;
	run_to(&s, 600 * SECOND - 1);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_BOUND);
	server_wipe(&s);
}
END_TEST

/* ICE-148 RFC8656:12: not for another address within ten and five minutes of its last request */
START_TEST(a_channels_number_rests)
{
	const tulle_addr a = addr_of("192.0.2.50", 5000), b = addr_of("192.0.2.51", 5000);
	Server s;
	server_ready(&s, &(tulle_turn_config){.peers_max = 1});
	bind_peer(&s, &a);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &b), TULLE_ERR_LIMIT);
	tulle_turn_forget(s.turn, s.now, &a);
	tulle_turn_check(s.turn);
	ck_assert_int_eq(peer_of(&s, &a), TULLE_TURN_PEER_NONE);
	/* the slot rests with the number; its own address has both back at once */
	run_for(&s, MINUTE);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &b), TULLE_ERR_LIMIT);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &a), TULLE_OK);
	pump(&s);
	ck_assert_int_eq(peer_of(&s, &a), TULLE_TURN_PEER_BOUND);
	tulle_turn_forget(s.turn, s.now, &a);
	run_to(&s, 15 * MINUTE - 1);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &b), TULLE_ERR_LIMIT);
	run_for(&s, 1);
	bind_peer(&s, &b);
	ck_assert_uint_eq(last_asked(&s)->number, 0x4001);
	server_wipe(&s);
}
END_TEST

START_TEST(channel_numbers_differ_and_go_round)
{
	Server s;
	server_ready(&s, &(tulle_turn_config){.peers_max = 2});
	const tulle_addr first = addr_of("192.0.2.50", 5000);
	bind_peer(&s, &first);
	for (unsigned i = 0; i < 4100; i++) {
		const tulle_addr peer = {
			.family = 4, .ip = {192, 0, 2, 60}, .port = (uint16_t)(1000 + i)};
		s.asked_count = s.told_count = 0;
		bind_peer(&s, &peer);
		ck_assert_uint_eq(last_asked(&s)->number, 0x4000 + 1 + i % 4095);
		tulle_turn_forget(s.turn, s.now, &peer);
		/* only time frees the slot */
		for (unsigned n = 0; n < 16; n++) {
			s.asked_count = s.told_count = 0;
			run_for(&s, MINUTE);
		}
	}
	server_wipe(&s);
}
END_TEST

/* ICE-150, ICE-151 RFC8656:11.4, RFC8656:12.6 */
START_TEST(data_of_peers_is_given_out_and_strangers_is_not)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000), port = addr_of("192.0.2.50", 6000),
			 stranger = addr_of("192.0.2.66", 5000);
	Server s;
	server_ready(&s, &plain);
	give_indication(&s, &peer, "early", 5);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_PEER);
	bind_peer(&s, &peer);
	give_indication(&s, &peer, "hello", 5);
	ck_assert_int_eq(s.drop, TULLE_TAKEN);
	ck_assert(s.got_count == 1 && tulle_addr_is(&s.got.peer, &peer));
	ck_assert_uint_eq(s.got.data.len, 5);
	ck_assert_mem_eq(s.got_bytes, "hello", 5);
	give_indication(&s, &port, "", 0); /* RFC8656:11.4: none at all is data */
	ck_assert(s.got_count == 2 && tulle_addr_is(&s.got.peer, &port) && s.got.data.len == 0);
	give_channel(&s, 0x4000, "world", 5);
	ck_assert(s.got_count == 3 && tulle_addr_is(&s.got.peer, &peer) && s.got.data.len == 5);
	ck_assert_mem_eq(s.got_bytes, "world", 5);
	give_channel(&s, 0x4000, "", 0);
	ck_assert_uint_eq(s.got_count, 4);
	/* padding, which a datagram may have */
	give(&s, (const uint8_t *)"\x40\x00\x00\x01x\0\0\0", 8);
	ck_assert(s.got_count == 5 && s.got.data.len == 1);
	give_indication(&s, &stranger, "boo", 3);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_PEER);
	give_channel(&s, 0x4001, "boo", 3);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_CHANNEL);
	give_channel(&s, 0x4fff, "boo", 3);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_CHANNEL);
	give_channel(&s, 0x5000, "boo", 3);
	ck_assert_int_eq(s.drop, TULLE_DROP_UNKNOWN_PROTOCOL);
	ck_assert_uint_eq(s.got_count, 5);
	ck_assert_uint_eq(tulle_turn_drops(s.turn, TULLE_DROP_TURN_CHANNEL), 2);
	tulle_turn_forget(s.turn, s.now, &peer);
	give_channel(&s, 0x4000, "late", 4);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_CHANNEL);
	give_indication(&s, &peer, "late", 4);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_PEER);
	server_wipe(&s);
}
END_TEST

/* RFC8656:12: data on a channel may overtake the answer that binds it */
START_TEST(data_may_come_before_the_answer)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
	give_channel(&s, 0x4000, "x", 1); /* not before we have asked */
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_CHANNEL);
	s.mute = true;
	pump(&s);
	give_channel(&s, 0x4000, "x", 1);
	give_indication(&s, &peer, "x", 1);
	ck_assert_uint_eq(s.got_count, 2);
	server_wipe(&s);
}
END_TEST

/* RFC8656:12, RFC8656:12.6: a channel that was refused is not heard after its time, and one whose
 * permission was taken away not at all */
START_TEST(data_on_a_channel_needs_its_time_and_its_permission)
{
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_ready(&s, &plain);
	s.refuse_method = TULLE_STUN_CHANNEL_BIND;
	s.refuse_code = 403;
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
	run_to(&s, 600 * SECOND - 1);
	give_channel(&s, 0x4000, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_TAKEN);
	run_for(&s, 1);
	give_channel(&s, 0x4000, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_CHANNEL);
	server_wipe(&s);

	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	s.refuse_method = TULLE_STUN_CREATE_PERMISSION;
	s.refuse_code = 403;
	run_to(&s, 4 * MINUTE);
	ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_REFUSED);
	give_channel(&s, 0x4000, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_DROP_TURN_PEER);
	server_wipe(&s);
}
END_TEST

/* ICE-151, STUN-024, STUN-052, STUN-053 */
START_TEST(indications_that_lack_something_are_dropped)
{
	uint8_t buf[128];
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	static const uint8_t id[12] = {1};
	Server s;
	server_ready(&s, &plain);
	bind_peer(&s, &peer);
	give_indication(&s, NULL, "x", 1);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_ATTRIBUTE);
	give_indication(&s, &peer, NULL, 0);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_ATTRIBUTE);
	size_t n = make_indication(buf, sizeof buf, &peer, "x", 1);
	tulle_stun_writer w = {buf, n, sizeof buf, false};
	tulle_stun_write_bytes(&w, 0x7abc, "x", 1);
	give(&s, buf, tulle_stun_write_finish(&w));
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_UNKNOWN_REQUIRED);
	n = make_indication(buf, sizeof buf, &peer, "x", 1);
	w = (tulle_stun_writer){buf, n, sizeof buf, false};
	tulle_stun_write_fingerprint(&w);
	buf[w.len - 1] ^= 1;
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_FINGERPRINT);
	w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_SEND, TULLE_STUN_INDICATION, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_METHOD);
	w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	give(&s, buf, w.len);
	ck_assert_int_eq(s.drop, TULLE_DROP_STUN_METHOD);
	s.asked_count = 0;
	pump(&s);
	ck_assert_uint_eq(s.asked_count, 0);
	ck_assert_uint_eq(s.got_count, 0);
	server_wipe(&s);
}
END_TEST

/* ICE-153 RFC8656:11.6 */
START_TEST(an_icmp_is_told_and_is_no_data)
{
	uint8_t buf[128];
	const tulle_addr peer = addr_of("192.0.2.50", 5000), stranger = addr_of("192.0.2.66", 1);
	static const uint8_t icmp[] = {0xff, 0xff, 3, 4, 0, 0, 5, 0};
	for (int with_data = 0; with_data < 2; with_data++) {
		Server s;
		server_ready(&s, &plain);
		bind_peer(&s, &peer);
		s.told_count = 0;
		for (int i = 0; i < 2; i++) {
			size_t n = make_indication(buf, sizeof buf, i == 0 ? &stranger : &peer,
				with_data != 0 ? "x" : NULL, 1);
			tulle_stun_writer w = {buf, n, sizeof buf, false};
			tulle_stun_write_bytes(&w, 0x8004, icmp, sizeof icmp);
			give(&s, buf, tulle_stun_write_finish(&w));
			ck_assert_int_eq(s.drop, i == 0 ? TULLE_DROP_TURN_PEER : TULLE_TAKEN);
		}
		drain_events(&s);
		ck_assert_uint_eq(s.told_count, 1);
		const tulle_turn_event *e = last_told(&s);
		ck_assert(e->kind == TULLE_TURN_EVENT_ICMP && e->u.icmp.type == 3 &&
			  e->u.icmp.code == 4 && e->u.icmp.data == 1280 &&
			  tulle_addr_is(&e->u.icmp.peer, &peer));
		ck_assert_uint_eq(s.got_count, 0);
		server_wipe(&s);
	}
}
END_TEST

START_TEST(commands_need_an_allocation_and_room)
{
	uint8_t buf[128];
	tulle_bytes out;
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	Server s;
	server_init(&s, &plain);
	ck_assert_int_eq(tulle_turn_permit(s.turn, 0, &peer), TULLE_ERR_STATE);
	ck_assert_int_eq(tulle_turn_bind(s.turn, 0, &peer), TULLE_ERR_STATE);
	ck_assert_int_eq(wrap(&s, &peer, buf, "x", &out), TULLE_ERR_STATE);
	start(&s);
	for (uint16_t i = 0; i < 17; i++) {
		const tulle_addr p = {.family = 4, .ip = {192, 0, 2, (uint8_t)i}, .port = 5000};
		ck_assert_int_eq(
			tulle_turn_permit(s.turn, s.now, &p), i < 16 ? TULLE_OK : TULLE_ERR_LIMIT);
	}
	s.no_random = true;
	const tulle_addr p = {.family = 4, .ip = {192, 0, 2, 0}, .port = 5000};
	tulle_turn_forget(s.turn, s.now, &p);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &p), TULLE_ERR_SYSTEM);
	ck_assert_int_eq(peer_of(&s, &p), TULLE_TURN_PEER_NONE);
	tulle_turn_check(s.turn);
	s.no_random = false;
	pump(&s);
	const tulle_addr q = {.family = 4, .ip = {192, 0, 2, 1}, .port = 5000};
	s.no_random = true;
	ck_assert_int_eq(wrap(&s, &q, buf, "x", &out), TULLE_ERR_SYSTEM);
	ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &q), TULLE_ERR_SYSTEM);
	tulle_turn_check(s.turn);
	server_wipe(&s);
}
END_TEST

Suite *suite_turn_peers(void)
{
	Suite *s = suite_create("turn_peers");
	TCase *t = tcase_create("turn_peers");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_permission_is_for_an_ip_address);
	tcase_add_test(t, permissions_are_refreshed_every_four_minutes);
	tcase_add_test(t, a_permission_without_answers_runs_out);
	tcase_add_test(t, a_server_in_trouble_takes_nothing_that_holds_still);
	tcase_add_test(t, a_forbidden_peer_is_refused_alone);
	tcase_add_test(t, addresses_that_no_relay_should_reach_are_never_asked_for);
	tcase_add_test(t, data_goes_in_an_indication_until_a_channel_is_bound);
	tcase_add_test(t, a_bound_channel_takes_four_bytes);
	tcase_add_test(t, data_that_is_too_large_is_refused);
	tcase_add_test(t, channels_are_rebound_and_renew_the_permission);
	tcase_add_test(t, a_channel_that_is_not_rebound_gives_way_to_indications);
	tcase_add_test(t, a_channels_number_rests);
	tcase_add_test(t, channel_numbers_differ_and_go_round);
	tcase_add_test(t, data_of_peers_is_given_out_and_strangers_is_not);
	tcase_add_test(t, data_may_come_before_the_answer);
	tcase_add_test(t, data_on_a_channel_needs_its_time_and_its_permission);
	tcase_add_test(t, indications_that_lack_something_are_dropped);
	tcase_add_test(t, an_icmp_is_told_and_is_no_data);
	tcase_add_test(t, commands_need_an_allocation_and_room);
	suite_add_tcase(s, t);
	return s;
}
