/* SPDX-License-Identifier: MIT */
/* sctp: stream reset, RFC 6525: requests of both ends, of every type, lost, repeated and refused.
 */
#include "tests/unit/sctp_pair.h"

#include "sctp/wire/reset.h"

static pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	p.config.streams_max = 100;
	pair_open(&p, 400);
	pair_connect(&p);
	pair_settle(&p);
}

static void teardown(void)
{
	pair_close(&p);
}

/* -- chunks made by hand -- */

typedef struct {
	uint8_t bytes[1024];
	tulle_wr w;
	size_t at;
} request;

static void begin(request *r)
{
	r->w = tulle_wr_make(r->bytes, sizeof r->bytes);
	r->at = tulle_sctp_chunk_start(&r->w, SCTP_RE_CONFIG, 0);
}

/* The parameters of RFC6525:4 as they stand there, not by the code that is tested. */
static void add(request *r, uint16_t type, uint32_t sequence, uint32_t last_tsn,
	const uint16_t *streams, size_t count)
{
	size_t at = tulle_sctp_parameter_start(&r->w, type);
	tulle_wr_u32(&r->w, sequence);
	if (type == SCTP_P_RESET_OUT) {
		tulle_wr_u32(&r->w, 0);
		tulle_wr_u32(&r->w, last_tsn);
	}
	if (type == SCTP_P_RESPONSE)
		tulle_wr_u32(&r->w, last_tsn); /* the result stands there */
	if (type == SCTP_P_ADD_OUT || type == SCTP_P_ADD_IN)
		tulle_wr_u32(&r->w, 5u << 16);
	for (size_t i = 0; i < count; i++)
		tulle_wr_u16(&r->w, streams[i]);
	tulle_sctp_parameter_end(&r->w, at);
}

static tulle_drop give(request *r, int to)
{
	tulle_sctp_chunk_end(&r->w, r->at);
	return pair_inject(&p, to, pair_tag(&p, to), r->bytes, r->w.len);
}

static uint32_t due_number(int end)
{
	return p.end[end].sctp->resets.peer_sequence;
}

static uint32_t seen(int end)
{
	return p.end[end].sctp->in.cumulative;
}

/* The nth parameter of what an end says next. */
static tulle_sctp_reset_parameter said(int from, unsigned nth)
{
	tulle_sctp_chunk chunk;
	tulle_sctp_parameter raw;
	tulle_sctp_reset_parameter reset;
	if (nth == 0)
		ck_assert_uint_eq(pair_catch(&p, from), 1);
	ck_assert(pair_find(&p.end[from], SCTP_RE_CONFIG, 0, &chunk));
	tulle_rd r = tulle_rd_make(chunk.value.ptr, chunk.value.len);
	for (unsigned i = 0; i <= nth; i++)
		ck_assert(tulle_sctp_read_parameter(&r, &raw));
	ck_assert(tulle_sctp_read_reset(&raw, &reset));
	return reset;
}

/* One request of this type to end 1; its result. */
static uint32_t ask(
	uint16_t type, uint32_t sequence, uint32_t last_tsn, const uint16_t *streams, size_t count)
{
	request r;
	begin(&r);
	add(&r, type, sequence, last_tsn, streams, count);
	(void)give(&r, 1);
	tulle_sctp_reset_parameter answer = said(1, 0);
	ck_assert_uint_eq(answer.type, SCTP_P_RESPONSE);
	ck_assert_uint_eq(answer.sequence, sequence);
	return answer.result;
}

static tulle_drop answer_to(int to, uint32_t sequence, uint32_t result)
{
	request r;
	begin(&r);
	add(&r, SCTP_P_RESPONSE, sequence, result, NULL, 0);
	return give(&r, to);
}

