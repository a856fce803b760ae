/* SPDX-License-Identifier: MIT */
/* turn: for the floors above; little beyond the public header. */
#ifndef TULLE_TURN_TURN_H
#define TULLE_TURN_TURN_H
#include <tulle/turn.h>

/* Peers of which a channel has a number, those too that are forgotten while it rests. */
size_t tulle_turn_channels(const tulle_turn *turn);
#endif
