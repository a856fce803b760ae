/* SPDX-License-Identifier: MIT */
/* sctp: chunks of the handshake that come when an association is there: RFC9260:5.2. */
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

static tulle_sctp *end0(void)
{
	return p.end[0].sctp;
}

/* The INIT ACK that end 0 says, and what its cookie holds. */
static tulle_sctp_init_chunk caught_init_ack(sctp_cookie *cookie)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_init_chunk ack;
	hand_expect(&p, 0, SCTP_INIT_ACK);
	ck_assert(pair_find(&p.end[0], SCTP_INIT_ACK, 0, &chunk));
	ck_assert_int_eq(tulle_sctp_read_init(chunk.value, &ack), TULLE_TAKEN);
	ck_assert_int_eq(tulle_sctp_take_cookie(end0(), ack.cookie, cookie), TULLE_TAKEN);
	return ack;
}

/* SCTP-046 RFC9260:5.2.1, SCTP-047 RFC9260:5.2.2, SCTP-050 RFC9260:9.2: an INIT in each state */
START_TEST(an_init_in_each_state_changes_nothing)
{
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		sctp_identity before = end0()->identity;
		tulle_time t1 = end0()->timers[SCTP_T_INIT];
		hand_init init = hand_default(SCTP_INIT);
		ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_TAKEN);
		ck_assert_mem_eq(&before, &end0()->identity, sizeof before);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
		ck_assert_int_eq(end0()->timers[SCTP_T_INIT], t1);
		if (state == S(SHUTDOWN_ACK_SENT)) {
			hand_expect(&p, 0, SCTP_SHUTDOWN_ACK);
			ck_assert_uint_eq(hand_tag_said(&p, 0, 0), before.remote_tag);
			continue;
		}
		sctp_cookie cookie;
		tulle_sctp_init_chunk ack = caught_init_ack(&cookie);
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), init.tag);
		bool up = state >= S(ESTABLISHED);
		ck_assert((ack.tag == before.local_tag) == !up);
		ck_assert(up || ack.tsn == before.local_tsn);
		ck_assert_uint_eq(cookie.identity.local_tag, ack.tag);
		ck_assert_uint_eq(cookie.identity.remote_tag, init.tag);
		bool tied = state != S(COOKIE_WAIT);
		ck_assert_uint_eq(cookie.local_tie, tied ? before.local_tag : 0);
		ck_assert_uint_eq(cookie.remote_tie, tied ? before.remote_tag : 0);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_RESTARTED], 0);
	}
}
END_TEST

/* RFC9260:5.2.2: in CLOSED there are no tie-tags */
START_TEST(an_init_in_closed_leaves_nothing_behind)
{
	hand_state(&p, S(CLOSED));
	hand_init init = hand_default(SCTP_INIT);
	sctp_cookie cookie;
	ck_assert_int_eq(hand_give_init(&p, 0, &init), TULLE_TAKEN);
	caught_init_ack(&cookie);
	ck_assert_uint_eq(cookie.local_tie, 0);
	ck_assert_uint_eq(cookie.remote_tie, 0);
	ck_assert_uint_eq(end0()->identity.remote_tag, 0);
	ck_assert(tulle_sctp_poll_timeout(end0()) == TULLE_TIME_NEVER);
	ck_assert_uint_eq(tulle_pool_free(p.pool), tulle_pool_blocks(p.pool));
}
END_TEST

/* SCTP-043 RFC9260:5.2.3, SCTP-044 RFC9260:5.2.5 */
START_TEST(an_init_ack_and_a_cookie_ack_out_of_place_are_dropped)
{
	static const uint8_t cookie[] = {0, 7, 0, 8, 1, 2, 3, 4};
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		hand_state(&p, state);
		if (state != S(COOKIE_ECHOED))
			ck_assert_int_eq(
				hand_give(&p, 0, SCTP_COOKIE_ACK, 0, 0, NULL), TULLE_DROP_STATE);
		for (uint32_t tag = 0; tag < 2 && state != S(COOKIE_WAIT); tag++) {
			hand_init ack = hand_default(SCTP_INIT_ACK);
			ack.tag = tag;
			ack.extra = cookie;
			ack.extra_len = sizeof cookie;
			ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_DROP_STATE);
		}
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
}
END_TEST

/* -- RFC9260:5.2.4, table 12 -- */