static void acknowledge_all(int of)
{
	uint8_t sack[32];
	tulle_wr w = tulle_wr_make(sack, sizeof sack);
	tulle_sctp_write_sack(&w, p.end[of].sctp->out.next_tsn - 1, 90000, NULL, 0, NULL, 0);
	ck_assert_int_eq(pair_inject(&p, of, pair_tag(&p, of), sack, w.len), TULLE_TAKEN);
}

/* -- what we ask -- */

/* SCTP-145 RFC6525:4.1: numbers begin with the initial TSN and go up by one */
START_TEST(our_requests_are_numbered_from_the_initial_tsn)
{
	uint32_t first = p.end[0].sctp->identity.local_tsn;
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 7), TULLE_OK);
		tulle_sctp_reset_parameter q = said(0, 0);
		ck_assert_uint_eq(q.type, SCTP_P_RESET_OUT);
		ck_assert_uint_eq(q.sequence, first + i);
		ck_assert_uint_eq(q.response_sequence, p.end[1].sctp->resets.sequence - 1);
		ck_assert_uint_eq(q.last_tsn, p.end[0].sctp->out.next_tsn - 1); /* SCTP-146 */
		answer_to(0, q.sequence, SCTP_R_PERFORMED);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], i + 1);
		ck_assert(p.end[0].last.ok);
	}
}
END_TEST

/* SCTP-144 RFC6525:5.1.1: one at a time, of at most 32 streams, and each stream in one of them */
START_TEST(many_streams_go_in_few_requests_one_after_the_other)
{
	bool named[100] = {false};
	static const unsigned sizes[] = {32, 32, 6};
	for (uint16_t i = 0; i < 70; i++)
		ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, i), TULLE_OK);
	for (unsigned k = 0; k < 3; k++) {
		tulle_sctp_reset_parameter q = said(0, 0);
		ck_assert_uint_eq(q.streams.len, 2 * sizes[k]);
		ck_assert_uint_eq(pair_catch(&p, 0), 0); /* the next one waits */
		for (size_t i = 0; i < sizes[k]; i++) {
			uint16_t id = tulle_sctp_read_reset_stream(&q, i);
			ck_assert(!named[id]);
			named[id] = true;
		}
		ck_assert_int_eq(answer_to(0, q.sequence, SCTP_R_PERFORMED), TULLE_TAKEN);
	}
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 70);
	for (uint16_t i = 80; i < 85; i++)
		tulle_sctp_reset_stream(p.end[0].sctp, p.now, i);
	ck_assert_uint_eq(said(0, 0).streams.len, 10);
	p.end[0].sctp->streams_out = 90; /* what the peer takes */
	ck_assert_int_eq(tulle_sctp_reset_stream(p.end[0].sctp, p.now, 90), TULLE_ERR_ARGUMENT);
}
END_TEST

/* RFC6525:5.1.1: what is sent again is the same chunk, whatever was asked since */
START_TEST(a_request_on_the_wire_takes_no_more_streams)
{
	tulle_sctp_reset_stream(p.end[0].sctp, p.now, 1);
	uint32_t tsn = said(0, 0).last_tsn;
	tulle_sctp_reset_stream(p.end[0].sctp, p.now, 2);
	tulle_sctp_send(p.end[0].sctp, p.now, 3, 51, "other", 5, NULL);
	pair_catch(&p, 0);
	acknowledge_all(0);
	pair_expire(&p, 0);
	tulle_sctp_reset_parameter q = said(0, 0);
	ck_assert_uint_eq(q.streams.len, 2);
	ck_assert_uint_eq(tulle_sctp_read_reset_stream(&q, 0), 1);
	ck_assert_uint_eq(q.last_tsn, tsn);
}
END_TEST

