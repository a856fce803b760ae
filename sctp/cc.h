/* SPDX-License-Identifier: MIT */
/* sctp: congestion control behind a table of functions: BBR, CUBIC, NewReno. docs/SCTP.md says why
 * each is there. Bytes are those of chunks, header and padding included (RFC9260:7.2.1 counts the
 * outstanding bytes so). Invariant: cwnd is one packet's payload at least. */
#ifndef TULLE_SCTP_CC_H
#define TULLE_SCTP_CC_H
#include <tulle/base.h>

/* What one SACK says. */
typedef struct {
	tulle_time now;
	tulle_time rtt_us;            /* a sample of a chunk sent once; 0: none */
	tulle_time srtt_us;           /* 0: not measured */
	size_t acked, lost;           /* newly acknowledged, newly called lost */
	size_t flight_before, flight; /* before and after the SACK */
	bool rtt_may_be_delayed;      /* the answer may have waited for a second packet */
	bool in_recovery, cumulative_moved;
	bool limited; /* by the queue, the peer's window or the pool, not by cwnd */
	/* the delivery rate, by the newest chunk that it names (rate.c) */
	uint64_t delivered, prior_delivered; /* in all; when that chunk was sent */
	size_t sample_bytes;                 /* delivered since it was sent */
	tulle_time sample_us;                /* 0: no sample */
	size_t sample_flight, sample_lost;   /* in flight when it was sent; lost since */
	bool sample_limited;
} tulle_sctp_cc_ack;

/* HyStart++: RFC9406. */
typedef struct {
	uint64_t round_end;
	tulle_time last_min, now_min, base_min; /* of rounds; 0: none */
	uint32_t samples, rounds;               /* of this round; in conservative slow start */
	bool slow, done;                        /* in conservative slow start; it ended */
} tulle_sctp_hystart;

/* Proportional rate reduction: RFC6937. */
typedef struct {
	size_t delivered, out, flight_at; /* since recovery began */
} tulle_sctp_prr;

typedef struct {
	size_t w_max, epoch_start, w_est; /* bytes; RFC9438:4.1.2 */
	tulle_time epoch_us, k_ms;
	size_t est_partial;
	size_t undo_cwnd, undo_ssthresh, undo_w_max;
} tulle_sctp_cubic;

typedef enum {
	TULLE_SCTP_BBR_STARTUP,
	TULLE_SCTP_BBR_DRAIN,
	TULLE_SCTP_BBR_DOWN,
	TULLE_SCTP_BBR_CRUISE,
	TULLE_SCTP_BBR_REFILL,
	TULLE_SCTP_BBR_UP,
	TULLE_SCTP_BBR_PROBE_RTT,
} tulle_sctp_bbr_state;

typedef struct {
	uint64_t bw_max[2];        /* bytes/s: of the cycle before, of this one */
	uint64_t bw_lo, bw_latest; /* short-term bound (UINT64_MAX: none); of this round */
	uint64_t bw_before;        /* the estimate when the probing phase began */
	uint64_t full_bw, round_end;
	size_t inflight_hi, inflight_lo; /* SIZE_MAX: none */
	size_t inflight_latest, prior_cwnd, probe_up_bytes;
	size_t up_flight; /* when probing began: more than the path holds where others queue */
	size_t round_lost, round_acked, undo_hi;
	tulle_time min_rtt, min_rtt_at; /* 0: not measured */
	tulle_time low_at;              /* when a round trip near the minimum was seen last */
	tulle_time round_rtt, prev_rtt; /* the least of this round, of the one before */
	tulle_time noise;               /* the mean step between samples */
	tulle_time last_rtt;
	tulle_time phase_at, probe_wait, probe_rtt_done;
	uint32_t phase_rounds, rounds_since_probe, yield_round, random;
	uint8_t state, full_rounds, contested, overflowed;
	tulle_time ease_rtt; /* of the round in which we began to ease off */
	uint8_t trims;       /* in this cycle */
	bool full, round_start;
} tulle_sctp_bbr;

typedef struct tulle_sctp_cc {
	const struct tulle_sctp_cc_way *way;
	size_t cwnd, ssthresh, partial, mtu; /* mtu: PMDCS, the largest chunk */
	uint64_t pacing;                     /* bytes/s; 0: not paced yet */
	size_t undo_cwnd, undo_ssthresh;
	tulle_sctp_hystart hystart;
	tulle_sctp_prr prr;
	union {
		tulle_sctp_cubic cubic;
		tulle_sctp_bbr bbr;
	} u;
} tulle_sctp_cc;

typedef struct tulle_sctp_cc_way {
	const char *name;
	void (*init)(tulle_sctp_cc *cc, uint32_t seed);
	void (*on_ack)(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
	/* entering recovery, with the bytes in flight after the losses */
	void (*on_loss)(tulle_sctp_cc *cc, tulle_time now, size_t flight);
	void (*on_timeout)(tulle_sctp_cc *cc, tulle_time now);
	void (*on_undo)(tulle_sctp_cc *cc); /* the losses were none */
	/* something is sent after rest of `idle` round trips (RTOs) with nothing in flight */
	void (*on_idle)(tulle_sctp_cc *cc, tulle_time now, unsigned idle);
} tulle_sctp_cc_way;

extern const tulle_sctp_cc_way tulle_sctp_cc_newreno, tulle_sctp_cc_cubic, tulle_sctp_cc_bbr;

/* Shared by NewReno and CUBIC. */
void tulle_sctp_cc_start(tulle_sctp_cc *cc);
/* Slow start's growth, HyStart++ included; true: it is over. */
bool tulle_sctp_cc_slow_start(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
void tulle_sctp_cc_recover(tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
void tulle_sctp_cc_begin_recovery(tulle_sctp_cc *cc, size_t flight);
void tulle_sctp_cc_pace(tulle_sctp_cc *cc, tulle_time srtt);
void tulle_sctp_cc_rest(tulle_sctp_cc *cc, unsigned idle); /* of so many RTOs */
/* Within a packet of the window is full use: the next one would not have fitted. */
bool tulle_sctp_cc_is_full(const tulle_sctp_cc *cc, const tulle_sctp_cc_ack *ack);
#endif
