/* SPDX-License-Identifier: MIT */
/* mdns: the names of others. A name is asked for at once and again after 1, 2 and 4 seconds; a
 * link's questions that are due go in one message. Invariant: an ASKING question is due at some
 * time; nothing of it is left to send once it is TOLD. */
#include "mdns/engine.h"

#define QUESTION_BYTES (2 * (MDNS_NAME_BYTES + 4)) /* A and AAAA */

tulle_err tulle_mdns_resolve(tulle_mdns *mdns, tulle_time now, tulle_text name, uint32_t *id)
{
	uint8_t wire[MDNS_NAME_BYTES];
	mdns->now = tulle_time_max(mdns->now, now);
	if (!tulle_mdns_read_text(name, wire)) /* draft 3.2.2: nothing else is asked for */
		return TULLE_ERR_ARGUMENT;
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		mdns_question *q = &mdns->questions[i];
		if (q->state != MDNS_UNUSED)
			continue;
		mdns->next_id = mdns->next_id == UINT32_MAX ? 1 : mdns->next_id + 1;
		*q = (mdns_question){
			.state = MDNS_ASKING, .id = mdns->next_id, .due_at = mdns->now};
		memcpy(q->name, wire, sizeof wire);
		*id = q->id;
		return TULLE_OK;
	}
	return TULLE_ERR_LIMIT;
}

void tulle_mdns_cancel(tulle_mdns *mdns, uint32_t id)
{
	for (size_t i = 0; i < mdns->config.questions_max; i++)
		if (mdns->questions[i].state != MDNS_UNUSED && mdns->questions[i].id == id)
			mdns->questions[i] = (mdns_question){0};
}

static void tell(mdns_question *q, tulle_mdns_result result)
{
	q->state = MDNS_TOLD;
	q->result = result;
	q->to = 0;
	q->due_at = TULLE_TIME_NEVER;
}

/* RFC6762:5.2: the waits double. We are asked to wait by chance before the first query when many
 * may have the same cause to ask; a candidate of one peer is none. */
static void question_due(tulle_mdns *mdns, mdns_question *q)
{
	if (q->queries == MDNS_QUERIES) {
		tell(q, TULLE_MDNS_FAILED);
		return;
	}
	if (!tulle_mdns_take_turn(
		    &mdns->questions_at, mdns->now, MDNS_QUESTION_US, MDNS_QUESTION_BURST)) {
		q->due_at = tulle_mdns_next_turn(
			mdns->questions_at, MDNS_QUESTION_US, MDNS_QUESTION_BURST);
		return;
	}
	q->to = tulle_mdns_channels(mdns);
	tulle_time wait = (tulle_time)MDNS_QUERY_US << q->queries++;
	q->due_at = tulle_time_add(mdns->now, q->queries == MDNS_QUERIES ? MDNS_LAST_US : wait);
}

void tulle_mdns_questions_tick(tulle_mdns *mdns)
{
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		mdns_question *q = &mdns->questions[i];
		if (q->state == MDNS_ASKING && tulle_time_due(q->due_at, mdns->now))
			question_due(mdns, q);
	}
}

tulle_time tulle_mdns_questions_timeout(const tulle_mdns *mdns)
{
	tulle_time due = TULLE_TIME_NEVER;
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		const mdns_question *q = &mdns->questions[i];
		if (q->state == MDNS_ASKING)
			due = tulle_time_min(due, q->to != 0 ? mdns->now : q->due_at);
	}
	return due;
}

static bool is_written(const tulle_mdns *mdns, uint32_t written, const mdns_question *q)
{
	for (size_t i = 0; i < mdns->config.questions_max; i++)
		if ((written >> i & 1) != 0 &&
			memcmp(mdns->questions[i].name, q->name, sizeof q->name) == 0)
			return true;
	return false;
}

/* All that this channel has still to be asked, as far as one message holds it. The first query of a
 * name wants a unicast answer (draft 3.2.1); the later ones do not: other programs of this machine
 * may sit on the port too, and get it instead of us (RFC6762:15.1). */
static size_t write_query(tulle_mdns *mdns, uint32_t channel, uint8_t *dst)
{
	uint32_t written = 0;
	mdns_writer m = tulle_mdns_write_begin(dst, TULLE_MDNS_DATAGRAM_BYTES, 0, false);
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		mdns_question *q = &mdns->questions[i];
		if ((q->to & channel) == 0)
			continue;
		if (!is_written(mdns, written, q)) {
			if (m.w.cap - m.w.len < QUESTION_BYTES)
				break;
			(void)tulle_mdns_write_question(&m, q->name, MDNS_A, q->queries == 1);
			(void)tulle_mdns_write_question(&m, q->name, MDNS_AAAA, q->queries == 1);
			written |= UINT32_C(1) << i;
		}
		q->to &= ~channel;
	}
	return written != 0 ? tulle_mdns_write_finish(&m) : 0;
}

