/* SPDX-License-Identifier: MIT */
/* sctp: what the user gives: pieces in shared blocks, one queue a stream: RFC9260:6.1, 6.5.
 * Invariant: a stream's pieces go out, and are freed, in the order of the queue. */
#include "sctp/association.h"

#define RECORD_BLOCKS 4u    /* of the reserve: two directories and two leaves of TSN records */
#define PIECE_BYTES_MIN 64u /* the rest of a block takes no smaller piece of a longer message */
#define ALIGN(n) (((n) + 7) & ~(size_t)7)

static size_t block_bytes(const tulle_sctp *sctp)
{
	return tulle_pool_block_bytes(sctp->config.pool);
}

static size_t payload_max(const tulle_sctp *sctp)
{
	return block_bytes(sctp) - SCTP_BLOCK_HEAD_BYTES - sizeof(sctp_out_piece);
}

static const tulle_sctp_cc_way *way_of(tulle_sctp_control cc)
{
	switch (cc) {
	case TULLE_SCTP_CUBIC:
		return &tulle_sctp_cc_cubic;
	case TULLE_SCTP_NEWRENO:
		return &tulle_sctp_cc_newreno;
	case TULLE_SCTP_BBR:
	default:
		return &tulle_sctp_cc_bbr;
	}
}

void tulle_sctp_outbound_init(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_outbound *o = &sctp->out;
	sctp_outbound kept = *o; /* what send took before the numbers were known */
	*o = (sctp_outbound){.next_tsn = tsn, .acked_tsn = tsn - 1, .advanced_tsn = tsn - 1};
	o->rack.fack = o->rack.top = tsn - 1;
	o->rack.reo_round_tsn = tsn;
	o->buffered = kept.buffered;
	o->unacked = kept.unacked;
	o->blocks = kept.blocks;
	o->tail = kept.tail;
	o->ready_last = kept.ready_last;
	o->undated = kept.undated;
	o->blocked = kept.blocked;
	o->put_off = kept.put_off;
	o->wanted = kept.wanted;
	o->open = kept.open;
	o->blocks_max = (uint32_t)(sctp->config.send_bytes_max / payload_max(sctp)) + 2;
	tulle_sctp_ring_init(&o->ring, &sctp->out_account, sizeof(sctp_tsn), true);
	sctp->cc = (tulle_sctp_cc){.way = way_of(sctp->config.cc)};
	tulle_sctp_path_init(sctp);
	sctp->cc.way->init(&sctp->cc, tsn);
}

/* -- taking -- */

static size_t tail_room(const tulle_sctp *sctp, size_t len)
{
	const sctp_block *b = sctp->out.tail;
	if (b == NULL)
		return 0;
	size_t left = block_bytes(sctp) - b->used;
	if (left < sizeof(sctp_out_piece) + tulle_min(len, PIECE_BYTES_MIN))
		return 0;
	return left - sizeof(sctp_out_piece);
}

static size_t blocks_needed(const tulle_sctp *sctp, size_t len)
{
	size_t room = tail_room(sctp, len);
	return len <= room ? 0 : (len - room + payload_max(sctp) - 1) / payload_max(sctp);
}

/* A part of the pool is left to what comes in: senders alone could fill it, and then all that a
 * receiver could take would be what is next in order. */
static size_t pool_at_hand(const tulle_sctp *sctp)
{
	size_t left = tulle_pool_blocks(sctp->config.pool) / TULLE_SCTP_RECEIVE_SHARE;
	size_t free = tulle_pool_free(sctp->config.pool);
	return free > left ? free - left : 0;
}

static size_t reserve_at_hand(const tulle_sctp *sctp)
{
	size_t reserve = sctp->out_account.reserve_free;
	return reserve > RECORD_BLOCKS ? reserve - RECORD_BLOCKS : 0;
}

static size_t blocks_at_hand(const tulle_sctp *sctp)
{
	return pool_at_hand(sctp) + reserve_at_hand(sctp);
}

