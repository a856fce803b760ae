/* SPDX-License-Identifier: MIT */
/* peer: channels as they are seen on the wire: datagrams, the beginning of SCTP, its end. */
#include "tests/unit/channels_help.h"

static uint8_t big[300000];

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
	static const tulle_peer_config without = {.no_snap = true, .no_sped = true};
	c = (couple){.eat = eat_dtls};
	couple_open(&c, &without, NULL);
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

Suite *suite_channels_wire(void)
{
	Suite *s = suite_create("channels_wire");
	TCase *t = tcase_create("life");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, an_abort_is_told_by_its_cause);
	tcase_add_test(t, no_datagram_is_larger_than_1200_bytes_where_none_is_looked_for);
	tcase_add_test(t, small_messages_go_at_once);
	tcase_add_test(t, sctp_begins_when_dtls_is_there_and_from_both_sides);
	tcase_add_test(t, port_and_message_size_come_from_the_description);
	suite_add_tcase(s, t);
	return s;
}