/* A cookie of our own making, whatever it says. */
static size_t write_cookie_echo(
	uint8_t *dst, const sctp_identity *id, uint32_t local_tie, uint32_t remote_tie)
{
	uint8_t cookie[SCTP_COOKIE_BYTES];
	sctp_reply reply = {.identity = *id, .local_tie = local_tie, .remote_tie = remote_tie};
	ck_assert(tulle_sctp_make_cookie(end0(), &reply, cookie));
	tulle_wr w = tulle_wr_make(dst, 128);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
	tulle_wr_bytes(&w, cookie, sizeof cookie);
	tulle_sctp_chunk_end(&w, at);
	return w.len;
}

typedef struct {
	bool local, remote; /* match */
	unsigned ties[2];   /* 0: none, 1: matches, 2: another */
} row;

static uint32_t tie(unsigned kind, uint32_t tag)
{
	return kind == 0 ? 0 : kind == 1 ? tag : tag ^ 0x5555;
}

static char action_of(const row *r, tulle_sctp_state state)
{
	if (r->local)
		return r->remote ? 'D' : 'B';
	if (r->remote)
		return 'C'; /* and rows that the table does not have: the same */
	/* before we are up no cookie of ours has another tag than ours (5.2.1) */
	return r->ties[0] == 1 && r->ties[1] == 1 && state >= S(ESTABLISHED) ? 'A' : 'C';
}

static void ck_acknowledged(const sctp_identity *id)
{
	ck_assert_int_eq(tulle_sctp_state_now(end0()), S(ESTABLISHED));
	ck_assert_uint_eq(end0()->identity.remote_tag, id->remote_tag);
	ck_assert_uint_eq(end0()->identity.local_tag, id->local_tag);
	ck_assert_uint_eq(end0()->in.cumulative, id->remote_tsn - 1);
	ck_assert_uint_eq(end0()->out.next_tsn, id->local_tsn);
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_INIT));
	ck_assert(!tulle_sctp_is_timing(end0(), SCTP_T_SHUTDOWN));
}

static void try_row(const row *r, tulle_sctp_state state)
{
	uint8_t echo[128];
	hand_state(&p, state);
	sctp_identity id = end0()->identity, before = id;
	id.local_tag ^= r->local ? 0 : 0x77;
	if (!r->remote) { /* in COOKIE-WAIT ours is 0: the table's "M, 0" */
		id.remote_tag ^= 0x99;
		id.remote_tsn += 1000;
		id.remote_window = 70000;
		id.remote_streams_in = id.remote_streams_out = 60;
	}
	size_t n = write_cookie_echo(
		echo, &id, tie(r->ties[0], before.local_tag), tie(r->ties[1], before.remote_tag));
	tulle_drop drop = pair_inject(&p, 0, id.local_tag, echo, n);
	char action = action_of(r, state);
	tulle_sctp_chunk chunk;
	unsigned said = pair_catch(&p, 0);
	bool acked = pair_find(&p.end[0], SCTP_COOKIE_ACK, 0, &chunk);
	pair_events(&p, 0);
	unsigned restarts = p.end[0].events[TULLE_SCTP_RESTARTED];
	if (action == 'C') {
		ck_assert_int_eq(drop, TULLE_DROP_SCTP_COOKIE);
		ck_assert_uint_eq(said, 0);
		ck_assert_mem_eq(&before, &end0()->identity, sizeof before);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
	} else if (action != 'D' && state == S(SHUTDOWN_ACK_SENT)) { /* SCTP-051 */
		ck_assert_int_eq(drop, TULLE_DROP_STATE);
		ck_assert(!acked && pair_find(&p.end[0], SCTP_SHUTDOWN_ACK, 0, &chunk));
		ck_assert(pair_find(&p.end[0], SCTP_ERROR, 0, &chunk));
		ck_assert_mem_eq(chunk.value.ptr, "\0\12\0\4", 4);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
	} else if (action == 'D') {
		ck_assert(drop == TULLE_TAKEN && acked);
		ck_assert_int_eq(tulle_sctp_state_now(end0()),
			state == S(COOKIE_ECHOED) ? S(ESTABLISHED) : state);
	} else {
		ck_assert(drop == TULLE_TAKEN && acked);
		ck_acknowledged(&id);
	}
	/* B before we are up is no restart; when we are up and nothing has passed, neither */
	bool restarted = action == 'A' || (action == 'B' && state > S(ESTABLISHED));
	ck_assert_uint_eq(restarts, restarted && state != S(SHUTDOWN_ACK_SENT));
}

