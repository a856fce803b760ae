/* SPDX-License-Identifier: MIT */
/* <tulle/ice.h>: an ICE agent (RFC 8445), one component, trickle (RFC 8838), consent (RFC 7675).
 * Sans-I/O: state lies in the caller's block, tables that grow come from config.allocator. It makes
 * host candidates of the paths that it is told of; who asks STUN and TURN servers gives it those
 * that they bring. Nothing on the way to the first valid pair waits for a timer. */
#ifndef TULLE_ICE_H
#define TULLE_ICE_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle_ice tulle_ice;

#define TULLE_ICE_DATAGRAM_BYTES 1232 /* what poll_datagram's dst must hold */
#define TULLE_ICE_CANDIDATE_BYTES 192 /* the longest candidate that we write */
#define TULLE_ICE_UFRAG_BYTES 8       /* of ours: 48 bits */
#define TULLE_ICE_PWD_BYTES 24        /* of ours: 144 bits */

typedef struct {          /* zero is good but for random; (defaults) */
	bool controlling; /* the initial role: the offerer controls, RFC8445:6.1.1 */
	bool loopback;    /* loopback addresses are candidates, ours and the remote's */
	bool relay_only;  /* only relayed candidates are told and checked from */
	bool lite; /* RFC8445:2.5: only answers checks; the remote is full, has a public way to us,
		      and decides. Host candidates alone make sense then (off) */
	bool no_renomination; /* the first nomination stands: see below (off) */
	bool tcp;             /* candidates of RFC 6544 take part, ours and the remote's (off) */
	bool opaque; /* keep attributes 0xC070/0xC071 of checks for the caller (SPED): off */
	tulle_random random; /* required */
	/* Where tables grow that the agent gives back when all is concluded. Without memory what
	 * does not fit is refused (LIMIT). alloc NULL: they lie in the block at their full size. */
	tulle_allocator allocator;
	/* Replaces the default judgement over a remote address (no loopback unless `loopback`, no
	 * reserved forms). Port 0, multicast and unspecified addresses are refused before it. */
	bool (*candidate_filter)(void *user, const tulle_addr *remote);
	void *filter_user;
	uint16_t local_candidates_max, remote_candidates_max,
		pairs_max; /* (24, 64, 100): the most */
} tulle_ice_config;

/* 0: a limit is above its default, or there is no random. */
TULLE_API size_t tulle_ice_memory_bytes(const tulle_ice_config *config);
/* An upper bound of memory_bytes, for static arrays. */
#define TULLE_ICE_MEMORY_BYTES_MAX 24576
/* Draws ufrag, password and tie-breaker. NULL: memory too small or misaligned (max_align_t), the
 * config out of range, or random failed. The config is copied. */
TULLE_API tulle_ice *tulle_ice_init(
	void *memory, size_t memory_bytes, const tulle_ice_config *config, tulle_time now);
/* Bytes that it holds now: its block, and what it has of the allocator. */
TULLE_API size_t tulle_ice_held_bytes(const tulle_ice *ice);
/* Zeroes the whole block, the passwords in it; what it has of the allocator goes back. */
TULLE_API void tulle_ice_wipe(tulle_ice *ice);

/* Ours, to be told: after restart the new ones. The texts live until the next call of restart,
 * rollback or set_remote. */
TULLE_API void tulle_ice_credentials(const tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd);
/* The remote's, once, and once after each restart. Candidates and checks that came earlier take
 * part from here on. lite: the remote has a=ice-lite, so we control (RFC8445:6.1.1). Errors:
 * ARGUMENT (ufrag not 4..256 or pwd not 22..256 ice-chars: RFC8839:5.4; only one of them is new;
 * both sides are lite), STATE (already set, with others, and no restart; with the same it is OK,
 * and no restart). */
TULLE_API tulle_err tulle_ice_set_remote(
	tulle_ice *ice, tulle_time now, tulle_text ufrag, tulle_text pwd, bool lite);
TULLE_API bool tulle_ice_has_remote(const tulle_ice *ice);
/* RFC8445:9: new credentials of ours, and all local candidates are told again, with GATHERING_DONE.
 * Everything goes on as it was until set_remote brings the remote's new ones; then the pair that
 * carries data does, with the former credentials, until the new generation has selected a pair. The
 * role stays. From FAILED it is the one way out. SYSTEM: random failed, MEMORY: for the tables;
 * nothing has changed then. */
TULLE_API tulle_err tulle_ice_restart(tulle_ice *ice, tulle_time now);
/* A path came when the end of candidates had been told: the remote learns of it by a restart only,
 * for which this asks (RFC8838:13). Until then it is checked, and may be found by that. */
