/* SPDX-License-Identifier: MIT */
/* sctp: stream reset: RFC 6525: the chunk, and the peer's requests in it. Its outgoing ones are
 * performed, once the data before them is here, its other ones denied. Ours: reset_ours.c. */
#include "base/crc32c.h"
#include "sctp/association.h"
#include "sctp/wire/reset.h"

/* -- the peer's -- */

static uint16_t streams_in(const tulle_sctp *sctp)
{
	return (uint16_t)tulle_min(sctp->identity.remote_streams_out, sctp->config.streams_max);
}

static bool names_no_stream(const tulle_sctp_reset_parameter *p, uint16_t streams)
{
	for (size_t i = 0; i < p->streams.len / 2; i++)
		if (tulle_sctp_read_reset_stream(p, i) >= streams)
			return true;
	return false;
}

/* A record for each, or none made: the event of a reset needs one. */
static bool make_records(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	for (size_t i = 0; i < p->streams.len / 2; i++) {
		if (tulle_sctp_add_stream(sctp, tulle_sctp_read_reset_stream(p, i)) != NULL)
			continue;
		while (i-- > 0) {
			sctp_stream *s =
				tulle_sctp_find_stream(sctp, tulle_sctp_read_reset_stream(p, i));
			if (s != NULL) /* named twice, it may be gone */
				tulle_sctp_leave_stream(sctp, s);
		}
		return false;
	}
	return true;
}

static void wait_for(sctp_resets *r, sctp_stream *s, uint32_t tsn)
{
	s->reset_tsn = tsn;
	if (s->deferred)
		return;
	s->deferred = true;
	s->wait_prev = NULL;
	s->wait_next = r->waiting;
	if (r->waiting != NULL)
		r->waiting->wait_prev = s;
	r->waiting = s;
	r->deferred++;
}

static void stop_waiting(sctp_resets *r, sctp_stream *s)
{
	if (!s->deferred)
		return;
	s->deferred = false;
	*(s->wait_prev != NULL ? &s->wait_prev->wait_next : &r->waiting) = s->wait_next;
	if (s->wait_next != NULL)
		s->wait_next->wait_prev = s->wait_prev;
	r->deferred--;
}

void tulle_sctp_resets_forget(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	while (r->waiting != NULL) {
		sctp_stream *s = r->waiting;
		stop_waiting(r, s);
		tulle_sctp_leave_stream(sctp, s);
	}
	r->all_deferred = false;
	r->done_count = r->answer_count = 0;
	r->put_off[0] = r->put_off[1] = false;
	sctp->due &= ~(uint32_t)SCTP_DUE_RESET_RESPONSE;
}

static void reset_one(tulle_sctp *sctp, sctp_stream *s)
{
	stop_waiting(&sctp->resets, s);
	tulle_sctp_reset_in(sctp, s);
}

static void reset_all(tulle_sctp *sctp) /* RFC6525:5.2.2 E3 */
{
	sctp->resets.all_deferred = false;
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		reset_one(sctp, s);
}

/* -- waiting for data -- */

bool tulle_sctp_is_held_back(const tulle_sctp *sctp, uint16_t stream, uint32_t tsn)
{
	const sctp_resets *r = &sctp->resets;
	if (r->all_deferred && tulle_serial_lt32(r->all_tsn, tsn))
		return true;
	if (r->deferred == 0)
		return false;
	const sctp_stream *s = tulle_sctp_find_stream(sctp, stream);
	return s != NULL && s->deferred && tulle_serial_lt32(s->reset_tsn, tsn);
}

static void look_from(sctp_resets *r, bool *any, uint32_t tsn)
{
	if (!*any || tulle_serial_lt32(tsn, r->deferred_next))
		r->deferred_next = tsn;
	*any = true;
}

static uint32_t sum_of(const tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	return tulle_crc32c((tulle_cpu)sctp->config.cpu, 0, p->streams.ptr, p->streams.len);
}

static void defer(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	sctp_resets *r = &sctp->resets;
	bool any = r->deferred != 0 || r->all_deferred;
	for (size_t i = 0; i < p->streams.len / 2; i++) {
		uint16_t id = tulle_sctp_read_reset_stream(p, i);
		wait_for(r, tulle_sctp_find_stream(sctp, id), p->last_tsn);
	}
	if (p->streams.len == 0) {
		r->all_deferred = true;
		r->all_tsn = p->last_tsn;
	}
	look_from(r, &any, p->last_tsn);
	r->put_off_tsn = p->last_tsn;
	r->put_off_sum = sum_of(sctp, p);
	r->put_off[p->sequence & 1] = true;
}

/* Older dcSCTP asks again under a new number once it was told "In progress". When that is answered
 * by then it is no second reset: a channel may have the number of its stream again. */
