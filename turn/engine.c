/* SPDX-License-Identifier: MIT */
/* turn: the engine's life: memory, commands, input, deadlines, events. */
#include "turn/engine.h"

#define ALIGN 16u

typedef struct {
	size_t permissions, peers, stream, end;
} layout;

static bool is_text(tulle_text t, size_t most)
{
	return t.ptr != NULL && t.len != 0 && t.len <= most;
}

static bool is_config(const tulle_turn_config *c)
{
	return c->random.fill != NULL && is_text(c->username, TURN_USERNAME_MAX) &&
	       is_text(c->password, TURN_PASSWORD_MAX) && !(c->both && c->ipv6) &&
	       (c->transport == TULLE_TURN_UDP || c->transport == TULLE_TURN_STREAM) &&
	       c->peers_max <= TURN_PEERS_MAX && c->stream_bytes <= TURN_STREAM_BYTES_MAX &&
	       (c->stream_bytes == 0 || c->stream_bytes >= TURN_STREAM_BYTES_MIN) &&
	       c->rto_us >= 0 && c->rto_us <= TULLE_STUN_TI_US;
}

static tulle_turn_config with_defaults(const tulle_turn_config *config)
{
	tulle_turn_config c = *config;
	c.peers_max = c.peers_max != 0 ? c.peers_max : TURN_PEERS_DEFAULT;
	c.stream_bytes = c.stream_bytes != 0 ? c.stream_bytes : TURN_STREAM_BYTES_DEFAULT;
	c.rto_us = c.rto_us != 0 ? c.rto_us : TULLE_STUN_RTO_US;
	return c;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Of a config with its defaults. */
static layout lay_out(const tulle_turn_config *c)
{
	layout l;
	l.permissions = aligned(sizeof(tulle_turn));
	l.peers = aligned(l.permissions + sizeof(turn_permission) * c->peers_max);
	l.stream = aligned(l.peers + sizeof(turn_peer) * c->peers_max);
	l.end = l.stream + (c->transport == TULLE_TURN_STREAM ? c->stream_bytes : 0);
	return l;
}

size_t tulle_turn_memory_bytes(const tulle_turn_config *config)
{
	if (!is_config(config))
		return 0;
	tulle_turn_config c = with_defaults(config);
	return lay_out(&c).end;
}

tulle_turn *tulle_turn_init(
	void *memory, size_t memory_bytes, const tulle_turn_config *config, tulle_time now)
{
	size_t need = tulle_turn_memory_bytes(config);
	if (need == 0 || memory_bytes < need || (uintptr_t)memory % _Alignof(max_align_t) != 0)
		return NULL;
	memset(memory, 0, need);
	tulle_turn *turn = memory;
	uint8_t *block = memory;
	turn->config = with_defaults(config);
	layout l = lay_out(&turn->config);
	memcpy(turn->username, config->username.ptr, config->username.len);
	memcpy(turn->password, config->password.ptr, config->password.len);
	turn->config.username.ptr = turn->username;
	turn->config.password.ptr = turn->password;
	turn->permissions = (void *)(block + l.permissions);
	turn->peers = (void *)(block + l.peers);
	turn->stream = block + l.stream;
	turn->peer_slots = (uint8_t)turn->config.peers_max;
	turn->now = now;
	turn->retry_at = TULLE_TIME_NEVER;
	turn->next_number = 0x4000;
	return turn;
}

void tulle_turn_wipe(tulle_turn *turn)
{
	tulle_crypto_wipe(turn, lay_out(&turn->config).end);
}

static bool may_allocate(const tulle_turn *turn)
{
	switch (turn->state) {
	case TULLE_TURN_NEW:
	case TULLE_TURN_REDIRECTED:
		return true;
	case TULLE_TURN_FAILED:
		return !turn->farewell && tulle_time_due(turn->retry_at, turn->now);
	case TULLE_TURN_ALLOCATING:
	case TULLE_TURN_READY:
	case TULLE_TURN_CLOSING:
	case TULLE_TURN_CLOSED:
		return false;
	}
	return false;
}

tulle_err tulle_turn_allocate(tulle_turn *turn, tulle_time now, const tulle_path *path)
{
	turn_request fresh;
	bool redirected = turn->state == TULLE_TURN_REDIRECTED;
	turn->now = tulle_time_max(turn->now, now);
	if (!may_allocate(turn))
		return TULLE_ERR_STATE;
	if ((path->remote.family != 4 && path->remote.family != 6) || path->remote.port == 0 ||
		(redirected && !tulle_addr_is(&path->remote, &turn->alternate)))
		return TULLE_ERR_ARGUMENT;
	if (!tulle_turn_try(turn, &fresh, TULLE_STUN_ALLOCATE))
		return TULLE_ERR_SYSTEM;
	/* RFC8489:9.2.3.1: another server, or this one anew: it does not know us yet. */
	tulle_crypto_wipe(&turn->challenge, sizeof turn->challenge);
	turn->main = fresh;
	turn->main.authentic = false;
	turn->path = *path;
	if (!redirected)
		turn->tried_count = 0;
	turn->tried[turn->tried_count++] = path->remote;
	turn->stream_have = turn->stream_skip = 0;
	turn->tell_alternate = turn->tell_failed = false;
	turn->state = TULLE_TURN_ALLOCATING;
	return TULLE_OK;
}

/* CLOSED: nothing of the allocation is left. */
void tulle_turn_end(tulle_turn *turn)
{
	turn->state = TULLE_TURN_CLOSED;
	turn->main = (turn_request){0};
	turn->farewell = false;
	turn->tell_closed = true;
}

void tulle_turn_close(tulle_turn *turn, tulle_time now)
{
	/* An Allocate with credentials that is on its way may have made one already. */
	bool held = turn->state == TULLE_TURN_READY ||
		    (turn->state == TULLE_TURN_ALLOCATING && turn->main.authentic);
	turn->now = tulle_time_max(turn->now, now);
	if (turn->state == TULLE_TURN_CLOSING || turn->state == TULLE_TURN_CLOSED)
		return;
	turn->tell_ready = turn->tell_alternate = turn->tell_failed = false;
	tulle_turn_forget_all(turn);
	if (held && tulle_turn_try(turn, &turn->main, TULLE_STUN_REFRESH))
		turn->state = TULLE_TURN_CLOSING;
	else
		tulle_turn_end(turn);
}

static tulle_time wait_us(tulle_turn_failure failure)
{
	static const int8_t seconds[] = {0,
#define ROW(name, text, wait) wait,
		TULLE_TURN_FAILURES(ROW)
#undef ROW
	};
	int8_t s = seconds[failure];
	return s < 0 ? TULLE_TIME_NEVER : (tulle_time)s * 1000000;
}

/* Whether the server would keep an allocation that nobody wants any more: then it is told, once. */
static bool is_worth_telling(tulle_turn_failure failure)
{
	return failure == TULLE_TURN_FAILURE_FAMILY || failure == TULLE_TURN_FAILURE_ANSWER ||
	       failure == TULLE_TURN_FAILURE_OUT_OF_SYNC;
}

/* FAILED, from any other state. */
void tulle_turn_fail(tulle_turn *turn, tulle_turn_failure failure, uint16_t code)
{
	bool tell = turn->state == TULLE_TURN_READY && is_worth_telling(failure);
	tulle_turn_forget_all(turn);
	turn->main = (turn_request){0};
	turn->farewell = tell && tulle_turn_try(turn, &turn->main, TULLE_STUN_REFRESH);
	turn->state = TULLE_TURN_FAILED;
	turn->failure = failure;
	turn->failure_code = code;
	tulle_time wait = wait_us(failure);
	if (failure == TULLE_TURN_FAILURE_MISMATCH && ++turn->tuples == TURN_TUPLES_MAX) {
		wait = TURN_WAIT_TUPLES_US; /* RFC8656:7.4 */
		turn->tuples = 0;
	}
	turn->retry_at = wait == TULLE_TIME_NEVER ? wait : tulle_time_add(turn->now, wait);
	turn->tell_ready = turn->tell_alternate = false;
	turn->tell_failed = true;
}

static tulle_drop take_stun(tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out)
{
	tulle_stun_message m;
	tulle_drop drop = tulle_stun_read(data, len, &m);
	if (drop != TULLE_TAKEN)
		return drop;
	if (tulle_stun_has(&m, TULLE_STUN_A_FINGERPRINT) && !tulle_stun_is_fingerprint_right(&m))
		return TULLE_DROP_STUN_FINGERPRINT; /* RFC8489:7 */
	if (m.kind == TULLE_STUN_REQUEST)
		return TULLE_DROP_STUN_METHOD;
	if (m.kind != TULLE_STUN_INDICATION)
		return tulle_turn_take_answer(turn, &m);
	return turn->state == TULLE_TURN_READY ? tulle_turn_take_indication(turn, &m, out)
					       : TULLE_DROP_STATE;
}

/* One message of the server's. */
TULLE_UNTRUSTED(anyone, "one message; one HMAC", turn)
tulle_drop tulle_turn_take(tulle_turn *turn, const uint8_t *data, size_t len, tulle_turn_data *out)
{
	if (turn->state != TULLE_TURN_ALLOCATING && turn->state != TULLE_TURN_READY &&
		turn->state != TULLE_TURN_CLOSING)
		return TULLE_DROP_STATE;
	if (len != 0 && data[0] >= 0x40 && data[0] <= 0x4f) /* RFC8656:12 */
		return turn->state == TULLE_TURN_READY
			       ? tulle_turn_take_channel(turn, data, len, out)
			       : TULLE_DROP_STATE;
	if (len == 0 || data[0] > 3)
		return TULLE_DROP_UNKNOWN_PROTOCOL;
	return take_stun(turn, data, len, out);
}

/* RFC8656:11.4 says nothing of it, but who is not the server can forge no more than its address. */
static bool is_server(const tulle_turn *turn, const tulle_addr *from)
{
	tulle_addr a = tulle_addr_unmap(from), b = tulle_addr_unmap(&turn->path.remote);
	return tulle_addr_is(&a, &b);
}

TULLE_UNTRUSTED(anyone, "one datagram; one HMAC", turn)
tulle_drop tulle_turn_handle_datagram(tulle_turn *turn, tulle_time now, const tulle_addr *from,
	const uint8_t *data, size_t len, tulle_turn_data *out)
{
	turn->now = tulle_time_max(turn->now, now);
	*out = (tulle_turn_data){0};
	tulle_drop drop = TULLE_DROP_STATE;
	if (turn->config.transport == TULLE_TURN_UDP)
		drop = is_server(turn, from) ? tulle_turn_take(turn, data, len, out)
					     : TULLE_DROP_UNKNOWN_PATH;
	turn->drops[drop]++;
	return drop;
}

void tulle_turn_handle_timeout(tulle_turn *turn, tulle_time now)
{
	turn->now = tulle_time_max(turn->now, now);
	if (turn->farewell) /* one send is all */
		return;
	tulle_turn_allocation_tick(turn);
	if (turn->state == TULLE_TURN_READY)
		tulle_turn_peers_tick(turn);
}

/* RFC8445:5.1.1.4: the NAT's binding towards the server, and a way for peers' data. */
static size_t poll_keepalive(tulle_turn *turn, uint8_t *dst)
{
	uint8_t id[TULLE_STUN_ID_BYTES];
	tulle_time due = tulle_time_add(turn->last_sent, TURN_KEEPALIVE_US);
	if (turn->state != TULLE_TURN_READY || turn->config.transport != TULLE_TURN_UDP ||
		!tulle_time_due(due, turn->now))
		return 0;
	turn->last_sent = turn->now; /* without randomness: the next time */
	if (!turn->config.random.fill(turn->config.random.user, id, sizeof id))
		return 0;
	tulle_stun_writer w = tulle_stun_write_begin(
		dst, TULLE_TURN_DATAGRAM_BYTES, TULLE_STUN_BINDING, TULLE_STUN_INDICATION, id);
	return tulle_stun_write_finish(&w);
}

bool tulle_turn_poll_datagram(
	tulle_turn *turn, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out)
{
	turn->now = tulle_time_max(turn->now, now);
	if (dst_bytes < TULLE_TURN_DATAGRAM_BYTES)
		return false;
	size_t len = tulle_turn_poll_request(turn, dst);
	if (turn->farewell) {
		turn->farewell = false;
		turn->main = (turn_request){0};
	}
	if (len == 0)
		len = poll_keepalive(turn, dst);
	if (len == 0)
		return false;
	turn->last_sent = turn->now;
	*out = (tulle_datagram){.len = len, .path = turn->path};
	return true;
}

tulle_time tulle_turn_poll_timeout(const tulle_turn *turn)
{
	return tulle_time_min(tulle_turn_allocation_timeout(turn), tulle_turn_peers_timeout(turn));
}

static bool take_flag(bool *flag, tulle_turn_event *event, tulle_turn_event_kind kind)
{
	bool was = *flag;
	*flag = false;
	if (was)
		event->kind = kind;
	return was;
}

bool tulle_turn_poll_event(tulle_turn *turn, tulle_turn_event *event)
{
	*event = (tulle_turn_event){0};
	if (take_flag(&turn->tell_ready, event, TULLE_TURN_EVENT_READY)) {
		memcpy(event->u.ready.relayed, turn->relayed, sizeof turn->relayed);
		event->u.ready.mapped = turn->mapped;
		event->u.ready.lifetime_us = turn->lifetime_us;
		event->u.ready.missing = turn->missing;
		return true;
	}
	if (tulle_turn_peer_event(turn, event))
		return true;
	if (take_flag(&turn->tell_alternate, event, TULLE_TURN_EVENT_ALTERNATE)) {
		event->u.alternate.server = turn->alternate;
		event->u.alternate.domain = (tulle_text){turn->domain, turn->domain_len};
		return true;
	}
	if (take_flag(&turn->tell_failed, event, TULLE_TURN_EVENT_FAILED)) {
		event->u.failed.failure = turn->failure;
		event->u.failed.code = turn->failure_code;
		event->u.failed.retry_at = turn->retry_at;
		return true;
	}
	return take_flag(&turn->tell_closed, event, TULLE_TURN_EVENT_CLOSED);
}

tulle_turn_state tulle_turn_get_state(const tulle_turn *turn)
{
	return turn->state;
}

bool tulle_turn_relayed(const tulle_turn *turn, uint8_t family, tulle_addr *out)
{
	if (turn->state != TULLE_TURN_READY || turn->relayed[family == 6].family != family)
		return false;
	*out = turn->relayed[family == 6];
	return true;
}

tulle_time tulle_turn_rtt(const tulle_turn *turn)
{
	return turn->rtt;
}

uint32_t tulle_turn_drops(const tulle_turn *turn, tulle_drop reason)
{
	return (unsigned)reason < TULLE_DROP_COUNT ? turn->drops[reason] : 0;
}

const char *tulle_turn_failure_name(tulle_turn_failure failure)
{
	static const char *const names[] = {"none",
#define ROW(name, text, wait) text,
		TULLE_TURN_FAILURES(ROW)
#undef ROW
	};
	return (unsigned)failure < sizeof names / sizeof *names ? names[failure] : "unknown";
}

void tulle_turn_check(const tulle_turn *turn)
{
	bool waits = turn->state == TULLE_TURN_ALLOCATING || turn->state == TULLE_TURN_CLOSING;
	TULLE_CHECK(!waits || turn->main.active);
	TULLE_CHECK(
		waits || turn->farewell || turn->state == TULLE_TURN_READY || !turn->main.active);
	TULLE_CHECK(!turn->farewell || turn->state == TULLE_TURN_FAILED);
	TULLE_CHECK(!turn->tell_ready || turn->state == TULLE_TURN_READY);
	TULLE_CHECK(!turn->tell_alternate || turn->state == TULLE_TURN_REDIRECTED);
	TULLE_CHECK(turn->tried_count <= TURN_ALTERNATES_MAX);
	TULLE_CHECK(turn->stream_have <= turn->config.stream_bytes);
	TULLE_CHECK(turn->stream_have == 0 || turn->stream_skip == 0);
	tulle_turn_check_peers(turn);
}
