/* SPDX-License-Identifier: MIT */
/* mesh: links, the peer connections under nodes. P's channel rule: each side makes one channel `p`;
 * what is sent goes on the one that the other side made, what comes is taken from both; open when
 * the other's is announced. */
#include "mesh/state.h"

#include <string.h>

static bool make_certificate(tulle *t)
{
	return t->certificate != NULL ||
	       tulle_certificate_create(t->unix_s, &t->certificate) == TULLE_OK;
}

static tulle_peer_config peer_config(const tulle *t, const mesh_node *n)
{
	tulle_ice_options ice = {.relay_only = n->ice.relay_only,
		.loopback = n->ice.loopback,
		.tcp = n->ice.tcp,
		.hide_addresses = n->ice.hide_addresses};
	return (tulle_peer_config){.ice = ice,
		.certificate = t->certificate,
		.send_bytes_max = t->options.send_bytes_max,
		.receive_bytes_max = t->options.send_bytes_max,
		.message_bytes_max = t->options.message_bytes_max,
		.log = t->options.log};
}

static void tell_paths(tulle *t, tulle_peer *peer)
{
	const tulle_in known = {.kind = TULLE_IN_PATHS_KNOWN};
	for (size_t i = 0; i < t->path_count; i++)
		tulle_peer_handle(peer, t->now, &t->paths[i]);
	if (t->paths_known)
		tulle_peer_handle(peer, t->now, &known);
}

/* Our channel stays shut to the user until the peer's is announced: nothing is delivered before
 * OPEN. */
static bool make_channel(mesh_link *l)
{
	const tulle_channel_init p = {.protocol = "p"};
	return tulle_channel_create(l->peer, "p", &p, &l->own) == TULLE_OK &&
	       tulle_channel_pause(l->peer, l->own, true) == TULLE_OK;
}

mesh_link *tulle_mesh_add_link(tulle *t, mesh_node *node, tulle_node via, bool offerer)
{
	int place = node->links[0] == NULL ? 0 : 1;
	if (node->links[place] != NULL || t->link_heap.count >= t->link_heap.cap ||
		!make_certificate(t))
		return NULL;
	tulle_peer_config config = peer_config(t, node);
	size_t bytes = tulle_peer_memory_bytes_in(&config, &t->peer_env);
	mesh_link *l = bytes != 0 ? tulle_mesh_alloc(t, sizeof *l + bytes) : NULL;
	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof *l);
	l->bytes = sizeof *l + bytes;
	l->node = node;
	l->via = via;
	l->offerer = offerer;
	l->out.owner = l->events.owner = l->due.owner = l;
	l->peer = tulle_peer_init_in(l->block, bytes, &config, &t->peer_env, t->now);
	if (l->peer != NULL)
		tulle_peer_set_owner(l->peer, l);
	if (l->peer == NULL || !make_channel(l)) {
		tulle_peer_wipe(l->peer);
		tulle_mesh_free(t, l, l->bytes);
		return NULL;
	}
	l->next = t->links;
	if (t->links != NULL)
		t->links->prev = l;
	t->links = l;
	t->link_count++;
	node->links[place] = l;
	tell_paths(t, l->peer);
	return l;
}

void tulle_mesh_drop_link(tulle *t, mesh_link *l)
{
	mesh_node *n = l->node;
	for (int i = 0; i < 2 && n != NULL; i++)
		if (n->links[i] == l)
			n->links[i] = NULL;
	if (n != NULL && n->links[0] == NULL) {
		n->links[0] = n->links[1];
		n->links[1] = NULL;
	}
	if (n != NULL && n->links[0] != NULL)
		tulle_peer_wait(n->links[0]->peer, t->now); /* it has no rival any more */
	l->node = NULL;
	tulle_peer_close(l->peer);
	tulle_ready_remove(&t->events, &l->events);
	tulle_ready_mark(&t->out, &l->out); /* ABORT and close_notify; then it is freed */
	tulle_mesh_mark(t);
}

void tulle_mesh_free_link(tulle *t, mesh_link *l)
{
	for (int i = 0; i < 2 && l->node != NULL; i++)
		if (l->node->links[i] == l)
			l->node->links[i] = NULL;
	tulle_peer_mux_forget(&t->mux, &l->named, l);
	tulle_ready_remove(&t->out, &l->out);
	tulle_ready_remove(&t->events, &l->events);
	tulle_heap_set(&t->link_heap, &l->due, TULLE_TIME_NEVER);
	tulle_peer_wipe(l->peer);
	t->link_count--;
	*(l->prev != NULL ? &l->prev->next : &t->links) = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	tulle_mesh_free(t, l, l->bytes);
}

void tulle_mesh_sync(tulle *t)
{
	mesh_link *l;
	while ((l = tulle_ready_take(&t->peers)) != NULL) {
		tulle_ready_mark(&t->out, &l->out);
		if (l->node != NULL)
			tulle_ready_mark(&t->events, &l->events);
	}
}

