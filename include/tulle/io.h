/* SPDX-License-Identifier: MIT */
/* <tulle/io.h>: how a peer, a mesh and an onramp touch the world: two values and a deadline. A
 * tulle_in is also what a fuzzer decodes from its bytes and what the simulator delivers. */
#ifndef TULLE_IO_H
#define TULLE_IO_H
#include <tulle/base.h>
typedef enum {
	TULLE_IN_TIME,    /* nothing but the clock moved */
	TULLE_IN_PATH_UP, /* one per interface address (several may share a socket): id, local, mtu,
			     tcp_port; gathering waits for PATHS_KNOWN */
	TULLE_IN_PATHS_KNOWN,
	TULLE_IN_PATH_DOWN,
	TULLE_IN_DATAGRAM,    /* id, local, remote, data */
	TULLE_IN_TOO_BIG,     /* EMSGSIZE or an ICMP: id, remote, mtu */
	TULLE_IN_STREAM_OPEN, /* our connect came through (why == OK), TLS and host name verified,
				 or it failed and is gone (SYSTEM: not reached; STATE: TLS) */
	TULLE_IN_STREAM_ACCEPTED, /* a new id, remote. ICE-TCP: local too; data: its first packet
				     out of the frame, a check, which says whose it is; bytes: as
				     STREAM_ROOM */
	TULLE_IN_STREAM_BYTES,
	TULLE_IN_STREAM_ROOM /* bytes: how many more may be written; it adds up */,
	TULLE_IN_STREAM_END, /* the other side ended it, or it broke (why); it is gone. None follows
				our own STREAM_END */
	TULLE_IN_RESOLVED,   /* id of the question, addrs */
	TULLE_IN_WALL_CLOCK, /* Unix seconds, at start and when it jumps: certificates, tokens */
} tulle_in_kind;
typedef struct {
	tulle_in_kind kind;
	uint32_t id, bytes, mtu;
	tulle_err why;
	int64_t unix_s;
	tulle_addr local, remote;
	tulle_bytes data; /* all borrowed for the call */
	const tulle_addr *addrs;
	size_t addr_count;
	uint16_t tcp_port; /* where streams are accepted; 0: nowhere */
} tulle_in;
typedef enum {
	TULLE_OUT_DATAGRAM,
	TULLE_OUT_STREAM_ROOM /* bytes: how many more the host may deliver on this stream; it adds
				 up, none until first given */
	,
	TULLE_OUT_STREAM_CONNECT, /* from local, unless it has no family */
	TULLE_OUT_STREAM_BYTES,
	TULLE_OUT_STREAM_END,
	TULLE_OUT_RESOLVE, /* id, name; mdns: a name of the link, of RFC 6762 */
	TULLE_OUT_PUBLISH  /* name: of the link, for the address in local, as long as the member
			    * is there, and the address */
} tulle_out_kind;
typedef struct {
	tulle_out_kind kind;
	uint32_t id, bytes;
	tulle_addr local, remote;
	tulle_bytes data; /* data lies in the caller's scratch */
	uint16_t segment; /* DATAGRAM: a run of packets of so many bytes, the last may be shorter:
			     UDP_SEGMENT as it stands */
	bool df_probe, may_fragment; /* DATAGRAM: a run holds equal flags only; a probe is alone */
	tulle_text name;
	uint16_t port;
	bool tls, mdns, abrupt; /* STREAM_CONNECT, RESOLVE, STREAM_END */
} tulle_out;
#endif
