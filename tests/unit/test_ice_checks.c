/* SPDX-License-Identifier: MIT */
/* ice: single checks made by hand against one agent: what is answered, what changes, what may not;
 * the bounds; the filter; and the lookups for many agents on one port. */
#include "ice_net.h"

#define THEIR_PWD "theirpasswordtheirpassword"

typedef struct {
	const char *username; /* NULL: the right one; "": none */
	const char *pwd;      /* NULL: the right one; "": no integrity */
	int role;             /* 0: none, 1: controlling, 2: controlled, 3: both */
	uint64_t tie_breaker;
	bool nominate, no_priority, sha256, unknown, bad_fingerprint;
	uint16_t method;
	tulle_stun_kind kind;
	uint8_t id;
} Check;

static size_t make_check(const End *e, const Check *c, uint8_t *buf, size_t cap)
{
	uint8_t id[12] = {c->id, 7};
	char name[64];
	tulle_text ufrag, pwd;
	tulle_ice_credentials(e->ice, &ufrag, &pwd);
	snprintf(name, sizeof name, "%.*s:them", (int)ufrag.len, ufrag.ptr);
	if (c->pwd != NULL)
		pwd = tulle_text_of(c->pwd);
	tulle_bytes key = {(const uint8_t *)pwd.ptr, pwd.len};
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, cap, c->method != 0 ? c->method : TULLE_STUN_BINDING, c->kind, id);
	if (c->username == NULL || c->username[0] != '\0')
		tulle_stun_write_text(&w, TULLE_STUN_A_USERNAME,
			tulle_text_of(c->username != NULL ? c->username : name));
	if (c->role & 1)
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLING, c->tie_breaker);
	if (c->role & 2)
		tulle_stun_write_u64(&w, TULLE_STUN_A_ICE_CONTROLLED, c->tie_breaker);
	if (c->nominate)
		tulle_stun_write_flag(&w, TULLE_STUN_A_USE_CANDIDATE);
	if (!c->no_priority)
		tulle_stun_write_u32(&w, TULLE_STUN_A_PRIORITY, 1862270975);
	if (c->unknown)
		tulle_stun_write_bytes(&w, 0x7abc, "x", 1);
	if (pwd.len != 0 && c->sha256)
		tulle_stun_write_integrity_sha256(&w, key);
	else if (pwd.len != 0)
		tulle_stun_write_integrity(&w, key);
	tulle_stun_write_fingerprint(&w);
	size_t n = tulle_stun_write_finish(&w);
	if (c->bad_fingerprint)
		buf[n - 1] ^= 1;
	return n;
}

