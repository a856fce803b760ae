/* SPDX-License-Identifier: MIT */
/* onramp: every bound of this room. */
#ifndef TULLE_ONRAMP_LIMITS_H
#define TULLE_ONRAMP_LIMITS_H
#define TULLE_ONRAMP_CLIENTS 4096               /* default: streams at a time */
#define TULLE_ONRAMP_CLIENTS_MAX (1 << 20)      /* streams at a time, at most */
#define TULLE_ONRAMP_HANDSHAKES_PER_SOURCE 1024 /* default: streams of one address not yet open */
#define TULLE_ONRAMP_QUEUE_BYTES (2 << 20)      /* default: waiting for one client */
#define TULLE_ONRAMP_MEMORY_BYTES (64 << 20)    /* default: all clients together */
#define TULLE_ONRAMP_BYTES_PER_S (4 << 20)      /* default: taken from one client a second */
#define TULLE_ONRAMP_BURST_BYTES (1 << 20)      /* taken from one client at once */
#define TULLE_ONRAMP_MESSAGE_COST 256           /* bytes that each message counts beside its own */
#define TULLE_ONRAMP_WINDOW_BYTES 65536         /* given to the host to deliver */
#define TULLE_ONRAMP_FILES_MAX 4096             /* static files */
#define TULLE_ONRAMP_TURNED_AWAY_MAX 64         /* refused streams between two drains of poll */
#endif
