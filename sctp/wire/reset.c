/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of RE-CONFIG's parameters. */
#include "sctp/wire/reset.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

uint16_t tulle_sctp_read_reset_stream(const tulle_sctp_reset_parameter *reset, size_t i)
{
	return (uint16_t)(reset->streams.ptr[2 * i] << 8 | reset->streams.ptr[2 * i + 1]);
}

TULLE_UNTRUSTED(dtls, "one parameter", sctp_packet)
bool tulle_sctp_read_reset(const tulle_sctp_parameter *p, tulle_sctp_reset_parameter *reset)
{
	*reset = (tulle_sctp_reset_parameter){.type = p->type};
	tulle_rd r = tulle_rd_make(p->value.ptr, p->value.len);
	reset->sequence = tulle_rd_u32(&r);
	switch (p->type) {
	case SCTP_P_RESET_OUT:
		reset->response_sequence = tulle_rd_u32(&r);
		reset->last_tsn = tulle_rd_u32(&r);
		reset->streams = tulle_rd_bytes(&r, tulle_rd_left(&r));
		break;
	case SCTP_P_RESET_IN:
		reset->streams = tulle_rd_bytes(&r, tulle_rd_left(&r));
		break;
	case SCTP_P_RESET_TSN:
		break;
	case SCTP_P_RESPONSE: /* RFC6525:4.4: the two next TSNs only for a TSN reset */
		reset->result = tulle_rd_u32(&r);
		if (tulle_rd_left(&r) != 0)
			tulle_rd_skip(&r, 8);
		break;
	case SCTP_P_ADD_OUT:
	case SCTP_P_ADD_IN:
		tulle_rd_skip(&r, 4);
		break;
	default:
		return false;
	}
	return tulle_rd_finish(&r) && reset->streams.len % 2 == 0;
}

void tulle_sctp_write_reset(
	tulle_wr *w, const tulle_sctp_reset_parameter *reset, const uint16_t *streams, size_t count)
{
	size_t at = tulle_sctp_parameter_start(w, reset->type);
	tulle_wr_u32(w, reset->sequence);
	if (reset->type == SCTP_P_RESPONSE) {
		tulle_wr_u32(w, reset->result);
	} else {
		tulle_wr_u32(w, reset->response_sequence);
		tulle_wr_u32(w, reset->last_tsn);
	}
	for (size_t i = 0; i < count; i++)
		tulle_wr_u16(w, streams[i]);
	tulle_sctp_parameter_end(w, at);
}
