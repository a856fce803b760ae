/* SPDX-License-Identifier: MIT */
/* mdns: questions for our names. They are unique, so that an answer need not wait (RFC6762:6), but
 * for the rest of a truncated query and for the record's last multicast to be a second old. */
#include "mdns/engine.h"

enum { TRUNCATED = 0x0200 };

typedef struct {
	const mdns_link *link;
	const tulle_path *path;
	uint16_t id;
	bool truncated, legacy, unicast; /* unicast: it was sent to us, not to the group */
	bool on_link;
	uint64_t known; /* names whose address the asker has: RFC6762:7.1 */
} query;

static mdns_name *find_name(const tulle_mdns *mdns, const mdns_link *link, const mdns_item *item)
{
	for (size_t i = 0; item->is_name && i < mdns->config.names_max; i++) {
		mdns_name *n = &mdns->names[i];
		if (n->state == MDNS_LIVE && memcmp(n->name, item->name, sizeof n->name) == 0 &&
			tulle_mdns_link_of(mdns, n) == link)
			return n;
	}
	return NULL;
}

/* RFC6762:7.1: by its whole record, and with half of its time to live at least. */
static bool is_known(const mdns_name *n, const mdns_item *item)
{
	size_t bytes = tulle_addr_ip_bytes(&n->addr);
	return item->type == (n->addr.family == 4 ? MDNS_A : MDNS_AAAA) && item->class == MDNS_IN &&
	       item->ttl >= MDNS_TTL_S / 2 && item->data.len == bytes &&
	       memcmp(item->data.ptr, n->addr.ip, bytes) == 0;
}

static void read_known(tulle_mdns *mdns, query *q, mdns_reader r)
{
	mdns_item item;
	uint32_t end = (uint32_t)r.questions + r.answers;
	while (r.done < end && tulle_mdns_read_next(&r, &item)) {
		mdns_name *n =
			item.kind == MDNS_ITEM_RECORD ? find_name(mdns, q->link, &item) : NULL;
		if (n != NULL && is_known(n, &item))
			q->known |= UINT64_C(1) << (n - mdns->names);
	}
}

/* RFC6762:7.2: the rest of a truncated query says that the asker knows it. */
static void forget_known(tulle_mdns *mdns, const query *q)
{
	size_t f = q->path->remote.family == 4 ? 0 : 1;
	for (size_t i = 0; i < mdns->config.names_max; i++) {
		mdns_outlet *o = &mdns->names[i].outlets[f];
		if ((q->known >> i & 1) == 0 || mdns->names[i].announcements != 0)
			continue;
		o->want &= (uint8_t)~MDNS_WANT_ADDRESS;
		o->at = o->want != 0 ? o->at : TULLE_TIME_NEVER;
	}
}

static uint8_t what_is_wanted(const mdns_name *n, const mdns_item *item)
{
	if (item->type == MDNS_ANY || item->type == (n->addr.family == 4 ? MDNS_A : MDNS_AAAA))
		return MDNS_WANT_ADDRESS;
	return MDNS_WANT_ABSENCE; /* RFC6762:6.1 */
}

static bool add_reply(
	tulle_mdns *mdns, const query *q, size_t place, const mdns_item *item, uint8_t want)
{
	mdns_reply *free = NULL;
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++) {
		mdns_reply *r = &mdns->replies[i];
		if (r->used && !r->legacy && !q->legacy && r->name == place &&
			r->path.id == q->path->id &&
			tulle_addr_is(&r->path.remote, &q->path->remote)) {
			r->want |= want;
			return true;
		}
		free = r->used ? free : r;
	}
	if (free == NULL || !tulle_mdns_take_turn(
				    &mdns->replies_at, mdns->now, MDNS_REPLY_US, MDNS_REPLY_BURST))
		return false;
	tulle_path path = tulle_mdns_group_path(q->link, q->path->remote.family);
	path.remote = q->path->remote;
	*free = (mdns_reply){.used = true,
		.legacy = q->legacy,
		.want = want,
		.name = (uint8_t)place,
		.query_id = q->id,
		.type = item->type,
		.path = path};
	return true;
}

