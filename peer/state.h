/* SPDX-License-Identifier: MIT */
/* peer: the state of one connection and of its channels, for the files of this room alone. */
#ifndef TULLE_PEER_STATE_H
#define TULLE_PEER_STATE_H
#include "dtls/dtls.h"
#include "ice/ice.h"
#include "mdns/mdns.h"
#include "peer/dcep.h"
#include "peer/limits.h"
#include "peer/peer.h"
#include "peer/servers.h"
#include "sctp/sctp.h"

#include <tulle/sdp.h>
#include <tulle/stun.h>

typedef struct {
	uint32_t id, mtu;
	tulle_addr local;
	uint16_t tcp_port; /* where streams come to; 0: nowhere */
} peer_path;

/* What poll_event has yet to say of a channel, in the order in which it is said. */
enum {
	SAY_CHANNEL = 1,
	SAY_OPEN = 2,
	SAY_LOW = 4,
	SAY_CLOSING = 8,
	SAY_ERROR = 16,
	SAY_CLOSE = 32,
};

/* Why a channel ended with an error; 0: it ended with its connection. */
typedef enum {
	PEER_FAILED_CONNECTION,
	PEER_FAILED_REFUSED, /* a reset came in the place of the ACK */
	PEER_FAILED_NO_ID,   /* none is free, or the remote has not so many streams */
	PEER_FAILED_RULES,   /* the remote broke them */
	PEER_FAILED_RESET,   /* the remote does not let its stream be closed */
	PEER_FAILED_KINDS,
} peer_failed;

/* Label and protocol, one behind the other; what is longer than one block has the protocol in
 * blocks of its own. */
typedef struct {
	uint8_t *blocks; /* NULL: inline; a chain, by their first bytes */
	char inlined[PEER_CHANNEL_TEXT_INLINE];
	uint16_t label_len, protocol_len, further; /* blocks behind the first */
} peer_text;

typedef struct peer_channel {
	tulle_channel handle; /* serial << 17 | slot; 0: the slot is free */
	void *user;
	struct peer_channel *next_said, *next_due, *next_wanting, *next_late, *prev_late;
	tulle_time late_at; /* waits for the remote's reset until then */
	peer_text text;
	uint64_t parts_bytes; /* of the message that send_part is in */
	size_t low;           /* as W3C's bufferedAmountLowThreshold */
	uint32_t max_retransmits, max_lifetime_ms, utf8, open_sent;
	uint16_t stream, priority;
	uint8_t say, state, error; /* error: a peer_failed */
	bool unordered, negotiated, has_max_retransmits, has_max_lifetime;
	bool has_stream, by_remote, acked; /* acked: unordered data may go out, RFC8832:6 */
	bool due_open, due_ack, due_reset; /* waits for room in SCTP */
	bool said_linked, due_linked, late_linked;
	bool holds; /* CLOSED, but its stream is not free: the remote never reset it */
	bool in_parts, parts_text; /* send_part is under way */
	bool reset_out, reset_in;  /* done */
	bool wants_low, paused;    /* a send was refused */
} peer_channel;

/* An OPEN that comes in parts: RFC8832:5.1 lets it be 131082 bytes. */
typedef struct {
	uint8_t head[DCEP_OPEN_HEAD_BYTES];
	size_t got;
	uint32_t utf8;
	tulle_drop drop; /* why it is refused */
	dcep_message message;
	peer_text text;
} peer_opening;

#define SLOT_BITS 17
#define CHANNELS_PER_BLOCK_MAX 16

