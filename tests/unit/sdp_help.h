/* SPDX-License-Identifier: MIT */
/* What the tests of sdp share: files, texts in blocks of exactly their size. */
#ifndef TESTS_SDP_HELP_H
#define TESTS_SDP_HELP_H
#include <tulle/sdp.h>

#include "base/text.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDED "tests/vectors/browsers-2026-11/"
#define SEEDS "fuzz/corpus/sdp"

#define SESSION "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define MEDIA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
#define GOOD SESSION MEDIA "a=sctp-port:5000\r\n"

static inline tulle_text T(const char *s)
{
	return (tulle_text){s, strlen(s)};
}

static inline char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	static char buf[300000];
	*len = fread(buf, 1, sizeof buf, f);
	fclose(f);
	char *data = malloc(*len != 0 ? *len : 1);
	memcpy(data, buf, *len);
	return data;
}

/* From a block of exactly its size, so that ASan sees what is read behind it. */
static inline tulle_err read_exactly(tulle_text t, tulle_sdp *out)
{
	static char *last;
	free(last);
	last = malloc(t.len != 0 ? t.len : 1);
	memcpy(last, t.ptr, t.len);
	return tulle_sdp_read((tulle_text){last, t.len}, out);
}

static inline bool is(tulle_text t, const char *s)
{
	return tulle_text_is(t, T(s));
}

static inline tulle_err read_text(const char *s, tulle_sdp *out)
{
	return read_exactly(T(s), out);
}
#endif
