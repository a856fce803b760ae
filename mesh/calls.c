/* SPDX-License-Identifier: MIT */
/* mesh: P's verbs. None does I/O, waits or calls a listener. */
#include "mesh/state.h"

#include <string.h>

static mesh_node *find(tulle *t, tulle_node id, tulle_err *err)
{
	mesh_node *n = tulle_mesh_node(t, id);
	*err = TULLE_OK;
	if (n == NULL || n->state == NODE_CLOSED) {
		*err = tulle_mesh_fail(t, TULLE_ERR_GONE, "the node is gone");
		return NULL;
	}
	return n;
}

static bool is_address(tulle_text a)
{
	return a.len > 0 && a.len <= TULLE_ADDRESS_MAX && tulle_text_is_utf8(a.ptr, a.len);
}

static tulle_err judge_options(tulle *t, const tulle_connect_options *o)
{
	if (o->ice != NULL && o->ice->server_count != 0)
		return tulle_mesh_fail(
			t, TULLE_ERR_ARGUMENT, "STUN and TURN servers are the root's options'");
	if (o->offer_data != NULL) {
		if (!tulle_json_check(tulle_text_of(o->offer_data)))
			return tulle_mesh_fail(
				t, TULLE_ERR_SYNTAX, "offer_data is not one JSON value");
		if (strlen(o->offer_data) > MESH_SIGNAL_BYTES_MAX / 4)
			return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "offer_data is too long");
	}
	return TULLE_OK;
}

static bool apply_options(tulle *t, mesh_node *n, const tulle_connect_options *o)
{
	n->user = o->user;
	if (o->timeout_ms != 0)
		n->deadline = tulle_time_add(t->now, (tulle_time)o->timeout_ms * 1000);
	if (o->firewall != NULL) {
		n->firewall = o->firewall;
		n->firewall_user = o->firewall_user;
	}
	if (o->ice != NULL)
		n->ice = *o->ice;
	tulle_mesh_set_due(t, n);
	if (o->offer_data == NULL)
		return true;
	n->offer_data_len = strlen(o->offer_data);
	n->offer_data = tulle_mesh_alloc(t, n->offer_data_len);
	if (n->offer_data == NULL)
		return false;
	memcpy(n->offer_data, o->offer_data, n->offer_data_len);
	return true;
}

static tulle_err begin(tulle *t, mesh_node *n, tulle_node via)
{
	if (n->is_ws)
		return tulle_mesh_open_ws(t, n);
	mesh_link *l = tulle_mesh_add_link(t, n, via, true);
	if (l == NULL)
		return TULLE_ERR_MEMORY;
	return tulle_mesh_send_offer(t, l);
}

tulle_err tulle_connect(tulle *t, tulle_node via, const char *address,
	const tulle_connect_options *options, tulle_node *out)
{
	static const tulle_connect_options none;
	const tulle_connect_options *o = options != NULL ? options : &none;
	tulle_text a = tulle_text_of(address);
	tulle_err err = TULLE_OK;
	if (out != NULL)
		*out = TULLE_NO_NODE;
	if (!is_address(a))
		return tulle_mesh_fail(
			t, TULLE_ERR_ARGUMENT, "an address is 1 to 255 bytes of UTF-8");
	if ((err = judge_options(t, o)) != TULLE_OK)
		return err;
	if (via != TULLE_ROOT && find(t, via, &err) == NULL)
		return err;
	mesh_node *n = tulle_mesh_find(t, a);
	if (n != NULL) {
		if (out != NULL)
			*out = n->id;
		return tulle_mesh_fail(t, TULLE_ERR_STATE, "a node to that address exists already");
	}
	if (via == TULLE_ROOT) {
		tulle_signal_url url;
		if (tulle_signal_read_url(a, &url) != TULLE_OK || url.page)
			return tulle_mesh_fail(t, TULLE_ERR_SYNTAX, "not a ws:// or wss:// URL");
	}
	n = tulle_mesh_add_node(t, via, a, via == TULLE_ROOT, false);
	if (n == NULL)
		return tulle_mesh_fail(
			t, TULLE_ERR_LIMIT, "nodes_max, attempts_max or memory is reached");
	err = apply_options(t, n, o) ? begin(t, n, via) : TULLE_ERR_MEMORY;
	if (err != TULLE_OK) {
		tulle_mesh_free_node(t, n);
		return tulle_mesh_fail(t, err, err == TULLE_ERR_MEMORY ? "out of memory" : t->why);
	}
	if (out != NULL)
		*out = n->id;
	return TULLE_OK;
}

/* The message stands in t->scratch, envelope and all. */
static tulle_err send_scratch(tulle *t, mesh_node *n, size_t len)
{
	if (len > tulle_mesh_send_max(t, n))
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "larger than tulle_send_max");
	if (n->pending_first != NULL) { /* what came before goes before */
		tulle_mesh_flush_pending(t, n);
		if (n->pending_first != NULL) {
			n->wants_room = true;
			return tulle_mesh_fail(t, TULLE_WOULD_BLOCK, "the send buffer is full");
		}
	}
	tulle_err err = tulle_mesh_send_text(t, n, (const char *)t->scratch, len);
	return err == TULLE_OK ? err : tulle_mesh_fail(t, err, "the node did not take the message");
}

