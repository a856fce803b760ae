/* SPDX-License-Identifier: MIT */
/* What tests of an owner's servers have in common: packets on their way, and numbers drawn from a
 * seed. */
#ifndef TULLE_TEST_SERVERS_KIT_H
#define TULLE_TEST_SERVERS_KIT_H
#include "tests/support/relay.h"

#include "base/addr.h"
#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

typedef struct {
	tulle_addr from, to;
	size_t len;
	uint8_t data[2048];
} Packet;

static uint64_t seed;

static inline bool draw(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	for (size_t i = 0; i < len; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		dst[i] = (uint8_t)(seed >> 56);
	}
	return true;
}

static inline tulle_addr addr_of(const char *ip, uint16_t port)
{
	tulle_addr a;
	ck_assert(tulle_addr_read_ip(tulle_text_of(ip), &a));
	a.port = port;
	return a;
}

static inline Packet make_packet(
	const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	Packet p = {.from = *from, .to = *to, .len = len};
	memcpy(p.data, data, len);
	return p;
}
#endif
