/* SPDX-License-Identifier: MIT */
/* fuzz: SCTP's syntax: the parsers over a packet with its checksum repaired, and what they read is
 * written and read again. Criterion: no crash, no walk without progress, the same meaning twice. */
#include "base/panic.h"
#include "sctp/limits.h"
#include "sctp/wire/data.h"
#include "sctp/wire/init.h"
#include "sctp/wire/reset.h"
#include "sctp/wire/sack.h"
#include "sctp/wire/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void again_init(const tulle_sctp_chunk *chunk)
{
	tulle_sctp_init_chunk a, b;
	static uint8_t buf[70000];
	tulle_sctp_chunk read;
	if (tulle_sctp_read_init(chunk->value, &a) != TULLE_TAKEN)
		return;
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_init_chunk(&w, chunk->type, &a);
	if (!tulle_wr_finish(&w) || w.len > 65535)
		return;
	tulle_rd r = tulle_rd_make(buf, w.len);
	TULLE_CHECK(tulle_sctp_read_chunk(&r, &read) && tulle_rd_finish(&r));
	TULLE_CHECK(tulle_sctp_read_init(read.value, &b) == TULLE_TAKEN);
	TULLE_CHECK(a.tag == b.tag && a.window == b.window && a.tsn == b.tsn);
	TULLE_CHECK(a.streams_out == b.streams_out && a.streams_in == b.streams_in);
	TULLE_CHECK(a.forward_tsn == b.forward_tsn && a.re_config == b.re_config);
	TULLE_CHECK(a.i_data == b.i_data && a.zero_checksum == b.zero_checksum);
	TULLE_CHECK(a.has_cookie == b.has_cookie && a.cookie.len == b.cookie.len);
}

static void again_sack(const tulle_sctp_chunk *chunk)
{
	static uint8_t buf[70000];
	static tulle_sctp_gap gaps[65536];
	static uint32_t duplicates[65536];
	tulle_sctp_sack_chunk a, b;
	if (tulle_sctp_read_sack(chunk->value, &a) != TULLE_TAKEN)
		return;
	for (size_t i = 0; i < a.gap_count; i++)
		gaps[i] = tulle_sctp_read_gap(&a, i);
	tulle_rd d = tulle_rd_make(a.duplicates.ptr, a.duplicates.len);
	for (size_t i = 0; i < a.duplicate_count; i++)
		duplicates[i] = tulle_rd_u32(&d);
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_write_sack(
		&w, a.cumulative, a.window, gaps, a.gap_count, duplicates, a.duplicate_count);
	tulle_rd r = tulle_rd_make(buf, w.len);
	tulle_sctp_chunk read;
	TULLE_CHECK(tulle_sctp_read_chunk(&r, &read));
	TULLE_CHECK(tulle_sctp_read_sack(read.value, &b) == TULLE_TAKEN);
	TULLE_CHECK(a.gap_count == b.gap_count && a.duplicate_count == b.duplicate_count);
}

static void read_parameters(const tulle_sctp_chunk *chunk)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	tulle_sctp_parameter p;
	tulle_sctp_reset_parameter reset;
	size_t left = tulle_rd_left(&r);
	while (tulle_sctp_read_parameter(&r, &p)) {
		TULLE_CHECK(tulle_rd_left(&r) + 4 <= left);
		left = tulle_rd_left(&r);
		if (tulle_sctp_read_reset(&p, &reset))
			for (size_t i = 0; i < reset.streams.len / 2; i++)
				(void)tulle_sctp_read_reset_stream(&reset, i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t packet[65536];
	tulle_sctp_header header;
	tulle_rd chunks;
	tulle_sctp_chunk chunk;
	tulle_sctp_data_chunk d;
	if (len < SCTP_HEADER_BYTES || len > sizeof packet)
		return 0;
	memcpy(packet, data, len);
	uint32_t crc = tulle_sctp_packet_checksum(TULLE_CPU_PLAIN, packet, len);
	for (unsigned i = 0; i < 4; i++)
		packet[8 + i] = (uint8_t)(crc >> 8 * i);
	if (tulle_sctp_read_packet(TULLE_CPU_PLAIN, packet, len, false, &header, &chunks) != TULLE_TAKEN)
		return 0;
	while (tulle_sctp_read_chunk(&chunks, &chunk)) {
		if (chunk.type == SCTP_INIT || chunk.type == SCTP_INIT_ACK)
			again_init(&chunk);
		if (chunk.type == SCTP_SACK)
			again_sack(&chunk);
		if (chunk.type == SCTP_DATA)
			(void)tulle_sctp_read_data(&chunk, &d);
		read_parameters(&chunk);
	}
	TULLE_CHECK(tulle_rd_finish(&chunks));
	return 0;
}
