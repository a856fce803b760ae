/* SPDX-License-Identifier: MIT */
/* mdns: our own names. A name has one address, and is spoken of on that address's link alone, to
 * the groups of both families. Names are drawn, so that they are not probed for (draft 3.1.1), and
 * a conflict is nobody's but an attacker's: it changes nothing. Invariant: an outlet that wants
 * nothing has no time. */
#include "mdns/engine.h"

static const char hex[] = "0123456789abcdef";

const mdns_link *tulle_mdns_link_of(const tulle_mdns *mdns, const mdns_name *n)
{
	for (size_t i = 0; i < MDNS_LINKS_MAX; i++)
		if (mdns->links[i].id != 0 && tulle_mdns_is_ours(&mdns->links[i], &n->addr))
			return &mdns->links[i];
	return NULL;
}

void tulle_mdns_announce(mdns_name *n, tulle_time now)
{
	n->announcements = MDNS_ANNOUNCEMENTS;
	n->announce_at = now;
}

/* RFC 4122:4.4 */
static bool draw_name(tulle_mdns *mdns, mdns_name *n)
{
	uint8_t r[16];
	char *text = n->text;
	if (!mdns->config.random.fill(mdns->config.random.user, r, sizeof r))
		return false;
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof r; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = hex[r[i] >> 4];
		*text++ = hex[r[i] & 15];
	}
	memcpy(text, ".local", 6);
	TULLE_CHECK(tulle_mdns_read_text((tulle_text){n->text, sizeof n->text}, n->name));
	for (size_t i = 0; i < mdns->config.names_max; i++)
		if (mdns->names[i].state != MDNS_NONE &&
			memcmp(mdns->names[i].name, n->name, sizeof n->name) == 0)
			return false; /* whatever it is, it is not random */
	return true;
}

tulle_err tulle_mdns_publish(
	tulle_mdns *mdns, tulle_time now, const tulle_addr *addr, tulle_text *name)
{
	mdns->now = tulle_time_max(mdns->now, now);
	if (!tulle_mdns_is_usable(mdns, addr))
		return TULLE_ERR_ARGUMENT;
	for (size_t i = 0; i < mdns->config.names_max; i++) {
		mdns_name *n = &mdns->names[i], fresh = {.state = MDNS_LIVE, .addr = *addr};
		if (n->state != MDNS_NONE)
			continue;
		if (!draw_name(mdns, &fresh))
			return TULLE_ERR_SYSTEM;
		fresh.addr.port = 0;
		for (size_t f = 0; f < 2; f++)
			fresh.outlets[f] = (mdns_outlet){.at = TULLE_TIME_NEVER,
				.free_at = mdns->now,
				.recent_until = mdns->now};
		tulle_mdns_announce(&fresh, mdns->now);
		*n = fresh;
		*name = (tulle_text){n->text, sizeof n->text};
		return TULLE_OK;
	}
	return TULLE_ERR_LIMIT;
}

static void want(mdns_outlet *o, uint8_t what, tulle_time at)
{
	o->want |= what;
	o->at = tulle_time_min(o->at, at);
}

static void want_nothing(mdns_outlet *o)
{
	o->want = 0;
	o->at = TULLE_TIME_NEVER;
}

/* Gone when its farewell is said. */
static void settle(mdns_name *n)
{
	if (n->state == MDNS_LEAVING && n->outlets[0].want == 0 && n->outlets[1].want == 0)
		*n = (mdns_name){0};
}

/* RFC6762:10.1 */
static void leave(tulle_mdns *mdns, mdns_name *n)
{
	const mdns_link *link = tulle_mdns_link_of(mdns, n);
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++)
		if (mdns->replies[i].used && mdns->replies[i].name == n - mdns->names)
			mdns->replies[i] = (mdns_reply){0};
	bool heard = link != NULL && n->announcements < MDNS_ANNOUNCEMENTS;
	n->state = MDNS_LEAVING;
	n->announce_at = TULLE_TIME_NEVER;
	for (size_t f = 0; f < 2; f++) {
		want_nothing(&n->outlets[f]);
		if (heard && tulle_mdns_has_family(link, f == 0 ? 4 : 6))
			want(&n->outlets[f], MDNS_WANT_ADDRESS, mdns->now);
	}
	settle(n);
}

void tulle_mdns_unpublish(tulle_mdns *mdns, tulle_time now, tulle_text name)
{
	uint8_t wire[MDNS_NAME_BYTES];
	mdns->now = tulle_time_max(mdns->now, now);
	if (!tulle_mdns_read_text(name, wire))
		return;
	for (size_t i = 0; i < mdns->config.names_max; i++)
		if (mdns->names[i].state == MDNS_LIVE &&
			memcmp(mdns->names[i].name, wire, sizeof wire) == 0)
			leave(mdns, &mdns->names[i]);
}

