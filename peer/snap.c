/* SPDX-License-Identifier: MIT */
/* peer: SNAP (draft-hancke-tsvwg-snap-00): each description carries its end's SCTP INIT, and the
 * association is up with DTLS. Invariant: the INIT that we say is one and the same as long as the
 * peer lives, and the one that we heard is the first one that was agreed. */
#include "peer/state.h"

#include "base/panic.h"
#include "base/text.h"

#include <string.h>

/* Drawn once; without randomness there is none, and no INIT in the description. */
static void make_init(tulle_peer *p)
{
	peer_snap *s = &p->snap;
	size_t len = 0;
	if (s->ours_len == 0 &&
		tulle_sctp_write_init(p->sctp, p->now, s->ours, sizeof s->ours, &len) == TULLE_OK)
		s->ours_len = (uint16_t)len;
}

/* Section 5.2, 5.4, 5.6: an offer has it until an association came without it, an answer when the
 * offer has. */
tulle_text tulle_peer_snap_write(
	tulle_peer *p, const tulle_sdp *offer, char buf[PEER_INIT_TEXT_BYTES])
{
	const peer_snap *s = &p->snap;
	bool wanted = offer != NULL ? offer->sctp_init.len != 0 : !p->transport_set;
	if (p->config.no_snap || (!wanted && s->theirs_len == 0))
		return (tulle_text){buf, 0};
	make_init(p);
	tulle_wr w = tulle_wr_make(buf, PEER_INIT_TEXT_BYTES);
	tulle_wr_base64(&w, s->ours, s->ours_len);
	return (tulle_text){buf, tulle_wr_finish(&w) ? w.len : 0};
}

/* libdatachannel's answer repeats what it does not know of the offer: our own INIT is none. */
static bool has_init(const tulle_peer *p, const tulle_sdp *remote)
{
	const peer_snap *s = &p->snap;
	uint8_t init[PEER_INIT_BYTES];
	size_t len = 0;
	if (p->config.no_snap || remote->sctp_init.len == 0)
		return false;
	return !tulle_text_base64(remote->sctp_init, init, sizeof init, &len) ||
	       len != s->ours_len || memcmp(init, s->ours, len) != 0;
}

static bool read_init(tulle_text text, uint8_t dst[PEER_INIT_BYTES], size_t *len)
{
	return tulle_text_base64(text, dst, PEER_INIT_BYTES, len) &&
	       tulle_sctp_is_init((tulle_bytes){dst, *len});
}

/* Section 5.3, 5.5, 5.6: what is no INIT is an error, and so is one that comes late or changes. */
TULLE_UNTRUSTED(anyone, "one chunk", sdp)
tulle_err tulle_peer_snap_judge(tulle_peer *p, const tulle_sdp *remote)
{
	const peer_snap *s = &p->snap;
	uint8_t init[PEER_INIT_BYTES];
	size_t len = 0;
	if (!has_init(p, remote))
		return TULLE_OK;
	if (!read_init(remote->sctp_init, init, &len))
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX, "a=sctp-init is no INIT in base64");
	if (p->transport_set && (len != s->theirs_len || memcmp(init, s->theirs, len) != 0))
		return tulle_peer_fail(
			p, TULLE_ERR_SYNTAX, "a=sctp-init is not that of this association");
	return TULLE_OK;
}

/* Both descriptions are there. A remote that has none in its answer to ours has none. */
void tulle_peer_snap_take(tulle_peer *p, const tulle_sdp *remote)
{
	size_t len = 0;
	if (!has_init(p, remote))
		return;
	make_init(p); /* our answer is written later */
	if (p->snap.ours_len != 0 && read_init(remote->sctp_init, p->snap.theirs, &len))
		p->snap.theirs_len = (uint16_t)len;
}

tulle_err tulle_peer_snap_connect(tulle_peer *p)
{
	const peer_snap *s = &p->snap;
	if (s->theirs_len == 0)
		return tulle_sctp_connect(p->sctp, p->now);
	return tulle_sctp_start_from(p->sctp, p->now, (tulle_bytes){s->ours, s->ours_len},
		(tulle_bytes){s->theirs, s->theirs_len});
}
