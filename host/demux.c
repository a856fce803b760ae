/* SPDX-License-Identifier: MIT */
/* host: whose a datagram is, on a port that members share. Single peers are found by what the mux
 * knows of them; who has many peers is asked, and has a mux of its own. The member itself has the
 * last word. */
#include "host/host.h"

#include <stdlib.h>

/* Without memory the table stays as it is: more are asked. */
void tulle_host_grow_hints(tulle_host *host)
{
	size_t owners = host->member_count * 2;
	if (host->member_count < host->mux.names.sets)
		return;
	tulle_peer_mux new = host->mux;
	void *memory = aligned_alloc(64, tulle_peer_mux_bytes(owners)); /* a multiple of it */
	if (memory == NULL)
		return;
	tulle_peer_mux_init(&new, memory, owners);
	tulle_peer_mux_copy(&new, &host->mux);
	bool first = host->mux_memory == NULL;
	free(host->mux_memory);
	host->mux = new;
	host->mux_memory = memory;
	for (tulle_host_member *m = host->members; first && m != NULL; m = m->next)
		tulle_host_watch_names(m);
}

void tulle_host_join_demux(tulle_host *host, tulle_host_member *m)
{
	if (m->kind->owns == NULL || m->kind->names != NULL)
		return;
	m->next_many = host->many;
	host->many = m;
}

void tulle_host_leave_demux(tulle_host *host, tulle_host_member *m)
{
	tulle_peer_mux_forget(&host->mux, &m->named, m);
	for (tulle_host_member **at = &host->many; *at != NULL; at = &(*at)->next_many)
		if (*at == m) {
			*at = m->next_many;
			return;
		}
}

void tulle_host_watch_names(tulle_host_member *m)
{
	tulle_text names[ICE_NAMES_MAX];
	if (m->kind->names == NULL || m->host->mux_memory == NULL)
		return;
	size_t n = m->kind->names(m->self, &m->named.seen, names);
	if (n != 0)
		tulle_peer_mux_name(&m->host->mux, &m->named, names, n, m);
}

void tulle_host_watch_asked(tulle_host_member *m)
{
	if (m->kind->asked != NULL && m->host->mux_memory != NULL)
		tulle_peer_mux_asked(&m->host->mux, m->kind->asked(m->self), m);
}

void tulle_host_watch_proof(tulle_host_member *m, const tulle_in *in)
{
	if (m->gone || m->kind->names == NULL || m->port == NULL || m->port->sole != NULL ||
		!tulle_peer_mux_is_stun(in))
		return;
	tulle_in probe = tulle_peer_mux_probe(in);
	if (m->kind->owns(m->self, &probe))
		tulle_peer_mux_proven(&m->host->mux, in, m);
}

static bool is_owner(const tulle_host_port *port, const tulle_host_member *m, const tulle_in *in)
{
	return !m->gone && m->port == port && m->kind->owns(m->self, in);
}

/* Each of those that no hint finds, as long as that is allowed. */
static tulle_host_member *ask_all(
	const tulle_host_port *port, const tulle_in *in, tulle_peer_mux_key key, tulle_time now)
{
	tulle_host *host = port->host;
	if (!tulle_peer_mux_may_ask(&host->mux, in, key, now, host->member_count))
		return NULL;
	for (tulle_host_member *m = host->members; m != NULL; m = m->next)
		if (m->kind->names != NULL && is_owner(port, m, in))
			return m;
	return NULL;
}

tulle_host_member *tulle_host_find_member(
	const tulle_host_port *port, const tulle_in *in, tulle_time now)
{
	tulle_host *host = port->host;
	tulle_host_member *m;
	size_t cursor = 0;
	if (port->sole != NULL)
		return port->sole;
	tulle_peer_mux_key key = tulle_peer_mux_read(&host->mux, in);
	while ((m = tulle_peer_mux_next(&host->mux, in, key, &cursor)) != NULL)
		if (is_owner(port, m, in))
			return m;
	for (m = host->many; m != NULL; m = m->next_many)
		if (is_owner(port, m, in))
			return m;
	m = ask_all(port, in, key, now);
	if (m != NULL)
		tulle_peer_mux_learn(&host->mux, key, m);
	return m;
}