/* SCTP-155 RFC6525:5.1.1: RTO, doubled, and the association is lost in the end */
START_TEST(an_unanswered_request_backs_off_and_counts)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_stop_timer(s, SCTP_T_HEARTBEAT);
	tulle_sctp_reset_stream(s, p.now, 1);
	uint32_t sequence = said(0, 0).sequence;
	tulle_time rto = s->rto, sent = p.now;
	for (uint32_t i = 1; i <= 10; i++) {
		pair_expire(&p, 0);
		ck_assert_int_eq(p.now - sent, rto);
		sent = p.now;
		ck_assert_uint_eq(said(0, 0).sequence, sequence);
		ck_assert_uint_eq(s->errors, i);
		ck_assert_int_eq(s->rto, tulle_time_min(2 * rto, 10000000));
		rto = s->rto;
	}
	pair_expire(&p, 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_CLOSED);
	ck_assert_int_eq(p.end[0].last.why, TULLE_SCTP_LOST);
}
END_TEST

/* SCTP-154 RFC6525:5.2.7 H2: asked again under the same number, and no error counted */
START_TEST(in_progress_means_asking_again_later)
{
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_stop_timer(s, SCTP_T_HEARTBEAT);
	tulle_sctp_reset_stream(s, p.now, 1);
	uint32_t sequence = said(0, 0).sequence;
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(answer_to(0, sequence, SCTP_R_IN_PROGRESS), TULLE_TAKEN);
		ck_assert_uint_eq(pair_catch(&p, 0), 0);
		pair_expire(&p, 0);
		ck_assert_uint_eq(said(0, 0).sequence, sequence);
		ck_assert_uint_eq(s->errors, 0);
	}
	pair_expire(&p, 0); /* no answer at all to this one: that counts */
	ck_assert_uint_eq(s->errors, 1);
	ck_assert_int_eq(tulle_sctp_send(s, p.now, 1, 51, "x", 1, NULL), TULLE_ERR_STATE); /* A1 */
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_IN_PROGRESS), TULLE_TAKEN);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_NOTHING), TULLE_TAKEN);
	pair_events(&p, 0);
	ck_assert(p.end[0].last.ok);
	tulle_sctp_reset_stream(s, p.now, 1); /* and the next one counts from the start */
	ck_assert_uint_eq(said(0, 0).sequence, sequence + 1);
	pair_expire(&p, 0);
	ck_assert_uint_eq(s->errors, 1);
}
END_TEST

/* RFC6525:5.2.7 H3: refused in whatever way, the stream stays as it was */
START_TEST(a_refused_request_leaves_the_stream_as_it_was)
{
	static const uint32_t results[] = {SCTP_R_DENIED, SCTP_R_WRONG_STREAM,
		SCTP_R_IN_PROGRESS_ALREADY, SCTP_R_BAD_SEQUENCE, 7, UINT32_MAX};
	tulle_sctp *s = p.end[0].sctp;
	tulle_sctp_send(s, p.now, 1, 51, "0", 1, NULL);
	pair_settle(&p);
	for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
		tulle_sctp_reset_stream(s, p.now, 1);
		ck_assert_int_eq(answer_to(0, said(0, 0).sequence, results[i]), TULLE_TAKEN);
		pair_events(&p, 0);
		ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], i + 1);
		ck_assert(!p.end[0].last.ok);
	}
	tulle_sctp_send(s, p.now, 1, 51, "1", 1, NULL);
	pair_settle(&p);
	ck_assert_mem_eq(p.end[1].got, "01", 2); /* SSN 1, not 0 */
}
END_TEST

