/* SPDX-License-Identifier: MIT */
/* mesh: P's verbs and events as <tulle/mesh.h> promises them, in virtual time over real DTLS. */
#include "base/text.h"
#include "tests/unit/mesh_kit.h"

#include <stdlib.h>

#define A world_roots[0]
#define B world_roots[1]
#define C world_roots[2]
#define D world_roots[3]

static tulle_node ab, ba; /* A's node of B, B's of A */

static void begin_with(int roots)
{
	kit_begin(7, (world_config){0});
	for (int i = 0; i < roots; i++)
		(void)world_add(NULL);
}

static void setup_pair(void)
{
	begin_with(4);
	kit_pair(0, 1, &ab, &ba);
}

static void teardown(void)
{
	world_end();
}

START_TEST(connection_fires_on_the_root_then_on_the_introducer_before_open)
{
	const heard *root = kit_find(0, TULLE_EVENT_CONNECTION, TULLE_ROOT, 0);
	ck_assert_ptr_nonnull(root); /* the onramp itself: on the root alone */
	ck_assert(root->peer == tulle_find(A, WORLD_URL));
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_CONNECTION, TULLE_ROOT), 2);
	root = kit_find(0, TULLE_EVENT_CONNECTION, TULLE_ROOT, (size_t)(root - kit_log[0]) + 1);
	ck_assert(root->peer == ab && !root->incoming);
	const heard *via = kit_find(0, TULLE_EVENT_CONNECTION, tulle_find(A, WORLD_URL), 0);
	const heard *open = kit_find(0, TULLE_EVENT_OPEN, ab, 0);
	ck_assert(via == root + 1 && via->peer == ab && open > via);
	const heard *in = kit_find(1, TULLE_EVENT_CONNECTION, tulle_find(B, WORLD_URL), 0);
	ck_assert(in->peer == ba && in->incoming);
	ck_assert(tulle_via(A, ab) == tulle_find(A, WORLD_URL));
}
END_TEST

START_TEST(messages_and_bytes_arrive_as_written)
{
	const char *const json[] = {"null", "3.50", "{\"a\":[1,2]}", "\"\\u00e9\\ud83d\\ude00\""};
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(tulle_send_json(A, ab, json[i], strlen(json[i])), TULLE_OK);
	ck_assert_int_eq(tulle_send_text(A, ab, "q\"\n\0z", 5), TULLE_OK);
	ck_assert_int_eq(tulle_send_bytes(A, ab, "", 0), TULLE_OK);
	ck_assert_int_eq(tulle_send_bytes(A, ab, "\1\2\3", 3), TULLE_OK);
	kit_settle();
	const heard *h = kit_find(1, TULLE_EVENT_MESSAGE, ba, 0);
	for (size_t i = 0; i < 3; i++, h++) {
		ck_assert(!h->is_text);
		ck_assert_str_eq(h->text, json[i]);
	}
	ck_assert(h->is_text);
	ck_assert_str_eq(h->text, "é😀");
	h++;
	ck_assert_uint_eq(h->len, 5);
	ck_assert_mem_eq(h->text, "q\"\n", 3);
	ck_assert_uint_eq(h[1].len, 0);
	ck_assert(h[1].kind == TULLE_EVENT_BYTES && h[2].kind == TULLE_EVENT_BYTES);
	ck_assert_mem_eq(h[2].text, "\1\2\3", 3);
}
END_TEST

START_TEST(a_lone_surrogate_leaves_the_text_empty_and_the_json_intact)
{
	ck_assert_int_eq(tulle_send_json(A, ab, "\"\\ud800\"", 8), TULLE_OK);
	kit_settle();
	const heard *h = kit_find(1, TULLE_EVENT_MESSAGE, ba, 0);
	ck_assert(h->is_text);
	ck_assert_uint_eq(h->len, 0);
}
END_TEST

