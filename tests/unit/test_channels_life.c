/* SPDX-License-Identifier: MIT */
/* peer: the life of channels: ids and their bounds, sending and its accounts, closing in every
 * order, and what is left after all of it (RFC 8831, W3C webrtc-pc). */
#include "tests/unit/channels_help.h"

#include "base/serial.h"

static uint8_t big[300000];

/* DC-064 RTCDataChannelInit */
START_TEST(a_channel_is_ordered_and_reliable_unless_asked_otherwise)
{
	open_pair(NULL, NULL);
	for (int e = 0; e < 2; e++) {
		tulle_channel_init i = describe(c.end[e].peer, e == 0 ? chat : theirs);
		ck_assert(!i.unordered && !i.negotiated);
		ck_assert(!i.has_max_retransmits && !i.has_max_packet_lifetime);
		ck_assert_str_eq(i.protocol, "");
		ck_assert_int_eq(i.priority, TULLE_PRIORITY_LOW);
	}
	couple_close(&c);
}
END_TEST

static tulle_time next_timeout(void)
{
	return tulle_time_min(tulle_peer_poll_timeout(a()), tulle_peer_poll_timeout(b()));
}

/* SCTP-141: the peer learns the time with its next poll, which may be long after the last one */
START_TEST(a_lifetime_begins_with_the_send_however_long_nothing_happened)
{
	const tulle_channel_init brief = {
		.has_max_packet_lifetime = true, .max_packet_lifetime_ms = 100};
	open_pair(&brief, NULL);
	for (unsigned i = 1; i <= 3; i++) {
		while (next_timeout() - c.now < SECOND / 5)
			couple_run(&c, NULL, next_timeout() - c.now);
		c.now = next_timeout() - 1;
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "brief", 5), TULLE_OK);
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "brief", 5), TULLE_OK);
		settle();
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 2 * i);
	}
	couple_close(&c);
}
END_TEST

/* b no longer knows the channel, so it never resets its direction, as werift does. */
static void forget_at_b(void)
{
	peer_channel *k = tulle_peer_table_find(b(), theirs);
	tulle_peer_table_remove(b(), k);
}

static unsigned closes(void)
{
	return c.end[0].events[TULLE_PEER_CLOSE];
}

/* DC-045 RFC8831:6.7: our user does not wait for ever, and the id waits for the reset */
START_TEST(a_channel_whose_remote_never_resets_it_is_closed_in_time)
{
	tulle_channel next;
	open_pair(NULL, NULL);
	uint16_t id = tulle_peer_table_find(a(), chat)->stream;
	tulle_channel_pause(a(), chat, true);
	forget_at_b();
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	couple_run(&c, NULL, PEER_CLOSE_WAIT_US - SECOND);
	ck_assert_uint_eq(closes(), 0);
	ck_assert_int_eq(tulle_channel_state_of(a(), chat), TULLE_CHANNEL_CLOSING);
	couple_run(&c, NULL, 2 * SECOND);
	ck_assert_uint_eq(closes(), 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 0);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_ERR_GONE);
	ck_assert_int_eq(tulle_channel_state_of(a(), chat), TULLE_CHANNEL_CLOSED);
	/* what still comes on it is dropped, and no channel of ours gets its id */
	ck_assert_int_eq(tulle_sctp_send(b()->sctp, c.now, id, 51, "x", 1, NULL), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "next", NULL, &next), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_uint_ne(tulle_peer_table_find(a(), next)->stream, id);
	/* the reset comes after all */
	ck_assert_int_eq(tulle_sctp_reset_stream(b()->sctp, c.now, id), TULLE_OK);
	settle();
	ck_assert_uint_eq(closes(), 1);
	ck_assert_ptr_null(tulle_peer_table_by_stream(a(), id));
	ck_assert_int_eq(tulle_channel_create(a(), "again", NULL, &next), TULLE_OK);
	ck_assert_uint_eq(tulle_peer_table_find(a(), next)->stream, id);
	ck_assert_uint_eq(a()->channels.count, 2);
	couple_close(&c);
}
END_TEST

