/* SPDX-License-Identifier: MIT */
/* sctp: a packet comes in: whose it is, which chunk may come when: RFC9260:8.4, 8.5, 3.2, 6.10.
 * Invariant: a packet with a wrong tag or checksum, or broken framing, changes nothing but a count.
 */
#include "sctp/association.h"

#define IN(state) (1u << TULLE_SCTP_STATE_##state)
#define OPEN                                                                                       \
	(IN(ESTABLISHED) | IN(SHUTDOWN_PENDING) | IN(SHUTDOWN_SENT) | IN(SHUTDOWN_RECEIVED) |      \
		IN(SHUTDOWN_ACK_SENT))
#define ANY (OPEN | IN(COOKIE_WAIT) | IN(COOKIE_ECHOED))

/* Which chunk is taken in which state; alone: never with others (RFC9260:6.10). */
static const struct {
	uint8_t type;
	bool alone;
	uint16_t states;
} table[] = {
	{SCTP_DATA, false, IN(ESTABLISHED) | IN(SHUTDOWN_PENDING) | IN(SHUTDOWN_SENT)}, /* 6, 9.2 */
	{SCTP_I_DATA, false,
		IN(ESTABLISHED) | IN(SHUTDOWN_PENDING) | IN(SHUTDOWN_SENT)}, /* RFC8260:2.1 */
	{SCTP_I_FORWARD_TSN, false,
		IN(ESTABLISHED) | IN(SHUTDOWN_PENDING) | IN(SHUTDOWN_SENT)}, /* RFC8260:2.3.1 */
	{SCTP_INIT, true, ANY | IN(CLOSED)},                                 /* 5.1, 5.2.1, 5.2.2 */
	{SCTP_INIT_ACK, true, IN(COOKIE_WAIT)},                              /* 5.2.3 */
	{SCTP_SACK, false, OPEN},                                            /* 6.2.1 */
	{SCTP_HEARTBEAT, false, OPEN | IN(COOKIE_ECHOED)},                   /* 8.3 */
	{SCTP_HEARTBEAT_ACK, false, OPEN},                                   /* 8.3 */
	{SCTP_ABORT, false, ANY},                                            /* 9.1 */
	{SCTP_SHUTDOWN, false, OPEN},                                        /* 9.2 */
	{SCTP_SHUTDOWN_ACK, false, IN(SHUTDOWN_SENT) | IN(SHUTDOWN_ACK_SENT)}, /* 9.2 */
	{SCTP_ERROR, false, ANY},                                              /* 3.3.10 */
	{SCTP_COOKIE_ECHO, false, ANY | IN(CLOSED)},                           /* 5.2.4 */
	{SCTP_COOKIE_ACK, false, IN(COOKIE_ECHOED)},                           /* 5.2.5 */
	{SCTP_SHUTDOWN_COMPLETE, true, IN(SHUTDOWN_ACK_SENT)},                 /* 9.2 */
	{SCTP_RE_CONFIG, false, OPEN},                                         /* RFC6525:5 */
	{SCTP_FORWARD_TSN, false,
		IN(ESTABLISHED) | IN(SHUTDOWN_PENDING) | IN(SHUTDOWN_SENT)}, /* RFC3758:3.6 */
	{SCTP_PAD, false, ANY},                                              /* RFC4820:3 */
};

typedef struct {
	tulle_sctp_header header;
	tulle_sctp_chunk first;
	bool alone;
} packet_in;

static tulle_drop drop_it(tulle_sctp *sctp, tulle_drop drop)
{
	if (drop != TULLE_TAKEN)
		sctp->stats.drops[drop]++;
	return drop;
}

typedef struct {
	uint16_t first;     /* 0: none */
	bool stale;         /* one of them says so */
	tulle_bytes reason; /* of the peer's user: RFC9260:3.3.10.12 */
} causes_in;

/* False: their framing is broken. */
static bool read_causes(const tulle_sctp_chunk *chunk, causes_in *in)
{
	tulle_rd r = tulle_rd_make(chunk->value.ptr, chunk->value.len);
	tulle_sctp_parameter cause;
	*in = (causes_in){0};
	while (tulle_sctp_read_parameter(&r, &cause)) {
		in->first = in->first == 0 ? cause.type : in->first;
		in->stale = in->stale || cause.type == SCTP_C_STALE_COOKIE;
		if (cause.type == SCTP_C_USER)
			in->reason = cause.value;
	}
	return tulle_rd_finish(&r);
}

