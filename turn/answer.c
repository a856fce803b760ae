/* SPDX-License-Identifier: MIT */
/* turn: answers to our requests: RFC8489:6.3, RFC8489:9.2.5, RFC8656:7.4. Invariant: but for 401
 * and 438, which come without integrity, an answer to a request with credentials counts only when
 * its integrity holds. */
#include "turn/engine.h"

static turn_request *find_request(tulle_turn *turn, const tulle_stun_message *m)
{
	turn_request *r;
	for (size_t n = 0; (r = tulle_turn_request_at(turn, n)) != NULL; n++)
		if (r->active && tulle_stun_transaction_is(&r->tx, m))
			return r;
	return NULL;
}

/* RFC8656:7.4 */
tulle_turn_failure tulle_turn_failure_of(unsigned code)
{
	static const struct {
		uint16_t code;
		tulle_turn_failure failure;
	} rows[] = {
		{300, TULLE_TURN_FAILURE_ALTERNATE},
		{400, TULLE_TURN_FAILURE_BAD_REQUEST},
		{401, TULLE_TURN_FAILURE_UNAUTHORIZED},
		{403, TULLE_TURN_FAILURE_FORBIDDEN},
		{420, TULLE_TURN_FAILURE_UNKNOWN_ATTRIBUTE},
		{437, TULLE_TURN_FAILURE_MISMATCH},
		{438, TULLE_TURN_FAILURE_STALE_NONCE},
		{440, TULLE_TURN_FAILURE_FAMILY},
		{441, TULLE_TURN_FAILURE_CREDENTIALS},
		{442, TULLE_TURN_FAILURE_TRANSPORT},
		{443, TULLE_TURN_FAILURE_FAMILY},
		{486, TULLE_TURN_FAILURE_QUOTA},
		{508, TULLE_TURN_FAILURE_CAPACITY},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].code == code)
			return rows[i].failure;
	return code >= 500 ? TULLE_TURN_FAILURE_SERVER_ERROR : TULLE_TURN_FAILURE_REFUSED;
}

/* Whether the failure is the allocation's, not one peer's alone. */
static bool is_for_all(const turn_request *r, tulle_turn_failure failure)
{
	static const tulle_turn_failure all[] = {
		TULLE_TURN_FAILURE_MISMATCH, /* RFC8656:5: it no longer exists */
		TULLE_TURN_FAILURE_UNAUTHORIZED,
		TULLE_TURN_FAILURE_CREDENTIALS,
		TULLE_TURN_FAILURE_CHALLENGE,
		TULLE_TURN_FAILURE_BID_DOWN,
		TULLE_TURN_FAILURE_ALGORITHM,
		TULLE_TURN_FAILURE_STALE_NONCE,
		TULLE_TURN_FAILURE_TOO_LARGE,
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] == failure)
			return true;
	return r->method == TULLE_STUN_ALLOCATE || r->method == TULLE_STUN_REFRESH;
}

/* The server's own trouble: of what holds still it says nothing. */
bool tulle_turn_is_passing(tulle_turn_failure failure)
{
	return failure == TULLE_TURN_FAILURE_SERVER_ERROR || failure == TULLE_TURN_FAILURE_CAPACITY;
}

/* RFC8656:8: an allocation has its time, whatever became of a Refresh. True: it is asked again. */
static bool is_refreshed_later(tulle_turn *turn, turn_request *r, tulle_turn_failure failure)
{
	if (r->method != TULLE_STUN_REFRESH || turn->now >= turn->expires)
		return false;
	if (tulle_turn_is_passing(failure))
		turn->refresh_at = tulle_time_add(turn->now, TURN_TROUBLE_US);
	else if (failure == TULLE_TURN_FAILURE_TIMEOUT)
		(void)tulle_turn_start(turn, r, TULLE_STUN_REFRESH);
	else
		return false;
	return true;
}

/* A request has ended without success. */
void tulle_turn_request_failed(
	tulle_turn *turn, turn_request *r, tulle_turn_failure failure, uint16_t code)
{
	r->active = false;
	if (turn->state == TULLE_TURN_CLOSING) {
		/* RFC8656:8.3: after 437 it is gone all the same; after others, in its time. */
		tulle_turn_end(turn);
	} else if (r->method == TULLE_STUN_CHANNEL_BIND && code == 400) {
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_OUT_OF_SYNC, code); /* RFC8656:12.3 */
	} else if (is_for_all(r, failure)) {
		if (!is_refreshed_later(turn, r, failure))
			tulle_turn_fail(turn, failure, code);
	} else {
		tulle_turn_peer_refused(turn, r, failure, code);
	}
}

/* RFC8489:9.2.5: a new nonce is everyone's: what is on its way with the old one would come back. */
static void start_again(tulle_turn *turn, turn_request *r)
{
	turn_request *other;
	if (!tulle_turn_again(turn, r))
		return;
	for (size_t n = 0; (other = tulle_turn_request_at(turn, n)) != NULL; n++)
		if (other != r && other->active && other->tx.sends != 0 &&
			!tulle_turn_again(turn, other))
			return;
}