/* SCTP-048 RFC9260:5.2.4, SCTP-051 RFC9260:3.3.10.10 */
START_TEST(every_row_of_table_12_in_each_state)
{
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++)
		for (unsigned i = 0; i < 36; i++) {
			row r = {(i & 1) != 0, (i & 2) != 0, {i / 4 % 3, i / 12}};
			if (state == S(COOKIE_WAIT) && r.remote)
				continue; /* no tag of the peer is known yet */
			try_row(&r, state);
		}
}
END_TEST

/* RFC9260:5.2.4 3: an old cookie is told to be stale unless both tags are ours (5.2, E) */
START_TEST(an_old_cookie_is_stale_unless_it_made_this_association)
{
	for (unsigned i = 0; i < 4; i++) {
		uint8_t echo[128];
		tulle_sctp_chunk chunk;
		hand_state(&p, S(ESTABLISHED));
		sctp_identity id = end0()->identity, before = id;
		id.local_tag ^= i & 1;
		id.remote_tag ^= i & 2;
		size_t n = write_cookie_echo(echo, &id, before.local_tag, before.remote_tag);
		p.now += TULLE_SCTP_COOKIE_LIFE_US + 1;
		tulle_drop drop = pair_inject(&p, 0, id.local_tag, echo, n);
		pair_catch(&p, 0);
		bool stale = pair_find(&p.end[0], SCTP_ERROR, 0, &chunk);
		ck_assert(stale == (i != 0));
		ck_assert_int_eq(drop, i == 0 ? TULLE_TAKEN : TULLE_DROP_SCTP_COOKIE);
		ck_assert(pair_find(&p.end[0], SCTP_COOKIE_ACK, 0, &chunk) == (i == 0));
		if (stale)
			ck_assert_uint_eq(hand_tag_said(&p, 0, 0), id.remote_tag);
		ck_assert_mem_eq(&before, &end0()->identity, sizeof before);
	}
}
END_TEST

/* SCTP-049 RFC9260:5.2.4 A: what was under way is gone, and the path is measured anew */
START_TEST(a_restart_begins_with_empty_hands)
{
	static uint8_t bytes[1100];
	uint8_t echo[128];
	hand_state(&p, S(ESTABLISHED));
	tulle_sctp *s = end0();
	for (int i = 0; i < 40; i++)
		tulle_sctp_send(s, p.now, 3, 51, bytes, sizeof bytes, NULL);
	tulle_sctp_reset_stream(s, p.now, 4);
	pair_catch(&p, 0);
	pair_data(&p, 0, 0, 2, 0, SCTP_FLAG_B, "half");
	pair_data(&p, 0, 5, 2, 4, SCTP_FLAG_B | SCTP_FLAG_E, "early");
	s->cc.cwnd = 999999;
	sctp_identity id = s->identity;
	id.local_tag++;
	id.remote_tag++;
	id.local_tsn += 500;
	id.remote_tsn += 500;
	size_t n = write_cookie_echo(echo, &id, s->identity.local_tag, s->identity.remote_tag);
	ck_assert_int_eq(pair_inject(&p, 0, id.local_tag, echo, n), TULLE_TAKEN);
	ck_acknowledged(&id);
	ck_assert_uint_eq(tulle_sctp_unacked_total(s), 0);
	ck_assert_uint_eq(s->out.blocks + s->in.blocks, 0);
	ck_assert_uint_lt(s->cc.cwnd, 99999);
	ck_assert_uint_eq(s->resets.sequence, id.local_tsn);
	ck_assert(!tulle_sctp_is_timing(s, SCTP_T_RTX) && !tulle_sctp_is_timing(s, SCTP_T_RESET));
	hand_expect(&p, 0, SCTP_COOKIE_ACK);
	ck_assert_uint_eq(hand_tag_said(&p, 0, 0), id.remote_tag);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_RESTARTED], 1);
	ck_assert_int_eq(pair_data(&p, 0, 0, 2, 0, SCTP_FLAG_B | SCTP_FLAG_E, "new"), TULLE_TAKEN);
	pair_events(&p, 0);
	ck_assert_mem_eq(p.end[0].got, "new", 3);
}
END_TEST

/* RFC9260:5.2.4 B: the peer took another tag while we came up. What is queued goes to it; once
 * data has passed, its numbers can no longer be ours. */
