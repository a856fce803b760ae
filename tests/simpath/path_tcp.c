/* SPDX-License-Identifier: MIT */
/* simpath: a TCP flow as a kernel sends it today: segments of 1448 bytes, SACK scoreboard, losses
 * found by three SACKed segments or by a later sent one that arrived (RFC 6675, RFC 8985), tail
 * loss probe, proportional rate reduction (RFC 6937), RTO of at least 200 ms; the receiver
 * acknowledges every second segment and what is out of order at once. The path keeps order, so no
 * reordering window beyond the first is modelled. Invariant: sacked, lost and resent count what
 * flags say. */
#include "tests/simpath/path_tcp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES 1448u
#define WIRE_BYTES 1500u
#define ACK_BYTES 52u /* IPv4, TCP, timestamps; each SACK block adds 8 */
#define SLOTS 131072u
#define SPANS 4096u
#define SACK_BLOCKS 3
#define RTO_MIN_US 200000
#define DELAYED_ACK_US 40000

enum { SACKED = 1, LOST = 2, RESENT = 4, EVER_RESENT = 8 };

typedef struct {
	tulle_time at;
	uint64_t order; /* of its last transmission */
	uint8_t flags;
} slot;

typedef struct {
	uint32_t first, end;
} span;

typedef struct {
	uint32_t number, span_count; /* the segment, or the next one expected */
	tulle_time echo;             /* when it was sent; of the segment that caused the ACK */
	span spans[SACK_BLOCKS];
} segment;

typedef struct {
	path_tcp_window window;
	slot *slots;
	uint32_t una, next, high_sacked; /* high_sacked: end of the highest SACK */
	unsigned sacked, lost, resent;
	uint64_t order, delivered_order; /* sent last; the latest sent that arrived */
	bool recovering, after_timeout;
	uint32_t recover;
	double prr_flight;
	unsigned prr_delivered, prr_out;
	tulle_time rttvar_us, rto_us, rto_at, probe_at, reorder_at;
	unsigned backoff;
	uint64_t retransmissions, timeouts;
	/* receiver */
	uint32_t expected;
	span have[SPANS]; /* above expected, most recent first */
	size_t have_count;
	unsigned unacked;
	uint32_t seen; /* segments, ever: the first ones are acknowledged each */
	tulle_time ack_at, ack_echo;
	uint64_t spurious;
} tcp;

static slot *slot_of(tcp *t, uint32_t number)
{
	return &t->slots[number % SLOTS];
}

static unsigned flight(const tcp *t)
{
	return t->next - t->una - t->sacked - t->lost + t->resent;
}

/* -- receiver -- */

static void send_ack(path_flow *flow, tcp *t)
{
	segment s = {.number = t->expected, .echo = t->ack_echo};
	while (s.span_count < SACK_BLOCKS && s.span_count < t->have_count) {
		s.spans[s.span_count] = t->have[s.span_count];
		s.span_count++;
	}
	t->unacked = 0;
	t->ack_at = TULLE_TIME_NEVER;
	path_send(flow, flow->port + 1, (const uint8_t *)&s, sizeof s,
		ACK_BYTES + (s.span_count != 0 ? 4 + 8 * s.span_count : 0));
}

/* Joins the number with what it touches; the joined span is the most recent: RFC2018:4 */
static void keep(tcp *t, uint32_t number)
{
	span s = {number, number + 1};
	for (size_t i = 0; i < t->have_count;) {
		span *h = &t->have[i];
		if (h->end < s.first || h->first > s.end) {
			i++;
			continue;
		}
		s.first = h->first < s.first ? h->first : s.first;
		s.end = h->end > s.end ? h->end : s.end;
		memmove(h, h + 1, (--t->have_count - i) * sizeof *h);
	}
	if (s.first <= t->expected) {
		t->expected = s.end;
		return;
	}
	size_t kept = t->have_count < SPANS - 1 ? t->have_count : SPANS - 1;
	memmove(t->have + 1, t->have, kept * sizeof s);
	t->have[0] = s;
	t->have_count = kept + 1;
}

