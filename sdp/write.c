/* SPDX-License-Identifier: MIT */
/* sdp: writing offers and answers: RFC9429:5.2.1, RFC9429:5.3.1. Invariant: a text of the caller
 * with a line end in it is refused before a byte is written, so nothing can add lines. */
#include "sdp/lines.h"

#include "base/addr.h"
#include "base/bytes.h"

static bool is_line(tulle_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] == '\r' || t.ptr[i] == '\n' || t.ptr[i] == '\0')
			return false;
	return true;
}

static bool is_hash(uint16_t hash)
{
	return hash == 256 || hash == 384 || hash == 512;
}

static bool is_local(const tulle_sdp_local *l)
{
	if (l->ufrag.len == 0 || l->pwd.len == 0 || l->fingerprint_count == 0 ||
		l->session_id > INT64_MAX)
		return false;
	if (!is_line(l->ufrag) || !is_line(l->pwd) || !is_line(l->ice_options) ||
		!is_line(l->sctp_init) || (l->mid.len != 0 && !tulle_sdp_is_token(l->mid)))
		return false;
	for (size_t i = 0; i < l->candidate_count; i++)
		if (!is_line(l->candidates[i]))
			return false;
	for (size_t i = 0; i < l->fingerprint_count; i++)
		if (!is_hash(l->fingerprints[i].hash))
			return false;
	return true;
}

static void line(tulle_wr *w, const char *head, tulle_text value)
{
	tulle_wr_cstr(w, head);
	tulle_wr_text(w, value);
	tulle_wr_cstr(w, "\r\n");
}

static void number_line(tulle_wr *w, const char *head, uint64_t value)
{
	tulle_wr_cstr(w, head);
	tulle_wr_u64_text(w, value);
	tulle_wr_cstr(w, "\r\n");
}