/* Nothing of those that wait is left behind, whatever ends first. */
START_TEST(channels_that_wait_for_a_reset_end_with_their_connection)
{
	for (int how = 0; how < 3; how++) {
		open_pair(NULL, NULL);
		forget_at_b();
		ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
		couple_run(&c, NULL, how == 0 ? SECOND : PEER_CLOSE_WAIT_US + SECOND);
		if (how == 2) /* the remote's; ours would hear nothing */
			tulle_peer_close(b());
		else
			tulle_peer_close(a());
		settle();
		ck_assert_uint_eq(closes(), how != 0);
		tulle_peer_table_check(a());
		ck_assert_ptr_null(a()->channels.late_first);
		couple_close(&c);
	}
}
END_TEST

/* W3C: a channel that our user closes ends without an error when its connection ends first. */
START_TEST(a_channel_that_closes_ends_in_peace_with_its_connection)
{
	for (int how = 0; how < 2; how++) {
		open_pair(NULL, NULL);
		ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
		if (how == 1) /* its reset is on the way */
			couple_run(&c, NULL, 1);
		ck_assert_int_eq(
			tulle_sctp_abort(b()->sctp, c.now, 0, (tulle_text){NULL, 0}), TULLE_OK);
		settle();
		ck_assert_uint_eq(closes(), 1);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 0);
		couple_close(&c);
	}
}
END_TEST

/* RFC8832:6: the remote opens anew on what it never reset: the old use is over for it */
START_TEST(a_stream_that_waits_for_its_reset_may_be_opened_anew)
{
	tulle_channel one;
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(b(), "one", NULL, &one), TULLE_OK);
	settle();
	theirs = one;
	chat = c.end[0].channel;
	forget_at_b();
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	couple_run(&c, NULL, PEER_CLOSE_WAIT_US + SECOND);
	ck_assert_uint_eq(closes(), 1);
	b()->channels.next_stream = 0;
	ck_assert_int_eq(tulle_channel_create(b(), "two", NULL, &one), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CHANNEL], 2);
	ck_assert_int_eq(tulle_channel_send_text(b(), one, "there", 5), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_MESSAGE], 1);
	couple_close(&c);
}
END_TEST

/* DC-038 DC-089 RFC8831:6.1, 6.2: and one id costs the same wherever it lies */
START_TEST(there_are_65535_streams_and_those_not_open_cost_nothing)
{
	tulle_channel high;
	const tulle_channel_init last = {.negotiated = true, .id = 65534};
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_uint_eq(tulle_peer_channels_max(a()), 0);
	couple_close(&c);
	open_pair(NULL, NULL);
	ck_assert_uint_eq(stats_of(a()).streams_in, 65535);
	ck_assert_uint_eq(stats_of(a()).streams_out, 65535);
	ck_assert(a()->sctp->identity.re_config);
	ck_assert_uint_eq(tulle_peer_channels_max(a()), 65535);
	size_t before = tulle_pool_free(a()->env.pool);
	ck_assert_int_eq(tulle_channel_create(a(), "", &last, &high), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(b(), "", &last, NULL), TULLE_OK);
	ck_assert_uint_ge(tulle_pool_free(a()->env.pool), before - 8);
	ck_assert_int_eq(tulle_channel_send_text(a(), high, "top", 3), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, 3);
	couple_close(&c);
}
END_TEST

/* DC-061 DC-062 DC-089: the remote has four streams */
START_TEST(ids_end_where_the_streams_of_the_remote_end)
{
	const tulle_peer_config few = {.channels_max = 4};
	const tulle_channel_init nine = {.negotiated = true, .id = 9};
	tulle_channel early;
	c = (couple){0};
	couple_open(&c, NULL, &few);
	ck_assert_int_eq(tulle_channel_create(a(), "", &nine, &early), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "one", NULL, NULL), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 1); /* of id 9 */
	ck_assert_int_eq(c.end[0].error, TULLE_ERR_LIMIT);
	ck_assert_int_eq(tulle_channel_close(a(), early), TULLE_ERR_GONE);
	ck_assert_uint_eq(tulle_peer_channels_max(a()), 4);
	ck_assert_int_eq(tulle_channel_create(a(), "", &nine, NULL), TULLE_ERR_LIMIT);
	ck_assert_int_eq(tulle_channel_create(a(), "three", NULL, NULL), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "five", NULL, NULL), TULLE_ERR_LIMIT);
	ck_assert_uint_eq(a()->channels.count, 2);
	couple_close(&c);
}
END_TEST

