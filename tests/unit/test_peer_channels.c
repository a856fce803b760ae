/* SPDX-License-Identifier: MIT */
/* peer: data channels (RFC 8831, 8832, W3C RTCDataChannel) between two peers in virtual time. */
#include "tests/unit/channels_help.h"

#define MESSAGE_MAX 262144u

static uint8_t big[MESSAGE_MAX + 1];

static void open_chat(const tulle_channel_init *init, const tulle_peer_config *config)
{
	open_pair(init, (const tulle_peer_config *[]){config, config});
}

static void fill(size_t len)
{
	for (size_t i = 0; i < len; i++)
		big[i] = (uint8_t)('a' + i * 7 % 26);
}

/* DC-001 DC-007 DC-069 RFC8832:5.1: label, protocol and kind come over */
START_TEST(a_channel_made_in_band_comes_with_all_that_was_asked)
{
	static const tulle_channel_init kinds[] = {{.protocol = "json"}, {.unordered = true},
		{.has_max_retransmits = true, .max_retransmits = 3},
		{.has_max_packet_lifetime = true, .max_packet_lifetime_ms = 700, .unordered = true},
		{.priority = TULLE_PRIORITY_HIGH},
		{.protocol = "a protocol whose name is long enough for a block of its own"}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		tulle_channel_init got;
		tulle_text label;
		open_chat(&kinds[i], NULL);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1);
		ck_assert_int_eq(tulle_channel_describe(b(), theirs, &label, &got), TULLE_OK);
		ck_assert_uint_eq(label.len, 4);
		ck_assert_mem_eq(label.ptr, "chat", 4);
		ck_assert_int_eq(got.unordered, kinds[i].unordered);
		ck_assert_int_eq(got.has_max_retransmits, kinds[i].has_max_retransmits);
		ck_assert_uint_eq(got.max_retransmits, kinds[i].max_retransmits);
		ck_assert_uint_eq(got.max_packet_lifetime_ms, kinds[i].max_packet_lifetime_ms);
		ck_assert(!got.negotiated);
		ck_assert_int_eq(got.priority,
			kinds[i].priority != 0 ? kinds[i].priority : TULLE_PRIORITY_LOW);
		ck_assert_str_eq(
			got.protocol, kinds[i].protocol != NULL ? kinds[i].protocol : "");
		ck_assert_uint_eq(got.id, describe(a(), chat).id);
		couple_close(&c);
	}
}
END_TEST

/* DC-066: no OPEN on the wire, and the event when the association is up */
START_TEST(a_negotiated_channel_opens_on_both_sides_without_a_word)
{
	tulle_channel_init init = {.negotiated = true, .id = 7};
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "", &init, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(b(), "", &init, &theirs), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "", &init, NULL), TULLE_ERR_STATE); /* DC-060 */
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "first", 5), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CHANNEL], 0);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 0);
	ck_assert_uint_eq(c.end[1].message_len, 5);
	couple_close(&c);
}
END_TEST

static void pass_message(bool text, size_t len)
{
	unsigned before = c.end[1].events[TULLE_PEER_MESSAGE];
	tulle_err err = text ? tulle_channel_send_text(a(), chat, (const char *)big, len)
			     : tulle_channel_send_bytes(a(), chat, big, len);
	ck_assert_int_eq(err, TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], before + 1);
	ck_assert_uint_eq(c.end[1].message_len, len);
	ck_assert_int_eq(c.end[1].is_text, text);
	ck_assert(c.end[1].first && c.end[1].last);
	if (len != 0)
		ck_assert_mem_eq(c.end[1].message, big, len);
}

/* DC-026 DC-027 DC-030 DC-072 DC-079 RFC8831:6.6 */
START_TEST(messages_of_every_size_come_whole_and_one_byte_more_is_refused)
{
	static const size_t sizes[] = {0, 1, 2, 1100, 1116, 1117, 65536, MESSAGE_MAX};
	open_chat(NULL, NULL);
	fill(sizeof big);
	ck_assert_uint_eq(tulle_peer_send_max(a()), MESSAGE_MAX);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		pass_message(true, sizes[i]);
		pass_message(false, sizes[i]);
	}
	ck_assert_int_eq(
		tulle_channel_send_bytes(a(), chat, big, MESSAGE_MAX + 1), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "\xff", 1), TULLE_ERR_SYNTAX);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 16);
	couple_close(&c);
}
END_TEST

