/* SPDX-License-Identifier: MIT */
/* interop: one <tulle/peer.h> peer, driven by JSON lines on stdin, telling what happens on stdout.
 * The other side of a case is somebody else's library; cases/raw.mjs carries the signaling.
 *   {"do":"channel","label":L,"options":{"ordered":B,"maxRetransmits":N,"maxPacketLifeTime":N}}
 *   {"do":"offer"}     {"do":"remote","type":T,"sdp":S}
 *   {"do":"candidate","candidate":C,"mid":M}          {"do":"echo"}
 *   {"do":"text"|"bytes","channel":N,"size":B,"seed":D}
 *   {"do":"bulk","channel":N,"size":B,"count":C}      many numbered messages; `bulked` follows
 *   {"do":"count","channel":N,"count":C}              how such come in; `counted` after C of them
 *   {"do":"report","channel":N}                       or at once
 *   {"do":"path"}                                     the candidates in use; `path` follows
 *   {"do":"close","channel":N}     {"do":"end"}
 * Each line is answered by a `reply`. */
#include "json/json.h"

#include <tulle/host.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 16, MESSAGE_MAX = 1 << 24, CHANNELS_MAX = 1024 };

static tulle_host *host;
static tulle_peer *peer;
static bool echo, over;
static tulle_channel channels[CHANNELS_MAX]; /* told by their places from 1 on */
static struct {
	uint8_t *seen; /* NULL: its messages are told one by one */
	uint32_t wanted, messages, sum, twice, late, wrong;
	int64_t last;
	uint64_t bytes;
} counts[CHANNELS_MAX];
static struct {
	tulle_channel channel; /* 0: none under way */
	uint32_t size, count, next;
} bulk;
static char line[LINE_MAX_BYTES];
static size_t line_len;

static unsigned number_of(tulle_channel c)
{
	unsigned i = 0;
	while (i < CHANNELS_MAX - 1 && channels[i] != c && channels[i] != 0)
		i++;
	channels[i] = c;
	return i + 1;
}

static void put_text(const char *name, tulle_text t)
{
	size_t bytes = tulle_json_string_bytes(t);
	uint8_t *buf = malloc(bytes + 1);
	tulle_wr w = tulle_wr_make(buf, bytes);
	if (buf == NULL)
		exit(1);
	tulle_json_write_string(&w, t);
	printf(",\"%s\":%.*s", name, tulle_wr_finish(&w) ? (int)w.len : 4,
		w.bad ? "null" : (const char *)buf);
	free(buf);
}

static void put_event(const char *name)
{
	printf("{\"event\":\"%s\"", name);
}

static void end_event(void)
{
	puts("}");
	fflush(stdout);
}

/* The same contents and sums as lib.mjs has. */
static uint8_t pattern(size_t i, size_t seed, bool text)
{
	size_t v = i * 7 + (i >> 8) + seed;
	return (uint8_t)(text ? 'a' + v % 26 : v & 255);
}

static uint32_t sum(tulle_bytes b, uint32_t h)
{
	for (size_t i = 0; i < b.len; i++)
		h = h * 31 + b.ptr[i];
	return h;
}

/* One of many: its number in four bytes, then bytes that follow from it. */
static uint8_t numbered(size_t i, uint32_t number)
{
	return i < 4 ? (uint8_t)(number >> (24 - 8 * i)) : pattern(i, number, false);
}

static void report(unsigned n)
{
	put_event("counted");
	printf(",\"channel\":%u,\"messages\":%u,\"bytes\":%llu,\"sum\":%u,\"twice\":%u,\"late\":%u,"
	       "\"wrong\":%u,\"last\":%lld",
		n, counts[n - 1].messages, (unsigned long long)counts[n - 1].bytes,
		counts[n - 1].sum, counts[n - 1].twice, counts[n - 1].late, counts[n - 1].wrong,
		(long long)counts[n - 1].last);
	end_event();
}

