/* SPDX-License-Identifier: MIT */
/* peer: offers and answers (RFC 9429, W3C webrtc-pc). A description of ours is not kept but written
 * anew from what it said; the remote's stays as it came. Nothing here waits, so there is no
 * operations chain. */
#include "peer/state.h"

#include "base/serial.h"
#include "base/text.h"

#include <string.h>

static void set_signaling(tulle_peer *p, tulle_signaling_state to)
{
	p->signaling = to;
	tulle_peer_mark(p);
}

static size_t own_fingerprint(const tulle_peer *p, tulle_sdp_fingerprint *out)
{
	tulle_dtls_fingerprint f;
	tulle_certificate_fingerprint(p->certificate, &f);
	*out = (tulle_sdp_fingerprint){.hash = 256};
	memcpy(out->bytes, f.bytes, 32);
	return 1;
}

static tulle_text remote_text(const tulle_peer *p, bool pending)
{
	const peer_description *d = pending ? &p->remote_pending : &p->remote_current;
	unsigned slot = pending ? 1u - p->remote_slot : p->remote_slot;
	return (tulle_text){p->remote_text[slot], d->type != 0 ? d->len : 0};
}

/* Candidates that were gathered, as RFC9429:4.1.9 has them in a description. all: as many as there
 * are. */
static size_t list_candidates(const tulle_peer *p, tulle_text *list, bool *all)
{
	char next[TULLE_ICE_CANDIDATE_BYTES];
	char *buf = (char *)p->env.plain; /* the scratch is free between packets */
	size_t n = 0, used = 0, cap = p->env.plain_bytes;
	for (size_t i = 0; i < PEER_LISTED_MAX && p->gathering_begun; i++) {
		size_t len = tulle_ice_write_local(p->ice, i, buf + used, cap - used);
		if (len == 0)
			break;
		list[n++] = (tulle_text){buf + used, len};
		used += len;
	}
	*all = tulle_ice_write_local(p->ice, n, next, sizeof next) == 0;
	return n;
}

/* RFC8842:5.3; SPED wants the offerer to speak first. */
static tulle_sdp_setup answer_setup(const tulle_peer *p, const tulle_sdp *offer)
{
	if (p->setup != TULLE_SETUP_NONE)
		return p->setup;
	bool passive =
		offer->setup == TULLE_SETUP_ACTIVE ||
		(offer->setup != TULLE_SETUP_PASSIVE && tulle_peer_sped_wants_passive(p, offer));
	return passive ? TULLE_SETUP_PASSIVE : TULLE_SETUP_ACTIVE;
}

size_t tulle_peer_write_local(tulle_peer *p, const peer_description *d)
{
	tulle_sdp_fingerprint fingerprint;
	tulle_text candidates[PEER_LISTED_MAX];
	char snap[PEER_INIT_TEXT_BYTES], options[PEER_OPTIONS_BYTES];
	size_t len = 0;
	bool all;
	tulle_sdp offer;
	tulle_sdp_local l = {.session_id = p->session_id,
		.session_version = d->version,
		.mid = {p->mid, p->mid_len},
		.lite = p->config.ice.lite,
		.fingerprints = &fingerprint,
		.max_message_size = p->config.streamed_messages ? 0 : p->config.message_bytes_max,
		.candidates = candidates};
	tulle_ice_current_credentials(p->ice, &l.ufrag, &l.pwd);
	if (d->restart && !tulle_ice_next_credentials(p->ice, &l.ufrag, &l.pwd))
		return 0;
	l.fingerprint_count = own_fingerprint(p, &fingerprint);
	l.candidate_count = list_candidates(p, candidates, &all);
	/* RFC8838:14: what follows the end is refused */
	l.end_of_candidates = p->gathered && all && (!d->restart || p->restarting);
	tulle_err err;
	if (d->type == TULLE_SDP_OFFER) {
		l.sctp_init = tulle_peer_snap_write(p, NULL, snap);
		l.ice_options = tulle_peer_sped_options(p, NULL, options);
		err = tulle_sdp_write_offer(&l, p->text, sizeof p->text, &len);
	} else {
		bool pending = p->remote_pending.type == TULLE_SDP_OFFER;
		if (tulle_sdp_read(remote_text(p, pending), &offer) != TULLE_OK)
			return 0;
		l.setup = answer_setup(p, &offer);
		l.sctp_init = tulle_peer_snap_write(p, &offer, snap);
		l.ice_options = tulle_peer_sped_options(p, &offer, options);
		err = tulle_sdp_write_answer(&l, &offer, p->text, sizeof p->text, &len);
	}
	return err == TULLE_OK ? len : 0;
}

