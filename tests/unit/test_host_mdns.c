/* SPDX-License-Identifier: MIT */
/* host: names by multicast DNS between two hosts, over the loopback interface alone. */
#include "base/addr.h"
#include "base/text.h"
#include "host/mdns.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "0f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local"

/* A member that makes its outputs once, and notes the answer. */
typedef struct {
	tulle_host_member member;
	tulle_out out[80];
	size_t made, count, answers;
	uint32_t number;
	tulle_err why;
	tulle_addr addr;
	size_t addr_count;
} Asker;

static void asker_handle(void *self, tulle_time now, const tulle_in *in)
{
	Asker *a = self;
	(void)now;
	if (in->kind != TULLE_IN_RESOLVED)
		return;
	a->answers++;
	a->number = in->id;
	a->why = in->why;
	a->addr_count = in->addr_count;
	if (in->addr_count != 0)
		a->addr = in->addrs[0];
}

static bool asker_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	Asker *a = self;
	(void)now, (void)scratch, (void)bytes;
	if (a->made == a->count)
		return false;
	*out = a->out[a->made++];
	return true;
}

static tulle_time asker_poll_timeout(const void *self)
{
	(void)self;
	return TULLE_TIME_NEVER;
}

static void asker_nothing(void *self)
{
	(void)self;
}

static const tulle_host_kind asker_kind = {.handle = asker_handle,
	.poll = asker_poll,
	.poll_timeout = asker_poll_timeout,
	.dispatch = asker_nothing,
	.destroy = asker_nothing};

static Asker *asker_on(tulle_host *host, tulle_out out)
{
	Asker *a = calloc(1, sizeof *a);
	a->member = (tulle_host_member){.kind = &asker_kind, .self = a};
	a->out[a->count++] = out;
	ck_assert_int_eq(tulle_host_add(host, &a->member), TULLE_OK);
	return a;
}

static tulle_host *loopback_host(void)
{
	const tulle_host_options options = {.bind4 = "127.0.0.1", .bind6 = "::1"};
	tulle_host *host;
	ck_assert_int_eq(tulle_host_create(&options, &host), TULLE_OK);
	return host;
}

static tulle_out publish(const char *ip)
{
	tulle_out out = {.kind = TULLE_OUT_PUBLISH, .name = TULLE_TEXT(NAME)};
	ck_assert(tulle_addr_read_ip(tulle_text_of(ip), &out.local));
	out.local.port = 4000;
	return out;
}

static tulle_out resolve(const char *name)
{
	return (tulle_out){
		.kind = TULLE_OUT_RESOLVE, .id = 7, .mdns = true, .name = tulle_text_of(name)};
}

/* Both hosts, until the asker has its answer. */
static void run(tulle_host *first, tulle_host *second, const Asker *a)
{
	for (int i = 0; i < 20000 && a->answers == 0; i++) {
		ck_assert_int_eq(tulle_host_step(first, 1), TULLE_OK);
		ck_assert_int_eq(tulle_host_step(second, 1), TULLE_OK);
	}
	ck_assert_uint_eq(a->answers, 1);
	ck_assert_uint_eq(a->number, 7);
}

START_TEST(one_host_resolves_the_names_of_another)
{
	static const char *const ips[] = {"127.0.0.1", "::1"};
	for (size_t i = 0; i < 2; i++) {
		tulle_host *first = loopback_host(), *second = loopback_host();
		tulle_out out = publish(ips[i]);
		Asker *hides = asker_on(first, out), *asks = asker_on(second, resolve(NAME));
		run(first, second, asks);
		ck_assert_int_eq(asks->why, TULLE_OK);
		ck_assert_uint_eq(asks->addr_count, 1);
		ck_assert(tulle_addr_is_ip(&asks->addr, &out.local));
		ck_assert_uint_eq(asks->addr.port, 0);
		/* its own names too */
		Asker *self = asker_on(first, resolve(NAME));
		run(first, second, self);
		ck_assert_int_eq(self->why, TULLE_OK);
		/* a member that is gone takes its names with it, and says so */
		tulle_host_remove(&hides->member);
		ck_assert_int_eq(tulle_host_step(first, 0), TULLE_OK);
		Asker *late = asker_on(second, resolve(NAME));
		for (int k = 0; k < 100; k++) {
			ck_assert_int_eq(tulle_host_step(first, 1), TULLE_OK);
			ck_assert_int_eq(tulle_host_step(second, 1), TULLE_OK);
		}
		ck_assert_uint_eq(late->answers, 0);
		tulle_host_destroy(second);
		tulle_host_destroy(first);
		free(hides);
		free(asks);
		free(self);
		free(late);
	}
}
END_TEST

