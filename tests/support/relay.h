/* SPDX-License-Identifier: MIT */
/* Tests: a STUN and TURN server in virtual time: long-term credentials, permissions and channels, and no
 * clock unless it is lent one: nothing runs out then. What it sends leaves through emit, at once. */
#ifndef TULLE_TESTS_RELAY_H
#define TULLE_TESTS_RELAY_H
#include <tulle/base.h>

#define RELAY_ALLOCATIONS_MAX 8
#define RELAY_PEERS_MAX 32

typedef struct {
	tulle_addr client, relayed; /* family 0: free */
	uint8_t id[12];		    /* of the Allocate: one that comes again is answered again */
	tulle_addr permitted[RELAY_PEERS_MAX], bound[RELAY_PEERS_MAX];
	uint16_t numbers[RELAY_PEERS_MAX];
	unsigned permissions, channels;
	/* NEVER without a clock */
	tulle_time until, permitted_until[RELAY_PEERS_MAX], bound_until[RELAY_PEERS_MAX];
} relay_allocation;

typedef struct {
	tulle_addr address; /* relayed ones have its IP and ports from 50000 */
	const char *password; /* of ann, in the realm example.org */
	bool mute;
	unsigned refuse; /* the code that an Allocate gets */
	tulle_addr alternate, mapped; /* family 0: none; as it came */
	void (*emit)(void *user, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len);
	void *user;
	const tulle_time *clock; /* NULL: none. RFC8656: 10 minutes, 5 of a permission */
	/* what was seen */
	unsigned bindings, allocates, refreshes, deletes, permits, binds, indications, channel_data, refused;
	relay_allocation allocations[RELAY_ALLOCATIONS_MAX];
	uint16_t next_port;
} world_relay;

/* A datagram to its address or to a relayed one; false: to nobody here. */
bool relay_take(world_relay *r, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len);
/* It has forgotten all. */
void relay_restart(world_relay *r);
#endif
