/* SPDX-License-Identifier: MIT */
/* turn: the server-reflexive address by Binding requests: RFC8489:12, RFC8445:5.1.1.2. Invariant: a
 * request is on its way, or the time of the next one stands. */
#include "turn/engine.h"

struct tulle_turn_reflexive {
	tulle_turn_reflexive_config config;
	tulle_path path; /* remote: the server */
	tulle_time now, next_at;
	tulle_stun_transaction tx;
	bool active, tell;
	tulle_addr mapped; /* family 0: not known */
	tulle_turn_failure failure;
	uint16_t code;
};

size_t tulle_turn_reflexive_memory_bytes(const tulle_turn_reflexive_config *c)
{
	bool good = c->random.fill != NULL && c->rto_us >= 0 && c->rto_us <= TULLE_STUN_TI_US &&
		    (c->keepalive_us == 0 || c->keepalive_us >= TURN_REFLEXIVE_US_MIN);
	return good ? sizeof(tulle_turn_reflexive) : 0;
}

/* Without randomness: another time. */
static bool ask(tulle_turn_reflexive *r)
{
	r->active =
		tulle_stun_transaction_start(&r->tx, r->now, r->config.rto_us, &r->config.random);
	r->next_at = tulle_time_add(r->now, r->config.keepalive_us);
	return r->active;
}

tulle_turn_reflexive *tulle_turn_reflexive_init(void *memory, size_t memory_bytes,
	const tulle_turn_reflexive_config *config, const tulle_path *path, tulle_time now)
{
	size_t need = tulle_turn_reflexive_memory_bytes(config);
	if (need == 0 || memory_bytes < need || (uintptr_t)memory % _Alignof(max_align_t) != 0 ||
		tulle_addr_ip_bytes(&path->remote) == 0 || path->remote.port == 0)
		return NULL;
	tulle_turn_reflexive *r = memory;
	*r = (tulle_turn_reflexive){.config = *config, .path = *path, .now = now};
	r->config.rto_us = config->rto_us != 0 ? config->rto_us : TULLE_STUN_RTO_US;
	r->config.keepalive_us =
		config->keepalive_us != 0 ? config->keepalive_us : TURN_KEEPALIVE_US;
	return ask(r) ? r : NULL;
}

void tulle_turn_reflexive_wipe(tulle_turn_reflexive *r)
{
	tulle_crypto_wipe(r, sizeof *r);
}

/* Told once, and only while no address is known: a known one is not lost by silence. */
static void fail(tulle_turn_reflexive *r, tulle_turn_failure failure, uint16_t code)
{
	r->active = false;
	r->next_at = tulle_time_add(r->now, r->config.keepalive_us);
	if (r->mapped.family != 0 || (r->failure == failure && r->code == code))
		return;
	r->failure = failure;
	r->code = code;
	r->tell = true;
}

static void succeed(tulle_turn_reflexive *r, const tulle_addr *mapped)
{
	r->active = false;
	r->next_at = tulle_time_add(r->now, r->config.keepalive_us);
	if (r->mapped.family != 0 && tulle_addr_is(&r->mapped, mapped))
		return;
	r->mapped = *mapped;
	r->failure = TULLE_TURN_FAILURE_NONE;
	r->code = 0;
	r->tell = true;
}

