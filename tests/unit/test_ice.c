/* SPDX-License-Identifier: MIT */
/* ice: two agents in virtual time: how they connect, keep consent and end. */
#include "ice_net.h"

/* ICE-071, ICE-101: no timer stands between two near ends. */
START_TEST(two_near_agents_connect_without_waiting_for_any_timer)
{
	Net n;
	connect_net(&n);
	run(&n, 0);
	for (size_t i = 0; i < 2; i++) {
		tulle_path p;
		ck_assert_int_eq(state_of(&n, i), TULLE_ICE_COMPLETED);
		ck_assert(tulle_ice_path(n.end[i].ice, &p));
		ck_assert(p.id == n.end[i].ids[0] && p.remote.port == n.end[1 - i].addrs[0].port);
		ck_assert(tulle_ice_is_validated(n.end[i].ice, &p));
		ck_assert(n.end[i].selected.u.selected.nominated);
		ck_assert_uint_eq(n.end[i].selected.u.selected.mtu, 1500);
		ck_assert_uint_le(n.end[i].sent, 6);
	}
	ck_assert(tulle_ice_is_controlling(n.end[0].ice));
	ck_assert(!tulle_ice_is_controlling(n.end[1].ice));
	net_wipe(&n);
}
END_TEST

/* 45 seconds of a bad network, 15 of a good one. */
static void live_through_loss(Net *n, uint64_t seed, bool two_paths)
{
	net_init(n, &controlling, &controlled);
	for (size_t i = 0; i < 2; i++) {
		end_path(n, &n->end[i], "127.0.0.1", (uint16_t)(5001 + i));
		if (two_paths)
			end_path(n, &n->end[i], "127.0.0.3", (uint16_t)(5003 + i));
	}
	gather(n);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
	n->seed = seed * 7919;
	n->loss_percent = 15;
	n->double_percent = 10;
	n->delay = 10000;
	n->jitter = 30000;
	run(n, 45 * 1000000);
	n->loss_percent = 0;
	run(n, 60 * 1000000);
}

/* The path of the datagrams that end i sends, as the other end has it. */
static tulle_path mirrored(const Net *n, size_t i)
{
	const End *other = &n->end[1 - i];
	tulle_path p;
	ck_assert(tulle_ice_path(n->end[i].ice, &p));
	size_t k = 0;
	while (k < other->path_count && !tulle_addr_is(&p.remote, &other->addrs[k]))
		k++;
	ck_assert_uint_lt(k, other->path_count);
	return (tulle_path){.id = other->ids[k], .local = p.remote, .remote = p.local};
}

/* ICE-060, ICE-061: 40 seeds of one path an end and 300 of two: both ends come to the same pair,
 * which is nominated. Who left one that was silent hears of where the other is, and the higher one
 * wins. */
START_TEST(agents_connect_through_loss_reordering_and_doubles)
{
	for (uint64_t run = 1; run <= 340; run++) {
		Net n;
		tulle_path p;
		live_through_loss(&n, run > 40 ? run - 40 : run, run > 40);
		for (size_t i = 0; i < 2; i++) {
			ck_assert_msg(state_of(&n, i) == TULLE_ICE_COMPLETED,
				"run %d end %d state %d", (int)run, (int)i, (int)state_of(&n, i));
			ck_assert(n.end[i].selected.u.selected.nominated);
			ck_assert_int_ge(tulle_ice_rtt(n.end[i].ice), 20000);
			tulle_path there = mirrored(&n, i);
			ck_assert(tulle_ice_path(n.end[1 - i].ice, &p));
			ck_assert_msg(p.id == there.id && tulle_addr_is(&p.remote, &there.remote),
				"run %d: end %d is elsewhere", (int)run, (int)i);
		}
		net_wipe(&n);
	}
}
END_TEST

