/* SPDX-License-Identifier: MIT */
/* ice: the agent's state and what the files of this room ask of each other. Invariants are in
 * tulle_ice_check. Candidates and pairs are slots named by their index; `used` says which are. */
#ifndef TULLE_ICE_AGENT_H
#define TULLE_ICE_AGENT_H
#include <tulle/ice.h>
#include <tulle/stun.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/serial.h"
#include "base/text.h"
#include "ice/limits.h"

#define ICE_NONE UINT8_MAX /* no slot */
#define ICE_FORBIDDEN 403  /* RFC7675:5.2 */

typedef struct {
	tulle_addr addr;
	tulle_addr related;                     /* the base's, the relay's mapped one */
	uint32_t id, mtu, priority, foundation; /* id: of the base's path */
	uint32_t serial;                        /* the order of gathering: RFC8838:17 */
	uint16_t preference;
	uint8_t type, server, over, tcp;
	tulle_text name;   /* told in the place of the address; len 0: the address is */
	bool used, untold; /* untold: its event has not been polled */
} ice_local;

typedef struct {
	tulle_addr addr; /* scope 0: the path's local end has it */
	uint32_t priority, foundation;
	uint32_t ufrag; /* hash of the candidate's ufrag extension; 0: it has none */
	tulle_ice_type type;
	uint8_t tcp; /* 0: UDP */
	bool used;
	bool hidden; /* it came as a name: no server of ours hears the address */
	bool next;   /* of the generation that a restart will begin: in no pair */
} ice_remote;

/* As the face has them: RFC8445:6.1.2.6 */
#define ICE_FROZEN TULLE_ICE_PAIR_FROZEN
#define ICE_WAITING TULLE_ICE_PAIR_WAITING
#define ICE_IN_PROGRESS TULLE_ICE_PAIR_IN_PROGRESS
#define ICE_SUCCEEDED TULLE_ICE_PAIR_SUCCEEDED
#define ICE_FAILED TULLE_ICE_PAIR_FAILED
typedef tulle_ice_pair_state ice_pair_state;

typedef enum { ICE_NO_STREAM, ICE_STREAM_WANTED, ICE_STREAM_OPENING, ICE_STREAM_OPEN } ice_stream;

typedef struct {
	uint64_t priority;
	tulle_stun_transaction check;
	uint8_t cancelled[TULLE_STUN_ID_BYTES]; /* a late answer to it counts: RFC8445:7.3.1.4 */
	tulle_time answered;                    /* the last authentic answer */
	tulle_time rtt;
	uint32_t trigger; /* place in the triggered-check queue; 0: not in it */
	uint32_t bytes_in, bytes_out;
	uint16_t sent, answers; /* checks and what came, for the stats */
	uint16_t code;          /* of the last error answer */
	uint8_t refused;        /* why the last answer was no good: a tulle_drop */
	bool timed_out;
	uint16_t embedded; /* SPED's bytes in the check in flight */
	uint8_t local, remote;
	uint8_t stream; /* an ice_stream; of UDP: none */
	ice_pair_state state;
	bool used, valid, nominated;
	bool has_cancelled, cancelled_controlling;
	bool spent;               /* the cancelled one was answered */
	bool revoked;             /* by the remote; RFC7675:5.1: a restart alone gives it back */
	bool again;               /* triggered while its check was in flight */
	bool heard;               /* an authentic check came over it */
	bool late;                /* so it did after all was concluded: kept for worse times */
	bool nominate;            /* controlling: its next check carries USE-CANDIDATE */
	bool chosen;              /* so it did once, and was answered: the remote may be there */
	bool remote_nominates;    /* controlled: USE-CANDIDATE came, success will nominate it */
	bool checked_controlling; /* what the check in flight says of us */
	bool checked_nominate;
} ice_pair;

typedef struct { /* a check from before we knew the remote: RFC8445:7.3 */
	tulle_addr remote;
	uint32_t id, priority, bytes;
	bool nominate;
} ice_early;

typedef enum { ICE_CURRENT, ICE_NEXT, ICE_FORMER, ICE_STRANGE } ice_generation;

