/* SPDX-License-Identifier: MIT */
/* <tulle/turn.h>: a TURN client (RFC 8656): one allocation on one server, over UDP or over a stream
 * (TCP, TLS) that the caller brings. Sans-I/O, no allocation of memory: state lies in the caller's
 * block. Besides: the server-reflexive address by Binding requests, and the URIs of both servers.
 */
#ifndef TULLE_TURN_H
#define TULLE_TURN_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_turn tulle_turn;

#define TULLE_TURN_DATAGRAM_BYTES 1500 /* what poll_datagram's dst must hold */
#define TULLE_TURN_HEADROOM 48         /* bytes before data: 4, 36 (IPv4 peer) or 48 (IPv6) */
#define TULLE_TURN_TAILROOM 3          /* bytes behind data: padding */

typedef enum { TULLE_TURN_UDP, TULLE_TURN_STREAM } tulle_turn_transport;

typedef struct {                       /* zero is good but for credentials and random; (defaults) */
	tulle_text username, password; /* 1..508 bytes, prepared by OpaqueString; copied */
	tulle_turn_transport transport;
	bool ipv6;     /* a relayed address of IPv6 (off: IPv4) */
	bool both;     /* one of each; not together with ipv6: RFC8656:7.1 */
	bool loopback; /* peers and alternate servers may be loopback: for tests on one machine */
	tulle_random random;   /* required */
	uint16_t peers_max;    /* (16): at most 64 */
	uint32_t stream_bytes; /* the longest message taken from a stream (2048): 1500..65560 */
	uint32_t lifetime_s;   /* asked of the server (0: what it likes) */
	tulle_time rto_us;     /* of the first retransmission (500 ms): RFC8489:6.2.1 */
} tulle_turn_config;

/* 0: out of range. */
TULLE_API size_t tulle_turn_memory_bytes(const tulle_turn_config *config);
/* An upper bound of memory_bytes, stream_bytes apart, for static arrays. */
#define TULLE_TURN_MEMORY_BYTES_MAX 24576
/* NULL: memory too small or misaligned (max_align_t), or the config out of range. */
TULLE_API tulle_turn *tulle_turn_init(
	void *memory, size_t memory_bytes, const tulle_turn_config *config, tulle_time now);
/* Zeroes the whole block, password and key in it. The server is not told: see close. */
TULLE_API void tulle_turn_wipe(tulle_turn *turn);

typedef enum {
	TULLE_TURN_NEW,
	TULLE_TURN_ALLOCATING,
	TULLE_TURN_READY,
	TULLE_TURN_REDIRECTED, /* an ALTERNATE event was given: allocate() goes there */
	TULLE_TURN_CLOSING,
	TULLE_TURN_CLOSED,
	TULLE_TURN_FAILED
} tulle_turn_state;

/* clang-format off */
/* name, text, when allocate() may come again: seconds, -1 never (RFC8656:7.4) */
#define TULLE_TURN_FAILURES(X) \
	X(TIMEOUT, "timeout", 0)                       /* no answer */ \
	X(INTEGRITY, "integrity", 0)                   /* only answers with a wrong one came */ \
	X(UNAUTHORIZED, "unauthorized", -1)            /* 401 to our credentials */ \
	X(CHALLENGE, "challenge", -1)                  /* no usable realm or nonce came */ \
	X(BID_DOWN, "bid_down", -1)                    /* algorithms were taken out */ \
	X(ALGORITHM, "algorithm", -1)                  /* none of the server's is known */ \
	X(STALE_NONCE, "stale_nonce", 60)              /* 438 again and again */ \
	X(BAD_REQUEST, "bad_request", -1)              /* 400 */ \
	X(FORBIDDEN, "forbidden", -1)                  /* 403 */ \
	X(UNKNOWN_ATTRIBUTE, "unknown_attribute", -1)  /* 420, or an answer with one */ \
	X(MISMATCH, "mismatch", 0)                     /* 437: from another local address */ \
	X(FAMILY, "family", -1)                        /* 440, 443, or not the one asked for */ \
	X(CREDENTIALS, "credentials", -1)              /* 441 */ \
	X(TRANSPORT, "transport", -1)                  /* 442 */ \
	X(QUOTA, "quota", 60)                          /* 486 */ \
	X(CAPACITY, "capacity", 60)                    /* 508 */ \
	X(SERVER_ERROR, "server_error", 60)            /* another 5xx, five times */ \
	X(REFUSED, "refused", -1)                      /* a code that we do not know */ \
	X(ALTERNATE, "alternate", -1)                  /* 300 to nowhere, in a loop, too often */ \
	X(ANSWER, "answer", -1)                        /* success without what it must say */ \
	X(OUT_OF_SYNC, "out_of_sync", 0)               /* 400 to a channel: RFC8656:12.3 */ \
	X(STREAM, "stream", 0)                         /* ended, or what came was no message */ \
	X(TOO_LARGE, "too_large", -1)                  /* no room for this realm and nonce */ \
	X(RANDOM, "random", 0)                         /* config.random failed */
