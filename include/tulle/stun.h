/* SPDX-License-Identifier: MIT */
/* <tulle/stun.h>: STUN messages (RFC 8489) and the attributes of ICE and TURN. A message is read
 * whole before anything of it is believed; reader and writer share one table of attributes. */
#ifndef TULLE_STUN_H
#define TULLE_STUN_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

#define TULLE_STUN_HEADER_BYTES 20
#define TULLE_STUN_ID_BYTES 12
#define TULLE_STUN_UNKNOWN_MAX 8 /* types listed in a 420; more are counted as one */

enum { /* methods: RFC8489:18.2, RFC8656:17 */
	TULLE_STUN_BINDING = 0x001,
	TULLE_STUN_ALLOCATE = 0x003,
	TULLE_STUN_REFRESH = 0x004,
	TULLE_STUN_SEND = 0x006,
	TULLE_STUN_DATA = 0x007,
	TULLE_STUN_CREATE_PERMISSION = 0x008,
	TULLE_STUN_CHANNEL_BIND = 0x009
};

typedef enum {
	TULLE_STUN_REQUEST = 0,
	TULLE_STUN_INDICATION = 1,
	TULLE_STUN_SUCCESS = 2,
	TULLE_STUN_ERROR = 3
} tulle_stun_kind; /* the class of RFC8489:5 */

/* clang-format off */
/* name, type, least and most bytes of the value (the legality of RFC8489:14 as data) */
#define TULLE_STUN_ATTRIBUTES(X) \
	X(MAPPED_ADDRESS, 0x0001, 8, 20)            /* RFC8489:14.1 */ \
	X(USERNAME, 0x0006, 0, 508)                 /* RFC8489:14.3 */ \
	X(MESSAGE_INTEGRITY, 0x0008, 20, 20)        /* RFC8489:14.5 */ \
	X(ERROR_CODE, 0x0009, 4, 767)               /* RFC8489:14.8 */ \
	X(UNKNOWN_ATTRIBUTES, 0x000a, 0, 256)       /* RFC8489:14.13 */ \
	X(CHANNEL_NUMBER, 0x000c, 4, 4)             /* RFC8656:18.1 */ \
	X(LIFETIME, 0x000d, 4, 4)                   /* RFC8656:18.2 */ \
	X(XOR_PEER_ADDRESS, 0x0012, 8, 20)          /* RFC8656:18.3 */ \
	X(DATA, 0x0013, 0, 65535)                   /* RFC8656:18.4 */ \
	X(REALM, 0x0014, 0, 763)                    /* RFC8489:14.9 */ \
	X(NONCE, 0x0015, 0, 763)                    /* RFC8489:14.10 */ \
	X(XOR_RELAYED_ADDRESS, 0x0016, 8, 20)       /* RFC8656:18.5 */ \
	X(REQUESTED_ADDRESS_FAMILY, 0x0017, 4, 4)   /* RFC8656:18.6 */ \
	X(EVEN_PORT, 0x0018, 1, 1)                  /* RFC8656:18.7 */ \
	X(REQUESTED_TRANSPORT, 0x0019, 4, 4)        /* RFC8656:18.8 */ \
	X(DONT_FRAGMENT, 0x001a, 0, 0)              /* RFC8656:18.9 */ \
	X(MESSAGE_INTEGRITY_SHA256, 0x001c, 16, 32) /* RFC8489:14.6 */ \
	X(PASSWORD_ALGORITHM, 0x001d, 4, 256)       /* RFC8489:14.12 */ \
	X(USERHASH, 0x001e, 32, 32)                 /* RFC8489:14.4 */ \
	X(XOR_MAPPED_ADDRESS, 0x0020, 8, 20)        /* RFC8489:14.2 */ \
	X(RESERVATION_TOKEN, 0x0022, 8, 8)          /* RFC8656:18.10 */ \
	X(PRIORITY, 0x0024, 4, 4)                   /* RFC8445:16.1 */ \
	X(USE_CANDIDATE, 0x0025, 0, 0)              /* RFC8445:16.1 */ \
	X(ADDITIONAL_ADDRESS_FAMILY, 0x8000, 4, 4)  /* RFC8656:18.11 */ \
	X(ADDRESS_ERROR_CODE, 0x8001, 4, 767)       /* RFC8656:18.12 */ \
	X(PASSWORD_ALGORITHMS, 0x8002, 4, 256)      /* RFC8489:14.11 */ \
	X(ALTERNATE_DOMAIN, 0x8003, 0, 255)         /* RFC8489:14.16 */ \
	X(ICMP, 0x8004, 8, 8)                       /* RFC8656:18.13 */ \
	X(SOFTWARE, 0x8022, 0, 763)                 /* RFC8489:14.14 */ \
	X(ALTERNATE_SERVER, 0x8023, 8, 20)          /* RFC8489:14.15 */ \
	X(FINGERPRINT, 0x8028, 4, 4)                /* RFC8489:14.7 */ \
	X(ICE_CONTROLLED, 0x8029, 8, 8)             /* RFC8445:16.1 */ \
	X(ICE_CONTROLLING, 0x802a, 8, 8)            /* RFC8445:16.1 */ \
	X(NETWORK_COST, 0xc057, 4, 4)               /* libwebrtc's GOOG-NETWORK-INFO */ \
	X(DTLS_IN_STUN, 0xc070, 0, 65535)           /* SPED, opaque here */ \
	X(DTLS_IN_STUN_ACK, 0xc071, 0, 65535)       /* SPED, opaque here */
