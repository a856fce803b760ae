/* SPDX-License-Identifier: MIT */
/* sctp: a model-based controller in the manner of BBR version 3 (draft-ietf-ccwg-bbr): it keeps an
 * estimate of the path's bandwidth and of its least round trip, and paces by it. Where it differs:
 * loss alone is no sign of congestion. A round's losses lower the bounds only when the round trip
 * rose above the path's least by more than its noise, or when the rate of delivery did not follow
 * the rate of sending (a policer): docs/SCTP.md. The bounds are in cc_bbr_bounds.c. */
#include "sctp/cc_bbr.h"

#include "base/serial.h"

#define PERCENT(n, p) ((n) / 100 * (p) + (n) % 100 * (p) / 100)

static void enter(tulle_sctp_cc *cc, tulle_sctp_bbr_state state, tulle_time now)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	b->state = (uint8_t)state;
	b->phase_at = now;
	b->phase_rounds = b->yield_round = 0;
	b->bw_before = tulle_sctp_bbr_bw_max(b);
}

static void init(tulle_sctp_cc *cc, uint32_t seed)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	tulle_sctp_cc_start(cc);
	*b = (tulle_sctp_bbr){.bw_lo = UINT64_MAX,
		.inflight_hi = SIZE_MAX,
		.inflight_lo = SIZE_MAX,
		.undo_hi = SIZE_MAX,
		.random = seed | 1};
	enter(cc, TULLE_SCTP_BBR_STARTUP, 0);
}

uint64_t tulle_sctp_bbr_bw_max(const tulle_sctp_bbr *b)
{
	return b->bw_max[0] > b->bw_max[1] ? b->bw_max[0] : b->bw_max[1];
}

static uint64_t bw_of(const tulle_sctp_bbr *b)
{
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	return bw < b->bw_lo ? bw : b->bw_lo;
}

/* What a path of this rate holds; below a millisecond the ends' own batches are the path. */
static size_t product(const tulle_sctp_bbr *b, uint64_t bw)
{
	tulle_time rtt = tulle_time_max(b->min_rtt, BBR_RTT_LEAST_US);
	return (size_t)(bw * (uint64_t)rtt / 1000000u);
}

size_t tulle_sctp_bbr_bdp(const tulle_sctp_bbr *b)
{
	return product(b, tulle_sctp_bbr_bw_max(b));
}

/* -- what a SACK tells of the path -- */

static void take_round(tulle_sctp_bbr *b, const tulle_sctp_cc_ack *ack)
{
	b->round_start = ack->acked != 0 && ack->prior_delivered >= b->round_end;
	if (!b->round_start)
		return;
	b->round_end = ack->delivered;
	b->phase_rounds++;
	b->rounds_since_probe++;
}

static void take_rtt(tulle_sctp_bbr *b, const tulle_sctp_cc_ack *ack)
{
	tulle_time rtt = ack->rtt_us;
	if (rtt == 0)
		return;
	if (b->last_rtt != 0) {
		tulle_time step = rtt > b->last_rtt ? rtt - b->last_rtt : b->last_rtt - rtt;
		b->noise += (step - b->noise) / 16;
	}
	b->last_rtt = rtt;
	if (b->round_rtt == 0 || rtt < b->round_rtt)
		b->round_rtt = rtt;
	if (b->min_rtt != 0 && rtt <= b->min_rtt + b->min_rtt / 32)
		b->low_at = ack->now; /* the queue was empty, so the estimate holds */
	if (b->min_rtt == 0 || rtt < b->min_rtt) {
		if (ack->rtt_may_be_delayed && b->min_rtt != 0)
			return;
		b->min_rtt = rtt;
		b->low_at = ack->now;
	}
}

static void take_rate(tulle_sctp_bbr *b, const tulle_sctp_cc_ack *ack)
{
	if (ack->sample_us <= 0 || ack->sample_us < b->min_rtt)
		return;
	uint64_t bw = (uint64_t)ack->sample_bytes * 1000000u / (uint64_t)ack->sample_us;
	if (bw > b->bw_latest)
		b->bw_latest = bw;
	if (ack->sample_bytes > b->inflight_latest)
		b->inflight_latest = ack->sample_bytes;
	if ((bw >= tulle_sctp_bbr_bw_max(b) || !ack->sample_limited) && bw > b->bw_max[1])
		b->bw_max[1] = bw;
}

/* -- phases -- */

static uint32_t draw(tulle_sctp_bbr *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->random;
}

void tulle_sctp_bbr_begin_down(tulle_sctp_cc *cc, tulle_time now)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	b->bw_max[0] = b->bw_max[1]; /* a cycle is over */
	b->bw_max[1] = 0;
	b->rounds_since_probe = draw(b) % 2;
	b->probe_wait = BBR_PROBE_WAIT_US + (tulle_time)(draw(b) % BBR_PROBE_SPREAD_US);
	b->probe_up_bytes = 0;
	enter(cc, TULLE_SCTP_BBR_DOWN, now);
	b->bw_before = b->bw_max[0];
}

