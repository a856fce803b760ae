/* SPDX-License-Identifier: MIT */
/* peer: two whole peers whose channels, signaling, paths and network do what a seed says; then all
 * is well again, and what the application was promised must have come true. The seed is the number
 * of the iteration in Check's message. TULLE_SEED and TULLE_SEEDS choose others (support/seeds.h),
 * TULLE_LOG=1 tells what happens. */
#include "base/addr.h"
#include "channels_help.h"
#include "tests/support/clock.h"
#include "tests/support/seeds.h"

#include <stdio.h>

#define CHANNELS 14
#define NUMBERS 96
#define LARGEST 50000
#define SIGNALS 512
#define PATHS 12
#define CALM (150 * SECOND)
#define OUTAGE (26 * SECOND) /* consent lasts 30 s, but is asked for anew every 5 s or so */
/* A DTLS handshake has 30 s in all, of which signaling and restarts take their part. */
#define OUTAGE_AT_FIRST (15 * SECOND)

typedef struct {
	tulle_channel handle; /* 0: not here */
	bool open, closed, closer, paused;
	unsigned sent, opens;
	uint32_t part_at, part_len; /* of the message that goes in parts; 0: none */
	bool got[NUMBERS];          /* of the other end's */
	unsigned got_count, next;
} side;

typedef struct {
	tulle_channel_init init;
	side of[2];
} model_channel;

typedef struct {
	tulle_time at;
	int to;
	tulle_sdp_type type; /* 0: a candidate */
	size_t len, name_len;
	char name[64], text[4096];
} letter;

static model_channel chans[CHANNELS];
static unsigned chan_count;
static letter post[SIGNALS];
static size_t post_count;
static struct {
	tulle_time offer_at, answer_at; /* NEVER: nothing is wanted */
	tulle_time spoken_at;           /* the last letter from here arrives then */
	uint32_t paths;                 /* that there were */
	bool closed;                    /* by tulle_peer_close */
	bool connected;                 /* once */
} ends[2];
static tulle_time partition_until, burst_until, bad_from, bad_until, worst;
static bool calm, verbose;
static uint8_t pattern[LARGEST + 512];
static int the_seed;

static uint32_t dice(uint32_t below)
{
	return couple_dice(&c, below);
}

#define SAY(...)                                                                                   \
	do {                                                                                       \
		if (verbose) {                                                                     \
			printf("%10.3f ", (double)c.now / 1e6);                                    \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)
#define DEMAND(what, ...)                                                                          \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			char text_[200];                                                           \
			snprintf(text_, sizeof text_, __VA_ARGS__);                                \
			ck_abort_msg("seed %d, %.3f s: %s: %s", the_seed, (double)c.now / 1e6,     \
				#what, text_);                                                     \
		}                                                                                  \
	} while (0)

static tulle_peer *peer(int end)
{
	return c.end[end].peer;
}

static bool is_over(int end)
{
	return tulle_peer_connection(peer(end)) >= TULLE_CONNECTION_FAILED;
}

static bool is_reliable(const model_channel *m)
{
	return !m->init.has_max_retransmits && !m->init.has_max_packet_lifetime;
}

/* -- what an application hears -- */

static model_channel *of_handle(int end, tulle_channel handle)
{
	for (unsigned i = 0; i < chan_count; i++)
		if (chans[i].of[end].handle == handle)
			return &chans[i];
	DEMAND(false, "end %d hears of a channel that is not there", end);
	return NULL;
}

static void hear_channel(int end, tulle_channel handle)
{
	tulle_channel_init init;
	tulle_text label;
	DEMAND(tulle_channel_describe(peer(end), handle, &label, &init) == TULLE_OK, "%d", end);
	unsigned i = (unsigned)(label.ptr[0] - 'a');
	DEMAND(label.len == 1 && i < chan_count, "label");
	model_channel *m = &chans[i];
	DEMAND(m->of[end].handle == 0, "channel %u is told twice to end %d", i, end);
	DEMAND(m->init.unordered == init.unordered &&
			m->init.max_retransmits == init.max_retransmits &&
			m->init.max_packet_lifetime_ms == init.max_packet_lifetime_ms,
		"channel %u is another", i);
	m->of[end].handle = handle;
}

