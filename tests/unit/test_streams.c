/* SPDX-License-Identifier: MIT */
/* host: TCP and TLS streams of a member over 127.0.0.1, the only host test that needs a socket of
 * TCP. The other side is an onramp on the same host, or OpenSSL's own server in a thread. */
#include "base/text.h"
#include "host/host.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <tulle/onramp.h>
#include <unistd.h>

/* A member with one stream: asks, and notes what it is told. */
static struct {
	tulle_host_member member;
	tulle_out ask[4]; /* outputs to make, in order */
	size_t asked, ask_count;
	char text[65536];
	size_t text_len, room;
	bool opened, ended;
	tulle_err why, end_why;
	size_t resolved;
} m;

static void m_handle(void *self, tulle_time now, const tulle_in *in)
{
	(void)self, (void)now;
	ck_assert(!m.ended);
	if (in->kind == TULLE_IN_STREAM_OPEN) {
		m.opened = true;
		m.why = in->why;
		m.ended = in->why != TULLE_OK;
	} else if (in->kind == TULLE_IN_STREAM_ROOM) {
		ck_assert(m.opened);
		m.room += in->bytes;
	} else if (in->kind == TULLE_IN_STREAM_BYTES) {
		ck_assert_uint_lt(m.text_len + in->data.len, sizeof m.text);
		memcpy(m.text + m.text_len, in->data.ptr, in->data.len);
		m.text_len += in->data.len;
	} else if (in->kind == TULLE_IN_STREAM_END) {
		m.ended = true;
		m.end_why = in->why;
	} else if (in->kind == TULLE_IN_RESOLVED) {
		m.resolved = in->why == TULLE_OK ? in->addr_count : SIZE_MAX;
	}
}

static bool m_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	(void)self, (void)now, (void)bytes;
	if (m.asked == m.ask_count || (m.asked != 0 && !m.opened))
		return false;
	*out = m.ask[m.asked++];
	if (out->data.len != 0) {
		memcpy(scratch, out->data.ptr, out->data.len);
		out->data.ptr = scratch;
	}
	return true;
}

static tulle_time m_poll_timeout(const void *self)
{
	(void)self;
	return TULLE_TIME_NEVER;
}

static void m_nothing(void *self)
{
	(void)self;
}

static const tulle_host_kind m_kind = {.handle = m_handle,
	.poll = m_poll,
	.poll_timeout = m_poll_timeout,
	.dispatch = m_nothing,
	.destroy = m_nothing};

static tulle_host *make_host(const char *trust_file)
{
	const tulle_host_options options = {.trust_file = trust_file};
	tulle_host *host;
	ck_assert_int_eq(tulle_host_create(&options, &host), TULLE_OK);
	memset(&m, 0, sizeof m);
	m.member = (tulle_host_member){.kind = &m_kind, .self = &m};
	return host;
}

static void ask(tulle_out out)
{
	m.ask[m.ask_count++] = out;
}

static void ask_connect(const char *name, uint16_t port, bool tls)
{
	ask((tulle_out){.kind = TULLE_OUT_STREAM_CONNECT,
		.id = 7,
		.name = tulle_text_of(name),
		.port = port,
		.tls = tls});
}

static void ask_page(void)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	ask((tulle_out){.kind = TULLE_OUT_STREAM_BYTES,
		.id = 7,
		.data = {(const uint8_t *)request, sizeof request - 1}});
	ask((tulle_out){.kind = TULLE_OUT_STREAM_ROOM, .id = 7, .bytes = 60000});
}

static void run(tulle_host *host)
{
	ck_assert_int_eq(tulle_host_add(host, &m.member), TULLE_OK);
	for (int i = 0; i < 1000 && !m.ended && m.resolved == 0; i++)
		ck_assert_int_eq(tulle_host_step(host, 10), TULLE_OK);
}

static const tulle_onramp_file file = {
	{"/index.html", 11}, {"text/html", 9}, {(const uint8_t *)"the page", 8}};

static uint16_t add_onramp(tulle_host *host)
{
	const tulle_onramp_options options = {.files = &file, .file_count = 1};
	tulle_onramp *onramp;
	tulle_addr bound;
	ck_assert_int_eq(tulle_onramp_create(host, &options, &onramp), TULLE_OK);
	ck_assert_int_eq(tulle_onramp_listen(onramp, "127.0.0.1:0", &bound), TULLE_OK);
	ck_assert_uint_ne(bound.port, 0);
	return bound.port;
}

START_TEST(a_name_is_resolved_and_a_page_comes_whole)
{
	tulle_host *host = make_host(NULL);
	ask_connect("localhost", add_onramp(host), false);
	ask_page();
	run(host);
	ck_assert(m.opened && m.ended && m.why == TULLE_OK && m.end_why == TULLE_OK);
	ck_assert_uint_ge(m.room, 65536);
	m.text[m.text_len] = '\0';
	ck_assert(strncmp(m.text, "HTTP/1.1 200 OK\r\n", 17) == 0);
	ck_assert_str_eq(strstr(m.text, "\r\n\r\n") + 4, "the page");
	tulle_host_destroy(host);
}
END_TEST

START_TEST(nothing_is_delivered_beyond_the_room_given)
{
	tulle_host *host = make_host(NULL);
	ask_connect("127.0.0.1", add_onramp(host), false);
	ask_page();
	m.ask[2].bytes = 10;
	ck_assert_int_eq(tulle_host_add(host, &m.member), TULLE_OK);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(tulle_host_step(host, 1), TULLE_OK);
	ck_assert_uint_eq(m.text_len, 10);
	ck_assert(!m.ended);
	tulle_host_destroy(host); /* with the stream standing */
}
END_TEST

