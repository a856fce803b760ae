/* SPDX-License-Identifier: MIT */
/* ice: credentials and their generations: RFC8445:9, RFC8839:4.4.1.1. A restart draws ours, then
 * the remote's come: until then the current generation goes on whole, so that a rollback loses
 * nothing; from then on only the pair that carries data is left of it, until the new generation has
 * one. Invariant: a message counts for the one generation whose password it was made with. */
#include "ice/agent.h"
#include "ice/ice.h"

#include "base/text.h"

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
bool tulle_ice_draw_names(const tulle_ice *ice, ice_names *names)
{
	uint8_t r[6 + 18];
	if (!ice->config.random.fill(ice->config.random.user, r, sizeof r))
		return false;
	write_ice_chars(names->ufrag, sizeof names->ufrag, r);
	write_ice_chars(names->pwd, sizeof names->pwd, r + 6);
	tulle_crypto_wipe(r, sizeof r);
	return true;
}

static void give_names(const ice_names *names, tulle_text *ufrag, tulle_text *pwd)
{
	*ufrag = (tulle_text){names->ufrag, sizeof names->ufrag};
	*pwd = (tulle_text){names->pwd, sizeof names->pwd};
}

void tulle_ice_credentials(const tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd)
{
	give_names(ice->restarting ? &ice->next : &ice->keys.ours, ufrag, pwd);
}

void tulle_ice_current_credentials(const tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd)
{
	give_names(&ice->keys.ours, ufrag, pwd);
}

bool tulle_ice_next_credentials(tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd)
{
	if (!ice->staged) {
		if (!tulle_ice_draw_names(ice, &ice->next))
			return false;
		ice->drawn++;
	}
	ice->staged = true;
	give_names(&ice->next, ufrag, pwd);
	return true;
}

size_t tulle_ice_names(const tulle_ice *ice, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX])
{
	tulle_text pwd;
	size_t n = 0;
	if (*seen == ice->drawn)
		return 0;
	*seen = ice->drawn;
	give_names(&ice->keys.ours, &ufrags[n++], &pwd);
	if (ice->staged)
		give_names(&ice->next, &ufrags[n++], &pwd);
	if (tulle_ice_former_carries(ice))
		give_names(&ice->former.keys.ours, &ufrags[n++], &pwd);
	return n;
}

static bool is_names(const ice_names *names, tulle_text ufrag)
{
	return tulle_text_is((tulle_text){names->ufrag, sizeof names->ufrag}, ufrag);
}

ice_generation tulle_ice_find_generation(const tulle_ice *ice, tulle_text ufrag)
{
	if (is_names(&ice->keys.ours, ufrag))
		return ICE_CURRENT;
	if (ice->restarting && is_names(&ice->next, ufrag))
		return ICE_NEXT;
	if (tulle_ice_former_carries(ice) && is_names(&ice->former.keys.ours, ufrag))
		return ICE_FORMER;
	return ICE_STRANGE;
}

tulle_bytes tulle_ice_own_pwd(const tulle_ice *ice, ice_generation generation)
{
	const ice_names *names = generation == ICE_NEXT     ? &ice->next
				 : generation == ICE_FORMER ? &ice->former.keys.ours
							    : &ice->keys.ours;
	return (tulle_bytes){(const uint8_t *)names->pwd, sizeof names->pwd};
}

bool tulle_ice_former_carries(const tulle_ice *ice)
{
	return ice->former.local != ICE_NONE && ice->former.until == TULLE_TIME_NEVER;
}

/* Also of what was sent before the remote left the path: RFC8445:12.2. */
bool tulle_ice_is_former(const tulle_ice *ice, uint8_t local, const tulle_addr *remote)
{
	return ice->former.local == local && ice->now < ice->former.until &&
	       tulle_addr_is(&ice->former.remote, remote);
}

void tulle_ice_forget_former(tulle_ice *ice)
{
	static const uint8_t to[] = {ICE_CURRENT, ICE_NEXT, ICE_STRANGE};
	if (tulle_ice_former_carries(ice))
		ice->tell_selected = false;
	tulle_ice_shift_answers(ice, to);
	tulle_crypto_wipe(&ice->former, sizeof ice->former);
	ice->former.local = ICE_NONE;
}

