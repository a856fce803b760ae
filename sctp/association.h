/* SPDX-License-Identifier: MIT */
/* sctp: the association's state, for the files of this room. Each part has its file; all memory
 * beyond this struct is blocks of two accounts, out (send) and in (receive). */
#ifndef TULLE_SCTP_ASSOCIATION_H
#define TULLE_SCTP_ASSOCIATION_H
#include "base/panic.h"
#include "base/pool.h"
#include "base/serial.h"
#include "sctp/cc.h"
#include "sctp/limits.h"
#include "sctp/loss.h"
#include "sctp/pieces.h"
#include "sctp/pmtu.h"
#include "sctp/ranges.h"
#include "sctp/resets.h"
#include "sctp/ring.h"
#include "sctp/sctp.h"
#include "sctp/wire/data.h"
#include "sctp/wire/init.h"
#include "sctp/wire/packet.h"
#include "sctp/wire/sack.h"
#include "sctp/wire/types.h"

/* ABANDONED: neither in flight nor lost, waits for the cumulative TSN to pass: RFC3758:3.5 A. */
enum { SCTP_TSN_FLIGHT = 1, SCTP_TSN_LOST, SCTP_TSN_ACKED, SCTP_TSN_ABANDONED };

/* What is known of a TSN on its way: RFC9260:6.2.1 */
typedef struct {
	sctp_out_piece *piece; /* where its payload starts */
	tulle_time sent_us;    /* last time */
	/* the sender when it was sent: rate.c */
	tulle_time delivered_us, first_us;
	uint64_t delivered;           /* ABANDONED: whose it was, for FORWARD-TSN: partial.c */
	uint16_t lost_k, in_flight_k; /* in KiB, modulo 64 MiB; at most 64 MiB */
	uint32_t fsn;
	uint32_t next, prev; /* FLIGHT: list by time of sending; LOST: list of what is due again; */
			     /* ACKED: next is the run's end */
	uint16_t offset, len;
	uint8_t transmissions, flags;
	/* timer_only: only T3 may call it lost; packet_16: of the packet that it went in, in units
	 * of 16 bytes, 0: one that may be cut on its way */
	unsigned state : 3, limited : 1, timer_only : 1, packet_16 : 11;
} sctp_tsn;
_Static_assert(sizeof(void *) > 8 || sizeof(sctp_tsn) <= 64, "a block holds a power of two");

typedef struct {
	uint32_t first, last, count;
} sctp_tsn_list;

enum {
	SCTP_MARK_LOW = 1,
	SCTP_MARK_RESET_IN = 2,
	SCTP_MARK_RESET_DONE = 4,
	SCTP_MARK_RESET_FAILED = 8
};
enum { SCTP_RESET_NONE, SCTP_RESET_WANTED, SCTP_RESET_QUEUED, SCTP_RESET_SENT };

struct sctp_stream {
	sctp_stream *child[2];              /* of its bucket's tree: streams.c */
	sctp_stream *next, *prev;           /* of all in use; next: of the free slots */
	sctp_stream *wait_next, *wait_prev; /* of those that are deferred */
	sctp_stream *ready_next;            /* ring of streams with data to send */
	sctp_stream *deliver_next;          /* queue of streams with messages to give out */
	sctp_stream *mark_next, *mark_prev, *reset_next;
	sctp_out_piece *out_head, *out_tail; /* not wholly on the wire yet */
	size_t buffered, uncounted, unacked,
		low; /* uncounted: what of buffered is not the user's */
	/* old: of before the peer's reset; passed: whole, and what was before them was given up */
	sctp_in_list old, passed, ordered, unordered;
	sctp_in_list forming[2]; /* I-DATA, by U: messages that are not whole, by MID */
	uint32_t in_pieces;      /* received and not freed */
	uint32_t out_ends;       /* messages given to their end and not wholly cut */
	tulle_time part_expires; /* of the message that is being given */
	uint32_t out_tsn;        /* the last one cut */
	uint32_t out_ssn;        /* of the next ordered message: in DATA its low half */
	uint32_t out_umid;       /* of unordered messages */
	uint32_t out_fsn;        /* of the message that is being cut */
	uint32_t in_mid;         /* the next ordered message; of DATA its low half is the SSN */
	uint32_t skipped;        /* the highest unordered MID that the peer gave up: has_skipped */
	uint32_t reset_tsn;      /* the peer's reset waits for it */
	int32_t deficit;         /* bytes that it may still send in its turn: schedule.c */
	uint16_t id, part_tries, weight;
	uint8_t marks, reset;
	bool ready, deliver, marked, part_open, part_unordered, paused, inline_slot;
	bool part_undated; /* its lifetime has not begun */
	bool part_dropped; /* the rest of its message is thrown away */
	bool ended_in;     /* the peer reset it: what came later waits for the event */
	bool deferred;     /* it will, at reset_tsn: RFC6525:5.2.2 E2 */
	bool has_skipped;  /* its later fragments may still come */
};

