/* SPDX-License-Identifier: MIT */
/* signal: the state of one WebSocket connection, shared by the files that make it; for this room
 * only. recv.c reads frames, send.c queues and emits them, websocket.c is the lifecycle. */
#ifndef TULLE_SIGNAL_WS_H
#define TULLE_SIGNAL_WS_H
#include "base/panic.h"
#include "base/serial.h"
#include "signal/frame.h"
#include "signal/websocket.h"

typedef enum {
	WS_HEAD,      /* reading the other's HTTP head */
	WS_REQUESTED, /* server: the caller owes accept or respond */
	WS_ANSWERING, /* server: an HTTP answer is going out */
	WS_OPEN,
	WS_CLOSING, /* our close frame is on its way or waiting for theirs; frames are still read */
	WS_CLOSED,  /* nothing is read any more; what must go out goes out */
	WS_ENDED,   /* nothing goes out either */
} tulle_signal_ws_state;

typedef struct { /* bytes from the allocator: cap of them at p, in use from start to end */
	uint8_t *p;
	size_t cap, start, end;
} tulle_signal_buffer;

enum { /* events that are due, as marks */
	MARK_REQUEST = 1,
	MARK_OPEN = 2,
	MARK_DATA = 4,
	MARK_WRITABLE = 8,
	MARK_CLOSE = 16,
};

struct tulle_signal_ws {
	tulle_signal_ws_config config;
	tulle_signal_ws_state state;
	tulle_time now;
	unsigned marks;
	/* in */
	tulle_signal_buffer in; /* the head, later the message in the making */
	size_t head_seen;
	bool in_shown; /* in is lent to an event; given back at the next call that may */
	uint8_t frame_head[TULLE_SIGNAL_FRAME_HEAD_MAX], frame_head_have;
	bool in_frame; /* a frame's head is read, its payload not whole */
	tulle_signal_frame frame;
	uint64_t frame_have; /* payload bytes taken */
	uint8_t op;          /* of the message in the making; 0: none */
	uint32_t fragments, utf8;
	uint8_t control[TULLE_SIGNAL_CONTROL_MAX];
	/* out */
	tulle_signal_buffer out;
	size_t out_frame_left; /* bytes of the frame (or head) at out.start that are not polled */
	tulle_bytes body;      /* of an HTTP answer, what is left */
	uint8_t small[6 + TULLE_SIGNAL_CONTROL_MAX]; /* a control frame going out */
	uint8_t small_at, small_len;
	uint8_t pong[TULLE_SIGNAL_CONTROL_MAX], pong_len;
	bool pong_due, ping_due, close_due, close_sent;
	size_t blocked; /* bytes that send refused last; 0: none */
	uint32_t ping_count;
	/* timers */
	tulle_time handshake_at, ping_at, pong_at, close_at;
	/* the end */
	uint16_t close_out;    /* code of our close frame; 0: empty */
	uint8_t close_out_len; /* of its reason */
	char close_out_reason[TULLE_SIGNAL_REASON_MAX];
	bool local, clean;
	uint16_t code, http_status;
	tulle_drop why;
	tulle_text reason; /* static storage, or in control */
	/* handshake */
	char key[24], protocol[TULLE_SIGNAL_PROTOCOL_MAX];
	size_t protocol_len;
	tulle_signal_request request;
};

/* buffer.c */
/* Room for n bytes at p + end, the buffer at most max bytes; NULL: over max, or no memory. */
uint8_t *tulle_signal_buffer_room(
	tulle_signal_ws *ws, tulle_signal_buffer *b, size_t n, size_t max);
/* Empties it; big ones go back to the allocator, and all when `whole`. */
void tulle_signal_buffer_clear(tulle_signal_ws *ws, tulle_signal_buffer *b, bool whole);

/* websocket.c */
void tulle_signal_ws_set_state(tulle_signal_ws *ws, tulle_signal_ws_state to);
/* The end begins: CLOSE is marked with these. */
void tulle_signal_ws_set_closed(tulle_signal_ws *ws, uint16_t code, bool clean, tulle_text reason);
/* They broke a rule, or we cannot go on: RFC6455:7.1.7. */
void tulle_signal_ws_fail(tulle_signal_ws *ws, uint16_t code, tulle_drop why, const char *reason);
void tulle_signal_ws_start_open(tulle_signal_ws *ws);

/* recv.c */
size_t tulle_signal_ws_take(tulle_signal_ws *ws, const uint8_t *data, size_t len);

/* send.c */
tulle_err tulle_signal_ws_queue(tulle_signal_ws *ws, bool text, const uint8_t *data, size_t len);
/* Drops what is queued behind the frame that has begun. */
void tulle_signal_ws_cut_queue(tulle_signal_ws *ws);
size_t tulle_signal_ws_emit(tulle_signal_ws *ws, uint8_t *dst, size_t cap);
bool tulle_signal_ws_is_drained(const tulle_signal_ws *ws);
#endif
