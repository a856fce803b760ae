/* SPDX-License-Identifier: MIT */
/* <tulle/base.h>: the words that every header speaks. */
#ifndef TULLE_BASE_H
#define TULLE_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tulle/drop.h>
#ifndef TULLE_API
#if defined(__GNUC__)
#define TULLE_API extern __attribute__((visibility("default")))
#else
#define TULLE_API extern
#endif
#endif
#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t tulle_time; /* monotonic microseconds */
#define TULLE_TIME_NEVER INT64_MAX

/* UTF-8, borrowed, not NUL-terminated; print with %.*s */
typedef struct {
	const char *ptr;
	size_t len;
} tulle_text;

typedef struct {
	const uint8_t *ptr;
	size_t len;
} tulle_bytes;

/* What a call says to its caller. Drops of a peer's input are tulle_drop, in the stats only. */
typedef enum {
	TULLE_OK = 0,
	TULLE_WOULD_BLOCK = 1, /* nothing was taken; the matching room event follows, for certain */
	TULLE_ERR_ARGUMENT = -1,
	TULLE_ERR_STATE = -2,
	TULLE_ERR_GONE = -3,
	TULLE_ERR_LIMIT = -4,
	TULLE_ERR_TOO_LARGE = -5,
	TULLE_ERR_TOO_SMALL = -6,
	TULLE_ERR_SYNTAX = -7,
	TULLE_ERR_MEMORY = -8,
	TULLE_ERR_SYSTEM = -9,
} tulle_err;

/* The enum's name without TULLE_ or TULLE_ERR_, in lower case: "would_block"; stable; static
 * storage. */
TULLE_API const char *tulle_err_name(tulle_err err);
/* Likewise: "sctp_checksum"; "taken" for 0, "unknown" out of range. */
TULLE_API const char *tulle_drop_name(tulle_drop drop);
/* The clause that asks for the drop: "RFC9260:6.8"; "" for 0 and out of range. */
TULLE_API const char *tulle_drop_clause(tulle_drop drop);
/* "0.1.0" */
TULLE_API const char *tulle_version(void);

typedef struct {
	void *(*alloc)(void *user, size_t n);
	void (*free)(void *user, void *p, size_t n);
	void *user;
} tulle_allocator;

/* Fills dst with bytes that nobody can predict; false: the command fails, nothing is sent. */
typedef struct {
	bool (*fill)(void *user, uint8_t *dst, size_t len);
	void *user;
} tulle_random;

typedef enum {
	TULLE_LOG_NONE,
	TULLE_LOG_ERROR,
	TULLE_LOG_WARN,
	TULLE_LOG_INFO,
	TULLE_LOG_DEBUG
} tulle_log_level;

typedef struct {
	tulle_log_level level;
	const char *room;
	uint64_t subject;
	tulle_text text;
} tulle_log_line;

/* Per root, not per process; a leaf: it may not call tulle back. */
typedef struct {
	void (*write)(void *user, const tulle_log_line *line);
	void *user;
	tulle_log_level level;
	bool addresses;
} tulle_log;

typedef struct {
	const char *url;                 /* RFC 7064, 7065; over TLS the host name is verified */
	const char *username, *password; /* of turn and turns, which need both */
} tulle_ice_server;

typedef struct {
	const tulle_ice_server *servers; /* copied; at most 8, of them 4 relays at a time. What is
					    none is an error of create, ARGUMENT, and logged */
	size_t server_count;
	bool relay_only, loopback;
	bool lite; /* RFC8445:2.5: only answers checks, for who can be reached as he is; the remote
		      is full */
	bool tcp; /* candidates of RFC 6544 too: streams, where UDP does not pass; below all of
		     UDP but relays. A host listens at its tcp_port */
	bool hide_addresses; /* host candidates have names of the link, which it resolves by
				multicast DNS, in the place of addresses */
} tulle_ice_options;

/* RTCIceTransportState of W3C webrtc-pc. */
typedef enum {
	TULLE_ICE_NEW,
	TULLE_ICE_CHECKING,
	TULLE_ICE_CONNECTED,
	TULLE_ICE_COMPLETED,
	TULLE_ICE_DISCONNECTED,
	TULLE_ICE_FAILED,
	TULLE_ICE_CLOSED
} tulle_ice_state;

/* RTCIceCandidateType. */
typedef enum {
	TULLE_ICE_HOST = 1,
	TULLE_ICE_SRFLX,
	TULLE_ICE_PRFLX,
	TULLE_ICE_RELAY
} tulle_ice_type;

typedef struct tulle_certificate
	tulle_certificate; /* counted: every create takes its own reference */

/* One end of a datagram: family 4 or 6 (0: none), the address in network order, port in host order.
 */
typedef struct {
	uint8_t family, ip[16];
	uint16_t port;
	uint32_t scope;
} tulle_addr;

/* Where a datagram goes or came from: id names the interface address (TULLE_IN_PATH_UP). */
typedef struct {
	uint32_t id;
	tulle_addr local, remote;
} tulle_path;

/* What poll_datagram wrote: len bytes at dst. An engine that knows no addresses leaves path zero.
 */
typedef struct {
	size_t len;
	tulle_path path;
	bool df_probe, may_fragment;
} tulle_datagram;
#ifdef __cplusplus
}
#endif
#endif
