/* SPDX-License-Identifier: MIT */
/* ice: restart: what goes on meanwhile, what is told anew, what is refused, and the way back. */
#include "ice_hand.h"

static void restart(Net *n, size_t i)
{
	End *e = &n->end[i];
	e->gathered = false;
	e->candidate_count = 0;
	ck_assert_int_eq(tulle_ice_restart(e->ice, n->now), TULLE_OK);
	guard_end(e);
	end_events(e);
	ck_assert(e->gathered);
	ck_assert_uint_eq(e->candidate_count, e->path_count);
}

static void exchange(Net *n)
{
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
}

static tulle_text ufrag_of(const Net *n, size_t i)
{
	tulle_text ufrag, pwd;
	tulle_ice_credentials(n->end[i].ice, &ufrag, &pwd);
	return ufrag;
}

/* The number of each end's checks. */
typedef struct {
	uint64_t number[2];
	size_t checks[2];
} Ties;

static bool note_tie_breaker(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	Ties *t = user;
	tulle_stun_message m;
	ck_assert_int_eq(tulle_stun_read(data, d->len, &m), TULLE_TAKEN);
	if (m.kind != TULLE_STUN_REQUEST)
		return true;
	tulle_stun_attribute role =
		from == 0 ? TULLE_STUN_A_ICE_CONTROLLING : TULLE_STUN_A_ICE_CONTROLLED;
	ck_assert(tulle_stun_has(&m, role));
	if (t->checks[from]++ == 0)
		t->number[from] = tulle_stun_u64(&m, role);
	ck_assert(tulle_stun_u64(&m, role) == t->number[from]);
	return true;
}

/* ICE-025, ICE-078, ICE-079, ICE-103 RFC8445:9: data has a path all the time */
START_TEST(a_restart_makes_before_it_breaks)
{
	for (int lossy = 0; lossy < 8; lossy++) {
		Net n;
		Ties ties = {0};
		tulle_text ufrag, pwd, new_ufrag, new_pwd;
		connect_net(&n);
		n.watch = note_tie_breaker;
		n.user = &ties;
		n.delay = 20000;
		n.loss_percent = lossy != 0 ? 20 : 0;
		n.seed += (uint64_t)lossy * 7919;
		run(&n, 10000000);
		ck_assert(is_open(&n));
		size_t selected = n.end[0].selected_count;
		tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
		char was[64];
		memcpy(was, ufrag.ptr, ufrag.len);
		memcpy(was + ufrag.len, pwd.ptr, pwd.len);
		restart(&n, 0);
		restart(&n, 1);
		tulle_ice_credentials(n.end[0].ice, &new_ufrag, &new_pwd);
		ck_assert(memcmp(was, new_ufrag.ptr, ufrag.len) != 0);
		ck_assert(memcmp(was + ufrag.len, new_pwd.ptr, pwd.len) != 0);
		/* the answer takes a while, the new pairs too */
		tulle_time end = n.now + 5000000;
		while (n.now < end) {
			run(&n, n.now + 500000);
			ck_assert(is_open(&n));
			ck_assert(lossy != 0 || state_of(&n, 0) == TULLE_ICE_COMPLETED);
		}
		ck_assert(ties.checks[0] > 0 && ties.checks[1] > 0);
		exchange(&n);
		ck_assert(lossy != 0 || state_of(&n, 0) == TULLE_ICE_CONNECTED);
		end = n.now + 20000000;
		while (n.now < end) {
			run(&n, n.now + 5000);
			ck_assert(is_open(&n));
		}
		ck_assert_uint_gt(n.end[0].selected_count, selected);
		ck_assert(n.end[0].selected.u.selected.nominated);
		for (size_t i = 0; i < 2 && lossy == 0; i++)
			ck_assert_int_eq(state_of(&n, i), TULLE_ICE_COMPLETED);
		ck_assert(ties.number[0] >> 32 != ties.number[1] >> 32);
		ck_assert((uint32_t)ties.number[0] != (uint32_t)ties.number[1]);
		ck_assert(tulle_ice_is_controlling(n.end[0].ice));
		ck_assert(!tulle_ice_is_controlling(n.end[1].ice));
		net_wipe(&n);
	}
}
END_TEST

/* false for checks of the generation that user names */
static bool without_ufrags(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	const char(*barred)[8] = user;
	tulle_text ufrag;
	return !tulle_ice_read_ufrag(data, d->len, &ufrag) ||
	       memcmp(ufrag.ptr, barred[1 - from], 8) != 0;
}

/* ICE-103 RFC7675:5.1: the new generation gets nowhere, the former pair goes on for as long as it
 * has consent, and no longer */
