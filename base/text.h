/* SPDX-License-Identifier: MIT */
/* base: text without a C library: comparing, numbers, hex, base64, UTF-8. */
#ifndef TULLE_BASE_TEXT_H
#define TULLE_BASE_TEXT_H
#include "base/bytes.h"

#define TULLE_TEXT(literal) ((tulle_text){literal, sizeof(literal) - 1})

static inline tulle_text tulle_text_of(const char *s)
{
	return (tulle_text){s, s != NULL ? strlen(s) : 0};
}

static inline bool tulle_text_is(tulle_text a, tulle_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool tulle_text_starts(tulle_text a, tulle_text prefix)
{
	return a.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* ASCII letters compare without case; other bytes exactly. */
bool tulle_text_is_nocase(tulle_text a, tulle_text b);
/* Takes up to the first `mark` out of *rest and returns it; the mark is consumed; all when absent.
 */
tulle_text tulle_text_split(tulle_text *rest, char mark);
/* Without spaces and tabs at both ends. */
tulle_text tulle_text_trim(tulle_text t);
/* Decimal digits only, all of t, at most max; else false and *out untouched. */
bool tulle_text_u64(tulle_text t, uint64_t max, uint64_t *out);
/* -1, or the place of the first c. */
ptrdiff_t tulle_text_find(tulle_text t, char c);
/* Two hex digits a byte, ':' between them when colons; false: other bytes, or not exactly n bytes.
 */
bool tulle_text_unhex(tulle_text t, bool colons, uint8_t *dst, size_t n);
/* Well-formed UTF-8 (RFC3629:4): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool tulle_text_is_utf8(const void *data, size_t len);

/* UTF-8 in pieces: state 0 at the start and at the end; false: ill-formed from here on. */
bool tulle_text_utf8_more(uint32_t *state, const uint8_t *data, size_t len);

void tulle_wr_u64_text(tulle_wr *w, uint64_t v);
/* Upper-case hex, with ':' between bytes when colons. */
void tulle_wr_hex(tulle_wr *w, const uint8_t *data, size_t n, bool colons);
/* RFC4648:4 with padding. */
void tulle_wr_base64(tulle_wr *w, const uint8_t *data, size_t n);
/* Likewise, at most cap bytes; false: other characters, no whole padding, bits of the last digit
 * that say nothing and are not 0 (RFC4648:3.5), or longer. */
bool tulle_text_base64(tulle_text t, uint8_t *dst, size_t cap, size_t *len);
#endif
