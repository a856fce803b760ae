/* SPDX-License-Identifier: MIT */
/* sdp: lines and the pieces of their values, for the files of this room. */
#ifndef TULLE_SDP_LINES_H
#define TULLE_SDP_LINES_H
#include <tulle/sdp.h>

#include "base/text.h"
#include "sdp/limits.h"

typedef struct {
	tulle_text input;
	size_t at;      /* of the next line */
	size_t line_at; /* of this one */
	char type;
	tulle_text value;
} sdp_lines;

typedef enum { SDP_LINE, SDP_END, SDP_BAD, SDP_TOO_LONG } sdp_next;

/* The next line: a letter, '=', a value; empty lines may stand only at the end. */
sdp_next tulle_sdp_next_line(sdp_lines *lines);
/* Decimal, no sign, no leading zero, at most max. */
bool tulle_sdp_read_number(tulle_text t, uint64_t max, uint64_t *out);
/* RFC8866:9 token */
bool tulle_sdp_is_token(tulle_text t);
/* m=: media, port, proto, formats and what they make it; RFC8866:5.14 */
bool tulle_sdp_read_media(tulle_text value, tulle_sdp_section *out);
/* "name" and "name:value" of an a= line. */
tulle_text tulle_sdp_split_attribute(tulle_text value, tulle_text *rest);
#endif
