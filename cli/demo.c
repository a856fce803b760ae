/* SPDX-License-Identifier: MIT */
/* cli: `tulle demo`: an onramp with a page, and three nodes on one host that connect transitively.
 * Everything stands in one process: when it ends, nothing is left. */
#include "cli/demo.h"

#include "base/addr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tulle/onramp.h>
#include <unistd.h>

#define FINISH_MS 500
#define STEP_MS 10
#define DRAW_MS 200
#define ONCE_MS 60000 /* for all that `--once` waits for */
#define ONCE_PONGS 3

static const char usage[] = "usage: tulle demo [--port N] [--web DIR] [--once]";
static const char help[] = "%s\n"
			   "\n"
			   "Starts an onramp with a page and three nodes that connect "
			   "transitively, and shows the mesh.\n"
			   "\n"
			   "  --port N   where the onramp listens on 127.0.0.1; 0: any (20500)\n"
			   "  --web DIR  the page (web)\n"
			   "  --once     on a free port, without a person: says what it saw, exits "
			   "0 when all went well\n"
			   "  --help, --version\n";

typedef struct {
	const char *web;
	uint64_t port;
	bool once;
} options;

int64_t demo_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return demo_now_us() / 1000;
}

/* -1: go on; else exit with it. */
static int read_args(int argc, char **argv, options *o)
{
	cli_args args = {.argc = argc, .argv = argv};
	while (args.at < argc) {
		if (cli_take_flag(&args, "--help"))
			return cli_print(help, usage) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--version"))
			return cli_print("tulle %s\n", tulle_version()) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--once")) {
			o->once = true;
		} else if (cli_take_option(&args, "--web")) {
			o->web = args.value;
		} else if (cli_take_option(&args, "--port")) {
			if (!tulle_text_u64(tulle_text_of(args.value), 65535, &o->port)) {
				cli_complain("demo", "%s is not a port", args.value);
				return CLI_USAGE;
			}
		} else {
			cli_complain("demo", "%s %s; %s", args.wrong ? "no value after" : "what is",
				argv[args.at], usage);
			return CLI_USAGE;
		}
	}
	return -1;
}

/* Browsers offer no loopback, so somebody must have another address. */
static bool has_network(void)
{
	struct ifaddrs *list = NULL;
	bool found = false;
	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 ||
			(i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		found = found || i->ifa_addr->sa_family == AF_INET;
		if (i->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 six;
			memcpy(&six, i->ifa_addr, sizeof six);
			found = found || !IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr);
		}
	}
	freeifaddrs(list);
	return found;
}

static bool listen_at(demo *d, const options *o)
{
	char where[32], text[TULLE_ADDR_TEXT_MAX];
	tulle_addr bound;
	snprintf(where, sizeof where, "127.0.0.1:%u", (unsigned)o->port);
	tulle_err err = tulle_onramp_listen(d->onramp, where, &bound);
	if (err != TULLE_OK && errno == EADDRINUSE)
		cli_complain("demo",
			"%s is taken; give another port (tulle demo --port N, make demo PORT=N), "
			"0 finds a free one",
			where);
	else if (err != TULLE_OK)
		cli_complain("demo", "cannot listen on %s: %s", where, strerror(errno));
	if (err != TULLE_OK)
		return false;
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_addr_write(&w, &bound);
	snprintf(d->url, sizeof d->url, "ws://%.*s/", (int)w.len, text);
	snprintf(d->page, sizeof d->page, "http://%.*s/", (int)w.len, text);
	return true;
}

/* The first is alone; each further one joins when those before it are connected to each other. */
static bool is_meshed(const demo *d)
{
	for (size_t i = 0; i < d->started; i++)
		if (!d->nodes[i].onramp_open || demo_node_links(&d->nodes[i]) < d->started - 1)
			return false;
	return true;
}

