/* SPDX-License-Identifier: MIT */
/* mesh: offers, answers and candidates over a relay (P-PROTOCOL.md, attempts and glare). An attempt
 * belongs to the node that it was made through: what comes from elsewhere is dropped and counted.
 */
#include "base/panic.h"
#include "mesh/state.h"

#include <tulle/sdp.h>

#include <string.h>

/* One of ours to `to`, through via: [6, to, inner]. */
static void send_inner(tulle *t, mesh_node *via, const mesh_node *to, tulle_text inner)
{
	tulle_wr w = tulle_wr_make(t->signal_text, MESH_SIGNAL_BYTES_MAX);
	tulle_signal_write_p_relay(
		&w, TULLE_SIGNAL_P_RELAY, (tulle_text){to->address, to->address_len}, inner);
	if (!tulle_wr_finish(&w))
		tulle_mesh_report(
			t, via, TULLE_ERR_TOO_LARGE, "an introduction is too long to send");
	else
		tulle_mesh_send_later(t, via, (tulle_text){t->signal_text, w.len});
}

static tulle_text offer_data_of(const mesh_node *n)
{
	return n->offer_data != NULL ? (tulle_text){n->offer_data, n->offer_data_len}
				     : TULLE_TEXT("null");
}

tulle_err tulle_mesh_send_offer(tulle *t, mesh_link *l)
{
	mesh_node *via = tulle_mesh_node(t, l->via);
	tulle_text sdp = {t->sdp_text, 0};
	if (via == NULL)
		return TULLE_ERR_GONE;
	/* Written before gathering begins: it has no candidates, the relay need not see them yet.
	 */
	if (tulle_peer_create_offer(l->peer, false, t->sdp_text, MESH_SIGNAL_BYTES_MAX, &sdp.len) ||
		tulle_peer_set_local(l->peer, TULLE_SDP_IMPLICIT, NULL, 0))
		return tulle_mesh_fail(t, TULLE_ERR_STATE, tulle_peer_why(l->peer));
	tulle_wr w = tulle_wr_make(t->scratch, MESH_SIGNAL_BYTES_MAX);
	tulle_signal_write_p_offer(&w, sdp, offer_data_of(l->node), true);
	if (!tulle_wr_finish(&w))
		return tulle_mesh_fail(t, TULLE_ERR_TOO_LARGE, "the offer data is too long");
	l->offer_sent = true;
	send_inner(t, via, l->node, (tulle_text){(const char *)t->scratch, w.len});
	return TULLE_OK;
}

/* The remote offer stands in the peer: answers it. */
static bool send_answer(tulle *t, mesh_link *l)
{
	mesh_node *via = tulle_mesh_node(t, l->via);
	tulle_text sdp = {t->sdp_text, 0};
	if (via == NULL ||
		tulle_peer_create_answer(l->peer, t->sdp_text, MESH_SIGNAL_BYTES_MAX, &sdp.len) ||
		tulle_peer_set_local(l->peer, TULLE_SDP_IMPLICIT, NULL, 0))
		return false;
	tulle_wr w = tulle_wr_make(t->scratch, MESH_SIGNAL_BYTES_MAX);
	tulle_signal_write_p_answer(&w, sdp, true);
	if (!tulle_wr_finish(&w))
		return false;
	send_inner(t, via, l->node, (tulle_text){(const char *)t->scratch, w.len});
	return true;
}

/* Up to its extensions. In glare an original hands candidates of one attempt to the other, and a
 * browser that reads a strange ufrag in one takes it for a restart and gives up the path it has. */
static tulle_text without_extensions(tulle_text c)
{
	static const char mark[] = " generation ";
	for (size_t i = 0; i + sizeof mark - 1 <= c.len; i++)
		if (memcmp(c.ptr + i, mark, sizeof mark - 1) == 0)
			return (tulle_text){c.ptr, i};
	return c;
}

