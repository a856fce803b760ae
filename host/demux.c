/* SPDX-License-Identifier: MIT */
/* host: whose a datagram is, on a port that members share. One that was found once is found by a
 * hint; the member itself has the last word. */
#include "host/host.h"

#include "peer/peer.h"

#include <stdlib.h>

/* Without memory the table stays as it is: more are asked. */
void tulle_host_grow_hints(tulle_host *host)
{
	size_t owners = host->member_count * 2;
	if (host->member_count < host->hints.sets)
		return;
	void *memory = aligned_alloc(64, tulle_hints_bytes(owners)); /* a multiple of it */
	if (memory == NULL)
		return;
	tulle_hints old = host->hints;
	tulle_hints_init(&host->hints, memory, owners);
	tulle_hints_copy(&host->hints, &old);
	free(old.hints);
}

static bool is_owner(const tulle_host_port *port, const tulle_host_member *m, const tulle_in *in)
{
	return !m->gone && m->port == port && m->kind->owns(m->self, in);
}

tulle_host_member *tulle_host_find_member(const tulle_host_port *port, const tulle_in *in)
{
	tulle_host *host = port->host;
	tulle_host_member *m;
	size_t cursor = 0;
	if (port->sole != NULL)
		return port->sole;
	uint32_t key = tulle_peer_mux_key(in, host->hint_seed);
	while ((m = tulle_hints_next(&host->hints, key, &cursor)) != NULL)
		if (is_owner(port, m, in))
			return m;
	for (m = host->members; m != NULL; m = m->next)
		if (is_owner(port, m, in)) {
			tulle_hints_learn(&host->hints, key, m);
			return m;
		}
	return NULL;
}