static bool start_next(demo *d, bool loopback)
{
	demo_node *n = &d->nodes[d->started];
	n->name[0] = (char)('A' + (int)d->started);
	if (!demo_node_start(d, n, loopback)) {
		cli_complain("demo", "cannot start node %s: %s", n->name, strerror(errno));
		return false;
	}
	demo_say(d, "%s joins through the onramp", n->name);
	d->started++;
	return true;
}

static bool turn(demo *d)
{
	if (tulle_host_step(d->host, STEP_MS) != TULLE_OK) {
		cli_complain("demo", "%s", strerror(errno));
		return false;
	}
	for (size_t i = 0; i < d->started; i++) {
		demo_node_take(&d->nodes[i]);
		demo_node_tick(&d->nodes[i], now_ms());
	}
	return true;
}

/* -- with a person
 * ---------------------------------------------------------------------------------- */

static int show(demo *d, bool loopback)
{
	int64_t draw_ms = 0;
	bool listed = false;
	while (!cli_was_stopped()) {
		if (d->started < DEMO_NODES && is_meshed(d) && !start_next(d, loopback))
			return CLI_FAILURE;
		if (!turn(d))
			return CLI_FAILURE;
		if (d->terminal && now_ms() >= draw_ms) {
			draw_ms = now_ms() + DRAW_MS;
			demo_draw(d);
		}
		if (!d->terminal && !listed && d->started == DEMO_NODES && is_meshed(d)) {
			listed = true;
			demo_say(d, "all nodes are connected; open %s in a browser", d->page);
		}
		if (ferror(stdout))
			return CLI_FAILURE; /* nobody reads any more */
	}
	if (d->terminal)
		(void)cli_print("\n");
	return CLI_OK;
}

/* -- without
 * ---------------------------------------------------------------------------------------- */

static uint64_t fewest_pongs(const demo *d)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < d->started; i++)
		for (size_t k = 0; k < DEMO_PEERS_MAX; k++) {
			const demo_peer *p = &d->nodes[i].peers[k];
			if (p->node != TULLE_NO_NODE)
				least = p->pongs < least ? p->pongs : least;
		}
	return least;
}

static size_t count_transitive(const demo *d)
{
	size_t count = 0;
	for (size_t i = 0; i < d->started; i++)
		for (size_t k = 0; k < DEMO_PEERS_MAX; k++) {
			const demo_peer *p = &d->nodes[i].peers[k];
			if (p->node != TULLE_NO_NODE && p->open &&
				tulle_via(d->nodes[i].root, p->node) != d->nodes[i].onramp)
				count++;
		}
	return count;
}

static bool all_linked(const demo *d)
{
	for (size_t i = 0; i < d->started; i++)
		if (demo_node_links(&d->nodes[i]) != DEMO_NODES - 1)
			return false;
	return d->started == DEMO_NODES;
}

static bool onramp_left(const demo *d)
{
	for (size_t i = 0; i < d->started; i++)
		if (d->nodes[i].onramp_open)
			return false;
	return true;
}

static bool chat_passed(const demo *d)
{
	return d->nodes[0].chats >= DEMO_NODES - 1 && d->nodes[1].chats >= 1 &&
	       d->nodes[2].chats >= 1;
}

/* Turns until `done`; false: it did not come. */
static bool wait_for(
	demo *d, const char *what, bool (*done)(const demo *), uint64_t pongs, int64_t until_ms)
{
	while (!cli_was_stopped() && now_ms() < until_ms) {
		if (done(d) && fewest_pongs(d) >= pongs)
			return true;
		if (!turn(d))
			return false;
	}
	cli_complain("demo", "it did not come to this: %s", what);
	demo_list(d);
	return false;
}

static bool stop_onramp(demo *d, int64_t until_ms)
{
	demo_say(d, "the onramp is stopped");
	tulle_onramp_finish(d->onramp);
	bool left =
		wait_for(d, "every node hears that the onramp is gone", onramp_left, 0, until_ms);
	tulle_onramp_destroy(d->onramp);
	d->onramp = NULL;
	return left;
}