typedef enum {
	SCTP_T_INIT, /* T1-init and T1-cookie */
	SCTP_T_RTX,  /* T3-rtx, and the probe before it */
	SCTP_T_SACK,
	SCTP_T_SHUTDOWN, /* T2 */
	SCTP_T_GUARD,    /* T5 */
	SCTP_T_HEARTBEAT,
	SCTP_T_RESET,
	SCTP_T_ROOM,
	SCTP_T_RACK, /* reordering: RFC8985:6.2 step 5 */
	SCTP_T_PACE,
	SCTP_T_FORWARD, /* the next FORWARD-TSN: one a round trip */
	SCTP_T_PATH,    /* PROBE_TIMER and PMTU_RAISE_TIMER: RFC8899:5.1.1 */
	SCTP_TIMERS,
} sctp_timer;

enum {
	SCTP_DUE_REPLY = 1 << 0, /* stateless answer */
	SCTP_DUE_INIT = 1 << 1,
	SCTP_DUE_COOKIE_ECHO = 1 << 2,
	SCTP_DUE_COOKIE_ACK = 1 << 3,
	SCTP_DUE_SACK = 1 << 4,
	SCTP_DUE_HEARTBEAT = 1 << 5,
	SCTP_DUE_HEARTBEAT_ACK = 1 << 6,
	SCTP_DUE_SHUTDOWN = 1 << 7,
	SCTP_DUE_SHUTDOWN_ACK = 1 << 8,
	SCTP_DUE_SHUTDOWN_COMPLETE = 1 << 9,
	SCTP_DUE_ABORT = 1 << 10,
	SCTP_DUE_ERROR = 1 << 11,
	SCTP_DUE_RESET_REQUEST = 1 << 12,
	SCTP_DUE_RESET_RESPONSE = 1 << 13,
	SCTP_DUE_FORWARD = 1 << 14,
	SCTP_DUE_PATH_PROBE = 1 << 15,
};

/* Who the ends are and where their numbers start: of a handshake, of a cookie. */
typedef struct {
	uint32_t local_tag, remote_tag, local_tsn, remote_tsn, remote_window;
	uint16_t remote_streams_out, remote_streams_in;
	bool re_config, partial, zero_checksum, i_data; /* what the peer announced */
	bool no_pad;                                    /* none is sent to it */
} sctp_identity;

typedef struct {
	uint8_t type;   /* the chunk: INIT ACK, ABORT, SHUTDOWN COMPLETE, ERROR */
	bool reflected; /* T bit */
	uint32_t tag, local_tie, remote_tie;
	sctp_identity identity;
	uint8_t info[TULLE_SCTP_UNKNOWN_BYTES_MAX]; /* INIT ACK: what to report; else of the cause
						     */
	uint16_t info_len, cause;
	tulle_time stale_us;
} sctp_reply;

typedef struct {
	uint8_t bytes[TULLE_SCTP_ERROR_BYTES_MAX + 8];
	uint16_t len;
} sctp_causes;

