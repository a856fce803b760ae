/* SPDX-License-Identifier: MIT */
/* Joins through an onramp, connects to whoever is announced, says hello, echoes. */
#include <tulle/host.h>
#include <stdio.h>

static void announced(tulle *t, const tulle_event *e, void *secret)
{
	if (e->u.message.is_text) { /* the onramp says [0, "<address>"] */
		char address[TULLE_ADDRESS_MAX + 1];
		snprintf(address, sizeof address, "%.*s", (int)e->u.message.text.len,
			e->u.message.text.ptr);
		tulle_connect(
			t, e->node, address, &(tulle_connect_options){.offer_data = secret}, NULL);
	}
}
static void opened(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	if (tulle_via(t, e->node) == TULLE_ROOT)
		return; /* the onramp, not a peer */
	tulle_send_text(t, e->node, "hello", 5);
}
static void echo(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	if (tulle_send_bytes(t, e->node, e->u.bytes.ptr, e->u.bytes.len) != TULLE_OK)
		fprintf(stderr, "%s\n", tulle_why(t));
	if (tulle_buffered(t, e->node) > 524288)
		tulle_pause(t, e->node, true); /* half of send_bytes_max */
}
static void resume(tulle *t, const tulle_event *e, void *user)
{
	(void)user;
	tulle_pause(t, e->node, false);
}
int main(void)
{
	static char secret[] = "\"secret\"";
	tulle *t;
	tulle_node onramp;
	if (tulle_create(NULL, &t) != TULLE_OK)
		return 1;
	if (tulle_connect(t, TULLE_ROOT, "ws://127.0.0.1:20500/", NULL, &onramp) != TULLE_OK)
		return puts(tulle_why(t)), 1;
	tulle_on(t, onramp, TULLE_EVENT_MESSAGE, announced, secret);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_OPEN, opened, NULL);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_BYTES, echo, NULL);
	tulle_on(t, TULLE_ANY_NODE, TULLE_EVENT_WRITABLE, resume, NULL);
	tulle_err err = tulle_run(t);
	tulle_destroy(t);
	return err != TULLE_OK;
}
