/* SPDX-License-Identifier: MIT */
/* dtls: what our layer reads in record and handshake headers before OpenSSL does. */
#ifndef TULLE_DTLS_RECORD_H
#define TULLE_DTLS_RECORD_H
#include "base/bytes.h"

typedef enum { DTLS_NEW, DTLS_SHAKING, DTLS_OPEN, DTLS_OVER } dtls_state;

typedef struct {
	bool server, open;      /* our role; whether the handshake is finished */
	uint32_t next_sequence; /* the highest message_seq seen, and one */
	uint32_t early;         /* epoch-1 records seen before the handshake was finished */
} dtls_guard;

/* Judges a whole datagram; only when it passes is *guard moved. */
tulle_drop tulle_dtls_read_datagram(dtls_guard *guard, const uint8_t *data, size_t len);
#endif
