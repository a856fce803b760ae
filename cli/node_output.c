/* SPDX-License-Identifier: MIT */
/* cli: what `tulle node` says: one line an event, JSON or plain words, flushed. */
#include "cli/node.h"

#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tulle_text text_of(const char *s)
{
	return (tulle_text){s, strlen(s)};
}

static void put_json_string(FILE *f, tulle_text t)
{
	size_t bytes = tulle_json_string_bytes(t);
	uint8_t *buf = malloc(bytes + 1);
	if (buf == NULL)
		return;
	tulle_wr w = tulle_wr_make(buf, bytes);
	tulle_json_write_string(&w, t);
	if (tulle_wr_finish(&w))
		fwrite(buf, 1, w.len, f);
	else
		fputs("null", f); /* not UTF-8: no address of the mesh is */
	free(buf);
}

static void put_field(FILE *f, const char *name, tulle_text value)
{
	fprintf(f, ",\"%s\":", name);
	put_json_string(f, value);
}

static void put_address(const cli_node_state *s, FILE *f, const char *name, tulle_node node)
{
	if (tulle_address(s->root, node).len == 0) /* the root, or one that is gone */
		fprintf(f, ",\"%s\":null", name);
	else
		put_field(f, name, tulle_address(s->root, node));
}

static void put_hex(FILE *f, tulle_bytes b)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < b.len; i++) {
		fputc(digits[b.ptr[i] >> 4], f);
		fputc(digits[b.ptr[i] & 15], f);
	}
}

static void end_line(cli_node_state *s, FILE *f)
{
	fputc('\n', f);
	if (fflush(f) != 0)
		s->mute = true;
}

static void put_connection(const cli_node_state *s, FILE *f, const tulle_event *e, const char *name)
{
	fprintf(f, "{\"event\":\"%s\"", name);
	put_address(s, f, "address", e->u.connection.peer);
	put_address(s, f, "via", tulle_via(s->root, e->u.connection.peer));
	fprintf(f, ",\"incoming\":%s}", e->u.connection.incoming ? "true" : "false");
}

static bool put_json(const cli_node_state *s, FILE *f, const tulle_event *e)
{
	switch ((int)e->kind) {
	case TULLE_EVENT_CONNECTION:
		put_connection(s, f, e, "connection");
		return true;
	case TULLE_EVENT_DISCONNECTION:
		put_connection(s, f, e, "disconnection");
		return true;
	case TULLE_EVENT_OPEN:
		fputs("{\"event\":\"open\"", f);
		break;
	case TULLE_EVENT_MESSAGE:
		fputs("{\"event\":\"message\"", f);
		put_address(s, f, "address", e->node);
		fprintf(f, ",\"json\":%.*s}", (int)e->u.message.json.len, e->u.message.json.ptr);
		return true;
	case TULLE_EVENT_BYTES:
		fputs("{\"event\":\"bytes\"", f);
		put_address(s, f, "address", e->node);
		fprintf(f, ",\"length\":%zu,\"hex\":\"", e->u.bytes.len);
		put_hex(f, e->u.bytes);
		fputs("\"}", f);
		return true;
	case TULLE_EVENT_CLOSE:
		fputs("{\"event\":\"close\"", f);
		put_address(s, f, "address", e->node);
		fprintf(f, ",\"reason\":\"%s\"}", tulle_closed_name(e->u.closed));
		return true;
	default:
		return false;
	}
	put_address(s, f, "address", e->node);
	fputs("}", f);
	return true;
}

static void put_name(const cli_node_state *s, FILE *f)
{
	if (s->options.name != NULL)
		fprintf(f, "%s: ", s->options.name);
}

static bool put_plain(const cli_node_state *s, FILE *f, const tulle_event *e)
{
	bool of_peer = e->kind == TULLE_EVENT_CONNECTION || e->kind == TULLE_EVENT_DISCONNECTION;
	tulle_node node = of_peer ? e->u.connection.peer : e->node;
	tulle_text a = tulle_address(s->root, node),
		   via = tulle_address(s->root, tulle_via(s->root, node));
	put_name(s, f);
	switch ((int)e->kind) {
	case TULLE_EVENT_CONNECTION:
	case TULLE_EVENT_DISCONNECTION:
		fprintf(f, "%s %.*s%s%.*s%s",
			of_peer && e->kind == TULLE_EVENT_CONNECTION ? "connection"
								     : "disconnection",
			(int)a.len, a.ptr, via.len != 0 ? " via " : "", (int)via.len, via.ptr,
			e->u.connection.incoming ? " incoming" : "");
		return true;
	case TULLE_EVENT_OPEN:
		fprintf(f, "open %.*s", (int)a.len, a.ptr);
		return true;
	case TULLE_EVENT_MESSAGE:
		fprintf(f, "message %.*s %.*s", (int)a.len, a.ptr, (int)e->u.message.json.len,
			e->u.message.json.ptr);
		return true;
	case TULLE_EVENT_BYTES:
		fprintf(f, "bytes %.*s %zu ", (int)a.len, a.ptr, e->u.bytes.len);
		put_hex(f, e->u.bytes);
		return true;
	default:
		fprintf(f, "close %.*s %s", (int)a.len, a.ptr, tulle_closed_name(e->u.closed));
		return true;
	}
}

