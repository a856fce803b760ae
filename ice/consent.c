/* SPDX-License-Identifier: MIT */
/* ice: consent to send on the pair that carries data: RFC 7675, which is its keepalive too
 * (RFC8445:11). Invariant: consent is renewed only by authentic answers to our own checks. */
#include "ice/agent.h"

/* RFC7675:5.1: 5 s times 0.8 to 1.2, so never two within 4 s; without randomness just 5 s. */
static tulle_time interval(const tulle_ice *ice)
{
	uint8_t r[2];
	if (!ice->config.random.fill(ice->config.random.user, r, sizeof r))
		return ICE_CONSENT_US;
	tulle_time part = (tulle_time)(r[0] << 8 | r[1]);
	return ICE_CONSENT_US * 8 / 10 + part * (ICE_CONSENT_US * 4 / 10) / 65535;
}

/* RFC7675:5.1: the check that validated the pair is the first consent. */
void tulle_ice_start_consent(tulle_ice *ice)
{
	ice->consent_count = 0;
	ice->unanswered = TULLE_TIME_NEVER;
	ice->consent_at = ice->now - ice->pairs[ice->data].answered >= ICE_CONSENT_US
				  ? ice->now
				  : ice->now + interval(ice);
}

/* A new id each time, no retransmission: RFC7675:5.1. */
size_t tulle_ice_poll_consent(tulle_ice *ice, uint8_t *dst, size_t cap, uint8_t *pair)
{
	uint8_t id[TULLE_STUN_ID_BYTES];
	if (ice->data == ICE_NONE || !tulle_time_due(ice->consent_at, ice->now))
		return 0;
	if (!ice->config.random.fill(ice->config.random.user, id, sizeof id)) {
		ice->consent_at = ice->now + ICE_TA_US;
		return 0;
	}
	tulle_stun_writer w =
		tulle_stun_write_begin(dst, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	(void)tulle_ice_write_check(ice, &w, &ice->pairs[ice->data], ice->controlling, false);
	memcpy(ice->consent_ids[ice->consent_count++ % ICE_CONSENT_IDS], id, sizeof id);
	ice->consent_sent = ice->now;
	ice->consent_controlling = ice->controlling;
	if (ice->unanswered == TULLE_TIME_NEVER)
		ice->unanswered = ice->now;
	ice->consent_at = ice->now + interval(ice);
	*pair = ice->data;
	return tulle_stun_write_finish(&w);
}

bool tulle_ice_is_consent(const tulle_ice *ice, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	size_t n = tulle_min(ice->consent_count, ICE_CONSENT_IDS);
	for (size_t i = 0; ice->data != ICE_NONE && i < n; i++)
		if (memcmp(ice->consent_ids[i], id, TULLE_STUN_ID_BYTES) == 0)
			return true;
	return false;
}

void tulle_ice_consent_answered(tulle_ice *ice)
{
	ice_pair *p = &ice->pairs[ice->data];
	tulle_time rtt = ice->now - ice->consent_sent;
	/* Only one is out: the answer is to it. */
	if (ice->unanswered == ice->consent_sent && rtt > 0)
		p->rtt = p->rtt == 0 ? rtt : (7 * p->rtt + rtt) / 8;
	ice->unanswered = TULLE_TIME_NEVER;
}

bool tulle_ice_is_expired(const tulle_ice *ice)
{
	return ice->data != ICE_NONE &&
	       ice->now - ice->pairs[ice->data].answered >= ICE_CONSENT_EXPIRY_US;
}

tulle_time tulle_ice_consent_timeout(const tulle_ice *ice)
{
	if (ice->data == ICE_NONE)
		return TULLE_TIME_NEVER;
	tulle_time t = tulle_time_min(
		ice->consent_at, ice->pairs[ice->data].answered + ICE_CONSENT_EXPIRY_US);
	tulle_time silent = tulle_time_add(ice->unanswered, ICE_DISCONNECTED_US);
	return silent > ice->now ? tulle_time_min(t, silent) : t;
}