START_TEST(another_tag_of_the_peer_is_taken_over)
{
	for (unsigned touched = 0; touched < 2; touched++) {
		uint8_t echo[128];
		hand_state(&p, S(ESTABLISHED));
		tulle_sctp *s = end0();
		if (touched)
			pair_data(&p, 0, 0, 2, 0, SCTP_FLAG_B | SCTP_FLAG_E, "old");
		tulle_sctp_send(s, p.now, 3, 51, "queued", 6, NULL);
		sctp_identity id = s->identity;
		id.remote_tag++;
		id.remote_tsn += 500;
		id.remote_streams_in = 7;
		size_t n = write_cookie_echo(echo, &id, 0, 0);
		ck_assert_int_eq(pair_inject(&p, 0, id.local_tag, echo, n), TULLE_TAKEN);
		ck_acknowledged(&id);
		ck_assert_uint_eq(s->streams_out, 7);
		tulle_sctp_chunk chunk;
		hand_expect(&p, 0, SCTP_COOKIE_ACK);
		ck_assert_uint_eq(hand_tag_said(&p, 0, 0), id.remote_tag);
		ck_assert(pair_find(&p.end[0], SCTP_DATA, 0, &chunk) == !touched);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_RESTARTED], touched);
	}
}
END_TEST

/* SCTP-045 RFC9260:5.2.1: INITs cross, in every order of what follows, with each packet lost once
 */
START_TEST(who_connects_at_once_gets_one_association)
{
	for (unsigned lost = 0; lost < 12; lost++) {
		if (p.pool != NULL)
			pair_close(&p);
		memset(&p, 0, sizeof p);
		p.config.streams_max = 100;
		pair_open(&p, 100);
		unsigned count = 0;
		for (int i = 0; i < 2; i++)
			tulle_sctp_connect(p.end[i].sctp, p.now);
		for (int turn = 0; turn < 40; turn++) {
			for (int i = 0; i < 2; i++)
				pair_catch(&p, i);
			for (int i = 0; i < 2; i++)
				for (unsigned k = 0; k < p.end[i].packets; k++)
					if (count++ != lost)
						pair_give(&p, 1 - i, p.end[i].packet[k],
							p.end[i].packet_len[k]);
			if (turn % 4 == 3) {
				p.now += 1000000;
				for (int i = 0; i < 2; i++)
					tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
			}
		}
		for (int i = 0; i < 2; i++) {
			pair_events(&p, i);
			ck_assert_uint_eq(p.end[i].events[TULLE_SCTP_CONNECTED], 1);
			ck_assert_uint_eq(p.end[i].events[TULLE_SCTP_RESTARTED], 0);
			ck_assert_uint_eq(p.end[i].sctp->identity.remote_tag, pair_tag(&p, 1 - i));
		}
		tulle_sctp_send(p.end[0].sctp, p.now, 1, 51, "hi", 2, NULL);
		pair_settle(&p);
		ck_assert_uint_eq(p.end[1].got_len, 2);
	}
}
END_TEST

/* SCTP-197: an INIT that was described is the one that is sent when the other side has none */
START_TEST(who_alone_has_snap_connects_as_ever)
{
	uint8_t described[64];
	size_t len;
	p.config.streams_max = 100;
	pair_open(&p, 100);
	ck_assert_int_eq(tulle_sctp_write_init(end0(), p.now, described, 64, &len), TULLE_OK);
	tulle_sctp_connect(end0(), p.now);
	tulle_sctp_chunk init;
	hand_expect(&p, 0, SCTP_INIT);
	ck_assert(pair_find(&p.end[0], SCTP_INIT, 0, &init));
	ck_assert_uint_eq(init.whole.len, len);
	ck_assert_mem_eq(init.whole.ptr, described, len);
	tulle_bytes both = {described, len};
	ck_assert_int_eq(tulle_sctp_start_from(end0(), p.now, both, both), TULLE_ERR_STATE);
	pair_give(&p, 1, p.end[0].packet[0], p.end[0].packet_len[0]);
	pair_settle(&p);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_CONNECTED], 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_CONNECTED], 1);
}
END_TEST

