/* SPDX-License-Identifier: MIT */
/* sctp: birth, states, timers and end of an association: RFC9260:4. */
#include "sctp/association.h"

#include "base/crypto.h"

#define HEAD_BYTES ((sizeof(tulle_sctp) + 63) / 64 * 64)
_Static_assert(HEAD_BYTES <= TULLE_SCTP_MEMORY_BYTES_MAX, "the published bound holds");

static tulle_sctp_config with_defaults(const tulle_sctp_config *config)
{
	tulle_sctp_config c = *config;
	c.local_port = c.local_port != 0 ? c.local_port : 5000;
	c.remote_port = c.remote_port != 0 ? c.remote_port : 5000;
	c.packet_bytes_max = c.packet_bytes_max != 0 ? c.packet_bytes_max : 1172;
	c.streams_max = c.streams_max != 0 ? c.streams_max : 65535;
	c.send_bytes_max = c.send_bytes_max != 0 ? c.send_bytes_max : (size_t)4 << 20;
	c.receive_bytes_max = c.receive_bytes_max != 0 ? c.receive_bytes_max : (size_t)4 << 20;
	c.rto_us_initial = c.rto_us_initial != 0 ? c.rto_us_initial : 1000000;
	c.rto_us_min = c.rto_us_min != 0 ? c.rto_us_min : 1000;
	c.rto_us_max = c.rto_us_max != 0 ? c.rto_us_max : 10000000;
	c.heartbeat_us = c.heartbeat_us != 0 ? c.heartbeat_us : 30000000;
	c.retransmissions_max = c.retransmissions_max != 0 ? c.retransmissions_max : 10;
	c.init_retransmissions_max =
		c.init_retransmissions_max != 0 ? c.init_retransmissions_max : 8;
	return c;
}

static bool is_in_range(const tulle_sctp_config *c)
{
	return c->pool != NULL && c->random.fill != NULL &&
	       tulle_pool_block_bytes(c->pool) >= TULLE_SCTP_BLOCK_BYTES_MIN &&
	       tulle_pool_block_bytes(c->pool) <= 32768 && /* lengths of pieces are 16 bits */
	       c->packet_bytes_max >= TULLE_SCTP_PACKET_BYTES_MIN &&
	       c->packet_bytes_max <= TULLE_SCTP_PACKET_BYTES_LIMIT &&
	       (c->probe_bytes_max == 0 ||
		       (c->probe_bytes_max >= c->packet_bytes_max &&
			       c->probe_bytes_max <= TULLE_SCTP_PACKET_BYTES_LIMIT)) &&
	       c->receive_bytes_max >= 2 * tulle_sctp_packet_limit(c) &&
	       c->receive_bytes_max <= (size_t)1 << 30 && c->send_bytes_max <= (size_t)1 << 30 &&
	       c->rto_us_min > 0 && c->rto_us_max >= c->rto_us_min && c->rto_us_max <= 60000000 &&
	       c->rto_us_initial > 0;
}

static uint32_t reserve_of_packets(size_t packet, size_t room)
{
	return (uint32_t)((packet + room - 1) / room);
}

uint32_t tulle_sctp_reserve_blocks_min(const tulle_sctp_config *config)
{
	tulle_sctp_config c = with_defaults(config);
	if (!is_in_range(&c))
		return 0;
	size_t room = tulle_pool_block_bytes(c.pool) - 80; /* heads of block and piece */
	size_t packet = tulle_sctp_packet_limit(&c);
	uint32_t out = reserve_of_packets(4 * packet, room) + 5;
	uint32_t in = 4 * reserve_of_packets(packet, room) + 2;
	return 2 * (out > in ? out : in);
}

size_t tulle_sctp_memory_bytes(const tulle_sctp_config *config)
{
	uint32_t least = tulle_sctp_reserve_blocks_min(config);
	if (least == 0 || config->reserve_blocks < least || config->reserve_blocks > 1u << 20)
		return 0;
	return HEAD_BYTES + config->reserve_blocks * tulle_pool_block_bytes(config->pool);
}

