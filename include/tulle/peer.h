/* SPDX-License-Identifier: MIT */
/* <tulle/peer.h>: RTCPeerConnection and RTCDataChannel for who brings their own signaling. Names
 * and behaviour are W3C webrtc-pc's; what is a promise there is a return value here (no operation
 * waits, so there is no operations chain). Rules of <tulle/mesh.h> hold: commands do no I/O and
 * call nobody; listeners run from tulle_host_step; a channel is a number that is never given twice.
 */
#ifndef TULLE_PEER_H
#define TULLE_PEER_H
#include <tulle/ice.h>
#include <tulle/io.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_peer tulle_peer; /* a pointer: created and destroyed by the caller alone */
typedef uint64_t tulle_channel;       /* 0: none; one that is gone: TULLE_ERR_GONE */

typedef enum {
	TULLE_SDP_OFFER = 1,
	TULLE_SDP_PRANSWER,
	TULLE_SDP_ANSWER,
	TULLE_SDP_ROLLBACK,
	TULLE_SDP_IMPLICIT /* setLocalDescription() */
} tulle_sdp_type;
typedef enum {
	TULLE_SIGNALING_STABLE,
	TULLE_SIGNALING_HAVE_LOCAL_OFFER,
	TULLE_SIGNALING_HAVE_REMOTE_OFFER,
	TULLE_SIGNALING_HAVE_LOCAL_PRANSWER,
	TULLE_SIGNALING_HAVE_REMOTE_PRANSWER,
	TULLE_SIGNALING_CLOSED
} tulle_signaling_state;
typedef enum {
	TULLE_GATHERING_NEW,
	TULLE_GATHERING_GATHERING,
	TULLE_GATHERING_COMPLETE
} tulle_gathering_state;
typedef enum {
	TULLE_CONNECTION_NEW,
	TULLE_CONNECTION_CONNECTING,
	TULLE_CONNECTION_CONNECTED,
	TULLE_CONNECTION_DISCONNECTED,
	TULLE_CONNECTION_FAILED,
	TULLE_CONNECTION_CLOSED
} tulle_connection_state;
typedef enum {
	TULLE_CHANNEL_CONNECTING,
	TULLE_CHANNEL_OPEN,
	TULLE_CHANNEL_CLOSING,
	TULLE_CHANNEL_CLOSED
} tulle_channel_state;
typedef enum {
	TULLE_PRIORITY_VERY_LOW = 1,
	TULLE_PRIORITY_LOW,
	TULLE_PRIORITY_MEDIUM,
	TULLE_PRIORITY_HIGH
} tulle_priority; /* RFC 8831 6.4: 128, 256, 512, 1024; 0: low */

typedef enum {
	TULLE_PEER_NEGOTIATION_NEEDED = 1,
	TULLE_PEER_ICE_CANDIDATE,
	TULLE_PEER_SIGNALING_STATE,
	TULLE_PEER_GATHERING_STATE,
	TULLE_PEER_ICE_STATE,
	TULLE_PEER_CONNECTION_STATE,
	TULLE_PEER_CHANNEL /* the remote made one */,
	TULLE_PEER_OPEN,
	TULLE_PEER_MESSAGE,
	TULLE_PEER_BUFFERED_LOW,
	TULLE_PEER_CLOSING,
	TULLE_PEER_CLOSE,
	TULLE_PEER_ERROR,
	TULLE_PEER_ICE_CANDIDATE_ERROR, /* a STUN or TURN server gave none, or its relay is lost */
} tulle_peer_event_kind; /* of one channel: CHANNEL, OPEN, MESSAGE..., CLOSING, CLOSE. A local
			    tulle_peer_close gives none, as W3C */

typedef enum { /* RTCErrorDetailType */
	TULLE_DETAIL_DATA_CHANNEL_FAILURE = 1,
	TULLE_DETAIL_DTLS_FAILURE,
	TULLE_DETAIL_FINGERPRINT_FAILURE,
	TULLE_DETAIL_SCTP_FAILURE /* sctp_cause: RFC 9260 3.3.10 */
} tulle_error_detail;

typedef struct { /* candidate: "candidate:..."; "" ends a generation (Firefox and W3C send it) */
	tulle_text candidate, mid, username_fragment;
	int32_t mline_index; /* -1: absent */
} tulle_candidate;