typedef struct {
	tulle_sctp_ring ring;             /* sctp_tsn by TSN */
	uint32_t next_tsn, acked_tsn;     /* acked: cumulative */
	uint32_t gap_acked, advanced_tsn; /* Advanced.Peer.Ack.Point: RFC3758:3.5 */
	uint32_t forward_tsn;             /* of the last FORWARD-TSN */
	tulle_time forward_at;            /* 0: none yet */
	sctp_tsn_list in_flight, lost;    /* in_flight: in order of sending */
	uint32_t recovery_exit;
	size_t flight, flight_chunks; /* payload; with chunk headers, as cwnd counts */
	size_t peer_window, peer_window_told;
	size_t buffered, unacked;
	uint32_t blocks, blocks_max;
	sctp_block *tail;
	sctp_stream *ready_last; /* ring: ready_last->ready_next is first */
	sctp_stream *current;    /* in the middle of its message */
	uint32_t open;           /* messages whose last part was not given, nor given up */
	tulle_time last_sent;
	tulle_time timeout_at; /* when T3 called all that was out there lost */
	size_t wanted;         /* blocks that a refused send wants */
	sctp_out_piece
		*undated; /* their lifetimes begin when the time is known: send options' late */
	sctp_rate rate;
	sctp_rack rack;
	sctp_undo undo;
	tulle_time pace_at; /* the next packet's time */
	uint64_t pace_ns;   /* what is left of a microsecond */
	size_t newly_lost;  /* bytes called lost since the last SACK was told of */
	uint32_t i_tsn;     /* the chunk with the I bit whose answer is watched */
	uint8_t i_prompt;   /* answers at once in a row */
	bool i_watched, pace_burst;
	bool in_recovery, blocked;
	bool put_off;   /* what is blocked is so for an open message's sake, not for lack of room */
	bool probed;    /* the timer has expired once since the last progress: RFC8985:7 */
	bool probe_due; /* a packet may ignore the window */
	bool window_due; /* the peer that has no window is asked with a chunk: RFC9260:6.1 A */
	bool one_packet,
		no_packet; /* after T3 one goes out, then none until a SACK: RFC9260:6.3.3 */
} sctp_outbound;

typedef struct {
	tulle_sctp_ring ring; /* sctp_in_piece * by TSN, above the cumulative one */
	tulle_sctp_ranges ranges;
	uint32_t cumulative;
	uint32_t blocks, blocks_max;
	sctp_block *tail;
	uint32_t tail_bytes;  /* payload that the tail has held */
	uint32_t block_bytes; /* payload that a block has held of late: what the window counts with
			       */
	sctp_in_piece *front, *front_tail; /* the message that the cumulative TSN stands in */
	size_t front_bytes;
	sctp_stream *front_stream;
	uint32_t giving_ppid; /* only a message's first fragment has it */
	uint32_t front_mid;
	/* I-DATA: the next fragment to give out, how many of the front are here */
	uint32_t give_fsn, front_count;
	uint32_t forming; /* messages in all lists of that name */
	uint8_t front_flags;
	bool front_open;       /* the cumulative TSN is in the middle of a message */
	sctp_in_piece *given;  /* the part in the user's hands */
	sctp_in_piece *giving; /* the rest of the message that is being given out */
	sctp_stream *giving_stream;
	bool giving_first, giving_front; /* giving_front: it is the front, more of it may come */
	sctp_stream *deliver_first, *deliver_last;
	uint32_t owed[TULLE_SCTP_OWED_SACKS_MAX], owed_count;
	uint32_t duplicates[TULLE_SCTP_DUPLICATES_MAX], duplicate_count;
	uint32_t packets, packets_unacked; /* that carried data */
	size_t window_told;
	size_t window_max, grow_bytes; /* as far as it has grown; received since grow_from */
	tulle_time grow_from;
	bool packet_has_data, waiting;
	bool skipping; /* a FORWARD-TSN may have cut a message: what is left of it is thrown away */
	bool giving_cut; /* the message that is being given out has no end */
} sctp_inbound;

typedef struct {
	sctp_stream *buckets[TULLE_SCTP_STREAM_BUCKETS];
	sctp_stream inlined[TULLE_SCTP_INLINE_STREAMS];
	sctp_stream *first, *last; /* all, in the order of their first use */
	sctp_stream *free;         /* slots of slabs */
	sctp_stream *mark_first, *mark_last;
	void *slabs; /* blocks of records, linked by their first bytes */
	uint32_t count, slab_reserve;
} sctp_streams;