void tulle_mesh_send_candidate(tulle *t, mesh_link *l, const tulle_candidate *c)
{
	mesh_node *via = tulle_mesh_node(t, l->via);
	tulle_wr w = tulle_wr_make(t->scratch, MESH_SIGNAL_BYTES_MAX);
	/* Before the answer shows who is there nobody learns our addresses. */
	if (via == NULL || via->state == NODE_CLOSED || (l->offerer && !l->answered))
		return;
	tulle_signal_write_p_candidate(
		&w, without_extensions(c->candidate), c->mid, c->mline_index, c->username_fragment);
	if (tulle_wr_finish(&w))
		send_inner(t, via, l->node, (tulle_text){(const char *)t->scratch, w.len});
}

/* What was gathered before the answer came. */
static void send_held_candidates(tulle *t, mesh_link *l)
{
	tulle_text text, candidate;
	size_t cursor = 0;
	tulle_sdp sdp;
	if (tulle_peer_local(l->peer, false, &text) == 0 || tulle_sdp_read(text, &sdp) != TULLE_OK)
		return;
	tulle_candidate c = {.mid = sdp.data.mid, .mline_index = 0, .username_fragment = sdp.ufrag};
	while (tulle_sdp_next_candidate(&sdp, &cursor, &candidate)) {
		c.candidate = candidate;
		tulle_mesh_send_candidate(t, l, &c);
	}
	c.candidate = (tulle_text){"", 0};
	if (sdp.end_of_candidates)
		tulle_mesh_send_candidate(t, l, &c);
}

/* A JSON string of a description into t->scratch; NULL: none, or not decodable. */
static const char *decode(tulle *t, tulle_text json, size_t *len)
{
	if (tulle_json_decode(json, (char *)t->scratch, t->scratch_bytes, len) != TULLE_OK)
		return NULL;
	return (const char *)t->scratch;
}

/* The link of this attempt: made through via, and of this role. */
static mesh_link *find_link(const mesh_node *n, tulle_node via)
{
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL && n->links[i]->via == via)
			return n->links[i];
	return NULL;
}

/* Answers an offer on a node that stands; false: the description was refused. */
static bool answer_on(tulle *t, mesh_node *n, tulle_node via, tulle_text sdp)
{
	mesh_link *l = tulle_mesh_add_link(t, n, via, false);
	if (l == NULL)
		return false;
	if (tulle_peer_set_remote(l->peer, TULLE_SDP_OFFER, sdp.ptr, sdp.len) != TULLE_OK ||
		!send_answer(t, l)) {
		tulle_mesh_drop_link(t, l);
		return false;
	}
	l->answered = true;
	return true;
}

/* A new node for an accepted offer. */
mesh_node *tulle_mesh_take_offer(tulle *t, tulle_node via, tulle_text from, tulle_text sdp)
{
	mesh_node *n = tulle_mesh_add_node(t, via, from, false, true);
	if (n == NULL) {
		tulle_mesh_count(t, TULLE_DROP_LIMIT);
		return NULL;
	}
	if (!answer_on(t, n, via, sdp)) {
		tulle_mesh_count(t, TULLE_DROP_SDP_SYNTAX);
		tulle_mesh_close_node(t, n, TULLE_CLOSED_PROTOCOL);
	}
	return n;
}

/* Fingerprint's bytes, ufrag, pwd: both sides see both offers and so agree who is greater. */
static int compare_text(tulle_text a, tulle_text b)
{
	int c = memcmp(a.ptr, b.ptr, tulle_min(a.len, b.len));
	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_offers(const tulle_sdp *a, const tulle_sdp *b)
{
	if (a->fingerprint_count == 0 || b->fingerprint_count == 0)
		return 0;
	int c = memcmp(a->fingerprints[0].bytes, b->fingerprints[0].bytes, 32);
	if (c == 0)
		c = compare_text(a->ufrag, b->ufrag);
	return c != 0 ? c : compare_text(a->pwd, b->pwd);
}

/* Both sides have offered. true: theirs is answered. */
static bool is_theirs(mesh_link *ours, const tulle_signal_p_inner *inner, tulle_text sdp)
{
	tulle_text own;
	tulle_sdp a, b;
	if (!inner->tulle)
		return true;
	if (tulle_peer_local(ours->peer, true, &own) == 0 &&
		tulle_peer_local(ours->peer, false, &own) == 0)
		return true;
	if (tulle_sdp_read(own, &a) != TULLE_OK || tulle_sdp_read(sdp, &b) != TULLE_OK)
		return false;
	return compare_offers(&a, &b) < 0;
}

static mesh_link *offering_link(const mesh_node *n, const mesh_node *via, bool any)
{
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL && n->links[i]->offerer &&
			(any || n->links[i]->via == via->id))
			return n->links[i];
	return NULL;
}