/* One agent that knows its remote's credentials and nothing else. */
static void alone(Net *n, const tulle_ice_config *config)
{
	net_init(n, config, config);
	end_path(n, &n->end[0], "127.0.0.1", 5001);
	tulle_ice_paths_known(n->end[0].ice, 0);
	end_events(&n->end[0]);
	ck_assert_int_eq(tulle_ice_set_remote(n->end[0].ice, 0, TULLE_TEXT("them"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
}

static tulle_drop send_check_from(Net *n, const Check *c, const char *ip, uint16_t port)
{
	uint8_t buf[600];
	tulle_addr from = addr_of(ip, port);
	size_t len = make_check(&n->end[0], c, buf, sizeof buf);
	return deliver(n, 0, 0, &from, buf, len);
}

/* What the agent says now; 0: nothing. */
static size_t next_out(Net *n, uint8_t *buf, tulle_stun_message *m, tulle_datagram *d)
{
	if (!tulle_ice_poll_datagram(n->end[0].ice, n->now, buf, TULLE_ICE_DATAGRAM_BYTES, d))
		return 0;
	guard_end(&n->end[0]);
	ck_assert_int_eq(tulle_stun_read(buf, d->len, m), TULLE_TAKEN);
	return d->len;
}

static size_t answer_check(const Net *n, const tulle_stun_message *check, const tulle_addr *mapped,
	const char *pwd, uint8_t *buf, size_t cap)
{
	(void)n;
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, cap, TULLE_STUN_BINDING, TULLE_STUN_SUCCESS, check->id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, mapped);
	if (pwd != NULL)
		tulle_stun_write_integrity(&w, (tulle_bytes){(const uint8_t *)pwd, strlen(pwd)});
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

/* Until the agent's first request, which is answered; gives the request's id's first byte */
static void answer_all(Net *n, const char *ip, uint16_t port)
{
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_addr from = addr_of(ip, port);
	while (next_out(n, buf, &m, &d) != 0)
		if (m.kind == TULLE_STUN_REQUEST && d.path.remote.port == port) {
			size_t len = answer_check(
				n, &m, &n->end[0].addrs[0], THEIR_PWD, answer, sizeof answer);
			ck_assert_int_eq(deliver(n, 0, 0, &from, answer, len), TULLE_TAKEN);
		}
}

/* ICE-031, ICE-032, ICE-057, ICE-058, STUN-015, STUN-023, STUN-052, STUN-053, STUN-059,
 * STUN-078, STUN-079, STUN-080, STUN-081 */
static const struct {
	Check check;
	tulle_drop drop;
	unsigned code; /* 1: success; 0: no answer */
} requests[] = {
	{{.role = 1}, TULLE_TAKEN, 1},
	{{.role = 1, .sha256 = true}, TULLE_TAKEN, 1},
	{{.role = 1, .username = ""}, TULLE_DROP_STUN_NO_INTEGRITY, 400},
	{{.role = 1, .pwd = ""}, TULLE_DROP_STUN_NO_INTEGRITY, 400},
	{{.role = 1, .username = "someone:them"}, TULLE_DROP_STUN_USERNAME, 401},
	{{.role = 1, .username = "x"}, TULLE_DROP_STUN_USERNAME, 401},
	{{.role = 1, .pwd = THEIR_PWD}, TULLE_DROP_STUN_INTEGRITY, 401},
	{{.role = 1, .pwd = THEIR_PWD, .sha256 = true}, TULLE_DROP_STUN_INTEGRITY, 401},
	{{.role = 1, .unknown = true}, TULLE_DROP_STUN_UNKNOWN_REQUIRED, 420},
	{{.role = 0}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 3}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 1, .no_priority = true}, TULLE_DROP_STUN_ATTRIBUTE, 400},
	{{.role = 2, .tie_breaker = UINT64_MAX}, TULLE_DROP_ICE_ROLE, 487},
	{{.role = 1, .bad_fingerprint = true}, TULLE_DROP_STUN_FINGERPRINT, 0},
	{{.role = 1, .method = TULLE_STUN_ALLOCATE}, TULLE_DROP_STUN_METHOD, 0},
	{{.role = 1, .kind = TULLE_STUN_INDICATION}, TULLE_TAKEN, 0},
	{{.kind = TULLE_STUN_INDICATION, .unknown = true}, TULLE_DROP_STUN_UNKNOWN_REQUIRED, 0},
	{{.kind = TULLE_STUN_SUCCESS}, TULLE_DROP_STUN_TRANSACTION, 0},
	{{.kind = TULLE_STUN_ERROR}, TULLE_DROP_STUN_TRANSACTION, 0},
};

START_TEST(a_request_is_judged_whole)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_text ufrag, pwd;
	alone(&n, &controlled);
	ck_assert_int_eq(
		send_check_from(&n, &requests[_i].check, "127.0.0.1", 6001), requests[_i].drop);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, requests[_i].drop), 1);
	size_t len = next_out(&n, buf, &m, &d);
	ck_assert(requests[_i].code == 0 ? len == 0 : len != 0);
	if (len != 0) {
		unsigned code = m.kind == TULLE_STUN_SUCCESS ? 1 : tulle_stun_error(&m, NULL);
		bool authentic = requests[_i].drop != TULLE_DROP_STUN_NO_INTEGRITY &&
				 requests[_i].drop != TULLE_DROP_STUN_USERNAME &&
				 requests[_i].drop != TULLE_DROP_STUN_INTEGRITY;
		tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
		tulle_bytes key = {(const uint8_t *)pwd.ptr, pwd.len};
		ck_assert_uint_eq(code, requests[_i].code);
		ck_assert(d.path.remote.port == 6001 && d.path.id == n.end[0].ids[0]);
		ck_assert(tulle_stun_is_fingerprint_right(&m));
		ck_assert(tulle_stun_is_authentic(&m, key) ==
			  (authentic && !requests[_i].check.sha256));
		ck_assert(tulle_stun_is_authentic_sha256(&m, key) ==
			  (authentic && requests[_i].check.sha256));
	}
	if (requests[_i].code == 420)
		ck_assert_mem_eq(m.value[TULLE_STUN_A_UNKNOWN_ATTRIBUTES].ptr, "\x7a\xbc", 2);
	/* only what was accepted makes a check of ours, a pair, a validated path */
	tulle_path p = {.id = n.end[0].ids[0], .remote = addr_of("127.0.0.1", 6001)};
	bool accepted = requests[_i].code == 1;
	ck_assert((next_out(&n, buf, &m, &d) != 0) == accepted);
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &p) == accepted);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