/* It comes with CLOSED: RFC9260:9.1. Nothing of ours is reported any more, so there is room. */
static void keep_reason(tulle_sctp *sctp, tulle_bytes reason)
{
	size_t n = tulle_min(reason.len, TULLE_SCTP_ERROR_BYTES_MAX);
	if (n != 0)
		memcpy(sctp->causes.bytes, reason.ptr, n);
	sctp->causes.len = (uint16_t)n;
}

static tulle_drop take_abort(
	tulle_sctp *sctp, const tulle_sctp_header *header, const tulle_sctp_chunk *chunk)
{
	causes_in causes;
	bool reflected = (chunk->flags & SCTP_FLAG_T) != 0;
	/* RFC9260:8.5.1 B; judge_tag has looked at the first chunk only */
	if (header->tag != (reflected ? sctp->identity.remote_tag : sctp->identity.local_tag))
		return TULLE_DROP_SCTP_TAG;
	if (!read_causes(chunk, &causes)) /* RFC9260:3.3.7 */
		return TULLE_DROP_MALFORMED;
	tulle_sctp_end(sctp, TULLE_SCTP_ABORT_REMOTE, causes.first);
	keep_reason(sctp, causes.reason);
	return TULLE_TAKEN;
}

static tulle_drop take_error(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	causes_in causes;
	if (!read_causes(chunk, &causes))
		return TULLE_DROP_MALFORMED;
	if (causes.stale && sctp->state == TULLE_SCTP_STATE_COOKIE_ECHOED)
		tulle_sctp_cookie_is_stale(sctp);
	return TULLE_TAKEN;
}

static tulle_drop dispatch(
	tulle_sctp *sctp, const tulle_sctp_header *header, const tulle_sctp_chunk *chunk)
{
	switch (chunk->type) {
	case SCTP_DATA:
	case SCTP_I_DATA:
		return tulle_sctp_take_data(sctp, chunk);
	case SCTP_SACK:
		return tulle_sctp_take_sack(sctp, chunk);
	case SCTP_INIT:
		return tulle_sctp_take_init(sctp, chunk);
	case SCTP_INIT_ACK:
		return tulle_sctp_take_init_ack(sctp, chunk);
	case SCTP_COOKIE_ECHO:
		return tulle_sctp_take_cookie_echo(sctp, header, chunk);
	case SCTP_COOKIE_ACK:
		return tulle_sctp_take_cookie_ack(sctp);
	case SCTP_HEARTBEAT:
		return tulle_sctp_take_heartbeat(sctp, chunk);
	case SCTP_HEARTBEAT_ACK:
		return tulle_sctp_take_heartbeat_ack(sctp, chunk);
	case SCTP_ABORT:
		return take_abort(sctp, header, chunk);
	case SCTP_ERROR:
		return take_error(sctp, chunk);
	case SCTP_SHUTDOWN:
		return tulle_sctp_take_shutdown(sctp, chunk);
	case SCTP_SHUTDOWN_ACK:
		return tulle_sctp_take_shutdown_ack(sctp);
	case SCTP_SHUTDOWN_COMPLETE:
		return tulle_sctp_take_shutdown_complete(sctp);
	case SCTP_RE_CONFIG:
		return tulle_sctp_take_re_config(sctp, chunk);
	case SCTP_FORWARD_TSN:
	case SCTP_I_FORWARD_TSN:
		return tulle_sctp_take_forward(sctp, chunk);
	default:
		return TULLE_TAKEN;
	}
}

/* RFC9260:3.2: the two high bits of an unknown type say whether to go on and whether to report. */
static tulle_drop take_unknown(tulle_sctp *sctp, const tulle_sctp_chunk *chunk, bool *stop)
{
	*stop = (chunk->type & 0x80) == 0;
	if ((chunk->type & 0x40) != 0 && tulle_sctp_is_open(sctp))
		tulle_sctp_add_error(sctp, SCTP_C_UNKNOWN_CHUNK, chunk->whole.ptr,
			tulle_min(chunk->whole.len, TULLE_SCTP_ERROR_BYTES_MAX));
	return TULLE_DROP_SCTP_UNKNOWN_CHUNK;
}

