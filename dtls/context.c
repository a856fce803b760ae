/* SPDX-License-Identifier: MIT */
/* dtls: what OpenSSL is told, once a context and once a connection. docs/CRYPTO.md lists it. */
#include "dtls/engine.h"

#include "base/crypto.h"
#include "base/serial.h"

#include <openssl/err.h>
#include <string.h>

#define CIPHERS                                                                                    \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SIGNATURES                                                                                 \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"     \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* RFC8122:5: of several hash functions the strongest decides; of its values any may match. */
static bool is_trusted(const tulle_dtls *d, const X509 *x509)
{
	tulle_dtls_fingerprint actual;
	tulle_dtls_hash best = TULLE_DTLS_SHA256;
	for (size_t i = 0; i < d->fingerprint_count; i++)
		if (d->fingerprints[i].hash > best)
			best = d->fingerprints[i].hash;
	if (!tulle_dtls_digest(x509, best, &actual))
		return false;
	bool match = false;
	for (size_t i = 0; i < d->fingerprint_count; i++) {
		const tulle_dtls_fingerprint *f = &d->fingerprints[i];
		if (f->hash == best && f->len == actual.len &&
			tulle_crypto_is_equal(f->bytes, actual.bytes, actual.len))
			match = true;
	}
	return match;
}

/* In the place of chain building and dates: RFC8842:5.1, the fingerprint is the whole proof. */
static int verify(X509_STORE_CTX *store, void *user)
{
	(void)user;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	tulle_dtls *d = SSL_get_app_data(ssl);
	const X509 *x509 = X509_STORE_CTX_get0_cert(store);
	tulle_dtls_fingerprint sha256;
	if (x509 != NULL && is_trusted(d, x509) &&
		tulle_dtls_digest(x509, TULLE_DTLS_SHA256, &sha256)) {
		memcpy(d->proven, sha256.bytes, sizeof d->proven);
		d->verified = true;
		return 1;
	}
	d->untrusted = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static void note_alert(const SSL *ssl, int where, int value)
{
	tulle_dtls *d = SSL_get_app_data(ssl);
	if ((where & SSL_CB_ALERT) != 0 && (value >> 8) == SSL3_AL_FATAL)
		d->alert = (uint8_t)(value & 0xff);
}

bool tulle_dtls_set_context(SSL_CTX *context)
{
	const uint64_t options = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_COMPRESSION | SSL_OP_NO_QUERY_MTU;
	SSL_CTX_set_options(context, options);
	SSL_CTX_set_security_level(context, 2);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(context, DTLS_CERT_LIST_BYTES_MAX);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, NULL);
	SSL_CTX_set_info_callback(context, note_alert);
	return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context, CIPHERS) == 1 &&
	       SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
	       SSL_CTX_set1_sigalgs_list(context, SIGNATURES) == 1 &&
	       SSL_CTX_set1_client_sigalgs_list(context, SIGNATURES) == 1;
}

/* The first wait, then each doubled: RFC6347:4.2.4.1 with the path's own round trip. */
static unsigned timer(SSL *ssl, unsigned previous_us)
{
	const tulle_dtls *d = SSL_get_app_data(ssl);
	tulle_time us = previous_us == 0 ? tulle_time_max(DTLS_TIMER_US_MIN, 2 * d->rtt)
					 : (tulle_time)previous_us * 2;
	us = tulle_time_max(us, DTLS_TIMER_US_FLOOR);
	return (unsigned)tulle_time_min(us, DTLS_TIMER_US_MAX);
}

bool tulle_dtls_make_ssl(tulle_dtls *d)
{
	ERR_clear_error();
	SSL *ssl = SSL_new(d->certificate->context);
	BIO *bio = BIO_new(d->certificate->bio);
	if (ssl == NULL || bio == NULL) {
		SSL_free(ssl);
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, d);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, d);
	SSL_set_mtu(ssl, d->config.mtu);
	SSL_set_max_send_fragment(ssl, d->config.data_mtu - DTLS_RECORD_OVERHEAD);
	DTLS_set_timer_cb(ssl, timer);
	if (d->role == TULLE_DTLS_CLIENT)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	SSL_free(d->ssl);
	d->ssl = ssl;
	d->idle = false;
	return true;
}
