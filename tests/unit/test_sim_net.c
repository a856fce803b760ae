/* SPDX-License-Identifier: MIT */
/* sim: the simulated network gives each datagram what its link says, for the bars hang on it. */
#include "tests/sim/sim_net.h"

#include <check.h>
#include <string.h>

static sim_prng prng;
static sim_net net;

static void open_net(const sim_link *link)
{
	sim_seed(&prng, 7);
	sim_net_init(&net, link, &prng);
}

static void send(tulle_time now, int from, size_t wire_bytes)
{
	sim_net_send_as(&net, now, from, 9, (const uint8_t *)&from, sizeof from, wire_bytes);
}

static unsigned arrived(tulle_time now)
{
	uint8_t data[SIM_DATAGRAM_MAX];
	size_t len;
	int to;
	unsigned n = 0;
	while (sim_net_take(&net, now, &to, data, &len))
		n++;
	return n;
}

/* A gigabit link sends 1000 bytes in 8 us, and whole runs of them without rounding. */
START_TEST(a_link_has_its_rate)
{
	open_net(&(sim_link){.bytes_per_s = 125000000, .delay_us = 500});
	for (int i = 0; i < 1000; i++)
		send(0, 0, 1001);
	ck_assert_int_eq(sim_net_next(&net), 508);
	ck_assert_uint_eq(arrived(500 + 8007), 999);
	ck_assert_uint_eq(arrived(500 + 8008), 1);
	sim_net_free(&net);
}
END_TEST

START_TEST(ends_that_share_a_pipe_wait_for_each_other)
{
	open_net(&(sim_link){.bytes_per_s = 1000000});
	net.ports[1].pipe = 0;
	send(0, 0, 1000);
	send(0, 1, 1000);
	send(0, 2, 1000); /* a pipe of its own */
	ck_assert_uint_eq(sim_net_queue(&net, 0, 0), 2);
	ck_assert_uint_eq(arrived(1000), 2);
	ck_assert_uint_eq(arrived(1999), 0);
	ck_assert_uint_eq(arrived(2000), 1);
	sim_net_free(&net);
}
END_TEST

START_TEST(a_full_queue_drops_the_tail)
{
	open_net(&(sim_link){.bytes_per_s = 1000000, .queue_packets_max = 3});
	for (int i = 0; i < 5; i++)
		send(0, 0, 1000);
	ck_assert_uint_eq(net.pipes[0].overflowed, 2);
	send(1000, 0, 1000); /* one has left */
	ck_assert_uint_eq(net.pipes[0].overflowed, 2);
	ck_assert_uint_eq(net.pipes[0].queue_packets_top, 3);
	ck_assert_uint_eq(arrived(4000), 4);
	sim_net_free(&net);
	open_net(&(sim_link){.bytes_per_s = 1000000, .queue_bytes_max = 2500});
	send(0, 0, 2000);
	send(0, 0, 501);
	send(0, 0, 500);
	ck_assert_uint_eq(net.pipes[0].overflowed, 1);
	ck_assert_uint_eq(net.pipes[0].waited_us, 2000);
	sim_net_free(&net);
}
END_TEST

/* A bucket of 3000 bytes filled with 1 byte a microsecond. */
START_TEST(a_policer_lets_its_rate_through)
{
	open_net(&(sim_link){.police_bytes_per_s = 1000000, .police_bytes_max = 3000});
	for (int i = 0; i < 5; i++)
		send(0, 0, 1000);
	ck_assert_uint_eq(net.pipes[0].policed, 2);
	for (int i = 1; i <= 100; i++)
		send(i * 500, 0, 1000); /* twice the rate */
	ck_assert_uint_eq(net.pipes[0].policed, 2 + 50);
	ck_assert_uint_eq(net.pipes[0].passed, 3 + 50);
	sim_net_free(&net);
}
END_TEST

/* Bursts of 10 on average, 90 apart: a tenth is lost, and what is lost stands together. */
START_TEST(bursts_lose_neighbours)
{
	open_net(&(sim_link){
		.burst_begin_ppm = 11111, .burst_end_ppm = 100000, .burst_loss_ppm = 1000000});
	unsigned together = 0;
	for (int i = 0; i < 100000; i++) {
		uint64_t before = net.lost;
		bool was = net.pipes[0].in_burst;
		send(0, 0, 100);
		together += was && net.lost > before;
	}
	ck_assert_uint_ge(net.lost, 8000);
	ck_assert_uint_le(net.lost, 12000);
	ck_assert_uint_ge(together, net.lost * 8 / 10);
	ck_assert_uint_eq(net.lost - together, net.bursts);
	sim_net_free(&net);
	sim_link link = {.burst_begin_ppm = 1, .burst_loss_ppm = 1000000, .burst_us_max = 500};
	open_net(&link); /* only time ends this one */
	net.pipes[0].in_burst = true;
	send(499, 0, 100);
	ck_assert_uint_eq(net.lost, 1);
	send(500, 0, 100);
	ck_assert_uint_eq(net.lost, 1);
	sim_net_free(&net);
}
END_TEST

START_TEST(a_path_changes_in_mid_run)
{
	sim_link link = {.delay_us = 100, .mtu = 1500, .down_from = 1000, .down_until = 2000};
	open_net(&link);
	link.mtu = 1280;
	link.delay_us = 50;
	sim_net_change(&net, 3000, 0, &link);
	send(0, 0, 1501);
	send(0, 0, 1500);
	ck_assert_int_eq(sim_net_next(&net), 100);
	send(999, 0, 100);
	send(1000, 0, 100);
	send(1999, 0, 100);
	send(2000, 0, 100);
	ck_assert_uint_eq(net.cut, 2);
	ck_assert_uint_eq(arrived(2100), 3);
	send(2999, 0, 1500);
	send(3000, 0, 1500);
	send(3000, 1, 1500); /* another pipe stays as it is */
	send(3001, 0, 1280);
	ck_assert_uint_eq(net.too_big, 2);
	ck_assert_uint_eq(arrived(3051), 1);
	ck_assert_uint_eq(arrived(3100), 2);
	sim_net_free(&net);
}
END_TEST

START_TEST(jitter_in_order_overtakes_nobody)
{
	open_net(&(sim_link){.delay_us = 1000, .jitter_us = 900, .in_order = true});
	for (int i = 0; i < 200; i++)
		sim_net_send(&net, i * 10, 0, 1, (const uint8_t *)&i, sizeof i);
	for (int i = 0; i < 200; i++) {
		uint8_t data[SIM_DATAGRAM_MAX];
		size_t len;
		int to;
		ck_assert(sim_net_take(&net, TULLE_TIME_NEVER - 1, &to, data, &len));
		ck_assert_mem_eq(data, &i, sizeof i);
	}
	sim_net_free(&net);
}
END_TEST

Suite *suite_sim_net(void)
{
	Suite *suite = suite_create("sim_net");
	TCase *tc = tcase_create("sim_net");
	tcase_add_test(tc, a_link_has_its_rate);
	tcase_add_test(tc, ends_that_share_a_pipe_wait_for_each_other);
	tcase_add_test(tc, a_full_queue_drops_the_tail);
	tcase_add_test(tc, a_policer_lets_its_rate_through);
	tcase_add_test(tc, bursts_lose_neighbours);
	tcase_add_test(tc, a_path_changes_in_mid_run);
	tcase_add_test(tc, jitter_in_order_overtakes_nobody);
	suite_add_tcase(suite, tc);
	return suite;
}