START_TEST(answers_to_what_we_did_not_ask_are_dropped)
{
	tulle_sctp *s = p.end[0].sctp;
	uint32_t sequence = s->resets.sequence;
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	tulle_sctp_reset_stream(s, p.now, 1);
	/* guessed before it was sent */
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	ck_assert_uint_eq(said(0, 0).sequence, sequence);
	ck_assert_int_eq(answer_to(0, sequence + 1, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_TAKEN);
	ck_assert_int_eq(answer_to(0, sequence, SCTP_R_PERFORMED), TULLE_DROP_SCTP_RESET);
	pair_events(&p, 0);
	ck_assert_uint_eq(p.end[0].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
}
END_TEST

/* SCTP-143 RFC6525:5.1.1: to a peer that does not list 0x82 nothing is sent */
START_TEST(without_the_extension_a_reset_fails_at_once)
{
	static const uint8_t in[] = {SCTP_RE_CONFIG, 0, 0, 12, 0, 15, 0, 8, 0, 0, 0, 1};
	tulle_sctp *s = p.end[0].sctp;
	s->re_config = false;
	ck_assert_int_eq(tulle_sctp_reset_stream(s, p.now, 1), TULLE_OK);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
	pair_events(&p, 0);
	ck_assert_int_eq(p.end[0].last.kind, TULLE_SCTP_STREAM_RESET_OUT);
	ck_assert(!p.end[0].last.ok);
	ck_assert_int_eq(
		pair_inject(&p, 0, pair_tag(&p, 0), in, sizeof in), TULLE_DROP_SCTP_UNKNOWN_CHUNK);
	ck_assert_uint_eq(pair_catch(&p, 0), 0);
}
END_TEST

/* -- what the peer asks -- */

/* SCTP-147 RFC6525:4.1, 5.2.2 E3: no number listed is all of them; SCTP-149 */
START_TEST(a_request_without_streams_means_all)
{
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "a");
	pair_data(&p, 1, 0, 9, 0, SCTP_FLAG_B | SCTP_FLAG_E, "b");
	pair_catch(&p, 1);
	pair_events(&p, 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, due_number(1), seen(1), NULL, 0), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 2);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "A"), TULLE_TAKEN);
	ck_assert_int_eq(pair_data(&p, 1, 0, 9, 0, SCTP_FLAG_B | SCTP_FLAG_E, "B"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_mem_eq(p.end[1].got, "abAB", 4);
}
END_TEST

/* SCTP-148 RFC6525:5.2.2 E2, SCTP-149: data that is missing comes before the reset */
START_TEST(a_request_that_overtook_its_data_waits_for_it)
{
	uint16_t id = 3;
	uint32_t last = seen(1) + 2, number = due_number(1);
	pair_data(&p, 1, 1, 3, 1, SCTP_FLAG_B | SCTP_FLAG_E, "second,");
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_IN_PROGRESS);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
	pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "first,");
	pair_catch(&p, 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, last, &id, 1), SCTP_R_PERFORMED);
	ck_assert_int_eq(pair_data(&p, 1, 0, 3, 0, SCTP_FLAG_B | SCTP_FLAG_E, "anew"), TULLE_TAKEN);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_mem_eq(p.end[1].got, "first,second,anew", 17);
}
END_TEST

/* SCTP-150 RFC6525:5.2.1: each type of request, twice, with the same answer and one effect */
START_TEST(the_same_number_again_gets_the_same_answer)
{
	static const uint16_t types[] = {
		SCTP_P_RESET_OUT, SCTP_P_RESET_IN, SCTP_P_RESET_TSN, SCTP_P_ADD_OUT, SCTP_P_ADD_IN};
	uint16_t id = 3;
	tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "x", 1, NULL);
	pair_settle(&p);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t number = due_number(1), first = 0;
		size_t streams = types[i] == SCTP_P_RESET_OUT || types[i] == SCTP_P_RESET_IN;
		for (int again = 0; again < 3; again++) {
			uint32_t result = ask(types[i], number, seen(1), &id, streams);
			ck_assert(again == 0 || result == first);
			first = result;
			ck_assert_uint_eq(due_number(1), number + 1);
			pair_events(&p, 1);
			/* SCTP-156 RFC6525:5.2.5, 5.2.6 */
			ck_assert_uint_eq(result, i == 0 ? SCTP_R_PERFORMED : SCTP_R_DENIED);
			ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
			/* what was asked in between has not changed what it would be now */
			tulle_sctp_send(p.end[1].sctp, p.now, 3, 51, "x", 1, NULL);
			pair_settle(&p);
		}
	}
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 1);
}
END_TEST

