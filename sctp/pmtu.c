/* SPDX-License-Identifier: MIT */
/* sctp: how large packets may be: RFC 8899, by probes of HEARTBEAT and PAD (RFC 4820); ICMP is not
 * asked (RFC8899:6.2.3.4). The largest size that may pass is tried first, then halves of what is
 * left. Invariant: but for probes and chunks that were cut before it shrank, no packet is larger
 * than path.size, and path.size grows only to what a probe has shown to pass. */
#include "sctp/association.h"

#include "base/crypto.h"

#define NONE SIZE_MAX

static size_t floor4(size_t bytes)
{
	return bytes & ~(size_t)3;
}

static size_t base(const tulle_sctp *sctp)
{
	if (sctp->config.probe_bytes_max == 0)
		return sctp->config.packet_bytes_max;
	return tulle_min(floor4(sctp->config.packet_bytes_max), sctp->path.most);
}

static size_t least(const tulle_sctp *sctp)
{
	return tulle_min(base(sctp), floor4(TULLE_SCTP_PACKET_BYTES_MIN));
}

/* Windows are counted in bytes and stay as they are: RFC8899:3. */
static void set_size(tulle_sctp *sctp, size_t size)
{
	sctp->path.size = size;
	sctp->cc.mtu = size - SCTP_HEADER_BYTES;
}

void tulle_sctp_path_init(tulle_sctp *sctp)
{
	size_t most = sctp->path.most;
	if (most == 0)
		most = floor4(tulle_sctp_packet_limit(&sctp->config));
	sctp->path = (sctp_path){.most = most, .failed = NONE};
	sctp->due &= ~(uint32_t)SCTP_DUE_PATH_PROBE;
	tulle_sctp_stop_timer(sctp, SCTP_T_PATH);
	set_size(sctp, base(sctp));
}

/* -- probes -- */

/* The PROBE_TIMER is a second, not the 15 of RFC8899:5.1.1: the round trip is known here, and a
 * HEARTBEAT is answered at once. */
static void send_probe(tulle_sctp *sctp)
{
	sctp->due |= SCTP_DUE_PATH_PROBE;
	tulle_sctp_set_timer(
		sctp, SCTP_T_PATH, tulle_time_max(sctp->rto, TULLE_SCTP_PATH_PROBE_US));
}

/* All probes of one size have one nonce: whichever is answered, the size passes. */
static void begin(tulle_sctp *sctp, size_t size)
{
	sctp_path *p = &sctp->path;
	const tulle_random *random = &sctp->config.random;
	p->tries = 0;
	p->probed = random->fill(random->user, p->nonce, sizeof p->nonce) ? size : 0;
	send_probe(sctp); /* without randomness nothing goes out, and in a second it tries again */
}

static void complete(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	p->state = SCTP_PATH_COMPLETE;
	p->probed = 0;
	p->tries = 0;
	if (p->size < p->most)
		tulle_sctp_set_timer(sctp, SCTP_T_PATH, TULLE_SCTP_PATH_RAISE_US);
	else
		tulle_sctp_stop_timer(sctp, SCTP_T_PATH);
}

/* RFC8899:5.3.2 */
static void search(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	size_t before = p->before;
	p->state = SCTP_PATH_SEARCHING;
	p->before = 0;
	if (p->size >= p->most || p->failed - p->size <= TULLE_SCTP_PATH_GAIN_BYTES)
		complete(sctp);
	else if (before > p->size && before < p->failed)
		begin(sctp, before);
	else if (p->failed > p->most)
		begin(sctp, p->most);
	else
		begin(sctp, floor4((p->size + p->failed) / 2));
}

static void enter_base(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	p->state = SCTP_PATH_BASE;
	p->signs = 0;
	set_size(sctp, tulle_min(p->size, base(sctp)));
	begin(sctp, base(sctp));
}

void tulle_sctp_path_start(tulle_sctp *sctp)
{
	if (sctp->config.probe_bytes_max != 0 && !sctp->identity.no_pad)
		enter_base(sctp);
}

/* -- PROBE_TIMER, PMTU_RAISE_TIMER -- */