TULLE_API bool tulle_ice_wants_restart(const tulle_ice *ice);
/* Before set_remote: the restart is off, the former credentials stand, and candidates that came for
 * what is off are forgotten. */
TULLE_API void tulle_ice_rollback(tulle_ice *ice, tulle_time now);
/* No check goes of itself before until; what the remote checks is checked back at once. For who has
 * two agents towards one remote and does not know yet which it will use. */
TULLE_API void tulle_ice_wait(tulle_ice *ice, tulle_time until);
/* Before set_remote: who answers an offer is controlled. Later it is a conflict's to change: STATE.
 */
TULLE_API tulle_err tulle_ice_set_role(tulle_ice *ice, bool controlling);
TULLE_API bool tulle_ice_is_controlling(const tulle_ice *ice);

/* An address of ours; local has its real port; mtu in bytes (0: unknown). Gives a LOCAL_CANDIDATE
 * event, unless the config leaves such addresses out (OK all the same). Errors: ARGUMENT (port 0,
 * unspecified, multicast), LIMIT (16 of them). The same id again replaces nothing: STATE. */
TULLE_API tulle_err tulle_ice_add_path(
	tulle_ice *ice, tulle_time now, uint32_t id, tulle_addr local, uint32_t mtu);

/* RFC6544:4.5, tcptype; 0: not TCP */
typedef enum {
	TULLE_ICE_TCP_ACTIVE = 1, /* opens streams */
	TULLE_ICE_TCP_PASSIVE,    /* takes them */
	TULLE_ICE_TCP_SO          /* of a remote's alone; passed over */
} tulle_ice_tcp;

/* An address of ours for streams, under an id of its own. ACTIVE: they are opened from there, from
 * any port; PASSIVE: they come to its port. Pairs are made of an ACTIVE one of ours and a PASSIVE
 * one of the remote's, and of streams that come: RFC6544:6.2. Errors as add_path; LIMIT: 8 of
 * them. */
TULLE_API tulle_err tulle_ice_add_tcp_path(
	tulle_ice *ice, tulle_time now, uint32_t id, tulle_ice_tcp tcp, tulle_addr local);
/* A stream that is to be opened for a check, from path->id's address to path->remote; one that is
 * open there already serves too. False: none. After each poll_datagram that gave none. */
TULLE_API bool tulle_ice_poll_stream(tulle_ice *ice, tulle_path *out);
/* It can be written to: its checks go. What goes and comes on such a path are packets, which the
 * caller frames by RFC 4571. Of an accepted stream nothing is said: its first check is enough. */
TULLE_API void tulle_ice_stream_opened(tulle_ice *ice, tulle_time now, const tulle_path *path);
/* It could not be opened, or it ended: its pair fails. When it carried data and is ours to open, it
 * is opened once more: RFC6544:11.1. */
TULLE_API void tulle_ice_stream_ended(tulle_ice *ice, tulle_time now, const tulle_path *path);
/* False: nothing is to come of this stream: when its pair is no more, or another was nominated 3 s
 * ago and we opened this one (RFC6544:8). The caller ends it and says so. */
TULLE_API bool tulle_ice_keeps_stream(const tulle_ice *ice, const tulle_path *path);

typedef enum { /* how the client speaks to its TURN server; the first is preferred */
	TULLE_ICE_OVER_UDP,
	TULLE_ICE_OVER_TCP,
	TULLE_ICE_OVER_TLS
} tulle_ice_over;

/* What a server brought. */
typedef struct {
	tulle_ice_type type; /* SRFLX or RELAY */
	/* SRFLX: of the path that it was asked from, the base. RELAY: a path of its own: what this
	 * agent gives for it goes through the allocation, what comes out of that has it too. */
	uint32_t id;
	tulle_addr addr;
	tulle_addr related;  /* RELAY: ours as the server saw it; family 0: not told */
	uint8_t server;      /* a number for it, or for its address: RFC8445:5.1.1.3 */
	tulle_ice_over over; /* RELAY */
	uint32_t mtu;        /* RELAY: what it leaves of a datagram, IP and UDP headers in it */
} tulle_ice_local;

/* Gives a LOCAL_CANDIDATE event. A SRFLX one is only told, its base is checked from already
 * (RFC8445:6.1.2.4). OK without one: redundant (RFC8445:5.1.3), or left out by the config. Errors:
 * ARGUMENT (type, port 0, unspecified, multicast, not the family of its base), STATE (no such
 * base, or the id of a RELAY is taken), LIMIT. */
