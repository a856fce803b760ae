/* SPDX-License-Identifier: MIT */
/* turn: permissions by IP address (RFC8656:9) and channels by transport address (RFC8656:12).
 * Invariant: a permission lives while a peer needs it; a channel's number belongs to one address
 * until 15 minutes after its last request went out. */
#include "turn/engine.h"
#include "turn/turn.h"

#define NUMBER_FIRST 0x4000 /* RFC8656:12 */
#define NUMBER_LAST 0x4fff

static bool is_live(const turn_peer *p)
{
	return p->used && !p->left;
}

/* Those too whose number rests. */
turn_peer *tulle_turn_find_peer(const tulle_turn *turn, const tulle_addr *addr)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (turn->peers[i].used && tulle_addr_is(&turn->peers[i].addr, addr))
			return &turn->peers[i];
	return NULL;
}

turn_permission *tulle_turn_find_permission(const tulle_turn *turn, const tulle_addr *peer)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (turn->permissions[i].used && tulle_addr_is_ip(&turn->permissions[i].addr, peer))
			return &turn->permissions[i];
	return NULL;
}

bool tulle_turn_is_open(const tulle_turn *turn, const turn_permission *p)
{
	return p->grant == TURN_GRANTED && turn->now < p->until;
}

bool tulle_turn_is_bound(const tulle_turn *turn, const turn_peer *p)
{
	return is_live(p) && p->bound && turn->now < p->bound_until;
}

static tulle_turn_peer_state state_of(const tulle_turn *turn, const turn_peer *p)
{
	const turn_permission *permission = &turn->permissions[p->permission];
	if (permission->grant == TURN_REFUSED)
		return TULLE_TURN_PEER_REFUSED;
	if (!tulle_turn_is_open(turn, permission))
		return TULLE_TURN_PEER_ASKED;
	return tulle_turn_is_bound(turn, p) ? TULLE_TURN_PEER_BOUND : TULLE_TURN_PEER_PERMITTED;
}

tulle_turn_peer_state tulle_turn_peer(const tulle_turn *turn, const tulle_addr *peer)
{
	const turn_peer *p = tulle_turn_find_peer(turn, peer);
	return p != NULL && is_live(p) ? state_of(turn, p) : TULLE_TURN_PEER_NONE;
}

/* RFC8656:21.1.7 and common sense: what no relay should be sent to. */
static bool is_peer_address(const tulle_turn *turn, const tulle_addr *a)
{
	tulle_addr_class c = tulle_addr_classify(a);
	if (a->port == 0 || (a->family != 4 && a->family != 6) ||
		turn->relayed[a->family == 6].family == 0) /* RFC8656:10.1 */
		return false;
	return c != TULLE_ADDR_MULTICAST && c != TULLE_ADDR_UNSPECIFIED &&
	       (c != TULLE_ADDR_LOOPBACK || turn->config.loopback);
}

static void tell_peers(tulle_turn *turn, const turn_permission *permission)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (is_live(&turn->peers[i]) &&
			&turn->permissions[turn->peers[i].permission] == permission)
			turn->peers[i].tell = true;
}

static uint8_t free_slot(const tulle_turn *turn)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (!turn->peers[i].used)
			return i;
	return TURN_NONE;
}

/* The permission for this address, asked for when there is none; TURN_NONE: no randomness. There
 * are as many as peers, so one is free for a new peer. */
static uint8_t need_permission(tulle_turn *turn, const tulle_addr *peer)
{
	turn_permission *p = tulle_turn_find_permission(turn, peer);
	uint8_t i = 0;
	if (p != NULL)
		return (uint8_t)(p - turn->permissions);
	while (turn->permissions[i].used)
		i++;
	p = &turn->permissions[i];
	if (!tulle_turn_try(turn, &p->request, TULLE_STUN_CREATE_PERMISSION))
		return TURN_NONE;
	p->used = true;
	p->grant = TURN_ASKED;
	p->code = 0;
	p->addr = *peer;
	p->addr.port = 0; /* RFC8656:10.1: it does not count */
	return i;
}

