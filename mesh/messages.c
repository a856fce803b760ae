/* SPDX-License-Identifier: MIT */
/* mesh: what a node said: P's messages, sorted. */
#include "base/panic.h"
#include "mesh/state.h"

static const tulle_event *direct(tulle *t, const mesh_node *from, tulle_text json)
{
	size_t len = 0;
	t->event = (tulle_event){.kind = TULLE_EVENT_MESSAGE, .node = from->id};
	t->event.u.message.json = json;
	t->event.u.message.text = (tulle_text){t->decoded, 0};
	if (tulle_json_kind_of(json) == TULLE_JSON_STRING) {
		/* A lone surrogate leaves the text empty and the JSON intact. */
		t->event.u.message.is_text = true;
		if (tulle_json_decode(json, t->decoded, t->scratch_bytes, &len) == TULLE_OK)
			t->event.u.message.text.len = len;
	}
	return &t->event;
}

TULLE_UNTRUSTED(mesh, "one message, at most message_bytes_max and 16 KiB", mesh)
const tulle_event *tulle_mesh_take_text(tulle *t, mesh_node *from, tulle_text text)
{
	tulle_signal_p p;
	tulle_drop drop = tulle_signal_read_p(text, &p);
	if (from->state != NODE_OPEN)
		drop = TULLE_DROP_STATE;
	tulle_mesh_count(t, drop);
	if (drop != TULLE_TAKEN)
		return NULL;
	switch (p.kind) {
	case TULLE_SIGNAL_P_DIRECT:
		return direct(t, from, p.json);
	case TULLE_SIGNAL_P_RELAY:
		tulle_mesh_handle_relay(t, from, &p);
		break;
	case TULLE_SIGNAL_P_RELAYED:
		tulle_mesh_handle_relayed(t, from, &p);
		break;
	}
	return NULL;
}

const tulle_event *tulle_mesh_take_bytes(tulle *t, mesh_node *from, tulle_bytes data)
{
	if (from->state != NODE_OPEN) {
		tulle_mesh_count(t, TULLE_DROP_STATE);
		return NULL;
	}
	t->event = (tulle_event){.kind = TULLE_EVENT_BYTES, .node = from->id};
	static const uint8_t nothing[1];
	t->event.u.bytes = (tulle_bytes){data.ptr != NULL ? data.ptr : nothing, data.len};
	return &t->event;
}