typedef struct {
	tulle_addr remote;
	uint8_t id[TULLE_STUN_ID_BYTES];
	uint8_t local, unknown_count;
	uint8_t generation; /* whose password it has */
	uint16_t code;      /* 0: success */
	bool authentic, sha256;
	uint16_t unknown[TULLE_STUN_UNKNOWN_MAX];
} ice_answer;

typedef struct {
	char ufrag[TULLE_ICE_UFRAG_BYTES], pwd[TULLE_ICE_PWD_BYTES];
} ice_names;

typedef struct { /* of one generation, both sides' */
	ice_names ours;
	char ufrag[ICE_UFRAG_MAX], pwd[ICE_PWD_MAX]; /* theirs */
	uint16_t ufrag_len, pwd_len;
} ice_keys;

typedef struct {
	tulle_time at, sent;   /* at: the next check */
	tulle_time unanswered; /* since when checks have gone unanswered */
	uint8_t ids[ICE_CONSENT_IDS][TULLE_STUN_ID_BYTES];
	uint32_t count;   /* checks since the pair took over: one in 4 s at most, no wrap */
	uint8_t spent;    /* a bit for each of ids: it was answered */
	bool controlling; /* what the last one says of us */
	bool doubted;     /* the remote nominated another pair: it has left this one, or not */
} ice_consent;

/* The pair that carries data when a restart begins goes on until the new generation has one:
 * RFC8445:9. Then its packets are still taken for a while, and no more. */
typedef struct {
	ice_keys keys;
	ice_consent consent;
	tulle_addr remote;
	tulle_time answered, rtt;
	tulle_time until; /* NEVER: it carries data */
	uint8_t local;    /* ICE_NONE: there is none */
} ice_former;

struct tulle_ice {
	tulle_ice_config config;
	tulle_time now;
	ice_local *locals;
	ice_remote *remotes;
	ice_pair *pairs;
	ice_early *early;
	ice_answer *answers; /* a ring */
	uint8_t local_slots, remote_slots, pair_slots, early_slots, answer_slots;
	tulle_time release_at;    /* tables that grew go back then, or when all is quiet */
	bool pruned;              /* pairs of what we know are missing: nothing needs them now */
	uint8_t signaled, learnt; /* remote candidates in use, by origin */
	bool controlling, paths_known, remote_ended, has_remote;
	uint64_t tie_breaker;
	ice_keys keys;
	ice_names next;          /* staged: drawn for a restart */
	uint32_t restart_serial; /* candidates from here on were never told of this generation */
	bool ended, was_ended;   /* our candidates' end was told; before the restart it was */
	uint32_t drawn;          /* how often names of ours were drawn */
	bool staged, restarting; /* restarting: they are told, the remote's are not yet known */
	bool expecting;          /* the remote restarts */
	uint32_t next_ended;     /* hash of the ufrag whose end of candidates came; 0: none. Before
				  * there is a remote: of whom remote_ended is; 0: of any */
	ice_former former;
	uint32_t next_foundation, next_trigger, next_serial, next_learnt;

	uint8_t data,
		selected; /* the pair that carries data; the nominated one (then both are it) */
	uint8_t burst;    /* checks that may still go unpaced */
	tulle_time next_check, last_activity;
	tulle_time waits;       /* no ordinary check before */
	tulle_time next_forget; /* of a learnt candidate, in favour of another */
	ice_consent consent;    /* of `data` */
	tulle_time leave_at;    /* streams of ours that were not nominated may go; NEVER: none is */
	bool lost;              /* the data path went away */

	uint8_t early_count, answer_first, answer_count, error_count;

	tulle_ice_state state;
	bool tell_state, tell_selected, tell_gathered, told_gathered;
	bool opaque_sent;                    /* the last datagram polled has opaque_dtls */
	tulle_bytes opaque_dtls, opaque_ack; /* out: the caller's */
	tulle_bytes got_dtls, got_ack;       /* in: of the last datagram, in it */
	char candidate[TULLE_ICE_CANDIDATE_BYTES];
	uint32_t drops[TULLE_DROP_COUNT];
};

/* tables.c: grow: false: that is all there may be, or there is no memory. Pointers into the table
 * are stale then. */
