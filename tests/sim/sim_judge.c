/* SPDX-License-Identifier: MIT */
/* sim: judges. */
#include "tests/sim/sim_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

#define PAGE 256 /* bytes of a message between two jumps of its pattern */
#define ROUND 512

/* A byte is half of a sum that grows by 7 from one to the next and jumps at each page, by which a
 * page that came in another's place shows. Where a page begins in the round of such sums: */
static const uint8_t *page_at(uint32_t stream, uint64_t message, uint64_t at)
{
	static uint8_t round[ROUND + PAGE];
	if (round[1] == 0)
		for (unsigned i = 0; i < sizeof round; i++)
			round[i] = (uint8_t)(i * 7 % ROUND / 2);
	uint64_t sum = stream * 131 + message * 31 + at * 7 + at / PAGE;
	return round + sum * 439 % ROUND; /* 439 * 7 is 1 modulo 512 */
}

static size_t page_rest(uint64_t at, size_t len)
{
	size_t rest = PAGE - (size_t)(at % PAGE);
	return len < rest ? len : rest;
}

void sim_write_bytes(uint32_t stream, uint64_t message, uint64_t at, uint8_t *dst, size_t len)
{
	for (size_t n; len > 0; at += n, dst += n, len -= n) {
		n = page_rest(at, len);
		memcpy(dst, page_at(stream, message, at), n);
	}
}

bool sim_are_bytes(uint32_t stream, uint64_t message, uint64_t at, const uint8_t *data, size_t len)
{
	int wrong = 0;
	for (size_t n; len > 0; at += n, data += n, len -= n) {
		n = page_rest(at, len);
		wrong |= memcmp(data, page_at(stream, message, at), n);
	}
	return wrong == 0;
}