tulle_sctp *tulle_sctp_init(
	void *memory, size_t memory_bytes, const tulle_sctp_config *config, tulle_time now)
{
	size_t need = tulle_sctp_memory_bytes(config);
	if (need == 0 || memory == NULL || memory_bytes < need)
		return NULL;
	tulle_sctp *sctp = memory;
	memset(sctp, 0, sizeof *sctp);
	sctp->config = with_defaults(config);
	sctp->now = now;
	uint8_t *reserve = (uint8_t *)memory + HEAD_BYTES;
	size_t out = config->reserve_blocks / 2, block = tulle_pool_block_bytes(config->pool);
	tulle_pool_open(&sctp->out_account, config->pool, reserve, out,
		config->owner != NULL ? config->owner : sctp);
	tulle_pool_open(&sctp->in_account, config->pool, reserve + out * block,
		config->reserve_blocks - out, config->owner != NULL ? config->owner : sctp);
	for (int i = 0; i < SCTP_TIMERS; i++)
		sctp->timers[i] = TULLE_TIME_NEVER;
	tulle_sctp_rto_init(sctp);
	tulle_sctp_outbound_init(sctp, 0);
	tulle_sctp_inbound_init(sctp, 0);
	return sctp;
}

void tulle_sctp_wipe(tulle_sctp *sctp)
{
	tulle_sctp_outbound_clear(sctp);
	tulle_sctp_inbound_clear(sctp);
	tulle_sctp_clear_streams(sctp);
	tulle_sctp_drop_cookie(sctp);
	tulle_pool_close(&sctp->out_account);
	tulle_pool_close(&sctp->in_account);
	tulle_crypto_wipe(sctp, sizeof *sctp);
}

void tulle_sctp_clock(tulle_sctp *sctp, tulle_time now)
{
	if (now <= sctp->now)
		return;
	tulle_sctp_date(&sctp->out, now - sctp->now);
	sctp->now = now;
}

#define TO(state) (1u << TULLE_SCTP_STATE_##state)

/* RFC9260:4, figure 3: where each state may go; CLOSED is open to all. */
static const uint16_t ways[] = {
	[TULLE_SCTP_STATE_CLOSED] = TO(COOKIE_WAIT) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_COOKIE_WAIT] = TO(COOKIE_ECHOED) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_COOKIE_ECHOED] = TO(COOKIE_WAIT) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_ESTABLISHED] =
		TO(SHUTDOWN_PENDING) | TO(SHUTDOWN_RECEIVED) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_SHUTDOWN_PENDING] =
		TO(SHUTDOWN_SENT) | TO(SHUTDOWN_RECEIVED) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_SHUTDOWN_SENT] = TO(SHUTDOWN_ACK_SENT) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_SHUTDOWN_RECEIVED] = TO(SHUTDOWN_ACK_SENT) | TO(ESTABLISHED),
	[TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT] = 0,
};

void tulle_sctp_set_state(tulle_sctp *sctp, tulle_sctp_state to, const char *why)
{
	(void)why; /* for the reader and the debugger */
	TULLE_CHECK(to == TULLE_SCTP_STATE_CLOSED || (ways[sctp->state] >> to & 1) != 0);
	sctp->state = to;
}

void tulle_sctp_set_timer(tulle_sctp *sctp, sctp_timer timer, tulle_time in_us)
{
	sctp->timers[timer] = tulle_time_add(sctp->now, in_us);
}

void tulle_sctp_stop_timer(tulle_sctp *sctp, sctp_timer timer)
{
	sctp->timers[timer] = TULLE_TIME_NEVER;
}

bool tulle_sctp_is_timing(const tulle_sctp *sctp, sctp_timer timer)
{
	return sctp->timers[timer] != TULLE_TIME_NEVER;
}

bool tulle_sctp_may_send_data(const tulle_sctp *sctp)
{
	return sctp->state == TULLE_SCTP_STATE_ESTABLISHED ||
	       sctp->state == TULLE_SCTP_STATE_SHUTDOWN_PENDING ||
	       sctp->state == TULLE_SCTP_STATE_SHUTDOWN_RECEIVED;
}

/* What was complete stays for poll_event; all else goes back to the pool. */
void tulle_sctp_end(tulle_sctp *sctp, tulle_sctp_closed why, uint16_t cause)
{
	if (sctp->ended)
		return;
	sctp->ended = sctp->closed_mark = true;
	sctp->why = why;
	sctp->cause = cause;
	tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_CLOSED, "ended");
	for (int i = 0; i < SCTP_TIMERS; i++)
		tulle_sctp_stop_timer(sctp, (sctp_timer)i);
	sctp->due &= SCTP_DUE_REPLY | SCTP_DUE_ABORT | SCTP_DUE_SHUTDOWN_COMPLETE;
	sctp->writable_mark = sctp->out.blocked = false;
	tulle_sctp_outbound_clear(sctp);
	tulle_sctp_drop_cookie(sctp);
}