START_TEST(sends_are_whole_or_not_at_all)
{
	size_t max = tulle_send_max(A, ab);
	char *big = malloc(max + 16);
	memset(big, 'x', max + 16);
	ck_assert_uint_eq(max, 262144);
	ck_assert_int_eq(tulle_send_text(A, ab, big, max - 6), TULLE_OK); /* [0,""] */
	ck_assert_int_eq(tulle_send_text(A, ab, big, max - 5), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_send_bytes(A, ab, big, max), TULLE_OK);
	ck_assert_int_eq(tulle_send_bytes(A, ab, big, max + 1), TULLE_ERR_TOO_LARGE);
	tulle_node ramp = tulle_find(A, WORLD_URL); /* the same over a WebSocket */
	ck_assert_int_eq(tulle_send_text(A, ramp, big, max - 5), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_send_bytes(A, ramp, big, max + 1), TULLE_ERR_TOO_LARGE);
	ck_assert_int_eq(tulle_send_json(A, ab, "{", 1), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(tulle_send_json(A, ab, "1 2", 3), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(tulle_send_text(A, ab, "\xff", 1), TULLE_ERR_SYNTAX);
	ck_assert_str_ne(tulle_why(A), "");
	(void)world_run(NULL, 5000000);
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_MESSAGE, ba), 1);
	ck_assert_uint_eq(kit_find(1, TULLE_EVENT_MESSAGE, ba, 0)->len, max - 6);
	ck_assert_uint_eq(kit_find(1, TULLE_EVENT_BYTES, ba, 0)->len, max);
	free(big);
}
END_TEST

START_TEST(would_block_is_followed_by_writable_for_certain)
{
	static uint8_t block[65536];
	int sent = 0;
	tulle_err err;
	while ((err = tulle_send_bytes(A, ab, block, sizeof block)) == TULLE_OK && sent < 1000)
		sent++;
	ck_assert_int_eq(err, TULLE_WOULD_BLOCK);
	ck_assert_int_ge(sent, 8);
	ck_assert_uint_gt(tulle_buffered(A, ab), 8u * 65536);
	(void)world_run(NULL, 20000000);
	ck_assert_uint_ge(kit_number(0, TULLE_EVENT_WRITABLE, ab), 1);
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_BYTES, ba), (size_t)sent);
	ck_assert_uint_eq(tulle_buffered(A, ab), 0);
}
END_TEST

START_TEST(writable_comes_when_buffered_falls_to_low_water)
{
	static uint8_t block[200000];
	ck_assert_int_eq(tulle_send_bytes(A, ab, block, sizeof block), TULLE_OK);
	(void)world_run(NULL, 5000000);
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_WRITABLE, ab), 0); /* never above 256 KiB */
	ck_assert_int_eq(tulle_send_bytes(A, ab, block, sizeof block), TULLE_OK);
	ck_assert_int_eq(tulle_send_bytes(A, ab, block, sizeof block), TULLE_OK);
	(void)world_run(NULL, 5000000);
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_WRITABLE, ab), 1);
}
END_TEST

START_TEST(close_gives_disconnection_then_close_once_on_both_sides)
{
	static int token;
	ck_assert_int_eq(tulle_set_user(A, ab, &token), TULLE_OK);
	ck_assert_int_eq(tulle_close(A, ab), TULLE_OK);
	ck_assert(!tulle_is_open(A, ab));
	ck_assert_int_eq(tulle_send_text(A, ab, "x", 1), TULLE_ERR_GONE);
	kit_settle();
	for (int i = 0; i < 2; i++) {
		tulle_node n = i == 0 ? ab : ba;
		ck_assert_uint_eq(kit_number(i, TULLE_EVENT_CLOSE, n), 1);
		const heard *close = kit_find(i, TULLE_EVENT_CLOSE, n, 0);
		const heard *root = kit_find(i, TULLE_EVENT_DISCONNECTION, TULLE_ROOT, 0);
		ck_assert(root->peer == n && root < close);
		ck_assert(root[1].kind == TULLE_EVENT_DISCONNECTION && root[1].peer == n);
		ck_assert_int_eq(close->closed, i == 0 ? TULLE_CLOSED_LOCAL : TULLE_CLOSED_REMOTE);
		ck_assert_int_eq(tulle_close(world_roots[i], n), TULLE_ERR_GONE);
		ck_assert_ptr_null(tulle_user(world_roots[i], n));
		ck_assert_uint_eq(tulle_peers(world_roots[i], NULL, 0), 1);
	}
}
END_TEST

