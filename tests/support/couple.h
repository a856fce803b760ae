/* SPDX-License-Identifier: MIT */
/* Tests: two peers in virtual time, each in exactly its bytes with guard bytes behind them, and a
 * network between them that loses, doubles and reorders by a seed. ICE, DTLS (OpenSSL's, on our
 * clock) and SCTP are the real ones. tulle_peer_check runs after each entry. No clock, no socket.
 */
#ifndef TULLE_TESTS_COUPLE_H
#define TULLE_TESTS_COUPLE_H
#include "peer/peer.h"

#define COUPLE_GUARD 64u
#define COUPLE_KINDS (TULLE_PEER_ICE_CANDIDATE_ERROR + 1)

typedef struct couple couple;

typedef struct {
	uint8_t *memory;
	size_t bytes;
	tulle_peer *peer;
	unsigned events[COUPLE_KINDS]; /* heard, by kind */
	tulle_channel channel;         /* the last one heard of */
	unsigned first, last;          /* of the last message */
	bool is_text;
	uint8_t *message; /* its bytes, put together; message_len of them */
	size_t message_len, message_cap;
	tulle_err error;
	tulle_connection_state connection; /* as last heard */
} couple_end;

typedef struct {
	tulle_time at;
	uint64_t order;
	int to;
	uint32_t path; /* of the receiver, 1 unless the couple is routed */
	tulle_addr from;
	size_t len;
	uint8_t *data;
} couple_packet;

/* A name of the link, and a question for one. */
typedef struct {
	char text[42];
	tulle_addr addr;
} couple_name;

typedef struct {
	tulle_time at; /* of the answer */
	int end;
	uint32_t id;
	bool known;
	tulle_addr addr;
} couple_question;

struct couple {
	couple_end end[2];
	tulle_time now;
	uint64_t seed;
	bool no_random;
	bool by_hand; /* descriptions and candidates are the test's */
	/* Datagrams go by their addresses, and only to a path that is up; else all of an end's come
	 * to the other's only one. */
	bool routed;
	uint32_t up[2]; /* a bit for each path: couple_path */
	tulle_time delay_us;
	uint32_t interface_mtu; /* (1500) as both are told */
	size_t takes;           /* larger datagrams vanish but those that may be cut; 0: none */
	uint64_t cut;
	unsigned loss, doubled, reorder;                                   /* of 1000 datagrams */
	bool (*eat)(couple *c, int from, const uint8_t *data, size_t len); /* NULL: none is eaten */
	void (*on_event)(couple *c, int end, const tulle_peer_event *e);   /* after the kit's own */
	uint64_t datagrams, lost, doubles, late, order, turns;
	couple_name names[16]; /* published, or put here by the test */
	size_t name_count, asked;
	couple_question questions[16]; /* that wait for their answer */
	size_t question_count;
	tulle_time name_us; /* until a question is answered; NEVER: it is not */
	couple_packet *flight;
	size_t count, cap;
};

/* Before: seed and the network may be set, all else is zero. config NULL: defaults. */
void couple_open(couple *c, const tulle_peer_config *a, const tulle_peer_config *b);
/* Runs until done says so; false: nothing is left to happen, or `us` have passed. done NULL: until
 * then. */
bool couple_run(couple *c, bool (*done)(const couple *c), tulle_time us);
/* A path of this end, 1 to 31, comes or goes; each has an address of its own. */
void couple_path(couple *c, int end, uint32_t path, bool up);
/* Takes one end away before couple_close does. */
void couple_wipe(couple *c, int end);
void couple_close(couple *c);
bool couple_random(void *couple, uint8_t *dst, size_t len);
uint32_t couple_dice(couple *c, uint32_t below);
/* OpenSSL's randomness too comes from the seed: a seed replays byte for byte. */
void couple_seed_openssl(uint64_t seed);
/* from makes the offer, the other one answers. */
tulle_err couple_describe(couple *c, int from);
#endif
