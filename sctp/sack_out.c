/* SPDX-License-Identifier: MIT */
/* sctp: when a SACK of ours is owed, and what it says: RFC9260:6.2, 6.7.
 * Invariant: as many gap blocks as fit are named, the lowest first. */
#include "sctp/association.h"

/* RFC9260:6.2 allows 200 ms; a sender's timers are tighter. */
static tulle_time sack_delay(const tulle_sctp *sctp)
{
	return sctp->srtt == 0 ? TULLE_SCTP_SACK_DELAY_US
			       : tulle_time_min(tulle_time_max(sctp->srtt / 4, 1000),
					 TULLE_SCTP_SACK_DELAY_US);
}

/* When a SACK is owed for the packet: DESIGN's batches. dcSCTP's window grows by a packet a SACK,
 * so that the first packets get theirs one by one even when several are handled between two polls.
 */
void tulle_sctp_end_of_packet(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	if (!in->packet_has_data)
		return;
	in->packet_has_data = false;
	in->packets++;
	in->packets_unacked++;
	if (in->ranges.count != 0) { /* RFC9260:6.7 */
		in->owed_count = 0;
		sctp->due |= SCTP_DUE_SACK;
		return;
	}
	if (in->packets_unacked % 2 == 0) { /* RFC9260:6.2 */
		if (in->packets <= TULLE_SCTP_EARLY_PACKETS &&
			in->owed_count < TULLE_SCTP_OWED_SACKS_MAX)
			in->owed[in->owed_count++] = in->cumulative;
		sctp->due |= SCTP_DUE_SACK;
	}
	if (!tulle_sctp_is_timing(sctp, SCTP_T_SACK))
		tulle_sctp_set_timer(sctp, SCTP_T_SACK, sack_delay(sctp));
}

/* The SACKs owed, oldest first; the last one tells how things stand now. */
static bool write_owed(tulle_sctp *sctp, tulle_wr *w, size_t window)
{
	sctp_inbound *in = &sctp->in;
	if (in->owed_count < 2 || in->ranges.count != 0)
		return false;
	tulle_sctp_write_sack(w, in->owed[0], (uint32_t)window, NULL, 0, NULL, 0);
	in->owed_count--;
	memmove(in->owed, in->owed + 1, in->owed_count * sizeof *in->owed);
	return true;
}

void tulle_sctp_write_sack_chunk(tulle_sctp *sctp, tulle_wr *w)
{
	sctp_inbound *in = &sctp->in;
	tulle_sctp_gap gaps[TULLE_SCTP_GAPS_MAX]; /* a packet of 1200 bytes holds no more */
	size_t count = tulle_min(in->ranges.count, TULLE_SCTP_GAPS_MAX);
	size_t window = tulle_sctp_window(sctp);
	sctp->stats.sacks_out++;
	in->window_told = window;
	if (window == 0 && tulle_pool_free(sctp->config.pool) == 0) {
		in->waiting = true;
		tulle_pool_wait(&sctp->in_account);
	}
	if (write_owed(sctp, w, window))
		return; /* DUE_SACK stays: more are owed */
	for (size_t i = 0; i < count; i++) {
		gaps[i].start = (uint16_t)(in->ranges.at[i].first - in->cumulative);
		gaps[i].end = (uint16_t)(in->ranges.at[i].last - in->cumulative);
	}
	tulle_sctp_write_sack(w, in->cumulative, (uint32_t)window, gaps, count, in->duplicates,
		in->duplicate_count);
	in->owed_count = in->duplicate_count = in->packets_unacked = 0;
	sctp->due &= ~(uint32_t)SCTP_DUE_SACK;
	tulle_sctp_stop_timer(sctp, SCTP_T_SACK);
}
