/* SPDX-License-Identifier: MIT */
/* ice: the server side of connectivity checks: RFC8445:7.3. Invariant: a request changes state only
 * after its integrity held; what is not authentic gets at most a short error. */
#include "ice/agent.h"

#include "base/panic.h"

typedef struct {
	uint16_t code; /* of the error answer; 0: none */
	tulle_drop drop;
} verdict;

/* RFC8489:9.1.3: the USERNAME is for us: "ours:theirs" */
static ice_generation find_generation(const tulle_ice *ice, tulle_bytes username)
{
	size_t n = sizeof ice->keys.ours.ufrag;
	if (username.len <= n || username.ptr[n] != ':')
		return ICE_STRANGE;
	return tulle_ice_find_generation(ice, (tulle_text){(const char *)username.ptr, n});
}

static verdict verify(const tulle_ice *ice, const tulle_stun_message *m, ice_generation *generation)
{
	bool sha256 = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256);
	*generation = ICE_STRANGE;
	if ((!sha256 && !tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY)) ||
		!tulle_stun_has(m, TULLE_STUN_A_USERNAME))
		return (verdict){400, TULLE_DROP_STUN_NO_INTEGRITY};
	*generation = find_generation(ice, m->value[TULLE_STUN_A_USERNAME]);
	if (*generation == ICE_STRANGE)
		return (verdict){401, TULLE_DROP_STUN_USERNAME};
	tulle_bytes key = tulle_ice_own_pwd(ice, *generation);
	/* RFC8489:9.1.3: the stronger of the two decides */
	if (sha256 ? !tulle_stun_is_authentic_sha256(m, key) : !tulle_stun_is_authentic(m, key))
		return (verdict){401, TULLE_DROP_STUN_INTEGRITY};
	return (verdict){0, TULLE_TAKEN};
}

/* RFC8489:6.3.1, RFC8445:7.1: what an authentic check must have. */
static verdict judge(const tulle_stun_message *m)
{
	if (m->unknown_count != 0)
		return (verdict){420, TULLE_DROP_STUN_UNKNOWN_REQUIRED};
	if (tulle_stun_has(m, TULLE_STUN_A_ICE_CONTROLLING) ==
		tulle_stun_has(m, TULLE_STUN_A_ICE_CONTROLLED))
		return (verdict){400, TULLE_DROP_STUN_ATTRIBUTE};
	if (!tulle_stun_has(m, TULLE_STUN_A_PRIORITY))
		return (verdict){400, TULLE_DROP_STUN_ATTRIBUTE};
	return (verdict){0, TULLE_TAKEN};
}

/* RFC8445:7.3.1.1; false: 487 */
static bool resolve_roles(tulle_ice *ice, const tulle_stun_message *m)
{
	bool theirs = tulle_stun_has(m, TULLE_STUN_A_ICE_CONTROLLING);
	uint64_t number = tulle_stun_u64(
		m, theirs ? TULLE_STUN_A_ICE_CONTROLLING : TULLE_STUN_A_ICE_CONTROLLED);
	if (theirs != ice->controlling)
		return true;
	if (ice->config.lite) /* RFC8445:6.1.1: the full side controls */
		return false;
	/* The larger number controls, ours when they are equal. */
	if ((ice->tie_breaker >= number) == ice->controlling)
		return false;
	tulle_ice_switch_role(ice, !ice->controlling);
	return true;
}

static bool has_room(tulle_ice *ice)
{
	return ice->answer_count < ice->answer_slots || tulle_ice_grow(ice, ICE_TABLE_ANSWERS);
}

/* generation: of an authentic request; for another no table grows. */
static bool answer(tulle_ice *ice, const tulle_stun_message *m, uint8_t local,
	const tulle_addr *from, uint16_t code, ice_generation generation)
{
	bool authentic = generation != ICE_STRANGE;
	if (authentic ? !has_room(ice)
		      : ice->answer_count == ice->answer_slots ||
				ice->error_count == ICE_ERRORS_MAX)
		return false;
	ice_answer *a = &ice->answers[(ice->answer_first + ice->answer_count) % ice->answer_slots];
	*a = (ice_answer){.remote = *from, .local = local, .code = code, .authentic = authentic};
	a->generation = (uint8_t)generation;
	a->sha256 = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256);
	memcpy(a->id, m->id, sizeof a->id);
	a->unknown_count = (uint8_t)m->unknown_count;
	memcpy(a->unknown, m->unknown, sizeof a->unknown);
	ice->answer_count++;
	if (!authentic)
		ice->error_count++;
	return true;
}

