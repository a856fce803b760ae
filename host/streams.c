/* SPDX-License-Identifier: MIT */
/* host: the streams of members: who has which, what they ask for and are told. What a member is
 * told is told later than its own call, by a member of the host itself that the loop drains like
 * the others. */
#include "host/stream.h"

#include "base/serial.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static stream **chain_of(tulle_host_streams *t, const tulle_host_member *member, uint32_t id)
{
	uintptr_t h = ((uintptr_t)member >> 4) * 31 + id;
	return &t->table[h % HOST_STREAM_CHAINS];
}

static stream *find(tulle_host_streams *t, const tulle_host_member *member, uint32_t id)
{
	stream *s = *chain_of(t, member, id);
	while (s != NULL && (s->member != member || s->id != id))
		s = s->chain;
	return s;
}

static void unchain(stream *s)
{
	stream **at = chain_of(s->host->streams, s->member, s->id);
	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	s->member = NULL;
}

void tulle_host_stream_later(stream *s)
{
	tulle_host_streams *t = s->host->streams;
	tulle_ready_mark(&t->pending, &s->pending);
	tulle_ready_mark(&s->host->ready, &t->member.ready);
}

stream *tulle_host_stream_add(tulle_host *host, tulle_host_member *member, uint32_t id, int fd)
{
	tulle_host_streams *t = host->streams;
	stream *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->host = host;
	s->member = member;
	s->id = id;
	s->deadline = TULLE_TIME_NEVER;
	s->pending.owner = s;
	s->watch = (tulle_host_watch){fd, tulle_host_tcp_ready, s};
	stream **chain = chain_of(t, member, id);
	s->chain = *chain;
	*chain = s;
	s->next = t->first;
	if (t->first != NULL)
		t->first->prev = s;
	t->first = s;
	return s;
}

void tulle_host_stream_remove(stream *s)
{
	tulle_host_streams *t = s->host->streams;
	if (s->member != NULL)
		unchain(s);
	if (s->state == STREAM_RESOLVING && t->names != NULL)
		tulle_host_names_forget(t->names, s);
	*(s->prev != NULL ? &s->prev->next : &t->first) = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	tulle_ready_remove(&t->pending, &s->pending);
	tulle_host_tcp_close(s);
	free(s->out);
	free(s);
}

static void tell(stream *s, tulle_in in)
{
	in.id = s->id;
	if (s->member != NULL)
		tulle_host_deliver(s->member, tulle_host_now(), &in);
}

void tulle_host_stream_opened(stream *s)
{
	s->state = STREAM_OPEN;
	s->deadline = TULLE_TIME_NEVER;
	tulle_host_tcp_watch(s);
	tulle_host_stream_later(s);
}

void tulle_host_stream_fail(stream *s, tulle_err why)
{
	s->failed = why;
	s->failed_due = true;
	tulle_host_tcp_close(s);
	tulle_host_stream_later(s);
}

void tulle_host_stream_ended(stream *s, tulle_err why)
{
	tell(s, (tulle_in){.kind = TULLE_IN_STREAM_END, .why = why});
	tulle_host_stream_remove(s);
}

/* Room comes in halves, so that small writes do not each cost a message. */
static void give_room(stream *s)
{
	size_t room = HOST_STREAM_OUT_BYTES - (s->out_end - s->out_start);
	if (room < s->credit || room - s->credit < HOST_STREAM_OUT_BYTES / 2)
		return;
	uint32_t more = (uint32_t)(room - s->credit);
	s->credit = room;
	tell(s, (tulle_in){.kind = TULLE_IN_STREAM_ROOM, .bytes = more});
}

static void look_after(stream *s)
{
	if (s->failed_due) {
		tell(s, (tulle_in){.kind = TULLE_IN_STREAM_OPEN, .why = s->failed});
		tulle_host_stream_remove(s);
		return;
	}
	if (s->state != STREAM_OPEN)
		return;
	if (s->watch.fd < 0) {
		tulle_host_stream_ended(s, TULLE_ERR_SYSTEM);
		return;
	}
	if (!s->told) {
		bool accepted = (s->id >> 31) != 0 && s->address_count == 0;
		s->told = true;
		if (!accepted)
			tell(s, (tulle_in){.kind = TULLE_IN_STREAM_OPEN});
	}
	give_room(s);
	if (s->deliver != 0)
		tulle_host_tcp_read(s);
}