START_TEST(a_restart_that_fails_leaves_what_works)
{
	Net n;
	char barred[2][8];
	tulle_path before, after;
	connect_net(&n);
	run(&n, 1000000);
	ck_assert(tulle_ice_path(n.end[0].ice, &before));
	restart(&n, 0);
	restart(&n, 1);
	for (size_t i = 0; i < 2; i++)
		memcpy(barred[i], ufrag_of(&n, i).ptr, 8);
	n.watch = without_ufrags;
	n.user = barred;
	exchange(&n);
	run(&n, 200 * 1000000);
	ck_assert(is_open(&n) && tulle_ice_path(n.end[0].ice, &after));
	ck_assert(memcmp(&before, &after, sizeof before) == 0);
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &after));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_CONNECTED);
	n.cut = true;
	run(&n, 215 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_CHECKING); /* silent */
	run(&n, 240 * 1000000);
	ck_assert(!tulle_ice_path(n.end[0].ice, &after));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_FAILED);
	net_wipe(&n);
}
END_TEST

/* ICE-080, ICE-082, ICE-094 RFC8838:15: the former names count until the new pair is selected */
START_TEST(former_credentials_are_answered_while_they_carry_data)
{
	Net n;
	tulle_text ufrag, pwd;
	char name[40], old_pwd[40];
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	connect_net(&n);
	run(&n, 1000000);
	tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
	snprintf(name, sizeof name, "%.*s:them", (int)ufrag.len, ufrag.ptr);
	snprintf(old_pwd, sizeof old_pwd, "%.*s", (int)pwd.len, pwd.ptr);
	const Check old = {.username = name, .pwd = old_pwd, .role = 2};
	tulle_text old_ufrag = {name, ufrag.len};
	restart(&n, 0);
	restart(&n, 1);
	ck_assert(tulle_ice_owns(n.end[0].ice, old_ufrag));
	ck_assert(tulle_ice_owns(n.end[0].ice, ufrag_of(&n, 0)));
	n.cut = true;
	exchange(&n);
	ck_assert(tulle_ice_owns(n.end[0].ice, old_ufrag));
	drain(&n, 0);
	size_t sent = n.end[0].sent;
	ck_assert_int_eq(send_check_from(&n, &old, "127.0.0.1", 5002), TULLE_TAKEN);
	tulle_stun_message m;
	tulle_datagram d;
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0); /* the answer, and nothing else */
	ck_assert_int_eq(m.kind, TULLE_STUN_SUCCESS);
	ck_assert(tulle_stun_is_authentic(
		&m, (tulle_bytes){(const uint8_t *)old_pwd, strlen(old_pwd)}));
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, sent);
	/* candidates of the former generation are late */
	char line[96];
	snprintf(
		line, sizeof line, "candidate:1 1 udp 77 127.0.0.1 9 typ host ufrag %.*s", 8, name);
	ck_assert_int_eq(tulle_ice_add_remote(n.end[1].ice, n.now, tulle_text_of(line)),
		TULLE_DROP_ICE_GENERATION);
	n.cut = false;
	run(&n, n.now + 1000000);
	ck_assert(n.end[0].selected.u.selected.nominated);
	ck_assert(!tulle_ice_owns(n.end[0].ice, old_ufrag));
	ck_assert_int_eq(send_check_from(&n, &old, "127.0.0.1", 5002), TULLE_DROP_STUN_USERNAME);
	net_wipe(&n);
}
END_TEST

/* W3C: a restart that is rolled back leaves no trace */
START_TEST(a_rollback_gives_the_former_credentials_back)
{
	Net n;
	tulle_text ufrag, pwd, now;
	char was[32];
	connect_net(&n);
	run(&n, 1000000);
	tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
	memcpy(was, ufrag.ptr, ufrag.len);
	n.end[0].late_paths = true;
	end_path(&n, &n.end[0], "127.0.0.4", 5004); /* untold yet */
	ck_assert_int_eq(tulle_ice_restart(n.end[0].ice, n.now), TULLE_OK);
	tulle_text next = ufrag_of(&n, 0);
	ck_assert(memcmp(next.ptr, was, next.len) != 0);
	end_path(&n, &n.end[0], "127.0.0.3", 5003); /* told with the name that is no more */
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 2}, "127.0.0.1", 6001), TULLE_TAKEN);
	ck_assert(tulle_ice_is_validated(n.end[0].ice,
		&(tulle_path){.id = n.end[0].ids[0], .remote = addr_of("127.0.0.1", 6001)}));
	n.end[0].candidate_count = 0;
	end_events(&n.end[0]);
	tulle_ice_rollback(n.end[0].ice, n.now);
	guard_end(&n.end[0]);
	tulle_ice_credentials(n.end[0].ice, &now, &pwd);
	ck_assert(now.len == ufrag.len && memcmp(now.ptr, was, now.len) == 0);
	n.end[0].candidate_count = 0;
	size_t sent = n.end[0].sent;
	drain(&n, 0);                                   /* not even the answer to the new name */
	ck_assert_uint_eq(n.end[0].candidate_count, 0); /* ICE-089: their end was told */
	ck_assert(tulle_ice_wants_restart(n.end[0].ice));
	ck_assert_uint_eq(n.end[0].sent, sent);
	ck_assert(!tulle_ice_is_validated(n.end[0].ice,
		&(tulle_path){.id = n.end[0].ids[0], .remote = addr_of("127.0.0.1", 6001)}));
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("other"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_ERR_STATE);
	run(&n, 60 * 1000000);
	ck_assert(is_open(&n));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	net_wipe(&n);
}
END_TEST

