/* SPDX-License-Identifier: MIT */
/* <tulle/host.h>: an operating system under roots and peers: sockets, TLS, names, clock,
 * randomness, one loop. */
#ifndef TULLE_HOST_H
#define TULLE_HOST_H
#include <tulle/mesh.h>
#include <tulle/peer.h>
#ifdef __cplusplus
extern "C" {
#endif
/* One thread; a UDP port a family for each member, or one for all (port_min alone). */
typedef struct tulle_host tulle_host;
typedef struct {
	int fd;
	bool read, write;
} tulle_fd_wish;
typedef struct {
	const char *bind4, *bind6;
	uint16_t port_min, port_max;
	uint16_t tcp_port; /* of ICE-TCP, for all that stands on it (any that is free) */
	const char *trust_file, *http_proxy;
	bool no_offload;
	tulle_log log;
} tulle_host_options;

TULLE_API tulle_err tulle_host_create(
	const tulle_host_options *, tulle_host **); /* options NULL: all defaults */
TULLE_API void tulle_host_destroy(
	tulle_host *); /* with all that stands on it; never waits for a name server. In a listener
			 it takes effect when that returns, and the step says TULLE_ERR_GONE */
TULLE_API tulle_err tulle_host_step(tulle_host *,
	int timeout_ms); /* moves packets, calls listeners; -1: until something happens */
TULLE_API tulle_err tulle_host_run(tulle_host *); /* until tulle_host_stop */
TULLE_API void tulle_host_stop(tulle_host *);     /* any thread, any signal handler */
TULLE_API void tulle_host_wake(tulle_host *);     /* likewise: ends a step's wait */
TULLE_API int tulle_host_fd(tulle_host *); /* readable when a step is due, for packets, timers and
					      unsent output alike; -1: the next two */
TULLE_API size_t tulle_host_fds(const tulle_host *, tulle_fd_wish *dst, size_t cap);
TULLE_API int tulle_host_timeout_ms(const tulle_host *);

TULLE_API tulle_err tulle_create(const tulle_options *,
	tulle **); /* a root on a host of its own; options NULL: all defaults */
TULLE_API tulle_err tulle_create_on(tulle_host *, const tulle_options *, tulle **);
TULLE_API void tulle_destroy(tulle *); /* no event follows; in a listener it takes effect when that
					  returns, and the step says TULLE_ERR_GONE */
TULLE_API tulle_host *tulle_host_of(tulle *);
TULLE_API tulle_err tulle_step(
	tulle *, int timeout_ms); /* these five: the same on tulle_host_of(root) */
TULLE_API tulle_err tulle_run(tulle *);
TULLE_API void tulle_stop(tulle *);
TULLE_API int tulle_fd(tulle *);
TULLE_API void tulle_wake(tulle *); /* any thread, any signal handler: TULLE_EVENT_WAKE follows */

TULLE_API tulle_err tulle_peer_create(tulle_host *, const tulle_peer_config *, tulle_peer **);
TULLE_API void tulle_peer_destroy(tulle_peer *); /* as tulle_destroy */
TULLE_API tulle_err tulle_certificate_make(tulle_certificate **);
TULLE_API tulle_err tulle_certificate_load(
	const char *pem_file, const char *key_file, tulle_certificate **);
TULLE_API void tulle_certificate_drop(tulle_certificate *);
TULLE_API tulle_log tulle_log_stderr(tulle_log_level);
#ifdef __cplusplus
}
#endif
#endif
