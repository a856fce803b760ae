/* SPDX-License-Identifier: MIT */
/* sctp: the retransmission timeout: RFC9260:6.3.1. */
#include "sctp/association.h"

#define GRANULARITY_US 1000

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

void tulle_sctp_set_ice_rtt(tulle_sctp *sctp, tulle_time rtt_us)
{
	/* the factor that a first sample would have: RFC9260:6.3.1 C2, R + 4 R / 2 */
	if (sctp->srtt == 0 && rtt_us > 0 && rtt_us < sctp->config.rto_us_max)
		sctp->rto = clamp(sctp, 3 * rtt_us);
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
	sctp->rto = clamp(sctp, sctp->srtt + tulle_time_max(GRANULARITY_US, 4 * sctp->rttvar));
}

void tulle_sctp_rto_back_off(tulle_sctp *sctp)
{
	sctp->rto = clamp(sctp, 2 * sctp->rto); /* RFC9260:6.3.3 E2 */
}
