/* SPDX-License-Identifier: MIT */
/* turn: an allocation: made, refreshed, deleted, refused by each code. */
#include "turn_server.h"

static const tulle_turn_config plain = {0}, ipv6 = {.ipv6 = true}, both = {.both = true};

/* ICE-133, STUN-087, STUN-088, STUN-012: RFC8656:7.1 */
START_TEST(an_allocation_takes_two_round_trips_and_no_timer)
{
	Server s;
	server_init(&s, &plain);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_NEW);
	ck_assert_int_eq(tulle_turn_poll_timeout(s.turn), TULLE_TIME_NEVER);
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	ck_assert_uint_eq(s.asked_count, 2);
	const Asked *a = s.asked, *b = s.asked + 1;
	ck_assert(a->method == TULLE_STUN_ALLOCATE && b->method == TULLE_STUN_ALLOCATE);
	ck_assert(!a->has_username && !a->has_userhash && a->realm_len == 0 && a->nonce_len == 0 &&
		  !a->integrity && !a->integrity256);
	ck_assert(b->has_username && !b->has_userhash && b->realm_len != 0 && b->nonce_len != 0 &&
		  b->integrity && !b->integrity256 && b->right);
	ck_assert(a->transport >> 24 == 17 && b->transport >> 24 == 17);
	ck_assert(a->family == 0 && a->more_family == 0 && !a->has_lifetime);
	ck_assert(memcmp(a->id, b->id, sizeof a->id) != 0);
	/* STUN-108: nothing that names us */
	ck_assert(!a->software && !b->software);
	ck_assert_uint_eq(s.told_count, 1);
	const tulle_turn_event *e = last_told(&s);
	ck_assert_int_eq(e->kind, TULLE_TURN_EVENT_READY);
	ck_assert(tulle_addr_is(&e->u.ready.relayed[0], &s.relayed[0]));
	ck_assert_uint_eq(e->u.ready.relayed[1].family, 0);
	ck_assert(tulle_addr_is(&e->u.ready.mapped, &s.mapped));
	ck_assert_int_eq(e->u.ready.lifetime_us, 600 * SECOND);
	tulle_addr r;
	ck_assert(tulle_turn_relayed(s.turn, 4, &r) && tulle_addr_is(&r, &s.relayed[0]));
	ck_assert(!tulle_turn_relayed(s.turn, 6, &r));
	server_wipe(&s);
}
END_TEST

