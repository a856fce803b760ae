/* SPDX-License-Identifier: MIT */
/* host: interfaces that come and go. The kernel's netlink says that something changed, and where it
 * may not be listened to, a clock does; then the list is read again. New addresses are told before
 * those that went, so that nobody is without a path in between. */
#include "host/host.h"
#include "host/mdns.h"

#include "base/addr.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const tulle_host_interface *find(
	const tulle_host_interface *list, size_t count, const tulle_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (tulle_addr_is_ip(&list[i].addr, addr))
			return &list[i];
	return NULL;
}

void tulle_host_tell_interface(
	tulle_host_member *member, const tulle_host_interface *f, bool up, tulle_time now)
{
	tulle_in in = {.kind = up ? TULLE_IN_PATH_UP : TULLE_IN_PATH_DOWN, .id = f->id};
	const tulle_host_udp *udp =
		member->port != NULL ? &member->port->udp[f->addr.family == 6] : NULL;
	if (udp == NULL || udp->fd < 0)
		return;
	if (up) {
		in.local = f->addr;
		in.local.port = udp->port;
		in.mtu = f->mtu;
		in.tcp_port = member->tcp ? member->host->tcp_port[f->addr.family == 6] : 0;
	}
	tulle_host_deliver(member, now, &in);
}

static void tell_all(tulle_host *host, const tulle_host_interface *f, bool up)
{
	tulle_time now = tulle_host_now();
	for (tulle_host_member *m = host->members; m != NULL; m = m->next)
		tulle_host_tell_interface(m, f, up, now);
}

/* What stays keeps its id; ids are never given twice. */
void tulle_host_set_interfaces(tulle_host *host, const tulle_host_interface *list, size_t count)
{
	tulle_host_interface old[HOST_INTERFACES_MAX];
	size_t old_count = host->interface_count;
	memcpy(old, host->interfaces, sizeof old);
	host->interface_count = 0;
	for (size_t i = 0; i < count && host->interface_count < HOST_INTERFACES_MAX; i++) {
		const tulle_host_interface *was = find(old, old_count, &list[i].addr);
		if (find(host->interfaces, host->interface_count, &list[i].addr) != NULL)
			continue; /* one address on two interfaces is one path */
		tulle_host_interface *f = &host->interfaces[host->interface_count++];
		*f = list[i];
		f->id = was != NULL ? was->id : ++host->interface_ids;
	}
	for (size_t i = 0; i < host->interface_count; i++)
		if (find(old, old_count, &host->interfaces[i].addr) == NULL)
			tell_all(host, &host->interfaces[i], true);
	for (size_t i = 0; i < old_count; i++)
		if (find(host->interfaces, host->interface_count, &old[i].addr) == NULL)
			tell_all(host, &old[i], false);
	tulle_host_mdns_roam(host);
}

static void look(tulle_host *host)
{
	tulle_host_interface list[HOST_INTERFACES_MAX];
	size_t count = tulle_host_find_interfaces(list, HOST_INTERFACES_MAX);
	if (count != 0) /* none at all is an error of the system's, or a moment */
		tulle_host_set_interfaces(host, list, count);
}

/* What it says is not read: that it says something is enough. A message that was lost for want of
 * room (ENOBUFS) says so too. */
static void changed(void *user, uint32_t events)
{
	tulle_host *host = user;
	uint8_t buf[512]; /* the rest of a longer one is thrown away */
	(void)events;
	for (int i = 0; i < HOST_ROAM_READS; i++)
		if (read(host->roam_watch.fd, buf, sizeof buf) < 0)
			break;
	look(host);
}

static int open_netlink(void)
{
	struct sockaddr_nl all = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&all, sizeof all) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_clock(void)
{
	const struct itimerspec each = {{HOST_ROAM_SECONDS, 0}, {HOST_ROAM_SECONDS, 0}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd >= 0)
		(void)timerfd_settime(fd, 0, &each, NULL);
	return fd;
}

tulle_err tulle_host_roam(tulle_host *host)
{
	look(host);
	int fd = open_netlink();
	if (fd < 0)
		fd = open_clock();
	host->roam_watch = (tulle_host_watch){fd, changed, host};
	return fd < 0 ? TULLE_ERR_SYSTEM : tulle_host_watch_add(host, &host->roam_watch, EPOLLIN);
}
