/* SPDX-License-Identifier: MIT */
/* peer: many peers on one port. A hint may be stale or taken by another address: it is only a first
 * guess. */
#include "peer/peer.h"

#include "base/addr.h"

static size_t slot_of(const tulle_peer_mux *mux, const tulle_in *in)
{
	return tulle_addr_hash(&in->remote, mux->seed) % TULLE_PEER_MUX_SLOTS;
}

tulle_peer *tulle_peer_mux_find(const tulle_peer_mux *mux, const tulle_in *in)
{
	tulle_peer *peer = mux->hints[slot_of(mux, in)];
	return peer != NULL && tulle_peer_owns(peer, in) ? peer : NULL;
}

void tulle_peer_mux_learn(tulle_peer_mux *mux, const tulle_in *in, tulle_peer *peer)
{
	mux->hints[slot_of(mux, in)] = peer;
}

void tulle_peer_mux_forget(tulle_peer_mux *mux, const tulle_peer *peer)
{
	for (size_t i = 0; i < TULLE_PEER_MUX_SLOTS; i++)
		if (mux->hints[i] == peer)
			mux->hints[i] = NULL;
}
