/* SPDX-License-Identifier: MIT */
/* onramp: P's server between tulle_in and tulle_out. Invariant: a client's window is what the host
 * may still deliver; it is opened only as far as the client's tokens go, so a flood waits outside.
 */
#include "base/panic.h"
#include "onramp/client.h"

static void set_defaults(tulle_onramp_options *o)
{
	if (o->clients_max == 0)
		o->clients_max = TULLE_ONRAMP_CLIENTS;
	if (o->handshakes_per_source_max == 0)
		o->handshakes_per_source_max = TULLE_ONRAMP_HANDSHAKES_PER_SOURCE;
	if (o->queue_bytes_max == 0)
		o->queue_bytes_max = TULLE_ONRAMP_QUEUE_BYTES;
	if (o->memory_bytes_max == 0)
		o->memory_bytes_max = TULLE_ONRAMP_MEMORY_BYTES;
	if (o->bytes_per_s == 0)
		o->bytes_per_s = TULLE_ONRAMP_BYTES_PER_S;
}

static tulle_signal_ws_config ws_config(tulle_onramp *onramp, const tulle_onramp_options *o)
{
	return (tulle_signal_ws_config){.server = true,
		.frame_bytes_max = o->frame_bytes_max,
		.message_bytes_max = o->message_bytes_max,
		.send_bytes_max = o->queue_bytes_max,
		.random = {NULL, NULL},
		.allocator = {tulle_onramp_alloc, tulle_onramp_free, onramp}};
}

size_t tulle_onramp_memory_bytes(const tulle_onramp_options *options)
{
	tulle_onramp_options o = *options;
	set_defaults(&o);
	tulle_signal_ws_config ws = ws_config(NULL, &o);
	bool files =
		o.file_count <= TULLE_ONRAMP_FILES_MAX && (o.file_count == 0 || o.files != NULL);
	bool origins = o.origin_count == 0 || o.origins != NULL;
	bool good = files && origins && o.clients_max <= TULLE_ONRAMP_CLIENTS_MAX &&
		    tulle_signal_ws_memory_bytes(&ws) != 0;
	return good ? sizeof(tulle_onramp) : 0;
}

tulle_onramp *tulle_onramp_init(void *memory, size_t memory_bytes,
	const tulle_onramp_options *options, tulle_random random, tulle_time now)
{
	tulle_onramp *o = memory;
	size_t need = tulle_onramp_memory_bytes(options);
	if (need == 0 || memory_bytes < need || random.fill == NULL)
		return NULL;
	if (options->allocator.alloc == NULL || options->allocator.free == NULL)
		return NULL;
	*o = (tulle_onramp){.options = *options, .random = random, .now = now};
	set_defaults(&o->options);
	o->ws = ws_config(o, &o->options);
	uint8_t seed[4];
	if (random.fill(random.user, seed, sizeof seed) && tulle_onramp_make_tables(o)) {
		memcpy(&o->seed, seed, sizeof seed);
		return o;
	}
	tulle_onramp_free_tables(o);
	return NULL;
}

void tulle_onramp_wipe(tulle_onramp *o)
{
	while (o->first != NULL)
		tulle_onramp_remove_client(o, o->first);
	tulle_onramp_free_tables(o);
	TULLE_CHECK(o->held == 0);
	memset(o, 0, sizeof *o);
}

void tulle_onramp_set_owner(tulle_onramp *o, void *owner, void (*wake)(void *owner))
{
	o->owner = owner;
	o->ready.wake = wake;
	o->ready.user = owner;
}

void *tulle_onramp_owner(const tulle_onramp *o)
{
	return o->owner;
}

/* -- the window ----------------------------------------------------------------------------------
 */

static void refill(tulle_onramp *o, client *c)
{
	tulle_time passed = tulle_time_min(o->now - c->tokens_at, 1000000);
	int64_t more = passed * (int64_t)o->options.bytes_per_s / 1000000;
	if (more == 0)
		return; /* the time adds up until it is worth a byte */
	c->tokens = tulle_time_min(c->tokens + more, TULLE_ONRAMP_BURST_BYTES);
	c->tokens_at = o->now;
}

