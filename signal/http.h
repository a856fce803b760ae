/* SPDX-License-Identifier: MIT */
/* signal: heads of HTTP/1.1 messages (RFC 9112), as far as an upgrade (RFC6455:4) and a few static
 * pages need them. Invariant: a head is read whole or refused; what is refused names its status. */
#ifndef TULLE_SIGNAL_HTTP_H
#define TULLE_SIGNAL_HTTP_H
#include "base/text.h"
#include "signal/limits.h"

/* Bytes of the head at the start of data, its empty line counted; 0: more is needed. *seen is 0 at
 * first and kept by the caller between calls with more of the same data: linear time. */
size_t tulle_signal_find_head_end(const uint8_t *data, size_t len, size_t *seen);

typedef struct {                                 /* texts borrowed from the head */
	tulle_text method, target, host, origin; /* origin: "" when absent */
	tulle_text key;                          /* Sec-WebSocket-Key */
	tulle_text fields; /* all header lines, for tulle_signal_pick_protocol */
	uint16_t status;   /* 0: well-formed; else the answer: 400, 405, 414, 426, 431, 505 */
	const char *why;   /* one sentence for that answer */
	bool upgrade;      /* it asks for a WebSocket and may have one */
	bool body;         /* a body follows (Content-Length over 0, or Transfer-Encoding) */
} tulle_signal_request;

/* TULLE_DROP_HTTP_SYNTAX: *out still has status and why. */
tulle_drop tulle_signal_read_request(tulle_text head, tulle_signal_request *out);
/* The offered subprotocol that equals `name` without case, as it was offered (in any of the
 * request's Sec-WebSocket-Protocol lines); len 0: none. */
tulle_text tulle_signal_pick_protocol(const tulle_signal_request *request, tulle_text name);

typedef struct {
	tulle_text authority, target, protocol, origin; /* protocol and origin: "" for none */
	const char *key;                                /* 24 characters */
} tulle_signal_upgrade;

/* w->bad also when a text has a byte that could end a line: nothing can be injected. */
void tulle_signal_write_request(tulle_wr *w, const tulle_signal_upgrade *upgrade);

/* The client's verdict on a response head. *status: its code, 0 when it has none.
 * TULLE_DROP_HTTP_SYNTAX: not such a response, or not an acceptance of our upgrade; why says what.
 */
tulle_drop tulle_signal_read_response(tulle_text head, const char key[24], tulle_text protocol,
	uint16_t *status, const char **why);

/* 101 for key; protocol "" for none. */
void tulle_signal_write_accept(tulle_wr *w, tulle_text key, tulle_text protocol);
/* Any other status, with Connection: close; length bytes of type follow (or would, for HEAD). */
void tulle_signal_write_answer(tulle_wr *w, uint16_t status, tulle_text type, size_t length);
/* The 28 characters that answer key (24 characters); false: no SHA-1. */
bool tulle_signal_accept_key(tulle_text key, char out[28]);
#endif