TULLE_API tulle_err tulle_ice_add_candidate(
	tulle_ice *ice, tulle_time now, const tulle_ice_local *candidate);
/* A server-reflexive one that the NAT has changed. What was told cannot be taken back: checks to it
 * fail. */
TULLE_API void tulle_ice_remove_candidate(
	tulle_ice *ice, tulle_time now, uint32_t id, const tulle_addr *addr);
/* No more for now, the servers' included: GATHERING_DONE follows the last LOCAL_CANDIDATE. */
TULLE_API void tulle_ice_paths_known(tulle_ice *ice, tulle_time now);
/* An address of ours, with what servers saw of it, or a relay. Its pairs are gone with it; when the
 * selected one is among them the next best valid pair takes over, or the state becomes
 * DISCONNECTED. */
TULLE_API void tulle_ice_remove_path(tulle_ice *ice, tulle_time now, uint32_t id);

/* One candidate as signaled, with or without "a=" and "candidate:"; "" or "end-of-candidates" ends
 * them. TULLE_TAKEN also for what is already known and what is politely passed over (a component
 * other than 1). Before set_remote it is kept. Drops: ICE_CANDIDATE (not of RFC8839:5.1),
 * ICE_UNSUPPORTED (TCP without config.tcp or a tcptype, unknown transport or type, a name instead
 * of an address), ICE_GENERATION
 * (ufrag of another generation, or after the end), ICE_FILTERED, LIMIT. All are counted. */
TULLE_API tulle_drop tulle_ice_add_remote(tulle_ice *ice, tulle_time now, tulle_text candidate);

/* A datagram whose first byte is 0..3 (RFC7983:7). path->local is not looked at, its id is. Nothing
 * that is not authenticated changes anything, but that requests may be answered by an error. */
TULLE_API tulle_drop tulle_ice_handle_datagram(
	tulle_ice *ice, tulle_time now, const tulle_path *path, const uint8_t *data, size_t len);
TULLE_API void tulle_ice_handle_timeout(tulle_ice *ice, tulle_time now);
/* The next datagram into dst (at least TULLE_ICE_DATAGRAM_BYTES, or none comes); out->path says
 * where. False: none now. */
TULLE_API bool tulle_ice_poll_datagram(
	tulle_ice *ice, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out);
TULLE_API tulle_time tulle_ice_poll_timeout(const tulle_ice *ice);

typedef enum {
	TULLE_ICE_EVENT_LOCAL_CANDIDATE = 1, /* u.candidate: "candidate:...", in gathering order */
	TULLE_ICE_EVENT_GATHERING_DONE,
	TULLE_ICE_EVENT_STATE,   /* u.state: the state now; states passed meanwhile are not told */
	TULLE_ICE_EVENT_SELECTED /* u.selected: data goes here from now on (tulle_ice_path) */
} tulle_ice_event_kind;

typedef struct {
	tulle_ice_event_kind kind;
	union {
		tulle_text candidate; /* in the agent's buffer, until the next poll_event */
		tulle_ice_state state;
		struct {
			tulle_path path;
			uint32_t mtu;
			bool nominated;
		} selected;
	} u;
} tulle_ice_event;

TULLE_API bool tulle_ice_poll_event(tulle_ice *ice, tulle_ice_event *event);
TULLE_API void tulle_ice_check(const tulle_ice *ice);

/* Renomination: RFC8445:8.1.1 lets the controlling side nominate once. We nominate again when a
 * pair without a relay becomes valid after one with a relay was nominated, or one over UDP after a
 * stream, and only then; its priority is always higher, and with that every peer that was met takes
 * it (as those of RFC 5245, which may nominate several, of which the highest counts). Meanwhile
 * both sides go on checking such pairs. config.no_renomination is RFC 8445 to the letter. */
/* Where data goes: the first valid pair at once (RFC8445:12.1), the nominated one once there is
 * one. False: no valid pair, or no consent (RFC7675:5.1): send nothing. */
TULLE_API bool tulle_ice_path(const tulle_ice *ice, tulle_path *out);
/* An authenticated check came from there, or our own was answered: DTLS may be taken from it. */
TULLE_API bool tulle_ice_is_validated(const tulle_ice *ice, const tulle_path *path);
TULLE_API tulle_ice_state tulle_ice_get_state(const tulle_ice *ice);
/* Smoothed, microseconds, of the pair that carries data; 0: no sample yet. */
TULLE_API tulle_time tulle_ice_rtt(const tulle_ice *ice);
typedef enum {
	TULLE_ICE_PAIR_FROZEN,
	TULLE_ICE_PAIR_WAITING,
	TULLE_ICE_PAIR_IN_PROGRESS,
	TULLE_ICE_PAIR_SUCCEEDED,
	TULLE_ICE_PAIR_FAILED
} tulle_ice_pair_state; /* RFC8445:6.1.2.6 */

