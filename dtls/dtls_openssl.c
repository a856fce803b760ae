/* SPDX-License-Identifier: MIT */
/* dtls: one connection over OpenSSL (RFC 6347, 8842). Invariants: no application data passes before
 * the fingerprint is verified; a failed handshake that proved nothing gets a fresh SSL and says
 * nothing. */
#include "dtls/engine.h"

#include "base/panic.h"
#include "base/serial.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/time.h>

static bool is_good(const tulle_dtls_config *c)
{
	if (c == NULL || c->certificate == NULL || c->plain == NULL)
		return false;
	if (c->plain_bytes < DTLS_PLAIN_BYTES_MIN || c->handshake_us_max < 0)
		return false;
	if (c->data_mtu != 0 && (c->data_mtu < (c->mtu != 0 ? c->mtu : DTLS_MTU_DEFAULT) ||
					c->data_mtu > DTLS_MTU_MAX))
		return false;
	return c->mtu == 0 || (c->mtu >= DTLS_MTU_MIN && c->mtu <= DTLS_MTU_MAX);
}

size_t tulle_dtls_memory_bytes(const tulle_dtls_config *config)
{
	_Static_assert(sizeof(tulle_dtls) <= TULLE_DTLS_MEMORY_BYTES_MAX, "the public bound");
	return is_good(config) ? sizeof(tulle_dtls) : 0;
}

tulle_dtls *tulle_dtls_init(
	void *memory, size_t memory_bytes, const tulle_dtls_config *config, tulle_time now)
{
	if (!is_good(config) || memory == NULL || memory_bytes < sizeof(tulle_dtls))
		return NULL;
	tulle_dtls *d = memory;
	memset(d, 0, sizeof *d);
	d->config = *config;
	if (d->config.mtu == 0)
		d->config.mtu = DTLS_MTU_DEFAULT;
	if (d->config.data_mtu == 0)
		d->config.data_mtu = d->config.mtu;
	if (d->config.handshake_us_max == 0)
		d->config.handshake_us_max = DTLS_HANDSHAKE_US;
	d->certificate = tulle_certificate_take(config->certificate);
	d->now = now;
	d->timer = d->deadline = d->idle_at = TULLE_TIME_NEVER;
	d->flight = (dtls_box){.bytes = d->flight_bytes,
		.bytes_max = DTLS_FLIGHT_BYTES,
		.count_max = DTLS_FLIGHT_DATAGRAMS_MAX};
	d->held = (dtls_box){.bytes = d->held_bytes,
		.bytes_max = DTLS_HELD_BYTES,
		.count_max = DTLS_HELD_DATAGRAMS_MAX};
	return d;
}

void tulle_dtls_wipe(tulle_dtls *d)
{
	if (d == NULL)
		return;
	SSL_free(d->ssl);
	tulle_certificate_drop(d->certificate);
	memset(d, 0, sizeof *d);
}

static void set_now(tulle_dtls *d, tulle_time now)
{
	d->now = tulle_time_max(d->now, now);
}

static void set_state(tulle_dtls *d, dtls_state to, tulle_dtls_closed why)
{
	d->state = to;
	if (to != DTLS_OVER)
		return;
	d->why = why;
	d->say_closed = true;
	d->timer = d->deadline = d->idle_at = TULLE_TIME_NEVER;
}

/* OpenSSL keeps its timer by the wall clock; we ask how long and count in our own time. */
static void ask_timer(tulle_dtls *d)
{
	struct timeval left;
	d->timer = TULLE_TIME_NEVER;
	if (d->state == DTLS_OVER || d->ssl == NULL || d->hold)
		return;
	if (DTLSv1_get_timeout(d->ssl, &left) != 1)
		return;
	tulle_time us = (tulle_time)left.tv_sec * 1000000 + (tulle_time)left.tv_usec;
	d->timer = tulle_time_max(tulle_time_add(d->now, tulle_time_max(us, 1000)), d->not_before);
}

static void touch(tulle_dtls *d)
{
	d->idle_at = tulle_time_add(d->now, DTLS_IDLE_US);
	if (d->idle && SSL_alloc_buffers(d->ssl) == 1)
		d->idle = false;
}

