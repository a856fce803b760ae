/* SPDX-License-Identifier: MIT */
/* sdp: the a= lines that we understand: RFC 8839, 8841, 8842, 8122, 5888, 9143. Invariant: of one
 * that is given twice in a level the first counts, but for fingerprints and candidates. */
#include "sdp/reader.h"

#include "base/panic.h"

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
static bool read_fingerprint(tulle_text value, sdp_attributes *a)
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

static bool read_setup(tulle_text value, sdp_attributes *a)
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
static bool read_mid(sdp_reader *r, tulle_text value)
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

static bool read_candidate(sdp_reader *r)
{
	if (r->media.candidate_count == SDP_CANDIDATES_MAX) {
		r->err = TULLE_ERR_LIMIT;
		return false;
	}
	r->media.candidate_count++;
	return true;
}

static bool read_group(sdp_reader *r, tulle_text value)
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

static bool read_section_attribute(sdp_reader *r, attribute which, tulle_text value)
{
	sdp_attributes *a = &r->media;
	switch ((int)which) {
	case A_MID:
		return read_mid(r, value);
	case A_CANDIDATE:
		return read_candidate(r);
	case A_SCTP_PORT: /* RFC8841:5.2 */
		return read_once(value, UINT16_MAX, &a->has_sctp_port, &a->sctp_port);
	case A_SIZE: /* RFC8841:6.2 */
		return read_once(value, UINT64_MAX, &a->has_max_message_size, &a->max_message_size);
	case A_SCTP_INIT:
		return keep_first(value, &a->sctp_init);
	default:
		a->bundle_only = true;
		return true;
	}
}

TULLE_UNTRUSTED(anyone, "one line of at most 8192 bytes", sdp)
bool tulle_sdp_read_attribute(sdp_reader *r, tulle_text line)
{
	tulle_text value, name = tulle_sdp_split_attribute(line, &value);
	bool in_section = r->out->section_count != 0;
	sdp_attributes *a = in_section ? &r->media : &r->session;
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
