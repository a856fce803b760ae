/* SPDX-License-Identifier: MIT */
/* sdp: reading a description in one pass: RFC8866:5, RFC9429:5.8. Invariant: nothing reaches the
 * caller's structure as a description but after the last line was found good. */
#include "sdp/reader.h"

#include "base/panic.h"

/* RFC8866:5: the order of lines; r= comes with its t=. Small letters may come again. */
static const char order[] = "vosiuepcbtzka";
static const char once[] = "vosiuzk";

static bool has_char(const char *set, char c)
{
	for (; *set != '\0'; set++)
		if (*set == c)
			return true;
	return false;
}

static int rank_of(char type)
{
	if (type == 'r')
		type = 't';
	for (int i = 0; order[i] != '\0'; i++)
		if (order[i] == type)
			return i;
	return -1;
}

/* A field of o=, c=: RFC8866:5.2, 5.7 */
static bool read_place(tulle_text *rest)
{
	bool ok = tulle_text_is(tulle_text_split(rest, ' '), TULLE_TEXT("IN"));
	tulle_text type = tulle_text_split(rest, ' ');
	ok = ok &&
	     (tulle_text_is(type, TULLE_TEXT("IP4")) || tulle_text_is(type, TULLE_TEXT("IP6")));
	tulle_text address = tulle_text_split(rest, ' ');
	return ok && address.len != 0 && rest->len == 0;
}

static bool read_origin(sdp_reader *r, tulle_text rest)
{
	uint64_t id;
	bool ok = tulle_text_split(&rest, ' ').len != 0;
	r->out->session_id = tulle_text_split(&rest, ' ');
	ok = ok && tulle_text_u64(r->out->session_id, UINT64_MAX, &id);
	ok = ok &&
	     tulle_text_u64(tulle_text_split(&rest, ' '), UINT64_MAX, &r->out->session_version);
	return ok && read_place(&rest);
}

static bool read_time(tulle_text rest)
{
	uint64_t start, stop;
	return tulle_text_u64(tulle_text_split(&rest, ' '), UINT64_MAX, &start) &&
	       tulle_text_u64(rest, UINT64_MAX, &stop);
}

static bool read_bandwidth(tulle_text rest)
{
	uint64_t v;
	tulle_text type = tulle_text_split(&rest, ':');
	return tulle_sdp_is_token(type) && tulle_text_u64(rest, UINT64_MAX, &v);
}

static tulle_text either(tulle_text own, tulle_text session)
{
	return own.len != 0 ? own : session;
}

static bool has_word(tulle_text list, tulle_text word)
{
	while (list.len != 0)
		if (tulle_text_is(tulle_text_split(&list, ' '), word))
			return true;
	return false;
}

/* libdatachannel separates ice-options by commas, the RFC by blanks. */
static bool has_option(tulle_text list, tulle_text word)
{
	while (list.len != 0) {
		tulle_text part = tulle_text_split(&list, ',');
		if (has_word(part, word))
			return true;
	}
	return false;
}

/* The section that is ours: its own attributes, else the session's (RFC8839:5.4, RFC8122:5). */
static void take_data(sdp_reader *r)
{
	tulle_sdp *out = r->out;
	const sdp_attributes *m = &r->media, *s = &r->session;
	const sdp_attributes *f = m->fingerprint_count != 0 ? m : s;
	out->data_index = (int16_t)(out->section_count - 1);
	out->data_at = r->section_at;
	out->data = r->section;
	out->ufrag = either(m->ufrag, s->ufrag);
	out->pwd = either(m->pwd, s->pwd);
	out->ice_options = either(m->ice_options, s->ice_options);
	out->tls_id = either(m->tls_id, s->tls_id);
	out->sctp_init = m->sctp_init;
	out->setup = m->setup != TULLE_SETUP_NONE ? m->setup : s->setup;
	out->trickle = has_option(out->ice_options, TULLE_TEXT("trickle"));
	out->ice2 = has_option(out->ice_options, TULLE_TEXT("ice2"));
	out->end_of_candidates = m->end_of_candidates || s->end_of_candidates;
	out->sctp_port = (uint16_t)m->sctp_port;
	/* RFC8841:6.1 */
	out->max_message_size =
		m->has_max_message_size ? m->max_message_size : SDP_MESSAGE_SIZE_DEFAULT;
	out->candidate_count = m->candidate_count;
	out->fingerprint_count = f->fingerprint_count;
	memcpy(out->fingerprints, f->fingerprints, sizeof out->fingerprints);
}

static bool end_section(sdp_reader *r)
{
	tulle_sdp_section *s = &r->section;
	if (r->out->section_count == 0)
		return true;
	s->mid = r->media.mid;
	if (r->media.bundle_only) /* RFC9143:6: port 0 then rejects nothing */
		s->rejected = false;
	if (s->form == TULLE_SDP_MEDIA)
		return true;
	if (s->form == TULLE_SDP_SCTPMAP)
		(void)tulle_text_u64(s->fmt, UINT16_MAX, &r->media.sctp_port);
	else if (!r->media.has_sctp_port && !s->rejected) /* RFC8841:5 */
		return false;
	if (r->out->data_index < 0 || (r->out->data.rejected && !s->rejected))
		take_data(r);
	return true;
}