/* ICE-029, ICE-030 RFC8445:7.3.1.1, RFC8445:7.2.5.1 */
START_TEST(a_role_conflict_ends_with_one_controlling)
{
	for (int both = 0; both < 2; both++)
		for (uint64_t seed = 0; seed < 16; seed++) {
			Net n;
			const tulle_ice_config *c = both != 0 ? &controlling : &controlled;
			net_init(&n, c, c);
			free(n.end[0].block);
			end_init(&n.end[0], c, 1000 + seed,
				true); /* the larger number is on either side */
			n.delay = seed % 2 != 0 ? 5000 : 0;
			end_path(&n, &n.end[0], "127.0.0.1", 5001);
			end_path(&n, &n.end[1], "127.0.0.1", 5002);
			gather(&n);
			for (size_t i = 0; i < 2; i++) {
				tell_remote(&n, i);
				tell_candidates(&n, i, true);
			}
			run(&n, 100000);
			ck_assert(tulle_ice_is_controlling(n.end[0].ice) !=
				  tulle_ice_is_controlling(n.end[1].ice));
			ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
			ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
			net_wipe(&n);
		}
}
END_TEST

/* ICE-056, ICE-059 RFC8445:7.3: the answer to our offer is late, the remote's checks are not */
START_TEST(checks_from_before_the_credentials_are_answered_and_remembered)
{
	Net n;
	net_init(&n, &controlling, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	end_path(&n, &n.end[1], "127.0.0.1", 5002);
	gather(&n);
	tell_remote(&n, 1);
	tell_candidates(&n, 1, true);
	run(&n, 0);
	tulle_path p = {.id = n.end[0].ids[0],
			   .local = n.end[0].addrs[0],
			   .remote = n.end[1].addrs[0]},
		   q;
	/* what is known already: the early one may send DTLS, and the other end has a valid pair */
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &p));
	ck_assert(tulle_ice_path(n.end[1].ice, &q) && !tulle_ice_path(n.end[0].ice, &q));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_NEW);
	tell_remote(&n, 0); /* and no candidate at all: it is peer-reflexive here */
	run(&n, 0);
	ck_assert(is_open(&n));
	ck_assert(n.end[0].selected.u.selected.nominated && n.end[1].selected.u.selected.nominated);
	net_wipe(&n);
}
END_TEST

/* ICE-084, ICE-085, ICE-093 RFC8838:4: candidates before, between and after the credentials */
START_TEST(candidates_may_come_at_any_time)
{
	for (int order = 0; order < 4; order++) {
		Net n;
		net_init(&n, &controlling, &controlled);
		if (order % 2 != 0)
			tell_remote(&n, 0);
		end_path(&n, &n.end[0], "127.0.0.1", 5001);
		end_path(&n, &n.end[1], "127.0.0.1", 5002);
		gather(&n);
		if (order / 2 != 0)
			tell_remote(&n, 1);
		tell_candidates(&n, 0, true);
		tell_candidates(&n, 1, true);
		run(&n, 0);
		if (order % 2 == 0)
			tell_remote(&n, 0);
		if (order / 2 == 0)
			tell_remote(&n, 1);
		run(&n, 0);
		ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
		ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
		net_wipe(&n);
	}
}
END_TEST

/* The only pair of end i. */
static tulle_ice_pair_stats pair_of(const Net *n, size_t i)
{
	tulle_ice_pair_stats p, more;
	ck_assert(tulle_ice_read_pair(n->end[i].ice, 0, &p));
	ck_assert(!tulle_ice_read_pair(n->end[i].ice, 1, &more));
	return p;
}

/* RFC8445:6.1.2.3 of the controlled end's only candidate; the other one's is below it. */
static uint64_t priority_with(uint32_t theirs)
{
	return ((uint64_t)theirs << 32) + 2 * (126u << 24 | 0xfffe << 8 | 255);
}

/* ICE-060, ICE-065: behind a NAT: the check's own PRIORITY counts until the candidate is told, then
 * the candidate's; it stays one pair */
