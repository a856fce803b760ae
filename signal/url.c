/* SPDX-License-Identifier: MIT */
/* signal: reading and writing URLs: RFC3986:3, RFC6455:3. Every byte that is not one of the
 * grammar's is refused, so nothing of a URL can break out of a request line or a header. */
#include "signal/url.h"
#include "base/panic.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC3986:2.2, RFC3986:2.3: unreserved / sub-delims */
static bool is_name_char(char c)
{
	static const char marks[] = "-._~!$&'()*+,;=";
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return letter || is_digit(c) || (c != '\0' && memchr(marks, c, sizeof marks - 1) != NULL);
}

/* Only is_name_char, those of `more`, and whole percent triplets: RFC3986:2.1. */
static bool is_made_of(tulle_text t, tulle_text more)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];
		if (is_name_char(c) || (more.len != 0 && memchr(more.ptr, c, more.len) != NULL))
			continue;
		if (c != '%' || t.len - i < 3 || !is_hex(t.ptr[i + 1]) || !is_hex(t.ptr[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

static const struct {
	tulle_text name;
	bool tls, page;
	uint16_t port;
} schemes[] = {
	{{"ws://", 5}, false, false, 80},
	{{"wss://", 6}, true, false, 443},
	{{"http://", 7}, false, true, 80},
	{{"https://", 8}, true, true, 443},
};

static uint16_t default_port(const tulle_signal_url *url)
{
	return url->tls ? 443 : 80;
}

/* The scheme compares without case: RFC3986:3.1. */
static bool take_scheme(tulle_text *rest, tulle_signal_url *out)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		tulle_text name = schemes[i].name;
		if (rest->len < name.len ||
			!tulle_text_is_nocase((tulle_text){rest->ptr, name.len}, name))
			continue;
		out->tls = schemes[i].tls;
		out->page = schemes[i].page;
		out->port = schemes[i].port;
		*rest = (tulle_text){rest->ptr + name.len, rest->len - name.len};
		return true;
	}
	return false;
}

/* An empty port is the scheme's own (RFC3986:3.2.3); port 0 cannot be connected to. */
static bool read_port(tulle_text t, uint16_t *port)
{
	uint64_t v;
	if (t.len == 0)
		return true;
	if (t.len > 5 || !tulle_text_u64(t, 65535, &v) || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* "[...]" and what may follow it. Zones and future versions of IP are refused: RFC3986:3.2.2. */
static bool read_literal(tulle_text authority, tulle_signal_url *out)
{
	ptrdiff_t end = tulle_text_find(authority, ']');
	if (end < 0)
		return false;
	out->host = (tulle_text){authority.ptr + 1, (size_t)end - 1};
	tulle_text after = {authority.ptr + end + 1, authority.len - (size_t)end - 1};
	if (!tulle_addr_read_ip(out->host, &out->addr) || out->addr.family != 6)
		return false;
	if (after.len == 0)
		return true;
	return after.ptr[0] == ':' &&
	       read_port((tulle_text){after.ptr + 1, after.len - 1}, &out->port);
}

/* A name that ends in a number must be an IPv4 address, as browsers read it: else "1.2.3" and
 * "0x7f.1" would be names to us and addresses to a resolver. */
static bool is_number_last(tulle_text host)
{
	size_t n = host.len;
	if (n != 0 && host.ptr[n - 1] == '.')
		n--;
	size_t start = n;
	while (start > 0 && host.ptr[start - 1] != '.')
		start--;
	tulle_text last = {host.ptr + start, n - start};
	if (last.len > 1 && last.ptr[0] == '0' && (last.ptr[1] == 'x' || last.ptr[1] == 'X'))
		return true;
	for (size_t i = 0; i < last.len; i++)
		if (!is_digit(last.ptr[i]))
			return false;
	return last.len != 0;
}

static bool read_name(tulle_text authority, tulle_signal_url *out)
{
	tulle_text rest = authority;
	out->host = tulle_text_split(&rest, ':');
	bool port = out->host.len != authority.len;
	if (out->host.len == 0 || out->host.len > TULLE_SIGNAL_HOST_MAX)
		return false;
	if (port && !read_port(rest, &out->port))
		return false;
	for (size_t i = 0; i < out->host.len; i++)
		if (!is_name_char(out->host.ptr[i]))
			return false;
	if (!tulle_addr_read_ip(out->host, &out->addr)) {
		out->addr = (tulle_addr){0};
		return !is_number_last(out->host);
	}
	return out->addr.family == 4;
}

/* RFC6455:3 has no user information; a page's would only serve to deceive. */
static bool read_authority(tulle_text authority, tulle_signal_url *out)
{
	if (authority.len == 0 || tulle_text_find(authority, '@') >= 0)
		return false;
	return authority.ptr[0] == '[' ? read_literal(authority, out) : read_name(authority, out);
}

static size_t authority_bytes(tulle_text rest)
{
	size_t n = 0;
	while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?' && rest.ptr[n] != '#')
		n++;
	return n;
}

static bool read_target(tulle_text rest, tulle_signal_url *out)
{
	ptrdiff_t mark = tulle_text_find(rest, '#');
	if (mark >= 0 && !out->page)
		return false; /* RFC6455:3: fragments MUST NOT be used */
	if (mark >= 0) {
		tulle_text fragment = {rest.ptr + mark + 1, rest.len - (size_t)mark - 1};
		if (!is_made_of(fragment, TULLE_TEXT(":@/?")))
			return false;
		rest.len = (size_t)mark;
	}
	ptrdiff_t question = tulle_text_find(rest, '?');
	size_t path = question < 0 ? rest.len : (size_t)question;
	out->path = (tulle_text){rest.ptr, path};
	out->query = (tulle_text){rest.ptr + path, rest.len - path};
	return rest.len <= TULLE_SIGNAL_TARGET_MAX && is_made_of(out->path, TULLE_TEXT(":@/")) &&
	       is_made_of(out->query, TULLE_TEXT(":@/?"));
}

TULLE_UNTRUSTED(anyone, "TULLE_SIGNAL_URL_MAX", url)
tulle_err tulle_signal_read_url(tulle_text text, tulle_signal_url *out)
{
	tulle_signal_url url = {0};
	if (text.len > TULLE_SIGNAL_URL_MAX)
		return TULLE_ERR_TOO_LARGE;
	if (!take_scheme(&text, &url))
		return TULLE_ERR_SYNTAX;
	size_t n = authority_bytes(text);
	if (!read_authority((tulle_text){text.ptr, n}, &url))
		return TULLE_ERR_SYNTAX;
	if (!read_target((tulle_text){text.ptr + n, text.len - n}, &url))
		return TULLE_ERR_SYNTAX;
	if (url.addr.family != 0)
		url.addr.port = url.port;
	*out = url;
	return TULLE_OK;
}

void tulle_signal_write_authority(tulle_wr *w, const tulle_signal_url *url)
{
	bool brackets = url->addr.family == 6;
	if (brackets)
		tulle_wr_u8(w, '[');
	tulle_wr_text(w, url->host);
	if (brackets)
		tulle_wr_u8(w, ']');
	if (url->port != default_port(url)) {
		tulle_wr_u8(w, ':');
		tulle_wr_u64_text(w, url->port);
	}
}

void tulle_signal_write_target(tulle_wr *w, const tulle_signal_url *url)
{
	if (url->path.len == 0)
		tulle_wr_u8(w, '/');
	tulle_wr_text(w, url->path);
	tulle_wr_text(w, url->query);
}

void tulle_signal_write_url(tulle_wr *w, const tulle_signal_url *url)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (schemes[i].tls == url->tls && schemes[i].page == url->page)
			tulle_wr_text(w, schemes[i].name);
	tulle_signal_write_authority(w, url);
	tulle_signal_write_target(w, url);
}