/* clang-format on */

typedef enum {
#define TULLE_STUN_ATTRIBUTE_ENUM(name, type, least, most) TULLE_STUN_A_##name,
	TULLE_STUN_ATTRIBUTES(TULLE_STUN_ATTRIBUTE_ENUM)
#undef TULLE_STUN_ATTRIBUTE_ENUM
		TULLE_STUN_A_COUNT
} tulle_stun_attribute;

/* A message as read. Everything points into the input, which must outlive it. */
typedef struct {
	tulle_bytes raw; /* header and attributes */
	uint16_t method; /* 0..0xfff */
	tulle_stun_kind kind;
	uint8_t id[TULLE_STUN_ID_BYTES];
	/* by tulle_stun_attribute; ptr NULL: absent. The first of several counts: RFC8489:14 */
	tulle_bytes value[TULLE_STUN_A_COUNT];
	uint16_t
		unknown[TULLE_STUN_UNKNOWN_MAX]; /* comprehension-required types not in the table */
	size_t unknown_count;
	size_t integrity_at, integrity256_at, fingerprint_at; /* their offsets in raw; 0: absent */
} tulle_stun_message;

/* Reads one whole datagram: the header's length must match len exactly (RFC8489:5). A FINGERPRINT
 * is not verified here. Errors: STUN_COOKIE (not STUN), STUN_LENGTH, STUN_ATTRIBUTE (a value runs
 * over, or a required attribute of illegal length; an optional one of illegal length is taken for
 * absent), STUN_FINGERPRINT (something follows it), LIMIT (too many attributes). On an error *out
 * is not to be used. */
TULLE_API tulle_drop tulle_stun_read(const uint8_t *data, size_t len, tulle_stun_message *out);
/* For streams: bytes of the message that starts here, header included; 0: give more (under 20
 * bytes); SIZE_MAX: no STUN message starts here. RFC8489:6.2.2 */
TULLE_API size_t tulle_stun_frame(const uint8_t *data, size_t len);

TULLE_API bool tulle_stun_has(const tulle_stun_message *m, tulle_stun_attribute a);
/* 0 when absent. */
TULLE_API uint32_t tulle_stun_u32(const tulle_stun_message *m, tulle_stun_attribute a);
TULLE_API uint64_t tulle_stun_u64(const tulle_stun_message *m, tulle_stun_attribute a);
/* A MAPPED-ADDRESS or, undone, a XOR one; false: absent, or length and family disagree. */
TULLE_API bool tulle_stun_address(
	const tulle_stun_message *m, tulle_stun_attribute a, tulle_addr *out);
/* The nth (from 0) of an attribute that may stand several times, such as the two relayed addresses
 * of RFC8656:7.2; false: there are not so many, or that one is malformed. */
TULLE_API bool tulle_stun_address_nth(
	const tulle_stun_message *m, tulle_stun_attribute a, size_t nth, tulle_addr *out);
/* 300..699, and the reason (peer's bytes, unchecked); 0: absent or malformed. RFC8489:14.8 */
TULLE_API unsigned tulle_stun_error(const tulle_stun_message *m, tulle_text *reason);
/* Absent is false. RFC8489:14.7 */
TULLE_API bool tulle_stun_is_fingerprint_right(const tulle_stun_message *m);
/* In constant time. Absent is false; longer than TULLE_STUN_AUTHENTIC_MAX bytes is false.
 * RFC8489:14.5, RFC8489:14.6 (a truncated one of 16 bytes or more is taken) */
TULLE_API bool tulle_stun_is_authentic(const tulle_stun_message *m, tulle_bytes key);
TULLE_API bool tulle_stun_is_authentic_sha256(const tulle_stun_message *m, tulle_bytes key);
#define TULLE_STUN_AUTHENTIC_MAX                                                                   \
	1500 /* bytes: no message with an HMAC is longer than a datagram                           \
	      */

/* Writing: begin, attributes in any order, then integrity, then fingerprint. The header's length
 * is right after each call. All stick when the buffer is full; finish gives the bytes or 0. */
typedef struct {
	uint8_t *buf;
	size_t len, cap;
	bool bad;
} tulle_stun_writer;

TULLE_API tulle_stun_writer tulle_stun_write_begin(void *dst, size_t cap, uint16_t method,
	tulle_stun_kind kind, const uint8_t id[TULLE_STUN_ID_BYTES]);