static size_t part_bytes;
static unsigned parts_first, parts_last;
static bool parts_wrong;

static void hear_part(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (e->kind != TULLE_PEER_MESSAGE || end != 1)
		return;
	for (size_t i = 0; i < e->u.message.data.len; i++)
		parts_wrong |= e->u.message.data.ptr[i] != big[(part_bytes + i) % 65536];
	part_bytes += e->u.message.data.len;
	parts_first += e->u.message.first;
	parts_last += e->u.message.last;
}

START_TEST(a_message_larger_than_every_buffer_passes_in_parts)
{
	const size_t all = (size_t)4 << 20;
	size_t sent = 0, taken;
	fill(65536);
	open_chat(NULL, &(tulle_peer_config){.streamed_messages = true});
	c.on_event = hear_part;
	while (sent < all) {
		tulle_err err = tulle_channel_send_part(a(), chat, false, big + sent % 65536,
			65536 - sent % 65536, &taken, sent + (65536 - sent % 65536) == all);
		ck_assert(err == TULLE_OK || err == TULLE_WOULD_BLOCK);
		sent += taken;
		if (err == TULLE_WOULD_BLOCK)
			couple_run(&c, NULL, SECOND / 50);
	}
	/* one message at a time on a channel; after it the next */
	ck_assert(couple_run(&c, NULL, 20 * SECOND) || part_bytes == all);
	ck_assert_uint_eq(part_bytes, all);
	ck_assert_uint_eq(parts_first, 1);
	ck_assert_uint_eq(parts_last, 1);
	ck_assert(!parts_wrong);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "ab", 2, &taken, false), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_ERR_STATE);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, false, "c", 1, &taken, true), TULLE_ERR_STATE);
	ck_assert_int_eq(tulle_channel_send_part(a(), chat, true, "c", 1, &taken, true), TULLE_OK);
	couple_close(&c);
}
END_TEST

/* Half a message could be neither delivered nor taken back. */
START_TEST(a_channel_closes_after_the_last_part_not_before)
{
	size_t taken;
	open_chat(NULL, NULL);
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, "half", 4, &taken, false), TULLE_OK);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_ERR_STATE);
	settle();
	ck_assert_int_eq(
		tulle_channel_send_part(a(), chat, true, " whole", 6, &taken, true), TULLE_OK);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[1].message_len, 10);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

static unsigned sent_whole;

static void send_until_full(void)
{
	tulle_err err;
	while ((err = tulle_channel_send_bytes(a(), chat, big, 60000)) == TULLE_OK)
		sent_whole++;
	ck_assert_int_eq(err, TULLE_WOULD_BLOCK);
}

static bool is_low(const couple *k)
{
	return k->end[0].events[TULLE_PEER_BUFFERED_LOW] != 0;
}

/* DC-075: what is refused is not taken, and an event follows for certain */
START_TEST(would_block_is_followed_by_buffered_low_and_nothing_is_lost)
{
	open_chat(NULL, NULL);
	sent_whole = 0;
	for (int round = 1; round <= 5; round++) {
		send_until_full();
		size_t buffered = tulle_channel_buffered(a(), chat);
		ck_assert_int_eq(
			tulle_channel_send_bytes(a(), chat, big, 60000), TULLE_WOULD_BLOCK);
		ck_assert_uint_eq(tulle_channel_buffered(a(), chat), buffered);
		c.end[0].events[TULLE_PEER_BUFFERED_LOW] = 0;
		ck_assert(couple_run(&c, is_low, 10 * SECOND));
	}
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], sent_whole);
	ck_assert_uint_eq(tulle_channel_buffered(a(), chat), 0); /* DC-076 */
	couple_close(&c);
}
END_TEST

/* DC-077: once a crossing, not at the start */
START_TEST(buffered_low_comes_once_when_the_mark_is_crossed)
{
	open_chat(NULL, NULL);
	ck_assert_int_eq(tulle_channel_set_low(a(), chat, 50000), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], 0);
	for (unsigned n = 1; n <= 3; n++) {
		ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 200000), TULLE_OK);
		couple_run(&c, NULL, 5 * SECOND);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_BUFFERED_LOW], n);
	}
	couple_close(&c);
}
END_TEST

