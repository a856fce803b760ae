/* SPDX-License-Identifier: MIT */
/* base: hashes, HMAC, randomness by OpenSSL 3; CRC-32 by zlib. */
#include "base/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <zlib.h>

static bool hmac(const EVP_MD *md, tulle_bytes key, tulle_bytes data, uint8_t *out)
{
	static const uint8_t none[1];
	unsigned len = 0;
	if (key.len > INT_MAX)
		return false;
	return HMAC(md, key.len != 0 ? key.ptr : none, (int)key.len, data.ptr, data.len, out,
		       &len) != NULL;
}

bool tulle_crypto_hmac_sha1(tulle_bytes key, tulle_bytes data, uint8_t out[20])
{
	return hmac(EVP_sha1(), key, data, out);
}

bool tulle_crypto_hmac_sha256(tulle_bytes key, tulle_bytes data, uint8_t out[32])
{
	return hmac(EVP_sha256(), key, data, out);
}

bool tulle_crypto_md5(tulle_bytes data, uint8_t out[16])
{
	return EVP_Digest(data.ptr, data.len, out, NULL, EVP_md5(), NULL) == 1;
}

bool tulle_crypto_sha1(tulle_bytes data, uint8_t out[20])
{
	return EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha1(), NULL) == 1;
}

bool tulle_crypto_sha256(tulle_bytes data, uint8_t out[32])
{
	return EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha256(), NULL) == 1;
}

uint32_t tulle_crypto_crc32(tulle_bytes data)
{
	return (uint32_t)crc32_z(0, data.ptr, data.len);
}

bool tulle_crypto_is_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void tulle_crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

bool tulle_crypto_random(void *user, uint8_t *dst, size_t len)
{
	(void)user;
	return len <= INT_MAX && RAND_bytes(dst, (int)len) == 1;
}
