/* SPDX-License-Identifier: MIT */
/* ice: the agent's life: memory, credentials, entries and deadlines; the invariants of the room. */
#include "ice/agent.h"

#include "base/panic.h"

static uint16_t or_default(uint16_t value, uint16_t standard)
{
	return value != 0 ? value : standard;
}

static bool is_config(const tulle_ice_config *c)
{
	return c->random.fill != NULL && c->local_candidates_max <= ICE_LOCAL_MAX &&
	       c->remote_candidates_max <= ICE_REMOTE_MAX && c->pairs_max <= ICE_PAIRS_MAX;
}

static tulle_ice_config with_defaults(const tulle_ice_config *config)
{
	tulle_ice_config c = *config;
	c.local_candidates_max = or_default(c.local_candidates_max, ICE_LOCAL_MAX);
	c.remote_candidates_max = or_default(c.remote_candidates_max, ICE_REMOTE_MAX);
	c.pairs_max = or_default(c.pairs_max, ICE_PAIRS_MAX);
	return c;
}

size_t tulle_ice_memory_bytes(const tulle_ice_config *config)
{
	tulle_ice_config c = with_defaults(config);
	return is_config(config) ? tulle_ice_block_bytes(&c) : 0;
}

static bool draw(tulle_ice *ice)
{
	uint8_t r[sizeof ice->tie_breaker];
	if (!tulle_ice_draw_names(ice, &ice->keys.ours) ||
		!ice->config.random.fill(ice->config.random.user, r, sizeof r))
		return false;
	memcpy(&ice->tie_breaker, r, sizeof r);
	ice->drawn = 1;
	return true;
}

tulle_ice *tulle_ice_init(
	void *memory, size_t memory_bytes, const tulle_ice_config *config, tulle_time now)
{
	size_t need = tulle_ice_memory_bytes(config);
	if (need == 0 || memory_bytes < need || (uintptr_t)memory % _Alignof(max_align_t) != 0)
		return NULL;
	memset(memory, 0, need);
	tulle_ice *ice = memory;
	ice->config = with_defaults(config);
	tulle_ice_make_tables(ice);
	ice->now = ice->next_check = ice->last_activity = now;
	ice->controlling = config->controlling && !config->lite;
	ice->data = ice->selected = ICE_NONE;
	ice->former.local = ICE_NONE;
	ice->leave_at = TULLE_TIME_NEVER;
	tulle_ice_reset_consent(&ice->consent);
	ice->burst = ICE_BURST;
	ice->state = TULLE_ICE_NEW;
	return draw(ice) ? ice : NULL;
}

void tulle_ice_wipe(tulle_ice *ice)
{
	tulle_ice_free_tables(ice);
	tulle_crypto_wipe(ice, tulle_ice_block_bytes(&ice->config));
}

bool tulle_ice_has_remote(const tulle_ice *ice)
{
	return ice->has_remote;
}

tulle_err tulle_ice_set_role(tulle_ice *ice, bool controlling)
{
	if (ice->has_remote)
		return TULLE_ERR_STATE;
	ice->controlling = controlling && !ice->config.lite; /* RFC8445:6.1.1 */
	return TULLE_OK;
}

bool tulle_ice_is_controlling(const tulle_ice *ice)
{
	return ice->controlling;
}

static tulle_drop take(tulle_ice *ice, const tulle_path *path, const uint8_t *data, size_t len)
{
	tulle_stun_message m;
	uint8_t local = tulle_ice_find_local(ice, path->id);
	bool failed = ice->state == TULLE_ICE_FAILED;
	if (failed && !ice->restarting) /* RFC7675:5.1: these credentials are spent */
		return TULLE_DROP_STATE;
	if (local == ICE_NONE || path->remote.port == 0)
		return TULLE_DROP_UNKNOWN_PATH;
	tulle_drop drop = tulle_stun_read(data, len, &m);
	if (drop != TULLE_TAKEN)
		return drop;
	if (tulle_stun_has(&m, TULLE_STUN_A_FINGERPRINT) && !tulle_stun_is_fingerprint_right(&m))
		return TULLE_DROP_STUN_FINGERPRINT; /* RFC8489:7 */
	if (m.method != TULLE_STUN_BINDING)
		return TULLE_DROP_STUN_METHOD;
	tulle_addr from = tulle_ice_normal_addr(&path->remote);
	if (m.kind == TULLE_STUN_REQUEST)
		return tulle_ice_take_request(ice, &m, local, &from);
	if (failed)
		return TULLE_DROP_STATE;
	if (m.kind == TULLE_STUN_INDICATION) /* RFC8445:11: a keepalive, nothing to do */
		return m.unknown_count != 0 ? TULLE_DROP_STUN_UNKNOWN_REQUIRED : TULLE_TAKEN;
	return tulle_ice_take_answer(ice, &m, local, &from);
}

