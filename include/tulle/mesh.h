/* SPDX-License-Identifier: MIT */
/* <tulle/mesh.h>: P in C.
 * No call here does I/O, waits, or calls a listener; <tulle/host.h> drives a root with an operating
 * system, the last section without. A root belongs to one thread at a time and shares nothing.
 * Strings, options and data are copied before a call returns. */
#ifndef TULLE_MESH_H
#define TULLE_MESH_H
#include <tulle/io.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tulle tulle;  /* a root, P.create(): a pointer, for only the caller ends it */
typedef uint64_t tulle_node; /* a node: a number, never given twice; on one that is gone each call
				says TULLE_ERR_GONE */
#define TULLE_NO_NODE UINT64_C(0)
#define TULLE_ROOT UINT64_C(1)
#define TULLE_ANY_NODE UINT64_MAX /* tulle_on, tulle_off: every node, also those to come */
#define TULLE_ADDRESS_MAX 255     /* bytes of UTF-8, no NUL */

typedef enum { /* of one node, in this order: CONNECTION, OPEN, the middle ones, DISCONNECTION,
		  CLOSE, then silence */
	TULLE_EVENT_CONNECTION = 1, /* a node exists, not yet open, as in P; fires on TULLE_ROOT,
				       then on the node it came through */
	TULLE_EVENT_OPEN,     /* sends are accepted from here on; nothing is delivered before it */
	TULLE_EVENT_MESSAGE,  /* [0, value] */
	TULLE_EVENT_BYTES,    /* P's 'arraybuffer' */
	TULLE_EVENT_WRITABLE, /* buffered has fallen to low_water from above, or there is room again
				 after TULLE_WOULD_BLOCK */
	TULLE_EVENT_ERROR,    /* something failed and the node lives on */
	TULLE_EVENT_DISCONNECTION, /* mirror of CONNECTION */
	TULLE_EVENT_CLOSE, /* exactly once a node, local close included; in it tulle_user still
			      works, sends do not */
	TULLE_EVENT_OFFER, /* on TULLE_ROOT: a firewall said TULLE_LATER */
	TULLE_EVENT_WAKE,  /* on TULLE_ROOT: tulle_wake was called, once or more */
} tulle_event_kind;

typedef enum {
	TULLE_CLOSED_LOCAL = 1,
	TULLE_CLOSED_REMOTE,
	TULLE_CLOSED_NO_ANSWER /* in P a refusal is silence */,
	TULLE_CLOSED_NO_PATH /* ICE failed */,
	TULLE_CLOSED_UNTRUSTED /* fingerprint, TLS */,
	TULLE_CLOSED_PROTOCOL,
	TULLE_CLOSED_LOST /* consent, ping */,
	TULLE_CLOSED_GLARE,
	TULLE_CLOSED_LIMIT,
} tulle_closed;

typedef struct { /* what P's firewall(description, offerData) sees */
	uint64_t id;
	tulle_node via;
	tulle_text from;       /* from: the relay's word, no proof */
	tulle_text offer_data; /* JSON as written, "null" when absent */
	tulle_text sdp;
} tulle_offer;
typedef enum {
	TULLE_REFUSE = 0,
	TULLE_ACCEPT = 1,
	TULLE_LATER = 2
} tulle_verdict; /* LATER: tulle_accept or tulle_refuse within offer_timeout_ms */
typedef tulle_verdict (*tulle_firewall)(tulle *, const tulle_offer *,
	void *user); /* called where listeners are called; polled roots: from tulle_next_event */

typedef struct { /* valid until the listener returns, or the next tulle_next_event, tulle_step,
		    tulle_handle; commands leave it alone */
	tulle_event_kind kind;
	tulle_node node; /* on whom */
	union {
		struct {
			tulle_node peer;
			bool incoming;
		} connection; /* DISCONNECTION too */
		struct {
			tulle_text json, text;
			bool is_text;
		} message;         /* json: as written; text: decoded, when the value is a string */
		tulle_bytes bytes; /* ptr is never NULL */
		struct {
			tulle_err code;
			tulle_text text;
		} error;
		tulle_closed closed;
		tulle_offer offer;
	} u;
} tulle_event;
typedef void (*tulle_listener)(
	tulle *, const tulle_event *, void *user); /* every call is legal in it, tulle_destroy too,
						      but step and run: TULLE_ERR_STATE */

typedef struct { /* all zero is good; (defaults) */
	tulle_firewall firewall;
	void *firewall_user; /* (accept); inherited by every node below, incoming ones too */
	bool polled;         /* events wait for tulle_next_event; unread ones hold the network back.
				(listeners; unheard events are gone) */
	bool relay_off;      /* introduce nobody */
	tulle_ice_options ice;          /* P's rtcConfiguration, for incoming connections too */
	tulle_certificate *certificate; /* (made at the first offer; valid from a day before the
					   wall clock, or from 2000-01-01 without one) */
	uint32_t connect_timeout_ms, offer_timeout_ms;                /* (30000, 10000) */
	uint32_t nodes_max, attempts_max, relay_bytes_per_s_per_node; /* (256, 32, 65536) */
	size_t send_bytes_max, low_water, message_bytes_max,
		memory_bytes_max; /* (1 MiB, 256 KiB, 256 KiB; whole root: 64 MiB) */
	tulle_allocator allocator;
	tulle_log log; /* (malloc; silent). A root never touches stdout, stderr, signals or the
			  environment */
} tulle_options;

