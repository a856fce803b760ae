/* SPDX-License-Identifier: MIT */
/* mesh: how a root meets the world: tulle_in, tulle_out and a deadline. */
#include "base/panic.h"
#include "mesh/state.h"

static void set_now(tulle *t, tulle_time now)
{
	t->now = tulle_time_max(t->now, now);
}

static void touch_link(tulle *t, mesh_link *l)
{
	tulle_ready_mark(&t->out, &l->out);
	if (l->node != NULL)
		tulle_ready_mark(&t->events, &l->events);
}

static void tell_links(tulle *t, const tulle_in *in)
{
	for (mesh_link *l = t->links; l != NULL; l = l->next) {
		tulle_peer_handle(l->peer, t->now, in);
		touch_link(t, l);
	}
}

static void keep_path(tulle *t, const tulle_in *in)
{
	if (in->kind == TULLE_IN_PATHS_KNOWN)
		t->paths_known = true;
	if (in->kind == TULLE_IN_PATH_UP && t->path_count < sizeof t->paths / sizeof *t->paths)
		t->paths[t->path_count++] = *in;
	for (size_t i = 0; in->kind == TULLE_IN_PATH_DOWN && i < t->path_count; i++)
		if (t->paths[i].id == in->id)
			t->paths[i--] = t->paths[--t->path_count];
}

static mesh_link *link_of(tulle *t, const tulle_in *in)
{
	tulle_peer_mux_key key = tulle_peer_mux_read(&t->mux, in);
	size_t cursor = 0;
	mesh_link *l;
	while ((l = tulle_peer_mux_next(&t->mux, in, key, &cursor)) != NULL)
		if (tulle_peer_owns(l->peer, in))
			return l;
	if (!tulle_peer_mux_may_ask(&t->mux, in, key, t->now, t->link_count))
		return NULL;
	for (l = t->links; l != NULL; l = l->next)
		if (tulle_peer_owns(l->peer, in)) {
			tulle_peer_mux_learn(&t->mux, key, l);
			return l;
		}
	return NULL;
}

/* What a link is called now, and what it asked, for what comes back. */
static void watch_link(tulle *t, mesh_link *l)
{
	tulle_text names[ICE_NAMES_MAX];
	size_t n = tulle_peer_names(l->peer, &l->named.seen, names);
	if (n != 0)
		tulle_peer_mux_name(&t->mux, &l->named, names, n, l);
	tulle_peer_mux_asked(&t->mux, tulle_peer_asked(l->peer), l);
}

bool tulle_mesh_owns(const tulle *t, const tulle_in *in)
{
	if (t->servers != NULL && tulle_peer_servers_owns(t->servers, in))
		return true;
	return link_of((tulle *)(uintptr_t)t, in) != NULL; /* learns a hint */
}

TULLE_UNTRUSTED(anyone,
	"one datagram, or bytes of a stream; 8 links asked, and of all 200,000 a second", mesh)
static void handle_datagram(tulle *t, const tulle_in *in)
{
	mesh_link *l = link_of(t, in);
	if (l == NULL) {
		tulle_mesh_count(t, TULLE_DROP_UNKNOWN_PATH);
		return;
	}
	tulle_peer_handle(l->peer, t->now, in);
	tulle_in probe = tulle_peer_mux_probe(in);
	if (in->kind == TULLE_IN_DATAGRAM && tulle_peer_mux_is_stun(in) &&
		tulle_peer_owns(l->peer, &probe))
		tulle_peer_mux_proven(&t->mux, in, l);
	touch_link(t, l);
}

/* WebSockets', or those of ICE-TCP, which a link has, or will: its check says whose it is. */
static void handle_stream(tulle *t, const tulle_in *in)
{
	if ((in->id >> 31) != 0 || tulle_peer_is_stream(in->id))
		handle_datagram(t, in);
	else
		tulle_mesh_handle_stream(t, in);
}

static void node_due(tulle *t, mesh_node *n)
{
	tulle_heap_set(&t->node_heap, &n->due, TULLE_TIME_NEVER);
	if (n->is_ws)
		tulle_mesh_ws_timeout(t, n);
	if (n->pending_first != NULL && tulle_time_due(n->pending_first->until, t->now))
		tulle_mesh_flush_pending(t, n);
	if (n->state == NODE_CONNECTING && tulle_time_due(n->deadline, t->now)) {
		bool answered = n->is_ws || n->incoming;
		for (int i = 0; i < 2; i++)
			answered = answered || (n->links[i] != NULL && n->links[i]->answered);
		tulle_mesh_close_node(
			t, n, answered ? TULLE_CLOSED_NO_PATH : TULLE_CLOSED_NO_ANSWER);
		return;
	}
	tulle_mesh_set_due(t, n);
}

static void handle_time(tulle *t)
{
	const tulle_in in = {.kind = TULLE_IN_TIME};
	tulle_heap_node *h;
	while ((h = tulle_heap_first(&t->link_heap)) != NULL && h->at <= t->now) {
		mesh_link *l = h->owner;
		tulle_heap_set(&t->link_heap, h, TULLE_TIME_NEVER); /* poll puts it in again */
		tulle_peer_handle(l->peer, t->now, &in);
		touch_link(t, l);
	}
	while ((h = tulle_heap_first(&t->node_heap)) != NULL && h->at <= t->now)
		node_due(t, h->owner);
	tulle_mesh_expire_offers(t);
}