static void search_again(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	if (sctp->now - sctp->out.last_sent > TULLE_SCTP_PATH_RAISE_US) {
		complete(sctp); /* no data went out since: RFC8899:5.1.1 */
		return;
	}
	p->failed = NONE;
	search(sctp);
}

static void wait_in_error(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	tulle_time wait = (tulle_time)TULLE_SCTP_PATH_PROBE_US << p->tries;
	send_probe(sctp);
	if (wait < TULLE_SCTP_PATH_PROBE_US_MAX)
		p->tries++;
	tulle_sctp_set_timer(sctp, SCTP_T_PATH, tulle_time_min(wait, TULLE_SCTP_PATH_PROBE_US_MAX));
}

/* RFC8899:5.2 ERROR: the least that any path takes; the base size is asked for now and then. Where
 * no probe ever was answered it may be that the peer answers none: the least size tells. */
static void enter_error(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	p->state = SCTP_PATH_ERROR;
	p->tries = 0;
	set_size(sctp, least(sctp));
	if (p->answered)
		wait_in_error(sctp);
	else
		begin(sctp, least(sctp));
}

/* It answers none of any size: it gets packets of the base size, as without a search. */
static void give_up(tulle_sctp *sctp)
{
	set_size(sctp, base(sctp));
	complete(sctp);
	tulle_sctp_stop_timer(sctp, SCTP_T_PATH);
}

static void probe_is_lost(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	if (++p->tries < TULLE_SCTP_PATH_PROBES) {
		send_probe(sctp);
	} else if (p->state == SCTP_PATH_BASE) {
		enter_error(sctp);
	} else if (p->state == SCTP_PATH_ERROR) {
		give_up(sctp);
	} else {
		p->failed = p->probed;
		search(sctp);
	}
}

void tulle_sctp_path_timeout(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	if (!tulle_sctp_may_send_data(sctp)) {
		p->state = SCTP_PATH_DISABLED;
		p->probed = 0;
	} else if (p->state == SCTP_PATH_COMPLETE) {
		search_again(sctp);
	} else if (p->probed == 0 && p->state == SCTP_PATH_SEARCHING) {
		search(sctp);
	} else if (p->probed == 0) {
		begin(sctp, base(sctp));
	} else if (p->state == SCTP_PATH_ERROR && p->answered) {
		wait_in_error(sctp);
	} else if (sctp->errors != 0 &&
		   (p->state == SCTP_PATH_SEARCHING || p->state == SCTP_PATH_ERROR)) {
		send_probe(sctp); /* nothing passes: it says nothing of the size */
	} else {
		probe_is_lost(sctp);
	}
}

size_t tulle_sctp_write_path_probe(tulle_sctp *sctp, uint8_t *dst)
{
	sctp_path *p = &sctp->path;
	if (p->probed == 0 || !tulle_sctp_may_send_data(sctp))
		return 0;
	tulle_sctp_packet packet;
	tulle_sctp_header header = {
		sctp->config.local_port, sctp->config.remote_port, sctp->identity.remote_tag};
	tulle_sctp_packet_start(&packet, (tulle_cpu)sctp->config.cpu, dst, p->probed, &header);
	packet.unsummed = sctp->zero_checksum;
	tulle_wr *w = &packet.w;
	size_t at = tulle_sctp_chunk_start(w, SCTP_HEARTBEAT, 0);
	size_t info = tulle_sctp_parameter_start(w, SCTP_P_HEARTBEAT);
	tulle_wr_bytes(w, p->nonce, sizeof p->nonce);
	tulle_wr_u32(w, (uint32_t)p->probed);
	tulle_sctp_parameter_end(w, info);
	tulle_sctp_chunk_end(w, at);
	tulle_sctp_write_pad(w, p->probed - w->len); /* RFC8899:6.2.1.2 */
	size_t len = tulle_sctp_packet_end(&packet);
	TULLE_CHECK(len == p->probed);
	tulle_sctp_pace_sent(sctp, len);
	sctp->stats.path_probes++;
	return len;
}