/* Slots 0..3 stand here; further ones, and the map from stream to slot, in blocks of the pool. */
typedef struct {
	peer_channel first[PEER_CHANNELS_INLINE];
	void **slots;         /* a block of pointers to blocks of pointers to blocks of channels */
	void **streams;       /* likewise, to blocks of uint32_t */
	uint32_t count, high; /* open; slots ever used */
	uint32_t free_slot;   /* a hint: none below is free */
	uint64_t serial;
	uint32_t next_stream; /* likewise, of our parity */
	peer_channel *said_first, *said_last, *due_first, *due_last;
	peer_channel *late_first, *late_last; /* our direction is reset, the remote's is not */
	peer_channel *wanting;                /* a send was refused: they hear of room */
	uint32_t further_blocks;              /* of long texts */
	bool ids_once;                        /* the remote resets no streams: an id serves once */
	peer_opening opening;
} peer_channels;

typedef struct {
	tulle_sdp_type type; /* 0: none */
	uint64_t version;    /* of o=: ours is written anew from it */
	uint16_t len;        /* of the remote's text */
	bool restart;        /* ours: it has the credentials of the restart that waits */
} peer_description;

/* SNAP: both INITs, as the descriptions have them. */
typedef struct {
	uint8_t ours[PEER_INIT_BYTES], theirs[PEER_INIT_BYTES];
	uint16_t ours_len, theirs_len; /* 0: none; theirs is kept only once it was agreed */
} peer_snap;

/* SPED: DTLS on ICE's checks. */
typedef struct {
	bool agreed, on; /* in both descriptions; and not over yet */
	bool quiet;      /* the flight is acknowledged, or there is none */
	uint8_t ack_count, ack_next, turn;
	uint32_t acks[PEER_SPED_ACKS]; /* CRC-32 of what came */
	uint8_t ack_bytes[4 * PEER_SPED_ACKS];
	uint32_t in, out;         /* datagrams */
	uint32_t flight;          /* DTLS's number of it */
	uint16_t acked, embedded; /* its datagrams, a bit each */
} peer_sped;

/* A remote candidate that waits for its name's address. */
typedef struct {
	bool used, asked;
	uint32_t id;
	tulle_time due_at;
	uint16_t len, ufrag_len;
	char candidate[PEER_NAME_CANDIDATE], ufrag[PEER_NAME_UFRAG];
} peer_name;

/* The end of candidates of a description, which waits for those before it. */
typedef struct {
	bool used;
	uint16_t ufrag_len;
	char ufrag[PEER_NAME_UFRAG];
} peer_name_end;

typedef struct {
	uint32_t id;                          /* 0: free */
	uint32_t granted, delivered, allowed; /* bytes in: at a time, in all, told to the host */
	tulle_path path;
	size_t room;      /* that the host still takes */
	tulle_time until; /* it must be proven by then; NEVER: it is, or ICE has its time */
	uint8_t packets;  /* that proved nothing */
	bool accepted, open, proven; /* open: what is written goes; proven: ICE has validated it */
	bool connect_due, room_due;
	tulle_ice_frames frames;
} peer_stream;

typedef struct {
	peer_stream list[PEER_STREAMS_MAX];
	uint32_t ended[PEER_STREAMS_ENDED]; /* the host is to hear of it */
	size_t ended_count;
	uint8_t packets[PEER_STREAMS_MAX][PEER_STREAM_PACKET]; /* that came in pieces */
} peer_streams;

struct tulle_peer {
	tulle_peer_config config;
	tulle_peer_env env;
	tulle_peer_listener listener;
	void *user, *memory;
	tulle_certificate *certificate;
	tulle_pool_account account; /* of channels */
	tulle_ice *ice;
	tulle_dtls *dtls;
	tulle_sctp *sctp;
	tulle_ready_node ready;
	tulle_time now;

