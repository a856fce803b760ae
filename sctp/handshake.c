/* SPDX-License-Identifier: MIT */
/* sctp: setting up, colliding, restarting: RFC9260:5. Browsers collide each time: both ends send an
 * INIT, so our tag is the same in our INIT and in each INIT ACK until we are up. */
#include "sctp/association.h"

#include "base/crypto.h"

bool tulle_sctp_ensure_identity(tulle_sctp *sctp)
{
	uint8_t seed[8 + sizeof sctp->cookie_keys];
	if (sctp->has_identity)
		return true;
	if (!sctp->config.random.fill(sctp->config.random.user, seed, sizeof seed))
		return false;
	tulle_rd r = tulle_rd_make(seed, sizeof seed);
	sctp->identity.local_tag = tulle_rd_u32(&r);
	sctp->identity.local_tsn = tulle_rd_u32(&r);
	if (sctp->identity.local_tag == 0) /* RFC9260:5.3.1 */
		sctp->identity.local_tag = 1;
	memcpy(sctp->cookie_keys, r.pos, sizeof sctp->cookie_keys);
	tulle_crypto_wipe(seed, sizeof seed);
	sctp->cookie_keys_from = sctp->now;
	sctp->has_identity = true;
	return true;
}

void tulle_sctp_make_init(tulle_sctp *sctp, tulle_sctp_init_chunk *init)
{
	*init = (tulle_sctp_init_chunk){.tag = sctp->identity.local_tag,
		.re_config = true,
		.forward_tsn = !sctp->config.no_partial,
		.i_data = sctp->config.interleaving,
		.zero_checksum = sctp->config.zero_checksum};
	init->tsn = sctp->identity.local_tsn;
	init->window = (uint32_t)tulle_max(tulle_sctp_window(sctp), TULLE_SCTP_WINDOW_BYTES_MIN);
	init->streams_out = init->streams_in = sctp->config.streams_max;
}

tulle_err tulle_sctp_connect(tulle_sctp *sctp, tulle_time now)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended)
		return TULLE_ERR_STATE;
	if (sctp->state != TULLE_SCTP_STATE_CLOSED)
		return TULLE_OK;
	if (!tulle_sctp_ensure_identity(sctp))
		return TULLE_ERR_SYSTEM;
	tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_COOKIE_WAIT, "connect"); /* RFC9260:5.1 A */
	sctp->due |= SCTP_DUE_INIT;
	sctp->init_tries = 0;
	sctp->init_sent = sctp->now;
	tulle_sctp_set_timer(sctp, SCTP_T_INIT, sctp->rto);
	return TULLE_OK;
}

void tulle_sctp_handshake_timeout(tulle_sctp *sctp)
{
	if (++sctp->init_tries > sctp->config.init_retransmissions_max) { /* RFC9260:5.1 */
		tulle_sctp_end(sctp, TULLE_SCTP_LOST, 0);
		return;
	}
	tulle_sctp_rto_back_off(sctp);
	sctp->due |=
		sctp->state == TULLE_SCTP_STATE_COOKIE_WAIT ? SCTP_DUE_INIT : SCTP_DUE_COOKIE_ECHO;
	tulle_sctp_set_timer(sctp, SCTP_T_INIT, sctp->rto);
}

static void establish(tulle_sctp *sctp, const char *why)
{
	tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_ESTABLISHED, why);
	sctp->connected_mark = true;
	sctp->was_stale = false;
	sctp->due &= ~(uint32_t)(SCTP_DUE_INIT | SCTP_DUE_COOKIE_ECHO);
	tulle_sctp_stop_timer(sctp, SCTP_T_INIT);
	tulle_sctp_drop_cookie(sctp);
	tulle_sctp_reset_numbers(sctp);
	tulle_sctp_heartbeat_arm(sctp);
	tulle_sctp_resets_begin(sctp);
}

/* -- INIT -- */

static sctp_identity identity_of(const tulle_sctp *sctp, const tulle_sctp_init_chunk *init)
{
	sctp_identity id = sctp->identity;
	bool interleaves = init->i_data && sctp->config.interleaving;
	id.remote_tag = init->tag;
	id.remote_tsn = init->tsn;
	id.remote_window = init->window;
	id.remote_streams_out = init->streams_out;
	id.remote_streams_in = init->streams_in;
	id.re_config = init->re_config;
	/* RFC8260:2.3.1: with I-DATA both must know I-FORWARD-TSN */
	id.partial = init->forward_tsn && (!interleaves || init->i_forward_tsn);
	id.i_data = init->i_data;
	id.no_pad = init->no_pad;
	id.zero_checksum = init->zero_checksum;
	return id;
}

