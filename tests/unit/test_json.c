/* SPDX-License-Identifier: MIT */
/* json: the scanner against JSONTestSuite, walking, decoding, writing. */
#include "json/json.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE_DIR "tests/vectors/JSONTestSuite/test_parsing"

/* A copy of exactly n bytes, so that ASan sees the first byte read beyond. */
static tulle_text exact(const void *data, size_t n)
{
	char *p = malloc(n != 0 ? n : 1);
	if (n != 0)
		memcpy(p, data, n);
	return (tulle_text){n != 0 ? p : p + 1, n};
}

static void drop(tulle_text t)
{
	free((void *)(uintptr_t)(t.len != 0 ? t.ptr : t.ptr - 1));
}

static bool check_exact(const void *data, size_t n)
{
	tulle_text t = exact(data, n);
	bool good = tulle_json_check(t);
	drop(t);
	return good;
}

static tulle_text slurp(const char *name)
{
	char path[512];
	static char data[1 << 20];
	snprintf(path, sizeof path, "%s/%s", SUITE_DIR, name);
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	size_t n = fread(data, 1, sizeof data, f);
	fclose(f);
	return exact(data, n);
}

/* What the grammar leaves open, decided: numbers of any size are numbers as written; escapes of
 * lone surrogates are grammar (decoding reports them); nesting to 1024; text must be UTF-8. */
static const char *const undecided_taken[] = {"i_number_double_huge_neg_exp.json",
	"i_number_huge_exp.json", "i_number_neg_int_huge_exp.json",
	"i_number_pos_double_huge_exp.json", "i_number_real_neg_overflow.json",
	"i_number_real_pos_overflow.json", "i_number_real_underflow.json",
	"i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json",
	"i_number_very_big_negative_int.json", "i_object_key_lone_2nd_surrogate.json",
	"i_string_1st_surrogate_but_2nd_missing.json",
	"i_string_1st_valid_surrogate_2nd_invalid.json",
	"i_string_incomplete_surrogate_and_escape_valid.json",
	"i_string_incomplete_surrogate_pair.json",
	"i_string_incomplete_surrogates_escape_valid.json",
	"i_string_invalid_lonely_surrogate.json", "i_string_invalid_surrogate.json",
	"i_string_inverted_surrogates_U+1D11E.json", "i_string_lone_second_surrogate.json",
	"i_structure_500_nested_arrays.json"};

static const char *const undecided_refused[] = {"i_string_UTF-16LE_with_BOM.json",
	"i_string_UTF-8_invalid_sequence.json", "i_string_UTF8_surrogate_U+D800.json",
	"i_string_invalid_utf-8.json", "i_string_iso_latin_1.json",
	"i_string_lone_utf8_continuation_byte.json", "i_string_not_in_unicode_range.json",
	"i_string_overlong_sequence_2_bytes.json", "i_string_overlong_sequence_6_bytes.json",
	"i_string_overlong_sequence_6_bytes_null.json", "i_string_truncated-utf-8.json",
	"i_string_utf16BE_no_BOM.json", "i_string_utf16LE_no_BOM.json",
	"i_structure_UTF-8_BOM_empty_object.json"};

static bool is_listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

START_TEST(the_public_suite_is_judged_as_it_asks)
{
	size_t seen[3] = {0};
	DIR *dir = opendir(SUITE_DIR);
	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (strstr(e->d_name, ".json") == NULL)
			continue;
		tulle_text t = slurp(e->d_name);
		bool good = tulle_json_check(t);
		drop(t);
		if (e->d_name[0] == 'y')
			ck_assert_msg(good, "%s", e->d_name);
		else if (e->d_name[0] == 'n')
			ck_assert_msg(!good, "%s", e->d_name);
		else
			ck_assert_msg(
				is_listed(good ? undecided_taken : undecided_refused,
					good ? sizeof undecided_taken / sizeof *undecided_taken
					     : sizeof undecided_refused / sizeof *undecided_refused,
					e->d_name),
				"%s: %d", e->d_name, good);
		seen[e->d_name[0] == 'y' ? 0 : e->d_name[0] == 'n' ? 1 : 2]++;
	}
	closedir(dir);
	ck_assert_uint_eq(seen[0], 95);
	ck_assert_uint_eq(seen[1], 188);
	ck_assert_uint_eq(seen[2], 35);
}
END_TEST