static bool is_asked_anew(const tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	const sctp_resets *r = &sctp->resets;
	return r->done_count != 0 && p->sequence == r->peer_sequence &&
	       r->put_off[(p->sequence - 1) & 1] &&
	       r->done[(p->sequence - 1) & 1] == SCTP_R_PERFORMED &&
	       p->last_tsn == r->put_off_tsn && sum_of(sctp, p) == r->put_off_sum;
}

/* All streams are looked at where a request names none: once a second, if they are many. */
static bool is_too_often(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	if (sctp->streams.count <= TULLE_SCTP_RESET_WAITING_MAX)
		return false;
	if (r->all_at != 0 && sctp->now - r->all_at < TULLE_SCTP_RESET_ALL_US)
		return true;
	r->all_at = sctp->now;
	return false;
}

/* Our user has still to hear of an end before this one, and something was sent between the two, or
 * may have been: he would hear of both as of one, and behind that. */
static bool has_end_between(const sctp_stream *s, bool waits)
{
	return s != NULL && s->ended_in &&
	       (waits || s->in_mid != 0 || s->passed.head != NULL || s->ordered.head != NULL ||
		       s->unordered.head != NULL);
}

static bool is_too_soon(const tulle_sctp *sctp, const tulle_sctp_reset_parameter *p, bool waits)
{
	bool soon = false;
	for (size_t i = 0; i < p->streams.len / 2 && !soon; i++)
		soon = has_end_between(
			tulle_sctp_find_stream(sctp, tulle_sctp_read_reset_stream(p, i)), waits);
	const sctp_stream *s = p->streams.len == 0 ? sctp->streams.first : NULL;
	for (; s != NULL && !soon; s = s->next)
		soon = has_end_between(s, waits);
	return soon;
}

static uint32_t perform(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	size_t count = p->streams.len / 2;
	if (names_no_stream(p, streams_in(sctp)))
		return SCTP_R_WRONG_STREAM;
	if (is_asked_anew(sctp, p))
		return SCTP_R_PERFORMED;
	bool waits = tulle_serial_lt32(sctp->in.cumulative, p->last_tsn);
	if (waits && sctp->resets.deferred + count > TULLE_SCTP_RESET_WAITING_MAX)
		return SCTP_R_IN_PROGRESS; /* RFC6525:5.1.1: a peer asks for one after the other */
	if (count == 0 && is_too_often(sctp))
		return SCTP_R_IN_PROGRESS;
	if (is_too_soon(sctp, p, waits) || !make_records(sctp, p))
		return SCTP_R_IN_PROGRESS; /* the peer asks again */
	if (waits) {                       /* RFC6525:5.2.2 E2 */
		defer(sctp, p);
		return SCTP_R_IN_PROGRESS;
	}
	sctp->stats.resets_in++;
	for (size_t i = 0; i < count; i++)
		reset_one(sctp, tulle_sctp_find_stream(sctp, tulle_sctp_read_reset_stream(p, i)));
	if (count == 0)
		reset_all(sctp);
	return SCTP_R_PERFORMED;
}

/* What becomes of our direction of one stream when the peer wants it reset. */
static uint32_t judge_own(const sctp_stream *s)
{
	if (s == NULL || s->reset == SCTP_RESET_SENT)
		return SCTP_R_NOTHING; /* at its start, or on the way there: RFC6525:5.2.3 */
	if (s->reset != SCTP_RESET_NONE)
		return SCTP_R_IN_PROGRESS; /* our user has ended it: when its data has arrived */
	bool at_start = s->out_ssn == 0 && s->out_umid == 0 && s->unacked == 0;
	return at_start ? SCTP_R_NOTHING : SCTP_R_DENIED;
}

/* RFC6525:5.2.3: whether our direction ends is for our user to say; RFC8831:6.7 closes a channel by
 * outgoing requests of both ends, so that is denied what our user did not begin. */
static uint32_t judge_incoming(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	uint32_t worst = SCTP_R_NOTHING;
	size_t count = p->streams.len / 2;
	if (names_no_stream(p, sctp->streams_out))
		return SCTP_R_WRONG_STREAM;
	if (count == 0 && is_too_often(sctp))
		return SCTP_R_IN_PROGRESS;
	for (size_t i = 0; i < count && worst != SCTP_R_DENIED; i++) {
		uint32_t one =
			judge_own(tulle_sctp_find_stream(sctp, tulle_sctp_read_reset_stream(p, i)));
		worst = one != SCTP_R_NOTHING ? one : worst;
	}
	const sctp_stream *s = count == 0 ? sctp->streams.first : NULL;
	for (; s != NULL && worst != SCTP_R_DENIED; s = s->next)
		worst = judge_own(s) != SCTP_R_NOTHING ? judge_own(s) : worst;
	return worst;
}

