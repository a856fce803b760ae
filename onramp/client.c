/* SPDX-License-Identifier: MIT */
/* onramp: the tables of clients, by stream and by address, and their memory. Invariant: held is
 * what the allocator gave and has not got back, and never more than memory_bytes_max. */
#include "base/panic.h"
#include "onramp/client.h"

void *tulle_onramp_alloc(void *onramp, size_t n)
{
	tulle_onramp *o = onramp;
	const tulle_allocator *a = &o->options.allocator;
	if (n > o->options.memory_bytes_max - o->held)
		return NULL;
	void *p = a->alloc(a->user, n);
	if (p != NULL)
		o->held += n;
	return p;
}

void tulle_onramp_free(void *onramp, void *p, size_t n)
{
	tulle_onramp *o = onramp;
	const tulle_allocator *a = &o->options.allocator;
	TULLE_CHECK(n <= o->held);
	o->held -= n;
	a->free(a->user, p, n);
}

/* FNV-1a with a secret start */
static uint32_t hash(const tulle_onramp *o, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t h = 2166136261u ^ o->seed;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

static client **stream_chain(const tulle_onramp *o, uint32_t stream)
{
	const uint8_t b[4] = {(uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
		(uint8_t)(stream >> 8), (uint8_t)stream};
	return &o->by_stream[hash(o, b, sizeof b) & o->table_mask];
}

static client **address_chain(const tulle_onramp *o, const char *address)
{
	return &o->by_address[hash(o, address, ADDRESS_BYTES) & o->table_mask];
}

static size_t heap_bytes(const tulle_onramp *o)
{
	return ((size_t)o->options.clients_max + 1) * sizeof *o->heap.nodes;
}

static size_t table_bytes(const tulle_onramp *o)
{
	return (o->table_mask + 1) * sizeof(client *);
}

bool tulle_onramp_make_tables(tulle_onramp *o)
{
	size_t n = 16;
	while (n < o->options.clients_max)
		n *= 2;
	o->table_mask = n - 1;
	o->by_stream = tulle_onramp_alloc(o, table_bytes(o));
	o->by_address = tulle_onramp_alloc(o, table_bytes(o));
	o->heap.nodes = tulle_onramp_alloc(o, heap_bytes(o));
	o->heap.cap = o->options.clients_max;
	if (o->by_stream == NULL || o->by_address == NULL || o->heap.nodes == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		o->by_stream[i] = o->by_address[i] = NULL;
	return true;
}

void tulle_onramp_free_tables(tulle_onramp *o)
{
	if (o->by_stream != NULL)
		tulle_onramp_free(o, o->by_stream, table_bytes(o));
	if (o->by_address != NULL)
		tulle_onramp_free(o, o->by_address, table_bytes(o));
	if (o->heap.nodes != NULL)
		tulle_onramp_free(o, o->heap.nodes, heap_bytes(o));
}

client *tulle_onramp_find_stream(const tulle_onramp *o, uint32_t stream)
{
	client *c = *stream_chain(o, stream);
	while (c != NULL && c->stream != stream)
		c = c->next_stream;
	return c;
}

client *tulle_onramp_find_address(const tulle_onramp *o, tulle_text address)
{
	if (address.len != ADDRESS_BYTES)
		return NULL;
	client *c = *address_chain(o, address.ptr);
	while (c != NULL && memcmp(c->address, address.ptr, ADDRESS_BYTES) != 0)
		c = c->next_address;
	return c;
}

static size_t client_bytes(void)
{
	size_t align = _Alignof(max_align_t);
	return (sizeof(client) + align - 1) / align * align;
}

client *tulle_onramp_add_client(tulle_onramp *o, uint32_t stream, const tulle_addr *remote)
{
	size_t ws = tulle_signal_ws_memory_bytes(&o->ws), bytes = client_bytes() + ws;
	client *c = tulle_onramp_alloc(o, bytes);
	if (c == NULL)
		return NULL;
	*c = (client){.stream = stream, .remote = *remote, .bytes = bytes};
	c->tokens = TULLE_ONRAMP_BURST_BYTES;
	c->tokens_at = o->now;
	c->ready.owner = c->due.owner = c;
	c->ws = tulle_signal_ws_init((char *)c + client_bytes(), ws, &o->ws, o->now);
	TULLE_CHECK(c->ws != NULL);
	client **chain = stream_chain(o, stream);
	c->next_stream = *chain;
	*chain = c;
	c->next = o->first;
	if (o->first != NULL)
		o->first->prev = c;
	o->first = c;
	o->stats.streams++;
	return c;
}

static void unchain_stream(tulle_onramp *o, client *c)
{
	client **at = stream_chain(o, c->stream);
	while (*at != c)
		at = &(*at)->next_stream;
	*at = c->next_stream;
}

void tulle_onramp_remove_address(tulle_onramp *o, client *c)
{
	if (!c->joined)
		return;
	client **at = address_chain(o, c->address);
	while (*at != c)
		at = &(*at)->next_address;
	*at = c->next_address;
	c->joined = false;
	o->stats.clients--;
	o->stats.left++;
}

void tulle_onramp_remove_client(tulle_onramp *o, client *c)
{
	tulle_onramp_remove_address(o, c);
	unchain_stream(o, c);
	*(c->prev != NULL ? &c->prev->next : &o->first) = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	tulle_ready_remove(&o->ready, &c->ready);
	tulle_heap_set(&o->heap, &c->due, TULLE_TIME_NEVER);
	tulle_signal_ws_wipe(c->ws);
	o->stats.streams--;
	tulle_onramp_free(o, c, c->bytes);
}

/* A random UUID: version 4, variant 10. RFC9562:5.4 */
static bool make_address(tulle_onramp *o, char address[ADDRESS_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t b[16];
	if (!o->random.fill(o->random.user, b, sizeof b))
		return false;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0, n = 0; i < sizeof b; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			address[n++] = '-';
		address[n++] = digits[b[i] >> 4];
		address[n++] = digits[b[i] & 15];
	}
	return true;
}

bool tulle_onramp_add_address(tulle_onramp *o, client *c)
{
	do {
		if (!make_address(o, c->address))
			return false;
	} while (tulle_onramp_find_address(o, (tulle_text){c->address, ADDRESS_BYTES}) != NULL);
	client **chain = address_chain(o, c->address);
	c->next_address = *chain;
	*chain = c;
	c->joined = true;
	o->stats.clients++;
	o->stats.joined++;
	return true;
}
