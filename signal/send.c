/* SPDX-License-Identifier: MIT */
/* signal: what goes out: messages queued as whole frames, control frames between them: RFC6455:5.4.
 * Invariant: out_frame_left is 0 exactly at a frame's border, and only there a control frame
 * enters. */
#include "signal/ws.h"

static size_t out_bytes(const tulle_signal_ws *ws)
{
	return ws->out.end - ws->out.start;
}

static bool is_masking(const tulle_signal_ws *ws)
{
	return !ws->config.server;
}

/* RFC6455:5.3: a fresh key for each frame, from the caller's randomness. */
static bool make_mask(tulle_signal_ws *ws, uint8_t mask[4])
{
	const tulle_random *r = &ws->config.random;
	return !is_masking(ws) || r->fill(r->user, mask, 4);
}

static size_t queued_bytes(const tulle_signal_ws *ws, size_t len)
{
	size_t whole = len / TULLE_SIGNAL_SEND_FRAME, rest = len % TULLE_SIGNAL_SEND_FRAME;
	size_t n = tulle_sat_mul(
		whole, tulle_signal_frame_bytes(is_masking(ws), TULLE_SIGNAL_SEND_FRAME));
	if (rest != 0 || whole == 0)
		n = tulle_sat_add(n, tulle_signal_frame_bytes(is_masking(ws), rest));
	return tulle_sat_add(n, len);
}

static bool write_frames(
	tulle_signal_ws *ws, tulle_wr *w, bool text, const uint8_t *data, size_t len)
{
	tulle_signal_frame f = {.masked = is_masking(ws)};
	f.op = text ? TULLE_SIGNAL_OP_TEXT : TULLE_SIGNAL_OP_BINARY;
	do {
		size_t n = tulle_min(len, TULLE_SIGNAL_SEND_FRAME);
		f.fin = n == len;
		f.len = n;
		if (!make_mask(ws, f.mask))
			return false;
		tulle_signal_write_frame(w, &f);
		uint8_t *payload = tulle_wr_room(w, n);
		if (payload != NULL && n != 0) {
			memcpy(payload, data, n);
			if (f.masked)
				tulle_signal_mask(payload, n, f.mask, 0);
			data += n;
		}
		len -= n;
		f.op = TULLE_SIGNAL_OP_MORE;
	} while (len != 0);
	return tulle_wr_finish(w);
}

tulle_err tulle_signal_ws_queue(tulle_signal_ws *ws, bool text, const uint8_t *data, size_t len)
{
	size_t n = queued_bytes(ws, len), max = ws->config.send_bytes_max;
	if (n > max)
		return TULLE_ERR_TOO_LARGE;
	if (n > max - out_bytes(ws)) {
		ws->blocked = n;
		return TULLE_WOULD_BLOCK;
	}
	uint8_t *room = tulle_signal_buffer_room(ws, &ws->out, n, max);
	if (room == NULL)
		return TULLE_ERR_MEMORY;
	tulle_wr w = tulle_wr_make(room, n);
	if (!write_frames(ws, &w, text, data, len))
		return TULLE_ERR_SYSTEM;
	TULLE_CHECK(w.len == n);
	ws->out.end += n;
	return TULLE_OK;
}

void tulle_signal_ws_cut_queue(tulle_signal_ws *ws)
{
	ws->out.end = ws->out.start + ws->out_frame_left;
	if (ws->out_frame_left == 0)
		tulle_signal_buffer_clear(ws, &ws->out, false);
	ws->blocked = 0;
}

static bool write_control(tulle_signal_ws *ws, uint8_t op, const uint8_t *data, size_t len)
{
	tulle_signal_frame f = {.fin = true, .masked = is_masking(ws), .op = op, .len = len};
	tulle_wr w = tulle_wr_make(ws->small, sizeof ws->small);
	if (!make_mask(ws, f.mask)) {
		tulle_signal_ws_fail(
			ws, TULLE_SIGNAL_CLOSE_ABNORMAL, TULLE_TAKEN, "there is no randomness");
		return false;
	}
	tulle_signal_write_frame(&w, &f);
	uint8_t *payload = tulle_wr_room(&w, len);
	TULLE_CHECK(payload != NULL);
	if (len != 0)
		memcpy(payload, data, len);
	if (f.masked)
		tulle_signal_mask(payload, len, f.mask, 0);
	ws->small_at = 0;
	ws->small_len = (uint8_t)w.len;
	return true;
}