/* The window opens again when half of it is used and there are tokens to open it by a quarter. */
static bool wants_window(const client *c)
{
	return c->window < TULLE_ONRAMP_WINDOW_BYTES / 2 && !tulle_signal_ws_wants_end(c->ws);
}

static bool may_open(const client *c)
{
	return c->tokens - c->window >= TULLE_ONRAMP_WINDOW_BYTES / 4;
}

static tulle_time tokens_due(const tulle_onramp *o, const client *c)
{
	int64_t need = TULLE_ONRAMP_WINDOW_BYTES / 4 + c->window - c->tokens;
	return tulle_time_add(c->tokens_at, need * 1000000 / o->options.bytes_per_s + 1);
}

void tulle_onramp_touch(tulle_onramp *o, client *c)
{
	tulle_time due = tulle_signal_ws_poll_timeout(c->ws);
	if (wants_window(c) && !may_open(c))
		due = tulle_time_min(due, tokens_due(o, c));
	tulle_heap_set(&o->heap, &c->due, due);
	tulle_ready_mark(&o->ready, &c->ready);
}

/* -- in ------------------------------------------------------------------------------------------
 */

static bool is_crowded(const tulle_onramp *o, const tulle_addr *remote)
{
	uint32_t n = 0;
	if (o->finishing || o->stats.streams >= o->options.clients_max)
		return true;
	for (const client *c = o->first; c != NULL; c = c->next)
		n += !c->joined && tulle_addr_is_ip(&c->remote, remote);
	return n >= o->options.handshakes_per_source_max;
}

static void accept_stream(tulle_onramp *o, const tulle_in *in)
{
	client *c = tulle_onramp_find_stream(o, in->id);
	if (c == NULL && !is_crowded(o, &in->remote))
		c = tulle_onramp_add_client(o, in->id, &in->remote);
	if (c != NULL) {
		tulle_onramp_touch(o, c);
		return;
	}
	o->stats.turned_away++;
	o->drops[TULLE_DROP_LIMIT]++;
	if (o->turned_away_count < TULLE_ONRAMP_TURNED_AWAY_MAX)
		o->turned_away[o->turned_away_count++] = in->id;
}

TULLE_UNTRUSTED(anyone, "the window, bytes_per_s", onramp)
static void take_bytes(tulle_onramp *o, client *c, tulle_bytes data)
{
	size_t n = tulle_min(data.len, c->window);
	c->window -= (uint32_t)n;
	c->tokens -= (int64_t)n;
	while (data.len != 0) {
		size_t used = tulle_signal_ws_handle_bytes(c->ws, o->now, data.ptr, data.len);
		data = (tulle_bytes){data.ptr + used, data.len - used};
		tulle_onramp_serve(o, c);
	}
}

static void run_timers(tulle_onramp *o)
{
	const tulle_heap_node *node;
	while ((node = tulle_heap_first(&o->heap)) != NULL && node->at <= o->now) {
		client *c = node->owner;
		refill(o, c);
		tulle_signal_ws_handle_timeout(c->ws, o->now);
		tulle_onramp_serve(o, c);
	}
}

void tulle_onramp_handle(tulle_onramp *o, tulle_time now, const tulle_in *in)
{
	o->now = tulle_time_max(o->now, now);
	run_timers(o);
	if (in->kind == TULLE_IN_STREAM_ACCEPTED) {
		accept_stream(o, in);
		return;
	}
	client *c = tulle_onramp_find_stream(o, in->id);
	if (c == NULL)
		return; /* a stream that is gone, or news of another kind */
	refill(o, c);
	if (in->kind == TULLE_IN_STREAM_BYTES) {
		take_bytes(o, c, in->data);
	} else if (in->kind == TULLE_IN_STREAM_ROOM) {
		c->room += (uint32_t)tulle_min(in->bytes, UINT32_MAX - c->room);
		tulle_onramp_touch(o, c);
	} else if (in->kind == TULLE_IN_STREAM_END) {
		tulle_signal_ws_handle_end(c->ws, o->now);
		tulle_onramp_serve(o, c);
		tulle_onramp_remove_client(o, c);
	}
}

