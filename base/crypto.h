/* SPDX-License-Identifier: MIT */
/* base: the one door to hashes and checksums of OpenSSL and zlib. The rest of base does without it.
 */
#ifndef TULLE_BASE_CRYPTO_H
#define TULLE_BASE_CRYPTO_H
#include <tulle/base.h>

/* A key or token of ours: wiped by tulle_crypto_wipe_secret, never logged (the log takes no
 * secret). */
typedef struct {
	uint8_t bytes[64];
	size_t len;
} tulle_secret;

/* Each says false when the library refuses (out of memory, an algorithm disabled). */
bool tulle_crypto_hmac_sha1(tulle_bytes key, tulle_bytes data, uint8_t out[20]);
bool tulle_crypto_hmac_sha256(tulle_bytes key, tulle_bytes data, uint8_t out[32]);
bool tulle_crypto_md5(tulle_bytes data, uint8_t out[16]);
bool tulle_crypto_sha1(tulle_bytes data, uint8_t out[20]);
bool tulle_crypto_sha256(tulle_bytes data, uint8_t out[32]);
/* The CRC of zlib and ISO 3309, for STUN's FINGERPRINT. */
uint32_t tulle_crypto_crc32(tulle_bytes data);
/* Without a branch on the contents. */
bool tulle_crypto_is_equal(const void *a, const void *b, size_t n);
void tulle_crypto_wipe(void *p, size_t n);
/* The operating system's randomness through OpenSSL: tulle_random.fill. */
bool tulle_crypto_random(void *user, uint8_t *dst, size_t len);

static inline void tulle_crypto_wipe_secret(tulle_secret *s)
{
	tulle_crypto_wipe(s, sizeof *s);
}
#endif
