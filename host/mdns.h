/* SPDX-License-Identifier: MIT */
/* host: names by multicast DNS for members: sockets on port 5353, the engine in between. */
#ifndef TULLE_HOST_MDNS_H
#define TULLE_HOST_MDNS_H
#include "host/host.h"

#include <tulle/mdns.h>

/* RESOLVE with mdns, PUBLISH of a member. The answer (SYSTEM: nobody has the name, or several do;
 * ARGUMENT) comes later than this call; none when there are too many questions: the asker has a
 * time of its own. */
void tulle_host_mdns_resolve(tulle_host *host, tulle_host_member *member, const tulle_out *out);
void tulle_host_mdns_publish(tulle_host *host, tulle_host_member *member, const tulle_out *out);
/* A member goes: its questions are forgotten, its names taken back. */
void tulle_host_mdns_forget(tulle_host *host, const tulle_host_member *member);
void tulle_host_mdns_destroy(tulle_host *host);
/* The interfaces are others now. */
void tulle_host_mdns_roam(tulle_host *host);

/* host/mdns_links.c */
typedef struct {
	uint32_t link; /* the interface's index */
	tulle_addr addr;
	uint8_t prefix;
	bool spoken; /* multicast DNS leaves from there */
} tulle_host_mdns_address;

typedef struct {
	size_t count;
	tulle_host_mdns_address list[HOST_MDNS_ADDRESSES];
} tulle_host_mdns_addresses;

/* All that are up. False: the system does not tell. */
bool tulle_host_mdns_find(const tulle_host *host, tulle_host_mdns_addresses *found);
bool tulle_host_mdns_has(const tulle_host_mdns_addresses *addresses, const tulle_addr *addr);
bool tulle_host_mdns_is_link(
	const tulle_host_mdns_addresses *addresses, uint32_t link, uint8_t family);
/* known: what the engine has as links; afterwards those of found. */
void tulle_host_mdns_set_links(tulle_mdns *engine, tulle_time now, tulle_host_mdns_addresses *known,
	const tulle_host_mdns_addresses *found);

/* host/mdns_socket.c */
typedef struct {
	int fd; /* -1: no such family here */
	uint8_t family;
	tulle_host_watch watch;
} tulle_host_mdns_socket;

bool tulle_host_mdns_open(tulle_host_mdns_socket *s, uint8_t family);
/* Hears the group on this interface too, or no more. */
void tulle_host_mdns_join(const tulle_host_mdns_socket *s, uint32_t interface, bool join);
void tulle_host_mdns_send(
	const tulle_host_mdns_socket *s, const tulle_path *path, const uint8_t *data, size_t len);
/* Bytes; -1: nothing there. *path: the interface, where it was sent to, who sent it. */
ptrdiff_t tulle_host_mdns_receive(
	const tulle_host_mdns_socket *s, uint8_t *dst, size_t cap, tulle_path *path);
#endif
