/* SPDX-License-Identifier: MIT */
/* sctp: HEARTBEAT on an idle path: RFC9260:8.3. */
#include "sctp/association.h"

#include "base/crypto.h"

/* HB.interval + RTO with half of it as jitter; without randomness there is none. */
void tulle_sctp_heartbeat_arm(tulle_sctp *sctp)
{
	uint8_t b[2] = {128, 0};
	if (sctp->config.heartbeat_us < 0)
		return;
	if (!sctp->config.random.fill(sctp->config.random.user, b, sizeof b))
		b[0] = 128;
	tulle_time rto = sctp->rto / 2 + sctp->rto * b[0] / 256;
	tulle_sctp_set_timer(sctp, SCTP_T_HEARTBEAT, sctp->config.heartbeat_us + rto);
}

void tulle_sctp_heartbeat_timeout(tulle_sctp *sctp)
{
	if (sctp->heartbeat_sent) { /* RFC9260:8.3: no answer since */
		sctp->heartbeat_sent = false;
		if (!tulle_sctp_count_error(sctp))
			return;
		tulle_sctp_rto_back_off(sctp);
	}
	bool idle = !sctp->acked_lately && sctp->out.flight == 0;
	sctp->acked_lately = false;
	tulle_sctp_heartbeat_arm(sctp);
	if (!idle || !sctp->config.random.fill(sctp->config.random.user, sctp->heartbeat_nonce,
			     sizeof sctp->heartbeat_nonce))
		return;
	sctp->heartbeat_sent = true;
	sctp->heartbeat_at = sctp->now;
	sctp->due |= SCTP_DUE_HEARTBEAT;
}

/* The information comes first; others may stand behind it. */
static bool read_information(const tulle_sctp_chunk *chunk, tulle_sctp_parameter *info)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	tulle_sctp_parameter other;
	if (!tulle_sctp_read_parameter(&r, info) || info->type != SCTP_P_HEARTBEAT)
		return false;
	while (tulle_sctp_read_parameter(&r, &other))
		continue;
	return tulle_rd_finish(&r);
}

TULLE_UNTRUSTED(dtls, "256 bytes are echoed", sctp_state)
tulle_drop tulle_sctp_take_heartbeat(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_sctp_parameter info;
	if (!read_information(chunk, &info))
		return TULLE_DROP_MALFORMED;
	if (chunk->value.len > sizeof sctp->heartbeat)
		return TULLE_DROP_LIMIT;
	memcpy(sctp->heartbeat, chunk->value.ptr, chunk->value.len);
	sctp->heartbeat_len = (uint16_t)chunk->value.len;
	sctp->due |= SCTP_DUE_HEARTBEAT_ACK;
	/* RFC9260:5.1 C: nothing goes out but with a COOKIE ECHO; the COOKIE ACK must be lost */
	if (sctp->state == TULLE_SCTP_STATE_COOKIE_ECHOED)
		sctp->due |= SCTP_DUE_COOKIE_ECHO;
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_state)
tulle_drop tulle_sctp_take_heartbeat_ack(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_sctp_parameter info;
	if (!read_information(chunk, &info))
		return TULLE_DROP_MALFORMED;
	if (info.value.len != sizeof sctp->heartbeat_nonce)
		return tulle_sctp_take_path_ack(sctp, info.value);
	/* RFC9260:8.3: what we sent, and no guess */
	if (!sctp->heartbeat_sent ||
		!tulle_crypto_is_equal(info.value.ptr, sctp->heartbeat_nonce, info.value.len))
		return TULLE_DROP_STATE;
	sctp->heartbeat_sent = false;
	sctp->errors = 0;
	tulle_sctp_rto_sample(sctp, sctp->now - sctp->heartbeat_at);
	return TULLE_TAKEN;
}