START_TEST(peer_reflexive_candidates_connect_and_are_merged)
{
	Net n;
	const tulle_ice_config a = {.controlling = true}, b = {0};
	net_init(&n, &a, &b);
	end_path(&n, &n.end[0], "10.0.0.1", 5001);
	end_path(&n, &n.end[1], "192.0.2.9", 5002);
	n.end[0].nat = addr_of("198.51.100.7", 40000);
	gather(&n);
	tell_remote(&n, 0);
	tell_remote(&n, 1);
	tell_candidates(&n, 0, false);
	run(&n, 0);
	ck_assert(is_open(&n));
	tulle_path p;
	ck_assert(tulle_ice_path(n.end[1].ice, &p));
	ck_assert(p.remote.port == 40000);
	tulle_ice_pair_stats pair = pair_of(&n, 1);
	ck_assert_int_eq(pair.remote_type, TULLE_ICE_PRFLX);
	ck_assert(pair.priority == priority_with(110u << 24 | 0xfffe << 8 | 255));
	ck_assert_int_eq(
		tulle_ice_add_remote(n.end[1].ice, 0,
			TULLE_TEXT("candidate:9 1 udp 1694498815 198.51.100.7 40000 typ srflx "
				   "raddr 10.0.0.1 rport 5001")),
		TULLE_TAKEN);
	pair = pair_of(&n, 1);
	ck_assert_int_eq(pair.remote_type, TULLE_ICE_SRFLX);
	ck_assert(pair.priority == priority_with(1694498815));
	ck_assert(pair.data && pair.valid && pair.path.remote.port == 40000);
	run(&n, 60 * 1000000);
	ck_assert_int_eq(
		state_of(&n, 1), TULLE_ICE_CONNECTED); /* the ends of candidates are open */
	net_wipe(&n);
}
END_TEST

typedef struct {
	tulle_time at[2][64];
	uint8_t id[2][64][12];
	size_t count[2];
	const Net *net;
} Log;

static bool log_requests(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	Log *log = user;
	tulle_stun_message m;
	ck_assert_int_eq(tulle_stun_read(data, d->len, &m), TULLE_TAKEN);
	ck_assert(tulle_stun_is_fingerprint_right(&m));        /* STUN-061 */
	ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_SOFTWARE)); /* STUN-108 */
	if (m.kind == TULLE_STUN_REQUEST && log->count[from] < 64) {
		memcpy(log->id[from][log->count[from]], m.id, 12);
		log->at[from][log->count[from]++] = log->net->now;
	}
	if (m.kind != TULLE_STUN_REQUEST) /* STUN-082 */
		ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_USERNAME));
	return true;
}

/* ICE-074, ICE-095, ICE-097 RFC7675:5.1 */
START_TEST(consent_is_asked_for_every_4_to_6_seconds_with_new_ids)
{
	Net n;
	Log log = {.net = &n};
	connect_net(&n);
	n.delay = 1000;
	run(&n, 100000);
	n.watch = log_requests;
	n.user = &log;
	run(&n, 120 * 1000000);
	for (size_t e = 0; e < 2; e++) {
		ck_assert_uint_ge(log.count[e], 19);
		ck_assert_uint_le(log.count[e], 30);
		tulle_time least = TULLE_TIME_NEVER, most = 0;
		for (size_t i = 1; i < log.count[e]; i++) {
			tulle_time gap = log.at[e][i] - log.at[e][i - 1];
			least = gap < least ? gap : least;
			most = gap > most ? gap : most;
			ck_assert(memcmp(log.id[e][i], log.id[e][i - 1], 12) != 0);
		}
		ck_assert(least >= 4000000 && most <= 6000000 && most - least > 500000);
	}
	ck_assert_int_eq(tulle_ice_rtt(n.end[0].ice), 2000);
	net_wipe(&n);
}
END_TEST

/* ICE-039, ICE-040, STUN-011, STUN-040: what a check without an answer does */
static bool same_bytes(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	Log *log = user;
	static uint8_t first[1300];
	static size_t first_len;
	if (from != 0)
		return false;
	if (log->count[0] == 0) {
		first_len = d->len;
		memcpy(first, data, d->len);
	}
	ck_assert(d->len == first_len && memcmp(first, data, d->len) == 0);
	log->at[0][log->count[0]++] = log->net->now;
	return false;
}

START_TEST(a_check_is_sent_seven_times_with_the_same_bytes)
{
	static const tulle_time at_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
	Net n;
	Log log = {.net = &n};
	connect_net(&n);
	n.watch = same_bytes;
	n.user = &log;
	run(&n, 60 * 1000000);
	ck_assert_uint_eq(log.count[0], 7);
	for (size_t i = 0; i < 7; i++)
		ck_assert_int_eq(log.at[0][i], at_ms[i] * 1000);
	net_wipe(&n);
}
END_TEST

