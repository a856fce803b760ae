/* SPDX-License-Identifier: MIT */
/* fuzz: json. What the scanner takes is walked, decoded, written and read again. */
#include "base/panic.h"
#include "json/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void strings(tulle_text value)
{
	size_t n, cap = value.len;
	char *dst = malloc(cap + 1), *json = malloc(cap * 6 + 3);
	if (tulle_json_decode(value, dst, cap, &n) == TULLE_OK) {
		tulle_text utf8 = {dst, n};
		TULLE_CHECK(tulle_text_is_utf8(dst, n));
		TULLE_CHECK(tulle_json_string_is(value, utf8));
		tulle_wr w = tulle_wr_make(json, cap * 6 + 3);
		tulle_json_write_string(&w, utf8);
		TULLE_CHECK(tulle_wr_finish(&w) && w.len == tulle_json_string_bytes(utf8));
		TULLE_CHECK(tulle_json_string_is((tulle_text){json, w.len}, utf8));
	}
	free(json);
	free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	tulle_text text = {(const char *)data, len}, value, key;
	tulle_json_walk walk;
	bool good = tulle_json_read(text, &value);
	uint32_t number;
	(void)tulle_json_walk_array(&walk, text);
	for (tulle_text v; tulle_json_next(&walk, &v);)
		TULLE_CHECK(tulle_json_check(v) && v.len != 0);
	TULLE_CHECK(!good || !walk.bad || tulle_json_kind_of(value) != TULLE_JSON_ARRAY);
	(void)tulle_json_walk_object(&walk, text);
	for (tulle_text v; tulle_json_next_member(&walk, &key, &v);)
		TULLE_CHECK(tulle_json_check(v) && tulle_json_kind_of(key) == TULLE_JSON_STRING);
	TULLE_CHECK(!good || !walk.bad || tulle_json_kind_of(value) != TULLE_JSON_OBJECT);
	(void)tulle_json_find(text, TULLE_TEXT("a"), &value);
	strings(text);
	(void)tulle_json_u32(text, UINT32_MAX, &number);
	return 0;
}
