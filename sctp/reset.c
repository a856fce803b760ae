/* SPDX-License-Identifier: MIT */
/* sctp: stream reset: RFC 6525. One request of ours is under way at a time (RFC6525:5.1.1); streams
 * wait in a list until all their data is acknowledged. Invariant: the first sent_count streams of
 * the list are those that the request names. */
#include "sctp/association.h"
#include "sctp/wire/reset.h"

tulle_err tulle_sctp_reset_stream(tulle_sctp *sctp, tulle_time now, uint16_t stream)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended || sctp->state > TULLE_SCTP_STATE_ESTABLISHED)
		return TULLE_ERR_STATE;
	if (stream >= sctp->config.streams_max)
		return TULLE_ERR_ARGUMENT;
	sctp_stream *s = tulle_sctp_add_stream(sctp, stream);
	if (s == NULL)
		return TULLE_ERR_LIMIT;
	if (s->part_open)
		return TULLE_ERR_ARGUMENT;
	if (s->reset != SCTP_RESET_NONE)
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

/* The list of those that may go into a request is not empty: make one, unless one is under way. */
static void begin_request(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	if (r->busy || r->first == NULL || !tulle_sctp_is_open(sctp))
		return;
	r->sent_count = 0;
	for (sctp_stream *s = r->first; s != NULL && r->sent_count < TULLE_SCTP_RESET_STREAMS_MAX;
		s = s->reset_next) {
		s->reset = SCTP_RESET_SENT;
		r->sent_count++;
	}
	r->busy = true;
	r->last_tsn = sctp->out.next_tsn - 1; /* RFC6525:4.1 */
	sctp->stats.resets_out++;
	sctp->due |= SCTP_DUE_RESET_REQUEST;
	tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
}

void tulle_sctp_reset_ready(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_resets *r = &sctp->resets;
	if (!tulle_sctp_is_open(sctp))
		return;         /* looked at again when the association is up */
	if (!sctp->re_config) { /* RFC6525:5.1: the peer does not know how */
		done(sctp, s, false);
		return;
	}
	s->reset = SCTP_RESET_QUEUED;
	s->reset_next = NULL;
	*(r->last != NULL ? &r->last->reset_next : &r->first) = s;
	r->last = s;
	begin_request(sctp);
}

/* Those that were asked for before the association was up. */
void tulle_sctp_resets_begin(tulle_sctp *sctp)
{
	for (unsigned i = 0; i < TULLE_SCTP_STREAM_BUCKETS; i++)
		for (sctp_stream *s = sctp->streams.buckets[i]; s != NULL; s = s->hash_next)
			if (s->reset == SCTP_RESET_WANTED && s->unacked == 0)
				tulle_sctp_reset_ready(sctp, s);
}

static void end_request(tulle_sctp *sctp, bool ok)
{
	sctp_resets *r = &sctp->resets;
	r->busy = false;
	r->sequence++; /* RFC6525:4.1 */
	sctp->due &= ~(uint32_t)SCTP_DUE_RESET_REQUEST;
	tulle_sctp_stop_timer(sctp, SCTP_T_RESET);
	for (; r->sent_count > 0; r->sent_count--) {
		sctp_stream *s = r->first;
		r->first = s->reset_next;
		if (r->first == NULL)
			r->last = NULL;
		done(sctp, s, ok);
	}
	begin_request(sctp);
}

void tulle_sctp_resets_clear(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	for (unsigned i = 0; i < TULLE_SCTP_STREAM_BUCKETS; i++)
		for (sctp_stream *s = sctp->streams.buckets[i]; s != NULL; s = s->hash_next)
			if (s->reset != SCTP_RESET_NONE)
				done(sctp, s, false);
	r->first = r->last = NULL;
	r->busy = false;
	r->sent_count = 0;
	tulle_sctp_stop_timer(sctp, SCTP_T_RESET);
}

void tulle_sctp_reset_timeout(tulle_sctp *sctp)
{
	if (!sctp->resets.busy)
		return;
	if (!tulle_sctp_count_error(sctp)) /* RFC6525:5.1.1 */
		return;
	tulle_sctp_rto_back_off(sctp);
	sctp->due |= SCTP_DUE_RESET_REQUEST;
	tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
}

/* -- the peer's -- */

