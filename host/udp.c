/* SPDX-License-Identifier: MIT */
/* host: datagrams. Many packets a system call both ways (sendmmsg, UDP_SEGMENT; recvmmsg,
 * UDP_GRO). A full socket is back-pressure: what did not go waits, and nobody is polled meanwhile.
 */
#include "host/host.h"
#include "host/sockaddr.h"

#include "base/addr.h"
#include "base/serial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define CONTROL_BYTES 128

typedef struct {
	struct sockaddr_in6 name; /* the larger of both families */
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	struct iovec iov;
	tulle_host_udp *udp;
	tulle_host_member *member;
	tulle_out out;
} message;

struct tulle_host_batch {
	size_t used, count; /* bytes of scratch, messages */
	message messages[HOST_SEND_MESSAGES];
	struct mmsghdr headers[HOST_SEND_MESSAGES];
	uint8_t scratch[HOST_SEND_BYTES];
	uint8_t receive[HOST_RECEIVE_MESSAGES][HOST_RECEIVE_BYTES];
	message in[HOST_RECEIVE_MESSAGES];
};

static bool bind_port(tulle_host *host, tulle_host_udp *udp)
{
	const char *text = udp->family == 4 ? host->options.bind4 : host->options.bind6;
	tulle_addr a = {.family = udp->family};
	struct sockaddr_in6 name;
	unsigned low = host->options.port_min, high = host->options.port_max;
	if (text != NULL && !tulle_addr_read_ip((tulle_text){text, strlen(text)}, &a))
		return false;
	if (a.family != udp->family)
		return false;
	for (unsigned port = low; port <= (high > low ? high : low); port++) {
		a.port = (uint16_t)port;
		socklen_t len = tulle_host_write_sockaddr(&a, &name);
		if (bind(udp->fd, (const struct sockaddr *)&name, len) != 0)
			continue;
		len = sizeof name;
		if (getsockname(udp->fd, (struct sockaddr *)&name, &len) != 0)
			return false;
		udp->port = tulle_host_read_sockaddr(&name).port;
		return true;
	}
	return false;
}

static void udp_ready(void *user, uint32_t events);

