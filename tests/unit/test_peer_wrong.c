/* SPDX-License-Identifier: MIT */
/* peer: what a remote may send on channels that is wrong; each by its name: RFC 8831, 8832. */
#include "tests/unit/channels_help.h"

static uint8_t big[262144 + 1];

static void open_chat(const tulle_channel_init *init, const tulle_peer_config *config)
{
	open_pair(init, (const tulle_peer_config *[]){config, config});
}

/* The connection and its channel are as good as before. */
static void pass_text(void)
{
	unsigned before = c.end[1].events[TULLE_PEER_MESSAGE];
	ck_assert_int_eq(tulle_channel_send_text(a(), chat, "hello", 5), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], before + 1);
	ck_assert_mem_eq(c.end[1].message, "hello", 5);
}

static void say(uint16_t stream, uint32_t ppid, const void *data, size_t len, bool unordered)
{
	tulle_sctp_send_options o = {.first = true, .last = true, .unordered = unordered};
	ck_assert_int_eq(tulle_sctp_send(a()->sctp, c.now, stream, ppid, data, len, &o), TULLE_OK);
	couple_run(&c, NULL, SECOND);
}

#define OPEN_HEAD 3, 0, 1, 0, 0, 0, 0, 0

/* DC-002 DC-003 DC-005 DC-008 DC-013 DC-015 DC-017 DC-018 RFC8832:5, 6 */
START_TEST(a_wrong_dcep_message_is_dropped_by_name_and_opens_nothing)
{
	static const struct {
		uint16_t stream;
		uint8_t data[16];
		size_t len;
		bool unordered;
	} wrong[] = {
		{11, {OPEN_HEAD, 0, 1, 0, 0}, 12, false},       /* a label that is not there */
		{11, {OPEN_HEAD, 0, 0, 0, 0, 'x'}, 13, false},  /* a byte too many */
		{11, {OPEN_HEAD, 0, 0, 0}, 11, false},          /* cut off */
		{11, {3}, 1, false},                            /* likewise */
		{11, {OPEN_HEAD, 0, 1, 0, 0, 0xff}, 13, false}, /* no UTF-8 */
		{11, {3, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, false},    /* a type that is none */
		{11, {3, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12, false}, /* likewise */
		{12, {OPEN_HEAD, 0, 0, 0, 0}, 12, false},                 /* our ids, not theirs */
		{1, {OPEN_HEAD, 0, 0, 0, 0}, 12, false},                  /* in use */
		{11, {OPEN_HEAD, 0, 0, 0, 0}, 12, true},                  /* not in order */
		{11, {2}, 1, false},                                      /* an ACK of nothing */
		{11, {2, 0}, 2, false},                                   /* a long one */
		{11, {0}, 1, false},                                      /* an old draft's */
		{11, {4}, 1, false},                                      /* not assigned */
		{11, {255, 1, 2, 3}, 4, false},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		open_chat(NULL, NULL);
		say(wrong[i].stream, PPID_DCEP, wrong[i].data, wrong[i].len, wrong[i].unordered);
		ck_assert_msg(tulle_peer_drops(b(), TULLE_DROP_DCEP) == 1, "row %zu", i);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1);
		bool in_use = wrong[i].stream == 1; /* that channel goes, the rest lives */
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_ERROR], in_use);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], in_use);
		if (in_use)
			ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
		settle();
		pass_text();
		couple_close(&c);
	}
}
END_TEST

/* RFC8832:6: a malformed OPEN is answered by a reset of its stream */
START_TEST(a_stream_of_a_malformed_open_is_reset)
{
	static const uint8_t cut[] = {3, 0, 1};
	tulle_sctp_stats s;
	open_chat(NULL, NULL);
	say(11, PPID_DCEP, cut, sizeof cut, false);
	tulle_peer_read_stats(b(), &s);
	ck_assert_uint_eq(s.resets_out, 1);
	couple_close(&c);
}
END_TEST

/* DC-023 DC-025 DC-028 DC-029 RFC8831:6.6 */
START_TEST(a_wrong_message_is_dropped_by_name_and_the_channel_stays)
{
	static const struct {
		uint16_t stream;
		uint32_t ppid;
		const char *data;
		tulle_drop drop;
	} wrong[] = {{1, 99, "x", TULLE_DROP_CHANNEL_PPID}, {1, 0, "x", TULLE_DROP_CHANNEL_PPID},
		{1, 52, "x", TULLE_DROP_CHANNEL_PPID}, {1, 54, "x", TULLE_DROP_CHANNEL_PPID},
		{21, PPID_STRING, "x", TULLE_DROP_CHANNEL_UNKNOWN}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		open_chat(NULL, NULL);
		say(wrong[i].stream, wrong[i].ppid, wrong[i].data, 1, false);
		ck_assert_uint_eq(tulle_peer_drops(b(), wrong[i].drop), 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
		say(1, PPID_STRING_EMPTY, "junk", 4, false);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
		ck_assert_uint_eq(c.end[1].message_len, 0);
		couple_close(&c);
	}
}
END_TEST

/* DC-034 RFC8841:6: memory stays bounded */
START_TEST(a_message_above_our_max_message_size_ends_the_connection)
{
	open_chat(NULL, NULL);
	a()->remote_message_max = 0; /* a peer that does not listen */
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, big, sizeof big), TULLE_OK);
	couple_run(&c, NULL, 10 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	ck_assert_int_eq(tulle_peer_why_ended(b()), TULLE_PEER_ENDED_PROTOCOL);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

/* DC-021 DC-022 RFC8832:6: ordered until the ACK is there, then as asked */
START_TEST(data_of_an_unordered_channel_is_ordered_until_it_is_acknowledged)
{
	c = (couple){0};
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(
		tulle_channel_create(a(), "u", &(tulle_channel_init){.unordered = true}, &chat),
		TULLE_OK);
	while (c.end[0].events[TULLE_PEER_OPEN] == 0)
		couple_run(&c, NULL, 1000);
	const peer_channel *ch = tulle_peer_table_find(a(), chat);
	ck_assert(!ch->acked);
	couple_run(&c, NULL, SECOND);
	ck_assert(ch->acked);
	couple_close(&c);
}
END_TEST

Suite *suite_peer_wrong(void)
{
	Suite *s = suite_create("peer_wrong");
	TCase *t = tcase_create("channels");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_wrong_dcep_message_is_dropped_by_name_and_opens_nothing);
	tcase_add_test(t, a_stream_of_a_malformed_open_is_reset);
	tcase_add_test(t, a_wrong_message_is_dropped_by_name_and_the_channel_stays);
	tcase_add_test(t, a_message_above_our_max_message_size_ends_the_connection);
	tcase_add_test(t, data_of_an_unordered_channel_is_ordered_until_it_is_acknowledged);
	suite_add_tcase(s, t);
	return s;
}
