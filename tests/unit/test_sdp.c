/* SPDX-License-Identifier: MIT */
/* sdp: descriptions of browsers and other peers read, ours written, everything else survived. */
#include "sdp_help.h"

/* The n-th description of a recorded file: from v=0 to an empty line, a '#' or the end. */
static bool find_recorded(const char *data, size_t len, int n, tulle_text *out)
{
	tulle_text rest = {data, len};
	const char *start = NULL;
	while (rest.len != 0) {
		tulle_text line = tulle_text_split(&rest, '\n');
		if (line.len != 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (is(line, "v=0")) {
			start = line.ptr;
			continue;
		}
		bool ends = line.len == 0 || line.ptr[0] == '#' || rest.len == 0;
		if (start == NULL || !ends)
			continue;
		if (n-- == 0) {
			const char *end = rest.len == 0 && line.len != 0 ? data + len : line.ptr;
			*out = (tulle_text){start, (size_t)(end - start)};
			return true;
		}
		start = NULL;
	}
	return false;
}

static const struct {
	const char *file;
	int index;
	const char *ufrag, *pwd, *session_id;
	tulle_sdp_setup setup;
	uint64_t size;
	uint16_t candidates;
	bool end, trickle, ice2;
} recorded[] = {
	{"sdp_chromium_default.txt", 0, "7aSl", "HN6nkDBZML5qohCweDVgwypG", "2272775917419715199",
		TULLE_SETUP_ACTPASS, 262144, 0, false, true, false},
	{"sdp_chromium_default.txt", 1, "9eCb", "uiR1sGIFJLeTcL4xhfmNtE0y", "8307529570394626309",
		TULLE_SETUP_ACTIVE, 262144, 0, false, true, false},
	{"sdp_chromium_default.txt", 2, "7aSl", "HN6nkDBZML5qohCweDVgwypG", "2272775917419715199",
		TULLE_SETUP_ACTPASS, 262144, 2, false, true, false},
	{"sdp_firefox_default.txt", 0, "858e8726", "5d00f1024a0f8c75641ec0972d01af5a",
		"6603088858319290860", TULLE_SETUP_ACTPASS, 1073741823, 0, false, true, false},
	{"sdp_firefox_default.txt", 2, "858e8726", "5d00f1024a0f8c75641ec0972d01af5a",
		"6603088858319290860", TULLE_SETUP_ACTPASS, 1073741823, 4, true, true, false},
	{"sdp_libdatachannel.txt", 0, "CNYA", "gZiJ9Y0hW5hS0XCIOfKaQ2", "4112725988",
		TULLE_SETUP_ACTPASS, 262144, 0, false, true, true},
	{"sdp_pion_3.1.txt", 0, "cmSrHxrIKzamOkUG", "aKhitZEgRcWeDvzxWGWqWzNVbrKrTdnU",
		"3570388814298715661", TULLE_SETUP_ACTPASS, 65536, 4, true, false, false},
};

/* What was read, as our own words: nothing that we write is lost on the way. */
static bool write_again(
	const tulle_sdp *sdp, const tulle_addr *addr, char *dst, size_t cap, size_t *len)
{
	static tulle_text candidates[256];
	size_t cursor = 0, n = 0;
	tulle_sdp_local local = {.session_version = sdp->session_version,
		.mid = sdp->data.mid,
		.ufrag = sdp->ufrag,
		.pwd = sdp->pwd,
		.ice_options = sdp->ice_options,
		.lite = sdp->lite,
		.fingerprints = sdp->fingerprints,
		.fingerprint_count = sdp->fingerprint_count,
		.setup = sdp->setup,
		.sctp_port = sdp->sctp_port,
		.max_message_size = sdp->max_message_size,
		.sctp_init = sdp->sctp_init,
		.candidates = candidates,
		.end_of_candidates = sdp->end_of_candidates,
		.default_addr = addr};
	for (size_t i = 0; i < sdp->session_id.len; i++)
		local.session_id = local.session_id * 10 + (uint64_t)(sdp->session_id.ptr[i] - '0');
	local.session_id &= INT64_MAX;
	while (n < 256 && tulle_sdp_next_candidate(sdp, &cursor, &candidates[n]))
		n++;
	local.candidate_count = n;
	return tulle_sdp_write_offer(&local, dst, cap, len) == TULLE_OK;
}

/* SDP-019: what we write of it reads back, and is written the same again. False: it lacks what an
 * offer of ours must have. */
static bool is_stable(const tulle_sdp *sdp)
{
	char first[8192], second[8192];
	size_t first_len, second_len;
	tulle_sdp back;
	if (!write_again(sdp, NULL, first, sizeof first, &first_len))
		return false;
	ck_assert_int_eq(read_exactly((tulle_text){first, first_len}, &back), TULLE_OK);
	ck_assert(tulle_text_is(back.ufrag, sdp->ufrag) && tulle_text_is(back.pwd, sdp->pwd));
	ck_assert_uint_eq(back.candidate_count, sdp->candidate_count);
	ck_assert(write_again(&back, NULL, second, sizeof second, &second_len));
	ck_assert_uint_eq(first_len, second_len);
	ck_assert_mem_eq(first, second, first_len);
	return true;
}

/* SDP-021, SDP-029, SDP-036, SDP-042, SDP-045, SDP-055, SDP-061, SDP-080 */
START_TEST(what_browsers_and_peers_send_is_read)
{
	char path[256];
	size_t len;
	tulle_sdp sdp;
	tulle_text text, candidate;
	snprintf(path, sizeof path, RECORDED "%s", recorded[_i].file);
	char *data = load(path, &len);
	ck_assert(find_recorded(data, len, recorded[_i].index, &text));
	ck_assert_int_eq(read_exactly(text, &sdp), TULLE_OK);
	ck_assert(is(sdp.ufrag, recorded[_i].ufrag) && is(sdp.pwd, recorded[_i].pwd));
	ck_assert(is(sdp.session_id, recorded[_i].session_id));
	ck_assert(is(sdp.data.mid, "0") && sdp.bundled && !sdp.lite);
	ck_assert_int_eq(sdp.data.form, TULLE_SDP_DATA);
	ck_assert_int_eq(sdp.setup, recorded[_i].setup);
	ck_assert_uint_eq(sdp.sctp_port, 5000);
	ck_assert_uint_eq(sdp.max_message_size, recorded[_i].size);
	ck_assert_uint_eq(sdp.fingerprint_count, 1);
	ck_assert_uint_eq(sdp.fingerprints[0].hash, 256);
	ck_assert(sdp.end_of_candidates == recorded[_i].end);
	ck_assert(sdp.trickle == recorded[_i].trickle && sdp.ice2 == recorded[_i].ice2);
	ck_assert_uint_eq(sdp.candidate_count, recorded[_i].candidates);
	size_t cursor = 0, n = 0;
	for (; tulle_sdp_next_candidate(&sdp, &cursor, &candidate); n++)
		ck_assert(tulle_text_starts(candidate, TULLE_TEXT("candidate:")));
	ck_assert_uint_eq(n, recorded[_i].candidates);
	ck_assert_int_eq(tulle_sdp_read(text, &sdp), TULLE_OK); /* in a block that stays */
	ck_assert(is_stable(&sdp));
	/* SDP-016: each truncation is a description up to there, or an error; never a crash */
	for (size_t cut = 0; cut < text.len; cut++)
		(void)read_exactly((tulle_text){text.ptr, cut}, &sdp);
	free(data);
}
END_TEST

static const uint8_t digest[32] = {0xc8, 0xb0, 0x20, 0x0e, 0xa8, 0x5c, 0x28, 0x9a, 0x68, 0x5a, 0xd3,
	0x9b, 0x78, 0xb7, 0xc7, 0xb1, 0xc2, 0x11, 0xea, 0x94, 0x19, 0x49, 0x04, 0x24, 0x89, 0x15,
	0x64, 0x95, 0xed, 0xd4, 0xfd, 0x5d};

static tulle_sdp_local local_of(tulle_sdp_fingerprint *f)
{
	*f = (tulle_sdp_fingerprint){.hash = 256};
	memcpy(f->bytes, digest, sizeof digest);
	return (tulle_sdp_local){.session_id = 2272775917419715199u,
		.session_version = 2,
		.ufrag = TULLE_TEXT("7aSl"),
		.pwd = TULLE_TEXT("HN6nkDBZML5qohCweDVgwypG"),
		.fingerprints = f,
		.fingerprint_count = 1,
		.max_message_size = 262144};
}

static void without_line(char *text, const char *line)
{
	char *at = strstr(text, line);
	ck_assert_msg(at != NULL, "%s", line);
	char *end = strchr(at, '\n') + 1;
	memmove(at, end, strlen(end) + 1);
}

/* Chromium's own offer, byte for byte, but for two lines about media that we do not say.
 * SDP-030, SDP-046, SDP-052, SDP-072, SDP-074 RFC9429:5.2.1 */
START_TEST(our_offer_is_written_as_chromium_writes_its_own)
{
	size_t len, n, want_len = 0;
	char *data = load(RECORDED "sdp_chromium_default.txt", &len), want[4096], got[4096];
	tulle_text text;
	tulle_sdp_fingerprint f;
	tulle_sdp_local local = local_of(&f);
	ck_assert(find_recorded(data, len, 0, &text));
	for (size_t i = 0; i < text.len; i++) { /* the record has LF, the wire CRLF */
		if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
			want[want_len++] = '\r';
		want[want_len++] = text.ptr[i];
	}
	want[want_len] = '\0';
	without_line(want, "a=extmap-allow-mixed");
	without_line(want, "a=msid-semantic");
	for (size_t cap = 0; cap < sizeof got; cap += cap < 800 ? 1 : 1000) {
		tulle_err err = tulle_sdp_write_offer(&local, got, cap, &n);
		ck_assert_int_eq(err, cap >= strlen(want) ? TULLE_OK : TULLE_ERR_TOO_SMALL);
		if (err == TULLE_OK)
			ck_assert(tulle_text_is((tulle_text){got, n}, T(want)));
	}
	free(data);
}
END_TEST

/* SDP-019: what we write reads back, and writes the same again. */
START_TEST(an_offer_comes_back_with_all_that_was_said)
{
	const tulle_text candidates[] = {
		TULLE_TEXT("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"),
		TULLE_TEXT("2 1 udp 2130706430 2001:db8::1 5000 typ host")};
	tulle_sdp_fingerprint f[3];
	tulle_sdp_local local = local_of(f);
	tulle_addr addr = {.family = 6, .port = 5000, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	tulle_sdp sdp;
	tulle_text candidate;
	char text[4096], again[4096];
	size_t len, again_len, cursor = 0;
	f[1] = (tulle_sdp_fingerprint){.hash = 384, .bytes = {1}};
	f[2] = (tulle_sdp_fingerprint){.hash = 512, .bytes = {2, [63] = 3}};
	local.fingerprint_count = 3;
	local.mid = TULLE_TEXT("data");
	local.sctp_port = 7;
	local.max_message_size = 0;
	local.sctp_init = TULLE_TEXT("AQIDBA==");
	local.candidates = candidates;
	local.candidate_count = 2;
	local.end_of_candidates = true;
	local.default_addr = &addr;
	local.ice_options = TULLE_TEXT("trickle ice2");
	ck_assert_int_eq(tulle_sdp_write_offer(&local, text, sizeof text, &len), TULLE_OK);
	ck_assert_int_eq(read_exactly((tulle_text){text, len}, &sdp), TULLE_OK);
	ck_assert(is(sdp.data.mid, "data") && sdp.bundled && sdp.data.port == 5000);
	ck_assert(sdp.sctp_port == 7 && sdp.max_message_size == 0 && sdp.session_version == 2);
	ck_assert(is(sdp.sctp_init, "AQIDBA==") && sdp.end_of_candidates && sdp.ice2);
	ck_assert_uint_eq(sdp.fingerprint_count, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert(sdp.fingerprints[i].hash == f[i].hash &&
			  memcmp(sdp.fingerprints[i].bytes, f[i].bytes, 64) == 0);
	ck_assert(tulle_sdp_next_candidate(&sdp, &cursor, &candidate));
	ck_assert(tulle_text_is(candidate, candidates[0]));
	ck_assert(tulle_sdp_next_candidate(&sdp, &cursor, &candidate));
	ck_assert(is(candidate, "candidate:2 1 udp 2130706430 2001:db8::1 5000 typ host"));
	ck_assert(!tulle_sdp_next_candidate(&sdp, &cursor, &candidate));
	text[len] = '\0';
	ck_assert(strstr(text, "c=IN IP6 2001:db8::1\r\n") != NULL); /* SDP-047 */
	addr.port = sdp.data.port;
	ck_assert(write_again(&sdp, &addr, again, sizeof again, &again_len));
	ck_assert_uint_eq(again_len, len);
	ck_assert_mem_eq(again, text, len);
}
END_TEST

/* SDP-024, SDP-025, SDP-034, SDP-064, SDP-065, SDP-069, SDP-070 RFC3264:6, RFC9429:5.3.1 */
START_TEST(an_answer_rejects_media_in_its_place)
{
	static const char offer[] = SESSION
		"a=group:BUNDLE a v d\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=candidate:not ours\r\n" MEDIA
		"a=mid:d\r\na=sctp-port:5000\r\na=setup:actpass\r\n"
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:x\r\na=sctp-port:1\r\n"
		"m=application 9 UDP/BFCP *\r\n";
	static const char *const lines[] = {"a=group:BUNDLE d",
		"m=audio 0 UDP/TLS/RTP/SAVPF 111 63", "a=mid:a", "m=video 0 UDP/TLS/RTP/SAVPF 96",
		"a=mid:v", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=setup:active",
		"a=mid:d", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:x",
		"m=application 0 UDP/BFCP *"};
	tulle_sdp sdp, back;
	tulle_sdp_fingerprint f;
	tulle_sdp_local local = local_of(&f);
	tulle_sdp_section section;
	char text[4096];
	size_t len, cursor = 0, candidates = 0, n = 0;
	tulle_text candidate;
	ck_assert_int_eq(tulle_sdp_read(T(offer), &sdp), TULLE_OK);
	ck_assert(sdp.section_count == 5 && sdp.data_index == 2 && is(sdp.data.mid, "d"));
	ck_assert(!tulle_sdp_next_candidate(&sdp, &candidates, &candidate));
	ck_assert_int_eq(
		tulle_sdp_write_answer(&local, &sdp, text, sizeof text, &len), TULLE_ERR_ARGUMENT);
	local.setup = TULLE_SETUP_ACTIVE;
	ck_assert_int_eq(tulle_sdp_write_answer(&local, &sdp, text, sizeof text, &len), TULLE_OK);
	text[len] = '\0';
	const char *at = text;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *found = strstr(at, lines[i]);
		ck_assert_msg(found != NULL, "%s in its place", lines[i]);
		at = found + strlen(lines[i]);
	}
	ck_assert_int_eq(read_exactly((tulle_text){text, len}, &back), TULLE_OK);
	ck_assert(back.section_count == 5 && back.data_index == 2 && back.bundled);
	for (; tulle_sdp_next_section(&back, &cursor, &section); n++)
		ck_assert(section.rejected == (n != 2));
	ck_assert_uint_eq(n, 5);
}
END_TEST

/* SDP-023, SDP-066: aiortc's form, with LF line ends, without BUNDLE and mid */
START_TEST(the_old_form_is_answered_in_kind)
{
	static const char offer[] = "v=0\no=- 3 3 IN IP4 0.0.0.0\ns=-\nt=0 0\n"
				    "m=application 40000 DTLS/SCTP 5000\nc=IN IP4 192.0.2.2\n"
				    "a=sctpmap:5000 webrtc-datachannel 65535\n"
				    "a=max-message-size:65536\na=ice-ufrag:abcd\n"
				    "a=ice-pwd:abcdefghijklmnopqrstuv\na=setup:actpass\n";
	tulle_sdp sdp;
	tulle_sdp_fingerprint f;
	tulle_sdp_local local = local_of(&f);
	char text[4096];
	size_t len;
	local.setup = TULLE_SETUP_PASSIVE;
	ck_assert_int_eq(tulle_sdp_read(T(offer), &sdp), TULLE_OK);
	ck_assert(sdp.data.form == TULLE_SDP_SCTPMAP && sdp.sctp_port == 5000 && !sdp.bundled);
	ck_assert_int_eq(tulle_sdp_write_answer(&local, &sdp, text, sizeof text, &len), TULLE_OK);
	text[len] = '\0';
	ck_assert(strstr(text, "m=application 9 DTLS/SCTP 5000\r\n") != NULL);
	ck_assert(strstr(text, "a=sctpmap:5000 webrtc-datachannel 65535\r\n") != NULL);
	ck_assert(strstr(text, "BUNDLE") == NULL && strstr(text, "a=mid") == NULL);
	ck_assert(strstr(text, "sctp-port") == NULL);
}
END_TEST

START_TEST(no_text_of_the_caller_adds_a_line)
{
	tulle_sdp_fingerprint f;
	char text[4096];
	size_t len;
	const tulle_text evil = TULLE_TEXT("x\r\na=setup:active"), none = {NULL, 0};
	for (int i = 0; i < 6; i++) {
		tulle_sdp_local local = local_of(&f);
		tulle_text *fields[] = {
			&local.ufrag, &local.pwd, &local.mid, &local.ice_options, &local.sctp_init};
		if (i < 5)
			*fields[i] = evil;
		local.candidates = &evil;
		local.candidate_count = i == 5 ? 1 : 0;
		ck_assert_int_eq(
			tulle_sdp_write_offer(&local, text, sizeof text, &len), TULLE_ERR_ARGUMENT);
		ck_assert_uint_eq(len, 0);
	}
	tulle_sdp_local local = local_of(&f);
	local.ufrag = none;
	ck_assert_int_eq(
		tulle_sdp_write_offer(&local, text, sizeof text, &len), TULLE_ERR_ARGUMENT);
}
END_TEST

/* SDP-112: the seeds of libwebrtc; what reads is answered or cannot be, and walks end */
START_TEST(the_seeds_of_others_never_crash)
{
	DIR *dir = opendir(SEEDS);
	struct dirent *entry;
	size_t files = 0, stable = 0;
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[512], text[8192];
		size_t len, n, cursor = 0, sections = 0;
		tulle_sdp sdp;
		tulle_sdp_section section;
		tulle_sdp_fingerprint f;
		tulle_sdp_local local = local_of(&f);
		if (strstr(entry->d_name, ".sdp") == NULL)
			continue;
		files++;
		snprintf(path, sizeof path, SEEDS "/%s", entry->d_name);
		char *data = load(path, &len);
		for (size_t cut = 0; cut <= len; cut += cut + 7 < len ? 7 : 1)
			(void)read_exactly((tulle_text){data, cut}, &sdp);
		if (tulle_sdp_read((tulle_text){data, len}, &sdp) == TULLE_OK) {
			while (tulle_sdp_next_section(&sdp, &cursor, &section))
				sections++;
			ck_assert_uint_eq(sections, sdp.section_count);
			local.setup = TULLE_SETUP_ACTIVE;
			(void)tulle_sdp_write_answer(&local, &sdp, text, sizeof text, &n);
			stable += is_stable(&sdp);
		}
		free(data);
	}
	closedir(dir);
	ck_assert_uint_ge(files, 69);
	ck_assert_uint_ge(stable, 4);
}
END_TEST

Suite *suite_sdp(void)
{
	Suite *s = suite_create("sdp");
	TCase *t = tcase_create("sdp");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, what_browsers_and_peers_send_is_read, 0,
		(int)(sizeof recorded / sizeof *recorded));
	tcase_add_test(t, our_offer_is_written_as_chromium_writes_its_own);
	tcase_add_test(t, an_offer_comes_back_with_all_that_was_said);
	tcase_add_test(t, an_answer_rejects_media_in_its_place);
	tcase_add_test(t, the_old_form_is_answered_in_kind);
	tcase_add_test(t, no_text_of_the_caller_adds_a_line);
	tcase_add_test(t, the_seeds_of_others_never_crash);
	suite_add_tcase(s, t);
	return s;
}
