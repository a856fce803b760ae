/* SPDX-License-Identifier: MIT */
/* signal: URLs, HTTP upgrades, WebSockets and P's messages, for the floors above. */
#ifndef TULLE_SIGNAL_SIGNAL_H
#define TULLE_SIGNAL_SIGNAL_H
#include "signal/pmessage.h"
#include "signal/url.h"
#include "signal/websocket.h"
#endif
