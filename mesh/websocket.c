/* SPDX-License-Identifier: MIT */
/* mesh: WebSocket nodes. The host connects and verifies, signal/ speaks; what comes waits in a
 * bounded buffer while an event is unread, and the host is told how much more may come. */
#include "mesh/state.h"

#include <string.h>

tulle_err tulle_mesh_open_ws(tulle *t, mesh_node *n)
{
	tulle_text address = {n->address, n->address_len};
	tulle_err err = tulle_signal_read_url(address, &n->ws.url);
	if (err != TULLE_OK || n->ws.url.page)
		return TULLE_ERR_SYNTAX;
	n->ws.input = tulle_mesh_alloc(t, MESH_WS_INPUT_BYTES);
	if (n->ws.input == NULL)
		return TULLE_ERR_MEMORY;
	n->ws.stream = ++t->stream_serial & 0x1fffffff; /* below those of links and the host */
	tulle_ready_mark(&t->ws_out, &n->out);
	tulle_mesh_mark(t);
	return TULLE_OK;
}

static bool make_engine(tulle *t, mesh_node *n)
{
	char authority[300], target[300];
	tulle_wr a = tulle_wr_make(authority, sizeof authority);
	tulle_wr g = tulle_wr_make(target, sizeof target);
	tulle_signal_write_authority(&a, &n->ws.url);
	tulle_signal_write_target(&g, &n->ws.url);
	tulle_signal_ws_config c = {.authority = {authority, a.len},
		.target = {target, g.len},
		.protocol = TULLE_TEXT("p"),
		.message_bytes_max = t->scratch_bytes,
		.frame_bytes_max = t->scratch_bytes,
		.send_bytes_max = tulle_max(t->options.send_bytes_max, 1 << 16),
		.random = t->env.random,
		.allocator = t->peer_env.allocator};
	if (!tulle_wr_finish(&a) || !tulle_wr_finish(&g))
		return false;
	size_t bytes = tulle_signal_ws_memory_bytes(&c);
	void *block = bytes != 0 ? tulle_mesh_alloc(t, bytes) : NULL;
	if (block == NULL)
		return false;
	n->ws.ws_bytes = bytes;
	n->ws.ws = tulle_signal_ws_init(block, bytes, &c, t->now);
	if (n->ws.ws == NULL)
		tulle_mesh_free(t, block, bytes);
	return n->ws.ws != NULL;
}

void tulle_mesh_free_ws(tulle *t, mesh_node *n)
{
	if (n->ws.ws != NULL) {
		tulle_signal_ws_wipe(n->ws.ws);
		tulle_mesh_free(t, n->ws.ws, n->ws.ws_bytes);
	}
	tulle_mesh_free(t, n->ws.input, MESH_WS_INPUT_BYTES);
	n->ws.ws = NULL;
	n->ws.input = NULL;
}

static bool poll_connect(mesh_node *n, tulle_out *out)
{
	if (n->ws.connect_asked || n->state == NODE_CLOSED)
		return false;
	n->ws.connect_asked = true;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_CONNECT,
		.id = n->ws.stream,
		.name = n->ws.url.host,
		.remote = n->ws.url.addr,
		.port = n->ws.url.port,
		.tls = n->ws.url.tls};
	return true;
}

static bool poll_room(mesh_node *n, tulle_out *out)
{
	size_t held = n->ws.input_len - n->ws.input_at;
	size_t free = MESH_WS_INPUT_BYTES - held - n->ws.granted;
	if (n->ws.ws == NULL || n->ws.ended || free < MESH_WS_INPUT_BYTES / 2)
		return false;
	n->ws.granted += free;
	*out = (tulle_out){
		.kind = TULLE_OUT_STREAM_ROOM, .id = n->ws.stream, .bytes = (uint32_t)free};
	return true;
}

static bool poll_bytes(tulle *t, mesh_node *n, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	if (n->ws.ws == NULL || n->ws.ended || n->ws.room == 0)
		return false;
	size_t len =
		tulle_signal_ws_poll_bytes(n->ws.ws, t->now, scratch, tulle_min(bytes, n->ws.room));
	if (len == 0)
		return false;
	n->ws.room -= len;
	*out = (tulle_out){
		.kind = TULLE_OUT_STREAM_BYTES, .id = n->ws.stream, .data = {scratch, len}};
	return true;
}

static bool poll_end(mesh_node *n, tulle_out *out)
{
	bool over = n->state == NODE_CLOSED && n->ws.ws == NULL && n->ws.connect_asked;
	if (n->ws.ws != NULL && tulle_signal_ws_wants_end(n->ws.ws))
		over = true;
	if (!over || n->ws.ended || n->ws.end_sent)
		return false;
	n->ws.end_sent = true;
	*out = (tulle_out){
		.kind = TULLE_OUT_STREAM_END, .id = n->ws.stream, .abrupt = n->ws.ws == NULL};
	return true;
}

bool tulle_mesh_poll_ws(tulle *t, mesh_node *n, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	return poll_connect(n, out) || poll_bytes(t, n, scratch, bytes, out) || poll_room(n, out) ||
	       poll_end(n, out);
}

static mesh_node *find_stream(const tulle *t, uint32_t id)
{
	for (mesh_node *n = t->first; n != NULL; n = n->next)
		if (n->is_ws && n->ws.stream == id)
			return n;
	return NULL;
}