/* ICE-089 RFC8838:13: what comes behind the end of candidates is told by a restart */
START_TEST(a_late_path_waits_for_a_restart)
{
	Net n;
	connect_net(&n);
	run(&n, 1000000);
	ck_assert(!tulle_ice_wants_restart(n.end[0].ice));
	n.end[0].late_paths = true;
	n.end[0].candidate_count = 0;
	end_path(&n, &n.end[0], "127.0.0.4", 5004);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].candidate_count, 0);
	ck_assert(tulle_ice_wants_restart(n.end[0].ice));
	n.end[0].gathered = false;
	ck_assert_int_eq(tulle_ice_restart(n.end[0].ice, n.now), TULLE_OK);
	ck_assert(!tulle_ice_wants_restart(n.end[0].ice));
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].candidate_count, 2);
	ck_assert(n.end[0].gathered);
	end_path(&n, &n.end[0], "127.0.0.5", 5005); /* behind the end of the new ones */
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].candidate_count, 2);
	ck_assert(tulle_ice_wants_restart(n.end[0].ice));
	net_wipe(&n);
}
END_TEST

/* ICE-059, ICE-081, ICE-082, ICE-093: what comes before the answer is kept for its generation */
START_TEST(what_the_next_generation_sends_early_is_kept)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	alone(&n, &controlled);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_int_eq(add(&n, "127.0.0.1", 100 + i, ""), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 1, " ufrag nextnext"), TULLE_DROP_ICE_GENERATION);
	restart(&n, 0);
	/* RFC8839:4.4.2: with the same it is no restart; with one of the two it is an error */
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("them"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("nextnext"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(add(&n, "127.0.0.1", 100, " ufrag nextnext"), TULLE_TAKEN);
	guard_end(&n.end[0]);
	ck_assert_int_eq(add(&n, "127.0.0.1", 100, " ufrag nextnext"), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 5002, " ufrag other"), TULLE_TAKEN);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .nominate = true, .id = 3},
				 "127.0.0.1", 6001),
		TULLE_TAKEN);
	tulle_text ufrag, pwd;
	char name_of_ours[8];
	tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
	memcpy(name_of_ours, ufrag.ptr, sizeof name_of_ours);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	ck_assert(m.kind == TULLE_STUN_SUCCESS && d.path.remote.port == 6001);
	ck_assert(tulle_stun_is_authentic(&m, (tulle_bytes){(const uint8_t *)pwd.ptr, pwd.len}));
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("nextnext"),
				 TULLE_TEXT("anotherpasswordanotherpassword"), false),
		TULLE_OK);
	guard_end(&n.end[0]);
	unsigned known = 0, learnt = 0;
	while (next_out(&n, buf, &m, &d) != 0) {
		tulle_bytes name = m.value[TULLE_STUN_A_USERNAME];
		ck_assert(name.len > 9 && memcmp(name.ptr, "nextnext:", 9) == 0);
		ck_assert(memcmp(name.ptr + 9, name_of_ours, 8) == 0);
		known += d.path.remote.port == 100;
		learnt += d.path.remote.port == 6001;
	}
	ck_assert(known == 1 && learnt == 1);
	net_wipe(&n);
}
END_TEST

