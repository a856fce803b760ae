/* SPDX-License-Identifier: MIT */
/* sctp: DATA goes out: lost chunks first, then new ones, as the windows allow; messages are cut
 * into fragments when a packet is built, so that packets are full: RFC9260:6.1, 6.9. */
#include "sctp/association.h"

static bool window_is_open(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->flight_chunks != 0)
		return o->flight_chunks < sctp->cc.cwnd && o->peer_window > 0;
	/* else the timer that ends with a window probe runs, or is to be started: next_size */
	return o->peer_window > 0 || o->window_due || o->gap_acked != 0 ||
	       !tulle_sctp_is_timing(sctp, SCTP_T_RTX);
}

bool tulle_sctp_wants_to_send(const tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (!tulle_sctp_may_send_data(sctp) || o->no_packet)
		return false;
	if (o->lost.count != 0)
		return window_is_open(sctp);
	return tulle_sctp_next_stream(sctp) != NULL && window_is_open(sctp);
}

bool tulle_sctp_has_data_due(const tulle_sctp *sctp)
{
	return sctp->out.probe_due ||
	       (tulle_sctp_pace_is_due(sctp) && tulle_sctp_wants_to_send(sctp));
}

static size_t room_for_payload(const tulle_sctp *sctp, const tulle_sctp_packet *p)
{
	size_t left = p->w.cap - p->w.len;
	size_t head = sctp->interleaves ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES;
	return left > head ? (left - head) & ~(size_t)3 : 0;
}

/* One that was cut for larger packets than the path takes now goes alone, and may be cut on its
 * way: RFC9260:6.9, RFC8899:6.2. */
static bool has_room(const tulle_sctp *sctp, tulle_sctp_packet *p, const sctp_tsn *t)
{
	size_t head = sctp->interleaves ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES;
	if (t->len <= room_for_payload(sctp, p))
		return true;
	if (p->w.len != SCTP_HEADER_BYTES)
		return false;
	p->w.cap = SCTP_HEADER_BYTES + head + tulle_sctp_padded(t->len); /* dst has the limit */
	TULLE_CHECK(p->w.cap <= tulle_sctp_packet_limit(&sctp->config));
	return true;
}

/* The answer should not be delayed (RFC7053:5.1) where we wait for it: nothing more may go out, or
 * something waits until all is acknowledged, or it is sent again. */
static bool wants_answer(const tulle_sctp *sctp, const sctp_tsn *t)
{
	const sctp_outbound *o = &sctp->out;
	if (t->transmissions > 1 || o->probe_due || !window_is_open(sctp))
		return true;
	return o->buffered == 0;
}

static void write_tsn(tulle_sctp *sctp, tulle_sctp_packet *p, uint32_t tsn, sctp_tsn *t)
{
	sctp_outbound *o = &sctp->out;
	t->flags &= (uint8_t)~SCTP_FLAG_I;
	if (wants_answer(sctp, t)) {
		t->flags |= SCTP_FLAG_I;
		o->i_watched = t->transmissions == 1;
		o->i_tsn = tsn;
	}
	tulle_sctp_write_chunk(sctp, p, tsn, t);
	t->packet_16 = p->w.len <= sctp->path.size ? p->w.len >> 4 & 0x7ff : 0;
}

static void write_again(tulle_sctp *sctp, tulle_sctp_packet *p, uint32_t tsn, sctp_tsn *t)
{
	tulle_sctp_put_in_flight(sctp, tsn, t);
	tulle_sctp_undo_sent(sctp, tsn);
	sctp->stats.retransmissions++;
	write_tsn(sctp, p, tsn, t);
}

/* A window that shut without a hole above it waits for its reader: more of it is only refused. What
 * closes a hole is taken, whatever the window says. */
static bool is_held_back(const tulle_sctp *sctp, const sctp_tsn *t)
{
	const sctp_outbound *o = &sctp->out;
	if (o->probe_due)
		return false;
	if (o->flight != 0 && o->flight_chunks >= sctp->cc.cwnd)
		return true;
	return t->len > o->peer_window && (o->flight != 0 || (o->gap_acked == 0 && !o->window_due));
}

/* RFC9260:6.1 C: what is lost goes before what is new. */
static bool write_lost(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	sctp_outbound *o = &sctp->out;
	bool wrote = false;
	while (o->lost.count != 0) {
		uint32_t tsn = o->lost.first;
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (tulle_sctp_is_spent(sctp, t) && tulle_sctp_abandon(sctp, tsn))
			continue; /* RFC3758:3.5 A */
		if (is_held_back(sctp, t))
			break;
		if (!has_room(sctp, p, t))
			break;
		tulle_sctp_unmark_lost(sctp, tsn);
		write_again(sctp, p, tsn, t);
		wrote = true;
	}
	return wrote;
}