mesh_link *tulle_mesh_open_link(const mesh_node *n)
{
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL && n->links[i]->remote != 0)
			return n->links[i];
	return NULL;
}

size_t tulle_mesh_buffered(const tulle *t, const mesh_node *n)
{
	const mesh_link *l = tulle_mesh_open_link(n);
	(void)t;
	if (n->is_ws)
		return n->ws.ws != NULL ? tulle_signal_ws_buffered(n->ws.ws) : 0;
	return l != NULL ? tulle_peer_unacked(l->peer, l->remote) : 0;
}

size_t tulle_mesh_send_max(const tulle *t, const mesh_node *n)
{
	const mesh_link *l = tulle_mesh_open_link(n);
	if (n->is_ws)
		return t->options.message_bytes_max;
	return l != NULL ? tulle_min(tulle_peer_send_max(l->peer), t->options.message_bytes_max)
			 : 0;
}

/* WRITABLE when buffered has fallen to low_water from above; the end of a node that finishes. */
void tulle_mesh_watch_level(tulle *t, mesh_node *n)
{
	if (n->state != NODE_OPEN || (!n->was_above && !n->finishing))
		return;
	size_t buffered = tulle_mesh_buffered(t, n);
	if (n->was_above && buffered <= t->options.low_water) {
		n->was_above = false;
		tulle_mesh_say(t, n, SAY_WRITABLE);
	}
	if (n->finishing && buffered == 0 && n->pending_first == NULL)
		tulle_mesh_close_node(t, n, TULLE_CLOSED_LOCAL);
}

/* The first link that opens stays; its rival goes. */
static void link_opened(tulle *t, mesh_link *l, tulle_channel remote)
{
	mesh_node *n = l->node;
	l->remote = remote;
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL && n->links[i] != l)
			tulle_mesh_drop_link(t, n->links[i]);
	n->via = n->state == NODE_CONNECTING ? l->via : n->via;
	(void)tulle_channel_pause(l->peer, l->own, n->paused);
	if (n->paused)
		(void)tulle_channel_pause(l->peer, remote, true);
	tulle_mesh_set_open(t, n);
}

static tulle_closed reason_of(const mesh_link *l)
{
	switch (tulle_peer_why_ended(l->peer)) {
	case TULLE_PEER_ENDED_NOT:
	case TULLE_PEER_ENDED_REMOTE:
		return TULLE_CLOSED_REMOTE;
	case TULLE_PEER_ENDED_LOCAL:
		return TULLE_CLOSED_LOCAL;
	case TULLE_PEER_ENDED_NO_PATH:
		return TULLE_CLOSED_NO_PATH;
	case TULLE_PEER_ENDED_LOST:
		return TULLE_CLOSED_LOST;
	case TULLE_PEER_ENDED_UNTRUSTED:
		return TULLE_CLOSED_UNTRUSTED;
	case TULLE_PEER_ENDED_PROTOCOL:
		break;
	}
	return TULLE_CLOSED_PROTOCOL;
}

/* One link has ended; the node goes with the last. */
static void link_ended(tulle *t, mesh_link *l)
{
	mesh_node *n = l->node;
	tulle_closed why = reason_of(l);
	tulle_mesh_drop_link(t, l);
	if (n->links[0] == NULL)
		tulle_mesh_close_node(t, n, why);
}

static const tulle_event *channel_message(tulle *t, mesh_link *l, const tulle_peer_event *e)
{
	const uint8_t *data = e->u.message.data.ptr;
	size_t len = e->u.message.data.len;
	if (e->u.message.is_text)
		return tulle_mesh_take_text(t, l->node, (tulle_text){(const char *)data, len});
	return tulle_mesh_take_bytes(t, l->node, e->u.message.data);
}

const tulle_event *tulle_mesh_link_event(tulle *t, mesh_link *l)
{
	const tulle_peer_event *e = tulle_peer_next_event(l->peer);
	if (e == NULL)
		return NULL;
	tulle_ready_mark(&t->events, &l->events); /* there may be more */
	switch ((int)e->kind) {
	case TULLE_PEER_ICE_CANDIDATE:
		tulle_mesh_send_candidate(t, l, &e->u.candidate);
		break;
	case TULLE_PEER_CHANNEL:
		link_opened(t, l, e->channel);
		break;
	case TULLE_PEER_MESSAGE:
		return channel_message(t, l, e);
	case TULLE_PEER_BUFFERED_LOW:
		tulle_mesh_flush_pending(t, l->node);
		if (l->node->wants_room) {
			l->node->wants_room = false;
			tulle_mesh_say(t, l->node, SAY_WRITABLE);
		}
		break;
	case TULLE_PEER_CLOSE:
		if (e->channel == l->own || e->channel == l->remote)
			link_ended(t, l);
		break;
	case TULLE_PEER_CONNECTION_STATE:
		if (e->u.state == TULLE_CONNECTION_FAILED || e->u.state == TULLE_CONNECTION_CLOSED)
			link_ended(t, l);
		break;
	default:
		break;
	}
	return NULL;
}
