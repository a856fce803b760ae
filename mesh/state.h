/* SPDX-License-Identifier: MIT */
/* mesh: a root, its nodes and the links under them, for the files of this room alone.
 * A node is what the user knows: a WebSocket or a peer, by address. A link is one attempt at a peer
 * connection: glare over different relays gives a node two, of which the first that opens stays. */
#ifndef TULLE_MESH_STATE_H
#define TULLE_MESH_STATE_H
#include "base/serial.h"
#include "base/text.h"
#include "mesh/limits.h"
#include "mesh/mesh.h"
#include "peer/peer.h"
#include "peer/servers.h"
#include "signal/signal.h"

#include <tulle/dtls.h>

typedef enum { NODE_CONNECTING = 1, NODE_OPEN, NODE_CLOSED } mesh_node_state;

/* What next_event has yet to say of a node, in this order; messages come between OPEN and the rest.
 */
enum {
	SAY_CONNECTION_ROOT = 1,
	SAY_CONNECTION_VIA = 2,
	SAY_OPEN = 4,
	SAY_ERROR = 8,
	SAY_WRITABLE = 16,
	SAY_DISCONNECTION_ROOT = 32,
	SAY_DISCONNECTION_VIA = 64,
	SAY_CLOSE = 128,
};

/* A text that waits until its node can take it. */
typedef struct mesh_pending {
	struct mesh_pending *next;
	tulle_time until;
	size_t len;
	char text[];
} mesh_pending;

typedef struct mesh_link {
	struct mesh_node *node; /* NULL: its node is gone, what is left of it goes out */
	struct mesh_link *next, *prev;
	tulle_peer *peer;
	size_t bytes; /* of the whole allocation */
	tulle_node via;
	bool offerer, answered, offer_sent, linked_events;
	tulle_peer_named named;
	tulle_channel own, remote; /* ours and the one that the peer announced last */
	tulle_ready_node out, events;
	tulle_heap_node due;
	_Alignas(max_align_t) uint8_t block[];
} mesh_link;

typedef struct {
	tulle_signal_ws *ws; /* NULL: the stream is not connected yet */
	uint32_t stream;
	size_t ws_bytes, room; /* of the engine's block; what the host still takes */
	bool connect_asked, ended, end_sent;
	size_t granted; /* told to the host and not yet delivered */
	uint8_t *input; /* MESH_WS_INPUT_BYTES; what came and was not read yet */
	size_t input_len, input_at;
	tulle_signal_url url; /* its texts point into the node's address */
} mesh_ws;

typedef struct mesh_node {
	tulle_node id, via;
	mesh_node_state state;
	tulle_closed reason;
	uint8_t say;
	bool is_ws, incoming, finishing, paused, was_above, wants_room, said_linked, close_said;
	uint8_t address_len;
	char address[TULLE_ADDRESS_MAX + 1];
	uint32_t hash;
	struct mesh_node *next, *prev, *next_hash, *next_said;
	tulle_firewall firewall; /* for offers that come through this node */
	void *firewall_user, *user;
	tulle_ice_options ice;
	tulle_time deadline, opened;
	tulle_heap_node due;
	tulle_ready_node out, heard; /* of WebSockets */
	mesh_pending *pending_first, *pending_last;
	size_t pending_bytes;
	tulle_time budget_at;
	int64_t budget; /* bytes that may still be relayed for it */
	tulle_err error_code;
	char error_text[96];
	char *offer_data; /* JSON, of an attempt of ours */
	size_t offer_data_len;
	mesh_link *links[2];
	mesh_ws ws;
} mesh_node;

/* An offer that a firewall put off. */
typedef struct mesh_offer {
	struct mesh_offer *next;
	uint64_t id;
	tulle_node via;
	tulle_time since, until;
	bool say, tulle;
	bool held; /* judged and accepted: waits for the end of the node that has its address */
	size_t bytes;
	tulle_text from, offer_data, sdp; /* in texts */
	tulle_text candidates[MESH_OFFER_CANDIDATES];
	size_t candidate_count;
	char texts[];
} mesh_offer;

typedef struct mesh_listener {
	struct mesh_listener *next;
	tulle_node node;
	tulle_event_kind kind;
	tulle_listener fn;
	void *user;
	bool gone; /* taken off while listeners run */
} mesh_listener;

struct tulle {
	tulle_options options;
	tulle_mesh_env env;
	tulle_allocator allocator;
	size_t used, used_max; /* bytes from the allocator */
	tulle_time now;
	int64_t unix_s;
	tulle_ready_node ready; /* in the owner's list */
	tulle_certificate *certificate;
	tulle_pool *pool;
	tulle_peer_env peer_env;
	tulle_peer_assembly assembly;
	tulle_peer_servers *servers; /* of all links; NULL: none */
	size_t servers_bytes;
	uint32_t servers_seen, errors_seen;
	tulle_peer_hiding hiding;
	uint32_t name_serial;      /* of what the links ask the network for */
	tulle_ready peers;         /* links whose peers have something to do */
	tulle_ready out, events;   /* links with output, with events */
	tulle_ready ws_out, heard; /* WebSocket nodes likewise */
	tulle_heap link_heap, node_heap;
	mesh_node **slots, **hashes;
	size_t slot_count, hash_count;
	uint64_t serial;
	mesh_node *first, *last, *said_first, *said_last;
	size_t node_count, attempt_count;
	mesh_link *links;
	mesh_offer *offers;
	size_t offer_count;
	uint64_t offer_serial;
	mesh_listener *listeners;
	uint32_t stream_serial;
	tulle_in paths[16];
	size_t path_count;
	bool paths_known, woken, silenced, in_listener;
	mesh_node *dead; /* its CLOSE was said: freed at the next next_event */
	tulle_event event;
	uint64_t drops[TULLE_DROP_COUNT];
	uint8_t *scratch; /* an outgoing message with its envelope */
	size_t scratch_bytes;
	char *signal_text, *sdp_text, *offer_text; /* MESH_SIGNAL_BYTES_MAX each */
	char *decoded;                             /* the text of a message that is a string */
	char why[160];
	uint8_t plain[MESH_PLAIN_BYTES];
	tulle_peer_mux mux; /* of links */
	size_t link_count;
	void *mux_memory;
};

