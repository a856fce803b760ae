/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of DATA. */
#include "sctp/wire/data.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

TULLE_UNTRUSTED(dtls, "one chunk", sctp_packet)
bool tulle_sctp_read_data(const tulle_sctp_chunk *chunk, tulle_sctp_data_chunk *data)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	data->flags = chunk->flags;
	data->tsn = tulle_rd_u32(&r);
	data->stream = tulle_rd_u16(&r);
	data->ssn = tulle_rd_u16(&r);
	data->ppid = tulle_rd_u32(&r);
	data->data = tulle_rd_bytes(&r, tulle_rd_left(&r));
	return tulle_rd_finish(&r);
}

void tulle_sctp_write_data_header(tulle_wr *w, const tulle_sctp_data_chunk *data, size_t len)
{
	uint8_t *p = tulle_wr_room(w, SCTP_DATA_HEADER_BYTES);
	if (p == NULL)
		return;
	tulle_wr h = tulle_wr_make(p, SCTP_DATA_HEADER_BYTES);
	tulle_wr_u8(&h, SCTP_DATA);
	tulle_wr_u8(&h, data->flags);
	tulle_wr_u16(&h, (uint16_t)(SCTP_DATA_HEADER_BYTES + len));
	tulle_wr_u32(&h, data->tsn);
	tulle_wr_u16(&h, data->stream);
	tulle_wr_u16(&h, data->ssn);
	tulle_wr_u32(&h, data->ppid);
}
