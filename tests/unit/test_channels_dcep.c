/* SPDX-License-Identifier: MIT */
/* peer: how channels are opened by DCEP (RFC 8832): what is on the wire, and every way in which an
 * OPEN can be wrong. */
#include "tests/unit/channels_help.h"

static unsigned drops(tulle_drop drop)
{
	return (unsigned)tulle_peer_drops(b(), drop);
}

/* DC-001 DC-004 DC-009 DC-011 DC-012 RFC8832:5.1, 5.2, 6 */
START_TEST(open_and_ack_are_these_bytes)
{
	static const uint8_t wanted[] = {
		3, 0x82, 2, 0, 0, 1, 0x11, 0x70, 0, 1, 0, 2, 'l', 'p', 'r'};
	static const uint8_t plain[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	tulle_channel_init init = {.unordered = true,
		.has_max_packet_lifetime = true,
		.max_packet_lifetime_ms = 70000,
		.priority = TULLE_PRIORITY_MEDIUM,
		.protocol = "pr"};
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "l", &init, &chat), TULLE_OK);
	tulle_peer_channels_due(a());
	const sctp_out_piece *piece = queued(a(), 3);
	ck_assert_uint_eq(piece->ppid, 50);
	ck_assert(!piece->unordered && piece->first && piece->last);
	ck_assert_uint_eq(piece->len, sizeof wanted);
	ck_assert_mem_eq(piece + 1, wanted, sizeof wanted);
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, NULL), TULLE_OK);
	tulle_peer_channels_due(a());
	ck_assert_uint_eq(queued(a(), 5)->len, sizeof plain);
	ck_assert_mem_eq(queued(a(), 5) + 1, plain, sizeof plain);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 3);
	couple_close(&c);
}
END_TEST

static uint8_t ack_type;
static size_t ack_len;
static uint32_t ack_ppid;

static void see_ack(couple *k, int end, const tulle_peer_event *e)
{
	if (end != 1 || e->kind != TULLE_PEER_CHANNEL)
		return;
	const sctp_out_piece *piece =
		queued(k->end[1].peer, describe(k->end[1].peer, e->channel).id);
	ack_ppid = piece->ppid;
	ack_len = piece->len;
	memcpy(&ack_type, piece + 1, 1);
}

/* DC-011: one byte, 2, on the channel's own stream */
START_TEST(an_ack_is_one_byte)
{
	open_pair(NULL, NULL);
	c.on_event = see_ack;
	ck_assert_int_eq(tulle_channel_create(a(), "", NULL, NULL), TULLE_OK);
	settle();
	ck_assert_uint_eq(ack_ppid, 50);
	ck_assert_uint_eq(ack_len, 1);
	ck_assert_uint_eq(ack_type, 2);
	couple_close(&c);
}
END_TEST

/* DC-007 DC-009 RFC8832:5.1: also what the API of a browser cannot ask for, 32 bits wide */
START_TEST(each_channel_type_has_its_meaning)
{
	static const struct {
		uint8_t type;
		bool unordered, retransmits, lifetime;
	} rows[] = {{0x00, false, false, false}, {0x01, false, true, false},
		{0x02, false, false, true}, {0x80, true, false, false}, {0x81, true, true, false},
		{0x82, true, false, true}};
	open_pair(NULL, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t open[12] = {3, rows[i].type, 1, 0, 0xfe, 0xdc, 0xba, 0x98, 0, 0, 0, 0};
		say_raw((uint16_t)(11 + 2 * i), PPID_DCEP, open, sizeof open);
		tulle_channel_init got = describe(b(), c.end[1].channel);
		ck_assert_uint_eq(got.id, 11 + 2 * i);
		ck_assert_int_eq(got.unordered, rows[i].unordered);
		ck_assert_int_eq(got.has_max_retransmits, rows[i].retransmits);
		ck_assert_int_eq(got.has_max_packet_lifetime, rows[i].lifetime);
		ck_assert_uint_eq(got.max_retransmits, rows[i].retransmits ? 0xfedcba98 : 0);
		ck_assert_uint_eq(got.max_packet_lifetime_ms, rows[i].lifetime ? 0xfedcba98 : 0);
	}
	couple_close(&c);
}
END_TEST

