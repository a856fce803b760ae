/* SPDX-License-Identifier: MIT */
/* dtls: certificates, made once and shared. */
#include "dtls/certificate.h"

#include "dtls/limits.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

bool tulle_dtls_digest(const X509 *certificate, tulle_dtls_hash hash, tulle_dtls_fingerprint *out)
{
	const EVP_MD *md = hash == TULLE_DTLS_SHA256   ? EVP_sha256()
			   : hash == TULLE_DTLS_SHA384 ? EVP_sha384()
						       : EVP_sha512();
	unsigned len = 0;
	*out = (tulle_dtls_fingerprint){.hash = hash};
	if (X509_digest(certificate, md, out->bytes, &len) != 1 || len > sizeof out->bytes)
		return false;
	out->len = (uint8_t)len;
	return true;
}

static tulle_err finish(X509 *x509, EVP_PKEY *key, tulle_certificate **out)
{
	tulle_certificate *c = OPENSSL_zalloc(sizeof *c);
	if (c == NULL)
		return TULLE_ERR_MEMORY;
	atomic_init(&c->references, 1);
	c->context = SSL_CTX_new(DTLS_method());
	c->bio = tulle_dtls_make_bio();
	bool good = c->context != NULL && c->bio != NULL && tulle_dtls_set_context(c->context) &&
		    SSL_CTX_use_certificate(c->context, x509) == 1 &&
		    SSL_CTX_use_PrivateKey(c->context, key) == 1 &&
		    tulle_dtls_digest(x509, TULLE_DTLS_SHA256, &c->sha256);
	if (!good) {
		tulle_certificate_drop(c);
		return TULLE_ERR_SYSTEM;
	}
	*out = c;
	return TULLE_OK;
}

static bool set_dates(X509 *x509, int64_t unix_s)
{
	int64_t from = unix_s > 0 ? unix_s - 86400 : 946684800; /* 2000-01-01 */
	time_t start = (time_t)from;
	return X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, &start) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x509), DTLS_CERT_DAYS, 0, &start) != NULL;
}

/* A random serial number and common name: nothing in it tells two users apart or one user again. */
static bool set_names(X509 *x509)
{
	uint8_t random[16], name[17];
	if (RAND_bytes(random, sizeof random) != 1)
		return false;
	random[0] &= 0x7f;
	BIGNUM *serial = BN_bin2bn(random, sizeof random, NULL);
	bool good =
		serial != NULL && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL;
	BN_free(serial);
	if (!good || RAND_bytes(random, sizeof random) != 1)
		return false;
	for (size_t i = 0; i < 16; i++)
		name[i] = (uint8_t)('a' + random[i] % 26);
	name[16] = 0;
	X509_NAME *subject = X509_get_subject_name(x509);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, 16, -1, 0) == 1 &&
	       X509_set_issuer_name(x509, subject) == 1;
}

tulle_err tulle_certificate_create(int64_t unix_s, tulle_certificate **out)
{
	ERR_clear_error();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	tulle_err err = TULLE_ERR_SYSTEM;
	if (key != NULL && x509 != NULL && X509_set_version(x509, 2) == 1 && set_names(x509) &&
		set_dates(x509, unix_s) && X509_set_pubkey(x509, key) == 1 &&
		X509_sign(x509, key, EVP_sha256()) != 0)
		err = finish(x509, key, out);
	X509_free(x509);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}

static BIO *open_text(tulle_text t)
{
	return t.len == 0 || t.len > INT_MAX ? NULL : BIO_new_mem_buf(t.ptr, (int)t.len);
}

/* No passphrase is asked for on a terminal. */
static int no_passphrase(char *buf, int size, int writing, void *user)
{
	(void)buf, (void)size, (void)writing, (void)user;
	return -1;
}

tulle_err tulle_certificate_read(
	tulle_text certificate_pem, tulle_text key_pem, tulle_certificate **out)
{
	ERR_clear_error();
	BIO *a = open_text(certificate_pem), *b = open_text(key_pem);
	X509 *x509 = a != NULL ? PEM_read_bio_X509(a, NULL, no_passphrase, NULL) : NULL;
	EVP_PKEY *key = b != NULL ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;
	tulle_err err = TULLE_ERR_SYNTAX;
	if (x509 != NULL && key != NULL && X509_check_private_key(x509, key) == 1)
		err = finish(x509, key, out);
	X509_free(x509);
	EVP_PKEY_free(key);
	BIO_free(a);
	BIO_free(b);
	ERR_clear_error();
	return err;
}

tulle_certificate *tulle_certificate_take(tulle_certificate *certificate)
{
	atomic_fetch_add(&certificate->references, 1);
	return certificate;
}

void tulle_certificate_drop(tulle_certificate *certificate)
{
	if (certificate == NULL || atomic_fetch_sub(&certificate->references, 1) != 1)
		return;
	SSL_CTX_free(certificate->context);
	BIO_meth_free(certificate->bio);
	OPENSSL_free(certificate);
}

void tulle_certificate_fingerprint(
	const tulle_certificate *certificate, tulle_dtls_fingerprint *sha256)
{
	*sha256 = certificate->sha256;
}
