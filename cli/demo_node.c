/* SPDX-License-Identifier: MIT */
/* cli: a node of `tulle demo`. A P node knows neither its own address nor others' links; these tell
 * each other by ordinary messages (docs/DEMO.md), and connect to whom they hear of. */
#include "cli/demo.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

static demo_peer *peer_of(demo_node *n, tulle_node node)
{
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		if (n->peers[i].node == node)
			return &n->peers[i];
	return NULL;
}

size_t demo_node_links(const demo_node *n)
{
	size_t count = 0;
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		count += n->peers[i].node != TULLE_NO_NODE && n->peers[i].open;
	return count;
}

static bool has_peers(const demo_node *n)
{
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		if (n->peers[i].node != TULLE_NO_NODE)
			return true;
	return false;
}

bool demo_node_start(demo *d, demo_node *n, bool loopback)
{
	const tulle_options o = {
		.polled = true, .ice.loopback = loopback, .nodes_max = DEMO_PEERS_MAX};
	n->of = d;
	if (tulle_create_on(d->host, &o, &n->root) != TULLE_OK)
		return false;
	return tulle_connect(n->root, TULLE_ROOT, d->url, NULL, &n->onramp) == TULLE_OK;
}

/* -- what it says ---------------------------------------------------------------------------------
 */

static void say(demo_node *n, demo_peer *p, const tulle_wr *w)
{
	if (tulle_wr_finish(w) && p->open &&
		tulle_send_json(n->root, p->node, (const char *)w->buf, w->len) == TULLE_OK)
		p->said++;
}

static void put_string(tulle_wr *w, const char *name, tulle_text value)
{
	tulle_wr_cstr(w, ",\"");
	tulle_wr_cstr(w, name);
	tulle_wr_cstr(w, "\":");
	tulle_json_write_string(w, value);
}

static void say_hello(demo_node *n, demo_peer *p)
{
	char text[1024];
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_wr_cstr(&w, "{\"demo\":\"hello\"");
	put_string(&w, "you", tulle_address(n->root, p->node));
	put_string(&w, "name", tulle_text_of(n->name));
	tulle_wr_cstr(&w, "}");
	say(n, p, &w);
}

static void put_link(demo_node *n, tulle_wr *w, const demo_peer *p)
{
	tulle_node via = tulle_via(n->root, p->node);
	tulle_wr_cstr(w, "{\"address\":");
	tulle_json_write_string(w, tulle_address(n->root, p->node));
	if (p->name[0] != '\0')
		put_string(w, "name", tulle_text_of(p->name));
	if (via != n->onramp && tulle_address(n->root, via).len != 0)
		put_string(w, "by", tulle_address(n->root, via));
	tulle_wr_cstr(w, "}");
}

static void say_links(demo_node *n, demo_peer *only)
{
	tulle_wr w = tulle_wr_make(n->text, sizeof n->text);
	bool first = true;
	tulle_wr_cstr(&w, "{\"demo\":\"links\",\"links\":[");
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++) {
		if (n->peers[i].node == TULLE_NO_NODE || !n->peers[i].open)
			continue;
		tulle_wr_cstr(&w, first ? "" : ",");
		put_link(n, &w, &n->peers[i]);
		first = false;
	}
	tulle_wr_cstr(&w, "]}");
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		if (n->peers[i].node != TULLE_NO_NODE && (only == NULL || only == &n->peers[i]))
			say(n, &n->peers[i], &w);
}

static void say_number(demo_node *n, demo_peer *p, const char *what, tulle_text number)
{
	char text[128];
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_wr_cstr(&w, "{\"demo\":\"");
	tulle_wr_cstr(&w, what);
	tulle_wr_cstr(&w, "\",\"n\":");
	tulle_wr_text(&w, number);
	tulle_wr_cstr(&w, "}");
	say(n, p, &w);
}

static void say_chat(demo_node *n, demo_peer *p, const char *line, bool reply)
{
	tulle_wr w = tulle_wr_make(n->text, sizeof n->text);
	tulle_wr_cstr(&w, "{\"demo\":\"chat\"");
	put_string(&w, "text", tulle_text_of(line));
	tulle_wr_cstr(&w, reply ? ",\"reply\":true}" : "}");
	say(n, p, &w);
}

void demo_node_chat(demo_node *n, const char *text)
{
	demo_say(n->of, "%s says: %s", n->name, text);
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		if (n->peers[i].node != TULLE_NO_NODE)
			say_chat(n, &n->peers[i], text, false);
}

/* -- whom it connects to
 * ---------------------------------------------------------------------------- */

