/* SPDX-License-Identifier: MIT */
/* turn: every bound of the room (docs/LIMITS.md is made of this). */
#ifndef TULLE_TURN_LIMITS_H
#define TULLE_TURN_LIMITS_H
#define TURN_USERNAME_MAX 508          /* bytes: RFC8489:14.3 */
#define TURN_PASSWORD_MAX 508          /* bytes of our own password that are copied */
#define TURN_REALM_MAX 508             /* bytes: 127 characters of four, RFC8489:14.9 */
#define TURN_NONCE_MAX 508             /* bytes: 127 characters of four, RFC8489:14.10 */
#define TURN_ALGORITHMS_MAX 256        /* bytes of PASSWORD-ALGORITHMS that are echoed */
#define TURN_DOMAIN_MAX 255            /* bytes of an ALTERNATE-DOMAIN */
#define TURN_PEERS_MAX 64              /* peers of one allocation, those in quarantine too */
#define TURN_PEERS_DEFAULT 16          /* when the config says nothing */
#define TURN_STREAM_BYTES_MIN 1500     /* of the buffer that puts a stream's messages together */
#define TURN_STREAM_BYTES_MAX 65560    /* the longest ChannelData or STUN message */
#define TURN_STREAM_BYTES_DEFAULT 2048 /* when the config says nothing; longer ones are skipped */
#define TURN_NONCES_MAX 3              /* 438 in a row that one request follows */
#define TURN_ERRORS_MAX 4              /* answers 5xx in a row after which it is sent again */
#define TURN_TROUBLE_US 10000000       /* after 5xx, until what holds still is asked for again */
#define TURN_ALTERNATES_MAX 4          /* servers that a chain of 300 leads to */
#define TURN_TUPLES_MAX 3              /* local addresses tried after 437: RFC8656:7.4 */
#define TURN_LIFETIME_S_MIN 10         /* a shorter lifetime is no allocation */
#define TURN_LIFETIME_S_MAX 3600       /* a longer one is refreshed as if it were this */
#define TURN_REFRESH_EARLY_US 60000000 /* before the end, or at half: RFC8656:8 */
#define TURN_PERMISSION_US 300000000   /* RFC8656:9 */
#define TURN_PERMISSION_REFRESH_US 240000000 /* since it was last asked for */
#define TURN_CHANNEL_US 600000000            /* RFC8656:12 */
#define TURN_CHANNEL_REFRESH_US 540000000    /* since it was last asked for */
#define TURN_CHANNEL_QUARANTINE_US 300000000 /* after the end: RFC8656:12 */
#define TURN_KEEPALIVE_US 15000000           /* of silence towards the server: RFC8445:11 */
#define TURN_WAIT_TUPLES_US 120000000        /* after the last 437: RFC8656:7.4 */
#define TURN_REFLEXIVE_US_MIN 1000000        /* between two requests to a STUN server */
#define TURN_URI_MAX 512                     /* bytes of a URI that is read */
#define TURN_HOST_MAX 255                    /* bytes of its host */
#endif