/* RFC9429:5.2.1: no address of ours in o= */
static void write_session(tulle_wr *w, const tulle_sdp_local *l, tulle_text bundle)
{
	tulle_wr_cstr(w, "v=0\r\no=- ");
	tulle_wr_u64_text(w, l->session_id);
	tulle_wr_u8(w, ' ');
	tulle_wr_u64_text(w, l->session_version);
	tulle_wr_cstr(w, " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
	if (bundle.len != 0)
		line(w, "a=group:BUNDLE ", bundle);
	if (l->lite) /* RFC8839:5.3 */
		tulle_wr_cstr(w, "a=ice-lite\r\n");
}

static uint16_t sctp_port_of(const tulle_sdp_local *l)
{
	return l->sctp_port != 0 ? l->sctp_port : 5000;
}

static void write_media(
	tulle_wr *w, const tulle_sdp_local *l, tulle_sdp_form form, tulle_text proto)
{
	const tulle_addr *a = l->default_addr;
	tulle_wr_cstr(w, "m=application ");
	tulle_wr_u64_text(w, a != NULL ? a->port : 9); /* RFC8839:4.3.1 */
	tulle_wr_u8(w, ' ');
	tulle_wr_text(w, proto);
	if (form == TULLE_SDP_SCTPMAP)
		number_line(w, " ", sctp_port_of(l));
	else
		tulle_wr_cstr(w, " webrtc-datachannel\r\n");
	tulle_wr_cstr(w, a != NULL && a->family == 6 ? "c=IN IP6 " : "c=IN IP4 ");
	if (a != NULL)
		tulle_addr_write_ip(w, a);
	else
		tulle_wr_cstr(w, "0.0.0.0");
	tulle_wr_cstr(w, "\r\n");
}

static void write_candidates(tulle_wr *w, const tulle_sdp_local *l)
{
	for (size_t i = 0; i < l->candidate_count; i++) {
		bool has_name = tulle_text_starts(l->candidates[i], TULLE_TEXT("candidate:"));
		line(w, has_name ? "a=" : "a=candidate:", l->candidates[i]);
	}
	if (l->end_of_candidates)
		tulle_wr_cstr(w, "a=end-of-candidates\r\n");
}

static void write_fingerprints(tulle_wr *w, const tulle_sdp_local *l)
{
	for (size_t i = 0; i < l->fingerprint_count; i++) {
		const tulle_sdp_fingerprint *f = &l->fingerprints[i];
		tulle_wr_cstr(w, "a=fingerprint:sha-");
		tulle_wr_u64_text(w, f->hash);
		tulle_wr_u8(w, ' ');
		tulle_wr_hex(w, f->bytes, f->hash / 8u, true);
		tulle_wr_cstr(w, "\r\n");
	}
}

static void write_sctp(tulle_wr *w, const tulle_sdp_local *l, tulle_sdp_form form)
{
	if (form == TULLE_SDP_SCTPMAP) {
		tulle_wr_cstr(w, "a=sctpmap:");
		tulle_wr_u64_text(w, sctp_port_of(l));
		tulle_wr_cstr(w, " webrtc-datachannel 65535\r\n");
	} else {
		number_line(w, "a=sctp-port:", sctp_port_of(l));
	}
	number_line(w, "a=max-message-size:", l->max_message_size);
	if (l->sctp_init.len != 0)
		line(w, "a=sctp-init:", l->sctp_init);
}

static const char *setup_name(tulle_sdp_setup setup)
{
	return setup == TULLE_SETUP_ACTIVE    ? "active"
	       : setup == TULLE_SETUP_PASSIVE ? "passive"
					      : "actpass";
}

static void write_section(tulle_wr *w, const tulle_sdp_local *l, const tulle_sdp_section *like)
{
	tulle_text options = l->ice_options.len != 0 ? l->ice_options : TULLE_TEXT("trickle");
	write_media(w, l, like->form, like->proto);
	write_candidates(w, l);
	line(w, "a=ice-ufrag:", l->ufrag);
	line(w, "a=ice-pwd:", l->pwd);
	line(w, "a=ice-options:", options);
	write_fingerprints(w, l);
	line(w, "a=setup:", tulle_text_of(setup_name(l->setup)));
	if (like->mid.len != 0)
		line(w, "a=mid:", like->mid);
	write_sctp(w, l, like->form);
}

static tulle_err finish(const tulle_wr *w, size_t *len)
{
	*len = tulle_wr_finish(w) ? w->len : 0;
	return *len != 0 ? TULLE_OK : TULLE_ERR_TOO_SMALL;
}

tulle_err tulle_sdp_write_offer(const tulle_sdp_local *local, char *dst, size_t cap, size_t *len)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_sdp_section ours = {.form = TULLE_SDP_DATA,
		.proto = TULLE_TEXT("UDP/DTLS/SCTP"),
		.mid = local->mid.len != 0 ? local->mid : TULLE_TEXT("0")};
	*len = 0;
	if (!is_local(local) || local->setup == TULLE_SETUP_HOLDCONN)
		return TULLE_ERR_ARGUMENT;
	write_session(&w, local, ours.mid);
	write_section(&w, local, &ours);
	return finish(&w, len);
}

/* RFC3264:6, RFC9429:5.3.1: port 0 in its place, all else as offered. */
static void write_rejected(tulle_wr *w, const tulle_sdp_section *s)
{
	tulle_wr_cstr(w, "m=");
	tulle_wr_text(w, s->media);
	tulle_wr_cstr(w, " 0 ");
	tulle_wr_text(w, s->proto);
	line(w, " ", s->fmt);
	tulle_wr_cstr(w, "c=IN IP4 0.0.0.0\r\na=inactive\r\n");
	if (s->mid.len != 0)
		line(w, "a=mid:", s->mid);
}

tulle_err tulle_sdp_write_answer(
	const tulle_sdp_local *local, const tulle_sdp *offer, char *dst, size_t cap, size_t *len)
{
	tulle_wr w = tulle_wr_make(dst, cap);
	tulle_sdp_section s;
	size_t cursor = 0;
	*len = 0;
	if (!is_local(local) || offer->data_index < 0 || offer->data.rejected ||
		(local->setup != TULLE_SETUP_ACTIVE && local->setup != TULLE_SETUP_PASSIVE))
		return TULLE_ERR_ARGUMENT;
	/* RFC9143:7.3.3: BUNDLE only when it was offered, and of what we take */
	write_session(&w, local, offer->bundled ? offer->data.mid : TULLE_TEXT(""));
	for (int i = 0; tulle_sdp_next_section(offer, &cursor, &s); i++) {
		if (i == offer->data_index)
			write_section(&w, local, &s);
		else
			write_rejected(&w, &s);
	}
	return finish(&w, len);
}
