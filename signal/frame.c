/* SPDX-License-Identifier: MIT */
/* signal: the head of a WebSocket frame: RFC6455:5.2, RFC6455:5.3. */
#include "signal/frame.h"
#include "base/panic.h"
#include "signal/limits.h"

size_t tulle_signal_frame_head_bytes(const uint8_t *head, size_t have)
{
	if (have < 2)
		return 2;
	size_t length = head[1] & 0x7f;
	size_t n = length == 127 ? 10 : length == 126 ? 4 : 2;
	return n + ((head[1] & 0x80) != 0 ? 4 : 0);
}

static bool is_op(uint8_t op)
{
	return op <= TULLE_SIGNAL_OP_BINARY ||
	       (op >= TULLE_SIGNAL_OP_CLOSE && op <= TULLE_SIGNAL_OP_PONG);
}

/* The length in its shortest form (RFC6455:5.2), the top bit of 64 clear. */
static bool read_length(tulle_rd *r, uint8_t first, uint64_t *len)
{
	*len = first;
	if (first == 126) {
		*len = tulle_rd_u16(r);
		return *len >= 126;
	}
	if (first == 127) {
		*len = tulle_rd_u64(r);
		return *len > 0xffff && *len <= INT64_MAX;
	}
	return true;
}

TULLE_UNTRUSTED(anyone, "TULLE_SIGNAL_FRAME_HEAD_MAX", websocket)
bool tulle_signal_read_frame(const uint8_t *head, size_t len, tulle_signal_frame *out)
{
	tulle_rd r = tulle_rd_make(head, len);
	uint8_t a = tulle_rd_u8(&r), b = tulle_rd_u8(&r);
	tulle_signal_frame f = {(a & 0x80) != 0, (b & 0x80) != 0, a & 15, {0}, 0};
	if ((a & 0x70) != 0) /* no extension is ever negotiated */
		return false;
	if (!is_op(f.op) || !read_length(&r, b & 0x7f, &f.len))
		return false;
	if (f.masked) {
		tulle_bytes mask = tulle_rd_bytes(&r, 4);
		if (mask.len == 4)
			memcpy(f.mask, mask.ptr, 4);
	}
	/* RFC6455:5.5 */
	if (tulle_signal_is_control(f.op) && (!f.fin || f.len > TULLE_SIGNAL_CONTROL_MAX))
		return false;
	*out = f;
	return tulle_rd_finish(&r);
}

void tulle_signal_write_frame(tulle_wr *w, const tulle_signal_frame *frame)
{
	uint8_t masked = frame->masked ? 0x80 : 0;
	tulle_wr_u8(w, (uint8_t)((frame->fin ? 0x80 : 0) | frame->op));
	if (frame->len < 126) {
		tulle_wr_u8(w, (uint8_t)(masked | frame->len));
	} else if (frame->len <= 0xffff) {
		tulle_wr_u8(w, masked | 126);
		tulle_wr_u16(w, (uint16_t)frame->len);
	} else {
		tulle_wr_u8(w, masked | 127);
		tulle_wr_u64(w, frame->len);
	}
	if (frame->masked)
		tulle_wr_bytes(w, frame->mask, 4);
}

size_t tulle_signal_frame_bytes(bool masked, uint64_t len)
{
	return (masked ? 6 : 2) + (len < 126 ? 0u : len <= 0xffff ? 2u : 8u);
}

void tulle_signal_mask(uint8_t *data, size_t len, const uint8_t mask[4], size_t phase)
{
	uint8_t turned[8];
	uint64_t wide, word;
	for (size_t i = 0; i < 8; i++)
		turned[i] = mask[(phase + i) & 3];
	memcpy(&wide, turned, 8);
	for (; len >= 8; data += 8, len -= 8) {
		memcpy(&word, data, 8);
		word ^= wide;
		memcpy(data, &word, 8);
	}
	for (size_t i = 0; i < len; i++)
		data[i] ^= turned[i];
}

bool tulle_signal_is_close_code(uint16_t code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}