static void remember(tulle_ice *ice, const ice_early *check)
{
	for (uint8_t i = 0; i < ice->early_count; i++) {
		ice_early *e = &ice->early[i];
		if (e->id != check->id || !tulle_addr_is(&e->remote, &check->remote))
			continue;
		e->bytes += check->bytes;
		e->nominate = e->nominate || check->nominate;
		return;
	}
	if (ice->early_count < ice->early_slots || tulle_ice_grow(ice, ICE_TABLE_EARLY))
		ice->early[ice->early_count++] = *check;
}

/* RFC8445:7.3.2: what was answered is a valid pair; when the remote nominates it data goes there.
 */
static void take_as_lite(tulle_ice *ice, ice_pair *p)
{
	p->valid = true;
	p->state = ICE_SUCCEEDED;
	p->answered = ice->last_activity = ice->now;
}

/* What an accepted check teaches: RFC8445:7.3.1.3 to 7.3.1.5. */
void tulle_ice_learn(tulle_ice *ice, uint8_t local, const ice_early *check)
{
	uint8_t tcp = tulle_ice_other_end(ice, local);
	uint8_t remote = tulle_ice_find_remote(ice, tcp, &check->remote);
	uint8_t pair = remote == ICE_NONE ? ICE_NONE : tulle_ice_find_pair(ice, local, remote);
	tulle_ice_type type = remote == ICE_NONE ? TULLE_ICE_PRFLX : ice->remotes[remote].type;
	bool settled = tulle_ice_is_settled(ice) && !tulle_ice_is_better(ice, local, type);
	if (remote == ICE_NONE)
		remote = tulle_ice_learn_remote(ice, tcp, &check->remote, check->priority);
	if (pair == ICE_NONE && remote != ICE_NONE)
		pair = tulle_ice_add_pair(ice, local, remote);
	if (pair == ICE_NONE) {
		ice->drops[TULLE_DROP_LIMIT]++;
		return;
	}
	ice_pair *p = &ice->pairs[pair];
	if (p->revoked)
		return;
	p->heard = true;
	p->stream = tcp != 0 ? ICE_STREAM_OPEN : ICE_NO_STREAM; /* it came over one: RFC6544:7.2 */
	p->bytes_in += check->bytes < UINT32_MAX - p->bytes_in ? check->bytes : 0;
	if (ice->config.lite)
		take_as_lite(ice, p);
	if ((!p->valid || tulle_ice_is_stale(ice, pair)) && (!settled || check->nominate))
		tulle_ice_trigger(ice, pair);
	/* Concluded and well. But the remote may have lost what we have, and knows it first. */
	p->late = settled && (!p->valid || p->answered < ice->pairs[ice->data].answered);
	if (settled && pair != ice->selected) {
		tulle_ice_doubt(ice);
		tulle_ice_return_to(ice, pair);
	}
	/* RFC8445:7.3.1.5: USE-CANDIDATE is the controlling side's */
	if (check->nominate && !ice->controlling)
		tulle_ice_remote_nominates(ice, pair);
	/* We left the nominated pair for silence, and the remote is still there. */
	if (p->nominated && p->valid && ice->selected == ICE_NONE && !ice->controlling) {
		p->remote_nominates = true;
		tulle_ice_trigger(ice, pair);
	}
}

static void take_check(tulle_ice *ice, const tulle_stun_message *m, ice_generation generation,
	uint8_t local, ice_early *check)
{
	if (generation == ICE_FORMER) /* RFC7675:5.1: its consent is all that it asks for */
		return;
	tulle_ice_keep_opaque(ice, m);
	check->priority = tulle_stun_u32(m, TULLE_STUN_A_PRIORITY);
	check->bytes = (uint32_t)m->raw.len;
	check->nominate = tulle_stun_has(m, TULLE_STUN_A_USE_CANDIDATE);
	if (generation == ICE_CURRENT && ice->has_remote)
		tulle_ice_learn(ice, local, check);
	else if (generation == ICE_NEXT || !ice->restarting)
		remember(ice, check);
}

TULLE_UNTRUSTED(anyone, "one HMAC; 16 answers waiting, 4 of them errors", ice_agent)
tulle_drop tulle_ice_take_request(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from)
{
	ice_generation generation;
	verdict v = verify(ice, m, &generation);
	if (ice->state == TULLE_ICE_FAILED && generation != ICE_NEXT)
		return TULLE_DROP_STATE; /* RFC7675:5.1: these credentials are spent */
	if (v.drop != TULLE_TAKEN) {
		(void)answer(ice, m, local, from, v.code, ICE_STRANGE);
		return v.drop;
	}
	if (!tulle_ice_is_allowed(ice, from))
		return TULLE_DROP_ICE_FILTERED;
	v = judge(m);
	if (v.drop == TULLE_TAKEN && !has_room(ice))
		return TULLE_DROP_LIMIT; /* not answered, so as if lost: nothing may change */
	if (v.drop == TULLE_TAKEN && generation != ICE_FORMER && !resolve_roles(ice, m))
		v = (verdict){487, TULLE_DROP_ICE_ROLE};
	(void)answer(ice, m, local, from, v.code, generation);
	if (v.drop != TULLE_TAKEN)
		return v.drop;
	take_check(ice, m, generation, local,
		&(ice_early){.remote = *from, .id = ice->locals[local].id});
	return TULLE_TAKEN;
}

