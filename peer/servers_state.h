/* SPDX-License-Identifier: MIT */
/* peer: the state of the servers, for servers*.c alone. */
#ifndef TULLE_PEER_SERVERS_STATE_H
#define TULLE_PEER_SERVERS_STATE_H
#include "base/addr.h"
#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"
#include "peer/limits.h"
#include "peer/servers.h"
#include "turn/turn.h"

typedef enum {
	SERVER_IDLE,       /* not begun, or a relay too many: it waits for another to fail */
	SERVER_RESOLVING,  /* its name */
	SERVER_CONNECTING, /* a stream */
	SERVER_ASKING,     /* Allocate; of a STUN server: its clients ask */
	SERVER_READY,
	SERVER_RESTING, /* it failed, and is asked again at `due` */
	SERVER_FAILED,  /* for good */
	SERVER_CLOSED,
} server_state;

typedef struct {
	tulle_addr addr; /* family 0: free */
	tulle_time used;
	bool heard; /* it has sent something */
} server_peer;

typedef struct {
	tulle_turn_uri uri; /* its host points into url */
	char *url;
	tulle_text username, password;
	server_state state;
	bool answered; /* or failed: gathering no longer waits for it */
	tulle_addr addresses[PEER_SERVER_ADDRESSES_MAX];
	uint8_t address_count, address_at; /* the next to try */
	tulle_time due;                    /* NEVER, or when the next one is tried, or it again */
	tulle_time rest;                   /* how long it rests when it fails again */
	tulle_time barred;                 /* it is not asked before, whatever comes */
	bool roamed;                       /* its relay may be known by a former address of ours */
	bool first_round;                  /* over its addresses, and none has said anything */
	bool resolve_due, connect_due, end_due, room_due;
	bool redirected;
	uint8_t domain_len;
	char domain[255]; /* an alternate server's, for its certificate; len 0: the host's */
	tulle_addr addr;  /* in use */

	void *memory; /* of the TURN client */
	size_t memory_bytes;
	tulle_turn *turn;       /* NULL: none now */
	uint32_t generation;    /* of the relay's paths */
	uint32_t stream, ended; /* id; 0: none. ended: of the stream that end_due ends */
	bool open;
	size_t room; /* that the host still takes */
	uint32_t delivered;
	uint32_t path;     /* that the mapped address is of; 0: not known */
	tulle_addr mapped; /* family 0: none; over UDP alone */
	uint32_t former_path;
	tulle_addr former;  /* what an allocation before this one saw of former_path */
	uint32_t seen_path; /* as path was when mapped was told */
	tulle_time silent;  /* since the first send without anything back; NEVER: it speaks */
	tulle_time probed;  /* when it was asked for that; NEVER: it was not */
	server_peer peers[PEER_SERVER_PEERS];
	tulle_peer_servers_error error; /* serial 0: none */
} peer_server;

/* One path's question to one STUN server. */
typedef struct {
	bool used, answered;
	uint8_t server;
	uint32_t path;
	tulle_addr local, mapped, former; /* family 0: none */
	tulle_turn_reflexive *client;
	_Alignas(max_align_t) uint8_t block[TULLE_TURN_REFLEXIVE_BYTES];
} server_question;

/* A datagram that waits for its permission. */
typedef struct {
	uint32_t path; /* 0: none */
	tulle_addr remote;
	uint64_t order;
	size_t len;
	uint8_t data[PEER_SERVER_HELD_BYTES];
} server_held;

struct tulle_peer_servers {
	size_t bytes;
	tulle_random random;
	tulle_time now;
	bool relay_only, loopback, begun, paths_known, done, closed;
	uint32_t version, error_serial, generation, stream_serial;
	uint64_t held_order;
	tulle_time next_ask; /* of a Binding request that waits for Ta; NEVER: none does */
	tulle_time last_ask;
	uint8_t burst;
	tulle_time give_up; /* gathering waits for nobody any more */
	peer_server servers[PEER_SERVERS_MAX];
	uint8_t server_count;
	struct {
		uint32_t id, mtu;
		tulle_addr local;
	} paths[PEER_PATHS_MAX];
	uint8_t path_count;
	server_held held[PEER_SERVER_HELD_MAX];
	server_question questions[PEER_SERVER_QUESTIONS_MAX];
	/* The input that is given out by next. */
	tulle_in inner;
	bool has_inner;
	tulle_bytes rest; /* of a stream */
	peer_server *rest_of;
};

/* servers.c */
void tulle_peer_servers_fault(
	tulle_peer_servers *s, peer_server *v, unsigned code, const char *text);
void tulle_peer_servers_changed(tulle_peer_servers *s);
uint8_t tulle_peer_servers_number(const tulle_peer_servers *s, const peer_server *v);

/* servers_ask.c: names, addresses, STUN servers */
void tulle_peer_servers_start(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_addressed(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_resolved(tulle_peer_servers *s, const tulle_in *in);
void tulle_peer_servers_ask_all(tulle_peer_servers *s);
void tulle_peer_servers_forget_path(tulle_peer_servers *s, uint32_t id);
void tulle_peer_servers_hear(tulle_peer_servers *s, server_question *q);

/* servers_relay.c: allocations */
void tulle_peer_servers_try_next(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_rest(tulle_peer_servers *s, peer_server *v, tulle_time until);
void tulle_peer_servers_wake(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_allocate(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_leave_stream(peer_server *v, bool tell);
void tulle_peer_servers_lost(tulle_peer_servers *s, peer_server *v, const char *why);
void tulle_peer_servers_hear_turn(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_heard(tulle_peer_servers *s, peer_server *v);
tulle_time tulle_peer_servers_silence(const peer_server *v);
/* A path has come, or (gone != 0) that one has gone and others are left. */
void tulle_peer_servers_roam(tulle_peer_servers *s, uint32_t gone);
void tulle_peer_servers_relay_due(tulle_peer_servers *s, peer_server *v);
peer_server *tulle_peer_servers_of(tulle_peer_servers *s, uint32_t path);
bool tulle_peer_servers_unhold(
	tulle_peer_servers *s, uint8_t *scratch, size_t bytes, tulle_out *out);
/* A relay's path; 0: it has none of this family. */
uint32_t tulle_peer_servers_path(const tulle_peer_servers *s, const peer_server *v, unsigned six);

/* servers_places.c: need: for something that is to be sent. */
void tulle_peer_servers_need(tulle_peer_servers *s, peer_server *v, const tulle_addr *remote);
void tulle_peer_servers_forget_idle(tulle_peer_servers *s, peer_server *v);
void tulle_peer_servers_note(
	tulle_peer_servers *s, peer_server *v, const tulle_addr *remote, bool heard);
#endif
