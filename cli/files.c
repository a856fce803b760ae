/* SPDX-License-Identifier: MIT */
/* cli: reading a directory of static files into memory. Symbolic links are not followed: what is
 * served stands in the directory itself. */
#include "cli/files.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BYTES_MAX (64u << 20)
#define FILES_MAX 4096

static const char *const types[][2] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".txt", "text/plain; charset=utf-8"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".jpg", "image/jpeg"},
	{".ico", "image/x-icon"},
	{".wasm", "application/wasm"},
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static bool read_whole(const char *path, size_t size, uint8_t **out)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size != 0 ? size : 1);
	bool good = f != NULL && data != NULL && fread(data, 1, size, f) == size;
	if (f != NULL)
		fclose(f);
	if (!good)
		free(data);
	*out = good ? data : NULL;
	return good;
}

static bool has_room(cli_files *files)
{
	if (files->count < files->cap)
		return true;
	size_t cap = files->cap != 0 ? files->cap * 2 : 16;
	tulle_onramp_file *p = realloc(files->files, cap * sizeof *p);
	if (p == NULL)
		return false;
	files->files = p;
	files->cap = cap;
	return true;
}

static const char *add_file(cli_files *files, const char *path, const char *name, size_t size)
{
	uint8_t *data;
	if (size > BYTES_MAX - files->bytes || files->count == FILES_MAX)
		return "it holds more than 64 MiB or 4096 files";
	char *copy = strdup(name);
	if (copy == NULL || !has_room(files) || !read_whole(path, size, &data)) {
		free(copy);
		return errno != 0 ? strerror(errno) : "a file cannot be read";
	}
	const char *type = type_of(name);
	files->files[files->count++] =
		(tulle_onramp_file){{copy, strlen(copy)}, {type, strlen(type)}, {data, size}};
	files->bytes += size;
	return NULL;
}

const char *cli_read_files(cli_files *out, const char *dir)
{
	char *root = strdup(dir);
	size_t skip = strlen(dir);
	const char *wrong = NULL;
	if (root == NULL)
		return "no memory";
	while (skip > 1 && root[skip - 1] == '/')
		root[--skip] = '\0';
	char *const roots[] = {root, NULL};
	errno = 0;
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *e; wrong == NULL && walk != NULL && (e = fts_read(walk)) != NULL;) {
		if (e->fts_level > 0 && e->fts_name[0] == '.')
			(void)fts_set(walk, e, FTS_SKIP);
		else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
			wrong = strerror(e->fts_errno);
		else if (e->fts_info == FTS_F && e->fts_level == 0)
			wrong = "it is not a directory";
		else if (e->fts_info == FTS_F)
			wrong = add_file(out, e->fts_path,
				e->fts_path + (skip == 1 && *root == '/' ? 0 : skip),
				(size_t)e->fts_statp->st_size);
	}
	if (walk == NULL)
		wrong = strerror(errno);
	else
		fts_close(walk);
	free(root);
	return wrong;
}

void cli_free_files(cli_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free((void *)(uintptr_t)files->files[i].path.ptr);
		free((void *)(uintptr_t)files->files[i].bytes.ptr);
	}
	free(files->files);
	*files = (cli_files){0};
}
