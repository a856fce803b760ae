/* SPDX-License-Identifier: MIT */
/* <tulle/sctp.h>: one SCTP association as WebRTC uses it (RFC 9260 over DTLS by RFC 8261, stream
 * reset by RFC 6525), sans-I/O. Packets go in and out through handle_datagram and poll_datagram,
 * each is the payload of one DTLS record. Invariant: what send accepted or a SACK named is lost
 * only with the association. Time is monotonic microseconds and never goes back (it is clamped). */
#ifndef TULLE_SCTP_H
#define TULLE_SCTP_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_sctp tulle_sctp;
struct tulle_pool; /* base/pool.h */

/* Congestion control: docs/SCTP.md says why BBR is the default. */
typedef enum {
	TULLE_SCTP_BBR =
		0, /* a model of the path's rate and round trip; loss alone is no congestion */
	TULLE_SCTP_CUBIC,   /* RFC 9438 with HyStart++ (RFC 9406) and PRR (RFC 6937) */
	TULLE_SCTP_NEWRENO, /* RFC9260:7.2, likewise */
} tulle_sctp_control;

/* Zero means what stands in brackets. */
typedef struct {
	uint16_t local_port, remote_port; /* (5000) RFC8841:5 */
	uint16_t packet_bytes_max; /* (1172) the largest SCTP packet to send, 508..16384: RFC8831:5
				    */
	/* (0: none) RFC 8899 searches for larger packets that the path takes, up to so many bytes;
	 * packet_bytes_max is what it begins with. Then the layer below forbids fragments (DF) but
	 * of a datagram that says may_fragment. */
	uint16_t probe_bytes_max;
	uint16_t streams_max;  /* (65535) streams 0..streams_max-1 both ways; records follow use */
	size_t send_bytes_max; /* (4 MiB) of blocks held by queued and unacknowledged data */
	size_t receive_bytes_max; /* (4 MiB) of blocks held by data not yet given out; the window
				     that the peer is told begins at 512 KiB and grows with the path
				   */
	size_t message_bytes_max; /* (no limit) a longer message of the peer ends the association */
	bool streamed;            /* parts of the front message come out as they arrive */
	uint8_t cpu;              /* a tulle_cpu: 0 is always right */
	/* (false) RFC 8260 is offered. Then messages that are begun on many streams must fit the
	 * buffers together, or the association may stall: not for small or shared pools. */
	bool interleaving;
	bool no_partial;    /* (false) RFC 3758 is not offered: all is reliable */
	bool zero_checksum; /* (false) the layer below is DTLS, which checks already: RFC9653:3 */
	tulle_sctp_control cc;   /* (BBR) */
	uint32_t reserve_blocks; /* blocks of our own: at least tulle_sctp_reserve_blocks_min() */
	struct tulle_pool *pool; /* shared; its blocks have 1024 bytes or more */
	void *owner;             /* (the association) whom tulle_pool_next_waiter names */
	tulle_random random;
	tulle_time rto_us_initial; /* (1 s) */
	tulle_time rto_us_min; /* (1 ms) besides it the RTO holds what a peer may delay its SACK */
	tulle_time rto_us_max; /* (10 s) RFC's 60 s outlives ICE consent (30 s, RFC7675:5.1) */
	tulle_time heartbeat_us;                                /* (30 s) negative: none */
	uint16_t retransmissions_max, init_retransmissions_max; /* (10, 8) */
} tulle_sctp_config;

typedef struct {
	bool first, last; /* both: a whole message. Parts of a stream follow each other in order; */
	/* without RFC 8260 other streams wait for the last one (RFC9260:6.9 keeps TSNs together),
	 * and send leaves half of the room to it: a part of at most send_bytes_max / 4 finds room
	 * in the end, where others hold the pool one of at most two packets */
	bool uncounted; /* buffered and BUFFERED_LOW leave these bytes out: not the user's */
	bool unordered; /* taken from the first part, like all below */
	bool has_lifetime, has_retransmissions; /* PR-SCTP: reliable until the peer supports it */
	uint16_t retransmissions_max;           /* 0: sent once */
	uint16_t priority;      /* weight among streams with data, 1..32767 (256): RFC8831:6.4 */
	tulle_time lifetime_us; /* from this send on */
	bool late; /* now is that of an earlier call: the lifetime begins with the next datagram, */
		   /* timeout or poll instead, or it could be over before the send */
} tulle_sctp_send_options;

typedef enum {
	TULLE_SCTP_CONNECTED = 1,
	TULLE_SCTP_MESSAGE,  /* stream, ppid, data, first, last, unordered: a message or a part; */
			     /* the parts of one message come without another's between */
	TULLE_SCTP_WRITABLE, /* after WOULD_BLOCK: send again */
	TULLE_SCTP_BUFFERED_LOW,     /* stream: buffered fell to set_low's bytes or below */
	TULLE_SCTP_STREAM_RESET_IN,  /* stream: the peer ended its direction, all data was given out
				      */
	TULLE_SCTP_STREAM_RESET_OUT, /* stream, ok: our reset_stream was performed or refused */
	TULLE_SCTP_RESTARTED, /* the peer began anew: queues are empty, SSNs and TSNs start again */
	TULLE_SCTP_CLOSED,    /* why, cause, data (the reason of the peer's user): the last event */
} tulle_sctp_event_kind;

