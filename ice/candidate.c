/* SPDX-License-Identifier: MIT */
/* ice: the candidate grammar of RFC8839:5.1, read and written. Invariant: a candidate that was read
 * has every number within its range; what it cannot use it still reads whole. */
#include <tulle/ice.h>

#include "base/addr.h"
#include "base/panic.h"
#include "base/text.h"
#include "ice/limits.h"

static bool is_ice_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

static bool is_foundation(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!is_ice_char(t.ptr[i]))
			return false;
	return t.len >= 1 && t.len <= 32;
}

static bool is_visible(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((uint8_t)t.ptr[i] <= ' ' || t.ptr[i] == 0x7f)
			return false;
	return t.len != 0;
}

static bool read_number(tulle_text t, uint64_t least, uint64_t most, uint64_t *out)
{
	return t.len <= 10 && tulle_text_u64(t, most, out) && *out >= least;
}

static const struct {
	const char *name;
	tulle_ice_type type;
} types[] = {{"host", TULLE_ICE_HOST}, {"srflx", TULLE_ICE_SRFLX}, {"prflx", TULLE_ICE_PRFLX},
	{"relay", TULLE_ICE_RELAY}};

static tulle_ice_type find_type(tulle_text t)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (tulle_text_is(t, tulle_text_of(types[i].name)))
			return types[i].type;
	return (tulle_ice_type)0;
}

/* foundation component transport priority address port: the six that each candidate has */
static bool read_head(tulle_text *rest, tulle_ice_candidate *c)
{
	uint64_t component = 0, priority = 0, port = 0;
	c->foundation = tulle_text_split(rest, ' ');
	bool ok = is_foundation(c->foundation);
	ok = read_number(tulle_text_split(rest, ' '), 1, 256, &component) && ok;
	c->transport = tulle_text_split(rest, ' ');
	ok = is_visible(c->transport) && ok;
	ok = read_number(tulle_text_split(rest, ' '), 1, INT32_MAX, &priority) && ok;
	c->host = tulle_text_split(rest, ' ');
	ok = is_visible(c->host) && ok;
	ok = read_number(tulle_text_split(rest, ' '), 0, UINT16_MAX, &port) && ok;
	c->component = (uint16_t)component;
	c->priority = (uint32_t)priority;
	c->is_udp = tulle_text_is_nocase(c->transport, TULLE_TEXT("udp"));
	c->is_address = tulle_addr_read_ip(c->host, &c->addr);
	c->addr.port = (uint16_t)port;
	return ok;
}

/* raddr, rport and the pairs of name and value behind them: RFC8839:5.1 */
static bool read_extension(tulle_text name, tulle_text value, tulle_ice_candidate *c)
{
	if (!is_visible(name) || (value.len != 0 && !is_visible(value))) /* *VCHAR */
		return false;
	if (tulle_text_is(name, TULLE_TEXT("raddr"))) {
		uint16_t port = c->related.port;
		c->has_related = true;
		if (!tulle_addr_read_ip(value, &c->related))
			c->related = (tulle_addr){0};
		c->related.port = port;
		return is_visible(value);
	}
	if (tulle_text_is(name, TULLE_TEXT("rport"))) {
		uint64_t port;
		if (!read_number(value, 0, UINT16_MAX, &port))
			return false;
		c->related.port = (uint16_t)port;
	} else if (tulle_text_is(name, TULLE_TEXT("ufrag"))) {
		c->ufrag = value;
	} else if (tulle_text_is(name, TULLE_TEXT("tcptype"))) {
		c->tcptype = value;
	}
	return true;
}

static tulle_text without_prefix(tulle_text t, tulle_text prefix)
{
	if (tulle_text_starts(t, prefix))
		t = (tulle_text){t.ptr + prefix.len, t.len - prefix.len};
	return t;
}

static tulle_text without_line_end(tulle_text t)
{
	while (t.len != 0 && (t.ptr[t.len - 1] == '\r' || t.ptr[t.len - 1] == '\n'))
		t.len--;
	return tulle_text_trim(t);
}

