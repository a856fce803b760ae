/* SPDX-License-Identifier: MIT */
/* turn: stun:, stuns: (RFC7064:3.1) and turn:, turns: (RFC7065:3.1). */
#include "base/text.h"
#include "base/addr.h"
#include "base/panic.h"
#include "turn/limits.h"
#include <tulle/turn.h>

#define PORT_PLAIN 3478
#define PORT_TLS 5349

static bool read_scheme(tulle_text scheme, tulle_turn_uri *u)
{
	static const struct {
		const char *name;
		bool relay, tls;
	} rows[] = {{"stun", false, false}, {"stuns", false, true}, {"turn", true, false},
		{"turns", true, true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		/* RFC3986:3.1: a scheme has no case */
		if (!tulle_text_is_nocase(scheme, tulle_text_of(rows[i].name)))
			continue;
		u->relay = rows[i].relay;
		u->tls = u->tcp = rows[i].tls;
		u->port = u->tls ? PORT_TLS : PORT_PLAIN;
		return true;
	}
	return false;
}

/* RFC3986:3.2.2's reg-name without escapes: no name that resolves has any. */
static bool is_name(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '.' || c == '_' || c == '~'))
			return false;
	}
	return t.len != 0 && t.len <= TURN_HOST_MAX;
}

/* "[v6]" or a name or IPv4 off the front of *rest; what follows is "" or begins with ':'. */
static bool read_host(tulle_text *rest, tulle_turn_uri *u)
{
	bool literal = rest->len != 0 && rest->ptr[0] == '[';
	ptrdiff_t end = tulle_text_find(*rest, literal ? ']' : ':');
	if (literal && end < 0)
		return false;
	size_t n = end < 0 ? rest->len : (size_t)end;
	u->host = literal ? (tulle_text){rest->ptr + 1, n - 1} : (tulle_text){rest->ptr, n};
	n += literal;
	*rest = (tulle_text){rest->ptr + n, rest->len - n};
	u->is_address = tulle_addr_read_ip(u->host, &u->addr);
	if (literal)
		return u->is_address && u->addr.family == 6;
	return is_name(u->host);
}

static tulle_turn_uri_fault read_transport(tulle_text query, tulle_turn_uri *u)
{
	static const char key[] = "transport=";
	size_t n = sizeof key - 1;
	if (!u->relay || !tulle_text_starts(query, (tulle_text){key, n}))
		return TULLE_TURN_URI_QUERY;
	tulle_text value = {query.ptr + n, query.len - n};
	bool udp = tulle_text_is_nocase(value, TULLE_TEXT("udp"));
	if (!udp && !tulle_text_is_nocase(value, TULLE_TEXT("tcp")))
		return TULLE_TURN_URI_TRANSPORT;
	if (udp && u->tls)
		return TULLE_TURN_URI_UNSUPPORTED;
	u->tcp = !udp;
	return TULLE_TURN_URI_OK;
}

static tulle_turn_uri_fault read_uri(tulle_text text, tulle_turn_uri *u)
{
	uint64_t port;
	ptrdiff_t colon = tulle_text_find(text, ':');
	tulle_text rest = text;
	if (colon < 0 || !read_scheme(tulle_text_split(&rest, ':'), u))
		return TULLE_TURN_URI_SCHEME;
	bool has_query = tulle_text_find(rest, '?') >= 0;
	tulle_text authority = tulle_text_split(&rest, '?');
	if (text.len > TURN_URI_MAX || !read_host(&authority, u))
		return TULLE_TURN_URI_HOST;
	if (authority.len != 0 && authority.ptr[0] != ':')
		return TULLE_TURN_URI_HOST;
	if (authority.len > 1) { /* RFC3986:3.2.3: a port may be empty */
		tulle_text digits = {authority.ptr + 1, authority.len - 1};
		if (!tulle_text_u64(digits, 65535, &port) || port == 0)
			return TULLE_TURN_URI_PORT;
		u->port = (uint16_t)port;
	}
	u->addr.port = u->port;
	return has_query ? read_transport(rest, u) : TULLE_TURN_URI_OK;
}

TULLE_UNTRUSTED(client, "512 bytes", turn)
tulle_turn_uri_fault tulle_turn_read_uri(tulle_text text, tulle_turn_uri *out)
{
	*out = (tulle_turn_uri){0};
	return read_uri(text, out);
}

const char *tulle_turn_uri_fault_name(tulle_turn_uri_fault fault)
{
	switch (fault) {
	case TULLE_TURN_URI_OK:
		return "ok";
	case TULLE_TURN_URI_SCHEME:
		return "scheme";
	case TULLE_TURN_URI_HOST:
		return "host";
	case TULLE_TURN_URI_PORT:
		return "port";
	case TULLE_TURN_URI_QUERY:
		return "query";
	case TULLE_TURN_URI_TRANSPORT:
		return "transport";
	case TULLE_TURN_URI_UNSUPPORTED:
		return "unsupported";
	}
	return "unknown";
}
