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

/* SCTP-141 DC-069: the peer learns the time with its next poll, which may be long after the last
 * one */
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

static unsigned broken;

static void note_broken(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (end != 1 || e->kind != TULLE_PEER_MESSAGE)
		return;
	ck_assert_ptr_nonnull(e->u.message.data.ptr);
	if (e->u.message.broken) {
		ck_assert(e->u.message.last && e->u.message.data.len == 0);
		broken++;
	}
}

/* RFC3758:3.6: the rest of a message is given up of which a part has come: it ends as broken */
START_TEST(a_message_given_up_by_its_lifetime_ends_as_broken)
{
	const tulle_peer_config streamed = {.streamed_messages = true};
	size_t taken;
	broken = 0;
	open_pair(&(tulle_channel_init){.has_max_packet_lifetime = true,
			  .max_packet_lifetime_ms = 3000},
		(const tulle_peer_config *[]){NULL, &streamed});
	c.on_event = note_broken;
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, false, "half", 4, &taken, false), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, false, "late", 4, &taken, false), TULLE_OK);
	settle();
	ck_assert_uint_eq(broken, 1);
	couple_close(&c);
}
END_TEST

/* What is buffered when the channel opens, and with two bytes more. */
static size_t open_buffered[2];

static void send_at_open(couple *k, int end, const tulle_peer_event *e)
{
	if (e->kind != TULLE_PEER_OPEN)
		return;
	tulle_peer *p = k->end[end].peer;
	open_buffered[end] = tulle_channel_buffered(p, e->channel);
	ck_assert_int_eq(tulle_channel_send_text(p, e->channel, "hi", 2), TULLE_OK);
	ck_assert_uint_eq(tulle_channel_buffered(p, e->channel), 2);
}

/* DC-076: of the user's bytes alone: the OPEN and the ACK that still wait are none */
START_TEST(buffered_counts_no_byte_of_dcep)
{
	c = (couple){.on_event = send_at_open};
	open_buffered[0] = open_buffered[1] = 1;
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "a label", NULL, NULL), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(open_buffered[0], 0);
	ck_assert_uint_eq(open_buffered[1], 0);
	couple_close(&c);
}
END_TEST

/* DC-076: up by what is taken, down as it goes out */
START_TEST(buffered_is_what_was_taken_and_has_not_gone)
{
	open_pair(NULL, NULL);
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 0);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 1000), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "\xc3\xa4", 2), TULLE_OK);
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 1002);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, NULL, 0), TULLE_OK);
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 1002); /* its byte is ours */
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 262145), TULLE_ERR_TOO_LARGE);
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 1002);
	couple_run(&c, NULL, 1); /* on the wire, not yet there */
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 0);
	ck_assert_uint_eq(tulle_peer_unacked(a(), chat), 1003);
	settle();
	ck_assert_uint_eq(tulle_peer_unacked(a(), chat), 0);
	couple_close(&c);
}
END_TEST

/* DC-077: the threshold may be set before the channel opens, and goes with it */
START_TEST(the_threshold_belongs_to_the_channel_not_to_its_id)
{
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_set_low(a(), chat, 5000), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	settle();
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 4000), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], 0); /* it never was above */
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 200000), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], 1);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	settle();
	ck_assert_ptr_null(tulle_sctp_find_stream(a()->sctp, 1)); /* nothing is left of it */
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
	settle();
	ck_assert_uint_eq(describe(a(), chat).id, 1);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 4000), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], 2); /* from above 0 to 0 */
	couple_close(&c);
}
END_TEST

static size_t got_bytes;
static uint32_t got_sum;
static unsigned got_first, got_last;

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 13));
}

static void hear_part(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (end != 1 || e->kind != TULLE_PEER_MESSAGE)
		return;
	for (size_t i = 0; i < e->u.message.data.len; i++)
		got_sum += e->u.message.data.ptr[i] != byte_at(got_bytes + i);
	got_bytes += e->u.message.data.len;
	got_first += e->u.message.first;
	got_last += e->u.message.last;
	k->end[1].message_len = 0; /* the kit need not keep it all */
}

