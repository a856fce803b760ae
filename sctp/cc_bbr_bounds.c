/* SPDX-License-Identifier: MIT */
/* sctp: what BBR makes of loss: bounds of the bytes in flight and of the bandwidth, and when they
 * rise again. Congestion is loss together with a queue, or with a rate that does not follow. */
#include "sctp/cc_bbr.h"

#include "base/serial.h"

static size_t percent(size_t n, unsigned p)
{
	return n / 100 * p + n % 100 * p / 100;
}

size_t tulle_sctp_bbr_headroom(const tulle_sctp_cc *cc)
{
	const tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->inflight_hi == SIZE_MAX)
		return SIZE_MAX;
	size_t room = tulle_max(cc->mtu, percent(b->inflight_hi, 100 - BBR_HEADROOM_PERCENT));
	return b->inflight_hi > room + 4 * cc->mtu ? b->inflight_hi - room : 4 * cc->mtu;
}

size_t tulle_sctp_bbr_bound(const tulle_sctp_cc *cc)
{
	const tulle_sctp_bbr *b = &cc->u.bbr;
	size_t bound = SIZE_MAX;
	if (b->state == TULLE_SCTP_BBR_CRUISE || b->state == TULLE_SCTP_BBR_PROBE_RTT)
		bound = tulle_max(tulle_sctp_bbr_headroom(cc), tulle_sctp_bbr_bdp(b));
	else if (b->state != TULLE_SCTP_BBR_STARTUP)
		bound = b->inflight_hi;
	return tulle_max(tulle_min(bound, b->inflight_lo), 4 * cc->mtu);
}

size_t tulle_sctp_bbr_probe_rtt_cwnd(const tulle_sctp_cc *cc)
{
	return tulle_max(tulle_sctp_bbr_bdp(&cc->u.bbr) / 2, 4 * cc->mtu);
}

bool tulle_sctp_bbr_is_queue(const tulle_sctp_bbr *b, tulle_time rtt)
{
	tulle_time noise = tulle_time_max(b->min_rtt / BBR_QUEUE_DIVISOR, 2 * b->noise);
	return rtt > b->min_rtt + tulle_time_max(noise, 500);
}

/* At least what cwnd never falls below: of nothing nothing could be raised. */
static void set_inflight_hi(tulle_sctp_cc *cc, size_t bytes)
{
	cc->u.bbr.inflight_hi = tulle_max(bytes, 4 * cc->mtu);
}

static bool has_queue(const tulle_sctp_bbr *b)
{
	return tulle_sctp_bbr_is_queue(b, b->round_rtt);
}

/* We send more than before and no more arrives. */
static bool is_policed(const tulle_sctp_cc *cc)
{
	const tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->round_lost < BBR_POLICED_PACKETS * cc->mtu)
		return false;
	bool probing = b->state == TULLE_SCTP_BBR_UP || b->state == TULLE_SCTP_BBR_STARTUP;
	uint64_t before = b->state == TULLE_SCTP_BBR_UP ? b->bw_before : b->full_bw;
	return probing && b->phase_rounds > 0 && before != 0 && b->bw_latest < before + before / 16;
}

static bool is_lossy(size_t lost, size_t of)
{
	return lost > percent(of, BBR_LOSS_PERCENT) && lost > 0;
}

/* The probe went too far: what is left of it, as Reno and CUBIC keep, but a full pipe at least. */
static void stop_probe(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	size_t kept = percent(ack->sample_flight, BBR_BETA_PERCENT);
	set_inflight_hi(cc, tulle_max(kept, tulle_sctp_bbr_bdp(b)));
	tulle_sctp_bbr_begin_down(cc, ack->now);
}

/* Loss and a queue that we did not make just now: somebody shares the path. */
static void give_way(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->phase_rounds < b->yield_round)
		return;
	b->yield_round = b->phase_rounds + BBR_YIELD_ROUNDS;
	/* much at once, or a queue that leapt up, is someone's start; else someone's steady growth
	 */
	bool leapt = b->prev_rtt != 0 && b->round_rtt > b->prev_rtt + b->min_rtt / BBR_LEAP_DIVISOR;
	if (!leapt && b->round_lost < percent(b->round_acked, BBR_START_LOSS_PERCENT))
		b->overflowed = BBR_OVERFLOW_CYCLES;
	if (b->bw_lo == UINT64_MAX)
		b->bw_lo = tulle_sctp_bbr_bw_max(b);
	uint64_t bw = b->bw_lo / 100 * BBR_BETA_PERCENT;
	b->bw_lo = b->bw_latest > bw ? b->bw_latest : bw;
	size_t held = tulle_min(b->inflight_lo, tulle_max(ack->flight_before, ack->sample_flight));
	b->inflight_lo = percent(held, BBR_BETA_PERCENT);
	b->inflight_hi = tulle_min(b->inflight_hi, tulle_max(held, 4 * cc->mtu));
}

/* 4 log2(n), n > 0 */
static unsigned quarter_log(uint64_t n)
{
	unsigned log = 0;
	for (; n >= 8; n >>= 1)
		log += 4;
	return n >= 4 ? log + 8 + (unsigned)(n - 4) : log + 4 * (unsigned)(n >= 2);
}

