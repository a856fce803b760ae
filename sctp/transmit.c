/* SPDX-License-Identifier: MIT */
/* sctp: DATA goes out: lost chunks first, then new ones, as the windows allow; messages are cut
 * into fragments when a packet is built, so that packets are full: RFC9260:6.1, 6.9. */
#include "sctp/association.h"

static bool window_is_open(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	return o->flight_chunks == 0 || (o->flight_chunks < sctp->cc.cwnd && o->peer_window > 0);
}

bool tulle_sctp_has_data_due(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (!tulle_sctp_may_send_data(sctp) || o->no_packet)
		return false;
	if (o->lost_count != 0)
		return o->fast_free || window_is_open(sctp);
	return tulle_sctp_next_stream(sctp) != NULL && window_is_open(sctp);
}

static void put_in_flight(tulle_sctp *sctp, sctp_tsn *t)
{
	sctp_outbound *o = &sctp->out;
	t->state = SCTP_TSN_FLIGHT;
	t->sent_us = sctp->now;
	if (t->transmissions < 255)
		t->transmissions++;
	o->flight += t->len;
	o->flight_chunks += SCTP_DATA_HEADER_BYTES + tulle_sctp_padded(t->len);
	o->peer_window -= tulle_min(o->peer_window, t->len);
	if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX)) /* RFC9260:6.3.2 R1 */
		tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
}

static size_t room_for_payload(const tulle_sctp_packet *p)
{
	size_t left = p->w.cap - p->w.len;
	return left > SCTP_DATA_HEADER_BYTES ? (left - SCTP_DATA_HEADER_BYTES) & ~(size_t)3 : 0;
}

/* RFC9260:6.1 C: what is lost goes before what is new. */
static bool write_lost(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	sctp_outbound *o = &sctp->out;
	bool wrote = false;
	while (o->lost_count != 0) {
		uint32_t tsn = o->lost_first;
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->len > room_for_payload(p))
			break;
		if (o->flight != 0 && !o->fast_free &&
			(o->flight_chunks >= sctp->cc.cwnd || t->len > o->peer_window))
			break;
		tulle_sctp_unmark_lost(sctp, tsn);
		put_in_flight(sctp, t);
		if (o->rtt_running && o->rtt_tsn == tsn)
			o->rtt_running = false; /* RFC9260:6.3.1 C5 */
		if (tsn == o->acked_tsn + 1 && o->fast_free)
			tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto); /* RFC9260:7.2.4 */
		sctp->stats.retransmissions++;
		tulle_sctp_write_chunk(sctp, p, tsn, t);
		wrote = true;
	}
	if (wrote)
		o->fast_free = false;
	return wrote;
}

/* The size of the next new chunk; 0: none now. */
static size_t next_size(tulle_sctp *sctp, const tulle_sctp_packet *p, bool bundled)
{
	sctp_outbound *o = &sctp->out;
	const sctp_stream *s = tulle_sctp_next_stream(sctp);
	size_t room = room_for_payload(p);
	if (s == NULL || room == 0)
		return 0;
	if (o->flight_chunks >= sctp->cc.cwnd && o->flight != 0) /* RFC9260:6.1 B */
		return 0;
	if (o->next_tsn - o->acked_tsn > tulle_sctp_ring_span(&o->ring))
		return 0;
	bool last;
	size_t n = tulle_sctp_at_hand(s, room, &last);
	if (!last && n == room && bundled && n < TULLE_SCTP_FRAGMENT_BYTES_MIN)
		return 0;
	if (n > o->peer_window) { /* RFC9260:6.1 A: only as a probe */
		if (o->flight != 0 || o->lost_count != 0)
			return 0;
		sctp->stats.window_probes++;
	}
	return n;
}

static void decay_when_idle(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	tulle_time idle = sctp->now - o->last_sent;
	if (o->flight == 0 && o->last_sent != 0)
		for (int i = 0; i < 16 && idle >= sctp->rto; i++, idle -= sctp->rto)
			sctp->cc.way->on_idle(&sctp->cc);
	o->last_sent = sctp->now;
}

static bool write_new(tulle_sctp *sctp, tulle_sctp_packet *p, bool bundled)
{
	sctp_outbound *o = &sctp->out;
	for (;;) {
		size_t n = next_size(sctp, p, bundled);
		if (n == 0)
			return bundled;
		sctp_tsn *t = tulle_sctp_ring_add(&o->ring, o->next_tsn);
		if (t == NULL) /* goes on when an acknowledgement gives a block back */
			return bundled;
		sctp_stream *s = tulle_sctp_next_stream(sctp);
		decay_when_idle(sctp);
		tulle_sctp_begin_message(sctp, s);
		tulle_sctp_cut(sctp, s, n, t);
		if (!o->rtt_running) { /* RFC9260:6.3.1 C4: one measurement a round trip */
			o->rtt_running = true;
			o->rtt_tsn = o->next_tsn;
		}
		put_in_flight(sctp, t);
		sctp->stats.data_out += n;
		tulle_sctp_write_chunk(sctp, p, o->next_tsn++, t);
		bundled = true;
	}
}

bool tulle_sctp_write_chunks(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	sctp_outbound *o = &sctp->out;
	if (!tulle_sctp_may_send_data(sctp) || o->no_packet)
		return false;
	bool wrote = write_lost(sctp, p);
	if (o->lost_count == 0)
		wrote = write_new(sctp, p, wrote);
	o->no_packet = wrote && o->one_packet;
	o->one_packet = o->one_packet && !wrote;
	return wrote;
}