/* SCTP-151 RFC6525:5.2.1 */
START_TEST(a_number_out_of_order_is_a_bad_one)
{
	uint16_t id = 3;
	uint32_t n = due_number(1);
	uint32_t bad[] = {n + 1, n + 2, n - 1, n - 2, n + 0x80000000u, n - 1000};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, bad[i], seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	ck_assert_uint_eq(due_number(1), n);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, n + i, seen(1), &id, 1), SCTP_R_PERFORMED);
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, n - 1, seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	}
	/* the first one is too long ago: nobody asks that late */
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, n, seen(1), &id, 1), SCTP_R_BAD_SEQUENCE);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 3);
}
END_TEST

/* SCTP-152 RFC6525:5.2.2: one that is out of range, and none of the others is reset */
START_TEST(a_stream_out_of_range_spoils_the_whole_request)
{
	uint16_t ids[3] = {3, 65535, 4};
	p.end[1].sctp->identity.remote_streams_out = 50; /* what the peer announced */
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t wrong[] = {65535, 100, 50};
		ids[1] = wrong[i];
		ck_assert_uint_eq(
			ask(SCTP_P_RESET_OUT, due_number(1), seen(1), ids, 3), SCTP_R_WRONG_STREAM);
		ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, ids, i < 2 ? 3 : 0),
			i < 2 ? SCTP_R_WRONG_STREAM : SCTP_R_NOTHING);
	}
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 0);
	ids[1] = 49;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, due_number(1), seen(1), ids, 3), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 3);
}
END_TEST

/* SCTP-153 RFC6525:5.2.3: our direction is our user's; what is at 0 or on the way needs nothing */
START_TEST(a_wish_for_our_direction_is_answered_by_how_it_stands)
{
	tulle_sctp *s = p.end[1].sctp;
	uint16_t id[2] = {3, 4};
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	tulle_sctp_send(s, p.now, 4, 51, "x", 1, NULL);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, NULL, 0), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 1), SCTP_R_NOTHING);
	tulle_sctp_send(s, p.now, 2, 51, "x", 1, NULL);
	ck_assert_uint_eq(pair_catch(&p, 1), 1);
	tulle_sctp_reset_stream(s, p.now, 4); /* its data is still out */
	uint16_t mixed[3] = {4, 2, 4};
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, mixed, 3), SCTP_R_DENIED);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_IN_PROGRESS);
	acknowledge_all(1);
	uint32_t ours = said(1, 0).sequence;
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	ck_assert_int_eq(answer_to(1, ours, SCTP_R_PERFORMED), TULLE_TAKEN);
	ck_assert_uint_eq(ask(SCTP_P_RESET_IN, due_number(1), 0, id, 2), SCTP_R_NOTHING);
	pair_events(&p, 1);
	ck_assert(p.end[1].last.ok);
}
END_TEST

/* -- two parameters -- */

/* SCTP-158 RFC6525:3.1: every pair of types, and three */
START_TEST(two_parameters_only_as_the_rfc_allows)
{
	for (uint16_t a = SCTP_P_RESET_OUT; a <= SCTP_P_ADD_IN; a++)
		for (uint16_t b = SCTP_P_RESET_OUT; b <= SCTP_P_ADD_IN; b++) {
			bool good = (a == 13 && b == 14) || (a == 14 && b == 13) ||
				    (a == 17 && b == 18) || (a == 18 && b == 17) ||
				    (a == 16 && b == 13) || (a == 13 && b == 16) ||
				    (a == 16 && b == 16);
			uint32_t number = due_number(1);
			tulle_sctp_chunk chunk;
			uint16_t id = 5;
			request r;
			begin(&r);
			add(&r, a, a == 16 ? 0 : number, seen(1), &id, a < 15);
			add(&r, b, a == 16 ? number : number + 1, seen(1), &id, b < 15);
			tulle_drop drop = give(&r, 1);
			pair_catch(&p, 1);
			bool violation = pair_find(&p.end[1], SCTP_ERROR, 0, &chunk);
			ck_assert_msg(violation == !good, "%u %u: %d", a, b, drop);
			if (violation) {
				ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_VIOLATION);
				ck_assert(!pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk));
				ck_assert_uint_eq(due_number(1), number);
			}
			pair_events(&p, 1);
			p.now += 1000000; /* errors are few a second */
		}
	request r;
	begin(&r);
	for (uint32_t i = 0; i < 3; i++)
		add(&r, SCTP_P_RESPONSE, i, 0, NULL, 0);
	ck_assert_int_eq(give(&r, 1), TULLE_DROP_SCTP_RESET);
}
END_TEST