/* RFC8841:6, W3C maxMessageSize: a message 256 times as large as all memory on its way */
START_TEST(sixty_four_mebibytes_pass_through_a_quarter_of_one)
{
	const size_t all = (size_t)64 << 20;
	const tulle_peer_config small = {
		.send_bytes_max = 262144, .receive_bytes_max = 262144, .streamed_messages = true};
	static uint8_t part[50000];
	open_pair(NULL, (const tulle_peer_config *[]){&small, &small});
	ck_assert_uint_lt(c.end[1].bytes, 2 << 20);
	c.on_event = hear_part;
	c.delay_us = 500;
	for (size_t sent = 0, taken; sent < all;) {
		size_t n = all - sent < sizeof part ? all - sent : sizeof part;
		for (size_t i = 0; i < n; i++)
			part[i] = byte_at(sent + i);
		tulle_err err =
			tulle_channel_send_part(a(), chat, false, part, n, &taken, sent + n == all);
		ck_assert(err == TULLE_OK || err == TULLE_WOULD_BLOCK);
		sent += taken;
		if (err == TULLE_WOULD_BLOCK)
			couple_run(&c, NULL, 2000);
	}
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(got_bytes, all);
	ck_assert_uint_eq(got_sum, 0);
	ck_assert_uint_eq(got_first, 1);
	ck_assert_uint_eq(got_last, 1);
	couple_close(&c);
}
END_TEST

/* DC-072 DC-081: the limit holds for the sum of the parts; and one byte is kept for the last */
START_TEST(parts_together_are_as_large_as_the_remote_takes_and_no_larger)
{
	const tulle_peer_config small = {.message_bytes_max = 5000};
	size_t taken;
	open_pair(NULL, (const tulle_peer_config *[]){NULL, &small});
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 5001), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, false, big, 4000, &taken, false), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_part(a(), chat, false, big, 1001, &taken, true),
		TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_channel_send_part(a(), chat, false, big, 1000, &taken, false),
		TULLE_ERR_TOO_LARGE);
	ck_assert_uint_eq(taken, 0);
	ck_assert_int_eq(tulle_channel_send_part(a(), chat, false, big, 0, &taken, true),
		TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, false, big, 1000, &taken, true), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, 5000);
	ck_assert_int_eq(/* the next one begins at nothing again; empty ones pass */
		tulle_channel_send_part(a(), chat, true, "", 0, &taken, true), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, 0);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 2);
	couple_close(&c);
}
END_TEST

START_TEST(text_in_parts_that_is_none_is_refused_before_it_goes)
{
	size_t taken;
	open_pair(NULL, NULL);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "\xe2\x82", 2, &taken, false), TULLE_OK);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "x", 1, &taken, true), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "\xac", 1, &taken, true), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, 3);
	ck_assert_mem_eq(c.end[1].message, "\xe2\x82\xac", 3);
	couple_close(&c);
}
END_TEST

/* Half a message is there when the remote closes: the other channels go on. RFC9260:6.9 */
START_TEST(a_half_sent_message_does_not_outlive_its_channel)
{
	size_t taken;
	tulle_channel other;
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "other", NULL, &other), TULLE_OK);
	settle();
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "half a", 6, &taken, false), TULLE_OK);
	settle();
	ck_assert_int_eq(tulle_channel_close(b(), theirs), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "x", 1, &taken, true), TULLE_ERR_GONE);
	ck_assert_int_eq(tulle_channel_send_text(a(), other, "on", 2), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
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

static tulle_peer_event last_error;

static void keep_error(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (end == 0 && e->kind == TULLE_PEER_ERROR)
		last_error = *e;
}

/* DC-091 DC-092 RTCError; how the remote's close() is heard is no error */
START_TEST(an_abort_is_told_by_its_cause)
{
	static const uint16_t causes[] = {12, 13, 9};
	for (int i = 0; i < 3; i++) {
		open_pair(NULL, NULL);
		c.on_event = keep_error;
		last_error = (tulle_peer_event){0};
		(void)tulle_sctp_abort(b()->sctp, c.now, causes[i], (tulle_text){"x", 1});
		settle();
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], causes[i] != 12);
		ck_assert_uint_eq(last_error.u.error.sctp_cause, causes[i] != 12 ? causes[i] : 0);
		ck_assert_int_eq(
			last_error.u.error.detail, causes[i] != 12 ? TULLE_DETAIL_SCTP_FAILURE : 0);
		couple_close(&c);
	}
}
END_TEST

static size_t largest;
static unsigned from_a;

static bool measure(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)k;
	(void)data;
	largest = len > largest ? len : largest;
	from_a += from == 0;
	return false;
}