/* What create_offer and create_answer would give now. */
static peer_description describe(const tulle_peer *p, tulle_sdp_type type, bool restart)
{
	peer_description d = {.type = type, .version = p->session_version + 1};
	d.restart = type == TULLE_SDP_OFFER ? tulle_peer_offer_restarts(p, restart)
					    : p->remote_restarts;
	return d;
}

static tulle_err hand_out(tulle_peer *p, size_t n, char *dst, size_t cap, size_t *len)
{
	if (n == 0)
		return tulle_peer_fail(p, TULLE_ERR_TOO_LARGE, "the description does not fit");
	*len = n;
	if (dst == NULL || cap < n)
		return tulle_peer_fail(p, TULLE_ERR_TOO_SMALL, "the buffer is too small");
	memcpy(dst, p->text, n);
	if (cap > n)
		dst[n] = 0;
	return TULLE_OK;
}

tulle_err tulle_peer_create_offer(
	tulle_peer *p, bool ice_restart, char *dst, size_t cap, size_t *len)
{
	if (p->closed)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the connection is closed");
	peer_description d = describe(p, TULLE_SDP_OFFER, ice_restart);
	return hand_out(p, tulle_peer_write_local(p, &d), dst, cap, len);
}

tulle_err tulle_peer_create_answer(tulle_peer *p, char *dst, size_t cap, size_t *len)
{
	if (p->signaling != TULLE_SIGNALING_HAVE_REMOTE_OFFER &&
		p->signaling != TULLE_SIGNALING_HAVE_LOCAL_PRANSWER)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "there is no offer to answer");
	peer_description d = describe(p, TULLE_SDP_ANSWER, false);
	return hand_out(p, tulle_peer_write_local(p, &d), dst, cap, len);
}

/* Both descriptions are there: the engines learn role, credentials, fingerprints. */
static tulle_err set_transport(tulle_peer *p, const tulle_sdp *remote, tulle_sdp_setup setup)
{
	tulle_err err = tulle_peer_set_credentials(p, remote);
	if (err != TULLE_OK)
		return err;
	if (!p->transport_set) {
		p->fingerprint_count = remote->fingerprint_count;
		for (size_t i = 0; i < remote->fingerprint_count; i++) {
			const tulle_sdp_fingerprint *f = &remote->fingerprints[i];
			tulle_dtls_fingerprint *d = &p->fingerprints[i];
			*d = (tulle_dtls_fingerprint){.len = (uint8_t)(f->hash / 8)};
			d->hash = f->hash == 256   ? TULLE_DTLS_SHA256
				  : f->hash == 384 ? TULLE_DTLS_SHA384
						   : TULLE_DTLS_SHA512;
			memcpy(d->bytes, f->bytes, d->len);
		}
		p->setup = setup;
		p->transport_set = true;
		if (remote->sctp_port != 0) /* RFC8841:5 */
			(void)tulle_sctp_set_remote_port(p->sctp, remote->sctp_port);
		tulle_peer_snap_take(p, remote);
		tulle_peer_sped_take(p, remote);
	}
	p->remote_message_max = remote->max_message_size;
	p->data_negotiated = true;
	tulle_peer_channels_assign(p);
	return TULLE_OK;
}

static void feed_candidates(tulle_peer *p, const tulle_sdp *remote)
{
	tulle_text candidate;
	size_t cursor = 0;
	while (tulle_sdp_next_candidate(remote, &cursor, &candidate))
		(void)tulle_peer_take_remote(p, candidate, remote->ufrag);
	if (remote->end_of_candidates)
		(void)tulle_peer_take_remote(p, (tulle_text){"", 0}, remote->ufrag);
	tulle_peer_permit_remotes(p);
}

