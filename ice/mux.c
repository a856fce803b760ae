/* SPDX-License-Identifier: MIT */
/* ice: which of many agents on one port a STUN packet is for. Invariant: nothing is believed here,
 * only read; the agent that is found verifies. */
#include "ice/agent.h"

#include "base/panic.h"

#define BINDING_REQUEST 0x0001
#define USERNAME 0x0006 /* RFC8489:14.3 */

/* The first one counts: RFC8489:14. */
static tulle_bytes find_username(const uint8_t *data, size_t len)
{
	tulle_rd r = tulle_rd_make(data, len);
	bool request = tulle_rd_u16(&r) == BINDING_REQUEST;
	tulle_rd_skip(&r, TULLE_STUN_HEADER_BYTES - 2);
	while (request && tulle_rd_left(&r) != 0) {
		uint16_t type = tulle_rd_u16(&r), n = tulle_rd_u16(&r);
		tulle_bytes value = tulle_rd_bytes(&r, n);
		tulle_rd_skip(&r, (4u - n % 4u) % 4u);
		if (r.bad)
			break;
		if (type == USERNAME)
			return value;
	}
	return (tulle_bytes){0};
}

TULLE_UNTRUSTED(anyone, "the attributes of one datagram before the name", ice_agent)
bool tulle_ice_read_ufrag(const uint8_t *data, size_t len, tulle_text *ufrag)
{
	if (tulle_stun_frame(data, len) != len)
		return false;
	tulle_bytes name = find_username(data, len);
	tulle_text text = {(const char *)name.ptr, name.len};
	ptrdiff_t colon = name.ptr != NULL ? tulle_text_find(text, ':') : -1;
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

/* What nearly every datagram comes over. */
static bool is_data(const tulle_ice *ice, uint32_t id, const tulle_addr *from)
{
	if (ice->data == ICE_NONE)
		return false;
	const ice_pair *p = &ice->pairs[ice->data];
	return ice->locals[p->local].id == id && tulle_addr_is(&ice->remotes[p->remote].addr, from);
}

/* FIELD: DTLS is taken only from where an authentic check came from, or where ours was answered. */
bool tulle_ice_is_validated(const tulle_ice *ice, const tulle_path *path)
{
	tulle_addr from = tulle_ice_normal_addr(&path->remote);
	if (is_data(ice, path->id, &from))
		return true;
	for (uint8_t i = 0; i < ice->early_count; i++)
		if (ice->early[i].id == path->id && tulle_addr_is(&ice->early[i].remote, &from))
			return true;
	uint8_t local = tulle_ice_find_local(ice, path->id);
	if (local == ICE_NONE)
		return false;
	if (tulle_ice_is_former(ice, local, &from))
		return true;
	uint8_t remote = tulle_ice_find_remote(ice, tulle_ice_other_end(ice, local), &from);
	if (remote == ICE_NONE)
		return false;
	uint8_t pair = tulle_ice_find_pair(ice, local, remote);
	return pair != ICE_NONE && (ice->pairs[pair].heard || ice->pairs[pair].valid);
}