/* Why a pair works, or does not. Counts stop at 65535. */
typedef struct {
	tulle_ice_pair_state state;
	bool valid, nominated;
	bool heard; /* an authentic check of the remote's came over it */
	bool data;  /* it carries data */
	uint64_t priority;
	tulle_time rtt;                        /* 0: no sample */
	uint16_t checks_sent, checks_answered; /* retransmissions and consent among them */
	bool timed_out;     /* the last check that failed had no answer at all, */
	tulle_drop refused; /* or one that was no good, */
	uint16_t code;      /* or one with this error */
	tulle_ice_type local_type, remote_type;
	bool tcp;
	bool local_hidden,
		remote_hidden; /* nobody told the address: a name did, or nothing (PRFLX) */
	tulle_path path;
} tulle_ice_pair_stats;

/* The index-th pair, from 0, in no order; false: there are no more. A pair that made room for one
 * of higher priority, or that was given back when all was concluded, is not among them. */
TULLE_API bool tulle_ice_read_pair(const tulle_ice *ice, size_t index, tulle_ice_pair_stats *out);
/* How often a reason was returned (and, for candidates, counted). */
TULLE_API uint32_t tulle_ice_drops(const tulle_ice *ice, tulle_drop reason);

/* For many agents on one port. read_ufrag: the part of a Binding request's USERNAME before the
 * colon, the ufrag of the agent that it is for; false: it has none. It believes nothing: what
 * follows the name is not looked at, no integrity is checked. owns: it is this agent's.
 * owns_answer: a Binding answer to one of its checks, by transaction id. */
TULLE_API bool tulle_ice_read_ufrag(const uint8_t *data, size_t len, tulle_text *ufrag);
TULLE_API bool tulle_ice_owns(const tulle_ice *ice, tulle_text ufrag);
TULLE_API bool tulle_ice_owns_answer(const tulle_ice *ice, const uint8_t *data, size_t len);

/* SPED's place (config.opaque): these values go with every new check and answer as attributes
 * 0xC070 and 0xC071 when the message stays within the path's mtu, what is outstanding within 14,600
 * bytes (RFC8445:B.1), and what goes to an address that nobody signaled within three times what
 * came from it; {NULL, 0}: absent. Borrowed until set again. A retransmission carries them as they
 * are then. STATE: config.opaque is off. */
TULLE_API tulle_err tulle_ice_set_opaque(tulle_ice *ice, tulle_bytes dtls, tulle_bytes ack);
/* The last datagram polled carries what set_opaque gave as dtls. */
TULLE_API bool tulle_ice_opaque_sent(const tulle_ice *ice);
/* What the last datagram handled carried, when it was authentic; ptr NULL: absent. The values lie
 * in that datagram. False: neither, or config.opaque is off. */
TULLE_API bool tulle_ice_opaque(const tulle_ice *ice, tulle_bytes *dtls, tulle_bytes *ack);

/* The grammar of RFC8839:5.1, for tools and tests. */
typedef struct {
	tulle_text foundation;     /* 1..32 ice-chars */
	uint16_t component;        /* 1..256 */
	bool is_udp;               /* else another transport, named by */
	tulle_text transport;      /* as written */
	uint32_t priority;         /* 1..2^31-1 */
	tulle_text host;           /* as written */
	bool is_address;           /* addr holds it; else it is a name */
	tulle_addr addr;           /* with the port, also when it is a name */
	tulle_ice_type type;       /* 0: a type that we do not know */
	tulle_text ufrag, tcptype; /* extensions; len 0: absent */
	tulle_ice_tcp tcp;         /* 0: not TCP, or of no tcptype that there is */
	bool has_related;
	tulle_addr related; /* family 0: not an address */
} tulle_ice_candidate;

/* Spans point into text. ICE_CANDIDATE: not of the grammar. */
TULLE_API tulle_drop tulle_ice_read_candidate(tulle_text text, tulle_ice_candidate *out);
/* "candidate:..." without a line end; 0: does not fit. */
TULLE_API size_t tulle_ice_write_candidate(
	const tulle_ice_candidate *candidate, char *dst, size_t cap);
#ifdef __cplusplus
}
#endif
#endif
