/* SPDX-License-Identifier: MIT */
/* onramp: what the host needs beside the public header: whom it belongs to there. */
#ifndef TULLE_ONRAMP_ONRAMP_H
#define TULLE_ONRAMP_ONRAMP_H
#include <tulle/onramp.h>

/* wake(owner) is called when there is output again: a leaf, it may not call tulle back. */
void tulle_onramp_set_owner(tulle_onramp *onramp, void *owner, void (*wake)(void *owner));
void *tulle_onramp_owner(const tulle_onramp *onramp);
#endif