START_TEST(what_is_refused_is_told)
{
	tulle_host *first = loopback_host(), *second = loopback_host();
	Asker *a = asker_on(first, resolve("printer.local"));
	run(first, second, a);
	ck_assert(a->why == TULLE_ERR_ARGUMENT && a->addr_count == 0);
	tulle_host_destroy(second);
	tulle_host_destroy(first);
	free(a);
}
END_TEST

#define OTHER "1f1e2d3c-4b5a-4978-8a6b-1c2d3e4f5a6b.local"

/* The engine takes sixteen at a time, nobody has the first name: the second waits for its end. */
START_TEST(questions_wait_for_a_place)
{
	tulle_host *first = loopback_host(), *second = loopback_host();
	Asker *hides = asker_on(first, publish("127.0.0.1")),
	      *many = asker_on(second, resolve(OTHER));
	while (many->count < 80) /* more than may wait: those are not heard of */
		many->out[many->count++] = resolve(OTHER);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_host_step(second, 0), TULLE_OK);
	ck_assert_uint_eq(many->answers, 0);
	tulle_host_remove(&many->member); /* what it asked makes room */
	free(many);
	many = asker_on(second, resolve(OTHER));
	while (many->count < 16)
		many->out[many->count++] = resolve(OTHER);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_host_step(second, 0), TULLE_OK);
	Asker *next = asker_on(second, resolve(NAME));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tulle_host_step(second, 0), TULLE_OK);
	ck_assert_uint_eq(next->answers, 0);
	tulle_host_remove(&many->member);
	run(first, second, next);
	ck_assert_int_eq(next->why, TULLE_OK);
	Asker *last = asker_on(second, resolve(OTHER));
	ck_assert_int_eq(tulle_host_step(second, 0), TULLE_OK);
	tulle_host_destroy(second); /* with a question that waits */
	tulle_host_destroy(first);
	free(hides);
	free(many);
	free(next);
	free(last);
}
END_TEST

static void set_name(tulle_out *out, unsigned i)
{
	static char names[80][43];
	ck_assert_uint_lt(i, 80);
	memcpy(names[i], NAME, sizeof names[i]);
	names[i][0] = (char)('a' + i % 6);
	names[i][1] = (char)('a' + i / 6 % 6);
	names[i][2] = (char)('a' + i / 36);
	out->name = tulle_text_of(names[i]);
}

/* These names have nothing else to wait for. */
static bool looks_soon(tulle_host *host)
{
	const tulle_heap_node *node = tulle_heap_first(&host->heap);
	return node != NULL && node->at <= tulle_host_now() + HOST_MDNS_LOOK_US;
}

/* An address that goes and comes has another name each time; those of addresses that are no more
 * are taken back with the next look at the interfaces, for which nobody needs to ask. */
START_TEST(names_that_lead_nowhere_make_room)
{
	for (int gone = 1; gone >= 0; gone--) {
		tulle_host *first = loopback_host(), *second = loopback_host();
		tulle_out out = publish(gone != 0 ? "10.99.98.97" : "127.0.0.1");
		set_name(&out, 0);
		Asker *hides = asker_on(first, out);
		for (unsigned i = 1; i < 79; i++) {
			set_name(&out, i);
			out.local.ip[3] += (uint8_t)gone;
			hides->out[hides->count++] = out;
		}
		tulle_time begun = tulle_host_now();
		do
			ck_assert_int_eq(tulle_host_step(first, 5), TULLE_OK);
		while (hides->made != hides->count);
		ck_assert(looks_soon(first) || tulle_host_now() - begun >= HOST_MDNS_LOOK_US);
		while (gone != 0 && tulle_host_now() - begun < 2 * HOST_MDNS_LOOK_US)
			ck_assert_int_eq(tulle_host_step(first, 5), TULLE_OK);
		out = publish("127.0.0.1");
		set_name(&out, 79);
		hides->out[0] = out;
		hides->made = 0;
		hides->count = 1;
		tulle_ready_mark(&first->ready, &hides->member.ready);
		tulle_out question = resolve(NAME);
		question.name = out.name;
		Asker *asks = asker_on(second, question);
		run(first, second, asks);
		ck_assert_int_eq(asks->why, TULLE_OK);
		tulle_host_destroy(second);
		tulle_host_destroy(first);
		free(hides);
		free(asks);
	}
}
END_TEST