static void shake(tulle_dtls *d);

/* What a failed try wrote, its alert, must not reach the peer: it may be somebody else's forgery.
 */
static void fail(tulle_dtls *d, const dtls_box *before)
{
	if (d->untrusted) {
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_UNTRUSTED);
		return;
	}
	if (d->verified || d->starts >= DTLS_FRESH_STARTS_MAX) {
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_FAILED);
		return;
	}
	d->starts++;
	d->flight = *before;
	d->alert = 0;
	d->guard = (dtls_guard){.server = d->role == TULLE_DTLS_SERVER};
	if (!tulle_dtls_make_ssl(d))
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_FAILED);
	else if (d->role == TULLE_DTLS_CLIENT)
		shake(d);
}

/* OpenSSL's queue is nearly always empty, and emptying it costs more than looking. */
static void clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static void shake(tulle_dtls *d)
{
	dtls_box before = d->flight;
	clear_errors();
	int done = SSL_do_handshake(d->ssl), error = SSL_get_error(d->ssl, done);
	if (done == 1) {
		/* FIELD: neither role goes on without the peer's proof. */
		TULLE_CHECK(d->verified);
		set_state(d, DTLS_OPEN, 0);
		d->guard.open = true;
		d->deadline = TULLE_TIME_NEVER;
		d->say_connected = d->more = true;
		touch(d);
	} else if (error != SSL_ERROR_WANT_READ) {
		fail(d, &before);
	}
	clear_errors();
	ask_timer(d);
}

static void read_plain(tulle_dtls *d)
{
	d->plain_len = 0;
	d->more = false;
	clear_errors();
	int n = SSL_read(d->ssl, d->config.plain, (int)d->config.plain_bytes);
	int error = SSL_get_error(d->ssl, n);
	if (n > 0) {
		d->plain_len = (size_t)n;
		d->more = true;
	} else if (error == SSL_ERROR_ZERO_RETURN) {
		(void)SSL_shutdown(d->ssl); /* RFC5246:7.2.1: a close_notify in answer */
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_REMOTE);
	} else if (error != SSL_ERROR_WANT_READ) {
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_FAILED);
	}
	clear_errors();
	ask_timer(d);
}

/* From here on OpenSSL opens a record of epoch 1 at once, or drops it. */
static bool is_changed(const tulle_dtls *d)
{
	OSSL_HANDSHAKE_STATE state = SSL_get_state(d->ssl);
	return state == TLS_ST_CR_CHANGE || state == TLS_ST_SR_CHANGE;
}

static tulle_drop feed_whole(tulle_dtls *d, tulle_bytes datagram)
{
	d->guard.changed = d->state == DTLS_SHAKING && is_changed(d);
	tulle_drop drop = tulle_dtls_read_datagram(&d->guard, datagram.ptr, datagram.len);
	if (drop != TULLE_TAKEN)
		return drop;
	d->input = datagram;
	if (d->state == DTLS_SHAKING)
		shake(d);
	else if (d->state == DTLS_OPEN)
		touch(d);
	if (d->state == DTLS_OPEN && d->plain_len == 0)
		read_plain(d);
	d->input.len = 0; /* borrowed for this call */
	return TULLE_TAKEN;
}

/* A ChangeCipherSpec makes way for the Finished behind it in one datagram. */
static tulle_drop feed(tulle_dtls *d, tulle_bytes datagram)
{
	tulle_drop drop = feed_whole(d, datagram);
	size_t clear = drop == TULLE_DROP_DTLS_EARLY
			       ? tulle_dtls_cleartext_bytes(datagram.ptr, datagram.len)
			       : 0;
	if (clear == 0)
		return drop;
	(void)feed_whole(d, (tulle_bytes){datagram.ptr, clear});
	return feed_whole(d, (tulle_bytes){datagram.ptr + clear, datagram.len - clear});
}

