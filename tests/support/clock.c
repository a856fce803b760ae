/* SPDX-License-Identifier: MIT */
/* Tests: the wall clock of this program, OpenSSL's included, once a test has set it. */
#include "tests/support/clock.h"

#include <sys/time.h>
#include <time.h>

static bool is_set;
static tulle_time virtual_now;

void clock_set(tulle_time now)
{
	is_set = true;
	virtual_now = now;
}

__attribute__((visibility("default"))) int gettimeofday(
	struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	if (is_set) {
		tv->tv_sec = (time_t)(1767225600 + virtual_now / 1000000);
		tv->tv_usec = (suseconds_t)(virtual_now % 1000000);
		return 0;
	}
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
	return 0;
}
