/* SPDX-License-Identifier: MIT */
/* sim: the simulated NATs are those of RFC 4787, and who can meet is what RFC 5128 says of the
 * kinds that it has names for. */
#include "tests/sim/sim_nat.h"

#include "base/addr.h"

#include <check.h>

#define SECOND INT64_C(1000000)

static sim_nat nat;
static const tulle_addr box = {.family = 4, .ip = {203, 0, 113, 1}};
static const tulle_addr inside = {.family = 4, .ip = {192, 168, 0, 2}, .port = 5000};
static const tulle_addr far = {.family = 4, .ip = {198, 51, 100, 1}, .port = 3478};
static const tulle_addr far_port = {.family = 4, .ip = {198, 51, 100, 1}, .port = 3479};
static const tulle_addr other = {.family = 4, .ip = {198, 51, 100, 2}, .port = 3478};

static void make(sim_nat_rule mapping, sim_nat_rule filtering, sim_nat_ports ports)
{
	const sim_nat_kind kind = {.mapping = mapping,
		.filtering = filtering,
		.ports = ports,
		.timeout_us = 30 * SECOND};
	sim_nat_init(&nat, &kind, &box, 1);
}

static uint16_t port_for(tulle_time now, const tulle_addr *remote)
{
	tulle_addr out;
	ck_assert(sim_nat_out(&nat, now, &inside, remote, &out));
	ck_assert(tulle_addr_is_ip(&out, &box));
	return out.port;
}

static bool comes_in(tulle_time now, const tulle_addr *remote, uint16_t port)
{
	tulle_addr to = box, got;
	to.port = port;
	bool in = sim_nat_in(&nat, now, remote, &to, &got);
	ck_assert(!in || tulle_addr_is(&got, &inside));
	return in;
}

/* RFC4787:4.1 */
START_TEST(mappings_are_for_all_for_an_address_or_for_a_port)
{
	for (int rule = 0; rule < SIM_NAT_RULES; rule++) {
		make((sim_nat_rule)rule, SIM_NAT_ANY, SIM_NAT_COUNTS);
		uint16_t first = port_for(0, &far);
		ck_assert_uint_eq(port_for(0, &far), first);
		ck_assert((port_for(0, &far_port) == first) == (rule != SIM_NAT_PORT));
		ck_assert((port_for(0, &other) == first) == (rule == SIM_NAT_ANY));
		sim_nat_free(&nat);
	}
}
END_TEST

/* RFC4787:5 */
START_TEST(filters_ask_for_nothing_an_address_or_a_port)
{
	for (int rule = 0; rule < SIM_NAT_RULES; rule++) {
		make(SIM_NAT_ANY, (sim_nat_rule)rule, SIM_NAT_DRAWS);
		uint16_t port = port_for(0, &far);
		ck_assert(comes_in(0, &far, port));
		ck_assert(comes_in(0, &far_port, port) == (rule != SIM_NAT_PORT));
		ck_assert(comes_in(0, &other, port) == (rule == SIM_NAT_ANY));
		ck_assert(!comes_in(0, &far, (uint16_t)(port + 1)));
		sim_nat_free(&nat);
	}
}
END_TEST

/* RFC4787:4.2 */
START_TEST(ports_are_preserved_counted_or_drawn)
{
	make(SIM_NAT_PORT, SIM_NAT_PORT, SIM_NAT_PRESERVES);
	ck_assert_uint_eq(port_for(0, &far), 5000);
	ck_assert_uint_eq(port_for(0, &other), 5001);
	sim_nat_free(&nat);
	make(SIM_NAT_PORT, SIM_NAT_PORT, SIM_NAT_COUNTS);
	uint16_t first = port_for(0, &far);
	ck_assert_uint_eq(port_for(0, &other), first + 1u);
	ck_assert_uint_eq(port_for(0, &far_port), first + 2u);
	sim_nat_free(&nat);
	make(SIM_NAT_PORT, SIM_NAT_PORT, SIM_NAT_DRAWS);
	first = port_for(0, &far);
	ck_assert_uint_ne(port_for(0, &other), first + 1u);
	sim_nat_free(&nat);
}
END_TEST

/* RFC4787:4.3: only what goes out keeps it. */
START_TEST(what_is_idle_is_forgotten)
{
	make(SIM_NAT_ANY, SIM_NAT_PORT, SIM_NAT_DRAWS);
	uint16_t port = port_for(0, &far);
	ck_assert_uint_eq(port_for(29 * SECOND, &other), port);
	ck_assert(comes_in(29 * SECOND, &far, port));
	ck_assert(!comes_in(30 * SECOND, &far, port)); /* the filter's entry; the mapping stands */
	ck_assert(comes_in(58 * SECOND, &other, port));
	ck_assert(!comes_in(59 * SECOND, &other, port));
	ck_assert_uint_ne(port_for(60 * SECOND, &far), port);
	ck_assert_uint_eq(nat.expired, 1);
	sim_nat_reboot(&nat, NULL);
	ck_assert(!comes_in(60 * SECOND, &far, port));
	sim_nat_free(&nat);
}
END_TEST

/* The kinds of the laboratory (tests/nat): RFC 5128, 3.3 and 3.4. */
START_TEST(who_can_meet_is_as_in_the_laboratory)
{
	static const sim_nat_kind full = {.filtering = SIM_NAT_ANY},
				  restricted = {.filtering = SIM_NAT_ADDRESS},
				  cone = {.filtering = SIM_NAT_PORT},
				  symmetric = {.mapping = SIM_NAT_PORT, .filtering = SIM_NAT_PORT},
				  blocked = {.blocked = true};
	const sim_nat_kind *kinds[] = {NULL, &full, &restricted, &cone, &symmetric, &blocked};
	for (size_t a = 0; a < 6; a++)
		for (size_t b = 0; b < 6; b++) {
			bool no = a == 5 || b == 5 || (a == 4 && b >= 3) || (b == 4 && a >= 3);
			ck_assert(sim_nat_can_meet(kinds[a], kinds[b]) == !no);
		}
}
END_TEST

Suite *suite_sim_nat(void)
{
	Suite *s = suite_create("sim_nat");
	TCase *t = tcase_create("sim_nat");
	tcase_add_test(t, mappings_are_for_all_for_an_address_or_for_a_port);
	tcase_add_test(t, filters_ask_for_nothing_an_address_or_a_port);
	tcase_add_test(t, ports_are_preserved_counted_or_drawn);
	tcase_add_test(t, what_is_idle_is_forgotten);
	tcase_add_test(t, who_can_meet_is_as_in_the_laboratory);
	suite_add_tcase(s, t);
	return s;
}