/* FIELD: unauthenticated packets move the path (rtpengine CVE-2025-53399) */
START_TEST(only_authenticated_checks_move_the_path)
{
	Net n;
	tulle_path before, after;
	alone(&n, &controlled);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .nominate = true}, "127.0.0.1", 6001),
		TULLE_TAKEN);
	answer_all(&n, "127.0.0.1", 6001);
	ck_assert(tulle_ice_path(n.end[0].ice, &before));
	ck_assert(before.remote.port == 6001 && n.end[0].selected.u.selected.nominated);
	uint64_t seed = 99;
	for (int i = 0; i < 3000; i++) {
		Check c = {.role = 1, .nominate = true, .id = (uint8_t)i,
			.pwd = i % 2 != 0 ? "wrongwrongwrongwrongwrong" : "",
			.kind = (tulle_stun_kind)(i % 4)};
		(void)send_check_from(&n, &c, "127.0.0.1", (uint16_t)(7000 + i % 50));
		uint8_t junk[64];
		tulle_addr from = addr_of("127.0.0.1", 7001);
		for (size_t k = 0; k < sizeof junk; k++)
			junk[k] = (uint8_t)next_random(&seed);
		ck_assert_int_ne(deliver(&n, 0, 0, &from, junk, sizeof junk), TULLE_TAKEN);
		drain(&n, 0);
	}
	ck_assert(tulle_ice_path(n.end[0].ice, &after));
	ck_assert(memcmp(&before, &after, sizeof before) == 0);
	/* an authenticated nomination of a better path moves it, once that path answers */
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .nominate = true, .id = 9},
				 "127.0.0.1", 6002),
		TULLE_TAKEN);
	ck_assert(tulle_ice_path(n.end[0].ice, &after) && after.remote.port == 6001);
	answer_all(&n, "127.0.0.1", 6002);
	ck_assert(tulle_ice_path(n.end[0].ice, &after));
	ck_assert(after.remote.port == 6001); /* equal priority: what works stays */
	net_wipe(&n);
}
END_TEST

