/* SPDX-License-Identifier: MIT */
/* Tests: OpenSSL reads the wall clock by gettimeofday; here a test may set it. */
#ifndef TULLE_TESTS_CLOCK_H
#define TULLE_TESTS_CLOCK_H
#include <tulle/base.h>

/* From now on gettimeofday of this program gives `now` as microseconds since 2026-01-01. */
void clock_set(tulle_time now);
#endif