/* RFC3758:3.3.2: where it was not agreed on it is a chunk that we do not know. */
static bool is_agreed(const tulle_sctp *sctp, uint8_t type)
{
	return sctp->partial || (type != SCTP_FORWARD_TSN && type != SCTP_I_FORWARD_TSN);
}

static tulle_drop take_chunk(
	tulle_sctp *sctp, const packet_in *in, const tulle_sctp_chunk *chunk, bool *stop)
{
	bool agreed = is_agreed(sctp, chunk->type);
	for (size_t i = 0; agreed && i < sizeof table / sizeof *table; i++) {
		if (table[i].type != chunk->type)
			continue;
		bool first = chunk->whole.ptr == in->first.whole.ptr;
		if ((table[i].alone && !in->alone) || (chunk->type == SCTP_COOKIE_ECHO && !first)) {
			*stop = true;
			return TULLE_DROP_SCTP_BUNDLE;
		}
		if (chunk->type == SCTP_ABORT) /* RFC9260:3.3.7: what stands behind it is ignored */
			*stop = true;
		if ((table[i].states >> sctp->state & 1) == 0)
			return TULLE_DROP_STATE;
		return dispatch(sctp, &in->header, chunk);
	}
	return take_unknown(sctp, chunk, stop);
}

static bool holds(tulle_rd chunks, uint8_t type)
{
	tulle_sctp_chunk chunk;
	while (tulle_sctp_read_chunk(&chunks, &chunk))
		if (chunk.type == type)
			return true;
	return false;
}

static bool holds_stale_cookie(tulle_rd chunks)
{
	tulle_sctp_chunk chunk;
	causes_in causes;
	while (tulle_sctp_read_chunk(&chunks, &chunk)) {
		(void)read_causes(&chunk, &causes);
		if (chunk.type == SCTP_ERROR && causes.stale)
			return true;
	}
	return false;
}

/* A packet of the association that ended in order, which its end overtook. The peer may not have
 * heard of that yet: an ABORT would undo the order, and its SHUTDOWN ACK comes again (9.2). */
static bool is_overtaken(const tulle_sctp *sctp, const packet_in *in)
{
	return sctp->ended && sctp->why == TULLE_SCTP_SHUTDOWN && sctp->cause == 0 &&
	       in->header.tag == sctp->identity.local_tag;
}

/* RFC9260:8.4, in the order of its rules */
static tulle_drop take_out_of_blue(tulle_sctp *sctp, const packet_in *in, tulle_rd chunks)
{
	if (holds(chunks, SCTP_ABORT)) /* 2 */
		return TULLE_DROP_SCTP_OUT_OF_BLUE;
	if (holds(chunks, SCTP_SHUTDOWN_ACK)) { /* 5 */
		(void)tulle_sctp_answer(sctp, SCTP_SHUTDOWN_COMPLETE, in->header.tag, true, 0);
		return TULLE_DROP_SCTP_OUT_OF_BLUE;
	}
	if (holds(chunks, SCTP_SHUTDOWN_COMPLETE) || holds(chunks, SCTP_COOKIE_ACK) ||
		holds_stale_cookie(chunks)) /* 6, 7 */
		return TULLE_DROP_SCTP_OUT_OF_BLUE;
	if (!is_overtaken(sctp, in))
		(void)tulle_sctp_answer(sctp, SCTP_ABORT, in->header.tag, true, 0); /* 8 */
	return TULLE_DROP_SCTP_OUT_OF_BLUE;
}

/* RFC9260:8.5.1 B, C: with the T bit the tag is the one we send with */
static bool is_reflected(const tulle_sctp *sctp, const packet_in *in)
{
	uint8_t type = in->first.type;
	return (type == SCTP_ABORT || type == SCTP_SHUTDOWN_COMPLETE) &&
	       (in->first.flags & SCTP_FLAG_T) != 0 && sctp->identity.remote_tag != 0 &&
	       in->header.tag == sctp->identity.remote_tag;
}

