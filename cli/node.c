/* SPDX-License-Identifier: MIT */
/* cli: `tulle node`, a node of the mesh on a command line. */
#include "cli/node.h"

#include "json/json.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"usage: tulle node URL... [--firewall SECRET] [--offer-data JSON] [--auto] "
	"[--name N] [--stay] [--loopback] [--stun URL] [--turn URL,USER,PASSWORD] [--relay-only] "
	"[--hide-addresses] [--tcp] [--tcp-port PORT] [--json]";
static const char help[] =
	"%s\n"
	"\n"
	"A node of the mesh: connects to the onramps at the URLs (ws://, wss://), then does what\n"
	"stdin says, a command a line:\n"
	"\n"
	"  connect ADDRESS [via NODE] [offer-data JSON]\n"
	"  send ADDRESS JSON    text ADDRESS TEXT    bytes ADDRESS [HEX]\n"
	"  peers    close ADDRESS    quit\n"
	"\n"
	"  --firewall SECRET  accept offers whose data is this string, no others (all)\n"
	"  --offer-data JSON  the data of our offers (null)\n"
	"  --auto             connect to every address that an onramp announces\n"
	"  --name N           begin plain lines with it\n"
	"  --stay             go on when stdin ends\n"
	"  --loopback         use loopback addresses too\n"
	"  --stun URL         ask this server for our address in front of a NAT "
	"(stun:HOST[:PORT])\n"
	"  --turn URL,USER,PASSWORD\n"
	"                     reach others through this relay when nothing shorter does\n"
	"                     (turn:HOST[:PORT][?transport=tcp], turns:HOST[:PORT])\n"
	"  --relay-only       use and tell relayed addresses alone\n"
	"  --hide-addresses   tell names in the place of addresses; the network resolves them\n"
	"  --tcp              streams too, where UDP does not pass (RFC 6544)\n"
	"  --tcp-port PORT    likewise, and others' streams come to this port (any)\n"
	"  --json             events and replies as one JSON object a line\n"
	"  --help, --version\n";

static bool take_value(cli_args *args, const char *name, const char **to)
{
	if (!cli_take_option(args, name))
		return false;
	*to = args->value;
	return true;
}

static bool take_switch(cli_args *args, const char *name, bool *to)
{
	if (!cli_take_flag(args, name))
		return false;
	*to = true;
	return true;
}

static bool judge_port(node_options *o)
{
	uint64_t port = 0;
	const char *text = o->tcp_port_text;
	if (text == NULL)
		return true;
	if (!tulle_text_u64((tulle_text){text, strlen(text)}, UINT16_MAX, &port) || port == 0)
		return false;
	o->tcp_port = (uint16_t)port;
	o->tcp = true;
	return true;
}

/* -1: they fit. */
static int judge_args(node_options *o)
{
	if (!judge_port(o)) {
		cli_complain("node", "--tcp-port is not a port: %s", o->tcp_port_text);
		return CLI_USAGE;
	}
	if (o->servers.wrong != NULL) {
		cli_complain("node", "not a server, or one too many: %s", o->servers.wrong);
		return CLI_USAGE;
	}
	if (o->url_count == 0) {
		cli_complain("node", "a URL is needed; %s", usage);
		return CLI_USAGE;
	}
	if (o->offer_data != NULL &&
		!tulle_json_check((tulle_text){o->offer_data, strlen(o->offer_data)})) {
		cli_complain("node", "--offer-data is not JSON: %s", o->offer_data);
		return CLI_USAGE;
	}
	return -1;
}

