/* SPDX-License-Identifier: MIT */
/* mesh: roots that reach each other over a TURN server alone, in virtual time over real DTLS. */
#include "base/text.h"
#include "tests/unit/mesh_kit.h"

#define A world_roots[0]
#define B world_roots[1]

static world_relay servers[2];
static bool only_relays;
static tulle_node ab, ba;

/* A firewall that lets nothing through but what goes to the servers. */
static bool eat(int from, const tulle_out *out)
{
	(void)from;
	return only_relays && out->remote.ip[3] < 200;
}

static const tulle_ice_server both[] = {
	{"turn:10.0.0.200:3478", "ann", "secret"}, {"turn:10.0.0.201:3478", "ann", "secret"}};
static const tulle_ice_server stun = {"stun:10.0.0.200:3478", NULL, NULL};

static int add(const tulle_ice_server *list, size_t count, bool relay_only)
{
	const tulle_options o = {
		.polled = true, .ice = {.servers = list, .server_count = count, .relay_only = relay_only}};
	return world_add(&o);
}

static void begin(void)
{
	memset(servers, 0, sizeof servers);
	for (int i = 0; i < 2; i++) {
		servers[i].address =
			(tulle_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(200 + i)}, .port = 3478};
		servers[i].password = "secret";
	}
	only_relays = true;
	kit_begin(7, (world_config){.eat = eat, .servers = servers, .server_count = 2});
}

/* kit_pair wants an open channel after half a second; over a relay it takes longer. */
static void pair_up(void)
{
	tulle_node ramp = kit_join(0);
	(void)kit_join(1);
	int last = (int)kit_number(0, TULLE_EVENT_MESSAGE, ramp) - 1;
	ck_assert_int_eq(tulle_connect(A, ramp, kit_announced(0, last), NULL, &ab), TULLE_OK);
	(void)world_run(NULL, 3000000);
	ck_assert(tulle_is_open(A, ab));
	tulle_node peers[4];
	ck_assert_uint_eq(tulle_peers(B, peers, 4), 2);
	ba = peers[1];
	ck_assert(tulle_is_open(B, ba));
}

static void talk_within(tulle_time us)
{
	static char text[100000];
	size_t before = kit_count[1];
	memset(text, 'r', sizeof text);
	ck_assert_int_eq(tulle_send_text(A, ab, text, sizeof text), TULLE_OK);
	(void)world_run(NULL, us);
	const heard *h = kit_find(1, TULLE_EVENT_MESSAGE, ba, before);
	ck_assert_ptr_nonnull(h);
	ck_assert_uint_eq(h->len, sizeof text);
	before = kit_count[0];
	ck_assert_int_eq(tulle_send_bytes(B, ba, "back", 4), TULLE_OK);
	(void)world_run(NULL, 500000);
	ck_assert_ptr_nonnull(kit_find(0, TULLE_EVENT_BYTES, ab, before));
}

static void talk(void)
{
	talk_within(5000000);
}

START_TEST(a_relay_of_one_side_is_enough)
{
	begin();
	add(both, 1, false);
	add(NULL, 0, false);
	/* B sends to the relay's address and to nobody else. */
	pair_up();
	ck_assert_uint_eq(servers[0].allocates, 1);
	talk();
	ck_assert_uint_gt(servers[0].channel_data, 60); /* bound for the pair that carries data */
	world_end();
}
END_TEST

START_TEST(two_relays_of_one_server_carry_data)
{
	begin();
	add(both, 1, true);
	add(both, 1, true);
	only_relays = false; /* relay_only alone keeps them from the short way */
	pair_up();
	ck_assert_uint_eq(servers[0].allocates, 2);
	ck_assert_uint_gt(servers[0].channel_data + servers[0].indications, 4);
	talk();
	world_end();
}
END_TEST

START_TEST(when_a_server_dies_another_takes_over)
{
	begin();
	add(both, 2, false);
	add(NULL, 0, false);
	pair_up();
	unsigned first = servers[0].channel_data, second = servers[1].channel_data;
	talk();
	int dead = servers[0].channel_data - first > servers[1].channel_data - second ? 0 : 1;
	servers[dead].mute = true;
	talk_within(20000000); /* what is under way comes through */
	(void)world_run(NULL, 60000000);
	ck_assert(tulle_is_open(A, ab) && tulle_is_open(B, ba));
	talk();
	ck_assert_uint_gt(servers[1 - dead].channel_data, 0);
	world_end();
}
END_TEST