static uint32_t perform(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	size_t count = p->streams.len / 2;
	for (size_t i = 0; i < count; i++)
		if (tulle_sctp_read_reset_stream(p, i) >= sctp->config.streams_max)
			return SCTP_R_WRONG_STREAM;
	if (tulle_serial_lt32(sctp->in.cumulative, p->last_tsn)) /* RFC6525:5.2.2 */
		return SCTP_R_IN_PROGRESS;
	sctp->stats.resets_in++;
	for (size_t i = 0; i < count; i++) {
		sctp_stream *s = tulle_sctp_add_stream(sctp, tulle_sctp_read_reset_stream(p, i));
		if (s != NULL)
			tulle_sctp_reset_in(sctp, s);
	}
	for (unsigned i = 0; count == 0 && i < TULLE_SCTP_STREAM_BUCKETS;
		i++) /* RFC6525:4.1: all */
		for (sctp_stream *s = sctp->streams.buckets[i]; s != NULL; s = s->hash_next)
			tulle_sctp_reset_in(sctp, s);
	return SCTP_R_PERFORMED;
}

static void answer(tulle_sctp *sctp, uint32_t sequence, uint32_t result)
{
	sctp->resets.answer_sequence = sequence;
	sctp->resets.result = result;
	sctp->due |= SCTP_DUE_RESET_RESPONSE;
}

static tulle_drop take_request(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	sctp_resets *r = &sctp->resets;
	/* RFC6525:5.2.1: the same number again gets the same answer */
	if (r->answered && p->sequence == r->peer_sequence - 1) {
		answer(sctp, p->sequence, r->done_result);
		return TULLE_TAKEN;
	}
	if (p->sequence != r->peer_sequence) {
		answer(sctp, p->sequence, SCTP_R_BAD_SEQUENCE);
		return TULLE_DROP_SCTP_RESET;
	}
	uint32_t result = p->type == SCTP_P_RESET_OUT ? perform(sctp, p) : SCTP_R_DENIED;
	answer(sctp, p->sequence, result);
	if (result != SCTP_R_IN_PROGRESS) { /* that one comes again under its number */
		r->peer_sequence++;
		r->done_result = result;
		r->answered = true;
	}
	return result == SCTP_R_WRONG_STREAM ? TULLE_DROP_SCTP_STREAM : TULLE_TAKEN;
}

static tulle_drop take_response(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	sctp_resets *r = &sctp->resets;
	if (!r->busy || p->sequence != r->sequence)
		return TULLE_DROP_SCTP_RESET;
	sctp->errors = 0;
	if (p->result == SCTP_R_IN_PROGRESS) { /* RFC6525:5.2.7: asked again after an RTO */
		tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
		return TULLE_TAKEN;
	}
	end_request(sctp, p->result <= SCTP_R_PERFORMED);
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(dtls, "two parameters; the streams of one", sctp_state)
tulle_drop tulle_sctp_take_re_config(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len), walk = r;
	tulle_sctp_parameter p;
	tulle_sctp_reset_parameter reset[2];
	size_t count = 0;
	if (!sctp->re_config)
		return TULLE_DROP_SCTP_UNKNOWN_CHUNK;
	while (tulle_sctp_read_parameter(&walk, &p))
		if (count == 2 || !tulle_sctp_read_reset(&p, &reset[count++]))
			return TULLE_DROP_SCTP_RESET; /* RFC6525:3.1: two at most */
	if (!tulle_rd_finish(&walk) || count == 0)
		return TULLE_DROP_MALFORMED;
	tulle_drop drop = TULLE_TAKEN;
	for (size_t i = 0; i < count; i++) {
		tulle_drop d = reset[i].type == SCTP_P_RESPONSE ? take_response(sctp, &reset[i])
								: take_request(sctp, &reset[i]);
		drop = d != TULLE_TAKEN ? d : drop;
	}
	return drop;
}

void tulle_sctp_write_re_config(tulle_sctp *sctp, tulle_wr *w)
{
	const sctp_resets *r = &sctp->resets;
	uint16_t ids[TULLE_SCTP_RESET_STREAMS_MAX];
	size_t count = 0;
	size_t at = tulle_sctp_chunk_start(w, SCTP_RE_CONFIG, 0);
	if (sctp->due & SCTP_DUE_RESET_RESPONSE) {
		tulle_sctp_reset_parameter p = {.type = SCTP_P_RESPONSE};
		p.sequence = r->answer_sequence;
		p.result = r->result;
		tulle_sctp_write_reset(w, &p, NULL, 0);
		sctp->due &= ~(uint32_t)SCTP_DUE_RESET_RESPONSE;
	} else {
		tulle_sctp_reset_parameter p = {.type = SCTP_P_RESET_OUT, .sequence = r->sequence};
		p.response_sequence = r->peer_sequence - 1;
		p.last_tsn = r->last_tsn;
		for (const sctp_stream *s = r->first; count < r->sent_count; s = s->reset_next)
			ids[count++] = s->id;
		tulle_sctp_write_reset(w, &p, ids, count);
		sctp->due &= ~(uint32_t)SCTP_DUE_RESET_REQUEST;
	}
	tulle_sctp_chunk_end(w, at);
}
