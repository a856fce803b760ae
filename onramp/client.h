/* SPDX-License-Identifier: MIT */
/* onramp: the state of the server and of one client; for this room only. client.c keeps the tables,
 * serve.c answers requests and messages, onramp.c meets the world. */
#ifndef TULLE_ONRAMP_CLIENT_H
#define TULLE_ONRAMP_CLIENT_H
#include "base/addr.h"
#include "base/ready.h"
#include "base/serial.h"
#include "base/text.h"
#include "onramp/limits.h"
#include "onramp/onramp.h"
#include "signal/signal.h"

#define ADDRESS_BYTES 36 /* a UUID as text: RFC9562:4 */

typedef struct client {
	uint32_t stream;
	tulle_addr remote;
	tulle_signal_ws *ws; /* behind this struct, in the same memory */
	size_t bytes;        /* of that memory */
	char address[ADDRESS_BYTES];
	bool joined, stopped; /* stopped: it was told 1001 */
	uint32_t room;        /* bytes that the host takes */
	uint32_t window;      /* bytes that the host may deliver */
	int64_t tokens;       /* bytes that it may send now; below 0: in debt */
	tulle_time tokens_at;
	struct client *next_stream, *next_address; /* chains of the tables */
	struct client *next, *prev;                /* all */
	tulle_ready_node ready;
	tulle_heap_node due;
} client;

struct tulle_onramp {
	tulle_onramp_options options;
	tulle_random random;
	tulle_signal_ws_config ws;
	tulle_time now;
	void *owner;
	bool finishing;
	uint32_t seed; /* of the tables' hash: nobody outside can aim at one chain */
	client **by_stream, **by_address, *first;
	size_t table_mask;
	tulle_ready ready;
	tulle_heap heap;
	uint32_t turned_away[TULLE_ONRAMP_TURNED_AWAY_MAX]; /* to end; never became clients */
	size_t turned_away_count;
	size_t held; /* bytes from the allocator */
	tulle_onramp_stats stats;
	uint64_t drops[TULLE_DROP_COUNT];
};

/* client.c */
bool tulle_onramp_make_tables(tulle_onramp *onramp);
void tulle_onramp_free_tables(tulle_onramp *onramp);
void *tulle_onramp_alloc(void *onramp, size_t n);
void tulle_onramp_free(void *onramp, void *p, size_t n);
client *tulle_onramp_add_client(tulle_onramp *onramp, uint32_t stream, const tulle_addr *remote);
void tulle_onramp_remove_client(tulle_onramp *onramp, client *c);
client *tulle_onramp_find_stream(const tulle_onramp *onramp, uint32_t stream);
client *tulle_onramp_find_address(const tulle_onramp *onramp, tulle_text address);
/* Gives c an address that nobody has and puts it into the table; false: no randomness. */
bool tulle_onramp_add_address(tulle_onramp *onramp, client *c);
void tulle_onramp_remove_address(tulle_onramp *onramp, client *c);
/* Output or a timer of c may have changed. */
void tulle_onramp_touch(tulle_onramp *onramp, client *c);

/* serve.c */
void tulle_onramp_serve(tulle_onramp *onramp, client *c);
#endif
