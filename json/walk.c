/* SPDX-License-Identifier: MIT */
/* json: walking over one level of an array or object. Each step takes a whole value by the scanner,
 * so a walk over n bytes costs n, whatever is nested in it. */
#include "base/panic.h"
#include "json/scan.h"

static bool begin(tulle_json_walk *walk, tulle_text value, char mark)
{
	tulle_json_skip_space(&value);
	bool right = value.len != 0 && value.ptr[0] == mark;
	*walk = (tulle_json_walk){value, mark == '{', true, !right, false};
	if (right)
		walk->rest = (tulle_text){value.ptr + 1, value.len - 1};
	return right;
}

bool tulle_json_walk_array(tulle_json_walk *walk, tulle_text value)
{
	return begin(walk, value, '[');
}

bool tulle_json_walk_object(tulle_json_walk *walk, tulle_text value)
{
	return begin(walk, value, '{');
}

static bool take_mark(tulle_json_walk *walk, char mark)
{
	tulle_json_skip_space(&walk->rest);
	if (walk->rest.len == 0 || walk->rest.ptr[0] != mark)
		return false;
	walk->rest = (tulle_text){walk->rest.ptr + 1, walk->rest.len - 1};
	return true;
}

/* Up to the next value or key; false: there is none. */
static bool step_on(tulle_json_walk *walk)
{
	if (walk->bad || walk->done)
		return false;
	if (take_mark(walk, walk->object ? '}' : ']')) {
		walk->done = true;
		tulle_json_skip_space(&walk->rest);
		walk->bad = walk->rest.len != 0;
		return false;
	}
	walk->bad = !walk->first && !take_mark(walk, ',');
	walk->first = false;
	return !walk->bad;
}

TULLE_UNTRUSTED(anyone, "linear", json)
bool tulle_json_next(tulle_json_walk *walk, tulle_text *value)
{
	if (walk->object || !step_on(walk))
		return false;
	walk->bad = !tulle_json_take(&walk->rest, value);
	return !walk->bad;
}

TULLE_UNTRUSTED(anyone, "linear", json)
bool tulle_json_next_member(tulle_json_walk *walk, tulle_text *key, tulle_text *value)
{
	if (!walk->object || !step_on(walk))
		return false;
	walk->bad = !tulle_json_take(&walk->rest, key) ||
		    tulle_json_kind_of(*key) != TULLE_JSON_STRING || !take_mark(walk, ':') ||
		    !tulle_json_take(&walk->rest, value);
	return !walk->bad;
}

TULLE_UNTRUSTED(anyone, "linear", json)
bool tulle_json_find(tulle_text object, tulle_text key, tulle_text *value)
{
	tulle_json_walk walk;
	tulle_text name, at, last = {NULL, 0};
	(void)tulle_json_walk_object(&walk, object);
	while (tulle_json_next_member(&walk, &name, &at))
		if (tulle_json_string_is(name, key))
			last = at;
	if (walk.bad || last.len == 0)
		return false;
	*value = last;
	return true;
}
