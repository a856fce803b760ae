/* SPDX-License-Identifier: MIT */
/* base: CRC-32C by a table of eight slices, or by the processor's own instruction where host/ says
 * so. */
#include "base/crc32c.h"

#include "base/crc32c_table.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_INSTRUCTION 1
#include <nmmintrin.h>
#define TARGET_CRC __attribute__((target("sse4.2")))
#define CRC8(crc, v) ((uint32_t)_mm_crc32_u8(crc, v))
#define CRC64(crc, v) ((uint32_t)_mm_crc32_u64(crc, v))
#elif defined(__aarch64__) && defined(__GNUC__)
#define HAVE_INSTRUCTION 1
#include <arm_acle.h>
#define TARGET_CRC __attribute__((target("+crc")))
#define CRC8(crc, v) __crc32cb(crc, v)
#define CRC64(crc, v) __crc32cd(crc, v)
#endif

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t len)
{
	const uint32_t(*t)[256] = tulle_crc32c_table;
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t a = load32(p) ^ crc, b = load32(p + 4);
		crc = t[7][a & 255] ^ t[6][a >> 8 & 255] ^ t[5][a >> 16 & 255] ^ t[4][a >> 24] ^
		      t[3][b & 255] ^ t[2][b >> 8 & 255] ^ t[1][b >> 16 & 255] ^ t[0][b >> 24];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ t[0][(crc ^ *p) & 255];
	return crc;
}

#ifdef HAVE_INSTRUCTION
TARGET_CRC static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t v;
		memcpy(&v, p, 8);
		crc = CRC64(crc, v);
	}
	for (; len > 0; p++, len--)
		crc = CRC8(crc, *p);
	return crc;
}
#endif

uint32_t tulle_crc32c(tulle_cpu cpu, uint32_t crc, const void *data, size_t len)
{
	crc = ~crc;
#ifdef HAVE_INSTRUCTION
	if (cpu == TULLE_CPU_CRC32C)
		return ~by_instruction(crc, data, len);
#else
	(void)cpu;
#endif
	return ~by_table(crc, data, len);
}

uint32_t tulle_crc32c_copy(tulle_cpu cpu, uint32_t crc, void *dst, const void *src, size_t len)
{
	if (len != 0)
		memcpy(dst, src, len);
	return tulle_crc32c(
		cpu, crc, dst, len); /* dst is in the nearest cache: the second read is cheap */
}
