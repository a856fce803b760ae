/* SPDX-License-Identifier: MIT */
/* cli: output, arguments, signals. */
#include "cli/cli.h"

#include "peer/servers.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void cli_complain(const char *command, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "tulle %s: ", command);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

bool cli_print(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bool good = vprintf(format, args) >= 0 && fflush(stdout) == 0;
	va_end(args);
	return good;
}

bool cli_take_flag(cli_args *args, const char *name)
{
	if (args->at >= args->argc || strcmp(args->argv[args->at], name) != 0)
		return false;
	args->at++;
	return true;
}

bool cli_take_option(cli_args *args, const char *name)
{
	size_t n = strlen(name);
	if (args->at >= args->argc || strncmp(args->argv[args->at], name, n) != 0)
		return false;
	const char *after = args->argv[args->at] + n;
	if (*after == '=') {
		args->value = after + 1;
		args->at++;
		return true;
	}
	if (*after != '\0')
		return false;
	if (args->at + 1 >= args->argc) {
		args->wrong = true;
		return false;
	}
	args->value = args->argv[args->at + 1];
	args->at += 2;
	return true;
}

/* URL,USER,PASSWORD: a password may have commas. */
static bool cut(char *value, tulle_ice_server *server)
{
	char *user = strchr(value, ',');
	char *password = user != NULL ? strchr(user + 1, ',') : NULL;
	if (password == NULL)
		return false;
	*user++ = '\0';
	*password++ = '\0';
	*server = (tulle_ice_server){value, user, password};
	return true;
}

bool cli_take_server(cli_args *args, cli_servers *servers)
{
	tulle_ice_server server = {0};
	const char *why;
	bool turn = cli_take_option(args, "--turn");
	if (!turn && !cli_take_option(args, "--stun"))
		return false;
	server.url = args->value;
	bool good = !turn || cut((char *)(uintptr_t)args->value, &server);
	const tulle_ice_options one = {.servers = &server, .server_count = 1};
	if (!good || tulle_peer_servers_judge(&one, &why) != TULLE_OK ||
		servers->count == CLI_SERVERS_MAX)
		servers->wrong = args->value;
	else
		servers->list[servers->count++] = server;
	return true;
}

static tulle_host *stopped_host;
static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	if (signals++ != 0)
		_exit(128 + number);
	tulle_host_stop(stopped_host);
}

void cli_catch_signals(tulle_host *host)
{
	struct sigaction action = {.sa_handler = on_signal};
	stopped_host = host;
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

bool cli_was_stopped(void)
{
	return signals != 0;
}
