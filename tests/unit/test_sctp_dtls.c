/* SPDX-License-Identifier: MIT */
/* sctp over DTLS, as peer/ puts them together: RFC8261. */
#include "tests/unit/channels_help.h"

#define ALERT 21u
#define DATA 23u
#define RECORD_BYTES 13u

static unsigned records[2], early, crowded, biggest;
static bool no_data[2]; /* its application data is eaten */

/* Looks at each DTLS datagram that goes by. */
static bool watch(couple *k, int from, const uint8_t *data, size_t len)
{
	if (len < RECORD_BYTES || data[0] < 20 || data[0] > 63)
		return false;
	if (data[0] != DATA)
		return false;
	size_t record = (size_t)(data[11] << 8 | data[12]);
	records[from]++;
	crowded += len != RECORD_BYTES + record;
	early += !k->end[from].peer->dtls_open;
	biggest = len > biggest ? (unsigned)len : biggest;
	return no_data[from];
}

static void setup(void)
{
	c = (couple){.seed = 12, .eat = watch};
	memset(records, 0, sizeof records);
	memset(no_data, 0, sizeof no_data);
	early = crowded = biggest = 0;
	couple_open(&c, NULL, NULL);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	settle();
}

static void teardown(void)
{
	couple_close(&c);
}

/* SCTP-177 RFC8261:3, SCTP-178 RFC8261:6.1 */
START_TEST(each_packet_is_one_record_and_none_comes_before_dtls)
{
	static uint8_t bytes[100000];
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, bytes, sizeof bytes), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, sizeof bytes);
	for (int i = 0; i < 2; i++) {
		tulle_sctp_stats s = stats_of(c.end[i].peer);
		ck_assert_uint_gt(s.packets_out, 4);
		ck_assert_uint_eq(records[i], s.packets_out);
	}
	ck_assert_uint_eq(crowded, 0);
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_le(biggest, 1472);
}
END_TEST

static size_t packet_bytes(int end)
{
	return (size_t)stats_of(c.end[end].peer).packet_bytes;
}

static void send_some(void)
{
	static uint8_t bytes[100000];
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, bytes, sizeof bytes), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, sizeof bytes);
}

/* Another couple, which is told of such an interface and has such a path. */
static void reopen(uint32_t interface_mtu, size_t takes, const tulle_peer_config *config)
{
	couple_close(&c);
	c = (couple){.seed = 13, .eat = watch, .interface_mtu = interface_mtu, .takes = takes};
	biggest = 0;
	couple_open(&c, config, config);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", NULL, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	settle();
}

/* SCTP-182, SCTP-183, SCTP-191 RFC8899:6.2.3.2: 1200 first, then as much as Ethernet or the
 * interface takes, DTLS included; no further than the config says */
START_TEST(datagrams_grow_to_what_the_path_takes)
{
	static const tulle_peer_config plain = {.datagram_bytes_max = 1200},
				       few = {.datagram_bytes_max = 1199},
				       many = {.datagram_bytes_max = 1473};
	ck_assert_uint_eq(packet_bytes(0), (1472 - 37) / 4 * 4);
	ck_assert_uint_eq(packet_bytes(1), (1472 - 37) / 4 * 4);
	send_some();
	ck_assert_uint_eq(biggest, 1432 + 37);
	reopen(1400, 0, NULL);
	ck_assert_uint_eq(packet_bytes(0), (1372 - 37) / 4 * 4);
	ck_assert_uint_le(biggest, 1372);
	reopen(1500, 0, &plain);
	ck_assert_uint_eq(packet_bytes(0), 1160);
	ck_assert_uint_le(biggest, 1200);
	reopen(65536, 1300, NULL);
	couple_run(&c, NULL, 30 * SECOND);
	ck_assert_uint_le(packet_bytes(0) + 37, 1300);
	ck_assert_uint_gt(packet_bytes(0) + 37 + 16, 1300);
	send_some();
	ck_assert_uint_eq(c.cut, 0);
	ck_assert_uint_eq(tulle_peer_memory_bytes(&few) + tulle_peer_memory_bytes(&many), 0);
	ck_assert_uint_ne(tulle_peer_memory_bytes(&plain), 0);
}
END_TEST

