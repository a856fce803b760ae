/* SPDX-License-Identifier: MIT */
/* sctp: the room's face for the floors above: the public engine is all they need. */
#ifndef TULLE_SCTP_SCTP_H
#define TULLE_SCTP_SCTP_H
#include <tulle/sctp.h>
#endif