START_TEST(a_paused_channel_gives_nothing_and_loses_nothing)
{
	open_chat(NULL, NULL);
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, true), TULLE_OK);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 10000), TULLE_OK);
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_int_eq(tulle_channel_pause(b(), theirs, false), TULLE_OK);
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 40);
	couple_close(&c);
}
END_TEST

/* DC-016 DC-020 DC-065 RFC8832:6: even for the DTLS client, odd for the server; glare gives both */
START_TEST(ids_follow_the_dtls_role_in_the_order_of_creation)
{
	tulle_channel mine[3], other[3];
	tulle_peer_config config = {.no_sped = _i != 0};
	c = (couple){0};
	couple_open(&c, &config, NULL);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tulle_channel_create(a(), "a", NULL, &mine[i]), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tulle_channel_create(b(), "b", NULL, &other[i]), TULLE_OK);
	couple_run(&c, NULL, 2 * SECOND);
	for (uint16_t i = 0; i < 3; i++) {
		tulle_channel_init init;
		tulle_text label;
		ck_assert_int_eq(tulle_channel_describe(a(), mine[i], &label, &init), TULLE_OK);
		ck_assert_uint_eq(
			init.id, 2u * i + (unsigned)_i); /* SPED: the offerer is the client */
		ck_assert_int_eq(tulle_channel_describe(b(), other[i], &label, &init), TULLE_OK);
		ck_assert_uint_eq(init.id, 2u * i + 1 - (unsigned)_i);
	}
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CHANNEL], 3);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 3);
	couple_close(&c);
}
END_TEST

static unsigned labels_right, labels_wrong;

static void greet(couple *k, int end, const tulle_peer_event *e)
{
	char expected[16];
	if (e->kind == TULLE_PEER_OPEN && end == 0) {
		tulle_text label;
		ck_assert_int_eq(
			tulle_channel_describe(k->end[0].peer, e->channel, &label, NULL), TULLE_OK);
		memcpy(expected, label.ptr, label.len);
		ck_assert_int_eq(
			tulle_channel_send_text(k->end[0].peer, e->channel, expected, label.len),
			TULLE_OK);
	}
	if (e->kind == TULLE_PEER_MESSAGE && end == 1) {
		tulle_text label;
		tulle_channel_describe(k->end[1].peer, e->channel, &label, NULL);
		bool same = label.len == e->u.message.data.len &&
			    memcmp(label.ptr, e->u.message.data.ptr, label.len) == 0;
		labels_right += same;
		labels_wrong += !same;
	}
}

/* DC-036 */
START_TEST(three_hundred_channels_open_speak_and_close)
{
	tulle_channel all[300];
	c = (couple){.on_event = greet};
	couple_open(&c, NULL, NULL);
	for (int i = 0; i < 300; i++) {
		char label[8] = {'c', (char)('0' + i / 100), (char)('0' + i / 10 % 10),
			(char)('0' + i % 10)};
		ck_assert_int_eq(tulle_channel_create(a(), label, NULL, &all[i]), TULLE_OK);
	}
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 300);
	ck_assert_uint_eq(labels_right, 300);
	ck_assert_uint_eq(labels_wrong, 0);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(tulle_channel_close(a(), all[i]), TULLE_OK);
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 300);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 300);
	couple_close(&c);
}
END_TEST

/* DC-044 DC-045 DC-046 DC-051 DC-067 RFC8831:6.7 */
START_TEST(what_was_sent_before_close_arrives_and_the_id_serves_again)
{
	tulle_channel_init init;
	tulle_text label;
	open_chat(NULL, NULL);
	ck_assert_int_eq(tulle_channel_describe(a(), chat, &label, &init), TULLE_OK);
	uint16_t id = init.id;
	for (int round = 0; round < 3; round++) {
		unsigned messages = c.end[1].events[TULLE_PEER_MESSAGE];
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, 30000), TULLE_OK);
		ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
		ck_assert_int_eq(tulle_channel_state_of(a(), chat), TULLE_CHANNEL_CLOSING);
		/* DC-071 */
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_ERR_STATE);
		couple_run(&c, NULL, 5 * SECOND);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], messages + 5);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], (unsigned)round + 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSING], (unsigned)round + 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], (unsigned)round + 1);
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_ERR_GONE);
		ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_ERR_GONE);
		tulle_channel old = chat;
		ck_assert_int_eq(tulle_channel_create(a(), "again", NULL, &chat), TULLE_OK);
		ck_assert_uint_ne(old, chat); /* never given twice */
		couple_run(&c, NULL, SECOND);
		ck_assert_int_eq(tulle_channel_describe(a(), chat, &label, &init), TULLE_OK);
		ck_assert_uint_eq(init.id, id); /* the lowest that is free */
	}
	couple_close(&c);
}
END_TEST