static void *user_in_close;
static tulle_err send_in_close;

static void ask_in_close(int root, const tulle_event *e)
{
	if (root != 0 || e->kind != TULLE_EVENT_CLOSE || e->node != ab)
		return;
	user_in_close = tulle_user(A, ab);
	send_in_close = tulle_send_text(A, ab, "x", 1);
}

START_TEST(in_close_the_user_pointer_works_and_sends_do_not)
{
	static int token;
	kit_also = ask_in_close;
	(void)tulle_set_user(A, ab, &token);
	(void)tulle_close(A, ab);
	kit_settle();
	ck_assert_ptr_eq(user_in_close, &token);
	ck_assert_int_eq(send_in_close, TULLE_ERR_GONE);
}
END_TEST

START_TEST(a_number_is_never_given_twice_and_an_address_is_free_again)
{
	char address[64];
	tulle_node again;
	snprintf(address, sizeof address, "%s", kit_announced(0, 0));
	ck_assert(tulle_find(A, address) == ab);
	ck_assert_int_eq(
		tulle_connect(A, tulle_find(A, WORLD_URL), address, NULL, &again), TULLE_ERR_STATE);
	ck_assert(again == ab);
	(void)tulle_close(A, ab);
	ck_assert(tulle_find(A, address) == TULLE_NO_NODE);
	kit_settle();
	ck_assert_int_eq(
		tulle_connect(A, tulle_find(A, WORLD_URL), address, NULL, &again), TULLE_OK);
	ck_assert(again != ab);
	kit_settle();
	ck_assert(tulle_is_open(A, again));
	ck_assert_int_eq(tulle_send_text(A, ab, "x", 1), TULLE_ERR_GONE);
}
END_TEST

START_TEST(finish_closes_when_all_is_acknowledged)
{
	static uint8_t block[65536];
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(tulle_send_bytes(A, ab, block, sizeof block), TULLE_OK);
	ck_assert_int_eq(tulle_finish(A, ab), TULLE_OK);
	ck_assert_int_eq(tulle_send_text(A, ab, "x", 1), TULLE_ERR_STATE);
	(void)world_run(NULL, 5000000);
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_BYTES, ba), 8);
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_CLOSE, ab), 1);
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_CLOSE, ba), 1);
}
END_TEST

START_TEST(pause_closes_the_window_and_nothing_is_lost)
{
	static uint8_t block[65536];
	int sent = 0;
	ck_assert_int_eq(tulle_pause(B, ba, true), TULLE_OK);
	for (int i = 0; i < 100; i++) {
		while (tulle_send_bytes(A, ab, block, sizeof block) == TULLE_OK)
			sent++;
		(void)world_run(NULL, 200000);
	}
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_BYTES, ba), 0);
	ck_assert_int_lt(sent, 64); /* both ends' buffers, no more */
	ck_assert_int_eq(tulle_pause(B, ba, false), TULLE_OK);
	(void)world_run(NULL, 30000000);
	ck_assert_uint_eq(kit_number(1, TULLE_EVENT_BYTES, ba), (size_t)sent);
}
END_TEST

START_TEST(chains_of_any_length_are_introduced)
{
	tulle_node bc, cb, ac;
	char of_c[64];
	kit_pair(1, 2, &bc, &cb);
	snprintf(
		of_c, sizeof of_c, "%.*s", (int)tulle_address(B, bc).len, tulle_address(B, bc).ptr);
	world_stop_onramp(); /* the mesh outlives its server */
	kit_settle();
	ck_assert_int_eq(tulle_connect(A, ab, of_c, NULL, &ac), TULLE_OK);
	kit_settle();
	ck_assert(tulle_is_open(A, ac));
	ck_assert(tulle_via(A, ac) == ab);
	const heard *h = kit_find(2, TULLE_EVENT_CONNECTION, cb, 0);
	ck_assert_ptr_nonnull(h);
	ck_assert(h->incoming && tulle_is_open(C, h->peer));
	ck_assert_int_eq(tulle_send_text(C, h->peer, "hi", 2), TULLE_OK);
	kit_settle();
	ck_assert_str_eq(kit_find(0, TULLE_EVENT_MESSAGE, ac, 0)->text, "hi");
	/* B goes: what it introduced stands. */
	(void)tulle_close(B, TULLE_ROOT);
	kit_settle();
	ck_assert(tulle_is_open(A, ac));
	ck_assert_uint_eq(tulle_peers(B, NULL, 0), 0);
}
END_TEST

