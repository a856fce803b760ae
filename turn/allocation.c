/* SPDX-License-Identifier: MIT */
/* turn: the allocation's life: RFC8656:7.3, RFC8656:8, and where a 300 leads: RFC8489:10.
 * Invariant: what the server's clock counts is counted here from the first send of the request that
 * asked. */
#include "turn/engine.h"

/* An address that may be ours on the server or in front of a NAT. */
bool tulle_turn_is_usable(const tulle_addr *a)
{
	tulle_addr_class c = tulle_addr_classify(a);
	return a->port != 0 && c != TULLE_ADDR_UNSPECIFIED && c != TULLE_ADDR_MULTICAST;
}

/* False: shorter than any server should give. */
static bool take_lifetime(tulle_turn *turn, const tulle_stun_message *m)
{
	uint32_t s = tulle_stun_u32(m, TULLE_STUN_A_LIFETIME);
	if (s < TURN_LIFETIME_S_MIN)
		return false;
	turn->lifetime_us =
		(tulle_time)(s < TURN_LIFETIME_S_MAX ? s : TURN_LIFETIME_S_MAX) * 1000000;
	turn->expires = tulle_time_add(turn->main.tx.first_us, turn->lifetime_us);
	turn->refresh_at =
		turn->expires - tulle_time_min(TURN_REFRESH_EARLY_US, turn->lifetime_us / 2);
	return true;
}

/* RFC8656:18.12: the family that was not given, and why; 0: it was. */
static uint16_t read_missing(const tulle_stun_message *m)
{
	tulle_bytes v = m->value[TULLE_STUN_A_ADDRESS_ERROR_CODE];
	tulle_rd r = tulle_rd_make(v.ptr, v.len);
	tulle_rd_skip(&r, 2);
	unsigned hundreds = tulle_rd_u8(&r) & 7u, rest = tulle_rd_u8(&r);
	return r.bad ? 0 : (uint16_t)(hundreds * 100 + rest);
}

/* RFC8656:7.3: the addresses are there and of the families that were asked for. */
static tulle_turn_failure read_addresses(const tulle_turn *turn, const tulle_stun_message *m,
	tulle_addr relayed[2], tulle_addr *mapped)
{
	const tulle_turn_config *c = &turn->config;
	tulle_addr a;
	for (size_t n = 0; n < 2; n++) {
		if (!tulle_stun_address_nth(m, TULLE_STUN_A_XOR_RELAYED_ADDRESS, n, &a))
			break;
		if (!c->both && (a.family == 6) != c->ipv6)
			return TULLE_TURN_FAILURE_FAMILY;
		if (!tulle_turn_is_usable(&a))
			return TULLE_TURN_FAILURE_ANSWER;
		relayed[a.family == 6] = a;
	}
	if ((relayed[0].family | relayed[1].family) == 0 ||
		!tulle_stun_address(m, TULLE_STUN_A_XOR_MAPPED_ADDRESS, mapped) ||
		!tulle_turn_is_usable(mapped))
		return TULLE_TURN_FAILURE_ANSWER;
	return TULLE_TURN_FAILURE_NONE;
}

/* An Allocate success answer: RFC8656:7.3 */
void tulle_turn_allocated(tulle_turn *turn, const tulle_stun_message *m)
{
	tulle_addr relayed[2] = {{0}, {0}}, mapped = {0};
	tulle_turn_failure failure = read_addresses(turn, m, relayed, &mapped);
	/* From here on the server holds an allocation: to fail is to delete it. */
	turn->state = TULLE_TURN_READY;
	if (failure == TULLE_TURN_FAILURE_NONE && !take_lifetime(turn, m))
		failure = TULLE_TURN_FAILURE_ANSWER;
	if (failure != TULLE_TURN_FAILURE_NONE) {
		tulle_turn_fail(turn, failure, 0);
		return;
	}
	memcpy(turn->relayed, relayed, sizeof relayed);
	turn->mapped = mapped;
	turn->missing = turn->config.both && (relayed[0].family == 0 || relayed[1].family == 0)
				? read_missing(m)
				: 0;
	turn->tried_count = turn->tuples = 0;
	turn->tell_ready = true;
}

