/* SPDX-License-Identifier: MIT */
/* peer: remote candidates with a name of the link instead of an address (mdns-ice draft, 3.2). The
 * host asks for it; until then the candidate waits here, and the end of candidates behind it.
 * Invariant: an end waits only while a candidate of its description does. */
#include "peer/state.h"

#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"

#include <string.h>

static tulle_text ufrag_of(const peer_name *n)
{
	return (tulle_text){n->ufrag, n->ufrag_len};
}

/* An end that does not say whose it is waits for all. */
static bool waits(const tulle_peer *p, tulle_text ufrag)
{
	for (size_t i = 0; i < PEER_NAMES_MAX; i++)
		if (p->names[i].used && (ufrag.len == 0 || p->names[i].ufrag_len == 0 ||
						tulle_text_is(ufrag_of(&p->names[i]), ufrag)))
			return true;
	return false;
}

static peer_name *add(tulle_peer *p, tulle_text candidate, tulle_text ufrag)
{
	if (candidate.len > PEER_NAME_CANDIDATE || ufrag.len > PEER_NAME_UFRAG)
		return NULL;
	for (size_t i = 0; i < PEER_NAMES_MAX; i++) {
		peer_name *n = &p->names[i];
		if (n->used)
			continue;
		*n = (peer_name){.used = true,
			.len = (uint16_t)candidate.len,
			.ufrag_len = (uint16_t)ufrag.len};
		memcpy(n->candidate, candidate.ptr, candidate.len);
		if (ufrag.len != 0)
			memcpy(n->ufrag, ufrag.ptr, ufrag.len);
		return n;
	}
	return NULL;
}

/* Ids are below those of servers' names, and never 0. */
static uint32_t next_id(tulle_peer *p)
{
	uint32_t *serial = p->env.name_serial != NULL ? p->env.name_serial : &p->name_serial;
	*serial = *serial % (PEER_SERVERS_ID - 1) + 1;
	return *serial;
}

/* A description tells a candidate once more, without its extensions. */
static bool is_kept(const tulle_peer *p, const tulle_ice_candidate *c, tulle_text ufrag)
{
	tulle_ice_candidate other;
	for (size_t i = 0; i < PEER_NAMES_MAX; i++) {
		const peer_name *n = &p->names[i];
		if (n->used && tulle_text_is(ufrag_of(n), ufrag) &&
			tulle_ice_read_candidate((tulle_text){n->candidate, n->len}, &other) ==
				TULLE_TAKEN &&
			tulle_text_is(other.host, c->host) && other.addr.port == c->addr.port &&
			other.tcp == c->tcp)
			return true;
	}
	return false;
}

static tulle_drop keep_name(
	tulle_peer *p, tulle_text text, tulle_text ufrag, const tulle_ice_candidate *c)
{
	if (p->config.ice.relay_only) /* draft 3.2.1: nor is the link asked */
		return TULLE_DROP_ICE_FILTERED;
	if (c->ufrag.len != 0)
		ufrag = c->ufrag;
	if (is_kept(p, c, ufrag))
		return TULLE_TAKEN;
	peer_name *n = add(p, text, ufrag);
	if (n == NULL)
		return TULLE_DROP_LIMIT;
	n->id = next_id(p);
	n->due_at = tulle_time_add(p->now, PEER_NAME_US);
	tulle_peer_mark(p);
	return TULLE_TAKEN;
}

/* Without a place it is lost, and ICE goes by its clock: it never overtakes a candidate. */
static tulle_drop keep_end(tulle_peer *p, tulle_text ufrag)
{
	peer_name_end *place = NULL;
	for (size_t i = 0; i < PEER_NAME_ENDS_MAX; i++) {
		peer_name_end *e = &p->name_ends[i];
		if (!e->used)
			place = e;
		else if (tulle_text_is((tulle_text){e->ufrag, e->ufrag_len}, ufrag))
			return TULLE_TAKEN;
	}
	if (place == NULL || ufrag.len > PEER_NAME_UFRAG)
		return TULLE_DROP_LIMIT;
	*place = (peer_name_end){.used = true, .ufrag_len = (uint16_t)ufrag.len};
	if (ufrag.len != 0)
		memcpy(place->ufrag, ufrag.ptr, ufrag.len);
	return TULLE_TAKEN;
}

/* Draft 3.2.2: names of other forms are not asked for, nor those of candidates that are of no use
 * with an address either. */
static bool is_named(const tulle_peer *p, const tulle_ice_candidate *c)
{
	bool stream = p->config.ice.tcp && c->tcp == TULLE_ICE_TCP_PASSIVE;
	bool typed = c->type != 0 && c->type != TULLE_ICE_PRFLX;
	return !c->is_address && (c->is_udp || stream) && c->component == 1 && typed &&
	       tulle_mdns_is_name(c->host);
}

/* Of what a restart has ended none is asked for any more, and its end ends nothing. */
static void forget_past(tulle_peer *p)
{
	for (size_t i = 0; i < PEER_NAMES_MAX; i++) {
		peer_name *n = &p->names[i];
		if (!n->used || !tulle_ice_is_past(p->ice, ufrag_of(n)))
			continue;
		n->used = false;
		tulle_peer_count(p, TULLE_DROP_ICE_GENERATION);
	}
}

