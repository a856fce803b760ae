/* SPDX-License-Identifier: MIT */
/* peer: every bound of the room. */
#ifndef TULLE_PEER_LIMITS_H
#define TULLE_PEER_LIMITS_H

#define PEER_PATHS_MAX 16         /* interface addresses */
#define PEER_LISTED_MAX 24        /* candidates of ours in a description */
#define PEER_SDP_BYTES_MAX 8192   /* of a description of the remote's */
#define PEER_LOCAL_SDP_BYTES 4096 /* of one of ours, candidates included */
#define PEER_MTU 1200             /* bytes of a datagram above UDP that any path takes: RFC8831:5 */
#define PEER_MTU_MAX 1472         /* Ethernet's 1500 without IPv4 and UDP */
#define PEER_RECORD_OVERHEAD 37   /* of DTLS, with any cipher */
#define PEER_PLAIN_BYTES 2048     /* plaintext of one record, in or out */
#define PEER_RUN_SEGMENTS_MAX                                                                      \
	54                       /* packets in one run for UDP_SEGMENT: so many were seen to pass  \
				  */
#define PEER_RUN_BYTES_MAX 65507 /* the largest UDP payload */
#define PEER_CHANNELS_MAX 65535  /* streams 0..65534: RFC8832:6 */
#define PEER_CHANNELS_INLINE 4   /* channels that need no block of the pool */
#define PEER_CHANNEL_TEXT_INLINE 24     /* label and protocol that need none, bytes */
#define PEER_LONG_TEXT_BYTES 262144     /* of labels and protocols beyond a block each */
#define PEER_SEND_BYTES 4194304         /* default of send_bytes_max */
#define PEER_RECEIVE_BYTES 4194304      /* default of receive_bytes_max */
#define PEER_MESSAGE_BYTES 262144       /* default of message_bytes_max */
#define PEER_REMOTE_MESSAGE_BYTES 65536 /* without a=max-message-size: RFC8841:6.1 */
#define PEER_MUX_ASKS_PER_S 200000      /* owners asked whose a datagram is that no hint knows */
#define PEER_MUX_BURST_US 1000000       /* so much of it at once */
#define PEER_SPED_MTU 900               /* of DTLS in a check: room for TURN and IPv6 is left */
#define PEER_SPED_ACKS 4                /* CRC-32 values in an acknowledgement */
#define PEER_OPTIONS_BYTES 32           /* of a=ice-options */
#define PEER_INIT_BYTES 256             /* of an INIT chunk in a description */
#define PEER_INIT_TEXT_BYTES 344        /* likewise, in base64 */
#define PEER_CLOSE_WAIT_US 10000000     /* for the remote's reset when ours is done; then CLOSED */
#define PEER_OWN_POOL_BLOCK_BYTES 2048  /* of a peer that brings its own pool (tulle_peer_init) */
#define PEER_NAMES_MAX 8                /* candidates with a name that is being asked for */
#define PEER_NAME_ENDS_MAX 2            /* ends of candidates that wait for them */
#define PEER_NAME_CANDIDATE 256         /* bytes of one of them */
#define PEER_NAME_UFRAG 64              /* of the ufrag it belongs to */
#define PEER_NAME_US 15000000           /* then nobody answers any more */
#define PEER_STREAMS_MAX 16             /* of ICE-TCP */
#define PEER_STREAMS_UNPROVEN 4         /* of these, accepted and without an authentic check */
#define PEER_STREAMS_ENDED 32           /* ends that the host is to hear of */
#define PEER_STREAM_PACKET 2048         /* bytes of one that comes in a frame */
#define PEER_STREAM_ROOM 65536          /* bytes that may come at a time */
#define PEER_STREAM_RESERVE 4096        /* of what may go, for checks and answers alone */
#define PEER_STREAM_PROOF_BYTES 4096    /* that may come before a stream has proven whose it is */
#define PEER_STREAM_PROOF_PACKETS 4     /* likewise */
#define PEER_STREAM_PROOF_US 5000000    /* likewise */
#define PEER_SERVERS_MAX 8              /* STUN and TURN servers in a config */
#define PEER_RELAYS_MAX (2 * PEER_SERVERS_MAX) /* their paths: one a family */
#define PEER_SERVER_RELAYS_MAX 4          /* of these, allocations at a time; the rest stand by */
#define PEER_SERVER_ADDRESSES_MAX 4       /* of one name that are tried */
#define PEER_SERVER_QUESTIONS_MAX 16      /* Binding clients: paths times STUN servers */
#define PEER_SERVER_PEERS 32              /* remote addresses that one relay lets through */
#define PEER_SERVER_PLACES 64             /* of its client: those too whose channels rest */
#define PEER_SERVER_CHANNELS 31           /* of these, so that a place is always free */
#define PEER_SERVER_HELD_MAX 8            /* datagrams that wait for a permission */
#define PEER_SERVER_HELD_BYTES 1280       /* of one of them: a check that carries DTLS */
#define PEER_SERVER_STREAM_ROOM 65536     /* bytes that may come from a server at a time */
#define PEER_SERVER_NAME_US 10000000      /* for a name to resolve */
#define PEER_SERVER_MOMENT_US 250000      /* each address has in a first round: RFC8305:5 */
#define PEER_SERVER_HURRY_US 3000000      /* and in a second, before the next one is tried */
#define PEER_SERVER_CONNECT_US 20000000   /* for a stream to a server */
#define PEER_SERVER_GATHER_US 39500000    /* gathering ends: a transaction of RFC8489:6.2.1 */
#define PEER_SERVER_REST_US 15000000      /* after a failure, doubled at each up to */
#define PEER_SERVER_REST_US_MAX 300000000 /* five minutes */
#define PEER_SERVER_BURST 4               /* first questions that need not wait for Ta */
#define PEER_SERVER_TA_US 50000           /* between further ones: RFC8445:14.2 */
#define PEER_SERVER_SILENCE_US 3000000    /* nothing comes back: the server itself is asked */
#define PEER_SERVER_SILENT_US 4500000     /* and has so long: four sends of RFC8489:6.2.1 */
#define PEER_SERVER_IDLE_US 120000000     /* without a datagram a permission is given up */
#define PEER_SERVER_PLACE_US 5000000      /* before one gives way to who was only named */
#endif