/* W3C: FAILED may be left by a restart alone; RFC7675:5.1: with other credentials */
START_TEST(a_restart_leads_out_of_failure)
{
	Net n;
	connect_net(&n);
	run(&n, 1000000);
	n.cut = true;
	run(&n, 60 * 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	n.cut = false;
	restart(&n, 0);
	restart(&n, 1);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	/* the answerer checks before its answer is here; it is answered and no more */
	tell_remote(&n, 1);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_CHECKING);
	tell_candidates(&n, 1, true);
	run(&n, n.now + 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	tell_remote(&n, 0);
	tell_candidates(&n, 0, true);
	run(&n, n.now + 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
	net_wipe(&n);
}
END_TEST

/* Restarts one behind the other, and the path of the former pair lost in the middle of one. */
START_TEST(restarts_may_overtake_each_other)
{
	for (int i = 0; i < 3; i++) {
		Net n;
		net_init(&n, &controlling, &controlled);
		end_path(&n, &n.end[0], "127.0.0.1", 5001);
		end_path(&n, &n.end[0], "127.0.0.3", 5003);
		end_path(&n, &n.end[1], "127.0.0.1", 5002);
		gather(&n);
		exchange(&n);
		n.delay = 5000;
		run(&n, 1000000);
		for (int k = 0; k < 3; k++) {
			tulle_path p;
			restart(&n, 0);
			restart(&n, 1);
			if (k == 1)
				restart(&n, 0); /* drawn again before the answer */
			exchange(&n);
			if (k == 0 && i == 1) {
				ck_assert(tulle_ice_path(n.end[0].ice, &p));
				tulle_ice_remove_path(n.end[0].ice, n.now, p.id);
				guard_end(&n.end[0]);
				ck_assert(!tulle_ice_path(n.end[0].ice, &p));
				ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_DISCONNECTED);
				n.end[0].path_count = 1;
				n.end[0].ids[0] = p.id == 100 ? 101 : 100;
				if (p.id == 100)
					n.end[0].addrs[0] = n.end[0].addrs[1];
			}
			if (i != 2)
				run(&n, n.now + 12000);
			ck_assert(is_open(&n) || i == 1);
		}
		run(&n, n.now + 10000000);
		ck_assert(is_open(&n));
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		net_wipe(&n);
	}
}
END_TEST

/* RFC8445:12.2: what was on its way when the new pair was selected is still taken, for a while */
START_TEST(the_former_path_is_left_slowly)
{
	Net n;
	tulle_path old, now;
	net_init(&n, &controlling, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	end_path(&n, &n.end[1], "127.0.0.1", 5002);
	gather(&n);
	exchange(&n);
	run(&n, 1000000);
	ck_assert(tulle_ice_path(n.end[0].ice, &old));
	restart(&n, 0);
	restart(&n, 1);
	for (size_t i = 0; i < 2; i++)
		tell_remote(&n, i);
	/* the remote has another address now */
	n.end[1].addrs[0].port = 5009;
	n.end[1].nat = n.end[1].addrs[0];
	ck_assert_int_eq(add(&n, "127.0.0.1", 5009, ""), TULLE_TAKEN);
	run(&n, n.now + 500000);
	ck_assert(tulle_ice_path(n.end[0].ice, &now) && now.remote.port == 5009);
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &old));
	run(&n, n.now + 3000000);
	ck_assert(!tulle_ice_is_validated(n.end[0].ice, &old));
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &now));
	net_wipe(&n);
}
END_TEST

/* An answer that waits while its name is drawn again and again is not sent. */
START_TEST(answers_of_names_that_are_no_more_are_not_sent)
{
	Net n;
	alone(&n, &controlled);
	restart(&n, 0);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	for (int i = 0; i < 3; i++)
		restart(&n, 0);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6002, " ufrag nextnext"), TULLE_TAKEN);
	tulle_ice_rollback(n.end[0].ice, 0);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 0);
	/* nor are candidates that came for it kept for another */
	restart(&n, 0);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, TULLE_TEXT("nextnext"),
				 TULLE_TEXT("anotherpasswordanotherpassword"), false),
		TULLE_OK);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 0);
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_restart(void)
{
	Suite *s = suite_create("ice_restart");
	TCase *t = tcase_create("ice_restart");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_restart_makes_before_it_breaks);
	tcase_add_test(t, a_restart_that_fails_leaves_what_works);
	tcase_add_test(t, former_credentials_are_answered_while_they_carry_data);
	tcase_add_test(t, a_rollback_gives_the_former_credentials_back);
	tcase_add_test(t, a_late_path_waits_for_a_restart);
	tcase_add_test(t, what_the_next_generation_sends_early_is_kept);
	tcase_add_test(t, a_restart_leads_out_of_failure);
	tcase_add_test(t, restarts_may_overtake_each_other);
	tcase_add_test(t, the_former_path_is_left_slowly);
	tcase_add_test(t, answers_of_names_that_are_no_more_are_not_sent);
	suite_add_tcase(s, t);
	return s;
}
