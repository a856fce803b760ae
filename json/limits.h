/* SPDX-License-Identifier: MIT */
/* json: every bound of this room. */
#ifndef TULLE_JSON_LIMITS_H
#define TULLE_JSON_LIMITS_H
#define TULLE_JSON_DEPTH_MAX 1024 /* arrays and objects inside each other; one bit a level */
#endif
