/* SPDX-License-Identifier: MIT */
/* dtls: reads record and handshake headers (RFC6347:4.1, 4.2.2) and drops by name what OpenSSL
 * would take amiss: one forged plaintext alert ends its handshake, ten forged fragments pin a
 * megabyte. */
#include "dtls/record.h"

#include "base/panic.h"
#include "dtls/limits.h"

enum { CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY = 3 };

/* A plaintext handshake record may carry several messages or fragments. */
static tulle_drop read_handshake(dtls_guard *guard, tulle_rd r)
{
	while (tulle_rd_left(&r) != 0) {
		uint8_t type = tulle_rd_u8(&r);
		uint32_t length = tulle_rd_u24(&r), sequence = tulle_rd_u16(&r);
		uint32_t offset = tulle_rd_u24(&r), fragment = tulle_rd_u24(&r);
		tulle_rd_skip(&r, fragment);
		if (r.bad)
			return TULLE_DROP_MALFORMED;
		/* RFC6347:4.2.2 */
		if (length > DTLS_HANDSHAKE_BYTES_MAX || offset > length ||
			fragment > length - offset)
			return TULLE_DROP_DTLS_HANDSHAKE_LENGTH;
		if (fragment == 0 && length != 0)
			return TULLE_DROP_DTLS_HANDSHAKE_LENGTH;
		if (sequence > guard->next_sequence + DTLS_HANDSHAKE_AHEAD_MAX)
			return TULLE_DROP_DTLS_HANDSHAKE_AHEAD;
		bool hello = type <= HELLO_VERIFY;
		if (guard->open && hello)
			return TULLE_DROP_DTLS_EPOCH;
		/* The other role's hello: RFC6347:4.2.1 has the client speak first. */
		if ((type == CLIENT_HELLO && !guard->server) ||
			((type == SERVER_HELLO || type == HELLO_VERIFY) && guard->server))
			return TULLE_DROP_STATE;
		if (sequence >= guard->next_sequence)
			guard->next_sequence = sequence + 1;
	}
	return TULLE_TAKEN;
}

static tulle_drop read_cleartext(dtls_guard *guard, uint8_t type, tulle_rd body)
{
	switch (type) {
	case HANDSHAKE:
		return read_handshake(guard, body);
	case CCS:
		return tulle_rd_left(&body) == 1 ? TULLE_TAKEN : TULLE_DROP_MALFORMED;
	case ALERT:
		if (guard->open)
			return TULLE_DROP_DTLS_EPOCH;
		return tulle_rd_left(&body) == 2 ? TULLE_TAKEN : TULLE_DROP_MALFORMED;
	default:
		return TULLE_DROP_DTLS_CLEARTEXT; /* application data in epoch 0 */
	}
}

static tulle_drop read_record(dtls_guard *guard, tulle_rd *r)
{
	uint8_t type = tulle_rd_u8(r);
	uint16_t version = tulle_rd_u16(r), epoch = tulle_rd_u16(r);
	tulle_rd_skip(r, 6);
	tulle_rd body = tulle_rd_sub(r, tulle_rd_u16(r));
	if (r->bad)
		return TULLE_DROP_MALFORMED;
	if (type < CCS || type > DATA)
		return TULLE_DROP_DTLS_RECORD;
	/* DTLS 1.2, and 1.0 in a first ClientHello: RFC6347:4.1 */
	bool hello = type == HANDSHAKE && epoch == 0 && version == 0xfeff;
	if (version != 0xfefd && !hello)
		return TULLE_DROP_DTLS_VERSION;
	if (epoch == 0)
		return read_cleartext(guard, type, body);
	if (epoch != 1) /* there is no renegotiation */
		return TULLE_DROP_DTLS_EPOCH;
	/* RFC6347:4.2.4: a Finished that comes again behind data that came early. Its key is known
	 * by then, so that nothing of it is kept unread. */
	if (guard->open || (guard->changed && type == HANDSHAKE))
		return TULLE_TAKEN;
	return ++guard->early > DTLS_EARLY_RECORDS_MAX ? TULLE_DROP_DTLS_EARLY : TULLE_TAKEN;
}

size_t tulle_dtls_cleartext_bytes(const uint8_t *data, size_t len)
{
	tulle_rd r = tulle_rd_make(data, len);
	size_t clear = 0;
	while (tulle_rd_left(&r) != 0) {
		tulle_rd_skip(&r, 3); /* type, version */
		uint16_t epoch = tulle_rd_u16(&r);
		tulle_rd_skip(&r, 6);
		tulle_rd_skip(&r, tulle_rd_u16(&r));
		if (r.bad || epoch != 0)
			break;
		clear = len - tulle_rd_left(&r);
	}
	return clear;
}

TULLE_UNTRUSTED(stun, "DTLS_RECORDS_PER_DATAGRAM_MAX records of one datagram", dtls_header)
tulle_drop tulle_dtls_read_datagram(dtls_guard *guard, const uint8_t *data, size_t len)
{
	dtls_guard after = *guard;
	tulle_rd r = tulle_rd_make(data, len);
	int records = 0;
	if (len == 0)
		return TULLE_DROP_MALFORMED;
	while (tulle_rd_left(&r) != 0) {
		if (++records > DTLS_RECORDS_PER_DATAGRAM_MAX)
			return TULLE_DROP_LIMIT;
		tulle_drop drop = read_record(&after, &r);
		if (drop != TULLE_TAKEN)
			return drop;
	}
	*guard = after;
	return TULLE_TAKEN;
}
