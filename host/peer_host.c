/* SPDX-License-Identifier: MIT */
/* host: standalone peers on a host: memory, clock and the member that the loop drives. */
#include "host/host.h"

#include "base/crypto.h"
#include "dtls/dtls.h"
#include "peer/peer.h"
#include "peer/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
	tulle_host_member member;
	tulle_peer *peer;
	tulle_peer_assembly assembly; /* none to share: the second way, the allocator, serves */
	tulle_ready ready; /* where the peer marks itself: it names the member to the host */
	uint8_t plain[2048];
	_Alignas(max_align_t) uint8_t block[];
} hosted_peer;

static void peer_handle(void *self, tulle_time now, const tulle_in *in)
{
	tulle_peer_handle(((hosted_peer *)self)->peer, now, in);
}

static bool peer_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	return tulle_peer_poll(((hosted_peer *)self)->peer, now, scratch, bytes, out);
}

static tulle_time peer_poll_timeout(const void *self)
{
	return tulle_peer_poll_timeout(((const hosted_peer *)self)->peer);
}

static bool peer_owns(const void *self, const tulle_in *in)
{
	return tulle_peer_owns(((const hosted_peer *)self)->peer, in);
}

static size_t peer_names(const void *self, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX])
{
	return tulle_peer_names(((const hosted_peer *)self)->peer, seen, ufrags);
}

static tulle_bytes peer_asked(const void *self)
{
	return tulle_peer_asked(((const hosted_peer *)self)->peer);
}

static void peer_dispatch(void *self)
{
	hosted_peer *h = self;
	(void)tulle_ready_take(&h->ready);
	tulle_peer_dispatch(h->peer);
	for (void *waiter; (waiter = tulle_pool_next_waiter(h->member.host->pool)) != NULL;)
		tulle_peer_handle_room(waiter, tulle_host_now());
}

static void peer_destroy(void *self)
{
	hosted_peer *h = self;
	tulle_peer_wipe(h->peer);
	free(h);
}

static bool peer_farewell(void *self)
{
	return tulle_peer_farewell(((hosted_peer *)self)->peer);
}

static const tulle_host_kind peer_kind = {.handle = peer_handle,
	.poll = peer_poll,
	.poll_timeout = peer_poll_timeout,
	.owns = peer_owns,
	.names = peer_names,
	.asked = peer_asked,
	.dispatch = peer_dispatch,
	.destroy = peer_destroy,
	.farewell = peer_farewell};

static void wake_member(void *user)
{
	hosted_peer *h = user;
	if (h->member.host != NULL)
		tulle_ready_mark(&h->member.host->ready, &h->member.ready);
}

tulle_err tulle_host_judge_servers(const tulle_ice_options *ice, const tulle_log *log)
{
	const char *why;
	tulle_err err = tulle_peer_servers_judge(ice, &why);
	if (err == TULLE_OK || log->write == NULL || log->level < TULLE_LOG_ERROR)
		return err;
	const tulle_log_line line = {
		.level = TULLE_LOG_ERROR, .room = "host", .text = {why, strlen(why)}};
	log->write(log->user, &line);
	return err;
}

tulle_err tulle_peer_create(tulle_host *host, const tulle_peer_config *config, tulle_peer **out)
{
	static const tulle_peer_config defaults;
	tulle_peer_config c = config != NULL ? *config : defaults;
	tulle_certificate *own = NULL;
	tulle_peer_assembly no_assembly = {0};
	tulle_peer_env env = {.pool = host->pool,
		.random = {tulle_host_random, NULL},
		.cpu = host->cpu,
		.plain = (uint8_t *)&env,
		.assembly = &no_assembly,
		.allocator = tulle_host_allocator(),
		.plain_bytes = sizeof((hosted_peer *)0)->plain};
	size_t bytes = tulle_peer_memory_bytes_in(&c, &env);
	const tulle_log *log = c.log.write != NULL ? &c.log : &host->log;
	if (tulle_host_judge_servers(&c.ice, log) != TULLE_OK || bytes == 0)
		return TULLE_ERR_ARGUMENT;
	if (c.certificate == NULL) {
		tulle_err err = tulle_certificate_create((int64_t)time(NULL), &own);
		if (err != TULLE_OK)
			return err;
		c.certificate = own;
	}
	hosted_peer *h = malloc(sizeof *h + bytes);
	if (h == NULL) {
		tulle_certificate_drop(own);
		return TULLE_ERR_MEMORY;
	}
	h->member = (tulle_host_member){.kind = &peer_kind, .self = h, .tcp = c.ice.tcp};
	h->ready = (tulle_ready){.wake = wake_member, .user = h};
	h->assembly = no_assembly;
	env.plain = h->plain;
	env.assembly = &h->assembly;
	env.ready = &h->ready;
	h->peer = tulle_peer_init_in(h->block, bytes, &c, &env, tulle_host_now());
	tulle_certificate_drop(own); /* the peer has its own reference */
	tulle_err err = h->peer != NULL ? tulle_host_add(host, &h->member) : TULLE_ERR_MEMORY;
	if (err != TULLE_OK) {
		tulle_peer_wipe(h->peer);
		free(h);
		return err;
	}
	*out = h->peer;
	return TULLE_OK;
}

/* The peer is the first thing in its block, and the block stands in the hosted peer. */
void tulle_peer_destroy(tulle_peer *peer)
{
	if (peer == NULL)
		return;
	hosted_peer *h = (hosted_peer *)(void *)((uint8_t *)peer - offsetof(hosted_peer, block));
	tulle_host_remove(&h->member);
}

tulle_err tulle_certificate_make(tulle_certificate **out)
{
	return tulle_certificate_create((int64_t)time(NULL), out);
}

static bool read_file(const char *name, char *dst, size_t cap, size_t *len)
{
	FILE *f = fopen(name, "rb");
	if (f == NULL)
		return false;
	*len = fread(dst, 1, cap, f);
	bool good = !ferror(f) && *len < cap;
	fclose(f);
	return good;
}

tulle_err tulle_certificate_load(
	const char *pem_file, const char *key_file, tulle_certificate **out)
{
	const size_t cap = 65536;
	char *text = malloc(2 * cap);
	size_t pem = 0, key = 0;
	tulle_err err = TULLE_ERR_MEMORY;
	if (text == NULL)
		return err;
	if (!read_file(pem_file, text, cap, &pem) || !read_file(key_file, text + cap, cap, &key))
		err = TULLE_ERR_SYSTEM;
	else
		err = tulle_certificate_read(
			(tulle_text){text, pem}, (tulle_text){text + cap, key}, out);
	tulle_crypto_wipe(text + cap, key);
	free(text);
	return err;
}
