/* SPDX-License-Identifier: MIT */
/* peer: the STUN and TURN servers of one owner: of a peer of its own, or of all the peers of a root
 * (they share one port, and a TURN server sees one address as one allocation). Sans-I/O like the
 * composites: tulle_in goes in, tulle_out comes out. What it found is not told as events but stands
 * in a list with a version, so that each of many peers takes it over when its turn comes. */
#ifndef TULLE_PEER_SERVERS_H
#define TULLE_PEER_SERVERS_H
#include "ice/ice.h"

#include <tulle/io.h>

typedef struct tulle_peer_servers tulle_peer_servers;

/* Ids of relays' paths, of streams to servers and of questions for names have this bit; those of
 * the host and of a root are smaller. */
#define PEER_SERVERS_ID UINT32_C(0x40000000)
/* Room that wrap needs around a datagram in the scratch. */
#define PEER_SERVERS_HEADROOM 48
#define PEER_SERVERS_ROOM (PEER_SERVERS_HEADROOM + 3)

/* ARGUMENT: too many servers, a URI that does not parse, a relay without credentials; *why says
 * which. */
tulle_err tulle_peer_servers_judge(const tulle_ice_options *ice, const char **why);
/* 0: none are asked for, or judge refuses them. */
size_t tulle_peer_servers_memory_bytes(const tulle_ice_options *ice, tulle_random random);
/* All that the options name is copied. NULL: as above, or memory too small or misaligned. */
tulle_peer_servers *tulle_peer_servers_init(void *memory, size_t bytes,
	const tulle_ice_options *ice, tulle_random random, tulle_time now);
void tulle_peer_servers_wipe(tulle_peer_servers *s);

/* Nobody is asked before the first peer gathers; again is no harm. */
void tulle_peer_servers_begin(tulle_peer_servers *s, tulle_time now);
/* Allocations are deleted: one Refresh each, whose answer nobody waits for. */
void tulle_peer_servers_close(tulle_peer_servers *s, tulle_time now);

/* Every input of the owner. True: it was for a server alone, and what it relayed is to be taken by
 * next before anything else: a datagram as the relay's path would have brought it. */
bool tulle_peer_servers_handle(tulle_peer_servers *s, tulle_time now, const tulle_in *in);
bool tulle_peer_servers_next(tulle_peer_servers *s, tulle_in *inner);
/* For one port under many owners. */
bool tulle_peer_servers_owns(const tulle_peer_servers *s, const tulle_in *in);
bool tulle_peer_servers_poll(
	tulle_peer_servers *s, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out);
tulle_time tulle_peer_servers_poll_timeout(const tulle_peer_servers *s);

static inline bool tulle_peer_servers_is_relay(uint32_t path)
{
	return (path & PEER_SERVERS_ID) != 0;
}

/* A datagram on a relay's path becomes what goes to its server: PEER_SERVERS_HEADROOM bytes before
 * out->data and three behind it are overwritten. False: nothing goes now: the permission is asked
 * for (a short one is held until then), or there is no room in the stream, or no such relay. */
bool tulle_peer_servers_wrap(tulle_peer_servers *s, tulle_time now, tulle_out *out);
/* A remote candidate, or one that data may come from: each relay lets it through. */
void tulle_peer_servers_permit(tulle_peer_servers *s, tulle_time now, const tulle_addr *remote);
/* Data goes there: a channel of the relay with this path. */
void tulle_peer_servers_bind(
	tulle_peer_servers *s, tulle_time now, uint32_t path, const tulle_addr *remote);

/* Changes when the candidates or done do. */
uint32_t tulle_peer_servers_version(const tulle_peer_servers *s);
/* Every server has answered or failed once. */
bool tulle_peer_servers_is_done(const tulle_peer_servers *s);
/* From *cursor (0 at first) on. gone: a server-reflexive one that the NAT has changed. A relay that
 * is lost is no longer listed, one that comes again has another path. */
bool tulle_peer_servers_candidate(
	const tulle_peer_servers *s, uint32_t *cursor, tulle_ice_local *out, bool *gone);

typedef struct {
	uint32_t serial;
	const char *url;
	tulle_addr local, server; /* family 0: not known */
	uint16_t code;            /* of STUN or TURN; 701: no answer, W3C webrtc-pc */
	const char *text;
} tulle_peer_servers_error;
/* The first with a serial above `after`; of each server the last one is kept. */
bool tulle_peer_servers_failed(
	const tulle_peer_servers *s, uint32_t after, tulle_peer_servers_error *out);
void tulle_peer_servers_check(const tulle_peer_servers *s);
#endif