/* What all that is queued may hold at most. */
static size_t blocks_most(const tulle_sctp *sctp)
{
	size_t pool = tulle_pool_blocks(sctp->config.pool);
	size_t most = pool - pool / TULLE_SCTP_RECEIVE_SHARE + sctp->out_account.reserve_blocks -
		      RECORD_BLOCKS;
	return tulle_min(most, sctp->out.blocks_max);
}

static bool fits(const tulle_sctp *sctp, size_t need)
{
	return need == 0 ||
	       (sctp->out.blocks + need <= sctp->out.blocks_max && need <= blocks_at_hand(sctp));
}

/* Without I-DATA an open message that is on the wire holds up all others. What is queued besides it
 * leaves half of the room, and half of the reserve, to its parts, or it could never be ended. */
static bool fits_besides(const tulle_sctp *sctp, size_t need)
{
	const sctp_outbound *o = &sctp->out;
	size_t kept = (sctp->out_account.reserve_blocks - RECORD_BLOCKS) / 2;
	if (o->blocks == 0 && o->open == 0)
		return true;
	return o->blocks + need <= blocks_most(sctp) / 2 && need + kept <= blocks_at_hand(sctp);
}

/* Does it stand, or come to stand, beside an open message? Only what goes on with the message that
 * is on the wire does not: another one of its stream may have to wait for one that is open. */
static bool is_besides(
	const tulle_sctp *sctp, uint16_t stream, const tulle_sctp_send_options *options)
{
	const sctp_outbound *o = &sctp->out;
	const sctp_stream *s = o->current;
	if (sctp->interleaves || (s != NULL && s->id == stream && s->out_ends == 0))
		return false;
	return o->open != 0 || !options->last;
}

/* It is the pool that is empty. */
static bool wait_for_pool(tulle_sctp *sctp, size_t need)
{
	sctp_outbound *o = &sctp->out;
	if (o->blocks + need > o->blocks_max)
		return false;
	tulle_pool_wait(&sctp->out_account);
	return true;
}

static tulle_err refuse(tulle_sctp *sctp, size_t need)
{
	sctp_outbound *o = &sctp->out;
	o->wanted = o->blocked ? tulle_max(o->wanted, need) : need;
	o->blocked = true;
	o->put_off = fits(sctp, need);
	if (wait_for_pool(sctp, need))
		sctp->stats.pool_waits++;
	return TULLE_WOULD_BLOCK;
}

/* Blocks came back: does what was refused fit now? */
void tulle_sctp_look_for_room(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	if (!o->blocked || !fits(sctp, o->wanted))
		return;
	o->blocked = false;
	o->wanted = 0;
	sctp->writable_mark = true;
	tulle_sctp_stop_timer(sctp, SCTP_T_ROOM);
}

void tulle_sctp_handle_room(tulle_sctp *sctp, tulle_time now)
{
	tulle_sctp_clock(sctp, now);
	if (sctp->in.waiting) {
		sctp->in.waiting = false;
		tulle_sctp_window_moved(sctp);
	}
	if (!sctp->out.put_off)
		tulle_sctp_look_for_room(sctp);
	/* more is wanted than there is, or may be had: looking again in a while, not at once, or
	 * the host would spin */
	if (sctp->out.blocked && !tulle_sctp_is_timing(sctp, SCTP_T_ROOM))
		tulle_sctp_set_timer(sctp, SCTP_T_ROOM, TULLE_SCTP_ROOM_RETRY_US);
}

static sctp_out_piece *make_piece(tulle_sctp *sctp, size_t len)
{
	sctp_outbound *o = &sctp->out;
	size_t room = tail_room(sctp, len);
	if (room == 0) {
		sctp_block *b = pool_at_hand(sctp) != 0
					? tulle_pool_take(&sctp->out_account, false)
					: tulle_pool_take_reserve(&sctp->out_account);
		TULLE_CHECK(b != NULL); /* fits() counted */
		*b = (sctp_block){SCTP_BLOCK_HEAD_BYTES, 0};
		o->blocks++;
		o->tail = b;
		room = payload_max(sctp);
	}
	sctp_block *b = o->tail;
	sctp_out_piece *piece = (sctp_out_piece *)(void *)((uint8_t *)b + b->used);
	*piece = (sctp_out_piece){.block = b, .len = (uint16_t)tulle_min(len, room)};
	b->used += (uint32_t)(sizeof *piece + ALIGN(piece->len));
	if (b->used > block_bytes(sctp))
		b->used = (uint32_t)block_bytes(sctp);
	b->refs++;
	return piece;
}

