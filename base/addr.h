/* SPDX-License-Identifier: MIT */
/* base: transport addresses: comparing, classes (mapped forms included), text. */
#ifndef TULLE_BASE_ADDR_H
#define TULLE_BASE_ADDR_H
#include "base/bytes.h"

#define TULLE_ADDR_TEXT_MAX 48 /* "[ffff:...:255.255.255.255]:65535", no NUL */

typedef enum {
	TULLE_ADDR_GLOBAL,
	TULLE_ADDR_PRIVATE, /* RFC 1918, RFC 4193, RFC 6598 */
	TULLE_ADDR_LINK_LOCAL,
	TULLE_ADDR_LOOPBACK,
	TULLE_ADDR_MULTICAST, /* broadcast too */
	TULLE_ADDR_UNSPECIFIED,
	TULLE_ADDR_RESERVED, /* IPv4-compatible, site-local, documentation-only forms nobody routes
			      */
} tulle_addr_class;

static inline size_t tulle_addr_ip_bytes(const tulle_addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

bool tulle_addr_is(const tulle_addr *a, const tulle_addr *b);    /* family, ip, scope and port */
bool tulle_addr_is_ip(const tulle_addr *a, const tulle_addr *b); /* without the port */
/* ::ffff:a.b.c.d is judged as a.b.c.d. */
tulle_addr_class tulle_addr_classify(const tulle_addr *a);
/* The IPv4 address in a mapped one; others as they are. */
tulle_addr tulle_addr_unmap(const tulle_addr *a);
uint32_t tulle_addr_hash(const tulle_addr *a, uint32_t seed);
/* An IPv4 or IPv6 literal (RFC4291:2.2, no brackets, no zone), all of t; port and scope become 0.
 */
bool tulle_addr_read_ip(tulle_text t, tulle_addr *out);
/* Without the port, as RFC 5952 writes it. */
void tulle_addr_write_ip(tulle_wr *w, const tulle_addr *a);
/* With it: 127.0.0.1:80, [::1]:80. */
void tulle_addr_write(tulle_wr *w, const tulle_addr *a);
#endif
