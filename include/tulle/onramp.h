/* SPDX-License-Identifier: MIT */
/* <tulle/onramp.h>: P's server: it gives each WebSocket an address, tells the others, and relays.
 * Any path, subprotocol "p"; what a client sends can close that client at most. Beside it, static
 * files out of memory. Rules of <tulle/mesh.h> hold: one thread, no I/O in a call. */
#ifndef TULLE_ONRAMP_H
#define TULLE_ONRAMP_H
#include <tulle/io.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_onramp tulle_onramp;
typedef struct tulle_host tulle_host;

typedef struct {         /* borrowed until the onramp is gone */
	tulle_text path; /* "/index.html", decoded; that one is served at "/" too, and likewise
			    below */
	tulle_text type; /* "text/html; charset=utf-8" */
	tulle_bytes bytes;
} tulle_onramp_file;

typedef struct {                        /* all zero is good; (defaults) */
	const tulle_onramp_file *files; /* the array is borrowed too */
	size_t file_count;
	const tulle_text
		*origins; /* borrowed; a browser's page must come from one of these (any) */
	size_t origin_count;
	uint32_t clients_max;               /* streams at a time (4096) */
	uint32_t handshakes_per_source_max; /* streams of one address that are not open (1024) */
	size_t frame_bytes_max, message_bytes_max; /* more: closed with 1009 (64 KiB, 1 MiB) */
	size_t queue_bytes_max;    /* waiting for one client; more: closed with 1013 (2 MiB) */
	size_t memory_bytes_max;   /* clients, messages and queues together (64 MiB) */
	uint32_t bytes_per_s;      /* of one client; more is read later, nothing is lost (4 MiB) */
	tulle_allocator allocator; /* host: (malloc); else required */
	tulle_log log;             /* (silent) */
} tulle_onramp_options;

typedef struct {
	uint32_t streams, clients;  /* now: connected, and of these open WebSockets */
	uint64_t joined, left;      /* WebSockets opened and closed */
	uint64_t messages, relayed; /* text messages taken, and delivered to another */
	uint64_t pages, refused;    /* files sent; requests answered with an error */
	uint64_t slow;              /* clients closed because their queue was full */
	uint64_t turned_away;       /* streams ended at once for want of room */
	size_t memory_bytes;        /* held from the allocator */
} tulle_onramp_stats;

/* -- on a host -- */
/* ARGUMENT: options out of range. MEMORY. */
TULLE_API tulle_err tulle_onramp_create(
	tulle_host *, const tulle_onramp_options *, tulle_onramp **out);
/* Accepts on "127.0.0.1:20500", "[::1]:0" (literals; port 0: any). *bound: where, if not NULL.
 * SYNTAX: not such an address. SYSTEM: the address cannot be had; errno says why (EADDRINUSE). */
TULLE_API tulle_err tulle_onramp_listen(tulle_onramp *, const char *host_port, tulle_addr *bound);
/* At once: streams end without a close frame. */
TULLE_API void tulle_onramp_destroy(tulle_onramp *);
/* Clients get close frames (1001) and no new ones are taken; gone when streams is 0. */
TULLE_API void tulle_onramp_finish(tulle_onramp *);

TULLE_API void tulle_onramp_read_stats(const tulle_onramp *, tulle_onramp_stats *out);
TULLE_API uint64_t tulle_onramp_drops(const tulle_onramp *, tulle_drop);

/* -- without an operating system: streams come as TULLE_IN_STREAM_ACCEPTED, BYTES, ROOM, END -- */
TULLE_API size_t tulle_onramp_memory_bytes(const tulle_onramp_options *); /* 0: out of range */
/* Clients come from options.allocator, which is required here. NULL: too small, out of range, or
 * the allocator had no tables for clients_max. */
TULLE_API tulle_onramp *tulle_onramp_init(void *memory, size_t memory_bytes,
	const tulle_onramp_options *, tulle_random, tulle_time now);
TULLE_API void tulle_onramp_wipe(tulle_onramp *);
TULLE_API void tulle_onramp_handle(tulle_onramp *, tulle_time now, const tulle_in *);
TULLE_API bool tulle_onramp_poll(
	tulle_onramp *, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *);
TULLE_API tulle_time tulle_onramp_poll_timeout(const tulle_onramp *);
TULLE_API void tulle_onramp_check(const tulle_onramp *); /* invariants, for tests and fuzzing */
#ifdef __cplusplus
}
#endif
#endif
