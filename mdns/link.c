/* SPDX-License-Identifier: MIT */
/* mdns: the links that are spoken on, and how much is said. Invariant: a link has an address of
 * ours, and its number once. */
#include "mdns/engine.h"

mdns_link *tulle_mdns_find_link(const tulle_mdns *mdns, uint32_t id)
{
	for (size_t i = 0; i < MDNS_LINKS_MAX; i++)
		if (mdns->links[i].id == id)
			return &mdns->links[i];
	return NULL;
}

bool tulle_mdns_has_family(const mdns_link *link, uint8_t family)
{
	for (size_t i = 0; i < link->count; i++)
		if (link->addresses[i].addr.family == family)
			return true;
	return false;
}

/* Scopes apart: a link has one. */
static bool is_same(const tulle_addr *a, const tulle_addr *b, size_t bits)
{
	size_t whole = bits / 8, rest = bits % 8;
	return a->family == b->family && memcmp(a->ip, b->ip, whole) == 0 &&
	       (rest == 0 || (a->ip[whole] ^ b->ip[whole]) >> (8 - rest) == 0);
}

/* RFC6762:11 */
bool tulle_mdns_is_on_link(const mdns_link *link, const tulle_addr *from)
{
	if (from->family == 6 && tulle_addr_classify(from) == TULLE_ADDR_LINK_LOCAL)
		return true;
	for (size_t i = 0; i < link->count; i++)
		if (is_same(&link->addresses[i].addr, from, link->addresses[i].prefix))
			return true;
	return false;
}

bool tulle_mdns_is_ours(const mdns_link *link, const tulle_addr *addr)
{
	for (size_t i = 0; i < link->count; i++)
		if (is_same(&link->addresses[i].addr, addr, 8 * tulle_addr_ip_bytes(addr)))
			return true;
	return false;
}

uint32_t tulle_mdns_channels(const tulle_mdns *mdns)
{
	uint32_t channels = 0;
	for (size_t i = 0; i < MDNS_LINKS_MAX; i++)
		for (size_t f = 0; f < 2; f++)
			if (tulle_mdns_has_family(&mdns->links[i], f == 0 ? 4 : 6))
				channels |= UINT32_C(1) << (2 * i + f);
	return channels;
}

static tulle_addr address_of(const mdns_link *link, uint8_t family)
{
	for (size_t i = 0; i < link->count; i++)
		if (link->addresses[i].addr.family == family)
			return link->addresses[i].addr;
	return (tulle_addr){0};
}

/* 224.0.0.251, ff02::fb: RFC6762:3 */
tulle_path tulle_mdns_group_path(const mdns_link *link, uint8_t family)
{
	tulle_path path = {.id = link->id,
		.local = address_of(link, family),
		.remote = {.family = family, .port = TULLE_MDNS_PORT}};
	path.local.port = TULLE_MDNS_PORT;
	if (family == 4)
		memcpy(path.remote.ip, (const uint8_t[]){224, 0, 0, 251}, 4);
	else
		memcpy(path.remote.ip, (const uint8_t[16]){0xff, 2, [15] = 0xfb}, 16);
	path.remote.scope = family == 6 ? link->id : 0;
	return path;
}

/* A host candidate can have it: RFC8445:5.1.1.1 */
bool tulle_mdns_is_usable(const tulle_mdns *mdns, const tulle_addr *addr)
{
	tulle_addr_class class = tulle_addr_classify(addr);
	if (tulle_addr_unmap(addr).family != addr->family)
		return false;
	return class == TULLE_ADDR_GLOBAL || class == TULLE_ADDR_PRIVATE ||
	       class == TULLE_ADDR_LINK_LOCAL ||
	       (class == TULLE_ADDR_LOOPBACK && mdns->config.loopback);
}

static bool add_address(mdns_link *link, const tulle_addr *addr, uint8_t prefix)
{
	if (link->count == MDNS_LINK_ADDRESSES_MAX)
		return false;
	link->addresses[link->count].addr = *addr;
	link->addresses[link->count].addr.port = 0;
	link->addresses[link->count++].prefix = prefix;
	return true;
}

tulle_err tulle_mdns_add_link(
	tulle_mdns *mdns, tulle_time now, uint32_t id, const tulle_addr *addr, uint8_t prefix)
{
	size_t bytes = tulle_addr_ip_bytes(addr);
	mdns->now = tulle_time_max(mdns->now, now);
	if (id == 0 || bytes == 0 || prefix > 8 * bytes)
		return TULLE_ERR_ARGUMENT;
	mdns_link *link = tulle_mdns_find_link(mdns, id);
	if (link != NULL && tulle_mdns_is_ours(link, addr))
		return TULLE_OK;
	if (link == NULL && (link = tulle_mdns_find_link(mdns, 0)) == NULL)
		return TULLE_ERR_LIMIT;
	if (!add_address(link, addr, prefix))
		return TULLE_ERR_LIMIT;
	link->id = id;
	for (size_t i = 0; i < mdns->config.names_max; i++) /* RFC6762:8.4: its records are new */
		if (mdns->names[i].state == MDNS_LIVE &&
			tulle_mdns_link_of(mdns, &mdns->names[i]) == link)
			tulle_mdns_announce(&mdns->names[i], mdns->now);
	return TULLE_OK;
}

void tulle_mdns_remove_link(tulle_mdns *mdns, tulle_time now, uint32_t id)
{
	mdns_link *link = id != 0 ? tulle_mdns_find_link(mdns, id) : NULL;
	mdns->now = tulle_time_max(mdns->now, now);
	if (link == NULL)
		return;
	uint32_t gone = UINT32_C(3) << 2 * (size_t)(link - mdns->links);
	*link = (mdns_link){0};
	for (size_t i = 0; i < mdns->config.questions_max; i++)
		mdns->questions[i].to &= ~gone;
	for (size_t i = 0; i < MDNS_REPLIES_MAX; i++)
		if (mdns->replies[i].path.id == id)
			mdns->replies[i] = (mdns_reply){0};
}

bool tulle_mdns_take_turn(tulle_time *spent, tulle_time now, tulle_time each, uint32_t burst)
{
	tulle_time after = tulle_time_add(tulle_time_max(*spent, now), each);
	if (after - now > each * burst)
		return false;
	*spent = after;
	return true;
}

tulle_time tulle_mdns_next_turn(tulle_time spent, tulle_time each, uint32_t burst)
{
	return spent - each * ((tulle_time)burst - 1);
}