static void free_piece(tulle_sctp *sctp, sctp_out_piece *piece)
{
	sctp_block *b = piece->block;
	if (--b->refs > 0)
		return;
	if (b == sctp->out.tail)
		sctp->out.tail = NULL;
	sctp->out.blocks--;
	tulle_pool_give(&sctp->out_account, b);
	tulle_sctp_look_for_room(sctp);
	/* refused for want of room of our own, and now others hold the pool */
	if (sctp->out.blocked)
		(void)wait_for_pool(sctp, sctp->out.wanted);
}

/* The ring of streams with data: the order between streams is ours to choose, it goes round. */
void tulle_sctp_make_ready(tulle_sctp *sctp, sctp_stream *s)
{
	sctp_outbound *o = &sctp->out;
	s->ready = true;
	s->ready_next = o->ready_last != NULL ? o->ready_last->ready_next : s;
	if (o->ready_last != NULL)
		o->ready_last->ready_next = s;
	o->ready_last = s;
}

static void enqueue(tulle_sctp *sctp, sctp_stream *s, uint32_t ppid, const uint8_t *data,
	size_t len, const tulle_sctp_send_options *options)
{
	bool first = options->first;
	s->buffered += len;
	s->uncounted += options->uncounted ? len : 0;
	s->unacked += len;
	sctp->out.buffered += len;
	sctp->out.unacked += len;
	while (len > 0) {
		sctp_out_piece *piece = make_piece(sctp, len);
		memcpy(piece + 1, data, piece->len);
		data += piece->len;
		len -= piece->len;
		piece->stream = s;
		piece->ppid = ppid;
		piece->unordered = s->part_unordered;
		piece->expires_us = s->part_expires;
		piece->tries = s->part_tries;
		if (s->part_undated) {
			piece->undated = sctp->out.undated;
			sctp->out.undated = piece;
		}
		piece->uncounted = options->uncounted;
		piece->first = first;
		piece->last = options->last && len == 0;
		first = false;
		*(s->out_tail != NULL ? &s->out_tail->next : &s->out_head) = piece;
		s->out_tail = piece;
	}
	sctp->out.open += options->first && !options->last;
	sctp->out.open -= !options->first && options->last;
	s->out_ends += options->last;
	s->part_open = !options->last;
	if (!s->ready)
		tulle_sctp_make_ready(sctp, s);
}

static tulle_err judge_send(
	const tulle_sctp *sctp, uint16_t stream, size_t len, const tulle_sctp_send_options *options)
{
	/* RFC9260:9.2: nothing new; but the peer's SHUTDOWN cuts no message in two */
	if (sctp->ended ||
		(sctp->state > TULLE_SCTP_STATE_ESTABLISHED &&
			(sctp->state != TULLE_SCTP_STATE_SHUTDOWN_RECEIVED || options->first)))
		return TULLE_ERR_STATE;
	uint16_t streams = tulle_sctp_is_open(sctp) ? sctp->streams_out : sctp->config.streams_max;
	const sctp_stream *s = tulle_sctp_find_stream(sctp, stream);
	if (len == 0 || stream >= streams || options->first == (s != NULL && s->part_open))
		return TULLE_ERR_ARGUMENT;
	if (s != NULL && tulle_sctp_is_resetting(s))
		return TULLE_ERR_STATE;
	size_t blocks = (len + payload_max(sctp) - 1) / payload_max(sctp);
	if (len > sctp->config.send_bytes_max || blocks > blocks_most(sctp))
		return TULLE_ERR_TOO_LARGE;
	return TULLE_OK;
}

