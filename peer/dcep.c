/* SPDX-License-Identifier: MIT */
/* peer: DCEP (RFC 8832). */
#include "peer/dcep.h"

#include "base/panic.h"
#include "base/text.h"

enum { RELIABLE = 0x00, REXMIT = 0x01, TIMED = 0x02, UNORDERED = 0x80 };

static bool read_head(tulle_rd *r, dcep_message *m)
{
	m->type = (dcep_type)tulle_rd_u8(r);
	uint8_t channel_type = tulle_rd_u8(r), kind = channel_type & 0x7f;
	m->unordered = (channel_type & UNORDERED) != 0;
	m->has_max_retransmits = kind == REXMIT;
	m->has_max_lifetime = kind == TIMED;
	m->priority = tulle_rd_u16(r);
	m->reliability = tulle_rd_u32(r);
	if (kind == RELIABLE)
		m->reliability = 0; /* RFC8832:5.1: ignored */
	m->label.len = tulle_rd_u16(r);
	m->protocol.len = tulle_rd_u16(r);
	return m->type == DCEP_OPEN && kind <= TIMED;
}

TULLE_UNTRUSTED(dtls, "12 bytes", dcep)
bool tulle_peer_read_dcep_head(const uint8_t head[DCEP_OPEN_HEAD_BYTES], dcep_message *out)
{
	tulle_rd r = tulle_rd_make(head, DCEP_OPEN_HEAD_BYTES);
	dcep_message m = {0};
	bool is_head = read_head(&r, &m) && tulle_rd_finish(&r);
	if (is_head)
		*out = m;
	return is_head;
}

TULLE_UNTRUSTED(dtls, "one message, at most message_bytes_max", dcep)
tulle_drop tulle_peer_read_dcep(const uint8_t *data, size_t len, dcep_message *out)
{
	tulle_rd r = tulle_rd_make(data, len);
	dcep_message m = {.type = DCEP_ACK};
	if (len == 1 && data[0] == DCEP_ACK) {
		*out = m;
		return TULLE_TAKEN;
	}
	if (!read_head(&r, &m))
		return TULLE_DROP_DCEP;
	tulle_bytes l = tulle_rd_bytes(&r, m.label.len), p = tulle_rd_bytes(&r, m.protocol.len);
	m.label = (tulle_text){(const char *)l.ptr, l.len};
	m.protocol = (tulle_text){(const char *)p.ptr, p.len};
	if (!tulle_rd_finish(&r))
		return TULLE_DROP_DCEP;
	/* RFC8832:5.1: both are UTF-8 */
	if (!tulle_text_is_utf8(l.ptr, l.len) || !tulle_text_is_utf8(p.ptr, p.len))
		return TULLE_DROP_DCEP;
	*out = m;
	return TULLE_TAKEN;
}

static void write_head(const dcep_message *m, tulle_wr *w)
{
	unsigned kind = m->has_max_retransmits ? REXMIT : m->has_max_lifetime ? TIMED : RELIABLE;
	tulle_wr_u8(w, DCEP_OPEN);
	tulle_wr_u8(w, (uint8_t)(kind | (m->unordered ? UNORDERED : 0u)));
	tulle_wr_u16(w, m->priority);
	tulle_wr_u32(w, m->reliability);
	tulle_wr_u16(w, (uint16_t)m->label.len);
	tulle_wr_u16(w, (uint16_t)m->protocol.len);
}

void tulle_peer_write_dcep_head(const dcep_message *m, uint8_t dst[DCEP_OPEN_HEAD_BYTES])
{
	tulle_wr w = tulle_wr_make(dst, DCEP_OPEN_HEAD_BYTES);
	write_head(m, &w);
}

size_t tulle_peer_write_dcep(const dcep_message *m, uint8_t *dst, size_t cap)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	if (m->label.len > UINT16_MAX || m->protocol.len > UINT16_MAX)
		return 0;
	if (m->type == DCEP_OPEN) {
		write_head(m, &w);
		tulle_wr_text(&w, m->label);
		tulle_wr_text(&w, m->protocol);
	} else {
		tulle_wr_u8(&w, (uint8_t)m->type);
	}
	return tulle_wr_finish(&w) ? w.len : 0;
}