/* -1: go on; else exit with it. */
static int read_args(int argc, char **argv, node_options *o)
{
	cli_args args = {.argc = argc, .argv = argv};
	while (args.at < argc) {
		if (cli_take_flag(&args, "--help"))
			return cli_print(help, usage) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--version"))
			return cli_print("tulle %s\n", tulle_version()) ? CLI_OK : CLI_FAILURE;
		if (take_value(&args, "--firewall", &o->firewall) ||
			take_value(&args, "--offer-data", &o->offer_data) ||
			take_value(&args, "--name", &o->name) ||
			take_switch(&args, "--auto", &o->automatic) ||
			take_switch(&args, "--stay", &o->stay) ||
			take_switch(&args, "--loopback", &o->loopback) ||
			take_switch(&args, "--relay-only", &o->relay_only) ||
			take_switch(&args, "--hide-addresses", &o->hide_addresses) ||
			take_switch(&args, "--tcp", &o->tcp) ||
			take_value(&args, "--tcp-port", &o->tcp_port_text) ||
			cli_take_server(&args, &o->servers) ||
			take_switch(&args, "--json", &o->json))
			continue;
		if (!args.wrong && argv[args.at][0] != '-' && o->url_count < NODE_URLS_MAX) {
			o->urls[o->url_count++] = argv[args.at++];
			continue;
		}
		cli_complain("node", "%s %s; %s", args.wrong ? "no value after" : "what is",
			argv[args.at], usage);
		return CLI_USAGE;
	}
	return judge_args(o);
}

static tulle_verdict firewall(tulle *root, const tulle_offer *offer, void *secret)
{
	(void)root;
	tulle_text wanted = {secret, strlen(secret)};
	return tulle_json_string_is(offer->offer_data, wanted) ? TULLE_ACCEPT : TULLE_REFUSE;
}

static int url_index(const cli_node_state *s, tulle_node node)
{
	for (size_t i = 0; i < s->options.url_count; i++)
		if (s->url_nodes[i] == node)
			return (int)i;
	return -1;
}

static void remember(cli_node_state *s, tulle_text address, tulle_node by)
{
	if (s->announced_count == NODE_ANNOUNCED_MAX)
		return;
	if (s->announced_count == s->announced_cap) {
		size_t cap = s->announced_cap != 0 ? s->announced_cap * 2 : 64;
		node_announced *more = realloc(s->announced, cap * sizeof *more);
		if (more == NULL)
			return;
		s->announced = more;
		s->announced_cap = cap;
	}
	char *copy = strndup(address.ptr, address.len);
	if (copy != NULL)
		s->announced[s->announced_count++] = (node_announced){copy, by};
}

/* An onramp says [0, "<address>"]. */
static void announced(cli_node_state *s, const tulle_event *e)
{
	tulle_text a = e->u.message.text;
	if (!e->u.message.is_text || a.len == 0 || tulle_via(s->root, e->node) != TULLE_ROOT)
		return;
	remember(s, a, e->node);
	if (!s->options.automatic || s->announced_count == 0)
		return;
	const char *address = s->announced[s->announced_count - 1].address;
	tulle_err err = cli_node_connect(s, address, e->node, NULL);
	if (err != TULLE_OK && err != TULLE_ERR_STATE) /* STATE: there is one already */
		cli_node_say_error(s, err, tulle_why(s->root), address);
}

static void take_event(cli_node_state *s, const tulle_event *e)
{
	int url = url_index(s, e->node);
	cli_node_event(s, e);
	if (e->kind == TULLE_EVENT_OPEN && url >= 0)
		s->url_opened[url] = true;
	if (e->kind == TULLE_EVENT_CLOSE && url >= 0)
		s->url_closed[url] = true;
	if (e->kind == TULLE_EVENT_MESSAGE)
		announced(s, e);
	bool writable = e->kind == TULLE_EVENT_WRITABLE || e->kind == TULLE_EVENT_CLOSE;
	if (writable && e->node == s->waits_for)
		s->waits_for = TULLE_NO_NODE;
}

static bool urls_decided(const cli_node_state *s)
{
	for (size_t i = 0; i < s->options.url_count; i++)
		if (!s->url_opened[i] && !s->url_closed[i])
			return false;
	return true;
}

static bool any_opened(const cli_node_state *s)
{
	for (size_t i = 0; i < s->options.url_count; i++)
		if (s->url_opened[i])
			return true;
	return false;
}

static bool is_over(const cli_node_state *s)
{
	if (s->mute || s->quit || cli_was_stopped())
		return true;
	if (urls_decided(s) && !any_opened(s))
		return true;
	return s->eof && s->line_len == 0 && !s->options.stay && urls_decided(s);
}

static void take_events(cli_node_state *s)
{
	const tulle_event *e;
	while (!s->mute && (e = tulle_next_event(s->root)) != NULL)
		take_event(s, e);
}

