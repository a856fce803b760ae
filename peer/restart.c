/* SPDX-License-Identifier: MIT */
/* peer: ICE restart by offer and answer: RFC8839:4.4.1.1, RFC9429:5.2.1, W3C webrtc-pc. Our offer
 * draws credentials, and nothing else changes until the answer is here; an answer of ours to an
 * offer that restarts does both at once. */
#include "peer/state.h"

/* There is something to restart: W3C's restartIce() before the first description does nothing. */
bool tulle_peer_offer_restarts(const tulle_peer *p, bool asked)
{
	return (asked || p->restart_wanted) &&
	       (p->local_current.type != 0 || p->local_pending.type != 0);
}

static tulle_err begin(tulle_peer *p)
{
	tulle_err err = tulle_ice_restart(p->ice, p->now);
	if (err != TULLE_OK)
		return tulle_peer_fail(p, err, "there is no randomness for new credentials");
	p->was_gathered = p->gathered;
	p->gathered = false;
	return TULLE_OK;
}

tulle_err tulle_peer_set_restart(tulle_peer *p, bool restart)
{
	if (p->restarting && !restart)
		tulle_peer_roll_restart_back(p);
	if (p->restarting || !restart)
		return TULLE_OK;
	tulle_err err = begin(p);
	p->restarting = err == TULLE_OK;
	return err;
}

/* An answer restarts only what the offer did: RFC8839:4.4.1.1.1; and both credentials change. */
tulle_err tulle_peer_judge_restart(tulle_peer *p, const tulle_sdp *remote, bool offer)
{
	ice_likeness like = tulle_ice_compare_remote(p->ice, remote->ufrag, remote->pwd);
	if (like == ICE_HALF)
		return tulle_peer_fail(p, TULLE_ERR_SYNTAX,
			"the description has only one new ICE credential of two");
	if (like == ICE_OTHER && !offer && !p->restarting)
		return tulle_peer_fail(
			p, TULLE_ERR_SYNTAX, "the answer restarts ICE, the offer does not");
	return TULLE_OK;
}

void tulle_peer_expect_restart(tulle_peer *p, const tulle_sdp *offer)
{
	bool restarts = tulle_ice_compare_remote(p->ice, offer->ufrag, offer->pwd) == ICE_OTHER;
	if (p->remote_restarts && !restarts)
		tulle_peer_roll_restart_back(p);
	p->remote_restarts = restarts;
	if (restarts)
		tulle_ice_expect_restart(p->ice);
}

/* The remote's credentials, of both descriptions; a restart that was offered is done or, when the
 * answer has none, off. */
tulle_err tulle_peer_set_credentials(tulle_peer *p, const tulle_sdp *remote)
{
	ice_likeness like = tulle_ice_compare_remote(p->ice, remote->ufrag, remote->pwd);
	if (like == ICE_SAME) {
		tulle_peer_roll_restart_back(p);
		return TULLE_OK;
	}
	if (p->remote_restarts) {
		tulle_err err = begin(p);
		if (err != TULLE_OK)
			return err;
	}
	tulle_err err =
		tulle_ice_set_remote(p->ice, p->now, remote->ufrag, remote->pwd, remote->lite);
	if (err != TULLE_OK)
		return tulle_peer_fail(p, err, "the remote's ICE credentials are refused");
	if (p->restarting || p->remote_restarts)
		p->restart_wanted = false;
	p->restarting = p->remote_restarts = false;
	return TULLE_OK;
}

void tulle_peer_roll_restart_back(tulle_peer *p)
{
	if (!p->restarting && !p->remote_restarts)
		return;
	if (p->restarting)
		p->gathered = p->was_gathered;
	p->restarting = p->remote_restarts = false;
	tulle_ice_rollback(p->ice, p->now);
}

/* The path went away and none is left: only new descriptions help when no pair of the old does. Or
 * one came of which the remote can learn by new descriptions alone. */
void tulle_peer_watch_paths(tulle_peer *p, tulle_ice_state ice)
{
	tulle_path path;
	bool lost = ice == TULLE_ICE_DISCONNECTED && !tulle_ice_path(p->ice, &path);
	bool late = !p->restart_wanted && tulle_ice_wants_restart(p->ice);
	if (((lost && !p->path_lost) || late) && !p->restarting && !p->remote_restarts)
		(void)tulle_peer_restart_ice(p);
	p->path_lost = lost;
}

tulle_err tulle_peer_restart_ice(tulle_peer *p)
{
	if (p->closed || !tulle_peer_offer_restarts(p, true))
		return TULLE_OK;
	p->restart_wanted = p->negotiation_needed = true;
	tulle_peer_mark(p);
	return TULLE_OK;
}
