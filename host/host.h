/* SPDX-License-Identifier: MIT */
/* host: the one room that calls the operating system. A host drives members (roots, peers,
 * onramps), each a composite that meets the world in tulle_in and tulle_out. One thread; only wake
 * and stop come from others. */
#ifndef TULLE_HOST_HOST_H
#define TULLE_HOST_HOST_H
#include "base/crc32c.h"
#include "base/pool.h"
#include "base/ready.h"
#include "host/limits.h"
#include "peer/peer.h"

#include <tulle/host.h>
#include <tulle/io.h>

/* What a composite looks like from here. Nothing in it calls the host but through what it returns.
 */
typedef struct {
	void (*handle)(void *self, tulle_time now, const tulle_in *in);
	bool (*poll)(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out);
	tulle_time (*poll_timeout)(const void *self);
	bool (*owns)(const void *self, const tulle_in *in); /* NULL: it takes no datagrams */
	/* As tulle_peer_names and tulle_peer_asked, of one that is a single peer; NULL: it knows
	 * many, and is always asked. */
	size_t (*names)(const void *self, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX]);
	tulle_bytes (*asked)(const void *self);
	void (*dispatch)(void *self); /* calls its listeners */
	void (*destroy)(void *self);  /* wipes and frees itself */
	void (*turn)(void *self);     /* tulle_host_wake ended a wait; may be NULL */
	bool (*farewell)(void *self); /* true: polled for datagrams once more, then destroyed; may
					 be NULL */
} tulle_host_kind;

typedef struct tulle_host_port tulle_host_port; /* host/udp.c */

typedef struct tulle_host_member {
	const tulle_host_kind *kind;
	void *self;
	tulle_host *host;
	tulle_host_port *port; /* NULL: it takes no datagrams */
	struct tulle_host_member *next, *prev;
	struct tulle_host_member *next_many; /* of those without names */
	tulle_peer_named named;
	tulle_ready_node ready; /* has output, or listeners to call */
	tulle_heap_node due;
	bool tcp;  /* it takes streams of ICE-TCP */
	bool gone; /* removed within a step: destroyed when the step is over */
} tulle_host_member;

/* A descriptor in the loop. ready is called with EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. */
typedef struct {
	int fd;
	void (*ready)(void *user, uint32_t events);
	void *user;
} tulle_host_watch;

typedef struct {
	uint32_t id;
	tulle_addr addr; /* its port is the socket's */
	uint32_t mtu;
} tulle_host_interface;

typedef struct {
	int fd; /* -1: no such family here */
	uint8_t family;
	bool no_offload;
	uint16_t port;
	tulle_host_watch watch;
	tulle_host_port *owner;
} tulle_host_udp;

/* The sockets of one member, or of all when the options name one port: two members on one port
 * cannot talk to each other, for both ends of such a path have one address. */
struct tulle_host_port {
	tulle_host_udp udp[2]; /* IPv4, IPv6 */
	tulle_host *host;
	tulle_host_member *sole; /* NULL: shared */
	tulle_host_port *next;
	size_t references;
};

typedef struct tulle_host_streams tulle_host_streams; /* host/streams.c */
typedef struct tulle_host_mdns tulle_host_mdns;       /* host/mdns.c */
typedef struct tulle_host_batch tulle_host_batch;     /* host/udp.c */

struct tulle_host {
	tulle_log log;
	tulle_cpu cpu;
	tulle_host_options options;
	int epoll_fd, wake_fd, timer_fd;
	bool exported; /* tulle_host_fd was called: timer_fd says when a step is due */
	bool in_step, woken, destroyed; /* destroyed: by a listener, the step that runs ends it */
	_Atomic bool stopped;
	tulle_ready ready;
	tulle_heap heap;
	tulle_host_member *members;
	size_t member_count, gone_count;
	tulle_pool *pool; /* of standalone peers */
	tulle_host_port *ports;
	tulle_peer_mux mux; /* of members on a shared port */
	void *mux_memory;
	tulle_host_member *many; /* with owns, without names */
	tulle_host_udp *blocked; /* the socket that is full; NULL: none */
	tulle_host_batch *batch;
	tulle_host_interface interfaces[HOST_INTERFACES_MAX];
	size_t interface_count;
	uint32_t interface_ids; /* the last one given */
	tulle_host_watch roam_watch;
	bool tcp_open;               /* listening, for members that have tcp */
	uint16_t tcp_port[2];        /* IPv4, IPv6; 0: no such family here */
	tulle_host_streams *streams; /* NULL until the first stream or name */
	tulle_host_mdns *mdns;       /* NULL until the first name of a link */
	tulle_host_watch wake_watch, timer_watch;
	uint64_t socket_drops; /* datagrams that the kernel dropped for want of room, SO_RXQ_OVFL */
};