/* RFC6525:5.2.1: both answers in one chunk, and again so */
START_TEST(two_requests_of_one_chunk_get_two_answers_in_one)
{
	uint16_t id = 5;
	uint32_t number = due_number(1);
	tulle_sctp_send(p.end[1].sctp, p.now, 5, 51, "x", 1, NULL);
	pair_settle(&p);
	for (int again = 0; again < 2; again++) {
		request r;
		tulle_sctp_chunk chunk;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number, seen(1), &id, 1);
		add(&r, SCTP_P_RESET_IN, number + 1, 0, &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
		tulle_sctp_reset_parameter out = said(1, 0), in = said(1, 1);
		ck_assert_uint_eq(out.sequence, number);
		ck_assert_uint_eq(out.result, SCTP_R_PERFORMED);
		ck_assert_uint_eq(in.sequence, number + 1);
		ck_assert_uint_eq(in.result, SCTP_R_DENIED);
		ck_assert(pair_find(&p.end[1], SCTP_SACK, 0, &chunk));
	}
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
}
END_TEST

/* The second one is not judged before the first one has an end. */
START_TEST(behind_a_request_in_progress_the_other_waits_too)
{
	uint16_t id = 5;
	uint32_t number = due_number(1), last = seen(1) + 1;
	for (int turn = 0; turn < 2; turn++) {
		request r;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number, last, &id, 1);
		add(&r, SCTP_P_RESET_IN, number + 1, 0, &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
		ck_assert_uint_eq(
			said(1, 0).result, turn == 0 ? SCTP_R_IN_PROGRESS : SCTP_R_PERFORMED);
		ck_assert_uint_eq(
			said(1, 1).result, turn == 0 ? SCTP_R_IN_PROGRESS : SCTP_R_NOTHING);
		pair_data(&p, 1, 0, 5, 0, SCTP_FLAG_B | SCTP_FLAG_E, "x");
		pair_catch(&p, 1);
		pair_events(&p, 1);
	}
}
END_TEST

/* RFC6525:3.1 9: an answer and a request in one chunk; RFC8831:6.7 */
START_TEST(both_directions_are_reset_by_crossing_requests)
{
	uint16_t id = 5;
	for (int i = 0; i < 2; i++) {
		tulle_sctp_send(p.end[i].sctp, p.now, 5, 51, "x", 1, NULL);
		pair_settle(&p);
	}
	tulle_sctp_reset_stream(p.end[1].sctp, p.now, 5);
	uint32_t ours = said(1, 0).sequence;
	request r;
	begin(&r);
	add(&r, SCTP_P_RESPONSE, ours, SCTP_R_PERFORMED, NULL, 0);
	add(&r, SCTP_P_RESET_OUT, due_number(1), seen(1), &id, 1);
	ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
	ck_assert_uint_eq(said(1, 0).result, SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_OUT], 1);
	ck_assert_ptr_null(tulle_sctp_find_stream(p.end[1].sctp, 5));
}
END_TEST

