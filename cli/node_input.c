/* SPDX-License-Identifier: MIT */
/* cli: the commands of `tulle node`. A line whose message finds no room waits, and with it stdin,
 * so that none fails by back-pressure. Each line gives exactly one reply. */
#include "cli/node.h"

#include "json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_node_wants_input(const cli_node_state *s)
{
	return !s->eof && !s->quit && s->waits_for == TULLE_NO_NODE;
}

static bool take_word(char **rest, char **word)
{
	while (**rest == ' ')
		++*rest;
	*word = *rest;
	while (**rest != '\0' && **rest != ' ')
		++*rest;
	if (**rest == ' ')
		*(*rest)++ = '\0';
	return **word != '\0';
}

static tulle_node announcer(const cli_node_state *s, const char *address)
{
	for (size_t i = s->announced_count; i > 0; i--)
		if (strcmp(s->announced[i - 1].address, address) == 0)
			return s->announced[i - 1].by;
	return s->options.url_count != 0 ? s->url_nodes[0] : TULLE_NO_NODE;
}

tulle_err cli_node_connect(
	cli_node_state *s, const char *address, tulle_node via, const char *offer_data)
{
	tulle_connect_options o = {
		.offer_data = offer_data != NULL ? offer_data : s->options.offer_data};
	if (via == TULLE_NO_NODE)
		via = announcer(s, address);
	return tulle_connect(s->root, via, address, &o, NULL);
}

/* connect ADDRESS [via NODE] [offer-data JSON] */
static tulle_err run_connect(cli_node_state *s, char *rest, const char **why)
{
	char *address, *word;
	const char *offer_data = NULL;
	tulle_node via = TULLE_NO_NODE;
	*why = "usage: connect ADDRESS [via NODE] [offer-data JSON]";
	if (!take_word(&rest, &address))
		return TULLE_ERR_ARGUMENT;
	while (take_word(&rest, &word)) {
		if (strcmp(word, "via") == 0 && via == TULLE_NO_NODE) {
			if (!take_word(&rest, &word))
				return TULLE_ERR_ARGUMENT;
			via = tulle_find(s->root, word);
			if (via == TULLE_NO_NODE) {
				*why = "there is no such node to connect through";
				return TULLE_ERR_GONE;
			}
		} else if (strcmp(word, "offer-data") == 0 && *rest != '\0') {
			offer_data = rest;
			break;
		} else {
			return TULLE_ERR_ARGUMENT;
		}
	}
	tulle_err err = cli_node_connect(s, address, via, offer_data);
	*why = tulle_why(s->root);
	return err;
}

static tulle_err send_hex(cli_node_state *s, tulle_node node, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *bytes = malloc(n + 1);
	tulle_err err = TULLE_ERR_SYNTAX;
	if (bytes == NULL)
		return TULLE_ERR_MEMORY;
	if (strlen(hex) == 0 || tulle_text_unhex((tulle_text){hex, strlen(hex)}, false, bytes, n))
		err = tulle_send_bytes(s->root, node, bytes, n);
	free(bytes);
	return err;
}

static tulle_err run_send(cli_node_state *s, const char *verb, char *rest, const char **why)
{
	char *address;
	*why = "usage: send ADDRESS JSON, text ADDRESS TEXT, bytes ADDRESS [HEX]";
	if (!take_word(&rest, &address))
		return TULLE_ERR_ARGUMENT;
	tulle_node node = tulle_find(s->root, address);
	*why = "there is no such node";
	if (node == TULLE_NO_NODE)
		return TULLE_ERR_GONE;
	tulle_err err =
		strcmp(verb, "send") == 0   ? tulle_send_json(s->root, node, rest, strlen(rest))
		: strcmp(verb, "text") == 0 ? tulle_send_text(s->root, node, rest, strlen(rest))
					    : send_hex(s, node, rest);
	*why = err == TULLE_ERR_SYNTAX && strcmp(verb, "bytes") == 0 ? "not hex digits, two a byte"
								     : tulle_why(s->root);
	if (err == TULLE_WOULD_BLOCK)
		s->waits_for = node;
	return err;
}

static tulle_err run_close(cli_node_state *s, const char *rest, const char **why)
{
	tulle_node node = tulle_find(s->root, rest);
	*why = "there is no such node";
	return node == TULLE_NO_NODE ? TULLE_ERR_GONE : tulle_close(s->root, node);
}

/* The line stays as it is when WOULD_BLOCK: it runs again. */
static tulle_err run_line(cli_node_state *s, char *line, const char **why)
{
	char *rest = line, *verb;
	if (!take_word(&rest, &verb)) {
		*why = "an empty line";
		return TULLE_ERR_ARGUMENT;
	}
	if (strcmp(verb, "connect") == 0)
		return run_connect(s, rest, why);
	if (strcmp(verb, "send") == 0 || strcmp(verb, "text") == 0 || strcmp(verb, "bytes") == 0)
		return run_send(s, verb, rest, why);
	if (strcmp(verb, "close") == 0)
		return run_close(s, rest, why);
	if (strcmp(verb, "peers") == 0) {
		cli_node_peers(s);
		return TULLE_OK;
	}
	if (strcmp(verb, "quit") == 0) {
		s->quit = true;
		return TULLE_OK;
	}
	*why = "not a command: connect, send, text, bytes, peers, close, quit";
	return TULLE_ERR_ARGUMENT;
}

static void do_line(cli_node_state *s, const char *line, size_t len)
{
	const char *why = "";
	char *copy =
		malloc(len + 1); /* words are cut in it; the line itself may have to run again */
	tulle_err err = TULLE_ERR_SYNTAX;
	if (copy == NULL)
		return;
	memcpy(copy, line, len);
	copy[len] = '\0';
	if (memchr(copy, '\0', len) != NULL)
		why = "a line has no NUL";
	else
		err = run_line(s, copy, &why);
	free(copy);
	if (err == TULLE_WOULD_BLOCK)
		return;
	s->lines++;
	cli_node_reply(s, err, why);
}

/* One line; false: it waits for room and runs again. */
static bool take_line(cli_node_state *s, const char *line, size_t len)
{
	if (s->too_long || len > NODE_LINE_MAX) {
		s->too_long = false;
		s->lines++;
		cli_node_reply(s, TULLE_ERR_TOO_LARGE, "the line is longer than 4 MiB");
	} else {
		do_line(s, line, len);
	}
	return s->waits_for == TULLE_NO_NODE;
}

void cli_node_run_lines(cli_node_state *s)
{
	size_t at = 0;
	bool partial = false;
	while (at < s->line_len && !s->quit && !s->mute && s->waits_for == TULLE_NO_NODE) {
		const char *end = memchr(s->line + at, '\n', s->line_len - at);
		size_t len = end != NULL ? (size_t)(end - s->line) - at : s->line_len - at;
		partial = end == NULL && !s->eof;
		if (partial)
			break;
		if (take_line(s, s->line + at, len))
			at += len + (end != NULL ? 1 : 0);
	}
	memmove(s->line, s->line + at, s->line_len - at);
	s->line_len -= at;
	if (partial && (s->too_long || s->line_len > NODE_LINE_MAX)) {
		s->too_long = true;
		s->line_len =
			1; /* its rest is skipped; one byte stands for it, should the end come */
	}
}

void cli_node_read(cli_node_state *s)
{
	ssize_t n = read(STDIN_FILENO, s->line + s->line_len, NODE_LINE_MAX + 65536 - s->line_len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		s->eof = true;
	else
		s->line_len += (size_t)n;
}
