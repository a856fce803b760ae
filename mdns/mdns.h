/* SPDX-License-Identifier: MIT */
/* mdns: for the floors above; nothing beyond the public header. */
#ifndef TULLE_MDNS_MDNS_H
#define TULLE_MDNS_MDNS_H
#include <tulle/mdns.h>
#endif