static bool write_close(tulle_signal_ws *ws)
{
	uint8_t body[TULLE_SIGNAL_CONTROL_MAX];
	tulle_wr w = tulle_wr_make(body, sizeof body);
	if (ws->close_out != 0) {
		tulle_wr_u16(&w, ws->close_out);
		tulle_wr_bytes(&w, ws->close_out_reason, ws->close_out_len);
	}
	ws->close_due = false;
	ws->close_sent = true;
	ws->close_at = tulle_time_add(ws->now, ws->config.close_us);
	return write_control(ws, TULLE_SIGNAL_OP_CLOSE, body, w.len);
}

static bool write_ping(tulle_signal_ws *ws)
{
	uint32_t n = ws->ping_count;
	const uint8_t data[4] = {
		(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	ws->ping_due = false;
	return write_control(ws, TULLE_SIGNAL_OP_PING, data, 4);
}

/* The next control frame, at a frame's border; nothing follows a close frame: RFC6455:5.5.1. */
static bool make_control(tulle_signal_ws *ws)
{
	if (ws->close_sent || ws->state < WS_OPEN)
		return false;
	if (ws->pong_due && ws->state < WS_CLOSED) {
		ws->pong_due = false;
		return write_control(ws, TULLE_SIGNAL_OP_PONG, ws->pong, ws->pong_len);
	}
	if (ws->ping_due && ws->state < WS_CLOSED)
		return write_ping(ws);
	return ws->close_due && out_bytes(ws) == 0 && write_close(ws);
}

static size_t emit_small(tulle_signal_ws *ws, uint8_t *dst, size_t cap)
{
	size_t n = tulle_min(cap, (size_t)(ws->small_len - ws->small_at));
	memcpy(dst, ws->small + ws->small_at, n);
	ws->small_at = (uint8_t)(ws->small_at + n);
	return n;
}

/* At a frame's border: how long is the frame that we queued there? */
static size_t next_frame_bytes(const tulle_signal_ws *ws)
{
	const uint8_t *p = ws->out.p + ws->out.start;
	tulle_signal_frame f;
	size_t have = out_bytes(ws), head = tulle_signal_frame_head_bytes(p, have);
	TULLE_CHECK(have >= head && tulle_signal_read_frame(p, head, &f));
	TULLE_CHECK(f.len <= have - head);
	return head + (size_t)f.len;
}

static size_t emit_queue(tulle_signal_ws *ws, uint8_t *dst, size_t cap)
{
	if (ws->out_frame_left == 0)
		ws->out_frame_left = next_frame_bytes(ws);
	size_t n = tulle_min(cap, ws->out_frame_left);
	memcpy(dst, ws->out.p + ws->out.start, n);
	ws->out.start += n;
	ws->out_frame_left -= n;
	if (out_bytes(ws) == 0)
		tulle_signal_buffer_clear(ws, &ws->out, false);
	return n;
}

static size_t emit_body(tulle_signal_ws *ws, uint8_t *dst, size_t cap)
{
	size_t n = tulle_min(cap, ws->body.len);
	memcpy(dst, ws->body.ptr, n);
	ws->body = (tulle_bytes){ws->body.ptr + n, ws->body.len - n};
	return n;
}

size_t tulle_signal_ws_emit(tulle_signal_ws *ws, uint8_t *dst, size_t cap)
{
	size_t n = 0;
	while (n < cap && ws->state != WS_ENDED) {
		if (ws->small_at < ws->small_len)
			n += emit_small(ws, dst + n, cap - n);
		else if (ws->out_frame_left == 0 && make_control(ws))
			continue;
		else if (ws->state == WS_ENDED)
			break;
		else if (out_bytes(ws) != 0)
			n += emit_queue(ws, dst + n, cap - n);
		else if (ws->body.len != 0)
			n += emit_body(ws, dst + n, cap - n);
		else
			break;
	}
	if (ws->blocked != 0 && ws->blocked <= ws->config.send_bytes_max - out_bytes(ws)) {
		ws->blocked = 0;
		ws->marks |= MARK_WRITABLE;
	}
	return n;
}

bool tulle_signal_ws_is_drained(const tulle_signal_ws *ws)
{
	return out_bytes(ws) == 0 && ws->body.len == 0 && ws->small_at == ws->small_len &&
	       !ws->close_due;
}
