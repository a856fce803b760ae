/* SPDX-License-Identifier: MIT */
/* ice: our candidates as text, for descriptions that list them. */
#include "ice/agent.h"
#include "ice/ice.h"

#include "base/text.h"

size_t tulle_ice_write_local(const tulle_ice *ice, size_t index, char *dst, size_t cap)
{
	char foundation[10], host[TULLE_ADDR_TEXT_MAX];
	for (uint8_t i = 0; i < ice->local_slots; i++) {
		const ice_local *l = &ice->locals[i];
		if (!l->used || index-- != 0)
			continue;
		tulle_addr plain = l->addr;
		tulle_wr f = tulle_wr_make(foundation, sizeof foundation);
		tulle_wr h = tulle_wr_make(host, sizeof host);
		tulle_wr_u64_text(&f, l->foundation);
		tulle_addr_write_ip(&h, &plain);
		tulle_ice_candidate c = {.foundation = {foundation, f.len},
			.component = 1,
			.is_udp = true,
			.transport = TULLE_TEXT("udp"),
			.priority = l->priority,
			.host = {host, h.len},
			.is_address = true,
			.addr = plain,
			.type = TULLE_ICE_HOST};
		return tulle_ice_write_candidate(&c, dst, cap);
	}
	return 0;
}
