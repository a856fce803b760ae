/* SPDX-License-Identifier: MIT */
/* sctp: the window that is told and the blocks that are there: RFC9260:6.2. */
#include "tests/unit/sctp_pair.h"

/* The reader takes nothing while the other end sends all that the window lets it. */
static void fill_window(size_t message_bytes)
{
	static uint8_t message[70000];
	static pair p;
	tulle_sctp_stats s, sender;
	memset(&p, 0, sizeof p);
	p.config.receive_bytes_max = 512u << 10;
	pair_open(&p, 2048);
	pair_connect(&p);
	ck_assert_int_eq(tulle_sctp_pause(p.end[1].sctp, p.now, 3, true), TULLE_OK);
	for (int round = 0; round < 4; round++) {
		while (tulle_sctp_send(p.end[0].sctp, p.now, 3, 53, message, message_bytes, NULL) ==
			TULLE_OK)
			continue;
		pair_settle(&p);
		for (int turn = 0; turn < 180; turn++) { /* delayed SACKs; no T3 is due by then */
			p.now += 1000;
			for (int end = 0; end < 2; end++) /* the sender's pace */
				tulle_sctp_handle_timeout(p.end[end].sctp, p.now);
			pair_settle(&p);
		}
		tulle_sctp_read_stats(p.end[1].sctp, &s);
		tulle_sctp_read_stats(p.end[0].sctp, &sender);
		/* a probe of a shut window may find none: RFC9260:6.1 A */
		ck_assert_msg(s.no_room <= sender.window_probes,
			"messages of %zu: %llu chunks found no room, %llu were probes",
			message_bytes, (unsigned long long)s.no_room,
			(unsigned long long)sender.window_probes);
		ck_assert_int_eq(tulle_sctp_pause(p.end[1].sctp, p.now, 3, false), TULLE_OK);
		p.end[1].got_len = 0;
		tulle_sctp_event event;
		while (tulle_sctp_poll_event(p.end[1].sctp, &event))
			continue;
		pair_check(&p);
		ck_assert_int_eq(tulle_sctp_pause(p.end[1].sctp, p.now, 3, true), TULLE_OK);
	}
	ck_assert_uint_gt(s.data_in, 512u << 10);
	pair_close(&p);
}

/* RFC9260:6.2: a window that promises blocks that are not there costs a retransmission and a T3 */
START_TEST(no_chunk_within_the_window_is_refused_whatever_its_size)
{
	static const size_t sizes[] = {100, 500, 944, 1000, 1024, 1100, 65536};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		fill_window(sizes[i]);
}
END_TEST

Suite *suite_sctp_window(void)
{
	Suite *s = suite_create("sctp_window");
	TCase *t = tcase_create("window");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, no_chunk_within_the_window_is_refused_whatever_its_size);
	suite_add_tcase(s, t);
	return s;
}