/* -- the host's own member -----------------------------------------------------------------------
 */

static void streams_dispatch(void *self)
{
	tulle_host_streams *t = self;
	tulle_host_lobby_bury(t);
	for (stream *s; (s = tulle_ready_take(&t->pending)) != NULL;)
		look_after(s);
}

static void streams_handle(void *self, tulle_time now, const tulle_in *in)
{
	tulle_host_streams *t = self;
	(void)in;
	tulle_host_lobby_expire(t, now);
	for (stream *s = t->first, *next; s != NULL; s = next) {
		next = s->next;
		if (!tulle_time_due(s->deadline, now))
			continue;
		s->deadline = TULLE_TIME_NEVER;
		if (s->state == STREAM_LINGERING)
			tulle_host_stream_remove(s);
		else
			tulle_host_stream_fail(s, TULLE_ERR_SYSTEM);
	}
}

static bool streams_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	(void)self, (void)now, (void)scratch, (void)bytes, (void)out;
	return false;
}

static tulle_time streams_poll_timeout(const void *self)
{
	const tulle_host_streams *t = self;
	tulle_time due = t->guests != NULL ? t->guests->deadline : TULLE_TIME_NEVER;
	for (const stream *s = t->first; s != NULL; s = s->next)
		due = tulle_time_min(due, s->deadline);
	return due;
}

static void streams_gone(void *self)
{
	(void)self; /* tulle_host_streams_destroy frees it, after all members */
}

static const tulle_host_kind streams_kind = {.handle = streams_handle,
	.poll = streams_poll,
	.poll_timeout = streams_poll_timeout,
	.dispatch = streams_dispatch,
	.destroy = streams_gone};

static void answered(tulle_host *host, const tulle_host_answer *answer)
{
	if (!answer->of_stream) {
		tulle_in in = {.kind = TULLE_IN_RESOLVED,
			.id = answer->question,
			.why = answer->count != 0 ? TULLE_OK : TULLE_ERR_SYSTEM,
			.addrs = answer->addresses,
			.addr_count = answer->count};
		tulle_host_deliver(answer->owner, tulle_host_now(), &in);
		return;
	}
	stream *s = answer->owner;
	(void)host;
	memcpy(s->addresses, answer->addresses, sizeof s->addresses);
	s->address_count = answer->count;
	s->state = STREAM_CONNECTING;
	tulle_host_tcp_connect(s);
}

tulle_host_streams *tulle_host_streams_of(tulle_host *host)
{
	if (host->streams != NULL)
		return host->streams;
	tulle_host_streams *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->host = host;
	t->spare_fd = -1;
	t->member = (tulle_host_member){.kind = &streams_kind, .self = t};
	t->names = tulle_host_names_create(host, answered);
	host->streams = t;
	if (t->names != NULL && tulle_host_add(host, &t->member) == TULLE_OK)
		return t;
	host->streams = NULL;
	tulle_host_names_destroy(t->names);
	free(t);
	return NULL;
}

/* -- what members ask for ------------------------------------------------------------------------
 */

static bool copy_name(char dst[256], tulle_text name)
{
	if (name.len >= 256 || (name.len != 0 && memchr(name.ptr, 0, name.len) != NULL))
		return false;
	if (name.len != 0)
		memcpy(dst, name.ptr, name.len);
	dst[name.len] = '\0';
	return true;
}

static void connect_stream(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	stream *s = tulle_host_stream_add(host, member, out->id, -1);
	if (s == NULL)
		return; /* the member's own timeout ends it */
	s->port = out->port;
	s->local = out->local;
	s->tls = out->tls;
	s->deadline = tulle_host_now() + HOST_STREAM_CONNECT_US;
	tulle_host_stream_later(s); /* the deadline is new */
	if (!copy_name(s->name, out->name)) {
		tulle_host_stream_fail(s, TULLE_ERR_ARGUMENT);
	} else if (out->remote.family != 0) {
		s->addresses[0] = out->remote;
		s->addresses[0].port = out->port != 0 ? out->port : out->remote.port;
		s->address_count = 1;
		s->state = STREAM_CONNECTING;
		tulle_host_tcp_connect(s);
	} else if (!tulle_host_names_ask(host->streams->names, s, true, 0, s->name, s->port)) {
		tulle_host_stream_fail(s, TULLE_ERR_MEMORY);
	}
}

