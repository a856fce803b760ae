/* SPDX-License-Identifier: MIT */
/* host: names to addresses by getaddrinfo in helper threads, which nobody waits for. */
#ifndef TULLE_HOST_NAMES_H
#define TULLE_HOST_NAMES_H
#include "host/host.h"

typedef struct tulle_host_names tulle_host_names;

typedef struct {
	void *owner;       /* who asked: a stream, or a member; NULL: nobody wants it any more */
	uint32_t question; /* a member's own number; of a stream 0 */
	bool of_stream;
	tulle_addr addresses[HOST_NAME_ADDRESSES_MAX];
	size_t count; /* 0: there is no such name */
} tulle_host_answer;

/* answered is called from the loop. NULL: no memory, no descriptors. */
tulle_host_names *tulle_host_names_create(
	tulle_host *host, void (*answered)(tulle_host *host, const tulle_host_answer *answer));
bool tulle_host_names_ask(tulle_host_names *names, void *owner, bool of_stream, uint32_t question,
	const char *name, uint16_t port);
void tulle_host_names_forget(tulle_host_names *names, const void *owner);
void tulle_host_names_destroy(tulle_host_names *names);
#endif