typedef enum {
	ICE_TABLE_PAIRS,
	ICE_TABLE_LOCALS,
	ICE_TABLE_REMOTES,
	ICE_TABLE_ANSWERS,
	ICE_TABLE_EARLY,
	ICE_TABLES
} ice_table;
size_t tulle_ice_block_bytes(const tulle_ice_config *config); /* with its defaults put in */
void tulle_ice_make_tables(tulle_ice *ice);
void tulle_ice_free_tables(tulle_ice *ice);
bool tulle_ice_grow(tulle_ice *ice, ice_table table);
bool tulle_ice_grow_for_restart(tulle_ice *ice);
void tulle_ice_release_tables(tulle_ice *ice); /* if it is time: slots change */
tulle_time tulle_ice_release_timeout(const tulle_ice *ice);
void tulle_ice_check_tables(const tulle_ice *ice);

/* gather.c: find_local: the base with that path, never a server-reflexive one. */
uint8_t tulle_ice_find_local(const tulle_ice *ice, uint32_t id);
bool tulle_ice_is_base(const tulle_ice *ice, uint8_t local);

/* local.c: a text of ICE_FOUNDATION_CHARS holds the foundation. */
#define ICE_FOUNDATION_CHARS 10
tulle_ice_candidate tulle_ice_describe(const tulle_ice *ice, const ice_local *l, char *foundation);
bool tulle_ice_next_untold(tulle_ice *ice, tulle_text *candidate);

/* remote.c */
tulle_addr tulle_ice_normal_addr(const tulle_addr *addr);
bool tulle_ice_is_allowed(const tulle_ice *ice, const tulle_addr *remote);
uint8_t tulle_ice_find_remote(const tulle_ice *ice, uint8_t tcp, const tulle_addr *addr);
void tulle_ice_drop_remotes(tulle_ice *ice, bool next);
void tulle_ice_forget_unpaired(tulle_ice *ice);
uint8_t tulle_ice_learn_remote(
	tulle_ice *ice, uint8_t tcp, const tulle_addr *addr, uint32_t priority);
void tulle_ice_drop_other_generations(tulle_ice *ice);
uint32_t tulle_ice_hash_text(tulle_text t);

/* pair.c */
tulle_path tulle_ice_path_to(const tulle_ice *ice, uint8_t local, const tulle_addr *remote);
tulle_path tulle_ice_pair_path(const tulle_ice *ice, const ice_pair *p);
uint64_t tulle_ice_pair_priority(const tulle_ice *ice, const ice_pair *p);
uint8_t tulle_ice_find_pair(const tulle_ice *ice, uint8_t local, uint8_t remote);
uint8_t tulle_ice_add_pair(tulle_ice *ice, uint8_t local, uint8_t remote);
void tulle_ice_pair_local(tulle_ice *ice, uint8_t local);
bool tulle_ice_pair_remote(tulle_ice *ice, uint8_t remote);
void tulle_ice_restore_pairs(tulle_ice *ice);
void tulle_ice_sort_pairs(tulle_ice *ice);
void tulle_ice_unfreeze(tulle_ice *ice, const ice_pair *like);
uint8_t tulle_ice_next_ordinary(const tulle_ice *ice);
bool tulle_ice_is_better(const tulle_ice *ice, uint8_t local, tulle_ice_type remote);
bool tulle_ice_is_promising(const tulle_ice *ice, const ice_pair *p);
bool tulle_ice_has_active_pair(const tulle_ice *ice);

/* stream.c: other_end: the kind that a remote's candidate has opposite one of ours. */
uint8_t tulle_ice_other_end(const tulle_ice *ice, uint8_t local);
bool tulle_ice_may_open(const tulle_ice *ice, const ice_pair *p);
bool tulle_ice_lacks_stream(const tulle_ice *ice, const ice_pair *p);
void tulle_ice_want_stream(tulle_ice *ice, ice_pair *p);
tulle_time tulle_ice_streams_timeout(const tulle_ice *ice);

/* A check to be written. pair: SPED's bytes count for it; NULL: of them only an acknowledgement
 * goes.
 */
typedef struct {
	const ice_keys *keys;
	const ice_pair *pair;
	uint8_t local;
	bool controlling, nominate;
} ice_question;