/* clang-format on */

typedef enum {
	TULLE_TURN_FAILURE_NONE = 0,
#define TULLE_TURN_FAILURE_ENUM(name, text, wait) TULLE_TURN_FAILURE_##name,
	TULLE_TURN_FAILURES(TULLE_TURN_FAILURE_ENUM)
#undef TULLE_TURN_FAILURE_ENUM
} tulle_turn_failure;

/* "quota"; "none" for 0, "unknown" out of range; static storage. */
TULLE_API const char *tulle_turn_failure_name(tulle_turn_failure failure);

/* Asks for the allocation; path->remote is the server, datagrams and events name path->id. Over a
 * stream: once it is connected. From NEW; from REDIRECTED, path->remote being the alternate; from
 * FAILED when its event's retry time has come, after MISMATCH from another local address. All peers
 * are forgotten. Errors: STATE (not from here, or too early), ARGUMENT (no address or port), SYSTEM
 * (random). */
TULLE_API tulle_err tulle_turn_allocate(tulle_turn *turn, tulle_time now, const tulle_path *path);
/* Deletes the allocation: CLOSED follows when the server said so or no longer answers. In a state
 * without an allocation it is CLOSED at once. */
TULLE_API void tulle_turn_close(tulle_turn *turn, tulle_time now);
/* Asks the server now whether it still knows the allocation, a Refresh before its time. In another
 * state than READY nothing happens. */
TULLE_API void tulle_turn_refresh(tulle_turn *turn, tulle_time now);
/* The stream is gone: FAILED. */
TULLE_API void tulle_turn_stream_ended(tulle_turn *turn, tulle_time now);

/* Asks for a permission for the peer's IP address, and keeps it. A PEER event follows. OK also when
 * the peer is known. Errors: STATE (not READY), ARGUMENT (port 0, multicast, unspecified, loopback
 * unless the config allows it, or of a family that we have no relayed address of), LIMIT, SYSTEM.
 */
TULLE_API tulle_err tulle_turn_permit(tulle_turn *turn, tulle_time now, const tulle_addr *peer);
/* Likewise, and binds a channel: until it is bound data goes in Send indications. */
TULLE_API tulle_err tulle_turn_bind(tulle_turn *turn, tulle_time now, const tulle_addr *peer);
/* The permission runs out, the channel's number rests for 15 minutes. */
TULLE_API void tulle_turn_forget(tulle_turn *turn, tulle_time now, const tulle_addr *peer);

/* Makes a message for the server of len bytes for a peer, in place: HEADROOM bytes before data and
 * TAILROOM behind it are overwritten; *out is what to send. Errors: WOULD_BLOCK (the permission is
 * asked for: a PEER event follows), GONE (no permission for this address, or refused), STATE (not
 * READY), TOO_LARGE (over 65,000 bytes), SYSTEM (random). */
TULLE_API tulle_err tulle_turn_wrap(tulle_turn *turn, tulle_time now, const tulle_addr *peer,
	uint8_t *data, size_t len, tulle_bytes *out);
/* Bytes that wrap adds towards this peer now: 4, 36 or 48, padding apart. */
TULLE_API size_t tulle_turn_overhead(const tulle_turn *turn, const tulle_addr *peer);

/* What a peer sent through the server; data.ptr NULL: nothing. Borrowed until the next handle. */
typedef struct {
	tulle_addr peer;
	tulle_bytes data;
} tulle_turn_data;

