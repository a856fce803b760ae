/* SPDX-License-Identifier: MIT */
/* cli: `tulle node`: its state, for the files node*.c. */
#ifndef TULLE_CLI_NODE_H
#define TULLE_CLI_NODE_H
#include "base/text.h"
#include "cli/cli.h"

#define NODE_URLS_MAX 16
#define NODE_LINE_MAX (4 << 20)  /* bytes of one command */
#define NODE_ANNOUNCED_MAX 65536 /* addresses whose announcer is remembered */
#define NODE_PEERS_MAX 256       /* the mesh's own bound of nodes */
#define NODE_FINISH_MS 5000      /* how long pending data has to go out at the end */

typedef struct {
	char *address;
	tulle_node by;
} node_announced;

typedef struct {
	const char *urls[NODE_URLS_MAX], *firewall, *offer_data, *name;
	size_t url_count;
	const char *tcp_port_text;
	uint16_t tcp_port; /* 0: any */
	bool automatic, stay, loopback, relay_only, hide_addresses, tcp, json;
	cli_servers servers;
} node_options;

typedef struct {
	node_options options;
	tulle_host *host;
	tulle *root;
	tulle_node url_nodes[NODE_URLS_MAX];
	bool url_opened[NODE_URLS_MAX], url_closed[NODE_URLS_MAX];
	node_announced *announced;
	size_t announced_count, announced_cap;
	char *line; /* what came of stdin and is not done yet */
	size_t line_len, lines;
	bool too_long;        /* the line that comes is over NODE_LINE_MAX: its rest is skipped */
	bool eof, quit;       /* of stdin; a command */
	bool mute;            /* nobody reads stdout any more */
	tulle_node waits_for; /* the first line waits until this node is writable */
} cli_node_state;

/* node_output.c: one event or reply, a line each */
void cli_node_event(cli_node_state *s, const tulle_event *e);
void cli_node_reply(cli_node_state *s, tulle_err err, const char *why);
void cli_node_peers(cli_node_state *s);
void cli_node_say_error(cli_node_state *s, tulle_err code, const char *text, const char *address);

/* node_input.c: commands */
void cli_node_read(cli_node_state *s); /* stdin is readable */
void cli_node_run_lines(cli_node_state *s);
bool cli_node_wants_input(const cli_node_state *s);
tulle_err cli_node_connect(
	cli_node_state *s, const char *address, tulle_node via, const char *offer_data);
#endif