/* FIELD: reflection before validation (Californium CVE-2022-2576): 3 x at most, for ever */
START_TEST(an_address_that_never_answers_gets_at_most_three_times_what_it_sent)
{
	Net n;
	size_t in = 0;
	alone(&n, &controlled);
	uint8_t buf[600];
	for (int i = 0; i < 5; i++) {
		Check c = {.role = 1, .nominate = true, .id = (uint8_t)i};
		in += make_check(&n.end[0], &c, buf, sizeof buf);
		ck_assert_int_eq(send_check_from(&n, &c, "127.0.0.9", 6001), TULLE_TAKEN);
		run(&n, n.now + 20 * 1000000);
		ck_assert_uint_le(n.end[0].sent_bytes, 3 * in);
		if (state_of(&n, 0) == TULLE_ICE_FAILED)
			break;
	}
	net_wipe(&n);
	/* errors to strangers likewise: the smallest request gets the smallest answer */
	alone(&n, &controlled);
	const uint8_t empty[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
	tulle_addr from = addr_of("127.0.0.9", 1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(deliver(&n, 0, 0, &from, empty, sizeof empty),
			TULLE_DROP_STUN_NO_INTEGRITY);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 4);
	ck_assert_uint_le(n.end[0].sent_bytes, 4 * 3 * sizeof empty);
	net_wipe(&n);
}
END_TEST

/* ICE-048, ICE-055, STUN-014, STUN-083 */
START_TEST(an_answer_counts_only_with_its_password_and_from_where_we_asked)
{
	for (int i = 0; i < 5; i++) {
		Net n;
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_path p;
		alone(&n, &controlled);
		tulle_addr from = addr_of("127.0.0.1", i == 2 ? 6002 : 6001), mapped = from;
		ck_assert_int_eq(tulle_ice_add_remote(n.end[0].ice, 0,
					 TULLE_TEXT("candidate:1 1 udp 1 127.0.0.1 6001 typ host")),
			TULLE_TAKEN);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
		ck_assert(tulle_stun_has(&m, TULLE_STUN_A_ICE_CONTROLLED));
		ck_assert(!tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE)); /* ICE-045 */
		/* ICE-044 */
		ck_assert_uint_eq(tulle_stun_u32(&m, TULLE_STUN_A_PRIORITY) >> 24, 110);
		tulle_bytes name = m.value[TULLE_STUN_A_USERNAME];
		ck_assert(name.len > 5 && memcmp(name.ptr, "them:", 5) == 0);
		static const char *const pwds[] = {NULL, "wrongwrongwrongwrongwrong", THEIR_PWD,
			THEIR_PWD, THEIR_PWD};
		static const tulle_drop drops[] = {TULLE_DROP_STUN_NO_INTEGRITY,
			TULLE_DROP_STUN_INTEGRITY, TULLE_DROP_ICE_SOURCE,
			TULLE_DROP_STUN_TRANSACTION, TULLE_TAKEN};
		size_t len = answer_check(&n, &m, &mapped, pwds[i], answer, sizeof answer);
		ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len));
		if (i == 3)
			len = answer_check(&n, &(tulle_stun_message){.id = {1}}, &mapped, pwds[i],
				answer, sizeof answer);
		ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len) == (i != 3));
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), drops[i]);
		ck_assert(tulle_ice_path(n.end[0].ice, &p) == (i == 4));
		net_wipe(&n);
	}
}
END_TEST

/* ICE-062, ICE-064: Chromium's first check has USE-CANDIDATE; a controlling side ignores it */
START_TEST(aggressive_nomination_is_taken_by_who_is_controlled)
{
	for (int i = 0; i < 2; i++) {
		Net n;
		alone(&n, i == 0 ? &controlled : &controlling);
		ck_assert_int_eq(send_check_from(&n,
					 &(Check){.role = i == 0 ? 1 : 2, .nominate = true},
					 "127.0.0.1", 6001),
			TULLE_TAKEN);
		uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
		tulle_stun_message m;
		tulle_datagram d;
		tulle_addr from = addr_of("127.0.0.1", 6001);
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0); /* the answer */
		ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0); /* the triggered check */
		size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
		ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
		ck_assert(n.end[0].selected.u.selected.nominated == (i == 0));
		bool more = next_out(&n, buf, &m, &d) != 0;
		ck_assert(more == (i == 1)); /* our own nomination: ICE-069 */
		if (more)
			ck_assert(tulle_stun_has(&m, TULLE_STUN_A_USE_CANDIDATE));
		net_wipe(&n);
	}
}
END_TEST

static tulle_drop add(Net *n, const char *ip, unsigned port, const char *more)
{
	char text[256];
	int len = snprintf(text, sizeof text, "candidate:%u 1 udp 2130706431 %s %u typ host%s",
		port, ip, port, more);
	return tulle_ice_add_remote(n->end[0].ice, n->now, (tulle_text){text, (size_t)len});
}

static bool no_nine(void *user, const tulle_addr *remote)
{
	(void)user;
	return remote->ip[0] != 9;
}

