/* SPDX-License-Identifier: MIT */
/* mesh: what a root says of itself to options.log; silent without one. Addresses only when asked
 * for; SDP, offer data, messages and secrets never. */
#include "mesh/state.h"

void tulle_mesh_log(const tulle *t, tulle_log_level level, const mesh_node *n, const char *what,
	const char *detail)
{
	char text[400];
	const tulle_log *log = &t->options.log;
	if (log->write == NULL || level > log->level)
		return;
	tulle_wr w = tulle_wr_make(text, sizeof text);
	tulle_wr_cstr(&w, what);
	if (detail != NULL) {
		tulle_wr_cstr(&w, ": ");
		tulle_wr_cstr(&w, detail);
	}
	if (n != NULL && log->addresses) {
		tulle_wr_u8(&w, ' ');
		tulle_wr_bytes(&w, n->address, n->address_len);
	}
	const tulle_log_line line = {.level = level,
		.room = "mesh",
		.subject = n != NULL ? n->id : TULLE_ROOT,
		.text = {text, w.len}};
	log->write(log->user, &line);
}
