/* SPDX-License-Identifier: MIT */
/* host: multicast DNS for members. It is made when the first of them asks or hides; a member of the
 * host itself, which the loop drains like the others, tells them later than their own call. */
#include "host/mdns.h"

#include "base/addr.h"
#include "base/serial.h"
#include "base/text.h"
#include "mdns/mdns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct {
	tulle_host_member *member; /* NULL: free */
	uint32_t number, id;       /* the member's; the engine's, 0: it waits for a place there */
	char name[TULLE_MDNS_TEXT_BYTES];
} question;

typedef struct {
	const tulle_host_member *member; /* NULL: free */
	char text[TULLE_MDNS_TEXT_BYTES];
	tulle_addr addr;
} hidden;

struct tulle_host_mdns {
	tulle_host *host;
	tulle_host_member member;
	tulle_mdns *engine;
	tulle_time looked_at, look_at;          /* NEVER: when somebody asks */
	tulle_host_mdns_addresses found, known; /* at the last look; to the engine */
	tulle_host_mdns_socket sockets[2];
	question questions[HOST_MDNS_QUESTIONS];
	hidden names[HOST_MDNS_NAMES];
	uint8_t in[HOST_MDNS_BYTES];
	_Alignas(max_align_t) uint8_t block[TULLE_MDNS_MEMORY_BYTES_MAX];
};

/* -- links and names ------------------------------------------------------------------------------
 */

static void later(tulle_host_mdns *t)
{
	if (!t->member.gone)
		tulle_ready_mark(&t->host->ready, &t->member.ready);
}

static void unpublish(tulle_host_mdns *t, hidden *n)
{
	tulle_mdns_unpublish(t->engine, tulle_host_now(), (tulle_text){n->text, sizeof n->text});
	*n = (hidden){0};
	later(t);
}

/* In the groups of links that are there still, out of those of links that have gone. */
static void join_groups(const tulle_host_mdns *t)
{
	for (size_t i = 0; i < t->known.count; i++) {
		const tulle_host_mdns_address *a = &t->known.list[i];
		const tulle_host_mdns_socket *s = &t->sockets[a->addr.family == 6];
		if (s->fd >= 0)
			tulle_host_mdns_join(s, a->link,
				tulle_host_mdns_is_link(&t->found, a->link, a->addr.family));
	}
}

/* Not twice within a second: then a second later. */
static void look_at_interfaces(tulle_host_mdns *t)
{
	tulle_time now = tulle_host_now();
	if (now - t->looked_at < HOST_MDNS_LOOK_US) {
		t->look_at = t->looked_at + HOST_MDNS_LOOK_US;
		later(t);
		return;
	}
	t->looked_at = now;
	t->look_at = TULLE_TIME_NEVER;
	if (!tulle_host_mdns_find(t->host, &t->found))
		return;
	join_groups(t);
	tulle_host_mdns_set_links(t->engine, now, &t->known, &t->found);
	join_groups(t);
	for (size_t i = 0; i < HOST_MDNS_NAMES && t->found.count < HOST_MDNS_ADDRESSES; i++)
		if (t->names[i].member != NULL &&
			!tulle_host_mdns_has(&t->found, &t->names[i].addr))
			unpublish(t, &t->names[i]);
	later(t);
}

void tulle_host_mdns_roam(tulle_host *host)
{
	if (host->mdns != NULL)
		look_at_interfaces(host->mdns);
}

/* -- the host's own member -----------------------------------------------------------------------
 */

static void tell(question *q, tulle_err why, const tulle_addr *addr)
{
	tulle_host_member *member = q->member;
	tulle_in in = {.kind = TULLE_IN_RESOLVED,
		.id = q->number,
		.why = why,
		.addrs = addr,
		.addr_count = why == TULLE_OK};
	*q = (question){0};
	tulle_host_deliver(member, tulle_host_now(), &in);
}

static void send_all(tulle_host_mdns *t)
{
	uint8_t data[TULLE_MDNS_DATAGRAM_BYTES];
	tulle_datagram d;
	while (tulle_mdns_poll_datagram(t->engine, tulle_host_now(), data, sizeof data, &d))
		tulle_host_mdns_send(&t->sockets[d.path.remote.family == 6], &d.path, data, d.len);
}

/* The engine takes fewer at a time than members may ask. */
static void ask(tulle_host_mdns *t, question *q)
{
	tulle_text name = {q->name, sizeof q->name};
	tulle_err err = tulle_mdns_resolve(t->engine, tulle_host_now(), name, &q->id);
	if (err == TULLE_OK)
		later(t);
	else if (err != TULLE_ERR_LIMIT)
		tell(q, err, NULL);
}

static void mdns_dispatch(void *self)
{
	tulle_host_mdns *t = self;
	tulle_mdns_event e;
	send_all(t);
	while (tulle_mdns_poll_event(t->engine, &e))
		for (size_t i = 0; i < HOST_MDNS_QUESTIONS; i++)
			if (t->questions[i].member != NULL && t->questions[i].id == e.id)
				tell(&t->questions[i],
					e.result == TULLE_MDNS_RESOLVED ? TULLE_OK
									: TULLE_ERR_SYSTEM,
					&e.addr);
	for (size_t i = 0; i < HOST_MDNS_QUESTIONS; i++)
		if (t->questions[i].member != NULL && t->questions[i].id == 0)
			ask(t, &t->questions[i]);
}

static void mdns_handle(void *self, tulle_time now, const tulle_in *in)
{
	tulle_host_mdns *t = self;
	(void)in;
	tulle_mdns_handle_timeout(t->engine, now);
	if (tulle_time_due(t->look_at, now))
		look_at_interfaces(t);
}