static bool has_streams(const tulle_sctp_init_chunk *init)
{
	return init->streams_out != 0 && init->streams_in != 0;
}

static bool is_acceptable(const tulle_sctp_init_chunk *init) /* RFC9260:3.3.2, 3.3.3 */
{
	return has_streams(init) && init->window >= TULLE_SCTP_WINDOW_BYTES_MIN;
}

/* The whole Host Name parameter, for its cause: RFC9260:3.3.10.5. What is too long is left out. */
static tulle_bytes host_name_of(const tulle_sctp_chunk *init)
{
	tulle_rd r = tulle_rd_make(init->value.ptr, init->value.len);
	tulle_sctp_parameter p;
	tulle_rd_skip(&r, 16);
	while (tulle_sctp_read_parameter(&r, &p))
		if (p.type == SCTP_P_HOST_NAME && p.whole.len <= TULLE_SCTP_UNKNOWN_BYTES_MAX)
			return p.whole;
	return (tulle_bytes){NULL, 0};
}

static void refuse(tulle_sctp *sctp, uint32_t tag, uint16_t cause, tulle_bytes info)
{
	if (!tulle_sctp_answer(sctp, SCTP_ABORT, tag, false, cause) || info.len == 0)
		return;
	memcpy(sctp->reply.info, info.ptr, info.len);
	sctp->reply.info_len = (uint16_t)info.len;
}

/* A peer that begins anew gets numbers of its own, and the association's tags as proof for later.
 */
static bool renew(tulle_sctp *sctp, sctp_reply *reply)
{
	uint8_t seed[8];
	if (!sctp->config.random.fill(sctp->config.random.user, seed, sizeof seed))
		return false;
	tulle_rd r = tulle_rd_make(seed, sizeof seed);
	reply->identity.local_tag = tulle_rd_u32(&r) | 1;
	reply->identity.local_tsn = tulle_rd_u32(&r);
	return true;
}

static tulle_drop answer_init(tulle_sctp *sctp, const tulle_sctp_init_chunk *init)
{
	if (!tulle_sctp_ensure_identity(sctp))
		return TULLE_DROP_ENGINE_FAILED;
	sctp_reply reply = {.type = SCTP_INIT_ACK, .tag = init->tag};
	reply.identity = identity_of(sctp, init);
	if (sctp->state == TULLE_SCTP_STATE_COOKIE_WAIT ||
		sctp->state == TULLE_SCTP_STATE_COOKIE_ECHOED)
		sctp->stats.collisions++; /* RFC9260:5.2.1: the tag of our own INIT */
	if (sctp->state >= TULLE_SCTP_STATE_COOKIE_ECHOED) {
		reply.local_tie = sctp->identity.local_tag;
		reply.remote_tie = sctp->identity.remote_tag;
	}
	if (tulle_sctp_is_open(sctp) && !renew(sctp, &reply)) /* RFC9260:5.2.2 */
		return TULLE_DROP_ENGINE_FAILED;
	memcpy(reply.info, init->unknown, init->unknown_len);
	reply.info_len = init->unknown_len;
	sctp->reply = reply;
	sctp->due |= SCTP_DUE_REPLY;
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_state)
tulle_drop tulle_sctp_take_init(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_sctp_init_chunk init;
	tulle_drop drop = tulle_sctp_read_init(chunk->value, &init);
	if (drop != TULLE_TAKEN)
		return drop;
	if (init.tag == 0) /* RFC9260:3.3.2 */
		return TULLE_DROP_SCTP_TAG;
	if (!is_acceptable(&init)) {
		(void)tulle_sctp_answer(sctp, SCTP_ABORT, init.tag, false, SCTP_C_MANDATORY);
		return TULLE_DROP_SCTP_PARAMETER;
	}
	if (init.host_name) { /* RFC9260:5.1.2 B */
		refuse(sctp, init.tag, SCTP_C_ADDRESS, host_name_of(chunk));
		return TULLE_DROP_SCTP_PARAMETER;
	}
	if (sctp->ended) {
		(void)tulle_sctp_answer(sctp, SCTP_ABORT, init.tag, false, 0);
		return TULLE_DROP_CLOSED;
	}
	if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT) { /* RFC9260:9.2 */
		sctp->due |= SCTP_DUE_SHUTDOWN_ACK;
		return TULLE_TAKEN;
	}
	return answer_init(sctp, &init);
}

