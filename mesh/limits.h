/* SPDX-License-Identifier: MIT */
/* mesh: every bound of the room. */
#ifndef TULLE_MESH_LIMITS_H
#define TULLE_MESH_LIMITS_H

#define MESH_NODES 256                   /* default of nodes_max */
#define MESH_NODES_MAX 65536             /* the most that may be asked for */
#define MESH_ATTEMPTS 32                 /* default of attempts_max */
#define MESH_CONNECT_MS 30000            /* default of connect_timeout_ms */
#define MESH_OFFER_MS 10000              /* default of offer_timeout_ms */
#define MESH_GLARE_US 3000000            /* our attempt waits for an original's so long */
#define MESH_RELAY_BYTES_PER_S 65536     /* default of relay_bytes_per_s_per_node */
#define MESH_RELAY_BURST_S 4             /* seconds of it that may come at once */
#define MESH_SEND_BYTES (1 << 20)        /* default of send_bytes_max */
#define MESH_LOW_WATER (256 << 10)       /* default of low_water */
#define MESH_MESSAGE_BYTES (256 << 10)   /* default of message_bytes_max */
#define MESH_MEMORY_BYTES (64 << 20)     /* default of memory_bytes_max */
#define MESH_MEMORY_BYTES_MIN (64 << 10) /* the least that a root can live in */
#define MESH_POOL_BLOCK_BYTES 2048 /* blocks of the pool of all peers; it gets half the memory */
#define MESH_PENDING_BYTES 65536   /* of a node that is not open yet: what waits to be sent to it */
#define MESH_PENDING_US 30000000   /* and for how long */
#define MESH_PLAIN_BYTES 2048      /* scratch of DTLS records */
#define MESH_WS_INPUT_BYTES 16384  /* of a WebSocket: bytes that may come before they are read */
#define MESH_OFFER_CANDIDATES 16   /* kept for an offer that waits for accept */
#define MESH_OFFER_BYTES_MAX 65536 /* of an offer that waits, all texts */
#define MESH_SIGNAL_BYTES_MAX 16384 /* of an offer, answer or candidate of ours on the wire */
#define MESH_EVENTS_A_TURN 256      /* events of one dispatch before the network has its turn */
#endif
