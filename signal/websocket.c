/* SPDX-License-Identifier: MIT */
/* signal: the life of one WebSocket connection: RFC6455:4, RFC6455:7. States only go forward, and
 * CLOSE is marked exactly once, by set_closed. */
#include "base/crypto.h"
#include "signal/ws.h"

#define BYTES_MAX (SIZE_MAX / 4)

static void set_defaults(tulle_signal_ws_config *c)
{
	if (c->frame_bytes_max == 0)
		c->frame_bytes_max = TULLE_SIGNAL_FRAME_BYTES;
	if (c->message_bytes_max == 0)
		c->message_bytes_max = TULLE_SIGNAL_MESSAGE_BYTES;
	if (c->fragments_max == 0)
		c->fragments_max = TULLE_SIGNAL_FRAGMENTS_MAX;
	if (c->send_bytes_max == 0)
		c->send_bytes_max = TULLE_SIGNAL_SEND_BYTES;
	if (c->handshake_us == 0)
		c->handshake_us = TULLE_SIGNAL_HANDSHAKE_US;
	if (c->ping_us == 0)
		c->ping_us = TULLE_SIGNAL_PING_US;
	if (c->pong_us == 0)
		c->pong_us = TULLE_SIGNAL_PONG_US;
	if (c->close_us == 0)
		c->close_us = TULLE_SIGNAL_CLOSE_US;
}

size_t tulle_signal_ws_memory_bytes(const tulle_signal_ws_config *config)
{
	const tulle_signal_ws_config *c = config;
	bool times = c->handshake_us >= 0 && c->ping_us >= 0 && c->pong_us >= 0 && c->close_us >= 0;
	bool sizes = c->frame_bytes_max <= BYTES_MAX && c->message_bytes_max <= BYTES_MAX &&
		     c->send_bytes_max <= BYTES_MAX &&
		     (c->send_bytes_max == 0 || c->send_bytes_max >= TULLE_SIGNAL_HEAD_MAX);
	bool calls = c->allocator.alloc != NULL && c->allocator.free != NULL;
	bool client = c->random.fill != NULL && c->authority.len != 0 && c->target.len != 0 &&
		      c->protocol.len <= TULLE_SIGNAL_PROTOCOL_MAX;
	return times && sizes && calls && (c->server || client) ? sizeof(tulle_signal_ws) : 0;
}

/* The bytes of a head go to the queue as if they were a frame: nothing enters before their end. */
static void commit_head(tulle_signal_ws *ws, size_t n)
{
	ws->out.end += n;
	ws->out_frame_left = ws->out.end - ws->out.start;
}

static bool queue_request(tulle_signal_ws *ws, const tulle_signal_ws_config *config)
{
	uint8_t nonce[16];
	tulle_wr w = tulle_wr_make(ws->key, sizeof ws->key);
	const tulle_random *r = &ws->config.random;
	if (!r->fill(r->user, nonce, sizeof nonce)) /* RFC6455:4.1 */
		return false;
	tulle_wr_base64(&w, nonce, sizeof nonce);
	size_t room = 512 + config->target.len + config->authority.len + config->origin.len;
	uint8_t *p = tulle_signal_buffer_room(ws, &ws->out, room, ws->config.send_bytes_max);
	if (p == NULL)
		return false;
	w = tulle_wr_make(p, room);
	const tulle_signal_upgrade upgrade = {
		config->authority, config->target, config->protocol, config->origin, ws->key};
	tulle_signal_write_request(&w, &upgrade);
	commit_head(ws, w.len);
	return tulle_wr_finish(&w);
}

tulle_signal_ws *tulle_signal_ws_init(
	void *memory, size_t memory_bytes, const tulle_signal_ws_config *config, tulle_time now)
{
	size_t need = tulle_signal_ws_memory_bytes(config);
	tulle_signal_ws *ws = memory;
	if (need == 0 || memory_bytes < need)
		return NULL;
	*ws = (tulle_signal_ws){.config = *config, .now = now};
	set_defaults(&ws->config);
	ws->config.authority = ws->config.target = ws->config.protocol = ws->config.origin =
		(tulle_text){"", 0};
	ws->ping_at = ws->pong_at = ws->close_at = TULLE_TIME_NEVER;
	ws->handshake_at = tulle_time_add(now, ws->config.handshake_us);
	if (config->server)
		return ws;
	ws->protocol_len = config->protocol.len;
	if (ws->protocol_len != 0)
		memcpy(ws->protocol, config->protocol.ptr, ws->protocol_len);
	if (queue_request(ws, config))
		return ws;
	tulle_signal_ws_wipe(ws);
	return NULL;
}

