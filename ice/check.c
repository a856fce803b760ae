/* SPDX-License-Identifier: MIT */
/* ice: the client side of connectivity checks: RFC8445:7.2. Invariant: an answer is believed only
 * with the id of a check of ours, the remote's password, and from where the check went. */
#include "ice/agent.h"

#include "base/panic.h"

#define TYPE_PRFLX 110u    /* RFC8445:5.1.2.2 */
#define TYPE_PRFLX_TCP 80u /* RFC6544:4.2, likewise below */

void tulle_ice_trigger(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	ice->last_activity = ice->now;
	if (ice->config.lite) /* RFC8445:2.5: it never asks */
		return;
	if (p->trigger == 0)
		p->again = false;
	if (p->state == ICE_IN_PROGRESS && p->check.sends != 0) {
		/* RFC8445:7.3.1.4: cancelled, but its answer still counts */
		memcpy(p->cancelled, p->check.id, sizeof p->cancelled);
		p->has_cancelled = true;
		p->spent = false;
		p->cancelled_controlling = p->checked_controlling;
		p->again = true;
	}
	p->state = ICE_WAITING;
	if (p->trigger == 0)
		p->trigger = ++ice->next_trigger;
}

void tulle_ice_wait(tulle_ice *ice, tulle_time until)
{
	ice->waits = until;
}

void tulle_ice_count(uint16_t *counter)
{
	if (*counter != UINT16_MAX)
		++*counter;
}

/* RFC8445:7.2.5.1, 7.3.1.1: the priorities of pairs follow the role. */
void tulle_ice_switch_role(tulle_ice *ice, bool controlling)
{
	ice->controlling = controlling;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		ice->pairs[i].nominate = false;
		ice->pairs[i].remote_nominates = false;
	}
	tulle_ice_sort_pairs(ice);
	if (ice->data != ICE_NONE)
		tulle_ice_nominate(ice, ice->data);
}

/* The largest message that may go: SPED's bytes must not make a check too long for its path, nor
 * more of what goes to an address of somebody's choice, nor a burst of what nobody answers. */
static size_t room_for_opaque(const tulle_ice *ice, uint8_t local, const ice_pair *pair)
{
	uint32_t mtu = ice->locals[local].mtu;
	size_t overhead = ice->locals[local].addr.family == 6 ? 48 : 28, outstanding = 0;
	size_t most = mtu > overhead ? mtu - overhead : ICE_MTU_DEFAULT;
	most = tulle_min(most, TULLE_ICE_DATAGRAM_BYTES);
	if (!pair->valid && ice->remotes[pair->remote].type == TULLE_ICE_PRFLX) {
		size_t may = (size_t)ICE_REFLECT_FACTOR * pair->bytes_in;
		size_t taken = pair->bytes_out + ICE_PLAIN_BYTES;
		most = tulle_min(most, may > taken ? may - taken : 0);
	}
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].state == ICE_IN_PROGRESS)
			outstanding += ice->pairs[i].embedded;
	most = tulle_min(most, outstanding < ICE_EMBEDDED_MAX ? ICE_EMBEDDED_MAX - outstanding : 0);
	return most > 24 + 8 ? most - (24 + 8) : 0; /* integrity, fingerprint */
}

static size_t write_value(tulle_stun_writer *w, tulle_stun_attribute a, tulle_bytes value)
{
	if (value.ptr == NULL)
		return 0;
	tulle_stun_write_bytes(w, tulle_stun_type(a), value.ptr, value.len);
	return value.len;
}

/* Its bytes; 0: nothing fits. pair NULL: nobody knows the address yet, so little goes. */
size_t tulle_ice_write_opaque(
	tulle_ice *ice, tulle_stun_writer *w, uint8_t local, const ice_pair *pair)
{
	tulle_bytes dtls = pair != NULL ? ice->opaque_dtls : (tulle_bytes){NULL, 0};
	size_t n = (dtls.ptr != NULL ? 4 + (dtls.len + 3) / 4 * 4 : 0) +
		   (ice->opaque_ack.ptr != NULL ? 4 + (ice->opaque_ack.len + 3) / 4 * 4 : 0);
	if (pair != NULL && w->len + n > room_for_opaque(ice, local, pair))
		return 0;
	n = write_value(w, TULLE_STUN_A_DTLS_IN_STUN, dtls);
	ice->opaque_sent = n != 0;
	return n + write_value(w, TULLE_STUN_A_DTLS_IN_STUN_ACK, ice->opaque_ack);
}