START_TEST(a_longer_chain_grows_link_by_link)
{
	tulle_node bc, cb, cd, dc, ac, ad;
	char of_c[64], of_d[64];
	kit_pair(1, 2, &bc, &cb);
	kit_pair(2, 3, &cd, &dc);
	snprintf(
		of_c, sizeof of_c, "%.*s", (int)tulle_address(B, bc).len, tulle_address(B, bc).ptr);
	snprintf(
		of_d, sizeof of_d, "%.*s", (int)tulle_address(C, cd).len, tulle_address(C, cd).ptr);
	world_stop_onramp();
	ck_assert_int_eq(tulle_connect(A, ab, of_c, NULL, &ac), TULLE_OK);
	/* C is still connecting: the offer to D waits for it. */
	ck_assert_int_eq(tulle_connect(A, ac, of_d, NULL, &ad), TULLE_OK);
	kit_settle();
	kit_settle();
	ck_assert(tulle_is_open(A, ad));
}
END_TEST

static tulle_verdict verdict;
static char seen_data[64], seen_from[64];

static tulle_verdict judge(tulle *root, const tulle_offer *offer, void *user)
{
	(void)root, (void)user;
	ck_assert(offer->sdp.len > 100);
	snprintf(seen_data, sizeof seen_data, "%.*s", (int)offer->offer_data.len,
		offer->offer_data.ptr);
	snprintf(seen_from, sizeof seen_from, "%.*s", (int)offer->from.len, offer->from.ptr);
	return verdict;
}

static void setup_firewall(void)
{
	begin_with(1);
	(void)world_add(&(tulle_options){.polled = true, .firewall = judge});
	(void)kit_join(0);
	(void)kit_join(1);
}

START_TEST(the_firewall_sees_the_offer_and_refusal_is_silence)
{
	tulle_node n;
	verdict = TULLE_REFUSE;
	const tulle_connect_options o = {.offer_data = "{\"k\":1}", .timeout_ms = 3000};
	ck_assert_int_eq(
		tulle_connect(A, tulle_find(A, WORLD_URL), kit_announced(0, 0), &o, &n), TULLE_OK);
	(void)world_run(NULL, 2000000);
	ck_assert_str_eq(seen_data, "{\"k\":1}");
	ck_assert_uint_eq(tulle_peers(B, NULL, 0), 1);
	ck_assert_uint_eq(kit_number(0, TULLE_EVENT_CLOSE, n), 0);
	(void)world_run(NULL, 2000000);
	ck_assert_int_eq(kit_find(0, TULLE_EVENT_CLOSE, n, 0)->closed, TULLE_CLOSED_NO_ANSWER);
	ck_assert(tulle_drops(B, TULLE_DROP_P_FIREWALL) == 1);
	/* The address is not poisoned: now it is let in. */
	verdict = TULLE_ACCEPT;
	ck_assert_int_eq(tulle_connect(A, tulle_find(A, WORLD_URL), kit_announced(0, 0), NULL, &n),
		TULLE_OK);
	kit_settle();
	ck_assert(tulle_is_open(A, n));
	ck_assert_str_eq(seen_data, "null");
}
END_TEST

START_TEST(later_waits_for_accept_and_keeps_the_candidates)
{
	tulle_node n, accepted;
	verdict = TULLE_LATER;
	ck_assert_int_eq(tulle_connect(A, tulle_find(A, WORLD_URL), kit_announced(0, 0), NULL, &n),
		TULLE_OK);
	kit_settle();
	const heard *offer = kit_find(1, TULLE_EVENT_OFFER, TULLE_ROOT, 0);
	ck_assert_ptr_nonnull(offer);
	ck_assert(!tulle_is_open(A, n));
	ck_assert_int_eq(tulle_accept(B, offer->offer, NULL, &accepted), TULLE_OK);
	kit_settle();
	ck_assert(tulle_is_open(A, n) && tulle_is_open(B, accepted));
	ck_assert_int_eq(tulle_accept(B, offer->offer, NULL, NULL), TULLE_ERR_GONE);
	ck_assert_int_eq(tulle_refuse(B, offer->offer), TULLE_ERR_GONE);
}
END_TEST

