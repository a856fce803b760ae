/* SPDX-License-Identifier: MIT */
/* simpath: CUBIC (RFC 9438) with HyStart, and NewReno (RFC 5681) with appropriate byte counting. */
#include "tests/simpath/path_tcp.h"

#include <math.h>

#define BETA 0.7 /* RFC9438:4.6 */
#define C 0.4    /* RFC9438:5.1 */
#define HYSTART_CWND_MIN 16
#define HYSTART_SAMPLES 8
#define HYSTART_TRAIN_US 2000 /* ACKs of one train follow each other so closely */

void path_tcp_window_init(path_tcp_window *w, const path_tcp_law *law)
{
	*w = (path_tcp_window){.law = law, .cwnd = 10, .ssthresh = 1e9};
}

static void begin_round(path_tcp_window *w, const path_tcp_ack *ack)
{
	w->round_end = ack->next;
	w->round_start = w->last_ack = ack->now;
	w->rtt_round_us = TULLE_TIME_NEVER;
	w->samples = 0;
}

/* Leaves slow start when a round's ACKs stretch over half the round trip, or its least round trip
 * has grown by an eighth. */
static void hystart(path_tcp_window *w, const path_tcp_ack *ack)
{
	tulle_time eighth = w->rtt_min_us / 8;
	eighth = eighth < 4000 ? 4000 : eighth > 16000 ? 16000 : eighth;
	if (w->round_start == 0 || ack->una > w->round_end)
		begin_round(w, ack);
	if (ack->rtt_us == 0 || w->cwnd < HYSTART_CWND_MIN)
		return;
	bool found = false;
	if (ack->now - w->last_ack <= HYSTART_TRAIN_US) {
		w->last_ack = ack->now;
		found = ack->now - w->round_start > w->rtt_min_us / 2;
	}
	if (ack->rtt_us < w->rtt_round_us)
		w->rtt_round_us = ack->rtt_us;
	if (w->samples < HYSTART_SAMPLES)
		w->samples++;
	else
		found |= w->rtt_round_us > w->rtt_min_us + eighth;
	if (found)
		w->ssthresh = w->cwnd;
}

/* Slow start; what it left over of the ACK is given back. */
static double slow_start(path_tcp_window *w, double acked)
{
	double grown = fmin(w->cwnd + acked, fmax(w->ssthresh, w->cwnd));
	double rest = acked - (grown - w->cwnd);
	w->cwnd = grown;
	return rest;
}

static void cubic_on_ack(path_tcp_window *w, const path_tcp_ack *ack)
{
	double acked = ack->acked;
	if (w->cwnd < w->ssthresh) {
		hystart(w, ack);
		acked = slow_start(w, acked);
	}
	if (acked <= 0)
		return;
	if (w->epoch == 0) {
		w->epoch = ack->now;
		w->w_est = w->cwnd_start = w->cwnd;
		w->w_max = fmax(w->w_max, w->cwnd);
		w->k = cbrt((w->w_max - w->cwnd) / C); /* RFC9438:4.2 */
	}
	double t = (double)(ack->now - w->epoch + w->srtt_us) / 1e6;
	double target = C * pow(t - w->k, 3) + w->w_max;
	target = fmin(fmax(target, w->cwnd), 1.5 * w->cwnd);
	/* RFC9438:4.3; the kernel keeps this slope above the old window too */
	w->w_est += 3 * (1 - BETA) / (1 + BETA) * acked / w->cwnd;
	w->cwnd += acked * (target - w->cwnd) / w->cwnd; /* RFC9438:4.4 */
	w->cwnd = fmax(w->cwnd, w->w_est);
}

/* A kernel counts whole segments and the ACKs towards the next one apart: a loss cuts the first and
 * leaves the others. At five segments that is a fifth of the rate. */
static double cut(const path_tcp_window *w, double beta)
{
	double whole = floor(w->cwnd);
	return fmax(floor(whole * beta), 2) + w->cwnd - whole;
}

static double cubic_ssthresh(path_tcp_window *w)
{
	/* RFC9438:4.7 */
	w->w_max = w->cwnd < w->w_max ? w->cwnd * (1 + BETA) / 2 : w->cwnd;
	w->epoch = 0;
	return cut(w, BETA);
}

static void newreno_on_ack(path_tcp_window *w, const path_tcp_ack *ack)
{
	double acked = ack->acked;
	if (w->cwnd < w->ssthresh)
		acked = slow_start(w, acked);
	w->cwnd += acked / w->cwnd;
}

static double newreno_ssthresh(path_tcp_window *w)
{
	return cut(w, 0.5);
}

const path_tcp_law path_tcp_law_cubic = {"cubic", cubic_on_ack, cubic_ssthresh};
const path_tcp_law path_tcp_law_newreno = {"newreno", newreno_on_ack, newreno_ssthresh};