struct tulle_sctp {
	tulle_sctp_config config;
	tulle_sctp_state state;
	tulle_time now, timers[SCTP_TIMERS];
	tulle_time path_since; /* packets take this path */
	uint32_t due;
	tulle_pool_account out_account, in_account;
	sctp_identity identity;
	bool has_identity, re_config, partial, zero_checksum, interleaves, ended, connected_mark,
		restarted_mark, closed_mark, writable_mark;
	bool closed_given, heartbeat_sent, acked_lately, was_stale;
	tulle_sctp_closed why;
	uint16_t cause, streams_out; /* streams that we may use */
	uint32_t errors;             /* association error counter: RFC9260:8.1 */
	uint32_t init_tries, answers_left;
	tulle_time answers_from, cookie_keys_from, init_sent;
	uint8_t cookie_keys[2][32];
	uint8_t *cookie; /* the peer's, in a block of its own */
	uint16_t cookie_len, heartbeat_len;
	uint8_t heartbeat[TULLE_SCTP_HEARTBEAT_BYTES_MAX]; /* to echo */
	uint8_t heartbeat_nonce[8];
	tulle_time heartbeat_at;
	tulle_time rto, srtt, rttvar;
	sctp_reply reply;
	sctp_causes causes; /* of an ERROR or ABORT that is due */
	tulle_sctp_cc cc;
	sctp_outbound out;
	sctp_inbound in;
	sctp_streams streams;
	sctp_resets resets;
	sctp_path path;
	tulle_sctp_stats stats;
};

/* association.c */
void tulle_sctp_set_state(tulle_sctp *sctp, tulle_sctp_state to, const char *why);
void tulle_sctp_set_timer(tulle_sctp *sctp, sctp_timer timer, tulle_time in_us);
void tulle_sctp_stop_timer(tulle_sctp *sctp, sctp_timer timer);
bool tulle_sctp_is_timing(const tulle_sctp *sctp, sctp_timer timer);
void tulle_sctp_end(tulle_sctp *sctp, tulle_sctp_closed why, uint16_t cause);
/* Our ABORT with one cause of len bytes: the peer broke the protocol, or the user said so. */
void tulle_sctp_break(tulle_sctp *sctp, uint16_t cause, const void *info, size_t len);
void tulle_sctp_add_error(tulle_sctp *sctp, uint16_t cause, const void *info, size_t len);
bool tulle_sctp_count_error(tulle_sctp *sctp);   /* false: that was one too many, it is lost */
void tulle_sctp_reset_numbers(tulle_sctp *sctp); /* TSNs and SSNs as the identity says */
void tulle_sctp_clock(tulle_sctp *sctp, tulle_time now);
bool tulle_sctp_may_send_data(const tulle_sctp *sctp);

/* rto.c */
void tulle_sctp_rto_init(tulle_sctp *sctp);
void tulle_sctp_rto_sample(tulle_sctp *sctp, tulle_time rtt);
void tulle_sctp_rto_back_off(tulle_sctp *sctp);
void tulle_sctp_rto_renew(tulle_sctp *sctp); /* on another path */
void tulle_sctp_take_prompt(tulle_sctp *sctp, tulle_time after);
void tulle_sctp_rto_update(tulle_sctp *sctp); /* how long answers may be delayed has changed */

/* handshake.c, cookie.c */
tulle_drop tulle_sctp_take_init(tulle_sctp *, const tulle_sctp_chunk *);
tulle_drop tulle_sctp_take_init_ack(tulle_sctp *, const tulle_sctp_chunk *);
tulle_drop tulle_sctp_take_cookie_echo(
	tulle_sctp *, const tulle_sctp_header *, const tulle_sctp_chunk *);
tulle_drop tulle_sctp_take_cookie_ack(tulle_sctp *);
void tulle_sctp_cookie_is_stale(tulle_sctp *sctp);
void tulle_sctp_drop_cookie(tulle_sctp *sctp);
void tulle_sctp_handshake_timeout(tulle_sctp *sctp);
void tulle_sctp_make_init(tulle_sctp *sctp, tulle_sctp_init_chunk *init);
bool tulle_sctp_ensure_identity(tulle_sctp *sctp);
#define SCTP_COOKIE_BYTES 96u
bool tulle_sctp_make_cookie(tulle_sctp *sctp, const sctp_reply *reply, uint8_t *dst);
typedef struct {
	sctp_identity identity;
	uint32_t local_tie, remote_tie;
	tulle_time age;
} sctp_cookie;
/* SCTP_COOKIE: not ours, or changed on the way. */
tulle_drop tulle_sctp_take_cookie(tulle_sctp *sctp, tulle_bytes bytes, sctp_cookie *cookie);