static uint16_t weight_of(uint16_t priority)
{
	if (priority == 0)
		return TULLE_SCTP_WEIGHT;
	if (priority < TULLE_SCTP_WEIGHT_MIN)
		return TULLE_SCTP_WEIGHT_MIN;
	return priority < INT16_MAX ? priority : INT16_MAX;
}

static void begin_parts(tulle_sctp *sctp, sctp_stream *s, const tulle_sctp_send_options *options)
{
	/* a record counts to 255: fewer tries than were allowed, but never more */
	uint16_t tries = (uint16_t)tulle_min(options->retransmissions_max + 1u, UINT8_MAX);
	s->part_unordered = options->unordered;
	s->weight = weight_of(options->priority);
	s->part_tries = options->has_retransmissions ? tries : 0;
	s->part_expires = options->has_lifetime ? tulle_time_add(sctp->now, options->lifetime_us)
						: TULLE_TIME_NEVER;
	s->part_undated = options->late && options->has_lifetime && options->lifetime_us > 0;
}

/* Parts of a message that was given up before its end was given. */
static bool swallow(tulle_sctp *sctp, uint16_t stream, const tulle_sctp_send_options *options)
{
	sctp_stream *s = tulle_sctp_find_stream(sctp, stream);
	if (s == NULL || !s->part_dropped)
		return false;
	if (options->last) {
		s->part_open = s->part_dropped = false;
		tulle_sctp_leave_stream(sctp, s);
	}
	return true;
}

tulle_err tulle_sctp_send(tulle_sctp *sctp, tulle_time now, uint16_t stream, uint32_t ppid,
	const void *data, size_t len, const tulle_sctp_send_options *options)
{
	static const tulle_sctp_send_options whole = {.first = true, .last = true};
	if (options == NULL)
		options = &whole;
	tulle_sctp_clock(sctp, now);
	tulle_err err = judge_send(sctp, stream, len, options);
	if (err != TULLE_OK)
		return err;
	if (swallow(sctp, stream, options))
		return TULLE_OK;
	size_t need = blocks_needed(sctp, len);
	if (!fits(sctp, need) || (is_besides(sctp, stream, options) && !fits_besides(sctp, need)))
		return refuse(sctp, need);
	sctp_stream *s = tulle_sctp_add_stream(sctp, stream);
	if (s == NULL)
		return refuse(sctp, need + 1);
	if (!fits(sctp, need)) { /* the record took the last block */
		tulle_sctp_leave_stream(sctp, s);
		return refuse(sctp, need);
	}
	if (options->first)
		begin_parts(sctp, s, options);
	enqueue(sctp, s, ppid, data, len, options);
	return TULLE_OK;
}

/* -- freeing -- */

void tulle_sctp_free_acked(tulle_sctp *sctp, sctp_tsn *tsn)
{
	sctp_out_piece *piece = tsn->piece;
	sctp_stream *s = piece->stream;
	size_t left = tsn->len;
	s->unacked -= left;
	sctp->out.unacked -= left;
	while (left > 0) {
		sctp_out_piece *next = piece->next;
		size_t n = tulle_min(left, (size_t)piece->len - piece->acked);
		piece->acked = (uint16_t)(piece->acked + n);
		left -= n;
		if (piece->acked == piece->len)
			free_piece(sctp, piece);
		piece = next;
	}
	tulle_sctp_reset_wanted(sctp, s);
}

void tulle_sctp_reset_wanted(tulle_sctp *sctp, sctp_stream *s)
{
	if (s->unacked == 0 && s->reset == SCTP_RESET_WANTED)
		tulle_sctp_reset_ready(sctp, s);
}

