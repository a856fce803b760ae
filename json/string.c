/* SPDX-License-Identifier: MIT */
/* json: strings decoded to UTF-8 and written from it, and small numbers: RFC8259:7, RFC8259:6. */
#include "base/panic.h"
#include "json/scan.h"

/* One character of a string's inside, as UTF-8. */
typedef struct {
	uint8_t bytes[4], len; /* len 0: a lone surrogate */
} unit;

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		uint32_t c = (unsigned char)p[i];
		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static unit unit_of(uint32_t c)
{
	if (c < 0x80)
		return (unit){{(uint8_t)c}, 1};
	uint8_t last = (uint8_t)(0x80 | (c & 63)), next = (uint8_t)(0x80 | (c >> 6 & 63));
	if (c < 0x800)
		return (unit){{(uint8_t)(0xc0 | c >> 6), last}, 2};
	if (c < 0x10000)
		return (unit){{(uint8_t)(0xe0 | c >> 12), next, last}, 3};
	return (unit){{(uint8_t)(0xf0 | c >> 18), (uint8_t)(0x80 | (c >> 12 & 63)), next, last}, 4};
}

/* \uXXXX at the start of *inside, a pair of them for what is above U+FFFF. */
static unit take_unicode(tulle_text *inside)
{
	uint32_t c = hex4(inside->ptr + 2), low = 0;
	*inside = (tulle_text){inside->ptr + 6, inside->len - 6};
	if (c < 0xd800 || c > 0xdfff)
		return unit_of(c);
	if (c < 0xdc00 && inside->len >= 6 && inside->ptr[0] == '\\' && inside->ptr[1] == 'u')
		low = hex4(inside->ptr + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return (unit){{0}, 0}; /* RFC8259:8.2 */
	*inside = (tulle_text){inside->ptr + 6, inside->len - 6};
	return unit_of(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

static unit take_unit(tulle_text *inside)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = inside->ptr[0];
	if (c == '\\' && inside->ptr[1] == 'u')
		return take_unicode(inside);
	size_t n = c == '\\' ? 2 : 1;
	if (c == '\\') {
		c = inside->ptr[1];
		const char *at = memchr(from, c, sizeof from - 1);
		c = at != NULL ? to[at - from] : c;
	}
	*inside = (tulle_text){inside->ptr + n, inside->len - n};
	return (unit){{(uint8_t)c}, 1}; /* UTF-8 passes byte by byte */
}

/* What stands between the quotes of a value that is a string, checked. */
static bool inside_of(tulle_text value, tulle_text *inside)
{
	tulle_text whole;
	if (!tulle_json_read(value, &whole) || tulle_json_kind_of(whole) != TULLE_JSON_STRING)
		return false;
	*inside = (tulle_text){whole.ptr + 1, whole.len - 2};
	return true;
}

TULLE_UNTRUSTED(anyone, "linear", json)
tulle_err tulle_json_decode(tulle_text value, char *dst, size_t cap, size_t *len)
{
	tulle_text inside;
	size_t n = 0;
	*len = 0;
	if (!inside_of(value, &inside))
		return TULLE_ERR_SYNTAX;
	while (inside.len != 0) {
		unit u = take_unit(&inside);
		if (u.len == 0)
			return TULLE_ERR_ARGUMENT;
		for (size_t i = 0; i < u.len; i++, n++)
			if (n < cap)
				dst[n] = (char)u.bytes[i];
	}
	*len = n;
	return n <= cap ? TULLE_OK : TULLE_ERR_TOO_SMALL;
}

TULLE_UNTRUSTED(anyone, "linear", json)
bool tulle_json_string_is(tulle_text value, tulle_text utf8)
{
	tulle_text inside;
	size_t n = 0;
	if (!inside_of(value, &inside))
		return false;
	while (inside.len != 0) {
		unit u = take_unit(&inside);
		if (u.len == 0 || utf8.len - n < u.len || memcmp(utf8.ptr + n, u.bytes, u.len) != 0)
			return false;
		n += u.len;
	}
	return n == utf8.len;
}

TULLE_UNTRUSTED(anyone, "linear", json)
bool tulle_json_u32(tulle_text value, uint32_t max, uint32_t *out)
{
	uint64_t v;
	if (value.len > 1 && value.ptr[0] == '0')
		return false;
	if (!tulle_text_u64(value, max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

/* The letter after the backslash for c, 'u' for other controls, 0 when c stands for itself. */
static char escape_of(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return c < 0x20 ? 'u' : '\0';
	}
}

static size_t plain_run(tulle_text t)
{
	size_t n = 0;
	while (n < t.len && escape_of((unsigned char)t.ptr[n]) == '\0')
		n++;
	return n;
}

void tulle_json_write_string(tulle_wr *w, tulle_text utf8)
{
	static const char digits[] = "0123456789abcdef";
	if (!tulle_text_is_utf8(utf8.ptr, utf8.len)) {
		w->bad = true;
		return;
	}
	tulle_wr_u8(w, '"');
	for (size_t n; utf8.len != 0;) {
		n = plain_run(utf8);
		tulle_wr_bytes(w, utf8.ptr, n);
		utf8 = (tulle_text){utf8.ptr + n, utf8.len - n};
		if (utf8.len == 0)
			break;
		unsigned char c = (unsigned char)utf8.ptr[0];
		char escape = escape_of(c);
		tulle_wr_u8(w, '\\');
		tulle_wr_u8(w, (uint8_t)escape);
		if (escape == 'u') {
			tulle_wr_cstr(w, c < 0x10 ? "000" : "001");
			tulle_wr_u8(w, (uint8_t)digits[c & 15]);
		}
		utf8 = (tulle_text){utf8.ptr + 1, utf8.len - 1};
	}
	tulle_wr_u8(w, '"');
}

size_t tulle_json_string_bytes(tulle_text utf8)
{
	size_t n = 2;
	for (size_t i = 0; i < utf8.len; i++) {
		char escape = escape_of((unsigned char)utf8.ptr[i]);
		n += escape == '\0' ? 1 : escape == 'u' ? 6 : 2;
	}
	return n;
}
