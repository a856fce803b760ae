/* SPDX-License-Identifier: MIT */
/* sctp: answers that need no association: INIT ACK, and those to packets out of the blue:
 * RFC9260:8.4. One waits at a time; a newer one takes its place, as if the older were lost. */
#include "sctp/association.h"

/* RFC9260:12.2.4.1: a flood gets few answers; false: none. */
bool tulle_sctp_may_answer(tulle_sctp *sctp)
{
	if (sctp->now - sctp->answers_from >= 1000000 || sctp->answers_from == 0) {
		sctp->answers_from = sctp->now;
		sctp->answers_left = TULLE_SCTP_ERRORS_PER_SECOND;
	}
	if (sctp->answers_left == 0)
		return false;
	sctp->answers_left--;
	return true;
}

bool tulle_sctp_answer(tulle_sctp *sctp, uint8_t type, uint32_t tag, bool reflected, uint16_t cause)
{
	if (!tulle_sctp_may_answer(sctp))
		return false;
	sctp->reply =
		(sctp_reply){.type = type, .tag = tag, .reflected = reflected, .cause = cause};
	sctp->due |= SCTP_DUE_REPLY;
	return true;
}

static bool write_init_ack(tulle_sctp *sctp, tulle_wr *w)
{
	const sctp_reply *reply = &sctp->reply;
	uint8_t cookie[SCTP_COOKIE_BYTES];
	if (!tulle_sctp_make_cookie(sctp, reply, cookie))
		return false;
	tulle_sctp_init_chunk ack;
	tulle_sctp_make_init(sctp, &ack);
	ack.tag = reply->identity.local_tag;
	ack.tsn = reply->identity.local_tsn;
	ack.has_cookie = true;
	ack.cookie = (tulle_bytes){cookie, sizeof cookie};
	memcpy(ack.unknown, reply->info, reply->info_len);
	ack.unknown_len = reply->info_len;
	tulle_sctp_write_init_chunk(w, SCTP_INIT_ACK, &ack);
	return true;
}

size_t tulle_sctp_write_reply(tulle_sctp *sctp, uint8_t *dst, size_t cap)
{
	const sctp_reply *reply = &sctp->reply;
	tulle_sctp_header header = {sctp->config.local_port, sctp->config.remote_port, reply->tag};
	tulle_sctp_packet p;
	tulle_sctp_packet_start(&p, (tulle_cpu)sctp->config.cpu, dst, cap, &header);
	sctp->due &= ~(uint32_t)SCTP_DUE_REPLY;
	if (reply->type == SCTP_INIT_ACK) {
		if (!write_init_ack(sctp, &p.w))
			return 0;
		return tulle_sctp_packet_end(&p);
	}
	size_t at = tulle_sctp_chunk_start(&p.w, reply->type, reply->reflected ? SCTP_FLAG_T : 0);
	if (reply->cause != 0) {
		size_t c = tulle_sctp_parameter_start(&p.w, reply->cause);
		if (reply->cause == SCTP_C_STALE_COOKIE) /* RFC9260:3.3.10.3: by how many us */
			tulle_wr_u32(&p.w, (uint32_t)tulle_time_min(reply->stale_us, UINT32_MAX));
		tulle_wr_bytes(&p.w, reply->info, reply->info_len);
		tulle_sctp_parameter_end(&p.w, c);
	}
	tulle_sctp_chunk_end(&p.w, at);
	return tulle_sctp_packet_end(&p);
}
