/* SPDX-License-Identifier: MIT */
/* ice: which of many agents on one port a STUN packet is for. Invariant: nothing is believed here,
 * only read; the agent that is found verifies. */
#include "ice/agent.h"

#include "base/panic.h"

TULLE_UNTRUSTED(anyone, "64 attributes of one datagram", ice_agent)
bool tulle_ice_read_ufrag(const uint8_t *data, size_t len, tulle_text *ufrag)
{
	tulle_stun_message m;
	if (tulle_stun_read(data, len, &m) != TULLE_TAKEN || m.kind != TULLE_STUN_REQUEST ||
		m.method != TULLE_STUN_BINDING || !tulle_stun_has(&m, TULLE_STUN_A_USERNAME))
		return false;
	tulle_bytes name = m.value[TULLE_STUN_A_USERNAME];
	tulle_text text = {(const char *)name.ptr, name.len};
	ptrdiff_t colon = tulle_text_find(text, ':');
	if (colon < 0)
		return false;
	*ufrag = (tulle_text){text.ptr, (size_t)colon};
	return true;
}

bool tulle_ice_owns(const tulle_ice *ice, tulle_text ufrag)
{
	return tulle_ice_find_generation(ice, ufrag) != ICE_STRANGE;
}

TULLE_UNTRUSTED(anyone, "20 bytes against 100 pairs", ice_agent)
bool tulle_ice_owns_answer(const tulle_ice *ice, const uint8_t *data, size_t len)
{
	if (len < TULLE_STUN_HEADER_BYTES || tulle_stun_frame(data, len) != len ||
		(data[0] & 1) == 0) /* not an answer */
		return false;
	const uint8_t *id = data + 8;
	for (uint8_t i = 0; i < ice->pair_slots; i++) {
		const ice_pair *p = &ice->pairs[i];
		if (!p->used)
			continue;
		if (p->state == ICE_IN_PROGRESS && p->check.sends != 0 &&
			memcmp(p->check.id, id, sizeof p->check.id) == 0)
			return true;
		if (p->has_cancelled && memcmp(p->cancelled, id, sizeof p->cancelled) == 0)
			return true;
	}
	return tulle_ice_is_consent(&ice->consent, id) ||
	       tulle_ice_is_consent(&ice->former.consent, id);
}

/* FIELD: DTLS is taken only from where an authentic check came from, or where ours was answered. */
bool tulle_ice_is_validated(const tulle_ice *ice, const tulle_path *path)
{
	tulle_addr from = tulle_ice_normal_addr(&path->remote);
	for (uint8_t i = 0; i < ice->early_count; i++)
		if (ice->early[i].id == path->id && tulle_addr_is(&ice->early[i].remote, &from))
			return true;
	uint8_t local = tulle_ice_find_local(ice, path->id);
	uint8_t remote = tulle_ice_find_remote(ice, &from);
	if (local != ICE_NONE && tulle_ice_is_former(ice, local, &from))
		return true;
	if (local == ICE_NONE || remote == ICE_NONE)
		return false;
	uint8_t pair = tulle_ice_find_pair(ice, local, remote);
	return pair != ICE_NONE && (ice->pairs[pair].heard || ice->pairs[pair].valid);
}
