/* SPDX-License-Identifier: MIT */
/* peer: one side is lite: it only answers checks, whoever makes the offer. */
#include "tests/support/couple.h"

#include "ice/ice.h"
#include "peer/state.h"

#include <check.h>
#include <string.h>

#define SECOND 1000000

static couple c;

static bool both_are_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] != 0 && k->end[1].events[TULLE_PEER_OPEN] != 0;
}

static bool has_line(int end, const char *line)
{
	tulle_text sdp;
	(void)tulle_peer_local(c.end[end].peer, false, &sdp);
	return memmem(sdp.ptr, sdp.len, line, strlen(line)) != NULL;
}

/* ICE-024, ICE-068, ICE-076, SDP-043 RFC8445:6.1.1, RFC8839:5.3 */
START_TEST(a_lite_peer_says_so_and_is_controlled)
{
	for (int lite = 0; lite < 2; lite++)
		for (int fewer = 0; fewer < 2; fewer++) {
			tulle_peer_config config = {.no_sped = !fewer, .no_snap = !fewer};
			tulle_peer_config as_lite = config;
			tulle_channel channel;
			as_lite.ice.lite = true;
			c = (couple){.seed = 5};
			couple_open(
				&c, lite == 0 ? &as_lite : &config, lite == 1 ? &as_lite : &config);
			ck_assert_int_eq(
				tulle_channel_create(c.end[0].peer, "x", NULL, &channel), TULLE_OK);
			ck_assert_int_eq(couple_describe(&c, 0), TULLE_OK);
			ck_assert(couple_run(&c, both_are_open, 10 * SECOND));
			ck_assert(has_line(lite, "\r\na=ice-lite\r\nm=application"));
			ck_assert(!has_line(1 - lite, "a=ice-lite"));
			ck_assert(!tulle_ice_is_controlling(c.end[lite].peer->ice));
			ck_assert(tulle_ice_is_controlling(c.end[1 - lite].peer->ice));
			couple_run(&c, NULL, 60 * SECOND); /* consent is the full side's to ask */
			for (int i = 0; i < 2; i++)
				ck_assert_int_eq(tulle_peer_connection(c.end[i].peer),
					TULLE_CONNECTION_CONNECTED);
			couple_close(&c);
		}
}
END_TEST

START_TEST(two_lite_peers_are_refused)
{
	const tulle_peer_config config = {.ice.lite = true};
	tulle_channel channel;
	c = (couple){.seed = 6};
	couple_open(&c, &config, &config);
	ck_assert_int_eq(tulle_channel_create(c.end[0].peer, "x", NULL, &channel), TULLE_OK);
	ck_assert_int_eq(couple_describe(&c, 0), TULLE_ERR_ARGUMENT);
	ck_assert_str_eq(tulle_peer_why(c.end[1].peer), "both sides are ICE-lite");
	couple_close(&c);
}
END_TEST

Suite *suite_peer_lite(void)
{
	Suite *suite = suite_create("peer_lite");
	TCase *t = tcase_create("peer_lite");
	tcase_add_test(t, a_lite_peer_says_so_and_is_controlled);
	tcase_add_test(t, two_lite_peers_are_refused);
	suite_add_tcase(suite, t);
	return suite;
}