/* A datagram that came from there. Indications are not authenticated, so that only the server's own
 * address counts: UNKNOWN_PATH for any other. */
TULLE_API tulle_drop tulle_turn_handle_datagram(tulle_turn *turn, tulle_time now,
	const tulle_addr *from, const uint8_t *data, size_t len, tulle_turn_data *out);
/* Bytes of the stream, at most to the end of one message; gives how many were used: call again
 * with the rest. *drop: of the message that ended here. A message longer than stream_bytes is
 * skipped (LIMIT); bytes that are no message end the engine: FAILED, and all is used. */
TULLE_API size_t tulle_turn_handle_stream(tulle_turn *turn, tulle_time now, const uint8_t *data,
	size_t len, tulle_turn_data *out, tulle_drop *drop);
TULLE_API void tulle_turn_handle_timeout(tulle_turn *turn, tulle_time now);
/* The next message to the server into dst (at least TULLE_TURN_DATAGRAM_BYTES, or none comes): a
 * datagram, or bytes of the stream. False: none now. */
TULLE_API bool tulle_turn_poll_datagram(
	tulle_turn *turn, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
TULLE_API tulle_time tulle_turn_poll_timeout(const tulle_turn *turn);

typedef enum {
	TULLE_TURN_PEER_NONE,  /* not known */
	TULLE_TURN_PEER_ASKED, /* the permission is asked for */
	TULLE_TURN_PEER_PERMITTED,
	TULLE_TURN_PEER_BOUND,  /* permitted, and its channel is bound */
	TULLE_TURN_PEER_REFUSED /* forget it before it can be asked for again */
} tulle_turn_peer_state;

typedef enum {
	TULLE_TURN_EVENT_READY = 1, /* u.ready */
	TULLE_TURN_EVENT_PEER,      /* u.peer: the state now */
	TULLE_TURN_EVENT_ICMP,      /* u.icmp: what came back for data to a peer: RFC8656:11.6 */
	TULLE_TURN_EVENT_ALTERNATE, /* u.alternate: the server wants us there: RFC8489:10 */
	TULLE_TURN_EVENT_FAILED,    /* u.failed: the allocation, if there was one, is gone */
	TULLE_TURN_EVENT_CLOSED
} tulle_turn_event_kind;

typedef struct {
	tulle_turn_event_kind kind;
	union {
		struct {
			tulle_addr relayed[2]; /* IPv4, IPv6; family 0: none */
			tulle_addr mapped;     /* ours as the server sees it */
			tulle_time lifetime_us;
			uint16_t missing; /* both were asked for, one was not given: 440, 508 */
		} ready;
		struct {
			tulle_addr addr;
			tulle_turn_peer_state state;
			uint16_t code; /* of the refusal of permission or channel; 0: none, timeout
					*/
		} peer;
		struct {
			tulle_addr peer;
			uint8_t type, code; /* of ICMP or ICMPv6, as the peer's family says */
			uint32_t data;      /* the MTU, for what was too big */
		} icmp;
		struct {
			tulle_addr server;
			tulle_text domain; /* for the certificate; "": the former one's. Until the
					      next allocate */
		} alternate;
		struct {
			tulle_turn_failure failure;
			uint16_t code;       /* the server's; 0: none. After a timeout: of an error
						that came without integrity */
			tulle_time retry_at; /* of allocate(); NEVER: not with this config */
		} failed;
	} u;
} tulle_turn_event;

TULLE_API bool tulle_turn_poll_event(tulle_turn *turn, tulle_turn_event *event);
TULLE_API void tulle_turn_check(const tulle_turn *turn);

TULLE_API tulle_turn_state tulle_turn_get_state(const tulle_turn *turn);
/* False: not READY, or none of this family (4, 6). */
TULLE_API bool tulle_turn_relayed(const tulle_turn *turn, uint8_t family, tulle_addr *out);
TULLE_API tulle_turn_peer_state tulle_turn_peer(const tulle_turn *turn, const tulle_addr *peer);
/* Microseconds to the server and back, the last sample; 0: none (also over a stream). */
TULLE_API tulle_time tulle_turn_rtt(const tulle_turn *turn);
TULLE_API uint32_t tulle_turn_drops(const tulle_turn *turn, tulle_drop reason);

/* The server-reflexive address of one local address, by Binding requests to one STUN server over
 * UDP (RFC8489:12), asked again as a keepalive. The same contract in small; no credentials. */
typedef struct tulle_turn_reflexive tulle_turn_reflexive;

typedef struct {
	tulle_random random; /* required */
	tulle_time rto_us;   /* (500 ms) */
	tulle_time
		keepalive_us; /* asked again after so long (15 s): RFC8445:5.1.1.4; at least 1 s */
} tulle_turn_reflexive_config;

#define TULLE_TURN_REFLEXIVE_BYTES 1024 /* at least memory_bytes, for static arrays */
TULLE_API size_t tulle_turn_reflexive_memory_bytes(const tulle_turn_reflexive_config *config);
/* Asks path->remote from now on. NULL: memory, config, no address, or random failed. */
TULLE_API tulle_turn_reflexive *tulle_turn_reflexive_init(void *memory, size_t memory_bytes,
	const tulle_turn_reflexive_config *config, const tulle_path *path, tulle_time now);
TULLE_API void tulle_turn_reflexive_wipe(tulle_turn_reflexive *r);
TULLE_API tulle_drop tulle_turn_reflexive_handle_datagram(tulle_turn_reflexive *r, tulle_time now,
	const tulle_addr *from, const uint8_t *data, size_t len);
/* A Binding answer to what is asked now, by transaction id: for many clients on one port. */
TULLE_API bool tulle_turn_reflexive_owns(
	const tulle_turn_reflexive *r, const uint8_t *data, size_t len);
TULLE_API void tulle_turn_reflexive_handle_timeout(tulle_turn_reflexive *r, tulle_time now);
TULLE_API bool tulle_turn_reflexive_poll_datagram(tulle_turn_reflexive *r, tulle_time now,
	uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
TULLE_API tulle_time tulle_turn_reflexive_poll_timeout(const tulle_turn_reflexive *r);

/* mapped.family 0: the server gave none up to now, and why; it is still asked at each keepalive. A
 * change of the address is told too: the NAT has given another, the candidate is stale. */
typedef struct {
	tulle_addr mapped;
	tulle_turn_failure failure; /* TIMEOUT, ANSWER, UNKNOWN_ATTRIBUTE, or of an error's code */
	uint16_t code;
} tulle_turn_reflexive_event;

TULLE_API bool tulle_turn_reflexive_poll_event(
	tulle_turn_reflexive *r, tulle_turn_reflexive_event *event);
TULLE_API void tulle_turn_reflexive_check(const tulle_turn_reflexive *r);

/* stun:, stuns: (RFC 7064), turn:, turns: (RFC 7065). */
typedef struct {
	bool relay;      /* turn, turns */
	bool tls;        /* stuns, turns */
	bool tcp;        /* the transport to the server, TLS included */
	tulle_text host; /* as written, without brackets */
	bool is_address; /* addr holds it, with the port; else it is a name */
	tulle_addr addr;
	uint16_t port; /* 1..65535; (3478, with TLS 5349) */
} tulle_turn_uri;

typedef enum {
	TULLE_TURN_URI_OK = 0,
	TULLE_TURN_URI_SCHEME,     /* none of the four, or no colon */
	TULLE_TURN_URI_HOST,       /* empty, too long, or of other characters */
	TULLE_TURN_URI_PORT,       /* not 1..65535 */
	TULLE_TURN_URI_QUERY,      /* stun: has none; turn: has ?transport= alone */
	TULLE_TURN_URI_TRANSPORT,  /* neither udp nor tcp */
	TULLE_TURN_URI_UNSUPPORTED /* turns over udp: DTLS to the server, RFC 7350 */
} tulle_turn_uri_fault;

/* Spans point into text. On a fault *out is not to be used. */
TULLE_API tulle_turn_uri_fault tulle_turn_read_uri(tulle_text text, tulle_turn_uri *out);
/* "port"; "ok" for 0; static storage. */
TULLE_API const char *tulle_turn_uri_fault_name(tulle_turn_uri_fault fault);
#ifdef __cplusplus
}
#endif
#endif
