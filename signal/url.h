/* SPDX-License-Identifier: MIT */
/* signal: URLs of WebSockets and pages: RFC6455:3, RFC3986:3. Reader only of what can be connected
 * to: an authority is required, user information refused. */
#ifndef TULLE_SIGNAL_URL_H
#define TULLE_SIGNAL_URL_H
#include "base/addr.h"
#include "base/text.h"
#include "signal/limits.h"

typedef struct {
	bool tls;         /* wss, https */
	bool page;        /* http, https */
	tulle_text host;  /* as written, without the brackets of an IPv6 literal */
	uint16_t port;    /* 80 or 443 when not written */
	tulle_text path;  /* as written; "" when absent, else begins with '/' */
	tulle_text query; /* with its '?', or "" */
	tulle_addr addr;  /* family 4 or 6 and the port when host is a literal; else family 0 */
} tulle_signal_url;

/* All of text. Texts in *out are borrowed from it. TULLE_ERR_SYNTAX: not such a URL (a fragment is
 * one in ws URLs and is cut off a page's); TULLE_ERR_TOO_LARGE: over TULLE_SIGNAL_URL_MAX. */
tulle_err tulle_signal_read_url(tulle_text text, tulle_signal_url *out);
/* What a Host header says: host, brackets where needed, ":port" unless it is the scheme's own. */
void tulle_signal_write_authority(tulle_wr *w, const tulle_signal_url *url);
/* What a request line says: path (never empty) and query. */
void tulle_signal_write_target(tulle_wr *w, const tulle_signal_url *url);
/* The whole URL, normal form: as read, but with a path. */
void tulle_signal_write_url(tulle_wr *w, const tulle_signal_url *url);
#endif