/* DC-010 RFC8831:6.4, by the bounds of W3C webrtc-priority */
START_TEST(a_priority_between_the_four_is_rounded_up)
{
	static const struct {
		uint16_t wire;
		tulle_priority priority;
	} rows[] = {{0, TULLE_PRIORITY_VERY_LOW}, {128, TULLE_PRIORITY_VERY_LOW},
		{129, TULLE_PRIORITY_LOW}, {256, TULLE_PRIORITY_LOW}, {257, TULLE_PRIORITY_MEDIUM},
		{512, TULLE_PRIORITY_MEDIUM}, {513, TULLE_PRIORITY_HIGH},
		{1024, TULLE_PRIORITY_HIGH}, {65535, TULLE_PRIORITY_HIGH}};
	open_pair(NULL, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t open[12] = {3, 0, (uint8_t)(rows[i].wire >> 8), (uint8_t)rows[i].wire};
		say_raw((uint16_t)(11 + 2 * i), PPID_DCEP, open, sizeof open);
		ck_assert_int_eq(describe(b(), c.end[1].channel).priority, rows[i].priority);
	}
	couple_close(&c);
}
END_TEST

static void name_of(size_t len, char first, char *dst)
{
	for (size_t i = 0; i < len; i++) /* of two bytes each, so that blocks cut them */
		memcpy(dst + i, i % 2 != 0 ? "\xa4" : i + 1 < len ? "\xc3" : "x", 1);
	if (len != 0)
		dst[0] = len % 2 != 0 ? first : dst[0];
	for (size_t i = 1; len % 2 != 0 && i < len; i++)
		memcpy(dst + i, i % 2 != 0 ? "\xc3" : "\xa4", 1);
	dst[len] = 0;
}

/* DC-006 DC-055 RFC8832:5.1: up to 65535 bytes each; one more is an error of the caller's */
START_TEST(label_and_protocol_may_be_as_long_as_the_wire_allows)
{
	static char label[65537], protocol[65537], got[65536];
	static const size_t sizes[][2] = {
		{24, 0}, {2000, 30}, {2030, 100}, {5000, 0}, {0, 5000}, {3, 65535}, {65535, 65535}};
	size_t len;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		name_of(sizes[i][0], 'l', label);
		name_of(sizes[i][1], 'p', protocol);
		open_pair(NULL, NULL);
		size_t before = tulle_pool_free(b()->env.pool);
		tulle_channel_init init = {.protocol = protocol};
		ck_assert_int_eq(tulle_channel_create(a(), label, &init, &chat), TULLE_OK);
		settle();
		tulle_channel ends[2] = {chat, c.end[1].channel};
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 2);
		for (int e = 0; e < 2; e++) {
			tulle_peer *p = c.end[e].peer;
			ck_assert_int_eq(
				tulle_channel_text(p, ends[e], false, got, sizes[i][0], &len),
				TULLE_OK);
			ck_assert_uint_eq(len, sizes[i][0]);
			ck_assert_mem_eq(got, label, len);
			ck_assert_int_eq(
				tulle_channel_text(p, ends[e], true, got, 65536, &len), TULLE_OK);
			ck_assert_uint_eq(len, sizes[i][1]);
			ck_assert_mem_eq(got, protocol, len);
			ck_assert_int_eq(strncmp(describe(p, ends[e]).protocol, protocol, 1000), 0);
			ck_assert_int_eq(
				tulle_channel_text(p, ends[e], sizes[i][0] == 0, got, 2, &len),
				TULLE_ERR_TOO_SMALL);
		}
		ck_assert_int_eq(tulle_channel_close(b(), ends[1]), TULLE_OK);
		settle();
		ck_assert_uint_eq(tulle_pool_free(b()->env.pool), before);
		couple_close(&c);
	}
	memset(label, 'x', 65536);
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), label, NULL, &chat), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(
		tulle_channel_create(a(), "", &(tulle_channel_init){.protocol = label}, &chat),
		TULLE_ERR_ARGUMENT);
	couple_close(&c);
}
END_TEST

