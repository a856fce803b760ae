/* SPDX-License-Identifier: MIT */
/* host: one port for the streams of all that has ICE-TCP (RFC 6544). What is accepted waits here
 * until its first frame is whole: a check, whose ufrag says whose it is. Invariant: who has said
 * nothing that is ours costs one of HOST_LOBBY_MAX places, for HOST_LOBBY_US at most. */
#include "host/sockaddr.h"
#include "host/stream.h"

#include "base/panic.h"
#include "base/serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Gives its descriptor back. An event of this turn may still name it. */
static int remove_guest(guest *g)
{
	tulle_host_streams *t = g->host->streams;
	int fd = g->watch.fd;
	*(g->prev != NULL ? &g->prev->next : &t->guests) = g->next;
	*(g->next != NULL ? &g->next->prev : &t->last_guest) = g->prev;
	t->guest_count--;
	tulle_host_watch_remove(g->host, &g->watch);
	g->watch.fd = -1;
	g->next = t->gone_guests;
	t->gone_guests = g;
	tulle_ready_mark(&g->host->ready, &t->member.ready);
	return fd;
}

void tulle_host_lobby_bury(tulle_host_streams *t)
{
	for (guest *g; (g = t->gone_guests) != NULL; free(g))
		t->gone_guests = g->next;
}

static void turn_out(guest *g, tulle_drop why)
{
	g->host->streams->lobby_drops[why]++;
	close(remove_guest(g));
}

static tulle_host_member *find_owner(tulle_host *host, const tulle_in *in)
{
	for (tulle_host_member *m = host->members; m != NULL; m = m->next)
		if (m->tcp && !m->gone && m->kind->owns(m->self, in))
			return m;
	return NULL;
}

static bool read_ends(int fd, tulle_in *in)
{
	struct sockaddr_in6 local = {0}, remote = {0};
	socklen_t n = sizeof local, m = sizeof remote;
	if (getsockname(fd, (struct sockaddr *)&local, &n) != 0 ||
		getpeername(fd, (struct sockaddr *)&remote, &m) != 0)
		return false;
	in->local = tulle_host_read_sockaddr(&local);
	in->remote = tulle_host_read_sockaddr(&remote);
	return true;
}

/* More come in one turn than a member can say no to: what it has not taken ends here. */
static void end_unless_taken(stream *s)
{
	const tulle_in probe = {.kind = TULLE_IN_STREAM_BYTES, .id = s->id};
	if (!s->member->kind->owns(s->member->self, &probe))
		tulle_host_stream_ended(s, TULLE_ERR_LIMIT);
}

/* The member gets the stream with its first packet. */
static void admit(guest *g)
{
	tulle_host *host = g->host;
	tulle_host_streams *t = host->streams;
	uint8_t packet[HOST_LOBBY_PACKET];
	size_t len = g->have - 2;
	memcpy(packet, g->frame + 2, len);
	tulle_in in = {.kind = TULLE_IN_STREAM_ACCEPTED,
		.bytes = HOST_STREAM_OUT_BYTES,
		.data = {packet, len}};
	tulle_host_member *member = find_owner(host, &in);
	if (member == NULL || !read_ends(g->watch.fd, &in)) {
		turn_out(g, TULLE_DROP_STUN_USERNAME);
		return;
	}
	int fd = remove_guest(g);
	in.id = UINT32_C(0x80000000) | (t->accepted++ & UINT32_C(0x7fffffff));
	stream *s = tulle_host_stream_add(host, member, in.id, fd);
	if (s == NULL) {
		close(fd);
		return;
	}
	s->told = true;
	s->credit = HOST_STREAM_OUT_BYTES;
	tulle_host_stream_opened(s);
	tulle_host_deliver(member, tulle_host_now(), &in);
	end_unless_taken(s);
}

/* Bytes that are still missing of the first frame; 0: it is whole, or none of ours. */
static size_t missing(const guest *g)
{
	if (g->have < 2)
		return 2 - g->have;
	size_t len = (size_t)g->frame[0] << 8 | g->frame[1];
	return len <= HOST_LOBBY_PACKET ? 2 + len - g->have : 0;
}

/* Not a byte more than its first frame is read: the rest is the member's. */
TULLE_UNTRUSTED(anyone, "1282 bytes a stream, 64 streams, 5 s", mesh)
static void guest_ready(void *user, uint32_t events)
{
	guest *g = user;
	size_t need;
	(void)events;
	if (g->watch.fd < 0)
		return;
	while ((need = missing(g)) != 0) {
		ptrdiff_t n = recv(g->watch.fd, g->frame + g->have, need, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			turn_out(g, TULLE_DROP_ICE_STREAM);
			return;
		}
		g->have += (size_t)n;
	}
	if (g->have == 2) /* empty, or longer than any check */
		turn_out(g, TULLE_DROP_ICE_STREAM);
	else
		admit(g);
}

/* When there are too many the oldest goes: who floods us shuts nobody out whose check is on its
 * way. */
void tulle_host_lobby_take(tulle_host *host, int fd)
{
	tulle_host_streams *t = host->streams;
	guest *g = calloc(1, sizeof *g);
	if (t->guest_count == HOST_LOBBY_MAX)
		turn_out(t->guests, TULLE_DROP_LIMIT);
	if (g == NULL) {
		close(fd);
		return;
	}
	g->host = host;
	g->watch = (tulle_host_watch){fd, guest_ready, g};
	g->deadline = tulle_host_now() + HOST_LOBBY_US;
	g->prev = t->last_guest;
	*(g->prev != NULL ? &g->prev->next : &t->guests) = g;
	t->last_guest = g;
	t->guest_count++;
	if (tulle_host_watch_add(host, &g->watch, EPOLLIN) != TULLE_OK)
		turn_out(g, TULLE_DROP_LIMIT);
	tulle_ready_mark(&host->ready, &t->member.ready); /* there is a deadline */
}

void tulle_host_lobby_expire(tulle_host_streams *t, tulle_time now)
{
	while (t->guests != NULL && tulle_time_due(t->guests->deadline, now))
		turn_out(t->guests, TULLE_DROP_ICE_STREAM);
}

void tulle_host_lobby_empty(tulle_host_streams *t)
{
	while (t->guests != NULL)
		close(remove_guest(t->guests));
	tulle_host_lobby_bury(t);
}

static tulle_err open_family(tulle_host *host, uint8_t family)
{
	const tulle_host_options *o = &host->options;
	const char *text = family == 4 ? o->bind4 : o->bind6;
	tulle_addr at = {.family = family}, bound;
	if (text != NULL && !tulle_addr_read_ip((tulle_text){text, strlen(text)}, &at))
		return TULLE_ERR_SYSTEM;
	at.port = o->tcp_port;
	if (at.family != family)
		return TULLE_ERR_SYSTEM;
	if (tulle_host_listen(host, NULL, &at, &bound) == TULLE_OK)
		host->tcp_port[family == 6] = bound.port;
	else if (text != NULL || errno == EADDRINUSE || errno == EACCES)
		return TULLE_ERR_SYSTEM;
	return TULLE_OK; /* a machine without the family */
}

tulle_err tulle_host_open_lobby(tulle_host *host)
{
	tulle_err err = TULLE_OK;
	if (host->tcp_open)
		return TULLE_OK;
	if (host->tcp_port[0] == 0)
		err = open_family(host, 4);
	if (err == TULLE_OK && host->tcp_port[1] == 0)
		err = open_family(host, 6);
	host->tcp_open = err == TULLE_OK;
	return err;
}