/* DC-051: through both ends, many at once, with packets lost, and the ids are good again */
START_TEST(ids_are_used_again_and_again)
{
	static const char *const text[] = {"one", "two", "three"};
	for (unsigned round = 0; round < 3; round++) {
		for (uint16_t id = 0; id < 60; id++)
			for (int i = 0; i < 2; i++)
				ck_assert_int_eq(tulle_sctp_send(p.end[i].sctp, p.now, id, 51,
							 text[round], 3, NULL),
					TULLE_OK);
		pair_settle(&p);
		for (uint16_t id = 0; id < 60; id++)
			for (int i = 0; i < 2; i++)
				ck_assert_int_eq(tulle_sctp_reset_stream(p.end[i].sctp, p.now, id),
					TULLE_OK);
		for (unsigned turn = 0; turn < 12; turn++) {
			if (turn % 3 == round) /* all that is said now is lost */
				for (int i = 0; i < 2; i++)
					pair_catch(&p, i);
			pair_settle(&p);
			p.now += 500000;
			for (int i = 0; i < 2; i++)
				tulle_sctp_handle_timeout(p.end[i].sctp, p.now);
		}
		pair_settle(&p);
		for (int i = 0; i < 2; i++) {
			pair_end *e = &p.end[i];
			ck_assert_uint_eq(e->got_len, 180 * (round + 1));
			ck_assert_uint_eq(e->events[TULLE_SCTP_STREAM_RESET_IN], 60 * (round + 1));
			ck_assert_uint_eq(e->events[TULLE_SCTP_STREAM_RESET_OUT], 60 * (round + 1));
			ck_assert_uint_eq(e->sctp->streams.count, 0);
		}
	}
}
END_TEST

/* -- what is broken -- */

/* SCTP-157 RFC6525:4: a chunk of every length, cut anywhere, changes nothing */
START_TEST(a_request_cut_short_is_dropped)
{
	uint16_t id[2] = {5, 6};
	uint32_t number = due_number(1);
	request r;
	begin(&r);
	add(&r, SCTP_P_RESET_OUT, number, seen(1), id, 2);
	for (size_t n = 4; n < r.w.len; n++) {
		uint8_t chunk[64] = {0};
		memcpy(chunk, r.bytes, n);
		chunk[3] = (uint8_t)n;
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, (n + 3) & ~3u),
			TULLE_DROP_MALFORMED);
		if (n < 8)
			continue;
		chunk[7] = (uint8_t)(n - 4); /* and with a length that fits */
		bool whole = n >= 20 && n % 2 == 0;
		if (whole)
			continue;
		ck_assert_int_eq(pair_inject(&p, 1, pair_tag(&p, 1), chunk, (n + 3) & ~3u),
			TULLE_DROP_SCTP_RESET);
	}
	add(&r, SCTP_P_RESET_IN, number + 1, 0, id, 2);
	r.w.len -= 4; /* the second one is cut */
	ck_assert_int_eq(give(&r, 1), TULLE_DROP_MALFORMED);
	ck_assert_uint_eq(pair_catch(&p, 1), 0);
	ck_assert_uint_eq(due_number(1), number);
}
END_TEST

/* Answers that nobody fetched give way to newer ones. */
START_TEST(many_requests_between_two_polls_get_the_last_answer)
{
	uint16_t id = 5;
	uint32_t number = due_number(1);
	for (uint32_t i = 0; i < 5; i++) {
		request r;
		begin(&r);
		add(&r, SCTP_P_RESET_OUT, number + i, seen(1), &id, 1);
		ck_assert_int_eq(give(&r, 1), TULLE_TAKEN);
	}
	ck_assert_uint_eq(said(1, 0).sequence, number + 4);
	ck_assert_uint_eq(p.end[1].sctp->stats.resets_in, 5);
}
END_TEST

