/* SPDX-License-Identifier: MIT */
/* ice: every bound of the room (docs/LIMITS.md is made of this). */
#ifndef TULLE_ICE_LIMITS_H
#define TULLE_ICE_LIMITS_H
#define ICE_LOCAL_MAX 24               /* local candidates */
#define ICE_PATHS_MAX 16               /* of these, addresses of ours: servers' have room then */
#define ICE_TCP_PATHS_MAX 8            /* besides those, of streams */
#define ICE_OPENING_MAX 5              /* streams being opened: RFC6544:12 */
#define ICE_REMOTE_MAX 64              /* remote candidates that were signaled */
#define ICE_PRFLX_MAX 16               /* remote candidates learnt from checks, besides those */
#define ICE_PAIRS_MAX 100              /* candidate pairs: RFC8445:6.1.2.5 */
#define ICE_FORGET_US 5000000          /* between learnt candidates that make room for others */
#define ICE_EARLY_MAX 8                /* checks remembered from before the remote's credentials */
#define ICE_ANSWERS_MAX 16             /* answers waiting to be polled */
#define ICE_ERRORS_MAX 4               /* of these, to requests that were not authentic */
#define ICE_HOME_PAIRS 4               /* slots in the agent's block, when there is an allocator */
#define ICE_HOME_LOCALS 12             /* likewise */
#define ICE_HOME_REMOTES 12            /* likewise */
#define ICE_HOME_ANSWERS 4             /* likewise */
#define ICE_HOME_EARLY 2               /* likewise */
#define ICE_CONSENT_IDS 8              /* consent checks whose answers still count: 30 s of them */
#define ICE_CANDIDATE_TEXT_MAX 1024    /* bytes of one candidate line that is read */
#define ICE_UFRAG_MAX 256              /* RFC8839:5.4 */
#define ICE_PWD_MAX 256                /* RFC8839:5.4 */
#define ICE_EMBEDDED_MAX 14600         /* bytes of SPED in checks without an answer: RFC8445:B.1 */
#define ICE_PLAIN_BYTES 320            /* SPED leaves them for two checks, before validation */
#define ICE_MTU_DEFAULT 1200           /* bytes of a datagram with SPED on a path of unknown mtu */
#define ICE_BURST 4                    /* first checks that need not wait for Ta */
#define ICE_TA_US 50000                /* RFC8445:14.2 */
#define ICE_REFLECT_FACTOR 3           /* bytes out for each byte in, until a path is validated */
#define ICE_CONSENT_US 5000000         /* RFC7675:5.1, times 0.8 to 1.2 */
#define ICE_CONSENT_EXPIRY_US 30000000 /* RFC7675:5.1 */
#define ICE_FRESH_US 23000000          /* since its last answer a pair may carry data at once */
#define ICE_DISCONNECTED_US 7000000    /* since an unanswered consent check: the next one is too */
#define ICE_LEAVE_US 3000000           /* data from before a restart: as RFC8445:8.3 waits */
#define ICE_DOUBT_US 1000000           /* of the pair with data, when another is nominated */
#define ICE_PATIENCE_US 39500000       /* no FAILED before: RFC8863:4 */
#endif
