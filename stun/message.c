/* SPDX-License-Identifier: MIT */
/* stun: messages read and written: RFC8489:5, RFC8489:14. Invariant: a message that was read has
 * only values of legal length, each the first of its type, and what stands behind an integrity
 * attribute is never among them but for what the RFC allows there. */
#include <tulle/stun.h>

#include "base/bytes.h"
#include "base/panic.h"
#include "stun/limits.h"

#define COOKIE UINT32_C(0x2112a442)

static const struct {
	uint16_t type, least, most;
} table[] = {
#define ROW(name, type, least, most) {type, least, most},
	TULLE_STUN_ATTRIBUTES(ROW)
#undef ROW
};

uint16_t tulle_stun_type(tulle_stun_attribute a)
{
	return table[a].type;
}

/* -1: not in the table */
static int find_row(uint16_t type)
{
	for (int i = 0; i < TULLE_STUN_A_COUNT; i++)
		if (table[i].type == type)
			return i;
	return -1;
}

uint16_t tulle_stun_message_type(uint16_t method, tulle_stun_kind kind)
{
	/* RFC8489:5, figure 3: the class bits lie between those of the method. */
	unsigned m = method, k = (unsigned)kind;
	return (uint16_t)((m & 0xf) | (m & 0x70) << 1 | (m & 0xf80) << 2 | (k & 1) << 4 |
			  (k & 2) << 7);
}

static bool is_address(int a)
{
	return a == TULLE_STUN_A_MAPPED_ADDRESS || a == TULLE_STUN_A_ALTERNATE_SERVER ||
	       a == TULLE_STUN_A_XOR_MAPPED_ADDRESS || a == TULLE_STUN_A_XOR_PEER_ADDRESS ||
	       a == TULLE_STUN_A_XOR_RELAYED_ADDRESS;
}

static bool is_legal_length(int a, size_t len)
{
	if (is_address(a)) /* RFC8489:14.1: 8 with IPv4, 20 with IPv6 */
		return len == 8 || len == 20;
	if (a == TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256 && len % 4 != 0) /* RFC8489:14.6 */
		return false;
	return len >= table[a].least && len <= table[a].most;
}

/* RFC8489:14.5, 14.6: which attributes still count behind an integrity attribute. */
static bool is_beyond_integrity(const tulle_stun_message *m, int a)
{
	if (a == TULLE_STUN_A_FINGERPRINT)
		return false;
	if (m->integrity256_at != 0)
		return true;
	return m->integrity_at != 0 && a != TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256;
}

static void add_unknown(tulle_stun_message *m, uint16_t type)
{
	for (size_t i = 0; i < m->unknown_count; i++)
		if (m->unknown[i] == type)
			return;
	if (m->unknown_count < TULLE_STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count++] = type;
}

static void note_place(tulle_stun_message *m, int a, size_t at)
{
	if (a == TULLE_STUN_A_MESSAGE_INTEGRITY)
		m->integrity_at = at;
	else if (a == TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256)
		m->integrity256_at = at;
	else if (a == TULLE_STUN_A_FINGERPRINT)
		m->fingerprint_at = at;
}

static tulle_drop take_attribute(tulle_stun_message *m, uint16_t type, tulle_bytes value, size_t at)
{
	int a = find_row(type);
	if (is_beyond_integrity(m, a))
		return TULLE_TAKEN;
	if (a < 0) {
		/* RFC8489:14: types below 0x8000 must be understood, others may be ignored. */
		if (type < 0x8000)
			add_unknown(m, type);
		return TULLE_TAKEN;
	}
	if (m->value[a].ptr != NULL) /* RFC8489:14: only the first is used */
		return TULLE_TAKEN;
	if (!is_legal_length(a, value.len)) {
		if (a == TULLE_STUN_A_FINGERPRINT)
			return TULLE_DROP_STUN_FINGERPRINT;
		return type < 0x8000 ? TULLE_DROP_STUN_ATTRIBUTE : TULLE_TAKEN;
	}
	m->value[a] = value;
	note_place(m, a, at);
	return TULLE_TAKEN;
}

static tulle_drop read_attributes(tulle_rd *r, tulle_stun_message *m)
{
	for (unsigned n = 0; tulle_rd_left(r) != 0; n++) {
		size_t at = (size_t)(r->pos - m->raw.ptr);
		uint16_t type = tulle_rd_u16(r), len = tulle_rd_u16(r);
		tulle_bytes value = tulle_rd_bytes(r, len);
		tulle_rd_skip(r, (4 - len % 4u) % 4u); /* RFC8489:14: any padding will do */
		if (r->bad)
			return TULLE_DROP_STUN_ATTRIBUTE;
		if (n == STUN_ATTRIBUTES_MAX)
			return TULLE_DROP_LIMIT;
		if (m->fingerprint_at != 0) /* RFC8489:14.7: it is the last */
			return TULLE_DROP_STUN_FINGERPRINT;
		tulle_drop drop = take_attribute(m, type, value, at);
		if (drop != TULLE_TAKEN)
			return drop;
	}
	return TULLE_TAKEN;
}