/* The restart's data goes on where it can. */
void tulle_ice_lose_former(tulle_ice *ice)
{
	bool carried = tulle_ice_former_carries(ice);
	tulle_ice_forget_former(ice);
	if (!carried)
		return;
	ice->lost = true;
	tulle_ice_take_over(ice, ICE_NONE);
}

/* Another pair carries data now: nothing is asked or answered there any more. */
void tulle_ice_leave_former(tulle_ice *ice)
{
	ice_former left = ice->former;
	if (!tulle_ice_former_carries(ice))
		return;
	tulle_ice_forget_former(ice);
	ice->former.local = left.local;
	ice->former.remote = left.remote;
	ice->former.until = ice->now + ICE_LEAVE_US;
	tulle_ice_reset_consent(&ice->former.consent);
	tulle_crypto_wipe(&left, sizeof left);
}

tulle_drop tulle_ice_take_former_answer(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from)
{
	ice_former *f = &ice->former;
	if (!tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY))
		return TULLE_DROP_STUN_NO_INTEGRITY;
	if (!tulle_stun_is_authentic(
		    m, (tulle_bytes){(const uint8_t *)f->keys.pwd, f->keys.pwd_len}))
		return TULLE_DROP_STUN_INTEGRITY;
	if (f->local != local || !tulle_addr_is(&f->remote, from))
		return TULLE_DROP_ICE_SOURCE;
	if (m->unknown_count != 0) /* RFC8489:6.3.3 */
		return TULLE_DROP_STUN_UNKNOWN_REQUIRED;
	tulle_ice_spend_consent(&f->consent, m->id);
	if (m->kind == TULLE_STUN_SUCCESS) {
		f->answered = ice->now;
		tulle_ice_consent_answered(ice, &f->consent, &f->rtt);
	} else if (tulle_stun_error(m, NULL) == ICE_FORBIDDEN) {
		tulle_ice_lose_former(ice);
	}
	return TULLE_TAKEN;
}

void tulle_ice_expect_restart(tulle_ice *ice)
{
	ice->expecting = ice->has_remote;
}

tulle_err tulle_ice_restart(tulle_ice *ice, tulle_time now)
{
	tulle_text ufrag, pwd;
	ice->now = tulle_time_max(ice->now, now);
	if (ice->restarting)
		tulle_ice_rollback(ice, now);
	if (!tulle_ice_grow_for_restart(ice))
		return TULLE_ERR_MEMORY;
	if (!tulle_ice_next_credentials(ice, &ufrag, &pwd))
		return TULLE_ERR_SYSTEM;
	ice->restarting = true;
	ice->was_ended = ice->ended;
	ice->ended = false;
	ice->early_count = 0; /* of this generation, which is no more for who has no remote yet */
	ice->restart_serial = ice->next_serial;
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		ice_local *l = &ice->locals[i];
		if (l->used && l->untold && l->serial < ice->restart_serial)
			ice->restart_serial = l->serial;
		l->untold = l->used;
	}
	ice->tell_gathered = ice->paths_known;
	return TULLE_OK;
}

