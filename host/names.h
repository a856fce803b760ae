/* SPDX-License-Identifier: MIT */
/* host: names to addresses by getaddrinfo in helper threads, which nobody waits for. */
#ifndef TULLE_HOST_NAMES_H
#define TULLE_HOST_NAMES_H
#include "host/host.h"

#define HOST_NAME_ADDRESSES_MAX 8 /* of one name */
#define HOST_NAME_THREADS_MAX 8   /* questions asked at a time; more wait */
#define HOST_STREAM_CHAINS 1024
#define HOST_STREAM_READ_BYTES 65536
#define HOST_STREAM_OUT_BYTES 262144
#define HOST_STREAM_LINGER_BYTES (4 << 20)
#define HOST_STREAM_LINGER_US INT64_C(5000000)
#define HOST_STREAM_CONNECT_US INT64_C(20000000)
#define HOST_STREAM_ACCEPTS 16 /* a turn: fewer than an onramp may turn away between two drains */

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
