/* SPDX-License-Identifier: MIT */
/* signal: reading the heads of HTTP messages: RFC9112:2.2, RFC9112:5, RFC6455:4. A head is cut into
 * lines once and each line looked at once; known fields are a table, others only must be legal. */
#include "signal/http.h"
#include "base/panic.h"

typedef enum {
	HOST,
	ORIGIN,
	UPGRADE,
	CONNECTION,
	KEY,
	VERSION,
	ACCEPT,
	PROTOCOL,
	EXTENSIONS,
	CONTENT_LENGTH,
	TRANSFER_ENCODING,
	FIELD_COUNT
} field;

static const tulle_text field_names[FIELD_COUNT] = {
	[HOST] = {"host", 4},
	[ORIGIN] = {"origin", 6},
	[UPGRADE] = {"upgrade", 7},
	[CONNECTION] = {"connection", 10},
	[KEY] = {"sec-websocket-key", 17},
	[VERSION] = {"sec-websocket-version", 21},
	[ACCEPT] = {"sec-websocket-accept", 20},
	[PROTOCOL] = {"sec-websocket-protocol", 22},
	[EXTENSIONS] = {"sec-websocket-extensions", 24},
	[CONTENT_LENGTH] = {"content-length", 14},
	[TRANSFER_ENCODING] = {"transfer-encoding", 17},
};

typedef struct {
	tulle_text value[FIELD_COUNT]; /* of several the last */
	unsigned count[FIELD_COUNT];
	bool websocket, upgrade; /* tokens of Upgrade and Connection */
} fields;

TULLE_UNTRUSTED(anyone, "linear; TULLE_SIGNAL_HEAD_MAX", http)
size_t tulle_signal_find_head_end(const uint8_t *data, size_t len, size_t *seen)
{
	size_t i = *seen;
	for (; i + 4 <= len; i++)
		if (data[i] == '\r' && memcmp(data + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	*seen = i;
	return 0;
}

static bool is_token_char(char c)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return letter || (c >= '0' && c <= '9') ||
	       (c != '\0' && memchr(marks, c, sizeof marks - 1) != NULL);
}

/* RFC9110:5.6.2 */
static bool is_token(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!is_token_char(t.ptr[i]))
			return false;
	return t.len != 0;
}

/* RFC9110:5.5: what may stand in a field's value. */
static bool is_value(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Takes a line and its CRLF; a line without one is false. A lone CR or LF stays in the line, where
 * no grammar takes it. */
static bool take_line(tulle_text *rest, tulle_text *line)
{
	ptrdiff_t at = tulle_text_find(*rest, '\r');
	if (at < 0 || (size_t)at + 1 >= rest->len || rest->ptr[at + 1] != '\n')
		return false;
	*line = (tulle_text){rest->ptr, (size_t)at};
	*rest = (tulle_text){rest->ptr + at + 2, rest->len - (size_t)at - 2};
	return true;
}

/* "name: value". A folded line begins with a space, which no name does: RFC9112:5.2. */
static bool read_field(tulle_text line, tulle_text *name, tulle_text *value)
{
	*name = tulle_text_split(&line, ':');
	if (!is_token(*name) || name->ptr + name->len == line.ptr)
		return false;
	*value = tulle_text_trim(line);
	return is_value(*value);
}

static bool has_token(tulle_text list, tulle_text token)
{
	while (list.len != 0)
		if (tulle_text_is_nocase(tulle_text_trim(tulle_text_split(&list, ',')), token))
			return true;
	return false;
}

static void note_field(fields *f, tulle_text name, tulle_text value)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!tulle_text_is_nocase(name, field_names[i]))
			continue;
		f->value[i] = value;
		f->count[i]++;
		if (i == UPGRADE)
			f->websocket = f->websocket || has_token(value, TULLE_TEXT("websocket"));
		if (i == CONNECTION)
			f->upgrade = f->upgrade || has_token(value, TULLE_TEXT("upgrade"));
	}
}