/* ICE-037, ICE-039, ICE-043: four at once, then one each Ta */
START_TEST(ordinary_checks_are_paced)
{
	Net n;
	Log log = {.net = &n};
	net_init(&n, &controlling, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	end_path(&n, &n.end[1], "127.0.0.1", 5002);
	gather(&n);
	tell_remote(&n, 0);
	for (int i = 0; i < 20; i++) {
		char text[128];
		int len = snprintf(text, sizeof text, "candidate:%d 1 udp %d 127.0.0.2 %d typ host",
			i, 1000 + i, 6000 + i);
		ck_assert_int_eq(
			tulle_ice_add_remote(n.end[0].ice, 0, (tulle_text){text, (size_t)len}),
			TULLE_TAKEN);
	}
	n.watch = log_requests;
	n.user = &log;
	run(&n, 900000);
	ck_assert_uint_ge(log.count[0], 20);
	for (size_t i = 0; i < 20; i++)
		ck_assert_int_eq(log.at[0][i], i < 4 ? 0 : (tulle_time)(i - 4) * 50000);
	net_wipe(&n);
}
END_TEST

/* ICE-033: link-local addresses keep their scope to themselves */
START_TEST(link_local_addresses_connect_within_their_scope)
{
	Net n;
	const tulle_ice_config a = {.controlling = true}, b = {0};
	tulle_path p;
	net_init(&n, &a, &b);
	for (size_t i = 0; i < 2; i++) {
		End *e = &n.end[i];
		e->path_count = 1;
		e->ids[0] = 100;
		e->addrs[0] = addr_of(i == 0 ? "fe80::1" : "fe80::2", 5001);
		e->addrs[0].scope = 3;
		ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 100, e->addrs[0], 1280), TULLE_OK);
	}
	gather(&n);
	ck_assert(strstr(n.end[0].candidates[0], "%") == NULL);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(&n, i);
		tell_candidates(&n, i, true);
	}
	run(&n, 1000000);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	ck_assert(p.remote.scope == 3 && p.local.scope == 3);
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* STUN-120, STUN-121: SPED's bytes ride on checks */
START_TEST(opaque_bytes_ride_on_checks)
{
	static const uint8_t hello[64] = {22, 1, 2, 3}, ack[4] = {4, 3, 2, 1};
	Net n;
	tulle_ice_config a = controlling, b = controlled;
	a.opaque = b.opaque = true;
	net_init(&n, &a, &b);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	end_path(&n, &n.end[1], "127.0.0.1", 5002);
	gather(&n);
	ck_assert_int_eq(tulle_ice_set_opaque(n.end[0].ice, (tulle_bytes){hello, sizeof hello},
				 (tulle_bytes){ack, sizeof ack}),
		TULLE_OK);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(&n, i);
		tell_candidates(&n, i, true);
	}
	run(&n, 0);
	ck_assert_uint_gt(n.end[1].opaque_count, 0);
	ck_assert_uint_eq(n.end[0].opaque_count, 0);
	ck_assert(n.end[1].opaque_len == sizeof hello &&
		  memcmp(n.end[1].opaque, hello, sizeof hello) == 0);
	net_wipe(&n);
	connect_net(&n);
	ck_assert_int_eq(
		tulle_ice_set_opaque(n.end[0].ice, (tulle_bytes){hello, 4}, (tulle_bytes){NULL, 0}),
		TULLE_ERR_STATE);
	net_wipe(&n);
}
END_TEST

Suite *suite_ice(void)
{
	Suite *s = suite_create("ice");
	TCase *t = tcase_create("ice");
	tcase_add_test(t, two_near_agents_connect_without_waiting_for_any_timer);
	tcase_add_test(t, agents_connect_through_loss_reordering_and_doubles);
	tcase_add_test(t, a_role_conflict_ends_with_one_controlling);
	tcase_add_test(t, checks_from_before_the_credentials_are_answered_and_remembered);
	tcase_add_test(t, candidates_may_come_at_any_time);
	tcase_add_test(t, peer_reflexive_candidates_connect_and_are_merged);
	tcase_add_test(t, consent_is_asked_for_every_4_to_6_seconds_with_new_ids);
	tcase_add_test(t, a_check_is_sent_seven_times_with_the_same_bytes);
	tcase_add_test(t, ordinary_checks_are_paced);
	tcase_add_test(t, link_local_addresses_connect_within_their_scope);
	tcase_add_test(t, opaque_bytes_ride_on_checks);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