static bool is_strange(const demo_node *n, const char *address)
{
	return strcmp(n->self, address) != 0 && tulle_find(n->root, address) == TULLE_NO_NODE;
}

static void remember(demo_node *n, const char *address, tulle_node by)
{
	for (size_t i = 0; i < n->heard_count; i++)
		if (strcmp(n->heard[i].address, address) == 0)
			return;
	if (n->heard_count == DEMO_HEARD_MAX)
		return;
	demo_heard *h = &n->heard[n->heard_count++];
	h->by = by;
	h->at_ms = demo_now_us() / 1000;
	snprintf(h->address, sizeof h->address, "%s", address);
}

/* Who knows nobody asks the first that the onramp names; else a common peer has its time to
 * introduce them. */
static void try_heard(demo_node *n, int64_t now_ms)
{
	for (size_t i = 0; i < n->heard_count;) {
		demo_heard *h = &n->heard[i];
		bool strange = is_strange(n, h->address);
		if (strange && has_peers(n) && now_ms - h->at_ms < DEMO_PATIENCE_MS) {
			i++;
			continue;
		}
		if (strange && demo_node_links(n) < DEMO_PEERS_MAX - 2)
			(void)tulle_connect(n->root, h->by, h->address, NULL, NULL);
		*h = n->heard[--n->heard_count];
		if (strange)
			return; /* its CONNECTION event comes first: now there is a peer */
	}
}

/* Of two who hear of each other, the one with the lesser address asks. */
static void hear_of(demo_node *n, const demo_peer *from, const char *address)
{
	if (address[0] == '\0' || !is_strange(n, address))
		return;
	if (strcmp(n->self, address) < 0 && demo_node_links(n) < DEMO_PEERS_MAX - 2)
		(void)tulle_connect(n->root, from->node, address, NULL, NULL);
	else
		remember(n, address, from->node);
}

/* -- what it hears
 * ---------------------------------------------------------------------------------- */

/* A string member, cut to what fits; "" when absent. */
static void read_string(tulle_text object, const char *key, char *dst, size_t bytes)
{
	tulle_text value;
	size_t len = 0;
	char whole[DEMO_TEXT_MAX + 1];
	dst[0] = '\0';
	if (!tulle_json_find(object, tulle_text_of(key), &value) ||
		tulle_json_decode(value, whole, sizeof whole - 1, &len) != TULLE_OK ||
		memchr(whole, '\0', len) != NULL)
		return;
	len = len < bytes - 1 ? len : bytes - 1;
	while (len > 0 && !tulle_text_is_utf8(whole, len))
		len--;
	memcpy(dst, whole, len);
	dst[len] = '\0';
}

static void hear_links(demo_node *n, const demo_peer *from, tulle_text object)
{
	char address[TULLE_ADDRESS_MAX + 1];
	tulle_text list, link;
	tulle_json_walk walk;
	if (!tulle_json_find(object, TULLE_TEXT("links"), &list) ||
		!tulle_json_walk_array(&walk, list))
		return;
	for (int left = DEMO_LINKS_MAX; left > 0 && tulle_json_next(&walk, &link); left--) {
		if (tulle_json_kind_of(link) != TULLE_JSON_OBJECT)
			continue;
		read_string(link, "address", address, sizeof address);
		hear_of(n, from, address);
	}
}

static void hear_chat(demo_node *n, demo_peer *from, tulle_text object)
{
	char text[DEMO_TEXT_MAX + 1], name[64], answer[128];
	tulle_text reply;
	read_string(object, "text", text, sizeof text);
	demo_write_name(n->of, n, from->node, name, sizeof name);
	demo_say(n->of, "%s hears from %s: %s", n->name, name, text);
	n->chats++;
	if (tulle_json_find(object, TULLE_TEXT("reply"), &reply))
		return;
	snprintf(answer, sizeof answer, "I heard you, %s", name);
	say_chat(n, from, answer, true);
}

/* Once, when it has said its name, or when it has had the time to. */
static void tell_connected(demo_node *n, demo_peer *p)
{
	char via[64], name[64];
	if (p->told)
		return;
	p->told = true;
	demo_write_name(n->of, n, p->node, name, sizeof name);
	demo_write_name(n->of, n, tulle_via(n->root, p->node), via, sizeof via);
	demo_say(n->of, "%s is connected to %s, introduced by %s", n->name, name, via);
}

static void hear_hello(demo_node *n, demo_peer *from, tulle_text object)
{
	if (n->self[0] == '\0')
		read_string(object, "you", n->self, sizeof n->self);
	read_string(object, "name", from->name, sizeof from->name);
	tell_connected(n, from);
	say_links(n, NULL); /* with the name */
}