START_TEST(all_links_of_a_root_share_its_allocation)
{
	tulle_node ac;
	begin();
	add(both, 1, false);
	add(NULL, 0, false);
	pair_up();
	add(NULL, 0, false);
	tulle_node ramp = tulle_find(A, WORLD_URL);
	size_t before = kit_count[0];
	(void)kit_join(2);
	const heard *h = kit_find(0, TULLE_EVENT_MESSAGE, ramp, before);
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(tulle_connect(A, ramp, h->text, NULL, &ac), TULLE_OK);
	(void)world_run(NULL, 3000000);
	ck_assert(tulle_is_open(A, ac) && tulle_is_open(A, ab));
	ck_assert_uint_eq(servers[0].allocates, 1);
	talk();
	world_end();
}
END_TEST

START_TEST(servers_do_not_stand_in_the_way_of_a_short_path)
{
	begin();
	only_relays = false;
	add(&stun, 1, false);
	add(both, 2, false);
	kit_pair(0, 1, &ab, &ba); /* within half a second */
	talk();
	ck_assert_uint_eq(servers[0].channel_data + servers[1].channel_data, 0);
	world_end();
}
END_TEST

START_TEST(a_url_that_does_not_parse_is_refused_at_create)
{
	static const tulle_ice_server wrong = {"turn:", "ann", "secret"};
	const tulle_options o = {.ice = {.servers = &wrong, .server_count = 1}};
	ck_assert_uint_eq(tulle_memory_bytes(&o), 0);
	begin();
	add(NULL, 0, false);
	const tulle_connect_options c = {.ice = &(tulle_ice_options){.servers = both, .server_count = 1}};
	ck_assert_int_eq(tulle_connect(A, TULLE_ROOT, WORLD_URL, &c, NULL), TULLE_ERR_ARGUMENT);
	ck_assert_str_eq(tulle_why(A), "STUN and TURN servers are the root's options'");
	world_end();
}
END_TEST

static char logged[16384];

static void note_line(void *user, const tulle_log_line *line)
{
	(void)user;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof logged - n, "%.*s\n", (int)line->text.len, line->text.ptr);
	ck_assert_uint_lt(n + line->text.len + 1, sizeof logged);
}

/* ICE-161: all that a log can be asked to say, of a server that refuses them and of one that serves */
START_TEST(no_log_has_a_credential)
{
	static const tulle_ice_server list[] = {{"turn:10.0.0.200:3478", "annabel", "opensesame"},
		{"turn:10.0.0.201:3478", "ann", "secret"}};
	const tulle_options o = {.polled = true,
		.ice = {.servers = list, .server_count = 2},
		.log = {.write = note_line, .level = TULLE_LOG_DEBUG, .addresses = true}};
	logged[0] = 0;
	begin();
	(void)world_add(&o);
	(void)world_add(&o);
	pair_up();
	talk();
	ck_assert_uint_gt(servers[1].allocates, 0);
	world_end();
	ck_assert_ptr_nonnull(strstr(logged, "turn:10.0.0.200:3478: unauthorized"));
	for (size_t i = 0; i < 2; i++) {
		ck_assert_ptr_null(strstr(logged, list[i].username));
		ck_assert_ptr_null(strstr(logged, list[i].password));
	}
}
END_TEST

Suite *suite_mesh_relay(void)
{
	Suite *s = suite_create("mesh_relay");
	TCase *c = tcase_create("mesh_relay");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_relay_of_one_side_is_enough);
	tcase_add_test(c, two_relays_of_one_server_carry_data);
	tcase_add_test(c, when_a_server_dies_another_takes_over);
	tcase_add_test(c, all_links_of_a_root_share_its_allocation);
	tcase_add_test(c, servers_do_not_stand_in_the_way_of_a_short_path);
	tcase_add_test(c, a_url_that_does_not_parse_is_refused_at_create);
	tcase_add_test(c, no_log_has_a_credential);
	suite_add_tcase(s, c);
	return s;
}
