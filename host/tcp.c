/* SPDX-License-Identifier: MIT */
/* host: TCP sockets under streams: connecting, accepting, reading as far as there is room, writing
 * what the kernel takes. A socket is watched only for what can be acted on, so nothing spins. */
#include "host/stream.h"

#include "base/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t to_sockaddr(const tulle_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == 4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(out, &in, sizeof in);
		return sizeof in;
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	in6.sin6_scope_id = a->scope;
	memcpy(&in6.sin6_addr, a->ip, 16);
	memcpy(out, &in6, sizeof in6);
	return sizeof in6;
}

static tulle_addr from_sockaddr(const struct sockaddr_storage *from)
{
	tulle_addr a = {0};
	if (from->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof in);
		a.family = 4;
		a.port = ntohs(in.sin_port);
		memcpy(a.ip, &in.sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, from, sizeof in6);
		a.family = 6;
		a.port = ntohs(in6.sin6_port);
		a.scope = in6.sin6_scope_id;
		memcpy(a.ip, &in6.sin6_addr, 16);
	}
	return a;
}

static int open_socket(uint8_t family)
{
	return socket(
		family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void set_no_delay(int fd)
{
	const int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static uint32_t wish_of(const stream *s)
{
	bool waiting = s->out_end != s->out_start;
	switch (s->state) {
	case STREAM_RESOLVING:
		return 0;
	case STREAM_CONNECTING:
		return EPOLLOUT;
	case STREAM_SHAKING:
		return s->tls_wants_write ? EPOLLOUT : EPOLLIN;
	case STREAM_OPEN:
		return (s->deliver != 0 ? EPOLLIN : 0) | (waiting ? EPOLLOUT : 0);
	case STREAM_LINGERING:
		return EPOLLIN | (waiting ? EPOLLOUT : 0);
	}
	return 0;
}

/* Not in the loop at all when nothing is wished: EPOLLHUP cannot be switched off otherwise. */
void tulle_host_tcp_watch(stream *s)
{
	uint32_t wish = s->watch.fd >= 0 ? wish_of(s) : 0;
	if (wish == s->interest)
		return;
	if (s->interest == 0)
		(void)tulle_host_watch_add(s->host, &s->watch, wish);
	else if (wish == 0)
		tulle_host_watch_remove(s->host, &s->watch);
	else
		tulle_host_watch_set(s->host, &s->watch, wish);
	s->interest = wish;
}

void tulle_host_tcp_close(stream *s)
{
	if (s->watch.fd < 0)
		return;
	if (s->interest != 0)
		tulle_host_watch_remove(s->host, &s->watch);
	s->interest = 0;
	SSL_free(s->ssl);
	s->ssl = NULL;
	close(s->watch.fd);
	s->watch.fd = -1;
}

/* RFC6544:7.1: from the interface that the candidate is of, from any port. */
static bool bind_local(const stream *s, uint8_t family)
{
	const int on = 1;
	struct sockaddr_storage from;
	if (s->local.family != family)
		return s->local.family == 0;
	(void)setsockopt(s->watch.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	socklen_t n = to_sockaddr(&s->local, &from);
	return bind(s->watch.fd, (const struct sockaddr *)&from, n) == 0;
}

void tulle_host_tcp_connect(stream *s)
{
	struct sockaddr_storage to;
	while (s->address_at < s->address_count) {
		const tulle_addr *a = &s->addresses[s->address_at++];
		tulle_host_tcp_close(s);
		s->watch.fd = open_socket(a->family);
		if (s->watch.fd < 0)
			continue;
		set_no_delay(s->watch.fd);
		if (!bind_local(s, a->family))
			continue;
		socklen_t n = to_sockaddr(a, &to);
		int done;
		do
			done = connect(s->watch.fd, (const struct sockaddr *)&to, n);
		while (done < 0 && errno == EINTR);
		if (done == 0 || errno == EINPROGRESS) {
			tulle_host_tcp_watch(s);
			return;
		}
	}
	tulle_host_stream_fail(s, TULLE_ERR_SYSTEM);
}

static void shake(stream *s)
{
	int done = tulle_host_tls_shake(s);
	if (done > 0)
		tulle_host_stream_opened(s);
	else if (done < 0)
		tulle_host_stream_fail(s, TULLE_ERR_STATE);
	else
		tulle_host_tcp_watch(s);
}

static void finish_connect(stream *s)
{
	int error = 0;
	socklen_t n = sizeof error;
	if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		tulle_host_tcp_connect(s);
		return;
	}
	if (!s->tls) {
		tulle_host_stream_opened(s);
		return;
	}
	s->state = STREAM_SHAKING;
	if (tulle_host_tls_start(s))
		shake(s);
	else
		tulle_host_stream_fail(s, TULLE_ERR_MEMORY);
}

static ptrdiff_t write_some(stream *s, const uint8_t *data, size_t len)
{
	if (s->ssl != NULL)
		return tulle_host_tls_write(s, data, len);
	return send(s->watch.fd, data, len, MSG_NOSIGNAL);
}

static ptrdiff_t read_some(stream *s, uint8_t *dst, size_t cap)
{
	if (s->ssl != NULL)
		return tulle_host_tls_read(s, dst, cap);
	return recv(s->watch.fd, dst, cap, 0);
}

static bool is_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

bool tulle_host_tcp_flush(stream *s)
{
	bool good = s->watch.fd >= 0;
	while (good && s->out_start != s->out_end) {
		ptrdiff_t n = write_some(s, s->out + s->out_start, s->out_end - s->out_start);
		if (n < 0 && is_later())
			return true;
		good = n > 0;
		if (good)
			s->out_start += (size_t)n;
	}
	free(s->out);
	s->out = NULL;
	s->out_cap = s->out_start = s->out_end = 0;
	if (!good) {
		tulle_host_tcp_close(s);
		tulle_host_stream_later(s);
	}
	if (s->state == STREAM_LINGERING && !s->shut && good) {
		s->shut = true;
		if (s->ssl != NULL)
			(void)SSL_shutdown(s->ssl);
		(void)shutdown(s->watch.fd, SHUT_WR);
	}
	return good;
}

void tulle_host_tcp_read(stream *s)
{
	uint8_t *scratch = s->host->streams->scratch;
	tulle_host_member *member = s->member;
	for (int rounds = 0; rounds < 4 && s->deliver != 0; rounds++) {
		size_t cap = tulle_min(s->deliver, HOST_STREAM_READ_BYTES);
		errno = EBADF;
		ptrdiff_t n = s->watch.fd >= 0 ? read_some(s, scratch, cap) : -1;
		if (n < 0 && is_later())
			break;
		if (n <= 0) {
			tulle_host_stream_ended(s, n == 0 ? TULLE_OK : TULLE_ERR_SYSTEM);
			return;
		}
		s->deliver -= (size_t)n;
		const tulle_in in = {
			.kind = TULLE_IN_STREAM_BYTES, .id = s->id, .data = {scratch, (size_t)n}};
		tulle_host_deliver(member, tulle_host_now(), &in);
	}
	if (s->ssl != NULL && s->deliver != 0 && SSL_pending(s->ssl) > 0)
		tulle_host_stream_later(s);
	tulle_host_tcp_watch(s);
}

static void linger(stream *s)
{
	uint8_t *scratch = s->host->streams->scratch;
	for (int rounds = 0; rounds < 4; rounds++) {
		ptrdiff_t n = recv(s->watch.fd, scratch, HOST_STREAM_READ_BYTES, 0);
		if (n < 0 && is_later())
			break;
		s->lingered += n > 0 ? (size_t)n : 0;
		if (n <= 0 || s->lingered > HOST_STREAM_LINGER_BYTES) {
			tulle_host_stream_remove(s);
			return;
		}
	}
	tulle_host_tcp_watch(s);
}

void tulle_host_tcp_ready(void *user, uint32_t events)
{
	stream *s = user;
	if (s->state == STREAM_CONNECTING) {
		finish_connect(s);
		return;
	}
	if (s->state == STREAM_SHAKING) {
		shake(s);
		return;
	}
	if ((events & EPOLLOUT) != 0 && tulle_host_tcp_flush(s) && s->state == STREAM_OPEN)
		tulle_host_stream_later(s); /* there may be room to tell of */
	if (s->state == STREAM_LINGERING)
		linger(s);
	else if (s->deliver != 0)
		tulle_host_tcp_read(s);
	else
		tulle_host_tcp_watch(s);
}

/* -- accepting -----------------------------------------------------------------------------------
 */

static void take_accepted(listener *l, int fd, const struct sockaddr_storage *from)
{
	tulle_host_streams *t = l->host->streams;
	uint32_t id = UINT32_C(0x80000000) | (t->accepted++ & UINT32_C(0x7fffffff));
	stream *s = tulle_host_stream_add(l->host, l->member, id, fd);
	if (s == NULL) {
		close(fd);
		return;
	}
	const tulle_in in = {
		.kind = TULLE_IN_STREAM_ACCEPTED, .id = id, .remote = from_sockaddr(from)};
	tulle_host_deliver(l->member, tulle_host_now(), &in);
	tulle_host_stream_opened(s);
}

static void keep_spare(tulle_host_streams *t)
{
	if (t->spare_fd < 0)
		t->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left: the spare one is given up to accept and close, or the queue would keep the
 * loop awake for nothing. */
static void turn_away(listener *l)
{
	tulle_host_streams *t = l->host->streams;
	if (t->spare_fd < 0)
		return;
	close(t->spare_fd);
	int fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	t->spare_fd = -1;
	keep_spare(t);
}

static void accept_ready(void *user, uint32_t events)
{
	listener *l = user;
	(void)events;
	keep_spare(l->host->streams); /* another thread may have got the last one */
	for (int i = 0; i < HOST_STREAM_ACCEPTS; i++) {
		struct sockaddr_storage from = {0};
		socklen_t n = sizeof from;
		int fd = accept4(
			l->watch.fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			set_no_delay(fd);
			if (l->member != NULL)
				take_accepted(l, fd, &from);
			else
				tulle_host_lobby_take(l->host, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			turn_away(l);
		return;
	}
}

static int bind_socket(const tulle_addr *address, tulle_addr *bound)
{
	const int on = 1;
	struct sockaddr_storage at = {0};
	socklen_t n = to_sockaddr(address, &at);
	int fd = open_socket(address->family);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (address->family == 6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	bool good = bind(fd, (const struct sockaddr *)&at, n) == 0 && listen(fd, 511) == 0;
	n = sizeof at;
	if (good && getsockname(fd, (struct sockaddr *)&at, &n) == 0) {
		*bound = from_sockaddr(&at);
		return fd;
	}
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

tulle_err tulle_host_listen(
	tulle_host *host, tulle_host_member *member, const tulle_addr *address, tulle_addr *bound)
{
	tulle_host_streams *t = tulle_host_streams_of(host);
	listener *l = calloc(1, sizeof *l);
	if (t == NULL || l == NULL) {
		free(l);
		return TULLE_ERR_MEMORY;
	}
	int fd = bind_socket(address, bound);
	if (fd < 0) {
		int why = errno;
		free(l);
		errno = why;
		return TULLE_ERR_SYSTEM;
	}
	keep_spare(t);
	*l = (listener){t->listeners, host, member, {fd, accept_ready, l}};
	t->listeners = l;
	return tulle_host_watch_add(host, &l->watch, EPOLLIN);
}