/* Only of authentic messages. */
void tulle_ice_keep_opaque(tulle_ice *ice, const tulle_stun_message *m)
{
	if (!ice->config.opaque)
		return;
	ice->got_dtls = m->value[TULLE_STUN_A_DTLS_IN_STUN];
	ice->got_ack = m->value[TULLE_STUN_A_DTLS_IN_STUN_ACK];
}

/* RFC8445:7.1, 7.2.2: USERNAME is "theirs:ours", PRIORITY as a peer-reflexive candidate's. */
size_t tulle_ice_write_check(tulle_ice *ice, tulle_stun_writer *w, const ice_question *q)
{
	uint8_t user[ICE_UFRAG_MAX + 1 + TULLE_ICE_UFRAG_BYTES];
	tulle_wr name = tulle_wr_make(user, sizeof user);
	tulle_wr_bytes(&name, q->keys->ufrag, q->keys->ufrag_len);
	tulle_wr_u8(&name, ':');
	tulle_wr_bytes(&name, q->keys->ours.ufrag, sizeof q->keys->ours.ufrag);
	tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_USERNAME), user, name.len);
	tulle_stun_write_u64(w,
		q->controlling ? TULLE_STUN_A_ICE_CONTROLLING : TULLE_STUN_A_ICE_CONTROLLED,
		ice->tie_breaker);
	if (q->nominate)
		tulle_stun_write_flag(w, TULLE_STUN_A_USE_CANDIDATE);
	uint32_t type = ice->locals[q->local].tcp != 0 ? TYPE_PRFLX_TCP : TYPE_PRFLX;
	tulle_stun_write_u32(w, TULLE_STUN_A_PRIORITY,
		type << 24 | (uint32_t)ice->locals[q->local].preference << 8 | 255u);
	size_t embedded = tulle_ice_write_opaque(ice, w, q->local, q->pair);
	tulle_stun_write_integrity(
		w, (tulle_bytes){(const uint8_t *)q->keys->pwd, q->keys->pwd_len});
	tulle_stun_write_fingerprint(w);
	return embedded;
}

/* RFC8445:14.3: RTO = MAX(500 ms, Ta x (Waiting + In-Progress)) */
static tulle_time choose_rto(const tulle_ice *ice)
{
	tulle_time active = 0;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && (ice->pairs[i].state == ICE_WAITING ||
						  ice->pairs[i].state == ICE_IN_PROGRESS))
			active++;
	return tulle_time_max(TULLE_STUN_RTO_US, active * ICE_TA_US);
}

/* Another port of an address that was signaled: what a NAT that maps anew gives its host. */
static bool is_beside_signaled(const tulle_ice *ice, const tulle_addr *addr)
{
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		const ice_remote *r = &ice->remotes[i];
		if (r->used && r->type != TULLE_ICE_PRFLX && tulle_addr_is_ip(&r->addr, addr))
			return true;
	}
	return false;
}

/* Who can make us send to an address nobody signaled can choose it freely: RFC8445:19.5.1. Towards
 * one that is signaled, checks go whatever comes, and so they do to its other ports: the remote may
 * have our answer, say no more, and wait for a check of ours that was lost. */
static bool may_send(const tulle_ice *ice, const ice_pair *p, size_t len)
{
	const ice_remote *r = &ice->remotes[p->remote];
	if (p->valid || r->type != TULLE_ICE_PRFLX || is_beside_signaled(ice, &r->addr))
		return true;
	return (uint64_t)p->bytes_out + len <= (uint64_t)ICE_REFLECT_FACTOR * p->bytes_in;
}

/* The next check of a pair begins anew, unless it says no more than the one that it takes the place
 * of: then it has its id. Each check of the one side triggers one of the other, and with several
 * under way, on a path that is long or reorders, no answer would find its check any more. */
static void begin_check(const tulle_ice *ice, ice_pair *p)
{
	bool same = p->again && !p->nominate && p->checked_controlling == ice->controlling;
	p->check.sends = same ? 1 : 0; /* and no RTT is taken from it */
	p->again = false;
	if (!same)
		return;
	p->trigger = 0;
	p->state = ICE_IN_PROGRESS;
}

static bool start_check(tulle_ice *ice, ice_pair *p)
{
	p->trigger = 0;
	p->state = ICE_IN_PROGRESS;
	if (!tulle_stun_transaction_start(
		    &p->check, ice->now, choose_rto(ice), &ice->config.random)) {
		/* No randomness: nothing is sent now, it is tried again after Ta. */
		p->check = (tulle_stun_transaction){.due = ice->now + ICE_TA_US};
		return false;
	}
	p->checked_controlling = ice->controlling;
	p->checked_nominate = ice->controlling && p->nominate;
	p->nominate = false;
	return true;
}