/* SCTP-199: one that was set up by SNAP restarts as any other, and an INIT alone changes nothing */
START_TEST(a_snap_association_keeps_its_tags_until_a_cookie_proves_a_restart)
{
	uint8_t init[2][64];
	size_t len[2];
	p.config.streams_max = 100;
	pair_open(&p, 100);
	for (int i = 0; i < 2; i++)
		tulle_sctp_write_init(p.end[i].sctp, p.now, init[i], 64, &len[i]);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			tulle_sctp_start_from(p.end[i].sctp, p.now, (tulle_bytes){init[i], len[i]},
				(tulle_bytes){init[1 - i], len[1 - i]}),
			TULLE_OK);
	pair_settle(&p);
	sctp_identity before = end0()->identity;
	hand_init again = hand_default(SCTP_INIT);
	ck_assert_int_eq(hand_give_init(&p, 0, &again), TULLE_TAKEN);
	ck_assert_mem_eq(&before, &end0()->identity, sizeof before);
	tulle_sctp_chunk chunk;
	sctp_cookie cookie;
	tulle_sctp_init_chunk ack = caught_init_ack(&cookie);
	uint8_t echo[256];
	tulle_wr w = tulle_wr_make(echo, sizeof echo);
	size_t at = tulle_sctp_chunk_start(&w, SCTP_COOKIE_ECHO, 0);
	tulle_wr_bytes(&w, ack.cookie.ptr, ack.cookie.len);
	tulle_sctp_chunk_end(&w, at);
	ck_assert_int_eq(pair_inject(&p, 0, before.local_tag, echo, w.len), TULLE_DROP_SCTP_TAG);
	ck_assert_int_eq(pair_inject(&p, 0, ack.tag, echo, w.len), TULLE_TAKEN);
	ck_assert(pair_catch(&p, 0) == 1 && pair_find(&p.end[0], SCTP_COOKIE_ACK, 0, &chunk));
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_RESTARTED], 1);
}
END_TEST

/* SCTP-055 RFC9260:5.2.6: one INIT more, not a game that goes on as fast as the path does */
START_TEST(a_second_stale_cookie_is_the_end)
{
	static const uint8_t cookie[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
	/* not the first cause of the ERROR */
	static const uint8_t stale[] = {0, 8, 0, 4, 0, 3, 0, 8, 0, 0, 0, 9};
	hand_init ack = hand_default(SCTP_INIT_ACK);
	ack.extra = cookie;
	ack.extra_len = sizeof cookie;
	hand_state(&p, S(COOKIE_WAIT));
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(hand_give_init(&p, 0, &ack), TULLE_TAKEN);
		hand_expect(&p, 0, SCTP_COOKIE_ECHO);
		ck_assert_int_eq(hand_give(&p, 0, SCTP_ERROR, 0, sizeof stale, stale), TULLE_TAKEN);
		if (i == 0)
			hand_expect(&p, 0, SCTP_INIT);
	}
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
	ck_assert_uint_eq(p.end[0].last.cause, SCTP_C_STALE_COOKIE);
	for (tulle_sctp_state state = S(COOKIE_WAIT); state <= S(SHUTDOWN_ACK_SENT); state++) {
		if (state == S(COOKIE_ECHOED))
			continue;
		hand_state(&p, state); /* 5.2.6: elsewhere it means nothing */
		hand_give(&p, 0, SCTP_ERROR, 0, sizeof stale, stale);
		ck_assert_int_eq(tulle_sctp_state_now(end0()), state);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
	}
}
END_TEST

Suite *suite_sctp_restart(void);
Suite *suite_sctp_restart(void)
{
	Suite *s = suite_create("sctp_restart");
	TCase *t = tcase_create("restart");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_init_in_each_state_changes_nothing);
	tcase_add_test(t, an_init_in_closed_leaves_nothing_behind);
	tcase_add_test(t, an_init_ack_and_a_cookie_ack_out_of_place_are_dropped);
	tcase_add_test(t, every_row_of_table_12_in_each_state);
	tcase_add_test(t, an_old_cookie_is_stale_unless_it_made_this_association);
	tcase_add_test(t, a_restart_begins_with_empty_hands);
	tcase_add_test(t, another_tag_of_the_peer_is_taken_over);
	tcase_add_test(t, who_connects_at_once_gets_one_association);
	tcase_add_test(t, who_alone_has_snap_connects_as_ever);
	tcase_add_test(t, a_snap_association_keeps_its_tags_until_a_cookie_proves_a_restart);
	tcase_add_test(t, a_second_stale_cookie_is_the_end);
	suite_add_tcase(s, t);
	return s;
}
