/* SPDX-License-Identifier: MIT */
/* peer: what the floors above need beyond the public face: peers that share an owner's pool,
 * scratch and ready list; many peers on one port. */
#ifndef TULLE_PEER_PEER_H
#define TULLE_PEER_PEER_H
#include "mdns/mdns.h"
#include "base/crc32c.h"
#include "base/hints.h"
#include "base/pool.h"
#include "base/ready.h"
#include "ice/ice.h"

#include "peer/servers.h"

#include <tulle/peer.h>
#include <tulle/sctp.h>

/* Where a message that comes in parts is put together; one for all peers of an owner. A peer that
 * finds it busy (another's message is not whole yet) takes memory from the allocator. */
typedef struct {
	uint8_t *bytes;
	size_t bytes_max;
	bool busy;
} tulle_peer_assembly;

/* The names that our addresses hide behind, by path: one of an owner's. */
#define TULLE_PEER_HIDDEN_MAX 16
typedef struct {
	struct {
		bool used, published;
		uint32_t path;
		char text[TULLE_MDNS_TEXT_BYTES];
	} names[TULLE_PEER_HIDDEN_MAX];
} tulle_peer_hiding;

/* What an owner of many peers lends each of them; it must outlive them. */
typedef struct {
	tulle_pool *pool; /* blocks of 1280 bytes or more */
	tulle_random random;
	tulle_cpu cpu;
	tulle_ready *ready; /* where a command marks the peer; NULL: nobody asks */
	uint8_t *plain; /* PEER_PLAIN_BYTES of scratch, shared by peers that are driven in turn */
	size_t plain_bytes;
	tulle_peer_assembly *assembly; /* NULL: message_bytes_max in the peer's own block */
	tulle_allocator allocator;     /* for a second assembly, and tables of ICE while it checks;
					  alloc NULL: those lie in the peer's block */
	tulle_peer_hiding *hiding;     /* likewise; NULL: the peer's own */
	uint32_t *name_serial; /* ids of names that are asked for, one count for all peers of the
				  owner; NULL: the peer's own */
	struct tulle_peer_servers *servers; /* of all peers of the owner, who drives them; NULL:
					       those of the peer's config, in its own block */
} tulle_peer_env;

/* As tulle_peer_memory_bytes and tulle_peer_init, without a pool in the block. NULL: config out of
 * range, memory too small, no certificate could be made, no randomness. */
size_t tulle_peer_memory_bytes_in(const tulle_peer_config *config, const tulle_peer_env *env);
tulle_peer *tulle_peer_init_in(void *memory, size_t bytes, const tulle_peer_config *config,
	const tulle_peer_env *env, tulle_time now);
/* What the peer's ready node names when env.ready gives it out (default: the peer itself). */
void tulle_peer_set_owner(tulle_peer *peer, void *owner);
void *tulle_peer_owner(const tulle_peer *peer);
/* Why the connection ended, once it has. */
typedef enum {
	TULLE_PEER_ENDED_NOT,
	TULLE_PEER_ENDED_LOCAL,
	TULLE_PEER_ENDED_REMOTE,
	TULLE_PEER_ENDED_NO_PATH,   /* ICE failed before it was ever connected */
	TULLE_PEER_ENDED_LOST,      /* consent ended, or SCTP gave up */
	TULLE_PEER_ENDED_UNTRUSTED, /* fingerprint */
	TULLE_PEER_ENDED_PROTOCOL,  /* DTLS or SCTP broke */
} tulle_peer_ended;
tulle_peer_ended tulle_peer_why_ended(const tulle_peer *peer);
/* Bytes of a channel that are taken and not acknowledged. */
size_t tulle_peer_unacked(const tulle_peer *peer, tulle_channel channel);
/* The servers' news are taken over, when the owner lends them: candidates, gathering's end. */
void tulle_peer_sync_servers(tulle_peer *peer, tulle_time now);
/* No check of ICE goes of itself before until: tulle_ice_wait. */
void tulle_peer_wait(tulle_peer *peer, tulle_time until);
/* Relays of its own are given up; true: what that takes is to be polled. */
bool tulle_peer_farewell(tulle_peer *peer);
/* What SCTP has counted. */
void tulle_peer_read_stats(const tulle_peer *peer, tulle_sctp_stats *stats);
/* The pool has room again: for each peer that tulle_pool_next_waiter names. */
void tulle_peer_handle_room(tulle_peer *peer, tulle_time now);
void tulle_peer_check(const tulle_peer *peer);

