/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of DATA. */
#include "sctp/wire/data.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

TULLE_UNTRUSTED(dtls, "one chunk", sctp_packet)
bool tulle_sctp_read_data(const tulle_sctp_chunk *chunk, tulle_sctp_data_chunk *data)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	*data = (tulle_sctp_data_chunk){
		.flags = chunk->flags, .interleaved = chunk->type == SCTP_I_DATA};
	data->tsn = tulle_rd_u32(&r);
	data->stream = tulle_rd_u16(&r);
	data->mid = tulle_rd_u16(&r); /* reserved in I-DATA */
	if (data->interleaved)
		data->mid = tulle_rd_u32(&r);
	uint32_t word = tulle_rd_u32(&r);
	if (data->interleaved && (chunk->flags & SCTP_FLAG_B) == 0)
		data->fsn = word;
	else
		data->ppid = word;
	data->data = tulle_rd_bytes(&r, tulle_rd_left(&r));
	return tulle_rd_finish(&r);
}

void tulle_sctp_write_data_header(tulle_wr *w, const tulle_sctp_data_chunk *data, size_t len)
{
	size_t bytes = data->interleaved ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES;
	uint8_t *p = tulle_wr_room(w, bytes);
	if (p == NULL)
		return;
	tulle_wr h = tulle_wr_make(p, bytes);
	tulle_wr_u8(&h, data->interleaved ? SCTP_I_DATA : SCTP_DATA);
	tulle_wr_u8(&h, data->flags);
	tulle_wr_u16(&h, (uint16_t)(bytes + len));
	tulle_wr_u32(&h, data->tsn);
	tulle_wr_u16(&h, data->stream);
	if (data->interleaved) {
		tulle_wr_u16(&h, 0);
		tulle_wr_u32(&h, data->mid);
	} else {
		tulle_wr_u16(&h, (uint16_t)data->mid);
	}
	tulle_wr_u32(
		&h, data->interleaved && (data->flags & SCTP_FLAG_B) == 0 ? data->fsn : data->ppid);
}