static void add_multicast(tulle_mdns *mdns, const query *q, mdns_name *n, uint8_t want)
{
	mdns_outlet *o = &n->outlets[q->path->remote.family == 4 ? 0 : 1];
	tulle_time at = mdns->now;
	uint8_t chance[2] = {0};
	if (q->truncated) {
		(void)mdns->config.random.fill(mdns->config.random.user, chance, sizeof chance);
		unsigned part = (unsigned)chance[0] << 8 | chance[1];
		at = tulle_time_add(
			at, MDNS_TRUNCATED_US + (tulle_time)part * MDNS_TRUNCATED_MORE / 65536);
	}
	o->want |= want;
	o->at = tulle_time_min(o->at, tulle_time_max(at, o->free_at));
}

/* False: there is no room for a unicast answer. */
static bool answer(tulle_mdns *mdns, const query *q, mdns_name *n, const mdns_item *item)
{
	size_t place = (size_t)(n - mdns->names);
	const mdns_outlet *o = &n->outlets[q->path->remote.family == 4 ? 0 : 1];
	uint8_t want = what_is_wanted(n, item);
	if ((q->known >> place & 1) != 0)
		want &= (uint8_t)~MDNS_WANT_ADDRESS;
	if (want == 0)
		return true;
	/* RFC6762:5.4: what the group has not heard for long goes to all, though one asked alone;
	 * and RFC6762:11: to a source that is not of the link nothing goes. */
	bool recent = !tulle_time_due(o->recent_until, mdns->now);
	if (q->legacy || q->unicast || (item->top && recent && q->on_link))
		return add_reply(mdns, q, place, item, want);
	add_multicast(mdns, q, n, want);
	return true;
}

TULLE_UNTRUSTED(anyone, "128 questions and records, each against 64 names", mdns)
tulle_drop tulle_mdns_take_query(
	tulle_mdns *mdns, const mdns_link *link, const tulle_path *path, mdns_reader r)
{
	mdns_item item;
	query q = {.link = link,
		.path = path,
		.id = r.id,
		.truncated = (r.flags & TRUNCATED) != 0,
		.legacy = path->remote.port != TULLE_MDNS_PORT, /* RFC6762:6.7 */
		.unicast = tulle_addr_classify(&path->local) != TULLE_ADDR_MULTICAST,
		.on_link = tulle_mdns_is_on_link(link, &path->remote)};
	tulle_drop drop = TULLE_DROP_MDNS_NAME;
	if ((q.legacy || q.unicast) && !q.on_link) /* RFC6762:5.5 */
		return TULLE_DROP_MDNS_SOURCE;
	read_known(mdns, &q, r);
	if (r.questions == 0 && q.known != 0) {
		forget_known(mdns, &q);
		return TULLE_TAKEN;
	}
	while (tulle_mdns_read_next(&r, &item) && item.kind == MDNS_ITEM_QUESTION) {
		mdns_name *n = item.class == MDNS_IN || item.class == MDNS_ANY
				       ? find_name(mdns, link, &item)
				       : NULL;
		if (n == NULL)
			continue;
		drop = drop == TULLE_DROP_LIMIT || !answer(mdns, &q, n, &item) ? TULLE_DROP_LIMIT
									       : TULLE_TAKEN;
	}
	return drop;
}

bool tulle_mdns_poll_reply(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out)
{
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++) {
		mdns_reply *r = &mdns->replies[i];
		if (!r->used)
			continue;
		const mdns_name *n = &mdns->names[r->name];
		mdns_writer m = tulle_mdns_write_begin(
			dst, TULLE_MDNS_DATAGRAM_BYTES, r->legacy ? r->query_id : 0, true);
		if (r->legacy) /* RFC6762:6.7: as a server of the unicast DNS would answer */
			(void)tulle_mdns_write_question(&m, n->name, r->type, false);
		if ((r->want & MDNS_WANT_ADDRESS) != 0)
			(void)tulle_mdns_write_address(&m, n->name, &n->addr,
				r->legacy ? MDNS_LEGACY_TTL_S : MDNS_TTL_S, !r->legacy);
		if ((r->want & MDNS_WANT_ABSENCE) != 0 && !r->legacy)
			(void)tulle_mdns_write_absence(&m, n->name, n->addr.family, false);
		*out = (tulle_datagram){.len = tulle_mdns_write_finish(&m), .path = r->path};
		*r = (mdns_reply){0};
		return true;
	}
	return false;
}