typedef struct {
	const char *offer_data; /* one JSON value (null) */
	tulle_firewall firewall;
	void *firewall_user;          /* for the nodes that come through this one (the parent's) */
	const tulle_ice_options *ice; /* (the root's); without servers: those of the root are all
					 nodes', for all have one port */
	uint32_t timeout_ms;
	void *user;
} tulle_connect_options;

/* -- P's verbs; options, out and fn may be NULL -- */
TULLE_API tulle_err tulle_connect(tulle *, tulle_node via, const char *address,
	const tulle_connect_options *, tulle_node *out);
/* via TULLE_ROOT: a ws:// or wss:// URL. Else an address that `via` knows; via may still be
 * connecting, the offer waits for it. To whom a node exists already: TULLE_ERR_STATE, *out is that
 * node. After a failure the same address is free again. */
TULLE_API tulle_err tulle_send_json(tulle *, tulle_node, const char *json,
	size_t len); /* one JSON value, sent as written; else TULLE_ERR_SYNTAX */
TULLE_API tulle_err tulle_send_text(tulle *, tulle_node, const char *utf8,
	size_t len); /* the same as send_json of the quoted string */
TULLE_API tulle_err tulle_send_bytes(
	tulle *, tulle_node, const void *data, size_t len); /* 0 bytes are a message */
/* Whole or not at all. Not open: TULLE_ERR_STATE, as P throws. Full: TULLE_WOULD_BLOCK. Above
 * tulle_send_max: TULLE_ERR_TOO_LARGE. */
TULLE_API tulle_err tulle_close(tulle *,
	tulle_node); /* at once, as P; what is not yet acknowledged may be lost. TULLE_ROOT: all */
TULLE_API tulle_err tulle_finish(
	tulle *, tulle_node); /* takes no more sends, closes when all is acknowledged */
TULLE_API bool tulle_is_open(const tulle *, tulle_node);
TULLE_API size_t tulle_peers(
	const tulle *, tulle_node *dst, size_t cap); /* how many there are; the first cap of them,
							oldest first; WebSockets too, as P */
TULLE_API tulle_node tulle_find(const tulle *, const char *address); /* P's getPeer */
TULLE_API tulle_text tulle_address(
	const tulle *, tulle_node); /* P's node.address; lives as an event does */
TULLE_API tulle_node tulle_via(const tulle *, tulle_node);
TULLE_API tulle_err tulle_on(tulle *, tulle_node, tulle_event_kind, tulle_listener fn, void *user);
TULLE_API void tulle_off(
	tulle *, tulle_node, tulle_event_kind, tulle_listener fn, void *user); /* fn NULL: all */
TULLE_API tulle_err tulle_accept(
	tulle *, uint64_t offer, const tulle_connect_options *, tulle_node *out);
TULLE_API tulle_err tulle_refuse(tulle *, uint64_t offer);

/* -- what C needs beside them -- */
TULLE_API const tulle_event *tulle_next_event(tulle *); /* polled roots; NULL: none */
TULLE_API void tulle_dispatch(
	tulle *); /* the others: calls listeners; tulle_step does it for you */
TULLE_API size_t tulle_buffered(
	const tulle *, tulle_node); /* bytes taken and not acknowledged (WebSocket: not taken by the
				       kernel); unlike W3C's bufferedAmount */
TULLE_API size_t tulle_send_max(
	const tulle *, tulle_node); /* largest message now, envelope counted: min(ours, the peer's
				       max-message-size) */
TULLE_API tulle_err tulle_pause(tulle *, tulle_node,
	bool); /* no MESSAGE, no BYTES; the receive window closes, nothing is lost */
TULLE_API tulle_err tulle_set_user(tulle *, tulle_node, void *);
TULLE_API void *tulle_user(const tulle *, tulle_node);
TULLE_API uint64_t tulle_drops(
	const tulle *, tulle_drop); /* how many packets or messages were dropped for this reason */
TULLE_API const char *tulle_closed_name(tulle_closed); /* "no_answer": stable, as tulle_err_name */
TULLE_API const char *tulle_why(const tulle *);        /* the last refused command, in a sentence */

/* -- without an operating system -- */
TULLE_API size_t tulle_memory_bytes(const tulle_options *); /* 0: options out of range */
/* all but OpenSSL's own memory comes from the block, options.allocator is not used; poll_timeout is
 * due now while events are unread; scratch: at least one MTU, with ice.servers or ice.tcp
   64 bytes more */
TULLE_API tulle *tulle_init(
	void *memory, size_t bytes, const tulle_options *, tulle_random, tulle_time now);
TULLE_API void tulle_wipe(tulle *);
TULLE_API void tulle_handle(tulle *, tulle_time now, const tulle_in *);
TULLE_API bool tulle_poll(tulle *, tulle_time now, uint8_t *scratch, size_t bytes, tulle_out *);
TULLE_API tulle_time tulle_poll_timeout(const tulle *);
#ifdef __cplusplus
}
#endif
#endif