/* check.c: the first gives the bytes of SPED in what it wrote. */
void tulle_ice_trigger(tulle_ice *ice, uint8_t pair);
void tulle_ice_count(uint16_t *counter);
size_t tulle_ice_poll_check(tulle_ice *ice, uint8_t *dst, size_t cap, uint8_t *pair);
tulle_drop tulle_ice_take_answer(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from);
void tulle_ice_expire_checks(tulle_ice *ice);
size_t tulle_ice_write_check(tulle_ice *ice, tulle_stun_writer *w, const ice_question *q);
size_t tulle_ice_write_opaque(
	tulle_ice *ice, tulle_stun_writer *w, uint8_t local, const ice_pair *pair);
void tulle_ice_keep_opaque(tulle_ice *ice, const tulle_stun_message *m);
void tulle_ice_switch_role(tulle_ice *ice, bool controlling);

/* server.c */
tulle_drop tulle_ice_take_request(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from);
void tulle_ice_learn(tulle_ice *ice, uint8_t local, const ice_early *check);
void tulle_ice_forget_answers(tulle_ice *ice, uint8_t local);
void tulle_ice_shift_answers(tulle_ice *ice, const uint8_t to[3]);
size_t tulle_ice_poll_answer(tulle_ice *ice, uint8_t *dst, size_t cap, tulle_path *path);

/* conclude.c */
void tulle_ice_nominate(tulle_ice *ice, uint8_t pair);
void tulle_ice_renominate(tulle_ice *ice);
void tulle_ice_reconsider(tulle_ice *ice);
void tulle_ice_return_to(tulle_ice *ice, uint8_t pair);
void tulle_ice_pair_works(tulle_ice *ice, uint8_t pair);
void tulle_ice_pair_fails(tulle_ice *ice, uint8_t pair);
void tulle_ice_pair_gone(tulle_ice *ice, uint8_t pair);
void tulle_ice_pair_revoked(tulle_ice *ice, uint8_t pair);
void tulle_ice_take_over(tulle_ice *ice, uint8_t except);
void tulle_ice_remote_nominates(tulle_ice *ice, uint8_t pair);
bool tulle_ice_is_settled(const tulle_ice *ice);
bool tulle_ice_is_stale(const tulle_ice *ice, uint8_t pair);
void tulle_ice_update_state(tulle_ice *ice);

/* consent.c */
void tulle_ice_start_consent(tulle_ice *ice);
void tulle_ice_reset_consent(ice_consent *consent);
size_t tulle_ice_poll_consent(tulle_ice *ice, uint8_t *dst, size_t cap, tulle_path *path);
bool tulle_ice_is_consent(const ice_consent *consent, const uint8_t id[TULLE_STUN_ID_BYTES]);
void tulle_ice_spend_consent(ice_consent *consent, const uint8_t id[TULLE_STUN_ID_BYTES]);
void tulle_ice_consent_answered(const tulle_ice *ice, ice_consent *consent, tulle_time *rtt);
bool tulle_ice_is_silent(const tulle_ice *ice, const ice_consent *consent);
void tulle_ice_doubt(tulle_ice *ice);
bool tulle_ice_is_in_vain(const tulle_ice *ice, const ice_consent *consent);
bool tulle_ice_is_expired(const tulle_ice *ice);
tulle_time tulle_ice_consent_timeout(const tulle_ice *ice);

/* restart.c */
bool tulle_ice_draw_names(const tulle_ice *ice, ice_names *names);
ice_generation tulle_ice_find_generation(const tulle_ice *ice, tulle_text ufrag);
tulle_bytes tulle_ice_own_pwd(const tulle_ice *ice, ice_generation generation);
bool tulle_ice_former_carries(const tulle_ice *ice);
bool tulle_ice_is_former(const tulle_ice *ice, uint8_t local, const tulle_addr *remote);
void tulle_ice_leave_former(tulle_ice *ice);
void tulle_ice_forget_former(tulle_ice *ice);
void tulle_ice_lose_former(tulle_ice *ice);
tulle_drop tulle_ice_take_former_answer(
	tulle_ice *ice, const tulle_stun_message *m, uint8_t local, const tulle_addr *from);
#endif
