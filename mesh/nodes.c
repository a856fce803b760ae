/* SPDX-License-Identifier: MIT */
/* mesh: nodes by number and by address. A number holds the slot and a serial, so that none is given
 * twice. */
#include "mesh/state.h"

#include "base/panic.h"

#include <string.h>

#define SLOT_BITS 17

static uint32_t hash_text(tulle_text t, uint32_t seed)
{
	uint32_t h = seed ^ UINT32_C(2166136261);
	for (size_t i = 0; i < t.len; i++)
		h = (h ^ (uint8_t)t.ptr[i]) * UINT32_C(16777619);
	h ^= h >> 16;
	return h * UINT32_C(0x45d9f3b);
}

mesh_node *tulle_mesh_node(const tulle *t, tulle_node id)
{
	size_t slot = (size_t)(id & ((1u << SLOT_BITS) - 1));
	if (slot >= t->slot_count || t->slots[slot] == NULL || t->slots[slot]->id != id)
		return NULL;
	return t->slots[slot];
}

mesh_node *tulle_mesh_find(const tulle *t, tulle_text address)
{
	uint32_t hash = hash_text(address, t->mux.seed);
	for (mesh_node *n = t->hashes[hash % t->hash_count]; n != NULL; n = n->next_hash)
		if (n->hash == hash &&
			tulle_text_is((tulle_text){n->address, n->address_len}, address))
			return n;
	return NULL;
}

static void unhash(tulle *t, mesh_node *node)
{
	mesh_node **at = &t->hashes[node->hash % t->hash_count];
	while (*at != NULL && *at != node)
		at = &(*at)->next_hash;
	if (*at == node)
		*at = node->next_hash;
	node->next_hash = NULL;
}

static void put_in(tulle *t, mesh_node *n, size_t slot)
{
	t->slots[slot] = n;
	n->prev = t->last;
	*(t->last != NULL ? &t->last->next : &t->first) = n;
	t->last = n;
	mesh_node **bucket = &t->hashes[n->hash % t->hash_count];
	n->next_hash = *bucket;
	*bucket = n;
	t->node_count++;
	t->attempt_count++;
}

mesh_node *tulle_mesh_add_node(
	tulle *t, tulle_node via, tulle_text address, bool is_ws, bool incoming)
{
	size_t slot = 0;
	while (slot < t->slot_count && t->slots[slot] != NULL)
		slot++;
	if (slot == t->slot_count || t->attempt_count >= t->options.attempts_max)
		return NULL;
	mesh_node *n = tulle_mesh_alloc(t, sizeof *n);
	if (n == NULL)
		return NULL;
	memset(n, 0, sizeof *n);
	n->id = ++t->serial << SLOT_BITS | slot;
	n->via = via;
	n->state = NODE_CONNECTING;
	n->is_ws = is_ws;
	n->incoming = incoming;
	n->address_len = (uint8_t)address.len;
	memcpy(n->address, address.ptr, address.len);
	n->hash = hash_text(address, t->mux.seed);
	n->deadline = tulle_time_add(t->now, (tulle_time)t->options.connect_timeout_ms * 1000);
	n->due.owner = n->out.owner = n->heard.owner = n;
	n->budget_at = t->now;
	n->budget = (int64_t)t->options.relay_bytes_per_s_per_node * MESH_RELAY_BURST_S;
	const mesh_node *parent = tulle_mesh_node(t, via);
	n->firewall = parent != NULL ? parent->firewall : t->options.firewall;
	n->firewall_user = parent != NULL ? parent->firewall_user : t->options.firewall_user;
	n->ice = parent != NULL ? parent->ice : t->options.ice;
	put_in(t, n, slot);
	tulle_mesh_log(t, TULLE_LOG_INFO, n, incoming ? "incoming" : "connecting", NULL);
	tulle_mesh_set_due(t, n);
	/* P fires on the root first, then on the node that it came through. */
	tulle_mesh_say(t, n,
		via == TULLE_ROOT ? SAY_CONNECTION_ROOT : SAY_CONNECTION_ROOT | SAY_CONNECTION_VIA);
	return n;
}

void tulle_mesh_say(tulle *t, mesh_node *n, uint8_t what)
{
	n->say |= what;
	tulle_mesh_mark(t);
	if (n->said_linked)
		return;
	n->said_linked = true;
	n->next_said = NULL;
	*(t->said_last != NULL ? &t->said_last->next_said : &t->said_first) = n;
	t->said_last = n;
}

void tulle_mesh_set_due(tulle *t, mesh_node *n)
{
	tulle_time at = n->state == NODE_CONNECTING ? n->deadline : TULLE_TIME_NEVER;
	if (n->pending_first != NULL)
		at = tulle_time_min(at, n->pending_first->until);
	if (n->ws.ws != NULL)
		at = tulle_time_min(at, tulle_signal_ws_poll_timeout(n->ws.ws));
	tulle_heap_set(&t->node_heap, &n->due, at);
}

void tulle_mesh_set_open(tulle *t, mesh_node *n)
{
	if (n->state != NODE_CONNECTING)
		return;
	n->state = NODE_OPEN;
	n->opened = t->now;
	t->attempt_count--;
	tulle_mesh_log(t, TULLE_LOG_INFO, n, "open", NULL);
	tulle_mesh_say(t, n, SAY_OPEN);
	tulle_mesh_flush_pending(t, n);
	tulle_mesh_set_due(t, n);
}

