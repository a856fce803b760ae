/* SPDX-License-Identifier: MIT */
/* turn: for the floors above; nothing beyond the public header. */
#ifndef TULLE_TURN_TURN_H
#define TULLE_TURN_TURN_H
#include <tulle/turn.h>
#endif
