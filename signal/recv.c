/* SPDX-License-Identifier: MIT */
/* signal: what arrives: the HTTP head, then frames: RFC6455:5. Invariant: a frame's payload is
 * taken only after its head was judged, and a message never grows past message_bytes_max. */
#include "signal/ws.h"

static const char *const frame_reason = "a frame breaks the rules of RFC 6455";

static tulle_text head_of(const tulle_signal_ws *ws)
{
	return (tulle_text){(const char *)ws->in.p + ws->in.start, ws->in.end - ws->in.start};
}

static void finish_head(tulle_signal_ws *ws)
{
	const char *why;
	if (ws->config.server) {
		(void)tulle_signal_read_request(head_of(ws), &ws->request);
		tulle_signal_ws_set_state(ws, WS_REQUESTED);
		ws->marks |= MARK_REQUEST;
		return;
	}
	tulle_drop drop = tulle_signal_read_response(head_of(ws), ws->key,
		(tulle_text){ws->protocol, ws->protocol_len}, &ws->http_status, &why);
	tulle_signal_buffer_clear(ws, &ws->in, true);
	if (drop == TULLE_TAKEN)
		tulle_signal_ws_start_open(ws);
	else
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_ABNORMAL, drop, why);
}

/* The head grew past its bound, or there is no memory for it. */
static void refuse_head(tulle_signal_ws *ws, const char *why)
{
	if (!ws->config.server) {
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_ABNORMAL, TULLE_DROP_HTTP_SYNTAX, why);
		return;
	}
	ws->request = (tulle_signal_request){.status = 431, .why = why};
	tulle_signal_ws_set_state(ws, WS_REQUESTED);
	ws->marks |= MARK_REQUEST;
}

/* Only up to the head's end: what follows are frames already (RFC6455:4.1). */
static size_t take_head(tulle_signal_ws *ws, const uint8_t *data, size_t len)
{
	size_t had = ws->in.end - ws->in.start;
	size_t n = tulle_min(len, TULLE_SIGNAL_HEAD_MAX - had);
	uint8_t *room = tulle_signal_buffer_room(ws, &ws->in, n, TULLE_SIGNAL_HEAD_MAX);
	if (room == NULL) {
		refuse_head(ws, "There is no memory for this request.");
		return len;
	}
	memcpy(room, data, n);
	ws->in.end += n;
	size_t end = tulle_signal_find_head_end(ws->in.p, ws->in.end, &ws->head_seen);
	if (end != 0) {
		ws->in.end = end;
		finish_head(ws);
		return end - had;
	}
	if (had + n == TULLE_SIGNAL_HEAD_MAX)
		refuse_head(ws, "The header is longer than 16 KiB.");
	return n;
}

/* What the state of the message allows next: RFC6455:5.4. */
static bool is_in_order(const tulle_signal_ws *ws)
{
	if (tulle_signal_is_control(ws->frame.op))
		return true;
	return (ws->frame.op == TULLE_SIGNAL_OP_MORE) == (ws->op != 0);
}

static void too_large(tulle_signal_ws *ws, const char *reason)
{
	tulle_signal_ws_fail(
		ws, TULLE_SIGNAL_CLOSE_TOO_LARGE, TULLE_DROP_WEBSOCKET_TOO_LARGE, reason);
}

/* RFC6455:10.4: judged by what the head announces, before any payload is taken. */
static void begin_data(tulle_signal_ws *ws)
{
	const tulle_signal_ws_config *c = &ws->config;
	if (ws->frame.op != TULLE_SIGNAL_OP_MORE) {
		ws->op = ws->frame.op;
		ws->fragments = 0;
		ws->utf8 = 0;
	}
	ws->fragments++;
	if (ws->frame.len > c->frame_bytes_max)
		too_large(ws, "a frame is too large");
	else if (ws->frame.len > c->message_bytes_max - (ws->in.end - ws->in.start))
		too_large(ws, "a message is too large");
	else if (ws->fragments > c->fragments_max)
		too_large(ws, "a message has too many fragments");
}

static void begin_frame(tulle_signal_ws *ws)
{
	bool good = tulle_signal_read_frame(ws->frame_head, ws->frame_head_have, &ws->frame);
	ws->frame_head_have = 0;
	/* RFC6455:5.1: clients mask, servers do not */
	if (!good || ws->frame.masked != ws->config.server || !is_in_order(ws)) {
		tulle_signal_ws_fail(
			ws, TULLE_SIGNAL_CLOSE_PROTOCOL, TULLE_DROP_WEBSOCKET_FRAME, frame_reason);
		return;
	}
	ws->in_frame = true;
	ws->frame_have = 0;
	if (!tulle_signal_is_control(ws->frame.op))
		begin_data(ws);
}

static size_t take_frame_head(tulle_signal_ws *ws, const uint8_t *data, size_t len)
{
	size_t used = 0;
	for (;;) {
		size_t need = tulle_signal_frame_head_bytes(ws->frame_head, ws->frame_head_have);
		if (ws->frame_head_have == need) {
			begin_frame(ws);
			return used;
		}
		if (used == len)
			return used;
		ws->frame_head[ws->frame_head_have++] = data[used++];
	}
}

