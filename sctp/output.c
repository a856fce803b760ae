/* SPDX-License-Identifier: MIT */
/* sctp: packets go out, timers run out. Control chunks stand before DATA: RFC9260:6.10. */
#include "sctp/association.h"

static void write_error(tulle_sctp *sctp, tulle_wr *w, uint8_t type)
{
	size_t at = tulle_sctp_chunk_start(w, type, 0);
	tulle_wr_bytes(w, sctp->causes.bytes, sctp->causes.len);
	tulle_sctp_chunk_end(w, at);
	sctp->causes.len = 0;
	sctp->due &= ~(uint32_t)SCTP_DUE_ERROR;
}

static void write_empty(tulle_wr *w, uint8_t type)
{
	tulle_sctp_chunk_end(w, tulle_sctp_chunk_start(w, type, 0));
}

static bool take_due(tulle_sctp *sctp, uint32_t bit)
{
	bool due = (sctp->due & bit) != 0;
	sctp->due &= ~bit;
	return due;
}

static void write_heartbeats(tulle_sctp *sctp, tulle_wr *w)
{
	if (take_due(sctp, SCTP_DUE_HEARTBEAT_ACK)) { /* RFC9260:8.3: as it came */
		size_t at = tulle_sctp_chunk_start(w, SCTP_HEARTBEAT_ACK, 0);
		tulle_wr_bytes(w, sctp->heartbeat, sctp->heartbeat_len);
		tulle_sctp_chunk_end(w, at);
	}
	if (take_due(sctp, SCTP_DUE_HEARTBEAT)) {
		size_t at = tulle_sctp_chunk_start(w, SCTP_HEARTBEAT, 0);
		size_t p = tulle_sctp_parameter_start(w, SCTP_P_HEARTBEAT);
		tulle_wr_bytes(w, sctp->heartbeat_nonce, sizeof sctp->heartbeat_nonce);
		tulle_sctp_parameter_end(w, p);
		tulle_sctp_chunk_end(w, at);
	}
}

static void write_shutdown(tulle_sctp *sctp, tulle_wr *w)
{
	if (take_due(sctp, SCTP_DUE_SHUTDOWN)) {
		size_t at = tulle_sctp_chunk_start(w, SCTP_SHUTDOWN, 0);
		tulle_wr_u32(w, sctp->in.cumulative);
		tulle_sctp_chunk_end(w, at);
	}
	if (take_due(sctp, SCTP_DUE_SHUTDOWN_ACK))
		write_empty(w, SCTP_SHUTDOWN_ACK);
}

static void write_cookie_echo(tulle_sctp *sctp, tulle_wr *w)
{
	size_t at = tulle_sctp_chunk_start(w, SCTP_COOKIE_ECHO, 0);
	tulle_wr_bytes(w, sctp->cookie, sctp->cookie_len);
	tulle_sctp_chunk_end(w, at);
}

/* All that is small and due, each chunk only where a full one of its kind fits. */
static void write_control(tulle_sctp *sctp, tulle_wr *w)
{
	if (take_due(sctp, SCTP_DUE_COOKIE_ECHO))
		write_cookie_echo(sctp, w);
	if (take_due(sctp, SCTP_DUE_COOKIE_ACK))
		write_empty(w, SCTP_COOKIE_ACK);
	if (!tulle_sctp_is_open(sctp)) {
		if (w->len == SCTP_HEADER_BYTES)
			return; /* RFC9260:5.1 C: until then only with a COOKIE ECHO */
		if (w->cap - w->len > TULLE_SCTP_HEARTBEAT_BYTES_MAX + 32)
			write_heartbeats(sctp, w);
		if ((sctp->due & SCTP_DUE_ERROR) && w->cap - w->len > sizeof sctp->causes.bytes + 8)
			write_error(sctp, w, SCTP_ERROR);
		return;
	}
	bool bundle = sctp->in.packets_unacked != 0 && tulle_sctp_has_data_due(sctp);
	/* RFC9260:9.2: in SHUTDOWN-SENT each DATA is answered by both */
	if ((sctp->due & SCTP_DUE_SACK) && sctp->state == TULLE_SCTP_STATE_SHUTDOWN_SENT)
		sctp->due |= SCTP_DUE_SHUTDOWN;
	if ((sctp->due & (SCTP_DUE_RESET_RESPONSE)) && w->cap - w->len > 128)
		tulle_sctp_write_re_config(sctp, w);
	if ((sctp->due & (SCTP_DUE_RESET_REQUEST)) && w->cap - w->len > 128)
		tulle_sctp_write_re_config(sctp, w);
	if ((sctp->due & SCTP_DUE_FORWARD) && w->cap - w->len > 128)
		tulle_sctp_write_forward(sctp, w);
	write_shutdown(sctp, w);
	if (w->cap - w->len > TULLE_SCTP_HEARTBEAT_BYTES_MAX + 32)
		write_heartbeats(sctp, w);
	if ((sctp->due & SCTP_DUE_ERROR) && w->cap - w->len > sizeof sctp->causes.bytes + 8)
		write_error(sctp, w, SCTP_ERROR);
	if (((sctp->due & SCTP_DUE_SACK) || bundle) && w->cap - w->len > 128)
		tulle_sctp_write_sack_chunk(sctp, w);
}

static void write_init(tulle_sctp *sctp, tulle_sctp_packet *p)
{
	tulle_sctp_init_chunk init;
	tulle_sctp_make_init(sctp, &init);
	tulle_sctp_write_init_chunk(&p->w, SCTP_INIT, &init);
}