/* Their news go to every link, their failures to the log. */
static void hear_servers(tulle *t)
{
	tulle_peer_servers_error e;
	uint32_t version = tulle_peer_servers_version(t->servers);
	while (tulle_peer_servers_failed(t->servers, t->errors_seen, &e)) {
		t->errors_seen = e.serial;
		tulle_mesh_log(t, TULLE_LOG_WARN, NULL, e.url, e.text);
	}
	if (t->servers_seen == version)
		return;
	t->servers_seen = version;
	for (mesh_link *l = t->links; l != NULL; l = l->next) {
		tulle_peer_sync_servers(l->peer, t->now);
		touch_link(t, l);
	}
}

/* True: it was for a server. What it relayed is for one of the links. */
static bool give_servers(tulle *t, const tulle_in *in)
{
	tulle_in inner;
	if (t->servers == NULL)
		return false;
	bool theirs = tulle_peer_servers_handle(t->servers, t->now, in);
	while (theirs && tulle_peer_servers_next(t->servers, &inner))
		handle_datagram(t, &inner);
	hear_servers(t);
	return theirs;
}

void tulle_handle(tulle *t, tulle_time now, const tulle_in *in)
{
	set_now(t, now);
	if (give_servers(t, in)) {
		tulle_mesh_mark(t);
		return;
	}
	switch (in->kind) {
	case TULLE_IN_TIME:
		handle_time(t);
		break;
	case TULLE_IN_PATH_UP:
	case TULLE_IN_PATH_DOWN:
	case TULLE_IN_PATHS_KNOWN:
		keep_path(t, in);
		tell_links(t, in);
		break;
	case TULLE_IN_DATAGRAM:
		handle_datagram(t, in);
		break;
	case TULLE_IN_STREAM_OPEN:
	case TULLE_IN_STREAM_ACCEPTED:
	case TULLE_IN_STREAM_BYTES:
	case TULLE_IN_STREAM_ROOM:
	case TULLE_IN_STREAM_END:
		handle_stream(t, in);
		break;
	case TULLE_IN_WALL_CLOCK:
		t->unix_s = in->unix_s;
		break;
	case TULLE_IN_TOO_BIG:
	case TULLE_IN_RESOLVED: /* whose name it is each link knows */
		tell_links(t, in);
		break;
	}
	tulle_mesh_mark(t);
}

/* The outputs of links in turn, one run each; false: none. */
static bool poll_links(tulle *t, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	mesh_link *l;
	while ((l = tulle_ready_take(&t->out)) != NULL) {
		bool any = tulle_peer_poll(l->peer, t->now, scratch, bytes, out);
		watch_link(t, l);
		if (any) {
			tulle_ready_mark(&t->out, &l->out);
			return true;
		}
		if (l->node == NULL) {
			tulle_mesh_free_link(t, l);
			continue;
		}
		tulle_heap_set(&t->link_heap, &l->due, tulle_peer_poll_timeout(l->peer));
		tulle_mesh_watch_level(t, l->node);
	}
	return false;
}

static bool poll_streams(tulle *t, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	mesh_node *n;
	while ((n = tulle_ready_take(&t->ws_out)) != NULL) {
		if (tulle_mesh_poll_ws(t, n, scratch, bytes, out)) {
			tulle_ready_mark(&t->ws_out, &n->out);
			return true;
		}
		bool over = n->state == NODE_CLOSED && n->close_said && n != t->dead;
		if (over && (n->ws.ended || n->ws.end_sent || !n->ws.connect_asked)) {
			tulle_mesh_free_node(t, n);
			continue;
		}
		tulle_mesh_set_due(t, n);
		tulle_mesh_watch_level(t, n);
	}
	return false;
}

static void serve_waiters(tulle *t)
{
	for (void *waiter; (waiter = tulle_pool_next_waiter(t->pool)) != NULL;) {
		tulle_peer_handle_room(waiter, t->now);
		touch_link(t, tulle_peer_owner(waiter));
	}
}

static bool poll_servers(tulle *t, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	return t->servers != NULL &&
	       tulle_peer_servers_poll(t->servers, t->now, scratch, bytes, out);
}

bool tulle_poll(tulle *t, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	set_now(t, now);
	tulle_mesh_sync(t);
	if (poll_servers(t, scratch, bytes, out) || poll_links(t, scratch, bytes, out) ||
		poll_streams(t, scratch, bytes, out))
		return true;
	serve_waiters(t);
	/* Links may have asked for permissions. */
	return poll_links(t, scratch, bytes, out) || poll_servers(t, scratch, bytes, out);
}

tulle_time tulle_poll_timeout(const tulle *t)
{
	const tulle_heap_node *l = tulle_heap_first(&t->link_heap),
			      *n = tulle_heap_first(&t->node_heap);
	tulle_time at = tulle_mesh_next_offer(t);
	if (t->silenced)
		return TULLE_TIME_NEVER;
	bool unread = t->said_first != NULL || t->events.first != NULL || t->heard.first != NULL ||
		      t->woken;
	if (unread || t->peers.first != NULL || t->out.first != NULL || t->ws_out.first != NULL)
		return t->now;
	if (t->servers != NULL)
		at = tulle_time_min(at, tulle_peer_servers_poll_timeout(t->servers));
	if (l != NULL)
		at = tulle_time_min(at, l->at);
	return n != NULL ? tulle_time_min(at, n->at) : at;
}
