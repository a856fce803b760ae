/* SPDX-License-Identifier: MIT */
/* stun: for the floors above; nothing beyond the public header. */
#ifndef TULLE_STUN_STUN_H
#define TULLE_STUN_STUN_H
#include <tulle/stun.h>
#endif
