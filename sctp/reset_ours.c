/* SPDX-License-Identifier: MIT */
/* sctp: stream reset: our requests. One is under way at a time (RFC6525:5.1.1); streams wait in a
 * list until all their data is acknowledged. Invariant: the first sent_count streams of the list
 * are those that the request names, and they are SENT. */
#include "sctp/association.h"

tulle_err tulle_sctp_reset_stream(tulle_sctp *sctp, tulle_time now, uint16_t stream)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended || sctp->state > TULLE_SCTP_STATE_ESTABLISHED)
		return TULLE_ERR_STATE;
	if (stream >= (tulle_sctp_is_open(sctp) ? sctp->streams_out : sctp->config.streams_max))
		return TULLE_ERR_ARGUMENT;
	sctp_stream *s = tulle_sctp_add_stream(sctp, stream);
	if (s == NULL)
		return TULLE_ERR_LIMIT;
	if (s->part_open)
		return TULLE_ERR_ARGUMENT;
	if (tulle_sctp_is_resetting(s)) /* two ends would be told as one */
		return TULLE_ERR_STATE;
	s->reset = SCTP_RESET_WANTED;
	if (s->unacked == 0)
		tulle_sctp_reset_ready(sctp, s);
	return TULLE_OK;
}

static void done(tulle_sctp *sctp, sctp_stream *s, bool ok)
{
	s->reset = SCTP_RESET_NONE;
	if (ok) { /* RFC6525:5.2.2, RFC8260:2.3.2 */
		s->out_ssn = 0;
		s->out_umid = 0;
	}
	tulle_sctp_mark_stream(sctp, s, ok ? SCTP_MARK_RESET_DONE : SCTP_MARK_RESET_FAILED);
}

/* Something was given up that the peer has not passed, and no DATA will come behind it. Asked now
 * the peer puts the reset off until it has (RFC6525:5.2.2 E2), and usrsctp then waits for more
 * DATA. */
static bool is_behind(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	uint32_t outstanding = o->next_tsn - o->acked_tsn - 1;
	uint32_t given_up = outstanding - o->in_flight.count - o->lost.count - o->gap_acked;
	return given_up != 0 && tulle_sctp_next_stream(sctp) == NULL;
}

/* The first of the list make a request, unless one is under way: RFC6525:5.1.1. */
void tulle_sctp_reset_begin(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	if (r->busy || r->first == NULL || !tulle_sctp_is_open(sctp) || is_behind(sctp))
		return;
	r->sent_count = 0;
	for (sctp_stream *s = r->first; s != NULL && r->sent_count < TULLE_SCTP_RESET_STREAMS_MAX;
		s = s->reset_next) {
		s->reset = SCTP_RESET_SENT;
		r->sent_count++;
	}
	r->busy = true;
	r->written = r->in_progress = false;
	sctp->stats.resets_out++;
	sctp->due |= SCTP_DUE_RESET_REQUEST;
}

/* Into the request that is not on the wire yet: many that end at once share one. */
static bool join_request(sctp_resets *r)
{
	if (!r->busy || r->written || r->sent_count == TULLE_SCTP_RESET_STREAMS_MAX)
		return false;
	r->sent_count++;
	return true;
}

void tulle_sctp_reset_ready(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_resets *r = &sctp->resets;
	if (!tulle_sctp_is_open(sctp))
		return;         /* looked at again when the association is up */
	if (!sctp->re_config) { /* RFC6525:5.1.1: the peer does not know how */
		done(sctp, s, false);
		return;
	}
	s->reset = join_request(r) ? SCTP_RESET_SENT : SCTP_RESET_QUEUED;
	s->reset_next = NULL;
	*(r->last != NULL ? &r->last->reset_next : &r->first) = s;
	r->last = s;
	tulle_sctp_reset_begin(sctp);
}

/* Those that were asked for before the association was up. */
void tulle_sctp_resets_begin(tulle_sctp *sctp)
{
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		if (s->reset == SCTP_RESET_WANTED && s->unacked == 0)
			tulle_sctp_reset_ready(sctp, s);
}

void tulle_sctp_reset_end(tulle_sctp *sctp, bool ok)
{
	sctp_resets *r = &sctp->resets;
	r->busy = false;
	r->sequence++; /* RFC6525:5.1.2 A2 */
	sctp->due &= ~(uint32_t)SCTP_DUE_RESET_REQUEST;
	tulle_sctp_stop_timer(sctp, SCTP_T_RESET);
	for (; r->sent_count > 0; r->sent_count--) {
		sctp_stream *s = r->first;
		r->first = s->reset_next;
		if (r->first == NULL)
			r->last = NULL;
		done(sctp, s, ok);
	}
	tulle_sctp_reset_begin(sctp);
}

void tulle_sctp_resets_clear(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	tulle_sctp_resets_forget(sctp);
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		if (s->reset != SCTP_RESET_NONE)
			done(sctp, s, false);
	r->first = r->last = NULL;
	r->busy = false;
	r->sent_count = 0;
	tulle_sctp_stop_timer(sctp, SCTP_T_RESET);
}

void tulle_sctp_reset_timeout(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	if (!r->busy)
		return;
	/* One silence counts once: while data waits as well its own timer counts (RFC9260:8.1). */
	bool counts = !tulle_sctp_is_timing(sctp, SCTP_T_RTX);
	/* RFC6525:5.1.1; after "In progress" no error is counted: 5.2.7 H2 */
	if (counts && !r->in_progress && !tulle_sctp_count_error(sctp))
		return;
	r->in_progress = false;
	if (counts)
		tulle_sctp_rto_back_off(sctp);
	sctp->due |= SCTP_DUE_RESET_REQUEST;
	tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
}
