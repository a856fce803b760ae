/* SPDX-License-Identifier: MIT */
/* Tests: a STUN and TURN server in virtual time. */
#include "tests/support/relay.h"

#include "base/addr.h"
#include "base/text.h"

#include <tulle/stun.h>

#include <string.h>

#define MINUTE INT64_C(60000000)

static tulle_time in_minutes(const world_relay *r, unsigned n)
{
	return r->clock != NULL ? *r->clock + n * MINUTE : TULLE_TIME_NEVER;
}

/* RFC8656:7.3, 9, 12: what was not refreshed is no more. */
static void forget_old(world_relay *r)
{
	for (size_t i = 0; r->clock != NULL && i < RELAY_ALLOCATIONS_MAX; i++) {
		relay_allocation *a = &r->allocations[i];
		if (a->until <= *r->clock)
			a->relayed.family = 0;
		for (unsigned k = 0; k < a->permissions; k++)
			if (a->permitted_until[k] <= *r->clock) {
				a->permitted[k] = a->permitted[--a->permissions];
				a->permitted_until[k--] = a->permitted_until[a->permissions];
			}
		for (unsigned k = 0; k < a->channels; k++)
			if (a->bound_until[k] <= *r->clock) {
				a->bound[k] = a->bound[--a->channels];
				a->numbers[k] = a->numbers[a->channels];
				a->bound_until[k--] = a->bound_until[a->channels];
			}
	}
}

static relay_allocation *of_client(world_relay *r, const tulle_addr *client)
{
	for (size_t i = 0; i < RELAY_ALLOCATIONS_MAX; i++)
		if (r->allocations[i].relayed.family != 0 && tulle_addr_is(&r->allocations[i].client, client))
			return &r->allocations[i];
	return NULL;
}

static relay_allocation *of_relayed(world_relay *r, const tulle_addr *relayed)
{
	for (size_t i = 0; i < RELAY_ALLOCATIONS_MAX; i++)
		if (r->allocations[i].relayed.family != 0 && tulle_addr_is(&r->allocations[i].relayed, relayed))
			return &r->allocations[i];
	return NULL;
}

static bool is_permitted(const relay_allocation *a, const tulle_addr *peer)
{
	for (unsigned i = 0; i < a->permissions; i++)
		if (tulle_addr_is_ip(&a->permitted[i], peer))
			return true;
	return false;
}

static void permit(const world_relay *r, relay_allocation *a, const tulle_addr *peer)
{
	unsigned i = 0;
	while (i < a->permissions && !tulle_addr_is_ip(&a->permitted[i], peer))
		i++;
	if (i == RELAY_PEERS_MAX)
		return;
	a->permitted[i] = *peer;
	a->permitted_until[i] = in_minutes(r, 5);
	a->permissions += i == a->permissions;
}

static void bind(const world_relay *r, relay_allocation *a, const tulle_addr *peer, uint16_t number)
{
	unsigned i = 0;
	while (i < a->channels && a->numbers[i] != number)
		i++;
	if (i == RELAY_PEERS_MAX)
		return;
	a->numbers[i] = number;
	a->bound[i] = *peer;
	a->bound_until[i] = in_minutes(r, 10);
	a->channels += i == a->channels;
}

static unsigned allocate(
	world_relay *r, const tulle_stun_message *m, const tulle_addr *client, relay_allocation **out)
{
	r->allocates++;
	if (r->alternate.family != 0)
		return 300;
	if (r->refuse != 0)
		return r->refuse;
	if ((*out = of_client(r, client)) != NULL) /* RFC8656:7.2 */
		return memcmp((*out)->id, m->id, sizeof m->id) == 0 ? 0 : 437;
	for (size_t i = 0; i < RELAY_ALLOCATIONS_MAX; i++) {
		relay_allocation *a = &r->allocations[i];
		if (a->relayed.family != 0)
			continue;
		*a = (relay_allocation){.client = *client, .relayed = r->address, .until = in_minutes(r, 10)};
		memcpy(a->id, m->id, sizeof a->id);
		a->relayed.port = (uint16_t)(50000 + r->next_port++);
		*out = a;
		return 0;
	}
	return 486;
}

static unsigned change(world_relay *r, const tulle_stun_message *m, relay_allocation *a)
{
	tulle_addr peer;
	bool has_peer = tulle_stun_address(m, TULLE_STUN_A_XOR_PEER_ADDRESS, &peer);
	if (a == NULL)
		return 437;
	if (m->method == TULLE_STUN_REFRESH) {
		r->refreshes++;
		a->until = in_minutes(r, 10);
		if (tulle_stun_u32(m, TULLE_STUN_A_LIFETIME) == 0 && tulle_stun_has(m, TULLE_STUN_A_LIFETIME)) {
			r->deletes++;
			a->relayed.family = 0;
		}
		return 0;
	}
	if (!has_peer)
		return 400;
	permit(r, a, &peer);
	if (m->method == TULLE_STUN_CREATE_PERMISSION) {
		r->permits++;
		return 0;
	}
	r->binds++;
	bind(r, a, &peer, (uint16_t)(tulle_stun_u32(m, TULLE_STUN_A_CHANNEL_NUMBER) >> 16));
	return 0;
}

static void write_error(world_relay *r, tulle_stun_writer *w, unsigned code)
{
	tulle_stun_write_error(w, code, TULLE_TEXT("no"));
	if (code == 401) {
		tulle_stun_write_text(w, TULLE_STUN_A_REALM, TULLE_TEXT("example.org"));
		tulle_stun_write_text(w, TULLE_STUN_A_NONCE, TULLE_TEXT("n"));
	}
	if (code == 300)
		tulle_stun_write_address(w, TULLE_STUN_A_ALTERNATE_SERVER, &r->alternate);
}

