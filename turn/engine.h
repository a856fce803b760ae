/* SPDX-License-Identifier: MIT */
/* turn: what the files of this room share. */
#ifndef TULLE_TURN_ENGINE_H
#define TULLE_TURN_ENGINE_H
#include <tulle/stun.h>
#include <tulle/turn.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"
#include "turn/limits.h"

#define TURN_NONE 0xff

/* One request and the new transactions that it takes until it is answered for good. */
typedef struct {
	tulle_stun_transaction tx;
	uint16_t method, hint; /* hint: the code of an error that was discarded */
	bool active, authentic /* sent with credentials */, forged;
	uint8_t nonces, errors; /* 438 and 5xx in a row */
} turn_request;

typedef enum { TURN_ASKED = 1, TURN_GRANTED, TURN_REFUSED } turn_grant;

/* RFC8656:9: by IP address, the port is 0 */
typedef struct {
	bool used;
	turn_grant grant;
	uint16_t code;
	tulle_addr addr;
	tulle_time until, refresh_at; /* while granted */
	turn_request request;
} turn_permission;

/* RFC8656:12: by transport address. A channel has a number from its first request on. */
typedef struct {
	bool used, left /* its number rests */, bound, tell, tell_icmp;
	uint8_t permission;    /* TURN_NONE when left */
	uint16_t number, code; /* number 0: no channel; code: why the channel was refused */
	tulle_addr addr;
	tulle_time bound_until, rebind_at;   /* while bound */
	tulle_time asked_until, rests_until; /* of the number; NEVER: no request went out */
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_data;
	turn_request request;
} turn_peer;

/* RFC8489:9.2: what the server's 401 and 438 said */
typedef struct {
	bool known, userhash, has_algorithms;
	uint8_t key[32], key_bytes, name_hash[32];
	uint16_t algorithm, realm_len, nonce_len, algorithms_len;
	char realm[TURN_REALM_MAX], nonce[TURN_NONCE_MAX];
	uint8_t algorithms[TURN_ALGORITHMS_MAX];
} turn_challenge;

struct tulle_turn {
	tulle_turn_config config;
	tulle_time now;
	tulle_turn_state state;
	tulle_path path; /* remote: the server */
	char username[TURN_USERNAME_MAX], password[TURN_PASSWORD_MAX];
	turn_challenge challenge;
	turn_request main; /* Allocate, Refresh */
	bool farewell;     /* FAILED with an allocation: one Refresh that deletes it is sent */
	tulle_addr relayed[2], mapped;
	uint16_t missing;
	tulle_time lifetime_us, expires, refresh_at, last_sent, rtt;
	tulle_addr tried[TURN_ALTERNATES_MAX];
	uint8_t tried_count, tuples;
	tulle_addr alternate;
	char domain[TURN_DOMAIN_MAX];
	uint8_t domain_len;
	tulle_turn_failure failure;
	uint16_t failure_code;
	tulle_time retry_at;
	bool tell_ready, tell_alternate, tell_failed, tell_closed;
	uint16_t next_number;
	uint8_t peer_slots;
	turn_permission *permissions; /* as many as peers */
	turn_peer *peers;
	uint8_t *stream;
	size_t stream_have, stream_skip;
	uint32_t drops[TULLE_DROP_COUNT];
};

/* engine.c */
void tulle_turn_fail(tulle_turn *turn, tulle_turn_failure failure, uint16_t code);
void tulle_turn_end(tulle_turn *turn);
tulle_drop tulle_turn_take(tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out);

/* request.c */
turn_request *tulle_turn_request_at(tulle_turn *turn, size_t n); /* NULL: there is no nth */
bool tulle_turn_try(tulle_turn *turn, turn_request *r, uint16_t method);
bool tulle_turn_start(tulle_turn *turn, turn_request *r, uint16_t method);
bool tulle_turn_again(tulle_turn *turn, turn_request *r);
size_t tulle_turn_poll_request(tulle_turn *turn, uint8_t *dst);

/* challenge.c */
tulle_turn_failure tulle_turn_take_challenge(tulle_turn *turn, const tulle_stun_message *m);
bool tulle_turn_is_bid_down(const tulle_stun_message *m);
void tulle_turn_write_credentials(const tulle_turn *turn, tulle_stun_writer *w);
bool tulle_turn_is_authentic(const tulle_turn *turn, const tulle_stun_message *m);

/* answer.c */
tulle_turn_failure tulle_turn_failure_of(unsigned code);
tulle_drop tulle_turn_take_answer(tulle_turn *turn, const tulle_stun_message *m);
void tulle_turn_request_failed(
	tulle_turn *turn, turn_request *r, tulle_turn_failure failure, uint16_t code);
bool tulle_turn_is_passing(tulle_turn_failure failure);

/* allocation.c */
bool tulle_turn_is_usable(const tulle_addr *a);
void tulle_turn_allocated(tulle_turn *turn, const tulle_stun_message *m);
void tulle_turn_refreshed(tulle_turn *turn, const tulle_stun_message *m);
void tulle_turn_redirected(tulle_turn *turn, const tulle_stun_message *m);
void tulle_turn_allocation_tick(tulle_turn *turn);
tulle_time tulle_turn_allocation_timeout(const tulle_turn *turn);

/* peer.c */
turn_peer *tulle_turn_find_peer(const tulle_turn *turn, const tulle_addr *addr);
turn_permission *tulle_turn_find_permission(const tulle_turn *turn, const tulle_addr *peer);
bool tulle_turn_is_open(const tulle_turn *turn, const turn_permission *p);
bool tulle_turn_is_bound(const tulle_turn *turn, const turn_peer *p);
void tulle_turn_peer_answered(tulle_turn *turn, turn_request *r);
void tulle_turn_peer_refused(
	tulle_turn *turn, turn_request *r, tulle_turn_failure failure, uint16_t code);
void tulle_turn_forget_all(tulle_turn *turn);
void tulle_turn_peers_tick(tulle_turn *turn);
tulle_time tulle_turn_peers_timeout(const tulle_turn *turn);
bool tulle_turn_peer_event(tulle_turn *turn, tulle_turn_event *event);
void tulle_turn_check_peers(const tulle_turn *turn);

/* data.c */
tulle_drop tulle_turn_take_channel(
	const tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out);
tulle_drop tulle_turn_take_indication(
	tulle_turn *turn, const tulle_stun_message *m, tulle_turn_data *out);
#endif
