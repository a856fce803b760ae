/* SPDX-License-Identifier: MIT */
/* peer: candidates of ours: the paths that the host has, and what servers found: taken over from
 * their list whenever its version is another. */
#include "peer/state.h"

#include "base/serial.h"
#include "base/text.h"

void tulle_peer_tell_gathered(tulle_peer *p)
{
	bool asked = p->servers != NULL && !tulle_peer_servers_is_done(p->servers);
	if (p->gathering_begun && p->paths_known && !asked)
		tulle_ice_paths_known(p->ice, p->now);
}

/* RFC8656:9: whoever may send to a relay of ours is let through before the first check. */
void tulle_peer_permit_remotes(tulle_peer *p)
{
	tulle_addr remote;
	size_t cursor = 0;
	while (p->relay_count != 0 && tulle_ice_next_remote(p->ice, &cursor, &remote))
		tulle_peer_servers_permit(p->servers, p->now, &remote);
}

static bool is_listed(const tulle_peer *p, uint32_t id)
{
	tulle_ice_local c;
	uint32_t cursor = 0;
	bool gone;
	while (tulle_peer_servers_candidate(p->servers, &cursor, &c, &gone))
		if (c.type == TULLE_ICE_RELAY && c.id == id)
			return true;
	return false;
}

static void leave_lost_relays(tulle_peer *p)
{
	for (uint8_t i = 0; i < p->relay_count; i++) {
		uint32_t id = p->relays[i].id;
		if (is_listed(p, id))
			continue;
		tulle_ice_remove_path(p->ice, p->now, id);
		p->relays[i--] = p->relays[--p->relay_count];
	}
}

static void take_relay(tulle_peer *p, const tulle_ice_local *c)
{
	for (uint8_t i = 0; i < p->relay_count; i++)
		if (p->relays[i].id == c->id)
			return;
	if (p->relay_count < PEER_RELAYS_MAX &&
		tulle_ice_add_candidate(p->ice, p->now, c) == TULLE_OK)
		p->relays[p->relay_count++] = (peer_path){c->id, c->mtu, c->addr, 0};
}

void tulle_peer_take_servers(tulle_peer *p)
{
	tulle_ice_local c;
	uint32_t cursor = 0;
	bool gone;
	if (p->servers == NULL || !p->gathering_begun || p->closed ||
		p->servers_seen == tulle_peer_servers_version(p->servers))
		return;
	p->servers_seen = tulle_peer_servers_version(p->servers);
	leave_lost_relays(p);
	while (tulle_peer_servers_candidate(p->servers, &cursor, &c, &gone)) {
		if (gone)
			tulle_ice_remove_candidate(p->ice, p->now, c.id, &c.addr);
		else if (c.type == TULLE_ICE_RELAY)
			take_relay(p, &c);
		else /* a path that we have left: not ours any more */
			(void)tulle_ice_add_candidate(p->ice, p->now, &c);
	}
	tulle_peer_permit_remotes(p);
	tulle_peer_tell_gathered(p);
	tulle_peer_mark(p); /* there are events */
}

void tulle_peer_sync_servers(tulle_peer *p, tulle_time now)
{
	p->now = tulle_time_max(p->now, now);
	tulle_peer_advance(p);
}

void tulle_peer_wait(tulle_peer *p, tulle_time until)
{
	tulle_ice_wait(p->ice, until);
	tulle_peer_mark(p);
}

bool tulle_peer_farewell(tulle_peer *p)
{
	if (p->own_servers != NULL)
		tulle_peer_servers_close(p->own_servers, p->now);
	return p->own_servers != NULL;
}

void tulle_peer_begin_gathering(tulle_peer *p)
{
	if (p->gathering_begun)
		return;
	p->gathering_begun = true;
	for (size_t i = 0; i < p->path_count; i++)
		tulle_peer_add_path(p, &p->paths[i]);
	if (p->servers != NULL)
		tulle_peer_servers_begin(p->servers, p->now);
	tulle_peer_take_servers(p);
	tulle_peer_tell_gathered(p);
}

const tulle_peer_event *tulle_peer_server_failed(tulle_peer *p)
{
	tulle_peer_servers_error e;
	if (p->servers == NULL || !p->gathering_begun ||
		!tulle_peer_servers_failed(p->servers, p->errors_seen, &e))
		return NULL;
	p->errors_seen = e.serial;
	p->event = (tulle_peer_event){.kind = TULLE_PEER_ICE_CANDIDATE_ERROR};
	p->event.u.candidate_error.url = tulle_text_of(e.url);
	p->event.u.candidate_error.text = tulle_text_of(e.text);
	p->event.u.candidate_error.code = e.code;
	if (!p->config.ice.hide_addresses)
		p->event.u.candidate_error.local = e.local;
	p->event.u.candidate_error.server = e.server;
	return &p->event;
}
