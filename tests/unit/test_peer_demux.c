/* SPDX-License-Identifier: MIT */
/* peer: which engine a datagram reaches, by its first byte (RFC 7983) and by where it comes from.
 */
#include "peer/state.h"
#include "tests/support/clock.h"
#include "tests/support/world.h"

#include <check.h>
#include <stdlib.h>

static tulle_peer *peer;
static void *block;

static void setup(void)
{
	const tulle_peer_config config = {.send_bytes_max = 65536, .receive_bytes_max = 65536};
	size_t bytes = tulle_peer_memory_bytes(&config);
	clock_set(0);
	block = malloc(bytes);
	peer = tulle_peer_init(block, bytes, &config, (tulle_random){world_random, NULL}, 0);
	ck_assert_ptr_nonnull(peer);
}

static void teardown(void)
{
	tulle_peer_wipe(peer);
	free(block);
}

static void give(const uint8_t *data, size_t len)
{
	tulle_in in = {.kind = TULLE_IN_DATAGRAM, .id = 1, .data = {data, len}};
	in.local = (tulle_addr){.family = 4, .ip = {10, 0, 0, 1}, .port = 5000};
	in.remote = (tulle_addr){.family = 4, .ip = {10, 0, 0, 2}, .port = 5000};
	tulle_peer_handle(peer, 1, &in);
	tulle_peer_check(peer);
}

static uint64_t all_drops(void)
{
	uint64_t n = 0;
	for (int i = 1; i < TULLE_DROP_COUNT; i++)
		n += tulle_peer_drops(peer, (tulle_drop)i);
	return n;
}

/* DTLS-001 DTLS-002 DTLS-003 DTLS-004 DTLS-006 DTLS-007 DTLS-010 DTLS-011 RFC7983:7 */
START_TEST(every_first_byte_has_its_one_place)
{
	uint8_t data[40] = {0};
	for (unsigned first = 0; first < 256; first++) {
		uint64_t strange = tulle_peer_drops(peer, TULLE_DROP_UNKNOWN_PROTOCOL);
		uint64_t early = tulle_peer_drops(peer, TULLE_DROP_ICE_NOT_VALIDATED);
		uint64_t all = all_drops();
		data[0] = (uint8_t)first;
		give(data, sizeof data);
		bool stun = first <= 3, dtls = first >= 20 && first <= 63;
		ck_assert_uint_eq(tulle_peer_drops(peer, TULLE_DROP_UNKNOWN_PROTOCOL) - strange,
			!stun && !dtls);
		ck_assert_uint_eq(
			tulle_peer_drops(peer, TULLE_DROP_ICE_NOT_VALIDATED) - early, dtls);
		ck_assert_uint_eq(all_drops() - all, 1);
	}
}
END_TEST

/* DTLS-008 */
START_TEST(an_empty_datagram_is_malformed)
{
	give((const uint8_t *)"", 0);
	ck_assert_uint_eq(tulle_peer_drops(peer, TULLE_DROP_MALFORMED), 1);
}
END_TEST

/* DTLS-009 ICE-163 FIELD: ClientHello race, spoofed hello wins; unauthenticated packets move the
 * path */
START_TEST(dtls_from_a_path_that_ice_has_not_proven_reaches_nothing)
{
	uint8_t hello[80] = {22, 0xfe, 0xfd};
	for (int i = 0; i < 100; i++)
		give(hello, sizeof hello);
	ck_assert_uint_eq(tulle_peer_drops(peer, TULLE_DROP_ICE_NOT_VALIDATED), 100);
	ck_assert_uint_eq(tulle_peer_drops(peer, TULLE_DROP_DTLS_HELD), 0);
	uint8_t scratch[2048];
	tulle_out out;
	ck_assert(
		!tulle_peer_poll(peer, 1, scratch, sizeof scratch, &out)); /* nor is it answered */
}
END_TEST

/* RFC8445:6.1.1 */
START_TEST(who_offers_controls_and_who_answers_does_not)
{
	const tulle_peer_config config = {.send_bytes_max = 65536, .receive_bytes_max = 65536};
	size_t bytes = tulle_peer_memory_bytes(&config);
	void *memory = malloc(bytes);
	tulle_peer *other =
		tulle_peer_init(memory, bytes, &config, (tulle_random){world_random, NULL}, 0);
	tulle_text sdp;
	(void)tulle_channel_create(peer, "x", NULL, NULL);
	ck_assert(!tulle_ice_is_controlling(peer->ice));
	ck_assert_int_eq(tulle_peer_set_local(peer, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert(tulle_ice_is_controlling(peer->ice));
	(void)tulle_peer_local(peer, true, &sdp);
	ck_assert_int_eq(tulle_peer_set_remote(other, TULLE_SDP_OFFER, sdp.ptr, sdp.len), TULLE_OK);
	ck_assert_int_eq(tulle_peer_set_local(other, TULLE_SDP_IMPLICIT, NULL, 0), TULLE_OK);
	ck_assert(!tulle_ice_is_controlling(other->ice));
	tulle_peer_wipe(other);
	free(memory);
}
END_TEST

Suite *suite_peer_demux(void)
{
	Suite *suite = suite_create("peer_demux");
	TCase *t = tcase_create("peer_demux");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_first_byte_has_its_one_place);
	tcase_add_test(t, an_empty_datagram_is_malformed);
	tcase_add_test(t, dtls_from_a_path_that_ice_has_not_proven_reaches_nothing);
	tcase_add_test(t, who_offers_controls_and_who_answers_does_not);
	suite_add_tcase(suite, t);
	return suite;
}
