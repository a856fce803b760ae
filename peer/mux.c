/* SPDX-License-Identifier: MIT */
/* peer: many peers on one port. A hint may be stale or another peer's too: it is only a first
 * guess. */
#include "peer/peer.h"

#include "base/addr.h"
#include "base/panic.h"

#include <tulle/ice.h>

/* FNV-1a; the last steps spread what it leaves in the upper bits. */
static uint32_t hash_text(tulle_text t, uint32_t seed)
{
	uint32_t h = seed ^ UINT32_C(0x811c9dc5);
	for (size_t i = 0; i < t.len; i++)
		h = (h ^ (uint8_t)t.ptr[i]) * UINT32_C(0x01000193);
	h ^= h >> 16;
	h *= UINT32_C(0x85ebca6b);
	return h ^ h >> 13;
}

/* A check says whom it is for wherever it comes from: RFC8445:7.3. All else that somebody will own
 * comes from where a check of theirs came from, or where one of ours went. */
TULLE_UNTRUSTED(anyone, "64 attributes of one datagram", mesh)
uint32_t tulle_peer_mux_key(const tulle_in *in, uint32_t seed)
{
	tulle_text ufrag;
	if (in->kind > TULLE_IN_STREAM_ACCEPTED || in->kind == TULLE_IN_STREAM_OPEN)
		return (in->id ^ seed) * UINT32_C(0x9e3779b1); /* a stream that somebody has */
	if (in->data.len != 0 && in->data.ptr[0] <= 3 &&
		tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag))
		return hash_text(ufrag, seed);
	return tulle_addr_hash(&in->remote, seed);
}

tulle_peer *tulle_peer_mux_find(const tulle_peer_mux *mux, const tulle_in *in)
{
	uint32_t key = tulle_peer_mux_key(in, mux->seed);
	size_t cursor = 0;
	tulle_peer *peer;
	while ((peer = tulle_hints_next(&mux->hints, key, &cursor)) != NULL)
		if (tulle_peer_owns(peer, in))
			return peer;
	return NULL;
}

void tulle_peer_mux_learn(tulle_peer_mux *mux, const tulle_in *in, tulle_peer *peer)
{
	tulle_hints_learn(&mux->hints, tulle_peer_mux_key(in, mux->seed), peer);
}

void tulle_peer_mux_forget(tulle_peer_mux *mux, const tulle_peer *peer)
{
	tulle_hints_forget(&mux->hints, peer);
}