static bool begin_section(sdp_reader *r)
{
	if (!end_section(r))
		return false;
	if (r->out->section_count == TULLE_SDP_SECTIONS_MAX) {
		r->err = TULLE_ERR_LIMIT;
		return false;
	}
	r->out->section_count++;
	memset(&r->media, 0, sizeof r->media);
	r->section_at = r->lines.line_at;
	r->rank = -1;
	return tulle_sdp_read_media(r->lines.value, &r->section);
}

/* RFC8866:5: each level has its lines, in their order, some only once. */
static bool is_in_order(sdp_reader *r, char type)
{
	int rank = rank_of(type);
	bool in_section = r->out->section_count != 0;
	if (rank < 0 || (in_section && !has_char("icbka", type)))
		return false;
	if (rank < r->rank || (rank == r->rank && has_char(once, type)))
		return false;
	r->rank = rank;
	if (!in_section)
		r->seen |= 1u << rank;
	return true;
}

static bool has_all(const sdp_reader *r)
{
	unsigned need =
		1u << rank_of('v') | 1u << rank_of('o') | 1u << rank_of('s') | 1u << rank_of('t');
	return (r->seen & need) == need;
}

static bool read_line(sdp_reader *r)
{
	tulle_text value = r->lines.value, rest = value;
	if (r->lines.type == 'm')
		return has_all(r) && begin_section(r);
	if (!is_in_order(r, r->lines.type))
		return false;
	switch (r->lines.type) {
	case 'v':
		return tulle_text_is(value, TULLE_TEXT("0"));
	case 'o':
		return read_origin(r, value);
	case 'c':
		return read_place(&rest);
	case 't':
		return read_time(value);
	case 'b':
		return read_bandwidth(value);
	case 'a':
		return tulle_sdp_read_attribute(r, value);
	default: /* s i u e p r z k: RFC8866:9 wants text */
		return value.len != 0;
	}
}

/* RFC9143:7.3, RFC5888:5: a group names sections that are there. */
static bool resolve_groups(sdp_reader *r)
{
	for (size_t g = 0; g < r->group_count; g++) {
		tulle_text rest = r->groups[g];
		while (rest.len != 0) {
			tulle_text mid = tulle_text_split(&rest, ' ');
			bool found = false;
			for (size_t i = 0; i < r->out->section_count && !found; i++)
				found = mid.len != 0 && tulle_text_is(r->mids[i], mid);
			if (!found)
				return false;
			if (tulle_text_is(mid, r->out->data.mid))
				r->out->bundled = true;
		}
	}
	return true;
}

static tulle_err read_all(sdp_reader *r)
{
	for (;;) {
		sdp_next next = tulle_sdp_next_line(&r->lines);
		if (next == SDP_END)
			break;
		r->out->line++;
		if (next == SDP_TOO_LONG || r->out->line > SDP_LINES_MAX)
			return TULLE_ERR_LIMIT;
		if (next == SDP_BAD || !read_line(r))
			return r->err;
	}
	return has_all(r) && end_section(r) && resolve_groups(r) ? TULLE_OK : TULLE_ERR_SYNTAX;
}

TULLE_UNTRUSTED(anyone, "256 KiB, one pass", sdp)
tulle_err tulle_sdp_read(tulle_text input, tulle_sdp *out)
{
	sdp_reader r;
	memset(&r, 0, sizeof r);
	memset(out, 0, sizeof *out);
	out->input = input;
	out->data_index = -1;
	if (input.len > SDP_BYTES_MAX)
		return TULLE_ERR_LIMIT;
	r.out = out;
	r.lines.input = input;
	r.rank = -1;
	r.err = TULLE_ERR_SYNTAX;
	return read_all(&r);
}

bool tulle_sdp_next_candidate(const tulle_sdp *sdp, size_t *cursor, tulle_text *candidate)
{
	sdp_lines l = {.input = sdp->input, .at = *cursor};
	if (sdp->data_index < 0)
		return false;
	if (l.at == 0) {
		l.at = sdp->data_at;
		(void)tulle_sdp_next_line(&l);
	}
	while (tulle_sdp_next_line(&l) == SDP_LINE && l.type != 'm') {
		if (l.type != 'a' || !tulle_text_starts(l.value, TULLE_TEXT("candidate:")))
			continue;
		*candidate = l.value;
		*cursor = l.at;
		return true;
	}
	*cursor = sdp->input.len;
	return false;
}

static void read_rest_of_section(sdp_lines *l, tulle_sdp_section *s)
{
	sdp_lines ahead = *l;
	while (tulle_sdp_next_line(&ahead) == SDP_LINE && ahead.type != 'm') {
		tulle_text value, name = tulle_sdp_split_attribute(ahead.value, &value);
		if (ahead.type == 'a' && tulle_text_is(name, TULLE_TEXT("mid")) && s->mid.len == 0)
			s->mid = value;
		if (ahead.type == 'a' && tulle_text_is(name, TULLE_TEXT("bundle-only")))
			s->rejected = false;
		*l = ahead;
	}
}

bool tulle_sdp_next_section(const tulle_sdp *sdp, size_t *cursor, tulle_sdp_section *section)
{
	sdp_lines l = {.input = sdp->input, .at = *cursor};
	while (tulle_sdp_next_line(&l) == SDP_LINE) {
		if (l.type != 'm')
			continue;
		if (!tulle_sdp_read_media(l.value, section))
			return false;
		read_rest_of_section(&l, section);
		*cursor = l.at;
		return true;
	}
	return false;
}
