/* SPDX-License-Identifier: MIT */
/* sdp: lines and their pieces: RFC8866:5, RFC8866:9. Invariant: each call moves on by at least one
 * byte, so that a description is read in one pass. */
#include "sdp/lines.h"

#include "base/panic.h"

static bool has_forbidden(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] == '\0' || t.ptr[i] == '\r') /* RFC8866:9 byte-string */
			return true;
	return false;
}

static bool is_blank_to_the_end(const sdp_lines *l)
{
	for (size_t i = l->line_at; i < l->input.len; i++)
		if (l->input.ptr[i] != '\r' && l->input.ptr[i] != '\n')
			return false;
	return true;
}

TULLE_UNTRUSTED(anyone, "one line of at most 8192 bytes", sdp)
sdp_next tulle_sdp_next_line(sdp_lines *l)
{
	if (l->at >= l->input.len)
		return SDP_END;
	tulle_text rest = {l->input.ptr + l->at, l->input.len - l->at};
	tulle_text line = tulle_text_split(&rest, '\n');
	l->line_at = l->at;
	l->at = l->input.len - rest.len;
	if (line.len == l->input.len - l->line_at) /* no line end: it was the last */
		l->at = l->input.len;
	if (line.len != 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return is_blank_to_the_end(l) ? SDP_END : SDP_BAD;
	if (line.len > SDP_LINE_BYTES_MAX)
		return SDP_TOO_LONG;
	if (line.len < 2 || line.ptr[0] < 'a' || line.ptr[0] > 'z' || line.ptr[1] != '=' ||
		has_forbidden(line))
		return SDP_BAD;
	l->type = line.ptr[0];
	l->value = (tulle_text){line.ptr + 2, line.len - 2};
	return SDP_LINE;
}

bool tulle_sdp_read_number(tulle_text t, uint64_t max, uint64_t *out)
{
	if (t.len > 1 && t.ptr[0] == '0')
		return false;
	return tulle_text_u64(t, max, out);
}

bool tulle_sdp_is_token(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];
		if (c <= ' ' || c == 0x7f || c == '"' || c == '(' || c == ')' || c == ',' ||
			c == '/' || (c >= ':' && c <= '@') || (c >= '[' && c <= ']'))
			return false;
	}
	return t.len != 0 && t.len <= SDP_TOKEN_MAX;
}

tulle_text tulle_sdp_split_attribute(tulle_text value, tulle_text *rest)
{
	*rest = value;
	tulle_text name = tulle_text_split(rest, ':'); /* RFC8866:5.13: only the first colon */
	if (name.len == value.len)
		*rest = (tulle_text){value.ptr + value.len, 0};
	return name;
}

static bool has_empty_field(tulle_text t)
{
	tulle_text rest = t;
	if (t.len == 0 || t.ptr[t.len - 1] == ' ')
		return true;
	while (rest.len != 0)
		if (tulle_text_split(&rest, ' ').len == 0)
			return true;
	return false;
}

/* RFC8841:4.1; the old form of draft 05 has the SCTP port as its format. */
static tulle_sdp_form find_form(const tulle_sdp_section *s)
{
	uint64_t port;
	if (!tulle_text_is(s->media, TULLE_TEXT("application")))
		return TULLE_SDP_MEDIA;
	if ((tulle_text_is(s->proto, TULLE_TEXT("UDP/DTLS/SCTP")) ||
		    tulle_text_is(s->proto, TULLE_TEXT("TCP/DTLS/SCTP"))) &&
		tulle_text_is(s->fmt, TULLE_TEXT("webrtc-datachannel")))
		return TULLE_SDP_DATA;
	if (tulle_text_is(s->proto, TULLE_TEXT("DTLS/SCTP")) &&
		tulle_sdp_read_number(s->fmt, UINT16_MAX, &port))
		return TULLE_SDP_SCTPMAP;
	return TULLE_SDP_MEDIA;
}

bool tulle_sdp_read_media(tulle_text value, tulle_sdp_section *out)
{
	tulle_sdp_section s = {0};
	tulle_text rest = value;
	uint64_t port, ports;
	if (has_empty_field(value))
		return false;
	s.media = tulle_text_split(&rest, ' ');
	tulle_text range = tulle_text_split(&rest, ' ');
	bool has_count = tulle_text_find(range, '/') >= 0;
	if (!tulle_sdp_read_number(tulle_text_split(&range, '/'), UINT16_MAX, &port) ||
		(has_count && !tulle_sdp_read_number(range, UINT16_MAX, &ports)))
		return false;
	s.proto = tulle_text_split(&rest, ' ');
	s.fmt = rest;
	if (!tulle_sdp_is_token(s.media) || s.proto.len == 0 || s.fmt.len == 0)
		return false;
	s.port = (uint16_t)port;
	s.rejected = port == 0;
	s.form = find_form(&s);
	*out = s;
	return true;
}
