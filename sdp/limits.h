/* SPDX-License-Identifier: MIT */
/* sdp: every bound of the room (docs/LIMITS.md is made of this). */
#ifndef TULLE_SDP_LIMITS_H
#define TULLE_SDP_LIMITS_H
#define SDP_BYTES_MAX 262144           /* of a description */
#define SDP_LINE_BYTES_MAX 8192        /* of a line */
#define SDP_LINES_MAX 2000             /* of a description */
#define SDP_CANDIDATES_MAX 100         /* of our section */
#define SDP_UFRAG_MAX 256              /* RFC8839:5.4 */
#define SDP_TOKEN_MAX 255              /* of a mid, a tls-id */
#define SDP_MESSAGE_SIZE_DEFAULT 65536 /* RFC8841:6 */
#define SDP_GROUPS_MAX 4               /* a=group:BUNDLE lines that are looked at */
#endif
