/* SPDX-License-Identifier: MIT */
/* The runner of all unit suites: `unit [SUITE]`; ends with "N passed, N failed". */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.h"
#undef SUITE

static const struct {
	const char *name;
	Suite *(*get)(void);
} suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.h"
#undef SUITE
};

int main(int argc, char **argv)
{
	/* Check's own 4 s are a wall clock's: this is only there to end a test that hangs. */
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	SRunner *runner = srunner_create(NULL);
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		if (argc < 2 || strcmp(argv[1], suites[i].name) == 0)
			srunner_add_suite(runner, suites[i].get());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner), passed = srunner_ntests_run(runner) - failed;
	srunner_free(runner);
	printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
