/* SPDX-License-Identifier: MIT */
/* peer: many peers on one port. A hint may be stale or another peer's too: it is only a first
 * guess. Names and ids are our own choice, so that nobody can crowd them out of their tables;
 * sources are learnt of who has proven them, and again with the next check. */
#include "peer/peer.h"

#include "base/addr.h"
#include "base/panic.h"
#include "peer/limits.h"

#include <tulle/stun.h>

#define ID_AT 8
#define HEADER_BYTES 20
#define FEW 32
#define RECORD_ALERT 21 /* DTLS: RFC7983:7, RFC5246:6.2.1 */
#define RECORD_DATA 23
#define SECOND_TABLE 64 /* of a cursor: where sources begin */

/* FNV-1a; the last steps spread what it leaves in the upper bits. */
static uint32_t hash_bytes(tulle_bytes b, uint32_t seed)
{
	uint32_t h = seed ^ UINT32_C(0x811c9dc5);
	for (size_t i = 0; i < b.len; i++)
		h = (h ^ b.ptr[i]) * UINT32_C(0x01000193);
	h ^= h >> 16;
	h *= UINT32_C(0x85ebca6b);
	return h ^ h >> 13;
}

static uint32_t hash_text(tulle_text t, uint32_t seed)
{
	return hash_bytes((tulle_bytes){(const uint8_t *)t.ptr, t.len}, seed);
}

/* In hints' sets of four. A peer that connects has many addresses and ids; of many, few do. */
static size_t names_for(size_t peers)
{
	return peers + FEW;
}

static size_t ids_for(size_t peers)
{
	return peers / 4 + FEW; /* an answer comes soon, or never */
}

size_t tulle_peer_mux_bytes(size_t peers)
{
	return 2 * tulle_hints_bytes(names_for(peers)) + tulle_hints_bytes(ids_for(peers));
}

void tulle_peer_mux_init(tulle_peer_mux *mux, void *memory, size_t peers)
{
	uint8_t *at = memory;
	size_t names = names_for(peers), bytes = tulle_hints_bytes(names);
	tulle_hints_init(&mux->names, at, names);
	tulle_hints_init(&mux->sources, at + bytes, names);
	tulle_hints_init(&mux->ids, at + 2 * bytes, ids_for(peers));
}

void tulle_peer_mux_copy(tulle_peer_mux *mux, const tulle_peer_mux *from)
{
	tulle_hints_copy(&mux->names, &from->names);
	tulle_hints_copy(&mux->sources, &from->sources);
	tulle_hints_copy(&mux->ids, &from->ids);
}

bool tulle_peer_mux_is_stun(const tulle_in *in)
{
	return in->data.len >= HEADER_BYTES && in->data.ptr[0] <= 3; /* RFC7983:7 */
}

static tulle_hints *table_of(tulle_peer_mux *mux, tulle_peer_mux_key key)
{
	return key.kind == TULLE_PEER_BY_NAME ? &mux->names
	       : key.kind == TULLE_PEER_BY_ID ? &mux->ids
					      : &mux->sources;
}

/* A check says whom it is for wherever it comes from: RFC8445:7.3. */
TULLE_UNTRUSTED(anyone, "64 attributes of one datagram", mesh)
tulle_peer_mux_key tulle_peer_mux_read(const tulle_peer_mux *mux, const tulle_in *in)
{
	tulle_text ufrag;
	if (in->kind > TULLE_IN_STREAM_ACCEPTED || in->kind == TULLE_IN_STREAM_OPEN)
		return (tulle_peer_mux_key){TULLE_PEER_BY_SOURCE, /* a stream that somebody has */
			(in->id ^ mux->seed) * UINT32_C(0x9e3779b1)};
	if (tulle_peer_mux_is_stun(in)) {
		if (tulle_ice_read_ufrag(in->data.ptr, in->data.len, &ufrag))
			return (tulle_peer_mux_key){
				TULLE_PEER_BY_NAME, hash_text(ufrag, mux->seed)};
		tulle_bytes id = {in->data.ptr + ID_AT, TULLE_STUN_ID_BYTES};
		if ((in->data.ptr[0] & 1) != 0) /* an answer: RFC8489:5 */
			return (tulle_peer_mux_key){TULLE_PEER_BY_ID, hash_bytes(id, mux->seed)};
	}
	return (tulle_peer_mux_key){TULLE_PEER_BY_SOURCE, tulle_addr_hash(&in->remote, mux->seed)};
}

