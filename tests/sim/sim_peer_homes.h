/* SPDX-License-Identifier: MIT */
/* sim: two whole peers (SDP, trickled candidates, ICE, OpenSSL's DTLS, SCTP), each behind a NAT of
 * its own, behind one of both, or behind none; a STUN server, a TURN server over UDP and TCP, and a
 * signaling channel that takes its time. All from one seed, in virtual time. */
#ifndef TULLE_SIM_PEER_HOMES_H
#define TULLE_SIM_PEER_HOMES_H
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_nat.h"
#include "tests/sim/sim_net.h"
#include "tests/support/relay.h"

#include <tulle/peer.h>

#define HOMES_STREAMS 8

typedef struct {
	const sim_nat_kind *nat; /* NULL: a public address */
	tulle_addr inside;       /* of a host with a NAT */
	bool no_relay;           /* it knows no TURN server */
	bool tcp_relay;          /* it knows its way over TCP too */
} homes_side;

typedef struct {
	homes_side side[2];
	bool together;        /* both behind the NAT of side 0 */
	bool lan;             /* then they reach each other within it */
	bool no_stun;         /* nobody knows the STUN server */
	sim_link link;        /* of a host into the network, and of the servers */
	tulle_time signal_us; /* what a description or a candidate takes */
} homes_config;

typedef struct {
	tulle_peer *peer;
	void *memory;
	tulle_addr local; /* as the host knows it */
	sim_nat *nat;     /* NULL: none */
	tulle_channel channel;
	tulle_connection_state connection;
	bool connected; /* it was */
	tulle_time open_at,
		failed_at;        /* 0: not yet. SPED may open a channel before there is a path */
	unsigned interrupted;     /* times that it was DISCONNECTED */
	unsigned offers;          /* made */
	uint32_t sent, want, got; /* messages: sent, to be sent, received */
	uint64_t got_bytes;
} homes_host;

typedef struct {
	bool used, open, closed;
	int host;
	uint32_t id;
	tulle_addr client; /* as the server sees it: scope 1 tells it from a UDP client */
	uint8_t up[4096], down[16384]; /* not a whole message yet; more than the host takes now */
	size_t up_len, down_len, credit;
} homes_stream;

typedef struct homes homes;
struct homes {
	homes_config config;
	sim_verdict *verdict;
	tulle_time now;
	sim_prng draws; /* the peers' secrets; the network and the NATs have their own */
	sim_prng chance;
	sim_net net;
	homes_host host[2];
	sim_nat nat[2];
	world_relay stun, turn;
	homes_stream streams[HOMES_STREAMS];
	uint16_t next_client;
	uint32_t message_bytes;
	bool restarts;  /* who is DISCONNECTED restarts ICE, as W3C has applications do */
	uint64_t trace; /* a hash of all that was sent, and when */
	uint64_t story; /* likewise of what the peers told: what and when */
	uint64_t entries, to_stranger_bytes;
	/* Sees each datagram that a host or a server sends, as the network has it; NULL: nobody. */
	void (*tap)(homes *h, const tulle_addr *from, const tulle_addr *to, tulle_bytes data);
	/* Once at `at`, then whenever it gives another time. */
	tulle_time (*disturb)(homes *h);
	tulle_time disturb_at;
	void *user;
};

void homes_open(homes *h, const homes_config *config, uint64_t seed, sim_verdict *verdict);
/* Until done says so: true; false: nothing is left to happen, or `us` have passed. */
bool homes_run(homes *h, bool (*done)(const homes *h), tulle_time us);
void homes_close(homes *h);
/* Host 0 makes a channel, and with it the first offer. */
void homes_call(homes *h);
/* So many more messages from a host: they go when the channel takes them. */
void homes_say(homes *h, int host, uint32_t messages);
/* TCP does not outlive its NAT's memory. */
void homes_break_streams(homes *h, int host);
/* A datagram out of nowhere, with whatever source. */
void homes_inject(
	homes *h, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len);
/* Neither end sends through a relay, its own or the other's. */
bool homes_is_direct(const homes *h);
tulle_addr homes_addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
#endif