START_TEST(a_refused_connect_says_so)
{
	tulle_host *host = make_host(NULL);
	ask_connect("127.0.0.1", 1, false);
	run(host);
	ck_assert(m.opened && m.why == TULLE_ERR_SYSTEM);
	tulle_host_destroy(host);
}
END_TEST

START_TEST(a_taken_port_is_named_by_errno)
{
	tulle_host *host = make_host(NULL);
	tulle_onramp *onramp;
	tulle_addr bound;
	char again[32];
	snprintf(again, sizeof again, "127.0.0.1:%u", add_onramp(host));
	ck_assert_int_eq(tulle_onramp_create(host, NULL, &onramp), TULLE_OK);
	ck_assert_int_eq(tulle_onramp_listen(onramp, again, &bound), TULLE_ERR_SYSTEM);
	ck_assert_int_eq(errno, EADDRINUSE);
	static const char *const bad[] = {"", "h", "localhost:1", "127.0.0.1",
		"127.0.0.1:", "[::1]", "::1:80", "[127.0.0.1]:80", "127.0.0.1:65536",
		"127.0.0.1:-1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(tulle_onramp_listen(onramp, bad[i], &bound), TULLE_ERR_SYNTAX);
	tulle_host_destroy(host);
}
END_TEST

START_TEST(a_question_is_answered_and_destroy_never_waits)
{
	tulle_host *host = make_host(NULL);
	ask((tulle_out){.kind = TULLE_OUT_RESOLVE, .id = 3, .name = TULLE_TEXT("localhost")});
	run(host);
	ck_assert(m.resolved != 0 && m.resolved != SIZE_MAX);
	tulle_host_destroy(host);
	host = make_host(NULL);
	ask((tulle_out){.kind = TULLE_OUT_RESOLVE, .id = 3, .name = TULLE_TEXT("localhost")});
	ck_assert_int_eq(tulle_host_add(host, &m.member), TULLE_OK);
	ck_assert_int_eq(tulle_host_step(host, 0), TULLE_OK);
	tulle_host_destroy(host);
}
END_TEST

/* -- TLS -----------------------------------------------------------------------------------------
 */

static struct {
	int fd;
	uint16_t port;
	SSL_CTX *context;
	FILE *trust_file;
	char trust[64];
	pthread_t thread;
} server;

static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
	X509 *c = X509_new();
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_set_pubkey(c, key);
	X509_NAME *name = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
	X509_set_issuer_name(c, name);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	ck_assert_ptr_nonnull(e);
	X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
	ck_assert_int_gt(X509_sign(c, key, EVP_sha256()), 0);
	return c;
}

/* One connection: a request read, an answer written. */
static void *serve(void *user)
{
	char buf[1024];
	int fd = accept(server.fd, NULL, NULL);
	SSL *ssl = SSL_new(server.context);
	(void)user;
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, buf, sizeof buf) > 0) {
		(void)SSL_write(ssl, "over TLS", 8);
		(void)SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void start_server(const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key, names);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof at;
	server.context = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(server.context, certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server.context, key), 1);
	int file_fd = memfd_create("trust", 0);
	FILE *f = fdopen(file_fd, "w");
	ck_assert_int_eq(PEM_write_X509(f, certificate), 1);
	ck_assert_int_eq(fflush(f), 0);
	server.trust_file = f;
	snprintf(server.trust, sizeof server.trust, "/proc/self/fd/%d", file_fd);
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(listen(server.fd, 1), 0);
	ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&at, &n), 0);
	server.port = ntohs(at.sin_port);
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void stop_server(void)
{
	pthread_join(server.thread, NULL);
	close(server.fd);
	SSL_CTX_free(server.context);
	fclose(server.trust_file);
}

/* WS-013, ICE-156 RFC6125:6: the certificate's names, what is connected to, trusted or not, and the verdict.
 */
static const struct {
	const char *names, *connect;
	bool trusted, good;
} tls[] = {
	{"DNS:localhost", "localhost", true, true},
	{"IP:127.0.0.1", "127.0.0.1", true, true},
	{"DNS:localhost", "localhost", false, false},
	{"DNS:other.example", "localhost", true, false},
	{"DNS:127.0.0.1", "127.0.0.1", true, false},
	{"IP:127.0.0.2", "127.0.0.1", true, false},
};

START_TEST(tls_is_verified_before_a_byte_passes)
{
	start_server(tls[_i].names);
	tulle_host *host = make_host(tls[_i].trusted ? server.trust : NULL);
	ask_connect(tls[_i].connect, server.port, true);
	ask_page();
	run(host);
	ck_assert(m.opened && m.ended);
	ck_assert_int_eq(m.why, tls[_i].good ? TULLE_OK : TULLE_ERR_STATE);
	ck_assert_uint_eq(m.text_len, tls[_i].good ? 8 : 0);
	ck_assert(!tls[_i].good || memcmp(m.text, "over TLS", 8) == 0);
	tulle_host_destroy(host);
	stop_server();
}
END_TEST

Suite *suite_streams(void)
{
	Suite *suite = suite_create("streams");
	TCase *t = tcase_create("streams");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_name_is_resolved_and_a_page_comes_whole);
	tcase_add_test(t, nothing_is_delivered_beyond_the_room_given);
	tcase_add_test(t, a_refused_connect_says_so);
	tcase_add_test(t, a_taken_port_is_named_by_errno);
	tcase_add_test(t, a_question_is_answered_and_destroy_never_waits);
	tcase_add_loop_test(
		t, tls_is_verified_before_a_byte_passes, 0, (int)(sizeof tls / sizeof *tls));
	suite_add_tcase(suite, t);
	return suite;
}