static bool mdns_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	(void)self, (void)now, (void)scratch, (void)bytes, (void)out;
	return false;
}

static tulle_time mdns_poll_timeout(const void *self)
{
	const tulle_host_mdns *t = self;
	return tulle_time_min(t->look_at, tulle_mdns_poll_timeout(t->engine));
}

static void mdns_gone(void *self)
{
	(void)self; /* tulle_host_mdns_destroy frees it, after all members */
}

static const tulle_host_kind mdns_kind = {.handle = mdns_handle,
	.poll = mdns_poll,
	.poll_timeout = mdns_poll_timeout,
	.dispatch = mdns_dispatch,
	.destroy = mdns_gone};

static void receive(tulle_host_mdns *t, const tulle_host_mdns_socket *s)
{
	tulle_path path;
	for (int i = 0; i < HOST_MDNS_READS; i++) {
		ptrdiff_t n = tulle_host_mdns_receive(s, t->in, sizeof t->in, &path);
		if (n < 0)
			break;
		if ((size_t)n <= sizeof t->in)
			(void)tulle_mdns_handle_datagram(
				t->engine, tulle_host_now(), &path, t->in, (size_t)n);
	}
	later(t);
}

static void ready4(void *user, uint32_t events)
{
	tulle_host_mdns *t = user;
	(void)events;
	receive(t, &t->sockets[0]);
}

static void ready6(void *user, uint32_t events)
{
	tulle_host_mdns *t = user;
	(void)events;
	receive(t, &t->sockets[1]);
}

static void open_sockets(tulle_host_mdns *t)
{
	for (size_t i = 0; i < 2; i++) {
		tulle_host_mdns_socket *s = &t->sockets[i];
		if (!tulle_host_mdns_open(s, i == 0 ? 4 : 6))
			continue;
		s->watch = (tulle_host_watch){s->fd, i == 0 ? ready4 : ready6, t};
		(void)tulle_host_watch_add(t->host, &s->watch, EPOLLIN);
	}
}

/* NULL: no memory. Without sockets every name stays unknown. */
static tulle_host_mdns *mdns_of(tulle_host *host)
{
	const tulle_mdns_config config = {
		.loopback = true, .random = {tulle_host_random, NULL}}; /* ICE judges addresses */
	tulle_host_mdns *t = host->mdns;
	if (t == NULL && (t = calloc(1, sizeof *t)) != NULL) {
		t->host = host;
		t->looked_at = -HOST_MDNS_LOOK_US;
		t->look_at = TULLE_TIME_NEVER;
		t->engine = tulle_mdns_init(t->block, sizeof t->block, &config, tulle_host_now());
		t->member = (tulle_host_member){.kind = &mdns_kind, .self = t};
		if (tulle_host_add(host, &t->member) != TULLE_OK) {
			free(t);
			return NULL;
		}
		open_sockets(t);
		host->mdns = t;
	}
	if (t != NULL)
		look_at_interfaces(t);
	return t;
}

void tulle_host_mdns_resolve(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	tulle_host_mdns *t = mdns_of(host);
	for (size_t i = 0; t != NULL && i < HOST_MDNS_QUESTIONS; i++) {
		question *q = &t->questions[i];
		if (q->member != NULL)
			continue;
		*q = (question){.member = member, .number = out->id};
		if (out->name.len == sizeof q->name)
			memcpy(q->name, out->name.ptr, sizeof q->name);
		later(t);
		return;
	}
}

void tulle_host_mdns_publish(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	tulle_host_mdns *t = mdns_of(host);
	for (size_t i = 0; t != NULL && i < HOST_MDNS_NAMES; i++) /* of when it was there before */
		if (t->names[i].member == member &&
			tulle_addr_is_ip(&t->names[i].addr, &out->local))
			unpublish(t, &t->names[i]);
	for (size_t i = 0; t != NULL && i < HOST_MDNS_NAMES; i++) {
		hidden *n = &t->names[i];
		if (n->member != NULL)
			continue;
		if (tulle_mdns_publish_as(t->engine, tulle_host_now(), &out->local, out->name) !=
			TULLE_OK)
			return; /* draft 3.1: a candidate that nobody can resolve */
		n->member = member;
		n->addr = out->local;
		memcpy(n->text, out->name.ptr, sizeof n->text);
		later(t);
		return;
	}
}

void tulle_host_mdns_forget(tulle_host *host, const tulle_host_member *member)
{
	tulle_host_mdns *t = host->mdns;
	if (t == NULL)
		return;
	for (size_t i = 0; i < HOST_MDNS_QUESTIONS; i++)
		if (t->questions[i].member == member) {
			if (t->questions[i].id != 0)
				tulle_mdns_cancel(t->engine, t->questions[i].id);
			t->questions[i] = (question){0};
			later(t); /* there may be room for one that waits */
		}
	for (size_t i = 0; i < HOST_MDNS_NAMES; i++)
		if (t->names[i].member == member)
			unpublish(t, &t->names[i]);
}

void tulle_host_mdns_destroy(tulle_host *host)
{
	tulle_host_mdns *t = host->mdns;
	if (t == NULL)
		return;
	send_all(t); /* the farewells of names */
	tulle_mdns_wipe(t->engine);
	for (size_t i = 0; i < 2; i++)
		if (t->sockets[i].fd >= 0)
			close(t->sockets[i].fd);
	host->mdns = NULL;
	free(t);
}