static bool draw(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	memset(dst, 1, len);
	return true;
}

/* Interfaces and addresses that come and go use up neither links nor the places of one. */
START_TEST(links_are_those_that_are_there)
{
	static _Alignas(max_align_t) uint8_t block[TULLE_MDNS_MEMORY_BYTES_MAX];
	static tulle_host_mdns_addresses known, found;
	const tulle_mdns_config config = {.random = {draw, NULL}};
	uint8_t data[TULLE_MDNS_DATAGRAM_BYTES];
	tulle_datagram d;
	tulle_mdns *engine = tulle_mdns_init(block, sizeof block, &config, 1);
	ck_assert_ptr_nonnull(engine);
	for (unsigned i = 1; i < 60; i++) {
		const tulle_addr addr = {.family = 4, .ip = {10, 0, 0, (uint8_t)i}};
		tulle_time now = (tulle_time)i * 10000000;
		tulle_out out = publish("127.0.0.1");
		set_name(&out, i);
		found.count = 2;
		found.list[0] = (tulle_host_mdns_address){
			i < 30 ? 1 : i, {.family = 4, .ip = {10, 0, 1, 1}}, 24, true};
		found.list[1] = (tulle_host_mdns_address){i < 30 ? 1 : i, addr, 24, true};
		ck_assert_int_eq(tulle_mdns_publish_as(engine, now, &addr, out.name), TULLE_OK);
		ck_assert(!tulle_mdns_poll_datagram(engine, now, data, sizeof data, &d));
		tulle_host_mdns_set_links(engine, now, &known, &found);
		tulle_mdns_check(engine);
		ck_assert_uint_eq(known.count, 2);
		ck_assert(tulle_host_mdns_is_link(&known, i < 30 ? 1 : i, 4));
		ck_assert(!tulle_host_mdns_is_link(&known, 1, 6));
		ck_assert(tulle_mdns_poll_datagram(engine, now, data, sizeof data, &d));
		ck_assert_uint_eq(d.path.id, i < 30 ? 1 : i);
		while (tulle_mdns_poll_datagram(engine, now + 5000000, data, sizeof data, &d)) {
		}
		tulle_mdns_unpublish(engine, now + 5000000, out.name);
		while (tulle_mdns_poll_datagram(engine, now + 9000000, data, sizeof data, &d)) {
		}
	}
}
END_TEST

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* ICE-118, to the group and to one alone; and the port is shared (RFC6762:15). */
START_TEST(what_is_sent_may_have_crossed_no_router)
{
	for (int i = 0; i < 2; i++) {
		tulle_host_mdns_socket s, again;
		ck_assert(tulle_host_mdns_open(&s, i == 0 ? 4 : 6));
		ck_assert(tulle_host_mdns_open(&again, i == 0 ? 4 : 6));
		if (i == 0) {
			ck_assert_int_eq(option(s.fd, IPPROTO_IP, IP_TTL), 255);
			ck_assert_int_eq(option(s.fd, IPPROTO_IP, IP_MULTICAST_TTL), 255);
		} else {
			ck_assert_int_eq(option(s.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 255);
			ck_assert_int_eq(option(s.fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 255);
		}
		close(s.fd);
		close(again.fd);
	}
}
END_TEST

Suite *suite_host_mdns(void)
{
	Suite *s = suite_create("host_mdns");
	TCase *c = tcase_create("loopback");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, one_host_resolves_the_names_of_another);
	tcase_add_test(c, what_is_refused_is_told);
	tcase_add_test(c, questions_wait_for_a_place);
	tcase_add_test(c, names_that_lead_nowhere_make_room);
	tcase_add_test(c, links_are_those_that_are_there);
	tcase_add_test(c, what_is_sent_may_have_crossed_no_router);
	suite_add_tcase(s, c);
	return s;
}