static bool has(const tcp *t, uint32_t number)
{
	for (size_t i = 0; i < t->have_count; i++)
		if (number >= t->have[i].first && number < t->have[i].end)
			return true;
	return number < t->expected;
}

static void take_segment(path_flow *flow, tcp *t, const segment *s)
{
	uint32_t before = t->expected;
	bool at_once = s->number != t->expected || t->have_count != 0 || t->seen++ < 16;
	if (has(t, s->number))
		t->spurious++;
	else
		keep(t, s->number);
	flow->delivered += (uint64_t)(t->expected - before) * SEGMENT_BYTES;
	if (t->unacked++ == 0 || at_once)
		t->ack_echo = s->echo;
	if (at_once || t->unacked >= 2)
		send_ack(flow, t);
	else
		t->ack_at = flow->world->now + DELAYED_ACK_US;
}

/* -- sender: what is lost -- */

static void mark_lost(tcp *t, slot *s)
{
	if ((s->flags & (SACKED | LOST)) == 0) {
		s->flags |= LOST;
		t->lost++;
	}
	if (s->flags & RESENT) {
		s->flags = (uint8_t)(s->flags & ~RESENT);
		t->resent--;
	}
}

static void arm(path_flow *flow, tcp *t)
{
	tulle_time now = flow->world->now, srtt = t->window.srtt_us;
	t->rto_at = t->next == t->una ? TULLE_TIME_NEVER : now + (t->rto_us << t->backoff);
	t->probe_at = TULLE_TIME_NEVER;
	if (srtt == 0 || t->recovering || t->after_timeout || t->sacked != 0 || t->backoff != 0)
		return;
	tulle_time probe = 2 * srtt + (flight(t) == 1 ? RTO_MIN_US : 2000);
	t->probe_at = now + probe < t->rto_at ? now + probe : TULLE_TIME_NEVER;
}

static void enter_recovery(tcp *t)
{
	t->recovering = true;
	t->recover = t->next;
	t->window.ssthresh = t->window.law->ssthresh(&t->window);
	t->prr_flight = t->next - t->una - t->sacked;
	t->prr_delivered = t->prr_out = 0;
}

/* What was sent before something that has arrived is lost, on a path that keeps order. Until three
 * are SACKed a quarter of the round trip is waited for it. */
static unsigned find_lost(path_flow *flow, tcp *t, bool waited)
{
	unsigned found = 0;
	t->reorder_at = TULLE_TIME_NEVER;
	if (t->sacked == 0)
		return 0;
	if (!t->recovering && !t->after_timeout && t->sacked < 3 && !waited) {
		t->reorder_at = flow->world->now + t->window.rtt_min_us / 4;
		return 0;
	}
	for (uint32_t n = t->una; n < t->high_sacked; n++) {
		slot *s = slot_of(t, n);
		if (s->order >= t->delivered_order || (s->flags & SACKED) != 0 ||
			(s->flags & (LOST | RESENT)) == LOST)
			continue;
		mark_lost(t, s);
		found++;
	}
	if (found != 0 && !t->recovering && !t->after_timeout)
		enter_recovery(t);
	return found;
}

/* -- sender: ACKs -- */

static void take_sample(tcp *t, tulle_time rtt)
{
	path_tcp_window *w = &t->window;
	if (w->srtt_us == 0) {
		w->srtt_us = w->rtt_min_us = rtt;
		t->rttvar_us = rtt / 2;
	} else {
		tulle_time off = rtt > w->srtt_us ? rtt - w->srtt_us : w->srtt_us - rtt;
		t->rttvar_us += (off - t->rttvar_us) / 4;
		w->srtt_us += (rtt - w->srtt_us) / 8;
		w->rtt_min_us = rtt < w->rtt_min_us ? rtt : w->rtt_min_us;
	}
	/* as Linux: the variation counts for the minimum at least */
	tulle_time spread = 4 * t->rttvar_us > RTO_MIN_US ? 4 * t->rttvar_us : RTO_MIN_US;
	t->rto_us = w->srtt_us + spread;
}

