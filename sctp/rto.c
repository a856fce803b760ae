/* SPDX-License-Identifier: MIT */
/* sctp: the round trip and the timeout: RFC9260:6.3.1, but with a sample from each SACK and no
 * floor besides how long a peer may keep its SACK back. That is 200 ms (RFC9260:6.2) until the peer
 * was seen to answer the I bit (RFC7053) at once, again and again. */
#include "sctp/association.h"

#define GRANULARITY_US 1000
#define START_US 50000

static tulle_time clamp(const tulle_sctp *sctp, tulle_time rto)
{
	return tulle_time_min(
		tulle_time_max(rto, sctp->config.rto_us_min), sctp->config.rto_us_max);
}

void tulle_sctp_rto_init(tulle_sctp *sctp)
{
	sctp->srtt = sctp->rttvar = 0;
	sctp->rto = clamp(sctp, sctp->config.rto_us_initial);
}

/* What was to be asked again after a longer timeout is asked again after this one. */
static void hasten(tulle_sctp *sctp)
{
	static const sctp_timer asking[] = {SCTP_T_INIT, SCTP_T_RTX, SCTP_T_SHUTDOWN, SCTP_T_RESET};
	for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
		if (tulle_sctp_is_timing(sctp, asking[i]) &&
			sctp->timers[asking[i]] - sctp->now > sctp->rto)
			tulle_sctp_set_timer(sctp, asking[i], sctp->rto);
}

void tulle_sctp_set_ice_rtt(tulle_sctp *sctp, tulle_time rtt_us)
{
	/* and room for a peer whose SCTP starts a little later than ours */
	if (sctp->srtt == 0 && rtt_us > 0 && rtt_us < sctp->config.rto_us_max) {
		sctp->rto = clamp(sctp, 2 * rtt_us + START_US);
		hasten(sctp);
	}
}

/* Another path: the silence of the one before, and how long it took, say nothing of this one. */
void tulle_sctp_rto_renew(tulle_sctp *sctp)
{
	tulle_time before = sctp->rto;
	tulle_sctp_rto_init(sctp);
	sctp->rto = tulle_time_min(sctp->rto, before); /* of which ICE may know nothing */
	sctp->errors = 0;
	sctp->init_tries = 0;
	sctp->out.probed = false;
	hasten(sctp);
}

void tulle_sctp_rto_sample(tulle_sctp *sctp, tulle_time rtt)
{
	if (rtt <= 0)
		rtt = 1;
	if (sctp->srtt == 0) { /* RFC9260:6.3.1 C2 */
		sctp->srtt = rtt;
		sctp->rttvar = rtt / 2;
	} else { /* C3: alpha 1/8, beta 1/4 */
		tulle_time off = sctp->srtt > rtt ? sctp->srtt - rtt : rtt - sctp->srtt;
		sctp->rttvar += (off - sctp->rttvar) / 4;
		sctp->srtt += (rtt - sctp->srtt) / 8;
		if (sctp->srtt == 0)
			sctp->srtt = 1;
	}
	tulle_sctp_rto_update(sctp);
}

void tulle_sctp_rto_update(tulle_sctp *sctp)
{
	bool prompt = sctp->out.i_prompt >= TULLE_SCTP_PROMPT_ANSWERS;
	if (sctp->srtt == 0)
		return;
	sctp->rto = clamp(
		sctp, sctp->srtt + tulle_time_max(GRANULARITY_US, 4 * sctp->rttvar) +
			      (prompt ? TULLE_SCTP_ACK_DELAY_PROMPT_US : TULLE_SCTP_ACK_DELAY_US));
}

/* The answer to a chunk with the I bit came after so long. */
void tulle_sctp_take_prompt(tulle_sctp *sctp, tulle_time after)
{
	sctp_outbound *o = &sctp->out;
	o->i_watched = false;
	if (sctp->srtt == 0)
		return;
	if (after > sctp->srtt + tulle_time_max(GRANULARITY_US, 4 * sctp->rttvar))
		o->i_prompt = 0;
	else if (o->i_prompt < TULLE_SCTP_PROMPT_ANSWERS)
		o->i_prompt++;
}

void tulle_sctp_rto_back_off(tulle_sctp *sctp)
{
	sctp->rto = clamp(sctp, 2 * sctp->rto); /* RFC9260:6.3.3 E2 */
}