static void hear_pong(demo_peer *from)
{
	if (from->pinged_us == 0)
		return;
	from->trip_us = demo_now_us() - from->pinged_us;
	from->pinged_us = 0;
	from->pongs++;
}

/* Whatever is not of the demo's protocol is for others. */
static void hear(demo_node *n, demo_peer *from, tulle_text json)
{
	char what[8];
	tulle_text number;
	if (tulle_json_kind_of(json) != TULLE_JSON_OBJECT)
		return;
	read_string(json, "demo", what, sizeof what);
	from->heard += what[0] != '\0';
	if (strcmp(what, "hello") == 0)
		hear_hello(n, from, json);
	else if (strcmp(what, "links") == 0)
		hear_links(n, from, json);
	else if (strcmp(what, "chat") == 0)
		hear_chat(n, from, json);
	else if (strcmp(what, "pong") == 0)
		hear_pong(from);
	else if (strcmp(what, "ping") == 0 && tulle_json_find(json, TULLE_TEXT("n"), &number) &&
		 tulle_json_kind_of(number) == TULLE_JSON_NUMBER && number.len <= 20)
		say_number(n, from, "pong", number);
}

static void peer_opened(demo_node *n, demo_peer *p)
{
	p->open = true;
	p->opened_ms = demo_now_us() / 1000;
	say_hello(n, p);
	say_links(n, NULL);
}

static void add_peer(demo_node *n, tulle_node node)
{
	demo_peer *p = peer_of(n, TULLE_NO_NODE);
	if (p == NULL)
		(void)tulle_close(n->root, node);
	else
		*p = (demo_peer){.node = node, .trip_us = -1};
}

static void node_closed(demo_node *n, const tulle_event *e)
{
	char name[64];
	demo_peer *p = peer_of(n, e->node);
	demo_write_name(n->of, n, e->node, name, sizeof name);
	if (e->node == n->onramp) {
		n->onramp_open = false;
		demo_say(n->of, "%s has lost the onramp: %s", n->name,
			tulle_closed_name(e->u.closed));
	} else if (p != NULL) {
		demo_say(
			n->of, "%s has lost %s: %s", n->name, name, tulle_closed_name(e->u.closed));
		p->node = TULLE_NO_NODE;
		say_links(n, NULL);
	}
}

static void take_message(demo_node *n, const tulle_event *e)
{
	char address[TULLE_ADDRESS_MAX + 1];
	demo_peer *p = peer_of(n, e->node);
	tulle_text text = e->u.message.text;
	if (p != NULL) {
		hear(n, p, e->u.message.json);
	} else if (e->node == n->onramp && e->u.message.is_text && text.len != 0) {
		snprintf(address, sizeof address, "%.*s", (int)text.len, text.ptr);
		remember(n, address, n->onramp);
		try_heard(n, demo_now_us() / 1000);
	}
}

static void take(demo_node *n, const tulle_event *e)
{
	demo_peer *p;
	if (e->kind == TULLE_EVENT_CONNECTION && e->node == TULLE_ROOT &&
		e->u.connection.peer != n->onramp)
		add_peer(n, e->u.connection.peer);
	if (e->kind == TULLE_EVENT_OPEN && e->node == n->onramp)
		n->onramp_open = true;
	else if (e->kind == TULLE_EVENT_OPEN && (p = peer_of(n, e->node)) != NULL)
		peer_opened(n, p);
	if (e->kind == TULLE_EVENT_MESSAGE)
		take_message(n, e);
	if (e->kind == TULLE_EVENT_CLOSE)
		node_closed(n, e);
}

void demo_node_take(demo_node *n)
{
	const tulle_event *e;
	while ((e = tulle_next_event(n->root)) != NULL)
		take(n, e);
}

static void ping(demo_node *n)
{
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++) {
		demo_peer *p = &n->peers[i];
		if (p->node == TULLE_NO_NODE || !p->open)
			continue;
		if (demo_now_us() / 1000 - p->opened_ms > DEMO_PATIENCE_MS)
			tell_connected(n, p);
		if (p->pinged_us == 0)
			p->pinged_us = demo_now_us();
		say_number(n, p, "ping", TULLE_TEXT("1"));
	}
}

void demo_node_tick(demo_node *n, int64_t now_ms)
{
	try_heard(n, now_ms);
	if (now_ms >= n->ping_ms) {
		n->ping_ms = now_ms + n->of->ping_every_ms;
		ping(n);
	}
	if (now_ms >= n->repeat_ms) {
		n->repeat_ms = now_ms + DEMO_REPEAT_MS;
		say_links(n, NULL);
	}
}