	/* Signaling: RFC9429:3.2 */
	tulle_signaling_state signaling;
	peer_description local_current, local_pending, remote_current, remote_pending;
	uint8_t remote_slot; /* of remote_text: the current one's; the pending one has the other */
	uint64_t session_id, session_version;
	tulle_sdp_setup setup; /* ours, once an answer was made or taken */
	bool transport_set;    /* the remote's credentials and fingerprints are in the engines */
	bool negotiation_needed, data_negotiated, offered;
	bool restart_wanted;  /* the next offer restarts ICE: W3C's LocalIceCredentialsToReplace */
	bool restarting;      /* an offer of ours does, its answer is not here */
	bool path_lost;       /* the remote is asked for a restart, once */
	bool remote_restarts; /* an offer of the remote does, its answer is not made */
	uint64_t remote_message_max;
	peer_snap snap;
	peer_sped sped;
	tulle_dtls_fingerprint fingerprints[TULLE_SDP_FINGERPRINTS_MAX];
	size_t fingerprint_count;
	char mid[32];
	uint8_t mid_len;

	peer_name names[PEER_NAMES_MAX];
	peer_name_end name_ends[PEER_NAME_ENDS_MAX];
	tulle_peer_hiding *hiding, own_hiding;
	uint32_t name_serial; /* without one that the owner's peers share */
	peer_path paths[PEER_PATHS_MAX];
	uint8_t path_count;
	bool paths_known, gathering_begun, gathered, was_gathered; /* before a restart */
	peer_streams *streams;                     /* in the block; NULL: no ICE-TCP */
	tulle_peer_servers *servers, *own_servers; /* NULL: none; own: in the block */
	uint32_t servers_seen, errors_seen;
	peer_path relays[PEER_RELAYS_MAX];
	uint8_t relay_count;

	bool dtls_started, dtls_open, sctp_open, closed, close_sent, was_connected;
	tulle_ice_state ice_said;
	tulle_connection_state connection_said;
	tulle_signaling_state signaling_said;
	tulle_gathering_state gathering_said;
	tulle_peer_ended ended;
	uint16_t sctp_cause;
	uint8_t tls_alert;
	uint64_t drops[TULLE_DROP_COUNT];

	peer_channels channels;
	tulle_peer_event event;
	size_t assembled;
	uint8_t *assembly;     /* message_bytes_max: of a message that comes in parts; NULL: none is
				  under way */
	uint32_t text_state;   /* UTF-8 of a text that comes in parts */
	uint8_t *own_assembly; /* in the block; NULL: the owner lends one */
	bool assembly_shared, assembly_done;
	tulle_datagram carried; /* a sealed packet that did not fit the last run; len 0: none */
	tulle_path path;        /* SCTP's */
	uint8_t asked[TULLE_STUN_ID_BYTES]; /* of the request in the last output */
	bool has_asked;
	uint8_t carry[PEER_MTU_MAX];
	char why[128];
	char text[PEER_LOCAL_SDP_BYTES]; /* our description, written when asked for */
	char remote_text[2][PEER_SDP_BYTES_MAX];
};

/* peer.c */
tulle_err tulle_peer_fail(tulle_peer *peer, tulle_err err, const char *why);
void tulle_peer_mark(tulle_peer *peer);
void tulle_peer_count(tulle_peer *peer, tulle_drop drop);
/* signaling.c: our description of this kind, version, and ICE generation into peer->text; 0: it
 * does not fit. */
size_t tulle_peer_write_local(tulle_peer *peer, const peer_description *description);
/* restart.c */
bool tulle_peer_offer_restarts(const tulle_peer *peer, bool asked);
tulle_err tulle_peer_set_restart(tulle_peer *peer, bool restart); /* of our offer */
tulle_err tulle_peer_judge_restart(tulle_peer *peer, const tulle_sdp *remote, bool offer);
void tulle_peer_expect_restart(tulle_peer *peer, const tulle_sdp *offer);
tulle_err tulle_peer_set_credentials(tulle_peer *peer, const tulle_sdp *remote);
void tulle_peer_roll_restart_back(tulle_peer *peer);
void tulle_peer_watch_paths(tulle_peer *peer, tulle_ice_state ice);
/* snap.c: our INIT as a=sctp-init has it, into buf; len 0: it does not stand in such a description.
 */