START_TEST(an_offer_put_off_is_refused_or_expires)
{
	tulle_node n;
	const tulle_connect_options o = {.timeout_ms = 2000};
	verdict = TULLE_LATER;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			tulle_connect(A, tulle_find(A, WORLD_URL), kit_announced(0, 0), &o, &n),
			TULLE_OK);
		kit_settle();
		const heard *offer = kit_find(1, TULLE_EVENT_OFFER, TULLE_ROOT, kit_count[1] - 1);
		ck_assert_ptr_nonnull(offer);
		if (i == 0)
			ck_assert_int_eq(tulle_refuse(B, offer->offer), TULLE_OK);
		else
			(void)world_run(NULL, 11000000);
		ck_assert_int_eq(tulle_refuse(B, offer->offer), TULLE_ERR_GONE);
		(void)world_run(NULL, 3000000);
		ck_assert_int_eq(
			kit_find(0, TULLE_EVENT_CLOSE, n, 0)->closed, TULLE_CLOSED_NO_ANSWER);
	}
}
END_TEST

START_TEST(the_firewall_is_inherited_by_peers_of_peers)
{
	tulle_node bc, cb, ac;
	verdict = TULLE_ACCEPT;
	kit_pair(0, 1, &ab, &ba);
	(void)world_add(&(tulle_options){.polled = true, .firewall = judge}); /* C */
	kit_pair(1, 2, &bc, &cb);
	char of_c[64];
	snprintf(
		of_c, sizeof of_c, "%.*s", (int)tulle_address(B, bc).len, tulle_address(B, bc).ptr);
	verdict = TULLE_REFUSE;
	seen_from[0] = 0;
	ck_assert_int_eq(tulle_connect(A, ab, of_c, NULL, &ac), TULLE_OK);
	kit_settle();
	ck_assert_str_ne(seen_from, ""); /* C's own firewall judged what came through B */
	ck_assert(!tulle_is_open(A, ac));
}
END_TEST

/* Glare: both offer at once; the greater offer wins, and one connection stands on each side. */
START_TEST(two_simultaneous_connects_settle_on_one)
{
	tulle_node a, b;
	kit_begin((uint32_t)_i + 1, (world_config){0});
	(void)world_add(NULL);
	(void)world_add(NULL);
	(void)kit_join(0);
	(void)kit_join(1);
	ck_assert_int_eq(tulle_connect(A, tulle_find(A, WORLD_URL), kit_announced(0, 0), NULL, &a),
		TULLE_OK);
	ck_assert_int_eq(tulle_connect(B, tulle_find(B, WORLD_URL), kit_announced(1, 0), NULL, &b),
		TULLE_OK);
	kit_settle();
	ck_assert(tulle_is_open(A, a) && tulle_is_open(B, b));
	ck_assert_uint_eq(tulle_peers(A, NULL, 0), 2);
	ck_assert_uint_eq(tulle_peers(B, NULL, 0), 2);
	ck_assert_uint_eq(
		kit_number(0, TULLE_EVENT_OPEN, a) + kit_number(1, TULLE_EVENT_OPEN, b), 2);
	ck_assert_int_eq(tulle_send_text(A, a, "a", 1), TULLE_OK);
	ck_assert_int_eq(tulle_send_text(B, b, "b", 1), TULLE_OK);
	kit_settle();
	ck_assert_str_eq(kit_find(0, TULLE_EVENT_MESSAGE, a, 0)->text, "b");
	ck_assert_str_eq(kit_find(1, TULLE_EVENT_MESSAGE, b, 0)->text, "a");
	world_end();
}
END_TEST

START_TEST(a_killed_peer_is_lost_in_bounded_time)
{
	world_kill(1);
	(void)world_run(NULL, 60000000);
	const heard *h = kit_find(0, TULLE_EVENT_CLOSE, ab, 0);
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(h->closed, TULLE_CLOSED_LOST);
}
END_TEST