/* All lines up to the empty one, which must be the last: 0, or the status that answers. */
static uint16_t read_fields(tulle_text rest, fields *f)
{
	tulle_text line, name, value;
	*f = (fields){0};
	for (size_t n = 0; take_line(&rest, &line); n++) {
		if (line.len == 0)
			return rest.len == 0 ? 0 : 400;
		if (n == TULLE_SIGNAL_HEADERS_MAX)
			return 431;
		if (!read_field(line, &name, &value))
			return 400;
		note_field(f, name, value);
	}
	return 400;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* HTTP/1.1, or a later HTTP/1 */
static bool is_version(tulle_text t)
{
	return t.len == 8 && tulle_text_starts(t, TULLE_TEXT("HTTP/1.")) && t.ptr[7] != '0' &&
	       is_digit(t.ptr[7]);
}

/* RFC9112:3.2.1: a path and query, visible ASCII. */
static bool is_target(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] <= ' ' || t.ptr[i] > '~' || t.ptr[i] == '#')
			return false;
	return t.len != 0 && t.ptr[0] == '/';
}

/* RFC9112:3.2: one Host, and of letters that a host and port are made of. */
static bool is_host(tulle_text t)
{
	static const char marks[] = "-._~!$&'()*+,;=:[]%";
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
		if (!letter && (c == '\0' || memchr(marks, c, sizeof marks - 1) == NULL))
			return false;
	}
	return t.len != 0;
}

static bool is_key(tulle_text t) /* RFC6455:4.2.1 */
{
	uint8_t key[16];
	size_t len;
	return tulle_text_base64(t, key, sizeof key, &len) && len == sizeof key;
}

static uint16_t refuse(const char **why, uint16_t status, const char *text)
{
	*why = text;
	return status;
}

static uint16_t read_request_line(tulle_text line, tulle_signal_request *out)
{
	if (line.len > TULLE_SIGNAL_REQUEST_LINE_MAX)
		return refuse(&out->why, 414, "The request line is too long.");
	out->method = tulle_text_split(&line, ' ');
	out->target = tulle_text_split(&line, ' ');
	if (!is_token(out->method) || !tulle_text_starts(line, TULLE_TEXT("HTTP/")))
		return refuse(&out->why, 400, "This is not an HTTP request.");
	if (!is_version(line))
		return refuse(&out->why, 505, "HTTP/1.1 is spoken here.");
	if (!tulle_text_is(out->method, TULLE_TEXT("GET")) &&
		!tulle_text_is(out->method, TULLE_TEXT("HEAD")))
		return refuse(&out->why, 405, "Only GET and HEAD are served here.");
	if (!is_target(out->target))
		return refuse(&out->why, 400, "The request's target is not a path.");
	return 0;
}

static bool has_body(const fields *f)
{
	return f->count[TRANSFER_ENCODING] != 0 ||
	       (f->count[CONTENT_LENGTH] != 0 &&
		       !tulle_text_is(f->value[CONTENT_LENGTH], TULLE_TEXT("0")));
}

/* RFC6455:4.2.1: what a request for a WebSocket must have. */
static uint16_t judge_upgrade(const fields *f, tulle_signal_request *out)
{
	if (!f->upgrade)
		return refuse(&out->why, 400, "Connection does not say Upgrade.");
	if (!tulle_text_is(out->method, TULLE_TEXT("GET")))
		return refuse(&out->why, 400, "A WebSocket is asked for with GET.");
	if (f->count[VERSION] != 1 || !tulle_text_is(f->value[VERSION], TULLE_TEXT("13")))
		return refuse(&out->why, 426, "Sec-WebSocket-Version must be 13.");
	if (f->count[KEY] != 1 || !is_key(f->value[KEY]))
		return refuse(&out->why, 400, "Sec-WebSocket-Key is not 16 bytes in base64.");
	out->key = f->value[KEY];
	out->upgrade = true;
	return 0;
}

static uint16_t judge_request(const fields *f, tulle_signal_request *out)
{
	if (f->count[HOST] != 1 || !is_host(f->value[HOST])) /* RFC9112:3.2 */
		return refuse(&out->why, 400, "Exactly one Host is needed.");
	if (f->count[ORIGIN] > 1)
		return refuse(&out->why, 400, "More than one Origin.");
	out->host = f->value[HOST];
	out->origin = f->value[ORIGIN];
	out->body = has_body(f);
	if (out->body) /* nothing behind such a head could be told from frames */
		return refuse(&out->why, 400, "A request with a body is not served here.");
	return f->websocket ? judge_upgrade(f, out) : 0;
}