/* FIELD: relay reaches loopback through mapped addresses; ICE-022, SDP-040 */
START_TEST(addresses_that_no_check_may_go_to_are_refused)
{
	static const struct {
		const char *ip;
		unsigned port;
		tulle_drop drop;
	} cases[] = {{"192.0.2.1", 5, TULLE_TAKEN}, {"192.0.2.1", 0, TULLE_DROP_ICE_FILTERED},
		{"127.0.0.1", 5, TULLE_DROP_ICE_FILTERED}, {"::1", 5, TULLE_DROP_ICE_FILTERED},
		{"::ffff:127.0.0.1", 5, TULLE_DROP_ICE_FILTERED},
		{"::ffff:7f00:1", 5, TULLE_DROP_ICE_FILTERED},
		{"224.0.0.251", 5, TULLE_DROP_ICE_FILTERED}, {"ff02::fb", 5, TULLE_DROP_ICE_FILTERED},
		{"255.255.255.255", 5, TULLE_DROP_ICE_FILTERED},
		{"0.0.0.0", 5, TULLE_DROP_ICE_FILTERED}, {"::", 5, TULLE_DROP_ICE_FILTERED},
		{"::127.0.0.1", 5, TULLE_DROP_ICE_FILTERED},
		{"fe80::1%eth0", 5, TULLE_DROP_ICE_UNSUPPORTED}, {"[::1]", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"example.org", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"5ea562cf-4149-4152-832d-c00acb6f05e3.local", 5, TULLE_DROP_ICE_UNSUPPORTED},
		{"192.0.2.1", 65536, TULLE_DROP_ICE_CANDIDATE}};
	Net n;
	tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(add(&n, cases[i].ip, cases[i].port, "") == cases[i].drop, "%s",
			cases[i].ip);
	net_wipe(&n);
	c.candidate_filter = no_nine;
	net_init(&n, &c, &c);
	ck_assert_int_eq(add(&n, "9.9.9.9", 5, ""), TULLE_DROP_ICE_FILTERED);
	ck_assert_int_eq(add(&n, "127.0.0.1", 5, ""), TULLE_TAKEN); /* its own judgement */
	ck_assert_int_eq(add(&n, "224.0.0.1", 5, ""), TULLE_DROP_ICE_FILTERED);
	net_wipe(&n);
	/* checks from such an address are not answered either */
	alone(&n, &controlled);
	n.end[0].config.loopback = false;
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "224.0.0.1", 6001),
		TULLE_DROP_ICE_FILTERED);
	net_wipe(&n);
}
END_TEST

/* ICE-082, ICE-089, ICE-092, ICE-094, SDP-101 RFC8838:11, RFC8838:14 */
START_TEST(candidates_of_another_generation_are_ignored)
{
	Net n;
	net_init(&n, &controlled, &controlled);
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	ck_assert_int_eq(add(&n, "127.0.0.1", 1, " ufrag them"), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 2, " generation 0 ufrag old0"), TULLE_TAKEN);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, TULLE_TEXT("them"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	guard_end(&n.end[0]);
	ck_assert_uint_eq(tulle_ice_drops(n.end[0].ice, TULLE_DROP_ICE_GENERATION), 1);
	ck_assert_int_eq(add(&n, "127.0.0.1", 3, " ufrag old0"), TULLE_DROP_ICE_GENERATION);
	ck_assert_int_eq(add(&n, "127.0.0.1", 4, " ufrag them network-cost 999"), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 4, " ufrag them"), TULLE_TAKEN); /* a duplicate */
	n.now = 1;
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 2); /* ports 1 and 4 */
	ck_assert_int_eq(
		tulle_ice_add_remote(n.end[0].ice, 0, TULLE_TEXT("a=end-of-candidates")), TULLE_TAKEN);
	ck_assert_int_eq(add(&n, "127.0.0.1", 5, ""), TULLE_DROP_ICE_GENERATION);
	net_wipe(&n);
}
END_TEST

/* ICE-023, ICE-036, ICE-066, ICE-162 */
START_TEST(a_thousand_candidates_make_64_and_a_hundred_pairs)
{
	Net n;
	alone(&n, &controlled);
	n.end[0].late_paths = true;
	end_path(&n, &n.end[0], "127.0.0.2", 5002);
	for (unsigned i = 0; i < 1000; i++) {
		tulle_drop drop = add(&n, "127.0.0.1", 1 + i, "");
		ck_assert(i < 50 ? drop == TULLE_TAKEN : i < 64 || drop == TULLE_DROP_LIMIT);
		guard_end(&n.end[0]);
	}
	for (unsigned i = 0; i < 40; i++)
		ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1, .id = (uint8_t)i},
					 "127.0.0.1", (uint16_t)(20000 + i)),
			i < 16 ? TULLE_TAKEN : TULLE_DROP_LIMIT); /* nobody polls the answers */
	tulle_addr more = addr_of("127.0.0.3", 5);
	for (uint32_t i = 0; i < 20; i++) {
		more.port++;
		ck_assert_int_eq(tulle_ice_add_path(n.end[0].ice, 0, 1000 + i, more, 0),
			i < 14 ? TULLE_OK : TULLE_ERR_LIMIT);
		guard_end(&n.end[0]);
	}
	net_wipe(&n);
}
END_TEST