tulle_err tulle_turn_permit(tulle_turn *turn, tulle_time now, const tulle_addr *peer)
{
	turn->now = tulle_time_max(turn->now, now);
	if (turn->state != TULLE_TURN_READY)
		return TULLE_ERR_STATE;
	if (!is_peer_address(turn, peer))
		return TULLE_ERR_ARGUMENT;
	turn_peer *p = tulle_turn_find_peer(turn, peer);
	if (p != NULL && !p->left)
		return TULLE_OK;
	uint8_t slot = p != NULL ? (uint8_t)(p - turn->peers) : free_slot(turn);
	if (slot == TURN_NONE)
		return TULLE_ERR_LIMIT;
	uint8_t permission = need_permission(turn, peer);
	if (permission == TURN_NONE)
		return TULLE_ERR_SYSTEM;
	if (p == NULL) {
		p = &turn->peers[slot];
		*p = (turn_peer){.used = true,
			.addr = *peer,
			.asked_until = TULLE_TIME_NEVER,
			.rests_until = TULLE_TIME_NEVER};
	}
	p->left = false;
	p->permission = permission;
	/* Someone else's permission is not asked for again, and its event is over. */
	p->tell = turn->permissions[permission].grant != TURN_ASKED;
	return TULLE_OK;
}

static bool is_taken(const tulle_turn *turn, uint16_t number)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (turn->peers[i].used && turn->peers[i].number == number)
			return true;
	return false;
}

/* 4096 numbers, and at most 64 are taken. */
static uint16_t next_number(tulle_turn *turn)
{
	uint16_t number;
	do {
		number = turn->next_number;
		turn->next_number = number == NUMBER_LAST ? NUMBER_FIRST : (uint16_t)(number + 1);
	} while (is_taken(turn, number));
	return number;
}

tulle_err tulle_turn_bind(tulle_turn *turn, tulle_time now, const tulle_addr *peer)
{
	tulle_err err = tulle_turn_permit(turn, now, peer);
	if (err != TULLE_OK)
		return err;
	turn_peer *p = tulle_turn_find_peer(turn, peer);
	TULLE_CHECK(p != NULL);
	if (p->request.active || tulle_turn_is_bound(turn, p) || p->code != 0)
		return TULLE_OK;
	if (!tulle_turn_try(turn, &p->request, TULLE_STUN_CHANNEL_BIND))
		return TULLE_ERR_SYSTEM;
	if (p->number == 0)
		p->number = next_number(turn);
	return TULLE_OK;
}

void tulle_turn_forget(tulle_turn *turn, tulle_time now, const tulle_addr *peer)
{
	turn_peer *p = tulle_turn_find_peer(turn, peer);
	turn->now = tulle_time_max(turn->now, now);
	if (p == NULL || p->left)
		return;
	uint8_t permission = p->permission;
	*p = (turn_peer){.used = p->rests_until != TULLE_TIME_NEVER,
		.left = true,
		.bound = p->bound,
		.permission = TURN_NONE,
		.number = p->number,
		.addr = p->addr,
		.bound_until = p->bound_until,
		.rebind_at = p->rebind_at,
		.asked_until = p->asked_until,
		.rests_until = p->rests_until};
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		if (is_live(&turn->peers[i]) && turn->peers[i].permission == permission)
			return;
	turn->permissions[permission] = (turn_permission){0};
}

size_t tulle_turn_channels(const tulle_turn *turn)
{
	size_t n = 0;
	for (uint8_t i = 0; i < turn->peer_slots; i++)
		n += turn->peers[i].used && turn->peers[i].number != 0;
	return n;
}

void tulle_turn_forget_all(tulle_turn *turn)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		turn->peers[i] = (turn_peer){0};
		turn->permissions[i] = (turn_permission){0};
	}
}