TULLE_UNTRUSTED(anyone, "linear; TULLE_SIGNAL_HEAD_MAX, TULLE_SIGNAL_HEADERS_MAX", http)
tulle_drop tulle_signal_read_request(tulle_text head, tulle_signal_request *out)
{
	tulle_text line;
	fields f;
	*out = (tulle_signal_request){.status = 400, .why = "This is not an HTTP request."};
	if (tulle_text_starts(head, TULLE_TEXT("\r\n"))) /* RFC9112:2.2 */
		head = (tulle_text){head.ptr + 2, head.len - 2};
	if (!take_line(&head, &line))
		return TULLE_DROP_HTTP_SYNTAX;
	out->status = read_request_line(line, out);
	if (out->status != 0)
		return TULLE_DROP_HTTP_SYNTAX;
	out->why = "The request's header has a malformed line.";
	out->status = read_fields(head, &f);
	if (out->status == 431)
		out->why = "The request has too many header lines.";
	if (out->status == 0)
		out->status = judge_request(&f, out);
	if (out->status != 0)
		return TULLE_DROP_HTTP_SYNTAX;
	out->fields = head;
	out->why = "";
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(anyone, "linear; TULLE_SIGNAL_HEAD_MAX", http)
tulle_text tulle_signal_pick_protocol(const tulle_signal_request *request, tulle_text name)
{
	tulle_text rest = request->fields, line, field_name, list;
	while (take_line(&rest, &line)) {
		if (!read_field(line, &field_name, &list) ||
			!tulle_text_is_nocase(field_name, field_names[PROTOCOL]))
			continue;
		while (list.len != 0) {
			tulle_text offered = tulle_text_trim(tulle_text_split(&list, ','));
			if (tulle_text_is_nocase(offered, name))
				return offered;
		}
	}
	return (tulle_text){"", 0};
}

/* "HTTP/1.1 101 any words" */
static bool read_status_line(tulle_text line, uint16_t *status)
{
	uint64_t code;
	tulle_text version = tulle_text_split(&line, ' ');
	tulle_text digits = tulle_text_split(&line, ' ');
	if (!is_version(version) || digits.len != 3 || !tulle_text_u64(digits, 999, &code))
		return false;
	*status = (uint16_t)code;
	return is_value(line);
}

/* RFC6455:4.1: the client's list of what fails the connection. */
static const char *judge_response(const fields *f, const char key[24], tulle_text protocol)
{
	char accept[28];
	if (f->count[UPGRADE] != 1 ||
		!tulle_text_is_nocase(f->value[UPGRADE], TULLE_TEXT("websocket")))
		return "the answer does not upgrade to websocket";
	if (!f->upgrade)
		return "the answer's Connection does not say Upgrade";
	if (!tulle_signal_accept_key((tulle_text){key, 24}, accept))
		return "SHA-1 is not available";
	if (f->count[ACCEPT] != 1 ||
		!tulle_text_is(f->value[ACCEPT], (tulle_text){accept, sizeof accept}))
		return "the answer's Sec-WebSocket-Accept is not that of our key";
	if (f->count[EXTENSIONS] != 0)
		return "the answer has an extension that was not offered";
	if (protocol.len == 0 && f->count[PROTOCOL] != 0)
		return "the answer has a subprotocol that was not offered";
	if (protocol.len != 0 &&
		(f->count[PROTOCOL] != 1 || !tulle_text_is(f->value[PROTOCOL], protocol)))
		return "the answer does not have the subprotocol that was offered";
	return NULL;
}

TULLE_UNTRUSTED(anyone, "linear; TULLE_SIGNAL_HEAD_MAX, TULLE_SIGNAL_HEADERS_MAX", http)
tulle_drop tulle_signal_read_response(tulle_text head, const char key[24], tulle_text protocol,
	uint16_t *status, const char **why)
{
	tulle_text line;
	fields f;
	*status = 0;
	*why = "the answer is not HTTP";
	if (!take_line(&head, &line) || !read_status_line(line, status))
		return TULLE_DROP_HTTP_SYNTAX;
	*why = "the answer's header is malformed";
	if (read_fields(head, &f) != 0)
		return TULLE_DROP_HTTP_SYNTAX;
	*why = "the server refused the WebSocket";
	if (*status != 101)
		return TULLE_DROP_HTTP_SYNTAX;
	*why = judge_response(&f, key, protocol);
	return *why == NULL ? TULLE_TAKEN : TULLE_DROP_HTTP_SYNTAX;
}