TULLE_UNTRUSTED(dtls, "12 bytes", sctp_state)
tulle_drop tulle_sctp_take_path_ack(tulle_sctp *sctp, tulle_bytes info)
{
	sctp_path *p = &sctp->path;
	tulle_rd r = tulle_rd_make(info.ptr, info.len);
	tulle_bytes nonce = tulle_rd_bytes(&r, sizeof p->nonce);
	size_t size = tulle_rd_u32(&r);
	if (!tulle_rd_finish(&r) || p->probed == 0 || size != p->probed ||
		!tulle_crypto_is_equal(nonce.ptr, p->nonce, sizeof p->nonce))
		return TULLE_DROP_STATE; /* RFC8899:4.1: of no probe that is on its way */
	sctp->errors = 0;
	sctp->due &= ~(uint32_t)SCTP_DUE_PATH_PROBE;
	p->signs = 0;
	p->probed = 0;
	p->answered = true;
	if (size < base(sctp)) { /* of ERROR: it answers, so it is the path */
		begin(sctp, base(sctp));
		return TULLE_TAKEN;
	}
	set_size(sctp, size);
	search(sctp);
	return TULLE_TAKEN;
}

/* -- black holes: RFC8899:4.3 -- */

static void add_signs(tulle_sctp *sctp, size_t packet_16, unsigned signs)
{
	sctp_path *p = &sctp->path;
	if (packet_16 <= TULLE_SCTP_PACKET_BYTES_MIN >> 4 ||
		(p->state != SCTP_PATH_SEARCHING && p->state != SCTP_PATH_COMPLETE))
		return;
	p->hole_16 = p->signs != 0 ? tulle_max(p->hole_16, packet_16) : packet_16;
	p->signs = (uint8_t)(p->signs + signs);
	p->sign_us = sctp->now;
	if (p->signs < TULLE_SCTP_PATH_HOLE_SIGNS)
		return;
	sctp->stats.black_holes++;
	p->before = p->size;
	enter_base(sctp);
}

/* A retransmission that is lost too, while others arrive; one in a round trip counts. */
void tulle_sctp_path_lost(tulle_sctp *sctp, uint32_t tsn)
{
	const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
	if (t->transmissions > 1 && (sctp->path.signs == 0 || t->sent_us > sctp->path.sign_us))
		add_signs(sctp, t->packet_16, 1);
}

/* Nothing arrives, not even the one that was sent to ask: that counts twice. */
void tulle_sctp_path_silent(tulle_sctp *sctp)
{
	const sctp_outbound *o = &sctp->out;
	size_t largest = 0;
	uint32_t tsn = o->in_flight.first;
	if (sctp->config.probe_bytes_max == 0)
		return;
	for (uint32_t left = o->in_flight.count; left > 0; left--) {
		const sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		largest = tulle_max(largest, t->packet_16);
		tsn = t->next;
	}
	add_signs(sctp, largest, 2);
}

/* It was no size that did not pass, it may be: at once, not when the wait is over. */
void tulle_sctp_path_answers(tulle_sctp *sctp)
{
	sctp_path *p = &sctp->path;
	if (p->state != SCTP_PATH_ERROR || p->probed == 0)
		return;
	p->tries = 0;
	if (p->answered)
		wait_in_error(sctp);
	else
		send_probe(sctp);
}

void tulle_sctp_set_path(tulle_sctp *sctp, tulle_time now, size_t packet_bytes)
{
	sctp_path *p = &sctp->path;
	size_t limit = tulle_sctp_packet_limit(&sctp->config);
	tulle_sctp_clock(sctp, now);
	if (sctp->ended)
		return;
	limit = packet_bytes != 0 ? tulle_min(packet_bytes, limit) : limit;
	p->most = floor4(tulle_max(limit, TULLE_SCTP_PACKET_BYTES_MIN));
	tulle_sctp_path_init(sctp);
	sctp->path_since = sctp->now;
	sctp->heartbeat_sent = false;
	if (tulle_sctp_is_open(sctp)) {
		sctp->cc.way->init(&sctp->cc, sctp->out.next_tsn);
		tulle_sctp_renew_flight(sctp);
	}
	tulle_sctp_rto_renew(sctp);
	if (tulle_sctp_is_open(sctp))
		tulle_sctp_path_start(sctp);
}