static void answer(world_relay *r, const tulle_stun_message *m, const tulle_addr *from)
{
	uint8_t buf[512], key[16];
	relay_allocation *a = of_client(r, from);
	unsigned code = 0;
	bool signs = tulle_stun_has(m, TULLE_STUN_A_MESSAGE_INTEGRITY);
	(void)tulle_stun_key_md5(TULLE_TEXT("ann"), TULLE_TEXT("example.org"), tulle_text_of(r->password), key);
	tulle_bytes k = {key, sizeof key};
	if (m->method != TULLE_STUN_BINDING && (!signs || !tulle_stun_is_authentic(m, k))) {
		code = 401;
		signs = false;
	} else if (m->method == TULLE_STUN_ALLOCATE) {
		code = allocate(r, m, from, &a);
	} else if (m->method != TULLE_STUN_BINDING) {
		code = change(r, m, a);
	} else {
		r->bindings++;
	}
	r->refused += code != 0 && code != 401;
	tulle_stun_writer w = tulle_stun_write_begin(
		buf, sizeof buf, m->method, code != 0 ? TULLE_STUN_ERROR : TULLE_STUN_SUCCESS, m->id);
	if (code != 0)
		write_error(r, &w, code);
	if (code == 0 && m->method == TULLE_STUN_ALLOCATE)
		tulle_stun_write_address(&w, TULLE_STUN_A_XOR_RELAYED_ADDRESS, &a->relayed);
	if (code == 0 && (m->method == TULLE_STUN_ALLOCATE || m->method == TULLE_STUN_BINDING))
		tulle_stun_write_address(
			&w, TULLE_STUN_A_XOR_MAPPED_ADDRESS, r->mapped.family != 0 ? &r->mapped : from);
	if (code == 0 && (m->method == TULLE_STUN_ALLOCATE || m->method == TULLE_STUN_REFRESH))
		tulle_stun_write_u32(&w, TULLE_STUN_A_LIFETIME,
			m->method == TULLE_STUN_REFRESH && a->relayed.family == 0 ? 0 : 600);
	if (signs)
		tulle_stun_write_integrity(&w, k);
	r->emit(r->user, &r->address, from, buf, tulle_stun_write_finish(&w));
}

/* From a client to a peer: out of its relayed address. */
static void forward(world_relay *r, relay_allocation *a, const tulle_addr *peer, tulle_bytes data)
{
	if (is_permitted(a, peer))
		r->emit(r->user, &a->relayed, peer, data.ptr, data.len);
}

static void take_channel(world_relay *r, relay_allocation *a, const uint8_t *data, size_t len)
{
	tulle_rd rd = tulle_rd_make(data, len);
	uint16_t number = tulle_rd_u16(&rd), n = tulle_rd_u16(&rd);
	tulle_bytes payload = tulle_rd_bytes(&rd, n);
	r->channel_data++;
	for (unsigned i = 0; !rd.bad && i < a->channels; i++)
		if (a->numbers[i] == number) {
			forward(r, a, &a->bound[i], payload);
			return;
		}
}

static void take_peer(world_relay *r, const relay_allocation *a, const tulle_addr *from, const uint8_t *data, size_t len)
{
	static const uint8_t id[TULLE_STUN_ID_BYTES] = {1};
	uint8_t buf[2048];
	if (!is_permitted(a, from))
		return;
	for (unsigned i = 0; i < a->channels; i++) {
		if (!tulle_addr_is(&a->bound[i], from))
			continue;
		tulle_wr w = tulle_wr_make(buf, sizeof buf);
		tulle_wr_u16(&w, a->numbers[i]);
		tulle_wr_u16(&w, (uint16_t)len);
		tulle_wr_bytes(&w, data, len);
		while (w.len % 4 != 0)
			tulle_wr_u8(&w, 0);
		r->emit(r->user, &r->address, &a->client, buf, w.len);
		return;
	}
	tulle_stun_writer w = tulle_stun_write_begin(buf, sizeof buf, TULLE_STUN_DATA, TULLE_STUN_INDICATION, id);
	tulle_stun_write_address(&w, TULLE_STUN_A_XOR_PEER_ADDRESS, from);
	tulle_stun_write_bytes(&w, tulle_stun_type(TULLE_STUN_A_DATA), data, len);
	r->emit(r->user, &r->address, &a->client, buf, tulle_stun_write_finish(&w));
}

bool relay_take(world_relay *r, const tulle_addr *from, const tulle_addr *to, const uint8_t *data, size_t len)
{
	forget_old(r);
	relay_allocation *a = of_relayed(r, to);
	tulle_stun_message m = {0};
	tulle_addr peer;
	if (a == NULL && !tulle_addr_is(&r->address, to))
		return false;
	if (r->mute)
		return true;
	if (a != NULL) {
		take_peer(r, a, from, data, len);
		return true;
	}
	a = of_client(r, from);
	if (len > 4 && data[0] >= 64 && data[0] < 80 && a != NULL) {
		take_channel(r, a, data, len);
	} else if (tulle_stun_read(data, len, &m) == TULLE_TAKEN && m.kind == TULLE_STUN_REQUEST) {
		answer(r, &m, from);
	} else if (m.kind == TULLE_STUN_INDICATION && m.method == TULLE_STUN_SEND && a != NULL &&
		   tulle_stun_address(&m, TULLE_STUN_A_XOR_PEER_ADDRESS, &peer)) {
		r->indications++;
		forward(r, a, &peer, m.value[TULLE_STUN_A_DATA]);
	}
	return true;
}

void relay_restart(world_relay *r)
{
	memset(r->allocations, 0, sizeof r->allocations);
}
