/* SPDX-License-Identifier: MIT */
/* ice: valid pairs, nomination and states: RFC8445:7.2.5.3, RFC8445:8, W3C webrtc-pc 5.6.
 * Invariant: data goes over a valid pair; when one is nominated, over that one. */
#include "ice/agent.h"

/* Concluded, and well. */
bool tulle_ice_is_settled(const tulle_ice *ice)
{
	return ice->selected != ICE_NONE && !tulle_ice_is_in_vain(ice, &ice->consent);
}

/* It worked once, but has consent no longer, or not for as long as it takes to be asked again:
 * RFC7675:5.1. Only the pair with data is asked all the time. */
bool tulle_ice_is_stale(const tulle_ice *ice, uint8_t pair)
{
	const ice_pair *p = &ice->pairs[pair];
	return pair != ice->data && p->valid && ice->now - p->answered >= ICE_FRESH_US;
}

static bool is_nominating(const tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (p->used &&
			(p->nominate || (p->state == ICE_IN_PROGRESS && p->checked_nominate)))
			return true;
	}
	return false;
}

/* RFC8445:8.1.1, regular nomination: one more check of a valid pair, with USE-CANDIDATE. The first
 * valid one is taken: checks went out best first, and many peers send nothing before. */
void tulle_ice_nominate(tulle_ice *ice, uint8_t pair)
{
	bool settled = tulle_ice_is_settled(ice) && !tulle_ice_is_promising(ice, &ice->pairs[pair]);
	if (!ice->controlling || settled || is_nominating(ice))
		return;
	ice->pairs[pair].nominate = true;
	tulle_ice_trigger(ice, pair);
}

static void use(tulle_ice *ice, uint8_t pair)
{
	if (ice->data != pair) {
		ice->data = pair;
		tulle_ice_start_consent(ice);
	}
	tulle_ice_leave_former(ice);
	ice->lost = false;
	ice->tell_selected = true;
	if (ice->release_at != TULLE_TIME_NEVER) /* RFC8445:8.3.1: what is on its way may arrive */
		ice->release_at = ice->now + ICE_LEAVE_US;
}

/* RFC8445:8.1.2: what is still to be checked is not checked any more. */
static void conclude(tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		ice_pair *p = &ice->pairs[i];
		if (!p->used || i == ice->selected || p->remote_nominates ||
			p->state > ICE_IN_PROGRESS || tulle_ice_is_promising(ice, p))
			continue;
		p->nominate = false;
		if (p->state == ICE_IN_PROGRESS)
			tulle_ice_trigger(ice, i); /* keeps its id: a late answer counts */
		p->trigger = 0;
		p->state = p->valid ? ICE_SUCCEEDED : ICE_FROZEN;
	}
}

/* The best valid pair that was heard of since then. */
static uint8_t best_valid(const tulle_ice *ice, uint8_t except, tulle_time since)
{
	uint8_t best = ICE_NONE;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (p->used && p->valid && i != except && p->answered > since &&
			(best == ICE_NONE || p->priority > ice->pairs[best].priority))
			best = i;
	}
	return best;
}

/* One without a relay may have become valid while one with a relay was being nominated, or before
 * it was known for a relay. */
void tulle_ice_renominate(tulle_ice *ice)
{
	tulle_time since = ice->now - ICE_CONSENT_EXPIRY_US;
	uint8_t best = ICE_NONE;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (p->used && p->valid && p->answered > since && tulle_ice_is_promising(ice, p) &&
			(best == ICE_NONE || p->priority > ice->pairs[best].priority))
			best = i;
	}
	if (best != ICE_NONE)
		tulle_ice_nominate(ice, best);
}

/* The priorities of pairs are others now, and so may be the highest that the remote nominated. That
 * was perhaps a while ago, so it is asked first. */
void tulle_ice_reconsider(tulle_ice *ice)
{
	uint8_t best = ice->selected;
	tulle_ice_renominate(ice);
	if (best == ICE_NONE || ice->controlling || ice->config.lite)
		return;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (p->used && p->valid && p->nominated && p->priority > ice->pairs[best].priority)
			best = i;
	}
	if (best == ice->selected)
		return;
	ice->pairs[best].remote_nominates = true;
	tulle_ice_trigger(ice, best);
}