/* -- INIT ACK -- */

/* An INIT ACK that ends the attempt: the ABORT goes to the tag that it names. */
static tulle_drop give_up(
	tulle_sctp *sctp, uint32_t tag, uint16_t cause, const void *info, size_t len)
{
	sctp->identity.remote_tag = tag;
	tulle_sctp_break(sctp, cause, info, len);
	return TULLE_DROP_SCTP_PARAMETER;
}

/* RFC9260:3.3.3, 5.1.2, 5.1: what of an INIT ACK makes an association impossible. */
static tulle_drop judge_init_ack(
	tulle_sctp *sctp, const tulle_sctp_chunk *chunk, const tulle_sctp_init_chunk *init)
{
	static const uint8_t missing[6] = {0, 0, 0, 1, 0, SCTP_P_COOKIE};
	if (init->tag == 0) { /* nobody to tell but by the tag that we have */
		tulle_sctp_end(sctp, TULLE_SCTP_ABORT_LOCAL, SCTP_C_MANDATORY);
		(void)tulle_sctp_answer(
			sctp, SCTP_ABORT, sctp->identity.local_tag, true, SCTP_C_MANDATORY);
		return TULLE_DROP_SCTP_TAG;
	}
	if (!has_streams(init))
		return give_up(sctp, init->tag, SCTP_C_MANDATORY, NULL, 0);
	if (!is_acceptable(init)) { /* of the window: discarded, and nothing changes */
		refuse(sctp, init->tag, SCTP_C_MANDATORY, (tulle_bytes){NULL, 0});
		return TULLE_DROP_SCTP_PARAMETER;
	}
	if (init->host_name) {
		tulle_bytes name = host_name_of(chunk);
		return give_up(sctp, init->tag, SCTP_C_ADDRESS, name.ptr, name.len);
	}
	if (!init->has_cookie || init->cookie.len == 0) /* 3.3.10.2 */
		return give_up(sctp, init->tag, SCTP_C_MISSING, missing, sizeof missing);
	/* the COOKIE ECHO is one packet */
	size_t echo = sctp->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_CHUNK_HEADER_BYTES;
	if (init->cookie.len > tulle_min(TULLE_SCTP_COOKIE_BYTES_MAX, echo & ~(size_t)3))
		return give_up(sctp, init->tag, SCTP_C_RESOURCE, NULL, 0);
	return TULLE_TAKEN;
}

static tulle_drop keep_cookie(tulle_sctp *sctp, tulle_bytes cookie)
{
	tulle_sctp_drop_cookie(sctp);
	sctp->cookie = tulle_pool_take(&sctp->in_account, true);
	if (sctp->cookie == NULL)
		return TULLE_DROP_NO_ROOM;
	memcpy(sctp->cookie, cookie.ptr, cookie.len);
	sctp->cookie_len = (uint16_t)cookie.len;
	return TULLE_TAKEN;
}

/* RFC9260:3.2.2, 3.3.10.8: in one cause, those that fit an ERROR. */
static void report_unknown(tulle_sctp *sctp, const tulle_sctp_init_chunk *init)
{
	tulle_rd r = tulle_rd_make(init->unknown, init->unknown_len);
	tulle_sctp_parameter p;
	size_t len = 0;
	while (tulle_sctp_read_parameter(&r, &p)) {
		size_t end = (size_t)(p.whole.ptr - init->unknown) + p.whole.len;
		if (end > TULLE_SCTP_ERROR_BYTES_MAX)
			break;
		len = end;
	}
	if (len != 0)
		tulle_sctp_add_error(sctp, SCTP_C_UNKNOWN_PARAMETERS, init->unknown, len);
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_state)
tulle_drop tulle_sctp_take_init_ack(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	tulle_sctp_init_chunk init;
	tulle_drop drop = tulle_sctp_read_init(chunk->value, &init);
	if (drop != TULLE_TAKEN)
		return drop;
	drop = judge_init_ack(sctp, chunk, &init);
	if (drop != TULLE_TAKEN)
		return drop;
	drop = keep_cookie(sctp, init.cookie);
	if (drop != TULLE_TAKEN)
		return drop;
	sctp->identity = identity_of(sctp, &init);
	report_unknown(sctp, &init);
	if (sctp->init_tries == 0)
		tulle_sctp_rto_sample(sctp, sctp->now - sctp->init_sent);
	tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_COOKIE_ECHOED, "INIT ACK"); /* RFC9260:5.1 C */
	sctp->init_tries = 0;
	sctp->due &= ~(uint32_t)SCTP_DUE_INIT;
	sctp->due |= SCTP_DUE_COOKIE_ECHO;
	tulle_sctp_set_timer(sctp, SCTP_T_INIT, sctp->rto);
	return TULLE_TAKEN;
}