START_TEST(a_server_may_ask_for_no_credentials)
{
	Server s;
	server_init(&s, &plain);
	s.open = true;
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	ck_assert_uint_eq(s.asked_count, 1);
	run_for(&s, 600 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	ck_assert(!last_asked(&s)->integrity);
	server_wipe(&s);
}
END_TEST

/* STUN-011, STUN-040, STUN-049, STUN-091: the same bytes again; a lost answer too */
START_TEST(lost_requests_are_sent_again_byte_for_byte)
{
	static const tulle_time at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	Server s;
	server_init(&s, &plain);
	s.mute = true;
	start(&s);
	run_for(&s, 39499 * 1000);
	ck_assert_uint_eq(s.asked_count, 7);
	for (size_t i = 0; i < 7; i++) {
		ck_assert_int_eq(s.asked[i].at, at_ms[i] * 1000);
		ck_assert_uint_eq(s.asked[i].len, s.asked[0].len);
		ck_assert_mem_eq(s.asked[i].raw, s.asked[0].raw, s.asked[0].len);
	}
	ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
	run_for(&s, 1000);
	check_failed(&s, TULLE_TURN_FAILURE_TIMEOUT, 0);
	/* STUN-013: the answer that comes then belongs to nothing */
	s.mute = false;
	server_answer(&s, &s.asked[0], true);
	ck_assert_int_eq(s.drop, TULLE_DROP_STATE);
	/* and it may be tried anew at once */
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

/* STUN-041 RFC8489:6.2.1 */
START_TEST(the_first_timeout_is_the_configs)
{
	Server s;
	server_init(&s, &(tulle_turn_config){.rto_us = 2 * SECOND});
	s.mute = true;
	start(&s);
	run_for(&s, 6 * SECOND);
	ck_assert_uint_eq(s.asked_count, 3);
	ck_assert(s.asked[1].at == 2 * SECOND && s.asked[2].at == 6 * SECOND);
	server_wipe(&s);
}
END_TEST

START_TEST(an_allocation_stands_in_spite_of_loss)
{
	for (unsigned lose = 1; lose <= 6; lose++) {
		Server s;
		server_init(&s, &plain);
		s.lose = lose;
		start(&s);
		run_for(&s, 40 * SECOND);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-142 RFC8656:8: a minute before the end, or at half of a short life */
START_TEST(an_allocation_is_refreshed_in_time)
{
	static const uint32_t lifetimes[] = {10, 60, 120, 600, 3600, 86400, UINT32_MAX};
	static const uint32_t at[] = {5, 30, 60, 540, 3540, 3540, 3540};
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		Server s;
		server_init(&s, &plain);
		s.lifetime = lifetimes[i];
		start(&s);
		s.asked_count = 0;
		for (unsigned n = 1; n <= 3; n++) {
			while (s.asked_count == 0 || last_asked(&s)->method != TULLE_STUN_REFRESH) {
				s.asked_count = 0;
				s.now = tulle_turn_poll_timeout(s.turn);
				pump(&s);
			}
			ck_assert_int_eq(s.now, n * at[i] * SECOND);
			ck_assert(last_asked(&s)->right && !last_asked(&s)->has_lifetime);
			s.asked_count = 0;
		}
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		server_wipe(&s);
	}
}
END_TEST

/* The server may have counted since the first send; what it answered was lost. */
START_TEST(a_lifetime_counts_from_the_first_send)
{
	Server s;
	server_init(&s, &plain);
	s.open = true;
	s.lose = 3;
	start(&s);
	run_to(&s, 3500 * 1000);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	ck_assert_uint_eq(s.asked_count, 4);
	run_to(&s, 540 * SECOND - 1);
	ck_assert_int_ne(last_asked(&s)->method, TULLE_STUN_REFRESH);
	run_for(&s, 1);
	ck_assert_int_eq(last_asked(&s)->method, TULLE_STUN_REFRESH);
	server_wipe(&s);
}
END_TEST

START_TEST(a_lifetime_of_the_config_is_asked_for)
{
	Server s;
	server_init(&s, &(tulle_turn_config){.lifetime_s = 1800});
	s.lifetime = 1800;
	start(&s);
	ck_assert_uint_eq(last_asked(&s)->lifetime, 1800);
	run_for(&s, 1740 * SECOND);
	ck_assert_int_eq(last_asked(&s)->method, TULLE_STUN_REFRESH);
	ck_assert_uint_eq(last_asked(&s)->lifetime, 1800);
	server_wipe(&s);
}
END_TEST

/* RFC8656:8: a server that is gone: the allocation lives until its time is over, not longer */
START_TEST(a_refresh_without_an_answer_is_asked_again_until_the_end)
{
	Server s;
	server_ready(&s, &plain);
	s.mute = true;
	run_for(&s, 599 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	run_for(&s, SECOND);
	check_failed(&s, TULLE_TURN_FAILURE_TIMEOUT, 0);
	server_wipe(&s);

	server_ready(&s, &plain);
	run_for(&s, 539 * SECOND);
	s.lose = 8; /* the whole first transaction and more */
	run_for(&s, 100 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	run_for(&s, 600 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

/* ICE-142, ICE-143 RFC8656:8.1, RFC8656:8.3 */
START_TEST(closing_deletes_the_allocation)
{
	for (unsigned code = 0; code < 3; code++) {
		Server s;
		server_ready(&s, &plain);
		if (code != 0) {
			s.refuse_method = TULLE_STUN_REFRESH;
			s.refuse_code = code == 1 ? 437 : 403;
		}
		tulle_turn_close(s.turn, s.now);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSING);
		pump(&s);
		ck_assert_uint_eq(s.asked_count, 1);
		ck_assert(last_asked(&s)->method == TULLE_STUN_REFRESH && last_asked(&s)->right);
		ck_assert(last_asked(&s)->has_lifetime && last_asked(&s)->lifetime == 0);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSED);
		ck_assert_uint_eq(s.told_count, 1);
		ck_assert_int_eq(last_told(&s)->kind, TULLE_TURN_EVENT_CLOSED);
		ck_assert_int_eq(tulle_turn_poll_timeout(s.turn), TULLE_TIME_NEVER);
		ck_assert_int_eq(tulle_turn_allocate(s.turn, s.now, &s.path), TULLE_ERR_STATE);
		tulle_turn_close(s.turn, s.now);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSED);
		server_wipe(&s);
	}
}
END_TEST

START_TEST(closing_ends_without_an_answer_and_from_any_state)
{
	Server s;
	server_init(&s, &plain);
	tulle_turn_close(s.turn, 0);
	pump(&s);
	ck_assert_int_eq(last_told(&s)->kind, TULLE_TURN_EVENT_CLOSED);
	server_wipe(&s);

	server_ready(&s, &plain);
	s.mute = true;
	tulle_turn_close(s.turn, s.now);
	run_for(&s, 40 * SECOND);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSED);
	ck_assert_uint_eq(s.asked_count, 7);
	server_wipe(&s);

	/* with an Allocate on its way that may have been granted */
	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 500;
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
	tulle_turn_close(s.turn, s.now);
	pump(&s);
	ck_assert_int_eq(last_asked(&s)->method, TULLE_STUN_REFRESH);
	ck_assert(last_asked(&s)->has_lifetime && last_asked(&s)->lifetime == 0);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_CLOSED);
	server_wipe(&s);
}
END_TEST

/* ICE-137, ICE-138, STUN-055: RFC8656:7.4, by name and with the time after which to come again */
START_TEST(each_refusal_of_an_allocation_has_its_name)
{
	static const struct {
		uint16_t code;
		tulle_turn_failure failure;
		const char *name;
		tulle_time wait;
	} rows[] = {
		{400, TULLE_TURN_FAILURE_BAD_REQUEST, "bad_request", TULLE_TIME_NEVER},
		{403, TULLE_TURN_FAILURE_FORBIDDEN, "forbidden", TULLE_TIME_NEVER},
		{420, TULLE_TURN_FAILURE_UNKNOWN_ATTRIBUTE, "unknown_attribute", TULLE_TIME_NEVER},
		{437, TULLE_TURN_FAILURE_MISMATCH, "mismatch", 0},
		{440, TULLE_TURN_FAILURE_FAMILY, "family", TULLE_TIME_NEVER},
		{441, TULLE_TURN_FAILURE_CREDENTIALS, "credentials", TULLE_TIME_NEVER},
		{442, TULLE_TURN_FAILURE_TRANSPORT, "transport", TULLE_TIME_NEVER},
		{486, TULLE_TURN_FAILURE_QUOTA, "quota", MINUTE},
		{499, TULLE_TURN_FAILURE_REFUSED, "refused", TULLE_TIME_NEVER},
		{508, TULLE_TURN_FAILURE_CAPACITY, "capacity", MINUTE},
		{699, TULLE_TURN_FAILURE_SERVER_ERROR, "server_error", MINUTE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Server s;
		server_init(&s, &plain);
		s.refuse_method = TULLE_STUN_ALLOCATE;
		s.refuse_code = rows[i].code;
		start(&s);
		run_for(&s, 30 * SECOND);
		check_failed(&s, rows[i].failure, rows[i].code);
		ck_assert_str_eq(tulle_turn_failure_name(rows[i].failure), rows[i].name);
		const tulle_time at = last_told(&s)->u.failed.retry_at;
		s.refuse_code = 0;
		if (rows[i].wait == TULLE_TIME_NEVER) {
			ck_assert_int_eq(at, TULLE_TIME_NEVER);
			s.now += 3600 * SECOND;
			ck_assert_int_eq(
				tulle_turn_allocate(s.turn, s.now, &s.path), TULLE_ERR_STATE);
		} else {
			if (rows[i].wait != 0)
				ck_assert_int_eq(tulle_turn_allocate(s.turn, at - 1, &s.path),
					TULLE_ERR_STATE);
			s.now = at > s.now ? at : s.now;
			start(&s);
			ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		}
		server_wipe(&s);
	}
	ck_assert_str_eq(tulle_turn_failure_name(TULLE_TURN_FAILURE_NONE), "none");
	ck_assert_str_eq(tulle_turn_failure_name((tulle_turn_failure)99), "unknown");
}
END_TEST

/* ICE-136 RFC8656:7.4: three local addresses, then two minutes of rest */
START_TEST(a_mismatch_is_tried_from_three_addresses)
{
	Server s;
	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 437;
	for (unsigned i = 0; i < 3; i++) {
		s.path.id = 3 + i;
		s.asked_count = 0;
		start(&s);
		/* STUN-101: a nonce is bound to the address that it was given to */
		ck_assert(s.asked[0].nonce_len == 0 && s.asked[1].right);
		check_failed(&s, TULLE_TURN_FAILURE_MISMATCH, 437);
		ck_assert_int_eq(last_told(&s)->u.failed.retry_at, i < 2 ? 0 : 2 * MINUTE);
	}
	ck_assert_int_eq(tulle_turn_allocate(s.turn, 2 * MINUTE - 1, &s.path), TULLE_ERR_STATE);
	s.now = 2 * MINUTE;
	s.refuse_code = 0;
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	server_wipe(&s);
}
END_TEST

/* STUN-056 RFC8489:6.3.4 */
START_TEST(a_server_error_is_asked_again_four_times)
{
	for (uint16_t times = 1; times <= 5; times++) {
		Server s;
		server_init(&s, &plain);
		s.refuse_method = TULLE_STUN_ALLOCATE;
		s.refuse_code = 500;
		s.refuse_times = times;
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_ALLOCATING);
		run_for(&s, 499 * 1000);
		ck_assert_uint_eq(s.asked_count, 2);
		run_for(&s, 10 * SECOND);
		if (times <= 4) {
			ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
			ck_assert_uint_eq(s.asked_count, 2u + times);
		} else {
			check_failed(&s, TULLE_TURN_FAILURE_SERVER_ERROR, 500);
			ck_assert_uint_eq(s.asked_count, 6);
		}
		server_wipe(&s);
	}
}
END_TEST

/* RFC8656:5: 437, 441 and 401 end an allocation that stood, whichever request brings them */
START_TEST(a_lost_allocation_is_noticed)
{
	static const struct {
		uint16_t method, code;
		tulle_turn_failure failure;
	} rows[] = {
		{TULLE_STUN_REFRESH, 437, TULLE_TURN_FAILURE_MISMATCH},
		{TULLE_STUN_REFRESH, 441, TULLE_TURN_FAILURE_CREDENTIALS},
		{TULLE_STUN_REFRESH, 403, TULLE_TURN_FAILURE_FORBIDDEN},
		{TULLE_STUN_REFRESH, 300, TULLE_TURN_FAILURE_ALTERNATE},
		{TULLE_STUN_CREATE_PERMISSION, 437, TULLE_TURN_FAILURE_MISMATCH},
		{TULLE_STUN_CREATE_PERMISSION, 441, TULLE_TURN_FAILURE_CREDENTIALS},
		{TULLE_STUN_CHANNEL_BIND, 437, TULLE_TURN_FAILURE_MISMATCH},
		/* RFC8656:12.3: out of step; that allocation is deleted */
		{TULLE_STUN_CHANNEL_BIND, 400, TULLE_TURN_FAILURE_OUT_OF_SYNC},
	};
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Server s;
		server_ready(&s, &plain);
		s.refuse_method = rows[i].method;
		s.refuse_code = rows[i].code;
		ck_assert_int_eq(tulle_turn_bind(s.turn, s.now, &peer), TULLE_OK);
		run_for(&s, 560 * SECOND);
		check_failed(&s, rows[i].failure, rows[i].code);
		ck_assert_int_eq(peer_of(&s, &peer), TULLE_TURN_PEER_NONE);
		bool deleted = last_asked(&s)->method == TULLE_STUN_REFRESH &&
			       last_asked(&s)->has_lifetime && last_asked(&s)->lifetime == 0;
		ck_assert(deleted == (rows[i].code == 400));
		ck_assert_int_eq(tulle_turn_poll_timeout(s.turn), TULLE_TIME_NEVER);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-139, ICE-140 RFC8656:7.1 */
START_TEST(families_are_asked_for_as_configured)
{
	Server s;
	tulle_addr r;
	server_ready(&s, &ipv6);
	ck_assert(!tulle_turn_relayed(s.turn, 4, &r));
	ck_assert(tulle_turn_relayed(s.turn, 6, &r) && tulle_addr_is(&r, &s.relayed[1]));
	server_wipe(&s);

	server_init(&s, &both);
	start(&s);
	for (size_t i = 0; i < 2; i++)
		ck_assert(s.asked[i].more_family >> 24 == 2 && s.asked[i].family == 0);
	ck_assert(tulle_turn_relayed(s.turn, 4, &r) && tulle_addr_is(&r, &s.relayed[0]));
	ck_assert(tulle_turn_relayed(s.turn, 6, &r) && tulle_addr_is(&r, &s.relayed[1]));
	ck_assert_uint_eq(last_told(&s)->u.ready.missing, 0);
	server_wipe(&s);

	server_init(&s, &ipv6);
	start(&s);
	for (size_t i = 0; i < 2; i++)
		ck_assert(s.asked[i].family >> 24 == 2 && s.asked[i].more_family == 0);
	server_wipe(&s);
	ck_assert_uint_eq(tulle_turn_memory_bytes(&(tulle_turn_config){.username = TULLE_TEXT("u"),
				  .password = TULLE_TEXT("p"),
				  .random = {server_random, &s},
				  .ipv6 = true,
				  .both = true}),
		0);
}
END_TEST

/* ICE-139 RFC8656:18.12: one of two is better than none, and why is told */
START_TEST(a_missing_family_is_told)
{
	static const uint16_t codes[] = {440, 508};
	for (size_t i = 0; i < 2; i++) {
		Server s;
		tulle_addr r;
		server_init(&s, &both);
		s.relayed[1].family = 0;
		s.missing = codes[i];
		start(&s);
		ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
		ck_assert_uint_eq(last_told(&s)->u.ready.missing, codes[i]);
		ck_assert(!tulle_turn_relayed(s.turn, 6, &r));
		const tulle_addr six = addr_of("2001:db8::50", 5000);
		ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &six), TULLE_ERR_ARGUMENT);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-134, ICE-135 RFC8656:7.3: what is not usable is deleted, and not asked for again */
START_TEST(a_success_that_lacks_something_is_deleted)
{
	for (int what = 0; what < 9; what++) {
		Server s;
		server_init(&s, what == 8 ? &ipv6 : &plain);
		s.no_relayed = what == 0;
		s.no_mapped = what == 1;
		s.no_lifetime = what == 2;
		s.lifetime = what == 3 ? 9 : 600;
		if (what == 4)
			s.relayed[0].port = 0;
		if (what == 5)
			s.relayed[0] = addr_of("0.0.0.0", 5000);
		if (what == 6)
			s.mapped = addr_of("224.0.0.1", 5000);
		if (what == 7)
			s.relayed[0] = s.relayed[1];
		if (what == 8)
			s.relayed[1] = s.relayed[0];
		start(&s);
		check_failed(
			&s, what < 7 ? TULLE_TURN_FAILURE_ANSWER : TULLE_TURN_FAILURE_FAMILY, 0);
		ck_assert_int_eq(last_told(&s)->u.failed.retry_at, TULLE_TIME_NEVER);
		ck_assert_uint_eq(s.asked_count, 3);
		ck_assert(last_asked(&s)->method == TULLE_STUN_REFRESH && last_asked(&s)->right);
		ck_assert(last_asked(&s)->has_lifetime && last_asked(&s)->lifetime == 0);
		run_for(&s, 3600 * SECOND);
		ck_assert_uint_eq(s.asked_count, 3);
		server_wipe(&s);
	}
}
END_TEST

/* ICE-014 RFC8445:11: NATs forget; data is a keepalive too */
START_TEST(silence_is_broken_every_15_seconds)
{
	uint8_t buf[TULLE_TURN_HEADROOM + 8 + TULLE_TURN_TAILROOM];
	const tulle_addr peer = addr_of("192.0.2.50", 5000);
	tulle_bytes out;
	Server s;
	server_ready(&s, &plain);
	run_for(&s, 15 * SECOND - 1);
	ck_assert_uint_eq(s.asked_count, 0);
	run_for(&s, 1);
	ck_assert_uint_eq(s.asked_count, 1);
	ck_assert(last_asked(&s)->method == TULLE_STUN_BINDING &&
		  last_asked(&s)->kind == TULLE_STUN_INDICATION);
	ck_assert_int_eq(tulle_turn_permit(s.turn, s.now, &peer), TULLE_OK);
	run_for(&s, 10 * SECOND);
	s.asked_count = 0;
	ck_assert_int_eq(tulle_turn_wrap(s.turn, s.now, &peer, buf + TULLE_TURN_HEADROOM, 8, &out),
		TULLE_OK);
	run_for(&s, 15 * SECOND - 1);
	ck_assert_uint_eq(s.asked_count, 0);
	run_for(&s, 1);
	ck_assert_uint_eq(s.asked_count, 1);
	server_wipe(&s);
}
END_TEST

/* STUN-054, STUN-109, STUN-111, ICE-141 RFC8489:10 */
START_TEST(a_redirection_is_followed_with_the_same_credentials)
{
	static const uint8_t sha256[] = {0, 2, 0, 0};
	Server s;
	server_init(&s, &plain);
	s.refuse_method = TULLE_STUN_ALLOCATE;
	s.refuse_code = 300;
	s.refuse_times = 1;
	s.algorithms = sha256;
	s.algorithms_len = sizeof sha256;
	strcpy(s.nonce, "obMatJos2gAAA1");              /* with the bit of algorithms */
	s.alternate[0] = addr_of("2001:db8::99", 3478); /* another family: passed over */
	s.alternate[1] = addr_of("198.51.100.2", 3479);
	s.domain = "turn.example.net";
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_REDIRECTED);
	const tulle_turn_event *e = last_told(&s);
	ck_assert_int_eq(e->kind, TULLE_TURN_EVENT_ALTERNATE);
	ck_assert(tulle_addr_is(&e->u.alternate.server, &s.alternate[1]));
	ck_assert(tulle_text_is(e->u.alternate.domain, tulle_text_of(s.domain)));
	ck_assert_int_eq(tulle_turn_poll_timeout(s.turn), TULLE_TIME_NEVER);
	/* elsewhere than there is a mistake */
	ck_assert_int_eq(tulle_turn_allocate(s.turn, s.now, &s.path), TULLE_ERR_ARGUMENT);
	s.path.remote = s.alternate[1];
	s.asked_count = 0;
	strcpy(s.nonce, "n2");
	s.realm = "example.net";
	s.algorithms = NULL; /* it need not know what the first one knew */
	start(&s);
	ck_assert_int_eq(state_of(&s), TULLE_TURN_READY);
	/* the other server is asked without credentials at first: RFC8489:9.2.3.1 */
	ck_assert_uint_eq(s.asked_count, 2);
	ck_assert(!s.asked[0].integrity && s.asked[1].right);
	server_wipe(&s);
}
END_TEST

Suite *suite_turn(void)
{
	Suite *s = suite_create("turn");
	TCase *t = tcase_create("turn");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_allocation_takes_two_round_trips_and_no_timer);
	tcase_add_test(t, a_server_may_ask_for_no_credentials);
	tcase_add_test(t, lost_requests_are_sent_again_byte_for_byte);
	tcase_add_test(t, the_first_timeout_is_the_configs);
	tcase_add_test(t, an_allocation_stands_in_spite_of_loss);
	tcase_add_test(t, an_allocation_is_refreshed_in_time);
	tcase_add_test(t, a_lifetime_counts_from_the_first_send);
	tcase_add_test(t, a_lifetime_of_the_config_is_asked_for);
	tcase_add_test(t, a_refresh_without_an_answer_is_asked_again_until_the_end);
	tcase_add_test(t, closing_deletes_the_allocation);
	tcase_add_test(t, closing_ends_without_an_answer_and_from_any_state);
	tcase_add_test(t, each_refusal_of_an_allocation_has_its_name);
	tcase_add_test(t, a_mismatch_is_tried_from_three_addresses);
	tcase_add_test(t, a_server_error_is_asked_again_four_times);
	tcase_add_test(t, a_lost_allocation_is_noticed);
	tcase_add_test(t, families_are_asked_for_as_configured);
	tcase_add_test(t, a_missing_family_is_told);
	tcase_add_test(t, a_success_that_lacks_something_is_deleted);
	tcase_add_test(t, silence_is_broken_every_15_seconds);
	tcase_add_test(t, a_redirection_is_followed_with_the_same_credentials);
	suite_add_tcase(s, t);
	return s;
}
