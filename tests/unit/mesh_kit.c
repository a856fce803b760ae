/* SPDX-License-Identifier: MIT */
/* Tests of the mesh: what each root heard. */
#include "tests/unit/mesh_kit.h"

heard kit_log[WORLD_ROOTS_MAX][KIT_HEARD_MAX];
size_t kit_count[WORLD_ROOTS_MAX];
void (*kit_also)(int root, const tulle_event *e);

static void note_text(heard *h, tulle_text t)
{
	h->len = t.len;
	snprintf(h->text, sizeof h->text, "%.*s", (int)(t.len < 299 ? t.len : 299), t.ptr);
}

static void note(int root, const tulle_event *e)
{
	ck_assert_uint_lt(kit_count[root], KIT_HEARD_MAX);
	heard *h = &kit_log[root][kit_count[root]++];
	*h = (heard){.kind = e->kind, .node = e->node};
	switch ((int)e->kind) {
	case TULLE_EVENT_CONNECTION:
	case TULLE_EVENT_DISCONNECTION:
		h->peer = e->u.connection.peer;
		h->incoming = e->u.connection.incoming;
		break;
	case TULLE_EVENT_MESSAGE:
		note_text(h, e->u.message.is_text ? e->u.message.text : e->u.message.json);
		h->is_text = e->u.message.is_text;
		break;
	case TULLE_EVENT_BYTES:
		h->len = e->u.bytes.len;
		memcpy(h->text, e->u.bytes.ptr, h->len < 299 ? h->len : 299);
		break;
	case TULLE_EVENT_ERROR:
		h->code = e->u.error.code;
		note_text(h, e->u.error.text);
		break;
	case TULLE_EVENT_CLOSE:
		h->closed = e->u.closed;
		break;
	case TULLE_EVENT_OFFER:
		h->offer = e->u.offer.id;
		note_text(h, e->u.offer.offer_data);
		break;
	default:
		break;
	}
	if (kit_also != NULL)
		kit_also(root, e);
}

void kit_begin(uint32_t seed, world_config config)
{
	config.heard = note;
	if (config.delay_us == 0)
		config.delay_us = 10000;
	kit_also = NULL;
	memset(kit_count, 0, sizeof kit_count);
	world_begin(seed, &config);
}

const heard *kit_find(int root, tulle_event_kind kind, tulle_node node, size_t from)
{
	for (size_t i = from; i < kit_count[root]; i++)
		if (kit_log[root][i].kind == kind && (node == 0 || kit_log[root][i].node == node))
			return &kit_log[root][i];
	return NULL;
}

size_t kit_number(int root, tulle_event_kind kind, tulle_node node)
{
	size_t n = 0;
	for (size_t i = 0; i < kit_count[root]; i++)
		n += kit_log[root][i].kind == kind && (node == 0 || kit_log[root][i].node == node);
	return n;
}

bool kit_run(bool (*done)(void))
{
	return world_run(done, 60000000);
}

void kit_settle(void)
{
	(void)world_run(NULL, 500000);
}

tulle_node kit_join(int root)
{
	tulle_node ramp;
	ck_assert_int_eq(
		tulle_connect(world_roots[root], TULLE_ROOT, WORLD_URL, NULL, &ramp), TULLE_OK);
	kit_settle();
	ck_assert(tulle_is_open(world_roots[root], ramp));
	return ramp;
}

const char *kit_announced(int root, int n)
{
	const heard *h = NULL;
	size_t from = 0;
	for (int i = 0; i <= n; i++) {
		h = kit_find(root, TULLE_EVENT_MESSAGE, 0, from);
		ck_assert_ptr_nonnull(h);
		from = (size_t)(h - kit_log[root]) + 1;
	}
	return h->text;
}

void kit_pair(int a, int b, tulle_node *of_a, tulle_node *of_b)
{
	tulle *ra = world_roots[a], *rb = world_roots[b];
	size_t before = kit_count[b];
	tulle_node ramp = tulle_find(ra, WORLD_URL);
	ramp = ramp != TULLE_NO_NODE ? ramp : kit_join(a);
	(void)(tulle_find(rb, WORLD_URL) != TULLE_NO_NODE ? 0 : (int)kit_join(b));
	int last = (int)kit_number(a, TULLE_EVENT_MESSAGE, ramp) - 1;
	ck_assert_int_eq(tulle_connect(ra, ramp, kit_announced(a, last), NULL, of_a), TULLE_OK);
	kit_settle();
	const heard *h = kit_find(b, TULLE_EVENT_CONNECTION, TULLE_ROOT, before);
	while (h != NULL && !h->incoming)
		h = kit_find(b, TULLE_EVENT_CONNECTION, TULLE_ROOT, (size_t)(h - kit_log[b]) + 1);
	ck_assert_ptr_nonnull(h);
	*of_b = h->peer;
	ck_assert(tulle_is_open(ra, *of_a) && tulle_is_open(rb, *of_b));
}