bool tulle_mdns_poll_query(tulle_mdns *mdns, uint8_t *dst, tulle_datagram *out)
{
	for (size_t i = 0; i < MDNS_CHANNELS; i++) {
		size_t n = write_query(mdns, UINT32_C(1) << i, dst);
		if (n == 0)
			continue;
		*out = (tulle_datagram){.len = n,
			.path = tulle_mdns_group_path(&mdns->links[i / 2], i % 2 == 0 ? 4 : 6)};
		return true;
	}
	return false;
}

/* False: not an address of this type that a candidate may have. */
TULLE_UNTRUSTED(anyone, "16 bytes", mdns)
static bool read_address(
	const tulle_mdns *mdns, const mdns_link *link, const mdns_item *item, tulle_addr *out)
{
	*out = (tulle_addr){.family = item->type == MDNS_A ? 4 : 6};
	if (item->data.len != tulle_addr_ip_bytes(out))
		return false;
	memcpy(out->ip, item->data.ptr, item->data.len);
	if (out->family == 6 && tulle_addr_classify(out) == TULLE_ADDR_LINK_LOCAL)
		out->scope = link->id;
	return tulle_mdns_is_usable(mdns, out);
}

/* *touched: the questions that this message answers. */
static tulle_drop take_record(
	tulle_mdns *mdns, const mdns_link *link, const mdns_item *item, uint32_t *touched)
{
	tulle_addr addr;
	tulle_drop drop = TULLE_DROP_MDNS_NAME;
	if (item->kind != MDNS_ITEM_RECORD || !item->is_name || item->class != MDNS_IN ||
		item->ttl == 0 || (item->type != MDNS_A && item->type != MDNS_AAAA))
		return drop;
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		mdns_question *q = &mdns->questions[i];
		if (q->state != MDNS_ASKING || memcmp(q->name, item->name, sizeof q->name) != 0)
			continue;
		if (!read_address(mdns, link, item, &addr))
			return TULLE_DROP_MDNS_ADDRESS;
		if ((*touched >> i & 1) == 0) {
			q->addr = addr;
			q->result = TULLE_MDNS_RESOLVED;
		} else if (!tulle_addr_is_ip(&q->addr, &addr)) {
			q->result = TULLE_MDNS_SEVERAL;
		}
		*touched |= UINT32_C(1) << i;
		drop = TULLE_TAKEN;
	}
	return drop;
}

TULLE_UNTRUSTED(anyone, "128 records, each against 16 questions", mdns)
tulle_drop tulle_mdns_take_response(tulle_mdns *mdns, const mdns_link *link, mdns_reader r)
{
	mdns_item item;
	uint32_t touched = 0;
	tulle_drop drop = TULLE_DROP_MDNS_NAME;
	while (tulle_mdns_read_next(&r, &item)) {
		tulle_drop one = take_record(mdns, link, &item, &touched);
		drop = one != TULLE_DROP_MDNS_NAME && drop != TULLE_TAKEN ? one : drop;
	}
	for (size_t i = 0; i < mdns->config.questions_max; i++)
		if ((touched >> i & 1) != 0)
			tell(&mdns->questions[i], mdns->questions[i].result);
	return drop;
}

bool tulle_mdns_poll_event(tulle_mdns *mdns, tulle_mdns_event *event)
{
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		mdns_question *q = &mdns->questions[i];
		if (q->state != MDNS_TOLD)
			continue;
		*event = (tulle_mdns_event){.id = q->id, .result = q->result};
		if (q->result == TULLE_MDNS_RESOLVED)
			event->addr = q->addr;
		*q = (mdns_question){0};
		return true;
	}
	return false;
}

void tulle_mdns_check_questions(const tulle_mdns *mdns)
{
	uint32_t channels = tulle_mdns_channels(mdns);
	for (size_t i = 0; i < mdns->config.questions_max; i++) {
		const mdns_question *q = &mdns->questions[i];
		TULLE_CHECK((q->state == MDNS_UNUSED) == (q->id == 0));
		TULLE_CHECK((q->to & ~channels) == 0);
		TULLE_CHECK(q->state == MDNS_ASKING || q->to == 0);
		TULLE_CHECK(q->state != MDNS_ASKING || q->due_at != TULLE_TIME_NEVER);
		TULLE_CHECK(q->queries <= MDNS_QUERIES);
	}
}
