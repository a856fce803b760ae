/* SPDX-License-Identifier: MIT */
/* base: CRC-32C (Castagnoli), SCTP's checksum: RFC9260:A. */
#ifndef TULLE_BASE_CRC32C_H
#define TULLE_BASE_CRC32C_H
#include <tulle/base.h>

/* What the processor can do: a value that host/ finds out and hands in; 0 is always right. */
typedef enum { TULLE_CPU_PLAIN = 0, TULLE_CPU_CRC32C = 1 } tulle_cpu;

/* Running value: start with 0, feed pieces in order; equals one call over the whole. */
uint32_t tulle_crc32c(tulle_cpu cpu, uint32_t crc, const void *data, size_t len);
/* One pass: copies len bytes and sums them. dst and src do not overlap. */
uint32_t tulle_crc32c_copy(tulle_cpu cpu, uint32_t crc, void *dst, const void *src, size_t len);
#endif
