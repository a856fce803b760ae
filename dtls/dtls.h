/* SPDX-License-Identifier: MIT */
/* dtls: for the floors above: the public face, and what peer/ shows of dropped datagrams. */
#ifndef TULLE_DTLS_DTLS_H
#define TULLE_DTLS_DTLS_H
#include <tulle/dtls.h>
#endif
