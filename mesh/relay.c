/* SPDX-License-Identifier: MIT */
/* mesh: introducing others. A relay forwards inner untouched and never looks into it; each node
 * spends a budget. What a node cannot take yet waits within a bound of bytes and time. */
#include "mesh/state.h"

#include <string.h>

tulle_err tulle_mesh_send_text(tulle *t, mesh_node *n, const char *text, size_t len)
{
	const mesh_link *l = tulle_mesh_open_link(n);
	tulle_err err;
	if (n->state != NODE_OPEN)
		return TULLE_ERR_STATE;
	if (n->is_ws)
		err = tulle_signal_ws_send(n->ws.ws, t->now, true, text, len);
	else
		err = l != NULL ? tulle_channel_send_text(l->peer, l->remote, text, len)
				: TULLE_ERR_STATE;
	if (err == TULLE_OK && n->is_ws) {
		tulle_ready_mark(&t->ws_out, &n->out);
		tulle_mesh_mark(t);
	}
	if (err == TULLE_WOULD_BLOCK)
		n->wants_room = true;
	if (err == TULLE_OK && tulle_mesh_buffered(t, n) > t->options.low_water)
		n->was_above = true;
	return err;
}

void tulle_mesh_drop_pending(tulle *t, mesh_node *n)
{
	while (n->pending_first != NULL) {
		mesh_pending *p = n->pending_first;
		n->pending_first = p->next;
		tulle_mesh_free(t, p, sizeof *p + p->len);
	}
	n->pending_last = NULL;
	n->pending_bytes = 0;
}

static void pop_pending(tulle *t, mesh_node *n)
{
	mesh_pending *p = n->pending_first;
	n->pending_first = p->next;
	if (n->pending_first == NULL)
		n->pending_last = NULL;
	n->pending_bytes -= p->len;
	tulle_mesh_free(t, p, sizeof *p + p->len);
}

void tulle_mesh_flush_pending(tulle *t, mesh_node *n)
{
	while (n->pending_first != NULL && n->state == NODE_OPEN) {
		const mesh_pending *p = n->pending_first;
		tulle_err err = tulle_mesh_send_text(t, n, p->text, p->len);
		if (err == TULLE_WOULD_BLOCK)
			break;
		if (err != TULLE_OK)
			tulle_mesh_report(t, n, err, "what waited for this node could not be sent");
		pop_pending(t, n);
	}
	bool late = n->pending_first != NULL && tulle_time_due(n->pending_first->until, t->now);
	if (late) {
		tulle_mesh_drop_pending(t, n);
		tulle_mesh_report(
			t, n, TULLE_ERR_LIMIT, "what waited for this node has waited too long");
	}
	tulle_mesh_set_due(t, n);
}

void tulle_mesh_send_later(tulle *t, mesh_node *n, tulle_text text)
{
	tulle_err err = n->pending_first == NULL ? tulle_mesh_send_text(t, n, text.ptr, text.len)
						 : TULLE_WOULD_BLOCK;
	if (err == TULLE_OK || n->state == NODE_CLOSED)
		return;
	if (err != TULLE_WOULD_BLOCK && n->state == NODE_OPEN) {
		tulle_mesh_report(t, n, err, "a relayed message could not be sent");
		return;
	}
	mesh_pending *p = NULL;
	if (text.len <= MESH_PENDING_BYTES - n->pending_bytes)
		p = tulle_mesh_alloc(t, sizeof *p + text.len);
	if (p == NULL) {
		tulle_mesh_report(t, n, TULLE_ERR_LIMIT, "too much waits for this node");
		return;
	}
	*p = (mesh_pending){.until = tulle_time_add(t->now, MESH_PENDING_US), .len = text.len};
	memcpy(p->text, text.ptr, text.len);
	*(n->pending_last != NULL ? &n->pending_last->next : &n->pending_first) = p;
	n->pending_last = p;
	n->pending_bytes += text.len;
	tulle_mesh_set_due(t, n);
}

static bool spend(tulle *t, mesh_node *n, size_t bytes)
{
	int64_t rate = (int64_t)t->options.relay_bytes_per_s_per_node;
	int64_t most = rate * MESH_RELAY_BURST_S;
	tulle_time passed = tulle_time_min(t->now - n->budget_at, MESH_RELAY_BURST_S * 1000000);
	int64_t earned = rate * passed / 1000000;
	if (earned > 0) { /* less than a byte's worth of time is not lost */
		n->budget += earned;
		n->budget_at = t->now;
	}
	n->budget = n->budget > most ? most : n->budget;
	if (n->budget < (int64_t)bytes)
		return false;
	n->budget -= (int64_t)bytes;
	return true;
}

void tulle_mesh_handle_relay(tulle *t, mesh_node *from, const tulle_signal_p *p)
{
	mesh_node *to = tulle_mesh_find(t, (tulle_text){p->address, p->address_bytes});
	if (t->options.relay_off) {
		tulle_mesh_count(t, TULLE_DROP_P_RELAY_OFF);
		return;
	}
	if (to == NULL || to == from || to->is_ws || from->is_ws) {
		/* As in P: an error here, silence there. */
		tulle_mesh_count(t, TULLE_DROP_P_RELAY_UNKNOWN);
		tulle_mesh_report(
			t, from, TULLE_ERR_GONE, "asked to relay to an address that is not here");
		return;
	}
	if (!spend(t, from, p->json.len)) {
		tulle_mesh_count(t, TULLE_DROP_P_RELAY_BUDGET);
		return;
	}
	tulle_wr w = tulle_wr_make(t->scratch, t->scratch_bytes);
	tulle_signal_write_p_relay(&w, TULLE_SIGNAL_P_RELAYED,
		(tulle_text){from->address, from->address_len}, p->json);
	if (!tulle_wr_finish(&w))
		tulle_mesh_count(t, TULLE_DROP_P_RELAY_BUDGET);
	else
		tulle_mesh_send_later(t, to, (tulle_text){(const char *)t->scratch, w.len});
}