static void take_close(tulle_signal_ws *ws)
{
	size_t n = (size_t)ws->frame_have;
	uint16_t code = TULLE_SIGNAL_CLOSE_NO_CODE;
	tulle_text reason = {"", 0};
	if (n >= 2) {
		code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
		reason = (tulle_text){(const char *)ws->control + 2, n - 2};
	}
	if (n == 1 || (n >= 2 && !tulle_signal_is_close_code(code))) {
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_PROTOCOL, TULLE_DROP_WEBSOCKET_FRAME,
			"a close frame has an illegal code");
		return;
	}
	if (!tulle_text_is_utf8(reason.ptr, reason.len)) {
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_UTF8, TULLE_DROP_WEBSOCKET_UTF8,
			"a close reason is not UTF-8");
		return;
	}
	if (!ws->close_sent) { /* RFC6455:5.5.1: answered with the same code */
		ws->close_out = n >= 2 ? code : 0;
		ws->close_out_len = 0;
		ws->close_due = true;
		tulle_signal_ws_cut_queue(ws);
	}
	tulle_signal_ws_set_closed(ws, code, true, reason);
	tulle_signal_ws_set_state(ws, WS_CLOSED);
}

static void take_pong(tulle_signal_ws *ws)
{
	uint32_t n = ws->ping_count;
	const uint8_t want[4] = {
		(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	if (ws->pong_at == TULLE_TIME_NEVER || ws->frame_have != 4 ||
		memcmp(ws->control, want, 4) != 0)
		return; /* unsolicited: RFC6455:5.5.3 */
	ws->pong_at = TULLE_TIME_NEVER;
	ws->ping_at = tulle_time_add(ws->now, ws->config.ping_us);
}

static void finish_control(tulle_signal_ws *ws)
{
	size_t n = (size_t)ws->frame_have;
	if (ws->frame.op == TULLE_SIGNAL_OP_CLOSE) {
		take_close(ws);
	} else if (ws->frame.op == TULLE_SIGNAL_OP_PONG) {
		take_pong(ws);
	} else {
		memcpy(ws->pong, ws->control, n); /* the latest is enough: RFC6455:5.5.3 */
		ws->pong_len = (uint8_t)n;
		ws->pong_due = true;
	}
}

static void finish_data(tulle_signal_ws *ws)
{
	if (!ws->frame.fin)
		return;
	if (ws->op == TULLE_SIGNAL_OP_TEXT && ws->utf8 != 0) {
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_UTF8, TULLE_DROP_WEBSOCKET_UTF8,
			"a text ends inside a character");
		return;
	}
	if (ws->state == WS_OPEN)
		ws->marks |= MARK_DATA;
	else
		ws->op = 0;
}

/* While we close, messages are read past and not kept: RFC6455:5.5.1. */
static void keep_data(tulle_signal_ws *ws, const uint8_t *data, size_t n)
{
	if (ws->state != WS_OPEN || n == 0)
		return;
	uint8_t *room = tulle_signal_buffer_room(ws, &ws->in, n, ws->config.message_bytes_max);
	if (room == NULL) {
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_TRY_LATER, TULLE_DROP_NO_ROOM,
			"there is no memory for this message");
		return;
	}
	memcpy(room, data, n);
	tulle_signal_mask(room, n, ws->frame.mask, (size_t)(ws->frame_have & 3));
	ws->in.end += n;
	/* RFC6455:8.1: at the first wrong byte, not at the end */
	if (ws->op == TULLE_SIGNAL_OP_TEXT && !tulle_text_utf8_more(&ws->utf8, room, n))
		tulle_signal_ws_fail(ws, TULLE_SIGNAL_CLOSE_UTF8, TULLE_DROP_WEBSOCKET_UTF8,
			"a text is not UTF-8");
}

static size_t take_payload(tulle_signal_ws *ws, const uint8_t *data, size_t len)
{
	uint64_t left = ws->frame.len - ws->frame_have;
	size_t n = left < len ? (size_t)left : len;
	bool control = tulle_signal_is_control(ws->frame.op);
	if (control && n != 0) {
		uint8_t *at = ws->control + ws->frame_have;
		memcpy(at, data, n);
		tulle_signal_mask(at, n, ws->frame.mask, (size_t)(ws->frame_have & 3));
	} else {
		keep_data(ws, data, n);
	}
	ws->frame_have += n;
	if (ws->frame_have == ws->frame.len && ws->state < WS_CLOSED) {
		ws->in_frame = false;
		if (control)
			finish_control(ws);
		else
			finish_data(ws);
	}
	return n;
}

/* An event that must be taken before more is read. */
static bool is_held(const tulle_signal_ws *ws)
{
	return ws->state == WS_REQUESTED || (ws->marks & MARK_DATA) != 0;
}

TULLE_UNTRUSTED(anyone, "frame_bytes_max, message_bytes_max, fragments_max", websocket)
size_t tulle_signal_ws_take(tulle_signal_ws *ws, const uint8_t *data, size_t len)
{
	size_t used = 0;
	while (used < len && !is_held(ws)) {
		if (ws->state >= WS_CLOSED || ws->state == WS_ANSWERING)
			return len; /* read past: RFC6455:5.5.1 */
		if (ws->state == WS_HEAD)
			used += take_head(ws, data + used, len - used);
		else if (!ws->in_frame)
			used += take_frame_head(ws, data + used, len - used);
		else
			used += take_payload(ws, data + used, len - used);
		/* a frame without payload is whole with its head */
		if (ws->in_frame && ws->frame.len == ws->frame_have && ws->state < WS_CLOSED)
			(void)take_payload(ws, NULL, 0);
	}
	return used;
}
