/* SPDX-License-Identifier: MIT */
/* mdns: DNS messages (RFC1035:4), read and written. Invariant: a reader that is not bad stands at
 * the start of an item, or at the end. */
#include "mdns/engine.h"

#define HEADER_BYTES 12
#define NAME_BYTES_MAX 255 /* RFC1035:2.3.4 */
#define RESPONSE 0x8400    /* QR, AA: RFC6762:18.4 */

/* A name at *at, which moves behind it. dst has it in lower case as far as it goes; gives its
 * length, 0: not a name. A pointer leads back before the labels that it ends, and there are few:
 * RFC1035:4.1.4. */
TULLE_UNTRUSTED(anyone, "255 bytes, 16 pointers", mdns)
static size_t read_name(tulle_bytes message, size_t *at, uint8_t *dst, size_t cap)
{
	size_t pos = *at, start = pos, len = 0;
	bool jumped = false;
	for (unsigned jumps = 0; pos < message.len;) {
		uint8_t n = message.ptr[pos];
		if (n >= 0xc0) {
			if (pos + 2 > message.len || ++jumps > MDNS_JUMPS_MAX)
				return 0;
			size_t target = (size_t)(n & 0x3f) << 8 | message.ptr[pos + 1];
			if (target < HEADER_BYTES || target >= start)
				return 0;
			*at = jumped ? *at : pos + 2;
			jumped = true;
			pos = start = target;
			continue;
		}
		if (n > 63 || message.len - pos - 1 < n || len + 1 + n > NAME_BYTES_MAX)
			return 0;
		for (size_t i = 0; i <= n; i++, pos++, len++) {
			uint8_t c = message.ptr[pos];
			if (len < cap) /* a length below 64 is no letter */
				dst[len] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
		}
		if (n == 0) {
			*at = jumped ? *at : pos;
			return len;
		}
	}
	return 0;
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* draft 3.1.1: a version 4 UUID (RFC 4122: the digits of version and variant) and "local". */
static bool is_our_kind(const uint8_t *name)
{
	static const uint8_t tail[] = {5, 'l', 'o', 'c', 'a', 'l', 0};
	if (name[0] != 36 || memcmp(name + 37, tail, sizeof tail) != 0)
		return false;
	const uint8_t *uuid = name + 1;
	for (size_t i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? uuid[i] != '-' : !is_hex(uuid[i]))
			return false;
	return uuid[14] == '4' &&
	       (uuid[19] == '8' || uuid[19] == '9' || uuid[19] == 'a' || uuid[19] == 'b');
}

TULLE_UNTRUSTED(anyone, "42 bytes", mdns)
bool tulle_mdns_read_text(tulle_text text, uint8_t name[MDNS_NAME_BYTES])
{
	if (text.len != TULLE_MDNS_TEXT_BYTES || text.ptr[36] != '.')
		return false;
	name[0] = 36;
	name[37] = 5;
	name[MDNS_NAME_BYTES - 1] = 0;
	for (size_t i = 0; i < text.len; i++)
		if (i != 36) {
			uint8_t c = (uint8_t)text.ptr[i];
			name[1 + i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
		}
	return is_our_kind(name);
}

bool tulle_mdns_is_name(tulle_text name)
{
	uint8_t wire[MDNS_NAME_BYTES];
	return tulle_mdns_read_text(name, wire);
}

TULLE_UNTRUSTED(anyone, "12 bytes", mdns)
tulle_drop tulle_mdns_read_begin(mdns_reader *r, const uint8_t *data, size_t len)
{
	tulle_rd in = tulle_rd_make(data, len);
	*r = (mdns_reader){.message = {data, len}, .at = HEADER_BYTES};
	r->id = tulle_rd_u16(&in);
	r->flags = tulle_rd_u16(&in);
	r->questions = tulle_rd_u16(&in);
	r->answers = tulle_rd_u16(&in);
	uint32_t others = tulle_rd_u16(&in);
	others += tulle_rd_u16(&in);
	if (in.bad)
		return TULLE_DROP_MALFORMED;
	if (len > MDNS_MESSAGE_MAX || r->questions + r->answers + others > MDNS_ITEMS_MAX)
		return TULLE_DROP_LIMIT;
	r->records = (uint16_t)(r->answers + others);
	return TULLE_TAKEN;
}

/* False: the end, or bad. */
TULLE_UNTRUSTED(anyone, "one name and 65535 bytes that are skipped", mdns)
bool tulle_mdns_read_next(mdns_reader *r, mdns_item *item)
{
	if (r->bad || r->done == (uint32_t)r->questions + r->records)
		return false;
	*item = (mdns_item){.kind = r->done < r->questions ? MDNS_ITEM_QUESTION : MDNS_ITEM_RECORD};
	size_t bytes = read_name(r->message, &r->at, item->name, sizeof item->name);
	tulle_rd in = tulle_rd_make(r->message.ptr + r->at, r->message.len - r->at);
	item->type = tulle_rd_u16(&in);
	uint16_t class = tulle_rd_u16(&in);
	if (item->kind == MDNS_ITEM_RECORD) {
		item->ttl = tulle_rd_u32(&in);
		item->data = tulle_rd_bytes(&in, tulle_rd_u16(&in));
	}
	r->bad = bytes == 0 || in.bad;
	item->is_name = bytes == MDNS_NAME_BYTES && is_our_kind(item->name);
	item->class = class & (MDNS_TOP_BIT - 1); /* RFC6762:18.12, RFC6762:18.13 */
	item->top = (class & MDNS_TOP_BIT) != 0;
	r->at = r->message.len - tulle_rd_left(&in);
	r->done++;
	return !r->bad;
}

/* The verdict over what is left, before anything of it is believed. */
TULLE_UNTRUSTED(anyone, "128 questions and records", mdns)
tulle_drop tulle_mdns_read_all(mdns_reader r)
{
	mdns_item item;
	while (tulle_mdns_read_next(&r, &item))
		;
	return r.bad || r.at != r.message.len ? TULLE_DROP_MALFORMED : TULLE_TAKEN;
}

mdns_writer tulle_mdns_write_begin(uint8_t *dst, size_t cap, uint16_t id, bool response)
{
	mdns_writer m = {.w = tulle_wr_make(dst, cap)};
	tulle_wr_u16(&m.w, id);
	tulle_wr_u16(&m.w, response ? RESPONSE : 0);
	tulle_wr_zero(&m.w, 8);
	return m;
}

/* A part counts when it is there whole; else the message is as it was before. */
static bool end_part(mdns_writer *m, size_t before, unsigned section)
{
	if (!tulle_wr_finish(&m->w)) {
		m->w.len = before;
		m->w.bad = false;
		return false;
	}
	m->counts[section]++;
	return true;
}

bool tulle_mdns_write_question(mdns_writer *m, const uint8_t *name, uint16_t type, bool top)
{
	size_t before = m->w.len;
	tulle_wr_bytes(&m->w, name, MDNS_NAME_BYTES);
	tulle_wr_u16(&m->w, type);
	tulle_wr_u16(&m->w, top ? MDNS_TOP_BIT | MDNS_IN : MDNS_IN);
	return end_part(m, before, 0);
}

bool tulle_mdns_write_address(
	mdns_writer *m, const uint8_t *name, const tulle_addr *addr, uint32_t ttl, bool flush)
{
	size_t before = m->w.len, n = tulle_addr_ip_bytes(addr);
	tulle_wr_bytes(&m->w, name, MDNS_NAME_BYTES);
	tulle_wr_u16(&m->w, addr->family == 4 ? MDNS_A : MDNS_AAAA);
	tulle_wr_u16(&m->w, flush ? MDNS_TOP_BIT | MDNS_IN : MDNS_IN);
	tulle_wr_u32(&m->w, ttl);
	tulle_wr_u16(&m->w, (uint16_t)n);
	tulle_wr_bytes(&m->w, addr->ip, n);
	return end_part(m, before, 1);
}

/* RFC6762:6.1: of all types this name has only the address of this family. */
bool tulle_mdns_write_absence(mdns_writer *m, const uint8_t *name, uint8_t family, bool additional)
{
	static const uint8_t only_a[] = {0, 1, 0x80 >> MDNS_A},
			     only_aaaa[] = {0, 4, 0, 0, 0, 0x80 >> (MDNS_AAAA & 7)};
	size_t before = m->w.len, n = family == 4 ? sizeof only_a : sizeof only_aaaa;
	tulle_wr_bytes(&m->w, name, MDNS_NAME_BYTES);
	tulle_wr_u16(&m->w, MDNS_NSEC);
	tulle_wr_u16(&m->w, MDNS_TOP_BIT | MDNS_IN);
	tulle_wr_u32(&m->w, MDNS_TTL_S);
	tulle_wr_u16(&m->w, (uint16_t)(MDNS_NAME_BYTES + n));
	tulle_wr_bytes(&m->w, name, MDNS_NAME_BYTES);
	tulle_wr_bytes(&m->w, family == 4 ? only_a : only_aaaa, n);
	return end_part(m, before, additional ? 3 : 1);
}

size_t tulle_mdns_write_finish(mdns_writer *m)
{
	for (size_t i = 0; i < 4; i++)
		tulle_wr_patch_u16(&m->w, 4 + 2 * i, m->counts[i]);
	return tulle_wr_finish(&m->w) ? m->w.len : 0;
}