START_TEST(a_relay_to_an_unknown_address_is_an_error_here_and_silence_there)
{
	tulle_node n;
	const tulle_connect_options o = {.timeout_ms = 1000};
	ck_assert_int_eq(tulle_connect(A, ab, "nobody", &o, &n), TULLE_OK);
	kit_settle();
	ck_assert_int_eq(kit_find(1, TULLE_EVENT_ERROR, ba, 0)->code, TULLE_ERR_GONE);
	ck_assert(tulle_drops(B, TULLE_DROP_P_RELAY_UNKNOWN) >= 1);
	(void)world_run(NULL, 2000000);
	ck_assert_int_eq(kit_find(0, TULLE_EVENT_CLOSE, n, 0)->closed, TULLE_CLOSED_NO_ANSWER);
}
END_TEST

START_TEST(the_end_of_the_introducer_ends_what_it_had_not_answered)
{
	tulle_node n;
	ck_assert_int_eq(tulle_connect(A, ab, "nobody", NULL, &n), TULLE_OK);
	(void)tulle_close(A, ab);
	kit_settle();
	ck_assert_int_eq(kit_find(0, TULLE_EVENT_CLOSE, n, 0)->closed, TULLE_CLOSED_NO_ANSWER);
}
END_TEST

START_TEST(arguments_are_judged)
{
	tulle_node n;
	char long_address[300];
	memset(long_address, 'x', sizeof long_address - 1);
	long_address[299] = 0;
	ck_assert_int_eq(tulle_connect(A, TULLE_ROOT, "http://x/", NULL, &n), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(tulle_connect(A, TULLE_ROOT, "not a url", NULL, &n), TULLE_ERR_SYNTAX);
	ck_assert_int_eq(tulle_connect(A, ab, "", NULL, &n), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_connect(A, ab, long_address, NULL, &n), TULLE_ERR_ARGUMENT);
	ck_assert_int_eq(tulle_connect(A, 12345, "x", NULL, &n), TULLE_ERR_GONE);
	ck_assert_int_eq(tulle_connect(A, ab, "x", &(tulle_connect_options){.offer_data = "{"}, &n),
		TULLE_ERR_SYNTAX);
	ck_assert(n == TULLE_NO_NODE);
	ck_assert_uint_eq(tulle_memory_bytes(&(tulle_options){.nodes_max = 1 << 20}), 0);
	ck_assert_uint_gt(tulle_memory_bytes(NULL), 0);
	ck_assert_str_eq(tulle_closed_name(TULLE_CLOSED_NO_ANSWER), "no_answer");
	ck_assert_str_eq(tulle_closed_name(TULLE_CLOSED_LIMIT), "limit");
}
END_TEST

START_TEST(a_url_that_nobody_serves_fails_and_is_free_again)
{
	tulle_node n;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			tulle_connect(D, TULLE_ROOT, "ws://192.0.2.9/", NULL, &n), TULLE_OK);
		kit_settle();
		ck_assert_int_eq(
			kit_find(3, TULLE_EVENT_CLOSE, n, 0)->closed, TULLE_CLOSED_NO_PATH);
		ck_assert_uint_eq(kit_number(3, TULLE_EVENT_ERROR, n), 1);
	}
}
END_TEST

START_TEST(attempts_and_nodes_have_bounds)
{
	char address[16];
	tulle_err err = TULLE_OK;
	int made = 0;
	for (; made < 100 && err == TULLE_OK; made++) {
		snprintf(address, sizeof address, "x%d", made);
		err = tulle_connect(A, ab, address, NULL, NULL);
	}
	ck_assert_int_eq(err, TULLE_ERR_LIMIT);
	ck_assert_int_eq(made - 1, 32);
	(void)world_run(NULL, 40000000);
	ck_assert_int_eq(tulle_connect(A, ab, "again", NULL, NULL), TULLE_OK);
}
END_TEST

