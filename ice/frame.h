/* SPDX-License-Identifier: MIT */
/* ice: packets in a stream: each behind two bytes of length (RFC4571:2, RFC6544:10.1). */
#ifndef TULLE_ICE_FRAME_H
#define TULLE_ICE_FRAME_H
#include <tulle/base.h>

#define TULLE_ICE_FRAME_HEADROOM 2
#define TULLE_ICE_FRAME_MAX 65535

typedef struct {
	uint8_t *buf; /* the caller's: the longest packet that is taken */
	size_t cap, have;
	size_t need;     /* of the packet that was begun; 0: none */
	uint8_t head[2]; /* head_have bytes of its length */
	uint8_t head_have;
	bool broken;
} tulle_ice_frames;

void tulle_ice_frames_init(tulle_ice_frames *f, uint8_t *buf, size_t cap);
/* Bytes of the stream, at most to the end of one packet; gives how many were used (at least one, if
 * there is one): call again with the rest. *packet: what ended here, in data or in buf, until the
 * next call; ptr NULL: nothing. Packets of no bytes are passed over. *drop: LIMIT when one is
 * longer than buf; that and all behind it is used up for nothing: the owner ends the stream. */
size_t tulle_ice_frames_read(tulle_ice_frames *f, const uint8_t *data, size_t len,
	tulle_bytes *packet, tulle_drop *drop);
/* The length before a packet of len bytes; false: too long, or of none. */
bool tulle_ice_frame_write(uint8_t head[TULLE_ICE_FRAME_HEADROOM], size_t len);
#endif