/* A queue that stays though we do not probe: it is shared. Each flow slows down by more the more of
 * the queue is its own, in packets and not in parts of its rate, so that rates draw closer. Where
 * the queue stays all the same and now and then overflows, or grew meanwhile, somebody fills it
 * (Reno and CUBIC do): then we hold our own. */
static void ease_off(tulle_sctp_cc *cc)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	uint64_t least = bw / 100 * BBR_EASE_PERCENT;
	if (b->contested > 0 || b->phase_rounds < tulle_max(b->yield_round, BBR_EASE_ROUND))
		return;
	if (b->trims > 0 && b->bw_lo < least) /* a policer's bound is below what easing means */
		return;
	b->yield_round = b->phase_rounds + BBR_YIELD_ROUNDS;
	if (b->bw_lo == UINT64_MAX) {
		b->bw_lo = bw;
		b->ease_rtt = b->round_rtt;
	}
	uint64_t bytes = b->bw_latest / 1000 * (uint64_t)(b->round_rtt - b->min_rtt) / 1000;
	b->bw_lo -= b->bw_lo / BBR_EASE_DIVISOR * quarter_log(bytes / cc->mtu + 1);
	if (b->bw_lo > least)
		return;
	b->bw_lo = least;
	if (b->overflowed == 0 && b->round_rtt < b->ease_rtt + b->min_rtt / BBR_GROWN_DIVISOR)
		return;
	b->contested = BBR_CONTESTED_CYCLES;
	b->bw_lo = UINT64_MAX;
}

/* The queue is gone: back up, by as much for a slow flow as for a fast one. */
static void regain(tulle_sctp_cc *cc)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->bw_lo >= tulle_sctp_bbr_bw_max(b) || b->trims > 0)
		return;
	tulle_time rtt = tulle_time_max(b->min_rtt, BBR_RTT_LEAST_US);
	b->bw_lo += BBR_REGAIN_PACKETS * (uint64_t)cc->mtu * 1000000u / (uint64_t)rtt;
}

/* Loss without a queue: of the path, or of a policer that we outrun. Sending as fast as it arrives
 * ends the second and costs little with the first. Once a cycle, or loss would wear the rate down;
 * again where much is lost: what was seen first may be what a bucket held. */
static void trim(tulle_sctp_bbr *b)
{
	size_t sent = b->round_acked + b->round_lost;
	bool again =
		b->trims < BBR_TRIMS_MAX && b->round_lost > percent(sent, BBR_TRIM_AGAIN_PERCENT);
	if ((b->trims > 0 && !again) || b->phase_rounds < tulle_max(b->yield_round, BBR_TRIM_ROUND))
		return;
	b->yield_round = b->phase_rounds + BBR_YIELD_ROUNDS;
	b->trims++;
	uint64_t bw = tulle_sctp_bbr_bw_max(b);
	bw = bw < b->bw_lo ? bw : b->bw_lo;
	b->bw_lo = bw / 1024 * (1024 * (uint64_t)b->round_acked / sent);
}

/* A probe that uses the bound and loses nothing raises it, each round twice as fast. */
static void raise_bound(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	if (b->inflight_hi == SIZE_MAX || ack->limited)
		return;
	if (ack->flight_before + 2 * cc->mtu < b->inflight_hi)
		return;
	unsigned shift = b->phase_rounds < 10 ? b->phase_rounds : 10;
	b->probe_up_bytes += ack->acked << shift;
	size_t grown = b->probe_up_bytes / b->inflight_hi;
	b->probe_up_bytes -= grown * b->inflight_hi;
	b->inflight_hi += grown * cc->mtu;
}

static void end_round(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	bool lossy = is_lossy(b->round_lost, b->round_acked + b->round_lost);
	bool queue = has_queue(b), congested = lossy && (queue || is_policed(cc));
	bool steady = b->state == TULLE_SCTP_BBR_CRUISE ||
		      (b->state == TULLE_SCTP_BBR_DOWN && b->phase_rounds > BBR_YIELD_ROUNDS);
	if (congested && b->state == TULLE_SCTP_BBR_STARTUP && !b->full) {
		b->full = true;
		set_inflight_hi(cc, tulle_max(tulle_sctp_bbr_bdp(b), b->inflight_latest));
	} else if (congested && b->state == TULLE_SCTP_BBR_UP) {
		stop_probe(cc, ack);
	} else if (steady && queue && b->round_lost != 0) {
		give_way(cc, ack);
	} else if (steady && queue) {
		ease_off(cc);
	} else if (steady && lossy) {
		trim(b);
	} else if (b->state == TULLE_SCTP_BBR_CRUISE) {
		regain(cc);
	}
	b->round_lost = b->round_acked = 0;
	b->prev_rtt = b->round_rtt;
	b->round_rtt = 0;
}

void tulle_sctp_bbr_take_losses(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_bbr *b = &cc->u.bbr;
	b->round_lost += ack->lost;
	b->round_acked += ack->acked;
	if (b->state == TULLE_SCTP_BBR_UP) {
		if (ack->lost != 0 && is_lossy(ack->sample_lost, ack->sample_flight) &&
			(has_queue(b) || is_policed(cc)))
			stop_probe(cc, ack);
		else
			raise_bound(cc, ack);
	}
	if (b->round_start)
		end_round(cc, ack);
}
