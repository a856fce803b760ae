/* SPDX-License-Identifier: MIT */
/* base: transport addresses. */
#include "base/addr.h"

#include "base/text.h"

bool tulle_addr_is_ip(const tulle_addr *a, const tulle_addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, tulle_addr_ip_bytes(a)) == 0;
}

bool tulle_addr_is(const tulle_addr *a, const tulle_addr *b)
{
	return a->port == b->port && tulle_addr_is_ip(a, b);
}

static bool is_mapped(const tulle_addr *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	return a->family == 6 && memcmp(a->ip, prefix, sizeof prefix) == 0;
}

tulle_addr tulle_addr_unmap(const tulle_addr *a)
{
	if (!is_mapped(a))
		return *a;
	tulle_addr v4 = {.family = 4, .port = a->port};
	memcpy(v4.ip, a->ip + 12, 4);
	return v4;
}

static tulle_addr_class classify4(const uint8_t *ip)
{
	if (ip[0] == 0)
		return TULLE_ADDR_UNSPECIFIED;
	if (ip[0] == 127)
		return TULLE_ADDR_LOOPBACK;
	if (ip[0] == 169 && ip[1] == 254)
		return TULLE_ADDR_LINK_LOCAL;
	if (ip[0] >= 224 && (ip[0] < 240 || ip[3] == 255))
		return TULLE_ADDR_MULTICAST;
	if (ip[0] >= 240)
		return TULLE_ADDR_RESERVED;
	bool shared = ip[0] == 100 && (ip[1] & 0xc0) == 64;
	if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
		(ip[0] == 192 && ip[1] == 168) || shared)
		return TULLE_ADDR_PRIVATE;
	return TULLE_ADDR_GLOBAL;
}

tulle_addr_class tulle_addr_classify(const tulle_addr *a)
{
	static const uint8_t zero[16];
	tulle_addr plain = tulle_addr_unmap(a);
	const uint8_t *ip = plain.ip;
	if (plain.family == 4)
		return classify4(ip);
	if (plain.family != 6)
		return TULLE_ADDR_RESERVED;
	if (memcmp(ip, zero, 15) == 0)
		return ip[15] == 0   ? TULLE_ADDR_UNSPECIFIED
		       : ip[15] == 1 ? TULLE_ADDR_LOOPBACK
				     : TULLE_ADDR_RESERVED;
	if (memcmp(ip, zero, 12) == 0)
		return TULLE_ADDR_RESERVED; /* IPv4-compatible, RFC4291:2.5.5.1 */
	if (ip[0] == 0xff)
		return TULLE_ADDR_MULTICAST;
	if (ip[0] == 0xfe)
		return (ip[1] & 0xc0) == 0x80 ? TULLE_ADDR_LINK_LOCAL : TULLE_ADDR_RESERVED;
	return (ip[0] & 0xfe) == 0xfc ? TULLE_ADDR_PRIVATE : TULLE_ADDR_GLOBAL;
}

uint32_t tulle_addr_hash(const tulle_addr *a, uint32_t seed)
{
	uint32_t h = seed ^ UINT32_C(0x9e3779b9);
	size_t n = tulle_addr_ip_bytes(a);
	for (size_t i = 0; i < n; i++)
		h = (h ^ a->ip[i]) * UINT32_C(0x01000193);
	h = (h ^ a->port) * UINT32_C(0x85ebca6b);
	h ^= h >> 15;
	h *= UINT32_C(0xc2b2ae35);
	return h ^ h >> 13;
}

static bool read_ip4(tulle_text t, uint8_t *ip)
{
	for (int i = 0; i < 4; i++) {
		tulle_text part = i < 3 ? tulle_text_split(&t, '.') : t;
		uint64_t v;
		if (part.len > 3 || (part.len > 1 && part.ptr[0] == '0'))
			return false;
		if (!tulle_text_u64(part, 255, &v))
			return false;
		ip[i] = (uint8_t)v;
	}
	return true;
}

/* One group of one to four hex digits. */
static bool read_group(tulle_text t, uint8_t *dst)
{
	char padded[4] = {'0', '0', '0', '0'};
	if (t.len == 0 || t.len > 4)
		return false;
	memcpy(padded + 4 - t.len, t.ptr, t.len);
	return tulle_text_unhex((tulle_text){padded, 4}, false, dst, 2);
}

