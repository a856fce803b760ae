/* SPDX-License-Identifier: MIT */
/* dtls: the state of one connection, for the files of this room alone. */
#ifndef TULLE_DTLS_ENGINE_H
#define TULLE_DTLS_ENGINE_H
#include "dtls/certificate.h"
#include "dtls/limits.h"
#include "dtls/record.h"

/* Datagrams in order in a bounded buffer; it starts anew when it runs empty. */
typedef struct {
	uint8_t *bytes;
	size_t bytes_max, used, head;
	uint16_t lengths[DTLS_FLIGHT_DATAGRAMS_MAX];
	uint8_t count, first, count_max;
	uint32_t number; /* how often it started anew */
} dtls_box;

struct tulle_dtls {
	dtls_state state;
	tulle_dtls_role role;
	tulle_dtls_config config;
	tulle_certificate *certificate;
	SSL *ssl;
	dtls_guard guard;
	tulle_dtls_fingerprint fingerprints[TULLE_DTLS_FINGERPRINTS_MAX];
	size_t fingerprint_count;
	uint8_t proven[32]; /* SHA-256 of the peer's certificate */
	bool verified, untrusted, idle, hold;
	uint8_t alert, starts;

	tulle_time now, timer, deadline, idle_at, rtt;
	tulle_time not_before; /* of the timer: OpenSSL's ran while ours was held */

	/* What the BIO sees: one datagram to read, one place to write, else the flight. */
	tulle_bytes input;
	uint8_t *direct;
	size_t direct_bytes, direct_len;
	dtls_box flight, held;
	uint8_t flight_bytes[DTLS_FLIGHT_BYTES], held_bytes[DTLS_HELD_BYTES];

	/* Marks: what poll_event has yet to say. */
	bool say_connected, say_closed;
	size_t plain_len; /* of the record that waits in config.plain; 0: none */
	bool more;        /* the datagram may hold a further record */
	tulle_dtls_closed why;
};

bool tulle_dtls_box_put(dtls_box *box, const uint8_t *data, size_t len);
tulle_bytes tulle_dtls_box_first(const dtls_box *box);
void tulle_dtls_box_pop(dtls_box *box);
bool tulle_dtls_box_at(const dtls_box *box, size_t i, tulle_bytes *out); /* polled ones too */
/* A new SSL for this role, its BIO in place; false: out of memory. */
bool tulle_dtls_make_ssl(tulle_dtls *dtls);
#endif