static void count_message(unsigned n, tulle_bytes d)
{
	uint32_t number = 0, wrong = d.len < 4;
	for (size_t i = 0; i < 4 && i < d.len; i++)
		number = number << 8 | d.ptr[i];
	for (size_t i = 0; i < d.len; i++)
		wrong |= d.ptr[i] != numbered(i, number);
	wrong |= number >= counts[n - 1].wanted;
	counts[n - 1].messages++;
	counts[n - 1].bytes += d.len;
	counts[n - 1].sum = sum(d, counts[n - 1].sum);
	counts[n - 1].wrong += wrong;
	if (!wrong) {
		counts[n - 1].twice += counts[n - 1].seen[number];
		counts[n - 1].late += (int64_t)number < counts[n - 1].last;
		counts[n - 1].last = number > counts[n - 1].last ? number : counts[n - 1].last;
		counts[n - 1].seen[number] = 1;
	}
	if (counts[n - 1].messages == counts[n - 1].wanted)
		report(n);
}

static void go_on_with_bulk(void)
{
	static uint8_t data[MESSAGE_MAX];
	if (bulk.channel == 0)
		return;
	for (; bulk.next < bulk.count; bulk.next++) {
		for (size_t i = 0; i < bulk.size; i++)
			data[i] = numbered(i, bulk.next);
		if (tulle_channel_send_bytes(peer, bulk.channel, data, bulk.size) != TULLE_OK)
			return;
	}
	put_event("bulked");
	printf(",\"channel\":%u", number_of(bulk.channel));
	end_event();
	bulk.channel = 0;
}

static void take_message(const tulle_peer_event *e)
{
	tulle_bytes d = e->u.message.data;
	unsigned n = number_of(e->channel);
	if (counts[n - 1].seen != NULL && !e->u.message.is_text) {
		count_message(n, d);
		return;
	}
	put_event("message");
	printf(",\"channel\":%u,\"is_text\":%s,\"length\":%zu,\"sum\":%u", n,
		e->u.message.is_text ? "true" : "false", d.len, sum(d, 1));
	end_event();
	if (!echo)
		return;
	tulle_err err =
		e->u.message.is_text
			? tulle_channel_send_text(peer, e->channel, (const char *)d.ptr, d.len)
			: tulle_channel_send_bytes(peer, e->channel, d.ptr, d.len);
	if (err == TULLE_OK)
		return;
	put_event("error");
	put_text("text", (tulle_text){tulle_err_name(err), strlen(tulle_err_name(err))});
	end_event();
}

static void tell_channel(const char *name, tulle_channel c)
{
	tulle_text label = {"", 0};
	tulle_channel_init init;
	put_event(name);
	printf(",\"channel\":%u", number_of(c));
	if (tulle_channel_describe(peer, c, &label, &init) == TULLE_OK) {
		put_text("label", label);
		printf(",\"ordered\":%s", init.unordered ? "false" : "true");
		if (init.has_max_retransmits)
			printf(",\"maxRetransmits\":%u", init.max_retransmits);
		if (init.has_max_packet_lifetime)
			printf(",\"maxPacketLifeTime\":%u", init.max_packet_lifetime_ms);
	}
	end_event();
}

static void tell_setup(void)
{
	tulle_peer_setup s;
	tulle_peer_read_setup(peer, &s);
	put_event("setup");
	printf(",\"snap\":%s,\"sped_in\":%u,\"sped_out\":%u", s.snap ? "true" : "false", s.sped_in,
		s.sped_out);
	end_event();
}

static void tell_path(void)
{
	static const char *const names[] = {"", "host", "srflx", "prflx", "relay"};
	tulle_peer_setup s;
	tulle_peer_read_setup(peer, &s);
	put_event("path");
	printf(",\"local\":\"%s\",\"remote\":\"%s\",\"tcp\":%s,\"rtt\":%lld", names[s.local_type],
		names[s.remote_type], s.tcp ? "true" : "false", (long long)s.rtt_us);
	end_event();
}

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	(void)self;
	(void)user;
	switch ((int)e->kind) {
	case TULLE_PEER_ICE_CANDIDATE:
		put_event("candidate");
		put_text("candidate", e->u.candidate.candidate);
		put_text("mid", e->u.candidate.mid);
		end_event();
		break;
	case TULLE_PEER_CONNECTION_STATE:
		put_event("state");
		printf(",\"state\":%d", e->u.state);
		end_event();
		break;
	case TULLE_PEER_NEGOTIATION_NEEDED:
		put_event("negotiation");
		end_event();
		break;
	case TULLE_PEER_CHANNEL:
		tell_channel("channel", e->channel);
		break;
	case TULLE_PEER_OPEN:
		tell_setup();
		tell_channel("open", e->channel);
		break;
	case TULLE_PEER_CLOSE:
		tell_channel("close", e->channel);
		break;
	case TULLE_PEER_MESSAGE:
		take_message(e);
		break;
	case TULLE_PEER_BUFFERED_LOW:
		go_on_with_bulk();
		break;
	case TULLE_PEER_ICE_CANDIDATE_ERROR:
		put_event("unanswered");
		put_text("url", e->u.candidate_error.url);
		put_text("text", e->u.candidate_error.text);
		end_event();
		break;
	case TULLE_PEER_ERROR:
		put_event("error");
		put_text("text", e->u.error.text);
		end_event();
		break;
	}
}

