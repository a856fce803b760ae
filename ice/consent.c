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

void tulle_ice_reset_consent(ice_consent *c)
{
	c->count = 0;
	c->doubted = false;
	c->at = c->unanswered = TULLE_TIME_NEVER;
}

/* RFC7675:5.1: the check that validated the pair is the first consent. */
void tulle_ice_start_consent(tulle_ice *ice)
{
	tulle_ice_reset_consent(&ice->consent);
	if (ice->config.lite) { /* it never asks: the remote's checks are its consent */
		ice->consent.at = TULLE_TIME_NEVER - 1;
		return;
	}
	ice->consent.at = ice->now - ice->pairs[ice->data].answered >= ICE_CONSENT_US
				  ? ice->now
				  : ice->now + interval(ice);
}

/* A new id each time, no retransmission: RFC7675:5.1. */
static size_t ask(tulle_ice *ice, ice_consent *c, ice_question q, uint8_t *dst, size_t cap)
{
	uint8_t id[TULLE_STUN_ID_BYTES];
	if (!ice->config.random.fill(ice->config.random.user, id, sizeof id)) {
		c->at = ice->now + ICE_TA_US;
		return 0;
	}
	tulle_stun_writer w =
		tulle_stun_write_begin(dst, cap, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, id);
	q.controlling = ice->controlling;
	(void)tulle_ice_write_check(ice, &w, &q);
	uint32_t place = c->count++ % ICE_CONSENT_IDS;
	memcpy(c->ids[place], id, sizeof id);
	c->spent &= (uint8_t) ~(1u << place);
	c->sent = ice->now;
	c->controlling = ice->controlling;
	if (c->unanswered == TULLE_TIME_NEVER)
		c->unanswered = ice->now;
	c->at = ice->now + interval(ice);
	return tulle_stun_write_finish(&w);
}

/* RFC7675:5.1: during a restart the former pair's goes on. */
size_t tulle_ice_poll_consent(tulle_ice *ice, uint8_t *dst, size_t cap, tulle_path *path)
{
	ice_former *f = &ice->former;
	if (ice->data != ICE_NONE && tulle_time_due(ice->consent.at, ice->now)) {
		ice_pair *p = &ice->pairs[ice->data];
		tulle_ice_count(&p->sent);
		*path = tulle_ice_pair_path(ice, p);
		/* the remote is elsewhere: it may have lost our nomination */
		bool again = ice->consent.doubted && ice->controlling && ice->selected == ice->data;
		return ask(ice, &ice->consent,
			(ice_question){&ice->keys, p, p->local, false, again}, dst, cap);
	}
	if (tulle_ice_former_carries(ice) && tulle_time_due(f->consent.at, ice->now)) {
		*path = tulle_ice_path_to(ice, f->local, &f->remote);
		return ask(ice, &f->consent, (ice_question){&f->keys, NULL, f->local, false, false},
			dst, cap);
	}
	return 0;
}

/* Its place among those that wait for their answer. */
static size_t find_id(const ice_consent *c, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	size_t n = tulle_min(c->count, ICE_CONSENT_IDS);
	for (size_t i = 0; i < n; i++)
		if ((c->spent >> i & 1) == 0 && memcmp(c->ids[i], id, TULLE_STUN_ID_BYTES) == 0)
			return i;
	return ICE_CONSENT_IDS;
}

bool tulle_ice_is_consent(const ice_consent *c, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	return find_id(c, id) != ICE_CONSENT_IDS;
}

/* RFC7675:8: who has seen an answer must not renew consent with it. */
void tulle_ice_spend_consent(ice_consent *c, const uint8_t id[TULLE_STUN_ID_BYTES])
{
	size_t i = find_id(c, id);
	if (i != ICE_CONSENT_IDS)
		c->spent |= (uint8_t)(1u << i);
}

void tulle_ice_consent_answered(const tulle_ice *ice, ice_consent *c, tulle_time *rtt)
{
	tulle_time sample = ice->now - c->sent;
	/* Only one is out: the answer is to it. */
	if (c->unanswered == c->sent && sample > 0)
		*rtt = *rtt == 0 ? sample : (7 * *rtt + sample) / 8;
	c->unanswered = TULLE_TIME_NEVER;
	c->doubted = false;
}

/* Is it still there? It is asked at once, or a while after it last said so, and once more while it
 * has not answered: what the remote sends elsewhere, or somebody again, sets no pace of ours. */
void tulle_ice_doubt(tulle_ice *ice)
{
	ice_consent *c = &ice->consent;
	if (ice->config.lite)
		return;
	tulle_time soon = ice->pairs[ice->data].answered + ICE_DOUBT_US;
	soon = tulle_time_max(soon, c->sent + ICE_DOUBT_US / 2);
	c->doubted = true;
	c->at = tulle_time_min(c->at, tulle_time_max(soon, ice->now));
}

static tulle_time doubt_ends(const ice_consent *c)
{
	return c->doubted ? tulle_time_add(c->unanswered, ICE_DOUBT_US) : TULLE_TIME_NEVER;
}

/* Any other pair that is known to work would be better. */
bool tulle_ice_is_in_vain(const tulle_ice *ice, const ice_consent *c)
{
	return tulle_ice_is_silent(ice, c) || tulle_time_due(doubt_ends(c), ice->now);
}

bool tulle_ice_is_silent(const tulle_ice *ice, const ice_consent *c)
{
	return tulle_time_due(tulle_time_add(c->unanswered, ICE_DISCONNECTED_US), ice->now);
}

bool tulle_ice_is_expired(const tulle_ice *ice)
{
	return ice->data != ICE_NONE &&
	       ice->now - ice->pairs[ice->data].answered >= ICE_CONSENT_EXPIRY_US;
}

static tulle_time timeout_of(const tulle_ice *ice, const ice_consent *c, tulle_time answered)
{
	tulle_time t = tulle_time_min(c->at, answered + ICE_CONSENT_EXPIRY_US);
	tulle_time silent = tulle_time_add(c->unanswered, ICE_DISCONNECTED_US);
	tulle_time doubt = doubt_ends(c);
	if (doubt > ice->now)
		t = tulle_time_min(t, doubt);
	return silent > ice->now ? tulle_time_min(t, silent) : t;
}

tulle_time tulle_ice_consent_timeout(const tulle_ice *ice)
{
	if (ice->data != ICE_NONE)
		return timeout_of(ice, &ice->consent, ice->pairs[ice->data].answered);
	if (tulle_ice_former_carries(ice))
		return timeout_of(ice, &ice->former.consent, ice->former.answered);
	return TULLE_TIME_NEVER;
}
