/* SPDX-License-Identifier: MIT */
/* bench: what an idle connection holds: many peers on one UDP port of one host, each with an open
 * channel. The far end of each is another host's peer and goes when all is quiet. Datagrams are
 * carried by hand in virtual time. usage: bench_idle [CONNECTIONS]; prints lines KEY VALUE. */
#include "base/addr.h"
#include "base/serial.h"
#include "host/host.h"

#include <tulle/peer.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_US 6000000 /* what ICE gives back is given back by then */

typedef struct {
	tulle_peer *peer, *other;
	bool open;
} end;

static tulle_host *server, *client;
static tulle_time now;

static void fail(const char *what)
{
	fprintf(stderr, "bench_idle: %s\n", what);
	exit(1);
}

/* Malloc's bytes in use, OpenSSL's among them, and what the pool has lent. */
static size_t held(void)
{
	struct mallinfo2 m = mallinfo2();
	size_t blocks = tulle_pool_blocks(server->pool) - tulle_pool_free(server->pool);
	return m.uordblks + m.hblkhd + blocks * tulle_pool_block_bytes(server->pool);
}

static void on_event(tulle_peer *self, const tulle_peer_event *event, void *user)
{
	end *e = user;
	(void)self;
	if (event->kind == TULLE_PEER_ICE_CANDIDATE)
		(void)tulle_peer_add_candidate(e->other, &event->u.candidate);
	if (event->kind == TULLE_PEER_OPEN)
		e->open = true;
}

static bool carry(end *from, end *to)
{
	static uint8_t scratch[65536];
	tulle_out out;
	bool any = false;
	while (tulle_peer_poll(from->peer, now, scratch, sizeof scratch, &out)) {
		any = true;
		tulle_in in = {.kind = TULLE_IN_DATAGRAM, .local = out.remote, .remote = out.local};
		for (size_t i = 0; i < server->interface_count; i++)
			if (tulle_addr_is_ip(&server->interfaces[i].addr, &out.remote))
				in.id = server->interfaces[i].id;
		if (out.kind != TULLE_OUT_DATAGRAM || in.id == 0)
			continue;
		for (size_t at = 0; at < out.data.len; at += out.segment) {
			size_t left = out.data.len - at;
			in.data = (tulle_bytes){
				out.data.ptr + at, left < out.segment ? left : out.segment};
			tulle_peer_handle(to->peer, now, &in);
		}
	}
	tulle_peer_dispatch(from->peer);
	return any;
}

/* Until nothing happens before `until`, or both ends have an open channel. */
static void run(end *a, end *b, tulle_time until, bool until_open)
{
	const tulle_in time = {.kind = TULLE_IN_TIME};
	while (!until_open || !a->open || !b->open) {
		bool any = carry(a, b);
		any = carry(b, a) || any;
		if (any)
			continue;
		tulle_time due = tulle_time_min(
			tulle_peer_poll_timeout(a->peer), tulle_peer_poll_timeout(b->peer));
		if (due > until)
			return;
		now = due > now ? due : now + 1;
		tulle_peer_handle(a->peer, now, &time);
		tulle_peer_handle(b->peer, now, &time);
	}
}

static void describe(tulle_peer *a, tulle_peer *b)
{
	tulle_text sdp;
	if (tulle_peer_set_local(a, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		fail("no offer");
	(void)tulle_peer_local(a, true, &sdp);
	if (tulle_peer_set_remote(b, TULLE_SDP_OFFER, sdp.ptr, sdp.len) != TULLE_OK ||
		tulle_peer_set_local(b, TULLE_SDP_IMPLICIT, NULL, 0) != TULLE_OK)
		fail("no answer");
	(void)tulle_peer_local(b, false, &sdp);
	if (tulle_peer_set_remote(a, TULLE_SDP_ANSWER, sdp.ptr, sdp.len) != TULLE_OK)
		fail("the answer is refused");
}

static void make_end(end *e, tulle_host *host, tulle_certificate *certificate)
{
	const tulle_peer_config config = {
		.certificate = certificate, .listener = on_event, .user = e, .ice.loopback = true};
	if (tulle_peer_create(host, &config, &e->peer) != TULLE_OK)
		fail("no peer");
}

static void connect_one(tulle_certificate *certificate)
{
	end near = {0}, far = {0};
	make_end(&near, server, certificate);
	make_end(&far, client, certificate);
	near.other = far.peer;
	far.other = near.peer;
	if (tulle_channel_create(far.peer, "x", NULL, NULL) != TULLE_OK)
		fail("no channel");
	describe(far.peer, near.peer);
	run(&far, &near, now + 10000000, true);
	if (!near.open || !far.open)
		fail("no open channel");
	run(&far, &near, now + QUIET_US, false);
	(void)tulle_peer_set_listener(near.peer, NULL, NULL);
	tulle_peer_destroy(far.peer);
}

static void make_server(void)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 20000);
	for (int tries = 0; tries < 100; tries++) {
		const tulle_host_options o = {.port_min = (uint16_t)(port + tries)};
		tulle_peer *first;
		if (tulle_host_create(&o, &server) != TULLE_OK)
			fail("no host");
		if (tulle_peer_create(server, NULL, &first) == TULLE_OK) {
			tulle_peer_destroy(first);
			return;
		}
		tulle_host_destroy(server);
	}
	fail("no port is free");
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	tulle_certificate *certificate = NULL;
	if (count == 0 || count > HOST_MEMBERS_MAX - 1)
		fail("usage: bench_idle [CONNECTIONS]");
	make_server();
	if (tulle_host_create(NULL, &client) != TULLE_OK ||
		tulle_certificate_make(&certificate) != TULLE_OK)
		fail("no host");
	now = tulle_host_now();
	connect_one(certificate); /* what is made once is there */
	size_t before = held();
	for (unsigned long i = 0; i < count; i++)
		connect_one(certificate);
	printf("idle_connection_bytes %zu\n", (held() - before) / count);
	tulle_host_destroy(client);
	tulle_host_destroy(server);
	tulle_certificate_drop(certificate);
	return 0;
}