/* OK, or ARGUMENT, and the log has the reason. */
tulle_err tulle_host_judge_servers(const tulle_ice_options *ice, const tulle_log *log);
tulle_time tulle_host_now(void);
tulle_cpu tulle_host_cpu(void);
tulle_allocator tulle_host_allocator(void); /* malloc and free */
bool tulle_host_random(void *user, uint8_t *dst, size_t len);

/* Puts a member in and tells it the interfaces and the wall clock. MEMORY. */
tulle_err tulle_host_add(tulle_host *host, tulle_host_member *member);
/* Takes it out; destroyed now, or at the end of the step that runs. */
void tulle_host_remove(tulle_host_member *member);
/* Input for a member: handle, and it is polled in this turn. */
void tulle_host_deliver(tulle_host_member *member, tulle_time now, const tulle_in *in);

tulle_err tulle_host_watch_add(tulle_host *host, tulle_host_watch *watch, uint32_t events);
void tulle_host_watch_set(tulle_host *host, tulle_host_watch *watch, uint32_t events);
void tulle_host_watch_remove(tulle_host *host, tulle_host_watch *watch);

bool tulle_host_make_batch(tulle_host *host);
/* Sockets for a member: its own, or the shared ones. SYSTEM. */
tulle_err tulle_host_open_port(tulle_host *host, tulle_host_member *member);
void tulle_host_close_port(tulle_host_member *member);
/* host/demux.c. The member that a datagram belongs to; NULL: nobody's, or it came too fast. */
tulle_host_member *tulle_host_find_member(
	const tulle_host_port *port, const tulle_in *in, tulle_time now);
void tulle_host_grow_hints(tulle_host *host); /* room for those that join */
/* The member was polled: what it is called, and what it asked (its last output is a datagram). */
void tulle_host_watch_names(tulle_host_member *member);
void tulle_host_watch_asked(tulle_host_member *member);
/* It has handled a datagram of the shared port. */
void tulle_host_watch_proof(tulle_host_member *member, const tulle_in *in);
void tulle_host_join_demux(tulle_host *host, tulle_host_member *member);
void tulle_host_leave_demux(tulle_host *host, tulle_host_member *member);
/* host/udp_options.c */
void tulle_host_set_options(tulle_host_udp *udp, bool offload);
void tulle_host_set_fragments(tulle_host_udp *udp, bool allowed); /* DF is off for what is sent */
size_t tulle_host_find_interfaces(tulle_host_interface *dst, size_t cap);
/* host/roam.c: finds the interfaces and watches them; members hear what changes. SYSTEM. */
tulle_err tulle_host_roam(tulle_host *host);
void tulle_host_set_interfaces(tulle_host *host, const tulle_host_interface *list, size_t count);
void tulle_host_tell_interface(
	tulle_host_member *member, const tulle_host_interface *f, bool up, tulle_time now);
/* Room for the next output; NULL: the socket is full, poll later. */
uint8_t *tulle_host_batch_room(tulle_host *host, size_t *bytes);
void tulle_host_batch_add(tulle_host *host, tulle_host_member *member, const tulle_out *out);
void tulle_host_batch_flush(tulle_host *host);

/* Streams and names. Output of a member: STREAM_CONNECT, STREAM_BYTES, STREAM_ROOM, STREAM_END,
 * RESOLVE; the answers come through tulle_host_deliver, later than this call. Stream ids are the
 * member's own for its connects; ids of accepted streams are the host's, with the top bit set. */
void tulle_host_stream_out(tulle_host *host, tulle_host_member *member, const tulle_out *out);
/* Accepts streams for a member: TULLE_IN_STREAM_ACCEPTED; member NULL: for whoever of those with
 * tcp owns the check that comes first. *bound: the address with its real port.
 * SYSTEM: errno says why (EADDRINUSE). */
tulle_err tulle_host_listen(
	tulle_host *host, tulle_host_member *member, const tulle_addr *address, tulle_addr *bound);
/* host/lobby.c. Listens for members with tcp, once. SYSTEM: the port that was asked for is taken.
 */
tulle_err tulle_host_open_lobby(tulle_host *host);
/* A member goes: its streams end, its questions are forgotten. */
void tulle_host_streams_forget(tulle_host *host, tulle_host_member *member);
void tulle_host_streams_destroy(tulle_host *host);
#endif