/* A cookie is as long as the peer made it, which may be more than the path takes now. */
static size_t room_with_cookie(const tulle_sctp *sctp, size_t cap)
{
	size_t whole = SCTP_HEADER_BYTES + SCTP_CHUNK_HEADER_BYTES;
	whole += tulle_sctp_padded(sctp->cookie_len);
	return sctp->due & SCTP_DUE_COOKIE_ECHO ? tulle_max(cap, whole) : cap;
}

static size_t write_packet(tulle_sctp *sctp, uint8_t *dst, size_t cap)
{
	cap = room_with_cookie(sctp, cap);
	tulle_sctp_packet p;
	tulle_sctp_header header = {
		sctp->config.local_port, sctp->config.remote_port, sctp->identity.remote_tag};
	bool init = take_due(sctp, SCTP_DUE_INIT);
	bool summed = init || (sctp->due & SCTP_DUE_COOKIE_ECHO) != 0; /* RFC9653:5.2 */
	if (init)
		header.tag = 0; /* RFC9260:8.5.1 A */
	tulle_sctp_packet_start(&p, (tulle_cpu)sctp->config.cpu, dst, cap, &header);
	p.unsummed = sctp->zero_checksum && !summed && tulle_sctp_is_open(sctp);
	if (init) {
		write_init(sctp, &p);
	} else if (take_due(sctp, SCTP_DUE_ABORT)) {
		write_error(sctp, &p.w, SCTP_ABORT);
	} else if (take_due(sctp, SCTP_DUE_SHUTDOWN_COMPLETE)) {
		write_empty(&p.w, SCTP_SHUTDOWN_COMPLETE);
	} else {
		write_control(sctp, &p.w);
		(void)tulle_sctp_write_chunks(sctp, &p);
	}
	if (p.w.len == SCTP_HEADER_BYTES)
		return 0;
	size_t len = tulle_sctp_packet_end(&p);
	TULLE_CHECK(len != 0); /* what is written was measured before */
	return len;
}

bool tulle_sctp_poll_datagram(
	tulle_sctp *sctp, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out)
{
	tulle_sctp_clock(sctp, now);
	tulle_sctp_date(&sctp->out, 0);
	size_t cap = sctp->path.size, len = 0;
	bool probe = false;
	if (dst_bytes < tulle_sctp_packet_limit(&sctp->config))
		return false;
	if (sctp->due & SCTP_DUE_REPLY)
		len = tulle_sctp_write_reply(sctp, dst, cap);
	if (len == 0 && take_due(sctp, SCTP_DUE_PATH_PROBE)) {
		len = tulle_sctp_write_path_probe(sctp, dst);
		probe = len != 0;
	}
	if (len == 0 && (sctp->due != 0 || tulle_sctp_has_data_due(sctp)))
		len = write_packet(sctp, dst, cap);
	/* all that was due was given up */
	if (len == 0 && (sctp->due & (SCTP_DUE_FORWARD | SCTP_DUE_SHUTDOWN | SCTP_DUE_SHUTDOWN_ACK |
					     SCTP_DUE_RESET_REQUEST)))
		len = write_packet(sctp, dst, cap);
	if (len == 0) {
		tulle_sctp_pace_wait(sctp);
		return false;
	}
	sctp->stats.packets_out++;
	sctp->stats.bytes_out += len;
	*out = (tulle_datagram){.len = len, .df_probe = probe, .may_fragment = !probe && len > cap};
	return true;
}

/* -- time -- */

tulle_time tulle_sctp_poll_timeout(const tulle_sctp *sctp)
{
	tulle_time first = TULLE_TIME_NEVER;
	for (int i = 0; i < SCTP_TIMERS; i++)
		first = tulle_time_min(first, sctp->timers[i]);
	return first;
}

static void room_timeout(tulle_sctp *sctp)
{
	tulle_sctp_look_for_room(sctp);
	if (sctp->out.blocked)
		tulle_pool_wait(&sctp->out_account);
}

static void expire(tulle_sctp *sctp, sctp_timer timer)
{
	switch (timer) {
	case SCTP_T_INIT:
		tulle_sctp_handshake_timeout(sctp);
		break;
	case SCTP_T_RTX:
		tulle_sctp_rtx_timeout(sctp);
		break;
	case SCTP_T_SACK:
		sctp->due |= SCTP_DUE_SACK;
		break;
	case SCTP_T_SHUTDOWN:
		tulle_sctp_shutdown_timeout(sctp);
		break;
	case SCTP_T_GUARD:
		tulle_sctp_break(sctp, SCTP_C_USER, NULL, 0);
		break;
	case SCTP_T_HEARTBEAT:
		tulle_sctp_heartbeat_timeout(sctp);
		break;
	case SCTP_T_RESET:
		tulle_sctp_reset_timeout(sctp);
		break;
	case SCTP_T_ROOM:
		room_timeout(sctp);
		break;
	case SCTP_T_RACK:
		tulle_sctp_rack_detect(sctp);
		break;
	case SCTP_T_FORWARD:
		tulle_sctp_forward_progress(sctp);
		break;
	case SCTP_T_PATH:
		tulle_sctp_path_timeout(sctp);
		break;
	case SCTP_T_PACE: /* what waits is due now: has_data_due */
	case SCTP_TIMERS:
		break;
	}
}

void tulle_sctp_handle_timeout(tulle_sctp *sctp, tulle_time now)
{
	tulle_sctp_clock(sctp, now);
	tulle_sctp_date(&sctp->out, 0);
	tulle_sctp_free_given(sctp);
	for (int i = 0; i < SCTP_TIMERS; i++) {
		if (!tulle_time_due(sctp->timers[i], sctp->now))
			continue;
		tulle_sctp_stop_timer(sctp, (sctp_timer)i);
		expire(sctp, (sctp_timer)i);
	}
}
