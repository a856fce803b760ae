/* SPDX-License-Identifier: MIT */
/* cli: `tulle probe`: what this network lets through, in plain words. One peer gathers candidates
 * from the servers that are named; what it finds is judged when it has no more to find. */
#include "base/addr.h"
#include "base/bytes.h"
#include "cli/cli.h"

#include <tulle/ice.h>
#include <tulle/turn.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PROBE_MS 12000 /* a server that has not answered by then is as good as none */
#define MAPPINGS_MAX 32

static const char usage[] =
	"usage: tulle probe [--stun URL]... [--turn URL,USER,PASSWORD]... [--loopback]";
static const char help[] =
	"%s\n"
	"\n"
	"Says which NAT this machine is behind, which servers answer, whether UDP, TCP and TLS\n"
	"pass, and what to do. Two STUN servers with different addresses tell NATs apart.\n"
	"\n"
	"  --stun URL                a STUN server: stun:HOST[:PORT]\n"
	"  --turn URL,USER,PASSWORD  a TURN server: turn:HOST[:PORT][?transport=tcp] or\n"
	"                            turns:HOST[:PORT], for TLS; both several times, 8 together\n"
	"  --loopback                loopback addresses count: for tests on one machine\n"
	"  --help, --version\n";

typedef enum { WAY_UDP, WAY_TCP, WAY_TLS, WAYS } way;

typedef struct {
	tulle_addr base, mapped;
} mapping;

typedef struct {
	cli_servers servers;
	bool failed[CLI_SERVERS_MAX]; /* said so */
	mapping mappings[MAPPINGS_MAX];
	size_t mapping_count;
	unsigned hosts[2], relays[WAYS]; /* IPv4, IPv6; by the way to the server */
	bool is_public;                  /* a host address that the whole internet knows */
	bool loopback, done, unread;
} probe;

static void say_address(probe *p, const char *what, const tulle_addr *addr, const char *rest)
{
	char text[TULLE_ADDR_TEXT_MAX];
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_addr_write(&w, addr);
	p->unread = !cli_print("%s %.*s%s\n", what, (int)w.len, text, rest) || p->unread;
}

static void take_mapping(probe *p, const tulle_ice_candidate *c)
{
	say_address(p, "seen by a STUN or TURN server as", &c->addr, "");
	if (p->mapping_count < MAPPINGS_MAX)
		p->mappings[p->mapping_count++] = (mapping){c->related, c->addr};
}

static void take_candidate(probe *p, tulle_text text)
{
	static const char *const ways[WAYS] = {" over UDP", " over TCP", " over TLS"};
	tulle_ice_candidate c;
	if (tulle_ice_read_candidate(text, &c) != TULLE_TAKEN || !c.is_address)
		return;
	/* RFC8445:5.1.2.2: our type preference tells how the server was reached */
	uint32_t preference = c.priority >> 24;
	way w = preference == 2 ? WAY_UDP : preference == 1 ? WAY_TCP : WAY_TLS;
	switch (c.type) {
	case TULLE_ICE_HOST:
		say_address(p, "address of this machine:", &c.addr, "");
		p->hosts[c.addr.family == 6]++;
		p->is_public = p->is_public || tulle_addr_classify(&c.addr) == TULLE_ADDR_GLOBAL;
		break;
	case TULLE_ICE_SRFLX:
		take_mapping(p, &c);
		break;
	case TULLE_ICE_RELAY:
		say_address(p, "relayed address", &c.addr, ways[w]);
		p->relays[w]++;
		break;
	case TULLE_ICE_PRFLX:
		break;
	}
}

static void take_error(probe *p, const tulle_peer_event *e)
{
	tulle_text url = e->u.candidate_error.url, text = e->u.candidate_error.text;
	for (size_t i = 0; i < p->servers.count; i++) {
		const char *known = p->servers.list[i].url;
		if (strlen(known) == url.len && memcmp(known, url.ptr, url.len) == 0)
			p->failed[i] = true;
	}
	p->unread = !cli_print("no answer of use from %.*s: %u %.*s\n", (int)url.len, url.ptr,
			    e->u.candidate_error.code, (int)text.len, text.ptr) ||
		    p->unread;
}

static void on_event(tulle_peer *peer, const tulle_peer_event *e, void *user)
{
	probe *p = user;
	(void)peer;
	if (e->kind == TULLE_PEER_ICE_CANDIDATE && e->u.candidate.candidate.len == 0)
		p->done = true;
	else if (e->kind == TULLE_PEER_ICE_CANDIDATE)
		take_candidate(p, e->u.candidate.candidate);
	else if (e->kind == TULLE_PEER_ICE_CANDIDATE_ERROR)
		take_error(p, e);
}

/* -- judging -- */

static way way_of(const tulle_ice_server *server)
{
	tulle_turn_uri uri;
	tulle_text url = {server->url, strlen(server->url)};
	if (tulle_turn_read_uri(url, &uri) != TULLE_TURN_URI_OK)
		return WAY_UDP;
	return uri.tls ? WAY_TLS : uri.tcp ? WAY_TCP : WAY_UDP;
}

/* Two mappings of one base that differ: RFC 4787's address-dependent mapping. Translated: at least
 * one is not its base. */
static void judge_mappings(const probe *p, bool *translated, bool *dependent)
{
	*translated = *dependent = false;
	for (size_t i = 0; i < p->mapping_count; i++) {
		const mapping *m = &p->mappings[i];
		*translated = *translated || !tulle_addr_is(&m->base, &m->mapped);
		for (size_t k = 0; k < i; k++)
			if (tulle_addr_is(&m->base, &p->mappings[k].base) &&
				!tulle_addr_is(&m->mapped, &p->mappings[k].mapped))
				*dependent = true;
	}
}