void tulle_signal_ws_wipe(tulle_signal_ws *ws)
{
	tulle_signal_buffer_clear(ws, &ws->in, true);
	tulle_signal_buffer_clear(ws, &ws->out, true);
	memset(ws, 0, sizeof *ws);
	ws->state = WS_ENDED;
}

void tulle_signal_ws_set_state(tulle_signal_ws *ws, tulle_signal_ws_state to)
{
	TULLE_CHECK(to > ws->state);
	ws->state = to;
	if (to >= WS_OPEN || to == WS_ANSWERING)
		ws->handshake_at = TULLE_TIME_NEVER;
	if (to >= WS_CLOSING) {
		ws->blocked = 0;
		if (!ws->in_shown && (ws->marks & (MARK_DATA | MARK_REQUEST)) == 0)
			tulle_signal_buffer_clear(ws, &ws->in, true);
	}
	if (to >= WS_CLOSED) {
		ws->ping_at = ws->pong_at = TULLE_TIME_NEVER;
		ws->close_at = tulle_time_add(ws->now, ws->config.close_us);
	}
	if (to == WS_ENDED) {
		ws->close_at = TULLE_TIME_NEVER;
		ws->out_frame_left = 0;
		ws->small_len = ws->small_at = 0;
		ws->body.len = 0;
		ws->close_due = false;
		tulle_signal_buffer_clear(ws, &ws->out, true);
	}
}

void tulle_signal_ws_start_open(tulle_signal_ws *ws)
{
	tulle_signal_ws_set_state(ws, WS_OPEN);
	ws->marks |= MARK_OPEN;
	ws->ping_at = tulle_time_add(ws->now, ws->config.ping_us);
}

void tulle_signal_ws_set_closed(tulle_signal_ws *ws, uint16_t code, bool clean, tulle_text reason)
{
	ws->code = code;
	ws->clean = clean;
	ws->reason = reason;
	ws->marks = (ws->marks | MARK_CLOSE) & ~(unsigned)MARK_WRITABLE;
}

/* The last of a connection that has nothing more to say. */
static void end_now(tulle_signal_ws *ws, bool local, const char *reason)
{
	if (ws->state == WS_ENDED)
		return;
	if (ws->state < WS_CLOSED) {
		ws->local = ws->local || local;
		tulle_signal_ws_set_closed(
			ws, TULLE_SIGNAL_CLOSE_ABNORMAL, false, tulle_text_of(reason));
	}
	tulle_signal_ws_set_state(ws, WS_ENDED);
}

void tulle_signal_ws_fail(tulle_signal_ws *ws, uint16_t code, tulle_drop why, const char *reason)
{
	if (ws->state >= WS_CLOSED)
		return;
	ws->why = why;
	if (ws->state < WS_OPEN || code == TULLE_SIGNAL_CLOSE_ABNORMAL) {
		end_now(ws, true, reason);
		return;
	}
	if (!ws->close_due && !ws->close_sent) {
		ws->close_out = code;
		ws->close_out_len = (uint8_t)tulle_min(strlen(reason), TULLE_SIGNAL_REASON_MAX);
		memcpy(ws->close_out_reason, reason, ws->close_out_len);
		ws->close_due = true;
	}
	ws->local = true;
	tulle_signal_ws_cut_queue(ws);
	tulle_signal_ws_set_closed(ws, code, false, tulle_text_of(reason));
	tulle_signal_ws_set_state(ws, WS_CLOSED);
}

static void set_now(tulle_signal_ws *ws, tulle_time now)
{
	ws->now = tulle_time_max(ws->now, now);
}

/* What an event lent is taken back. */
static void release(tulle_signal_ws *ws)
{
	if (!ws->in_shown || ws->state == WS_REQUESTED)
		return;
	ws->in_shown = false;
	ws->op = 0;
	tulle_signal_buffer_clear(ws, &ws->in, ws->state != WS_OPEN);
}

tulle_err tulle_signal_ws_accept(tulle_signal_ws *ws, tulle_time now, tulle_text protocol)
{
	set_now(ws, now);
	if (ws->state != WS_REQUESTED || (ws->marks & MARK_REQUEST) != 0)
		return TULLE_ERR_STATE;
	if (!ws->request.upgrade)
		return TULLE_ERR_ARGUMENT;
	size_t room = 256 + protocol.len;
	uint8_t *p = tulle_signal_buffer_room(ws, &ws->out, room, ws->config.send_bytes_max);
	if (p == NULL)
		return TULLE_ERR_MEMORY;
	tulle_wr w = tulle_wr_make(p, room);
	tulle_signal_write_accept(&w, ws->request.key, protocol);
	if (!tulle_wr_finish(&w))
		return TULLE_ERR_ARGUMENT;
	commit_head(ws, w.len);
	tulle_signal_ws_start_open(ws);
	return TULLE_OK;
}