void tulle_mesh_report(tulle *t, mesh_node *n, tulle_err code, const char *text)
{
	tulle_wr w = tulle_wr_make(n->error_text, sizeof n->error_text - 1);
	tulle_wr_cstr(&w, text);
	n->error_text[tulle_wr_finish(&w) ? w.len : 0] = 0;
	n->error_code = code;
	tulle_mesh_log(t, TULLE_LOG_WARN, n, tulle_err_name(code), text);
	tulle_mesh_say(t, n, SAY_ERROR);
}

/* Attempts that this node was introducing cannot be answered any more. */
static void end_unanswered(tulle *t, tulle_node via)
{
	for (mesh_node *n = t->first; n != NULL; n = n->next)
		for (int i = 0; i < 2 && n->state == NODE_CONNECTING; i++) {
			mesh_link *l = n->links[i];
			if (l == NULL || l->via != via || !l->offerer || l->answered)
				continue;
			tulle_mesh_drop_link(t, l);
			if (n->links[0] == NULL && n->links[1] == NULL)
				tulle_mesh_close_node(t, n, TULLE_CLOSED_NO_ANSWER);
		}
}

void tulle_mesh_close_node(tulle *t, mesh_node *n, tulle_closed why)
{
	if (n->state == NODE_CLOSED)
		return;
	if (n->state == NODE_CONNECTING)
		t->attempt_count--;
	n->state = NODE_CLOSED;
	n->reason = why;
	tulle_mesh_log(t, TULLE_LOG_INFO, n, "closed", tulle_closed_name(why));
	unhash(t, n); /* the address is free again at once */
	tulle_mesh_drop_pending(t, n);
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL)
			tulle_mesh_drop_link(t, n->links[i]);
	if (n->is_ws && n->ws.ws != NULL && !n->ws.ended)
		(void)tulle_signal_ws_close(
			n->ws.ws, t->now, TULLE_SIGNAL_CLOSE_NORMAL, (tulle_text){"", 0});
	if (n->is_ws)
		tulle_ready_mark(&t->ws_out, &n->out);
	tulle_mesh_free_offers(t, n->id);
	tulle_mesh_take_held(t, n);
	end_unanswered(t, n->id);
	tulle_mesh_set_due(t, n);
	n->say = (uint8_t)(n->say & ~(SAY_OPEN | SAY_WRITABLE));
	tulle_mesh_say(t, n,
		n->via == TULLE_ROOT ? SAY_DISCONNECTION_ROOT | SAY_CLOSE
				     : SAY_DISCONNECTION_ROOT | SAY_DISCONNECTION_VIA | SAY_CLOSE);
}

static void unlink_said(tulle *t, mesh_node *node)
{
	mesh_node *before = NULL;
	for (mesh_node *n = t->said_first; n != NULL; before = n, n = n->next_said) {
		if (n != node)
			continue;
		*(before != NULL ? &before->next_said : &t->said_first) = n->next_said;
		if (t->said_last == n)
			t->said_last = before;
		return;
	}
}

void tulle_mesh_free_node(tulle *t, mesh_node *n)
{
	if (n->state != NODE_CLOSED)
		unhash(t, n);
	if (n->state == NODE_CONNECTING)
		t->attempt_count--;
	if (n->said_linked)
		unlink_said(t, n);
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL)
			tulle_mesh_free_link(t, n->links[i]);
	tulle_mesh_drop_pending(t, n);
	tulle_heap_set(&t->node_heap, &n->due, TULLE_TIME_NEVER);
	tulle_ready_remove(&t->ws_out, &n->out);
	tulle_ready_remove(&t->heard, &n->heard);
	tulle_mesh_free_ws(t, n);
	tulle_mesh_free(t, n->offer_data, n->offer_data_len);
	*(n->prev != NULL ? &n->prev->next : &t->first) = n->next;
	*(n->next != NULL ? &n->next->prev : &t->last) = n->prev;
	t->slots[n->id & ((1u << SLOT_BITS) - 1)] = NULL;
	t->node_count--;
	tulle_mesh_free(t, n, sizeof *n);
}

/* A WebSocket's close frame must go out before its node is freed. */
static bool is_finished(const mesh_node *n)
{
	return n->close_said &&
	       (!n->is_ws || n->ws.ended || n->ws.end_sent || !n->ws.connect_asked);
}

void tulle_mesh_bury(tulle *t)
{
	mesh_node *n = t->dead;
	t->dead = NULL;
	if (n != NULL && is_finished(n))
		tulle_mesh_free_node(t, n);
}

tulle_node tulle_find(const tulle *t, const char *address)
{
	const mesh_node *n = address != NULL ? tulle_mesh_find(t, tulle_text_of(address)) : NULL;
	return n != NULL ? n->id : TULLE_NO_NODE;
}

size_t tulle_peers(const tulle *t, tulle_node *dst, size_t cap)
{
	size_t count = 0;
	for (const mesh_node *n = t->first; n != NULL; n = n->next) {
		if (n->state == NODE_CLOSED)
			continue;
		if (count < cap)
			dst[count] = n->id;
		count++;
	}
	return count;
}

bool tulle_is_open(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL && n->state == NODE_OPEN;
}

tulle_text tulle_address(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL ? (tulle_text){n->address, n->address_len} : (tulle_text){"", 0};
}

tulle_node tulle_via(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL ? n->via : TULLE_NO_NODE;
}

tulle_err tulle_set_user(tulle *t, tulle_node id, void *user)
{
	mesh_node *n = tulle_mesh_node(t, id);
	if (n == NULL)
		return tulle_mesh_fail(t, TULLE_ERR_GONE, "the node is gone");
	n->user = user;
	return TULLE_OK;
}

void *tulle_user(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL ? n->user : NULL;
}
