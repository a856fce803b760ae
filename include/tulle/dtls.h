/* SPDX-License-Identifier: MIT */
/* <tulle/dtls.h>: DTLS 1.2 (RFC 6347) for WebRTC: mutual authentication by certificate fingerprint
 * (RFC 8122, 8842), no certificate chain, no cookies (ICE has proven the path). OpenSSL inside: the
 * one engine that allocates outside its block. */
#ifndef TULLE_DTLS_H
#define TULLE_DTLS_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_dtls tulle_dtls;

typedef enum { TULLE_DTLS_CLIENT = 1, TULLE_DTLS_SERVER = 2 } tulle_dtls_role;
typedef enum {
	TULLE_DTLS_SHA256 = 1,
	TULLE_DTLS_SHA384 = 2,
	TULLE_DTLS_SHA512 = 3
} tulle_dtls_hash;

/* len: 32, 48 or 64 as hash says. */
typedef struct {
	tulle_dtls_hash hash;
	uint8_t len, bytes[64];
} tulle_dtls_fingerprint;
#define TULLE_DTLS_FINGERPRINTS_MAX 8

typedef enum {
	TULLE_DTLS_EVENT_CONNECTED = 1, /* handshake finished and fingerprint verified */
	TULLE_DTLS_EVENT_DATA,   /* one record; data lives until the next poll_event or handle */
	TULLE_DTLS_EVENT_CLOSED, /* close_notify, local or remote, or the end of a handshake */
} tulle_dtls_event_kind;

typedef enum {
	TULLE_DTLS_CLOSED_LOCAL = 1,
	TULLE_DTLS_CLOSED_REMOTE,    /* close_notify */
	TULLE_DTLS_CLOSED_UNTRUSTED, /* the certificate's fingerprint is not the one that was told
				      */
	TULLE_DTLS_CLOSED_FAILED,    /* alert (see there) or too many fresh starts */
	TULLE_DTLS_CLOSED_TIMEOUT,   /* no handshake within config.handshake_us_max */
} tulle_dtls_closed;

typedef struct {
	tulle_dtls_event_kind kind;
	tulle_bytes data;
	tulle_dtls_closed why;
	uint8_t alert; /* RFC 5246, 7.2; 0: none */
} tulle_dtls_event;

typedef struct {
	tulle_certificate *certificate; /* the engine takes its own reference */
	uint16_t mtu;                   /* of datagrams out: 576..16384 bytes above UDP; 0: 1200 */
	uint16_t data_mtu;              /* of those with application data, mtu..16384; 0: mtu */
	uint8_t *plain;     /* where a record's plaintext goes; borrowed, may be shared by */
	size_t plain_bytes; /* engines that are driven in turn; at least 2048 */
	tulle_time handshake_us_max; /* 0: 30 s */
} tulle_dtls_config;

/* Bytes of the block (aligned to max_align_t); 0: config out of range. */
TULLE_API size_t tulle_dtls_memory_bytes(const tulle_dtls_config *config);
#define TULLE_DTLS_MEMORY_BYTES_MAX 20480 /* a constant bound of the former, for static arrays */
/* NULL: config out of range, block too small, or OpenSSL out of memory. */
TULLE_API tulle_dtls *tulle_dtls_init(
	void *memory, size_t memory_bytes, const tulle_dtls_config *config, tulle_time now);
TULLE_API void tulle_dtls_wipe(tulle_dtls *dtls);

/* Begins the handshake with the role and the peer's fingerprints from signaling; what was held is
 * fed now. Of several hash functions the strongest counts (RFC8122:5), of several values of it any.
 * STATE: begun before; ARGUMENT: count is 0 or above TULLE_DTLS_FINGERPRINTS_MAX; MEMORY. */
TULLE_API tulle_err tulle_dtls_start(tulle_dtls *dtls, tulle_time now, tulle_dtls_role role,
	const tulle_dtls_fingerprint *fingerprints, size_t count);
