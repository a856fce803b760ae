/* SPDX-License-Identifier: MIT */
/* turn: data to and from peers: RFC8656:11, RFC8656:12.4. Invariant: nothing is taken from a peer,
 * or sent to one, that no permission was asked for. */
#include "turn/engine.h"

#define CHANNEL_HEADER 4
#define DATA_MAX 65000 /* with any header it stays under 65,536 */

/* STUN header, XOR-PEER-ADDRESS, the header of DATA */
static size_t indication_bytes(const tulle_addr *peer)
{
	return TULLE_STUN_HEADER_BYTES + 4 + 4 + tulle_addr_ip_bytes(peer) + 4;
}

size_t tulle_turn_overhead(const tulle_turn *turn, const tulle_addr *peer)
{
	const turn_peer *p = tulle_turn_find_peer(turn, peer);
	return p != NULL && tulle_turn_is_bound(turn, p) ? CHANNEL_HEADER : indication_bytes(peer);
}

static size_t pad(uint8_t *end, size_t len)
{
	size_t n = (4 - len % 4) % 4;
	memset(end, 0, n);
	return n;
}

/* RFC8656:12.5: padded over a stream */
static tulle_bytes wrap_channel(const tulle_turn *turn, uint16_t number, uint8_t *data, size_t len)
{
	tulle_wr w = tulle_wr_make(data - CHANNEL_HEADER, CHANNEL_HEADER);
	tulle_wr_u16(&w, number);
	tulle_wr_u16(&w, (uint16_t)len);
	size_t padding = turn->config.transport == TULLE_TURN_STREAM ? pad(data + len, len) : 0;
	return (tulle_bytes){data - CHANNEL_HEADER, CHANNEL_HEADER + len + padding};
}

/* RFC8656:11.1. No integrity: indications have none. False: no randomness. */
static bool wrap_indication(
	tulle_turn *turn, const tulle_addr *peer, uint8_t *data, size_t len, tulle_bytes *out)
{
	uint8_t id[TULLE_STUN_ID_BYTES];
	size_t header = indication_bytes(peer);
	uint8_t *start = data - header;
	if (!turn->config.random.fill(turn->config.random.user, id, sizeof id))
		return false;
	tulle_stun_writer w =
		tulle_stun_write_begin(start, header, TULLE_STUN_SEND, TULLE_STUN_INDICATION, id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_PEER_ADDRESS, peer);
	TULLE_CHECK(tulle_stun_write_finish(&w) == header - 4);
	tulle_wr tail = tulle_wr_make(data - 4, 4);
	tulle_wr_u16(&tail, tulle_stun_type(TULLE_STUN_A_DATA));
	tulle_wr_u16(&tail, (uint16_t)len);
	*out = (tulle_bytes){start, header + len + pad(data + len, len)};
	tulle_wr head = {.buf = start, .len = header, .cap = header};
	tulle_wr_patch_u16(&head, 2, (uint16_t)(out->len - TULLE_STUN_HEADER_BYTES));
	return true;
}

tulle_err tulle_turn_wrap(tulle_turn *turn, tulle_time now, const tulle_addr *peer, uint8_t *data,
	size_t len, tulle_bytes *out)
{
	turn->now = tulle_time_max(turn->now, now);
	if (turn->state != TULLE_TURN_READY)
		return TULLE_ERR_STATE;
	if (len > DATA_MAX)
		return TULLE_ERR_TOO_LARGE;
	const turn_permission *permission = tulle_turn_find_permission(turn, peer);
	if (permission == NULL || peer->port == 0 || permission->grant == TURN_REFUSED)
		return TULLE_ERR_GONE;
	if (!tulle_turn_is_open(turn, permission)) /* RFC8656:11.1 */
		return TULLE_WOULD_BLOCK;
	const turn_peer *p = tulle_turn_find_peer(turn, peer);
	if (p != NULL && tulle_turn_is_bound(turn, p))
		*out = wrap_channel(turn, p->number, data, len);
	else if (!wrap_indication(turn, peer, data, len, out))
		return TULLE_ERR_SYSTEM;
	turn->last_sent = turn->now;
	return TULLE_OK;
}

