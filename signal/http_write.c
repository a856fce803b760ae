/* SPDX-License-Identifier: MIT */
/* signal: writing the heads of HTTP messages: RFC6455:4.1, RFC6455:4.2.2, RFC9112:4. Texts of
 * others go through line_text, which lets no byte by that could end a line. */
#include "base/crypto.h"
#include "signal/http.h"

static void line_text(tulle_wr *w, tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] <= ' ' || t.ptr[i] > '~')
			w->bad = true;
	tulle_wr_text(w, t);
}

static void write_field(tulle_wr *w, const char *name, tulle_text value)
{
	tulle_wr_cstr(w, name);
	line_text(w, value);
	tulle_wr_cstr(w, "\r\n");
}

void tulle_signal_write_request(tulle_wr *w, const tulle_signal_upgrade *upgrade)
{
	tulle_wr_cstr(w, "GET ");
	line_text(w, upgrade->target);
	tulle_wr_cstr(w, " HTTP/1.1\r\n");
	write_field(w, "Host: ", upgrade->authority);
	tulle_wr_cstr(w, "Upgrade: websocket\r\nConnection: Upgrade\r\n");
	write_field(w, "Sec-WebSocket-Key: ", (tulle_text){upgrade->key, 24});
	tulle_wr_cstr(w, "Sec-WebSocket-Version: 13\r\n");
	if (upgrade->protocol.len != 0)
		write_field(w, "Sec-WebSocket-Protocol: ", upgrade->protocol);
	if (upgrade->origin.len != 0)
		write_field(w, "Origin: ", upgrade->origin);
	tulle_wr_cstr(w, "\r\n");
}

bool tulle_signal_accept_key(tulle_text key, char out[28])
{
	char joined[24 + 36];
	uint8_t hash[20];
	tulle_wr w = tulle_wr_make(joined, sizeof joined);
	tulle_wr_text(&w, key);
	tulle_wr_cstr(&w, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"); /* RFC6455:1.3 */
	if (!tulle_wr_finish(&w) || !tulle_crypto_sha1((tulle_bytes){w.buf, w.len}, hash))
		return false;
	w = tulle_wr_make(out, 28);
	tulle_wr_base64(&w, hash, sizeof hash);
	return tulle_wr_finish(&w);
}

void tulle_signal_write_accept(tulle_wr *w, tulle_text key, tulle_text protocol)
{
	char accept[28];
	if (!tulle_signal_accept_key(key, accept)) {
		w->bad = true;
		return;
	}
	tulle_wr_cstr(w, "HTTP/1.1 101 Switching Protocols\r\n"
			 "Upgrade: websocket\r\nConnection: Upgrade\r\n");
	write_field(w, "Sec-WebSocket-Accept: ", (tulle_text){accept, sizeof accept});
	if (protocol.len != 0)
		write_field(w, "Sec-WebSocket-Protocol: ", protocol);
	tulle_wr_cstr(w, "\r\n");
}

/* The reason, and the fields that the status asks for. */
static const struct {
	uint16_t status;
	const char *reason, *fields;
} answers[] = {
	{200, "OK", "Cache-Control: no-cache\r\n"},
	{400, "Bad Request", ""},
	{403, "Forbidden", ""},
	{404, "Not Found", ""},
	{405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
	{408, "Request Timeout", ""},
	{414, "URI Too Long", ""},
	{426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
	{431, "Request Header Fields Too Large", ""},
	{500, "Internal Server Error", ""},
	{503, "Service Unavailable", "Retry-After: 10\r\n"},
	{505, "HTTP Version Not Supported", ""},
};

void tulle_signal_write_answer(tulle_wr *w, uint16_t status, tulle_text type, size_t length)
{
	const char *reason = "Error", *more = "";
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].status == status) {
			reason = answers[i].reason;
			more = answers[i].fields;
		}
	if (status < 200 || status > 599)
		w->bad = true;
	tulle_wr_cstr(w, "HTTP/1.1 ");
	tulle_wr_u64_text(w, status);
	tulle_wr_u8(w, ' ');
	tulle_wr_cstr(w, reason);
	tulle_wr_cstr(w, "\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n");
	tulle_wr_cstr(w, more);
	tulle_wr_cstr(w, "Content-Type: ");
	for (size_t i = 0; i < type.len; i++) /* "text/html; charset=utf-8" has a space */
		if (type.ptr[i] < ' ' || type.ptr[i] > '~')
			w->bad = true;
	tulle_wr_text(w, type);
	tulle_wr_cstr(w, "\r\nContent-Length: ");
	tulle_wr_u64_text(w, length);
	tulle_wr_cstr(w, "\r\n\r\n");
}