/* root.c */
tulle_err tulle_mesh_fail(tulle *t, tulle_err err, const char *why);
void *tulle_mesh_alloc(tulle *t, size_t bytes);
void tulle_mesh_free(tulle *t, void *p, size_t bytes);
void tulle_mesh_count(tulle *t, tulle_drop drop);
void tulle_mesh_mark(tulle *t);

/* log.c; detail and node may be NULL */
void tulle_mesh_log(const tulle *t, tulle_log_level level, const mesh_node *node, const char *what,
	const char *detail);

/* nodes.c */
mesh_node *tulle_mesh_node(const tulle *t, tulle_node id); /* NULL: gone, or the root */
mesh_node *tulle_mesh_find(const tulle *t, tulle_text address);
mesh_node *tulle_mesh_add_node(
	tulle *t, tulle_node via, tulle_text address, bool is_ws, bool incoming);
void tulle_mesh_say(tulle *t, mesh_node *node, uint8_t what);
void tulle_mesh_set_open(tulle *t, mesh_node *node);
void tulle_mesh_close_node(tulle *t, mesh_node *node, tulle_closed why);
void tulle_mesh_report(tulle *t, mesh_node *node, tulle_err code, const char *text);
void tulle_mesh_bury(tulle *t); /* frees the node whose CLOSE was said */
void tulle_mesh_free_node(tulle *t, mesh_node *node);
void tulle_mesh_set_due(tulle *t, mesh_node *node);

/* links.c: peers under nodes */
mesh_link *tulle_mesh_add_link(tulle *t, mesh_node *node, tulle_node via, bool offerer);
void tulle_mesh_drop_link(tulle *t, mesh_link *link); /* closes its peer; what is left goes out */
void tulle_mesh_free_link(tulle *t, mesh_link *link);
mesh_link *tulle_mesh_open_link(const mesh_node *node); /* the one that carries data; NULL: none */
const tulle_event *tulle_mesh_link_event(
	tulle *t, mesh_link *link); /* NULL: nothing for the user */
void tulle_mesh_sync(tulle *t);     /* who marked itself goes into both lists */
size_t tulle_mesh_buffered(const tulle *t, const mesh_node *node);
size_t tulle_mesh_send_max(const tulle *t, const mesh_node *node);
void tulle_mesh_watch_level(tulle *t, mesh_node *node);

/* websocket.c */
tulle_err tulle_mesh_open_ws(tulle *t, mesh_node *node);
bool tulle_mesh_poll_ws(tulle *t, mesh_node *node, uint8_t *scratch, size_t bytes, tulle_out *out);
void tulle_mesh_handle_stream(tulle *t, const tulle_in *in);
const tulle_event *tulle_mesh_ws_event(tulle *t, mesh_node *node);
void tulle_mesh_ws_timeout(tulle *t, mesh_node *node);
void tulle_mesh_free_ws(tulle *t, mesh_node *node);

/* signaling.c: offers, answers, candidates */
tulle_err tulle_mesh_send_offer(tulle *t, mesh_link *link);
void tulle_mesh_send_candidate(tulle *t, mesh_link *link, const tulle_candidate *candidate);
void tulle_mesh_handle_relayed(tulle *t, mesh_node *via, const tulle_signal_p *p);
mesh_node *tulle_mesh_take_offer(tulle *t, tulle_node via, tulle_text from, tulle_text sdp);

/* offers.c */
void tulle_mesh_put_off(tulle *t, mesh_node *via, tulle_text from,
	const tulle_signal_p_inner *inner, tulle_text sdp, bool held);
mesh_offer *tulle_mesh_find_offer(const tulle *t, tulle_node via, tulle_text from);
void tulle_mesh_keep_candidate(tulle *t, mesh_offer *offer, tulle_text candidate);
void tulle_mesh_expire_offers(tulle *t);
tulle_time tulle_mesh_next_offer(const tulle *t);
void tulle_mesh_take_held(tulle *t, const mesh_node *old); /* its address is free now */
void tulle_mesh_free_offers(tulle *t, tulle_node via);     /* TULLE_NO_NODE: all */
const tulle_event *tulle_mesh_offer_event(tulle *t);

/* relay.c: texts to nodes, now or when they can take them */
void tulle_mesh_send_later(tulle *t, mesh_node *node, tulle_text text);
void tulle_mesh_flush_pending(tulle *t, mesh_node *node);
void tulle_mesh_drop_pending(tulle *t, mesh_node *node);
void tulle_mesh_handle_relay(tulle *t, mesh_node *from, const tulle_signal_p *p);
tulle_err tulle_mesh_send_text(tulle *t, mesh_node *node, const char *text, size_t len);

/* messages.c: what a node said */
const tulle_event *tulle_mesh_take_text(tulle *t, mesh_node *from, tulle_text text);
const tulle_event *tulle_mesh_take_bytes(tulle *t, mesh_node *from, tulle_bytes data);
#endif