static size_t send_check(tulle_ice *ice, ice_pair *p, uint8_t *dst, size_t cap)
{
	if (p->check.sends == 0 && !start_check(ice, p))
		return 0;
	if (tulle_ice_lacks_stream(ice, p)) {
		tulle_ice_want_stream(ice, p);
		return 0;
	}
	tulle_stun_writer w = tulle_stun_write_begin(
		dst, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, p->check.id);
	ice_question q = {&ice->keys, p, p->local, p->checked_controlling, p->checked_nominate};
	p->embedded = 0;
	p->embedded = (uint16_t)tulle_ice_write_check(ice, &w, &q);
	size_t len = tulle_stun_write_finish(&w);
	if (ice->locals[p->local].tcp != 0) /* RFC6544:7.1: the stream loses none */
		tulle_stun_transaction_sent_once(&p->check, ice->now);
	else
		tulle_stun_transaction_sent(&p->check, ice->now);
	if (len == 0 || !may_send(ice, p, len))
		return 0; /* the clock runs on as if it were lost */
	p->bytes_out += (uint32_t)len;
	tulle_ice_count(&p->sent);
	return len;
}

static uint8_t next_triggered(const tulle_ice *ice)
{
	uint8_t next = ICE_NONE;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].trigger != 0 &&
			(next == ICE_NONE || ice->pairs[i].trigger < ice->pairs[next].trigger))
			next = i;
	return next;
}

static uint8_t next_retransmission(const tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].state == ICE_IN_PROGRESS &&
			tulle_stun_transaction_is_due(&ice->pairs[i].check, ice->now))
			return i;
	return ICE_NONE;
}

/* RFC8445:14.2: one new check every Ta. Triggered ones do not wait, they answer an authentic
 * packet; nor do the first ICE_BURST, so that no timer stands between two near ends. */
static uint8_t next_check(tulle_ice *ice)
{
	uint8_t next = next_triggered(ice);
	if (next != ICE_NONE) {
		begin_check(ice, &ice->pairs[next]);
		return next;
	}
	next = next_retransmission(ice);
	if (next != ICE_NONE || tulle_time_max(ice->next_check, ice->waits) > ice->now)
		return next;
	next = tulle_ice_next_ordinary(ice);
	if (next == ICE_NONE)
		return next;
	ice->pairs[next].again = false;
	begin_check(ice, &ice->pairs[next]);
	if (ice->burst != 0)
		ice->burst--;
	else
		ice->next_check = ice->now + ICE_TA_US;
	return next;
}

/* The next check into dst; its bytes, 0: none. */
size_t tulle_ice_poll_check(tulle_ice *ice, uint8_t *dst, size_t cap, uint8_t *pair)
{
	if (!ice->has_remote)
		return 0;
	while ((*pair = next_check(ice)) != ICE_NONE) {
		size_t len = send_check(ice, &ice->pairs[*pair], dst, cap);
		if (len != 0)
			return len;
	}
	return 0;
}

/* RFC8445:7.2.5.2.3 */
void tulle_ice_expire_checks(tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].state == ICE_IN_PROGRESS &&
			tulle_stun_transaction_is_over(&ice->pairs[i].check, ice->now)) {
			ice->pairs[i].timed_out = true;
			ice->pairs[i].refused = TULLE_TAKEN;
			ice->pairs[i].code = 0;
			tulle_ice_pair_fails(ice, i);
		}
}

/* Which pair asked: by its check in flight or a cancelled one, or by a consent check. */
static uint8_t find_asker(const tulle_ice *ice, const tulle_stun_message *m, bool *current)
{
	*current = false;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used)
			continue;
		if (p->state == ICE_IN_PROGRESS && tulle_stun_transaction_is(&p->check, m)) {
			*current = true;
			return i;
		}
		if (p->has_cancelled && memcmp(p->cancelled, m->id, sizeof m->id) == 0)
			return i;
	}
	return tulle_ice_is_consent(&ice->consent, m->id) ? ice->data : ICE_NONE;
}

/* code: of an authentic error answer; 0: it was none. */
static tulle_drop fail_check(
	tulle_ice *ice, uint8_t pair, bool current, tulle_drop why, unsigned code)
{
	ice_pair *p = &ice->pairs[pair];
	p->timed_out = false;
	p->refused = (uint8_t)why;
	p->code = (uint16_t)code;
	if (current)
		tulle_ice_pair_fails(ice, pair);
	return why;
}