/* The newest in flight that may be sent again; false: none may (RFC7496:3.1). */
static bool find_probe(const tulle_sctp *sctp, uint32_t *tsn)
{
	const sctp_outbound *o = &sctp->out;
	*tsn = o->in_flight.last;
	for (uint32_t left = o->in_flight.count; left > 0; left--) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, *tsn);
		if (!tulle_sctp_is_spent(sctp, t))
			return true;
		*tsn = t->prev;
	}
	return false;
}

/* RFC8985:7.3: with nothing new to send the newest that is in flight goes again. */
static bool write_probe(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	uint32_t tsn;
	if (!find_probe(sctp, &tsn))
		return false;
	sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	if (!has_room(sctp, p, t))
		return false;
	tulle_sctp_set_aside(sctp, tsn);
	tulle_sctp_unmark_lost(sctp, tsn);
	write_again(sctp, p, tsn, t);
	return true;
}

/* RFC9260:6.1 A: more than the window holds is a probe, the first one an RTO after it shut. Before
 * that the peer says itself when it opens, and what comes too early is lost. */
static bool may_probe_window(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_rate_limited(sctp);
	if (o->flight != 0 || o->lost.count != 0)
		return false;
	if (!o->window_due) {
		if (!tulle_sctp_is_timing(sctp, SCTP_T_RTX))
			tulle_sctp_set_timer(sctp, SCTP_T_RTX, sctp->rto);
		return false;
	}
	sctp->stats.window_probes++;
	return true;
}

/* The size of the next new chunk; 0: none now. */
static size_t next_size(tulle_sctp *sctp, const tulle_sctp_packet *p)
{
	sctp_outbound *o = &sctp->out;
	const sctp_stream *s = tulle_sctp_next_stream(sctp);
	size_t room = room_for_payload(sctp, p);
	if (s == NULL || room == 0)
		return 0;
	/* RFC9260:6.1 B */
	if (o->flight_chunks >= sctp->cc.cwnd && o->flight != 0 && !o->probe_due)
		return 0;
	if (o->next_tsn - o->acked_tsn > tulle_sctp_ring_span(&o->ring))
		return 0;
	bool last, bundled = p->w.len != SCTP_HEADER_BYTES;
	size_t n = tulle_sctp_at_hand(s, room, &last);
	if (!last && n == room && bundled && n < TULLE_SCTP_FRAGMENT_BYTES_MIN)
		return 0;
	return n <= o->peer_window || may_probe_window(sctp) ? n : 0;
}

static void decay_when_idle(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	tulle_time idle = sctp->now - o->last_sent;
	if (o->flight == 0 && o->last_sent != 0 && idle >= sctp->rto)
		sctp->cc.way->on_idle(&sctp->cc, sctp->now,
			(unsigned)tulle_time_min(idle / tulle_time_max(sctp->rto, 1), 16));
	o->last_sent = sctp->now;
}

static bool write_new(tulle_sctp *sctp, tulle_sctp_packet *p, bool bundled)
{
	sctp_outbound *o = &sctp->out;
	for (;;) {
		tulle_sctp_pick_stream(sctp);
		tulle_sctp_drop_expired(sctp);
		size_t n = next_size(sctp, p);
		if (n == 0)
			return bundled;
		sctp_tsn *t = tulle_sctp_ring_add(&o->ring, o->next_tsn);
		if (t == NULL) /* goes on when an acknowledgement gives a block back */
			return bundled;
		sctp_stream *s = tulle_sctp_next_stream(sctp);
		decay_when_idle(sctp);
		tulle_sctp_begin_message(sctp, s);
		tulle_sctp_cut(sctp, s, n, t);
		uint32_t tsn = s->out_tsn = o->next_tsn++;
		tulle_sctp_put_in_flight(sctp, tsn, t);
		sctp->stats.data_out += n;
		write_tsn(sctp, p, tsn, t);
		bundled = true;
	}
}

/* The queue, the peer's window or the pool is what holds us back, not the window of congestion. */
static void note_limits(tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	if (o->lost.count == 0 && o->flight_chunks < sctp->cc.cwnd &&
		!tulle_sctp_wants_to_send(sctp))
		tulle_sctp_rate_limited(sctp);
}

bool tulle_sctp_write_chunks(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	sctp_outbound *o = &sctp->out;
	if (!tulle_sctp_may_send_data(sctp) || (o->no_packet && !o->probe_due))
		return false;
	if (!o->probe_due && !tulle_sctp_pace_is_due(sctp))
		return false;
	size_t before = p->w.len;
	bool wrote = write_lost(sctp, p);
	if (o->lost.count == 0)
		wrote = write_new(sctp, p, wrote);
	if (o->probe_due && !wrote)
		wrote = write_probe(sctp, p);
	/* no room behind what is bundled: it goes alone, next */
	o->probe_due = o->probe_due && !wrote && before > SCTP_HEADER_BYTES;
	o->no_packet = wrote && o->one_packet;
	o->one_packet = o->one_packet && !wrote;
	if (wrote)
		tulle_sctp_pace_sent(sctp, p->w.len - before);
	note_limits(sctp);
	return wrote;
}
