/* SPDX-License-Identifier: MIT */
/* ice: streams under TCP pairs: RFC 6544. The agent says which it wants and hears how that went; it
 * names them by their paths. Invariant: a TCP pair is valid only while it has its stream. */
#include "ice/agent.h"

#include "base/panic.h"

/* RFC6544:6.2 */
uint8_t tulle_ice_other_end(const tulle_ice *ice, uint8_t local)
{
	static const uint8_t ends[] = {[TULLE_ICE_TCP_ACTIVE] = TULLE_ICE_TCP_PASSIVE,
		[TULLE_ICE_TCP_PASSIVE] = TULLE_ICE_TCP_ACTIVE};
	return ends[ice->locals[local].tcp];
}

static bool is_active(const tulle_ice *ice, const ice_pair *p)
{
	return ice->locals[p->local].tcp == TULLE_ICE_TCP_ACTIVE;
}

bool tulle_ice_lacks_stream(const tulle_ice *ice, const ice_pair *p)
{
	return ice->locals[p->local].tcp != 0 && p->stream != ICE_STREAM_OPEN;
}

/* RFC6544:12: whoever has our password must not make us knock at many doors at a time. A passive
 * pair's stream is the remote's to open. */
bool tulle_ice_may_open(const tulle_ice *ice, const ice_pair *p)
{
	unsigned opening = 0;
	if (!tulle_ice_lacks_stream(ice, p))
		return true;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		opening +=
			ice->pairs[i].used && (ice->pairs[i].stream == ICE_STREAM_WANTED ||
						      ice->pairs[i].stream == ICE_STREAM_OPENING);
	return is_active(ice, p) && (p->stream != ICE_NO_STREAM || opening < ICE_OPENING_MAX);
}

/* RFC6544:7.1: the connection comes first. What does not open within a transaction's time has
 * failed. */
void tulle_ice_want_stream(tulle_ice *ice, ice_pair *p)
{
	if (p->stream == ICE_NO_STREAM)
		p->stream = ICE_STREAM_WANTED;
	tulle_stun_transaction_sent_once(&p->check, ice->now);
}

bool tulle_ice_poll_stream(tulle_ice *ice, tulle_path *out)
{
	for (uint8_t i = 0; i < ice->pair_slots && ice->state != TULLE_ICE_FAILED; i++) {
		ice_pair *p = &ice->pairs[i];
		if (!p->used || p->stream != ICE_STREAM_WANTED)
			continue;
		bool checked = p->state == ICE_IN_PROGRESS; /* or concluded meanwhile */
		p->stream = checked ? ICE_STREAM_OPENING : ICE_NO_STREAM;
		if (!checked)
			continue;
		*out = tulle_ice_pair_path(ice, p);
		out->local.port = 0; /* any */
		return true;
	}
	return false;
}

static uint8_t pair_of(const tulle_ice *ice, uint8_t local, const tulle_addr *from)
{
	if (local == ICE_NONE || ice->locals[local].tcp == 0)
		return ICE_NONE;
	uint8_t remote = tulle_ice_find_remote(ice, tulle_ice_other_end(ice, local), from);
	return remote != ICE_NONE ? tulle_ice_find_pair(ice, local, remote) : ICE_NONE;
}

void tulle_ice_stream_opened(tulle_ice *ice, tulle_time now, const tulle_path *path)
{
	tulle_addr to = tulle_ice_normal_addr(&path->remote);
	uint8_t pair = pair_of(ice, tulle_ice_find_local(ice, path->id), &to);
	ice->now = tulle_time_max(ice->now, now);
	if (pair == ICE_NONE)
		return;
	ice_pair *p = &ice->pairs[pair];
	p->stream = ICE_STREAM_OPEN;
	if (p->state != ICE_IN_PROGRESS)
		return;
	p->check.sends = 0;
	p->check.due = ice->now;
}

/* RFC6544:8: ours to end, for another pair was nominated a while ago. */
static bool is_left(const tulle_ice *ice, uint8_t pair)
{
	const ice_pair *p = &ice->pairs[pair];
	return is_active(ice, p) && pair != ice->data && ice->selected != ICE_NONE &&
	       tulle_time_due(ice->leave_at, ice->now) && p->trigger == 0 &&
	       (p->state == ICE_FROZEN || p->state == ICE_SUCCEEDED) &&
	       !tulle_ice_is_promising(ice, p);
}

static bool is_early(const tulle_ice *ice, uint32_t id, const tulle_addr *from)
{
	for (uint8_t i = 0; i < ice->early_count; i++)
		if (ice->early[i].id == id && tulle_addr_is(&ice->early[i].remote, from))
			return true;
	return false;
}

bool tulle_ice_keeps_stream(const tulle_ice *ice, const tulle_path *path)
{
	tulle_addr from = tulle_ice_normal_addr(&path->remote);
	uint8_t local = tulle_ice_find_local(ice, path->id), pair = pair_of(ice, local, &from);
	if (local == ICE_NONE)
		return false;
	if (tulle_ice_is_former(ice, local, &from) || is_early(ice, path->id, &from))
		return true;
	return pair != ICE_NONE && ice->pairs[pair].state != ICE_FAILED && !is_left(ice, pair);
}

static void forget_early(tulle_ice *ice, uint32_t id, const tulle_addr *from)
{
	for (uint8_t i = 0; i < ice->early_count; i++)
		if (ice->early[i].id == id && tulle_addr_is(&ice->early[i].remote, from))
			ice->early[i--] = ice->early[--ice->early_count];
}

static void lose(tulle_ice *ice, uint8_t pair)
{
	ice_pair *p = &ice->pairs[pair];
	bool carried = pair == ice->data, left = is_left(ice, pair);
	p->stream = ICE_NO_STREAM;
	p->heard = p->late = p->has_cancelled = false;
	if (left) { /* it may be wanted again, when what was nominated is silent */
		p->valid = p->nominated = p->nominate = p->remote_nominates = false;
		p->state = ICE_FROZEN;
		return;
	}
	p->timed_out = true;
	p->refused = TULLE_TAKEN;
	p->code = 0;
	tulle_ice_pair_fails(ice, pair);
	if (carried && is_active(ice, p)) /* RFC6544:11.1: at Ta's pace */
		p->state = ICE_WAITING;
}

void tulle_ice_stream_ended(tulle_ice *ice, tulle_time now, const tulle_path *path)
{
	tulle_addr from = tulle_ice_normal_addr(&path->remote);
	uint8_t local = tulle_ice_find_local(ice, path->id), pair = pair_of(ice, local, &from);
	ice->now = tulle_time_max(ice->now, now);
	forget_early(ice, path->id, &from);
	if (local != ICE_NONE && ice->former.local == local &&
		tulle_addr_is(&ice->former.remote, &from))
		tulle_ice_lose_former(ice);
	if (pair != ICE_NONE) {
		lose(ice, pair);
		ice->last_activity = ice->now;
	}
	tulle_ice_update_state(ice);
}

/* When some of ours may be left. */
tulle_time tulle_ice_streams_timeout(const tulle_ice *ice)
{
	if (ice->leave_at == TULLE_TIME_NEVER || ice->leave_at <= ice->now)
		return TULLE_TIME_NEVER;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used && ice->pairs[i].stream != ICE_NO_STREAM && i != ice->data)
			return ice->leave_at;
	return TULLE_TIME_NEVER;
}