/* Paths and streams of ICE-TCP have this bit and not PEER_SERVERS_ID; accepted streams have the
 * host's ids. */
#define PEER_STREAM_ID UINT32_C(0x20000000)

static inline bool tulle_peer_is_stream(uint32_t path)
{
	return (path & (PEER_STREAM_ID | PEER_SERVERS_ID)) == PEER_STREAM_ID;
}

/* Many peers on one port: who gets a datagram, found in a few loads whoever sent it. A check goes
 * by the ufrag that it names, which is told when it is drawn; an answer by its id, which is seen
 * when the request leaves; all else by the address that it comes from, when a peer has proven that.
 * Whoever a hint names is asked before he gets anything (tulle_peer_owns). What no hint knows may
 * be asked of each owner, PEER_MUX_ASKS_PER_S questions in all: so nobody's packets cost more. */
typedef struct {
	uint32_t seed;
	tulle_hints names, ids, sources;
	tulle_time asked_until; /* the questions asked are paid by then */
	uint64_t unasked;       /* datagrams that came too fast to ask whose they are */
} tulle_peer_mux;
typedef struct {
	enum { TULLE_PEER_BY_NAME, TULLE_PEER_BY_ID, TULLE_PEER_BY_SOURCE } kind;
	uint32_t hash;
} tulle_peer_mux_key;
/* What the mux knows of an owner's names; zero at first. */
typedef struct {
	uint32_t seen, keys[ICE_NAMES_MAX];
	size_t count;
} tulle_peer_named;
/* The hints' memory is the owner's: for so many peers. seed stays as it is. */
size_t tulle_peer_mux_bytes(size_t peers);
void tulle_peer_mux_init(tulle_peer_mux *mux, void *memory, size_t peers);
void tulle_peer_mux_copy(tulle_peer_mux *mux, const tulle_peer_mux *from);
tulle_peer_mux_key tulle_peer_mux_read(const tulle_peer_mux *mux, const tulle_in *in);
/* The next owner whose it may be; *cursor: 0 at first. NULL: no more. */
void *tulle_peer_mux_next(
	const tulle_peer_mux *mux, const tulle_in *in, tulle_peer_mux_key key, size_t *cursor);
/* None of those said yes; so many more may be asked now. */
bool tulle_peer_mux_may_ask(tulle_peer_mux *mux, const tulle_in *in, tulle_peer_mux_key key,
	tulle_time now, size_t owners);
/* Its owner was found otherwise. */
void tulle_peer_mux_learn(tulle_peer_mux *mux, tulle_peer_mux_key key, void *owner);
/* The owner has handled it, a STUN message; proven: what comes from there is his from here on. */
bool tulle_peer_mux_is_stun(const tulle_in *in);
tulle_in tulle_peer_mux_probe(const tulle_in *in); /* a datagram from there: do you own it? */
void tulle_peer_mux_proven(tulle_peer_mux *mux, const tulle_in *in, void *owner);
/* The owner's request with this id leaves; len 0: it was none. */
void tulle_peer_mux_asked(tulle_peer_mux *mux, tulle_bytes id, void *owner);
/* What tulle_peer_names has given: these names are the owner's, former ones are not. */
void tulle_peer_mux_name(tulle_peer_mux *mux, tulle_peer_named *named, const tulle_text *names,
	size_t count, void *owner);
void tulle_peer_mux_forget(tulle_peer_mux *mux, const tulle_peer_named *named, const void *owner);

/* As tulle_ice_names. */
size_t tulle_peer_names(const tulle_peer *peer, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX]);
/* The id of the STUN request in what was polled last, also when a relay's header is around it; len
 * 0: it has none. */
tulle_bytes tulle_peer_asked(const tulle_peer *peer);
#endif
