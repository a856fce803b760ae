/* SPDX-License-Identifier: MIT */
/* <tulle/sdp.h>: session descriptions of data channels (RFC 8866, 8839, 8841, 8842, 8843, 9429).
 * The reader hands out spans of its input and copies nothing; candidates are opaque to it. It is
 * one pass over lines, linear in the input; rules where descriptions differ are with each field. */
#ifndef TULLE_SDP_H
#define TULLE_SDP_H
#include <tulle/base.h>
#ifdef __cplusplus
extern "C" {
#endif

#define TULLE_SDP_FINGERPRINTS_MAX 4
#define TULLE_SDP_SECTIONS_MAX 32

typedef enum {
	TULLE_SETUP_NONE,
	TULLE_SETUP_ACTPASS,
	TULLE_SETUP_ACTIVE,
	TULLE_SETUP_PASSIVE,
	TULLE_SETUP_HOLDCONN
} tulle_sdp_setup; /* RFC8842:5 */

typedef struct {
	uint16_t hash;     /* 256, 384 or 512 */
	uint8_t bytes[64]; /* hash / 8 of them */
} tulle_sdp_fingerprint;

typedef enum {
	TULLE_SDP_MEDIA,  /* audio, video, an application that is not ours: an answer rejects it */
	TULLE_SDP_DATA,   /* UDP/DTLS/SCTP or TCP/DTLS/SCTP webrtc-datachannel: RFC8841:4 */
	TULLE_SDP_SCTPMAP /* the old DTLS/SCTP <port> with a=sctpmap */
} tulle_sdp_form;

typedef struct {
	tulle_sdp_form form;
	tulle_text media, proto, fmt; /* of the m= line; fmt: all formats, as written */
	tulle_text mid;               /* len 0: none */
	uint16_t port;
	bool rejected; /* port 0 without a=bundle-only: RFC9429:5.3.1 */
} tulle_sdp_section;

typedef struct {
	tulle_text input;
	uint32_t line; /* where reading stopped, from 1: the place of an error */
	tulle_text session_id;
	uint64_t session_version;
	uint16_t section_count;
	int16_t data_index; /* of our section among the m= lines: the first that is ours and not
			       rejected, else the first that is ours; -1: none */
	size_t data_at;     /* where its m= line stands in input */
	/* All below is of that section; from session level where it says nothing itself. */
	tulle_sdp_section data;
	bool bundled; /* a BUNDLE group names its mid */
	bool lite, trickle, ice2, end_of_candidates;
	tulle_text ufrag, pwd;        /* len 0: absent; 4..256 and 22..256 ice-chars, RFC8839:5.4 */
	tulle_text ice_options;       /* as written */
	tulle_sdp_setup setup;        /* NONE: absent */
	uint16_t sctp_port;           /* absent with form DATA is an error: RFC8841:5 */
	uint64_t max_message_size;    /* absent: 65536; 0: any size. RFC8841:6 */
	tulle_text sctp_init, tls_id; /* SNAP's base64; RFC8842:4; len 0: absent */
	uint16_t candidate_count;
	uint16_t fingerprint_count; /* of known hashes; the section's own replace the session's */
	tulle_sdp_fingerprint fingerprints[TULLE_SDP_FINGERPRINTS_MAX];
} tulle_sdp;

/* Reads all of input (offer or answer, CRLF or LF). The spans of *out point into it. Of an
 * attribute given twice in one place the first counts, except fingerprints and candidates. What a
 * description must have before it can be used (credentials, a fingerprint) is the caller's to ask.
 * SYNTAX: not a description, out->line says where; LIMIT: too many or too long lines, sections,
 * candidates. */
TULLE_API tulle_err tulle_sdp_read(tulle_text input, tulle_sdp *out);
/* The candidates of our section, in order, as "candidate:..."; *cursor starts at 0. */
TULLE_API bool tulle_sdp_next_candidate(
	const tulle_sdp *sdp, size_t *cursor, tulle_text *candidate);
/* All sections, in order. */
TULLE_API bool tulle_sdp_next_section(
	const tulle_sdp *sdp, size_t *cursor, tulle_sdp_section *section);

/* What we say about ourselves. */
typedef struct {
	uint64_t session_id;      /* below 2^63, random: RFC9429:5.2.1 */
	uint64_t session_version; /* one more for each description that differs */
	tulle_text mid;           /* offer only ("0" when empty) */
	tulle_text ufrag, pwd;
	tulle_text ice_options; /* ("trickle" when empty) */
	bool lite;              /* a=ice-lite */
	const tulle_sdp_fingerprint *fingerprints;
	size_t fingerprint_count;
	tulle_sdp_setup setup;        /* offer: NONE means actpass; answer: ACTIVE or PASSIVE */
	uint16_t sctp_port;           /* (5000) */
	uint64_t max_message_size;    /* 0: any size */
	tulle_text sctp_init;         /* len 0: not written */
	const tulle_text *candidates; /* with or without "candidate:" */
	size_t candidate_count;
	bool end_of_candidates;
	const tulle_addr *default_addr; /* for m= and c=; NULL: port 9 and 0.0.0.0 */
} tulle_sdp_local;

/* What an offer with one data section looks like: RFC9429:5.2.1. *len: its bytes (no NUL is
 * written). Errors: ARGUMENT (no credentials, no fingerprint, text with a line end), TOO_SMALL. */
TULLE_API tulle_err tulle_sdp_write_offer(
	const tulle_sdp_local *local, char *dst, size_t cap, size_t *len);
/* The answer to an offer that was read and whose input still lives: as many m= lines in the same
 * order with the same mids; all but ours rejected by port 0; the form, mid and BUNDLE of the offer
 * are kept. ARGUMENT also: the offer has no data section, or setup is neither active nor passive.
 */
TULLE_API tulle_err tulle_sdp_write_answer(
	const tulle_sdp_local *local, const tulle_sdp *offer, char *dst, size_t cap, size_t *len);
#ifdef __cplusplus
}
#endif
#endif
