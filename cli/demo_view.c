/* SPDX-License-Identifier: MIT */
/* cli: what `tulle demo` shows: on a terminal one picture that is drawn anew in its place,
 * elsewhere plain lines. What others said is printed without its control characters. */
#include "cli/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void demo_write_name(const demo *d, const demo_node *n, tulle_node node, char *dst, size_t bytes)
{
	tulle_text a = tulle_address(n->root, node);
	if (node == n->onramp) {
		snprintf(dst, bytes, "the onramp");
		return;
	}
	for (size_t i = 0; i < DEMO_PEERS_MAX; i++)
		if (n->peers[i].node == node && n->peers[i].name[0] != '\0') {
			snprintf(dst, bytes, "%s", n->peers[i].name);
			return;
		}
	for (size_t i = 0; i < DEMO_NODES; i++)
		if (a.len != 0 && tulle_text_is(a, tulle_text_of(d->nodes[i].self))) {
			snprintf(dst, bytes, "%s", d->nodes[i].name);
			return;
		}
	if (a.len == 0)
		snprintf(dst, bytes, "one that is gone");
	else
		snprintf(dst, bytes, "%.*s", (int)(a.len < 8 ? a.len : 8), a.ptr);
}

static void make_plain(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			*c = '?';
}

void demo_say(demo *d, const char *format, ...)
{
	char line[DEMO_LINE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	size_t len = strlen(line);
	while (len > 0 && !tulle_text_is_utf8(line, len))
		line[--len] = '\0'; /* cut in the middle of a character */
	make_plain(line);
	if (!d->terminal) {
		(void)cli_print("%s\n", line);
		return;
	}
	memcpy(d->lines[d->line_count++ % DEMO_LINES], line, len + 1);
}

typedef struct {
	int columns, rows, lines;
} screen;

/* One line of the picture, cut at the edge: a wrapped one would spoil the count. A column a
 * character, which is true enough for a demo. */
static void put(screen *s, const char *style, const char *text)
{
	int column = 0;
	if (s->lines + 1 >= s->rows)
		return;
	fputs(style, stdout);
	for (const char *c = text; *c != '\0'; c++) {
		column += ((unsigned char)*c & 0xc0) != 0x80;
		if (column >= s->columns)
			break;
		fputc(*c, stdout);
	}
	fputs("\033[0m\033[K\n", stdout);
	s->lines++;
}

static void write_link(
	const demo *d, const demo_node *n, const demo_peer *p, char *dst, size_t bytes)
{
	char name[64], via[64], trip[24] = "";
	demo_write_name(d, n, p->node, name, sizeof name);
	demo_write_name(d, n, tulle_via(n->root, p->node), via, sizeof via);
	make_plain(name);
	make_plain(via);
	if (p->trip_us >= 0)
		snprintf(trip, sizeof trip, "%.1f ms", (double)p->trip_us / 1000);
	snprintf(dst, bytes, "%-3s %-20.20s %-20.20s %10s %8llu %8llu", n->name, name,
		p->open ? via : "(connecting)", trip, (unsigned long long)p->said,
		(unsigned long long)p->heard);
}

static void put_nodes(const demo *d, screen *s)
{
	char line[DEMO_LINE_MAX];
	for (size_t i = 0; i < d->started; i++) {
		const demo_node *n = &d->nodes[i];
		bool any = false;
		for (size_t k = 0; k < DEMO_PEERS_MAX; k++) {
			if (n->peers[k].node == TULLE_NO_NODE)
				continue;
			write_link(d, n, &n->peers[k], line, sizeof line);
			put(s, "", line);
			any = true;
		}
		if (!any) {
			snprintf(line, sizeof line, "%-3s (nobody)", n->name);
			put(s, "", line);
		}
	}
}

static screen measure(void)
{
	struct winsize size;
	screen s = {80, 24, 0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 && size.ws_row > 4)
		s = (screen){size.ws_col, size.ws_row, 0};
	return s;
}

void demo_draw(demo *d)
{
	char line[DEMO_LINE_MAX];
	screen s = measure();
	if (d->drawn != 0)
		printf("\033[%dA", d->drawn);
	snprintf(line, sizeof line, "tulle demo: open %s in a browser; Ctrl-C ends it", d->page);
	put(&s, "\033[1m", line);
	if (d->note != NULL)
		put(&s, "\033[33m", d->note);
	put(&s, "", "");
	snprintf(line, sizeof line, "%-3s %-20s %-20s %10s %8s %8s", "", "connected to",
		"introduced by", "round trip", "said", "heard");
	put(&s, "\033[2m", line);
	put_nodes(d, &s);
	put(&s, "", "");
	size_t from = d->line_count > DEMO_LINES ? d->line_count - DEMO_LINES : 0;
	for (size_t i = from; i < d->line_count; i++)
		put(&s, "", d->lines[i % DEMO_LINES]);
	fputs("\033[J", stdout);
	fflush(stdout);
	d->drawn = s.lines;
}

void demo_list(const demo *d)
{
	char line[DEMO_LINE_MAX];
	for (size_t i = 0; i < d->started; i++)
		for (size_t k = 0; k < DEMO_PEERS_MAX; k++) {
			const demo_peer *p = &d->nodes[i].peers[k];
			if (p->node == TULLE_NO_NODE)
				continue;
			write_link(d, &d->nodes[i], p, line, sizeof line);
			(void)cli_print("  %s\n", line);
		}
}