/* A second offer over the same relay: its sender has given up the first. */
static bool drop_older_answer(tulle *t, const mesh_node *n, tulle_node via)
{
	for (int i = 0; i < 2; i++)
		if (n->links[i] != NULL && !n->links[i]->offerer && n->links[i]->via == via) {
			tulle_mesh_drop_link(t, n->links[i]);
			return true;
		}
	return false;
}

/* The page of an original forgets us if both attempts get so far as to open. The one that is not in
 * its map never learns our candidates, so it cannot check: ours is used when it is checked, or when
 * the other has had its time. */
static void wait_for_rival(tulle *t, mesh_link *ours)
{
	if (ours != NULL)
		tulle_peer_wait(ours->peer, t->now + MESH_GLARE_US);
}

/* An offer from an address to which a node exists. */
static void collide(
	tulle *t, mesh_node *n, mesh_node *via, const tulle_signal_p_inner *inner, tulle_text sdp)
{
	mesh_link *ours = offering_link(n, via, inner->tulle);
	bool rival = !inner->tulle && ours == NULL && n->state == NODE_CONNECTING &&
		     find_link(n, via->id) == NULL && n->links[1] == NULL;
	if (n->state == NODE_OPEN) { /* perhaps its end is on the way: the offer waits for that */
		tulle_mesh_put_off(
			t, via, (tulle_text){n->address, n->address_len}, inner, sdp, true);
		return;
	}
	bool again = n->state == NODE_CONNECTING && drop_older_answer(t, n, via->id);
	if (n->state != NODE_CONNECTING || (ours == NULL && !rival && !again)) {
		tulle_mesh_count(t, TULLE_DROP_P_GLARE);
		return;
	}
	if (ours != NULL && !again && !is_theirs(ours, inner, sdp)) {
		tulle_mesh_count(t, TULLE_DROP_P_GLARE);
		return;
	}
	/* An original's map holds its own attempt or the one that answers ours, and order does not
	 * tell which: browsers make offers and answers at their own pace. Both stay until one
	 * opens; what goes to the wrong one is an error there, no more. */
	if (ours != NULL && inner->tulle)
		tulle_mesh_drop_link(t, ours);
	else
		wait_for_rival(t, offering_link(n, via, true));
	if (!answer_on(t, n, via->id, sdp) && n->links[0] == NULL)
		tulle_mesh_close_node(t, n, TULLE_CLOSED_GLARE);
}

static void handle_offer(
	tulle *t, mesh_node *via, tulle_text from, const tulle_signal_p_inner *inner)
{
	size_t len = 0;
	const char *text = decode(t, inner->sdp, &len);
	if (text == NULL || len > MESH_SIGNAL_BYTES_MAX) {
		tulle_mesh_count(t, TULLE_DROP_SDP_SYNTAX);
		return;
	}
	memcpy(t->offer_text, text, len); /* the scratch is used for our answer */
	tulle_text sdp = {t->offer_text, len};
	tulle_offer offer = {
		.via = via->id, .from = from, .offer_data = inner->offer_data, .sdp = sdp};
	tulle_verdict verdict =
		via->firewall != NULL ? via->firewall(t, &offer, via->firewall_user) : TULLE_ACCEPT;
	mesh_node *n = tulle_mesh_find(t, from); /* the firewall may have closed or connected */
	if (via->state != NODE_OPEN || t->silenced)
		return;
	if (verdict == TULLE_LATER && n == NULL)
		tulle_mesh_put_off(t, via, from, inner, sdp, false);
	else if (verdict != TULLE_ACCEPT)
		tulle_mesh_count(t, TULLE_DROP_P_FIREWALL); /* silence, as in P */
	else if (n != NULL)
		collide(t, n, via, inner, sdp);
	else
		(void)tulle_mesh_take_offer(t, via->id, from, sdp);
}