tulle_err tulle_dtls_start(tulle_dtls *d, tulle_time now, tulle_dtls_role role,
	const tulle_dtls_fingerprint *fingerprints, size_t count)
{
	set_now(d, now);
	if (d->state != DTLS_NEW)
		return TULLE_ERR_STATE;
	if (fingerprints == NULL || count == 0 || count > TULLE_DTLS_FINGERPRINTS_MAX)
		return TULLE_ERR_ARGUMENT;
	if (role != TULLE_DTLS_CLIENT && role != TULLE_DTLS_SERVER)
		return TULLE_ERR_ARGUMENT;
	d->role = role;
	if (!tulle_dtls_make_ssl(d))
		return TULLE_ERR_MEMORY;
	memcpy(d->fingerprints, fingerprints, count * sizeof *fingerprints);
	d->fingerprint_count = count;
	d->guard.server = role == TULLE_DTLS_SERVER;
	if (!d->hold)
		d->deadline = tulle_time_add(d->now, d->config.handshake_us_max);
	set_state(d, DTLS_SHAKING, 0);
	shake(d);
	while (d->held.count != 0) {
		(void)feed(d, tulle_dtls_box_first(&d->held));
		tulle_dtls_box_pop(&d->held);
	}
	return TULLE_OK;
}

tulle_err tulle_dtls_set_mtu(tulle_dtls *d, uint16_t mtu)
{
	if (d->state != DTLS_NEW)
		return TULLE_ERR_STATE;
	if (mtu < DTLS_MTU_MIN || mtu > d->config.mtu)
		return TULLE_ERR_ARGUMENT;
	d->config.mtu = mtu;
	return TULLE_OK;
}

void tulle_dtls_hold(tulle_dtls *d, tulle_time now, bool hold)
{
	set_now(d, now);
	if (d->hold == hold)
		return;
	d->hold = hold;
	d->not_before = tulle_time_add(d->now, tulle_time_max(DTLS_TIMER_US_MIN, 2 * d->rtt));
	if (d->state == DTLS_SHAKING)
		d->deadline = hold ? TULLE_TIME_NEVER
				   : tulle_time_add(d->now, d->config.handshake_us_max);
	ask_timer(d);
}

bool tulle_dtls_flight(const tulle_dtls *d, size_t i, tulle_bytes *datagram, uint32_t *number)
{
	*number = d->flight.number;
	return tulle_dtls_box_at(&d->flight, i, datagram);
}

void tulle_dtls_flight_sent(tulle_dtls *d)
{
	while (d->flight.count != 0)
		tulle_dtls_box_pop(&d->flight);
}

void tulle_dtls_set_rtt(tulle_dtls *d, tulle_time rtt_us)
{
	d->rtt = tulle_time_max(0, tulle_time_min(rtt_us, DTLS_TIMER_US_MAX));
}

tulle_drop tulle_dtls_handle_datagram(
	tulle_dtls *d, tulle_time now, const uint8_t *data, size_t len)
{
	set_now(d, now);
	if (d->state == DTLS_OVER)
		return TULLE_DROP_CLOSED;
	if (d->state == DTLS_NEW) {
		if (len == 0 || len > UINT16_MAX)
			return TULLE_DROP_MALFORMED;
		return tulle_dtls_box_put(&d->held, data, len) ? TULLE_TAKEN : TULLE_DROP_DTLS_HELD;
	}
	return feed(d, (tulle_bytes){data, len});
}

void tulle_dtls_handle_timeout(tulle_dtls *d, tulle_time now)
{
	set_now(d, now);
	if (d->state == DTLS_SHAKING && tulle_time_due(d->deadline, d->now))
		set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_TIMEOUT);
	if (d->state == DTLS_SHAKING && tulle_time_due(d->timer, d->now)) {
		clear_errors();
		/* 0 when the wall clock went back: the deadline above ends such a handshake. */
		if (DTLSv1_handle_timeout(d->ssl) < 0)
			fail(d, &(dtls_box){.bytes = d->flight_bytes,
					.bytes_max = DTLS_FLIGHT_BYTES,
					.count_max = DTLS_FLIGHT_DATAGRAMS_MAX});
		clear_errors();
		ask_timer(d);
	} else if (tulle_time_due(d->timer, d->now)) {
		ask_timer(d);
	}
	if (tulle_time_due(d->idle_at, d->now)) {
		d->idle_at = TULLE_TIME_NEVER;
		if (SSL_free_buffers(d->ssl) == 1)
			d->idle = true;
	}
}

