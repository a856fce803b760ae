/* SPDX-License-Identifier: MIT */
/* sdp: reading a description in one pass: RFC8866:5, RFC9429:5.8. Invariant: nothing reaches the
 * caller's structure as a description but after the last line was found good. */
#include "sdp/lines.h"

#include "base/panic.h"

/* The attributes of one level, session or section. */
typedef struct {
	tulle_text ufrag, pwd, ice_options, mid, sctp_init, tls_id;
	tulle_sdp_setup setup;
	uint64_t sctp_port, max_message_size;
	bool has_sctp_port, has_max_message_size, bundle_only, end_of_candidates;
	uint16_t candidate_count, fingerprint_count;
	tulle_sdp_fingerprint fingerprints[TULLE_SDP_FINGERPRINTS_MAX];
} attributes;

typedef struct {
	tulle_sdp *out;
	sdp_lines lines;
	attributes session, media;
	tulle_sdp_section section; /* the one being read */
	size_t section_at;
	int rank; /* of the last line, in its level */
	unsigned seen; /* bits of RANK_V.. at session level */
	tulle_text groups[SDP_GROUPS_MAX];
	size_t group_count;
	tulle_text mids[TULLE_SDP_SECTIONS_MAX];
	tulle_err err;
} reader;

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
	ok = ok && (tulle_text_is(type, TULLE_TEXT("IP4")) || tulle_text_is(type, TULLE_TEXT("IP6")));
	tulle_text address = tulle_text_split(rest, ' ');
	return ok && address.len != 0 && rest->len == 0;
}

static bool read_origin(reader *r, tulle_text rest)
{
	uint64_t id;
	bool ok = tulle_text_split(&rest, ' ').len != 0;
	r->out->session_id = tulle_text_split(&rest, ' ');
	ok = ok && tulle_text_u64(r->out->session_id, UINT64_MAX, &id);
	ok = ok && tulle_text_u64(tulle_text_split(&rest, ' '), UINT64_MAX, &r->out->session_version);
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

/* RFC8839:5.4 */
static bool read_credential(tulle_text value, size_t least, tulle_text *out)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '+' || c == '/'))
			return false;
	}
	if (value.len < least || value.len > SDP_UFRAG_MAX)
		return false;
	if (out->len == 0)
		*out = value;
	return true;
}

/* RFC8122:5: unknown hashes are passed over, known ones must be whole; more than we hold, too. */
static bool read_fingerprint(tulle_text value, attributes *a)
{
	static const struct {
		const char *name;
		uint16_t bits;
	} hashes[] = {{"sha-256", 256}, {"sha-384", 384}, {"sha-512", 512}};
	tulle_sdp_fingerprint f = {0};
	tulle_text name = tulle_text_split(&value, ' ');
	for (size_t i = 0; i < 3; i++)
		if (tulle_text_is_nocase(name, tulle_text_of(hashes[i].name)))
			f.hash = hashes[i].bits;
	if (f.hash == 0)
		return tulle_sdp_is_token(name) && value.len != 0;
	if (!tulle_text_unhex(value, true, f.bytes, f.hash / 8u))
		return false;
	if (a->fingerprint_count < TULLE_SDP_FINGERPRINTS_MAX)
		a->fingerprints[a->fingerprint_count++] = f;
	return true;
}

static bool read_setup(tulle_text value, attributes *a)
{
	static const struct {
		const char *name;
		tulle_sdp_setup setup;
	} setups[] = {{"actpass", TULLE_SETUP_ACTPASS}, {"active", TULLE_SETUP_ACTIVE},
		{"passive", TULLE_SETUP_PASSIVE}, {"holdconn", TULLE_SETUP_HOLDCONN}};
	for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
		if (!tulle_text_is(value, tulle_text_of(setups[i].name)))
			continue;
		if (a->setup == TULLE_SETUP_NONE)
			a->setup = setups[i].setup;
		return true;
	}
	return false;
}

static bool read_once(tulle_text value, uint64_t max, bool *has, uint64_t *out)
{
	uint64_t v;
	if (!tulle_sdp_read_number(value, max, &v))
		return false;
	if (!*has)
		*out = v;
	*has = true;
	return true;
}

static bool keep_first(tulle_text value, tulle_text *out)
{
	if (out->len == 0)
		*out = value;
	return true;
}

/* RFC5888:4: mids are tokens and differ. */
static bool read_mid(reader *r, tulle_text value)
{
	size_t here = r->out->section_count - 1u;
	if (!tulle_sdp_is_token(value))
		return false;
	if (r->media.mid.len != 0)
		return true;
	for (size_t i = 0; i < here; i++)
		if (tulle_text_is(r->mids[i], value))
			return false;
	r->media.mid = r->mids[here] = value;
	return true;
}