static uint32_t judge_request(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	switch (p->type) {
	case SCTP_P_RESET_OUT:
		return perform(sctp, p);
	case SCTP_P_RESET_IN: /* both may stand in one chunk: the other one goes first */
		return sctp->resets.deferred != 0 || sctp->resets.all_deferred
			       ? SCTP_R_IN_PROGRESS
			       : judge_incoming(sctp, p);
	default: /* TSNs are never reset, streams never added: all 65535 are there (RFC8831:6.2) */
		return SCTP_R_DENIED;
	}
}

static void answer(tulle_sctp *sctp, uint32_t sequence, uint32_t result)
{
	sctp_resets *r = &sctp->resets;
	r->answers[r->answer_count++] = (sctp_reset_answer){sequence, result};
	sctp->due |= SCTP_DUE_RESET_RESPONSE | SCTP_DUE_SACK; /* RFC6525:5.2.1: with a SACK */
}

/* What waited is done: RFC6525:5.2.2 E5. The last request hears it at once, another one when it is
 * asked again. */
static void end_waiting(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	uint32_t last = r->peer_sequence - 1;
	bool tell = r->put_off[last & 1] && r->done[last & 1] == SCTP_R_IN_PROGRESS;
	sctp->stats.resets_in++;
	for (unsigned i = 0; i < 2; i++)
		if (r->put_off[i] && r->done[i] == SCTP_R_IN_PROGRESS)
			r->done[i] = SCTP_R_PERFORMED;
	if (tell && r->answer_count == 0)
		answer(sctp, last, SCTP_R_PERFORMED);
}

void tulle_sctp_reset_deferred(tulle_sctp *sctp)
{
	sctp_resets *r = &sctp->resets;
	bool any = false;
	uint32_t cumulative = sctp->in.cumulative;
	if ((r->deferred == 0 && !r->all_deferred) ||
		tulle_serial_lt32(cumulative, r->deferred_next))
		return;
	if (r->all_deferred && tulle_serial_le32(r->all_tsn, cumulative))
		reset_all(sctp);
	for (sctp_stream *s = r->waiting, *next; s != NULL; s = next) {
		next = s->wait_next;
		if (tulle_serial_le32(s->reset_tsn, cumulative))
			reset_one(sctp, s);
		else
			look_from(r, &any, s->reset_tsn);
	}
	if (r->all_deferred)
		look_from(r, &any, r->all_tsn);
	if (!any)
		end_waiting(sctp);
}

static tulle_drop take_request(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	sctp_resets *r = &sctp->resets;
	uint32_t ago = r->peer_sequence - p->sequence, *done = &r->done[p->sequence & 1];
	if (ago > r->done_count) {
		answer(sctp, p->sequence, SCTP_R_BAD_SEQUENCE);
		return TULLE_DROP_SCTP_RESET;
	}
	/* RFC6525:5.2.1: the same number again gets the same answer, once it has an end */
	if (ago == 0 || *done == SCTP_R_IN_PROGRESS) {
		if (ago == 0)
			r->put_off[p->sequence & 1] = false;
		*done = judge_request(sctp, p);
	}
	if (ago == 0) {
		r->done_count = r->done_count < 2 ? r->done_count + 1 : 2;
		r->peer_sequence++;
	}
	answer(sctp, p->sequence, *done);
	return ago == 0 && *done == SCTP_R_WRONG_STREAM ? TULLE_DROP_SCTP_STREAM : TULLE_TAKEN;
}

static tulle_drop take_response(tulle_sctp *sctp, const tulle_sctp_reset_parameter *p)
{
	sctp_resets *r = &sctp->resets;
	if (!r->busy || !r->written || p->sequence != r->sequence)
		return TULLE_DROP_SCTP_RESET;
	sctp->errors = 0;
	if (p->result == SCTP_R_IN_PROGRESS) { /* RFC6525:5.2.7 H2 */
		r->in_progress = true;
		tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
		return TULLE_TAKEN;
	}
	tulle_sctp_reset_end(sctp, p->result <= SCTP_R_PERFORMED);
	return TULLE_TAKEN;
}

