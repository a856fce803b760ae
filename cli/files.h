/* SPDX-License-Identifier: MIT */
/* cli: a directory read into memory, so that requests never touch the disk. */
#ifndef TULLE_CLI_FILES_H
#define TULLE_CLI_FILES_H
#include <tulle/onramp.h>

typedef struct {
	tulle_onramp_file *files;
	size_t count, cap, bytes;
} cli_files;

/* All regular files under dir but hidden ones, at most 64 MiB. NULL: done; else what went wrong. */
const char *cli_read_files(cli_files *out, const char *dir);
void cli_free_files(cli_files *files);
#endif