/* An answer whose id is not known any more may come from where others came. */
void *tulle_peer_mux_next(
	const tulle_peer_mux *mux, const tulle_in *in, tulle_peer_mux_key key, size_t *cursor)
{
	const tulle_hints *first = table_of((tulle_peer_mux *)(uintptr_t)mux, key);
	if (*cursor < SECOND_TABLE) {
		void *owner = tulle_hints_next(first, key.hash, cursor);
		if (owner != NULL || key.kind != TULLE_PEER_BY_ID)
			return owner;
		*cursor = SECOND_TABLE;
	}
	size_t at = *cursor - SECOND_TABLE;
	void *owner = tulle_hints_next(&mux->sources, tulle_addr_hash(&in->remote, mux->seed), &at);
	*cursor = SECOND_TABLE + at;
	return owner;
}

/* An id is drawn once: when its owner says no, its answer has come already. */
static bool is_over(const tulle_peer_mux *mux, tulle_peer_mux_key key)
{
	size_t cursor = 0;
	return key.kind == TULLE_PEER_BY_ID &&
	       tulle_hints_next(&mux->ids, key.hash, &cursor) != NULL;
}

/* An alert ends what has proven its sender's address, and is found by that; what else it may be is
 * an answer to a close_notify whose owner is gone: RFC5246:7.2.1. */
static bool is_alert(const tulle_in *in)
{
	return in->kind == TULLE_IN_DATAGRAM && in->data.len != 0 &&
	       in->data.ptr[0] == RECORD_ALERT;
}

bool tulle_peer_mux_may_ask(tulle_peer_mux *mux, const tulle_in *in, tulle_peer_mux_key key,
	tulle_time now, size_t owners)
{
	if (is_over(mux, key) || is_alert(in))
		return false;
	tulle_time cost = (tulle_time)owners * (1000000 / PEER_MUX_ASKS_PER_S);
	tulle_time from = mux->asked_until > now ? mux->asked_until : now;
	if (from + cost > now + PEER_MUX_BURST_US) {
		mux->unasked++;
		return false;
	}
	mux->asked_until = from + cost;
	return true;
}

void tulle_peer_mux_learn(tulle_peer_mux *mux, tulle_peer_mux_key key, void *owner)
{
	if (key.kind != TULLE_PEER_BY_ID) /* an id serves once */
		tulle_hints_learn(table_of(mux, key), key.hash, owner);
}

tulle_in tulle_peer_mux_probe(const tulle_in *in)
{
	static const uint8_t record = RECORD_DATA;
	tulle_in probe = *in;
	probe.data = (tulle_bytes){&record, 1};
	return probe;
}

void tulle_peer_mux_proven(tulle_peer_mux *mux, const tulle_in *in, void *owner)
{
	tulle_hints_learn(&mux->sources, tulle_addr_hash(&in->remote, mux->seed), owner);
}

void tulle_peer_mux_asked(tulle_peer_mux *mux, tulle_bytes id, void *owner)
{
	if (id.len != 0)
		tulle_hints_learn(&mux->ids, hash_bytes(id, mux->seed), owner);
}

void tulle_peer_mux_name(tulle_peer_mux *mux, tulle_peer_named *named, const tulle_text *names,
	size_t count, void *owner)
{
	for (size_t i = 0; i < named->count; i++)
		tulle_hints_drop(&mux->names, named->keys[i], owner);
	for (size_t i = 0; i < count; i++) {
		named->keys[i] = hash_text(names[i], mux->seed);
		tulle_hints_learn(&mux->names, named->keys[i], owner);
	}
	named->count = count;
}

void tulle_peer_mux_forget(tulle_peer_mux *mux, const tulle_peer_named *named, const void *owner)
{
	for (size_t i = 0; i < named->count; i++)
		tulle_hints_drop(&mux->names, named->keys[i], owner);
	tulle_hints_forget(&mux->ids, owner);
	tulle_hints_forget(&mux->sources, owner);
}
