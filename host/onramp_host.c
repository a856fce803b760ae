/* SPDX-License-Identifier: MIT */
/* host: onramps on a host: memory, listeners, the member that the loop drives. */
#include "host/host.h"

#include "base/addr.h"
#include "base/text.h"
#include "onramp/onramp.h"

#include <stdlib.h>

typedef struct {
	tulle_host_member member;
	_Alignas(max_align_t) uint8_t block[];
} hosted_onramp;

static void onramp_handle(void *self, tulle_time now, const tulle_in *in)
{
	tulle_onramp_handle((tulle_onramp *)(void *)((hosted_onramp *)self)->block, now, in);
}

static bool onramp_poll(void *self, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	tulle_onramp *onramp = (tulle_onramp *)(void *)((hosted_onramp *)self)->block;
	return tulle_onramp_poll(onramp, now, scratch, bytes, out);
}

static tulle_time onramp_poll_timeout(const void *self)
{
	return tulle_onramp_poll_timeout(
		(const tulle_onramp *)(const void *)((const hosted_onramp *)self)->block);
}

static void onramp_dispatch(void *self)
{
	(void)self; /* it has no listeners */
}

static void onramp_destroy(void *self)
{
	hosted_onramp *h = self;
	tulle_onramp_wipe((tulle_onramp *)(void *)h->block);
	free(h);
}

static const tulle_host_kind onramp_kind = {.handle = onramp_handle,
	.poll = onramp_poll,
	.poll_timeout = onramp_poll_timeout,
	.dispatch = onramp_dispatch,
	.destroy = onramp_destroy};

/* A command gave it something to do. */
static void wake_member(void *user)
{
	hosted_onramp *h = user;
	if (h->member.host != NULL)
		tulle_ready_mark(&h->member.host->ready, &h->member.ready);
}

tulle_err tulle_onramp_create(
	tulle_host *host, const tulle_onramp_options *options, tulle_onramp **out)
{
	static const tulle_onramp_options defaults;
	tulle_onramp_options o = options != NULL ? *options : defaults;
	if (o.allocator.alloc == NULL)
		o.allocator = tulle_host_allocator();
	size_t bytes = tulle_onramp_memory_bytes(&o);
	if (bytes == 0)
		return TULLE_ERR_ARGUMENT;
	hosted_onramp *h = malloc(sizeof *h + bytes);
	if (h == NULL)
		return TULLE_ERR_MEMORY;
	h->member = (tulle_host_member){.kind = &onramp_kind, .self = h};
	const tulle_random random = {tulle_host_random, NULL};
	tulle_onramp *onramp = tulle_onramp_init(h->block, bytes, &o, random, tulle_host_now());
	if (onramp == NULL) {
		free(h);
		return TULLE_ERR_MEMORY;
	}
	tulle_onramp_set_owner(onramp, h, wake_member);
	tulle_err err = tulle_host_add(host, &h->member);
	if (err != TULLE_OK) {
		onramp_destroy(h);
		return err;
	}
	*out = onramp;
	return TULLE_OK;
}

void tulle_onramp_destroy(tulle_onramp *onramp)
{
	hosted_onramp *h = onramp != NULL ? tulle_onramp_owner(onramp) : NULL;
	if (h != NULL)
		tulle_host_remove(&h->member);
}

/* "127.0.0.1:80" or "[::1]:80" */
static bool read_endpoint(tulle_text text, tulle_addr *out)
{
	uint64_t port;
	bool brackets = text.len != 0 && text.ptr[0] == '[';
	size_t colon = text.len;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	tulle_text ip = {text.ptr, colon > 0 ? colon - 1 : 0};
	if (colon == 0 ||
		!tulle_text_u64((tulle_text){text.ptr + colon, text.len - colon}, 65535, &port))
		return false;
	if (brackets) {
		if (ip.len < 2 || ip.ptr[ip.len - 1] != ']')
			return false;
		ip = (tulle_text){ip.ptr + 1, ip.len - 2};
	}
	if (!tulle_addr_read_ip(ip, out) || (out->family == 6) != brackets)
		return false;
	out->port = (uint16_t)port;
	return true;
}

tulle_err tulle_onramp_listen(tulle_onramp *onramp, const char *host_port, tulle_addr *bound)
{
	hosted_onramp *h = tulle_onramp_owner(onramp);
	tulle_addr address, real;
	if (host_port == NULL || !read_endpoint(tulle_text_of(host_port), &address))
		return TULLE_ERR_SYNTAX;
	tulle_err err = tulle_host_listen(h->member.host, &h->member, &address, &real);
	if (err == TULLE_OK && bound != NULL)
		*bound = real;
	return err;
}
