/* SPDX-License-Identifier: MIT */
/* ice: RFC 4571 framing. Invariant: a length is being read, or have of a packet's need bytes are in
 * buf, or the stream is broken; a packet that is whole in the input is never copied. */
#include "ice/frame.h"

#include "base/panic.h"
#include "base/serial.h"

#include <string.h>

void tulle_ice_frames_init(tulle_ice_frames *f, uint8_t *buf, size_t cap)
{
	*f = (tulle_ice_frames){.buf = buf, .cap = cap};
}

/* The two bytes of a length; gives how many of them are here. */
static size_t read_head(tulle_ice_frames *f, const uint8_t *data, size_t len)
{
	size_t used = 0;
	while (f->head_have < 2 && used < len)
		f->head[f->head_have++] = data[used++];
	if (f->head_have < 2)
		return used;
	f->head_have = 0;
	f->need = (size_t)f->head[0] << 8 | f->head[1];
	f->broken = f->need > f->cap;
	return used;
}

TULLE_UNTRUSTED(anyone, "one packet a call; the caller's buffer", frame)
size_t tulle_ice_frames_read(
	tulle_ice_frames *f, const uint8_t *data, size_t len, tulle_bytes *packet, tulle_drop *drop)
{
	*packet = (tulle_bytes){NULL, 0};
	size_t used = f->need == 0 ? read_head(f, data, len) : 0;
	*drop = f->broken ? TULLE_DROP_LIMIT : TULLE_TAKEN;
	if (f->broken)
		return len;
	if (f->need == 0)
		return used;
	size_t n = tulle_min(f->need - f->have, len - used);
	if (n == f->need) {
		*packet = (tulle_bytes){data + used, n};
	} else if (n != 0) {
		memcpy(f->buf + f->have, data + used, n);
		f->have += n;
		if (f->have == f->need)
			*packet = (tulle_bytes){f->buf, f->have};
	}
	if (packet->ptr != NULL)
		f->have = f->need = 0;
	return used + n;
}

bool tulle_ice_frame_write(uint8_t head[TULLE_ICE_FRAME_HEADROOM], size_t len)
{
	if (len == 0 || len > TULLE_ICE_FRAME_MAX)
		return false;
	head[0] = (uint8_t)(len >> 8);
	head[1] = (uint8_t)len;
	return true;
}
