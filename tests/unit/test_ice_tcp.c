/* SPDX-License-Identifier: MIT */
/* ice: TCP candidates (RFC 6544): what is told and taken, which pairs are made, when a stream is
 * wanted, and what its end does. Streams here open when the test says so; their packets need no
 * network. */
#include "ice_hand.h"

#include "base/serial.h"
#include "ice/ice.h"

#define SECOND ((tulle_time)1000000)
#define ACTIVE 0x100u
#define PASSIVE 0x200u

static const tulle_ice_config caller = {.controlling = true, .loopback = true, .tcp = true};
static const tulle_ice_config callee = {.loopback = true, .tcp = true};
static unsigned opened, refused;
static bool refuse;

static void tcp_path(Net *n, size_t i, tulle_ice_tcp tcp, const char *ip, uint16_t port)
{
	End *e = &n->end[i];
	size_t k = e->path_count++;
	e->ids[k] = tcp == TULLE_ICE_TCP_ACTIVE ? ACTIVE : PASSIVE;
	e->addrs[k] = addr_of(ip, port);
	ck_assert_int_eq(
		tulle_ice_add_tcp_path(e->ice, n->now, e->ids[k], tcp, e->addrs[k]), TULLE_OK);
	guard_end(e);
}

static size_t index_of(const End *e, uint32_t id)
{
	size_t i = 0;
	while (i < e->path_count && e->ids[i] != id)
		i++;
	return i;
}

/* Streams' packets are carried here: those of an active end come from port 40000. */
static bool carry(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	Net *n = user;
	End *to = &n->end[1 - from];
	if (d->path.id < ACTIVE)
		return true;
	tulle_addr source = d->path.local;
	bool active = d->path.id == ACTIVE;
	if (active)
		source.port = 40000;
	size_t path = index_of(to, active ? PASSIVE : ACTIVE);
	if (!n->cut && path < to->path_count)
		enqueue(n, 1 - from, path, source, data, d->len);
	return false;
}

static bool open_wanted(Net *n)
{
	tulle_path path;
	bool any = false;
	for (size_t i = 0; i < 2; i++)
		while (tulle_ice_poll_stream(n->end[i].ice, &path)) {
			any = true;
			ck_assert_uint_eq(path.id, ACTIVE);
			ck_assert_uint_eq(path.local.port, 0);
			if (refuse) {
				refused++;
				tulle_ice_stream_ended(n->end[i].ice, n->now, &path);
			} else {
				opened++;
				tulle_ice_stream_opened(n->end[i].ice, n->now, &path);
			}
			guard_end(&n->end[i]);
		}
	return any;
}

static tulle_time next_time(const Net *n, tulle_time until)
{
	size_t p = next_packet(n);
	for (size_t i = 0; i < 2; i++)
		until = tulle_time_min(until, tulle_ice_poll_timeout(n->end[i].ice));
	return p < n->count ? tulle_time_min(until, n->queue[p]->at) : until;
}

/* As run, with streams opened as they are wanted. */
static void go(Net *n, tulle_time until)
{
	for (;;) {
		do
			run(n, n->now);
		while (open_wanted(n));
		if (n->now >= until)
			return;
		n->now = next_time(n, until);
	}
}

static void begin(Net *n, const tulle_ice_config *a, const tulle_ice_config *b)
{
	net_init(n, a, b);
	n->watch = carry;
	n->user = n;
	opened = refused = 0;
	refuse = false;
}

static void meet(Net *n)
{
	gather(n);
	for (size_t i = 0; i < 2; i++) {
		tell_remote(n, i);
		tell_candidates(n, i, true);
	}
}

