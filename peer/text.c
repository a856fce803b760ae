/* SPDX-License-Identifier: MIT */
/* peer: label and protocol of a channel: a few bytes stand in the channel, more in one block of the
 * pool, the longest in a chain. Invariant: the byte behind what a block holds is 0, so that a
 * protocol that lies in one is a C string. */
#include "peer/state.h"

#include "base/serial.h"

#include <string.h>

#define HEAD sizeof(uint8_t *)

static size_t room_of(const tulle_peer *p)
{
	return tulle_pool_block_bytes(p->env.pool) - HEAD - 1;
}

static size_t blocks_of(const tulle_peer *p, size_t len)
{
	return (len + room_of(p) - 1) / room_of(p);
}

static bool is_chained(const tulle_peer *p, const peer_text *t)
{
	return (size_t)t->label_len + t->protocol_len > room_of(p);
}

static uint8_t *next_of(const uint8_t *block)
{
	uint8_t *next;
	memcpy(&next, block, HEAD);
	return next;
}

static uint8_t *add_block(tulle_peer *p, uint8_t *next)
{
	uint8_t *block = tulle_pool_take(&p->account, false);
	if (block == NULL)
		return NULL;
	memset(block, 0, tulle_pool_block_bytes(p->env.pool));
	memcpy(block, &next, HEAD);
	return block;
}

/* Room for both texts, all zero; false: there is no memory for them. */
bool tulle_peer_text_make(tulle_peer *p, peer_text *t, size_t label, size_t protocol)
{
	*t = (peer_text){.label_len = (uint16_t)label, .protocol_len = (uint16_t)protocol};
	if (label + protocol < sizeof t->inlined)
		return true;
	size_t count = is_chained(p, t) ? blocks_of(p, label) + blocks_of(p, protocol) : 1;
	size_t most = PEER_LONG_TEXT_BYTES / room_of(p) + 2;
	if (count - 1 > most - tulle_min(most, p->channels.further_blocks))
		return false;
	for (size_t i = 0; i < count; i++) {
		uint8_t *block = add_block(p, t->blocks);
		if (block == NULL) {
			tulle_peer_text_free(p, t);
			return false;
		}
		t->further = (uint16_t)(t->further + (t->blocks != NULL));
		p->channels.further_blocks += t->blocks != NULL;
		t->blocks = block;
	}
	return true;
}

void tulle_peer_text_free(tulle_peer *p, peer_text *t)
{
	while (t->blocks != NULL) {
		uint8_t *block = t->blocks;
		t->blocks = next_of(block);
		tulle_pool_give(&p->account, block);
	}
	p->channels.further_blocks -= t->further;
	*t = (peer_text){0};
}

tulle_bytes tulle_peer_text_at(
	const tulle_peer *p, const peer_text *t, bool protocol, size_t at, size_t len)
{
	size_t room = room_of(p);
	if (t->blocks == NULL)
		return (tulle_bytes){
			(const uint8_t *)t->inlined + at + (protocol ? t->label_len : 0), len};
	if (!is_chained(p, t))
		return (tulle_bytes){t->blocks + HEAD + at + (protocol ? t->label_len : 0), len};
	const uint8_t *block = t->blocks;
	size_t skip = at / room + (protocol ? blocks_of(p, t->label_len) : 0);
	if (len == 0) /* of an empty text that has no block; its 0 is this one's */
		return (tulle_bytes){block + HEAD + room, 0};
	for (; skip > 0; skip--)
		block = next_of(block);
	return (tulle_bytes){block + HEAD + at % room, tulle_min(len, room - at % room)};
}

void tulle_peer_text_put(
	const tulle_peer *p, peer_text *t, bool protocol, size_t at, const void *data, size_t len)
{
	const uint8_t *from = data;
	while (len > 0) {
		tulle_bytes place = tulle_peer_text_at(p, t, protocol, at, len);
		memcpy((uint8_t *)(uintptr_t)place.ptr, from, place.len);
		from += place.len;
		at += place.len;
		len -= place.len;
	}
}