/* A string member, decoded into one of a few places; "" when there is none. */
static tulle_text string_of(tulle_text object, const char *key)
{
	static char places[4][LINE_MAX_BYTES];
	static unsigned next;
	char *place = places[next++ % 4];
	tulle_text value;
	size_t len = 0;
	if (!tulle_json_find(object, (tulle_text){key, strlen(key)}, &value) ||
		tulle_json_decode(value, place, LINE_MAX_BYTES - 1, &len) != TULLE_OK)
		len = 0;
	place[len] = '\0';
	return (tulle_text){place, len};
}

static uint32_t number(tulle_text object, const char *key)
{
	tulle_text value;
	uint32_t n = 0;
	if (!tulle_json_find(object, (tulle_text){key, strlen(key)}, &value) ||
		!tulle_json_u32(value, MESSAGE_MAX, &n))
		return 0;
	return n;
}

static tulle_err describe(const char *type, bool pending)
{
	tulle_text sdp;
	tulle_err err = tulle_peer_set_local(peer, TULLE_SDP_IMPLICIT, NULL, 0);
	if (err != TULLE_OK || tulle_peer_local(peer, pending, &sdp) == 0)
		return err != TULLE_OK ? err : TULLE_ERR_STATE;
	put_event("description");
	printf(",\"type\":\"%s\"", type);
	put_text("sdp", sdp);
	end_event();
	return TULLE_OK;
}

static tulle_err set_remote(tulle_text object)
{
	tulle_text sdp = string_of(object, "sdp");
	bool offer = strcmp(string_of(object, "type").ptr, "offer") == 0;
	tulle_err err = tulle_peer_set_remote(
		peer, offer ? TULLE_SDP_OFFER : TULLE_SDP_ANSWER, sdp.ptr, sdp.len);
	return err == TULLE_OK && offer ? describe("answer", false) : err;
}

static tulle_err send_pattern(tulle_text object, tulle_channel c, bool text)
{
	static uint8_t data[MESSAGE_MAX];
	size_t size = number(object, "size"), seed = number(object, "seed");
	for (size_t i = 0; i < size; i++)
		data[i] = pattern(i, seed, text);
	return text ? tulle_channel_send_text(peer, c, (const char *)data, size)
		    : tulle_channel_send_bytes(peer, c, data, size);
}

static tulle_err make_channel(tulle_text object)
{
	tulle_channel c = 0;
	tulle_text options, value;
	tulle_channel_init init = {0};
	if (tulle_json_find(object, (tulle_text){"options", 7}, &options)) {
		init.unordered = tulle_json_find(options, (tulle_text){"ordered", 7}, &value) &&
				 value.ptr[0] == 'f';
		init.has_max_retransmits =
			tulle_json_find(options, (tulle_text){"maxRetransmits", 14}, &value);
		init.max_retransmits = number(options, "maxRetransmits");
		init.has_max_packet_lifetime =
			tulle_json_find(options, (tulle_text){"maxPacketLifeTime", 17}, &value);
		init.max_packet_lifetime_ms = number(options, "maxPacketLifeTime");
	}
	tulle_err err = tulle_channel_create(peer, string_of(object, "label").ptr, &init, &c);
	if (err == TULLE_OK)
		tell_channel("created", c);
	return err;
}

static tulle_err begin_bulk(tulle_text object, tulle_channel c)
{
	bulk.channel = c;
	bulk.size = number(object, "size");
	bulk.count = number(object, "count");
	bulk.next = 0;
	go_on_with_bulk();
	return TULLE_OK;
}

static tulle_err begin_count(tulle_text object, uint32_t n)
{
	uint32_t wanted = number(object, "count");
	if (n == 0 || n > CHANNELS_MAX)
		return TULLE_ERR_ARGUMENT;
	memset(&counts[n - 1], 0, sizeof counts[n - 1]);
	counts[n - 1].seen = calloc(wanted + 1, 1);
	counts[n - 1].wanted = wanted;
	counts[n - 1].sum = 1;
	counts[n - 1].last = -1;
	return TULLE_OK;
}

