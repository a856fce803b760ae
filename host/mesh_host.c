/* SPDX-License-Identifier: MIT */
/* host: roots on a host: a root and the member that the loop drives. */
#include "host/host.h"

#include "mesh/mesh.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
	tulle_host_member member;
	tulle *root;
	bool own_host; /* tulle_create made the host: it goes with the root */
	_Atomic bool woken;
	tulle_ready ready; /* where the root marks itself */
} hosted_root;

static void root_handle(void *self, tulle_time now, const tulle_in *in)
{
	tulle_handle(((hosted_root *)self)->root, now, in);
}

static bool root_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	return tulle_poll(((hosted_root *)self)->root, now, scratch, bytes, out);
}

static tulle_time root_poll_timeout(const void *self)
{
	return tulle_poll_timeout(((const hosted_root *)self)->root);
}

static bool root_owns(const void *self, const tulle_in *in)
{
	return tulle_mesh_owns(((const hosted_root *)self)->root, in);
}

static void root_dispatch(void *self)
{
	hosted_root *h = self;
	(void)tulle_ready_take(&h->ready);
	tulle_dispatch(h->root);
}

static bool root_farewell(void *self)
{
	return tulle_mesh_farewell(((hosted_root *)self)->root);
}

static void wake_member(void *user)
{
	hosted_root *h = user;
	if (h->member.host != NULL)
		tulle_ready_mark(&h->member.host->ready, &h->member.ready);
}

static void root_destroy(void *self)
{
	hosted_root *h = self;
	tulle_wipe(h->root);
	free(h);
}

/* tulle_wake was called from another thread: the loop asks in each turn. */
static void root_turn(void *self)
{
	hosted_root *h = self;
	if (atomic_exchange(&h->woken, false))
		tulle_mesh_wake(h->root);
}

static const tulle_host_kind root_kind = {.handle = root_handle,
	.poll = root_poll,
	.poll_timeout = root_poll_timeout,
	.owns = root_owns,
	.dispatch = root_dispatch,
	.destroy = root_destroy,
	.turn = root_turn,
	.farewell = root_farewell};

tulle_err tulle_create_on(tulle_host *host, const tulle_options *options, tulle **out)
{
	tulle_options o = options != NULL ? *options : (tulle_options){0};
	const tulle_log *log = o.log.write != NULL ? &o.log : &host->log;
	if (tulle_host_judge_servers(&o.ice, log) != TULLE_OK)
		return TULLE_ERR_ARGUMENT;
	if (o.allocator.alloc == NULL)
		o.allocator = tulle_host_allocator();
	hosted_root *h = calloc(1, sizeof *h);
	if (h == NULL)
		return TULLE_ERR_MEMORY;
	h->member = (tulle_host_member){.kind = &root_kind, .self = h, .tcp = o.ice.tcp};
	h->ready = (tulle_ready){.wake = wake_member, .user = h};
	tulle_mesh_env env = {.random = {tulle_host_random, NULL},
		.cpu = host->cpu,
		.ready = &h->ready,
		.owner = h};
	h->root = tulle_mesh_create(&o, &env, tulle_host_now());
	if (h->root == NULL) {
		free(h);
		return tulle_memory_bytes(&o) == 0 ? TULLE_ERR_ARGUMENT : TULLE_ERR_MEMORY;
	}
	tulle_err err = tulle_host_add(host, &h->member);
	if (err != TULLE_OK) {
		root_destroy(h);
		return err;
	}
	*out = h->root;
	return TULLE_OK;
}

tulle_err tulle_create(const tulle_options *options, tulle **out)
{
	tulle_host *host;
	tulle_host_options ho = {.log = options != NULL ? options->log : (tulle_log){0}};
	tulle_err err = tulle_host_create(&ho, &host);
	if (err != TULLE_OK)
		return err;
	err = tulle_create_on(host, options, out);
	if (err != TULLE_OK)
		tulle_host_destroy(host);
	else
		((hosted_root *)tulle_mesh_owner(*out))->own_host = true;
	return err;
}

static hosted_root *hosted(tulle *root)
{
	return tulle_mesh_owner(root);
}

void tulle_destroy(tulle *root)
{
	if (root == NULL)
		return;
	hosted_root *h = hosted(root);
	tulle_host *host = h->member.host;
	bool own = h->own_host;
	tulle_mesh_silence(root);
	tulle_host_remove(&h->member);
	if (!own)
		return;
	if (host->in_step)
		host->destroyed = true; /* the step that runs ends it */
	else
		tulle_host_destroy(host);
}

tulle_host *tulle_host_of(tulle *root)
{
	return hosted(root)->member.host;
}

tulle_err tulle_step(tulle *root, int timeout_ms)
{
	return tulle_host_step(tulle_host_of(root), timeout_ms);
}

tulle_err tulle_run(tulle *root)
{
	return tulle_host_run(tulle_host_of(root));
}

void tulle_stop(tulle *root)
{
	tulle_host_stop(tulle_host_of(root));
}

int tulle_fd(tulle *root)
{
	return tulle_host_fd(tulle_host_of(root));
}

void tulle_wake(tulle *root)
{
	hosted_root *h = hosted(root);
	atomic_store(&h->woken, true);
	tulle_host_wake(h->member.host);
}
