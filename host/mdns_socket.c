/* SPDX-License-Identifier: MIT */
/* host: a socket of multicast DNS: port 5353 is shared with whoever else is on it, what is sent has
 * a TTL of 255 and goes out where its path says (RFC6762:11, RFC6762:15). */
#include "host/mdns.h"
#include "host/sockaddr.h"

#include "mdns/mdns.h"

#include <unistd.h>

/* Sets an option that is an int. */
static void set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Loops back: other programs of this machine ask and answer too. */
static void set_options(int fd, uint8_t family)
{
	const int hops = 255; /* ICE-118 */
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (family == 4) {
		set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		set(fd, IPPROTO_IP, IP_TTL, hops);
		set(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
		set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
		set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
		return;
	}
	set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
	set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
	set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
}

bool tulle_host_mdns_open(tulle_host_mdns_socket *s, uint8_t family)
{
	const tulle_addr any = {.family = family, .port = TULLE_MDNS_PORT};
	struct sockaddr_in6 name;
	socklen_t len = tulle_host_write_sockaddr(&any, &name);
	s->family = family;
	s->fd = socket(
		family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	set_options(s->fd, family);
	if (bind(s->fd, (const struct sockaddr *)&name, len) == 0)
		return true;
	close(s->fd);
	s->fd = -1;
	return false;
}

/* Twice is an error that says so: it is not looked at. A socket can be in few groups, and stays in
 * those of interfaces that are no more. */
void tulle_host_mdns_join(const tulle_host_mdns_socket *s, uint32_t interface, bool join)
{
	if (s->family == 4) {
		struct ip_mreqn four = {.imr_ifindex = (int)interface};
		four.imr_multiaddr.s_addr = htonl(UINT32_C(0xe00000fb));
		(void)setsockopt(s->fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
			&four, sizeof four);
		return;
	}
	struct ipv6_mreq six = {.ipv6mr_interface = interface};
	six.ipv6mr_multiaddr.s6_addr[0] = 0xff;
	six.ipv6mr_multiaddr.s6_addr[1] = 2;
	six.ipv6mr_multiaddr.s6_addr[15] = 0xfb;
	(void)setsockopt(
		s->fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &six, sizeof six);
}

static size_t write_control(struct cmsghdr *c, const tulle_path *path)
{
	if (path->remote.family == 4) {
		struct in_pktinfo info = {.ipi_ifindex = (int)path->id};
		memcpy(&info.ipi_spec_dst, path->local.ip, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
		return CMSG_SPACE(sizeof info);
	}
	struct in6_pktinfo info = {.ipi6_ifindex = path->id};
	memcpy(&info.ipi6_addr, path->local.ip, 16);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

/* What does not go is lost, as on the link: it is asked for again. */
void tulle_host_mdns_send(
	const tulle_host_mdns_socket *s, const tulle_path *path, const uint8_t *data, size_t len)
{
	_Alignas(struct cmsghdr) uint8_t control[64] = {0};
	struct sockaddr_in6 name;
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr h = {.msg_name = &name,
		.msg_namelen = tulle_host_write_sockaddr(&path->remote, &name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control};
	h.msg_controllen = write_control((struct cmsghdr *)(void *)control, path);
	if (s->fd >= 0)
		(void)sendmsg(s->fd, &h, 0);
}

static void read_control(struct msghdr *h, tulle_path *path)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			path->id = (uint32_t)info.ipi_ifindex;
			memcpy(path->local.ip, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			path->id = info.ipi6_ifindex;
			memcpy(path->local.ip, &info.ipi6_addr, 16);
		}
	}
}

ptrdiff_t tulle_host_mdns_receive(
	const tulle_host_mdns_socket *s, uint8_t *dst, size_t cap, tulle_path *path)
{
	_Alignas(struct cmsghdr) uint8_t control[128];
	struct sockaddr_in6 name = {0};
	struct iovec iov = {dst, cap};
	struct msghdr h = {.msg_name = &name,
		.msg_namelen = sizeof name,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	ssize_t n = recvmsg(s->fd, &h, MSG_TRUNC); /* longer than cap: its real length */
	if (n < 0)
		return -1;
	*path = (tulle_path){.local = {.family = s->family, .port = TULLE_MDNS_PORT},
		.remote = tulle_host_read_sockaddr(&name)};
	read_control(&h, path);
	return n;
}