/* streams.c */
sctp_stream *tulle_sctp_find_stream(const tulle_sctp *sctp, uint16_t id);
sctp_stream *tulle_sctp_add_stream(tulle_sctp *sctp, uint16_t id);   /* or finds; NULL: no room */
void tulle_sctp_leave_stream(tulle_sctp *sctp, sctp_stream *stream); /* frees an unused record */
void tulle_sctp_leave_streams(tulle_sctp *sctp);                     /* all that are */
void tulle_sctp_mark_stream(tulle_sctp *sctp, sctp_stream *stream, uint8_t mark);
void tulle_sctp_unmark_stream(tulle_sctp *sctp, sctp_stream *stream, uint8_t mark);
void tulle_sctp_clear_streams(tulle_sctp *sctp);

/* schedule.c */
sctp_stream *tulle_sctp_next_stream(const tulle_sctp *sctp); /* whose chunk is next; NULL: none */
/* Goes round to the stream whose turn it is by weight. */
void tulle_sctp_pick_stream(tulle_sctp *sctp);
/* The stream's turn: out of the ring into current, at the start of a message. */
void tulle_sctp_begin_message(tulle_sctp *sctp, sctp_stream *s);
/* The message whose turn it is ends here, what is left of it is thrown away; numbered: some of it
 * took TSNs. */
void tulle_sctp_end_dropped(tulle_sctp *sctp, sctp_stream *s, bool numbered);
/* How much of the front message is at hand, up to max; *last: all of it is. */
size_t tulle_sctp_at_hand(const sctp_stream *s, size_t max, bool *last);
/* Moves the stream's queue on by n bytes, which the TSN t now stands for. */
void tulle_sctp_cut(tulle_sctp *sctp, sctp_stream *s, size_t n, sctp_tsn *t);
void tulle_sctp_write_chunk(
	tulle_sctp *sctp, tulle_sctp_packet *p, uint32_t tsn, const sctp_tsn *t);