/* Startup is over when three rounds in a row brought no quarter more, or loss with a queue says so.
 */
static void look_for_full(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	if (b->full || !b->round_start || ack->sample_limited)
		return;
	if (bw >= b->full_bw + b->full_bw / 4) {
		b->full_bw = bw;
		b->full_rounds = 0;
		return;
	}
	b->full = ++b->full_rounds >= BBR_FULL_ROUNDS;
}

static void startup(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	look_for_full(cc, ack);
	if (b->state == TULLE_SCTP_BBR_STARTUP && b->full)
		enter(cc, TULLE_SCTP_BBR_DRAIN, ack->now);
	if (b->state == TULLE_SCTP_BBR_DRAIN && ack->flight <= tulle_sctp_bbr_bdp(b))
		tulle_sctp_bbr_begin_down(cc, ack->now);
}

/* Time for a probe: after 1 to 2 s, or as often as Reno would have grown by what a probe adds. */
static bool is_time_to_probe(const tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	const tulle_sctp_bbr *b = &cc->u.bbr;
	uint32_t reno = (uint32_t)tulle_min(tulle_sctp_bbr_bdp(b) / cc->mtu, BBR_RENO_ROUNDS_MAX);
	return ack->now - b->phase_at >= b->probe_wait ||
	       b->rounds_since_probe >= (reno > 4 ? reno : 4);
}

/* What was learnt in the cycle that ends; the probe begins where it came down to. */
static void begin_refill(tulle_sctp_cc *cc, tulle_time now)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	enter(cc, TULLE_SCTP_BBR_REFILL, now);
	if (b->contested > 0)
		b->contested--;
	if (b->overflowed > 0)
		b->overflowed--;
	else
		b->contested = 0;
	if (b->contested == 0 && b->bw_lo < bw)
		b->bw_max[0] = b->bw_max[1] = b->bw_lo;
	b->bw_lo = UINT64_MAX;
	b->inflight_lo = SIZE_MAX;
	b->trims = 0;
}

/* While probing finds more, each round begins it anew. */
static void count_what_it_finds(tulle_sctp_bbr *b)
{
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	if (!b->round_start || b->phase_rounds <= 1 || bw <= b->bw_before + b->bw_before / 8)
		return;
	b->bw_before = bw;
	b->phase_rounds = 1;
}

/* Enough is in flight, and as much as that makes a queue; or probing finds nothing more. */
static bool is_probe_over(const tulle_sctp_bbr *b, const tulle_sctp_cc_ack *ack)
{
	size_t full = tulle_max(tulle_sctp_bbr_bdp(b), b->up_flight);
	bool far = b->phase_rounds > 0 && ack->now - b->phase_at > b->min_rtt &&
		   ack->flight > full + full / 4;
	return (far && tulle_sctp_bbr_is_queue(b, b->last_rtt)) ||
	       b->phase_rounds > BBR_UP_ROUNDS_MAX;
}

static void cycle(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	switch (b->state) {
	case TULLE_SCTP_BBR_DOWN:
		if (ack->flight <= tulle_min(tulle_sctp_bbr_bdp(b), tulle_sctp_bbr_headroom(cc)))
			enter(cc, TULLE_SCTP_BBR_CRUISE, ack->now);
		else if (is_time_to_probe(cc, ack)) /* the queue is not ours alone */
			begin_refill(cc, ack->now);
		break;
	case TULLE_SCTP_BBR_CRUISE:
		if (is_time_to_probe(cc, ack))
			begin_refill(cc, ack->now);
		break;
	case TULLE_SCTP_BBR_REFILL:
		if (b->phase_rounds > 0 && b->round_start) {
			enter(cc, TULLE_SCTP_BBR_UP, ack->now);
			b->up_flight = ack->flight;
		}
		break;
	case TULLE_SCTP_BBR_UP:
		count_what_it_finds(b);
		if (is_probe_over(b, ack))
			tulle_sctp_bbr_begin_down(cc, ack->now);
		break;
	default:
		break;
	}
}

