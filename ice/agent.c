/* SPDX-License-Identifier: MIT */
/* ice: the agent's life: memory, credentials, entries and deadlines; the invariants of the room. */
#include "ice/agent.h"

#include "base/panic.h"

#define ALIGN 16u

typedef struct {
	size_t pairs, locals, remotes, end;
} layout;

static uint16_t or_default(uint16_t value, uint16_t standard)
{
	return value != 0 ? value : standard;
}

static bool is_config(const tulle_ice_config *c)
{
	return c->random.fill != NULL && c->local_candidates_max <= ICE_LOCAL_MAX &&
	       c->remote_candidates_max <= ICE_REMOTE_MAX && c->pairs_max <= ICE_PAIRS_MAX;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static layout lay_out(const tulle_ice_config *c)
{
	layout l;
	l.pairs = aligned(sizeof(tulle_ice));
	l.locals = aligned(l.pairs + sizeof(ice_pair) * or_default(c->pairs_max, ICE_PAIRS_MAX));
	l.remotes = aligned(
		l.locals + sizeof(ice_local) * or_default(c->local_candidates_max, ICE_LOCAL_MAX));
	size_t remotes =
		or_default(c->remote_candidates_max, ICE_REMOTE_MAX) + (size_t)ICE_PRFLX_MAX;
	l.end = aligned(l.remotes + sizeof(ice_remote) * remotes);
	return l;
}

size_t tulle_ice_memory_bytes(const tulle_ice_config *config)
{
	return is_config(config) ? lay_out(config).end : 0;
}

/* 64 ice-chars: RFC8839:5.4 */
static void write_ice_chars(char *dst, size_t n, const uint8_t *random)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i++) {
		size_t bit = i * 6;
		unsigned two = (unsigned)random[bit / 8] << 8;
		if (bit % 8 > 2)
			two |= random[bit / 8 + 1];
		dst[i] = chars[two >> (10 - bit % 8) & 63];
	}
}

/* RFC8445:5.3: at least 24 bits of ufrag and 128 of password; ours have 48 and 144. */
static bool draw_credentials(tulle_ice *ice)
{
	uint8_t r[6 + 18 + 8];
	if (!ice->config.random.fill(ice->config.random.user, r, sizeof r))
		return false;
	write_ice_chars(ice->ufrag, sizeof ice->ufrag, r);
	write_ice_chars(ice->pwd, sizeof ice->pwd, r + 6);
	memcpy(&ice->tie_breaker, r + 24, 8);
	tulle_crypto_wipe(r, sizeof r);
	return true;
}

tulle_ice *tulle_ice_init(
	void *memory, size_t memory_bytes, const tulle_ice_config *config, tulle_time now)
{
	size_t need = tulle_ice_memory_bytes(config);
	if (need == 0 || memory_bytes < need || (uintptr_t)memory % _Alignof(max_align_t) != 0)
		return NULL;
	memset(memory, 0, need);
	layout l = lay_out(config);
	uint8_t *block = memory;
	tulle_ice *ice = memory;
	ice->config = *config;
	ice->config.local_candidates_max = or_default(config->local_candidates_max, ICE_LOCAL_MAX);
	ice->config.remote_candidates_max =
		or_default(config->remote_candidates_max, ICE_REMOTE_MAX);
	ice->config.pairs_max = or_default(config->pairs_max, ICE_PAIRS_MAX);
	ice->pairs = (void *)(block + l.pairs);
	ice->locals = (void *)(block + l.locals);
	ice->remotes = (void *)(block + l.remotes);
	ice->pair_slots = (uint8_t)ice->config.pairs_max;
	ice->local_slots = (uint8_t)ice->config.local_candidates_max;
	ice->remote_slots = (uint8_t)(ice->config.remote_candidates_max + ICE_PRFLX_MAX);
	ice->now = ice->next_check = ice->last_activity = now;
	ice->controlling = config->controlling;
	ice->data = ice->selected = ICE_NONE;
	ice->consent_at = ice->unanswered = TULLE_TIME_NEVER;
	ice->burst = ICE_BURST;
	ice->state = TULLE_ICE_NEW;
	return draw_credentials(ice) ? ice : NULL;
}

void tulle_ice_wipe(tulle_ice *ice)
{
	tulle_crypto_wipe(ice, lay_out(&ice->config).end);
}

void tulle_ice_credentials(const tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd)
{
	*ufrag = (tulle_text){ice->ufrag, sizeof ice->ufrag};
	*pwd = (tulle_text){ice->pwd, sizeof ice->pwd};
}

/* RFC8839:5.4 */
static bool is_credential(tulle_text t, size_t least, size_t most)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '+' || c == '/'))
			return false;
	}
	return t.len >= least && t.len <= most;
}

/* What waited for the credentials: candidates are paired, early checks answered by our own. */
static void begin_checks(tulle_ice *ice)
{
	tulle_ice_drop_other_generations(ice);
	for (uint8_t i = 0; i < ice->remote_slots; i++)
		if (ice->remotes[i].used)
			(void)tulle_ice_pair_remote(ice, i);
	for (uint8_t i = 0; i < ice->early_count; i++) {
		uint8_t local = tulle_ice_find_local(ice, ice->early[i].id);
		if (local != ICE_NONE)
			tulle_ice_learn(ice, local, &ice->early[i]);
	}
	ice->early_count = 0;
}