/* -- COOKIE ECHO -- */

static void restart(tulle_sctp *sctp, const sctp_cookie *cookie)
{
	tulle_sctp_outbound_clear(sctp);
	tulle_sctp_inbound_clear(sctp);
	for (int i = 0; i < SCTP_TIMERS; i++)
		tulle_sctp_stop_timer(sctp, (sctp_timer)i);
	sctp->due = 0;
	sctp->causes.len = 0;
	sctp->heartbeat_sent = false;
	sctp->identity = cookie->identity;
	bool was_connected = sctp->connected_mark;
	establish(sctp, "restart");
	sctp->connected_mark = was_connected;
	sctp->restarted_mark = true;
	sctp->stats.restarts++;
	tulle_sctp_leave_streams(sctp);
	tulle_sctp_look_for_room(sctp);
}

static tulle_drop stale(tulle_sctp *sctp, const sctp_cookie *cookie)
{
	if (tulle_sctp_answer(
		    sctp, SCTP_ERROR, cookie->identity.remote_tag, false, SCTP_C_STALE_COOKIE))
		sctp->reply.stale_us = cookie->age - TULLE_SCTP_COOKIE_LIFE_US;
	return TULLE_DROP_SCTP_COOKIE;
}

/* Neither end has data of the other: the association is as good as new. */
static bool is_untouched(const tulle_sctp *sctp)
{
	const sctp_identity *id = &sctp->identity;
	return sctp->state == TULLE_SCTP_STATE_ESTABLISHED && sctp->out.next_tsn == id->local_tsn &&
	       sctp->in.ranges.count == 0 && sctp->in.cumulative + 1 == id->remote_tsn;
}

/* A, or B when we are up already: the peer has begun anew. */
static tulle_drop take_again(tulle_sctp *sctp, const sctp_cookie *cookie, bool local)
{
	if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_ACK_SENT) { /* RFC9260:3.3.10.10 */
		tulle_sctp_add_error(sctp, SCTP_C_SHUTTING_DOWN, NULL, 0);
		sctp->due |= SCTP_DUE_SHUTDOWN_ACK;
		return TULLE_DROP_STATE;
	}
	if (local && is_untouched(sctp)) { /* B: its tag and numbers, and what is queued stays */
		sctp->identity = cookie->identity;
		tulle_sctp_reset_numbers(sctp);
	} else {
		restart(sctp, cookie);
	}
	return TULLE_TAKEN;
}

/* RFC9260:5.2.4, table 12 */
static tulle_drop judge_cookie(tulle_sctp *sctp, const sctp_cookie *cookie)
{
	const sctp_identity *old = &sctp->identity, *new = &cookie->identity;
	bool local = new->local_tag == old->local_tag, remote = new->remote_tag == old->remote_tag;
	bool is_new = cookie->age <= TULLE_SCTP_COOKIE_LIFE_US;
	if (local && remote) { /* D */
		if (sctp->state == TULLE_SCTP_STATE_COOKIE_ECHOED)
			establish(sctp, "COOKIE ECHO, both tags");
		return TULLE_TAKEN;
	}
	if (!is_new)
		return stale(sctp, cookie);       /* RFC9260:5.1.5 */
	if (local && !tulle_sctp_is_open(sctp)) { /* B; and the first one of all */
		sctp->identity = *new;
		establish(sctp, "COOKIE ECHO");
		return TULLE_TAKEN;
	}
	bool ties = cookie->local_tie == old->local_tag && cookie->remote_tie == old->remote_tag;
	if (local || (!remote && ties && tulle_sctp_is_open(sctp))) /* B, A */
		return take_again(sctp, cookie, local);
	return TULLE_DROP_SCTP_COOKIE; /* C, and what the table does not have */
}

