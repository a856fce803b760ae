/* SPDX-License-Identifier: MIT */
/* msan: whole peers need OpenSSL, which MemorySanitizer cannot see into: there are none. */
#include "tests/sim/sim_peer.h"

const sim_peer_case sim_peer_cases[1];
const size_t sim_peer_case_count = 0;
