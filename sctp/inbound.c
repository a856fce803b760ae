/* SPDX-License-Identifier: MIT */
/* sctp: DATA that comes in: which TSNs, where it is stored: RFC9260:6.2.
 * Invariant: a TSN is named in a SACK only when its payload is stored or was given out. */
#include "sctp/association.h"

#define ALIGN(n) (((n) + 7) & ~(size_t)7)

static size_t payload_max(const tulle_sctp *sctp)
{
	return tulle_pool_block_bytes(sctp->config.pool) - SCTP_BLOCK_HEAD_BYTES -
	       sizeof(sctp_in_piece);
}

/* What a block holds when packets come full. */
static uint32_t block_bytes_max(const tulle_sctp *sctp)
{
	size_t packet = sctp->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES;
	size_t room = tulle_pool_block_bytes(sctp->config.pool) - SCTP_BLOCK_HEAD_BYTES;
	size_t fit = room / (packet + sizeof(sctp_in_piece));
	return (uint32_t)(fit != 0 ? fit * packet : payload_max(sctp));
}

/* Chunks of other sizes leave more of a block empty: a window that does not know it promises blocks
 * that are not there, and what comes then is lost. Down with blocks that are full, up with any. */
static void learn_block_bytes(sctp_inbound *in, bool full)
{
	if (in->tail_bytes > in->block_bytes)
		in->block_bytes += (in->tail_bytes - in->block_bytes + 1) / 2;
	else if (full)
		in->block_bytes -= (in->block_bytes - in->tail_bytes + 3) / 4;
}

static uint32_t slack(const tulle_sctp *sctp)
{
	return sctp->in.blocks_max / 2 < 4 ? sctp->in.blocks_max / 2 : 4;
}

void tulle_sctp_inbound_init(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_inbound *in = &sctp->in;
	*in = (sctp_inbound){.cumulative = tsn - 1};
	in->blocks_max = (uint32_t)(sctp->config.receive_bytes_max /
				    tulle_pool_block_bytes(sctp->config.pool));
	if (in->blocks_max < 8)
		in->blocks_max = 8;
	in->block_bytes = block_bytes_max(sctp);
	tulle_sctp_ring_init(&in->ring, &sctp->in_account, sizeof(sctp_in_piece *), false);
	tulle_sctp_ranges_init(&in->ranges, &sctp->in_account);
	in->window_max = tulle_min(TULLE_SCTP_WINDOW_BYTES_START, sctp->config.receive_bytes_max);
	in->window_told = tulle_sctp_window(sctp);
}

/* The window grows with what the path holds: half of it arrived within a round trip or two, so a
 * hole that takes another round trip to fill would shut it. Never above receive_bytes_max. */
static void grow_window(tulle_sctp *sctp, size_t bytes)
{
	sctp_inbound *in = &sctp->in;
	tulle_time span = tulle_time_max(2 * sctp->srtt, TULLE_SCTP_WINDOW_SPAN_US);
	if (in->window_max >= sctp->config.receive_bytes_max)
		return;
	if (sctp->now - in->grow_from > span) {
		in->grow_from = sctp->now;
		in->grow_bytes = 0;
	}
	in->grow_bytes += bytes;
	if (in->grow_bytes < in->window_max / 2)
		return;
	in->window_max = tulle_min(2 * in->window_max, sctp->config.receive_bytes_max);
	in->grow_from = sctp->now;
	in->grow_bytes = 0;
}

/* -- memory -- */

/* Only what comes next in order may still come in: DESIGN's memory rule 4. */
bool tulle_sctp_is_low(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	size_t packet = sctp->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES;
	/* less than one full chunk, which may take several blocks, fits */
	return tulle_pool_free(sctp->config.pool) * payload_max(sctp) < packet ||
	       in->blocks + slack(sctp) >= in->blocks_max;
}

/* One chunk when it fits, whatever blocks held of late: of two at once the second could find no
 * room, and only a timer would send it again. */