/* DC-002 DC-003 DC-005 RFC8832:6: the same faults when the OPEN comes in parts of every size */
START_TEST(a_wrong_open_in_parts_is_refused_like_a_whole_one)
{
	static const struct {
		uint8_t data[20];
		size_t len;
		tulle_drop drop;
	} rows[] = {
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0xc3, 0xa4, 'p', 'q'}, 16, TULLE_TAKEN},
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0xc3, 0xa4, 'p'}, 15, TULLE_DROP_DCEP},
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0xc3, 0xa4, 'p', 'q'}, 16, TULLE_DROP_DCEP},
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0xc3, 0xa4, 'p', 'q'}, 16, TULLE_DROP_DCEP},
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 'l', 'l', 'p', 0xc3}, 16, TULLE_DROP_DCEP},
		{{3, 5, 1, 0, 0, 0, 0, 0, 0, 2, 0, 2, 'l', 'l', 'p', 'q'}, 16, TULLE_DROP_DCEP},
		{{3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 11, TULLE_DROP_DCEP},
		{{2, 2, 2}, 3, TULLE_DROP_DCEP}, /* no OPEN: nothing is reset */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 1; cut < rows[i].len; cut++) {
			open_pair(NULL, NULL);
			say_part(11, PPID_DCEP, rows[i].data, cut, true, false);
			say_part(11, PPID_DCEP, rows[i].data + cut, rows[i].len - cut, false, true);
			settle();
			bool taken = rows[i].drop == TULLE_TAKEN;
			ck_assert_msg(drops(TULLE_DROP_DCEP) == !taken, "row %zu cut %zu", i, cut);
			ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1u + taken);
			ck_assert_uint_eq(
				stats_of(b()).resets_out, !taken && rows[i].data[0] == DCEP_OPEN);
			couple_close(&c);
		}
}
END_TEST

/* DC-096: a peer may not take all memory by long labels */
START_TEST(long_labels_of_the_remote_are_bounded_together)
{
	static uint8_t open[12 + 65535] = {3, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0};
	memset(open + 12, 'x', 65535);
	open_pair(NULL, NULL);
	for (uint16_t i = 0; i < 8; i++) {
		ck_assert_int_eq(tulle_sctp_send(a()->sctp, c.now, (uint16_t)(11 + 2 * i),
					 PPID_DCEP, open, sizeof open, NULL),
			TULLE_OK);
		settle();
	}
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1 + 4);
	ck_assert_uint_eq(drops(TULLE_DROP_CHANNEL_LIMIT), 4);
	ck_assert_uint_le(b()->channels.further_blocks * 2048u, PEER_LONG_TEXT_BYTES + 4096);
	couple_close(&c);
}
END_TEST

/* DC-096 DC-024 RFC8832:6: a flood of OPENs meets a bound; who opened hears that it was refused */
START_TEST(channels_beyond_the_bound_are_refused_and_their_openers_told)
{
	open_pair(NULL, NULL);
	b()->config.channels_max = 3;
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(tulle_channel_create(a(), "", NULL, NULL), TULLE_OK);
	couple_run(&c, NULL, 5 * SECOND);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 3);
	ck_assert_uint_eq(b()->channels.count, 3);
	ck_assert_uint_eq(drops(TULLE_DROP_CHANNEL_LIMIT), 48);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_ERROR], 48);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 48);
	ck_assert_int_eq(c.end[0].error, TULLE_ERR_STATE);
	ck_assert_uint_eq(a()->channels.count, 3);
	couple_close(&c);
}
END_TEST

/* DC-017 DC-018 RFC8832:6: whatever is wrong, the channel is closed, and no ACK is sent */
START_TEST(an_open_for_a_channel_that_is_there_closes_it)
{
	static const uint8_t open[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	open_pair(NULL, NULL);
	say_raw(1, PPID_DCEP, open, sizeof open);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSING], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_ERROR], 1);
	ck_assert_int_eq(c.end[1].error, TULLE_ERR_SYNTAX);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	say_raw(4, PPID_DCEP, open, sizeof open); /* ours to give, not theirs */
	settle();
	ck_assert_uint_eq(stats_of(b()).resets_out, 2);
	ck_assert_uint_eq(b()->channels.count, 0);
	couple_close(&c);
}
END_TEST

