/* SPDX-License-Identifier: MIT */
/* turn: messages out of a stream: RFC8489:6.2.2, RFC8656:12.5. Invariant: stream_have bytes of one
 * message are in the buffer, or stream_skip bytes of one that is too long for it are still to come.
 */
#include "turn/engine.h"

#define CHANNEL_HEADER 4

/* Bytes of the message that starts here, padding included; 0: give more; SIZE_MAX: none does. */
TULLE_UNTRUSTED(anyone, "20 bytes", turn)
static size_t frame(const uint8_t *data, size_t len)
{
	if (len != 0 && data[0] >= 0x40 && data[0] <= 0x4f) { /* RFC8656:12 */
		if (len < CHANNEL_HEADER)
			return 0;
		size_t body = (size_t)data[2] << 8 | data[3];
		return CHANNEL_HEADER + (body + 3) / 4 * 4;
	}
	if (len != 0 && data[0] > 3) /* RFC7983:7 */
		return SIZE_MAX;
	return tulle_stun_frame(data, len);
}

/* Of a message that was begun, or begins here: how many bytes it still needs, at most all of len;
 * what is read so far stands at the start of the buffer. */
static size_t gather(tulle_turn *turn, const uint8_t *data, size_t len, size_t *bytes)
{
	size_t used = 0;
	*bytes = frame(turn->stream, turn->stream_have);
	while (*bytes == 0 && used < len) { /* at most the 20 bytes of a header */
		turn->stream[turn->stream_have++] = data[used++];
		*bytes = frame(turn->stream, turn->stream_have);
	}
	if (*bytes == 0 || *bytes == SIZE_MAX || *bytes > turn->config.stream_bytes)
		return used;
	size_t n = tulle_min(*bytes - turn->stream_have, len - used);
	memcpy(turn->stream + turn->stream_have, data + used, n);
	turn->stream_have += n;
	return used + n;
}

static size_t skip(tulle_turn *turn, size_t len)
{
	size_t n = tulle_min(turn->stream_skip, len);
	turn->stream_skip -= n;
	return n;
}

static size_t read_stream(
	tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out, tulle_drop *drop)
{
	size_t bytes;
	if (turn->stream_skip != 0)
		return skip(turn, len);
	if (turn->stream_have == 0) { /* whole in the input: nothing is copied */
		bytes = frame(data, len);
		if (bytes != 0 && bytes <= len) {
			*drop = tulle_turn_take(turn, data, bytes, out);
			return bytes;
		}
	}
	size_t used = gather(turn, data, len, &bytes);
	if (bytes == SIZE_MAX) { /* no way back into step */
		*drop = TULLE_DROP_TURN_STREAM;
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_STREAM, 0);
		return len;
	}
	if (bytes > turn->config.stream_bytes) {
		turn->stream_skip = bytes - turn->stream_have;
		turn->stream_have = 0;
		*drop = TULLE_DROP_LIMIT;
		return used + skip(turn, len - used);
	}
	if (bytes == 0 || turn->stream_have < bytes)
		return used;
	turn->stream_have = 0;
	*drop = tulle_turn_take(turn, turn->stream, bytes, out);
	return used;
}

TULLE_UNTRUSTED(anyone, "one message a call; stream_bytes", turn)
size_t tulle_turn_handle_stream(tulle_turn *turn, tulle_time now, const uint8_t *data, size_t len,
	tulle_turn_data *out, tulle_drop *drop)
{
	turn->now = tulle_time_max(turn->now, now);
	*out = (tulle_turn_data){0};
	*drop = TULLE_TAKEN;
	if (turn->config.transport != TULLE_TURN_STREAM || turn->state == TULLE_TURN_FAILED ||
		turn->state == TULLE_TURN_CLOSED) {
		*drop = TULLE_DROP_STATE;
		turn->drops[TULLE_DROP_STATE]++;
		return len;
	}
	size_t used = read_stream(turn, data, len, out, drop);
	turn->drops[*drop]++;
	return used;
}

void tulle_turn_stream_ended(tulle_turn *turn, tulle_time now)
{
	turn->now = tulle_time_max(turn->now, now);
	if (turn->state == TULLE_TURN_CLOSING)
		tulle_turn_end(turn);
	else if (turn->state == TULLE_TURN_ALLOCATING || turn->state == TULLE_TURN_READY)
		tulle_turn_fail(turn, TULLE_TURN_FAILURE_STREAM, 0);
}