/* RFC8445:7.2.5.1: take the other role than the one we asked with, and ask again. */
static tulle_drop take_conflict(
	tulle_ice *ice, uint8_t pair, bool current, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	ice_pair *p = &ice->pairs[pair];
	bool late = p->has_cancelled && memcmp(p->cancelled, id, sizeof p->cancelled) == 0;
	bool asked = current ? p->checked_controlling
		     : late  ? p->cancelled_controlling
			     : ice->consent.controlling;
	uint64_t tie_breaker;
	if (ice->controlling == asked) {
		tulle_ice_switch_role(ice, !asked);
		uint8_t bytes[sizeof tie_breaker];
		if (ice->config.random.fill(ice->config.random.user, bytes, sizeof bytes)) {
			memcpy(&tie_breaker, bytes, sizeof tie_breaker);
			ice->tie_breaker = tie_breaker;
		}
	}
	if (current) {
		p->state = ICE_WAITING;
		tulle_ice_trigger(ice, pair);
	}
	return TULLE_TAKEN;
}

static tulle_drop take_success(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t pair, bool current)
{
	ice_pair *p = &ice->pairs[pair];
	tulle_addr mapped;
	if (!tulle_stun_address(m, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &mapped))
		return fail_check(ice, pair, current, TULLE_DROP_STUN_ATTRIBUTE, 0);
	tulle_ice_keep_opaque(ice, m);
	tulle_ice_count(&p->answers);
	p->answered = ice->now;
	if (!current && p->valid) { /* consent, or late: RFC7675:5.1 */
		if (pair == ice->data)
			tulle_ice_consent_answered(ice, &ice->consent, &p->rtt);
		return TULLE_TAKEN;
	}
	tulle_time rtt = current ? tulle_stun_transaction_rtt(&p->check, ice->now) : 0;
	if (rtt != 0)
		p->rtt = p->rtt == 0 ? rtt : (7 * p->rtt + rtt) / 8;
	if (!current)
		p->checked_nominate = false;
	tulle_ice_pair_works(ice, pair);
	return TULLE_TAKEN;
}

/* An id serves once: who has seen an answer must not bring it again when the remote is gone
 * (RFC7675:8). false: it has served. */
static bool spend_id(tulle_ice *ice, ice_pair *p, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	bool late = p->has_cancelled && memcmp(p->cancelled, id, sizeof p->cancelled) == 0;
	bool fresh = !late || !p->spent;
	p->spent = p->spent || late;
	tulle_ice_spend_consent(&ice->consent, id);
	return fresh;
}

TULLE_UNTRUSTED(anyone, "one HMAC, and only for an id of ours", ice_agent)
tulle_drop tulle_ice_take_answer(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from)
{
	bool current;
	if (tulle_ice_former_carries(ice) && tulle_ice_is_consent(&ice->former.consent, m->id))
		return tulle_ice_take_former_answer(ice, m, local, from);
	uint8_t pair = ice->has_remote ? find_asker(ice, m, &current) : ICE_NONE;
	if (pair == ICE_NONE)
		return TULLE_DROP_STUN_TRANSACTION;
	/* RFC8489:9.1.4: what is not authentic is as if it had not come */
	if (!tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY))
		return TULLE_DROP_STUN_NO_INTEGRITY;
	if (!tulle_stun_is_authentic(
		    m, (tulle_bytes){(const uint8_t *)ice->keys.pwd, ice->keys.pwd_len}))
		return TULLE_DROP_STUN_INTEGRITY;
	ice_pair *p = &ice->pairs[pair];
	/* RFC8445:7.2.5.2.1 */
	if (p->local != local || !tulle_addr_is(&ice->remotes[p->remote].addr, from))
		return fail_check(ice, pair, current, TULLE_DROP_ICE_SOURCE, 0);
	if (m->unknown_count != 0) /* RFC8489:6.3.3, 6.3.4 */
		return fail_check(ice, pair, current, TULLE_DROP_STUN_UNKNOWN_REQUIRED, 0);
	if (!spend_id(ice, p, m->id)) { /* of a check that went twice: SPED may go on in it */
		tulle_ice_keep_opaque(ice, m);
		return TULLE_TAKEN;
	}
	if (m->kind == TULLE_STUN_SUCCESS)
		return take_success(ice, m, pair, current);
	unsigned code = tulle_stun_error(m, NULL);
	if (code == 487)
		return take_conflict(ice, pair, current, m->id);
	if (code == ICE_FORBIDDEN)
		tulle_ice_pair_revoked(ice, pair);
	/* RFC8445:7.2.5.2.4; on consent others say nothing: RFC7675:5.1 */
	return fail_check(ice, pair, current, TULLE_TAKEN, code);
}
