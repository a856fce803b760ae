/* SPDX-License-Identifier: MIT */
/* cli: the program `tulle`. stdout carries data, a line at a time; stderr what went wrong. Exit
 * codes: 0 success, 1 failure, 2 the command line is wrong. */
#ifndef TULLE_CLI_CLI_H
#define TULLE_CLI_CLI_H
#include <tulle/base.h>
#include <tulle/host.h>

enum { CLI_OK = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

int cli_demo(int argc, char **argv);
int cli_node(int argc, char **argv);
int cli_onramp(int argc, char **argv);
int cli_probe(int argc, char **argv);

/* "tulle <command>: <text>" on stderr. */
void cli_complain(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes and flushes; false: nobody reads any more (EPIPE), end quietly. */
bool cli_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef struct {
	int argc, at;
	char **argv;
	const char *value; /* of the option that was just taken */
	bool wrong;        /* an option without its value */
} cli_args;

/* Takes a flag: --name */
bool cli_take_flag(cli_args *args, const char *name);
/* Takes --name VALUE or --name=VALUE. */
bool cli_take_option(cli_args *args, const char *name);

#define CLI_SERVERS_MAX 8 /* STUN and TURN servers: the peers' own bound */

typedef struct {
	tulle_ice_server list[CLI_SERVERS_MAX];
	size_t count;
	const char *wrong; /* the value that was refused */
} cli_servers;

/* Takes --stun URL or --turn URL,USER,PASSWORD, which it cuts in place. */
bool cli_take_server(cli_args *args, cli_servers *servers);

/* SIGINT and SIGTERM stop the host's run, the second one ends the process. SIGPIPE is ignored. */
void cli_catch_signals(tulle_host *host);
bool cli_was_stopped(void);
#endif
