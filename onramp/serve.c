/* SPDX-License-Identifier: MIT */
/* onramp: what clients ask for: pages, a WebSocket, relaying: P-PROTOCOL.md. Nothing that one
 * client sends ends another; what is not understood is counted and dropped. */
#include "base/panic.h"
#include "onramp/client.h"

static void count(tulle_onramp *o, tulle_drop drop)
{
	if (drop != TULLE_TAKEN)
		o->drops[drop]++;
}

/* Whoever cannot keep up is let go, and nobody else: its queue is its own. */
static void deliver(tulle_onramp *o, client *c, const void *text, size_t len)
{
	tulle_err err = tulle_signal_ws_send(c->ws, o->now, true, text, len);
	if (err == TULLE_OK) {
		tulle_onramp_touch(o, c);
		return;
	}
	if (err == TULLE_ERR_STATE)
		return; /* closing already */
	count(o, TULLE_DROP_NO_ROOM);
	if (err != TULLE_WOULD_BLOCK)
		return; /* not its fault: all memory is in use, or the message fits no queue */
	o->stats.slow++;
	tulle_onramp_remove_address(o, c);
	tulle_signal_ws_abort(c->ws, o->now, TULLE_SIGNAL_CLOSE_TRY_LATER, TULLE_DROP_NO_ROOM,
		"this client reads too slowly");
	tulle_onramp_touch(o, c);
}

static size_t write_announcement(char *dst, size_t cap, const client *c)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_wr_cstr(&w, "[0,\"");
	tulle_wr_bytes(&w, c->address, ADDRESS_BYTES);
	tulle_wr_cstr(&w, "\"]");
	TULLE_CHECK(tulle_wr_finish(&w));
	return w.len;
}

/* The newcomer hears of all, all hear of the newcomer, and it never hears its own address. */
static void announce(tulle_onramp *o, client *newcomer)
{
	char own[ADDRESS_BYTES + 8], other[ADDRESS_BYTES + 8];
	size_t n = write_announcement(own, sizeof own, newcomer);
	for (client *c = o->first; c != NULL && newcomer->joined; c = c->next) {
		if (c == newcomer || !c->joined)
			continue;
		size_t k = write_announcement(other, sizeof other, c);
		deliver(o, newcomer, other, k);
	}
	for (client *c = o->first; c != NULL; c = c->next)
		if (c != newcomer && c->joined)
			deliver(o, c, own, n);
}