/* RFC8656:11.4, RFC8656:12.6: a permission that we asked for: its answer may come behind the data.
 */
static bool is_wanted(const tulle_turn *turn, const tulle_addr *peer)
{
	const turn_permission *p = tulle_turn_find_permission(turn, peer);
	return p != NULL && (p->grant == TURN_ASKED || tulle_turn_is_open(turn, p));
}

/* ChannelData: data[0] is 64..79, and on a stream len is its frame's. */
TULLE_UNTRUSTED(anyone, "64 peers compared", turn)
tulle_drop tulle_turn_take_channel(
	const tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out)
{
	tulle_rd r = tulle_rd_make(data, len);
	uint16_t number = tulle_rd_u16(&r), bytes = tulle_rd_u16(&r);
	tulle_bytes payload = tulle_rd_bytes(&r, bytes); /* what follows is padding */
	if (r.bad)
		return TULLE_DROP_MALFORMED; /* RFC8656:12.6 */
	for (uint8_t i = 0; i < turn->peer_slots; i++) {
		const turn_peer *p = &turn->peers[i];
		if (!p->used || p->left || p->number != number)
			continue;
		/* RFC8656:12: the server may use it as soon as we have asked. */
		if (p->asked_until == TULLE_TIME_NEVER || turn->now >= p->asked_until)
			return TULLE_DROP_TURN_CHANNEL;
		if (!is_wanted(turn, &p->addr))
			return TULLE_DROP_TURN_PEER;
		*out = (tulle_turn_data){.peer = p->addr, .data = payload};
		return TULLE_TAKEN;
	}
	return TULLE_DROP_TURN_CHANNEL;
}

/* RFC8656:11.6: told to whom asked for this very peer. */
static tulle_drop take_icmp(tulle_turn *turn, const tulle_stun_message *m, const tulle_addr *peer)
{
	tulle_bytes v = m->value[TULLE_STUN_A_ICMP];
	tulle_rd r = tulle_rd_make(v.ptr, v.len);
	turn_peer *p = tulle_turn_find_peer(turn, peer);
	if (p == NULL || p->left)
		return TULLE_DROP_TURN_PEER;
	tulle_rd_skip(&r, 2);
	p->icmp_type = tulle_rd_u8(&r);
	p->icmp_code = tulle_rd_u8(&r);
	p->icmp_data = tulle_rd_u32(&r);
	p->tell_icmp = true;
	return TULLE_TAKEN;
}

/* A Data indication: RFC8656:11.4 */
TULLE_UNTRUSTED(anyone, "64 permissions compared", turn)
tulle_drop tulle_turn_take_indication(
	tulle_turn *turn, const tulle_stun_message *m, tulle_turn_data *out)
{
	tulle_addr peer;
	if (m->unknown_count != 0) /* RFC8489:6.3.2 */
		return TULLE_DROP_STUN_UNKNOWN_REQUIRED;
	if (m->method != TULLE_STUN_DATA)
		return TULLE_DROP_STUN_METHOD;
	bool icmp = tulle_stun_has(m, TULLE_STUN_A_ICMP);
	if (!tulle_stun_address(m, TULLE_STUN_A_XOR_PEER_ADDRESS, &peer) ||
		(!icmp && !tulle_stun_has(m, TULLE_STUN_A_DATA)))
		return TULLE_DROP_STUN_ATTRIBUTE;
	if (!is_wanted(turn, &peer))
		return TULLE_DROP_TURN_PEER;
	if (icmp)
		return take_icmp(turn, m, &peer);
	*out = (tulle_turn_data){.peer = peer, .data = m->value[TULLE_STUN_A_DATA]};
	return TULLE_TAKEN;
}
