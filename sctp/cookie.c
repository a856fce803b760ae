/* SPDX-License-Identifier: MIT */
/* sctp: the state cookie: all that an INIT would have to be remembered for, under HMAC-SHA256 with
 * a key of this association's own: RFC9260:5.1.3, 5.1.5. Nothing else is kept of an INIT. */
#include "sctp/association.h"

#include "base/crypto.h"

#define BODY_BYTES (SCTP_COOKIE_BYTES - 32u)
#define VERSION 1u

_Static_assert(SCTP_COOKIE_BYTES <= TULLE_SCTP_COOKIE_BYTES_MAX, "our own cookie fits");

/* A new key each Valid.Cookie.Life; the one before stays good for as long. */
static bool turn_keys(tulle_sctp *sctp)
{
	if (sctp->now - sctp->cookie_keys_from < TULLE_SCTP_COOKIE_LIFE_US)
		return true;
	uint8_t key[32];
	if (!sctp->config.random.fill(sctp->config.random.user, key, sizeof key))
		return false;
	memcpy(sctp->cookie_keys[1], sctp->cookie_keys[0], sizeof key);
	memcpy(sctp->cookie_keys[0], key, sizeof key);
	tulle_crypto_wipe(key, sizeof key);
	sctp->cookie_keys_from = sctp->now;
	return true;
}

bool tulle_sctp_make_cookie(tulle_sctp *sctp, const sctp_reply *reply, uint8_t *dst)
{
	const sctp_identity *id = &reply->identity;
	if (!turn_keys(sctp))
		return false;
	tulle_wr w = tulle_wr_make(dst, SCTP_COOKIE_BYTES);
	tulle_wr_u16(&w, VERSION);
	tulle_wr_u16(&w, (uint16_t)(id->re_config | id->partial << 1 | id->zero_checksum << 2 |
				    id->i_data << 3 | id->no_pad << 4));
	tulle_wr_u64(&w, (uint64_t)sctp->now);
	tulle_wr_u16(&w, sctp->config.local_port);
	tulle_wr_u16(&w, sctp->config.remote_port);
	tulle_wr_u32(&w, id->local_tag);
	tulle_wr_u32(&w, id->remote_tag);
	tulle_wr_u32(&w, id->local_tsn);
	tulle_wr_u32(&w, id->remote_tsn);
	tulle_wr_u32(&w, id->remote_window);
	tulle_wr_u16(&w, id->remote_streams_out);
	tulle_wr_u16(&w, id->remote_streams_in);
	tulle_wr_u32(&w, reply->local_tie);
	tulle_wr_u32(&w, reply->remote_tie);
	tulle_wr_zero(&w, BODY_BYTES - w.len);
	uint8_t *mac = tulle_wr_room(&w, 32);
	return mac != NULL && tulle_crypto_hmac_sha256((tulle_bytes){sctp->cookie_keys[0], 32},
				      (tulle_bytes){dst, BODY_BYTES}, mac);
}

static bool is_ours(const tulle_sctp *sctp, tulle_bytes bytes)
{
	uint8_t mac[32];
	for (unsigned i = 0; i < 2; i++)
		if (tulle_crypto_hmac_sha256((tulle_bytes){sctp->cookie_keys[i], 32},
			    (tulle_bytes){bytes.ptr, BODY_BYTES}, mac) &&
			tulle_crypto_is_equal(mac, bytes.ptr + BODY_BYTES, 32))
			return true;
	return false;
}

TULLE_UNTRUSTED(dtls, "96 bytes", sctp_state)
tulle_drop tulle_sctp_take_cookie(tulle_sctp *sctp, tulle_bytes bytes, sctp_cookie *cookie)
{
	/* RFC9260:5.1.5 1-2: the MAC before anything else */
	if (bytes.len != SCTP_COOKIE_BYTES || !sctp->has_identity || !is_ours(sctp, bytes))
		return TULLE_DROP_SCTP_COOKIE;
	sctp_identity *id = &cookie->identity;
	tulle_rd r = tulle_rd_make(bytes.ptr, BODY_BYTES);
	uint16_t version = tulle_rd_u16(&r);
	uint16_t has = tulle_rd_u16(&r);
	id->re_config = (has & 1) != 0;
	id->partial = (has & 2) != 0;
	id->zero_checksum = (has & 4) != 0;
	id->i_data = (has & 8) != 0;
	id->no_pad = (has & 16) != 0;
	cookie->age = sctp->now - (tulle_time)tulle_rd_u64(&r);
	uint16_t local_port = tulle_rd_u16(&r), remote_port = tulle_rd_u16(&r);
	id->local_tag = tulle_rd_u32(&r);
	id->remote_tag = tulle_rd_u32(&r);
	id->local_tsn = tulle_rd_u32(&r);
	id->remote_tsn = tulle_rd_u32(&r);
	id->remote_window = tulle_rd_u32(&r);
	id->remote_streams_out = tulle_rd_u16(&r);
	id->remote_streams_in = tulle_rd_u16(&r);
	cookie->local_tie = tulle_rd_u32(&r);
	cookie->remote_tie = tulle_rd_u32(&r);
	if (version != VERSION || local_port != sctp->config.local_port ||
		remote_port != sctp->config.remote_port)
		return TULLE_DROP_SCTP_COOKIE;
	return TULLE_TAKEN;
}

void tulle_sctp_drop_cookie(tulle_sctp *sctp)
{
	if (sctp->cookie != NULL)
		tulle_pool_give(&sctp->in_account, sctp->cookie);
	sctp->cookie = NULL;
	sctp->cookie_len = 0;
}