/* Groups, the last of which may be an IPv4 address, into dst; the number of bytes, 0 when
 * ill-formed. */
static size_t read_groups(tulle_text t, uint8_t dst[16], size_t room)
{
	size_t n = 0;
	for (;;) {
		ptrdiff_t colon = tulle_text_find(t, ':');
		if (colon < 0 && tulle_text_find(t, '.') >= 0)
			return room - n >= 4 && read_ip4(t, dst + n) ? n + 4 : 0;
		if (room - n < 2 || !read_group(tulle_text_split(&t, ':'), dst + n))
			return 0;
		n += 2;
		if (colon < 0)
			return n;
	}
}

static ptrdiff_t find_gap(tulle_text t)
{
	for (size_t i = 0; i + 1 < t.len; i++)
		if (t.ptr[i] == ':' && t.ptr[i + 1] == ':')
			return (ptrdiff_t)i;
	return -1;
}

static bool read_ip6(tulle_text t, uint8_t *ip)
{
	uint8_t tail[16];
	ptrdiff_t gap = find_gap(t);
	if (gap < 0)
		return read_groups(t, ip, 16) == 16;
	tulle_text left = {t.ptr, (size_t)gap}, right = {t.ptr + gap + 2, t.len - (size_t)gap - 2};
	if (tulle_text_find(left, '.') >= 0)
		return false;
	size_t head = 0, n = 0;
	if (left.len != 0 && (head = read_groups(left, ip, 14)) == 0)
		return false;
	if (right.len != 0 && (n = read_groups(right, tail, 14 - head)) == 0)
		return false;
	memset(ip + head, 0, 16 - head);
	memcpy(ip + 16 - n, tail, n);
	return true;
}

bool tulle_addr_read_ip(tulle_text t, tulle_addr *out)
{
	tulle_addr a = {0};
	if (t.len < 2 || t.len > 45)
		return false;
	a.family = tulle_text_find(t, ':') >= 0 ? 6 : 4;
	if (a.family == 6 ? !read_ip6(t, a.ip) : !read_ip4(t, a.ip))
		return false;
	*out = a;
	return true;
}

static void write_group(tulle_wr *w, unsigned group)
{
	static const char digits[] = "0123456789abcdef";
	bool begun = false;
	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned d = group >> shift & 15;
		begun = begun || d != 0 || shift == 0;
		if (begun)
			tulle_wr_u8(w, (uint8_t)digits[d]);
	}
}

static void write_ip4(tulle_wr *w, const uint8_t *ip)
{
	for (int i = 0; i < 4; i++) {
		if (i != 0)
			tulle_wr_u8(w, '.');
		tulle_wr_u64_text(w, ip[i]);
	}
}

/* The longest run of zero groups, the first of equals, none shorter than two: RFC 5952, 4.2. */
static void find_zeros(const uint8_t *ip, int *start, int *len)
{
	*start = -1;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0)
			n++;
		if (n > *len) {
			*start = i;
			*len = n;
		}
	}
}

static void write_ip6(tulle_wr *w, const tulle_addr *a)
{
	int start, len;
	if (is_mapped(a)) {
		tulle_wr_cstr(w, "::ffff:");
		write_ip4(w, a->ip + 12);
		return;
	}
	find_zeros(a->ip, &start, &len);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			tulle_wr_cstr(w, "::");
			i += len - 1;
			continue;
		}
		if (i != 0 && i != start + len)
			tulle_wr_u8(w, ':');
		else if (i != 0 && start < 0)
			tulle_wr_u8(w, ':');
		write_group(w, (unsigned)a->ip[2 * i] << 8 | a->ip[2 * i + 1]);
	}
}

void tulle_addr_write_ip(tulle_wr *w, const tulle_addr *a)
{
	if (a->family == 4)
		write_ip4(w, a->ip);
	else if (a->family == 6)
		write_ip6(w, a);
	else
		tulle_wr_cstr(w, "none");
}

void tulle_addr_write(tulle_wr *w, const tulle_addr *a)
{
	if (a->family == 6)
		tulle_wr_u8(w, '[');
	tulle_addr_write_ip(w, a);
	if (a->family == 6)
		tulle_wr_u8(w, ']');
	tulle_wr_u8(w, ':');
	tulle_wr_u64_text(w, a->port);
}