static tulle_err judge_remote(tulle_peer *p, const tulle_sdp *sdp, tulle_sdp_type type)
{
	if (sdp->data_index < 0 || (sdp->data.rejected && type != TULLE_SDP_OFFER))
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX, "the description has no data section");
	if (sdp->lite && p->config.ice.lite) /* neither would ever ask */
		return tulle_peer_fail(p, TULLE_ERR_ARGUMENT, "both sides are ICE-lite");
	if (sdp->ufrag.len == 0 || sdp->pwd.len == 0)
		return tulle_peer_fail(
			p, TULLE_ERR_SYNTAX, "the description has no ICE credentials");
	if (sdp->fingerprint_count == 0)
		return tulle_peer_fail(
			p, TULLE_ERR_SYNTAX, "the description has no fingerprint of a known hash");
	/* RFC8842:5.3: an answer is active or passive; an offer may also say actpass. */
	bool decided = sdp->setup == TULLE_SETUP_ACTIVE || sdp->setup == TULLE_SETUP_PASSIVE;
	if (!decided && (type != TULLE_SDP_OFFER || (sdp->setup != TULLE_SETUP_ACTPASS &&
							    sdp->setup != TULLE_SETUP_NONE)))
		return tulle_peer_fail(
			p, TULLE_ERR_SYNTAX, "the description has no usable setup role");
	tulle_err err = tulle_peer_snap_judge(p, sdp);
	return err != TULLE_OK ? err : tulle_peer_judge_restart(p, sdp, type == TULLE_SDP_OFFER);
}

static tulle_err keep_remote(tulle_peer *p, tulle_sdp_type type, tulle_text sdp)
{
	if (sdp.len > PEER_SDP_BYTES_MAX)
		return tulle_peer_fail(p, TULLE_ERR_TOO_LARGE, "the description is too long");
	memcpy(p->remote_text[1 - p->remote_slot], sdp.ptr, sdp.len);
	p->remote_pending = (peer_description){.type = type, .len = (uint16_t)sdp.len};
	return TULLE_OK;
}

/* What was pending is current from here on. */
static void settle(tulle_peer *p)
{
	if (p->remote_pending.type != 0) {
		p->remote_slot = (uint8_t)(1 - p->remote_slot);
		p->remote_current = p->remote_pending;
	}
	if (p->local_pending.type != 0)
		p->local_current = p->local_pending;
	p->remote_pending = p->local_pending = (peer_description){0};
	p->local_current.restart = false;
	p->negotiation_needed = p->restart_wanted;
	set_signaling(p, TULLE_SIGNALING_STABLE);
}

static tulle_err roll_back(tulle_peer *p, bool remote)
{
	if (p->signaling !=
		(remote ? TULLE_SIGNALING_HAVE_REMOTE_OFFER : TULLE_SIGNALING_HAVE_LOCAL_OFFER))
		return tulle_peer_fail(p, TULLE_ERR_STATE, "there is nothing to roll back");
	tulle_peer_roll_restart_back(p);
	if (remote && !p->transport_set)
		tulle_ice_rollback(p->ice, p->now);
	p->local_pending = p->remote_pending = (peer_description){0};
	p->offered = p->data_negotiated;
	if (p->restart_wanted || (!p->data_negotiated && p->channels.count != 0))
		p->negotiation_needed = true;
	set_signaling(p, TULLE_SIGNALING_STABLE);
	return TULLE_OK;
}

