/* SPDX-License-Identifier: MIT */
/* sctp: samples of the delivery rate (draft-ietf-ccwg-bbr, "delivery rate samples"): what was
 * delivered between the sending of a chunk and its acknowledgement, over the longer of the times
 * that sending and acknowledging it took. Limited samples know only that the path does as much. */
#include "sctp/association.h"

/* Before the chunk counts as in flight. */
void tulle_sctp_rate_sent(tulle_sctp *sctp, sctp_tsn *t)
{
	sctp_rate *r = &sctp->out.rate;
	if (sctp->out.flight_chunks == 0)
		r->first_us = r->delivered_us = sctp->now;
	t->first_us = r->first_us;
	t->delivered_us = r->delivered_us;
	t->delivered = r->delivered;
	t->lost_k = (uint16_t)(r->lost >> 10);
	t->limited = r->limited_until != 0;
}

/* Before the record is gone; the newest sending of a SACK makes the sample. */
void tulle_sctp_rate_acked(tulle_sctp *sctp, const sctp_tsn *t, tulle_sctp_cc_ack *ack)
{
	sctp_rate *r = &sctp->out.rate;
	r->delivered += tulle_sctp_tsn_bytes(sctp, t);
	r->delivered_us = sctp->now;
	if (ack->sample_us != 0 &&
		(t->delivered < ack->prior_delivered ||
			(t->delivered == ack->prior_delivered && t->sent_us < r->first_us)))
		return;
	tulle_time sending = t->sent_us - t->first_us, acking = sctp->now - t->delivered_us;
	ack->prior_delivered = t->delivered;
	ack->sample_us = tulle_time_max(tulle_time_max(sending, acking), 1);
	ack->sample_flight = (size_t)t->in_flight_k << 10;
	ack->sample_lost = (size_t)(uint16_t)((r->lost >> 10) - t->lost_k) << 10;
	ack->sample_limited = t->limited;
	r->first_us = t->sent_us;
}

void tulle_sctp_rate_finish(tulle_sctp *sctp, tulle_sctp_cc_ack *ack)
{
	sctp_rate *r = &sctp->out.rate;
	if (r->limited_until != 0 && r->delivered > r->limited_until)
		r->limited_until = 0;
	ack->delivered = r->delivered;
	ack->limited = r->limited_until != 0;
	if (ack->sample_us != 0)
		ack->sample_bytes = (size_t)(r->delivered - ack->prior_delivered);
}

void tulle_sctp_rate_limited(tulle_sctp *sctp)
{
	sctp_rate *r = &sctp->out.rate;
	uint64_t until = r->delivered + sctp->out.flight_chunks;
	r->limited_until = until != 0 ? until : 1;
}
