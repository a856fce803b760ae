/* SPDX-License-Identifier: MIT */
/* peer: SPED (draft-hancke-webrtc-sped, and what came after it): DTLS begins with the descriptions,
 * its flights ride on ICE's checks and answers until there is a path, and what came is acknowledged
 * by CRC-32. Both descriptions must ask for it, no empty datagram is sent, and with a path flights
 * go by themselves at once. Invariant: only authentic messages feed DTLS, each datagram once. */
#include "peer/state.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"

#include <string.h>

/* A token of a=ice-options: RFC8839:5.6. */
static bool has_token(tulle_text options, tulle_text token)
{
	while (options.len != 0)
		if (tulle_text_is(tulle_text_split(&options, ' '), token))
			return true;
	return false;
}

static bool is_known(const tulle_sdp *remote)
{
	return has_token(remote->ice_options, TULLE_TEXT("sped")) ||
	       has_token(remote->ice_options, TULLE_TEXT("googspedv1"));
}

/* Of a description of ours: an offer asks for it until a connection came without, an answer repeats
 * what was offered. */
tulle_text tulle_peer_sped_options(
	const tulle_peer *p, const tulle_sdp *offer, char buf[PEER_OPTIONS_BYTES])
{
	tulle_wr w = tulle_wr_make(buf, PEER_OPTIONS_BYTES);
	tulle_wr_cstr(&w, "trickle ice2"); /* RFC8445:10, RFC8839:4.2.1.5 */
	if (p->config.no_sped || (p->transport_set && !p->sped.agreed))
		offer = NULL;
	else if (offer == NULL)
		tulle_wr_cstr(&w, " sped");
	if (offer != NULL && has_token(offer->ice_options, TULLE_TEXT("sped")))
		tulle_wr_cstr(&w, " sped");
	if (offer != NULL && has_token(offer->ice_options, TULLE_TEXT("googspedv1")))
		tulle_wr_cstr(&w, " googspedv1");
	return (tulle_text){buf, w.len};
}

bool tulle_peer_sped_wants_passive(const tulle_peer *p, const tulle_sdp *offer)
{
	return !p->config.no_sped && is_known(offer);
}

/* Both descriptions are there. */
void tulle_peer_sped_take(tulle_peer *p, const tulle_sdp *remote)
{
	p->sped.agreed = p->sped.on = !p->config.no_sped && is_known(remote);
	if (!p->sped.on)
		return;
	(void)tulle_dtls_set_mtu(p->dtls, PEER_SPED_MTU);
	tulle_dtls_hold(p->dtls, p->now, true);
}

static bool has_ack(const peer_sped *s, uint32_t crc)
{
	for (size_t i = 0; i < s->ack_count; i++)
		if (s->acks[i] == crc)
			return true;
	return false;
}

/* The newest four: SPED has no room for more. False: it is there already. */
static bool add_ack(peer_sped *s, uint32_t crc)
{
	if (has_ack(s, crc))
		return false;
	s->acks[s->ack_next] = crc;
	s->ack_next = (uint8_t)((s->ack_next + 1) % PEER_SPED_ACKS);
	if (s->ack_count < PEER_SPED_ACKS)
		s->ack_count++;
	return true;
}

/* The flight that is there; another one is unacknowledged as a whole. */
static bool flight_at(tulle_peer *p, size_t i, tulle_bytes *datagram)
{
	uint32_t number;
	bool is_there = tulle_dtls_flight(p->dtls, i, datagram, &number);
	if (number != p->sped.flight) {
		p->sped.flight = number;
		p->sped.acked = p->sped.embedded = 0;
	}
	return is_there && i < 16;
}

static void take_acks(tulle_peer *p, tulle_bytes ack)
{
	tulle_rd r = tulle_rd_make(ack.ptr, tulle_min(ack.len, 4 * PEER_SPED_ACKS));
	while (tulle_rd_left(&r) >= 4) {
		uint32_t crc = tulle_rd_u32(&r);
		tulle_bytes datagram;
		for (size_t i = 0; flight_at(p, i, &datagram); i++)
			if (tulle_crypto_crc32(datagram) == crc)
				p->sped.acked |= (uint16_t)(1u << i);
	}
}