/* DC-041 RFC8831:5 */
START_TEST(no_datagram_is_larger_than_1200_bytes_where_none_is_looked_for)
{
	static const tulle_peer_config plain = {.datagram_bytes_max = 1200};
	const tulle_peer_config *configs[2] = {&plain, &plain};
	largest = 0;
	open_pair(NULL, configs);
	c.eat = measure;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 100000), TULLE_OK);
	settle();
	ck_assert_uint_le(largest, 1200);
	ck_assert_uint_ge(largest, 1150);
	couple_close(&c);
}
END_TEST

/* DC-035 RFC8831:6.6: no waiting for an acknowledgement or for more */
START_TEST(small_messages_go_at_once)
{
	open_pair(NULL, NULL);
	c.eat = measure;
	from_a = 0;
	for (unsigned i = 1; i <= 4; i++) { /* an answer takes 10 ms; the pace is not our matter */
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_OK);
		couple_run(&c, NULL, 2000);
		ck_assert_uint_eq(from_a, i);
	}
	couple_close(&c);
}
END_TEST

static bool eat_dtls(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)k;
	(void)from;
	return len != 0 && data[0] >= 20 && data[0] <= 63;
}

/* DC-042 RFC8261:6.1; DC-043 RFC8831:6.2; DC-087 */
START_TEST(sctp_begins_when_dtls_is_there_and_from_both_sides)
{
	c = (couple){.eat = eat_dtls};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
	couple_run(&c, NULL, 2 * SECOND);
	for (int e = 0; e < 2; e++) {
		tulle_sctp *sctp = c.end[e].peer->sctp;
		ck_assert_int_eq(tulle_sctp_poll_timeout(sctp), TULLE_TIME_NEVER);
		ck_assert_int_eq(tulle_sctp_state_now(sctp), TULLE_SCTP_STATE_CLOSED);
		ck_assert_uint_eq(tulle_peer_channels_max(c.end[e].peer), 0);
	}
	c.eat = NULL;
	ck_assert(couple_run(&c, both_open, 20 * SECOND));
	settle();
	ck_assert_uint_ge(stats_of(a()).collisions + stats_of(b()).collisions, 1);
	ck_assert_uint_eq(stats_of(a()).restarts + stats_of(b()).restarts, 0);
	ck_assert_int_eq(tulle_sctp_state_now(a()->sctp), TULLE_SCTP_STATE_ESTABLISHED);
	tulle_peer_close(b());
	settle();
	ck_assert_int_eq(tulle_sctp_state_now(a()->sctp), TULLE_SCTP_STATE_CLOSED);
	ck_assert_uint_eq(tulle_peer_channels_max(a()), 0);
	couple_close(&c);
}
END_TEST

