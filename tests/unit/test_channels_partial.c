/* SPDX-License-Identifier: MIT */
/* peer: channels that may lose messages, over a network that does (RFC 8831, RFC 3758): what comes
 * is a part of what was sent, each once, and nothing waits for what is lost. */
#include "tests/unit/channels_help.h"

#define MESSAGES 200u

static bool is_heard[MESSAGES + 1];
static unsigned heard, last_number, backwards;
static tulle_time down_from, down_until;

static void hear(couple *k, int end, const tulle_peer_event *e)
{
	unsigned number;
	(void)k;
	if (end != 1 || e->kind != TULLE_PEER_MESSAGE)
		return;
	ck_assert_uint_eq(e->u.message.data.len, sizeof number);
	memcpy(&number, e->u.message.data.ptr, sizeof number);
	ck_assert_uint_le(number, MESSAGES);
	ck_assert_msg(!is_heard[number], "message %u came twice", number);
	is_heard[number] = true;
	backwards += number < last_number;
	last_number = number;
	heard++;
}

static bool is_down(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)from;
	(void)data;
	(void)len;
	return k->now >= down_from && k->now < down_until;
}

static void begin(const tulle_channel_init *init)
{
	memset(is_heard, 0, sizeof is_heard);
	heard = last_number = backwards = 0;
	down_from = down_until = 0;
	open_pair(init, NULL);
	c.on_event = hear;
	c.eat = is_down;
}

static void say(unsigned number)
{
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, &number, sizeof number), TULLE_OK);
	couple_run(&c, NULL, SECOND / 100);
}

/* RFC8831:6.1: both sides said that they can reset streams and give messages up */
START_TEST(what_channels_need_of_the_association_is_announced)
{
	begin(NULL);
	for (int e = 0; e < 2; e++) {
		ck_assert(c.end[e].peer->sctp->re_config);
		ck_assert(c.end[e].peer->sctp->partial);
	}
	couple_close(&c);
}
END_TEST

/* DC-083 RFC8831:6.6: sent once, whatever becomes of it */
START_TEST(what_is_sent_once_comes_once_or_never_and_holds_nothing_up)
{
	begin(&(tulle_channel_init){.unordered = true, .has_max_retransmits = true});
	c.loss = 200;
	for (unsigned i = 1; i <= MESSAGES; i++)
		say(i);
	c.loss = 0;
	settle();
	ck_assert_uint_gt(heard, MESSAGES / 2);
	ck_assert_uint_lt(heard, MESSAGES);
	ck_assert_uint_eq(stats_of(a()).retransmissions, 0);
	say(0);
	ck_assert(is_heard[0]); /* at once, with nothing to wait for */
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 0);
	couple_close(&c);
}
END_TEST

/* DC-084 RFC3758:3.5: nobody hears of what was too old when the path came back */
START_TEST(what_was_too_old_when_the_path_came_back_is_dropped_and_the_channel_goes_on)
{
	begin(&(tulle_channel_init){
		.has_max_packet_lifetime = true, .max_packet_lifetime_ms = 100});
	say(1);
	couple_run(&c, NULL, 3 * SECOND);
	ck_assert(is_heard[1]);
	down_from = c.now;
	down_until = c.now + SECOND;
	for (unsigned i = 2; i <= 40; i++)
		say(i);
	couple_run(&c, NULL, down_until - c.now + SECOND);
	for (unsigned i = 2; i <= 40; i++)
		ck_assert_msg(!is_heard[i], "message %u was too old", i);
	say(41);
	couple_run(&c, NULL, SECOND);
	ck_assert(is_heard[41]);
	ck_assert_uint_eq(backwards, 0);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 0);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 0);
	couple_close(&c);
}
END_TEST

Suite *suite_channels_partial(void)
{
	Suite *s = suite_create("channels_partial");
	TCase *t = tcase_create("partial");
	tcase_add_test(t, what_channels_need_of_the_association_is_announced);
	tcase_add_test(t, what_is_sent_once_comes_once_or_never_and_holds_nothing_up);
	tcase_add_test(
		t, what_was_too_old_when_the_path_came_back_is_dropped_and_the_channel_goes_on);
	suite_add_tcase(s, t);
	return s;
}
