/* SPDX-License-Identifier: MIT */
/* signal: P's messages: P-PROTOCOL.md. Each is read wholly as JSON first, then by its place in the
 * array; unknown kinds and shapes are drops, never more. */
#include "signal/pmessage.h"
#include "base/panic.h"

/* The next element is a kind: a plain small integer. */
static bool next_kind(tulle_json_walk *walk, uint32_t *kind)
{
	tulle_text v;
	return tulle_json_next(walk, &v) && tulle_json_u32(v, 255, kind);
}

static bool read_address(tulle_text value, tulle_signal_p *out)
{
	size_t n;
	if (tulle_json_kind_of(value) != TULLE_JSON_STRING ||
		tulle_json_decode(value, out->address, sizeof out->address, &n) != TULLE_OK)
		return false;
	out->address_bytes = (uint8_t)n;
	return n != 0 && memchr(out->address, 0, n) == NULL;
}

TULLE_UNTRUSTED(mesh, "linear in the message", pmessage)
tulle_drop tulle_signal_read_p(tulle_text text, tulle_signal_p *out)
{
	tulle_text whole, address = {NULL, 0};
	tulle_json_walk walk;
	uint32_t kind;
	if (!tulle_json_read(text, &whole))
		return TULLE_DROP_JSON_SYNTAX;
	if (!tulle_json_walk_array(&walk, whole) || !next_kind(&walk, &kind))
		return TULLE_DROP_P_SYNTAX;
	if (kind != TULLE_SIGNAL_P_DIRECT && kind != TULLE_SIGNAL_P_RELAY &&
		kind != TULLE_SIGNAL_P_RELAYED)
		return TULLE_DROP_P_TYPE;
	out->kind = (tulle_signal_p_kind)kind;
	out->address_bytes = 0;
	if (kind != TULLE_SIGNAL_P_DIRECT && !tulle_json_next(&walk, &address))
		return TULLE_DROP_P_SYNTAX;
	if (!tulle_json_next(&walk, &out->json))
		return TULLE_DROP_P_SYNTAX;
	if (kind != TULLE_SIGNAL_P_DIRECT && !read_address(address, out))
		return TULLE_DROP_P_ADDRESS;
	return TULLE_TAKEN;
}

/* A member that is a string as written; "" when absent or null; false: something else. */
static bool find_string(tulle_text object, tulle_text key, tulle_text *out)
{
	tulle_text v;
	*out = (tulle_text){"", 0};
	if (!tulle_json_find(object, key, &v) || tulle_json_kind_of(v) == TULLE_JSON_NULL)
		return true;
	*out = v;
	return tulle_json_kind_of(v) == TULLE_JSON_STRING;
}

/* {sdp, type}, then what stands behind it. */
static bool read_description(tulle_json_walk *walk, tulle_text type, tulle_signal_p_inner *out)
{
	tulle_text object, v;
	if (!tulle_json_next(walk, &object) || tulle_json_kind_of(object) != TULLE_JSON_OBJECT)
		return false;
	if (!tulle_json_find(object, TULLE_TEXT("type"), &v) || !tulle_json_string_is(v, type))
		return false;
	return find_string(object, TULLE_TEXT("sdp"), &out->sdp) && out->sdp.len != 0;
}

/* The element by which tulle nodes know each other. */
static bool take_mark(tulle_json_walk *walk)
{
	tulle_text v, one;
	uint32_t n;
	return tulle_json_next(walk, &v) && tulle_json_kind_of(v) == TULLE_JSON_OBJECT &&
	       tulle_json_find(v, TULLE_TEXT("tulle"), &one) && tulle_json_u32(one, 255, &n) &&
	       n == 1;
}

static bool read_offer(tulle_json_walk *walk, tulle_signal_p_inner *out)
{
	if (!read_description(walk, TULLE_TEXT("offer"), out))
		return false;
	if (tulle_json_next(walk, &out->offer_data))
		out->tulle = take_mark(walk);
	else
		out->offer_data = TULLE_TEXT("null");
	return true;
}

static bool read_answer(tulle_json_walk *walk, tulle_signal_p_inner *out)
{
	if (!read_description(walk, TULLE_TEXT("answer"), out))
		return false;
	out->tulle = take_mark(walk);
	return true;
}

