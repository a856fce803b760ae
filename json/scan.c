/* SPDX-License-Identifier: MIT */
/* json: the scanner of RFC 8259. It looks at each byte once and keeps one bit a level of nesting;
 * *rest only ever shrinks, so every loop ends. */
#include "json/scan.h"
#include "base/panic.h"

typedef struct {
	size_t depth;
	uint8_t object[TULLE_JSON_DEPTH_MAX / 8]; /* bit: this level is an object */
} nest;

typedef enum { BAD, WANT_VALUE, HAVE_VALUE } step;

static void advance(tulle_text *rest, size_t n)
{
	*rest = (tulle_text){rest->ptr + n, rest->len - n};
}

/* The next byte, or 0 at the end: no token of JSON begins with a zero byte. */
static char peek(const tulle_text *rest)
{
	return rest->len != 0 ? rest->ptr[0] : '\0';
}

void tulle_json_skip_space(tulle_text *rest)
{
	char c = peek(rest);
	while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
		advance(rest, 1);
		c = peek(rest);
	}
}

static bool take_char(tulle_text *rest, char c)
{
	if (c == '\0' || peek(rest) != c)
		return false;
	advance(rest, 1);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(tulle_text *rest)
{
	if (!is_digit(peek(rest)))
		return false;
	while (is_digit(peek(rest)))
		advance(rest, 1);
	return true;
}

/* RFC8259:6: no leading zeros, digits on both sides of the point. */
static bool take_number(tulle_text *rest)
{
	(void)take_char(rest, '-');
	if (!take_char(rest, '0') && !take_digits(rest))
		return false;
	if (take_char(rest, '.') && !take_digits(rest))
		return false;
	if (take_char(rest, 'e') || take_char(rest, 'E')) {
		if (!take_char(rest, '+'))
			(void)take_char(rest, '-');
		return take_digits(rest);
	}
	return true;
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* After the backslash. A lone surrogate is grammar (RFC8259:8.2): decoding reports it. */
static bool take_escape(tulle_text *rest)
{
	char c = peek(rest);
	if (c == 'u') {
		if (rest->len < 5)
			return false;
		for (size_t i = 1; i < 5; i++)
			if (!is_hex(rest->ptr[i]))
				return false;
		advance(rest, 5);
		return true;
	}
	static const char simple[] = "\"\\/bfnrt";
	if (c == '\0' || memchr(simple, c, sizeof simple - 1) == NULL)
		return false;
	advance(rest, 1);
	return true;
}

/* How many bytes at the start need no look of their own: ASCII but quotes, backslashes, controls.
 */
static size_t plain_run(const tulle_text *rest)
{
	size_t n = 0;
	while (n < rest->len) {
		unsigned char c = (unsigned char)rest->ptr[n];
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		n++;
	}
	return n;
}

static size_t high_run(const tulle_text *rest)
{
	size_t n = 0;
	while (n < rest->len && (unsigned char)rest->ptr[n] >= 0x80)
		n++;
	return n;
}

/* RFC8259:7, and RFC8259:8.1: UTF-8 or nothing. */
static bool take_string(tulle_text *rest)
{
	if (!take_char(rest, '"'))
		return false;
	for (;;) {
		advance(rest, plain_run(rest));
		size_t high = high_run(rest);
		if (high != 0 && !tulle_text_is_utf8(rest->ptr, high))
			return false;
		advance(rest, high);
		if (take_char(rest, '"'))
			return true;
		if (take_char(rest, '\\')) {
			if (!take_escape(rest))
				return false;
		} else if (high == 0) {
			return false; /* the end, or a control character */
		}
	}
}

static bool take_word(tulle_text *rest, tulle_text word)
{
	if (!tulle_text_starts(*rest, word))
		return false;
	advance(rest, word.len);
	return true;
}

static bool take_scalar(tulle_text *rest)
{
	switch (peek(rest)) {
	case '"':
		return take_string(rest);
	case 't':
		return take_word(rest, TULLE_TEXT("true"));
	case 'f':
		return take_word(rest, TULLE_TEXT("false"));
	case 'n':
		return take_word(rest, TULLE_TEXT("null"));
	default:
		return take_number(rest);
	}
}

static bool is_object(const nest *n)
{
	size_t level = n->depth - 1;
	return (n->object[level / 8] >> (level % 8) & 1) != 0;
}

static bool push(nest *n, bool object)
{
	if (n->depth == TULLE_JSON_DEPTH_MAX)
		return false;
	uint8_t bit = (uint8_t)(1u << (n->depth % 8));
	uint8_t *byte = &n->object[n->depth / 8];
	*byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
	n->depth++;
	return true;
}

static step take_key(tulle_text *rest)
{
	tulle_json_skip_space(rest);
	if (!take_string(rest))
		return BAD;
	tulle_json_skip_space(rest);
	return take_char(rest, ':') ? WANT_VALUE : BAD;
}

static step take_value(tulle_text *rest, nest *n)
{
	tulle_json_skip_space(rest);
	bool object = peek(rest) == '{';
	if (!object && peek(rest) != '[')
		return take_scalar(rest) ? HAVE_VALUE : BAD;
	if (!push(n, object))
		return BAD;
	advance(rest, 1);
	tulle_json_skip_space(rest);
	if (take_char(rest, object ? '}' : ']')) {
		n->depth--;
		return HAVE_VALUE;
	}
	return object ? take_key(rest) : WANT_VALUE;
}

/* Inside an array or object, after one of its values. */
static step take_after(tulle_text *rest, nest *n)
{
	bool object = is_object(n);
	tulle_json_skip_space(rest);
	if (take_char(rest, ','))
		return object ? take_key(rest) : WANT_VALUE;
	if (!take_char(rest, object ? '}' : ']'))
		return BAD;
	n->depth--;
	return HAVE_VALUE;
}

TULLE_UNTRUSTED(anyone, "linear; nesting TULLE_JSON_DEPTH_MAX", json)
bool tulle_json_take(tulle_text *rest, tulle_text *value)
{
	nest n = {0};
	n.depth = 0;
	tulle_json_skip_space(rest);
	const char *start = rest->ptr;
	step s = WANT_VALUE;
	while (s == WANT_VALUE || (s == HAVE_VALUE && n.depth != 0))
		s = s == WANT_VALUE ? take_value(rest, &n) : take_after(rest, &n);
	if (s == BAD)
		return false;
	*value = (tulle_text){start, (size_t)(rest->ptr - start)};
	return true;
}

TULLE_UNTRUSTED(anyone, "linear; nesting TULLE_JSON_DEPTH_MAX", json)
bool tulle_json_read(tulle_text text, tulle_text *value)
{
	tulle_text rest = text, found;
	if (!tulle_json_take(&rest, &found))
		return false;
	tulle_json_skip_space(&rest);
	if (rest.len != 0)
		return false;
	*value = found;
	return true;
}

bool tulle_json_check(tulle_text text)
{
	tulle_text value;
	return tulle_json_read(text, &value);
}

tulle_json_kind tulle_json_kind_of(tulle_text value)
{
	char c = peek(&value);
	switch (c) {
	case 'n':
		return TULLE_JSON_NULL;
	case 'f':
		return TULLE_JSON_FALSE;
	case 't':
		return TULLE_JSON_TRUE;
	case '"':
		return TULLE_JSON_STRING;
	case '[':
		return TULLE_JSON_ARRAY;
	case '{':
		return TULLE_JSON_OBJECT;
	default:
		return c == '-' || is_digit(c) ? TULLE_JSON_NUMBER : TULLE_JSON_NONE;
	}
}
