/* SPDX-License-Identifier: MIT */
/* host: one TCP or TLS stream; for the files streams.c (table, members), tcp.c (sockets) and tls.c.
 * Room is counted both ways: `deliver` is what the member still takes, `credit` what it may write.
 */
#ifndef TULLE_HOST_STREAM_H
#define TULLE_HOST_STREAM_H
#include "host/host.h"
#include "host/names.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

typedef enum {
	STREAM_RESOLVING,
	STREAM_CONNECTING,
	STREAM_SHAKING, /* TLS handshake */
	STREAM_OPEN,
	STREAM_LINGERING, /* the member has left: what it wrote goes out, what comes is thrown away
			   */
} stream_state;

typedef struct stream {
	struct stream *chain, *next, *prev;
	tulle_host *host;
	tulle_host_member *member; /* NULL once it has left */
	uint32_t id;
	stream_state state;
	tulle_host_watch watch; /* fd -1: none */
	uint32_t interest;      /* what the loop watches for; 0: it is not in the loop */
	size_t deliver, credit;
	uint8_t *out; /* written by the member, not yet taken by the kernel */
	size_t out_start, out_end, out_cap;
	bool told, shut, tls_wants_write;
	tulle_err failed; /* connecting came to this */
	bool failed_due;
	tulle_time deadline;
	tulle_ready_node pending;
	SSL *ssl;
	char name[256];
	uint16_t port;
	bool tls;
	tulle_addr local; /* where it is bound to; family 0: nowhere */
	tulle_addr addresses[HOST_NAME_ADDRESSES_MAX];
	size_t address_count, address_at;
	size_t lingered; /* bytes thrown away */
} stream;

typedef struct listener {
	struct listener *next;
	tulle_host *host;
	tulle_host_member *member;
	tulle_host_watch watch;
} listener;

/* An accepted stream of ICE-TCP that has not yet said whose it is. */
typedef struct guest {
	struct guest *next, *prev;
	tulle_host *host;
	tulle_host_watch watch;
	tulle_time deadline;
	size_t have;
	uint8_t frame[2 + HOST_LOBBY_PACKET]; /* RFC4571:2 */
} guest;

struct tulle_host_streams {
	tulle_host_member member; /* of the host itself: deadlines, and what is delivered later */
	tulle_host *host;
	stream *table[HOST_STREAM_CHAINS], *first;
	listener *listeners;
	tulle_ready pending;
	tulle_host_names *names;
	SSL_CTX *tls;
	BIO_METHOD *bio;
	uint32_t accepted;
	guest *guests, *last_guest; /* the oldest first */
	guest *gone_guests;         /* freed when no event can name them any more */
	size_t guest_count;
	uint64_t lobby_drops[TULLE_DROP_COUNT];
	int spare_fd; /* given up for a moment when there is no descriptor to accept with */
	uint8_t scratch[HOST_STREAM_READ_BYTES];
};

/* streams.c */
tulle_host_streams *tulle_host_streams_of(tulle_host *host); /* NULL: no memory */
stream *tulle_host_stream_add(tulle_host *host, tulle_host_member *member, uint32_t id, int fd);
void tulle_host_stream_remove(stream *s);
void tulle_host_stream_later(stream *s);  /* looked after soon, outside of this call */
void tulle_host_stream_opened(stream *s); /* ready for bytes: the member is told */
void tulle_host_stream_fail(stream *s, tulle_err why);
/* The other side ended it, or it broke; s is gone. */
void tulle_host_stream_ended(stream *s, tulle_err why);

/* tcp.c */
void tulle_host_tcp_connect(stream *s); /* to the next of its addresses */
void tulle_host_tcp_ready(void *user, uint32_t events);
void tulle_host_tcp_watch(stream *s);
bool tulle_host_tcp_flush(stream *s); /* false: broken; it is closed, and its end told later */
void tulle_host_tcp_read(stream *s);  /* s may be gone */
void tulle_host_tcp_close(stream *s);

/* lobby.c */
void tulle_host_lobby_take(tulle_host *host, int fd);
void tulle_host_lobby_expire(tulle_host_streams *t, tulle_time now);
void tulle_host_lobby_bury(tulle_host_streams *t);
void tulle_host_lobby_empty(tulle_host_streams *t);

/* tls.c; the two below give what read and write give, errno EAGAIN included */
bool tulle_host_tls_start(stream *s);
int tulle_host_tls_shake(stream *s); /* 1: done, 0: more, -1: failed */
ptrdiff_t tulle_host_tls_read(stream *s, uint8_t *dst, size_t cap);
ptrdiff_t tulle_host_tls_write(stream *s, const uint8_t *data, size_t len);
#endif
