/* SPDX-License-Identifier: MIT */
/* host: addresses as the kernel has them. sockaddr_in6 is the larger of both families. */
#ifndef TULLE_HOST_SOCKADDR_H
#define TULLE_HOST_SOCKADDR_H
#include "base/addr.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static inline socklen_t tulle_host_write_sockaddr(const tulle_addr *a, struct sockaddr_in6 *to)
{
	memset(to, 0, sizeof *to);
	if (a->family == 4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(to, &in, sizeof in);
		return sizeof in;
	}
	to->sin6_family = AF_INET6;
	to->sin6_port = htons(a->port);
	to->sin6_scope_id = a->scope;
	memcpy(&to->sin6_addr, a->ip, 16);
	return sizeof *to;
}

/* A scope only where it means something. */
static inline tulle_addr tulle_host_read_sockaddr(const struct sockaddr_in6 *from)
{
	tulle_addr a = {0};
	if (from->sin6_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof in);
		a.family = 4;
		a.port = ntohs(in.sin_port);
		memcpy(a.ip, &in.sin_addr, 4);
		return a;
	}
	a.family = 6;
	a.port = ntohs(from->sin6_port);
	memcpy(a.ip, &from->sin6_addr, 16);
	if (tulle_addr_classify(&a) == TULLE_ADDR_LINK_LOCAL)
		a.scope = from->sin6_scope_id;
	return a;
}
#endif