static void add_cause(tulle_sctp *sctp, uint16_t cause, const void *info, size_t len, bool ending)
{
	sctp_causes *c = &sctp->causes;
	if (len > TULLE_SCTP_ERROR_BYTES_MAX ||
		c->len + 4 + tulle_sctp_padded(len) > sizeof c->bytes)
		return; /* RFC9260:12.2.4.1 what does not fit is not reported */
	if (c->len == 0 && !ending && !tulle_sctp_may_answer(sctp))
		return;
	tulle_wr w = tulle_wr_make(c->bytes + c->len, sizeof c->bytes - c->len);
	size_t at = tulle_sctp_parameter_start(&w, cause);
	tulle_wr_bytes(&w, info, len);
	tulle_sctp_parameter_end(&w, at);
	if (tulle_wr_finish(&w))
		c->len = (uint16_t)(c->len + w.len);
	sctp->due |= SCTP_DUE_ERROR;
}

void tulle_sctp_add_error(tulle_sctp *sctp, uint16_t cause, const void *info, size_t len)
{
	add_cause(sctp, cause, info, len, false);
}

void tulle_sctp_break(tulle_sctp *sctp, uint16_t cause, const void *info, size_t len)
{
	if (sctp->ended)
		return;
	bool told = sctp->identity.remote_tag != 0;
	sctp->causes.len = 0;
	add_cause(sctp, cause, info, tulle_min(len, TULLE_SCTP_ERROR_BYTES_MAX), true);
	tulle_sctp_end(sctp, TULLE_SCTP_ABORT_LOCAL, cause);
	if (told)
		sctp->due |= SCTP_DUE_ABORT;
}

bool tulle_sctp_count_error(tulle_sctp *sctp)
{
	if (++sctp->errors <= sctp->config.retransmissions_max) /* RFC9260:8.1 */
		return true;
	tulle_sctp_end(sctp, TULLE_SCTP_LOST, 0);
	return false;
}

tulle_err tulle_sctp_abort(tulle_sctp *sctp, tulle_time now, uint16_t cause, tulle_text text)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended)
		return TULLE_ERR_STATE;
	tulle_sctp_break(sctp, cause != 0 ? cause : SCTP_C_USER, text.ptr, text.len);
	return TULLE_OK;
}

void tulle_sctp_reset_numbers(tulle_sctp *sctp)
{
	const sctp_identity *id = &sctp->identity;
	tulle_sctp_outbound_init(sctp, id->local_tsn);
	tulle_sctp_inbound_init(sctp, id->remote_tsn);
	sctp->out.peer_window = sctp->out.peer_window_told = id->remote_window;
	sctp->streams_out = id->remote_streams_in < sctp->config.streams_max /* RFC9260:5.1.1 */
				    ? id->remote_streams_in
				    : sctp->config.streams_max;
	sctp->re_config = id->re_config;
	sctp->partial = id->partial && !sctp->config.no_partial;
	sctp->interleaves = id->i_data && sctp->config.interleaving; /* RFC8260:2.2.1 */
	/* each direction for itself: we may when the peer announced it. RFC9653:5.1 */
	sctp->zero_checksum = id->zero_checksum && sctp->config.zero_checksum;
	sctp->resets.sequence = id->local_tsn; /* RFC6525:4.1 */
	sctp->resets.peer_sequence = id->remote_tsn;
	tulle_sctp_resets_forget(sctp); /* what waits does so for TSNs of another peer */
	sctp->errors = 0;
	tulle_sctp_path_start(sctp);
	tulle_sctp_drop_beyond(sctp);
}

tulle_sctp_state tulle_sctp_state_now(const tulle_sctp *sctp)
{
	return sctp->state;
}

void tulle_sctp_read_stats(const tulle_sctp *sctp, tulle_sctp_stats *stats)
{
	*stats = sctp->stats;
	stats->rto_us = sctp->rto;
	stats->srtt_us = sctp->srtt;
	stats->rttvar_us = sctp->rttvar;
	stats->min_rtt_us = sctp->out.rack.min_rtt_us;
	stats->pacing = sctp->cc.pacing;
	stats->cwnd = sctp->cc.cwnd;
	stats->ssthresh = sctp->cc.ssthresh;
	stats->flight = sctp->out.flight;
	stats->peer_window = sctp->out.peer_window;
	stats->window = tulle_sctp_window(sctp);
	stats->packet_bytes = sctp->path.size;
	stats->blocks_in = sctp->in.blocks;
	stats->blocks_out = sctp->out.blocks;
	stats->streams_in = sctp->identity.remote_streams_out;
	if (stats->streams_in > sctp->config.streams_max)
		stats->streams_in = sctp->config.streams_max;
	stats->streams_out = sctp->streams_out;
}
