/* SPDX-License-Identifier: MIT */
/* dtls: what our layer reads in record and handshake headers before OpenSSL does. */
#ifndef TULLE_DTLS_RECORD_H
#define TULLE_DTLS_RECORD_H
#include "base/bytes.h"

typedef enum { DTLS_NEW, DTLS_SHAKING, DTLS_OPEN, DTLS_OVER } dtls_state;

typedef struct {
	bool server, open;      /* our role; whether the handshake is finished */
	bool changed;           /* the peer's ChangeCipherSpec was taken */
	uint32_t next_sequence; /* the highest message_seq seen, and one */
	uint32_t early;         /* epoch-1 records that OpenSSL may keep until it is finished */
} dtls_guard;

/* Judges a whole datagram; only when it passes is *guard moved. */
tulle_drop tulle_dtls_read_datagram(dtls_guard *guard, const uint8_t *data, size_t len);
/* Bytes of the records of epoch 0 that it begins with. */
size_t tulle_dtls_cleartext_bytes(const uint8_t *data, size_t len);
#endif
