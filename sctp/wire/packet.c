/* SPDX-License-Identifier: MIT */
/* sctp/wire: packets, chunks and parameters as frames: RFC9260:3, 3.2, 3.2.1, 6.8. */
#include "sctp/wire/packet.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

#include <string.h>

uint32_t tulle_sctp_packet_checksum(tulle_cpu cpu, const uint8_t *data, size_t len)
{
	static const uint8_t zero[4];
	uint32_t crc = tulle_crc32c(cpu, 0, data, 8);
	crc = tulle_crc32c(cpu, crc, zero, 4);
	return tulle_crc32c(cpu, crc, data + SCTP_HEADER_BYTES, len - SCTP_HEADER_BYTES);
}

static uint32_t stored_checksum(const uint8_t *data) /* RFC9260:A: least significant byte first */
{
	return (uint32_t)data[8] | (uint32_t)data[9] << 8 | (uint32_t)data[10] << 16 |
	       (uint32_t)data[11] << 24;
}

/* Type and length, value, padding; the reader goes bad when the frame is broken. */
static bool read_frame(tulle_rd *r, uint16_t *head, tulle_bytes *value, tulle_bytes *whole)
{
	if (tulle_rd_left(r) == 0)
		return false;
	const uint8_t *start = r->pos;
	*head = tulle_rd_u16(r);
	size_t len = tulle_rd_u16(r);
	/* RFC9260:3.2 a length below 4 would never move on */
	if (r->bad || len < SCTP_CHUNK_HEADER_BYTES) {
		r->bad = true;
		return false;
	}
	*value = tulle_rd_bytes(r, len - SCTP_CHUNK_HEADER_BYTES);
	if (r->bad)
		return false;
	*whole = (tulle_bytes){start, len};
	size_t padding = tulle_sctp_padded(len) - len;
	size_t left = tulle_rd_left(r);
	tulle_rd_skip(r, padding < left ? padding : left);
	return true;
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_packet)
bool tulle_sctp_read_chunk(tulle_rd *r, tulle_sctp_chunk *chunk)
{
	uint16_t head;
	if (!read_frame(r, &head, &chunk->value, &chunk->whole))
		return false;
	chunk->type = (uint8_t)(head >> 8);
	chunk->flags = (uint8_t)head;
	return true;
}

TULLE_UNTRUSTED(dtls, "one parameter", sctp_packet)
bool tulle_sctp_read_parameter(tulle_rd *r, tulle_sctp_parameter *p)
{
	return read_frame(r, &p->type, &p->value, &p->whole);
}

TULLE_UNTRUSTED(dtls, "packet length / 4 chunks", sctp_packet)
tulle_drop tulle_sctp_read_packet(tulle_cpu cpu, const uint8_t *data, size_t len, bool zero_ok,
	tulle_sctp_header *header, tulle_rd *chunks)
{
	/* RFC9260:3 a packet holds a header and a chunk */
	if (len < SCTP_HEADER_BYTES + SCTP_CHUNK_HEADER_BYTES)
		return TULLE_DROP_SCTP_SHORT;
	bool unsummed = zero_ok && stored_checksum(data) == 0;
	/* RFC9260:6.8 */
	if (!unsummed && tulle_sctp_packet_checksum(cpu, data, len) != stored_checksum(data))
		return TULLE_DROP_SCTP_CHECKSUM;
	tulle_rd r = tulle_rd_make(data, len);
	header->source_port = tulle_rd_u16(&r);
	header->destination_port = tulle_rd_u16(&r);
	header->tag = tulle_rd_u32(&r);
	tulle_rd_skip(&r, 4);
	*chunks = r;
	tulle_sctp_chunk chunk;
	while (tulle_sctp_read_chunk(&r, &chunk))
		unsummed = unsummed && chunk.type != SCTP_INIT && chunk.type != SCTP_COOKIE_ECHO;
	if (zero_ok && stored_checksum(data) == 0 && !unsummed &&
		tulle_sctp_packet_checksum(cpu, data, len) != 0)
		return TULLE_DROP_SCTP_CHECKSUM;
	return tulle_rd_finish(&r) ? TULLE_TAKEN : TULLE_DROP_SCTP_CHUNK;
}

void tulle_sctp_packet_start(tulle_sctp_packet *p, tulle_cpu cpu, uint8_t *dst, size_t cap,
	const tulle_sctp_header *header)
{
	*p = (tulle_sctp_packet){.w = tulle_wr_make(dst, cap), .cpu = cpu};
	tulle_wr_u16(&p->w, header->source_port);
	tulle_wr_u16(&p->w, header->destination_port);
	tulle_wr_u32(&p->w, header->tag);
	tulle_wr_u32(&p->w, 0);
}

static void sum(tulle_sctp_packet *p)
{
	p->crc = tulle_crc32c(p->cpu, p->crc, p->w.buf + p->summed, p->w.len - p->summed);
	p->summed = p->w.len;
}

void tulle_sctp_packet_copy(tulle_sctp_packet *p, const uint8_t *data, size_t len)
{
	if (!p->unsummed)
		sum(p);
	uint8_t *dst = tulle_wr_room(&p->w, len);
	if (dst == NULL)
		return;
	if (p->unsummed) {
		memcpy(dst, data, len);
		return;
	}
	p->crc = tulle_crc32c_copy(p->cpu, p->crc, dst, data, len);
	p->summed = p->w.len;
}

size_t tulle_sctp_packet_end(tulle_sctp_packet *p)
{
	if (!tulle_wr_finish(&p->w))
		return 0;
	if (p->unsummed)
		return p->w.len;
	sum(p);
	for (unsigned i = 0; i < 4; i++)
		p->w.buf[8 + i] = (uint8_t)(p->crc >> 8 * i);
	return p->w.len;
}

size_t tulle_sctp_chunk_start(tulle_wr *w, uint8_t type, uint8_t flags)
{
	size_t at = w->len;
	tulle_wr_u8(w, type);
	tulle_wr_u8(w, flags);
	tulle_wr_u16(w, 0);
	return at;
}

void tulle_sctp_chunk_end(tulle_wr *w, size_t at)
{
	size_t len = w->len - at;
	tulle_wr_patch_u16(w, at + 2, (uint16_t)len);
	tulle_wr_zero(w, tulle_sctp_padded(len) - len);
}

size_t tulle_sctp_parameter_start(tulle_wr *w, uint16_t type)
{
	return tulle_sctp_chunk_start(w, (uint8_t)(type >> 8), (uint8_t)type);
}

void tulle_sctp_parameter_end(tulle_wr *w, size_t at)
{
	tulle_sctp_chunk_end(w, at);
}

void tulle_sctp_write_pad(tulle_wr *w, size_t bytes)
{
	size_t at = tulle_sctp_chunk_start(w, SCTP_PAD, 0);
	tulle_wr_zero(w, bytes - SCTP_CHUNK_HEADER_BYTES);
	tulle_sctp_chunk_end(w, at);
}