/* What the last STUN message carried, when ICE found it authentic. Before the answer is there it
 * may only be held: DTLS does so within its bound. */
TULLE_UNTRUSTED(stun, "one datagram, four acknowledgements", ice_agent)
void tulle_peer_sped_handle(tulle_peer *p, tulle_drop drop)
{
	tulle_bytes dtls, ack;
	bool early = !p->config.no_sped && !p->transport_set;
	if (!p->sped.on && !early)
		return;
	(void)tulle_ice_opaque(p->ice, &dtls, &ack);
	if (ack.ptr != NULL && ack.len % 4 == 0)
		take_acks(p, ack);
	if (dtls.len != 0 && dtls.ptr[0] >= 20 && dtls.ptr[0] <= 63 &&
		add_ack(&p->sped, tulle_crypto_crc32(dtls))) {
		p->sped.in++;
		tulle_peer_count(
			p, tulle_dtls_handle_datagram(p->dtls, p->now, dtls.ptr, dtls.len));
	}
	/* Ours is done, and theirs has nothing more to say. */
	if (drop == TULLE_TAKEN && dtls.ptr == NULL && p->dtls_open && p->sped.quiet)
		p->sped.on = false;
}

/* A DTLS datagram that came by itself is acknowledged too. */
void tulle_peer_sped_heard(tulle_peer *p, tulle_bytes datagram)
{
	if (p->sped.on && !p->dtls_open)
		(void)add_ack(&p->sped, tulle_crypto_crc32(datagram));
}

/* The next datagram of the flight that was not acknowledged, in turn. RFC6347:4.2.4: the client's
 * handshake ends with the server's Finished, so nothing of it is left to say. */
static bool next_pending(tulle_peer *p, tulle_bytes *datagram)
{
	size_t count = 0;
	if (!p->dtls_started || p->ended != TULLE_PEER_ENDED_NOT ||
		(p->dtls_open && p->setup == TULLE_SETUP_ACTIVE))
		return false;
	while (flight_at(p, count, datagram))
		count++;
	for (size_t n = 0; n < count; n++) {
		size_t i = (p->sped.turn + n) % count;
		if ((p->sped.acked & 1u << i) != 0)
			continue;
		p->sped.turn = (uint8_t)i;
		return flight_at(p, i, datagram);
	}
	return false;
}

/* What the next check or answer carries. An empty value stands for no datagram at all: not written.
 */
void tulle_peer_sped_offer(tulle_peer *p)
{
	tulle_bytes dtls = {NULL, 0};
	if (p->config.no_sped)
		return;
	if (!p->sped.on) {
		(void)tulle_ice_set_opaque(p->ice, dtls, dtls);
		return;
	}
	p->sped.quiet = !next_pending(p, &dtls);
	if (p->sped.quiet)
		dtls = (tulle_bytes){NULL, 0};
	tulle_wr w = tulle_wr_make(p->sped.ack_bytes, sizeof p->sped.ack_bytes);
	for (size_t i = 0; i < p->sped.ack_count; i++)
		tulle_wr_u32(&w, p->sped.acks[i]);
	(void)tulle_ice_set_opaque(p->ice, dtls, (tulle_bytes){p->sped.ack_bytes, w.len});
}

/* ICE gave a datagram. A flight that went once with checks goes again by itself only when its timer
 * says so. */
void tulle_peer_sped_sent(tulle_peer *p)
{
	size_t count = 0;
	tulle_bytes datagram;
	if (!p->sped.on || !tulle_ice_opaque_sent(p->ice))
		return;
	p->sped.out++;
	p->sped.embedded |= (uint16_t)(1u << p->sped.turn);
	while (flight_at(p, count, &datagram))
		count++;
	if (p->sped.embedded == (1u << count) - 1)
		tulle_dtls_flight_sent(p->dtls);
	p->sped.turn++;
}