void cli_node_say_error(cli_node_state *s, tulle_err code, const char *text, const char *address)
{
	if (!s->options.json) {
		cli_complain("node", "%s%s%s: %s", address != NULL ? address : "",
			address != NULL ? ": " : "", text, tulle_err_name(code));
		return;
	}
	printf("{\"event\":\"error\",\"code\":\"%s\"", tulle_err_name(code));
	put_field(stdout, "text", text_of(text));
	if (address != NULL)
		put_field(stdout, "address", text_of(address));
	fputs("}", stdout);
	end_line(s, stdout);
}

void cli_node_event(cli_node_state *s, const tulle_event *e)
{
	if (e->kind == TULLE_EVENT_ERROR) {
		char text[256], address[TULLE_ADDRESS_MAX + 1];
		tulle_text a = tulle_address(s->root, e->node);
		snprintf(text, sizeof text, "%.*s", (int)e->u.error.text.len, e->u.error.text.ptr);
		snprintf(address, sizeof address, "%.*s", (int)a.len, a.ptr);
		cli_node_say_error(s, e->u.error.code, text, a.len != 0 ? address : NULL);
		return;
	}
	/* The root hears of each connection first; what the introducing node hears is the same. */
	if ((e->kind == TULLE_EVENT_CONNECTION || e->kind == TULLE_EVENT_DISCONNECTION) &&
		e->node != TULLE_ROOT)
		return;
	if (e->kind == TULLE_EVENT_WRITABLE || e->kind == TULLE_EVENT_OFFER ||
		e->kind == TULLE_EVENT_WAKE)
		return;
	if (s->options.json ? put_json(s, stdout, e) : put_plain(s, stdout, e))
		end_line(s, stdout);
}

void cli_node_reply(cli_node_state *s, tulle_err err, const char *why)
{
	if (!s->options.json) {
		if (err != TULLE_OK)
			cli_complain("node", "line %zu: %s", s->lines, why);
		return;
	}
	printf("{\"event\":\"reply\",\"line\":%zu,\"ok\":%s", s->lines,
		err == TULLE_OK ? "true" : "false");
	if (err != TULLE_OK) {
		printf(",\"error\":\"%s\"", tulle_err_name(err));
		put_field(stdout, "text", text_of(why));
	}
	fputs("}", stdout);
	end_line(s, stdout);
}

void cli_node_peers(cli_node_state *s)
{
	static tulle_node nodes[NODE_PEERS_MAX];
	size_t n = tulle_peers(s->root, nodes, NODE_PEERS_MAX);
	n = n < NODE_PEERS_MAX ? n : NODE_PEERS_MAX;
	if (s->options.json)
		fputs("{\"event\":\"peers\",\"peers\":[", stdout);
	for (size_t i = 0; i < n; i++) {
		tulle_text a = tulle_address(s->root, nodes[i]);
		bool open = tulle_is_open(s->root, nodes[i]);
		const char *kind =
			tulle_via(s->root, nodes[i]) == TULLE_ROOT ? "websocket" : "peer";
		if (!s->options.json) {
			put_name(s, stdout);
			printf("peer %.*s %s %s\n", (int)a.len, a.ptr, kind,
				open ? "open" : "connecting");
			continue;
		}
		fputs(i != 0 ? ",{\"address\":" : "{\"address\":", stdout);
		put_json_string(stdout, a);
		put_address(s, stdout, "via", tulle_via(s->root, nodes[i]));
		printf(",\"open\":%s,\"kind\":\"%s\"}", open ? "true" : "false", kind);
	}
	if (s->options.json) {
		fputs("]}", stdout);
		end_line(s, stdout);
	} else if (fflush(stdout) != 0) {
		s->mute = true;
	}
}
