/* SPDX-License-Identifier: MIT */
/* ice: RFC 4571 framing: packets out of a stream that is cut anywhere. */
#include "ice/frame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	tulle_ice_frames f;
	uint8_t *buf;
	uint8_t out[256];
	size_t out_len, packets, lengths[16];
	size_t drops;
} Reader;

static void reader_init(Reader *r, size_t cap)
{
	*r = (Reader){.buf = malloc(cap != 0 ? cap : 1)}; /* the sanitizer sees one byte more */
	tulle_ice_frames_init(&r->f, r->buf, cap);
}

/* All of it, in pieces of n bytes. */
static void read_in(Reader *r, const uint8_t *data, size_t len, size_t n)
{
	for (size_t at = 0; at < len;) {
		tulle_bytes packet;
		tulle_drop drop;
		size_t piece = len - at < n ? len - at : n;
		size_t used = tulle_ice_frames_read(&r->f, data + at, piece, &packet, &drop);
		ck_assert(used >= 1 && used <= piece);
		ck_assert(drop == TULLE_TAKEN || drop == TULLE_DROP_LIMIT);
		r->drops += drop == TULLE_DROP_LIMIT;
		at += used;
		if (packet.ptr == NULL)
			continue;
		ck_assert_uint_ne(packet.len, 0);
		ck_assert_uint_le(r->out_len + packet.len, sizeof r->out);
		memcpy(r->out + r->out_len, packet.ptr, packet.len);
		r->out_len += packet.len;
		r->lengths[r->packets++ % 16] = packet.len;
	}
}

/* one, nothing, three, nothing, six, one; seven: too long for six; one */
static const uint8_t stream[] = {0, 1, 'a', 0, 0, 0, 3, 'b', 'c', 'd', 0, 0, 0, 6, 'e', 'f', 'g',
	'h', 'i', 'j', 0, 1, 'k', 0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 1, 'l'};

/* ICE-127, ICE-128: the one that is too long ends it all. */
START_TEST(packets_come_whole_however_the_stream_is_cut)
{
	static const size_t want[] = {1, 3, 6, 1};
	for (size_t n = 1; n <= sizeof stream; n++) {
		Reader r;
		reader_init(&r, 6);
		read_in(&r, stream, sizeof stream, n);
		ck_assert_uint_eq(r.packets, 4);
		for (size_t i = 0; i < 4; i++)
			ck_assert_uint_eq(r.lengths[i], want[i]);
		ck_assert_uint_eq(r.out_len, 11);
		ck_assert_mem_eq(r.out, "abcdefghijk", 11);
		ck_assert_uint_ge(r.drops, 1);
		ck_assert(r.f.broken);
		free(r.buf);
	}
}
END_TEST

/* What is whole in the input is not copied; what is not, is. */
START_TEST(a_whole_packet_lies_in_the_input)
{
	uint8_t buf[4] = {0};
	const uint8_t data[] = {0, 2, 'x', 'y', 0, 2, 'z'};
	tulle_ice_frames f;
	tulle_bytes packet;
	tulle_drop drop;
	tulle_ice_frames_init(&f, buf, sizeof buf);
	ck_assert_uint_eq(tulle_ice_frames_read(&f, data, sizeof data, &packet, &drop), 4);
	ck_assert(packet.ptr == data + 2 && packet.len == 2);
	ck_assert_uint_eq(tulle_ice_frames_read(&f, data + 4, 3, &packet, &drop), 3);
	ck_assert_ptr_null(packet.ptr);
	ck_assert_uint_eq(tulle_ice_frames_read(&f, data, 0, &packet, &drop), 0);
	ck_assert_ptr_null(packet.ptr);
	ck_assert_uint_eq(tulle_ice_frames_read(&f, (const uint8_t *)"w!", 2, &packet, &drop), 1);
	ck_assert(packet.ptr == buf && packet.len == 2 && buf[0] == 'z' && buf[1] == 'w');
}
END_TEST

START_TEST(the_longest_packet_fits)
{
	static uint8_t data[2 + TULLE_ICE_FRAME_MAX], buf[TULLE_ICE_FRAME_MAX];
	for (size_t cap = sizeof buf - 1; cap <= sizeof buf; cap++) {
		tulle_ice_frames f;
		tulle_bytes packet = {NULL, 0};
		tulle_drop drop;
		size_t dropped = 0, used = 0;
		tulle_ice_frames_init(&f, buf, cap);
		ck_assert(tulle_ice_frame_write(data, TULLE_ICE_FRAME_MAX));
		while (used < sizeof data) {
			used += tulle_ice_frames_read(
				&f, data + used, sizeof data - used, &packet, &drop);
			dropped += drop != TULLE_TAKEN;
		}
		ck_assert_uint_eq(packet.len, cap == sizeof buf ? cap : 0);
		ck_assert((dropped != 0) == (cap != sizeof buf));
	}
}
END_TEST

START_TEST(lengths_are_written)
{
	uint8_t head[2] = {9, 9};
	ck_assert(!tulle_ice_frame_write(head, 0));
	ck_assert(!tulle_ice_frame_write(head, 65536));
	ck_assert(head[0] == 9 && head[1] == 9);
	ck_assert(tulle_ice_frame_write(head, 0x1234));
	ck_assert(head[0] == 0x12 && head[1] == 0x34);
}
END_TEST

Suite *suite_frame(void)
{
	Suite *s = suite_create("frame");
	TCase *c = tcase_create("rfc4571");
	tcase_add_test(c, packets_come_whole_however_the_stream_is_cut);
	tcase_add_test(c, a_whole_packet_lies_in_the_input);
	tcase_add_test(c, the_longest_packet_fits);
	tcase_add_test(c, lengths_are_written);
	suite_add_tcase(s, c);
	return s;
}
