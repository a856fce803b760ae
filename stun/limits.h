/* SPDX-License-Identifier: MIT */
/* stun: every bound of the room (docs/LIMITS.md is made of this). */
#ifndef TULLE_STUN_LIMITS_H
#define TULLE_STUN_LIMITS_H
#define STUN_ATTRIBUTES_MAX 64   /* attributes walked in one message, known or not */
#define STUN_KEY_INPUT_MAX 1024  /* bytes of "username:realm:password" that are hashed */
#define STUN_RTO_US_MAX 60000000 /* no transaction waits longer between two sends */
#endif