/* Another path may get the slot. */
void tulle_ice_forget_answers(tulle_ice *ice, uint8_t local)
{
	for (uint8_t i = 0; i < ice->answer_count; i++) {
		ice_answer *a = &ice->answers[(ice->answer_first + i) % ice->answer_slots];
		if (a->local == local)
			a->local = ICE_NONE;
	}
}

static ice_pair *pair_of(tulle_ice *ice, const ice_answer *a)
{
	if (a->local == ICE_NONE)
		return NULL;
	uint8_t remote = tulle_ice_find_remote(ice, tulle_ice_other_end(ice, a->local), &a->remote);
	uint8_t pair = remote == ICE_NONE ? ICE_NONE : tulle_ice_find_pair(ice, a->local, remote);
	return pair != ICE_NONE ? &ice->pairs[pair] : NULL;
}

/* The generations change places; ICE_STRANGE: its answers are not sent any more. */
void tulle_ice_shift_answers(tulle_ice *ice, const uint8_t to[3])
{
	for (uint8_t i = 0; i < ice->answer_count; i++) {
		ice_answer *a = &ice->answers[(ice->answer_first + i) % ice->answer_slots];
		if (!a->authentic || a->local == ICE_NONE)
			continue;
		a->generation = to[a->generation];
		if (a->generation == ICE_STRANGE)
			a->local = ICE_NONE;
	}
}

static tulle_text reason_of(uint16_t code)
{
	switch (code) {
	case 400:
		return TULLE_TEXT("Bad Request");
	case 401:
		return TULLE_TEXT("Unauthenticated");
	case 420:
		return TULLE_TEXT("Unknown Attribute");
	default:
		return TULLE_TEXT("Role Conflict");
	}
}

/* RFC8489:9.1.3: integrity of the request's kind, none in a 400 or 401 to who is not authentic;
 * never USERNAME, never SOFTWARE. */
static size_t write_answer(tulle_ice *ice, const ice_answer *a, uint8_t *dst, size_t cap)
{
	tulle_stun_writer w = tulle_stun_write_begin(dst, cap, TULLE_STUN_BINDING,
		a->code == 0 ? TULLE_STUN_SUCCESS : TULLE_STUN_ERROR, a->id);
	if (a->code == 0)
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &a->remote);
	else
		tulle_stun_write_error(&w, a->code, reason_of(a->code));
	if (a->code == 420)
		tulle_stun_write_unknown(&w, a->unknown, a->unknown_count);
	if (a->code == 0)
		(void)tulle_ice_write_opaque(ice, &w, a->local, pair_of(ice, a));
	tulle_bytes key = tulle_ice_own_pwd(ice, (ice_generation)a->generation);
	if (a->authentic && a->sha256)
		tulle_stun_write_integrity_sha256(&w, key);
	else if (a->authentic)
		tulle_stun_write_integrity(&w, key);
	tulle_stun_write_fingerprint(&w);
	return tulle_stun_write_finish(&w);
}

/* What an answer costs counts against what its pair may send: FIELD, reflection. */
static void charge(tulle_ice *ice, const ice_answer *a, size_t len)
{
	ice_pair *pair = pair_of(ice, a);
	if (pair != NULL)
		pair->bytes_out += (uint32_t)len;
}

size_t tulle_ice_poll_answer(tulle_ice *ice, uint8_t *dst, size_t cap, tulle_path *path)
{
	while (ice->answer_count != 0) {
		ice_answer *a = &ice->answers[ice->answer_first];
		ice->answer_first = (uint8_t)((ice->answer_first + 1) % ice->answer_slots);
		ice->answer_count--;
		if (!a->authentic)
			ice->error_count--;
		if (a->local == ICE_NONE) /* its path went away meanwhile */
			continue;
		size_t len = write_answer(ice, a, dst, cap);
		if (len == 0)
			continue;
		charge(ice, a, len);
		*path = tulle_ice_path_to(ice, a->local, &a->remote);
		return len;
	}
	return 0;
}
