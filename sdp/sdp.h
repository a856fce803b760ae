/* SPDX-License-Identifier: MIT */
/* sdp: for the floors above; nothing beyond the public header. */
#ifndef TULLE_SDP_SDP_H
#define TULLE_SDP_SDP_H
#include <tulle/sdp.h>
#endif
