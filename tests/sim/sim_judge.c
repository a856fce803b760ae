/* SPDX-License-Identifier: MIT */
/* sim: judges. */
#include "tests/sim/sim_judge.h"

#include <stdarg.h>
#include <stdio.h>

void sim_fail(sim_verdict *v, const char *format, ...)
{
	if (v->failed)
		return;
	v->failed = true;
	va_list args;
	va_start(args, format);
	vsnprintf(v->text, sizeof v->text, format, args);
	va_end(args);
}

void sim_write_bytes(uint32_t stream, uint64_t message, uint64_t at, uint8_t *dst, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = sim_byte(stream, message, at + i);
}

bool sim_are_bytes(uint32_t stream, uint64_t message, uint64_t at, const uint8_t *data, size_t len)
{
	uint8_t wrong = 0;
	for (size_t i = 0; i < len; i++)
		wrong |= (uint8_t)(data[i] ^ sim_byte(stream, message, at + i));
	return wrong == 0;
}