TULLE_UNTRUSTED(anyone, "one HMAC a datagram; 100 pairs", ice_agent)
tulle_drop tulle_ice_handle_datagram(
	tulle_ice *ice, tulle_time now, const tulle_path *path, const uint8_t *data, size_t len)
{
	ice->now = tulle_time_max(ice->now, now);
	ice->got_dtls = ice->got_ack = (tulle_bytes){NULL, 0};
	tulle_ice_update_state(ice); /* consent may have run out before this packet */
	tulle_drop drop = take(ice, path, data, len);
	ice->drops[drop]++;
	tulle_ice_update_state(ice);
	return drop;
}

void tulle_ice_handle_timeout(tulle_ice *ice, tulle_time now)
{
	ice->now = tulle_time_max(ice->now, now);
	if (ice->state != TULLE_ICE_FAILED)
		tulle_ice_expire_checks(ice);
	tulle_ice_update_state(ice);
}

bool tulle_ice_poll_datagram(
	tulle_ice *ice, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out)
{
	uint8_t pair = ICE_NONE;
	ice->now = tulle_time_max(ice->now, now);
	tulle_ice_update_state(ice);
	if (dst_bytes < TULLE_ICE_DATAGRAM_BYTES)
		return false;
	*out = (tulle_datagram){0};
	ice->opaque_sent = false;
	out->len = tulle_ice_poll_answer(ice, dst, dst_bytes, &out->path);
	if (out->len != 0 || ice->state == TULLE_ICE_FAILED)
		return out->len != 0;
	out->len = tulle_ice_poll_check(ice, dst, dst_bytes, &pair);
	if (out->len != 0)
		out->path = tulle_ice_pair_path(ice, &ice->pairs[pair]);
	else
		out->len = tulle_ice_poll_consent(ice, dst, dst_bytes, &out->path);
	if (out->len == 0)
		tulle_ice_release_tables(ice); /* nothing waits any more */
	return out->len != 0;
}

static tulle_time checks_timeout(const tulle_ice *ice)
{
	tulle_time t = TULLE_TIME_NEVER;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (p->used && p->trigger != 0)
			return ice->now;
		if (p->used && p->state == ICE_IN_PROGRESS)
			t = tulle_time_min(t, p->check.due);
	}
	if (tulle_ice_next_ordinary(ice) != ICE_NONE)
		t = tulle_time_min(
			t, tulle_time_max(tulle_time_max(ice->next_check, ice->waits), ice->now));
	return t;
}

tulle_time tulle_ice_poll_timeout(const tulle_ice *ice)
{
	if (ice->answer_count != 0)
		return ice->now;
	if (!ice->has_remote || ice->state == TULLE_ICE_FAILED)
		return TULLE_TIME_NEVER;
	tulle_time t = tulle_time_min(checks_timeout(ice), tulle_ice_consent_timeout(ice));
	t = tulle_time_min(t, tulle_ice_release_timeout(ice));
	t = tulle_time_min(t, tulle_ice_streams_timeout(ice));
	bool carried = ice->data != ICE_NONE || tulle_ice_former_carries(ice);
	if (!carried && !tulle_ice_has_active_pair(ice))
		t = tulle_time_min(t, ice->last_activity + ICE_PATIENCE_US);
	return t;
}

static bool take_flag(bool *flag, tulle_ice_event *event, tulle_ice_event_kind kind)
{
	bool was = *flag;
	*flag = false;
	if (was)
		event->kind = kind;
	return was;
}

static void tell_selected(const tulle_ice *ice, tulle_ice_event *event)
{
	uint8_t local = ice->former.local;
	if (ice->data != ICE_NONE)
		local = ice->pairs[ice->data].local;
	(void)tulle_ice_path(ice, &event->u.selected.path);
	event->u.selected.mtu = ice->locals[local].mtu;
	event->u.selected.nominated = ice->selected == ice->data; /* both none: before a restart */
}

bool tulle_ice_poll_event(tulle_ice *ice, tulle_ice_event *event)
{
	*event = (tulle_ice_event){0};
	if (!ice->ended && tulle_ice_next_untold(ice, &event->u.candidate)) {
		event->kind = TULLE_ICE_EVENT_LOCAL_CANDIDATE;
		return true;
	}
	if (take_flag(&ice->tell_gathered, event, TULLE_ICE_EVENT_GATHERING_DONE)) {
		ice->ended = true; /* RFC8838:13: no more of them in this generation */
		return true;
	}
	if (take_flag(&ice->tell_selected, event, TULLE_ICE_EVENT_SELECTED)) {
		tell_selected(ice, event);
		return true;
	}
	if (take_flag(&ice->tell_state, event, TULLE_ICE_EVENT_STATE)) {
		event->u.state = ice->state;
		return true;
	}
	return false;
}

