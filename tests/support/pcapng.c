/* SPDX-License-Identifier: MIT */
/* tests: pcapng, in this machine's byte order, which the section header tells. */
#include "tests/support/pcapng.h"

#include <string.h>

#define LINKTYPE_RAW 101
#define IP_BYTES 20u
#define PROTOCOL_SCTP 132

static void put32(FILE *out, uint32_t v)
{
	fwrite(&v, sizeof v, 1, out);
}

static void put16(FILE *out, uint16_t v)
{
	fwrite(&v, sizeof v, 1, out);
}

static void pad(FILE *out, size_t len)
{
	fwrite("\0\0\0", 1, (4 - len % 4) % 4, out);
}

static uint32_t padded(size_t len)
{
	return (uint32_t)((len + 3) / 4 * 4);
}

void pcapng_begin(FILE *out)
{
	put32(out, 0x0a0d0d0a); /* section */
	put32(out, 28);
	put32(out, 0x1a2b3c4d);
	put16(out, 1);
	put16(out, 0);
	put32(out, UINT32_MAX); /* of unknown length */
	put32(out, UINT32_MAX);
	put32(out, 28);
	put32(out, 1); /* interface; times are microseconds when no option says else */
	put32(out, 20);
	put16(out, LINKTYPE_RAW);
	put16(out, 0);
	put32(out, 0); /* no limit of length */
	put32(out, 20);
}

static void write_ip(FILE *out, int from, int to, size_t len)
{
	uint8_t ip[IP_BYTES] = {0x45, 0, (uint8_t)((len + IP_BYTES) >> 8),
		(uint8_t)(len + IP_BYTES), 0, 0, 0x40, 0, 64, PROTOCOL_SCTP};
	uint32_t sum = 0;
	const uint8_t ends[8] = {10, 0, 0, (uint8_t)(from + 1), 10, 0, 0, (uint8_t)(to + 1)};
	memcpy(ip + 12, ends, sizeof ends);
	for (size_t i = 0; i < IP_BYTES; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
	fwrite(ip, 1, sizeof ip, out);
}

void pcapng_packet(FILE *out, tulle_time now_us, int from, int to, const uint8_t *data, size_t len,
	const char *comment)
{
	size_t said = comment != NULL ? strlen(comment) : 0;
	uint32_t bytes = 32 + padded(IP_BYTES + len) + (said != 0 ? 4 + padded(said) + 4 : 0);
	put32(out, 6); /* enhanced packet */
	put32(out, bytes);
	put32(out, 0);
	put32(out, (uint32_t)((uint64_t)now_us >> 32));
	put32(out, (uint32_t)now_us);
	put32(out, (uint32_t)(IP_BYTES + len));
	put32(out, (uint32_t)(IP_BYTES + len));
	write_ip(out, from, to, len);
	fwrite(data, 1, len, out);
	pad(out, IP_BYTES + len);
	if (said != 0) {
		put16(out, 1); /* a comment */
		put16(out, (uint16_t)said);
		fwrite(comment, 1, said, out);
		pad(out, said);
		put32(out, 0); /* no more options */
	}
	put32(out, bytes);
}
