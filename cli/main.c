/* SPDX-License-Identifier: MIT */
/* cli: which command? */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"demo", "an onramp with a page, and three nodes", cli_demo},
	{"node", "a node of the mesh", cli_node},
	{"onramp", "P's signaling server", cli_onramp},
	{"probe", "what this network lets through, and what to do", cli_probe},
};

static int print_help(void)
{
	bool good = cli_print("usage: tulle COMMAND [--help] ...\n\n");
	for (size_t i = 0; good && i < sizeof commands / sizeof *commands; i++)
		good = cli_print("  %-8s %s\n", commands[i].name, commands[i].what);
	return good ? CLI_OK : CLI_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--help") == 0)
		return print_help();
	if (argc >= 2 && strcmp(argv[1], "--version") == 0)
		return cli_print("tulle %s\n", tulle_version()) ? CLI_OK : CLI_FAILURE;
	for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	if (argc < 2)
		fprintf(stderr, "tulle: a command is needed: demo, node, onramp, probe; see tulle "
				"--help\n");
	else
		fprintf(stderr, "tulle: %s is not a command; see tulle --help\n", argv[1]);
	return CLI_USAGE;
}
