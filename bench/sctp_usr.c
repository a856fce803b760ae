/* SPDX-License-Identifier: MIT */
/* bench: Debian's libusrsctp as two associations in memory: AF_CONN sockets, no threads. */
#include "bench/sctp_memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

#define SLOTS 8192u
#define PORT 5000

typedef struct {
	int to;
	size_t len;
	uint8_t data[SCTP_MTU + 64];
} packet;

static struct {
	sctp_memory *m;
	struct socket *end[2];
	int name[2]; /* addresses of AF_CONN are pointers: these */
	packet *ring;
	unsigned head, tail;
	double ticked_us;
	bool failed;
} u;

/* What an end sends waits for its turn: the library holds locks here. */
static int output(void *address, void *data, size_t len, uint8_t tos, uint8_t df)
{
	(void)tos, (void)df;
	if (len > sizeof u.ring->data || u.tail - u.head == SLOTS) {
		u.failed = true;
		return 0;
	}
	packet *p = &u.ring[u.tail++ % SLOTS];
	p->to = address == &u.name[0];
	p->len = len;
	memcpy(p->data, data, len);
	return 0;
}

static int take(struct socket *so, union sctp_sockstore from, void *data, size_t len,
	struct sctp_rcvinfo info, int flags, void *user)
{
	(void)so, (void)from, (void)info, (void)user;
	if (data != NULL && (flags & MSG_NOTIFICATION) == 0)
		sctp_memory_take(u.m, data, len, (flags & MSG_EOR) != 0);
	free(data);
	return 1;
}

static struct socket *open_end(int *name)
{
	struct sockaddr_conn at = {
		.sconn_family = AF_CONN, .sconn_port = htons(PORT), .sconn_addr = name};
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, take, NULL, 0, NULL);
	int on = 1, bytes = SCTP_BUFFER_BYTES;
	struct sctp_paddrparams path = {
		.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE, .spp_pathmtu = SCTP_MTU};
	if (so == NULL || usrsctp_bind(so, (struct sockaddr *)&at, sizeof at) != 0 ||
		usrsctp_set_non_blocking(so, 1) != 0 ||
		usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) != 0 ||
		usrsctp_setsockopt(so, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) != 0 ||
		usrsctp_setsockopt(so, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0)
		return NULL;
	if (usrsctp_connect(so, (struct sockaddr *)&at, sizeof at) != 0 && errno != EINPROGRESS)
		return NULL;
	memcpy(&path.spp_address, &at, sizeof at);
	if (usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) != 0)
		return NULL;
	return so;
}

bool sctp_usr_open(sctp_memory *m)
{
	u.m = m;
	u.ring = malloc(SLOTS * sizeof *u.ring);
	usrsctp_init_nothreads(0, output, NULL);
	for (int i = 0; i < 2; i++)
		usrsctp_register_address(&u.name[i]);
	for (int i = 0; i < 2; i++)
		if ((u.end[i] = open_end(&u.name[i])) == NULL)
			return false;
	return true;
}

static bool send_more(void)
{
	struct sctp_sndinfo info = {0};
	for (int n = 0; n < 64; n++) {
		u.m->message[0] = u.m->sent;
		if (usrsctp_sendv(u.end[0], u.m->message, u.m->bytes, NULL, 0, &info, sizeof info,
			    SCTP_SENDV_SNDINFO, 0) < 0)
			return errno == EWOULDBLOCK || errno == ENOTCONN || errno == EINPROGRESS;
		u.m->sent++;
	}
	return true;
}

bool sctp_usr_turn(sctp_memory *m, double now_us)
{
	if (now_us - u.ticked_us >= 10000) {
		usrsctp_handle_timers(
			u.ticked_us > 0 ? (uint32_t)((now_us - u.ticked_us) / 1000) : 0);
		u.ticked_us = now_us;
	}
	if (!send_more())
		return false;
	while (u.head != u.tail) {
		packet *p = &u.ring[u.head % SLOTS];
		usrsctp_conninput(&u.name[p->to], p->data, p->len, 0);
		m->packets++;
		u.head++;
	}
	return !u.failed;
}

void sctp_usr_close(void)
{
	for (int i = 0; i < 2; i++) {
		usrsctp_close(u.end[i]);
		usrsctp_deregister_address(&u.name[i]);
	}
	free(u.ring);
}