/* Any type, also one that the table does not have; padded with zeros. */
TULLE_API void tulle_stun_write_bytes(
	tulle_stun_writer *w, uint16_t type, const void *value, size_t len);
TULLE_API void tulle_stun_write_text(tulle_stun_writer *w, tulle_stun_attribute a, tulle_text t);
TULLE_API void tulle_stun_write_flag(tulle_stun_writer *w, tulle_stun_attribute a);
TULLE_API void tulle_stun_write_u32(tulle_stun_writer *w, tulle_stun_attribute a, uint32_t v);
TULLE_API void tulle_stun_write_u64(tulle_stun_writer *w, tulle_stun_attribute a, uint64_t v);
/* XORed for the XOR- attributes, plain for the others. */
TULLE_API void tulle_stun_write_address(
	tulle_stun_writer *w, tulle_stun_attribute a, const tulle_addr *addr);
/* code 300..699 */
TULLE_API void tulle_stun_write_error(tulle_stun_writer *w, unsigned code, tulle_text reason);
TULLE_API void tulle_stun_write_unknown(tulle_stun_writer *w, const uint16_t *types, size_t count);
TULLE_API void tulle_stun_write_integrity(tulle_stun_writer *w, tulle_bytes key);
TULLE_API void tulle_stun_write_integrity_sha256(tulle_stun_writer *w, tulle_bytes key);
TULLE_API void tulle_stun_write_fingerprint(tulle_stun_writer *w);
TULLE_API size_t tulle_stun_write_finish(const tulle_stun_writer *w);

/* Type 0x0000..0xffff of an attribute in the table. */
TULLE_API uint16_t tulle_stun_type(tulle_stun_attribute a);
/* The message type of RFC8489:5 out of method and class, and back by tulle_stun_read. */
TULLE_API uint16_t tulle_stun_message_type(uint16_t method, tulle_stun_kind kind);

/* Keys of the long-term mechanism: RFC8489:9.2.2. Username, realm and password are bytes already
 * prepared by OpaqueString (RFC8265:4.2). False: together longer than 1022 bytes, or no hash. */
TULLE_API bool tulle_stun_key_md5(
	tulle_text username, tulle_text realm, tulle_text password, uint8_t key[16]);
TULLE_API bool tulle_stun_key_sha256(
	tulle_text username, tulle_text realm, tulle_text password, uint8_t key[32]);
/* USERHASH: RFC8489:14.4 */
TULLE_API bool tulle_stun_userhash(tulle_text username, tulle_text realm, uint8_t hash[32]);
/* The 24 security-feature bits of a nonce cookie (RFC8489:9.2): false when it has none. Bit 0 of
 * the set of features is the most significant of the 24. */
TULLE_API bool tulle_stun_nonce_features(tulle_text nonce, uint32_t *features);
#define TULLE_STUN_FEATURE_ALGORITHMS 0x800000u /* bit 0 */
#define TULLE_STUN_FEATURE_ANONYMITY 0x400000u  /* bit 1 */

/* One client transaction: RFC8489:6.2.1, RFC8489:6.2.2. The caller sends when is_due and says so.
 */
typedef struct {
	uint8_t id[TULLE_STUN_ID_BYTES];
	uint8_t sends;                /* 0: none in flight */
	tulle_time rto_us, due;       /* due: the next send, or after the last one the end */
	tulle_time first_us, last_us; /* when the first and the last were sent */
} tulle_stun_transaction;

#define TULLE_STUN_RTO_US 500000  /* RFC8489:6.2.1 */
#define TULLE_STUN_SENDS_MAX 7    /* Rc */
#define TULLE_STUN_LAST_WAIT 16   /* Rm: in units of the RTO */
#define TULLE_STUN_TI_US 39500000 /* RFC8489:6.2.2 */

/* Draws the id; false: no randomness, nothing started. The first send is due at once. */
TULLE_API bool tulle_stun_transaction_start(
	tulle_stun_transaction *t, tulle_time now, tulle_time rto_us, const tulle_random *random);
TULLE_API bool tulle_stun_transaction_is_due(const tulle_stun_transaction *t, tulle_time now);
TULLE_API bool tulle_stun_transaction_is_over(const tulle_stun_transaction *t, tulle_time now);
/* It was sent now: sets the next deadline (doubling; after the 7th Rm x RTO). */
TULLE_API void tulle_stun_transaction_sent(tulle_stun_transaction *t, tulle_time now);
/* The same over a stream, which repeats by itself: one send, then Ti. RFC8489:6.2.2 */
TULLE_API void tulle_stun_transaction_sent_once(tulle_stun_transaction *t, tulle_time now);
TULLE_API bool tulle_stun_transaction_is(
	const tulle_stun_transaction *t, const tulle_stun_message *m);
/* Microseconds from send to answer; 0 when it was sent more than once (Karn: RFC8489:6.2.1). */
TULLE_API tulle_time tulle_stun_transaction_rtt(const tulle_stun_transaction *t, tulle_time now);
#ifdef __cplusplus
}
#endif
#endif