static const char sample[] =
	" {\"a\" : [1, -0.5e+3, true,false , null, \"\\ud83d\\ude00\\u00e9\xc3\xa9\"], \"\":{}} ";

START_TEST(every_truncation_is_refused)
{
	size_t n = sizeof sample - 1;
	ck_assert(check_exact(sample, n));
	ck_assert(check_exact(sample, n - 1));
	for (size_t i = 0; i < n - 1; i++)
		ck_assert_msg(!check_exact(sample, i), "%zu", i);
}
END_TEST

/* FIELD: JSON: UTF-8 tail over-read */
START_TEST(a_lead_byte_at_the_end_reads_nothing_beyond)
{
	for (int lead = 0x80; lead <= 0xff; lead++) {
		char text[3] = {'"', (char)lead, '"'};
		ck_assert(!check_exact(text, 2));
		ck_assert(!check_exact(text, 3));
		ck_assert(!check_exact(text + 1, 1));
	}
	ck_assert(!check_exact("\"\\", 2));
	ck_assert(!check_exact("\"\\u12", 5));
	ck_assert(!check_exact("\"\\u123", 6));
	ck_assert(!check_exact("-", 1));
	ck_assert(!check_exact("1e", 2));
	ck_assert(!check_exact("tru", 3));
}
END_TEST

/* FIELD: JSON: deep nesting */
START_TEST(nesting_is_bounded_at_1024_and_a_bomb_costs_nothing)
{
	enum { BOMB = 1000000 };
	char *p = malloc(BOMB);
	for (int object = 0; object < 2; object++) {
		for (size_t depth = 1023; depth <= 1025; depth++) {
			size_t n = 0;
			for (size_t i = 0; i < depth; i++) {
				memcpy(p + n, object ? "{\"\":" : "[", object ? 4 : 1);
				n += object ? 4 : 1;
			}
			p[n++] = '7';
			memset(p + n, object ? '}' : ']', depth);
			ck_assert(tulle_json_check((tulle_text){p, n + depth}) == (depth <= 1024));
		}
	}
	memset(p, '[', BOMB);
	ck_assert(!tulle_json_check((tulle_text){p, BOMB}));
	free(p);
}
END_TEST

START_TEST(each_level_remembers_its_own_kind)
{
	ck_assert(check_exact("[{\"a\":[{}]},[]]", 15));
	ck_assert(!check_exact("[{\"a\":[{}}],[]]", 15));
	ck_assert(!check_exact("[{\"a\":1]}", 9));
	ck_assert(!check_exact("{\"a\":[1}", 8));
	ck_assert(!check_exact("[1]]", 4));
	ck_assert(!check_exact("[1,]", 4));
	ck_assert(!check_exact("{\"a\":1,}", 8));
	ck_assert(!check_exact("{\"a\"}", 5));
	ck_assert(!check_exact("1 2", 3));
	ck_assert(!check_exact("1\0", 2));
}
END_TEST

/* FIELD: JSON: huge numbers */
START_TEST(long_numbers_stay_as_written)
{
	size_t n = 200000;
	char *p = malloc(n);
	memset(p, '9', n);
	tulle_text value;
	uint32_t v;
	ck_assert(tulle_json_read((tulle_text){p, n}, &value));
	ck_assert_uint_eq(value.len, n);
	ck_assert(!tulle_json_u32(value, UINT32_MAX, &v));
	p[n - 1] = 'e';
	ck_assert(!tulle_json_check((tulle_text){p, n}));
	free(p);
}
END_TEST

