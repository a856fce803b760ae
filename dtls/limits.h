/* SPDX-License-Identifier: MIT */
/* dtls: every bound of the room. */
#ifndef TULLE_DTLS_LIMITS_H
#define TULLE_DTLS_LIMITS_H

#define DTLS_MTU_DEFAULT 1200        /* bytes of a datagram above UDP */
#define DTLS_MTU_MIN 576             /* below it a handshake fragments too much */
#define DTLS_MTU_MAX 16384           /* the largest record body */
#define DTLS_RECORD_OVERHEAD 37      /* record header 13, explicit nonce 8, tag 16 */
#define DTLS_PLAIN_BYTES_MIN 2048    /* the smallest buffer for a record's plaintext */
#define DTLS_FLIGHT_DATAGRAMS_MAX 16 /* handshake datagrams that wait to be polled */
#define DTLS_FLIGHT_BYTES 4096    /* bytes of them; one over the bound counts as lost on the way */
#define DTLS_HELD_DATAGRAMS_MAX 8 /* datagrams held before role and fingerprint are known */
#define DTLS_HELD_BYTES 4096      /* bytes of them */
#define DTLS_HANDSHAKE_BYTES_MAX 16384 /* a handshake message that says it is longer is dropped */
#define DTLS_HANDSHAKE_AHEAD_MAX 8     /* message_seq at most so far ahead of the last one seen */
#define DTLS_EARLY_RECORDS_MAX 8       /* epoch-1 records before the handshake is finished */
#define DTLS_CERT_LIST_BYTES_MAX 8192  /* the peer's certificate chain */
#define DTLS_FRESH_STARTS_MAX 4 /* new SSL objects after a handshake failed before verification */
#define DTLS_RECORDS_PER_DATAGRAM_MAX 32
#define DTLS_TIMER_US_MIN 50000   /* first retransmission, at least */
#define DTLS_TIMER_US_FLOOR 20000 /* never shorter: OpenSSL counts 15 ms as expired */
#define DTLS_TIMER_US_MAX 4000000 /* doubling stops here */
#define DTLS_IDLE_US 1000000      /* without traffic for so long OpenSSL's buffers are given back */
#define DTLS_HANDSHAKE_US 30000000 /* a handshake that takes longer has failed */
#define DTLS_CERT_DAYS (30 * 365)  /* life of a certificate of ours */
#endif