bool tulle_ice_path(const tulle_ice *ice, tulle_path *out)
{
	if (ice->state == TULLE_ICE_FAILED)
		return false;
	if (ice->data != ICE_NONE)
		*out = tulle_ice_pair_path(ice, &ice->pairs[ice->data]);
	else if (tulle_ice_former_carries(ice))
		*out = tulle_ice_path_to(ice, ice->former.local, &ice->former.remote);
	else
		return false;
	return true;
}

tulle_ice_state tulle_ice_get_state(const tulle_ice *ice)
{
	return ice->state;
}

tulle_time tulle_ice_rtt(const tulle_ice *ice)
{
	if (ice->data != ICE_NONE)
		return ice->pairs[ice->data].rtt;
	return tulle_ice_former_carries(ice) ? ice->former.rtt : 0;
}

uint32_t tulle_ice_drops(const tulle_ice *ice, tulle_drop reason)
{
	return (unsigned)reason < TULLE_DROP_COUNT ? ice->drops[reason] : 0;
}

tulle_err tulle_ice_set_opaque(tulle_ice *ice, tulle_bytes dtls, tulle_bytes ack)
{
	if (!ice->config.opaque)
		return TULLE_ERR_STATE;
	ice->opaque_dtls = dtls;
	ice->opaque_ack = ack;
	return TULLE_OK;
}

bool tulle_ice_opaque_sent(const tulle_ice *ice)
{
	return ice->opaque_sent;
}

bool tulle_ice_opaque(const tulle_ice *ice, tulle_bytes *dtls, tulle_bytes *ack)
{
	*dtls = ice->got_dtls;
	*ack = ice->got_ack;
	return dtls->ptr != NULL || ack->ptr != NULL;
}

static void check_pair(const tulle_ice *ice, uint8_t i)
{
	const ice_pair *p = &ice->pairs[i];
	TULLE_CHECK(ice->has_remote);
	TULLE_CHECK(p->local < ice->local_slots && tulle_ice_is_base(ice, p->local));
	TULLE_CHECK(p->remote < ice->remote_slots && ice->remotes[p->remote].used);
	TULLE_CHECK(!ice->remotes[p->remote].next);
	TULLE_CHECK(tulle_ice_find_pair(ice, p->local, p->remote) == i);
	TULLE_CHECK(p->priority == tulle_ice_pair_priority(ice, p));
	TULLE_CHECK(p->state != ICE_SUCCEEDED || p->valid);
	TULLE_CHECK(p->trigger == 0 || p->state == ICE_WAITING);
	TULLE_CHECK(!p->nominate || (ice->controlling && p->valid));
	TULLE_CHECK(!p->remote_nominates || !ice->controlling);
	TULLE_CHECK(ice->remotes[p->remote].tcp == tulle_ice_other_end(ice, p->local));
	TULLE_CHECK(!p->valid || !tulle_ice_lacks_stream(ice, p));
}

void tulle_ice_check(const tulle_ice *ice)
{
	unsigned signaled = 0, learnt = 0;
	for (uint8_t i = 0; i < ice->pair_slots; i++)
		if (ice->pairs[i].used)
			check_pair(ice, i);
	for (uint8_t i = 0; i < ice->remote_slots; i++) {
		signaled += ice->remotes[i].used && ice->remotes[i].type != TULLE_ICE_PRFLX;
		learnt += ice->remotes[i].used && ice->remotes[i].type == TULLE_ICE_PRFLX;
	}
	TULLE_CHECK(signaled == ice->signaled && learnt == ice->learnt);
	TULLE_CHECK(ice->selected == ICE_NONE || ice->selected == ice->data);
	TULLE_CHECK(ice->data == ICE_NONE ||
		    (ice->pairs[ice->data].used && ice->pairs[ice->data].valid));
	bool former = tulle_ice_former_carries(ice);
	TULLE_CHECK((ice->data == ICE_NONE) == (ice->consent.at == TULLE_TIME_NEVER));
	TULLE_CHECK(!ice->tell_selected || ice->data != ICE_NONE || former);
	TULLE_CHECK(!former || (ice->data == ICE_NONE && ice->has_remote));
	TULLE_CHECK(ice->former.local == ICE_NONE || tulle_ice_is_base(ice, ice->former.local));
	TULLE_CHECK(!ice->restarting || ice->staged);
	TULLE_CHECK(ice->error_count <= ICE_ERRORS_MAX && ice->answer_count <= ice->answer_slots);
	tulle_ice_check_tables(ice);
}
