/* SPDX-License-Identifier: MIT */
/* host: clock, memory, randomness, what the processor can do, the log on stderr. */
#include "host/host.h"

#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

tulle_time tulle_host_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (tulle_time)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

tulle_cpu tulle_host_cpu(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("sse4.2") ? TULLE_CPU_CRC32C : TULLE_CPU_PLAIN;
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0 ? TULLE_CPU_CRC32C : TULLE_CPU_PLAIN;
#else
	return TULLE_CPU_PLAIN;
#endif
}

static void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static void give(void *user, void *p, size_t n)
{
	(void)user, (void)n;
	free(p);
}

tulle_allocator tulle_host_allocator(void)
{
	return (tulle_allocator){.alloc = take, .free = give};
}

bool tulle_host_random(void *user, uint8_t *dst, size_t len)
{
	return tulle_crypto_random(user, dst, len);
}

static void write_line(void *user, const tulle_log_line *line)
{
	static const char *const levels[] = {"", "error", "warn", "info", "debug"};
	(void)user;
	fprintf(stderr, "tulle %s: %s: %.*s\n", levels[line->level % 5], line->room,
		(int)line->text.len, line->text.ptr);
}

tulle_log tulle_log_stderr(tulle_log_level level)
{
	return (tulle_log){.write = write_line, .level = level};
}