static bool read_candidate(tulle_json_walk *walk, tulle_signal_p_inner *out)
{
	tulle_text object, v;
	uint32_t index;
	if (!tulle_json_next(walk, &object) || tulle_json_kind_of(object) != TULLE_JSON_OBJECT)
		return false;
	if (!find_string(object, TULLE_TEXT("candidate"), &out->candidate) ||
		out->candidate.len == 0)
		return false;
	if (!find_string(object, TULLE_TEXT("sdpMid"), &out->mid) ||
		!find_string(object, TULLE_TEXT("usernameFragment"), &out->username_fragment))
		return false;
	if (!tulle_json_find(object, TULLE_TEXT("sdpMLineIndex"), &v) ||
		tulle_json_kind_of(v) == TULLE_JSON_NULL)
		return true;
	if (!tulle_json_u32(v, 65535, &index))
		return false;
	out->mline_index = (int32_t)index;
	return true;
}

TULLE_UNTRUSTED(mesh, "linear in the message", pmessage)
tulle_drop tulle_signal_read_p_inner(tulle_text json, tulle_signal_p_inner *out)
{
	tulle_text whole;
	tulle_json_walk walk;
	uint32_t kind;
	bool good = false;
	if (!tulle_json_read(json, &whole))
		return TULLE_DROP_JSON_SYNTAX;
	if (!tulle_json_walk_array(&walk, whole) || !next_kind(&walk, &kind))
		return TULLE_DROP_P_SYNTAX;
	tulle_signal_p_inner p = {.mline_index = -1};
	if (kind == TULLE_SIGNAL_P_OFFER)
		good = read_offer(&walk, &p);
	else if (kind == TULLE_SIGNAL_P_ANSWER)
		good = read_answer(&walk, &p);
	else if (kind == TULLE_SIGNAL_P_CANDIDATE)
		good = read_candidate(&walk, &p);
	else
		return TULLE_DROP_P_TYPE;
	if (!good)
		return TULLE_DROP_P_SYNTAX;
	p.kind = (tulle_signal_p_inner_kind)kind;
	*out = p;
	return TULLE_TAKEN;
}

void tulle_signal_write_p_direct(tulle_wr *w, tulle_text json)
{
	tulle_wr_cstr(w, "[0,");
	tulle_wr_text(w, json);
	tulle_wr_u8(w, ']');
}

void tulle_signal_write_p_relay(
	tulle_wr *w, tulle_signal_p_kind kind, tulle_text address, tulle_text inner)
{
	tulle_wr_u8(w, '[');
	tulle_wr_u64_text(w, (uint64_t)kind);
	tulle_wr_u8(w, ',');
	tulle_json_write_string(w, address);
	tulle_wr_u8(w, ',');
	tulle_wr_text(w, inner);
	tulle_wr_u8(w, ']');
}

static void write_description(tulle_wr *w, const char *type, tulle_text sdp)
{
	tulle_wr_cstr(w, "{\"type\":\"");
	tulle_wr_cstr(w, type);
	tulle_wr_cstr(w, "\",\"sdp\":");
	tulle_json_write_string(w, sdp);
	tulle_wr_u8(w, '}');
}

void tulle_signal_write_p_offer(tulle_wr *w, tulle_text sdp, tulle_text offer_data, bool tulle)
{
	tulle_wr_cstr(w, "[3,");
	write_description(w, "offer", sdp);
	tulle_wr_u8(w, ',');
	tulle_wr_text(w, offer_data.len != 0 ? offer_data : TULLE_TEXT("null"));
	tulle_wr_cstr(w, tulle ? ",{\"tulle\":1}]" : "]");
}

void tulle_signal_write_p_answer(tulle_wr *w, tulle_text sdp, bool tulle)
{
	tulle_wr_cstr(w, "[4,");
	write_description(w, "answer", sdp);
	tulle_wr_cstr(w, tulle ? ",{\"tulle\":1}]" : "]");
}

void tulle_signal_write_p_candidate(tulle_wr *w, tulle_text candidate, tulle_text mid,
	int32_t mline_index, tulle_text username_fragment)
{
	tulle_wr_cstr(w, "[5,{\"candidate\":");
	tulle_json_write_string(w, candidate);
	if (mid.ptr != NULL) {
		tulle_wr_cstr(w, ",\"sdpMid\":");
		tulle_json_write_string(w, mid);
	}
	if (mline_index >= 0) {
		tulle_wr_cstr(w, ",\"sdpMLineIndex\":");
		tulle_wr_u64_text(w, (uint64_t)mline_index);
	}
	if (username_fragment.ptr != NULL) {
		tulle_wr_cstr(w, ",\"usernameFragment\":");
		tulle_json_write_string(w, username_fragment);
	}
	tulle_wr_cstr(w, "}]");
}
