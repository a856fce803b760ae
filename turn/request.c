/* SPDX-License-Identifier: MIT */
/* turn: requests written and repeated: RFC8489:6.2. Invariant: what goes out again under one
 * transaction id is the same message; other content, a new nonce above all, has a new id. */
#include "turn/engine.h"

#define TRANSPORT_UDP (UINT32_C(17) << 24) /* RFC8656:18.8 */
#define FAMILY_IPV6 (UINT32_C(2) << 24)    /* RFC8656:18.6 */

turn_request *tulle_turn_request_at(tulle_turn *turn, size_t n)
{
	if (n == 0)
		return &turn->main;
	n--;
	if (n < turn->peer_slots)
		return &turn->permissions[n].request;
	n -= turn->peer_slots;
	return n < turn->peer_slots ? &turn->peers[n].request : NULL;
}

static bool draw(tulle_turn *turn, turn_request *r)
{
	r->active = tulle_stun_transaction_start(
		&r->tx, turn->now, turn->config.rto_us, &turn->config.random);
	r->authentic = turn->challenge.known;
	r->forged = false;
	return r->active;
}

/* Another transaction for the same request: RFC8489:6.1. False: FAILED for want of randomness. */
bool tulle_turn_again(tulle_turn *turn, turn_request *r)
{
	if (!draw(turn, r))
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_RANDOM, 0);
	return r->active;
}

/* For commands: without randomness nothing changes. */
bool tulle_turn_try(tulle_turn *turn, turn_request *r, uint16_t method)
{
	turn_request fresh = {.method = method};
	if (!draw(turn, &fresh))
		return false;
	*r = fresh;
	return true;
}

bool tulle_turn_start(tulle_turn *turn, turn_request *r, uint16_t method)
{
	*r = (turn_request){.method = method};
	return tulle_turn_again(turn, r);
}

/* RFC8656:7.1. SOFTWARE is left out: it tells every server and listener what to attack. */
static void write_allocate(const tulle_turn *turn, tulle_stun_writer *w)
{
	const tulle_turn_config *c = &turn->config;
	tulle_stun_write_u32(w, TULLE_STUN_A_REQUESTED_TRANSPORT, TRANSPORT_UDP);
	if (c->lifetime_s != 0)
		tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME, c->lifetime_s);
	/* IPv4 is what a server gives unasked, and servers of RFC 5766 know no attribute for it. */
	if (c->ipv6)
		tulle_stun_write_u32(w, TULLE_STUN_A_REQUESTED_ADDRESS_FAMILY, FAMILY_IPV6);
	else if (c->both)
		tulle_stun_write_u32(w, TULLE_STUN_A_ADDITIONAL_ADDRESS_FAMILY, FAMILY_IPV6);
}

/* RFC8656:12.1 */
static void write_channel_bind(tulle_stun_writer *w, const turn_peer *p)
{
	tulle_stun_write_u32(w, TULLE_STUN_A_CHANNEL_NUMBER, (uint32_t)p->number << 16);
	tulle_stun_write_address(w, TULLE_STUN_A_XOR_PEER_ADDRESS, &p->addr);
}

/* Which of the slots a request belongs to. */
static void write_body(const tulle_turn *turn, tulle_stun_writer *w, size_t n)
{
	if (n > turn->peer_slots) {
		write_channel_bind(w, &turn->peers[n - 1 - turn->peer_slots]);
	} else if (n > 0) {
		tulle_stun_write_address(
			w, TULLE_STUN_A_XOR_PEER_ADDRESS, &turn->permissions[n - 1].addr);
	} else if (turn->main.method == TULLE_STUN_ALLOCATE) {
		write_allocate(turn, w);
	} else if (turn->state == TULLE_TURN_CLOSING || turn->farewell) {
		tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME, 0); /* RFC8656:8.1 */
	} else if (turn->config.lifetime_s != 0) {
		tulle_stun_write_u32(w, TULLE_STUN_A_LIFETIME, turn->config.lifetime_s);
	}
}

static size_t write_request(const tulle_turn *turn, size_t n, const turn_request *r, uint8_t *dst)
{
	tulle_stun_writer w = tulle_stun_write_begin(
		dst, TULLE_TURN_DATAGRAM_BYTES, r->method, TULLE_STUN_REQUEST, r->tx.id);
	write_body(turn, &w, n);
	if (r->authentic)
		tulle_turn_write_credentials(turn, &w);
	return tulle_stun_write_finish(&w);
}

static void sent(tulle_turn *turn, size_t n, turn_request *r)
{
	if (turn->config.transport == TULLE_TURN_STREAM)
		tulle_stun_transaction_sent_once(&r->tx, turn->now);
	else
		tulle_stun_transaction_sent(&r->tx, turn->now);
	if (n > turn->peer_slots) { /* it may be bound from here on: RFC8656:12 */
		turn_peer *p = &turn->peers[n - 1 - turn->peer_slots];
		p->asked_until = tulle_time_add(turn->now, TURN_CHANNEL_US);
		p->rests_until = tulle_time_add(p->asked_until, TURN_CHANNEL_QUARANTINE_US);
	}
}

/* The next request that is due, into TULLE_TURN_DATAGRAM_BYTES; 0: none. */
size_t tulle_turn_poll_request(tulle_turn *turn, uint8_t *dst)
{
	turn_request *r;
	for (size_t n = 0; (r = tulle_turn_request_at(turn, n)) != NULL; n++) {
		if (!r->active || !tulle_stun_transaction_is_due(&r->tx, turn->now))
			continue;
		size_t len = write_request(turn, n, r, dst);
		if (len == 0) {
			tulle_turn_fail(turn, TULLE_TURN_FAILURE_TOO_LARGE, 0);
			return 0;
		}
		sent(turn, n, r);
		return len;
	}
	return 0;
}