static void handle_answer(tulle *t, mesh_node *via, mesh_node *n, const tulle_signal_p_inner *inner)
{
	mesh_link *l = n != NULL ? offering_link(n, via, false) : NULL;
	size_t len = 0;
	if (l == NULL || l->answered) {
		bool other = n != NULL && offering_link(n, via, true) != NULL;
		tulle_mesh_count(
			t, other && l == NULL ? TULLE_DROP_P_OTHER_RELAY : TULLE_DROP_P_NO_ATTEMPT);
		return;
	}
	const char *sdp = decode(t, inner->sdp, &len);
	if (sdp == NULL || tulle_peer_set_remote(l->peer, TULLE_SDP_ANSWER, sdp, len) != TULLE_OK) {
		tulle_mesh_count(t, TULLE_DROP_SDP_SYNTAX);
		tulle_mesh_drop_link(t, l);
		if (n->links[0] == NULL)
			tulle_mesh_close_node(t, n, TULLE_CLOSED_PROTOCOL);
		return;
	}
	l->answered = true;
	send_held_candidates(t, l);
}

static bool is_from(const mesh_link *l, tulle_text ufrag_json)
{
	tulle_text text;
	tulle_sdp sdp;
	return tulle_peer_remote(l->peer, false, &text) != 0 &&
	       tulle_sdp_read(text, &sdp) == TULLE_OK &&
	       tulle_json_string_is(ufrag_json, sdp.ufrag);
}

/* Two attempts may share a relay; then the candidate says whose it is. */
static mesh_link *link_of_candidate(const mesh_node *n, tulle_node via, tulle_text ufrag_json)
{
	for (int i = 0; i < 2; i++)
		if (n->links[0] != NULL && n->links[1] != NULL && n->links[i]->via == via &&
			is_from(n->links[i], ufrag_json))
			return n->links[i];
	return find_link(n, via);
}

static void handle_candidate(
	tulle *t, mesh_node *via, mesh_node *n, tulle_text from, const tulle_signal_p_inner *inner)
{
	mesh_offer *o = tulle_mesh_find_offer(t, via->id, from);
	mesh_link *l = n != NULL && o == NULL
			       ? link_of_candidate(n, via->id, inner->username_fragment)
			       : NULL;
	size_t len = 0;
	const char *text = inner->candidate.len != 0 ? decode(t, inner->candidate, &len) : "";
	if (l == NULL && o == NULL) {
		bool other = n != NULL && (n->links[0] != NULL || n->links[1] != NULL);
		tulle_mesh_count(t, other ? TULLE_DROP_P_OTHER_RELAY : TULLE_DROP_P_NO_ATTEMPT);
		return;
	}
	tulle_candidate c = {.candidate = {text, len}, .mline_index = inner->mline_index};
	if (text == NULL)
		tulle_mesh_count(t, TULLE_DROP_ICE_CANDIDATE);
	else if (o != NULL)
		tulle_mesh_keep_candidate(t, o, c.candidate);
	else if (tulle_peer_add_candidate(l->peer, &c) == TULLE_ERR_STATE)
		tulle_mesh_count(t, TULLE_DROP_P_NO_ATTEMPT); /* before the answer */
}

TULLE_UNTRUSTED(mesh, "one relayed message", mesh)
void tulle_mesh_handle_relayed(tulle *t, mesh_node *via, const tulle_signal_p *p)
{
	tulle_signal_p_inner inner;
	tulle_text from = {p->address, p->address_bytes};
	tulle_drop drop = tulle_signal_read_p_inner(p->json, &inner);
	tulle_mesh_count(t, drop);
	if (drop != TULLE_TAKEN)
		return;
	switch (inner.kind) {
	case TULLE_SIGNAL_P_OFFER:
		handle_offer(t, via, from, &inner);
		break;
	case TULLE_SIGNAL_P_ANSWER:
		handle_answer(t, via, tulle_mesh_find(t, from), &inner);
		break;
	case TULLE_SIGNAL_P_CANDIDATE:
		handle_candidate(t, via, tulle_mesh_find(t, from), from, &inner);
		break;
	}
}