/* ICE-003, ICE-004, ICE-006, ICE-007, ICE-008 */
START_TEST(local_candidates_have_distinct_priorities_and_foundations_by_address)
{
	static const struct {
		const char *ip;
		uint16_t port;
		const char *text; /* without the ufrag */
	} cases[] = {
		{"2001:db8::1", 5000, "candidate:1 1 udp 2130706431 2001:db8::1 5000 typ host"},
		{"192.0.2.1", 5000, "candidate:2 1 udp 2130706175 192.0.2.1 5000 typ host"},
		{"2001:db8::2", 5000, "candidate:3 1 udp 2130705919 2001:db8::2 5000 typ host"},
		{"192.0.2.1", 5001, "candidate:2 1 udp 2130705663 192.0.2.1 5001 typ host"},
	};
	Net n;
	const tulle_ice_config c = {0};
	net_init(&n, &c, &c);
	End *e = &n.end[0];
	for (size_t i = 0; i < 4; i++)
		end_path(&n, e, cases[i].ip, cases[i].port);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 900, addr_of("127.0.0.1", 5), 0), TULLE_OK);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 100, addr_of("192.0.2.3", 5), 0),
		TULLE_ERR_STATE);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 901, addr_of("192.0.2.3", 0), 0),
		TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_ice_add_path(e->ice, 0, 901, addr_of("0.0.0.0", 5), 0),
		TULLE_ERR_ARGUMENT);
	tulle_ice_paths_known(e->ice, 0);
	end_events(e);
	ck_assert_uint_eq(e->candidate_count, 4);
	for (size_t i = 0; i < 4; i++) {
		size_t len = strlen(cases[i].text);
		ck_assert_msg(e->candidate_lens[i] > len &&
				      memcmp(e->candidates[i], cases[i].text, len) == 0,
			"%.*s", (int)e->candidate_lens[i], e->candidates[i]);
	}
	net_wipe(&n);
	/* SDP-105: relay only: nothing of ours is said or used */
	const tulle_ice_config relay = {.relay_only = true};
	net_init(&n, &relay, &relay);
	end_path(&n, &n.end[0], "192.0.2.1", 5000);
	gather(&n);
	ck_assert_uint_eq(n.end[0].candidate_count, 0);
	ck_assert_int_eq(
		send_check_from(&n, &(Check){.role = 1}, "192.0.2.7", 5), TULLE_DROP_UNKNOWN_PATH);
	net_wipe(&n);
}
END_TEST

/* ICE-017, ICE-018, SDP-037 */
START_TEST(credentials_are_random_and_checked)
{
	Net n;
	tulle_text ufrag, pwd, other, other_pwd;
	char long_text[300];
	memset(long_text, 'x', sizeof long_text);
	net_init(&n, &controlled, &controlled);
	tulle_ice_credentials(n.end[0].ice, &ufrag, &pwd);
	tulle_ice_credentials(n.end[1].ice, &other, &other_pwd);
	ck_assert(ufrag.len >= 4 && pwd.len >= 22);
	ck_assert(!tulle_text_is(ufrag, other) && !tulle_text_is(pwd, other_pwd));
	const tulle_text good = {long_text, 256};
	const tulle_text bad[] = {{long_text, 3}, {long_text, 257}, TULLE_TEXT("ab:d"),
		TULLE_TEXT("ab d"), TULLE_TEXT("ab-d")};
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, bad[i], good, false),
			TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, good, (tulle_text){long_text, 21},
				 false),
		TULLE_ERR_ARGUMENT);
	ck_assert(!tulle_ice_has_remote(n.end[0].ice));
	ck_assert_int_eq(tulle_ice_set_role(n.end[0].ice, false), TULLE_OK);
	/* ICE-024: against a lite end we control */
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, good, good, true), TULLE_OK);
	ck_assert(tulle_ice_is_controlling(n.end[0].ice));
	ck_assert_int_eq(tulle_ice_set_role(n.end[0].ice, false), TULLE_ERR_STATE);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, good, good, true), TULLE_OK);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, 0, other, other_pwd, false),
		TULLE_ERR_STATE);
	/* the longest username still makes a check that fits */
	end_path(&n, &n.end[0], "127.0.0.1", 5001);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	drain(&n, 0);
	ck_assert_uint_eq(n.end[0].sent, 1);
	net_wipe(&n);
}
END_TEST

