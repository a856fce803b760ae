/* SPDX-License-Identifier: MIT */
/* mesh: what the floors above need beyond the public face. */
#ifndef TULLE_MESH_MESH_H
#define TULLE_MESH_MESH_H
#include "base/crc32c.h"
#include "base/ready.h"

#include <tulle/mesh.h>

typedef struct {
	tulle_random random;
	tulle_cpu cpu;
	tulle_ready *ready; /* where a command marks the root; NULL: nobody asks */
	void *owner;        /* what its node names there */
} tulle_mesh_env;

/* As tulle_init, but memory comes from options.allocator (malloc's by the host), memory_bytes_max
 * in all. NULL: options out of range, or no memory. */
tulle *tulle_mesh_create(const tulle_options *options, const tulle_mesh_env *env, tulle_time now);
void *tulle_mesh_owner(const tulle *root);
bool tulle_mesh_owns(const tulle *root, const tulle_in *in);
/* TULLE_EVENT_WAKE follows. */
void tulle_mesh_wake(tulle *root);
/* No listener is called from here on, the dispatch that runs ends. */
/* Its relays are given up; what that takes is polled once more. */
void tulle_mesh_farewell(tulle *t);
void tulle_mesh_silence(tulle *root);
void tulle_mesh_check(const tulle *root);
size_t tulle_mesh_memory_used(const tulle *root);
#endif
