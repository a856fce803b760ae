/* SPDX-License-Identifier: MIT */
/* cli: `tulle demo`: its state, for the files demo*.c. What the nodes say to each other stands in
 * docs/DEMO.md. */
#ifndef TULLE_CLI_DEMO_H
#define TULLE_CLI_DEMO_H
#include "base/text.h"
#include "cli/cli.h"
#include "cli/files.h"

#define DEMO_NODES 3
#define DEMO_PEERS_MAX 32      /* a node's connections */
#define DEMO_HEARD_MAX 64      /* addresses that may be tried later */
#define DEMO_NAME_MAX 48       /* bytes of a name */
#define DEMO_TEXT_MAX 1000     /* bytes of a chat line */
#define DEMO_LINKS_MAX 64      /* of a peer's list of links */
#define DEMO_MESSAGE_MAX 16384 /* bytes of a message of ours */
#define DEMO_PATIENCE_MS 2000  /* how long others have to introduce a stranger */
#define DEMO_REPEAT_MS 5000    /* links are said again, for who missed them */
#define DEMO_LINES 8           /* of what happened, on a terminal */
#define DEMO_LINE_MAX 160      /* bytes of one */

typedef struct {
	tulle_node node; /* TULLE_NO_NODE: the place is free */
	bool open, told; /* told: that it is connected */
	int64_t opened_ms;
	char name[DEMO_NAME_MAX + 1]; /* "": it did not say */
	uint64_t said, heard, pongs;
	int64_t pinged_us, trip_us; /* trip_us < 0: not measured yet */
} demo_peer;

typedef struct {
	char address[TULLE_ADDRESS_MAX + 1];
	tulle_node by;
	int64_t at_ms;
} demo_heard;

typedef struct demo demo;

typedef struct {
	demo *of;
	tulle *root;
	tulle_node onramp;
	bool onramp_open;
	char name[2], self[TULLE_ADDRESS_MAX + 1]; /* self: "" until a peer has told it */
	demo_peer peers[DEMO_PEERS_MAX];
	demo_heard heard[DEMO_HEARD_MAX];
	size_t heard_count;
	int64_t ping_ms, repeat_ms;  /* when next */
	uint64_t chats;              /* lines heard */
	char text[DEMO_MESSAGE_MAX]; /* of a message that is being written */
} demo_node;

struct demo {
	bool once, terminal;
	int64_t ping_every_ms;
	tulle_host *host;
	tulle_onramp *onramp;
	char page[80], url[80]; /* http://…/ and ws://…/ */
	const char *note;       /* a line under the head, or NULL */
	demo_node nodes[DEMO_NODES];
	size_t started;
	char lines[DEMO_LINES][DEMO_LINE_MAX];
	size_t line_count;
	int drawn; /* lines of the last picture */
};

int64_t demo_now_us(void);

/* demo_node.c: one node of the three */
bool demo_node_start(demo *d, demo_node *n, bool loopback);
void demo_node_take(demo_node *n); /* what happened at it */
void demo_node_tick(demo_node *n, int64_t now_ms);
void demo_node_chat(demo_node *n, const char *text);
size_t demo_node_links(const demo_node *n); /* open ones */

/* demo_view.c: what a person sees */
void demo_say(demo *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void demo_draw(demo *d);       /* on a terminal */
void demo_list(const demo *d); /* plain: each connection a line */
/* By whom a peer was introduced: "the onramp", a name, or the head of an address. */
void demo_write_name(const demo *d, const demo_node *n, tulle_node node, char *dst, size_t bytes);
#endif
