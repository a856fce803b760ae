/* SPDX-License-Identifier: MIT */
/* host: multicast DNS for members. It is made when the first of them asks or hides; a member of the
 * host itself, which the loop drains like the others, tells them later than their own call. */
#include "host/mdns.h"

#include "base/addr.h"
#include "base/text.h"
#include "mdns/mdns.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
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
} hidden;

struct tulle_host_mdns {
	tulle_host *host;
	tulle_host_member member;
	tulle_mdns *engine;
	tulle_time looked_at;
	tulle_host_mdns_socket sockets[2];
	question questions[HOST_MDNS_QUESTIONS];
	hidden names[HOST_MDNS_NAMES];
	uint8_t in[HOST_MDNS_BYTES];
	_Alignas(max_align_t) uint8_t block[TULLE_MDNS_MEMORY_BYTES_MAX];
};

/* -- links ----------------------------------------------------------------------------------------
 */

static bool read_ip(
	const struct sockaddr *from, tulle_addr *to, const struct sockaddr *mask, uint8_t *prefix)
{
	uint8_t bits[16] = {0};
	*to = (tulle_addr){0};
	if (from == NULL || mask == NULL)
		return false;
	if (from->sa_family == AF_INET) {
		to->family = 4;
		memcpy(to->ip, (const uint8_t *)from + offsetof(struct sockaddr_in, sin_addr), 4);
		memcpy(bits, (const uint8_t *)mask + offsetof(struct sockaddr_in, sin_addr), 4);
	} else if (from->sa_family == AF_INET6) {
		to->family = 6;
		memcpy(to->ip, (const uint8_t *)from + offsetof(struct sockaddr_in6, sin6_addr),
			16);
		memcpy(bits, (const uint8_t *)mask + offsetof(struct sockaddr_in6, sin6_addr), 16);
	}
	for (*prefix = 0; *prefix < 128 && (bits[*prefix / 8] << *prefix % 8 & 0x80) != 0;)
		++*prefix;
	return to->family != 0;
}

/* The options' bind addresses bind here too. */
static bool is_wanted(const tulle_host *host, const tulle_addr *addr)
{
	tulle_addr bound;
	const char *text = addr->family == 4 ? host->options.bind4 : host->options.bind6;
	if (text == NULL || !tulle_addr_read_ip(tulle_text_of(text), &bound))
		return true;
	return tulle_addr_classify(&bound) == TULLE_ADDR_UNSPECIFIED ||
	       memcmp(bound.ip, addr->ip, tulle_addr_ip_bytes(addr)) == 0;
}

static size_t add_links(tulle_host_mdns *t, const struct ifaddrs *list, bool loopback)
{
	size_t n = 0;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		tulle_addr addr;
		uint8_t prefix;
		bool right =
			loopback ? (i->ifa_flags & IFF_LOOPBACK) != 0
				 : (i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) == IFF_MULTICAST;
		if ((i->ifa_flags & IFF_UP) == 0 || !right ||
			!read_ip(i->ifa_addr, &addr, i->ifa_netmask, &prefix) ||
			!is_wanted(t->host, &addr))
			continue;
		uint32_t id = if_nametoindex(i->ifa_name);
		if (tulle_mdns_add_link(t->engine, tulle_host_now(), id, &addr, prefix) != TULLE_OK)
			continue;
		n++;
		if (t->sockets[addr.family == 6].fd >= 0)
			tulle_host_mdns_join(&t->sockets[addr.family == 6], id);
	}
	return n;
}

/* The loopback interface only where there is no other: there two programs of one machine meet. */
static void look_at_interfaces(tulle_host_mdns *t)
{
	struct ifaddrs *list = NULL;
	tulle_time now = tulle_host_now();
	if (now - t->looked_at < HOST_MDNS_LOOK_US)
		return;
	t->looked_at = now;
	if (getifaddrs(&list) != 0)
		return;
	if (add_links(t, list, false) == 0)
		(void)add_links(t, list, true);
	freeifaddrs(list);
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

static void later(tulle_host_mdns *t)
{
	tulle_ready_mark(&t->host->ready, &t->member.ready);
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
	(void)in;
	tulle_mdns_handle_timeout(((tulle_host_mdns *)self)->engine, now);
}

static bool mdns_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	(void)self, (void)now, (void)scratch, (void)bytes, (void)out;
	return false;
}

static tulle_time mdns_poll_timeout(const void *self)
{
	return tulle_mdns_poll_timeout(((const tulle_host_mdns *)self)->engine);
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
	for (size_t i = 0; t != NULL && i < HOST_MDNS_NAMES; i++) {
		hidden *n = &t->names[i];
		if (n->member != NULL)
			continue;
		if (tulle_mdns_publish_as(t->engine, tulle_host_now(), &out->local, out->name) !=
			TULLE_OK)
			return; /* draft 3.1: a candidate that nobody can resolve */
		n->member = member;
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
			if (!t->member.gone)
				later(t); /* there may be room for one that waits */
		}
	for (size_t i = 0; i < HOST_MDNS_NAMES; i++)
		if (t->names[i].member == member) {
			tulle_mdns_unpublish(t->engine, tulle_host_now(),
				(tulle_text){t->names[i].text, sizeof t->names[i].text});
			t->names[i] = (hidden){0};
			if (!t->member.gone)
				later(t);
		}
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