static uint16_t word(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A message: the channel, who sends it, its number, its length, then a pattern of these. */
static size_t write_message(uint8_t *dst, unsigned channel, int from, unsigned number, uint32_t len)
{
	dst[0] = (uint8_t)channel;
	dst[1] = (uint8_t)from;
	dst[2] = (uint8_t)(number >> 8);
	dst[3] = (uint8_t)number;
	dst[4] = (uint8_t)(len >> 8);
	dst[5] = (uint8_t)len;
	memcpy(dst + 6, pattern + number % 250, len - 6);
	return len;
}

static void hear_message(int end, model_channel *m, tulle_bytes data)
{
	side *s = &m->of[end];
	unsigned i = (unsigned)(m - chans);
	DEMAND(data.len >= 6 && data.ptr[0] == i && data.ptr[1] == 1 - end, "channel %u", i);
	unsigned number = word(data.ptr + 2);
	DEMAND(number < m->of[1 - end].sent && word(data.ptr + 4) == data.len, "channel %u", i);
	DEMAND(memcmp(data.ptr + 6, pattern + number % 250, data.len - 6) == 0, "%u", number);
	DEMAND(s->open, "channel %u was not open", i);
	DEMAND(!s->got[number], "channel %u: number %u came twice", i, number);
	DEMAND(m->init.unordered || number >= s->next, "channel %u: number %u after %u", i, number,
		s->next);
	DEMAND(m->init.unordered || !is_reliable(m) || number == s->next,
		"channel %u: number %u, not %u", i, number, s->next);
	s->got[number] = true;
	s->got_count++;
	s->next = number + 1;
}

static void hear_of_channel(int end, const tulle_peer_event *e)
{
	if (e->kind == TULLE_PEER_CHANNEL)
		hear_channel(end, e->channel);
	model_channel *m = of_handle(end, e->channel);
	side *s = &m->of[end];
	DEMAND(!s->closed, "event %d of channel %d after its end", (int)e->kind, (int)(m - chans));
	if (e->kind == TULLE_PEER_MESSAGE)
		hear_message(end, m, e->u.message.data);
	if (e->kind == TULLE_PEER_OPEN) {
		DEMAND(s->opens++ == 0 && !s->closer, "channel %d", (int)(m - chans));
		s->open = true;
	}
	s->closed = e->kind == TULLE_PEER_CLOSE;
	if (e->kind != TULLE_PEER_MESSAGE)
		SAY("%d hears %d of channel %d", end, (int)e->kind, (int)(m - chans));
}

/* -- signaling: descriptions in order, candidates with them or later -- */

static letter *put(int to, tulle_sdp_type type, tulle_text text)
{
	DEMAND(post_count < SIGNALS && text.len <= sizeof post->text, "room");
	letter *l = &post[post_count++];
	*l = (letter){.to = to, .type = type, .len = text.len};
	if (text.len != 0)
		memcpy(l->text, text.ptr, text.len);
	tulle_time *spoken = &ends[1 - to].spoken_at;
	tulle_time at = c.now + dice(dice(4) == 0 ? 4000000 : 200000);
	*spoken = l->at = at > *spoken ? at : *spoken + 1;
	return l;
}

static void put_candidate(int from, const tulle_candidate *candidate)
{
	letter *l = put(1 - from, 0, candidate->candidate);
	DEMAND(candidate->username_fragment.len <= sizeof l->name, "room");
	l->name_len = candidate->username_fragment.len;
	memcpy(l->name, candidate->username_fragment.ptr, l->name_len);
	if (post_count < SIGNALS && dice(4) == 0) { /* again, perhaps after the end of them */
		post[post_count] = *l;
		post[post_count++].at += dice(5000000);
	}
}

static void hear_event(couple *k, int end, const tulle_peer_event *e)
{
	(void)k;
	if (e->channel != 0)
		hear_of_channel(end, e);
	if (e->kind == TULLE_PEER_CONNECTION_STATE || e->kind == TULLE_PEER_ICE_STATE)
		SAY("%d: %s %d", end, e->kind == TULLE_PEER_ICE_STATE ? "ice" : "connection",
			e->u.state);
	if (e->kind == TULLE_PEER_CONNECTION_STATE && e->u.state == TULLE_CONNECTION_CONNECTED)
		ends[end].connected = true;
	if (e->kind == TULLE_PEER_CONNECTION_STATE && is_over(end))
		SAY("%d: ended by %d, alert %u", end, (int)tulle_peer_why_ended(peer(end)),
			peer(end)->tls_alert);
	if (e->kind == TULLE_PEER_ICE_CANDIDATE)
		put_candidate(end, &e->u.candidate);
	if (e->kind == TULLE_PEER_NEGOTIATION_NEEDED)
		ends[end].offer_at = c.now + dice(calm ? 1000 : 1000000);
}

/* Describes what is due, perhaps after it was taken back once. */
static void describe_self(int end, tulle_sdp_type type)
{
	tulle_text sdp;
	DEMAND(tulle_peer_set_local(peer(end), TULLE_SDP_IMPLICIT, NULL, 0) == TULLE_OK, "%d %s",
		end, tulle_peer_why(peer(end)));
	if (type == TULLE_SDP_OFFER && !calm && dice(8) == 0) {
		SAY("%d takes its offer back", end);
		couple_run(&c, NULL, dice(300000));
		if (tulle_peer_signaling(peer(end)) == TULLE_SIGNALING_HAVE_LOCAL_OFFER)
			DEMAND(tulle_peer_set_local(peer(end), TULLE_SDP_ROLLBACK, NULL, 0) ==
					TULLE_OK,
				"%s", tulle_peer_why(peer(end)));
		return; /* what is still needed is asked for again */
	}
	tulle_sdp_type is = tulle_peer_local(peer(end), type == TULLE_SDP_OFFER, &sdp);
	DEMAND(is == type, "end %d: %d, not %d", end, (int)is, (int)type);
	SAY("%d says %s", end, type == TULLE_SDP_OFFER ? "offer" : "answer");
	put(1 - end, type, sdp);
}

static void read_offer(int end, const letter *l)
{
	if (end == 0 && tulle_peer_signaling(peer(end)) != TULLE_SIGNALING_STABLE) {
		SAY("0 ignores an offer"); /* the polite end, 1, gives way */
		return;
	}
	for (bool again = true; again;) {
		again = !calm && dice(8) == 0;
		tulle_err err = tulle_peer_set_remote(peer(end), TULLE_SDP_OFFER, l->text, l->len);
		DEMAND(err == TULLE_OK, "offer to %d: %s", end, tulle_peer_why(peer(end)));
		if (again)
			DEMAND(tulle_peer_set_remote(peer(end), TULLE_SDP_ROLLBACK, NULL, 0) ==
					TULLE_OK,
				"%s", tulle_peer_why(peer(end)));
	}
	ends[end].answer_at = c.now + (dice(3) == 0 ? dice(2000000) : 0);
}

static void read_letter(const letter *l)
{
	if (is_over(l->to))
		return;
	if (l->type == TULLE_SDP_OFFER) {
		read_offer(l->to, l);
	} else if (l->type == TULLE_SDP_ANSWER) {
		tulle_err err =
			tulle_peer_set_remote(peer(l->to), TULLE_SDP_ANSWER, l->text, l->len);
		DEMAND(err == TULLE_OK, "answer to %d: %s", l->to, tulle_peer_why(peer(l->to)));
	} else { /* one of an offer that was not taken is of no generation that is known */
		tulle_candidate t = {.candidate = {l->text, l->len},
			.username_fragment = {l->name, l->name_len},
			.mline_index = 0};
		(void)tulle_peer_add_candidate(peer(l->to), &t);
	}
}

static void signal_due(void)
{
	for (size_t i = 0, first; i < post_count; i++) {
		first = post_count;
		for (size_t j = 0; j < post_count; j++)
			if (post[j].at <= c.now &&
				(first == post_count || post[j].at < post[first].at))
				first = j;
		if (first == post_count)
			break;
		static letter l;
		l = post[first];
		post[first] = post[--post_count];
		read_letter(&l);
		i = (size_t)-1;
	}
	for (int end = 0; end < 2; end++) {
		tulle_signaling_state s = tulle_peer_signaling(peer(end));
		bool offer = ends[end].offer_at <= c.now, answer = ends[end].answer_at <= c.now;
		ends[end].offer_at = offer ? TULLE_TIME_NEVER : ends[end].offer_at;
		ends[end].answer_at = answer ? TULLE_TIME_NEVER : ends[end].answer_at;
		if (is_over(end))
			continue;
		if (answer && s == TULLE_SIGNALING_HAVE_REMOTE_OFFER)
			describe_self(end, TULLE_SDP_ANSWER);
		else if (offer && s == TULLE_SIGNALING_STABLE)
			describe_self(end, TULLE_SDP_OFFER);
	}
}

/* -- the network -- */

static bool eat(couple *k, int from, const uint8_t *data, size_t len)
{
	(void)from;
	(void)data;
	(void)len;
	if (k->now < burst_until)
		return dice(100) < 70;
	return k->now < partition_until;
}

/* How long, without five good seconds in between, one of them may not have heard the other. */
static void watch_network(void)
{
	bool bad = c.now < partition_until || c.now < burst_until || c.up[0] == 0 || c.up[1] == 0;
	if (bad && (c.now > bad_until + 5 * SECOND || bad_until == 0))
		bad_from = c.now;
	if (bad)
		bad_until = c.now;
	if (bad && bad_until - bad_from > worst)
		worst = bad_until - bad_from;
}

static void run(tulle_time us)
{
	for (tulle_time until = c.now + us; c.now < until;) {
		uint64_t turns = c.turns;
		tulle_time next = c.now + SECOND / 4, was = c.now;
		for (size_t i = 0; i < post_count; i++)
			next = post[i].at > c.now && post[i].at < next ? post[i].at : next;
		next = next < until ? next : until;
		couple_run(&c, NULL, next - c.now);
		if (c.now == was) {
			c.now = next; /* nothing was left to happen */
			clock_set(next);
		}
		DEMAND(c.turns - turns < 100000, "a busy loop");
		watch_network();
		signal_due();
	}
}

/* -- what an application does -- */

static void create_at(int end, unsigned i)
{
	char label[2] = {(char)('a' + (int)i), 0};
	tulle_err err =
		tulle_channel_create(peer(end), label, &chans[i].init, &chans[i].of[end].handle);
	DEMAND(err == TULLE_OK || is_over(end), "channel %u: %s", i, tulle_peer_why(peer(end)));
	SAY("%d makes channel %u%s%s%s", end, i, chans[i].init.unordered ? ", unordered" : "",
		chans[i].init.negotiated ? ", negotiated" : "",
		is_reliable(&chans[i]) ? "" : ", partial");
}

static void create(int end)
{
	if (chan_count == CHANNELS || is_over(0) || is_over(1))
		return;
	unsigned i = chan_count++;
	chans[i].init = (tulle_channel_init){.unordered = dice(2) == 0};
	uint32_t kind = dice(8);
	if (kind == 0) {
		chans[i].init.has_max_retransmits = true;
		chans[i].init.max_retransmits = dice(3);
	} else if (kind == 1) {
		chans[i].init.has_max_packet_lifetime = true;
		chans[i].init.max_packet_lifetime_ms = dice(2000);
	}
	chans[i].init.negotiated = dice(3) == 0;
	chans[i].init.id = (uint16_t)(chans[i].init.negotiated ? 100 + i : 0);
	create_at(end, i);
	if (chans[i].init.negotiated) { /* before either sends (docs/NOTES.md) */
		if (dice(2) == 0)
			couple_run(&c, NULL, dice(500000));
		create_at(1 - end, i);
	}
}

/* The next part; once all of it is taken the message is sent. */
static void send_part(int end, unsigned i, uint32_t most)
{
	static uint8_t message[LARGEST];
	side *s = &chans[i].of[end];
	uint32_t rest = s->part_len - s->part_at, len = rest < most ? rest : most;
	size_t taken = 0;
	write_message(message, i, end, s->sent, s->part_len);
	tulle_err err = tulle_channel_send_part(
		peer(end), s->handle, false, message + s->part_at, len, &taken, len == rest);
	bool gone = tulle_channel_state_of(peer(end), s->handle) != TULLE_CHANNEL_OPEN;
	DEMAND(err == TULLE_OK || err == TULLE_WOULD_BLOCK || gone, "channel %u: %s", i,
		tulle_peer_why(peer(end)));
	s->part_at += err == TULLE_OK ? (uint32_t)taken : 0;
	if (s->part_at == s->part_len) {
		s->part_at = s->part_len = 0;
		s->sent++;
	}
}

/* What goes in parts is ended, and what was held up goes on. */
static void end_parts(void)
{
	for (unsigned i = 0; i < chan_count; i++)
		for (int end = 0; end < 2; end++) {
			side *s = &chans[i].of[end];
			if (s->paused && !s->closed && !s->closer)
				(void)tulle_channel_pause(peer(end), s->handle, false);
			s->paused = false;
			if (s->part_len != 0 && s->open && !s->closed)
				send_part(end, i, LARGEST);
		}
}

static void pause_one(int end)
{
	unsigned i = chan_count != 0 ? dice(chan_count) : 0;
	side *s = &chans[i].of[end];
	if (!s->open || s->closed || s->closer)
		return;
	s->paused = !s->paused;
	SAY("%d: channel %u %s", end, i, s->paused ? "pauses" : "goes on");
	(void)tulle_channel_pause(peer(end), s->handle, s->paused);
}

static void send(int end)
{
	static uint8_t message[LARGEST];
	unsigned i = chan_count != 0 ? dice(chan_count) : 0;
	side *s = &chans[i].of[end];
	if (!s->open || s->closed || s->closer)
		return;
	if (s->part_len == 0 && s->sent < NUMBERS && dice(6) == 0)
		s->part_len = 6 + dice(LARGEST - 6);
	if (s->part_len != 0) {
		send_part(end, i, 1 + dice(LARGEST));
		return;
	}
	for (unsigned n = 1 + dice(5); n > 0 && s->sent < NUMBERS; n--) {
		uint32_t len = 6 + dice(dice(4) == 0 ? LARGEST - 6 : 1500);
		write_message(message, i, end, s->sent, len);
		tulle_err err = tulle_channel_send_bytes(peer(end), s->handle, message, len);
		bool gone = tulle_channel_state_of(peer(end), s->handle) != TULLE_CHANNEL_OPEN;
		DEMAND(err == TULLE_OK || err == TULLE_WOULD_BLOCK || gone, "channel %u: %s", i,
			tulle_peer_why(peer(end)));
		s->sent += err == TULLE_OK;
	}
}

static void close_one(int end)
{
	unsigned i = chan_count != 0 ? dice(chan_count) : 0;
	side *s = &chans[i].of[end];
	if (s->handle == 0 || s->closed || s->closer || s->part_len != 0)
		return;
	SAY("%d closes channel %u", end, i);
	DEMAND(tulle_channel_close(peer(end), s->handle) == TULLE_OK, "channel %u", i);
	s->closer = true;
}

static void restart(int end)
{
	int who = (int)dice(3);
	SAY("restart %d", who);
	for (int i = 0; i < 2; i++)
		if ((who == 2 || i == end) && !is_over(i))
			DEMAND(tulle_peer_restart_ice(peer(i)) == TULLE_OK, "%d", i);
}

static uint32_t a_path_of(int end)
{
	for (uint32_t path = 1; path < 32; path++)
		if ((c.up[end] >> path & 1) != 0)
			return path;
	return 0;
}

static void path_up(int end)
{
	if (ends[end].paths == PATHS)
		return;
	SAY("%d: path %u comes", end, ends[end].paths + 1);
	couple_path(&c, end, ++ends[end].paths, true);
}

static void path_down(int end)
{
	uint32_t path = a_path_of(end);
	if (path == 0)
		return;
	SAY("%d: path %u goes", end, path);
	couple_path(&c, end, path, false);
	watch_network();
}

static void move(int end)
{
	uint32_t how = dice(4);
	if (ends[end].paths == PATHS)
		return;
	if (how == 0) {
		path_up(end);
		return;
	}
	path_down(end);
	if (how == 1)
		run(dice(6000000));
	if (a_path_of(end) == 0 || how == 2)
		path_up(end);
}

static void trouble(void)
{
	static const uint32_t lasts_ms[] = {300, 3000, 6900, 7500, 15000, 29000, 34000};
	tulle_time until = c.now + 1000 * (tulle_time)(lasts_ms[dice(7)] + dice(1000));
	bool burst = dice(2) == 0;
	SAY("%s until %.3f", burst ? "burst" : "partition", (double)until / 1e6);
	*(burst ? &burst_until : &partition_until) = until;
}

static void act(bool hostile)
{
	int end = (int)dice(2);
	uint32_t what = dice(100);
	if (what < 15)
		create(end);
	else if (what < 66)
		send(end);
	else if (what < 70)
		pause_one(end);
	else if (what < 77)
		close_one(end);
	else if (what < 86)
		restart(end);
	else if (what < 93 && hostile)
		move(end);
	else if (what < 97 && hostile)
		trouble();
}

/* -- the end of it -- */

static void judge_sent(unsigned i, int from)
{
	const side *s = &chans[i].of[from], *to = &chans[i].of[1 - from];
	DEMAND(!is_reliable(&chans[i]) || to->got_count == s->sent,
		"channel %u, from %d: %u of %u came", i, from, to->got_count, s->sent);
}

/* A connection that lives: channels that nobody closed are open at both ends and have all; what
 * was sent before a close came too, unless the other closed as well. */
static void judge_channel(unsigned i)
{
	const side *s = chans[i].of;
	bool touched = s[0].closer || s[1].closer;
	/* Closed before there was an association: a negotiated one is told of by nothing. */
	for (int end = 0; end < 2; end++)
		if (chans[i].init.negotiated && s[end].closer && !s[end].open)
			return;
	for (int end = 0; end < 2; end++) {
		if (!touched)
			DEMAND(s[end].open && !s[end].closed, "channel %u, end %d", i, end);
		else
			DEMAND(s[end].closed == (s[end].handle != 0), "channel %u, end %d", i, end);
		if (!s[1 - end].closer)
			judge_sent(i, end);
		if (touched)
			continue;
		DEMAND(tulle_channel_buffered(peer(end), s[end].handle) == 0, "channel %u", i);
	}
}

static void judge_paths(void)
{
	tulle_path path[2];
	for (int end = 0; end < 2; end++) {
		tulle_ice_state ice = tulle_peer_ice(peer(end));
		DEMAND(ice == TULLE_ICE_CONNECTED || ice == TULLE_ICE_COMPLETED, "end %d: %d", end,
			(int)ice);
		DEMAND(tulle_peer_signaling(peer(end)) == TULLE_SIGNALING_STABLE, "end %d", end);
		DEMAND(tulle_ice_path(peer(end)->ice, &path[end]), "end %d", end);
	}
	DEMAND(tulle_addr_is(&path[0].local, &path[1].remote) &&
			tulle_addr_is(&path[1].local, &path[0].remote),
		"paths %u and %u", path[0].id, path[1].id);
}

static void judge(void)
{
	tulle_connection_state s[2] = {
		tulle_peer_connection(peer(0)), tulle_peer_connection(peer(1))};
	SAY("%d %d, worst %.3f s", (int)s[0], (int)s[1], (double)worst / 1e6);
	if (s[0] == TULLE_CONNECTION_CONNECTED && s[1] == TULLE_CONNECTION_CONNECTED) {
		judge_paths();
		for (unsigned i = 0; i < chan_count; i++)
			judge_channel(i);
		return;
	}
	bool closed = ends[0].closed || ends[1].closed;
	tulle_time least = ends[0].connected && ends[1].connected ? OUTAGE : OUTAGE_AT_FIRST;
	DEMAND(is_over(0) && is_over(1), "%d and %d, worst outage %.3f s", (int)s[0], (int)s[1],
		(double)worst / 1e6);
	DEMAND(closed || worst >= least, "%d and %d after an outage of %.3f s", (int)s[0],
		(int)s[1], (double)worst / 1e6);
	for (unsigned i = 0; i < chan_count; i++)
		for (int end = 0; end < 2; end++)
			/* While an offer has no answer, which may revive it, FAILED is not the end.
			 */
			DEMAND(tulle_peer_signaling(peer(end)) != TULLE_SIGNALING_STABLE ||
					ends[end].closed || chans[i].of[end].handle == 0 ||
					chans[i].of[end].closed,
				"channel %u has not ended at %d", i, end);
}

static void begin(int seed)
{
	the_seed = seed;
	verbose = getenv("TULLE_LOG") != NULL;
	if (verbose)
		setvbuf(stdout, NULL, _IONBF, 0);
	couple_seed_openssl((uint64_t)seed);
	memset(chans, 0, sizeof chans);
	memset(ends, 0, sizeof ends);
	post_count = chan_count = 0;
	partition_until = burst_until = bad_from = bad_until = worst = 0;
	calm = false;
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	c = (couple){.seed = (uint64_t)seed * 7919 + 1, .by_hand = true, .routed = true};
	c.on_event = hear_event;
	c.eat = eat;
	tulle_peer_config config[2] = {{0}, {0}};
	for (int i = 0; i < 2; i++) {
		config[i].no_sped = dice(2) == 0;
		config[i].no_snap = dice(2) == 0;
		ends[i].offer_at = ends[i].answer_at = TULLE_TIME_NEVER;
		ends[i].paths = 1;
	}
	c.delay_us = 1000 + dice(100000);
	c.loss = dice(2) == 0 ? dice(50) : 0;
	c.doubled = dice(20);
	c.reorder = dice(50);
	couple_open(&c, &config[0], &config[1]);
	create((int)dice(2));
	if (dice(3) == 0)
		create((int)dice(2));
}

static void make_calm(void)
{
	calm = true;
	SAY("calm");
	partition_until = burst_until = 0;
	c.loss = 0;
	for (int end = 0; end < 2; end++)
		if (c.up[end] == 0)
			path_up(end);
	for (int i = 0; i < 10; i++) {
		end_parts();
		run(CALM / 10);
	}
}

/* ICE-093, RFC8445:9, RFC8831:6.7, RFC8863 and what W3C promises of channels. */
START_TEST(whatever_happens_both_ends_agree)
{
	begin(_i);
	bool hostile = _i % 4 != 0;
	for (unsigned n = 30 + dice(60); n > 0; n--) {
		act(hostile);
		run(dice(dice(3) == 0 ? 2000000 : 100000));
	}
	if (dice(8) == 0) {
		int end = (int)dice(2);
		SAY("%d closes", end);
		tulle_peer_close(peer(end));
		ends[end].closed = true;
	}
	make_calm();
	judge();
	couple_close(&c);
}
END_TEST

Suite *suite_peer_model(void)
{
	Suite *s = suite_create("peer_model");
	TCase *t = tcase_create("peer_model");
	seeds run = seeds_to_run(30);
	tcase_set_timeout(t, run.patience_s);
	tcase_add_loop_test(t, whatever_happens_both_ends_agree, run.first, run.end);
	suite_add_tcase(s, t);
	return s;
}
