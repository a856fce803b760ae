/* SPDX-License-Identifier: MIT */
/* stun: what the files of this room share. */
#ifndef TULLE_STUN_WRITE_H
#define TULLE_STUN_WRITE_H
#include <tulle/stun.h>

/* The header's length field as if `body` bytes followed it. */
static inline void stun_set_length(uint8_t *message, size_t body)
{
	message[2] = (uint8_t)(body >> 8);
	message[3] = (uint8_t)body;
}
#endif