/* outbound.c, transmit.c, tsn.c, sack.c */
void tulle_sctp_outbound_init(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_outbound_clear(tulle_sctp *sctp);
size_t tulle_sctp_counted(const sctp_stream *stream); /* buffered, of the user's bytes */
void tulle_sctp_make_ready(tulle_sctp *sctp, sctp_stream *stream);
/* What is not cut of the message at the head of the queue is thrown away. */
void tulle_sctp_reset_wanted(tulle_sctp *sctp, sctp_stream *stream); /* is it time for it? */
void tulle_sctp_drop_rest(tulle_sctp *sctp, sctp_stream *stream);
void tulle_sctp_drop_beyond(tulle_sctp *sctp);         /* on streams that we may not use */
bool tulle_sctp_wants_to_send(const tulle_sctp *sctp); /* if only the pace allowed it */
bool tulle_sctp_has_data_due(const tulle_sctp *sctp);
bool tulle_sctp_write_chunks(tulle_sctp *sctp, tulle_sctp_packet *p);
void tulle_sctp_free_acked(tulle_sctp *sctp, sctp_tsn *tsn); /* its bytes in pieces */
void tulle_sctp_look_for_room(tulle_sctp *sctp);
sctp_tsn *tulle_sctp_tsn_at(const tulle_sctp *sctp, uint32_t tsn);
size_t tulle_sctp_tsn_bytes(const tulle_sctp *sctp, const sctp_tsn *t); /* of its whole chunk */
void tulle_sctp_put_in_flight(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t);
void tulle_sctp_mark_lost(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_set_aside(tulle_sctp *sctp, uint32_t tsn);
bool tulle_sctp_is_shut(const tulle_sctp *sctp);             /* the peer's window */
void tulle_sctp_unmark_lost(tulle_sctp *sctp, uint32_t tsn); /* then the caller sets its state */
void tulle_sctp_mark_abandoned(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_take_ack_back(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t); /* it was reneged */
void tulle_sctp_acknowledge(tulle_sctp *sctp, uint32_t tsn, sctp_tsn *t, bool cumulative);
void tulle_sctp_rtx_timeout(tulle_sctp *sctp);
void tulle_sctp_renew_flight(tulle_sctp *sctp); /* on another path */
void tulle_sctp_rtx_arm(tulle_sctp *sctp);      /* T3 from now; stops it when nothing is out */
void tulle_sctp_enter_recovery(tulle_sctp *sctp);

/* partial.c */
void tulle_sctp_date(sctp_outbound *out, tulle_time on); /* time went on by so much */
bool tulle_sctp_is_over(const tulle_sctp *sctp, const sctp_out_piece *piece); /* its lifetime is */
bool tulle_sctp_is_spent(const tulle_sctp *sctp, const sctp_tsn *t); /* not to be sent again */
/* The whole message of it; false: later. */
bool tulle_sctp_abandon(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_drop_expired(tulle_sctp *sctp); /* at the head of the next stream's queue */
void tulle_sctp_forward_progress(tulle_sctp *sctp);
void tulle_sctp_write_forward(tulle_sctp *sctp, tulle_wr *w);
tulle_drop tulle_sctp_take_forward(tulle_sctp *, const tulle_sctp_chunk *);

/* rack.c */
void tulle_sctp_rack_note(tulle_sctp *sctp, uint32_t tsn, const sctp_tsn *t);
void tulle_sctp_rack_detect(tulle_sctp *sctp);     /* after a SACK, and when SCTP_T_RACK is over */
void tulle_sctp_rack_duplicates(tulle_sctp *sctp); /* a retransmission was for nothing */

/* rate.c */
void tulle_sctp_rate_sent(tulle_sctp *sctp, sctp_tsn *t);
void tulle_sctp_rate_acked(tulle_sctp *sctp, const sctp_tsn *t, tulle_sctp_cc_ack *ack);
void tulle_sctp_rate_finish(tulle_sctp *sctp, tulle_sctp_cc_ack *ack);
void tulle_sctp_rate_limited(tulle_sctp *sctp); /* the window is open and nothing goes out */

/* pace.c */
bool tulle_sctp_pace_is_due(const tulle_sctp *sctp);
void tulle_sctp_pace_sent(tulle_sctp *sctp, size_t bytes);
void tulle_sctp_pace_wait(tulle_sctp *sctp);

/* undo.c */
void tulle_sctp_undo_begin(tulle_sctp *sctp);
void tulle_sctp_undo_sent(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_undo_duplicates(tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack);
tulle_drop tulle_sctp_take_sack(tulle_sctp *, const tulle_sctp_chunk *);
void tulle_sctp_take_cumulative(tulle_sctp *sctp, uint32_t tsn); /* of a SHUTDOWN */

/* inbound.c, sack_out.c, reassembly.c, deliver.c */
void tulle_sctp_inbound_init(tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_inbound_clear(tulle_sctp *sctp);
tulle_drop tulle_sctp_take_data(tulle_sctp *, const tulle_sctp_chunk *);
void tulle_sctp_end_of_packet(tulle_sctp *sctp);
void tulle_sctp_write_sack_chunk(tulle_sctp *sctp, tulle_wr *w);
size_t tulle_sctp_window(const tulle_sctp *sctp);
void tulle_sctp_window_moved(tulle_sctp *sctp);
bool tulle_sctp_is_low(const tulle_sctp *sctp);
bool tulle_sctp_has_room_for_next(const tulle_sctp *sctp);
sctp_in_piece *tulle_sctp_early_at(const tulle_sctp *sctp, uint32_t tsn);
void tulle_sctp_free_piece(tulle_sctp *sctp, sctp_in_piece *piece);
void tulle_sctp_free_chain(tulle_sctp *sctp, sctp_in_piece *piece);
bool tulle_sctp_pass_ranges(tulle_sctp *sctp);
/* The cumulative TSN moved over a chunk (NULL: its message is whole and gone); false: the protocol
 * is broken, the association has ended. */
bool tulle_sctp_pass_cumulative(tulle_sctp *sctp, sctp_in_piece *piece);
void tulle_sctp_mend_run(
	tulle_sctp *sctp, uint32_t tsn); /* the run of fragments begins there now */
bool tulle_sctp_join_early(tulle_sctp *sctp, sctp_in_piece *piece); /* above it; false likewise */
void tulle_sctp_skip_ordered(tulle_sctp *sctp, sctp_stream *stream, uint32_t mid);
void tulle_sctp_cut_front(tulle_sctp *sctp); /* its sender gave it up */
void tulle_sctp_offer_stream(tulle_sctp *sctp, sctp_stream *stream);
bool tulle_sctp_has_turn(const sctp_stream *stream); /* a whole message may be given out */
void tulle_sctp_free_given(tulle_sctp *sctp);
void tulle_sctp_reset_in(tulle_sctp *sctp, sctp_stream *stream); /* the peer ended its direction */

/* interleave.c */
bool tulle_sctp_join_message(tulle_sctp *sctp, sctp_in_piece *piece); /* false: broken */
bool tulle_sctp_add_message(tulle_sctp *sctp, sctp_in_piece *message, uint32_t last);
void tulle_sctp_append_message(sctp_in_list *list, sctp_in_piece *message);
void tulle_sctp_insert_message(sctp_in_list *list, sctp_in_piece *at, sctp_in_piece *message);
void tulle_sctp_remove_message(sctp_in_list *list, sctp_in_piece *message);
bool tulle_sctp_too_long(tulle_sctp *sctp, size_t bytes);     /* ends the association then */
sctp_stream *tulle_sctp_find_partial(const tulle_sctp *sctp); /* a message that may go in parts */
void tulle_sctp_take_front(tulle_sctp *sctp, sctp_stream *stream); /* it becomes the front */
void tulle_sctp_skip_forming(tulle_sctp *sctp, sctp_stream *s, bool unordered, uint32_t mid);
void tulle_sctp_clear_forming(tulle_sctp *sctp, sctp_stream *stream);

/* heartbeat.c, shutdown.c, reply.c */
tulle_drop tulle_sctp_take_heartbeat(tulle_sctp *, const tulle_sctp_chunk *);
tulle_drop tulle_sctp_take_heartbeat_ack(tulle_sctp *, const tulle_sctp_chunk *);
void tulle_sctp_heartbeat_timeout(tulle_sctp *sctp);
void tulle_sctp_heartbeat_arm(tulle_sctp *sctp);
tulle_drop tulle_sctp_take_shutdown(tulle_sctp *, const tulle_sctp_chunk *);
tulle_drop tulle_sctp_take_shutdown_ack(tulle_sctp *);
tulle_drop tulle_sctp_take_shutdown_complete(tulle_sctp *);
void tulle_sctp_shutdown_progress(tulle_sctp *sctp);
void tulle_sctp_shutdown_timeout(tulle_sctp *sctp);
void tulle_sctp_shutdown_heard(tulle_sctp *sctp, bool data); /* a packet in SHUTDOWN-SENT */
bool tulle_sctp_may_answer(tulle_sctp *sctp);                /* takes one of this second's errors */
bool tulle_sctp_answer(
	tulle_sctp *sctp, uint8_t type, uint32_t tag, bool reflected, uint16_t cause);
size_t tulle_sctp_write_reply(tulle_sctp *sctp, uint8_t *dst, size_t cap);

/* An SSN as a number of 32 bits: the one that is near. */
static inline uint32_t tulle_sctp_extend(uint32_t near, uint32_t ssn)
{
	uint16_t ahead = (uint16_t)(ssn - near);
	return ahead < 0x8000 ? near + ahead : near - (0x10000u - ahead);
}

/* Sent before the packets took the path that they take now. */
static inline bool tulle_sctp_is_former(const tulle_sctp *sctp, const sctp_tsn *t)
{
	return t->sent_us < sctp->path_since;
}

/* From reset_stream until the user has heard STREAM_RESET_OUT. */
static inline bool tulle_sctp_is_resetting(const sctp_stream *s)
{
	return s->reset != SCTP_RESET_NONE ||
	       (s->marks & (SCTP_MARK_RESET_DONE | SCTP_MARK_RESET_FAILED)) != 0;
}

static inline bool tulle_sctp_is_open(const tulle_sctp *sctp)
{
	return sctp->state >= TULLE_SCTP_STATE_ESTABLISHED;
}
#endif