/* For many peers on one port: cheap, and safe for any bytes */
START_TEST(a_check_is_found_its_agent_by_the_ufrag)
{
	Net n;
	uint8_t buf[600];
	tulle_text ufrag, mine, pwd;
	alone(&n, &controlled);
	tulle_ice_credentials(n.end[0].ice, &mine, &pwd);
	size_t len = make_check(&n.end[0], &(Check){.role = 1}, buf, sizeof buf);
	ck_assert(tulle_ice_read_ufrag(buf, len, &ufrag));
	ck_assert(tulle_text_is(ufrag, mine) && tulle_ice_owns(n.end[0].ice, ufrag));
	ck_assert(!tulle_ice_owns(n.end[1].ice, ufrag));
	ck_assert(!tulle_ice_owns_answer(n.end[0].ice, buf, len));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut != 0 ? cut : 1);
		memcpy(exact, buf, cut);
		ck_assert(!tulle_ice_read_ufrag(exact, cut, &ufrag));
		ck_assert(!tulle_ice_owns_answer(n.end[0].ice, exact, cut));
		tulle_addr from = addr_of("127.0.0.1", 6001);
		ck_assert_int_ne(deliver(&n, 0, 0, &from, exact, cut), TULLE_TAKEN);
		free(exact);
	}
	len = make_check(&n.end[0], &(Check){.username = "nocolon"}, buf, sizeof buf);
	ck_assert(!tulle_ice_read_ufrag(buf, len, &ufrag));
	len = make_check(&n.end[0], &(Check){.kind = TULLE_STUN_INDICATION}, buf, sizeof buf);
	ck_assert(!tulle_ice_read_ufrag(buf, len, &ufrag));
	net_wipe(&n);
}
END_TEST

/* ICE-063: the check that a triggered one replaced is answered late */
START_TEST(a_late_answer_to_a_cancelled_check_counts)
{
	Net n;
	uint8_t buf[TULLE_ICE_DATAGRAM_BYTES], answer[200];
	tulle_stun_message m;
	tulle_datagram d;
	tulle_path p;
	alone(&n, &controlled);
	ck_assert_int_eq(add(&n, "127.0.0.1", 6001, ""), TULLE_TAKEN);
	ck_assert_uint_ne(next_out(&n, buf, &m, &d), 0);
	tulle_addr from = addr_of("127.0.0.1", 6001);
	size_t len = answer_check(&n, &m, &from, THEIR_PWD, answer, sizeof answer);
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 6001), TULLE_TAKEN);
	drain(&n, 0);
	ck_assert(!tulle_ice_path(n.end[0].ice, &p));
	ck_assert(tulle_ice_owns_answer(n.end[0].ice, answer, len));
	ck_assert_int_eq(deliver(&n, 0, 0, &from, answer, len), TULLE_TAKEN);
	ck_assert(tulle_ice_path(n.end[0].ice, &p));
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_checks(void)
{
	Suite *s = suite_create("ice_checks");
	TCase *t = tcase_create("ice_checks");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
		t, a_request_is_judged_whole, 0, (int)(sizeof requests / sizeof *requests));
	tcase_add_test(t, only_authenticated_checks_move_the_path);
	tcase_add_test(t, an_address_that_never_answers_gets_at_most_three_times_what_it_sent);
	tcase_add_test(t, an_answer_counts_only_with_its_password_and_from_where_we_asked);
	tcase_add_test(t, aggressive_nomination_is_taken_by_who_is_controlled);
	tcase_add_test(t, addresses_that_no_check_may_go_to_are_refused);
	tcase_add_test(t, candidates_of_another_generation_are_ignored);
	tcase_add_test(t, a_thousand_candidates_make_64_and_a_hundred_pairs);
	tcase_add_test(t, local_candidates_have_distinct_priorities_and_foundations_by_address);
	tcase_add_test(t, credentials_are_random_and_checked);
	tcase_add_test(t, a_check_is_found_its_agent_by_the_ufrag);
	tcase_add_test(t, a_late_answer_to_a_cancelled_check_counts);
	suite_add_tcase(s, t);
	return s;
}
