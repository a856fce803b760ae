/* SPDX-License-Identifier: MIT */
/* Tests of the mesh: what each root heard, and the usual first steps. */
#ifndef TULLE_TESTS_MESH_KIT_H
#define TULLE_TESTS_MESH_KIT_H
#include "mesh/mesh.h"
#include "tests/support/world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	tulle_event_kind kind;
	tulle_node node, peer;
	bool incoming, is_text;
	tulle_closed closed;
	tulle_err code;
	uint64_t offer;
	size_t len; /* of the bytes or the JSON */
	char text[300];
} heard;

#define KIT_HEARD_MAX 4096
extern heard kit_log[WORLD_ROOTS_MAX][KIT_HEARD_MAX];
extern size_t kit_count[WORLD_ROOTS_MAX];
extern void (*kit_also)(int root, const tulle_event *e); /* after it was noted; may be NULL */

void kit_begin(uint32_t seed, world_config config); /* heard is the kit's */
/* The first event of this kind on this node (0: any) from `from` on; NULL: none. */
const heard *kit_find(int root, tulle_event_kind kind, tulle_node node, size_t from);
size_t kit_number(int root, tulle_event_kind kind, tulle_node node);
/* Root i through the onramp: its node. */
tulle_node kit_join(int root);
/* The address under which the onramp announced the n-th other to root. */
const char *kit_announced(int root, int n);
/* Both joined; a connects to b through the onramp, both are open: each one's node of the other. */
void kit_pair(int a, int b, tulle_node *of_a, tulle_node *of_b);
bool kit_run(bool (*done)(void)); /* for at most a virtual minute */
void kit_settle(void);            /* half a virtual second */
#endif
