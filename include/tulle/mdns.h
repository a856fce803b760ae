/* SPDX-License-Identifier: MIT */
/* <tulle/mdns.h>: names that hide the addresses of host candidates, by multicast DNS (RFC 6762,
 * draft-ietf-mmusic-mdns-ice-candidates): it resolves those of others and answers for our own.
 * Sans-I/O, no allocation of memory: state lies in the caller's block. It knows one kind of name, a
 * version 4 UUID and ".local", and no other record than A, AAAA and their absence. */
#ifndef TULLE_MDNS_H
#define TULLE_MDNS_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_mdns tulle_mdns;

#define TULLE_MDNS_PORT 5353
#define TULLE_MDNS_DATAGRAM_BYTES 1232 /* what poll_datagram's dst must hold */
#define TULLE_MDNS_TEXT_BYTES 42       /* of a name */

typedef struct {                           /* zero is good but for random; (defaults) */
	bool loopback;                     /* loopback addresses may be published and resolved */
	uint16_t questions_max, names_max; /* (16, 64): the most */
	tulle_random random;               /* required */
} tulle_mdns_config;

/* 0: a limit is above its default, or there is no random. */
TULLE_API size_t tulle_mdns_memory_bytes(const tulle_mdns_config *config);
/* An upper bound of memory_bytes, for static arrays. */
#define TULLE_MDNS_MEMORY_BYTES_MAX 20480
/* NULL: memory too small or misaligned (max_align_t), or the config out of range. */
TULLE_API tulle_mdns *tulle_mdns_init(
	void *memory, size_t memory_bytes, const tulle_mdns_config *config, tulle_time now);
/* Zeroes the whole block. Who heard of our names is told only by unpublish and a drain before. */
TULLE_API void tulle_mdns_wipe(tulle_mdns *mdns);

/* A link: one interface that multicasts, number 1.. (where there are scopes, the scope of its
 * link-local addresses). An address of ours on it and how many bits of it all on the link share;
 * the same number again adds an address. A family is spoken on a link that has an address of it.
 * Errors: ARGUMENT (0, no address, prefix too long), LIMIT. OK also when it is known. */
TULLE_API tulle_err tulle_mdns_add_link(
	tulle_mdns *mdns, tulle_time now, uint32_t id, const tulle_addr *addr, uint8_t prefix);
/* Names of its addresses stay, and are silent until the address is on a link again. */
TULLE_API void tulle_mdns_remove_link(tulle_mdns *mdns, tulle_time now, uint32_t id);

/* Version 4 UUID ".local": what may be resolved. */
TULLE_API bool tulle_mdns_is_name(tulle_text name);
/* Asks for A and AAAA. One event follows, unless it is cancelled. *id is never 0. Errors: ARGUMENT
 * (not such a name: draft 3.2.2), LIMIT (too many are asked for). */
TULLE_API tulle_err tulle_mdns_resolve(
	tulle_mdns *mdns, tulle_time now, tulle_text name, uint32_t *id);
TULLE_API void tulle_mdns_cancel(tulle_mdns *mdns, uint32_t id);

/* Draws a new name for an address of ours (the port is not looked at), announces it and answers for
 * it, on that address's link alone. *name lives until unpublish. Errors: ARGUMENT (no address, or
 * of a form that nobody resolves), LIMIT, SYSTEM (random). */
TULLE_API tulle_err tulle_mdns_publish(
	tulle_mdns *mdns, tulle_time now, const tulle_addr *addr, tulle_text *name);
/* Those who heard of it are told that it is gone. */
TULLE_API void tulle_mdns_unpublish(tulle_mdns *mdns, tulle_time now, tulle_text name);

/* path: the link's id, the address it was sent to (the group, or ours), who sent it. Drops:
 * MALFORMED, LIMIT (too many records; too many unicast answers), MDNS_KIND, MDNS_SOURCE (not from
 * the link; an answer not from port 5353), MDNS_NAME (of nobody's that we answer or ask for),
 * MDNS_ADDRESS (an answer that no host candidate can be), UNKNOWN_PATH (no such link). */
TULLE_API tulle_drop tulle_mdns_handle_datagram(
	tulle_mdns *mdns, tulle_time now, const tulle_path *path, const uint8_t *data, size_t len);
TULLE_API void tulle_mdns_handle_timeout(tulle_mdns *mdns, tulle_time now);
/* The next datagram into dst (at least TULLE_MDNS_DATAGRAM_BYTES, or none comes), to be sent with
 * TTL 255 from port 5353: out->path has the link, our address on it, and the group or a host. */
TULLE_API bool tulle_mdns_poll_datagram(
	tulle_mdns *mdns, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
TULLE_API tulle_time tulle_mdns_poll_timeout(const tulle_mdns *mdns);

typedef enum {
	TULLE_MDNS_RESOLVED = 1, /* addr, its port 0 */
	TULLE_MDNS_FAILED,       /* nobody answered */
	TULLE_MDNS_SEVERAL       /* more than one address: the candidate is ignored, draft 3.2.2 */
} tulle_mdns_result;

typedef struct {
	uint32_t id;
	tulle_mdns_result result;
	tulle_addr addr;
} tulle_mdns_event;

TULLE_API bool tulle_mdns_poll_event(tulle_mdns *mdns, tulle_mdns_event *event);
TULLE_API void tulle_mdns_check(const tulle_mdns *mdns);
/* How often a reason was returned by handle_datagram. */
TULLE_API uint32_t tulle_mdns_drops(const tulle_mdns *mdns, tulle_drop reason);
#ifdef __cplusplus
}
#endif
#endif
