/* SPDX-License-Identifier: MIT */
/* base: text without a C library. Every loop runs over bytes it has counted. */
#include "base/text.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool tulle_text_is_nocase(tulle_text a, tulle_text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

ptrdiff_t tulle_text_find(tulle_text t, char c)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] == c)
			return (ptrdiff_t)i;
	return -1;
}

tulle_text tulle_text_split(tulle_text *rest, char mark)
{
	ptrdiff_t at = tulle_text_find(*rest, mark);
	size_t n = at < 0 ? rest->len : (size_t)at, used = at < 0 ? n : n + 1;
	tulle_text head = {rest->ptr, n};
	if (used != 0)
		*rest = (tulle_text){rest->ptr + used, rest->len - used};
	return head;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

tulle_text tulle_text_trim(tulle_text t)
{
	while (t.len > 0 && is_blank(t.ptr[0]))
		t = (tulle_text){t.ptr + 1, t.len - 1};
	while (t.len > 0 && is_blank(t.ptr[t.len - 1]))
		t.len--;
	return t;
}

bool tulle_text_u64(tulle_text t, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	if (t.len == 0)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] < '0' || t.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(t.ptr[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tulle_text_unhex(tulle_text t, bool colons, uint8_t *dst, size_t n)
{
	size_t step = colons ? 3 : 2;
	if (n == 0 || t.len != n * step - (colons ? 1 : 0))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *p = t.ptr + i * step;
		int high = hex_digit(p[0]), low = hex_digit(p[1]);
		if (high < 0 || low < 0 || (colons && i + 1 < n && p[2] != ':'))
			return false;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The state packs how many bytes are to come (bits 0-1) and which the next may be (low 8-15, high
 * 16-23). */
static uint32_t utf8_expect(uint32_t left, uint32_t low, uint32_t high)
{
	return left | low << 8 | high << 16;
}

static bool utf8_lead(uint32_t *state, uint8_t b)
{
	if (b < 0x80)
		*state = 0;
	else if (b >= 0xc2 && b <= 0xdf)
		*state = utf8_expect(1, 0x80, 0xbf);
	else if (b >= 0xe0 && b <= 0xef)
		*state = utf8_expect(2, b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf);
	else if (b >= 0xf0 && b <= 0xf4)
		*state = utf8_expect(3, b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf);
	else
		return false;
	return true;
}

bool tulle_text_utf8_more(uint32_t *state, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t left = *state & 3;
		if (left == 0) {
			if (!utf8_lead(state, data[i]))
				return false;
			continue;
		}
		if (data[i] < (*state >> 8 & 0xff) || data[i] > (*state >> 16 & 0xff))
			return false;
		*state = left == 1 ? 0 : utf8_expect(left - 1, 0x80, 0xbf);
	}
	return true;
}

bool tulle_text_is_utf8(const void *data, size_t len)
{
	uint32_t state = 0;
	return tulle_text_utf8_more(&state, data, len) && state == 0;
}

void tulle_wr_u64_text(tulle_wr *w, uint64_t v)
{
	char digits[20];
	size_t n = sizeof digits;
	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	tulle_wr_bytes(w, digits + n, sizeof digits - n);
}

void tulle_wr_hex(tulle_wr *w, const uint8_t *data, size_t n, bool colons)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < n; i++) {
		if (colons && i != 0)
			tulle_wr_u8(w, ':');
		tulle_wr_u8(w, (uint8_t)digits[data[i] >> 4]);
		tulle_wr_u8(w, (uint8_t)digits[data[i] & 15]);
	}
}

void tulle_wr_base64(tulle_wr *w, const uint8_t *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < n)
			v |= data[i + 2];
		tulle_wr_u8(w, (uint8_t)digits[v >> 18]);
		tulle_wr_u8(w, (uint8_t)digits[v >> 12 & 63]);
		tulle_wr_u8(w, (uint8_t)(i + 1 < n ? digits[v >> 6 & 63] : '='));
		tulle_wr_u8(w, (uint8_t)(i + 2 < n ? digits[v & 63] : '='));
	}
}

static uint32_t base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool tulle_text_base64(tulle_text t, uint8_t *dst, size_t cap, size_t *len)
{
	size_t n = 0;
	if (t.len % 4 != 0)
		return false;
	for (size_t i = 0; i < t.len; i += 4) {
		bool last = i + 4 == t.len;
		size_t pad = !last || t.ptr[i + 3] != '=' ? 0 : t.ptr[i + 2] != '=' ? 1 : 2;
		uint32_t v = 0;
		for (size_t k = 0; k < 4 - pad; k++) {
			uint32_t d = base64_digit(t.ptr[i + k]);
			if (d > 63)
				return false;
			v |= d << (18 - 6 * k);
		}
		if ((v & ((1u << 8 * pad) - 1)) != 0 || 3 - pad > cap - n)
			return false;
		for (size_t k = 0; k < 3 - pad; k++)
			dst[n++] = (uint8_t)(v >> (16 - 8 * k));
	}
	*len = n;
	return true;
}
