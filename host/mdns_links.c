/* SPDX-License-Identifier: MIT */
/* host: the addresses that multicast DNS speaks from: what the system has, and what the engine was
 * told of it. */
#include "host/mdns.h"

#include "base/addr.h"
#include "base/text.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static bool read_ip(
	const struct sockaddr *from, tulle_addr *to, const struct sockaddr *mask, uint8_t *prefix)
{
	uint8_t bits[16] = {0};
	*to = (tulle_addr){0};
	if (from == NULL || mask == NULL)
		return false;
	if (from->sa_family == AF_INET) {
		to->family = 4;
		memcpy(to->ip, (const uint8_t *)from + offsetof(struct sockaddr_in, sin_addr), 4);
		memcpy(bits, (const uint8_t *)mask + offsetof(struct sockaddr_in, sin_addr), 4);
	} else if (from->sa_family == AF_INET6) {
		to->family = 6;
		memcpy(to->ip, (const uint8_t *)from + offsetof(struct sockaddr_in6, sin6_addr),
			16);
		memcpy(bits, (const uint8_t *)mask + offsetof(struct sockaddr_in6, sin6_addr), 16);
	}
	for (*prefix = 0; *prefix < 128 && (bits[*prefix / 8] << *prefix % 8 & 0x80) != 0;)
		++*prefix;
	return to->family != 0;
}

/* The options' bind addresses bind here too. */
static bool is_wanted(const tulle_host *host, const tulle_addr *addr)
{
	tulle_addr bound;
	const char *text = addr->family == 4 ? host->options.bind4 : host->options.bind6;
	if (text == NULL || !tulle_addr_read_ip(tulle_text_of(text), &bound))
		return true;
	return tulle_addr_classify(&bound) == TULLE_ADDR_UNSPECIFIED ||
	       memcmp(bound.ip, addr->ip, tulle_addr_ip_bytes(addr)) == 0;
}

/* The loopback interface only where there is no other: there two programs of one machine meet. */
bool tulle_host_mdns_find(const tulle_host *host, tulle_host_mdns_addresses *found)
{
	struct ifaddrs *list = NULL;
	bool loopback[HOST_MDNS_ADDRESSES] = {0}, any = false;
	found->count = 0;
	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *i = list; i != NULL && found->count < HOST_MDNS_ADDRESSES;
		i = i->ifa_next) {
		tulle_host_mdns_address *a = &found->list[found->count];
		if ((i->ifa_flags & IFF_UP) == 0 ||
			!read_ip(i->ifa_addr, &a->addr, i->ifa_netmask, &a->prefix))
			continue;
		bool wanted = is_wanted(host, &a->addr);
		a->link = if_nametoindex(i->ifa_name);
		a->spoken =
			wanted && (i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) == IFF_MULTICAST;
		any = any || a->spoken;
		loopback[found->count++] = wanted && (i->ifa_flags & IFF_LOOPBACK) != 0;
	}
	for (size_t i = 0; !any && i < found->count; i++)
		found->list[i].spoken = loopback[i];
	freeifaddrs(list);
	return true;
}

bool tulle_host_mdns_has(const tulle_host_mdns_addresses *a, const tulle_addr *addr)
{
	for (size_t i = 0; i < a->count; i++)
		if (tulle_addr_is_ip(&a->list[i].addr, addr))
			return true;
	return false;
}

bool tulle_host_mdns_is_link(const tulle_host_mdns_addresses *a, uint32_t link, uint8_t family)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].spoken && a->list[i].link == link &&
			a->list[i].addr.family == family)
			return true;
	return false;
}

static bool is_spoken(const tulle_host_mdns_addresses *found, const tulle_host_mdns_address *known)
{
	for (size_t i = 0; i < found->count; i++) {
		const tulle_host_mdns_address *a = &found->list[i];
		if (a->spoken && a->link == known->link && a->prefix == known->prefix &&
			tulle_addr_is_ip(&a->addr, &known->addr))
			return true;
	}
	return false;
}

/* An address goes with its link, and what is left of that one comes again. */
void tulle_host_mdns_set_links(tulle_mdns *engine, tulle_time now, tulle_host_mdns_addresses *known,
	const tulle_host_mdns_addresses *found)
{
	for (size_t i = 0; i < known->count; i++)
		if (!is_spoken(found, &known->list[i]))
			tulle_mdns_remove_link(engine, now, known->list[i].link);
	known->count = 0;
	for (size_t i = 0; i < found->count; i++) {
		const tulle_host_mdns_address *a = &found->list[i];
		if (a->spoken &&
			tulle_mdns_add_link(engine, now, a->link, &a->addr, a->prefix) == TULLE_OK)
			known->list[known->count++] = *a;
	}
}
