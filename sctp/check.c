/* SPDX-License-Identifier: MIT */
/* sctp: the invariants, for tests and fuzzing: O(everything). */
#include "sctp/association.h"

static void check_tsn_list(const tulle_sctp *sctp, const sctp_tsn_list *list, uint8_t state)
{
	uint32_t tsn = list->first, last = tsn;
	for (uint32_t i = 0; i < list->count; i++) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		TULLE_CHECK(t->state == state && (i == 0 || t->prev == last));
		last = tsn;
		tsn = t->next;
	}
	TULLE_CHECK(list->count == 0 || last == list->last);
}

static void check_tsns(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	size_t flight = 0, chunks = 0;
	uint32_t lost = 0, acked = 0, in_flight = 0;
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		TULLE_CHECK(t->state == SCTP_TSN_ABANDONED || (t->len > 0 && t->transmissions > 0));
		lost += t->state == SCTP_TSN_LOST;
		acked += t->state == SCTP_TSN_ACKED;
		if (t->state != SCTP_TSN_FLIGHT)
			continue;
		in_flight++;
		flight += t->len;
		chunks += tulle_sctp_tsn_bytes(sctp, t);
	}
	TULLE_CHECK(flight == o->flight && chunks == o->flight_chunks);
	TULLE_CHECK(lost == o->lost.count && acked == o->gap_acked);
	TULLE_CHECK(in_flight == o->in_flight.count);
	for (uint32_t tsn = o->acked_tsn; tsn != o->advanced_tsn; tsn++)
		TULLE_CHECK(tulle_sctp_tsn_at(sctp, tsn + 1)->state == SCTP_TSN_ABANDONED);
	check_tsn_list(sctp, &o->in_flight, SCTP_TSN_FLIGHT);
	check_tsn_list(sctp, &o->lost, SCTP_TSN_LOST);
	TULLE_CHECK(o->acked_tsn + 1 == o->next_tsn || tulle_sctp_is_timing(sctp, SCTP_T_RTX));
	TULLE_CHECK(o->acked_tsn + 1 != o->next_tsn || o->ring.leaves_held == 0);
}

static size_t check_list(const sctp_stream *s, const sctp_in_list *list)
{
	size_t pieces = 0;
	const sctp_in_piece *prev = NULL;
	for (const sctp_in_piece *m = list->head; m != NULL; prev = m, m = m->next) {
		TULLE_CHECK(m->listed && m->done && m->prev == prev && m->owner == s);
		TULLE_CHECK(m->ordered == (list == &s->ordered));
		if (list == &s->ordered)
			TULLE_CHECK(prev != NULL ? tulle_serial_lt32(prev->mid, m->mid)
						 : !tulle_serial_lt32(m->mid, s->in_mid));
		for (const sctp_in_piece *p = m; p != NULL; p = p->chain)
			pieces++;
	}
	TULLE_CHECK(list->tail == prev);
	return pieces;
}

static void check_streams(const tulle_sctp *sctp)
{
	size_t buffered = 0, unacked = 0, deferred = 0, open = 0;
	const sctp_stream *last = NULL;
	for (const sctp_stream *s = sctp->streams.first; s != NULL; s = s->next) {
		size_t queued = 0, uncounted = 0;
		uint32_t ends = 0;
		TULLE_CHECK(s->prev == last && tulle_sctp_find_stream(sctp, s->id) == s);
		last = s;
		for (const sctp_out_piece *p = s->out_head; p != NULL; p = p->next) {
			queued += (size_t)p->len - p->sent;
			uncounted += p->uncounted ? (size_t)p->len - p->sent : 0;
			ends += p->last;
		}
		TULLE_CHECK(queued == s->buffered && s->buffered <= s->unacked);
		TULLE_CHECK(uncounted == s->uncounted && ends == s->out_ends);
		TULLE_CHECK(s->id < sctp->config.streams_max);
		TULLE_CHECK(s->marked == (s->marks != 0));
		size_t pieces = check_list(s, &s->old) + check_list(s, &s->passed) +
				check_list(s, &s->ordered) + check_list(s, &s->unordered);
		TULLE_CHECK(pieces <= s->in_pieces);
		TULLE_CHECK(sctp->closed_given || s->deliver || !tulle_sctp_has_turn(s));
		deferred += s->deferred;
		buffered += s->buffered;
		unacked += s->unacked;
		open += s->part_open && !s->part_dropped;
	}
	TULLE_CHECK(sctp->streams.last == last);
	TULLE_CHECK(open == sctp->out.open);
	TULLE_CHECK(buffered == sctp->out.buffered && unacked == sctp->out.unacked);
	TULLE_CHECK(deferred == sctp->resets.deferred);
}

static void check_inbound(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	TULLE_CHECK(in->blocks <= in->blocks_max);
	/* one that the peer's breach cut short is left as it was */
	for (uint32_t i = 0; i < in->ranges.count && !sctp->ended; i++) {
		tulle_sctp_range r = in->ranges.at[i];
		uint32_t before = i == 0 ? in->cumulative : in->ranges.at[i - 1].last;
		TULLE_CHECK(tulle_serial_lt32(before + 1, r.first));
		TULLE_CHECK(tulle_serial_le32(r.first, r.last));
	}
	TULLE_CHECK((in->ranges.count == 0) == (in->ranges.at == NULL));
	TULLE_CHECK(!in->giving_front || in->front_open);
}

static void check_path(const tulle_sctp *sctp)
{
	const sctp_path *p = &sctp->path;
	bool searches = p->state != SCTP_PATH_DISABLED && p->state != SCTP_PATH_COMPLETE;
	size_t least = sctp->config.packet_bytes_max;
	if (sctp->config.probe_bytes_max != 0)
		least = TULLE_SCTP_PACKET_BYTES_MIN;
	TULLE_CHECK(p->size >= least && p->size <= tulle_sctp_packet_limit(&sctp->config));
	TULLE_CHECK(p->probed <= sctp->config.probe_bytes_max && p->size < p->failed);
	TULLE_CHECK(p->state == SCTP_PATH_ERROR || p->tries < TULLE_SCTP_PATH_PROBES);
	TULLE_CHECK(sctp->cc.mtu == p->size - SCTP_HEADER_BYTES);
	/* a size that grows does not make the window grow: RFC8899:3 */
	TULLE_CHECK(sctp->cc.cwnd >= least - SCTP_HEADER_BYTES);
	TULLE_CHECK(!searches || sctp->ended || tulle_sctp_is_timing(sctp, SCTP_T_PATH));
}

void tulle_sctp_check(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	check_tsns(sctp);
	check_streams(sctp);
	check_inbound(sctp);
	check_path(sctp);
	TULLE_CHECK(o->blocks <= o->blocks_max);
	TULLE_CHECK(o->unacked != 0 || o->blocks == 0);
	TULLE_CHECK(!sctp->ended || sctp->state == TULLE_SCTP_STATE_CLOSED);
	TULLE_CHECK(!sctp->ended || tulle_sctp_poll_timeout(sctp) == TULLE_TIME_NEVER);
	tulle_pool_check(sctp->config.pool);
}