static void answer(tulle_onramp *o, client *c, uint16_t status, const char *why)
{
	tulle_bytes body = {(const uint8_t *)why, strlen(why)};
	o->stats.refused++;
	(void)tulle_signal_ws_respond(
		c->ws, o->now, status, TULLE_TEXT("text/plain; charset=utf-8"), body, false);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Is `target`, percent triplets decoded (RFC3986:2.1), head and then tail? */
static bool is_path(tulle_text target, tulle_text head, tulle_text tail)
{
	size_t n = 0, want = head.len + tail.len;
	for (size_t i = 0; i < target.len; i++, n++) {
		int c = (unsigned char)target.ptr[i];
		if (c == '%') {
			int high = i + 2 < target.len ? hex_value(target.ptr[i + 1]) : -1;
			int low = high >= 0 ? hex_value(target.ptr[i + 2]) : -1;
			if (low < 0)
				return false;
			c = high << 4 | low;
			i += 2;
		}
		if (n == want)
			return false;
		char at = n < head.len ? head.ptr[n] : tail.ptr[n - head.len];
		if (c != (unsigned char)at)
			return false;
	}
	return n == want;
}

/* A path that ends in '/' stands for the index.html in it. */
static const tulle_onramp_file *find_file(const tulle_onramp *o, tulle_text target)
{
	static const tulle_text index = {"index.html", 10}, none = {"", 0};
	tulle_text path = tulle_text_split(&target, '?');
	for (size_t i = 0; i < o->options.file_count; i++) {
		const tulle_onramp_file *f = &o->options.files[i];
		tulle_text folder = f->path;
		if (is_path(path, f->path, none))
			return f;
		if (folder.len < index.len ||
			memcmp(folder.ptr + folder.len - index.len, index.ptr, index.len) != 0)
			continue;
		folder.len -= index.len;
		if (folder.len != 0 && folder.ptr[folder.len - 1] == '/' &&
			is_path(path, folder, none))
			return f;
	}
	return NULL;
}

static void serve_page(tulle_onramp *o, client *c, const tulle_signal_request *request)
{
	const tulle_onramp_file *f = find_file(o, request->target);
	bool head_only = tulle_text_is(request->method, TULLE_TEXT("HEAD"));
	if (f == NULL) {
		answer(o, c, 404,
			"Nothing is here. WebSockets with the subprotocol p are welcome.\n");
		return;
	}
	o->stats.pages++;
	(void)tulle_signal_ws_respond(c->ws, o->now, 200, f->type, f->bytes, head_only);
}

static bool is_origin_allowed(const tulle_onramp *o, tulle_text origin)
{
	for (size_t i = 0; i < o->options.origin_count; i++)
		if (tulle_text_is_nocase(o->options.origins[i], origin))
			return true;
	return o->options.origin_count == 0 || origin.len == 0;
}

static void serve_request(tulle_onramp *o, client *c, const tulle_signal_request *request)
{
	tulle_text protocol = tulle_signal_pick_protocol(request, TULLE_TEXT("p"));
	if (request->status != 0) {
		count(o, TULLE_DROP_HTTP_SYNTAX);
		answer(o, c, request->status, request->why);
	} else if (!request->upgrade) {
		serve_page(o, c, request);
	} else if (!is_origin_allowed(o, request->origin)) { /* RFC6455:4.2.2 */
		answer(o, c, 403, "This origin is not allowed here.\n");
	} else if (o->finishing) {
		answer(o, c, 503, "This server is stopping.\n");
	} else if (protocol.len == 0) {
		answer(o, c, 400,
			"The WebSocket subprotocol p is needed: new WebSocket(url, \"p\").\n");
	} else if (tulle_signal_ws_accept(c->ws, o->now, protocol) != TULLE_OK) {
		answer(o, c, 503, "There is no memory for another client.\n");
	}
}

/* [7, from's address, inner], inner as it came. */
static tulle_drop relay(tulle_onramp *o, const client *from, const tulle_signal_p *p)
{
	client *to = tulle_onramp_find_address(o, (tulle_text){p->address, p->address_bytes});
	if (to == NULL)
		return TULLE_DROP_P_RELAY_UNKNOWN;
	size_t cap = p->json.len + ADDRESS_BYTES + 8;
	uint8_t *text = tulle_onramp_alloc(o, cap);
	if (text == NULL)
		return TULLE_DROP_NO_ROOM;
	tulle_wr w = tulle_wr_make(text, cap);
	tulle_signal_write_p_relay(
		&w, TULLE_SIGNAL_P_RELAYED, (tulle_text){from->address, ADDRESS_BYTES}, p->json);
	TULLE_CHECK(tulle_wr_finish(&w));
	o->stats.relayed++;
	deliver(o, to, text, w.len);
	tulle_onramp_free(o, text, cap);
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(client, "message_bytes_max; bytes_per_s", onramp)
static tulle_drop serve_message(tulle_onramp *o, client *c, tulle_bytes data)
{
	tulle_signal_p p;
	o->stats.messages++;
	tulle_drop drop = tulle_signal_read_p((tulle_text){(const char *)data.ptr, data.len}, &p);
	if (drop != TULLE_TAKEN)
		return drop;
	if (p.kind != TULLE_SIGNAL_P_RELAY)
		return TULLE_DROP_P_TYPE; /* a server is nobody to talk to */
	return relay(o, c, &p);
}

static void serve_open(tulle_onramp *o, client *c)
{
	if (tulle_onramp_add_address(o, c))
		announce(o, c);
	else
		(void)tulle_signal_ws_close(
			c->ws, o->now, TULLE_SIGNAL_CLOSE_TRY_LATER, TULLE_TEXT("no randomness"));
}

void tulle_onramp_serve(tulle_onramp *o, client *c)
{
	tulle_signal_ws_event e;
	while (tulle_signal_ws_poll_event(c->ws, &e)) {
		switch (e.kind) {
		case TULLE_SIGNAL_WS_REQUEST:
			serve_request(o, c, e.request);
			break;
		case TULLE_SIGNAL_WS_OPEN:
			serve_open(o, c);
			break;
		case TULLE_SIGNAL_WS_MESSAGE:
			c->tokens -= TULLE_ONRAMP_MESSAGE_COST;
			count(o, serve_message(o, c, e.data));
			break;
		case TULLE_SIGNAL_WS_BYTES:
			c->tokens -= TULLE_ONRAMP_MESSAGE_COST;
			count(o, TULLE_DROP_P_BINARY);
			break;
		case TULLE_SIGNAL_WS_CLOSE:
			count(o, e.close.why);
			tulle_onramp_remove_address(o, c);
			break;
		case TULLE_SIGNAL_WS_WRITABLE:
			break;
		}
	}
	tulle_onramp_touch(o, c);
}
