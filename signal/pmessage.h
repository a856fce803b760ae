/* SPDX-License-Identifier: MIT */
/* signal: P's messages, read into spans and written: P-PROTOCOL.md. Strings inside stay JSON
 * strings, as written with their quotes, until tulle_json_decode. Invariant: what a relay forwards
 * (inner) is never looked into and never changed. */
#ifndef TULLE_SIGNAL_PMESSAGE_H
#define TULLE_SIGNAL_PMESSAGE_H
#include "json/json.h"
#include "signal/limits.h"

typedef enum {
	TULLE_SIGNAL_P_DIRECT = 0,
	TULLE_SIGNAL_P_RELAY = 6,   /* please relay to address */
	TULLE_SIGNAL_P_RELAYED = 7, /* from address */
} tulle_signal_p_kind;

typedef struct {
	tulle_signal_p_kind kind;
	tulle_text json;       /* DIRECT: the value; RELAY, RELAYED: inner; as written */
	uint8_t address_bytes; /* RELAY, RELAYED: 1..255, decoded, without NUL */
	char address[TULLE_SIGNAL_ADDRESS_MAX];
} tulle_signal_p;

/* One whole message. Elements beyond those of its kind are ignored, as the original does.
 * TULLE_DROP_JSON_SYNTAX: not JSON. _P_SYNTAX: not such an array. _P_TYPE: a kind that is none of
 * these. _P_ADDRESS: not a string of 1..255 bytes, with NUL, or with a lone surrogate. */
tulle_drop tulle_signal_read_p(tulle_text text, tulle_signal_p *out);

typedef enum {
	TULLE_SIGNAL_P_OFFER = 3,
	TULLE_SIGNAL_P_ANSWER = 4,
	TULLE_SIGNAL_P_CANDIDATE = 5,
} tulle_signal_p_inner_kind;

typedef struct {
	tulle_signal_p_inner_kind kind;
	bool tulle;            /* OFFER, ANSWER: carries the element {"tulle":1} */
	tulle_text sdp;        /* OFFER, ANSWER: a JSON string */
	tulle_text offer_data; /* OFFER: JSON as written, "null" when absent */
	/* CANDIDATE: JSON strings; "" (len 0) when absent or null */
	tulle_text candidate, mid, username_fragment;
	int32_t mline_index; /* -1: absent */
} tulle_signal_p_inner;

/* inner of a RELAYED message. TULLE_DROP_P_SYNTAX, TULLE_DROP_P_TYPE as above. */
tulle_drop tulle_signal_read_p_inner(tulle_text json, tulle_signal_p_inner *out);

/* Writers; w->bad when it does not fit or a text is not what it must be (json is not checked
 * again: the caller hands in what tulle_json_check accepted). */
void tulle_signal_write_p_direct(tulle_wr *w, tulle_text json);
void tulle_signal_write_p_relay(
	tulle_wr *w, tulle_signal_p_kind kind, tulle_text address, tulle_text inner);
/* offer_data: JSON; "" writes null. tulle: add the element. sdp is UTF-8, not JSON. */
void tulle_signal_write_p_offer(tulle_wr *w, tulle_text sdp, tulle_text offer_data, bool tulle);
void tulle_signal_write_p_answer(tulle_wr *w, tulle_text sdp, bool tulle);
/* All UTF-8. mid and username_fragment with ptr NULL are left out, mline_index -1 too. */
void tulle_signal_write_p_candidate(tulle_wr *w, tulle_text candidate, tulle_text mid,
	int32_t mline_index, tulle_text username_fragment);
#endif
