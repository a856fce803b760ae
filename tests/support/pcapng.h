/* SPDX-License-Identifier: MIT */
/* tests: SCTP packets of a run as a capture file that Wireshark reads (pcapng, link type RAW: each
 * packet stands in an IPv4 header that tells the ends apart, 10.0.0.1 being end 0). */
#ifndef TULLE_SUPPORT_PCAPNG_H
#define TULLE_SUPPORT_PCAPNG_H
#include <tulle/base.h>

#include <stdio.h>

void pcapng_begin(FILE *out);
/* comment: what became of it, NULL: it passed. */
void pcapng_packet(FILE *out, tulle_time now_us, int from, int to, const uint8_t *data, size_t len,
	const char *comment);
#endif
