/* SPDX-License-Identifier: MIT */
/* Tests under MemorySanitizer, which cannot see into the system's OpenSSL: a keyed sum in the place of
 * hashes. No secrecy in it; every bit of the input counts, so an uninitialised one is found. */
#include "base/crypto.h"

#include <string.h>

static void sum(uint64_t seed, tulle_bytes a, tulle_bytes b, uint8_t *out, size_t n)
{
	uint64_t h = seed ^ UINT64_C(14695981039346656037);
	for (size_t i = 0; i < a.len; i++)
		h = (h ^ a.ptr[i]) * UINT64_C(1099511628211);
	h = (h ^ 0x5c) * UINT64_C(1099511628211);
	for (size_t i = 0; i < b.len; i++)
		h = (h ^ b.ptr[i]) * UINT64_C(1099511628211);
	for (size_t i = 0; i < n; i++) {
		h = (h ^ i) * UINT64_C(1099511628211);
		out[i] = (uint8_t)(h >> 33);
	}
}

bool tulle_crypto_hmac_sha1(tulle_bytes key, tulle_bytes data, uint8_t out[20])
{
	sum(1, key, data, out, 20);
	return true;
}

bool tulle_crypto_hmac_sha256(tulle_bytes key, tulle_bytes data, uint8_t out[32])
{
	sum(2, key, data, out, 32);
	return true;
}

bool tulle_crypto_md5(tulle_bytes data, uint8_t out[16])
{
	sum(3, data, (tulle_bytes){0}, out, 16);
	return true;
}

bool tulle_crypto_sha1(tulle_bytes data, uint8_t out[20])
{
	sum(4, data, (tulle_bytes){0}, out, 20);
	return true;
}

bool tulle_crypto_sha256(tulle_bytes data, uint8_t out[32])
{
	sum(5, data, (tulle_bytes){0}, out, 32);
	return true;
}

uint32_t tulle_crypto_crc32(tulle_bytes data)
{
	uint8_t out[4];
	sum(6, data, (tulle_bytes){0}, out, 4);
	return (uint32_t)out[0] << 24 | (uint32_t)out[1] << 16 | (uint32_t)out[2] << 8 | out[3];
}

bool tulle_crypto_is_equal(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

void tulle_crypto_wipe(void *p, size_t n)
{
	memset(p, 0, n);
}