static tulle_peer_event_kind heard[64];
static unsigned heard_count;

static void note(couple *k, int end, const tulle_peer_event *e)
{
	if (end == 1 && e->channel != 0 && heard_count < 64)
		heard[heard_count++] = e->kind;
	if (end == 0 && e->kind == TULLE_PEER_OPEN)
		ck_assert_int_eq(
			tulle_channel_send_text(k->end[0].peer, e->channel, "early", 5), TULLE_OK);
}

/* DC-068 DC-021: data behind the OPEN is heard after both events */
START_TEST(a_channel_is_announced_and_open_before_its_first_message)
{
	static const tulle_peer_event_kind order[] = {
		TULLE_PEER_CHANNEL, TULLE_PEER_OPEN, TULLE_PEER_MESSAGE};
	heard_count = 0;
	c = (couple){.on_event = note};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, NULL), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(heard_count, 3);
	ck_assert_mem_eq(heard, order, sizeof order);
	couple_close(&c);
}
END_TEST

static tulle_channel two[2];

static void close_the_other(couple *k, int end, const tulle_peer_event *e)
{
	if (end == 0 && e->kind == TULLE_PEER_OPEN && e->channel == two[0])
		ck_assert_int_eq(tulle_channel_close(k->end[0].peer, two[1]), TULLE_OK);
}

/* DC-047: the open event of the second waits to be heard when it is closed */
START_TEST(no_open_is_heard_after_close)
{
	c = (couple){.on_event = close_the_other};
	couple_open(&c, NULL, NULL);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &two[i]), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_OPEN], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

/* DC-045 W3C: a channel that is closing hears nothing more */
START_TEST(what_comes_after_our_close_is_discarded)
{
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_channel_send_text(b(), theirs, "late", 4), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_uint_eq(tulle_peer_drops(a(), TULLE_DROP_CHANNEL_UNKNOWN), 5);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

/* What a pause holds would hold up the remote's reset behind it for ever. */
START_TEST(a_paused_channel_closes)
{
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, true), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_OK);
	settle();
	ck_assert_int_eq(tulle_channel_close(b(), theirs), TULLE_OK);
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, true), TULLE_ERR_STATE);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_ptr_null(tulle_sctp_find_stream(b()->sctp, 1));
	couple_close(&c);
}
END_TEST

/* A send was refused, and the channel is closed before there is room. */
START_TEST(who_waits_for_room_may_go_before_it_comes)
{
	tulle_channel other;
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &other), TULLE_OK);
	settle();
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, true), TULLE_OK);
	while (tulle_channel_send_bytes(a(), chat, big, 60000) == TULLE_OK)
		couple_run(&c, NULL, 1000);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), other, big, 60000), TULLE_WOULD_BLOCK);
	ck_assert_int_eq(tulle_channel_close(a(), other), TULLE_OK);
	couple_run(&c, NULL, 3 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	tulle_peer_check(a());
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, false), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], 2); /* room, and empty */
	couple_close(&c);
}
END_TEST

/* DC-048 RFC6525:4.1: what is closed together is reset together */
START_TEST(many_closes_share_a_request)
{
	tulle_channel all[200];
	open_pair(NULL, NULL);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &all[i]), TULLE_OK);
	settle();
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(tulle_channel_close(a(), all[i]), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 200);
	ck_assert_uint_le(stats_of(a()).resets_out, 2 + 200 / TULLE_SCTP_RESET_STREAMS_MAX);
	couple_close(&c);
}
END_TEST