static tulle_err open_one(tulle_host_port *port, tulle_host_udp *udp, uint8_t family)
{
	const int on = 1;
	tulle_host *host = port->host;
	udp->family = family;
	udp->owner = port;
	udp->no_offload = host->options.no_offload;
	udp->fd = socket(
		family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (udp->fd < 0)
		return TULLE_OK; /* a machine without the family */
	if (family == 6)
		(void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	tulle_host_set_options(udp, !udp->no_offload);
	udp->watch = (tulle_host_watch){udp->fd, udp_ready, udp};
	if (bind_port(host, udp) && tulle_host_watch_add(host, &udp->watch, EPOLLIN) == TULLE_OK)
		return TULLE_OK;
	close(udp->fd);
	udp->fd = -1;
	bool asked = host->options.port_min != 0 ||
		     (family == 4 ? host->options.bind4 : host->options.bind6) != NULL;
	return asked ? TULLE_ERR_SYSTEM : TULLE_OK;
}

bool tulle_host_make_batch(tulle_host *host)
{
	host->batch = malloc(sizeof *host->batch); /* its pages are touched as they are used */
	if (host->batch != NULL)
		host->batch->used = host->batch->count = 0;
	return host->batch != NULL;
}

static bool is_one_port(const tulle_host_options *o)
{
	return o->port_min != 0 && o->port_max <= o->port_min;
}

static void join_port(tulle_host_port *port, tulle_host_member *member)
{
	port->sole = port->references == 0 ? member : NULL;
	port->references++;
	member->port = port;
	if (port->references > 1)
		tulle_host_grow_hints(port->host);
}

tulle_err tulle_host_open_port(tulle_host *host, tulle_host_member *member)
{
	if (is_one_port(&host->options) && host->ports != NULL) {
		join_port(host->ports, member);
		return TULLE_OK;
	}
	tulle_host_port *port = calloc(1, sizeof *port);
	if (port == NULL)
		return TULLE_ERR_MEMORY;
	port->host = host;
	port->udp[1].fd = -1;
	tulle_err err = open_one(port, &port->udp[0], 4);
	if (err == TULLE_OK)
		err = open_one(port, &port->udp[1], 6);
	join_port(port, member);
	port->next = host->ports;
	host->ports = port;
	if (err == TULLE_OK && port->udp[0].fd < 0 && port->udp[1].fd < 0)
		err = TULLE_ERR_SYSTEM; /* no more descriptors */
	if (err != TULLE_OK)
		tulle_host_close_port(member);
	return err;
}

/* What still waits to go through these sockets goes with them. */
static void forget_messages(tulle_host *host, const tulle_host_port *port)
{
	tulle_host_batch *b = host->batch;
	size_t kept = 0;
	for (size_t i = 0; i < b->count; i++)
		if (b->messages[i].udp->owner != port)
			b->messages[kept++] = b->messages[i];
	b->count = kept;
}

void tulle_host_close_port(tulle_host_member *member)
{
	tulle_host_port *port = member->port;
	member->port = NULL;
	if (port == NULL)
		return;
	tulle_host *host = port->host;
	port->sole = NULL;
	if (--port->references != 0)
		return;
	forget_messages(host, port);
	tulle_host_port **at = &host->ports;
	while (*at != port)
		at = &(*at)->next;
	*at = port->next;
	for (int i = 0; i < 2; i++) {
		if (host->blocked == &port->udp[i])
			host->blocked = NULL;
		if (port->udp[i].fd >= 0)
			close(port->udp[i].fd);
	}
	free(port);
}

/* -- out ------------------------------------------------------------------------------------------
 */

static void put_control(struct msghdr *h, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c =
		(struct cmsghdr *)(void *)((uint8_t *)h->msg_control + h->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	h->msg_controllen += CMSG_SPACE(len);
}

static void put_source(struct msghdr *h, const tulle_addr *local)
{
	if (local->family == 4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, local->ip, 4);
		put_control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else if (local->family == 6) {
		struct in6_pktinfo info = {.ipi6_ifindex = local->scope};
		memcpy(&info.ipi6_addr, local->ip, 16);
		put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

static void make_header(message *m, struct msghdr *h)
{
	memset(h, 0, sizeof *h);
	memset(m->control, 0, sizeof m->control);
	h->msg_name = &m->name;
	h->msg_namelen = tulle_host_write_sockaddr(&m->out.remote, &m->name);
	h->msg_iov = &m->iov;
	h->msg_iovlen = 1;
	h->msg_control = m->control;
	put_source(h, &m->out.local);
	if (m->out.data.len > m->out.segment) {
		uint16_t segment = m->out.segment;
		put_control(h, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
	}
}

uint8_t *tulle_host_batch_room(tulle_host *host, size_t *bytes)
{
	tulle_host_batch *b = host->batch;
	if (b->count == HOST_SEND_MESSAGES || sizeof b->scratch - b->used < HOST_SEND_RUN)
		tulle_host_batch_flush(host);
	if (b->count == HOST_SEND_MESSAGES || sizeof b->scratch - b->used < HOST_SEND_RUN)
		return NULL;
	*bytes = sizeof b->scratch - b->used;
	return b->scratch + b->used;
}

void tulle_host_batch_add(tulle_host *host, tulle_host_member *member, const tulle_out *out)
{
	tulle_host_batch *b = host->batch;
	message *m = &b->messages[b->count++];
	m->member = member;
	m->udp = &member->port->udp[out->remote.family == 6];
	m->out = *out;
	m->iov = (struct iovec){(void *)(uintptr_t)out->data.ptr, out->data.len};
	size_t end = (size_t)(out->data.ptr - b->scratch) + out->data.len;
	b->used = (end + 63) / 64 * 64;
}

/* A run that the kernel would not cut is sent packet by packet. */
static void send_singly(tulle_host_udp *udp, const message *m)
{
	for (size_t at = 0; at < m->out.data.len; at += m->out.segment) {
		message one = *m;
		struct msghdr h;
		size_t left = m->out.data.len - at;
		one.out.data.len = tulle_min(left, m->out.segment);
		one.iov =
			(struct iovec){(void *)(uintptr_t)(m->out.data.ptr + at), one.out.data.len};
		make_header(&one, &h);
		(void)sendmsg(udp->fd, &h, 0); /* what does not go counts as lost on the way */
	}
}

/* One that failed: EINVAL and EIO of a run mean no UDP_SEGMENT here; EMSGSIZE is news for its
 * sender; else the network is lossy (unreachable, refused, not permitted). */
static void take_failure(tulle_host *host, tulle_host_udp *udp, const message *m, int error)
{
	bool run = m->out.data.len > m->out.segment;
	if (run && (error == EINVAL || error == EIO || error == EMSGSIZE)) {
		if (error != EMSGSIZE)
			udp->no_offload = true;
		send_singly(udp, m);
	} else if (error == EMSGSIZE && m->member->host == host) {
		tulle_in in = {.kind = TULLE_IN_TOO_BIG,
			.id = m->out.id,
			.local = m->out.local,
			.remote = m->out.remote,
			.bytes = m->out.segment};
		tulle_host_deliver(m->member, tulle_host_now(), &in);
	}
}

/* Those from `from` on that may be cut on their way, or those that may not, as the first one says.
 */
static int send_alike(tulle_host_udp *udp, tulle_host_batch *b, size_t from, size_t to)
{
	bool cut = b->messages[from].out.may_fragment;
	size_t end = from + 1;
	while (end < to && b->messages[end].out.may_fragment == cut)
		end++;
	if (cut)
		tulle_host_set_fragments(udp, true);
	int n = sendmmsg(udp->fd, b->headers + from, (unsigned)(end - from), 0);
	int error = errno;
	if (cut)
		tulle_host_set_fragments(udp, false);
	errno = error;
	return n;
}

/* Sends messages [from, to) of one family; gives the first that did not go because the socket is
 * full. */
static size_t send_range(tulle_host *host, tulle_host_udp *udp, size_t from, size_t to)
{
	tulle_host_batch *b = host->batch;
	while (from < to) {
		if (udp->no_offload &&
			b->messages[from].out.data.len > b->messages[from].out.segment) {
			send_singly(udp, &b->messages[from++]);
			continue;
		}
		int n = send_alike(udp, b, from, to);
		if (n > 0) {
			from += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			return from;
		} else if (errno != EINTR) {
			take_failure(host, udp, &b->messages[from], errno);
			from++;
		}
	}
	return from;
}

static void keep_rest(tulle_host *host, tulle_host_udp *udp, size_t from)
{
	tulle_host_batch *b = host->batch;
	memmove(b->messages, b->messages + from, (b->count - from) * sizeof *b->messages);
	b->count -= from;
	host->blocked = udp;
	tulle_host_watch_set(host, &udp->watch, EPOLLIN | EPOLLOUT);
}

void tulle_host_batch_flush(tulle_host *host)
{
	tulle_host_batch *b = host->batch;
	if (host->blocked != NULL)
		return;
	for (size_t i = 0; i < b->count; i++)
		make_header(&b->messages[i], &b->headers[i].msg_hdr);
	for (size_t from = 0, to; from < b->count; from = to) {
		tulle_host_udp *udp = b->messages[from].udp;
		for (to = from + 1; to < b->count && b->messages[to].udp == udp; to++)
			continue;
		size_t done = udp->fd < 0 ? to : send_range(host, udp, from, to);
		if (done < to) {
			keep_rest(host, udp, done);
			return;
		}
	}
	b->count = b->used = 0;
}

/* -- in -------------------------------------------------------------------------------------------
 */

typedef struct {
	size_t segment;
	tulle_addr local;
} received;

static received read_control(tulle_host *host, struct msghdr *h, uint8_t family)
{
	received r = {.local = {.family = family}};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int segment;
			memcpy(&segment, CMSG_DATA(c), sizeof segment);
			r.segment = segment > 0 ? (size_t)segment : 0;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(r.local.ip, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(r.local.ip, &info.ipi6_addr, 16);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;
			memcpy(&drops, CMSG_DATA(c), sizeof drops);
			host->socket_drops = drops;
		}
	}
	return r;
}

static uint32_t find_path(const tulle_host *host, const tulle_addr *local)
{
	for (size_t i = 0; i < host->interface_count; i++)
		if (tulle_addr_is_ip(&host->interfaces[i].addr, local))
			return host->interfaces[i].id;
	return 0;
}

/* The packets of one received message. After some packets the member has its turn to answer. */
static void take_message(
	tulle_host *host, tulle_host_udp *udp, message *m, struct msghdr *h, size_t len)
{
	received r = read_control(host, h, udp->family);
	tulle_time now = tulle_host_now();
	tulle_in in = {.kind = TULLE_IN_DATAGRAM,
		.local = r.local,
		.remote = tulle_host_read_sockaddr(&m->name)};
	in.local.port = udp->port;
	in.id = find_path(host, &r.local);
	size_t segment = r.segment != 0 ? r.segment : len;
	const uint8_t *data = m->iov.iov_base;
	for (size_t at = 0; at < len; at += segment) {
		in.data = (tulle_bytes){data + at, tulle_min(segment, len - at)};
		tulle_host_member *member = tulle_host_find_member(udp->owner, &in, now);
		if (member == NULL)
			continue;
		tulle_host_deliver(member, now, &in);
		tulle_host_watch_proof(member, &in);
	}
}

static int receive(tulle_host *host, tulle_host_udp *udp)
{
	tulle_host_batch *b = host->batch;
	struct mmsghdr headers[HOST_RECEIVE_MESSAGES];
	memset(headers, 0, sizeof headers);
	for (int i = 0; i < HOST_RECEIVE_MESSAGES; i++) {
		message *m = &b->in[i];
		m->iov = (struct iovec){b->receive[i], HOST_RECEIVE_BYTES};
		headers[i].msg_hdr = (struct msghdr){.msg_name = &m->name,
			.msg_namelen = sizeof m->name,
			.msg_iov = &m->iov,
			.msg_iovlen = 1,
			.msg_control = m->control,
			.msg_controllen = sizeof m->control};
	}
	int n = recvmmsg(udp->fd, headers, HOST_RECEIVE_MESSAGES, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		if ((headers[i].msg_hdr.msg_flags & MSG_TRUNC) == 0)
			take_message(host, udp, &b->in[i], &headers[i].msg_hdr, headers[i].msg_len);
	return n;
}

static void udp_ready(void *user, uint32_t events)
{
	tulle_host_udp *udp = user;
	tulle_host *host = udp->owner->host;
	if ((events & EPOLLOUT) != 0 && host->blocked == udp) {
		host->blocked = NULL;
		tulle_host_watch_set(host, &udp->watch, EPOLLIN);
		tulle_host_batch_flush(host);
	}
	if ((events & (uint32_t)~EPOLLOUT) == 0)
		return;
	for (int round = 0; round < HOST_RECEIVE_ROUNDS; round++)
		if (receive(host, udp) < HOST_RECEIVE_MESSAGES)
			break;
}