tulle_err tulle_signal_ws_respond(tulle_signal_ws *ws, tulle_time now, uint16_t status,
	tulle_text type, tulle_bytes body, bool head_only)
{
	set_now(ws, now);
	if (ws->state != WS_REQUESTED || (ws->marks & MARK_REQUEST) != 0)
		return TULLE_ERR_STATE;
	size_t room = 512 + type.len;
	uint8_t *p = tulle_signal_buffer_room(ws, &ws->out, room, ws->config.send_bytes_max);
	if (p == NULL)
		return TULLE_ERR_MEMORY;
	tulle_wr w = tulle_wr_make(p, room);
	tulle_signal_write_answer(&w, status, type, body.len);
	if (!tulle_wr_finish(&w))
		return TULLE_ERR_ARGUMENT;
	commit_head(ws, w.len);
	ws->body = head_only ? (tulle_bytes){NULL, 0} : body;
	tulle_signal_ws_set_state(ws, WS_ANSWERING);
	ws->handshake_at = tulle_time_add(ws->now, ws->config.handshake_us);
	return TULLE_OK;
}

tulle_err tulle_signal_ws_send(
	tulle_signal_ws *ws, tulle_time now, bool text, const void *data, size_t len)
{
	set_now(ws, now);
	if (ws->state != WS_OPEN)
		return TULLE_ERR_STATE;
	if (data == NULL && len != 0)
		return TULLE_ERR_ARGUMENT;
	if (text && len != 0 && !tulle_text_is_utf8(data, len))
		return TULLE_ERR_SYNTAX;
	return tulle_signal_ws_queue(ws, text, data, len);
}

tulle_err tulle_signal_ws_close(
	tulle_signal_ws *ws, tulle_time now, uint16_t code, tulle_text reason)
{
	set_now(ws, now);
	if (code == 0 ? reason.len != 0 : !tulle_signal_is_close_code(code))
		return TULLE_ERR_ARGUMENT;
	if (reason.len > TULLE_SIGNAL_REASON_MAX || !tulle_text_is_utf8(reason.ptr, reason.len))
		return TULLE_ERR_ARGUMENT;
	if (ws->state >= WS_CLOSING)
		return TULLE_ERR_STATE;
	ws->local = true;
	if (ws->state < WS_OPEN) {
		end_now(ws, true, "closed before it was open");
		return TULLE_OK;
	}
	ws->close_out = code;
	ws->close_out_len = (uint8_t)reason.len;
	if (reason.len != 0)
		memcpy(ws->close_out_reason, reason.ptr, reason.len);
	ws->close_due = true;
	tulle_signal_ws_set_state(ws, WS_CLOSING);
	return TULLE_OK;
}

void tulle_signal_ws_abort(
	tulle_signal_ws *ws, tulle_time now, uint16_t code, tulle_drop why, const char *reason)
{
	set_now(ws, now);
	tulle_signal_ws_fail(ws, code, why, reason);
}

size_t tulle_signal_ws_handle_bytes(
	tulle_signal_ws *ws, tulle_time now, const uint8_t *data, size_t len)
{
	set_now(ws, now);
	release(ws);
	return tulle_signal_ws_take(ws, data, len);
}

void tulle_signal_ws_handle_end(tulle_signal_ws *ws, tulle_time now)
{
	set_now(ws, now);
	release(ws);
	end_now(ws, false, "the stream ended"); /* RFC6455:7.1.5: 1006 when no close frame came */
}

void tulle_signal_ws_handle_timeout(tulle_signal_ws *ws, tulle_time now)
{
	set_now(ws, now);
	release(ws);
	if (tulle_time_due(ws->handshake_at, ws->now))
		end_now(ws, true, "the handshake took too long");
	if (tulle_time_due(ws->close_at, ws->now)) {
		if (ws->state == WS_CLOSING)
			tulle_signal_ws_set_closed(ws, ws->close_out, false,
				TULLE_TEXT("the close frame was not answered"));
		if (ws->state == WS_CLOSING)
			tulle_signal_ws_set_state(ws, WS_CLOSED);
		end_now(ws, true, "");
	}
	if (tulle_time_due(ws->pong_at, ws->now)) {
		if ((ws->marks & MARK_DATA) !=
			0) /* it may lie behind what the caller has not taken */
			ws->pong_at = tulle_time_add(ws->now, ws->config.pong_us);
		else
			end_now(ws, true, "no pong came");
	}
	if (tulle_time_due(ws->ping_at, ws->now)) {
		ws->ping_at = TULLE_TIME_NEVER;
		ws->ping_due = true;
		ws->ping_count++;
		ws->pong_at = tulle_time_add(ws->now, ws->config.pong_us);
	}
}