typedef struct { /* valid until the listener returns, or the next tulle_peer_next_event, _step,
		    _handle */
	tulle_peer_event_kind kind;
	tulle_channel channel;
	void *channel_user;
	union {
		tulle_candidate candidate;
		struct {
			tulle_bytes data; /* ptr is never NULL */
			bool is_text, first, last;
			bool broken; /* with last and no data: the sender gave the rest up (a bound
					of retransmissions or a lifetime); streamed_messages only */
		} message;           /* first and last both, unless streamed_messages */
		struct {
			tulle_err code;
			tulle_error_detail detail;
			tulle_text text;
			uint16_t sctp_cause;
			uint8_t tls_alert;
		} error;
		struct { /* code: of STUN or TURN; 701: no answer, no such name, no way there */
			tulle_text url, text;
			tulle_addr local, server; /* family 0: not known */
			uint16_t code;
		} candidate_error;
		int state; /* the enum that the kind names */
	} u;
} tulle_peer_event;
typedef void (*tulle_peer_listener)(tulle_peer *, const tulle_peer_event *, void *user);

typedef struct { /* all zero is good; (defaults) */
	tulle_peer_listener listener;
	void *user; /* given here, so that no event can precede it; NULL: polled */
	tulle_ice_options ice;
	tulle_certificate *certificate; /* (made at create) */
	uint16_t channels_max;          /* (65535; memory follows what is open) */
	uint16_t datagram_bytes_max; /* (1472) how far RFC 8899 looks for larger ones, from 1200 */
	size_t send_bytes_max, receive_bytes_max,
		message_bytes_max; /* (4 MiB, 4 MiB, 256 KiB: a=max-message-size) */
	bool no_sped; /* (false) DTLS may begin within ICE's checks: a round trip less towards who
			 has sped in a=ice-options */
	bool no_snap; /* (false) descriptions carry our SCTP INIT: two round trips less towards who
			 knows a=sctp-init, nothing towards others */
	bool streamed_messages; /* deliver parts as they come in order: a message may exceed every
				   buffer */
	bool (*candidate_filter)(void *user, const tulle_addr *remote);
	void *filter_user; /* (all but multicast, unspecified, loopback unless ice.loopback) */
	tulle_log log;
} tulle_peer_config;

typedef struct { /* RTCDataChannelInit; zero: ordered, reliable, in-band */
	bool unordered, negotiated, has_max_retransmits, has_max_packet_lifetime;
	uint16_t id;
	uint32_t max_retransmits, max_packet_lifetime_ms; /* as wide as RFC 8832 has them */
	tulle_priority priority;
	const char *protocol;
	void *user;
} tulle_channel_init;

/* -- connection; text out of a call goes to (dst, cap): *len is what it takes, TULLE_ERR_TOO_SMALL
 * writes nothing; no NUL is counted, one is added if it fits -- */
TULLE_API tulle_err tulle_peer_create_offer(
	tulle_peer *, bool ice_restart, char *dst, size_t cap, size_t *len);
TULLE_API tulle_err tulle_peer_create_answer(tulle_peer *, char *dst, size_t cap, size_t *len);
TULLE_API tulle_err tulle_peer_set_local(tulle_peer *, tulle_sdp_type, const char *sdp,
	size_t len); /* IMPLICIT, ROLLBACK: NULL, 0 */
TULLE_API tulle_err tulle_peer_set_remote(tulle_peer *, tulle_sdp_type, const char *sdp,
	size_t len); /* an offer in have-local-offer rolls back, as W3C */
TULLE_API tulle_err tulle_peer_add_candidate(
	tulle_peer *, const tulle_candidate *); /* before set_remote: TULLE_ERR_STATE */
TULLE_API tulle_sdp_type tulle_peer_local(
	const tulle_peer *, bool pending, tulle_text *sdp); /* 0: none; text lives as an event */
TULLE_API tulle_sdp_type tulle_peer_remote(const tulle_peer *, bool pending, tulle_text *sdp);
TULLE_API tulle_err tulle_peer_restart_ice(tulle_peer *); /* NEGOTIATION_NEEDED follows. It comes
	by itself when the path in use goes away and none is left, or when one comes after the
	end of candidates was told. FAILED is the end, unless an
	offer that restarts is out by then */
TULLE_API tulle_signaling_state tulle_peer_signaling(const tulle_peer *);
TULLE_API tulle_gathering_state tulle_peer_gathering(const tulle_peer *);
TULLE_API tulle_ice_state tulle_peer_ice(const tulle_peer *);
TULLE_API tulle_connection_state tulle_peer_connection(const tulle_peer *);
TULLE_API size_t tulle_peer_fingerprint(
	const tulle_peer *, bool remote, uint8_t sha256[32]); /* 32, or 0 before it is proven */