bool tulle_dtls_poll_datagram(
	tulle_dtls *d, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out)
{
	set_now(d, now);
	if (d->flight.count == 0)
		return false;
	tulle_bytes first = tulle_dtls_box_first(&d->flight);
	if (first.len > dst_bytes)
		return false;
	memcpy(dst, first.ptr, first.len);
	tulle_dtls_box_pop(&d->flight);
	*out = (tulle_datagram){.len = first.len};
	return true;
}

tulle_time tulle_dtls_poll_timeout(const tulle_dtls *d)
{
	return tulle_time_min(d->timer, tulle_time_min(d->deadline, d->idle_at));
}

bool tulle_dtls_poll_event(tulle_dtls *d, tulle_dtls_event *event)
{
	*event = (tulle_dtls_event){0};
	if (d->say_connected) {
		d->say_connected = false;
		event->kind = TULLE_DTLS_EVENT_CONNECTED;
		return true;
	}
	if (d->plain_len == 0 && d->more && d->state == DTLS_OPEN)
		read_plain(d);
	if (d->plain_len != 0) {
		event->kind = TULLE_DTLS_EVENT_DATA;
		event->data = (tulle_bytes){d->config.plain, d->plain_len};
		d->plain_len = 0;
		return true;
	}
	if (!d->say_closed)
		return false;
	d->say_closed = false;
	event->kind = TULLE_DTLS_EVENT_CLOSED;
	event->why = d->why;
	event->alert = d->alert;
	return true;
}

size_t tulle_dtls_payload_max(const tulle_dtls *d)
{
	return (size_t)d->config.data_mtu - DTLS_RECORD_OVERHEAD;
}

tulle_err tulle_dtls_seal(tulle_dtls *d, tulle_time now, const void *data, size_t len, uint8_t *dst,
	size_t dst_bytes, size_t *out_len)
{
	set_now(d, now);
	if (d->state != DTLS_OPEN)
		return TULLE_ERR_STATE;
	if (len == 0 || len > tulle_dtls_payload_max(d))
		return TULLE_ERR_TOO_LARGE;
	if (dst_bytes < len + DTLS_RECORD_OVERHEAD)
		return TULLE_ERR_TOO_SMALL;
	touch(d);
	if (d->idle)
		return TULLE_ERR_MEMORY;
	d->direct = dst;
	d->direct_bytes = dst_bytes;
	d->direct_len = 0;
	clear_errors();
	int n = SSL_write(d->ssl, data, (int)len);
	d->direct = NULL;
	clear_errors();
	*out_len = d->direct_len;
	return n == (int)len && d->direct_len != 0 ? TULLE_OK : TULLE_ERR_SYSTEM;
}

tulle_err tulle_dtls_close(tulle_dtls *d, tulle_time now)
{
	set_now(d, now);
	if (d->state != DTLS_SHAKING && d->state != DTLS_OPEN)
		return TULLE_ERR_STATE;
	if (d->state == DTLS_OPEN) {
		touch(d);
		clear_errors();
		if (!d->idle)
			(void)SSL_shutdown(d->ssl); /* 0: sent, the peer's own is not waited for */
		clear_errors();
	}
	set_state(d, DTLS_OVER, TULLE_DTLS_CLOSED_LOCAL);
	return TULLE_OK;
}

bool tulle_dtls_peer_fingerprint(const tulle_dtls *d, uint8_t sha256[32])
{
	if (!d->verified || (d->state != DTLS_OPEN && d->state != DTLS_OVER))
		return false;
	memcpy(sha256, d->proven, sizeof d->proven);
	return true;
}

void tulle_dtls_check(const tulle_dtls *d)
{
	TULLE_CHECK(d->state != DTLS_OPEN || (d->verified && !d->untrusted));
	TULLE_CHECK(d->flight.used <= d->flight.bytes_max && d->held.used <= d->held.bytes_max);
	TULLE_CHECK(d->flight.first + d->flight.count <= d->flight.count_max);
	TULLE_CHECK(d->input.len == 0 && d->direct == NULL);
	TULLE_CHECK(d->starts <= DTLS_FRESH_STARTS_MAX);
}