/* DC-049 DC-050 RFC6525:5.1, 5.2.7: without resets an id serves once */
START_TEST(a_remote_that_resets_no_streams_does_not_hold_a_channel)
{
	tulle_channel n;
	open_pair(NULL, NULL);
	a()->sctp->re_config = false;
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	for (uint16_t i = 1; i < 4; i++) {
		ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &n), TULLE_OK);
		ck_assert_uint_eq(describe(a(), n).id, 1u + 2u * i);
		settle();
		ck_assert_int_eq(tulle_channel_close(a(), n), TULLE_OK);
		settle();
	}
	couple_close(&c);
}
END_TEST

/* DC-052 RFC6525:5.2: answered, and nothing happens */
START_TEST(a_reset_of_a_stream_without_a_channel_is_answered)
{
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_sctp_reset_stream(a()->sctp, c.now, 77), TULLE_OK);
	settle();
	ck_assert_uint_eq(stats_of(b()).resets_in, 1);
	ck_assert_uint_eq(a()->sctp->resets.busy, 0);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 0);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
	couple_close(&c);
}
END_TEST

static char said[262144];
static size_t said_len;
static unsigned turn;

/* A text, then three bytes, again and again. */
static void compare_in_turn(couple *k, int end, const tulle_peer_event *e)
{
	const couple_end *got = &k->end[1];
	if (end != 1 || e->kind != TULLE_PEER_MESSAGE)
		return;
	ck_assert(got->first && got->last);
	ck_assert_int_eq(got->is_text, turn % 2 == 0);
	ck_assert_uint_eq(got->message_len, turn % 2 == 0 ? said_len : 3);
	if (turn % 2 == 0)
		ck_assert_mem_eq(got->message, said, said_len);
	turn++;
}

/* DC-080 DC-086: characters of one to four bytes, and the order of the two kinds */
START_TEST(texts_of_every_size_and_bytes_between_them_keep_their_order)
{
	static const char *const characters[] = {
		"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8e\x88"};
	unsigned expected = 0;
	open_pair(NULL, NULL);
	c.on_event = compare_in_turn;
	turn = 0;
	for (size_t kib = 1; kib <= 256; kib *= 2)
		for (size_t k = 0; k < 4; k++) {
			size_t n = 0, each = strlen(characters[k]);
			for (; n + each <= kib * 1024; n += each)
				memcpy(said + n, characters[k], each);
			said_len = n;
			ck_assert_int_eq(tulle_channel_send_text(a(), chat, said, n), TULLE_OK);
			ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 3), TULLE_OK);
			settle();
			expected += 2;
			ck_assert_uint_eq(turn, expected);
		}
	couple_close(&c);
}
END_TEST

static unsigned next_number;

static void count_up(couple *k, int end, const tulle_peer_event *e)
{
	unsigned number;
	(void)k;
	if (end != 1 || e->kind != TULLE_PEER_MESSAGE)
		return;
	ck_assert_uint_ge(e->u.message.data.len, sizeof number);
	memcpy(&number, e->u.message.data.ptr, sizeof number);
	ck_assert_uint_eq(number, next_number);
	next_number++;
}

/* DC-082 */
START_TEST(ten_thousand_messages_under_loss_come_once_and_in_order)
{
	open_pair(NULL, NULL);
	c.on_event = count_up;
	c.loss = 100;
	c.doubled = 20;
	c.reorder = 20;
	next_number = 0;
	for (unsigned i = 0; i < 10000;) {
		memcpy(big, &i, sizeof i);
		tulle_err err = tulle_channel_send_bytes(a(), chat, big, 4 + i % 300);
		ck_assert(err == TULLE_OK || err == TULLE_WOULD_BLOCK);
		i += err == TULLE_OK;
		if (err == TULLE_WOULD_BLOCK)
			couple_run(&c, NULL, SECOND);
	}
	for (int n = 0; n < 600 && next_number < 10000; n++)
		couple_run(&c, NULL, SECOND);
	ck_assert_uint_eq(next_number, 10000);
	couple_close(&c);
}
END_TEST