/* Its server's clock began at the first send at the earliest. */
static void grant(tulle_turn *turn, turn_permission *p, tulle_time asked)
{
	bool was = tulle_turn_is_open(turn, p);
	p->grant = TURN_GRANTED;
	p->code = 0;
	p->until = tulle_time_add(asked, TURN_PERMISSION_US);
	p->refresh_at = tulle_time_add(asked, TURN_PERMISSION_REFRESH_US);
	if (!was)
		tell_peers(turn, p);
}

static turn_permission *permission_of(const tulle_turn *turn, const turn_request *r)
{
	uint8_t i = 0;
	while (&turn->permissions[i].request != r)
		i++;
	return &turn->permissions[i];
}

static turn_peer *peer_of(const tulle_turn *turn, const turn_request *r)
{
	uint8_t i = 0;
	while (&turn->peers[i].request != r)
		i++;
	return &turn->peers[i];
}

/* A success answer: RFC8656:10.3, RFC8656:12.3 */
void tulle_turn_peer_answered(tulle_turn *turn, turn_request *r)
{
	if (r->method == TULLE_STUN_CREATE_PERMISSION) {
		grant(turn, permission_of(turn, r), r->tx.first_us);
		return;
	}
	turn_peer *p = peer_of(turn, r);
	turn_permission *permission = &turn->permissions[p->permission];
	if (!tulle_turn_is_bound(turn, p))
		p->tell = true;
	p->bound = true;
	p->bound_until = tulle_time_add(r->tx.first_us, TURN_CHANNEL_US);
	p->rebind_at = tulle_time_add(r->tx.first_us, TURN_CHANNEL_REFRESH_US);
	permission->request.active = false; /* RFC8656:9: a channel's request permits as well */
	grant(turn, permission, r->tx.first_us);
}

/* What holds still is asked for again. False: it is refused. */
static bool is_asked_again(tulle_turn *turn, turn_permission *p, tulle_turn_failure failure)
{
	if (!tulle_turn_is_open(turn, p))
		return false;
	if (tulle_turn_is_passing(failure))
		p->refresh_at = tulle_time_add(turn->now, TURN_TROUBLE_US);
	else if (failure == TULLE_TURN_FAILURE_TIMEOUT)
		(void)tulle_turn_start(turn, &p->request, TULLE_STUN_CREATE_PERMISSION);
	else
		return false;
	return true;
}

/* Refused; or without an answer. A channel is given up for indications. */
void tulle_turn_peer_refused(
	tulle_turn *turn, turn_request *r, tulle_turn_failure failure, uint16_t code)
{
	if (r->method == TULLE_STUN_CREATE_PERMISSION) {
		turn_permission *permission = permission_of(turn, r);
		if (is_asked_again(turn, permission, failure))
			return;
		permission->grant = TURN_REFUSED;
		permission->code = code;
		tell_peers(turn, permission);
		return;
	}
	turn_peer *p = peer_of(turn, r);
	if (failure == TULLE_TURN_FAILURE_TIMEOUT && tulle_turn_is_bound(turn, p)) {
		(void)tulle_turn_start(turn, r, r->method);
		return;
	}
	p->bound = false;
	p->code = code;
	p->tell = true;
}

/* False: the request has ended badly. */
static bool is_going_on(tulle_turn *turn, turn_request *r)
{
	if (!r->active || !tulle_stun_transaction_is_over(&r->tx, turn->now))
		return true;
	tulle_turn_request_failed(turn, r,
		r->forged ? TULLE_TURN_FAILURE_INTEGRITY : TULLE_TURN_FAILURE_TIMEOUT, r->hint);
	return false;
}

static void tick_peer(tulle_turn *turn, turn_peer *p)
{
	if (p->left) {
		if (tulle_time_due(p->rests_until, turn->now))
			*p = (turn_peer){0};
	} else if (is_going_on(turn, &p->request) && p->bound && !p->request.active &&
		   tulle_time_due(p->rebind_at, turn->now)) {
		(void)tulle_turn_start(turn, &p->request, TULLE_STUN_CHANNEL_BIND);
	}
}