static void resolve(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	char name[256];
	if (copy_name(name, out->name) &&
		tulle_host_names_ask(host->streams->names, member, false, out->id, name, out->port))
		return;
	/* no name: the asker times out */
}

static void write_stream(stream *s, tulle_bytes data)
{
	size_t used = s->out_end - s->out_start, need = used + data.len;
	if (s->state != STREAM_OPEN || data.len == 0)
		return;
	if (need > s->out_cap) {
		size_t cap = tulle_max(need, tulle_min(HOST_STREAM_OUT_BYTES, need * 2));
		uint8_t *p = malloc(cap);
		if (p == NULL) {
			tulle_host_tcp_close(s); /* bytes are lost: the stream must end */
			tulle_host_stream_later(s);
			return;
		}
		if (used != 0)
			memcpy(p, s->out + s->out_start, used);
		free(s->out);
		s->out = p;
		s->out_cap = cap;
		s->out_start = 0;
		s->out_end = used;
	} else if (s->out_cap - s->out_end < data.len) {
		memmove(s->out, s->out + s->out_start, used);
		s->out_start = 0;
		s->out_end = used;
	}
	memcpy(s->out + s->out_end, data.ptr, data.len);
	s->out_end += data.len;
	s->credit -= tulle_min(s->credit, data.len);
	(void)tulle_host_tcp_flush(s);
	tulle_host_tcp_watch(s);
	tulle_host_stream_later(s);
}

/* The member leaves. What it wrote still goes, and the other side's last bytes are read, so that
 * the kernel does not answer them with a reset that overtakes ours. */
static void end_stream(stream *s, bool abrupt)
{
	unchain(s);
	if (abrupt || s->state != STREAM_OPEN) {
		tulle_host_stream_remove(s);
		return;
	}
	s->state = STREAM_LINGERING;
	s->deadline = tulle_host_now() + HOST_STREAM_LINGER_US;
	(void)tulle_host_tcp_flush(s);
	tulle_host_tcp_watch(s);
	tulle_ready_mark(&s->host->ready, &s->host->streams->member.ready);
}

void tulle_host_stream_out(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	tulle_host_streams *t = tulle_host_streams_of(host);
	if (t == NULL)
		return;
	stream *s = find(t, member, out->id);
	if (out->kind == TULLE_OUT_RESOLVE)
		resolve(host, member, out);
	else if (out->kind == TULLE_OUT_STREAM_CONNECT && s == NULL)
		connect_stream(host, member, out);
	else if (s != NULL && out->kind == TULLE_OUT_STREAM_BYTES)
		write_stream(s, out->data);
	else if (s != NULL && out->kind == TULLE_OUT_STREAM_END)
		end_stream(s, out->abrupt);
	else if (s != NULL && out->kind == TULLE_OUT_STREAM_ROOM) {
		s->deliver = tulle_sat_add(s->deliver, out->bytes);
		tulle_host_tcp_watch(s);
		if (s->ssl != NULL)
			tulle_host_stream_later(
				s); /* bytes may wait inside TLS, where epoll is blind */
	}
}

static void forget_listeners(tulle_host_streams *t, const tulle_host_member *member)
{
	for (listener **at = &t->listeners; *at != NULL;) {
		listener *l = *at;
		if (l->member != member) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		tulle_host_watch_remove(t->host, &l->watch);
		close(l->watch.fd);
		free(l);
	}
}

void tulle_host_streams_forget(tulle_host *host, tulle_host_member *member)
{
	tulle_host_streams *t = host->streams;
	if (t == NULL || member == &t->member)
		return;
	tulle_host_names_forget(t->names, member);
	for (stream *s = t->first, *next; s != NULL; s = next) {
		next = s->next;
		if (s->member == member)
			tulle_host_stream_remove(s);
	}
	forget_listeners(t, member);
}

void tulle_host_streams_destroy(tulle_host *host)
{
	tulle_host_streams *t = host->streams;
	if (t == NULL)
		return;
	for (stream *s = t->first, *next; s != NULL; s = next) {
		next = s->next;
		tulle_host_stream_remove(s);
	}
	tulle_host_lobby_empty(t);
	forget_listeners(t, NULL);
	tulle_host_names_destroy(t->names);
	SSL_CTX_free(t->tls);
	BIO_meth_free(t->bio);
	if (t->spare_fd >= 0)
		close(t->spare_fd);
	host->streams = NULL;
	free(t);
}
