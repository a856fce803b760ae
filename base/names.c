/* SPDX-License-Identifier: MIT */
/* base: stable names of errors and drop reasons. */
#include <tulle/base.h>

const char *tulle_version(void)
{
	return "0.1.0";
}

const char *tulle_err_name(tulle_err err)
{
	switch (err) {
	case TULLE_OK:
		return "ok";
	case TULLE_WOULD_BLOCK:
		return "would_block";
	case TULLE_ERR_ARGUMENT:
		return "argument";
	case TULLE_ERR_STATE:
		return "state";
	case TULLE_ERR_GONE:
		return "gone";
	case TULLE_ERR_LIMIT:
		return "limit";
	case TULLE_ERR_TOO_LARGE:
		return "too_large";
	case TULLE_ERR_TOO_SMALL:
		return "too_small";
	case TULLE_ERR_SYNTAX:
		return "syntax";
	case TULLE_ERR_MEMORY:
		return "memory";
	case TULLE_ERR_SYSTEM:
		return "system";
	}
	return "unknown";
}

static const struct {
	const char *name, *clause;
} drops[] = {{"taken", ""},
#define TULLE_DROP_ROW(id, text, clause) {text, clause},
	TULLE_DROPS(TULLE_DROP_ROW)
#undef TULLE_DROP_ROW
};

const char *tulle_drop_name(tulle_drop drop)
{
	return (unsigned)drop < TULLE_DROP_COUNT ? drops[drop].name : "unknown";
}

const char *tulle_drop_clause(tulle_drop drop)
{
	return (unsigned)drop < TULLE_DROP_COUNT ? drops[drop].clause : "";
}