void tulle_ice_rollback(tulle_ice *ice, tulle_time now)
{
	static const uint8_t to[] = {ICE_CURRENT, ICE_STRANGE, ICE_FORMER};
	ice->now = tulle_time_max(ice->now, now);
	for (uint8_t i = 0; ice->restarting && i < ice->local_slots; i++)
		ice->locals[i].untold =
			ice->locals[i].used && ice->locals[i].serial >= ice->restart_serial;
	if (ice->restarting) {
		ice->ended = ice->was_ended;
		ice->tell_gathered = ice->paths_known && !ice->ended;
		ice->early_count = 0;
	}
	tulle_ice_shift_answers(ice, to);
	tulle_ice_drop_remotes(ice, true);
	if (!ice->has_remote) { /* what came of a description that is off */
		tulle_ice_drop_remotes(ice, false);
		ice->remote_ended = false;
	}
	tulle_crypto_wipe(&ice->next, sizeof ice->next);
	ice->staged = ice->restarting = ice->expecting = false;
	ice->next_ended = 0;
	tulle_ice_update_state(ice);
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

ice_likeness tulle_ice_compare_remote(const tulle_ice *ice, tulle_text ufrag, tulle_text pwd)
{
	const ice_keys *k = &ice->keys;
	bool u = tulle_text_is((tulle_text){k->ufrag, k->ufrag_len}, ufrag);
	bool p = tulle_text_is((tulle_text){k->pwd, k->pwd_len}, pwd);
	if (!ice->has_remote)
		return ICE_NONE_YET;
	return u && p ? ICE_SAME : u || p ? ICE_HALF : ICE_OTHER;
}

/* What carries data goes on doing so with both sides' former credentials: RFC8445:9. */
static bool keep_former(tulle_ice *ice)
{
	if (ice->data == ICE_NONE || ice->state == TULLE_ICE_FAILED)
		return false;
	const ice_pair *p = &ice->pairs[ice->data];
	ice->former = (ice_former){.keys = ice->keys,
		.consent = ice->consent,
		.remote = ice->remotes[p->remote].addr,
		.answered = p->answered,
		.rtt = p->rtt,
		.until = TULLE_TIME_NEVER,
		.local = p->local};
	return true;
}

/* The new generation begins. */
static void begin_generation(tulle_ice *ice, tulle_text ufrag)
{
	static const uint8_t kept[] = {ICE_FORMER, ICE_CURRENT, ICE_STRANGE};
	static const uint8_t gone[] = {ICE_STRANGE, ICE_CURRENT, ICE_FORMER};
	bool selected = ice->tell_selected;
	if (ice->has_remote) {
		tulle_ice_shift_answers(ice, keep_former(ice) ? kept : gone);
		for (uint8_t i = 0; i < ice->pair_slots; i++)
			ice->pairs[i] = (ice_pair){0};
		tulle_ice_drop_remotes(ice, false);
		ice->remote_ended = ice->next_ended == tulle_ice_hash_text(ufrag);
	}
	ice->pruned = false;
	ice->data = ice->selected = ICE_NONE;
	ice->leave_at = TULLE_TIME_NEVER;
	ice->tell_selected = selected && tulle_ice_former_carries(ice);
	tulle_ice_reset_consent(&ice->consent);
	ice->keys.ours = ice->next;
	tulle_crypto_wipe(&ice->next, sizeof ice->next);
	ice->staged = ice->restarting = ice->expecting = ice->lost = false;
	ice->burst = ICE_BURST;
	ice->next_check = ice->now;
	/* W3C: only a restart leads out of the one, and it forgets the other. */
	if (ice->state == TULLE_ICE_FAILED || ice->state == TULLE_ICE_DISCONNECTED) {
		ice->state = TULLE_ICE_CHECKING;
		ice->tell_state = true;
	}
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
	ice_likeness like = tulle_ice_compare_remote(ice, ufrag, pwd);
	if (like == ICE_SAME) /* RFC8839:4.4.2: no restart, whoever asked for one */
		return TULLE_OK;
	if (like != ICE_NONE_YET && !ice->restarting)
		return TULLE_ERR_STATE;
	if (lite && ice->config.lite) /* neither would ever ask */
		return TULLE_ERR_ARGUMENT;
	if (like == ICE_HALF) /* RFC8839:4.4.1.1.1: a restart changes both */
		return TULLE_ERR_ARGUMENT;
	if (!ice->has_remote && ice->next_ended != 0) /* the end that came was perhaps another's */
		ice->remote_ended = ice->next_ended == tulle_ice_hash_text(ufrag);
	if (ice->restarting)
		begin_generation(ice, ufrag);
	ice->next_ended = 0;
	memcpy(ice->keys.ufrag, ufrag.ptr, ufrag.len);
	memcpy(ice->keys.pwd, pwd.ptr, pwd.len);
	ice->keys.ufrag_len = (uint16_t)ufrag.len;
	ice->keys.pwd_len = (uint16_t)pwd.len;
	ice->has_remote = true;
	ice->last_activity = ice->now;
	if (lite && !ice->controlling) /* RFC8445:6.1.1 */
		tulle_ice_switch_role(ice, true);
	begin_checks(ice);
	tulle_ice_update_state(ice);
	return TULLE_OK;
}
