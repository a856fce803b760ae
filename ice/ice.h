/* SPDX-License-Identifier: MIT */
/* ice: for the floors above: the public face, and our candidates as a list. */
#ifndef TULLE_ICE_ICE_H
#define TULLE_ICE_ICE_H
#include <tulle/ice.h>

#include "ice/frame.h"

/* The index-th local candidate, from 0, as "candidate:..."; 0: there is none, or it does not fit.
 */
size_t tulle_ice_write_local(const tulle_ice *ice, size_t index, char *dst, size_t cap);
#endif