/* The answer of b with one line of its description changed, then connected. */
static void connect_with(const char *line, const char *other)
{
	static char text[8192];
	tulle_text sdp;
	c = (couple){.by_hand = true};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(a(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	settle(); /* candidates stand in the description */
	tulle_peer_local(a(), true, &sdp);
	ck_assert_int_eq(tulle_peer_set_remote(b(), TULLE_SDP_OFFER, sdp.ptr, sdp.len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(b(), TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	couple_run(&c, NULL, 1000);
	tulle_peer_local(b(), false, &sdp);
	const char *at = memmem(sdp.ptr, sdp.len, line, strlen(line));
	ck_assert_ptr_nonnull(at);
	size_t before = (size_t)(at - sdp.ptr), n = before;
	memcpy(text, sdp.ptr, before);
	memcpy(text + n, other, strlen(other));
	n += strlen(other);
	memcpy(text + n, at + strlen(line), sdp.len - before - strlen(line));
	n += sdp.len - before - strlen(line);
	ck_assert_int_eq(tulle_peer_set_remote(a(), TULLE_SDP_ANSWER, text, n), TULLE_OK);
	couple_run(&c, both_open, 3 * SECOND);
}

/* DC-039 DC-073 DC-074 DC-088 RFC8841:5, 6 */
START_TEST(port_and_message_size_come_from_the_description)
{
	connect_with("a=max-message-size:262144\r\n", "");
	ck_assert_uint_eq(tulle_peer_send_max(a()), 65536);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 65537), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 65536), TULLE_OK);
	couple_close(&c);
	connect_with("a=max-message-size:262144\r\n", "a=max-message-size:0\r\n");
	ck_assert_uint_eq(tulle_peer_send_max(a()), PEER_SEND_BYTES); /* any size: all at once */
	couple_close(&c);
	connect_with("a=max-message-size:262144\r\n", "a=max-message-size:77\r\n");
	ck_assert_uint_eq(tulle_peer_send_max(a()), 77);
	couple_close(&c);
	connect_with("a=sctp-port:5000\r\n", "a=sctp-port:5001\r\n");
	ck_assert_uint_eq(stats_of(a()).packets_in, 0); /* b speaks from 5000 all the same */
	ck_assert_uint_ge(stats_of(b()).drops[TULLE_DROP_SCTP_PORT], 1);
	couple_close(&c);
}
END_TEST

/* DC-080 DC-086: characters of one to four bytes, and the order of the two kinds */
START_TEST(texts_of_every_size_and_bytes_between_them_keep_their_order)
{
	static const char *const characters[] = {
		"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8e\x88"};
	static char text[262144];
	open_pair(NULL, NULL);
	for (size_t kib = 1; kib <= 256; kib *= 2)
		for (size_t k = 0; k < 4; k++) {
			size_t n = 0, each = strlen(characters[k]);
			for (; n + each <= kib * 1024; n += each)
				memcpy(text + n, characters[k], each);
			ck_assert_int_eq(tulle_channel_send_text(a(), chat, text, n), TULLE_OK);
			ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 3), TULLE_OK);
			unsigned before = c.end[1].events[TULLE_PEER_MESSAGE];
			while (c.end[1].events[TULLE_PEER_MESSAGE] == before)
				couple_run(&c, NULL, 100);
			if (c.end[1].events[TULLE_PEER_MESSAGE] == before + 1) {
				ck_assert(c.end[1].is_text);
				ck_assert_uint_eq(c.end[1].message_len, n);
				ck_assert_mem_eq(c.end[1].message, text, n);
			}
			settle();
			ck_assert(!c.end[1].is_text);
			ck_assert_uint_eq(c.end[1].message_len, 3);
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
	tcase_add_test(t, a_stream_that_waits_for_its_reset_may_be_opened_anew);
	tcase_add_test(t, there_are_65535_streams_and_those_not_open_cost_nothing);
	tcase_add_test(t, ids_end_where_the_streams_of_the_remote_end);
	tcase_add_test(t, a_channel_is_announced_and_open_before_its_first_message);
	tcase_add_test(t, no_open_is_heard_after_close);
	tcase_add_test(t, a_message_given_up_by_its_lifetime_ends_as_broken);
	tcase_add_test(t, buffered_counts_no_byte_of_dcep);
	tcase_add_test(t, buffered_is_what_was_taken_and_has_not_gone);
	tcase_add_test(t, the_threshold_belongs_to_the_channel_not_to_its_id);
	tcase_add_test(t, sixty_four_mebibytes_pass_through_a_quarter_of_one);
	tcase_add_test(t, parts_together_are_as_large_as_the_remote_takes_and_no_larger);
	tcase_add_test(t, text_in_parts_that_is_none_is_refused_before_it_goes);
	tcase_add_test(t, a_half_sent_message_does_not_outlive_its_channel);
	tcase_add_test(t, what_comes_after_our_close_is_discarded);
	tcase_add_test(t, a_paused_channel_closes);
	tcase_add_test(t, who_waits_for_room_may_go_before_it_comes);
	tcase_add_test(t, many_closes_share_a_request);
	tcase_add_test(t, a_remote_that_resets_no_streams_does_not_hold_a_channel);
	tcase_add_test(t, a_reset_of_a_stream_without_a_channel_is_answered);
	tcase_add_test(t, an_abort_is_told_by_its_cause);
	tcase_add_test(t, no_datagram_is_larger_than_1200_bytes_where_none_is_looked_for);
	tcase_add_test(t, small_messages_go_at_once);
	tcase_add_test(t, sctp_begins_when_dtls_is_there_and_from_both_sides);
	tcase_add_test(t, port_and_message_size_come_from_the_description);
	tcase_add_test(t, texts_of_every_size_and_bytes_between_them_keep_their_order);
	tcase_add_test(t, ten_thousand_messages_under_loss_come_once_and_in_order);
	tcase_add_test(t, a_slow_reader_stalls_the_sender_not_the_memory);
	tcase_add_test(t, ten_thousand_channels_one_after_the_other_leave_nothing);
	suite_add_tcase(s, t);
	return s;
}
