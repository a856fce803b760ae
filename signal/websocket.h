/* SPDX-License-Identifier: MIT */
/* signal: one WebSocket connection (RFC 6455), either role, over a byte stream; the shape of every
 * engine, with handle_bytes and poll_bytes in the place of datagrams.
 *
 *   in:   while (len) { n = handle_bytes(data, len); data += n; len -= n; while (poll_event(&e))
 * ... } out:  n = poll_bytes(dst, cap), until 0
 *
 * handle_bytes stops at each message, so an unread event holds the stream back: nothing is queued.
 * When the stream ends, handle_end; when wants_end says so and poll_bytes gives 0, end the stream.
 * Messages out are cut into frames of TULLE_SIGNAL_SEND_FRAME, so that a pong never waits long. */
#ifndef TULLE_SIGNAL_WEBSOCKET_H
#define TULLE_SIGNAL_WEBSOCKET_H
#include "signal/http.h"

typedef struct tulle_signal_ws tulle_signal_ws;

typedef enum { /* codes of RFC6455:7.4.1 that we send or report */
	TULLE_SIGNAL_CLOSE_NORMAL = 1000,
	TULLE_SIGNAL_CLOSE_GOING_AWAY = 1001,
	TULLE_SIGNAL_CLOSE_PROTOCOL = 1002,
	TULLE_SIGNAL_CLOSE_NO_CODE = 1005,  /* local only: their close frame was empty */
	TULLE_SIGNAL_CLOSE_ABNORMAL = 1006, /* local only: ended without a close frame */
	TULLE_SIGNAL_CLOSE_UTF8 = 1007,
	TULLE_SIGNAL_CLOSE_POLICY = 1008,
	TULLE_SIGNAL_CLOSE_TOO_LARGE = 1009,
	TULLE_SIGNAL_CLOSE_TRY_LATER = 1013,
} tulle_signal_close;

typedef struct { /* zero: (default) */
	bool server;
	/* client: what the request says; protocol is also what the answer must name. Copied. */
	tulle_text authority, target, protocol, origin;
	size_t frame_bytes_max,
		message_bytes_max; /* taken; more: closed with 1009 (64 KiB, 1 MiB) */
	uint32_t fragments_max;    /* frames of one message (1024) */
	size_t send_bytes_max;     /* taken and not yet polled (2 MiB) */
	tulle_time handshake_us, ping_us, pong_us, close_us; /* (10 s, 20 s, 10 s, 2 s) */
	tulle_random random;                                 /* client: keys and masks */
	tulle_allocator allocator; /* the message in the making, and the send queue; both bounded */
} tulle_signal_ws_config;

typedef enum {
	TULLE_SIGNAL_WS_REQUEST = 1, /* server: a request came whole; answer by accept or respond */
	TULLE_SIGNAL_WS_OPEN,
	TULLE_SIGNAL_WS_MESSAGE,  /* text, well-formed UTF-8 */
	TULLE_SIGNAL_WS_BYTES,    /* binary */
	TULLE_SIGNAL_WS_WRITABLE, /* after WOULD_BLOCK: there is room for what was refused */
	TULLE_SIGNAL_WS_CLOSE, /* exactly once, the last: no message comes and none can be sent */
} tulle_signal_ws_event_kind;

typedef struct { /* borrowed until the next poll_event, handle_* or wipe; sends leave it alone */
	tulle_signal_ws_event_kind kind;
	tulle_bytes data; /* MESSAGE, BYTES */
	const tulle_signal_request
		*request; /* REQUEST: status 0 or an error that respond may send */
	struct {
		uint16_t code; /* theirs, or the one we sent; 1005, 1006 when there is none */
		bool clean;    /* close frames went both ways */
		bool local;    /* we began it: close(), a broken rule, a timeout */
		uint16_t http_status; /* client, refused before open: theirs; else 0 */
		tulle_drop why;       /* which rule they broke; TULLE_TAKEN: none */
		tulle_text reason;    /* theirs, or a sentence of ours */
	} close;
} tulle_signal_ws_event;