static void take_401_or_438(
	tulle_turn *turn, turn_request *r, const tulle_stun_message *m, unsigned code)
{
	if (code == 401 && r->authentic) { /* STUN-089: the same credentials again would not help */
		tulle_turn_request_failed(turn, r, TULLE_TURN_FAILURE_UNAUTHORIZED, 401);
		return;
	}
	if (code == 438 && r->nonces++ == TURN_NONCES_MAX) {
		tulle_turn_request_failed(turn, r, TULLE_TURN_FAILURE_STALE_NONCE, 438);
		return;
	}
	tulle_turn_failure failure = tulle_turn_take_challenge(turn, m);
	if (failure != TULLE_TURN_FAILURE_NONE)
		tulle_turn_request_failed(turn, r, failure, (uint16_t)code);
	else
		start_again(turn, r);
}

/* RFC8489:6.3.4: 5xx may be asked again, four times. */
static bool try_later(tulle_turn *turn, turn_request *r)
{
	if (r->errors == TURN_ERRORS_MAX)
		return false;
	tulle_time wait = turn->config.rto_us << r->errors++;
	if (tulle_turn_again(turn, r))
		r->tx.due = tulle_time_add(turn->now, wait);
	return true;
}

static void take_error(
	tulle_turn *turn, turn_request *r, const tulle_stun_message *m, uint16_t code)
{
	tulle_turn_failure failure = tulle_turn_failure_of(code);
	if (failure == TULLE_TURN_FAILURE_ALTERNATE && r->method == TULLE_STUN_ALLOCATE)
		tulle_turn_redirected(turn, m);
	else if (failure != TULLE_TURN_FAILURE_SERVER_ERROR || !try_later(turn, r))
		tulle_turn_request_failed(turn, r, failure, code);
}

static void take_success(tulle_turn *turn, turn_request *r, const tulle_stun_message *m)
{
	tulle_time rtt = tulle_stun_transaction_rtt(&r->tx, turn->now);
	turn->rtt = rtt != 0 ? rtt : turn->rtt;
	r->active = false;
	if (r->method == TULLE_STUN_ALLOCATE)
		tulle_turn_allocated(turn, m);
	else if (r->method == TULLE_STUN_REFRESH)
		tulle_turn_refreshed(turn, m);
	else
		tulle_turn_peer_answered(turn, r);
}

/* RFC8489:9.2.5; TULLE_TAKEN: it is to be believed. */
static tulle_drop authenticate(
	tulle_turn *turn, turn_request *r, const tulle_stun_message *m, uint16_t code)
{
	bool has = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY) ||
		   tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256);
	if (tulle_turn_is_bid_down(m))
		return TULLE_DROP_TURN_BID_DOWN;
	if (!r->authentic || tulle_turn_is_authentic(turn, m))
		return TULLE_TAKEN;
	r->hint = code;
	if (code == 400 && !has) /* as if it had never come, over a stream too */
		return TULLE_DROP_STUN_NO_INTEGRITY;
	r->forged = true;
	if (turn->config.transport == TULLE_TURN_STREAM)
		tulle_turn_request_failed(turn, r, TULLE_TURN_FAILURE_INTEGRITY, code);
	return has ? TULLE_DROP_STUN_INTEGRITY : TULLE_DROP_STUN_NO_INTEGRITY;
}

/* A success or error answer. */
TULLE_UNTRUSTED(anyone, "one HMAC; 129 transactions compared", turn)
tulle_drop tulle_turn_take_answer(tulle_turn *turn, const tulle_stun_message *m)
{
	turn_request *r = find_request(turn, m);
	unsigned code = m->kind == TULLE_STUN_ERROR ? tulle_stun_error(m, NULL) : 0;
	if (r == NULL)
		return TULLE_DROP_STUN_TRANSACTION;
	if (r->method != m->method) /* RFC8489:6.3 */
		return TULLE_DROP_STUN_METHOD;
	if (m->kind == TULLE_STUN_ERROR && code == 0)
		return TULLE_DROP_STUN_ATTRIBUTE;
	if (code == 401 || code == 438) {
		take_401_or_438(turn, r, m, code);
		return TULLE_TAKEN;
	}
	tulle_drop drop = authenticate(turn, r, m, (uint16_t)code);
	if (drop != TULLE_TAKEN)
		return drop;
	if (m->unknown_count != 0) { /* RFC8489:6.3.3, RFC8489:6.3.4 */
		tulle_turn_request_failed(
			turn, r, TULLE_TURN_FAILURE_UNKNOWN_ATTRIBUTE, (uint16_t)code);
		return TULLE_DROP_STUN_UNKNOWN_REQUIRED;
	}
	if (code != 0)
		take_error(turn, r, m, (uint16_t)code);
	else
		take_success(turn, r, m);
	return TULLE_TAKEN;
}