static tulle_drop take(tulle_turn_reflexive *r, const uint8_t *data, size_t len)
{
	tulle_stun_message m;
	tulle_addr mapped;
	tulle_drop drop = tulle_stun_read(data, len, &m);
	if (drop != TULLE_TAKEN)
		return drop;
	if (tulle_stun_has(&m, TULLE_STUN_A_FINGERPRINT) && !tulle_stun_is_fingerprint_right(&m))
		return TULLE_DROP_STUN_FINGERPRINT; /* RFC8489:7 */
	if (!r->active || !tulle_stun_transaction_is(&r->tx, &m))
		return TULLE_DROP_STUN_TRANSACTION;
	unsigned code = m.kind == TULLE_STUN_ERROR ? tulle_stun_error(&m, NULL) : 0;
	if (m.method != TULLE_STUN_BINDING ||
		(m.kind != TULLE_STUN_SUCCESS && m.kind != TULLE_STUN_ERROR))
		return TULLE_DROP_STUN_METHOD;
	if (m.kind == TULLE_STUN_ERROR && code == 0)
		return TULLE_DROP_STUN_ATTRIBUTE;
	if (m.unknown_count != 0) /* RFC8489:6.3.3, RFC8489:6.3.4 */
		fail(r, TULLE_TURN_FAILURE_UNKNOWN_ATTRIBUTE, (uint16_t)code);
	else if (code != 0)
		fail(r, tulle_turn_failure_of(code), (uint16_t)code);
	else if (!tulle_stun_address(&m, TULLE_STUN_A_XOR_MAPPED_ADDRESS, &mapped) ||
		 !tulle_turn_is_usable(&mapped) ||
		 mapped.family != tulle_addr_unmap(&r->path.remote).family)
		fail(r, TULLE_TURN_FAILURE_ANSWER, 0);
	else
		succeed(r, &mapped);
	return TULLE_TAKEN;
}

TULLE_UNTRUSTED(anyone, "one message", turn)
tulle_drop tulle_turn_reflexive_handle_datagram(tulle_turn_reflexive *r, tulle_time now,
	const tulle_addr *from, const uint8_t *data, size_t len)
{
	tulle_addr a = tulle_addr_unmap(from), b = tulle_addr_unmap(&r->path.remote);
	r->now = tulle_time_max(r->now, now);
	return tulle_addr_is(&a, &b) ? take(r, data, len) : TULLE_DROP_UNKNOWN_PATH;
}

TULLE_UNTRUSTED(anyone, "20 bytes", turn)
bool tulle_turn_reflexive_owns(const tulle_turn_reflexive *r, const uint8_t *data, size_t len)
{
	const size_t id = TULLE_STUN_HEADER_BYTES - TULLE_STUN_ID_BYTES;
	return r->active && len >= TULLE_STUN_HEADER_BYTES &&
	       memcmp(data + id, r->tx.id, TULLE_STUN_ID_BYTES) == 0;
}

void tulle_turn_reflexive_handle_timeout(tulle_turn_reflexive *r, tulle_time now)
{
	r->now = tulle_time_max(r->now, now);
	if (r->active && tulle_stun_transaction_is_over(&r->tx, r->now))
		fail(r, TULLE_TURN_FAILURE_TIMEOUT, 0);
	if (!r->active && tulle_time_due(r->next_at, r->now))
		(void)ask(r);
}

bool tulle_turn_reflexive_poll_datagram(tulle_turn_reflexive *r, tulle_time now, uint8_t *dst,
	size_t dst_bytes, tulle_datagram *out)
{
	r->now = tulle_time_max(r->now, now);
	if (!r->active || !tulle_stun_transaction_is_due(&r->tx, r->now))
		return false;
	tulle_stun_writer w = tulle_stun_write_begin(
		dst, dst_bytes, TULLE_STUN_BINDING, TULLE_STUN_REQUEST, r->tx.id);
	size_t len = tulle_stun_write_finish(&w);
	if (len == 0)
		return false;
	tulle_stun_transaction_sent(&r->tx, r->now);
	*out = (tulle_datagram){.len = len, .path = r->path};
	return true;
}

tulle_time tulle_turn_reflexive_poll_timeout(const tulle_turn_reflexive *r)
{
	return r->active ? r->tx.due : r->next_at;
}

bool tulle_turn_reflexive_poll_event(tulle_turn_reflexive *r, tulle_turn_reflexive_event *event)
{
	bool told = r->tell;
	r->tell = false;
	if (told)
		*event = (tulle_turn_reflexive_event){
			.mapped = r->mapped, .failure = r->failure, .code = r->code};
	return told;
}

void tulle_turn_reflexive_check(const tulle_turn_reflexive *r)
{
	TULLE_CHECK(r->mapped.family == 0 || r->failure == TULLE_TURN_FAILURE_NONE);
	TULLE_CHECK(!r->active || r->tx.rto_us > 0);
	TULLE_CHECK(!r->tell || r->mapped.family != 0 || r->failure != TULLE_TURN_FAILURE_NONE);
}