START_TEST(a_walk_gives_each_element_as_written)
{
	static const char *const want[] = {"1.0", "[ ]", "{\"a\":[1,2]}", "\"x,]\"", "null"};
	tulle_json_walk walk;
	tulle_text v;
	size_t n = 0;
	ck_assert(tulle_json_walk_array(
		&walk, TULLE_TEXT(" [ 1.0 ,[ ], {\"a\":[1,2]},\"x,]\",null ] ")));
	for (; tulle_json_next(&walk, &v); n++)
		ck_assert(tulle_text_is(v, tulle_text_of(want[n])));
	ck_assert_uint_eq(n, 5);
	ck_assert(walk.done && !walk.bad);
	ck_assert(!tulle_json_next(&walk, &v));
	ck_assert(tulle_json_walk_array(&walk, TULLE_TEXT("[]")));
	ck_assert(!tulle_json_next(&walk, &v) && !walk.bad);
	ck_assert(!tulle_json_walk_array(&walk, TULLE_TEXT("{}")));
	ck_assert(!tulle_json_next(&walk, &v));
}
END_TEST

START_TEST(a_walk_over_what_is_not_json_ends_bad)
{
	static const char *const bad[] = {
		"[1 2]", "[,1]", "[1,]", "[1", "[", "[1]x", "[01]", "[1,,2]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tulle_json_walk walk;
		tulle_text v;
		tulle_text t = exact(bad[i], strlen(bad[i]));
		ck_assert(tulle_json_walk_array(&walk, t));
		for (int k = 0; tulle_json_next(&walk, &v); k++)
			ck_assert_int_lt(k, 4);
		ck_assert_msg(walk.bad, "%s", bad[i]);
		drop(t);
	}
	static const char *const bad_objects[] = {
		"{1:2}", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1", "{", "{}{", "{,}"};
	for (size_t i = 0; i < sizeof bad_objects / sizeof *bad_objects; i++) {
		tulle_text t = exact(bad_objects[i], strlen(bad_objects[i])), v;
		ck_assert_msg(!tulle_json_find(t, TULLE_TEXT("a"), &v), "%s", bad_objects[i]);
		drop(t);
	}
}
END_TEST

START_TEST(of_equal_keys_the_last_counts_however_it_is_written)
{
	tulle_text v, object = TULLE_TEXT("{\"a\":1,\"\\u0061\":2,\"b\":3,\"\\ud800\":4}");
	ck_assert(tulle_json_find(object, TULLE_TEXT("a"), &v));
	ck_assert(tulle_text_is(v, TULLE_TEXT("2")));
	ck_assert(tulle_json_find(object, TULLE_TEXT("b"), &v));
	ck_assert(!tulle_json_find(object, TULLE_TEXT("c"), &v));
	ck_assert(!tulle_json_find(object, TULLE_TEXT(""), &v));
	ck_assert(!tulle_json_find(TULLE_TEXT("[]"), TULLE_TEXT("a"), &v));
}
END_TEST

static const struct {
	const char *json, *text;
	size_t len;
	tulle_err err;
} strings[] = {
	{"\"\"", "", 0, TULLE_OK},
	{"\"a\\u0000b\"", "a\0b", 3, TULLE_OK},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8, TULLE_OK},
	{"\"\\u00e9\\u20AC\\ud83d\\uDe00\"", "é€😀", 9, TULLE_OK},
	{"\"é€😀\"", "é€😀", 9, TULLE_OK},
	{"\"\\uffff\\udbff\\udfff\"", "\xef\xbf\xbf\xf4\x8f\xbf\xbf", 7, TULLE_OK},
	{"\"\\ud800\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\udc00\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\ud800\\ud800\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\udc00\\ud800\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\ud800x\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\ud800\\n\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"\\ud800\\u0041\"", "", 0, TULLE_ERR_ARGUMENT},
	{"\"a", "", 0, TULLE_ERR_SYNTAX},
	{"1", "", 0, TULLE_ERR_SYNTAX},
	{"\"a\"b", "", 0, TULLE_ERR_SYNTAX},
	{"\"\n\"", "", 0, TULLE_ERR_SYNTAX},
};

START_TEST(strings_are_decoded_exactly)
{
	tulle_text json = exact(strings[_i].json, strlen(strings[_i].json));
	size_t len = 99;
	for (size_t cap = 0; cap <= 12; cap++) {
		char *dst = malloc(cap != 0 ? cap : 1);
		tulle_err err = tulle_json_decode(json, dst, cap, &len);
		ck_assert_uint_eq(len, strings[_i].len);
		if (strings[_i].err == TULLE_OK && cap < strings[_i].len) {
			ck_assert_int_eq(err, TULLE_ERR_TOO_SMALL);
		} else {
			ck_assert_int_eq(err, strings[_i].err);
			ck_assert_mem_eq(dst, strings[_i].text, len);
		}
		free(dst);
	}
	if (strings[_i].err == TULLE_OK) {
		tulle_text want = exact(strings[_i].text, strings[_i].len);
		ck_assert(tulle_json_string_is(json, want));
		ck_assert(want.len == 0 ||
			  !tulle_json_string_is(json, (tulle_text){want.ptr, want.len - 1}));
		drop(want);
	}
	ck_assert(!tulle_json_string_is(json, TULLE_TEXT("something else")));
	drop(json);
}
END_TEST

START_TEST(only_plain_digits_are_small_integers)
{
	uint32_t v = 9;
	ck_assert(tulle_json_u32(TULLE_TEXT("0"), 7, &v) && v == 0);
	ck_assert(tulle_json_u32(TULLE_TEXT("4294967295"), UINT32_MAX, &v) && v == UINT32_MAX);
	static const char *const bad[] = {"00", "0.0", "-0", "1e0", "8", "01", "", "+1", "\"1\"",
		" 1", "4294967296", "18446744073709551617"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!tulle_json_u32(tulle_text_of(bad[i]), 7, &v), "%s", bad[i]);
	ck_assert(!tulle_json_u32(TULLE_TEXT("4294967296"), UINT32_MAX, &v));
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	char text[256], json[2048], back[256];
	for (size_t i = 0; i < 128; i++)
		text[i] = (char)i;
	memcpy(text + 128, "é€😀", 9);
	tulle_text t = {text, 137};
	tulle_wr w = tulle_wr_make(json, sizeof json);
	tulle_json_write_string(&w, t);
	ck_assert(tulle_wr_finish(&w));
	ck_assert_uint_eq(w.len, tulle_json_string_bytes(t));
	size_t len;
	ck_assert_int_eq(
		tulle_json_decode((tulle_text){json, w.len}, back, sizeof back, &len), TULLE_OK);
	ck_assert_uint_eq(len, t.len);
	ck_assert_mem_eq(back, text, len);
	ck_assert(strncmp(json, "\"\\u0000\\u0001", 13) == 0);
	w = tulle_wr_make(json, 5);
	tulle_json_write_string(&w, TULLE_TEXT("abcd"));
	ck_assert(!tulle_wr_finish(&w));
	w = tulle_wr_make(json, sizeof json);
	tulle_json_write_string(&w, TULLE_TEXT("\xff"));
	ck_assert(!tulle_wr_finish(&w));
}
END_TEST

Suite *suite_json(void)
{
	Suite *suite = suite_create("json");
	TCase *t = tcase_create("json");
	tcase_add_test(t, the_public_suite_is_judged_as_it_asks);
	tcase_add_test(t, every_truncation_is_refused);
	tcase_add_test(t, a_lead_byte_at_the_end_reads_nothing_beyond);
	tcase_add_test(t, nesting_is_bounded_at_1024_and_a_bomb_costs_nothing);
	tcase_add_test(t, each_level_remembers_its_own_kind);
	tcase_add_test(t, long_numbers_stay_as_written);
	tcase_add_test(t, a_walk_gives_each_element_as_written);
	tcase_add_test(t, a_walk_over_what_is_not_json_ends_bad);
	tcase_add_test(t, of_equal_keys_the_last_counts_however_it_is_written);
	tcase_add_loop_test(
		t, strings_are_decoded_exactly, 0, (int)(sizeof strings / sizeof *strings));
	tcase_add_test(t, only_plain_digits_are_small_integers);
	tcase_add_test(t, what_is_written_is_read_back);
	suite_add_tcase(suite, t);
	return suite;
}
