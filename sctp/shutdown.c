/* SPDX-License-Identifier: MIT */
/* sctp: ending in order: RFC9260:9.2. */
#include "sctp/association.h"

static bool is_all_acked(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	return o->unacked == 0 && o->open == 0 && o->next_tsn - o->acked_tsn == 1;
}

static void arm(tulle_sctp *sctp)
{
	tulle_sctp_set_timer(sctp, SCTP_T_SHUTDOWN, sctp->rto);
	tulle_sctp_stop_timer(sctp, SCTP_T_HEARTBEAT); /* RFC9260:8.3 */
	if (!tulle_sctp_is_timing(sctp, SCTP_T_GUARD)) /* RFC9260:9.2: 5 times RTO.Max */
		tulle_sctp_set_timer(sctp, SCTP_T_GUARD, 5 * sctp->config.rto_us_max);
}

/* Something was acknowledged, or the state moved: is it time for SHUTDOWN or SHUTDOWN ACK? */
void tulle_sctp_shutdown_progress(tulle_sctp *sctp)
{
	if (!is_all_acked(sctp))
		return;
	if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_PENDING) {
		tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_SHUTDOWN_SENT, "all is acknowledged");
		sctp->due |= SCTP_DUE_SHUTDOWN;
		arm(sctp);
	} else if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_RECEIVED) {
		tulle_sctp_set_state(
			sctp, TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT, "all is acknowledged");
		sctp->due |= SCTP_DUE_SHUTDOWN_ACK;
		arm(sctp);
	}
}

tulle_err tulle_sctp_shutdown(tulle_sctp *sctp, tulle_time now)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended)
		return TULLE_ERR_STATE;
	if (!tulle_sctp_is_open(sctp)) {
		tulle_sctp_break(sctp, SCTP_C_USER, NULL, 0);
		sctp->why = TULLE_SCTP_SHUTDOWN;
		return TULLE_OK;
	}
	if (sctp->out.open != 0) /* its rest is not taken any more, and others wait behind it */
		return TULLE_ERR_ARGUMENT;
	if (sctp->state == TULLE_SCTP_STATE_ESTABLISHED) {
		tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_SHUTDOWN_PENDING, "shutdown");
		tulle_sctp_shutdown_progress(sctp);
	}
	return TULLE_OK;
}

void tulle_sctp_shutdown_timeout(tulle_sctp *sctp)
{
	if (!tulle_sctp_count_error(sctp))
		return;
	tulle_sctp_rto_back_off(sctp);
	sctp->due |= sctp->state == TULLE_SCTP_STATE_SHUTDOWN_SENT ? SCTP_DUE_SHUTDOWN
								   : SCTP_DUE_SHUTDOWN_ACK;
	arm(sctp);
}

/* RFC9260:9.2: the peer lives, and each DATA gets both answers and T2 anew; T5 bounds it. What
 * brings no SHUTDOWN puts none off. */
void tulle_sctp_shutdown_heard(tulle_sctp *sctp, bool data)
{
	sctp->errors = 0;
	if (!data)
		return;
	tulle_sctp_set_timer(sctp, SCTP_T_SHUTDOWN, sctp->rto);
	sctp->due |= SCTP_DUE_SACK | SCTP_DUE_SHUTDOWN;
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_state)
tulle_drop tulle_sctp_take_shutdown(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	uint32_t cumulative = tulle_rd_u32(&r);
	if (!tulle_rd_finish(&r))
		return TULLE_DROP_MALFORMED;
	if (!tulle_serial_lt32(cumulative, sctp->out.next_tsn)) /* as of a SACK: 6.2.1 */
		return TULLE_DROP_SCTP_SACK;
	tulle_sctp_take_cumulative(sctp, cumulative);
	if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_SENT) { /* both at once */
		tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT, "SHUTDOWN crossed");
		sctp->due &= ~(uint32_t)SCTP_DUE_SHUTDOWN;
		sctp->due |= SCTP_DUE_SHUTDOWN_ACK;
		arm(sctp);
		return TULLE_TAKEN;
	}
	if (sctp->state == TULLE_SCTP_STATE_ESTABLISHED ||
		sctp->state == TULLE_SCTP_STATE_SHUTDOWN_PENDING)
		tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_SHUTDOWN_RECEIVED, "SHUTDOWN");
	else if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT)
		sctp->due |= SCTP_DUE_SHUTDOWN_ACK; /* ours was lost */
	tulle_sctp_shutdown_progress(sctp);
	return TULLE_TAKEN;
}

tulle_drop tulle_sctp_take_shutdown_ack(tulle_sctp *sctp)
{
	tulle_sctp_end(sctp, TULLE_SCTP_SHUTDOWN, 0);
	sctp->due |= SCTP_DUE_SHUTDOWN_COMPLETE;
	return TULLE_TAKEN;
}

tulle_drop tulle_sctp_take_shutdown_complete(tulle_sctp *sctp)
{
	tulle_sctp_end(sctp, TULLE_SCTP_SHUTDOWN, 0);
	return TULLE_TAKEN;
}
