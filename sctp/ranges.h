/* SPDX-License-Identifier: MIT */
/* sctp: which TSNs above the cumulative one have come: sorted, disjoint ranges in one pool block.
 * Invariant: ranges do not touch, all lie above cumulative + 1; none means no block. RFC9260:6.2 */
#ifndef TULLE_SCTP_RANGES_H
#define TULLE_SCTP_RANGES_H
#include "base/pool.h"

typedef struct {
	uint32_t first, last;
} tulle_sctp_range;

typedef struct {
	tulle_sctp_range *at;
	uint32_t count, max;
	tulle_pool_account *account;
} tulle_sctp_ranges;

void tulle_sctp_ranges_init(tulle_sctp_ranges *ranges, tulle_pool_account *account);
bool tulle_sctp_ranges_has(const tulle_sctp_ranges *ranges, uint32_t tsn);
/* tsn is not in; false: no room for another range. */
bool tulle_sctp_ranges_add(tulle_sctp_ranges *ranges, uint32_t tsn);
void tulle_sctp_ranges_remove_first(tulle_sctp_ranges *ranges);
void tulle_sctp_ranges_clear(tulle_sctp_ranges *ranges);
#endif