/* Out of the counts; 1 when it had not been SACKed before. */
static unsigned deliver(tcp *t, slot *s)
{
	unsigned fresh = (s->flags & SACKED) == 0;
	t->sacked -= !fresh;
	t->lost -= (s->flags & LOST) != 0;
	t->resent -= (s->flags & RESENT) != 0;
	if (s->order > t->delivered_order)
		t->delivered_order = s->order;
	s->flags &= EVER_RESENT;
	return fresh;
}

static unsigned take_sacks(tcp *t, const segment *a)
{
	unsigned fresh = 0;
	for (uint32_t i = 0; i < a->span_count; i++) {
		for (uint32_t n = a->spans[i].first; n < a->spans[i].end; n++) {
			slot *s = slot_of(t, n);
			if (n < t->una || (s->flags & SACKED) != 0)
				continue;
			fresh += deliver(t, s);
			s->flags |= SACKED;
			t->sacked++;
		}
		if (a->spans[i].end > t->high_sacked)
			t->high_sacked = a->spans[i].end;
	}
	return fresh;
}

/* RFC6937:3.1, with the slow start bound while the cumulative point moves */
static void reduce(tcp *t, unsigned delivered, bool moved)
{
	path_tcp_window *w = &t->window;
	double pipe = flight(t), room;
	t->prr_delivered += delivered;
	if (pipe > w->ssthresh) {
		room = ceil(t->prr_delivered * w->ssthresh / t->prr_flight) - t->prr_out;
	} else {
		double owed = (double)t->prr_delivered - t->prr_out;
		room = owed > delivered ? owed : delivered;
		room += moved;
		room = room < w->ssthresh - pipe ? room : w->ssthresh - pipe;
	}
	if (t->prr_out == 0 && room < 1)
		room = 1;
	w->cwnd = pipe + (room > 0 ? room : 0);
}

static void take_ack(path_flow *flow, tcp *t, const segment *a)
{
	unsigned fresh = 0;
	bool moved = a->number > t->una;
	path_tcp_ack ack = {.now = flow->world->now};
	while (t->una < a->number)
		fresh += deliver(t, slot_of(t, t->una++));
	fresh += take_sacks(t, a);
	if (moved && a->echo != 0)
		take_sample(t, ack.rtt_us = ack.now - a->echo);
	if (moved)
		t->backoff = 0;
	if ((t->recovering || t->after_timeout) && t->una >= t->recover) {
		if (t->recovering)
			t->window.cwnd = t->window.ssthresh;
		t->recovering = t->after_timeout = false;
	}
	find_lost(flow, t, false);
	ack.una = t->una;
	ack.next = t->next;
	ack.acked = fresh;
	if (t->recovering)
		reduce(t, fresh, moved);
	else if (fresh != 0)
		t->window.law->on_ack(&t->window, &ack);
	if (moved || fresh != 0)
		arm(flow, t);
}

/* -- sender: out -- */

static void transmit(path_flow *flow, tcp *t, uint32_t number, bool again)
{
	slot *s = slot_of(t, number);
	segment out = {.number = number, .echo = flow->world->now};
	if (!again)
		s->flags = 0;
	if (again && (s->flags & RESENT) == 0) {
		s->flags |= RESENT | EVER_RESENT;
		t->resent++;
	}
	s->at = flow->world->now;
	s->order = ++t->order;
	t->retransmissions += again;
	t->prr_out++;
	path_send(flow, flow->port, (const uint8_t *)&out, sizeof out, WIRE_BYTES);
}

