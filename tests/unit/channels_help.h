/* SPDX-License-Identifier: MIT */
/* Tests: a couple with one channel, and a look at what a peer has queued in SCTP. */
#ifndef TULLE_TEST_CHANNELS_HELP_H
#define TULLE_TEST_CHANNELS_HELP_H
#include "peer/state.h"
#include "sctp/association.h"
#include "tests/support/couple.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((tulle_time)1000000)

static couple c;
static tulle_channel chat, theirs;

static inline tulle_peer *a(void)
{
	return c.end[0].peer;
}

static inline tulle_peer *b(void)
{
	return c.end[1].peer;
}

static inline void settle(void)
{
	couple_run(&c, NULL, SECOND);
}

static inline bool both_open(const couple *k)
{
	return k->end[0].events[TULLE_PEER_OPEN] != 0 && k->end[1].events[TULLE_PEER_OPEN] != 0;
}

static inline void open_pair(const tulle_channel_init *init, const tulle_peer_config *configs[2])
{
	tulle_peer_config with[2] = {{0}, {0}};
	c = (couple){.seed = 11};
	for (int i = 0; i < 2; i++) {
		if (configs != NULL && configs[i] != NULL)
			with[i] = *configs[i];
		with[i].no_sped = true; /* so that the answerer is the client: our ids are odd */
	}
	couple_open(&c, &with[0], &with[1]);
	ck_assert_int_eq(tulle_channel_create(a(), "chat", init, &chat), TULLE_OK);
	ck_assert(couple_run(&c, both_open, 10 * SECOND));
	theirs = c.end[1].channel;
	settle();
}

static inline tulle_channel_init describe(tulle_peer *p, tulle_channel channel)
{
	tulle_channel_init init;
	tulle_text label;
	ck_assert_int_eq(tulle_channel_describe(p, channel, &label, &init), TULLE_OK);
	return init;
}

/* What SCTP is to send next on a stream; NULL: nothing. */
static inline const sctp_out_piece *queued(const tulle_peer *p, uint16_t stream)
{
	const sctp_stream *s = tulle_sctp_find_stream(p->sctp, stream);
	return s != NULL ? s->out_head : NULL;
}

static inline tulle_sctp_stats stats_of(const tulle_peer *p)
{
	tulle_sctp_stats s;
	tulle_peer_read_stats(p, &s);
	return s;
}

/* As a peer that keeps no rule: straight into SCTP. */
static inline void say_part(
	uint16_t stream, uint32_t ppid, const void *data, size_t len, bool first, bool last)
{
	tulle_sctp_send_options o = {.first = first, .last = last};
	ck_assert_int_eq(tulle_sctp_send(a()->sctp, c.now, stream, ppid, data, len, &o), TULLE_OK);
	couple_run(&c, NULL, SECOND / 10);
}

static inline void say_raw(uint16_t stream, uint32_t ppid, const void *data, size_t len)
{
	say_part(stream, ppid, data, len, true, true);
}
#endif