static tulle_err set_remote_offer(tulle_peer *p, tulle_text text, const tulle_sdp *sdp)
{
	if (p->signaling == TULLE_SIGNALING_HAVE_LOCAL_OFFER)
		(void)roll_back(p, false); /* W3C: an offer in have-local-offer rolls ours back */
	else if (p->signaling != TULLE_SIGNALING_STABLE &&
		 p->signaling != TULLE_SIGNALING_HAVE_REMOTE_OFFER)
		return tulle_peer_fail(
			p, TULLE_ERR_STATE, "an offer does not fit the signaling state");
	tulle_err err = keep_remote(p, TULLE_SDP_OFFER, text);
	if (err != TULLE_OK)
		return err;
	tulle_peer_expect_restart(p, sdp);
	if (!p->transport_set) {
		tulle_ice_rollback(p->ice, p->now); /* another offer may have stood here */
		(void)tulle_ice_set_role(p->ice, sdp->lite);
	}
	feed_candidates(p, sdp); /* before those that are trickled, and their end */
	if (sdp->data.mid.len != 0 && sdp->data.mid.len <= sizeof p->mid) {
		memcpy(p->mid, sdp->data.mid.ptr, sdp->data.mid.len);
		p->mid_len = (uint8_t)sdp->data.mid.len;
	}
	set_signaling(p, TULLE_SIGNALING_HAVE_REMOTE_OFFER);
	return TULLE_OK;
}

static tulle_err set_remote_answer(
	tulle_peer *p, tulle_sdp_type type, tulle_text text, const tulle_sdp *sdp)
{
	if (p->signaling != TULLE_SIGNALING_HAVE_LOCAL_OFFER &&
		p->signaling != TULLE_SIGNALING_HAVE_REMOTE_PRANSWER)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "there is no offer of ours to answer");
	tulle_err err = keep_remote(p, type, text);
	if (err == TULLE_OK)
		err = set_transport(p, sdp,
			sdp->setup == TULLE_SETUP_ACTIVE ? TULLE_SETUP_PASSIVE
							 : TULLE_SETUP_ACTIVE);
	if (err != TULLE_OK)
		return err;
	feed_candidates(p, sdp);
	if (type == TULLE_SDP_ANSWER)
		settle(p);
	else
		set_signaling(p, TULLE_SIGNALING_HAVE_REMOTE_PRANSWER);
	return TULLE_OK;
}

tulle_err tulle_peer_set_remote(tulle_peer *p, tulle_sdp_type type, const char *text, size_t len)
{
	tulle_sdp sdp;
	tulle_text t = {text, len};
	if (p->closed)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the connection is closed");
	if (type == TULLE_SDP_ROLLBACK)
		return roll_back(p, true);
	if (type != TULLE_SDP_OFFER && type != TULLE_SDP_ANSWER && type != TULLE_SDP_PRANSWER)
		return tulle_peer_fail(
			p, TULLE_ERR_ARGUMENT, "a remote description is an offer or an answer");
	tulle_err err = text == NULL ? TULLE_ERR_SYNTAX : tulle_sdp_read(t, &sdp);
	if (err != TULLE_OK)
		return tulle_peer_fail(p, err, "the description is not SDP that we understand");
	if ((err = judge_remote(p, &sdp, type)) != TULLE_OK)
		return err;
	return type == TULLE_SDP_OFFER ? set_remote_offer(p, t, &sdp)
				       : set_remote_answer(p, type, t, &sdp);
}

static tulle_err set_local_offer(tulle_peer *p, bool restart)
{
	if (p->signaling != TULLE_SIGNALING_STABLE &&
		p->signaling != TULLE_SIGNALING_HAVE_LOCAL_OFFER)
		return tulle_peer_fail(
			p, TULLE_ERR_STATE, "an offer does not fit the signaling state");
	tulle_err err = tulle_peer_set_restart(p, restart);
	if (err != TULLE_OK)
		return err;
	if (!p->transport_set)
		(void)tulle_ice_set_role(p->ice, true); /* RFC8445:6.1.1: who offers controls */
	p->local_pending = (peer_description){
		.type = TULLE_SDP_OFFER, .version = ++p->session_version, .restart = restart};
	p->offered = true;
	p->negotiation_needed = false;
	tulle_peer_begin_gathering(p);
	set_signaling(p, TULLE_SIGNALING_HAVE_LOCAL_OFFER);
	return TULLE_OK;
}