static void tick_permission(tulle_turn *turn, turn_permission *p)
{
	if (is_going_on(turn, &p->request) && p->grant == TURN_GRANTED && !p->request.active &&
		tulle_time_due(p->refresh_at, turn->now))
		(void)tulle_turn_start(turn, &p->request, TULLE_STUN_CREATE_PERMISSION);
}

void tulle_turn_peers_tick(tulle_turn *turn)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		if (turn->state == TULLE_TURN_READY && turn->permissions[i].used)
			tick_permission(turn, &turn->permissions[i]);
		if (turn->state == TULLE_TURN_READY && turn->peers[i].used)
			tick_peer(turn, &turn->peers[i]);
	}
}

tulle_time tulle_turn_peers_timeout(const tulle_turn *turn)
{
	tulle_time t = TULLE_TIME_NEVER;
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		const turn_permission *permission = &turn->permissions[i];
		const turn_peer *p = &turn->peers[i];
		if (permission->request.active)
			t = tulle_time_min(t, permission->request.tx.due);
		else if (permission->used && permission->grant == TURN_GRANTED)
			t = tulle_time_min(t, permission->refresh_at);
		if (p->request.active)
			t = tulle_time_min(t, p->request.tx.due);
		else if (p->used)
			t = tulle_time_min(t, p->left    ? p->rests_until
					      : p->bound ? p->rebind_at
							 : TULLE_TIME_NEVER);
	}
	return t;
}

bool tulle_turn_peer_event(tulle_turn *turn, tulle_turn_event *event)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		turn_peer *p = &turn->peers[i];
		if (p->tell) {
			p->tell = false;
			event->kind = TULLE_TURN_EVENT_PEER;
			event->u.peer.addr = p->addr;
			event->u.peer.state = state_of(turn, p);
			event->u.peer.code = event->u.peer.state == TULLE_TURN_PEER_REFUSED
						     ? turn->permissions[p->permission].code
						     : p->code;
			return true;
		}
		if (p->tell_icmp) {
			p->tell_icmp = false;
			event->kind = TULLE_TURN_EVENT_ICMP;
			event->u.icmp.peer = p->addr;
			event->u.icmp.type = p->icmp_type;
			event->u.icmp.code = p->icmp_code;
			event->u.icmp.data = p->icmp_data;
			return true;
		}
	}
	return false;
}

static void check_peer(const tulle_turn *turn, const turn_peer *p)
{
	TULLE_CHECK(tulle_turn_find_peer(turn, &p->addr) == p);
	TULLE_CHECK(p->number == 0 || (p->number >= NUMBER_FIRST && p->number <= NUMBER_LAST));
	TULLE_CHECK(p->number != 0 || (!p->bound && !p->request.active));
	TULLE_CHECK(!p->bound || p->rests_until != TULLE_TIME_NEVER);
	if (p->left) {
		TULLE_CHECK(p->permission == TURN_NONE && !p->request.active && !p->tell);
		return;
	}
	TULLE_CHECK(p->permission < turn->peer_slots && turn->permissions[p->permission].used);
	TULLE_CHECK(tulle_addr_is_ip(&turn->permissions[p->permission].addr, &p->addr));
}

void tulle_turn_check_peers(const tulle_turn *turn)
{
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		const turn_peer *p = &turn->peers[i];
		unsigned needed = 0;
		if (p->used)
			check_peer(turn, p);
		for (uint8_t j = 0; j < turn->peer_slots; j++) {
			const turn_peer *q = &turn->peers[j];
			needed += is_live(q) && q->permission == i;
			TULLE_CHECK(i == j || !p->used || !q->used || p->number == 0 ||
				    p->number != q->number);
		}
		TULLE_CHECK(turn->permissions[i].used == (needed != 0));
		TULLE_CHECK(turn->permissions[i].used || !turn->permissions[i].request.active);
	}
}
