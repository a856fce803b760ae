/* SPDX-License-Identifier: MIT */
/* host: the addresses of this machine's interfaces. */
#include "host/host.h"

#include "base/addr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool read_sockaddr(const struct sockaddr *from, tulle_addr *to)
{
	*to = (tulle_addr){0};
	if (from == NULL)
		return false;
	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof in);
		to->family = 4;
		memcpy(to->ip, &in.sin_addr, 4);
		return true;
	}
	if (from->sa_family != AF_INET6)
		return false;
	struct sockaddr_in6 in6;
	memcpy(&in6, from, sizeof in6);
	to->family = 6;
	memcpy(to->ip, &in6.sin6_addr, 16);
	to->scope = tulle_addr_classify(to) == TULLE_ADDR_LINK_LOCAL ? in6.sin6_scope_id : 0;
	return true;
}

static uint32_t read_mtu(int fd, const char *name)
{
	struct ifreq request = {0};
	strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
	return fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0
		       ? (uint32_t)request.ifr_mtu
		       : 1500;
}

/* Ids are places in the list, from 1. RFC8445:5.1.1.1 leaves link-local and odd forms out. */
size_t tulle_host_find_interfaces(tulle_host_interface *dst, size_t cap)
{
	struct ifaddrs *list = NULL;
	size_t n = 0;
	if (getifaddrs(&list) != 0)
		return 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (const struct ifaddrs *i = list; i != NULL && n < cap; i = i->ifa_next) {
		tulle_addr addr;
		if ((i->ifa_flags & IFF_UP) == 0 || !read_sockaddr(i->ifa_addr, &addr))
			continue;
		tulle_addr_class class = tulle_addr_classify(&addr);
		if (class != TULLE_ADDR_GLOBAL && class != TULLE_ADDR_PRIVATE &&
			class != TULLE_ADDR_LOOPBACK)
			continue;
		dst[n] = (tulle_host_interface){(uint32_t)n + 1, addr, read_mtu(fd, i->ifa_name)};
		n++;
	}
	if (fd >= 0)
		close(fd);
	freeifaddrs(list);
	return n;
}
