/* SPDX-License-Identifier: MIT */
/* cli: `tulle onramp`, P's server. */
#include "base/addr.h"
#include "cli/cli.h"
#include "cli/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <tulle/onramp.h>

#define LISTENS_MAX 16
#define FINISH_MS 2000 /* how long clients have to take their close frames */

static const char usage[] = "usage: tulle onramp [--listen HOST:PORT]... [--web DIR] [--json]";
static const char help[] =
	"%s\n"
	"\n"
	"P's signaling server: introduces the peers that connect to it by WebSocket.\n"
	"\n"
	"  --listen HOST:PORT  where to accept, an address as 127.0.0.1 or [::1]; port 0: any;\n"
	"                      may be given several times (127.0.0.1:20500)\n"
	"  --web DIR           serve the files of DIR, read once at the start\n"
	"  --json              say what happens as one JSON object a line\n"
	"  --help, --version\n";

typedef struct {
	const char *listens[LISTENS_MAX], *web;
	size_t listen_count;
	bool json;
} options;

/* -1: go on; else exit with it. */
static int read_args(int argc, char **argv, options *o)
{
	cli_args args = {.argc = argc, .argv = argv};
	while (args.at < argc) {
		if (cli_take_flag(&args, "--help"))
			return cli_print(help, usage) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--version"))
			return cli_print("tulle %s\n", tulle_version()) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--json")) {
			o->json = true;
		} else if (cli_take_option(&args, "--web")) {
			o->web = args.value;
		} else if (o->listen_count < LISTENS_MAX && cli_take_option(&args, "--listen")) {
			o->listens[o->listen_count++] = args.value;
		} else {
			cli_complain("onramp", "%s %s; %s",
				args.wrong ? "no value after" : "what is", argv[args.at], usage);
			return CLI_USAGE;
		}
	}
	if (o->listen_count == 0)
		o->listens[o->listen_count++] = "127.0.0.1:20500";
	return -1;
}

/* 0: bound and said; else the exit code. */
static int listen_on(tulle_onramp *onramp, const char *where, bool json)
{
	char text[TULLE_ADDR_TEXT_MAX];
	tulle_addr bound;
	tulle_err err = tulle_onramp_listen(onramp, where, &bound);
	if (err == TULLE_ERR_SYNTAX) {
		cli_complain("onramp",
			"%s is not an address and port like 127.0.0.1:20500 or [::1]:0", where);
		return CLI_USAGE;
	}
	if (err != TULLE_OK && errno == EADDRINUSE) {
		cli_complain("onramp",
			"%s is taken; give another with --listen, port 0 finds a free one", where);
		return CLI_FAILURE;
	}
	if (err != TULLE_OK) {
		cli_complain("onramp", "cannot listen on %s: %s", where, strerror(errno));
		return CLI_FAILURE;
	}
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_addr_write(&w, &bound);
	bool said = json ? cli_print("{\"event\":\"listening\",\"url\":\"ws://%.*s/\"}\n",
				   (int)w.len, text)
			 : cli_print("listening on ws://%.*s/\n", (int)w.len, text);
	return said ? CLI_OK : CLI_FAILURE;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Close frames go out, for a moment. */
static void finish(tulle_host *host, tulle_onramp *onramp)
{
	tulle_onramp_stats stats;
	int64_t end = now_ms() + FINISH_MS;
	tulle_onramp_finish(onramp);
	do {
		(void)tulle_host_step(host, 50);
		tulle_onramp_read_stats(onramp, &stats);
	} while (stats.streams != 0 && now_ms() < end);
	(void)tulle_host_step(host, 0);
}

/* Each client is a descriptor: as many as the system lets this user have. */
static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(tulle_host *host, const options *o, const cli_files *files)
{
	const tulle_onramp_options settings = {.files = files->files, .file_count = files->count};
	tulle_onramp *onramp;
	int code = CLI_OK;
	if (tulle_onramp_create(host, &settings, &onramp) != TULLE_OK) {
		cli_complain("onramp", "there is no memory to start");
		return CLI_FAILURE;
	}
	raise_limit();
	cli_catch_signals(host);
	for (size_t i = 0; i < o->listen_count && code == CLI_OK; i++)
		code = listen_on(onramp, o->listens[i], o->json);
	if (code == CLI_OK && !cli_was_stopped() && tulle_host_run(host) != TULLE_OK) {
		cli_complain("onramp", "%s", strerror(errno));
		code = CLI_FAILURE;
	}
	if (code == CLI_OK)
		finish(host, onramp);
	tulle_onramp_destroy(onramp);
	return code;
}

int cli_onramp(int argc, char **argv)
{
	options o = {0};
	cli_files files = {0};
	tulle_host *host = NULL;
	int code = read_args(argc, argv, &o);
	if (code >= 0)
		return code;
	const char *wrong = o.web != NULL ? cli_read_files(&files, o.web) : NULL;
	if (wrong != NULL) {
		cli_complain("onramp", "%s: %s", o.web, wrong);
		code = CLI_FAILURE;
	} else if (tulle_host_create(NULL, &host) != TULLE_OK) {
		cli_complain("onramp", "cannot start: %s", strerror(errno));
		code = CLI_FAILURE;
	} else {
		code = serve(host, &o, &files);
	}
	tulle_host_destroy(host);
	cli_free_files(&files);
	return code;
}
