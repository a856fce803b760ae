/* SPDX-License-Identifier: MIT */
/* ice: our candidates as text, for events and for descriptions that list them. */
#include "ice/agent.h"
#include "ice/ice.h"

#include "base/panic.h"
#include "base/text.h"

static const tulle_addr nowhere = {.family = 4, .port = 9}, nowhere6 = {.family = 6, .port = 9};

tulle_ice_candidate tulle_ice_describe(const tulle_ice *ice, const ice_local *l, char *foundation)
{
	tulle_wr w = tulle_wr_make(foundation, ICE_FOUNDATION_CHARS);
	tulle_wr_u64_text(&w, l->foundation);
	tulle_ice_candidate c = {.foundation = {foundation, w.len},
		.component = 1,
		.is_udp = true,
		.transport = TULLE_TEXT("udp"),
		.priority = l->priority,
		.host = l->name,
		.is_address = l->name.len == 0,
		.addr = l->addr,
		.type = (tulle_ice_type)l->type,
		.has_related = l->type != TULLE_ICE_HOST,
		.related = l->related};
	if (l->tcp != 0) { /* RFC6544:4.5 */
		c.is_udp = false;
		c.transport = TULLE_TEXT("tcp");
		c.tcp = (tulle_ice_tcp)l->tcp;
		c.tcptype = l->tcp == TULLE_ICE_TCP_ACTIVE ? TULLE_TEXT("active")
							   : TULLE_TEXT("passive");
		if (l->tcp == TULLE_ICE_TCP_ACTIVE)
			c.addr.port = 9;
	}
	/* RFC8839:5.1: what relay_only hides must not be told as the related address either. */
	if (ice->config.relay_only || l->related.family == 0)
		c.related = l->addr.family == 6 ? nowhere6 : nowhere;
	return c;
}

size_t tulle_ice_write_local(const tulle_ice *ice, size_t index, char *dst, size_t cap)
{
	char foundation[ICE_FOUNDATION_CHARS];
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		if (!ice->locals[i].used || index-- != 0)
			continue;
		tulle_ice_candidate c = tulle_ice_describe(ice, &ice->locals[i], foundation);
		return tulle_ice_write_candidate(&c, dst, cap);
	}
	return 0;
}

static ice_local *first_untold(tulle_ice *ice)
{
	ice_local *first = NULL;
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		ice_local *l = &ice->locals[i];
		if (l->used && l->untold && (first == NULL || l->serial < first->serial))
			first = l;
	}
	return first;
}

bool tulle_ice_wants_restart(const tulle_ice *ice)
{
	for (uint8_t i = 0; ice->ended && i < ice->local_slots; i++)
		if (ice->locals[i].used && ice->locals[i].untold)
			return true;
	return false;
}

/* RFC8838:17: in the order of gathering. The text lies in the agent's buffer. */
bool tulle_ice_next_untold(tulle_ice *ice, tulle_text *candidate)
{
	char foundation[ICE_FOUNDATION_CHARS];
	tulle_text pwd;
	ice_local *l = first_untold(ice);
	if (l == NULL)
		return false;
	l->untold = false;
	tulle_ice_candidate c = tulle_ice_describe(ice, l, foundation);
	tulle_ice_credentials(ice, &c.ufrag, &pwd);
	size_t n = tulle_ice_write_candidate(&c, ice->candidate, sizeof ice->candidate);
	TULLE_CHECK(n != 0);
	*candidate = (tulle_text){ice->candidate, n};
	return true;
}