static bool read_candidate(reader *r)
{
	if (r->media.candidate_count == SDP_CANDIDATES_MAX) {
		r->err = TULLE_ERR_LIMIT;
		return false;
	}
	r->media.candidate_count++;
	return true;
}

static bool read_group(reader *r, tulle_text value)
{
	if (!tulle_text_is(tulle_text_split(&value, ' '), TULLE_TEXT("BUNDLE")))
		return true;
	if (r->group_count == SDP_GROUPS_MAX) {
		r->err = TULLE_ERR_LIMIT;
		return false;
	}
	r->groups[r->group_count++] = value;
	return true;
}

typedef enum {
	A_UFRAG,
	A_PWD,
	A_OPTIONS,
	A_FINGERPRINT,
	A_SETUP,
	A_TLS_ID,
	A_END,
	A_LITE, /* session only, from here */
	A_GROUP,
	A_MID, /* section only, from here */
	A_CANDIDATE,
	A_SCTP_PORT,
	A_SIZE,
	A_SCTP_INIT,
	A_BUNDLE_ONLY,
	A_UNKNOWN
} attribute;

static const struct {
	const char *name;
	attribute a;
} names[] = {{"ice-ufrag", A_UFRAG}, {"ice-pwd", A_PWD}, {"ice-options", A_OPTIONS},
	{"fingerprint", A_FINGERPRINT}, {"setup", A_SETUP}, {"tls-id", A_TLS_ID},
	{"end-of-candidates", A_END}, {"ice-lite", A_LITE}, {"group", A_GROUP}, {"mid", A_MID},
	{"candidate", A_CANDIDATE}, {"sctp-port", A_SCTP_PORT}, {"max-message-size", A_SIZE},
	{"sctp-init", A_SCTP_INIT}, {"bundle-only", A_BUNDLE_ONLY}};

static attribute find_attribute(tulle_text name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (tulle_text_is(name, tulle_text_of(names[i].name)))
			return names[i].a;
	return A_UNKNOWN;
}

static bool read_section_attribute(reader *r, attribute which, tulle_text value)
{
	attributes *a = &r->media;
	switch ((int)which) {
	case A_MID:
		return read_mid(r, value);
	case A_CANDIDATE:
		return read_candidate(r);
	case A_SCTP_PORT: /* RFC8841:5.2 */
		return read_once(value, UINT16_MAX, &a->has_sctp_port, &a->sctp_port);
	case A_SIZE: /* RFC8841:6.2 */
		return read_once(
			value, UINT64_MAX, &a->has_max_message_size, &a->max_message_size);
	case A_SCTP_INIT:
		return keep_first(value, &a->sctp_init);
	default:
		a->bundle_only = true;
		return true;
	}
}

static bool read_attribute(reader *r, tulle_text line)
{
	tulle_text value, name = tulle_sdp_split_attribute(line, &value);
	bool in_section = r->out->section_count != 0;
	attributes *a = in_section ? &r->media : &r->session;
	attribute which = find_attribute(name);
	if (name.len == 0)
		return false;
	if (which == A_UNKNOWN || (in_section && (which == A_LITE || which == A_GROUP)) ||
		(!in_section && which >= A_MID))
		return true; /* RFC8866:5.13: ignored; so are those of the other level */
	switch ((int)which) {
	case A_UFRAG:
		return read_credential(value, 4, &a->ufrag);
	case A_PWD:
		return read_credential(value, 22, &a->pwd);
	case A_OPTIONS:
		return keep_first(value, &a->ice_options);
	case A_FINGERPRINT:
		return read_fingerprint(value, a);
	case A_SETUP:
		return read_setup(value, a);
	case A_TLS_ID:
		return keep_first(value, &a->tls_id);
	case A_END:
		return a->end_of_candidates = true;
	case A_LITE:
		return r->out->lite = true;
	case A_GROUP:
		return read_group(r, value);
	default:
		return read_section_attribute(r, which, value);
	}
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
static void take_data(reader *r)
{
	tulle_sdp *out = r->out;
	const attributes *m = &r->media, *s = &r->session;
	const attributes *f = m->fingerprint_count != 0 ? m : s;
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

static bool end_section(reader *r)
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

static bool begin_section(reader *r)
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
static bool is_in_order(reader *r, char type)
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

static bool has_all(const reader *r)
{
	unsigned need = 1u << rank_of('v') | 1u << rank_of('o') | 1u << rank_of('s') |
			1u << rank_of('t');
	return (r->seen & need) == need;
}

static bool read_line(reader *r)
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
		return read_attribute(r, value);
	default: /* s i u e p r z k: RFC8866:9 wants text */
		return value.len != 0;
	}
}

/* RFC9143:7.3, RFC5888:5: a group names sections that are there. */
static bool resolve_groups(reader *r)
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

static tulle_err read_all(reader *r)
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
	reader r;
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
