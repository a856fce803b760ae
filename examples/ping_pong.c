/* SPDX-License-Identifier: MIT */
/* Ping-pong: whoever is announced is connected to and gets `ping?`; each `ping?` is answered by
 * `pong!`, each `pong!` by the next `ping?`, so many times.
 * usage: ping_pong URL [ROUNDS] (3; 0: only answer) */
#include <tulle/host.h>

#include <stdio.h>
#include <stdlib.h>

static long rounds = 3;

static void say(tulle *t, tulle_node node, const char *word)
{
	printf("%.8s < %s\n", tulle_address(t, node).ptr, word);
	fflush(stdout);
	if (tulle_send_text(t, node, word, 5) != TULLE_OK)
		fprintf(stderr, "ping_pong: %s\n", tulle_why(t));
}

static void announced(tulle *t, const tulle_event *e, void *user)
{
	char address[TULLE_ADDRESS_MAX + 1];
	(void)user;
	if (!e->u.message.is_text || rounds == 0)
		return;
	snprintf(address, sizeof address, "%.*s", (int)e->u.message.text.len,
		e->u.message.text.ptr);
	if (tulle_connect(t, e->node, address,
		    &(tulle_connect_options){.offer_data = "\"Hi!\""}, NULL) != TULLE_OK)
		fprintf(stderr, "ping_pong: %s\n", tulle_why(t));
}

static void opened(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	if (tulle_via(t, e->node) != TULLE_ROOT && rounds > 0)
		say(t, e->node, "ping?");
}

static void answer(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	if (tulle_via(t, e->node) == TULLE_ROOT || e->u.message.text.len != 5)
		return;
	printf("%.8s > %.5s\n", tulle_address(t, e->node).ptr, e->u.message.text.ptr);
	fflush(stdout);
	if (e->u.message.text.ptr[1] == 'i')
		say(t, e->node, "pong!");
	else if (--rounds > 0)
		say(t, e->node, "ping?");
	else
		tulle_stop(t);
}

/* The onramp has ended: nothing to wait for. */
static void closed(tulle *t, const tulle_event *e, void *user)
{
	(void)e;
	(void)user;
	tulle_stop(t);
}

int main(int argc, char **argv)
{
	tulle *t;
	tulle_node onramp;
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: ping_pong URL [ROUNDS]\n");
		return 2;
	}
	rounds = argc == 3 ? strtol(argv[2], NULL, 10) : rounds;
	bool asks = rounds > 0;
	if (tulle_create(NULL, &t) != TULLE_OK)
		return 1;
	if (tulle_connect(t, TULLE_ROOT, argv[1], NULL, &onramp) != TULLE_OK) {
		fprintf(stderr, "ping_pong: %s\n", tulle_why(t));
		return 1;
	}
	tulle_on(t, onramp, TULLE_EVENT_MESSAGE, announced, NULL);
	tulle_on(t, onramp, TULLE_EVENT_CLOSE, closed, NULL);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_OPEN, opened, NULL);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, answer, NULL);
	tulle_err err = tulle_run(t);
	tulle_destroy(t);
	return err != TULLE_OK || (asks && rounds > 0);
}