size_t tulle_signal_ws_memory_bytes(const tulle_signal_ws_config *config); /* 0: out of range */
/* Aligned to max_align_t. NULL: too small, out of range, or (client) no randomness. The client's
 * request is ready to be polled at once; the stream must already be connected (and TLS verified).
 */
tulle_signal_ws *tulle_signal_ws_init(
	void *memory, size_t memory_bytes, const tulle_signal_ws_config *config, tulle_time now);
void tulle_signal_ws_wipe(tulle_signal_ws *ws); /* gives back what the allocator gave */

/* Server, after REQUEST. accept: request->upgrade must be true, protocol "" or one that was
 * offered; OPEN follows. respond: an HTTP answer, then the stream's end; body is borrowed until
 * wipe; head_only for HEAD; CLOSE follows once it is polled. */
tulle_err tulle_signal_ws_accept(tulle_signal_ws *ws, tulle_time now, tulle_text protocol);
tulle_err tulle_signal_ws_respond(tulle_signal_ws *ws, tulle_time now, uint16_t status,
	tulle_text type, tulle_bytes body, bool head_only);

/* One message, whole or not at all. TULLE_ERR_STATE: not open, or closing. TULLE_ERR_SYNTAX: text
 * that is not UTF-8. TULLE_ERR_TOO_LARGE: could never fit send_bytes_max. TULLE_WOULD_BLOCK:
 * WRITABLE follows. TULLE_ERR_MEMORY, TULLE_ERR_SYSTEM: allocator, randomness; nothing was sent. */
tulle_err tulle_signal_ws_send(
	tulle_signal_ws *ws, tulle_time now, bool text, const void *data, size_t len);
/* What was taken goes out first, then the close frame; CLOSE follows when they answered, or after
 * close_us. Before open: ends at once. code 0: none is sent. TULLE_ERR_ARGUMENT: a code that may
 * not be sent, a reason over 123 bytes or not UTF-8. TULLE_ERR_STATE: closing already. */
tulle_err tulle_signal_ws_close(
	tulle_signal_ws *ws, tulle_time now, uint16_t code, tulle_text reason);

/* The same without waiting: what is queued is dropped but for a frame that has begun; CLOSE follows
 * at once. For who reads too slowly or breaks a rule of the floor above; why is counted with it. */
void tulle_signal_ws_abort(
	tulle_signal_ws *ws, tulle_time now, uint16_t code, tulle_drop why, const char *reason);

/* How many bytes were taken; fewer than len only while an event waits for poll_event. */
size_t tulle_signal_ws_handle_bytes(
	tulle_signal_ws *ws, tulle_time now, const uint8_t *data, size_t len);
void tulle_signal_ws_handle_end(tulle_signal_ws *ws, tulle_time now); /* the stream ended */
void tulle_signal_ws_handle_timeout(tulle_signal_ws *ws, tulle_time now);
size_t tulle_signal_ws_poll_bytes(tulle_signal_ws *ws, tulle_time now, uint8_t *dst, size_t cap);
tulle_time tulle_signal_ws_poll_timeout(const tulle_signal_ws *ws);
bool tulle_signal_ws_poll_event(tulle_signal_ws *ws, tulle_signal_ws_event *event);
void tulle_signal_ws_check(const tulle_signal_ws *ws);

bool tulle_signal_ws_is_open(const tulle_signal_ws *ws);
/* Nothing more will be read, and after poll_bytes gave 0 nothing more be written. */
bool tulle_signal_ws_wants_end(const tulle_signal_ws *ws);
size_t tulle_signal_ws_buffered(const tulle_signal_ws *ws); /* bytes taken and not yet polled */
/* Bytes from the allocator that are held now. */
size_t tulle_signal_ws_held(const tulle_signal_ws *ws);
#endif
