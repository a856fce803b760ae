/* SPDX-License-Identifier: MIT */
/* base: broken invariants of ours. No input, peer, allocator or OS result may reach the hook. */
#ifndef TULLE_BASE_PANIC_H
#define TULLE_BASE_PANIC_H

/* Does not return. host/ has a weak one that says what broke and aborts; an embedder links its own.
 */
_Noreturn void tulle_panic_hook(const char *file, int line, const char *what);

#define TULLE_CHECK(condition)                                                                     \
	((condition) ? (void)0 : tulle_panic_hook(__FILE__, __LINE__, #condition))

/* Marks a function that takes foreign bytes; tools/surface makes docs/SURFACE.md of the marks.
 * stage: anyone, stun, dtls, mesh, client; bound: what limits its work; target: its fuzz target. */
#define TULLE_UNTRUSTED(stage, bound, target)
#endif