void tulle_sctp_drop_rest(tulle_sctp *sctp, sctp_stream *s)
{
	bool last = false;
	while (s->out_head != NULL && !last) {
		sctp_out_piece *piece = s->out_head;
		size_t left = (size_t)piece->len - piece->sent;
		last = piece->last;
		s->out_head = piece->next;
		s->buffered -= left;
		s->uncounted -= piece->uncounted ? left : 0;
		s->unacked -= left;
		sctp->out.buffered -= left;
		sctp->out.unacked -= left;
		piece->sent = piece->len;
		piece->acked = (uint16_t)(piece->acked + left);
		if (piece->acked == piece->len)
			free_piece(sctp, piece);
	}
	s->out_ends -= last;
	if (s->out_head == NULL)
		s->out_tail = NULL;
	if (!last && s->part_open && !s->part_dropped) {
		s->part_dropped = true;
		sctp->out.open--;
	}
}

/* RFC9260:5.1.1: send took it before it was known how many streams the peer has. */
void tulle_sctp_drop_beyond(tulle_sctp *sctp)
{
	tulle_sctp_date(&sctp->out, 0);
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next) {
		if (s->id < sctp->streams_out || s->out_head == NULL)
			continue;
		for (; s->out_head != NULL; sctp->stats.abandoned++)
			tulle_sctp_drop_rest(sctp, s);
		tulle_sctp_reset_wanted(sctp, s);
	}
}

static void clear_queue(tulle_sctp *sctp, sctp_stream *s)
{
	while (s->out_head != NULL) {
		sctp_out_piece *piece = s->out_head;
		s->out_head = piece->next;
		free_piece(sctp, piece);
	}
	s->out_tail = NULL;
	s->ready = s->part_open = s->part_dropped = s->part_undated = false;
	s->ready_next = NULL;
	s->buffered = s->uncounted = s->unacked = 0;
	s->out_ssn = s->out_ends = 0;
	s->out_umid = s->out_fsn = 0;
	s->deficit = 0;
}

void tulle_sctp_outbound_clear(tulle_sctp *sctp)
{
	sctp_outbound *o = &sctp->out;
	tulle_sctp_resets_clear(sctp);
	for (uint32_t tsn = o->acked_tsn + 1; tsn != o->next_tsn; tsn++) {
		sctp_tsn *t = tulle_sctp_tsn_at(sctp, tsn);
		if (t->state != SCTP_TSN_ABANDONED)
			tulle_sctp_free_acked(sctp, t);
		tulle_sctp_ring_remove(&o->ring, tsn);
	}
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		clear_queue(sctp, s);
	TULLE_CHECK(o->blocks == 0);
	o->acked_tsn = o->advanced_tsn = o->next_tsn - 1;
	o->lost = o->in_flight = (sctp_tsn_list){0};
	o->gap_acked = 0;
	o->flight = o->flight_chunks = o->buffered = o->unacked = 0;
	o->ready_last = o->current = NULL;
	o->undated = NULL;
	o->tail = NULL;
	o->open = 0;
}

/* -- asking -- */

size_t tulle_sctp_counted(const sctp_stream *s)
{
	return s->buffered - s->uncounted;
}

size_t tulle_sctp_buffered(const tulle_sctp *sctp, uint16_t stream)
{
	const sctp_stream *s = tulle_sctp_find_stream(sctp, stream);
	return s != NULL ? tulle_sctp_counted(s) : 0;
}

size_t tulle_sctp_unacked(const tulle_sctp *sctp, uint16_t stream)
{
	const sctp_stream *s = tulle_sctp_find_stream(sctp, stream);
	return s != NULL ? s->unacked : 0;
}

size_t tulle_sctp_buffered_total(const tulle_sctp *sctp)
{
	return sctp->out.buffered;
}

size_t tulle_sctp_unacked_total(const tulle_sctp *sctp)
{
	return sctp->out.unacked;
}

tulle_err tulle_sctp_set_low(tulle_sctp *sctp, uint16_t stream, size_t bytes)
{
	if (stream >= sctp->config.streams_max)
		return TULLE_ERR_ARGUMENT;
	sctp_stream *s = tulle_sctp_add_stream(sctp, stream);
	if (s == NULL)
		return TULLE_ERR_LIMIT;
	s->low = bytes;
	tulle_sctp_leave_stream(sctp, s);
	return TULLE_OK;
}