size_t tulle_signal_ws_poll_bytes(tulle_signal_ws *ws, tulle_time now, uint8_t *dst, size_t cap)
{
	set_now(ws, now);
	size_t n = tulle_signal_ws_emit(ws, dst, cap);
	if (ws->state == WS_ANSWERING) {
		if (n != 0)
			ws->handshake_at = tulle_time_add(ws->now, ws->config.handshake_us);
		if (tulle_signal_ws_is_drained(ws)) {
			ws->local = true;
			tulle_signal_ws_set_closed(ws, TULLE_SIGNAL_CLOSE_ABNORMAL, false,
				TULLE_TEXT("answered without a WebSocket"));
			tulle_signal_ws_set_state(ws, WS_CLOSED);
		}
	}
	return n;
}

tulle_time tulle_signal_ws_poll_timeout(const tulle_signal_ws *ws)
{
	return tulle_time_min(tulle_time_min(ws->handshake_at, ws->close_at),
		tulle_time_min(ws->ping_at, ws->pong_at));
}

static void show_data(tulle_signal_ws *ws, tulle_signal_ws_event *e)
{
	size_t n = ws->in.end - ws->in.start;
	ws->in_shown = true;
	e->kind = ws->op == TULLE_SIGNAL_OP_TEXT ? TULLE_SIGNAL_WS_MESSAGE : TULLE_SIGNAL_WS_BYTES;
	e->data = (tulle_bytes){n != 0 ? ws->in.p + ws->in.start : (const uint8_t *)"", n};
}

static void show_close(const tulle_signal_ws *ws, tulle_signal_ws_event *e)
{
	e->kind = TULLE_SIGNAL_WS_CLOSE;
	e->close.code = ws->code;
	e->close.clean = ws->clean;
	e->close.local = ws->local;
	e->close.http_status = ws->http_status != 101 ? ws->http_status : 0;
	e->close.why = ws->why;
	e->close.reason = ws->reason;
}

bool tulle_signal_ws_poll_event(tulle_signal_ws *ws, tulle_signal_ws_event *event)
{
	release(ws);
	*event = (tulle_signal_ws_event){0};
	unsigned mark = ws->marks & (0u - ws->marks); /* the lowest, in the order of the enum */
	ws->marks &= ~mark;
	switch (mark) {
	case MARK_REQUEST:
		ws->in_shown = true;
		event->kind = TULLE_SIGNAL_WS_REQUEST;
		event->request = &ws->request;
		return true;
	case MARK_OPEN:
		event->kind = TULLE_SIGNAL_WS_OPEN;
		return true;
	case MARK_DATA:
		show_data(ws, event);
		return true;
	case MARK_WRITABLE:
		event->kind = TULLE_SIGNAL_WS_WRITABLE;
		return true;
	case MARK_CLOSE:
		show_close(ws, event);
		return true;
	default:
		return false;
	}
}

void tulle_signal_ws_check(const tulle_signal_ws *ws)
{
	TULLE_CHECK(ws->in.start <= ws->in.end && ws->in.end <= ws->in.cap);
	TULLE_CHECK(ws->out.start <= ws->out.end && ws->out.end <= ws->out.cap);
	TULLE_CHECK(ws->state == WS_ENDED || ws->out.cap <= ws->config.send_bytes_max);
	TULLE_CHECK(ws->out_frame_left <= ws->out.end - ws->out.start);
	TULLE_CHECK(ws->small_at <= ws->small_len && ws->small_len <= sizeof ws->small);
	TULLE_CHECK(!(ws->close_sent && ws->close_due));
	TULLE_CHECK(ws->state != WS_ENDED || tulle_signal_ws_poll_timeout(ws) == TULLE_TIME_NEVER);
	TULLE_CHECK(!ws->in_frame || ws->frame_have <= ws->frame.len);
}

bool tulle_signal_ws_is_open(const tulle_signal_ws *ws)
{
	return ws->state == WS_OPEN;
}

bool tulle_signal_ws_wants_end(const tulle_signal_ws *ws)
{
	if (ws->state == WS_ENDED)
		return true;
	/* RFC6455:7.1.1: after a clean close the server ends the stream, the client waits for it */
	bool ends = ws->config.server || !ws->clean;
	return ws->state == WS_CLOSED && ends && tulle_signal_ws_is_drained(ws);
}

size_t tulle_signal_ws_buffered(const tulle_signal_ws *ws)
{
	return ws->out.end - ws->out.start + (size_t)(ws->small_len - ws->small_at);
}

size_t tulle_signal_ws_held(const tulle_signal_ws *ws)
{
	return ws->in.cap + ws->out.cap;
}
