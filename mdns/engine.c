/* SPDX-License-Identifier: MIT */
/* mdns: the engine's life: memory, input, deadlines. */
#include "mdns/engine.h"

#include "base/crypto.h"

#define ALIGN 16u

enum { FLAG_RESPONSE = 0x8000, FLAGS_OPCODE = 0x7800, FLAGS_RCODE = 0x000f };

typedef struct {
	size_t links, questions, names, end;
} layout;

static tulle_mdns_config with_defaults(const tulle_mdns_config *config)
{
	tulle_mdns_config c = *config;
	c.questions_max = c.questions_max != 0 ? c.questions_max : MDNS_QUESTIONS_MAX;
	c.names_max = c.names_max != 0 ? c.names_max : MDNS_NAMES_MAX;
	return c;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Of a config with its defaults. */
static layout lay_out(const tulle_mdns_config *c)
{
	layout l;
	l.links = aligned(sizeof(tulle_mdns));
	l.questions = aligned(l.links + sizeof(mdns_link) * MDNS_LINKS_MAX);
	l.names = aligned(l.questions + sizeof(mdns_question) * c->questions_max);
	l.end = l.names + sizeof(mdns_name) * c->names_max;
	return l;
}

size_t tulle_mdns_memory_bytes(const tulle_mdns_config *config)
{
	tulle_mdns_config c = with_defaults(config);
	if (c.random.fill == NULL || c.questions_max > MDNS_QUESTIONS_MAX ||
		c.names_max > MDNS_NAMES_MAX)
		return 0;
	return lay_out(&c).end;
}

tulle_mdns *tulle_mdns_init(
	void *memory, size_t memory_bytes, const tulle_mdns_config *config, tulle_time now)
{
	size_t need = tulle_mdns_memory_bytes(config);
	if (need == 0 || memory_bytes < need || (uintptr_t)memory % _Alignof(max_align_t) != 0)
		return NULL;
	memset(memory, 0, need);
	tulle_mdns *mdns = memory;
	uint8_t *block = memory;
	mdns->config = with_defaults(config);
	layout l = lay_out(&mdns->config);
	mdns->links = (void *)(block + l.links);
	mdns->questions = (void *)(block + l.questions);
	mdns->names = (void *)(block + l.names);
	mdns->now = mdns->questions_at = mdns->replies_at = now;
	return mdns;
}

void tulle_mdns_wipe(tulle_mdns *mdns)
{
	tulle_crypto_wipe(mdns, lay_out(&mdns->config).end);
}

/* RFC6762:6: an answer comes from port 5353. RFC6762:11: what was sent to the group is of the link,
 * what was sent to us must come from there. */
static bool is_from_link(const mdns_link *link, const tulle_path *path)
{
	if (path->remote.port != TULLE_MDNS_PORT)
		return false;
	return tulle_addr_classify(&path->local) == TULLE_ADDR_MULTICAST ||
	       tulle_mdns_is_on_link(link, &path->remote);
}

TULLE_UNTRUSTED(anyone, "9000 bytes, 128 questions and records", mdns)
static tulle_drop take(tulle_mdns *mdns, const tulle_path *path, const uint8_t *data, size_t len)
{
	mdns_reader r;
	const mdns_link *link = path->id != 0 ? tulle_mdns_find_link(mdns, path->id) : NULL;
	if (link == NULL)
		return TULLE_DROP_UNKNOWN_PATH;
	tulle_drop drop = tulle_mdns_read_begin(&r, data, len);
	if (drop != TULLE_TAKEN)
		return drop;
	if ((r.flags & (FLAGS_OPCODE | FLAGS_RCODE)) != 0) /* RFC6762:18.3, RFC6762:18.11 */
		return TULLE_DROP_MDNS_KIND;
	if ((drop = tulle_mdns_read_all(r)) != TULLE_TAKEN)
		return drop;
	if ((r.flags & FLAG_RESPONSE) == 0)
		return tulle_mdns_take_query(mdns, link, path, r);
	return is_from_link(link, path) ? tulle_mdns_take_response(mdns, link, r)
					: TULLE_DROP_MDNS_SOURCE;
}

TULLE_UNTRUSTED(anyone, "9000 bytes, 128 questions and records", mdns)
tulle_drop tulle_mdns_handle_datagram(
	tulle_mdns *mdns, tulle_time now, const tulle_path *path, const uint8_t *data, size_t len)
{
	mdns->now = tulle_time_max(mdns->now, now);
	tulle_drop drop = take(mdns, path, data, len);
	mdns->drops[drop]++;
	return drop;
}

void tulle_mdns_handle_timeout(tulle_mdns *mdns, tulle_time now)
{
	mdns->now = tulle_time_max(mdns->now, now);
	tulle_mdns_questions_tick(mdns);
	tulle_mdns_names_tick(mdns);
}

bool tulle_mdns_poll_datagram(
	tulle_mdns *mdns, tulle_time now, uint8_t *dst, size_t dst_bytes, tulle_datagram *out)
{
	tulle_mdns_handle_timeout(mdns, now);
	return dst_bytes >= TULLE_MDNS_DATAGRAM_BYTES &&
	       (tulle_mdns_poll_query(mdns, dst, out) || tulle_mdns_poll_response(mdns, dst, out) ||
		       tulle_mdns_poll_reply(mdns, dst, out));
}

tulle_time tulle_mdns_poll_timeout(const tulle_mdns *mdns)
{
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++)
		if (mdns->replies[i].used)
			return mdns->now;
	return tulle_time_min(tulle_mdns_questions_timeout(mdns), tulle_mdns_names_timeout(mdns));
}

void tulle_mdns_check(const tulle_mdns *mdns)
{
	for (size_t i = 0; i < MDNS_LINKS_MAX; i++) {
		TULLE_CHECK((mdns->links[i].id == 0) == (mdns->links[i].count == 0));
		TULLE_CHECK(mdns->links[i].count <= MDNS_LINK_ADDRESSES_MAX);
	}
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++) {
		const mdns_reply *r = &mdns->replies[i];
		if (r->used)
			TULLE_CHECK(mdns->names[r->name].state == MDNS_LIVE &&
				    tulle_mdns_find_link(mdns, r->path.id) != NULL);
	}
	tulle_mdns_check_questions(mdns);
	tulle_mdns_check_names(mdns);
}

uint32_t tulle_mdns_drops(const tulle_mdns *mdns, tulle_drop reason)
{
	return (unsigned)reason < TULLE_DROP_COUNT ? mdns->drops[reason] : 0;
}