static void pump(path_flow *flow, tcp *t)
{
	uint32_t n = t->una;
	bool idle = t->next == t->una, sent = false;
	while (flight(t) < (unsigned)t->window.cwnd && t->next - t->una < SLOTS - 1) {
		if (t->lost > t->resent) {
			while ((slot_of(t, n)->flags & (LOST | RESENT)) != LOST)
				n++;
			transmit(flow, t, n, true);
		} else {
			transmit(flow, t, t->next++, false);
		}
		sent = true;
	}
	if (idle || (sent && t->probe_at != TULLE_TIME_NEVER))
		arm(flow, t);
}

static void expire(path_flow *flow, tcp *t)
{
	t->timeouts++;
	if (!t->after_timeout && !t->recovering) /* RFC5681:3.1: once for a flight */
		t->window.ssthresh = t->window.law->ssthresh(&t->window);
	t->window.cwnd = 1;
	t->recovering = false;
	t->after_timeout = true;
	t->recover = t->next;
	for (uint32_t n = t->una; n < t->next; n++)
		mark_lost(t, slot_of(t, n));
	t->backoff += t->backoff < 6;
	arm(flow, t);
}

static void timeout(path_flow *flow)
{
	tcp *t = flow->state;
	tulle_time now = flow->world->now;
	if (t->ack_at <= now)
		send_ack(flow, t);
	if (t->reorder_at <= now)
		find_lost(flow, t, true);
	if (t->rto_at <= now) {
		expire(flow, t);
	} else if (t->probe_at <= now) { /* RFC8985:7.3: the last segment once more */
		t->probe_at = TULLE_TIME_NEVER;
		transmit(flow, t, t->next++, false);
		t->rto_at = now + t->rto_us;
	}
	pump(flow, t);
}

/* -- the flow -- */

static void *open_with(path_flow *flow, const path_tcp_law *law)
{
	tcp *t = calloc(1, sizeof *t);
	flow->state = t;
	t->slots = calloc(SLOTS, sizeof *t->slots);
	path_tcp_window_init(&t->window, law);
	t->rto_us = 1000000; /* RFC6298:2 */
	t->rto_at = t->probe_at = t->reorder_at = t->ack_at = TULLE_TIME_NEVER;
	pump(flow, t);
	return t;
}

static void *open_cubic(path_flow *flow)
{
	return open_with(flow, &path_tcp_law_cubic);
}

static void *open_newreno(path_flow *flow)
{
	return open_with(flow, &path_tcp_law_newreno);
}

static void handle(path_flow *flow, int port, const uint8_t *data, size_t len)
{
	segment s;
	if (len != sizeof s)
		return;
	memcpy(&s, data, sizeof s);
	if (port == flow->port + 1) {
		take_segment(flow, flow->state, &s);
		return;
	}
	take_ack(flow, flow->state, &s);
	pump(flow, flow->state);
}

static tulle_time next(const path_flow *flow)
{
	const tcp *t = flow->state;
	tulle_time a = t->ack_at < t->rto_at ? t->ack_at : t->rto_at;
	tulle_time b = t->probe_at < t->reorder_at ? t->probe_at : t->reorder_at;
	return a < b ? a : b;
}

static void read_sample(const path_flow *flow, path_sample *sample)
{
	const tcp *t = flow->state;
	*sample = (path_sample){.cwnd = (size_t)(t->window.cwnd * SEGMENT_BYTES),
		.flight = (size_t)flight(t) * SEGMENT_BYTES,
		.srtt_us = t->window.srtt_us,
		.retransmissions = t->retransmissions,
		.spurious = t->spurious,
		.timeouts = t->timeouts,
		.wire_bytes = WIRE_BYTES,
		.payload_bytes = SEGMENT_BYTES};
}

static void close_flow(path_flow *flow)
{
	tcp *t = flow->state;
	free(t->slots);
	free(t);
	flow->state = NULL;
}

const path_way path_way_cubic = {
	"cubic", open_cubic, handle, timeout, next, read_sample, close_flow};
const path_way path_way_newreno = {
	"newreno", open_newreno, handle, timeout, next, read_sample, close_flow};
