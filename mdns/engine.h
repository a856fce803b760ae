/* SPDX-License-Identifier: MIT */
/* mdns: what the files of the room share. */
#ifndef TULLE_MDNS_ENGINE_H
#define TULLE_MDNS_ENGINE_H
#include <tulle/mdns.h>

#include "base/addr.h"
#include "base/panic.h"
#include "base/serial.h"
#include "base/text.h"
#include "mdns/limits.h"

/* A name of ours as the wire has it: 36 UUID, 5 local, 0; in lower case. */
#define MDNS_NAME_BYTES 44

enum { MDNS_A = 1, MDNS_AAAA = 28, MDNS_NSEC = 47, MDNS_ANY = 255 };
enum { MDNS_IN = 1, MDNS_TOP_BIT = 0x8000 /* of a class: QU, or cache-flush */ };

/* message.c */
typedef enum { MDNS_ITEM_QUESTION, MDNS_ITEM_RECORD } mdns_item_kind;

typedef struct {
	mdns_item_kind kind;
	bool is_name; /* of our kind: name holds it */
	uint8_t name[MDNS_NAME_BYTES];
	uint16_t type, class; /* class: without the top bit */
	bool top;
	uint32_t ttl;
	tulle_bytes data;
} mdns_item;

typedef struct {
	tulle_bytes message;
	size_t at;
	uint16_t id, flags, questions, records, answers /* the first of records */;
	uint32_t done;
	bool bad;
} mdns_reader;

tulle_drop tulle_mdns_read_begin(mdns_reader *r, const uint8_t *data, size_t len);
bool tulle_mdns_read_next(mdns_reader *r, mdns_item *item);
tulle_drop tulle_mdns_read_all(mdns_reader r);
bool tulle_mdns_read_text(tulle_text text, uint8_t name[MDNS_NAME_BYTES]);

typedef struct {
	tulle_wr w;
	uint16_t counts[4];
} mdns_writer;

mdns_writer tulle_mdns_write_begin(uint8_t *dst, size_t cap, uint16_t id, bool response);
bool tulle_mdns_write_question(mdns_writer *m, const uint8_t *name, uint16_t type, bool top);
bool tulle_mdns_write_address(
	mdns_writer *m, const uint8_t *name, const tulle_addr *addr, uint32_t ttl, bool flush);
bool tulle_mdns_write_absence(mdns_writer *m, const uint8_t *name, uint8_t family, bool additional);
size_t tulle_mdns_write_finish(mdns_writer *m);

typedef struct {
	uint32_t id; /* 0: free */
	uint8_t count;
	struct {
		tulle_addr addr;
		uint8_t prefix;
	} addresses[MDNS_LINK_ADDRESSES_MAX];
} mdns_link;

typedef enum { MDNS_UNUSED, MDNS_ASKING, MDNS_TOLD } mdns_question_state;

typedef struct {
	mdns_question_state state;
	uint8_t queries; /* begun */
	uint8_t name[MDNS_NAME_BYTES];
	uint32_t id, to; /* to: the channels that this query has still to go to */
	tulle_time due_at;
	tulle_mdns_result result;
	tulle_addr addr;
} mdns_question;

enum { MDNS_WANT_ADDRESS = 1, MDNS_WANT_ABSENCE = 2 }; /* of the other family's record */

/* A record of ours towards one group. */
typedef struct {
	uint8_t want;
	tulle_time at;           /* when the answer goes, NEVER: want is 0 */
	tulle_time free_at;      /* RFC6762:6: not before */
	tulle_time recent_until; /* its multicast is younger than a quarter of its TTL */
} mdns_outlet;

typedef enum { MDNS_NONE, MDNS_LIVE, MDNS_LEAVING } mdns_name_state;

typedef struct {
	mdns_name_state state;
	uint8_t announcements; /* still to be made */
	uint8_t name[MDNS_NAME_BYTES];
	char text[TULLE_MDNS_TEXT_BYTES];
	tulle_addr addr;
	tulle_time announce_at;
	mdns_outlet outlets[2]; /* IPv4, IPv6 */
} mdns_name;

typedef struct {
	bool used, legacy;
	uint8_t want, name; /* name: its place */
	uint16_t query_id, type;
	tulle_path path;
} mdns_reply;

struct tulle_mdns {
	tulle_mdns_config config;
	tulle_time now, questions_at, replies_at; /* what is spent, as times: see take_turn */
	uint32_t next_id;
	mdns_reply replies[MDNS_REPLIES_MAX];
	mdns_link *links; /* MDNS_LINKS_MAX */
	mdns_question *questions;
	mdns_name *names;
	uint32_t drops[TULLE_DROP_COUNT];
};

/* link.c. A channel is a link's group of one family: bit 2 * place, + 1 for IPv6. */
#define MDNS_CHANNELS (2 * MDNS_LINKS_MAX)
mdns_link *tulle_mdns_find_link(const tulle_mdns *mdns, uint32_t id);
bool tulle_mdns_has_family(const mdns_link *link, uint8_t family);
bool tulle_mdns_is_on_link(const mdns_link *link, const tulle_addr *from);
bool tulle_mdns_is_ours(const mdns_link *link, const tulle_addr *addr);
uint32_t tulle_mdns_channels(const tulle_mdns *mdns);
tulle_path tulle_mdns_group_path(const mdns_link *link, uint8_t family);
bool tulle_mdns_is_usable(const tulle_mdns *mdns, const tulle_addr *addr);
/* One more in so many microseconds, after a burst; false: not now. */
bool tulle_mdns_take_turn(tulle_time *spent, tulle_time now, tulle_time each, uint32_t burst);
tulle_time tulle_mdns_next_turn(tulle_time spent, tulle_time each, uint32_t burst);

/* question.c */
tulle_drop tulle_mdns_take_response(tulle_mdns *mdns, const mdns_link *link, mdns_reader r);
void tulle_mdns_questions_tick(tulle_mdns *mdns);
tulle_time tulle_mdns_questions_timeout(const tulle_mdns *mdns);
bool tulle_mdns_poll_query(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out);
void tulle_mdns_check_questions(const tulle_mdns *mdns);

/* name.c */
const mdns_link *tulle_mdns_link_of(const tulle_mdns *mdns, const mdns_name *n);
void tulle_mdns_announce(mdns_name *n, tulle_time now);
void tulle_mdns_names_tick(tulle_mdns *mdns);
tulle_time tulle_mdns_names_timeout(const tulle_mdns *mdns);
bool tulle_mdns_poll_response(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out);
void tulle_mdns_check_names(const tulle_mdns *mdns);

/* answer.c */
tulle_drop tulle_mdns_take_query(
	tulle_mdns *mdns, const mdns_link *link, const tulle_path *path, mdns_reader r);
bool tulle_mdns_poll_reply(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out);
#endif
