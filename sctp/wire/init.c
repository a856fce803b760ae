/* SPDX-License-Identifier: MIT */
/* sctp/wire: reader and writer of INIT and INIT ACK. */
#include "sctp/wire/init.h"

#include "base/panic.h"
#include "sctp/wire/types.h"

static void read_extensions(tulle_bytes value, tulle_sctp_init_chunk *init)
{
	for (size_t i = 0; i < value.len; i++) {
		init->re_config = init->re_config || value.ptr[i] == SCTP_RE_CONFIG;
		init->i_data = init->i_data || value.ptr[i] == SCTP_I_DATA;
		init->i_forward_tsn =
			init->i_forward_tsn || value.ptr[i] == SCTP_I_FORWARD_TSN;
	}
}

/* RFC4820:3 asks for no announcement of PAD: who does not know it is to pass over it. But werift
 * (0.22) throws at any unknown chunk, which ends a program of its user's that does not catch it.
 * It is known by its list, which only aiortc has like it. */
static bool is_like_werift(tulle_bytes list)
{
	return list.len == 2 && list.ptr[0] == SCTP_FORWARD_TSN && list.ptr[1] == SCTP_RE_CONFIG;
}

static void report(tulle_sctp_init_chunk *init, const tulle_sctp_parameter *p)
{
	size_t at = tulle_sctp_padded(init->unknown_len);
	size_t heads = (init->unknown_count + 1u) * SCTP_CHUNK_HEADER_BYTES;
	if (at + heads + tulle_sctp_padded(p->whole.len) > sizeof init->unknown)
		return;
	memcpy(init->unknown + at, p->whole.ptr, p->whole.len);
	init->unknown_len = (uint16_t)(at + p->whole.len);
	init->unknown_count++;
}

/* False: an unknown parameter says stop. RFC9260:3.2.1 */
static bool read_one(const tulle_sctp_parameter *p, tulle_sctp_init_chunk *init)
{
	switch (p->type) {
	case SCTP_P_COOKIE:
		init->cookie = p->value;
		init->has_cookie = true;
		return true;
	case SCTP_P_HOST_NAME:
		init->host_name = true;
		return true;
	case SCTP_P_EXTENSIONS:
		read_extensions(p->value, init);
		init->no_pad = is_like_werift(p->value);
		return true;
	case SCTP_P_FORWARD_TSN:
		init->forward_tsn = true;
		return true;
	case SCTP_P_ZERO_CHECKSUM: /* RFC9653:4: length 8, method 1 is DTLS */
		if (p->value.len == 4 && memcmp(p->value.ptr, "\0\0\0\1", 4) == 0)
			init->zero_checksum = true;
		return true;
	case SCTP_P_IPV4: /* RFC8261:6.1: ignored */
	case SCTP_P_IPV6:
	case SCTP_P_ADDRESS_TYPES:
	case SCTP_P_COOKIE_PRESERVATIVE:
	case SCTP_P_UNRECOGNIZED:
		return true;
	default:
		if (p->type & 0x4000) /* RFC9260:3.2.1 01, 11: report */
			report(init, p);
		return (p->type & 0x8000) != 0; /* 00, 01: stop */
	}
}

TULLE_UNTRUSTED(dtls, "64 parameters", sctp_packet)
tulle_drop tulle_sctp_read_init(tulle_bytes value, tulle_sctp_init_chunk *init)
{
	*init = (tulle_sctp_init_chunk){0};
	tulle_rd r = tulle_rd_make(value.ptr, value.len);
	init->tag = tulle_rd_u32(&r);
	init->window = tulle_rd_u32(&r);
	init->streams_out = tulle_rd_u16(&r);
	init->streams_in = tulle_rd_u16(&r);
	init->tsn = tulle_rd_u32(&r);
	if (r.bad)
		return TULLE_DROP_MALFORMED;
	tulle_rd walk = r;
	tulle_sctp_parameter p;
	unsigned count = 0;
	while (tulle_sctp_read_parameter(&walk, &p))
		count++;
	if (!tulle_rd_finish(&walk)) /* RFC9260:3.2.1 */
		return TULLE_DROP_SCTP_PARAMETER;
	if (count > TULLE_SCTP_SCAN_PARAMETERS_MAX)
		return TULLE_DROP_LIMIT;
	while (tulle_sctp_read_parameter(&r, &p))
		if (!read_one(&p, init))
			break;
	return TULLE_TAKEN;
}

/* RFC9260:3.3.3: each in a parameter of its own */
static void write_unknown(tulle_wr *w, const tulle_sctp_init_chunk *init)
{
	tulle_rd r = tulle_rd_make(init->unknown, init->unknown_len);
	tulle_sctp_parameter p;
	while (tulle_sctp_read_parameter(&r, &p)) {
		size_t at = tulle_sctp_parameter_start(w, SCTP_P_UNRECOGNIZED);
		tulle_wr_bytes(w, p.whole.ptr, p.whole.len);
		tulle_sctp_parameter_end(w, at);
	}
}

void tulle_sctp_write_init_chunk(tulle_wr *w, uint8_t type, const tulle_sctp_init_chunk *init)
{
	size_t at = tulle_sctp_chunk_start(w, type, 0);
	tulle_wr_u32(w, init->tag);
	tulle_wr_u32(w, init->window);
	tulle_wr_u16(w, init->streams_out);
	tulle_wr_u16(w, init->streams_in);
	tulle_wr_u32(w, init->tsn);
	if (init->has_cookie) {
		size_t p = tulle_sctp_parameter_start(w, SCTP_P_COOKIE);
		tulle_wr_bytes(w, init->cookie.ptr, init->cookie.len);
		tulle_sctp_parameter_end(w, p);
	}
	if (init->forward_tsn)
		tulle_sctp_parameter_end(w, tulle_sctp_parameter_start(w, SCTP_P_FORWARD_TSN));
	if (init->zero_checksum) {
		size_t p = tulle_sctp_parameter_start(w, SCTP_P_ZERO_CHECKSUM);
		tulle_wr_u32(w, 1);
		tulle_sctp_parameter_end(w, p);
	}
	write_unknown(w, init);
	if (init->re_config || init->i_data ||
		init->forward_tsn) { /* last: its padding is not of the chunk's length */
		size_t p = tulle_sctp_parameter_start(w, SCTP_P_EXTENSIONS);
		if (init->re_config)
			tulle_wr_u8(w, SCTP_RE_CONFIG);
		if (init->forward_tsn) /* RFC3758:3.3.1 wants the parameter, RFC5061:4.2.7 the list
					*/
			tulle_wr_u8(w, SCTP_FORWARD_TSN);
		if (init->i_data)
			tulle_wr_u8(w, SCTP_I_DATA);
		if (init->i_data && init->forward_tsn) /* RFC8260:2.3.1 */
			tulle_wr_u8(w, SCTP_I_FORWARD_TSN);
		tulle_wr_patch_u16(w, p + 2, (uint16_t)(w->len - p));
	}
	tulle_sctp_chunk_end(w, at);
}