TULLE_UNTRUSTED(dtls, "one chunk", sctp_state)
tulle_drop tulle_sctp_take_cookie_echo(
	tulle_sctp *sctp, const tulle_sctp_header *header, const tulle_sctp_chunk *chunk)
{
	sctp_cookie cookie;
	tulle_drop drop = tulle_sctp_take_cookie(sctp, chunk->value, &cookie);
	if (drop != TULLE_TAKEN)
		return drop;
	if (header->tag != cookie.identity.local_tag) /* RFC9260:5.1.5 */
		return TULLE_DROP_SCTP_TAG;
	drop = judge_cookie(sctp, &cookie);
	if (drop == TULLE_TAKEN)
		sctp->due |= SCTP_DUE_COOKIE_ACK;
	return drop;
}

tulle_drop tulle_sctp_take_cookie_ack(tulle_sctp *sctp)
{
	establish(sctp, "COOKIE ACK"); /* RFC9260:5.1 E */
	return TULLE_TAKEN;
}

/* RFC9260:5.2.6: an INIT again (1), once; a peer that finds the next cookie stale too would have us
 * go round as fast as the path does, so that is the end (2). */
void tulle_sctp_cookie_is_stale(tulle_sctp *sctp)
{
	if (sctp->was_stale) {
		tulle_sctp_end(sctp, TULLE_SCTP_LOST, SCTP_C_STALE_COOKIE);
		return;
	}
	sctp->was_stale = true;
	tulle_sctp_drop_cookie(sctp);
	sctp->due &= ~(uint32_t)SCTP_DUE_COOKIE_ECHO;
	tulle_sctp_set_state(sctp, TULLE_SCTP_STATE_COOKIE_WAIT, "stale cookie");
	sctp->identity.remote_tag = 0;
	tulle_sctp_handshake_timeout(sctp);
}

/* -- SNAP -- */

tulle_err tulle_sctp_write_init(
	tulle_sctp *sctp, tulle_time now, uint8_t *dst, size_t cap, size_t *len)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->ended)
		return TULLE_ERR_STATE;
	if (!tulle_sctp_ensure_identity(sctp))
		return TULLE_ERR_SYSTEM;
	uint8_t buf[128];
	tulle_wr w = tulle_wr_make(buf, sizeof buf);
	tulle_sctp_init_chunk init;
	tulle_sctp_make_init(sctp, &init);
	tulle_sctp_write_init_chunk(&w, SCTP_INIT, &init);
	*len = (size_t)(buf[2] << 8 | buf[3]); /* without the padding */
	if (*len > cap)
		return TULLE_ERR_TOO_SMALL;
	memcpy(dst, buf, *len);
	return TULLE_OK;
}

static bool read_whole_init(tulle_bytes bytes, tulle_sctp_init_chunk *init)
{
	tulle_rd r = tulle_rd_make(bytes.ptr, bytes.len);
	tulle_sctp_chunk chunk;
	return tulle_sctp_read_chunk(&r, &chunk) && tulle_rd_finish(&r) &&
	       chunk.type == SCTP_INIT && tulle_sctp_read_init(chunk.value, init) == TULLE_TAKEN;
}

TULLE_UNTRUSTED(anyone, "one chunk", sdp)
bool tulle_sctp_is_init(tulle_bytes chunk)
{
	tulle_sctp_init_chunk init;
	return read_whole_init(chunk, &init) && init.tag != 0 && is_acceptable(&init) &&
	       !init.host_name;
}

TULLE_UNTRUSTED(anyone, "one chunk", sctp_state)
tulle_err tulle_sctp_start_from(
	tulle_sctp *sctp, tulle_time now, tulle_bytes local_init, tulle_bytes remote_init)
{
	tulle_sctp_init_chunk local, remote;
	tulle_sctp_clock(sctp, now);
	if (sctp->ended || sctp->state != TULLE_SCTP_STATE_CLOSED || !sctp->has_identity)
		return TULLE_ERR_STATE;
	if (!read_whole_init(local_init, &local) || local.tag != sctp->identity.local_tag ||
		local.tsn != sctp->identity.local_tsn)
		return TULLE_ERR_ARGUMENT;
	if (!tulle_sctp_is_init(remote_init) || !read_whole_init(remote_init, &remote))
		return TULLE_ERR_SYNTAX;
	sctp->identity = identity_of(sctp, &remote);
	establish(sctp, "SNAP");
	return TULLE_OK;
}

tulle_err tulle_sctp_set_remote_port(tulle_sctp *sctp, uint16_t port)
{
	if (sctp->ended || sctp->state != TULLE_SCTP_STATE_CLOSED)
		return TULLE_ERR_STATE;
	sctp->config.remote_port = port;
	return TULLE_OK;
}