/* RFC6544:4.5: every TCP candidate has one. */
static tulle_ice_tcp find_tcp(const tulle_ice_candidate *c)
{
	static const char *const names[] = {"", "active", "passive", "so"};
	if (!tulle_text_is_nocase(c->transport, TULLE_TEXT("tcp")))
		return (tulle_ice_tcp)0;
	for (unsigned i = TULLE_ICE_TCP_ACTIVE; i <= TULLE_ICE_TCP_SO; i++)
		if (tulle_text_is_nocase(c->tcptype, tulle_text_of(names[i])))
			return (tulle_ice_tcp)i;
	return (tulle_ice_tcp)0;
}

TULLE_UNTRUSTED(anyone, "1024 bytes, one pass", candidate)
tulle_drop tulle_ice_read_candidate(tulle_text text, tulle_ice_candidate *out)
{
	tulle_ice_candidate c = {0};
	if (text.len > ICE_CANDIDATE_TEXT_MAX)
		return TULLE_DROP_ICE_CANDIDATE;
	tulle_text rest = without_line_end(text);
	rest = without_prefix(rest, TULLE_TEXT("a="));
	rest = without_prefix(rest, TULLE_TEXT("candidate:"));
	if (!read_head(&rest, &c) ||
		!tulle_text_is(tulle_text_split(&rest, ' '), TULLE_TEXT("typ")))
		return TULLE_DROP_ICE_CANDIDATE;
	tulle_text type = tulle_text_split(&rest, ' ');
	if (!is_visible(type))
		return TULLE_DROP_ICE_CANDIDATE;
	c.type = find_type(type);
	while (rest.len != 0) {
		tulle_text name = tulle_text_split(&rest, ' '),
			   value = tulle_text_split(&rest, ' ');
		if (!read_extension(name, value, &c))
			return TULLE_DROP_ICE_CANDIDATE;
	}
	c.tcp = find_tcp(&c);
	*out = c;
	return TULLE_TAKEN;
}

static void write_related(tulle_wr *w, const tulle_ice_candidate *c)
{
	tulle_wr_cstr(w, " raddr ");
	if (c->related.family != 0)
		tulle_addr_write_ip(w, &c->related);
	else
		tulle_wr_cstr(w, "0.0.0.0");
	tulle_wr_cstr(w, " rport ");
	tulle_wr_u64_text(w, c->related.port);
}

static void write_type(tulle_wr *w, tulle_ice_type type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			tulle_wr_cstr(w, types[i].name);
}

size_t tulle_ice_write_candidate(const tulle_ice_candidate *c, char *dst, size_t cap)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_wr_cstr(&w, "candidate:");
	tulle_wr_text(&w, c->foundation);
	tulle_wr_u8(&w, ' ');
	tulle_wr_u64_text(&w, c->component);
	tulle_wr_u8(&w, ' ');
	tulle_wr_text(&w, c->transport);
	tulle_wr_u8(&w, ' ');
	tulle_wr_u64_text(&w, c->priority);
	tulle_wr_u8(&w, ' ');
	if (c->is_address)
		tulle_addr_write_ip(&w, &c->addr);
	else
		tulle_wr_text(&w, c->host);
	tulle_wr_u8(&w, ' ');
	tulle_wr_u64_text(&w, c->addr.port);
	tulle_wr_cstr(&w, " typ ");
	write_type(&w, c->type);
	if (c->has_related)
		write_related(&w, c);
	if (c->tcptype.len != 0) {
		tulle_wr_cstr(&w, " tcptype ");
		tulle_wr_text(&w, c->tcptype);
	}
	if (c->ufrag.len != 0) {
		tulle_wr_cstr(&w, " generation 0 ufrag ");
		tulle_wr_text(&w, c->ufrag);
	}
	return tulle_wr_finish(&w) ? w.len : 0;
}