START_TEST(no_memory_grows_over_many_connects_and_closes)
{
	char address[64];
	size_t first = 0;
	snprintf(address, sizeof address, "%s", kit_announced(0, 0));
	for (int i = 0; i < 40; i++) {
		(void)tulle_close(A, ab);
		kit_settle();
		if (i == 3)
			first = world_memory(0);
		ck_assert_int_eq(
			tulle_connect(A, tulle_find(A, WORLD_URL), address, NULL, &ab), TULLE_OK);
		kit_settle();
		ck_assert(tulle_is_open(A, ab));
		kit_count[0] = kit_count[1] = 0;
	}
	(void)tulle_close(A, ab);
	kit_settle();
	ck_assert_uint_eq(world_memory(0), first);
}
END_TEST

static char logged[4096];

static void note_line(void *user, const tulle_log_line *line)
{
	(void)user;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof logged - n, "%d %s %.*s|", (int)line->level, line->room,
		(int)line->text.len, line->text.ptr);
}

START_TEST(the_log_says_what_became_of_nodes_and_no_addresses_unless_asked)
{
	tulle_options o = {.polled = true, .log = {.write = note_line, .level = TULLE_LOG_INFO}};
	o.log.addresses = _i == 1;
	logged[0] = 0;
	kit_begin(7, (world_config){0});
	(void)world_add(&o);
	tulle_node ramp = kit_join(0);
	(void)tulle_close(A, ramp);
	kit_settle();
	ck_assert_ptr_nonnull(strstr(logged, "3 mesh open"));
	ck_assert_ptr_nonnull(strstr(logged, "3 mesh closed: local"));
	ck_assert((strstr(logged, WORLD_URL) != NULL) == (_i == 1));
	world_end();
}
END_TEST

Suite *suite_mesh(void)
{
	Suite *suite = suite_create("mesh");
	TCase *p = tcase_create("pair"), *f = tcase_create("firewall"), *g = tcase_create("glare");
	tcase_set_timeout(p, 120);
	tcase_set_timeout(g, 120);
	tcase_add_checked_fixture(p, setup_pair, teardown);
	tcase_add_checked_fixture(f, setup_firewall, teardown);
	tcase_add_test(p, connection_fires_on_the_root_then_on_the_introducer_before_open);
	tcase_add_test(p, messages_and_bytes_arrive_as_written);
	tcase_add_test(p, a_lone_surrogate_leaves_the_text_empty_and_the_json_intact);
	tcase_add_test(p, sends_are_whole_or_not_at_all);
	tcase_add_test(p, would_block_is_followed_by_writable_for_certain);
	tcase_add_test(p, writable_comes_when_buffered_falls_to_low_water);
	tcase_add_test(p, close_gives_disconnection_then_close_once_on_both_sides);
	tcase_add_test(p, in_close_the_user_pointer_works_and_sends_do_not);
	tcase_add_test(p, a_number_is_never_given_twice_and_an_address_is_free_again);
	tcase_add_test(p, finish_closes_when_all_is_acknowledged);
	tcase_add_test(p, pause_closes_the_window_and_nothing_is_lost);
	tcase_add_test(p, chains_of_any_length_are_introduced);
	tcase_add_test(p, a_longer_chain_grows_link_by_link);
	tcase_add_test(p, a_killed_peer_is_lost_in_bounded_time);
	tcase_add_test(p, a_relay_to_an_unknown_address_is_an_error_here_and_silence_there);
	tcase_add_test(p, the_end_of_the_introducer_ends_what_it_had_not_answered);
	tcase_add_test(p, arguments_are_judged);
	tcase_add_test(p, a_url_that_nobody_serves_fails_and_is_free_again);
	tcase_add_test(p, attempts_and_nodes_have_bounds);
	tcase_add_test(p, no_memory_grows_over_many_connects_and_closes);
	tcase_add_test(f, the_firewall_sees_the_offer_and_refusal_is_silence);
	tcase_add_test(f, later_waits_for_accept_and_keeps_the_candidates);
	tcase_add_test(f, an_offer_put_off_is_refused_or_expires);
	tcase_add_test(f, the_firewall_is_inherited_by_peers_of_peers);
	tcase_add_loop_test(
		g, the_log_says_what_became_of_nodes_and_no_addresses_unless_asked, 0, 2);
	tcase_add_loop_test(g, two_simultaneous_connects_settle_on_one, 0, 6);
	suite_add_tcase(suite, p);
	suite_add_tcase(suite, f);
	suite_add_tcase(suite, g);
	return suite;
}
