/* SPDX-License-Identifier: MIT */
/* sctp/wire: the packet: common header, checksum, framing of chunks and of TLV parameters.
 * RFC9260:3. Invariant: every walk over chunks or parameters moves on by 4 bytes or more. */
#ifndef TULLE_SCTP_WIRE_PACKET_H
#define TULLE_SCTP_WIRE_PACKET_H
#include "base/bytes.h"
#include "base/crc32c.h"

#define SCTP_HEADER_BYTES 12u
#define SCTP_CHUNK_HEADER_BYTES 4u

typedef struct {
	uint16_t source_port, destination_port;
	uint32_t tag;
} tulle_sctp_header;

typedef struct {
	uint8_t type, flags;
	tulle_bytes value; /* without header and padding */
	tulle_bytes whole; /* with the header, without padding */
} tulle_sctp_chunk;

typedef struct {
	uint16_t type;
	tulle_bytes value, whole;
} tulle_sctp_parameter; /* or an error cause: the same form */

/* A packet being written; the checksum follows the bytes, payload is summed while it is copied. */
typedef struct {
	tulle_wr w;
	size_t summed;
	uint32_t crc;
	tulle_cpu cpu;
	bool unsummed; /* the checksum is zero: RFC9653:5.2 */
} tulle_sctp_packet;

/* Length, checksum and the framing of all chunks; then *header and *chunks (a reader of them).
 * zero_ok: a checksum of zero is taken too, but not with INIT or COOKIE ECHO: RFC9653:5.3. */
tulle_drop tulle_sctp_read_packet(tulle_cpu cpu, const uint8_t *data, size_t len, bool zero_ok,
	tulle_sctp_header *header, tulle_rd *chunks);
/* The next chunk; false: no more, or (r->bad) broken framing. Missing padding at the very end is
 * forgiven. */
bool tulle_sctp_read_chunk(tulle_rd *r, tulle_sctp_chunk *chunk);
bool tulle_sctp_read_parameter(tulle_rd *r, tulle_sctp_parameter *p);

void tulle_sctp_packet_start(tulle_sctp_packet *p, tulle_cpu cpu, uint8_t *dst, size_t cap,
	const tulle_sctp_header *header);
/* Appends len bytes of payload, summed in the same pass. */
void tulle_sctp_packet_copy(tulle_sctp_packet *p, const uint8_t *data, size_t len);
/* Writes the checksum; gives the length, 0: it did not fit. */
size_t tulle_sctp_packet_end(tulle_sctp_packet *p);
/* A chunk's header; gives its place for chunk_end, which sets the length and pads. */
size_t tulle_sctp_chunk_start(tulle_wr *w, uint8_t type, uint8_t flags);
void tulle_sctp_chunk_end(tulle_wr *w, size_t at);
size_t tulle_sctp_parameter_start(tulle_wr *w, uint16_t type);
void tulle_sctp_parameter_end(tulle_wr *w, size_t at);
/* A PAD chunk of so many bytes, 4 or more in steps of 4: RFC4820:3. */
void tulle_sctp_write_pad(tulle_wr *w, size_t bytes);
/* Checksum of a whole packet as if its checksum field were zero. */
uint32_t tulle_sctp_packet_checksum(tulle_cpu cpu, const uint8_t *data, size_t len);

static inline size_t tulle_sctp_padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}
#endif
