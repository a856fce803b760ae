/* SPDX-License-Identifier: MIT */
/* peer: names of servers, and the questions that every path of ours has for each STUN server
 * (RFC8445:5.1.1.2). */
#include "peer/servers_state.h"

/* Its addresses are known, or there are none. */
void tulle_peer_servers_addressed(tulle_peer_servers *s, peer_server *v)
{
	v->due = TULLE_TIME_NEVER;
	if (v->address_count == 0) {
		tulle_peer_servers_fault(s, v, 0, "the name does not resolve");
		tulle_peer_servers_rest(s, v, s->now);
	} else if (v->uri.relay) {
		tulle_peer_servers_try_next(s, v);
	} else if (v->uri.tcp) {
		tulle_peer_servers_fault(s, v, 0, "a stream shows no address for UDP");
		tulle_peer_servers_rest(s, v, TULLE_TIME_NEVER);
	} else {
		v->state = SERVER_ASKING;
		tulle_peer_servers_ask_all(s);
	}
}

void tulle_peer_servers_start(tulle_peer_servers *s, peer_server *v)
{
	v->address_at = 0;
	v->first_round = true;
	v->redirected = false;
	if (v->uri.is_address) {
		v->addresses[0] = v->uri.addr;
		v->address_count = 1;
	}
	if (v->address_count != 0) {
		tulle_peer_servers_addressed(s, v);
		return;
	}
	v->state = SERVER_RESOLVING;
	v->resolve_due = true;
	v->due = tulle_time_add(s->now, PEER_SERVER_NAME_US);
}

void tulle_peer_servers_resolved(tulle_peer_servers *s, const tulle_in *in)
{
	uint32_t i = in->id & ~PEER_SERVERS_ID;
	if (i >= s->server_count || s->servers[i].state != SERVER_RESOLVING)
		return;
	peer_server *v = &s->servers[i];
	v->resolve_due = false;
	v->address_count = 0;
	for (size_t k = 0; k < in->addr_count && v->address_count < PEER_SERVER_ADDRESSES_MAX;
		k++) {
		if (tulle_addr_ip_bytes(&in->addrs[k]) == 0)
			continue;
		v->addresses[v->address_count] = in->addrs[k];
		v->addresses[v->address_count++].port = v->uri.port;
	}
	tulle_peer_servers_addressed(s, v);
}

/* The first address of this family. */
static const tulle_addr *address_of(const peer_server *v, uint8_t family)
{
	for (uint8_t i = 0; i < v->address_count; i++)
		if (v->addresses[i].family == family)
			return &v->addresses[i];
	return NULL;
}

static server_question *find_question(tulle_peer_servers *s, uint8_t server, uint32_t path)
{
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		server_question *q = &s->questions[i];
		if (q->used && q->server == server && q->path == path)
			return q;
	}
	return NULL;
}

static server_question *free_question(tulle_peer_servers *s)
{
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++)
		if (!s->questions[i].used)
			return &s->questions[i];
	return NULL;
}

/* From loopback nobody but loopback is reached. */
static bool is_way(const tulle_addr *local, const tulle_addr *server)
{
	bool from = tulle_addr_classify(local) == TULLE_ADDR_LOOPBACK;
	bool to = tulle_addr_classify(server) == TULLE_ADDR_LOOPBACK;
	return from == to;
}

/* RFC8445:14.2: new transactions keep Ta between them, but for the first few. */
static bool may_ask(tulle_peer_servers *s)
{
	tulle_time at = tulle_time_add(s->last_ask, PEER_SERVER_TA_US);
	if (s->burst == 0 && s->now < at) {
		s->next_ask = at;
		return false;
	}
	s->burst = s->burst != 0 ? (uint8_t)(s->burst - 1) : 0;
	s->last_ask = s->now;
	return true;
}

static void ask_path(tulle_peer_servers *s, peer_server *v, unsigned path)
{
	const tulle_addr *local = &s->paths[path].local;
	const tulle_addr *server = address_of(v, local->family);
	uint8_t number = tulle_peer_servers_number(s, v);
	if (v->uri.relay || v->state != SERVER_ASKING || server == NULL || !is_way(local, server) ||
		find_question(s, number, s->paths[path].id) != NULL)
		return;
	server_question *q = free_question(s);
	if (q == NULL || !may_ask(s)) /* a machine of so many addresses has enough candidates */
		return;
	const tulle_turn_reflexive_config c = {.random = s->random};
	tulle_path to = {.id = s->paths[path].id, .local = *local, .remote = *server};
	*q = (server_question){.server = number, .path = to.id, .local = *local};
	q->client = tulle_turn_reflexive_init(q->block, sizeof q->block, &c, &to, s->now);
	q->used = q->client != NULL;
	v->addr = *server;
}

/* A STUN server has answered when the questions of all paths have. */
static void settle(tulle_peer_servers *s, peer_server *v)
{
	uint8_t number = tulle_peer_servers_number(s, v);
	unsigned asked = 0, waiting = 0;
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++) {
		const server_question *q = &s->questions[i];
		asked += q->used && q->server == number;
		waiting += q->used && q->server == number && !q->answered;
	}
	if (v->uri.relay || v->state != SERVER_ASKING || v->answered || waiting != 0)
		return;
	if (s->next_ask != TULLE_TIME_NEVER || (asked == 0 && !s->paths_known))
		return;
	if (asked == 0)
		tulle_peer_servers_fault(s, v, 0, "no address of ours reaches it");
	v->answered = true;
}

void tulle_peer_servers_ask_all(tulle_peer_servers *s)
{
	if (!s->begun || s->closed)
		return;
	s->next_ask = TULLE_TIME_NEVER;
	for (uint8_t i = 0; i < s->server_count; i++)
		for (uint8_t k = 0; k < s->path_count; k++)
			ask_path(s, &s->servers[i], k);
	for (uint8_t i = 0; i < s->server_count; i++)
		settle(s, &s->servers[i]);
}

void tulle_peer_servers_forget_path(tulle_peer_servers *s, uint32_t id)
{
	for (size_t i = 0; i < PEER_SERVER_QUESTIONS_MAX; i++)
		if (s->questions[i].used && s->questions[i].path == id) {
			tulle_turn_reflexive_wipe(s->questions[i].client);
			s->questions[i].used = false;
		}
	for (uint8_t i = 0; i < s->server_count; i++)
		if (s->servers[i].path == id)
			s->servers[i].path = 0; /* what it saw of us is past */
	tulle_peer_servers_changed(s);
	tulle_peer_servers_ask_all(s); /* nobody waits for its answers; others get their places */
}

void tulle_peer_servers_hear(tulle_peer_servers *s, server_question *q)
{
	tulle_turn_reflexive_event e;
	peer_server *v = &s->servers[q->server];
	if (!tulle_turn_reflexive_poll_event(q->client, &e))
		return;
	q->answered = true;
	if (e.mapped.family != 0) {
		q->former = q->mapped;
		q->mapped = e.mapped;
		tulle_peer_servers_changed(s);
	} else {
		tulle_peer_servers_fault(s, v, e.code, tulle_turn_failure_name(e.failure));
		v->error.local = q->local;
		v->answered = false; /* other paths may still wait */
	}
	settle(s, v);
}