static size_t low_window(const tulle_sctp *sctp, size_t packet)
{
	const sctp_inbound *in = &sctp->in;
	size_t blocks = in->blocks_max > in->blocks ? in->blocks_max - in->blocks : 0;
	blocks = tulle_min(blocks, tulle_pool_share(&sctp->in_account));
	return blocks * payload_max(sctp) < packet ? 0 : packet;
}

/* For one chunk that is next in order, whatever else comes, and whoever has the pool. */
bool tulle_sctp_has_room_for_next(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	size_t packet = sctp->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES;
	size_t blocks = in->blocks_max > in->blocks ? in->blocks_max - in->blocks : 0;
	return tulle_min(blocks, sctp->in_account.reserve_free) * payload_max(sctp) >= packet;
}

size_t tulle_sctp_window(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	size_t packet = sctp->config.packet_bytes_max - SCTP_HEADER_BYTES - SCTP_DATA_HEADER_BYTES;
	size_t each = tulle_min(in->block_bytes, block_bytes_max(sctp));
	size_t used = in->blocks + in->blocks_max / 128; /* a sender may end a chunk above it */
	size_t blocks = in->blocks_max > used ? in->blocks_max - used : 0;
	blocks = tulle_min(blocks, tulle_pool_share(&sctp->in_account));
	size_t held = in->blocks * (size_t)each;
	size_t left = in->window_max > held ? in->window_max - held : 0;
	size_t window = tulle_min(blocks * each, left);
	if (left < packet) /* RFC9260:6.2: no silly windows */
		return 0;
	return window < packet || tulle_sctp_is_low(sctp) ? low_window(sctp, packet) : window;
}

/* Tells the peer when the window opens, and when it at least doubled: a bulk transfer is not told
 * each step. */
void tulle_sctp_window_moved(tulle_sctp *sctp)
{
	size_t window = tulle_sctp_window(sctp), told = sctp->in.window_told;
	bool opens = told == 0 && window != 0;
	bool doubled =
		window >= 2 * told && window - told >= 2 * (size_t)sctp->config.packet_bytes_max;
	if (tulle_sctp_is_open(sctp) && (opens || doubled))
		sctp->due |= SCTP_DUE_SACK;
}

static sctp_in_piece *make_piece(tulle_sctp *sctp, size_t len, bool next_in_order)
{
	sctp_inbound *in = &sctp->in;
	size_t block = tulle_pool_block_bytes(sctp->config.pool);
	if (in->tail == NULL || block - in->tail->used < sizeof(sctp_in_piece) + len) {
		uint32_t max = in->blocks_max - (next_in_order ? 0 : slack(sctp));
		sctp_block *b =
			in->blocks < max ? tulle_pool_take(&sctp->in_account, next_in_order) : NULL;
		if (b == NULL)
			return NULL;
		*b = (sctp_block){SCTP_BLOCK_HEAD_BYTES, 0};
		in->blocks++;
		if (in->tail != NULL)
			learn_block_bytes(in, true);
		if (in->tail != NULL && in->tail->refs == 0) {
			in->blocks--;
			tulle_pool_give(&sctp->in_account, in->tail);
		}
		in->tail = b;
		in->tail_bytes = 0;
	}
	sctp_block *b = in->tail;
	sctp_in_piece *piece = (sctp_in_piece *)(void *)((uint8_t *)b + b->used);
	*piece = (sctp_in_piece){.block = b, .len = (uint16_t)len};
	b->used += (uint32_t)tulle_min(sizeof *piece + ALIGN(len), block - b->used);
	b->refs++;
	in->tail_bytes += (uint32_t)len;
	return piece;
}

static void free_block(tulle_sctp *sctp, sctp_block *b)
{
	if (--b->refs > 0)
		return;
	if (b == sctp->in.tail) {
		learn_block_bytes(&sctp->in, false);
		sctp->in.tail = NULL;
	}
	sctp->in.blocks--;
	tulle_pool_give(&sctp->in_account, b);
}