/* RFC6525:3.1: which two may stand in one chunk, in either order. */
static bool may_stand_together(uint16_t a, uint16_t b)
{
	static const uint16_t pairs[][2] = {{SCTP_P_RESET_OUT, SCTP_P_RESET_IN},
		{SCTP_P_ADD_OUT, SCTP_P_ADD_IN}, {SCTP_P_RESPONSE, SCTP_P_RESET_OUT},
		{SCTP_P_RESPONSE, SCTP_P_RESPONSE}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if ((pairs[i][0] == a && pairs[i][1] == b) ||
			(pairs[i][0] == b && pairs[i][1] == a))
			return true;
	return false;
}

/* RFC9260:3.2.1, RFC6525:4: an unknown one is reported if it says so; true: go on behind it */
static bool skip_unknown(tulle_sctp *sctp, const tulle_sctp_parameter *p)
{
	if (p->type & 0x4000)
		tulle_sctp_add_error(sctp, SCTP_C_UNKNOWN_PARAMETERS, p->whole.ptr, p->whole.len);
	return (p->type & 0x8000) != 0;
}

static tulle_drop read_parameters(
	tulle_sctp *sctp, tulle_bytes value, tulle_sctp_reset_parameter reset[2], size_t *count)
{
	tulle_rd r = tulle_rd_make(value.ptr, value.len), walk = r;
	tulle_sctp_parameter p;
	while (tulle_sctp_read_parameter(&walk, &p))
		continue;
	if (!tulle_rd_finish(&walk))
		return TULLE_DROP_MALFORMED;
	while (tulle_sctp_read_parameter(&r, &p)) {
		if (p.type < SCTP_P_RESET_OUT || p.type > SCTP_P_ADD_IN) {
			if (!skip_unknown(sctp, &p))
				break;
			continue;
		}
		bool fits =
			*count == 0 || (*count == 1 && may_stand_together(reset[0].type, p.type));
		if (!fits) {
			tulle_sctp_add_error(sctp, SCTP_C_VIOLATION, NULL, 0);
			return TULLE_DROP_SCTP_RESET;
		}
		if (!tulle_sctp_read_reset(&p, &reset[(*count)++]))
			return TULLE_DROP_SCTP_RESET;
	}
	return *count == 0 ? TULLE_DROP_MALFORMED : TULLE_TAKEN;
}

TULLE_UNTRUSTED(dtls, "two parameters; the streams of one", sctp_state)
tulle_drop tulle_sctp_take_re_config(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_sctp_reset_parameter reset[2];
	size_t count = 0;
	if (!sctp->re_config)
		return TULLE_DROP_SCTP_UNKNOWN_CHUNK;
	tulle_drop drop = read_parameters(sctp, chunk->value, reset, &count);
	if (drop != TULLE_TAKEN)
		return drop;
	/* answers that are still due give way, as if their packet were lost: the peer asks again */
	if (reset[0].type != SCTP_P_RESPONSE || reset[count - 1].type != SCTP_P_RESPONSE)
		sctp->resets.answer_count = 0;
	for (size_t i = 0; i < count; i++) {
		tulle_drop d = reset[i].type == SCTP_P_RESPONSE ? take_response(sctp, &reset[i])
								: take_request(sctp, &reset[i]);
		drop = d != TULLE_TAKEN ? d : drop;
	}
	return drop;
}

static void write_answers(tulle_sctp *sctp, tulle_wr *w)
{
	sctp_resets *r = &sctp->resets;
	for (unsigned i = 0; i < r->answer_count; i++) {
		tulle_sctp_reset_parameter p = {.type = SCTP_P_RESPONSE};
		p.sequence = r->answers[i].sequence;
		p.result = r->answers[i].result;
		tulle_sctp_write_reset(w, &p, NULL, 0);
	}
	r->answer_count = 0;
	sctp->due &= ~(uint32_t)SCTP_DUE_RESET_RESPONSE;
}

static void write_request(tulle_sctp *sctp, tulle_wr *w)
{
	sctp_resets *r = &sctp->resets;
	uint16_t ids[TULLE_SCTP_RESET_STREAMS_MAX];
	size_t count = 0;
	if (!r->written) { /* RFC6525:5.1.2 A3; sent again, it is the same chunk: 5.1.1 */
		r->last_tsn = sctp->out.next_tsn - 1;
		tulle_sctp_set_timer(sctp, SCTP_T_RESET, sctp->rto);
	}
	r->written = true;
	tulle_sctp_reset_parameter p = {.type = SCTP_P_RESET_OUT, .sequence = r->sequence};
	p.response_sequence = r->peer_sequence - 1; /* A4 */
	p.last_tsn = r->last_tsn;
	for (const sctp_stream *s = r->first; count < r->sent_count; s = s->reset_next)
		ids[count++] = s->id;
	tulle_sctp_write_reset(w, &p, ids, count);
	sctp->due &= ~(uint32_t)SCTP_DUE_RESET_REQUEST;
}

void tulle_sctp_write_re_config(tulle_sctp *sctp, tulle_wr *w)
{
	size_t at = tulle_sctp_chunk_start(w, SCTP_RE_CONFIG, 0);
	if (sctp->due & SCTP_DUE_RESET_RESPONSE)
		write_answers(sctp, w);
	else
		write_request(sctp, w);
	tulle_sctp_chunk_end(w, at);
}
