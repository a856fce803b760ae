/* SPDX-License-Identifier: MIT */
/* host: what a UDP socket is told once, and of fragments: none (DF), but of single datagrams that
 * were cut too large for a path that has shrunk: RFC8899:3, RFC9260:6.9. */
#include "host/host.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define IPV6_LEAST_MTU 1280 /* RFC8200:5: any path takes it, and no router cuts */

void tulle_host_set_options(tulle_host_udp *udp, bool offload)
{
	const int on = 1, size = HOST_SOCKET_BYTES;
	bool four = udp->family == 4;
	(void)setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	(void)setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	(void)setsockopt(udp->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
	if (four)
		(void)setsockopt(udp->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	else
		(void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	if (offload)
		(void)setsockopt(udp->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
	tulle_host_set_fragments(udp, false);
}

void tulle_host_set_fragments(tulle_host_udp *udp, bool allowed)
{
	if (udp->family == 4) { /* PROBE: DF, and no kernel guesses */
		const int how = allowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE;
		(void)setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how);
		return;
	}
	const int how = allowed ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE;
	const int mtu = allowed ? IPV6_LEAST_MTU : 0; /* 0: as the interface has it */
	(void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &how, sizeof how);
	(void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_MTU, &mtu, sizeof mtu);
}