static tulle_err set_local_answer(tulle_peer *p, tulle_sdp_type type)
{
	tulle_sdp offer;
	if (p->signaling != TULLE_SIGNALING_HAVE_REMOTE_OFFER &&
		p->signaling != TULLE_SIGNALING_HAVE_LOCAL_PRANSWER)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "there is no offer to answer");
	if (tulle_sdp_read(remote_text(p, true), &offer) != TULLE_OK)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the offer is gone");
	p->local_pending = (peer_description){.type = type, .version = ++p->session_version};
	tulle_peer_begin_gathering(p);
	tulle_err err = set_transport(p, &offer, answer_setup(p, &offer));
	if (err != TULLE_OK)
		return err;
	if (type == TULLE_SDP_ANSWER)
		settle(p);
	else
		set_signaling(p, TULLE_SIGNALING_HAVE_LOCAL_PRANSWER);
	return TULLE_OK;
}

/* W3C: only what create_offer and create_answer gave may be set; what differs is an error. */
static bool is_ours(
	tulle_peer *p, tulle_sdp_type type, tulle_text sdp, bool asked, peer_description *out)
{
	*out = describe(p, type == TULLE_SDP_OFFER ? TULLE_SDP_OFFER : TULLE_SDP_ANSWER, asked);
	size_t n = tulle_peer_write_local(p, out);
	return n != 0 && n == sdp.len && memcmp(p->text, sdp.ptr, n) == 0;
}

tulle_err tulle_peer_set_local(tulle_peer *p, tulle_sdp_type type, const char *sdp, size_t len)
{
	tulle_text text = {sdp, len};
	peer_description d;
	if (p->closed)
		return tulle_peer_fail(p, TULLE_ERR_STATE, "the connection is closed");
	if (type == TULLE_SDP_ROLLBACK)
		return roll_back(p, false);
	if (type == TULLE_SDP_IMPLICIT) {
		type = p->signaling == TULLE_SIGNALING_HAVE_REMOTE_OFFER ||
				       p->signaling == TULLE_SIGNALING_HAVE_LOCAL_PRANSWER
			       ? TULLE_SDP_ANSWER
			       : TULLE_SDP_OFFER;
		d = describe(p, type, false);
	} else if (sdp == NULL ||
		   (!is_ours(p, type, text, false, &d) && !is_ours(p, type, text, true, &d))) {
		return tulle_peer_fail(
			p, TULLE_ERR_ARGUMENT, "not the description that was created");
	}
	if (type == TULLE_SDP_OFFER)
		return set_local_offer(p, d.restart);
	return set_local_answer(p, type);
}

tulle_sdp_type tulle_peer_local(const tulle_peer *peer, bool pending, tulle_text *sdp)
{
	tulle_peer *p = (tulle_peer *)(uintptr_t)peer; /* the text is written into the peer */
	const peer_description *d = pending ? &p->local_pending : &p->local_current;
	*sdp = (tulle_text){p->text, 0};
	if (d->type != 0)
		sdp->len =
			tulle_peer_write_local(p, &(peer_description){.type = d->type,
							  .version = d->version,
							  .restart = d->restart && p->restarting});
	return sdp->len != 0 ? d->type : (tulle_sdp_type)0;
}

tulle_sdp_type tulle_peer_remote(const tulle_peer *p, bool pending, tulle_text *sdp)
{
	*sdp = remote_text(p, pending);
	return pending ? p->remote_pending.type : p->remote_current.type;
}

tulle_err tulle_peer_add_candidate(tulle_peer *p, const tulle_candidate *candidate)
{
	bool has_remote = p->remote_current.type != 0 || p->remote_pending.type != 0;
	if (p->closed || !has_remote)
		return tulle_peer_fail(
			p, TULLE_ERR_STATE, "a candidate comes after the description");
	/* Without a name it belongs to the description that came last: RFC9429:4.1.19. */
	tulle_text ufrag = candidate->username_fragment;
	tulle_sdp offer;
	if (ufrag.len == 0 && p->remote_restarts &&
		tulle_sdp_read(remote_text(p, true), &offer) == TULLE_OK)
		ufrag = offer.ufrag;
	tulle_drop drop = tulle_peer_take_remote(p, candidate->candidate, ufrag);
	tulle_peer_permit_remotes(p);
	tulle_peer_mark(p);
	if (drop == TULLE_DROP_ICE_CANDIDATE)
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX, "not a candidate of RFC 8839");
	return TULLE_OK; /* what we cannot use is no error of the caller's: W3C */
}
