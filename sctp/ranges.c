/* SPDX-License-Identifier: MIT */
/* sctp: ranges of TSNs that came early. */
#include "sctp/ranges.h"

#include "base/panic.h"
#include "base/serial.h"

#include <string.h>

void tulle_sctp_ranges_init(tulle_sctp_ranges *ranges, tulle_pool_account *account)
{
	*ranges = (tulle_sctp_ranges){.account = account};
	ranges->max = (uint32_t)(tulle_pool_block_bytes(account->pool) / sizeof(tulle_sctp_range));
}

/* The first range whose last is not before tsn. */
static uint32_t find(const tulle_sctp_ranges *ranges, uint32_t tsn)
{
	uint32_t lo = 0, hi = ranges->count;
	if (hi != 0 && tulle_serial_lt32(ranges->at[hi - 1].last, tsn))
		return hi; /* the common case: news at the end */
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (tulle_serial_lt32(ranges->at[mid].last, tsn))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool tulle_sctp_ranges_has(const tulle_sctp_ranges *ranges, uint32_t tsn)
{
	uint32_t i = find(ranges, tsn);
	return i < ranges->count && tulle_serial_le32(ranges->at[i].first, tsn);
}

static void remove_at(tulle_sctp_ranges *ranges, uint32_t i)
{
	ranges->count--;
	memmove(ranges->at + i, ranges->at + i + 1, (ranges->count - i) * sizeof *ranges->at);
}

static bool insert_at(tulle_sctp_ranges *ranges, uint32_t i, uint32_t tsn)
{
	if (ranges->at == NULL)
		ranges->at = tulle_pool_take(ranges->account, false);
	if (ranges->at == NULL || ranges->count == ranges->max)
		return false;
	memmove(ranges->at + i + 1, ranges->at + i, (ranges->count - i) * sizeof *ranges->at);
	ranges->at[i] = (tulle_sctp_range){tsn, tsn};
	ranges->count++;
	return true;
}

bool tulle_sctp_ranges_add(tulle_sctp_ranges *ranges, uint32_t tsn)
{
	uint32_t i = find(ranges, tsn);
	bool left = i > 0 && ranges->at[i - 1].last + 1 == tsn;
	bool right = i < ranges->count && ranges->at[i].first - 1 == tsn;
	if (left && right) {
		ranges->at[i - 1].last = ranges->at[i].last;
		remove_at(ranges, i);
	} else if (left) {
		ranges->at[i - 1].last = tsn;
	} else if (right) {
		ranges->at[i].first = tsn;
	} else {
		return insert_at(ranges, i, tsn);
	}
	return true;
}

void tulle_sctp_ranges_remove_first(tulle_sctp_ranges *ranges)
{
	TULLE_CHECK(ranges->count > 0);
	remove_at(ranges, 0);
	if (ranges->count == 0)
		tulle_sctp_ranges_clear(ranges);
}

void tulle_sctp_ranges_clear(tulle_sctp_ranges *ranges)
{
	if (ranges->at != NULL)
		tulle_pool_give(ranges->account, ranges->at);
	ranges->at = NULL;
	ranges->count = 0;
}
