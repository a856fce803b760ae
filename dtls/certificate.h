/* SPDX-License-Identifier: MIT */
/* dtls: a certificate, its SSL_CTX, and what all connections of it share. For dtls/ alone. */
#ifndef TULLE_DTLS_CERTIFICATE_H
#define TULLE_DTLS_CERTIFICATE_H
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <tulle/dtls.h>

struct tulle_certificate {
	atomic_uint references;
	SSL_CTX *context;
	BIO_METHOD *bio;
	tulle_dtls_fingerprint sha256;
};

/* The digest over the DER of a certificate; false: OpenSSL refused. */
bool tulle_dtls_digest(const X509 *certificate, tulle_dtls_hash hash, tulle_dtls_fingerprint *out);
/* A BIO whose writes and reads are whole datagrams, see bio.c; NULL: out of memory. */
BIO_METHOD *tulle_dtls_make_bio(void);
/* Sets everything on a context that the connections of one certificate share. */
bool tulle_dtls_set_context(SSL_CTX *context);
#endif
