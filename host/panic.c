/* SPDX-License-Identifier: MIT */
/* host: the default panic hook; an embedder links its own function of the same name instead. */
#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((weak)) _Noreturn void tulle_panic_hook(const char *file, int line, const char *what)
{
	fprintf(stderr, "tulle: broken invariant at %s:%d: %s\n", file, line, what);
	abort();
}