/* SCTP-187 RFC9260:6.9: what was numbered for the path as it was leaves in datagrams of its own */
START_TEST(a_path_that_shrinks_costs_no_data)
{
	static uint8_t bytes[200000];
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, bytes, sizeof bytes), TULLE_OK);
	couple_run(&c, NULL, 2000);
	c.takes = 1280;
	couple_run(&c, NULL, 60 * SECOND);
	ck_assert_uint_eq(c.end[1].message_len, sizeof bytes);
	ck_assert_uint_ge(c.cut, 1);
	ck_assert_uint_le(packet_bytes(0) + 37, 1280);
	ck_assert_uint_gt(packet_bytes(0) + 37 + 16, 1280);
}
END_TEST

/* SCTP-181, SCTP-190 RFC8899:6.2.3.4 [SEC]: what the network says of sizes is not believed */
START_TEST(news_of_a_size_from_the_network_change_nothing)
{
	tulle_path path;
	ck_assert(tulle_ice_path(a()->ice, &path));
	for (uint32_t mtu = 0; mtu < 70000; mtu += 576) {
		tulle_in in = {.kind = TULLE_IN_TOO_BIG, .id = path.id, .mtu = mtu, .bytes = mtu};
		in.local = path.local;
		in.remote = path.remote;
		tulle_peer_handle(a(), c.now, &in);
		ck_assert_uint_eq(packet_bytes(0), 1432);
	}
	send_some();
	ck_assert_uint_eq(packet_bytes(0), 1432);
}
END_TEST

/* SCTP-179, SCTP-180 RFC8261:6.1, RFC8831:6.2: one association, on 5000 both ways, no other */
START_TEST(other_ports_on_the_same_dtls_are_nobody)
{
	uint8_t buf[64];
	for (unsigned i = 0; i < 2; i++) {
		tulle_sctp_header header = {5000, 5000, a()->sctp->identity.remote_tag};
		*(i == 0 ? &header.source_port : &header.destination_port) = 5001;
		tulle_sctp_packet w;
		tulle_sctp_packet_start(&w, TULLE_CPU_PLAIN, buf, sizeof buf, &header);
		tulle_wr_bytes(&w.w, "\6\0\0\4", 4);
		size_t n = tulle_sctp_packet_end(&w);
		ck_assert_int_eq(
			tulle_sctp_handle_datagram(b()->sctp, c.now, buf, n), TULLE_DROP_SCTP_PORT);
	}
	settle();
	ck_assert_int_eq(tulle_channel_send_bytes(a(), chat, "x", 1), TULLE_OK);
	settle();
	ck_assert_uint_eq(c.end[1].message_len, 1);
}
END_TEST

/* SCTP-126 RFC8831:6.2: the ABORT is lost, the close_notify alone says that it is over */
START_TEST(the_end_of_dtls_is_the_end_of_the_association)
{
	static uint8_t bytes[50000];
	ck_assert_int_eq(
		tulle_channel_send_bytes(b(), c.end[1].channel, bytes, sizeof bytes), TULLE_OK);
	no_data[0] = true;
	tulle_peer_close(a());
	settle();
	ck_assert_int_eq(tulle_peer_why_ended(b()), TULLE_PEER_ENDED_REMOTE);
	ck_assert_uint_eq(c.end[1].events[TULLE_PEER_CLOSE], 1);
	ck_assert_int_ne(tulle_channel_send_bytes(b(), c.end[1].channel, "x", 1), TULLE_OK);
	unsigned before = records[1];
	couple_run(&c, NULL, 20 * SECOND);
	ck_assert_uint_eq(records[1], before); /* and nothing more is sent */
}
END_TEST

Suite *suite_sctp_dtls(void);
Suite *suite_sctp_dtls(void)
{
	Suite *s = suite_create("sctp_dtls");
	TCase *t = tcase_create("dtls");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, datagrams_grow_to_what_the_path_takes);
	tcase_add_test(t, a_path_that_shrinks_costs_no_data);
	tcase_add_test(t, news_of_a_size_from_the_network_change_nothing);
	tcase_add_test(t, each_packet_is_one_record_and_none_comes_before_dtls);
	tcase_add_test(t, other_ports_on_the_same_dtls_are_nobody);
	tcase_add_test(t, the_end_of_dtls_is_the_end_of_the_association);
	suite_add_tcase(s, t);
	return s;
}
