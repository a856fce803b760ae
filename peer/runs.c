/* SPDX-License-Identifier: MIT */
/* peer: SCTP's packets sealed one behind the other, as runs of one length that leave in one call
 * (UDP_SEGMENT). Invariant: what was sealed and did not fit is carried, nothing sealed is lost. */
#include "peer/state.h"

#include "base/serial.h"

#include <string.h>

void tulle_peer_set_out(tulle_out *out, const tulle_path *path, const uint8_t *data, size_t len)
{
	*out = (tulle_out){.kind = TULLE_OUT_DATAGRAM,
		.id = path->id,
		.local = path->local,
		.remote = path->remote,
		.data = {data, len},
		.segment = (uint16_t)len};
}

/* One sealed SCTP packet at dst; len 0: none. The plaintext lies in the owner's scratch meanwhile.
 */
static tulle_datagram seal_next(tulle_peer *p, uint8_t *dst, size_t room)
{
	tulle_datagram d = {0};
	size_t n = 0;
	if (room < p->config.datagram_bytes_max || !p->dtls_open)
		return d;
	if (!tulle_sctp_poll_datagram(p->sctp, p->now, p->env.plain, p->env.plain_bytes, &d))
		return (tulle_datagram){0};
	/* When OpenSSL refuses (out of memory) the packet counts as lost: SCTP sends it again. */
	if (tulle_dtls_seal(p->dtls, p->now, p->env.plain, d.len, dst, room, &n) != TULLE_OK)
		n = 0;
	d.len = n;
	return d;
}

static bool is_alone(const tulle_datagram *d)
{
	return d->df_probe || d->may_fragment;
}

/* Over a stream each packet has a frame of its own, whatever its length. */
static size_t add_frames(
	tulle_peer *p, const tulle_path *path, uint8_t *scratch, size_t bytes, size_t used)
{
	size_t most = tulle_min(bytes, tulle_peer_streams_room(p, path));
	while (used + TULLE_ICE_FRAME_HEADROOM + PEER_MTU_MAX <= most) {
		uint8_t *at = scratch + used + TULLE_ICE_FRAME_HEADROOM;
		tulle_datagram next = seal_next(p, at, bytes - used - TULLE_ICE_FRAME_HEADROOM);
		if (!tulle_ice_frame_write(at - TULLE_ICE_FRAME_HEADROOM, next.len))
			break; /* there was none */
		used += TULLE_ICE_FRAME_HEADROOM + next.len;
	}
	return used;
}

/* Packets of one length, the last may be shorter; one that is longer, or is to go alone, waits in
 * carry. */
bool tulle_peer_poll_sctp(
	tulle_peer *p, const tulle_path *path, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	tulle_datagram first = p->carried, next;
	bool stream = tulle_peer_is_stream(path->id);
	if (stream && tulle_peer_streams_room(p, path) < PEER_MTU_MAX)
		return false; /* full: what waits in SCTP is not lost */
	bytes = tulle_min(bytes, PEER_RUN_BYTES_MAX);
	if (first.len != 0)
		memcpy(scratch, p->carry, first.len);
	else
		first = seal_next(p, scratch, bytes);
	p->carried.len = 0;
	if (first.len == 0)
		return false;
	tulle_peer_set_out(out, path, scratch, first.len);
	out->df_probe = first.df_probe;
	out->may_fragment = first.may_fragment;
	size_t used = first.len;
	if (stream)
		used = add_frames(p, path, scratch, bytes, used);
	bool runs = !is_alone(&first) && !tulle_peer_servers_is_relay(path->id) && !stream;
	for (int n = 1; runs && n < PEER_RUN_SEGMENTS_MAX; n++) {
		next = seal_next(p, scratch + used, bytes - used);
		if (next.len == 0)
			break;
		if (next.len > first.len || is_alone(&next)) {
			memcpy(p->carry, scratch + used, next.len);
			p->carried = next;
			break;
		}
		used += next.len;
		if (next.len < first.len)
			break;
	}
	out->data.len = used;
	return true;
}