typedef enum {
	TULLE_SCTP_SHUTDOWN = 1, /* in order: RFC9260:9.2 */
	TULLE_SCTP_ABORT_LOCAL,  /* by abort, or because the peer broke the protocol (cause) */
	TULLE_SCTP_ABORT_REMOTE, /* cause: the first one of the peer's ABORT, 0 none */
	TULLE_SCTP_LOST,         /* too many retransmissions: RFC9260:8.1 */
} tulle_sctp_closed;

/* data is valid until the next poll_event, handle_* or wipe; commands leave it alone. It is never
 * NULL. */
typedef struct {
	tulle_sctp_event_kind kind;
	uint16_t stream, cause;
	uint32_t ppid;
	const uint8_t *data;
	size_t len;
	bool first, last, unordered;
	bool ok; /* of RESET_OUT; false in a MESSAGE: the sender gave the message up, what came of
		    it is no whole (len 0, last) */
	tulle_sctp_closed why;
} tulle_sctp_event;

typedef enum {
	TULLE_SCTP_STATE_CLOSED,
	TULLE_SCTP_STATE_COOKIE_WAIT,
	TULLE_SCTP_STATE_COOKIE_ECHOED,
	TULLE_SCTP_STATE_ESTABLISHED,
	TULLE_SCTP_STATE_SHUTDOWN_PENDING,
	TULLE_SCTP_STATE_SHUTDOWN_SENT,
	TULLE_SCTP_STATE_SHUTDOWN_RECEIVED,
	TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT,
} tulle_sctp_state;

typedef struct {
	uint64_t packets_in, packets_out, bytes_in, bytes_out; /* SCTP packets, whole */
	uint64_t messages_in, messages_out, data_in,
		data_out; /* user bytes; data_out without repeats */
	uint64_t retransmissions, fast_retransmits, timeouts; /* chunks, chunks, T3 expiries */
	uint64_t sacks_in, sacks_out, duplicates, collisions, zero_windows, window_probes;
	uint64_t abandoned, forwards_in,
		forwards_out;                  /* messages given up; FORWARD-TSNs: RFC 3758 */
	uint64_t loss_probes, spurious, undos; /* probes before T3; reported twice; taken back */
	uint64_t path_probes, black_holes;     /* RFC 8899 */
	uint64_t no_room, pool_waits, resets_in, resets_out, partial_messages, restarts, reneged;
	tulle_time rto_us, srtt_us, rttvar_us; /* srtt 0: not measured */
	tulle_time min_rtt_us;
	uint64_t pacing;                                    /* bytes/s; 0: not paced yet */
	size_t cwnd, ssthresh, flight, peer_window, window; /* bytes */
	size_t packet_bytes;                                /* of the largest packet now */
	size_t blocks_in, blocks_out;
	uint16_t streams_in, streams_out; /* what the peer may use, what we may use; 0: not known */
	uint32_t drops[TULLE_DROP_COUNT];
} tulle_sctp_stats;

/* An upper bound of memory_bytes without the reserve, for static arrays. */
#define TULLE_SCTP_MEMORY_BYTES_MAX 6144

/* The reserve that keeps an association moving when the pool is empty: at least four full packets
 * each way and the records that they need. 0: config out of range. */
TULLE_API uint32_t tulle_sctp_reserve_blocks_min(const tulle_sctp_config *config);
/* Of the state and the reserve together; 0: config out of range. */
TULLE_API size_t tulle_sctp_memory_bytes(const tulle_sctp_config *config);
/* memory is aligned to max_align_t and lives until wipe, as the pool does. NULL: config out of
 * range or memory too small. */
TULLE_API tulle_sctp *tulle_sctp_init(
	void *memory, size_t memory_bytes, const tulle_sctp_config *config, tulle_time now);
/* Gives all blocks back and wipes keys. Sends nothing. */
TULLE_API void tulle_sctp_wipe(tulle_sctp *sctp);

/* Commands. All: ERR_STATE once closed; ERR_SYSTEM: no randomness, nothing was sent or changed. */
/* Sends an INIT. OK and nothing done when the peer was first. RFC9260:5.1 */
TULLE_API tulle_err tulle_sctp_connect(tulle_sctp *sctp, tulle_time now);
/* Takes len > 0 bytes whole or not at all; legal before CONNECTED, when what waits on a stream that
 * the peer does not have is thrown away (stats: streams_out). options NULL: whole, ordered.
 * WOULD_BLOCK: nothing was taken, WRITABLE follows. ERR_TOO_LARGE: can never fit (send parts).
 * ERR_ARGUMENT: len 0, stream out of range, or parts out of order. ERR_STATE: shutting down (but
 * what is open when the peer shuts down is still ended, its rest is taken), or the stream is being
 * reset (from reset_stream until STREAM_RESET_OUT). */
TULLE_API tulle_err tulle_sctp_send(tulle_sctp *sctp, tulle_time now, uint16_t stream,
	uint32_t ppid, const void *data, size_t len, const tulle_sctp_send_options *options);
