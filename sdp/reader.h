/* SPDX-License-Identifier: MIT */
/* sdp: what is known while a description is read. */
#ifndef TULLE_SDP_READER_H
#define TULLE_SDP_READER_H
#include "sdp/lines.h"

/* The attributes of one level, session or section. */
typedef struct {
	tulle_text ufrag, pwd, ice_options, mid, sctp_init, tls_id;
	tulle_sdp_setup setup;
	uint64_t sctp_port, max_message_size;
	bool has_sctp_port, has_max_message_size, bundle_only, end_of_candidates;
	uint16_t candidate_count, fingerprint_count;
	tulle_sdp_fingerprint fingerprints[TULLE_SDP_FINGERPRINTS_MAX];
} sdp_attributes;

typedef struct {
	tulle_sdp *out;
	sdp_lines lines;
	sdp_attributes session, media;
	tulle_sdp_section section; /* the one being read */
	size_t section_at;
	int rank;      /* of the last line, in its level */
	unsigned seen; /* bits of RANK_V.. at session level */
	tulle_text groups[SDP_GROUPS_MAX];
	size_t group_count;
	tulle_text mids[TULLE_SDP_SECTIONS_MAX];
	tulle_err err;
} sdp_reader;

/* One a= line of the level that is being read; false: SYNTAX, unless r->err says otherwise. */
bool tulle_sdp_read_attribute(sdp_reader *r, tulle_text line);
#endif
