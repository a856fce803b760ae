/* SPDX-License-Identifier: MIT */
/* host: every bound of the room. */
#ifndef TULLE_HOST_LIMITS_H
#define TULLE_HOST_LIMITS_H

#define HOST_INTERFACES_MAX 16      /* addresses that are told to members */
#define HOST_ROAM_READS 64          /* messages about interfaces before the list is read */
#define HOST_ROAM_SECONDS 5         /* between two looks, where netlink may not be listened to */
#define HOST_MEMBERS_MAX 65536      /* roots, peers and onramps on one host */
#define HOST_EVENTS_MAX 64          /* descriptors looked at in one turn */
#define HOST_RECEIVE_MESSAGES 8     /* of one recvmmsg */
#define HOST_RECEIVE_BYTES 65536    /* of one message: the most that UDP_GRO joins */
#define HOST_RECEIVE_ROUNDS 4       /* recvmmsg calls of one socket in one turn */
#define HOST_SEND_MESSAGES 32       /* of one sendmmsg */
#define HOST_SEND_BYTES (1 << 18)   /* scratch that members write output into */
#define HOST_SEND_RUN 65536         /* scratch that a member is given at least */
#define HOST_DATAGRAMS_A_POLL 8     /* a member is polled after at most so many datagrams */
#define HOST_OUTPUTS_A_TURN 64      /* outputs of one member before the next has its turn */
#define HOST_SOCKET_BYTES (4 << 20) /* asked of SO_RCVBUF and SO_SNDBUF; the kernel gives less */
#define HOST_POOL_BLOCK_BYTES 2048  /* blocks of the pool of standalone peers */
#define HOST_POOL_BLOCKS 32768      /* how many: 64 MiB, touched only when used */
#define HOST_NAME_ADDRESSES_MAX 8   /* of one name that are tried */
#define HOST_NAME_THREADS_MAX 8     /* names asked for at a time; more wait */
#define HOST_MDNS_QUESTIONS 64      /* names of members that the link is asked for, or wait */
#define HOST_MDNS_NAMES 64          /* that members hide addresses behind */
#define HOST_MDNS_ADDRESSES 128     /* of all interfaces, that are looked at */
#define HOST_MDNS_BYTES 9000        /* of one message: RFC6762:17 */
#define HOST_MDNS_READS 32          /* datagrams of one socket in one turn */
#define HOST_MDNS_LOOK_US INT64_C(1000000)     /* between two looks at the interfaces */
#define HOST_STREAM_CHAINS 1024                /* of the table of streams */
#define HOST_STREAM_READ_BYTES 65536           /* of one read */
#define HOST_STREAM_OUT_BYTES (1 << 18)        /* of one stream, taken and not yet in the kernel */
#define HOST_STREAM_LINGER_BYTES (1 << 22)     /* thrown away after the member has left */
#define HOST_STREAM_LINGER_US INT64_C(5000000) /* how long the rest may take to go */
#define HOST_STREAM_CONNECT_US INT64_C(20000000) /* name, connect and TLS together */
#define HOST_LOBBY_MAX 64              /* accepted streams that have not said whose they are */
#define HOST_LOBBY_PACKET 1280         /* bytes of the check that says it */
#define HOST_LOBBY_US INT64_C(5000000) /* how long that may take */
#define HOST_STREAM_ACCEPTS 16 /* a turn: fewer than an onramp may turn away between drains */
#endif
