/* SPDX-License-Identifier: MIT */
/* signal: every bound of this room. */
#ifndef TULLE_SIGNAL_LIMITS_H
#define TULLE_SIGNAL_LIMITS_H
#define TULLE_SIGNAL_URL_MAX 2048          /* bytes of a URL */
#define TULLE_SIGNAL_HOST_MAX 255          /* bytes of a host name */
#define TULLE_SIGNAL_TARGET_MAX 2048       /* bytes of path and query */
#define TULLE_SIGNAL_REQUEST_LINE_MAX 8192 /* bytes of the first line of an HTTP message */
#define TULLE_SIGNAL_HEAD_MAX 16384        /* bytes of a whole HTTP head */
#define TULLE_SIGNAL_HEADERS_MAX 100       /* header lines in one head */
#define TULLE_SIGNAL_PROTOCOL_MAX 64       /* bytes of a subprotocol's name */
#define TULLE_SIGNAL_ADDRESS_MAX 255       /* bytes of a P address */
#define TULLE_SIGNAL_CONTROL_MAX 125       /* payload bytes of a control frame, RFC6455:5.5 */
#define TULLE_SIGNAL_REASON_MAX 123        /* bytes of a close reason, RFC6455:5.5.1 */
#define TULLE_SIGNAL_FRAME_BYTES 65536     /* default: largest frame taken */
#define TULLE_SIGNAL_MESSAGE_BYTES 1048576 /* default: largest message taken */
#define TULLE_SIGNAL_FRAGMENTS_MAX 1024    /* default: frames of one message */
#define TULLE_SIGNAL_SEND_BYTES 2097152    /* default: bytes waiting to be sent */
#define TULLE_SIGNAL_SEND_FRAME 16384      /* payload bytes of a frame that we send */
#define TULLE_SIGNAL_HANDSHAKE_US 10000000 /* default: from the stream's start to open */
#define TULLE_SIGNAL_PING_US 20000000      /* default: between pings */
#define TULLE_SIGNAL_PONG_US 10000000      /* default: from ping to pong */
#define TULLE_SIGNAL_CLOSE_US 2000000      /* default: from our close frame to the stream's end */
#define TULLE_SIGNAL_WS_MEMORY_BYTES 2048  /* enough for any tulle_signal_ws, for static arrays */
#endif