/* Ends our direction of the stream after all its queued data is acknowledged: RFC6525:5.1.2.
 * STREAM_RESET_OUT follows; then the stream may be used anew. ERR_STATE: already under way;
 * ERR_ARGUMENT: out of range or in the middle of a message's parts; WOULD_BLOCK as send. */
TULLE_API tulle_err tulle_sctp_reset_stream(tulle_sctp *sctp, tulle_time now, uint16_t stream);
/* Sends what is queued, then ends in order; CLOSED follows. Before CONNECTED it closes at once.
 * ERR_ARGUMENT: in the middle of a message's parts (give the last one, or abort). */
TULLE_API tulle_err tulle_sctp_shutdown(tulle_sctp *sctp, tulle_time now);
/* Ends at once; the ABORT goes out with the next poll. text (at most 128 bytes are sent) may be
 * empty; cause 0: user initiated (12). RFC9260:9.1 */
TULLE_API tulle_err tulle_sctp_abort(
	tulle_sctp *sctp, tulle_time now, uint16_t cause, tulle_text text);
/* Holds a stream's messages inside (true) or lets them out; nothing is lost, the window closes. */
TULLE_API tulle_err tulle_sctp_pause(
	tulle_sctp *sctp, tulle_time now, uint16_t stream, bool paused);
/* BUFFERED_LOW comes each time buffered(stream) falls from above bytes to bytes or below (0). */
TULLE_API tulle_err tulle_sctp_set_low(tulle_sctp *sctp, uint16_t stream, size_t bytes);
/* The round trip that ICE measured: the first timers follow it, those of another path too (after
 * tulle_sctp_set_path). */
TULLE_API void tulle_sctp_set_ice_rtt(tulle_sctp *sctp, tulle_time rtt_us);
/* Packets take another path from now on: what is known of its rate, round trip and MTU is forgotten
 * (RFC8261:6.1), and what is on its way is asked for soon. packet_bytes: the most that its first
 * link takes, 0: unknown. */
TULLE_API void tulle_sctp_set_path(tulle_sctp *sctp, tulle_time now, size_t packet_bytes);

/* Accepted by send and not yet on the wire, but for what is uncounted; accepted and not yet
 * acknowledged, all of it. */
TULLE_API size_t tulle_sctp_buffered(const tulle_sctp *sctp, uint16_t stream);
TULLE_API size_t tulle_sctp_unacked(const tulle_sctp *sctp, uint16_t stream);
TULLE_API size_t tulle_sctp_buffered_total(const tulle_sctp *sctp);
TULLE_API size_t tulle_sctp_unacked_total(const tulle_sctp *sctp);
TULLE_API tulle_sctp_state tulle_sctp_state_now(const tulle_sctp *sctp);
TULLE_API void tulle_sctp_read_stats(const tulle_sctp *sctp, tulle_sctp_stats *stats);

/* In: what is due is only marked; the reason when something of the packet was dropped. */
TULLE_API tulle_drop tulle_sctp_handle_datagram(
	tulle_sctp *sctp, tulle_time now, const uint8_t *data, size_t len);
TULLE_API void tulle_sctp_handle_timeout(tulle_sctp *sctp, tulle_time now);
/* The pool has room again: call it for each owner that tulle_pool_next_waiter gives. */
TULLE_API void tulle_sctp_handle_room(tulle_sctp *sctp, tulle_time now);
/* Out: one packet at dst (packet_bytes_max and probe_bytes_max bytes at least); false: none now. */
TULLE_API bool tulle_sctp_poll_datagram(
	tulle_sctp *sctp, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
/* When handle_timeout is due; after that and a full drain it is later than now. */
TULLE_API tulle_time tulle_sctp_poll_timeout(const tulle_sctp *sctp);
/* false: none. Frees the part that the last MESSAGE gave. */
TULLE_API bool tulle_sctp_poll_event(tulle_sctp *sctp, tulle_sctp_event *event);
/* Invariants; for tests and fuzzing after each entry. */
TULLE_API void tulle_sctp_check(const tulle_sctp *sctp);

/* SNAP (draft-hancke-tsvwg-snap): the INIT chunk that stands in the description; changes no state
 * and starts no timer. ERR_TOO_SMALL: dst. Then both INITs start the association without packets:
 * legal before connect only; ERR_SYNTAX: remote is no INIT that we would answer. */
TULLE_API tulle_err tulle_sctp_write_init(
	tulle_sctp *sctp, tulle_time now, uint8_t *dst, size_t cap, size_t *len);
TULLE_API tulle_err tulle_sctp_start_from(
	tulle_sctp *sctp, tulle_time now, tulle_bytes local_init, tulle_bytes remote_init);
/* Such a chunk and nothing else; it believes nothing more. */
TULLE_API bool tulle_sctp_is_init(tulle_bytes chunk);
/* The remote's port, when its description names another than config.remote_port. STATE: not before
 * connect. */
TULLE_API tulle_err tulle_sctp_set_remote_port(tulle_sctp *sctp, uint16_t port);
#ifdef __cplusplus
}
#endif
#endif