START_TEST(both_sides_may_close_at_once_and_the_accepting_one_too)
{
	open_chat(NULL, NULL);
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_close(b(), theirs), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
	open_chat(NULL, NULL);
	ck_assert_int_eq(tulle_channel_close(b(), theirs), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSING], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_ERROR], 0);
	couple_close(&c);
}
END_TEST

/* DC-047: no open event after close() */
START_TEST(a_channel_closed_before_it_opened_never_opens)
{
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "x", 1), TULLE_ERR_STATE); /* DC-070 */
	ck_assert_int_eq(tulle_channel_close(a(), chat), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_OPEN], 0);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 0);
	couple_close(&c);
}
END_TEST

/* DC-056 DC-058 DC-059 DC-062 */
START_TEST(arguments_that_w3c_refuses_are_refused)
{
	static const tulle_channel_init both = {
		.has_max_retransmits = true, .has_max_packet_lifetime = true};
	static const tulle_channel_init high = {.negotiated = true, .id = 65535};
	tulle_peer_config two = {.channels_max = 2};
	c = (couple){0};
	couple_open(&c, &two, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "x", &both, &chat), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_channel_create(a(), "x", &high, &chat), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_channel_create(a(), "\xff", NULL, &chat), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_channel_create(a(), "x", &(tulle_channel_init){.id = 9}, &chat), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "x", NULL, &theirs), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND); /* one odd id is all there is */
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_OPEN], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

static void echo(couple *k, int end, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_MESSAGE && end == 1)
		ck_assert_int_eq(tulle_channel_send_bytes(k->end[1].peer, e->channel,
					 e->u.message.data.ptr, e->u.message.data.len),
			TULLE_OK);
}

START_TEST(a_payload_is_echoed_from_its_own_event)
{
	fill(sizeof big);
	open_chat(NULL, NULL);
	c.on_event = echo;
	for (size_t n = 1; n <= 100000; n = n * 10 + 1) {
		ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, n), TULLE_OK);
		settle();
		ck_assert_uint_eq(c.end[0].message_len, n);
		ck_assert_mem_eq(c.end[0].message, big, n);
	}
	couple_close(&c);
}
END_TEST

Suite *suite_peer_channels(void)
{
	Suite *s = suite_create("peer_channels");
	TCase *t = tcase_create("channels");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_channel_made_in_band_comes_with_all_that_was_asked);
	tcase_add_test(t, a_negotiated_channel_opens_on_both_sides_without_a_word);
	tcase_add_test(t, messages_of_every_size_come_whole_and_one_byte_more_is_refused);
	tcase_add_test(t, a_message_larger_than_every_buffer_passes_in_parts);
	tcase_add_test(t, a_channel_closes_after_the_last_part_not_before);
	tcase_add_test(t, would_block_is_followed_by_buffered_low_and_nothing_is_lost);
	tcase_add_test(t, buffered_low_comes_once_when_the_mark_is_crossed);
	tcase_add_test(t, a_paused_channel_gives_nothing_and_loses_nothing);
	tcase_add_loop_test(t, ids_follow_the_dtls_role_in_the_order_of_creation, 0, 2);
	tcase_add_test(t, three_hundred_channels_open_speak_and_close);
	tcase_add_test(t, what_was_sent_before_close_arrives_and_the_id_serves_again);
	tcase_add_test(t, both_sides_may_close_at_once_and_the_accepting_one_too);
	tcase_add_test(t, a_channel_closed_before_it_opened_never_opens);
	tcase_add_test(t, arguments_that_w3c_refuses_are_refused);
	tcase_add_test(t, a_payload_is_echoed_from_its_own_event);
	suite_add_tcase(s, t);
	return s;
}