static mesh_node *find_open(tulle *t, tulle_node id, tulle_err *err)
{
	mesh_node *n = find(t, id, err);
	if (n != NULL && (n->state != NODE_OPEN || n->finishing)) {
		*err = tulle_mesh_fail(t, TULLE_ERR_STATE, "the node is not open");
		return NULL;
	}
	return n;
}

tulle_err tulle_send_json(tulle *t, tulle_node id, const char *json, size_t len)
{
	tulle_err err;
	mesh_node *n = find_open(t, id, &err);
	if (n == NULL)
		return err;
	if (len > t->options.message_bytes_max)
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "larger than tulle_send_max");
	if (!tulle_json_check((tulle_text){json, len}))
		return tulle_mesh_fail(t, TULLE_ERR_SYNTAX, "not one JSON value");
	tulle_wr w = tulle_wr_make(t->scratch, t->scratch_bytes);
	tulle_signal_write_p_direct(&w, (tulle_text){json, len});
	if (!tulle_wr_finish(&w))
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "larger than tulle_send_max");
	return send_scratch(t, n, w.len);
}

tulle_err tulle_send_text(tulle *t, tulle_node id, const char *utf8, size_t len)
{
	tulle_err err;
	mesh_node *n = find_open(t, id, &err);
	if (n == NULL)
		return err;
	if (!tulle_text_is_utf8(utf8, len))
		return tulle_mesh_fail(t, TULLE_ERR_SYNTAX, "the text is not UTF-8");
	tulle_wr w = tulle_wr_make(t->scratch, t->scratch_bytes);
	tulle_wr_cstr(&w, "[0,");
	tulle_json_write_string(&w, (tulle_text){utf8, len});
	tulle_wr_u8(&w, ']');
	if (!tulle_wr_finish(&w))
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "larger than tulle_send_max");
	return send_scratch(t, n, w.len);
}

tulle_err tulle_send_bytes(tulle *t, tulle_node id, const void *data, size_t len)
{
	tulle_err err;
	mesh_node *n = find_open(t, id, &err);
	if (n == NULL)
		return err;
	if (len > tulle_mesh_send_max(t, n))
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "larger than tulle_send_max");
	const mesh_link *l = tulle_mesh_open_link(n);
	err = n->is_ws ? tulle_signal_ws_send(n->ws.ws, t->now, false, data, len)
		       : tulle_channel_send_bytes(l->peer, l->remote, data, len);
	if (err == TULLE_WOULD_BLOCK)
		n->wants_room = true;
	if (err != TULLE_OK)
		return tulle_mesh_fail(t, err, "the node did not take the message");
	if (tulle_mesh_buffered(t, n) > t->options.low_water)
		n->was_above = true;
	if (n->is_ws)
		tulle_ready_mark(&t->ws_out, &n->out);
	tulle_mesh_mark(t);
	return TULLE_OK;
}

static void close_all(tulle *t)
{
	for (mesh_node *n = t->first; n != NULL; n = n->next)
		tulle_mesh_close_node(t, n, TULLE_CLOSED_LOCAL);
}

tulle_err tulle_close(tulle *t, tulle_node id)
{
	tulle_err err = TULLE_OK;
	if (id == TULLE_ROOT) {
		close_all(t);
		return TULLE_OK;
	}
	mesh_node *n = find(t, id, &err);
	if (n != NULL)
		tulle_mesh_close_node(t, n, TULLE_CLOSED_LOCAL);
	return err;
}

tulle_err tulle_finish(tulle *t, tulle_node id)
{
	tulle_err err = TULLE_OK;
	mesh_node *n = find(t, id, &err);
	if (n == NULL)
		return err;
	if (n->state != NODE_OPEN) {
		tulle_mesh_close_node(t, n, TULLE_CLOSED_LOCAL);
		return TULLE_OK;
	}
	n->finishing = true;
	tulle_mesh_watch_level(t, n);
	return TULLE_OK;
}

size_t tulle_buffered(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL && n->state == NODE_OPEN ? tulle_mesh_buffered(t, n) : 0;
}

size_t tulle_send_max(const tulle *t, tulle_node id)
{
	const mesh_node *n = tulle_mesh_node(t, id);
	return n != NULL && n->state == NODE_OPEN ? tulle_mesh_send_max(t, n) : 0;
}

tulle_err tulle_pause(tulle *t, tulle_node id, bool paused)
{
	tulle_err err;
	mesh_node *n = find(t, id, &err);
	if (n == NULL)
		return err;
	n->paused = paused;
	if (n->is_ws)
		tulle_ready_mark(&t->heard, &n->heard);
	for (int i = 0; i < 2; i++) {
		mesh_link *l = n->links[i];
		if (l == NULL || l->remote == 0)
			continue; /* its channel is shut until it opens anyway */
		(void)tulle_channel_pause(l->peer, l->own, paused);
		(void)tulle_channel_pause(l->peer, l->remote, paused);
		tulle_ready_mark(&t->events, &l->events);
	}
	tulle_mesh_mark(t);
	return TULLE_OK;
}