static tulle_err add_candidate(tulle_text object)
{
	tulle_candidate c = {.candidate = string_of(object, "candidate"),
		.mid = string_of(object, "mid"),
		.mline_index = 0};
	return tulle_peer_add_candidate(peer, &c);
}

static tulle_err run(tulle_text object)
{
	const char *what = string_of(object, "do").ptr;
	uint32_t n = number(object, "channel");
	tulle_channel c = n >= 1 && n <= CHANNELS_MAX ? channels[n - 1] : 0;
	if (strcmp(what, "channel") == 0)
		return make_channel(object);
	if (strcmp(what, "offer") == 0)
		return describe("offer", true);
	if (strcmp(what, "remote") == 0)
		return set_remote(object);
	if (strcmp(what, "candidate") == 0)
		return add_candidate(object);
	if (strcmp(what, "text") == 0 || strcmp(what, "bytes") == 0)
		return send_pattern(object, c, what[0] == 't');
	if (strcmp(what, "close") == 0)
		return tulle_channel_close(peer, c);
	if (strcmp(what, "bulk") == 0)
		return begin_bulk(object, c);
	if (strcmp(what, "count") == 0)
		return begin_count(object, n);
	if (strcmp(what, "report") == 0 && n >= 1 && n <= CHANNELS_MAX)
		report(n);
	else if (strcmp(what, "path") == 0)
		tell_path();
	else if (strcmp(what, "echo") == 0)
		echo = true;
	else if (strcmp(what, "end") == 0)
		tulle_peer_close(peer);
	else
		return TULLE_ERR_ARGUMENT;
	return TULLE_OK;
}

static void run_line(tulle_text text)
{
	tulle_err err = tulle_json_check(text) ? run(text) : TULLE_ERR_SYNTAX;
	put_event("reply");
	printf(",\"ok\":%s", err == TULLE_OK ? "true" : "false");
	if (err != TULLE_OK) {
		const char *name = tulle_err_name(err), *why = tulle_peer_why(peer);
		put_text("error", (tulle_text){name, strlen(name)});
		put_text("text", (tulle_text){why, strlen(why)});
	}
	end_event();
}

static void read_lines(void)
{
	ssize_t n = read(STDIN_FILENO, line + line_len, sizeof line - line_len);
	over = n <= 0;
	line_len += n > 0 ? (size_t)n : 0;
	char *end;
	while ((end = memchr(line, '\n', line_len)) != NULL) {
		size_t len = (size_t)(end - line);
		run_line((tulle_text){line, len});
		line_len -= len + 1;
		memmove(line, end + 1, line_len);
	}
}

/* usage: rawpeer [hide] [tcp] [stun URL]... [turn URL USER PASSWORD]... */
int main(int argc, char **argv)
{
	tulle_ice_server servers[8] = {0};
	tulle_peer_config config = {.listener = on_event, .ice = {.servers = servers}};
	for (int i = 1; i < argc; i++) {
		tulle_ice_server *s = &servers[config.ice.server_count];
		if (strcmp(argv[i], "hide") == 0) {
			config.ice.hide_addresses = true;
			continue;
		}
		if (strcmp(argv[i], "tcp") == 0) {
			config.ice.tcp = true;
			continue;
		}
		bool turn = strcmp(argv[i], "turn") == 0;
		if (config.ice.server_count++ == 8 || i + (turn ? 3 : 1) >= argc)
			return 2;
		*s = (tulle_ice_server){.url = argv[++i]};
		s->username = turn ? argv[++i] : NULL;
		s->password = turn ? argv[++i] : NULL;
	}
	if (tulle_host_create(NULL, &host) != TULLE_OK ||
		tulle_peer_create(host, &config, &peer) != TULLE_OK)
		return 1;
	while (!over) {
		struct pollfd fds[2] = {{.fd = tulle_host_fd(host), .events = POLLIN},
			{.fd = STDIN_FILENO, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0)
			break;
		if (fds[1].revents != 0)
			read_lines();
		if (tulle_host_step(host, 0) != TULLE_OK)
			break;
	}
	tulle_host_destroy(host);
	return 0;
}
