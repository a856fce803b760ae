/* SPDX-License-Identifier: MIT */
/* fuzz: URLs. What is read is written and read again, to the same; nothing in it can end a line. */
#include "base/panic.h"
#include "signal/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char first[TULLE_SIGNAL_URL_MAX + 16], second[TULLE_SIGNAL_URL_MAX + 16];
	tulle_signal_url url;
	if (tulle_signal_read_url((tulle_text){(const char *)data, len}, &url) != TULLE_OK)
		return 0;
	tulle_wr w = tulle_wr_make(first, sizeof first);
	tulle_signal_write_url(&w, &url);
	TULLE_CHECK(tulle_wr_finish(&w));
	for (size_t i = 0; i < w.len; i++)
		TULLE_CHECK(first[i] > ' ' && first[i] <= '~');
	tulle_wr again = tulle_wr_make(second, sizeof second);
	if (tulle_signal_read_url((tulle_text){first, w.len}, &url) != TULLE_OK) {
		TULLE_CHECK(w.len > TULLE_SIGNAL_URL_MAX || url.path.len == 0);
		return 0;
	}
	tulle_signal_write_url(&again, &url);
	TULLE_CHECK(tulle_text_is((tulle_text){first, w.len}, (tulle_text){second, again.len}));
	return 0;
}
