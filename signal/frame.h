/* SPDX-License-Identifier: MIT */
/* signal: the head of a WebSocket frame: RFC6455:5.2; for this room only. Syntax, no state. */
#ifndef TULLE_SIGNAL_FRAME_H
#define TULLE_SIGNAL_FRAME_H
#include "base/bytes.h"

#define TULLE_SIGNAL_FRAME_HEAD_MAX 14

typedef enum {
	TULLE_SIGNAL_OP_MORE = 0,
	TULLE_SIGNAL_OP_TEXT = 1,
	TULLE_SIGNAL_OP_BINARY = 2,
	TULLE_SIGNAL_OP_CLOSE = 8,
	TULLE_SIGNAL_OP_PING = 9,
	TULLE_SIGNAL_OP_PONG = 10,
} tulle_signal_op;

typedef struct {
	bool fin, masked;
	uint8_t op;
	uint8_t mask[4];
	uint64_t len; /* of the payload */
} tulle_signal_frame;

static inline bool tulle_signal_is_control(uint8_t op)
{
	return (op & 8) != 0;
}

/* Bytes of the head, told by its first `have` bytes: 2, until two are there. */
size_t tulle_signal_frame_head_bytes(const uint8_t *head, size_t have);
/* The whole head. false: reserved bits or opcode, a length not in its shortest form or over 63
 * bits, a control frame that is fragmented or longer than 125. */
bool tulle_signal_read_frame(const uint8_t *head, size_t len, tulle_signal_frame *out);
void tulle_signal_write_frame(tulle_wr *w, const tulle_signal_frame *frame);
/* Bytes that write_frame writes. */
size_t tulle_signal_frame_bytes(bool masked, uint64_t len);
/* XORs data with the mask as seen from `phase` bytes into the payload: RFC6455:5.3. */
void tulle_signal_mask(uint8_t *data, size_t len, const uint8_t mask[4], size_t phase);
/* May this close code stand in a frame? RFC6455:7.4; 1012 to 1014 are registered since. */
bool tulle_signal_is_close_code(uint16_t code);
#endif
