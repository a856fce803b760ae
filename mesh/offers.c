/* SPDX-License-Identifier: MIT */
/* mesh: offers that wait: for the word of a firewall that said LATER, or (held) for the end of the
 * node that still has their address. Each waits offer_timeout_ms, its candidates with it. */
#include "mesh/state.h"

#include <string.h>

void tulle_mesh_put_off(tulle *t, mesh_node *via, tulle_text from,
	const tulle_signal_p_inner *inner, tulle_text sdp, bool held)
{
	size_t texts = from.len + inner->offer_data.len + sdp.len;
	mesh_offer *o = NULL;
	size_t bytes = sizeof *o + MESH_OFFER_BYTES_MAX;
	if (t->offer_count < t->options.attempts_max && texts <= MESH_OFFER_BYTES_MAX / 2)
		o = tulle_mesh_alloc(t, bytes);
	if (o == NULL) {
		tulle_mesh_count(t, TULLE_DROP_LIMIT);
		return;
	}
	*o = (mesh_offer){.id = ++t->offer_serial,
		.via = via->id,
		.say = !held,
		.since = t->now,
		.held = held,
		.tulle = inner->tulle};
	o->until = tulle_time_add(t->now, (tulle_time)t->options.offer_timeout_ms * 1000);
	tulle_text *to[] = {&o->from, &o->offer_data, &o->sdp};
	tulle_text source[] = {from, inner->offer_data, sdp};
	for (int i = 0; i < 3; i++) {
		*to[i] = (tulle_text){o->texts + o->bytes, source[i].len};
		memcpy(o->texts + o->bytes, source[i].ptr, source[i].len);
		o->bytes += source[i].len;
	}
	mesh_offer **end = &t->offers;
	while (*end != NULL)
		end = &(*end)->next;
	*end = o;
	t->offer_count++;
	tulle_mesh_mark(t);
}

mesh_offer *tulle_mesh_find_offer(const tulle *t, tulle_node via, tulle_text from)
{
	for (mesh_offer *o = t->offers; o != NULL; o = o->next)
		if (o->via == via && tulle_text_is(o->from, from))
			return o;
	return NULL;
}

void tulle_mesh_keep_candidate(tulle *t, mesh_offer *o, tulle_text candidate)
{
	if (o->candidate_count == MESH_OFFER_CANDIDATES ||
		candidate.len > MESH_OFFER_BYTES_MAX - o->bytes) {
		tulle_mesh_count(t, TULLE_DROP_LIMIT);
		return;
	}
	memcpy(o->texts + o->bytes, candidate.ptr, candidate.len);
	o->candidates[o->candidate_count++] = (tulle_text){o->texts + o->bytes, candidate.len};
	o->bytes += candidate.len;
}

static void free_offer(tulle *t, mesh_offer *o)
{
	mesh_offer **at = &t->offers;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	t->offer_count--;
	tulle_mesh_free(t, o, sizeof *o + MESH_OFFER_BYTES_MAX);
}

void tulle_mesh_free_offers(tulle *t, tulle_node via)
{
	for (mesh_offer *o = t->offers, *next; o != NULL; o = next) {
		next = o->next;
		if (via == TULLE_NO_NODE || o->via == via)
			free_offer(t, o);
	}
}

tulle_time tulle_mesh_next_offer(const tulle *t)
{
	return t->offers != NULL ? t->offers->until
				 : TULLE_TIME_NEVER; /* the oldest is the first */
}

void tulle_mesh_expire_offers(tulle *t)
{
	while (t->offers != NULL && tulle_time_due(t->offers->until, t->now)) {
		tulle_mesh_count(t, t->offers->held ? TULLE_DROP_P_GLARE : TULLE_DROP_P_FIREWALL);
		free_offer(t, t->offers);
	}
}

const tulle_event *tulle_mesh_offer_event(tulle *t)
{
	for (mesh_offer *o = t->offers; o != NULL; o = o->next) {
		if (!o->say)
			continue;
		o->say = false;
		t->event = (tulle_event){.kind = TULLE_EVENT_OFFER, .node = TULLE_ROOT};
		t->event.u.offer = (tulle_offer){.id = o->id,
			.via = o->via,
			.from = o->from,
			.offer_data = o->offer_data,
			.sdp = o->sdp};
		return &t->event;
	}
	return NULL;
}

static mesh_offer *offer_by_id(const tulle *t, uint64_t id)
{
	for (mesh_offer *o = t->offers; o != NULL; o = o->next)
		if (o->id == id && !o->held)
			return o;
	return NULL;
}

static void feed_candidates(tulle *t, const mesh_node *n, const mesh_offer *o)
{
	for (size_t i = 0; i < o->candidate_count && n->links[0] != NULL; i++) {
		tulle_candidate c = {.candidate = o->candidates[i], .mline_index = 0};
		if (tulle_peer_add_candidate(n->links[0]->peer, &c) != TULLE_OK)
			tulle_mesh_count(t, TULLE_DROP_ICE_CANDIDATE);
	}
}

/* The newest is taken, if it may be of one who ended the old connection and came back: not when the
 * end was ours, nor when it came nearer to the opening, for then it crossed what opened that. */
void tulle_mesh_take_held(tulle *t, const mesh_node *old)
{
	const tulle_text from = {old->address, old->address_len};
	mesh_offer *last = NULL;
	for (mesh_offer *o = t->offers, *next; o != NULL; o = next) {
		next = o->next;
		if (!o->held || !tulle_text_is(o->from, from))
			continue;
		if (last != NULL)
			free_offer(t, last);
		last = o;
	}
	if (last == NULL)
		return;
	mesh_node *n = NULL;
	if (old->reason != TULLE_CLOSED_LOCAL && t->now - last->since < last->since - old->opened)
		n = tulle_mesh_take_offer(t, last->via, last->from, last->sdp);
	if (n != NULL)
		feed_candidates(t, n, last);
	free_offer(t, last);
}

tulle_err tulle_accept(tulle *t, uint64_t id, const tulle_connect_options *options, tulle_node *out)
{
	mesh_offer *o = offer_by_id(t, id);
	if (o == NULL)
		return tulle_mesh_fail(t, TULLE_ERR_GONE, "the offer is gone");
	mesh_node *n = tulle_mesh_find(t, o->from);
	if (n != NULL) {
		if (out != NULL)
			*out = n->id;
		return tulle_mesh_fail(t, TULLE_ERR_STATE, "a node to that address exists already");
	}
	n = tulle_mesh_take_offer(t, o->via, o->from, o->sdp);
	if (n != NULL)
		feed_candidates(t, n, o);
	if (n != NULL && options != NULL) {
		n->user = options->user;
		if (options->firewall != NULL) {
			n->firewall = options->firewall;
			n->firewall_user = options->firewall_user;
		}
	}
	free_offer(t, o);
	if (out != NULL)
		*out = n != NULL ? n->id : TULLE_NO_NODE;
	return n != NULL ? TULLE_OK
			 : tulle_mesh_fail(t, TULLE_ERR_LIMIT, "no room for another node");
}

tulle_err tulle_refuse(tulle *t, uint64_t id)
{
	mesh_offer *o = offer_by_id(t, id);
	if (o == NULL)
		return tulle_mesh_fail(t, TULLE_ERR_GONE, "the offer is gone");
	free_offer(t, o);
	tulle_mesh_count(t, TULLE_DROP_P_FIREWALL);
	return TULLE_OK;
}
