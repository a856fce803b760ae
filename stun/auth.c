/* SPDX-License-Identifier: MIT */
/* stun: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, FINGERPRINT and the keys of the long-term
 * mechanism: RFC8489:9, RFC8489:14.5 to 14.7. Invariant: an HMAC is compared in constant time. */
#include "stun/write.h"

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/panic.h"
#include "stun/limits.h"

#define FINGERPRINT_XOR UINT32_C(0x5354554e)

/* RFC8489:14.5: over the message up to the attribute, the length field ending with the attribute.
 */
static bool hash(const uint8_t *message, size_t at, size_t attribute_bytes, tulle_bytes key,
	bool sha256, uint8_t out[32])
{
	uint8_t copy[TULLE_STUN_AUTHENTIC_MAX];
	if (at > sizeof copy || at < TULLE_STUN_HEADER_BYTES)
		return false;
	memcpy(copy, message, at);
	stun_set_length(copy, at + attribute_bytes - TULLE_STUN_HEADER_BYTES);
	tulle_bytes data = {copy, at};
	return sha256 ? tulle_crypto_hmac_sha256(key, data, out)
		      : tulle_crypto_hmac_sha1(key, data, out);
}

TULLE_UNTRUSTED(anyone, "one HMAC over at most 1500 bytes", stun)
bool tulle_stun_is_authentic(const tulle_stun_message *m, tulle_bytes key)
{
	uint8_t want[32];
	tulle_bytes have = m->value[TULLE_STUN_A_MESSAGE_INTEGRITY];
	if (have.len != 20 || !hash(m->raw.ptr, m->integrity_at, 24, key, false, want))
		return false;
	return tulle_crypto_is_equal(have.ptr, want, 20);
}

TULLE_UNTRUSTED(anyone, "one HMAC over at most 1500 bytes", stun)
bool tulle_stun_is_authentic_sha256(const tulle_stun_message *m, tulle_bytes key)
{
	uint8_t want[32];
	tulle_bytes have = m->value[TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256];
	if (have.len < 16 || have.len > 32 || /* RFC8489:14.6 */
		!hash(m->raw.ptr, m->integrity256_at, 4 + have.len, key, true, want))
		return false;
	return tulle_crypto_is_equal(have.ptr, want, have.len);
}

TULLE_UNTRUSTED(anyone, "one CRC over a datagram", stun)
bool tulle_stun_is_fingerprint_right(const tulle_stun_message *m)
{
	if (!tulle_stun_has(m, TULLE_STUN_A_FINGERPRINT))
		return false;
	/* It is the last attribute, so the length field already counts it: RFC8489:14.7. */
	uint32_t crc = tulle_crypto_crc32((tulle_bytes){m->raw.ptr, m->fingerprint_at});
	return tulle_stun_u32(m, TULLE_STUN_A_FINGERPRINT) == (crc ^ FINGERPRINT_XOR);
}

static void write_hash(tulle_stun_writer *w, tulle_bytes key, bool sha256)
{
	uint8_t out[32];
	size_t n = sha256 ? 32 : 20;
	if (w->bad || !hash(w->buf, w->len, 4 + n, key, sha256, out)) {
		w->bad = true;
		return;
	}
	tulle_stun_write_bytes(w,
		tulle_stun_type(sha256 ? TULLE_STUN_A_MESSAGE_INTEGRITY_SHA256
				       : TULLE_STUN_A_MESSAGE_INTEGRITY),
		out, n);
}

void tulle_stun_write_integrity(tulle_stun_writer *w, tulle_bytes key)
{
	write_hash(w, key, false);
}

void tulle_stun_write_integrity_sha256(tulle_stun_writer *w, tulle_bytes key)
{
	write_hash(w, key, true);
}

void tulle_stun_write_fingerprint(tulle_stun_writer *w)
{
	if (w->bad)
		return;
	stun_set_length(w->buf, w->len + 8 - TULLE_STUN_HEADER_BYTES);
	uint32_t crc = tulle_crypto_crc32((tulle_bytes){w->buf, w->len});
	tulle_stun_write_u32(w, TULLE_STUN_A_FINGERPRINT, crc ^ FINGERPRINT_XOR);
}

/* The parts with ':' between them; wiped by the caller, a password may be among them. */
static size_t join(uint8_t dst[STUN_KEY_INPUT_MAX], const tulle_text *parts, size_t count)
{
	tulle_wr w = tulle_wr_make(dst, STUN_KEY_INPUT_MAX);
	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			tulle_wr_u8(&w, ':');
		tulle_wr_text(&w, parts[i]);
	}
	return tulle_wr_finish(&w) ? w.len : 0;
}

/* RFC8489:18.5.1 */
bool tulle_stun_key_md5(tulle_text username, tulle_text realm, tulle_text password, uint8_t key[16])
{
	uint8_t text[STUN_KEY_INPUT_MAX];
	const tulle_text parts[] = {username, realm, password};
	size_t n = join(text, parts, 3);
	bool ok = n != 0 && tulle_crypto_md5((tulle_bytes){text, n}, key);
	tulle_crypto_wipe(text, sizeof text);
	return ok;
}

bool tulle_stun_key_sha256(
	tulle_text username, tulle_text realm, tulle_text password, uint8_t key[32])
{
	uint8_t text[STUN_KEY_INPUT_MAX];
	const tulle_text parts[] = {username, realm, password};
	size_t n = join(text, parts, 3);
	bool ok = n != 0 && tulle_crypto_sha256((tulle_bytes){text, n}, key);
	tulle_crypto_wipe(text, sizeof text);
	return ok;
}

bool tulle_stun_userhash(tulle_text username, tulle_text realm, uint8_t out[32])
{
	uint8_t text[STUN_KEY_INPUT_MAX];
	const tulle_text parts[] = {username, realm};
	size_t n = join(text, parts, 2);
	return n != 0 && tulle_crypto_sha256((tulle_bytes){text, n}, out);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC8489:9.2: "obMatJos2" and four characters of base64, 24 bits. */
TULLE_UNTRUSTED(anyone, "13 bytes", stun)
bool tulle_stun_nonce_features(tulle_text nonce, uint32_t *features)
{
	static const char cookie[] = "obMatJos2";
	size_t n = sizeof cookie - 1;
	uint32_t bits = 0;
	if (nonce.len < n + 4 || memcmp(nonce.ptr, cookie, n) != 0)
		return false;
	for (size_t i = n; i < n + 4; i++) {
		int digit = base64_digit(nonce.ptr[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
	}
	*features = bits;
	return true;
}