TULLE_UNTRUSTED(mesh, "1024 bytes; 8 names", mesh)
tulle_drop tulle_peer_take_remote(tulle_peer *p, tulle_text candidate, tulle_text ufrag)
{
	tulle_ice_candidate c;
	tulle_drop drop;
	forget_past(p);
	if (ufrag.len == 0) /* by the time that it is resolved another may run */
		ufrag = tulle_ice_remote_ufrag(p->ice);
	if (tulle_ice_read_candidate(candidate, &c) == TULLE_TAKEN && is_named(p, &c))
		drop = keep_name(p, candidate, ufrag, &c);
	else if (tulle_ice_is_end(candidate) && waits(p, ufrag))
		drop = keep_end(p, ufrag);
	else
		drop = tulle_ice_add_remote_of(p->ice, p->now, candidate, ufrag);
	tulle_peer_count(p, drop);
	return drop;
}

/* Ends that wait for nothing any more: RFC8838:13. */
static void release_ends(tulle_peer *p)
{
	for (size_t i = 0; i < PEER_NAME_ENDS_MAX; i++) {
		peer_name_end *e = &p->name_ends[i];
		tulle_text ufrag = {e->ufrag, e->ufrag_len};
		if (!e->used || waits(p, ufrag))
			continue;
		e->used = false;
		(void)tulle_ice_add_remote_of(p->ice, p->now, (tulle_text){"", 0}, ufrag);
	}
}

/* Draft 3.2: one address, or the candidate is ignored. ICE judges it and its generation. */
void tulle_peer_name_resolved(tulle_peer *p, const tulle_in *in)
{
	for (size_t i = 0; i < PEER_NAMES_MAX; i++) {
		peer_name *n = &p->names[i];
		if (!n->used || !n->asked || n->id != in->id)
			continue;
		n->used = false;
		if (in->why == TULLE_OK && in->addr_count == 1)
			tulle_peer_count(p, tulle_ice_add_resolved(p->ice, p->now,
						    (tulle_text){n->candidate, n->len}, ufrag_of(n),
						    in->addrs));
	}
	release_ends(p);
}

/* -- ours -- */

static size_t hidden_place(const tulle_peer *p, bool used, uint32_t path)
{
	for (size_t i = 0; i < TULLE_PEER_HIDDEN_MAX; i++)
		if (p->hiding->names[i].used == used && (!used || p->hiding->names[i].path == path))
			return i;
	return TULLE_PEER_HIDDEN_MAX;
}

/* Draft 3.1: one name an address, drawn once for all peers of an owner. len 0: there is none. */
static tulle_text hide(tulle_peer *p, const peer_path *path)
{
	size_t place = hidden_place(p, true, path->id);
	if (place == TULLE_PEER_HIDDEN_MAX) {
		place = hidden_place(p, false, 0);
		if (place == TULLE_PEER_HIDDEN_MAX ||
			!tulle_mdns_draw_name(&p->env.random, p->hiding->names[place].text))
			return (tulle_text){NULL, 0};
		p->hiding->names[place].used = true;
		p->hiding->names[place].published = false;
		p->hiding->names[place].path = path->id;
	}
	return (tulle_text){p->hiding->names[place].text, TULLE_MDNS_TEXT_BYTES};
}

void tulle_peer_add_path(tulle_peer *p, const peer_path *path)
{
	tulle_text name = {NULL, 0};
	if (p->config.ice.hide_addresses && (name = hide(p, path)).len == 0)
		return; /* without a name its address would be told */
	(void)tulle_ice_add_hidden_path(p->ice, p->now, path->id, path->local, path->mtu, name);
	tulle_peer_add_tcp_paths(p, path, name);
}

void tulle_peer_forget_name(tulle_peer *p, uint32_t path)
{
	size_t place = hidden_place(p, true, path);
	if (place != TULLE_PEER_HIDDEN_MAX)
		p->hiding->names[place].used = false;
}

static bool poll_hidden(tulle_peer *p, tulle_out *out)
{
	for (uint8_t i = 0; p->config.ice.hide_addresses && i < p->path_count; i++) {
		size_t place = hidden_place(p, true, p->paths[i].id);
		if (place == TULLE_PEER_HIDDEN_MAX || p->hiding->names[place].published)
			continue;
		p->hiding->names[place].published = true;
		*out = (tulle_out){.kind = TULLE_OUT_PUBLISH,
			.local = p->paths[i].local,
			.name = {p->hiding->names[place].text, TULLE_MDNS_TEXT_BYTES}};
		return true;
	}
	return false;
}

bool tulle_peer_poll_name(tulle_peer *p, tulle_out *out)
{
	if (!p->closed && poll_hidden(p, out))
		return true;
	for (size_t i = 0; i < PEER_NAMES_MAX && !p->closed; i++) {
		peer_name *n = &p->names[i];
		tulle_ice_candidate c;
		if (!n->used || n->asked)
			continue;
		n->asked = true;
		(void)tulle_ice_read_candidate((tulle_text){n->candidate, n->len}, &c);
		*out = (tulle_out){
			.kind = TULLE_OUT_RESOLVE, .id = n->id, .name = c.host, .mdns = true};
		return true;
	}
	return false;
}

void tulle_peer_names_late(tulle_peer *p)
{
	for (size_t i = 0; i < PEER_NAMES_MAX; i++)
		if (p->names[i].used && tulle_time_due(p->names[i].due_at, p->now))
			p->names[i].used = false;
	release_ends(p);
}

tulle_time tulle_peer_names_timeout(const tulle_peer *p)
{
	tulle_time due = TULLE_TIME_NEVER;
	for (size_t i = 0; i < PEER_NAMES_MAX; i++)
		if (p->names[i].used)
			due = tulle_time_min(due, p->names[i].due_at);
	return due;
}
