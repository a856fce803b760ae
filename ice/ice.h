/* SPDX-License-Identifier: MIT */
/* ice: for the floors above; nothing beyond the public header. */
#ifndef TULLE_ICE_ICE_H
#define TULLE_ICE_ICE_H
#include <tulle/ice.h>
#endif