void tulle_onramp_finish(tulle_onramp *o)
{
	o->finishing = true;
	for (client *c = o->first; c != NULL; c = c->next) {
		if (c->stopped)
			continue;
		c->stopped = true;
		tulle_signal_ws_abort(
			c->ws, o->now, TULLE_SIGNAL_CLOSE_GOING_AWAY, TULLE_TAKEN, "stopping");
		tulle_onramp_touch(o, c);
	}
}

/* -- out -----------------------------------------------------------------------------------------
 */

static bool poll_window(tulle_onramp *o, client *c, tulle_out *out)
{
	refill(o, c);
	if (!wants_window(c) || !may_open(c))
		return false;
	uint32_t more = (uint32_t)tulle_time_min(c->tokens, TULLE_ONRAMP_WINDOW_BYTES) - c->window;
	c->window += more;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_ROOM, .id = c->stream, .bytes = more};
	return true;
}

static bool poll_bytes(tulle_onramp *o, client *c, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	size_t n = tulle_signal_ws_poll_bytes(c->ws, o->now, scratch, tulle_min(bytes, c->room));
	tulle_onramp_serve(o, c); /* an answer that is out whole closes */
	if (n == 0)
		return false;
	c->room -= (uint32_t)n;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_BYTES, .id = c->stream, .data = {scratch, n}};
	return true;
}

static bool poll_client(tulle_onramp *o, client *c, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	if (poll_window(o, c, out) || poll_bytes(o, c, scratch, bytes, out)) {
		tulle_onramp_touch(o, c);
		return true;
	}
	tulle_ready_remove(&o->ready, &c->ready); /* nothing to do until something happens */
	if (!tulle_signal_ws_wants_end(c->ws))
		return false;
	*out = (tulle_out){.kind = TULLE_OUT_STREAM_END, .id = c->stream};
	tulle_onramp_remove_client(o, c);
	return true;
}

bool tulle_onramp_poll(
	tulle_onramp *o, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *out)
{
	client *c;
	o->now = tulle_time_max(o->now, now);
	if (o->turned_away_count != 0) {
		uint32_t id = o->turned_away[--o->turned_away_count];
		*out = (tulle_out){.kind = TULLE_OUT_STREAM_END, .id = id, .abrupt = true};
		return true;
	}
	while ((c = tulle_ready_take(&o->ready)) != NULL)
		if (poll_client(o, c, scratch, bytes, out))
			return true;
	return false;
}

tulle_time tulle_onramp_poll_timeout(const tulle_onramp *o)
{
	const tulle_heap_node *node = tulle_heap_first(&o->heap);
	return node != NULL ? node->at : TULLE_TIME_NEVER;
}

void tulle_onramp_read_stats(const tulle_onramp *o, tulle_onramp_stats *out)
{
	*out = o->stats;
	out->memory_bytes = o->held;
}

uint64_t tulle_onramp_drops(const tulle_onramp *o, tulle_drop drop)
{
	return (unsigned)drop < TULLE_DROP_COUNT ? o->drops[drop] : 0;
}

void tulle_onramp_check(const tulle_onramp *o)
{
	uint32_t streams = 0, clients = 0;
	for (const client *c = o->first; c != NULL; c = c->next) {
		streams++;
		clients += c->joined;
		tulle_signal_ws_check(c->ws);
		TULLE_CHECK(tulle_onramp_find_stream(o, c->stream) == c);
		TULLE_CHECK(!c->joined || tulle_onramp_find_address(
						  o, (tulle_text){c->address, ADDRESS_BYTES}) == c);
		TULLE_CHECK(c->window <= TULLE_ONRAMP_WINDOW_BYTES);
		TULLE_CHECK(c->tokens <= TULLE_ONRAMP_BURST_BYTES);
	}
	TULLE_CHECK(streams == o->stats.streams && clients == o->stats.clients);
	TULLE_CHECK(streams <= o->options.clients_max && o->held <= o->options.memory_bytes_max);
	tulle_heap_check(&o->heap);
}