/* DC-019: SCTP itself knows how many streams there are */
START_TEST(an_open_on_a_stream_beyond_what_we_said_opens_nothing)
{
	static const uint8_t open[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint16_t streams[] = {101, 65533};
	const tulle_peer_config few = {.channels_max = 100};
	for (size_t i = 0; i < 2; i++) {
		open_pair(NULL, (const tulle_peer_config *[]){NULL, &few});
		ck_assert_uint_eq(tulle_peer_channels_max(a()), 100);
		a()->sctp->streams_out = 65535; /* a peer that does not listen */
		say_raw(streams[i], PPID_DCEP, open, sizeof open);
		settle();
		ck_assert_uint_eq(stats_of(b()).drops[TULLE_DROP_SCTP_STREAM], 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 1);
		ck_assert_int_eq(tulle_sctp_send(a()->sctp, c.now, 65535, 50, open, 12, NULL),
			TULLE_ERR_ARGUMENT); /* 65535 is no stream of the room's at all */
		couple_close(&c);
	}
}
END_TEST

/* DC-023 RFC8832:6: the stream is reset, and its opener hears of it */
START_TEST(data_on_a_stream_without_a_channel_closes_it)
{
	tulle_channel other;
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "only here",
				 &(tulle_channel_init){.negotiated = true, .id = 40}, &other),
		TULLE_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tulle_channel_send_text(a(), other, "x", 1), TULLE_OK);
	settle();
	ck_assert_uint_eq(drops(TULLE_DROP_CHANNEL_UNKNOWN), 3);
	ck_assert_uint_eq(stats_of(b()).resets_out, 1);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
	/* the id serves again, and now both have it */
	ck_assert_int_eq(tulle_channel_create(a(), "",
				 &(tulle_channel_init){.negotiated = true, .id = 40}, &other),
		TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(b(), "",
				 &(tulle_channel_init){.negotiated = true, .id = 40}, NULL),
		TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), other, "y", 1), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
	couple_close(&c);
}
END_TEST

/* DC-031 DC-032 RFC8831:6.6 */
START_TEST(text_that_is_none_and_a_wrong_order_close_the_channel)
{
	for (int i = 0; i < 2; i++) {
		open_pair(NULL, NULL);
		tulle_sctp_send_options o = {.first = true, .last = true, .unordered = i == 1};
		ck_assert_int_eq(tulle_sctp_send(a()->sctp, c.now, 1,
					 i == 0 ? PPID_STRING : PPID_BINARY, "\xc3", 1, &o),
			TULLE_OK);
		settle();
		ck_assert_uint_eq(
			drops(i == 0 ? TULLE_DROP_CHANNEL_UTF8 : TULLE_DROP_CHANNEL_ORDER), 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 0);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_ERROR], 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
		ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
		ck_assert_int_eq(tulle_channel_create(a(), "", NULL, &chat), TULLE_OK);
		settle();
		ck_assert_int_eq(tulle_channel_send_text(a(), chat, "good", 4), TULLE_OK);
		settle();
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
		couple_close(&c);
	}
}
END_TEST

/* DC-031: a character may be cut by parts; half a one at the end is none */
START_TEST(text_in_parts_is_judged_over_its_parts)
{
	const tulle_peer_config streamed = {.streamed_messages = true};
	for (int whole = 0; whole < 2; whole++) {
		open_pair(NULL, (const tulle_peer_config *[]){NULL, &streamed});
		say_part(1, PPID_STRING, "x\xc3", 2, true, false);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], 1);
		say_part(1, PPID_STRING, whole ? "\xa4" : "y", 1, false, true);
		settle();
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_MESSAGE], whole ? 2 : 1);
		ck_assert_uint_eq(c.end[1].events[TULLE_PEER_ERROR], whole ? 0 : 1);
		couple_close(&c);
	}
}
END_TEST

/* DC-014 DC-025 DC-026 DC-027 RFC8831:6.6 */
START_TEST(the_api_gives_data_these_ppids_and_no_other)
{
	static const struct {
		bool text;
		size_t len;
		uint32_t ppid;
	} rows[] = {{true, 5, 51}, {false, 5, 53}, {true, 0, 56}, {false, 0, 57}};
	open_pair(NULL, NULL);
	for (size_t i = 0; i < 4; i++) {
		tulle_err err = rows[i].text
					? tulle_channel_send_text(a(), chat, "12345", rows[i].len)
					: tulle_channel_send_bytes(a(), chat, "12345", rows[i].len);
		ck_assert_int_eq(err, TULLE_OK);
		ck_assert_uint_eq(queued(a(), 1)->ppid, rows[i].ppid);
		ck_assert_uint_eq(queued(a(), 1)->len, rows[i].len != 0 ? rows[i].len : 1);
		settle();
	}
	couple_close(&c);
}
END_TEST

/* DC-021 DC-022 RFC8832:6: by the ACK or by any other message */
START_TEST(the_u_flag_follows_the_channel_once_the_remote_spoke)
{
	tulle_channel u;
	open_pair(NULL, NULL);
	ck_assert_int_eq(
		tulle_channel_create(a(), "", &(tulle_channel_init){.unordered = true}, &u),
		TULLE_OK);
	ck_assert_int_eq(tulle_channel_send_text(a(), u, "x", 1), TULLE_OK);
	ck_assert_uint_eq(queued(a(), 3)->ppid, PPID_DCEP); /* before its data */
	ck_assert(!queued(a(), 3)->next->unordered);
	settle();
	ck_assert_int_eq(tulle_channel_send_text(a(), u, "x", 1), TULLE_OK);
	ck_assert(queued(a(), 3)->unordered);
	settle();
	tulle_peer_table_find(a(), u)->acked = false; /* as if the ACK had not come */
	ck_assert_int_eq(tulle_channel_send_text(b(), c.end[1].channel, "y", 1), TULLE_OK);
	settle();
	ck_assert(tulle_peer_table_find(a(), u)->acked);
	couple_close(&c);
}
END_TEST