tulle_err tulle_ice_set_remote(
	tulle_ice *ice, tulle_time now, tulle_text ufrag, tulle_text pwd, bool lite)
{
	ice->now = tulle_time_max(ice->now, now);
	if (!is_credential(ufrag, 4, ICE_UFRAG_MAX) || !is_credential(pwd, 22, ICE_PWD_MAX))
		return TULLE_ERR_ARGUMENT;
	if (ice->has_remote) {
		tulle_text u = {ice->remote_ufrag, ice->remote_ufrag_len},
			   p = {ice->remote_pwd, ice->remote_pwd_len};
		return tulle_text_is(u, ufrag) && tulle_text_is(p, pwd) ? TULLE_OK
									: TULLE_ERR_STATE;
	}
	memcpy(ice->remote_ufrag, ufrag.ptr, ufrag.len);
	memcpy(ice->remote_pwd, pwd.ptr, pwd.len);
	ice->remote_ufrag_len = (uint16_t)ufrag.len;
	ice->remote_pwd_len = (uint16_t)pwd.len;
	ice->has_remote = true;
	ice->last_activity = ice->now;
	if (lite && !ice->controlling) /* RFC8445:6.1.1 */
		tulle_ice_switch_role(ice, true);
	begin_checks(ice);
	tulle_ice_update_state(ice);
	return TULLE_OK;
}

bool tulle_ice_has_remote(const tulle_ice *ice)
{
	return ice->has_remote;
}

tulle_err tulle_ice_set_role(tulle_ice *ice, bool controlling)
{
	if (ice->has_remote)
		return TULLE_ERR_STATE;
	ice->controlling = controlling;
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
	if (ice->state == TULLE_ICE_FAILED) /* RFC7675:5.1: these credentials are spent */
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
	if (m.kind == TULLE_STUN_INDICATION) /* RFC8445:11: a keepalive, nothing to do */
		return m.unknown_count != 0 ? TULLE_DROP_STUN_UNKNOWN_REQUIRED : TULLE_TAKEN;
	return ice->has_remote ? tulle_ice_take_answer(ice, &m, local, &from)
			       : TULLE_DROP_STUN_TRANSACTION;
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
	if (ice->state == TULLE_ICE_FAILED || dst_bytes < TULLE_ICE_DATAGRAM_BYTES)
		return false;
	*out = (tulle_datagram){0};
	ice->opaque_sent = false;
	out->len = tulle_ice_poll_answer(ice, dst, dst_bytes, &out->path);
	if (out->len != 0)
		return true;
	out->len = tulle_ice_poll_check(ice, dst, dst_bytes, &pair);
	if (out->len == 0)
		out->len = tulle_ice_poll_consent(ice, dst, dst_bytes, &pair);
	if (out->len == 0)
		return false;
	out->path = tulle_ice_pair_path(ice, &ice->pairs[pair]);
	return true;
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
		t = tulle_time_min(t, tulle_time_max(ice->next_check, ice->now));
	return t;
}

tulle_time tulle_ice_poll_timeout(const tulle_ice *ice)
{
	if (ice->state == TULLE_ICE_FAILED)
		return TULLE_TIME_NEVER;
	if (ice->answer_count != 0)
		return ice->now;
	if (!ice->has_remote)
		return TULLE_TIME_NEVER;
	tulle_time t = tulle_time_min(checks_timeout(ice), tulle_ice_consent_timeout(ice));
	if (ice->data == ICE_NONE && !tulle_ice_has_active_pair(ice))
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

bool tulle_ice_poll_event(tulle_ice *ice, tulle_ice_event *event)
{
	*event = (tulle_ice_event){0};
	if (tulle_ice_next_untold(ice, &event->u.candidate)) {
		event->kind = TULLE_ICE_EVENT_LOCAL_CANDIDATE;
		return true;
	}
	if (take_flag(&ice->tell_gathered, event, TULLE_ICE_EVENT_GATHERING_DONE))
		return true;
	if (take_flag(&ice->tell_selected, event, TULLE_ICE_EVENT_SELECTED)) {
		const ice_pair *p = &ice->pairs[ice->data];
		event->u.selected.path = tulle_ice_pair_path(ice, p);
		event->u.selected.mtu = ice->locals[p->local].mtu;
		event->u.selected.nominated = ice->selected == ice->data;
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
	if (ice->data == ICE_NONE || ice->state == TULLE_ICE_FAILED)
		return false;
	*out = tulle_ice_pair_path(ice, &ice->pairs[ice->data]);
	return true;
}

tulle_ice_state tulle_ice_get_state(const tulle_ice *ice)
{
	return ice->state;
}

tulle_time tulle_ice_rtt(const tulle_ice *ice)
{
	return ice->data != ICE_NONE ? ice->pairs[ice->data].rtt : 0;
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
	TULLE_CHECK(tulle_ice_find_pair(ice, p->local, p->remote) == i);
	TULLE_CHECK(p->priority == tulle_ice_pair_priority(ice, p));
	TULLE_CHECK(p->state != ICE_SUCCEEDED || p->valid);
	TULLE_CHECK(p->trigger == 0 || p->state == ICE_WAITING);
	TULLE_CHECK(!p->nominate || (ice->controlling && p->valid));
	TULLE_CHECK(!p->remote_nominates || !ice->controlling);
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
	TULLE_CHECK((ice->data == ICE_NONE) == (ice->consent_at == TULLE_TIME_NEVER));
	TULLE_CHECK(!ice->tell_selected || ice->data != ICE_NONE);
	TULLE_CHECK(ice->error_count <= ICE_ERRORS_MAX && ice->answer_count <= ICE_ANSWERS_MAX);
}