/* RFC8489:5, 6.3: the two zero bits, the cookie, the length. */
TULLE_UNTRUSTED(anyone, "64 attributes of one datagram", stun)
tulle_drop tulle_stun_read(const uint8_t *data, size_t len, tulle_stun_message *out)
{
	tulle_rd r = tulle_rd_make(data, len);
	uint16_t type = tulle_rd_u16(&r), body = tulle_rd_u16(&r);
	uint32_t cookie = tulle_rd_u32(&r);
	tulle_bytes id = tulle_rd_bytes(&r, TULLE_STUN_ID_BYTES);
	if (r.bad || type >= 0x4000 || cookie != COOKIE)
		return TULLE_DROP_STUN_COOKIE;
	if (body % 4 != 0 || body != tulle_rd_left(&r))
		return TULLE_DROP_STUN_LENGTH;
	memset(out, 0, sizeof *out);
	out->raw = (tulle_bytes){data, len};
	out->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
	out->kind = (tulle_stun_kind)((type >> 4 & 1) | (type >> 7 & 2));
	memcpy(out->id, id.ptr, sizeof out->id);
	return read_attributes(&r, out);
}

/* RFC8489:6.2.2: on a stream the length field frames the message. */
TULLE_UNTRUSTED(anyone, "20 bytes", stun)
size_t tulle_stun_frame(const uint8_t *data, size_t len)
{
	tulle_rd r = tulle_rd_make(data, len);
	uint16_t type = tulle_rd_u16(&r), body = tulle_rd_u16(&r);
	uint32_t cookie = tulle_rd_u32(&r);
	if (len < TULLE_STUN_HEADER_BYTES)
		return 0;
	if (type >= 0x4000 || cookie != COOKIE || body % 4 != 0)
		return SIZE_MAX;
	return (size_t)TULLE_STUN_HEADER_BYTES + body;
}

bool tulle_stun_has(const tulle_stun_message *m, tulle_stun_attribute a)
{
	return m->value[a].ptr != NULL;
}

uint32_t tulle_stun_u32(const tulle_stun_message *m, tulle_stun_attribute a)
{
	tulle_rd r = tulle_rd_make(m->value[a].ptr, m->value[a].len);
	return tulle_rd_u32(&r);
}

uint64_t tulle_stun_u64(const tulle_stun_message *m, tulle_stun_attribute a)
{
	tulle_rd r = tulle_rd_make(m->value[a].ptr, m->value[a].len);
	return tulle_rd_u64(&r);
}

static bool is_xored(tulle_stun_attribute a)
{
	return a == TULLE_STUN_A_XOR_MAPPED_ADDRESS || a == TULLE_STUN_A_XOR_PEER_ADDRESS ||
	       a == TULLE_STUN_A_XOR_RELAYED_ADDRESS;
}

/* RFC8489:14.2: the port by the cookie's first half, the address by cookie and id. */
static void xor_address(tulle_addr *a, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	uint8_t mask[16] = {0x21, 0x12, 0xa4, 0x42};
	memcpy(mask + 4, id, TULLE_STUN_ID_BYTES);
	a->port ^= 0x2112;
	for (size_t i = 0; i < (a->family == 4 ? 4u : 16u); i++)
		a->ip[i] ^= mask[i];
}

static bool read_address(
	const tulle_stun_message *m, tulle_stun_attribute a, tulle_bytes value, tulle_addr *out)
{
	tulle_rd r = tulle_rd_make(value.ptr, value.len);
	tulle_rd_skip(&r, 1); /* RFC8489:14.1: ignored */
	uint8_t family = tulle_rd_u8(&r);
	tulle_addr addr = {.port = tulle_rd_u16(&r)};
	addr.family = family == 1 ? 4 : family == 2 ? 6 : 0;
	tulle_bytes ip = tulle_rd_bytes(&r, addr.family == 4 ? 4 : 16);
	if (addr.family == 0 || !tulle_rd_finish(&r))
		return false;
	memcpy(addr.ip, ip.ptr, ip.len);
	if (is_xored(a))
		xor_address(&addr, m->id);
	*out = addr;
	return true;
}

bool tulle_stun_address(const tulle_stun_message *m, tulle_stun_attribute a, tulle_addr *out)
{
	return read_address(m, a, m->value[a], out);
}

/* Where the attributes end that an integrity attribute covers: RFC8489:14.5, 14.6. */
static size_t covered_bytes(const tulle_stun_message *m)
{
	if (m->integrity_at != 0)
		return m->integrity_at;
	return m->integrity256_at != 0 ? m->integrity256_at : m->raw.len;
}

TULLE_UNTRUSTED(anyone, "64 attributes of one message", turn)
bool tulle_stun_address_nth(
	const tulle_stun_message *m, tulle_stun_attribute a, size_t nth, tulle_addr *out)
{
	tulle_rd r = tulle_rd_make(m->raw.ptr, covered_bytes(m));
	tulle_rd_skip(&r, TULLE_STUN_HEADER_BYTES);
	while (tulle_rd_left(&r) != 0) {
		uint16_t type = tulle_rd_u16(&r), len = tulle_rd_u16(&r);
		tulle_bytes value = tulle_rd_bytes(&r, len);
		tulle_rd_skip(&r, (4 - len % 4u) % 4u);
		if (type == table[a].type && nth-- == 0)
			return read_address(m, a, value, out);
	}
	return false;
}

unsigned tulle_stun_error(const tulle_stun_message *m, tulle_text *reason)
{
	tulle_bytes v = m->value[TULLE_STUN_A_ERROR_CODE];
	tulle_rd r = tulle_rd_make(v.ptr, v.len);
	tulle_rd_skip(&r, 2);
	unsigned hundreds = tulle_rd_u8(&r) & 7u, rest = tulle_rd_u8(&r);
	tulle_bytes text = tulle_rd_bytes(&r, tulle_rd_left(&r));
	if (r.bad || hundreds < 3 || hundreds > 6 || rest > 99) /* RFC8489:14.8 */
		return 0;
	if (reason != NULL)
		*reason = (tulle_text){(const char *)text.ptr, text.len};
	return hundreds * 100 + rest;
}
