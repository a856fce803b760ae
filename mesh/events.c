/* SPDX-License-Identifier: MIT */
/* mesh: what the user hears. Marks of nodes come before further messages, so that the order of one
 * node holds: CONNECTION, OPEN, the middle ones, DISCONNECTION, CLOSE. Messages are pulled one at a
 * time: who does not read holds the network back. */
#include "mesh/state.h"

static const tulle_event *node_event(tulle *t, tulle_node on, tulle_event_kind kind)
{
	t->event = (tulle_event){.kind = kind, .node = on};
	return &t->event;
}

static const tulle_event *connection_event(
	tulle *t, tulle_node on, const mesh_node *n, tulle_event_kind kind)
{
	node_event(t, on, kind);
	t->event.u.connection.peer = n->id;
	t->event.u.connection.incoming = n->incoming;
	return &t->event;
}

static bool take_mark(mesh_node *n, uint8_t mark)
{
	if ((n->say & mark) == 0)
		return false;
	n->say = (uint8_t)(n->say & ~mark);
	return true;
}

static const tulle_event *next_mark(tulle *t, mesh_node *n)
{
	bool has_via = tulle_mesh_node(t, n->via) != NULL;
	if (take_mark(n, SAY_CONNECTION_ROOT))
		return connection_event(t, TULLE_ROOT, n, TULLE_EVENT_CONNECTION);
	if (take_mark(n, SAY_CONNECTION_VIA) && has_via)
		return connection_event(t, n->via, n, TULLE_EVENT_CONNECTION);
	if (take_mark(n, SAY_OPEN))
		return node_event(t, n->id, TULLE_EVENT_OPEN);
	if (take_mark(n, SAY_ERROR)) {
		node_event(t, n->id, TULLE_EVENT_ERROR);
		t->event.u.error.code = n->error_code;
		t->event.u.error.text = tulle_text_of(n->error_text);
		return &t->event;
	}
	if (take_mark(n, SAY_WRITABLE))
		return node_event(t, n->id, TULLE_EVENT_WRITABLE);
	if (take_mark(n, SAY_DISCONNECTION_ROOT))
		return connection_event(t, TULLE_ROOT, n, TULLE_EVENT_DISCONNECTION);
	if (take_mark(n, SAY_DISCONNECTION_VIA) && has_via)
		return connection_event(t, n->via, n, TULLE_EVENT_DISCONNECTION);
	if (!take_mark(n, SAY_CLOSE))
		return NULL;
	n->close_said = true;
	t->dead = n;
	node_event(t, n->id, TULLE_EVENT_CLOSE);
	t->event.u.closed = n->reason;
	return &t->event;
}

static const tulle_event *next_said(tulle *t)
{
	while (t->said_first != NULL) {
		mesh_node *n = t->said_first;
		const tulle_event *e = next_mark(t, n);
		if (e != NULL)
			return e;
		t->said_first = n->next_said;
		if (t->said_first == NULL)
			t->said_last = NULL;
		n->said_linked = false;
	}
	return NULL;
}

/* Messages, and what became of links and streams meanwhile. */
static const tulle_event *next_heard(tulle *t)
{
	mesh_link *l;
	mesh_node *n;
	const tulle_event *e = NULL;
	if ((l = tulle_ready_take(&t->events)) != NULL && l->node != NULL)
		e = tulle_mesh_link_event(t, l);
	if (e == NULL && (n = tulle_ready_take(&t->heard)) != NULL)
		e = tulle_mesh_ws_event(t, n);
	return e;
}

const tulle_event *tulle_next_event(tulle *t)
{
	tulle_mesh_bury(t);
	for (;;) {
		const tulle_event *e;
		if (t->silenced)
			return NULL;
		if (t->woken) {
			t->woken = false;
			return node_event(t, TULLE_ROOT, TULLE_EVENT_WAKE);
		}
		if ((e = next_said(t)) != NULL || (e = tulle_mesh_offer_event(t)) != NULL)
			return e;
		tulle_mesh_sync(t);
		if (t->events.first == NULL && t->heard.first == NULL && t->said_first == NULL)
			return NULL;
		if ((e = next_heard(t)) != NULL)
			return e;
	}
}

/* Listeners of one event, in the order in which they were set; one that is set meanwhile hears the
 * next. */
static void call_listeners(tulle *t, const tulle_event *e)
{
	const mesh_listener *end = NULL;
	for (mesh_listener *l = t->listeners; l != NULL; l = l->next)
		end = l;
	for (mesh_listener *l = t->listeners; l != NULL && !t->silenced; l = l->next) {
		bool of_it =
			l->node == e->node || (l->node == TULLE_ANY_NODE && e->node != TULLE_ROOT);
		if (!l->gone && l->kind == e->kind && of_it)
			l->fn(t, e, l->user);
		if (l == end)
			break;
	}
}

static void sweep_listeners(tulle *t)
{
	for (mesh_listener **at = &t->listeners; *at != NULL;) {
		mesh_listener *l = *at;
		if (!l->gone) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		tulle_mesh_free(t, l, sizeof *l);
	}
}

static void drop_listeners_of(tulle *t, tulle_node node)
{
	for (mesh_listener *l = t->listeners; l != NULL; l = l->next)
		if (l->node == node)
			l->gone = true;
}

void tulle_dispatch(tulle *t)
{
	const tulle_event *e;
	if (t->options.polled || t->in_listener)
		return;
	t->in_listener = true;
	for (int i = 0; i < MESH_EVENTS_A_TURN && (e = tulle_next_event(t)) != NULL; i++) {
		call_listeners(t, e);
		if (t->silenced)
			return;
		if (e->kind == TULLE_EVENT_CLOSE)
			drop_listeners_of(t, e->node);
		sweep_listeners(t);
	}
	t->in_listener = false;
	tulle_mesh_mark(t); /* what was said may have to go out, or more is to be said */
}

tulle_err tulle_on(tulle *t, tulle_node node, tulle_event_kind kind, tulle_listener fn, void *user)
{
	const mesh_node *n = tulle_mesh_node(t, node);
	if (fn == NULL)
		return tulle_mesh_fail(t, TULLE_ERR_ARGUMENT, "a listener is a function");
	if (node != TULLE_ROOT && node != TULLE_ANY_NODE && (n == NULL || n->close_said))
		return tulle_mesh_fail(t, TULLE_ERR_GONE, "the node is gone");
	mesh_listener *l = tulle_mesh_alloc(t, sizeof *l);
	if (l == NULL)
		return tulle_mesh_fail(t, TULLE_ERR_MEMORY, "out of memory");
	*l = (mesh_listener){.node = node, .kind = kind, .fn = fn, .user = user};
	mesh_listener **end = &t->listeners;
	while (*end != NULL)
		end = &(*end)->next;
	*end = l;
	return TULLE_OK;
}

void tulle_off(tulle *t, tulle_node node, tulle_event_kind kind, tulle_listener fn, void *user)
{
	for (mesh_listener *l = t->listeners; l != NULL; l = l->next)
		if (l->node == node && l->kind == kind &&
			(fn == NULL || (l->fn == fn && l->user == user)))
			l->gone = true;
	if (!t->in_listener)
		sweep_listeners(t);
}
