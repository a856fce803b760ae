/* SPDX-License-Identifier: MIT */
/* Tests: an offer and its answer between two peers. */
#ifndef TULLE_TEST_DESCRIBE_H
#define TULLE_TEST_DESCRIBE_H
#include <check.h>
#include <tulle/peer.h>

/* told: what the other one hears of a description; NULL: all. */
static inline void describe_ends(tulle_peer *offerer, tulle_peer *answerer,
	size_t (*told)(char *dst, tulle_text sdp))
{
	tulle_peer *const ends[2] = {offerer, answerer};
	char text[8192];
	for (int i = 0; i < 2; i++) {
		const tulle_sdp_type type = i == 0 ? TULLE_SDP_OFFER : TULLE_SDP_ANSWER;
		tulle_text sdp;
		ck_assert_int_eq(
			tulle_peer_set_local(ends[i], TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
		ck_assert_int_eq(tulle_peer_local(ends[i], i == 0, &sdp), type);
		if (told != NULL)
			sdp = (tulle_text){text, told(text, sdp)};
		ck_assert_int_eq(
			tulle_peer_set_remote(ends[1 - i], type, sdp.ptr, sdp.len), TULLE_OK);
	}
}
#endif
