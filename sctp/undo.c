/* SPDX-License-Identifier: MIT */
/* sctp: retransmissions that were for nothing: the peer reports a TSN twice that we sent twice.
 * When every retransmission of a recovery is so reported, congestion control takes the recovery
 * back. Each report counts once for each retransmission: a peer cannot undo more than we did. */
#include "sctp/association.h"

void tulle_sctp_undo_begin(tulle_sctp *sctp)
{
	sctp->out.undo = (sctp_undo){.possible = true};
}

void tulle_sctp_undo_sent(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_undo *u = &sctp->out.undo;
	if (!u->possible)
		return;
	if (u->count < TULLE_SCTP_UNDO_MAX)
		u->tsn[u->count++] = tsn;
	else
		u->possible = false;
}

static bool take(sctp_undo *u, uint32_t tsn)
{
	for (uint16_t i = 0; i < u->count; i++)
		if (u->tsn[i] == tsn) {
			u->tsn[i] = u->tsn[--u->count];
			return true;
		}
	return false;
}

void tulle_sctp_undo_duplicates(tulle_sctp *sctp, const tulle_sctp_sack_chunk *sack)
{
	sctp_outbound *o = &sctp->out;
	sctp_undo *u = &o->undo;
	bool any = false;
	size_t count = tulle_min(sack->duplicate_count, TULLE_SCTP_UNDO_MAX);
	for (size_t i = 0; i < count; i++)
		if (take(u, tulle_sctp_read_duplicate(sack, i))) {
			any = true;
			sctp->stats.spurious++;
		}
	if (!any)
		return;
	tulle_sctp_rack_duplicates(sctp);
	if (!u->possible || u->count != 0)
		return;
	u->possible = false;
	sctp->stats.undos++;
	o->in_recovery = false;
	sctp->cc.way->on_undo(&sctp->cc);
}