tulle_text tulle_peer_snap_write(
	tulle_peer *peer, const tulle_sdp *offer, char buf[PEER_INIT_TEXT_BYTES]);
tulle_err tulle_peer_snap_judge(tulle_peer *peer, const tulle_sdp *remote);
void tulle_peer_snap_take(tulle_peer *peer, const tulle_sdp *remote);
tulle_err tulle_peer_snap_connect(tulle_peer *peer); /* SCTP begins, with or without INITs */
/* sped.c */
tulle_text tulle_peer_sped_options(
	const tulle_peer *peer, const tulle_sdp *offer, char buf[PEER_OPTIONS_BYTES]);
bool tulle_peer_sped_wants_passive(const tulle_peer *peer, const tulle_sdp *offer);
void tulle_peer_sped_take(tulle_peer *peer, const tulle_sdp *remote);
void tulle_peer_sped_handle(tulle_peer *peer, tulle_drop drop); /* what ICE said of a datagram */
void tulle_peer_sped_heard(tulle_peer *peer, tulle_bytes datagram);
void tulle_peer_sped_offer(tulle_peer *peer); /* before ICE is polled */
void tulle_peer_sped_sent(tulle_peer *peer);  /* after it gave a datagram */
/* events.c */
void tulle_peer_release_assembly(tulle_peer *peer);
/* names.c: every remote candidate, and the end of them (""), of the description with this ufrag. */
tulle_drop tulle_peer_take_remote(tulle_peer *peer, tulle_text candidate, tulle_text ufrag);
void tulle_peer_name_resolved(tulle_peer *peer, const tulle_in *in);
bool tulle_peer_poll_name(tulle_peer *peer, tulle_out *out);
/* An interface address becomes a candidate, hidden when the config says so; and is none any more.
 */
void tulle_peer_add_path(tulle_peer *peer, const peer_path *path);
void tulle_peer_forget_name(tulle_peer *peer, uint32_t path);
void tulle_peer_names_late(tulle_peer *peer);
tulle_time tulle_peer_names_timeout(const tulle_peer *peer);
/* runs.c: SCTP's next packets for this path. */
void tulle_peer_set_out(tulle_out *out, const tulle_path *path, const uint8_t *data, size_t len);
bool tulle_peer_poll_sctp(
	tulle_peer *peer, const tulle_path *path, uint8_t *scratch, size_t bytes, tulle_out *out);
/* transport.c: drives the engines as far as they go. */
void tulle_peer_advance(tulle_peer *peer);
void tulle_peer_end(tulle_peer *peer, tulle_peer_ended why);
tulle_drop tulle_peer_handle_datagram(tulle_peer *peer, const tulle_in *in);
/* streams.c: those of an interface's path become candidates beside it. */
void tulle_peer_add_tcp_paths(tulle_peer *peer, const peer_path *path, tulle_text name);
bool tulle_peer_streams_want(tulle_peer *peer); /* true: poll again */
void tulle_peer_streams_handle(tulle_peer *peer, const tulle_in *in);
bool tulle_peer_owns_stream(const tulle_peer *peer, uint32_t id);
size_t tulle_peer_streams_room(const tulle_peer *peer, const tulle_path *path);
/* A packet at `at`, on a stream's path, becomes a frame in it: the two bytes before it are
 * overwritten. Others may follow it (segment is the first one's length), in frames already. False:
 * all is lost. */
