/* SPDX-License-Identifier: MIT */
/* mdns: every bound of the room (docs/LIMITS.md is made of this). */
#ifndef TULLE_MDNS_LIMITS_H
#define TULLE_MDNS_LIMITS_H
#define MDNS_LINKS_MAX 16         /* interfaces: a bit each, and family, of 32 */
#define MDNS_LINK_ADDRESSES_MAX 8 /* ours on one of them */
#define MDNS_QUESTIONS_MAX 16     /* names asked for at a time */
#define MDNS_NAMES_MAX 64         /* of ours: a bit each of 64 */
#define MDNS_REPLIES_MAX 16       /* unicast answers that wait for a poll */
#define MDNS_MESSAGE_MAX 9000     /* bytes of a message that is read: RFC6762:17 */
#define MDNS_ITEMS_MAX 128        /* questions and records of one message */
#define MDNS_JUMPS_MAX 16         /* compression pointers of one name */
#define MDNS_QUERIES 4            /* for one name, until it is given up */
#define MDNS_QUERY_US 1000000     /* to the second; each later wait is twice as long: RFC6762:5.2 */
#define MDNS_LAST_US 3000000      /* after the last one */
#define MDNS_QUESTION_US 50000    /* one question in so long, after */
#define MDNS_QUESTION_BURST 16    /* so many at once */
#define MDNS_REPLY_US 20000       /* one unicast answer in so long, after */
#define MDNS_REPLY_BURST 16       /* so many at once */
#define MDNS_MULTICAST_US 1000000 /* between two multicasts of one record on a link: RFC6762:6 */
#define MDNS_TRUNCATED_US 400000  /* until the rest of the known answers is here: RFC6762:7.2 */
#define MDNS_TRUNCATED_MORE 100000 /* at most added to it by chance */
#define MDNS_ANNOUNCEMENTS 2       /* a second apart: RFC6762:8.3 */
#define MDNS_TTL_S 120             /* of an address record: RFC6762:10 */
#define MDNS_LEGACY_TTL_S 10       /* towards a simple resolver: RFC6762:6.7 */
#endif