/* We left it for silence, it would count more than what we took then, and there the remote is. */
void tulle_ice_return_to(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	if (!ice->controlling || !p->chosen || is_nominating(ice) ||
		p->priority <= ice->pairs[ice->selected].priority)
		return;
	p->nominate = true;
	tulle_ice_trigger(ice, pair);
}

/* A controlling side may nominate several (RFC 5245's aggressive nomination, which Chromium does):
 * the highest counts, unless what we have is in vain. A lite side goes where it is told. */
static void select_pair(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	bool first = !p->nominated;
	p->nominated = p->chosen = true;
	p->remote_nominates = false;
	if (ice->selected == pair && !first)
		return;
	if (!ice->config.lite && tulle_ice_is_settled(ice) && ice->selected != pair &&
		ice->pairs[ice->selected].priority >= p->priority) {
		tulle_ice_renominate(ice);
		return;
	}
	ice->selected = pair;
	ice->leave_at = ice->now + ICE_LEAVE_US;
	use(ice, pair);
	conclude(ice);
	tulle_ice_renominate(ice);
}

/* RFC8445:7.2.5.3.2 to 7.2.5.3.4: its check was answered. */
void tulle_ice_pair_works(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	bool nominated = ice->controlling ? p->checked_nominate : p->remote_nominates;
	p->state = ICE_SUCCEEDED;
	p->trigger = 0;
	p->valid = true;
	p->checked_nominate = false;
	tulle_ice_unfreeze(ice, p);
	if (pair == ice->data)
		tulle_ice_consent_answered(ice, &ice->consent, &p->rtt);
	/* RFC8445:12.1: data may go on any valid pair; after a restart it has one: RFC8445:9. */
	bool carried =
		tulle_ice_former_carries(ice) && !tulle_ice_is_silent(ice, &ice->former.consent);
	if (nominated)
		select_pair(ice, pair);
	else if (ice->data == ICE_NONE && !carried)
		use(ice, pair);
	if (!nominated)
		tulle_ice_nominate(ice, pair);
}

/* RFC8445:7.3.1.5 */
void tulle_ice_remote_nominates(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	if (tulle_ice_is_stale(ice, pair)) {
		p->valid = false; /* RFC7675:5.1: no consent without a fresh answer */
		tulle_ice_trigger(ice, pair);
	}
	if (p->valid)
		select_pair(ice, pair);
	else
		p->remote_nominates = true;
}

/* What has not been heard of since then is checked again: RFC7675:5.1 asks for consent anew. */
static void check_anew(tulle_ice *ice, uint8_t except, tulle_time since)
{
	for (uint8_t i = 0; i < ice->pair_slots && !ice->config.lite; i++) {
		ice_pair *p = &ice->pairs[i];
		if (!p->used || i == except || p->state != ICE_SUCCEEDED || p->answered > since)
			continue;
		p->state = ICE_WAITING;
		p->valid = p->nominated = p->nominate = false;
	}
}

/* The best valid pair carries data, if there is one; else those that were valid may be again. */
void tulle_ice_take_over(tulle_ice *ice, uint8_t except)
{
	tulle_time since = ice->now - ICE_FRESH_US;
	uint8_t best = best_valid(ice, except, since);
	if (best == ICE_NONE) {
		check_anew(ice, except, since);
		return;
	}
	use(ice, best);
	if (ice->controlling)
		tulle_ice_nominate(ice, best);
	else
		tulle_ice_trigger(ice, best); /* so that the remote hears of it */
}

/* The pair that carried data is no more. */
void tulle_ice_pair_gone(tulle_ice *ice, uint8_t pair)
{
	ice->data = ice->selected = ICE_NONE;
	ice->leave_at = TULLE_TIME_NEVER;
	tulle_ice_reset_consent(&ice->consent);
	ice->tell_selected = false;
	ice->lost = true;
	ice->burst = ICE_BURST;
	tulle_ice_take_over(ice, pair);
}

void tulle_ice_pair_fails(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	bool was_nominating = p->nominate || p->checked_nominate;
	p->state = ICE_FAILED;
	p->trigger = 0;
	p->valid = p->nominated = p->nominate = p->checked_nominate = p->remote_nominates = false;
	if (pair == ice->data)
		tulle_ice_pair_gone(ice, pair);
	else if (was_nominating && ice->data != ICE_NONE)
		tulle_ice_nominate(ice, ice->data);
}

