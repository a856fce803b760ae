/* SPDX-License-Identifier: MIT */
/* host: TLS for our own connects (wss): at least 1.2, the chain and the name or address verified
 * before a byte passes. RFC6455:4.1, RFC6125:6 */
#include "host/stream.h"

#include "base/addr.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

static SSL_CTX *make_context(const tulle_host *host)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	const char *file = host->options.trust_file;
	if (c == NULL)
		return NULL;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				    SSL_MODE_RELEASE_BUFFERS);
	bool trust = file != NULL ? SSL_CTX_load_verify_locations(c, file, NULL) == 1
				  : SSL_CTX_set_default_verify_paths(c) == 1;
	if (trust && SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1)
		return c;
	SSL_CTX_free(c);
	return NULL;
}

/* The name is sent (SNI) and must be the certificate's; of an address there is no SNI: RFC6066:3.
 */
static bool set_identity(SSL *ssl, char *name)
{
	tulle_addr address;
	if (tulle_addr_read_ip(tulle_text_of(name), &address))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

/* -- the socket under TLS: OpenSSL's own would raise SIGPIPE --------------------------------------
 */

static int bio_write(BIO *bio, const char *data, int len)
{
	const stream *s = BIO_get_data(bio);
	ptrdiff_t n = send(s->watch.fd, data, (size_t)len, MSG_NOSIGNAL);
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *data, int len)
{
	const stream *s = BIO_get_data(bio);
	ptrdiff_t n = recv(s->watch.fd, data, (size_t)len, 0);
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *data)
{
	(void)bio, (void)number, (void)data;
	return command == BIO_CTRL_FLUSH;
}

static BIO *make_bio(stream *s)
{
	tulle_host_streams *t = s->host->streams;
	if (t->bio == NULL) {
		t->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tulle stream");
		if (t->bio == NULL || BIO_meth_set_write(t->bio, bio_write) != 1 ||
			BIO_meth_set_read(t->bio, bio_read) != 1 ||
			BIO_meth_set_ctrl(t->bio, bio_ctrl) != 1)
			return NULL;
	}
	BIO *bio = BIO_new(t->bio);
	if (bio != NULL) {
		BIO_set_data(bio, s);
		BIO_set_init(bio, 1);
	}
	return bio;
}

bool tulle_host_tls_start(stream *s)
{
	tulle_host_streams *t = s->host->streams;
	ERR_clear_error();
	if (t->tls == NULL)
		t->tls = make_context(s->host);
	s->ssl = t->tls != NULL ? SSL_new(t->tls) : NULL;
	if (s->ssl == NULL || s->name[0] == '\0' || !set_identity(s->ssl, s->name))
		return false;
	BIO *bio = make_bio(s);
	if (bio == NULL)
		return false;
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_connect_state(s->ssl);
	return true;
}

/* What SSL_get_error says, as errno; a clean end is 0. */
static ptrdiff_t judge(stream *s, int result)
{
	int error = SSL_get_error(s->ssl, result);
	s->tls_wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

int tulle_host_tls_shake(stream *s)
{
	ERR_clear_error();
	int result = SSL_do_handshake(s->ssl);
	if (result == 1)
		return SSL_get_verify_result(s->ssl) == X509_V_OK ? 1 : -1;
	return judge(s, result) < 0 && errno == EAGAIN ? 0 : -1;
}

ptrdiff_t tulle_host_tls_read(stream *s, uint8_t *dst, size_t cap)
{
	ERR_clear_error();
	int n = SSL_read(s->ssl, dst, cap > INT_MAX ? INT_MAX : (int)cap);
	return n > 0 ? n : judge(s, n);
}

ptrdiff_t tulle_host_tls_write(stream *s, const uint8_t *data, size_t len)
{
	ERR_clear_error();
	int n = SSL_write(s->ssl, data, len > INT_MAX ? INT_MAX : (int)len);
	return n > 0 ? n : judge(s, n);
}
