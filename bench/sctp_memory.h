/* SPDX-License-Identifier: MIT */
/* bench: two associations in one process, packets handed over in memory: no DTLS, MTU 1200, CRC32c
 * on both ways. Messages carry their number; the receiver checks order and a sum over every byte.
 */
#ifndef TULLE_BENCH_SCTP_MEMORY_H
#define TULLE_BENCH_SCTP_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_MTU 1200
#define SCTP_BUFFER_BYTES (4u << 20) /* of each end, each way: the same for both libraries */
#define SCTP_MESSAGE_MAX 65536u

typedef struct {
	uint32_t message[SCTP_MESSAGE_MAX / 4]; /* word 0 is the number, the rest a pattern */
	uint32_t pattern_sum, sum;
	size_t bytes, at; /* of a message; received of the one under way */
	uint32_t sent, expected;
	uint64_t received, wrong, packets;
} sctp_memory;

/* A part of a message, words in order. */
void sctp_memory_take(sctp_memory *m, const uint8_t *data, size_t len, bool last);

/* Moves what can be moved now; false: the library failed. */
bool sctp_usr_open(sctp_memory *m);
bool sctp_usr_turn(sctp_memory *m, double now_us);
void sctp_usr_close(void);
#endif
