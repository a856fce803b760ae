/* SPDX-License-Identifier: MIT */
/* stun: writing messages: RFC8489:5, RFC8489:14. Invariant: after each call the header's length
 * says what stands behind it, so that an HMAC or a CRC can be computed at any point. */
#include "stun/write.h"

#include "base/addr.h"
#include "base/bytes.h"

tulle_stun_writer tulle_stun_write_begin(void *dst, size_t cap, uint16_t method,
	tulle_stun_kind kind, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_wr_u16(&w, tulle_stun_message_type(method, kind));
	tulle_wr_u16(&w, 0);
	tulle_wr_u32(&w, UINT32_C(0x2112a442));
	tulle_wr_bytes(&w, id, TULLE_STUN_ID_BYTES);
	return (tulle_stun_writer){w.buf, w.len, w.cap, w.bad};
}

void tulle_stun_write_bytes(tulle_stun_writer *w, uint16_t type, const void *value, size_t len)
{
	tulle_wr out = {w->buf, w->len, w->cap, w->bad};
	if (len > UINT16_MAX - 3)
		out.bad = true;
	tulle_wr_u16(&out, type);
	tulle_wr_u16(&out, (uint16_t)len);
	tulle_wr_bytes(&out, value, len);
	tulle_wr_zero(&out, (4 - len % 4) % 4); /* RFC8489:14: padding is sent as zero */
	if (out.len - TULLE_STUN_HEADER_BYTES > UINT16_MAX)
		out.bad = true;
	w->bad = out.bad;
	if (w->bad)
		return;
	w->len = out.len;
	stun_set_length(w->buf, w->len - TULLE_STUN_HEADER_BYTES);
}

void tulle_stun_write_text(tulle_stun_writer *w, tulle_stun_attribute a, tulle_text t)
{
	tulle_stun_write_bytes(w, tulle_stun_type(a), t.ptr, t.len);
}

void tulle_stun_write_flag(tulle_stun_writer *w, tulle_stun_attribute a)
{
	tulle_stun_write_bytes(w, tulle_stun_type(a), NULL, 0);
}

void tulle_stun_write_u32(tulle_stun_writer *w, tulle_stun_attribute a, uint32_t v)
{
	uint8_t value[4];
	tulle_wr out = tulle_wr_make(value, sizeof value);
	tulle_wr_u32(&out, v);
	tulle_stun_write_bytes(w, tulle_stun_type(a), value, sizeof value);
}

void tulle_stun_write_u64(tulle_stun_writer *w, tulle_stun_attribute a, uint64_t v)
{
	uint8_t value[8];
	tulle_wr out = tulle_wr_make(value, sizeof value);
	tulle_wr_u64(&out, v);
	tulle_stun_write_bytes(w, tulle_stun_type(a), value, sizeof value);
}

void tulle_stun_write_address(tulle_stun_writer *w, tulle_stun_attribute a, const tulle_addr *addr)
{
	bool xored = a == TULLE_STUN_A_XOR_MAPPED_ADDRESS || a == TULLE_STUN_A_XOR_PEER_ADDRESS ||
		     a == TULLE_STUN_A_XOR_RELAYED_ADDRESS;
	uint8_t value[20], mask[16] = {0x21, 0x12, 0xa4, 0x42};
	tulle_wr out = tulle_wr_make(value, sizeof value);
	tulle_wr_u8(&out, 0);
	tulle_wr_u8(&out, addr->family == 4 ? 1 : 2);
	tulle_wr_u16(&out, (uint16_t)(addr->port ^ (xored ? 0x2112 : 0)));
	if (w->bad)
		return;
	memcpy(mask + 4, w->buf + 8, TULLE_STUN_ID_BYTES);
	for (size_t i = 0; i < tulle_addr_ip_bytes(addr); i++)
		tulle_wr_u8(&out, (uint8_t)(addr->ip[i] ^ (xored ? mask[i] : 0)));
	tulle_stun_write_bytes(w, tulle_stun_type(a), value, out.len);
}

void tulle_stun_write_error(tulle_stun_writer *w, unsigned code, tulle_text reason)
{
	uint8_t value[4 + 128];
	tulle_wr out = tulle_wr_make(value, sizeof value);
	tulle_wr_u16(&out, 0);
	tulle_wr_u8(&out, (uint8_t)(code / 100));
	tulle_wr_u8(&out, (uint8_t)(code % 100));
	tulle_wr_text(&out, reason);
	if (!tulle_wr_finish(&out))
		w->bad = true;
	tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_ERROR_CODE), value, out.len);
}

void tulle_stun_write_unknown(tulle_stun_writer *w, const uint16_t *types, size_t count)
{
	uint8_t value[2 * TULLE_STUN_UNKNOWN_MAX];
	tulle_wr out = tulle_wr_make(value, sizeof value);
	for (size_t i = 0; i < count; i++)
		tulle_wr_u16(&out, types[i]);
	if (!tulle_wr_finish(&out))
		w->bad = true;
	/* RFC8489:14.13: 2 bytes a type, padded like any other attribute */
	tulle_stun_write_bytes(w, tulle_stun_type(TULLE_STUN_A_UNKNOWN_ATTRIBUTES), value, out.len);
}

size_t tulle_stun_write_finish(const tulle_stun_writer *w)
{
	return w->bad ? 0 : w->len;
}
