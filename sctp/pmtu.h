/* SPDX-License-Identifier: MIT */
/* sctp: what is known of the path's MTU, and who tells of it: RFC 8899. */
#ifndef TULLE_SCTP_PMTU_H
#define TULLE_SCTP_PMTU_H
#include "base/serial.h"
#include "sctp/sctp.h"

/* RFC8899:5.2 */
typedef enum {
	SCTP_PATH_DISABLED,
	SCTP_PATH_BASE,
	SCTP_PATH_SEARCHING,
	SCTP_PATH_COMPLETE,
	SCTP_PATH_ERROR,
} sctp_path_state;

/* The path's MTU, in bytes of SCTP packets: pmtu.c. */
typedef struct {
	sctp_path_state state;
	size_t size, most;     /* PLPMTU, MAX_PLPMTU */
	size_t probed, failed; /* PROBED_SIZE, 0: none; the least that did not pass */
	size_t before;         /* the size before a black hole; 0: none */
	size_t hole_16;        /* the largest packet lost of those that signs counts */
	uint8_t signs;         /* of a black hole, since such a packet arrived */
	uint8_t tries;         /* PROBE_COUNT */
	uint8_t nonce[8];      /* of the probes of this size */
	bool answered;         /* the peer has answered one */
	tulle_time sign_us;
} sctp_path;

void tulle_sctp_path_init(tulle_sctp *sctp);  /* to what is known of no path */
void tulle_sctp_path_start(tulle_sctp *sctp); /* the association is up */
void tulle_sctp_path_timeout(tulle_sctp *sctp);
tulle_drop tulle_sctp_take_path_ack(tulle_sctp *sctp, tulle_bytes info);
size_t tulle_sctp_write_path_probe(tulle_sctp *sctp, uint8_t *dst);
void tulle_sctp_path_lost(tulle_sctp *sctp, uint32_t tsn); /* by RACK; before its state changes */
void tulle_sctp_path_silent(tulle_sctp *sctp);             /* T3, before all is lost */
void tulle_sctp_path_answers(tulle_sctp *sctp);            /* again, after errors */

/* No packet is larger, not even a probe. */
static inline size_t tulle_sctp_packet_limit(const tulle_sctp_config *c)
{
	return tulle_max(c->packet_bytes_max, c->probe_bytes_max);
}

/* A packet as large as those that vanished arrived. */
static inline void tulle_sctp_path_acked(sctp_path *path, size_t packet_16)
{
	if (path->signs != 0 && packet_16 >= path->hole_16)
		path->signs = 0;
}
#endif