static void announce_due(tulle_mdns *mdns, mdns_name *n, const mdns_link *link)
{
	for (size_t f = 0; f < 2; f++)
		if (tulle_mdns_has_family(link, f == 0 ? 4 : 6))
			want(&n->outlets[f], MDNS_WANT_ADDRESS,
				tulle_time_max(mdns->now, n->outlets[f].free_at));
	n->announce_at = --n->announcements != 0 ? tulle_time_add(mdns->now, MDNS_MULTICAST_US)
						 : TULLE_TIME_NEVER;
}

void tulle_mdns_names_tick(tulle_mdns *mdns)
{
	for (size_t i = 0; i < mdns->config.names_max; i++) {
		mdns_name *n = &mdns->names[i];
		if (n->state == MDNS_NONE)
			continue;
		const mdns_link *link = tulle_mdns_link_of(mdns, n);
		if (link == NULL) {
			n->announce_at = TULLE_TIME_NEVER;
			want_nothing(&n->outlets[0]);
			want_nothing(&n->outlets[1]);
			settle(n);
		} else if (tulle_time_due(n->announce_at, mdns->now)) {
			announce_due(mdns, n, link);
		}
	}
}

tulle_time tulle_mdns_names_timeout(const tulle_mdns *mdns)
{
	tulle_time due = TULLE_TIME_NEVER;
	for (size_t i = 0; i < mdns->config.names_max; i++) {
		const mdns_name *n = &mdns->names[i];
		if (n->state == MDNS_NONE)
			continue;
		due = tulle_time_min(due, n->announce_at);
		due = tulle_time_min(due, tulle_time_min(n->outlets[0].at, n->outlets[1].at));
	}
	return due;
}

static bool write_name(tulle_mdns *mdns, mdns_writer *m, mdns_name *n, size_t f)
{
	mdns_outlet *o = &n->outlets[f];
	mdns_writer before = *m;
	bool good = true;
	if ((o->want & MDNS_WANT_ADDRESS) != 0)
		good = tulle_mdns_write_address(
			m, n->name, &n->addr, n->state == MDNS_LEAVING ? 0 : MDNS_TTL_S, true);
	if (good && (o->want & MDNS_WANT_ABSENCE) != 0)
		good = tulle_mdns_write_absence(m, n->name, n->addr.family, false);
	if (!good) {
		*m = before;
		return false;
	}
	o->free_at = tulle_time_add(mdns->now, MDNS_MULTICAST_US);
	if ((o->want & MDNS_WANT_ADDRESS) != 0) /* RFC6762:5.4 */
		o->recent_until = tulle_time_add(mdns->now, MDNS_TTL_S * INT64_C(1000000) / 4);
	want_nothing(o);
	settle(n);
	return true;
}

/* What is due to the group that the first due name speaks to. */
static size_t write_response(
	tulle_mdns *mdns, const mdns_link *link, size_t f, size_t first, uint8_t *dst)
{
	mdns_writer m = tulle_mdns_write_begin(dst, TULLE_MDNS_DATAGRAM_BYTES, 0, true);
	for (size_t i = first; i < mdns->config.names_max; i++) {
		mdns_name *n = &mdns->names[i];
		if (n->state != MDNS_NONE && tulle_time_due(n->outlets[f].at, mdns->now) &&
			tulle_mdns_link_of(mdns, n) == link && !write_name(mdns, &m, n, f))
			break;
	}
	return tulle_mdns_write_finish(&m);
}

bool tulle_mdns_poll_response(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out)
{
	for (size_t i = 0; i < 2 * (size_t)mdns->config.names_max; i++) {
		const mdns_name *n = &mdns->names[i / 2];
		if (n->state == MDNS_NONE || !tulle_time_due(n->outlets[i % 2].at, mdns->now))
			continue;
		const mdns_link *link = tulle_mdns_link_of(mdns, n);
		if (link == NULL)
			continue; /* the next tick silences it */
		*out = (tulle_datagram){.path = tulle_mdns_group_path(link, i % 2 == 0 ? 4 : 6)};
		out->len = write_response(mdns, link, i % 2, i / 2, dst);
		return true;
	}
	return false;
}

void tulle_mdns_check_names(const tulle_mdns *mdns)
{
	for (size_t i = 0; i < mdns->config.names_max; i++) {
		const mdns_name *n = &mdns->names[i];
		if (n->state == MDNS_NONE)
			continue;
		TULLE_CHECK(n->announcements <= MDNS_ANNOUNCEMENTS);
		for (size_t f = 0; f < 2; f++)
			TULLE_CHECK((n->outlets[f].want == 0) ==
				    (n->outlets[f].at == TULLE_TIME_NEVER));
		if (n->state == MDNS_LEAVING)
			TULLE_CHECK(n->outlets[0].want != 0 || n->outlets[1].want != 0);
	}
}