/* One end opens, the other takes; no UDP. */
static void one_way(Net *n)
{
	begin(n, &caller, &callee);
	tcp_path(n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 9);
	tcp_path(n, 1, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	meet(n);
}

static tulle_drop add_text(Net *n, const char *text)
{
	tulle_drop drop = tulle_ice_add_remote(n->end[0].ice, n->now, tulle_text_of(text));
	guard_end(&n->end[0]);
	return drop;
}

static size_t pairs_of(const Net *n, size_t end)
{
	tulle_ice_pair_stats p;
	size_t i = 0;
	while (tulle_ice_read_pair(n->end[end].ice, i, &p))
		i++;
	return i;
}

/* ICE-122, ICE-123 RFC6544:4.5 */
START_TEST(a_candidate_says_who_opens_the_stream)
{
	static const struct {
		const char *text;
		unsigned tcp;
	} cases[] = {{"candidate:1 1 TCP 1518280447 10.0.0.1 9 typ host tcptype active",
			     TULLE_ICE_TCP_ACTIVE},
		{"candidate:1 1 tcp 1518280447 10.0.0.1 7000 typ host tcptype passive",
			TULLE_ICE_TCP_PASSIVE},
		{"candidate:1 1 tcp 1 10.0.0.1 7000 typ srflx raddr 10.0.0.1 rport 9 tcptype so "
		 "generation 0",
			TULLE_ICE_TCP_SO},
		{"candidate:1 1 tcp 1 10.0.0.1 7000 typ host", 0},
		{"candidate:1 1 tcp 1 10.0.0.1 7000 typ host tcptype other", 0},
		{"candidate:1 1 udp 1 10.0.0.1 7000 typ host tcptype active", 0}};
	tulle_ice_candidate c;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_int_eq(
			tulle_ice_read_candidate(tulle_text_of(cases[i].text), &c), TULLE_TAKEN);
		ck_assert_uint_eq(c.tcp, cases[i].tcp);
	}
	Net n;
	begin(&n, &caller, &callee);
	tcp_path(&n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 5555);
	tcp_path(&n, 0, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	gather(&n);
	for (size_t i = 0; i < 2; i++) {
		tulle_text line = {n.end[0].candidates[i], n.end[0].candidate_lens[i]};
		ck_assert_int_eq(tulle_ice_read_candidate(line, &c), TULLE_TAKEN);
		ck_assert(!c.is_udp && tulle_text_is(c.transport, TULLE_TEXT("tcp")));
		ck_assert_uint_eq(c.tcp, i == 0 ? TULLE_ICE_TCP_ACTIVE : TULLE_ICE_TCP_PASSIVE);
		ck_assert_uint_eq(c.addr.port, i == 0 ? 9 : 7000);
	}
	net_wipe(&n);
}
END_TEST

/* ICE-122, ICE-124, ICE-132 RFC6544:6.2, RFC6544:4.1: so is passed over and never told */
START_TEST(only_ours_that_opens_is_paired_and_only_with_one_that_takes)
{
	Net n;
	begin(&n, &caller, &callee);
	end_path(&n, &n.end[0], "127.0.0.1", 5000);
	tcp_path(&n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 9);
	tcp_path(&n, 0, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	gather(&n);
	ck_assert_int_eq(tulle_ice_set_remote(
				 n.end[0].ice, 0, TULLE_TEXT("them"), TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	ck_assert_int_eq(add_text(&n, "candidate:1 1 tcp 100 127.0.0.1 9 typ host tcptype active"),
		TULLE_TAKEN);
	ck_assert_int_eq(add_text(&n, "candidate:2 1 tcp 100 127.0.0.1 8001 typ host tcptype so"),
		TULLE_TAKEN);
	ck_assert_int_eq(add_text(&n, "candidate:3 1 tcp 100 127.0.0.1 8002 typ host"),
		TULLE_DROP_ICE_UNSUPPORTED);
	ck_assert_uint_eq(pairs_of(&n, 0), 0);
	ck_assert_int_eq(
		add_text(&n, "candidate:4 1 tcp 100 127.0.0.1 8003 typ host tcptype passive"),
		TULLE_TAKEN);
	ck_assert_uint_eq(pairs_of(&n, 0), 1);
	/* the same address and port is another over UDP */
	ck_assert_int_eq(
		add_text(&n, "candidate:5 1 udp 101 127.0.0.1 8003 typ host"), TULLE_TAKEN);
	ck_assert_uint_eq(pairs_of(&n, 0), 2);
	tulle_ice_pair_stats p;
	for (size_t i = 0; tulle_ice_read_pair(n.end[0].ice, i, &p); i++)
		ck_assert_uint_eq(p.path.id, p.tcp ? ACTIVE : 100);
	/* no relay's server is asked to let streams through */
	size_t cursor = 0, count = 0;
	tulle_addr addr;
	while (tulle_ice_next_remote(n.end[0].ice, &cursor, &addr))
		count++;
	ck_assert_uint_eq(count, 1);
	net_wipe(&n);
}
END_TEST

/* RFC6544:4.1: off unless it is asked for */
START_TEST(without_the_option_there_is_no_tcp)
{
	Net n;
	begin(&n, &controlling, &controlled);
	tulle_addr at = addr_of("127.0.0.1", 7000);
	ck_assert_int_eq(
		tulle_ice_add_tcp_path(n.end[0].ice, 0, PASSIVE, TULLE_ICE_TCP_PASSIVE, at),
		TULLE_OK);
	gather(&n);
	ck_assert_uint_eq(n.end[0].candidate_count, 0);
	ck_assert_int_eq(
		add_text(&n, "candidate:4 1 tcp 100 127.0.0.1 8003 typ host tcptype passive"),
		TULLE_DROP_ICE_UNSUPPORTED);
	ck_assert_int_eq(tulle_ice_add_tcp_path(n.end[0].ice, 0, PASSIVE, TULLE_ICE_TCP_SO, at),
		TULLE_ERR_ARGUMENT);
	net_wipe(&n);
	/* RFC6544:4.4: a lite one takes and opens none */
	const tulle_ice_config lite = {.lite = true, .loopback = true, .tcp = true};
	begin(&n, &lite, &callee);
	tcp_path(&n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 9);
	tcp_path(&n, 0, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	gather(&n);
	ck_assert_uint_eq(n.end[0].candidate_count, 1);
	net_wipe(&n);
}
END_TEST

/* ICE-126 RFC6544:4.2: 2^13 x direction + other; a foundation of its own */
START_TEST(tcp_is_below_udp_and_opening_above_taking)
{
	Net n;
	tulle_ice_candidate c[3];
	char text[192];
	begin(&n, &caller, &callee);
	const tulle_ice_config wide = {.tcp = true};
	net_wipe(&n);
	begin(&n, &wide, &wide);
	tcp_path(&n, 0, TULLE_ICE_TCP_PASSIVE, "2001:db8::1", 7000);
	tcp_path(&n, 0, TULLE_ICE_TCP_ACTIVE, "2001:db8::1", 9);
	end_path(&n, &n.end[0], "2001:db8::1", 5000);
	for (size_t i = 0; i < 3; i++) {
		size_t len = tulle_ice_write_local(n.end[0].ice, i, text, sizeof text);
		ck_assert_int_eq(
			tulle_ice_read_candidate((tulle_text){text, len}, &c[i]), TULLE_TAKEN);
		c[i].foundation.len =
			(size_t)(c[i].foundation.ptr[0] - '0'); /* the text is overwritten */
	}
	ck_assert_uint_eq(c[0].priority, 90u << 24 | ((4u << 13) + 8191u) << 8 | 255u);
	ck_assert_uint_eq(c[1].priority, 90u << 24 | ((6u << 13) + 8191u) << 8 | 255u);
	ck_assert_uint_eq(c[2].priority, 126u << 24 | 65535u << 8 | 255u);
	ck_assert_uint_eq(c[0].foundation.len, c[1].foundation.len);
	ck_assert_uint_ne(c[0].foundation.len, c[2].foundation.len);
	net_wipe(&n);
}
END_TEST

/* ICE-125 RFC6544:7.1, 7.2: the stream first, then one check and no second; who takes learns the
 * other */
START_TEST(a_check_waits_for_its_stream)
{
	Net n;
	tulle_path path;
	tulle_ice_pair_stats p;
	one_way(&n);
	n.delay = 20000;
	ck_assert_uint_eq(pairs_of(&n, 1), 0);
	settle(&n);
	ck_assert_uint_eq(n.end[0].sent, 0);
	ck_assert(tulle_ice_poll_stream(n.end[0].ice, &path));
	ck_assert(!tulle_ice_poll_stream(n.end[0].ice, &(tulle_path){0}));
	run(&n, 2 * SECOND);
	ck_assert_uint_eq(n.end[0].sent, 0);
	tulle_ice_stream_opened(n.end[0].ice, n.now, &path);
	n.cut = true;
	go(&n, 12 * SECOND);
	ck_assert_uint_eq(n.end[0].sent, 1);
	net_wipe(&n);

	one_way(&n);
	n.delay = 20000;
	go(&n, SECOND);
	ck_assert(is_open(&n));
	ck_assert_uint_eq(opened, 1);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
	ck_assert(tulle_ice_path(n.end[1].ice, &path));
	ck_assert_uint_eq(path.id, PASSIVE);
	ck_assert_uint_eq(path.remote.port, 40000);
	ck_assert(tulle_ice_read_pair(n.end[1].ice, 0, &p));
	ck_assert(p.tcp && p.nominated && p.remote_type == TULLE_ICE_PRFLX);
	ck_assert(tulle_ice_is_validated(n.end[1].ice, &path));
	path.id = ACTIVE;
	ck_assert(!tulle_ice_is_validated(n.end[1].ice, &path));
	ck_assert(tulle_ice_rtt(n.end[0].ice) == 40000);
	net_wipe(&n);
}
END_TEST

/* RFC6544:7.1: no connection, no pair */
START_TEST(a_stream_that_does_not_open_fails_its_pair)
{
	Net n;
	tulle_ice_pair_stats p;
	one_way(&n);
	refuse = true;
	go(&n, SECOND);
	ck_assert_uint_eq(refused, 1);
	ck_assert(tulle_ice_read_pair(n.end[0].ice, 0, &p));
	ck_assert(p.state == TULLE_ICE_PAIR_FAILED && p.timed_out && p.checks_sent == 0);
	run(&n, 41 * SECOND);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_FAILED);
	net_wipe(&n);
	/* nor when nobody says anything */
	one_way(&n);
	run(&n, SECOND);
	tulle_path path;
	ck_assert(tulle_ice_poll_stream(n.end[0].ice, &path));
	run(&n, 41 * SECOND);
	ck_assert(tulle_ice_read_pair(n.end[0].ice, 0, &p));
	ck_assert_int_eq(p.state, TULLE_ICE_PAIR_FAILED);
	ck_assert(!tulle_ice_keeps_stream(n.end[0].ice, &path));
	net_wipe(&n);
}
END_TEST

/* RFC6544:12: attackers with the password point us at doors */
START_TEST(five_streams_are_opened_at_a_time)
{
	Net n;
	tulle_path paths[16];
	char text[128];
	size_t count = 0;
	begin(&n, &caller, &callee);
	tcp_path(&n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 9);
	gather(&n);
	tell_remote(&n, 0);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(text, sizeof text,
			"candidate:%u 1 tcp 100 127.0.0.1 %u typ host tcptype passive", i + 1,
			8000 + i);
		ck_assert_int_eq(add_text(&n, text), TULLE_TAKEN);
	}
	run(&n, 2 * SECOND);
	while (tulle_ice_poll_stream(n.end[0].ice, &paths[count]))
		count++;
	ck_assert_uint_eq(count, 5);
	tulle_ice_stream_ended(n.end[0].ice, n.now, &paths[0]);
	run(&n, 3 * SECOND);
	while (tulle_ice_poll_stream(n.end[0].ice, &paths[count]))
		count++;
	ck_assert_uint_eq(count, 6);
	net_wipe(&n);
}
END_TEST

static void both_ways(Net *n)
{
	begin(n, &caller, &callee);
	end_path(n, &n->end[0], "127.0.0.1", 5001);
	tcp_path(n, 0, TULLE_ICE_TCP_ACTIVE, "127.0.0.1", 9);
	end_path(n, &n->end[1], "127.0.0.1", 5002);
	tcp_path(n, 1, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	meet(n);
}

static bool without_udp(void *user, size_t from, const tulle_datagram *d, const uint8_t *data)
{
	(void)carry(user, from, d, data);
	return false;
}

/* RFC6544:8: UDP is nominated, our stream may go; and comes again when UDP is silent */
START_TEST(streams_that_were_not_nominated_are_left_and_come_again)
{
	Net n;
	tulle_path stream = {.id = ACTIVE,
		.local = addr_of("127.0.0.1", 9),
		.remote = addr_of("127.0.0.1", 7000)};
	tulle_path path;
	both_ways(&n);
	settle(&n);
	ck_assert(open_wanted(&n));
	go(&n, SECOND);
	ck_assert(tulle_ice_path(n.end[0].ice, &path) && path.id < ACTIVE);
	ck_assert_uint_eq(opened, 1);
	ck_assert(tulle_ice_keeps_stream(n.end[0].ice, &stream));
	go(&n, 4 * SECOND);
	ck_assert(!tulle_ice_keeps_stream(n.end[0].ice, &stream));
	tulle_ice_stream_ended(n.end[0].ice, n.now, &stream);
	path = (tulle_path){.id = PASSIVE, .remote = addr_of("127.0.0.1", 40000)};
	tulle_ice_stream_ended(n.end[1].ice, n.now, &path);
	go(&n, 6 * SECOND);
	ck_assert_uint_eq(opened, 1);
	n.watch = without_udp;
	go(&n, 30 * SECOND);
	ck_assert_uint_eq(opened, 2);
	ck_assert(tulle_ice_path(n.end[0].ice, &path) && path.id == ACTIVE);
	ck_assert(tulle_ice_path(n.end[1].ice, &path) && path.id == PASSIVE);
	ck_assert(tulle_ice_keeps_stream(n.end[0].ice, &stream));
	net_wipe(&n);
}
END_TEST

/* ICE-130 RFC6544:11.1: who opened it opens it again, who took it waits */
START_TEST(a_stream_that_breaks_is_opened_once_more)
{
	Net n;
	tulle_path ours, theirs;
	one_way(&n);
	go(&n, SECOND);
	ck_assert(tulle_ice_path(n.end[0].ice, &ours) && tulle_ice_path(n.end[1].ice, &theirs));
	tulle_ice_stream_ended(n.end[1].ice, n.now, &theirs);
	guard_end(&n.end[1]);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_DISCONNECTED);
	ck_assert(!tulle_ice_path(n.end[1].ice, &theirs));
	ck_assert(!tulle_ice_is_validated(n.end[1].ice, &theirs));
	tulle_ice_stream_ended(n.end[0].ice, n.now, &ours);
	guard_end(&n.end[0]);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_DISCONNECTED);
	go(&n, 2 * SECOND);
	ck_assert_uint_eq(opened, 2);
	ck_assert(is_open(&n));
	/* and not again and again when nobody is there */
	refuse = true;
	tulle_ice_stream_ended(n.end[0].ice, n.now, &ours);
	go(&n, 5 * SECOND);
	ck_assert_uint_eq(refused, 1);
	net_wipe(&n);
}
END_TEST

/* ICE-131 RFC7675:5.1 */
START_TEST(consent_goes_over_streams)
{
	Net n;
	one_way(&n);
	go(&n, 60 * SECOND);
	ck_assert_uint_eq(opened, 1);
	ck_assert(is_open(&n));
	n.cut = true;
	run(&n, 91 * SECOND);
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_FAILED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_FAILED);
	net_wipe(&n);
}
END_TEST

/* RFC6544:9.2: the stream in use is kept, and serves the new generation */
START_TEST(a_restart_keeps_the_stream)
{
	Net n;
	tulle_path ours;
	one_way(&n);
	go(&n, SECOND);
	ck_assert(tulle_ice_path(n.end[0].ice, &ours));
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(tulle_ice_restart(n.end[i].ice, n.now), TULLE_OK);
		n.end[i].candidate_count = 0;
		n.end[i].gathered = false;
		end_events(&n.end[i]);
	}
	for (size_t i = 0; i < 2; i++)
		tell_remote(&n, i);
	ck_assert(tulle_ice_keeps_stream(n.end[0].ice, &ours));
	for (size_t i = 0; i < 2; i++)
		tell_candidates(&n, i, true);
	go(&n, n.now + SECOND);
	ck_assert(is_open(&n));
	ck_assert_int_eq(state_of(&n, 0), TULLE_ICE_COMPLETED);
	ck_assert_int_eq(state_of(&n, 1), TULLE_ICE_COMPLETED);
	go(&n, n.now + 4 * SECOND);
	ck_assert(tulle_ice_keeps_stream(n.end[0].ice, &ours));
	/* what carries during a restart is lost like any other */
	ck_assert_int_eq(tulle_ice_restart(n.end[0].ice, n.now), TULLE_OK);
	ck_assert_int_eq(tulle_ice_set_remote(n.end[0].ice, n.now, TULLE_TEXT("them"),
				 TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	ck_assert(tulle_ice_path(n.end[0].ice, &ours));
	tulle_ice_stream_ended(n.end[0].ice, n.now, &ours);
	guard_end(&n.end[0]);
	ck_assert(!tulle_ice_path(n.end[0].ice, &ours));
	ck_assert(!tulle_ice_keeps_stream(n.end[0].ice, &ours));
	net_wipe(&n);
}
END_TEST

/* ICE-129: a check from before the remote's credentials makes its stream one to keep */
START_TEST(early_streams_are_kept_as_long_as_they_last)
{
	Net n;
	begin(&n, &callee, &callee);
	tcp_path(&n, 0, TULLE_ICE_TCP_PASSIVE, "127.0.0.1", 7000);
	gather(&n);
	tulle_path path = {.id = PASSIVE, .remote = addr_of("127.0.0.1", 40001)};
	ck_assert(!tulle_ice_keeps_stream(n.end[0].ice, &path));
	ck_assert_int_eq(send_check_from(&n, &(Check){.role = 1}, "127.0.0.1", 40001), TULLE_TAKEN);
	ck_assert(tulle_ice_keeps_stream(n.end[0].ice, &path));
	ck_assert(tulle_ice_is_validated(n.end[0].ice, &path));
	tulle_ice_stream_ended(n.end[0].ice, n.now, &path);
	ck_assert(!tulle_ice_keeps_stream(n.end[0].ice, &path));
	ck_assert(!tulle_ice_is_validated(n.end[0].ice, &path));
	ck_assert_int_eq(tulle_ice_set_remote(
				 n.end[0].ice, 0, TULLE_TEXT("them"), TULLE_TEXT(THEIR_PWD), false),
		TULLE_OK);
	ck_assert_uint_eq(pairs_of(&n, 0), 0);
	net_wipe(&n);
}
END_TEST

Suite *suite_ice_tcp(void)
{
	Suite *s = suite_create("ice_tcp");
	TCase *t = tcase_create("ice_tcp");
	tcase_add_test(t, a_candidate_says_who_opens_the_stream);
	tcase_add_test(t, only_ours_that_opens_is_paired_and_only_with_one_that_takes);
	tcase_add_test(t, without_the_option_there_is_no_tcp);
	tcase_add_test(t, tcp_is_below_udp_and_opening_above_taking);
	tcase_add_test(t, a_check_waits_for_its_stream);
	tcase_add_test(t, a_stream_that_does_not_open_fails_its_pair);
	tcase_add_test(t, five_streams_are_opened_at_a_time);
	tcase_add_test(t, streams_that_were_not_nominated_are_left_and_come_again);
	tcase_add_test(t, a_stream_that_breaks_is_opened_once_more);
	tcase_add_test(t, consent_goes_over_streams);
	tcase_add_test(t, a_restart_keeps_the_stream);
	tcase_add_test(t, early_streams_are_kept_as_long_as_they_last);
	suite_add_tcase(s, t);
	return s;
}