/* Feeds what came until an event holds it back. */
static void feed(tulle *t, mesh_node *n)
{
	mesh_ws *w = &n->ws;
	if (w->ws == NULL || n->paused)
		return;
	while (w->input_at < w->input_len) {
		size_t took = tulle_signal_ws_handle_bytes(
			w->ws, t->now, w->input + w->input_at, w->input_len - w->input_at);
		if (took == 0)
			break;
		w->input_at += took;
	}
	if (w->input_at == w->input_len)
		w->input_at = w->input_len = 0;
	if (w->ended && w->input_len == 0)
		tulle_signal_ws_handle_end(w->ws, t->now);
}

static void take_bytes(mesh_node *n, tulle_bytes data)
{
	mesh_ws *w = &n->ws;
	if (w->input_at != 0) {
		memmove(w->input, w->input + w->input_at, w->input_len - w->input_at);
		w->input_len -= w->input_at;
		w->input_at = 0;
	}
	size_t take = tulle_min(
		data.len, MESH_WS_INPUT_BYTES - w->input_len); /* the host keeps to its room */
	memcpy(w->input + w->input_len, data.ptr, take);
	w->input_len += take;
	w->granted -= tulle_min(w->granted, data.len);
}

static void stream_opened(tulle *t, mesh_node *n, const tulle_in *in)
{
	if (in->why != TULLE_OK) {
		n->ws.ended = true;
		if (n->state != NODE_CLOSED)
			tulle_mesh_report(t, n, in->why, "the WebSocket could not be connected");
		bool untrusted = in->why == TULLE_ERR_STATE; /* TLS or the name failed: io.h */
		tulle_mesh_close_node(
			t, n, untrusted ? TULLE_CLOSED_UNTRUSTED : TULLE_CLOSED_NO_PATH);
	} else if (n->state != NODE_CLOSED && n->ws.ws == NULL && !make_engine(t, n)) {
		tulle_mesh_close_node(t, n, TULLE_CLOSED_LIMIT);
	}
}

void tulle_mesh_handle_stream(tulle *t, const tulle_in *in)
{
	mesh_node *n = find_stream(t, in->id);
	if (n == NULL)
		return;
	switch ((int)in->kind) {
	case TULLE_IN_STREAM_OPEN:
		stream_opened(t, n, in);
		break;
	case TULLE_IN_STREAM_BYTES:
		take_bytes(n, in->data);
		feed(t, n);
		break;
	case TULLE_IN_STREAM_ROOM:
		n->ws.room += in->bytes;
		break;
	case TULLE_IN_STREAM_END:
		n->ws.ended = true;
		if (n->ws.ws == NULL)
			tulle_mesh_close_node(t, n, TULLE_CLOSED_LOST);
		feed(t, n);
		break;
	default:
		break;
	}
	tulle_mesh_set_due(t, n);
	tulle_ready_mark(&t->ws_out, &n->out);
	tulle_ready_mark(&t->heard, &n->heard);
	if (n->state == NODE_CLOSED && n->close_said && n->ws.ended && n != t->dead)
		tulle_mesh_free_node(t, n);
}

static tulle_closed closed_reason(const tulle_signal_ws_event *e)
{
	if (e->close.http_status != 0)
		return TULLE_CLOSED_NO_ANSWER;
	if (e->close.why != TULLE_TAKEN)
		return TULLE_CLOSED_PROTOCOL;
	if (!e->close.clean)
		return TULLE_CLOSED_LOST;
	return e->close.local ? TULLE_CLOSED_LOCAL : TULLE_CLOSED_REMOTE;
}

/* The next event of a WebSocket that the user hears; what it holds back is read on. */
const tulle_event *tulle_mesh_ws_event(tulle *t, mesh_node *n)
{
	tulle_signal_ws_event e;
	const tulle_event *event = NULL;
	if (n->ws.ws == NULL || n->paused)
		return NULL;
	if (!tulle_signal_ws_poll_event(n->ws.ws, &e)) {
		feed(t, n);
		if (!tulle_signal_ws_poll_event(n->ws.ws, &e))
			return NULL;
	}
	tulle_ready_mark(&t->heard, &n->heard); /* there may be more */
	switch (e.kind) {
	case TULLE_SIGNAL_WS_REQUEST:
		break;
	case TULLE_SIGNAL_WS_OPEN:
		tulle_mesh_set_open(t, n);
		break;
	case TULLE_SIGNAL_WS_MESSAGE:
		event = tulle_mesh_take_text(
			t, n, (tulle_text){(const char *)e.data.ptr, e.data.len});
		break;
	case TULLE_SIGNAL_WS_BYTES:
		event = tulle_mesh_take_bytes(t, n, e.data);
		break;
	case TULLE_SIGNAL_WS_WRITABLE:
		tulle_mesh_flush_pending(t, n);
		if (n->wants_room)
			tulle_mesh_say(t, n, SAY_WRITABLE);
		n->wants_room = false;
		break;
	case TULLE_SIGNAL_WS_CLOSE:
		tulle_mesh_close_node(t, n, closed_reason(&e));
		break;
	}
	tulle_ready_mark(&t->ws_out, &n->out);
	tulle_mesh_mark(t);
	return event;
}

void tulle_mesh_ws_timeout(tulle *t, mesh_node *n)
{
	if (n->ws.ws != NULL && tulle_time_due(tulle_signal_ws_poll_timeout(n->ws.ws), t->now))
		tulle_signal_ws_handle_timeout(n->ws.ws, t->now);
	tulle_ready_mark(&t->ws_out, &n->out);
	tulle_ready_mark(&t->heard, &n->heard);
}