bool tulle_peer_streams_wrap(tulle_peer *peer, uint8_t *at, tulle_out *out);
bool tulle_peer_streams_poll(tulle_peer *peer, tulle_out *out);
void tulle_peer_streams_due(tulle_peer *peer);
tulle_time tulle_peer_streams_timeout(const tulle_peer *peer);
void tulle_peer_streams_leave(tulle_peer *peer, uint32_t path); /* an interface's; 0: all */
void tulle_peer_streams_check(const tulle_peer *peer);
/* gathering.c */
void tulle_peer_begin_gathering(tulle_peer *peer);
void tulle_peer_tell_gathered(tulle_peer *peer); /* when paths and servers have no more to come */
void tulle_peer_take_servers(tulle_peer *peer);  /* what they found, if there is news */
void tulle_peer_permit_remotes(tulle_peer *peer);
const tulle_peer_event *tulle_peer_server_failed(tulle_peer *peer); /* NULL: none */
/* channels.c */
void tulle_peer_channel_assign(tulle_peer *peer, peer_channel *channel); /* its id; opens it */
void tulle_peer_channels_assign(tulle_peer *peer); /* the DTLS role is known, or SCTP is up */
void tulle_peer_channels_end(tulle_peer *peer, bool say, bool failed);
void tulle_peer_channel_due(tulle_peer *peer, peer_channel *channel);
void tulle_peer_channels_due(
	tulle_peer *peer); /* there is room for what DCEP and resets wait with */
void tulle_peer_channels_writable(tulle_peer *peer);
void tulle_peer_channel_want(tulle_peer *peer, peer_channel *channel); /* to hear of room */
void tulle_peer_channel_fail(tulle_peer *peer, peer_channel *channel, peer_failed why);
void tulle_peer_channel_reset_in(tulle_peer *peer, uint16_t stream);
void tulle_peer_channel_reset_out(tulle_peer *peer, uint16_t stream, bool ok);
void tulle_peer_channels_late(tulle_peer *peer); /* those that have waited long enough */
void tulle_peer_channel_low(tulle_peer *peer, uint16_t stream);
/* The remote may not use this stream so: our direction of it is reset. RFC8832:6 */
void tulle_peer_refuse_stream(tulle_peer *peer, uint16_t stream);
bool tulle_peer_find_stream(tulle_peer *peer, uint16_t *out); /* an id for a channel of ours */
void tulle_peer_channel_leave(tulle_peer *peer, peer_channel *channel); /* nothing more comes */
/* opening.c: DCEP */
tulle_err tulle_peer_send_open(tulle_peer *peer, peer_channel *channel);
tulle_err tulle_peer_send_ack(tulle_peer *peer, const peer_channel *channel);
tulle_drop tulle_peer_take_dcep(tulle_peer *peer, const tulle_sctp_event *event);
/* text.c */
bool tulle_peer_text_make(tulle_peer *peer, peer_text *text, size_t label, size_t protocol);
/* Bytes from `at` on, as many as lie together, at most len. */
tulle_bytes tulle_peer_text_at(
	const tulle_peer *peer, const peer_text *text, bool protocol, size_t at, size_t len);
void tulle_peer_text_put(const tulle_peer *peer, peer_text *text, bool protocol, size_t at,
	const void *data, size_t len);
void tulle_peer_text_free(tulle_peer *peer, peer_text *text);
/* table.c */
peer_channel *tulle_peer_table_add(tulle_peer *peer); /* NULL: no slot or no block */
void tulle_peer_table_remove(tulle_peer *peer, peer_channel *channel);
peer_channel *tulle_peer_table_find(const tulle_peer *peer, tulle_channel handle);
peer_channel *tulle_peer_table_by_stream(const tulle_peer *peer, uint16_t stream);
bool tulle_peer_table_set_stream(tulle_peer *peer, peer_channel *channel, uint16_t stream);
peer_channel *tulle_peer_table_at(const tulle_peer *peer, uint32_t slot); /* NULL: free */
void tulle_peer_table_leave_stream(tulle_peer *peer, peer_channel *channel);
/* In the list of those that wait for the remote's reset, or out of it. */
void tulle_peer_table_late(tulle_peer *peer, peer_channel *channel, bool late);
void tulle_peer_table_wipe(tulle_peer *peer);
void tulle_peer_say(tulle_peer *peer, peer_channel *channel, uint8_t what);
void tulle_peer_table_check(const tulle_peer *peer);
#endif