static int run_once(demo *d, bool loopback)
{
	int64_t until = now_ms() + ONCE_MS;
	for (size_t i = 0; i < DEMO_NODES; i++)
		if (!start_next(d, loopback) ||
			!wait_for(d, "all nodes so far are connected", is_meshed, 0, until))
			return CLI_FAILURE;
	if (!wait_for(d, "messages pass everywhere", all_linked, ONCE_PONGS, until))
		return CLI_FAILURE;
	demo_node_chat(&d->nodes[0], "hello");
	if (!wait_for(d, "a chat line is heard and answered", chat_passed, 0, until))
		return CLI_FAILURE;
	size_t transitive = count_transitive(d);
	if (transitive < 2) { /* both ends of one connection */
		cli_complain("demo", "no node was introduced by another");
		return CLI_FAILURE;
	}
	uint64_t before = fewest_pongs(d);
	if (!stop_onramp(d, until) || !wait_for(d, "messages pass without the onramp", all_linked,
					      before + ONCE_PONGS, until))
		return CLI_FAILURE;
	demo_list(d);
	demo_say(d,
		"%d nodes, %d connections, %zu of them introduced by a node; messages pass with "
		"and without the onramp",
		DEMO_NODES, DEMO_NODES * (DEMO_NODES - 1) / 2, transitive / 2);
	return CLI_OK;
}

/* -- all of it
 * -------------------------------------------------------------------------------------- */

static void end(demo *d)
{
	int64_t until = now_ms() + FINISH_MS;
	for (size_t i = 0; i < d->started; i++)
		(void)tulle_close(d->nodes[i].root, TULLE_ROOT);
	if (d->onramp != NULL)
		tulle_onramp_finish(d->onramp);
	for (tulle_onramp_stats stats = {.streams = 1}; stats.streams != 0 && now_ms() < until;) {
		(void)tulle_host_step(d->host, STEP_MS);
		stats.streams = 0;
		if (d->onramp != NULL)
			tulle_onramp_read_stats(d->onramp, &stats);
	}
	tulle_onramp_destroy(d->onramp);
}

static int run(demo *d, const options *o, const cli_files *files)
{
	const tulle_onramp_options settings = {.files = files->files, .file_count = files->count};
	bool loopback = !has_network();
	if (tulle_onramp_create(d->host, &settings, &d->onramp) != TULLE_OK) {
		cli_complain("demo", "there is no memory to start");
		return CLI_FAILURE;
	}
	cli_catch_signals(d->host);
	if (!listen_at(d, o))
		return CLI_FAILURE;
	if (loopback)
		d->note = "only the loopback interface is up: browsers cannot join, for they offer "
			  "no "
			  "loopback";
	if (!d->terminal) {
		demo_say(d, "the page: %s, the onramp: %s", d->page, d->url);
		if (d->note != NULL)
			demo_say(d, "%s", d->note);
	}
	int code = o->once ? run_once(d, loopback) : show(d, loopback);
	return ferror(stdout) ? CLI_FAILURE : code;
}

int cli_demo(int argc, char **argv)
{
	static demo d;
	options o = {.web = "web", .port = 20500};
	cli_files files = {0};
	int code = read_args(argc, argv, &o);
	if (code >= 0)
		return code;
	if (o.once)
		o.port = 0;
	d.terminal = !o.once && isatty(STDOUT_FILENO) != 0;
	d.ping_every_ms = o.once ? 50 : 1000;
	const char *wrong = cli_read_files(&files, o.web);
	if (wrong != NULL) {
		cli_complain("demo", "the page, %s: %s", o.web, wrong);
		code = CLI_FAILURE;
	} else if (tulle_host_create(NULL, &d.host) != TULLE_OK) {
		cli_complain("demo", "cannot start: %s", strerror(errno));
		code = CLI_FAILURE;
	} else {
		code = run(&d, &o, &files);
		end(&d);
	}
	tulle_host_destroy(d.host);
	cli_free_files(&files);
	return code;
}
