/* SPDX-License-Identifier: MIT */
/* json: the one scanner; for this room only. */
#ifndef TULLE_JSON_SCAN_H
#define TULLE_JSON_SCAN_H
#include "json/json.h"

/* Moves *rest past white space: RFC8259:2. */
void tulle_json_skip_space(tulle_text *rest);
/* Takes the next value (after white space) out of *rest; false: there is none, *rest undefined. */
bool tulle_json_take(tulle_text *rest, tulle_text *value);
#endif