static size_t stun_servers(const probe *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->servers.count; i++)
		n += way_of(&p->servers.list[i]) == WAY_UDP && !p->failed[i];
	return n;
}

static const char *describe_nat(const probe *p)
{
	bool translated, dependent;
	judge_mappings(p, &translated, &dependent);
	if (dependent)
		return "NAT: another outer address for each destination (symmetric). Direct "
		       "connections fail towards others of that kind: name a TURN server.";
	if (translated && stun_servers(p) < 2)
		return "NAT: yes, its kind is unknown. Name a second STUN server at another "
		       "address to learn it.";
	if (translated)
		return "NAT: one outer address for all destinations. Direct connections work with "
		       "most others; a TURN server helps with the rest.";
	bool answered = p->servers.count == 0 || p->mapping_count != 0 || p->done;
	if (answered && (p->is_public || p->loopback))
		return "NAT: none was seen. Others reach this machine where no firewall forbids "
		       "it.";
	return p->servers.count == 0
		       ? "NAT: unknown. Name STUN servers to learn it (--stun stun:HOST)."
		       : "NAT: unknown, for no server answered over UDP.";
}

static bool say_way(const probe *p, way w, const char *name, const char *advice)
{
	bool asked = false, passes = p->relays[w] != 0 || (w == WAY_UDP && p->mapping_count != 0);
	for (size_t i = 0; i < p->servers.count; i++) {
		asked = asked || way_of(&p->servers.list[i]) == w;
		passes = passes || (way_of(&p->servers.list[i]) == w && p->done && !p->failed[i]);
	}
	if (!asked)
		return cli_print("%s: not tried%s\n", name, advice);
	return cli_print(
		"%s: %s\n", name, passes ? "passes" : "does not pass, or no server is there");
}

static int judge(const probe *p)
{
	bool relay = p->relays[WAY_UDP] + p->relays[WAY_TCP] + p->relays[WAY_TLS] != 0;
	bool good = relay || p->mapping_count != 0 || p->is_public ||
		    (p->loopback && p->hosts[0] + p->hosts[1] != 0);
	const char *last =
		relay  ? "A relay is there: every connection can be made."
		: good ? "No relay was found: where both ends are behind symmetric NATs or "
			 "firewalls nothing connects."
		       : "Nothing outside answered. Try TURN over TLS at port 443 "
			 "(--turn turns:HOST:443,USER,PASSWORD).";
	bool said = cli_print("IPv4: %s; IPv6: %s\n", p->hosts[0] != 0 ? "yes" : "no",
			    p->hosts[1] != 0 ? "yes" : "no") &&
		    say_way(p, WAY_UDP, "UDP", ": name a server") &&
		    say_way(p, WAY_TCP, "TCP", " (--turn turn:HOST?transport=tcp,...)") &&
		    say_way(p, WAY_TLS, "TLS", " (--turn turns:HOST:443,...)") &&
		    cli_print("%s\n%s\n", describe_nat(p), last);
	return said && !p->unread && good ? CLI_OK : CLI_FAILURE;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int run(tulle_host *host, probe *p)
{
	tulle_peer_config config = {.listener = on_event,
		.user = p,
		.ice = {.servers = p->servers.list,
			.server_count = p->servers.count,
			.loopback = p->loopback}};
	tulle_peer *peer;
	tulle_channel channel;
	tulle_err err = tulle_peer_create(host, &config, &peer);
	if (err == TULLE_OK)
		err = tulle_channel_create(peer, "probe", NULL, &channel);
	if (err == TULLE_OK)
		err = tulle_peer_set_local(peer, TULLE_SDP_IMPLICIT, NULL, 0);
	int64_t end = now_ms() + PROBE_MS;
	while (err == TULLE_OK && !p->done && !cli_was_stopped() && now_ms() < end)
		err = tulle_host_step(host, 100);
	if (err != TULLE_OK) {
		cli_complain("probe", "%s", tulle_err_name(err));
		return CLI_FAILURE;
	}
	return cli_was_stopped() ? CLI_FAILURE : judge(p);
}

/* -1: go on; else exit with it. */
static int read_args(int argc, char **argv, probe *p)
{
	cli_args args = {.argc = argc, .argv = argv};
	while (args.at < argc) {
		if (cli_take_flag(&args, "--help"))
			return cli_print(help, usage) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--version"))
			return cli_print("tulle %s\n", tulle_version()) ? CLI_OK : CLI_FAILURE;
		if (cli_take_flag(&args, "--loopback")) {
			p->loopback = true;
		} else if (!cli_take_server(&args, &p->servers)) {
			cli_complain("probe", "%s %s; %s",
				args.wrong ? "no value after" : "what is", argv[args.at], usage);
			return CLI_USAGE;
		}
	}
	if (p->servers.wrong == NULL)
		return -1;
	cli_complain("probe", "%s is no server of this kind, or one too many; %s", p->servers.wrong,
		usage);
	return CLI_USAGE;
}

int cli_probe(int argc, char **argv)
{
	static probe p; /* 2 KiB: not on the stack */
	int code = read_args(argc, argv, &p);
	tulle_host *host;
	if (code >= 0)
		return code;
	if (tulle_host_create(NULL, &host) != TULLE_OK) {
		cli_complain("probe", "no host could be made");
		return CLI_FAILURE;
	}
	cli_catch_signals(host);
	code = run(host, &p);
	tulle_host_destroy(host);
	return code;
}
