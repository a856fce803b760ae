/* SPDX-License-Identifier: MIT */
/* peer: what waits in a channel's buffer, and messages in parts. */
#include "tests/unit/channels_help.h"

static uint8_t big[300000];

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
	ck_assert_ptr_null(tulle_sctp_find_stream(a()->sctp, 0)); /* nothing is left of it */
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
	settle();
	ck_assert_uint_eq(describe(a(), chat).id, 0);
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

Suite *suite_channels_parts(void)
{
	Suite *s = suite_create("channels_parts");
	TCase *t = tcase_create("life");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_message_given_up_by_its_lifetime_ends_as_broken);
	tcase_add_test(t, buffered_counts_no_byte_of_dcep);
	tcase_add_test(t, buffered_is_what_was_taken_and_has_not_gone);
	tcase_add_test(t, the_threshold_belongs_to_the_channel_not_to_its_id);
	tcase_add_test(t, sixty_four_mebibytes_pass_through_a_quarter_of_one);
	tcase_add_test(t, parts_together_are_as_large_as_the_remote_takes_and_no_larger);
	tcase_add_test(t, text_in_parts_that_is_none_is_refused_before_it_goes);
	tcase_add_test(t, a_half_sent_message_does_not_outlive_its_channel);
	suite_add_tcase(s, t);
	return s;
}