/* DC-085: the window closes, the sender stalls, memory stays below what was said */
START_TEST(a_slow_reader_stalls_the_sender_not_the_memory)
{
	unsigned sent = 0;
	const tulle_peer_config small = {
		.send_bytes_max = 100000, .receive_bytes_max = 100000, .message_bytes_max = 20000};
	open_pair(NULL, (const tulle_peer_config *[]){&small, &small});
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, true), TULLE_OK);
	for (int i = 0; i < 100; i++) {
		while (tulle_channel_send_bytes(a(), chat, big, 10000) == TULLE_OK)
			sent++;
		couple_run(&c, NULL, SECOND);
		ck_assert_uint_le(stats_of(b()).blocks_in * 2048, 100000 + 2048);
		ck_assert_uint_le(stats_of(a()).blocks_out * 2048, 100000 + 3 * 2048);
	}
	ck_assert_uint_le(sent, 20);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, false), TULLE_OK);
	couple_run(&c, NULL, 30 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], sent);
	couple_close(&c);
}
END_TEST

/* DC-095 DC-051: and the ids serve again and again */
START_TEST(ten_thousand_channels_one_after_the_other_leave_nothing)
{
	tulle_channel ten[10];
	open_pair(NULL, NULL);
	size_t before[2] = {0};
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 10; i++)
			ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &ten[i]), TULLE_OK);
		couple_run(&c, NULL, SECOND / 20);
		for (int i = 0; i < 10; i++) {
			ck_assert_uint_le(describe(a(), ten[i]).id, 21);
			ck_assert_int_eq(tulle_channel_close(a(), ten[i]), TULLE_OK);
		}
		couple_run(&c, NULL, SECOND / 2);
		for (int e = 0; e < 2 && round == 0; e++) /* "chat" keeps what ten needed */
			before[e] = tulle_pool_free(c.end[e].peer->env.pool);
	}
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 10001);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 10000);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 10000);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 0);
	ck_assert_uint_eq(tulle_pool_free(a()->env.pool), before[0]);
	ck_assert_uint_eq(tulle_pool_free(b()->env.pool), before[1]);
	couple_close(&c);
}
END_TEST

Suite *suite_channels_life(void)
{
	Suite *s = suite_create("channels_life");
	TCase *t = tcase_create("life");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_channel_is_ordered_and_reliable_unless_asked_otherwise);
	tcase_add_test(t, a_lifetime_begins_with_the_send_however_long_nothing_happened);
	tcase_add_test(t, a_channel_whose_remote_never_resets_it_is_closed_in_time);
	tcase_add_test(t, channels_that_wait_for_a_reset_end_with_their_connection);
	tcase_add_test(t, a_channel_that_closes_ends_in_peace_with_its_connection);
	tcase_add_test(t, a_stream_that_waits_for_its_reset_may_be_opened_anew);
	tcase_add_test(t, there_are_65535_streams_and_those_not_open_cost_nothing);
	tcase_add_test(t, ids_end_where_the_streams_of_the_remote_end);
	tcase_add_test(t, a_channel_is_announced_and_open_before_its_first_message);
	tcase_add_test(t, no_open_is_heard_after_close);
	tcase_add_test(t, what_comes_after_our_close_is_discarded);
	tcase_add_test(t, a_paused_channel_closes);
	tcase_add_test(t, who_waits_for_room_may_go_before_it_comes);
	tcase_add_test(t, many_closes_share_a_request);
	tcase_add_test(t, a_remote_that_resets_no_streams_does_not_hold_a_channel);
	tcase_add_test(t, a_reset_of_a_stream_without_a_channel_is_answered);
	tcase_add_test(t, texts_of_every_size_and_bytes_between_them_keep_their_order);
	tcase_add_test(t, ten_thousand_messages_under_loss_come_once_and_in_order);
	tcase_add_test(t, a_slow_reader_stalls_the_sender_not_the_memory);
	tcase_add_test(t, ten_thousand_channels_one_after_the_other_leave_nothing);
	suite_add_tcase(s, t);
	return s;
}
