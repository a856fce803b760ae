/* SPDX-License-Identifier: MIT */
/* sctp: CUBIC: RFC 9438, in integers: bytes and milliseconds. C = 0.4 packets/s^3, beta = 0.7. */
#include "sctp/cc.h"

#include "base/serial.h"

#define TIME_MS_MAX 100000 /* the cube of more does not fit, and no loss is so rare */

static uint32_t cube_root(uint64_t n)
{
	uint64_t root = 0;
	for (int bit = 20; bit >= 0; bit--) {
		uint64_t next = root | (uint64_t)1 << bit;
		if (next * next * next <= n)
			root = next;
	}
	return (uint32_t)root;
}

static void init(tulle_sctp_cc *cc, uint32_t seed)
{
	(void)seed;
	tulle_sctp_cc_start(cc);
	cc->u.cubic = (tulle_sctp_cubic){0};
}

/* RFC9438:4.2: K = cbrt((W_max - cwnd_epoch) / C), here in ms: cbrt(packets / 0.4 * 10^9) */
static void begin_epoch(tulle_sctp_cc *cc, tulle_time now)
{
	tulle_sctp_cubic *c = &cc->u.cubic;
	c->epoch_us = now;
	c->epoch_start = cc->cwnd;
	c->w_est = cc->cwnd;
	c->est_partial = 0;
	if (c->w_max < cc->cwnd)
		c->w_max = cc->cwnd;
	uint64_t thousandths = (uint64_t)(c->w_max - cc->cwnd) * 1000 / cc->mtu;
	c->k_ms = (tulle_time)cube_root(thousandths * 2500000u);
}

/* W_cubic(t): RFC9438:4.2 */
static size_t cubic_at(const tulle_sctp_cc *cc, tulle_time t_us)
{
	const tulle_sctp_cubic *c = &cc->u.cubic;
	tulle_time t = tulle_time_min(t_us / 1000, TIME_MS_MAX) - c->k_ms;
	tulle_time at = t < 0 ? -t : t;
	uint64_t cube = (uint64_t)at * (uint64_t)at * (uint64_t)at / 1000; /* 10^-6 s^3 */
	uint64_t bytes = cube / 1000 * 2 / 5 * cc->mtu / 1000;
	if (t < 0)
		return bytes > c->w_max ? cc->mtu : c->w_max - (size_t)bytes;
	return c->w_max + (size_t)tulle_min(bytes, SIZE_MAX / 8);
}

/* What Reno would have: RFC9438:4.3; alpha = 3 (1 - beta) / (1 + beta) = 9/17 until w_max. */
static void grow_estimate(tulle_sctp_cc *cc, size_t acked)
{
	tulle_sctp_cubic *c = &cc->u.cubic;
	c->est_partial += acked;
	if (c->est_partial < cc->cwnd)
		return;
	c->est_partial -= cc->cwnd;
	c->w_est += c->w_est >= c->w_max ? cc->mtu : cc->mtu * 9 / 17;
}

static void avoid(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	tulle_sctp_cubic *c = &cc->u.cubic;
	if (c->epoch_us == 0)
		begin_epoch(cc, ack->now);
	grow_estimate(cc, ack->acked);
	size_t cubic = cubic_at(cc, ack->now - c->epoch_us);
	if (cubic < c->w_est) { /* RFC9438:4.3 */
		cc->cwnd = tulle_max(cc->cwnd, c->w_est);
		return;
	}
	size_t target = cubic_at(cc, ack->now - c->epoch_us + ack->srtt_us);
	target = tulle_min(tulle_max(target, cc->cwnd), cc->cwnd + cc->cwnd / 2); /* 4.2 */
	cc->partial += (size_t)((uint64_t)(target - cc->cwnd) * ack->acked / cc->cwnd);
	cc->cwnd += cc->partial; /* 4.4: (target - cwnd) / cwnd for each acknowledged byte */
	cc->partial = 0;
}

static void on_ack(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack)
{
	if (ack->in_recovery)
		tulle_sctp_cc_recover(cc, ack);
	else if (tulle_sctp_cc_slow_start(cc, ack) && tulle_sctp_cc_is_full(cc, ack))
		avoid(cc, ack);
	tulle_sctp_cc_pace(cc, ack->srtt_us);
}

/* RFC9438:4.6, 4.7 */
static void reduce(tulle_sctp_cc *cc)
{
	tulle_sctp_cubic *c = &cc->u.cubic;
	c->undo_w_max = c->w_max;
	cc->undo_cwnd = cc->cwnd;
	cc->undo_ssthresh = cc->ssthresh;
	c->w_max = cc->cwnd < c->w_max ? cc->cwnd * 17 / 20 : cc->cwnd;
	cc->ssthresh = tulle_max(cc->cwnd * 7 / 10, 4 * cc->mtu);
	cc->partial = 0;
	c->epoch_us = 0;
}

static void on_loss(tulle_sctp_cc *cc, tulle_time now, size_t flight)
{
	(void)now;
	reduce(cc);
	tulle_sctp_cc_begin_recovery(cc, tulle_max(flight, cc->ssthresh));
}

static void on_timeout(tulle_sctp_cc *cc, tulle_time now)
{
	(void)now;
	reduce(cc);
	cc->cwnd = cc->mtu;
}

static void on_undo(tulle_sctp_cc *cc) /* RFC9438:4.9 */
{
	tulle_sctp_cubic *c = &cc->u.cubic;
	cc->cwnd = tulle_max(cc->cwnd, cc->undo_cwnd);
	cc->ssthresh = tulle_max(cc->ssthresh, cc->undo_ssthresh);
	c->w_max = c->undo_w_max;
	c->epoch_us = 0;
}

/* Time at rest is no time of growth: the epoch begins anew (RFC9438:5.8). */
static void on_idle(tulle_sctp_cc *cc, tulle_time now, unsigned idle)
{
	(void)now;
	tulle_sctp_cc_rest(cc, idle);
	cc->u.cubic.epoch_us = 0;
}

const tulle_sctp_cc_way tulle_sctp_cc_cubic = {
	"cubic", init, on_ack, on_loss, on_timeout, on_undo, on_idle};