sctp_in_piece *tulle_sctp_early_at(const tulle_sctp *sctp, uint32_t tsn)
{
	if (!tulle_serial_lt32(sctp->in.cumulative, tsn))
		return NULL;
	sctp_in_piece **slot = tulle_sctp_ring_at(&sctp->in.ring, tsn);
	return slot != NULL && *slot != NULL && (*slot)->tsn == tsn ? *slot : NULL;
}

void tulle_sctp_free_piece(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp_stream *s = piece->owner;
	if (tulle_sctp_early_at(sctp, piece->tsn) == piece)
		tulle_sctp_ring_remove(&sctp->in.ring, piece->tsn);
	free_block(sctp, piece->block);
	s->in_pieces--;
}

void tulle_sctp_free_chain(tulle_sctp *sctp, sctp_in_piece *piece)
{
	while (piece != NULL) {
		sctp_in_piece *next = piece->chain;
		tulle_sctp_free_piece(sctp, piece);
		piece = next;
	}
}

/* Its message's number; unordered DATA has none, whatever stands there: RFC9260:3.3.1 */
static uint32_t mid_of(const sctp_stream *s, const tulle_sctp_data_chunk *data)
{
	if (data->interleaved)
		return data->mid;
	return data->flags & SCTP_FLAG_U ? 0 : tulle_sctp_extend(s->in_mid, data->mid);
}

/* The chunk's payload in a block, in several pieces when it is larger than one. NULL: no room. */
static sctp_in_piece *store(
	tulle_sctp *sctp, const tulle_sctp_data_chunk *data, sctp_stream *s, bool next_in_order)
{
	sctp_in_piece *head = NULL, **at = &head;
	const uint8_t *from = data->data.ptr;
	for (size_t left = data->data.len; left > 0;) {
		size_t n = tulle_min(left, payload_max(sctp));
		sctp_in_piece *piece = make_piece(sctp, n, next_in_order);
		if (piece == NULL) {
			tulle_sctp_free_chain(sctp, head);
			return NULL;
		}
		piece->owner = s;
		piece->tsn = piece->mate = data->tsn;
		piece->ppid = data->ppid;
		piece->fsn = data->fsn;
		piece->mid = mid_of(s, data);
		piece->flags = data->flags;
		memcpy(piece + 1, from, n);
		from += n;
		left -= n;
		s->in_pieces++;
		*at = piece;
		at = &piece->chain;
	}
	return head;
}

/* -- TSNs -- */

bool tulle_sctp_pass_ranges(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	while (in->ranges.count != 0 && in->ranges.at[0].first == in->cumulative + 1) {
		uint32_t last = in->ranges.at[0].last;
		while (in->cumulative != last) {
			sctp_in_piece *piece = tulle_sctp_early_at(sctp, in->cumulative + 1);
			if (piece != NULL)
				tulle_sctp_ring_remove(&in->ring, piece->tsn);
			in->ranges.at[0]
				.first++; /* stays true when the peer turns out to be broken */
			in->cumulative++;
			if (!tulle_sctp_pass_cumulative(sctp, piece))
				return false;
		}
		tulle_sctp_ranges_remove_first(&in->ranges);
	}
	return true;
}

/* piece NULL: taken and thrown away (a stream that is none). */
static tulle_drop take_next(tulle_sctp *sctp, sctp_in_piece *piece)
{
	sctp->in.cumulative++;
	if (!tulle_sctp_pass_cumulative(sctp, piece) || !tulle_sctp_pass_ranges(sctp))
		return TULLE_DROP_SCTP_CHUNK;
	return TULLE_TAKEN;
}

static tulle_drop no_room(tulle_sctp *sctp)
{
	sctp->stats.no_room++;
	sctp->due |= SCTP_DUE_SACK; /* RFC9260:6.2: says what there is */
	if (tulle_pool_free(sctp->config.pool) == 0) {
		sctp->in.waiting = true;
		tulle_pool_wait(&sctp->in_account);
	}
	return TULLE_DROP_NO_ROOM;
}