/* A Refresh success answer: RFC8656:8.3 */
void tulle_turn_refreshed(tulle_turn *turn, const tulle_stun_message *m)
{
	if (turn->state == TULLE_TURN_CLOSING)
		tulle_turn_end(turn);
	else if (!take_lifetime(turn, m))
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_ANSWER, 0);
}

/* RFC8489:10: of the family that the server was reached by, and nowhere that we have been. */
static bool find_alternate(const tulle_turn *turn, const tulle_stun_message *m, tulle_addr *out)
{
	for (size_t n = 0; n < 2; n++) {
		if (!tulle_stun_address_nth(m, TULLE_STUN_A_ALTERNATE_SERVER, n, out))
			return false;
		if (out->family == turn->path.remote.family)
			break;
	}
	if (out->family != turn->path.remote.family || !tulle_turn_is_usable(out))
		return false;
	if (tulle_addr_classify(out) == TULLE_ADDR_LOOPBACK && !turn->config.loopback)
		return false;
	for (uint8_t i = 0; i < turn->tried_count; i++)
		if (tulle_addr_is(&turn->tried[i], out))
			return false;
	return turn->tried_count < TURN_ALTERNATES_MAX;
}

/* 300 Try Alternate: RFC8656:7.4 */
void tulle_turn_redirected(tulle_turn *turn, const tulle_stun_message *m)
{
	tulle_addr to;
	tulle_bytes domain = m->value[TULLE_STUN_A_ALTERNATE_DOMAIN];
	if (turn->state != TULLE_TURN_ALLOCATING || !find_alternate(turn, m, &to)) {
		tulle_turn_request_failed(turn, &turn->main, TULLE_TURN_FAILURE_ALTERNATE, 300);
		return;
	}
	turn->main.active = false;
	turn->state = TULLE_TURN_REDIRECTED;
	turn->alternate = to;
	turn->domain_len = (uint8_t)domain.len; /* at most 255 by the table of attributes */
	if (domain.len != 0)
		memcpy(turn->domain, domain.ptr, domain.len);
	turn->tell_alternate = true;
}

void tulle_turn_refresh(tulle_turn *turn, tulle_time now)
{
	turn->now = tulle_time_max(turn->now, now);
	if (turn->state == TULLE_TURN_READY && !turn->main.active)
		(void)tulle_turn_start(turn, &turn->main, TULLE_STUN_REFRESH);
}

void tulle_turn_allocation_tick(tulle_turn *turn)
{
	turn_request *r = &turn->main;
	if (turn->state == TULLE_TURN_READY && tulle_time_due(turn->expires, turn->now))
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_TIMEOUT, r->hint);
	else if (r->active && tulle_stun_transaction_is_over(&r->tx, turn->now))
		tulle_turn_request_failed(turn, r,
			r->forged ? TULLE_TURN_FAILURE_INTEGRITY : TULLE_TURN_FAILURE_TIMEOUT,
			r->hint);
	if (turn->state == TULLE_TURN_READY && !r->active &&
		tulle_time_due(turn->refresh_at, turn->now))
		(void)tulle_turn_start(turn, r, TULLE_STUN_REFRESH);
}

tulle_time tulle_turn_allocation_timeout(const tulle_turn *turn)
{
	tulle_time t = turn->main.active ? turn->main.tx.due : TULLE_TIME_NEVER;
	if (turn->state != TULLE_TURN_READY)
		return t;
	t = tulle_time_min(t, turn->expires);
	if (!turn->main.active)
		t = tulle_time_min(t, turn->refresh_at);
	if (turn->config.transport == TULLE_TURN_UDP)
		t = tulle_time_min(t, tulle_time_add(turn->last_sent, TURN_KEEPALIVE_US));
	return t;
}
