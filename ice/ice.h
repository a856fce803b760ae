/* SPDX-License-Identifier: MIT */
/* ice: for the floors above: the public face, our candidates as a list, and what a restart by offer
 * and answer needs besides. */
#ifndef TULLE_ICE_ICE_H
#define TULLE_ICE_ICE_H
#include <tulle/ice.h>

#include "ice/frame.h"

/* As add_path, of an address that hides behind a name (it lives as long as the path): the candidate
 * is told with the name, and none of the base's others tells its address. */
tulle_err tulle_ice_add_hidden_path(tulle_ice *ice, tulle_time now, uint32_t id, tulle_addr local,
	uint32_t mtu, tulle_text name);
tulle_err tulle_ice_add_hidden_tcp_path(tulle_ice *ice, tulle_time now, uint32_t id,
	tulle_ice_tcp tcp, tulle_addr local, tulle_text name);

/* The index-th local candidate, from 0, as "candidate:..."; 0: there is none, or it does not fit.
 */
size_t tulle_ice_write_local(const tulle_ice *ice, size_t index, char *dst, size_t cap);

/* Those of the generation that runs, and those that the next restart will use, drawn at the first
 * call: for a description that is made before it is set. False: random failed. */
void tulle_ice_current_credentials(const tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd);
bool tulle_ice_next_credentials(tulle_ice *ice, tulle_text *ufrag, tulle_text *pwd);

/* The ufrags of ours that checks may name now; *seen: 0 at first. 0: as when that was written. */
#define ICE_NAMES_MAX 3
size_t tulle_ice_names(const tulle_ice *ice, uint32_t *seen, tulle_text ufrags[ICE_NAMES_MAX]);

typedef enum { ICE_NONE_YET, ICE_SAME, ICE_HALF, ICE_OTHER } ice_likeness;
ice_likeness tulle_ice_compare_remote(const tulle_ice *ice, tulle_text ufrag, tulle_text pwd);
/* The remote's offer restarts: its candidates of the next generation are kept from here on. */
void tulle_ice_expect_restart(tulle_ice *ice);
/* ufrag: of the description that the candidate, or the end of them, belongs to; for one that does
 * not say. */
tulle_drop tulle_ice_add_remote_of(
	tulle_ice *ice, tulle_time now, tulle_text candidate, tulle_text ufrag);
/* The ufrag of the generation that runs ("" without one); and whether what has this one is of a
 * generation that is no more: neither that one nor one that a restart may bring. */
tulle_text tulle_ice_remote_ufrag(const tulle_ice *ice);
bool tulle_ice_is_past(const tulle_ice *ice, tulle_text ufrag);
/* "" or "end-of-candidates". */
bool tulle_ice_is_end(tulle_text candidate);
/* As add_remote_of, one that came with a name (what it says of an address is not looked at), and
 * the address that the name has; of what is told to servers and paired with relays it is left out:
 * mdns-ice draft, 3.3.2. */
tulle_drop tulle_ice_add_resolved(tulle_ice *ice, tulle_time now, tulle_text candidate,
	tulle_text ufrag, const tulle_addr *addr);
/* The address of the first remote candidate from *cursor (0 at first) on that our servers may know;
 * false: no more. */
bool tulle_ice_next_remote(const tulle_ice *ice, size_t *cursor, tulle_addr *out);
#endif