static tulle_drop take_early(tulle_sctp *sctp, uint32_t tsn, sctp_in_piece *piece)
{
	sctp_inbound *in = &sctp->in;
	sctp_in_piece **slot = piece != NULL ? tulle_sctp_ring_add(&in->ring, tsn) : NULL;
	if (piece != NULL && slot == NULL) {
		tulle_sctp_free_chain(sctp, piece);
		return no_room(sctp);
	}
	if (slot != NULL)
		*slot = piece;
	if (!tulle_sctp_ranges_add(&in->ranges, tsn)) {
		tulle_sctp_free_chain(sctp, piece);
		return no_room(sctp);
	}
	if (piece != NULL && !tulle_sctp_join_early(sctp, piece))
		return TULLE_DROP_SCTP_CHUNK;
	return TULLE_TAKEN;
}

static tulle_drop duplicate(tulle_sctp *sctp, uint32_t tsn)
{
	sctp_inbound *in = &sctp->in;
	if (in->duplicate_count < TULLE_SCTP_DUPLICATES_MAX)
		in->duplicates[in->duplicate_count++] = tsn;
	sctp->stats.duplicates++;
	sctp->due |= SCTP_DUE_SACK; /* RFC9260:6.2 */
	return TULLE_DROP_SCTP_DUPLICATE;
}

/* RFC9260:6.5: acknowledged, reported, not stored */
static tulle_drop no_such_stream(tulle_sctp *sctp, const tulle_sctp_data_chunk *data)
{
	uint8_t info[4] = {(uint8_t)(data->stream >> 8), (uint8_t)data->stream, 0, 0};
	tulle_sctp_add_error(sctp, SCTP_C_STREAM, info, 4);
	if (data->tsn == sctp->in.cumulative + 1)
		(void)take_next(sctp, NULL);
	else
		(void)take_early(sctp, data->tsn, NULL);
	return TULLE_DROP_SCTP_STREAM;
}

/* RFC8260:2.2.3: the TSN is only acknowledged, the message finds itself. */
static tulle_drop take_interleaved(tulle_sctp *sctp, sctp_in_piece *piece, bool next)
{
	sctp_inbound *in = &sctp->in;
	if (!next && !tulle_sctp_ranges_add(&in->ranges, piece->tsn)) {
		tulle_sctp_free_chain(sctp, piece);
		return no_room(sctp);
	}
	if (next) {
		in->cumulative++;
		(void)tulle_sctp_pass_ranges(sctp);
	}
	return tulle_sctp_join_message(sctp, piece) ? TULLE_TAKEN : TULLE_DROP_SCTP_CHUNK;
}

/* Is there anything that goes out now, or once its reader is no longer paused? */
static bool can_deliver(const tulle_sctp *sctp)
{
	const sctp_inbound *in = &sctp->in;
	bool starved = in->giving_front && (in->front == NULL || in->front->fsn != in->give_fsn);
	if (in->given != NULL)
		return true;
	if (in->giving_stream != NULL) /* the others wait for its end */
		return !starved;
	if (in->forming == 0 || tulle_sctp_find_partial(sctp) != NULL)
		return true;
	for (const sctp_stream *s = sctp->streams.first; s != NULL; s = s->next)
		if (s->paused || tulle_sctp_has_turn(s))
			return true;
	return false;
}

static tulle_drop take_stored(tulle_sctp *sctp, const tulle_sctp_data_chunk *data)
{
	bool next = data->tsn == sctp->in.cumulative + 1;
	if (!next && tulle_sctp_is_low(sctp))
		return no_room(sctp);
	sctp_stream *s = tulle_sctp_add_stream(sctp, data->stream);
	if (s == NULL)
		return no_room(sctp);
	sctp_in_piece *piece = store(sctp, data, s, next);
	if (piece == NULL) {
		tulle_sctp_leave_stream(sctp, s);
		/* begun messages fill all that is ours and none can be given out, nor ever will */
		if (next && sctp->interleaves && !can_deliver(sctp))
			tulle_sctp_break(sctp, SCTP_C_RESOURCE, NULL, 0);
		return no_room(sctp);
	}
	sctp->stats.data_in += data->data.len;
	grow_window(sctp, data->data.len);
	tulle_drop drop = sctp->interleaves ? take_interleaved(sctp, piece, next)
			  : next            ? take_next(sctp, piece)
					    : take_early(sctp, data->tsn, piece);
	if (drop == TULLE_DROP_NO_ROOM)
		tulle_sctp_leave_stream(sctp, s);
	return drop;
}