/* DC-051 RFC8832:6: who opens the id anew knows that our direction is reset, even when its word
 * that it is was lost on the way to us */
START_TEST(an_open_that_overtakes_the_answer_to_our_reset_is_good)
{
	static const uint8_t open[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	open_pair(NULL, NULL);
	peer_channel *old = tulle_peer_table_find(b(), theirs);
	old->state = TULLE_CHANNEL_CLOSING;
	old->reset_in = true;
	say_raw(1, PPID_DCEP, open, sizeof open);
	settle();
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CHANNEL], 2);
	ck_assert_uint_ne(c.end[1].channel, theirs);
	ck_assert_int_eq(tulle_channel_state_of(b(), c.end[1].channel), TULLE_CHANNEL_OPEN);
	couple_close(&c);
}
END_TEST

/* RFC6525:5.1.2: SCTP takes nothing for a stream that it is resetting; what waits goes out after */
START_TEST(a_channel_on_a_stream_that_is_still_being_reset_waits_for_it)
{
	tulle_channel n;
	const tulle_channel_init init = {.id = 40, .negotiated = true};
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_sctp_reset_stream(b()->sctp, c.now, 40), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(b(), "", &init, &n), TULLE_OK);
	ck_assert_int_eq(tulle_channel_close(b(), n), TULLE_OK);
	ck_assert_int_eq(tulle_channel_create(a(), "", &init, NULL), TULLE_OK);
	couple_run(&c, NULL, 3 * SECOND);
	ck_assert_uint_eq(stats_of(b()).resets_out, 2);
	ck_assert_uint_eq(c.end[0].events[TULLE_PEER_CLOSE], 1);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	couple_close(&c);
}
END_TEST

/* DC-097: what the remote names a channel is bytes to us */
START_TEST(a_label_is_never_more_than_text)
{
	static const char label[] = "%s%n<b>../../\x01\"'";
	char got[64];
	size_t len;
	open_pair(NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), label, NULL, NULL), TULLE_OK);
	settle();
	ck_assert_int_eq(
		tulle_channel_text(b(), c.end[1].channel, false, got, sizeof got, &len), TULLE_OK);
	ck_assert_str_eq(got, label);
	couple_close(&c);
}
END_TEST

Suite *suite_channels_dcep(void)
{
	Suite *s = suite_create("channels_dcep");
	TCase *t = tcase_create("dcep");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, open_and_ack_are_these_bytes);
	tcase_add_test(t, an_ack_is_one_byte);
	tcase_add_test(t, each_channel_type_has_its_meaning);
	tcase_add_test(t, a_priority_between_the_four_is_rounded_up);
	tcase_add_test(t, label_and_protocol_may_be_as_long_as_the_wire_allows);
	tcase_add_test(t, a_wrong_open_in_parts_is_refused_like_a_whole_one);
	tcase_add_test(t, long_labels_of_the_remote_are_bounded_together);
	tcase_add_test(t, channels_beyond_the_bound_are_refused_and_their_openers_told);
	tcase_add_test(t, an_open_for_a_channel_that_is_there_closes_it);
	tcase_add_test(t, an_open_on_a_stream_beyond_what_we_said_opens_nothing);
	tcase_add_test(t, data_on_a_stream_without_a_channel_closes_it);
	tcase_add_test(t, text_that_is_none_and_a_wrong_order_close_the_channel);
	tcase_add_test(t, text_in_parts_is_judged_over_its_parts);
	tcase_add_test(t, the_api_gives_data_these_ppids_and_no_other);
	tcase_add_test(t, the_u_flag_follows_the_channel_once_the_remote_spoke);
	tcase_add_test(t, an_open_that_overtakes_the_answer_to_our_reset_is_good);
	tcase_add_test(t, a_channel_on_a_stream_that_is_still_being_reset_waits_for_it);
	tcase_add_test(t, a_label_is_never_more_than_text);
	suite_add_tcase(s, t);
	return s;
}
