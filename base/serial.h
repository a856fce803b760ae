/* SPDX-License-Identifier: MIT */
/* base: serial number arithmetic (RFC 1982), checked arithmetic on foreign numbers, deadlines. */
#ifndef TULLE_BASE_SERIAL_H
#define TULLE_BASE_SERIAL_H
#include <tulle/base.h>

/* a < b on the circle of 2^32: RFC9260:1.6 */
static inline bool tulle_serial_lt32(uint32_t a, uint32_t b)
{
	return a != b && b - a < UINT32_C(0x80000000);
}

static inline bool tulle_serial_le32(uint32_t a, uint32_t b)
{
	return a == b || tulle_serial_lt32(a, b);
}

static inline bool tulle_serial_lt16(uint16_t a, uint16_t b)
{
	return a != b && (uint16_t)(b - a) < 0x8000u;
}

/* Sums and products that stick at the top of their type instead of wrapping. */
static inline size_t tulle_sat_add(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static inline size_t tulle_sat_mul(size_t a, size_t b)
{
	return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static inline size_t tulle_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t tulle_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Deadlines: NEVER plus anything is NEVER; a sum past the end is NEVER. */
static inline tulle_time tulle_time_add(tulle_time t, tulle_time us)
{
	return t == TULLE_TIME_NEVER || (us > 0 && t > TULLE_TIME_NEVER - us) ? TULLE_TIME_NEVER
									      : t + us;
}

static inline tulle_time tulle_time_min(tulle_time a, tulle_time b)
{
	return a < b ? a : b;
}

static inline tulle_time tulle_time_max(tulle_time a, tulle_time b)
{
	return a > b ? a : b;
}

static inline bool tulle_time_due(tulle_time deadline, tulle_time now)
{
	return deadline != TULLE_TIME_NEVER && deadline <= now;
}
#endif