TULLE_API tulle_err tulle_peer_set_listener(tulle_peer *, tulle_peer_listener, void *user);
TULLE_API const tulle_peer_event *tulle_peer_next_event(tulle_peer *); /* polled peers */
TULLE_API void tulle_peer_close(
	tulle_peer *);              /* W3C close(): ABORT and close_notify go out, no event */
typedef struct {                    /* how it was set up */
	bool snap;                  /* the INITs of the descriptions served: SCTP said none */
	bool sped;                  /* both descriptions have it */
	uint32_t sped_in, sped_out; /* DTLS datagrams in checks and answers: first sights, sends */
	tulle_time rtt_us;          /* of the path in use; 0: none yet */
	tulle_ice_type local_type, remote_type; /* of the path in use; 0: none. What a server saw
						   of ours is checked from its base, a host */
	bool tcp;                               /* it is a stream */
} tulle_peer_setup;
TULLE_API void tulle_peer_read_setup(const tulle_peer *, tulle_peer_setup *);
/* As tulle_ice_read_pair: why it works, or does not. Of an address that nobody told (W3C
 * webrtc-stats) all but family and port is zero. */
TULLE_API bool tulle_peer_read_pair(const tulle_peer *, size_t index, tulle_ice_pair_stats *);
TULLE_API uint64_t tulle_peer_drops(const tulle_peer *, tulle_drop);
TULLE_API const char *tulle_peer_why(const tulle_peer *);

/* -- data channels -- */
TULLE_API tulle_err tulle_channel_create(
	tulle_peer *, const char *label, const tulle_channel_init *, tulle_channel *out);
TULLE_API tulle_err tulle_channel_send_text(
	tulle_peer *, tulle_channel, const char *utf8, size_t len);
TULLE_API tulle_err tulle_channel_send_bytes(tulle_peer *, tulle_channel, const void *, size_t len);
TULLE_API tulle_err tulle_channel_send_part(
	tulle_peer *, tulle_channel, bool text, const void *, size_t len, size_t *taken, bool last);
/* send_*: whole or TULLE_WOULD_BLOCK, then BUFFERED_LOW (also when the pool refused and nothing is
 * buffered). send_part: takes what fits; one message at a time on a channel. TOO_LARGE: larger than
 * the remote takes, or the last byte that it takes without being the last part. */
TULLE_API tulle_err tulle_channel_close(
	tulle_peer *, tulle_channel); /* what was taken is delivered first (W3C closing procedure);
					 STATE in the middle of a message that send_part gives.
					 CLOSE follows when the remote closed it as well, or 10 s
					 after all of ours arrived when it does not */
TULLE_API tulle_err tulle_channel_pause(tulle_peer *, tulle_channel, bool);
TULLE_API size_t tulle_channel_buffered(
	const tulle_peer *, tulle_channel); /* bufferedAmount: not yet handed to the network */
TULLE_API tulle_err tulle_channel_set_low(tulle_peer *, tulle_channel, size_t bytes);
TULLE_API tulle_channel_state tulle_channel_state_of(const tulle_peer *, tulle_channel);
TULLE_API tulle_err tulle_channel_describe(const tulle_peer *, tulle_channel, tulle_text *label,
	tulle_channel_init *init); /* texts live as an event; of long ones the first kilobyte */
TULLE_API tulle_err tulle_channel_text(
	const tulle_peer *, tulle_channel, bool protocol, char *dst, size_t cap, size_t *len);
TULLE_API tulle_err tulle_channel_set_user(tulle_peer *, tulle_channel, void *);
TULLE_API size_t tulle_peer_send_max(const tulle_peer *);
TULLE_API uint16_t tulle_peer_channels_max(
	const tulle_peer *); /* maxChannels: ids below it; 0 before SCTP is up */

/* -- without an operating system -- */
TULLE_API size_t tulle_peer_memory_bytes(const tulle_peer_config *);
TULLE_API tulle_peer *tulle_peer_init(
	void *memory, size_t bytes, const tulle_peer_config *, tulle_random, tulle_time now);
TULLE_API void tulle_peer_wipe(tulle_peer *);
TULLE_API bool tulle_peer_owns(const tulle_peer *,
	const tulle_in *); /* for one port under many peers: address, else ufrag */
TULLE_API void tulle_peer_handle(tulle_peer *, tulle_time now, const tulle_in *);
TULLE_API bool tulle_peer_poll(
	tulle_peer *, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *);
TULLE_API tulle_time tulle_peer_poll_timeout(const tulle_peer *);
TULLE_API void tulle_peer_dispatch(tulle_peer *);
#ifdef __cplusplus
}
#endif
#endif