/* For SPED, before start. Handshake datagrams of at most mtu bytes, 576..config.mtu (ARGUMENT);
 * STATE: begun. */
TULLE_API tulle_err tulle_dtls_set_mtu(tulle_dtls *dtls, uint16_t mtu);
/* SPED begins the handshake before there is a path: while held, neither the retransmission timer
 * nor handshake_us_max runs; both begin when it ends. */
TULLE_API void tulle_dtls_hold(tulle_dtls *dtls, tulle_time now, bool hold);
/* The i-th datagram of the last flight, polled or not; false: there is none. It lives as long as
 * the flight, which *number tells from others. */
TULLE_API bool tulle_dtls_flight(
	const tulle_dtls *dtls, size_t i, tulle_bytes *datagram, uint32_t *number);
/* The last flight went another way: poll_datagram gives none of it any more. */
TULLE_API void tulle_dtls_flight_sent(tulle_dtls *dtls);
/* The path's round trip, for the retransmission timer: max(50 ms, 2 x rtt), doubling. */
TULLE_API void tulle_dtls_set_rtt(tulle_dtls *dtls, tulle_time rtt_us);
/* Seals one record of len bytes into dst, at most one datagram; *out_len its bytes.
 * STATE: not connected; TOO_LARGE: over tulle_dtls_payload_max; TOO_SMALL: dst_bytes below its
 * datagram. */
TULLE_API tulle_err tulle_dtls_seal(tulle_dtls *dtls, tulle_time now, const void *data, size_t len,
	uint8_t *dst, size_t dst_bytes, size_t *out_len);
/* The largest record that fits one datagram of config.data_mtu, whatever cipher is agreed. */
TULLE_API size_t tulle_dtls_payload_max(const tulle_dtls *dtls);
/* Sends close_notify (RFC5246:7.2.1) with the next poll; STATE: not begun or over. */
TULLE_API tulle_err tulle_dtls_close(tulle_dtls *dtls, tulle_time now);

/* One datagram from a path that ICE has validated (the caller's duty); borrowed for the call. */
TULLE_API tulle_drop tulle_dtls_handle_datagram(
	tulle_dtls *dtls, tulle_time now, const uint8_t *data, size_t len);
TULLE_API void tulle_dtls_handle_timeout(tulle_dtls *dtls, tulle_time now);
TULLE_API bool tulle_dtls_poll_datagram(
	tulle_dtls *dtls, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
TULLE_API tulle_time tulle_dtls_poll_timeout(const tulle_dtls *dtls);
TULLE_API bool tulle_dtls_poll_event(tulle_dtls *dtls, tulle_dtls_event *event);
TULLE_API void tulle_dtls_check(const tulle_dtls *dtls);

/* SHA-256 over the DER of the certificate that the peer proved; false before CONNECTED. */
TULLE_API bool tulle_dtls_peer_fingerprint(const tulle_dtls *dtls, uint8_t sha256[32]);

/* A self-signed ECDSA P-256 certificate, valid from a day before unix_s (0: from 2000-01-01) for 30
 * years. MEMORY, SYSTEM (OpenSSL refused). The caller owns one reference. */
TULLE_API tulle_err tulle_certificate_create(int64_t unix_s, tulle_certificate **out);
/* From PEM texts: a certificate (ECDSA or RSA) and its private key. SYNTAX: not such, or no pair.
 */
TULLE_API tulle_err tulle_certificate_read(
	tulle_text certificate_pem, tulle_text key_pem, tulle_certificate **out);
TULLE_API tulle_certificate *tulle_certificate_take(tulle_certificate *certificate);
TULLE_API void tulle_certificate_drop(tulle_certificate *certificate); /* NULL is fine */
TULLE_API void tulle_certificate_fingerprint(
	const tulle_certificate *certificate, tulle_dtls_fingerprint *sha256);
#ifdef __cplusplus
}
#endif
#endif