static bool turn(cli_node_state *s)
{
	struct pollfd fds[2] = {{.fd = tulle_host_fd(s->host), .events = POLLIN},
		{.fd = cli_node_wants_input(s) ? STDIN_FILENO : -1, .events = POLLIN}};
	if (poll(fds, 2, -1) < 0 && errno != EINTR)
		return false;
	if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		cli_node_read(s);
	cli_node_run_lines(s);
	if (tulle_host_step(s->host, 0) != TULLE_OK)
		return false;
	take_events(s);
	cli_node_run_lines(s);
	return true;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What was sent arrives (unless a signal asked for haste), then all is closed. */
static void finish(cli_node_state *s)
{
	static tulle_node nodes[NODE_PEERS_MAX];
	bool haste = cli_was_stopped() || s->mute;
	int64_t end = now_ms() + (haste ? 300 : NODE_FINISH_MS);
	size_t n = tulle_peers(s->root, nodes, NODE_PEERS_MAX);
	for (size_t i = 0; i < n && i < NODE_PEERS_MAX; i++)
		(void)(haste ? tulle_close(s->root, nodes[i]) : tulle_finish(s->root, nodes[i]));
	while (tulle_peers(s->root, NULL, 0) != 0 && now_ms() < end) {
		if (tulle_host_step(s->host, 10) != TULLE_OK)
			break;
		take_events(s);
	}
	(void)tulle_close(s->root, TULLE_ROOT);
	for (int i = 0; i < 5; i++) {
		(void)tulle_host_step(s->host, 5);
		take_events(s);
	}
}

static bool connect_urls(cli_node_state *s)
{
	for (size_t i = 0; i < s->options.url_count; i++) {
		const char *url = s->options.urls[i];
		tulle_err err = tulle_connect(s->root, TULLE_ROOT, url, NULL, &s->url_nodes[i]);
		if (err == TULLE_ERR_SYNTAX || err == TULLE_ERR_ARGUMENT ||
			err == TULLE_ERR_STATE) {
			cli_complain("node", "%s: %s", url, tulle_why(s->root));
			return false;
		}
		s->url_closed[i] = err != TULLE_OK;
	}
	return true;
}

static int run(cli_node_state *s)
{
	cli_catch_signals(s->host);
	if (!connect_urls(s))
		return CLI_USAGE;
	while (!is_over(s))
		if (!turn(s)) {
			cli_complain("node", "%s", strerror(errno));
			return CLI_FAILURE;
		}
	bool opened = any_opened(s);
	if (!opened && !cli_was_stopped() && !s->mute && !s->quit)
		cli_complain("node", "no URL could be opened");
	finish(s);
	return opened || cli_was_stopped() || s->mute || s->quit ? CLI_OK : CLI_FAILURE;
}

int cli_node(int argc, char **argv)
{
	static cli_node_state s;
	static const tulle_log silent;
	int code = read_args(argc, argv, &s.options);
	if (code >= 0)
		return code;
	tulle_options o = {.polled = true,
		.ice = {.servers = s.options.servers.list,
			.server_count = s.options.servers.count,
			.loopback = s.options.loopback,
			.relay_only = s.options.relay_only,
			.hide_addresses = s.options.hide_addresses,
			.tcp = s.options.tcp},
		.log = s.options.servers.count != 0 ? tulle_log_stderr(TULLE_LOG_WARN) : silent,
		.firewall = s.options.firewall != NULL ? firewall : NULL,
		.firewall_user = (void *)(uintptr_t)s.options.firewall};
	s.line = malloc(NODE_LINE_MAX + 65536);
	const tulle_host_options ho = {.tcp_port = s.options.tcp_port};
	if (s.line == NULL || tulle_host_create(&ho, &s.host) != TULLE_OK ||
		tulle_create_on(s.host, &o, &s.root) != TULLE_OK) {
		cli_complain("node", "cannot start: %s", strerror(errno));
		code = CLI_FAILURE;
	} else {
		code = run(&s);
	}
	tulle_host_destroy(s.host);
	for (size_t i = 0; i < s.announced_count; i++)
		free(s.announced[i].address);
	free(s.announced);
	free(s.line);
	return code;
}