/* RFC7675:5.2: at once, and for as long as these credentials are ours. */
void tulle_ice_pair_revoked(tulle_ice *ice, uint8_t pair)
{
	ice->pairs[pair].revoked = true;
	ice->pairs[pair].late = false;
	ice->last_activity = ice->now;
	tulle_ice_pair_fails(ice, pair);
}

static bool is_complete(const tulle_ice *ice)
{
	return ice->selected != ICE_NONE && ice->paths_known && ice->remote_ended;
}

static bool has_pair(const tulle_ice *ice)
{
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used)
			return true;
	return false;
}

/* RFC8863:4: the remote's checks may still come when all of ours have failed, or when we have no
 * pair at all; RFC8838:8 wants the end of candidates too, but a remote may never tell it. */
static bool is_hopeless(const tulle_ice *ice)
{
	return ice->has_remote && !tulle_ice_has_active_pair(ice) &&
	       tulle_time_due(ice->last_activity + ICE_PATIENCE_US, ice->now);
}

static tulle_ice_state judge(const tulle_ice *ice)
{
	if (ice->state == TULLE_ICE_FAILED || tulle_ice_is_expired(ice)) /* RFC7675:5.1 */
		return TULLE_ICE_FAILED;
	if (ice->data != ICE_NONE && tulle_ice_is_silent(ice, &ice->consent))
		return TULLE_ICE_DISCONNECTED;
	if (ice->data != ICE_NONE)
		return is_complete(ice) ? TULLE_ICE_COMPLETED : TULLE_ICE_CONNECTED;
	if (tulle_ice_former_carries(ice)) /* W3C: a restart forgets that it was disconnected */
		return tulle_ice_is_silent(ice, &ice->former.consent) ? TULLE_ICE_CHECKING
								      : TULLE_ICE_CONNECTED;
	if (is_hopeless(ice))
		return TULLE_ICE_FAILED;
	if (ice->lost)
		return TULLE_ICE_DISCONNECTED;
	return ice->has_remote && (ice->state == TULLE_ICE_CHECKING || has_pair(ice))
		       ? TULLE_ICE_CHECKING
		       : TULLE_ICE_NEW;
}

/* What carried data before a restart must not go on without consent, nor while it is silent and
 * there is something better. */
static void tend_former(tulle_ice *ice)
{
	if (!tulle_ice_former_carries(ice))
		return;
	if (ice->now - ice->former.answered >= ICE_CONSENT_EXPIRY_US) {
		tulle_ice_forget_former(ice);
		tulle_ice_take_over(ice, ICE_NONE);
	} else if (tulle_ice_is_silent(ice, &ice->former.consent)) {
		tulle_ice_take_over(ice, ICE_NONE);
	}
}

/* A pair that works takes over from one that does not say so any more; those from which the remote
 * came meanwhile are checked, and in the end all others. */
static void tend_data(tulle_ice *ice)
{
	if (ice->data == ICE_NONE || !tulle_ice_is_in_vain(ice, &ice->consent) ||
		tulle_ice_is_expired(ice))
		return;
	uint8_t best = best_valid(ice, ice->data, ice->pairs[ice->data].answered);
	if (best != ICE_NONE) {
		ice->selected = ice->pairs[best].nominated ? best : ICE_NONE;
		use(ice, best);
		tulle_ice_nominate(ice, best);
		return;
	}
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].late) {
			ice->pairs[i].late = false;
			tulle_ice_trigger(ice, i);
		}
	if (tulle_ice_is_silent(ice, &ice->consent))
		check_anew(ice, ice->data, ice->consent.unanswered);
}

void tulle_ice_update_state(tulle_ice *ice)
{
	tend_former(ice);
	tend_data(ice);
	if (ice->pruned && (ice->selected == ICE_NONE || tulle_ice_is_silent(ice, &ice->consent)))
		tulle_ice_restore_pairs(ice);
	tulle_ice_release_tables(ice);
	tulle_ice_state state = judge(ice);
	if (state == ice->state)
		return;
	ice->state = state;
	ice->tell_state = true;
	if (state == TULLE_ICE_FAILED)
		ice->answer_count = ice->error_count = 0;
}
