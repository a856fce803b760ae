/* SPDX-License-Identifier: MIT */
/* json: RFC 8259, strict, without recursion, in linear time. Values are spans of the caller's text
 * and keep numbers as they were written. Invariant: one scanner decides what is JSON; every other
 * call stands on it, so none can disagree with tulle_json_check. All calls are safe on any bytes.
 */
#ifndef TULLE_JSON_JSON_H
#define TULLE_JSON_JSON_H
#include "base/text.h"
#include "json/limits.h"

typedef enum {
	TULLE_JSON_NONE, /* not a value */
	TULLE_JSON_NULL,
	TULLE_JSON_FALSE,
	TULLE_JSON_TRUE,
	TULLE_JSON_NUMBER,
	TULLE_JSON_STRING,
	TULLE_JSON_ARRAY,
	TULLE_JSON_OBJECT,
} tulle_json_kind;

/* Exactly one value with nothing but white space around it, strings well-formed UTF-8 and nested
 * at most TULLE_JSON_DEPTH_MAX deep: RFC8259:2. */
bool tulle_json_check(tulle_text text);
/* The same, and *value is the value without the white space around it. */
bool tulle_json_read(tulle_text text, tulle_text *value);
/* Of a value that was checked: told by its first byte. */
tulle_json_kind tulle_json_kind_of(tulle_text value);

/* Walks over one array or object, one level. `bad`: what was walked over is not JSON after all. */
typedef struct {
	tulle_text rest;
	bool object, first, bad, done;
} tulle_json_walk;

/* false: value does not begin with '[' ('{'), or not with the space before it trimmed. */
bool tulle_json_walk_array(tulle_json_walk *walk, tulle_text value);
bool tulle_json_walk_object(tulle_json_walk *walk, tulle_text value);
/* The next element, without white space around it; false: the end, or bad. */
bool tulle_json_next(tulle_json_walk *walk, tulle_text *value);
/* The next member; key is a string as written, with its quotes. */
bool tulle_json_next_member(tulle_json_walk *walk, tulle_text *key, tulle_text *value);
/* The member whose decoded key is `key`; of several the last, as browsers do (RFC8259:4). */
bool tulle_json_find(tulle_text object, tulle_text key, tulle_text *value);

/* Decodes a string, written with its quotes, into UTF-8; \u0000 becomes a zero byte.
 * *len: bytes of the result, also when TULLE_ERR_TOO_SMALL (never more than value.len).
 * TULLE_ERR_SYNTAX: not a string. TULLE_ERR_ARGUMENT: it has a lone surrogate, which UTF-8 cannot
 * carry; then *len is 0 and dst is undefined. */
tulle_err tulle_json_decode(tulle_text value, char *dst, size_t cap, size_t *len);
/* Does the string decode to exactly these bytes? */
bool tulle_json_string_is(tulle_text value, tulle_text utf8);
/* A number written as 0 or as digits without a leading zero, sign, fraction or exponent, at most
 * max. So 0.0, -0, 00 and 1e2 are false. */
bool tulle_json_u32(tulle_text value, uint32_t max, uint32_t *out);

/* A string with its quotes; escaped is only what RFC8259:7 asks for. Not UTF-8: w->bad. */
void tulle_json_write_string(tulle_wr *w, tulle_text utf8);
/* How many bytes that writes (quotes counted). */
size_t tulle_json_string_bytes(tulle_text utf8);
#endif