/* RFC6525:4, RFC9260:3.2.1 */
START_TEST(unknown_parameters_follow_their_high_bits)
{
	static const struct {
		uint16_t type;
		bool goes_on, reports;
	} cases[] = {{0x0055, false, false}, {0x4055, false, true}, {0x8055, true, false},
		{0xc055, true, true}};
	for (unsigned i = 0; i < 4; i++) {
		tulle_sctp_chunk chunk;
		uint16_t id = 5;
		request r;
		begin(&r);
		add(&r, cases[i].type, 0, 0, NULL, 0);
		add(&r, SCTP_P_RESET_OUT, due_number(1), seen(1), &id, 1);
		give(&r, 1);
		pair_catch(&p, 1);
		ck_assert(pair_find(&p.end[1], SCTP_RE_CONFIG, 0, &chunk) == cases[i].goes_on);
		ck_assert(pair_find(&p.end[1], SCTP_ERROR, 0, &chunk) == cases[i].reports);
		if (cases[i].reports)
			ck_assert_uint_eq(chunk.value.ptr[1], SCTP_C_UNKNOWN_PARAMETERS);
	}
}
END_TEST

/* With no block for a record the request waits: its event is not lost. */
START_TEST(a_reset_that_finds_no_memory_waits)
{
	uint16_t ids[90];
	void *held[401];
	size_t n = 0;
	tulle_pool_account hog;
	uint32_t number = due_number(1);
	for (uint16_t i = 0; i < 90; i++)
		ids[i] = i;
	tulle_pool_open(&hog, p.pool, NULL, 0, NULL);
	while ((held[n] = tulle_pool_take(&hog, false)) != NULL)
		n++;
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, seen(1), ids, 90), SCTP_R_IN_PROGRESS);
	ck_assert_uint_eq(p.end[1].sctp->streams.count, 0);
	while (n > 0)
		tulle_pool_give(&hog, held[--n]);
	ck_assert_uint_eq(ask(SCTP_P_RESET_OUT, number, seen(1), ids, 90), SCTP_R_PERFORMED);
	pair_events(&p, 1);
	ck_assert_uint_eq(p.end[1].events[TULLE_SCTP_STREAM_RESET_IN], 90);
	tulle_pool_close(&hog);
}
END_TEST

Suite *suite_sctp_reset(void);
Suite *suite_sctp_reset(void)
{
	Suite *s = suite_create("sctp_reset");
	TCase *t = tcase_create("reset");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, our_requests_are_numbered_from_the_initial_tsn);
	tcase_add_test(t, many_streams_go_in_few_requests_one_after_the_other);
	tcase_add_test(t, a_request_on_the_wire_takes_no_more_streams);
	tcase_add_test(t, an_unanswered_request_backs_off_and_counts);
	tcase_add_test(t, in_progress_means_asking_again_later);
	tcase_add_test(t, a_refused_request_leaves_the_stream_as_it_was);
	tcase_add_test(t, answers_to_what_we_did_not_ask_are_dropped);
	tcase_add_test(t, without_the_extension_a_reset_fails_at_once);
	tcase_add_test(t, a_request_without_streams_means_all);
	tcase_add_test(t, a_request_that_overtook_its_data_waits_for_it);
	tcase_add_test(t, the_same_number_again_gets_the_same_answer);
	tcase_add_test(t, a_number_out_of_order_is_a_bad_one);
	tcase_add_test(t, a_stream_out_of_range_spoils_the_whole_request);
	tcase_add_test(t, a_wish_for_our_direction_is_answered_by_how_it_stands);
	tcase_add_test(t, two_parameters_only_as_the_rfc_allows);
	tcase_add_test(t, two_requests_of_one_chunk_get_two_answers_in_one);
	tcase_add_test(t, behind_a_request_in_progress_the_other_waits_too);
	tcase_add_test(t, both_directions_are_reset_by_crossing_requests);
	tcase_add_test(t, ids_are_used_again_and_again);
	tcase_add_test(t, a_request_cut_short_is_dropped);
	tcase_add_test(t, many_requests_between_two_polls_get_the_last_answer);
	tcase_add_test(t, unknown_parameters_follow_their_high_bits);
	tcase_add_test(t, a_reset_that_finds_no_memory_waits);
	suite_add_tcase(s, t);
	return s;
}