static tulle_drop judge_tag(tulle_sctp *sctp, const packet_in *in, tulle_rd chunks)
{
	uint8_t type = in->first.type;
	if (type == SCTP_INIT) {
		if (!in->alone)
			return TULLE_DROP_SCTP_BUNDLE;                          /* RFC9260:6.10 */
		return in->header.tag == 0 ? TULLE_TAKEN : TULLE_DROP_SCTP_TAG; /* 8.5.1 A */
	}
	if (in->header.tag == 0)
		return TULLE_DROP_SCTP_TAG;
	if (type == SCTP_COOKIE_ECHO && !sctp->ended) /* its own tag decides: 8.5.1 D */
		return TULLE_TAKEN;
	if (sctp->state == TULLE_SCTP_STATE_CLOSED)
		return take_out_of_blue(sctp, in, chunks);
	if (type == SCTP_SHUTDOWN_ACK && !tulle_sctp_is_open(sctp)) /* 8.5.1 E */
		return take_out_of_blue(sctp, in, chunks);
	bool reflects = (type == SCTP_ABORT || type == SCTP_SHUTDOWN_COMPLETE) &&
			(in->first.flags & SCTP_FLAG_T) != 0;
	if (reflects ? is_reflected(sctp, in) : in->header.tag == sctp->identity.local_tag)
		return TULLE_TAKEN;
	return TULLE_DROP_SCTP_TAG; /* 8.5 */
}

static void end_of_packet(tulle_sctp *sctp)
{
	bool had_data = sctp->in.packet_has_data;
	tulle_sctp_end_of_packet(sctp);
	if (had_data && sctp->in.packets == 1) /* RFC9260:5.1: the first one of all */
		sctp->due |= SCTP_DUE_SACK;
	if (sctp->state == TULLE_SCTP_STATE_SHUTDOWN_SENT)
		tulle_sctp_shutdown_heard(sctp, had_data);
}

static tulle_drop take_chunks(tulle_sctp *sctp, const packet_in *in, tulle_rd chunks)
{
	tulle_drop first = TULLE_TAKEN;
	tulle_sctp_chunk chunk;
	tulle_rd whole = chunks;
	bool stop = false, was_ended = sctp->ended;
	while (!stop && sctp->ended == was_ended && tulle_sctp_read_chunk(&chunks, &chunk)) {
		tulle_drop drop = drop_it(sctp, take_chunk(sctp, in, &chunk, &stop));
		tulle_sctp_reset_deferred(sctp);
		if (first == TULLE_TAKEN)
			first = drop;
		/* a cookie that was refused opens nothing to what follows it: RFC9260:5.1.5 */
		if (chunk.type == SCTP_COOKIE_ECHO && drop != TULLE_TAKEN)
			break;
	}
	if (!sctp->ended)
		end_of_packet(sctp);
	else if (holds(whole, SCTP_ABORT)) /* RFC9260:9.1: no answer to a packet that has one */
		sctp->due &= ~(uint32_t)SCTP_DUE_ABORT;
	return first;
}

TULLE_UNTRUSTED(dtls, "chunks of one packet", sctp_state)
tulle_drop tulle_sctp_handle_datagram(
	tulle_sctp *sctp, tulle_time now, const uint8_t *data, size_t len)
{
	packet_in in;
	tulle_rd chunks;
	tulle_sctp_clock(sctp, now);
	tulle_sctp_date(&sctp->out, 0);
	tulle_sctp_free_given(sctp);
	tulle_drop drop = tulle_sctp_read_packet((tulle_cpu)sctp->config.cpu, data, len,
		sctp->config.zero_checksum, &in.header, &chunks);
	if (drop != TULLE_TAKEN)
		return drop_it(sctp, drop);
	if (in.header.source_port != sctp->config.remote_port ||
		in.header.destination_port != sctp->config.local_port)
		return drop_it(sctp, TULLE_DROP_SCTP_PORT);
	tulle_rd rest = chunks;
	TULLE_CHECK(tulle_sctp_read_chunk(&rest, &in.first)); /* read_packet saw one at least */
	in.alone = tulle_rd_left(&rest) == 0;
	drop = judge_tag(sctp, &in, chunks);
	if (drop != TULLE_TAKEN)
		return drop_it(sctp, drop);
	sctp->stats.packets_in++;
	sctp->stats.bytes_in += len;
	return take_chunks(sctp, &in, chunks);
}
