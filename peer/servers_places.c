/* SPDX-License-Identifier: MIT */
/* peer: whom a relay lets through (RFC8656:9), which is less than may be named. Invariant: who has
 * a place has a permission or has asked for one. */
#include "peer/servers_state.h"

static server_peer *find_peer(peer_server *v, const tulle_addr *remote)
{
	for (size_t i = 0; i < PEER_SERVER_PEERS; i++)
		if (v->peers[i].addr.family != 0 && tulle_addr_is(&v->peers[i].addr, remote))
			return &v->peers[i];
	return NULL;
}

void tulle_peer_servers_note(
	tulle_peer_servers *s, peer_server *v, const tulle_addr *remote, bool heard)
{
	server_peer *p = find_peer(v, remote);
	if (p == NULL)
		return;
	p->used = s->now;
	p->heard = p->heard || heard;
}

static void forget_peer(tulle_peer_servers *s, peer_server *v, server_peer *p)
{
	tulle_turn_forget(v->turn, s->now, &p->addr);
	p->addr.family = 0;
}

/* A place for one more: a free one, or that of whom nothing was heard, or nothing for longest. Who
 * was heard gives way only to what is to be sent, and nobody at once to who was only named: else a
 * remote of many candidates had all asked for again with each that it adds. NULL: none. */
static server_peer *place(const tulle_peer_servers *s, peer_server *v, bool needed)
{
	server_peer *worst = &v->peers[0];
	for (size_t i = 0; i < PEER_SERVER_PEERS; i++) {
		server_peer *p = &v->peers[i];
		if (p->addr.family == 0)
			return p;
		if (p->heard != worst->heard ? !p->heard : p->used < worst->used)
			worst = p;
	}
	bool rests = !worst->heard && s->now - worst->used >= PEER_SERVER_PLACE_US;
	return needed || rests ? worst : NULL;
}

/* needed: there is something to be sent. */
static void permit(tulle_peer_servers *s, peer_server *v, const tulle_addr *remote, bool needed)
{
	tulle_addr own;
	if (!tulle_turn_relayed(v->turn, remote->family, &own) || find_peer(v, remote) != NULL)
		return;
	server_peer *p = place(s, v, needed);
	if (p == NULL || tulle_turn_permit(v->turn, s->now, remote) != TULLE_OK)
		return;
	if (p->addr.family != 0)
		forget_peer(s, v, p);
	*p = (server_peer){.addr = *remote, .used = s->now};
}

void tulle_peer_servers_need(tulle_peer_servers *s, peer_server *v, const tulle_addr *remote)
{
	permit(s, v, remote, true);
}

void tulle_peer_servers_permit(tulle_peer_servers *s, tulle_time now, const tulle_addr *remote)
{
	tulle_addr to = tulle_addr_unmap(remote);
	s->now = tulle_time_max(s->now, now);
	for (uint8_t i = 0; i < s->server_count; i++)
		if (s->servers[i].uri.relay && s->servers[i].state == SERVER_READY)
			permit(s, &s->servers[i], &to, false);
}

void tulle_peer_servers_bind(
	tulle_peer_servers *s, tulle_time now, uint32_t path, const tulle_addr *remote)
{
	peer_server *v = tulle_peer_servers_of(s, path);
	tulle_addr to = tulle_addr_unmap(remote);
	s->now = tulle_time_max(s->now, now);
	if (v == NULL)
		return;
	permit(s, v, &to, true);
	/* RFC8656:12: a number rests for 15 minutes, and must not keep others from a permission. */
	if (find_peer(v, &to) != NULL && tulle_turn_channels(v->turn) < PEER_SERVER_CHANNELS)
		(void)tulle_turn_bind(v->turn, s->now, &to);
}

void tulle_peer_servers_forget_idle(tulle_peer_servers *s, peer_server *v)
{
	for (size_t i = 0; i < PEER_SERVER_PEERS; i++) {
		server_peer *p = &v->peers[i];
		if (p->addr.family != 0 &&
			tulle_time_due(tulle_time_add(p->used, PEER_SERVER_IDLE_US), s->now))
			forget_peer(s, v, p);
	}
}
