/* SPDX-License-Identifier: MIT */
/* turn: the server-reflexive address: asked, kept alive, changed, refused. */
#include "turn_server.h"

typedef struct {
	tulle_turn_reflexive *r;
	max_align_t block[TULLE_TURN_REFLEXIVE_BYTES / sizeof(max_align_t)];
	tulle_turn_reflexive_config config;
	tulle_path path;
	tulle_time now;
	uint8_t id[TULLE_STUN_ID_BYTES];
	size_t sent, told;
	tulle_turn_reflexive_event event;
	bool no_random;
	uint8_t count;
} Client;

static bool count_up(void *user, uint8_t *dst, size_t len)
{
	Client *c = user;
	memset(dst, ++c->count, len);
	return !c->no_random;
}

static void client_init(Client *c)
{
	memset(c, 0, sizeof *c);
	c->config.random = (tulle_random){count_up, c};
	c->path = (tulle_path){.id = 2,
		.local = addr_of("192.0.2.1", 4000),
		.remote = addr_of("198.51.100.1", 3478)};
	ck_assert_uint_le(
		tulle_turn_reflexive_memory_bytes(&c->config), TULLE_TURN_REFLEXIVE_BYTES);
	c->r = tulle_turn_reflexive_init(c->block, sizeof c->block, &c->config, &c->path, 0);
	ck_assert_ptr_nonnull(c->r);
}

static void drain(Client *c)
{
	uint8_t buf[64];
	tulle_datagram d;
	tulle_stun_message m;
	tulle_turn_reflexive_handle_timeout(c->r, c->now);
	while (tulle_turn_reflexive_poll_datagram(c->r, c->now, buf, sizeof buf, &d)) {
		ck_assert_int_eq(tulle_stun_read(buf, d.len, &m), TULLE_TAKEN);
		ck_assert(m.method == TULLE_STUN_BINDING && m.kind == TULLE_STUN_REQUEST);
		ck_assert(tulle_addr_is(&d.path.remote, &c->path.remote) && d.path.id == 2);
		memcpy(c->id, m.id, sizeof c->id);
		c->sent++;
	}
	while (tulle_turn_reflexive_poll_event(c->r, &c->event))
		c->told++;
	tulle_turn_reflexive_check(c->r);
	ck_assert_int_gt(tulle_turn_reflexive_poll_timeout(c->r), c->now);
}

static void wait_until(Client *c, tulle_time end)
{
	while (tulle_turn_reflexive_poll_timeout(c->r) <= end) {
		c->now = tulle_turn_reflexive_poll_timeout(c->r);
		drain(c);
	}
	c->now = end;
	drain(c);
}

/* code 0: success with this address (NULL: without) */
static tulle_drop answer(Client *c, unsigned code, const char *ip, uint16_t port)
{
	uint8_t buf[128];
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_BINDING,
		code != 0 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, c->id);
	if (code != 0)
		tulle_stun_write_error(&w, code, TULLE_TEXT("x"));
	if (ip != NULL) {
		tulle_addr a = addr_of(ip, port);
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
	}
	tulle_drop drop = tulle_turn_reflexive_handle_datagram(
		c->r, c->now, &c->path.remote, buf, tulle_stun_write_finish(&w));
	drain(c);
	return drop;
}

START_TEST(an_address_is_told_once_and_kept_alive)
{
	Client c;
	client_init(&c);
	drain(&c);
	ck_assert_uint_eq(c.sent, 1);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40000), TULLE_TAKEN);
	ck_assert(c.told == 1 && c.event.mapped.port == 40000 &&
		  c.event.failure == TULLE_TURN_FAILURE_NONE);
	/* the same answer again belongs to nothing */
	ck_assert_int_eq(answer(&c, 0, "203.0.113.8", 40000), TULLE_DROP_STUN_TRANSACTION);
	wait_until(&c, 15 * SECOND - 1);
	ck_assert_uint_eq(c.sent, 1);
	wait_until(&c, 15 * SECOND);
	ck_assert_uint_eq(c.sent, 2);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40000), TULLE_TAKEN);
	ck_assert_uint_eq(c.told, 1);
	/* a NAT that has forgotten us */
	wait_until(&c, 30 * SECOND);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40001), TULLE_TAKEN);
	ck_assert(c.told == 2 && c.event.mapped.port == 40001);
	/* silence later does not take it away, and the asking goes on */
	wait_until(&c, 210 * SECOND);
	ck_assert_uint_eq(c.told, 2);
	ck_assert_uint_gt(c.sent, 14);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40001), TULLE_TAKEN);
	tulle_turn_reflexive_wipe(c.r);
	for (size_t i = 0; i < tulle_turn_reflexive_memory_bytes(&c.config); i++)
		ck_assert_uint_eq(((uint8_t *)c.block)[i], 0);
}
END_TEST

/* STUN-040: the schedule; then again, told once */
START_TEST(silence_is_a_timeout_and_asked_again)
{
	Client c;
	client_init(&c);
	wait_until(&c, 39500 * 1000 - 1);
	ck_assert(c.sent == 7 && c.told == 0);
	wait_until(&c, 39500 * 1000);
	ck_assert(c.told == 1 && c.event.mapped.family == 0 &&
		  c.event.failure == TULLE_TURN_FAILURE_TIMEOUT);
	wait_until(&c, 600 * SECOND);
	ck_assert_uint_eq(c.told, 1);
	ck_assert_uint_gt(c.sent, 70);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40000), TULLE_TAKEN);
	ck_assert(c.told == 2 && c.event.mapped.family == 4);
}
END_TEST