TULLE_UNTRUSTED(dtls, "one chunk; the TSNs that it lets pass", sctp_state)
tulle_drop tulle_sctp_take_data(tulle_sctp *sctp, const tulle_sctp_chunk *chunk)
{
	sctp_inbound *in = &sctp->in;
	tulle_sctp_data_chunk data;
	if (!tulle_sctp_read_data(chunk, &data)) {
		tulle_sctp_break(sctp, SCTP_C_VIOLATION, NULL, 0);
		return TULLE_DROP_MALFORMED;
	}
	if (data.data.len == 0) { /* RFC9260:6.2 */
		tulle_sctp_break(sctp, SCTP_C_NO_USER_DATA, chunk->value.ptr, 4);
		return TULLE_DROP_SCTP_CHUNK;
	}
	if (data.interleaved != sctp->interleaves) { /* RFC8260:2.2.3 */
		tulle_sctp_break(sctp, SCTP_C_VIOLATION, NULL, 0);
		return TULLE_DROP_SCTP_CHUNK;
	}
	in->packet_has_data = true;
	if (data.flags & SCTP_FLAG_I) /* RFC7053:5.2 */
		sctp->due |= SCTP_DUE_SACK;
	if (tulle_serial_le32(data.tsn, in->cumulative) ||
		tulle_sctp_ranges_has(&in->ranges, data.tsn))
		return duplicate(sctp, data.tsn);
	if (data.tsn - in->cumulative > tulle_sctp_ring_span(&in->ring))
		return TULLE_DROP_SCTP_TSN;
	if (data.stream >= sctp->config.streams_max)
		return no_such_stream(sctp, &data);
	if (tulle_sctp_is_held_back(sctp, data.stream, data.tsn))
		return TULLE_DROP_SCTP_RESET; /* not stored, so it comes again */
	return take_stored(sctp, &data);
}

/* -- clearing -- */

static void clear_list(tulle_sctp *sctp, sctp_in_list *list)
{
	while (list->head != NULL) {
		sctp_in_piece *message = list->head;
		list->head = message->next;
		tulle_sctp_free_chain(sctp, message);
	}
	list->tail = NULL;
}

static void clear_early(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	for (uint32_t i = 0; i < in->ranges.count; i++) {
		tulle_sctp_range range = in->ranges.at[i];
		for (uint32_t tsn = range.first; tsn != range.last + 1; tsn++) {
			sctp_in_piece *piece = tulle_sctp_early_at(sctp, tsn);
			if (piece != NULL && !piece->done)
				tulle_sctp_free_chain(sctp, piece);
		}
	}
}

void tulle_sctp_inbound_clear(tulle_sctp *sctp)
{
	sctp_inbound *in = &sctp->in;
	tulle_sctp_free_given(sctp);
	clear_early(sctp); /* while messages are whole: their pieces are known by the ring */
	for (sctp_stream *s = sctp->streams.first; s != NULL; s = s->next) {
		clear_list(sctp, &s->old);
		clear_list(sctp, &s->passed);
		clear_list(sctp, &s->ordered);
		clear_list(sctp, &s->unordered);
		s->deliver = false;
		s->deliver_next = NULL;
		tulle_sctp_clear_forming(sctp, s);
		/* a reset that was to be told behind what is gone is of the old one */
		tulle_sctp_unmark_stream(sctp, s, SCTP_MARK_RESET_IN);
		s->ended_in = s->has_skipped = false;
		s->in_mid = 0;
	}
	tulle_sctp_free_chain(sctp, in->front);
	tulle_sctp_free_chain(sctp, in->giving);
	in->front = in->giving = NULL;
	tulle_sctp_ranges_clear(&in->ranges);
	TULLE_CHECK(in->blocks == 0 && in->ring.leaves_held == 0);
}