/* The least round trip was not seen for long: drain what may be our own queue. */
static void probe_rtt(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->state != TULLE_SCTP_BBR_PROBE_RTT) {
		if (b->min_rtt == 0 || ack->now - b->low_at < BBR_MIN_RTT_LIFE_US)
			return;
		b->prior_cwnd = cc->cwnd;
		b->probe_rtt_done = 0;
		b->min_rtt_at = b->min_rtt;
		enter(cc, TULLE_SCTP_BBR_PROBE_RTT, ack->now);
		b->round_rtt = 0;
		return;
	}
	if (b->probe_rtt_done == 0) {
		if (ack->flight <= tulle_sctp_bbr_probe_rtt_cwnd(cc)) {
			b->probe_rtt_done = ack->now + BBR_PROBE_RTT_US;
			b->min_rtt = ack->rtt_us != 0 ? ack->rtt_us : b->min_rtt;
			b->phase_rounds = 0;
		}
		return;
	}
	if (ack->now < b->probe_rtt_done || b->phase_rounds == 0)
		return;
	b->low_at = ack->now;
	cc->cwnd = tulle_max(cc->cwnd, b->prior_cwnd);
	b->bw_lo = UINT64_MAX;
	b->inflight_lo = SIZE_MAX;
	if (b->full)
		tulle_sctp_bbr_begin_down(cc, ack->now);
	else
		enter(cc, TULLE_SCTP_BBR_STARTUP, ack->now);
}

/* -- what the sender makes of it -- */

static unsigned pacing_percent(const tulle_sctp_bbr *b)
{
	switch (b->state) {
	case TULLE_SCTP_BBR_STARTUP:
		return 277;
	case TULLE_SCTP_BBR_DRAIN:
		return 36;
	case TULLE_SCTP_BBR_DOWN:
		return 90;
	case TULLE_SCTP_BBR_UP:
		return 125;
	default:
		return 100;
	}
}

static void set_pacing(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	uint64_t bw = bw_of(b);
	if (bw == 0) { /* no sample yet: the first window over the round trip */
		if (ack->srtt_us > 0)
			cc->pacing = (uint64_t)cc->cwnd * 2770000u / (uint64_t)ack->srtt_us;
		return;
	}
	/* what the least window is worth: a flow that seldom has something shows no rate */
	tulle_time srtt = tulle_time_max(ack->srtt_us, 1);
	uint64_t least = (uint64_t)(4 * cc->mtu) * 1000000u / (uint64_t)srtt;
	uint64_t rate = PERCENT(bw, pacing_percent(b));
	rate = rate > least ? rate : least;
	if (b->full || rate > cc->pacing)
		cc->pacing = rate;
}

static void set_cwnd(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	size_t target = product(b, bw_of(b)) * (b->state == TULLE_SCTP_BBR_UP ? 9 : 8) / 4;
	target += 3 * tulle_max((size_t)(cc->pacing / 1000), 2 * cc->mtu); /* three paced bursts */
	if (!b->full)
		cc->cwnd += cc->cwnd < target || ack->delivered < 10 * cc->mtu ? ack->acked : 0;
	else
		cc->cwnd = tulle_min(cc->cwnd + ack->acked, target);
	cc->cwnd = tulle_min(cc->cwnd, tulle_sctp_bbr_bound(cc));
	if (b->state == TULLE_SCTP_BBR_PROBE_RTT)
		cc->cwnd = tulle_min(cc->cwnd, tulle_sctp_bbr_probe_rtt_cwnd(cc));
	cc->cwnd = tulle_max(cc->cwnd, 4 * cc->mtu);
}

static void on_ack(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	take_round(b, ack);
	take_rate(b, ack);
	tulle_sctp_bbr_take_losses(cc, ack);
	take_rtt(b, ack);
	startup(cc, ack);
	cycle(cc, ack);
	probe_rtt(cc, ack);
	set_pacing(cc, ack);
	set_cwnd(cc, ack);
	if (b->round_start) {
		b->bw_latest = 0;
		b->inflight_latest = 0;
	}
}

static void on_loss(tulle_sctp_cc *cc, tulle_time now, size_t flight)
{
	(void)now;
	(void)flight;
	cc->undo_cwnd = cc->cwnd;
	cc->u.bbr.undo_hi = cc->u.bbr.inflight_hi;
}

static void on_timeout(tulle_sctp_cc *cc, tulle_time now)
{
	(void)now;
	cc->undo_cwnd = cc->cwnd;
	cc->u.bbr.undo_hi = cc->u.bbr.inflight_hi;
	cc->cwnd = cc->mtu;
}

static void on_undo(tulle_sctp_cc *cc)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	cc->cwnd = tulle_max(cc->cwnd, cc->undo_cwnd);
	b->inflight_hi = tulle_max(b->inflight_hi, b->undo_hi);
	b->bw_lo = UINT64_MAX;
	b->inflight_lo = SIZE_MAX;
	b->full_rounds = 0;
}

/* After rest the pace alone makes the first window no burst, and the queue is empty. */
static void on_idle(tulle_sctp_cc *cc, tulle_time now, unsigned idle)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	(void)idle;
	b->low_at = now; /* a rest drains the queue as a probe would */
}

const tulle_sctp_cc_way tulle_sctp_cc_bbr = {
	"bbr", init, on_ack, on_loss, on_timeout, on_undo, on_idle};
