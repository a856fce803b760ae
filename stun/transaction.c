/* SPDX-License-Identifier: MIT */
/* stun: the clock of one client transaction over UDP: RFC8489:6.2.1. With an RTO of 500 ms it
 * sends at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms and is over at 39500 ms. */
#include <tulle/stun.h>

#include <string.h>

#include "base/serial.h"
#include "stun/limits.h"

bool tulle_stun_transaction_start(
	tulle_stun_transaction *t, tulle_time now, tulle_time rto_us, const tulle_random *random)
{
	uint8_t id[TULLE_STUN_ID_BYTES];
	/* RFC8489:5: 96 bits, uniformly random, from a CSPRNG */
	if (!random->fill(random->user, id, sizeof id))
		return false;
	*t = (tulle_stun_transaction){
		.rto_us = tulle_time_min(rto_us, STUN_RTO_US_MAX), .due = now};
	memcpy(t->id, id, sizeof id);
	return true;
}

bool tulle_stun_transaction_is_due(const tulle_stun_transaction *t, tulle_time now)
{
	return t->sends < TULLE_STUN_SENDS_MAX && tulle_time_due(t->due, now);
}

bool tulle_stun_transaction_is_over(const tulle_stun_transaction *t, tulle_time now)
{
	return t->sends >= TULLE_STUN_SENDS_MAX && tulle_time_due(t->due, now);
}

void tulle_stun_transaction_sent(tulle_stun_transaction *t, tulle_time now)
{
	if (t->sends == 0)
		t->first_us = now;
	t->last_us = now;
	t->sends++;
	/* RFC8489:6.2.1: the RTO doubles; after the last send Rm times the first RTO */
	tulle_time wait = t->sends < TULLE_STUN_SENDS_MAX
				  ? t->rto_us * ((tulle_time)1 << (t->sends - 1))
				  : t->rto_us * TULLE_STUN_LAST_WAIT;
	t->due = tulle_time_add(now, wait);
}

void tulle_stun_transaction_sent_once(tulle_stun_transaction *t, tulle_time now)
{
	t->first_us = t->last_us = now;
	t->sends = TULLE_STUN_SENDS_MAX; /* none is left */
	t->due = tulle_time_add(now, TULLE_STUN_TI_US);
}

bool tulle_stun_transaction_is(const tulle_stun_transaction *t, const tulle_stun_message *m)
{
	return t->sends != 0 && memcmp(t->id, m->id, sizeof m->id) == 0;
}

tulle_time tulle_stun_transaction_rtt(const tulle_stun_transaction *t, tulle_time now)
{
	bool once = t->sends != 0 &&
		    t->last_us == t->first_us; /* or it is not known which is answered */
	return once && now > t->first_us ? now - t->first_us : 0;
}
