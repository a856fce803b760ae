/* SPDX-License-Identifier: MIT */
/* A party: the host stands at one or more doors (onramps), connects to whoever comes in, welcomes
 * them and tells each who else is here; guests then meet through the host, also those who came in
 * by different doors. usage: party host URL... | party guest NAME URL */
#include <tulle/host.h>

#include <stdio.h>
#include <string.h>

static const char welcome[] = "Welcome to the party!";
static const char *name; /* NULL: we are the host */

static void say(tulle *t, tulle_node node, const char *words)
{
	printf("to %.8s: %s\n", tulle_address(t, node).ptr, words);
	fflush(stdout);
	if (tulle_send_text(t, node, words, strlen(words)) != TULLE_OK)
		fprintf(stderr, "party: %s\n", tulle_why(t));
}

static void connect_to(tulle *t, tulle_node via, tulle_text address)
{
	char copy[TULLE_ADDRESS_MAX + 1];
	snprintf(copy, sizeof copy, "%.*s", (int)address.len, address.ptr);
	tulle_err err = tulle_connect(t, via, copy, NULL, NULL);
	if (err != TULLE_OK && err != TULLE_ERR_STATE) /* STATE: we have met */
		fprintf(stderr, "party: %s\n", tulle_why(t));
}

static void introduce(tulle *t, tulle_node to, tulle_node whom)
{
	char words[TULLE_ADDRESS_MAX + 16];
	tulle_text a = tulle_address(t, whom);
	snprintf(words, sizeof words, "here: %.*s", (int)a.len, a.ptr);
	say(t, to, words);
}

static void opened(tulle *t, const tulle_event *e, void *user)
{
	tulle_node nodes[64];
	char hello[80];
	(void)user;
	if (tulle_via(t, e->node) == TULLE_ROOT)
		return; /* a door */
	if (name != NULL) {
		snprintf(hello, sizeof hello, "Hi, I'm %s!", name);
		say(t, e->node, hello);
		return;
	}
	say(t, e->node, welcome);
	size_t n = tulle_peers(t, nodes, 64);
	for (size_t i = 0; i < n && i < 64; i++)
		if (nodes[i] != e->node && tulle_via(t, nodes[i]) != TULLE_ROOT &&
			tulle_is_open(t, nodes[i])) /* the newcomer connects: one is enough */
			introduce(t, e->node, nodes[i]);
}

static void heard(tulle *t, const tulle_event *e, void *user)
{
	tulle_text said = e->u.message.text;
	(void)user;
	if (!e->u.message.is_text)
		return;
	if (tulle_via(t, e->node) == TULLE_ROOT) { /* [0, "<address>"]: somebody came in */
		if (name == NULL)
			connect_to(t, e->node, said);
		return;
	}
	printf("%.8s: %.*s\n", tulle_address(t, e->node).ptr, (int)said.len, said.ptr);
	fflush(stdout);
	if (name != NULL && said.len > 6 && memcmp(said.ptr, "here: ", 6) == 0)
		connect_to(t, e->node, (tulle_text){said.ptr + 6, said.len - 6});
}

int main(int argc, char **argv)
{
	tulle *t;
	int first = argc > 1 && strcmp(argv[1], "guest") == 0 ? 3 : 2;
	if (argc <= first || (first == 2 && strcmp(argv[1], "host") != 0)) {
		fprintf(stderr, "usage: party host URL... | party guest NAME URL\n");
		return 2;
	}
	name = first == 3 ? argv[2] : NULL;
	if (tulle_create(NULL, &t) != TULLE_OK)
		return 1;
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_OPEN, opened, NULL);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_MESSAGE, heard, NULL);
	for (int i = first; i < argc; i++)
		if (tulle_connect(t, TULLE_ROOT, argv[i], NULL, NULL) != TULLE_OK) {
			fprintf(stderr, "party: %s: %s\n", argv[i], tulle_why(t));
			return 1;
		}
	tulle_err err = tulle_run(t);
	tulle_destroy(t);
	return err != TULLE_OK;
}