/* STUN-034, STUN-055 */
START_TEST(answers_that_give_no_address_have_a_reason)
{
	static const struct {
		unsigned code;
		const char *ip;
		uint16_t port;
		tulle_turn_failure failure;
	} rows[] = {
		{0, NULL, 0, TULLE_TURN_FAILURE_ANSWER},
		{0, "0.0.0.0", 5, TULLE_TURN_FAILURE_ANSWER},
		{0, "203.0.113.9", 0, TULLE_TURN_FAILURE_ANSWER},
		{0, "224.0.0.1", 5, TULLE_TURN_FAILURE_ANSWER},
		{0, "2001:db8::1", 5, TULLE_TURN_FAILURE_ANSWER},
		{300, NULL, 0, TULLE_TURN_FAILURE_ALTERNATE},
		{400, NULL, 0, TULLE_TURN_FAILURE_BAD_REQUEST},
		{401, NULL, 0, TULLE_TURN_FAILURE_UNAUTHORIZED},
		{500, NULL, 0, TULLE_TURN_FAILURE_SERVER_ERROR},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		Client c;
		client_init(&c);
		drain(&c);
		ck_assert_int_eq(answer(&c, rows[i].code, rows[i].ip, rows[i].port), TULLE_TAKEN);
		ck_assert(c.told == 1 && c.event.mapped.family == 0);
		ck_assert_int_eq(c.event.failure, rows[i].failure);
		ck_assert_uint_eq(c.event.code, rows[i].code);
		ck_assert_uint_eq(c.sent, 1);
	}
}
END_TEST

/* STUN-014, ICE-013 */
START_TEST(strangers_are_not_believed)
{
	uint8_t buf[64];
	Client c;
	client_init(&c);
	drain(&c);
	tulle_addr a = addr_of("203.0.113.9", 1), other = c.path.remote;
	other.port++;
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_SUCCESS, c.id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
	ck_assert_int_eq(tulle_turn_reflexive_handle_datagram(c.r, 0, &other, buf, w.len),
		TULLE_DROP_UNKNOWN_PATH);
	for (size_t cut = 0; cut < w.len; cut++)
		ck_assert_int_ne(
			tulle_turn_reflexive_handle_datagram(c.r, 0, &c.path.remote, buf, cut),
			TULLE_TAKEN);
	buf[9] ^= 1;
	ck_assert_int_eq(tulle_turn_reflexive_handle_datagram(c.r, 0, &c.path.remote, buf, w.len),
		TULLE_DROP_STUN_TRANSACTION);
	drain(&c);
	ck_assert_uint_eq(c.told, 0);
	/* STUN-059 */
	w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_BINDING, TULLE_STUN_SUCCESS, c.id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a);
	tulle_stun_write_fingerprint(&w);
	buf[w.len - 1] ^= 1;
	ck_assert_int_eq(tulle_turn_reflexive_handle_datagram(c.r, 0, &c.path.remote, buf, w.len),
		TULLE_DROP_STUN_FINGERPRINT);
	buf[w.len - 1] ^= 1;
	ck_assert_int_eq(tulle_turn_reflexive_handle_datagram(c.r, 0, &c.path.remote, buf, w.len),
		TULLE_TAKEN);
}
END_TEST

START_TEST(it_needs_memory_an_address_and_randomness)
{
	Client c;
	client_init(&c);
	size_t need = tulle_turn_reflexive_memory_bytes(&c.config);
	ck_assert_ptr_null(tulle_turn_reflexive_init(c.block, need - 1, &c.config, &c.path, 0));
	tulle_path bad = c.path;
	bad.remote.port = 0;
	ck_assert_ptr_null(tulle_turn_reflexive_init(c.block, need, &c.config, &bad, 0));
	c.config.keepalive_us = 999999;
	ck_assert_uint_eq(tulle_turn_reflexive_memory_bytes(&c.config), 0);
	c.config.keepalive_us = 0;
	c.no_random = true;
	ck_assert_ptr_null(tulle_turn_reflexive_init(c.block, need, &c.config, &c.path, 0));
	client_init(&c);
	drain(&c);
	ck_assert_int_eq(answer(&c, 0, "203.0.113.9", 40000), TULLE_TAKEN);
	c.no_random = true;
	wait_until(&c, 20 * SECOND);
	ck_assert_uint_eq(c.sent, 1);
	c.no_random = false;
	wait_until(&c, 30 * SECOND);
	ck_assert_uint_eq(c.sent, 2);
}
END_TEST

Suite *suite_turn_reflexive(void)
{
	Suite *s = suite_create("turn_reflexive");
	TCase *t = tcase_create("turn_reflexive");
	tcase_add_test(t, an_address_is_told_once_and_kept_alive);
	tcase_add_test(t, silence_is_a_timeout_and_asked_again);
	tcase_add_test(t, answers_that_give_no_address_have_a_reason);
	tcase_add_test(t, strangers_are_not_believed);
	tcase_add_test(t, it_needs_memory_an_address_and_randomness);
	suite_add_tcase(s, t);
	return s;
}
